/* SPDX-License-Identifier: MIT */
/* Decompression for trace_input.c; a build without zlib has stubs. */
#include "study/log/trace_input.h"

#include <errno.h>

#ifdef S2_HAVE_ZLIB

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/** zlib's code for "a gzip header is expected", added to the window's log2. */
#define GZIP_WRAPPER 16

/** Compressed bytes bytes_read at a time. */
#define GZIP_CHUNK 65536U

struct s2_gzip {
	z_stream z;
	bool in_member; /**< a member's header was begun and its trailer not seen */
	unsigned char chunk[GZIP_CHUNK];
};

int s2_gzip_open(const void *head, size_t len, struct s2_gzip **gzip)
{
	struct s2_gzip *gz;

	if (len > GZIP_CHUNK)
		return -EINVAL;
	gz = calloc(1, sizeof(*gz));
	if (gz == NULL)
		return -ENOMEM;
	memcpy(gz->chunk, head, len);
	gz->z.next_in = gz->chunk;
	gz->z.avail_in = (uInt)len;
	gz->in_member = true;
	if (inflateInit2(&gz->z, MAX_WBITS + GZIP_WRAPPER) != Z_OK) {
		free(gz);
		return -ENOMEM;
	}
	*gzip = gz;
	return 0;
}

/** One turn of inflate(): 0, or the error. */
static int gzip_inflate(struct s2_gzip *gz)
{
	const int r = inflate(&gz->z, Z_NO_FLUSH);

	if (r == Z_STREAM_END) {
		gz->in_member = false;
		return 0;
	}
	if (r == Z_OK || r == Z_BUF_ERROR)
		return 0;
	return r == Z_MEM_ERROR ? -ENOMEM : -EILSEQ;
}

/** Read more of the file: 1, or 0 at its end, or the error. */
static int gzip_refill(struct s2_gzip *gz, int fd, uint64_t *bytes_read)
{
	const int n = s2_input_read(fd, gz->chunk, GZIP_CHUNK);

	if (n <= 0)
		return n;
	gz->z.next_in = gz->chunk;
	gz->z.avail_in = (uInt)n;
	*bytes_read += (uint64_t)n;
	return 1;
}

int s2_gzip_read(struct s2_gzip *gz, int fd, char *to, size_t size, uint64_t *bytes_read)
{
	gz->z.next_out = (unsigned char *)to;
	gz->z.avail_out = (uInt)size;
	for (;;) {
		int r;

		/* First without new input: output may be pending inside. */
		r = gz->in_member ? gzip_inflate(gz) : 0;
		if (r < 0)
			return r;
		if (gz->z.avail_out != size)
			return (int)(size - gz->z.avail_out);
		if (gz->z.avail_in == 0) {
			r = gzip_refill(gz, fd, bytes_read);
			if (r < 0)
				return r;
			if (r == 0)
				return gz->in_member ? -ENODATA : 0;
		}
		/* What follows a member is another one: files may be joined. */
		if (!gz->in_member && inflateReset(&gz->z) != Z_OK)
			return -EILSEQ;
		gz->in_member = true;
	}
}

void s2_gzip_close(struct s2_gzip *gz)
{
	if (gz == NULL)
		return;
	inflateEnd(&gz->z);
	free(gz);
}

#else /* S2_HAVE_ZLIB */

int s2_gzip_open(const void *head, size_t len, struct s2_gzip **gzip)
{
	(void)head;
	(void)len;
	(void)gzip;
	return -ENOTSUP;
}

int s2_gzip_read(struct s2_gzip *gz, int fd, char *to, size_t size, uint64_t *bytes_read)
{
	(void)gz;
	(void)fd;
	(void)to;
	(void)size;
	(void)bytes_read;
	return -ENOTSUP;
}

void s2_gzip_close(struct s2_gzip *gz)
{
	(void)gz;
}

#endif
