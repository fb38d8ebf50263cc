/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A program under way: what the parts of the runner share.
 *
 *     open (options, help) -> prepare (machine, profile, sweep) -> run -> write
 *
 * What is run may be shared out: among processes, or among commands (session_share.c).
 *
 * Every part returns 0, or a negative errno with session->err set.
 */
#ifndef STAGE2SIM_STUDY_SESSION_H
#define STAGE2SIM_STUDY_SESSION_H

#include "study/run/shard.h"
#include "study/run/program.h"
#include "study/run/sweep.h"

enum s2_format {
	S2_FORMAT_TABLE,
	S2_FORMAT_JSON,
	S2_FORMAT_CSV,
};

enum s2_log_form {
	S2_LOG_NO,
	S2_LOG_FULL,
	S2_LOG_CASEMATE,
};

enum s2_expect {
	S2_EXPECT_NOTHING,
	S2_EXPECT_SOUND,   /**< no violation */
	S2_EXPECT_CHECKED, /**< nor anything unchecked */
};

/** What the options that all programs share fill. */
struct s2_common {
	struct s2_option_list policies, workloads;
	const char *machine, *flavour, *profile, *output, *plot, *story, *sweep, *metric, *shard, *merge;
	uint64_t seed, jobs;
	int format, progress, check, expect, log;
	bool all, help, version;
};

/** Which table is which in session->tables. */
enum s2_table_index {
	S2_TABLE_OWN,
	S2_TABLE_COMMON,
	S2_TABLES,
};

#define S2_COMMON_MAX 24

/** Most profiles side by side. */
#define S2_PROFILES_MAX 8

struct s2_session {
	const struct s2_program *program;
	FILE *out, *errs;
	struct s2_error err;

	struct s2_common common;
	struct s2_option options[S2_COMMON_MAX]; /**< the shared ones that this program has */
	const char **policy_names, **workload_names;
	struct s2_option_table tables[S2_TABLES];
	struct s2_command_line line;

	struct s2_features features;
	struct s2_flavour own_flavour; /**< as parsed */
	const struct s2_flavour *flavour; /**< it, or NULL */
	struct s2_profile profiles[S2_PROFILES_MAX];
	size_t n_profiles;
	struct s2_sweep sweep;
	struct s2_option_list policies;	 /**< to be run, in order */
	char *workload_text;		 /**< what presets points into */
	struct s2_command_line *presets; /**< options of each workload to be run */
	size_t n_presets;
	size_t n_points;
	const char *axes[S2_AXES_MAX];
	size_t axis_values[S2_AXES_MAX];
	struct s2_insn_log *log; /**< of the one run that is logged, or NULL */
	uint64_t shard, shards; /**< of all runs this command's: 0 of 1 */
	uint64_t job, jobs;	/**< of these this process's: 0 of 1 */
	struct s2_shard_names names;
	void *state; /**< the program's own */
	struct s2_progress *outer;   /**< of who runs several sessions; NULL: its own */
	struct s2_progress progress; /**< its own */
	struct s2_report report;
};

/** Makes the option tables, and reads the command line by them. */
int s2_session_open(struct s2_session *s, int argc, char **argv);

/** Writes the help text. */
void s2_session_help(const struct s2_session *s, FILE *out);

/** Turns the shared options into what they name; nothing has run yet. */
int s2_session_prepare(struct s2_session *s);

/** Runs each policy on each point, and fills the report. */
int s2_session_run(struct s2_session *s);

/** Runs the one policy on the one point, and writes what its hypervisor issues in place of a report. */
int s2_session_log(struct s2_session *s);

/** Sets the program's options as they are at point @p p; then runs policy @p i there. */
int s2_session_set_point(struct s2_session *s, size_t p);
int s2_session_run_policy(struct s2_session *s, size_t p, size_t i);

/** Prices a result by the first profile. */
void s2_session_price(const struct s2_session *s, struct s2_result *result);

/** Whether policy @p i at point @p p is this process's to run. */
bool s2_session_has_run(const struct s2_session *s, size_t p, size_t i);

/** Runs this command's share in s->jobs processes. */
int s2_session_run_jobs(struct s2_session *s);

/** Reads all results from files that s2_session_write_shard() wrote. */
int s2_session_merge(struct s2_session *s);
int s2_session_write_shard(const struct s2_session *s, FILE *out);

void s2_session_close(struct s2_session *s);

#endif
