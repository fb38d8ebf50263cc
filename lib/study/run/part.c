/* SPDX-License-Identifier: MIT */
/* Results on their way from one process to another; see part.h. */
#include "study/run/part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/parse.h"

#define PART_FORMAT   "stage2sim-shard 1"
#define PART_WORDS    5
#define PART_TEXT_MAX ((uint64_t)1 << 24) /* of a violation's story */

void s2_part_names_free(struct s2_part_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->at[i]);
	free(names->at);
	*names = (struct s2_part_names){0};
}

/** A double as it is, whatever printf() would make of it. */
static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

void s2_part_write_head(FILE *out, const char *program, const struct s2_part_head *head)
{
	(void)fprintf(out, PART_FORMAT "\t%s\t%s\t%" PRIu64 "/%" PRIu64 "\t%016" PRIx64 "\n",
		      program, S2_VERSION, head->shard, head->shards, head->command);
}

static void write_verdict(FILE *out, const struct s2_verdict *verdict)
{
	(void)fprintf(out, "verdict\t%s\t%d\t%" PRIu64, verdict->contract, (int)verdict->status,
		      verdict->states);
	if (verdict->violation == NULL)
		(void)fputs("\t-\n", out);
	else
		(void)fprintf(out, "\t%zu\n%s\n", strlen(verdict->violation), verdict->violation);
}

void s2_part_write_result(FILE *out, uint64_t run, const struct s2_result *result)
{
	(void)fprintf(out, "result\t%" PRIu64 "\n", run);
	for (int op = 0; op < S2_OP_COUNT; op++)
		if (result->ops.n[op] != 0)
			(void)fprintf(out, "op\t%s\t%" PRIu64 "\n", s2_op_name((enum s2_op)op),
				      result->ops.n[op]);
	for (size_t i = 0; i < result->n_measures; i++) {
		const struct s2_measure *m = &result->measures[i];

		(void)fprintf(out, "measure\t%s\t%s\t%016" PRIx64 "\n", m->name,
			      m->unit != NULL ? m->unit : "-", bits_of(m->value));
	}
	for (size_t i = 0; i < result->n_verdicts; i++)
		write_verdict(out, &result->verdicts[i]);
	(void)fputs("end\n", out);
}

void s2_part_write_error(FILE *out, int error, const char *text)
{
	(void)fprintf(out, "error\t%d\t%zu\n%s\n", -error, strlen(text), text);
}

void s2_part_write_done(FILE *out)
{
	(void)fputs("done\n", out);
}

static int bad_part(const struct s2_part *part, const char *expected)
{
	/* Whole again, if it has been cut into words. */
	for (size_t i = 0; i < part->len; i++)
		if (part->line[i] == '\0' || part->line[i] == '\t')
			part->line[i] = ' ';
	s2_error_set(part->err, S2_OPTIONS_VALUE, "%.80s:%" PRIu64 ": got \"%.60s\", expected %s",
		     part->name, part->number, part->line != NULL ? part->line : "", expected);
	return -EINVAL;
}

static int part_no_memory(const struct s2_part *part)
{
	s2_error_set(part->err, S2_OPTIONS_MEMORY, "out of memory");
	return -ENOMEM;
}

/** The next line, without its end. @return 0; -EINVAL at the end of the file */
static int next_line(struct s2_part *part)
{
	ssize_t len;

	part->number++;
	part->len = 0;
	errno = 0;
	len = getline(&part->line, &part->room, part->in);
	if (len < 0 && errno == ENOMEM)
		return part_no_memory(part);
	if (len <= 0 || part->line[len - 1] != '\n' || strlen(part->line) != (size_t)len) {
		if (len <= 0 && part->line != NULL)
			part->line[0] = '\0';
		return bad_part(part, "a whole line: the file is cut, or no shard");
	}
	part->len = (size_t)len - 1;
	part->line[part->len] = '\0';
	return 0;
}

/** Cuts the line at its tabs. @return how many words; PART_WORDS + 1 for more */
static size_t cut_words(char *line, char *words[PART_WORDS])
{
	size_t n = 0;

	for (char *at = line; at != NULL; n++) {
		if (n == PART_WORDS)
			return n + 1;
		words[n] = at;
		at = strchr(at, '\t');
		if (at != NULL)
			*at++ = '\0';
	}
	return n;
}

static int read_hex(const char *text, uint64_t *value)
{
	if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return -EINVAL;
	*value = strtoull(text, NULL, 16);
	return 0;
}

/** Cuts "I/N" at its slash. */
static int read_shard(char *text, struct s2_part_head *head)
{
	char *slash = strchr(text, '/');

	if (slash == NULL)
		return -EINVAL;
	*slash = '\0';
	return s2_parse_u64(text, &head->shard) < 0 || s2_parse_u64(slash + 1, &head->shards) < 0
		       ? -EINVAL
		       : 0;
}

int s2_part_read_head(struct s2_part *part, const char *program, struct s2_part_head *head)
{
	char *words[PART_WORDS] = {0};
	int r = next_line(part);

	if (r < 0)
		return r;
	if (strncmp(part->line, PART_FORMAT "\t", sizeof(PART_FORMAT)) != 0 ||
	    cut_words(part->line, words) != PART_WORDS)
		return bad_part(part, "the first line of a shard");
	if (strcmp(words[1], program) != 0 || strcmp(words[2], S2_VERSION) != 0) {
		s2_error_set(part->err, S2_OPTIONS_VALUE,
			     "%.80s: got a shard of %.40s %.20s, expected one of %s %s", part->name,
			     words[1], words[2], program, S2_VERSION);
		return -EINVAL;
	}
	if (read_shard(words[3], head) < 0 || read_hex(words[4], &head->command) < 0)
		return bad_part(part, "which shard it is, and of what");
	return 0;
}

