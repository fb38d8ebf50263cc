/* SPDX-License-Identifier: MIT */
/* s2-migrate: what dirty logging flushes, by range and by VMID. */
#include <errno.h>

#include "study/work/migrate.h"
#include "study/work/migrate_notes.h"
#include "study/option/vm_options.h"

#include "programs.h"

static const char *const localities[] = {"spread", "random", "dense", NULL};
static const char *const refill_ways[] = {"bound", "tlb", NULL};
static const char *const counts[] = {"clear", "log", "all", NULL};

#define FIELD(field)		 S2_FIELD(struct s2_migrate, field)
#define OPTION(kind, field, ...) S2_ROW(kind, FIELD(field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(SIZE, slot, "slot", "SIZE", "64G", "its memory, one slot", .min = 4096,
	       .group = "The guest"),
	S2_ROW_BACKING(FIELD(backing), "1p"),
	OPTION(U64, ipa_bits, "ipa-bits", "N", "0",
	       "IPA size of the VM; 0: 40, or what the slot needs", .max = 52),
	S2_ROW_VCPUS(FIELD(vcpus), "8", "virtual CPUs, all running"),
	OPTION(U64, dirty, "dirty", "PAGES", "1024", "pages written in a round"),
	OPTION(FLAG, mapped, "mapped", NULL, NULL,
	       "all of its memory is mapped before; else what is dirtied"),
	OPTION(U64, run, "run", "PAGES", "1", "of them, so many side by side"),
	OPTION(U64, reads, "reads", "PAGES", "0",
	       "read behind each run, by the vcpu that wrote it"),
	OPTION(CHOICE, locality, "locality", NULL, "spread",
	       "where: spread evenly, random by the seed (runs may overlap), dense from the slot's start",
	       .choices = localities),
	OPTION(SIZE, working_set, "working-set", "SIZE", "64M",
	       "memory that each vcpu uses between two clears"),
	OPTION(REAL, outside, "outside", "SHARE", "0.1", "of it in other slots, 0 to 1"),
	OPTION(PAGES, chunk, "chunk", "SIZE", "1G", "what one KVM_CLEAR_DIRTY_LOG covers; QEMU: 1G",
	       .group = "The VMM"),
	OPTION(U64, rounds, "rounds", "N", "1", "write, get the log, clear it", .max = 1000000),
	OPTION(FLAG, manual, "manual", NULL, "on",
	       "manual protect: clear by chunks; else getting the log clears all of it"),
	OPTION(FLAG, initially_set, "initially-set", NULL, NULL,
	       "all pages dirty at first: starting is free, a first pass clears every chunk"),
	OPTION(PAGES, split, "split", "SIZE", "0",
	       "eager split chunk; 0: blocks are split by faults"),
	OPTION(U64, tlb, "tlb", "N", "1280", "translations that a vcpu's TLB holds (a choice)",
	       .min = 1, .max = 1 << 17, .group = "What it costs"),
	OPTION(CHOICE, refills_by, "refills", NULL, "bound",
	       "bound: all that the TLB can have held; tlb: counted in a TLB of 4 to 8 ways",
	       .choices = refill_ways),
	OPTION(REAL, ratio, "ratio", "X", "0.01",
	       "of a refill to a flush sequence; no source gives it"),
	OPTION(REAL, range_op, "range-op", "X", "0.1",
	       "of a further TLBI in a call to a flush sequence; no source gives it"),
	OPTION(CHOICE, count, "count", NULL, "clear",
	       "operations reported: clear (get and clear), log (and start), all (and faults)",
	       .choices = counts, .apart = true),
};

/* What a policy sets in a flavour. */
struct flush_policy {
	enum s2_range_calls range;
	enum s2_clear_flush clear;
};

#define FLUSH(calls, of) (&(const struct flush_policy){S2_RANGE_##calls, S2_CLEAR_FLUSH_##of})

