/* SPDX-License-Identifier: MIT */
/* Reader of ftrace logs; see trace.h. */
#include "study/log/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "study/log/trace_dat.h"
#include "study/log/trace_dialect.h"
#include "study/log/trace_input.h"
#include "study/log/trace_line.h"

/** Characters of a bad line that a message shows. */
#define TRACE_SHOWN 32

struct s2_trace {
	struct s2_input *input;
	bool looked;	    /**< whether it is one of these */
	struct s2_dat *dat; /**< the reader of a trace.dat, NULL for text */
	bool known; /**< a line showed that this is an ftrace log */
	int failed; /**< the errno to give for good, 0 for none */
	uint64_t failed_line;
	uint64_t entries; /**< what the header says, 0 for nothing */
	uint32_t cpus;	  /**< likewise */
	struct s2_error error;
	struct s2_dialect_head head; /**< what a tool's own lines told */
	struct s2_trace_task last;
	struct s2_trace_index index;
	char said[S2_DIALECT_ROOM]; /**< an event of another tool, as tracefs has it */
};

/* Errors. */

/**
 * Set the error of @p line.  Returns what next() is to return: -EBADMSG when
 * the code is one of a bad line, else -EINVAL, for good.
 */
S2_PRINTF(4, 5)
static int trace_report(struct s2_trace *t, uint64_t line, enum s2_trace_code code,
			const char *format, ...)
{
	char what[S2_ERROR_TEXT];
	va_list ap;

	va_start(ap, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): LLVM 14, from its 2nd file on */
	if (vsnprintf(what, sizeof(what), format, ap) < 0)
		what[0] = '\0';
	va_end(ap);
	/* What is wrong matters more than the head of it: see s2_input_name(). */
	s2_error_set(&t->error, (int)code, "%s:%" PRIu64 ": %.150s", s2_input_name(t->input), line,
		     what);
	if (code < S2_TRACE_ERR_NOT_FTRACE)
		return -EBADMSG;
	t->failed = -EINVAL;
	t->failed_line = line;
	return t->failed;
}

/** The next characters of a line, made printable; @p shown has TRACE_SHOWN + 3 bytes. */
static const char *show_rest(const struct s2_cursor *c, char *shown)
{
	size_t n = (size_t)(c->end - c->p);

	if (n == 0)
		return "the end of the line";
	if (n > TRACE_SHOWN)
		n = TRACE_SHOWN;
	shown[0] = '"';
	for (size_t i = 0; i < n; i++)
		shown[i + 1] = (char)(c->p[i] < ' ' || c->p[i] > '~' ? '?' : c->p[i]);
	shown[n + 1] = '"';
	shown[n + 2] = '\0';
	return shown;
}

static int not_ftrace(struct s2_trace *t, const struct s2_text_line *line)
{
	struct s2_cursor c = {.p = line->text, .end = line->text + line->len};
	char shown[TRACE_SHOWN + 3];

	return trace_report(
		t, line->number, S2_TRACE_ERR_NOT_FTRACE,
		"not an ftrace text log: expected \"comm-pid [cpu] flags time: event\", "
		"found %s",
		show_rest(&c, shown));
}

/** Where the line stopped matching, does it stop altogether? */
static bool is_cut(const struct s2_cursor *c)
{
	const size_t left = (size_t)(c->end - c->p);

	switch (c->want) {
	case S2_WANT_TEXT:
		return left < strlen(c->text) && memcmp(c->p, c->text, left) == 0;
	case S2_WANT_HEX: /* the "0" of "0x" may be left */
		return left == 0 || (left == 1 && *c->p == '0');
	default:
		return left == 0;
	}
}

/** A known event did not match: say which, and at which field. */
static int bad_form(struct s2_trace *t, const struct s2_text_line *line, struct s2_span name,
		    const struct s2_cursor *c)
{
	static const char *const wanted[] = {
		[S2_WANT_TEXT] = "expected",
		[S2_WANT_HEX] = "expected a whole hexadecimal number after",
		[S2_WANT_DECIMAL] = "expected a decimal number after",
		[S2_WANT_WORD] = "expected a word after",
		[S2_WANT_RANGE] = "number out of range after",
		[S2_WANT_END] = "expected nothing more after the field",
	};
	const enum s2_trace_code code = c->want == S2_WANT_RANGE ? S2_TRACE_ERR_RANGE
					: is_cut(c)		 ? S2_TRACE_ERR_CUT
								 : S2_TRACE_ERR_FORM;
	const size_t lead = strspn(c->text, " :(");
	char shown[TRACE_SHOWN + 3];

	return trace_report(t, line->number, code, "%.*s: %s \"%s\", found %s%s", (int)name.len,
			    name.text, wanted[c->want], c->text + (c->text[lead] ? lead : 0),
			    show_rest(c, shown),
			    code == S2_TRACE_ERR_CUT ? ": the line is cut" : "");
}

