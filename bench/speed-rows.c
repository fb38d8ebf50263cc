/* SPDX-License-Identifier: MIT */
/* What s2-speed times: each row's work, what comes before it, and the floor's counterpart. */
#include "speed-rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "hyp/stage2/table_index.h"

#define PAGE  SPEED_PAGE
#define GIB   (UINT64_C(1) << 30)
#define BLOCK SPEED_BLOCK
#define BASE  GIB
#define RW    (S2_PROT_R | S2_PROT_W)

/* Translations that are looked up in the TLB: half as many as it holds by default. */
#define TLB_PAGES UINT64_C(512)
/* Pages that move about in the break-before-make row: 64 tables of them. */
#define BBM_PAGES  (UINT64_C(64) * 512)
#define BBM_EVENTS 8U /* of one of them */

void speed_ensure(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "s2-speed: %s failed\n", what);
	exit(2);
}

static struct s2_range page_at(uint64_t i)
{
	return s2_range(BASE + i * PAGE, PAGE);
}

static struct s2_range everything(const struct speed_rig *r)
{
	return s2_range(BASE, r->pages * PAGE);
}

static int map_at(struct speed_rig *r, struct s2_range range)
{
	return s2_pgtable_map(r->mmu, r->cpu, range, s2_pa(range.ipa.v), RW, NULL, S2_MAP_FAULT);
}

/* ---- ours ---- */

void speed_map_each(struct speed_rig *r)
{
	int ret = 0;

	for (uint64_t i = 0; i < r->pages; i++)
		ret |= map_at(r, page_at(i));
	speed_ensure(!ret, "map");
}

static void map_random(struct speed_rig *r)
{
	int ret = 0;

	for (uint64_t i = 0; i < r->pages; i++)
		ret |= map_at(r, page_at(speed_scatter(i, r->pages)));
	speed_ensure(!ret, "map");
}

void speed_map_range(struct speed_rig *r)
{
	speed_ensure(!s2_pgtable_map(r->mmu, r->cpu, everything(r), s2_pa(BASE), RW, NULL,
				     S2_MAP_FORCE_PTE),
		     "map");
}

static void map_blocks(struct speed_rig *r)
{
	int ret = 0;

	for (uint64_t i = 0; i < r->pages; i += BLOCK / PAGE)
		ret |= map_at(r, s2_range(BASE + i * PAGE, BLOCK));
	speed_ensure(!ret, "map");
}

void speed_unmap_each(struct speed_rig *r)
{
	int ret = 0;

	for (uint64_t i = 0; i < r->pages; i++)
		ret |= s2_pgtable_unmap(r->mmu, r->cpu, page_at(i));
	speed_ensure(!ret, "unmap");
}

void speed_unmap_range(struct speed_rig *r)
{
	speed_ensure(!s2_pgtable_unmap(r->mmu, r->cpu, everything(r)), "unmap");
}

static void wrprotect(struct speed_rig *r)
{
	speed_ensure(!s2_pgtable_wrprotect(r->mmu, r->cpu, everything(r)), "wrprotect");
}

static void flush(struct speed_rig *r)
{
	speed_ensure(!s2_pgtable_flush(r->mmu, r->cpu, everything(r)), "flush");
}

static void destroy(struct speed_rig *r)
{
	speed_ensure(!s2_pgtable_destroy(r->mmu, r->cpu), "destroy");
}

static void split(struct speed_rig *r)
{
	speed_ensure(!s2_pgtable_split(r->mmu, r->cpu, everything(r), NULL), "split");
}

static void lookup(struct speed_rig *r)
{
	struct s2_leaf leaf;

	for (uint64_t i = 0; i < r->pages; i++) {
		s2_pgtable_lookup(r->mmu, NULL, page_at(speed_scatter(i, r->pages)).ipa, &leaf);
		r->sink += leaf.pa.v;
	}
}

/* ---- the floor's counterparts ---- */

static void floor_map_each(struct speed_rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		floor_map(r->floor, i);
}

static void floor_map_random(struct speed_rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		floor_map(r->floor, speed_scatter(i, r->pages));
}

