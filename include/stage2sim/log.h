/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The instruction stream as text: one S-expression an instruction.
 *
 *     (mem-write (id 0) (tid 0) (mem-order plain) (address 0x..) (value 0x..) (src "map:make"))
 *     (barrier (id 1) (tid 0) dsb (kind ishst) (src "flush_vmid:enter"))
 *     (tlbi (id 2) (tid 0) ripas2e1is (value 0x..) (src "flush_vmid_range:tlbi"))
 *
 * The form is that of casemate's trace log (version 3), with more: range and
 * last-level TLBIs, DC and IC loops (one line a loop: address, size, line),
 * hypercalls, and what the hypervisor relies on (reliance.h).  Events that
 * stand for runs are expanded.
 */
#ifndef STAGE2SIM_LOG_H
#define STAGE2SIM_LOG_H

#include <stage2sim/machine.h>

S2_BEGIN_DECLS

struct s2_log;

/** CPUs that casemate 3.0 has (its MAX_CPU). */
#define S2_LOG_CASEMATE_CPUS 4

/** Where a log goes, and what goes into it. */
struct s2_log_config {
	/** Receives text, not terminated. @return 0, or a negative errno to stop the log. */
	int (*write)(void *arg, const char *text, size_t len);
	void *arg;	    /**< handed to write() */
	bool casemate_only; /**< leave out what casemate 3.0 does not accept */
};

/**
 * A log of everything that @p m, which must outlive it, issues from now on.
 * @param cfg copied
 * @param out set on success; s2_log_detach() frees it
 * @return 0; -EINVAL without a write function, or for casemate_only on more
 *         than its 4 CPUs; -ENOSPC for more than S2_MAX_SINKS; -ENOMEM.
 */
S2_API int s2_log_attach(struct s2_machine *m, const struct s2_log_config *cfg,
			 struct s2_log **out) S2_NONNULL(1, 2, 3);

/**
 * Detaches and frees.
 * @param left_out if not NULL, how many instructions casemate_only left out
 * @return 0, or the first error that write() returned.
 */
S2_API int s2_log_detach(struct s2_log *log, uint64_t *left_out) S2_NONNULL(1);

S2_END_DECLS

#endif
