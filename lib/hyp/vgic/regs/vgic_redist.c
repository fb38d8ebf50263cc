/* SPDX-License-Identifier: MIT */
/* The redistributor's registers: vgic-mmio-v3.c, tables rd_registers and sgi. */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/regs/vgic_mmio.h"
#include "hyp/vgic/regs/vgic_region.h"

#include <errno.h>

#define VGIC_REDIST_PRODUCT_ID UINT64_C(0x4b)
#define VGIC_REDIST_ARM_ID     UINT64_C(0x43b)

/* GICR_IIDR carries no revision: GICD_IIDR does. */
static uint64_t redist_iidr(void)
{
	return s2_field_put(VGIC_REDIST_PRODUCT_ID, S2_GIC_IIDR_PRODUCT) |
	       s2_field_put(VGIC_REDIST_ARM_ID, S2_GIC_IIDR_IMPL);
}

/* vgic_mmio_read_v3r_typer(); Aff3 is not shown, as KVM's mpidr is 24 bits here. */
static uint64_t redist_typer(const struct s2_vgic_cpu *vcpu)
{
	const uint64_t aff = vcpu->mpidr.v & S2_GICD_IROUTER_AFF;

	return s2_field_put(aff, S2_GICR_TYPER_AFF) | s2_field_put(vcpu->id, S2_GICR_TYPER_CPU) |
	       (s2_redist_is_last(vcpu) ? S2_GICR_TYPER_LAST : 0);
}

static uint64_t redist_ctlr(const struct s2_vgic *vgic)
{
	return vgic->revision >= S2_REVISION_IR ? S2_GICR_CTLR_CES | S2_GICR_CTLR_IR : 0;
}

static uint64_t redist_reg(const struct s2_vgic_cpu *vcpu, enum s2_gic_reg reg,
			   const struct s2_gic_io *io)
{
	switch (reg) {
	case S2_GICR_CTLR:
		return redist_ctlr(vcpu->vgic);
	case S2_GICR_IIDR:
		return redist_iidr();
	case S2_GICR_TYPER:
		return s2_reg_part(redist_typer(vcpu), io);
	case S2_GICR_PROPBASER:
		return s2_reg_part(vcpu->vgic->propbaser, io);
	case S2_GICR_PENDBASER:
		return s2_reg_part(vcpu->pendbaser & ~S2_GICR_PENDBASER_PTZ, io);
	case S2_GICR_ID:
		return s2_gic_id_read(io->offset);
	default:
		/* STATUSR, WAKER (always awake), SYNCR (never busy), and write-only ones. */
		return 0;
	}
}

/* vgic_sanitise_field(): what it does not know becomes the nearest that it does. */
static uint64_t sanitise(uint64_t reg, uint64_t mask, uint64_t (*rule)(uint64_t))
{
	return (reg & ~mask) | s2_field_put(rule(s2_field_get(reg, mask)), mask);
}

/* Outer shareable becomes inner shareable. */
static uint64_t share_rule(uint64_t field)
{
	return field == 2U ? 1U : field;
}

/* Device and non-cacheable become write-back, read allocate. */
static uint64_t inner_cache_rule(uint64_t field)
{
	return field <= 1U ? 3U : field;
}

/* "Same as inner" or non-cacheable: no outer attribute of its own. */
static uint64_t outer_cache_rule(uint64_t field)
{
	return field == 1U ? 1U : 0U;
}

static uint64_t sanitise_baser(uint64_t reg)
{
	reg = sanitise(reg, S2_GICR_BASER_SHARE, share_rule);
	reg = sanitise(reg, S2_GICR_BASER_INNER_CACHE, inner_cache_rule);
	return sanitise(reg, S2_GICR_BASER_OUTER_CACHE, outer_cache_rule);
}

/* LPIs are never on (there is no ITS), so the bases can always be written. */
static void redist_set(struct s2_vgic_cpu *vcpu, enum s2_gic_reg reg, const struct s2_gic_io *io,
		       uint64_t value)
{
	struct s2_vgic *vgic = vcpu->vgic;

	if (reg == S2_GICR_PROPBASER) {
		value = s2_reg_update(vgic->propbaser, io, value);
		vgic->propbaser = sanitise_baser(value) & ~S2_GICR_PROPBASER_RES0;
	} else if (reg == S2_GICR_PENDBASER) {
		value = s2_reg_update(vcpu->pendbaser, io, value);
		vcpu->pendbaser = sanitise_baser(value) & ~S2_GICR_PENDBASER_RES0;
	}
}

int s2_vgic_redist_read(struct s2_vgic_cpu *vcpu, const struct s2_gic_io *io, uint64_t *value)
{
	const int reg = s2_gicr_decode(io->offset, io->size);

	if (!s2_gic_io_ok(vcpu->vgic, io))
		return -EINVAL;
	if (reg < 0 && io->who == S2_GIC_USER)
		return -ENXIO;
	*value = 0;
	if (reg < 0)
		return 0;
	if (s2_gic_reg_info((enum s2_gic_reg)reg)->bits_per_irq)
		*value = s2_irq_reg_read(vcpu->vgic, vcpu, (enum s2_gic_reg)reg, io);
	else
		*value = redist_reg(vcpu, (enum s2_gic_reg)reg, io);
	return 0;
}

int s2_vgic_redist_write(struct s2_vgic_cpu *vcpu, const struct s2_gic_io *io, uint64_t value)
{
	const int reg = s2_gicr_decode(io->offset, io->size);

	if (!s2_gic_io_ok(vcpu->vgic, io))
		return -EINVAL;
	if (reg < 0)
		return s2_gic_io_nothing(io);
	if (vcpu->vgic->cfg.bug == S2_BUG_REDIST_FIRST)
		vcpu = vcpu->vgic->vcpu[0];
	if (s2_gic_reg_info((enum s2_gic_reg)reg)->bits_per_irq)
		s2_irq_reg_write(vcpu->vgic, vcpu, (enum s2_gic_reg)reg, io, value);
	else
		redist_set(vcpu, (enum s2_gic_reg)reg, io, value);
	return 0;
}

static uint16_t user_vcpu(const struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t affinity)
{
	if (vgic->cfg.bug == S2_BUG_USER_REDIST_BY_ID)
		return affinity < vgic->cfg.max_vcpus ? vgic->by_id[affinity] : S2_NO_VCPU;
	return s2_mpidr_to_vcpu(vgic, cpu, s2_mpidr_unpack(affinity));
}

/* vgic_v3_parse_attr(), vgic_v3_attr_regs_access(): the vcpu must be there (6ddb4f372fc6). */
int s2_vgic_user_redist(struct s2_vgic *vgic, struct s2_cpu *cpu, uint32_t affinity,
			uint32_t offset, bool write, uint32_t *value)
{
	const struct s2_gic_io io = {cpu, S2_GIC_USER, offset, sizeof(*value)};
	uint64_t wide = 0;
	uint16_t index;
	int ret;

	if (!s2_vgic_has_cpu(vgic, cpu))
		return -EINVAL;
	index = user_vcpu(vgic, cpu, affinity);
	if (index == S2_NO_VCPU)
		return -EINVAL;
	if (!vgic->initialised)
		return -EBUSY;
	if (write)
		return s2_vgic_redist_write(vgic->vcpu[index], &io, *value);
	ret = s2_vgic_redist_read(vgic->vcpu[index], &io, &wide);
	if (!ret)
		*value = (uint32_t)wide;
	return ret;
}
