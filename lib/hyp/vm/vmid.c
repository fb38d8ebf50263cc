/* SPDX-License-Identifier: MIT */
/*
 * The VMID allocator, as kvm/vmid.c: a value is generation | number; numbers
 * are not freed when a VM dies but when a generation ends, with a broadcast
 * flush of everything.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hyp/vm/vmid.h"
#include "hyp/vm/vm.h"

struct s2_vmids {
	struct s2_machine *machine;
	unsigned bits;
	uint64_t generation;
	uint64_t rollovers, taken;
	uint32_t cursor; /* next number to try */
	uint8_t *used;   /* a byte a number */
	uint64_t *active, *reserved; /* of each CPU */
	enum s2_vmid_fault fault;
	unsigned faulty[S2_VMID_OLD_ACCEPTED + 1]; /* VMs that are there, by what they brought */
	unsigned users; /* VMs, which must go before it */
	struct s2_lock lock;
};

static uint64_t first_generation(const struct s2_vmids *v)
{
	return UINT64_C(1) << v->bits;
}

/* "Active" of a CPU that runs no guest: a generation without a number. */
static uint64_t active_invalid(const struct s2_vmids *v)
{
	return first_generation(v);
}

static uint32_t number(const struct s2_vmids *v, uint64_t vmid)
{
	return (uint32_t)(vmid & (first_generation(v) - 1));
}

static bool generation_matches(const struct s2_vmids *v, uint64_t vmid)
{
	return !((vmid ^ v->generation) >> v->bits);
}

static void free_arrays(struct s2_vmids *v)
{
	free(v->used);
	free(v->active);
	free(v->reserved);
	free(v);
}

int s2_vmids_create(struct s2_machine *m, struct s2_vmids **out)
{
	struct s2_vmids *v;

	if (m->n_cpus >= (1U << m->features.vmid_bits) - 1)
		return -EINVAL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->machine = m;
	v->bits = m->features.vmid_bits;
	v->generation = first_generation(v);
	v->cursor = 1;
	v->lock = (struct s2_lock){"cpu_vmid_lock", S2_RANK_VMID_LOCK, NULL};
	v->used = calloc((size_t)1 << v->bits, 1);
	v->active = calloc(m->n_cpus, sizeof(*v->active));
	v->reserved = calloc(m->n_cpus, sizeof(*v->reserved));
	if (!v->used || !v->active || !v->reserved) {
		free_arrays(v);
		return -ENOMEM;
	}
	m->users++;
	*out = v;
	return 0;
}

void s2_vmids_free(struct s2_vmids *v)
{
	if (!v)
		return;
	assert(!v->users);
	v->machine->users--;
	free_arrays(v);
}

void s2_vmids_use(struct s2_vmids *v, bool begins)
{
	if (begins)
		v->users++;
	else
		v->users--;
}

bool s2_vmids_serve(const struct s2_vmids *v, const struct s2_machine *m)
{
	return v->machine == m;
}

void s2_vmids_set_fault(struct s2_vmids *v, enum s2_vmid_fault fault)
{
	v->fault = fault;
}

void s2_vmids_fault_by_vm(struct s2_vmids *v, enum s2_vmid_fault fault, bool comes)
{
	if (comes)
		v->faulty[fault]++;
	else
		v->faulty[fault]--;
}

bool s2_vmids_has_fault(const struct s2_vmids *v, enum s2_vmid_fault fault)
{
	return v->fault == fault || v->faulty[fault];
}

uint64_t s2_vmids_rollovers(const struct s2_vmids *v)
{
	return v->rollovers;
}

uint64_t s2_vmids_taken(const struct s2_vmids *v)
{
	return v->taken;
}

void s2_vmids_note(struct s2_vmids *v, uint64_t rollovers)
{
	v->taken++;
	v->rollovers += rollovers;
}

/* flush_context(): CPUs keep what they run, all else is free again. */
static void flush_context(struct s2_vmids *v, struct s2_vm *vm, struct s2_cpu *cpu)
{
	memset(v->used, 0, (size_t)1 << v->bits);
	for (unsigned i = 0; i < v->machine->n_cpus; i++) {
		uint64_t vmid = v->active[i];

		v->active[i] = 0;
		/* A CPU that has not run since the last rollover keeps its reserve. */
		if (!vmid)
			vmid = v->reserved[i];
		if (s2_vmids_has_fault(v, S2_VMID_NOT_RESERVED))
			vmid = 0;
		v->used[number(v, vmid)] = 1;
		v->reserved[i] = vmid;
	}
	v->rollovers++;
	s2_flush_vm_context(vm->mmu, cpu);
}

/* check_update_reserved_vmid() */
static bool update_reserved(struct s2_vmids *v, uint64_t vmid, uint64_t new)
{
	bool hit = false;

	for (unsigned i = 0; i < v->machine->n_cpus; i++) {
		if (v->reserved[i] == vmid) {
			hit = true;
			v->reserved[i] = new;
		}
	}
	return hit;
}

static uint32_t find_free(const struct s2_vmids *v, uint32_t from)
{
	uint32_t n = from;

	while (n < first_generation(v) && v->used[n])
		n++;
	return n;
}

/* new_vmid() */
static uint64_t new_vmid(struct s2_vmids *v, struct s2_vm *vm, struct s2_cpu *cpu)
{
	uint32_t n;

	if (vm->vmid) {
		uint64_t same = v->generation | number(v, vm->vmid);

		if (update_reserved(v, vm->vmid, same))
			return same;
		if (!v->used[number(v, vm->vmid)]) {
			v->used[number(v, vm->vmid)] = 1;
			return same;
		}
	}
	n = find_free(v, v->cursor);
	if (n == first_generation(v)) {
		v->generation += first_generation(v);
		flush_context(v, vm, cpu);
		n = find_free(v, 1);
	}
	v->used[n] = 1;
	v->cursor = n;
	v->taken++;
	return v->generation | n;
}

static bool is_current(const struct s2_vmids *v, uint64_t vmid)
{
	if (s2_vmids_has_fault(v, S2_VMID_OLD_ACCEPTED))
		return vmid;
	return vmid && generation_matches(v, vmid);
}

/* kvm_arm_vmid_update(). @return whether the VM's number has changed */
bool s2_vmids_update(struct s2_vmids *v, struct s2_vm *vm, struct s2_cpu *cpu)
{
	uint64_t before = vm->vmid;

	/* A CPU whose active value was taken by a rollover must go the slow way. */
	if (v->active[cpu->index] && is_current(v, vm->vmid)) {
		v->active[cpu->index] = vm->vmid;
		return false;
	}
	s2_lock_take(cpu, &v->lock, S2_LOCK_WRITE);
	if (!is_current(v, vm->vmid))
		vm->vmid = new_vmid(v, vm, cpu);
	v->active[cpu->index] = vm->vmid;
	s2_lock_drop(cpu, &v->lock);
	return number(v, before) != number(v, vm->vmid) || !before;
}

/* kvm_arm_vmid_clear_active(): an idle CPU pins no VMID. */
void s2_vmids_clear_active(struct s2_vmids *v, const struct s2_cpu *cpu)
{
	v->active[cpu->index] = active_invalid(v);
}
