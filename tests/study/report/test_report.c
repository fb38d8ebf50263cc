/* SPDX-License-Identifier: MIT */
#include "support.h"
#include "study/report/report_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef S2_HAVE_JANSSON
#include <jansson.h>
#endif

#include "study/base/text.h"

static void policies_that_do_not_fit_go_to_further_blocks(void **state)
{
	struct s2_grid grid;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	assert_i64(s2_grid_create(&grid, 2, 4), 0);
	s2_grid_set(&grid, 1, 0, "op");
	for (size_t c = 1; c < 4; c++) {
		s2_grid_set(&grid, 0, c, "policy-%zu", c);
		s2_grid_set(&grid, 1, c, "%zu", c);
	}
	s2_grid_print(&grid, 22, out);
	s2_grid_free(&grid);
	assert_i64(fclose(out), 0);
	assert_string_equal(text, "    policy-1  policy-2\n"
				  "op         1         2\n"
				  "\n"
				  "    policy-3\n"
				  "op         3\n");
	free(text);
}

/* Flushes at (x, y): upstream always 8, vcpu0-only x, mine y. */
static void start_sweep(struct fixture *f, size_t n_axes)
{
	const size_t n_x = 4, n_y = n_axes > 1 ? 2 : 1, n_z = n_axes > 2 ? 2 : 1;

	start(f, n_x * n_y * n_z, 3);
	for (size_t p = 0; p < f->report.n_points; p++) {
		struct s2_point *point = &f->report.points[p];
		const uint64_t x = UINT64_C(4) << p % n_x, y = UINT64_C(8) << p / n_x % n_y;

		if (n_axes > 2)
			add_pair(point, "split", S2_OPTION_FLAG, p / n_x / n_y);
		if (n_axes > 1)
			add_pair(point, "memory", S2_OPTION_SIZE, y << 20);
		add_pair(point, "vcpus", S2_OPTION_U64, x);
		point->results[0].ops.n[S2_OP_DC_CIVAC] = 8;
		point->results[1].ops.n[S2_OP_DC_CIVAC] = x;
		point->results[2].ops.n[S2_OP_DC_CIVAC] = y;
		assert_i64(s2_result_verdict(&point->results[0], "arch", S2_SOUND, 1, NULL), 0);
		assert_i64(s2_result_verdict(&point->results[2], "arch",
					     x == 4 ? S2_UNSOUND : S2_SOUND, 1, NULL),
			   0);
	}
	f->axes[n_axes - 1] = "vcpus";
	f->axis_values[n_axes - 1] = n_x;
	if (n_axes > 1) {
		f->axes[n_axes - 2] = "memory";
		f->axis_values[n_axes - 2] = n_y;
	}
	if (n_axes > 2) {
		f->axes[0] = "split";
		f->axis_values[0] = n_z;
	}
	f->report.axes = f->axes;
	f->report.axis_values = f->axis_values;
	f->report.n_axes = n_axes;
}

static void a_sweep_of_one_axis_is_a_line_for_each_value(void **state)
{
	struct fixture f;

	(void)state;
	start_sweep(&f, 1);
	f.report.points[3].results[2].applies = false;
	assert_printed(print(s2_report_table, &f),
		       "s2-boot 1.2: cache toggles\n"
		       "machine max, flavour kvm-x, seed 7\n"
		       "workload\n"
		       "\n"
		       "dc_civac, ratio to upstream, * the lowest\n"
		       "\n"
		       "vcpus  upstream   vcpu0-only        mine\n"
		       "4             8    4    0.5x*  8      1x\n"
		       "8             8*   8      1x*  8      1x*\n"
		       "16            8*  16      2x   8      1x*\n"
		       "32            8*  32      4x           -\n"
		       "\n"
		       "A upstream: lowest at 3 of 4 points, alone at 1; sound\n"
		       "B vcpu0-only: lowest at 2 of 4 points, alone at 1; unchecked\n"
		       "C mine: lowest at 2 of 4 points, alone at 0; unsound at 1\n");
	s2_report_free(&f.report);
}

static void a_sweep_of_two_axes_is_a_map_of_the_cheapest(void **state)
{
	struct fixture f;

	(void)state;
	start_sweep(&f, 2);
	assert_printed(print(s2_report_table, &f),
		       "s2-boot 1.2: cache toggles\n"
		       "machine max, flavour kvm-x, seed 7\n"
		       "workload\n"
		       "\n"
		       "lowest dc_civac; behind it, how many times that the next one has\n"
		       "\n"
		       "memory \\ vcpus     4      8     16     32\n"
		       "8M              B 2x    ABC  AC 2x  AC 4x\n"
		       "16M             B 2x  AB 2x   A 2x   A 2x\n"
		       "\n"
		       "A upstream: lowest at 6 of 8 points, alone at 2; sound\n"
		       "B vcpu0-only: lowest at 4 of 8 points, alone at 2; unchecked\n"
		       "C mine: lowest at 3 of 8 points, alone at 0; unsound at 2\n");
	s2_report_free(&f.report);
}

