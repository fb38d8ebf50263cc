/* SPDX-License-Identifier: MIT */
/* Guest accesses: known faults by the memo, all others by fault.c. */
#include "hyp/vm/fault_memo.h"

#include <errno.h>

#include "hyp/stage2/memo.h"
#include "hyp/stage2/table_index.h"
#include "hyp/vm/fault.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/tell.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"

void s2_vm_forget_faults(struct s2_vm *vm)
{
	for (unsigned i = 0; i < sizeof(vm->faults) / sizeof(vm->faults[0]); i++) {
		s2_memo_fold(&vm->faults[i].memo, vm->machine);
		vm->faults[i].last = NULL;
	}
}

/* A page that nobody has touched, in a table that is there: only the entry has to be written. */
static inline bool fault_entry(struct vm_fault_memo *known, struct s2_entry e, uint64_t ipa)
{
	if (*e.pte)
		return false;
	*e.pte = known->attr | (ipa + known->pa_offset);
	e.table->refs++;
	s2_memo_tally(&known->memo, known->memo.cpu->machine);
	return true;
}

static inline bool fault_by_memo(struct s2_vcpu *vcpu, uint64_t page, enum s2_access access)
{
	struct vm_fault_memo *known = &vcpu->vm->faults[access];
	struct s2_entry e;

	return s2_memo_trusted(&known->memo, vcpu->cpu, 0) && page - known->start < known->size &&
	       s2_index_peek(vcpu->vm->mmu, page, &e) && fault_entry(known, e, page);
}

/* Whether faults on pages of @slot differ by nothing but the page. */
static bool faults_alike(const struct s2_vm *vm, const struct vm_slot *slot)
{
	return slot && slot->cfg.populated && !slot->logging &&
	       slot->cfg.backing == vm->mmu->page_size &&
	       vm->cfg.flavour->toggle != S2_TOGGLE_SINCE_FLUSH;
}

/*
 * A fault on an empty entry which the memo did not know for sure: it may, or
 * be about to learn it.  A slot teaches it with its second fault in a row, so
 * that accesses to two by turns do not have it forget and learn each time.
 */
static bool fault_by_closer_look(struct s2_vcpu *vcpu, uint64_t page, enum s2_access access,
				 bool *learn)
{
	struct vm_fault_memo *known = &vcpu->vm->faults[access];
	struct s2_mmu *mmu = vcpu->vm->mmu;
	const struct vm_slot *slot;
	struct s2_entry e;

	*learn = false;
	/* What the access itself does to memory is told each time. */
	if (vcpu->cpu->observed || !s2_memo_allowed(mmu, vcpu->cpu) || !s2_index_find(mmu, page, &e) || *e.pte)
		return false;
	if (page - known->start < known->size && s2_memo_trust(&known->memo, mmu, vcpu->cpu, 0))
		return fault_entry(known, e, page);
	slot = s2_vm_slot_at(vcpu->vm, s2_ipa(page));
	*learn = slot == known->last && faults_alike(vcpu->vm, slot);
	known->last = slot;
	return false;
}

static void learn_fault(struct s2_vcpu *vcpu, const struct s2_leaf *leaf, uint64_t page,
			enum s2_access access)
{
	struct vm_fault_memo *known = &vcpu->vm->faults[access];
	const struct vm_slot *slot = known->last;
	struct s2_mmu *mmu = vcpu->vm->mmu;
	struct s2_entry e;

	/* A table that must be told apart from others cannot be written past make_pte(). */
	if (!s2_index_find(mmu, page, &e) || e.table->mixed)
		return;
	known->start = slot->cfg.ipa.v;
	known->size = slot->cfg.size;
	known->pa_offset = slot->cfg.pa.v - slot->cfg.ipa.v;
	known->attr = leaf->pte & ~mmu->pa_mask;
	s2_memo_end(&known->memo, mmu, 0, vcpu->cpu);
}

/* One access, as s2_access_page(), by the memo if it is known there. */
static int access_page_or_memo(struct s2_vcpu *vcpu, uint64_t page, enum s2_access access,
			       uint64_t *granule)
{
	struct s2_leaf leaf;
	bool learn;
	int n;

	*granule = vcpu->vm->mmu->page_size;
	if (fault_by_memo(vcpu, page, access) || fault_by_closer_look(vcpu, page, access, &learn))
		return 1;
	learn = learn && s2_memo_begin(&vcpu->vm->faults[access].memo, vcpu->cpu, 0);
	n = s2_access_page(vcpu, s2_ipa(page), access, &leaf);
	if (learn && n == 1)
		learn_fault(vcpu, &leaf, page, access);
	if (n >= 0)
		*granule = s2_level_size(&vcpu->vm->mmu->geo, leaf.level);
	return n;
}

static S2_SLOW int64_t access_in_full(struct s2_vcpu *vcpu, struct s2_ipa ipa, uint64_t size,
				      enum s2_access access)
{
	const struct s2_mmu *mmu = vcpu->vm->mmu;
	uint64_t addr = ipa.v & ~(mmu->page_size - 1), end = ipa.v + size;
	int64_t faults = 0;

	if (!vcpu->cpu || !size || end < ipa.v || end > s2_ipa_limit(&mmu->geo) ||
	    (unsigned)access > S2_ACCESS_FETCH)
		return -EINVAL;
	while (addr < end) {
		uint64_t granule;
		int n = access_page_or_memo(vcpu, addr, access, &granule);

		if (n < 0)
			return n;
		faults += n;
		/* All of an allowed leaf is allowed. */
		addr = (addr & ~(granule - 1)) + granule;
	}
	s2_tell_access(vcpu, (struct s2_range){ipa, size}, access);
	return faults;
}

int64_t s2_vcpu_access(struct s2_vcpu *vcpu, struct s2_ipa ipa, uint64_t size,
		       enum s2_access access)
{
	const uint64_t offset = ipa.v & (vcpu->vm->mmu->page_size - 1);

	/* Within one page, and not empty. */
	if (vcpu->cpu && size - 1 < vcpu->vm->mmu->page_size - offset &&
	    (unsigned)access <= S2_ACCESS_FETCH && fault_by_memo(vcpu, ipa.v - offset, access))
		return 1;
	return access_in_full(vcpu, ipa, size, access);
}
