/* SPDX-License-Identifier: MIT */
/*
 * s2-speed: how fast the table operations are, each beside a floor that does
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

#include <stage2sim/pgtable.h>

#include "speed-floor.h"
#include "study/options.h"

#define PAGE	 UINT64_C(4096)
#define GIB	 (UINT64_C(1) << 30)
#define BLOCK	 (UINT64_C(2) << 20)
#define BASE	 GIB
#define MAX_RUNS 99
#define RW	 (S2_PROT_R | S2_PROT_W)

struct settings {
	uint64_t memory, runs;
	const char *machine, *only;
	int format;
	bool help, version;
};

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
	OPTION(FLAG, version, "version", NULL, NULL, "the version"),
};

/* What one operation is tried on: ours and the floor's tables, over the same pages. */
struct rig {
	uint64_t pages;
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_mmu *mmu;
	struct floor *floor;
	uint64_t sink; /* what keeps look-ups from being optimised away */
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void ensure(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "s2-speed: %s failed\n", what);
	exit(2);
}

/* A permutation of the pages: visits each once, far from the one before. */
static uint64_t scatter(uint64_t i, uint64_t pages)
{
	return (i * UINT64_C(0x9e3779b97f4a7c15) + 12345) & (pages - 1);
}

static struct s2_range page_at(uint64_t i)
{
	return s2_range(BASE + i * PAGE, PAGE);
}

static struct s2_range everything(const struct rig *r)
{
	return s2_range(BASE, r->pages * PAGE);
}

static int map_at(struct rig *r, struct s2_range range)
{
	return s2_pgtable_map(r->mmu, r->cpu, range, s2_pa(range.ipa.v), RW, NULL, S2_MAP_FAULT);
}

/* ---- ours ---- */

static void map_each(struct rig *r)
{
	int ret = 0;

	for (uint64_t i = 0; i < r->pages; i++)
		ret |= map_at(r, page_at(i));
	ensure(!ret, "map");
}

static void map_random(struct rig *r)
{
	int ret = 0;

	for (uint64_t i = 0; i < r->pages; i++)
		ret |= map_at(r, page_at(scatter(i, r->pages)));
	ensure(!ret, "map");
}

static void map_range(struct rig *r)
{
	ensure(!s2_pgtable_map(r->mmu, r->cpu, everything(r), s2_pa(BASE), RW, NULL,
			       S2_MAP_FORCE_PTE),
	       "map");
}

static void map_blocks(struct rig *r)
{
	int ret = 0;

	for (uint64_t i = 0; i < r->pages; i += BLOCK / PAGE)
		ret |= map_at(r, s2_range(BASE + i * PAGE, BLOCK));
	ensure(!ret, "map");
}

static void unmap_each(struct rig *r)
{
	int ret = 0;

	for (uint64_t i = 0; i < r->pages; i++)
		ret |= s2_pgtable_unmap(r->mmu, r->cpu, page_at(i));
	ensure(!ret, "unmap");
}

static void unmap_range(struct rig *r)
{
	ensure(!s2_pgtable_unmap(r->mmu, r->cpu, everything(r)), "unmap");
}

static void wrprotect(struct rig *r)
{
	ensure(!s2_pgtable_wrprotect(r->mmu, r->cpu, everything(r)), "wrprotect");
}

static void flush(struct rig *r)
{
	ensure(!s2_pgtable_flush(r->mmu, r->cpu, everything(r)), "flush");
}

static void destroy(struct rig *r)
{
	ensure(!s2_pgtable_destroy(r->mmu, r->cpu), "destroy");
}

static void split(struct rig *r)
{
	ensure(!s2_pgtable_split(r->mmu, r->cpu, everything(r), NULL), "split");
}

static void lookup(struct rig *r)
{
	struct s2_leaf leaf;

	for (uint64_t i = 0; i < r->pages; i++) {
		s2_pgtable_lookup(r->mmu, NULL, page_at(scatter(i, r->pages)).ipa, &leaf);
		r->sink += leaf.pa.v;
	}
}

/* ---- the floor's counterparts ---- */

static void floor_map_each(struct rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		floor_map(r->floor, i);
}

static void floor_map_random(struct rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		floor_map(r->floor, scatter(i, r->pages));
}

static void floor_map_all(struct rig *r)
{
	floor_map_range(r->floor, r->pages);
}

static void floor_unmap_each(struct rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		floor_unmap(r->floor, i);
}

static void floor_unmap_all(struct rig *r)
{
	floor_unmap_range(r->floor, r->pages);
}

static void floor_wrprotect_all(struct rig *r)
{
	r->sink += floor_wrprotect(r->floor, r->pages);
}

static void floor_flush_all(struct rig *r)
{
	r->sink += floor_count(r->floor, r->pages);
}

/* A walk that reads the entries it puts, as the kernel's does. */
static void floor_destroy_all(struct rig *r)
{
	r->sink += floor_count(r->floor, r->pages);
	floor_clear(r->floor);
}

static void floor_lookup(struct rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		r->sink += floor_get(r->floor, scatter(i, r->pages));
}

static void nothing(struct rig *r)
{
	(void)r;
}

/* prepare is not timed; the floor starts from the same state by its own means. */
static const struct row {
	const char *name;
	void (*prepare)(struct rig *r);
	void (*ours)(struct rig *r);
	void (*floor_prepare)(struct rig *r);
	void (*floor)(struct rig *r);
	double goal;
} rows[] = {
	{"map, a call a page", nothing, map_each, nothing, floor_map_each, 2},
	{"map, random order", nothing, map_random, nothing, floor_map_random, 1.6},
	{"map a range", nothing, map_range, nothing, floor_map_all, 2},
	{"unmap, a call a page", map_range, unmap_each, floor_map_all, floor_unmap_each, 2},
	{"unmap a range", map_range, unmap_range, floor_map_all, floor_unmap_all, 2},
	{"write-protect a range", map_range, wrprotect, floor_map_all, floor_wrprotect_all, 2},
	{"flush a range", map_range, flush, floor_map_all, floor_flush_all, 2},
	{"destroy", map_range, destroy, floor_map_all, floor_destroy_all, 2},
	{"split 2 MiB to 4 KiB", map_blocks, split, nothing, floor_map_all, 2},
	{"look-up, random", map_range, lookup, floor_map_all, floor_lookup, 1.5},
};

