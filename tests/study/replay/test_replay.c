/* SPDX-License-Identifier: MIT */
/* Rich logs: requests done again, and the flush calls compared. */
#include "study/replay/replay_fixture.h"
#include "study/replay/replay_internal.h"

struct counted {
	const char *op;
	uint64_t n;
};

struct counted_phase {
	const char *name;
	struct counted counts[12];
};

struct counted_log {
	const char *file;
	const char *cpu, *kernel;
	const struct counted_phase *phases;
	size_t n_phases;
};

#include "trace_counts.h"

static const struct setting max_rich = {"max", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};
static const struct setting a55_rich = {"cortex-a55", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};

static uint64_t expected(const struct counted_phase *p, const char *op)
{
	for (const struct counted *c = p->counts; c->op; c++)
		if (!strcmp(c->op, op))
			return c->n;
	return 0;
}

static bool was_counted(enum s2_op op)
{
	const char *name = s2_op_name(op);

	return !strncmp(name, "tlbi_", 5) || !strncmp(name, "dc_", 3) || !strncmp(name, "ic_", 3);
}

static void sample_logs_are_predicted_to_the_instruction(void **state)
{
	(void)state;
#ifndef S2_HAVE_ZLIB
	skip();
#endif
	for (size_t i = 0; i < ARRAY_SIZE(counted_logs); i++) {
		const struct counted_log *log = &counted_logs[i];
		struct setting s = max_rich;
		struct s2_error err = {0};
		struct heard h;
		char path[512];

		s.machine = log->cpu;
		s.own = s2_flavour_for(log->kernel);
		snprintf(path, sizeof(path), "%s/traces/%s", getenv("S2_TEST_DATA"), log->file);
		s2_test_row("%s", log->file);
		assert_i64(replay_file(path, &s, &h, &err), 0);
		assert_u64(h.n_differences, 0);
		assert_u64(h.n_phases, log->n_phases);
		for (size_t k = 0; k < log->n_phases; k++) {
			s2_test_row("%s phase %s", log->file, log->phases[k].name);
			for (int op = 0; op < S2_OP_COUNT; op++)
				if (was_counted((enum s2_op)op))
					assert_u64(h.phases[k].ops.n[op],
						   expected(&log->phases[k],
							    s2_op_name((enum s2_op)op)));
		}
	}
}

/* A VM with fd 4 and a vcpu with fd 5, made and run by task vm-1; then what follows. */
#define VM_1                                                                                       \
	"vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n"                                             \
	"vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n"                                             \
	"vm-1 0 sys_ioctl(fd: 5, cmd: 4020aeae, arg: 0)\n"
#define RUN_1                                                                                      \
	"vm-1 0 sys_ioctl(fd: 5, cmd: ae80, arg: 0)\n"                                             \
	"vm-1 0 tlb_cpu_ctx: (__kvm_flush_cpu_context+0x0/0x90)\n"
#define MAP(ipa, size) "s2_map: (f+0x0/0x140) ipa=" ipa " size=" size " phys=" ipa " prot=0x6\n"

static void the_same_requests_on_another_machine_issue_other_instructions(void **state)
{
	static const char log[] = VM_1 RUN_1 "vm-1 0 " MAP("0x80000000", "0x1000")
		"vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n"
		"vm-1 0 s2_unmap: (f+0x0/0xc0) ipa=0x80000000 size=0x1000\n"
		"vm-1 0 tlb_range: (f+0x0/0x188) start=0x80000000 pages=1\n"
		"vm-1 0 tlb_ipa: (f+0x0/0x188) ipa=0x80000000 level=2147483647\n"
		"vm-1 0 tlb_ipa: (f+0x0/0x188) ipa=0x80000000 level=2147483647\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &max_rich, &h, &err), 0);
	/* The tables are freed before the deferred range is flushed. */
	assert_u64(h.n_differences, 2);
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 0);
	assert_true(h.whole_log);
	assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
	assert_u64(h.total.n[S2_OP_DC_CIVAC], 2 * 64);
	assert_u64(h.total.n[S2_OP_TLBI_IPAS2E1IS], 3);
}

