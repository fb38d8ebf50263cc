/* SPDX-License-Identifier: MIT */
/* Any bytes as a layout of MPIDRs, a schedule and a flavour: refused with a text, or of sense. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stage2sim/flavour.h>

#include "study/scenario/schedule.h"
#include "study/work/sgi_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which of them did not is in the stack's line. */
#define must(holds) ((holds) ? (void)0 : abort())

#define VCPUS 20

static void as_layout(const char *spec)
{
	struct s2_mpidr *mpidrs = NULL;
	struct s2_error err = {0, ""};

	if (s2_sgi_layout(spec, VCPUS, &mpidrs, &err) < 0) {
		must(err.text[0] != '\0');
		return;
	}
	for (unsigned i = 0; i < VCPUS; i++)
		for (unsigned k = 0; k < i; k++)
			must(mpidrs[i].v != mpidrs[k].v);
	free(mpidrs);
}

static void as_schedule(const char *path)
{
	struct s2_error err = {0, ""};
	bool found;
	FILE *out = fopen("/dev/null", "w");

	if (out == NULL)
		return;
	must(s2_schedule_replay(path, out, NULL, &found, &err) == 0 || err.text[0] != '\0');
	fclose(out);
}

static void as_flavour(const char *text)
{
	struct s2_flavour flavour;
	size_t bad = 0;

	if (s2_flavour_parse(text, &flavour, &bad) == 0)
		must(s2_flavour_check(&flavour) == 0);
	else
		must(bad <= strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "./fuzz-layout-XXXXXX";
	char *text = calloc(size + 1, 1);
	int fd = mkstemp(path);

	must(text != NULL);
	if (size != 0)
		memcpy(text, data, size);
	as_flavour(text);
	if (strchr(text, '/') == NULL && size < 64)
		as_layout(text);
	if (fd >= 0) {
		if (write(fd, data, size) == (ssize_t)size) {
			as_layout(path);
			as_schedule(path);
		}
		close(fd);
		unlink(path);
	}
	free(text);
	return 0;
}
