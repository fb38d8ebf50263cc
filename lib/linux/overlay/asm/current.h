/* SPDX-License-Identifier: MIT */
/* The VMM's thread, the same on all CPUs. */
#ifndef __ASM_CURRENT_H
#define __ASM_CURRENT_H
struct task_struct;
extern struct task_struct *s2k_current;
#define get_current() s2k_current
#define current	      get_current()
#endif
