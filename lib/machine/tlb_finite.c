/* SPDX-License-Identifier: MIT */
#include <stage2sim/tlb.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"

#define MIN_SHIFT 12
#define VMID_PAGE 256U
/* Sizes that live side by side: granules, blocks, and a guest's stage 1. */
#define MAX_SHIFTS 16

/*
 * tag: page number 39:0, ASID 55:40, shift - 12 61:56, kind 63:62.  vgen: VMID
 * 15:0, generation above; 0 is never a live one, since generations start at 1.
 */
struct entry {
	uint64_t tag;
	uint64_t vgen;
	uint64_t data;
	uint64_t used; /* when last, which is when it was filled or hit */
};

/* Kinds by VA go with either of the two, so theirs is the sum. */
struct generation {
	uint32_t all;
	uint32_t by_va;
};

struct array {
	unsigned sets, ways;
	struct entry *entries;
	uint32_t *next; /* of each set: the way to go (round robin) */
	uint8_t n_shifts;
	uint8_t shifts[MAX_SHIFTS]; /* that were ever filled, smallest first */
};

/*
 * What the last look-up worked out from its tag: the next one is of the same
 * kind, VMID and ASID mostly.  Good while nothing has been forgotten since.
 */
struct probe {
	struct s2_tlb_tag tag;
	uint64_t forgotten;    /* 0: never made */
	uint64_t vgen;	       /* of a live entry */
	struct entry *entries; /* of the array, and its shape */
	size_t set_mask;
	unsigned ways;
	unsigned n_sizes; /* of the array, smallest first */
	/* Without any size nothing was ever filled, and the first finds nothing. */
	struct {
		uint64_t tag; /* of an entry, but for its page number */
		uint64_t hash;
		unsigned shift;
	} sizes[MAX_SHIFTS];
};

struct cpu_tlb {
	struct array main, walk;
	struct probe last;
	uint64_t clock;		   /* of both arrays' uses */
	struct generation **local; /* VMID / 256 */
	uint64_t random;
};

struct s2_tlbs {
	struct s2_tlb_config cfg;
	unsigned n_cpus;
	unsigned vmid_pages;
	uint64_t alle1;
	uint64_t forgotten;	   /* how often a generation has ended anywhere; from 1 on */
	struct generation *shared; /* by VMID */
	struct generation *none;   /* what a CPU that never did a local one has */
	struct cpu_tlb cpus[];
};

struct s2_tlb_config s2_tlb_config_default(void)
{
	const struct s2_tlb_config cfg = {
		.sets = 256,
		.ways = 4,
		.walk_sets = 16,
		.walk_ways = 4,
		.replacement = S2_TLB_LRU,
		.kinds = S2_TLB_BY_IPA | S2_TLB_BY_VA,
		.seed = 1,
	};

	return cfg;
}

static bool shape_valid(unsigned sets, unsigned ways)
{
	return sets && !(sets & (sets - 1)) && ways && ways <= 64;
}

static int array_init(struct array *a, unsigned sets, unsigned ways)
{
	a->sets = sets;
	a->ways = ways;
	a->entries = calloc((size_t)sets * ways, sizeof(*a->entries));
	a->next = calloc(sets, sizeof(*a->next));
	return a->entries && a->next ? 0 : -ENOMEM;
}

static void array_free(struct array *a)
{
	free(a->entries);
	free(a->next);
}

static int cpu_init(struct s2_tlbs *tlbs, struct cpu_tlb *cpu)
{
	int ret = array_init(&cpu->main, tlbs->cfg.sets, tlbs->cfg.ways);

	if (!ret)
		ret = array_init(&cpu->walk, tlbs->cfg.walk_sets, tlbs->cfg.walk_ways);
	if (ret)
		return ret;
	cpu->local = malloc(tlbs->vmid_pages * sizeof(struct generation *));
	if (!cpu->local)
		return -ENOMEM;
	for (unsigned i = 0; i < tlbs->vmid_pages; i++)
		cpu->local[i] = tlbs->none;
	cpu->random = tlbs->cfg.seed | 1;
	return 0;
}

static bool config_valid(const struct s2_tlb_config *cfg)
{
	return shape_valid(cfg->sets, cfg->ways) && shape_valid(cfg->walk_sets, cfg->walk_ways) &&
	       (unsigned)cfg->replacement <= S2_TLB_RANDOM &&
	       !(cfg->kinds & ~(unsigned)(S2_TLB_BY_IPA | S2_TLB_BY_VA));
}

