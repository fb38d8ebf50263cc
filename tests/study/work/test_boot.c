/* SPDX-License-Identifier: MIT */
/*
 * Boots against closed forms.  Lines are of 64 bytes; a page, or a block, that
 * is touched in any part is cleaned whole.
 *
 * With N vcpus, of which the first touches E bytes before its caches are on
 * and which have M(k) bytes mapped when the k-th of the others turns its on:
 *
 *     every toggle:  (E + M(1) + ... + M(N - 1)) / 64 lines
 *     first on:      E / 64
 *     since flush:   M(N - 1) / 64: everything once
 */
#include "support.h"
#include "study/work/boot_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/work/vm_check.h"

#include "../../../bench/s2-boot.c"

#define LINE 64

static struct s2_boot_cost run_boot(const struct s2_boot *boot, const char *machine,
				    enum s2_toggle toggle)
{
	const struct s2_flavour f = toggling(toggle);
	struct s2_features features;
	struct s2_boot_cost cost;
	struct s2_error err = {0};

	assert_i64(s2_features_parse(machine, &features, NULL), 0);
	assert_i64(s2_boot_check(boot, &features, &f, &err), 0);
	assert_i64(s2_boot_run(boot, &features, &f, &cost, &err), 0);
	return cost;
}

static uint64_t in_blocks(uint64_t bytes, uint64_t block)
{
	return (bytes + block - 1) / block * block;
}

/* Mapped when the @k-th of the other vcpus comes up: the low part grows, struct pages do not. */
static uint64_t mapped_linux(const struct s2_boot *b, uint64_t k)
{
	return in_blocks(b->kernel + b->initramfs + k * b->per_vcpu, b->backing) +
	       in_blocks(b->memory / 64, b->backing);
}

static uint64_t every_linux(const struct s2_boot *b)
{
	uint64_t bytes = in_blocks(b->early, b->backing);

	for (uint64_t k = 1; k < b->vcpus; k++)
		bytes += mapped_linux(b, k);
	return bytes / LINE;
}

static void every_toggle_cleans_all_that_is_mapped_then(void **state)
{
	static const uint64_t vcpus[] = {1, 2, 3, 64, 512};
	static const uint64_t memory[] = {4 * GIB, 128 * GIB};
	static const uint64_t backing[] = {4 * KIB, 2 * MIB, GIB};

	(void)state;
	for (size_t i = 0; i < 5 * 2 * 3; i++) {
		struct s2_boot b = thread_boot();
		struct s2_boot_cost cost;

		b.vcpus = vcpus[i % 5];
		b.memory = memory[i / 5 % 2];
		b.backing = backing[i / 10];
		/* 2 GiB of pages would be cleaned 512 times over. */
		if (b.backing == 4 * KIB && b.memory > 4 * GIB)
			continue;
		s2_test_row("%" PRIu64 " vcpus, %" PRIu64 " of %" PRIu64, b.vcpus, b.memory,
			    b.backing);
		cost = run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY);
		assert_u64(cost.toggle_lines, every_linux(&b));
		assert_u64(cost.cleans, b.vcpus);
		assert_u64(cost.mapped, mapped_linux(&b, b.vcpus - 1));
		/* Faults clean each block once. */
		assert_u64(cost.ops.n[S2_OP_DC_CIVAC] - cost.toggle_lines, cost.mapped / LINE);
		/* One DSB a leaf of every clean, and of every fault. */
		assert_u64(cost.ops.n[S2_OP_DSB_SY],
			   cost.ops.n[S2_OP_DC_CIVAC] / (b.backing / LINE));
	}
}

static void all_touched_is_vcpus_times_mapped_lines(void **state)
{
	static const uint64_t vcpus[] = {1, 2, 7, 64};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vcpus); i++) {
		struct s2_boot b = thread_boot();
		uint64_t others = vcpus[i] - 1;

		b.vcpus = vcpus[i];
		b.touched = "all";
		/* The first finds 2 MiB mapped, each other one 128 GiB = 2^31 lines. */
		assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY).toggle_lines,
			   2 * MIB / LINE + (others << 31));
		b.early = 0;
		assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY).toggle_lines, others << 31);
	}
}

