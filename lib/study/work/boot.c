/* SPDX-License-Identifier: MIT */
/* A guest boots; see boot.h. */
#include "study/work/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/base/random.h"
#include "study/work/vm_check.h"

/* Any place that is congruent to the IPA at every block size. */
#define HVA UINT64_C(0x400000000000)

/* The guest's page, whatever the host's. */
#define GUEST_PAGE UINT64_C(4096)

/* A boot under way. */
struct booting {
	const struct s2_boot *boot;
	struct s2_boot_touch touch;
	struct s2_boot_cost *cost;
	struct s2_machine *m;
	struct s2_vmids *vmids;
	struct s2_vm *vm;
	unsigned *order; /* vcpus as they come up */
	unsigned *nth;	 /* of each vcpu its place in that */
};

static struct s2_vcpu *vcpu(const struct booting *b, uint64_t index)
{
	return s2_vm_vcpu(b->vm, (int)index);
}

static struct s2_cpu *cpu(const struct booting *b, uint64_t index)
{
	return s2_machine_cpu(b->m, (unsigned)index);
}

/* ---- what the guest touches ---- */

/* [offset, offset + size) of the guest's memory, by one vcpu. */
static int touch(struct booting *b, uint64_t index, uint64_t offset, uint64_t size)
{
	int64_t faults;

	if (!size)
		return 0;
	faults = s2_vcpu_access(vcpu(b, index), s2_ipa(S2_BOOT_BASE + offset), size,
				S2_ACCESS_WRITE);
	if (faults < 0)
		return (int)faults;
	b->cost->mapped += (uint64_t)faults * b->boot->backing;
	return 0;
}

static int touch_strided(struct booting *b, uint64_t index)
{
	int ret = 0;

	for (uint64_t i = 0; !ret && i < b->touch.total / GUEST_PAGE; i++)
		ret = touch(b, index, i * b->boot->stride, GUEST_PAGE);
	return ret;
}

/* All but what later vcpus add. */
static int touch_main(struct booting *b, uint64_t index)
{
	const struct s2_boot_touch *t = &b->touch;
	int ret;

	if (!t->linux_guest && b->boot->stride)
		return touch_strided(b, index);
	if (!t->linux_guest)
		return touch(b, index, 0, t->total);
	ret = touch(b, index, 0, t->kernel + t->initramfs);
	return ret ? ret : touch(b, index, b->boot->memory - t->struct_pages, t->struct_pages);
}

/* The guest's own DC by VA. */
static int maintain(struct booting *b, uint64_t index, uint64_t offset, uint64_t size,
		    enum s2_line_op op)
{
	const struct s2_range range = s2_range(S2_BOOT_BASE + offset, size);

	return size ? s2_vcpu_maintain(vcpu(b, index), range, op) : 0;
}

/* A further vcpu's own memory; where it has no area, a page of what is touched. */
static uint64_t per_vcpu_area(const struct booting *b, uint64_t index)
{
	const uint64_t stride = b->boot->stride ? b->boot->stride : GUEST_PAGE;

	if (!b->touch.linux_guest)
		return b->nth[index] * stride;
	return b->touch.kernel + b->touch.initramfs + (b->nth[index] - 1) * b->touch.per_vcpu;
}

/* Of that: what it uses before its caches are on. */
static uint64_t mailbox_bytes(const struct booting *b, uint64_t index)
{
	if (!b->touch.linux_guest)
		return (b->nth[index] + 1) * GUEST_PAGE <= b->touch.total ? GUEST_PAGE : 0;
	return b->touch.per_vcpu < GUEST_PAGE ? b->touch.per_vcpu : GUEST_PAGE;
}

/* What @by makes ready for vcpu @index; the mailbox is cleaned (secondary_data). */
static int touch_per_vcpu(struct booting *b, uint64_t by, uint64_t index)
{
	int ret = touch(b, by, per_vcpu_area(b, index), b->touch.per_vcpu);

	return ret ? ret : maintain(b, by, per_vcpu_area(b, index), mailbox_bytes(b, index),
			      S2_LINE_CLEAN);
}

/*
 * With caches off: reads its mailbox, writes to it, and invalidates the upper
 * half of that (__early_cpu_boot_status).  For the lower half it trusts its toggle.
 */
static int use_mailbox(struct booting *b, uint64_t index)
{
	const uint64_t area = per_vcpu_area(b, index), size = mailbox_bytes(b, index), half = size / 2;
	int64_t ret;

	if (!size || !b->nth[index])
		return 0;
	ret = s2_vcpu_access(vcpu(b, index), s2_ipa(S2_BOOT_BASE + area), size, S2_ACCESS_READ);
	if (ret < 0)
		return (int)ret;
	ret = touch(b, index, area, size);
	if (ret < 0)
		return (int)ret;
	return maintain(b, index, area + half, size - half, S2_LINE_INVALIDATE);
}

static uint64_t early_bytes(const struct booting *b)
{
	uint64_t most = b->touch.linux_guest ? b->touch.kernel : b->touch.total;

	if (!b->touch.linux_guest && b->boot->stride)
		return 0;
	return b->boot->early < most ? b->boot->early : most;
}

