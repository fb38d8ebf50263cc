/* SPDX-License-Identifier: MIT */
/* A guest is migrated; see migrate.h. */
#include "study/work/migrate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/work/migrate_tlb.h"
#include "study/base/random.h"

/* Any place that is congruent to the IPA at every block size. */
#define MIGRATE_HVA UINT64_C(0x400000000000)

/* Flush calls of one ioctl, as the MMU tells of them. */
struct flushed {
	uint64_t vmid_calls, range_calls, ipa_calls; /* ipa: local ones too */
	uint64_t ipa_everywhere;
	uint64_t range_pages;
};

/* A migration under way. */
struct migrating {
	const struct s2_migrate *mig;
	struct s2_migrate_cost *cost;
	struct s2_machine *m;
	struct s2_vmids *vmids;
	struct s2_vm *vm;
	struct s2_cpu *cpu; /* where the VMM's ioctls are made */
	int slot;
	unsigned page_shift;
	uint64_t pages;	   /* of the slot */
	uint64_t *extents; /* first pages of what is dirtied, ascending */
	size_t n_extents;
	struct flushed flushed;
	uint64_t *vcpu_flushes; /* by vcpu, of all TLBs */
	struct s2_counts mark;
	struct s2_migrate_tlb tlb; /* where refills are counted in one */
};

/* ---- counting ---- */

static bool has_tlb(const struct migrating *g)
{
	return g->mig->refills_by == S2_MIGRATE_REFILLS_TLB;
}

static void note_flush(void *arg, const struct s2_flush_call *call)
{
	struct migrating *g = arg;
	struct flushed *f = &g->flushed;

	if (has_tlb(g))
		s2_migrate_tlb_flush(&g->tlb, call);
	switch (call->kind) {
	case S2_FLUSH_VMID:
		f->vmid_calls += call->repeat;
		break;
	case S2_FLUSH_VMID_RANGE:
		f->range_calls += call->repeat;
		f->range_pages += call->pages * call->repeat;
		break;
	case S2_FLUSH_VMID_IPA:
		f->ipa_everywhere += call->repeat;
		f->ipa_calls += call->repeat;
		break;
	case S2_FLUSH_VMID_IPA_NSH:
		f->ipa_calls += call->repeat;
		break;
	default:
		break;
	}
}

/* What was issued since the last call. */
static struct s2_counts lap(struct migrating *g)
{
	const struct s2_counts now = s2_machine_counts(g->m);
	const struct s2_counts since = s2_counts_since(&g->mark, &now);

	g->mark = now;
	return since;
}

/* Translations that all vcpus lose by what was flushed. */
static double refills(struct migrating *g, const struct flushed *f)
{
	const double held = (double)s2_migrate_held(g->mig, s2_machine_features(g->m));
	const double here = held * (1 - g->mig->outside);
	double share = (double)f->range_pages / (double)g->pages;
	double lost = f->vmid_calls ? held : here * (share > 1 ? 1 : share);

	if (has_tlb(g))
		lost = f->vmid_calls || f->range_calls ? (double)s2_migrate_tlb_use(&g->tlb) : 0;
	return lost * (double)g->mig->vcpus;
}

/* Closes an ioctl of the log; @reported: its operations are in the result. */
static struct s2_counts note_ioctl(struct migrating *g, bool reported)
{
	const struct s2_counts ops = lap(g);
	const struct flushed *f = &g->flushed;
	const double lost = refills(g, f);
	struct s2_migrate_cost *c = g->cost;

	c->split_calls += f->ipa_calls;
	if (reported) {
		s2_counts_add(&c->ops, &ops);
		c->calls += f->vmid_calls + f->range_calls;
		c->refills += lost;
		/* A flush by IPA has one such TLBI too, and is a split's here. */
		c->range_ops +=
			ops.n[S2_OP_TLBI_RIPAS2E1IS] + ops.n[S2_OP_TLBI_IPAS2E1IS] - f->ipa_calls;
	}
	memset(&g->flushed, 0, sizeof(g->flushed));
	return ops;
}

