/* SPDX-License-Identifier: MIT */
/* vcpu MMU contexts: role words by hand, counts by closed form, what is refused. */
#include "support.h"

#include <string.h>

#include "hyp/context/x86_context.h"

static struct s2_machine *machine;

static int open_machine(void **state)
{
	struct s2_machine_config cfg = {.cpus = 1};

	(void)state;
	if (s2_features_preset("max", &cfg.features))
		return -1;
	return s2_machine_create(&cfg, &machine);
}

static int close_machine(void **state)
{
	(void)state;
	s2_machine_destroy(machine);
	return 0;
}

static struct s2_cpu *cpu(void)
{
	return s2_machine_cpu(machine, 0);
}

static struct s2_x86_vcpu *vcpu_of(const char *policy, enum s2_x86_paging paging,
				   const struct s2_x86_shape *shape)
{
	const struct s2_x86_vcpu_config cfg = {
		.policy = s2_x86_policy_find(policy), .paging = paging, .shape = shape};
	struct s2_x86_vcpu *vcpu;

	assert_i64(s2_x86_vcpu_create(cpu(), &cfg, &vcpu), 0);
	return vcpu;
}

static int event(struct s2_x86_vcpu *vcpu, enum s2_x86_event_kind kind, uint32_t value)
{
	const struct s2_x86_event e = {.kind = kind, .value = value};

	return s2_x86_vcpu_event(vcpu, cpu(), &e);
}

static int set_maxphyaddr(struct s2_x86_vcpu *vcpu, uint8_t bits)
{
	const struct s2_x86_event e = {.kind = S2_X86_CPUID_SET, .cpuid = {.maxphyaddr = bits}};

	return s2_x86_vcpu_event(vcpu, cpu(), &e);
}

static void long_mode(struct s2_x86_vcpu *vcpu)
{
	assert_i64(event(vcpu, S2_X86_CR4_WRITE, S2_CR4_PAE), 0);
	assert_i64(event(vcpu, S2_X86_EFER_WRITE, S2_EFER_LME | S2_EFER_NX), 0);
	assert_i64(event(vcpu, S2_X86_CR0_WRITE, S2_CR0_PG | S2_CR0_WP), 0);
}

static const struct s2_x86_roles *role(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id)
{
	return &s2_x86_vcpu_context(vcpu, id)->role;
}

/* --- role words ----------------------------------------------------------- */

static void the_bits_of_a_role_word_do_not_overlap(void **state)
{
	uint32_t seen[2] = {0, 0};

	(void)state;
	for (size_t i = 0; s2_x86_role_bit_at(i); i++) {
		const struct s2_x86_role_bit *bit = s2_x86_role_bit_at(i);
		const uint32_t low = bit->mask & (~bit->mask + 1);

		s2_test_row("%s", bit->name);
		assert_u64(seen[bit->extended] & bit->mask, 0);
		assert_u64((bit->mask + low) & bit->mask, 0); /* one run of bits */
		seen[bit->extended] |= bit->mask;
	}
	assert_u64(seen[1], ROLE_EXT_KNOWN);
}

static void without_paging_a_role_is_direct_and_has_no_level(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("rewrite-all", S2_X86_SHADOW, NULL);

	(void)state;
	assert_i64(event(vcpu, S2_X86_CR4_WRITE, S2_CR4_PAE | S2_CR4_SMEP), 0);
	assert_u64(role(vcpu, S2_X86_ROOT)->cpu_base, ROLE_DIRECT | ROLE_ACCESS);
	assert_u64(role(vcpu, S2_X86_ROOT)->cpu_ext, ROLE_EXT_VALID);
	assert_u64(role(vcpu, S2_X86_ROOT)->root_base,
		   ROLE_DIRECT | ROLE_ACCESS | ROLE_EFER_NX | 3);
	s2_x86_vcpu_free(vcpu);
}

struct mode {
	uint32_t cr0, cr4, efer;
	uint32_t base, ext, shadow_level;
};

