/* SPDX-License-Identifier: MIT */
/* Phases inside phases, and what kernels before and after 6.12 write otherwise. */
#include "study/replay/replay_fixture.h"

static const struct setting a55_rich = {"cortex-a55", "newest", S2_REPLAY_RICH, 0, NULL, NULL};

#define BEGIN(task, name) task " 0 tracing_mark_write: BEGIN " name "\n"
#define END(task)	  task " 0 tracing_mark_write: END\n"
/* A line that counts: an exit of the guest. */
#define EXIT(task)                                                                                 \
	task " 0 kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0x0000000040000014\n"

struct expected_phase {
	const char *name;
	uint64_t exits;
};

static void expect_phases(const char *log, const struct expected_phase *phases, size_t n)
{
	struct s2_error err = {0};
	struct heard h;

	assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
	assert_u64(h.n_phases, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(h.names[i], phases[i].name);
		assert_u64(h.phases[i].ops.n[S2_OP_GUEST_EXIT], phases[i].exits);
		/* Those of one outermost phase belong together. */
		assert_int_equal(h.phases[i].more, i + 1 < n && phases[i + 1].name[0] != '*');
	}
}

static void what_is_inside_counts_for_both(void **state)
{
	static const struct expected_phase phases[] = {{"outer", 4}, {"inner", 1}, {"second", 2}};

	(void)state;
	expect_phases(BEGIN("vm-1", "outer") EXIT("vm-1") BEGIN("vm-1", "inner") EXIT("vm-1")
			      END("vm-1") BEGIN("vm-1", "second") EXIT("vm-1") EXIT("vm-1")
				      END("vm-1") END("vm-1"),
		      phases, 3);
}

/* A child process: its END closes its own, whatever began later. */
static void an_end_closes_the_innermost_of_its_task(void **state)
{
	static const struct expected_phase phases[] = {{"parent", 3}, {"child", 1}};

	(void)state;
	expect_phases(BEGIN("vm-1", "parent") EXIT("vm-1") BEGIN("child-2", "child") EXIT("child-2")
			      END("child-2") EXIT("vm-1") END("vm-1"),
		      phases, 2);
}

/* The task that began the inner one is gone: the outer END closes both. */
static void an_outer_end_closes_what_is_left_inside(void **state)
{
	static const struct expected_phase phases[] = {{"teardown_exit pages=4", 2},
						       {"teardown_exit pages=4: process exit", 1}};

	(void)state;
	expect_phases(BEGIN("vm-1", "teardown_exit pages=4") EXIT("vm-1")
			      BEGIN("child-2", "teardown_exit pages=4: process exit") EXIT("child-2")
				      END("vm-1") EXIT("vm-1"),
		      phases, 2);
}

/* Whose END comes after all, when its phase has ended with the one around it. */
static void an_end_that_is_late_closes_nothing(void **state)
{
	static const struct expected_phase phases[] = {{"outer", 1}, {"inner", 0}, {"*next", 1}};
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(BEGIN("vm-1", "outer") EXIT("vm-1") BEGIN("child-2", "inner")
				       END("vm-1") BEGIN("vm-1", "*next") END("child-2")
					       EXIT("vm-1") END("vm-1"),
			       &a55_rich, &h, &err),
		   0);
	assert_u64(h.n_phases, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(h.names[i], phases[i].name);
		assert_u64(h.phases[i].ops.n[S2_OP_GUEST_EXIT], phases[i].exits);
	}
}

static void an_end_of_a_task_without_a_phase_closes_the_innermost_of_all(void **state)
{
	static const struct expected_phase phases[] = {{"outer", 2}, {"inner", 1}};

	(void)state;
	expect_phases(BEGIN("vm-1", "outer") BEGIN("vm-1", "inner") EXIT("vm-1") END("sh-3")
			      EXIT("vm-1") END("sh-3"),
		      phases, 2);
}

