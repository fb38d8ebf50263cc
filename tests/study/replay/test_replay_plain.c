/* SPDX-License-Identifier: MIT */
/* Plain logs: requests made up of faults, toggles and unmaps. */
#include "study/replay/replay_fixture.h"

static void plain_faults_map_their_backing_unless_they_are_mmio(void **state)
{
	static const char log[] =
		"vcpu-2 0 kvm_guest_fault: ipa 0x80201000, hsr 0x92000046, hxfar 0x80201000, pc 0x00000040000000\n"
		"vcpu-2 0 kvm_entry: PC: 0x0000000040000000\n"
		"vcpu-2 0 kvm_guest_fault: ipa 0xa000000, hsr 0x93c48045, hxfar 0x80201000, pc 0x00000040000000\n"
		"vcpu-2 0 kvm_mmio: mmio write len 8 gpa 0xa000000 val 0x1234\n"
		"vcpu-2 0 kvm_entry: PC: 0x0000000040000000\n";
	struct setting s = {"cortex-a55", "kvm-6.12", S2_REPLAY_PLAIN, 0x200000, NULL, NULL};
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &s, &h, &err), 0);
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 0x200000 / 64);
	s.backing = 0;
	assert_i64(replay_text(log, &s, &h, &err), 0);
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 64);
	assert_true(h.n_inferred >= 2);
}

static void a_plain_cache_toggle_cleans_what_is_mapped(void **state)
{
	static const char log[] =
		"vcpu-2 0 kvm_guest_fault: ipa 0x80201000, hsr 0x92000046, hxfar 0x80201000, pc 0x00000040000000\n"
		"vcpu-2 0 kvm_entry: PC: 0x0000000040000000\n"
		"vcpu-2 0 kvm_toggle_cache: VM op at 0x0000000040000000 (cache was off, now off)\n"
		"vcpu-2 0 kvm_toggle_cache: VM op at 0x0000000040000000 (cache was off, now on)\n";
	const struct setting s = {"cortex-a55", "kvm-6.12", S2_REPLAY_PLAIN, 0, NULL, NULL};
	struct s2_error err = {0};
	struct heard h;
	int ret = replay_text(log, &s, &h, &err);

	(void)state;
	assert_string_equal(err.text, "");
	assert_i64(ret, 0);
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 2 * 64);
}

#define ENTRY(task) task " 0 kvm_entry: PC: 0x0000000040000000\n"
#define WRITE_FAULT(task, ipa) \
	task " 0 kvm_guest_fault: ipa " ipa ", hsr 0x92000046, hxfar " ipa ", pc 0x00000040000000\n"
#define CACHES_ON(task) \
	task " 0 kvm_toggle_cache: VM op at 0x0000000040000000 (cache was off, now on)\n"

/* One log under each policy: two vcpus, each task one of them, come up in turn. */
static void a_recorded_boot_is_replayed_under_any_toggle_policy(void **state)
{
	/* clang-format off */
	static const char log[] =
		WRITE_FAULT("vcpu-2", "0x80201000") ENTRY("vcpu-2")
		CACHES_ON("vcpu-2") ENTRY("vcpu-2")
		WRITE_FAULT("vcpu-3", "0x80202000") ENTRY("vcpu-3")
		CACHES_ON("vcpu-3") ENTRY("vcpu-3");
	/* clang-format on */
	/* Pages cleaned beyond the two that were mapped. */
	static const struct {
		enum s2_toggle toggle;
		uint64_t pages;
	} rows[] = {
		{S2_TOGGLE_NEVER, 0},	   {S2_TOGGLE_EVERY, 1 + 2},	   {S2_TOGGLE_VCPU0, 1},
		{S2_TOGGLE_FIRST_LAST, 1}, {S2_TOGGLE_SINCE_FLUSH, 1 + 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_flavour flavour = *s2_flavour_find("kvm-6.12");
		const struct setting s = {"cortex-a55", NULL, S2_REPLAY_PLAIN, 0, NULL, &flavour};
		struct s2_error err = {0};
		struct heard h;

		s2_test_row("policy %d", rows[i].toggle);
		flavour.toggle = rows[i].toggle;
		assert_i64(replay_text(log, &s, &h, &err), 0);
		assert_u64(h.total.n[S2_OP_DC_CIVAC], 64 * (2 + rows[i].pages));
		assert_u64(h.total.n[S2_OP_SYSREG_TRAP], 2);
		assert_u64(h.calls_seen[S2_FLUSH_CPU_CONTEXT], 2);
	}
}

static void a_toggle_policy_of_ones_own_is_refused_for_a_rich_log(void **state)
{
	struct s2_replay_job job = {
		.flavour = s2_flavour_find("kvm-6.12"), .own_toggle = true, .compare = true};
	struct s2_replay_outcome outcome;
	struct s2_error err = {0};
	FILE *out = tmpfile();
	char path[S2_TEST_PATH];

	(void)state;
	assert_non_null(out);
	write_log("vmm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n", path);
	job.path = path;
	assert_i64(s2_features_parse("cortex-a55", &job.features, NULL), 0);
	assert_i64(s2_replay_log(&job, out, &outcome, &err), -EINVAL);
	assert_i64(remove(path), 0);
	assert_non_null(strstr(err.text, "--toggle: "));
	assert_i64(ftell(out), 0);
	assert_i64(fclose(out), 0);
}

/* A log of one task that runs many vcpus, or of a VM that is reset, traps again and again. */
static void a_trap_that_should_not_have_been_is_believed_and_said(void **state)
{
	/* clang-format off */
	static const char log[] =
		WRITE_FAULT("vcpu-2", "0x80201000") ENTRY("vcpu-2")
		CACHES_ON("vcpu-2")
		CACHES_ON("vcpu-2")
		"vcpu-2 0 kvm_set_way_flush: S/W flush at 0x0000000040000000 (cache on)\n";
	/* clang-format on */
	const struct setting s = {"cortex-a55", "kvm-6.12", S2_REPLAY_PLAIN, 0, NULL, NULL};
	struct s2_error err = {0};
	struct heard h;
	bool said = false;

	(void)state;
	assert_i64(replay_text(log, &s, &h, &err), 0);
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 64 * (1 + 3));
	assert_u64(h.total.n[S2_OP_DC_SETWAY], 1);
	for (size_t i = 0; i < h.n_inferred; i++)
		said |= strstr(h.inferred[i], "trapped that should not have") != NULL;
	assert_true(said);
}

