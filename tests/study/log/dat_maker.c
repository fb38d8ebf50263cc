/* SPDX-License-Identifier: MIT */
#include "study/log/dat_maker_parts.h"

#include <stdio.h>

#ifdef S2_HAVE_ZLIB
#include <zlib.h>
#endif

/* ---- formats ---- */

/* Fields in the reverse order, 16 bytes apart, and the print format dropped. */
static void move_fields(struct format *f)
{
	for (unsigned i = 0; i < f->n_fields; i++)
		f->fields[i].offset = 8 + 16 * (f->n_fields - i);
	f->size = 8 + 16 * (f->n_fields + 1);
}

static void format_text(struct format *f)
{
	struct bytes b = {0};
	char line[192];

	snprintf(line, sizeof(line), "name: %s\nID: %u\nformat:\n", f->name, f->id);
	put(&b, line, strlen(line));
	put(&b, COMMON_FIELDS, strlen(COMMON_FIELDS));
	for (unsigned i = 0; i < f->n_fields; i++) {
		snprintf(line, sizeof(line), "\tfield:%s %s;\toffset:%u;\tsize:%u;\tsigned:%d;\n",
			 f->fields[i].type, f->fields[i].name, f->fields[i].offset,
			 f->fields[i].size, f->fields[i].is_signed);
		put(&b, line, strlen(line));
	}
	put_word(&b, "\nprint fmt: \"\"\n");
	f->text = (char *)b.p;
}

/* "	field:u64 ipa;	offset:16;	size:8;	signed:0;" */
static void add_field(struct dat_maker *m, struct format *f, char *line)
{
	struct field *field = &f->fields[f->n_fields];
	char *semicolon = strchr(line, ';'), *name = semicolon;
	int is_signed;

	assert_non_null(semicolon);
	*semicolon = '\0';
	while (name[-1] != ' ')
		name--;
	name[-1] = '\0';
	if (!strncmp(name, "common_", 7) || (m->form.without && !strcmp(name, m->form.without)))
		return;
	assert_true(f->n_fields < MAX_FIELDS);
	f->n_fields++;
	snprintf(field->name, sizeof(field->name), "%.31s", name);
	snprintf(field->type, sizeof(field->type), "%.31s", line + strlen("\tfield:"));
	assert_i64(sscanf(semicolon + 1, "\toffset:%u;\tsize:%u;\tsigned:%d;", &field->offset,
			  &field->size, &is_signed),
		   3);
	field->is_signed = is_signed;
	if (field->offset + field->size > f->size)
		f->size = field->offset + field->size;
}

/* What docs/recording.md has besides the probes that the formats are of. */
static void newer_probes(struct dat_maker *m)
{
	static const struct {
		const char *event, *field;
	} more[] = {{"commit_region", "old"},
		    {"commit_region", "base_gfn"},
		    {"commit_region", "npages"},
		    {"tlb_ipa", "mmu"},
		    {"s2_mkyoung", "pgt"}};

	for (unsigned i = 0; i < m->n_formats; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(more); k++) {
			struct format *f = &m->formats[i];
			char line[96];

			if (strcmp(f->name, more[k].event) != 0)
				continue;
			snprintf(line, sizeof(line),
				 "\tfield:u64 %s;\toffset:%u;\tsize:8;\tsigned:0;", more[k].field,
				 (f->size + 7) & ~7U);
			add_field(m, f, line);
		}
}

