/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Address types, and how every call reports an error.
 *
 * An intermediate physical address (what a guest calls physical), a physical
 * address and a virtual address are three different one-field types, so that
 * one cannot be passed where another is meant.  All are in bytes.  A range of
 * IPA is a struct s2_range; of another space, a start and a size.
 *
 * Every fallible function returns 0 (or a count) or a negative errno value,
 * and changes nothing when it fails unless its text says what it leaves.
 *
 * What a caller hands over by value, or in a configuration (an enum, an index,
 * a size, a flag, a register), is checked: what the library does not know is
 * refused, -EINVAL unless a text says otherwise, and a function that returns
 * no error says what it answers then.  So is a CPU of another machine.  A
 * pointer must be to a live object of its type; NULL only where a text allows it.
 *
 * What is built on an object goes before it: VMs before their VMIDs, VMs,
 * MMUs, VMIDs, physics and logs before their machine.  Debug builds (without
 * NDEBUG) assert that; nothing else in the library aborts.
 */
#ifndef STAGE2SIM_TYPES_H
#define STAGE2SIM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define S2_BEGIN_DECLS extern "C" {
#define S2_END_DECLS }
#else
#define S2_BEGIN_DECLS /**< begins declarations of C */
#define S2_END_DECLS   /**< ends them */
#endif

#if defined(__GNUC__)
#define S2_API __attribute__((visibility("default")))
#define S2_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#else
#define S2_API		/**< a symbol that the library shows */
#define S2_NONNULL(...) /**< these arguments, from 1 on, are never NULL: compilers warn */
#endif

S2_BEGIN_DECLS

/** An intermediate physical address: the input of stage 2. */
struct s2_ipa {
	uint64_t v; /**< bytes */
};

/** A physical address: the output of stage 2. */
struct s2_pa {
	uint64_t v; /**< bytes */
};

/** A virtual address: the input of stage 1, or of the host's mapping. */
struct s2_va {
	uint64_t v; /**< bytes */
};

/** A VMID, 8 or 16 bits wide (VTTBR_EL2.VMID); 0 is the host's. */
struct s2_vmid {
	uint16_t v; /**< the number */
};

/** A range of IPA, as calls on tables and TLBs are asked for it. */
struct s2_range {
	struct s2_ipa ipa; /**< the first address */
	uint64_t size;	   /**< bytes */
};

/** IPA @p v. */
static inline struct s2_ipa s2_ipa(uint64_t v)
{
	struct s2_ipa ipa = {v};

	return ipa;
}

/** The range of @p size bytes at @p ipa. */
static inline struct s2_range s2_range(uint64_t ipa, uint64_t size)
{
	struct s2_range range = {{ipa}, size};

	return range;
}

/** PA @p v. */
static inline struct s2_pa s2_pa(uint64_t v)
{
	struct s2_pa pa = {v};

	return pa;
}

/** VA @p v. */
static inline struct s2_va s2_va(uint64_t v)
{
	struct s2_va va = {v};

	return va;
}

/** VMID @p v. */
static inline struct s2_vmid s2_vmid(uint16_t v)
{
	struct s2_vmid vmid = {v};

	return vmid;
}

S2_END_DECLS

#endif