static void the_thread_saves_what_63_vcpus_clean(void **state)
{
	const struct s2_boot b = thread_boot();

	(void)state;
	/*
	 * At vcpu k: 64 MiB of images, 2048 MiB of struct pages, 2 MiB for each 8
	 * vcpus begun.  63 x 2112 + 2 x (8 x (1 + ... + 7) + 7 x 8) = 133616 MiB,
	 * and 2 MiB at the first toggle, of 16384 lines each.
	 */
	assert_u64(every_linux(&b), UINT64_C(2189197312));
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY).toggle_lines, UINT64_C(2189197312));
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_VCPU0).toggle_lines, 2 * MIB / LINE);
	assert_u64(run_boot(&b, "cortex-a72", S2_TOGGLE_EVERY).toggle_lines, UINT64_C(2189197312));
}

static void each_policy_cleans_what_it_says(void **state)
{
	struct s2_boot b = thread_boot();
	const uint64_t early = 2 * MIB / LINE, all = mapped_linux(&b, 63) / LINE;
	const uint64_t expected[] = {
		[S2_TOGGLE_EVERY] = every_linux(&b), [S2_TOGGLE_NEVER] = 0,
		[S2_TOGGLE_VCPU0] = early,	     [S2_TOGGLE_FIRST_LAST] = early,
		[S2_TOGGLE_FIRST_LAST_TVM] = early,  [S2_TOGGLE_FIRST_LAST_FGT] = early,
		[S2_TOGGLE_SINCE_FLUSH] = all,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		s2_test_row("policy %zu", i);
		assert_u64(run_boot(&b, "neoverse-n1", (enum s2_toggle)i).toggle_lines,
			   expected[i]);
	}
	b.fwb = true;
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY).ops.n[S2_OP_DC_CIVAC], 0);
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY).ops.n[S2_OP_SYSREG_TRAP], 0);
}

/* Pages beside each other in one table, mapped at different times, are told apart. */
static void since_flush_cleans_what_is_mapped_once(void **state)
{
	static const struct {
		const char *machine;
		uint64_t backing;
	} rows[] = {
		{"neoverse-n1", 4 * KIB},
		{"neoverse-n1", 2 * MIB},
		{"neoverse-n1", GIB},
		{"neoverse-n1,granule=16k", 16 * KIB},
		{"neoverse-n1,granule=16k", 32 * MIB},
		{"neoverse-n1,granule=64k", 64 * KIB},
		{"neoverse-n1,granule=64k", 512 * MIB},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_boot b = thread_boot();
		struct s2_boot_cost cost;

		s2_test_row("%s, %" PRIu64 " KiB", rows[i].machine, rows[i].backing / KIB);
		b.memory = 4 * GIB;
		b.backing = rows[i].backing;
		cost = run_boot(&b, rows[i].machine, S2_TOGGLE_SINCE_FLUSH);
		assert_u64(cost.toggle_lines, cost.mapped / LINE);
	}
}

static void traps_are_counted(void **state)
{
	static const struct {
		enum s2_toggle toggle;
		uint64_t traps; /* of one vcpu */
	} rows[] = {
		{S2_TOGGLE_EVERY, 13},
		{S2_TOGGLE_FIRST_LAST, 13},
		/* TVM kept: context switches trap too. */
		{S2_TOGGLE_FIRST_LAST_TVM, 13 + 2000},
		/* FGT: the toggle alone. */
		{S2_TOGGLE_FIRST_LAST_FGT, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_boot b = thread_boot();
		const struct s2_boot_cost cost = run_boot(&b, "neoverse-n1", rows[i].toggle);

		s2_test_row("row %zu", i);
		assert_u64(cost.ops.n[S2_OP_SYSREG_TRAP], 64 * rows[i].traps);
		assert_u64(cost.ops.n[S2_OP_GUEST_EXIT],
			   64 * rows[i].traps + cost.ops.n[S2_OP_S2_FAULT]);
	}
}

static void vcpu0_that_comes_late_cleans_all_and_the_first_one_nothing(void **state)
{
	struct s2_boot b = thread_boot();
	struct s2_boot_cost cost;

	(void)state;
	b.first = 5;
	b.order = S2_BOOT_DESCENDING;
	cost = run_boot(&b, "neoverse-n1", S2_TOGGLE_VCPU0);
	/* Vcpu 0 is the last of all. */
	assert_u64(cost.toggle_lines, mapped_linux(&b, 63) / LINE);
	assert_u64(cost.cleans, 1);
	/* The order is nothing to the others. */
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY).toggle_lines, every_linux(&b));
	b.order = S2_BOOT_RANDOM;
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY).toggle_lines, every_linux(&b));
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_FIRST_LAST).toggle_lines, 2 * MIB / LINE);
}

