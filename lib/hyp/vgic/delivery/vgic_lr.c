/* SPDX-License-Identifier: MIT */
/*
 * Between an ap_list and the list registers: vgic.c and vgic-v3.c.
 *
 *      enter: flush     ap_list --> LR0..n       the most urgent ones first
 *      exit:  fold      LR0..n --> state of each interrupt
 *             prune     interrupts that are done leave, others move
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/kick.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/delivery/vgic_line.h"
#include "hyp/vgic/delivery/vgic_lr.h"
#include "hyp/vgic/delivery/vgic_phys.h"

/* Will the guest see it, if there is room? */
static bool presentable(const struct s2_irq *irq)
{
	return s2_irq_pending(irq) && irq->enabled && !irq->active;
}

/* vgic_irq_cmp(): negative if @a goes first. */
static int vgic_lr_compare(struct s2_vgic *vgic, struct s2_cpu *cpu, const struct s2_irq *a,
			   const struct s2_irq *b)
{
	int order;

	/* The kernel's list_sort() compares an element with itself: d4a8061a7c5f. */
	if (a == b)
		return 0;
	s2_step(cpu, S2_OP_IRQ_LOCK, 2);
	(void)vgic;
	order = (int)presentable(b) - (int)presentable(a);
	if (!order)
		order = (int)a->priority - (int)b->priority;
	return order ? order : (int)b->mapped - (int)a->mapped;
}

/* A stable insertion sort: lists are short, and mostly in order. */
static void sort(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_ap_list *list, uint16_t vcpu)
{
	struct s2_irq *irq = list->head ? list->head->next : NULL;

	while (irq) {
		struct s2_irq *next = irq->next;
		struct s2_irq *at = irq->prev;

		while (at && vgic_lr_compare(vgic, cpu, irq, at) < 0)
			at = at->prev;
		if (at != irq->prev) {
			s2_ap_list_remove(list, irq);
			irq->vcpu = vcpu;
			irq->prev = at;
			irq->next = at ? at->next : list->head;
			irq->next->prev = irq;
			*(at ? &at->next : &list->head) = irq;
			list->len++;
		}
		irq = next;
	}
}

/* How the end of an interrupt is learnt of: by nobody, by maintenance, or by its physical one. */
static uint64_t end_controls(const struct s2_irq *irq)
{
	if (irq->mapped)
		return S2_LR_HW | s2_field_put(irq->pintid, S2_LR_PINTID);
	return irq->level ? S2_LR_EOI : 0;
}

/* vgic_v3_populate_lr() */
static uint64_t populate(struct s2_irq *irq)
{
	/* A level, and so each mapped one, is sampled again after the deactivation. */
	const bool allow_both = !irq->level;
	uint64_t lr = s2_field_put(irq->intid, S2_LR_VINTID) |
		      s2_field_put(irq->priority, S2_LR_PRIORITY) | end_controls(irq);

	if (irq->active)
		lr |= S2_LR_ACTIVE;
	if (irq->group1)
		lr |= S2_LR_GROUP1;
	if (!s2_irq_pending(irq) || (irq->active && !allow_both))
		return lr;
	if (!irq->level)
		irq->latch = false;
	return lr | S2_LR_PENDING;
}

static uint64_t overflow_controls(const struct s2_vgic *vgic)
{
	if (vgic->cfg.overflow == S2_OVERFLOW_UIE)
		return S2_ICH_HCR_UIE;
	return S2_ICH_HCR_UIE | S2_ICH_HCR_NPIE | S2_ICH_HCR_LRENPIE | S2_ICH_HCR_TDIR;
}

/* An SPI that is in flight may be ended by any vcpu, also one without it. */
static uint64_t dir_control(const struct s2_vgic *vgic)
{
	return vgic->cfg.overflow == S2_OVERFLOW_NPIE && vgic->spis_listed ? S2_ICH_HCR_TDIR : 0;
}

