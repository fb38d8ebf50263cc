/* SPDX-License-Identifier: MIT */
/* Workloads on the kernel tree that is linked in, and a run of one: a machine of its own. */
#ifndef STAGE2SIM_BENCH_TREE_WORK_H
#define STAGE2SIM_BENCH_TREE_WORK_H

#include <stage2sim/oracle.h>
#include <stage2sim/vm.h>

#include "linux/machine/tree.h"

#define PAGE  UINT64_C(4096)
#define MIB   UINT64_C(0x100000)
#define BLOCK (2 * MIB)
#define GIB   (1024 * MIB)
#define IPA   UINT64_C(0x40000000)
#define PA    UINT64_C(0x2000000000) /* of IPA, congruent modulo 1 GiB */

struct work {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_oracle *oracle;
	struct s2_tree *tree;
	struct s2_tree_vm *pages; /* stage 2 alone, or NULL */
	struct s2_vmids *vmids;	  /* a VM by mmu.c and kvm_main.c, or NULL */
	const struct s2_flavour *flavour;
	struct s2_vm *vm;
	int slot;
	uint64_t vtcr, vttbr;
	struct s2_counts before;
	uint64_t calls, refused; /* of which with -EAGAIN */
	int error;		 /* the first that was not expected */
};

/* Where the tree can split; on a machine whose VMIDs have 8 bits. */
enum {
	NEEDS_SPLIT = 1,
	ON_VMID8 = 2,
};

struct workload {
	const char *name;
	const char *what;
	void (*prepare)(struct work *w);
	void (*run)(struct work *w);
	unsigned how; /* NEEDS_SPLIT, ON_VMID8 */
};

/* Of page tables alone, and of whole VMs; the last has no name. */
extern const struct workload page_workloads[], vm_workloads[];

/* A VM with 4 vcpus and 64 MiB, none of it mapped: prepare() of vm_workloads makes it. */
#define VM_VCPUS 4
#define VM_CPUS	 5 /* the VMM's thread has one of its own */

#endif
