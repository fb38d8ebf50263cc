/* SPDX-License-Identifier: MIT */
#include "support.h"
#include "study/report/report_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/report/columns.h"
#include "study/report/report_table.h"

static void the_table_puts_policies_side_by_side(void **state)
{
	struct fixture f;

	(void)state;
	start_boot(&f);
	assert_printed(print(s2_report_table, &f),
		       "s2-boot 1.2: cache toggles\n"
		       "machine max, flavour kvm-x, seed 7\n"
		       "workload smp: vcpus 64, memory 128G, split on\n"
		       "\n"
		       "                      upstream       vcpu0-only\n"
		       "dsb_ish                     64        1 0.0156x\n"
		       "dc_civac             1,234,567  123,456    0.1x\n"
		       "sysreg_trap                  0                3\n"
		       "lock_hold_max            1,000     12.5 0.0125x\n"
		       "round_trip             3.83 us  2.59 us  0.677x\n"
		       "verdict: arch            holds           broken\n"
		       "verdict: bare-metal  unchecked        unchecked\n"
		       "\n"
		       "vcpu0-only breaks arch:\n"
		       "  1. cpu0 writes\n"
		       "  2. lost\n");
	s2_report_free(&f.report);
}

static void the_table_says_which_cost_is_not_known(void **state)
{
	char source[] = "a thread";
	struct fixture f;
	char *text;

	(void)state;
	start_boot(&f);
	f.profile.name = (char[]){"d05"};
	f.profile.op[S2_OP_DC_CIVAC] = (struct s2_cost_entry){true, 11.1, source, NULL};
	estimate(&f);
	text = print(s2_report_table, &f);
	assert_lines_fit(text);
	assert_has(text, "estimated time unknown unknown\n"
			 " known part, predicted 13.7 ms 1.37 ms 0.1x\n");
	assert_non_null(strstr(text, "time is unknown: d05 has no cost for dsb_ish sysreg_trap\n"
				     "dc_civac costs 11.1 ns: a thread\n"));
	free(text);
	s2_report_free(&f.report);
}

/* A part that a program bills apart, and a cost that came from its own thread. */
static void add_parts(struct fixture *f)
{
	for (size_t i = 0; i < 2; i++) {
		struct s2_result *r = &f->report.points[0].results[i];
		struct s2_bill ipi = {.seq[S2_SEQ_IPI_REST] = (double)(2 - i)};

		assert_i64(s2_result_part(r, "ipi_time", "one IPI", &ipi), 0);
	}
}

static void profiles_stand_side_by_side_and_each_time_says_its_basis(void **state)
{
	char source[] = "a thread", own[] = "boot-2025", other[] = "sgi-2023";
	struct s2_profile profiles[2] = {{.name = (char[]){"d05"}}, {.name = (char[]){"altra"}}};
	struct fixture f;
	char *text;

	(void)state;
	start_boot(&f);
	add_parts(&f);
	f.report.thread = "boot-2025";
	f.report.profiles = profiles;
	f.report.n_profiles = 2;
	profiles[0].op[S2_OP_DC_CIVAC] = (struct s2_cost_entry){true, 11.1, source, own};
	profiles[1].seq[S2_SEQ_IPI_REST] = (struct s2_cost_entry){true, 2593, source, other};
	text = print(s2_report_table, &f);
	assert_lines_fit(text);
	/* d05 knows no IPI, altra no line: a row that nobody knows is left out. */
	assert_null(strstr(text, "d05: ipi_time"));
	assert_has(text, "d05: estimated time unknown unknown\n"
			 "d05: known part, fitted 13.7 ms 1.37 ms 0.1x\n"
			 "altra: ipi_time, predicted 5.19 us 2.59 us 0.5x\n"
			 "altra: estimated time unknown unknown\n");
	assert_non_null(strstr(text, "d05: dc_civac costs 11.1 ns: boot-2025, a thread\n"));
	assert_non_null(strstr(text, "altra: seq_ipi_rest costs 2593 ns: sgi-2023, a thread\n"));
	assert_non_null(strstr(text, "altra has no cost for dsb_ish dc_civac sysreg_trap\n"));
	free(text);
	text = print(s2_report_csv, &f);
	assert_non_null(strstr(text,
			       ",cost_ns@d05,cost_known_ns@d05,cost_missing@d05,cost_basis@d05,"
			       "ipi_time@d05,ipi_time_basis@d05,cost_ns@altra,"));
	assert_non_null(strstr(text, ",13703693.7,dsb_ish,fitted,,,,0,dsb_ish dc_civac,predicted,"
				     "5186,predicted,"));
	free(text);
	s2_report_free(&f.report);
}

static void rows_that_are_the_same_for_all_are_hidden(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	start_boot(&f);
	f.report.metric = "isb";
	for (size_t i = 0; i < 2; i++) {
		struct s2_result *r = &f.report.points[0].results[i];

		r->ops.n[S2_OP_ISB] = 9; /* what is asked is shown, the same or not */
		r->ops.n[S2_OP_GUEST_EXIT] = 5;
		assert_i64(s2_result_measure(r, "lost", NULL, 0), 0);
	}
	text = print(s2_report_table, &f);
	assert_non_null(strstr(text, "\nisb "));
	assert_null(strstr(text, "\nguest_exit "));
	assert_null(strstr(text, "\nlost "));
	assert_non_null(strstr(text, "\n2 more rows are the same for all policies; --all shows"));
	free(text);
	f.report.all = true;
	text = print(s2_report_table, &f);
	assert_non_null(strstr(text, "\nguest_exit "));
	assert_non_null(strstr(text, "\nlost "));
	assert_null(strstr(text, "--all"));
	free(text);
	s2_report_free(&f.report);
}