/* One that gets or clears the log. */
static void note_clear(struct migrating *g)
{
	g->cost->protects += note_ioctl(g, true).n[S2_OP_PTE_WRITE];
}

/* Faults of writes or of reads, which @p faults counts. */
static void note_faults(struct migrating *g, uint64_t *faults)
{
	const struct s2_counts ops = lap(g);

	if (g->mig->count == S2_MIGRATE_COUNT_ALL)
		s2_counts_add(&g->cost->ops, &ops);
	*faults += ops.n[S2_OP_S2_FAULT];
	g->cost->fault_calls += g->flushed.ipa_calls;
	memset(&g->flushed, 0, sizeof(g->flushed));
}

/* ---- the guest's writes ---- */

static int by_page(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Where extent @i of @n lies if the pages between them are shared out evenly. */
static uint64_t spread(const struct migrating *g, uint64_t i, uint64_t n)
{
	const uint64_t clean = g->pages - g->mig->dirty;

	return i * g->mig->run + i * (clean / n) + i * (clean % n) / n;
}

static int make_extents(struct migrating *g)
{
	const struct s2_migrate *mig = g->mig;
	uint64_t n = (mig->dirty + mig->run - 1) / mig->run, state = mig->seed;

	g->extents = calloc((size_t)n, sizeof(*g->extents));
	if (!g->extents)
		return -ENOMEM;
	g->n_extents = (size_t)n;
	for (uint64_t i = 0; i < n; i++)
		switch ((enum s2_migrate_locality)mig->locality) {
		case S2_MIGRATE_SPREAD:
			g->extents[i] = spread(g, i, n);
			break;
		case S2_MIGRATE_RANDOM:
			g->extents[i] = s2_random_next(&state) % (g->pages - mig->run + 1);
			break;
		case S2_MIGRATE_DENSE:
			g->extents[i] = i * mig->run;
			break;
		}
	qsort(g->extents, g->n_extents, sizeof(*g->extents), by_page);
	return 0;
}

/* Pages of extent @i: the last one may be short. */
static uint64_t extent_pages(const struct migrating *g, size_t i)
{
	uint64_t rest = g->mig->dirty - i * g->mig->run;

	return rest < g->mig->run ? rest : g->mig->run;
}

/* A vcpu's access to @pages from @page on; what it flushes meanwhile is its own. */
static int use_pages(struct migrating *g, size_t vcpu, uint64_t page, uint64_t pages,
		     enum s2_access access)
{
	const uint64_t before = g->flushed.ipa_everywhere;
	const int64_t ret = s2_vcpu_access(s2_vm_vcpu(g->vm, (int)vcpu),
					   s2_ipa(S2_MIGRATE_BASE + (page << g->page_shift)),
					   pages << g->page_shift, access);

	g->vcpu_flushes[vcpu] += g->flushed.ipa_everywhere - before;
	return ret < 0 ? (int)ret : 0;
}

/* Each run by the next vcpu. */
static int write_dirty(struct migrating *g)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < g->n_extents; i++)
		ret = use_pages(g, i % g->mig->vcpus, g->extents[i], extent_pages(g, i),
				S2_ACCESS_WRITE);
	return ret;
}

/* What lies behind each run, by the vcpu that wrote it. */
static int read_behind(struct migrating *g)
{
	int ret = 0;

	for (size_t i = 0; !ret && g->mig->reads && i < g->n_extents; i++) {
		const uint64_t from = g->extents[i] + extent_pages(g, i), left = g->pages - from;

		if (left)
			ret = use_pages(g, i % g->mig->vcpus, from,
					g->mig->reads < left ? g->mig->reads : left,
					S2_ACCESS_READ);
	}
	return ret;
}

static int write_slot(struct migrating *g)
{
	const int64_t ret = s2_vcpu_access(s2_vm_vcpu(g->vm, 0), s2_ipa(S2_MIGRATE_BASE),
					   g->mig->slot, S2_ACCESS_WRITE);

	return ret < 0 ? (int)ret : 0;
}

