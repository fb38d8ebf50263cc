/* SPDX-License-Identifier: MIT */
/*
 * SGI dispatch: what each policy costs, derived here for every number of
 * vcpus, and whom it reaches, also with each fault that was once published.
 */
#include "hyp/vgic_fixture.h"

#define MAX S2_VGIC_MAX_CPUS

static struct s2_vgic_config policy(const char *name)
{
	const struct s2_vgic_config cfg = {.routing = s2_routing_find(name)->routing,
					   .late_vcpus = true};

	return cfg;
}

/* A VM that has run: tables are built. */
static void start(struct vm *vm, const struct s2_vgic_config *cfg, unsigned n)
{
	vm_machine(vm, 1);
	vm_start(vm, cfg, n);
	s2_vgic_build_index(vm->vgic);
}

/* Without a table, as when MPIDRs differ in too many bits. */
static void drop_table(struct vm *vm)
{
	s2_mpidr_table_drop(vm->vgic);
	vm->vgic->cfg.page_shift = 0;
}

/* Probes of one write. */
static uint64_t probes(struct vm *vm, uint64_t value)
{
	vm_mark(vm);
	vm_sgi(vm, 0, value);
	return vm_counted(vm, S2_OP_VCPU_PROBE);
}

static uint64_t list_to(struct s2_mpidr cluster, uint16_t targets)
{
	const struct s2_sgi sgi = {.targets = targets,
				   .aff1 = s2_mpidr_aff(cluster, 1),
				   .aff2 = s2_mpidr_aff(cluster, 2),
				   .intid = 1};
	uint64_t value;

	assert_i64(s2_sgi_encode(&sgi, &value), 0);
	return value;
}

enum form {
	WALK,
	FINAL,
	SCANS,
	NO_TABLE,
	FORMS
};

static const char *const form_policy[FORMS] = {"walk", "bits-final", "bits", "bits"};

/* What finding one vcpu takes; index n means that it is absent. */
static uint64_t lookup_cost(enum form form, unsigned n, unsigned index)
{
	const bool has_table = form != NO_TABLE && form != WALK && n > 1;
	const uint64_t scan = index < n ? index + 1U : n;

	if (!has_table)
		return scan;
	return index < n || form == FINAL ? 1 : 1 + scan;
}

/*
 * What a list costs by the text of the algorithm: the old walk ends at the
 * last target or never, the new form looks each bit up.
 */
static uint64_t list_cost(enum form form, unsigned n, const unsigned *index, unsigned n_targets)
{
	uint64_t cost = 0;
	unsigned last = 0;

	for (unsigned i = 0; i < n_targets; i++) {
		cost += lookup_cost(form, n, index[i]);
		if (index[i] > last)
			last = index[i];
	}
	if (form != WALK)
		return cost;
	if (!n_targets)
		return 0;
	return last < n ? last + 1U : n;
}

static void check_lists(struct vm *vm, enum form form, unsigned n)
{
	const unsigned cluster = (n - 1) / 16;
	const struct s2_mpidr last = s2_mpidr_from_id(n - 1);
	unsigned index[16];
	unsigned hits = 0;

	for (unsigned i = 0; i < n; i += 1 + n / 16) {
		const uint64_t value = sgi_to(s2_mpidr_from_id(i), 1);

		assert_u64(probes(vm, value), list_cost(form, n, &i, 1));
	}
	/* The last cluster, full: absent targets where n is no multiple of 16. */
	for (unsigned i = 0; i < 16; i++) {
		index[i] = cluster * 16 + i < n ? cluster * 16 + i : n;
		hits += index[i] < n;
	}
	assert_u64(probes(vm, list_to(last, 0xffff)), list_cost(form, n, index, 16));
	assert_u64(vm_counted(vm, S2_OP_SGI_QUEUE), hits);
	/* A cluster that nobody is in. */
	for (unsigned i = 0; i < 16; i++)
		index[i] = n;
	assert_u64(probes(vm, list_to(s2_mpidr(0x3f00), 0xffff)), list_cost(form, n, index, 16));
	assert_u64(vm_counted(vm, S2_OP_SGI_QUEUE), 0);
	assert_u64(probes(vm, list_to(last, 0)), 0);
}

static void the_formulas_hold_for_every_number_of_vcpus(void **state)
{
	(void)state;
	for (int form = 0; form < FORMS; form++) {
		const struct s2_vgic_config cfg = policy(form_policy[form]);

		for (unsigned n = 1; n <= MAX; n++) {
			struct vm vm = {0};

			start(&vm, &cfg, n);
			if (form == NO_TABLE)
				drop_table(&vm);
			s2_test_row("%s form %d N = %u", form_policy[form], form, n);
			check_lists(&vm, form, n);
			vm_stop(&vm);
		}
	}
}