/* Lines that are no events. */

/** The count of CPUs that stands behind the counts of events; a header may lack it. */
static void header_cpus(struct s2_trace *t, struct s2_cursor *c)
{
	uint64_t cpus;

	while (c->p < c->end && *c->p == ' ')
		c->p++;
	if (S2_LIT(c, "#P:") && s2_scan_decimal(c, UINT32_MAX, &cpus))
		t->cpus = (uint32_t)cpus;
}

/** The header's count of events; losing some is an error. */
static int header_entries(struct s2_trace *t, const struct s2_text_line *line, struct s2_cursor *c)
{
	uint64_t held, written;

	t->known = true;
	if (!s2_scan_decimal(c, UINT64_MAX, &held) || !S2_LIT(c, "/") ||
	    !s2_scan_decimal(c, UINT64_MAX, &written) || (c->p < c->end && *c->p != ' '))
		return trace_report(t, line->number, S2_TRACE_ERR_FORM,
				    "header: expected \"entries-in-buffer/entries-written: N/N\"");
	t->entries = held;
	header_cpus(t, c);
	if (held != written)
		return trace_report(t, line->number, S2_TRACE_ERR_LOST,
				    "events were lost: the header says that the log has %" PRIu64
				    " of %" PRIu64,
				    held, written);
	return 0;
}

/** A line that only another tool writes, and that is no event. 1: it was one, or an error. */
static int read_tool_line(struct s2_trace *t, const struct s2_text_line *line)
{
	const struct s2_span text = {line->text, line->len};

	if (!s2_dialect_head(text, &t->head))
		return 0;
	t->known = true;
	if (t->head.cpus != 0)
		t->cpus = t->head.cpus;
	if (t->head.arch[0] != '\0' && strcmp(t->head.arch, "aarch64") != 0)
		return trace_report(t, line->number, S2_TRACE_ERR_ARCH,
				    "a log of another architecture (%s): expected one of arm64 "
				    "(aarch64)",
				    t->head.arch);
	return 1;
}

static int read_comment(struct s2_trace *t, const struct s2_text_line *line)
{
	struct s2_cursor c = {.p = line->text, .end = line->text + line->len};
	const int tool = read_tool_line(t, line);

	if (tool != 0)
		return tool < 0 ? tool : 0;
	if (S2_AT(&c, "# tracer: "))
		t->known = true;
	if (S2_LIT(&c, "# entries-in-buffer/entries-written: "))
		return header_entries(t, line, &c);
	return 0;
}

static bool is_blank_line(const struct s2_text_line *line)
{
	size_t i = 0;

	while (i < line->len && line->text[i] == ' ')
		i++;
	return i == line->len;
}

/** A line that has no event's prefix: 0 when there are such in a good log. */
static int read_no_prefix(struct s2_trace *t, const struct s2_text_line *line,
			  const struct s2_cursor *at)
{
	struct s2_cursor c = {.p = line->text, .end = line->text + line->len};
	char shown[TRACE_SHOWN + 3];

	if (is_blank_line(line) || (t->known && S2_AT(&c, " => ")))
		return 0; /* " => function" belongs to a stack trace */
	if (S2_AT(&c, "cpus=") || S2_AT(&c, "CPU ") || S2_AT(&c, "version = ")) {
		const int tool = read_tool_line(t, line);

		if (tool != 0)
			return tool < 0 ? tool : 0;
	}
	if (S2_AT(&c, "CPU:") && memchr(c.p, '[', line->len) != NULL) {
		t->known = true;
		return trace_report(t, line->number, S2_TRACE_ERR_LOST,
				    "events were lost: found %s", show_rest(&c, shown));
	}
	if (!t->known)
		return not_ftrace(t, line);
	return trace_report(t, line->number,
			    at->want == S2_WANT_RANGE ? S2_TRACE_ERR_RANGE
			    : at->p == at->end	      ? S2_TRACE_ERR_CUT
						      : S2_TRACE_ERR_FORM,
			    "expected \"comm-pid [cpu] flags time: event\", found %s",
			    show_rest(&c, shown));
}

