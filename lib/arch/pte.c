/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <stage2sim/pte.h>

/* The upper address bits as they stand in an address; see S2_PTE_PA_* for a descriptor. */
#define PA_51_48 S2_BITS(51, 48)
#define PA_51_50 S2_BITS(51, 50)

#define SH_INNER 3U

/* MemAttr by FEAT_S2FWB and memory type; "as stage 1 says" is what plain WB means. */
static const uint8_t memattrs[2][S2_MEMTYPE_UNKNOWN] = {
	{
		[S2_MEMTYPE_NORMAL_WB] = S2_MEMATTR_NORMAL_WB,
		[S2_MEMTYPE_NORMAL_NC] = S2_MEMATTR_NORMAL_NC,
		[S2_MEMTYPE_DEVICE_nGnRE] = S2_MEMATTR_DEVICE_nGnRE,
		[S2_MEMTYPE_AS_S1] = S2_MEMATTR_NORMAL_WB,
	},
	{
		[S2_MEMTYPE_NORMAL_WB] = S2_MEMATTR_FWB_NORMAL_WB,
		[S2_MEMTYPE_NORMAL_NC] = S2_MEMATTR_FWB_NORMAL_NC,
		[S2_MEMTYPE_DEVICE_nGnRE] = S2_MEMATTR_FWB_DEVICE_nGnRE,
		[S2_MEMTYPE_AS_S1] = S2_MEMATTR_FWB_AS_S1,
	},
};

static bool pte_format_known(const struct s2_pte_format *fmt)
{
	return fmt->page_shift == S2_GRANULE_4K || fmt->page_shift == S2_GRANULE_16K ||
	       fmt->page_shift == S2_GRANULE_64K;
}

static uint64_t page_mask(const struct s2_pte_format *fmt)
{
	return ~((UINT64_C(1) << fmt->page_shift) - 1U);
}

struct s2_pa s2_pte_pa(s2_pte pte, const struct s2_pte_format *fmt)
{
	uint64_t pa;

	if (!pte_format_known(fmt))
		return s2_pa(0);
	if (fmt->lpa2) {
		pa = pte & S2_PTE_PA_MASK_LPA2 & page_mask(fmt);
		pa |= s2_field_put(s2_field_get(pte, S2_PTE_PA_51_50_LPA2), PA_51_50);
		return s2_pa(pa);
	}
	pa = pte & S2_PTE_PA_MASK & page_mask(fmt);
	if (fmt->page_shift == S2_GRANULE_64K)
		pa |= s2_field_put(s2_field_get(pte, S2_PTE_PA_51_48_64K), PA_51_48);
	return s2_pa(pa);
}

/* The address bits of a descriptor for @pa, which the format can hold. */
static s2_pte encode_pa(struct s2_pa pa, const struct s2_pte_format *fmt)
{
	s2_pte bits;

	if (fmt->lpa2) {
		bits = pa.v & S2_PTE_PA_MASK_LPA2;
		return bits | s2_field_put(s2_field_get(pa.v, PA_51_50), S2_PTE_PA_51_50_LPA2);
	}
	bits = pa.v & S2_PTE_PA_MASK;
	if (fmt->page_shift == S2_GRANULE_64K)
		bits |= s2_field_put(s2_field_get(pa.v, PA_51_48), S2_PTE_PA_51_48_64K);
	return bits;
}

/* A PA must be within the machine's and within what the descriptor has bits for. */
static int check_pa(struct s2_pa pa, uint64_t size, const struct s2_pte_format *fmt)
{
	const bool wide = fmt->lpa2 || fmt->page_shift == S2_GRANULE_64K;
	const unsigned format_bits = wide ? 52U : 48U;
	const unsigned bits = fmt->pa_bits < format_bits ? fmt->pa_bits : format_bits;

	if (pa.v & (size - 1U))
		return -EINVAL;
	return pa.v >> bits ? -ERANGE : 0;
}

enum s2_memtype s2_pte_memtype(s2_pte pte, const struct s2_pte_format *fmt)
{
	const unsigned memattr = s2_pte_memattr(pte);
	int type;

	for (type = S2_MEMTYPE_NORMAL_WB; type < S2_MEMTYPE_UNKNOWN; type++) {
		if (memattrs[fmt->fwb][type] == memattr)
			break;
	}
	return (enum s2_memtype)type;
}

int s2_pte_sh(s2_pte pte, const struct s2_pte_format *fmt)
{
	return fmt->lpa2 ? -EOPNOTSUPP : (int)s2_field_get(pte, S2_PTE_SH_MASK);
}

static unsigned memtype_prot(enum s2_memtype type)
{
	switch (type) {
	case S2_MEMTYPE_DEVICE_nGnRE:
		return S2_PROT_DEVICE;
	case S2_MEMTYPE_NORMAL_NC:
		return S2_PROT_NORMAL_NC;
	default:
		return 0;
	}
}

unsigned s2_pte_prot(s2_pte pte, const struct s2_pte_format *fmt)
{
	unsigned prot;

	if (!s2_pte_valid(pte))
		return 0;

	prot = memtype_prot(s2_pte_memtype(pte, fmt));
	if (s2_pte_readable(pte))
		prot |= S2_PROT_R;
	if (s2_pte_writable(pte))
		prot |= S2_PROT_W;
	if (s2_pte_executable(pte, fmt))
		prot |= S2_PROT_X;
	return prot;
}

