/* SPDX-License-Identifier: MIT */
/*
 * A fault asks the host for a frame without mmu_lock, and maps it under the lock; the host
 * may have taken it away in between.  Reads beside mmu_invalidate_retry(), which the
 * model's own faults do not need: their frames stay where they are.
 */
#include <errno.h>

#include "study/scenario/scenarios.h"

/* What s2_explore_touch() names. */
enum object {
	FRAME = 1,
	SEQUENCE,
};

/* When a fault samples the notifier's sequence. */
enum sampling {
	BEFORE_FRAME, /* as it must be */
	AFTER_FRAME,
	NEVER,
};

static const uint64_t old_frame = S2_WORLD_PA, new_frame = S2_WORLD_PA + S2_WORLD_PAGE;

static unsigned sample(struct s2_world *w)
{
	s2_explore_touch(s2_world_cpu(w, 1), SEQUENCE, false);
	return w->seq;
}

static uint64_t frame_of(struct s2_world *w)
{
	s2_explore_touch(s2_world_cpu(w, 1), FRAME, false);
	return w->frame_gone ? new_frame : old_frame;
}

/* @return whether the frame was mapped, or has to be asked for again */
static bool map_frame(struct s2_world *w, uint64_t frame, enum sampling sampling, unsigned seq)
{
	struct s2_cpu *cpu = s2_world_cpu(w, 1);
	bool retry;
	int ret = 0;

	s2_lock_take(cpu, &w->mmu_lock, S2_LOCK_READ);
	s2_explore_touch(cpu, SEQUENCE, false);
	retry = sampling != NEVER && (w->in_progress || w->seq != seq);
	if (!retry)
		ret = s2_pgtable_map(s2_vm_mmu(w->vm[0]), cpu,
				     s2_range(S2_WORLD_IPA, S2_WORLD_PAGE), s2_pa(frame),
				     S2_PROT_R | S2_PROT_W, NULL, S2_MAP_FAULT);
	s2_lock_drop(cpu, &w->mmu_lock);
	/* It may be mapped as it was before. */
	s2_world_expect(w, ret == -EAGAIN ? 0 : ret);
	return !retry;
}

static void fault(struct s2_world *w, enum sampling sampling)
{
	for (;;) {
		unsigned seq = sampling == BEFORE_FRAME ? sample(w) : 0;
		const uint64_t frame = frame_of(w);

		if (sampling == AFTER_FRAME)
			seq = sample(w);
		if (map_frame(w, frame, sampling, seq))
			return;
		s2_cpu_relax(s2_world_cpu(w, 1));
	}
}

static void fault_checked(void *state)
{
	fault(state, BEFORE_FRAME);
}

static void fault_sampled_late(void *state)
{
	fault(state, AFTER_FRAME);
}

static void fault_unchecked(void *state)
{
	fault(state, NEVER);
}

static void set_progress(struct s2_world *w, bool begins)
{
	s2_explore_touch(s2_world_cpu(w, 0), SEQUENCE, true);
	w->in_progress = begins;
	w->seq += !begins;
}

/* invalidate_range_start() and _end(), with what the host does in between. */
static void migrate_page(void *state)
{
	struct s2_world *w = state;
	struct s2_cpu *cpu = s2_world_cpu(w, 0);

	s2_lock_take(cpu, &w->mmu_lock, S2_LOCK_WRITE);
	set_progress(w, true);
	s2_world_expect(w, s2_pgtable_unmap(s2_vm_mmu(w->vm[0]), cpu,
					    s2_range(S2_WORLD_IPA, S2_WORLD_PAGE)));
	s2_lock_drop(cpu, &w->mmu_lock);
	s2_explore_touch(cpu, FRAME, true);
	w->frame_gone = true;
	s2_lock_take(cpu, &w->mmu_lock, S2_LOCK_WRITE);
	set_progress(w, false);
	s2_lock_drop(cpu, &w->mmu_lock);
}

/* The same with the end alone: a fault that came in between has nothing to see. */
static void migrate_without_start(void *state)
{
	struct s2_world *w = state;
	struct s2_cpu *cpu = s2_world_cpu(w, 0);

	s2_lock_take(cpu, &w->mmu_lock, S2_LOCK_WRITE);
	s2_world_expect(w, s2_pgtable_unmap(s2_vm_mmu(w->vm[0]), cpu,
					    s2_range(S2_WORLD_IPA, S2_WORLD_PAGE)));
	set_progress(w, false);
	s2_lock_drop(cpu, &w->mmu_lock);
	s2_explore_touch(cpu, FRAME, true);
	w->frame_gone = true;
}

static const char *check_frame(void *state)
{
	struct s2_world *w = state;
	struct s2_pte_format fmt;
	struct s2_leaf leaf;

	if (!w->frame_gone || s2_pgtable_lookup(s2_vm_mmu(w->vm[0]), NULL, s2_world_ipa(0), &leaf))
		return s2_world_check(state);
	fmt = s2_mmu_pte_format(s2_vm_mmu(w->vm[0]));
	if (s2_pte_valid(leaf.pte) && s2_pte_pa(leaf.pte, &fmt).v == old_frame)
		return "the guest has a frame that the host has given to another";
	return s2_world_check(state);
}

#define FRAMES S2_WORLD(.vms = 1, .vcpus = 2, .prepare = s2_world_vcpu1_runs), .check = check_frame

static const struct s2_named_scenario rows[] = {
	{.scenario = {"frame", "the host moves a page while a fault maps it", FRAMES,
		      S2_TWO("host", migrate_page, "vcpu 1", fault_checked)},
	 .preemptions = S2_EXPLORE_ANY},
	{.scenario = {"frame-sampled-late", "13ec9308a857: the sequence is read after the frame",
		      FRAMES, S2_TWO("host", migrate_page, "vcpu 1", fault_sampled_late)},
	 .broken = true,
	 .preemptions = 3,
	 .origin = S2_ORIGIN_PUBLISHED},
	{.scenario = {"frame-unchecked", "no mmu_invalidate_retry()", FRAMES,
		      S2_TWO("host", migrate_page, "vcpu 1", fault_unchecked)},
	 .broken = true,
	 .preemptions = 3,
	 .origin = S2_ORIGIN_MADE_UP},
	{.scenario = {"frame-no-start", "the notifier counts an invalidation when it has ended",
		      FRAMES, S2_TWO("host", migrate_without_start, "vcpu 1", fault_checked)},
	 .broken = true,
	 .preemptions = 3,
	 .origin = S2_ORIGIN_MADE_UP},
};

S2_SCENARIO_TABLE(s2_notifier_scenarios, rows);
