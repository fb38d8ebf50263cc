/* SPDX-License-Identifier: MIT */
/* Guest accesses and the fault path.  Reads beside user_mem_abort() in kvm/mmu.c. */
#include "hyp/vm/fault.h"

#include <errno.h>

#include "hyp/vm/caches.h"
#include "hyp/vm/host_pages.h"
#include "hyp/vm/kernel.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/mmu_lock.h"
#include "hyp/vm/notifier.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"
#include "machine/walker.h"

/* ESR_EL2.ISS.DFSC has 6 bits. */
#define DFSC_MAX 0x3f

/* A stage-2 fault as user_mem_abort() gets it. */
struct fault {
	struct s2_vcpu *vcpu;
	struct vm_slot *slot;
	struct s2_ipa ipa; /* of the page */
	enum s2_access access;
	bool permission;
	uint64_t granule;		 /* bytes of the entry that faulted */
	const struct s2_host_page *page; /* what the host found there; NULL: as the slot tells */
};

static bool permitted(const struct s2_mmu *mmu, const struct s2_leaf *leaf, enum s2_access access)
{
	if (access == S2_ACCESS_WRITE)
		return s2_pte_writable(leaf->pte);
	if (access == S2_ACCESS_FETCH)
		return s2_pte_executable(leaf->pte, &mmu->fmt);
	return s2_pte_readable(leaf->pte);
}

/* VTCR_EL2.HA: the hardware walker sets AF, and the hypervisor sees nothing of it. */
static void set_access_flag(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa)
{
	const struct s2_guest_access read = {.kind = S2_ACCESS_READ, .va = {ipa.v}, .ipa = ipa};
	struct s2_regime regime;
	struct s2_hw_walk walk;
	struct s2_fault fault = {0};

	if (cpu->observed)
		s2_gate_shares(cpu, S2_SHARED_AF);
	if (!s2_regime_init(&regime, &mmu->machine->features, mmu->vtcr, mmu->vttbr))
		(void)s2_hw_walk_all(mmu->machine->tables, &regime, &read, &walk, &fault);
}

/* Is the access allowed by the leaf, without a fault? */
static bool allowed(const struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_ipa ipa,
		    const struct s2_leaf *leaf, enum s2_access access)
{
	if (!s2_pte_valid(leaf->pte) || !permitted(mmu, leaf, access))
		return false;
	if (s2_pte_accessed(leaf->pte))
		return true;
	if (mmu->machine->features.haf)
		set_access_flag(mmu, cpu, ipa);
	return mmu->machine->features.haf;
}

/* fault_supports_stage2_huge_mapping(): the block lies within the slot, host and guest agree. */
static bool block_fits(const struct vm_slot *slot, struct s2_ipa ipa, uint64_t block)
{
	uint64_t base = ipa.v & ~(block - 1);

	if ((slot->cfg.ipa.v ^ slot->cfg.hva.v) & (block - 1))
		return false;
	return base >= slot->cfg.ipa.v && base + block <= slot->cfg.ipa.v + slot->cfg.size;
}

/* The size that is mapped: the host's page, unless logging or the slot's edges forbid it. */
static uint64_t vma_pagesize(const struct fault *f)
{
	const struct s2_geometry *geo = &f->vcpu->vm->mmu->geo;
	uint64_t size;

	if (f->slot->logging)
		return s2_page_size(geo);
	size = s2_slot_host_page_size(f->vcpu->vm, f->slot,
				      s2_vm_slot_page(f->vcpu->vm, f->slot, f->ipa));
	for (int level = s2_min_block_level(geo); level < S2_LAST_LEVEL; level++)
		if (s2_level_size(geo, level) <= size &&
		    block_fits(f->slot, f->ipa, s2_level_size(geo, level)))
			return s2_level_size(geo, level);
	return s2_page_size(geo);
}

/* One frame stands for all zero pages, of no slot: the last below the table pages. */
static struct s2_pa zero_frame(const struct s2_mmu *mmu)
{
	return s2_pa(s2_tablemem_base(mmu->machine->tables) - s2_page_size(&mmu->geo));
}

/* __gfn_to_pfn_memslot(): the frame for the page, and whether the host lets it be written. */
static int get_frame(const struct fault *f, uint64_t page, bool *writable, struct s2_pa *pa)
{
	struct vm_slot *slot = f->slot;
	int ret = s2_slot_get_page(f->vcpu->vm, slot, page, f->access == S2_ACCESS_WRITE, writable);

	*pa = s2_pa(slot->cfg.pa.v + (f->ipa.v - slot->cfg.ipa.v));
	if (s2_slot_is_zero(slot, page))
		*pa = zero_frame(f->vcpu->vm->mmu);
	return ret;
}

