/* SPDX-License-Identifier: MIT */
/*
 * Runs shared out: among processes (--jobs), or commands (--shard, --merge); see session.h.
 *
 * A run is a policy at a point.  Runs are dealt out by point plus policy, so that nobody
 * has all of one slow policy; results are taken in order, so that what is printed, or
 * which error, is what one process alone would have come to.
 */
#include "study/run/session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "study/base/fnv.h"
#include "study/run/shard.h"

/** A process that runs its share and writes results into a pipe. */
struct worker {
	pid_t pid;
	FILE *from;
	struct s2_shard_text shard;
};

/** The share of a run within this shard's, 0 on; or -1 if it is another shard's. */
static int64_t dealt(const struct s2_session *s, size_t p, size_t i)
{
	return (p + i) % s->shards == s->shard ? (int64_t)((p + i) / s->shards) : -1;
}

bool s2_session_has_run(const struct s2_session *s, size_t p, size_t i)
{
	const int64_t k = dealt(s, p, i);

	return s->report.points[p].results[i].applies && k >= 0 && (uint64_t)k % s->jobs == s->job;
}

static uint64_t hash_point(uint64_t hash, const struct s2_point *point)
{
	char value[256];

	hash = s2_fnv_text(hash, point->workload);
	for (size_t i = 0; i < point->n_pairs; i++) {
		hash = s2_fnv_text(hash, point->pairs[i].key);
		hash = s2_fnv_text(hash, s2_value_text(&point->pairs[i].value, value, sizeof(value)));
	}
	for (size_t i = 0; i < point->n_results; i++) {
		hash = s2_fnv_text(hash, point->results[i].policy);
		hash = s2_fnv_text(hash, point->results[i].applies ? "runs" : NULL);
	}
	return hash;
}

/** Of all that results depend on, files apart. */
static uint64_t hash_command(const struct s2_session *s)
{
	uint64_t hash = S2_FNV_START;
	char number[64];

	hash = s2_fnv_text(hash, s->report.machine);
	hash = s2_fnv_text(hash, s->common.flavour);
	(void)snprintf(number, sizeof(number), "%llu %d", (unsigned long long)s->common.seed,
		       s->common.check);
	hash = s2_fnv_text(hash, number);
	for (size_t p = 0; p < s->n_points; p++)
		hash = hash_point(hash, &s->report.points[p]);
	return hash;
}

/** Which run the numbers in shards are: all policies of a point, then the next. */
static uint64_t run_number(const struct s2_session *s, size_t p, size_t i)
{
	return (uint64_t)p * s->policies.n + i;
}

int s2_session_write_shard(const struct s2_session *s, FILE *out)
{
	const struct s2_shard_head head = {s->shard + 1, s->shards, hash_command(s)};

	s2_shard_write_head(out, s->program->name, &head);
	for (size_t p = 0; p < s->n_points; p++)
		for (size_t i = 0; i < s->policies.n; i++)
			if (s->report.points[p].results[i].applies && dealt(s, p, i) >= 0)
				s2_shard_write_result(out, run_number(s, p, i),
						     &s->report.points[p].results[i]);
	s2_shard_write_done(out);
	return 0;
}

/** Runs what is this process's of a point, each result written as it is there. */
static int work_on(struct s2_session *s, size_t p, FILE *to)
{
	int r = s2_session_set_point(s, p);

	for (size_t i = 0; i < s->policies.n && r == 0; i++) {
		if (!s2_session_has_run(s, p, i))
			continue;
		r = s2_session_run_policy(s, p, i);
		if (r == 0)
			s2_shard_write_result(to, run_number(s, p, i),
					     &s->report.points[p].results[i]);
	}
	return r;
}

/** In the new process, which never returns. */
static void work(struct s2_session *s, FILE *to)
{
	int r = 0;

	s2_progress_init(&s->progress, s->errs, S2_PROGRESS_NEVER, s->program->name, 0);
	for (size_t p = 0; p < s->n_points && r == 0; p++)
		r = work_on(s, p, to);
	if (r < 0)
		s2_shard_write_error(to, r, s->err.text);
	_exit(fclose(to) == 0 ? 0 : 1);
}

