/* SPDX-License-Identifier: MIT */
/* Logs that no host wrote, or only part of: what is refused says why, and nothing is left half done. */
#include "support.h"
#include "temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stage2sim/vm.h>

#include "study/replay/replay_log.h"

#define MAX_SKIPPED 8

/* What came of a log, bad lines skipped. */
struct outcome {
	int ret;
	struct s2_replay_outcome replay;
	struct s2_error err;
	size_t n_skipped;
	char skipped[MAX_SKIPPED][S2_ERROR_TEXT];
};

static void keep_skipped(void *arg, const char *text)
{
	struct outcome *o = arg;

	if (o->n_skipped < MAX_SKIPPED)
		snprintf(o->skipped[o->n_skipped], S2_ERROR_TEXT, "%s", text);
	o->n_skipped++;
}

/* @param slots text of a memslots file, or NULL */
static struct outcome replay(const char *machine, unsigned ipa_bits, const char *slots,
			     const char *log)
{
	char path[S2_TEST_PATH], slots_path[S2_TEST_PATH];
	struct outcome o = {0};
	struct s2_replay_job job = {
		.backing = UINT64_C(0x200000),
		.path = path,
		.flavour = s2_flavour_find("kvm-6.12"),
		.cpus = strstr(log, "#P:") ? 0 : 4,
		.ipa_bits = ipa_bits,
		.memslots = slots ? slots_path : NULL,
		.compare = true,
		.keep_going = true,
		.skipped = keep_skipped,
		.skipped_arg = &o,
	};
	FILE *out = tmpfile();

	assert_non_null(out);
	assert_i64(s2_features_parse(machine, &job.features, NULL), 0);
	s2_test_temp_file(path, log, strlen(log));
	if (slots)
		s2_test_temp_file(slots_path, slots, strlen(slots));
	o.ret = s2_replay_log(&job, out, &o.replay, &o.err);
	remove(path);
	if (slots)
		remove(slots_path);
	assert_i64(fclose(out), 0);
	return o;
}

#define LINE(task, cpu, event) "    " task " [00" #cpu "] .....    12.345678: " event "\n"
#define ENTRY(task)	       LINE(task, 0, "kvm_entry: PC: 0x0000000040000000")
#define IOCTL(task, fd, cmd)   LINE(task, 0, "sys_ioctl(fd: " #fd ", cmd: " #cmd ", arg: 0)")

static void a_slot_of_a_vm_that_has_died_is_not_flushed(void **state)
{
	/* The clear of task 10 names the tables of task 20's VM, which dies before it is over. */
	static const char log[] = IOCTL("vmm-10", 3, ae01) IOCTL("vmm-10", 4, ae41) IOCTL(
		"vmm-20", 3,
		ae01) IOCTL("vmm-20", 4,
			    ae41) LINE("vmm-20", 1,
				       "s2_unmap: (f+0x0/0x8) ipa=0x40000000 size=0x1000 pgt=0xffff0002")
		IOCTL("vmm-10", 4, c018aec0) LINE(
			"vmm-10", 0, "clear_masked: (f+0x0/0x8) gfn_offset=0x0 mask=0xff")
			LINE("vmm-10", 0,
			     "s2_wrprotect: (f+0x0/0x8) ipa=0x40000000 size=0x8000 pgt=0xffff0002")
				LINE("vmm-20", 1, "s2_destroy: (f+0x0/0x8) pgt=0xffff0002")
					IOCTL("vmm-10", 4, c018aec0);
	struct outcome o;

	(void)state;
	o = replay("max", 0, NULL, log);
	assert_i64(o.ret, 0);
	assert_u64(o.n_skipped, 0);
	/* The unmap's range flush, which this log does not show. */
	assert_u64(o.replay.differences, 1);
}

static void an_unmap_of_nothing_is_left_out(void **state)
{
	static const char *const ranges[] = {
		"0x007f0000000000 -- 0x007f0000000000",
		"0x007f0000200000 -- 0x007f0000000000",
		"0x00fffffffffff000 -- 0x00ffffffffffffff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		char log[256];
		struct outcome o;

		s2_test_row("%s", ranges[i]);
		snprintf(
			log, sizeof(log), "%s%s%s\n", ENTRY("vcpu-2"),
			"    vmm-1 [000] .....    12.345678: kvm_unmap_hva_range: mmu notifier unmap "
			"range: ",
			ranges[i]);
		o = replay("cortex-a55", 0, "0x80000000 0x200000 0x7f0000000000\n", log);
		assert_i64(o.ret, 0);
		assert_u64(o.n_skipped, 0);
	}
}

