/* SPDX-License-Identifier: MIT */
/* The file around the pages, in both versions. */
#include "study/log/dat_maker_parts.h"

#include <stdio.h>

#ifdef S2_HAVE_ZSTD
#include <zstd.h>
#endif

/* ---- sections ---- */

static void put_headers(const struct dat_maker *m, struct bytes *b)
{
	static const char page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				   "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
				   "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
				   "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";
	static const char event[] = "# compressed entry header\n\ttype_len    :    5 bits\n"
				    "\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n"
				    "\tpadding     : type == 29\n\ttime_extend : type == 30\n"
				    "\ttime_stamp : type == 31\n\tdata max type_len  == 28\n";

	put_word(b, "header_page");
	put_sized(m, b, 8, page, sizeof(page) - 1);
	put_word(b, "header_event");
	put_sized(m, b, 8, event, sizeof(event) - 1);
}

static void put_ftrace(const struct dat_maker *m, struct bytes *b)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "name: print\nID: %u\nformat:\n%s\tfield:unsigned long ip;\toffset:8;\tsize:8;\t"
		 "signed:0;\n\tfield:char buf[];\toffset:16;\tsize:0;\tsigned:0;\n\n"
		 "print fmt: \"%%ps: %%s\", (void *)REC->ip, REC->buf\n",
		 PRINT_ID, COMMON_FIELDS);
	number(m, b, 4, 1);
	put_sized(m, b, 8, text, strlen(text));
}

static void put_systems(const struct dat_maker *m, struct bytes *b)
{
	static const char *const systems[] = {"kvm", "kx", "syscalls"};

	number(m, b, 4, ARRAY_SIZE(systems));
	for (unsigned s = 0; s < ARRAY_SIZE(systems); s++) {
		unsigned n = 0;

		for (unsigned i = 0; i < m->n_formats; i++)
			n += !strcmp(m->formats[i].system, systems[s]);
		put_word(b, systems[s]);
		number(m, b, 4, n);
		for (unsigned i = 0; i < m->n_formats; i++)
			if (!strcmp(m->formats[i].system, systems[s]))
				put_sized(m, b, 8, m->formats[i].text, strlen(m->formats[i].text));
	}
}

static void put_nothing(const struct dat_maker *m, struct bytes *b)
{
	put_sized(m, b, 4, "", 0);
}

static void put_cmdlines(const struct dat_maker *m, struct bytes *b)
{
	put_sized(m, b, 8, m->cmdlines.p, m->cmdlines.n);
}

static unsigned buffers(const struct dat_maker *m)
{
	return m->form.second ? 2 : 1;
}

static void page_align(struct bytes *b)
{
	if (b->n % PAGE)
		room_for(b, PAGE - b->n % PAGE);
}

/* ---- what is compressed, in version 7 ---- */

/* Compressed and unpacked size, and what is compressed. */
static void put_packed(const struct dat_maker *m, struct bytes *b, const void *from, size_t n)
{
#ifdef S2_HAVE_ZSTD
	const size_t room = ZSTD_compressBound(n);
	void *to = malloc(room);
	size_t packed;

	assert_non_null(to);
	packed = ZSTD_compress(to, room, from, n, 3);
	assert_false(ZSTD_isError(packed));
	number(m, b, 4, packed);
	number(m, b, 4, n);
	put(b, to, packed);
	free(to);
#else
	(void)m;
	(void)b;
	(void)from;
	(void)n;
	skip();
#endif
}

/* What a section holds from @at on is compressed instead, and its head says so. */
static void pack_section(const struct dat_maker *m, struct bytes *b, size_t at)
{
	const size_t n = b->n - at;
	unsigned char *plain = malloc(n + 1);

	assert_non_null(plain);
	memcpy(plain, b->p + at, n);
	b->n = at;
	set_number(m, b->p + at - 14, 2, 1);
	put_packed(m, b, plain, n);
	free(plain);
}

/* A CPU's pages: how many chunks, and each of them. */
static void put_chunks(const struct dat_maker *m, struct bytes *b, const struct pages *p)
{
	const size_t pages = p->all.n / PAGE, chunks = (pages + 2) / 3;

	number(m, b, 4, chunks);
	for (size_t i = 0; i < chunks; i++)
		put_packed(m, b, p->all.p + 3 * i * PAGE,
			   (i + 1 < chunks ? 3 : pages - 3 * i) * PAGE);
}

/* ---- version 6 ---- */

/* A table of CPUs, whose entries are filled in when their pages are there. */
static size_t put_table(const struct dat_maker *m, struct bytes *b)
{
	size_t at;

	put_word(b, "flyrecord");
	at = b->n;
	for (unsigned cpu = 0; cpu < DAT_MAKER_CPUS; cpu++)
		number(m, b, 8, 0), number(m, b, 8, 0);
	return at;
}

static void put_pages(const struct dat_maker *m, struct bytes *b, unsigned buffer, size_t table,
		      unsigned step)
{
	for (unsigned cpu = 0; cpu < DAT_MAKER_CPUS; cpu++, table += step) {
		const struct pages *p = &m->pages[buffer][cpu];

		const size_t start = b->n;

		if (m->form.zstd && p->all.n) {
			put_chunks(m, b, p);
			set_number(m, b->p + table, 8, start);
			set_number(m, b->p + table + 8, 8, b->n - start);
			continue;
		}
		page_align(b);
		set_number(m, b->p + table, 8, b->n);
		set_number(m, b->p + table + 8, 8, p->all.n);
		put(b, p->all.p, p->all.n);
	}
}

