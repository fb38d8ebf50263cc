/* SPDX-License-Identifier: MIT */
/*
 * What can be asked of the tree's page-table code: plain C types, for both sides.
 *
 *     machine/tree.c --> tree_map() ... in glue/stage2.c --> the tree's pgtable.c
 *
 * Errors are the kernel's, negative errno values.
 */
#ifndef S2_LINUX_REQUESTS_H
#define S2_LINUX_REQUESTS_H

struct tree_vm;

/* Permissions, as enum s2_prot has them. */
enum {
	TREE_X = 1,
	TREE_W = 2,
	TREE_R = 4,
	TREE_DEVICE = 8
};

/* What a machine has; boolean but for the last row. */
struct tree_cpu_features {
	int vhe, fwb, tlbirange, ttl, lpa2, dic, idc, vipt, speculative_at, repeat_tlbi;
	int vmid_bits, pa_bits, iline_shift, dline_shift;
};

/* Sets the capabilities that boot would have found: all that follows is on such CPUs. */
void tree_boot(const struct tree_cpu_features *f);

/* Whether unlinked tables wait for the end of their readers, or are freed at once. */
void tree_set_grace(int on);

/* A request was left in its midst: whoever it was to wait for is gone. */
void tree_abandon(void);

/* A request is over: nobody reads. */
void tree_quiescent(void);

/* @return NULL without memory */
struct tree_vm *tree_vm_create(unsigned int ipa_bits, unsigned int vmid);
/* Frees the VM; its tables were destroyed, or are forgotten. */
void tree_vm_free(struct tree_vm *vm);
void tree_vm_registers(struct tree_vm *vm, unsigned long *vtcr, unsigned long *vttbr);

int tree_map(struct tree_vm *vm, unsigned long ipa, unsigned long size, unsigned long pa,
	     unsigned int prot, int fault);
int tree_unmap(struct tree_vm *vm, unsigned long ipa, unsigned long size);
int tree_wrprotect(struct tree_vm *vm, unsigned long ipa, unsigned long size);
int tree_relax_perms(struct tree_vm *vm, unsigned long ipa, unsigned int prot);
int tree_mkyoung(struct tree_vm *vm, unsigned long ipa);
/* @return whether one had been young, or an error; where the tree ages one entry, @size is its */
int tree_age(struct tree_vm *vm, unsigned long ipa, unsigned long size);
int tree_flush(struct tree_vm *vm, unsigned long ipa, unsigned long size);
/* -EOPNOTSUPP: this tree cannot split. */
int tree_split(struct tree_vm *vm, unsigned long ipa, unsigned long size);
/* The whole VMID where the tree knows no ranges. */
int tree_flush_range(struct tree_vm *vm, unsigned long ipa, unsigned long size);
int tree_flush_vmid(struct tree_vm *vm);
int tree_destroy(struct tree_vm *vm);

/* What this tree has, by probing: features of gen/probe.py. */
int tree_has_split(void);
int tree_has_flush_range(void);
int tree_ages_ranges(void);
int tree_reads_once(void);
int tree_destroys_in_ranges(void);

#endif
