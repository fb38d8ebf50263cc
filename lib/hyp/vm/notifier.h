/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Unmapping part of a VM, as the host's memory management asks for it and as
 * slots that go do.
 */
#ifndef S2_HYP_NOTIFIER_H
#define S2_HYP_NOTIFIER_H

#include <stage2sim/pgtable.h>
#include <stage2sim/vm.h>

/** Unmaps [range) as __unmap_stage2_range() does, with the flavour's unmap policies. */
int s2_vm_unmap(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range,
		enum s2_unmap_reason reason);

#endif