/* ---- what the vcpus do ---- */

static uint64_t lines_so_far(const struct booting *b)
{
	return s2_machine_counts(b->m).n[S2_OP_DC_CIVAC];
}

static void note_clean(struct booting *b, uint64_t before)
{
	uint64_t lines = lines_so_far(b) - before;

	b->cost->toggle_lines += lines;
	b->cost->cleans += lines > 0;
}

static int set_caches(struct booting *b, uint64_t index, bool on)
{
	uint64_t before = lines_so_far(b);
	int ret = s2_vcpu_set_caches(vcpu(b, index), on);

	note_clean(b, before);
	return ret;
}

/* All the VM registers of a first enabling, the caches last. */
static int enable(struct booting *b, uint64_t index)
{
	unsigned others = b->boot->vm_regs ? (unsigned)b->boot->vm_regs - 1 : 0;
	int ret = s2_vcpu_write_vm_regs(vcpu(b, index), others);

	return ret ? ret : set_caches(b, index, true);
}

static int set_way(struct booting *b, uint64_t index)
{
	uint64_t before = lines_so_far(b);
	int ret = s2_vcpu_set_way(vcpu(b, index), (unsigned)b->boot->set_way);

	note_clean(b, before);
	return ret;
}

/*
 * A zImage's decompressor runs with caches on, cleans by set/way, turns them
 * off and hands over; the kernel's entry invalidates by set/way again.
 */
static int decompress(struct booting *b, uint64_t index)
{
	int ret = enable(b, index);

	if (!ret)
		ret = touch(b, index, 0, b->touch.linux_guest ? b->touch.kernel : 0);
	if (!ret)
		ret = set_way(b, index);
	if (!ret)
		ret = set_caches(b, index, false);
	return ret ? ret : set_way(b, index);
}

/*
 * With caches off.  Linux invalidates by VA what it will read by its new page
 * tables, and those: the upper half.  For the rest it trusts its toggle.
 */
static int touch_early(struct booting *b, uint64_t index)
{
	const uint64_t size = early_bytes(b), half = size / 2;
	int ret = touch(b, index, 0, size);

	if (ret || b->boot->guest == S2_BOOT_SETWAY32)
		return ret;
	return maintain(b, index, half, size - half, S2_LINE_INVALIDATE);
}

static int boot_first(struct booting *b, uint64_t index)
{
	int ret = touch_early(b, index);

	if (!ret && b->boot->guest == S2_BOOT_SETWAY32)
		ret = decompress(b, index);
	if (!ret)
		ret = enable(b, index);
	return ret ? ret : touch_main(b, index);
}

static int boot_secondary(struct booting *b, uint64_t index)
{
	int ret = 0;

	if (b->boot->guest == S2_BOOT_SETWAY32)
		ret = set_way(b, index);
	if (!ret)
		ret = use_mailbox(b, index);
	return ret ? ret : enable(b, index);
}

static int load(struct booting *b, uint64_t index)
{
	return s2_vcpu_load(vcpu(b, index), cpu(b, index));
}

/* The first of the order boots, then the others come up; none is loaded before. */
static int boot_all(struct booting *b)
{
	unsigned first = b->order[0];
	int ret = load(b, first);

	if (!ret)
		ret = boot_first(b, first);
	for (uint64_t i = 1; !ret && i < b->boot->vcpus; i++) {
		ret = touch_per_vcpu(b, first, b->order[i]);
		if (!ret)
			ret = load(b, b->order[i]);
		if (!ret)
			ret = boot_secondary(b, b->order[i]);
	}
	for (uint64_t i = 0; !ret && i < b->boot->vcpus; i++)
		ret = s2_vcpu_write_vm_regs(vcpu(b, i), (unsigned)b->boot->vm_writes);
	return ret;
}

/* ---- the second act ---- */

static int plug(struct booting *b, uint64_t index)
{
	int ret = s2_vcpu_power_on(vcpu(b, index));

	if (!ret)
		ret = load(b, index);
	return ret ? ret : boot_secondary(b, index);
}

static int replug(struct booting *b)
{
	int ret = 0;

	for (uint64_t i = 1; !ret && i < b->boot->vcpus; i++) {
		ret = s2_vcpu_power_off(vcpu(b, b->order[i]));
		if (!ret)
			ret = plug(b, b->order[i]);
	}
	return ret;
}

/* The new kernel has been written over the old one and cleaned by VA (machine_kexec()). */
static int restart(struct booting *b)
{
	const uint64_t index = b->boot->then_vcpu;
	int ret = touch(b, index, 0, early_bytes(b));

	if (!ret)
		ret = maintain(b, index, 0, early_bytes(b), S2_LINE_CLEAN_INVALIDATE);
	if (!ret)
		ret = set_caches(b, index, false);
	if (!ret)
		ret = touch_early(b, index);
	return ret ? ret : enable(b, index);
}

