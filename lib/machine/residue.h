/* SPDX-License-Identifier: MIT */
/**
 * @file
 * How residue is kept: groups of old descriptors of one table page.
 *
 *   VM --> groups: page (IPA, level), bit i: descriptor i, old value base + i * step,
 *                  one stage, one set of CPUs
 *
 * A group is split when an instruction concerns some of its descriptors or
 * CPUs only, and joined with one like it when it comes to rest.  A group is in
 * one list by stage: idle (of its VM), active (stage 2 gone, of its VM), or
 * pending (of all: barriers look there), where it is while a TLBI of all is under
 * way, whatever its stage.
 */
#ifndef S2_MACHINE_RESIDUE_H
#define S2_MACHINE_RESIDUE_H

#include <string.h>

#include <stage2sim/residue.h>

#include "machine/digest.h"
#include "machine/physics.h"

struct s2_link {
	struct s2_link *prev, *next;
};

/** All that is known of a VMID. */
struct s2_res_vm {
	struct s2_link idle, active;
	uint64_t entries; /**< old descriptors */
	uint64_t groups;
	uint64_t linked; /**< table pages of its tree; 0: no walk under this VMID reads anything */
	struct s2_vmid vmid;
	struct s2_res_vm *next; /**< of all that were ever watched */
};

struct s2_group {
	struct s2_link link; /**< first */
	struct s2_group *chain;
	struct s2_res_vm *vm;
	uint64_t ipa; /**< of the table page */
	uint64_t base;
	uint64_t serial; /**< tells a subtree from one before it */
	uint16_t n;	 /**< descriptors: a page has 8192 at most */
	uint16_t store_cpu;
	int8_t level;
	uint8_t stage; /**< enum s2_residue_stage; never VISIBLE, which STORED becomes by itself */
	uint8_t step_log2; /**< 0: no step */
	bool table : 1;	   /**< table descriptors: walk-cache entries */
	bool below : 1;	   /**< a single one, with all that hangs on it */
	bool conflict : 1;
	bool local : 1; /**< pending: a non-shareable TLBI */
	bool all : 1;	/**< a TLBI of all is under way: s2_group_all() */
	bool local_all : 1; /**< and a non-shareable one */
	/**
	 * Descriptors, CPUs left, what s2_group_epochs() or s2_group_pending() says, and
	 * s2_group_all().
	 */
	uint64_t words[];
};

/** What is known of a table page: where it is linked in, or what it was unlinked with. */
struct s2_table_meta {
	union {
		struct s2_res_vm *vm;	   /**< linked: into this VM's watched tree */
		struct s2_group *unlinked; /**< not: the subtree residue that it is part of... */
	};
	uint64_t page : 52; /**< linked: of its IPA; not: ...if this is the subtree's serial */
	uint64_t linked : 1;
	int64_t level : 4;
};

/** Epochs of a CPU: how many DSBs that order its stores. */
struct s2_res_cpu {
	uint64_t ish, any;
};

struct s2_residues {
	struct s2_physics *p;
	uint8_t page_shift;
	unsigned page_words; /**< of a bitmap of a page's descriptors */
	unsigned cpu_words;
	unsigned group_words; /**< of all that a group has of them */
	uint64_t table_base;
	struct s2_table_meta **meta; /**< by 2 MiB of PA */
	size_t n_meta;
	struct s2_res_vm **by_vmid;
	struct s2_res_vm *vms;
	struct s2_link pending;
	struct s2_group **hash;
	size_t hash_size, n_groups;
	struct s2_group *free;
	void *chunks; /**< of groups, each beginning with a pointer to the next */
	uint64_t bytes;
	uint64_t serial;
	uint64_t trees; /**< grows when a VMID comes to be walked by other tables */
	uint64_t run_serial; /**< of the last group before the run at hand */
	uint64_t changes;    /**< by TLBIs to groups from before the run */
	/** Told by whose store of what an old descriptor came to be held beside a newer one. */
	void (*on_conflict)(void *arg, unsigned cpu, const struct s2_residue *old, s2_pte new);
	void *on_conflict_arg;
	struct s2_res_cpu cpus[];
};

int s2_residues_create(struct s2_physics *p, struct s2_residues **out);
void s2_residues_destroy(struct s2_residues *res);

/** A PTE_READ, PTE_WRITE or TABLE_FREE of an event, in one of its repetitions. @return 0 or -ENOMEM */
int s2_residues_insn(struct s2_residues *res, const struct s2_event *event, size_t index,
		     uint64_t repetition);

/**
 * An event that only reads and writes descriptors, all repetitions at once.
 * @return 1 if it is not one of those; 0; -ENOMEM
 */
