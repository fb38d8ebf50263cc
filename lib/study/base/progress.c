/* SPDX-License-Identifier: MIT */
/* A progress bar that costs a compare per step; see progress.h. */
#include "study/base/progress.h"

#include <time.h>
#include <unistd.h>

#define BAR_WIDTH   32
#define BAR_AFTER   1.0	 /* seconds without a bar */
#define BAR_BETWEEN 0.1	 /* seconds from one drawing to the next */
#define LOOK_EVERY  0.02 /* seconds from one look at the clock to the next */

static double now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void s2_progress_init(struct s2_progress *p, FILE *out, enum s2_progress_mode mode,
		      const char *label, uint64_t jobs)
{
	*p = (struct s2_progress){.label = label, .jobs = jobs, .look_at = UINT64_MAX};
	if (mode == S2_PROGRESS_NEVER || jobs == 0)
		return;
	if (mode == S2_PROGRESS_AUTO && !isatty(fileno(out)))
		return;
	p->out = out;
	p->look_at = 1;
	p->started = now();
	p->looked = p->started;
	/* Whoever asks for a bar wants to see one, also of short work. */
	p->drawn = p->started + (mode == S2_PROGRESS_ALWAYS ? -1.0 : BAR_AFTER - BAR_BETWEEN);
}

static double share(const struct s2_progress *p)
{
	double job = 0;
	double all;

	if (p->steps != 0)
		job = (double)p->steps_done / (double)p->steps;
	all = ((double)p->jobs_done + (job < 1 ? job : 1)) / (double)p->jobs;
	return all < 1 ? all : 1;
}

static void progress_draw(struct s2_progress *p, double at)
{
	const double done = share(p);
	const int full = (int)(done * BAR_WIDTH);
	const double left = done > 0 ? (at - p->started) * (1 - done) / done : 0;

	(void)fprintf(p->out, "\r%s [", p->label);
	for (int i = 0; i < BAR_WIDTH; i++)
		(void)fputc(i < full ? '#' : '.', p->out);
	(void)fprintf(p->out, "] %3d %%", (int)(done * 100));
	if (done > 0)
		(void)fprintf(p->out, "  %.0f s left ", left);
	(void)fprintf(p->out, "\033[K");
	(void)fflush(p->out);
	p->drawn = at;
	p->shown = true;
}

/** Chooses the step at which to look again, from how fast the last ones were. */
static void plan(struct s2_progress *p, double at)
{
	const uint64_t steps = p->steps_done - p->looked_at;
	const double took = at - p->looked;
	double next = (double)steps * 2;

	if (took > LOOK_EVERY / 2)
		next = (double)steps * LOOK_EVERY / took;
	p->look_at = p->steps_done + (next < 1 ? 1 : (uint64_t)next);
	p->looked_at = p->steps_done;
	p->looked = at;
}

void s2_progress_look(struct s2_progress *p)
{
	double at;

	if (p->out == NULL) {
		p->look_at = UINT64_MAX;
		return;
	}
	at = now();
	if (at - p->drawn >= BAR_BETWEEN)
		progress_draw(p, at);
	plan(p, at);
}

void s2_progress_steps(struct s2_progress *p, uint64_t steps)
{
	p->steps = steps;
	p->steps_done = 0;
	p->looked_at = 0;
	p->look_at = p->out != NULL ? 1 : UINT64_MAX;
}

void s2_progress_job(struct s2_progress *p)
{
	p->jobs_done++;
	s2_progress_steps(p, 0);
	if (p->out != NULL)
		s2_progress_look(p);
}

void s2_progress_end(struct s2_progress *p)
{
	if (p->shown) {
		(void)fprintf(p->out, "\r\033[K");
		(void)fflush(p->out);
	}
	p->out = NULL;
	p->shown = false;
	p->look_at = UINT64_MAX;
}