static void a_difference_names_the_line_and_both_calls(void **state)
{
	static const char log[] = VM_1 RUN_1 "vm-1 0 " MAP("0x80000000", "0x1000")
		"vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n"
		"vm-1 0 s2_unmap: (f+0x0/0xc0) ipa=0x80000000 size=0x1000\n"
		"vm-1 0 tlb_ipa: (f+0x0/0xd8) ipa=0x80001000 level=3\n"
		"vm-1 0 tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=2147483647\n"
		"vm-1 0 s2_mkyoung: (f+0x0/0xd8) ipa=0x80000000\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
	assert_u64(h.n_differences, 2);
	assert_u64(h.differences[0].line, 10);
	assert_string_equal(h.differences[0].predicted, "tlb_ipa ipa=0x80000000 level=3");
	assert_string_equal(h.differences[0].observed, "tlb_ipa ipa=0x80001000 level=3");
	/* The second table's flush was predicted and never seen. */
	assert_string_equal(h.differences[1].predicted, "tlb_ipa ipa=0x80000000 level=none");
	assert_string_equal(h.differences[1].observed, "nothing");
}

/* A second VM of the same process: fd 7, vcpu fd 8. */
#define VM_2                                                                                       \
	"vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n"                                             \
	"vm-1 0 sys_ioctl(fd: 7, cmd: ae41, arg: 0)\n"                                             \
	"vm-1 0 sys_ioctl(fd: 8, cmd: 4020aeae, arg: 0)\n"

static void with_two_vms_a_line_of_no_vcpu_is_unplaced_and_counted(void **state)
{
	static const char log[] = VM_1 VM_2 RUN_1
		"vm-1 0 " MAP("0x80000000", "0x1000")
		"vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n"
		"khugepaged-9 0 s2_unmap: (f+0x0/0xc0) ipa=0x80000000 size=0x1000\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
	assert_u64(h.unplaced, 1);
	assert_string_equal(h.summary.n_unplaced ? "s2_unmap" : "", "s2_unmap");
	assert_u64(h.total.n[S2_OP_TLBI_IPAS2E1IS], 0);
	assert_u64(h.n_differences, 0);
}

static void a_pgt_address_places_a_line_of_no_vcpu(void **state)
{
	static const char log[] = VM_1 VM_2 RUN_1
		"vm-1 0 s2_map: (f+0x0/0x140) ipa=0x80000000 size=0x1000 phys=0x80000000 prot=0x6 "
		"pgt=0xffff000012340000\n"
		"vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n"
		"khugepaged-9 0 s2_unmap: (f+0x0/0xc0) ipa=0x80000000 size=0x1000 "
		"pgt=0xffff000012340000\n"
		"khugepaged-9 0 tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=3 mmu=0xffff000012349999\n"
		"khugepaged-9 0 tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=2147483647\n"
		"khugepaged-9 0 tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=2147483647\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &a55_rich, &h, &err), 0);
	assert_u64(h.unplaced, 0);
	assert_u64(h.n_differences, 0);
	assert_u64(h.total.n[S2_OP_TLBI_IPAS2E1IS], 3);
}

/* Clears pages 3 and 5 of a slot at 0x80000000, whose size the log does not say. */
#define CLEAR_3_AND_5                                                                              \
	"vm-1 0 sys_ioctl(fd: 4, cmd: c018aec0, arg: 0)\n"                                         \
	"vm-1 0 clear_masked: (f+0x0/0xc8) gfn_offset=0x0 mask=0x28\n"                             \
	"vm-1 0 s2_wrprotect: (f+0x0/0x90) ipa=0x80003000 size=0x3000\n"

static void a_clear_owes_one_flush_of_its_slot_as_far_as_the_log_shows_it(void **state)
{
	static const char log[] = VM_1 RUN_1
		"vm-1 0 " MAP("0x80003000", "0x1000")
		"vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n" CLEAR_3_AND_5
		"vm-1 0 tlb_range: (f+0x0/0x188) start=0x80000000 pages=6\n"
		"vm-1 0 sys_ioctl(fd: 4, cmd: c018aec0, arg: 0)\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &max_rich, &h, &err), 0);
	assert_u64(h.n_differences, 0);
	assert_u64(h.n_inferred, 1);
	assert_non_null(strstr(h.inferred[0], "slot at IPA 0x80000000"));
}