/* vgic_flush_lr_state() */
void s2_lr_flush(struct s2_vgic_cpu *vcpu)
{
	struct s2_vgic *vgic = vcpu->vgic;
	struct s2_ich *ich = &vcpu->cpu->ich;
	struct s2_ap_list *list = &vcpu->ap_list;
	const unsigned n_lrs = s2_ich_lrs(ich);

	ich->hcr = S2_ICH_HCR_EN | dir_control(vgic);
	vcpu->used_lrs = 0;
	if (!list->len)
		return;
	s2_lock_ap(vgic, vcpu->cpu, vcpu);
	if (list->len > n_lrs)
		sort(vgic, vcpu->cpu, list, vcpu->index);
	for (struct s2_irq *irq = list->head; irq; irq = irq->next) {
		if (vcpu->used_lrs == n_lrs) {
			ich->hcr |= overflow_controls(vgic);
			break;
		}
		s2_lock_irq(vgic, vcpu->cpu, irq);
		if (s2_irq_target_oracle(vgic, irq) == vcpu->index)
			ich->lr[vcpu->used_lrs++] = populate(irq);
		s2_unlock_irq(vgic, vcpu->cpu, irq);
	}
	s2_unlock_ap(vgic, vcpu->cpu, vcpu);
	if (vgic->cfg.bug == S2_BUG_LR_TWICE && vcpu->used_lrs && vcpu->used_lrs < n_lrs)
		ich->lr[vcpu->used_lrs++] = ich->lr[0];
}

static bool signals_end(uint64_t lr)
{
	return !(lr & (S2_LR_STATE | S2_LR_HW)) && (lr & S2_LR_EOI);
}

/* vgic_v3_fold_lr_state(), one register. */
static void fold_lr(struct s2_vgic_cpu *vcpu, uint64_t lr)
{
	const uint32_t intid = (uint32_t)s2_field_get(lr, S2_LR_VINTID);
	struct s2_irq *irq = s2_vgic_irq(vcpu->vgic, vcpu, intid);

	/* Whoever plays the guest may have written anything there. */
	if (!irq)
		return;
	if (signals_end(lr))
		s2_vgic_notify_ended(vcpu->vgic, vcpu->cpu, intid);
	s2_lock_irq(vcpu->vgic, vcpu->cpu, irq);
	irq->active = (lr & S2_LR_ACTIVE) != 0;
	if (!irq->level && (lr & S2_LR_PENDING))
		irq->latch = true;
	if (irq->level && !(lr & S2_LR_STATE))
		irq->latch = false;
	s2_phys_resample(vcpu->vgic, irq, (lr & S2_LR_PENDING) != 0, !(lr & S2_LR_STATE));
	s2_unlock_irq(vcpu->vgic, vcpu->cpu, irq);
}

static bool has_lr(const struct s2_vgic_cpu *vcpu, const struct s2_irq *irq)
{
	for (unsigned i = 0; i < vcpu->used_lrs; i++)
		if (s2_field_get(vcpu->cpu->ich.lr[i], S2_LR_VINTID) == irq->intid)
			return true;
	return false;
}

/* vgic_v3_deactivate(): as if it had a list register, and the guest had ended it there. */
void s2_lr_end_unlisted(struct s2_vgic_cpu *vcpu, struct s2_irq *irq)
{
	const uint64_t lr = populate(irq) & ~S2_LR_ACTIVE;

	s2_phys_set_active(vcpu->vgic, irq, false);
	fold_lr(vcpu, lr);
}

/*
 * Ends that met no list register: the hardware counted them, and they are of
 * the first active interrupts that had none.  A walk that begins at the head
 * takes one that was activated in a list register for one of these, and it is
 * lost (6da5e537f5af): so what has a register is passed over.
 */