/** @p text, kept as long as the session; the same text is kept once. NULL: no memory */
static const char *keep_name(struct s2_part_names *names, const char *text)
{
	char **more;

	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->at[i], text))
			return names->at[i];
	more = realloc(names->at, (names->n + 1) * sizeof(*more));
	if (more == NULL)
		return NULL;
	names->at = more;
	names->at[names->n] = strdup(text);
	return names->at[names->n] != NULL ? names->at[names->n++] : NULL;
}

static int read_op(struct s2_part *part, char *words[PART_WORDS], size_t n,
		   struct s2_result *result)
{
	const int op = n == 3 ? s2_op_find(words[1]) : -ENOENT;

	if (op < 0 || s2_parse_u64(words[2], &result->ops.n[op]) < 0)
		return bad_part(part, "an operation and how often");
	return 0;
}

static int read_measure(struct s2_part *part, char *words[PART_WORDS], size_t n,
			struct s2_result *result)
{
	const char *name, *unit = NULL;
	uint64_t bits;
	double value;

	if (n != 4 || read_hex(words[3], &bits) < 0)
		return bad_part(part, "a measure, its unit and its value");
	memcpy(&value, &bits, sizeof(value));
	name = keep_name(part->names, words[1]);
	if (name == NULL)
		return part_no_memory(part);
	if (strcmp(words[2], "-") != 0) {
		unit = keep_name(part->names, words[2]);
		if (unit == NULL)
			return part_no_memory(part);
	}
	if (s2_result_measure(result, name, unit, value) < 0)
		return bad_part(part, "fewer measures");
	return 0;
}

/** Reads @p len bytes and the end of their line. @return to be freed; NULL with err set */
static char *read_text(struct s2_part *part, uint64_t len)
{
	char *text = len < PART_TEXT_MAX ? malloc((size_t)len + 1) : NULL;

	if (text == NULL) {
		(void)part_no_memory(part);
		return NULL;
	}
	if (fread(text, 1, (size_t)len, part->in) != len || fgetc(part->in) != '\n' ||
	    memchr(text, '\0', (size_t)len) != NULL) {
		free(text);
		(void)bad_part(part, "the text that it announces");
		return NULL;
	}
	text[len] = '\0';
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		part->number++;
	part->number++;
	return text;
}

static int read_verdict(struct s2_part *part, char *words[PART_WORDS], size_t n,
			struct s2_result *result)
{
	uint64_t status, states, len = 0;
	const char *contract;
	char *text = NULL;
	int r;

	if (n != 5 || s2_parse_u64(words[2], &status) < 0 || status > S2_UNSOUND ||
	    s2_parse_u64(words[3], &states) < 0 ||
	    (strcmp(words[4], "-") != 0 && s2_parse_u64(words[4], &len) < 0))
		return bad_part(part, "a contract and its verdict");
	contract = keep_name(part->names, words[1]);
	if (contract == NULL)
		return part_no_memory(part);
	if (strcmp(words[4], "-") != 0) {
		text = read_text(part, len);
		if (text == NULL)
			return part->err->code == S2_OPTIONS_MEMORY ? -ENOMEM : -EINVAL;
	}
	r = s2_result_verdict(result, contract, (enum s2_status)status, states, text);
	free(text);
	if (r == -ENOMEM)
		return part_no_memory(part);
	return r < 0 ? bad_part(part, "fewer verdicts") : 0;
}

/** What a worker could not do, as it would have said it. */
static int read_error(struct s2_part *part, char *words[PART_WORDS], size_t n)
{
	uint64_t error, len;
	char *text;

	if (n != 3 || s2_parse_u64(words[1], &error) < 0 || error == 0 || error > 4095 ||
	    s2_parse_u64(words[2], &len) < 0)
		return bad_part(part, "an error and its text");
	text = read_text(part, len);
	if (text == NULL)
		return -EINVAL;
	s2_error_set(part->err, S2_OPTIONS_VALUE, "%s", text);
	free(text);
	return -(int)error;
}

/** One line within a result. @return 1 for "end" */
static int read_line(struct s2_part *part, struct s2_result *result)
{
	char *words[PART_WORDS] = {0};
	const int r = next_line(part);
	size_t n;

	if (r < 0)
		return r;
	n = cut_words(part->line, words);
	if (!strcmp(words[0], "op"))
		return read_op(part, words, n, result);
	if (!strcmp(words[0], "measure"))
		return read_measure(part, words, n, result);
	if (!strcmp(words[0], "verdict"))
		return read_verdict(part, words, n, result);
	if (!strcmp(words[0], "end") && n == 1)
		return 1;
	return bad_part(part, "op, measure, verdict or end");
}

int s2_part_read_result(struct s2_part *part, uint64_t *run, struct s2_result *result)
{
	char *words[PART_WORDS] = {0};
	int r = next_line(part);
	size_t n;

	if (r < 0)
		return r;
	n = cut_words(part->line, words);
	if (!strcmp(words[0], "done") && n == 1)
		return 0;
	if (!strcmp(words[0], "error"))
		return read_error(part, words, n);
	if (strcmp(words[0], "result") != 0 || n != 2 || s2_parse_u64(words[1], run) < 0)
		return bad_part(part, "a result, or done");
	while (r == 0)
		r = read_line(part, result);
	return r;
}

void s2_part_end(struct s2_part *part)
{
	free(part->line);
	part->line = NULL;
	part->room = 0;
}