int s2_residues_stores(struct s2_residues *res, const struct s2_event *event);

/** What a run's first repetition is compared with. */
struct s2_res_mark {
	size_t groups;
	uint64_t changes;
};

struct s2_res_mark s2_residues_mark(struct s2_residues *res);

/** Whether the first repetition left everything as it was, so that the others will too. */
bool s2_residues_settled(const struct s2_residues *res, const struct s2_res_mark *mark,
			 const struct s2_event *event);

/** What TLBs may hold, and which tables are linked, whatever led there. */
void s2_residues_digest(const struct s2_residues *res, struct s2_digest *d);

/** The page that a descriptor lies in, if it is one of a watched tree. */
const struct s2_table_meta *s2_residues_page(const struct s2_residues *res, uint64_t addr);

/** What is known of the page at @p pa, linked or not, or NULL. */
const struct s2_table_meta *s2_residues_known(const struct s2_residues *res, uint64_t pa);

/** Descriptors [index, index + n) of a group, in public terms. */
struct s2_residue s2_residues_describe(const struct s2_residues *res, struct s2_group *g,
				       unsigned index, uint64_t n);

struct s2_tlbi_span;

/** What a TLBI by IPA or range of @p cpu names in one repetition. @return false: nothing sure */
bool s2_residues_span(const struct s2_residues *res, unsigned cpu, const struct s2_insn *insn,
		      uint64_t repetition, struct s2_tlbi_span *span);

int s2_residues_tlbi(struct s2_residues *res, unsigned cpu, const struct s2_insn *insn,
		     uint64_t repetition);
void s2_residues_dsb(struct s2_residues *res, unsigned cpu, enum s2_op op);

/** Context synchronisation of @p cpu. */
void s2_residues_sync(struct s2_residues *res, unsigned cpu);

/**
 * A valid descriptor is stored at an entry: what may still be held beside it is told to
 * on_conflict, and can be got rid of for sure by VMID alone from then on.  @return 0 or -ENOMEM
 */
int s2_residues_conflicts(struct s2_residues *res, const struct s2_table_meta *meta, unsigned cpu,
			  unsigned index, s2_pte new);

/** The same of all that a table, linked in and followed by now, holds already, and of what is below. */
int s2_residues_conflicts_in(struct s2_residues *res, const struct s2_table *table, unsigned cpu,
			     int level);

/** The page that a table descriptor points to, or NULL if it is none of the machine's. */
const struct s2_table *s2_residues_child(const struct s2_residues *res, s2_pte pte);

/** Whether no block may be held that lies over the page, whose entries are stored. */
bool s2_residues_bare_above(const struct s2_residues *res, const struct s2_table_meta *meta);

/** A store of @p new over @p old at @p addr. @return 0 or -ENOMEM */
int s2_residues_store(struct s2_residues *res, unsigned cpu, uint64_t addr, s2_pte old, s2_pte new,
		      uint64_t n, uint64_t old_step);

/** @p cpu reads @p n descriptors from @p addr on: others' stores are seen then. @return 0 or -ENOMEM */
int s2_residues_read(struct s2_residues *res, unsigned cpu, uint64_t addr, uint64_t n);
/** Whether a read by @p cpu in the page of @p addr could be the first to see a store. */
bool s2_residues_may_see(const struct s2_residues *res, unsigned cpu, uint64_t addr);

/** The table page at @p pa is about to be freed. */
int s2_residues_table_free(struct s2_residues *res, uint64_t pa);

int s2_residues_watch(struct s2_residues *res, const struct s2_regime *regime);

/** Splits a subtree into what its tables hold. @return 0 or -ENOMEM */
int s2_residues_unfold(struct s2_residues *res, struct s2_group *g);

/* Groups. */

static inline uint64_t *s2_group_bits(struct s2_group *g)
{
	return g->words;
}

static inline uint64_t *s2_group_cpus(const struct s2_residues *res, struct s2_group *g)
{
	return g->words + res->page_words;
}

/** STORED: the storer's epochs at the store. */
static inline struct s2_res_cpu *s2_group_epochs(const struct s2_residues *res, struct s2_group *g)
{
	return (struct s2_res_cpu *)(void *)(g->words + res->page_words + res->cpu_words);
}

/** Pending, which is later, and in the same place: CPUs whose DSB completes it. */
static inline uint64_t *s2_group_pending(const struct s2_residues *res, struct s2_group *g)
{
	return g->words + res->page_words + res->cpu_words;
}

/** Whose DSB completes a TLBI of all, if one is under way: never of STORED, whose epochs lie here. */
static inline uint64_t *s2_group_all(const struct s2_residues *res, struct s2_group *g)
{
	return g->words + res->group_words - res->cpu_words;
}

