/* SPDX-License-Identifier: MIT */
/*
 * Registers that hold some bits for each interrupt: vgic-mmio.c.
 *
 * A handler sees one interrupt at a time; what is not there (an SPI beyond
 * the VM's, a private interrupt in the distributor) reads 0 and takes nothing.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/regs/irq_state.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/delivery/sgi_mail.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/regs/vgic_mmio.h"
#include "hyp/vgic/delivery/vgic_phys.h"
#include "hyp/vgic/delivery/vgic_run.h"
#include "hyp/vgic/delivery/vgic_v4.h"

/* What a handler works on. */
struct irq_access {
	struct s2_vgic *vgic;
	struct s2_cpu *cpu;
	struct s2_irq *irq;
	bool user;
};

struct irq_reg {
	uint64_t (*read)(const struct irq_access *a);
	void (*write)(const struct irq_access *a, uint64_t value);
};

static uint64_t read_group(const struct irq_access *a)
{
	return a->irq->group1;
}

static void write_group(const struct irq_access *a, uint64_t value)
{
	s2_lock_irq(a->vgic, a->cpu, a->irq);
	s2_irq_set_group1(a->vgic, a->irq, value != 0);
	/* A pending one may have been waiting for this (vgic_mmio_write_group()). */
	s2_irq_queue_unlock(a->vgic, a->cpu, a->irq);
}

static uint64_t read_enable(const struct irq_access *a)
{
	return a->irq->enabled;
}

static void write_senable(const struct irq_access *a, uint64_t value)
{
	if (!value)
		return;
	s2_lock_irq(a->vgic, a->cpu, a->irq);
	s2_irq_set_enabled(a->vgic, a->irq, true);
	/* Its device may have changed its mind meanwhile (16e604a437c8). */
	if (!a->irq->active)
		s2_phys_resample(a->vgic, a->irq, true, false);
	if (a->vgic->cfg.bug == S2_BUG_ENABLE_NOT_QUEUED)
		s2_unlock_irq(a->vgic, a->cpu, a->irq);
	else
		s2_irq_queue_unlock(a->vgic, a->cpu, a->irq);
}

/* Which interrupt a bit of ICENABLER is about. */
static struct s2_irq *cleared_by(const struct irq_access *a)
{
	struct s2_irq *next;

	if (a->vgic->cfg.bug != S2_BUG_CENABLE_WRONG_BANK || a->irq->intid < S2_GIC_PRIVATE_IRQS)
		return a->irq;
	next = s2_vgic_irq(a->vgic, NULL, a->irq->intid + 32U);
	return next ? next : a->irq;
}

static void write_cenable(const struct irq_access *a, uint64_t value)
{
	if (!value)
		return;
	s2_lock_irq(a->vgic, a->cpu, a->irq);
	s2_irq_set_enabled(a->vgic, cleared_by(a), false);
	s2_unlock_irq(a->vgic, a->cpu, a->irq);
}

/* A guest sees the line, a saved state has the latch alone. */
static uint64_t read_pending(const struct irq_access *a)
{
	if (a->irq->hw)
		return s2_vsgi_pending(a->vgic, a->irq);
	if (a->user && a->vgic->cfg.bug != S2_BUG_USER_PENDING_LEVEL)
		return a->irq->latch;
	return s2_irq_pending(a->irq);
}

static uint64_t read_cpending(const struct irq_access *a)
{
	return a->user ? 0 : read_pending(a);
}

static void set_latch(const struct irq_access *a, bool on)
{
	s2_lock_irq(a->vgic, a->cpu, a->irq);
	if (a->irq->hw) {
		s2_vsgi_set_pending(a->vgic, a->cpu, a->irq, on);
		s2_unlock_irq(a->vgic, a->cpu, a->irq);
		return;
	}
	a->irq->latch = on;
	/* vgic_hw_irq_spending(), _cpending(): what is pending here must not fire there. */
	if (!a->user && (on || !a->irq->active))
		s2_phys_set_active(a->vgic, a->irq, on);
	if (on)
		s2_irq_queue_unlock(a->vgic, a->cpu, a->irq);
	else
		s2_unlock_irq(a->vgic, a->cpu, a->irq);
}

