/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which fields of an event are wanted, and what they say.
 *
 * Fields are found by name: where they lie and how wide they are is the file's
 * to say.  Private to lib/study/log.
 */
#ifndef STAGE2SIM_STUDY_TRACE_DAT_FIELDS_H
#define STAGE2SIM_STUDY_TRACE_DAT_FIELDS_H

#include "study/log/trace.h"

/** The most fields that an event has of those wanted. */
#define S2_DAT_FIELDS 6

/** An event's fields. */
struct s2_dat_form {
	enum s2_trace_kind kind;
	const char *fields[S2_DAT_FIELDS]; /**< NULL behind the last */
	unsigned required;		   /**< the first of them; the others may be missing */
	const char *owner; /**< the field that tells tables apart, may be missing; or NULL */
	/**
	 * Sets the event from the fields' values, sign-extended where they are signed;
	 * @p have has a bit for each field that is there.  @return false for a value
	 * that does not fit
	 */
	bool (*fill)(struct s2_trace_event *ev, const uint64_t *values, unsigned have);
};

/** The fields of a kind of event; NULL if it is of no interest, or a mark. */
const struct s2_dat_form *s2_dat_form_of(enum s2_trace_kind kind);

#endif
