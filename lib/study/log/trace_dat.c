/* SPDX-License-Identifier: MIT */
/* cpu_set_t in trace-cmd.h is no part of POSIX. */
#define _GNU_SOURCE
#include "study/log/trace_dat.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <trace-cmd.h>

#include "study/log/trace_dat_fields.h"
#include "study/log/trace_dat_layout.h"
#include "study/log/trace_line.h"

/* An event that is of interest, as this file describes it. */
struct dat_event {
	const struct s2_trace_form *trace; /* its name and kind */
	const struct s2_dat_form *form;	   /* NULL: a mark, or another architecture's */
	struct tep_format_field *field[S2_DAT_FIELDS], *owner, *text;
	const char *missing; /* a field that is needed and not there, or NULL */
};

/* The records of one CPU in one buffer. */
struct dat_source {
	struct tracecmd_input *buffer;
	int cpu;
	struct tep_record *next; /* NULL: no more */
};

struct s2_dat {
	struct tracecmd_input **buffers; /* the file's own, then its instances' */
	size_t n_buffers;
	struct tep_handle *tep;
	struct dat_source *sources;
	size_t n_sources;
	struct dat_event *events;
	size_t n_events;
	uint16_t *event_of; /* by type: its number in events plus one, 0 for none */
	struct tep_format_field *type, *pid; /* of every record; NULL: the file describes none */
	struct s2_trace_index index;
	struct s2_dat_layout layout;
	const char *name;
	uint64_t records, bytes_read;
	struct dat_source *given; /* whose next was handed out last: a mark's name lies in it */
	bool lost_told;		  /* the loss before the next record */
	int failed;		  /* for good */
	uint64_t failed_at;
	struct s2_error failure;
};

#define DAT_TYPES 65536U /* of a record: 16 bits */

/* ---- errors ---- */

S2_PRINTF(5, 6)
static int dat_report(struct s2_dat *dat, const struct s2_trace_event *ev, struct s2_error *err,
		      enum s2_trace_code code, const char *format, ...)
{
	char what[S2_ERROR_TEXT];
	struct s2_error e;
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(what, sizeof(what), format, ap) < 0)
		what[0] = '\0';
	va_end(ap);
	s2_error_set(&e, (int)code, "%s:%" PRIu64 ": %.150s", dat->name, ev->line, what);
	if (err)
		*err = e;
	if (code < S2_TRACE_ERR_NOT_FTRACE)
		return -EBADMSG;
	dat->failure = e;
	dat->failed_at = ev->line;
	dat->failed = -EINVAL;
	return dat->failed;
}

/* ---- what the file describes ---- */

/* "print" and "sys_enter_ioctl" are other names of events that tracefs prints. */
static const struct s2_trace_form *trace_form(const struct s2_dat *dat, const char *name)
{
	struct s2_span as = {name, strlen(name)};

	if (!strcmp(name, "print"))
		as.text = "tracing_mark_write";
	else if (!strcmp(name, "sys_enter_ioctl"))
		as.text = "sys_ioctl";
	as.len = strlen(as.text);
	return as.len ? s2_trace_form_find(&dat->index, as) : NULL;
}

static bool dat_is_mark(const struct dat_event *e)
{
	return e->trace->kind == S2_TRACE_OTHER && !e->trace->arch;
}

/* Takes an event's fields, once for all its records. */
static void dat_describe(struct dat_event *e, struct tep_event *event)
{
	e->form = s2_dat_form_of(e->trace->kind);
	if (dat_is_mark(e)) {
		e->text = tep_find_field(event, "buf");
		e->missing = e->text ? NULL : "buf";
	}
	for (unsigned i = 0; e->form && i < S2_DAT_FIELDS && e->form->fields[i]; i++) {
		e->field[i] = tep_find_field(event, e->form->fields[i]);
		if (!e->field[i] && i < e->form->required && !e->missing)
			e->missing = e->form->fields[i];
	}
	if (e->form && e->form->owner)
		e->owner = tep_find_field(event, e->form->owner);
}

