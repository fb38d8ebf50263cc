/* SPDX-License-Identifier: MIT */
#include "study/check/check_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIELDS_MAX 10

/* A field by its key: how its value is written, and where it goes. */
enum field_form {
	FORM_DECIMAL,
	FORM_HEX,
	FORM_WORD,
	FORM_TEXT,
};

enum field {
	END, /* of a head's fields */
	ID,
	TID,
	WORD,
	KIND,
	MEM_ORDER,
	SYSREG,
	ACCESS,
	ADDRESS,
	LOCATION,
	VALUE,
	SIZE,
	LINE,
	VTCR,
	VTTBR,
	COUNT,
	SRC,
};

#define KEY(text) text, sizeof(text) - 1
#define AT(member) offsetof(struct s2_check_line, member)

static const struct {
	const char *key;
	size_t len;
	enum field_form form;
	size_t offset; /* SIZE_MAX: nowhere */
} fields[] = {
	[ID] = {KEY("id"), FORM_DECIMAL, SIZE_MAX},
	[TID] = {KEY("tid"), FORM_DECIMAL, AT(tid)},
	[WORD] = {KEY("word"), FORM_WORD, AT(word)},
	[KIND] = {KEY("kind"), FORM_WORD, AT(kind)},
	[MEM_ORDER] = {KEY("mem-order"), FORM_WORD, AT(kind)},
	[SYSREG] = {KEY("sysreg"), FORM_WORD, AT(kind)},
	[ACCESS] = {KEY("access"), FORM_WORD, AT(kind)},
	[ADDRESS] = {KEY("address"), FORM_HEX, AT(address)},
	[LOCATION] = {KEY("location"), FORM_HEX, AT(address)},
	[VALUE] = {KEY("value"), FORM_HEX, AT(value)},
	[SIZE] = {KEY("size"), FORM_HEX, AT(size)},
	[LINE] = {KEY("line"), FORM_HEX, SIZE_MAX},
	[VTCR] = {KEY("vtcr"), FORM_HEX, AT(vtcr)},
	[VTTBR] = {KEY("vttbr"), FORM_HEX, AT(vttbr)},
	[COUNT] = {KEY("count"), FORM_HEX, AT(count)},
	[SRC] = {KEY("src"), FORM_TEXT, AT(site)},
};

/* Each head with its fields in the order in which bare values are taken; the first n are needed. */
static const struct head {
	const char *name;
	size_t len;
	enum s2_check_head head;
	unsigned needed;
	uint8_t fields[FIELDS_MAX];
} heads[] = {
	{KEY("mem-write"), S2_CHECK_MEM_WRITE, 5, {ID, TID, MEM_ORDER, ADDRESS, VALUE, SRC}},
	{KEY("mem-read"), S2_CHECK_MEM_READ, 4, {ID, TID, ADDRESS, VALUE, SRC}},
	{KEY("mem-init"), S2_CHECK_MEM_INIT, 4, {ID, TID, ADDRESS, SIZE, SRC}},
	{KEY("mem-free"), S2_CHECK_MEM_FREE, 4, {ID, TID, ADDRESS, SIZE, SRC}},
	{KEY("mem-set"), S2_CHECK_MEM_SET, 5, {ID, TID, ADDRESS, SIZE, VALUE, SRC}},
	{KEY("sysreg-write"), S2_CHECK_SYSREG_WRITE, 4, {ID, TID, SYSREG, VALUE, SRC}},
	{KEY("barrier"), S2_CHECK_BARRIER, 3, {ID, TID, WORD, KIND, SRC}},
	{KEY("tlbi"), S2_CHECK_TLBI, 3, {ID, TID, WORD, VALUE, SRC}},
	{KEY("dc"), S2_CHECK_DC, 3, {ID, TID, WORD, ADDRESS, SIZE, LINE, COUNT, SRC}},
	{KEY("ic"), S2_CHECK_IC, 3, {ID, TID, WORD, ADDRESS, SIZE, LINE, SRC}},
	{KEY("hvc"), S2_CHECK_HVC, 2, {ID, TID, WORD, SRC}},
	{KEY("guest"), S2_CHECK_GUEST, 3, {ID, TID, WORD, COUNT, SRC}},
	{KEY("rely"), S2_CHECK_RELY, 8, {ID, TID, WORD, VTCR, VTTBR, ADDRESS, SIZE, ACCESS, SRC}},
	{KEY("hint"), S2_CHECK_HINT, 5, {ID, TID, KIND, LOCATION, VALUE, SRC}},
	{KEY("lock"), S2_CHECK_LOCK, 3, {ID, TID, ADDRESS, SRC}},
	{KEY("trylock"), S2_CHECK_LOCK, 3, {ID, TID, ADDRESS, SRC}},
	{KEY("unlock"), S2_CHECK_LOCK, 3, {ID, TID, ADDRESS, SRC}},
	{KEY("vmid"), S2_CHECK_OTHER, 3, {ID, TID, WORD, VALUE, SRC}},
	{KEY("tlb"), S2_CHECK_OTHER, 3, {ID, TID, WORD, COUNT, SRC}},
	{KEY("step"), S2_CHECK_OTHER, 3, {ID, TID, WORD, COUNT, SRC}},
};

