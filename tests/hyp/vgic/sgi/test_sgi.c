/* SPDX-License-Identifier: MIT */
/* Whom a write of an SGI register reaches, by every policy. */
#include "hyp/vgic/sgi_fixture.h"

/* kvm-unit-tests gic ipi: self, target list (the other parity), broadcast. */
static void exactly_the_targets_get_exactly_one(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		const struct s2_vgic_config cfg = sgi_policy(s2_routing_at(p)->name);
		struct vm vm = {0};

		sgi_start(&vm, &cfg, 24);
		for (unsigned i = 0; i < 24; i++)
			vm_open(&vm, i);
		for (int part = 0; part < 3; part++) {
			const unsigned intid = 1U + (unsigned)part;

			if (part == 0) {
				vm_sgi(&vm, 1, sgi_to(s2_mpidr_from_id(1), (uint8_t)intid));
			} else if (part == 1) {
				vm_sgi(&vm, 1, s2_field_put(intid, S2_SGI_INTID) | 0x5555);
				vm_sgi(&vm, 1,
				       s2_field_put(intid, S2_SGI_INTID) | 0x55 |
					       s2_field_put(1, S2_SGI_AFF1));
			} else {
				vm_sgi(&vm, 1, s2_field_put(intid, S2_SGI_INTID) | S2_SGI_IRM);
			}
			for (unsigned i = 0; i < 24; i++) {
				const bool hit = part == 0   ? i == 1
						 : part == 1 ? i % 2 == 0
							     : i != 1;

				s2_test_row("%s part %d vcpu %u", s2_routing_at(p)->name, part, i);
				assert_u64(vm_drain(&vm, i, 0), hit ? 1U << intid : 0);
				assert_u64(vm_drain(&vm, i, 0), 0);
			}
		}
		vm_stop(&vm);
	}
}

/* Unique affinities: dense, in clusters, with Aff0 beyond 15, with Aff3. */
static unsigned random_mpidrs(struct s2_test_rng *rng, uint64_t *mpidr, unsigned n)
{
	static const uint64_t masks[] = {0x30f, 0x33, UINT64_C(0x0300000103),
					 UINT64_C(0xff00ffffff)};
	const uint64_t mask = masks[s2_test_rng_below(rng, ARRAY_SIZE(masks))];
	unsigned made = 0;

	for (unsigned tries = 0; tries < 4 * n && made < n; tries++) {
		bool is_new = true;

		mpidr[made] = s2_test_rng_next(rng) & mask;
		for (unsigned i = 0; i < made; i++)
			is_new &= mpidr[i] != mpidr[made];
		made += is_new;
	}
	return made;
}

/* By the text of the architecture, each vcpu on its own. */
static uint64_t naive_targets(const uint64_t *mpidr, unsigned n, const struct s2_sgi *sgi, bool rss)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < n; i++) {
		const unsigned aff0 = mpidr[i] & 0xff;
		const unsigned first = rss ? sgi->rs * 16U : 0;
		const bool cluster = (mpidr[i] >> 8 & 0xff) == sgi->aff1 &&
				     (mpidr[i] >> 16 & 0xff) == sgi->aff2 &&
				     (mpidr[i] >> 32 & 0xff) == sgi->aff3;

		if (sgi->all_but_self ? i != 0
				      : cluster && aff0 >= first && aff0 < first + 16 &&
						(sgi->targets >> (aff0 - first) & 1))
			set |= UINT64_C(1) << i;
	}
	return set;
}

static void every_policy_reaches_the_targets_that_a_naive_search_finds(void **state)
{
	struct s2_test_rng rng = {5};

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		uint64_t mpidr[42];
		const unsigned n =
			random_mpidrs(&rng, mpidr, 2 + (unsigned)s2_test_rng_below(&rng, 40));
		const uint64_t near = mpidr[s2_test_rng_below(&rng, n)];
		const struct s2_sgi sgi = {
			.targets = (uint16_t)(s2_test_rng_below(&rng, 2) ? s2_test_rng_next(&rng)
									 : 1U << (near & 15)),
			.aff1 = near >> 8 & 0xff,
			.aff2 = near >> 16 & 0xff,
			.aff3 = near >> 32 & 0xff,
			.rs = near >> 4 & 15,
			.intid = (uint8_t)s2_test_rng_below(&rng, 16),
			.all_but_self = !s2_test_rng_below(&rng, 10),
		};
		uint64_t value;

		assert_i64(s2_sgi_encode(&sgi, &value), 0);
		for (size_t p = 0; s2_routing_at(p); p++) {
			struct s2_vgic_config cfg = sgi_policy(s2_routing_at(p)->name);

			cfg.range_selector = round % 2;
			s2_test_row("round %u %s", round, s2_routing_at(p)->name);
			assert_u64(sgi_reached(&cfg, mpidr, n, value),
				   naive_targets(mpidr, n, &sgi, cfg.range_selector));
		}
	}
}

