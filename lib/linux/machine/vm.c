/* SPDX-License-Identifier: MIT */
/* What lib/hyp/vm asks of a VM's kernel, asked of the tree's. */
#include "linux/machine/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/physics.h>

#include "hyp/stage2/mmu.h"
#include "hyp/vm/kernel.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/mmu_lock.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"
#include "linux/glue/requests.h"
#include "linux/glue/vm_requests.h"
#include "linux/machine/running.h"
#include "machine/regime.h"
#include "machine/tablemem.h"

static struct s2_flavour flavour;
static struct s2_tree *trees; /* of machines that are ready */

/* The newest that has what the tree has, where trees differ. */
const struct s2_flavour *s2_tree_stands_for(void)
{
	const struct s2_tree_has has = s2_tree_has();
	const struct s2_flavour *found = NULL, *f;

	for (size_t i = 0; (f = s2_flavour_at(i)) != NULL; i++)
		if (f->range_flush == has.flush_range &&
		    (f->destroy == S2_DESTROY_PUT_EMPTY) == has.destroys_in_ranges)
			found = f;
	return found;
}

struct s2_tree *s2_tree_of(const struct s2_machine *m)
{
	struct s2_tree *tree = trees;

	while (tree && tree->machine != m)
		tree = tree->next;
	return tree;
}

/* ---- a request: everything between these two runs on the tree's side ---- */

/* Leaves the function with -EIO where the tree's code stops; @site is of its instructions. */
#define BEGIN(of, cpu, site)                                             \
	do {                                                             \
		struct s2_tree *const tree_ = s2_tree_of((of)->machine); \
		const int ret_ = s2_tree_enter(tree_, (cpu));            \
                                                                         \
		if (ret_)                                                \
			return ret_;                                     \
		tree_->vm = (of);                                        \
		s2_cpu_set_site(s2_tree_cpu, site);                      \
		if (setjmp(s2_tree_stop))                                \
			return s2_tree_stopped(tree_);                   \
	} while (0)

static void end(void)
{
	tree_locks_over();
	tree_quiescent();
	s2_cpu_set_site(s2_tree_cpu, NULL);
	s2_tree_shadow_compare(s2_tree_running);
}

static int done(int ret)
{
	end();
	return ret;
}

/* ---- machines ---- */

static void machine_goes(void *arg)
{
	struct s2_tree *tree = arg, **at = &trees;

	while (*at != tree)
		at = &(*at)->next;
	*at = tree->next;
	s2_tree_free(tree);
}

static int boot(struct s2_machine *m)
{
	struct s2_tree *tree;
	int ret = s2_tree_create(m, &tree);

	if (ret)
		return ret;
	tree->next = trees;
	trees = tree;
	m->before_gone = machine_goes;
	m->before_gone_arg = tree;
	return 0;
}

/* kvm_init(), when the first VM is made. */
static int kvm_up(struct s2_vm *vm)
{
	struct s2_tree *tree = s2_tree_of(vm->machine);
	int ret;

	BEGIN(vm, s2_machine_cpu(vm->machine, 0), "kvm_init");
	if (tree->up)
		return 0;
	ret = tree_kvm_boot(s2_machine_cpus(vm->machine));
	tree->up = !ret;
	return done(ret);
}

/* ---- VMs ---- */

/* The tables' shape and root, for look-ups: nothing of it changes them. */
static int show_tables(struct s2_vm *vm)
{
	const struct s2_mmu_config cfg = {vm->cfg.flavour, vm->cfg.ipa_bits, {1}};
	const struct s2_features *f = s2_machine_features(vm->machine);
	struct s2_mmu *mmu = calloc(1, sizeof(*mmu));
	unsigned long vtcr, vttbr;
	struct s2_regime regime;
	int ret;

	if (!mmu)
		return -ENOMEM;
	tree_kvm_registers(vm->kernel_vm, &vtcr, &vttbr);
	ret = s2_mmu_shape(vm->machine, &cfg, &mmu->geo);
	if (!ret)
		ret = s2_regime_init(&regime, f, vtcr, vttbr);
	if (ret) {
		free(mmu);
		return ret;
	}
	mmu->machine = vm->machine;
	mmu->dir = s2_tablemem_directory(vm->machine->tables);
	mmu->flavour = vm->cfg.flavour;
	s2_mmu_set_formats(mmu);
	mmu->fmt = regime.fmt;
	mmu->vtcr = vtcr;
	mmu->vttbr = vttbr;
	mmu->vmid = regime.vmid;
	mmu->root = s2_tablemem_find(vm->machine->tables, regime.root);
	s2_mmu_go_plain(mmu);
	vm->mmu = mmu;
	return 0;
}

