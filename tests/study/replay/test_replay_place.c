/* SPDX-License-Identifier: MIT */
/*
 * Which VM a line is about, while several live.  A page that was mapped by one line
 * is flushed by the unmap of another only if both were placed in the same VM.
 */
#include "study/replay/replay_fixture.h"

#define VM_OF(task)                                          \
	task " 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n" task \
	     " 0 sys_ioctl(fd: 4, cmd: ae41, arg: 0)\n"
/* Of one process: the second VM's fd is the next one that was not seen. */
#define SECOND_VM(task)                                      \
	task " 0 sys_ioctl(fd: 3, cmd: ae01, arg: 0)\n" task \
	     " 0 sys_ioctl(fd: 6, cmd: ae41, arg: 0)\n"
#define MAP(task, more) \
	task " 0 s2_map: (f+0x0/0x8) ipa=0x80000000 size=0x1000 phys=0x80000000 prot=0x6" more "\n"
#define UNMAP(task, more) task " 0 s2_unmap: (f+0x0/0x8) ipa=0x80000000 size=0x1000" more "\n"
#define IOCTL_ON_VM	  "vmm-10 0 sys_ioctl(fd: 4, cmd: 4020ae46, arg: 0)\n"
#define PGT_1		  " pgt=0xffff0001"
#define PGT_2		  " pgt=0xffff0002"

static const struct setting a55 = {
	.machine = "cortex-a55", .flavour = "kvm-6.12", .detail = S2_REPLAY_RICH};

/* What is found of these lines: an unmap of what was mapped flushes the page, once. */
static void assert_placed(const char *lines, bool flushes, uint64_t unplaced)
{
	struct s2_error err = {0};
	struct heard h;

	s2_test_row("%s", lines);
	assert_i64(replay_text(lines, &a55, &h, &err), 0);
	assert_int_equal(h.calls_seen[S2_FLUSH_VMID_IPA] > 0, flushes);
	assert_u64(h.unplaced, unplaced);
}

static void while_one_vm_lives_every_line_is_its(void **state)
{
	(void)state;
	assert_placed(VM_OF("vmm-10") MAP("vmm-10", "") UNMAP("kswapd0-77", ""), true, 0);
	assert_placed(VM_OF("vmm-10") MAP("kworker-5", PGT_1) UNMAP("kswapd0-77", ""), true, 0);
}

static void a_task_with_a_vm_of_its_own_means_that(void **state)
{
	(void)state;
	assert_placed(VM_OF("vmm-10") VM_OF("vmm-20") MAP("vmm-10", "") UNMAP("vmm-10", ""), true,
		      0);
	assert_placed(VM_OF("vmm-10") VM_OF("vmm-20") MAP("vmm-10", "") UNMAP("vmm-20", ""), false,
		      0);
	/* One that has none means nothing that is known. */
	assert_placed(VM_OF("vmm-10") VM_OF("vmm-20") MAP("vmm-10", "") UNMAP("kswapd0-77", ""),
		      false, 1);
}

static void a_task_with_two_vms_means_neither_but_in_an_ioctl_on_one(void **state)
{
	(void)state;
	assert_placed(VM_OF("vmm-10") SECOND_VM("vmm-10") MAP("vmm-10", "") UNMAP("vmm-10", ""),
		      false, 2);
	/* An unmap of a slot is within the ioctl that deletes it, also behind what that says of itself. */
	assert_placed(VM_OF("vmm-10") SECOND_VM("vmm-10") MAP("vmm-10", PGT_1)
			      IOCTL_ON_VM UNMAP("vmm-10", ""),
		      false, 1);
	assert_placed(VM_OF("vmm-10") SECOND_VM("vmm-10") MAP("vmm-10", PGT_1) IOCTL_ON_VM
		      "vmm-10 0 commit_region: (f+0x0/0x8) change=1\n" UNMAP("vmm-10", ""),
		      false, 1);
}

static void tables_that_were_seen_name_their_vm_whoever_says_it(void **state)
{
	(void)state;
	assert_placed(VM_OF("vmm-10") VM_OF("vmm-20") MAP("vmm-10", PGT_1) MAP("vmm-20", PGT_2)
			      UNMAP("kswapd0-77", PGT_1),
		      true, 0);
	/* A task's own VM yields to the name. */
	assert_placed(VM_OF("vmm-10") VM_OF("vmm-20") UNMAP("vmm-20", PGT_2) MAP("vmm-10", PGT_1)
			      UNMAP("vmm-10", PGT_2),
		      false, 0);
	assert_placed(VM_OF("vmm-10") VM_OF("vmm-20") MAP("vmm-10", PGT_1) UNMAP("vmm-20", PGT_2)
			      UNMAP("vmm-20", PGT_1),
		      true, 0);
	/* A name that nobody has yet is the task's own VM's, and of no use where it has none. */
	assert_placed(VM_OF("vmm-10") VM_OF("vmm-20") MAP("vmm-10", "") UNMAP("kswapd0-77", PGT_1),
		      false, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(while_one_vm_lives_every_line_is_its),
		s2_unit_test(a_task_with_a_vm_of_its_own_means_that),
		s2_unit_test(a_task_with_two_vms_means_neither_but_in_an_ioctl_on_one),
		s2_unit_test(tables_that_were_seen_name_their_vm_whoever_says_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