/* ---- what the VMM does ---- */

static int start_log(struct migrating *g)
{
	int ret;

	s2_vm_forget_longest(g->vm);
	ret = s2_vm_log_start(g->vm, g->cpu, g->slot);
	g->cost->start_writes =
		note_ioctl(g, g->mig->count != S2_MIGRATE_COUNT_CLEAR).n[S2_OP_PTE_WRITE];
	g->cost->start_lock = s2_vm_longest_lock(g->vm);
	return ret;
}

static int clear_chunk(struct migrating *g, uint64_t chunk)
{
	uint64_t size = g->mig->chunk >> g->page_shift, first = chunk * size;
	int64_t ret = s2_vm_log_clear(g->vm, g->cpu, g->slot, first,
				      g->pages - first < size ? g->pages - first : size);

	if (ret < 0)
		return (int)ret;
	g->cost->clears += ret > 0;
	note_clear(g);
	return 0;
}

/* QEMU's first pass sends every page, and so clears every chunk. */
static int clear_all(struct migrating *g)
{
	uint64_t n = (g->mig->slot + g->mig->chunk - 1) / g->mig->chunk;
	int ret = 0;

	for (uint64_t chunk = 0; !ret && chunk < n; chunk++)
		ret = clear_chunk(g, chunk);
	return ret;
}

/* Each chunk is cleared when the first of its pages is sent. */
static int clear_dirty(struct migrating *g)
{
	uint64_t size = g->mig->chunk >> g->page_shift, next = 0;
	int ret = 0;

	for (size_t i = 0; !ret && i < g->n_extents; i++) {
		uint64_t first = g->extents[i] / size;
		uint64_t last = (g->extents[i] + extent_pages(g, i) - 1) / size;

		for (uint64_t chunk = first > next ? first : next; !ret && chunk <= last; chunk++) {
			ret = clear_chunk(g, chunk);
			next = chunk + 1;
		}
	}
	return ret;
}

static int round_trip(struct migrating *g)
{
	int64_t dirty;
	int ret = write_dirty(g);

	note_faults(g, &g->cost->faults);
	if (!ret)
		ret = read_behind(g);
	note_faults(g, &g->cost->read_faults);
	if (ret)
		return ret;
	dirty = s2_vm_log_get(g->vm, g->cpu, g->slot);
	if (dirty < 0)
		return (int)dirty;
	if (!g->mig->manual)
		g->cost->clears += dirty > 0;
	note_clear(g);
	return g->mig->manual ? clear_dirty(g) : 0;
}

static int migrate(struct migrating *g)
{
	/* Mapped before, writable; none of that is a cost of migration. */
	int ret = g->mig->mapped ? write_slot(g) : write_dirty(g);

	lap(g);
	memset(&g->flushed, 0, sizeof(g->flushed));
	if (!ret)
		ret = start_log(g);
	if (!ret && g->mig->initially_set)
		ret = clear_all(g);
	for (uint64_t i = 0; !ret && i < g->mig->rounds; i++)
		ret = round_trip(g);
	return ret;
}

/* ---- setting up ---- */

static int migrate_make_machine(struct migrating *g, const struct s2_features *features,
				const struct s2_flavour *flavour)
{
	/* One more than vcpus: the VMM's thread runs beside them. */
	const struct s2_machine_config mc = {.features = *features,
					     .cpus = (unsigned)g->mig->vcpus + 1};
	int ret = s2_machine_create(&mc, &g->m);

	if (!ret)
		ret = s2_vm_prepare(g->m, flavour);
	if (ret)
		return ret;
	g->cpu = s2_machine_cpu(g->m, (unsigned)g->mig->vcpus);
	return s2_vmids_create(g->m, &g->vmids);
}

static int add_vcpus(struct migrating *g)
{
	int ret = 0;

	for (int i = 0; ret >= 0 && i < (int)g->mig->vcpus; i++) {
		ret = s2_vm_add_vcpu(g->vm);
		if (ret >= 0)
			ret = s2_vcpu_load(s2_vm_vcpu(g->vm, i), s2_machine_cpu(g->m, (unsigned)i));
	}
	return ret < 0 ? ret : 0;
}

