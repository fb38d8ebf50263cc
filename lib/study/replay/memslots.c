/* SPDX-License-Identifier: MIT */
/* The memory slots of a VM, as a file tells them; see memslots.h. */
#include "study/replay/memslots.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/parse.h"
#include "study/log/trace_input.h"

/** Slots to make room for at first. */
#define MEMSLOT_FIRST_ROOM 16U

/** Fields of a line. */
#define MEMSLOT_FIELDS 3

/** Where the file is being read. */
struct memslots_loader {
	struct s2_input *input;
	uint64_t page_size;
	struct s2_memslots *slots;
	size_t room;
	struct s2_error *err;
};

static bool is_field_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/** Split a line without its comment: the number of fields, MEMSLOT_FIELDS + 1 for more. */
static int split_fields(const struct s2_text_line *line, struct s2_span field[MEMSLOT_FIELDS])
{
	const char *p = line->text;
	const char *const hash = line->len ? memchr(p, '#', line->len) : NULL;
	const char *const end = hash != NULL ? hash : p + line->len;
	int n = 0;

	for (;;) {
		const char *from;

		while (p < end && is_field_space(*p))
			p++;
		if (p == end || n == MEMSLOT_FIELDS)
			return p == end ? n : n + 1;
		for (from = p; p < end && !is_field_space(*p);)
			p++;
		field[n++] = (struct s2_span){from, (size_t)(p - from)};
	}
}

/** The length of a span as printf's precision: enough of it to be recognised. */
static int span_shown(struct s2_span span)
{
	return span.len > 32 ? 32 : (int)span.len;
}

static int bad_number(const struct memslots_loader *l, const struct s2_text_line *line,
		      const char *what, struct s2_span field, int r)
{
	if (r == -ERANGE)
		s2_error_set(l->err, S2_MEMSLOTS_ERR_RANGE,
			     "%s:%" PRIu64 ": %s \"%.*s\" is out of range: it needs more than "
			     "64 bits",
			     s2_input_name(l->input), line->number, what, span_shown(field),
			     field.text);
	else
		s2_error_set(l->err, S2_MEMSLOTS_ERR_FORM,
			     "%s:%" PRIu64 ": %s \"%.*s\" is no size: expected a number, 0x... or "
			     "with K, M, G or T",
			     s2_input_name(l->input), line->number, what, span_shown(field),
			     field.text);
	return r;
}

static int bad_slot(const struct memslots_loader *l, uint64_t line, int r,
		    enum s2_memslots_code code, const char *what)
{
	s2_error_set(l->err, (int)code, "%s:%" PRIu64 ": %s", s2_input_name(l->input), line, what);
	return r;
}

/** What the kernel would refuse of one slot. */
static int check_slot(const struct memslots_loader *l, const struct s2_memslot_line *slot)
{
	if (slot->size == 0)
		return bad_slot(l, slot->line, -EINVAL, S2_MEMSLOTS_ERR_EMPTY,
				"the slot is empty: expected a SIZE above 0");
	if (((slot->ipa.v | slot->size | slot->hva.v) & (l->page_size - 1)) != 0) {
		s2_error_set(l->err, S2_MEMSLOTS_ERR_ALIGN,
			     "%s:%" PRIu64 ": the slot is not made of whole pages: expected IPA, "
			     "SIZE and HVA to be multiples of %" PRIu64,
			     s2_input_name(l->input), slot->line, l->page_size);
		return -EINVAL;
	}
	if (slot->size - 1 > UINT64_MAX - slot->ipa.v)
		return bad_slot(l, slot->line, -ERANGE, S2_MEMSLOTS_ERR_RANGE,
				"the slot is out of range: IPA + SIZE wraps around");
	if (slot->has_hva && slot->size - 1 > UINT64_MAX - slot->hva.v)
		return bad_slot(l, slot->line, -ERANGE, S2_MEMSLOTS_ERR_RANGE,
				"the slot is out of range: HVA + SIZE wraps around");
	return 0;
}

static int add_slot(struct memslots_loader *l, const struct s2_memslot_line *slot)
{
	struct s2_memslots *const s = l->slots;

	if (s->count == S2_MEMSLOTS_MAX) {
		s2_error_set(l->err, S2_MEMSLOTS_ERR_MANY,
			     "%s:%" PRIu64 ": too many slots: expected at most %u",
			     s2_input_name(l->input), slot->line, S2_MEMSLOTS_MAX);
		return -E2BIG;
	}
	if (s->count == l->room) {
		const size_t room = l->room ? 2 * l->room : MEMSLOT_FIRST_ROOM;
		struct s2_memslot_line *const more = realloc(s->slot, room * sizeof(*more));

		if (more == NULL)
			return bad_slot(l, slot->line, -ENOMEM, S2_MEMSLOTS_ERR_MEMORY,
					"out of memory");
		s->slot = more;
		l->room = room;
	}
	s->slot[s->count++] = *slot;
	return 0;
}

