/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a VM's guest and host do with memory, told to who watches (act.h): one
 * call at each place, and none of it is done while nobody watches.
 */
#ifndef S2_HYP_TELL_H
#define S2_HYP_TELL_H

#include <stage2sim/act.h>

#include "hyp/vm/vm.h"

struct vm_slot;

/** The host gives what is behind a slot; without @p slot's range, all of it. */
void s2_tell_given(struct s2_vm *vm, const struct vm_slot *slot, struct s2_range range);

/** What was unmapped is the host's again, by @p reason. */
void s2_tell_unmapped(struct s2_vm *vm, struct s2_range range, enum s2_unmap_reason reason);

/** The tables are gone, and with them the VM: who has its memory reads it. */
void s2_tell_torn_down(struct s2_vm *vm);

/** The guest has made accesses as the tables let it. */
void s2_tell_access(const struct s2_vcpu *vcpu, struct s2_range range, enum s2_access access);

/** The guest has maintained a range by VA. */
void s2_tell_maintain(const struct s2_vcpu *vcpu, struct s2_range range, enum s2_line_op op);

/** The guest has made one access, by what hardware translated it to. */
void s2_tell_line(const struct s2_vcpu *vcpu, enum s2_access access, struct s2_ipa ipa,
		  struct s2_pa pa, bool cacheable);

/** CACHES, SET_WAY or RESET of a vcpu. */
void s2_tell_vcpu(const struct s2_vcpu *vcpu, enum s2_act_kind kind, bool on, bool trapped);

#endif
