/* SPDX-License-Identifier: MIT */
/* A kernel build computes these; nothing that runs here depends on them. */
#define NR_PAGEFLAGS	  32
#define MAX_NR_ZONES	  4
#define NR_CPUS_BITS	  6
#define SPINLOCK_SIZE	  4
#define LRU_GEN_WIDTH	  0
#define __LRU_REFS_WIDTH 0
