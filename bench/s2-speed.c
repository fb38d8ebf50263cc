/* SPDX-License-Identifier: MIT */
/*
 * s2-speed: how fast the model is, each operation beside a floor that does
 * only the memory work that nobody can avoid.
 *
 * Single-threaded, judged by CPU time.  Each figure is the median of several
 * runs after a warm-up; the ratio is taken run by run, so that it holds while
 * the machine's speed drifts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "speed-rows.h"
#include "study/option/machine.h"
#include "study/option/options.h"
#include "study/run/tool.h"

#define PAGE	 UINT64_C(4096)
#define GIB	 (UINT64_C(1) << 30)
#define MAX_RUNS 99

struct settings {
	uint64_t memory, runs;
	const char *machine, *only;
	int format;
	bool help, version;
};

static struct settings settings;

static const char *const formats[] = {"table", "json", NULL};

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(SIZE, memory, "memory", "SIZE", "64G", "guest memory, in pages of 4 KiB", .min = GIB,
	       .max = 512 * GIB),
	OPTION(U64, runs, "runs", "N", "5", "counted runs, after one that is not", .min = 1,
	       .max = MAX_RUNS),
	OPTION(STRING, machine, "machine", "SPEC", "neoverse-n1,-repeat_tlbi",
	       "the simulated machine"),
	OPTION(STRING, only, "only", "WORD", NULL, "only operations whose name has this word"),
	OPTION(CHOICE, format, "format", NULL, "table", "how to print it", .choices = formats),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h'),
	OPTION(FLAG, version, "version", NULL, NULL, "the version", .letter = 'V'),
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double timed(struct speed_rig *r, speed_fn *prepare, speed_fn *work)
{
	double start;

	prepare(r);
	start = now();
	work(r);
	return (now() - start) / (double)r->pages;
}

/* ns a page as what the row is told in. */
static double figure_in(enum speed_kind kind, double ns, uint64_t pages)
{
	switch (kind) {
	case SPEED_RATE:
		return 1e3 / ns;
	case SPEED_MS_128G:
		/* Two pages of lines for each page of tables. */
		return ns * 1e-6 * (double)pages * (128.0 * (double)GIB) /
		       (2.0 * (double)pages * (double)PAGE);
	default:
		return ns;
	}
}

static const char *unit_of(enum speed_kind kind)
{
	static const char *const units[] = {
		[SPEED_RATIO] = "ns",	[SPEED_NS] = "ns",     [SPEED_RATE] = "M/s",
		[SPEED_MS_128G] = "ms", [SPEED_PERCENT] = "%",
	};

	return units[kind];
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct figure {
	double min, median, max;
};

static struct figure figure_of(double *values, uint64_t n)
{
	struct figure f;

	qsort(values, n, sizeof(*values), by_value);
	f.min = values[0];
	f.median = values[n / 2];
	f.max = values[n - 1];
	return f;
}

/* What is told of a row. */
struct result {
	struct figure ours, floor, ratio;
};

static struct result run_row(const struct speed_row *row, const struct settings *s,
			     const struct s2_features *features)
{
	double ours[MAX_RUNS], floors[MAX_RUNS], ratios[MAX_RUNS];
	struct speed_rig r = {.pages = s->memory / PAGE};
	struct result result;

	speed_rig_up(&r, features);
	for (uint64_t i = 0; i <= s->runs; i++) {
		double a, b;

		speed_rig_clear(&r);
		b = figure_in(row->kind, timed(&r, row->floor_prepare, row->floor), r.pages);
		a = figure_in(row->kind, timed(&r, row->prepare, row->ours), r.pages);
		if (!i)
			continue;
		ours[i - 1] = row->measure ? row->measure(&r) : a;
		floors[i - 1] = row->measure ? 0 : b;
		ratios[i - 1] = row->measure ? 0 : a / b;
	}
	speed_rig_down(&r);
	result.ours = figure_of(ours, s->runs);
	result.floor = figure_of(floors, s->runs);
	result.ratio = figure_of(ratios, s->runs);
	return result;
}

static bool reached(const struct speed_row *row, const struct result *f)
{
	switch (row->kind) {
	case SPEED_RATIO:
		return f->ratio.median <= row->goal;
	case SPEED_RATE:
		return f->ours.median >= row->goal;
	default:
		return f->ours.median <= row->goal;
	}
}

static void goal_text(const struct speed_row *row, char *buf, size_t size)
{
	snprintf(buf, size, "%s %g %s", row->kind == SPEED_RATE ? ">=" : "<=", row->goal,
		 row->kind == SPEED_RATIO ? "floors" : unit_of(row->kind));
}

static void print_table_row(const struct speed_row *row, const struct result *f)
{
	char spread[32], goal[24];

	snprintf(spread, sizeof(spread), "(%.2f-%.2f)", f->ours.min, f->ours.max);
	goal_text(row, goal, sizeof(goal));
	printf("%-28s %8.2f %-16s %-4s", row->name, f->ours.median, spread, unit_of(row->kind));
	if (row->measure)
		printf(" %8s %8s", ".", ".");
	else
		printf(" %8.2f %8.2f", f->floor.median, f->ratio.median);
	printf("  %-13s%s\n", goal, reached(row, f) ? " reached" : "");
}

static void print_json_row(const struct speed_row *row, const struct result *f, bool first)
{
	printf("%s\n  {\"operation\": \"%s\", \"unit\": \"%s\", \"median\": %.3f, "
	       "\"min\": %.3f, \"max\": %.3f",
	       first ? "" : ",", row->name, unit_of(row->kind), f->ours.median, f->ours.min,
	       f->ours.max);
	if (!row->measure)
		printf(", \"floor\": %.3f, \"ratio\": %.3f, \"ratio_min\": %.3f, \"ratio_max\": "
		       "%.3f",
		       f->floor.median, f->ratio.median, f->ratio.min, f->ratio.max);
	printf(", \"goal\": %g, \"goal_of\": \"%s\", \"reached\": %s}", row->goal,
	       row->kind == SPEED_RATIO	 ? "ratio, at most"
	       : row->kind == SPEED_RATE ? "median, at least"
					 : "median, at most",
	       reached(row, f) ? "true" : "false");
}

static void cpu_name(char *buf, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(buf, size, "unknown CPU");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10) != 0 || !strchr(line, ':'))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(buf, size, "%s", strchr(line, ':') + 2);
		break;
	}
	if (f)
		fclose(f);
}

