/* SPDX-License-Identifier: MIT */
/* A part as lines of a file, each a name and a value; "done" is the last, with a hash of the others. */
#include "study/part/part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/fnv.h"
#include "study/run/output.h"

#define FORMAT	  "stage2sim-explored 1"
#define STEPS_MAX 1000000U

static const char *const ends[S2_EXPLORE_ENDS] = {
	[S2_EXPLORED_ALL] = "all",	       [S2_EXPLORED_PREEMPTIONS] = "preemptions",
	[S2_EXPLORED_FINDING] = "finding",     [S2_EXPLORED_STEPS] = "steps",
	[S2_EXPLORED_SCHEDULES] = "schedules", [S2_EXPLORED_STATES] = "states",
	[S2_EXPLORED_TIME] = "time",	       [S2_EXPLORED_STOPPED] = "stopped",
};

static void write_schedule(FILE *file, const struct s2_explore_result *r)
{
	for (size_t i = 0, run; i < r->n_schedule; i += run) {
		for (run = 1; i + run < r->n_schedule && r->schedule[i + run] == r->schedule[i];)
			run++;
		fprintf(file, "thread %u %zu\n", r->schedule[i], run);
	}
}

static void write_part(FILE *file, const struct s2_search_part *part)
{
	const struct s2_explore_result *r = &part->result;

	fprintf(file, FORMAT "\nversion " S2_VERSION "\nscenario %s\ncontract %s\n",
		part->scenario, part->contract);
	fprintf(file, "preemptions %" PRIu32 "\nmost-steps %" PRIu64 "\npruning %d\n",
		part->preemptions, part->steps, part->pruning);
	fprintf(file, "body %" PRIx64 "\nshard %" PRIu32 "/%" PRIu32 "\nend %s\n", r->body,
		part->shard, part->shards, ends[r->end]);
	fprintf(file,
		"states %" PRIu64 "\nschedules %" PRIu64 "\npruned %" PRIu64 "\nsteps %" PRIu64
		"\ndepth %" PRIu64 "\nwhole-at %" PRIu64 "\nsearched %" PRIu32 "\n",
		r->states, r->schedules, r->pruned, r->steps, r->depth, r->whole_at,
		r->preemptions);
	fprintf(file, "kind %d\n", (int)r->kind);
	if (r->kind != S2_EXPLORE_NOTHING)
		fprintf(file, "text %s\n", r->text);
	write_schedule(file, r);
}

/* The last line: a hash of all before it. */
static int write_whole(const char *path, const char *text, size_t size)
{
	const size_t room = size + sizeof("done 0123456789abcdef\n");
	char *whole = malloc(room);
	int ret;

	if (!whole)
		return -ENOMEM;
	snprintf(whole, room, "%sdone %016" PRIx64 "\n", text,
		 s2_fnv_bytes(S2_FNV_START, text, size));
	ret = s2_output_write(path, NULL, whole, strlen(whole));
	free(whole);
	return ret;
}

int s2_search_part_write(const char *path, const struct s2_search_part *part, struct s2_error *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	int ret = -ENOMEM;

	if (file) {
		write_part(file, part);
		if (!fclose(file))
			ret = write_whole(path, text, size);
	}
	free(text);
	if (ret)
		s2_error_set(err, 1, "%.80s: %s", path, strerror(-ret));
	return ret;
}

/* Lines of a part. */
struct lines {
	FILE *file;
	const char *path;
	unsigned number;
	char text[640];
	uint64_t sum; /* of all lines before this one */
	uint64_t next_sum;
	struct s2_error *err;
};

static int no_part(struct lines *in, const char *expected)
{
	s2_error_set(in->err, 1, "%.80s:%u: expected %s", in->path, in->number, expected);
	return -EINVAL;
}

static bool next(struct lines *in)
{
	size_t len;

	in->number++;
	if (!fgets(in->text, sizeof(in->text), in->file))
		return false;
	len = strlen(in->text);
	in->sum = in->next_sum;
	in->next_sum = s2_fnv_bytes(in->sum, in->text, len);
	if (!len || in->text[len - 1] != '\n')
		return false;
	in->text[len - 1] = '\0';
	return true;
}

/* The value of a line that begins with @name, or NULL. */
static const char *value_of(struct lines *in, const char *name)
{
	const size_t len = strlen(name);

	if (!next(in) || strncmp(in->text, name, len) || in->text[len] != ' ')
		return NULL;
	return in->text + len + 1;
}

static int read_text(struct lines *in, const char *name, char *out, size_t size)
{
	const char *value = value_of(in, name);

	if (!value || strlen(value) >= size)
		return no_part(in, name);
	snprintf(out, size, "%s", value);
	return 0;
}

static int read_number(struct lines *in, const char *name, int base, uint64_t *out)
{
	const char *value = value_of(in, name);
	char *rest = NULL;

	errno = 0;
	if (value && *value && *value != '-')
		*out = strtoull(value, &rest, base);
	return rest && !*rest && !errno ? 0 : no_part(in, name);
}

