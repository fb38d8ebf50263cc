/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Lines of other tools than tracefs, made to say what a tracefs line says.
 *
 *     trace-cmd report    lab-141   [000] d..1.    15.442336: kvm_entry:            PC: 0x..
 *        -l, -t           lab-141     0d..1   15.442336123: kvm_entry:            PC: 0x..
 *        several buffers  host:   lab-141   [000] ...
 *     perf script         lab   141/142 [000]    15.442336:   kvm:kvm_entry: PC: 0x..
 *     |
 *     '--> task, CPU; "kvm_entry: PC: 0x.."    and from there one table of forms for all
 *
 * What differs is columns, the group before a name, blanks behind it, and how
 * system calls and marks are called.  Private to lib/study/log.
 */
#ifndef STAGE2SIM_STUDY_TRACE_DIALECT_H
#define STAGE2SIM_STUDY_TRACE_DIALECT_H

#include "study/log/trace.h"
#include "study/log/trace_scan.h"

/** Room for what a line says, rewritten. */
#define S2_DIALECT_ROOM (S2_TRACE_LINE_MAX + 64)

/**
 * Reads the columns of a line of trace-cmd or perf, and rewrites what follows.
 * @param said S2_DIALECT_ROOM bytes: "name: arguments", as tracefs has it
 * @return its length; 0 if this is no such line
 */
size_t s2_dialect_line(struct s2_span line, struct s2_trace_event *ev, char *said);

/**
 * Rewrites an event, which @p event begins with, as tracefs has it; some forms
 * of trace-cmd's lines have tracefs' columns.
 * @return the length; 0 if there is no name
 */
size_t s2_dialect_event(struct s2_span event, char *said);

/** Whether @p event, a name and what follows, is not as tracefs has it. */
bool s2_dialect_is_foreign(struct s2_span event);

/** What a tool's own lines tell: heads, empty CPUs. */
struct s2_dialect_head {
	uint32_t cpus;	     /**< 0: not told */
	char release[65];    /**< of the kernel; empty: not told */
	char arch[16];	     /**< "aarch64"; empty: not told */
};

/** Whether @p line is one of these. */
bool s2_dialect_head(struct s2_span line, struct s2_dialect_head *head);

#endif
