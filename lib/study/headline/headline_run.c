/* SPDX-License-Identifier: MIT */
/* A session for each thread; see headline.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/headline/headline.h"

/** Most words of a command line. */
#define WORDS_MAX 64

/** "s2-boot --vcpus 64 ... --profile altra,d05 --seed 1", to be cut into words; NULL: no memory. */
static char *command_text(const struct s2_headline_job *job, const struct s2_program *program,
			  const char *words)
{
	const size_t size = strlen(program->name) + strlen(words) + strlen(job->profiles) + 64;
	char *text = malloc(size);

	if (text != NULL)
		(void)snprintf(text, size, "%s %s --seed %llu%s%s", program->name, words,
			       (unsigned long long)job->seed, *job->profiles ? " --profile " : "",
			       job->profiles);
	return text;
}

static int cut(char *text, char **argv)
{
	int argc = 0;

	for (char *word = text; *word != '\0' && argc < WORDS_MAX;) {
		const size_t len = strcspn(word, " ");
		const bool more = word[len] != '\0';

		argv[argc++] = word;
		word[len] = '\0';
		word += len + more;
	}
	return argc;
}

/** Runs a program by @p words, its report being left in @p s. */
static int run_session(const struct s2_headline_job *job, const struct s2_program *program,
		       const char *words, struct s2_session *s, char **text, struct s2_error *err)
{
	char *argv[WORDS_MAX];
	int r;

	*text = command_text(job, program, words);
	if (*text == NULL) {
		s2_error_set(err, S2_OPTIONS_MEMORY, "out of memory");
		return -ENOMEM;
	}
	*s = (struct s2_session){.program = program, .errs = job->errs, .outer = job->progress};
	r = s2_session_open(s, cut(*text, argv), argv);
	if (r == 0)
		r = s2_session_prepare(s);
	if (r == 0)
		r = s2_session_run(s);
	if (r < 0)
		s2_error_set(err, s->err.code, "%s: %.200s", program->name, s->err.text);
	return r;
}

static int run_thread(const struct s2_headline_job *job, const struct s2_headline_thread *thread,
		      struct s2_headline *headline, struct s2_error *err)
{
	struct s2_headline_part *part = &headline->parts[headline->n_parts++];
	int r;

	part->thread = thread;
	part->brief = job->brief && thread->answers != NULL;
	r = run_session(job, thread->program, thread->words, &part->main, &part->main_text, err);
	if (r == 0 && thread->also != NULL)
		r = run_session(job, thread->program, thread->also, &part->also, &part->also_text,
				err);
	return r;
}

int s2_headline_run(const struct s2_headline_job *job, struct s2_headline *headline,
		    struct s2_error *err)
{
	const size_t n = job->which->n != 0 ? job->which->n : job->n_threads;
	int r = 0;

	*headline = (struct s2_headline){.parts = calloc(n, sizeof(*headline->parts))};
	if (headline->parts == NULL) {
		s2_error_set(err, S2_OPTIONS_MEMORY, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < n && r == 0; i++)
		r = run_thread(job, &job->threads[job->which->n != 0 ? job->which->at[i] : i],
			       headline, err);
	if (r == 0 && job->log != NULL)
		r = s2_headline_replay(job->log, headline, err);
	if (r < 0)
		s2_headline_free(headline);
	return r;
}

void s2_headline_free(struct s2_headline *headline)
{
	for (size_t i = 0; i < headline->n_parts; i++) {
		struct s2_headline_part *part = &headline->parts[i];

		if (part->main.program != NULL)
			s2_session_close(&part->main);
		if (part->also.program != NULL)
			s2_session_close(&part->also);
		free(part->main_text);
		free(part->also_text);
	}
	free(headline->parts);
	*headline = (struct s2_headline){.parts = NULL};
}
