/* SPDX-License-Identifier: MIT */
/*
 * The verdicts of the three stage-2 threads: who boots first, who restarts
 * unseen, what outlives a VM, what a flush must name.
 */
#include "support.h"
#include "study/work/boot_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <stage2sim/insn.h>
#include <stage2sim/tlbi.h>

#include "study/work/migrate.h"
#include "study/work/teardown.h"

#define ARCH	  (1U << S2_CONTRACT_ARCH)
#define BARE	  (1U << S2_CONTRACT_BARE_METAL)
#define COMPAT	  (1U << S2_CONTRACT_KVM_COMPAT)
#define ANY	  (1U << S2_CONTRACT_KVM_COMPAT_ANY)

static struct s2_features features_of(const char *spec)
{
	struct s2_features f;

	assert_i64(s2_features_parse(spec, &f, NULL), 0);
	return f;
}

/* The contracts that were broken; no rule about translations was. */
static unsigned broken(const struct s2_judge *judge)
{
	unsigned contracts = 0;

	assert_true(judge->watched);
	assert_true(judge->decided > 0);
	for (unsigned i = 0; i < S2_RULES; i++)
		if (i != S2_RULE_DATA)
			assert_u64(judge->broken[i], 0);
	for (unsigned i = 0; i < S2_CONTRACTS; i++)
		contracts |= (judge->broken[S2_RULES + i] > 0) << i;
	return contracts;
}

static unsigned boot(struct s2_boot b, const char *machine, enum s2_toggle toggle)
{
	const struct s2_features f = features_of(machine);
	const struct s2_flavour flavour = toggling(toggle);
	struct s2_judge judge = {0};
	struct s2_boot_cost cost;
	struct s2_error err;

	b.judge = &judge;
	assert_i64(s2_boot_run(&b, &f, &flavour, &cost, &err), 0);
	return broken(&judge);
}

