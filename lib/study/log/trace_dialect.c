/* SPDX-License-Identifier: MIT */
#include "study/log/trace_dialect.h"

#include <stdio.h>
#include <string.h>

/* ---- columns ---- */

static bool is_name_char(char c)
{
	return (unsigned char)((c | 32) - 'a') < 26 || c == '_' || s2_is_digit(c) || c == '.' ||
	       c == '$';
}

/* Where the next blank of [p, end) is, or the end. */
static const char *word_end(const char *p, const char *end)
{
	while (p < end && *p != ' ')
		p++;
	return p;
}

static const char *skip(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	return p;
}

static bool number(const char *p, const char *end, uint64_t max, uint64_t *value)
{
	struct s2_cursor c = {.p = p, .end = end, .text = ""};

	return s2_scan_decimal(&c, max, value) && c.p == end;
}

/* "15.442336:" or "15442336:". */
static bool is_time(const char *p, const char *end)
{
	const char *const from = p;

	if (end == p || end[-1] != ':')
		return false;
	for (end--; p < end && (s2_is_digit(*p) || *p == '.'); p++)
		;
	return p == end && p > from;
}

/* "[003]", or "3d..1" of a latency format. */
static bool cpu_column(const char *p, const char *end, uint32_t *cpu)
{
	const char *digits = p;
	uint64_t v;

	if (p < end && *p == '[') {
		if (end[-1] != ']' || !number(p + 1, end - 1, UINT32_MAX, &v))
			return false;
		*cpu = (uint32_t)v;
		return true;
	}
	while (p < end && s2_is_digit(*p))
		p++;
	/* Flags follow at once, four or more of them; the first is no digit. */
	if (p == digits || end - p < 4 || !number(digits, p, UINT32_MAX, &v))
		return false;
	*cpu = (uint32_t)v;
	return true;
}

/* "141", "141/142" (process and thread), or "comm-141". */
static bool pid_column(const char **from, const char *end, struct s2_trace_event *ev)
{
	const char *p = end;
	uint64_t pid, tgid;

	while (p > *from && s2_is_digit(p[-1]))
		p--;
	if (p == end || !number(p, end, INT32_MAX, &pid))
		return false;
	ev->pid = (int32_t)pid;
	ev->tgid = -1;
	if (p > *from && p[-1] == '/') {
		const char *const slash = --p;

		while (p > *from && s2_is_digit(p[-1]))
			p--;
		if (p == slash || !number(p, slash, INT32_MAX, &tgid))
			return false;
		ev->tgid = (int32_t)tgid;
	}
	*from = p;
	return true;
}

/* From the line's start to where the pid begins; a buffer's name may stand before it. */
static bool comm_column(const char *line, const char *end, struct s2_trace_event *ev)
{
	for (const char *p = line; p + 1 < end; p++)
		if (p[0] == ':' && p[1] == ' ')
			line = p + 2;
	line = skip(line, end);
	while (end > line && (end[-1] == ' '))
		end--;
	if (end > line && end[-1] == '-')
		end--;
	if (end == line || end - line >= S2_TRACE_COMM)
		return false;
	memcpy(ev->comm, line, (size_t)(end - line));
	ev->comm[end - line] = '\0';
	return true;
}

/* The event of a line whose columns are one of these tools'; NULL if they are not. */
static const char *columns(struct s2_span line, struct s2_trace_event *ev)
{
	const char *const end = line.text + line.len;
	const char *at = line.text;

	/* A word that is a CPU, with a pid before it and a time behind. */
	for (at = skip(at, end); at < end; at = skip(word_end(at, end), end)) {
		const char *const stop = word_end(at, end);
		const char *before = at, *after = skip(stop, end), *pid = line.text;

		if (!cpu_column(at, stop, &ev->cpu))
			continue;
		while (before > line.text && before[-1] == ' ')
			before--;
		if (before == line.text || !pid_column(&pid, before, ev) || pid == line.text)
			continue;
		/* Flags may stand between. */
		if (!is_time(after, word_end(after, end)))
			after = skip(word_end(after, end), end);
		if (!is_time(after, word_end(after, end)) || !comm_column(line.text, pid, ev))
			continue;
		return skip(word_end(after, end), end);
	}
	return NULL;
}

/* ---- what an event says ---- */

static bool is_word(const char *p, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(p, word, len);
}

/* "fd: 0x00000003, cmd: 0x0000ae01, arg: 0x00000000" as "(fd: 3, cmd: ae01, arg: 0)". */
static size_t ioctl_said(const char *p, const char *end, char *said)
{
	static const char name[] = "sys_ioctl(";
	size_t n = sizeof(name) - 1;

	memcpy(said, name, n);
	while (p < end) {
		if (end - p > 2 && p[0] == '0' && p[1] == 'x') {
			p += 2;
			while (end - p > 1 && p[0] == '0' && s2_hex_digit[(unsigned char)p[1]])
				p++;
			continue;
		}
		said[n++] = *p++;
	}
	said[n++] = ')';
	return n;
}

