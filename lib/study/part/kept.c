/* SPDX-License-Identifier: MIT */
#include "study/part/part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/run/output.h"

int s2_kept_write(const char *path, const struct s2_explore_result *result, struct s2_error *err)
{
	const int ret = s2_output_write(path, NULL, (const char *)result->saved, result->n_saved);

	if (ret)
		s2_error_set(err, 1, "%.80s: %s", path, strerror(-ret));
	return ret;
}

static int read_all(FILE *file, uint8_t **bytes, size_t *n)
{
	size_t cap = 1 << 16, got;

	*n = 0;
	*bytes = malloc(cap);
	while (*bytes && (got = fread(*bytes + *n, 1, cap - *n, file)) > 0) {
		uint8_t *more = *bytes;

		*n += got;
		if (*n == cap) {
			more = realloc(*bytes, 2 * cap);
			cap *= 2;
		}
		if (!more)
			free(*bytes);
		*bytes = more;
	}
	if (!*bytes)
		return -ENOMEM;
	return ferror(file) ? -EIO : 0;
}

int s2_kept_read(const char *path, uint8_t **bytes, size_t *n, struct s2_error *err)
{
	FILE *file = fopen(path, "rb");
	int ret = file ? read_all(file, bytes, n) : -EIO;

	if (ret)
		s2_error_set(err, 1, "%.80s: %s", path, strerror(ret == -ENOMEM ? ENOMEM : errno));
	if (file)
		fclose(file);
	return ret;
}
