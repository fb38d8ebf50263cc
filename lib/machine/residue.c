/* SPDX-License-Identifier: MIT */
#include "machine/residue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_GROUPS 64U
#define FIRST_HASH   256U

static void link_init(struct s2_link *list)
{
	list->prev = list->next = list;
}

static size_t group_bytes(const struct s2_residues *res)
{
	return sizeof(struct s2_group) + res->group_words * sizeof(uint64_t);
}

int s2_residues_create(struct s2_physics *p, struct s2_residues **out)
{
	const struct s2_machine *m = p->machine;
	struct s2_residues *res = calloc(1, sizeof(*res) + m->n_cpus * sizeof(res->cpus[0]));

	if (!res)
		return -ENOMEM;
	res->p = p;
	res->page_shift = (uint8_t)m->features.granule;
	res->page_words = (1U << (res->page_shift - 3)) / 64;
	res->cpu_words = (m->n_cpus + 63) / 64;
	/* After CPUs left either two epochs, or two sets of CPUs: that is as many words or more. */
	res->group_words = res->page_words + 3 * res->cpu_words;
	res->table_base = s2_tablemem_base(m->tables);
	res->by_vmid = calloc((size_t)1 << m->features.vmid_bits, sizeof(struct s2_res_vm *));
	res->hash = calloc(FIRST_HASH, sizeof(struct s2_group *));
	res->hash_size = FIRST_HASH;
	link_init(&res->pending);
	/* So that there is one before the first, for stores that are visible at once. */
	for (unsigned i = 0; i < m->n_cpus; i++)
		res->cpus[i].ish = 1;
	if (!res->by_vmid || !res->hash) {
		s2_residues_destroy(res);
		return -ENOMEM;
	}
	*out = res;
	return 0;
}

void s2_residues_destroy(struct s2_residues *res)
{
	struct s2_res_vm *vm, *next_vm;
	void *chunk, *next;

	if (!res)
		return;
	for (vm = res->vms; vm; vm = next_vm) {
		next_vm = vm->next;
		free(vm);
	}
	for (chunk = res->chunks; chunk; chunk = next) {
		next = *(void **)chunk;
		free(chunk);
	}
	for (size_t i = 0; i < res->n_meta; i++)
		free(res->meta[i]);
	free(res->meta);
	free(res->by_vmid);
	free(res->hash);
	free(res);
}

static int chunk_new(struct s2_residues *res)
{
	const size_t bytes = group_bytes(res);
	char *chunk = malloc(sizeof(struct s2_group) + CHUNK_GROUPS * bytes);

	if (!chunk)
		return -ENOMEM;
	*(void **)(void *)chunk = res->chunks;
	res->chunks = chunk;
	res->bytes += sizeof(struct s2_group) + CHUNK_GROUPS * bytes;
	for (unsigned i = 0; i < CHUNK_GROUPS; i++) {
		struct s2_group *g =
			(struct s2_group *)(void *)(chunk + sizeof(struct s2_group) + i * bytes);

		g->serial = 0;
		g->chain = res->free;
		res->free = g;
	}
	return 0;
}

/* If they cannot be had, fewer do as well. */
void s2_groups_more_buckets(struct s2_residues *res)
{
	size_t old_size = res->hash_size;
	struct s2_group **old = res->hash;
	struct s2_group **new = calloc(4 * old_size, sizeof(struct s2_group *));

	if (!new)
		return;
	res->hash = new;
	res->hash_size = 4 * old_size;
	for (size_t i = 0; i < old_size; i++) {
		struct s2_group *g, *next;

		for (g = old[i]; g; g = next) {
			size_t b = s2_group_bucket(res, g->vm, g->ipa, g->level);

			next = g->chain;
			g->chain = new[b];
			new[b] = g;
		}
	}
	free(old);
}

struct s2_group *s2_group_new(struct s2_residues *res, struct s2_res_vm *vm, uint64_t ipa,
			      int level)
{
	struct s2_group *g;
	uint64_t *cpus;
	size_t b;

	if (!res->free && chunk_new(res))
		return NULL;
	g = res->free;
	res->free = g->chain;
	memset(g, 0, group_bytes(res));
	g->vm = vm;
	g->ipa = ipa;
	g->level = (int8_t)level;
	g->stage = S2_RESIDUE_STORED;
	g->serial = ++res->serial;
	cpus = s2_group_cpus(res, g);
	cpus[res->cpu_words - 1] = UINT64_MAX >> (64 * res->cpu_words - res->p->n_cpus);
	for (unsigned w = 0; w + 1 < res->cpu_words; w++)
		cpus[w] = UINT64_MAX;
	b = s2_group_bucket(res, vm, ipa, level);
	g->chain = res->hash[b];
	res->hash[b] = g;
	s2_link_add(&vm->idle, &g->link);
	vm->groups++;
	res->n_groups++;
	return g;
}

void s2_group_free(struct s2_residues *res, struct s2_group *g)
{
	struct s2_group **at = &res->hash[s2_group_bucket(res, g->vm, g->ipa, g->level)];

	while (*at != g)
		at = &(*at)->chain;
	*at = g->chain;
	s2_link_remove(&g->link);
	g->vm->entries -= g->n;
	g->vm->groups--;
	res->n_groups--;
	g->serial = 0;
	g->chain = res->free;
	res->free = g;
}

static unsigned bits_set(uint64_t word)
{
#if defined(__GNUC__)
	return (unsigned)__builtin_popcountll(word);
#else
	unsigned n = 0;

	for (; word; word &= word - 1)
		n++;
	return n;
#endif
}

