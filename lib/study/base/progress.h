/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A progress bar that costs a compare per step.
 *
 *     s2-migrate [###########.............]  46 %  12 s left
 *
 * Work is a number of jobs, of which the present one may tell its own steps.
 * The clock is looked at only when a step count is reached that was chosen to
 * come some fifty times a second.  Nothing is drawn in the first second, and
 * nothing is left on the screen at the end.
 */
#ifndef STAGE2SIM_STUDY_PROGRESS_H
#define STAGE2SIM_STUDY_PROGRESS_H

#include <stage2sim/types.h>

#include <stdio.h>

enum s2_progress_mode {
	S2_PROGRESS_AUTO, /**< if the stream is a terminal and work takes over a second */
	S2_PROGRESS_ALWAYS,
	S2_PROGRESS_NEVER,
};

/** All fields are the module's own but for reading. */
struct s2_progress {
	FILE *out; /**< NULL: draws nothing */
	const char *label;
	uint64_t jobs, jobs_done;
	uint64_t steps, steps_done; /**< of the present job; steps 0: not told */
	uint64_t look_at;	    /**< steps_done at which to look at the clock */
	uint64_t looked_at;
	double started, looked, drawn; /**< seconds */
	bool shown;
};

S2_API void s2_progress_init(struct s2_progress *p, FILE *out, enum s2_progress_mode mode,
			     const char *label, uint64_t jobs);

/** The present job has @p steps steps; optional. */
S2_API void s2_progress_steps(struct s2_progress *p, uint64_t steps);

/** The present job is done. */
S2_API void s2_progress_job(struct s2_progress *p);

/** Wipes the bar; must be called before anything else is written there. */
S2_API void s2_progress_end(struct s2_progress *p);

/** Looks at the clock, and draws if it is time to. */
S2_API void s2_progress_look(struct s2_progress *p);

/** @p n more steps of the present job are done. */
static inline void s2_progress_tick(struct s2_progress *p, uint64_t n)
{
	p->steps_done += n;
	if (p->steps_done >= p->look_at)
		s2_progress_look(p);
}

#endif
