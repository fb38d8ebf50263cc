/* SPDX-License-Identifier: MIT */
/* A sweep as a plot: from a report to lines or a map; see plot.h. */
#include "study/report/plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/report/best.h"
#include "study/base/text.h"

/** An axis is logarithmic if it spans at least this factor. */
#define LOG_SPAN 8

/** Most sets of policies that a map tells apart. */
#define SETS_MAX 64

/** A row of the legend; what is more is counted. */
#define NAME_ROOM 96

/** Characters that a line of the title, or of the caption, has room for. */
#define TITLE_LINE  104
#define TITLE_ROOM  512

/** Beside zeros an axis is logarithmic if what is above them spans at least this factor. */
#define ZERO_SPAN 1000

/** An axis with the memory behind it. */
struct axis {
	struct s2_plot_axis plot;
	double *at;
	char (*room)[S2_TEXT_ROOM];
	const char **texts;
};

/** What is written at a line's end. */
#define LINE_NAME_ROOM 160

/** Lines, each of policies that coincide. */
struct lines {
	char name[S2_OPTION_LIST_MAX][LINE_NAME_ROOM];
	const char *names[S2_OPTION_LIST_MAX];
	const double *y[S2_OPTION_LIST_MAX];
	size_t n;
};

/** Which policies tie for the lowest, as a set, and what that is called. */
struct sets {
	uint64_t members[SETS_MAX];
	char name[SETS_MAX][NAME_ROOM];
	const char *names[SETS_MAX];
	size_t n;
};

static int no_memory(struct s2_error *err)
{
	s2_error_set(err, S2_PLOT_MEMORY, "--plot: out of memory");
	return -ENOMEM;
}

/** Names in words, with units. */
static const char *const words[][2] = {
	{"time", "estimated time (ns)"},
	{"known_time", "known part of the time (ns)"},
	{"toggle_lines", "cache lines cleaned at toggles"},
	{"toggle_time", "time of cleaning at toggles (ns)"},
	{"cleans", "cleans of the whole VM"},
	{"mapped", "memory mapped (bytes)"},
	{"lock_hold_max", "longest hold of mmu_lock (operations)"},
	{"no_resched_max", "longest stretch without a reschedule (operations)"},
	{"dc_civac", "cache lines cleaned and invalidated"},
	{"pte_read", "descriptors read"},
	{"pte_write", "descriptors written"},
	{"flush_calls", "TLB flush calls"},
	{"flush_work", "flushes (flush sequences)"},
	{"refills", "translations walked for again"},
	{"work", "flushes and refills (flush sequences)"},
	{"clears", "ioctls that clear the log"},
	{"vcpu_probe", "MPIDRs compared"},
	{"irq_lock", "interrupt locks taken"},
	{"targets", "targets named"},
	{"sysreg_trap", "trapped register accesses"},
	{"s2_fault", "stage-2 faults"},
	{"vcpus", "virtual CPUs"},
	{"memory", "memory of the guest (bytes)"},
	{"slot", "memory slot (bytes)"},
	{"backing", "pages of the host (bytes)"},
	{"dirty", "dirty pages in a round"},
	{"chunk", "memory that one clear covers (bytes)"},
	{"ratio", "cost of a refill (flush sequences)"},
	{"working-set", "working set of a vcpu (bytes)"},
	{"vms", "VMs, one after another"},
};

static const char *in_words(const char *name)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i][0], name))
			return words[i][1];
	return name;
}

static void free_axis(struct axis *axis)
{
	free(axis->at);
	free(axis->room);
	free(axis->texts);
}

/** Values that are no numbers stand side by side, in their order. */
static double position(const struct s2_value *value, size_t i)
{
	switch (value->kind) {
	case S2_OPTION_U64:
	case S2_OPTION_SIZE:
	case S2_OPTION_PAGES:
		return (double)value->number;
	case S2_OPTION_REAL:
		return value->real;
	default:
		return (double)i;
	}
}

static bool rises(const struct axis *axis)
{
	for (size_t i = 1; i < axis->plot.n; i++)
		if (axis->at[i] <= axis->at[i - 1])
			return false;
	return true;
}

/** Axis number @p a, whose next value is @p stride points on. */
static int make_axis(const struct s2_report *report, size_t a, size_t stride, struct axis *axis,
		     struct s2_error *err)
{
	const size_t n = report->axis_values[a];

