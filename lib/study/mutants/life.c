/* SPDX-License-Identifier: MIT */
/* Lives by kind; the small ones, each of which shows one thing. */
#include "study/mutants/life.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/insn.h>

#include "study/mutants/life_parts.h"

#define MIB   UINT64_C(0x100000)
#define GIB   (1024 * MIB)
#define BLOCK (2 * MIB)

static int add_slot(struct s2_life *l, uint64_t offset, uint64_t size, uint64_t backing)
{
	const struct s2_slot_config ram = {.ipa = {S2_LIFE_BASE + offset},
					   .size = size,
					   .hva = {S2_LIFE_HVA + offset},
					   .pa = {S2_LIFE_PA + offset},
					   .backing = backing,
					   .populated = true};

	return s2_vm_add_slot(l->vm, &ram);
}

static int make(struct s2_life *l, struct s2_vm_config cfg, uint64_t size, uint64_t backing)
{
	int ret;

	cfg.flavour = l->flavour;
	cfg.vmids = l->vmids;
	ret = s2_vm_create(l->m, &cfg, &l->vm);
	return ret || !size ? ret : add_slot(l, 0, size, backing);
}

int s2_life_make_vm(struct s2_life *l, uint64_t size, uint64_t backing)
{
	const struct s2_vm_config cfg = {0};

	return make(l, cfg, size, backing);
}

int s2_life_add_vcpu(struct s2_life *l, unsigned i)
{
	int ret = s2_vm_add_vcpu(l->vm);

	if (ret < 0)
		return ret;
	l->vcpu[i] = s2_vm_vcpu(l->vm, ret);
	return s2_vcpu_load(l->vcpu[i], s2_machine_cpu(l->m, i));
}

int s2_life_touch(struct s2_vcpu *vcpu, uint64_t offset, uint64_t size, enum s2_access access)
{
	const int64_t ret = s2_vcpu_access(vcpu, s2_ipa(S2_LIFE_BASE + offset), size, access);

	return ret < 0 ? (int)ret : 0;
}

/* A VM of @pages small pages, and its vcpus, with their caches on. */
static int small_vm(struct s2_life *l, uint64_t pages, unsigned vcpus)
{
	int ret = s2_life_make_vm(l, pages * l->page, l->page);

	for (unsigned i = 0; ret >= 0 && i < vcpus; i++) {
		ret = s2_life_add_vcpu(l, i);
		if (!ret)
			ret = s2_vcpu_set_caches(l->vcpu[i], true);
	}
	return ret < 0 ? ret : 0;
}

static int live_all(struct s2_life *l)
{
	const int ret = s2_life_one_vm(l);

	return ret ? ret : s2_life_many_vms(l);
}

static int take_away(struct s2_life *l, uint64_t first, uint64_t pages)
{
	int ret = small_vm(l, 8, 2);

	for (unsigned i = 0; !ret && i < 2; i++)
		ret = s2_life_touch(l->vcpu[i], 0, 8 * l->page, S2_ACCESS_WRITE);
	return ret ? ret
		   : s2_vm_unmap_hva(l->vm, l->host, s2_va(S2_LIFE_HVA + first * l->page),
				     pages * l->page, S2_UNMAP_CLEAR);
}

static int detach(struct s2_life *l)
{
	return take_away(l, 5, 1);
}

static int unmap(struct s2_life *l)
{
	return take_away(l, 0, 8);
}

static int mixed(struct s2_life *l)
{
	int ret = s2_life_make_vm(l, 4 * l->page, l->page);

	for (unsigned i = 0; ret >= 0 && i < 2; i++)
		ret = s2_life_add_vcpu(l, i);
	if (!ret)
		ret = s2_vcpu_set_caches(l->vcpu[0], true);
	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, l->page, S2_ACCESS_READ);
	return ret ? ret : s2_life_touch(l->vcpu[1], 0, l->page, S2_ACCESS_READ);
}

/* Past the caches, then with them. */
static int boot_once(struct s2_life *l)
{
	int ret = s2_life_touch(l->vcpu[0], 0, l->page, S2_ACCESS_WRITE);

	if (!ret)
		ret = s2_vcpu_set_caches(l->vcpu[0], true);
	return ret ? ret : s2_life_touch(l->vcpu[0], 0, l->page, S2_ACCESS_READ);
}

