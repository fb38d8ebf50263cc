/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The oracle on a workload: attached to its machine, asked once it is over.
 *
 *     run, not watched --> counts --> small enough? --> run again, watched --> verdicts
 *
 * A verdict is of the run itself, at its full size, for all that hardware may
 * have done in it.  It says nothing of other orders of the hypervisor's threads.
 */
#ifndef STAGE2SIM_STUDY_JUDGE_H
#define STAGE2SIM_STUDY_JUDGE_H

#include <stage2sim/oracle.h>

#include "study/base/error.h"
#include "study/report/insn_log.h"
#include "study/report/result.h"

/**
 * With S2_CHECK_AUTO a run of more steps (s2_oracle_steps()) than this is left unchecked,
 * which keeps a table of ten policies within seconds.
 */
#define S2_JUDGE_STEPS UINT64_C(400000)

/** What is held as one verdict. */
struct s2_question {
	const char *name;     /**< as reports have it; kept by pointer */
	unsigned rules;	      /**< bits 1 << enum s2_rule, of all but S2_RULE_DATA */
	unsigned contracts;   /**< bits 1 << enum s2_contract */
};

/** All rules but those that a program tells apart: what nobody may do to anybody. */
#define S2_RULES_OF_ISOLATION                                                                  \
	(1U << S2_RULE_TRANSLATION | 1U << S2_RULE_PROGRESS | 1U << S2_RULE_BREAK_BEFORE_MAKE | \
	 1U << S2_RULE_PUBLICATION | 1U << S2_RULE_TABLES | 1U << S2_RULE_VMID)

/** A run under watch, and after it what was found. */
struct s2_judge {
	/** What is seen of the run in place of what it is, as of struct s2_oracle_config, or NULL. */
	size_t (*edit)(void *arg, const struct s2_event *event, struct s2_insn *out);
	void *edit_arg;
	uint64_t most_steps;	  /**< after which it is not watched on; 0: none */
	struct s2_insn_log *log; /**< not NULL: it is logged, and not watched */
	struct s2_oracle *oracle; /**< while it lasts */
	bool watched;		  /**< it was, to the end, and nothing was missed */
	uint64_t decided;
	uint64_t broken[S2_RULES + S2_CONTRACTS];	     /**< by rule, then by contract */
	struct s2_violation first[S2_RULES + S2_CONTRACTS]; /**< where broken */
	struct s2_violation tell; /**< whose story the run at hand is to tell */
	bool told;		  /**< there is one to tell */
	const uint64_t *dropped;  /**< steps that the run at hand leaves out, n_dropped of them */
	size_t n_dropped;
	uint64_t steps;		  /**< that the run had (s2_oracle_steps()) */
	struct s2_told story;	  /**< with no steps if none was told */
};

/** Whether a run that issued @p ops is to be watched as well, for all that these tell. */
S2_API bool s2_judge_wanted(enum s2_check_when when, const struct s2_counts *ops);

/** Watches @p m, on which no VM has been made; with no @p judge nothing. @return 0 or -ENOMEM */
S2_API int s2_judge_attach(struct s2_judge *judge, struct s2_machine *m);

/** TLBs may hold all that these tables map, as if the guest had run; with no judge nothing. */
S2_API int s2_judge_has_run(struct s2_judge *judge, uint64_t vtcr, uint64_t vttbr);

/** Ends the watch, before its machine goes, and takes down what it saw; with no judge nothing. */
S2_API void s2_judge_end(struct s2_judge *judge);

/** What is judged: a run that attaches the judge it is handed, and does the same each time. */
struct s2_judged {
	int (*run)(void *arg, struct s2_judge *judge, struct s2_error *err);
	void *arg;
	const struct s2_question *questions;
	size_t n_questions;
};

/**
 * Runs it under @p judge (all that it is told as it is, the rest cleared), and again, if a
 * question finds something broken, for the story of what broke first (cut.h).
 * @return 0; what run() returned
 */
S2_API int s2_judge_run(struct s2_judge *judge, const struct s2_judged *what, struct s2_error *err);
/** The same without a second run: what broke first is in tell, and has no story. */
S2_API int s2_judge_once(struct s2_judge *judge, const struct s2_judged *what, struct s2_error *err);

/**
 * Runs it once, and writes what the hypervisor issues to @p log.
 * @return 0; what run() or writing returned; -EINVAL with @p err for more CPUs than
 *         the form has
 */
S2_API int s2_judge_log(struct s2_insn_log *log, const struct s2_judged *what,
			struct s2_error *err);

/**
 * Judges a run that issued result->ops, if it is to be (s2_judge_wanted()), and adds a
 * verdict for each question: unchecked if nothing was watched, else sound, or unsound
 * with the first violation and how many there were.
 * @return 0; -ENOMEM, -ENOSPC; what run() returned
 */
S2_API int s2_judge_verdicts(enum s2_check_when when, const struct s2_judged *what,
			     struct s2_result *result, struct s2_error *err);

#endif
