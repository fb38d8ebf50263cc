/* SPDX-License-Identifier: MIT */
/* The --memslots file. */
#include "study/replay/memslots.h"

#include "support.h"
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

/* Loads @text from a temporary file; its name is gone afterwards. */
static int load(const char *text, struct s2_memslots *slots, struct s2_error *err)
{
	char path[S2_TEST_PATH];
	int r;

	s2_test_temp_file(path, text, strlen(text));
	r = s2_memslots_load(path, PAGE, slots, err);
	assert_int_equal(unlink(path), 0);
	return r;
}

static void assert_slot(const struct s2_memslot_line *slot, uint64_t ipa, uint64_t size,
			uint64_t hva, uint32_t number)
{
	assert_u64(slot->ipa.v, ipa);
	assert_u64(slot->size, size);
	assert_u64(slot->hva.v, hva);
	assert_u64(slot->number, number);
}

static void slots_are_read_and_sorted(void **state)
{
	struct s2_memslots slots;
	struct s2_error err;

	(void)state;
	assert_i64(load("# two slots\n"
			"\n"
			"\t0x80000000 512M 0xffff80000000 # memory\n"
			"   \t \n"
			"1G 64K -\r\n"
			"0xa0000 4096#no HVA",
			&slots, &err),
		   0);
	assert_u64(slots.count, 3);
	assert_slot(&slots.slot[0], 0xa0000, 4096, 0, 2);
	assert_slot(&slots.slot[1], 0x40000000, 0x10000, 0, 1);
	assert_slot(&slots.slot[2], 0x80000000, 0x20000000, UINT64_C(0xffff80000000), 0);
	assert_false(slots.slot[0].has_hva);
	assert_false(slots.slot[1].has_hva);
	assert_true(slots.slot[2].has_hva);
	assert_u64(slots.slot[1].line, 5);
	s2_memslots_free(&slots);
	assert_u64(slots.count, 0);
	s2_memslots_free(&slots);
}

static void slots_are_found_by_address(void **state)
{
	static const struct {
		uint64_t ipa;
		int number; /* -1: in no slot */
	} rows[] = {
		{0, -1},	 {0xfff, -1},
		{0x1000, 0},	 {0x1fff, 0},
		{0x2000, 2},	 {0x2fff, 2},
		{0x3000, -1},	 {0x4fff, -1},
		{0x5000, 1},	 {0x6fff, 1},
		{0x7000, -1},	 {UINT64_MAX - 0x1000, -1},
		{UINT64_MAX, 3}, {UINT64_MAX - 0xfff, 3},
	};
	struct s2_memslots slots;

	(void)state;
	assert_i64(load("0x1000 4K\n0x5000 8K\n0x2000 4K\n0xfffffffffffff000 4K\n", &slots, NULL),
		   0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_memslot_line *const slot =
			s2_memslots_find(&slots, s2_ipa(rows[i].ipa));

		s2_test_row("IPA 0x%" PRIx64, rows[i].ipa);
		assert_i64(slot == NULL ? -1 : (int64_t)slot->number, rows[i].number);
	}
	s2_memslots_free(&slots);
	assert_null(s2_memslots_find(&slots, s2_ipa(0x1000)));
}

struct bad {
	const char *text;
	int result;
	enum s2_memslots_code code;
	const char *line; /* as the message names it */
};

