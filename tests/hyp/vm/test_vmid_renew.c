/* SPDX-License-Identifier: MIT */
/*
 * An unmap that takes a new VMID in place of TLBIs (S2_UNMAP_NEW_VMID).  With
 * R calls that unmap something, one a chunk of 1 GiB, while V vcpus of the VM
 * are loaded, one of them on the CPU that unmaps:
 *
 *     numbers taken    = R             (V > 0), and no TLBI
 *     kicks, exits, entries, DSB NSH = R x (V - 1)
 *     VTTBR_EL2 loaded = R x V         (VHE; nVHE loads it at every guest entry)
 *     rollovers        : the first generation has 2^bits - 1 numbers, each
 *                        later one less those that CPUs hold at its start
 */
#include "hyp/vm/teardown_rig.h"

#include <stage2sim/physics.h>
#include <stage2sim/residue.h>

#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"
#include "hyp/vm/vmid.h"
#include "machine/physics.h"

#define CPUS 4

static const char *const vhe_machines[] = {"neoverse-n1", "neoverse-n1,vmid=8", "max",
					   "cortex-a55"};

static struct s2_flavour renewing(void)
{
	struct s2_flavour f = *s2_flavour_find("newest");

	f.unmap_tlbi = S2_UNMAP_NEW_VMID;
	return f;
}

/* vcpus of @vm on CPUs 0 to @n - 1, those but the first in their guest. */
static void run_vcpus(struct rig *r, struct s2_vm *vm, int n)
{
	for (int i = 0; i < n; i++) {
		struct s2_cpu *cpu = s2_machine_cpu(r->m, (unsigned)i);

		assert_i64(s2_vm_add_vcpu(vm), i);
		assert_i64(s2_vcpu_load(s2_vm_vcpu(vm, i), cpu), 0);
		if (i)
			s2_count(cpu, S2_OP_GUEST_ENTRY, 1);
	}
	r->mark = s2_machine_counts(r->m);
}

static uint64_t tlbis(const struct s2_counts *c)
{
	uint64_t n = 0;

	for (int op = 0; op < S2_OP_COUNT; op++)
		n += strncmp(s2_op_name((enum s2_op)op), "tlbi_", 5) ? 0 : c->n[op];
	return n;
}

static void assert_renewals(const struct s2_counts *c, uint64_t renewals, uint64_t vcpus)
{
	const uint64_t others = vcpus ? vcpus - 1 : 0;

	assert_u64(tlbis(c), 0);
	assert_u64(c->n[S2_OP_DVM_BROADCAST], 0);
	assert_u64(c->n[S2_OP_DSB_ISH], renewals);
	assert_u64(c->n[S2_OP_DSB_NSH], renewals * others);
	assert_u64(c->n[S2_OP_KICK_IPI], renewals * others);
	assert_u64(c->n[S2_OP_GUEST_EXIT], renewals * others);
	assert_u64(c->n[S2_OP_GUEST_ENTRY], renewals * others);
	assert_u64(c->n[S2_OP_VMID_SWITCH], renewals * vcpus);
	assert_u64(c->n[S2_OP_SYSREG_WRITE], renewals * vcpus * 2);
}

static void an_unmap_costs_kicks_and_numbers_and_no_tlbi(void **state)
{
	static const uint64_t sizes[] = {PAGE, 2 * MIB + PAGE, GIB, 3 * GIB};
	const struct s2_flavour f = renewing();

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(vhe_machines); m++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (int vcpus = 0; vcpus <= CPUS; vcpus++) {
				const struct shape s = {.machine = vhe_machines[m],
							.size = sizes[i]};
				const uint64_t chunks = (s.size + GIB - 1) / GIB;
				uint64_t taken;
				struct s2_counts c;
				struct rig r;

				s2_test_row("%s, %" PRIu64 " KiB, %d vcpus", s.machine,
					    s.size / KIB, vcpus);
				rig_up(&r, &s, &f);
				map_all(&r, &s);
				run_vcpus(&r, r.vm, vcpus);
				taken = s2_vmids_taken(r.vmids);
				assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), s.size,
							   S2_UNMAP_EVENT),
					   0);
				c = lap(&r);
				assert_renewals(&c, chunks, (uint64_t)vcpus);
				assert_u64(s2_vmids_taken(r.vmids) - taken, vcpus ? chunks : 0);
				rig_down(&r);
			}
		}
	}
}

