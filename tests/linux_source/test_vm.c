/* SPDX-License-Identifier: MIT */
/*
 * What a VM by the tree's own mmu.c and kvm_main.c issues, one by lib/hyp does: random
 * VMs, asked the same, on each shape of machine.
 */
#include "property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/pgtable.h>

#include "linux/machine/vm.h"
#include "linux_source/sides.h"

#define IPA   UINT64_C(0x40000000)
#define HVA   UINT64_C(0x7e0040000000)
#define PA    UINT64_C(0x840000000)
#define PAGE  UINT64_C(4096)
#define MIB   UINT64_C(0x100000)
#define SLOTS 2
#define SLOT  (8 * MIB)
#define VCPUS 3
#define CPUS  2

/* VHE and not, FWB and not, ranges and not, errata, LPA2, a VIPT I-cache. */
static const char *const machines[] = {
	"neoverse-n2,-repeat_tlbi",
	"neoverse-n2,-dic,-repeat_tlbi,-fwb,-tlbirange",
	"neoverse-n2,-vhe",
	"neoverse-n2,-repeat_tlbi,+speculative_at",
	"neoverse-n2,-vhe,+speculative_at,-fwb",
	"cortex-a72",
	"cortex-a55",
	"max",
	"max,-fwb,-ttl",
	"neoverse-n2,+vipt,-dic,+repeat_tlbi",
};

enum call {
	READ,
	WRITE,
	FETCH,
	CACHES,
	SET_WAY,
	LOG,
	LOG_GET,
	LOG_CLEAR,
	UNMAP,
	CLEAR,
	AGE,
	MOVE_VCPU,
	RESET,
	SLOT_AGAIN,
	CALLS,
};

static const char *const names[CALLS] = {
	"read",	 "write", "fetch",	    "caches", "set way",   "log",   "log get",
	"clear", "unmap", "clear notifier", "age",    "move vcpu", "reset", "slot again",
};

struct side_vm {
	struct s2_machine *m;
	struct s2_vmids *vmids;
	struct s2_vm *vm;
	struct s2_counts before;
	int slots[SLOTS];
	struct s2_slot_config cfg[SLOTS];
};

struct program {
	const char *spec;
	const struct s2_flavour *tree;
	bool manual, initially, populated, split;
	uint64_t backing;
	uint64_t calls, operations;
};

static struct s2_slot_config slot_of(const struct program *p, unsigned i)
{
	/* The second begins in the midst of a block. */
	const uint64_t offset = i * (SLOT + 3 * MIB);
	const struct s2_slot_config cfg = {
		.ipa = {IPA + offset},
		.size = SLOT,
		.hva = {HVA + offset},
		.pa = {PA + offset},
		.backing = p->backing,
		.populated = p->populated,
	};

	return cfg;
}

static void up(struct side_vm *s, const struct program *p, const struct s2_flavour *flavour)
{
	struct s2_machine_config mc = {.cpus = CPUS};
	struct s2_vm_config vc = {
		.flavour = flavour,
		.ipa_bits = 40,
		.manual_protect = p->manual,
		.initially_set = p->initially,
		.split_chunk = p->split ? 2 * MIB : 0,
	};

	assert_i64(s2_features_parse(p->spec, &mc.features, NULL), 0);
	assert_i64(s2_machine_create(&mc, &s->m), 0);
	assert_i64(s2_vm_prepare(s->m, flavour), 0);
	assert_i64(s2_vmids_create(s->m, &s->vmids), 0);
	vc.vmids = s->vmids;
	assert_i64(s2_vm_create(s->m, &vc, &s->vm), 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		s->cfg[i] = slot_of(p, i);
		s->slots[i] = s2_vm_add_slot(s->vm, &s->cfg[i]);
		assert_true(s->slots[i] >= 0);
	}
	for (int i = 0; i < VCPUS; i++) {
		const int ret = s2_vm_add_vcpu(s->vm);

		if (ret != i && s2_tree_of(s->m))
			print_message("%s\n", s2_tree_trouble(s2_tree_of(s->m)));
		assert_i64(ret, i);
	}
	for (unsigned i = 0; i < CPUS; i++)
		assert_i64(s2_vcpu_load(s2_vm_vcpu(s->vm, (int)i), s2_machine_cpu(s->m, i)), 0);
}

