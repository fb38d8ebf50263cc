/* SPDX-License-Identifier: MIT */
/* What is a log: events however they are set, each word of them, and what is refused. */
#include "study/check/log_rig.h"

/* An event is one S-expression, on however many lines, and lines have what they like of them. */
static void white_space_and_comments_mean_nothing(void **state)
{
	static const char *const forms[] = {
		"(barrier (id 1) (tid 0) dsb (kind ish) (src \"a:1\"))\n(barrier 2 0 isb \"a:2\")\n",
		"(barrier (id 1) (tid 0) dsb (kind ish) (src \"a:1\"))(barrier 2 0 isb \"a:2\")",
		"\n\n  (barrier\n(id\n1)\n(tid 0)\n\n\tdsb (kind\nish) (src\n\"a:1\")\n)\n(barrier\n2 0 isb)\n",
		"; a log\n# of two\n(barrier 1 0 dsb ; the first\n# and\nish) ; seen\n(barrier 2 0 isb)# last\n",
		"(barrier 1 0 dsb ish)\r\n\r\n(barrier 2\r\n0 isb)\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct s2_check_outcome outcome;
		char text[4096];
		struct log l;

		s2_test_row("form %zu", i);
		log_begin(&l);
		fputs(forms[i], l.file);
		outcome = check(&l, 0, text, sizeof(text));
		assert_u64(outcome.events, 2);
		assert_u64(outcome.violations, 0);
		log_end(&l);
	}
}

static void a_line_within_an_event_is_told_with_where_that_begins(void **state)
{
	char text[4096];
	struct log l;

	(void)state;
	log_begin(&l);
	fputs("(barrier 0 0 isb)\n(mem-write 0 0\n\nplain 0 xyz)\n", l.file);
	check(&l, -1, text, sizeof(text));
	assert_non_null(strstr(text, ":4: value of \"mem-write\": expected a hexadecimal number (of the "
				     "event that begins in line 2)"));
	log_end(&l);
	/* A writer that was stopped, and went on. */
	log_begin(&l);
	fputs("(mem-write (id 0) (tid 0)\n(barrier 0 0 isb)\n", l.file);
	check(&l, -1, text, sizeof(text));
	assert_non_null(strstr(text, ":2: expected \")\" after a key and its value (of the event that "
				     "begins in line 1)"));
	log_end(&l);
}

static void what_is_no_event_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"mem-write 0 0 plain 0 0", "expected \"(\""},
		{"(mem-wrte 0 0 plain 0 0)", "no event of this log"},
		{"(mem-write 0 0 plain 0", "ends within an event"},
		{"(mem-write 0 0 plain 0)", "has no value"},
		{"(mem-write 0 0 plain 0 0 0)", "one value too many"},
		{"(mem-write 0 0 eager 0 0)", "no memory order"},
		{"(mem-write 0 0 plain 1 0)", "no multiple of 8"},
		{"(mem-write 0 0 plain xyz 0)", "a hexadecimal number"},
		{"(mem-write 0 0 plain 0x 0)", "a hexadecimal number"},
		{"(mem-write 0 0 plain 0x10000000000000000 0)", "at most 64 bits"},
		{"(mem-write 0 9 plain 0 0)", "expected one below 4"},
		{"(mem-write (id 0) (tid 0) (tid 1) plain 0 0)", "two values for \"tid\""},
		{"(mem-write 0 0 plain (addr 0) 0)", "no field"},
		{"(mem-init 0 0 0xffffffff000 0x2000)", "another region of 2^44 bytes than the first"},
		{"(mem-init 0 0 0x10 0x1000)", "not whole pages"},
		{"(tlbi 0 0 ipas2e1is)", "has no value"},
		{"(tlbi 0 0 vmalls12e1is 3)", "takes none"},
		{"(tlbi 0 0 vmalls13e1is)", "no TLBI"},
		{"(barrier 0 0 dmb)", "no kind of DMB"},
		{"(barrier 0 0 dmb osh)", "no kind of DMB"},
		{"(barrier 0 0 dsb osh)", "no kind of DSB"},
		{"(sysreg-write 0 0 vbar_el2 0)", "no system register"},
		{"(barrier 0 0 isb)(barrier 0 0 ish)", "no barrier of this log"},
		{"(barrier 0 0 isb) and more", "expected \"(\" at the start of an event"},
		{"(barrier 0 0\nisb", ":3: the log ends within an event"},
		{"(mem-read 0 0 0 0 \"a:1)", "a closing quote"},
		{"(rely 0 0 nothing 0 0 0 0 read)", "no reliance"},
		{"(rely 0 0 nothing 0 0 0 0 look)", "no access"},
		{"(dc 0 0 cvau 0x1000 0x1000)", "no cache operation"},
		{"(mem-free 0 0 0xfffffffffffff000 0x2000)", "wraps around"},
		{"(mem-init 0 0 0 0x100001000)", "more than 4 GiB"},
		{"(mem-free 0 0 0 0xfffffffffffff000)", "more than 4 GiB"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[4096];
		struct log l;

		s2_test_row("%s", rows[i].text);
		log_begin(&l);
		fprintf(l.file, "; a comment\n\n%s\n", rows[i].text);
		check(&l, -1, text, sizeof(text));
		if (!strstr(text, rows[i].message) || !strstr(text, ":3: "))
			fail_msg("%s: said \"%s\"", rows[i].text, text);
		log_end(&l);
	}
}

/* What is no business of stage 2 is said to be ignored; what is, is not. */
static void each_event_is_taken_or_said_to_be_ignored(void **state)
{
	static const struct {
		const char *text;
		unsigned ignored, reliances;
	} rows[] = {
		{"(dc 0 0 civac 0x40000000 0x1000 40 1)", 0, 0},
		{"(dc 0 0 cvac 0x40000000 0x1000 40 1)", 0, 0},
		{"(dc 0 0 ivac 0x40000000 0x1000 40 1)", 0, 0},
		{"(dc 0 0 setway (count 4))", 0, 0},
		{"(ic 0 0 ivau 0x40000000 0x1000 40)", 0, 0},
		{"(ic 0 0 ialluis)", 0, 0},
		{"(ic 0 0 iallu)", 0, 0},
		{"(guest 0 0 entry 1)", 0, 0},
		{"(guest 0 0 exit 1)", 0, 0},
		{"(guest 0 0 fault 1)", 1, 0},
		{"(step 0 0 irq-lock 3)", 1, 0},
		{"(tlbi 0 0 alle2)", 1, 0},
		{"(tlbi 0 0 vae2is 0)", 1, 0},
		{"(sysreg-write 0 0 mair_el2 0)", 1, 0},
		{"(rely 0 0 return 0 0 0 0x1000 read)", 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_check_outcome outcome;
		char text[4096];
		struct log l;

		s2_test_row("%s", rows[i].text);
		log_begin(&l);
		fprintf(l.file, "%s\n", rows[i].text);
		outcome = check(&l, 0, text, sizeof(text));
		assert_u64(outcome.events, 1);
		assert_u64(outcome.ignored, rows[i].ignored);
		assert_u64(outcome.reliances, rows[i].reliances);
		assert_u64(outcome.violations, 0);
		log_end(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(white_space_and_comments_mean_nothing),
		s2_unit_test(a_line_within_an_event_is_told_with_where_that_begins),
		s2_unit_test(what_is_no_event_is_refused_with_its_line),
		s2_unit_test(each_event_is_taken_or_said_to_be_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