static void a_vm_of_before_the_log_that_cannot_be_is_refused_and_said(void **state)
{
	/* 48 IPA bits by option on a machine of 40 PA bits. */
	static const char *const logs[] = {
		IOCTL("vcpu-2", 5, ae80),
		LINE("vmm-1", 0, "sys_ioctl(fd: 5, cmd: 4010aeab, arg: 0)"),
		ENTRY("vcpu-2"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		struct outcome o = replay("cortex-a55", 48, NULL, logs[i]);

		s2_test_row("log %zu", i);
		assert_i64(o.ret, 0);
		assert_u64(o.n_skipped, 1);
		assert_non_null(strstr(o.skipped[0], "48 IPA bits does not fit"));
	}
}

/* Slots that do not fit are refused at each line that needs them, not once and then half there. */
static void slots_that_a_vm_cannot_have_are_refused_every_time(void **state)
{
	static const char log[] = ENTRY("vcpu-2") ENTRY("vcpu-2");
	struct outcome o;

	(void)state;
	o = replay("cortex-a55", 32, "0x80000000 0x1000 0x1000\n0x100000000 0x1000 0x2000\n", log);
	assert_i64(o.ret, 0);
	assert_u64(o.n_skipped, 2);
	assert_non_null(strstr(o.skipped[1], "32-bit addresses"));
}

/* The IPA space of the VM is as large as the PA space, and the host's blocks begin in between. */
static void a_last_slot_may_lie_in_its_host_block_as_it_likes(void **state)
{
	struct outcome o;

	(void)state;
	o = replay("cortex-a55,pa=32", 32, "0xffe00000 0x200000 0x7f0000001000\n", ENTRY("vcpu-2"));
	assert_i64(o.ret, 0);
	assert_u64(o.n_skipped, 0);
}

/* A fault of the access flag asks for no map: one that comes all the same is done as it stands. */
static void a_map_after_an_access_flag_fault_is_a_map(void **state)
{
	static const char log[] = IOCTL("vmm-1", 3, ae01) IOCTL("vmm-1", 4, ae41) IOCTL(
		"vmm-1", 5, 4020aeae) IOCTL("vmm-1", 5, ae80) LINE("vmm-1", 0,
								   "tlb_cpu_ctx: (f+0x0/0x90)")
		LINE("vmm-1", 0,
		     "kvm_guest_fault: ipa 0x80000000, hsr 0x9200000b, hxfar 0x80000000, pc "
		     "0x00000040000000") LINE("vmm-1", 0,
					      "s2_map: (f+0x0/0x8) ipa=0x80000000 size=0x1000 phys=0x80000000 prot=0x6")
			LINE("vmm-1", 0, "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)") LINE(
				"vmm-1", 0, "s2_unmap: (f+0x0/0x8) ipa=0x80000000 size=0x1000")
				LINE("vmm-1", 0, "tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=3") LINE(
					"vmm-1", 0,
					"tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=2147483647")
					LINE("vmm-1", 0,
					     "tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=2147483647");
	struct outcome o;

	(void)state;
	o = replay("cortex-a55", 0, NULL, log);
	assert_i64(o.ret, 0);
	assert_u64(o.n_skipped, 0);
	assert_u64(o.replay.differences, 0);
}

/* The vcpu is of the second VM; the line names the tables of the first. */
static void a_map_of_another_vm_settles_no_fault(void **state)
{
	static const char log[] = IOCTL("vmm-10", 3, ae01) IOCTL("vmm-10", 4, ae41) LINE(
		"vmm-10", 1,
		"s2_unmap: (f+0x0/0x8) ipa=0x80000000 size=0x1000 pgt=0xffff0001") IOCTL("vmm-20",
											 3, ae01)
		IOCTL("vmm-20", 4, ae41) IOCTL("vmm-20", 5, 4020aeae) IOCTL("vmm-20", 5, ae80) LINE(
			"vmm-20", 0,
			"tlb_cpu_ctx: (f+0x0/0x90)") LINE("vmm-20", 0,
							  "kvm_guest_fault: ipa 0x80000000, hsr 0x92000047, hxfar 0x80000000, pc "
							  "0x00000040000000")
			LINE("vmm-20", 0,
			     "s2_map: (f+0x0/0x8) ipa=0x80000000 size=0x1000 phys=0x80000000 prot=0x6 "
			     "pgt=0xffff0001") LINE("vmm-10", 1,
						    "s2_unmap: (f+0x0/0x8) ipa=0x80000000 size=0x1000 pgt=0xffff0001")
				LINE("vmm-10", 1, "tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=3") LINE(
					"vmm-10", 1,
					"tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=2147483647")
					LINE("vmm-10", 1,
					     "tlb_ipa: (f+0x0/0xd8) ipa=0x80000000 level=2147483647");
	struct outcome o;

	(void)state;
	o = replay("cortex-a55", 0, NULL, log);
	assert_i64(o.ret, 0);
	assert_u64(o.n_skipped, 0);
	assert_u64(o.replay.differences, 0);
}

static void a_clear_that_lies_before_its_slot_is_refused(void **state)
{
	static const char log[] = IOCTL("vmm-1", 3, ae01) IOCTL("vmm-1", 4, ae41) IOCTL("vmm-1", 4,
											c018aec0)
		LINE("vmm-1", 0, "clear_masked: (f+0x0/0xc8) gfn_offset=0x100000 mask=0x1")
			LINE("vmm-1", 0, "s2_wrprotect: (f+0x0/0xc0) ipa=0x80000000 size=0x1000");
	struct outcome o;

	(void)state;
	o = replay("max", 0, NULL, log);
	assert_u64(o.n_skipped, 1);
	assert_non_null(strstr(o.skipped[0], "expected an IPA past the page offset"));
	assert_u64(o.replay.differences, 0);
}

static void more_cpus_than_vmids_are_refused_and_said(void **state)
{
	char log[] = "# entries-in-buffer/entries-written: 1/1   #P:256\n" ENTRY("vcpu-2");
	struct outcome o;

	(void)state;
	o = replay("cortex-a72", 0, NULL, log);
	assert_i64(o.ret, -EINVAL);
	assert_non_null(strstr(o.err.text, "256 CPUs and 8-bit VMIDs"));
}

static void a_vcpu_too_many_costs_its_own_lines_only(void **state)
{
	const size_t lines = S2_MAX_VCPUS + 2;
	char *rich = calloc(lines * 2, 128), *at = rich;
	struct outcome o;

	(void)state;
	assert_non_null(rich);
	at += sprintf(at, "%s", IOCTL("vmm-1", 3, ae01));
	for (size_t i = 0; i < lines; i++)
		at += sprintf(at,
			      LINE("vmm-1", 0, "sys_ioctl(fd: 4, cmd: ae41, arg: %zx)")
				      LINE("vmm-1", 0, "sys_ioctl(fd: %zu, cmd: 4020aeae, arg: 0)"),
			      i, i + 100);
	o = replay("max", 0, NULL, rich);
	free(rich);
	assert_i64(o.ret, 0);
	assert_u64(o.n_skipped, 2);
	assert_non_null(strstr(o.skipped[0], "more than 512 vcpus"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_slot_of_a_vm_that_has_died_is_not_flushed),
		s2_unit_test(an_unmap_of_nothing_is_left_out),
		s2_unit_test(a_vm_of_before_the_log_that_cannot_be_is_refused_and_said),
		s2_unit_test(slots_that_a_vm_cannot_have_are_refused_every_time),
		s2_unit_test(a_last_slot_may_lie_in_its_host_block_as_it_likes),
		s2_unit_test(a_map_after_an_access_flag_fault_is_a_map),
		s2_unit_test(a_map_of_another_vm_settles_no_fault),
		s2_unit_test(a_clear_that_lies_before_its_slot_is_refused),
		s2_unit_test(more_cpus_than_vmids_are_refused_and_said),
		s2_unit_test(a_vcpu_too_many_costs_its_own_lines_only),
	};

	return cmocka_run_group_tests_name("replay_odd", tests, NULL, NULL);
}