/* Worked out by hand from the processor's modes. */
static const struct mode modes[] = {
	{S2_CR0_PG, 0, 0, 2 | ROLE_4_BYTE_GPTE, 0, 3},
	{S2_CR0_PG | S2_CR0_WP, S2_CR4_PSE, S2_EFER_NX,
	 2 | ROLE_4_BYTE_GPTE | ROLE_CR0_WP | ROLE_EFER_NX, ROLE_EXT_CR4_PSE, 3},
	{S2_CR0_PG, S2_CR4_PAE | S2_CR4_SMEP | S2_CR4_PKE, 0, 3 | ROLE_SMEP_ANDNOT_WP,
	 ROLE_EXT_CR4_SMEP, 3},
	{S2_CR0_PG | S2_CR0_WP, S2_CR4_PAE | S2_CR4_SMAP | S2_CR4_PKE, S2_EFER_LME, 4 | ROLE_CR0_WP,
	 ROLE_EXT_CR4_SMAP | ROLE_EXT_CR4_PKE | ROLE_EXT_EFER_LMA, 4},
	{S2_CR0_PG, S2_CR4_PAE | S2_CR4_LA57 | S2_CR4_SMAP, S2_EFER_LME | S2_EFER_NX,
	 5 | ROLE_EFER_NX | ROLE_SMAP_ANDNOT_WP,
	 ROLE_EXT_CR4_SMAP | ROLE_EXT_CR4_LA57 | ROLE_EXT_EFER_LMA, 5},
};

static void each_paging_mode_has_the_role_worked_out_by_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct s2_x86_vcpu *vcpu = vcpu_of("compare-role", S2_X86_SHADOW, NULL);
		const struct s2_x86_roles *r = role(vcpu, S2_X86_ROOT);

		s2_test_row("mode %zu", i);
		assert_i64(event(vcpu, S2_X86_CR4_WRITE, modes[i].cr4), 0);
		assert_i64(event(vcpu, S2_X86_EFER_WRITE, modes[i].efer), 0);
		assert_i64(event(vcpu, S2_X86_CR0_WRITE, modes[i].cr0), 0);
		assert_u64(r->cpu_base, modes[i].base | ROLE_ACCESS);
		assert_u64(r->cpu_ext, modes[i].ext | ROLE_EXT_VALID);
		assert_u64(r->root_base & ROLE_LEVEL, modes[i].shadow_level);
		s2_x86_vcpu_free(vcpu);
	}
}

static void tdp_has_5_levels_only_if_the_host_can_and_maxphyaddr_is_over_48(void **state)
{
	(void)state;
	for (int paging = S2_X86_TDP4; paging <= S2_X86_TDP5; paging++) {
		for (uint8_t bits = 32; bits <= 52; bits++) {
			struct s2_x86_vcpu *vcpu =
				vcpu_of("compare-role", (enum s2_x86_paging)paging, NULL);
			const unsigned level = paging == S2_X86_TDP5 && bits > 48 ? 5 : 4;

			s2_test_row("paging %d, MAXPHYADDR %u", paging, bits);
			assert_i64(set_maxphyaddr(vcpu, bits), 0);
			assert_u64(role(vcpu, S2_X86_ROOT)->root_base & ROLE_LEVEL, level);
			assert_u64(s2_x86_vcpu_context(vcpu, S2_X86_ROOT)
						   ->field[S2_X86_SHADOW_ROOT_LEVEL] &
					   ROLE_LEVEL,
				   level);
			s2_x86_vcpu_free(vcpu);
		}
	}
}

static void every_smm_switch_changes_the_role(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("compare-role", S2_X86_TDP4, NULL);

	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct s2_x86_roles before = *role(vcpu, S2_X86_ROOT);

		assert_i64(event(vcpu, i % 2 ? S2_X86_SMM_LEAVE : S2_X86_SMM_ENTER, 0), 0);
		assert_u64((before.cpu_base ^ role(vcpu, S2_X86_ROOT)->cpu_base) & ROLE_SMM,
			   ROLE_SMM & (~ROLE_SMM + 1));
		assert_u64((before.root_base ^ role(vcpu, S2_X86_ROOT)->root_base) & ROLE_SMM,
			   ROLE_SMM & (~ROLE_SMM + 1));
	}
	s2_x86_vcpu_free(vcpu);
}