/*
 * kvm_set_spte_gfn(): the copy is mapped read-only at once, if there is a table for
 * it, since no cache of tables is passed.  @return 1 if it is mapped; 0; -ENOMEM
 */
static int change_pte(const struct fault *f, struct s2_range range)
{
	struct s2_vm *vm = f->vcpu->vm;
	struct s2_memcache none = {0};
	struct s2_leaf leaf;
	int ret = s2_pgtable_lookup(vm->mmu, NULL, range.ipa, &leaf);

	if (ret || leaf.level != S2_LAST_LEVEL)
		return ret;
	s2_lock_take(f->vcpu->cpu, &vm->mmu_lock, S2_LOCK_WRITE);
	ret = s2_pgtable_map(vm->mmu, f->vcpu->cpu, range,
			     s2_pa(f->slot->cfg.pa.v + (f->ipa.v - f->slot->cfg.ipa.v)), S2_PROT_R,
			     &none, 0);
	s2_lock_drop(f->vcpu->cpu, &vm->mmu_lock);
	return ret ? ret : 1;
}

/*
 * Copying the zero page on a write first takes the old translation away.  The notifier
 * has the fault begin anew (mmu_invalidate_retry()): where change_pte() has mapped the
 * copy it finds only permissions missing.  @return whether it does, or negative
 */
static int break_zero_page(const struct fault *f, uint64_t page)
{
	struct s2_vm *vm = f->vcpu->vm;
	const struct s2_range range = {f->ipa, s2_page_size(&vm->mmu->geo)};
	int ret;

	if (f->access != S2_ACCESS_WRITE || !s2_slot_is_zero(f->slot, page))
		return 0;
	ret = s2_vm_unmap(vm, f->vcpu->cpu, range, S2_UNMAP_CLEAR);
	if (ret || !vm->cfg.flavour->zero_page_change_pte)
		return ret;
	return change_pte(f, range);
}

/* Without DIC a page becomes executable when it is first fetched from. */
static bool grants_exec(const struct fault *f)
{
	return f->access == S2_ACCESS_FETCH || f->vcpu->cpu->machine->features.dic;
}

static unsigned fault_prot(const struct fault *f, bool writable)
{
	unsigned prot = S2_PROT_R;

	if (writable && (!f->slot->logging || f->access == S2_ACCESS_WRITE))
		prot |= S2_PROT_W;
	if (grants_exec(f))
		prot |= S2_PROT_X;
	return prot;
}

static int map_fault(const struct fault *f, uint64_t size, struct s2_pa pa, unsigned prot)
{
	struct s2_vm *vm = f->vcpu->vm;
	uint64_t base = f->ipa.v & ~(size - 1);
	int ret;

	pa.v -= f->ipa.v - base;
	ret = s2_pgtable_map(vm->mmu, f->vcpu->cpu, s2_range(base, size), pa, prot, NULL,
			     S2_MAP_FAULT);
	return ret ? ret : s2_vm_note_mapped(vm, s2_ipa(base), size);
}

static int mark_dirty(const struct fault *f, uint64_t page, unsigned prot)
{
	if (!f->slot->logging || !(prot & S2_PROT_W))
		return 0;
	return s2_bits_set(&f->slot->dirty, page);
}

/* Over an entry of the same size only its permissions are in the way. */
static int set_mapping(const struct fault *f, bool relax, uint64_t size, struct s2_pa pa,
		       unsigned prot)
{
	int ret;

	if (relax)
		ret = s2_pgtable_relax_perms(f->vcpu->vm->mmu, f->vcpu->cpu, f->ipa, prot);
	else
		ret = map_fault(f, size, pa, prot);
	return ret;
}

/* user_mem_abort() */
static int user_mem_abort(const struct fault *f)
{
	struct s2_vm *vm = f->vcpu->vm;
	uint64_t page = s2_vm_slot_page(vm, f->slot, f->ipa), size;
	const bool copies = f->access == S2_ACCESS_WRITE && s2_slot_is_zero(f->slot, page);
	bool writable, relax;
	struct s2_pa pa;
	unsigned prot;
	int changed = break_zero_page(f, page);
	int ret = changed < 0 ? changed : get_frame(f, page, &writable, &pa);

	if (ret)
		return ret;
	size = vma_pagesize(f);
	relax = copies ? changed && size == s2_page_size(&vm->mmu->geo)
		       : f->permission && size == f->granule;
	prot = fault_prot(f, writable);
	/* Before the page can be written: unlike the kernel's, the bit may need memory. */
	s2_vm_lock_for_fault(vm, f->vcpu->cpu);
	ret = mark_dirty(f, page, prot);
	if (!ret)
		ret = set_mapping(f, relax, size, pa, prot);
	s2_vm_unlock_for_fault(vm, f->vcpu->cpu);
	return ret;
}

