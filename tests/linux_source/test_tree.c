/* SPDX-License-Identifier: MIT */
/* The tree's code on machines: several in one process, what is refused, and how it stops. */
#include "support.h"

#include <string.h>

#include <stage2sim/oracle.h>

#include "linux/machine/tree.h"

#define IPA  UINT64_C(0x40000000)
#define PA   UINT64_C(0x2000000000)
#define PAGE UINT64_C(4096)
#define RW   (S2_PROT_R | S2_PROT_W)

struct rig {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_tree *tree;
	struct s2_tree_vm *vm;
};

static struct s2_machine *machine(const char *spec, unsigned cpus)
{
	struct s2_machine_config cfg = {.cpus = cpus};
	struct s2_machine *m;

	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &m), 0);
	return m;
}

static void up(struct rig *rig, const char *spec, uint16_t vmid)
{
	rig->m = machine(spec, 2);
	rig->cpu = s2_machine_cpu(rig->m, 0);
	assert_i64(s2_tree_create(rig->m, &rig->tree), 0);
	assert_i64(s2_tree_watch_plain_stores(rig->tree), 0);
	assert_i64(s2_tree_vm_create(rig->tree, 40, s2_vmid(vmid), &rig->vm), 0);
}

static void down(struct rig *rig)
{
	assert_u64(s2_tree_plain_stores(rig->tree, NULL), 0);
	assert_u64(s2_tree_freed_writes(rig->tree, NULL), 0);
	s2_tree_vm_free(rig->vm);
	s2_tree_free(rig->tree);
	s2_machine_destroy(rig->m);
}

static int map(struct rig *rig, struct s2_tree_vm *vm, uint64_t ipa, uint64_t size)
{
	const struct s2_tree_request req = {S2_TREE_MAP, s2_range(ipa, size), s2_pa(PA + ipa), RW,
					    true};

	return s2_tree_request(vm, rig->cpu, &req);
}

static int ask(struct rig *rig, enum s2_tree_op op, uint64_t ipa, uint64_t size)
{
	const struct s2_tree_request req = {.op = op, .range = s2_range(ipa, size)};

	return s2_tree_request(rig->vm, rig->cpu, &req);
}

static uint64_t count(const struct rig *rig, enum s2_op op)
{
	return s2_machine_counts(rig->m).n[op];
}

static void machines_take_turns_and_each_keeps_its_features(void **state)
{
	struct rig with, without;

	(void)state;
	up(&with, "max", 1);
	up(&without, "cortex-a72,-vhe", 9);
	for (uint64_t i = 0; i < 8; i++) {
		assert_i64(map(&with, with.vm, IPA + i * PAGE, PAGE), 0);
		assert_i64(map(&without, without.vm, IPA + i * PAGE, PAGE), 0);
	}
	assert_i64(ask(&with, S2_TREE_UNMAP, IPA, 8 * PAGE), 0);
	assert_i64(ask(&without, S2_TREE_UNMAP, IPA, 8 * PAGE), 0);
	/* Without FWB pages are cleaned as they are mapped and as they go; EL2 is called. */
	assert_u64(count(&with, S2_OP_DC_CIVAC), 0);
	assert_u64(count(&with, S2_OP_HYPERCALL), 0);
	assert_u64(count(&without, S2_OP_DC_CIVAC), 2 * 8 * 64);
	assert_true(count(&without, S2_OP_HYPERCALL) > 0);
	down(&without);
	down(&with);
}

static void vms_of_one_machine_have_tables_of_their_own(void **state)
{
	struct s2_pgtable_state first, second;
	struct s2_tree_vm *other;
	uint64_t vtcr, a, b;
	struct rig rig;

	(void)state;
	up(&rig, "max", 1);
	assert_i64(s2_tree_vm_create(rig.tree, 40, s2_vmid(2), &other), 0);
	assert_i64(map(&rig, rig.vm, IPA, PAGE), 0);
	assert_i64(map(&rig, other, IPA, 512 * PAGE), 0);
	s2_tree_state(rig.vm, &first);
	s2_tree_state(other, &second);
	assert_u64(first.leaves[3], 1);
	assert_u64(second.leaves[3], 0);
	assert_u64(second.leaves[2], 1);
	s2_tree_vm_registers(rig.vm, &vtcr, &a);
	s2_tree_vm_registers(other, &vtcr, &b);
	assert_true(a != b);
	s2_tree_vm_free(other);
	down(&rig);
}

