/* SPDX-License-Identifier: MIT */
/* VMs live and die; see teardown.h. */
#include "study/work/teardown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/work/vm_check.h"

/* Any place that is congruent to the IPA at every block size. */
#define TEARDOWN_HVA UINT64_C(0x400000000000)
#define PA	     (4 * S2_DYING_BASE)

/* Lives and deaths under way. */
struct lives {
	const struct s2_dying *dying;
	const struct s2_flavour *flavour;
	struct s2_death_cost *cost;
	struct s2_machine *m;
	struct s2_vmids *vmids;
	struct s2_vm **beside;
	struct s2_counts mark; /* at the last death */
};

struct s2_flavour s2_death_flavour(const struct s2_flavour *base,
				   const struct s2_death_policy *policy)
{
	struct s2_flavour f = *base;

	f.teardown = policy->teardown;
	f.destroy = policy->one_go ? S2_DESTROY_PUT_ALL : S2_DESTROY_PUT_EMPTY;
	f.unmap_tlbi = policy->unmap_tlbi;
	f.unmap_cmo = policy->unmap_cmo;
	f.collapse = policy->collapse;
	f.collapse_cmo = policy->collapse_cmo;
	f.defer_unmap = base->defer_unmap && !policy->leaf_by_leaf;
	if (policy->range) {
		f.range_flush = true;
		f.range_order = S2_RANGE_DESCENDING;
	}
	return f;
}

/* ---- a life ---- */

static struct s2_cpu *teardown_cpu(const struct lives *l, uint64_t index)
{
	return s2_machine_cpu(l->m, (unsigned)index);
}

static int teardown_load(const struct lives *l, struct s2_vm *vm, uint64_t vcpus,
			 uint64_t first_cpu)
{
	int ret = 0;

	for (uint64_t i = 0; ret >= 0 && i < vcpus; i++) {
		ret = s2_vm_add_vcpu(vm);
		if (ret >= 0)
			ret = s2_vcpu_load(s2_vm_vcpu(vm, ret), teardown_cpu(l, first_cpu + i));
	}
	return ret < 0 ? ret : 0;
}

static int create(const struct lives *l, uint64_t vcpus, uint64_t first_cpu, struct s2_vm **out)
{
	const struct s2_vm_config cfg = {
		.flavour = l->flavour,
		.ipa_bits = s2_check_ipa_bits_for(l->dying->ipa_bits, S2_DYING_BASE,
						  l->dying->memory),
		.vmids = l->vmids,
	};
	int ret = s2_vm_create(l->m, &cfg, out);

	if (ret) {
		*out = NULL;
		return ret;
	}
	return teardown_load(l, *out, vcpus, first_cpu);
}

static enum s2_agent agent_of(int who)
{
	static const enum s2_agent agents[] = {
		[S2_DEATH_CPU] = S2_AGENT_WRITE_BACK,
		[S2_DEATH_COHERENT] = S2_AGENT_COHERENT_DEVICE,
		[S2_DEATH_DEVICE] = S2_AGENT_NON_CACHEABLE,
		[S2_DEATH_DMA] = S2_AGENT_NON_CACHEABLE,
	};

	return agents[who];
}

static int teardown_add_slot(const struct lives *l, struct s2_vm *vm)
{
	const struct s2_dying *d = l->dying;
	const struct s2_slot_config slot = {
		.ipa = {S2_DYING_BASE},
		.size = d->memory,
		.hva = {TEARDOWN_HVA},
		.pa = {PA},
		.backing = d->backing,
		.populated = true,
		.life = (enum s2_backing_life)d->life,
		.filled_by = agent_of(d->filler),
		.fill_by_dma_api = d->filler == S2_DEATH_DMA,
		.read_by = agent_of(d->reader),
		.read_by_dma_api = d->reader == S2_DEATH_DMA,
	};
	int ret = s2_vm_add_slot(vm, &slot);

	return ret < 0 ? ret : 0;
}

static int teardown_write(struct s2_vm *vm, uint64_t offset, uint64_t size)
{
	int64_t faults = s2_vcpu_access(s2_vm_vcpu(vm, 0), s2_ipa(S2_DYING_BASE + offset), size,
					S2_ACCESS_WRITE);

	return faults < 0 ? (int)faults : 0;
}

static int map_at(const struct lives *l, struct s2_vm *vm, uint64_t offset, uint64_t size,
		  unsigned flags)
{
	int ret = s2_pgtable_map(s2_vm_mmu(vm), teardown_cpu(l, 0),
				 s2_range(S2_DYING_BASE + offset, size), s2_pa(PA + offset),
				 S2_PROT_R | S2_PROT_W, NULL, flags);

	/* A kernel's own code is asked by faults alone. */
	return ret == -EOPNOTSUPP ? teardown_write(vm, offset, size) : ret;
}

/* What a guest does with a piece of memory that was mapped. */
typedef int use_fn(const struct lives *l, struct s2_vm *vm, uint64_t offset, uint64_t size);

