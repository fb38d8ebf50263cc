/* SPDX-License-Identifier: MIT */
#include "study/log/trace_dat_layout.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "study/log/trace_dat.h"
#include "study/log/trace_dat_bytes.h"
#include "study/log/trace.h"

/* Options and sections, by their number in the file. */
enum dat_option {
	DAT_DONE = 0,
	DAT_BUFFER = 3,
	DAT_UNAME = 5,
	DAT_CPUCOUNT = 8,
	DAT_HEADER_INFO = 16,
	DAT_FTRACE_EVENTS = 17,
	DAT_EVENT_FORMATS = 18,
	DAT_KALLSYMS = 19,
	DAT_PRINTK = 20,
	DAT_CMDLINES = 21,
};

/* Sections without which there are no events. */
#define DAT_NEEDED                                                            \
	(1U << DAT_BUFFER | 1U << DAT_HEADER_INFO | 1U << DAT_FTRACE_EVENTS | \
	 1U << DAT_EVENT_FORMATS | 1U << DAT_CMDLINES)
#define DAT_COMPRESSED	1U    /* flag of a section */
#define DAT_OPTIONS_MAX 4096U /* sections of options: more are a circle */
#define DAT_CPUS_MAX	8192U /* arm64 has up to 4096 */

/* A page of the ring buffer: its time, how much of it is used and flags, the records. */
#define PAGE_HEAD	 16U
#define PAGE_USED	 ((1U << 27) - 1)
#define PAGE_LOST_STORED (1U << 30) /* a count of lost events stands behind the records */
#define PAGE_MIN	 4096U
#define PAGE_MAX	 (1U << 26)

/* ---- formats ---- */

/* That pages are as check_page() takes them, which all of 64-bit kernels are. */
static bool check_page_format(struct s2_dat_file *f)
{
	static const char *const fields[] = {
		" timestamp;\toffset:0;\tsize:8;",
		" commit;\toffset:8;\tsize:8;",
		" data;\toffset:16;\tsize:",
	};
	char text[1024];
	uint64_t size;

	if (!s2_dat_number(f, 8, &size))
		return false;
	if (size >= sizeof(text))
		return s2_dat_damaged(f, "longer than it can be");
	if (!s2_dat_get(f, text, (size_t)size))
		return false;
	text[size] = '\0';
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!strstr(text, fields[i]))
			return s2_dat_damaged(f, "not that of a 64-bit kernel");
	return true;
}

static bool check_headers(struct s2_dat_file *f)
{
	f->part = "format of pages";
	if (!s2_dat_text(f, "header_page", 12) || !check_page_format(f))
		return false;
	return s2_dat_text(f, "header_event", 13) && s2_dat_sized(f, 8);
}

static bool check_formats(struct s2_dat_file *f)
{
	uint64_t n;

	if (!s2_dat_number(f, 4, &n))
		return false;
	while (n-- > 0)
		if (!s2_dat_sized(f, 8))
			return false;
	return true;
}

static bool check_ftrace_formats(struct s2_dat_file *f)
{
	f->part = "formats of ftrace's events";
	return check_formats(f);
}

static bool check_systems(struct s2_dat_file *f)
{
	char system[64];
	uint64_t n;

	f->part = "formats of events";
	if (!s2_dat_number(f, 4, &n))
		return false;
	while (n-- > 0)
		if (!s2_dat_word(f, system, sizeof(system)) || !check_formats(f))
			return false;
	return true;
}

static bool check_kallsyms(struct s2_dat_file *f)
{
	f->part = "kernel's symbols";
	return s2_dat_sized(f, 4);
}

static bool check_printk(struct s2_dat_file *f)
{
	f->part = "printk formats";
	return s2_dat_sized(f, 4);
}

static bool check_cmdlines(struct s2_dat_file *f)
{
	f->part = "names of tasks";
	return s2_dat_sized(f, 8);
}

/* ---- pages ---- */

/* Bytes of the record at @at, of which @left are there; 0: more than that. */
static uint64_t record_size(const struct s2_dat_file *f, const unsigned char *at, uint32_t left)
{
	uint64_t head, size;
	unsigned type;

	if (left < 4)
		return 0;
	head = s2_dat_number_at(f, at, 4);
	type = (unsigned)(f->big ? head >> 27 : head & 31);
	if (type >= 30)
		size = 8; /* a time */
	else if (type == 29 && !(f->big ? head & PAGE_USED : head >> 5))
		return left; /* nothing more */
	else if (type != 0 && type != 29)
		size = 4 + 4 * (uint64_t)type;
	else if (left < 8 || s2_dat_number_at(f, at + 4, 4) < 4)
		return 0;
	else
		size = 4 + ((s2_dat_number_at(f, at + 4, 4) + 3) & ~(uint64_t)3);
	return size <= left ? size : 0;
}

