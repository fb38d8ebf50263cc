/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/replay_log.h"

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
	const char *cpu;
	const struct counted_phase *phases;
	size_t n_phases;
};

#include "trace_counts.h"

/* What a replay told its listener. */
struct heard {
	size_t n_phases;
	struct s2_replay_phase phases[16];
	bool whole_log;
	size_t n_differences;
	struct {
		uint64_t line;
		char predicted[96], observed[96];
	} differences[16];
	struct s2_replay_summary summary;
	char inferred[8][S2_ERROR_TEXT];
	size_t n_inferred;
	uint64_t unplaced;
	struct s2_counts total;
	uint64_t calls_seen[S2_FLUSH_KINDS]; /* predicted, in all phases */
};

static void hear_phase(void *arg, const struct s2_replay_phase *phase, bool whole_log)
{
	struct heard *h = arg;

	h->whole_log = whole_log;
	for (int kind = 0; kind < S2_FLUSH_KINDS; kind++)
		h->calls_seen[kind] += phase->calls[kind].predicted;
	if (h->n_phases < ARRAY_SIZE(h->phases))
		h->phases[h->n_phases] = *phase;
	h->n_phases++;
}

static void hear_difference(void *arg, const struct s2_replay_difference *d, bool in_phase)
{
	struct heard *h = arg;
	size_t i = h->n_differences++;

	(void)in_phase;
	if (i >= ARRAY_SIZE(h->differences))
		return;
	h->differences[i].line = d->line;
	snprintf(h->differences[i].predicted, sizeof(h->differences[i].predicted), "%s",
		 d->predicted ? d->predicted : "nothing");
	snprintf(h->differences[i].observed, sizeof(h->differences[i].observed), "%s",
		 d->observed ? d->observed : "nothing");
}

static void keep_summary(struct heard *h, const struct s2_replay *r)
{
	s2_replay_summary(r, &h->summary);
	h->total = *h->summary.total;
	h->n_inferred = h->summary.n_inferred;
	for (size_t i = 0; i < h->n_inferred && i < ARRAY_SIZE(h->inferred); i++)
		snprintf(h->inferred[i], sizeof(h->inferred[i]), "%s", h->summary.inferred[i]);
	for (size_t i = 0; i < h->summary.n_unplaced; i++)
		h->unplaced += h->summary.unplaced[i].n;
}

struct setting {
	const char *machine;
	const char *flavour;
	enum s2_replay_detail detail;
	uint64_t backing;
	const struct s2_memslots *slots;
	const struct s2_flavour *own; /* instead of the one named */
};

static const struct setting max_rich = {"max", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};
static const struct setting a55_rich = {"cortex-a55", "kvm-6.12", S2_REPLAY_RICH, 0, NULL, NULL};

/* @return 0, or the first error, with the line it was at. */
static int replay_file(const char *path, const struct setting *s, struct heard *h,
		       struct s2_error *err)
{
	struct s2_replay_config cfg = {
		.flavour = s->own ? s->own : s2_flavour_find(s->flavour),
		.cpus = 4,
		.detail = s->detail,
		.compare = true,
		.slots = s->slots,
		.backing = s->backing,
		.listener = {hear_phase, hear_difference, h},
	};
	struct s2_trace *trace = s2_trace_open(path, err);
	struct s2_trace_event ev;
	struct s2_replay *r;
	int ret;

	memset(h, 0, sizeof(*h));
	assert_non_null(trace);
	assert_i64(s2_features_parse(s->machine, &cfg.features, NULL), 0);
	assert_i64(s2_replay_create(&cfg, &r), 0);
	while ((ret = s2_trace_next(trace, &ev)) > 0) {
		ret = s2_replay_event(r, &ev, err);
		if (ret)
			break;
	}
	if (!ret)
		ret = s2_replay_finish(r, s2_trace_lines(trace), err);
	keep_summary(h, r);
	s2_replay_destroy(r);
	s2_trace_close(trace);
	return ret;
}

/*
 * Lines of "TASK-PID CPU EVENT" get the rest of ftrace's form, in a file whose
 * template @path is; it is the caller's to remove.
 */
static void write_log(const char *lines, char *path)
{
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	fputs("# tracer: nop\n", f);
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		size_t task = strcspn(lines, " ");

		fprintf(f, "%16.*s [00%c] .....    12.345678: %.*s\n", (int)task, lines,
			lines[task + 1], (int)(len - task - 3), lines + task + 3);
		lines += len + (lines[len] == '\n');
	}
	fclose(f);
}

static int replay_text(const char *lines, const struct setting *s, struct heard *h,
		       struct s2_error *err)
{
	char path[] = "replay-test-XXXXXX";
	int ret;

	write_log(lines, path);
	ret = replay_file(path, s, h, err);
	remove(path);
	return ret;
}

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
	{"END without BEGIN", "vm-1 0 tracing_mark_write: END\n", -EINVAL, S2_REPLAY_ERR_PHASE},
	{"BEGIN in BEGIN",
	 "vm-1 0 tracing_mark_write: BEGIN a\nvm-1 0 tracing_mark_write: BEGIN b\n", -EINVAL,
	 S2_REPLAY_ERR_PHASE},
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
		{S2_TOGGLE_NEVER, 0},
		{S2_TOGGLE_EVERY, 1 + 2},
		{S2_TOGGLE_VCPU0, 1},
		{S2_TOGGLE_FIRST_LAST, 1},
		{S2_TOGGLE_SINCE_FLUSH, 1 + 1},
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
	char path[] = "replay-test-XXXXXX";

	(void)state;
	assert_non_null(out);
	write_log(VM_1 RUN_1, path);
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
		s2_unit_test(plain_faults_map_their_backing_unless_they_are_mmio),
		s2_unit_test(a_plain_cache_toggle_cleans_what_is_mapped),
		s2_unit_test(a_recorded_boot_is_replayed_under_any_toggle_policy),
		s2_unit_test(a_toggle_policy_of_ones_own_is_refused_for_a_rich_log),
		s2_unit_test(a_trap_that_should_not_have_been_is_believed_and_said),
		s2_unit_test(a_plain_fault_outside_all_slots_is_unplaced_and_counted),
		s2_unit_test(a_fault_is_settled_as_its_own_machine_would),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
