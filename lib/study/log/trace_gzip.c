/* SPDX-License-Identifier: MIT */
/* Logs compressed by gzip; a build without zlib refuses them. */
#include "study/log/trace_input.h"
#include "study/log/trace_unpack.h"

#include <errno.h>

#ifdef S2_HAVE_ZLIB

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/** zlib's code for "a gzip header is expected", added to the window's log2. */
#define GZIP_WRAPPER 16

/** Compressed bytes bytes_read at a time. */
#define GZIP_CHUNK 65536U

struct gzip_stream {
	z_stream z;
	bool in_member; /**< a member's header was begun and its trailer not seen */
	unsigned char chunk[GZIP_CHUNK];
};

static int gzip_open(const void *head, size_t len, void **stream)
{
	struct gzip_stream *gz;

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
	*stream = gz;
	return 0;
}

/** One turn of inflate(): 0, or the error. */
static int gzip_inflate(struct gzip_stream *gz)
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
static int gzip_refill(struct gzip_stream *gz, int fd, uint64_t *bytes_read)
{
	const int n = s2_input_read(fd, gz->chunk, GZIP_CHUNK);

	if (n <= 0)
		return n;
	gz->z.next_in = gz->chunk;
	gz->z.avail_in = (uInt)n;
	*bytes_read += (uint64_t)n;
	return 1;
}

static int gzip_read(void *stream, int fd, char *to, size_t size, uint64_t *bytes_read)
{
	struct gzip_stream *gz = stream;

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

static void gzip_close(void *stream)
{
	struct gzip_stream *gz = stream;

	if (gz == NULL)
		return;
	inflateEnd(&gz->z);
	free(gz);
}

#define gzip_if_there gzip_open
#else
#define gzip_if_there s2_unpack_cannot
#define gzip_read     NULL
#define gzip_close    NULL
#endif

const struct s2_unpacker s2_gzip = {
	.name = "gzip",
	.library = "zlib",
	.command = "gzip -d",
	.magic = "\x1f\x8b",
	.magic_len = 2,
	.open = gzip_if_there,
	.read = gzip_read,
	.close = gzip_close,
};