static int boot_twice(struct s2_life *l)
{
	int ret = s2_life_make_vm(l, 2 * l->page, l->page);

	if (ret >= 0)
		ret = s2_life_add_vcpu(l, 0);
	if (!ret)
		ret = boot_once(l);
	if (!ret)
		ret = s2_vcpu_put(l->vcpu[0]);
	if (!ret)
		ret = s2_vcpu_reset(l->vcpu[0], l->host);
	if (!ret)
		ret = s2_vcpu_load(l->vcpu[0], s2_machine_cpu(l->m, 0));
	return ret ? ret : boot_once(l);
}

static int set_way(struct s2_life *l)
{
	int ret = small_vm(l, 2, 1);

	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, l->page, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vcpu_set_way(l->vcpu[0], 4);
	if (!ret)
		ret = s2_vcpu_set_caches(l->vcpu[0], false);
	return ret ? ret : s2_life_touch(l->vcpu[0], 0, l->page, S2_ACCESS_READ);
}

/* After a set/way TVM is set again, so that what follows traps. */
static int turn_off(struct s2_life *l)
{
	int ret = small_vm(l, 2, 1);

	if (!ret)
		ret = s2_vcpu_set_way(l->vcpu[0], 4);
	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, l->page, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vcpu_set_caches(l->vcpu[0], false);
	return ret ? ret : s2_life_touch(l->vcpu[0], 0, l->page, S2_ACCESS_READ);
}

static int log_holes(struct s2_life *l)
{
	int ret = small_vm(l, 8, 2);

	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, 3 * l->page, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_life_touch(l->vcpu[1], 4 * l->page, 4 * l->page, S2_ACCESS_WRITE);
	return ret ? ret : s2_vm_log_start(l->vm, l->host, 0);
}

static int log_rounds(struct s2_life *l)
{
	int64_t dirty = 0;
	int ret = small_vm(l, 7, 2);

	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, 7 * l->page, S2_ACCESS_READ);
	if (!ret)
		ret = s2_vm_log_start(l->vm, l->host, 0);
	for (unsigned i = 0; !ret && dirty >= 0 && i < 2; i++) {
		ret = s2_life_touch(l->vcpu[i], 0, 7 * l->page, S2_ACCESS_WRITE);
		if (!ret)
			dirty = s2_vm_log_get(l->vm, l->host, 0);
	}
	return ret ? ret : dirty < 0 ? (int)dirty : 0;
}

static int split(struct s2_life *l)
{
	const struct s2_vm_config cfg = {.split_chunk = BLOCK};
	int ret = make(l, cfg, 2 * BLOCK, BLOCK);

	for (unsigned i = 0; ret >= 0 && i < 2; i++)
		ret = s2_life_add_vcpu(l, i);
	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, 2 * BLOCK, S2_ACCESS_WRITE);
	return ret ? ret : s2_vm_log_start(l->vm, l->host, 0);
}

static int wide(struct s2_life *l)
{
	const struct s2_vm_config cfg = {.ipa_bits = 48};
	int ret = make(l, cfg, 0, 0);

	if (!ret)
		ret = add_slot(l, 0, BLOCK, l->page);
	if (ret >= 0)
		ret = add_slot(l, GIB, BLOCK, l->page);
	if (ret >= 0)
		ret = s2_life_add_vcpu(l, 0);
	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, BLOCK, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_life_touch(l->vcpu[0], GIB, BLOCK, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vcpu_put(l->vcpu[0]);
	return ret ? ret : s2_vm_teardown(l->vm, l->host);
}

static int big(struct s2_life *l)
{
	int ret = s2_life_make_vm(l, 8 * GIB, GIB);

	if (ret >= 0)
		ret = s2_life_add_vcpu(l, 0);
	for (uint64_t at = 0; !ret && at < 8; at++)
		ret = s2_life_touch(l->vcpu[0], at * GIB, l->page, S2_ACCESS_WRITE);
	return ret ? ret : s2_vm_log_start(l->vm, l->host, 0);
}

static int run_one(struct s2_life *l)
{
	int ret = small_vm(l, 2, 1);

	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, l->page, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vcpu_put(l->vcpu[0]);
	return ret;
}

/* cpu_init_hyp_mode(): whoever had EL2 before has used the same numbers. */
static int boot_left(struct s2_life *l)
{
	struct s2_cpu *cpu = s2_machine_cpu(l->m, 0);
	int ret = run_one(l);

	/* Its tables stay where they are: the new host has others. */
	l->old_vm = l->vm;
	l->vm = NULL;
	l->old_vmids = l->vmids;
	l->vmids = NULL;
	s2_cpu_set_site(cpu, "hyp:init");
	s2_tlbi_alle1is(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
	if (!ret)
		ret = s2_vmids_create(l->m, &l->vmids);
	return ret ? ret : run_one(l);
}

#define MANY 300

/* The first VM's vcpu stays where it is; at the end vcpus of earlier VMs join in. */
static int come_round(struct s2_life *l, struct s2_vm **vm)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < MANY; i++) {
		ret = s2_life_make_vm(l, 2 * l->page, l->page);
		vm[i] = l->vm;
		if (ret >= 0)
			ret = s2_life_add_vcpu(l, i ? 1 : 0);
		if (!ret)
			ret = s2_life_touch(l->vcpu[i ? 1 : 0], 0, l->page, S2_ACCESS_WRITE);
		if (!ret && i)
			ret = s2_vcpu_put(l->vcpu[1]);
	}
	for (unsigned i = 0; !ret && i < MANY; i += 7) {
		const int index = s2_vm_add_vcpu(vm[i]);
		struct s2_vcpu *vcpu = s2_vm_vcpu(vm[i], index);

		ret = index < 0 ? index : s2_vcpu_load(vcpu, l->host);
		if (!ret)
			ret = s2_life_touch(vcpu, l->page, l->page, S2_ACCESS_WRITE);
		if (!ret)
			ret = s2_vcpu_put(vcpu);
	}
	return ret;
}

