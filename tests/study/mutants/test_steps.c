/* SPDX-License-Identifier: MIT */
/*
 * Every step of a life left out, on machines of every kind: found by a rule, or
 * known to lose nothing; and the life as it is breaks none.
 */
#include "support.h"

#include <string.h>

#include "study/mutants/steps.h"

static struct s2_features features_of(const char *spec)
{
	struct s2_features f;

	assert_i64(s2_features_parse(spec, &f, NULL), 0);
	return f;
}

static struct s2_judge run_one(const struct s2_features *features, const struct s2_flavour *flavour,
			       const struct s2_step_mutant *mutant, bool story)
{
	struct s2_judge judge = {0};
	struct s2_error err = {0};

	if (s2_step_mutant_run(features, flavour, mutant, story, &judge, &err))
		fail_msg("%s", err.text);
	assert_true(judge.watched);
	return judge;
}

static void the_life_breaks_no_rule_on_any_machine(void **state)
{
	static const char *const machines[] = {"cortex-a72",  "cortex-a55", "neoverse-n1",
					       "neoverse-v1", "neoverse-n2", "max", "max,-vhe"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		const struct s2_features f = features_of(machines[i]);

		for (size_t k = 0; s2_flavour_at(k); k++) {
			const struct s2_judge judge = run_one(&f, s2_flavour_at(k), NULL, false);

			s2_test_row("%s as %s", machines[i], s2_flavour_at(k)->name);
			assert_false(judge.told);
		}
	}
}

/* Either, and never both: a reason that is not true would hide that a rule has gone blind. */
static void try_each(const char *machine, const char *flavour)
{
	const struct s2_features f = features_of(machine);
	struct s2_flavour fl;
	struct s2_step_mutants mutants;
	struct s2_error err = {0};
	char name[96];

	assert_i64(s2_flavour_parse(flavour, &fl, NULL), 0);
	assert_i64(s2_step_mutants_find(&f, &fl, &mutants, &err), 0);
	assert_true(mutants.n > 15);
	for (size_t i = 0; i < mutants.n; i++) {
		const struct s2_step_mutant *mutant = &mutants.mutant[i];
		const struct s2_judge judge = run_one(&f, &fl, mutant, false);

		s2_test_row("%s as %s: %s", machine, flavour,
			    s2_step_mutant_name(mutant, name, sizeof(name)));
		assert_int_equal(judge.told, !s2_step_mutant_harmless(&f, &fl, mutant));
	}
}

static void each_step_left_out_is_found_or_known_to_lose_nothing(void **state)
{
	static const char *const rows[][2] = {
		{"cortex-a72", "newest"},	      {"max", "kvm-6.12"},
		{"neoverse-n1", "kvm-6.1"},	      {"cortex-a55", "oldest"},
		{"neoverse-n2,vmid=8", "newest,repeat=each"}, {"max,vmid=8,-vhe", "newest"},
		{"max,vmid=8", "newest"},	      {"cortex-a72,+fwb", "kvm-6.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		try_each(rows[i][0], rows[i][1]);
}

/* The step's own rule, and a story that ends with it. */
static void a_mutant_is_found_by_the_rule_that_it_breaks(void **state)
{
	static const struct {
		struct s2_step_mutant mutant;
		enum s2_rule rule;
		const char *story;
	} rows[] = {
		{{.op = S2_OP_DC_CIVAC, .with = S2_OP_COUNT, .site = "stage2:map"}, S2_RULE_DATA, "writes the page for VM 0"},
		{{.op = S2_OP_TLBI_VMALLS12E1IS, .with = S2_OP_COUNT, .site = "tlb:flush_vmid"}, S2_RULE_DIRTY_LOG,
		 "kvm_mmu_wp_memory_region: dirty-harvested"},
		{{.op = S2_OP_TLBI_IPAS2E1IS, .with = S2_OP_COUNT, .site = "tlb:flush_vmid_ipa"}, S2_RULE_BREAK_BEFORE_MAKE,
		 "stores descriptor"},
		{{.op = S2_OP_TLBI_IPAS2E1, .with = S2_OP_COUNT, .site = "tlb:flush_vmid_ipa_nsh"}, S2_RULE_PROGRESS,
		 "kvm_handle_guest_abort: fault-resolved"},
	};
	const struct s2_features f = features_of("cortex-a72");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_judge judge = run_one(&f, s2_flavour_find("newest"), &rows[i].mutant,
							   true);
		char lines[S2_TOLD_LINES * 2 * S2_STORY_TEXT];

		s2_test_row("row %zu", i);
		assert_true(judge.told);
		assert_i64(judge.tell.rule, rows[i].rule);
		(void)s2_told_lines(&judge.story, lines, sizeof(lines));
		assert_non_null(strstr(lines, rows[i].story));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(the_life_breaks_no_rule_on_any_machine),
		s2_unit_test(each_step_left_out_is_found_or_known_to_lose_nothing),
		s2_unit_test(a_mutant_is_found_by_the_rule_that_it_breaks),
	};

	return cmocka_run_group_tests_name("study/mutants/steps", tests, NULL, NULL);
}
