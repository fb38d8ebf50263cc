/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The fault path behind a guest's access, every step of it.
 *
 *     s2_vcpu_access()  fault_memo.c  --> s2_access_page()  fault.c
 *     s2_vcpu_abort()   fault.c: one fault, as its syndrome tells it
 */
#ifndef S2_HYP_FAULT_H
#define S2_HYP_FAULT_H

#include <stage2sim/pgtable.h>
#include <stage2sim/vm.h>

/**
 * Faults that one access may take.  A page may be mapped for a read, made
 * writable, then executable; the zero page is copied in between.  What faults
 * oftener makes no progress.
 */
#define S2_VM_MAX_FAULTS 8

/**
 * One access to the page at @p ipa: faults until it is allowed.
 * @param leaf gets what allows it
 * @return faults; -EFAULT where no slot is, -ELOOP, an error of the map
 */
int s2_access_page(struct s2_vcpu *vcpu, struct s2_ipa ipa, enum s2_access access,
		   struct s2_leaf *leaf);

#endif
