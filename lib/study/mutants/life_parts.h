/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What lives are made of: a machine, a VM, two vcpus and a CPU for the VMM.
 */
#ifndef S2_STUDY_LIFE_PARTS_H
#define S2_STUDY_LIFE_PARTS_H

#include <stage2sim/vm.h>

#define S2_LIFE_BASE UINT64_C(0x40000000)
#define S2_LIFE_HVA  UINT64_C(0x400000000000)
#define S2_LIFE_PA   UINT64_C(0x100000000)

struct s2_life {
	struct s2_machine *m;
	struct s2_vmids *vmids;
	const struct s2_flavour *flavour;
	uint64_t page;
	struct s2_vm *vm;
	struct s2_vmids *old_vmids; /**< of a host before; or NULL */
	struct s2_vm *old_vm;
	struct s2_vcpu *vcpu[2];
	struct s2_cpu *host;
};

/** A VM with @p size bytes in host pages of @p backing. */
int s2_life_make_vm(struct s2_life *l, uint64_t size, uint64_t backing);
/** Adds vcpu @p i, and loads it on CPU @p i. */
int s2_life_add_vcpu(struct s2_life *l, unsigned i);
/** An access to every line of @p size bytes at @p offset of the VM's memory. */
int s2_life_touch(struct s2_vcpu *vcpu, uint64_t offset, uint64_t size, enum s2_access access);

/** Everything that happens to one VM. */
int s2_life_one_vm(struct s2_life *l);
/** VMs enough, one after another, for VMIDs of 8 bits to come round. */
int s2_life_many_vms(struct s2_life *l);

#endif