static bool check_page(struct s2_dat_file *f, uint32_t have)
{
	const uint64_t head = s2_dat_number_at(f, f->room + 8, 8);
	uint32_t used = (uint32_t)head & PAGE_USED, at = 0;

	if (used > have - PAGE_HEAD || ((head & PAGE_LOST_STORED) && used + 8 > have - PAGE_HEAD))
		return s2_dat_damaged(f, "a page that is more than full");
	while (at < used) {
		const uint64_t n = record_size(f, f->room + PAGE_HEAD + at, used - at);

		if (!n)
			return s2_dat_damaged(f, "a record that is longer than its page");
		at += (uint32_t)n;
	}
	return true;
}

/* From here to the end. */
static bool check_all_pages(struct s2_dat_file *f)
{
	while (f->pos < f->end) {
		const uint64_t left = f->end - f->pos;
		const uint32_t have = left < f->page ? (uint32_t)left : f->page;

		if (have < PAGE_HEAD)
			return s2_dat_damaged(f, "a page that is cut");
		if (!s2_dat_get(f, f->room, have) || !check_page(f, have))
			return false;
	}
	return true;
}

static bool check_chunks(struct s2_dat_file *f)
{
	uint64_t n;

	if (!s2_dat_number(f, 4, &n))
		return false;
	while (n-- > 0)
		if (!s2_dat_packed(f, check_all_pages))
			return false;
	return true;
}

static bool check_cpu(struct s2_dat_file *f, uint64_t offset, uint64_t size, bool compressed)
{
	f->part = "data of a CPU";
	f->pos = offset;
	f->end = f->size;
	if (size == 0)
		return true;
	if (offset > f->end || size > f->end - offset)
		return s2_dat_cut(f, size);
	if (compressed)
		return check_chunks(f);
	f->end = offset + size;
	if (offset % f->page)
		return s2_dat_damaged(f, "pages that are not aligned");
	return check_all_pages(f);
}

/* Version 6: where each CPU's pages are. */
static bool check_flyrecord(struct s2_dat_file *f)
{
	const uint64_t end = f->end;

	for (uint32_t cpu = 0; cpu < f->cpus; cpu++) {
		uint64_t offset, size, next;

		f->part = "table of CPUs";
		if (!s2_dat_number(f, 8, &offset) || !s2_dat_number(f, 8, &size))
			return false;
		next = f->pos;
		if (!check_cpu(f, offset, size, false))
			return false;
		f->pos = next;
		f->end = end;
	}
	return true;
}

/* Version 7: a CPU's pages, or the chunks that they are compressed to. */
static bool check_buffer_cpu(struct s2_dat_file *f, bool compressed)
{
	const uint64_t end = f->end;
	uint64_t cpu, offset, size, next;

	if (!s2_dat_number(f, 4, &cpu) || !s2_dat_number(f, 8, &offset) ||
	    !s2_dat_number(f, 8, &size))
		return false;
	if (cpu >= DAT_CPUS_MAX)
		return s2_dat_damaged(f, "a number of a CPU that cannot be");
	next = f->pos;
	if (!check_cpu(f, offset, size, compressed))
		return false;
	f->pos = next;
	f->end = end;
	return true;
}

/* ---- options ---- */

/* "Linux host 6.12.107 aarch64" */
static bool option_uname(struct s2_dat_file *f, uint64_t size)
{
	char text[256];

	memset(text, 0, sizeof(text));
	if (!s2_dat_get(f, text, size < sizeof(text) ? (size_t)size : sizeof(text) - 1))
		return false;
	(void)sscanf(text, "%*s %*s %64s %16s", f->layout->release, f->layout->machine);
	return true;
}

static bool option_cpus(struct s2_dat_file *f)
{
	uint64_t cpus;

	if (!s2_dat_number(f, 4, &cpus))
		return false;
	return (cpus > 0 && cpus < DAT_CPUS_MAX) ||
	       s2_dat_damaged(f, "CPUs that cannot be so many");
}

