/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Stage-2 descriptors, 64 bits in Arm's format.
 *
 *   63    60 58   55 54 53 52 51 50 49/47      PS      10 9  8 7 6 5    2 1 0
 *  | type* | SW3-0 | XN   |C |D |PA50*| output address |AF| SH |W|R|MemAttr|T|V|
 *
 * T: 1 for a table (level < 3) or a page (level 3), 0 for a block.  With LPA2
 * bits 9:8 hold PA[51:50] instead of SH and 49:48 are address bits; with a
 * 64 KiB granule bits 15:12 hold PA[51:48].  *: of an invalid descriptor KVM
 * uses bits 9:2 as an owner id and bit 10 as "locked by a walker".
 *
 * Stands for: Arm ARM D8.3 (VMSAv8-64 descriptor formats), KVM's
 * hyp/pgtable.c.  The only place in the project with descriptor bit numbers.
 */
#ifndef STAGE2SIM_PTE_H
#define STAGE2SIM_PTE_H

#include <stage2sim/field.h>
#include <stage2sim/geometry.h>

S2_BEGIN_DECLS

/** A descriptor as it stands in a table page. */
typedef uint64_t s2_pte;

/**
 * What a mapping allows and what memory it is: KVM's kvm_pgtable_prot, with
 * the same bit numbers, so that a logged value can be used as it is.
 */
enum s2_prot {
	S2_PROT_X = 1 << 0,	    /**< execute */
	S2_PROT_W = 1 << 1,	    /**< write */
	S2_PROT_R = 1 << 2,	    /**< read */
	S2_PROT_DEVICE = 1 << 3,    /**< Device-nGnRE */
	S2_PROT_NORMAL_NC = 1 << 4, /**< Normal non-cacheable */
};

/** Every bit that enum s2_prot defines. */
#define S2_PROT_MASK 0x1fU

/** Memory types that a stage-2 leaf can carry. */
enum s2_memtype {
	S2_MEMTYPE_NORMAL_WB,	 /**< Normal, write-back */
	S2_MEMTYPE_NORMAL_NC,	 /**< Normal, non-cacheable */
	S2_MEMTYPE_DEVICE_nGnRE, /**< Device */
	S2_MEMTYPE_AS_S1,	 /**< FWB only: what stage 1 says */
	S2_MEMTYPE_UNKNOWN,	 /**< an encoding that KVM does not use */
};

/** XN field with FEAT_XNX (bits 54:53). */
enum s2_xn {
	S2_XN_EXEC_ALL = 0,  /**< EL1 and EL0 may execute */
	S2_XN_EXEC_EL0 = 1,  /**< only EL0 */
	S2_XN_EXEC_NONE = 2, /**< neither */
	S2_XN_EXEC_EL1 = 3,  /**< only EL1 */
};

/** What decides how fields lie in a descriptor; with another page_shift no address does. */
struct s2_pte_format {
	uint8_t page_shift; /**< log2 of the granule: enum s2_granule */
	uint8_t pa_bits;    /**< output size */
	bool lpa2; /**< TCR.DS: no SH field, PA[51:50] in 9:8 */
	bool fwb;  /**< HCR_EL2.FWB: MemAttr encodings of FEAT_S2FWB */
	bool xnx;  /**< FEAT_XNX: two XN bits */
};

/*
 * The layout.  Fields of valid descriptors, of which only the address depends
 * on the format:
 */
#define S2_PTE_VALID	    S2_BIT(0) /**< 1: a table or a leaf */
#define S2_PTE_TYPE	    S2_BIT(1) /**< 1: table (level < 3) or page (level 3) */
#define S2_PTE_MEMATTR_MASK S2_BITS(5, 2) /**< enum s2_memattr */
#define S2_PTE_S2AP_R	    S2_BIT(6)	  /**< may be read */
#define S2_PTE_S2AP_W	    S2_BIT(7)	  /**< may be written */
#define S2_PTE_SH_MASK	    S2_BITS(9, 8) /**< not with LPA2 */
#define S2_PTE_AF	    S2_BIT(10)	  /**< accessed */
#define S2_PTE_DBM	    S2_BIT(51)	  /**< dirty bit modifier */
#define S2_PTE_CONTIGUOUS   S2_BIT(52)	  /**< one of a run that one TLB entry may hold */
#define S2_PTE_XN_MASK	    S2_BITS(54, 53) /**< bit 53 only with FEAT_XNX */
#define S2_PTE_XN	    S2_BIT(54)	    /**< without FEAT_XNX: no execution */
#define S2_PTE_SW_MASK	    S2_BITS(58, 55) /**< for software */
/* Address bits that stand in their own place, down to the granule... */
#define S2_PTE_PA_MASK	    S2_BITS(47, 12) /**< without LPA2 */
#define S2_PTE_PA_MASK_LPA2 S2_BITS(49, 12) /**< with LPA2 */
/* ...and the upper ones, which do not. */
#define S2_PTE_PA_51_48_64K  S2_BITS(15, 12) /**< 64 KiB granule: PA[51:48] */
#define S2_PTE_PA_51_50_LPA2 S2_BITS(9, 8)   /**< LPA2: PA[51:50] */
/* Fields of invalid descriptors, up to v7.0: */
/** A walker is replacing the entry (KVM_INVALID_PTE_LOCKED). */
#define S2_PTE_LOCKED	  S2_BIT(10)
#define S2_PTE_OWNER_MASK S2_BITS(9, 2) /**< KVM_INVALID_PTE_OWNER_MASK */
/* The same in the v7.1-era layout: */
#define S2_PTE_INVALID_TYPE_MASK S2_BITS(63, 60) /**< enum s2_invalid_type */
/** The bits that only change what is allowed (KVM_PTE_LEAF_ATTR_S2_PERMS). */
#define S2_PTE_PERMS (S2_PTE_S2AP_R | S2_PTE_S2AP_W | S2_PTE_XN_MASK)