int s2_tlbs_create(const struct s2_tlb_config *cfg, unsigned cpus, unsigned vmid_bits,
		   struct s2_tlbs **out)
{
	struct s2_tlbs *tlbs;
	int ret = 0;

	if (!cpus || cpus > S2_MAX_CPUS || (vmid_bits != 8 && vmid_bits != 16) ||
	    !config_valid(cfg))
		return -EINVAL;
	tlbs = calloc(1, sizeof(*tlbs) + cpus * sizeof(tlbs->cpus[0]));
	if (!tlbs)
		return -ENOMEM;
	tlbs->cfg = *cfg;
	tlbs->n_cpus = cpus;
	tlbs->vmid_pages = (1U << vmid_bits) / VMID_PAGE;
	tlbs->alle1 = 1;
	tlbs->forgotten = 1;
	tlbs->shared = calloc((size_t)1 << vmid_bits, sizeof(*tlbs->shared));
	tlbs->none = calloc(VMID_PAGE, sizeof(*tlbs->none));
	if (!tlbs->shared || !tlbs->none)
		ret = -ENOMEM;
	for (unsigned i = 0; i < cpus && !ret; i++)
		ret = cpu_init(tlbs, &tlbs->cpus[i]);
	if (ret) {
		s2_tlbs_destroy(tlbs);
		return ret;
	}
	*out = tlbs;
	return 0;
}

static void cpu_free(struct s2_tlbs *tlbs, struct cpu_tlb *cpu)
{
	array_free(&cpu->main);
	array_free(&cpu->walk);
	for (unsigned i = 0; cpu->local && i < tlbs->vmid_pages; i++)
		if (cpu->local[i] != tlbs->none)
			free(cpu->local[i]);
	free(cpu->local);
}

void s2_tlbs_destroy(struct s2_tlbs *tlbs)
{
	if (!tlbs)
		return;
	for (unsigned i = 0; i < tlbs->n_cpus; i++)
		cpu_free(tlbs, &tlbs->cpus[i]);
	free(tlbs->shared);
	free(tlbs->none);
	free(tlbs);
}

static bool vmid_valid(const struct s2_tlbs *tlbs, struct s2_vmid vmid)
{
	return vmid.v / VMID_PAGE < tlbs->vmid_pages;
}

static bool kind_valid(enum s2_tlb_kind kind)
{
	return kind == S2_TLB_S2_LEAF || kind == S2_TLB_S2_WALK || kind == S2_TLB_COMBINED ||
	       kind == S2_TLB_S1_ONLY;
}

static bool tag_valid(const struct s2_tlbs *tlbs, const struct s2_tlb_tag *tag)
{
	return kind_valid(tag->kind) && vmid_valid(tlbs, tag->vmid);
}

static bool cpu_or_all(const struct s2_tlbs *tlbs, unsigned cpu)
{
	return cpu < tlbs->n_cpus || cpu == S2_ALL_CPUS;
}

/* The place of the kind's bit. */
static unsigned kind_index(enum s2_tlb_kind kind)
{
	return (kind > S2_TLB_S2_WALK) * 2U + (kind & (S2_TLB_S2_WALK | S2_TLB_S1_ONLY) ? 1U : 0U);
}

static uint64_t page_number(uint64_t addr, unsigned shift)
{
	return addr >> shift & S2_BITS(39, 0);
}

/* An entry's tag but for the page number. */
static uint64_t tag_of_size(const struct s2_tlb_tag *tag, unsigned shift)
{
	return s2_field_put(tag->asid, S2_BITS(55, 40)) |
	       s2_field_put(shift - MIN_SHIFT, S2_BITS(61, 56)) |
	       s2_field_put(kind_index(tag->kind), S2_BITS(63, 62));
}

static uint64_t entry_tag(const struct s2_tlb_tag *tag, uint64_t addr, unsigned shift)
{
	return tag_of_size(tag, shift) | page_number(addr, shift);
}

/* What an entry of this VMID must carry to be live on @cpu now. */
static uint64_t live_vgen(const struct s2_tlbs *tlbs, const struct cpu_tlb *cpu,
			  struct s2_vmid vmid, bool by_va)
{
	const struct generation *shared = &tlbs->shared[vmid.v];
	const struct generation *local = &cpu->local[vmid.v / VMID_PAGE][vmid.v % VMID_PAGE];
	uint64_t gen = tlbs->alle1 + shared->all + local->all;

	if (by_va)
		gen += (uint64_t)shared->by_va + local->by_va;
	return gen << 16 | vmid.v;
}

static struct array *array_of(struct cpu_tlb *cpu, enum s2_tlb_kind kind)
{
	return kind == S2_TLB_S2_WALK ? &cpu->walk : &cpu->main;
}