static void a_memslots_file_gives_the_size_that_the_log_lacks(void **state)
{
	static const char log[] = VM_1 RUN_1
		"vm-1 0 " MAP("0x80003000", "0x1000")
		"vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n" CLEAR_3_AND_5
		"vm-1 0 tlb_range: (f+0x0/0x188) start=0x80000000 pages=16\n";
	struct s2_memslot_line slot = {.ipa = {0x80000000}, .size = 0x10000};
	const struct s2_memslots slots = {1, &slot};
	struct setting s = max_rich;
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	s.slots = &slots;
	assert_i64(replay_text(log, &s, &h, &err), 0);
	assert_u64(h.n_differences, 0);
	assert_u64(h.n_inferred, 0);
}

static void two_vcpus_in_turn_on_a_cpu_flush_its_context_each_time(void **state)
{
	static const char log[] = VM_1
		"vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 1)\n"
		"vm-1 0 sys_ioctl(fd: 6, cmd: 4020aeae, arg: 0)\n"
		"vcpu0-2 1 sys_ioctl(fd: 5, cmd: ae80, arg: 0)\n"
		"vcpu1-3 2 sys_ioctl(fd: 6, cmd: ae80, arg: 0)\n"
		"vcpu0-2 1 kvm_entry: PC: 0x0000000040000000\n"
		"vcpu1-3 1 kvm_entry: PC: 0x0000000040000000\n"
		"vcpu0-2 1 kvm_entry: PC: 0x0000000040000000\n"
		"vcpu0-2 1 kvm_entry: PC: 0x0000000040000000\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &max_rich, &h, &err), 0);
	assert_u64(h.total.n[S2_OP_TLBI_VMALLE1], 3);
	assert_u64(h.total.n[S2_OP_IC_IALLU], 3);
}

static const struct {
	const char *what;
	const char *log;
	int ret;
	enum s2_replay_code code;
} bad[] = {
	{"unaligned map", VM_1 RUN_1 "vm-1 0 " MAP("0x80000800", "0x1000"), -EINVAL,
	 S2_REPLAY_ERR_REQUEST},
	{"empty map", VM_1 RUN_1 "vm-1 0 " MAP("0x80000000", "0x0"), -EINVAL,
	 S2_REPLAY_ERR_REQUEST},
	{"map past the IPA size", VM_1 RUN_1 "vm-1 0 " MAP("0x10000000000", "0x1000"), -ERANGE,
	 S2_REPLAY_ERR_REQUEST},
	{"unknown permission",
	 VM_1 RUN_1 "vm-1 0 s2_map: (f+0x0/0x140) ipa=0x80000000 size=0x1000 phys=0x0 prot=0x106\n",
	 -EINVAL, S2_REPLAY_ERR_REQUEST},
	{"END without BEGIN",
	 "vm-1 0 tracing_mark_write: BEGIN a\nvm-1 0 tracing_mark_write: END\n"
	 "vm-1 0 tracing_mark_write: END\n",
	 -EINVAL, S2_REPLAY_ERR_PHASE},
	{"the first of two phases is open",
	 "vm-1 0 tracing_mark_write: BEGIN a\nvm-1 0 tracing_mark_write: BEGIN b\n"
	 "vm-1 0 tracing_mark_write: END\n",
	 -EINVAL, S2_REPLAY_ERR_PHASE},
	{"end of log in a phase", "vm-1 0 tracing_mark_write: BEGIN a\n", -EINVAL,
	 S2_REPLAY_ERR_PHASE},
	{"a CPU too many", "vm-1 4 kvm_entry: PC: 0x0000000040000000\n", -ERANGE,
	 S2_REPLAY_ERR_CPU},
	{"a VM of 20 IPA bits", "vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 14)\n", -EINVAL,
	 S2_REPLAY_ERR_VM},
};

