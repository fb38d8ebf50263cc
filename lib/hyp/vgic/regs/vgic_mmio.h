/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Registers with some bits for each interrupt, and the parts of wider registers.
 */
#ifndef S2_HYP_VGIC_VGIC_MMIO_H
#define S2_HYP_VGIC_VGIC_MMIO_H

#include <errno.h>

#include "hyp/vgic/state/vgic.h"

/* What every access must be, whatever it reaches. */
static inline bool s2_gic_io_ok(const struct s2_vgic *vgic, const struct s2_gic_io *io)
{
	return s2_vgic_has_cpu(vgic, io->cpu) &&
	       (io->who == S2_GIC_GUEST || io->who == S2_GIC_USER);
}

/* What an access gets that reaches no register; a guest's read finds 0. */
static inline int s2_gic_io_nothing(const struct s2_gic_io *io)
{
	return io->who == S2_GIC_USER ? -ENXIO : 0;
}

uint64_t s2_irq_reg_read(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, enum s2_gic_reg reg,
			 const struct s2_gic_io *io);
void s2_irq_reg_write(struct s2_vgic *vgic, struct s2_vgic_cpu *vcpu, enum s2_gic_reg reg,
		      const struct s2_gic_io *io, uint64_t value);
/* extract_bytes(): the part of a 64-bit register that an access reads. */
uint64_t s2_reg_part(uint64_t reg, const struct s2_gic_io *io);
uint64_t s2_reg_update(uint64_t reg, const struct s2_gic_io *io, uint64_t value);
uint64_t s2_gic_id_read(uint32_t offset);

#endif