static int access_at(const struct lives *l, struct s2_vm *vm, enum s2_access access, bool cacheable,
		     uint64_t offset, uint64_t size)
{
	const struct s2_act act = {
		.kind = S2_ACT_ACCESS,
		.vm = s2_vm_number(vm),
		.pa = s2_pa(PA + offset),
		.size = size,
		.access = access,
		.cacheable = cacheable,
		.site = "guest:access",
	};

	return l->dying->judge ? s2_tell(l->m, &act) : 0;
}

/*
 * Who watches is shown a guest that has used all of its memory: half of each
 * piece written past the caches, half through them.
 */
static int write_at(const struct lives *l, struct s2_vm *vm, uint64_t offset, uint64_t size)
{
	const uint64_t half = size / 2;
	const int ret = access_at(l, vm, S2_ACCESS_WRITE, false, offset, half);

	return ret ? ret : access_at(l, vm, S2_ACCESS_WRITE, true, offset + half, half);
}

/* A guest that looks at what it was given, both ways. */
static int read_at(const struct lives *l, struct s2_vm *vm, uint64_t offset, uint64_t size)
{
	const int ret = access_at(l, vm, S2_ACCESS_READ, false, offset, size);

	return ret ? ret : access_at(l, vm, S2_ACCESS_READ, true, offset, size);
}

/* Its vcpus are in it, and TLBs may hold all that its tables map. */
static int run_watched(const struct lives *l, struct s2_vm *vm)
{
	uint64_t vtcr, vttbr;
	int ret = 0;

	for (uint64_t i = 0; !ret && l->dying->judge && i < l->dying->vcpus; i++)
		ret = s2_vcpu_enter(s2_vm_vcpu(vm, (int)i));
	s2_mmu_registers(s2_vm_mmu(vm), &vtcr, &vttbr);
	return ret ? ret : s2_judge_has_run(l->dying->judge, vtcr, vttbr);
}

/* The tables that faults would leave, without a fault each. */
static int map(const struct lives *l, struct s2_vm *vm, use_fn *use)
{
	const struct s2_dying *d = l->dying;
	uint64_t page = s2_page_size(s2_mmu_geometry(s2_vm_mmu(vm)));
	uint64_t step = d->every ? d->every : d->backing;
	int ret = 0;

	if (step == page) {
		ret = map_at(l, vm, 0, d->memory, S2_MAP_FORCE_PTE);
		return ret ? ret : use(l, vm, 0, d->memory);
	}
	for (uint64_t at = 0; !ret && at + d->backing <= d->memory; at += step) {
		ret = map_at(l, vm, at, d->backing, d->backing == page ? S2_MAP_FORCE_PTE : 0);
		if (!ret)
			ret = use(l, vm, at, d->backing);
	}
	return ret;
}

/* Dirty logging splits blocks into pages, and leaves them so, and read-only. */
static int log_and_stop(const struct lives *l, struct s2_vm *vm)
{
	int64_t ret = 0;

	if (!l->dying->remade)
		return 0;
	ret = s2_vm_log_start(vm, teardown_cpu(l, 0), 0);
	if (!ret)
		ret = teardown_write(vm, 0, l->dying->remade);
	if (!ret)
		ret = s2_vm_log_get(vm, teardown_cpu(l, 0), 0);
	return ret < 0 ? (int)ret : s2_vm_log_stop(vm, teardown_cpu(l, 0), 0);
}

/* ---- a death ---- */

/* What befalls the VM while it still runs. */
static int last_days(const struct lives *l, struct s2_vm *vm)
{
	const struct s2_dying *d = l->dying;
	int ret = 0;

	if (d->remade)
		ret = teardown_write(vm, 0, d->remade);
	if (!ret && d->swapped)
		ret = s2_vm_unmap_hva(vm, teardown_cpu(l, 0), s2_va(TEARDOWN_HVA), d->swapped,
				      S2_UNMAP_SWAP);
	return ret;
}

static void leave(const struct lives *l, struct s2_vm *vm)
{
	for (uint64_t i = 0; i < l->dying->vcpus; i++)
		s2_vcpu_put(s2_vm_vcpu(vm, (int)i));
}

static int die(const struct lives *l, struct s2_vm *vm)
{
	const struct s2_dying *d = l->dying;
	int ret = 0;

	if (!d->running)
		leave(l, vm);
	if (d->death == S2_DEATH_MUNMAP)
		ret = s2_vm_unmap_hva(vm, teardown_cpu(l, 0), s2_va(TEARDOWN_HVA), d->memory,
				      S2_UNMAP_EVENT);
	if (d->death == S2_DEATH_SLOT)
		ret = s2_vm_delete_slot(vm, teardown_cpu(l, 0), 0);
	if (d->running)
		leave(l, vm);
	/* On exit the release comes first, and the unmaps that follow find no tables. */
	return ret ? ret : s2_vm_teardown(vm, teardown_cpu(l, 0));
}

static void note(uint64_t *longest, uint64_t now)
{
	if (now > *longest)
		*longest = now;
}

