/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a trace.dat says of itself, and whether all of it is there.
 *
 *     version 6   magic "6" endian long page | headers | formats | tasks | CPUs
 *                 | options | offset and size of each CPU's pages
 *     version 7   magic "7" endian long page | options -> sections, more options
 *
 * Stands for: trace-cmd.dat.v6(5), trace-cmd.dat.v7(5), and the pages of Linux
 * kernel/trace/ring_buffer.c.  Private to lib/study/log.
 */
#ifndef STAGE2SIM_STUDY_TRACE_DAT_LAYOUT_H
#define STAGE2SIM_STUDY_TRACE_DAT_LAYOUT_H

#include <stdint.h>

#include "study/base/error.h"

/** What is needed of it besides the records. */
struct s2_dat_layout {
	char release[65]; /**< of the kernel; empty: not told */
	char machine[17]; /**< "aarch64"; empty: not told */
};

/**
 * Look through all of the file, also what is compressed.
 * @return 0, -EIO for a file that is cut or damaged, -ENOTSUP for one of a kind
 *         that is not read; with @p err's text saying what and where
 */
int s2_dat_check(int fd, struct s2_dat_layout *layout, struct s2_error *err);

#endif
