/* SPDX-License-Identifier: MIT */
/*
 * Each mutant that has a name is found by the rule that it names, and what it is a mutant
 * of breaks none; each rule has one that only it finds.
 */
#include "support.h"

#include <string.h>

#include "study/mutants/named.h"

static struct s2_mutant_found run_one(const struct s2_mutant *m, bool mended)
{
	struct s2_mutant_found found;
	struct s2_error err = {0};

	s2_test_row("%s", m->name);
	if (s2_mutant_run(m, mended, &found, &err))
		fail_msg("%s: %s", m->name, err.text);
	return found;
}

static void each_is_found_by_the_rule_that_it_names(void **state)
{
	struct s2_mutant m;

	(void)state;
	for (size_t i = 0; s2_mutant_at(i, &m); i++) {
		const struct s2_mutant_found found = run_one(&m, false);

		assert_true(found.found);
		assert_true(found.broken[m.rule] > 0);
		assert_true(found.step > 0);
		assert_non_null(strstr(found.text, s2_rule_name(m.rule)));
		assert_int_equal(found.story[0], '\n');
		/* The story as a file has it: steps, and what was seen and what is right. */
		assert_true(found.told.n > 0);
		assert_i64(found.told.of.rule, m.rule);
		for (size_t s = 0; s < found.told.n; s++)
			assert_true(found.told.steps[s].did[0] != '\0');
		assert_true(found.told.end[0] != '\0');
		assert_non_null(strstr(found.story, found.told.end));
	}
}

static void what_it_is_a_mutant_of_breaks_no_rule(void **state)
{
	struct s2_mutant m;

	(void)state;
	for (size_t i = 0; s2_mutant_at(i, &m); i++) {
		const struct s2_mutant_found found = run_one(&m, true);

		assert_false(found.found);
		for (int rule = 0; rule < S2_RULES; rule++)
			assert_u64(found.broken[rule], 0);
	}
}

static bool only(const struct s2_mutant_found *found, int rule)
{
	for (int other = 0; other < S2_RULES; other++)
		if (other != rule && found->broken[other])
			return false;
	return true;
}

static void each_rule_has_a_mutant_that_no_other_finds(void **state)
{
	bool has[S2_RULES] = {false};
	struct s2_mutant m;

	(void)state;
	for (size_t i = 0; s2_mutant_at(i, &m); i++) {
		const struct s2_mutant_found found = run_one(&m, false);

		has[m.rule] |= only(&found, (int)m.rule);
	}
	for (int rule = 0; rule < S2_RULES; rule++) {
		s2_test_row("%s", s2_rule_name((enum s2_rule)rule));
		assert_true(has[rule]);
	}
}

static void names_are_unique_and_every_row_says_all(void **state)
{
	struct s2_mutant m, other;
	size_t n = 0, made_up = 0;

	(void)state;
	for (; s2_mutant_at(n, &m); n++) {
		s2_test_row("%s", m.name);
		assert_true(s2_mutant_find(m.name, &other));
		assert_string_equal(other.what, m.what);
		assert_non_null(s2_mutant_scenario(&m));
		assert_true((unsigned)m.rule < S2_RULES);
		made_up += !m.where;
		for (size_t k = 0; k < n && s2_mutant_at(k, &other); k++)
			assert_string_not_equal(other.what, m.what);
	}
	/* So many were asked for; half of them and more are to have happened. */
	assert_true(n >= 60);
	assert_true(made_up < n / 2);
	assert_false(s2_mutant_find("no-such-mutant", &other));
}

/* What is not expressed is listed, and is no mutant. */
static void what_is_missing_is_told_with_its_reason(void **state)
{
	const struct s2_mutant_missing *missing;
	size_t n = 0, threads = 0;
	struct s2_mutant m;

	(void)state;
	for (; (missing = s2_mutant_missing_at(n)) != NULL; n++) {
		s2_test_row("%s", missing->what);
		assert_non_null(missing->why);
		threads += missing->explorer;
		for (size_t i = 0; missing->where && s2_mutant_at(i, &m); i++)
			assert_true(!m.where || strcmp(m.where, missing->where));
	}
	assert_true(threads > 0 && threads < n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_is_found_by_the_rule_that_it_names),
		s2_unit_test(what_it_is_a_mutant_of_breaks_no_rule),
		s2_unit_test(each_rule_has_a_mutant_that_no_other_finds),
		s2_unit_test(names_are_unique_and_every_row_says_all),
		s2_unit_test(what_is_missing_is_told_with_its_reason),
	};

	return cmocka_run_group_tests_name("study/mutants/named", tests, NULL, NULL);
}
