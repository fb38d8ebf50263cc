/* SPDX-License-Identifier: MIT */
#include "study/report/story.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "study/report/story_file.h"

void s2_told_take(struct s2_told *told, const struct s2_oracle *o)
{
	const size_t n = s2_oracle_story_steps(o);
	const char *end = s2_oracle_story_end(o);

	memset(told, 0, sizeof(*told));
	if (!end || !n)
		return;
	(void)snprintf(told->end, sizeof(told->end), "%s", end);
	told->n = n;
	told->left = (size_t)s2_oracle_story_left(o);
	for (size_t i = 0; i < told->n; i++)
		told->steps[i] = *s2_oracle_story_step(o, i);
}

struct text {
	char *buf;
	size_t size;
	int len;
};

__attribute__((format(printf, 2, 3)))
static void add(struct text *t, const char *format, ...)
{
	const size_t used = (size_t)t->len < t->size ? (size_t)t->len : t->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->buf ? t->buf + used : NULL, t->size - used, format, args);
	va_end(args);
	t->len += n > 0 ? n : 0;
}

static void add_step(struct text *t, size_t number, const struct s2_story_step *step)
{
	char who[32];

	(void)s2_story_who_text(step, who, sizeof(who));
	add(t, "\n  %2zu. %s: %s%s%s", number, who, step->did, step->then[0] ? "; " : "",
	    step->then);
}

/* The first, and as many of the last as there is room for. */
static void add_steps(struct text *t, const struct s2_told *told, size_t most)
{
	const size_t shown = told->n < most ? told->n : most;
	const size_t left = told->left + told->n - shown;

	if (!told->n)
		return;
	add_step(t, 1, &told->steps[0]);
	if (left)
		add(t, "\n      (%zu steps more)", left);
	for (size_t i = told->n - shown + 1; i < told->n; i++)
		add_step(t, told->left + i + 1, &told->steps[i]);
	add(t, "\n  ==> %s", told->end);
}

int s2_told_lines(const struct s2_told *told, char *buf, size_t size)
{
	struct text t = {buf, size, 0};

	if (size)
		buf[0] = '\0';
	/* The end is a line, and perhaps what was left out. */
	add_steps(&t, told, told->left || told->n > S2_TOLD_LINES - 1 ? S2_TOLD_LINES - 2
								      : S2_TOLD_LINES - 1);
	return t.len;
}

static bool ends_with(const char *text, const char *end)
{
	const size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

enum s2_told_form s2_told_form(const char *path)
{
	if (ends_with(path, ".trace.json"))
		return S2_TOLD_TRACE;
	if (ends_with(path, ".json"))
		return S2_TOLD_JSON;
	return ends_with(path, ".svg") ? S2_TOLD_SVG : S2_TOLD_TEXT;
}

static void write_text(const struct s2_told *told, FILE *out)
{
	char text[512], who[32];

	(void)s2_violation_text(&told->of, text, sizeof(text));
	(void)fprintf(out, "%s\n", text);
	for (size_t i = 0; i < told->n; i++) {
		const struct s2_story_step *step = &told->steps[i];

		(void)s2_story_who_text(step, who, sizeof(who));
		if (i == 1 && told->left)
			(void)fprintf(out, "      (%zu steps more)\n", told->left);
		(void)fprintf(out, "  %2zu. %s: %s%s%s\n", (i ? told->left : 0) + i + 1, who,
			      step->did, step->then[0] ? "; " : "", step->then);
	}
	(void)fprintf(out, "  ==> %s\n", told->end);
}

int s2_told_write(const struct s2_told *told, enum s2_told_form form, FILE *out)
{
	struct s2_lanes lanes;

	s2_lanes_of(told, &lanes);
	switch (form) {
	case S2_TOLD_JSON:
		return s2_told_json(told, out);
	case S2_TOLD_TRACE:
		return s2_told_trace(told, &lanes, out);
	case S2_TOLD_SVG:
		s2_told_svg(told, &lanes, out);
		return 0;
	default:
		write_text(told, out);
		return 0;
	}
}

int s2_told_save(const struct s2_told *told, const char *path, struct s2_error *err)
{
	FILE *out = fopen(path, "w");
	bool failed;
	int ret;

	if (!out) {
		s2_error_set(err, errno, "cannot write \"%.80s\": %s", path, strerror(errno));
		return -EIO;
	}
	ret = s2_told_write(told, s2_told_form(path), out);
	failed = ferror(out);
	failed = fclose(out) || failed;
	if (!ret && failed)
		ret = -EIO;
	if (ret)
		s2_error_set(err, -ret, "cannot write \"%.80s\": %s", path,
			     ret == -ENOTSUP ? "JSON was left out of this build (no jansson)"
					     : strerror(-ret));
	return ret;
}
