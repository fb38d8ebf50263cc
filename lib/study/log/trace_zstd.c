/* SPDX-License-Identifier: MIT */
/* Logs compressed by zstd; a build without libzstd refuses them. */
#include "study/log/trace_input.h"
#include "study/log/trace_unpack.h"

#include <errno.h>

#ifdef S2_HAVE_ZSTD

#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#define ZSTD_CHUNK 65536U

struct zstd_stream {
	ZSTD_DStream *zstd;
	ZSTD_inBuffer in;
	bool in_frame; /**< a frame was begun and its end not seen */
	unsigned char chunk[ZSTD_CHUNK];
};

static void zstd_close(void *stream)
{
	struct zstd_stream *z = stream;

	if (z == NULL)
		return;
	ZSTD_freeDStream(z->zstd);
	free(z);
}

static int zstd_open(const void *head, size_t len, void **stream)
{
	struct zstd_stream *z;

	if (len > ZSTD_CHUNK)
		return -EINVAL;
	z = calloc(1, sizeof(*z));
	if (z == NULL)
		return -ENOMEM;
	z->zstd = ZSTD_createDStream();
	if (z->zstd == NULL) {
		zstd_close(z);
		return -ENOMEM;
	}
	memcpy(z->chunk, head, len);
	z->in = (ZSTD_inBuffer){z->chunk, len, 0};
	z->in_frame = true;
	*stream = z;
	return 0;
}

/* Reads more of the file: 1, or 0 at its end, or the error. */
static int zstd_refill(struct zstd_stream *z, int fd, uint64_t *bytes_read)
{
	const int n = s2_input_read(fd, z->chunk, ZSTD_CHUNK);

	if (n <= 0)
		return n;
	z->in = (ZSTD_inBuffer){z->chunk, (size_t)n, 0};
	*bytes_read += (uint64_t)n;
	return 1;
}

static int zstd_error(size_t code)
{
	return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? -ENOMEM : -EILSEQ;
}

/* A frame that has ended is followed by another one, if by anything. */
static int zstd_step(struct zstd_stream *z, ZSTD_outBuffer *out)
{
	const size_t left = ZSTD_decompressStream(z->zstd, out, &z->in);

	if (ZSTD_isError(left))
		return zstd_error(left);
	z->in_frame = left != 0;
	return 0;
}

static int zstd_read(void *stream, int fd, char *to, size_t size, uint64_t *bytes_read)
{
	struct zstd_stream *z = stream;
	ZSTD_outBuffer out = {to, size, 0};

	for (;;) {
		int r = 0;

		/* First without new input: output may be pending inside. */
		if (z->in_frame || z->in.pos < z->in.size)
			r = zstd_step(z, &out);
		if (r < 0)
			return r;
		if (out.pos != 0)
			return (int)out.pos;
		if (z->in.pos < z->in.size)
			continue;
		r = zstd_refill(z, fd, bytes_read);
		if (r < 0)
			return r;
		if (r == 0)
			return z->in_frame ? -ENODATA : 0;
	}
}

int s2_zstd_whole(const void *from, size_t len, void *to, size_t size)
{
	return ZSTD_decompress(to, size, from, len) == size ? 0 : -EILSEQ;
}

#define zstd_if_there zstd_open
#else
int s2_zstd_whole(const void *from, size_t len, void *to, size_t size)
{
	(void)from;
	(void)len;
	(void)to;
	(void)size;
	return -ENOTSUP;
}

#define zstd_if_there s2_unpack_cannot
#define zstd_read     NULL
#define zstd_close    NULL
#endif

const struct s2_unpacker s2_zstd = {
	.name = "zstd",
	.library = "libzstd",
	.command = "zstd -d",
	.magic = "\x28\xb5\x2f\xfd",
	.magic_len = 4,
	.open = zstd_if_there,
	.read = zstd_read,
	.close = zstd_close,
};