static void fold_eoicount(struct s2_vgic_cpu *vcpu)
{
	uint64_t n = s2_field_get(vcpu->cpu->ich.hcr, S2_ICH_HCR_EOICOUNT);

	for (struct s2_irq *irq = vcpu->ap_list.head; irq && n; irq = irq->next) {
		if (!irq->active || (has_lr(vcpu, irq) &&
				     vcpu->vgic->cfg.bug != S2_BUG_LR_EOICOUNT_HEAD))
			continue;
		s2_lr_end_unlisted(vcpu, irq);
		n--;
	}
}

void s2_lr_fold(struct s2_vgic_cpu *vcpu)
{
	struct s2_ich *ich = &vcpu->cpu->ich;

	if (vcpu->vgic->cfg.overflow == S2_OVERFLOW_NPIE)
		fold_eoicount(vcpu);
	for (unsigned i = 0; i < vcpu->used_lrs; i++)
		fold_lr(vcpu, ich->lr[i]);
	for (unsigned i = 0; i < vcpu->used_lrs; i++)
		ich->lr[i] = 0;
	vcpu->used_lrs = 0;
	ich->hcr = 0;
}

/* Moves @irq to another vcpu's list, unless that has been overtaken. */
static void migrate(struct s2_vgic_cpu *from, struct s2_irq *irq, uint16_t target)
{
	struct s2_vgic *vgic = from->vgic;
	struct s2_vgic_cpu *to = vgic->vcpu[target];
	struct s2_vgic_cpu *first = from->id < to->id ? from : to;
	struct s2_vgic_cpu *second = first == from ? to : from;
	bool moved = false;

	s2_lock_ap(vgic, from->cpu, first);
	s2_lock_ap(vgic, from->cpu, second);
	s2_lock_irq(vgic, from->cpu, irq);
	if (irq->vcpu == from->index && s2_irq_target_oracle(vgic, irq) == target) {
		s2_ap_list_remove(&from->ap_list, irq);
		if (vgic->cfg.bug != S2_BUG_MIGRATE_FORGETS)
			s2_ap_list_append(&to->ap_list, irq, target);
		moved = true;
	}
	s2_unlock_irq(vgic, from->cpu, irq);
	s2_unlock_ap(vgic, from->cpu, second);
	s2_unlock_ap(vgic, from->cpu, first);
	if (moved)
		s2_vgic_kick(vgic, from->cpu, target);
}

static void unlist(struct s2_vgic_cpu *vcpu, struct s2_irq *irq)
{
	s2_ap_list_remove(&vcpu->ap_list, irq);
	vcpu->vgic->spis_listed -= irq->intid >= S2_GIC_PRIVATE_IRQS;
}

/* Drops what is done. @return the first interrupt that belongs elsewhere, or NULL */
static struct s2_irq *prune_until_move(struct s2_vgic_cpu *vcpu, uint16_t *target)
{
	struct s2_vgic *vgic = vcpu->vgic;
	struct s2_irq *move = NULL;
	struct s2_irq *next;

	s2_lock_ap(vgic, vcpu->cpu, vcpu);
	for (struct s2_irq *irq = vcpu->ap_list.head; irq && !move; irq = next) {
		next = irq->next;
		s2_lock_irq(vgic, vcpu->cpu, irq);
		*target = s2_irq_target_oracle(vgic, irq);
		if (*target == S2_NO_VCPU)
			unlist(vcpu, irq);
		else if (*target != vcpu->index)
			move = irq;
		s2_unlock_irq(vgic, vcpu->cpu, irq);
	}
	s2_unlock_ap(vgic, vcpu->cpu, vcpu);
	return move;
}

/* vgic_prune_ap_list() */
void s2_lr_prune(struct s2_vgic_cpu *vcpu)
{
	struct s2_irq *irq;
	uint16_t target = S2_NO_VCPU;

	if (!vcpu->ap_list.len)
		return;
	while ((irq = prune_until_move(vcpu, &target)) != NULL) {
		if (vcpu->vgic->race)
			vcpu->vgic->race(vcpu->vgic->race_arg, irq);
		migrate(vcpu, irq, target);
	}
}
