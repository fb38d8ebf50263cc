/* SPDX-License-Identifier: MIT */
/* Where output goes; see output.h. */
#include "study/run/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int write_all(FILE *out, const char *text, size_t size)
{
	if (fwrite(text, 1, size, out) != size || fflush(out) != 0)
		return errno != 0 ? -errno : -EIO;
	return 0;
}

/** Writes into a new file beside @p path and moves it there, so that it is whole or not there. */
static int write_beside(const char *path, const char *text, size_t size)
{
	const size_t room = strlen(path) + sizeof(".part");
	char *part = malloc(room);
	FILE *out;
	int r;

	if (part == NULL)
		return -ENOMEM;
	(void)snprintf(part, room, "%s.part", path);
	out = fopen(part, "w");
	r = out != NULL ? write_all(out, text, size) : -errno;
	if (out != NULL && fclose(out) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(part, path) != 0)
		r = -errno;
	if (r < 0 && out != NULL)
		(void)remove(part);
	free(part);
	return r;
}

/** A device, a pipe or a link must not be replaced by a file. */
static int write_into(const char *path, const char *text, size_t size)
{
	FILE *out = fopen(path, "w");
	int r;

	if (out == NULL)
		return -errno;
	r = write_all(out, text, size);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	return r;
}

int s2_output_write(const char *path, FILE *out, const char *text, size_t size)
{
	struct stat st;

	if (path == NULL)
		return write_all(out, text, size);
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_into(path, text, size);
	return write_beside(path, text, size);
}
