/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A run written as the instructions that its hypervisor issues, in place of a report.
 *
 *     --log FORM --> insn_log --> the workload's machine --> lines
 */
#ifndef STAGE2SIM_STUDY_INSN_LOG_H
#define STAGE2SIM_STUDY_INSN_LOG_H

#include <stage2sim/log.h>

/** Where the instructions of a run go. */
struct s2_insn_log {
	struct s2_log_config config;
	struct s2_log *log; /**< while it lasts */
	uint64_t left_out;  /**< that the form has no place for */
	int error;	    /**< what writing them returned */
};

#endif