static void rig_up(struct rig *r, const struct s2_features *features)
{
	const struct s2_machine_config cfg = {.features = *features, .cpus = 1};

	ensure(!s2_machine_create(&cfg, &r->m), "machine");
	r->cpu = s2_machine_cpu(r->m, 0);
	r->floor = floor_create(r->pages);
	ensure(r->floor != NULL, "floor");
}

static void rig_down(struct rig *r)
{
	s2_machine_destroy(r->m);
	floor_free(r->floor);
}

/* Empty tables on both sides, in memory that has been touched before. */
static void clear_tables(struct rig *r, bool first)
{
	const struct s2_mmu_config mmu = {
		.flavour = s2_flavour_find("newest"), .ipa_bits = 40, .vmid = {1}};

	if (!first)
		s2_mmu_free(r->mmu);
	ensure(!s2_mmu_create(r->m, &mmu, &r->mmu), "MMU");
	floor_clear(r->floor);
}

static double timed(struct rig *r, void (*prepare)(struct rig *), void (*work)(struct rig *))
{
	double start;

	prepare(r);
	start = now();
	work(r);
	return (now() - start) / (double)r->pages;
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

static void run_row(const struct row *row, const struct settings *s,
		    const struct s2_features *features, struct figure out[3])
{
	double ours[MAX_RUNS], floors[MAX_RUNS], ratios[MAX_RUNS];
	struct rig r = {.pages = s->memory / PAGE};

	rig_up(&r, features);
	for (uint64_t i = 0; i <= s->runs; i++) {
		double a, b;

		clear_tables(&r, i == 0);
		b = timed(&r, row->floor_prepare, row->floor);
		a = timed(&r, row->prepare, row->ours);
		if (!i)
			continue;
		ours[i - 1] = a;
		floors[i - 1] = b;
		ratios[i - 1] = a / b;
	}
	s2_mmu_free(r.mmu);
	rig_down(&r);
	out[0] = figure_of(ours, s->runs);
	out[1] = figure_of(floors, s->runs);
	out[2] = figure_of(ratios, s->runs);
}

static void print_row(const struct row *row, const struct figure f[3], int format, bool first)
{
	if (format == 0) {
		printf("%-24s %8.2f (%.2f-%.2f) %8.2f %8.2f %6.1f  %s\n", row->name, f[0].median,
		       f[0].min, f[0].max, f[1].median, f[2].median, row->goal,
		       f[2].median <= row->goal ? "reached" : "");
		return;
	}
	printf("%s\n  {\"operation\": \"%s\", \"ns\": %.3f, \"min\": %.3f, \"max\": %.3f, "
	       "\"floor\": %.3f, \"ratio\": %.3f, \"goal\": %.1f}",
	       first ? "" : ",", row->name, f[0].median, f[0].min, f[0].max, f[1].median,
	       f[2].median, row->goal);
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

static void print_all(const struct settings *s, const struct s2_features *features)
{
	char cpu[256];
	bool first = true;

	cpu_name(cpu, sizeof(cpu));
	if (s->format == 0)
		printf("%s; %llu GiB in pages of 4 KiB on %s; ns a page, median (min-max) of %llu "
		       "runs\n\n%-24s %22s %8s %8s %6s\n",
		       cpu, (unsigned long long)(s->memory / GIB), s->machine,
		       (unsigned long long)s->runs, "operation", "ours", "floor", "ratio", "goal");
	else
		printf("{\"program\": \"s2-speed\", \"version\": \"" S2_VERSION
		       "\", \"cpu\": \"%s\", \"machine\": \"%s\", \"memory\": %llu, \"runs\": "
		       "%llu,\n \"results\": [",
		       cpu, s->machine, (unsigned long long)s->memory, (unsigned long long)s->runs);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct figure f[3];

		if (s->only && !strstr(rows[i].name, s->only))
			continue;
		run_row(&rows[i], s, features, f);
		print_row(&rows[i], f, s->format, first);
		fflush(stdout);
		first = false;
	}
	if (s->format)
		puts("\n ]}");
}

static int usage_error(const char *text)
{
	fprintf(stderr, "s2-speed: %s\n", text);
	return 2;
}

int main(int argc, char **argv)
{
	struct settings s;
	const struct s2_option_table table = {
		.options = options, .n = sizeof(options) / sizeof(options[0]), .settings = &s};
	struct s2_command_line line = {0};
	struct s2_error err = {0};
	struct s2_features features;
	int ret = 0;

	if (s2_options_defaults(&table, &err) ||
	    s2_options_scan(&table, 1, argc, argv, &line, &err))
		return usage_error(err.text);
	if (s2_options_apply(&table, 0, &line, &err))
		ret = usage_error(err.text);
	else if (s.help)
		s2_options_help(&table, stdout);
	else if (s.version)
		puts("s2-speed " S2_VERSION);
	else if (s.memory & (s.memory - 1))
		ret = usage_error("--memory: expected a power of two");
	else if (s2_features_parse(s.machine, &features, NULL))
		ret = usage_error("--machine: unknown preset or feature");
	else
		print_all(&s, &features);
	s2_command_line_free(&line);
	return ret;
}
