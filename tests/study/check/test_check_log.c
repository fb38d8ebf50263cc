/* SPDX-License-Identifier: MIT */
/* Instruction logs under the oracle: casemate's form, sound and broken; our own logs told again. */
#include "study/check/log_rig.h"

/* What a peer's checker was seen to say of the same, and what Arm's rule says. */
static void each_change_of_a_page_is_judged_by_arms_rules(void **state)
{
	static const struct {
		const char *name;
		uint64_t before, after;
		bool broken, tlbi, flushed; /* made invalid first; a TLBI of the page; of all, at last */
		const char *rule;	    /* NULL: sound */
	} rows[] = {
		{"another output, AF set, no break", LEAF_RW, LEAF_OTHER, false, false, false,
		 "break-before-make"},
		{"another output, AF clear on both", LEAF_RW & ~AF, LEAF_OTHER & ~AF, false, false,
		 false, NULL},
		{"another type, no break", LEAF_RW, (LEAF_RW & ~UINT64_C(0x3c)) | 0x4, false, false,
		 false,
		 "break-before-make"},
		{"read-write to read-only, no TLBI", LEAF_RW, LEAF_RO, false, false, false,
		 "translation"},
		{"read-write to read-only, flushed", LEAF_RW, LEAF_RO, false, false, true, NULL},
		{"read-only to read-write, no TLBI", LEAF_RO, LEAF_RW, false, false, false, NULL},
		{"unmapped, never flushed", LEAF_RW, 0, false, false, false, "translation"},
		{"unmapped, flushed", LEAF_RW, 0, false, false, true, NULL},
		{"another output, broken and flushed", LEAF_RW, LEAF_OTHER, true, true, false, NULL},
		{"another output, broken, no TLBI", LEAF_RW, LEAF_OTHER, true, false, false,
		 "break-before-make"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_check_outcome outcome;
		char text[4096];
		struct log l;

		s2_test_row("%s", rows[i].name);
		log_begin(&l);
		tables(&l, rows[i].before);
		if (rows[i].broken)
			store(&l, LEVEL3, 0);
		if (rows[i].broken)
			line(&l, "barrier", "dsb (kind ish)");
		if (rows[i].tlbi)
			tlbi_page(&l);
		store(&l, LEVEL3, rows[i].after);
		line(&l, "barrier", "dsb (kind ish)");
		if (rows[i].flushed)
			tlbi_page(&l);
		outcome = check(&l, 0, text, sizeof(text));
		assert_u64(outcome.violations != 0, rows[i].rule != NULL);
		if (rows[i].rule)
			assert_non_null(strstr(text, rows[i].rule));
		else
			assert_non_null(strstr(text, "holds for all that hardware may do"));
		log_end(&l);
	}
}

/* The one that breaks and the one that flushes may be two, if the break is seen. */
static void another_cpu_may_flush_and_make(void **state)
{
	char text[4096];
	struct log l;

	(void)state;
	log_begin(&l);
	tables(&l, LEAF_RW);
	store(&l, LEVEL3, 0);
	line(&l, "barrier", "dsb (kind ish)");
	fprintf(l.file, "(sysreg-write (id 90) (tid 1) vtcr_el2 %" PRIx64 ")\n", vtcr_40());
	fprintf(l.file, "(sysreg-write (id 91) (tid 1) vttbr_el2 %" PRIx64 ")\n",
		ROOT | UINT64_C(1) << 48);
	fputs("(sysreg-write (id 91) (tid 1) hcr_el2 1)\n(barrier 91 1 isb)\n"
	      "(tlbi 92 1 vmalls12e1is \"t.c:1\")\n(barrier 93 1 dsb ish)\n(barrier 94 1 isb)\n",
	      l.file);
	store(&l, LEVEL3, LEAF_OTHER);
	assert_u64(check(&l, 0, text, sizeof(text)).violations, 0);
	log_end(&l);
}

/* With the VMID of another loaded the TLBI is for nobody. */
static void a_flush_under_another_vmid_is_none(void **state)
{
	char text[4096];
	struct log l;

	(void)state;
	log_begin(&l);
	tables(&l, LEAF_RW);
	store(&l, LEVEL3, 0);
	line(&l, "barrier", "dsb (kind ish)");
	sysreg(&l, "vttbr_el2", UINT64_C(0x50000000) | UINT64_C(2) << 48);
	line(&l, "barrier", "isb");
	line(&l, "tlbi", "vmalls12e1is");
	line(&l, "barrier", "dsb (kind ish)");
	line(&l, "barrier", "isb");
	assert_u64(check(&l, 0, text, sizeof(text)).violations, 1);
	assert_non_null(strstr(text, "VMID 1"));
	log_end(&l);
}

static void a_page_that_is_freed_while_it_is_linked_is_told(void **state)
{
	struct s2_check_outcome outcome;
	char text[4096];
	struct log l;

	(void)state;
	log_begin(&l);
	tables(&l, LEAF_RW);
	line(&l, "guest", "entry (count 1)");
	line(&l, "mem-free", "(address 0x40011000) (size 0x1000)");
	fputs("! freed while it is linked\n", l.file);
	outcome = check(&l, 0, text, sizeof(text));
	assert_true(outcome.violations > 0);
	assert_true(outcome.expected);
	assert_non_null(strstr(text, "page 0x40011000"));
	/* The line that it was, counted from 1. */
	assert_non_null(strstr(text, ":12: tables: CPU 0 is in this guest"));
	log_end(&l);
}

/* A file as text, which is deleted. */
static void take_file(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
	assert_i64(remove(path), 0);
}

/* casemate's logs do not say when guests run: whoever has it loaded at the end does. */
static void a_linked_page_is_not_freed_though_no_guest_is_logged(void **state)
{
	char text[4096];
	struct log l;

	(void)state;
	log_begin(&l);
	tables(&l, LEAF_RW);
	line(&l, "mem-free", "(address 0x40011000) (size 0x1000)");
	assert_u64(check(&l, 0, text, sizeof(text)).violations, 1);
	assert_non_null(strstr(text, "tables: CPU 0 enters a guest whose walks may lead to a freed page"));
	log_end(&l);
}

/* A VM is torn down with no TLBI at all: its VMID is another matter, and nobody runs in it. */
static void a_stage_2_whose_root_is_freed_is_relied_on_no_more(void **state)
{
	char text[4096];
	struct log l;

	(void)state;
	log_begin(&l);
	tables(&l, LEAF_RW);
	store(&l, LEVEL2, 0);
	line(&l, "mem-free", "(address 0x40010000) (size 0x2000)");
	line(&l, "mem-free", "(address 0x40000000) (size 0x2000)");
	assert_u64(check(&l, 0, text, sizeof(text)).violations, 0);
	log_end(&l);
}

/* What another page's change did is no part of it; what was made, and what had held, is. */
static void the_story_of_the_first_violation_has_the_steps_that_matter(void **state)
{
	struct s2_check_job job = {.keep = 4, .at_end = true};
	char text[8192], path[S2_TEST_PATH + 8];
	struct log l;

	(void)state;
	log_begin(&l);
	snprintf(path, sizeof(path), "%s.txt", l.path);
	job.story = path;
	tables(&l, LEAF_RW);
	store(&l, LEVEL3 + 8, LEAF_RW);
	store(&l, LEVEL3, 0);
	line(&l, "barrier", "dsb (kind ish)");
	store(&l, LEVEL3, LEAF_OTHER);
	store(&l, LEVEL3 + 8, 0);
	assert_true(check_as(&l, job, 0, text, sizeof(text)).violations > 1);
	/* Each is told with its own line's src, though later lines have others. */
	assert_non_null(strstr(text, ":14: break-before-make"));
	assert_non_null(strstr(text, "(t.c:13 on CPU 0"));
	take_file(path, text, sizeof(text));
	assert_non_null(strstr(text, "break-before-make"));
	assert_non_null(strstr(text, "(t.c:13 on CPU 0"));
	assert_non_null(strstr(text, "(t.c:11)"));
	assert_null(strstr(text, "t.c:10)"));
	assert_non_null(strstr(text, "==> CPU "));
	log_end(&l);
}

static void where_nothing_is_broken_no_story_is_written(void **state)
{
	struct s2_check_job job = {.keep = 4, .at_end = true};
	char text[4096], path[S2_TEST_PATH + 8];
	struct log l;

	(void)state;
	log_begin(&l);
	snprintf(path, sizeof(path), "%s.svg", l.path);
	job.story = path;
	tables(&l, LEAF_RW);
	assert_u64(check_as(&l, job, 0, text, sizeof(text)).violations, 0);
	assert_null(fopen(path, "r"));
	log_end(&l);
}

static int to_file(void *arg, const char *text, size_t len)
{
	return fwrite(text, 1, len, arg) == len ? 0 : -EIO;
}

/* What this library does, written as a log and told again, breaks no rule; less a TLBI it does. */
static void our_own_logs_are_told_again(void **state)
{
	(void)state;
	for (unsigned casemate = 0; casemate < 2; casemate++) {
		struct s2_machine_config cfg = {.cpus = 2};
		const struct s2_mmu_config mc = {s2_flavour_find("kvm-6.12"), 40, {1}};
		struct s2_log_config log = {
			.write = to_file, .casemate_only = casemate != 0};
		struct s2_check_outcome outcome;
		struct s2_machine *m;
		struct s2_log *sink;
		struct s2_mmu *mmu;
		struct s2_cpu *cpu;
		char text[4096];
		struct log l;

		log_begin(&l);
		log.arg = l.file;
		assert_i64(s2_features_parse("cortex-a72", &cfg.features, NULL), 0);
		assert_i64(s2_machine_create(&cfg, &m), 0);
		assert_i64(s2_log_attach(m, &log, &sink), 0);
		assert_i64(s2_mmu_create(m, &mc, &mmu), 0);
		cpu = s2_machine_cpu(m, 0);
		for (unsigned i = 0; i < 20; i++) {
			const struct s2_range range = s2_range(0x80000000 + i * 0x3000, 0x5000);

			assert_i64(s2_pgtable_map(mmu, cpu, range, s2_pa(0x100000000), S2_PROT_R,
						  NULL, 0),
				   0);
			assert_i64(s2_pgtable_wrprotect(mmu, cpu, range), 0);
			assert_i64(s2_flush_vmid_range(mmu, cpu, range), 0);
			assert_i64(s2_pgtable_unmap(mmu, cpu, range), 0);
		}
		assert_i64(s2_log_detach(sink, NULL), 0);
		s2_mmu_free(mmu);
		s2_machine_destroy(m);
		outcome = check(&l, 0, text, sizeof(text));
		assert_true(outcome.events > 100);
		if (outcome.violations)
			fail_msg("%s", text);
		assert_u64(outcome.changed, 0);
		assert_u64(outcome.violations, 0);
		log_end(&l);
	}
}

/* A guest that runs while two of its tables are freed. */
static void two_tables_freed(struct log *l)
{
	log_begin(l);
	tables(l, LEAF_RW);
	line(l, "guest", "entry (count 1)");
	line(l, "mem-free", "(address 0x40011000) (size 0x1000)");
	line(l, "mem-free", "(address 0x40010000) (size 0x1000)");
}

static void violations_that_are_not_kept_are_counted(void **state)
{
	struct s2_check_outcome all, one;
	char text[4096], more[32];
	struct log l;

	(void)state;
	two_tables_freed(&l);
	all = check(&l, 0, text, sizeof(text));
	log_end(&l);
	assert_true(all.violations >= 2);
	assert_null(strstr(text, " more\n"));
	two_tables_freed(&l);
	one = check_as(&l, (struct s2_check_job){.keep = 1, .at_end = true}, 0, text, sizeof(text));
	log_end(&l);
	assert_u64(one.violations, all.violations);
	snprintf(more, sizeof(more), "and %" PRIu64 " more\n", all.violations - 1);
	assert_non_null(strstr(text, more));
	/* The first stays, with its line. */
	assert_non_null(strstr(text, ":12: tables: "));
	assert_null(strstr(text, ":13: "));
	/* None kept, all counted. */
	two_tables_freed(&l);
	one = check_as(&l, (struct s2_check_job){.at_end = true}, 0, text, sizeof(text));
	log_end(&l);
	assert_u64(one.violations, all.violations);
	snprintf(more, sizeof(more), "and %" PRIu64 " more\n", all.violations);
	assert_memory_equal(text, more, strlen(more));
}

static void only_the_rules_that_are_asked_for_are_judged(void **state)
{
	struct s2_check_outcome outcome;
	char text[4096];
	struct log l;

	(void)state;
	two_tables_freed(&l);
	outcome = check_as(&l, (struct s2_check_job){.keep = 4, .rules = 1U << S2_RULE_VMID}, 0,
			   text, sizeof(text));
	assert_u64(outcome.violations, 0);
	assert_non_null(strstr(text, "holds for all that hardware may do: 0 violations"));
	log_end(&l);
	/* What guests read and write no log says. */
	two_tables_freed(&l);
	check_as(&l, (struct s2_check_job){.rules = 1U << S2_RULE_DATA}, -1, text, sizeof(text));
	assert_non_null(strstr(text, "expected rules about translations"));
	log_end(&l);
}

static void json_has_what_the_text_has(void **state)
{
	struct s2_check_outcome outcome;
	char text[8192], part[64];
	struct log l;

	(void)state;
#ifndef S2_HAVE_JANSSON
	two_tables_freed(&l);
	check_as(&l, (struct s2_check_job){.keep = 1, .json = true}, -1, text, sizeof(text));
	assert_non_null(strstr(text, "JSON was left out"));
	log_end(&l);
	skip();
#endif
	two_tables_freed(&l);
	fputs("! freed\n", l.file);
	outcome = check_as(&l, (struct s2_check_job){.keep = 1, .at_end = true, .json = true}, 0,
			   text, sizeof(text));
	log_end(&l);
	snprintf(part, sizeof(part), "\"violations\": %" PRIu64, outcome.violations);
	assert_non_null(strstr(text, part));
	snprintf(part, sizeof(part), "\"lines\": %" PRIu64 ",", outcome.lines);
	assert_non_null(strstr(text, part));
	assert_non_null(strstr(text, "\"expected\": true"));
	assert_non_null(strstr(text, "\"line\": 12,"));
	assert_non_null(strstr(text, "\"rule\": \"tables\""));
	assert_non_null(strstr(text, "\"text\": \"tables: CPU 0 is in this guest"));
	/* One is kept. */
	assert_null(strstr(strstr(text, "\"rule\"") + 1, "\"rule\""));
}

static void a_log_that_reads_what_nobody_wrote_is_not_complete(void **state)
{
	struct s2_check_outcome outcome;
	char text[4096];
	struct log l;

	(void)state;
	log_begin(&l);
	/* What was there before the log began is believed once. */
	line(&l, "mem-read", "(address 0x50000000) (value 0x3)");
	line(&l, "mem-read", "(address 0x50000000) (value 0x3)");
	outcome = check(&l, 0, text, sizeof(text));
	assert_u64(outcome.changed, 0);
	log_end(&l);
	log_begin(&l);
	line(&l, "mem-init", "(address 0x50000000) (size 0x1000)");
	/* A page set is each of its entries. */
	line(&l, "mem-set", "(address 0x50000000) (size 0x1000) (value 0x5)");
	line(&l, "mem-read", "(address 0x50000000) (value 0x5)");
	line(&l, "mem-read", "(address 0x50000ff8) (value 0x5)");
	line(&l, "mem-read", "(address 0x50000ff8) (value 0x6)");
	outcome = check(&l, 0, text, sizeof(text));
	assert_u64(outcome.changed, 1);
	assert_non_null(strstr(text, "1 reads found another value than was written before"));
	log_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(each_change_of_a_page_is_judged_by_arms_rules),
		s2_unit_test(another_cpu_may_flush_and_make),
		s2_unit_test(a_flush_under_another_vmid_is_none),
		s2_unit_test(a_page_that_is_freed_while_it_is_linked_is_told),
		s2_unit_test(the_story_of_the_first_violation_has_the_steps_that_matter),
		s2_unit_test(where_nothing_is_broken_no_story_is_written),
		s2_unit_test(a_linked_page_is_not_freed_though_no_guest_is_logged),
		s2_unit_test(a_stage_2_whose_root_is_freed_is_relied_on_no_more),
		s2_unit_test(our_own_logs_are_told_again),
		s2_unit_test(violations_that_are_not_kept_are_counted),
		s2_unit_test(only_the_rules_that_are_asked_for_are_judged),
		s2_unit_test(json_has_what_the_text_has),
		s2_unit_test(a_log_that_reads_what_nobody_wrote_is_not_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