static void read_formats(struct dat_maker *m)
{
	struct format *f = NULL;
	char path[512], line[4096];
	FILE *in;

	snprintf(path, sizeof(path), "%s/traces/formats.txt", getenv("S2_TEST_DATA"));
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		if (!strncmp(line, "system: ", 8)) {
			assert_true(m->n_formats < MAX_EVENTS);
			f = &m->formats[m->n_formats++];
			f->size = 8;
			sscanf(line, "system: %15s", f->system);
		} else if (f && !strncmp(line, "name: ", 6)) {
			sscanf(line, "name: %31s", f->name);
		} else if (f && !strncmp(line, "ID: ", 4)) {
			sscanf(line, "ID: %u", &f->id);
		} else if (f && !strncmp(line, "\tfield:", 7)) {
			add_field(m, f, line);
		}
	}
	fclose(in);
	if (m->form.newer)
		newer_probes(m);
	for (unsigned i = 0; i < m->n_formats; i++) {
		if (m->form.foreign && !strcmp(m->formats[i].name, "vgic_update_irq_pending"))
			snprintf(m->formats[i].name, sizeof(m->formats[i].name), "%.31s",
				 m->form.foreign);
		if (m->form.moved)
			move_fields(&m->formats[i]);
		format_text(&m->formats[i]);
	}
}

static const struct format *format_of(const struct dat_maker *m, const char *name)
{
	for (unsigned i = 0; i < m->n_formats; i++)
		if (!strcmp(m->formats[i].name, name))
			return &m->formats[i];
	return NULL;
}

/* ---- pages ---- */

static void new_page(const struct dat_maker *m, struct pages *p, uint64_t time)
{
	p->page = p->all.n;
	room_for(&p->all, PAGE_HEAD);
	set_number(m, p->all.p + p->page, 8, time);
	if (p->lost)
		p->all.p[p->page + (m->form.big_endian ? 12 : 11)] = 0x80;
	p->lost = false;
	p->time = time;
}

void dat_maker_close_page(const struct dat_maker *m, struct pages *p)
{
	const uint64_t used = p->all.n - p->page - PAGE_HEAD;
	unsigned char *at;
	uint64_t flags;

	if (p->all.n == 0 || p->all.n % PAGE == 0)
		return;
	at = p->all.p + p->page + 8;
	flags = at[m->form.big_endian ? 4 : 3] ? UINT64_C(1) << 31 : 0;
	set_number(m, at, 8, used | flags);
	room_for(&p->all, PAGE - (PAGE_HEAD + (size_t)used));
}

static void record_head(const struct dat_maker *m, struct bytes *b, unsigned type, uint64_t delta)
{
	number(m, b, 4,
	       m->form.big_endian ? (uint64_t)type << DELTA_BITS | delta : delta << 5 | type);
}

static void add_record(struct dat_maker *m, struct pages *p, uint64_t time, const void *data,
		       unsigned size)
{
	const unsigned words = (size + 3) / 4;
	uint64_t delta;

	if (p->all.n == 0 || p->lost || p->all.n - p->page + 8 + 8 + 4 * (size_t)words > PAGE) {
		dat_maker_close_page(m, p);
		new_page(m, p, time);
	}
	delta = time - p->time;
	p->time = time;
	if (delta >> DELTA_BITS) {
		record_head(m, &p->all, 30, delta & ((1U << DELTA_BITS) - 1));
		number(m, &p->all, 4, delta >> DELTA_BITS);
		delta = 0;
	}
	/* A length above 28 words stands behind the head. */
	record_head(m, &p->all, words > 28 ? 0 : words, delta);
	if (words > 28)
		number(m, &p->all, 4, 4 * (words + 1));
	memcpy(room_for(&p->all, 4 * (size_t)words), data, size);
}

/* ---- lines ---- */

