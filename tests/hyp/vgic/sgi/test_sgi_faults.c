/* SPDX-License-Identifier: MIT */
/* Faults that were once published, as policies: each misroutes, and ours do not. */
#include "hyp/vgic/sgi/sgi_dispatch.h"
#include "hyp/vgic/sgi_fixture.h"
#include "hyp/vgic/sgi/sgi_queue.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/delivery/vgic_run.h"

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
		assert_u64(sgi_pending(&vm, 0), forms[i] == S2_BROADCAST_BY_INDEX ? 0x7 : 0xe);
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
	const struct s2_vgic_config cfg = sgi_policy("bits");
	struct vm vm = {0};
	uint64_t set;

	vm_machine(&vm, 1);
	vm_start(&vm, &cfg, n);
	for (unsigned i = 0; i < n; i++)
		s2_vgic_set_mpidr(vm_vcpu(&vm, i), s2_mpidr(mpidr[i]));
	s2_vgic_build_index(vm.vgic);
	vm.vgic->send = s2_sgi_send;
	vm.vgic->dispatch = dispatch;
	vm_sgi(&vm, 0, value);
	set = sgi_pending(&vm, 0);
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
			const struct s2_vgic_config cfg = sgi_policy(s2_routing_at(p)->name);

			assert_u64(sgi_reached(&cfg, rows[i].mpidr, 4, rows[i].value),
				   rows[i].right);
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
	const struct s2_vgic_config cfg = sgi_policy("bits");
	struct s2_lookup_ops mutant = s2_lookup_table_ops;
	struct vm vm = {0};

	(void)state;
	mutant.find = mutant_no_compare;
	sgi_start(&vm, &cfg, 20);
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
	const struct s2_vgic_config cfg = sgi_policy("bits-final");
	unsigned lost = 0;
	struct vm vm = {0};
	struct s2_mpidr_table *table;

	sgi_start(&vm, &cfg, n);
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
		s2_unit_test(by_index_the_wrong_vcpu_is_skipped_where_ids_are_out_of_order),
		s2_unit_test(each_published_dispatch_fault_misroutes_and_the_policies_do_not),
		s2_unit_test(without_the_compare_an_alias_and_a_hole_are_taken_for_vcpus),
		s2_unit_test(a_wrong_mask_or_narrow_entries_lose_vcpus),
	};

	return cmocka_run_group_tests_name("hyp/sgi_faults", tests, NULL, NULL);
}
