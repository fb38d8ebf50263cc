/* SPDX-License-Identifier: MIT */
#include "study/scenario/gic_world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"

#define CPUS	  4U
#define MAX_VCPUS 8U

int s2_gic_world_create(void *arg, void **state, struct s2_machine **m)
{
	struct s2_machine_config machine = {.cpus = CPUS};
	struct s2_gic_world *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	w->cfg = arg;
	ret = s2_features_parse(S2_WORLD_MACHINE, &machine.features, NULL);
	if (!ret)
		ret = s2_machine_create(&machine, &w->m);
	if (ret) {
		free(w);
		return ret;
	}
	*state = w;
	*m = w->m;
	return 0;
}

void s2_gic_world_destroy(void *state)
{
	struct s2_gic_world *w = state;

	s2_vgic_destroy(w->vgic);
	s2_machine_destroy(w->m);
	free(w);
}

/* What a guest sets up before it takes interrupts. */
static void open_interface(struct s2_gic_world *w, unsigned v)
{
	s2_vgic_ich(s2_vgic_vcpu(w->vgic, v))->vmcr =
		S2_VMCR_ENG0 | S2_VMCR_ENG1 | s2_field_put(0xf0, S2_VMCR_PMR);
}

static int make_vgic(struct s2_gic_world *w)
{
	const struct s2_routing_policy *policy =
		s2_routing_find(w->cfg->routing ? w->cfg->routing : "bits");
	struct s2_vgic_config cfg = {
		.max_vcpus = MAX_VCPUS, .late_vcpus = true, .bug = w->cfg->bug};
	int ret;

	if (!policy)
		return -EINVAL;
	cfg.routing = policy->routing;
	ret = s2_vgic_create(w->m, &cfg, &w->vgic);
	for (unsigned v = 0; !ret && v < w->cfg->vcpus; v++)
		ret = s2_vgic_add_vcpu(w->vgic, v, NULL);
	return ret ? ret : s2_vgic_init(w->vgic);
}

int s2_gic_world_prepare(void *state)
{
	struct s2_gic_world *w = state;
	struct s2_gic_io ctlr = {.who = S2_GIC_GUEST, .size = 4};
	int ret = make_vgic(w);

	if (ret)
		return ret;
	ctlr.cpu = s2_gic_world_cpu(w, S2_GIC_WORLD_HOST);
	ret = s2_vgic_dist_write(w->vgic, &ctlr, S2_GICD_CTLR_ENABLE_G1);
	for (unsigned v = 0; v < w->cfg->vcpus; v++)
		open_interface(w, v);
	return ret || !w->cfg->prepare ? ret : w->cfg->prepare(w);
}

void s2_gic_world_expect(struct s2_gic_world *w, int ret)
{
	if (ret < 0 && !w->error)
		w->error = ret;
}

void s2_gic_world_load(struct s2_gic_world *w, unsigned v)
{
	s2_gic_world_expect(w, s2_vgic_load(s2_vgic_vcpu(w->vgic, v), s2_gic_world_cpu(w, v)));
}

void s2_gic_world_take(struct s2_gic_world *w, unsigned v)
{
	struct s2_ich *ich = s2_cpu_ich(s2_gic_world_cpu(w, v));
	uint32_t intid;

	while ((intid = s2_ich_ack(ich, true)) != S2_GIC_SPURIOUS) {
		w->taken[v] |= UINT64_C(1) << intid;
		s2_ich_eoi(ich, true, intid);
	}
}

void s2_gic_world_run(struct s2_gic_world *w, unsigned v)
{
	struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(w->vgic, v);

	s2_gic_world_expect(w, s2_vgic_enter(vcpu));
	s2_gic_world_take(w, v);
	s2_vgic_touch(w->vgic, "vcpu->mode", false);
	if (!s2_vgic_run_state(vcpu).exiting)
		return;
	s2_gic_world_expect(w, s2_vgic_exit(vcpu));
	s2_gic_world_expect(w, s2_vgic_enter(vcpu));
	s2_gic_world_take(w, v);
}

void s2_gic_world_send(struct s2_gic_world *w, unsigned from, unsigned to)
{
	uint64_t value = 0;

	w->wanted[to] |= UINT64_C(1) << S2_GIC_WORLD_SGI;
	s2_gic_world_expect(w, s2_sgi_to(s2_mpidr_from_id(to), S2_GIC_WORLD_SGI, false, &value));
	s2_gic_world_expect(w, s2_vgic_send_sgi(s2_vgic_vcpu(w->vgic, from),
						s2_gic_world_cpu(w, from), S2_ICC_SGI1R, value));
}