/* One write a cluster and one a vcpu, N a multiple of 16: closed forms. */
static void whole_vm_patterns_cost_8w_w_plus_1_and_n_n_plus_1_over_2(void **state)
{
	(void)state;
	for (unsigned n = 16; n <= MAX; n += 16) {
		for (int form = WALK; form <= FINAL; form++) {
			const struct s2_vgic_config cfg = policy(form_policy[form]);
			const uint64_t w = n / 16;
			uint64_t clusters = 0;
			uint64_t each = 0;
			struct vm vm = {0};

			start(&vm, &cfg, n);
			for (unsigned c = 0; c < w; c++)
				clusters += probes(&vm, list_to(s2_mpidr_from_id(16 * c), 0xffff));
			for (unsigned i = 0; i < n; i++)
				each += probes(&vm, sgi_to(s2_mpidr_from_id(i), 1));
			s2_test_row("%s N = %u", form_policy[form], n);
			assert_u64(clusters, form == WALK ? 8 * w * (w + 1) : n);
			assert_u64(each, form == WALK ? n * (n + 1ULL) / 2 : n);
			vm_stop(&vm);
		}
	}
}

/* The 16-fold losses that nobody measured. */
static void absent_targets_and_no_table_cost_up_to_16_walks(void **state)
{
	static const struct {
		const char *policy;
		bool table;
		unsigned n;
		bool absent;
		unsigned expected;
	} rows[] = {
		{"walk", true, 512, true, 512},	     {"bits-final", true, 512, true, 16},
		{"bits", true, 512, true, 8208},     {"bits", false, 512, true, 8192},
		{"walk", true, 512, false, 512},     {"bits", true, 512, false, 16},
		{"bits", false, 512, false, 8072},   {"bits", false, 64, false, 904},
		{"bits-walk", true, 512, true, 528}, {"bits-walk", false, 512, true, 512},
		{"bits-walk", true, 512, false, 16}, {"bits-walk", false, 512, false, 512},
		{"hash", true, 512, true, 0},	     {"hash", true, 512, false, 16},
		{"rows", true, 512, true, 0},	     {"rows", true, 512, false, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_vgic_config cfg = policy(rows[i].policy);
		const uint64_t absent = list_to(s2_mpidr(0x3f00), 0xffff);
		struct vm vm = {0};

		start(&vm, &cfg, rows[i].n);
		if (!rows[i].table)
			drop_table(&vm);
		s2_test_row("%s row %zu", rows[i].policy, i);
		assert_u64(probes(&vm, rows[i].absent
					       ? absent
					       : list_to(s2_mpidr_from_id(rows[i].n - 1), 0xffff)),
			   rows[i].expected);
		vm_stop(&vm);
	}
}

static void a_broadcast_visits_all_and_queues_all_but_one(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		const struct s2_vgic_config cfg = policy(s2_routing_at(p)->name);
		const bool matrix = cfg.routing.broadcast == S2_BROADCAST_MATRIX;

		for (unsigned n = 1; n <= MAX; n += n < 20 ? 1 : 41) {
			struct vm vm = {0};

			start(&vm, &cfg, n);
			s2_test_row("%s N = %u", s2_routing_at(p)->name, n);
			assert_u64(probes(&vm, S2_SGI_IRM), 0);
			assert_u64(vm_counted(&vm, S2_OP_VCPU_VISIT), matrix ? (n + 63) / 64 : n);
			for (unsigned i = 0; i < n; i++)
				assert_int_equal(vm_pending(&vm, i, 0), i != 0);
			assert_u64(vm_counted(&vm, S2_OP_SGI_QUEUE), n - 1);
			assert_u64(vm_counted(&vm, S2_OP_MPIDR_GATHER), 0);
			vm_stop(&vm);
		}
	}
}

/* kvm-unit-tests gic ipi: self, target list (the other parity), broadcast. */
static void exactly_the_targets_get_exactly_one(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		const struct s2_vgic_config cfg = policy(s2_routing_at(p)->name);
		struct vm vm = {0};

		start(&vm, &cfg, 24);
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

static uint64_t pending_set(struct vm *vm, unsigned intid)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < s2_vgic_vcpus(vm->vgic); i++)
		set |= (uint64_t)vm_pending(vm, i, intid) << i;
	return set;
}

