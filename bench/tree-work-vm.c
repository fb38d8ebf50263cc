/* SPDX-License-Identifier: MIT */
/*
 * Workloads of whole VMs, by the tree's mmu.c, kvm_main.c, arm.c and vmid.c: guests that boot
 * and turn caches on and off, a dirty log, notifiers, deaths, more VMs than VMIDs.
 */
#include <errno.h>

#include <stage2sim/mmu.h>

#include "tree-work.h"

#define HVA	UINT64_C(0x7e0000000000)
#define MEMORY	(64 * MIB)
#define LOGGED	(8 * MIB)
#define AREAS	(32 * MIB) /* from here on each vcpu's own, 64 KiB of it */
#define AREA	UINT64_C(0x10000)
#define EARLY	(2 * MIB)
#define CLEARED 512U /* pages of a KVM_CLEAR_DIRTY_LOG */

/* The first error is the run's; a result that is not negative is none. */
static void check(struct work *w, int64_t ret)
{
	w->calls++;
	if (ret < 0 && !w->error)
		w->error = (int)ret;
}

static struct s2_vcpu *vcpu(const struct work *w, unsigned i)
{
	return s2_vm_vcpu(w->vm, (int)i);
}

static void access(struct work *w, unsigned i, uint64_t offset, uint64_t size, enum s2_access kind)
{
	check(w, s2_vcpu_access(vcpu(w, i), s2_ipa(IPA + offset), size, kind));
}

static void load(struct work *w, unsigned i)
{
	check(w, s2_vcpu_load(vcpu(w, i), s2_machine_cpu(w->m, i)));
}

static void put_all(struct work *w)
{
	for (unsigned i = 0; i < VM_VCPUS; i++)
		(void)s2_vcpu_put(vcpu(w, i));
}

/* TLBs may hold all that the tables map from here on, on every CPU. */
static void has_run(struct work *w)
{
	uint64_t vtcr, vttbr;

	s2_mmu_registers(s2_vm_mmu(w->vm), &vtcr, &vttbr);
	check(w, s2_oracle_watch(w->oracle, vtcr, vttbr));
}

/* ---- VMs ---- */

static void create(struct work *w, struct s2_vm_config cfg, uint64_t backing, bool populated)
{
	const struct s2_slot_config ram = {
		.ipa = {IPA},
		.size = MEMORY,
		.hva = {HVA},
		.pa = {PA},
		.backing = backing,
		.populated = populated,
	};

	cfg.flavour = w->flavour;
	cfg.vmids = w->vmids;
	check(w, s2_vm_create(w->m, &cfg, &w->vm));
	for (unsigned i = 0; !w->error && i < VM_VCPUS; i++)
		check(w, s2_vm_add_vcpu(w->vm));
	if (w->error)
		return;
	w->slot = s2_vm_add_slot(w->vm, &ram);
	check(w, w->slot);
}

static void of_blocks(struct work *w)
{
	create(w, (struct s2_vm_config){.ipa_bits = 40}, BLOCK, true);
}

/* All vcpus loaded, caches on, and 8 MiB written. */
static void running(struct work *w, struct s2_vm_config cfg, uint64_t backing)
{
	create(w, cfg, backing, true);
	for (unsigned i = 0; !w->error && i < VM_VCPUS; i++) {
		load(w, i);
		check(w, s2_vcpu_set_caches(vcpu(w, i), true));
	}
	if (!w->error)
		access(w, 0, 0, LOGGED, S2_ACCESS_WRITE);
	if (!w->error)
		has_run(w);
}

static void running_pages(struct work *w)
{
	running(w, (struct s2_vm_config){.ipa_bits = 40}, PAGE);
}

static void running_blocks(struct work *w)
{
	running(w, (struct s2_vm_config){.ipa_bits = 40}, BLOCK);
}

/* ---- caches ---- */

/* With caches off; Linux invalidates by VA what its new page tables will read. */
static void early(struct work *w, unsigned i)
{
	access(w, i, 0, EARLY, S2_ACCESS_WRITE);
	check(w, s2_vcpu_maintain(vcpu(w, i), s2_range(IPA + EARLY / 2, EARLY / 2),
				  S2_LINE_INVALIDATE));
}

static void boot_first(struct work *w, unsigned i)
{
	load(w, i);
	early(w, i);
	check(w, s2_vcpu_set_caches(vcpu(w, i), true));
	access(w, i, EARLY, 14 * MIB, S2_ACCESS_WRITE);
}

