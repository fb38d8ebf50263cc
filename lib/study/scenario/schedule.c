/* SPDX-License-Identifier: MIT */
#include "study/scenario/schedule.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/scenario/matrix.h"
#include "study/scenario/scenarios.h"

/* Longest schedule that a file may hold. */
#define MAX_STEPS 1000000U

struct teller {
	const struct s2_scenario *scenario;
	FILE *out;
	int thread; /* who made the step before, or -1 */
	void (*pause)(void);
};

static void tell_insn(FILE *out, const struct s2_insn *insn)
{
	switch (insn->op) {
	case S2_OP_PTE_READ:
	case S2_OP_PTE_WRITE:
		fprintf(out, " [0x%" PRIx64 "] %s 0x%" PRIx64, insn->addr,
			insn->op == S2_OP_PTE_READ ? "is" : "becomes", insn->value);
		break;
	case S2_OP_TABLE_ALLOC:
	case S2_OP_TABLE_FREE:
		fprintf(out, " page 0x%" PRIx64, insn->addr);
		break;
	case S2_OP_VMID_SWITCH:
	case S2_OP_SYSREG_WRITE:
		fprintf(out, " 0x%" PRIx64, insn->value);
		break;
	default:
		if (insn->value)
			fprintf(out, " 0x%" PRIx64, insn->value);
		break;
	}
	if (insn->site)
		fprintf(out, "  (%s)", insn->site);
}

static void tell_step(void *arg, const struct s2_explore_step *step)
{
	struct teller *t = arg;

	if (t->thread != (int)step->thread)
		fprintf(t->out, "  -- %s\n", t->scenario->threads[step->thread].name);
	t->thread = (int)step->thread;
	fprintf(t->out, "%6" PRIu64 "  %s", step->index + 1, step->what);
	if (step->insn)
		tell_insn(t->out, step->insn);
	fputc('\n', t->out);
	if (t->pause)
		t->pause();
}

static int tell(const struct s2_scenario *scenario, const uint8_t *schedule, size_t n, FILE *out,
		void (*pause)(void), bool *found)
{
	struct teller t = {scenario, out, -1, pause};
	struct s2_explore_result r;
	int ret = s2_explore_replay(scenario, schedule, n, tell_step, &t, &r);

	if (!ret && r.kind != S2_EXPLORE_NOTHING)
		fprintf(out, "  => %s\n", r.text);
	*found = r.kind != S2_EXPLORE_NOTHING;
	s2_explore_result_free(&r);
	return ret;
}

int s2_schedule_print(const struct s2_scenario *scenario, const uint8_t *schedule, size_t n,
		      FILE *out)
{
	bool found;

	return tell(scenario, schedule, n, out, NULL, &found);
}

static void write_runs(FILE *file, const uint8_t *schedule, size_t n)
{
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && schedule[i + run] == schedule[i];)
			run++;
		fprintf(file, "thread %u %zu\n", schedule[i], run);
	}
}

/* Which column of the matrix alone counts, if it is one. */
static const char *only_column(const struct s2_scenario *scenario)
{
	for (unsigned c = 0; c < S2_MATRIX_COLUMNS; c++) {
		struct s2_scenario asked = *scenario;

		s2_matrix_ask(c, &asked);
		if (asked.rules == scenario->rules && asked.contracts == scenario->contracts)
			return s2_matrix_column(c);
	}
	return NULL;
}

int s2_schedule_save(const char *path, const struct s2_scenario *scenario, const uint8_t *schedule,
		     size_t n, struct s2_error *err)
{
	const char *column = only_column(scenario);
	FILE *file = fopen(path, "w");
	int ret = 0;

	if (file) {
		fprintf(file,
			"# s2-explore schedule, one run of a thread's steps a line\n"
			"scenario %s\n",
			scenario->name);
		if (column)
			fprintf(file, "contract %s\n", column);
		write_runs(file, schedule, n);
		ret = ferror(file);
		ret |= fclose(file);
	}
	if (file && !ret)
		return 0;
	ret = errno ? -errno : -EIO;
	s2_error_set(err, 1, "%s: %s", path, strerror(-ret));
	return ret;
}

/* A schedule as it is read. */
struct schedule {
	struct s2_scenario_variant variant;
	const struct s2_scenario *scenario; /* its, once it is known */
	uint8_t *thread;
	size_t n;
};

static int add_run(struct schedule *s, unsigned thread, unsigned long n)
{
	uint8_t *grown;

	if (!s->scenario || thread >= s->scenario->n_threads || !n || n > MAX_STEPS - s->n)
		return -EINVAL;
	grown = realloc(s->thread, s->n + n);
	if (!grown)
		return -ENOMEM;
	memset(grown + s->n, (int)thread, n);
	s->thread = grown;
	s->n += n;
	return 0;
}

static int read_line(struct schedule *s, const char *line)
{
	char name[96], extra;
	unsigned thread;
	unsigned long n;

	if (*line == '#' || *line == '\n')
		return 0;
	if (sscanf(line, "scenario %95s %c", name, &extra) == 1 && !s->scenario) {
		if (s2_scenario_variant(name, &s->variant))
			return -EINVAL;
		s->scenario = &s->variant.named.scenario;
		return 0;
	}
	if (sscanf(line, "contract %95s %c", name, &extra) == 1 && s->scenario) {
		const int column = s2_matrix_column_find(name);

		if (column >= 0)
			s2_matrix_ask((unsigned)column, &s->variant.named.scenario);
		return column < 0 ? -EINVAL : 0;
	}
	if (sscanf(line, "thread %u %lu %c", &thread, &n, &extra) != 2)
		return -EINVAL;
	return add_run(s, thread, n);
}

static int read_file(FILE *file, const char *path, struct schedule *s, struct s2_error *err)
{
	char line[256];
	unsigned long number = 0;
	int ret = 0;

	while (!ret && fgets(line, sizeof(line), file)) {
		number++;
		ret = read_line(s, line);
	}
	if (ret == -EINVAL)
		s2_error_set(err, 1,
			     "%s:%lu: expected \"scenario NAME\", then lines \"thread N STEPS\"",
			     path, number);
	if (!ret && !s->scenario) {
		s2_error_set(err, 1, "%s: expected a line \"scenario NAME\"", path);
		return -EINVAL;
	}
	return ret;
}

int s2_schedule_replay(const char *path, FILE *out, void (*pause)(void), bool *found,
		       struct s2_error *err)
{
	struct schedule s = {.scenario = NULL};
	FILE *file = fopen(path, "r");
	int ret;

	if (!file) {
		ret = -errno;
		s2_error_set(err, 1, "%s: %s", path, strerror(-ret));
		return ret;
	}
	ret = read_file(file, path, &s, err);
	fclose(file);
	if (!ret) {
		ret = tell(s.scenario, s.thread, s.n, out, pause, found);
		if (ret)
			s2_error_set(err, 1, "%s: %s", path,
				     ret == -EINVAL ? "a step that its thread cannot make"
						    : strerror(-ret));
	}
	free(s.thread);
	return ret;
}
