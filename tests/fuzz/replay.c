/* SPDX-License-Identifier: MIT */
/* Any bytes as a log: the reader and the replay may refuse them, never crash. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "study/replay/replay_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path, FILE *out)
{
	struct s2_replay_job job = {
		.path = path,
		.flavour = s2_flavour_find("newest"),
		.format = S2_REPORT_CSV,
		.compare = true,
		.keep_going = true,
	};
	struct s2_replay_outcome outcome;
	struct s2_error err;

	if (!s2_features_preset("max", &job.features))
		s2_replay_log(&job, out, &outcome, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "fuzz-replay-XXXXXX";
	int fd = mkstemp(path);
	FILE *out = tmpfile();

	if (fd >= 0 && out && write(fd, data, size) == (ssize_t)size)
		replay(path, out);
	if (out)
		fclose(out);
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return 0;
}