/* Where tracepoints print their fields: behind which text, a number or which of some words. */
static const struct {
	const char *event, *field, *behind, *words[4];
} printed[] = {
	{"kvm_entry", "vcpu_pc", "PC: ", {0}},
	{"kvm_exit", "ret", "", {"IRQ", "SERROR", "TRAP"}},
	{"kvm_exit", "esr_ec", "HSR_EC: ", {0}},
	{"kvm_exit", "vcpu_pc", "PC: ", {0}},
	{"kvm_guest_fault", "ipa", "ipa ", {0}},
	{"kvm_guest_fault", "hsr", "hsr ", {0}},
	{"kvm_guest_fault", "hxfar", "hxfar ", {0}},
	{"kvm_guest_fault", "vcpu_pc", "pc ", {0}},
	{"kvm_mmio", "type", "mmio ", {"unsatisfied-read", "read", "write"}},
	{"kvm_mmio", "len", "len ", {0}},
	{"kvm_mmio", "gpa", "gpa ", {0}},
	{"kvm_mmio", "val", "val ", {0}},
	{"kvm_userspace_exit", "reason", "(", {0}},
	{"kvm_unmap_hva_range", "start", "range: ", {0}},
	{"kvm_unmap_hva_range", "end", " -- ", {0}},
	{"kvm_set_spte_hva", "hva", "hva: ", {0}},
	{"kvm_toggle_cache", "vcpu_pc", "op at ", {0}},
	{"kvm_toggle_cache", "was", "was ", {"off", "on"}},
	{"kvm_toggle_cache", "now", "now ", {"off", "on"}},
	{"kvm_set_way_flush", "vcpu_pc", "flush at ", {0}},
	{"kvm_set_way_flush", "cache", "cache ", {"off", "on"}},
	{"sys_enter_ioctl", "fd", "fd: ", {0}},
	{"sys_enter_ioctl", "cmd", "cmd: ", {0}},
	{"sys_enter_ioctl", "arg", "arg: ", {0}},
};

static uint64_t word_number(const char *at, const char *const words[4])
{
	for (unsigned i = 0; i < 4 && words[i]; i++)
		if (!strncmp(at, words[i], strlen(words[i])))
			return i;
	fail_msg("no word known: %s", at);
	return 0;
}

/* The number behind @behind; of a negative one its two's complement. */
static uint64_t number_behind(const char *args, const char *behind, int base)
{
	const char *at = strstr(args, behind);

	if (!at)
		fail_msg("no \"%s\" in \"%s\"", behind, args);
	at += strlen(behind);
	return *at == '-' ? (uint64_t)strtoll(at, NULL, base) : strtoull(at, NULL, base);
}

static uint64_t field_value(const struct format *f, const struct field *field, const char *args)
{
	char key[40];

	/* An error has no reason. */
	if (!strcmp(field->name, "reason") && !strncmp(args, "reason error", 12))
		return 99;
	for (unsigned i = 0; i < ARRAY_SIZE(printed); i++) {
		if (strcmp(printed[i].event, f->name) || strcmp(printed[i].field, field->name))
			continue;
		if (printed[i].words[0])
			return word_number(strstr(args, printed[i].behind) +
						   strlen(printed[i].behind),
					   printed[i].words);
		return number_behind(args, printed[i].behind,
				     !strcmp(f->system, "syscalls") ? 16 : 0);
	}
	/* A restart is -EINTR. */
	if (!strcmp(field->name, "errno"))
		return strstr(args, "restart (") || strstr(args, "error (")
			       ? (uint64_t) - (int64_t)number_behind(args, "(", 10)
			       : 0;
	if (field->name[0] == '_' || strcmp(f->system, "kx") != 0)
		return 0; /* of no interest */
	snprintf(key, sizeof(key), " %s=", field->name);
	return number_behind(args, key, 0);
}

static void add_event(struct dat_maker *m, struct pages *p, uint64_t time, int pid,
		      const struct format *f, const char *args)
{
	unsigned char data[256] = {0};

	set_number(m, data, 2, f->id);
	set_number(m, data + 4, 4, (uint64_t)pid);
	for (unsigned i = 0; i < f->n_fields; i++)
		set_number(m, data + f->fields[i].offset, f->fields[i].size,
			   field_value(f, &f->fields[i], args));
	add_record(m, p, time, data, f->size);
}

