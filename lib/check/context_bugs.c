/* SPDX-License-Identifier: MIT */
#include "check/context_bugs.h"

#include <errno.h>

static size_t n_x86(void)
{
	size_t n = 0;

	while (s2_x86_context_bug_at(n))
		n++;
	return n;
}

const struct s2_context_bug *s2_context_bug_at(size_t index)
{
	const struct s2_context_bug *bug = s2_x86_context_bug_at(index);

	return bug ? bug : s2_stage2_context_bug_at(index - n_x86());
}

int s2_context_bug_check(size_t index, bool mended, const struct s2_context_bounds *bounds,
			 struct s2_context_result *out)
{
	if (!s2_context_bug_at(index))
		return -EINVAL;
	if (s2_x86_context_bug_at(index))
		return s2_x86_context_bug_check(index, mended, bounds, out);
	return s2_stage2_context_bug_check(index - n_x86(), mended, bounds, out);
}
