/* SPDX-License-Identifier: MIT */
#include "study/mutants/life.h"

#include <string.h>

#define BASE  UINT64_C(0x40000000)
#define HVA   UINT64_C(0x400000000000)
#define PA    UINT64_C(0x100000000)
#define MIB   UINT64_C(0x100000)
#define PAGE  UINT64_C(0x1000)
#define BLOCK (2 * MIB)
#define SIZE  (4 * BLOCK)

/* One VM a number, and a few more: 8-bit VMIDs come round. */
#define CHURN 300

struct life {
	struct s2_machine *m;
	struct s2_vmids *vmids;
	const struct s2_flavour *flavour;
	struct s2_vm *vm;
	struct s2_vcpu *vcpu[2];
	struct s2_cpu *host;
};

static int touch(struct s2_vcpu *vcpu, uint64_t offset, uint64_t size, enum s2_access access)
{
	const int64_t ret = s2_vcpu_access(vcpu, s2_ipa(BASE + offset), size, access);

	return ret < 0 ? (int)ret : 0;
}

static int make_vm(struct life *l, uint64_t size, uint64_t backing)
{
	const struct s2_vm_config cfg = {.flavour = l->flavour, .vmids = l->vmids};
	const struct s2_slot_config ram = {.ipa = {BASE},
					   .size = size,
					   .hva = {HVA},
					   .pa = {PA},
					   .backing = backing,
					   .populated = true};
	int ret = s2_vm_create(l->m, &cfg, &l->vm);

	return ret ? ret : s2_vm_add_slot(l->vm, &ram);
}

static int add_vcpu(struct life *l, unsigned i)
{
	int ret = s2_vm_add_vcpu(l->vm);

	if (ret < 0)
		return ret;
	l->vcpu[i] = s2_vm_vcpu(l->vm, ret);
	return s2_vcpu_load(l->vcpu[i], s2_machine_cpu(l->m, i));
}

/* Past the caches first, then with them on: by each vcpu, in pages of its own. */
static int boot(struct life *l)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < 2; i++) {
		ret = add_vcpu(l, i);
		if (!ret)
			ret = touch(l->vcpu[i], i * BLOCK, 16 * PAGE, S2_ACCESS_WRITE);
		if (!ret)
			ret = s2_vcpu_set_caches(l->vcpu[i], true);
	}
	if (!ret)
		ret = touch(l->vcpu[1], 0, SIZE, S2_ACCESS_READ);
	if (!ret)
		ret = touch(l->vcpu[0], 0, SIZE, S2_ACCESS_FETCH);
	return ret ? ret : touch(l->vcpu[0], 0, SIZE, S2_ACCESS_WRITE);
}

/* Blocks are split by faults, and made again when logging has ended. */
static int log_dirty(struct life *l)
{
	int64_t dirty = 0;
	int ret = s2_vm_log_start(l->vm, l->host, 0);

	for (unsigned round = 0; !ret && dirty >= 0 && round < 2; round++) {
		ret = touch(l->vcpu[0], 3 * PAGE, 4 * PAGE, S2_ACCESS_WRITE);
		if (!ret)
			ret = touch(l->vcpu[1], BLOCK, 2 * PAGE, S2_ACCESS_WRITE);
		if (!ret)
			dirty = s2_vm_log_get(l->vm, l->host, 0);
	}
	if (!ret && dirty >= 0)
		ret = s2_vm_log_stop(l->vm, l->host, 0);
	if (ret || dirty < 0)
		return ret ? ret : (int)dirty;
	return touch(l->vcpu[0], 0, SIZE, S2_ACCESS_WRITE);
}