/* @by prepares its area and cleans its mailbox, which it uses before its caches are on. */
static void boot_secondary(struct work *w, unsigned by, unsigned i)
{
	const uint64_t area = AREAS + i * AREA;

	access(w, by, area, AREA, S2_ACCESS_WRITE);
	check(w, s2_vcpu_maintain(vcpu(w, by), s2_range(IPA + area, PAGE), S2_LINE_CLEAN));
	load(w, i);
	access(w, i, area, PAGE, S2_ACCESS_READ);
	access(w, i, area, PAGE, S2_ACCESS_WRITE);
	check(w, s2_vcpu_set_caches(vcpu(w, i), true));
	access(w, i, area, AREA, S2_ACCESS_READ);
}

static void boot_from(struct work *w, unsigned first)
{
	if (w->error)
		return;
	boot_first(w, first);
	for (unsigned i = 1; i < VM_VCPUS; i++)
		boot_secondary(w, first, (first + i) % VM_VCPUS);
}

static void boot(struct work *w)
{
	boot_from(w, 0);
}

static void boot_late_vcpu0(struct work *w)
{
	boot_from(w, 1);
}

static void booted(struct work *w)
{
	of_blocks(w);
	boot(w);
}

/* Others off; the new kernel over the old one, cleaned by VA; caches off, and on again. */
static void kexec(struct work *w)
{
	for (unsigned i = 0; i < VM_VCPUS; i++)
		if (i != 1)
			check(w, s2_vcpu_power_off(vcpu(w, i)));
	access(w, 1, 0, EARLY, S2_ACCESS_WRITE);
	check(w, s2_vcpu_maintain(vcpu(w, 1), s2_range(IPA, EARLY), S2_LINE_CLEAN_INVALIDATE));
	check(w, s2_vcpu_set_caches(vcpu(w, 1), false));
	early(w, 1);
	check(w, s2_vcpu_set_caches(vcpu(w, 1), true));
}

/* A zImage's decompressor: caches on, cleaned by set/way, off, and on again by the kernel. */
static void set_way(struct work *w)
{
	load(w, 0);
	check(w, s2_vcpu_set_caches(vcpu(w, 0), true));
	access(w, 0, 0, 4 * MIB, S2_ACCESS_WRITE);
	check(w, s2_vcpu_set_way(vcpu(w, 0), 64));
	check(w, s2_vcpu_set_caches(vcpu(w, 0), false));
	check(w, s2_vcpu_set_way(vcpu(w, 0), 64));
	access(w, 0, 0, 4 * MIB, S2_ACCESS_WRITE);
	check(w, s2_vcpu_set_caches(vcpu(w, 0), true));
}

static void reboot(struct work *w)
{
	put_all(w);
	for (unsigned i = 0; i < VM_VCPUS; i++)
		check(w, s2_vcpu_reset(vcpu(w, i), w->cpu));
	boot(w);
}

/* ---- dirty log ---- */

static void log_clear_all(struct work *w)
{
	for (uint64_t first = 0; first < MEMORY / PAGE; first += CLEARED)
		check(w, s2_vm_log_clear(w->vm, w->cpu, w->slot, first, CLEARED));
}

static void log_round(struct work *w)
{
	for (uint64_t at = 0; at < LOGGED; at += 8 * PAGE)
		access(w, (unsigned)(at / PAGE / 8 % VM_VCPUS), at, PAGE, S2_ACCESS_WRITE);
	check(w, s2_vm_log_get(w->vm, w->cpu, w->slot));
}

static void log_start(struct work *w)
{
	check(w, s2_vm_log_start(w->vm, w->cpu, w->slot));
}

static void manual(struct work *w)
{
	running(w, (struct s2_vm_config){.ipa_bits = 40, .manual_protect = true}, PAGE);
	log_start(w);
	has_run(w);
}

static void log_manual(struct work *w)
{
	log_round(w);
	has_run(w);
	log_clear_all(w);
	log_round(w);
}

static void logged(struct work *w)
{
	running_pages(w);
	log_start(w);
	has_run(w);
}

static void log_twice(struct work *w)
{
	log_round(w);
	has_run(w);
	log_round(w);
}

static void splitting(struct work *w)
{
	running(w,
		(struct s2_vm_config){.ipa_bits = 40,
				      .manual_protect = true,
				      .initially_set = true,
				      .split_chunk = BLOCK},
		BLOCK);
}

static void log_split(struct work *w)
{
	log_start(w);
	log_clear_all(w);
	has_run(w);
	log_round(w);
	log_clear_all(w);
}

/* ---- the host's memory management, deaths ---- */

static void unmap(struct work *w, enum s2_unmap_reason reason)
{
	check(w, s2_vm_unmap_hva(w->vm, w->cpu, s2_va(HVA + MIB), 4 * MIB, reason));
}