/* ftrace's own event: an address and the text. */
static void add_mark(struct dat_maker *m, struct pages *p, uint64_t time, int pid, const char *text)
{
	unsigned char data[512] = {0};
	const size_t n = strlen(text);

	assert_true(n + 18 < sizeof(data));
	set_number(m, data, 2, PRINT_ID);
	set_number(m, data + 4, 4, (uint64_t)pid);
	memcpy(data + 16, text, n);
	data[16 + n] = '\n';
	add_record(m, p, time, data, (unsigned)n + 18);
}

static void keep_task(struct dat_maker *m, int pid, const char *line, const char *dash)
{
	char text[64];

	for (unsigned i = 0; i < m->n_pids; i++)
		if (m->pids[i] == pid)
			return;
	if (m->n_pids == ARRAY_SIZE(m->pids))
		return;
	m->pids[m->n_pids++] = pid;
	while (*line == ' ')
		line++;
	snprintf(text, sizeof(text), "%d %.*s\n", pid, (int)(dash - line), line);
	put(&m->cmdlines, text, strlen(text));
}

/* "             lab-192     [003] d....    10.982683: name: args" */
void dat_maker_line(struct dat_maker *m, unsigned buffer, const char *line)
{
	char text[1024], name[64];
	unsigned cpu, seconds, micro;
	char *dash, *at, *args;
	struct pages *p;
	int pid, n;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
	if (text[0] == '#' || text[0] == '\0')
		return;
	at = strchr(text, '[');
	assert_non_null(at);
	for (dash = at; *dash != '-'; dash--)
		;
	assert_i64(sscanf(dash + 1, "%d [%u] %*s %u.%u: %63[a-z0-9_]%n", &pid, &cpu, &seconds,
			  &micro, name, &n),
		   5);
	assert_true(cpu < DAT_MAKER_CPUS);
	keep_task(m, pid, text, dash);
	args = dash + 1 + n;
	args += *args == ':' ? 2 : 0;
	p = &m->pages[buffer][cpu];
	if (!strcmp(name, "tracing_mark_write")) {
		add_mark(m, p, 1000 * (1000000 * (uint64_t)seconds + micro), pid, args);
		return;
	}
	if (!strcmp(name, "sys_ioctl"))
		snprintf(name, sizeof(name), "sys_enter_ioctl");
	add_event(m, p, 1000 * (1000000 * (uint64_t)seconds + micro), pid,
		  format_of(m, name) ? format_of(m, name) : format_of(m, "vgic_update_irq_pending"),
		  args);
}

void dat_maker_lose(struct dat_maker *m, unsigned buffer, unsigned cpu)
{
	m->pages[buffer][cpu].lost = true;
}

void dat_maker_text(struct dat_maker *m, unsigned buffer, const char *text)
{
	while (*text) {
		dat_maker_line(m, buffer, text);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

void dat_maker_log(struct dat_maker *m, unsigned buffer, const char *path)
{
#ifdef S2_HAVE_ZLIB
	char line[1024];
	gzFile in = gzopen(path, "r");

	assert_non_null(in);
	while (gzgets(in, line, sizeof(line)))
		dat_maker_line(m, buffer, line);
	gzclose(in);
#else
	(void)m;
	(void)buffer;
	(void)path;
	skip();
#endif
}

/* ---- the maker ---- */

struct dat_maker *dat_maker_new(const struct dat_maker_form *form)
{
	struct dat_maker *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->form = *form;
	read_formats(m);
	return m;
}

void dat_maker_free(struct dat_maker *m)
{
	for (unsigned i = 0; i < m->n_formats; i++)
		free(m->formats[i].text);
	for (unsigned i = 0; i < DAT_MAKER_BUFFERS; i++)
		for (unsigned cpu = 0; cpu < DAT_MAKER_CPUS; cpu++)
			free(m->pages[i][cpu].all.p);
	free(m->cmdlines.p);
	free(m->file.p);
	free(m);
}