/* A call that differs is told of each phase that it lies in. */
/* A trace_pipe starts anywhere, and a ring buffer forgets what is oldest. */
static void an_end_before_any_begin_is_of_a_phase_that_the_log_begins_in(void **state)
{
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(EXIT("vm-1") END("child-2") END("vm-1") BEGIN("vm-1", "whole")
				       EXIT("vm-1") END("vm-1"),
			       &a55_rich, &h, &err),
		   0);
	assert_u64(h.n_phases, 1);
	assert_string_equal(h.names[0], "whole");
	assert_u64(h.phases[0].ops.n[S2_OP_GUEST_EXIT], 1);
	for (size_t i = 0; i < h.n_inferred; i++)
		if (strstr(h.inferred[i], "the log begins inside a phase"))
			return;
	fail_msg("nobody says where the log begins");
}

static void differences_are_those_of_each_phase_around_them(void **state)
{
	static const char log[] =
		"vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n"
		"vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n"
		"vm-1 0 sys_ioctl(fd: 5, cmd: ae80, arg: 0)\n"
		"vm-1 0 tlb_cpu_ctx: (f+0x0/0x90)\n" BEGIN("vm-1", "outer")
		"vm-1 0 tlb_vmid: (f+0x0/0x90)\n" BEGIN("vm-1", "inner")
		"vm-1 0 tlb_vmid: (f+0x0/0x90)\n" END("vm-1") "vm-1 0 tlb_vmid: (f+0x0/0x90)\n"
			END("vm-1");
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
	assert_u64(h.n_phases, 2);
	assert_u64(h.phases[0].differences, h.n_differences);
	assert_true(h.phases[1].differences > 0);
	assert_true(h.phases[1].differences < h.phases[0].differences);
	assert_true(h.phases[1].first_difference > 0);
	assert_u64(h.phases[0].calls[S2_FLUSH_VMID].observed, 3);
	assert_u64(h.phases[1].calls[S2_FLUSH_VMID].observed, 1);
}

/* An inner phase's calls are the outer one's already; those between phases are in none. */
static void the_outcome_counts_each_call_once(void **state)
{
	static const char log[] =
		"vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n"
		"vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n"
		"vm-1 0 sys_ioctl(fd: 5, cmd: ae80, arg: 0)\n" BEGIN("vm-1", "outer")
		"vm-1 0 tlb_vmid: (f+0x0/0x90)\n" BEGIN("vm-1", "inner")
		"vm-1 0 tlb_vmid: (f+0x0/0x90)\n" END("vm-1") END("vm-1")
		"vm-1 0 tlb_vmid: (f+0x0/0x90)\n" BEGIN("vm-1", "second")
		"vm-1 0 tlb_vmid: (f+0x0/0x90)\n" END("vm-1");
	char path[S2_TEST_PATH];
	struct s2_replay_job job = {.path = path, .compare = true};
	struct s2_replay_outcome outcome;
	struct s2_error err = {0};
	FILE *out = tmpfile();

	(void)state;
	assert_non_null(out);
	assert_i64(s2_features_parse("cortex-a55", &job.features, NULL), 0);
	write_log(log, path);
	assert_i64(s2_replay_log(&job, out, &outcome, &err), 0);
	remove(path);
	assert_i64(fclose(out), 0);
	assert_u64(outcome.calls.observed, 3);
	assert_u64(outcome.calls.predicted, 0);
}

/* kvm_flush_remote_tlbs() of whoever asks: one flush of the VMID, what an ioctl owes included. */
static void flush_all_is_one_flush_and_pays_what_an_ioctl_owes(void **state)
{
	static const char log[] =
		"vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n"
		"vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n"
		"vm-1 0 flush_all: (kvm_flush_remote_tlbs+0x0/0x80)\n"
		"vm-1 0 tlb_vmid: (__kvm_tlb_flush_vmid+0x0/0x90)\n"
		"vm-1 0 sys_ioctl(fd: 4, cmd: 4010ae42, arg: 0)\n"
		"vm-1 0 clear_masked: (f+0x0/0x80) gfn_offset=0x0 mask=0x1\n"
		"vm-1 0 s2_wrprotect: (f+0x0/0x80) ipa=0x80000000 size=0x1000\n"
		"vm-1 0 arch_flush_memslot: (f+0x0/0x2c)\n"
		"vm-1 0 flush_all: (kvm_flush_remote_tlbs+0x0/0x80)\n"
		"vm-1 0 tlb_vmid: (__kvm_tlb_flush_vmid+0x0/0x90)\n"
		"vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 1)\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
	assert_u64(h.n_differences, 0);
	assert_u64(h.total.n[S2_OP_TLBI_VMALLS12E1IS], 2);
}

