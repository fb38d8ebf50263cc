/* SPDX-License-Identifier: MIT */
/* No debugger; its BRK has an operand that clang does not take on this host. */
#ifndef __ASM_KGDB_H
#define __ASM_KGDB_H
#define arch_kgdb_breakpoint() s2k_stop("not modelled", "BRK of kgdb", 0)
#define DBG_MAX_REG_NUM 1
#define BREAK_INSTR_SIZE 4
#endif