static int jobs_error(struct s2_session *s, const char *what, int error)
{
	s2_error_set(&s->err, S2_OPTIONS_VALUE, "--jobs: %s: %s, expected to start %llu processes",
		     what, strerror(error), (unsigned long long)s->jobs);
	return -error;
}

/** Starts worker @p k; those before it have pipes that it must not hold open. */
static int start_worker(struct s2_session *s, struct worker *workers, size_t k)
{
	struct worker *w = &workers[k];
	int ends[2];
	FILE *to;

	if (pipe(ends) != 0)
		return jobs_error(s, "pipe", errno);
	(void)fflush(NULL);
	w->pid = fork();
	if (w->pid < 0) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		return jobs_error(s, "fork", errno);
	}
	if (w->pid == 0) {
		for (size_t i = 0; i < k; i++)
			(void)close(fileno(workers[i].from));
		(void)close(ends[0]);
		s->job = k;
		to = fdopen(ends[1], "w");
		if (to == NULL)
			_exit(1);
		work(s, to);
	}
	(void)close(ends[1]);
	w->from = fdopen(ends[0], "r");
	if (w->from == NULL) {
		(void)close(ends[0]);
		return jobs_error(s, "pipe", ENOMEM);
	}
	w->shard = (struct s2_shard_text){
		.in = w->from, .name = "a worker", .names = &s->names, .err = &s->err};
	return 0;
}

/** Takes the result of one run from who has it. */
static int take_result(struct s2_session *s, struct worker *workers, size_t p, size_t i)
{
	struct s2_result *result = &s->report.points[p].results[i];
	struct worker *w = &workers[(uint64_t)dealt(s, p, i) % s->jobs];
	uint64_t run;
	int r = s2_shard_read_result(&w->shard, &run, result);

	if (r < 0 && feof(w->from)) {
		s2_error_set(&s->err, S2_OPTIONS_VALUE,
			     "--jobs: a process was ended before its work was done, expected "
			     "memory for %llu of them",
			     (unsigned long long)s->jobs);
		return -ECHILD;
	}
	if (r >= 0 && (r == 0 || run != run_number(s, p, i))) {
		s2_error_set(&s->err, S2_OPTIONS_VALUE,
			     "--jobs: a process did another run than was its own");
		return -EPROTO;
	}
	if (r < 0)
		return r;
	s2_session_price(s, result);
	s2_progress_job(&s->progress);
	return 0;
}

static int take_results(struct s2_session *s, struct worker *workers)
{
	int r = 0;

	s2_progress_init(&s->progress, s->errs, (enum s2_progress_mode)s->common.progress,
			 s->program->name, (uint64_t)s->n_points * s->policies.n);
	for (size_t p = 0; p < s->n_points; p++)
		for (size_t i = 0; i < s->policies.n && r == 0; i++)
			if (s->report.points[p].results[i].applies && dealt(s, p, i) >= 0)
				r = take_result(s, workers, p, i);
	s2_progress_end(&s->progress);
	return r;
}

