/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The memory slots of a VM, as a file tells them (--memslots).
 *
 *     # IPA       SIZE   HVA
 *     0x40000000  64K    0xffff8a000000
 *     0x80000000  512M   -
 *
 * A slot a line: the guest physical address, the size in bytes and the host
 * virtual address, each as s2_parse_size() reads it; the HVA may be `-` or left
 * out.  What follows a # is a comment.  A slot's number is its place in the
 * file, from 0.
 *
 * Stands for: struct kvm_userspace_memory_region and the checks of
 * kvm_set_memory_region(), Linux virt/kvm/kvm_main.c.
 */
#ifndef STAGE2SIM_STUDY_MEMSLOTS_H
#define STAGE2SIM_STUDY_MEMSLOTS_H

#include <stage2sim/types.h>

#include "study/base/error.h"

/** Most slots that a VM has (the kernel's KVM_USER_MEM_SLOTS). */
#define S2_MEMSLOTS_MAX 32764U

/** One slot: [ipa, ipa + size) of the guest, at [hva, hva + size) of the host. */
struct s2_memslot_line {
	struct s2_ipa ipa;
	uint64_t size; /**< bytes, a multiple of the page, not 0 */
	struct s2_va hva;
	bool has_hva;	 /**< false: the file does not tell, hva is 0 */
	uint32_t number; /**< place in the file, from 0 */
	uint64_t line;	 /**< line of the file, from 1 */
};

/** Slots in ascending order of IPA; they do not overlap, none wraps around. */
struct s2_memslots {
	size_t count;
	struct s2_memslot_line *slot;
};

/** Kinds of error, in s2_error.code. */
enum s2_memslots_code {
	S2_MEMSLOTS_OK,
	S2_MEMSLOTS_ERR_INPUT,	 /**< the file cannot be opened or read: as read() said */
	S2_MEMSLOTS_ERR_FORM,	 /**< a line is not of the form: -EINVAL */
	S2_MEMSLOTS_ERR_RANGE,	 /**< a number above 64 bits, a slot that wraps: -ERANGE */
	S2_MEMSLOTS_ERR_ALIGN,	 /**< not a whole number of pages: -EINVAL */
	S2_MEMSLOTS_ERR_EMPTY,	 /**< a slot of size 0, or no slot at all: -EINVAL */
	S2_MEMSLOTS_ERR_OVERLAP, /**< two slots have an IPA in common: -EEXIST */
	S2_MEMSLOTS_ERR_MANY,	 /**< more than S2_MEMSLOTS_MAX: -E2BIG */
	S2_MEMSLOTS_ERR_MEMORY,	 /**< -ENOMEM */
};

/**
 * Read the file @p path ("-" for standard input).  @p page_size is the host's
 * page in bytes, a power of two.  Returns 0 with @p slots filled, to be given
 * to s2_memslots_free(); or a negative errno with @p err set and @p slots empty.
 */
S2_API int s2_memslots_load(const char *path, uint64_t page_size, struct s2_memslots *slots,
			    struct s2_error *err);

/** The slot that has @p ipa in it, or NULL. */
S2_API const struct s2_memslot_line *s2_memslots_find(const struct s2_memslots *slots,
						      struct s2_ipa ipa);

/** Free what load() made; the structure is empty then, and may be freed again. */
S2_API void s2_memslots_free(struct s2_memslots *slots);

#endif
