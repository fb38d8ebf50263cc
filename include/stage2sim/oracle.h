/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The oracle: watches a machine, and says when a hypervisor relies on what is not so.
 *
 *     instructions --> possible TLB, tables, who is loaded   (sets: all that hardware may do)
 *     reliances, guest entries, pages freed --> rules --> violations
 *     guests' acts, DCs --> possible memory --> data, by contract --^
 *
 * Hardware is not searched.  What may happen between two instructions is kept
 * as a set; a rule is decided once for all of it, on runs of any size.  What
 * an oracle does not decide is the order of a hypervisor's threads: it judges
 * the one order that was run.
 *
 * No violation means: none on this run, whatever hardware chose.
 */
#ifndef STAGE2SIM_ORACLE_H
#define STAGE2SIM_ORACLE_H

#include <stage2sim/act.h>
#include <stage2sim/physics.h>
#include <stage2sim/reliance.h>

S2_BEGIN_DECLS

struct s2_oracle;

/** What is held. */
enum s2_rule {
	/**
	 * Where an operation has returned no CPU holds more than the tables
	 * grant: another output or type, a permission that they lack, a
	 * walk-cache entry.  A narrower permission is legal, an older AF too.
	 */
	S2_RULE_TRANSLATION,
	/** On return from a fault that was resolved the CPU holds nothing that raises it again. */
	S2_RULE_PROGRESS,
	/** No two entries for one address coexist that differ in more than R_WHZWS lets them. */
	S2_RULE_BREAK_BEFORE_MAKE,
	/** A table is linked in by a release, or after a DSB: walkers see what it holds. */
	S2_RULE_PUBLICATION,
	/** No page is freed twice, read when freed, or freed where a walker may still come. */
	S2_RULE_TABLES,
	/** No guest runs under a VMID that still names what another one left in TLBs. */
	S2_RULE_VMID,
	/** No write of a page whose dirty bit was handed out goes unseen. */
	S2_RULE_DIRTY_LOG,
	/** A read returns what its contract says (enum s2_contract), whatever caches did. */
	S2_RULE_DATA,
	/**
	 * An interrupt reaches exactly whom it is for, registers read back as specified.
	 * Not of a machine's instructions: interrupt_check.h keeps the account.
	 */
	S2_RULE_INTERRUPTS,
	/** A context is what it would be if computed from nothing: context_check.h explores it. */
	S2_RULE_CONTEXTS,
	S2_RULES, /**< how many there are */
};

/**
 * What a guest may count on when it or the host reads.  A guest may do anything;
 * what a contract does not promise is no violation.
 */
enum s2_contract {
	/** Nobody reads what was in a page before it was given to this VM. */
	S2_CONTRACT_ISOLATION,
	/**
	 * The guest maintains caches by VA as the Arm ARM asks (B2.11); the
	 * hypervisor cleans what it maps, and what it takes back.
	 */
	S2_CONTRACT_ARCH,
	/**
	 * ARCH, and what was written while the caches of all vcpus were off and empty,
	 * since their reset or by set and way, is seen by the vcpu that first turns its
	 * caches on; once they are empty all that was written is in memory.
	 */
	S2_CONTRACT_BARE_METAL,
	/**
	 * ARCH, and a vcpu sees what it wrote with its caches off once it has turned
	 * them on, and what it wrote with them on is in memory once it has turned them
	 * off or cleaned by set and way; of toggles that trap, and of the first
	 * set/way since caches were on.
	 */
	S2_CONTRACT_KVM_COMPAT,
	/** The same of every toggle and set/way. */
	S2_CONTRACT_KVM_COMPAT_ANY,
	/**
	 * No contract with a guest, and nothing that a hypervisor owes: a device that snoops
	 * nothing reads what was last written through the caches though nobody cleaned for it.
	 * Some ways to unmap give it, and hide a driver that leaves the DMA API out.
	 */
	S2_CONTRACT_RAW_DMA,
	S2_CONTRACTS, /**< how many there are */
};

/** Contracts with guests: those before RAW_DMA. */
#define S2_GUEST_CONTRACTS ((unsigned)S2_CONTRACT_RAW_DMA)