static void bad_input_gets_a_specific_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct s2_error err = {0};
		struct heard h;

		s2_test_row("%s", bad[i].what);
		assert_i64(replay_text(bad[i].log, &max_rich, &h, &err), bad[i].ret);
		assert_i64(err.code, bad[i].code);
		assert_true(err.text[0]);
	}
}

static void a_vm_too_large_for_the_machine_is_refused(void **state)
{
	/* 48 IPA bits on a machine of 40 PA bits. */
	static const char log[] = "vm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 30)\n"
				  "vm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n";
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &a55_rich, &h, &err), -EINVAL);
	assert_i64(err.code, S2_REPLAY_ERR_VM);
}

static void a_syndrome_is_read_as_kvm_reads_it(void **state)
{
	static const struct {
		uint64_t hsr;
		enum s2_fault_code code;
		int level;
		bool write, exec;
	} rows[] = {
		{0x92000046, S2_FAULT_TRANSLATION, 2, true, false},
		{0x92000007, S2_FAULT_TRANSLATION, 3, false, false},
		{0x9200004f, S2_FAULT_PERMISSION, 3, true, false},
		{0x9200000b, S2_FAULT_ACCESS_FLAG, 3, false, false},
		{0x82000006, S2_FAULT_TRANSLATION, 2, false, true},
		/* Walks of stage 1 (S1PTW): no fetch; a write where permission lacked, else none. */
		{0x82000086, S2_FAULT_TRANSLATION, 2, false, false},
		{0x920000c6, S2_FAULT_TRANSLATION, 2, false, false},
		{0x9200008f, S2_FAULT_PERMISSION, 3, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct s2_trace_event ev = {
			.u.fault = {.ipa = {0x80001000}, .hsr = rows[i].hsr}};
		const struct s2_fault fault = s2_replay_fault(&ev);

		s2_test_row("hsr 0x%" PRIx64, rows[i].hsr);
		assert_true(fault.raised);
		assert_u64(fault.ipa.v, 0x80001000);
		assert_i64(fault.code, rows[i].code);
		assert_i64(fault.level, rows[i].level);
		assert_u64(fault.write, rows[i].write);
		assert_u64(fault.exec, rows[i].exec);
	}
}

/* What was relaxed to be executable on a host with DIC was a write: no fetch is seen here. */
static void a_permission_fault_is_settled_as_its_own_machine_would(void **state)
{
	static const char log[] =
		VM_1 RUN_1 "vm-1 0 kvm_guest_fault: ipa 0x80001000, hsr 0x92000006, hxfar "
			   "0x80001000, pc 0x00000040000000\n"
			   "vm-1 0 s2_map: (x+0x0/0x140) ipa=0x80001000 size=0x1000 "
			   "phys=0x100001000 prot=0x4\n"
			   "vm-1 0 kvm_entry: PC: 0x0000000040000000\n"
			   "vm-1 0 kvm_guest_fault: ipa 0x80001000, hsr 0x9200004f, hxfar "
			   "0x80001000, pc 0x00000040000000\n"
			   "vm-1 0 s2_relax_perms: (x+0x0/0x140) ipa=0x80001000 prot=0x7\n";
	const struct setting s = {"max,-dic", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &s, &h, &err), 0);
	assert_u64(h.calls_seen[S2_FLUSH_VMID_IPA_NSH], 1);
	assert_u64(h.total.n[S2_OP_IC_IVAU] + h.total.n[S2_OP_IC_IALLUIS], 0);
}