static int reclaim(struct life *l)
{
	int ret = s2_vm_age_hva(l->vm, l->host, s2_va(HVA), SIZE);

	if (ret >= 0)
		ret = touch(l->vcpu[1], 0, SIZE, S2_ACCESS_READ);
	if (!ret)
		ret = s2_vcpu_set_caches(l->vcpu[1], false);
	/* Clean lines, so that what is written past the caches is promised to be seen. */
	if (!ret)
		ret = s2_vcpu_maintain(l->vcpu[1], s2_range(BASE + 2 * BLOCK, BLOCK),
				       S2_LINE_CLEAN_INVALIDATE);
	if (!ret)
		ret = touch(l->vcpu[1], 2 * BLOCK, BLOCK, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vm_unmap_hva(l->vm, l->host, s2_va(HVA + BLOCK), 2 * BLOCK,
				      S2_UNMAP_CLEAR);
	if (!ret)
		ret = touch(l->vcpu[0], BLOCK, 2 * BLOCK, S2_ACCESS_READ);
	if (!ret)
		ret = s2_vm_unmap_hva(l->vm, l->host, s2_va(HVA), PAGE, S2_UNMAP_EVENT);
	return ret ? ret : touch(l->vcpu[0], 0, SIZE, S2_ACCESS_WRITE);
}

static int reset_one(struct life *l)
{
	int ret = s2_vcpu_put(l->vcpu[1]);

	if (!ret)
		ret = s2_vcpu_reset(l->vcpu[1], l->host);
	if (!ret)
		ret = s2_vcpu_load(l->vcpu[1], s2_machine_cpu(l->m, 1));
	if (!ret)
		ret = touch(l->vcpu[1], 0, 4 * PAGE, S2_ACCESS_WRITE);
	return ret ? ret : s2_vcpu_set_caches(l->vcpu[1], true);
}

/* A vcpu that moves to the CPU where another of its VM ran; then the end. */
static int end(struct life *l)
{
	int ret = s2_vcpu_put(l->vcpu[0]);

	if (!ret)
		ret = s2_vcpu_put(l->vcpu[1]);
	if (!ret)
		ret = s2_vcpu_load(l->vcpu[1], s2_machine_cpu(l->m, 0));
	if (!ret)
		ret = touch(l->vcpu[1], 0, SIZE, S2_ACCESS_READ);
	if (!ret)
		ret = s2_vcpu_put(l->vcpu[1]);
	return ret ? ret : s2_vm_teardown(l->vm, l->host);
}

static int churn_one(struct life *l)
{
	int ret = make_vm(l, PAGE, PAGE);

	if (ret >= 0)
		ret = add_vcpu(l, 0);
	if (!ret)
		ret = touch(l->vcpu[0], 0, PAGE, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vcpu_put(l->vcpu[0]);
	if (!ret)
		ret = s2_vm_teardown(l->vm, l->host);
	s2_vm_free(l->vm);
	l->vm = NULL;
	return ret;
}

static int live(struct life *l)
{
	int ret = make_vm(l, SIZE, BLOCK);

	if (ret >= 0)
		ret = boot(l);
	if (!ret)
		ret = log_dirty(l);
	if (!ret)
		ret = reclaim(l);
	if (!ret)
		ret = reset_one(l);
	if (!ret)
		ret = end(l);
	s2_vm_free(l->vm);
	l->vm = NULL;
	for (unsigned i = 0; !ret && i < CHURN; i++)
		ret = churn_one(l);
	return ret;
}

int s2_life_run(const struct s2_features *features, const struct s2_flavour *flavour,
		struct s2_judge *judge, struct s2_error *err)
{
	const struct s2_machine_config cfg = {.features = *features, .cpus = 3};
	struct life l = {.flavour = flavour};
	int ret = s2_machine_create(&cfg, &l.m);

	if (!ret)
		ret = s2_judge_attach(judge, l.m);
	if (!ret)
		ret = s2_vmids_create(l.m, &l.vmids);
	if (!ret) {
		l.host = s2_machine_cpu(l.m, 2);
		ret = live(&l);
	}
	s2_judge_end(judge);
	s2_vm_free(l.vm);
	s2_vmids_free(l.vmids);
	s2_machine_destroy(l.m);
	if (ret)
		s2_error_set(err, 1, "cannot live this life: %s", strerror(-ret));
	return ret;
}
