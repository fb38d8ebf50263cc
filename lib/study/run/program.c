/* SPDX-License-Identifier: MIT */
/* The one runner; see program.h. */
#include "study/run/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/option/machine.h"
#include "study/report/plot.h"
#include "study/report/report.h"
#include "study/run/output.h"
#include "study/run/session.h"

static int failed(struct s2_session *s, const char *where, int error)
{
	s2_error_set(&s->err, S2_OPTIONS_VALUE, "%.80s: %s, expected a place to write it to", where,
		     strerror(error));
	return -error;
}

/** What a verdict says, and how to have one where there is none. */
static void write_judged(const struct s2_session *s, FILE *out)
{
	if (!s->program->judged)
		return;
	if (s2_report_verdicts(&s->report, S2_SOUND) != 0)
		(void)fputs(
			"holds: in this run, whatever hardware chose; not: in every order of threads\n",
			out);
	if (s2_report_verdicts(&s->report, S2_UNCHECKED) != 0 && s->common.check == S2_CHECK_AUTO)
		(void)fputs("unchecked: a long run, or a sweep; --check always judges it\n", out);
}

static int write_report(struct s2_session *s, FILE *out)
{
	int r;

	if (s->common.shard != NULL)
		return s2_session_write_shard(s, out);
	switch (s->common.format) {
	case S2_FORMAT_JSON:
		return s2_report_json(&s->report, out);
	case S2_FORMAT_CSV:
		return s2_report_csv(&s->report, out);
	default:
		break;
	}
	r = s2_report_table(&s->report, out);
	if (r == 0 && s->program->notes != NULL) {
		(void)fputc('\n', out);
		s->program->notes(&s->report, out);
	}
	if (r == 0)
		write_judged(s, out);
	return r;
}

/** The whole output, in memory; to be freed. */
static int render(struct s2_session *s, char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);
	int r;

	if (out == NULL)
		return failed(s, "output", errno);
	r = write_report(s, out);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return failed(s, "output", -r);
	return 0;
}

static int write_output(struct s2_session *s, const char *text, size_t size)
{
	const char *path = s->common.output;
	const int r = s2_output_write(path, s->out, text, size);

	return r < 0 ? failed(s, path != NULL ? path : "standard output", -r) : 0;
}

/** The first story, where --story asks for it; that there is none is no error. */
static int write_story(struct s2_session *s)
{
	const struct s2_told *told = s2_report_story(&s->report);

	if (s->common.story == NULL)
		return 0;
	if (told != NULL)
		return s2_told_save(told, s->common.story, &s->err);
	(void)fprintf(s->errs,
		      "%s: --story: nothing that was checked is broken, no file is written\n",
		      s->program->name);
	return 0;
}

static int finish(struct s2_session *s)
{
	char *text = NULL;
	size_t size = 0;
	int r = render(s, &text, &size);

	if (r == 0 && s->common.plot != NULL)
		r = s2_plot_report(s->common.plot, &s->report, &s->err);
	if (r == 0)
		r = write_story(s);
	if (r == 0)
		r = write_output(s, text, size);
	free(text);
	return r;
}

/** Writes "got 3 broken verdicts (the first: every, arch)" of those with @p status. */
static void write_got(const struct s2_session *s, const char *expect, enum s2_status status)
{
	const struct s2_result *result = NULL;
	const struct s2_verdict *first = s2_report_first(&s->report, status, &result);

	(void)fprintf(s->errs, "%s: --expect %s: got %zu %s verdicts (the first: %s, %s)",
		      s->program->name, expect, s2_report_verdicts(&s->report, status),
		      s2_status_word(status), result->policy, first->contract);
}

/** What --expect makes of the verdicts; said in one line where it matters. */
static enum s2_exit judge(const struct s2_session *s)
{
	const bool checked = s->common.expect == S2_EXPECT_CHECKED;
	const char *expect = checked ? "checked" : "sound";

	if (s->common.expect == S2_EXPECT_NOTHING)
		return S2_EXIT_DONE;
	if (s2_report_verdicts(&s->report, S2_UNSOUND) != 0) {
		write_got(s, expect, S2_UNSOUND);
		(void)fputs(", expected none\n", s->errs);
		return S2_EXIT_VIOLATION;
	}
	if (s2_report_verdicts(&s->report, S2_UNCHECKED) != 0) {
		/* "No violation" of what nobody looked at is worth a word. */
		write_got(s, expect, S2_UNCHECKED);
		(void)fprintf(
			s->errs, "%s%s\n", checked ? ", expected none" : "",
			s->common.check == S2_CHECK_ALWAYS ? "" : "; --check always looks at more");
		return checked ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
	}
	if (s2_report_verdicts(&s->report, S2_SOUND) != 0)
		return S2_EXIT_DONE;
	(void)fprintf(s->errs, "%s: --expect %s: got no verdict\n", s->program->name, expect);
	return checked ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
}

static int show_help(struct s2_session *s)
{
	s2_session_help(s, s->out);
	return fflush(s->out) != 0 ? failed(s, "standard output", errno) : 0;
}

static int show_version(struct s2_session *s)
{
	(void)fprintf(s->out, "%s (stage2sim) %s\n", s->program->name, S2_VERSION);
	return fflush(s->out) != 0 ? failed(s, "standard output", errno) : 0;
}

static int show_machines(struct s2_session *s)
{
	s2_machine_help(s->out);
	return fflush(s->out) != 0 ? failed(s, "standard output", errno) : 0;
}

static int run_session(struct s2_session *s, enum s2_exit *status)
{
	int r;

	if (s->common.help)
		return show_help(s);
	if (s->common.version)
		return show_version(s);
	if (s->common.machine != NULL && !strcmp(s->common.machine, "help"))
		return show_machines(s);
	r = s2_session_prepare(s);
	if (r == 0 && s->common.log != S2_LOG_NO)
		return s2_session_log(s);
	if (r == 0)
		r = s2_session_run(s);
	if (r == 0)
		r = finish(s);
	if (r == 0)
		*status = judge(s);
	return r;
}

/** One line, whatever was in the user's words. */
static void say_error(const struct s2_session *s)
{
	(void)fprintf(s->errs, "%s: ", s->program->name);
	for (const char *p = s->err.text; *p != '\0'; p++)
		(void)fputc((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p, s->errs);
	(void)fputc('\n', s->errs);
}

/** What completion asks: before anything is read, as it is no option. */
static int list_options(struct s2_session *s, enum s2_exit *status)
{
	char *argv[] = {(char[]){""}, NULL};
	int r = s2_session_open(s, 1, argv);

	for (size_t i = 0; i < S2_TABLES && r == 0; i++)
		s2_options_list(&s->tables[i], &s->tables[S2_TABLE_OWN], s->out);
	*status = S2_EXIT_DONE;
	return r == 0 && fflush(s->out) != 0 ? failed(s, "standard output", errno) : r;
}

int s2_program_main(const struct s2_program *program, int argc, char **argv, FILE *out, FILE *errs)
{
	struct s2_session s = {.program = program, .out = out, .errs = errs};
	enum s2_exit status = S2_EXIT_DONE;
	int r;

	if (argc == 2 && !strcmp(argv[1], S2_OPTIONS_LIST)) {
		r = list_options(&s, &status);
	} else {
		r = s2_session_open(&s, argc, argv);
		if (r == 0)
			r = run_session(&s, &status);
	}
	if (r < 0) {
		say_error(&s);
		status = S2_EXIT_USAGE;
	}
	s2_session_close(&s);
	return (int)status;
}
