/* SPDX-License-Identifier: MIT */
#include "study/work/judge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "study/work/cut.h"

static bool comes_as_run(enum s2_op op)
{
	switch (op) {
	case S2_OP_PTE_READ:
	case S2_OP_DSB_SY:
	case S2_OP_DSB_ISH:
	case S2_OP_DSB_ISHST:
	case S2_OP_DC_CIVAC:
	case S2_OP_DC_CVAC:
	case S2_OP_DC_IVAC:
	case S2_OP_IC_IVAU:
	case S2_OP_DC_SETWAY:
	case S2_OP_DVM_BROADCAST: /* no instruction: who hears of one */
		return true;
	default:
		return false;
	}
}

bool s2_judge_wanted(enum s2_check_when when, const struct s2_counts *ops)
{
	uint64_t steps = 0;

	if (when != S2_CHECK_AUTO)
		return when == S2_CHECK_ALWAYS;
	for (int op = 0; op < S2_OP_COUNT; op++)
		if (!comes_as_run((enum s2_op)op))
			steps += ops->n[op];
	return steps <= S2_JUDGE_STEPS;
}

static int watch(struct s2_judge *judge, struct s2_machine *m)
{
	const struct s2_oracle_config cfg = {
		.keep = 1,
		.edit = judge->edit,
		.arg = judge->edit_arg,
		.story = judge->told ? &judge->tell : NULL,
		.dropped = judge->dropped,
		.n_dropped = judge->n_dropped,
		.most_steps = judge->most_steps,
	};

	return s2_oracle_attach(m, &cfg, &judge->oracle);
}

int s2_judge_attach(struct s2_judge *judge, struct s2_machine *m)
{
	if (!judge)
		return 0;
	if (judge->log)
		return s2_log_attach(m, &judge->log->config, &judge->log->log);
	return watch(judge, m);
}

int s2_judge_has_run(struct s2_judge *judge, uint64_t vtcr, uint64_t vttbr)
{
	return judge && judge->oracle ? s2_oracle_watch(judge->oracle, vtcr, vttbr) : 0;
}

static size_t kind_of(const struct s2_violation *v)
{
	return v->rule == S2_RULE_DATA ? (size_t)S2_RULES + v->contract : (size_t)v->rule;
}

static void take_down(struct s2_judge *judge)
{
	const struct s2_oracle *o = judge->oracle;
	const struct s2_violation *v;

	s2_told_take(&judge->story, o);
	judge->story.of = judge->tell;
	judge->steps = s2_oracle_steps(o);
	judge->watched = !s2_oracle_error(o);
	judge->decided = s2_oracle_decided(o);
	for (unsigned i = 0; i < S2_RULES; i++)
		judge->broken[i] = s2_oracle_count(o, (enum s2_rule)i);
	for (unsigned i = 0; i < S2_CONTRACTS; i++)
		judge->broken[S2_RULES + i] = s2_oracle_contract_count(o, (enum s2_contract)i);
	for (size_t i = 0; (v = s2_oracle_violation(o, i)) != NULL; i++)
		judge->first[kind_of(v)] = *v;
}

void s2_judge_end(struct s2_judge *judge)
{
	if (judge && judge->log && judge->log->log) {
		judge->log->error = s2_log_detach(judge->log->log, &judge->log->left_out);
		judge->log->log = NULL;
	}
	if (!judge || !judge->oracle)
		return;
	take_down(judge);
	s2_oracle_detach(judge->oracle);
	judge->oracle = NULL;
}

static bool asks(const struct s2_question *q, size_t kind)
{
	return kind < S2_RULES ? q->rules >> kind & 1 : q->contracts >> (kind - S2_RULES) & 1;
}

/* What broke it first, over all that the question asks, or NULL. */
static const struct s2_violation *first_of(const struct s2_judge *judge,
					   const struct s2_question *q, uint64_t *n)
{
	const struct s2_violation *first = NULL;

	*n = 0;
	for (size_t kind = 0; kind < (size_t)S2_RULES + S2_CONTRACTS; kind++) {
		if (!asks(q, kind) || !judge->broken[kind])
			continue;
		*n += judge->broken[kind];
		if (!first || judge->first[kind].step < first->step)
			first = &judge->first[kind];
	}
	return first;
}

