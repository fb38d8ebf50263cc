/* SPDX-License-Identifier: MIT */
/* s2-boot: what the cache toggles of a booting guest make the host clean. */
#include <errno.h>

#include "study/work/boot.h"
#include "study/work/boot_notes.h"
#include "study/option/vm_options.h"

#include "programs.h"

static const char *const orders[] = {"ascending", "descending", "random", NULL};
static const char *const guests[] = {"linux64", "setway32", NULL};
static const char *const thens[] = {"nothing", "kexec", "kdump", "replug", "reboot", NULL};

#define FIELD(field)		 S2_FIELD(struct s2_boot, field)
#define OPTION(kind, field, ...) S2_ROW(kind, FIELD(field), __VA_ARGS__)

static const struct s2_option options[] = {
	S2_ROW_VCPUS(FIELD(vcpus), "64", "virtual CPUs, each on a host CPU of its own",
		     .group = "The guest"),
	S2_ROW_MEMORY(FIELD(memory), "128G", .group = NULL),
	S2_ROW_BACKING(FIELD(backing), "2M"),
	S2_ROW_IPA_BITS(FIELD(ipa_bits)),
	OPTION(CHOICE, guest, "guest", NULL, "linux64",
	       "linux64 maintains caches by VA; setway32 has a decompressor and cleans by set/way",
	       .choices = guests),
	OPTION(STRING, touched, "touched", "WHAT", "linux",
	       "before the others come up: linux (kernel, initramfs, struct pages), all, or a size",
	       .group = "What it touches"),
	OPTION(SIZE, stride, "stride", "SIZE", "0",
	       "with --touched SIZE: one 4K page every so far; 0: one after another"),
	OPTION(SIZE, kernel, "kernel", "SIZE", "32M", "its kernel image"),
	OPTION(SIZE, initramfs, "initramfs", "SIZE", "32M", "its initramfs"),
	OPTION(SIZE, early, "early", "SIZE", "2M",
	       "of the kernel: touched before the first vcpu's caches are on"),
	OPTION(SIZE, per_vcpu, "per-vcpu", "SIZE", "256K",
	       "touched for each further vcpu before it comes up: stack, per-CPU area"),
	OPTION(U64, first, "first", "N", "0", "vcpu that boots first", .group = "In which order"),
	OPTION(CHOICE, order, "order", NULL, "ascending", "in which the others come up",
	       .choices = orders),
	OPTION(CHOICE, then, "then", NULL, "nothing", "what follows the boot", .choices = thens),
	OPTION(U64, then_vcpu, "then-vcpu", "N", "0", "vcpu that does the kexec or kdump"),
	OPTION(U64, vm_regs, "vm-regs", "N", "13",
	       "VM register writes of a vcpu's first enabling, the toggle being the last", .min = 1,
	       .max = 1000000, .group = "What traps"),
	OPTION(U64, vm_writes, "vm-writes", "N", "2000",
	       "of each vcpu once all are up, as context switches do: TTBR0_EL1, TTBR1_EL1",
	       .max = 1000000000),
	OPTION(U64, set_way, "set-way", "N", "17408",
	       "DC operations of one clean by set/way: 64K of L1 and 1M of L2, 64 bytes a line",
	       .max = 1000000),
};

#define FWB 1000

static const struct s2_policy policies[] = {
	{"every", "the whole VM at every trapped toggle (upstream)", S2_TOGGLE_EVERY, NULL},
	{"never", "nothing", S2_TOGGLE_NEVER, NULL},
	{"vcpu0", "the whole VM, at vcpu 0's toggles only (the 2025 RFC)", S2_TOGGLE_VCPU0, NULL},
	{"first-last", "the first vcpu on and the last off, with today's traps",
	 S2_TOGGLE_FIRST_LAST, NULL},
	{"first-last-tvm", "the same with TVM kept: every toggle is seen, every VM register traps",
	 S2_TOGGLE_FIRST_LAST_TVM, NULL},
	{"first-last-fgt", "the same with FEAT_FGT: only SCTLR_EL1 traps", S2_TOGGLE_FIRST_LAST_FGT,
	 NULL},
	{"since-flush", "what was mapped since the last whole clean", S2_TOGGLE_SINCE_FLUSH, NULL},
	{"fwb", "none, on the same machine with FEAT_S2FWB", FWB, NULL},
};

