/* SPDX-License-Identifier: MIT */
/* Everything that happens to a VM, in one life. */
#include "study/mutants/life_parts.h"

#define MIB   UINT64_C(0x100000)
#define PAGE  UINT64_C(0x1000)
#define BLOCK (2 * MIB)
#define SIZE  (4 * BLOCK)

/* One VM a number, and a few more: 8-bit VMIDs come round.  Those of 16 bits do not in a life. */
#define CHURN	   260
#define CHURN_WIDE 3

/* Past the caches first, then with them on: by each vcpu, in pages of its own. */
static int boot(struct s2_life *l)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < 2; i++) {
		ret = s2_life_add_vcpu(l, i);
		if (!ret)
			ret = s2_life_touch(l->vcpu[i], i * BLOCK, 16 * PAGE, S2_ACCESS_WRITE);
		if (!ret)
			ret = s2_vcpu_set_caches(l->vcpu[i], true);
	}
	if (!ret)
		ret = s2_life_touch(l->vcpu[1], 0, SIZE, S2_ACCESS_READ);
	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, SIZE, S2_ACCESS_FETCH);
	return ret ? ret : s2_life_touch(l->vcpu[0], 0, SIZE, S2_ACCESS_WRITE);
}

/* Blocks are split by faults, and made again when logging has ended. */
static int log_dirty(struct s2_life *l)
{
	int64_t dirty = 0;
	int ret = s2_vm_log_start(l->vm, l->host, 0);

	for (unsigned round = 0; !ret && dirty >= 0 && round < 2; round++) {
		ret = s2_life_touch(l->vcpu[0], 3 * PAGE, 4 * PAGE, S2_ACCESS_WRITE);
		if (!ret)
			ret = s2_life_touch(l->vcpu[1], BLOCK, 2 * PAGE, S2_ACCESS_WRITE);
		if (!ret)
			dirty = s2_vm_log_get(l->vm, l->host, 0);
	}
	if (!ret && dirty >= 0)
		ret = s2_vm_log_stop(l->vm, l->host, 0);
	if (ret || dirty < 0)
		return ret ? ret : (int)dirty;
	return s2_life_touch(l->vcpu[0], 0, SIZE, S2_ACCESS_WRITE);
}

static int reclaim(struct s2_life *l)
{
	int ret = s2_vm_age_hva(l->vm, l->host, s2_va(S2_LIFE_HVA), SIZE);

	if (ret >= 0)
		ret = s2_life_touch(l->vcpu[1], 0, SIZE, S2_ACCESS_READ);
	if (!ret)
		ret = s2_vcpu_set_caches(l->vcpu[1], false);
	/* Clean lines, so that what is written past the caches is promised to be seen. */
	if (!ret)
		ret = s2_vcpu_maintain(l->vcpu[1], s2_range(S2_LIFE_BASE + 2 * BLOCK, BLOCK),
				       S2_LINE_CLEAN_INVALIDATE);
	if (!ret)
		ret = s2_life_touch(l->vcpu[1], 2 * BLOCK, BLOCK, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vm_unmap_hva(l->vm, l->host, s2_va(S2_LIFE_HVA + BLOCK), 2 * BLOCK,
				      S2_UNMAP_CLEAR);
	if (!ret)
		ret = s2_life_touch(l->vcpu[0], BLOCK, 2 * BLOCK, S2_ACCESS_READ);
	if (!ret)
		ret = s2_vm_unmap_hva(l->vm, l->host, s2_va(S2_LIFE_HVA), PAGE, S2_UNMAP_EVENT);
	return ret ? ret : s2_life_touch(l->vcpu[0], 0, SIZE, S2_ACCESS_WRITE);
}

static int reset_one(struct s2_life *l)
{
	int ret = s2_vcpu_put(l->vcpu[1]);

	if (!ret)
		ret = s2_vcpu_reset(l->vcpu[1], l->host);
	if (!ret)
		ret = s2_vcpu_load(l->vcpu[1], s2_machine_cpu(l->m, 1));
	if (!ret)
		ret = s2_life_touch(l->vcpu[1], 0, 4 * PAGE, S2_ACCESS_WRITE);
	return ret ? ret : s2_vcpu_set_caches(l->vcpu[1], true);
}

/* A vcpu that moves to the CPU where another of its VM ran; then the end. */
static int end(struct s2_life *l)
{
	int ret = s2_vcpu_put(l->vcpu[0]);

	if (!ret)
		ret = s2_vcpu_put(l->vcpu[1]);
	if (!ret)
		ret = s2_vcpu_load(l->vcpu[1], s2_machine_cpu(l->m, 0));
	if (!ret)
		ret = s2_life_touch(l->vcpu[1], 0, SIZE, S2_ACCESS_READ);
	if (!ret)
		ret = s2_vcpu_put(l->vcpu[1]);
	return ret ? ret : s2_vm_teardown(l->vm, l->host);
}

static int churn_one(struct s2_life *l)
{
	int ret = s2_life_make_vm(l, PAGE, PAGE);

	if (ret >= 0)
		ret = s2_life_add_vcpu(l, 0);
	if (!ret)
		ret = s2_life_touch(l->vcpu[0], 0, PAGE, S2_ACCESS_WRITE);
	if (!ret)
		ret = s2_vcpu_put(l->vcpu[0]);
	if (!ret)
		ret = s2_vm_teardown(l->vm, l->host);
	s2_vm_free(l->vm);
	l->vm = NULL;
	return ret;
}

int s2_life_one_vm(struct s2_life *l)
{
	int ret = s2_life_make_vm(l, SIZE, BLOCK);

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
	return ret;
}

int s2_life_many_vms(struct s2_life *l)
{
	const unsigned n = s2_machine_features(l->m)->vmid_bits == 8 ? CHURN : CHURN_WIDE;
	int ret = 0;

	for (unsigned i = 0; !ret && i < n; i++)
		ret = churn_one(l);
	return ret;
}