static int new_kvm(struct s2_vm *vm)
{
	const struct s2_vm_config *cfg = &vm->cfg;
	int ret;

	BEGIN(vm, s2_machine_cpu(vm->machine, 0), "KVM_CREATE_VM");
	vm->kernel_vm = tree_kvm_create(cfg->ipa_bits ? cfg->ipa_bits : S2_DEFAULT_IPA_BITS, &ret);
	if (!vm->kernel_vm)
		return done(ret);
	ret = cfg->manual_protect ? tree_kvm_manual_protect(vm->kernel_vm, cfg->initially_set) : 0;
	if (!ret && cfg->split_chunk)
		ret = tree_kvm_split_chunk(vm->kernel_vm, cfg->split_chunk);
	return done(ret);
}

static int close_kvm(struct s2_vm *vm)
{
	if (s2_tree_trouble(s2_tree_of(vm->machine)))
		return -EIO; /* what it has left goes with the machine */
	BEGIN(vm, s2_machine_cpu(vm->machine, 0), "kvm_destroy_vm");
	tree_kvm_close(vm->kernel_vm);
	return done(0);
}

static void free_vm(struct s2_vm *vm)
{
	if (vm->kernel_vm)
		(void)close_kvm(vm);
	vm->kernel_vm = NULL;
	free(vm->mmu);
	vm->mmu = NULL;
	if (s2_tree_of(vm->machine))
		s2_tree_of(vm->machine)->vm = NULL;
}

static int create(struct s2_vm *vm)
{
	int ret;

	if (!s2_tree_of(vm->machine))
		return -EOPNOTSUPP;
	ret = kvm_up(vm);
	if (!ret)
		ret = new_kvm(vm);
	if (!ret)
		ret = show_tables(vm);
	if (ret)
		free_vm(vm);
	return ret;
}

static int slot(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s, bool goes)
{
	const struct s2_slot_config *cfg = &s->cfg;
	const uint64_t tables = s2_tree_of(vm->machine)->tables;

	if (cfg->pa.v >= tables || cfg->size > tables - cfg->pa.v)
		return -ERANGE;
	BEGIN(vm, cpu, "KVM_SET_USER_MEMORY_REGION");
	return done(tree_kvm_slot(vm->kernel_vm, (unsigned)s->number, cfg->ipa.v,
				  goes ? 0 : cfg->size, cfg->hva.v, !goes && s->logging));
}

static int teardown(struct s2_vm *vm, struct s2_cpu *cpu)
{
	BEGIN(vm, cpu, "kvm_flush_shadow_all");
	tree_kvm_release(vm->kernel_vm);
	s2_vm_resched_unlocked(vm, 1); /* the thread goes */
	return done(0);
}

/* ---- dirty log ---- */

static int log_switch(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s)
{
	return slot(vm, cpu, s, false);
}

static uint64_t words_of_log(const struct vm_slot *s)
{
	return (s->dirty.n + 63) / 64;
}

static int64_t ones(const uint64_t *bitmap, uint64_t first, uint64_t n)
{
	int64_t count = 0;

	for (uint64_t i = first; bitmap && i < first + n; i++)
		count += bitmap[i / 64] >> (i % 64) & 1;
	return count;
}

static int get_into(struct s2_vm *vm, struct s2_cpu *cpu, const struct vm_slot *s, uint64_t *bitmap)
{
	BEGIN(vm, cpu, "KVM_GET_DIRTY_LOG");
	return done(tree_kvm_log_get(vm->kernel_vm, (unsigned)s->number, bitmap));
}

static int64_t log_get(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s)
{
	uint64_t *bitmap = calloc(words_of_log(s), sizeof(*bitmap));
	int64_t ret;

	if (!bitmap)
		return -ENOMEM;
	ret = get_into(vm, cpu, s, bitmap);
	if (!ret)
		ret = ones(bitmap, 0, s->dirty.n);
	free(bitmap);
	return ret;
}

static const uint64_t *peek(const struct s2_vm *vm, const struct vm_slot *s)
{
	return (const uint64_t *)tree_kvm_log_peek(vm->kernel_vm, (unsigned)s->number);
}

static int clear_of(struct s2_vm *vm, struct s2_cpu *cpu, const struct vm_slot *s, uint64_t first,
		    uint64_t n, uint64_t *bitmap)
{
	BEGIN(vm, cpu, "KVM_CLEAR_DIRTY_LOG");
	return done(tree_kvm_log_clear(vm->kernel_vm, (unsigned)s->number, first, n, bitmap));
}

static int64_t log_clear(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s, uint64_t first,
			 uint64_t n)
{
	const int64_t dirty = ones(peek(vm, s), first, n);
	uint64_t *all = malloc((n + 63) / 64 * sizeof(*all));
	int ret;

	if (!all)
		return -ENOMEM;
	memset(all, 0xff, (n + 63) / 64 * sizeof(*all));
	ret = clear_of(vm, cpu, s, first, n, all);
	free(all);
	return ret ? ret : dirty;
}

static bool log_is_dirty(const struct s2_vm *vm, const struct vm_slot *s, uint64_t page)
{
	const uint64_t *bitmap = peek(vm, s);

	return bitmap && bitmap[page / 64] >> (page % 64) & 1;
}

/* ---- notifiers ---- */

