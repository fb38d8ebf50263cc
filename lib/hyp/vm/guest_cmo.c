/* SPDX-License-Identifier: MIT */
/* The guest's own cache maintenance by VA: no trap, no count, only its effect. */
#include <errno.h>

#include "hyp/vm/tell.h"
#include "hyp/vm/vcpu.h"

/* A DC of what stage 2 does not map would fault; this guest maintains what it has touched. */
static int check_mapped(const struct s2_vm *vm, struct s2_range range)
{
	const uint64_t end = range.ipa.v + range.size;
	uint64_t addr = range.ipa.v;

	while (addr < end) {
		struct s2_leaf leaf;
		uint64_t granule;
		int ret = s2_pgtable_lookup(vm->mmu, NULL, s2_ipa(addr), &leaf);

		if (ret || !s2_pte_valid(leaf.pte))
			return ret ? ret : -EFAULT;
		granule = s2_level_size(&vm->mmu->geo, leaf.level);
		addr = (addr & ~(granule - 1)) + granule;
	}
	return 0;
}

int s2_vcpu_maintain(struct s2_vcpu *vcpu, struct s2_range range, enum s2_line_op op)
{
	const uint64_t end = range.ipa.v + range.size;
	int ret;

	if (!vcpu->cpu || !vcpu->vm->mmu->root || !range.size || end < range.ipa.v ||
	    end > s2_ipa_limit(&vcpu->vm->mmu->geo) || op < S2_LINE_CLEAN ||
	    op > S2_LINE_INVALIDATE)
		return -EINVAL;
	s2_before_pte(vcpu->cpu, S2_OP_WALK_READ, 0);
	ret = check_mapped(vcpu->vm, range);
	if (!ret)
		s2_tell_maintain(vcpu, range, op);
	return ret;
}
