/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a log of instructions: refused with a text, or checked; no instruction may
 * make the machine or the oracle crash, and what is said is the same the second time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/check/check_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which of them did not is in the stack's line. */
#define must(holds) ((holds) ? (void)0 : abort())

/* What is said of the log, to be freed. */
static char *check(const char *path, struct s2_check_outcome *outcome)
{
	struct s2_check_job job = {.path = path, .cpus = 4, .keep = 4, .at_end = true};
	struct s2_error err = {0, ""};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	must(out != NULL && s2_features_preset("max", &job.features) == 0);
	*outcome = (struct s2_check_outcome){0};
	if (s2_check_log(&job, out, outcome, &err) < 0) {
		must(err.text[0] != '\0');
		fputs(err.text, out);
	}
	must(fclose(out) == 0);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "fuzz-check-XXXXXX";
	struct s2_check_outcome first, second;
	int fd = mkstemp(path);

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		char *one = check(path, &first), *two = check(path, &second);

		must(!strcmp(one, two) && first.violations == second.violations);
		free(one);
		free(two);
	}
	close(fd);
	unlink(path);
	return 0;
}