	axis->at = calloc(n, sizeof(*axis->at));
	axis->room = calloc(n, sizeof(*axis->room));
	axis->texts = calloc(n, sizeof(*axis->texts));
	if (axis->at == NULL || axis->room == NULL || axis->texts == NULL)
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		const struct s2_pair *pair;

		pair = s2_point_find(&report->points[i * stride], report->axes[a]);
		if (pair == NULL)
			return -EINVAL;
		axis->at[i] = position(&pair->value, i);
		axis->texts[i] = s2_value_text(&pair->value, axis->room[i], S2_TEXT_ROOM);
	}
	axis->plot = (struct s2_plot_axis){in_words(report->axes[a]), axis->at, axis->texts, n, false};
	axis->plot.log = axis->at[0] > 0 && axis->at[n - 1] >= LOG_SPAN * axis->at[0];
	if (rises(axis))
		return 0;
	s2_error_set(err, S2_PLOT_SHAPE,
		     "--plot: the values of %s do not rise, expected a sweep that "
		     "does",
		     report->axes[a]);
	return -EINVAL;
}

/** Breaks @p text at spaces, in place, so that no line is longer than a title's. */
static void break_lines(char *text)
{
	char *line = text, *space = NULL;

	for (char *c = text; *c != '\0'; c++) {
		if (*c == ' ')
			space = c;
		if (c - line < TITLE_LINE || space == NULL)
			continue;
		*space = '\n';
		line = space + 1;
		space = NULL;
	}
}

/** What is drawn, and on what. */
static void write_title(const struct s2_report *report, const char *what, char title[TITLE_ROOM])
{
	(void)snprintf(title, TITLE_ROOM, "%s: %s%s%s%s%s", report->program, what,
		       report->machine != NULL ? ", " : "",
		       report->machine != NULL ? report->machine : "",
		       report->flavour != NULL ? ", " : "",
		       report->flavour != NULL ? report->flavour : "");
	break_lines(title);
}

/** All that would be needed to draw it again. */
static void write_caption(const struct s2_report *report, char caption[TITLE_ROOM])
{
	s2_point_text(report, &report->points[0], caption, TITLE_ROOM);
	break_lines(caption);
}

/** The metric, in words. */
static const char *metric_label(const struct s2_report *report)
{
	return in_words(report->metric);
}

/** Whether the lines need a logarithmic axis; and where on it zeros are. */
static void choose_y(struct s2_plot_lines *plot)
{
	double least = INFINITY, most = 0;
	bool zeros = false;

	for (size_t i = 0; i < plot->n_lines * plot->x.n; i++) {
		const double v = plot->y[i / plot->x.n][i % plot->x.n];

		zeros |= v <= 0;
		least = v > 0 && v < least ? v : least;
		most = v > most ? v : most;
	}
	plot->y_log = !zeros || most >= ZERO_SPAN * least;
	plot->zero = zeros && plot->y_log ? pow(10, floor(log10(least)) - 1) : 0;
}

static bool same_line(const double *a, const double *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(isnan(a[i]) && isnan(b[i])) && !(fabs(a[i] - b[i]) <= 1e-9 * fabs(b[i])))
			return false;
	return true;
}

/** Policies that coincide everywhere are one line, with all their names. */
static void add_line(struct lines *l, const char *policy, const double *y, size_t n)
{
	for (size_t k = 0; k < l->n; k++) {
		const size_t used = strlen(l->name[k]);

		if (!same_line(l->y[k], y, n))
			continue;
		(void)snprintf(l->name[k] + used, LINE_NAME_ROOM - used, "\n= %s", policy);
		return;
	}
	(void)snprintf(l->name[l->n], LINE_NAME_ROOM, "%s", policy);
	l->names[l->n] = l->name[l->n];
	l->y[l->n++] = y;
}

static int draw_lines(const char *path, const struct s2_report *report, double *y, struct axis *x,
		      struct s2_error *err)
{
	const size_t n = report->points[0].n_results;
	char title[TITLE_ROOM], caption[TITLE_ROOM];
	struct lines *l = calloc(1, sizeof(*l));
	struct s2_plot_lines plot;
	int r;

	if (l == NULL)
		return no_memory(err);
	write_title(report, report->summary, title);
	write_caption(report, caption);
	for (size_t k = 0; k < n; k++) {
		double *row = &y[k * report->n_points];

		for (size_t p = 0; p < report->n_points; p++)
			row[p] = s2_result_metric(&report->points[p].results[k], report->metric);
		add_line(l, report->points[0].results[k].policy, row, report->n_points);
	}
	plot = (struct s2_plot_lines){title, caption, x->plot, metric_label(report),
				      true,  0,	      l->names, l->y,
				      l->n};
	choose_y(&plot);
	r = s2_plot_lines(path, &plot, err);
	free(l);
	return r;
}