/* --- contexts ------------------------------------------------------------- */

static void with_nested_paging_l2_has_the_guest_and_the_nested_context(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("compare-role", S2_X86_TDP4, NULL);

	(void)state;
	long_mode(vcpu);
	assert_i64(event(vcpu, S2_X86_NESTED_ENTER, 1), 0);
	assert_i64(s2_x86_vcpu_active(vcpu), S2_X86_GUEST);
	assert_i64(s2_x86_vcpu_walk(vcpu), S2_X86_NESTED);
	assert_i64(event(vcpu, S2_X86_NESTED_EXIT, 0), 0);
	assert_i64(s2_x86_vcpu_active(vcpu), S2_X86_ROOT);
	assert_i64(event(vcpu, S2_X86_NESTED_ENTER, 0), 0);
	assert_i64(s2_x86_vcpu_active(vcpu), S2_X86_ROOT);
	assert_i64(s2_x86_vcpu_walk(vcpu), S2_X86_ROOT);
	s2_x86_vcpu_free(vcpu);
}

static void an_smi_in_l2_goes_to_smm_by_l1_and_comes_back_to_l2(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("compare-role", S2_X86_TDP4, NULL);
	struct s2_x86_regs l2;

	(void)state;
	long_mode(vcpu);
	assert_i64(event(vcpu, S2_X86_NESTED_ENTER, 1), 0);
	assert_i64(event(vcpu, S2_X86_CR4_WRITE, S2_CR4_PAE | S2_CR4_SMEP), 0);
	l2 = vcpu->regs;
	assert_i64(event(vcpu, S2_X86_SMM_ENTER, 0), 0);
	assert_i64(s2_x86_vcpu_active(vcpu), S2_X86_ROOT);
	assert_i64(vcpu->guest_mode, 0);
	assert_i64(event(vcpu, S2_X86_SMM_LEAVE, 0), 0);
	assert_i64(s2_x86_vcpu_active(vcpu), S2_X86_GUEST);
	assert_memory_equal(&l2, &vcpu->regs, sizeof(l2));
	assert_i64(event(vcpu, S2_X86_NESTED_EXIT, 0), 0);
	assert_u64(vcpu->regs.cr4, S2_CR4_PAE);
	s2_x86_vcpu_free(vcpu);
}

static void contexts_have_as_many_fields_as_the_facts_name(void **state)
{
	struct s2_x86_vcpu *tdp = vcpu_of("rewrite-all", S2_X86_TDP4, NULL);
	struct s2_x86_vcpu *shadow = vcpu_of("rewrite-all", S2_X86_SHADOW, NULL);

	(void)state;
	assert_u64(s2_x86_vcpu_shape(tdp, S2_X86_ROOT).constants, 6);
	assert_u64(s2_x86_vcpu_shape(tdp, S2_X86_ROOT).role_fields, 7);
	assert_u64(s2_x86_vcpu_shape(tdp, S2_X86_NESTED).constants, 4);
	assert_u64(s2_x86_vcpu_shape(tdp, S2_X86_NESTED).role_fields, 5);
	assert_u64(s2_x86_vcpu_shape(shadow, S2_X86_ROOT).constants, 2);
	assert_u64(s2_x86_vcpu_shape(shadow, S2_X86_ROOT).role_fields, 11);
	s2_x86_vcpu_free(tdp);
	s2_x86_vcpu_free(shadow);
}

