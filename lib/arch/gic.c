/* SPDX-License-Identifier: MIT */
#include <stage2sim/gic.h>

#include <errno.h>

#define W8	S2_GIC_ACCESS_8
#define W32	S2_GIC_ACCESS_32
#define W64	S2_GIC_ACCESS_64
#define SGI(at) (S2_GICR_SGI_BASE + (at))

/* An array of the distributor covers interrupts 0 to 1023. */
#define PER_IRQ(bits) (1024U * (bits) / 8U)

/* IHI 0069 tables 12-25, 12-27 and 12-29; what KVM does not have is not here. */
static const struct s2_gic_reg_info gic_regs[S2_GIC_REGS] = {
	[S2_GICR_CTLR] = {"gicr_ctlr", 0x0000, 4, W32, 0},
	[S2_GICR_IIDR] = {"gicr_iidr", 0x0004, 4, W32, 0},
	[S2_GICR_TYPER] = {"gicr_typer", 0x0008, 8, W64 | W32, 0},
	[S2_GICR_STATUSR] = {"gicr_statusr", 0x0010, 4, W32, 0},
	[S2_GICR_WAKER] = {"gicr_waker", 0x0014, 4, W32, 0},
	[S2_GICR_PROPBASER] = {"gicr_propbaser", 0x0070, 8, W64 | W32, 0},
	[S2_GICR_PENDBASER] = {"gicr_pendbaser", 0x0078, 8, W64 | W32, 0},
	[S2_GICR_INVLPIR] = {"gicr_invlpir", 0x00a0, 8, W64 | W32, 0},
	[S2_GICR_INVALLR] = {"gicr_invallr", 0x00b0, 8, W64 | W32, 0},
	[S2_GICR_SYNCR] = {"gicr_syncr", 0x00c0, 4, W32, 0},
	[S2_GICR_ID] = {"gicr_id", 0xffd0, 48, W32, 0},

	[S2_GICR_IGROUPR0] = {"gicr_igroupr0", SGI(0x0080), 4, W32, 1},
	[S2_GICR_ISENABLER0] = {"gicr_isenabler0", SGI(0x0100), 4, W32, 1},
	[S2_GICR_ICENABLER0] = {"gicr_icenabler0", SGI(0x0180), 4, W32, 1},
	[S2_GICR_ISPENDR0] = {"gicr_ispendr0", SGI(0x0200), 4, W32, 1},
	[S2_GICR_ICPENDR0] = {"gicr_icpendr0", SGI(0x0280), 4, W32, 1},
	[S2_GICR_ISACTIVER0] = {"gicr_isactiver0", SGI(0x0300), 4, W32, 1},
	[S2_GICR_ICACTIVER0] = {"gicr_icactiver0", SGI(0x0380), 4, W32, 1},
	[S2_GICR_IPRIORITYR] = {"gicr_ipriorityr", SGI(0x0400), 32, W32 | W8, 8},
	[S2_GICR_ICFGR] = {"gicr_icfgr", SGI(0x0c00), 8, W32, 2},
	[S2_GICR_IGRPMODR0] = {"gicr_igrpmodr0", SGI(0x0d00), 4, W32, 1},
	[S2_GICR_NSACR] = {"gicr_nsacr", SGI(0x0e00), 4, W32, 0},

	[S2_GICD_CTLR] = {"gicd_ctlr", 0x0000, 4, W32, 0},
	[S2_GICD_TYPER] = {"gicd_typer", 0x0004, 4, W32, 0},
	[S2_GICD_IIDR] = {"gicd_iidr", 0x0008, 4, W32, 0},
	[S2_GICD_TYPER2] = {"gicd_typer2", 0x000c, 4, W32, 0},
	[S2_GICD_STATUSR] = {"gicd_statusr", 0x0010, 4, W32, 0},
	[S2_GICD_IGROUPR] = {"gicd_igroupr", 0x0080, PER_IRQ(1), W32, 1},
	[S2_GICD_ISENABLER] = {"gicd_isenabler", 0x0100, PER_IRQ(1), W32, 1},
	[S2_GICD_ICENABLER] = {"gicd_icenabler", 0x0180, PER_IRQ(1), W32, 1},
	[S2_GICD_ISPENDR] = {"gicd_ispendr", 0x0200, PER_IRQ(1), W32, 1},
	[S2_GICD_ICPENDR] = {"gicd_icpendr", 0x0280, PER_IRQ(1), W32, 1},
	[S2_GICD_ISACTIVER] = {"gicd_isactiver", 0x0300, PER_IRQ(1), W32, 1},
	[S2_GICD_ICACTIVER] = {"gicd_icactiver", 0x0380, PER_IRQ(1), W32, 1},
	[S2_GICD_IPRIORITYR] = {"gicd_ipriorityr", 0x0400, PER_IRQ(8), W32 | W8, 8},
	[S2_GICD_ITARGETSR] = {"gicd_itargetsr", 0x0800, PER_IRQ(8), W32 | W8, 8},
	[S2_GICD_ICFGR] = {"gicd_icfgr", 0x0c00, PER_IRQ(2), W32, 2},
	[S2_GICD_IGRPMODR] = {"gicd_igrpmodr", 0x0d00, PER_IRQ(1), W32, 1},
	[S2_GICD_IROUTER] = {"gicd_irouter", 0x6000, PER_IRQ(64), W64 | W32, 64},
	[S2_GICD_ID] = {"gicd_id", 0xffd0, 48, W32, 0},
};

#undef W8
#undef W32
#undef W64
#undef SGI
#undef PER_IRQ

const struct s2_gic_reg_info *s2_gic_reg_info(enum s2_gic_reg reg)
{
	return (unsigned)reg < S2_GIC_REGS ? &gic_regs[reg] : NULL;
}

/* vgic_get_mmio_region(), check_region(): any other width or alignment finds nothing. */
static int decode(unsigned first, unsigned end, uint32_t offset, unsigned size)
{
	for (unsigned i = first; i < end; i++) {
		if (offset < gic_regs[i].offset || offset - gic_regs[i].offset >= gic_regs[i].size)
			continue;
		if (size != 1U && size != 4U && size != 8U)
			return -ENOENT;
		return (gic_regs[i].access & size) && offset % size == 0 ? (int)i : -ENOENT;
	}
	return -ENOENT;
}

int s2_gicr_decode(uint32_t offset, unsigned size)
{
	return decode(S2_GICR_CTLR, S2_GICD_CTLR, offset, size);
}

int s2_gicd_decode(uint32_t offset, unsigned size)
{
	return decode(S2_GICD_CTLR, S2_GIC_REGS, offset, size);
}
