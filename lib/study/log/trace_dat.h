/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reader of trace-cmd's trace.dat, versions 6 and 7.
 *
 *     buffer "":      cpu 0 | record | record | ...    \
 *                     cpu 1 | record | ...              >  the earliest next -> event
 *     buffer "guest": cpu 0 | record | ...             /
 *
 * A record's number, from 1 in that order, stands for a line's.  It streams: a
 * page a CPU is held, whatever the length of the file.  Private to
 * lib/study/log: trace.c reads through it.
 */
#ifndef STAGE2SIM_STUDY_TRACE_DAT_H
#define STAGE2SIM_STUDY_TRACE_DAT_H

#include <stdbool.h>
#include <stddef.h>

#include "study/log/trace.h"

/** Bytes that tell a trace.dat. */
#define S2_DAT_MAGIC	 "\x17\x08\x44tracing"
#define S2_DAT_MAGIC_LEN 10

/** A trace.dat that is open. */
struct s2_dat;

/**
 * Look through the file @p fd, which can seek, and open it; @p fd stays the
 * caller's.  @p name is for messages and lives as long as the reader.
 * @return 0, -EIO for a file that is cut or damaged, -EINVAL for one that is not
 *         of a 64-bit arm64 kernel, cannot seek, or is read by no library of this
 *         build, -ENOMEM; with @p err set
 */
int s2_dat_open(int fd, const char *name, struct s2_dat **dat, struct s2_error *err);

/**
 * The next event, as s2_trace_next(): ev->line is set in any case.
 * @return 1, 0 at the end, -EBADMSG for one record, -EINVAL for the file
 */
int s2_dat_next(struct s2_dat *dat, struct s2_trace_event *ev, struct s2_error *err);

/** As their namesakes in trace.h. */
uint64_t s2_dat_records(const struct s2_dat *dat);
uint32_t s2_dat_cpus(const struct s2_dat *dat);
const char *s2_dat_release(const struct s2_dat *dat);
uint64_t s2_dat_bytes_read(const struct s2_dat *dat);

/** Close; NULL is allowed. */
void s2_dat_close(struct s2_dat *dat);

#endif