static int roll_over(struct s2_life *l)
{
	struct s2_vm **vm = calloc(MANY, sizeof(*vm));
	const int ret = vm ? come_round(l, vm) : -ENOMEM;

	for (unsigned i = 0; vm && i < MANY; i++)
		s2_vm_free(vm[i]);
	l->vm = NULL;
	free(vm);
	return ret;
}

static const struct {
	int (*live)(struct s2_life *l);
	const char *about;
} kinds[S2_LIFE_KINDS] = {
	[S2_LIFE_ALL] = {live_all, "a whole life, and VMs until VMIDs come round"},
	[S2_LIFE_VM] = {s2_life_one_vm, "a whole life: boot, log, collapse, unmaps, reset, end"},
	[S2_LIFE_DETACH] = {detach, "two vcpus touch pages; the VMM takes one away"},
	[S2_LIFE_UNMAP] = {unmap, "two vcpus touch pages; the VMM takes all away"},
	[S2_LIFE_MIXED] = {mixed, "a vcpu with caches on maps what one with caches off reads"},
	[S2_LIFE_RESET] = {boot_twice, "a vcpu boots, is reset, and boots again"},
	[S2_LIFE_OFF] = {turn_off, "a vcpu writes, and turns its caches off"},
	[S2_LIFE_SET_WAY] = {set_way, "a vcpu writes, and cleans by set and way"},
	[S2_LIFE_HOLES] = {log_holes, "dirty logging of memory with a hole"},
	[S2_LIFE_LOG] = {log_rounds, "a dirty log, got twice"},
	[S2_LIFE_SPLIT] = {split, "dirty logging splits blocks at its start"},
	[S2_LIFE_WIDE] = {wide, "a VM with memory on both sides of a GiB ends"},
	[S2_LIFE_BIG] = {big, "dirty logging of 8 GiB in one range operation"},
	[S2_LIFE_BOOT_LEFT] = {boot_left, "the host that booted before has left translations"},
	[S2_LIFE_ROLLOVER] = {roll_over, "VMIDs come round while a vcpu runs"},
};

const char *s2_life_about(enum s2_life_kind kind)
{
	return (unsigned)kind < S2_LIFE_KINDS ? kinds[kind].about : NULL;
}

int s2_life_run(enum s2_life_kind kind, const struct s2_features *features,
		const struct s2_flavour *flavour, struct s2_judge *judge, struct s2_error *err)
{
	const struct s2_machine_config cfg = {.features = *features, .cpus = 3};
	struct s2_life l = {.flavour = flavour, .page = UINT64_C(1) << features->granule};
	int ret = s2_machine_create(&cfg, &l.m);

	if (!ret)
		ret = s2_judge_attach(judge, l.m);
	if (!ret)
		ret = s2_vmids_create(l.m, &l.vmids);
	if (!ret) {
		l.host = s2_machine_cpu(l.m, 2);
		ret = kinds[kind].live(&l);
	}
	s2_judge_end(judge);
	s2_vm_free(l.vm);
	s2_vm_free(l.old_vm);
	s2_vmids_free(l.vmids);
	s2_vmids_free(l.old_vmids);
	s2_machine_destroy(l.m);
	if (ret)
		s2_error_set(err, 1, "cannot live this life: %s", strerror(-ret));
	return ret;
}
