/* SPDX-License-Identifier: MIT */
#include "alloc_fail.h"

#include <stdlib.h>
#include <string.h>

static struct {
	bool armed, sticky;
	uint64_t at, asked;
} plan;

void s2_alloc_fail_at(uint64_t n, bool sticky)
{
	plan.sticky = sticky;
	plan.at = n;
	plan.asked = 0;
	plan.armed = true;
}

uint64_t s2_alloc_fail_end(void)
{
	plan.armed = false;
	return plan.asked;
}

#ifdef S2_WRAP_ALLOCATIONS

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

bool s2_alloc_fail_works(void)
{
	return true;
}

static bool fails(void)
{
	uint64_t n;

	if (!plan.armed)
		return false;
	n = plan.asked++;
	return n == plan.at || (plan.sticky && n > plan.at);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : __real_strndup(s, n);
}

#else

bool s2_alloc_fail_works(void)
{
	return false;
}

#endif
