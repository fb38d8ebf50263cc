/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One search in several goes: shares of it on several machines, and one that was stopped.
 *
 *     s2_explore(shard 1 of n) --> file --+
 *     s2_explore(shard 2 of n) --> file --+--> merge: one verdict, one story
 *                  ...                    |
 */
#ifndef S2_STUDY_PART_PART_H
#define S2_STUDY_PART_PART_H

#include <stdio.h>

#include <stage2sim/explore.h>

#include "study/base/error.h"

/** What a share has found, and of which search it is. */
struct s2_search_part {
	char scenario[96];    /**< with its choice */
	char contract[24];    /**< alone that is asked, or "-" */
	uint32_t preemptions; /**< most of them */
	uint64_t steps;	      /**< most in one schedule */
	bool pruning;
	uint32_t shard, shards;
	/** body, kind, text, schedule and figures of it mean something; s2_explore_result_free() it */
	struct s2_explore_result result;
};

/** Writes @p part to the file at @p path, whole or not at all. @return 0 or an error, said in @p err */
int s2_search_part_write(const char *path, const struct s2_search_part *part, struct s2_error *err);
/** Reads it. @return 0; -EINVAL or -EIO, said in @p err, for a file that is cut, edited or no part */
int s2_search_part_read(const char *path, struct s2_search_part *part, struct s2_error *err);

/**
 * Puts the @p n parts at @p paths together in @p out, whose figures are sums.  States that
 * several parts have seen count more than once.  The finding is that with the fewest
 * preemptions and of those the first that one search alone would have come to.
 * @return 0; -EINVAL, said in @p err, if a part is missing, there twice, or of another search
 */
int s2_search_part_merge(const char *const *paths, size_t n, struct s2_search_part *out, struct s2_error *err);

/** Writes a search that was stopped, likewise. @return 0 or an error, said in @p err */
int s2_kept_write(const char *path, const struct s2_explore_result *result, struct s2_error *err);
/** Reads it. @return 0; -EIO or -ENOMEM, said in @p err; free(*bytes) */
int s2_kept_read(const char *path, uint8_t **bytes, size_t *n, struct s2_error *err);

#endif