/* A flush by IPA or range has one VMALLE1IS, one of the VMID its VMALLS12E1IS. */
static uint64_t flush_calls(const struct s2_counts *c)
{
	return c->n[S2_OP_TLBI_VMALLE1IS] + c->n[S2_OP_TLBI_VMALLS12E1IS];
}

static void add_since(struct lives *l)
{
	const struct s2_counts now = s2_machine_counts(l->m);
	const struct s2_counts more = s2_counts_since(&l->mark, &now);

	s2_counts_add(&l->cost->ops, &more);
	l->cost->flush_calls += flush_calls(&more);
}

static int end(struct lives *l, struct s2_vm *vm)
{
	int ret;

	l->mark = s2_machine_counts(l->m);
	s2_vm_forget_longest(vm);
	ret = last_days(l, vm);
	if (!ret)
		ret = die(l, vm);
	note(&l->cost->longest_lock, s2_vm_longest_lock(vm));
	note(&l->cost->longest_stretch, s2_vm_longest_stretch(vm));
	return ret;
}

/* ---- after it ---- */

/* The page cache: what is filled in is read by a CPU. */
static int keep_as_cache(const struct lives *l)
{
	struct s2_act act = {
		.kind = S2_ACT_GIVE,
		.vm = S2_ACT_NO_VM,
		.pa = {PA},
		.size = l->dying->memory,
		.agent = agent_of(l->dying->filler),
		.cleaned = l->dying->filler == S2_DEATH_DMA,
		.site = "host:give",
	};
	const int ret = s2_tell(l->m, &act);

	act.kind = S2_ACT_TAKE;
	act.agent = S2_AGENT_WRITE_BACK;
	act.site = "host:take";
	return ret ? ret : s2_tell(l->m, &act);
}

static int give_to_another(const struct lives *l)
{
	struct s2_vm *vm;
	int ret = create(l, 1, 0, &vm);

	if (!ret)
		ret = teardown_add_slot(l, vm);
	if (!ret)
		ret = map(l, vm, read_at);
	if (vm)
		s2_vcpu_put(s2_vm_vcpu(vm, 0));
	s2_vm_free(vm);
	return ret;
}

static int inherit(const struct lives *l)
{
	if (!l->dying->judge || l->dying->next == S2_DEATH_NOBODY)
		return 0;
	return l->dying->next == S2_DEATH_VM ? give_to_another(l) : keep_as_cache(l);
}

static int live_and_die(struct lives *l, bool first)
{
	struct s2_vm *vm;
	int ret = create(l, l->dying->vcpus, 0, &vm);

	if (!ret && !first)
		add_since(l);
	if (!ret)
		ret = teardown_add_slot(l, vm);
	if (!ret)
		ret = map(l, vm, write_at);
	if (!ret)
		ret = run_watched(l, vm);
	if (!ret)
		ret = log_and_stop(l, vm);
	if (!ret)
		ret = end(l, vm);
	s2_vm_free(vm);
	return ret ? ret : inherit(l);
}

/* ---- all of them ---- */

static int create_beside(struct lives *l)
{
	const struct s2_dying *d = l->dying;
	int ret = 0;

	l->beside = calloc(d->beside + 1, sizeof(struct s2_vm *));
	if (!l->beside)
		return -ENOMEM;
	for (uint64_t i = 0; !ret && i < d->beside; i++)
		ret = create(l, 1, d->vcpus + i, &l->beside[i]);
	return ret;
}

static int run(struct lives *l)
{
	int ret = create_beside(l);

	for (uint64_t i = 0; !ret && i < l->dying->vms; i++)
		ret = live_and_die(l, i == 0);
	if (!ret)
		add_since(l);
	l->cost->vmids = s2_vmids_taken(l->vmids);
	l->cost->rollovers = s2_vmids_rollovers(l->vmids);
	return ret;
}

static void free_all(struct lives *l)
{
	s2_judge_end(l->dying->judge);
	for (uint64_t i = 0; l->beside && i < l->dying->beside; i++)
		s2_vm_free(l->beside[i]);
	free(l->beside);
	s2_vmids_free(l->vmids);
	s2_machine_destroy(l->m);
}

int s2_death_run(const struct s2_dying *dying, const struct s2_features *features,
		 const struct s2_flavour *flavour, struct s2_death_cost *cost, struct s2_error *err)
{
	const struct s2_machine_config cfg = {
		.features = *features,
		.cpus = (unsigned)(dying->vcpus + dying->beside),
	};
	struct lives l = {.dying = dying, .flavour = flavour, .cost = cost};
	int ret = s2_machine_create(&cfg, &l.m);

	memset(cost, 0, sizeof(*cost));
	if (!ret)
		ret = s2_vm_prepare(l.m, flavour);
	if (!ret)
		ret = s2_judge_attach(dying->judge, l.m);
	if (!ret)
		ret = s2_vmids_create(l.m, &l.vmids);
	if (!ret)
		ret = run(&l);
	free_all(&l);
	if (ret)
		s2_error_set(err, 1, "cannot run this VM: %s", strerror(-ret));
	return ret;
}