static bool section_head(struct s2_dat_file *f, uint64_t id, bool *compressed)
{
	uint64_t found, flags, name, size;

	if (!s2_dat_number(f, 2, &found) || !s2_dat_number(f, 2, &flags) ||
	    !s2_dat_number(f, 4, &name) || !s2_dat_number(f, 8, &size))
		return false;
	if (found != id)
		return s2_dat_damaged(f, "another section than was to be here");
	if (f->pos > f->end || size > f->end - f->pos)
		return s2_dat_cut(f, size);
	f->end = f->pos + size;
	*compressed = flags & DAT_COMPRESSED;
	return true;
}

static bool check_section(struct s2_dat_file *f, uint64_t id, uint64_t offset)
{
	static bool (*const check[])(struct s2_dat_file * f) = {
		[DAT_HEADER_INFO] = check_headers,   [DAT_FTRACE_EVENTS] = check_ftrace_formats,
		[DAT_EVENT_FORMATS] = check_systems, [DAT_KALLSYMS] = check_kallsyms,
		[DAT_PRINTK] = check_printk,	     [DAT_CMDLINES] = check_cmdlines,
	};
	bool compressed;

	f->part = "section";
	f->pos = offset;
	f->end = f->size;
	if (!section_head(f, id, &compressed))
		return false;
	f->found |= 1U << id;
	return compressed ? s2_dat_packed(f, check[id]) : check[id](f);
}

/* A buffer of version 7: its section, its name, its CPUs. */
static bool option_buffer(struct s2_dat_file *f)
{
	const uint64_t end = f->end;
	uint64_t offset, page, n, next;
	char word[64];
	bool compressed;

	if (!s2_dat_number(f, 8, &offset) || !s2_dat_word(f, word, sizeof(word)) ||
	    !s2_dat_word(f, word, sizeof(word)) || !s2_dat_number(f, 4, &page) ||
	    !s2_dat_number(f, 4, &n))
		return false;
	if (page != f->page)
		return s2_dat_damaged(f, "pages of two sizes");
	next = f->pos;
	f->pos = offset;
	f->end = f->size;
	if (!section_head(f, DAT_BUFFER, &compressed))
		return false;
	f->found |= 1U << DAT_BUFFER;
	f->pos = next;
	f->end = end;
	while (n-- > 0) {
		f->part = "options";
		if (!check_buffer_cpu(f, compressed))
			return false;
	}
	return true;
}

/* One of version 7, but for the last; @p end is its end. */
static bool check_option(struct s2_dat_file *f, uint64_t id, uint64_t size)
{
	uint64_t offset;

	switch (id) {
	case DAT_CPUCOUNT:
		return option_cpus(f);
	case DAT_UNAME:
		return option_uname(f, size);
	case DAT_BUFFER:
		return option_buffer(f);
	case DAT_HEADER_INFO:
	case DAT_FTRACE_EVENTS:
	case DAT_EVENT_FORMATS:
	case DAT_KALLSYMS:
	case DAT_PRINTK:
	case DAT_CMDLINES:
		return s2_dat_number(f, 8, &offset) && check_section(f, id, offset);
	default:
		return true;
	}
}

/* A section of options; *@p next is where the next one is, 0: there is none. */
static bool check_options(struct s2_dat_file *f, uint64_t offset, uint64_t *next)
{
	uint64_t end, id, size, at;
	bool compressed;

	f->part = "options";
	f->pos = offset;
	f->end = f->size;
	if (!section_head(f, DAT_DONE, &compressed))
		return false;
	if (compressed)
		return s2_dat_damaged(f, "they are compressed");
	for (end = f->end;; f->pos = at + size) {
		f->part = "options";
		f->end = end;
		if (!s2_dat_number(f, 2, &id) || !s2_dat_number(f, 4, &size))
			return false;
		if (id == DAT_DONE)
			return s2_dat_number(f, 8, next);
		at = f->pos;
		if (!s2_dat_skip(f, size))
			return false;
		f->pos = at;
		f->end = at + size;
		if (!check_option(f, id, size))
			return false;
	}
}

