/* SPDX-License-Identifier: MIT */
/* What dat_maker.c fills, page by page, and dat_maker_file.c makes a file of. */
#ifndef STAGE2SIM_TESTS_STUDY_DAT_MAKER_PARTS_H
#define STAGE2SIM_TESTS_STUDY_DAT_MAKER_PARTS_H

#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "study/log/dat_maker.h"

#define PAGE	   4096U
#define PAGE_HEAD  16U
#define DELTA_BITS 27
#define MAX_EVENTS 64
#define MAX_FIELDS 8

struct bytes {
	unsigned char *p;
	size_t n, room;
};

struct field {
	char name[32], type[32];
	unsigned offset, size;
	bool is_signed;
};

struct format {
	char system[16], name[32];
	unsigned id, n_fields, size;
	struct field fields[MAX_FIELDS];
	char *text;
};

/* A CPU's pages; the last one is being filled. */
struct pages {
	struct bytes all;
	size_t page; /* where the last one begins */
	uint64_t time;
	bool lost;
};

struct dat_maker {
	struct dat_maker_form form;
	struct format formats[MAX_EVENTS];
	unsigned n_formats;
	struct pages pages[DAT_MAKER_BUFFERS][DAT_MAKER_CPUS];
	struct bytes cmdlines, file;
	int pids[64];
	unsigned n_pids;
};

/* The number of ftrace's own event of a write to trace_marker. */
#define PRINT_ID 5U

/* The fields that all events have. */
#define COMMON_FIELDS                                                          \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\t"    \
	"signed:0;\n"                                                          \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

/* Fills the last page up. */
void dat_maker_close_page(const struct dat_maker *m, struct pages *p);

/* ---- bytes ---- */

static inline unsigned char *room_for(struct bytes *b, size_t n)
{
	if (b->n + n > b->room) {
		b->room = 2 * (b->n + n);
		b->p = realloc(b->p, b->room);
		assert_non_null(b->p);
	}
	memset(b->p + b->n, 0, n);
	b->n += n;
	return b->p + b->n - n;
}

static inline void put(struct bytes *b, const void *from, size_t n)
{
	if (n > 0)
		memcpy(room_for(b, n), from, n);
}

static inline void put_word(struct bytes *b, const char *word)
{
	put(b, word, strlen(word) + 1);
}

static inline void set_number(const struct dat_maker *m, unsigned char *to, unsigned size,
			      uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		to[m->form.big_endian ? size - 1 - i : i] = (unsigned char)(v >> (8 * i));
}

static inline void number(const struct dat_maker *m, struct bytes *b, unsigned size, uint64_t v)
{
	set_number(m, room_for(b, size), size, v);
}

static inline void put_sized(const struct dat_maker *m, struct bytes *b, unsigned size,
			     const void *from, size_t n)
{
	number(m, b, size, n);
	put(b, from, n);
}

#endif