/* The same from where the host has found the page: no slot is asked. */
static int host_page_abort(const struct fault *f)
{
	const struct s2_host_page *page = f->page;
	unsigned prot = S2_PROT_R | (page->prot & (S2_PROT_W | S2_PROT_DEVICE | S2_PROT_NORMAL_NC));
	int ret;

	if (!(prot & (S2_PROT_DEVICE | S2_PROT_NORMAL_NC)) && grants_exec(f))
		prot |= S2_PROT_X;
	s2_vm_lock_for_fault(f->vcpu->vm, f->vcpu->cpu);
	ret = set_mapping(f, f->permission && page->size == f->granule, page->size,
			  s2_pa(page->pa.v + (f->ipa.v & (page->size - 1))), prot);
	s2_vm_unlock_for_fault(f->vcpu->vm, f->vcpu->cpu);
	return ret;
}

/* handle_access_fault() */
static int access_fault(const struct s2_vcpu *vcpu, struct s2_ipa ipa)
{
	int ret;

	s2_vm_lock_for_fault(vcpu->vm, vcpu->cpu);
	ret = s2_pgtable_mkyoung(vcpu->vm->mmu, vcpu->cpu, ipa);
	s2_vm_unlock_for_fault(vcpu->vm, vcpu->cpu);
	return ret;
}

/* The same by a kernel's own code, as the syndrome of such a walk tells it. */
static int kernels_fault(struct s2_vcpu *vcpu, const struct s2_leaf *leaf, struct s2_ipa ipa,
			 enum s2_access access)
{
	struct s2_fault fault = {
		.raised = true,
		.code = S2_FAULT_PERMISSION,
		.level = leaf->level,
		.ipa = ipa,
		.write = access == S2_ACCESS_WRITE,
		.exec = access == S2_ACCESS_FETCH,
	};

	if (!s2_pte_valid(leaf->pte))
		fault.code = S2_FAULT_TRANSLATION;
	else if (!s2_pte_accessed(leaf->pte) && !vcpu->cpu->machine->features.haf)
		fault.code = S2_FAULT_ACCESS_FLAG;
	return vcpu->vm->kernel->abort(vcpu, &fault);
}

static int handle_fault(struct s2_vcpu *vcpu, const struct s2_leaf *leaf, struct vm_slot *slot,
			struct s2_ipa ipa, enum s2_access access)
{
	const struct fault fault = {
		.vcpu = vcpu,
		.slot = slot,
		.ipa = ipa,
		.access = access,
		.permission = s2_pte_valid(leaf->pte),
		.granule = s2_level_size(&vcpu->vm->mmu->geo, leaf->level),
	};

	if (vcpu->vm->kernel)
		return kernels_fault(vcpu, leaf, ipa, access);
	/* An access-flag fault is settled without mm: handle_access_fault(). */
	if (s2_pte_valid(leaf->pte) && !s2_pte_accessed(leaf->pte) &&
	    !vcpu->cpu->machine->features.haf)
		return access_fault(vcpu, ipa);
	return user_mem_abort(&fault);
}

/* Whether another fault is at work on the entry, which is out of use meanwhile. */
static bool in_the_works(const struct s2_mmu *mmu, struct s2_ipa ipa)
{
	struct s2_leaf leaf;

	return s2_pgtable_lookup(mmu, NULL, ipa, &leaf) || leaf.pte == S2_PTE_LOCKED;
}

/*
 * kvm_handle_guest_abort() enters the guest again, which makes the same access.  What
 * another fault has begun and not finished is for that one to answer.
 */
static void fault_resolved(const struct s2_vcpu *vcpu, struct s2_ipa ipa, enum s2_access access,
			   int ret)
{
	const struct s2_mmu *mmu = vcpu->vm->mmu;
	struct s2_reliance what = {.kind = S2_RELY_FAULT_RESOLVED,
				   .vtcr = mmu->vtcr,
				   .vttbr = mmu->vttbr,
				   .ipa = ipa,
				   .size = mmu->page_size,
				   .access = access,
				   .function = "kvm_handle_guest_abort"};

	if (!vcpu->cpu->observed)
		return;
	if (!in_the_works(mmu, ipa))
		s2_rely(vcpu->cpu, &what);
	else if (ret)
		s2_cpu_relax(vcpu->cpu);
}

