/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Do interrupts reach whom they are for?  An account of what is pending, kept beside a GIC.
 *
 *     SGI write, device's line --> pending, by comparing every MPIDR --+
 *     what a vcpu acknowledges -----------------------------------------> lost? astray? twice?
 *     registers as they read ------> as specified?
 *
 * Whoever drives a GIC, in a model or in a test, says what is sent and what is taken; the
 * account knows no list, no table and no list register.  Violations are those of
 * S2_RULE_INTERRUPTS (oracle.h).
 */
#ifndef STAGE2SIM_INTERRUPT_CHECK_H
#define STAGE2SIM_INTERRUPT_CHECK_H

#include <stage2sim/oracle.h>
#include <stage2sim/sgi.h>

S2_BEGIN_DECLS

/** Interrupts that an account knows: SGIs, PPIs and SPIs. */
#define S2_INTERRUPT_CHECK_IRQS 1024U

struct s2_interrupt_check;

/**
 * An empty account of @p vcpus vcpus, whose affinity is 0 until it is set.
 * @param rss whether ICC_SGI1R.RS is honoured; KVM takes it for 0
 * @param out set on success; free with s2_interrupt_check_free()
 * @return 0; -EINVAL for no vcpus or over 65535; -ENOMEM
 */
S2_API int s2_interrupt_check_create(unsigned vcpus, bool rss, struct s2_interrupt_check **out)
	S2_NONNULL(3);
/** Frees it (NULL is fine). */
S2_API void s2_interrupt_check_free(struct s2_interrupt_check *check);

/** MPIDR_EL1 of @p vcpu; a vcpu without one is nobody's target.  All below: vcpus that there are. */
S2_API void s2_interrupt_check_mpidr(struct s2_interrupt_check *check, unsigned vcpu,
				     struct s2_mpidr mpidr) S2_NONNULL(1);

/** Vcpu @p sender writes ICC_SGI1R. @return how many vcpus it names */
S2_API unsigned s2_interrupt_check_sgi(struct s2_interrupt_check *check, unsigned sender,
				       uint64_t value) S2_NONNULL(1);
/** Interrupt @p intid is pending for @p vcpu: a device's, or one that became enabled. */
S2_API void s2_interrupt_check_raise(struct s2_interrupt_check *check, unsigned vcpu, uint32_t intid)
	S2_NONNULL(1);
/** It is not any more: its line fell, or it is no business of this vcpu. */
S2_API void s2_interrupt_check_lower(struct s2_interrupt_check *check, unsigned vcpu, uint32_t intid)
	S2_NONNULL(1);
/** Whether @p intid should be pending for @p vcpu. */
S2_API bool s2_interrupt_check_expects(const struct s2_interrupt_check *check, unsigned vcpu,
				       uint32_t intid) S2_NONNULL(1);

/** The guest acknowledges @p intid on @p vcpu: pending, or astray. */
S2_API void s2_interrupt_check_taken(struct s2_interrupt_check *check, unsigned vcpu, uint32_t intid)
	S2_NONNULL(1);
/** @p vcpu finds nothing more to take: what should be pending is lost, and is forgotten. */
S2_API void s2_interrupt_check_quiet(struct s2_interrupt_check *check, unsigned vcpu) S2_NONNULL(1);
/** A register called @p name (kept by pointer) of @p vcpu reads @p is. */
S2_API void s2_interrupt_check_register(struct s2_interrupt_check *check, unsigned vcpu,
					const char *name, uint64_t is, uint64_t should)
	S2_NONNULL(1, 3);

/** Violations so far. */
S2_API uint64_t s2_interrupt_check_count(const struct s2_interrupt_check *check) S2_NONNULL(1);
/** What was sent, taken and read so far. */
S2_API uint64_t s2_interrupt_check_steps(const struct s2_interrupt_check *check) S2_NONNULL(1);
/** The first violation, or NULL. */
S2_API const struct s2_violation *s2_interrupt_check_first(const struct s2_interrupt_check *check)
	S2_NONNULL(1);

S2_END_DECLS

#endif
