/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Results on their way from one process to another: through a pipe (--jobs), or in a
 * file (--shard, --merge).
 *
 *     stage2sim-shard 2 s2-boot 0.2.0 2/3 5bd1e995c0ffee00     of a file only
 *     result 7                                                  which run
 *     op dsb_ish 64
 *     measure lock_hold_max operations 40f0000000000000         a double's bits
 *     part toggle_time cleaning at toggles                      a bill; of it:
 *     part-op dc_civac 64
 *     part-seq seq_flush_vmid 3ff0000000000000
 *     verdict arch 2 9 6
 *     a line
 *     end 9d06c1f3a2b74e58                                      a hash of the result
 *     done
 *
 * Words are apart by a tab.  Text, so that it is the same on every host.  What is read
 * is checked to the last character: a file may have been cut or edited, or be of another
 * command.
 * A story (s2_verdict.told) does not travel: only its lines do.
 */
#ifndef STAGE2SIM_STUDY_SHARD_H
#define STAGE2SIM_STUDY_SHARD_H

#include <stdio.h>

#include "study/report/result.h"

/** Names in results that were read, which keep them by pointer. */
struct s2_shard_names {
	char **at;
	size_t n;
};

S2_API void s2_shard_names_free(struct s2_shard_names *names);

/** Results being read. */
struct s2_shard_text {
	FILE *in;	  /**< the caller's */
	const char *name; /**< what errors call it */
	struct s2_shard_names *names;
	struct s2_error *err;
	char *line; /**< the present one; s2_shard_end() frees it */
	size_t room, len;
	uint64_t number; /**< of the line, from 1 */
};

/** Which runs of which command a file has. */
struct s2_shard_head {
	uint64_t shard, shards; /**< from 1 */
	uint64_t command;	/**< the same for the same command */
};

S2_API void s2_shard_write_head(FILE *out, const char *program, const struct s2_shard_head *head);
S2_API void s2_shard_write_result(FILE *out, uint64_t run, const struct s2_result *result);
S2_API void s2_shard_write_error(FILE *out, int error, const char *text);
S2_API void s2_shard_write_done(FILE *out);

/** @return 0; -EINVAL with shard->err set, for a file of another program or version too */
S2_API int s2_shard_read_head(struct s2_shard_text *shard, const char *program, struct s2_shard_head *head);

/**
 * Reads one result.
 * @param result ops, measures, parts and verdicts are set; those of an earlier result must be none
 * @return 1 with @p run set; 0 after the last; -EINVAL or -ENOMEM with shard->err
 *         set (parts and verdicts that were read are then the caller's to free, as always); a worker's error
 */
S2_API int s2_shard_read_result(struct s2_shard_text *shard, uint64_t *run, struct s2_result *result);

/** Frees the line; not the stream, nor names. */
S2_API void s2_shard_end(struct s2_shard_text *shard);

#endif
