/* SPDX-License-Identifier: MIT */
/* Any bytes as a file of memory slots: refused with a text, or slots in order that are apart. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "study/replay/memslots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which of them did not is in the stack's line. */
#define must(holds) ((holds) ? (void)0 : abort())

static void look(const struct s2_memslots *slots, uint64_t page_size)
{
	uint64_t end = 0;

	must(slots->count >= 1 && slots->count <= S2_MEMSLOTS_MAX);
	for (size_t i = 0; i < slots->count; i++) {
		const struct s2_memslot_line *s = &slots->slot[i];

		must(s->size && !((s->ipa.v | s->size) & (page_size - 1)));
		must(s->ipa.v >= end && s->size - 1 <= UINT64_MAX - s->ipa.v);
		must(s2_memslots_find(slots, s->ipa) == s);
		must(s2_memslots_find(slots, s2_ipa(s->ipa.v + s->size - 1)) == s);
		end = s->ipa.v + s->size;
		must(end || i + 1 == slots->count);
	}
	s2_memslots_find(slots, s2_ipa(UINT64_MAX));
}

static void load(const char *path, uint64_t page_size)
{
	struct s2_memslots slots = {0, NULL};
	struct s2_error err = {0, ""};

	if (s2_memslots_load(path, page_size, &slots, &err))
		must(err.text[0] && err.code);
	else
		look(&slots, page_size);
	s2_memslots_free(&slots);
	s2_memslots_free(&slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "fuzz-memslots-XXXXXX";
	const int fd = mkstemp(path);

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		load(path, 4096);
		load(path, 65536);
	}
	close(fd);
	unlink(path);
	return 0;
}