static int plot_lines(const char *path, const struct s2_report *report, struct s2_error *err)
{
	double *y = calloc(report->n_points * report->points[0].n_results, sizeof(*y));
	struct axis x = {0};
	int r;

	r = y != NULL ? make_axis(report, 0, 1, &x, err) : no_memory(err);
	if (r == 0)
		r = draw_lines(path, report, y, &x, err);
	free_axis(&x);
	free(y);
	return r;
}

static void name_set(const struct s2_point *point, uint64_t members, char name[NAME_ROOM])
{
	static const char more[] = " = 63 more";
	size_t at = 0;
	unsigned left_out = 0;

	for (size_t i = 0; i < point->n_results; i++) {
		const char *policy = point->results[i].policy;

		if (!(members >> i & 1))
			continue;
		if (left_out || at + strlen(policy) + sizeof(" = ") + sizeof(more) > NAME_ROOM)
			left_out++;
		else
			at += (size_t)snprintf(name + at, NAME_ROOM - at, "%s%s", at ? " = " : "",
					       policy);
	}
	if (left_out)
		(void)snprintf(name + at, NAME_ROOM - at, " = %u more", left_out);
}

/** The index of the set of policies that are best at @p point. */
static size_t find_set(const struct s2_report *report, const struct s2_point *point,
		       const struct s2_best *best, struct sets *sets)
{
	uint64_t members = 0;

	for (size_t i = 0; i < point->n_results; i++)
		if (s2_best_is(report, point, i, best))
			members |= UINT64_C(1) << i;
	if (members == 0)
		return S2_MAP_NONE;
	for (size_t k = 0; k < sets->n; k++)
		if (sets->members[k] == members)
			return k;
	if (sets->n == SETS_MAX)
		return S2_MAP_NONE;
	sets->members[sets->n] = members;
	name_set(point, members, sets->name[sets->n]);
	sets->names[sets->n] = sets->name[sets->n];
	return sets->n++;
}

/** The last axis, which runs fastest, is drawn from left to right. */
static int draw_map(const char *path, const struct s2_report *report, size_t *best, double *margin,
		    struct sets *sets, struct s2_error *err)
{
	struct axis x = {0}, y = {0};
	char title[TITLE_ROOM], what[2 * NAME_ROOM], caption[TITLE_ROOM];
	int r = make_axis(report, 1, 1, &x, err);

	if (r == 0)
		r = make_axis(report, 0, report->axis_values[1], &y, err);
	for (size_t p = 0; p < report->n_points; p++) {
		const struct s2_best b = s2_best_find(report, &report->points[p]);

		best[p] = find_set(report, &report->points[p], &b, sets);
		margin[p] = b.value > 0 ? b.next / b.value : (double)NAN;
	}
	(void)snprintf(what, sizeof(what), "least %s, and how many times that the next policy has",
		       metric_label(report));
	write_title(report, what, title);
	write_caption(report, caption);
	if (r == 0) {
		const struct s2_plot_map plot = {title,	      caption, x.plot, y.plot,
						 sets->names, sets->n, best,   margin};

		r = s2_plot_map(path, &plot, err);
	}
	free_axis(&x);
	free_axis(&y);
	return r;
}

static int plot_map(const char *path, const struct s2_report *report, struct s2_error *err)
{
	size_t *best = calloc(report->n_points, sizeof(*best));
	double *margin = calloc(report->n_points, sizeof(*margin));
	struct sets *sets = calloc(1, sizeof(*sets));
	int r;

	if (best != NULL && margin != NULL && sets != NULL)
		r = draw_map(path, report, best, margin, sets, err);
	else
		r = no_memory(err);
	free(best);
	free(margin);
	free(sets);
	return r;
}

int s2_plot_report(const char *path, const struct s2_report *report, struct s2_error *err)
{
	if (report->n_axes == 1)
		return plot_lines(path, report, err);
	if (report->n_axes == 2)
		return plot_map(path, report, err);
	s2_error_set(err, S2_PLOT_SHAPE, "--plot: got a sweep of %zu options, expected one or two",
		     report->n_axes);
	return -EINVAL;
}
