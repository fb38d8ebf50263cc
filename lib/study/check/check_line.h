/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A line of an instruction log, taken apart.
 *
 *     (mem-write (id 4) (tid 0) (mem-order plain) (address 0x..) (value 0x..) (src "f:1"))
 *      head                     each field by its key, or bare in the order of the head's fields
 *
 * The grammar is that of casemate's version 3 and what stage2sim/log.h adds.
 * id, tid and count are decimal; other numbers hexadecimal, with 0x or without.
 */
#ifndef STAGE2SIM_STUDY_CHECK_LINE_H
#define STAGE2SIM_STUDY_CHECK_LINE_H

#include <string.h>

#include <stage2sim/types.h>

#include "study/base/error.h"
#include "study/base/parse.h"

/** The first word of a line. */
enum s2_check_head {
	S2_CHECK_MEM_WRITE,
	S2_CHECK_MEM_READ,
	S2_CHECK_MEM_INIT,
	S2_CHECK_MEM_FREE,
	S2_CHECK_MEM_SET,
	S2_CHECK_SYSREG_WRITE,
	S2_CHECK_BARRIER,
	S2_CHECK_TLBI,
	S2_CHECK_DC,
	S2_CHECK_IC,
	S2_CHECK_HVC,
	S2_CHECK_GUEST,
	S2_CHECK_RELY,
	S2_CHECK_HINT,	/**< casemate's: nothing to do here */
	S2_CHECK_LOCK,	/**< lock, trylock, unlock */
	S2_CHECK_OTHER, /**< counted steps that are no instruction */
	S2_CHECK_HEADS, /**< how many there are */
};

/** A line; spans lie in its text. */
struct s2_check_line {
	enum s2_check_head head;
	uint64_t tid;
	struct s2_span word;  /**< isb, dsb; the TLBI; civac; entry; the reliance; empty: none */
	struct s2_span kind;  /**< of a DSB; of a hint; the memory order; the sysreg; the access */
	uint64_t address, value, size;
	uint64_t vtcr, vttbr; /**< of a reliance */
	uint64_t count;
	struct s2_span site; /**< src, without its quotes */
	bool has_value;
};

/**
 * Takes the first event of @p text, and what else has no meaning before the next one.
 * @return 0; 1 if there is none but blanks, a comment (; or #) or an expectation (!);
 *         -EAGAIN if the text ends within an event: @p err says what is missing, text is as it was;
 *         -EINVAL with @p err saying what was expected
 */
int s2_check_line_parse(struct s2_span *text, struct s2_check_line *line, struct s2_error *err);

/** Whether @p span is the word @p word. */
static inline bool s2_span_is(struct s2_span span, const char *word)
{
	return strlen(word) == span.len && !memcmp(span.text, word, span.len);
}

#endif
