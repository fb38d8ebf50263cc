/* SPDX-License-Identifier: MIT */
#include "study/run/tool.h"

#include <errno.h>
#include <string.h>

#include "study/option/machine.h"

static void write_help(const struct s2_tool *tool, const struct s2_option_table *table)
{
	(void)fputs(tool->about, stdout);
	s2_options_help(table, stdout);
	tool->about_end(stdout);
}

static int check_operands(const struct s2_tool *tool, const struct s2_command_line *line,
			  struct s2_error *err)
{
	if (line->n_operands >= tool->min_operands && line->n_operands <= tool->max_operands)
		return 0;
	s2_error_set(err, S2_OPTIONS_UNWANTED, "expected %s; see --help", tool->operands);
	return -EINVAL;
}

static int run(const struct s2_tool *tool, const struct s2_option_table *table,
	       const struct s2_command_line *line, struct s2_error *err)
{
	if (s2_options_apply(table, 0, line, err))
		return S2_EXIT_USAGE;
	if (*tool->help)
		write_help(tool, table);
	else if (*tool->version)
		(void)printf("%s " S2_VERSION "\n", tool->name);
	else if (tool->machine && !strcmp(*tool->machine, "help"))
		s2_machine_help(stdout);
	else if (check_operands(tool, line, err))
		return S2_EXIT_USAGE;
	else
		return tool->run(line, err);
	return S2_EXIT_DONE;
}

int s2_tool_main(const struct s2_tool *tool, int argc, char **argv)
{
	const struct s2_option_table table = {
		.options = tool->options, .n = tool->n_options, .settings = tool->settings};
	struct s2_command_line line = {0};
	struct s2_error err = {0};
	int ret = S2_EXIT_USAGE;

	if (argc == 2 && !strcmp(argv[1], S2_OPTIONS_LIST)) {
		s2_options_list(&table, NULL, stdout);
		return S2_EXIT_DONE;
	}
	if (!s2_options_defaults(&table, &err) &&
	    !s2_options_scan(&table, 1, argc, argv, &line, &err)) {
		ret = run(tool, &table, &line, &err);
		s2_command_line_free(&line);
	}
	if (ret == S2_EXIT_USAGE)
		(void)fprintf(stderr, "%s: %s\n", tool->name, err.text);
	return ret;
}
