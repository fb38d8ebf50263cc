/* SPDX-License-Identifier: MIT */
/*
 * What a step depends on.  A step and what its thread does up to its next stop are one.
 * Two that use nothing in common, or only read it, lead to the same state in either order.
 *
 * What TLBs may hold is told by a digest of its own (oracle_vmid.c) and needs no order: no
 * thread reads it.  A thread that holds no lock may use anything else of the hypervisor's:
 * all it does is taken to depend on all.  Under a lock what is not on the machine is the
 * lock's, or is announced (gate.h).  Acts, reliances and the end of a critical section
 * depend on all.
 */
#include "check/explore.h"
#include "check/oracle.h"

#include <string.h>

void s2_xpast_begin(struct s2_xpast *past)
{
	past->sum.a = past->sum.b = 0;
	past->n = 0;
	/* Zeroed memory has the number of no run. */
	if (!++past->run) {
		memset(past->objects, 0, sizeof(past->objects));
		past->run = 1;
	}
}

static struct s2_xobject *object_of(struct s2_xpast *past, uint64_t key)
{
	unsigned i = (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (S2_XOBJECTS - 1);

	while (past->objects[i].run == past->run && past->objects[i].key != key)
		i = (i + 1) & (S2_XOBJECTS - 1);
	if (past->objects[i].run == past->run)
		return &past->objects[i];
	/* One for all that find no place: a coarser relation is as right. */
	if (past->n > S2_XOBJECTS / 2 && key != UINT64_MAX)
		return object_of(past, UINT64_MAX);
	past->n++;
	memset(&past->objects[i], 0, sizeof(past->objects[i]));
	past->objects[i].run = past->run;
	past->objects[i].key = key;
	return &past->objects[i];
}

void s2_xpast_add(struct s2_xpast *past, struct s2_digest *thread, uint64_t what,
		  const struct s2_xuse *uses, unsigned n)
{
	struct s2_xobject *objects[S2_XUSES_MAX];
	struct s2_digest h = *thread;

	s2_digest_fold(&h, what);
	for (unsigned i = 0; i < n; i++) {
		struct s2_xobject *o = objects[i] = object_of(past, uses[i].key);

		s2_digest_fold(&h, o->write.a);
		s2_digest_fold(&h, o->write.b);
		if (!uses[i].write)
			continue;
		s2_digest_fold(&h, o->reads.a);
		s2_digest_fold(&h, o->reads.b);
	}
	for (unsigned i = 0; i < n; i++) {
		if (uses[i].write) {
			objects[i]->write = h;
			objects[i]->reads.a = objects[i]->reads.b = 0;
		} else {
			objects[i]->reads.a += h.a;
			objects[i]->reads.b += h.b;
		}
	}
	*thread = h;
	past->sum.a += h.a;
	past->sum.b += h.b;
}

/* What an instruction reads (1) and writes (2); without a lock all, besides. */
struct effect {
	uint8_t known, all, pages, data, pte;
};

/* Nothing but what TLBs may hold. */
#define MAINTAINS          \
	{                  \
		.known = 1 \
	}
/* What has been cleaned, if anything, is complete. */
#define COMPLETES                     \
	{                             \
		.known = 1, .data = 3 \
	}
#define CLEANS                        \
	{                             \
		.known = 1, .data = 2 \
	}

static const struct effect effects[S2_OP_COUNT] = {
	[S2_OP_PTE_READ] = {.known = 1, .pages = 1, .pte = 1},
	[S2_OP_PTE_WRITE] = {.known = 1, .all = 1, .pages = 1, .pte = 2},
	[S2_OP_TABLE_ALLOC] = {.known = 1, .all = 1, .pages = 2},
	[S2_OP_TABLE_FREE] = {.known = 1, .all = 1, .pages = 2},
	[S2_OP_TLBI_VMALLS12E1IS] = MAINTAINS,
	[S2_OP_TLBI_VMALLS12E1] = MAINTAINS,
	[S2_OP_TLBI_VMALLE1IS] = MAINTAINS,
	[S2_OP_TLBI_VMALLE1] = MAINTAINS,
	[S2_OP_TLBI_IPAS2E1IS] = MAINTAINS,
	[S2_OP_TLBI_IPAS2E1] = MAINTAINS,
	[S2_OP_TLBI_RIPAS2E1IS] = MAINTAINS,
	[S2_OP_TLBI_RIPAS2E1] = MAINTAINS,
	[S2_OP_TLBI_ALLE1IS] = MAINTAINS,
	[S2_OP_VMID_SWITCH] = MAINTAINS,
	[S2_OP_SYSREG_WRITE] = MAINTAINS,
	[S2_OP_ISB] = MAINTAINS,
	[S2_OP_HYPERCALL] = MAINTAINS,
	[S2_OP_DSB_ISH] = COMPLETES,
	[S2_OP_DSB_ISHST] = COMPLETES,
	[S2_OP_DSB_NSH] = COMPLETES,
	[S2_OP_DSB_NSHST] = COMPLETES,
	[S2_OP_DSB_SY] = COMPLETES,
	[S2_OP_DMB_ISH] = MAINTAINS,
	[S2_OP_DMB_ISHST] = MAINTAINS,
	[S2_OP_DC_CIVAC] = CLEANS,
	[S2_OP_DC_CVAC] = CLEANS,
	[S2_OP_DC_IVAC] = CLEANS,
	[S2_OP_IC_IVAU] = CLEANS,
	[S2_OP_IC_IALLUIS] = CLEANS,
	[S2_OP_IC_IALLU] = CLEANS,
};

static void add(struct s2_xuse *uses, unsigned *n, uint64_t key, unsigned how)
{
	if (!how)
		return;
	uses[*n].key = key;
	uses[(*n)++].write = how > 1;
}

/* Whether a barrier on the CPU of @t has something to complete but TLBIs. */
static bool has_cleaned(const struct s2_xthread *t)
{
	return t->cpu >= 64 || t->run->cleans >> t->cpu & 1;
}

static unsigned uses_of_insn(const struct s2_xthread *t, struct s2_xuse uses[S2_XUSES_MAX])
{
	const struct effect *e = &effects[t->op];
	unsigned n = 0;

	add(uses, &n, s2_xkey(S2_X_ALL, 0), e->known && t->n_held ? e->all : 2);
	add(uses, &n, s2_xkey(S2_X_PAGES, 0), e->pages);
	add(uses, &n, s2_xkey(S2_X_DATA, 0), e->data == 3 && !has_cleaned(t) ? 0 : e->data);
	add(uses, &n, s2_xkey(S2_X_PTE, t->addr), e->pte);
	/* The hardware walker sets AF beside any lock. */
	add(uses, &n, s2_xkey(S2_X_SHARED, S2_SHARED_AF), e->pte);
	return n;
}

unsigned s2_xuses(const struct s2_xthread *t, struct s2_xuse uses[S2_XUSES_MAX])
{
	unsigned n = 0;

	if (t->stop == S2_STOP_TOUCH) {
		add(uses, &n, s2_xkey(S2_X_TOUCH, t->addr), t->write ? 2 : 1);
	} else if (t->stop == S2_STOP_WAIT || t->stop == S2_STOP_SHARED) {
		add(uses, &n, s2_xkey(S2_X_ALL, 0), 2);
	} else if (t->stop == S2_STOP_LOCK) {
		add(uses, &n, s2_xkey(S2_X_ALL, 0), 1);
		add(uses, &n, s2_xkey(S2_X_LOCK, t->lock_index), t->write ? 2 : 1);
	} else {
		n = uses_of_insn(t, uses);
	}
	return n;
}

void s2_xnote_cleans(struct s2_xrun *run, const struct s2_xthread *t)
{
	const uint64_t bit = t->cpu < 64 ? UINT64_C(1) << t->cpu : 0;

	if (t->stop != S2_STOP_INSN)
		return;
	if (effects[t->op].data == 2)
		run->cleans |= bit;
	else if (effects[t->op].data == 3)
		run->cleans &= ~bit;
}

struct s2_digest s2_xstate(const struct s2_xrun *run)
{
	struct s2_digest h = run->past.sum, held = {0, 0};
	uint64_t waiting = 0;

	if (run->oracle)
		s2_oracle_digest(run->oracle, &held);
	s2_digest_fold(&h, held.a);
	s2_digest_fold(&h, held.b);
	for (unsigned i = 0; i < run->scenario->n_threads; i++)
		waiting |= (uint64_t)run->threads[i].waiting << i;
	s2_digest_fold(&h, waiting);
	return h;
}
