/* SPDX-License-Identifier: MIT */
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support.h"

static void set_template(char path[S2_TEST_PATH])
{
	const char *dir = getenv("TMPDIR");
	int len = snprintf(path, S2_TEST_PATH, "%s/s2-test-XXXXXX", dir != NULL ? dir : ".");

	assert_true(len > 0 && len < S2_TEST_PATH);
}

void s2_test_temp_file(char path[S2_TEST_PATH], const void *bytes, size_t len)
{
	int fd;

	set_template(path);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_i64(write(fd, bytes, len), (int64_t)len);
	assert_int_equal(close(fd), 0);
}

void s2_test_temp_dir(char path[S2_TEST_PATH])
{
	set_template(path);
	assert_non_null(mkdtemp(path));
}
