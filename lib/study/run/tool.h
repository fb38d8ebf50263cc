/* SPDX-License-Identifier: MIT */
/**
 * @file
 * main() of a program that compares no policies: options, help, version, then its own work.
 *
 *     tool's table --> options, operands --> --help, --version, --machine help, or run()
 */
#ifndef STAGE2SIM_STUDY_TOOL_H
#define STAGE2SIM_STUDY_TOOL_H

#include "study/option/options.h"
#include "study/run/program.h"

struct s2_tool {
	const char *name;
	const char *about;	  /**< help before the options: how it is called, what it does */
	void (*about_end)(FILE *out); /**< help after them */
	const struct s2_option *options;
	size_t n_options;
	void *settings; /**< what the options fill; the three below are fields of it */
	const bool *help, *version;
	const char *const *machine; /**< or NULL: --machine help is no request */

	const char *operands; /**< which are expected, in words */
	size_t min_operands, max_operands;

	/** @return an enum s2_exit; with S2_EXIT_USAGE @p err says why */
	int (*run)(const struct s2_command_line *line, struct s2_error *err);
};

/** Runs @p tool. @return the exit status */
S2_API int s2_tool_main(const struct s2_tool *tool, int argc, char **argv);

#endif
