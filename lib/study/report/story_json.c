/* SPDX-License-Identifier: MIT */
/* A story as JSON, and as Chrome's trace events. */
#include "study/report/story_file.h"

#include <errno.h>

#ifdef S2_HAVE_JANSSON

#include <jansson.h>

static int write(json_t *object, FILE *out)
{
	int ret = object ? 0 : -ENOMEM;

	if (object && (json_dumpf(object, out, JSON_INDENT(2)) || fputc('\n', out) == EOF))
		ret = -EIO;
	json_decref(object);
	return ret;
}

static json_t *step_json(const struct s2_story_step *step)
{
	char who[32];

	(void)s2_story_who_text(step, who, sizeof(who));
	return json_pack("{s:I, s:s, s:s, s:s}", "at", (json_int_t)step->at, "who", who, "did",
			 step->did, "then", step->then);
}

int s2_told_json(const struct s2_told *told, FILE *out)
{
	json_t *steps = json_array();
	char text[512];
	int ret = 0;

	(void)s2_violation_text(&told->of, text, sizeof(text));
	for (size_t i = 0; i < told->n; i++)
		ret |= json_array_append_new(steps, step_json(&told->steps[i]));
	if (ret) {
		json_decref(steps);
		return -ENOMEM;
	}
	return write(json_pack("{s:s, s:s, s:o, s:s}", "rule", s2_rule_name(told->of.rule),
			       "violation", text, "steps", steps, "end", told->end),
		     out);
}

/* A step takes a microsecond of the trace: what it shows is the order. */
static json_t *trace_event(const struct s2_told *told, const struct s2_lanes *lanes, size_t i)
{
	const struct s2_story_step *step = &told->steps[i];

	return json_pack("{s:s, s:s, s:I, s:i, s:i, s:I, s:{s:s}}", "name", step->did, "ph", "X",
			 "ts", (json_int_t)i, "dur", 1, "pid", 1, "tid",
			 (json_int_t)s2_lane(lanes, step) + 1, "args", "then",
			 i + 1 == told->n ? told->end : step->then);
}

static json_t *thread_name(const struct s2_lanes *lanes, size_t lane)
{
	char who[32];

	(void)s2_story_who_text(lanes->who[lane], who, sizeof(who));
	return json_pack("{s:s, s:s, s:i, s:I, s:{s:s}}", "name", "thread_name", "ph", "M", "pid",
			 1, "tid", (json_int_t)lane + 1, "args", "name", who);
}

int s2_told_trace(const struct s2_told *told, const struct s2_lanes *lanes, FILE *out)
{
	json_t *events = json_array();
	int ret = 0;

	for (size_t i = 0; i < lanes->n; i++)
		ret |= json_array_append_new(events, thread_name(lanes, i));
	for (size_t i = 0; i < told->n; i++)
		ret |= json_array_append_new(events, trace_event(told, lanes, i));
	if (ret) {
		json_decref(events);
		return -ENOMEM;
	}
	return write(json_pack("{s:o}", "traceEvents", events), out);
}

#else

int s2_told_json(const struct s2_told *told, FILE *out)
{
	(void)told;
	(void)out;
	return -ENOTSUP;
}

int s2_told_trace(const struct s2_told *told, const struct s2_lanes *lanes, FILE *out)
{
	(void)lanes;
	return s2_told_json(told, out);
}

#endif
