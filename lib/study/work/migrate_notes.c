/* SPDX-License-Identifier: MIT */
/* What s2-migrate says below its table; see migrate_notes.h. */
#include "study/work/migrate_notes.h"

#include <string.h>

/* Shares of the 2026 profile, before and after the patch, in per cent. */
#define PROTECT_BEFORE 9.38
#define PROTECT_AFTER  0.96
#define SEND_BEFORE    43.41
#define SEND_AFTER     38.97
#define CLEAR_BEFORE   26.74
#define FLUSH_BEFORE   9.67
#define FLUSH_AFTER    0.03

static double flush_work(const struct s2_point *point, size_t i)
{
	return s2_result_metric(&point->results[i], "flush_work");
}

static double migrate_notes_refills(const struct s2_point *point, size_t i)
{
	return s2_result_metric(&point->results[i], "refills");
}

bool s2_migrate_wins(const struct s2_point *point, size_t i)
{
	for (size_t k = 0; k < point->n_results; k++) {
		if (!point->results[k].applies)
			continue;
		if (flush_work(point, k) < flush_work(point, i) ||
		    migrate_notes_refills(point, k) < migrate_notes_refills(point, i))
			return false;
	}
	return point->results[i].applies;
}

double s2_migrate_crossing(const struct s2_point *point, size_t i, size_t k)
{
	double work = flush_work(point, i) - flush_work(point, k);
	double lost = migrate_notes_refills(point, k) - migrate_notes_refills(point, i);

	return lost != 0 && work / lost > 0 ? work / lost : -1;
}

/* A choice by cost is made for one ratio, and says nothing of others. */
static bool is_fixed(const struct s2_result *result)
{
	return strstr(result->policy, "by-cost") == NULL;
}

/* Nobody else has both less work and fewer refills. */
static bool is_candidate(const struct s2_point *point, size_t i)
{
	if (!point->results[i].applies || !is_fixed(&point->results[i]))
		return false;
	for (size_t k = 0; k < point->n_results; k++) {
		double work = flush_work(point, k) - flush_work(point, i);
		double lost = migrate_notes_refills(point, k) - migrate_notes_refills(point, i);

		if (k == i || !point->results[k].applies || !is_fixed(&point->results[k]))
			continue;
		/* Of two that are equal the first one stands for both. */
		if (work <= 0 && lost <= 0 && (work < 0 || lost < 0 || k < i))
			return false;
	}
	return true;
}

static void note_point(const struct s2_point *point, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; i < point->n_results; i++)
		if (s2_migrate_wins(point, i))
			(void)fprintf(out, "%s %s",
				      n++ ? "," : "whatever a refill costs, none is cheaper than:",
				      point->results[i].policy);
	(void)fputs(n ? "\n" : "no policy is cheapest whatever a refill costs\n", out);
	for (size_t i = 0; i < point->n_results; i++)
		for (size_t k = i + 1; k < point->n_results; k++) {
			double at = s2_migrate_crossing(point, i, k);

			if (at > 0 && is_candidate(point, i) && is_candidate(point, k))
				(void)fprintf(out,
					      "%s and %s cost the same at a refill of %.4g flush "
					      "sequences\n",
					      point->results[i].policy, point->results[k].policy,
					      at);
		}
}

double s2_migrate_cheapest_from(const struct s2_point *point, size_t i)
{
	double from = 0;

	for (size_t k = 0; k < point->n_results; k++) {
		double saved = flush_work(point, i) - flush_work(point, k);
		double lost = migrate_notes_refills(point, k) - migrate_notes_refills(point, i);

		if (k == i || !point->results[k].applies || !is_fixed(&point->results[k]))
			continue;
		/* Fewer refills make @k cheaper sooner or later; no more and less work, at once. */
		if (lost < 0 || (lost == 0 && saved > 0))
			return -1;
		if (lost > 0 && saved / lost > from)
			from = saved / lost;
	}
	return from;
}

/* How one policy did over a sweep, whatever a refill costs. */
struct standing {
	size_t no_dearer; /* than the first policy */
	size_t whatever, from;
	double highest; /* of the ratios from which it is cheapest */
};

static bool no_dearer(const struct s2_point *point, size_t i)
{
	return flush_work(point, i) <= flush_work(point, 0) &&
	       migrate_notes_refills(point, i) <= migrate_notes_refills(point, 0);
}

