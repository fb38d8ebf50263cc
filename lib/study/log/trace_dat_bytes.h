/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Numbers and words of a trace.dat, each of which may be where the file is cut.
 *
 *     | ... | part being looked at                | ... |
 *     0           pos -->                     end      size
 *
 * A step returns false with the error set, and so does each step behind it.  So
 * a part of the file reads as the list of what is in it, joined by &&.  Private
 * to lib/study/log.
 */
#ifndef STAGE2SIM_STUDY_TRACE_DAT_BYTES_H
#define STAGE2SIM_STUDY_TRACE_DAT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "study/base/error.h"

struct s2_dat_file {
	int fd;
	const unsigned char *unpacked; /* instead of the file, or NULL */
	bool zstd;		       /* what is compressed is so by this */
	uint64_t pos, end;	       /* of what is being looked at */
	uint64_t size;
	bool big; /* endian */
	uint32_t cpus, page;
	unsigned found;	     /* sections of version 7: a bit each */
	const char *part;    /* its name, for messages */
	unsigned char *room; /* for a page */
	struct s2_dat_layout *layout;
	struct s2_error *err;
	int ret; /* the first error */
};

/** Say what is wrong at pos: -EIO.  @return false */
bool s2_dat_damaged(struct s2_dat_file *f, const char *what);

/** Say that @p needs bytes are not there: -EIO.  @return false */
bool s2_dat_cut(struct s2_dat_file *f, uint64_t needs);

/** Say that this is a kind of file that is not read: -ENOTSUP.  @return false */
bool s2_dat_unread(struct s2_dat_file *f, const char *what);

/** Say that there is no memory: -ENOMEM.  @return false */
bool s2_dat_no_memory(struct s2_dat_file *f);

/** The next @p n bytes. */
bool s2_dat_get(struct s2_dat_file *f, void *to, size_t n);

/** Past the next @p n bytes, which must be there. */
bool s2_dat_skip(struct s2_dat_file *f, uint64_t n);

/** The next number, of 1 to 8 bytes; 0 if it is not there. */
bool s2_dat_number(struct s2_dat_file *f, unsigned bytes, uint64_t *v);

/** A number in memory, in the file's byte order. */
uint64_t s2_dat_number_at(const struct s2_dat_file *f, const unsigned char *at, unsigned bytes);

/** Past what its own size, a number of @p bytes, stands before. */
bool s2_dat_sized(struct s2_dat_file *f, unsigned bytes);

/** A word and its NUL, cut to @p room. */
bool s2_dat_word(struct s2_dat_file *f, char *to, size_t room);

/** Exactly the @p len bytes of @p text, up to 16. */
bool s2_dat_text(struct s2_dat_file *f, const char *text, size_t len);

/** A compressed piece: its size, its size unpacked, its bytes; what they unpack to is given to @p check. */
bool s2_dat_packed(struct s2_dat_file *f, bool (*check)(struct s2_dat_file *f));

#endif
