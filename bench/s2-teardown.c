/* SPDX-License-Identifier: MIT */
/* s2-teardown: what taking down a dying VM's stage 2 issues. */
#include <inttypes.h>

#include "study/work/teardown.h"
#include "study/option/vm_options.h"

#include "programs.h"

static const char *const deaths[] = {"close", "exit", "munmap", "slot-delete", NULL};
static const char *const lives[] = {"dies", "shared", NULL};
static const char *const agents[] = {"cpu", "coherent", "device", "dma", NULL};
static const char *const heirs[] = {"nobody", "vm", "host", NULL};

#define FIELD(field)		 S2_FIELD(struct s2_dying, field)
#define OPTION(kind, field, ...) S2_ROW(kind, FIELD(field), __VA_ARGS__)

static const struct s2_option options[] = {
	S2_ROW_MEMORY(FIELD(memory), "64G", .group = "The VM"),
	S2_ROW_BACKING(FIELD(backing), "1p"),
	OPTION(PAGES, every, "every", "SIZE", "0",
	       "one page of --backing is mapped in each so much memory; 0: all are"),
	S2_ROW_IPA_BITS(FIELD(ipa_bits)),
	OPTION(CHOICE, life, "life", NULL, "dies",
	       "whether memory dies with its mapping, or is shared and outlives it",
	       .choices = lives),
	S2_ROW_VCPUS(FIELD(vcpus), "4", "vcpus that ran, each on a CPU of its own"),
	OPTION(CHOICE, death, "death", NULL, "close",
	       "the VM is closed, its process exits, or its memory is unmapped or its slot deleted first",
	       .choices = deaths, .group = "How it dies"),
	OPTION(FLAG, running, "running", NULL, NULL,
	       "vcpus run on while memory is unmapped or its slot deleted; else they have stopped"),
	OPTION(PAGES, swapped, "swapped", "SIZE", "0",
	       "swapped out before, by a device that may not be coherent"),
	OPTION(PAGES, remade, "remade", "SIZE", "0",
	       "split for dirty logging before, and made blocks again"),
	OPTION(U64, beside, "beside", "N", "0", "other VMs that run all the while, on a CPU each",
	       .max = S2_MAX_CPUS, .group = "What is beside it"),
	OPTION(U64, vms, "vms", "N", "1",
	       "such VMs one after another; loading the next is counted too", .min = 1,
	       .max = 1000000),
	OPTION(CHOICE, reader, "reader", NULL, "cpu",
	       "who reads shared memory then: a CPU, a device that snoops, one that does not and no "
	       "driver cleans for it, or through the DMA API",
	       .choices = agents, .group = "Who has the memory then, as far as runs are checked"),
	OPTION(CHOICE, next, "next", NULL, "nobody",
	       "who gets the memory of a dead VM: another VM, or the host as page cache",
	       .choices = heirs),
	OPTION(CHOICE, filler, "filler", NULL, "cpu",
	       "who fills memory in for a VM, and for who comes next: as --reader",
	       .choices = agents),
};

/* Before 2020 a block was re-made by unmapping what stood in its place. */
#define OLD(...)                          \
	(&(const struct s2_death_policy){ \
		.collapse = S2_COLLAPSE_UNMAP, .leaf_by_leaf = true, __VA_ARGS__})
#define NEW(...) (&(const struct s2_death_policy){.collapse = S2_COLLAPSE_FLUSH_RANGE, __VA_ARGS__})

