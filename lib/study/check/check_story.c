/* SPDX-License-Identifier: MIT */
#include "study/check/check_story.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "study/check/check_pass.h"
#include "study/work/judge.h"

int s2_check_story_possible(const struct s2_check_job *job, struct s2_error *err)
{
	struct stat st;

	if (strcmp(job->path, "-") != 0 && (stat(job->path, &st) || S_ISREG(st.st_mode)))
		return 0; /* What cannot be opened is told where it is. */
	s2_error_set(err, EINVAL, "--story: got \"%.80s\", expected a log in a file: it is read again",
		     job->path);
	return -EINVAL;
}

/* A pass that is watched by a judge. */
static int pass(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	const struct s2_check_job *job = arg;
	struct s2_check_outcome outcome = {0};
	struct s2_check_pass p;
	int ret = s2_check_pass_open(&p, job, &outcome, err);

	if (!ret)
		ret = s2_judge_attach(judge, s2_retold_machine(p.told));
	if (!ret) {
		s2_retold_watched(p.told, judge->oracle);
		ret = s2_check_pass_run(&p, err);
	}
	s2_judge_end(judge);
	s2_check_pass_close(&p);
	return ret;
}

int s2_check_story(const struct s2_check_job *job, const struct s2_violation *first,
		   const char *path, struct s2_error *err)
{
	const struct s2_question question = {"log", 1U << first->rule, 0};
	struct s2_check_job again = *job;
	const struct s2_judged judged = {pass, &again, &question, 1};
	struct s2_judge judge = {0};
	const int ret = s2_judge_run(&judge, &judged, err);

	if (ret)
		return ret;
	/* What is behind its site went with its line. */
	judge.story.of = *first;
	return s2_told_save(&judge.story, path, err);
}