/* @return the memory type that @prot asks for, or -EINVAL if KVM refuses it. */
static int prot_memtype(unsigned prot)
{
	if (prot & ~S2_PROT_MASK)
		return -EINVAL;
	switch (prot & (S2_PROT_DEVICE | S2_PROT_NORMAL_NC)) {
	case 0:
		return S2_MEMTYPE_NORMAL_WB;
	case S2_PROT_DEVICE:
		return prot & S2_PROT_X ? -EINVAL : S2_MEMTYPE_DEVICE_nGnRE;
	case S2_PROT_NORMAL_NC:
		return prot & S2_PROT_X ? -EINVAL : S2_MEMTYPE_NORMAL_NC;
	default:
		return -EINVAL;
	}
}

int s2_pte_attr(const struct s2_pte_format *fmt, unsigned prot, s2_pte *attr)
{
	const int type = prot_memtype(prot);
	s2_pte bits = S2_PTE_AF;

	if (type < 0)
		return type;

	bits |= s2_field_put(memattrs[fmt->fwb][type], S2_PTE_MEMATTR_MASK);
	if (prot & S2_PROT_R)
		bits |= S2_PTE_S2AP_R;
	if (prot & S2_PROT_W)
		bits |= S2_PTE_S2AP_W;
	if (!(prot & S2_PROT_X))
		bits |= s2_field_put(S2_XN_EXEC_NONE, S2_PTE_XN_MASK);
	if (!fmt->lpa2)
		bits |= s2_field_put(SH_INNER, S2_PTE_SH_MASK);
	*attr = bits;
	return 0;
}

/* Every bit that is an attribute of a leaf: what is not here is address or reserved. */
static s2_pte attr_mask(const struct s2_pte_format *fmt)
{
	s2_pte mask = S2_PTE_MEMATTR_MASK | S2_PTE_S2AP_R | S2_PTE_S2AP_W | S2_PTE_AF | S2_PTE_DBM |
		      S2_PTE_CONTIGUOUS | S2_PTE_SW_MASK;

	mask |= fmt->lpa2 ? 0 : S2_PTE_SH_MASK;
	mask |= fmt->xnx ? S2_PTE_XN_MASK : S2_PTE_XN;
	return mask;
}

int s2_pte_make_leaf(const struct s2_pte_format *fmt, struct s2_pa pa, s2_pte attr, int level,
		     s2_pte *pte)
{
	const struct s2_geometry shape = {.page_shift = fmt->page_shift};
	int err;

	if (!pte_format_known(fmt) || !s2_level_supports_leaf(&shape, level) ||
	    (attr & ~attr_mask(fmt)))
		return -EINVAL;
	err = check_pa(pa, s2_level_size(&shape, level), fmt);
	if (err)
		return err;

	*pte = S2_PTE_VALID | attr | encode_pa(pa, fmt);
	if (level == S2_LAST_LEVEL)
		*pte |= S2_PTE_TYPE;
	return 0;
}

int s2_pte_make_table(const struct s2_pte_format *fmt, struct s2_pa pa, s2_pte *pte)
{
	int err;

	if (!pte_format_known(fmt))
		return -EINVAL;
	err = check_pa(pa, UINT64_C(1) << fmt->page_shift, fmt);
	if (err)
		return err;

	*pte = S2_PTE_VALID | S2_PTE_TYPE | encode_pa(pa, fmt);
	return 0;
}

int s2_pte_make_owner(unsigned owner, s2_pte *pte)
{
	if (owner > s2_field_get(S2_PTE_OWNER_MASK, S2_PTE_OWNER_MASK))
		return -EINVAL;

	*pte = s2_field_put(owner, S2_PTE_OWNER_MASK);
	return 0;
}

int s2_pte_make_invalid(enum s2_invalid_type type, s2_pte *pte)
{
	/* By value: the enum's own type may be signed or not. */
	switch (type) {
	case S2_INVALID_NONE:
	case S2_INVALID_LOCKED:
	case S2_INVALID_HOST_DONATION:
	case S2_INVALID_GUEST_POISONED:
		*pte = s2_field_put((uint64_t)type, S2_PTE_INVALID_TYPE_MASK);
		return 0;
	default:
		return -EINVAL;
	}
}

int s2_pte_set_xn(const struct s2_pte_format *fmt, bool el0_exec, bool el1_exec, s2_pte *pte)
{
	/* By what EL0 and EL1 may execute. */
	static const uint8_t xn[2][2] = {
		{S2_XN_EXEC_NONE, S2_XN_EXEC_EL1},
		{S2_XN_EXEC_EL0, S2_XN_EXEC_ALL},
	};

	if (el0_exec != el1_exec && !fmt->xnx)
		return -EOPNOTSUPP;

	*pte = (*pte & ~S2_PTE_XN_MASK) | s2_field_put(xn[el0_exec][el1_exec], S2_PTE_XN_MASK);
	return 0;
}

int s2_pte_set_sw(unsigned sw, s2_pte *pte)
{
	if (sw > s2_field_get(S2_PTE_SW_MASK, S2_PTE_SW_MASK))
		return -EINVAL;

	*pte = (*pte & ~S2_PTE_SW_MASK) | s2_field_put(sw, S2_PTE_SW_MASK);
	return 0;
}
