/* SPDX-License-Identifier: MIT */
/* Exchanges.  CPUs take turns, so between a look and its store nobody else runs. */
#ifndef __ASM_CMPXCHG_H
#define __ASM_CMPXCHG_H
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <asm/barrier.h>

#define s2k_put(p, n)                                                             \
	do {                                                                      \
		if (sizeof(*(p)) == 8 && s2k_is_pte(p))                           \
			s2k_pte_store(p, *(unsigned long *)&(n), 0);              \
		else                                                              \
			*(volatile typeof(*(p)) *)(p) = (n);                      \
	} while (0)
#define s2k_xchg(p, n)                                                            \
	({                                                                        \
		typeof(p) s2k_p = (p);                                            \
		typeof(*s2k_p) s2k_n = (typeof(*s2k_p))(n), s2k_o = *s2k_p;       \
		s2k_put(s2k_p, s2k_n);                                            \
		s2k_o;                                                            \
	})
#define s2k_cmpxchg(p, o, n)                                                      \
	({                                                                        \
		typeof(p) s2k_p = (p);                                            \
		typeof(*s2k_p) s2k_w = (typeof(*s2k_p))(o);                       \
		typeof(*s2k_p) s2k_n = (typeof(*s2k_p))(n), s2k_o = *s2k_p;       \
		if (s2k_o == s2k_w)                                               \
			s2k_put(s2k_p, s2k_n);                                    \
		s2k_o;                                                            \
	})

#define arch_xchg		s2k_xchg
#define arch_xchg_relaxed	s2k_xchg
#define arch_xchg_acquire	s2k_xchg
#define arch_xchg_release	s2k_xchg
#define arch_cmpxchg		s2k_cmpxchg
#define arch_cmpxchg_relaxed	s2k_cmpxchg
#define arch_cmpxchg_acquire	s2k_cmpxchg
#define arch_cmpxchg_release	s2k_cmpxchg
#define arch_cmpxchg_local	s2k_cmpxchg
#define arch_cmpxchg64		s2k_cmpxchg
#define arch_cmpxchg64_relaxed	s2k_cmpxchg
#define arch_cmpxchg64_acquire	s2k_cmpxchg
#define arch_cmpxchg64_release	s2k_cmpxchg
#define arch_cmpxchg64_local	s2k_cmpxchg
#define __cmpwait_relaxed(p, v) s2k_relax()
#endif
