/* SPDX-License-Identifier: MIT */
/* BUG() ends the request that runs into it, WARN() is counted; both say where. */
#ifndef _ARCH_ARM64_ASM_BUG_H
#define _ARCH_ARM64_ASM_BUG_H
#include <asm/brk-imm.h>
#define HAVE_ARCH_BUG
#define BUG()		   s2k_stop("BUG", __FILE__, __LINE__)
#define __WARN_FLAGS(...) s2k_warn(__FILE__, __LINE__)
#include <asm-generic/bug.h>
#endif