/* A line being read. */
struct reading {
	const char *at, *end;
	struct s2_error *err;
	struct s2_check_line *line;
	const struct head *head;
	unsigned filled; /* places of its fields that have a value */
	size_t next;	 /* the place after the last: writers keep to the order */
};

static int expected(const struct reading *r, const char *what)
{
	s2_error_set(r->err, EINVAL, "expected %s", what);
	return r->at == r->end ? -EAGAIN : -EINVAL;
}

/* What a byte is; blanks as isspace() has them in the C locale. */
enum {
	BLANK = 1,
	ENDS_WORD = 2,
};

#define S (BLANK | ENDS_WORD)
static const uint8_t classes[256] = {
	[' '] = S, ['\t'] = S, ['\n'] = S, ['\v'] = S, ['\f'] = S, ['\r'] = S,
	['('] = ENDS_WORD, [')'] = ENDS_WORD,
};
#undef S

static bool is_blank(char c)
{
	return classes[(unsigned char)c] & BLANK;
}

static bool ends_word(char c)
{
	return classes[(unsigned char)c] & ENDS_WORD;
}

/* A comment goes to the end of its line. */
static void skip_blanks(struct reading *r)
{
	for (; r->at < r->end; r->at++) {
		if (*r->at == ';' || *r->at == '#')
			while (r->at + 1 < r->end && *r->at != '\n')
				r->at++;
		else if (!is_blank(*r->at))
			return;
	}
}

/* The fields of a head in words; [x]: may be missing. */
static const char *fields_of(const struct head *head, char *buf, size_t size)
{
	int len = 0;

	for (unsigned i = 0; i < FIELDS_MAX && head->fields[i] != END; i++) {
		const bool needed = i < head->needed;

		len += snprintf(buf + len, size - (size_t)len, "%s%s%s%s", i ? " " : "",
				needed ? "" : "[", fields[head->fields[i]].key, needed ? "" : "]");
	}
	return buf;
}

static bool take(struct reading *r, char c)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static int quoted_text(struct reading *r, struct s2_span *span)
{
	const char *text = r->at + 1;
	const char *quote = memchr(text, '"', (size_t)(r->end - text));

	if (!quote)
		return expected(r, "a closing quote");
	span->text = text;
	span->len = (size_t)(quote - text);
	r->at = quote + 1;
	return 0;
}

/* A word, or a quoted text without its quotes. */
static int atom(struct reading *r, struct s2_span *span)
{
	const char *at;

	skip_blanks(r);
	if (r->at < r->end && *r->at == '"')
		return quoted_text(r, span);
	span->text = at = r->at;
	while (at < r->end && !ends_word(*at))
		at++;
	r->at = at;
	span->len = (size_t)(at - span->text);
	return span->len ? 0 : expected(r, "a word or a number");
}

static int no_number(const struct reading *r, enum field f, const char *what)
{
	s2_error_set(r->err, EINVAL, "%s of \"%s\": expected %s", fields[f].key, r->head->name,
		     what);
	return -EINVAL;
}

/* 16 or more for what is none. */
static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static int number(const struct reading *r, struct s2_span text, enum field f, uint64_t *value)
{
	const unsigned base = fields[f].form == FORM_HEX ? 16 : 10;
	const char *const what = base == 16 ? "a hexadecimal number" : "a decimal number";
	uint64_t v = 0;
	size_t i = 0;

	if (base == 16 && text.len > 2 && text.text[0] == '0' && (text.text[1] | 32) == 'x')
		i = 2;
	if (i == text.len)
		return no_number(r, f, what);
	for (; i < text.len; i++) {
		const unsigned digit = digit_of(text.text[i]);

		if (digit >= base)
			return no_number(r, f, what);
		if (v > (UINT64_MAX - 15) / 16 && v > (UINT64_MAX - digit) / base)
			return no_number(r, f, "a number of at most 64 bits");
		v = v * base + digit;
	}
	*value = v;
	return 0;
}