static void the_seed_decides_a_random_order(void **state)
{
	struct s2_boot b = thread_boot();
	uint64_t lines[3];

	(void)state;
	b.order = S2_BOOT_RANDOM;
	b.first = 63;
	for (uint64_t i = 0; i < 3; i++) {
		b.seed = i / 2;
		lines[i] = run_boot(&b, "neoverse-n1", S2_TOGGLE_VCPU0).toggle_lines;
	}
	/* When vcpu 0 comes up, and so what it cleans. */
	assert_u64(lines[0], lines[1]);
	assert_true(lines[0] != lines[2]);
}

/* What follows a boot, less the boot: traps, and cleans of all that is mapped. */
static void second_act(int then, enum s2_toggle toggle, uint64_t traps, uint64_t cleans)
{
	struct s2_boot b = thread_boot();
	const struct s2_boot_cost boot = run_boot(&b, "neoverse-n1", toggle);
	struct s2_boot_cost both;

	s2_test_row("then %d, policy %d", then, (int)toggle);
	b.then = then;
	b.then_vcpu = 1;
	both = run_boot(&b, "neoverse-n1", toggle);
	assert_u64(both.cleans - boot.cleans, cleans);
	assert_u64(both.toggle_lines - boot.toggle_lines, cleans * mapped_linux(&b, 63) / LINE);
	assert_u64(both.ops.n[S2_OP_SYSREG_TRAP] - boot.ops.n[S2_OP_SYSREG_TRAP], traps);
}

static void what_follows_is_seen_only_by_who_still_traps(void **state)
{
	(void)state;
	/* Upstream: TVM went with each vcpu's first "on", CPU_ON does not bring it back. */
	second_act(S2_BOOT_THEN_KEXEC, S2_TOGGLE_EVERY, 0, 0);
	second_act(S2_BOOT_THEN_KDUMP, S2_TOGGLE_EVERY, 0, 0);
	second_act(S2_BOOT_THEN_REPLUG, S2_TOGGLE_EVERY, 0, 0);
	second_act(S2_BOOT_THEN_KEXEC, S2_TOGGLE_FIRST_LAST, 0, 0);
	/* All others off: vcpu 1 is the last off and the first on again. */
	second_act(S2_BOOT_THEN_KEXEC, S2_TOGGLE_FIRST_LAST_TVM, 1 + 64 * 13, 2);
	second_act(S2_BOOT_THEN_KEXEC, S2_TOGGLE_FIRST_LAST_FGT, 1 + 64, 2);
	/* The others stop with their caches on: neither last nor first. */
	second_act(S2_BOOT_THEN_KDUMP, S2_TOGGLE_FIRST_LAST_TVM, 1 + 13, 0);
	second_act(S2_BOOT_THEN_REPLUG, S2_TOGGLE_FIRST_LAST_FGT, 63, 0);
}

static void a_reboot_cleans_as_the_boot_did(void **state)
{
	struct s2_boot b = thread_boot();
	const struct s2_boot_cost boot = run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY);
	struct s2_boot_cost twice;

	(void)state;
	b.then = S2_BOOT_THEN_REBOOT;
	twice = run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY);
	assert_u64(twice.toggle_lines, 2 * boot.toggle_lines);
	assert_u64(twice.mapped, boot.mapped);
	/* Mapped twice, and unmapped by the first reset in between: three cleans of each line. */
	assert_u64(twice.ops.n[S2_OP_DC_CIVAC] - twice.toggle_lines, 3 * boot.mapped / LINE);
	b.fwb = true;
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY).mapped, boot.mapped);
}