/** The last line, without a newline: cut, unless this never was a log. */
static int read_last_line(struct s2_trace *t, const struct s2_text_line *line,
			  struct s2_trace_event *ev)
{
	struct s2_cursor c = {.p = line->text, .end = line->text + line->len, .text = ""};

	if (!t->known && !s2_trace_prefix(&c, &t->last, ev))
		return not_ftrace(t, line);
	t->known = true;
	return trace_report(t, line->number, S2_TRACE_ERR_CUT,
			    "the last line has no newline at its end: it is cut in the middle");
}

/* Lines that are. */

static int read_known_event(struct s2_trace *t, const struct s2_text_line *line,
			    struct s2_cursor *c, const struct s2_trace_form *form,
			    struct s2_trace_event *ev)
{
	const struct s2_span rest = {c->p, (size_t)(c->end - c->p)};
	const char *arch;

	ev->kind = form->kind;
	if (form->parse != NULL && form->parse(c, ev))
		return 1;
	arch = s2_trace_foreign(form, rest);
	if (arch == NULL)
		return bad_form(t, line, ev->name, c);
	return trace_report(t, line->number, S2_TRACE_ERR_ARCH,
			    "%.*s: a log of another architecture (%s): expected one of arm64",
			    (int)ev->name.len, ev->name.text, arch);
}

/** An event that another tool wrote, which t->said has in @p len bytes, as tracefs has it. */
static int read_said(struct s2_trace *t, const struct s2_text_line *line, size_t len,
		     struct s2_trace_event *ev)
{
	struct s2_cursor c = {.p = t->said, .end = t->said + len, .text = ""};
	const struct s2_trace_form *form;
	int ret;

	t->known = true;
	if (!s2_trace_name(&c, ev))
		return 1;
	form = s2_trace_form_find(&t->index, ev->name);
	if (form == NULL)
		return 1;
	ret = read_known_event(t, line, &c, form, ev);
	/* Its numbers have 0x whatever the kernel. */
	if (ret > 0 && ev->kind == S2_TRACE_SYS_IOCTL)
		ev->u.ioctl.prefix = S2_TRACE_PREFIX_UNKNOWN;
	return ret;
}

/** 1 for an event, 0 for a line to pass over, or an error. */
static int read_any_line(struct s2_trace *t, const struct s2_text_line *line,
			 struct s2_trace_event *ev)
{
	struct s2_cursor c = {.p = line->text, .end = line->text + line->len, .text = ""};
	const struct s2_trace_form *form;
	struct s2_span rest;

	if (!line->whole)
		return read_last_line(t, line, ev);
	if (line->len > 0 && line->text[0] == '#')
		return read_comment(t, line);
	if (!s2_trace_prefix(&c, &t->last, ev)) {
		const struct s2_span whole = {line->text, line->len};
		const size_t len = s2_dialect_line(whole, ev, t->said);

		return len != 0 ? read_said(t, line, len, ev) : read_no_prefix(t, line, &c);
	}
	t->known = true;
	rest.text = c.p;
	rest.len = (size_t)(c.end - c.p);
	if (!s2_trace_name(&c, ev)) {
		char shown[TRACE_SHOWN + 3];

		if (S2_AT(&c, "<stack trace>"))
			return 0;
		return trace_report(t, line->number,
				    c.p == c.end ? S2_TRACE_ERR_CUT : S2_TRACE_ERR_FORM,
				    "expected an event's name and what it says, found %s",
				    show_rest(&c, shown));
	}
	/* Two blanks behind a name, or none: columns as tracefs has them, but not its event. */
	if (*c.p == ':' && c.end - c.p > 2 && (c.p[1] != ' ' || c.p[2] == ' ') &&
	    s2_dialect_is_foreign(rest))
		return read_said(t, line, s2_dialect_event(rest, t->said), ev);
	form = s2_trace_form_find(&t->index, ev->name);
	if (form == NULL && s2_dialect_is_foreign(rest))
		return read_said(t, line, s2_dialect_event(rest, t->said), ev);
	return form == NULL ? 1 : read_known_event(t, line, &c, form, ev);
}

/** Pass an error of the input on, in our terms. */
static int input_error(struct s2_trace *t, const struct s2_text_line *line, int r)
{
	struct s2_text_line nothing = {.text = "", .number = line->number};

	if (r != -EMSGSIZE) {
		t->failed = r;
		t->failed_line = line->number;
		return r;
	}
	return t->known ? -EBADMSG : not_ftrace(t, &nothing);
}

