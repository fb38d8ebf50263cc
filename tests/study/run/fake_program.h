/* SPDX-License-Identifier: MIT */
/*
 * A program of three policies that simulates nothing, and a way to run it with
 * the words that a user would give it.
 *
 * "every" flushes all of --memory for each of --vcpus, the others once;
 * "range" applies only with TLBIRANGE.  It issues as many ISBs as --seed says,
 * breaks a contract with --broken, and fails with --bad after its first run.
 */
#ifndef STAGE2SIM_TESTS_FAKE_PROGRAM_H
#define STAGE2SIM_TESTS_FAKE_PROGRAM_H

#include "study/run/program.h"

extern const struct s2_program fake_program;

/* What a run left behind; for forget_run(). */
struct ran {
	int status;
	char *out, *errs;
	size_t out_size, errs_size;
};

/* Runs @p with @words, which are parted by blanks. */
struct ran run_words(const struct s2_program *p, const char *words);
void forget_run(struct ran *ran);

/* The fake program ends with this status and exactly this output. */
void assert_ran(const char *words, int status, const char *out, const char *errs);

/* It ends well, and @part is somewhere in its output. */
void assert_prints(const char *words, const char *part);

/* Nothing on standard output, one line on standard error, status 2. */
void assert_refused(const char *words, const char *line);

#endif
