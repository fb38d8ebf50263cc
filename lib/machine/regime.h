/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A stage-2 translation regime, as VTCR_EL2 and VTTBR_EL2 describe it.
 *
 *   VTCR_EL2   32  21 19 18 16 15 14    7  6 5    0
 *             |DS |HA|VS|  PS | TG0 |  | SL0 | T0SZ |
 *   VTTBR_EL2  63   48 47                1   0
 *             | VMID  |      BADDR        | CnP |
 *
 * What hardware knows of a VM: no more than these two.  Stands for: Arm ARM
 * D19.2 (VTCR_EL2, VTTBR_EL2), D8.2 (the start of a walk).
 */
#ifndef S2_MACHINE_REGIME_H
#define S2_MACHINE_REGIME_H

#include <stage2sim/features.h>
#include <stage2sim/pte.h>

struct s2_regime {
	uint64_t vtcr, vttbr; /**< it was made of */
	struct s2_geometry geo;
	struct s2_pte_format fmt;
	struct s2_pa root;
	struct s2_vmid vmid;
	bool ha; /**< hardware sets the access flag */
};

/**
 * @return 0; -ENOENT for no VTTBR_EL2 (all zero); -EINVAL for a granule that
 *         is not the machine's; -EOPNOTSUPP for a start level that KVM does
 *         not choose, or hardware dirty state (HD).
 */
int s2_regime_init(struct s2_regime *regime, const struct s2_features *f, uint64_t vtcr,
		   uint64_t vttbr);

/** Only the VMID of a VTTBR_EL2. */
static inline struct s2_vmid s2_vttbr_vmid(const struct s2_features *f, uint64_t vttbr)
{
	return s2_vmid((uint16_t)s2_field_get(vttbr, f->vmid_bits == 16 ? S2_BITS(63, 48)
									: S2_BITS(55, 48)));
}

#endif
