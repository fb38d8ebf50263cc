/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Cost profiles: what an operation costs on one machine, and who says so.
 *
 *     # Ampere Altra, 64 vcpus
 *     vcpu_probe = 19.7    # [sgi-2023] (3832 - 2593) ns / 63
 *     seq_ipi_rest = 2593  # [sgi-2023] all of an IPI but the scan
 *
 * One `name = nanoseconds  # source` a line; the source is demanded.  A name
 * is an operation's (s2_op_name()), or one of the sequences below: costs that
 * were only ever measured as a whole.  A program that knows where one applies
 * puts it on a bill.
 *
 * A source that starts with a name in brackets was derived from that thread's
 * published figures.  A time made of it is `fitted` where it answers for the
 * same thread, for it can only give back what was put in; all others are
 * `predicted`.
 *
 * An operation without a cost makes an estimate unknown, never zero.  What is
 * known of it is still a lower bound, and is given as that.
 */
#ifndef STAGE2SIM_STUDY_PROFILE_H
#define STAGE2SIM_STUDY_PROFILE_H

#include <stage2sim/op.h>

#include "study/base/error.h"

/** Costs of several operations together. */
enum s2_seq {
	S2_SEQ_FLUSH_IPA,	/**< seq_flush_ipa: one whole flush by IPA */
	S2_SEQ_FLUSH_VMID,	/**< seq_flush_vmid: one whole flush of the VMID */
	S2_SEQ_FLUSH_RANGE,	/**< seq_flush_range: one whole flush of a range, by one TLBI */
	S2_SEQ_UNMAP_PAGE_REST, /**< seq_unmap_page_rest: unmap of a 4 KiB page, less its flush */
	S2_SEQ_IPI_REST,	/**< seq_ipi_rest: an IPI round trip, less the vcpu look-up */
	S2_SEQ_MMU_INIT,	/**< seq_mmu_init: constant part of one kvm_init_mmu() */
	S2_SEQ_COUNT,
};

/** One cost. */
struct s2_cost_entry {
	bool known;
	double ns;
	char *source; /**< the comment behind it, less the brackets */
	char *thread; /**< whose figures it was derived from, as in brackets; NULL: no thread's */
};

/** A profile that was read. */
struct s2_profile {
	char *name; /**< of the file, without folder and ".profile" */
	struct s2_cost_entry op[S2_OP_COUNT];
	struct s2_cost_entry seq[S2_SEQ_COUNT];
};

/** What is to be paid for: single operations, and sequences that were measured as a whole. */
struct s2_bill {
	struct s2_counts ops;
	double seq[S2_SEQ_COUNT];
};

/** What a run, or a part of it, would take. */
struct s2_cost {
	bool known;  /**< all that was counted has a cost */
	bool fitted; /**< a cost in it was derived from the thread that it answers for */
	double ns;   /**< the sum of what has one */
	bool missing[S2_OP_COUNT]; /**< counted, and without a cost */
	bool missing_seq[S2_SEQ_COUNT];
};

/** Kinds of error, in s2_error.code. */
enum s2_profile_code {
	S2_PROFILE_OK,
	S2_PROFILE_OPEN,   /**< no such file, or not readable */
	S2_PROFILE_FORM,   /**< a line is not `name = nanoseconds  # source` */
	S2_PROFILE_NAME,   /**< no such operation or sequence */
	S2_PROFILE_NUMBER, /**< the cost is no number, negative or not finite */
	S2_PROFILE_TWICE,  /**< a name has two costs */
	S2_PROFILE_MEMORY,
};

/**
 * Reads the profile @p spec: a path if it has a '/' or ends in ".profile",
 * else a name: in $S2_PROFILE_DIR if that is set, else beside the program (in its build folder,
 * or a copy's ../share/stage2sim/profiles), or where profiles are installed.
 * @return 0 with @p profile to be freed; a negative errno with @p err naming
 *         file and line
 */
S2_API int s2_profile_load(const char *spec, struct s2_profile *profile, struct s2_error *err);

/** Reads @p in; errors call it @p name. */
S2_API int s2_profile_read(FILE *in, const char *name, struct s2_profile *profile,
			   struct s2_error *err);

S2_API void s2_profile_free(struct s2_profile *profile);

/** What @p counts would take; with a NULL @p profile nothing is known. */
S2_API struct s2_cost s2_profile_estimate(const struct s2_profile *profile,
					  const struct s2_counts *counts);

/**
 * What @p bill would take.
 * @param thread whom the time answers for, or NULL for none: a cost derived
 *        from its figures makes the time fitted
 */
S2_API struct s2_cost s2_profile_price(const struct s2_profile *profile, const struct s2_bill *bill,
				       const char *thread);

/** "fitted" or "predicted": every time that is shown says which it is. */
S2_API const char *s2_cost_basis(const struct s2_cost *cost);

/** The cost of a sequence, or a negative number where it is not known. */
S2_API double s2_profile_seq(const struct s2_profile *profile, enum s2_seq seq);

S2_API const char *s2_seq_name(enum s2_seq seq);

#endif