static void a_reset_unloads_a_root_and_a_run_loads_it(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("compare-role", S2_X86_TDP4, NULL);
	const struct s2_counts before = s2_machine_counts(machine);
	struct s2_counts after, diff;

	(void)state;
	assert_u64(s2_x86_vcpu_context(vcpu, S2_X86_ROOT)->root, 0);
	assert_i64(event(vcpu, S2_X86_RUN, 0), 0);
	assert_true(s2_x86_vcpu_context(vcpu, S2_X86_ROOT)->root != 0);
	assert_i64(event(vcpu, S2_X86_VCPU_RESET, 0), 0);
	assert_i64(event(vcpu, S2_X86_VCPU_RESET, 0), 0);
	assert_u64(s2_x86_vcpu_context(vcpu, S2_X86_ROOT)->root, 0);
	after = s2_machine_counts(machine);
	diff = s2_counts_since(&before, &after);
	assert_u64(diff.n[S2_OP_ROOT_UNLOAD], 1);
	s2_x86_vcpu_free(vcpu);
}

static void a_reset_in_l2_unloads_the_roots_of_l1_and_l2(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("compare-role", S2_X86_TDP4, NULL);
	struct s2_counts before, after, diff;

	(void)state;
	assert_i64(event(vcpu, S2_X86_RUN, 0), 0);
	assert_i64(event(vcpu, S2_X86_NESTED_ENTER, 1), 0);
	assert_i64(event(vcpu, S2_X86_RUN, 0), 0);
	before = s2_machine_counts(machine);
	assert_i64(event(vcpu, S2_X86_CR4_WRITE, S2_CR4_PAE), 0);
	after = s2_machine_counts(machine);
	diff = s2_counts_since(&before, &after);
	assert_u64(diff.n[S2_OP_ROOT_UNLOAD], 2);
	s2_x86_vcpu_free(vcpu);
}

/* --- counts --------------------------------------------------------------- */

/* Fields that k set-ups of ever another role write, from creation on: facts 8.4. */
static uint64_t closed_form(const char *policy, uint64_t c, uint64_t r, uint64_t k)
{
	if (!strcmp(policy, "rewrite-all") || !strcmp(policy, "compare-role"))
		return k * (c + r);
	if (!strcmp(policy, "constants-per-vcpu"))
		return S2_X86_CONTEXTS * c + k * r;
	if (!strcmp(policy, "two-cached"))
		return (k < 2 ? k : 2) * (c + r);
	return c + k * r; /* constants-once; and the patch, whose fault is not its counts */
}

/* Compares: none by A0, one a set-up; by A4 two, until the second context is in use. */
static uint64_t compares(const char *policy, uint64_t k)
{
	if (!strcmp(policy, "rewrite-all"))
		return 0;
	return strcmp(policy, "two-cached") ? k : 2 * k;
}

static struct s2_counts counts_of_switches(const char *policy, const struct s2_x86_shape *shape,
					   uint64_t k)
{
	const struct s2_counts before = s2_machine_counts(machine);
	struct s2_x86_vcpu *vcpu = vcpu_of(policy, S2_X86_TDP4, shape);
	struct s2_counts after;

	for (uint64_t i = 1; i < k; i++)
		assert_i64(event(vcpu, i % 2 ? S2_X86_SMM_ENTER : S2_X86_SMM_LEAVE, 0), 0);
	s2_x86_vcpu_free(vcpu);
	after = s2_machine_counts(machine);
	return s2_counts_since(&before, &after);
}

static void k_role_changes_write_what_the_closed_forms_say(void **state)
{
	static const uint64_t ks[] = {1, 2, 3, 4, 7, 64, 601};

	(void)state;
	for (size_t p = 0; s2_x86_policy_at(p); p++) {
		const char *name = s2_x86_policy_name(s2_x86_policy_at(p));

		for (unsigned c = 0; c <= S2_X86_SHAPE_MAX; c++) {
			for (unsigned r = 0; r <= S2_X86_SHAPE_MAX; r++) {
				for (size_t i = 0; i < ARRAY_SIZE(ks); i++) {
					const struct s2_x86_shape shape = {c, r};
					const struct s2_counts n =
						counts_of_switches(name, &shape, ks[i]);

					s2_test_row("%s C %u R %u k %" PRIu64, name, c, r, ks[i]);
					assert_u64(n.n[S2_OP_MMU_FIELD_WRITE],
						   closed_form(name, c, r, ks[i]));
					assert_u64(n.n[S2_OP_MMU_ROLE_COMPUTE], ks[i]);
					assert_u64(n.n[S2_OP_MMU_ROLE_COMPARE],
						   compares(name, ks[i]));
				}
			}
		}
	}
}