static void a_vcpu_beyond_aff0_15_is_reached_by_broadcast_or_by_rs(void **state)
{
	static const uint64_t mpidr[] = {0x0, 0x1, 0x10, 0x41};
	const uint64_t rs1 = s2_field_put(1, S2_SGI_RS);

	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		struct s2_vgic_config cfg = sgi_policy(s2_routing_at(p)->name);

		s2_test_row("%s", s2_routing_at(p)->name);
		assert_u64(sgi_reached(&cfg, mpidr, 4, 0xffff), 0x3);
		/* KVM takes RS for 0. */
		assert_u64(sgi_reached(&cfg, mpidr, 4, 0xffff | rs1), 0x3);
		assert_u64(sgi_reached(&cfg, mpidr, 4, S2_SGI_IRM), 0xe);
		cfg.range_selector = true;
		assert_u64(sgi_reached(&cfg, mpidr, 4, 0xffff), 0x3);
		assert_u64(sgi_reached(&cfg, mpidr, 4, 0xffff | rs1), 0x4);
		assert_u64(sgi_reached(&cfg, mpidr, 4, 0xffff | s2_field_put(4, S2_SGI_RS)), 0x8);
	}
}

static void a_duplicate_gets_one_sgi_and_which_depends_on_the_policy(void **state)
{
	static const uint64_t mpidr[] = {0x0, 0x5, 0x5, 0x6};
	static const struct {
		const char *name;
		uint64_t set;
	} rows[] = {{"walk", 0x2}, {"bits-final", 0x4}, {"bits", 0x4},	     {"bits-walk", 0x4},
		    {"hash", 0x2}, {"rows", 0x2},	{"rows-matrix", 0x2}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_vgic_config cfg = sgi_policy(rows[i].name);

		s2_test_row("%s", rows[i].name);
		assert_u64(sgi_reached(&cfg, mpidr, 4, 1U << 5), rows[i].set);
	}
}

static void the_group_rule_decides_what_is_dropped_and_drops_without_an_error(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		for (int rule = 0; rule < 2; rule++) {
			for (int reg = 0; reg < S2_SGI_REGS; reg++) {
				for (int irm = 0; irm < 2; irm++) {
					struct s2_vgic_config cfg =
						sgi_policy(s2_routing_at(p)->name);
					struct vm vm = {0};

					cfg.group_rule = rule;
					sgi_start(&vm, &cfg, 3);
					/* SGI 0 of vcpu 1 is of group 0, of vcpu 2 of group 1. */
					vm_wr(&vm, 1, 0x10080, 0xfffffffe);
					s2_test_row("%s rule %d reg %d irm %d",
						    s2_routing_at(p)->name, rule, reg, irm);
					assert_i64(s2_vgic_send_sgi(vm_vcpu(&vm, 0), vm_cpu(&vm, 0),
								    reg, irm ? S2_SGI_IRM : 6),
						   0);
					assert_int_equal(vm_pending(&vm, 1, 0),
							 s2_sgi_group_ok(rule, reg, false));
					assert_int_equal(vm_pending(&vm, 2, 0),
							 s2_sgi_group_ok(rule, reg, true));
					vm_stop(&vm);
				}
			}
		}
	}
}

static void sends_are_refused_before_init_and_for_no_register(void **state)
{
	const struct s2_vgic_config cfg = sgi_policy("bits");
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &cfg, 2);
	assert_i64(s2_vgic_send_sgi(vm_vcpu(&vm, 0), vm_cpu(&vm, 0), S2_ICC_SGI1R, 2), -EBUSY);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_send_sgi(vm_vcpu(&vm, 0), vm_cpu(&vm, 0), S2_SGI_REGS, 2), -EINVAL);
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(exactly_the_targets_get_exactly_one),
		s2_unit_test(every_policy_reaches_the_targets_that_a_naive_search_finds),
		s2_unit_test(a_vcpu_beyond_aff0_15_is_reached_by_broadcast_or_by_rs),
		s2_unit_test(a_duplicate_gets_one_sgi_and_which_depends_on_the_policy),
		s2_unit_test(the_group_rule_decides_what_is_dropped_and_drops_without_an_error),
		s2_unit_test(sends_are_refused_before_init_and_for_no_register),
	};

	return cmocka_run_group_tests_name("hyp/sgi", tests, NULL, NULL);
}
