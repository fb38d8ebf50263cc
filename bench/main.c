/* SPDX-License-Identifier: MIT */
/* main() of each program in programs.h; the build says of which. */
#include "programs.h"

int main(int argc, char **argv)
{
	return s2_program_main(&S2_PROGRAM, argc, argv, stdout, stderr);
}