/** One line: checked, then added. */
static int load_line(struct memslots_loader *l, const struct s2_text_line *line)
{
	struct s2_memslot_line slot = {.number = (uint32_t)l->slots->count, .line = line->number};
	struct s2_span field[MEMSLOT_FIELDS] = {{0}};
	const int n = split_fields(line, field);
	int r;

	if (n == 0)
		return 0;
	if (n < 2 || n > MEMSLOT_FIELDS)
		return bad_slot(l, line->number, -EINVAL, S2_MEMSLOTS_ERR_FORM,
				n < 2 ? "SIZE is missing: expected \"IPA SIZE HVA\""
				      : "too many fields: expected \"IPA SIZE HVA\"");
	r = s2_parse_span_size(field[0], &slot.ipa.v);
	if (r < 0)
		return bad_number(l, line, "IPA", field[0], r);
	r = s2_parse_span_size(field[1], &slot.size);
	if (r < 0)
		return bad_number(l, line, "SIZE", field[1], r);
	slot.has_hva = n == MEMSLOT_FIELDS && !(field[2].len == 1 && field[2].text[0] == '-');
	r = slot.has_hva ? s2_parse_span_size(field[2], &slot.hva.v) : 0;
	if (r < 0)
		return bad_number(l, line, "HVA", field[2], r);
	r = check_slot(l, &slot);
	return r < 0 ? r : add_slot(l, &slot);
}

static int load_lines(struct memslots_loader *l)
{
	struct s2_text_line line;
	int r;

	for (;;) {
		r = s2_input_next(l->input, &line, l->err);
		if (r < 0 && l->err != NULL)
			l->err->code = S2_MEMSLOTS_ERR_INPUT;
		if (r <= 0)
			return r;
		r = load_line(l, &line);
		if (r < 0)
			return r;
	}
}

static int by_ipa(const void *a, const void *b)
{
	const struct s2_memslot_line *const x = a;
	const struct s2_memslot_line *const y = b;

	return (x->ipa.v > y->ipa.v) - (x->ipa.v < y->ipa.v);
}

/** Sort, and see that no slot begins before the one below it ends. */
static int sort_slots(const struct memslots_loader *l)
{
	struct s2_memslot_line *const slot = l->slots->slot;

	if (l->slots->count == 0)
		return bad_slot(l, s2_input_lines(l->input), -EINVAL, S2_MEMSLOTS_ERR_EMPTY,
				"the file has no slot: expected lines \"IPA SIZE HVA\"");
	qsort(slot, l->slots->count, sizeof(*slot), by_ipa);
	for (size_t i = 1; i < l->slots->count; i++) {
		const struct s2_memslot_line *const low = &slot[i - 1];
		const bool in_order = low->line < slot[i].line;

		if (slot[i].ipa.v - low->ipa.v >= low->size)
			continue;
		s2_error_set(l->err, S2_MEMSLOTS_ERR_OVERLAP,
			     "%s:%" PRIu64 ": the slot overlaps the one of line %" PRIu64
			     " at IPA 0x%" PRIx64 ": expected slots apart",
			     s2_input_name(l->input), in_order ? slot[i].line : low->line,
			     in_order ? low->line : slot[i].line, slot[i].ipa.v);
		return -EEXIST;
	}
	return 0;
}

int s2_memslots_load(const char *path, uint64_t page_size, struct s2_memslots *slots,
		     struct s2_error *err)
{
	struct memslots_loader l = {.page_size = page_size, .slots = slots, .err = err};
	int r;

	*slots = (struct s2_memslots){0};
	r = s2_input_open(path, &l.input, err);
	if (r < 0) {
		if (err != NULL)
			err->code = S2_MEMSLOTS_ERR_INPUT;
		return r;
	}
	r = load_lines(&l);
	if (r == 0)
		r = sort_slots(&l);
	s2_input_close(l.input);
	if (r < 0)
		s2_memslots_free(slots);
	return r;
}

const struct s2_memslot_line *s2_memslots_find(const struct s2_memslots *slots, struct s2_ipa ipa)
{
	size_t low = 0, high = slots->count;

	/* The slots below low begin at or below ipa, those from high on above it. */
	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (slots->slot[mid].ipa.v <= ipa.v)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || ipa.v - slots->slot[low - 1].ipa.v >= slots->slot[low - 1].size)
		return NULL;
	return &slots->slot[low - 1];
}

void s2_memslots_free(struct s2_memslots *slots)
{
	free(slots->slot);
	*slots = (struct s2_memslots){0};
}
