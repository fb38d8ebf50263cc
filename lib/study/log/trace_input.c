/* SPDX-License-Identifier: MIT */
/* Lines of a file, a pipe or a compressed one; see trace_input.h. */
#include "study/log/trace_input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "study/log/trace_dat.h"
#include "study/log/trace.h"
#include "study/log/trace_unpack.h"

/** Bytes of the buffer: twice the longest line, and well inside an L2 cache. */
#define S2_INPUT_BUFFER (2 * (size_t)S2_TRACE_LINE_MAX)

/** Bytes of a file's name that messages show. */
#define INPUT_NAME_SHOWN 80

/** Bytes that tell the longest magic number. */
#define INPUT_MAGIC_MAX 10

/** "There is none" for a position in the buffer. */
#define INPUT_NOWHERE SIZE_MAX

struct s2_input {
	int fd;
	bool owns_fd;
	bool at_eof;   /**< the source has no more bytes */
	bool skipping; /**< what is left of a line that was too long */
	bool looked;   /**< the first bytes were read */
	bool begun;    /**< and told what it is */
	int failed;    /**< the errno to give for good, 0 for none */
	struct s2_error failure;
	const struct s2_unpacker *unpacker; /**< NULL for plain text */
	void *stream;			    /**< its */
	uint64_t lines;
	uint64_t bytes_read, bytes_total;
	size_t head;	   /**< the first bytes, before it has begun */
	size_t start, end; /**< of the bytes not yet handed out */
	size_t nul;	   /**< position of the first NUL among them, or INPUT_NOWHERE */
	char name[INPUT_NAME_SHOWN + 1];
	char buffer[S2_INPUT_BUFFER];
};