static const struct s2_policy policies[] = {
	{"upstream", "the slot, a full call for each 2^21 pages", 0, FLUSH(PER_CHUNK, SLOT)},
	{"one-call", "the slot, one call with the loop inside (title of the 2026 RFC)", 1,
	 FLUSH(ONE_CALL, SLOT)},
	{"vmid-above", "the slot, or the VMID above 2^21 pages (its body)", 2,
	 FLUSH(VMID_ABOVE, SLOT)},
	{"vmid", "the whole VMID always, as without FEAT_TLBIRANGE", 3, FLUSH(VMID_ALWAYS, SLOT)},
	{"span", "from the first to the last page cleared, by range", 4, FLUSH(PER_CHUNK, SPAN)},
	{"round", "the span, grown to what one range TLBI names, in one call", 5,
	 FLUSH(ONE_CALL, ROUND)},
	{"by-cost", "the slot in one call or the VMID, by --ratio and --range-op", 6,
	 FLUSH(BY_COST, SLOT)},
	{"round-by-cost", "round or the VMID, by the same", 7, FLUSH(BY_COST, ROUND)},
};

/* The four ways of tracking that VMMs choose from. */
#define TRACKED "slot=16G dirty=41944 mapped=on "

/* A page written in each block, and the rest of it read. */
#define SPLIT "slot=2G backing=2M mapped=on dirty=1024 reads=511 "

static const struct s2_workload workloads[] = {
	{"clear", "64 GiB, a dirty page in each 64 pages' reach of a clear", NULL, 0, NULL},
	{"measured", "64 GiB, 64 chunks of 64 pages cleared: as counted on real hosts",
	 "dirty=64 chunk=64p", 0, NULL},
	{"qemu", "1 TiB, initially set, chunks of 1 GiB", "slot=1T initially-set=on", 0, NULL},
	{"blocks", "64 GiB of 2 MiB pages, split by faults", "backing=2M", 0, NULL},
	{"eager", "the same, split when logging starts", "backing=2M split=2M", 0, NULL},
	{"thread", "2.5 TiB, the slot that the 2026 profile's ratio suggests", "slot=2560G", 0,
	 NULL},
	{"get", "no manual protect: one clear a round", "manual=off", 0, NULL},
	{"track-get", "16 GiB, all mapped, 1 % written again: the log got, and so cleared whole",
	 TRACKED "manual=off", 0, NULL},
	{"track-chunk", "the same, got, then cleared by chunks of 1 GiB", TRACKED "chunk=1G", 0,
	 NULL},
	{"track-slot", "the same, got, then cleared in one piece", TRACKED "chunk=16G", 0, NULL},
	{"track-set", "the same, initially set, cleared by chunks of 1 GiB",
	 TRACKED "chunk=1G initially-set=on", 0, NULL},
	{"split-fault", "2 GiB of 2 MiB pages, each written once and read: split by faults",
	 SPLIT "split=0", 0, NULL},
	{"split-start", "the same, split when logging starts", SPLIT "split=2M", 0, NULL},
	{"split-clear", "the same, initially set, split by each clear of 1 GiB",
	 SPLIT "split=2M initially-set=on", 0, NULL},
};

static const struct s2_example examples[] = {
	{"--workload measured", "64 clears: 512 range flushes with TLBIRANGE"},
	{"--workload measured --machine neoverse-n2,-tlbirange", "and 64 of the VMID without"},
	{"--sweep default", "which policy is cheapest where"},
	{"--sweep slot=1G..4T*4,ratio=0.0001..1*10 --plot map.svg", "the same as a map"},
};

static int check(const struct s2_run *run, struct s2_error *err)
{
	return s2_migrate_check(run->settings, run->features, run->flavour, err);
}

static int applies(const struct s2_run *run, struct s2_error *err)
{
	if (run->policy->id == 0 || s2_run_as_is(run) || (run->features->tlbirange && run->flavour->range_flush))
		return 0;
	s2_error_set(err, 1,
		     "no range TLBI in this machine or flavour, every flush is of the VMID");
	return -EOPNOTSUPP;
}

/* A call of a range has one TLBI in its cost; what a longer one issues besides has none. */
static int estimate(const struct s2_migrate_cost *c, struct s2_result *result)
{
	const uint64_t whole = c->ops.n[S2_OP_TLBI_VMALLS12E1IS];
	const uint64_t ranges = c->calls > whole ? c->calls - whole : 0;
	const uint64_t by_address =
		c->ops.n[S2_OP_TLBI_RIPAS2E1IS] + c->ops.n[S2_OP_TLBI_IPAS2E1IS];
	struct s2_bill flushing = {.seq = {[S2_SEQ_FLUSH_VMID] = (double)whole,
					   [S2_SEQ_FLUSH_RANGE] = (double)ranges}};

	if (by_address > ranges)
		flushing.ops.n[S2_OP_TLBI_RIPAS2E1IS] = by_address - ranges;
	return s2_result_part(result, "flush_time", "flushing", &flushing);
}

