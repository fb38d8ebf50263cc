/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A run seen other than it is: instructions left out, put off, or with another operand.
 *
 *     event --> edits, each of an operation at a site --> what an oracle sees
 *
 * The algorithm runs as it is; what it issues is changed on the way to who watches.
 * That costs nothing where nobody does, and needs no switch in the algorithm.
 */
#ifndef STAGE2SIM_STUDY_EDIT_H
#define STAGE2SIM_STUDY_EDIT_H

#include <stage2sim/oracle.h>

enum s2_edit_kind {
	S2_EDIT_NONE,
	S2_EDIT_DROP,	 /**< it is not there */
	S2_EDIT_OP,	 /**< it is another operation: with */
	S2_EDIT_BEHIND,	 /**< where with follows at once, it comes after that */
	S2_EDIT_PUT_OFF, /**< it comes after the next with of its site */
	S2_EDIT_OPERAND, /**< of its value, the bits under mask are bits */
	S2_EDIT_ADD,	 /**< its value is greater by bits, which may wrap */
	S2_EDIT_SHIFT,	 /**< the bits under mask are shifted up by bits */
	S2_EDIT_PLAIN,	 /**< a store is no release */
};

/** One edit. */
struct s2_edit {
	enum s2_edit_kind kind;
	enum s2_op op;
	const char *site;
	enum s2_op with;
	uint64_t mask, bits;
	uint64_t only;	   /**< of the bits under mask, only where they are this, if not 0 */
	unsigned cpus;	   /**< bit mask of the CPUs that it is about; 0: all */
	uint32_t reg;	   /**< of a SYSREG_WRITE: 1 + enum s2_sysreg; 0: any */
	uint32_t with_reg; /**< the same of with */
};

/** Most edits of one mutant. */
#define S2_EDITS 4

/** Edits at work. */
struct s2_editor {
	const struct s2_edit *edit; /**< S2_EDITS of them, the rest of kind NONE */
	struct s2_insn held;	    /**< what is put off */
	const struct s2_edit *holds; /**< which edit put it off, or NULL */
	unsigned cpu;		    /**< whose it is */
};

/** As struct s2_oracle_config's edit. @param arg a struct s2_editor */
S2_API size_t s2_editor_edit(void *arg, const struct s2_event *event, struct s2_insn *out);

#endif
