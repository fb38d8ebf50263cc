/* SPDX-License-Identifier: MIT */
/*
 * What is done to a dead VM's tables.  Reads beside kvm_free_stage2_pgd() and
 * kvm_stage2_destroy(); each policy says where it leaves them.
 */
#include <errno.h>

#include <stage2sim/pgtable.h>

#include "hyp/vm/kernel.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/mmu_lock.h"
#include "hyp/vm/tell.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"
#include "hyp/stage2/memo.h"
#include "hyp/stage2/table_index.h"
#include "hyp/stage2/walk.h"

struct teardown {
	struct s2_mmu *mmu;
	struct s2_cpu *cpu;
	struct s2_vm *vm; /* whose reschedule points are accounted for, or NULL */
};

/* The entries from the root down to where an address has a table no more. */
struct path {
	unsigned n;
	struct {
		uint64_t pa;
		s2_pte pte;
	} read[S2_LAST_LEVEL + 2];
	uint64_t size; /* of the last entry */
	bool empty;    /* it is zero */
};

/* @return false if all levels down to @last have a table or a leaf for @addr */
static bool follow_path(const struct s2_mmu *mmu, uint64_t addr, int last, struct path *path)
{
	const struct s2_geometry *geo = &mmu->geo;
	const struct s2_table *table = &mmu->root[s2_root_index(geo, s2_ipa(addr))];

	path->n = 0;
	path->empty = false;
	for (int level = geo->start_level; level <= last; level++) {
		unsigned index = s2_level_index(geo, s2_ipa(addr), level);
		s2_pte pte = table->entries[index];

		path->read[path->n].pa = table->pa + index * sizeof(pte);
		path->read[path->n++].pte = pte;
		path->size = s2_level_size(geo, level);
		path->empty = !pte;
		if (!s2_pte_is_table(pte, level))
			break;
		table = s2_follow(mmu, pte);
	}
	return path->empty;
}

/* A read that a run repeats in place. */
static void read_again(struct s2_cpu *cpu, uint64_t pa, s2_pte pte)
{
	struct s2_insn insn = {.op = S2_OP_PTE_READ, .addr = pa, .value = pte, .count = 1};

	s2_issue(cpu, &insn);
}

static void read_path(struct s2_cpu *cpu, const struct path *path)
{
	for (unsigned i = 0; i < path->n; i++)
		read_again(cpu, path->read[i].pa, path->read[i].pte);
}

static uint64_t rest(const struct s2_mmu *mmu, uint64_t addr, uint64_t size)
{
	uint64_t limit = s2_ipa_limit(&mmu->geo);

	return size < limit - addr ? size : limit - addr;
}

/*
 * An entry above the chunks' level that maps nothing is walked to once for
 * each chunk in it: millions of times the same reads, done here as one run.
 * @return chunks done, 0 if there is something at @addr
 */
static uint64_t walk_empty_chunks(const struct teardown *t, uint64_t addr, uint64_t chunk)
{
	const struct s2_mmu *mmu = t->mmu;
	struct path path;
	uint64_t n;

	if (!follow_path(mmu, addr, s2_min_block_level(&mmu->geo) - 1, &path))
		return 0;
	n = rest(mmu, addr, path.size - (addr & (path.size - 1))) / chunk;
	if (n > mmu->machine->run_limit)
		n = mmu->machine->run_limit;
	s2_run_begin(t->cpu, n);
	read_path(t->cpu, &path);
	/* The visitor, and the walker again after its visit. */
	for (uint64_t reads = s2_reads_per_leaf(mmu); reads > 1; reads--)
		read_again(t->cpu, path.read[path.n - 1].pa, 0);
	s2_run_end(t->cpu);
	return n;
}

static void offer_resched(const struct teardown *t, uint64_t stretches)
{
	if (t->vm)
		s2_vm_resched_unlocked(t->vm, stretches);
}