static void bad_files_are_refused_with_their_line(void **state)
{
	static const struct bad rows[] = {
		{"", -EINVAL, S2_MEMSLOTS_ERR_EMPTY, ":0: "},
		{"# nothing\n\n", -EINVAL, S2_MEMSLOTS_ERR_EMPTY, ":2: "},
		{"0x1000\n", -EINVAL, S2_MEMSLOTS_ERR_FORM, ":1: SIZE"},
		{"\n0 4K 0 0\n", -EINVAL, S2_MEMSLOTS_ERR_FORM, ":2: too many"},
		{"0 4K 0 # x\nx 4K 0\n", -EINVAL, S2_MEMSLOTS_ERR_FORM, ":2: IPA \"x\""},
		{"0 4X 0\n", -EINVAL, S2_MEMSLOTS_ERR_FORM, ":1: SIZE \"4X\""},
		{"0 4K --\n", -EINVAL, S2_MEMSLOTS_ERR_FORM, ":1: HVA \"--\""},
		{"- 4K 0\n", -EINVAL, S2_MEMSLOTS_ERR_FORM, ":1: IPA \"-\""},
		{"0x10000000000000000 4K\n", -ERANGE, S2_MEMSLOTS_ERR_RANGE, ":1: IPA"},
		{"0 99999999T\n", -ERANGE, S2_MEMSLOTS_ERR_RANGE, ":1: SIZE"},
		{"0 4K 99999999T\n", -ERANGE, S2_MEMSLOTS_ERR_RANGE, ":1: HVA"},
		{"0 0 0\n", -EINVAL, S2_MEMSLOTS_ERR_EMPTY, ":1: "},
		{"0x800 4K\n", -EINVAL, S2_MEMSLOTS_ERR_ALIGN, ":1: "},
		{"0 4097\n", -EINVAL, S2_MEMSLOTS_ERR_ALIGN, ":1: "},
		{"0 4K 1\n", -EINVAL, S2_MEMSLOTS_ERR_ALIGN, ":1: "},
		{"0xfffffffffffff000 8K\n", -ERANGE, S2_MEMSLOTS_ERR_RANGE, ":1: "},
		{"0 8K 0xfffffffffffff000\n", -ERANGE, S2_MEMSLOTS_ERR_RANGE, ":1: "},
		{"0 8K\n0x1000 4K\n", -EEXIST, S2_MEMSLOTS_ERR_OVERLAP, ":2: "},
		{"1M 4K\n0x1000 8K\n0 8K\n", -EEXIST, S2_MEMSLOTS_ERR_OVERLAP, ":3: "},
		{"0 4K\n2M 4K\n0 4K\n", -EEXIST, S2_MEMSLOTS_ERR_OVERLAP, ":3: "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_memslots slots = {.count = 1};
		struct s2_error err = {0};

		s2_test_row("file \"%s\"", rows[i].text);
		assert_i64(load(rows[i].text, &slots, &err), rows[i].result);
		assert_i64(err.code, (int)rows[i].code);
		if (strstr(err.text, rows[i].line) == NULL)
			fail_msg("\"%s\" does not have \"%s\"", err.text, rows[i].line);
		assert_u64(slots.count, 0);
		assert_null(slots.slot);
		/* Nobody has to ask why. */
		assert_i64(load(rows[i].text, &slots, NULL), rows[i].result);
	}
}

static void slots_may_touch_and_share_host_memory(void **state)
{
	struct s2_memslots slots;

	(void)state;
	assert_i64(load("0x1000 4K 0\n0 4K 0\n0x2000 4K 0xfffffffffffff000\n", &slots, NULL), 0);
	assert_u64(slots.count, 3);
	s2_memslots_free(&slots);
}

static void a_page_of_the_host_is_what_counts(void **state)
{
	char path[S2_TEST_PATH];
	struct s2_memslots slots;
	struct s2_error err;

	(void)state;
	s2_test_temp_file(path, "0 64K\n0x11000 64K\n", 18);
	assert_i64(s2_memslots_load(path, 65536, &slots, &err), -EINVAL);
	assert_i64(err.code, S2_MEMSLOTS_ERR_ALIGN);
	assert_i64(s2_memslots_load(path, 4096, &slots, &err), 0);
	s2_memslots_free(&slots);
	assert_int_equal(unlink(path), 0);
}

/* A file of @n slots, each a page. */
static char *many(unsigned int n)
{
	char *const text = malloc((size_t)n * 24 + 1);
	size_t len = 0;

	assert_non_null(text);
	for (unsigned int i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, 24, "0x%x 4K -\n", (n - i) * PAGE);
	return text;
}

static void as_many_slots_as_kvm_has_are_read(void **state)
{
	char *text = many(S2_MEMSLOTS_MAX);
	struct s2_memslots slots;
	struct s2_error err;

	(void)state;
	assert_i64(load(text, &slots, &err), 0);
	assert_u64(slots.count, S2_MEMSLOTS_MAX);
	for (unsigned int i = 0; i < S2_MEMSLOTS_MAX; i++)
		assert_slot(&slots.slot[i], (uint64_t)(i + 1) * PAGE, PAGE, 0,
			    S2_MEMSLOTS_MAX - 1 - i);
	s2_memslots_free(&slots);
	free(text);
	text = many(S2_MEMSLOTS_MAX + 1);
	assert_i64(load(text, &slots, &err), -E2BIG);
	assert_i64(err.code, S2_MEMSLOTS_ERR_MANY);
	free(text);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct s2_memslots slots;
	struct s2_error err;

	(void)state;
	assert_i64(s2_memslots_load("/nowhere/slots", PAGE, &slots, &err), -ENOENT);
	assert_i64(err.code, S2_MEMSLOTS_ERR_INPUT);
	assert_non_null(strstr(err.text, "/nowhere/slots"));
	assert_i64(s2_memslots_load("/", PAGE, &slots, &err), -EISDIR);
	assert_i64(err.code, S2_MEMSLOTS_ERR_INPUT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(slots_are_read_and_sorted),
		s2_unit_test(slots_are_found_by_address),
		s2_unit_test(bad_files_are_refused_with_their_line),
		s2_unit_test(slots_may_touch_and_share_host_memory),
		s2_unit_test(a_page_of_the_host_is_what_counts),
		s2_unit_test(as_many_slots_as_kvm_has_are_read),
		s2_unit_test(a_file_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