static int describe_all(struct s2_dat *dat)
{
	const int n = tep_get_events_count(dat->tep);

	s2_trace_index_build(&dat->index);
	dat->events = calloc(n > 0 ? (size_t)n : 1, sizeof(*dat->events));
	dat->event_of = calloc(DAT_TYPES, sizeof(*dat->event_of));
	if (!dat->events || !dat->event_of)
		return -ENOMEM;
	for (int i = 0; i < n && dat->n_events < UINT16_MAX; i++) {
		struct tep_event *const event = tep_get_event(dat->tep, i);
		const struct s2_trace_form *trace;

		if (event && !dat->type) {
			dat->type = tep_find_common_field(event, "common_type");
			dat->pid = tep_find_common_field(event, "common_pid");
		}
		if (!event || !event->name || event->id < 0 || event->id >= (int)DAT_TYPES)
			continue;
		trace = trace_form(dat, event->name);
		if (!trace)
			continue;
		dat->events[dat->n_events].trace = trace;
		dat_describe(&dat->events[dat->n_events], event);
		dat->event_of[event->id] = (uint16_t)++dat->n_events;
	}
	return 0;
}

/* ---- records ---- */

/* A record lies within its page, whatever its length says. */
static bool has_field(const struct tep_record *record, const struct tep_format_field *field,
		      size_t size)
{
	return field->offset >= 0 && record->size >= 0 && size <= (size_t)record->size &&
	       (size_t)field->offset <= (size_t)record->size - size;
}

static bool read_field(struct s2_dat *dat, const struct tep_record *record,
		       struct tep_format_field *field, uint64_t *value)
{
	unsigned bits;

	if ((field->size != 1 && field->size != 2 && field->size != 4 && field->size != 8) ||
	    !has_field(record, field, (size_t)field->size))
		return false;
	*value = tep_read_number(dat->tep, (const char *)record->data + field->offset, field->size);
	bits = 64 - 8 * (unsigned)field->size;
	if (bits && field->flags & TEP_FIELD_IS_SIGNED && *value >> (63 - bits))
		*value |= ~UINT64_C(0) << (64 - bits);
	return true;
}

static int read_fields(struct s2_dat *dat, const struct dat_event *e,
		       const struct tep_record *record, struct s2_trace_event *ev,
		       struct s2_error *err)
{
	uint64_t values[S2_DAT_FIELDS] = {0};
	unsigned have = 0;

	for (unsigned i = 0; i < S2_DAT_FIELDS; i++) {
		if (!e->field[i])
			continue;
		if (!read_field(dat, record, e->field[i], &values[i]))
			return dat_report(dat, ev, err, S2_TRACE_ERR_CUT,
					  "%s: the record ends before its field \"%s\"",
					  e->trace->name, e->form->fields[i]);
		have |= 1U << i;
	}
	if (!e->form->fill(ev, values, have))
		return dat_report(dat, ev, err, S2_TRACE_ERR_RANGE, "%s: a number is out of range",
				  e->trace->name);
	ev->has_owner = e->owner && read_field(dat, record, e->owner, &ev->owner);
	return 1;
}

/* What was written to trace_marker, which ends with the record, a NUL or a line. */
static int read_mark(struct s2_dat *dat, const struct dat_event *e, const struct tep_record *record,
		     struct s2_trace_event *ev, struct s2_error *err)
{
	struct s2_cursor c = {.text = ""};
	size_t n = 0;

	if (!has_field(record, e->text, 0))
		return dat_report(dat, ev, err, S2_TRACE_ERR_CUT, "a mark without its text");
	c.p = (const char *)record->data + e->text->offset;
	while (n < (size_t)record->size - (size_t)e->text->offset && c.p[n] != '\0' &&
	       c.p[n] != '\n')
		n++;
	c.end = c.p + n;
	return s2_trace_mark(&c, ev)
		       ? 1
		       : dat_report(dat, ev, err, S2_TRACE_ERR_FORM,
				    "a mark that begins as \"BEGIN name\" or \"END\" and goes on "
				    "otherwise");
}

/* ftrace gives no name to a task that it has forgotten. */
static void read_task(struct s2_dat *dat, struct tep_record *record, struct s2_trace_event *ev)
{
	const char *comm;
	uint64_t pid = 0;

	/* tep_data_pid() takes the file's word for where it is. */
	if (dat->pid)
		(void)read_field(dat, record, dat->pid, &pid);
	ev->pid = (int32_t)pid;
	ev->tgid = -1;
	ev->cpu = (uint32_t)record->cpu;
	comm = tep_data_comm_from_pid(dat->tep, ev->pid);
	snprintf(ev->comm, sizeof(ev->comm), "%.15s", comm ? comm : "<...>");
}

