/* SPDX-License-Identifier: MIT */
#include "study/mutants/named_story.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Who does what a line says, and what is left of it. */
static const char *take_who(const char *line, struct s2_story_step *step)
{
	char *end;

	if (begins(line, "the guest ")) {
		step->who = S2_STORY_VCPU;
		return line + strlen("the guest ");
	}
	if (!begins(line, "vcpu "))
		return line;
	step->number = (unsigned)strtoul(line + strlen("vcpu "), &end, 10);
	/* "vcpu 3 is made" by somebody else. */
	if (begins(end, " is "))
		return line;
	step->who = S2_STORY_VCPU;
	return end + (*end == ' ');
}

static void add_line(struct s2_told *told, const char *line)
{
	char *rest;
	const unsigned long number = strtoul(line, &rest, 10);
	struct s2_story_step *step;

	line += strspn(line, " ");
	if (!*line || (number && told->n == S2_TOLD_STEPS) || (!number && !told->n))
		return;
	if (!number) {
		step = &told->steps[told->n - 1];
		(void)snprintf(step->then, sizeof(step->then), "%s", line);
		return;
	}
	step = &told->steps[told->n++];
	step->at = number;
	(void)snprintf(step->did, sizeof(step->did), "%s",
		       take_who(rest + strspn(rest, ". "), step));
}

static void add_end(struct s2_told *told, const struct s2_violation *v)
{
	char *const end = told->end;
	const size_t size = sizeof(told->end);

	switch (v->finding) {
	case S2_FOUND_IRQ_LOST:
		(void)snprintf(end, size, "vcpu %u never takes interrupt %" PRIu32 "; right is that it does",
			       v->vcpu, v->intid);
		break;
	case S2_FOUND_IRQ_ASTRAY:
		(void)snprintf(end, size, "vcpu %u takes interrupt %" PRIu32 "; right is that it does not",
			       v->vcpu, v->intid);
		break;
	case S2_FOUND_REGISTER:
		(void)snprintf(end, size, "%s reads 0x%" PRIx64 "; right is 0x%" PRIx64, v->site,
			       v->held, v->now);
		break;
	default:
		(void)snprintf(end, size, "%s: what it was before; right is what follows from "
					  "the state as it is now",
			       told->n ? told->steps[told->n - 1].then : "");
		break;
	}
}

void s2_mutant_tell(struct s2_mutant_found *found, const struct s2_violation *v)
{
	struct s2_told *const told = &found->told;
	const char *at = found->story;

	memset(told, 0, sizeof(*told));
	told->of = *v;
	while (*at) {
		const size_t len = strcspn(at, "\n");
		char line[S2_STORY_TEXT];

		(void)snprintf(line, sizeof(line), "%.*s", (int)len, at);
		add_line(told, line);
		at += len + (at[len] == '\n');
	}
	add_end(told, v);
	(void)s2_told_lines(told, found->story, sizeof(found->story));
}