static void set_way_cleans_around_each_toggle_of_the_decompressor(void **state)
{
	struct s2_boot b = thread_boot();
	uint64_t kernel, bytes;
	struct s2_boot_cost cost;

	(void)state;
	b.vcpus = 3;
	b.guest = S2_BOOT_SETWAY32;
	kernel = b.kernel;
	cost = run_boot(&b, "neoverse-n1", S2_TOGGLE_EVERY);
	/*
	 * Decompressor: on (early), set/way and off (kernel), and the kernel's
	 * own on (kernel); its set/way before that finds the VM swept.  Then
	 * the two others, whose set/way comes before their first on.
	 */
	bytes = b.early + 3 * kernel + mapped_linux(&b, 1) + mapped_linux(&b, 2);
	assert_u64(cost.toggle_lines, bytes / LINE);
	assert_u64(cost.cleans, 6);
	assert_u64(cost.ops.n[S2_OP_DC_SETWAY], (2 + 2) * b.set_way);
	/* 13 registers each; for the first one twice, and its off. */
	assert_u64(cost.ops.n[S2_OP_SYSREG_TRAP], 4 * b.set_way + 3 * 13 + 13 + 1);
	/* Whatever toggles clean, set/way cleans everything, and that is a last flush too. */
	cost = run_boot(&b, "neoverse-n1", S2_TOGGLE_NEVER);
	assert_u64(cost.toggle_lines, kernel / LINE);
	cost = run_boot(&b, "neoverse-n1", S2_TOGGLE_SINCE_FLUSH);
	bytes = b.early + kernel + mapped_linux(&b, 2) - kernel;
	assert_u64(cost.toggle_lines, bytes / LINE);
	cost = run_boot(&b, "neoverse-n1", S2_TOGGLE_VCPU0);
	assert_u64(cost.toggle_lines, (b.early + 3 * kernel) / LINE);
}

static void touched_pages_apart_map_whole_blocks(void **state)
{
	struct s2_boot b = thread_boot();

	(void)state;
	b.touched = "4M"; /* 1024 pages */
	b.early = 0;
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_NEVER).mapped, 4 * MIB);
	b.stride = 2 * MIB;
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_NEVER).mapped, 2 * GIB);
	b.stride = 64 * MIB;
	b.backing = GIB;
	assert_u64(run_boot(&b, "neoverse-n1", S2_TOGGLE_NEVER).mapped, 64 * GIB);
}

/* ---- the program ---- */

static void assert_refused(const char *words, const char *line)
{
	char text[256], expected[512];
	char *argv[16] = {(char[]){"s2-boot"}}, *out = NULL, *errs = NULL;
	size_t out_size, errs_size;
	FILE *o = open_memstream(&out, &out_size), *e = open_memstream(&errs, &errs_size);
	int argc = 1, status;

	s2_test_row("%s", words);
	(void)snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	status = s2_program_main(&s2_boot_program, argc, argv, o, e);
	(void)fclose(o);
	(void)fclose(e);
	(void)snprintf(expected, sizeof(expected), "s2-boot: %s\n", line);
	assert_string_equal(errs, expected);
	assert_string_equal(out, "");
	assert_i64(status, 2);
	free(out);
	free(errs);
}