static int read_record(struct s2_dat *dat, struct tep_record *record, struct s2_trace_event *ev,
		       struct s2_error *err)
{
	const struct dat_event *e;
	uint64_t type;

	if (!dat->type || !read_field(dat, record, dat->type, &type))
		return dat_report(dat, ev, err, S2_TRACE_ERR_CUT, "a record without a head");
	read_task(dat, record, ev);
	if (type >= DAT_TYPES || !dat->event_of[type])
		return 1;
	e = &dat->events[dat->event_of[type] - 1];
	ev->kind = e->trace->kind;
	ev->name.text = e->trace->name;
	ev->name.len = strlen(e->trace->name);
	if (e->trace->arch)
		return dat_report(dat, ev, err, S2_TRACE_ERR_ARCH,
				  "%s: a log of another architecture (%s): expected one of arm64",
				  e->trace->name, e->trace->arch);
	if (e->missing)
		return dat_report(dat, ev, err, S2_TRACE_ERR_FORM,
				  "%s: the file describes no field \"%s\" of it: another "
				  "architecture's, or not the probe of docs/recording.md",
				  e->trace->name, e->missing);
	return e->form ? read_fields(dat, e, record, ev, err) : read_mark(dat, e, record, ev, err);
}

/* The earliest; of equal ones the first buffer's, and in it the first CPU's. */
static struct dat_source *earliest(const struct s2_dat *dat)
{
	struct dat_source *first = NULL;

	for (size_t i = 0; i < dat->n_sources; i++) {
		struct dat_source *const s = &dat->sources[i];

		if (s->next && (!first || s->next->ts < first->next->ts))
			first = s;
	}
	return first;
}

/* Goes on behind the record that was handed out. */
static void advance(struct s2_dat *dat)
{
	struct dat_source *const s = dat->given;

	if (!s)
		return;
	dat->bytes_read += (uint64_t)s->next->record_size;
	tracecmd_free_record(s->next);
	s->next = tracecmd_read_data(s->buffer, s->cpu);
	dat->given = NULL;
}

int s2_dat_next(struct s2_dat *dat, struct s2_trace_event *ev, struct s2_error *err)
{
	struct dat_source *s;

	*ev = (struct s2_trace_event){.line = dat->failed_at, .tgid = -1};
	if (dat->failed) {
		if (err)
			*err = dat->failure;
		return dat->failed;
	}
	advance(dat);
	s = earliest(dat);
	if (!s)
		return 0;
	ev->line = dat->records + 1;
	if (s->next->missed_events && !dat->lost_told) {
		dat->lost_told = true;
		return dat_report(dat, ev, err, S2_TRACE_ERR_LOST,
				  "events were lost here on CPU %d", s->cpu);
	}
	dat->lost_told = false;
	dat->records++;
	dat->given = s;
	return read_record(dat, s->next, ev, err);
}

/* ---- the handle ---- */

static int open_buffers(struct s2_dat *dat, struct tracecmd_input *file)
{
	const int n = tracecmd_buffer_instances(file);

	dat->buffers = calloc(1 + (n > 0 ? (size_t)n : 0), sizeof(struct tracecmd_input *));
	if (!dat->buffers) {
		tracecmd_close(file);
		return -ENOMEM;
	}
	dat->buffers[dat->n_buffers++] = file;
	for (int i = 0; i < n; i++) {
		struct tracecmd_input *const b = tracecmd_buffer_instance_handle(file, i);

		if (!b)
			return -EIO;
		dat->buffers[dat->n_buffers++] = b;
	}
	return 0;
}

static int open_sources(struct s2_dat *dat)
{
	const int cpus = tep_get_cpus(dat->tep);

	dat->sources =
		calloc(dat->n_buffers * (size_t)(cpus > 0 ? cpus : 1), sizeof(struct dat_source));
	if (!dat->sources)
		return -ENOMEM;
	for (size_t b = 0; b < dat->n_buffers; b++)
		for (int cpu = 0; cpu < cpus; cpu++) {
			struct dat_source *const s = &dat->sources[dat->n_sources++];

			s->buffer = dat->buffers[b];
			s->cpu = cpu;
			s->next = tracecmd_read_data(s->buffer, cpu);
		}
	return 0;
}

