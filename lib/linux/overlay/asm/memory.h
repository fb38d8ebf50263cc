/* SPDX-License-Identifier: MIT */
/* The linear map: tables lie where the machine keeps them, all else is never touched. */
#ifndef S2K_ASM_MEMORY_H
#define S2K_ASM_MEMORY_H
#include_next <asm/memory.h>
#ifndef __ASSEMBLY__
#undef __virt_to_phys
#undef __phys_to_virt
#undef __pa_symbol
#undef __phys_addr_symbol
#undef virt_to_page
#undef page_to_virt
#undef virt_addr_valid
#undef _virt_addr_valid
#define __phys_to_virt(x)  ((unsigned long)(x) + s2k_linear)
#define __virt_to_phys(x)  ((phys_addr_t)((unsigned long)(x) - s2k_linear))
#define __pa_symbol(x)	   ((phys_addr_t)(unsigned long)(x))
#define page_to_virt(x)	   ((void *)__phys_to_virt((phys_addr_t)page_to_pfn(x) << PAGE_SHIFT))
#define virt_to_page(x)	   pfn_to_page(__virt_to_phys(x) >> PAGE_SHIFT)
#define virt_addr_valid(x) 1
/* Guests' pages have no counts, so that none is touched for them. */
static inline int pfn_valid(unsigned long pfn)
{
	return s2k_is_pte(__phys_to_virt((phys_addr_t)pfn << PAGE_SHIFT));
}
#define pfn_valid pfn_valid
#endif
#endif
