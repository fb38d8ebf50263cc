/* SPDX-License-Identifier: MIT */
/* Which VM a line is about, and which vcpu is loaded where. */
#include "study/replay_internal.h"

/* ---- placing ---- */

static struct replay_vm *vm_of_pgt(const struct s2_replay *r, uint64_t pgt)
{
	for (struct replay_vm *vm = r->vms; vm; vm = vm->next)
		if (vm->pgt == pgt)
			return vm;
	return NULL;
}

static struct replay_vm *only_vm_of(const struct s2_replay *r, const struct replay_process *p)
{
	struct replay_vm *only = NULL;

	for (struct replay_vm *vm = r->vms; vm; vm = vm->next) {
		if (vm->process != p)
			continue;
		if (only)
			return NULL;
		only = vm;
	}
	return only;
}

static struct replay_vm *vm_of_task(const struct s2_replay *r, const struct replay_task *t)
{
	if (t->running)
		return t->running->vm;
	if (t->ioctl_vm)
		return t->ioctl_vm;
	if (r->n_vms == 1)
		return r->vms;
	return t->process ? only_vm_of(r, t->process) : NULL;
}

static bool names_pgt(enum s2_trace_kind kind)
{
	return kind >= S2_TRACE_S2_MAP && kind <= S2_TRACE_S2_FREE_UNLINKED;
}

struct replay_vm *s2_replay_place(struct s2_replay *r, const struct replay_task *t,
				  const struct s2_trace_event *ev)
{
	bool named = ev->has_owner && names_pgt(ev->kind);
	struct replay_vm *vm = named ? vm_of_pgt(r, ev->owner) : NULL;

	if (vm)
		return vm;
	vm = vm_of_task(r, t);
	if (vm && named)
		vm->pgt = ev->owner;
	return vm;
}

/* ---- loading ---- */

void s2_replay_unload(struct s2_replay *r, struct replay_vcpu *v)
{
	if (v->cpu < 0)
		return;
	s2_cpu_unload_stage2(s2_machine_cpu(r->machine, (unsigned)v->cpu));
	r->loaded[v->cpu] = NULL;
	v->cpu = -1;
}

void s2_replay_on_cpu(struct s2_replay *r, struct replay_task *t, unsigned cpu)
{
	struct replay_vcpu *v = t->running;
	struct s2_cpu *c = s2_machine_cpu(r->machine, cpu);

	if (!v || v->cpu == (int64_t)cpu)
		return;
	s2_replay_unload(r, v);
	/* Whoever was there has been scheduled out, unseen. */
	if (r->loaded[cpu])
		s2_replay_unload(r, r->loaded[cpu]);
	s2_mmu_load(v->vm->mmu, c);
	v->cpu = cpu;
	r->loaded[cpu] = v;
	/* Another vcpu's stage-1 and combined entries carry this VMID too (94d0e5980d67). */
	if (v->vm->last_ran[cpu] != (int64_t)v->index) {
		s2_flush_cpu_context(v->vm->mmu, c);
		v->vm->last_ran[cpu] = v->index;
	}
}

void s2_replay_vcpu_put(struct s2_replay *r, struct replay_task *t)
{
	if (t->running)
		s2_replay_unload(r, t->running);
	t->running = NULL;
}
