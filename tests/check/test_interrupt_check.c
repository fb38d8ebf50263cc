/* SPDX-License-Identifier: MIT */
/* The account of interrupts: who an SGI names, and what is lost, astray or read wrong. */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <stage2sim/interrupt_check.h>

static struct s2_interrupt_check *account(bool rss)
{
	static const uint64_t mpidrs[] = {0x0, 0x1, 0x100, 0x10, UINT64_C(0x100000000)};
	struct s2_interrupt_check *check;

	/* One more, which nobody has told of. */
	assert_i64(s2_interrupt_check_create(ARRAY_SIZE(mpidrs) + 1, rss, &check), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(mpidrs); i++)
		s2_interrupt_check_mpidr(check, i, s2_mpidr(mpidrs[i] | S2_MPIDR_RES1));
	return check;
}

static unsigned expected(const struct s2_interrupt_check *check, uint32_t intid)
{
	unsigned set = 0;

	for (unsigned i = 0; i < 6; i++)
		set |= (unsigned)s2_interrupt_check_expects(check, i, intid) << i;
	return set;
}

static void an_sgi_is_for_those_whose_affinity_it_names(void **state)
{
	static const struct {
		struct s2_sgi sgi;
		bool rss;
		unsigned set;
	} rows[] = {
		{{.targets = 0x3, .intid = 4}, false, 0x3},
		{{.targets = 0x1, .aff1 = 1, .intid = 4}, false, 0x4},
		{{.targets = 0x1, .aff3 = 1, .intid = 4}, false, 0x10},
		{{.targets = 0x1, .aff2 = 1, .intid = 4}, false, 0},
		/* RS 1: Aff0 16, or with RS taken for 0, Aff0 0. */
		{{.targets = 0x1, .rs = 1, .intid = 4}, true, 0x8},
		{{.targets = 0x1, .rs = 1, .intid = 4}, false, 0x1},
		/* All but the sender, whoever has been told of. */
		{{.all_but_self = true, .intid = 4}, false, 0x1b},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_interrupt_check *check = account(rows[i].rss);
		uint64_t value;

		s2_test_row("row %zu", i);
		assert_i64(s2_sgi_encode(&rows[i].sgi, &value), 0);
		s2_interrupt_check_sgi(check, 2, value);
		assert_int_equal(expected(check, 4), rows[i].set);
		assert_int_equal(expected(check, 5), 0);
		s2_interrupt_check_free(check);
	}
}

static void what_is_taken_must_be_pending_and_what_is_pending_taken(void **state)
{
	struct s2_interrupt_check *check = account(false);
	char text[200];

	(void)state;
	s2_interrupt_check_raise(check, 1, 40);
	s2_interrupt_check_taken(check, 1, 40);
	s2_interrupt_check_raise(check, 1, 41);
	s2_interrupt_check_lower(check, 1, 41);
	s2_interrupt_check_quiet(check, 1);
	assert_u64(s2_interrupt_check_count(check), 0);
	assert_null(s2_interrupt_check_first(check));

	s2_interrupt_check_taken(check, 1, 40);
	assert_i64(s2_interrupt_check_first(check)->finding, S2_FOUND_IRQ_ASTRAY);
	assert_i64(s2_interrupt_check_first(check)->rule, S2_RULE_INTERRUPTS);
	s2_violation_text(s2_interrupt_check_first(check), text, sizeof(text));
	assert_non_null(strstr(text, "interrupts: vcpu 1"));
	s2_interrupt_check_raise(check, 0, 1023);
	s2_interrupt_check_quiet(check, 0);
	s2_interrupt_check_quiet(check, 0);
	assert_u64(s2_interrupt_check_count(check), 2);
	s2_interrupt_check_free(check);
}

static void an_interrupt_that_is_never_taken_is_lost(void **state)
{
	struct s2_interrupt_check *check = account(false);

	(void)state;
	s2_interrupt_check_raise(check, 3, 27);
	s2_interrupt_check_quiet(check, 2);
	assert_u64(s2_interrupt_check_count(check), 0);
	s2_interrupt_check_quiet(check, 3);
	assert_i64(s2_interrupt_check_first(check)->finding, S2_FOUND_IRQ_LOST);
	assert_int_equal(s2_interrupt_check_first(check)->vcpu, 3);
	assert_int_equal(s2_interrupt_check_first(check)->intid, 27);
	s2_interrupt_check_free(check);
}

static void a_register_reads_as_specified(void **state)
{
	struct s2_interrupt_check *check = account(false);
	char text[200];

	(void)state;
	s2_interrupt_check_register(check, 0, "GICD_IIDR", 5, 5);
	assert_u64(s2_interrupt_check_count(check), 0);
	s2_interrupt_check_register(check, 0, "GICD_IIDR", 4, 5);
	s2_violation_text(s2_interrupt_check_first(check), text, sizeof(text));
	assert_non_null(strstr(text, "GICD_IIDR is 0x4, not 0x5"));
	s2_interrupt_check_free(check);
}

static void no_vcpus_and_too_many_are_refused(void **state)
{
	struct s2_interrupt_check *check;

	(void)state;
	assert_i64(s2_interrupt_check_create(0, false, &check), -EINVAL);
	assert_i64(s2_interrupt_check_create(65536, false, &check), -EINVAL);
	s2_interrupt_check_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(an_sgi_is_for_those_whose_affinity_it_names),
		s2_unit_test(what_is_taken_must_be_pending_and_what_is_pending_taken),
		s2_unit_test(an_interrupt_that_is_never_taken_is_lost),
		s2_unit_test(a_register_reads_as_specified),
		s2_unit_test(no_vcpus_and_too_many_are_refused),
	};

	return cmocka_run_group_tests_name("check/interrupt_check", tests, NULL, NULL);
}