static void floor_map_all(struct speed_rig *r)
{
	floor_map_range(r->floor, r->pages);
}

static void floor_unmap_each(struct speed_rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		floor_unmap(r->floor, i);
}

static void floor_unmap_all(struct speed_rig *r)
{
	floor_unmap_range(r->floor, r->pages);
}

static void floor_wrprotect_all(struct speed_rig *r)
{
	r->sink += floor_wrprotect(r->floor, r->pages);
}

static void floor_flush_all(struct speed_rig *r)
{
	r->sink += floor_count(r->floor, r->pages);
}

/* A walk that reads the entries it puts, as the kernel's does. */
static void floor_destroy_all(struct speed_rig *r)
{
	r->sink += floor_count(r->floor, r->pages);
	floor_clear(r->floor);
}

static void floor_lookup(struct speed_rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		r->sink += floor_get(r->floor, speed_scatter(i, r->pages));
}

static void nothing(struct speed_rig *r)
{
	(void)r;
}

/* ---- a VM's faults ---- */

static void vm_up(struct speed_rig *r)
{
	const struct s2_vm_config vm = {.flavour = s2_flavour_find("newest"), .vmids = r->vmids};
	const struct s2_slot_config slot = {.ipa = {BASE},
					    .size = r->pages * PAGE,
					    .hva = {BASE},
					    .pa = {BASE},
					    .backing = PAGE,
					    .populated = true};

	speed_ensure(!s2_vm_create(r->m, &vm, &r->vm) && s2_vm_add_slot(r->vm, &slot) == 0 &&
			     s2_vm_add_vcpu(r->vm) == 0,
		     "VM");
	r->vcpu = s2_vm_vcpu(r->vm, 0);
	speed_ensure(!s2_vcpu_load(r->vcpu, r->cpu), "vcpu load");
}

static void fault_each(struct speed_rig *r)
{
	uint64_t faults = 0;

	for (uint64_t i = 0; i < r->pages; i++)
		faults += (uint64_t)s2_vcpu_access(r->vcpu, page_at(i).ipa, PAGE, S2_ACCESS_WRITE);
	speed_ensure(faults == r->pages, "fault");
}

/* ---- the finite TLB ---- */

static const struct s2_tlb_tag tlb_tag = {S2_TLB_S2_LEAF, {1}, 0};

static void tlb_up(struct speed_rig *r)
{
	const struct s2_tlb_config cfg = s2_tlb_config_default();

	speed_ensure(!s2_tlbs_create(&cfg, 1, 16, &r->tlbs), "TLB");
	for (uint64_t i = 0; i < TLB_PAGES; i++)
		s2_tlb_fill(r->tlbs, 0, &tlb_tag, page_at(i).ipa.v, 12, i);
}

static void tlb_hits(struct speed_rig *r)
{
	uint64_t data = 0, hits = 0;

	for (uint64_t i = 0; i < r->pages; i++) {
		const uint64_t ipa = page_at(speed_scatter(i, TLB_PAGES)).ipa.v;

		hits += s2_tlb_lookup(r->tlbs, 0, &tlb_tag, ipa, &data, NULL);
		r->sink += data;
	}
	speed_ensure(hits == r->pages, "TLB hit");
}

static void floor_tlb_up(struct speed_rig *r)
{
	for (uint64_t i = 0; i < TLB_PAGES; i++)
		floor_tlb_fill(r->floor, i, i);
}

static void floor_tlb_hits(struct speed_rig *r)
{
	for (uint64_t i = 0; i < r->pages; i++)
		r->sink += floor_tlb_get(r->floor, speed_scatter(i, TLB_PAGES));
}

/* ---- the possible TLB ---- */

static void count_event(void *arg, const struct s2_event *event)
{
	*(uint64_t *)arg += event->n_insns;
}