/** What exactly was found; each belongs to one rule. */
enum s2_finding {
	S2_FOUND_UNMAPPED,	   /**< translation: of what the tables do not map */
	S2_FOUND_OTHER_OUTPUT,	   /**< translation: to another output address */
	S2_FOUND_OTHER_TYPE,	   /**< translation: of another memory type or shareability */
	S2_FOUND_READABLE,	   /**< translation: may be read, where the tables say no */
	S2_FOUND_WRITABLE,	   /**< translation: may be written, where the tables say no */
	S2_FOUND_EXECUTABLE,	   /**< translation: may be executed, where the tables say no */
	S2_FOUND_WALK,		   /**< translation: a walk-cache entry of an unlinked table */
	S2_FOUND_REFUSED,	   /**< progress: an entry that refuses the access again */
	S2_FOUND_COEXISTENCE,	   /**< break-before-make: old and new may be held at once */
	S2_FOUND_UNPUBLISHED,	   /**< publication: entries that may be seen after the link */
	S2_FOUND_FREED_REACHABLE,  /**< tables: freed, and a CPU in this guest may walk there */
	S2_FOUND_FREED_TWICE,	   /**< tables: freed, and no page lives there */
	S2_FOUND_READ_FREED,	   /**< tables: software reads a descriptor of no live page */
	S2_FOUND_ENTERED_FREED,	   /**< tables: a guest is entered whose walks lead to a freed page */
	S2_FOUND_VMID_OF_ANOTHER,  /**< VMID: entered under a number with another VM's entries */
	S2_FOUND_VMID_LEFT,	   /**< VMID: entered under a number that the VM had left, with its old entries */
	S2_FOUND_DIRTY_WRITABLE,   /**< dirty log: the tables let it be written */
	S2_FOUND_DIRTY_HELD,	   /**< dirty log: a TLB may let it be written */
	S2_FOUND_LEAK,		   /**< data: a read may return what was there before the VM */
	S2_FOUND_STALE_CACHED,	   /**< data: a cacheable read may return an earlier write */
	S2_FOUND_STALE_POC,	   /**< data: a read past the caches may return an earlier write */
	S2_FOUND_IRQ_LOST,	   /**< interrupts: pending, and never taken */
	S2_FOUND_IRQ_ASTRAY,	   /**< interrupts: taken, and not pending for this vcpu, or twice */
	S2_FOUND_REGISTER,	   /**< interrupts: a register that reads other than specified */
	S2_FOUND_CONTEXT,	   /**< contexts: not as computed from nothing */
	S2_FINDINGS,		   /**< how many there are */
};

/** A short name ("translation"), or NULL. */
S2_API const char *s2_rule_name(enum s2_rule rule);
/** What the rule asks, in a sentence with its source, or NULL. */
S2_API const char *s2_rule_text(enum s2_rule rule);
/** What was found, in words, or NULL. */
S2_API const char *s2_finding_text(enum s2_finding finding);
/** A short name ("kvm-compat"), or NULL. */
S2_API const char *s2_contract_name(enum s2_contract contract);
/** What a contract promises, in a sentence, or NULL. */
S2_API const char *s2_contract_text(enum s2_contract contract);
/** The rule that a finding breaks; S2_RULES for none. */
S2_API enum s2_rule s2_finding_rule(enum s2_finding finding);

/** One violation. */
struct s2_violation {
	enum s2_rule rule;	 /**< which rule */
	enum s2_finding finding; /**< how it was broken */
	unsigned cpu;		 /**< who may hold or do it */
	unsigned by;		 /**< who relied on it not being so, stored, freed or entered */
	struct s2_vmid vmid;	 /**< whose translations */
	struct s2_ipa ipa;	 /**< where; 0 if the rule is about no address */
	uint64_t size;		 /**< bytes that it holds for from ipa on */
	int8_t level;		 /**< of the descriptor, or -1 */
	s2_pte held;		 /**< what may be held: an old descriptor; 0 for none */
	s2_pte now;		 /**< what the tables have there, or what was stored */
	struct s2_pa page;	 /**< of a table page, or 0 */
	enum s2_contract contract; /**< data: which is broken */
	unsigned vcpu;		 /**< data, interrupts: whose act it was */
	uint32_t intid;		 /**< interrupts: which */
	struct s2_pa pa;	 /**< data: where, of size bytes */
	uint32_t last;		 /**< data: the write that must be read, by its version (memory.h) */
	uint64_t step;		 /**< instructions that had been issued since the oracle came */
	const char *site;	 /**< the function or step that relied on it, or stored */
};