/* The bits of word @word that lie in [first, last]. */
static uint64_t residue_word_mask(uint64_t word, uint64_t first, uint64_t last)
{
	uint64_t lo = word * 64, mask = UINT64_MAX;

	if (last < lo || first > lo + 63)
		return 0;
	if (first > lo)
		mask <<= first - lo;
	if (last < lo + 63)
		mask &= UINT64_MAX >> (lo + 63 - last);
	return mask;
}

static inline bool group_has(const struct s2_group *g, uint64_t i)
{
	return g->words[i / 64] >> i % 64 & 1;
}

void s2_group_add(struct s2_group *g, unsigned first, uint64_t n)
{
	const uint64_t last = first + n - 1;

	if (n == 1) {
		const unsigned new = !group_has(g, first);

		g->words[first / 64] |= UINT64_C(1) << first % 64;
		g->n = (uint16_t)(g->n + new);
		g->vm->entries += new;
		return;
	}

	for (uint64_t w = first / 64; w <= last / 64; w++) {
		const uint64_t mask = residue_word_mask(w, first, last);
		const unsigned added = bits_set(mask & ~g->words[w]);

		g->n = (uint16_t)(g->n + added);
		g->vm->entries += added;
		g->words[w] |= mask;
	}
}

static unsigned count_in(const struct s2_residues *res, const struct s2_group *g, uint64_t first,
			 uint64_t last)
{
	unsigned n = 0;

	if (first == last)
		return group_has(g, first);
	for (unsigned w = (unsigned)(first / 64); w <= last / 64 && w < res->page_words; w++)
		n += bits_set(g->words[w] & residue_word_mask(w, first, last));
	return n;
}

/* A group like @g without descriptors, in the same list. */
static struct s2_group *clone(struct s2_residues *res, const struct s2_group *g)
{
	struct s2_group *new = s2_group_new(res, g->vm, g->ipa, g->level);

	if (!new)
		return NULL;
	new->base = g->base;
	new->step_log2 = g->step_log2;
	new->store_cpu = g->store_cpu;
	new->table = g->table;
	new->conflict = g->conflict;
	new->local = g->local;
	new->all = g->all;
	new->local_all = g->local_all;
	memcpy(new->words + res->page_words, g->words + res->page_words,
	       (res->group_words - res->page_words) * sizeof(uint64_t));
	s2_group_move(res, new, (enum s2_residue_stage)g->stage);
	return new;
}

struct s2_group *s2_group_take(struct s2_residues *res, struct s2_group *g, uint64_t first,
			       uint64_t last, int *err)
{
	const unsigned n = count_in(res, g, first, last);
	struct s2_group *new;

	if (n == 0 || n == g->n)
		return n ? g : NULL;
	new = clone(res, g);
	if (!new) {
		*err = -ENOMEM;
		return NULL;
	}
	for (unsigned w = 0; w < res->page_words; w++) {
		new->words[w] = g->words[w] & residue_word_mask(w, first, last);
		g->words[w] &= ~residue_word_mask(w, first, last);
	}
	new->n = (uint16_t)n;
	g->n = (uint16_t)(g->n - n);
	return new;
}

struct s2_group *s2_group_take_cpu(struct s2_residues *res, struct s2_group *g, unsigned cpu,
				   int *err)
{
	const uint64_t bit = UINT64_C(1) << cpu % 64;
	uint64_t *cpus = s2_group_cpus(res, g);
	uint64_t others = cpus[cpu / 64] & ~bit;
	struct s2_group *new;

	if (!(cpus[cpu / 64] & bit))
		return NULL;
	for (unsigned w = 0; w < res->cpu_words; w++)
		others |= w == cpu / 64 ? 0 : cpus[w];
	if (!others)
		return g;
	new = clone(res, g);
	if (!new) {
		*err = -ENOMEM;
		return NULL;
	}
	memcpy(new->words, g->words, res->page_words * sizeof(uint64_t));
	new->n = g->n;
	new->vm->entries += new->n;
	memset(s2_group_cpus(res, new), 0, res->cpu_words * sizeof(uint64_t));
	s2_group_cpus(res, new)[cpu / 64] = bit;
	cpus[cpu / 64] &= ~bit;
	return new;
}

bool s2_group_visible(const struct s2_residues *res, struct s2_group *g, bool local, unsigned cpu)
{
	const struct s2_res_cpu *storer = &res->cpus[g->store_cpu];
	const struct s2_res_cpu *stored = s2_group_epochs(res, g);

	if (local && cpu == g->store_cpu && storer->any > stored->any)
		return true;
	return storer->ish > stored->ish;
}

static bool alike(const struct s2_residues *res, struct s2_group *a, struct s2_group *b)
{
	return a != b && a->vm == b->vm && a->ipa == b->ipa && a->level == b->level &&
	       a->stage == b->stage && a->base == b->base && a->step_log2 == b->step_log2 &&
	       a->table == b->table && !a->below && !b->below && a->conflict == b->conflict &&
	       s2_group_visible(res, a, false, 0) && s2_group_visible(res, b, false, 0) &&
	       !memcmp(s2_group_cpus(res, a), s2_group_cpus(res, b),
		       res->cpu_words * sizeof(uint64_t));
}

void s2_group_join(struct s2_residues *res, struct s2_group *g)
{
	struct s2_group *other = s2_group_first(res, g->vm, g->ipa, g->level);

	if (g->stage != S2_RESIDUE_STORED)
		return;
	while (other && !alike(res, other, g))
		other = s2_group_next(other);
	if (!other)
		return;
	for (unsigned w = 0; w < res->page_words; w++) {
		unsigned n = bits_set(g->words[w] & ~other->words[w]);

		other->words[w] |= g->words[w];
		other->n = (uint16_t)(other->n + n);
		other->vm->entries += n;
	}
	s2_group_free(res, g);
}
