/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The parts of reading one line: its prefix, and what its event says.
 *
 * Private to lib/study/trace*.c.
 */
#ifndef STAGE2SIM_STUDY_TRACE_LINE_H
#define STAGE2SIM_STUDY_TRACE_LINE_H

#include "study/log/trace.h"
#include "study/log/trace_scan.h"

/**
 * The task and CPU of the last line, with the text that says so: most lines
 * begin with the very same bytes, and comparing is cheaper than reading.
 */
struct s2_trace_task {
	size_t len; /**< of the text up to and with "[cpu] ", 0 for none */
	int32_t pid, tgid;
	uint32_t cpu;
	char comm[S2_TRACE_COMM];
	char text[64];
};

/**
 * Read `comm-pid (tgid) [cpu] flags time: `.  True: task, cpu and comm are in
 * @p ev and the cursor is at the event's name.  (tgid) and flags may be absent.
 * @p last begins zeroed, and is for this function only.
 */
bool s2_trace_prefix(struct s2_cursor *c, struct s2_trace_task *last, struct s2_trace_event *ev);

/**
 * Read the event's name into ev->name, leaving the cursor on the character
 * behind it.  False, without a want, when there is none or nothing is behind.
 */
bool s2_trace_name(struct s2_cursor *c, struct s2_trace_event *ev);

/** A known event's print format. */
struct s2_trace_form {
	const char *name;
	enum s2_trace_kind kind;
	/** Reads from behind the name to the end of the line; NULL for an event
	 *  that only another architecture's KVM has. */
	bool (*parse)(struct s2_cursor *c, struct s2_trace_event *ev);
	const char *arch; /**< whose event it is, NULL for arm64 */
};

/**
 * Read what was written to trace_marker: `BEGIN name`, `END` and `HOST ...` are
 * ours; other people's marks are nothing to us.
 */
bool s2_trace_mark(struct s2_cursor *c, struct s2_trace_event *ev);

/** Slots of a form index; a power of two, at least twice the forms. */
#define S2_TRACE_INDEX 256U

/** Hash table of forms by name: a form's number plus one, 0 for a free slot. */
struct s2_trace_index {
	uint8_t slot[S2_TRACE_INDEX];
};

/** Fill an index. */
void s2_trace_index_build(struct s2_trace_index *index);

/** The form of an event's name, NULL when it is of no interest. */
const struct s2_trace_form *s2_trace_form_find(const struct s2_trace_index *index,
					       struct s2_span name);

/**
 * The architecture that prints the event of @p form with what follows in
 * @p rest, when this is not a form of arm64; NULL when none is known to.
 */
const char *s2_trace_foreign(const struct s2_trace_form *form, struct s2_span rest);

#endif