/* What is mixed into the page number, so that kinds and ASIDs do not share a set. */
static uint64_t hash_of(uint64_t tag, struct s2_vmid vmid)
{
	return (tag >> 40) * UINT64_C(0x9e3779b1) ^ vmid.v;
}

static size_t set_of(const struct array *a, uint64_t tag, struct s2_vmid vmid)
{
	return (size_t)((tag ^ hash_of(tag, vmid)) & (a->sets - 1)) * a->ways;
}

static inline struct entry *find_in(struct entry *set, unsigned ways, uint64_t tag, uint64_t vgen)
{
	do {
		if (set->tag == tag && set->vgen == vgen)
			return set;
		set++;
	} while (--ways);
	return NULL;
}

static struct entry *find_entry(const struct array *a, uint64_t tag, uint64_t vgen,
				struct s2_vmid vmid)
{
	return find_in(&a->entries[set_of(a, tag, vmid)], a->ways, tag, vgen);
}

static void make_probe(const struct s2_tlbs *tlbs, struct cpu_tlb *cpu,
		       const struct s2_tlb_tag *tag)
{
	struct array *a = array_of(cpu, tag->kind);
	struct probe *p = &cpu->last;

	p->tag = *tag;
	p->forgotten = tlbs->forgotten;
	p->vgen = live_vgen(tlbs, cpu, tag->vmid, tag->kind & S2_TLB_BY_VA);
	p->entries = a->entries;
	p->set_mask = a->sets - 1;
	p->ways = a->ways;
	p->n_sizes = a->n_shifts;
	for (unsigned i = 0; i < p->n_sizes; i++) {
		p->sizes[i].shift = a->shifts[i];
		p->sizes[i].tag = tag_of_size(tag, p->sizes[i].shift);
		p->sizes[i].hash = hash_of(p->sizes[i].tag, tag->vmid);
	}
}

static inline bool probe_is(const struct s2_tlbs *tlbs, const struct probe *p,
			    const struct s2_tlb_tag *tag)
{
	/* No padding lies in a tag, so that this is one comparison. */
	return p->forgotten == tlbs->forgotten && !memcmp(&p->tag, tag, sizeof(*tag));
}

/* The entry of the probe's size number @i that covers @addr, or NULL. */
static inline struct entry *find_size(const struct probe *p, unsigned i, uint64_t addr)
{
	const uint64_t page = page_number(addr, p->sizes[i].shift);
	const size_t set = (page ^ p->sizes[i].hash) & p->set_mask;

	return find_in(&p->entries[set * p->ways], p->ways, p->sizes[i].tag | page, p->vgen);
}

/* When it was used only matters to LRU; asking whether that is so would cost as much. */
static inline void hit(struct cpu_tlb *cpu, struct entry *e, uint64_t *data)
{
	*data = e->data;
	e->used = ++cpu->clock;
}

/* A look-up of another kind than the last, or of something larger than the smallest entries. */
static S2_SLOW bool lookup_all_sizes(struct s2_tlbs *tlbs, unsigned cpu,
				     const struct s2_tlb_tag *tag, uint64_t addr, uint64_t *data,
				     unsigned *shift)
{
	struct probe *p = &tlbs->cpus[cpu].last;

	if (!tag_valid(tlbs, tag))
		return false;
	if (!probe_is(tlbs, p, tag))
		make_probe(tlbs, &tlbs->cpus[cpu], tag);
	for (unsigned i = 0; i < p->n_sizes; i++) {
		struct entry *e = find_size(p, i, addr);

		if (!e)
			continue;
		if (shift)
			*shift = p->sizes[i].shift;
		hit(&tlbs->cpus[cpu], e, data);
		return true;
	}
	return false;
}

bool s2_tlb_lookup(struct s2_tlbs *tlbs, unsigned cpu, const struct s2_tlb_tag *tag, uint64_t addr,
		   uint64_t *data, unsigned *shift)
{
	const struct probe *p;
	struct entry *e;

	if (cpu >= tlbs->n_cpus)
		return false;
	p = &tlbs->cpus[cpu].last;
	/* Only valid tags were ever probed for. */
	if (!probe_is(tlbs, p, tag))
		return lookup_all_sizes(tlbs, cpu, tag, addr, data, shift);
	e = find_size(p, 0, addr);
	if (!e)
		return lookup_all_sizes(tlbs, cpu, tag, addr, data, shift);
	if (shift)
		*shift = p->sizes[0].shift;
	hit(&tlbs->cpus[cpu], e, data);
	return true;
}

