/* SPDX-License-Identifier: MIT */
/* The prefix of an ftrace line: who, where and when.  See trace_line.h. */
#include "study/log/trace_line.h"

/*
 * kernel/trace/trace_output.c prints the task as "%16s-%-7d ", so the dash
 * behind the comm stands in this column whatever the comm has in it.
 */
#define COMM_WIDTH 16

/** No prefix goes further than this to its "[cpu]". */
#define PREFIX_REACH 96

static bool skip_blanks(struct s2_cursor *c)
{
	const char *const from = c->p;
	const char *p = from;

	while (p < c->end && *p == ' ')
		p++;
	c->p = p;
	return p > from;
}

/** `(tgid)`, right-justified, or dashes for "not known". */
static bool tgid_column(struct s2_cursor *c, int32_t *tgid)
{
	uint64_t v;

	c->p++;
	skip_blanks(c);
	if (c->p < c->end && *c->p == '-') {
		while (c->p < c->end && *c->p == '-')
			c->p++;
		return S2_LIT(c, ")");
	}
	if (!s2_scan_decimal(c, INT32_MAX, &v))
		return false;
	*tgid = (int32_t)v;
	return S2_LIT(c, ")");
}

/** From the pid to behind "[cpu] ". */
static bool task_columns(struct s2_cursor *c, struct s2_trace_event *ev)
{
	uint64_t pid, cpu;

	ev->tgid = -1;
	if (!s2_scan_decimal(c, INT32_MAX, &pid) || !skip_blanks(c))
		return false;
	if (c->p < c->end && *c->p == '(' && (!tgid_column(c, &ev->tgid) || !skip_blanks(c)))
		return false;
	if (!S2_LIT(c, "[") || !s2_scan_decimal(c, UINT32_MAX, &cpu) || !S2_LIT(c, "] "))
		return false;
	ev->pid = (int32_t)pid;
	ev->cpu = (uint32_t)cpu;
	return true;
}

static bool skip_digits(struct s2_cursor *c)
{
	const char *const from = c->p;
	const char *p = from;

	while (p < c->end && s2_is_digit(*p))
		p++;
	c->p = p;
	return p > from;
}

/** From the flags, which may be switched off, to the event's name. */
static bool time_columns(struct s2_cursor *c)
{
	skip_blanks(c);
	if (c->p < c->end && !s2_is_digit(*c->p) && !(s2_scan_until(c, ' ') && skip_blanks(c)))
		return false;
	/* Counting clocks have no fraction. */
	if (!skip_digits(c) || (S2_AT(c, ".") && !(S2_LIT(c, ".") && skip_digits(c))))
		return false;
	return S2_LIT(c, ": ");
}

static bool keep_comm(struct s2_trace_event *ev, const char *from, const char *end)
{
	while (from < end && *from == ' ')
		from++;
	if (end - from >= S2_TRACE_COMM)
		return false;
	memcpy(ev->comm, from, (size_t)(end - from));
	ev->comm[end - from] = '\0';
	return true;
}

/** Step back over characters of a class; returns the new end. */
static const char *back_over(const char *from, const char *end, const char *class)
{
	while (end > from && end[-1] != '\0' && strchr(class, end[-1]) != NULL)
		end--;
	return end;
}

/**
 * The dash before the pid, looked for backwards from the "[" at @p cpu; NULL
 * when what stands before it is not a task.
 */
static const char *dash_before(const char *line, const char *cpu)
{
	const char *end = back_over(line, cpu, " ");
	const char *pid;

	if (end == cpu || end == line)
		return NULL;
	if (end[-1] == ')') {
		end = back_over(line, end - 1, "0123456789- ");
		if (end == line || end[-1] != '(')
			return NULL;
		end = back_over(line, end - 1, " ");
	}
	pid = back_over(line, end, "0123456789");
	if (pid == end || pid == line || pid[-1] != '-')
		return NULL;
	return pid - 1;
}

/** A line whose columns were shifted, as by stripping leading blanks. */
static bool shifted_task(struct s2_cursor *c, struct s2_trace_event *ev)
{
	const char *const line = c->p;
	const char *const stop = c->end - line > PREFIX_REACH ? line + PREFIX_REACH : c->end;

	for (const char *at = line; at < stop; at++) {
		struct s2_cursor behind;
		const char *dash;

		at = memchr(at, '[', (size_t)(stop - at));
		if (at == NULL)
			return false;
		dash = dash_before(line, at);
		if (dash == NULL)
			continue;
		c->p = dash + 1;
		if (!task_columns(c, ev) || !keep_comm(ev, line, dash))
			continue;
		/* A comm may have all of this in it, but hardly a time behind. */
		behind = *c;
		if (time_columns(&behind))
			return true;
	}
	return false;
}

/** From the start of the line to behind "[cpu] ". */
static bool any_task(struct s2_cursor *c, struct s2_trace_event *ev)
{
	const char *const line = c->p;

	if (c->end - line > COMM_WIDTH && line[COMM_WIDTH] == '-') {
		c->p = line + COMM_WIDTH + 1;
		if (task_columns(c, ev) && keep_comm(ev, line, line + COMM_WIDTH))
			return true;
		c->p = line;
	}
	return shifted_task(c, ev);
}

static void remember(struct s2_trace_task *task, const char *text, size_t len,
		     const struct s2_trace_event *ev)
{
	task->len = len <= sizeof(task->text) ? len : 0;
	memcpy(task->text, text, task->len);
	memcpy(task->comm, ev->comm, sizeof(task->comm));
	task->pid = ev->pid;
	task->tgid = ev->tgid;
	task->cpu = ev->cpu;
}

bool s2_trace_prefix(struct s2_cursor *c, struct s2_trace_task *last, struct s2_trace_event *ev)
{
	const char *const line = c->p;

	if (last->len != 0 && (size_t)(c->end - line) > last->len &&
	    memcmp(line, last->text, last->len) == 0) {
		memcpy(ev->comm, last->comm, sizeof(ev->comm));
		ev->pid = last->pid;
		ev->tgid = last->tgid;
		ev->cpu = last->cpu;
		c->p += last->len;
		return time_columns(c);
	}
	if (!any_task(c, ev))
		return false;
	remember(last, line, (size_t)(c->p - line), ev);
	return time_columns(c);
}

/** Letters, digits, and what symbols of compilers and modules have besides. */
static bool is_name_char(char ch)
{
	return (unsigned char)(ch - 'a') < 26 || ch == '_' || s2_is_digit(ch) ||
	       (unsigned char)(ch - 'A') < 26 || ch == '.' || ch == '$';
}

bool s2_trace_name(struct s2_cursor *c, struct s2_trace_event *ev)
{
	const char *const from = c->p;
	const char *p = from;

	while (p < c->end && is_name_char(*p))
		p++;
	c->p = p;
	ev->name.text = from;
	ev->name.len = (size_t)(p - from);
	return p > from && p < c->end;
}