static void print_header(const struct settings *s)
{
	char cpu[256];

	cpu_name(cpu, sizeof(cpu));
	if (s->format == 0)
		printf("%s; %llu GiB in pages of 4 KiB on %s; median (min-max) of %llu runs\n\n"
		       "%-28s %8s %-16s %-4s %8s %8s  %s\n",
		       cpu, (unsigned long long)(s->memory / GIB), s->machine,
		       (unsigned long long)s->runs, "operation, ns a page", "ours", "", "", "floor",
		       "ratio", "goal");
	else
		printf("{\"program\": \"s2-speed\", \"version\": \"" S2_VERSION
		       "\", \"cpu\": \"%s\", \"machine\": \"%s\", \"memory\": %llu, \"runs\": "
		       "%llu,\n \"results\": [",
		       cpu, s->machine, (unsigned long long)s->memory, (unsigned long long)s->runs);
}

static void print_all(const struct settings *s, const struct s2_features *features)
{
	bool first = true;

	print_header(s);
	for (size_t i = 0; i < speed_n_rows; i++) {
		const struct speed_row *row = &speed_rows[i];
		struct result f;

		if (s->only && !strstr(row->name, s->only))
			continue;
		f = run_row(row, s, features);
		if (s->format == 0)
			print_table_row(row, &f);
		else
			print_json_row(row, &f, first);
		fflush(stdout);
		first = false;
	}
	if (s->format)
		puts("\n ]}");
}

static const char about[] =
	"Usage: s2-speed [OPTION]...\n"
	"how fast the model is, each operation beside a floor\n\n"
	"Times each operation over all pages of a guest, single-threaded, in CPU time,\n"
	"and a floor beside it: a plain loop over a bare three-level table with a live\n"
	"count per table, which does only the memory work that nobody can avoid.  Where\n"
	"speeds differ from host to host the goal is a ratio, ours / floor, taken run by\n"
	"run; elsewhere it is a figure.  The median of all runs decides.  The simulated\n"
	"machine counts every instruction, and nobody watches them one by one.\n\n";

static void about_end(FILE *out)
{
	fputs("\nOperations, with their goals:\n", out);
	for (size_t i = 0; i < speed_n_rows; i++) {
		char goal[24];

		goal_text(&speed_rows[i], goal, sizeof(goal));
		fprintf(out, "  %s (%s)\n      ", speed_rows[i].name, goal);
		s2_write_wrapped(out, speed_rows[i].about, 6, 80);
	}
	fputs("\nWith 64G it takes a minute and 1.5 GiB; --memory 4G tells nearly the same in\n"
	      "seconds, but for random order, which caches then help.  Exits with 0 whether or\n"
	      "not goals are reached, with 2 if it could not run.\n",
	      out);
}

static bool any_row(const char *word)
{
	for (size_t i = 0; i < speed_n_rows; i++)
		if (strstr(speed_rows[i].name, word))
			return true;
	return false;
}

static int run(const struct s2_command_line *line, struct s2_error *err)
{
	struct s2_features features;

	(void)line;
	if (settings.memory & (settings.memory - 1))
		s2_error_set(err, 1, "--memory: expected a power of two");
	else if (settings.only && !any_row(settings.only))
		s2_error_set(err, 1, "--only: no operation has this word in its name, see --help");
	else if (!s2_machine_parse(settings.machine, &features, err)) {
		print_all(&settings, &features);
		return S2_EXIT_DONE;
	}
	return S2_EXIT_USAGE;
}

static const struct s2_tool tool = {
	.name = "s2-speed",
	.about = about,
	.about_end = about_end,
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.settings = &settings,
	.help = &settings.help,
	.version = &settings.version,
	.machine = &settings.machine,
	.operands = "no operand",
	.run = run,
};

int main(int argc, char **argv)
{
	return s2_tool_main(&tool, argc, argv);
}
