/* SPDX-License-Identifier: MIT */
#include "study/mutants/stage2_run.h"

#include <stdio.h>
#include <string.h>

#include "study/option/machine.h"

struct world {
	const struct s2_stage2_mutant *mutant;
	struct s2_features features;
	struct s2_flavour flavour;
	struct s2_editor editor;
};

static int live(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	struct world *w = arg;

	w->editor.holds = NULL;
	return s2_life_run(w->mutant->life, &w->features, &w->flavour, judge, err);
}

static int prepare(struct world *w, bool mended, struct s2_judge *judge, struct s2_error *err)
{
	if (s2_machine_parse(w->mutant->machine, &w->features, err) ||
	    s2_machine_flavour(w->mutant->flavour, &w->flavour, err))
		return -1;
	if (mended)
		return 0;
	w->flavour.bug = w->mutant->bug;
	if (w->mutant->change)
		w->mutant->change(&w->flavour);
	if (w->mutant->edit[0].kind == S2_EDIT_NONE)
		return 0;
	w->editor.edit = w->mutant->edit;
	judge->edit = s2_editor_edit;
	judge->edit_arg = &w->editor;
	return 0;
}

static void take_down(const struct s2_judge *judge, struct s2_mutant_found *found)
{
	memcpy(found->broken, judge->broken, sizeof(found->broken));
	found->found = judge->told;
	if (!judge->told)
		return;
	found->step = judge->tell.step;
	(void)s2_violation_text(&judge->tell, found->text, sizeof(found->text));
	found->told = judge->story;
	(void)s2_told_lines(&judge->story, found->story, sizeof(found->story));
}

int s2_stage2_mutant_run(const struct s2_mutant *mutant, bool mended, struct s2_mutant_found *found,
			 struct s2_error *err)
{
	const bool data = mutant->rule == S2_RULE_DATA;
	const struct s2_question question = {mutant->name, data ? 0 : 1U << mutant->rule,
					     data ? 1U << mutant->contract : 0};
	struct world w = {.mutant = &mutant->stage2};
	const struct s2_judged judged = {live, &w, &question, 1};
	struct s2_judge judge = {0};
	int ret = prepare(&w, mended, &judge, err);

	if (!ret)
		ret = s2_judge_run(&judge, &judged, err);
	if (!ret)
		take_down(&judge, found);
	return ret;
}
