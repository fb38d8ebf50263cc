/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a guest may count on, line by line: for each contract, the state of the
 * last write.
 *
 *     GIVEN --access--> COHERENT --write-back write--> DIRTY
 *                         ^  |                           |
 *       clean, promise ---'  `--non-cacheable write--> UNCACHED
 *
 *     who reads and what it gets:   write-back      non-cacheable
 *       COHERENT                    the last write  the last write
 *       DIRTY                       the last write  not promised
 *       UNCACHED                    not promised    the last write
 *       UNDEFINED                   not promised    not promised
 *
 * Lines that are alike and adjoin are one run.  This is about what guests did;
 * what memory may hold is memory.h's.
 */
#ifndef S2_CHECK_LEDGER_H
#define S2_CHECK_LEDGER_H

#include <stage2sim/oracle.h>

enum s2_data_state {
	S2_DATA_GIVEN, /**< by the host, and not seen by the VM yet */
	S2_DATA_COHERENT,
	S2_DATA_DIRTY,
	S2_DATA_UNCACHED,
	S2_DATA_UNDEFINED,
};

struct s2_ledger_run {
	uint64_t first, end; /**< lines */
	uint32_t vm;
	uint32_t given;	 /**< version that the host gave */
	uint32_t last;	 /**< version of the last write */
	uint16_t writer; /**< vcpu that made it */
	bool alone;	 /**< made while no vcpu's caches were on, nor anything left in them */
	uint8_t owed;	 /**< contracts: the hypervisor cleans at a map, before the next access */
	uint64_t to_ipa; /**< what added to its PA is its IPA */
	uint8_t state[S2_GUEST_CONTRACTS]; /**< enum s2_data_state */
};

struct s2_ledger_leaf;

/** Runs in order of address; lines between them were neither given nor touched.  Zero: none. */
struct s2_ledger {
	struct s2_ledger_leaf **leaves, **spare;
	size_t n, cap, n_spare, spare_cap;
};

void s2_ledger_free(struct s2_ledger *l);

/** What is done to a run: all but its lines may change. */
typedef void (*s2_ledger_fn)(void *arg, struct s2_ledger_run *run);

/**
 * Calls @p fn for runs that make up exactly the lines [first, end): what spans its ends is
 * cut, and what no run has becomes one that VM @p vm was given with version 0.
 * @return 0 or -ENOMEM; then no line has changed
 */
int s2_ledger_change(struct s2_ledger *l, uint64_t first, uint64_t end, uint32_t vm,
		     s2_ledger_fn fn, void *arg);

/** The same of the runs that there are, whole, with a line in [first, end). */
void s2_ledger_change_runs(struct s2_ledger *l, uint64_t first, uint64_t end, s2_ledger_fn fn,
			   void *arg);

/** The first run that ends after @p line, or NULL. */
const struct s2_ledger_run *s2_ledger_find(const struct s2_ledger *l, uint64_t line);

#endif
