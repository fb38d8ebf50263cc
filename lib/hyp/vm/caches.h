/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Caches turned on and off, and set/way: what must be known elsewhere of what a
 * toggle cleans, and of what traps show.
 */
#ifndef S2_HYP_CACHES_H
#define S2_HYP_CACHES_H

#include <stage2sim/vm.h>

/** Tells the toggle policy of a mapping made. @return 0, -ENOMEM */
int s2_vm_note_mapped(struct s2_vm *vm, struct s2_ipa ipa, uint64_t size);

/** Whether a write of SCTLR_EL1 reaches the hypervisor at all. */
bool s2_vcpu_sctlr_traps(const struct s2_vcpu *vcpu);

/** stage2_unmap_vm(). */
int s2_vm_unmap_all(struct s2_vm *vm, struct s2_cpu *cpu);

#endif