static const struct s2_policy policies[] = {
	{"2019", "the baseline: TLBI and cleaning a leaf, TLBI a table", 0,
	 OLD(.teardown = S2_TEARDOWN_UNMAP)},
	{"no-cmo", "with patch 3: no cleaning on teardown", 0,
	 OLD(.teardown = S2_TEARDOWN_UNMAP_NO_CMO)},
	{"no-tlbi", "with patch 4: one TLBI on teardown, after tables are freed", 0,
	 OLD(.teardown = S2_TEARDOWN_UNMAP_NO_TLBI)},
	{"neither", "with patch 5: both", 0, OLD(.teardown = S2_TEARDOWN_UNMAP_NEITHER)},
	{"retry-cmo", "with patch 6: no cleaning of what a re-made block replaces", 0,
	 OLD(.teardown = S2_TEARDOWN_UNMAP, .collapse_cmo = S2_COLLAPSE_CMO_ELIDED)},
	{"event-cmo", "with patch 7: no cleaning when the VMM unmaps", 0,
	 OLD(.teardown = S2_TEARDOWN_UNMAP, .unmap_cmo = S2_UNMAP_CMO_NOT_ON_EVENT)},
	{"series", "with all 7 patches", 0,
	 OLD(.teardown = S2_TEARDOWN_UNMAP_NEITHER, .collapse_cmo = S2_COLLAPSE_CMO_ELIDED,
	     .unmap_cmo = S2_UNMAP_CMO_NOT_ON_EVENT)},
	{"deferred", "leaves flushed by a range (or the VMID) a chunk, cleaned after it", 0,
	 OLD(.teardown = S2_TEARDOWN_UNMAP_RANGE, .unmap_tlbi = S2_UNMAP_TLBI_RANGE,
	     .range = true)},
	{"walk-once", "since 2020: tables put in one go, no maintenance", 0,
	 (&(const struct s2_death_policy){.teardown = S2_TEARDOWN_WALK,
					  .collapse = S2_COLLAPSE_FLUSH_VMID,
					  .one_go = true})},
	{"walk", "today: the same in chunks, empty ones too", 0, NEW(.teardown = S2_TEARDOWN_WALK)},
	{"sparse", "the same, empty space stepped over", 0,
	 NEW(.teardown = S2_TEARDOWN_WALK_SPARSE)},
	{"drop", "the arena of the tables given back whole", 0, NEW(.teardown = S2_TEARDOWN_DROP)},
	{"drop-clean",
	 "drop; shared memory cleaned; an unmap flushes once a chunk, cleans what outlives it", 0,
	 NEW(.teardown = S2_TEARDOWN_DROP_SHARED, .unmap_tlbi = S2_UNMAP_TLBI_VMID,
	     .unmap_cmo = S2_UNMAP_CMO_NOT_IF_DYING)},
	{"renew", "walk; an unmap takes a new VMID in place of any TLBI", 0,
	 NEW(.teardown = S2_TEARDOWN_WALK, .unmap_tlbi = S2_UNMAP_NEW_VMID)},
	{"drop-renew", "drop-clean, with a new VMID in place of its flushes", 0,
	 NEW(.teardown = S2_TEARDOWN_DROP_SHARED, .unmap_tlbi = S2_UNMAP_NEW_VMID,
	     .unmap_cmo = S2_UNMAP_CMO_NOT_IF_DYING)},
};

static const struct s2_workload workloads[] = {
	{"close", "64 GiB of pages, and the VM is closed", NULL, 0, NULL},
	{"munmap", "the VMM unmaps its memory before", "death=munmap", 0, NULL},
	{"running", "the same while its vcpus run", "death=munmap running=on", 0, NULL},
	{"shared", "munmap of a file or memfd", "death=munmap life=shared", 0, NULL},
	{"device", "shared memory, closed; a device reads it, no driver cleans for it",
	 "life=shared reader=device", 0, NULL},
	{"dma", "the same through the DMA API, which cleans", "life=shared reader=dma", 0, NULL},
	{"next", "closed; a device fills the memory for another VM, no DMA API",
	 "next=vm filler=device", 0, NULL},
	{"slot", "the VMM deletes the slot before", "death=slot-delete", 0, NULL},
	{"swap", "a quarter is swapped out before", "swapped=16G", 0, NULL},
	{"blocks", "blocks of 2 MiB, 1 GiB re-made after dirty logging", "backing=2M remade=1G", 0,
	 NULL},
	{"empty", "one page in 44 bits of IPA", "memory=32M every=32M ipa-bits=44", 0, NULL},
	{"churn", "600 small VMs one after another, 8 beside", "memory=2M beside=8 vms=600", 0,
	 NULL},
};

static const struct s2_example examples[] = {
	{"--profile d05", "the case of the thread: 64 GiB, seconds to die"},
	{"--workload empty --ipa-bits 48 --machine neoverse-n1,granule=16k",
	 "8.4 million chunks of nothing"},
	{"--policy 2019,walk,drop --sweep memory=1G..64G,backing=4K,2M,1G", "by size"},
};

static int check(const struct s2_run *run, struct s2_error *err)
{
	return s2_death_check(run->settings, run->features, run->flavour, err);
}

