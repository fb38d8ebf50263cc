/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A kernel tree's own stage-2 code, run on a machine.
 *
 *     s2_tree_request() --> glue/stage2.c --> the tree's pgtable.c, tlb.c
 *                                                | each instruction, load and store of a
 *     machine: counts, sinks, oracle <-- thunks.c  descriptor, before it has effect
 *
 * The code is linked into the program once; of machines and VMs there may be
 * many, one request running at a time in the process: the kernel's own state
 * (capabilities, who is the current CPU) is set anew when another machine's is
 * asked.  The machine's table memory is the tree's (foreign.h).
 *
 * A BUG() of the kernel, or something that the overlay does not model, ends the
 * request with -EIO; s2_tree_trouble() says what and where.  That machine's tree
 * is then refused, since what it has left is unknown.
 */
#ifndef S2_LINUX_TREE_H
#define S2_LINUX_TREE_H

#include <stage2sim/insn.h>
#include <stage2sim/pgtable.h>

struct s2_tree;
struct s2_tree_vm;

/** CPUs that a machine of the tree may have: CONFIG_NR_CPUS. */
#define S2_TREE_CPUS 64

/**
 * Bytes of table pages that there may be: at the top of the PAs, or of the lower 16 TiB.
 * Guests' memory lies below.
 */
#define S2_TREE_TABLES_SIZE (UINT64_C(1) << 34)

/** What can be asked of a VM's stage 2, each for a function of the kernel. */
enum s2_tree_op {
	S2_TREE_MAP,	     /**< kvm_pgtable_stage2_map() */
	S2_TREE_UNMAP,	     /**< kvm_pgtable_stage2_unmap() */
	S2_TREE_WRPROTECT,   /**< kvm_pgtable_stage2_wrprotect() */
	S2_TREE_RELAX_PERMS, /**< kvm_pgtable_stage2_relax_perms() */
	S2_TREE_MKYOUNG,     /**< kvm_pgtable_stage2_mkyoung() */
	S2_TREE_AGE,	     /**< kvm_pgtable_stage2_test_clear_young(), or _mkold() of one entry */
	S2_TREE_FLUSH,	     /**< kvm_pgtable_stage2_flush(): caches */
	S2_TREE_SPLIT,	     /**< kvm_pgtable_stage2_split() */
	S2_TREE_FLUSH_RANGE, /**< kvm_tlb_flush_vmid_range() */
	S2_TREE_FLUSH_VMID,  /**< __kvm_tlb_flush_vmid() */
	S2_TREE_DESTROY,     /**< kvm_pgtable_stage2_destroy() */
	S2_TREE_OPS,	     /**< how many there are */
};

/** One request. */
struct s2_tree_request {
	enum s2_tree_op op;
	struct s2_range range; /**< of relax_perms and mkyoung, its ipa */
	struct s2_pa pa;       /**< map */
	unsigned prot;	       /**< map, relax_perms: enum s2_prot */
	bool fault;	       /**< map: on the fault path, beside others */
};

/** What the tree has, where trees differ. */
struct s2_tree_has {
	bool split, flush_range;
	bool ages_ranges;	 /**< else AGE looks at the first entry alone */
	bool reads_once;	 /**< loads of descriptors are seen; else they are plain */
	bool destroys_in_ranges; /**< a table is freed when it is empty, its entry cleared */
};

/** What the tree that is linked in has. */
struct s2_tree_has s2_tree_has(void);

/** Its name ("map"), or NULL. */
const char *s2_tree_op_name(enum s2_tree_op op);

/**
 * Puts the tree's code on @p m, which must outlive it and have no table page yet.
 * @param out set on success; free with s2_tree_free()
 * @return 0; -EOPNOTSUPP for another granule than 4 KiB, or PAs that tables do not
 *         fit in; -EINVAL for more than S2_TREE_CPUS; as s2_foreign_create_in()
 */
int s2_tree_create(struct s2_machine *m, struct s2_tree **out);

/**
 * From now on unlinked tables are freed where call_rcu() is called, as lib/hyp has it where
 * nobody else walks; else a grace period later, when the walk that unlinked them is over.
 */
void s2_tree_free_at_once(struct s2_tree *tree);

/** Frees it with all table pages (NULL is fine), its VMs being gone; issues nothing. */
void s2_tree_free(struct s2_tree *tree);

/**
 * A VM's stage 2, as kvm_init_stage2_mmu() makes it.
 * @param ipa_bits 0: S2_DEFAULT_IPA_BITS
 * @return 0; -EINVAL for a VMID of 0 or too wide, or an IPA size that cannot be;
 *         -EIO as s2_tree_request(); -ENOMEM
 */
int s2_tree_vm_create(struct s2_tree *tree, unsigned ipa_bits, struct s2_vmid vmid,
		      struct s2_tree_vm **out);

/** Frees the VM (NULL is fine), and issues nothing. */
void s2_tree_vm_free(struct s2_tree_vm *vm);

/** VTCR_EL2 and VTTBR_EL2 as the tree computes them. */
void s2_tree_vm_registers(struct s2_tree_vm *vm, uint64_t *vtcr, uint64_t *vttbr);

/**
 * Runs one of the tree's functions on @p cpu, its events having the site s2_tree_op_name().
 * @return what it returns; AGE: 1 if an entry had been young, else 0; -EINVAL for a
 *         range that is empty or not of whole pages, and another machine's CPU;
 *         -ERANGE past the IPA size; -EOPNOTSUPP for SPLIT where the tree has none;
 *         -EIO where the code stopped
 */
int s2_tree_request(struct s2_tree_vm *vm, struct s2_cpu *cpu, const struct s2_tree_request *req);

/** What the code stopped at ("BUG at file:line"), or NULL. */
const char *s2_tree_trouble(const struct s2_tree *tree);

/** How many WARN()s there were, and where the first was. */
uint64_t s2_tree_warnings(const struct s2_tree *tree, const char **first);

/**
 * Looks after each request for descriptors that were changed without an event: a plain
 * assignment, which neither counts nor oracles see.  Costs a look at every table page.
 * @return 0; -EBUSY once there are table pages; -ENOMEM
 */
int s2_tree_watch_plain_stores(struct s2_tree *tree);

/** How many there were; @p first, if not NULL, is set to where the first was. */
uint64_t s2_tree_plain_stores(const struct s2_tree *tree, struct s2_pa *first);

/**
 * How many words of a table page were written, or references to it taken, after it was freed.
 * Plain stores are found when the page is used again, and after each request once
 * s2_tree_watch_plain_stores() was called.  @p first, if not NULL, is set to where the first was.
 */
uint64_t s2_tree_freed_writes(const struct s2_tree *tree, struct s2_pa *first);

/** What the VM's tables hold; issues nothing. */
void s2_tree_state(struct s2_tree_vm *vm, struct s2_pgtable_state *state);

#endif
