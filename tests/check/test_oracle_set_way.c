/* SPDX-License-Identifier: MIT */
/* The data rule where caches go on and off, are swept by set/way, or a vcpu is reset. */
#include "check/oracle_data_rig.h"

static void who_turns_caches_off_finds_its_writes_in_memory(void **state)
{
	static const struct {
		bool cleans, trapped, by_set_way;
		unsigned broken;
	} rows[] = {
		{true, true, false, 0},
		{false, true, false, COMPAT | ANY},
		{false, false, false, ANY},
		{true, true, true, 0},
		{false, true, true, COMPAT | ANY},
	};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		caches(&r, 0, true, true);
		write_wb(&r, 0);
		if (rows[i].cleans)
			clean(&r);
		if (rows[i].by_set_way)
			set_way(&r, 0);
		else
			caches(&r, 0, false, rows[i].trapped);
		s2_test_row("row %zu", i);
		expect(&r, rows[i].broken);
		rig_down(&r);
	}
}

/* After a set/way clean by the last vcpu, or a reset, bare metal's promise is made again. */
static void bare_metal_begins_again_where_caches_are_empty(void **state)
{
	static const struct {
		bool sweeps, resets, writes_after;
		unsigned broken;
	} rows[] = {
		{true, false, false, BARE},
		{false, true, false, BARE},
		{false, false, false, 0},
		{true, false, true, 0},
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		caches(&r, 0, true, false);
		write_wb(&r, 0);
		clean(&r);
		if (rows[i].sweeps)
			set_way(&r, 0);
		if (rows[i].writes_after) {
			write_wb(&r, 0);
			guest_dc(&r, S2_LINE_CLEAN);
		}
		caches(&r, 0, false, false);
		if (rows[i].resets)
			reset(&r, 0);
		/* One that has not been on says nothing of the VM. */
		reset(&r, 1);
		/* Coherent, so that what follows is no write over a dirty line. */
		guest_dc(&r, S2_LINE_CLEAN_INVALIDATE);
		write_nc(&r, 1);
		caches(&r, 0, true, false);
		s2_test_row("row %zu", i);
		expect(&r, rows[i].broken);
		rig_down(&r);
	}
}

/* Set/way with caches off empties them; by another vcpu it does not. */
static void set_way_counts_of_the_vcpu_that_was_on(void **state)
{
	(void)state;
	for (unsigned by = 0; by < 2; by++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		caches(&r, 0, true, false);
		write_wb(&r, 0);
		clean(&r);
		caches(&r, 0, false, false);
		set_way(&r, by);
		guest_dc(&r, S2_LINE_CLEAN_INVALIDATE);
		write_nc(&r, 1);
		caches(&r, 0, true, false);
		s2_test_row("vcpu %u", by);
		expect(&r, by == 0 ? BARE : 0);
		rig_down(&r);
	}
}

/* With another on, whose caches hold what they hold, bare metal promises nothing. */
static void set_way_of_one_of_two_promises_only_its_own_writes(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	map(&r);
	caches(&r, 0, true, false);
	caches(&r, 1, true, false);
	write_wb(&r, 1);
	set_way(&r, 0);
	expect(&r, 0);
	set_way(&r, 1);
	expect(&r, COMPAT | ANY);
	rig_down(&r);
}

/* Each by itself: what one has swept another's caches may still hold. */
static void bare_metal_begins_when_every_vcpus_caches_are_empty(void **state)
{
	(void)state;
	for (unsigned both = 0; both < 2; both++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		for (unsigned v = 0; v < 2; v++) {
			caches(&r, v, true, false);
			if (v || both)
				set_way(&r, v);
			caches(&r, v, false, false);
		}
		write_nc(&r, 2);
		caches(&r, 0, true, false);
		s2_test_row("%s", both ? "both" : "one");
		expect(&r, both ? BARE : 0);
		rig_down(&r);
	}
}

/* Set/way, then off: bare metal's caches are empty now, and all that was written is in memory. */
static void the_last_vcpu_that_sweeps_and_goes_off_leaves_nothing_behind(void **state)
{
	static const struct {
		unsigned by;
		bool cleans;
		unsigned broken;
	} rows[] = {{0, true, 0}, {0, false, BARE}, {1, false, 0}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		caches(&r, 0, true, false);
		/* Of another's writes, so that no contract but bare metal asks. */
		write_wb(&r, 1);
		set_way(&r, rows[i].by);
		if (rows[i].cleans)
			clean(&r);
		caches(&r, 0, false, false);
		s2_test_row("row %zu", i);
		expect(&r, rows[i].broken | (rows[i].by == 1 ? COMPAT | ANY : 0));
		rig_down(&r);
	}
}

static void a_reset_owes_a_clean_before_the_next_access(void **state)
{
	(void)state;
	for (unsigned cleans = 0; cleans < 2; cleans++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		caches(&r, 0, true, false);
		write_wb(&r, 0);
		reset(&r, 0);
		if (cleans)
			clean(&r);
		accesses(&r, 0, S2_ACCESS_READ, false);
		s2_test_row("%s", cleans ? "cleans" : "does not");
		expect(&r, cleans ? 0 : ARCH | BARE | COMPAT | ANY);
		rig_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(who_turns_caches_off_finds_its_writes_in_memory),
		s2_unit_test(bare_metal_begins_again_where_caches_are_empty),
		s2_unit_test(set_way_counts_of_the_vcpu_that_was_on),
		s2_unit_test(set_way_of_one_of_two_promises_only_its_own_writes),
		s2_unit_test(the_last_vcpu_that_sweeps_and_goes_off_leaves_nothing_behind),
		s2_unit_test(bare_metal_begins_when_every_vcpus_caches_are_empty),
		s2_unit_test(a_reset_owes_a_clean_before_the_next_access),
	};

	return cmocka_run_group_tests_name("oracle_set_way", tests, NULL, NULL);
}