static struct standing stand(const struct s2_report *report, size_t i)
{
	struct standing s = {0, 0, 0, 0};

	for (size_t p = 0; p < report->n_points; p++) {
		const struct s2_point *point = &report->points[p];
		const double from = s2_migrate_cheapest_from(point, i);

		s.no_dearer += no_dearer(point, i);
		s.whatever += from == 0;
		s.from += from >= 0;
		if (from > s.highest)
			s.highest = from;
	}
	return s;
}

static void note_sweep(const struct s2_report *report, FILE *out)
{
	const struct s2_point *first = &report->points[0];

	(void)fprintf(out,
		      "whatever a refill costs, of %zu points, policies by cost apart:\n"
		      "  %-10s  %14s  %13s  %s\n",
		      report->n_points, "", "never dearer", "cheapest,",
		      "cheapest from some ratio");
	(void)fprintf(out, "  %-10s  %14s  %13s  %s\n", "", "than the first", "whatever it is",
		      "on, and the highest such");
	for (size_t i = 0; i < first->n_results; i++) {
		const struct standing s = stand(report, i);

		if (is_fixed(&first->results[i]))
			(void)fprintf(out, "  %-10s  %14zu  %14zu  %zu, %.3g\n",
				      first->results[i].policy, s.no_dearer, s.whatever, s.from,
				      s.highest);
	}
}

static void note_model(const struct s2_report *report, FILE *out)
{
	const struct s2_pair *how = s2_point_find(&report->points[0], "refills");

	if (how && how->value.text && !strcmp(how->value.text, "tlb"))
		(void)fprintf(out, "refills are counted in a finite TLB of one vcpu, times vcpus; "
				   "each uses its working set again\nbefore each flush\n");
	else
		(void)fprintf(
			out,
			"refills are a bound, not a simulated TLB (--refills tlb): each vcpu has "
			"used its working set\nagain before each flush; a VMID's flush loses "
			"min(working set, --tlb) translations, a range's\nits share\n");
}

/* The thread's own numbers, and what they can and cannot mean. */
static void migrate_notes_note_thread(FILE *out)
{
	const double before = PROTECT_BEFORE / SEND_BEFORE, after = PROTECT_AFTER / SEND_AFTER;
	const double fewer = FLUSH_BEFORE / FLUSH_AFTER;

	(void)fprintf(out,
		      "\nthe 2026 thread's profile, by arithmetic:\n"
		      "  write-protect for each page sent: %.2f / %.2f %% = %.4f before, %.2f / "
		      "%.2f %% = %.4f after,\n"
		      "  %.1f times less; but every policy here protects the same entries "
		      "(pte_write), so the number\n"
		      "  of flushes cannot explain it.  What could: fewer clears for each page "
		      "sent; waiting for\n"
		      "  mmu_lock, billed to who waits; another load\n",
		      PROTECT_BEFORE, SEND_BEFORE, before, PROTECT_AFTER, SEND_AFTER, after,
		      before / after);
	(void)fprintf(
		out,
		"  flushing: %.2f %% -> %.2f %%, %.0f times less; one call in place of one "
		"for each 8 GiB would\n"
		"  be a slot of %.0f x 8 GiB = %.1f TiB (an inference)\n"
		"  sending: with no flush at all, %.2f times as fast (1 / (1 - %.4f)); with no "
		"clear at all,\n"
		"  %.2f times; not 5 times, < 10 to 50 GB/s\n",
		FLUSH_BEFORE, FLUSH_AFTER, fewer, fewer, fewer * 8 / 1024,
		1 / (1 - FLUSH_BEFORE / 100), FLUSH_BEFORE / 100, 1 / (1 - CLEAR_BEFORE / 100));
}

void s2_migrate_notes(const struct s2_report *report, FILE *out)
{
	if (report->n_axes) {
		note_sweep(report, out);
	} else {
		for (size_t i = 0; i < report->n_points; i++) {
			if (report->n_points > 1 && report->points[i].workload)
				(void)fprintf(out, "%s: ", report->points[i].workload);
			note_point(&report->points[i], out);
		}
	}
	note_model(report, out);
	if (!report->n_axes)
		migrate_notes_note_thread(out);
}