static int read_head(struct lines *in, struct s2_search_part *part)
{
	char version[32];
	uint64_t n = 0;
	int ret;

	if (!next(in) || strcmp(in->text, FORMAT))
		return no_part(in, FORMAT);
	ret = read_text(in, "version", version, sizeof(version));
	if (!ret && strcmp(version, S2_VERSION))
		return no_part(in, "version " S2_VERSION);
	if (!ret)
		ret = read_text(in, "scenario", part->scenario, sizeof(part->scenario));
	if (!ret)
		ret = read_text(in, "contract", part->contract, sizeof(part->contract));
	if (!ret)
		ret = read_number(in, "preemptions", 10, &n);
	part->preemptions = (uint32_t)n;
	if (!ret)
		ret = read_number(in, "most-steps", 10, &part->steps);
	if (!ret)
		ret = read_number(in, "pruning", 10, &n);
	part->pruning = n != 0;
	return ret ? ret : read_number(in, "body", 16, &part->result.body);
}

static int read_shard(struct lines *in, struct s2_search_part *part)
{
	const char *value = value_of(in, "shard");

	if (!value || sscanf(value, "%" SCNu32 "/%" SCNu32, &part->shard, &part->shards) != 2 ||
	    !part->shard || part->shard > part->shards)
		return no_part(in, "shard I/N");
	return 0;
}

static int read_end(struct lines *in, enum s2_explore_end *out)
{
	const char *value = value_of(in, "end");

	for (unsigned i = 0; value && i < S2_EXPLORE_ENDS; i++) {
		if (strcmp(value, ends[i]))
			continue;
		*out = (enum s2_explore_end)i;
		return 0;
	}
	return no_part(in, "an end");
}

static int read_figures(struct lines *in, struct s2_explore_result *r)
{
	const struct {
		const char *name;
		uint64_t *out;
	} figures[] = {{"states", &r->states}, {"schedules", &r->schedules},
		       {"pruned", &r->pruned}, {"steps", &r->steps},
		       {"depth", &r->depth},
		       {"whole-at", &r->whole_at}};
	uint64_t n = 0;
	int ret = read_end(in, &r->end);

	for (size_t i = 0; !ret && i < sizeof(figures) / sizeof(figures[0]); i++)
		ret = read_number(in, figures[i].name, 10, figures[i].out);
	if (!ret)
		ret = read_number(in, "searched", 10, &n);
	r->preemptions = (uint32_t)n;
	if (!ret)
		ret = read_number(in, "kind", 10, &n);
	if (!ret && n > S2_EXPLORE_LOCK_HELD)
		return no_part(in, "a kind");
	r->kind = (enum s2_explore_kind)n;
	if (!ret && r->kind != S2_EXPLORE_NOTHING)
		ret = read_text(in, "text", r->text, sizeof(r->text));
	return ret;
}

static int add_run(struct lines *in, struct s2_explore_result *r)
{
	unsigned thread;
	size_t n;
	uint8_t *schedule;

	if (sscanf(in->text, "thread %u %zu", &thread, &n) != 2 || thread >= S2_EXPLORE_THREADS ||
	    !n || n > STEPS_MAX - r->n_schedule)
		return no_part(in, "thread T STEPS, or done");
	schedule = realloc(r->schedule, r->n_schedule + n);
	if (!schedule)
		return -ENOMEM;
	memset(schedule + r->n_schedule, (int)thread, n);
	r->schedule = schedule;
	r->n_schedule += n;
	return 0;
}

static int read_done(struct lines *in)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "done %016" PRIx64, in->sum);
	if (strcmp(in->text, expected))
		return no_part(in, "the hash of the lines above: the file was edited");
	return fgetc(in->file) == EOF ? 0 : no_part(in, "nothing behind it");
}

static int read_part(struct lines *in, struct s2_search_part *part)
{
	int ret = read_head(in, part);

	if (!ret)
		ret = read_shard(in, part);
	if (!ret)
		ret = read_figures(in, &part->result);
	while (!ret) {
		if (!next(in))
			return no_part(in, "done: the file is cut");
		if (!strncmp(in->text, "done ", 5))
			return read_done(in);
		ret = add_run(in, &part->result);
	}
	return ret;
}

int s2_search_part_read(const char *path, struct s2_search_part *part, struct s2_error *err)
{
	struct lines in = {.path = path, .next_sum = S2_FNV_START, .err = err};
	int ret;

	memset(part, 0, sizeof(*part));
	in.file = fopen(path, "r");
	if (!in.file) {
		s2_error_set(err, 1, "%.80s: %s", path, strerror(errno));
		return -EIO;
	}
	ret = read_part(&in, part);
	fclose(in.file);
	if (ret)
		s2_explore_result_free(&part->result);
	return ret;
}