/* Pages mapped one by one, and the CPU as it is within a flush of their VM. */
static void bbm_map(struct speed_rig *r)
{
	speed_ensure(!s2_pgtable_map(r->mmu, r->cpu, s2_range(BASE, BBM_PAGES * PAGE), s2_pa(BASE),
				     RW, NULL, S2_MAP_FORCE_PTE),
		     "map");
	s2_write_sysreg(r->cpu, S2_SYSREG_VTCR_EL2, r->mmu->vtcr);
	s2_write_sysreg(r->cpu, S2_SYSREG_VTTBR_EL2, r->mmu->vttbr);
	s2_write_sysreg(r->cpu, S2_SYSREG_HCR_EL2, S2_HCR_E2H);
	s2_isb(r->cpu);
}

/* What delivering the same events costs when nobody asks what they mean. */
static void floor_bbm_up(struct speed_rig *r)
{
	const struct s2_sink sink = {.event = count_event, .arg = &r->sink};

	bbm_map(r);
	speed_ensure(!s2_machine_add_sink(r->m, &sink), "sink");
}

static void follow(struct speed_rig *r)
{
	const struct s2_physics_config cfg = {.residue = true};

	speed_ensure(!s2_physics_attach(r->m, &cfg, &r->physics) &&
			     !s2_physics_watch(r->physics, r->mmu->vtcr, r->mmu->vttbr),
		     "possible TLB");
}

static void follow_and_map(struct speed_rig *r)
{
	follow(r);
	speed_map_range(r);
}

static void bbm_up(struct speed_rig *r)
{
	speed_ensure(!s2_machine_remove_sink(r->m, &r->sink), "sink");
	follow(r);
}

/* A page moves to another frame, or back: broken, flushed, made. */
static void break_before_make(struct speed_rig *r, struct s2_ipa ipa, struct s2_entry e)
{
	const uint64_t at = e.table->pa + (uint64_t)(e.pte - e.table->entries) * sizeof(s2_pte);
	const s2_pte moved = *e.pte ^ UINT64_C(1) << 40;

	s2_pte_write(r->cpu, at, 0, 0, S2_MEM_PLAIN);
	*e.pte = 0;
	s2_dsb(r->cpu, S2_DSB_ISHST);
	s2_tlbi_ipas2e1is(r->cpu, ipa, S2_LAST_LEVEL);
	s2_dsb(r->cpu, S2_DSB_ISH);
	s2_tlbi_vmalle1is(r->cpu);
	s2_dsb(r->cpu, S2_DSB_ISH);
	s2_isb(r->cpu);
	s2_pte_write(r->cpu, at, moved, 0, S2_MEM_RELEASE);
	*e.pte = moved;
}

static void bbm_each(struct speed_rig *r)
{
	for (uint64_t i = 0; i < r->pages / BBM_EVENTS; i++) {
		const struct s2_ipa ipa = page_at(i % BBM_PAGES).ipa;
		struct s2_entry e;

		if (s2_index_find(r->mmu, ipa.v, &e))
			break_before_make(r, ipa, e);
	}
}

static void bbm_sound(struct speed_rig *r)
{
	bbm_each(r);
	speed_ensure(!s2_physics_error(r->physics) &&
			     !s2_residue_count(r->physics, s2_mmu_vmid(r->mmu)),
		     "break-before-make");
}

/* ---- memory ---- */

/* All of it may be in a TLB in two ways: as it was, and write-protected. */
static void protect_all(struct speed_rig *r)
{
	speed_map_range(r);
	follow(r);
	wrprotect(r);
}

static double besides_tables(struct speed_rig *r)
{
	uint64_t live, held;

	s2_machine_table_memory(r->m, &live, &held);
	return 100.0 *
	       (double)(s2_residue_footprint(r->physics) + s2_tablemem_overhead(r->m->tables) +
			s2_index_footprint(r->mmu)) /
	       (double)live;
}