/** MemAttr without and with FEAT_S2FWB (asm/memory.h, MT_S2_*). */
enum s2_memattr {
	S2_MEMATTR_NORMAL_WB = 0xf,	   /**< stage 1 may weaken it */
	S2_MEMATTR_NORMAL_NC = 0x5,	   /**< at most non-cacheable */
	S2_MEMATTR_DEVICE_nGnRE = 0x1,	   /**< at most Device-nGnRE */
	S2_MEMATTR_FWB_NORMAL_WB = 0x6,	   /**< forces write-back */
	S2_MEMATTR_FWB_NORMAL_NC = 0x5,	   /**< as without FWB */
	S2_MEMATTR_FWB_DEVICE_nGnRE = 0x1, /**< as without FWB */
	S2_MEMATTR_FWB_AS_S1 = 0x7,	   /**< what stage 1 says */
};

/** The format of descriptors in tables of shape @p geo. */
static inline struct s2_pte_format s2_pte_format(const struct s2_geometry *geo, bool fwb, bool xnx)
{
	struct s2_pte_format fmt = {geo->page_shift, geo->pa_bits, geo->lpa2, fwb, xnx};

	return fmt;
}

/** Whether the walker goes on from @p pte, or maps by it. */
static inline bool s2_pte_valid(s2_pte pte)
{
	return pte & S2_PTE_VALID;
}

/** Whether @p pte, found at @p level, points to a next-level table. */
static inline bool s2_pte_is_table(s2_pte pte, int level)
{
	return level < S2_LAST_LEVEL && s2_pte_valid(pte) && (pte & S2_PTE_TYPE);
}

/**
 * Whether @p pte, found at @p level, maps memory: a page at level 3, a block
 * above.  A "block" at level 3 is reserved and maps nothing.
 */
static inline bool s2_pte_is_leaf(s2_pte pte, int level)
{
	return s2_pte_valid(pte) && (level == S2_LAST_LEVEL) == ((pte & S2_PTE_TYPE) != 0);
}

/**
 * Whether KVM holds a reference on the table page for this entry (non-zero).
 * As in KVM not to be asked of a locked one, which holds none.
 */
static inline bool s2_pte_is_counted(s2_pte pte)
{
	return pte != 0;
}

/** Whether a walker is replacing the entry (up to v7.0). */
static inline bool s2_pte_is_locked(s2_pte pte)
{
	return !s2_pte_valid(pte) && (pte & S2_PTE_LOCKED);
}

/** S2AP's read bit; means something in a valid leaf only. */
static inline bool s2_pte_readable(s2_pte pte)
{
	return pte & S2_PTE_S2AP_R;
}

/** S2AP's write bit; means something in a valid leaf only. */
static inline bool s2_pte_writable(s2_pte pte)
{
	return pte & S2_PTE_S2AP_W;
}

/** The access flag; means something in a valid leaf only. */
static inline bool s2_pte_accessed(s2_pte pte)
{
	return pte & S2_PTE_AF;
}

/** XN as the format has it; without XNX only EXEC_ALL and EXEC_NONE occur. */
static inline enum s2_xn s2_pte_xn(s2_pte pte, const struct s2_pte_format *fmt)
{
	return (enum s2_xn)s2_field_get(fmt->xnx ? pte : pte & S2_PTE_XN, S2_PTE_XN_MASK);
}

/** Whether EL1 may execute from the leaf @p pte; false for an invalid one. */
static inline bool s2_pte_executable(s2_pte pte, const struct s2_pte_format *fmt)
{
	const enum s2_xn xn = s2_pte_xn(pte, fmt);

	return s2_pte_valid(pte) && (xn == S2_XN_EXEC_ALL || xn == S2_XN_EXEC_EL1);
}

/** Software bits SW3..SW0 (58:55). */
static inline unsigned s2_pte_sw(s2_pte pte)
{
	return (unsigned)s2_field_get(pte, S2_PTE_SW_MASK);
}

/** The output address, or for a table the address of the next table; 0 without a granule. */
S2_API struct s2_pa s2_pte_pa(s2_pte pte, const struct s2_pte_format *fmt) S2_NONNULL(2);

