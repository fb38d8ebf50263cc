/* SPDX-License-Identifier: MIT */
/* Logs compressed by xz; a build without liblzma refuses them. */
#include "study/log/trace_input.h"
#include "study/log/trace_unpack.h"

#include <errno.h>

#ifdef S2_HAVE_LZMA

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#define XZ_CHUNK 65536U

/* A dictionary of xz -9 takes 65 MiB; whoever made a log for more is asked to unpack it. */
#define XZ_MEMORY (UINT64_C(256) << 20)

struct xz_stream {
	lzma_stream lzma;
	bool ended; /**< the file has, and lzma knows */
	unsigned char chunk[XZ_CHUNK];
};

static int xz_error(lzma_ret code)
{
	switch (code) {
	case LZMA_MEM_ERROR:
	case LZMA_MEMLIMIT_ERROR:
		return -ENOMEM;
	case LZMA_BUF_ERROR:
		return -ENODATA;
	default:
		return -EILSEQ;
	}
}

static void xz_close(void *stream)
{
	struct xz_stream *x = stream;

	if (x == NULL)
		return;
	lzma_end(&x->lzma);
	free(x);
}

static int xz_open(const void *head, size_t len, void **stream)
{
	const lzma_stream none = LZMA_STREAM_INIT;
	struct xz_stream *x;

	if (len > XZ_CHUNK)
		return -EINVAL;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return -ENOMEM;
	x->lzma = none;
	/* Files may be joined. */
	if (lzma_stream_decoder(&x->lzma, XZ_MEMORY, LZMA_CONCATENATED) != LZMA_OK) {
		xz_close(x);
		return -ENOMEM;
	}
	memcpy(x->chunk, head, len);
	x->lzma.next_in = x->chunk;
	x->lzma.avail_in = len;
	*stream = x;
	return 0;
}

static int xz_refill(struct xz_stream *x, int fd, uint64_t *bytes_read)
{
	const int n = s2_input_read(fd, x->chunk, XZ_CHUNK);

	if (n < 0)
		return n;
	x->ended = n == 0;
	x->lzma.next_in = x->chunk;
	x->lzma.avail_in = (size_t)n;
	*bytes_read += (uint64_t)n;
	return 0;
}

static int xz_read(void *stream, int fd, char *to, size_t size, uint64_t *bytes_read)
{
	struct xz_stream *x = stream;

	x->lzma.next_out = (uint8_t *)to;
	x->lzma.avail_out = size;
	for (;;) {
		const lzma_ret code = lzma_code(&x->lzma, x->ended ? LZMA_FINISH : LZMA_RUN);
		int r;

		if (x->lzma.avail_out != size && (code == LZMA_OK || code == LZMA_STREAM_END))
			return (int)(size - x->lzma.avail_out);
		if (code == LZMA_STREAM_END)
			return 0;
		if (code != LZMA_OK && (code != LZMA_BUF_ERROR || x->ended))
			return xz_error(code);
		r = x->lzma.avail_in == 0 ? xz_refill(x, fd, bytes_read) : 0;
		if (r < 0)
			return r;
	}
}

#define xz_if_there xz_open
#else
#define xz_if_there s2_unpack_cannot
#define xz_read	    NULL
#define xz_close    NULL
#endif

const struct s2_unpacker s2_xz = {
	.name = "xz",
	.library = "liblzma",
	.command = "xz -d",
	.magic = "\xfd\x37zXZ",
	.magic_len = 5,
	.open = xz_if_there,
	.read = xz_read,
	.close = xz_close,
};
