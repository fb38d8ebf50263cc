/* SPDX-License-Identifier: MIT */
/* The distributor's registers: vgic-mmio-v3.c, table dist_registers. */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/regs/vgic_mmio.h"
#include "hyp/vgic/delivery/vgic_run.h"
#include "hyp/vgic/delivery/vgic_v4.h"

#include <errno.h>

#define PRODUCT_ID UINT64_C(0x4b)
#define ARM_ID	   UINT64_C(0x43b)
/* Ten bits of INTID, less one: there are no LPIs. */
#define ID_BITS	    UINT64_C(9)
#define IRQS_A_LINE 32U
#define STATUSR	    UINT64_C(0xffffffff)

static uint64_t dist_ctlr(const struct s2_vgic *vgic)
{
	return (vgic->dist_enabled ? S2_GICD_CTLR_ENABLE_G1 : 0) | S2_GICD_CTLR_ARE_NS |
	       S2_GICD_CTLR_DS | (vgic->nassgireq ? S2_GICD_CTLR_NASSGIREQ : 0);
}

static uint64_t dist_typer(const struct s2_vgic *vgic)
{
	const uint64_t lines = (vgic->n_spis + S2_GIC_PRIVATE_IRQS) / IRQS_A_LINE - 1U;

	return s2_field_put(lines, S2_GICD_TYPER_LINES) | s2_field_put(ID_BITS, S2_GICD_TYPER_IDS);
}

static uint64_t dist_iidr(const struct s2_vgic *vgic, unsigned revision)
{
	(void)vgic;
	return s2_field_put(PRODUCT_ID, S2_GIC_IIDR_PRODUCT) |
	       s2_field_put(revision, S2_GIC_IIDR_REV) | s2_field_put(ARM_ID, S2_GIC_IIDR_IMPL);
}

static uint64_t dist_typer2(const struct s2_vgic *vgic)
{
	return vgic->nassgicap ? S2_GICD_TYPER2_NASSGICAP : 0;
}

static uint64_t dist_reg(const struct s2_vgic *vgic, enum s2_gic_reg reg,
			 const struct s2_gic_io *io)
{
	switch (reg) {
	case S2_GICD_CTLR:
		return dist_ctlr(vgic);
	case S2_GICD_TYPER:
		return dist_typer(vgic);
	case S2_GICD_IIDR:
		return dist_iidr(vgic, vgic->revision);
	case S2_GICD_TYPER2:
		return dist_typer2(vgic);
	case S2_GICD_STATUSR:
		return STATUSR;
	case S2_GICD_ID:
		return s2_gic_id_read(io->offset);
	default:
		return 0;
	}
}

/* Whether SGIs have an active state can be said only while nothing is delivered. */
static void write_ctlr(struct s2_vgic *vgic, struct s2_cpu *cpu, uint64_t value)
{
	const bool was_enabled = vgic->dist_enabled;

	s2_vgic_collect_all(vgic, cpu);
	vgic->dist_enabled = (value & S2_GICD_CTLR_ENABLE_G1) != 0;
	if (!was_enabled && vgic->nassgicap)
		vgic->nassgireq = (value & S2_GICD_CTLR_NASSGIREQ) != 0;
	if (was_enabled || !vgic->dist_enabled)
		return;
	if (vgic->nassgireq != vgic->vsgis_in_hw)
		s2_vgic_configure_vsgis(vgic, cpu);
	s2_vgic_kick_pending(vgic, cpu);
}

/* The revision is the value's, not the one in force (a0e6ae45af17). */
static int write_iidr_user(struct s2_vgic *vgic, uint64_t value)
{
	const unsigned revision = vgic->cfg.bug == S2_BUG_IIDR_OLD_REVISION
					  ? vgic->revision
					  : (unsigned)s2_field_get(value, S2_GIC_IIDR_REV);

	if (value != dist_iidr(vgic, revision) || revision < 2U || revision > S2_REVISION_IR)
		return -EINVAL;
	vgic->revision = revision;
	return 0;
}