static bool entry_live(const struct s2_tlbs *tlbs, const struct cpu_tlb *cpu, const struct entry *e)
{
	const struct s2_vmid vmid = s2_vmid((uint16_t)e->vgen);
	bool by_va = s2_field_get(e->tag, S2_BITS(63, 62)) >= 2;

	return e->vgen == live_vgen(tlbs, cpu, vmid, by_va);
}

static unsigned oldest_way(const struct array *a, size_t set)
{
	unsigned oldest = 0;

	for (unsigned way = 1; way < a->ways; way++)
		if (a->entries[set + way].used < a->entries[set + oldest].used)
			oldest = way;
	return oldest;
}

static unsigned victim(const struct s2_tlbs *tlbs, struct cpu_tlb *cpu, struct array *a, size_t set)
{
	for (unsigned way = 0; way < a->ways; way++)
		if (!entry_live(tlbs, cpu, &a->entries[set + way]))
			return way;
	switch (tlbs->cfg.replacement) {
	case S2_TLB_RANDOM:
		cpu->random ^= cpu->random << 13;
		cpu->random ^= cpu->random >> 7;
		cpu->random ^= cpu->random << 17;
		return (unsigned)(cpu->random % a->ways);
	case S2_TLB_ROUND_ROBIN:
		return a->next[set / a->ways]++ % a->ways;
	default:
		return oldest_way(a, set);
	}
}

/* @return false if there are more sizes than a TLB tells apart. */
static bool know_shift(struct cpu_tlb *cpu, struct array *a, unsigned shift)
{
	unsigned at;

	for (unsigned i = 0; i < a->n_shifts; i++)
		if (a->shifts[i] == shift)
			return true;
	if (a->n_shifts == MAX_SHIFTS)
		return false;
	cpu->last.forgotten = 0; /* there is one more size to look for */
	at = a->n_shifts++;
	/* Smallest first: of two that match the one of the deeper level is the better. */
	for (; at && a->shifts[at - 1] > shift; at--)
		a->shifts[at] = a->shifts[at - 1];
	a->shifts[at] = (uint8_t)shift;
	return true;
}

static void fill(struct s2_tlbs *tlbs, unsigned cpu, const struct s2_tlb_tag *tag, uint64_t addr,
		 unsigned shift, uint64_t data)
{
	struct cpu_tlb *tlb = &tlbs->cpus[cpu];
	struct array *a = array_of(tlb, tag->kind);
	uint64_t vgen = live_vgen(tlbs, tlb, tag->vmid, tag->kind & S2_TLB_BY_VA);
	uint64_t key = entry_tag(tag, addr, shift);
	struct entry *e;

	/* A TLB need not keep what it is shown. */
	if (!(tlbs->cfg.kinds & tag->kind) || shift < MIN_SHIFT || !know_shift(tlb, a, shift))
		return;
	e = find_entry(a, key, vgen, tag->vmid);
	if (!e) {
		size_t set = set_of(a, key, tag->vmid);

		e = &a->entries[set + victim(tlbs, tlb, a, set)];
	}
	e->tag = key;
	e->vgen = vgen;
	e->data = data;
	e->used = ++tlb->clock;
}

int s2_tlb_fill(struct s2_tlbs *tlbs, unsigned cpu, const struct s2_tlb_tag *tag, uint64_t addr,
		unsigned shift, uint64_t data)
{
	if (cpu >= tlbs->n_cpus || !tag_valid(tlbs, tag) || shift > 63)
		return -EINVAL;
	fill(tlbs, cpu, tag, addr, shift, data);
	return 0;
}

/* The CPU's own count of @vmid, or NULL without memory for it. */
static struct generation *local_generation(struct s2_tlbs *tlbs, struct cpu_tlb *cpu,
					   struct s2_vmid vmid)
{
	struct generation **page = &cpu->local[vmid.v / VMID_PAGE];

	if (*page == tlbs->none) {
		struct generation *own = calloc(VMID_PAGE, sizeof(*own));

		if (!own)
			return NULL;
		*page = own;
	}
	return &(*page)[vmid.v % VMID_PAGE];
}

static void bump(struct s2_tlbs *tlbs, struct generation *gen, bool by_va_only)
{
	tlbs->forgotten++;
	if (by_va_only)
		gen->by_va++;
	else
		gen->all++;
}