/* With FWB the second KVM_ARM_VCPU_INIT leaves RAM mapped, and the I-cache invalid. */
static void a_vcpu_that_has_run_is_initialised_anew(void **state)
{
	static const char log[] = VM_1 RUN_1
				       "vm-1 0 kvm_entry: PC: 0x0000000040000000\n"
				       "vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n"
				       "vm-1 0 sys_ioctl(fd: 5, cmd: 4020aeae, arg: 0)\n";
	const struct setting s = {"max,-dic", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_i64(replay_text(log, &s, &h, &err), 0);
	assert_u64(h.total.n[S2_OP_IC_IALLUIS], 1);
	assert_u64(h.n_differences, 0);
}

#define ROLLOVER_VMS 300

/* Once in 255 VMs that ran everything is flushed, by a call that no probe shows. */
static void a_rollover_is_counted_and_compared_with_nothing(void **state)
{
	static const char one[] = VM_1 RUN_1 "vm-1 0 kvm_entry: PC: 0x0000000040000000\n"
					     "vm-1 0 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)\n"
					     "vm-1 0 s2_destroy: (f+0x0/0xd8)\n";
	const struct setting s = {"cortex-a55,vmid=8", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};
	char *log = malloc(ROLLOVER_VMS * sizeof(one));
	struct s2_error err = {0};
	struct heard h;

	(void)state;
	assert_non_null(log);
	for (size_t i = 0; i < ROLLOVER_VMS; i++)
		memcpy(log + i * (sizeof(one) - 1), one, sizeof(one));
	assert_i64(replay_text(log, &s, &h, &err), 0);
	free(log);
	assert_u64(h.total.n[S2_OP_TLBI_ALLE1IS], (ROLLOVER_VMS - 1) / 255);
	assert_u64(h.calls_seen[S2_FLUSH_CPU_CONTEXT], ROLLOVER_VMS);
	assert_u64(h.n_differences, 0);
}

/* The host of this log had DIC, and mapped its data executable; this machine has not. */
static void a_fault_is_settled_as_its_own_machine_would(void **state)
{
	static const char log[] = "vmm-1 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n"
				  "vmm-1 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n"
				  "vmm-1 0 sys_ioctl(fd: 5, cmd: ae80, arg: 0)\n"
				  "vmm-1 0 kvm_guest_fault: ipa 0x80001000, hsr 0x92000046, hxfar "
				  "0x80001000, pc 0x00000040000000\n"
				  "vmm-1 0 s2_map: (x+0x0/0x140) ipa=0x80001000 size=0x1000 "
				  "phys=0x100001000 prot=0x7\n"
				  "vmm-1 0 kvm_entry: PC: 0x0000000040000000\n"
				  "vmm-1 0 kvm_guest_fault: ipa 0x80002000, hsr 0x82000006, hxfar "
				  "0x80002000, pc 0x00000040000000\n"
				  "vmm-1 0 s2_map: (x+0x0/0x140) ipa=0x80002000 size=0x1000 "
				  "phys=0x100002000 prot=0x7\n";
	static const struct setting on[] = {
		{"max", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL},
		{"max,-dic", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
		struct s2_error err = {0};
		struct heard h;

		s2_test_row("%s", on[i].machine);
		/* The calls that load the vcpu are not in this log. */
		assert_i64(replay_text(log, &on[i], &h, &err), 0);
		/* Without DIC only what is fetched is made executable, and costs its lines. */
		assert_u64(h.total.n[S2_OP_IC_IVAU], i == 0 ? 0 : 0x1000 / 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(sample_logs_are_predicted_to_the_instruction),
		s2_unit_test(the_same_requests_on_another_machine_issue_other_instructions),
		s2_unit_test(a_difference_names_the_line_and_both_calls),
		s2_unit_test(with_two_vms_a_line_of_no_vcpu_is_unplaced_and_counted),
		s2_unit_test(a_pgt_address_places_a_line_of_no_vcpu),
		s2_unit_test(a_clear_owes_one_flush_of_its_slot_as_far_as_the_log_shows_it),
		s2_unit_test(a_memslots_file_gives_the_size_that_the_log_lacks),
		s2_unit_test(two_vcpus_in_turn_on_a_cpu_flush_its_context_each_time),
		s2_unit_test(bad_input_gets_a_specific_error),
		s2_unit_test(a_vm_too_large_for_the_machine_is_refused),
		s2_unit_test(a_syndrome_is_read_as_kvm_reads_it),
		s2_unit_test(a_permission_fault_is_settled_as_its_own_machine_would),
		s2_unit_test(a_vcpu_that_has_run_is_initialised_anew),
		s2_unit_test(a_rollover_is_counted_and_compared_with_nothing),
		s2_unit_test(a_fault_is_settled_as_its_own_machine_would),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