/* Whom a write reaches on a VM with these MPIDRs, by each policy. */
static uint64_t reached(const struct s2_vgic_config *cfg, const uint64_t *mpidr, unsigned n,
			uint64_t value)
{
	struct vm vm = {0};
	uint64_t set;

	vm_machine(&vm, 1);
	vm_start(&vm, cfg, n);
	for (unsigned i = 0; mpidr && i < n; i++)
		s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr(mpidr[i]));
	s2_vgic_build_index(vm.vgic);
	vm_sgi(&vm, 0, value);
	set = pending_set(&vm, (unsigned)s2_field_get(value, S2_SGI_INTID));
	vm_stop(&vm);
	return set;
}

static void policies_reach_the_same_vcpus_for_random_mpidrs(void **state)
{
	struct s2_test_rng rng = {5};

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		const unsigned n = 2 + (unsigned)s2_test_rng_below(&rng, 40);
		const struct s2_vgic_config walk = policy("walk");
		uint64_t mpidr[42];
		uint64_t value =
			s2_test_rng_next(&rng) & (S2_SGI_TARGETS | S2_SGI_INTID | S2_BITS(17, 16));

		for (unsigned i = 0; i < n; i++)
			mpidr[i] = s2_mpidr_from_id(i * 5 % 64).v;
		for (size_t p = 1; s2_routing_at(p); p++) {
			const struct s2_vgic_config cfg = policy(s2_routing_at(p)->name);

			s2_test_row("round %u %s", round, s2_routing_at(p)->name);
			assert_u64(reached(&cfg, mpidr, n, value), reached(&walk, mpidr, n, value));
		}
	}
}

static void a_vcpu_beyond_aff0_15_is_reached_by_broadcast_or_by_rs(void **state)
{
	static const uint64_t mpidr[] = {0x0, 0x1, 0x10, 0x41};
	const uint64_t rs1 = s2_field_put(1, S2_SGI_RS);

	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		struct s2_vgic_config cfg = policy(s2_routing_at(p)->name);

		s2_test_row("%s", s2_routing_at(p)->name);
		assert_u64(reached(&cfg, mpidr, 4, 0xffff), 0x3);
		/* KVM takes RS for 0. */
		assert_u64(reached(&cfg, mpidr, 4, 0xffff | rs1), 0x3);
		assert_u64(reached(&cfg, mpidr, 4, S2_SGI_IRM), 0xe);
		cfg.range_selector = true;
		assert_u64(reached(&cfg, mpidr, 4, 0xffff), 0x3);
		assert_u64(reached(&cfg, mpidr, 4, 0xffff | rs1), 0x4);
		assert_u64(reached(&cfg, mpidr, 4, 0xffff | s2_field_put(4, S2_SGI_RS)), 0x8);
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
		const struct s2_vgic_config cfg = policy(rows[i].name);

		s2_test_row("%s", rows[i].name);
		assert_u64(reached(&cfg, mpidr, 4, 1U << 5), rows[i].set);
	}
}

