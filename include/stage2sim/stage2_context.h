/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a vcpu's stage-2 context reloads (arm64, VHE): the shape of
 * x86_context.h where this library's users meet it.
 *
 *     vcpu --hw_mmu--> root     the VM's own stage 2
 *                      nested   what L2 runs on, under a vEL2 of this VM
 *     each MMU: VTCR_EL2 and VTTBR_EL2.BADDR (constant) | VMID (changes)
 *     each CPU: one VTCR_EL2, one VTTBR_EL2, whoever is loaded
 *
 * On x86 a context is memory of the vcpu; here it is registers of a CPU that
 * all vcpus share, so what is sound there need not be sound here.  Two VMs,
 * three vcpus, two CPUs: the least in which that shows.  Only the decision
 * what to reload is modelled; nested stage-2 tables are not (refused).
 * Stands for kvm_arch_vcpu_load(), __load_stage2() and vmid.c.
 */
#ifndef STAGE2SIM_STAGE2_CONTEXT_H
#define STAGE2SIM_STAGE2_CONTEXT_H

#include <stage2sim/machine.h>

S2_BEGIN_DECLS

#define S2_STAGE2_CPUS	2 /**< the first two of the machine */
#define S2_STAGE2_VCPUS 3 /**< 0 and 1 of VM A, which may nest; 2 of VM B */

/** What can happen to a vcpu, or to all VMIDs. */
enum s2_stage2_event_kind {
	S2_STAGE2_VCPU_LOAD,	/**< kvm_arch_vcpu_load() */
	S2_STAGE2_VCPU_PUT,	/**< kvm_arch_vcpu_put() */
	S2_STAGE2_NESTED_ENTER, /**< ERET from vEL2 to L2 */
	S2_STAGE2_NESTED_EXIT,	/**< exception from L2 to vEL2 */
	S2_STAGE2_ROLLOVER,	/**< other VMs used up the VMIDs: a new generation */
	S2_STAGE2_EVENT_KINDS,	/**< how many there are */
};

/** One event.  Both numbers must name something, also where they mean nothing. */
struct s2_stage2_event {
	enum s2_stage2_event_kind kind; /**< which of the members below mean something */
	unsigned vcpu;			/**< all but ROLLOVER */
	unsigned cpu;			/**< VCPU_LOAD, and who makes the ROLLOVER */
};

/** Name of an event ("vcpu-load"), or NULL. */
S2_API const char *s2_stage2_event_name(enum s2_stage2_event_kind kind);

/** What is not reloaded; opaque, one row of a table. */
struct s2_stage2_policy;

/** Policy @p index from 0, the baseline first, or NULL past the last. */
S2_API const struct s2_stage2_policy *s2_stage2_policy_at(size_t index);

/** Policy @p name; names are those of the x86 policies.  NULL if there is none, also for NULL. */
S2_API const struct s2_stage2_policy *s2_stage2_policy_find(const char *name);

/** Its name, as s2_stage2_policy_find() takes it. */
S2_API const char *s2_stage2_policy_name(const struct s2_stage2_policy *policy) S2_NONNULL(1);
/** One line that says what the policy reloads. */
S2_API const char *s2_stage2_policy_summary(const struct s2_stage2_policy *policy) S2_NONNULL(1);

struct s2_stage2_world;

/**
 * The two VMs, nothing loaded, no VMID allocated.  Work is counted on the CPU
 * that does it: SYSREG_WRITE, VMID_SWITCH, MMU_ROLE_COMPUTE, MMU_ROLE_COMPARE,
 * and the local flush when another vcpu of the same MMU ran there last.
 * @param m must outlive the world
 * @param out set on success; free with s2_stage2_world_free()
 * @return 0; -EINVAL without a policy or with fewer than S2_STAGE2_CPUS CPUs;
 *         -EOPNOTSUPP without VHE (nVHE loads on every entry); -ENOMEM.
 */
S2_API int s2_stage2_world_create(struct s2_machine *m, const struct s2_stage2_policy *policy,
				  struct s2_stage2_world **out) S2_NONNULL(1, 3);

/** Frees @p world (NULL is fine). */
S2_API void s2_stage2_world_free(struct s2_stage2_world *world);

/** @return 0; -EINVAL for an event that cannot happen now: nothing has changed. */
S2_API int s2_stage2_world_event(struct s2_stage2_world *world,
				 const struct s2_stage2_event *event) S2_NONNULL(1, 2);

S2_END_DECLS

#endif