static const struct s2_workload workloads[] = {
	{"boot", "64 vcpus, 128 GiB of 2 MiB pages: the 2025 thread", NULL, 0, NULL},
	{"late-vcpu0", "the same, vcpu 0 being the last to come up", "first=1 order=descending", 0,
	 NULL},
	{"all-touched", "the same, every page touched", "touched=all", 0, NULL},
	{"pages", "4 KiB backing, where the walk itself counts", "backing=4K", 0, NULL},
	{"giant", "1 GiB backing: few bytes touched, much mapped", "backing=1G", 0, NULL},
	{"kexec", "boot, then kexec on vcpu 1", "then=kexec then-vcpu=1", 0, NULL},
	{"kdump", "boot, then the crash kernel on vcpu 1", "then=kdump then-vcpu=1", 0, NULL},
	{"replug", "boot, then every vcpu but the first off and on", "then=replug", 0, NULL},
	{"reboot", "boot, vcpu reset, boot", "then=reboot", 0, NULL},
	{"setway", "a 32-bit style guest of 2 GiB and 4 vcpus",
	 "guest=setway32 vcpus=4 memory=2G kernel=16M initramfs=16M", 0, NULL},
	{"small", "4 vcpus, 2 GiB", "vcpus=4 memory=2G", 0, NULL},
};

static const struct s2_example examples[] = {
	{"--vcpus 64 --memory 128G --backing 2M", "the 2025 thread: cache cleaning of a boot"},
	{"--profile d05", "the same with the cost of a line measured in 2019: 33 s -> 5 s?"},
	{"--workload kexec,kdump,replug", "what today's traps do not see"},
	{"--sweep vcpus=1..512,memory=4G..512G --metric toggle_lines", "who cleans least where"},
};

static int check(const struct s2_run *run, struct s2_error *err)
{
	return s2_boot_check(run->settings, run->features, run->flavour, err);
}

static int applies(const struct s2_run *run, struct s2_error *err)
{
	if (!run->features->fwb || run->policy->id == FWB)
		return 0;
	s2_error_set(err, 1, "the machine has FWB, so that no toggle traps");
	return -EOPNOTSUPP;
}

static int measure(const struct s2_boot_cost *cost, struct s2_result *result)
{
	struct s2_bill toggles = {.seq = {0}};

	result->ops = cost->ops;
	s2_result_measure(result, "toggle_lines", "lines", (double)cost->toggle_lines);
	s2_result_measure(result, "cleans", NULL, (double)cost->cleans);
	s2_result_measure(result, "mapped", "bytes", (double)cost->mapped);
	s2_result_measure(result, "lock_hold_max", "operations", (double)cost->longest_lock);
	toggles.ops.n[S2_OP_DC_CIVAC] = cost->toggle_lines;
	return s2_result_part(result, "toggle_time", "cleaning", &toggles);
}

/* What a guest may count on; isolation is also every rule about translations. */
static const struct s2_question questions[] = {
	{"isolation", S2_RULES_OF_ISOLATION, 1U << S2_CONTRACT_ISOLATION},
	{"arch", 0, 1U << S2_CONTRACT_ARCH},
	{"bare-metal", 0, 1U << S2_CONTRACT_BARE_METAL},
	{"kvm-compat", 0, 1U << S2_CONTRACT_KVM_COMPAT},
	{"kvm-compat-any", 0, 1U << S2_CONTRACT_KVM_COMPAT_ANY},
};

struct job {
	struct s2_boot boot;
	const struct s2_features *features;
	struct s2_flavour flavour;
	struct s2_boot_cost cost;
};

static int run_job(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	struct job *job = arg;

	job->boot.judge = judge;
	return s2_boot_run(&job->boot, job->features, &job->flavour, &job->cost, err);
}

static int run(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	struct job job = {.boot = *(const struct s2_boot *)run->settings,
			  .features = run->features,
			  .flavour = *s2_run_flavour(run)};
	const struct s2_judged judged = {run_job, &job, questions,
					 sizeof(questions) / sizeof(questions[0])};
	int ret;

	job.boot.seed = run->seed;
	job.boot.fwb = run->policy->id == FWB;
	if (!job.boot.fwb && !s2_run_as_is(run))
		job.flavour.toggle = (enum s2_toggle)run->policy->id;
	if (run->log)
		return s2_judge_log(run->log, &judged, err);
	ret = run_job(&job, NULL, err);
	if (!ret)
		ret = measure(&job.cost, result);
	return ret ? ret : s2_judge_verdicts((enum s2_check_when)run->check, &judged, result, err);
}

const struct s2_program s2_boot_program = {
	.name = "s2-boot",
	.summary = "cache toggles of a booting guest",
	.about = "Without FEAT_S2FWB, KVM cleans all of a guest's mapped memory to the point of "
		 "coherency whenever it sees a vcpu turn its caches on or off.  This boots a guest "
		 "and counts what each policy cleans and traps, line by line.",
	S2_PROGRAM_TABLES(struct s2_boot),
	.machine = "neoverse-n1",
	.flavour = "newest",
	.metric = "toggle_lines",
	.thread = "boot-2025",
	.sweep = "vcpus=1..512,memory=4G..512G",
	.judged = true,
	.check = check,
	.applies = applies,
	.run = run,
	.notes = s2_boot_notes,
};
