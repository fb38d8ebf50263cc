/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Coroutines: threads of one thread, each on a stack of its own.
 *
 *     s2_co_start(co, fn, arg)     fn(arg) runs when co is first switched to
 *     s2_co_switch(from, to)       returns when somebody switches back to from
 *     s2_co_leave(from, to)        the same, and from is never resumed
 *
 * All that a port has to write is coroutine.c.  What is unwound is nothing: a
 * coroutine that is not resumed any more leaves what it held on the heap.
 */
#ifndef S2_CHECK_COROUTINE_H
#define S2_CHECK_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>

struct s2_co;

/** For the caller's own stack if @p stack_bytes is 0. @return 0; -ENOTSUP; -ENOMEM */
int s2_co_create(size_t stack_bytes, struct s2_co **out);
/** Frees one that does not run (NULL is fine). */
void s2_co_free(struct s2_co *co);
/** Whatever @p co did before is forgotten; @p fn must end in s2_co_leave(). @return 0; -ENOTSUP */
int s2_co_start(struct s2_co *co, void (*fn)(void *arg), void *arg);
/** From @p from, which runs, to @p to. */
void s2_co_switch(struct s2_co *from, struct s2_co *to);
/** The same for good. */
void s2_co_leave(struct s2_co *from, struct s2_co *to);
/** Whether one must leave before it is started again (sanitizers keep account of stacks). */
bool s2_co_must_leave(void);

#endif