static void cleaning_and_freed_tables_are_those_of_any_unmap(void **state)
{
	const struct shape s = {.machine = "neoverse-n1", .size = GIB + 6 * MIB};
	struct s2_counts c[2];

	(void)state;
	for (int renew = 0; renew < 2; renew++) {
		struct s2_flavour f = *s2_flavour_find("newest");
		struct rig r;

		if (renew)
			f.unmap_tlbi = S2_UNMAP_NEW_VMID;
		rig_up(&r, &s, &f);
		map_all(&r, &s);
		run_vcpus(&r, r.vm, 2);
		assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), s.size, S2_UNMAP_SWAP), 0);
		c[renew] = lap(&r);
		rig_down(&r);
	}
	assert_u64(c[1].n[S2_OP_DC_CIVAC], s.size / 64);
	assert_u64(c[1].n[S2_OP_DSB_SY], s.size / PAGE);
	assert_u64(c[1].n[S2_OP_PTE_WRITE], c[0].n[S2_OP_PTE_WRITE]);
	assert_u64(c[1].n[S2_OP_TABLE_FREE], c[0].n[S2_OP_TABLE_FREE]);
}

/* Others do flush a range in which nothing is mapped; a number is not spent on it. */
static void an_unmap_of_nothing_kicks_nobody(void **state)
{
	const struct shape s = {.machine = "neoverse-n1", .size = 4 * MIB};
	const struct s2_flavour f = renewing();
	struct s2_counts c;
	struct rig r;

	(void)state;
	rig_up(&r, &s, &f);
	/* A table is there, with a page outside of the range. */
	assert_i64(s2_pgtable_map(s2_vm_mmu(r.vm), r.cpu, s2_range(RAM, PAGE), s2_pa(PA), S2_PROT_R,
				  NULL, 0),
		   0);
	run_vcpus(&r, r.vm, 2);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA + PAGE), 4 * MIB - PAGE, S2_UNMAP_EVENT),
		   0);
	c = lap(&r);
	assert_renewals(&c, 0, 2);
	assert_u64(s2_vmids_taken(r.vmids), 1);
	rig_down(&r);
}

/* A page at a time is never counted by what the page before cost. */
static void every_page_of_a_table_takes_a_number(void **state)
{
	const struct shape s = {.machine = "neoverse-n1", .size = 2 * MIB};
	const struct s2_flavour f = renewing();
	struct s2_counts c;
	struct rig r;

	(void)state;
	rig_up(&r, &s, &f);
	map_all(&r, &s);
	run_vcpus(&r, r.vm, 3);
	for (uint64_t at = 0; at < s.size; at += PAGE)
		assert_i64(s2_pgtable_unmap(s2_vm_mmu(r.vm), r.cpu, s2_range(RAM + at, PAGE)), 0);
	c = lap(&r);
	assert_renewals(&c, 512, 3);
	assert_u64(s2_vmids_taken(r.vmids), 1 + 512);
	rig_down(&r);
}