static void a_plain_fault_outside_all_slots_is_unplaced_and_counted(void **state)
{
	static struct s2_memslot_line line = {
		.ipa = {0x80000000}, .size = 0x200000, .hva = {0x7f0000000000}, .has_hva = true};
	const struct s2_memslots slots = {1, &line};
	/* clang-format off */
	static const char log[] =
		WRITE_FAULT("vcpu-2", "0x80001000") ENTRY("vcpu-2")
		WRITE_FAULT("vcpu-2", "0x90001000") ENTRY("vcpu-2")
		"vmm-1 0 kvm_unmap_hva_range: mmu notifier unmap range: 0x007f0000000000 -- "
		"0x007f0000002000\n"
		WRITE_FAULT("vcpu-2", "0x80001000") ENTRY("vcpu-2");
	/* clang-format on */
	const struct setting s = {"cortex-a55", "kvm-6.12", S2_REPLAY_PLAIN, 0, &slots, NULL};
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &s, &h, &err), 0);
	assert_u64(h.unplaced, 1);
	/* Mapped, cleaned at the unmap, mapped again; two tables went with their last page. */
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 3 * 64);
	assert_u64(h.total.n[S2_OP_TLBI_IPAS2E1IS], 3);
	assert_u64(h.total.n[S2_OP_S2_FAULT], 3);
	assert_u64(h.total.n[S2_OP_GUEST_ENTRY], 3);
}

#define DENIED_WRITE(task, ipa) \
	task " 0 kvm_guest_fault: ipa " ipa ", hsr 0x9200004f, hxfar " ipa ", pc 0x00000040000000\n"

/* The host had pages of 4 KiB there; with the backing that is asked for it has a block. */
static void a_permission_fault_is_of_what_the_model_has_mapped(void **state)
{
	/* clang-format off */
	static const char log[] =
		WRITE_FAULT("vcpu-2", "0x80201000") ENTRY("vcpu-2")
		DENIED_WRITE("vcpu-2", "0x80203000") ENTRY("vcpu-2")
		DENIED_WRITE("vcpu-2", "0x80601000") ENTRY("vcpu-2");
	/* clang-format on */
	const struct setting s = {"cortex-a55", "kvm-6.12", S2_REPLAY_PLAIN, 0x200000, NULL, NULL};
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &s, &h, &err), 0);
	/* One block relaxed; another, which the log had and the model has not, mapped. */
	assert_u64(h.calls_seen[S2_FLUSH_VMID_IPA_NSH], 1);
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 2 * 0x200000 / 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(plain_faults_map_their_backing_unless_they_are_mmio),
		s2_unit_test(a_plain_cache_toggle_cleans_what_is_mapped),
		s2_unit_test(a_recorded_boot_is_replayed_under_any_toggle_policy),
		s2_unit_test(a_toggle_policy_of_ones_own_is_refused_for_a_rich_log),
		s2_unit_test(a_trap_that_should_not_have_been_is_believed_and_said),
		s2_unit_test(a_plain_fault_outside_all_slots_is_unplaced_and_counted),
		s2_unit_test(a_permission_fault_is_of_what_the_model_has_mapped),
	};

	return cmocka_run_group_tests_name("replay_plain", tests, NULL, NULL);
}
