/* SPDX-License-Identifier: MIT */
#include "study/check/check_line.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define FIELDS_MAX 10

/* A field by its key: how its value is written, and where it goes. */
enum field_form {
	FORM_DECIMAL,
	FORM_HEX,
	FORM_WORD,
	FORM_TEXT,
};

static const struct {
	const char *key;
	enum field_form form;
	size_t offset;
} fields[] = {
	{"id", FORM_DECIMAL, SIZE_MAX},
	{"tid", FORM_DECIMAL, offsetof(struct s2_check_line, tid)},
	{"word", FORM_WORD, offsetof(struct s2_check_line, word)},
	{"kind", FORM_WORD, offsetof(struct s2_check_line, kind)},
	{"mem-order", FORM_WORD, offsetof(struct s2_check_line, kind)},
	{"sysreg", FORM_WORD, offsetof(struct s2_check_line, kind)},
	{"access", FORM_WORD, offsetof(struct s2_check_line, kind)},
	{"address", FORM_HEX, offsetof(struct s2_check_line, address)},
	{"location", FORM_HEX, offsetof(struct s2_check_line, address)},
	{"value", FORM_HEX, offsetof(struct s2_check_line, value)},
	{"size", FORM_HEX, offsetof(struct s2_check_line, size)},
	{"line", FORM_HEX, SIZE_MAX},
	{"vtcr", FORM_HEX, offsetof(struct s2_check_line, vtcr)},
	{"vttbr", FORM_HEX, offsetof(struct s2_check_line, vttbr)},
	{"count", FORM_HEX, offsetof(struct s2_check_line, count)},
	{"src", FORM_TEXT, offsetof(struct s2_check_line, site)},
};

/* Each head with its fields in the order in which bare values are taken; [x]: may be missing. */
static const struct {
	const char *name;
	enum s2_check_head head;
	const char *fields;
} heads[] = {
	{"mem-write", S2_CHECK_MEM_WRITE, "id tid mem-order address value [src]"},
	{"mem-read", S2_CHECK_MEM_READ, "id tid address value [src]"},
	{"mem-init", S2_CHECK_MEM_INIT, "id tid address size [src]"},
	{"mem-free", S2_CHECK_MEM_FREE, "id tid address size [src]"},
	{"mem-set", S2_CHECK_MEM_SET, "id tid address size value [src]"},
	{"sysreg-write", S2_CHECK_SYSREG_WRITE, "id tid sysreg value [src]"},
	{"barrier", S2_CHECK_BARRIER, "id tid word [kind] [src]"},
	{"tlbi", S2_CHECK_TLBI, "id tid word [value] [src]"},
	{"dc", S2_CHECK_DC, "id tid word [address] [size] [line] [count] [src]"},
	{"ic", S2_CHECK_IC, "id tid word [address] [size] [line] [src]"},
	{"hvc", S2_CHECK_HVC, "id tid [word] [src]"},
	{"guest", S2_CHECK_GUEST, "id tid word [count] [src]"},
	{"rely", S2_CHECK_RELY, "id tid word vtcr vttbr address size access [src]"},
	{"hint", S2_CHECK_HINT, "id tid kind location value [src]"},
	{"lock", S2_CHECK_LOCK, "id tid address [src]"},
	{"trylock", S2_CHECK_LOCK, "id tid address [src]"},
	{"unlock", S2_CHECK_LOCK, "id tid address [src]"},
	{"vmid", S2_CHECK_OTHER, "id tid word [value] [src]"},
	{"tlb", S2_CHECK_OTHER, "id tid word [count] [src]"},
	{"step", S2_CHECK_OTHER, "id tid word [count] [src]"},
};

/* A line being read. */
struct reading {
	const char *at, *end;
	struct s2_error *err;
	struct s2_check_line *line;
	size_t head;		  /* in heads[] */
	size_t order[FIELDS_MAX]; /* of fields[], as the head has them */
	bool optional[FIELDS_MAX], filled[FIELDS_MAX];
	size_t n;
};

bool s2_span_is(struct s2_span span, const char *word)
{
	return strlen(word) == span.len && !memcmp(span.text, word, span.len);
}

static int expected(const struct reading *r, const char *what)
{
	s2_error_set(r->err, EINVAL, "expected %s", what);
	return -EINVAL;
}

static void skip_blanks(struct reading *r)
{
	while (r->at < r->end && isspace((unsigned char)*r->at))
		r->at++;
}

static bool take(struct reading *r, char c)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* A word, or a quoted text without its quotes. */
static int atom(struct reading *r, struct s2_span *span)
{
	const bool quoted = take(r, '"');

	span->text = r->at;
	while (r->at < r->end &&
	       (quoted ? *r->at != '"'
		       : *r->at != '(' && *r->at != ')' && !isspace((unsigned char)*r->at)))
		r->at++;
	span->len = (size_t)(r->at - span->text);
	if (quoted && !take(r, '"'))
		return expected(r, "a closing quote");
	if (!quoted && !span->len)
		return expected(r, "a word or a number");
	return 0;
}