int s2_access_page(struct s2_vcpu *vcpu, struct s2_ipa ipa, enum s2_access access,
		   struct s2_leaf *leaf)
{
	struct s2_mmu *mmu = vcpu->vm->mmu;

	for (int faults = 0; faults <= S2_VM_MAX_FAULTS; faults++) {
		struct vm_slot *slot;
		int ret;

		/* The guest's access, which walks: an instruction of its own. */
		s2_before_pte(vcpu->cpu, S2_OP_WALK_READ, 0);
		ret = s2_pgtable_lookup(mmu, NULL, ipa, leaf);

		if (ret || allowed(mmu, vcpu->cpu, ipa, leaf, access))
			return ret ? ret : faults;
		slot = s2_vm_slot_at(vcpu->vm, ipa);
		s2_count(vcpu->cpu, S2_OP_S2_FAULT, 1);
		s2_count(vcpu->cpu, S2_OP_GUEST_EXIT, 1);
		if (!slot)
			return -EFAULT;
		ret = handle_fault(vcpu, leaf, slot, ipa, access);
		if (ret && ret != -EAGAIN)
			return ret;
		fault_resolved(vcpu, ipa, access, ret);
		s2_count(vcpu->cpu, S2_OP_GUEST_ENTRY, 1);
	}
	return -ELOOP;
}

/* What stage 2 did not allow, as the syndrome tells it. */
static enum s2_access abort_access(const struct s2_fault *fault)
{
	if (fault->exec)
		return S2_ACCESS_FETCH;
	return fault->write ? S2_ACCESS_WRITE : S2_ACCESS_READ;
}

static bool is_page_of(const struct s2_geometry *geo, const struct s2_host_page *page)
{
	return s2_is_leaf_size(geo, page->size) && !(page->pa.v & (page->size - 1)) &&
	       !(page->prot & ~S2_PROT_MASK);
}

static int check_abort(const struct s2_vcpu *vcpu, const struct s2_fault *fault,
		       const struct s2_host_page *page)
{
	const struct s2_geometry *geo = &vcpu->vm->mmu->geo;

	if (!vcpu->cpu || !vcpu->vm->mmu->root || !fault->raised || fault->level > S2_LAST_LEVEL ||
	    (unsigned)fault->code > DFSC_MAX)
		return -EINVAL;
	if (fault->level < geo->start_level && fault->code != S2_FAULT_TRANSLATION)
		return -EINVAL;
	if (page && !is_page_of(geo, page))
		return -EINVAL;
	if (fault->ipa.v >= s2_ipa_limit(geo))
		return -ERANGE;
	switch (fault->code) {
	case S2_FAULT_TRANSLATION:
	case S2_FAULT_ACCESS_FLAG:
	case S2_FAULT_PERMISSION:
		return 0;
	default:
		return -EFAULT; /* kvm_handle_guest_abort() gives these to user space */
	}
}

static int resolve_abort(struct s2_vcpu *vcpu, const struct s2_fault *fault,
			 const struct s2_host_page *page)
{
	struct s2_vm *vm = vcpu->vm;
	const struct s2_geometry *geo = &vm->mmu->geo;
	const struct fault f = {
		.vcpu = vcpu,
		.slot = page ? NULL : s2_vm_slot_at(vm, fault->ipa),
		.ipa = s2_ipa(fault->ipa.v & ~(s2_page_size(geo) - 1)),
		.access = abort_access(fault),
		.permission = fault->code == S2_FAULT_PERMISSION,
		.granule = fault->level < geo->start_level ? 0 : s2_level_size(geo, fault->level),
		.page = page,
	};

	if (vm->kernel)
		return page ? -EOPNOTSUPP : vm->kernel->abort(vcpu, fault);
	if (!page && !f.slot)
		return -EFAULT;
	if (fault->code == S2_FAULT_ACCESS_FLAG)
		return access_fault(vcpu, f.ipa);
	return page ? host_page_abort(&f) : user_mem_abort(&f);
}

int s2_vcpu_abort(struct s2_vcpu *vcpu, const struct s2_fault *fault,
		  const struct s2_host_page *page)
{
	int ret = check_abort(vcpu, fault, page);

	if (!ret)
		ret = resolve_abort(vcpu, fault, page);
	if (!ret || ret == -EAGAIN)
		fault_resolved(vcpu, s2_ipa(fault->ipa.v & ~(vcpu->vm->mmu->page_size - 1)),
			       abort_access(fault), ret);
	return ret == -EAGAIN ? 0 : ret;
}
