/* SPDX-License-Identifier: MIT */
/**
 * @file
 * mmu_lock's account, and walks of ranges under it.
 *
 *     lock --- stretch --- cond_resched --- stretch --- unlock
 *
 * A stretch is what is done between two points at which others may have the
 * lock, or the CPU: in operations, of which the longest is kept.
 */
#ifndef S2_HYP_MMU_LOCK_H
#define S2_HYP_MMU_LOCK_H

#include <stage2sim/pgtable.h>
#include <stage2sim/vm.h>

/** Taken for writing: a stretch begins. */
void s2_vm_lock(struct s2_vm *vm, struct s2_cpu *cpu);
/** Offered to others: a stretch ends, the next begins. */
void s2_vm_cond_resched(struct s2_vm *vm, struct s2_cpu *cpu);
/** The same where nobody is let in. */
void s2_vm_stretch_ends(struct s2_vm *vm);
/** Given back. */
void s2_vm_unlock(struct s2_vm *vm, struct s2_cpu *cpu);
/** kvm_fault_lock(): for reading where faults are handled in parallel (v6.2); no account. */
void s2_vm_lock_for_fault(struct s2_vm *vm, struct s2_cpu *cpu);
/** Given back. */
void s2_vm_unlock_for_fault(struct s2_vm *vm, struct s2_cpu *cpu);
/** cond_resched() outside the lock; @p stretches equal ones have passed. */
void s2_vm_resched_unlocked(struct s2_vm *vm, uint64_t stretches);

/** A table operation over a range. */
typedef int (*s2_range_fn)(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range);

/**
 * stage2_apply_range() under mmu_lock: @p fn for chunks of the largest block,
 * a reschedule point after each.
 */
int s2_vm_apply_range(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range, s2_range_fn fn);

/** The same by who has the lock already. */
int s2_vm_apply_locked(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range, s2_range_fn fn);

#endif
