/* SPDX-License-Identifier: MIT */
/**
 * @file
 * All threads on one screen: for each, its program run on its headline
 * workload, and of that what answers the thread.
 *
 *     thread (a row of the caller's table) --> session of its program --> report
 *                                                                           |
 *     screen, mail, Markdown, HTML  <-- table: policy, what matters, times, verdict
 *
 * Nothing is counted here: each number is a program's own, and the command
 * that prints it alone is shown beside it.
 */
#ifndef STAGE2SIM_STUDY_HEADLINE_H
#define STAGE2SIM_STUDY_HEADLINE_H

#include "study/replay/replay_log.h"
#include "study/run/session.h"

#define S2_HEADLINE_METRICS 2
#define S2_HEADLINE_FIGURES 2

/** A number that matters. */
struct s2_headline_metric {
	const char *head;     /**< in words, lines of a heading; NULL: no more metrics */
	const char *name;     /**< an operation or a measure, as s2_result_metric() takes it */
	const char *workload; /**< whose, of those in `also`; NULL: the headline's */
	const char *part; /**< of the headline's run: its times stand behind the number; or NULL */
};

/** What was published, and which of our times answers for it. */
struct s2_headline_figure {
	const char *profile; /**< NULL: no more figures */
	const char *part;    /**< of the run: "toggle_time" */
	const char *policy;
	const char *less; /**< its time is taken off; or NULL */
	double ns;	  /**< published */
	const char *what; /**< a phrase: "28 s saved (33 s -> 5 s)" */
};

/** One thread, and how it is shown. */
struct s2_headline_thread {
	const char *name;  /**< "boot" */
	const char *title; /**< the thread's, and its year */
	const char *why;   /**< what matters there, a sentence or two */
	const struct s2_program *program;
	const char *words; /**< its command line: "--vcpus 64" */
	const char *also;  /**< one more, for verdicts and metrics of other workloads; or NULL */
	const char *answers; /**< "every,vcpu0": policies that answer it; the brief form's rows */
	struct s2_headline_metric metric[S2_HEADLINE_METRICS];
	const char *lock; /**< measure: longest hold of mmu_lock; NULL: there is none */
	struct s2_headline_figure figure[S2_HEADLINE_FIGURES];
};

/** What is to be run. */
struct s2_headline_job {
	const struct s2_headline_thread *threads;
	const struct s2_option_list *which; /**< of them; n 0: all */
	size_t n_threads;
	const char *profiles; /**< "altra,d05", side by side */
	const char *log;      /**< to be replayed; NULL: none */
	uint64_t seed;
	bool brief; /**< show the policies that answer the threads, not all */
	struct s2_progress *progress;
	FILE *errs; /**< what sessions have to say besides */
};

/** A thread that was run. */
struct s2_headline_part {
	const struct s2_headline_thread *thread;
	struct s2_session main, also; /**< also.program is NULL where there is none */
	char *main_text, *also_text;  /**< what their command lines point into */
	bool brief;
};

/** A log replayed on a machine: one column of what it issues. */
struct s2_headline_replay {
	const char *machine, *flavour; /**< as asked for; flavour NULL: as the log tells */
	struct s2_replay_outcome outcome;
};

#define S2_HEADLINE_REPLAYS 4

/** All that was found. */
struct s2_headline {
	struct s2_headline_part *parts;
	size_t n_parts;
	const char *log;
	struct s2_headline_replay replay[S2_HEADLINE_REPLAYS];
	size_t n_replays;
};

/** Runs @p job. @return 0 with @p headline to be freed; negative with @p err set */
S2_API int s2_headline_run(const struct s2_headline_job *job, struct s2_headline *headline,
			   struct s2_error *err);

S2_API void s2_headline_free(struct s2_headline *headline);

/** Replays @p log on each machine of a table; adds to @p headline. @return as above */
int s2_headline_replay(const char *log, struct s2_headline *headline, struct s2_error *err);

/** A screen, at most 120 columns wide. @return 0 or -ENOMEM, as the others */
S2_API int s2_headline_screen(const struct s2_headline *headline, FILE *out);
/** A mail, at most 72 columns wide. */
S2_API int s2_headline_mail(const struct s2_headline *headline, FILE *out);
S2_API int s2_headline_markdown(const struct s2_headline *headline, FILE *out);
/** One file that needs no other, with a picture and the stories of each thread. */
S2_API int s2_headline_html(const struct s2_headline *headline, FILE *out);
/** One object: each program's own, and the replay's. -ENOTSUP in a build without JSON. */
S2_API int s2_headline_json(const struct s2_headline *headline, FILE *out);
/** A line for each number that the screen shows. */
S2_API int s2_headline_csv(const struct s2_headline *headline, FILE *out);

#endif