/* vcpu 0 is not special: the 2025 patch holds where it happens to boot first. */
static void who_boots_first_decides_whether_vcpu0_is_enough(void **state)
{
	static const struct {
		enum s2_toggle toggle;
		unsigned first_0, first_1;
	} rows[] = {
		{S2_TOGGLE_EVERY, 0, 0},
		{S2_TOGGLE_NEVER, BARE | COMPAT | ANY, BARE | COMPAT | ANY},
		{S2_TOGGLE_VCPU0, COMPAT | ANY, BARE | COMPAT | ANY},
		{S2_TOGGLE_FIRST_LAST, COMPAT | ANY, COMPAT | ANY},
		{S2_TOGGLE_FIRST_LAST_TVM, COMPAT | ANY, COMPAT | ANY},
		{S2_TOGGLE_FIRST_LAST_FGT, COMPAT | ANY, COMPAT | ANY},
		{S2_TOGGLE_SINCE_FLUSH, COMPAT | ANY, COMPAT | ANY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_boot b = small_boot();

		s2_test_row("row %zu", i);
		assert_i64(boot(b, "neoverse-n1", rows[i].toggle), rows[i].first_0);
		b.first = 1;
		b.order = S2_BOOT_DESCENDING;
		assert_i64(boot(b, "neoverse-n1", rows[i].toggle), rows[i].first_1);
	}
}

static void with_fwb_nothing_is_owed(void **state)
{
	(void)state;
	for (int then = 0; then <= S2_BOOT_THEN_REBOOT; then++) {
		struct s2_boot b = small_boot();

		s2_test_row("then %d", then);
		b.then = then;
		assert_i64(boot(b, "neoverse-v1", S2_TOGGLE_NEVER), 0);
	}
}

/* What no trap tells KVM of it does not clean for: each restart but one through a reset. */
static void a_restart_that_does_not_trap_is_promised_nothing(void **state)
{
	static const struct {
		enum s2_boot_then then;
		unsigned broken;
	} rows[] = {
		{S2_BOOT_THEN_NOTHING, 0},   {S2_BOOT_THEN_KEXEC, ANY},	 {S2_BOOT_THEN_KDUMP, ANY},
		{S2_BOOT_THEN_REPLUG, ANY}, {S2_BOOT_THEN_REBOOT, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_boot b = small_boot();

		s2_test_row("row %zu", i);
		b.then = rows[i].then;
		b.then_vcpu = 1;
		assert_i64(boot(b, "neoverse-n1", S2_TOGGLE_EVERY), rows[i].broken);
	}
}

static void a_guest_that_cleans_by_set_and_way_is_kept_its_promise(void **state)
{
	struct s2_boot b = small_boot();

	(void)state;
	b.guest = S2_BOOT_SETWAY32;
	assert_i64(boot(b, "neoverse-n1", S2_TOGGLE_EVERY), 0);
	assert_i64(boot(b, "neoverse-n1", S2_TOGGLE_NEVER), BARE | COMPAT | ANY);
}

static unsigned die(struct s2_dying d, const struct s2_flavour *flavour)
{
	const struct s2_features f = features_of("cortex-a72");
	struct s2_judge judge = {0};
	struct s2_death_cost cost;
	struct s2_error err;

	d.judge = &judge;
	assert_i64(s2_death_run(&d, &f, flavour, &cost, &err), 0);
	return broken(&judge);
}

/*
 * Memory that dies with the VM needs no cleaning; of what outlives it the host may
 * read what was there before a write past the caches, unless somebody cleans.
 */
static void cleaning_is_owed_for_what_outlives_the_vm(void **state)
{
	static const struct {
		enum s2_teardown teardown;
		enum s2_unmap_cmo unmap_cmo;
		bool close, munmap; /* shared memory is lost by closing, by unmapping before */
	} rows[] = {
		{S2_TEARDOWN_UNMAP, S2_UNMAP_CMO_ALWAYS, false, false},
		{S2_TEARDOWN_UNMAP_NO_CMO, S2_UNMAP_CMO_ALWAYS, true, false},
		{S2_TEARDOWN_UNMAP_NEITHER, S2_UNMAP_CMO_NOT_ON_EVENT, true, true},
		{S2_TEARDOWN_WALK, S2_UNMAP_CMO_ALWAYS, true, false},
		{S2_TEARDOWN_DROP, S2_UNMAP_CMO_ALWAYS, true, false},
		{S2_TEARDOWN_DROP_SHARED, S2_UNMAP_CMO_NOT_IF_DYING, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_flavour flavour = *s2_flavour_at(0);
		struct s2_dying d = {
			.memory = 16 * MIB, .backing = 4 * KIB, .ipa_bits = 40, .vcpus = 2, .vms = 2};
		const unsigned lost = ARCH | BARE | COMPAT | ANY;

		flavour.teardown = rows[i].teardown;
		flavour.unmap_cmo = rows[i].unmap_cmo;
		s2_test_row("row %zu", i);
		assert_i64(die(d, &flavour), 0);
		d.death = S2_DEATH_MUNMAP;
		assert_i64(die(d, &flavour), 0);
		d.life = S2_BACKING_SHARED;
		assert_i64(die(d, &flavour), rows[i].munmap ? lost : 0);
		d.death = S2_DEATH_CLOSE;
		assert_i64(die(d, &flavour), rows[i].close ? lost : 0);
	}
}

/* What a migration flushes, and by what. */
struct migration {
	uint64_t slot;
	s2_range_flush_fn flush;
	enum s2_clear_flush clear;
};

static int run_migration(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	const struct migration *m = arg;
	const struct s2_features f = features_of("neoverse-n2");
	const struct s2_migrate mig = {
		.slot = m->slot,
		.backing = 4 * KIB,
		.dirty = 64,
		.run = 1,
		.rounds = 2,
		.chunk = GIB,
		.manual = true,
		.vcpus = 2,
		.working_set = 64 * MIB,
		.tlb = 1280,
		.judge = judge,
	};
	struct s2_flavour flavour = *s2_flavour_find("newest");
	struct s2_migrate_cost cost;

	flavour.flush_range_with = m->flush;
	flavour.clear_flush = m->clear;
	return s2_migrate_run(&mig, &f, &flavour, &cost, err);
}

static uint64_t migrate(uint64_t slot, s2_range_flush_fn flush, enum s2_clear_flush clear)
{
	struct migration m = {slot, flush, clear};
	struct s2_judge judge = {0};
	struct s2_error err = {0};

	assert_i64(run_migration(&m, &judge, &err), 0);
	assert_true(judge.watched);
	return judge.broken[S2_RULE_DIRTY_LOG];
}

/* One range TLBI names 2^21 pages at most: what lies above is not flushed by it. */
static void flush_the_first_chunk(struct s2_mmu *mmu, struct s2_cpu *cpu, struct s2_range range)
{
	const struct s2_tlbi_format fmt = {12, true, false, true};
	struct s2_flush_context cxt;
	uint64_t operand;

	assert_i64(s2_tlbi_range_operand(&fmt, range.ipa, 31, 3, S2_TTL_UNKNOWN, &operand), 0);
	s2_flush_enter(mmu, cpu, &cxt);
	s2_tlbi_ripas2e1is(cpu, operand);
	s2_dsb(cpu, S2_DSB_ISH);
	s2_tlbi_vmalle1is(cpu);
	s2_flush_exit(mmu, cpu, &cxt);
}

static void a_flush_names_all_that_was_cleared(void **state)
{
	(void)state;
	assert_u64(migrate(32 * GIB, NULL, S2_CLEAR_FLUSH_SLOT), 0);
	assert_u64(migrate(32 * GIB, NULL, S2_CLEAR_FLUSH_SPAN), 0);
	assert_u64(migrate(8 * GIB, flush_the_first_chunk, S2_CLEAR_FLUSH_SLOT), 0);
	assert_true(migrate(32 * GIB, flush_the_first_chunk, S2_CLEAR_FLUSH_SLOT) > 0);
}

struct toggled_boot {
	struct s2_boot boot;
	enum s2_toggle toggle;
};

static int run_toggled(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	struct toggled_boot *b = arg;
	const struct s2_features f = features_of("neoverse-n1");
	const struct s2_flavour flavour = toggling(b->toggle);
	struct s2_boot_cost cost;

	b->boot.judge = judge;
	return s2_boot_run(&b->boot, &f, &flavour, &cost, err);
}

/* Asked one question, twice if it is broken: the second time for the story. */
static struct s2_judge ask(int (*run)(void *, struct s2_judge *, struct s2_error *), void *arg,
			   struct s2_question question)
{
	const struct s2_judged judged = {run, arg, &question, 1};
	struct s2_judge judge = {0};
	struct s2_error err = {0};

	assert_i64(s2_judge_run(&judge, &judged, &err), 0);
	return judge;
}

/* Lines of @judge's story, as a table has them. */
static const char *lines_of(const struct s2_judge *judge)
{
	static char text[S2_TOLD_LINES * 2 * S2_STORY_TEXT];

	(void)s2_told_lines(&judge->story, text, sizeof(text));
	return text;
}

static void assert_told(const struct s2_judge *judge, const char *const *steps, size_t n)
{
	const char *at = lines_of(judge);

	for (size_t i = 0; i < n; i++) {
		s2_test_row("%s", steps[i]);
		at = strstr(at, steps[i]);
		assert_non_null(at);
	}
}

/* Read aloud: the host zeroes, KVM cleans, the guest writes past the caches, turns them on. */
static void a_story_tells_what_befell_the_line(void **state)
{
	static const char *const steps[] = {
		"1. host: writes the page for VM 0 by its linear map; a cacheable read gives write 1",
		"2. CPU 1: dc_civac of it (stage2:map)",
		"3. CPU 1: dsb_sy (stage2:map); a cacheable read gives write 1, one past the caches write 1",
		"4. vcpu 1: writes it, caches off: the last write; a cacheable read may give writes 1 to 2",
		"5. vcpu 1: caches on, trapped",
		"==> a cacheable read may return write 1; right is write 2",
	};
	struct toggled_boot b = {small_boot(), S2_TOGGLE_VCPU0};
	struct s2_judge judge;

	(void)state;
	b.boot.first = 1;
	b.boot.order = S2_BOOT_DESCENDING;
	judge = ask(run_toggled, &b, (struct s2_question){"bare-metal", 0, BARE});
	assert_told(&judge, steps, ARRAY_SIZE(steps));
	assert_int_equal(judge.story.n, 5);
}

/* The same of a translation: write-protected, and never named in a TLBI. */
static void a_story_tells_what_befell_the_entry(void **state)
{
	static const char *const steps[] = {
		": stores descriptor ",
		"2. CPU 2: stores descriptor ",
		"(stage2:wrprotect); CPU 0 may hold 1 old translation\n   3. CPU 2: dsb_ishst (tlb:own_flush)",
		"4. CPU 2: tlbi_vmalle1is (tlb:own_flush)",
		"5. CPU 2: dsb_ish (tlb:own_flush)",
		"6. CPU 2: kvm_mmu_wp_memory_region: dirty-harvested; CPU 0 may hold 1 old translation",
		"==> CPU 0 may write IPA ",
	};
	struct migration m = {32 * GIB, flush_the_first_chunk, S2_CLEAR_FLUSH_SLOT};
	const struct s2_judge judge = ask(
		run_migration, &m, (struct s2_question){"dirty-log", 1U << S2_RULE_DIRTY_LOG, 0});

	(void)state;
	assert_true(judge.told);
	assert_told(&judge, steps, ARRAY_SIZE(steps));
	assert_int_equal(judge.story.n, 6);
}

static void what_holds_has_no_story(void **state)
{
	struct toggled_boot b = {small_boot(), S2_TOGGLE_EVERY};
	const struct s2_judge judge =
		ask(run_toggled, &b, (struct s2_question){"bare-metal", 0, BARE});

	(void)state;
	assert_false(judge.told);
	assert_string_equal(lines_of(&judge), "");
}

/* A run that finds three things; a second time it is asked for the story. */
static int run_broken(void *arg, struct s2_judge *judge, struct s2_error *err)
{
	unsigned *runs = arg;

	(void)err;
	assert_int_equal(judge->told, *runs == 1);
	++*runs;
	judge->watched = true;
	judge->decided = 7;
	judge->broken[S2_RULES + S2_CONTRACT_BARE_METAL] = 2;
	judge->first[S2_RULES + S2_CONTRACT_BARE_METAL] = (struct s2_violation){
		.rule = S2_RULE_DATA, .contract = S2_CONTRACT_BARE_METAL, .step = 9};
	judge->broken[S2_RULES + S2_CONTRACT_ARCH] = 1;
	judge->first[S2_RULES + S2_CONTRACT_ARCH] = (struct s2_violation){
		.rule = S2_RULE_DATA, .contract = S2_CONTRACT_ARCH, .step = 4};
	return 0;
}

/* A table says what was found first, and how much more there was. */
static void a_verdict_tells_the_first_violation(void **state)
{
	static const struct s2_question questions[] = {
		{"rules", S2_RULES_OF_ISOLATION, 0},
		{"both", 1U << S2_RULE_TABLES, ARCH | BARE},
	};
	unsigned runs = 0;
	const struct s2_judged judged = {run_broken, &runs, questions, 2};
	struct s2_result result = {0};
	struct s2_error err = {0};

	(void)state;
	assert_i64(s2_judge_verdicts(S2_CHECK_ALWAYS, &judged, &result, &err), 0);
	assert_i64(runs, 2);
	assert_i64(result.verdicts[0].status, S2_SOUND);
	assert_u64(result.verdicts[0].states, 7);
	assert_i64(result.verdicts[1].status, S2_UNSOUND);
	assert_non_null(strstr(result.verdicts[1].violation, "data, arch: "));
	assert_non_null(strstr(result.verdicts[1].violation, "step 4); 3 in all"));
	s2_result_free(&result);
}

static void what_is_not_watched_is_unchecked(void **state)
{
	static const struct s2_question question = {"both", 1U << S2_RULE_TABLES, ARCH | BARE};
	unsigned runs = 0;
	const struct s2_judged judged = {run_broken, &runs, &question, 1};
	struct s2_result result = {0};
	struct s2_error err = {0};

	(void)state;
	assert_i64(s2_judge_verdicts(S2_CHECK_NEVER, &judged, &result, &err), 0);
	assert_i64(runs, 0);
	assert_i64(result.verdicts[0].status, S2_UNCHECKED);
}

static void what_is_long_is_watched_if_asked_for(void **state)
{
	struct s2_counts ops = {{0}};

	(void)state;
	ops.n[S2_OP_DC_CIVAC] = UINT64_MAX / 2;
	ops.n[S2_OP_S2_FAULT] = S2_JUDGE_STEPS;
	assert_true(s2_judge_wanted(S2_CHECK_AUTO, &ops));
	ops.n[S2_OP_S2_FAULT]++;
	assert_false(s2_judge_wanted(S2_CHECK_AUTO, &ops));
	assert_true(s2_judge_wanted(S2_CHECK_ALWAYS, &ops));
	assert_false(s2_judge_wanted(S2_CHECK_NEVER, &ops));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(who_boots_first_decides_whether_vcpu0_is_enough),
		s2_unit_test(with_fwb_nothing_is_owed),
		s2_unit_test(a_restart_that_does_not_trap_is_promised_nothing),
		s2_unit_test(a_guest_that_cleans_by_set_and_way_is_kept_its_promise),
		s2_unit_test(cleaning_is_owed_for_what_outlives_the_vm),
		s2_unit_test(a_flush_names_all_that_was_cleared),
		s2_unit_test(a_story_tells_what_befell_the_line),
		s2_unit_test(a_story_tells_what_befell_the_entry),
		s2_unit_test(what_holds_has_no_story),
		s2_unit_test(a_verdict_tells_the_first_violation),
		s2_unit_test(what_is_not_watched_is_unchecked),
		s2_unit_test(what_is_long_is_watched_if_asked_for),
	};

	return cmocka_run_group_tests_name("study/work/judge", tests, NULL, NULL);
}
