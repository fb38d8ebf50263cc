/* SPDX-License-Identifier: MIT */
/* The offset of a CPU's own data, by the CPU that runs. */
#ifndef __ASM_PERCPU_H
#define __ASM_PERCPU_H
#include <linux/preempt.h>
#include <asm/cmpxchg.h>
#include <asm/stack_pointer.h>
#include <asm/sysreg.h>
extern unsigned long __per_cpu_offset[];
#define __my_cpu_offset (__per_cpu_offset[s2k_cpu])
#include <asm-generic/percpu.h>
#endif