static void write_spending(const struct irq_access *a, uint64_t value)
{
	/* A restore must be able to clear what was set: vgic_v3_uaccess_write_pending(). */
	if (value || a->user)
		set_latch(a, value != 0);
}

static void write_cpending(const struct irq_access *a, uint64_t value)
{
	if (value && !a->user)
		set_latch(a, false);
}

static uint64_t read_active(const struct irq_access *a)
{
	return a->irq->active;
}

static void set_active(const struct irq_access *a, bool on)
{
	s2_lock_irq(a->vgic, a->cpu, a->irq);
	/* Hardware SGIs have no active state. */
	if (!a->irq->hw)
		a->irq->active = on;
	if (!a->user)
		s2_phys_set_active(a->vgic, a->irq, on);
	if (a->irq->active)
		s2_irq_queue_unlock(a->vgic, a->cpu, a->irq);
	else
		s2_unlock_irq(a->vgic, a->cpu, a->irq);
}

static void write_sactive(const struct irq_access *a, uint64_t value)
{
	if (value)
		set_active(a, true);
}

static void write_cactive(const struct irq_access *a, uint64_t value)
{
	if (value)
		set_active(a, false);
}

static uint64_t read_priority(const struct irq_access *a)
{
	return a->irq->priority;
}

static void write_priority(const struct irq_access *a, uint64_t value)
{
	s2_lock_irq(a->vgic, a->cpu, a->irq);
	s2_irq_set_priority(a->vgic, a->irq, (uint8_t)value);
	s2_unlock_irq(a->vgic, a->cpu, a->irq);
}

#define CFG_EDGE UINT64_C(2)

static uint64_t read_config(const struct irq_access *a)
{
	return a->irq->level ? 0 : CFG_EDGE;
}

static void write_config(const struct irq_access *a, uint64_t value)
{
	if (a->irq->intid < S2_GIC_PRIVATE_IRQS)
		return;
	s2_lock_irq(a->vgic, a->cpu, a->irq);
	a->irq->level = !(value & CFG_EDGE);
	s2_unlock_irq(a->vgic, a->cpu, a->irq);
}

static const struct irq_reg group_reg = {read_group, write_group};
static const struct irq_reg senable_reg = {read_enable, write_senable};
static const struct irq_reg cenable_reg = {read_enable, write_cenable};
static const struct irq_reg spending_reg = {read_pending, write_spending};
static const struct irq_reg cpending_reg = {read_cpending, write_cpending};
static const struct irq_reg sactive_reg = {read_active, write_sactive};
static const struct irq_reg cactive_reg = {read_active, write_cactive};
static const struct irq_reg priority_reg = {read_priority, write_priority};
static const struct irq_reg config_reg = {read_config, write_config};

/* A register that is not here reads as zero and takes nothing. */
static const struct irq_reg *const irq_regs[S2_GIC_REGS] = {
	[S2_GICR_IGROUPR0] = &group_reg,      [S2_GICR_ISENABLER0] = &senable_reg,
	[S2_GICR_ICENABLER0] = &cenable_reg,  [S2_GICR_ISPENDR0] = &spending_reg,
	[S2_GICR_ICPENDR0] = &cpending_reg,   [S2_GICR_ISACTIVER0] = &sactive_reg,
	[S2_GICR_ICACTIVER0] = &cactive_reg,  [S2_GICR_IPRIORITYR] = &priority_reg,
	[S2_GICR_ICFGR] = &config_reg,	      [S2_GICD_IGROUPR] = &group_reg,
	[S2_GICD_ISENABLER] = &senable_reg,   [S2_GICD_ICENABLER] = &cenable_reg,
	[S2_GICD_ISPENDR] = &spending_reg,    [S2_GICD_ICPENDR] = &cpending_reg,
	[S2_GICD_ISACTIVER] = &sactive_reg,   [S2_GICD_ICACTIVER] = &cactive_reg,
	[S2_GICD_IPRIORITYR] = &priority_reg, [S2_GICD_ICFGR] = &config_reg,
};