/**
 * One line of text, no newline: what was found, where, by whom, and what should
 * have been.  As snprintf(): @return the length that the whole has
 */
S2_API int s2_violation_text(const struct s2_violation *v, char *buf, size_t size);

/** Room for what is seen in place of an event. */
#define S2_EDIT_MAX 72

/** What an oracle looks at. */
struct s2_oracle_config {
	unsigned rules; /**< bit (1 << enum s2_rule) for each; 0: all */
	size_t keep;	/**< violations kept of each rule and contract, the first; 0: 16.  All count */
	/** Is told of each that is kept, at once; may be NULL.  Must issue nothing. */
	void (*found)(void *arg, const struct s2_violation *violation);
	/**
	 * Whether an instruction is left out: for the oracle it was then never
	 * issued, as if the algorithm lacked it.  Stores of descriptors and
	 * pages freed are not asked about.  May be NULL.
	 */
	bool (*left_out)(void *arg, unsigned cpu, const struct s2_insn *insn);
	/**
	 * What is seen in place of an event, as if the algorithm had issued that: fills
	 * @p out, which has room for S2_EDIT_MAX. @return how many.  What is in memory
	 * stays as the algorithm has it: of stores the order may be changed, not the
	 * value.  May be NULL.
	 */
	size_t (*edit)(void *arg, const struct s2_event *event, struct s2_insn *out);
	void *arg; /**< handed to all three */
	/**
	 * Of a run that was watched before and is made once more: the violation whose
	 * story is to be told (story.h); copied.  NULL: none.
	 */
	const struct s2_violation *story;
	/**
	 * Steps that are left out as well, by s2_story_step.at in ascending order;
	 * kept by pointer.  Those that are fixed go on.
	 */
	const uint64_t *dropped;
	size_t n_dropped; /**< how many */
	/** Steps (s2_oracle_steps()) after which it gives up: -E2BIG from s2_oracle_error(); 0: none. */
	uint64_t most_steps;
};

/**
 * Watches @p m, which must outlive the oracle, from now on.  The oracle has a
 * possible TLB and, for the data rule, a possible memory of its own; a physics
 * that is attached is not used.  For the data rule VMs and slots are made after it.
 * @param cfg copied; NULL: all rules
 * @param out set on success; s2_oracle_detach() frees it
 * @return 0; -EINVAL for a rule that does not exist; -ENOSPC for more than
 *         S2_MAX_SINKS; -ENOMEM.
 */
S2_API int s2_oracle_attach(struct s2_machine *m, const struct s2_oracle_config *cfg,
			    struct s2_oracle **out);

/** Detaches and frees (NULL is fine). */
S2_API void s2_oracle_detach(struct s2_oracle *o);

/**
 * From now on TLBs may hold what the tables of @p vttbr map, as if a CPU had
 * been in this guest.  A guest entry does it by itself.
 * @return as s2_physics_watch()
 */
S2_API int s2_oracle_watch(struct s2_oracle *o, uint64_t vtcr, uint64_t vttbr);

/**
 * 0, or the first error that kept the oracle from following an event: -ENOMEM,
 * -E2BIG past cfg.most_steps.  What it says is then no verdict.
 */
S2_API int s2_oracle_error(const struct s2_oracle *o);

/** Violations of @p rule so far; of all for S2_RULES. */
S2_API uint64_t s2_oracle_count(const struct s2_oracle *o, enum s2_rule rule);

/** Violation @p index of those kept, from 0, or NULL. */
S2_API const struct s2_violation *s2_oracle_violation(const struct s2_oracle *o, size_t index);

/** Violations of the data rule under @p contract so far. */
S2_API uint64_t s2_oracle_contract_count(const struct s2_oracle *o, enum s2_contract contract);

/** Reliances, guest entries and freed pages that were decided. */
S2_API uint64_t s2_oracle_decided(const struct s2_oracle *o);

/** Steps of the run so far: instructions, or runs of one, acts and reliances. */
S2_API uint64_t s2_oracle_steps(const struct s2_oracle *o);

S2_END_DECLS

#endif