/* A mark: the function that wrote it, or its address, may stand before it. */
static size_t mark_said(const char *p, const char *end, char *said)
{
	static const char name[] = "tracing_mark_write: ";
	const char *colon = p;

	while (colon < end && *colon != ' ')
		colon++;
	if (colon > p && colon[-1] == ':')
		p = skip(colon, end);
	while (end > p && (end[-1] == ' ' || end[-1] == '\\'))
		end--;
	memcpy(said, name, sizeof(name) - 1);
	memcpy(said + sizeof(name) - 1, p, (size_t)(end - p));
	return sizeof(name) - 1 + (size_t)(end - p);
}

/* The name of [p, end), less the group before it; NULL if there is none. */
static const char *event_name(const char *p, const char *end, size_t *len)
{
	for (;;) {
		const char *const from = p;

		while (p < end && is_name_char(*p))
			p++;
		if (p == from || p == end || *p != ':')
			return NULL;
		*len = (size_t)(p - from);
		/* "kvm:kvm_entry:": a group is followed by a name without a blank. */
		if (p + 1 == end || !is_name_char(p[1]))
			return from;
		p++;
	}
}

size_t s2_dialect_event(struct s2_span event, char *said)
{
	const char *const end = event.text + event.len;
	size_t len;
	const char *const name = event_name(event.text, end, &len);
	const char *args;

	if (!name)
		return 0;
	args = skip(name + len + 1, end);
	if (is_word(name, len, "sys_enter_ioctl"))
		return ioctl_said(args, end, said);
	if (is_word(name, len, "print") || is_word(name, len, "bputs") ||
	    is_word(name, len, "tracing_mark_write"))
		return mark_said(args, end, said);
	memcpy(said, name, len);
	said[len] = ':';
	said[len + 1] = ' ';
	memcpy(said + len + 2, args, (size_t)(end - args));
	return len + 2 + (size_t)(end - args);
}

bool s2_dialect_is_foreign(struct s2_span event)
{
	const char *const end = event.text + event.len;
	size_t len;
	const char *const name = event_name(event.text, end, &len);

	if (!name)
		return false;
	if (name != event.text || is_word(name, len, "sys_enter_ioctl") ||
	    is_word(name, len, "print") || is_word(name, len, "bputs"))
		return true;
	/* trace-cmd pads names to a column. */
	return end - (name + len) > 2 && name[len + 1] == ' ' && name[len + 2] == ' ';
}

size_t s2_dialect_line(struct s2_span line, struct s2_trace_event *ev, char *said)
{
	const char *const event = columns(line, ev);
	struct s2_span rest;

	if (!event)
		return 0;
	rest.text = event;
	rest.len = (size_t)(line.text + line.len - event);
	return s2_dialect_event(rest, said);
}

/* ---- heads ---- */

static bool begins(struct s2_span line, const char *text)
{
	return line.len >= strlen(text) && !memcmp(line.text, text, strlen(text));
}

/* What stands behind "# key : ", cut to @size. */
static bool perf_value(struct s2_span line, const char *key, char *value, size_t size)
{
	const char *const end = line.text + line.len;
	const char *p = line.text + strlen(key);

	if (!begins(line, key))
		return false;
	p = skip(p, end);
	if (p == end || *p != ':')
		return false;
	p = skip(p + 1, end);
	snprintf(value, size, "%.*s", (int)(word_end(p, end) - p), p);
	return true;
}

bool s2_dialect_head(struct s2_span line, struct s2_dialect_head *head)
{
	char cpus[16];
	uint64_t n;

	if (begins(line, "cpus=") &&
	    number(line.text + 5, line.text + line.len, UINT32_MAX, &n)) {
		head->cpus = (uint32_t)n;
		return true;
	}
	/* "CPU 1 is empty", "version = 7": trace-cmd's own. */
	if ((begins(line, "CPU ") && line.len > 9 &&
	     !memcmp(line.text + line.len - 9, " is empty", 9)) ||
	    begins(line, "version = "))
		return true;
	if (perf_value(line, "# os release", head->release, sizeof(head->release)) ||
	    perf_value(line, "# arch", head->arch, sizeof(head->arch)))
		return true;
	if (!perf_value(line, "# nrcpus online", cpus, sizeof(cpus)))
		return false;
	if (number(cpus, cpus + strlen(cpus), UINT32_MAX, &n))
		head->cpus = (uint32_t)n;
	return true;
}
