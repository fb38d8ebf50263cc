/* SPDX-License-Identifier: MIT */
/*
 * A VM's API called at random with random arguments, against what must hold
 * after any call: an error of -EINVAL has issued and changed nothing, tables
 * and their pages agree, a dirty page is one that a log counts, what was
 * unmapped is not translated, and nothing of it runs the physics out of order.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/residue.h>
#include <stage2sim/vm.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_CALLS 200
#define PAGE	  UINT64_C(4096)
#define MIB	  UINT64_C(0x100000)
#define N_CPUS	  3
#define N_VCPUS	  4

/* The bytes of an input, zeros after its end. */
struct input {
	const uint8_t *data;
	size_t size;
};

struct world {
	struct input in;
	struct s2_machine *m, *other;
	struct s2_physics *p;
	struct s2_vmids *vmids;
	struct s2_flavour flavour;
	struct s2_vm *vm;
	struct s2_counts before;
	struct s2_pgtable_state tables;
};

/* Which of them did not is in the stack's line. */
#define must(holds) ((holds) ? (void)0 : abort())

static uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	for (; bytes && in->size; bytes--, in->size--)
		value = value << 8 | *in->data++;
	return value;
}

/* An address: mostly a page near one of four starts, else anything. */
static uint64_t take_address(struct input *in)
{
	static const uint64_t starts[] = {0, 64 * MIB, 1024 * MIB, UINT64_C(1) << 40};
	const unsigned how = (unsigned)take(in, 1);

	if (how < 8)
		return take(in, 8);
	return starts[how % 4] + take(in, 2) * PAGE + (how % 64 == 63 ? how : 0);
}

static uint64_t take_size(struct input *in)
{
	const unsigned how = (unsigned)take(in, 1);

	if (how < 8)
		return take(in, 8);
	return how % 2 ? take(in, 2) * PAGE : (take(in, 1) % 8) * 2 * MIB;
}

/* A CPU: mostly of the machine. */
static struct s2_cpu *take_cpu(struct world *w)
{
	const unsigned n = (unsigned)take(&w->in, 1);

	return n >= 250 ? s2_machine_cpu(w->other, 0) : s2_machine_cpu(w->m, n % N_CPUS);
}

static struct s2_vcpu *take_vcpu(struct world *w)
{
	return s2_vm_vcpu(w->vm, (int)(take(&w->in, 1) % N_VCPUS));
}

static int take_slot(struct world *w)
{
	const int n = (int)take(&w->in, 1);

	return n < 250 ? n % 4 : n - 300 * (n % 2);
}

/* ---- calls ---- */

static int64_t add_slot(struct world *w)
{
	static const uint64_t backings[] = {PAGE, 2 * MIB, 1024 * MIB, 12345};
	struct s2_slot_config cfg = {.ipa = {take_address(&w->in)}, .size = take_size(&w->in)};
	const unsigned how = (unsigned)take(&w->in, 1);

	/* What is not there is accounted for page by page. */
	cfg.populated = how & 1 || cfg.size > 64 * MIB;
	cfg.backing = backings[how >> 1 & 3];
	cfg.life = (enum s2_backing_life)(how >> 3 & 3);
	cfg.hva.v = how & 32 ? take_address(&w->in) : cfg.ipa.v;
	cfg.pa.v = how & 64 ? take_address(&w->in) : cfg.ipa.v;
	return s2_vm_add_slot(w->vm, &cfg);
}

static int64_t delete_slot(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);

	return s2_vm_delete_slot(w->vm, cpu, take_slot(w));
}

static int64_t load(struct world *w)
{
	struct s2_vcpu *vcpu = take_vcpu(w);

	return s2_vcpu_load(vcpu, take_cpu(w));
}

static int64_t put(struct world *w)
{
	return s2_vcpu_put(take_vcpu(w));
}

static int64_t reset(struct world *w)
{
	struct s2_vcpu *vcpu = take_vcpu(w);

	return s2_vcpu_reset(vcpu, take_cpu(w));
}

static int64_t power(struct world *w)
{
	struct s2_vcpu *vcpu = take_vcpu(w);

	return take(&w->in, 1) & 1 ? s2_vcpu_power_on(vcpu) : s2_vcpu_power_off(vcpu);
}

static int64_t access_range(struct world *w)
{
	struct s2_vcpu *vcpu = take_vcpu(w);
	const struct s2_ipa ipa = s2_ipa(take_address(&w->in));
	const uint64_t size = take_size(&w->in);

	return s2_vcpu_access(vcpu, ipa, size, (enum s2_access)(take(&w->in, 1) % 4));
}