/* "mine" is as vcpu0-only in everything but its story. */
static void start_alike(struct fixture *f)
{
	start(f, 1, 3);
	for (size_t i = 0; i < 3; i++) {
		struct s2_result *r = &f->report.points[0].results[i];

		r->ops.n[S2_OP_DC_CIVAC] = i == 0 ? 64 : 1;
		assert_i64(s2_result_verdict(r, "arch", i == 0 ? S2_SOUND : S2_UNSOUND, 1,
					     i == 0   ? NULL
					     : i == 1 ? "what\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10"
						      : "another"),
			   0);
		assert_i64(s2_result_verdict(r, "compat", i == 0 ? S2_SOUND : S2_UNSOUND, 1,
					     i == 0 ? NULL : "also"),
			   0);
	}
}

static void policies_that_come_out_alike_share_a_column_and_a_story(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	start_alike(&f);
	assert_printed(print(s2_report_table, &f), "s2-boot 1.2: cache toggles\n"
						   "machine max, flavour kvm-x, seed 7\n"
						   "workload\n"
						   "\n"
						   "                           vcpu0-only\n"
						   "                 upstream        mine\n"
						   "dc_civac               64   1 0.0156x\n"
						   "verdict: arch       holds      broken\n"
						   "verdict: compat     holds      broken\n"
						   "\n"
						   "vcpu0-only, mine break arch, compat:\n"
						   "what\n"
						   "1\n"
						   "     (3 steps; --all tells them)\n"
						   "5\n6\n7\n8\n9\n10\n");
	f.report.all = true;
	text = print(s2_report_table, &f);
	assert_has(text, " upstream vcpu0-only mine\n");
	assert_non_null(strstr(text, "vcpu0-only breaks arch:\nwhat\n1\n2\n3\n4\n"));
	assert_non_null(strstr(text, "vcpu0-only breaks compat:\nalso\n"));
	assert_non_null(strstr(text, "mine breaks arch:\nanother\n"));
	free(text);
	s2_report_free(&f.report);
}

/* Whatever they differ in, they stand apart. */
static void policies_that_differ_anywhere_stand_apart(void **state)
{
	(void)state;
	for (unsigned where = 0; where < 5; where++) {
		const struct s2_bill none = {.seq = {0}}, some = {.seq[S2_SEQ_MMU_INIT] = 1};
		struct s2_result a = {.applies = true}, b = {.applies = true};

		s2_test_row("%u", where);
		if (where == 0)
			b.applies = false;
		if (where == 1)
			b.ops.n[S2_OP_ISB] = 1;
		assert_i64(s2_result_measure(&a, "m", NULL, 1), 0);
		assert_i64(s2_result_measure(&b, "m", NULL, where == 2 ? 2 : 1), 0);
		assert_i64(s2_result_part(&a, "p", "", &none), 0);
		assert_i64(s2_result_part(&b, "p", "", where == 3 ? &some : &none), 0);
		assert_i64(s2_result_verdict(&a, "arch", S2_SOUND, 1, NULL), 0);
		assert_i64(s2_result_verdict(&b, "arch", where == 4 ? S2_UNCHECKED : S2_SOUND, 1,
					     NULL),
			   0);
		assert_false(s2_result_alike(&a, &b));
		assert_true(s2_result_alike(&a, &a));
		free(a.parts);
		free(b.parts);
	}
}

static void the_table_gives_the_time_where_every_cost_is_known(void **state)
{
	char source[] = "a thread";
	struct fixture f;
	char *text;

	(void)state;
	start_boot(&f);
	f.profile.name = (char[]){"all"};
	f.profile.op[S2_OP_DC_CIVAC] = (struct s2_cost_entry){true, 10, source, NULL};
	f.profile.op[S2_OP_DSB_ISH] = (struct s2_cost_entry){true, 0, source, NULL};
	f.profile.op[S2_OP_SYSREG_TRAP] = (struct s2_cost_entry){true, 1000, source, NULL};
	estimate(&f);
	text = print(s2_report_table, &f);
	assert_non_null(strstr(text, "estimated time, predicted    12.3 ms  1.24 ms    0.1x\n"));
	assert_null(strstr(text, "known part"));
	assert_null(strstr(text, "unknown"));
	free(text);
	s2_report_free(&f.report);
}

static void a_policy_that_does_not_apply_has_no_numbers(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 1, 2);
	f.report.points[0].results[0].applies = false;
	f.report.points[0].results[1].ops.n[S2_OP_ISB] = 5;
	assert_i64(s2_result_measure(&f.report.points[0].results[1], "work", NULL, 3), 0);
	f.report.machine = NULL;
	f.report.flavour = NULL;
	assert_printed(print(s2_report_table, &f), "s2-boot 1.2: cache toggles\n"
						   "seed 7\n"
						   "workload\n"
						   "\n"
						   "               upstream  vcpu0-only\n"
						   "isb                               5\n"
						   "work                              3\n"
						   "verdict  not applicable   unchecked\n");
	s2_report_free(&f.report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(the_table_puts_policies_side_by_side),
		s2_unit_test(the_table_says_which_cost_is_not_known),
		s2_unit_test(profiles_stand_side_by_side_and_each_time_says_its_basis),
		s2_unit_test(rows_that_are_the_same_for_all_are_hidden),
		s2_unit_test(policies_that_come_out_alike_share_a_column_and_a_story),
		s2_unit_test(policies_that_differ_anywhere_stand_apart),
		s2_unit_test(the_table_gives_the_time_where_every_cost_is_known),
		s2_unit_test(a_policy_that_does_not_apply_has_no_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
