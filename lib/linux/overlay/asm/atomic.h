/* SPDX-License-Identifier: MIT */
/* Counters: the compiler's own atomics, which are stronger than what is asked for. */
#ifndef __ASM_ATOMIC_H
#define __ASM_ATOMIC_H
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <asm/cmpxchg.h>
#include <asm/rwonce.h>

#define ATOMIC64_INIT(i)     {(i)}
#define arch_atomic_read(v)  __atomic_load_n(&(v)->counter, __ATOMIC_RELAXED)
#define arch_atomic_set(v, i) __atomic_store_n(&(v)->counter, (i), __ATOMIC_RELAXED)
#define arch_atomic64_read   arch_atomic_read
#define arch_atomic64_set    arch_atomic_set

#define S2K_ATOMIC(pre, T, t, name, fn, value)                                       \
	static __always_inline void pre##name(t i, T *v)                             \
	{                                                                            \
		__atomic_##fn##_fetch(&v->counter, value, __ATOMIC_SEQ_CST);         \
	}                                                                            \
	static __always_inline t pre##fetch_##name(t i, T *v)                        \
	{                                                                            \
		return __atomic_fetch_##fn(&v->counter, value, __ATOMIC_SEQ_CST);    \
	}                                                                            \
	static __always_inline t pre##name##_return(t i, T *v)                       \
	{                                                                            \
		return __atomic_##fn##_fetch(&v->counter, value, __ATOMIC_SEQ_CST);  \
	}
#define S2K_ATOMICS(pre, T, t)            \
	S2K_ATOMIC(pre, T, t, add, add, i) \
	S2K_ATOMIC(pre, T, t, sub, sub, i) \
	S2K_ATOMIC(pre, T, t, and, and, i) \
	S2K_ATOMIC(pre, T, t, or, or, i)   \
	S2K_ATOMIC(pre, T, t, xor, xor, i) \
	S2K_ATOMIC(pre, T, t, andnot, and, ~i)
S2K_ATOMICS(arch_atomic_, atomic_t, int)
S2K_ATOMICS(arch_atomic64_, atomic64_t, s64)

/* The generic layer asks by #ifdef which there are, and makes the rest of these. */
#define arch_atomic_add_return	     arch_atomic_add_return
#define arch_atomic_sub_return	     arch_atomic_sub_return
#define arch_atomic_fetch_add	     arch_atomic_fetch_add
#define arch_atomic_fetch_sub	     arch_atomic_fetch_sub
#define arch_atomic_fetch_and	     arch_atomic_fetch_and
#define arch_atomic_fetch_or	     arch_atomic_fetch_or
#define arch_atomic_fetch_xor	     arch_atomic_fetch_xor
#define arch_atomic_fetch_andnot     arch_atomic_fetch_andnot
#define arch_atomic_andnot	     arch_atomic_andnot
#define arch_atomic64_add_return     arch_atomic64_add_return
#define arch_atomic64_sub_return     arch_atomic64_sub_return
#define arch_atomic64_fetch_add	     arch_atomic64_fetch_add
#define arch_atomic64_fetch_sub	     arch_atomic64_fetch_sub
#define arch_atomic64_fetch_and	     arch_atomic64_fetch_and
#define arch_atomic64_fetch_or	     arch_atomic64_fetch_or
#define arch_atomic64_fetch_xor	     arch_atomic64_fetch_xor
#define arch_atomic64_fetch_andnot   arch_atomic64_fetch_andnot
#define arch_atomic64_andnot	     arch_atomic64_andnot
#define arch_atomic_xchg(v, n)	     arch_xchg(&(v)->counter, n)
#define arch_atomic_cmpxchg(v, o, n) arch_cmpxchg(&(v)->counter, o, n)
#define arch_atomic64_xchg	     arch_atomic_xchg
#define arch_atomic64_cmpxchg	     arch_atomic_cmpxchg
#endif
