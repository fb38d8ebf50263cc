/* SPDX-License-Identifier: MIT */
/*
 * A trace.dat made of ftrace's text: each line's numbers become the fields of a
 * record, in the ring-buffer page of the line's CPU.
 *
 * Written by hand after trace-cmd.dat.v6(5) and v7(5): libtracecmd's installed
 * header writes none.  Formats are those of tests/data/traces/formats.txt,
 * recorded on arm64.
 */
#ifndef STAGE2SIM_TESTS_STUDY_DAT_MAKER_H
#define STAGE2SIM_TESTS_STUDY_DAT_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAT_MAKER_CPUS	  4
#define DAT_MAKER_BUFFERS 2

/* How the file is to be. */
struct dat_maker_form {
	int version; /* 6 or 7 */
	bool big_endian;
	bool zstd;	     /* compressed; version 7, where there is libzstd */
	bool newer;	     /* probes print the owner, and the slot of commit_region */
	bool moved;	     /* fields lie elsewhere than in the formats recorded */
	const char *uname;   /* "Linux host 6.12.107 aarch64", or NULL */
	const char *second;  /* name of a second buffer, or NULL */
	const char *without; /* a field that no event has, or NULL */
	const char *foreign; /* another name of the event that is of no interest, or NULL */
	unsigned longs;	     /* bytes of a long, 0: 8 */
};

struct dat_maker;

struct dat_maker *dat_maker_new(const struct dat_maker_form *form);
void dat_maker_free(struct dat_maker *m);

/* Adds the record of a line (with or without its newline) to a buffer, 0 or 1; comments are passed over. */
void dat_maker_line(struct dat_maker *m, unsigned buffer, const char *line);
/* The records of a CPU go on in a page that says that events were lost before it. */
void dat_maker_lose(struct dat_maker *m, unsigned buffer, unsigned cpu);
/* All lines of a text. */
void dat_maker_text(struct dat_maker *m, unsigned buffer, const char *text);
/* All lines of a log, compressed or not. */
void dat_maker_log(struct dat_maker *m, unsigned buffer, const char *path);

/* The file's bytes; the maker's until it is freed. */
const unsigned char *dat_maker_bytes(struct dat_maker *m, size_t *len);

#endif
