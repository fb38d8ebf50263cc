/* SPDX-License-Identifier: MIT */
/**
 * @file
 * vcpu MMU contexts (x86): what is rewritten when a vcpu changes mode.
 *
 *     vcpu --mmu-------> root    the guest's own; TDP or shadow
 *        \               guest   shadow of L1's EPT or NPT, while L2 runs
 *         \-walk_mmu---> nested  walks L2's own tables; never shadowed
 *     each: role words | constant fields | role-dependent fields | root
 *
 * Stands for kvm_init_mmu() and kvm_mmu_reset_context() of arch/x86/kvm, about
 * v5.17 to v6.3, and for the ways of skipping work there: each is a policy.
 * Field values are symbolic: what the kernel would compute them from.  Not a
 * page-table model: a root is only known by what it was built for.
 * docs/model.md names the source of every rule.
 */
#ifndef STAGE2SIM_X86_CONTEXT_H
#define STAGE2SIM_X86_CONTEXT_H

#include <stage2sim/machine.h>

S2_BEGIN_DECLS

/** How this host translates for guests; fixed for a vcpu's life. */
enum s2_x86_paging {
	S2_X86_SHADOW,	/**< no EPT or NPT */
	S2_X86_TDP4,	/**< EPT or NPT, at most 4 levels */
	S2_X86_TDP5,	/**< 5 levels possible, used if MAXPHYADDR is over 48 */
	S2_X86_PAGINGS, /**< how many there are */
};

/** Whose nested virtualisation: what the guest context shadows. */
enum s2_x86_vendor {
	S2_X86_VMX,	/**< L1's EPT */
	S2_X86_SVM,	/**< L1's NPT */
	S2_X86_VENDORS, /**< how many there are */
};

/** The contexts of a vcpu (struct kvm_vcpu_arch). */
enum s2_x86_id {
	S2_X86_ROOT,   /**< root_mmu: the guest's own */
	S2_X86_GUEST,  /**< guest_mmu: shadow of L1's EPT or NPT */
	S2_X86_NESTED, /**< nested_mmu: walks L2's tables */
	S2_X86_CONTEXTS,       /**< how many there are */
};

/** The named fields of a context, those of struct kvm_mmu; values are symbolic. */
enum s2_x86_field {
	S2_X86_PAGE_FAULT,
	S2_X86_SYNC_PAGE,
	S2_X86_INVLPG,
	S2_X86_GET_GUEST_PGD,
	S2_X86_GET_PDPTR,
	S2_X86_INJECT_PAGE_FAULT,
	S2_X86_GVA_TO_GPA,
	S2_X86_ROOT_LEVEL,
	S2_X86_SHADOW_ROOT_LEVEL,
	S2_X86_GUEST_RSVD,  /**< reserved bits of the guest's entries */
	S2_X86_PERMISSIONS, /**< bitmap of permission faults */
	S2_X86_PKRU_MASK,
	S2_X86_SHADOW_ZERO, /**< reserved bits of our entries */
	S2_X86_FIELDS,	    /**< how many there are */
};

/** Room for fields: the named ones, or those of a neutral shape. */
#define S2_X86_SLOTS 24
/** Most fields of one class that a neutral shape can have. */
#define S2_X86_SHAPE_MAX (S2_X86_SLOTS / 2)

/** The role words of a context (kvm_cpu_role and kvm_mmu_page_role). */
struct s2_x86_roles {
	uint32_t cpu_base;  /**< what the guest's paging mode is */
	uint32_t cpu_ext;   /**< the rest of it (union kvm_mmu_extended_role) */
	uint32_t root_base; /**< what the pages that we build are for */
};

/** A bit or field of a role word. */
struct s2_x86_role_bit {
	const char *name; /**< of the kernel's bit-field ("efer_nx") */
	bool extended;	  /**< in cpu_ext, else in cpu_base and root_base */
	uint32_t mask;	  /**< its place in its word */
};

/** Bit @p index from 0 of the role words, or NULL past the last. */
S2_API const struct s2_x86_role_bit *s2_x86_role_bit_at(size_t index);

/**
 * A context (struct kvm_mmu).  Of a neutral shape the constant fields are the
 * slots from 0 on, the role-dependent ones those from S2_X86_SHAPE_MAX on.
 */