static int kexec(struct booting *b)
{
	int ret = 0;

	for (uint64_t i = 0; !ret && i < b->boot->vcpus; i++)
		if (i != b->boot->then_vcpu)
			ret = s2_vcpu_power_off(vcpu(b, i));
	if (!ret)
		ret = restart(b);
	for (uint64_t i = 0; !ret && i < b->boot->vcpus; i++)
		if (i != b->boot->then_vcpu)
			ret = plug(b, i);
	return ret;
}

static int reboot(struct booting *b)
{
	int ret = 0;

	for (uint64_t i = 0; !ret && i < b->boot->vcpus; i++)
		ret = s2_vcpu_put(vcpu(b, i));
	for (uint64_t i = 0; !ret && i < b->boot->vcpus; i++)
		ret = s2_vcpu_reset(vcpu(b, i), cpu(b, i));
	/* The first reset without FWB unmapped everything. */
	if (!s2_machine_features(b->m)->fwb)
		b->cost->mapped = 0;
	return ret ? ret : boot_all(b);
}

static int second_act(struct booting *b)
{
	switch ((enum s2_boot_then)b->boot->then) {
	case S2_BOOT_THEN_KEXEC:
		return kexec(b);
	case S2_BOOT_THEN_KDUMP:
		return restart(b);
	case S2_BOOT_THEN_REPLUG:
		return replug(b);
	case S2_BOOT_THEN_REBOOT:
		return reboot(b);
	case S2_BOOT_THEN_NOTHING:
		break;
	}
	return 0;
}

/* ---- setting up ---- */

static void swap(unsigned *a, unsigned *b)
{
	unsigned t = *a;

	*a = *b;
	*b = t;
}

static int make_order(struct booting *b)
{
	uint64_t n = b->boot->vcpus, state = b->boot->seed, to = 1;

	b->order = calloc((size_t)n, sizeof(*b->order));
	b->nth = calloc((size_t)n, sizeof(*b->nth));
	if (!b->order || !b->nth)
		return -ENOMEM;
	b->order[0] = (unsigned)b->boot->first;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t v = b->boot->order == S2_BOOT_DESCENDING ? n - 1 - i : i;

		if (v != b->boot->first)
			b->order[to++] = (unsigned)v;
	}
	for (uint64_t i = n - 1; b->boot->order == S2_BOOT_RANDOM && i > 1; i--)
		swap(&b->order[i], &b->order[1 + s2_random_next(&state) % i]);
	for (unsigned i = 0; i < n; i++)
		b->nth[b->order[i]] = i;
	return 0;
}

static int make_machine(struct booting *b, const struct s2_features *features,
			const struct s2_flavour *flavour)
{
	struct s2_machine_config mc = {.features = *features, .cpus = (unsigned)b->boot->vcpus};
	int ret;

	mc.features.fwb |= b->boot->fwb;
	ret = s2_machine_create(&mc, &b->m);
	if (!ret)
		ret = s2_vm_prepare(b->m, flavour);
	return ret ? ret : s2_vmids_create(b->m, &b->vmids);
}

static int make_vm(struct booting *b, const struct s2_flavour *flavour)
{
	const struct s2_vm_config vc = {
		.flavour = flavour,
		.ipa_bits = s2_check_ipa_bits_for(b->boot->ipa_bits, S2_BOOT_BASE,
						  b->boot->memory),
		.vmids = b->vmids,
	};
	const struct s2_slot_config ram = {
		.ipa = {S2_BOOT_BASE},
		.size = b->boot->memory,
		.hva = {HVA + S2_BOOT_BASE},
		.pa = {S2_BOOT_BASE},
		.backing = b->boot->backing,
		.populated = true,
	};
	int ret = s2_vm_create(b->m, &vc, &b->vm);

	if (!ret)
		ret = s2_vm_add_slot(b->vm, &ram);
	for (uint64_t i = 0; ret >= 0 && i < b->boot->vcpus; i++)
		ret = s2_vm_add_vcpu(b->vm);
	return ret < 0 ? ret : 0;
}

static void clear(struct booting *b)
{
	s2_judge_end(b->boot->judge);
	s2_vm_free(b->vm);
	s2_vmids_free(b->vmids);
	s2_machine_destroy(b->m);
	free(b->order);
	free(b->nth);
}

int s2_boot_run(const struct s2_boot *boot, const struct s2_features *features,
		const struct s2_flavour *flavour, struct s2_boot_cost *cost, struct s2_error *err)
{
	struct booting b = {.boot = boot, .cost = cost};
	int ret = s2_boot_touched(boot, &b.touch, err);

	if (ret)
		return ret;
	memset(cost, 0, sizeof(*cost));
	ret = make_order(&b);
	if (!ret)
		ret = make_machine(&b, features, flavour);
	if (!ret)
		ret = s2_judge_attach(boot->judge, b.m);
	if (!ret)
		ret = make_vm(&b, flavour);
	if (!ret)
		ret = boot_all(&b);
	if (!ret)
		ret = second_act(&b);
	if (ret) {
		s2_error_set(err, 1, "boot: %s", strerror(-ret));
	} else {
		cost->ops = s2_machine_counts(b.m);
		cost->longest_lock = s2_vm_longest_lock(b.vm);
	}
	clear(&b);
	return ret;
}