static void down(struct side_vm *s)
{
	s2_vm_free(s->vm);
	s2_vmids_free(s->vmids);
	s2_machine_destroy(s->m);
}

/* ---- calls ---- */

static const uint64_t sizes[] = {PAGE, PAGE, 3 * PAGE, 64 * PAGE, 2 * MIB, 5 * MIB};

static uint64_t offset_of(const struct s2_step *step, uint64_t size)
{
	const uint64_t most = (SLOT - size) / PAGE;
	const uint64_t at = (step->b / 6) % (most + 1);

	return step->b % 2
		       ? (at * PAGE) & ~(size & (~size + 1)) & ~(size >= 2 * MIB ? 2 * MIB - 1 : 0)
		       : at * PAGE;
}

static int64_t access(struct side_vm *s, const struct s2_step *step, enum s2_access access)
{
	const uint64_t size = sizes[step->c % ARRAY_SIZE(sizes)];
	struct s2_vcpu *vcpu = s2_vm_vcpu(s->vm, (int)(step->a / SLOTS % VCPUS));

	return s2_vcpu_access(vcpu, s2_ipa(s->cfg[step->a % SLOTS].ipa.v + offset_of(step, size)),
			      size, access);
}

static int64_t on_hva(struct side_vm *s, const struct s2_step *step, enum call call)
{
	const uint64_t size = sizes[step->c % ARRAY_SIZE(sizes)];
	const struct s2_slot_config *cfg = &s->cfg[step->a % SLOTS];
	const struct s2_va hva = {cfg->hva.v + offset_of(step, size)};
	struct s2_cpu *cpu = s2_machine_cpu(s->m, (unsigned)(step->a / SLOTS % CPUS));
	const struct s2_va block = {(hva.v + 2 * MIB - 1) & ~(2 * MIB - 1)};

	/* The host ages a page of its own, or a huge one. */
	if (call == AGE && size >= 2 * MIB && block.v + 2 * MIB <= cfg->hva.v + cfg->size)
		return s2_vm_age_hva(s->vm, cpu, block, 2 * MIB);
	if (call == AGE)
		return s2_vm_age_hva(s->vm, cpu, hva, PAGE);
	return s2_vm_unmap_hva(s->vm, cpu, hva, size,
			       call == UNMAP ? S2_UNMAP_EVENT : S2_UNMAP_CLEAR);
}

static int64_t on_log(struct side_vm *s, const struct s2_step *step, enum call call)
{
	struct s2_cpu *cpu = s2_machine_cpu(s->m, (unsigned)(step->a / SLOTS % CPUS));
	const int slot = s->slots[step->a % SLOTS];
	const uint64_t first = step->b % (SLOT / PAGE / 64) * 64;
	int ret;

	switch (call) {
	case LOG:
		ret = s2_vm_log_start(s->vm, cpu, slot);
		return ret == -EEXIST ? s2_vm_log_stop(s->vm, cpu, slot) : ret;
	case LOG_GET:
		return s2_vm_log_get(s->vm, cpu, slot);
	default:
		return s2_vm_log_clear(s->vm, cpu, slot, first,
				       step->c % 2 ? 64 : SLOT / PAGE - first);
	}
}

static int64_t move_vcpu(struct side_vm *s, const struct s2_step *step)
{
	struct s2_vcpu *vcpu = s2_vm_vcpu(s->vm, (int)(step->a % VCPUS));
	const int ret = s2_vcpu_load(vcpu, s2_machine_cpu(s->m, (unsigned)(step->b % CPUS)));

	return ret == -EBUSY ? s2_vcpu_put(vcpu) : ret;
}

