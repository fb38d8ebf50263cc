/* SPDX-License-Identifier: MIT */
#include "study/check/schedule.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/check/scenarios.h"

/* Longest schedule that a file may hold. */
#define MAX_STEPS 1000000U

struct teller {
	const struct s2_scenario *scenario;
	FILE *out;
	int thread; /* who made the step before, or -1 */
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
}

static int tell(const struct s2_scenario *scenario, const uint8_t *schedule, size_t n, FILE *out,
		bool *found)
{
	struct teller t = {scenario, out, -1};
	struct s2_explore_result r;
	int ret = s2_explore_replay(scenario, schedule, n, tell_step, &t, &r);

	if (!ret && r.kind != S2_EXPLORE_NOTHING)
		fprintf(out, "  => %s\n", r.text);
	*found = r.kind != S2_EXPLORE_NOTHING;
	s2_explore_result_free(&r);
	return ret;
}

int s2_schedule_print(const struct s2_scenario *scenario, const uint8_t *schedule, size_t n, FILE *out)
{
	bool found;

	return tell(scenario, schedule, n, out, &found);
}

static void write_runs(FILE *file, const uint8_t *schedule, size_t n)
{
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && schedule[i + run] == schedule[i];)
			run++;
		fprintf(file, "thread %u %zu\n", schedule[i], run);
	}
}

int s2_schedule_save(const char *path, const char *name, const uint8_t *schedule, size_t n,
		  struct s2_error *err)
{
	FILE *file = fopen(path, "w");
	int ret = 0;

	if (file) {
		fprintf(file, "# s2-explore schedule, one run of a thread's steps a line\n"
			      "scenario %s\n",
			name);
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
	const struct s2_scenario *scenario;
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
	char name[64], extra;
	unsigned thread;
	unsigned long n;

	if (*line == '#' || *line == '\n')
		return 0;
	if (sscanf(line, "scenario %63s %c", name, &extra) == 1 && !s->scenario) {
		const struct s2_named_scenario *named = s2_scenario_find(name);

		s->scenario = named ? &named->scenario : NULL;
		return named ? 0 : -EINVAL;
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

int s2_schedule_replay(const char *path, FILE *out, bool *found, struct s2_error *err)
{
	struct schedule s = {NULL, NULL, 0};
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
		ret = tell(s.scenario, s.thread, s.n, out, found);
		if (ret)
			s2_error_set(err, 1, "%s: %s", path,
				     ret == -EINVAL ? "a step that its thread cannot make"
						    : strerror(-ret));
	}
	free(s.thread);
	return ret;
}