/* The floor starts from the same state by its own means. */
const struct speed_row speed_rows[] = {
	{.name = "map, a call a page",
	 .about = "upwards, as a guest that faults its memory in",
	 .kind = SPEED_RATIO,
	 .goal = 2,
	 .prepare = nothing,
	 .ours = speed_map_each,
	 .floor_prepare = nothing,
	 .floor = floor_map_each},
	{.name = "map, random order",
	 .about = "each page once, far from the last",
	 .kind = SPEED_RATIO,
	 .goal = 1.6,
	 .prepare = nothing,
	 .ours = map_random,
	 .floor_prepare = nothing,
	 .floor = floor_map_random},
	{.name = "map a range",
	 .about = "all pages by one call",
	 .kind = SPEED_RATIO,
	 .goal = 2,
	 .prepare = nothing,
	 .ours = speed_map_range,
	 .floor_prepare = nothing,
	 .floor = floor_map_all},
	{.name = "unmap, a call a page",
	 .about = "upwards; a flush by IPA is counted for each",
	 .kind = SPEED_RATIO,
	 .goal = 2,
	 .prepare = speed_map_range,
	 .ours = speed_unmap_each,
	 .floor_prepare = floor_map_all,
	 .floor = floor_unmap_each},
	{.name = "unmap a range",
	 .about = "all by one call, the same counts",
	 .kind = SPEED_RATIO,
	 .goal = 2,
	 .prepare = speed_map_range,
	 .ours = speed_unmap_range,
	 .floor_prepare = floor_map_all,
	 .floor = floor_unmap_all},
	{.name = "write-protect a range",
	 .about = "by one call; the floor reads and writes each entry",
	 .kind = SPEED_RATIO,
	 .goal = 2,
	 .prepare = speed_map_range,
	 .ours = wrprotect,
	 .floor_prepare = floor_map_all,
	 .floor = floor_wrprotect_all},
	{.name = "flush a range",
	 .about = "64 lines counted a page; the floor reads each entry",
	 .kind = SPEED_RATIO,
	 .goal = 2,
	 .prepare = speed_map_range,
	 .ours = flush,
	 .floor_prepare = floor_map_all,
	 .floor = floor_flush_all},
	{.name = "destroy",
	 .about = "every table put and freed",
	 .kind = SPEED_RATIO,
	 .goal = 2,
	 .prepare = speed_map_range,
	 .ours = destroy,
	 .floor_prepare = floor_map_all,
	 .floor = floor_destroy_all},
	{.name = "split 2 MiB to 4 KiB",
	 .about = "eager split of blocks; the floor maps the pages",
	 .kind = SPEED_RATIO,
	 .goal = 2,
	 .prepare = map_blocks,
	 .ours = split,
	 .floor_prepare = nothing,
	 .floor = floor_map_all},
	{.name = "look-up, random",
	 .about = "kvm_pgtable_get_leaf(), uncounted",
	 .kind = SPEED_RATIO,
	 .goal = 1.5,
	 .prepare = speed_map_range,
	 .ours = lookup,
	 .floor_prepare = floor_map_all,
	 .floor = floor_lookup},
	{.name = "fault in, a page at a time",
	 .about = "s2_vcpu_access() of a vcpu, from exit to entry; the floor only maps",
	 .kind = SPEED_RATIO,
	 .goal = 2.4,
	 .prepare = vm_up,
	 .ours = fault_each,
	 .floor_prepare = nothing,
	 .floor = floor_map_each},
	{.name = "TLB hit",
	 .about = "finite TLB of 256 sets of 4, half full; the floor is tags and data alone",
	 .kind = SPEED_NS,
	 .goal = 5,
	 .prepare = tlb_up,
	 .ours = tlb_hits,
	 .floor_prepare = floor_tlb_up,
	 .floor = floor_tlb_hits},
	{.name = "map a range, followed",
	 .about = "the same, followed by the possible TLB",
	 .kind = SPEED_RATIO,
	 .goal = 6,
	 .prepare = follow,
	 .ours = speed_map_range,
	 .floor_prepare = nothing,
	 .floor = floor_map_all},
	{.name = "unmap a range, followed",
	 .about = "the same, leaf by leaf with a TLBI for each, followed likewise",
	 .kind = SPEED_RATIO,
	 .goal = 6,
	 .prepare = follow_and_map,
	 .ours = speed_unmap_range,
	 .floor_prepare = floor_map_all,
	 .floor = floor_unmap_all},
	{.name = "map a range, judged",
	 .about = "under the oracle, all rules; the floor is the same without",
	 .kind = SPEED_RATIO,
	 .goal = 3,
	 .prepare = speed_judge,
	 .ours = speed_map_range_judged,
	 .floor_prepare = nothing,
	 .floor = speed_map_range},
	{.name = "unmap a range, judged",
	 .about = "likewise",
	 .kind = SPEED_RATIO,
	 .goal = 3,
	 .prepare = speed_judge_and_map,
	 .ours = speed_unmap_range_judged,
	 .floor_prepare = speed_map_range,
	 .floor = speed_unmap_range},
	{.name = "map, a call a page, judged",
	 .about = "likewise",
	 .kind = SPEED_RATIO,
	 .goal = 3,
	 .prepare = speed_judge,
	 .ours = speed_map_each_judged,
	 .floor_prepare = nothing,
	 .floor = speed_map_each},
	{.name = "unmap, a call a page, judged",
	 .about = "likewise",
	 .kind = SPEED_RATIO,
	 .goal = 3,
	 .prepare = speed_judge_and_map,
	 .ours = speed_unmap_each_judged,
	 .floor_prepare = speed_map_range,
	 .floor = speed_unmap_each},
	{.name = "break-before-make events",
	 .about = "8 a moved page, followed by the possible TLB; the floor's sink counts them",
	 .kind = SPEED_RATE,
	 .goal = 100,
	 .prepare = bbm_up,
	 .ours = bbm_sound,
	 .floor_prepare = floor_bbm_up,
	 .floor = bbm_each},
	{.name = "clean 128 GiB of mixed lines",
	 .about = "twice --memory, scaled; the floor reads and writes a byte a page",
	 .kind = SPEED_MS_128G,
	 .goal = 65,
	 .prepare = speed_lines_up,
	 .ours = speed_lines_flush,
	 .floor_prepare = speed_floor_lines_up,
	 .floor = speed_floor_lines_flush},
	{.name = "clean lines of all possible states",
	 .about = "the same lines, each a set of states; the floor has one version a line",
	 .kind = SPEED_RATIO,
	 .goal = 3,
	 .prepare = speed_possible_up,
	 .ours = speed_lines_flush,
	 .floor_prepare = speed_versions_up,
	 .floor = speed_lines_flush},
	{.name = "memory besides tables",
	 .about = "residue, table metadata, index, with all pages write-protected and unflushed",
	 .kind = SPEED_PERCENT,
	 .goal = 5,
	 .prepare = protect_all,
	 .ours = nothing,
	 .floor_prepare = nothing,
	 .floor = nothing,
	 .measure = besides_tables},
};