static bool is_active_reg(enum s2_gic_reg reg)
{
	return reg == S2_GICR_ISACTIVER0 || reg == S2_GICR_ICACTIVER0 || reg == S2_GICD_ISACTIVER ||
	       reg == S2_GICD_ICACTIVER;
}

/* vgic_access_active_prepare(): what a list register holds must be folded first. */
static void stop_for_active(struct s2_vgic *vgic, enum s2_gic_reg reg, const struct s2_gic_io *io)
{
	if (is_active_reg(reg) && io->who == S2_GIC_GUEST)
		s2_vgic_halt(vgic, io->cpu);
}

/* The interrupts that one access covers. */
struct irq_span {
	uint32_t first;
	unsigned count;
	uint64_t mask; /* of the first one's bits */
};

static struct irq_span span_of(enum s2_gic_reg reg, const struct s2_gic_io *io)
{
	const struct s2_gic_reg_info *info = s2_gic_reg_info(reg);
	const struct irq_span span = {
		.first = (io->offset - info->offset) * 8U / info->bits_per_irq,
		.count = io->size * 8U / info->bits_per_irq,
		.mask = S2_BITS(info->bits_per_irq - 1U, 0),
	};

	return span;
}

static struct irq_access access_to(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, uint32_t intid,
				   const struct s2_gic_io *io)
{
	const struct irq_access a = {
		.vgic = vgic,
		.cpu = io->cpu,
		.irq = s2_vgic_irq(vgic, vcpu, intid),
		.user = io->who == S2_GIC_USER,
	};

	return a;
}

uint64_t s2_irq_reg_read(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, enum s2_gic_reg reg,
			 const struct s2_gic_io *io)
{
	const struct irq_span span = span_of(reg, io);
	uint64_t value = 0;

	if (!irq_regs[reg])
		return 0;
	stop_for_active(vgic, reg, io);
	if (vcpu)
		s2_vgic_collect(vcpu, io->cpu);
	for (unsigned i = 0; i < span.count; i++) {
		const struct irq_access a = access_to(vgic, vcpu, span.first + i, io);

		if (a.irq)
			value |=
				s2_field_put(irq_regs[reg]->read(&a),
					     span.mask << (i * s2_gic_reg_info(reg)->bits_per_irq));
	}
	return value;
}

void s2_irq_reg_write(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, enum s2_gic_reg reg,
		      const struct s2_gic_io *io, uint64_t value)
{
	const struct irq_span span = span_of(reg, io);

	if (!irq_regs[reg])
		return;
	stop_for_active(vgic, reg, io);
	if (vcpu)
		s2_vgic_collect(vcpu, io->cpu);
	for (unsigned i = 0; i < span.count; i++) {
		const struct irq_access a = access_to(vgic, vcpu, span.first + i, io);
		const uint64_t field = span.mask << (i * s2_gic_reg_info(reg)->bits_per_irq);

		if (a.irq)
			irq_regs[reg]->write(&a, s2_field_get(value, field));
	}
}

/* The bits of a 64-bit register that an access of 32 or 64 bits reaches. */
static uint64_t part_mask(const struct s2_gic_io *io)
{
	if (io->size == 8U)
		return S2_BITS(63, 0);
	return io->offset % 8U ? S2_BITS(63, 32) : S2_BITS(31, 0);
}

uint64_t s2_reg_part(uint64_t reg, const struct s2_gic_io *io)
{
	return s2_field_get(reg, part_mask(io));
}

uint64_t s2_reg_update(uint64_t reg, const struct s2_gic_io *io, uint64_t value)
{
	return (reg & ~part_mask(io)) | s2_field_put(value, part_mask(io));
}

/* vgic_mmio_read_v3_idregs(): PIDR2 says GICv3, the others nothing. */
uint64_t s2_gic_id_read(uint32_t offset)
{
	return offset % S2_GICR_FRAME_SIZE == 0xffe8U ? S2_GICV3_ARCH_REV : 0;
}