static int number(const struct reading *r, struct s2_span text, unsigned base, uint64_t *value)
{
	uint64_t v = 0;
	size_t i = 0;

	if (base == 16 && text.len > 2 && text.text[0] == '0' && (text.text[1] | 32) == 'x')
		i = 2;
	if (i == text.len)
		return expected(r, base == 16 ? "a hexadecimal number" : "a decimal number");
	for (; i < text.len; i++) {
		const int c = tolower((unsigned char)text.text[i]);
		const unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				       : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							      : 16;

		if (digit >= base)
			return expected(r, base == 16 ? "a hexadecimal number" : "a decimal number");
		if (v > (UINT64_MAX - digit) / base)
			return expected(r, "a number of at most 64 bits");
		v = v * base + digit;
	}
	*value = v;
	return 0;
}

static int put(struct reading *r, size_t place, struct s2_span value)
{
	const size_t f = r->order[place];
	char *const to = (char *)r->line + fields[f].offset;
	uint64_t ignored = 0;
	int ret = 0;

	if (r->filled[place]) {
		s2_error_set(r->err, EINVAL, "two values for \"%s\"", fields[f].key);
		return -EINVAL;
	}
	r->filled[place] = true;
	if (fields[f].form == FORM_WORD || fields[f].form == FORM_TEXT) {
		memcpy(to, &value, sizeof(value));
		return 0;
	}
	ret = number(r, value, fields[f].form == FORM_HEX ? 16 : 10, &ignored);
	if (!ret && fields[f].offset != SIZE_MAX)
		memcpy(to, &ignored, sizeof(ignored));
	r->line->has_value |= !strcmp(fields[f].key, "value");
	return ret;
}

static int keyed(struct reading *r)
{
	struct s2_span key, value;
	int ret = atom(r, &key);

	if (!ret)
		ret = atom(r, &value);
	if (ret)
		return ret;
	if (!take(r, ')'))
		return expected(r, "\")\" after a key and its value");
	for (size_t i = 0; i < r->n; i++)
		if (s2_span_is(key, fields[r->order[i]].key))
			return put(r, i, value);
	s2_error_set(r->err, EINVAL, "\"%.*s\" is no field of \"%s\"; expected %s", (int)key.len,
		     key.text, heads[r->head].name, heads[r->head].fields);
	return -EINVAL;
}

/* The next field that has no value yet; a quoted text is src. */
static int bare(struct reading *r)
{
	const bool quoted = r->at < r->end && *r->at == '"';
	struct s2_span value;
	int ret = atom(r, &value);

	for (size_t i = 0; !ret && i < r->n; i++) {
		const bool is_text = fields[r->order[i]].form == FORM_TEXT;

		if (!r->filled[i] && is_text == quoted)
			return put(r, i, value);
	}
	if (ret)
		return ret;
	s2_error_set(r->err, EINVAL, "\"%.*s\" is one value too many; expected %s",
		     (int)value.len, value.text, heads[r->head].fields);
	return -EINVAL;
}

static int take_head(struct reading *r)
{
	struct s2_span name;
	const char *text;
	int ret = atom(r, &name);

	if (ret)
		return ret;
	while (r->head < sizeof(heads) / sizeof(heads[0]) && !s2_span_is(name, heads[r->head].name))
		r->head++;
	if (r->head == sizeof(heads) / sizeof(heads[0])) {
		s2_error_set(r->err, EINVAL, "\"%.*s\" is no event of this log", (int)name.len,
			     name.text);
		return -EINVAL;
	}
	r->line->head = heads[r->head].head;
	for (text = heads[r->head].fields; *text; text += strcspn(text, " ")) {
		size_t len;

		text += strspn(text, " ");
		r->optional[r->n] = *text == '[';
		text += r->optional[r->n];
		len = strcspn(text, " ]");
		while (strlen(fields[r->order[r->n]].key) != len ||
		       memcmp(fields[r->order[r->n]].key, text, len) != 0)
			r->order[r->n]++;
		r->n++;
	}
	return 0;
}

static int check_complete(const struct reading *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->filled[i] || r->optional[i])
			continue;
		s2_error_set(r->err, EINVAL, "\"%s\" has no %s; expected %s", heads[r->head].name,
			     fields[r->order[i]].key, heads[r->head].fields);
		return -EINVAL;
	}
	return 0;
}

int s2_check_line_parse(struct s2_span text, struct s2_check_line *line, struct s2_error *err)
{
	struct reading r = {.at = text.text, .end = text.text + text.len, .err = err, .line = line};
	int ret;

	memset(line, 0, sizeof(*line));
	line->count = 1;
	skip_blanks(&r);
	if (r.at == r.end || *r.at == ';' || *r.at == '!' || *r.at == '#')
		return 1;
	if (!take(&r, '('))
		return expected(&r, "\"(\" at the start of an event");
	ret = take_head(&r);
	while (!ret && !take(&r, ')')) {
		if (r.at == r.end)
			return expected(&r, "\")\" at the end of an event");
		ret = take(&r, '(') ? keyed(&r) : bare(&r);
	}
	skip_blanks(&r);
	if (!ret && r.at != r.end)
		return expected(&r, "one event a line");
	return ret ? ret : check_complete(&r);
}
