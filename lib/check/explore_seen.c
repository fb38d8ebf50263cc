/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "check/explore.h"

#define FIRST_CAP 4096
#define LEFT_MASK UINT64_C(0xff)

static struct s2_xhash *find(const struct s2_seen *seen, struct s2_xhash h)
{
	size_t i = (size_t)h.a & (seen->cap - 1);

	while ((seen->slot[i].a | seen->slot[i].b) &&
	       (seen->slot[i].a != h.a || (seen->slot[i].b ^ h.b) & ~LEFT_MASK))
		i = (i + 1) & (seen->cap - 1);
	return &seen->slot[i];
}

static int grow(struct s2_seen *seen)
{
	const struct s2_seen old = *seen;
	const size_t cap = old.cap ? 2 * old.cap : FIRST_CAP;
	struct s2_xhash *slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	seen->slot = slot;
	seen->cap = cap;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].a | old.slot[i].b)
			*find(seen, old.slot[i]) = old.slot[i];
	free(old.slot);
	return 0;
}

int s2_seen_before(struct s2_seen *seen, struct s2_xhash h, uint8_t left)
{
	struct s2_xhash *slot;

	if (3 * seen->n >= 2 * seen->cap && grow(seen))
		return -ENOMEM;
	/* Zero stands for a free slot. */
	h.a |= !h.a;
	slot = find(seen, h);
	if (!(slot->a | slot->b)) {
		slot->a = h.a;
		slot->b = (h.b & ~LEFT_MASK) | left;
		seen->n++;
		return 0;
	}
	if ((slot->b & LEFT_MASK) >= left)
		return 1;
	slot->b = (slot->b & ~LEFT_MASK) | left;
	return 0;
}

void s2_seen_clear(struct s2_seen *seen)
{
	free(seen->slot);
	seen->slot = NULL;
	seen->cap = seen->n = 0;
}
