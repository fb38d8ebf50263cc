/* SPDX-License-Identifier: MIT */
#include "study/log/trace_unpack.h"

#include <errno.h>
#include <string.h>

const struct s2_unpacker *s2_unpacker_of(const void *head, size_t len)
{
	static const struct s2_unpacker *const known[] = {&s2_gzip, &s2_zstd, &s2_xz};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len >= known[i]->magic_len &&
		    !memcmp(head, known[i]->magic, known[i]->magic_len))
			return known[i];
	return NULL;
}

int s2_unpack_cannot(const void *head, size_t len, void **stream)
{
	(void)head;
	(void)len;
	(void)stream;
	return -ENOTSUP;
}
