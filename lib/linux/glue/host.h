/* SPDX-License-Identifier: MIT */
/* Between the files of the tree's side: the host around its KVM. */
#ifndef S2_LINUX_GLUE_HOST_H
#define S2_LINUX_GLUE_HOST_H

/* The VMM: its thread and address space, and the KVM that listens to that. */
struct tree_mm {
	struct mm_struct mm;
	struct task_struct task;
	struct mmu_notifier *notifier;
};

struct tree_mm *tree_current_mm(void);

/* Copies the zero page at @hva, as a write of it does. */
void tree_copy_on_write(unsigned long hva);

int tree_percpu_up(unsigned int cpus);
/* The root of the VMM's own tables. */
void *tree_host_root(void);

/* What was registered, or opened, last. */
const struct file_operations *tree_dev_kvm(void);
struct file *tree_last_file(void);

#endif
