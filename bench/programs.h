/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The programs that compare policies: each is a table, of which main.c makes
 * a program of its own, and s2-all one screen of all of them.
 */
#ifndef STAGE2SIM_BENCH_PROGRAMS_H
#define STAGE2SIM_BENCH_PROGRAMS_H

#include "study/run/program.h"

extern const struct s2_program s2_boot_program, s2_migrate_program, s2_teardown_program,
	s2_sgi_program, s2_context_program;

#endif