/** Whoever still works on what nobody wants is told to end. */
static void end_workers(struct worker *workers, size_t n, bool early)
{
	for (size_t k = 0; k < n; k++) {
		if (workers[k].pid <= 0)
			continue;
		if (early)
			(void)kill(workers[k].pid, SIGKILL);
		if (workers[k].from != NULL)
			(void)fclose(workers[k].from);
		s2_shard_end(&workers[k].shard);
		while (waitpid(workers[k].pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

int s2_session_run_jobs(struct s2_session *s)
{
	struct worker *workers = calloc(s->jobs, sizeof(*workers));
	size_t n = 0;
	int r = 0;

	if (workers == NULL) {
		s2_error_set(&s->err, S2_OPTIONS_MEMORY, "out of memory");
		return -ENOMEM;
	}
	while (n < s->jobs && r == 0)
		r = start_worker(s, workers, n++);
	if (r == 0)
		r = take_results(s, workers);
	end_workers(workers, n, r < 0);
	free(workers);
	return r;
}

static int merge_error(struct s2_session *s, const char *file, const char *got,
		       const char *expected)
{
	s2_error_set(&s->err, S2_OPTIONS_VALUE, "--merge: got %.80s%s, expected %s", file, got,
		     expected);
	return -EINVAL;
}

/** Whether run @p run was dealt to the shard that a file says it is. */
static bool is_of(const struct s2_session *s, uint64_t run, const struct s2_shard_head *head)
{
	return (run / s->policies.n + run % s->policies.n) % head->shards == head->shard - 1;
}

/** The result that a file calls run @p run; none may come twice. */
static struct s2_result *result_of(struct s2_session *s, uint64_t run, bool *taken)
{
	if (run >= (uint64_t)s->n_points * s->policies.n || taken[run] ||
	    !s->report.points[run / s->policies.n].results[run % s->policies.n].applies)
		return NULL;
	taken[run] = true;
	return &s->report.points[run / s->policies.n].results[run % s->policies.n];
}

static int merge_results(struct s2_session *s, struct s2_shard_text *shard, bool *taken)
{
	struct s2_shard_head head;
	uint64_t run;
	int r = s2_shard_read_head(shard, s->program->name, &head);

	if (r == 0 && head.command != hash_command(s))
		return merge_error(s, shard->name, ": it is of another command",
				   "shards of this one, options and all");
	while (r >= 0) {
		struct s2_result read = {0}, *result;

		r = s2_shard_read_result(shard, &run, &read);
		if (r > 0 && !is_of(s, run, &head)) {
			s2_result_free(&read);
			return merge_error(s, shard->name, ": a run that another shard has",
					   "the file as it was written");
		}
		result = r > 0 ? result_of(s, run, taken) : NULL;
		if (result == NULL) {
			s2_result_free(&read);
			if (r > 0)
				return merge_error(s, shard->name, ": a run that is there already",
						   "each shard once");
			return r;
		}
		read.policy = result->policy;
		read.applies = true;
		s2_session_price(s, &read);
		*result = read;
	}
	return r;
}

static int merge_file(struct s2_session *s, const char *file, bool *taken)
{
	struct s2_shard_text shard = {.name = file, .names = &s->names, .err = &s->err};
	int r;

	shard.in = fopen(file, "r");
	if (shard.in == NULL) {
		s2_error_set(&s->err, S2_OPTIONS_VALUE,
			     "--merge: got %.80s (%s), expected a file that --shard wrote", file,
			     strerror(errno));
		return -EINVAL;
	}
	r = merge_results(s, &shard, taken);
	s2_shard_end(&shard);
	(void)fclose(shard.in);
	return r;
}

/** All that was to be run must have been. */
static int check_merged(struct s2_session *s, const bool *taken)
{
	size_t missing = 0, n = 0;
	char got[64];

	for (size_t p = 0; p < s->n_points; p++)
		for (size_t i = 0; i < s->policies.n; i++)
			if (s->report.points[p].results[i].applies) {
				n++;
				missing += !taken[run_number(s, p, i)];
			}
	if (missing == 0)
		return 0;
	(void)snprintf(got, sizeof(got), "%zu of %zu runs", n - missing, n);
	return merge_error(s, got, "", "all: a shard is missing");
}

int s2_session_merge(struct s2_session *s)
{
	bool *taken = calloc(s->n_points * s->policies.n + 1, sizeof(*taken));
	char *files = strdup(s->common.merge), *next;
	int r = 0;

	if (taken == NULL || files == NULL) {
		free(taken);
		free(files);
		s2_error_set(&s->err, S2_OPTIONS_MEMORY, "out of memory");
		return -ENOMEM;
	}
	for (char *file = files; file != NULL && r == 0; file = next) {
		next = strchr(file, ',');
		if (next != NULL)
			*next++ = '\0';
		r = merge_file(s, file, taken);
	}
	if (r == 0)
		r = check_merged(s, taken);
	free(files);
	free(taken);
	return r;
}