int s2_tlb_inval_vmid(struct s2_tlbs *tlbs, unsigned cpu, struct s2_vmid vmid, bool by_va_only)
{
	struct generation *gen;

	if (!cpu_or_all(tlbs, cpu) || !vmid_valid(tlbs, vmid))
		return -EINVAL;
	gen = &tlbs->shared[vmid.v];
	if (cpu != S2_ALL_CPUS) {
		struct generation *own = local_generation(tlbs, &tlbs->cpus[cpu], vmid);

		/* Short of memory all CPUs forget, which is legal: only counts suffer. */
		if (own)
			gen = own;
	}
	bump(tlbs, gen, by_va_only);
	return 0;
}

void s2_tlb_inval_all(struct s2_tlbs *tlbs)
{
	tlbs->alle1++;
	tlbs->forgotten++;
}

static bool hit_by_ipa(const struct entry *e, const struct s2_tlb_ipa_range *range)
{
	unsigned kind = (unsigned)s2_field_get(e->tag, S2_BITS(63, 62));
	unsigned shift = MIN_SHIFT + (unsigned)s2_field_get(e->tag, S2_BITS(61, 56));
	uint64_t start = s2_field_get(e->tag, S2_BITS(39, 0)) << shift;
	uint64_t size = UINT64_C(1) << shift;

	if (kind > 1 || (uint16_t)e->vgen != range->vmid.v)
		return false;
	if (range->leaf_shift && shift != range->leaf_shift)
		return false;
	return start <= range->start.v + (range->size - 1) && range->start.v <= start + (size - 1);
}

static void inval_array(struct array *a, const struct s2_tlb_ipa_range *range)
{
	for (size_t i = 0; i < (size_t)a->sets * a->ways; i++)
		if (hit_by_ipa(&a->entries[i], range))
			a->entries[i].vgen = 0;
}

/* One page: a probe for each size in place of a look at everything. */
static void inval_page(struct s2_tlbs *tlbs, struct cpu_tlb *cpu, struct array *a,
		       enum s2_tlb_kind kind, const struct s2_tlb_ipa_range *range)
{
	const struct s2_tlb_tag tag = {kind, range->vmid, 0};
	uint64_t vgen = live_vgen(tlbs, cpu, range->vmid, false);

	for (unsigned i = 0; i < a->n_shifts; i++) {
		struct entry *e;

		if (range->leaf_shift && range->leaf_shift != a->shifts[i])
			continue;
		e = find_entry(a, entry_tag(&tag, range->start.v, a->shifts[i]), vgen, range->vmid);
		if (e)
			e->vgen = 0;
	}
}

static void inval_cpu(struct s2_tlbs *tlbs, struct cpu_tlb *cpu,
		      const struct s2_tlb_ipa_range *range)
{
	bool single = range->size <= UINT64_C(1) << MIN_SHIFT;

	if (single)
		inval_page(tlbs, cpu, &cpu->main, S2_TLB_S2_LEAF, range);
	else
		inval_array(&cpu->main, range);
	if (range->leaf_shift)
		return;
	if (single)
		inval_page(tlbs, cpu, &cpu->walk, S2_TLB_S2_WALK, range);
	else
		inval_array(&cpu->walk, range);
}

int s2_tlb_inval_ipa(struct s2_tlbs *tlbs, unsigned cpu, const struct s2_tlb_ipa_range *range)
{
	if (!cpu_or_all(tlbs, cpu) || !vmid_valid(tlbs, range->vmid) || range->leaf_shift > 63)
		return -EINVAL;
	if (!range->size || range->size - 1 > UINT64_MAX - range->start.v)
		return -EINVAL;
	for (unsigned i = 0; i < tlbs->n_cpus; i++)
		if (cpu == S2_ALL_CPUS || cpu == i)
			inval_cpu(tlbs, &tlbs->cpus[i], range);
	return 0;
}

static uint64_t count_live(const struct s2_tlbs *tlbs, const struct cpu_tlb *cpu,
			   const struct array *a, unsigned kind)
{
	uint64_t n = 0;

	for (size_t i = 0; i < (size_t)a->sets * a->ways; i++)
		n += s2_field_get(a->entries[i].tag, S2_BITS(63, 62)) == kind &&
		     entry_live(tlbs, cpu, &a->entries[i]);
	return n;
}

uint64_t s2_tlb_live(const struct s2_tlbs *tlbs, unsigned cpu, enum s2_tlb_kind kind)
{
	const struct cpu_tlb *tlb;

	if (cpu >= tlbs->n_cpus || !kind_valid(kind))
		return 0;
	tlb = &tlbs->cpus[cpu];
	return count_live(tlbs, tlb, kind == S2_TLB_S2_WALK ? &tlb->walk : &tlb->main,
			  kind_index(kind));
}
