/* SPDX-License-Identifier: MIT */
/* What s2-boot says below its table; see boot_notes.h. */
#include "study/work/boot_notes.h"

#include <string.h>

#include "study/work/boot.h"
#include "study/base/text.h"

/* The 2025 thread: 64 vcpus, 128 GB of huge pages, 33 s, and 5 s with the RFC. */
#define THREAD_VCPUS   64
#define THREAD_MEMORY  (UINT64_C(128) << 30)
#define THREAD_BACKING (UINT64_C(2) << 20)
#define THREAD_SAVED   28e9 /* ns */

static uint64_t number(const struct s2_point *point, const char *key)
{
	const struct s2_pair *pair = s2_point_find(point, key);

	return pair ? pair->value.number : 0;
}

static bool touches_linux(const struct s2_point *point)
{
	const struct s2_pair *pair = s2_point_find(point, "touched");

	return pair && pair->value.text && !strcmp(pair->value.text, "linux");
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

static void note_touched(const struct s2_point *point, FILE *out)
{
	const uint64_t memory = number(point, "memory"), others = number(point, "vcpus") - 1;
	const uint64_t struct_pages = s2_boot_struct_pages(memory);
	const uint64_t per_vcpu = number(point, "per-vcpu");
	const uint64_t kernel = number(point, "kernel"), initramfs = number(point, "initramfs");

	(void)fprintf(
		out,
		"touched: %.0f MiB = %.0f kernel + %.0f initramfs + %.0f struct pages "
		"(%.0f MiB / 4 KiB x 64 bytes)\n"
		"         + %llu x %.2f for further vcpus; mapped: the same in whole pages of "
		"the backing\n",
		mib(kernel + initramfs + struct_pages + others * per_vcpu), mib(kernel),
		mib(initramfs), mib(struct_pages), mib(memory), (unsigned long long)others,
		mib(per_vcpu));
}

static const struct s2_result *find_policy(const struct s2_point *point, const char *policy)
{
	for (size_t i = 0; i < point->n_results; i++)
		if (point->results[i].applies && !strcmp(point->results[i].policy, policy))
			return &point->results[i];
	return NULL;
}

static bool is_thread(const struct s2_point *point)
{
	const struct s2_pair *then = s2_point_find(point, "then");

	return number(point, "vcpus") == THREAD_VCPUS && number(point, "memory") == THREAD_MEMORY &&
	       number(point, "backing") == THREAD_BACKING && touches_linux(point) && then &&
	       then->value.text && !strcmp(then->value.text, "nothing");
}

/* Two threads, one constant: does a line's cost of one machine give the other's seconds? */
static void note_thread(const struct s2_profile *profile, const struct s2_point *point, FILE *out)
{
	const struct s2_result *every = find_policy(point, "every");
	const struct s2_result *vcpu0 = find_policy(point, "vcpu0");
	const struct s2_cost_entry *line = &profile->op[S2_OP_DC_CIVAC];
	char text[S2_TEXT_ROOM], a[S2_TEXT_ROOM], b[S2_TEXT_ROOM];
	double lines, ns;

	if (!every || !vcpu0 || !line->known)
		return;
	lines = s2_result_metric(every, "toggle_lines") - s2_result_metric(vcpu0, "toggle_lines");
	ns = lines * line->ns;
	(void)fprintf(out,
		      "cross-check: every less vcpu0 is %s lines, at %.4g ns %s; the 2025 thread "
		      "saved %s\n"
		      "         (33 s -> 5 s with the same 64 vcpus and 128 GB): %.0f %% of it.  "
		      "Another machine, so\n"
		      "         an inference: that one cost of a line gives both is plausible\n",
		      s2_text_count((uint64_t)lines, text), line->ns, s2_text_time(ns, a),
		      s2_text_time(THREAD_SAVED, b), 100 * ns / THREAD_SAVED);
}

void s2_boot_notes(const struct s2_report *report, FILE *out)
{
	for (size_t i = 0; report->n_axes == 0 && i < report->n_points; i++) {
		const struct s2_point *point = &report->points[i];

		if (!touches_linux(point))
			continue;
		if (report->n_points > 1 && point->workload)
			(void)fprintf(out, "%s: ", point->workload);
		note_touched(point, out);
		for (size_t k = 0; k < report->n_profiles && is_thread(point); k++)
			note_thread(&report->profiles[k], point, out);
	}
}