static int measure(const struct s2_migrate_cost *c, struct s2_result *result)
{
	result->ops = c->ops;
	s2_result_measure(result, "clears", "ioctls", (double)c->clears);
	s2_result_measure(result, "flush_calls", NULL, (double)c->calls);
	s2_result_measure(result, "split_flushes", NULL, (double)c->split_calls);
	s2_result_measure(result, "fault_flushes", NULL, (double)c->fault_calls);
	s2_result_measure(result, "flush_work", "flush sequences", c->flush_work);
	s2_result_measure(result, "refills", "translations", c->refills);
	s2_result_measure(result, "work", "flush sequences", c->work);
	s2_result_measure(result, "start_writes", NULL, (double)c->start_writes);
	s2_result_measure(result, "start_hold_max", "operations", (double)c->start_lock);
	s2_result_measure(result, "protects", NULL, (double)c->protects);
	s2_result_measure(result, "faults", NULL, (double)c->faults);
	s2_result_measure(result, "read_faults", NULL, (double)c->read_faults);
	s2_result_measure(result, "vcpu_flushes", NULL, (double)c->vcpu_flushes);
	s2_result_measure(result, "vcpu_flushes_max", NULL, (double)c->vcpu_flushes_max);
	s2_result_measure(result, "lock_hold_max", "operations", (double)c->longest_lock);
	return estimate(c, result);
}

static const struct s2_question questions[] = {
	{"dirty-log", 1U << S2_RULE_DIRTY_LOG, 0},
	{"isolation", S2_RULES_OF_ISOLATION, 1U << S2_CONTRACT_ISOLATION},
};

struct job {
	struct s2_migrate mig;
	const struct s2_features *features;
	struct s2_flavour flavour;
	struct s2_migrate_cost cost;
};

static int run_job(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	struct job *job = arg;

	job->mig.judge = judge;
	return s2_migrate_run(&job->mig, job->features, &job->flavour, &job->cost, err);
}

static int run(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	const struct flush_policy *policy = run->policy->data;
	struct job job = {.mig = *(const struct s2_migrate *)run->settings,
			  .features = run->features,
			  .flavour = *s2_run_flavour(run)};
	const struct s2_judged judged = {run_job, &job, questions,
					 sizeof(questions) / sizeof(questions[0])};
	int ret;

	job.mig.seed = run->seed;
	if (policy) {
		job.flavour.range_calls = policy->range;
		job.flavour.clear_flush = policy->clear;
		job.flavour.costs = s2_migrate_costs(&job.mig, run->features,
						     policy->clear != S2_CLEAR_FLUSH_SLOT);
	}
	if (run->log)
		return s2_judge_log(run->log, &judged, err);
	ret = run_job(&job, NULL, err);
	if (!ret)
		ret = measure(&job.cost, result);
	return ret ? ret : s2_judge_verdicts((enum s2_check_when)run->check, &judged, result, err);
}

const struct s2_program s2_migrate_program = {
	.name = "s2-migrate",
	.summary = "dirty logging and range TLBI",
	.about = "KVM_CLEAR_DIRTY_LOG flushes the whole memory slot, however little it cleared: "
		 "with FEAT_TLBIRANGE by a full call for each 8 GiB.  This migrates a guest and "
		 "counts what each policy flushes, and bounds what the guest must walk for again.",
	S2_PROGRAM_TABLES(struct s2_migrate),
	.machine = "neoverse-n2",
	.flavour = "newest",
	.metric = "work",
	.thread = "migrate-2026",
	.sweep = "working-set=1M,64M,chunk=64p,16M,1G,slot=1G..4T*4,ratio=0.0001..1*10",
	.judged = true,
	.check = check,
	.applies = applies,
	.run = run,
	.notes = s2_migrate_notes,
};