const size_t speed_n_rows = sizeof(speed_rows) / sizeof(speed_rows[0]);

void speed_rig_up(struct speed_rig *r, const struct s2_features *features)
{
	const struct s2_machine_config cfg = {.features = *features, .cpus = 1};

	speed_ensure(!s2_machine_create(&cfg, &r->m) && !s2_vmids_create(r->m, &r->vmids),
		     "machine");
	r->cpu = s2_machine_cpu(r->m, 0);
	r->floor = floor_create(r->pages);
	speed_ensure(r->floor != NULL, "floor");
}

static void clear(struct speed_rig *r)
{
	s2_physics_detach(r->physics);
	s2_oracle_detach(r->oracle);
	s2_memory_destroy(r->memory);
	s2_tlbs_destroy(r->tlbs);
	s2_vm_free(r->vm);
	s2_mmu_free(r->mmu);
	r->physics = NULL;
	r->oracle = NULL;
	r->memory = NULL;
	r->tlbs = NULL;
	r->vm = NULL;
	r->mmu = NULL;
}

void speed_rig_down(struct speed_rig *r)
{
	clear(r);
	s2_vmids_free(r->vmids);
	s2_machine_destroy(r->m);
	floor_free(r->floor);
}

void speed_rig_clear(struct speed_rig *r)
{
	const struct s2_mmu_config mmu = {
		.flavour = s2_flavour_find("newest"), .ipa_bits = 40, .vmid = {1}};

	clear(r);
	speed_ensure(!s2_mmu_create(r->m, &mmu, &r->mmu), "MMU");
	floor_clear(r->floor);
}