/* Whether there is anything to tell, of what broke first. */
static bool ask_story(struct s2_judge *judge, const struct s2_judged *what)
{
	const struct s2_violation *first = NULL;
	uint64_t many;

	for (size_t i = 0; judge->watched && !first && i < what->n_questions; i++)
		first = first_of(judge, &what->questions[i], &many);
	judge->told = first != NULL;
	if (first)
		judge->tell = *first;
	return judge->told;
}

int s2_judge_once(struct s2_judge *judge, const struct s2_judged *what, struct s2_error *err)
{
	int ret;

	*judge = (struct s2_judge){.edit = judge->edit,
				   .edit_arg = judge->edit_arg,
				   .most_steps = judge->most_steps};
	ret = what->run(what->arg, judge, err);
	if (!ret)
		(void)ask_story(judge, what);
	return ret;
}

int s2_judge_run(struct s2_judge *judge, const struct s2_judged *what, struct s2_error *err)
{
	int ret = s2_judge_once(judge, what, err);

	if (ret || !judge->told)
		return ret;
	ret = what->run(what->arg, judge, err);
	return ret ? ret : s2_cut_story(judge, what, err);
}

int s2_judge_log(struct s2_insn_log *log, const struct s2_judged *what, struct s2_error *err)
{
	struct s2_judge judge = {.log = log};
	const int ret = what->run(what->arg, &judge, err);

	if (ret == -EINVAL && log->config.casemate_only)
		s2_error_set(err, EINVAL, "--log: casemate has %u CPUs, expected no more of them",
			     S2_LOG_CASEMATE_CPUS);
	if (!ret && log->error)
		s2_error_set(err, -log->error, "--log: %s", strerror(-log->error));
	return ret ? ret : log->error;
}

/* Whether its story was told, and not in vain. */
static bool has_story(const struct s2_judge *judge, const struct s2_violation *v)
{
	return judge->told && v->rule == judge->tell.rule && v->contract == judge->tell.contract;
}

static int add_verdict(const struct s2_judge *judge, const struct s2_question *q,
		       struct s2_result *result)
{
	const struct s2_violation *v;
	char text[512 + S2_TOLD_LINES * 2 * S2_STORY_TEXT];
	uint64_t n;
	int len, ret;

	if (!judge->watched)
		return s2_result_verdict(result, q->name, S2_UNCHECKED, 0, NULL);
	v = first_of(judge, q, &n);
	if (!v)
		return s2_result_verdict(result, q->name, S2_SOUND, judge->decided, NULL);
	len = s2_violation_text(v, text, sizeof(text));
	if (n > 1 && len > 0 && (size_t)len < sizeof(text))
		len += snprintf(text + len, sizeof(text) - (size_t)len, "; %" PRIu64 " in all", n);
	if (len < 0 || (size_t)len >= sizeof(text) || !has_story(judge, v))
		return s2_result_verdict(result, q->name, S2_UNSOUND, judge->decided, text);
	(void)s2_told_lines(&judge->story, text + len, sizeof(text) - (size_t)len);
	ret = s2_result_verdict(result, q->name, S2_UNSOUND, judge->decided, text);
	return ret ? ret : s2_result_story(result, &judge->story);
}

int s2_judge_verdicts(enum s2_check_when when, const struct s2_judged *what,
		      struct s2_result *result, struct s2_error *err)
{
	struct s2_judge judge = {.most_steps = when == S2_CHECK_AUTO ? S2_JUDGE_STEPS : 0};
	int ret = s2_judge_wanted(when, &result->ops) ? s2_judge_run(&judge, what, err) : 0;

	for (size_t i = 0; !ret && i < what->n_questions; i++)
		ret = add_verdict(&judge, &what->questions[i], result);
	return ret;
}
