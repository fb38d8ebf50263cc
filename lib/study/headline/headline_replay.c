/* SPDX-License-Identifier: MIT */
/* A real host's log, predicted and then asked of other machines; see headline.h. */
#include <errno.h>
#include <stdio.h>

#include "study/headline/headline.h"
#include "study/option/machine.h"

/* The first is the log's own machine, and is compared with it; the others cannot be. */
static const struct s2_headline_replay machines[S2_HEADLINE_REPLAYS] = {
	{.machine = "max"},
	{.machine = "max", .flavour = "oldest"},
	{.machine = "max,-fwb,-tlbirange"},
	{.machine = "max,-fwb,-tlbirange,-dic"},
};

static int replay_one(const char *log, struct s2_headline_replay *replay, bool compare,
		      FILE *nowhere, struct s2_error *err)
{
	struct s2_replay_job job = {.path = log, .format = S2_REPORT_CSV, .compare = compare};
	struct s2_flavour flavour;
	int r = s2_machine_parse(replay->machine, &job.features, err);

	if (r == 0 && replay->flavour != NULL) {
		r = s2_machine_flavour(replay->flavour, &flavour, err);
		job.flavour = &flavour;
	}
	return r == 0 ? s2_replay_log(&job, nowhere, &replay->outcome, err) : r;
}

int s2_headline_replay(const char *log, struct s2_headline *headline, struct s2_error *err)
{
	FILE *nowhere = tmpfile();
	int r = 0;

	if (nowhere == NULL) {
		s2_error_set(err, S2_OPTIONS_MEMORY, "cannot make a temporary file");
		return -EIO;
	}
	headline->log = log;
	for (size_t i = 0; i < S2_HEADLINE_REPLAYS && r == 0; i++) {
		headline->replay[i] = machines[i];
		r = replay_one(log, &headline->replay[i], i == 0, nowhere, err);
		headline->n_replays += r == 0;
	}
	(void)fclose(nowhere);
	return r;
}
