/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Mutants by name: what was once wrong in a hypervisor, or might be, and who finds it.
 *
 *     a row: what goes wrong, where it did, which rule finds it, in which scenario
 *       |-- run with it     --> the rule's first violation, told as a story
 *       `-- run without it  --> nothing
 */
#ifndef STAGE2SIM_STUDY_NAMED_H
#define STAGE2SIM_STUDY_NAMED_H

#include <stage2sim/vgic.h>

#include "study/mutants/edit.h"
#include "study/mutants/life.h"

struct s2_mutant;

/** What a run with a mutant, or without it, came to. */
struct s2_mutant_found {
	bool found;		   /**< the rule that is named found it */
	uint64_t broken[S2_RULES]; /**< how often each rule was broken */
	uint64_t step;		   /**< where it was found, from the start of the run */
	char text[512];		   /**< the violation, a line */
	char story[2400];	   /**< how it came to it: lines, each after a newline */
	struct s2_told told;	   /**< the whole of it, if found */
};

/** What is wrong with stage 2. */
struct s2_stage2_mutant {
	enum s2_life_kind life;
	const char *machine, *flavour;
	enum s2_bug bug;
	void (*change)(struct s2_flavour *flavour); /**< or NULL */
	struct s2_edit edit[S2_EDITS];
};

/** Scenes of a vGIC. */
enum s2_irq_scene {
	S2_IRQ_SGIS,
	S2_IRQ_MANY,
	S2_IRQ_LATE,
	S2_IRQ_OVERFLOW,
	S2_IRQ_MAPPED,
	S2_IRQ_ENABLE,
	S2_IRQ_EDGE,
	S2_IRQ_WFI,
	S2_IRQ_BANKS,
	S2_IRQ_ROUTE,
	S2_IRQ_MOVE,
	S2_IRQ_REDIST,
	S2_IRQ_RESTORE,
	S2_IRQ_SAVE,
	S2_IRQ_REVISION,
	S2_IRQ_LAST,
	S2_IRQ_FLAT,
	S2_IRQ_NUMBER,
	S2_IRQ_SCENES, /**< how many there are */
};

/** What is wrong with a vGIC. */
struct s2_vgic_mutant {
	enum s2_irq_scene scene;
	const char *routing; /**< s2_routing_find()'s */
	enum s2_bug bug;
	const char *mended_routing; /**< where the routing is the mutant; else NULL */
	bool odd;		    /**< it is what drives the vGIC that is wrong */
};

/** A mutant: a row of a table. */
struct s2_mutant {
	const char *name;
	const char *what;  /**< goes wrong */
	const char *where; /**< it did: a commit, a CVE, a report; NULL: made up */
	enum s2_rule rule; /**< that finds it */
	enum s2_contract contract; /**< of the data rule, the weakest that is broken */
	/** Runs it, or what it is a mutant of. @return 0 or negative, @p err then set */
	int (*run)(const struct s2_mutant *mutant, bool mended, struct s2_mutant_found *found,
		   struct s2_error *err);
	struct s2_stage2_mutant stage2;
	struct s2_vgic_mutant vgic;
	size_t context; /**< s2_context_bug_at()'s */
};

/**
 * Mutant @p index, from 0: those of stage 2 first, then the vGIC's and contexts'.
 * @return false past the last
 */
S2_API bool s2_mutant_at(size_t index, struct s2_mutant *out);
/** The mutant called @p name. @return false if there is none */
S2_API bool s2_mutant_find(const char *name, struct s2_mutant *out);
/** In what it shows, in words. */
S2_API const char *s2_mutant_scenario(const struct s2_mutant *mutant);
/** With or, if @p mended, without it. @return 0 or negative, @p err then set */
S2_API int s2_mutant_run(const struct s2_mutant *mutant, bool mended,
			 struct s2_mutant_found *found, struct s2_error *err);

/** What no mutant stands for, and why. */
struct s2_mutant_missing {
	const char *what, *where;
	const char *why;
	bool explorer; /**< it takes two threads: the explorer's to show */
};

/** Row @p index of what is missing, from 0, or NULL. */
S2_API const struct s2_mutant_missing *s2_mutant_missing_at(size_t index);

/* The tables that named.c joins. */

struct s2_mutant_table {
	const struct s2_mutant *row;
	size_t n;
};

extern const struct s2_mutant_table s2_stage2_mutants;
extern const struct s2_mutant_table s2_vgic_mutants;

#endif