static bool check_version_7(struct s2_dat_file *f)
{
	char algorithm[32], version[32];
	uint64_t next;

	f->part = "head";
	if (!s2_dat_word(f, algorithm, sizeof(algorithm)) ||
	    !s2_dat_word(f, version, sizeof(version)) || !s2_dat_number(f, 8, &next))
		return false;
	f->zstd = !strcmp(algorithm, "zstd");
	for (unsigned n = 0; next != 0; n++) {
		if (n == DAT_OPTIONS_MAX)
			return s2_dat_damaged(f, "options that go round in a circle");
		if (!check_options(f, next, &next))
			return false;
	}
	return (f->found & DAT_NEEDED) == DAT_NEEDED ||
	       s2_dat_damaged(f, "formats or data of CPUs are missing");
}

/* A buffer besides the first: what the file has of it stands at @p offset. */
static bool option_buffer_6(struct s2_dat_file *f)
{
	uint64_t offset;

	if (!s2_dat_number(f, 8, &offset))
		return false;
	f->pos = offset;
	f->end = f->size;
	f->part = "buffer";
	return s2_dat_text(f, "flyrecord", 10) && check_flyrecord(f);
}

static bool check_options_6(struct s2_dat_file *f)
{
	uint64_t id, size, at;

	for (;; f->pos = at + size) {
		f->part = "options";
		f->end = f->size;
		if (!s2_dat_number(f, 2, &id))
			return false;
		if (id == DAT_DONE)
			return true;
		if (!s2_dat_number(f, 4, &size))
			return false;
		at = f->pos;
		if (!s2_dat_skip(f, size))
			return false;
		f->pos = at;
		if ((id == DAT_UNAME && !option_uname(f, size)) ||
		    (id == DAT_CPUCOUNT && !option_cpus(f)) ||
		    (id == DAT_BUFFER && !option_buffer_6(f)))
			return false;
	}
}

static bool check_version_6(struct s2_dat_file *f)
{
	uint64_t cpus;
	char what[10];

	if (!check_headers(f) || !check_ftrace_formats(f) || !check_systems(f) ||
	    !check_kallsyms(f) || !check_printk(f) || !check_cmdlines(f))
		return false;
	f->part = "number of CPUs";
	if (!s2_dat_number(f, 4, &cpus))
		return false;
	if (cpus == 0 || cpus >= DAT_CPUS_MAX)
		return s2_dat_damaged(f, "it cannot be");
	f->cpus = (uint32_t)cpus;
	f->part = "options";
	if (!s2_dat_get(f, what, sizeof(what)))
		return false;
	if (!memcmp(what, "options  ", 10) &&
	    (!check_options_6(f) || !s2_dat_get(f, what, sizeof(what))))
		return false;
	if (!memcmp(what, "flyrecord", 10))
		return check_flyrecord(f);
	return s2_dat_damaged(f, "no data of CPUs: not a recording of events");
}

/* ---- the file ---- */

static bool check_head(struct s2_dat_file *f, char *version, size_t room)
{
	unsigned char kind[2];
	uint64_t page;

	f->part = "head";
	if (!s2_dat_text(f, S2_DAT_MAGIC, S2_DAT_MAGIC_LEN) || !s2_dat_word(f, version, room) ||
	    !s2_dat_get(f, kind, sizeof(kind)))
		return false;
	f->big = kind[0] == 1;
	if (!s2_dat_number(f, 4, &page))
		return false;
	if (kind[0] > 1 || page < PAGE_MIN || page > PAGE_MAX || (page & (page - 1)) != 0)
		return s2_dat_damaged(f, "neither a byte order nor a size of pages that can be");
	if (kind[1] != 8)
		return s2_dat_unread(f, "of a 32-bit system: expected one of arm64");
	f->page = (uint32_t)page;
	f->room = malloc(page);
	return f->room || s2_dat_no_memory(f);
}

int s2_dat_check(int fd, struct s2_dat_layout *layout, struct s2_error *err)
{
	struct s2_dat_file f = {.fd = fd, .layout = layout, .err = err};
	struct stat st;
	char version[8];

	*layout = (struct s2_dat_layout){.release = ""};
	if (fstat(fd, &st) != 0)
		return -errno;
	f.size = f.end = (uint64_t)st.st_size;
	if (check_head(&f, version, sizeof(version))) {
		if (!strcmp(version, "6"))
			check_version_6(&f);
		else if (!strcmp(version, "7"))
			check_version_7(&f);
		else
			s2_dat_unread(&f,
				      "of another version than 6 or 7: give its text (trace-cmd "
				      "report -i FILE)");
	}
	free(f.room);
	return f.ret;
}
