/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside a VM's MMU, and the forms of flushes and cache maintenance that a
 * walker uses within a run: addresses advance by a step each repetition.
 */
#ifndef S2_HYP_MMU_H
#define S2_HYP_MMU_H

#include <stage2sim/mmu.h>
#include <stage2sim/reliance.h>
#include <stage2sim/tlbi.h>

#include "machine/machine.h"
#include "machine/tablemem.h"

/** A call on one page whose counts are known: hyp/stage2/memo.h. */
struct s2_memo {
	uint64_t key;
	const struct s2_cpu *cpu; /**< where it holds without a closer look, or NULL... */
	uint64_t settings;	  /**< ...while the CPU's are these */
	uint64_t told;		  /**< ...and the machine has told its sinks nothing since */
	bool known;
	uint64_t vcpu_vttbr, vttbr, hcr; /**< of the CPU, where it was learnt */
	uint64_t own_vttbr;		 /**< of the MMU, then */
	struct s2_tally tally;
	uint64_t insns;	     /**< what sinks were told when it was learnt, 0 if there were none */
	struct s2_rest rest; /**< of sinks: as they were then, and of which pages they are now */
};

/** How the next unmap is done, where policies differ. */
struct s2_unmap_how {
	enum s2_unmap_tlbi tlbi;
	bool skip_cmo;
	bool skip_tlbi; /**< one flush follows all calls, after tables have been freed */
};

struct s2_mmu {
	struct s2_machine *machine;
	const struct s2_flavour *flavour;
	struct s2_geometry geo;
	struct s2_pte_format fmt;
	struct s2_tlbi_format tlbi;
	struct s2_vmid vmid;
	struct s2_table_pool *pool; /**< NULL once dropped */
	struct s2_table *root;	    /**< the first of geo.root_pages, adjacent */
	uint64_t vtcr, vttbr;
	struct s2_unmap_how unmap_how;
	uint64_t unmap_key;   /**< the same as a number */
	uint64_t pa_mask;     /**< of descriptors, 0 if their PA is not in one piece */
	uint64_t not_pa;      /**< bits that are 0 in a page's PA: in the page, and above pa_bits */
	uint64_t page_size;   /**< bytes */
	unsigned table_shift; /**< log2 of what a last-level table maps */
	uint64_t table_mask;  /**< the bits of an address within that */
	struct s2_table **index; /**< last-level tables by IPA, filled as they are met */
	uint64_t index_len;	 /**< 0 until the VM has enough tables to be worth it */
	uint64_t index_len_4k;	 /**< the same, or 0 if pages are not 4 KiB */
	const struct s2_slab_directory *dir; /**< of the machine's table pages */
	struct s2_memo map_memo, unmap_memo;
	unsigned walkers; /**< walks under way: who may be in a table that was unlinked */
	/** By level of their entries, the first of the tables that wait for walkers to go. */
	uint32_t unlinked[S2_LAST_LEVEL + 1];
	bool plain;	 /**< no short cut is taken: s2_mmu_go_plain() */
	s2_pte map_attr; /**< of map_memo's key */
	/** Gives the VM another VMID (S2_UNMAP_NEW_VMID); NULL for an MMU without a VM. */
	void (*renew_vmid)(void *vm, struct s2_cpu *cpu);
	void *vm;
	void (*on_flush)(void *arg, const struct s2_flush_call *call);
	void *on_flush_arg;
};

/** Says what is relied on of [ipa, ipa + size), to whoever watches (reliance.h). */
void s2_mmu_relies(const struct s2_mmu *mmu, struct s2_cpu *cpu, enum s2_reliance_kind kind,
		   struct s2_ipa ipa, uint64_t size, const char *function);

/** The operation that @p function is has returned; free while nobody watches. */
static inline void s2_mmu_returned(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
				   uint64_t size, const char *function)
{
	if (cpu->observed)
		s2_mmu_relies(mmu, cpu, S2_RELY_RETURN, ipa, size, function);
}

/** Whether range operations are both there and used (system_supports_tlb_range()). */
static inline bool s2_mmu_uses_range(const struct s2_mmu *mmu)
{
	return mmu->tlbi.tlbirange && mmu->flavour->range_flush;
}

/**
 * Whether __load_stage2() is part of each run: without VHE always, with VHE in
 * flavours whose flushes leave VTTBR_EL2 zeroed; else it is part of vcpu_load().
 */
static inline bool s2_mmu_loads_at_run(const struct s2_mmu *mmu)
{
	return !mmu->machine->features.vhe || mmu->flavour->exit_clears_vttbr;
}

/** The unmap that nobody asked to be special. */
static inline struct s2_unmap_how s2_mmu_unmap_how(const struct s2_mmu *mmu)
{
	return (struct s2_unmap_how){.tlbi = mmu->flavour->unmap_tlbi};
}

/** How the next unmaps are done. */
static inline void s2_mmu_set_unmap_how(struct s2_mmu *mmu, struct s2_unmap_how how)
{
	mmu->unmap_how = how;
	mmu->unmap_key = (uint64_t)how.tlbi << 8 | (uint64_t)how.skip_cmo << 16 |
			 (uint64_t)how.skip_tlbi << 17;
}

/** The shape of the tables that @p cfg asks for. @return as s2_mmu_create(), which has issued nothing */
int s2_mmu_shape(const struct s2_machine *m, const struct s2_mmu_config *cfg,
		 struct s2_geometry *geo);

/** What follows from machine, flavour and geo: formats, masks and shifts. */
void s2_mmu_set_formats(struct s2_mmu *mmu);

/**
 * Calls on @p mmu, on which there was none yet, run the algorithms alone: no
 * memos, no index of tables, no table answered for as a whole.  Counts, tables
 * and events are the same (test_shortcuts.c); only the time is not.
 */
void s2_mmu_go_plain(struct s2_mmu *mmu);

/** Sets the VMID that this VM's translations carry (VTTBR_EL2.VMID). */
void s2_mmu_set_vmid(struct s2_mmu *mmu, struct s2_vmid vmid);

/** __load_stage2(): what follows may not run ahead of it where walks are speculated. */
static inline void s2_load_stage2(struct s2_cpu *cpu, uint64_t vtcr, uint64_t vttbr)
{
	s2_load_vttbr(cpu, vtcr, vttbr);
	if (cpu->machine->features.speculative_at)
		s2_isb(cpu);
}

/** s2_flush_vmid_ipa(), the IPA advancing by @p step. */
void s2_flush_vmid_ipa_step(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa, int level,
			    uint64_t step);

/** kvm_clean_dcache_guest_page(): nothing with FWB, else DC CIVAC by line and DSB SY. */
void s2_clean_dcache_guest_page(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_pa pa,
				uint64_t size, uint64_t step);

/** kvm_invalidate_icache_guest_page(): by line, or the whole I-cache. */
void s2_invalidate_icache_guest_page(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_pa pa,
				     uint64_t size, uint64_t step);

#endif
