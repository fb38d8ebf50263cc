/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The algorithms behind the calls of pgtable.h that have a short cut before
 * them: what the kernel's functions of the same name do, every step of it.
 *
 *     s2_pgtable_map()    memo_map.c    --> s2_stage2_map()    pgtable_map.c
 *     s2_pgtable_unmap()  memo_unmap.c  --> s2_stage2_unmap()  pgtable_unmap.c
 */
#ifndef S2_HYP_PLAIN_H
#define S2_HYP_PLAIN_H

#include <stage2sim/pgtable.h>

/** As s2_pgtable_map(). */
int s2_stage2_map(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range, struct s2_pa pa,
		  unsigned prot, struct s2_memcache *mc, unsigned flags);

/** As s2_pgtable_unmap(). */
int s2_stage2_unmap(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range);

#endif