/* change_pte maps the new page; the fault that led to it is still to be settled. */
static void a_map_of_change_pte_settles_no_fault(void **state)
{
	static const char log[] =
		"vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n"
		"vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n"
		"vm-1 0 sys_ioctl(fd: 5, cmd: ae80, arg: 0)\n"
		"vm-1 0 tlb_cpu_ctx: (f+0x0/0x90)\n"
		"vm-1 0 s2_map: (f+0x0/0x1a0) ipa=0x80001000 size=0x1000 phys=0x1174e4000 prot=0x6\n"
		"vm-1 0 kvm_guest_fault: ipa 0x80000000, hsr 0x93c4804f, hxfar 0x80000000, pc "
		"0x00000040000014\n"
		"vm-1 0 kvm_set_spte_hva: mmu notifier set pte hva: 0x00ffff8be00000\n"
		"vm-1 0 s2_map: (f+0x0/0x1a0) ipa=0x80000000 size=0x1000 phys=0x1174e3000 prot=0x4\n"
		"vm-1 0 kvm_entry: PC: 0x0000000040000014\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
	assert_u64(h.n_differences, 0);
	/* Mapped, and cleaned, as for a first touch: no entry was there to relax. */
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 2 * 64);
}

/* Where no s2_destroy follows, flush_shadow_all has ended the VM; where one does, it is the same. */
static void flush_shadow_all_ends_a_vm(void **state)
{
	static const char *const ends[] = {
		"vm-1 0 flush_shadow_all: (f+0x0/0x30)\n",
		"vm-1 0 flush_shadow_all: (f+0x0/0x30)\nvm-1 0 s2_destroy: (f+0x0/0x80)\n",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct s2_error err = {0};
		struct heard h;
		char log[2048];

		snprintf(log, sizeof(log),
			 "%s%s%s%s",
			 "vm-1 0 sys_ioctl(fd: 3, cmd: 0xae01, arg: 0)\n"
			 "vm-1 0 sys_ioctl(fd: 4, cmd: 0xae41, arg: 0)\n"
			 "vm-1 0 s2_map: (f+0x0/0x1a0) ipa=0x80000000 size=0x1000 phys=0x1000 prot=0x4\n",
			 ends[i],
			 "vm-1 0 sys_ioctl(fd: 3, cmd: 0xae01, arg: 0)\n"
			 "vm-1 0 sys_ioctl(fd: 4, cmd: 0xae41, arg: 0)\n",
			 "vm-1 0 s2_unmap: (f+0x0/0x1a0) ipa=0x80000000 size=0x1000\n");
		assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
		assert_u64(h.unplaced, 0);
		/* The second VM's tables are its own: nothing is unmapped. */
		assert_u64(h.total.n[S2_OP_TLBI_IPAS2E1IS], 0);
		assert_u64(h.n_differences, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(what_is_inside_counts_for_both),
		s2_unit_test(an_end_closes_the_innermost_of_its_task),
		s2_unit_test(an_outer_end_closes_what_is_left_inside),
		s2_unit_test(an_end_that_is_late_closes_nothing),
		s2_unit_test(an_end_of_a_task_without_a_phase_closes_the_innermost_of_all),
		s2_unit_test(an_end_before_any_begin_is_of_a_phase_that_the_log_begins_in),
		s2_unit_test(differences_are_those_of_each_phase_around_them),
		s2_unit_test(the_outcome_counts_each_call_once),
		s2_unit_test(flush_all_is_one_flush_and_pays_what_an_ioctl_owes),
		s2_unit_test(a_map_of_change_pte_settles_no_fault),
		s2_unit_test(flush_shadow_all_ends_a_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
