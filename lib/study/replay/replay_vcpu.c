/* SPDX-License-Identifier: MIT */
/*
 * What a log shows of a vcpu: where it is loaded, what it faulted on, what of
 * it was trapped.  Each becomes a call on the model's vcpu; where the log and
 * the model's idea of what traps disagree, the log is right.
 */
#include "study/replay/replay_internal.h"

#include <errno.h>
#include <inttypes.h>

/* ESR_EL2 of an abort (D17.2.37). */
#define EC_IABT_LOW    0x20U
#define ISS_WNR	       UINT64_C(0x40)
#define ISS_S1PTW      UINT64_C(0x80)
#define FSC_TYPE_MASK  0x3cU
#define FSC_LEVEL_MASK 0x3U

/* ---- loading ---- */

void s2_replay_unload(struct s2_replay *r, struct replay_vcpu *v)
{
	if (v->cpu < 0)
		return;
	s2_vcpu_put(v->vcpu);
	r->loaded[v->cpu] = NULL;
	v->cpu = -1;
}

void s2_replay_unload_all(struct s2_replay *r, const struct replay_vm *vm)
{
	for (struct replay_vcpu *v = vm->vcpus; v; v = v->next)
		s2_replay_unload(r, v);
}

void s2_replay_load(struct s2_replay *r, struct replay_vcpu *v, unsigned cpu)
{
	if (v->cpu == (int64_t)cpu)
		return;
	s2_replay_unload(r, v);
	/* Whoever was there has been scheduled out, unseen. */
	if (r->loaded[cpu])
		s2_replay_unload(r, r->loaded[cpu]);
	if (s2_vcpu_load(v->vcpu, s2_machine_cpu(r->machine, cpu)))
		return;
	v->cpu = cpu;
	r->loaded[cpu] = v;
}

void s2_replay_on_cpu(struct s2_replay *r, struct replay_task *t, unsigned cpu)
{
	if (t->running)
		s2_replay_load(r, t->running, cpu);
}

void s2_replay_vcpu_put(struct s2_replay *r, struct replay_task *t)
{
	if (t->running)
		s2_replay_unload(r, t->running);
	t->running = NULL;
}

/* ---- faults ---- */

struct s2_fault s2_replay_fault(const struct s2_trace_event *ev)
{
	const uint64_t hsr = ev->u.fault.hsr;
	struct s2_fault fault = {
		.raised = true,
		.code = (enum s2_fault_code)(hsr & FSC_TYPE_MASK),
		.level = (int8_t)(hsr & FSC_LEVEL_MASK),
		.ipa = ev->u.fault.ipa,
	};

	/* A walk of stage 1 writes only to set flags, and then has no permission. */
	if (hsr & ISS_S1PTW)
		fault.write = fault.code == S2_FAULT_PERMISSION;
	else if ((hsr >> 26 & 0x3f) == EC_IABT_LOW)
		fault.exec = true;
	else
		fault.write = hsr & ISS_WNR;
	return fault;
}

/* ---- traps ---- */

int s2_replay_toggle(struct s2_replay *r, struct replay_vcpu *v, const struct s2_trace_event *ev)
{
	const bool was = ev->u.kvm_toggle.was_on;

	if (!r->cfg.features.fwb && !s2_vcpu_tvm(v->vcpu))
		s2_replay_infer(r, "VM registers trapped that should not have: a vcpu initialised "
				   "anew, or another one on the same task; taken for the same");
	if (!s2_vcpu_tvm(v->vcpu) || s2_vcpu_caches_on(v->vcpu) != was)
		s2_vcpu_set_state(v->vcpu, was, true);
	return s2_vcpu_set_caches(v->vcpu, ev->u.kvm_toggle.now_on);
}

int s2_replay_set_way(struct replay_vcpu *v, const struct s2_trace_event *ev)
{
	/* The event is printed where TVM was found clear. */
	if (s2_vcpu_tvm(v->vcpu))
		s2_vcpu_set_state(v->vcpu, ev->u.kvm_set_way.caches_on, false);
	return s2_vcpu_set_way(v->vcpu, 1);
}