static int64_t access_by_hardware(struct world *w)
{
	struct s2_vcpu *vcpu = take_vcpu(w);
	struct s2_guest_access access = {.va = {take_address(&w->in)}};
	const unsigned how = (unsigned)take(&w->in, 1);
	struct s2_guest_result result;

	access.kind = (enum s2_access)(how & 3);
	access.cacheable = how & 4;
	access.el0 = how & 8;
	access.s1_shift = how & 16 ? (uint8_t)take(&w->in, 1) : 0;
	access.ipa.v = how & 32 ? take_address(&w->in) : access.va.v;
	access.asid = (uint16_t)(how >> 6);
	return s2_vcpu_guest_access(vcpu, w->p, &access, &result);
}

static int64_t abort_of(struct world *w)
{
	struct s2_vcpu *vcpu = take_vcpu(w);
	const unsigned how = (unsigned)take(&w->in, 2);
	const struct s2_fault fault = {
		.raised = how & 1,
		.write = how & 2,
		.exec = how & 4,
		.code = (enum s2_fault_code)(how >> 3 & 0x7c),
		.level = (int8_t)((int)(how >> 10 & 7) - 2),
		.ipa = {take_address(&w->in)},
	};
	const struct s2_host_page page = {{take_address(&w->in)}, PAGE << (how >> 13 & 1) * 9,
					  (unsigned)take(&w->in, 1) & 0x3f};

	return s2_vcpu_abort(vcpu, &fault, how >> 14 & 1 ? &page : NULL);
}

static int64_t caches(struct world *w)
{
	struct s2_vcpu *vcpu = take_vcpu(w);
	const unsigned how = (unsigned)take(&w->in, 1);

	switch (how % 4) {
	case 0:
		return s2_vcpu_set_caches(vcpu, how & 4);
	case 1:
		return s2_vcpu_write_vm_regs(vcpu, how);
	case 2:
		return s2_vcpu_set_way(vcpu, how >> 4);
	default:
		s2_vcpu_set_state(vcpu, how & 4, how & 8);
		return 0;
	}
}

static int64_t dirty_log(struct world *w)
{
	const unsigned how = (unsigned)take(&w->in, 1);
	struct s2_cpu *cpu = take_cpu(w);
	const int slot = take_slot(w);
	const uint64_t first = take(&w->in, how & 64 ? 8 : 1) * 64;

	switch (how % 4) {
	case 0:
		return s2_vm_log_start(w->vm, cpu, slot);
	case 1:
		return s2_vm_log_get(w->vm, cpu, slot);
	case 2:
		return s2_vm_log_clear(w->vm, cpu, slot, first, take(&w->in, 2));
	default:
		return s2_vm_log_stop(w->vm, cpu, slot);
	}
}

static int64_t flush_cleared(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);
	const struct s2_range slot = {{take_address(&w->in)}, take_size(&w->in)};
	const struct s2_range part = {{take_address(&w->in)}, take_size(&w->in)};

	return s2_vm_flush_cleared(w->vm, cpu, slot, take(&w->in, 1) & 1 ? part : slot);
}

static int64_t unmap_hva(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);
	const uint64_t hva = take_address(&w->in), size = take_size(&w->in);

	return s2_vm_unmap_hva(w->vm, cpu, s2_va(hva), size,
			       (enum s2_unmap_reason)(take(&w->in, 1) % 4));
}

/* All of it: then no address has a translation. */
static int64_t unmap_everything(struct world *w)
{
	const int64_t ret =
		s2_vm_unmap_hva(w->vm, take_cpu(w), s2_va(0), UINT64_MAX - 4095, S2_UNMAP_CLEAR);
	struct s2_pgtable_state state;

	s2_pgtable_state(s2_vm_mmu(w->vm), &state);
	for (int level = 0; !ret && level <= S2_LAST_LEVEL; level++)
		must(state.leaves[level] == 0);
	return ret;
}

static int64_t age_hva(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);
	const uint64_t hva = take_address(&w->in);

	return s2_vm_age_hva(w->vm, cpu, s2_va(hva), take_size(&w->in));
}

static int64_t teardown(struct world *w)
{
	return s2_vm_teardown(w->vm, take_cpu(w));
}

static int64_t flush_by_hand(struct world *w)
{
	struct s2_mmu *mmu = s2_vm_mmu(w->vm);
	struct s2_cpu *cpu = take_cpu(w);
	const uint64_t ipa = take_address(&w->in);

	/* Below the VM's calls nobody makes a guest leave the CPU first. */
	for (int i = 0; i < N_VCPUS; i++)
		s2_vcpu_exit(s2_vm_vcpu(w->vm, i));
	w->before = s2_machine_counts(w->m);
	if (take(&w->in, 1) & 1)
		return s2_flush_vmid_ipa(mmu, cpu, s2_ipa(ipa), (int)take(&w->in, 1) - 2);
	return s2_flush_vmid_range(mmu, cpu, s2_range(ipa, take_size(&w->in)));
}

typedef int64_t (*call_fn)(struct world *w);