/** Find out whether this is text, which whatever is not a trace.dat is taken for. */
static void look(struct s2_trace *t)
{
	t->looked = true;
	if (!s2_input_begins(t->input, S2_DAT_MAGIC, S2_DAT_MAGIC_LEN))
		return;
	t->failed_line = 1;
	t->failed = s2_dat_open(s2_input_fd(t->input), s2_input_name(t->input), &t->dat, &t->error);
}

int s2_trace_next(struct s2_trace *t, struct s2_trace_event *ev)
{
	struct s2_text_line line = {.text = "", .number = 0};
	int r;

	if (!t->looked)
		look(t);
	for (;;) {
		if (t->failed != 0) {
			*ev = (struct s2_trace_event){.line = t->failed_line};
			return t->failed;
		}
		if (t->dat != NULL)
			return s2_dat_next(t->dat, ev, &t->error);
		r = s2_input_next(t->input, &line, &t->error);
		if (r == 0 && !t->known) {
			line = (struct s2_text_line){.text = "", .number = s2_trace_lines(t)};
			r = not_ftrace(t, &line);
		} else if (r < 0) {
			r = input_error(t, &line, r);
		}
		if (r == 0)
			return 0;
		*ev = (struct s2_trace_event){.line = line.number, .tgid = -1};
		if (r > 0)
			r = read_any_line(t, &line, ev);
		if (r != 0)
			return r;
	}
}

/* The handle. */

struct s2_trace *s2_trace_open(const char *path, struct s2_error *err)
{
	struct s2_trace *const t = calloc(1, sizeof(*t));

	if (t == NULL) {
		s2_error_set(err, S2_TRACE_ERR_MEMORY, "%s: out of memory", path);
		return NULL;
	}
	if (s2_input_open(path, &t->input, err) < 0) {
		free(t);
		return NULL;
	}
	s2_trace_index_build(&t->index);
	return t;
}

void s2_trace_close(struct s2_trace *t)
{
	if (t == NULL)
		return;
	s2_dat_close(t->dat);
	s2_input_close(t->input);
	free(t);
}

const struct s2_error *s2_trace_error(const struct s2_trace *t)
{
	return &t->error;
}

uint64_t s2_trace_lines(const struct s2_trace *t)
{
	return t->dat != NULL ? s2_dat_records(t->dat) : s2_input_lines(t->input);
}

uint64_t s2_trace_entries(const struct s2_trace *t)
{
	return t->entries;
}

uint32_t s2_trace_cpus(const struct s2_trace *t)
{
	return t->dat != NULL ? s2_dat_cpus(t->dat) : t->cpus;
}

uint64_t s2_trace_bytes_read(const struct s2_trace *t)
{
	return t->dat != NULL ? s2_dat_bytes_read(t->dat) : s2_input_bytes_read(t->input);
}

uint64_t s2_trace_bytes_total(const struct s2_trace *t)
{
	return s2_input_bytes_total(t->input);
}

const char *s2_trace_release(const struct s2_trace *t)
{
	if (t->dat != NULL)
		return s2_dat_release(t->dat);
	return t->head.release[0] != '\0' ? t->head.release : NULL;
}

const char *s2_trace_code_name(enum s2_trace_code code)
{
	static const char *const names[S2_TRACE_CODES] = {
		[S2_TRACE_OK] = "ok",
		[S2_TRACE_ERR_LOST] = "lost",
		[S2_TRACE_ERR_CUT] = "cut",
		[S2_TRACE_ERR_FORM] = "form",
		[S2_TRACE_ERR_RANGE] = "range",
		[S2_TRACE_ERR_LONG] = "long",
		[S2_TRACE_ERR_NOT_FTRACE] = "not-ftrace",
		[S2_TRACE_ERR_ARCH] = "architecture",
		[S2_TRACE_ERR_OPEN] = "open",
		[S2_TRACE_ERR_READ] = "read",
		[S2_TRACE_ERR_GZIP] = "gzip",
		[S2_TRACE_ERR_NO_ZLIB] = "no-zlib",
		[S2_TRACE_ERR_DAT] = "trace.dat",
		[S2_TRACE_ERR_MEMORY] = "memory",
	};

	return (unsigned int)code < S2_TRACE_CODES ? names[code] : NULL;
}