/** Makes @p cpus, of a group, those of one CPU; there is one word of them mostly. */
static inline void s2_cpus_only(const struct s2_residues *res, uint64_t *cpus, unsigned cpu)
{
	if (res->cpu_words > 1)
		memset(cpus, 0, res->cpu_words * sizeof(*cpus));
	else
		cpus[0] = 0;
	cpus[cpu / 64] = UINT64_C(1) << cpu % 64;
}

static inline unsigned s2_res_shift(const struct s2_residues *res, int level)
{
	const struct s2_geometry geo = {.page_shift = res->page_shift};

	return s2_level_shift(&geo, level);
}

/** The IPA from which a linked table page maps. */
static inline uint64_t s2_meta_ipa(const struct s2_residues *res, const struct s2_table_meta *meta)
{
	return (uint64_t)meta->page << res->page_shift;
}

/** By how much descriptors of @p g advance. */
static inline uint64_t s2_group_step(const struct s2_group *g)
{
	return g->step_log2 ? UINT64_C(1) << g->step_log2 : 0;
}

/** The value that descriptor @p index of @p g had. */
static inline s2_pte s2_group_pte(const struct s2_group *g, unsigned index)
{
	return g->base + index * s2_group_step(g);
}

/** A group with no descriptors, all CPUs, in its VM's idle list; NULL without memory. */
struct s2_group *s2_group_new(struct s2_residues *res, struct s2_res_vm *vm, uint64_t ipa,
			      int level);
void s2_group_free(struct s2_residues *res, struct s2_group *g);

static inline void s2_link_remove(struct s2_link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
}

static inline void s2_link_add(struct s2_link *list, struct s2_link *link)
{
	link->prev = list;
	link->next = list->next;
	list->next->prev = link;
	list->next = link;
}

/** Moves a group to the list of @p stage. */
static inline void s2_group_move(struct s2_residues *res, struct s2_group *g,
				 enum s2_residue_stage stage)
{
	s2_link_remove(&g->link);
	g->stage = (uint8_t)stage;
	if (stage == S2_RESIDUE_STORED)
		s2_link_add(&g->vm->idle, &g->link);
	else if (stage == S2_RESIDUE_S2_DONE && !g->all)
		s2_link_add(&g->vm->active, &g->link);
	else
		s2_link_add(&res->pending, &g->link);
}

/** To be called when there are more groups than buckets and nobody goes through them. */
void s2_groups_more_buckets(struct s2_residues *res);

/** Adds descriptors [first, first + n). */
void s2_group_add(struct s2_group *g, unsigned first, uint64_t n);

/** Those of @p g in [first, last], split off; @p g itself if that is all; NULL if none or -ENOMEM. */
struct s2_group *s2_group_take(struct s2_residues *res, struct s2_group *g, uint64_t first,
			       uint64_t last, int *err);

/** The part of @p g that CPU @p cpu may hold, split off; NULL if none or no memory. */
struct s2_group *s2_group_take_cpu(struct s2_residues *res, struct s2_group *g, unsigned cpu,
				   int *err);

/** Joins @p g, at rest, with one like it. */
void s2_group_join(struct s2_residues *res, struct s2_group *g);

/** Where in the hash groups of a page are. */
static inline size_t s2_group_bucket(const struct s2_residues *res, const struct s2_res_vm *vm,
				     uint64_t ipa, int level)
{
	uint64_t key = (ipa >> res->page_shift) * 4 + (unsigned)level;

	key = (key ^ (uint64_t)vm->vmid.v << 44) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(key >> 32) & (res->hash_size - 1);
}

static inline struct s2_group *s2_group_of_page(struct s2_group *g, const struct s2_res_vm *vm,
						uint64_t ipa, int level)
{
	while (g && (g->vm != vm || g->ipa != ipa || g->level != level))
		g = g->chain;
	return g;
}

/** The first group of the page with this IPA and level; further ones by s2_group_next(). */
static inline struct s2_group *s2_group_first(const struct s2_residues *res,
					      const struct s2_res_vm *vm, uint64_t ipa, int level)
{
	return s2_group_of_page(res->hash[s2_group_bucket(res, vm, ipa, level)], vm, ipa, level);
}

static inline struct s2_group *s2_group_next(const struct s2_group *g)
{
	return s2_group_of_page(g->chain, g->vm, g->ipa, g->level);
}

/** Whether walkers of the inner shareable domain (or of @p cpu alone) see the store. */
bool s2_group_visible(const struct s2_residues *res, struct s2_group *g, bool local, unsigned cpu);

#endif