static int unmap_hva(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_va hva, uint64_t size,
		     enum s2_unmap_reason reason)
{
	BEGIN(vm, cpu, "mmu_notifier: unmap");
	return done(
		tree_kvm_notify(vm->kernel_vm, hva.v, size,
				reason == S2_UNMAP_EVENT ? TREE_NOTIFY_UNMAP : TREE_NOTIFY_CLEAR));
}

static int age_hva(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_va hva, uint64_t size)
{
	BEGIN(vm, cpu, "mmu_notifier: clear_flush_young");
	return done(tree_kvm_age(vm->kernel_vm, hva.v, size));
}

/* ---- vcpus ---- */

static void note_tvm(struct s2_vcpu *vcpu)
{
	vcpu->tvm = tree_vcpu_tvm(vcpu->kernel_vcpu);
}

static int add_vcpu(struct s2_vcpu *vcpu)
{
	int ret;

	BEGIN(vcpu->vm, s2_machine_cpu(vcpu->vm->machine, 0), "KVM_CREATE_VCPU");
	vcpu->kernel_vcpu = tree_vcpu_create(vcpu->vm->kernel_vm, (unsigned)vcpu->index, &ret);
	if (vcpu->kernel_vcpu)
		note_tvm(vcpu);
	return done(ret);
}

static int reset(struct s2_vcpu *vcpu, struct s2_cpu *cpu)
{
	int ret;

	BEGIN(vcpu->vm, cpu, "KVM_ARM_VCPU_INIT");
	ret = tree_vcpu_init(vcpu->kernel_vcpu);
	note_tvm(vcpu);
	return done(ret);
}

static int load(struct s2_vcpu *vcpu, struct s2_cpu *cpu)
{
	struct s2_mmu *mmu = vcpu->vm->mmu;
	unsigned long vtcr, vttbr;

	BEGIN(vcpu->vm, cpu, "vcpu_load");
	tree_vcpu_load(vcpu->kernel_vcpu);
	tree_kvm_registers(vcpu->vm->kernel_vm, &vtcr, &vttbr);
	mmu->vttbr = vttbr;
	mmu->vmid = s2_vttbr_vmid(s2_machine_features(mmu->machine), vttbr);
	return done(0);
}

static int put_vcpu(struct s2_vcpu *vcpu)
{
	if (s2_tree_trouble(s2_tree_of(vcpu->vm->machine)))
		return -EIO;
	BEGIN(vcpu->vm, vcpu->cpu, "vcpu_put");
	tree_vcpu_put(vcpu->kernel_vcpu);
	return done(0);
}

static void put(struct s2_vcpu *vcpu)
{
	(void)put_vcpu(vcpu);
}

/* What the kernel gives back: 1, the guest goes on. */
static int of_abort(int ret)
{
	if (ret < 0)
		return ret;
	return ret ? 0 : -EFAULT;
}

static int handle_abort(struct s2_vcpu *vcpu, const struct s2_fault *fault)
{
	BEGIN(vcpu->vm, vcpu->cpu, "kvm_handle_guest_abort");
	return done(of_abort(tree_vcpu_abort(vcpu->kernel_vcpu, fault->ipa.v, fault->write,
					     fault->exec, s2_fault_status(fault))));
}

static int toggle(struct s2_vcpu *vcpu, bool was_on, bool on)
{
	BEGIN(vcpu->vm, vcpu->cpu, "kvm_toggle_cache");
	tree_vcpu_caches(vcpu->kernel_vcpu, was_on, 0);
	tree_vcpu_caches(vcpu->kernel_vcpu, on, 1);
	note_tvm(vcpu);
	return done(0);
}

static int set_way(struct s2_vcpu *vcpu)
{
	BEGIN(vcpu->vm, vcpu->cpu, "kvm_set_way_flush");
	tree_vcpu_set_way(vcpu->kernel_vcpu);
	note_tvm(vcpu);
	return done(0);
}

static void set_tvm(struct s2_vcpu *vcpu)
{
	tree_vcpu_set_tvm(vcpu->kernel_vcpu, vcpu->tvm);
}

const struct s2_flavour *s2_tree_flavour_add(void)
{
	static const struct s2_vm_kernel kernel = {
		.boot = boot,
		.create = create,
		.free = free_vm,
		.slot = slot,
		.log_switch = log_switch,
		.log_get = log_get,
		.log_clear = log_clear,
		.log_is_dirty = log_is_dirty,
		.unmap_hva = unmap_hva,
		.age_hva = age_hva,
		.teardown = teardown,
		.add_vcpu = add_vcpu,
		.reset = reset,
		.load = load,
		.put = put,
		.abort = handle_abort,
		.toggle = toggle,
		.set_way = set_way,
		.set_tvm = set_tvm,
	};

	if (!tree_has_vm())
		return NULL;
	flavour = *s2_tree_stands_for();
	flavour.name = "tree";
	flavour.stands_for = "the kernel source that was built in";
	flavour.exit_clears_vttbr = !tree_loads_stage2();
	s2_kernel_set(&flavour, &kernel);
	return &flavour;
}