static void a_reset_with_the_same_role_costs_one_compare_and_by_a0_every_field(void **state)
{
	(void)state;
	for (size_t p = 0; s2_x86_policy_at(p); p++) {
		const char *name = s2_x86_policy_name(s2_x86_policy_at(p));
		const bool a0 = !strcmp(name, "rewrite-all");

		for (unsigned fields = 0; fields <= S2_X86_SHAPE_MAX; fields++) {
			const struct s2_x86_shape shape = {fields, S2_X86_SHAPE_MAX - fields};
			struct s2_x86_vcpu *vcpu = vcpu_of(name, S2_X86_TDP4, &shape);
			const struct s2_counts before = s2_machine_counts(machine);
			struct s2_counts after, n;

			s2_test_row("%s C %u", name, fields);
			for (int i = 0; i < 5; i++)
				assert_i64(event(vcpu, S2_X86_VCPU_RESET, 0), 0);
			after = s2_machine_counts(machine);
			n = s2_counts_since(&before, &after);
			assert_u64(n.n[S2_OP_MMU_FIELD_WRITE], a0 ? 5 * S2_X86_SHAPE_MAX : 0);
			assert_u64(n.n[S2_OP_MMU_ROLE_COMPARE], a0 ? 0 : 5);
			s2_x86_vcpu_free(vcpu);
		}
	}
}

static void
six_hundred_switches_cost_the_cached_policy_no_constant_after_the_first_two(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("two-cached", S2_X86_TDP5, NULL);
	struct s2_x86_writes after_two, end;

	(void)state;
	assert_i64(event(vcpu, S2_X86_SMM_ENTER, 0), 0);
	assert_i64(event(vcpu, S2_X86_SMM_LEAVE, 0), 0);
	after_two = s2_x86_vcpu_writes(vcpu);
	assert_u64(after_two.constant, 12);
	for (int i = 2; i < 600; i++)
		assert_i64(event(vcpu, i % 2 ? S2_X86_SMM_LEAVE : S2_X86_SMM_ENTER, 0), 0);
	end = s2_x86_vcpu_writes(vcpu);
	assert_u64(end.constant, after_two.constant);
	assert_u64(end.role, after_two.role);
	s2_x86_vcpu_free(vcpu);
}

static void comparing_roles_gains_nothing_for_smm_switches(void **state)
{
	const struct s2_counts a0 = counts_of_switches("rewrite-all", NULL, 601);
	const struct s2_counts a1 = counts_of_switches("compare-role", NULL, 601);

	(void)state;
	assert_u64(a0.n[S2_OP_MMU_FIELD_WRITE], 601 * 13);
	assert_u64(a1.n[S2_OP_MMU_FIELD_WRITE], 601 * 13);
}

/* --- refusals ------------------------------------------------------------- */

static void refused(struct s2_x86_vcpu *vcpu, enum s2_x86_event_kind kind, uint32_t value)
{
	const struct s2_x86_vcpu before = *vcpu;

	s2_test_row("%s 0x%x", s2_x86_event_name(kind), value);
	assert_i64(event(vcpu, kind, value), -EINVAL);
	assert_memory_equal(&before, vcpu, sizeof(before));
}