/* stage2_destroy_range(): chunks of the largest block, however little is mapped. */
static void walk_chunks(const struct teardown *t)
{
	uint64_t chunk = s2_max_block_size(&t->mmu->geo);
	uint64_t n;

	for (uint64_t addr = 0; addr < s2_ipa_limit(&t->mmu->geo); addr += n * chunk) {
		n = walk_empty_chunks(t, addr, chunk);
		if (!n) {
			s2_free_range(t->mmu, t->cpu, addr, rest(t->mmu, addr, chunk));
			n = 1;
		}
		offer_resched(t, n);
	}
}

/* The same for chunks that hold something; an empty entry is stepped over whole. */
static void walk_sparse(const struct teardown *t)
{
	struct s2_mmu *mmu = t->mmu;
	uint64_t size;

	for (uint64_t addr = 0; addr < s2_ipa_limit(&mmu->geo); addr += size) {
		struct path path;
		bool empty = follow_path(mmu, addr, s2_min_block_level(&mmu->geo), &path);

		read_path(t->cpu, &path);
		size = empty ? path.size - (addr & (path.size - 1)) : s2_max_block_size(&mmu->geo);
		if (!empty)
			s2_free_range(mmu, t->cpu, addr, rest(mmu, addr, size));
		offer_resched(t, 1);
	}
}

/* Nothing may be found in tables that are gone. */
static void forget_tables(struct s2_mmu *mmu)
{
	mmu->root = NULL;
	s2_memo_distrust(mmu);
	s2_index_free(mmu);
}

static void free_root(const struct teardown *t)
{
	struct s2_walk walk = {.mmu = t->mmu, .cpu = t->cpu};

	for (unsigned i = 0; i < t->mmu->geo.root_pages; i++)
		s2_walk_table_free(&walk, &t->mmu->root[i]);
	forget_tables(t->mmu);
}

static void walk_tables(const struct teardown *t)
{
	t->cpu->site = "stage2:destroy";
	if (t->mmu->flavour->teardown == S2_TEARDOWN_WALK_SPARSE)
		walk_sparse(t);
	else if (t->mmu->flavour->destroy == S2_DESTROY_PUT_EMPTY)
		walk_chunks(t);
	else
		s2_free_range(t->mmu, t->cpu, 0, s2_ipa_limit(&t->mmu->geo));
	free_root(t);
	offer_resched(t, 1);
}

int s2_pgtable_destroy(struct s2_mmu *mmu, struct s2_cpu *cpu)
{
	const struct teardown t = {.mmu = mmu, .cpu = cpu};

	if (cpu->machine != mmu->machine || !mmu->root)
		return -EINVAL;
	if (!mmu->pool)
		return -EOPNOTSUPP;
	walk_tables(&t);
	return 0;
}

/* Pages that are freed with the rest of their pool, in runs. */
static void free_run(void *arg, uint64_t pa, uint64_t n)
{
	const struct teardown *t = arg;
	uint64_t bytes = s2_page_size(&t->mmu->geo);
	struct s2_insn insn = {
		.op = S2_OP_TABLE_FREE, .addr = pa, .value = bytes, .addr_step = bytes, .count = 1};

	while (n) {
		uint64_t now = n < t->mmu->machine->run_limit ? n : t->mmu->machine->run_limit;

		s2_run_begin(t->cpu, now);
		s2_issue(t->cpu, &insn);
		s2_run_end(t->cpu);
		insn.addr += now * bytes;
		n -= now;
	}
}

/*
 * The pool knows how many pages live; nothing in them is looked at.  Right for
 * the reason that a walk without TLBIs is, and because no table is shared.
 */
static void drop_tables(struct teardown *t)
{
	t->cpu->site = "stage2:drop";
	s2_table_pool_each_run(t->mmu->pool, free_run, t);
	s2_table_pool_destroy(t->mmu->pool);
	t->mmu->pool = NULL;
	forget_tables(t->mmu);
	offer_resched(t, 1);
}

