/* SPDX-License-Identifier: MIT */
#include "check/story.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int s2_story_begin(struct s2_oracle *o, const struct s2_violation *of)
{
	struct s2_story *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->of = *of;
	s->open = calloc((o->machine->n_cpus + 63) / 64, sizeof(*s->open));
	if (!s->open) {
		free(s);
		return -ENOMEM;
	}
	o->story = s;
	return 0;
}

void s2_story_free(struct s2_story *s)
{
	if (s)
		free(s->open);
	free(s);
}

static bool is_same(const struct s2_violation *a, const struct s2_violation *b)
{
	return a->finding == b->finding && a->contract == b->contract && a->step == b->step &&
	       a->ipa.v == b->ipa.v && a->pa.v == b->pa.v;
}

void s2_story_found(struct s2_oracle *o, const struct s2_violation *v)
{
	struct s2_story *s = o->story;

	if (s->found || !is_same(v, &s->of))
		return;
	s->found = true;
	s2_story_tell_end(o, v, s->end, sizeof(s->end));
}

struct s2_story_step *s2_story_next(struct s2_story *s, enum s2_story_who who, unsigned number,
				    uint64_t at)
{
	const size_t i = s->n < S2_STORY_STEPS ? s->n : 1 + (s->n - 1) % (S2_STORY_STEPS - 1);
	struct s2_story_step *step = &s->steps[i];

	memset(step, 0, sizeof(*step));
	step->who = who;
	step->number = number;
	step->at = at;
	s->n++;
	return step;
}

static int compare(const void *key, const void *element)
{
	const uint64_t a = *(const uint64_t *)key, b = *(const uint64_t *)element;

	return (a > b) - (a < b);
}

bool s2_story_is_dropped(const struct s2_oracle *o, uint64_t at)
{
	return o->cfg.n_dropped &&
	       bsearch(&at, o->cfg.dropped, o->cfg.n_dropped, sizeof(at), compare) != NULL;
}

size_t s2_oracle_story_steps(const struct s2_oracle *o)
{
	if (!o->story)
		return 0;
	return o->story->n < S2_STORY_STEPS ? o->story->n : S2_STORY_STEPS;
}

uint64_t s2_oracle_story_left(const struct s2_oracle *o)
{
	return o->story ? o->story->n - s2_oracle_story_steps(o) : 0;
}

const struct s2_story_step *s2_oracle_story_step(const struct s2_oracle *o, size_t i)
{
	const struct s2_story *s = o->story;
	const size_t ring = S2_STORY_STEPS - 1;

	if (i >= s2_oracle_story_steps(o))
		return NULL;
	if (!i || s->n <= S2_STORY_STEPS)
		return &s->steps[i];
	return &s->steps[1 + (s->n - 1 - ring + i - 1) % ring];
}

const char *s2_oracle_story_end(const struct s2_oracle *o)
{
	return o->story && o->story->found ? o->story->end : NULL;
}

int s2_story_who_text(const struct s2_story_step *step, char *buf, size_t size)
{
	switch (step->who) {
	case S2_STORY_CPU:
		return snprintf(buf, size, "CPU %u", step->number);
	case S2_STORY_VCPU:
		return snprintf(buf, size, "vcpu %u", step->number);
	default:
		return snprintf(buf, size, "host");
	}
}
