/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The one runner: a program is a table of options, one of policies, perhaps
 * one of workloads, and a function that runs a policy on a workload.
 *
 *     static int run(const struct s2_run *run, struct s2_result *result,
 *                    struct s2_error *err)
 *     {
 *             const struct boot *boot = run->settings;
 *             ...
 *             result->ops = s2_machine_counts(m);
 *             return 0;
 *     }
 *
 *     static const struct s2_program program = {
 *             .name = "s2-boot", .summary = "cache toggles of a booting guest",
 *             .machine = "neoverse-n1", .flavour = "newest",
 *             .options = options, .n_options = ..., .settings_size = sizeof(struct boot),
 *             .policies = policies, .n_policies = ...,
 *             .run = run,
 *     };
 *
 *     int main(int argc, char **argv)
 *     {
 *             return s2_program_main(&program, argc, argv, stdout, stderr);
 *     }
 *
 * The runner does the rest: --help and --version, the options that all
 * programs share, checks, sweeps over any option, progress, the three formats,
 * plots, exit status.  Output is written only once the whole of it is there.
 */
#ifndef STAGE2SIM_STUDY_PROGRAM_H
#define STAGE2SIM_STUDY_PROGRAM_H

#include <stage2sim/flavour.h>
#include <stage2sim/machine.h>

#include "study/option/options.h"
#include "study/option/profile.h"
#include "study/base/progress.h"
#include "study/report/result.h"

/** One way of doing what the program compares.  Its meaning is the program's. */
struct s2_policy {
	const char *name;
	const char *help; /**< a phrase */
	int id;
	const void *data;
};

/** A named workload: what the options are where the user does not say. */
struct s2_workload {
	const char *name;
	const char *help;
	const char *settings; /**< "vcpus=64 memory=128G", or NULL */
	int id;
	const void *data;
};

/** One policy on one workload: what a program's functions are told. */
struct s2_run {
	const struct s2_program *program;
	const void *settings; /**< the struct that the options fill */
	const struct s2_policy *policy;
	const struct s2_workload *workload;	/**< NULL where the program has no table of them */
	const struct s2_option_list *workloads; /**< of this command: rows of the table */
	const struct s2_features *features;	/**< NULL if .machine is */
	const struct s2_flavour *flavour;	/**< NULL if .flavour is */
	uint64_t seed;
	int check; /**< --check: enum s2_check_when */
	struct s2_insn_log *log; /**< --log: nothing is counted, s2_judge_log() is called; or NULL */
	const char *const *operands;
	size_t n_operands;
	void *state; /**< what the program keeps from run to run; NULL if .state_size is 0 */
	struct s2_progress *progress; /**< s2_progress_steps() and _tick(); never NULL */
};

/** A command to show, and what it is for. */
struct s2_example {
	const char *command; /**< without the program's name */
	const char *help;
};

struct s2_program {
	const char *name;
	const char *summary; /**< a phrase */
	const char *about;   /**< paragraphs for --help, or NULL */

	const struct s2_option *options;
	size_t n_options;
	size_t settings_size;
	const char *operands; /**< what operands are ("LOG"), or NULL where none are taken */
	size_t state_size;    /**< bytes of run->state, zero at first: a file read, a cache */

	const struct s2_policy *policies;
	size_t n_policies;
	const struct s2_flavour *last_flavour; /**< the last policy is this as it is; or NULL */
	const struct s2_workload *workloads; /**< the first is the default; NULL: no --workload */
	size_t n_workloads;
	const struct s2_example *examples;
	size_t n_examples;

	const char *machine; /**< default; NULL: no --machine */
	const char *flavour; /**< default, "newest" or "oldest"; NULL: no --flavour */
	const char *metric;  /**< what is asked, and what a sweep compares, default "time" */
	const char *thread;  /**< whose published figures its times answer for, or NULL */
	bool judged;	     /**< its runs can be watched by the oracle: --check */
	const char *sweep;   /**< what `--sweep default` stands for, or NULL */

	/**
	 * Do the options fit together?  Called for each point before any runs
	 * (run->policy is NULL).  May be NULL.
	 * @return 0; or negative with @p err naming option, value and what was expected
	 */
	int (*check)(const struct s2_run *run, struct s2_error *err);

	/**
	 * Does run->policy mean anything on this workload and machine?  Those
	 * that do not are left out, unless asked for by name.  May be NULL.
	 * @return 0; or negative with @p err saying why not
	 */
	int (*applies)(const struct s2_run *run, struct s2_error *err);

	/**
	 * Runs run->policy, and fills ops, measures and verdicts.
	 * @return 0; or negative with @p err set, which ends the program
	 */
	int (*run)(const struct s2_run *run, struct s2_result *result, struct s2_error *err);

	/** Writes what a table alone does not say below it.  May be NULL. */
	void (*notes)(const struct s2_report *report, FILE *out);

	/** Frees what state holds, not state itself.  May be NULL. */
	void (*close)(void *state);
};

/** Whether the policy is a flavour of its own, of which nothing is changed. */
static inline bool s2_run_as_is(const struct s2_run *run)
{
	const struct s2_program *p = run->program;

	return p->last_flavour && run->policy == &p->policies[p->n_policies - 1];
}

/** The flavour that the policy runs by: its own, or the run's. */
static inline const struct s2_flavour *s2_run_flavour(const struct s2_run *run)
{
	return s2_run_as_is(run) ? run->program->last_flavour : run->flavour;
}

/** The tables of a program that calls them so, in its initializer; settings are of @p type. */
#define S2_PROGRAM_TABLES(type)                                                        \
	.options = options, .n_options = sizeof(options) / sizeof(options[0]),         \
	.settings_size = sizeof(type), .policies = policies,                           \
	.n_policies = sizeof(policies) / sizeof(policies[0]), .workloads = workloads,  \
	.n_workloads = sizeof(workloads) / sizeof(workloads[0]), .examples = examples, \
	.n_examples = sizeof(examples) / sizeof(examples[0])

/** Exit status of all programs. */
enum s2_exit {
	S2_EXIT_DONE,
	S2_EXIT_VIOLATION, /**< one was found where none was expected */
	S2_EXIT_USAGE,	   /**< wrong usage, bad input, or no memory */
};

/** Runs @p program. @return the exit status */
S2_API int s2_program_main(const struct s2_program *program, int argc, char **argv, FILE *out,
			   FILE *errs);

#endif
