/* SPDX-License-Identifier: MIT */
/* s2-migrate: what dirty logging flushes, by range and by VMID. */
#include <errno.h>

#include "study/migrate.h"
#include "study/migrate_notes.h"
#include "study/program.h"

static const char *const localities[] = {"spread", "random", "dense", NULL};
static const char *const counts[] = {"clear", "log", "all", NULL};

static const struct s2_option options[] = {
	{.name = "slot",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct s2_migrate, slot),
	 .arg = "SIZE",
	 .value = "64G",
	 .min = 4096,
	 .group = "The guest",
	 .help = "its memory, one slot"},
	{.name = "backing",
	 .kind = S2_OPTION_PAGES,
	 S2_FIELD(struct s2_migrate, backing),
	 .arg = "SIZE",
	 .value = "1p",
	 .help = "size of the host's pages behind it, and so of stage-2 mappings"},
	{.name = "ipa-bits",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_migrate, ipa_bits),
	 .arg = "N",
	 .value = "0",
	 .max = 52,
	 .help = "IPA size of the VM; 0: 40, or what the slot needs"},
	{.name = "vcpus",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_migrate, vcpus),
	 .arg = "N",
	 .value = "8",
	 .min = 1,
	 .max = S2_MAX_VCPUS,
	 .help = "virtual CPUs, all running"},
	{.name = "dirty",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_migrate, dirty),
	 .arg = "PAGES",
	 .value = "1024",
	 .help = "pages written in a round"},
	{.name = "run",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_migrate, run),
	 .arg = "PAGES",
	 .value = "1",
	 .help = "of them, so many side by side"},
	{.name = "locality",
	 .kind = S2_OPTION_CHOICE,
	 S2_FIELD(struct s2_migrate, locality),
	 .choices = localities,
	 .value = "spread",
	 .help = "where: spread evenly, random by the seed, dense from the slot's start"},
	{.name = "working-set",
	 .kind = S2_OPTION_SIZE,
	 S2_FIELD(struct s2_migrate, working_set),
	 .arg = "SIZE",
	 .value = "64M",
	 .help = "memory that each vcpu uses between two clears"},
	{.name = "outside",
	 .kind = S2_OPTION_REAL,
	 S2_FIELD(struct s2_migrate, outside),
	 .arg = "SHARE",
	 .value = "0.1",
	 .help = "of it in other slots, 0 to 1"},
	{.name = "chunk",
	 .kind = S2_OPTION_PAGES,
	 S2_FIELD(struct s2_migrate, chunk),
	 .arg = "SIZE",
	 .value = "1G",
	 .group = "The VMM",
	 .help = "what one KVM_CLEAR_DIRTY_LOG covers; QEMU: 1G"},
	{.name = "rounds",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_migrate, rounds),
	 .arg = "N",
	 .value = "1",
	 .max = 1000000,
	 .help = "write, get the log, clear it"},
	{.name = "manual",
	 .kind = S2_OPTION_FLAG,
	 S2_FIELD(struct s2_migrate, manual),
	 .value = "on",
	 .help = "manual protect: clear by chunks; else getting the log clears all of it"},
	{.name = "initially-set",
	 .kind = S2_OPTION_FLAG,
	 S2_FIELD(struct s2_migrate, initially_set),
	 .help = "all pages dirty at first: starting is free, a first pass clears every chunk"},
	{.name = "split",
	 .kind = S2_OPTION_PAGES,
	 S2_FIELD(struct s2_migrate, split),
	 .arg = "SIZE",
	 .value = "0",
	 .help = "eager split chunk; 0: blocks are split by faults"},
	{.name = "tlb",
	 .kind = S2_OPTION_U64,
	 S2_FIELD(struct s2_migrate, tlb),
	 .arg = "N",
	 .value = "1280",
	 .max = 1 << 20,
	 .group = "What it costs",
	 .help = "translations that a vcpu's TLB holds (a choice)"},
	{.name = "ratio",
	 .kind = S2_OPTION_REAL,
	 S2_FIELD(struct s2_migrate, ratio),
	 .arg = "X",
	 .value = "0.01",
	 .help = "of a refill to a flush sequence; no source gives it"},
	{.name = "range-op",
	 .kind = S2_OPTION_REAL,
	 S2_FIELD(struct s2_migrate, range_op),
	 .arg = "X",
	 .value = "0.1",
	 .help = "of a further TLBI in a call to a flush sequence; no source gives it"},
	{.name = "count",
	 .kind = S2_OPTION_CHOICE,
	 S2_FIELD(struct s2_migrate, count),
	 .choices = counts,
	 .value = "clear",
	 .apart = true,
	 .help = "operations reported: clear (get and clear), log (and start), all (and faults)"},
};

