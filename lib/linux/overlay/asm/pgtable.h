/* SPDX-License-Identifier: MIT */
/* Where struct page is, for tables' pages; guests' have addresses of it, and are never touched. */
#ifndef S2K_ASM_PGTABLE_H
#define S2K_ASM_PGTABLE_H
#include_next <asm/pgtable.h>
#undef vmemmap
#define vmemmap ((struct page *)s2k_vmemmap)
#endif