static void the_group_rule_decides_what_is_dropped_and_drops_without_an_error(void **state)
{
	(void)state;
	for (size_t p = 0; s2_routing_at(p); p++) {
		for (int rule = 0; rule < 2; rule++) {
			for (int reg = 0; reg < S2_SGI_REGS; reg++) {
				for (int irm = 0; irm < 2; irm++) {
					struct s2_vgic_config cfg = policy(s2_routing_at(p)->name);
					struct vm vm = {0};

					cfg.group_rule = rule;
					start(&vm, &cfg, 3);
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
	const struct s2_vgic_config cfg = policy("bits");
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &cfg, 2);
	assert_i64(s2_vgic_send_sgi(vm_vcpu(&vm, 0), vm_cpu(&vm, 0), S2_ICC_SGI1R, 2), -EBUSY);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_send_sgi(vm_vcpu(&vm, 0), vm_cpu(&vm, 0), S2_SGI_REGS, 2), -EINVAL);
	vm_stop(&vm);
}

/* --- published faults, as policies ----------------------------------------- */

/* f3f60a565391: a vcpu of id 0 is not the first. */
static void by_index_the_wrong_vcpu_is_skipped_where_ids_are_out_of_order(void **state)
{
	static const enum s2_sgi_broadcast forms[] = {S2_BROADCAST_BY_INDEX, S2_BROADCAST_PLAIN,
						      S2_BROADCAST_MATRIX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct s2_vgic_config cfg = {.routing.broadcast = forms[i]};
		struct vm vm = {0};

		vm_machine(&vm, 1);
		vm_raw(&vm, &cfg, 0);
		for (unsigned v = 0; v < 4; v++)
			assert_i64(s2_vgic_add_vcpu(vm.vgic, 3 - v, NULL), 0);
		assert_i64(s2_vgic_init(vm.vgic), 0);
		vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
		/* The sender has index 0 and id 3. */
		vm_sgi(&vm, 0, S2_SGI_IRM);
		s2_test_row("%s", s2_sgi_broadcast_name(forms[i]));
		assert_u64(pending_set(&vm, 0), forms[i] == S2_BROADCAST_BY_INDEX ? 0x7 : 0xe);
		vm_stop(&vm);
	}
}

/* RFC v2: dispatch ends at the first target that is absent. */
static void mutant_stops_at_absent(struct s2_sgi_write *w)
{
	for (unsigned bit = 0; bit < 16; bit++) {
		const struct s2_mpidr m = s2_mpidr(w->cluster.v | bit);

		if (!(w->targets & 1U << bit))
			continue;
		if (s2_mpidr_to_vcpu(w->vgic, w->cpu, m) == S2_NO_VCPU)
			return;
		s2_sgi_queue(w, s2_mpidr_to_vcpu(w->vgic, w->cpu, m));
	}
}

/* RFC v1: the value made of the affinity is taken for an index. */
static void mutant_affinity_is_index(struct s2_sgi_write *w)
{
	for (unsigned bit = 0; bit < 16; bit++) {
		const unsigned index = s2_mpidr_aff(w->cluster, 1) * 16U + bit;

		if ((w->targets & 1U << bit) && index < w->vgic->n_vcpus)
			s2_sgi_queue(w, index);
	}
}

/* Old match_mpidr(): a shift by Aff0, cut to six bits as hardware does. */
static void mutant_shift_by_aff0(struct s2_sgi_write *w)
{
	for (unsigned i = 0; i < w->vgic->n_vcpus; i++) {
		const uint64_t hwid = w->vgic->hwid[i];

		if ((hwid & ~UINT64_C(0xff)) == w->cluster.v &&
		    w->targets >> (hwid & 0xff) % 64 & 1)
			s2_sgi_queue(w, i);
	}
}

/* Firecracker's mask: one bit short. */
static void mutant_mask_23_bits(struct s2_sgi_write *w)
{
	for (unsigned i = 0; i < w->vgic->n_vcpus; i++)
		if (((w->vgic->hwid[i] ^ w->cluster.v) & 0x7ffff0) == 0 &&
		    w->targets >> (w->vgic->hwid[i] & 15) & 1)
			s2_sgi_queue(w, i);
}

static uint64_t reached_by(s2_sgi_dispatch_fn dispatch, const uint64_t *mpidr, unsigned n,
			   uint64_t value)
{
	const struct s2_vgic_config cfg = policy("bits");
	struct vm vm = {0};
	uint64_t set;

	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, n);
	for (unsigned i = 0; i < n; i++)
		s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr(mpidr[i]));
	s2_vgic_build_index(vm.vgic);
	vm.vgic->dispatch = dispatch;
	vm_sgi(&vm, 0, value);
	set = pending_set(&vm, 0);
	vm_stop(&vm);
	return set;
}