static int64_t slot_again(struct side_vm *s, const struct s2_step *step)
{
	const unsigned i = step->a % SLOTS;
	int ret = s2_vm_delete_slot(s->vm, s2_machine_cpu(s->m, 0), s->slots[i]);

	if (ret)
		return ret;
	return s->slots[i] = s2_vm_add_slot(s->vm, &s->cfg[i]);
}

static int64_t do_call(struct side_vm *s, const struct s2_step *step)
{
	struct s2_vcpu *vcpu = s2_vm_vcpu(s->vm, (int)(step->a % VCPUS));
	const enum call call = (enum call)(step->op % CALLS);

	switch (call) {
	case READ:
	case WRITE:
	case FETCH:
		return access(s, step,
			      call == READ    ? S2_ACCESS_READ
			      : call == WRITE ? S2_ACCESS_WRITE
					      : S2_ACCESS_FETCH);
	case CACHES:
		return s2_vcpu_set_caches(vcpu, step->b % 2);
	case SET_WAY:
		return s2_vcpu_set_way(vcpu, 1 + (unsigned)(step->b % 2));
	case LOG:
	case LOG_GET:
	case LOG_CLEAR:
		return on_log(s, step, call);
	case UNMAP:
	case CLEAR:
	case AGE:
		return on_hva(s, step, call);
	case MOVE_VCPU:
		return move_vcpu(s, step);
	case RESET:
		return s2_vcpu_reset(vcpu, s2_machine_cpu(s->m, (unsigned)(step->b % CPUS)));
	default:
		return slot_again(s, step);
	}
}

/* ---- comparison ---- */

static bool same_state(const struct side_vm *a, const struct side_vm *b)
{
	struct s2_pgtable_state x, y;

	s2_pgtable_state(s2_vm_mmu(a->vm), &x);
	s2_pgtable_state(s2_vm_mmu(b->vm), &y);
	for (int i = 0; i < VCPUS; i++)
		if (s2_vcpu_tvm(s2_vm_vcpu(a->vm, i)) != s2_vcpu_tvm(s2_vm_vcpu(b->vm, i)))
			return false;
	for (int i = 0; i < SLOTS; i++)
		for (uint64_t page = 0; page < SLOT / PAGE; page++)
			if (s2_vm_log_is_dirty(a->vm, a->slots[i], page) !=
			    s2_vm_log_is_dirty(b->vm, b->slots[i], page))
				return false;
	return !memcmp(&x, &y, sizeof(x));
}

/*
 * A write of a page that was the zero page: gup's copy calls the notifier, which makes the
 * tree's fault begin anew from the guest (mmu_invalidate_retry()).  lib/hyp begins anew
 * within the fault: one fault, exit and entry fewer, and the same instructions.
 */
static bool counts_copies(const struct program *p, int op)
{
	return !p->populated &&
	       (op == S2_OP_S2_FAULT || op == S2_OP_GUEST_EXIT || op == S2_OP_GUEST_ENTRY);
}

static bool same_results(const struct program *p, int64_t ours, int64_t theirs)
{
	return ours == theirs || (!p->populated && ours >= 0 && theirs > ours);
}

static bool same_counts(struct program *p, const struct side_vm *a, const struct side_vm *b,
			const char *what)
{
	const struct s2_counts ca = s2_machine_counts(a->m), cb = s2_machine_counts(b->m);
	const struct s2_counts da = s2_counts_since(&a->before, &ca);
	const struct s2_counts db = s2_counts_since(&b->before, &cb);
	bool same = true;

	for (int op = 0; op < S2_OP_COUNT; op++) {
		if (op == S2_OP_PTE_READ && !s2_tree_has().reads_once)
			continue;
		if (counts_copies(p, op) && db.n[op] >= da.n[op])
			continue;
		p->operations += db.n[op];
		if (da.n[op] == db.n[op])
			continue;
		print_message("%s: %s: library %" PRIu64 " %s, tree %" PRIu64 "\n", p->spec, what,
			      da.n[op], s2_op_name((enum s2_op)op), db.n[op]);
		same = false;
	}
	return same;
}

