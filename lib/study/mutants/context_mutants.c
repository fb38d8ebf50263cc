/* SPDX-License-Identifier: MIT */
/* Bugs of contexts as mutants: their table is context_check.h's own. */
#include "study/mutants/context_mutants.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stage2sim/context_check.h>

#include "study/mutants/named_story.h"

/* All sequences of events up to here; every bug known shows in fewer. */
#define DEPTH 5

static int context_mutant_run(const struct s2_mutant *mutant, bool mended,
			      struct s2_mutant_found *found, struct s2_error *err)
{
	const struct s2_context_bounds bounds = {.depth = DEPTH, .random_events = 2000, .seed = 1};
	struct s2_violation v = {.rule = S2_RULE_CONTEXTS,
				 .finding = S2_FOUND_CONTEXT,
				 .site = mutant->name};
	struct s2_context_result r;
	const int ret = s2_context_bug_check(mutant->context, mended, &bounds, &r);

	if (ret) {
		s2_error_set(err, 1, "%s: %s", mutant->name, strerror(-ret));
		return ret;
	}
	if (r.verdict == S2_CONTEXT_UNSOUND) {
		found->found = true;
		found->broken[S2_RULE_CONTEXTS] = 1;
		found->step = v.step = r.story_events;
		(void)s2_violation_text(&v, found->text, sizeof(found->text));
		(void)snprintf(found->story, sizeof(found->story), "\n%s", r.story ? r.story : "");
		s2_mutant_tell(found, &v);
	}
	s2_context_result_clear(&r);
	return 0;
}

bool s2_context_mutant(size_t index, struct s2_mutant *out)
{
	const struct s2_context_bug *bug = s2_context_bug_at(index);

	if (bug)
		*out = (struct s2_mutant){.name = bug->name,
					  .what = bug->what,
					  .where = bug->where,
					  .rule = S2_RULE_CONTEXTS,
					  .run = context_mutant_run,
					  .context = index};
	return bug;
}
