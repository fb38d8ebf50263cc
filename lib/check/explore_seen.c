/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "check/explore.h"

#define FIRST_CAP 4096
#define LEFT_MASK UINT64_C(0xff)

static bool is_free(const struct s2_seen_slot *slot)
{
	return !(slot->state.a | slot->state.b);
}

static bool is_of(const struct s2_seen_slot *slot, struct s2_digest h)
{
	return slot->state.a == h.a && !((slot->state.b ^ h.b) & ~LEFT_MASK);
}

static struct s2_seen_slot *find(const struct s2_seen *seen, struct s2_digest h)
{
	size_t i = (size_t)h.a & (seen->cap - 1);

	while (!is_free(&seen->slot[i]) && !is_of(&seen->slot[i], h))
		i = (i + 1) & (seen->cap - 1);
	return &seen->slot[i];
}

static int grow(struct s2_seen *seen)
{
	const struct s2_seen old = *seen;
	const size_t cap = old.cap ? 2 * old.cap : FIRST_CAP;
	struct s2_seen_slot *slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	seen->slot = slot;
	seen->cap = cap;
	for (size_t i = 0; i < old.cap; i++)
		if (!is_free(&old.slot[i]))
			*find(seen, old.slot[i].state) = old.slot[i];
	free(old.slot);
	return 0;
}

int s2_seen_before(struct s2_seen *seen, struct s2_digest h, uint8_t left)
{
	struct s2_seen_slot *slot;

	if (3 * seen->n >= 2 * seen->cap && grow(seen))
		return -ENOMEM;
	/* Zero stands for a free slot. */
	h.a |= !h.a;
	slot = find(seen, h);
	if (is_free(slot)) {
		slot->state.a = h.a;
		slot->state.b = (h.b & ~LEFT_MASK) | left;
		seen->n++;
		return 0;
	}
	if ((slot->state.b & LEFT_MASK) >= left)
		return 1;
	slot->state.b = (slot->state.b & ~LEFT_MASK) | left;
	return 0;
}

double *s2_seen_schedules(struct s2_seen *seen, struct s2_digest h)
{
	h.a |= !h.a;
	return &find(seen, h)->schedules;
}

void s2_seen_clear(struct s2_seen *seen)
{
	free(seen->slot);
	seen->slot = NULL;
	seen->cap = seen->n = 0;
}
