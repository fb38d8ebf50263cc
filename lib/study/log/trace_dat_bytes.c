/* SPDX-License-Identifier: MIT */
#include "study/log/trace_dat_bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/log/trace.h"
#include "study/log/trace_unpack.h"

#define DAT_UNPACKED_MAX (1U << 28) /* bytes that a compressed piece may unpack to */

/* ---- bytes ---- */

bool s2_dat_damaged(struct s2_dat_file *f, const char *what)
{
	if (!f->ret)
		s2_error_set(f->err, S2_TRACE_ERR_DAT,
			     "the trace.dat is damaged at byte %" PRIu64 " (%s): %s", f->pos,
			     f->part, what);
	f->ret = f->ret ? f->ret : -EIO;
	return false;
}

bool s2_dat_cut(struct s2_dat_file *f, uint64_t needs)
{
	if (f->unpacked || f->end < f->size)
		return s2_dat_damaged(f, "more than its section has");
	if (!f->ret)
		s2_error_set(f->err, S2_TRACE_ERR_DAT,
			     "the trace.dat is cut: it has %" PRIu64
			     " bytes, and the %s needs %" PRIu64 " at byte %" PRIu64,
			     f->size, f->part, needs, f->pos);
	f->ret = f->ret ? f->ret : -EIO;
	return false;
}

bool s2_dat_get(struct s2_dat_file *f, void *to, size_t n)
{
	size_t done = 0;

	if (f->ret)
		return false;
	if (f->pos > f->end || n > f->end - f->pos)
		return s2_dat_cut(f, n);
	if (f->unpacked) {
		memcpy(to, f->unpacked + f->pos, n);
		done = n;
	}
	while (done < n) {
		const ssize_t got =
			pread(f->fd, (char *)to + done, n - done, (off_t)(f->pos + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return s2_dat_cut(f, n);
		done += (size_t)got;
	}
	f->pos += n;
	return true;
}

bool s2_dat_skip(struct s2_dat_file *f, uint64_t n)
{
	if (f->ret)
		return false;
	if (f->pos > f->end || n > f->end - f->pos)
		return s2_dat_cut(f, n);
	f->pos += n;
	return true;
}

uint64_t s2_dat_number_at(const struct s2_dat_file *f, const unsigned char *at, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | at[f->big ? i : bytes - 1 - i];
	return v;
}

bool s2_dat_number(struct s2_dat_file *f, unsigned bytes, uint64_t *v)
{
	unsigned char raw[8];

	*v = 0;
	if (!s2_dat_get(f, raw, bytes))
		return false;
	*v = s2_dat_number_at(f, raw, bytes);
	return true;
}

/* What its own size stands before. */
bool s2_dat_sized(struct s2_dat_file *f, unsigned bytes)
{
	uint64_t size;

	return s2_dat_number(f, bytes, &size) && s2_dat_skip(f, size);
}

/* A word and its NUL, cut to @room. */
bool s2_dat_word(struct s2_dat_file *f, char *to, size_t room)
{
	size_t n = 0;
	char c;

	do {
		if (!s2_dat_get(f, &c, 1))
			return false;
		if (n + 1 < room)
			to[n++] = c;
	} while (c);
	to[n] = '\0';
	return true;
}

bool s2_dat_text(struct s2_dat_file *f, const char *text, size_t len)
{
	char found[16];

	if (!s2_dat_get(f, found, len))
		return false;
	if (!memcmp(found, text, len))
		return true;
	f->pos -= len;
	return s2_dat_damaged(f, text);
}

/* ---- what is compressed ---- */

bool s2_dat_unread(struct s2_dat_file *f, const char *what)
{
	if (!f->ret)
		s2_error_set(f->err, S2_TRACE_ERR_DAT, "a trace.dat %s", what);
	f->ret = f->ret ? f->ret : -ENOTSUP;
	return false;
}

bool s2_dat_no_memory(struct s2_dat_file *f)
{
	s2_error_set(f->err, S2_TRACE_ERR_MEMORY, "out of memory");
	f->ret = -ENOMEM;
	return false;
}

/* Unpacks the next @p packed bytes to @p n, and has them looked at. */
static bool unpack_to(struct s2_dat_file *f, unsigned char *from, size_t packed, unsigned char *to,
		      size_t n, bool (*check)(struct s2_dat_file *f))
{
	struct s2_dat_file inner;
	int ret;

	if (!s2_dat_get(f, from, packed))
		return false;
	ret = f->zstd ? s2_zstd_whole(from, packed, to, n) : -ENOTSUP;
	if (ret == -ENOTSUP)
		return s2_dat_unread(f,
				     "that is compressed, and not by a zstd that this build has: "
				     "give its text (trace-cmd report -i FILE)");
	if (ret < 0)
		return s2_dat_damaged(f, "it does not unpack");
	inner = *f;
	inner.unpacked = to;
	inner.pos = 0;
	inner.end = n;
	(void)check(&inner);
	f->ret = inner.ret;
	return !f->ret;
}

/* A piece: its size, its size when it is unpacked, its bytes. */
bool s2_dat_packed(struct s2_dat_file *f, bool (*check)(struct s2_dat_file *f))
{
	unsigned char *from, *to;
	uint64_t packed, n;
	bool good;

	if (!s2_dat_number(f, 4, &packed) || !s2_dat_number(f, 4, &n))
		return false;
	if (packed > f->end - f->pos)
		return s2_dat_cut(f, packed);
	if (n == 0 || n > DAT_UNPACKED_MAX)
		return s2_dat_damaged(f, "a size that what is unpacked cannot have");
	from = malloc((size_t)packed + 1);
	to = malloc((size_t)n);
	good = from && to ? unpack_to(f, from, (size_t)packed, to, (size_t)n, check)
			  : s2_dat_no_memory(f);
	free(from);
	free(to);
	return good;
}
