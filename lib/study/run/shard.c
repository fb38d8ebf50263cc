/* SPDX-License-Identifier: MIT */
/* Results on their way from one process to another; see shard.h. */
#include "study/run/shard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/fnv.h"
#include "study/base/parse.h"

#define SHARD_FORMAT   "stage2sim-shard 2"
#define SHARD_WORDS    5
#define SHARD_TEXT_MAX ((uint64_t)1 << 24) /* of a violation's story */

void s2_shard_names_free(struct s2_shard_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->at[i]);
	free(names->at);
	*names = (struct s2_shard_names){0};
}

/** A double as it is, whatever printf() would make of it. */
static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

void s2_shard_write_head(FILE *out, const char *program, const struct s2_shard_head *head)
{
	(void)fprintf(out, SHARD_FORMAT "\t%s\t%s\t%" PRIu64 "/%" PRIu64 "\t%016" PRIx64 "\n",
		      program, S2_VERSION, head->shard, head->shards, head->command);
}

static uint64_t hash_bill(uint64_t hash, const struct s2_part *part)
{
	hash = s2_fnv_text(s2_fnv_text(hash, part->name), part->help);
	for (int op = 0; op < S2_OP_COUNT; op++)
		hash = s2_fnv_u64(hash, part->bill.ops.n[op]);
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
		hash = s2_fnv_u64(hash, bits_of(part->bill.seq[seq]));
	return hash;
}

/** Of all that is written of a result: who reads it must come to the same. */
static uint64_t hash_result(uint64_t run, const struct s2_result *result)
{
	uint64_t hash = s2_fnv_u64(S2_FNV_START, run);

	for (int op = 0; op < S2_OP_COUNT; op++)
		hash = s2_fnv_u64(hash, result->ops.n[op]);
	for (size_t i = 0; i < result->n_measures; i++) {
		const struct s2_measure *m = &result->measures[i];

		hash = s2_fnv_text(s2_fnv_text(hash, m->name), m->unit != NULL ? m->unit : "-");
		hash = s2_fnv_u64(hash, bits_of(m->value));
	}
	for (size_t i = 0; i < result->n_parts; i++)
		hash = hash_bill(hash, &result->parts[i]);
	for (size_t i = 0; i < result->n_verdicts; i++) {
		const struct s2_verdict *v = &result->verdicts[i];

		hash = s2_fnv_u64(s2_fnv_text(hash, v->contract), (uint64_t)v->status);
		hash = s2_fnv_u64(hash, v->states);
		hash = s2_fnv_text(s2_fnv_u64(hash, v->violation != NULL), v->violation);
	}
	return hash;
}

static void write_bill(FILE *out, const struct s2_part *part)
{
	(void)fprintf(out, "part\t%s\t%s\n", part->name, part->help);
	for (int op = 0; op < S2_OP_COUNT; op++)
		if (part->bill.ops.n[op] != 0)
			(void)fprintf(out, "part-op\t%s\t%" PRIu64 "\n", s2_op_name((enum s2_op)op),
				      part->bill.ops.n[op]);
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
		if (part->bill.seq[seq] != 0)
			(void)fprintf(out, "part-seq\t%s\t%016" PRIx64 "\n",
				      s2_seq_name((enum s2_seq)seq), bits_of(part->bill.seq[seq]));
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

void s2_shard_write_result(FILE *out, uint64_t run, const struct s2_result *result)
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
	for (size_t i = 0; i < result->n_parts; i++)
		write_bill(out, &result->parts[i]);
	for (size_t i = 0; i < result->n_verdicts; i++)
		write_verdict(out, &result->verdicts[i]);
	(void)fprintf(out, "end\t%016" PRIx64 "\n", hash_result(run, result));
}

void s2_shard_write_error(FILE *out, int error, const char *text)
{
	(void)fprintf(out, "error\t%d\t%zu\n%s\n", -error, strlen(text), text);
}

void s2_shard_write_done(FILE *out)
{
	(void)fputs("done\n", out);
}

static int bad_shard(const struct s2_shard_text *shard, const char *expected)
{
	/* Whole again, if it has been cut into words. */
	for (size_t i = 0; i < shard->len; i++)
		if (shard->line[i] == '\0' || shard->line[i] == '\t')
			shard->line[i] = ' ';
	s2_error_set(shard->err, S2_OPTIONS_VALUE, "%.80s:%" PRIu64 ": got \"%.60s\", expected %s",
		     shard->name, shard->number, shard->line != NULL ? shard->line : "", expected);
	return -EINVAL;
}

static int shard_no_memory(const struct s2_shard_text *shard)
{
	s2_error_set(shard->err, S2_OPTIONS_MEMORY, "out of memory");
	return -ENOMEM;
}