struct s2_x86_context {
	struct s2_x86_roles role;     /**< what the fields were last computed for */
	uint32_t root;		      /**< what its root was built for; 0: none loaded */
	uint32_t constants_set;	      /**< whether the constant fields were ever written */
	uint32_t field[S2_X86_SLOTS]; /**< by enum s2_x86_field; 0: never written */
};

/** What a CPUID change tells the MMU. */
struct s2_x86_cpuid {
	uint8_t maxphyaddr; /**< guest physical address bits, 32 to 52 */
	uint8_t c_bit;	    /**< position of the encryption bit, 0 if none */
	uint8_t gbpages;    /**< 1 if the guest has 1 GiB pages */
};

/* Bits of the registers that reach a role (Intel SDM volume 3, 2.5 and 2.2.1). */
#define S2_CR0_WP   (UINT32_C(1) << 16) /**< CR0.WP: write protection binds the supervisor */
#define S2_CR0_PG   (UINT32_C(1) << 31) /**< CR0.PG: paging is on */
#define S2_CR4_PSE  (UINT32_C(1) << 4)	/**< CR4.PSE: 4 MiB pages */
#define S2_CR4_PAE  (UINT32_C(1) << 5)	/**< CR4.PAE: 8-byte entries */
#define S2_CR4_LA57 (UINT32_C(1) << 12) /**< CR4.LA57: five levels */
#define S2_CR4_SMEP (UINT32_C(1) << 20) /**< CR4.SMEP: no supervisor fetch from user pages */
#define S2_CR4_SMAP (UINT32_C(1) << 21) /**< CR4.SMAP: no supervisor access to user pages */
#define S2_CR4_PKE  (UINT32_C(1) << 22) /**< CR4.PKE: protection keys of user pages */
#define S2_EFER_LME (UINT32_C(1) << 8)	/**< EFER.LME: paging means long mode */
#define S2_EFER_LMA (UINT32_C(1) << 10) /**< EFER.LMA: long mode is active */
#define S2_EFER_NX  (UINT32_C(1) << 11) /**< EFER.NXE: entries have a no-execute bit */

/** What can happen to a vcpu. */
enum s2_x86_event_kind {
	S2_X86_SMM_ENTER,	/**< an SMI: enter_smm() */
	S2_X86_SMM_LEAVE,	/**< RSM: back to what the SMI interrupted */
	S2_X86_SMM_LEAVE_FAILS, /**< RSM clears the SMM flag, then shuts down */
	S2_X86_CR0_WRITE,	/**< kvm_set_cr0(); bits other than PG and WP do not count */
	S2_X86_CR4_WRITE,	/**< kvm_set_cr4(); bits not named above do not count */
	S2_X86_EFER_WRITE,   /**< LMA is the processor's to set and is not taken from the value */
	S2_X86_NESTED_ENTER, /**< L1 runs L2 */
	S2_X86_NESTED_EXIT,  /**< L2 leaves to L1 */
	S2_X86_CPUID_SET,    /**< kvm_mmu_after_set_cpuid() */
	S2_X86_VCPU_RESET,   /**< kvm_vcpu_reset(), RESET or INIT */
	S2_X86_RUN,	     /**< entry to the guest: a root is loaded if there is none */
	S2_X86_EVENT_KINDS,  /**< how many there are */
};

/** One event, with what it brings. */
struct s2_x86_event {
	enum s2_x86_event_kind kind; /**< which of the members below mean something */
	uint32_t value;		     /**< register writes; nested enter: 1 if L1 uses EPT/NPT */
	struct s2_x86_cpuid cpuid;   /**< CPUID_SET */
};

/** Name of an event ("smm-enter"), or NULL. */
S2_API const char *s2_x86_event_name(enum s2_x86_event_kind kind);

/** Name of a field ("page_fault"), or NULL. */
S2_API const char *s2_x86_field_name(enum s2_x86_field field);

/** Name of a way of paging ("tdp4"), or NULL. */
S2_API const char *s2_x86_paging_name(enum s2_x86_paging paging);

/** What is skipped when a context is set up again; opaque, one row of a table. */
struct s2_x86_policy;