/* An MMU that no VM owns has a VMID for good. */
static void without_a_vm_the_vmid_is_flushed(void **state)
{
	const struct shape s = {.machine = "neoverse-n1", .size = MIB};
	const struct s2_flavour f = renewing();
	const struct s2_mmu_config cfg = {&f, 40, {9}};
	struct s2_mmu *mmu;
	struct rig r;

	(void)state;
	machine_up(&r, &s);
	assert_i64(s2_mmu_create(r.m, &cfg, &mmu), 0);
	assert_i64(s2_pgtable_map(mmu, r.cpu, s2_range(RAM, MIB), s2_pa(PA), S2_PROT_R, NULL, 0),
		   0);
	lap(&r);
	assert_i64(s2_pgtable_unmap(mmu, r.cpu, s2_range(RAM, MIB)), 0);
	assert_u64(lap(&r).n[S2_OP_TLBI_VMALLS12E1IS], 1);
	s2_mmu_free(mmu);
	s2_vmids_free(r.vmids);
	s2_machine_destroy(r.m);
}

/* ---- numbers ---- */

/* Maps and unmaps a page of @vm. @return the number it has then */
static unsigned spend_one(struct rig *r, struct s2_vm *vm)
{
	assert_i64(s2_pgtable_map(s2_vm_mmu(vm), r->cpu, s2_range(RAM, PAGE), s2_pa(PA), S2_PROT_R,
				  NULL, 0),
		   0);
	assert_i64(s2_pgtable_unmap(s2_vm_mmu(vm), r->cpu, s2_range(RAM, PAGE)), 0);
	return s2_mmu_vmid(s2_vm_mmu(vm)).v;
}

/*
 * One VM on V CPUs with 8 bits: 255 numbers in the first generation.  At a
 * rollover all V CPUs hold the one old number, so 254 are left in the next, the
 * one that brought it about included.
 */
static uint64_t rollovers_by(uint64_t taken)
{
	return taken <= 255 ? 0 : 1 + (taken - 256) / 254;
}

static void a_retired_number_is_not_taken_again_before_a_rollover(void **state)
{
	const struct shape s = {.machine = "neoverse-n1,vmid=8", .size = MIB};
	const struct s2_flavour f = renewing();
	uint64_t used_in[256];
	struct rig r;

	(void)state;
	memset(used_in, 0xff, sizeof(used_in));
	rig_up(&r, &s, &f);
	run_vcpus(&r, r.vm, CPUS);
	used_in[s2_mmu_vmid(s2_vm_mmu(r.vm)).v] = 0;
	for (uint64_t taken = 2; taken <= 1100; taken++) {
		const unsigned old = s2_mmu_vmid(s2_vm_mmu(r.vm)).v;
		const unsigned number = spend_one(&r, r.vm);
		const uint64_t generation = s2_vmids_rollovers(r.vmids);

		s2_test_row("number %" PRIu64, taken);
		assert_u64(s2_vmids_taken(r.vmids), taken);
		assert_u64(generation, rollovers_by(taken));
		assert_true(number != 0 && number != old);
		/* Nobody has had it since everything was flushed. */
		assert_true(used_in[number] != generation);
		/* CPUs hold the last number of a generation into the next. */
		used_in[old] = generation;
		used_in[number] = generation;
		/* All vcpus run with it, and with nothing else. */
		for (unsigned i = 0; i < CPUS; i++)
			assert_u64(s2_machine_cpu(r.m, i)->sysreg[S2_SYSREG_VTTBR_EL2] >> 48,
				   number);
	}
	assert_u64(lap(&r).n[S2_OP_TLBI_ALLE1IS], rollovers_by(1100));
	rig_down(&r);
}

/* Unmaps while nothing is loaded leave one number behind, however many they are. */
static void a_vm_that_does_not_run_takes_its_number_at_the_next_load(void **state)
{
	const struct shape s = {.machine = "neoverse-n1", .size = 4 * MIB};
	const struct s2_flavour f = renewing();
	unsigned old;
	struct rig r;

	(void)state;
	rig_up(&r, &s, &f);
	map_all(&r, &s);
	run_vcpus(&r, r.vm, 1);
	old = s2_mmu_vmid(s2_vm_mmu(r.vm)).v;
	assert_i64(s2_vcpu_put(s2_vm_vcpu(r.vm, 0)), 0);
	for (uint64_t at = 0; at < s.size; at += MIB)
		assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA + at), MIB, S2_UNMAP_EVENT), 0);
	assert_u64(s2_vmids_taken(r.vmids), 1);
	assert_i64(s2_vcpu_load(s2_vm_vcpu(r.vm, 0), r.cpu), 0);
	assert_u64(s2_vmids_taken(r.vmids), 2);
	assert_true(s2_mmu_vmid(s2_vm_mmu(r.vm)).v != old);
	rig_down(&r);
}

