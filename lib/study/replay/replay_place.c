/* SPDX-License-Identifier: MIT */
/* Which VM a line is about. */
#include "study/replay/replay_internal.h"

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