static const call_fn calls[] = {
	add_slot,      access_range, access_range,  access_by_hardware, access_by_hardware,
	load,	       load,	     put,	    reset,		power,
	abort_of,      caches,	     dirty_log,	    dirty_log,		flush_cleared,
	unmap_hva,     age_hva,	     delete_slot,   unmap_everything,	flush_by_hand,
	access_range,  teardown,
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

/* ---- what must hold ---- */

static bool same_counts(const struct s2_counts *a, const struct s2_counts *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void look(struct world *w, int64_t ret)
{
	const struct s2_counts now = s2_machine_counts(w->m), other = s2_machine_counts(w->other);
	const struct s2_counts none = {{0}};
	struct s2_pgtable_state state;
	uint64_t live, held;

	s2_pgtable_state(s2_vm_mmu(w->vm), &state);
	s2_machine_table_memory(w->m, &live, &held);
	must(live == state.table_pages * PAGE && live <= held);
	must(same_counts(&other, &none));
	must(ret >= 0 || ret == -EINVAL || ret == -ERANGE || ret == -EEXIST || ret == -EBUSY ||
	     ret == -EFAULT || ret == -ENOSPC);
	must(!s2_physics_error(w->p) || s2_physics_error(w->p) == -ERANGE);
	if (ret == -EINVAL) {
		must(same_counts(&now, &w->before));
		must(!memcmp(&state, &w->tables, sizeof(state)));
	}
	w->before = now;
	w->tables = state;
}

/* A log counts the pages that it says are dirty. */
static void look_at_log(struct world *w)
{
	const int64_t dirty = s2_vm_log_get(w->vm, s2_machine_cpu(w->m, 0), 0);
	int64_t n = 0;

	if (dirty < 0)
		return;
	for (uint64_t page = 0; page < 65536; page++)
		n += s2_vm_log_is_dirty(w->vm, 0, page);
	must(n <= dirty);
}

static bool up(struct world *w)
{
	static const char *const machines[] = {"neoverse-n1,vmid=8", "max,-fwb,vmid=8",
					       "cortex-a72", "max,vmid=8", "neoverse-n2,-fwb,vmid=8"};
	/* Small, as the number of VMIDs: most of a run would go into making them. */
	const struct s2_tlb_config tlb = {.sets = 4,
					  .ways = 2,
					  .walk_sets = 2,
					  .walk_ways = 2,
					  .kinds = S2_TLB_BY_IPA | S2_TLB_BY_VA};
	const struct s2_physics_config physics = {
		.tlb = &tlb, .residue = true, .memory = true, .detail = S2_MEMORY_STATES};
	struct s2_machine_config mc = {.cpus = N_CPUS};
	struct s2_vm_config cfg = {.flavour = &w->flavour};
	const unsigned how = (unsigned)take(&w->in, 1);
	const struct s2_flavour *f = s2_flavour_at(take(&w->in, 1) % 4);

	w->flavour = f ? *f : *s2_flavour_find("newest");
	w->flavour.toggle = (enum s2_toggle)(take(&w->in, 1) % 8);
	w->flavour.unmap_tlbi = (enum s2_unmap_tlbi)(take(&w->in, 1) % 5);
	w->flavour.teardown = (enum s2_teardown)(take(&w->in, 1) % 10);
	w->flavour.clear_flush = (enum s2_clear_flush)(take(&w->in, 1) % 4);
	w->flavour.range_calls = (enum s2_range_calls)(take(&w->in, 1) % 6);
	w->flavour.unmap_cmo = (enum s2_unmap_cmo)(take(&w->in, 1) % 4);
	must(!s2_features_parse(machines[how % 5], &mc.features, NULL));
	must(!s2_machine_create(&mc, &w->m) && !s2_machine_create(&mc, &w->other));
	must(!s2_physics_attach(w->m, &physics, &w->p) && !s2_vmids_create(w->m, &w->vmids));
	cfg.vmids = w->vmids;
	cfg.manual_protect = how & 64;
	cfg.initially_set = how & 128;
	cfg.split_chunk = how & 32 ? 2 * MIB : 0;
	return !s2_vm_create(w->m, &cfg, &w->vm);
}

static void down(struct world *w)
{
	uint64_t live, held;

	s2_vm_free(w->vm);
	s2_vmids_free(w->vmids);
	s2_machine_table_memory(w->m, &live, &held);
	must(live == 0);
	s2_physics_detach(w->p);
	s2_machine_destroy(w->m);
	s2_machine_destroy(w->other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;

	memset(&w, 0, sizeof(w));
	w.in = (struct input){data, size};
	if (up(&w)) {
		for (int i = 0; i < N_VCPUS; i++)
			must(s2_vm_add_vcpu(w.vm) == i);
		look(&w, 0);
		for (int i = 0; i < MAX_CALLS && w.in.size; i++)
			look(&w, calls[take(&w.in, 1) % N_CALLS](&w));
		look_at_log(&w);
	}
	down(&w);
	return 0;
}