static void munmap_pages(struct work *w)
{
	unmap(w, S2_UNMAP_EVENT);
}

static void swap_out(struct work *w)
{
	unmap(w, S2_UNMAP_SWAP);
	access(w, 2, MIB, 4 * MIB, S2_ACCESS_READ);
}

static void age(struct work *w)
{
	for (uint64_t at = 0; at < LOGGED; at += PAGE)
		check(w, s2_vm_age_hva(w->vm, w->cpu, s2_va(HVA + at), PAGE));
	access(w, 1, 0, LOGGED, S2_ACCESS_READ);
}

static void unpopulated(struct work *w)
{
	create(w, (struct s2_vm_config){.ipa_bits = 40}, PAGE, false);
	if (!w->error)
		load(w, 0);
}

static void zero_page(struct work *w)
{
	access(w, 0, 0, 2 * MIB, S2_ACCESS_READ);
	has_run(w);
	access(w, 0, 0, 2 * MIB, S2_ACCESS_WRITE);
}

static void slot_goes(struct work *w)
{
	check(w, s2_vm_delete_slot(w->vm, w->cpu, w->slot));
}

static void close_vm(struct work *w)
{
	put_all(w);
	check(w, s2_vm_teardown(w->vm, w->cpu));
}

/* One that stays on CPU 3. */
static void one_runs(struct work *w)
{
	of_blocks(w);
	if (!w->error) {
		load(w, 3);
		access(w, 3, 0, BLOCK, S2_ACCESS_WRITE);
		check(w, s2_vcpu_enter(vcpu(w, 3)));
	}
}

static void run_on(struct work *w, struct s2_vm *vm, unsigned cpu)
{
	check(w, s2_vcpu_load(s2_vm_vcpu(vm, 0), s2_machine_cpu(w->m, cpu)));
	check(w, s2_vcpu_enter(s2_vm_vcpu(vm, 0)));
	check(w, s2_vcpu_put(s2_vm_vcpu(vm, 0)));
}

static struct s2_vm *new_vm(struct work *w)
{
	const struct s2_vm_config cfg = {.flavour = w->flavour, .vmids = w->vmids};
	struct s2_vm *vm = NULL;

	check(w, s2_vm_create(w->m, &cfg, &vm));
	if (vm)
		check(w, s2_vm_add_vcpu(vm));
	return w->error ? NULL : vm;
}

/*
 * Others, one after another, each run on two CPUs, so that numbers come round: the one that
 * runs keeps its own, one that ran before must take another.
 */
static void many_vms(struct work *w)
{
	struct s2_vm *early = new_vm(w);

	if (early)
		run_on(w, early, 0);
	for (unsigned i = 0; early && i < 300; i++) {
		struct s2_vm *vm = new_vm(w);

		if (!vm)
			break;
		run_on(w, vm, 0);
		run_on(w, vm, 1);
		check(w, s2_vm_teardown(vm, w->cpu));
		s2_vm_free(vm);
	}
	if (!w->error)
		run_on(w, early, 0);
	s2_vm_free(early);
	check(w, s2_vcpu_enter(vcpu(w, 3)));
}

const struct workload vm_workloads[] = {
	{"boot", "4 vcpus turn their caches on", of_blocks, boot, 0},
	{"boot-late-vcpu0", "the same, vcpu 0 being the last", of_blocks, boot_late_vcpu0, 0},
	{"kexec", "a kexec on vcpu 1", booted, kexec, 0},
	{"set-way", "a guest that cleans by set/way", of_blocks, set_way, 0},
	{"reboot", "vcpus reset, and booted again", booted, reboot, 0},
	{"log", "dirty log: 256 pages written, twice got", logged, log_twice, 0},
	{"log-manual", "the same, cleared by 512 pages", manual, log_manual, 0},
	{"log-split", "initially set, blocks split as cleared", splitting, log_split, NEEDS_SPLIT},
	{"log-start", "8 MiB of blocks write-protected", running_blocks, log_start, 0},
	{"munmap", "4 MiB of pages unmapped by the VMM", running_pages, munmap_pages, 0},
	{"munmap-blocks", "the same of blocks", running_blocks, munmap_pages, 0},
	{"swap", "4 MiB swapped out and in", running_pages, swap_out, 0},
	{"clear-young", "2048 pages aged, and used", running_pages, age, 0},
	{"zero-page", "512 zero pages read, then written", unpopulated, zero_page, 0},
	{"slot-delete", "the slot goes", running_pages, slot_goes, 0},
	{"close", "the VM dies", running_pages, close_vm, 0},
	{"many-vms", "300 VMs, of 255 VMIDs", one_runs, many_vms, ON_VMID8},
	{.name = NULL},
};