static int open_file(struct s2_dat *dat, int fd)
{
	const int flags = TRACECMD_FL_LOAD_NO_PLUGINS | TRACECMD_FL_LOAD_NO_SYSTEM_PLUGINS;
	struct tracecmd_input *file;
	char path[32];
	int ret;

	/* The library would print what it finds wrong. */
	tracecmd_set_loglevel(TEP_LOG_NONE);
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	file = tracecmd_open_head(path, flags);
	if (!file)
		return -EIO;
	/* After that fails, close reads what was never set (trace-cmd 3.1.6): better a leak. */
	if (tracecmd_init_data(file) < 0)
		return -EIO;
	ret = open_buffers(dat, file);
	if (ret)
		return ret;
	dat->tep = tracecmd_get_tep(file);
	ret = describe_all(dat);
	return ret ? ret : open_sources(dat);
}

static void say_why(const struct s2_dat *dat, int ret, const struct s2_error *why,
		    struct s2_error *err)
{
	if (ret == -ENOMEM)
		s2_error_set(err, S2_TRACE_ERR_MEMORY, "%s:1: out of memory", dat->name);
	else if (why->code)
		s2_error_set(err, why->code, "%s:1: %.150s", dat->name, why->text);
	else if (ret == -ESPIPE)
		s2_error_set(err, S2_TRACE_ERR_READ,
			     "%s:1: a trace.dat is not read from a pipe: give its name", dat->name);
	else
		s2_error_set(err, S2_TRACE_ERR_DAT,
			     "%s:1: the trace.dat is damaged: libtracecmd does not open it",
			     dat->name);
}

static int check_host(const struct s2_dat *dat, struct s2_error *err)
{
	const char *const machine = dat->layout.machine;

	if (machine[0] == '\0' || !strcmp(machine, "aarch64"))
		return 0;
	s2_error_set(err, S2_TRACE_ERR_ARCH,
		     "a log of another architecture (%s): expected one of arm64 (aarch64)",
		     machine);
	return -EINVAL;
}

int s2_dat_open(int fd, const char *name, struct s2_dat **dat, struct s2_error *err)
{
	struct s2_dat *const d = calloc(1, sizeof(*d));
	struct s2_error why = {0};
	int ret;

	if (!d) {
		s2_error_set(err, S2_TRACE_ERR_MEMORY, "%s: out of memory", name);
		return -ENOMEM;
	}
	d->name = name;
	ret = lseek(fd, 0, SEEK_CUR) < 0 ? -errno : s2_dat_check(fd, &d->layout, &why);
	if (!ret)
		ret = check_host(d, &why);
	if (!ret)
		ret = open_file(d, fd);
	if (!ret) {
		*dat = d;
		return 0;
	}
	say_why(d, ret, &why, err);
	s2_dat_close(d);
	return ret == -ENOMEM || ret == -EIO ? ret : -EINVAL;
}

void s2_dat_close(struct s2_dat *dat)
{
	if (!dat)
		return;
	for (size_t i = 0; i < dat->n_sources; i++)
		if (dat->sources[i].next)
			tracecmd_free_record(dat->sources[i].next);
	free(dat->sources);
	/* Buffers refer to their file, which is the first. */
	for (size_t i = dat->n_buffers; i-- > 0;)
		tracecmd_close(dat->buffers[i]);
	free(dat->buffers);
	free(dat->events);
	free(dat->event_of);
	free(dat);
}

uint64_t s2_dat_records(const struct s2_dat *dat)
{
	return dat->records;
}

uint32_t s2_dat_cpus(const struct s2_dat *dat)
{
	return (uint32_t)tep_get_cpus(dat->tep);
}

const char *s2_dat_release(const struct s2_dat *dat)
{
	return dat->layout.release[0] != '\0' ? dat->layout.release : NULL;
}

uint64_t s2_dat_bytes_read(const struct s2_dat *dat)
{
	return dat->bytes_read;
}
