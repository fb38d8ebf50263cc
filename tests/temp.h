/* SPDX-License-Identifier: MIT */
/* Files that a test needs for a moment, in $TMPDIR, else in this folder. */
#ifndef STAGE2SIM_TESTS_TEMP_H
#define STAGE2SIM_TESTS_TEMP_H

#include <stddef.h>

#define S2_TEST_PATH 256

/* A new file of @bytes; its name in @path.  It is the caller's to remove. */
void s2_test_temp_file(char path[S2_TEST_PATH], const void *bytes, size_t len);
/* A new folder, likewise. */
void s2_test_temp_dir(char path[S2_TEST_PATH]);

#endif