/* A guest's non-cacheable writes to a file or memfd are not lost with the guest. */
static int clean_shared(const struct teardown *t)
{
	struct s2_vm *vm = t->vm;
	int ret = 0;

	for (int i = 0; !ret && i < vm->n_by_ipa; i++) {
		const struct vm_slot *s = vm->by_ipa[i];

		if (s->cfg.life == S2_BACKING_SHARED)
			ret = s2_vm_apply_range(vm, t->cpu, s2_range(s->cfg.ipa.v, s->cfg.size),
						s2_pgtable_flush);
	}
	return ret;
}

/*
 * unmap_stage2_range() of the whole IPA space, as before 2020.  The one flush
 * that stands for all comes last, when table pages are free already.
 */
static int unmap_tables(const struct teardown *t, enum s2_teardown policy)
{
	bool no_tlbi = policy == S2_TEARDOWN_UNMAP_NO_TLBI || policy == S2_TEARDOWN_UNMAP_NEITHER;
	bool no_cmo = policy == S2_TEARDOWN_UNMAP_NO_CMO || policy == S2_TEARDOWN_UNMAP_NEITHER;
	struct s2_mmu *mmu = t->mmu;
	const struct s2_unmap_how how = {
		.tlbi = policy == S2_TEARDOWN_UNMAP_RANGE ? S2_UNMAP_TLBI_RANGE
							  : S2_UNMAP_TLBI_LEAF,
		.skip_cmo = no_cmo,
		.skip_tlbi = no_tlbi,
	};
	int ret;

	s2_mmu_set_unmap_how(mmu, how);
	s2_vm_lock(t->vm, t->cpu);
	ret = s2_vm_apply_locked(t->vm, t->cpu, s2_range(0, s2_ipa_limit(&mmu->geo)),
				 s2_pgtable_unmap);
	if (no_tlbi)
		s2_flush_vmid(mmu, t->cpu);
	s2_vm_unlock(t->vm, t->cpu);
	/* What is left stays as it is, and can be torn down again. */
	if (ret) {
		s2_mmu_set_unmap_how(mmu, s2_mmu_unmap_how(mmu));
		return ret;
	}
	t->cpu->site = "stage2:destroy";
	free_root(t);
	return ret;
}

static int tear_down(struct teardown *t)
{
	enum s2_teardown policy = t->mmu->flavour->teardown;
	int ret = 0;

	switch (policy) {
	case S2_TEARDOWN_WALK:
	case S2_TEARDOWN_WALK_SPARSE:
		walk_tables(t);
		return 0;
	case S2_TEARDOWN_DROP_SHARED:
		ret = clean_shared(t);
		/* fall through */
	case S2_TEARDOWN_DROP:
		if (!ret)
			drop_tables(t);
		return ret;
	default:
		return unmap_tables(t, policy);
	}
}

static int torn_down(struct s2_vm *vm, int ret)
{
	vm->dead = !ret;
	if (!ret)
		s2_tell_torn_down(vm);
	return ret;
}

int s2_vm_teardown(struct s2_vm *vm, struct s2_cpu *cpu)
{
	struct teardown t = {.mmu = vm->mmu, .cpu = cpu, .vm = vm};
	int ret;

	if (!s2_vm_callable(vm, cpu))
		return -EINVAL;
	for (int i = 0; i < vm->n_vcpus; i++)
		if (vm->vcpus[i]->cpu)
			return -EBUSY;
	s2_cpu_enter_host(cpu);
	if (vm->kernel) {
		ret = vm->kernel->teardown(vm, cpu);
		vm->mmu->root = ret ? vm->mmu->root : NULL;
		return torn_down(vm, ret);
	}
	/* mmu_lock is held only to take the tables away from everyone else. */
	s2_vm_lock(vm, cpu);
	s2_vm_unlock(vm, cpu);
	return torn_down(vm, tear_down(&t));
}
