/* SPDX-License-Identifier: MIT */
/* A CPU that waits for another lets it run. */
#ifndef __ASM_VDSO_PROCESSOR_H
#define __ASM_VDSO_PROCESSOR_H
#define cpu_relax() s2k_relax()
#endif