static void further_axes_have_a_map_each(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	start_sweep(&f, 3);
	for (size_t p = 0; p < f.report.n_points; p++)
		f.report.points[p].results[0].ops.n[S2_OP_DC_CIVAC] = 1;
	text = print(s2_report_table, &f);
	assert_non_null(strstr(text, "split off\nmemory \\ vcpus  "));
	assert_non_null(strstr(text, "split on\nmemory \\ vcpus  "));
	assert_non_null(strstr(text, "A upstream: lowest at 16 of 16 points, alone at 16 "
				     "(never beaten); sound\n"));
	free(text);
	s2_report_free(&f.report);
}

static void metrics_are_operations_measures_and_times(void **state)
{
	struct fixture f;
	struct s2_result *r;

	(void)state;
	start_boot(&f);
	r = &f.report.points[0].results[0];
	assert_true(s2_result_metric(r, "dc_civac") == 1234567);
	assert_true(s2_result_metric(r, "isb") == 0);
	assert_true(s2_result_metric(r, "lock_hold_max") == 1000);
	assert_true(isnan(s2_result_metric(r, "frob")));
	r->cost.ns = 5;
	assert_true(isnan(s2_result_metric(r, "time")));
	assert_true(s2_result_metric(r, "known_time") == 5);
	r->cost.known = true;
	assert_true(s2_result_metric(r, "time") == 5);
	r->applies = false;
	assert_true(isnan(s2_result_metric(r, "dc_civac")));
	s2_report_free(&f.report);
}

static void csv_has_a_line_for_each_policy_with_plain_numbers(void **state)
{
	struct fixture f;
	char *text;

	(void)state;
	start_boot(&f);
	f.report.machine = "max,\"x\"";
	f.report.flavour = NULL;
	for (size_t i = 0; i < 2; i++)
		f.report.points[0].results[i].cost =
			s2_profile_estimate(NULL, &f.report.points[0].results[i].ops);
	f.report.points[0].results[1].applies = false;
	text = print(s2_report_csv, &f);
	assert_string_equal(
		text,
		"program,version,machine,flavour,seed,workload,vcpus,memory,split,policy,"
		"applies,dsb_ish,dc_civac,sysreg_trap,lock_hold_max,round_trip,cost_ns,"
		"cost_known_ns,cost_missing,verdicts\n"
		"s2-boot,1.2,\"max,\"\"x\"\"\",,7,smp,64,137438953472,on,upstream,yes,64,1234567,0,"
		"1000,3832,,0,dsb_ish dc_civac,arch=sound bare-metal=unchecked\n"
		"s2-boot,1.2,\"max,\"\"x\"\"\",,7,smp,64,137438953472,on,vcpu0-only,no,,,,12.5,"
		"2593,,,,arch=unsound bare-metal=unchecked\n");
	free(text);
	s2_report_free(&f.report);
}

#ifdef S2_HAVE_JANSSON

static json_t *print_json(struct fixture *f)
{
	char *text = print(s2_report_json, f);
	json_error_t error;
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (object == NULL)
		fail_msg("line %d: %s", error.line, error.text);
	assert_i64(text[strlen(text) - 1], '\n');
	free(text);
	return object;
}

static void json_of_one_workload_has_its_results(void **state)
{
	struct fixture f;
	json_t *j, *first, *second;
	const char *program, *version, *machine, *flavour, *name, *policy, *contract, *status;
	const char *violation;
	int seed, vcpus, split, civac, hold, states;
	json_int_t memory;

	(void)state;
	start_boot(&f);
	f.report.points[0].results[0].cost.known = true;
	f.report.points[0].results[1].cost.missing[S2_OP_DSB_ISH] = true;
	j = print_json(&f);
	assert_i64(json_unpack(
			   j, "{s:s, s:s, s:s, s:s, s:i, s:n, s:{s:s, s:i, s:I, s:b}, s:[o, o]}",
			   "program", &program, "version", &version, "machine", &machine, "flavour",
			   &flavour, "seed", &seed, "profile", "workload", "name", &name, "vcpus",
			   &vcpus, "memory", &memory, "split", &split, "results", &first, &second),
		   0);
	assert_string_equal(program, "s2-boot");
	assert_i64(seed, 7);
	assert_string_equal(name, "smp");
	assert_i64(vcpus, 64);
	assert_u64((uint64_t)memory, UINT64_C(128) << 30);
	assert_true(split);
	assert_i64(json_unpack(first, "{s:s, s:{s:i}, s:{s:i}, s:{s:i, s:[]}}", "policy", &policy,
			       "ops", "dc_civac", &civac, "measures", "lock_hold_max", &hold,
			       "cost", "ns", &vcpus, "missing"),
		   0);
	assert_i64(civac, 1234567);
	assert_i64(hold, 1000);
	assert_u64(json_object_size(json_object_get(first, "ops")), 2);
	assert_i64(json_unpack(second, "{s:{s:n, s:[s]}, s:[{s:s, s:s, s:i, s:s}, {}]}", "cost",
			       "ns", "missing", &name, "verdicts", "contract", &contract, "status",
			       &status, "states", &states, "violation", &violation),
		   0);
	assert_string_equal(name, "dsb_ish");
	assert_string_equal(contract, "arch");
	assert_string_equal(status, "unsound");
	assert_i64(states, 17);
	assert_string_equal(violation, "  1. cpu0 writes\n  2. lost");
	json_decref(j);
	s2_report_free(&f.report);
}

