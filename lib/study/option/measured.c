/* SPDX-License-Identifier: MIT */
/* What tools measured, as a profile; see measured.h. */
#include "study/option/measured.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define NAME_ROOM 128
#define LINE_ROOM 1024

enum tool {
	MICRO_BENCH,
	PERF
};

/** One measurement, and what a profile makes of it. */
static const struct meaning {
	enum tool tool;
	const char *name;
	const char *cost;
	const char *words; /**< what is in it */
	bool by_lines;	   /**< the total, a cache line each */
} meanings[] = {
	{MICRO_BENCH, "hvc", "guest_exit",
	 "out of the guest and back in, with KVM's answer to an unknown call", false},
	{MICRO_BENCH, "ipi", "seq_ipi_rest",
	 "an IPI and its answer, with one look-up of its target", false},
	{PERF, "__kvm_tlb_flush_vmid_ipa", "seq_flush_ipa", "a flush by IPA, tracing included",
	 false},
	{PERF, "__kvm_tlb_flush_vmid", "seq_flush_vmid", "a flush of the VMID, tracing included",
	 false},
	{PERF, "__kvm_tlb_flush_vmid_range", "seq_flush_range",
	 "a flush of a range by one TLBI, tracing included", false},
	{PERF, "stage2_flush_vm", "dc_civac", "the walk and its barriers included", true},
};

#define N_MEANINGS (sizeof(meanings) / sizeof(meanings[0]))

/** A line that one of the tools wrote. */
struct measurement {
	enum tool tool;
	char name[NAME_ROOM];
	double total, average; /* ns */
};

/** Numbers of micro-bench have their fraction behind a point, and blanks after it. */
static bool read_micro_bench(const char *line, struct measurement *m)
{
	char more;

	m->tool = MICRO_BENCH;
	return sscanf(line, "%127s %lf %lf %c", m->name, &m->total, &m->average, &more) == 3;
}

static bool read_perf(const char *line, struct measurement *m)
{
	double most, calls;
	char more;

	if (sscanf(line, "%lf %lf %lf %lf %127s %c", &m->total, &m->average, &most, &calls, m->name,
		   &more) != 5)
		return false;
	m->tool = PERF;
	m->total *= 1000;
	m->average *= 1000;
	return true;
}

static const struct meaning *find_meaning(const struct measurement *m)
{
	for (size_t i = 0; i < N_MEANINGS; i++)
		if (meanings[i].tool == m->tool && !strcmp(meanings[i].name, m->name))
			return &meanings[i];
	return NULL;
}

static bool is_time(double ns)
{
	return isfinite(ns) && ns >= 0;
}

static void write_cost(const struct meaning *meaning, const struct measurement *m,
		       const struct s2_measured *what, const char *from, FILE *out)
{
	const double ns = meaning->by_lines ? m->total / what->lines : m->average;

	(void)fprintf(out, "%s = %.6g  # measured: %s of %s, %s\n", meaning->cost, ns,
		      meaning->name, from, meaning->words);
	/* Both are always counted together, and were only timed together. */
	if (!strcmp(meaning->cost, "guest_exit"))
		(void)fprintf(out, "guest_entry = 0  # in guest_exit\n");
}

/** Takes a line. @return how many costs it gave, or -EINVAL */
static int take_line(const char *line, const char *name, const struct s2_measured *what,
		     unsigned *seen, FILE *out, struct s2_error *err)
{
	struct measurement m;
	const struct meaning *meaning;
	unsigned bit;

	if (!read_micro_bench(line, &m) && !read_perf(line, &m))
		return 0;
	meaning = find_meaning(&m);
	if (meaning == NULL || !is_time(m.total) || !is_time(m.average) ||
	    (meaning->by_lines && !(what->lines > 0)))
		return 0;
	bit = 1U << (meaning - meanings);
	if (*seen & bit) {
		s2_error_set(err, S2_MEASURED_TWICE, "%.80s: got \"%s\" twice, expected each once",
			     name, meaning->name);
		return -EINVAL;
	}
	*seen |= bit;
	write_cost(meaning, &m, what, name, out);
	return 1;
}

static int nothing(const char *name, struct s2_error *err)
{
	s2_error_set(err, S2_MEASURED_NOTHING,
		     "%.80s: got no line that has a cost, expected the output of kvm-unit-tests' "
		     "micro-bench or of `perf ftrace profile`",
		     name);
	return -EINVAL;
}

int s2_measured_read(FILE *in, const char *name, const struct s2_measured *what, unsigned *seen,
		     FILE *out, struct s2_error *err)
{
	char line[LINE_ROOM];
	int costs = 0;

	if (*seen == 0)
		(void)fprintf(out, "# %s, as measured there; no published figure is in it.\n",
			      what->machine != NULL ? what->machine : "A machine");
	while (fgets(line, sizeof(line), in) != NULL) {
		const int r = take_line(line, name, what, seen, out, err);

		if (r < 0)
			return r;
		costs += r;
	}
	if (ferror(in)) {
		s2_error_set(err, S2_MEASURED_READ, "%.80s: %s, expected a file to read", name,
			     strerror(errno));
		return -EIO;
	}
	return costs != 0 ? costs : nothing(name, err);
}