static bool agree(struct program *p, struct side_vm *library, struct side_vm *tree,
		  const struct s2_step *step)
{
	const char *what = step ? names[step->op % CALLS] : "teardown";
	int64_t ours, theirs;

	library->before = s2_machine_counts(library->m);
	tree->before = s2_machine_counts(tree->m);
	if (step) {
		ours = do_call(library, step);
		theirs = do_call(tree, step);
	} else {
		ours = s2_vm_teardown(library->vm, s2_machine_cpu(library->m, 0));
		theirs = s2_vm_teardown(tree->vm, s2_machine_cpu(tree->m, 0));
	}
	p->calls++;
	if (!same_results(p, ours, theirs)) {
		const char *trouble = s2_tree_trouble(s2_tree_of(tree->m));

		print_message("%s: %s: library %" PRId64 ", tree %" PRId64 "%s%s\n", p->spec, what,
			      ours, theirs, trouble ? ", stopped: " : "", trouble ? trouble : "");
		return false;
	}
	if (!same_counts(p, library, tree, what))
		return false;
	if (step && !same_state(library, tree)) {
		print_message("%s: %s: tables, TVM or dirty bits differ\n", p->spec, what);
		return false;
	}
	return true;
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	struct program *p = arg;
	struct side_vm library, tree;
	const char *where;
	bool same = true;

	/* What kind of VM: by the first step. */
	p->backing = n && steps[0].c % 3 == 0 ? 2 * MIB : PAGE;
	p->populated = n && steps[0].c / 3 % 3;
	p->manual = n && steps[0].c / 9 % 2;
	p->initially = p->manual && steps[0].c / 18 % 2;
	p->split = n && s2_tree_has().split && steps[0].c / 36 % 2;
	up(&library, p, s2_tree_stands_for());
	up(&tree, p, p->tree);
	for (size_t i = 0; same && i < n; i++)
		same = agree(p, &library, &tree, &steps[i]);
	for (int i = 0; i < VCPUS; i++) {
		(void)s2_vcpu_put(s2_vm_vcpu(library.vm, i));
		(void)s2_vcpu_put(s2_vm_vcpu(tree.vm, i));
	}
	same = same && agree(p, &library, &tree, NULL);
	if (s2_tree_warnings(s2_tree_of(tree.m), &where)) {
		print_message("%s: kernel WARNING at %s\n", p->spec, where);
		same = false;
	}
	down(&tree);
	down(&library);
	return same;
}

static void print(void *arg, const struct s2_step *step)
{
	(void)arg;
	print_message("%s a %" PRIu64 " b %" PRIu64 " c %" PRIu64, names[step->op % CALLS],
		      (uint64_t)step->a, (uint64_t)step->b, (uint64_t)step->c);
}

static void the_trees_vm_counts_as_the_librarys(void **state)
{
	const char *more = getenv("S2_LINUX_PROGRAMS");
	struct program p = {.spec = *state, .tree = s2_tree_flavour_add()};
	struct s2_property property = {
		.name = p.spec,
		.n_ops = CALLS,
		.max_a = SLOTS * VCPUS * CPUS,
		.max_b = 6 * 2048,
		.max_c = 6 * 6 * 2,
		.steps = 24,
		.programs = more ? (unsigned)atoi(more) : 40,
		.run = run,
		.print = print,
		.arg = &p,
	};

	if (!p.tree)
		skip();
	s2_property_check(&property, 1);
	print_message("%s as %s: %" PRIu64 " calls, %" PRIu64 " operations, no difference\n",
		      p.spec, s2_tree_stands_for()->name, p.calls, p.operations);
	assert_true(p.operations > 1000);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(machines)];

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		tests[i] = (struct CMUnitTest){machines[i], the_trees_vm_counts_as_the_librarys,
					       s2_test_forget_row, NULL,
					       (void *)(uintptr_t)machines[i]};
	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