static void put_version_6(struct dat_maker *m, struct bytes *b)
{
	size_t tables[DAT_MAKER_BUFFERS] = {0}, second = 0;

	put_headers(m, b);
	put_ftrace(m, b);
	put_systems(m, b);
	put_nothing(m, b);
	put_nothing(m, b);
	put_cmdlines(m, b);
	number(m, b, 4, DAT_MAKER_CPUS);
	put_word(b, "options  ");
	if (m->form.uname) {
		number(m, b, 2, 5);
		put_sized(m, b, 4, m->form.uname, strlen(m->form.uname) + 1);
	}
	if (m->form.second) {
		number(m, b, 2, 3);
		number(m, b, 4, 8 + strlen(m->form.second) + 1);
		second = b->n;
		number(m, b, 8, 0);
		put_word(b, m->form.second);
	}
	number(m, b, 2, 0);
	tables[0] = put_table(m, b);
	put_pages(m, b, 0, tables[0], 16);
	if (!m->form.second)
		return;
	set_number(m, b->p + second, 8, b->n);
	tables[1] = put_table(m, b);
	put_pages(m, b, 1, tables[1], 16);
}

/* ---- version 7 ---- */

static size_t begin_section(const struct dat_maker *m, struct bytes *b, unsigned id)
{
	number(m, b, 2, id);
	number(m, b, 2, 0);
	number(m, b, 4, 0);
	number(m, b, 8, 0);
	return b->n;
}

static void end_section(const struct dat_maker *m, struct bytes *b, size_t at)
{
	set_number(m, b->p + at - 8, 8, b->n - at);
}

static void put_section_option(const struct dat_maker *m, struct bytes *b, unsigned id, uint64_t at)
{
	number(m, b, 2, id);
	number(m, b, 4, 8);
	number(m, b, 8, at);
}

static void put_buffer_option(const struct dat_maker *m, struct bytes *b, unsigned buffer,
			      uint64_t section, size_t table)
{
	const char *name = buffer ? m->form.second : "";

	number(m, b, 2, 3);
	number(m, b, 4, 8 + strlen(name) + 1 + 6 + 8 + 20 * DAT_MAKER_CPUS);
	number(m, b, 8, section);
	put_word(b, name);
	put_word(b, "local");
	number(m, b, 4, PAGE);
	number(m, b, 4, DAT_MAKER_CPUS);
	for (unsigned cpu = 0; cpu < DAT_MAKER_CPUS; cpu++, table += 16) {
		unsigned char entry[16]; /* the file may move when it grows */

		memcpy(entry, b->p + table, sizeof(entry));
		number(m, b, 4, cpu);
		put(b, entry, sizeof(entry));
	}
}

static void put_version_7(struct dat_maker *m, struct bytes *b)
{
	static const struct {
		unsigned id;
		void (*put)(const struct dat_maker *m, struct bytes *b);
	} sections[] = {{16, put_headers}, {17, put_ftrace},  {18, put_systems},
			{19, put_nothing}, {20, put_nothing}, {21, put_cmdlines}};
	size_t first, at, starts[ARRAY_SIZE(sections)], tables[2], buffer_at[2];

	put_word(b, m->form.zstd ? "zstd" : "none");
	put_word(b, m->form.zstd ? "1.5.4" : "");
	first = b->n;
	number(m, b, 8, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(sections); i++) {
		starts[i] = b->n;
		at = begin_section(m, b, sections[i].id);
		sections[i].put(m, b);
		if (m->form.zstd)
			pack_section(m, b, at);
		end_section(m, b, at);
	}
	for (unsigned i = 0; i < buffers(m); i++) {
		/* Offsets and sizes are kept here until the option that has them is written. */
		tables[i] = b->n;
		room_for(b, 16 * DAT_MAKER_CPUS);
		buffer_at[i] = b->n;
		at = begin_section(m, b, 3);
		set_number(m, b->p + at - 14, 2, m->form.zstd);
		put_pages(m, b, i, tables[i], 16);
		end_section(m, b, at);
	}
	set_number(m, b->p + first, 8, b->n);
	at = begin_section(m, b, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(sections); i++)
		put_section_option(m, b, sections[i].id, starts[i]);
	if (m->form.uname) {
		number(m, b, 2, 5);
		put_sized(m, b, 4, m->form.uname, strlen(m->form.uname) + 1);
	}
	number(m, b, 2, 8);
	number(m, b, 4, 4);
	number(m, b, 4, DAT_MAKER_CPUS);
	for (unsigned i = 0; i < buffers(m); i++)
		put_buffer_option(m, b, i, buffer_at[i], tables[i]);
	number(m, b, 2, 0);
	number(m, b, 4, 8);
	number(m, b, 8, 0);
	end_section(m, b, at);
}

/* ---- the file ---- */

const unsigned char *dat_maker_bytes(struct dat_maker *m, size_t *len)
{
	struct bytes *b = &m->file;
	char version[2] = {(char)('0' + m->form.version), '\0'};

	for (unsigned i = 0; i < DAT_MAKER_BUFFERS; i++)
		for (unsigned cpu = 0; cpu < DAT_MAKER_CPUS; cpu++)
			dat_maker_close_page(m, &m->pages[i][cpu]);
	b->n = 0;
	put(b, "\x17\x08\x44tracing", 10);
	put_word(b, version);
	number(m, b, 1, m->form.big_endian);
	number(m, b, 1, m->form.longs ? m->form.longs : 8);
	number(m, b, 4, PAGE);
	if (m->form.version == 6)
		put_version_6(m, b);
	else
		put_version_7(m, b);
	*len = b->n;
	return b->p;
}
