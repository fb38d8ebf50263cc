/* SPDX-License-Identifier: MIT */
/* s2-boot: what the cache toggles of a booting guest make the host clean. */
#include <errno.h>

#include "study/boot.h"
#include "study/boot_notes.h"
#include "study/program.h"

static const char *const orders[] = {"ascending", "descending", "random", NULL};
static const char *const guests[] = {"linux64", "setway32", NULL};
static const char *const thens[] = {"nothing", "kexec", "kdump", "replug", "reboot", NULL};

static const struct s2_option options[] = {
	{.name = "vcpus",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_boot, vcpus),
	 .arg = "N",
	 .value = "64",
	 .min = 1,
	 .max = S2_MAX_VCPUS,
	 .group = "The guest",
	 .help = "virtual CPUs, each on a host CPU of its own"},
	{.name = "memory",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct s2_boot, memory),
	 .arg = "SIZE",
	 .value = "128G",
	 .min = 4096,
	 .help = "memory, from 1 GiB on"},
	{.name = "backing",
	 .kind = S2_OPTION_PAGES,
	 S2_FIELD(struct s2_boot, backing),
	 .arg = "SIZE",
	 .value = "2M",
	 .help = "size of the host's pages behind it, and so of stage-2 mappings"},
	{.name = "ipa-bits",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_boot, ipa_bits),
	 .arg = "N",
	 .value = "40",
	 .min = 32,
	 .max = 52,
	 .help = "IPA size of the VM"},
	{.name = "guest",
	 .kind = S2_OPTION_CHOICE,
	 S2_FIELD(struct s2_boot, guest),
	 .choices = guests,
	 .value = "linux64",
	 .help = "linux64 maintains caches by VA; setway32 has a decompressor and cleans by set/way"},
	{.name = "touched",
	 .kind = S2_OPTION_STRING,
	 S2_FIELD(struct s2_boot, touched),
	 .arg = "WHAT",
	 .value = "linux",
	 .group = "What it touches",
	 .help = "before the others come up: linux (kernel, initramfs, struct pages), all, or a "
		 "size"},
	{.name = "stride",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct s2_boot, stride),
	 .arg = "SIZE",
	 .value = "0",
	 .help = "with --touched SIZE: one 4K page every so far; 0: one after another"},
	{.name = "kernel",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct s2_boot, kernel),
	 .arg = "SIZE",
	 .value = "32M",
	 .help = "its kernel image"},
	{.name = "initramfs",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct s2_boot, initramfs),
	 .arg = "SIZE",
	 .value = "32M",
	 .help = "its initramfs"},
	{.name = "early",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct s2_boot, early),
	 .arg = "SIZE",
	 .value = "2M",
	 .help = "of the kernel: touched before the first vcpu's caches are on"},
	{.name = "per-vcpu",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct s2_boot, per_vcpu),
	 .arg = "SIZE",
	 .value = "256K",
	 .help = "touched for each further vcpu before it comes up: stack, per-CPU area"},
	{.name = "first",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_boot, first),
	 .arg = "N",
	 .value = "0",
	 .group = "In which order",
	 .help = "vcpu that boots first"},
	{.name = "order",
	 .kind = S2_OPTION_CHOICE,
	 S2_FIELD(struct s2_boot, order),
	 .choices = orders,
	 .value = "ascending",
	 .help = "in which the others come up"},
	{.name = "then",
	 .kind = S2_OPTION_CHOICE,
	 S2_FIELD(struct s2_boot, then),
	 .choices = thens,
	 .value = "nothing",
	 .help = "what follows the boot"},
	{.name = "then-vcpu",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_boot, then_vcpu),
	 .arg = "N",
	 .value = "0",
	 .help = "vcpu that does the kexec or kdump"},
	{.name = "vm-regs",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_boot, vm_regs),
	 .arg = "N",
	 .value = "13",
	 .min = 1,
	 .max = 1000000,
	 .group = "What traps",
	 .help = "VM register writes of a vcpu's first enabling, the toggle being the last"},
	{.name = "vm-writes",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_boot, vm_writes),
	 .arg = "N",
	 .value = "2000",
	 .max = 1000000000,
	 .help = "of each vcpu once all are up, as context switches do: TTBR0_EL1, TTBR1_EL1"},
	{.name = "set-way",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_boot, set_way),
	 .arg = "N",
	 .value = "17408",
	 .max = 1000000,
	 .help = "DC operations of one clean by set/way: 64K of L1 and 1M of L2, 64 bytes a line"},
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
	return s2_boot_check(run->settings, run->features, err);
}

static int applies(const struct s2_run *run, struct s2_error *err)
{
	if (!run->features->fwb || run->policy->id == FWB)
		return 0;
	s2_error_set(err, 1, "the machine has FWB, so that no toggle traps");
	return -EOPNOTSUPP;
}

static int measure(const struct s2_run *run, const struct s2_boot_cost *cost,
		   struct s2_result *result)
{
	const struct s2_profile *profile = run->profile;

	result->ops = cost->ops;
	s2_result_measure(result, "toggle_lines", "lines", (double)cost->toggle_lines);
	s2_result_measure(result, "cleans", NULL, (double)cost->cleans);
	s2_result_measure(result, "mapped", "bytes", (double)cost->mapped);
	s2_result_measure(result, "lock_hold_max", "operations", (double)cost->longest_lock);
	if (profile && profile->op[S2_OP_DC_CIVAC].known)
		s2_result_measure(result, "toggle_time", "ns",
				  (double)cost->toggle_lines * profile->op[S2_OP_DC_CIVAC].ns);
	s2_result_verdict(result, "arch", S2_UNCHECKED, 0, NULL);
	s2_result_verdict(result, "bare-metal", S2_UNCHECKED, 0, NULL);
	return s2_result_verdict(result, "kvm-compat", S2_UNCHECKED, 0, NULL);
}

static int run(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	struct s2_boot boot = *(const struct s2_boot *)run->settings;
	struct s2_flavour flavour = *run->flavour;
	struct s2_boot_cost cost;
	int ret;

	boot.seed = run->seed;
	boot.fwb = run->policy->id == FWB;
	if (!boot.fwb)
		flavour.toggle = (enum s2_toggle)run->policy->id;
	ret = s2_boot_run(&boot, run->features, &flavour, &cost, err);
	return ret ? ret : measure(run, &cost, result);
}

static const struct s2_program program = {
	.name = "s2-boot",
	.summary = "cache toggles of a booting guest",
	.about = "Without FEAT_S2FWB, KVM cleans all of a guest's mapped memory to the point of "
		 "coherency whenever it sees a vcpu turn its caches on or off.  This boots a guest "
		 "and counts what each policy cleans and traps, line by line.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.settings_size = sizeof(struct s2_boot),
	.policies = policies,
	.n_policies = sizeof(policies) / sizeof(policies[0]),
	.workloads = workloads,
	.n_workloads = sizeof(workloads) / sizeof(workloads[0]),
	.examples = examples,
	.n_examples = sizeof(examples) / sizeof(examples[0]),
	.machine = "neoverse-n1",
	.flavour = "newest",
	.metric = "toggle_lines",
	.sweep = "vcpus=1..512,memory=4G..512G",
	.check = check,
	.applies = applies,
	.run = run,
	.notes = s2_boot_notes,
};

int main(int argc, char **argv)
{
	return s2_program_main(&program, argc, argv, stdout, stderr);
}