int s2_input_read(int fd, void *to, size_t size)
{
	ssize_t n;

	do {
		n = read(fd, to, size);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/** Keep a name for messages; of a long path the tail says more. */
static void input_keep_name(struct s2_input *in, const char *path)
{
	const size_t len = strlen(path);

	if (strcmp(path, "-") == 0)
		path = "(standard input)";
	else if (len > INPUT_NAME_SHOWN)
		path += len - INPUT_NAME_SHOWN;
	memcpy(in->name, path, strlen(path) + 1);
	if (len > INPUT_NAME_SHOWN)
		memcpy(in->name, "...", 3);
}

static int input_open_fd(struct s2_input *in, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0) {
		in->fd = STDIN_FILENO;
	} else {
		in->fd = open(path, O_RDONLY | O_CLOEXEC);
		in->owns_fd = true;
	}
	if (in->fd < 0)
		return -errno;
	if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		in->bytes_total = (uint64_t)st.st_size;
	return 0;
}

int s2_input_open(const char *path, struct s2_input **input, struct s2_error *err)
{
	struct s2_input *in = malloc(sizeof(*in));
	int r;

	if (in == NULL) {
		s2_error_set(err, S2_TRACE_ERR_MEMORY, "%s: out of memory", path);
		return -ENOMEM;
	}
	/* All but the buffer, which is large and written before it is read. */
	memset(in, 0, offsetof(struct s2_input, buffer));
	in->nul = INPUT_NOWHERE;
	input_keep_name(in, path);
	r = input_open_fd(in, path);
	if (r < 0) {
		s2_error_set(err, S2_TRACE_ERR_OPEN, "%s: cannot open: %s", in->name, strerror(-r));
		free(in);
		return r;
	}
	*input = in;
	return 0;
}

void s2_input_close(struct s2_input *in)
{
	if (in == NULL)
		return;
	if (in->stream != NULL)
		in->unpacker->close(in->stream);
	if (in->owns_fd)
		close(in->fd);
	free(in);
}

/** End this input with an error that each later call gives again. */
static int input_fail(struct s2_input *in, int r, int code, const char *what, const char *why)
{
	in->failed = r;
	s2_error_set(&in->failure, code, "%s:%" PRIu64 ": %s%s", in->name, in->lines + 1, what,
		     why);
	return r;
}

static int input_fail_read(struct s2_input *in, int r)
{
	char text[160];

	switch (r) {
	case -ENODATA:
		(void)snprintf(text, sizeof(text),
			       "the data compressed by %s end in the middle: the file is truncated",
			       in->unpacker->name);
		return input_fail(in, -EIO, S2_TRACE_ERR_GZIP, text, "");
	case -EILSEQ:
		(void)snprintf(text, sizeof(text), "the data compressed by %s are damaged",
			       in->unpacker->name);
		return input_fail(in, -EIO, S2_TRACE_ERR_GZIP, text, "");
	case -ENOTSUP:
		(void)snprintf(text, sizeof(text),
			       "the file is compressed by %s and this build has no %s: decompress it "
			       "first (%s)",
			       in->unpacker->name, in->unpacker->library, in->unpacker->command);
		return input_fail(in, r, S2_TRACE_ERR_NO_ZLIB, text, "");
	case -ENOMEM:
		return input_fail(in, r, S2_TRACE_ERR_MEMORY, "out of memory", "");
	default:
		return input_fail(in, r, S2_TRACE_ERR_READ, "cannot read: ", strerror(-r));
	}
}

/** Up to @p size more bytes of text, as s2_input_read(). */
static int input_read_some(struct s2_input *in, char *to, size_t size)
{
	int n;

	if (in->stream != NULL)
		return in->unpacker->read(in->stream, in->fd, to, size, &in->bytes_read);
	n = s2_input_read(in->fd, to, size);
	if (n > 0)
		in->bytes_read += (uint64_t)n;
	return n;
}

/** Account for @p n bytes that input_read_some() put at the end, or pass its error. */
static int input_add_bytes(struct s2_input *in, int n)
{
	const char *nul;

	if (n < 0)
		return input_fail_read(in, n);
	if (n == 0) {
		in->at_eof = true;
		return 0;
	}
	nul = in->nul == INPUT_NOWHERE ? memchr(in->buffer + in->end, '\0', (size_t)n) : NULL;
	if (nul != NULL)
		in->nul = (size_t)(nul - in->buffer);
	in->end += (size_t)n;
	return 0;
}

/** Refuse what is known not to be text, with the command that makes it so. */
static int input_refuse_binary(struct s2_input *in, size_t len)
{
	static const struct {
		const char *what;
		char magic[INPUT_MAGIC_MAX + 1];
		size_t size;
	} known[] = {
		{"a trace.dat of trace-cmd: give its text (trace-cmd report -i FILE)",
		 S2_DAT_MAGIC, S2_DAT_MAGIC_LEN},
		{"a perf.data: give its text (perf script -i FILE)", "PERFILE2", 8},
		{"the file is compressed by bzip2: decompress it first (bzip2 -d)", "BZh", 3},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len >= known[i].size && !memcmp(in->buffer, known[i].magic, known[i].size))
			return input_fail(in, -EINVAL, S2_TRACE_ERR_NOT_FTRACE, known[i].what, "");
	return 0;
}

/** Read the first bytes, which tell what it is. */
static int input_look(struct s2_input *in)
{
	if (in->looked)
		return in->failed;
	in->looked = true;
	/* A pipe may give a single byte, which would not tell. */
	while (in->head < INPUT_MAGIC_MAX) {
		const int n = input_read_some(in, in->buffer + in->head, S2_TRACE_LINE_MAX / 2);

		if (n < 0)
			return input_fail_read(in, n);
		if (n == 0)
			break;
		in->head += (size_t)n;
	}
	return 0;
}

/** Turn to decompression if the first bytes are the magic of one. */
static int input_begin(struct s2_input *in)
{
	int n = input_look(in);

	in->begun = true;
	if (n >= 0)
		n = input_refuse_binary(in, in->head);
	if (n < 0)
		return n;
	in->unpacker = s2_unpacker_of(in->buffer, in->head);
	if (in->unpacker == NULL)
		return input_add_bytes(in, (int)in->head);
	n = in->unpacker->open(in->buffer, in->head, &in->stream);
	return n < 0 ? input_fail_read(in, n) : 0;
}

/** Make room behind the bytes not yet handed out, and read some more. */
static int input_refill(struct s2_input *in)
{
	if (!in->begun)
		return input_begin(in);
	if (in->start > 0) {
		memmove(in->buffer, in->buffer + in->start, in->end - in->start);
		if (in->nul != INPUT_NOWHERE)
			in->nul -= in->start;
		in->end -= in->start;
		in->start = 0;
	}
	return input_add_bytes(
		in, input_read_some(in, in->buffer + in->end, S2_INPUT_BUFFER - in->end));
}

/** End this input because the @p len bytes at start have a NUL; 0 if they have none. */
static int input_refuse_nul(struct s2_input *in, size_t len)
{
	if (in->nul >= in->start + len)
		return 0;
	return input_fail(in, -EINVAL, S2_TRACE_ERR_NOT_FTRACE,
			  "not a text file: the line has a NUL byte", "");
}

/** Hand out the @p len bytes at start, and go on @p used bytes behind it. */
static int input_give(struct s2_input *in, struct s2_text_line *line, size_t len, size_t used)
{
	if (input_refuse_nul(in, len) < 0)
		return in->failed;
	line->text = in->buffer + in->start;
	line->len = len;
	line->number = ++in->lines;
	line->whole = used > len;
	in->start += used;
	return 1;
}

/** Refuse a line of which @p len bytes are in the buffer. */
static int input_too_long(struct s2_input *in, size_t len, struct s2_text_line *line,
			  struct s2_error *err)
{
	if (input_refuse_nul(in, len) < 0)
		return in->failed;
	line->number = ++in->lines;
	in->skipping = true;
	s2_error_set(err, S2_TRACE_ERR_LONG,
		     "%s:%" PRIu64 ": the line is longer than %u bytes, the most that is read",
		     in->name, in->lines, S2_TRACE_LINE_MAX);
	return -EMSGSIZE;
}

/**
 * Find the end of the line at start.  Returns its length, or that of the part
 * of it that is in the buffer; *@p ended says which.
 */
static size_t input_line_length(const struct s2_input *in, bool *ended)
{
	const char *const from = in->buffer + in->start;
	const char *const newline = memchr(from, '\n', in->end - in->start);

	*ended = newline != NULL;
	return *ended ? (size_t)(newline - from) : in->end - in->start;
}

/** Drop bytes up to the end of a line that was too long. */
static void input_skip(struct s2_input *in)
{
	bool ended;
	const size_t len = input_line_length(in, &ended);

	if (input_refuse_nul(in, len) < 0)
		return;
	in->start += ended ? len + 1 : len;
	in->skipping = !ended;
}

static int input_line(struct s2_input *in, struct s2_text_line *line, struct s2_error *err)
{
	while (in->failed == 0) {
		bool ended;
		size_t len;

		if (in->skipping)
			input_skip(in);
		len = input_line_length(in, &ended);
		if (len > S2_TRACE_LINE_MAX)
			return input_too_long(in, len, line, err);
		if (ended && !in->skipping)
			return input_give(in, line, len, len + 1);
		if (in->at_eof)
			return len == 0 ? 0 : input_give(in, line, len, len);
		input_refill(in);
	}
	return in->failed;
}

int s2_input_next(struct s2_input *in, struct s2_text_line *line, struct s2_error *err)
{
	const int r = input_line(in, line, err);

	if (in->failed != 0) {
		line->number = in->lines + 1;
		if (err != NULL)
			*err = in->failure;
	}
	return r;
}

bool s2_input_begins(struct s2_input *in, const char *magic, size_t len)
{
	return !in->begun && input_look(in) >= 0 && in->head >= len &&
	       !memcmp(in->buffer, magic, len);
}

int s2_input_fd(const struct s2_input *in)
{
	return in->fd;
}

const char *s2_input_name(const struct s2_input *in)
{
	return in->name;
}

uint64_t s2_input_lines(const struct s2_input *in)
{
	return in->lines;
}

uint64_t s2_input_bytes_read(const struct s2_input *in)
{
	return in->bytes_read;
}

uint64_t s2_input_bytes_total(const struct s2_input *in)
{
	return in->bytes_total;
}