static void events_that_cannot_happen_are_refused_and_change_nothing(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("compare-role", S2_X86_TDP5, NULL);
	struct s2_x86_vcpu *shadow = vcpu_of("compare-role", S2_X86_SHADOW, NULL);

	(void)state;
	refused(shadow, S2_X86_NESTED_ENTER, 1);
	refused(vcpu, S2_X86_SMM_LEAVE, 0);
	refused(vcpu, S2_X86_SMM_LEAVE_FAILS, 0);
	refused(vcpu, S2_X86_NESTED_EXIT, 0);
	refused(vcpu, S2_X86_EVENT_KINDS, 0);
	refused(vcpu, S2_X86_CPUID_SET, 0);
	long_mode(vcpu);
	refused(vcpu, S2_X86_CR4_WRITE, 0);
	refused(vcpu, S2_X86_CR4_WRITE, S2_CR4_PAE | S2_CR4_LA57);
	refused(vcpu, S2_X86_EFER_WRITE, 0);
	assert_i64(event(vcpu, S2_X86_CR0_WRITE, 0), 0);
	assert_i64(event(vcpu, S2_X86_CR4_WRITE, 0), 0);
	refused(vcpu, S2_X86_CR0_WRITE, S2_CR0_PG);
	assert_i64(event(vcpu, S2_X86_SMM_ENTER, 0), 0);
	refused(vcpu, S2_X86_SMM_ENTER, 0);
	refused(vcpu, S2_X86_NESTED_ENTER, 0);
	s2_x86_vcpu_free(vcpu);
	s2_x86_vcpu_free(shadow);
}

static void cpuid_cannot_change_after_the_first_run(void **state)
{
	struct s2_x86_vcpu *vcpu = vcpu_of("compare-role", S2_X86_TDP5, NULL);

	(void)state;
	assert_i64(set_maxphyaddr(vcpu, 52), 0);
	assert_i64(set_maxphyaddr(vcpu, 53), -EINVAL);
	assert_i64(set_maxphyaddr(vcpu, 31), -EINVAL);
	assert_i64(event(vcpu, S2_X86_RUN, 0), 0);
	assert_i64(set_maxphyaddr(vcpu, 46), -EINVAL);
	s2_x86_vcpu_free(vcpu);
}

static void impossible_configurations_are_refused(void **state)
{
	const struct s2_x86_shape wide = {S2_X86_SHAPE_MAX + 1, 0};
	const struct s2_x86_policy *policy = s2_x86_policy_at(0);
	const struct s2_x86_vcpu_config bad[] = {
		{.policy = NULL},
		{.policy = policy, .paging = S2_X86_PAGINGS},
		{.policy = policy, .vendor = S2_X86_VENDORS},
		{.policy = policy, .shape = &wide},
		{.policy = policy, .cpuid = {.maxphyaddr = 53}},
		{.policy = policy, .cpuid = {.gbpages = 1}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct s2_x86_vcpu *vcpu = NULL;

		s2_test_row("row %zu", i);
		assert_i64(s2_x86_vcpu_create(cpu(), &bad[i], &vcpu), -EINVAL);
		assert_null(vcpu);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(the_bits_of_a_role_word_do_not_overlap),
		s2_unit_test(without_paging_a_role_is_direct_and_has_no_level),
		s2_unit_test(each_paging_mode_has_the_role_worked_out_by_hand),
		s2_unit_test(tdp_has_5_levels_only_if_the_host_can_and_maxphyaddr_is_over_48),
		s2_unit_test(every_smm_switch_changes_the_role),
		s2_unit_test(with_nested_paging_l2_has_the_guest_and_the_nested_context),
		s2_unit_test(an_smi_in_l2_goes_to_smm_by_l1_and_comes_back_to_l2),
		s2_unit_test(contexts_have_as_many_fields_as_the_facts_name),
		s2_unit_test(a_reset_unloads_a_root_and_a_run_loads_it),
		s2_unit_test(a_reset_in_l2_unloads_the_roots_of_l1_and_l2),
		s2_unit_test(k_role_changes_write_what_the_closed_forms_say),
		s2_unit_test(a_reset_with_the_same_role_costs_one_compare_and_by_a0_every_field),
		s2_unit_test(
			six_hundred_switches_cost_the_cached_policy_no_constant_after_the_first_two),
		s2_unit_test(comparing_roles_gains_nothing_for_smm_switches),
		s2_unit_test(events_that_cannot_happen_are_refused_and_change_nothing),
		s2_unit_test(cpuid_cannot_change_after_the_first_run),
		s2_unit_test(impossible_configurations_are_refused),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