/* What a policy sets in a flavour. */
struct flush_policy {
	enum s2_range_calls range;
	enum s2_clear_flush clear;
};

static const struct flush_policy data[] = {
	{S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SLOT},  {S2_RANGE_ONE_CALL, S2_CLEAR_FLUSH_SLOT},
	{S2_RANGE_VMID_ABOVE, S2_CLEAR_FLUSH_SLOT}, {S2_RANGE_VMID_ALWAYS, S2_CLEAR_FLUSH_SLOT},
	{S2_RANGE_PER_CHUNK, S2_CLEAR_FLUSH_SPAN},  {S2_RANGE_BY_COST, S2_CLEAR_FLUSH_SLOT},
	{S2_RANGE_BY_COST, S2_CLEAR_FLUSH_ROUND},   {S2_RANGE_ONE_CALL, S2_CLEAR_FLUSH_ROUND},
};

static const struct s2_policy policies[] = {
	{"upstream", "the slot, a full call for each 2^21 pages", 0, &data[0]},
	{"one-call", "the slot, one call with the loop inside (title of the 2026 RFC)", 1,
	 &data[1]},
	{"vmid-above", "the slot, or the VMID above 2^21 pages (its body)", 2, &data[2]},
	{"vmid", "the whole VMID always, as without FEAT_TLBIRANGE", 3, &data[3]},
	{"span", "from the first to the last page cleared, by range", 4, &data[4]},
	{"round", "the span, grown to what one range TLBI names, in one call", 7, &data[7]},
	{"by-cost", "the slot in one call or the VMID, by --ratio and --range-op", 5, &data[5]},
	{"round-by-cost", "round or the VMID, by the same", 6, &data[6]},
};

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
	if (run->policy->id == 0 || (run->features->tlbirange && run->flavour->range_flush))
		return 0;
	s2_error_set(err, 1,
		     "no range TLBI in this machine or flavour, every flush is of the VMID");
	return -EOPNOTSUPP;
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
	s2_result_measure(result, "lock_hold_max", "operations", (double)c->longest_lock);
	return s2_result_verdict(result, "dirty-log", S2_UNCHECKED, 0, NULL);
}

static int run(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	const struct flush_policy *policy = run->policy->data;
	struct s2_migrate mig = *(const struct s2_migrate *)run->settings;
	struct s2_flavour flavour = *run->flavour;
	struct s2_migrate_cost cost;
	int ret;

	mig.seed = run->seed;
	flavour.range_calls = policy->range;
	flavour.clear_flush = policy->clear;
	flavour.costs = s2_migrate_costs(&mig, run->features, policy->clear != S2_CLEAR_FLUSH_SLOT);
	ret = s2_migrate_run(&mig, run->features, &flavour, &cost, err);
	return ret ? ret : measure(&cost, result);
}

static const struct s2_program program = {
	.name = "s2-migrate",
	.summary = "dirty logging and range TLBI",
	.about = "KVM_CLEAR_DIRTY_LOG flushes the whole memory slot, however little it cleared: "
		 "with FEAT_TLBIRANGE by a full call for each 8 GiB.  This migrates a guest and "
		 "counts what each policy flushes, and bounds what the guest must walk for again.",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.settings_size = sizeof(struct s2_migrate),
	.policies = policies,
	.n_policies = sizeof(policies) / sizeof(policies[0]),
	.workloads = workloads,
	.n_workloads = sizeof(workloads) / sizeof(workloads[0]),
	.examples = examples,
	.n_examples = sizeof(examples) / sizeof(examples[0]),
	.machine = "neoverse-n2",
	.flavour = "newest",
	.metric = "work",
	.sweep = "working-set=1M,64M,chunk=64p,16M,1G,slot=1G..4T*4,ratio=0.0001..1*10",
	.check = check,
	.applies = applies,
	.run = run,
	.notes = s2_migrate_notes,
};

int main(int argc, char **argv)
{
	return s2_program_main(&program, argc, argv, stdout, stderr);
}
