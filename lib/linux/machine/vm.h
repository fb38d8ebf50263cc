/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A VM by a kernel tree's own KVM: the flavour `tree`.
 *
 *     s2_vm_...() of vm.h --> s2_vm_kernel (hyp/vm/kernel.h) --> vm.c --> glue/vm.c: ioctls,
 *     slots and host pages of lib/hyp/vm <-- host.c <-- the tree's gup, VMAs   faults, notifiers
 *
 * After s2_tree_flavour_add() a VM that is created with that flavour is the tree's; a machine
 * must be told before VMIDs or an oracle are made for it: s2_vm_prepare().  It goes with
 * the machine.
 */
#ifndef S2_LINUX_VM_H
#define S2_LINUX_VM_H

#include <stage2sim/vm.h>

#include "linux/machine/tree.h"

/**
 * Has s2_flavour_find("tree") find the tree's flavour.  It says of itself what lib/hyp's
 * flavour does that stands for such a tree; with another choice it is the library's.
 * @return it; NULL where the tree got stage 1 alone
 */
const struct s2_flavour *s2_tree_flavour_add(void);

/** The library's flavour that stands for the tree. */
const struct s2_flavour *s2_tree_stands_for(void);

/** The tree of a machine that s2_vm_prepare() made ready, or NULL. */
struct s2_tree *s2_tree_of(const struct s2_machine *m);

#endif
