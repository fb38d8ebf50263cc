/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Compressed logs, told by their first bytes: gzip, zstd, xz, each as far as its
 * library was there when this was built.  Private to lib/study/log.
 */
#ifndef STAGE2SIM_STUDY_TRACE_UNPACK_H
#define STAGE2SIM_STUDY_TRACE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A way of compressing.  A stream is what open() makes. */
struct s2_unpacker {
	const char *name;    /**< "zstd" */
	const char *library; /**< that reads it */
	const char *command; /**< that makes it text */
	const char *magic;
	size_t magic_len;
	/** Begins a stream whose first @p len bytes were read already. @return 0, -ENOMEM, -ENOTSUP */
	int (*open)(const void *head, size_t len, void **stream);
	/**
	 * Decompresses up to @p size bytes, reading from @p fd what it needs and adding
	 * that to @p bytes_read.  @return bytes, 0 at the end, -ENODATA when the file ends
	 * within the stream, -EILSEQ when it is damaged, -ENOMEM, or what read() said
	 */
	int (*read)(void *stream, int fd, char *to, size_t size, uint64_t *bytes_read);
	/** Frees a stream; NULL is allowed. */
	void (*close)(void *stream);
};

/** The one whose magic @p head begins with, or NULL. */
const struct s2_unpacker *s2_unpacker_of(const void *head, size_t len);

/** The longest magic. */
#define S2_UNPACK_MAGIC_MAX 6

extern const struct s2_unpacker s2_gzip, s2_zstd, s2_xz;

/**
 * Unpack what lies in memory.
 * @return 0, -EILSEQ unless it is exactly @p size bytes, -ENOTSUP in a build without
 */
int s2_zstd_whole(const void *from, size_t len, void *to, size_t size);

/** For a build without a library: -ENOTSUP, and nothing is ever opened. */
int s2_unpack_cannot(const void *head, size_t len, void **stream);

#endif