static int put(struct reading *r, size_t place, struct s2_span value)
{
	const enum field f = (enum field)r->head->fields[place];
	char *const to = (char *)r->line + fields[f].offset;
	uint64_t n = 0;
	int ret;

	if (r->filled >> place & 1) {
		s2_error_set(r->err, EINVAL, "two values for \"%s\"", fields[f].key);
		return -EINVAL;
	}
	r->filled |= 1U << place;
	r->next = place + 1;
	if (fields[f].form == FORM_WORD || fields[f].form == FORM_TEXT) {
		memcpy(to, &value, sizeof(value));
		return 0;
	}
	ret = number(r, value, f, &n);
	if (!ret && fields[f].offset != SIZE_MAX)
		memcpy(to, &n, sizeof(n));
	r->line->has_value |= f == VALUE;
	return ret;
}

static bool is_key(const struct reading *r, size_t place, struct s2_span key)
{
	const enum field f = (enum field)r->head->fields[place];

	return fields[f].len == key.len && !memcmp(fields[f].key, key.text, key.len);
}

/* Which field of the head a key is, or FIELDS_MAX. */
static size_t place_of(const struct reading *r, struct s2_span key)
{
	if (r->next < FIELDS_MAX && r->head->fields[r->next] != END && is_key(r, r->next, key))
		return r->next;
	for (size_t i = 0; i < FIELDS_MAX && r->head->fields[i] != END; i++)
		if (is_key(r, i, key))
			return i;
	return FIELDS_MAX;
}

static int keyed(struct reading *r)
{
	struct s2_span key, value;
	char names[128];
	size_t place;
	int ret = atom(r, &key);

	if (!ret)
		ret = atom(r, &value);
	if (ret)
		return ret;
	if (!take(r, ')'))
		return expected(r, "\")\" after a key and its value");
	place = place_of(r, key);
	if (place < FIELDS_MAX)
		return put(r, place, value);
	s2_error_set(r->err, EINVAL, "\"%.*s\" is no field of \"%s\"; expected %s", (int)key.len,
		     key.text, r->head->name, fields_of(r->head, names, sizeof(names)));
	return -EINVAL;
}

/* The next field that has no value yet; a quoted text is src. */
static int bare(struct reading *r)
{
	const bool quoted = r->at < r->end && *r->at == '"';
	struct s2_span value;
	char names[128];
	int ret = atom(r, &value);

	for (size_t i = 0; !ret && i < FIELDS_MAX && r->head->fields[i] != END; i++) {
		const bool is_text = fields[r->head->fields[i]].form == FORM_TEXT;

		if (!(r->filled >> i & 1) && is_text == quoted)
			return put(r, i, value);
	}
	if (ret)
		return ret;
	s2_error_set(r->err, EINVAL, "\"%.*s\" is one value too many; expected %s",
		     (int)value.len, value.text, fields_of(r->head, names, sizeof(names)));
	return -EINVAL;
}

static int take_head(struct reading *r)
{
	struct s2_span name;
	int ret = atom(r, &name);

	if (ret)
		return ret;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (heads[i].len != name.len || memcmp(heads[i].name, name.text, name.len) != 0)
			continue;
		r->head = &heads[i];
		r->line->head = heads[i].head;
		return 0;
	}
	s2_error_set(r->err, EINVAL,
		     "\"%.*s\" is no event of this log; expected mem-write, sysreg-write, barrier, tlbi "
		     "or another that s2-check(1) names",
		     (int)(name.len < 32 ? name.len : 32), name.text);
	return -EINVAL;
}

static int check_complete(const struct reading *r)
{
	const unsigned needed = (1U << r->head->needed) - 1;
	char names[128];
	unsigned first = 0;

	if (!(needed & ~r->filled))
		return 0;
	while (r->filled >> first & 1)
		first++;
	s2_error_set(r->err, EINVAL, "\"%s\" has no %s; expected %s", r->head->name,
		     fields[r->head->fields[first]].key,
		     fields_of(r->head, names, sizeof(names)));
	return -EINVAL;
}

int s2_check_line_parse(struct s2_span *text, struct s2_check_line *line, struct s2_error *err)
{
	static const struct s2_check_line empty = {.count = 1};
	struct reading r = {
		.at = text->text, .end = text->text + text->len, .err = err, .line = line};
	int ret;

	*line = empty;
	skip_blanks(&r);
	if (r.at == r.end || *r.at == '!')
		return 1;
	if (!take(&r, '('))
		return expected(&r, "\"(\" at the start of an event");
	ret = take_head(&r);
	while (!ret && !take(&r, ')')) {
		if (r.at == r.end)
			return expected(&r, "\")\" at the end of an event");
		ret = take(&r, '(') ? keyed(&r) : bare(&r);
	}
	if (!ret)
		ret = check_complete(&r);
	if (ret)
		return ret;
	skip_blanks(&r);
	*text = (struct s2_span){r.at, (size_t)(r.end - r.at)};
	return 0;
}
