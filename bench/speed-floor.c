/* SPDX-License-Identifier: MIT */
#include "speed-floor.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES	   UINT64_C(512)
#define SLAB_PAGES 512U
#define VALID	   UINT64_C(3)
#define WRITE	   UINT64_C(0x80)

struct table {
	uint64_t e[ENTRIES];
};

struct slab {
	struct table pages[SLAB_PAGES];
};

/* A TLB as small as one can be: 256 sets of 4, a tag and what it stands for. */
#define TLB_SETS 256U
#define TLB_WAYS 4U

struct tlb_entry {
	uint64_t tag, data;
};

struct floor {
	struct table ***mid; /* by GiB, by 2 MiB: last-level tables */
	uint32_t **live;     /* entries in use of each last-level table */
	uint64_t n_top;
	struct slab **slabs;
	uint64_t n_slabs, cut;
	uint8_t *frames; /* a byte of line state for each of twice the pages */
	uint64_t n_frames;
	struct tlb_entry tlb[TLB_SETS][TLB_WAYS];
};

static int make_gib(struct floor *f, uint64_t i)
{
	f->mid[i] = calloc(ENTRIES, sizeof(struct table *));
	f->live[i] = calloc(ENTRIES, sizeof(uint32_t));
	return f->mid[i] && f->live[i];
}

struct floor *floor_create(uint64_t pages)
{
	struct floor *f = calloc(1, sizeof(*f));
	int ok;

	if (!f)
		return NULL;
	f->n_top = (pages + ENTRIES * ENTRIES - 1) / (ENTRIES * ENTRIES);
	f->mid = calloc(f->n_top, sizeof(struct table **));
	f->live = calloc(f->n_top, sizeof(uint32_t *));
	f->slabs = calloc(f->n_top + 1, sizeof(struct slab *));
	f->n_frames = 2 * pages;
	f->frames = malloc(f->n_frames);
	ok = f->mid && f->live && f->slabs && f->frames;
	if (!ok)
		f->n_top = 0;
	for (uint64_t i = 0; ok && i < f->n_top; i++)
		ok = make_gib(f, i);
	if (ok)
		return f;
	floor_free(f);
	return NULL;
}

static struct table *new_table(struct floor *f)
{
	uint64_t slab = f->cut / SLAB_PAGES;
	struct table *t;

	if (slab == f->n_slabs)
		f->slabs[f->n_slabs++] = malloc(sizeof(struct slab));
	t = &f->slabs[slab]->pages[f->cut++ % SLAB_PAGES];
	return memset(t, 0, sizeof(*t));
}

/* The slabs stay: what their first touch costs is the host kernel's affair. */
void floor_clear(struct floor *f)
{
	for (uint64_t i = 0; i < f->n_top; i++) {
		memset(f->mid[i], 0, ENTRIES * sizeof(struct table *));
		memset(f->live[i], 0, ENTRIES * sizeof(uint32_t));
	}
	f->cut = 0;
	memset(f->tlb, 0, sizeof(f->tlb));
}

void floor_free(struct floor *f)
{
	for (uint64_t i = 0; i < f->n_slabs; i++)
		free(f->slabs[i]);
	for (uint64_t i = 0; i < f->n_top; i++) {
		free(f->mid[i]);
		free(f->live[i]);
	}
	free(f->mid);
	free(f->live);
	free(f->slabs);
	free(f->frames);
	free(f);
}

void floor_map(struct floor *f, uint64_t page)
{
	uint64_t top = page >> 18;
	unsigned mid = (unsigned)(page >> 9) & 511, low = (unsigned)page & 511;
	struct table *t = f->mid[top][mid];

	if (!t)
		t = f->mid[top][mid] = new_table(f);
	t->e[low] = page << 12 | WRITE | VALID;
	f->live[top][mid]++;
}

void floor_unmap(struct floor *f, uint64_t page)
{
	uint64_t top = page >> 18;
	unsigned mid = (unsigned)(page >> 9) & 511, low = (unsigned)page & 511;

	f->mid[top][mid]->e[low] = 0;
	if (!--f->live[top][mid])
		f->mid[top][mid] = NULL;
}

uint64_t floor_get(const struct floor *f, uint64_t page)
{
	return f->mid[page >> 18][page >> 9 & 511]->e[page & 511];
}

void floor_map_range(struct floor *f, uint64_t pages)
{
	for (uint64_t page = 0; page < pages; page += ENTRIES) {
		struct table *t = new_table(f);

		f->mid[page >> 18][page >> 9 & 511] = t;
		for (unsigned i = 0; i < ENTRIES; i++)
			t->e[i] = (page + i) << 12 | WRITE | VALID;
		f->live[page >> 18][page >> 9 & 511] = ENTRIES;
	}
}

void floor_unmap_range(struct floor *f, uint64_t pages)
{
	for (uint64_t page = 0; page < pages; page += ENTRIES) {
		struct table *t = f->mid[page >> 18][page >> 9 & 511];

		for (unsigned i = 0; i < ENTRIES; i++)
			t->e[i] = 0;
		f->live[page >> 18][page >> 9 & 511] = 0;
	}
}

uint64_t floor_wrprotect(struct floor *f, uint64_t pages)
{
	uint64_t changed = 0;

	for (uint64_t page = 0; page < pages; page += ENTRIES) {
		struct table *t = f->mid[page >> 18][page >> 9 & 511];

		for (unsigned i = 0; i < ENTRIES; i++) {
			changed += (t->e[i] & WRITE) != 0;
			t->e[i] &= ~WRITE;
		}
	}
	return changed;
}

uint64_t floor_count(const struct floor *f, uint64_t pages)
{
	uint64_t n = 0;

	for (uint64_t page = 0; page < pages; page += ENTRIES) {
		const struct table *t = f->mid[page >> 18][page >> 9 & 511];

		for (unsigned i = 0; i < ENTRIES; i++)
			n += t->e[i] & 1;
	}
	return n;
}

void floor_tlb_fill(struct floor *f, uint64_t page, uint64_t data)
{
	struct tlb_entry *set = f->tlb[page % TLB_SETS];
	unsigned way = 0;

	while (way < TLB_WAYS - 1 && set[way].tag)
		way++;
	set[way].tag = page + 1;
	set[way].data = data;
}

uint64_t floor_tlb_get(const struct floor *f, uint64_t page)
{
	const struct tlb_entry *set = f->tlb[page % TLB_SETS];

	for (unsigned way = 0; way < TLB_WAYS; way++)
		if (set[way].tag == page + 1)
			return set[way].data;
	return 0;
}

void floor_frames_fill(struct floor *f)
{
	for (uint64_t i = 0; i < f->n_frames; i++)
		f->frames[i] = (uint8_t)(i % 65);
}

uint64_t floor_frames_flush(struct floor *f)
{
	uint64_t dirty = 0;

	for (uint64_t i = 0; i < f->n_frames; i++) {
		dirty += f->frames[i];
		f->frames[i] = 0;
	}
	return dirty;
}
