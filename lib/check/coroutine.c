/* SPDX-License-Identifier: MIT */
/*
 * Coroutines by POSIX's ucontext.  It is only entered by that: each of its switches is a
 * system call, and _longjmp() between stacks is none.  Sanitizers follow ucontext alone,
 * and are told of each switch.
 */
#ifdef S2_HAVE_UCONTEXT
#define _GNU_SOURCE 1 /* ucontext.h, which POSIX has dropped */
#endif
#undef _FORTIFY_SOURCE /* its longjmp() takes another stack for a lost frame */

#include "check/coroutine.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef S2_HAVE_UCONTEXT

#include <setjmp.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#endif

#ifdef ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

struct s2_co {
	ucontext_t context;
#ifndef ASAN
	jmp_buf at;	/* where it was left */
	jmp_buf bottom; /* of its stack, once it was entered */
	bool entered, left;
#endif
	void (*fn)(void *arg);
	void *arg;
	char *stack; /* NULL: the caller's own */
	size_t bytes;
#ifdef ASAN
	void *fake;	     /* ASan's stack of it while it does not run */
	const void *real;    /* its own stack, as ASan tells it */
	size_t real_bytes;
	struct s2_co *from; /* who switched to it */
#endif
};

/* ASan tells the stack that is left when the next one runs: it is noted in who was left. */
static void leaves(struct s2_co *from, struct s2_co *to, int for_good)
{
#ifdef ASAN
	const void *bottom = to->stack ? to->stack : to->real;

	to->from = from;
	__sanitizer_start_switch_fiber(for_good ? NULL : &from->fake, bottom,
				       to->stack ? to->bytes : to->real_bytes);
#else
	(void)from;
	(void)to;
	(void)for_good;
#endif
}

static void arrives(struct s2_co *co)
{
#ifdef ASAN
	struct s2_co *from = co->from;
	const void *bottom;
	size_t bytes;

	__sanitizer_finish_switch_fiber(co->fake, &bottom, &bytes);
	co->fake = NULL;
	from->real = bottom;
	from->real_bytes = bytes;
#else
	(void)co;
#endif
}

int s2_co_create(size_t stack_bytes, struct s2_co **out)
{
	struct s2_co *co = calloc(1, sizeof(*co));

	if (!co)
		return -ENOMEM;
	if (stack_bytes) {
		co->bytes = stack_bytes;
		co->stack = malloc(stack_bytes);
	}
	if (stack_bytes && !co->stack) {
		free(co);
		return -ENOMEM;
	}
	*out = co;
	return 0;
}

void s2_co_free(struct s2_co *co)
{
	if (!co)
		return;
#ifdef ASAN
	if (co->stack)
		__asan_unpoison_memory_region(co->stack, co->bytes);
#endif
	free(co->stack);
	free(co);
}

/* makecontext() hands over int: a pointer goes as two halves. */
static void enter(unsigned high, unsigned low)
{
	const uintptr_t p = (uintptr_t)((uint64_t)high << 32 | low);
	struct s2_co *co = (struct s2_co *)p;

	arrives(co);
#ifndef ASAN
	/* Comes back for each s2_co_start(), whatever lies above on the stack. */
	_setjmp(co->bottom);
	co->entered = true;
#endif
	co->fn(co->arg);
}

int s2_co_start(struct s2_co *co, void (*fn)(void *arg), void *arg)
{
	const uint64_t p = (uint64_t)(uintptr_t)co;

	co->fn = fn;
	co->arg = arg;
#ifndef ASAN
	co->left = co->entered;
	if (co->entered) {
		memcpy(&co->at, &co->bottom, sizeof(co->at));
		return 0;
	}
#endif
	if (getcontext(&co->context))
		return -errno;
#ifdef ASAN
	/* Frames that were never left have marked it. */
	__asan_unpoison_memory_region(co->stack, co->bytes);
	co->fake = NULL;
#endif
	co->context.uc_stack.ss_sp = co->stack;
	co->context.uc_stack.ss_size = co->bytes;
	co->context.uc_link = NULL;
	makecontext(&co->context, (void (*)(void))enter, 2, (unsigned)(p >> 32), (unsigned)p);
	return 0;
}

#ifdef ASAN
void s2_co_switch(struct s2_co *from, struct s2_co *to)
{
	leaves(from, to, 0);
	swapcontext(&from->context, &to->context);
	arrives(from);
}
#else
/* To where @to was left, or for the first time into it. */
static void go(struct s2_co *to)
{
	if (to->left)
		_longjmp(to->at, 1);
	setcontext(&to->context);
}

void s2_co_switch(struct s2_co *from, struct s2_co *to)
{
	from->left = true;
	if (!_setjmp(from->at))
		go(to);
}
#endif

void s2_co_leave(struct s2_co *from, struct s2_co *to)
{
	leaves(from, to, 1);
#ifdef ASAN
	setcontext(&to->context);
#else
	go(to);
#endif
}

bool s2_co_must_leave(void)
{
#ifdef ASAN
	return true;
#else
	return false;
#endif
}

#else

struct s2_co {
	int none;
};

int s2_co_create(size_t stack_bytes, struct s2_co **out)
{
	(void)stack_bytes;
	(void)out;
	return -ENOTSUP;
}

void s2_co_free(struct s2_co *co)
{
	(void)co;
}

int s2_co_start(struct s2_co *co, void (*fn)(void *arg), void *arg)
{
	(void)co;
	(void)fn;
	(void)arg;
	return -ENOTSUP;
}

void s2_co_switch(struct s2_co *from, struct s2_co *to)
{
	(void)from;
	(void)to;
}

void s2_co_leave(struct s2_co *from, struct s2_co *to)
{
	(void)from;
	(void)to;
}

bool s2_co_must_leave(void)
{
	return false;
}

#endif
