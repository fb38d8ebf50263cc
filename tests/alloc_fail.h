/* SPDX-License-Identifier: MIT */
/*
 * Allocation failure at every site: the n-th allocation from now on fails,
 * for every n, until a call needs none so many.
 *
 * The linker puts these in front of malloc(), calloc(), realloc(),
 * aligned_alloc(), strdup() and strndup() of the program and of the static
 * libraries in it (--wrap; tests/meson.build, alloc_fail_table).  What shared
 * libraries allocate for themselves, and table pages of jemalloc, pass by:
 * s2_tablemem_fail_after() is for those.
 */
#ifndef STAGE2SIM_TESTS_ALLOC_FAIL_H
#define STAGE2SIM_TESTS_ALLOC_FAIL_H

#include "support.h"

/* Whether this program was linked so. */
bool s2_alloc_fail_works(void);

/* Allocation number @n from here on, from 0, fails; with @sticky so do all after it. */
void s2_alloc_fail_at(uint64_t n, bool sticky);

/* No more fail. @return how many were asked for since s2_alloc_fail_at() */
uint64_t s2_alloc_fail_end(void);

#endif