/** The MemAttr field (bits 5:2) as it stands. */
static inline unsigned s2_pte_memattr(s2_pte pte)
{
	return (unsigned)s2_field_get(pte, S2_PTE_MEMATTR_MASK);
}

/** The memory type that MemAttr stands for under @p fmt. */
S2_API enum s2_memtype s2_pte_memtype(s2_pte pte, const struct s2_pte_format *fmt) S2_NONNULL(2);

/** The SH field (9:8), or -EOPNOTSUPP with LPA2, where there is none. */
S2_API int s2_pte_sh(s2_pte pte, const struct s2_pte_format *fmt) S2_NONNULL(2);

/** Whether KVM cleans @p pte's memory to the PoC: valid and Normal write-back. */
static inline bool s2_pte_cacheable(s2_pte pte, const struct s2_pte_format *fmt)
{
	const unsigned wb = fmt->fwb ? S2_MEMATTR_FWB_NORMAL_WB : S2_MEMATTR_NORMAL_WB;

	return s2_pte_valid(pte) && s2_pte_memattr(pte) == wb;
}

/**
 * The enum s2_prot flags that the leaf @p pte was made of (SW bits apart); 0
 * for an invalid one.  X is EL1's.  Unlike kvm_pgtable_stage2_pte_prot() it
 * also tells the memory type; one that no flag asks for adds nothing.
 */
S2_API unsigned s2_pte_prot(s2_pte pte, const struct s2_pte_format *fmt) S2_NONNULL(2);

/**
 * The attribute bits of a leaf: KVM's stage2_set_prot_attr(), AF always set,
 * SH inner shareable where there is an SH field.
 *
 * @param attr filled on success
 * @return 0; -EINVAL for unknown flags, for Device and Normal-NC together, or
 *         for an executable mapping of either.
 */
S2_API int s2_pte_attr(const struct s2_pte_format *fmt, unsigned prot, s2_pte *attr)
	S2_NONNULL(1, 3);

/**
 * A block (level 1 or 2) or page (level 3) descriptor.
 *
 * @param attr from s2_pte_attr(); SW bits may be or-ed in
 * @return 0; -EINVAL for a format of no granule, a level where it has no leaf that KVM
 *         installs, a bit of @p attr that is no attribute in this format (SH
 *         with LPA2, bit 53 without XNX), or a PA that is not aligned to the
 *         level's size; -ERANGE for a PA past pa_bits or past the format.
 */
S2_API int s2_pte_make_leaf(const struct s2_pte_format *fmt, struct s2_pa pa, s2_pte attr,
			    int level, s2_pte *pte) S2_NONNULL(1, 5);

/**
 * A table descriptor that points to the table page at @p pa.
 * @return 0; -EINVAL for a format of no granule or if @p pa is not page aligned;
 *         -ERANGE past pa_bits.
 */
S2_API int s2_pte_make_table(const struct s2_pte_format *fmt, struct s2_pa pa, s2_pte *pte)
	S2_NONNULL(1, 3);

/**
 * An invalid descriptor that records an owner (KVM_INVALID_PTE_OWNER_MASK,
 * up to v7.0): id in bits 9:2, 0 clears the entry.
 * @return 0; -EINVAL if @p owner does not fit 8 bits.
 */
S2_API int s2_pte_make_owner(unsigned owner, s2_pte *pte) S2_NONNULL(2);

/** Owner id of an invalid descriptor, 0 if none. */
static inline unsigned s2_pte_owner(s2_pte pte)
{
	return s2_pte_valid(pte) ? 0 : (unsigned)s2_field_get(pte, S2_PTE_OWNER_MASK);
}

/** Kinds of invalid descriptor in the v7.1-era layout (type field 63:60). */
enum s2_invalid_type {
	S2_INVALID_NONE = 0,	       /**< empty */
	S2_INVALID_LOCKED = 1,	       /**< a walker is replacing it */
	S2_INVALID_HOST_DONATION = 2,  /**< pKVM: the host gave the page away */
	S2_INVALID_GUEST_POISONED = 3, /**< pKVM: a guest page that is poisoned */
};

/** @return 0; -EINVAL for a type that the layout does not have. */
S2_API int s2_pte_make_invalid(enum s2_invalid_type type, s2_pte *pte) S2_NONNULL(2);

/** The v7.1-era type of an invalid descriptor. */
static inline unsigned s2_pte_invalid_type(s2_pte pte)
{
	return s2_pte_valid(pte) ? 0 : (unsigned)s2_field_get(pte, S2_PTE_INVALID_TYPE_MASK);
}

/**
 * Sets the XN field of a leaf for EL0 and EL1 apart.
 * @return 0; -EOPNOTSUPP if they differ and the format has no XNX.
 */
S2_API int s2_pte_set_xn(const struct s2_pte_format *fmt, bool el0_exec, bool el1_exec,
			 s2_pte *pte) S2_NONNULL(1, 4);

/** Sets SW3..SW0. @return 0; -EINVAL if @p sw does not fit 4 bits. */
S2_API int s2_pte_set_sw(unsigned sw, s2_pte *pte) S2_NONNULL(2);

S2_END_DECLS

#endif