/* ---- what hardware may still do ---- */

struct watched {
	struct rig r;
	struct s2_physics *p;
};

static void watch_up(struct watched *w, const struct shape *s, const struct s2_flavour *f)
{
	static struct s2_tlb_config tlb;
	const struct s2_physics_config cfg = {.tlb = &tlb, .residue = true};

	tlb = s2_tlb_config_default();
	rig_up(&w->r, s, f);
	assert_i64(s2_physics_attach(w->r.m, &cfg, &w->p), 0);
	map_all(&w->r, s);
	run_vcpus(&w->r, w->r.vm, CPUS);
}

static void watch_down(struct watched *w)
{
	assert_i64(s2_physics_error(w->p), 0);
	s2_physics_detach(w->p);
	rig_down(&w->r);
}

/* @return whether the guest on CPU @index gets through to memory at @ipa */
static bool reaches(struct watched *w, unsigned index, uint64_t ipa)
{
	const struct s2_guest_access access = {
		.va = s2_va(ipa), .ipa = s2_ipa(ipa), .cacheable = true};
	struct s2_guest_result result;

	assert_i64(s2_guest_access(w->p, s2_machine_cpu(w->r.m, index), &access, &result), 0);
	return !result.fault.raised;
}

/* What CPUs in their guest may still translate by, at @ipa. */
static unsigned stale_at(struct watched *w, uint64_t ipa)
{
	unsigned n = 0;

	for (unsigned i = 1; i < CPUS; i++) {
		const struct s2_phys_cpu *cpu = &w->p->cpus[i];

		assert_true(cpu->in_guest && !cpu->draining);
		n += s2_residue_at(w->p, cpu->regime.vmid, s2_ipa(ipa), i, NULL, NULL);
		n += reaches(w, i, ipa);
	}
	return n;
}

static void warm_up(struct watched *w, uint64_t size)
{
	for (unsigned i = 1; i < CPUS; i++)
		for (uint64_t at = 0; at < size; at += PAGE)
			assert_true(reaches(w, i, RAM + at));
}

static void after_the_unmap_no_guest_translates_by_an_old_entry(void **state)
{
	static const uint64_t backings[] = {PAGE, 2 * MIB};
	const struct s2_flavour f = renewing();

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(vhe_machines); m++) {
		for (size_t b = 0; b < ARRAY_SIZE(backings); b++) {
			const struct shape s = {.machine = vhe_machines[m],
						.size = 4 * MIB,
						.backing = backings[b]};
			struct s2_vmid old;
			struct watched w;

			s2_test_row("%s, %" PRIu64, s.machine, s.backing);
			watch_up(&w, &s, &f);
			warm_up(&w, s.size);
			old = s2_mmu_vmid(s2_vm_mmu(w.r.vm));
			/* The second half of the memory, and with it a table. */
			assert_i64(s2_vm_unmap_hva(w.r.vm, w.r.cpu, s2_va(HVA + 2 * MIB), 2 * MIB,
						   S2_UNMAP_EVENT),
				   0);
			for (uint64_t at = 2 * MIB; at < 4 * MIB; at += PAGE)
				assert_u64(stale_at(&w, RAM + at), 0);
			assert_u64(s2_residue_count(w.p, s2_mmu_vmid(s2_vm_mmu(w.r.vm))), 0);
			/* What is left is under a number that nobody loads. */
			assert_true(s2_residue_count(w.p, old) > 0);
			/* CPU 0 enters later, unless the host itself may walk (speculative AT). */
			for (unsigned i = !w.r.m->features.speculative_at; i < CPUS; i++)
				assert_true(w.p->cpus[i].regime.vmid.v != old.v);
			/* The other half is as it was. */
			warm_up(&w, 2 * MIB);
			watch_down(&w);
		}
	}
}

