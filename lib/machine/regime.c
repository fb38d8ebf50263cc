/* SPDX-License-Identifier: MIT */
#include "machine/regime.h"

#include <errno.h>

#define REGIME_VTCR_T0SZ S2_BITS(5, 0)
#define VTCR_SL0	 S2_BITS(7, 6)
#define VTCR_TG0	 S2_BITS(15, 14)
#define VTCR_PS		 S2_BITS(18, 16)
#define VTCR_HA		 S2_BIT(21)
#define VTCR_HD		 S2_BIT(22)
#define VTCR_DS		 S2_BIT(32)

#define REGIME_VTTBR_BADDR S2_BITS(47, 12)

static int decode_granule(uint64_t vtcr, enum s2_granule *granule)
{
	static const enum s2_granule by_tg0[] = {S2_GRANULE_4K, S2_GRANULE_64K, S2_GRANULE_16K};
	uint64_t tg0 = s2_field_get(vtcr, VTCR_TG0);

	if (tg0 >= sizeof(by_tg0) / sizeof(by_tg0[0]))
		return -EINVAL;
	*granule = by_tg0[tg0];
	return 0;
}

static int decode_shape(uint64_t vtcr, struct s2_geometry *geo)
{
	static const uint8_t by_ps[] = {32, 36, 40, 42, 44, 48, 52, 52};
	struct s2_geometry_config shape = {
		.ipa_bits = 64U - (unsigned)s2_field_get(vtcr, REGIME_VTCR_T0SZ),
		.pa_bits = by_ps[s2_field_get(vtcr, VTCR_PS)],
		.lpa2 = vtcr & VTCR_DS,
	};
	int sl0_base;
	int ret = decode_granule(vtcr, &shape.granule);

	if (!ret)
		ret = s2_geometry_init(geo, &shape);
	if (ret)
		return ret;
	/* SL0 counts start levels down from one that depends on the granule. */
	sl0_base = shape.granule == S2_GRANULE_4K ? 2 : 3;
	if (sl0_base - geo->start_level != (int)s2_field_get(vtcr, VTCR_SL0))
		return -EOPNOTSUPP;
	return 0;
}

int s2_regime_init(struct s2_regime *regime, const struct s2_features *f, uint64_t vtcr,
		   uint64_t vttbr)
{
	struct s2_geometry geo;
	int ret;

	if (!vttbr)
		return -ENOENT;
	if (vtcr & VTCR_HD)
		return -EOPNOTSUPP;
	ret = decode_shape(vtcr, &geo);
	if (ret)
		return ret;
	if (geo.page_shift != (uint8_t)f->granule)
		return -EINVAL;
	regime->vtcr = vtcr;
	regime->vttbr = vttbr;
	regime->geo = geo;
	regime->fmt = s2_pte_format(&geo, f->fwb, f->xnx);
	regime->root.v = vttbr & REGIME_VTTBR_BADDR;
	regime->vmid = s2_vttbr_vmid(f, vttbr);
	regime->ha = f->haf && (vtcr & VTCR_HA); /* RES0 without FEAT_HAFDBS */
	return 0;
}