/* Isolation is every rule about translations too; arch: what memory that outlives the VM has. */
static const struct s2_question questions[] = {
	{"isolation", S2_RULES_OF_ISOLATION, 1U << S2_CONTRACT_ISOLATION},
	{"arch", 0, 1U << S2_CONTRACT_ARCH},
	/* Of a device alone for which no driver cleans. */
	{"raw-dma", 0, 1U << S2_CONTRACT_RAW_DMA},
};

struct job {
	struct s2_dying dying;
	const struct s2_features *features;
	struct s2_flavour flavour;
	struct s2_death_cost cost;
};

static int run_job(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	struct job *job = arg;

	job->dying.judge = judge;
	return s2_death_run(&job->dying, job->features, &job->flavour, &job->cost, err);
}

/* Cleaning; and flushes, by IPA or of the VMID.  A range's TLBIs stay what they are. */
static int estimate(const struct s2_counts *ops, struct s2_result *result)
{
	struct s2_bill cleaning = {.ops.n[S2_OP_DC_CIVAC] = ops->n[S2_OP_DC_CIVAC]};
	struct s2_bill flushing = {
		.ops.n[S2_OP_TLBI_RIPAS2E1IS] = ops->n[S2_OP_TLBI_RIPAS2E1IS],
		.seq = {[S2_SEQ_FLUSH_IPA] = (double)ops->n[S2_OP_TLBI_IPAS2E1IS],
			[S2_SEQ_FLUSH_VMID] = (double)ops->n[S2_OP_TLBI_VMALLS12E1IS]},
	};
	const int ret = s2_result_part(result, "clean_time", "cleaning", &cleaning);

	return ret ? ret : s2_result_part(result, "flush_time", "flushing", &flushing);
}

static int measure(const struct s2_death_cost *cost, struct s2_result *result)
{
	result->ops = cost->ops;
	s2_result_measure(result, "flush_calls", NULL, (double)cost->flush_calls);
	s2_result_measure(result, "lock_hold_max", "operations", (double)cost->longest_lock);
	s2_result_measure(result, "no_resched_max", "operations", (double)cost->longest_stretch);
	s2_result_measure(result, "vmids", NULL, (double)cost->vmids);
	s2_result_measure(result, "rollovers", NULL, (double)cost->rollovers);
	return estimate(&cost->ops, result);
}

static int run_policy(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	struct job job = {.dying = *(const struct s2_dying *)run->settings,
			  .features = run->features,
			  .flavour = *s2_run_flavour(run)};
	const struct s2_judged judged = {run_job, &job, questions,
					 job.dying.reader == S2_DEATH_DEVICE ? 3U : 2U};
	int ret;

	if (!s2_run_as_is(run))
		job.flavour = s2_death_flavour(run->flavour, run->policy->data);
	if (run->log)
		return s2_judge_log(run->log, &judged, err);
	ret = run_job(&job, NULL, err);
	if (!ret)
		ret = measure(&job.cost, result);
	return ret ? ret : s2_judge_verdicts((enum s2_check_when)run->check, &judged, result, err);
}

static void notes(const struct s2_report *report, FILE *out)
{
	(void)report;
	fputs("lock_hold_max: most operations under mmu_lock between reschedule points;\n"
	      "no_resched_max: the same with or without the lock.  no-tlbi, neither and series\n"
	      "free table pages before their one flush: right only if nothing can walk them.\n"
	      "Not cleaning shared memory loses what a guest wrote past the caches.\n"
	      "vmids: numbers taken, one a VM to begin with; the wait for kicks is not in\n"
	      "lock_hold_max.\n",
	      out);
}

const struct s2_program s2_teardown_program = {
	.name = "s2-teardown",
	.summary = "what taking down a dying VM issues",
	.about =
		"Lets VMs live and die on a simulated machine, and counts what their death issues\n"
		"under each teardown policy: the 2019 baseline, each patch of that year's series,\n"
		"today's walk, and what would be better.",
	S2_PROGRAM_TABLES(struct s2_dying),
	.machine = "cortex-a72",
	.flavour = "oldest",
	.metric = "dc_civac",
	.thread = "teardown-2019",
	.sweep = "memory=1G..64G",
	.judged = true,
	.check = check,
	.run = run_policy,
	.notes = notes,
};
