/* SPDX-License-Identifier: MIT */
/* READ_ONCE() and WRITE_ONCE() of a descriptor are events. */
#ifndef __ASM_RWONCE_H
#define __ASM_RWONCE_H
#include <asm-generic/rwonce.h>
#ifndef __ASSEMBLY__
#undef __READ_ONCE
#undef __WRITE_ONCE
#define __READ_ONCE(x)                                                            \
	({                                                                        \
		if (sizeof(x) == 8 && s2k_is_pte(&(x)))                           \
			s2k_pte_load(&(x));                                       \
		*(const volatile __unqual_scalar_typeof(x) *)&(x);                \
	})
#define __WRITE_ONCE(x, val)                                                      \
	do {                                                                      \
		typeof(x) s2k_w = (val);                                          \
		if (sizeof(x) == 8 && s2k_is_pte(&(x)))                           \
			s2k_pte_store(&(x), *(unsigned long *)&s2k_w, 0);         \
		else                                                              \
			*(volatile typeof(x) *)&(x) = s2k_w;                      \
	} while (0)
#endif
#endif