/* --- what must hold when all threads have ended ---------------------------- */

static const char *say(struct s2_gic_world *w, const char *what, uint32_t intid, unsigned v)
{
	snprintf(w->text, sizeof(w->text), "interrupt %u of vcpu %u %s", (unsigned)intid, v, what);
	return w->text;
}

/* In a list register, pending, for the guest that is entered. */
static bool in_lr(const struct s2_vgic_cpu *vcpu, uint32_t intid)
{
	for (unsigned i = 0; vcpu->entered && i < vcpu->used_lrs; i++) {
		const uint64_t lr = vcpu->cpu->ich.lr[i];

		if (s2_field_get(lr, S2_LR_VINTID) == intid && (lr & S2_LR_PENDING))
			return true;
	}
	return false;
}

/* A matrix broadcast has posted it, and the vcpu has not looked since. */
static bool in_mail(const struct s2_vgic_cpu *vcpu, uint32_t intid)
{
	return intid < S2_N_SGIS && s2_vcpu_set_has(&vcpu->vgic->mail[intid], vcpu->index);
}

/* Something waits for @vcpu, which is to look at it. */
static const char *check_told(struct s2_gic_world *w, const struct s2_vgic_cpu *vcpu,
			      uint32_t intid)
{
	if (s2_vcpu_set_has(&w->vgic->blocked, vcpu->index))
		return say(w, "waits, and the vcpu sleeps", intid, vcpu->index);
	if (s2_vcpu_set_has(&w->vgic->in_guest, vcpu->index))
		return say(w, "waits, and no IPI tells the guest that runs", intid, vcpu->index);
	return NULL;
}

/* An interrupt that is on a list: of its vcpu, which takes it or knows that it should. */
static const char *check_listed(struct s2_gic_world *w, struct s2_vgic_cpu *vcpu,
				const struct s2_irq *irq)
{
	if (irq->vcpu != vcpu->index)
		return say(w, "is on a list that is not its vcpu's", irq->intid, vcpu->index);
	if (!s2_irq_pending(irq) || !irq->enabled || irq->active || in_lr(vcpu, irq->intid))
		return NULL;
	return check_told(w, vcpu, irq->intid);
}

static const char *check_list(struct s2_gic_world *w, struct s2_vgic_cpu *vcpu)
{
	const struct s2_irq *irq = vcpu->ap_list.head;
	const char *wrong = NULL;
	unsigned n = 0;

	for (; irq && !wrong && n <= vcpu->ap_list.len; irq = irq->next, n++)
		wrong = check_listed(w, vcpu, irq);
	if (!wrong && n != vcpu->ap_list.len)
		return say(w, "has a list that is torn", 0, vcpu->index);
	return wrong;
}

static const char *check_irq(struct s2_gic_world *w, const struct s2_irq *irq, unsigned v)
{
	if (s2_irq_target_oracle(w->vgic, irq) != S2_NO_VCPU && irq->vcpu == S2_NO_VCPU)
		return say(w, "can be taken and is on no list", irq->intid, v);
	return NULL;
}

static const char *check_vcpu(struct s2_gic_world *w, unsigned v)
{
	struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(w->vgic, v);
	const char *wrong = check_list(w, vcpu);

	for (uint32_t i = 0; !wrong && i < S2_GIC_WORLD_SPI; i++) {
		const struct s2_irq *irq = s2_vgic_irq(w->vgic, vcpu, i);

		wrong = check_irq(w, irq, v);
		if (!wrong && in_mail(vcpu, i))
			wrong = check_told(w, vcpu, i);
		if (!wrong && (w->wanted[v] & ~w->taken[v]) >> i & 1 && !s2_irq_pending(irq) &&
		    !in_lr(vcpu, i) && !in_mail(vcpu, i))
			wrong = say(w, "is lost", i, v);
	}
	return wrong;
}

const char *s2_gic_world_check(void *state)
{
	struct s2_gic_world *w = state;
	const char *wrong = w->error ? "a call failed" : NULL;

	for (unsigned v = 0; !wrong && v < s2_vgic_vcpus(w->vgic); v++)
		wrong = check_vcpu(w, v);
	if (!wrong)
		wrong = check_irq(w, s2_vgic_irq(w->vgic, NULL, S2_GIC_WORLD_SPI), 0);
	return wrong;
}