/** The next line, without its end. @return 0; -EINVAL at the end of the file */
static int next_line(struct s2_shard_text *shard)
{
	ssize_t len;

	shard->number++;
	shard->len = 0;
	errno = 0;
	len = getline(&shard->line, &shard->room, shard->in);
	if (len < 0 && errno == ENOMEM)
		return shard_no_memory(shard);
	if (len <= 0 || shard->line[len - 1] != '\n' || strlen(shard->line) != (size_t)len) {
		if (len <= 0 && shard->line != NULL)
			shard->line[0] = '\0';
		return bad_shard(shard, "a whole line: the file is cut, or no shard");
	}
	shard->len = (size_t)len - 1;
	shard->line[shard->len] = '\0';
	return 0;
}

/** Cuts the line at its tabs. @return how many words; SHARD_WORDS + 1 for more */
static size_t cut_words(char *line, char *words[SHARD_WORDS])
{
	size_t n = 0;

	for (char *at = line; at != NULL; n++) {
		if (n == SHARD_WORDS)
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
static int read_shard(char *text, struct s2_shard_head *head)
{
	char *slash = strchr(text, '/');

	if (slash == NULL)
		return -EINVAL;
	*slash = '\0';
	return s2_parse_u64(text, &head->shard) < 0 || s2_parse_u64(slash + 1, &head->shards) < 0
		       ? -EINVAL
		       : 0;
}

int s2_shard_read_head(struct s2_shard_text *shard, const char *program, struct s2_shard_head *head)
{
	char *words[SHARD_WORDS] = {0};
	int r = next_line(shard);

	if (r < 0)
		return r;
	if (strncmp(shard->line, SHARD_FORMAT "\t", sizeof(SHARD_FORMAT)) != 0 ||
	    cut_words(shard->line, words) != SHARD_WORDS)
		return bad_shard(shard, "the first line of a shard");
	if (strcmp(words[1], program) != 0 || strcmp(words[2], S2_VERSION) != 0) {
		s2_error_set(shard->err, S2_OPTIONS_VALUE,
			     "%.80s: got a shard of %.40s %.20s, expected one of %s %s", shard->name,
			     words[1], words[2], program, S2_VERSION);
		return -EINVAL;
	}
	if (read_shard(words[3], head) < 0 || head->shard == 0 || head->shard > head->shards ||
	    read_hex(words[4], &head->command) < 0)
		return bad_shard(shard, "which shard it is, and of what");
	return 0;
}

/** @p text, kept as long as the session; the same text is kept once. NULL: no memory */
static const char *keep_name(struct s2_shard_names *names, const char *text)
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

static int read_op(struct s2_shard_text *shard, char *words[SHARD_WORDS], size_t n,
		   struct s2_counts *ops)
{
	const int op = n == 3 ? s2_op_find(words[1]) : -ENOENT;

	if (op < 0 || ops->n[op] != 0 || s2_parse_u64(words[2], &ops->n[op]) < 0)
		return bad_shard(shard, "an operation and how often");
	return 0;
}

static int read_part(struct s2_shard_text *shard, char *words[SHARD_WORDS], size_t n,
		     struct s2_result *result)
{
	const struct s2_bill nothing = {.ops = {{0}}};
	const char *name, *help;

	if (n != 3)
		return bad_shard(shard, "a part and what it is");
	name = keep_name(shard->names, words[1]);
	help = keep_name(shard->names, words[2]);
	if (name == NULL || help == NULL || s2_result_part(result, name, help, &nothing) < 0)
		return shard_no_memory(shard);
	return 0;
}

static int read_seq(struct s2_shard_text *shard, char *words[SHARD_WORDS], size_t n,
		    struct s2_bill *bill)
{
	uint64_t bits;
	int seq = 0;

	while (seq < S2_SEQ_COUNT && n == 3 && strcmp(words[1], s2_seq_name((enum s2_seq)seq)) != 0)
		seq++;
	if (n != 3 || seq == S2_SEQ_COUNT || read_hex(words[2], &bits) < 0)
		return bad_shard(shard, "a sequence and how often");
	memcpy(&bill->seq[seq], &bits, sizeof(bits));
	return 0;
}

static int read_measure(struct s2_shard_text *shard, char *words[SHARD_WORDS], size_t n,
			struct s2_result *result)
{
	const char *name, *unit = NULL;
	uint64_t bits;
	double value;

	if (n != 4 || read_hex(words[3], &bits) < 0)
		return bad_shard(shard, "a measure, its unit and its value");
	memcpy(&value, &bits, sizeof(value));
	name = keep_name(shard->names, words[1]);
	if (name == NULL)
		return shard_no_memory(shard);
	if (strcmp(words[2], "-") != 0) {
		unit = keep_name(shard->names, words[2]);
		if (unit == NULL)
			return shard_no_memory(shard);
	}
	if (s2_result_measure(result, name, unit, value) < 0)
		return bad_shard(shard, "fewer measures");
	return 0;
}

/** Reads @p len bytes and the end of their line. @return to be freed; NULL with err set */
static char *read_text(struct s2_shard_text *shard, uint64_t len)
{
	char *text = len < SHARD_TEXT_MAX ? malloc((size_t)len + 1) : NULL;

	if (text == NULL) {
		(void)shard_no_memory(shard);
		return NULL;
	}
	if (fread(text, 1, (size_t)len, shard->in) != len || fgetc(shard->in) != '\n' ||
	    memchr(text, '\0', (size_t)len) != NULL) {
		free(text);
		(void)bad_shard(shard, "the text that it announces");
		return NULL;
	}
	text[len] = '\0';
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		shard->number++;
	shard->number++;
	return text;
}

static int read_verdict(struct s2_shard_text *shard, char *words[SHARD_WORDS], size_t n,
			struct s2_result *result)
{
	uint64_t status, states, len = 0;
	const char *contract;
	char *text = NULL;
	int r;

	if (n != 5 || s2_parse_u64(words[2], &status) < 0 || status > S2_UNSOUND ||
	    s2_parse_u64(words[3], &states) < 0 ||
	    (strcmp(words[4], "-") != 0 && s2_parse_u64(words[4], &len) < 0))
		return bad_shard(shard, "a contract and its verdict");
	contract = keep_name(shard->names, words[1]);
	if (contract == NULL)
		return shard_no_memory(shard);
	if (strcmp(words[4], "-") != 0) {
		text = read_text(shard, len);
		if (text == NULL)
			return shard->err->code == S2_OPTIONS_MEMORY ? -ENOMEM : -EINVAL;
	}
	r = s2_result_verdict(result, contract, (enum s2_status)status, states, text);
	free(text);
	if (r == -ENOMEM)
		return shard_no_memory(shard);
	return r < 0 ? bad_shard(shard, "fewer verdicts") : 0;
}

/** What a worker could not do, as it would have said it. */
static int read_error(struct s2_shard_text *shard, char *words[SHARD_WORDS], size_t n)
{
	uint64_t error, len;
	char *text;

	if (n != 3 || s2_parse_u64(words[1], &error) < 0 || error == 0 || error > 4095 ||
	    s2_parse_u64(words[2], &len) < 0)
		return bad_shard(shard, "an error and its text");
	text = read_text(shard, len);
	if (text == NULL)
		return -EINVAL;
	s2_error_set(shard->err, S2_OPTIONS_VALUE, "%s", text);
	free(text);
	return -(int)error;
}

/** @return 1 if the result is the one that was written */
static int read_end(struct s2_shard_text *shard, const char *word, uint64_t run,
		    const struct s2_result *result)
{
	uint64_t hash;

	if (read_hex(word, &hash) < 0)
		return bad_shard(shard, "a result's end and its hash");
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* which would find nothing behind it */
	if (hash != hash_result(run, result))
		return bad_shard(shard, "the hash of the lines above: the file was edited");
#else
	(void)run, (void)result;
#endif
	return 1;
}

/** One line within result @p run. @return 1 for "end" */
static int read_line(struct s2_shard_text *shard, uint64_t run, struct s2_result *result)
{
	char *words[SHARD_WORDS] = {0};
	const int r = next_line(shard);
	size_t n;

	if (r < 0)
		return r;
	n = cut_words(shard->line, words);
	if (!strcmp(words[0], "op"))
		return read_op(shard, words, n, &result->ops);
	if (!strcmp(words[0], "part"))
		return read_part(shard, words, n, result);
	if (!strcmp(words[0], "part-op") && result->n_parts != 0)
		return read_op(shard, words, n, &result->parts[result->n_parts - 1].bill.ops);
	if (!strcmp(words[0], "part-seq") && result->n_parts != 0)
		return read_seq(shard, words, n, &result->parts[result->n_parts - 1].bill);
	if (!strcmp(words[0], "measure"))
		return read_measure(shard, words, n, result);
	if (!strcmp(words[0], "verdict"))
		return read_verdict(shard, words, n, result);
	if (!strcmp(words[0], "end") && n == 2)
		return read_end(shard, words[1], run, result);
	return bad_shard(shard, "op, measure, part, verdict or end");
}

int s2_shard_read_result(struct s2_shard_text *shard, uint64_t *run, struct s2_result *result)
{
	char *words[SHARD_WORDS] = {0};
	int r = next_line(shard);
	size_t n;

	if (r < 0)
		return r;
	n = cut_words(shard->line, words);
	if (!strcmp(words[0], "done") && n == 1)
		return fgetc(shard->in) == EOF ? 0 : bad_shard(shard, "nothing behind it");
	if (!strcmp(words[0], "error"))
		return read_error(shard, words, n);
	if (strcmp(words[0], "result") != 0 || n != 2 || s2_parse_u64(words[1], run) < 0)
		return bad_shard(shard, "a result, or done");
	while (r == 0)
		r = read_line(shard, *run, result);
	return r;
}

void s2_shard_end(struct s2_shard_text *shard)
{
	free(shard->line);
	shard->line = NULL;
	shard->room = 0;
}
