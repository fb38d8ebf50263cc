/* SPDX-License-Identifier: MIT */
/*
 * A program from its words to its report, in which each allocation fails: it
 * says so in one line, prints nothing, and leaks nothing; or it did not need it.
 */
#include "alloc_fail.h"

#include <stdlib.h>
#include <string.h>

#include "study/run/fake_program.h"

static void each_allocation_fails(const char *words)
{
	struct ran good = run_words(&fake_program, words);

	assert_i64(good.status, 0);
	for (unsigned sticky = 0; sticky < 2; sticky++) {
		bool reached = true;

		for (uint64_t n = 0; reached; n++) {
			struct ran ran;

			s2_alloc_fail_at(n, sticky);
			ran = run_words(&fake_program, words);
			reached = s2_alloc_fail_end() > n;
			s2_test_row("%s: allocation %" PRIu64 "%s", words, n,
				    sticky ? " and all after it" : "");
			if (ran.status == 0) {
				assert_string_equal(ran.out, good.out);
			} else {
				assert_true(reached);
				assert_i64(ran.status, S2_EXIT_USAGE);
				assert_string_equal(ran.out, "");
				assert_non_null(strchr(ran.errs, '\n'));
			}
			forget_run(&ran);
		}
	}
	forget_run(&good);
}

static void a_table_needs_memory(void **state)
{
	(void)state;
	if (!s2_alloc_fail_works())
		skip();
	each_allocation_fails("--vcpus 8 --memory 64K --seed 3 --broken");
}

static void a_profile_needs_memory(void **state)
{
	(void)state;
	if (!s2_alloc_fail_works())
		skip();
	each_allocation_fails("--profile d05 --format csv");
}

static void a_sweep_needs_memory(void **state)
{
	(void)state;
	if (!s2_alloc_fail_works())
		skip();
	each_allocation_fails("--sweep vcpus=1..8,memory=64K,128K --metric dc_civac");
	each_allocation_fails("--sweep vcpus=1..2 --metric dc_civac --jobs 2");
	each_allocation_fails("--sweep vcpus=1..2 --shard 1/2");
	each_allocation_fails("--sweep default --format csv --policy every,first");
}

static void json_needs_memory(void **state)
{
	(void)state;
#ifndef S2_HAVE_JANSSON
	skip();
#endif
	if (!s2_alloc_fail_works())
		skip();
	each_allocation_fails("--sweep vcpus=1..4 --format json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_table_needs_memory),
		s2_unit_test(a_profile_needs_memory),
		s2_unit_test(a_sweep_needs_memory),
		s2_unit_test(json_needs_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