static void each_published_dispatch_fault_misroutes_and_the_policies_do_not(void **state)
{
	/* Bit 1 is absent and bit 2 is not. */
	static const uint64_t hole[] = {0x0, 0x2, 0x3, 0x4};
	static const uint64_t reversed[] = {0x3, 0x2, 0x1, 0x0};
	static const uint64_t far[] = {0x0, 0x1, 0x2, 0x40};
	static const uint64_t high[] = {0x0, 0x1, 0x2, 0x800001};
	static const struct {
		s2_sgi_dispatch_fn fault;
		const uint64_t *mpidr;
		uint64_t value;
		uint64_t right;
	} rows[] = {
		{mutant_stops_at_absent, hole, 0x6, 0x2},
		{mutant_affinity_is_index, reversed, 0x1, 0x8},
		{mutant_shift_by_aff0, far, 0x1, 0x1},
		{mutant_mask_23_bits, high, 0x2, 0x2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("row %zu", i);
		for (size_t p = 0; s2_routing_at(p); p++) {
			const struct s2_vgic_config cfg = policy(s2_routing_at(p)->name);

			assert_u64(reached(&cfg, rows[i].mpidr, 4, rows[i].value), rows[i].right);
		}
		assert_true(reached_by(rows[i].fault, rows[i].mpidr, 4, rows[i].value) !=
			    rows[i].right);
	}
}

/* --- faults of the table, as lookups --------------------------------------- */

/* No compare after the access: a hole answers with index 0, an alias with another. */
static uint16_t mutant_no_compare(const struct s2_vgic *vgic, struct s2_cpu *cpu,
				  struct s2_mpidr hwid)
{
	(void)cpu;
	return vgic->table.entry[s2_mpidr_index(&vgic->table.gather, hwid)];
}

static void without_the_compare_an_alias_and_a_hole_are_taken_for_vcpus(void **state)
{
	const struct s2_vgic_config cfg = policy("bits");
	struct s2_lookup_ops mutant = s2_lookup_table_ops;
	struct vm vm = {0};

	(void)state;
	mutant.find = mutant_no_compare;
	start(&vm, &cfg, 20);
	assert_null(s2_vgic_lookup(vm.vgic, vm_cpu(&vm, 0), s2_mpidr(0x10003)));
	assert_null(s2_vgic_lookup(vm.vgic, vm_cpu(&vm, 0), s2_mpidr(0x10f)));
	vm.vgic->lookup = &mutant;
	assert_non_null(s2_vgic_lookup(vm.vgic, vm_cpu(&vm, 0), s2_mpidr(0x10003)));
	assert_non_null(s2_vgic_lookup(vm.vgic, vm_cpu(&vm, 0), s2_mpidr(0x10f)));
	vm_stop(&vm);
}

/* The table built of a mask, and with entries, as a fault would have them. */
static unsigned lost_with(uint64_t mask, unsigned entry_bits, unsigned n)
{
	const struct s2_vgic_config cfg = policy("bits-final");
	unsigned lost = 0;
	struct vm vm = {0};
	struct s2_mpidr_table *table;

	start(&vm, &cfg, n);
	table = &vm.vgic->table;
	table->gather = s2_mpidr_gather(mask);
	for (unsigned i = 0; i < n; i++)
		table->entry[s2_mpidr_index(&table->gather, s2_mpidr(vm.vgic->hwid[i]))] =
			(uint16_t)(i & ((1U << entry_bits) - 1U));
	for (unsigned i = 0; i < n; i++)
		lost += !s2_vgic_lookup(vm.vgic, vm_cpu(&vm, 0), s2_mpidr_from_id(i));
	vm_stop(&vm);
	return lost;
}

static void a_wrong_mask_or_narrow_entries_lose_vcpus(void **state)
{
	(void)state;
	assert_int_equal(lost_with(0x1f0f, 16, 512), 0);
	/* Entries of eight bits: indices from 256 wrap. */
	assert_int_equal(lost_with(0x1f0f, 8, 512), 256);
	/* AND begun at 0 makes the mask the OR: right here, but larger than it need be. */
	assert_int_equal(lost_with(0x0f0f, 16, 512), 256);
	/* Affinities of ids put together without the gap of Aff1. */
	assert_int_equal(lost_with(0x01ff, 16, 512), 512 - 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(the_formulas_hold_for_every_number_of_vcpus),
		s2_unit_test(whole_vm_patterns_cost_8w_w_plus_1_and_n_n_plus_1_over_2),
		s2_unit_test(absent_targets_and_no_table_cost_up_to_16_walks),
		s2_unit_test(a_broadcast_visits_all_and_queues_all_but_one),
		s2_unit_test(exactly_the_targets_get_exactly_one),
		s2_unit_test(policies_reach_the_same_vcpus_for_random_mpidrs),
		s2_unit_test(a_vcpu_beyond_aff0_15_is_reached_by_broadcast_or_by_rs),
		s2_unit_test(a_duplicate_gets_one_sgi_and_which_depends_on_the_policy),
		s2_unit_test(the_group_rule_decides_what_is_dropped_and_drops_without_an_error),
		s2_unit_test(sends_are_refused_before_init_and_for_no_register),
		s2_unit_test(by_index_the_wrong_vcpu_is_skipped_where_ids_are_out_of_order),
		s2_unit_test(each_published_dispatch_fault_misroutes_and_the_policies_do_not),
		s2_unit_test(without_the_compare_an_alias_and_a_hole_are_taken_for_vcpus),
		s2_unit_test(a_wrong_mask_or_narrow_entries_lose_vcpus),
	};

	return cmocka_run_group_tests_name("hyp/sgi", tests, NULL, NULL);
}