/** Policy @p index from 0, the baseline first, or NULL past the last. */
S2_API const struct s2_x86_policy *s2_x86_policy_at(size_t index);

/** Policy @p name ("rewrite-all"), or NULL, also for NULL. */
S2_API const struct s2_x86_policy *s2_x86_policy_find(const char *name);

/** Its name, as s2_x86_policy_find() takes it. */
S2_API const char *s2_x86_policy_name(const struct s2_x86_policy *policy) S2_NONNULL(1);

/** One line that says what the policy does. */
S2_API const char *s2_x86_policy_summary(const struct s2_x86_policy *policy) S2_NONNULL(1);

/**
 * Fields of every context when their meaning does not matter: the closed forms
 * of counts depend only on how many there are of each class.
 */
struct s2_x86_shape {
	unsigned constants;   /**< 0 to S2_X86_SHAPE_MAX */
	unsigned role_fields; /**< 0 to S2_X86_SHAPE_MAX */
};

/** What a vcpu is made of.  Copied, but for what the pointers name. */
struct s2_x86_vcpu_config {
	const struct s2_x86_policy *policy; /**< of s2_x86_policy_at() or _find() */
	enum s2_x86_paging paging;	    /**< the host's, for the vcpu's life */
	enum s2_x86_vendor vendor;	    /**< the host's, for the vcpu's life */
	struct s2_x86_cpuid cpuid;	    /**< at creation; all zero: KVM's default, 36 bits */
	const struct s2_x86_shape *shape;   /**< NULL: the named fields; read at creation only */
};

/** What was written so far, by class of field. */
struct s2_x86_writes {
	uint64_t constant; /**< of fields that never change their value */
	uint64_t role;	   /**< of fields that follow the role */
};

struct s2_x86_vcpu;

/**
 * A vcpu as kvm_arch_vcpu_create() leaves it: reset, its root context set up.
 * The work is counted on @p cpu, here and in every event: MMU_FIELD_WRITE,
 * MMU_ROLE_COMPUTE, MMU_ROLE_COMPARE and ROOT_UNLOAD.
 * @param out set on success; free with s2_x86_vcpu_free()
 * @return 0; -EINVAL for no policy, an unknown paging or vendor, a CPUID or a
 *         shape out of range; -ENOMEM.
 */
S2_API int s2_x86_vcpu_create(struct s2_cpu *cpu, const struct s2_x86_vcpu_config *cfg,
			      struct s2_x86_vcpu **out) S2_NONNULL(1, 2, 3);

/** Frees @p vcpu (NULL is fine). */
S2_API void s2_x86_vcpu_free(struct s2_x86_vcpu *vcpu);

/**
 * One event of a vcpu, and what the hypervisor does about it.
 * @return 0; -EINVAL for an event that cannot happen now (leaving SMM outside
 *         of it, entering L2 from there or from L2, a nested EPT or NPT without
 *         TDP, a register value that the processor refuses, CPUID out of range,
 *         or changed while L2 runs or after the first run); nothing has then
 *         changed.
 */
S2_API int s2_x86_vcpu_event(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
			     const struct s2_x86_event *event) S2_NONNULL(1, 2, 3);

/** Context @p id as it is now, NULL if none; the vcpu's own, to be read before its next event. */
S2_API const struct s2_x86_context *s2_x86_vcpu_context(const struct s2_x86_vcpu *vcpu,
							enum s2_x86_id id) S2_NONNULL(1);

/** The context that faults are handled with. */
S2_API enum s2_x86_id s2_x86_vcpu_active(const struct s2_x86_vcpu *vcpu) S2_NONNULL(1);

/** The context that walks the guest's own tables. */
S2_API enum s2_x86_id s2_x86_vcpu_walk(const struct s2_x86_vcpu *vcpu) S2_NONNULL(1);

/** Fields written since the creation, which counts too. */
S2_API struct s2_x86_writes s2_x86_vcpu_writes(const struct s2_x86_vcpu *vcpu) S2_NONNULL(1);

/** How many fields context @p id has of each class; none if there is no such context. */
S2_API struct s2_x86_shape s2_x86_vcpu_shape(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id)
	S2_NONNULL(1);

S2_END_DECLS

#endif