/* By the time the number is another VM's, everything has been flushed. */
static void a_number_that_is_taken_again_has_nothing_under_it(void **state)
{
	const struct shape s = {.machine = "neoverse-n1,vmid=8", .size = MIB};
	const struct s2_flavour f = renewing();
	struct s2_vm_config cfg = {.flavour = &f, .ipa_bits = 40};
	struct s2_vm *other;
	struct watched w;
	unsigned taken_again = 0;

	(void)state;
	watch_up(&w, &s, &f);
	cfg.vmids = w.r.vmids;
	for (int i = 0; i < 600; i++) {
		spend_one(&w.r, w.r.vm);
		if (i % 16)
			continue;
		assert_i64(s2_vm_create(w.r.m, &cfg, &other), 0);
		assert_i64(s2_vm_add_vcpu(other), 0);
		s2_vcpu_put(s2_vm_vcpu(w.r.vm, 0));
		assert_i64(s2_vcpu_load(s2_vm_vcpu(other, 0), w.r.cpu), 0);
		s2_test_row("VM at %d", i);
		assert_u64(s2_residue_count(w.p, s2_mmu_vmid(s2_vm_mmu(other))), 0);
		taken_again += s2_vmids_rollovers(w.r.vmids) > 0;
		s2_vm_free(other);
		assert_i64(s2_vcpu_load(s2_vm_vcpu(w.r.vm, 0), w.r.cpu), 0);
	}
	assert_true(taken_again > 10);
	watch_down(&w);
}

/* The check above sees what it is to see: unmaps that forget the new number, or a vcpu. */
static void forget_it(void *arg, struct s2_cpu *cpu)
{
	(void)arg;
	s2_dsb(cpu, S2_DSB_ISH);
}

static void forget_the_last_vcpu(void *arg, struct s2_cpu *cpu)
{
	struct s2_vm *vm = arg;

	vm->n_vcpus--;
	s2_vm_renew_vmid(vm, cpu);
	vm->n_vcpus++;
}

/* The stores may not be seen yet by who walks under the new number. */
static void forget_the_barrier(void *arg, struct s2_cpu *cpu)
{
	struct s2_vm *vm = arg;

	(void)cpu;
	for (int i = 1; i < vm->n_vcpus; i++)
		s2_count(vm->vcpus[i]->cpu, S2_OP_GUEST_EXIT, 1);
	vm->vmid = 0;
	for (int i = 0; i < vm->n_vcpus; i++)
		s2_vcpu_load_stage2(vm->vcpus[i], vm->vcpus[i]->cpu);
	for (int i = 1; i < vm->n_vcpus; i++)
		s2_count(vm->vcpus[i]->cpu, S2_OP_GUEST_ENTRY, 1);
}

static void a_vcpu_that_translates_by_old_entries_is_seen(void **state)
{
	static const struct {
		void (*renew)(void *vm, struct s2_cpu *cpu);
		unsigned stale; /* CPUs, twice: possible, and found in the finite TLB */
	} rows[] = {
		{s2_vm_renew_vmid, 0},
		/* The finite TLB takes a store to be visible at once. */
		{forget_the_barrier, 3},
		{forget_the_last_vcpu, 2 * 1},
		{forget_it, 2 * 3},
	};
	const struct shape s = {.machine = "neoverse-n1", .size = MIB};
	const struct s2_flavour f = renewing();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watched w;

		s2_test_row("row %zu", i);
		watch_up(&w, &s, &f);
		warm_up(&w, s.size);
		s2_vm_mmu(w.r.vm)->renew_vmid = rows[i].renew;
		/* One page of many: no table goes. */
		assert_i64(s2_vm_unmap_hva(w.r.vm, w.r.cpu, s2_va(HVA), PAGE, S2_UNMAP_EVENT), 0);
		assert_u64(stale_at(&w, RAM), rows[i].stale);
		watch_down(&w);
	}
}