static void json_of_a_sweep_has_its_points(void **state)
{
	struct fixture f;
	json_t *j, *points;
	const char *x, *y, *metric;
	int vcpus;

	(void)state;
	start_sweep(&f, 2);
	f.report.flavour = NULL;
	j = print_json(&f);
	assert_i64(json_unpack(j, "{s:n, s:[s, s!], s:s, s:o}", "flavour", "axes", &y, &x, "metric",
			       &metric, "points", &points),
		   0);
	assert_string_equal(y, "memory");
	assert_string_equal(x, "vcpus");
	assert_string_equal(metric, "dc_civac");
	assert_u64(json_array_size(points), 8);
	assert_i64(json_unpack(json_array_get(points, 2), "{s:{s:i}, s:[{}, {}, {}!]}", "workload",
			       "vcpus", &vcpus, "results"),
		   0);
	assert_i64(vcpus, 16);
	assert_null(json_object_get(j, "results"));
	json_decref(j);
	s2_report_free(&f.report);
}

#else

static void json_left_out_is_said(void **state)
{
	struct fixture f;

	(void)state;
	start_boot(&f);
	assert_i64(s2_report_json(&f.report, stdout), -ENOTSUP);
	s2_report_free(&f.report);
}

#endif

static void numbers_read_as_people_write_them(void **state)
{
	char buf[S2_TEXT_ROOM];

	(void)state;
	assert_string_equal(s2_text_count(0, buf), "0");
	assert_string_equal(s2_text_count(999, buf), "999");
	assert_string_equal(s2_text_count(1000, buf), "1,000");
	assert_string_equal(s2_text_count(UINT64_MAX, buf), "18,446,744,073,709,551,615");
	assert_string_equal(s2_text_number(1e6, buf), "1,000,000");
	assert_string_equal(s2_text_number(0.125, buf), "0.125");
	assert_string_equal(s2_text_number(-3, buf), "-3");
	assert_string_equal(s2_text_number(1e300, buf), "1e+300");
	assert_string_equal(s2_text_number(NAN, buf), "?");
	assert_string_equal(s2_text_time(0, buf), "0 ns");
	assert_string_equal(s2_text_time(19.7, buf), "19.7 ns");
	assert_string_equal(s2_text_time(999.4, buf), "999 ns");
	assert_string_equal(s2_text_time(999.5, buf), "1 us");
	assert_string_equal(s2_text_time(2593, buf), "2.59 us");
	assert_string_equal(s2_text_time(28e9, buf), "28 s");
	assert_string_equal(s2_text_time(12345e9, buf), "12345 s");
	assert_string_equal(s2_text_time(NAN, buf), "?");
	assert_string_equal(s2_text_ratio(1, 64, buf), "0.0156x");
	assert_string_equal(s2_text_ratio(64, 1, buf), "64x");
	assert_string_equal(s2_text_ratio(4096, 1, buf), "4096x");
	assert_string_equal(s2_text_ratio(1e9, 1, buf), "1.0e+09x");
	assert_string_equal(s2_text_ratio(1, 1e9, buf), "<0.001x");
	assert_string_equal(s2_text_ratio(0, 5, buf), "0x");
	assert_string_equal(s2_text_ratio(5, 0, buf), "");
	assert_string_equal(s2_text_ratio(NAN, 1, buf), "");
}

static void a_result_has_room_for_so_many(void **state)
{
	struct s2_result r = {0};

	(void)state;
	for (int i = 0; i < S2_MEASURES_MAX; i++)
		assert_i64(s2_result_measure(&r, "m", NULL, 1), 0);
	assert_i64(s2_result_measure(&r, "m", NULL, 1), -ENOSPC);
	for (int i = 0; i < S2_VERDICTS_MAX; i++)
		assert_i64(s2_result_verdict(&r, "arch", S2_SOUND, 1, NULL), 0);
	assert_i64(s2_result_verdict(&r, "arch", S2_SOUND, 1, NULL), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(policies_that_do_not_fit_go_to_further_blocks),
		s2_unit_test(a_sweep_of_one_axis_is_a_line_for_each_value),
		s2_unit_test(a_sweep_of_two_axes_is_a_map_of_the_cheapest),
		s2_unit_test(further_axes_have_a_map_each),
		s2_unit_test(metrics_are_operations_measures_and_times),
		s2_unit_test(csv_has_a_line_for_each_policy_with_plain_numbers),
#ifdef S2_HAVE_JANSSON
		s2_unit_test(json_of_one_workload_has_its_results),
		s2_unit_test(json_of_a_sweep_has_its_points),
#else
		s2_unit_test(json_left_out_is_said),
#endif
		s2_unit_test(numbers_read_as_people_write_them),
		s2_unit_test(a_result_has_room_for_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