static void a_destroyed_vm_gives_every_page_back_and_is_refused(void **state)
{
	struct rig rig;
	uint64_t live, held;

	(void)state;
	up(&rig, "max", 1);
	assert_i64(map(&rig, rig.vm, IPA, 100 * PAGE), 0);
	assert_i64(ask(&rig, S2_TREE_DESTROY, 0, 0), 0);
	s2_machine_table_memory(rig.m, &live, &held);
	assert_u64(live, 0);
	assert_u64(count(&rig, S2_OP_TABLE_FREE), count(&rig, S2_OP_TABLE_ALLOC));
	assert_i64(map(&rig, rig.vm, IPA, PAGE), -EINVAL);
	assert_i64(ask(&rig, S2_TREE_DESTROY, 0, 0), -EINVAL);
	down(&rig);
}

static void bad_requests_are_refused_and_issue_nothing(void **state)
{
	struct s2_machine *other = machine("max", 1);
	struct s2_counts before, after;
	struct rig rig;
	struct s2_tree_request req = {S2_TREE_MAP, s2_range(IPA, PAGE), s2_pa(PA), RW, false};

	(void)state;
	up(&rig, "max", 1);
	before = s2_machine_counts(rig.m);
	assert_i64(s2_tree_request(rig.vm, s2_machine_cpu(other, 0), &req), -EINVAL);
	req.range.size = 0;
	assert_i64(s2_tree_request(rig.vm, rig.cpu, &req), -EINVAL);
	req.range.size = 100;
	assert_i64(s2_tree_request(rig.vm, rig.cpu, &req), -EINVAL);
	req.range = s2_range(UINT64_C(1) << 40, PAGE);
	assert_i64(s2_tree_request(rig.vm, rig.cpu, &req), -ERANGE);
	req.range = s2_range(IPA, UINT64_MAX - PAGE + 1);
	assert_i64(s2_tree_request(rig.vm, rig.cpu, &req), -ERANGE);
	req.op = S2_TREE_OPS;
	assert_i64(s2_tree_request(rig.vm, rig.cpu, &req), -EINVAL);
	after = s2_machine_counts(rig.m);
	assert_memory_equal(&before, &after, sizeof(before));
	down(&rig);
	s2_machine_destroy(other);
}

static void machines_that_the_tree_cannot_run_on_are_refused(void **state)
{
	struct s2_machine *pages = machine("max,granule=64k", 1), *many = machine("max", 65);
	struct s2_machine *small = machine("max,pa=32", 1);
	struct s2_tree *tree = NULL;
	struct rig rig;

	(void)state;
	assert_i64(s2_tree_create(pages, &tree), -EOPNOTSUPP);
	assert_i64(s2_tree_create(many, &tree), -EINVAL);
	assert_i64(s2_tree_create(small, &tree), -EOPNOTSUPP);
	assert_null(tree);
	up(&rig, "cortex-a72,vmid=8", 1);
	assert_i64(s2_tree_create(rig.m, &tree), -EBUSY);
	assert_i64(s2_tree_vm_create(rig.tree, 40, s2_vmid(0), &rig.vm), -EINVAL);
	assert_i64(s2_tree_vm_create(rig.tree, 40, s2_vmid(300), &rig.vm), -EINVAL);
	assert_i64(s2_tree_vm_create(rig.tree, 60, s2_vmid(1), &rig.vm), -EINVAL);
	s2_tree_vm_free(NULL);
	s2_tree_free(NULL);
	down(&rig);
	s2_machine_destroy(small);
	s2_machine_destroy(many);
	s2_machine_destroy(pages);
}

/* A DC past the PA size, which no machine can do: the kernel's code does not look at PAs. */
static void what_cannot_be_issued_stops_the_request_and_says_so(void **state)
{
	const struct s2_tree_request req = {S2_TREE_MAP, s2_range(IPA, PAGE),
					    s2_pa(UINT64_C(1) << 47), RW, false};
	struct rig rig;

	(void)state;
	up(&rig, "cortex-a72", 1);
	assert_null(s2_tree_trouble(rig.tree));
	assert_i64(s2_tree_request(rig.vm, rig.cpu, &req), -EIO);
	assert_non_null(s2_tree_trouble(rig.tree));
	assert_non_null(strstr(s2_tree_trouble(rig.tree), "DC CIVAC past the PA size"));
	assert_i64(map(&rig, rig.vm, IPA, PAGE), -EIO);
	down(&rig);
	/* Another machine's is as it was. */
	up(&rig, "cortex-a72", 1);
	assert_i64(map(&rig, rig.vm, IPA, PAGE), 0);
	down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(machines_take_turns_and_each_keeps_its_features),
		s2_unit_test(vms_of_one_machine_have_tables_of_their_own),
		s2_unit_test(a_destroyed_vm_gives_every_page_back_and_is_refused),
		s2_unit_test(bad_requests_are_refused_and_issue_nothing),
		s2_unit_test(machines_that_the_tree_cannot_run_on_are_refused),
		s2_unit_test(what_cannot_be_issued_stops_the_request_and_says_so),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