static void bad_options_are_one_line_and_status_2(void **state)
{
	(void)state;
	assert_refused("--vcpus 0", "--vcpus: got \"0\", expected a number from 1 to 512");
	assert_refused("--memory 3M",
		       "--memory: got 3145728 bytes, expected a multiple of --backing (2097152)");
	assert_refused("--backing 3M",
		       "--backing: got 3145728, expected a page of the machine or a block that "
		       "KVM maps (4K, 2M, 1G with 4K pages)");
	assert_refused("--memory 1024G --ipa-bits 40",
		       "--memory: 1099511627776 bytes from 1 GiB on pass the IPA limit of 2^40, "
		       "expected at most 1098437885952");
	/* The IPA size follows, as far as the machine goes. */
	assert_refused("--memory 1024G --machine cortex-a55",
		       "--memory: 1099511627776 bytes from 1 GiB on pass the IPA limit of 2^40 of "
		       "machine and flavour, expected at most 1098437885952");
	assert_refused("--ipa-bits 52",
		       "--ipa-bits: got 52, expected at most 48, as machine and flavour have");
	assert_refused("--ipa-bits 52 --machine max --flavour oldest",
		       "--ipa-bits: got 52, expected at most 48, as machine and flavour have");
	assert_refused("--memory 64M", "--memory: less than its guest touches (--kernel, "
				       "--initramfs, struct pages, --per-vcpu), expected room for "
				       "them");
	assert_refused("--touched frob",
		       "--touched: got \"frob\", expected linux, all or a size of "
		       "whole 4K pages");
	assert_refused("--touched 129G",
		       "--touched: more than --memory has (with --stride), expected less");
	assert_refused("--touched 1G --stride 1G",
		       "--touched: more than --memory has (with --stride), expected less");
	assert_refused("--first 64", "--first: expected a vcpu, 0 to --vcpus less 1");
	assert_refused("--workload kexec --vcpus 1",
		       "--then-vcpu: expected a vcpu, 0 to --vcpus less 1");
	assert_refused("--vcpus 255 --machine cortex-a72",
		       "--vcpus: got 255, expected at most 254, a CPU each: the machine has 8-bit "
		       "VMIDs");
	assert_refused("--sweep memory=3M..5M",
		       "--memory: got 3145728 bytes, expected a multiple of --backing (2097152)");
	assert_refused("--machine max --policy every",
		       "--policy: got \"every\", expected one that applies here: the machine has "
		       "FWB, so that no toggle traps");
}

/* Each policy and workload of the program runs. */
static void the_ipa_size_follows_the_memory(void **state)
{
	static const struct {
		uint64_t memory, bits;
	} rows[] = {{128 * GIB, 40}, {1023 * GIB, 40}, {1024 * GIB, 41}, {200 * 1024 * GIB, 48}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_u64(s2_check_ipa_bits_for(0, S2_BOOT_BASE, rows[i].memory), rows[i].bits);
	assert_u64(s2_check_ipa_bits_for(44, S2_BOOT_BASE, GIB), 44);
}

static void all_workloads_run(void **state)
{
	char *argv[] = {(char[]){"s2-boot"}, (char[]){"--workload"}, (char[]){"all"},
			(char[]){"--vcpus"}, (char[]){"4"},	     (char[]){"--memory"},
			(char[]){"1G"},	     (char[]){"--profile"},  (char[]){"d05"}};
	char *out = NULL;
	size_t size;
	FILE *o = open_memstream(&out, &size);

	(void)state;
	assert_i64(s2_program_main(&s2_boot_program, ARRAY_SIZE(argv), argv, o, stderr), 0);
	(void)fclose(o);
	assert_non_null(
		strstr(out, "touched: 81 MiB = 32 kernel + 32 initramfs + 16 struct pages"));
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(every_toggle_cleans_all_that_is_mapped_then),
		s2_unit_test(all_touched_is_vcpus_times_mapped_lines),
		s2_unit_test(the_thread_saves_what_63_vcpus_clean),
		s2_unit_test(each_policy_cleans_what_it_says),
		s2_unit_test(since_flush_cleans_what_is_mapped_once),
		s2_unit_test(traps_are_counted),
		s2_unit_test(vcpu0_that_comes_late_cleans_all_and_the_first_one_nothing),
		s2_unit_test(the_seed_decides_a_random_order),
		s2_unit_test(what_follows_is_seen_only_by_who_still_traps),
		s2_unit_test(a_reboot_cleans_as_the_boot_did),
		s2_unit_test(set_way_cleans_around_each_toggle_of_the_decompressor),
		s2_unit_test(touched_pages_apart_map_whole_blocks),
		s2_unit_test(bad_options_are_one_line_and_status_2),
		s2_unit_test(the_ipa_size_follows_the_memory),
		s2_unit_test(all_workloads_run),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