/* c652887a9288: a VM may be denied hardware SGIs, so that it can migrate to where there are none. */
static int write_typer2_user(struct s2_vgic *vgic, uint64_t value)
{
	if (value == dist_typer2(vgic))
		return 0;
	if (vgic->initialised)
		return -EBUSY;
	if (value & ~S2_GICD_TYPER2_NASSGICAP || (value && !vgic->cfg.gicv4_1))
		return -EINVAL;
	vgic->nassgicap = value != 0;
	return 0;
}

static struct s2_irq *routed_irq(struct s2_vgic *vgic, const struct s2_gic_io *io)
{
	const uint32_t intid = (io->offset - s2_gic_reg_info(S2_GICD_IROUTER)->offset) / 8U;

	return intid < S2_GIC_PRIVATE_IRQS ? NULL : s2_vgic_irq(vgic, NULL, intid);
}

/*
 * vgic_mmio_write_irouter(): the low word only, of which 24 bits are kept (no
 * 1-of-N, no Aff3).  A pending one moves when its present vcpu prunes.
 */
static void write_irouter(struct s2_vgic *vgic, const struct s2_gic_io *io, uint64_t value)
{
	struct s2_irq *irq = routed_irq(vgic, io);

	if (!irq || (io->offset % 8U && vgic->cfg.bug != S2_BUG_IROUTER_SPLIT))
		return;
	s2_lock_irq(vgic, io->cpu, irq);
	irq->mpidr = (uint32_t)(value & S2_GICD_IROUTER_AFF);
	irq->target = s2_mpidr_to_vcpu(vgic, io->cpu, s2_mpidr(irq->mpidr));
	s2_unlock_irq(vgic, io->cpu, irq);
}

static uint64_t read_irouter(struct s2_vgic *vgic, const struct s2_gic_io *io)
{
	const struct s2_irq *irq = routed_irq(vgic, io);

	return irq ? s2_reg_part(irq->mpidr, io) : 0;
}

int s2_vgic_dist_read(struct s2_vgic *vgic, const struct s2_gic_io *io, uint64_t *value)
{
	const int reg = s2_gicd_decode(io->offset, io->size);

	if (!s2_gic_io_ok(vgic, io))
		return -EINVAL;
	if (reg < 0 && io->who == S2_GIC_USER)
		return -ENXIO;
	*value = 0;
	if (reg < 0)
		return 0;
	if (reg == S2_GICD_IROUTER)
		*value = read_irouter(vgic, io);
	else if (s2_gic_reg_info((enum s2_gic_reg)reg)->bits_per_irq)
		*value = s2_irq_reg_read(vgic, NULL, (enum s2_gic_reg)reg, io);
	else
		*value = dist_reg(vgic, (enum s2_gic_reg)reg, io);
	return 0;
}

int s2_vgic_dist_write(struct s2_vgic *vgic, const struct s2_gic_io *io, uint64_t value)
{
	const int reg = s2_gicd_decode(io->offset, io->size);

	if (!s2_gic_io_ok(vgic, io))
		return -EINVAL;
	if (reg < 0)
		return s2_gic_io_nothing(io);
	if (reg == S2_GICD_CTLR)
		write_ctlr(vgic, io->cpu, value);
	else if (reg == S2_GICD_IIDR && io->who == S2_GIC_USER)
		return write_iidr_user(vgic, value);
	else if (reg == S2_GICD_TYPER2 && io->who == S2_GIC_USER)
		return write_typer2_user(vgic, value);
	else if (reg == S2_GICD_IROUTER)
		write_irouter(vgic, io, value);
	else if (s2_gic_reg_info((enum s2_gic_reg)reg)->bits_per_irq)
		s2_irq_reg_write(vgic, NULL, (enum s2_gic_reg)reg, io, value);
	return 0;
}