static int migrate_make_vm(struct migrating *g, const struct s2_flavour *flavour)
{
	const struct s2_migrate *mig = g->mig;
	const struct s2_vm_config vc = {
		.flavour = flavour,
		.ipa_bits =
			mig->ipa_bits ? (unsigned)mig->ipa_bits : s2_migrate_ipa_bits(mig->slot),
		.vmids = g->vmids,
		.split_chunk = mig->split,
		.manual_protect = mig->manual,
		.initially_set = mig->initially_set,
	};
	const struct s2_slot_config ram = {
		.ipa = {S2_MIGRATE_BASE},
		.size = mig->slot,
		.hva = {MIGRATE_HVA + S2_MIGRATE_BASE},
		.pa = {S2_MIGRATE_BASE},
		.backing = mig->backing,
		.populated = true,
	};
	int ret = s2_vm_create(g->m, &vc, &g->vm);

	if (ret)
		return ret;
	g->slot = s2_vm_add_slot(g->vm, &ram);
	if (g->slot < 0)
		return g->slot;
	s2_mmu_watch_flushes(s2_vm_mmu(g->vm), note_flush, g);
	return add_vcpus(g);
}

/* Who watches is shown vcpus that run all the while, and may hold what any of them has mapped. */
static int enter_all(struct migrating *g)
{
	int ret = 0;

	for (int i = 0; !ret && g->mig->judge && i < (int)g->mig->vcpus; i++)
		ret = s2_vcpu_enter(s2_vm_vcpu(g->vm, i));
	return ret;
}

static void sum_up_vcpus(struct migrating *g)
{
	struct s2_migrate_cost *c = g->cost;

	for (uint64_t i = 0; i < g->mig->vcpus; i++) {
		c->vcpu_flushes += g->vcpu_flushes[i];
		if (g->vcpu_flushes[i] > c->vcpu_flushes_max)
			c->vcpu_flushes_max = g->vcpu_flushes[i];
	}
}

static void migrate_clear(struct migrating *g)
{
	s2_judge_end(g->mig->judge);
	s2_vm_free(g->vm);
	s2_vmids_free(g->vmids);
	s2_machine_destroy(g->m);
	s2_migrate_tlb_free(&g->tlb);
	free(g->vcpu_flushes);
	free(g->extents);
}

int s2_migrate_run(const struct s2_migrate *mig, const struct s2_features *features,
		   const struct s2_flavour *flavour, struct s2_migrate_cost *cost,
		   struct s2_error *err)
{
	struct migrating g = {.mig = mig, .cost = cost, .page_shift = features->granule};
	int ret;

	memset(cost, 0, sizeof(*cost));
	g.pages = mig->slot >> g.page_shift;
	g.vcpu_flushes = calloc((size_t)mig->vcpus, sizeof(*g.vcpu_flushes));
	ret = g.vcpu_flushes ? make_extents(&g) : -ENOMEM;
	if (!ret && has_tlb(&g))
		ret = s2_migrate_tlb_init(&g.tlb, mig, features);
	if (!ret)
		ret = migrate_make_machine(&g, features, flavour);
	if (!ret)
		ret = s2_judge_attach(mig->judge, g.m);
	if (!ret)
		ret = migrate_make_vm(&g, flavour);
	if (!ret)
		ret = enter_all(&g);
	if (!ret)
		ret = migrate(&g);
	if (ret) {
		s2_error_set(err, 1, "migrate: %s", strerror(-ret));
	} else {
		cost->flush_work = (double)cost->calls + mig->range_op * (double)cost->range_ops;
		cost->work = cost->flush_work + mig->ratio * cost->refills;
		cost->longest_lock = s2_vm_longest_lock(g.vm);
		sum_up_vcpus(&g);
	}
	migrate_clear(&g);
	return ret;
}
