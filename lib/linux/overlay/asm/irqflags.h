/* SPDX-License-Identifier: MIT */
/* There are no interrupts. */
#ifndef __ASM_IRQFLAGS_H
#define __ASM_IRQFLAGS_H
#include <asm/barrier.h>
#include <asm/ptrace.h>
#include <asm/sysreg.h>
#define arch_local_save_flags()		 0UL
#define arch_local_irq_save()		 0UL
#define arch_local_irq_restore(flags)	 ((void)(flags))
#define arch_local_irq_enable()		 barrier()
#define arch_local_irq_disable()	 barrier()
#define arch_irqs_disabled_flags(flags) ((void)(flags), 0)
#define arch_irqs_disabled()		 0
#endif