/* ---- the order ---- */

/* Steps of one unmap, by when they were first and last seen. */
enum step {
	CLEAR,
	KICK,
	LEAVE,
	LOAD,
	ENTER,
	CLEAN,
	FREE,
	STEPS,
};

struct order {
	uint64_t now, first[STEPS], last[STEPS];
};

static int step_of(enum s2_op op)
{
	switch (op) {
	case S2_OP_PTE_WRITE:
		return CLEAR;
	case S2_OP_KICK_IPI:
		return KICK;
	case S2_OP_DSB_NSH: /* of one that has left */
		return LEAVE;
	case S2_OP_VMID_SWITCH:
		return LOAD;
	case S2_OP_GUEST_ENTRY:
		return ENTER;
	case S2_OP_DC_CIVAC:
		return CLEAN;
	case S2_OP_TABLE_FREE:
		return FREE;
	default:
		return -1;
	}
}

static void note_order(void *arg, const struct s2_event *event)
{
	struct order *o = arg;

	for (size_t i = 0; i < event->n_insns; i++) {
		const int step = step_of(event->insns[i].op);

		o->now++;
		if (step < 0)
			continue;
		if (!o->first[step])
			o->first[step] = o->now;
		o->last[step] = o->now;
	}
}

static void all_leave_before_any_takes_the_new_number(void **state)
{
	const struct shape s = {.machine = "neoverse-n1", .size = 4 * MIB};
	const struct s2_flavour f = renewing();
	struct order o = {0};
	const struct s2_sink sink = {.event = note_order, .arg = &o};
	struct rig r;

	(void)state;
	rig_up(&r, &s, &f);
	map_all(&r, &s);
	run_vcpus(&r, r.vm, CPUS);
	assert_i64(s2_machine_add_sink(r.m, &sink), 0);
	assert_i64(s2_vm_unmap_hva(r.vm, r.cpu, s2_va(HVA), s.size, S2_UNMAP_EVENT), 0);
	s2_machine_remove_sink(r.m, &o);
	assert_true(o.first[CLEAR] && o.last[CLEAR] < o.first[KICK]);
	assert_true(o.last[KICK] < o.last[LEAVE]);
	/* Two numbers at once would split the guest's own broadcasts. */
	assert_true(o.last[LEAVE] < o.first[LOAD]);
	assert_true(o.last[LOAD] < o.first[ENTER]);
	/* Until then a guest could fetch lines, and a walker read a table. */
	assert_true(o.last[LEAVE] < o.first[CLEAN]);
	assert_true(o.last[LEAVE] < o.first[FREE]);
	assert_true(o.last[FREE] > 0);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(an_unmap_costs_kicks_and_numbers_and_no_tlbi),
		s2_unit_test(cleaning_and_freed_tables_are_those_of_any_unmap),
		s2_unit_test(an_unmap_of_nothing_kicks_nobody),
		s2_unit_test(every_page_of_a_table_takes_a_number),
		s2_unit_test(without_a_vm_the_vmid_is_flushed),
		s2_unit_test(a_retired_number_is_not_taken_again_before_a_rollover),
		s2_unit_test(a_vm_that_does_not_run_takes_its_number_at_the_next_load),
		s2_unit_test(after_the_unmap_no_guest_translates_by_an_old_entry),
		s2_unit_test(a_number_that_is_taken_again_has_nothing_under_it),
		s2_unit_test(a_vcpu_that_translates_by_old_entries_is_seen),
		s2_unit_test(all_leave_before_any_takes_the_new_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
