/* SPDX-License-Identifier: MIT */
/* Barriers.  A DMB orders, and completes nothing: the machine, whose memory is in order, has none. */
#ifndef __ASM_BARRIER_H
#define __ASM_BARRIER_H
#ifndef __ASSEMBLY__
#include <linux/kasan-checks.h>
#include <asm/alternative-macros.h>

#define isb()			     s2k_isb()
#define dsb(kind)		     s2k_dsb_##kind()
#define dmb(kind)		     barrier()
#define sev()			     barrier()
#define wfe()			     s2k_relax()
#define wfi()			     s2k_relax()
#define wfet(time)		     s2k_relax()
#define wfit(time)		     s2k_relax()
#define psb_csync()		     barrier()
#define tsb_csync()		     barrier()
#define csdb()			     barrier()
#define dgh()			     barrier()
#define spec_bar()		     barrier()
#define pmr_sync()		     barrier()
#define io_stop_wc()		     barrier()
#define nops(n)			     barrier()
#define arch_counter_enforce_ordering(value) barrier()

#define __mb()	     dsb(sy)
#define __rmb()	     dsb(ld)
#define __wmb()	     dsb(st)
#define __dma_mb()   dmb(osh)
#define __dma_rmb()  dmb(oshld)
#define __dma_wmb()  dmb(oshst)
#define __smp_mb()   dmb(ish)
#define __smp_rmb()  dmb(ishld)
#define __smp_wmb()  dmb(ishst)

#define __smp_store_release(p, v)                                              \
	do {                                                                   \
		typeof(p) s2k_p = (p);                                         \
		typeof(*s2k_p) s2k_v = (v);                                    \
		if (sizeof(*s2k_p) == 8 && s2k_is_pte(s2k_p))                  \
			s2k_pte_store(s2k_p, *(unsigned long *)&s2k_v, 1);     \
		else                                                           \
			__atomic_store(s2k_p, &s2k_v, __ATOMIC_RELEASE);       \
	} while (0)
#define __smp_load_acquire(p)                                                  \
	({                                                                     \
		typeof(p) s2k_p = (p);                                         \
		(typeof(*p))__atomic_load_n(s2k_p, __ATOMIC_ACQUIRE);          \
	})
#include <asm-generic/barrier.h>
#endif
#endif
