/* SPDX-License-Identifier: MIT */
/*
 * Page tables against a naive model: an array with one record a page.
 *
 * Random programs run on the tables and on the model.  After each operation
 * every page is looked up and compared, every table page's references are
 * counted, what is live is what can be reached, and every translation that was
 * taken away has been flushed, with a right hint.  A program that differs is
 * made as short as dropping operations can make it, and printed.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "hyp/stage2/naive_model.h"
#include "hyp/stage2/walk.h"

#define MAX_OPS	 20
#define N_PLACES 6
/* Programs for each shape; S2_TEST_PROGRAMS in the environment asks for another number. */
#define PROGRAMS     10
#define BIG_PROGRAMS 2

static const char *const kind_names[N_KINDS] = {"map",	   "unmap", "wrprotect", "relax",
						"mkyoung", "age",   "flush",	 "split"};

struct shape {
	const char *spec;
	const char *flavour;
	unsigned ipa_bits;
	bool big; /* a window with room for 1 GiB blocks */
};

/* Marks what a flush call reaches; @level is its hint. */
static void hit_ipa(struct rig *r, uint64_t ipa, int level)
{
	uint64_t page = (ipa - r->base) >> r->geo->page_shift;

	if (ipa < r->base || page >= r->n_pages) {
		differ(r, "a flush outside of the window", page);
		return;
	}
	r->hit[page] = 1;
	/* A block that was split to smaller ones may be split on at their level. */
	if (level != S2_TTL_UNKNOWN && r->kind != SPLIT &&
	    !(r->before[page].valid && r->before[page].level == level))
		differ(r, "a hint that is not the leaf's level", page);
}

static void on_flush(void *arg, const struct s2_flush_call *call)
{
	struct rig *r = arg;

	switch (call->kind) {
	case S2_FLUSH_VMID:
		r->hit_all = true;
		break;
	case S2_FLUSH_VMID_IPA:
	case S2_FLUSH_VMID_IPA_NSH:
		for (uint64_t i = 0; i < call->repeat; i++)
			hit_ipa(r, call->ipa.v + i * call->step, call->level);
		break;
	case S2_FLUSH_VMID_RANGE:
		for (uint64_t k = 0; k < call->repeat; k++)
			for (uint64_t i = 0; i < call->pages; i++)
				hit_ipa(r, call->ipa.v + k * call->step + (i << r->geo->page_shift),
					S2_TTL_UNKNOWN);
		break;
	default:
		differ(r, "an unexpected flush", 0);
	}
}

static int tables_do(struct rig *r, const struct op *op, bool *young)
{
	uint64_t ipa = r->base + (op->first << r->geo->page_shift);
	uint64_t pa = op->pa + (op->first << r->geo->page_shift);
	struct s2_range range = s2_range(ipa, op->n << r->geo->page_shift);
	struct s2_memcache mc = {op->mc};

	switch (op->kind) {
	case MAP:
		return s2_pgtable_map(r->mmu, r->cpu, range, s2_pa(pa), op->prot, NULL, op->flags);
	case UNMAP:
		return s2_pgtable_unmap(r->mmu, r->cpu, range);
	case WRPROTECT:
		return s2_pgtable_wrprotect(r->mmu, r->cpu, range);
	case RELAX:
		return s2_pgtable_relax_perms(r->mmu, r->cpu, s2_ipa(ipa), op->prot);
	case MKYOUNG:
		return s2_pgtable_mkyoung(r->mmu, r->cpu, s2_ipa(ipa));
	case AGE:
		return s2_pgtable_test_clear_young(r->mmu, r->cpu, range, op->mc != 0, young);
	case FLUSH:
		return s2_pgtable_flush(r->mmu, r->cpu, range);
	default:
		return s2_pgtable_split(r->mmu, r->cpu, range, op->mc == MC_NO_LIMIT ? NULL : &mc);
	}
}

static uint64_t check_table(struct rig *r, const struct s2_table *table, int level)
{
	uint64_t counted = 0, pages = 1;

	for (unsigned i = 0; i < s2_table_entries(r->geo); i++) {
		s2_pte pte = table->entries[i];

		counted += pte != 0;
		if (pte && !s2_pte_valid(pte))
			differ(r, "an invalid entry was left", i);
		r->leaves[level] += s2_pte_is_leaf(pte, level);
		if (s2_pte_is_table(pte, level)) {
			const struct s2_table *child = s2_follow(r->mmu, pte);

			if (child)
				pages += check_table(r, child, level + 1);
			else
				differ(r, "an entry points to a page that is not live", i);
		}
	}
	if (table->refs != 1 + counted)
		differ(r, "references are not 1 + counted entries", table->refs);
	return pages;
}

static void check_tree(struct rig *r)
{
	uint64_t pages = 0, live, held;

	memset(r->leaves, 0, sizeof(r->leaves));
	for (unsigned i = 0; i < r->geo->root_pages; i++)
		pages += check_table(r, &r->mmu->root[i], r->geo->start_level);
	s2_machine_table_memory(r->machine, &live, &held);
	if (live != pages << r->geo->page_shift)
		differ(r, "live table pages cannot all be reached", live >> r->geo->page_shift);
}

static bool page_agrees(const struct page *p, const struct s2_leaf *leaf, unsigned prot,
			uint64_t pa)
{
	if (!s2_pte_valid(leaf->pte))
		return !p->valid;
	return p->valid && p->level == leaf->level && p->pa == pa && p->prot == prot &&
	       p->af == s2_pte_accessed(leaf->pte);
}

static void check_pages(struct rig *r)
{
	uint64_t leaves[S2_LAST_LEVEL + 1] = {0};

	for (uint64_t page = 0; page < r->n_pages;) {
		uint64_t ipa = r->base + (page << r->geo->page_shift), end;
		struct s2_leaf leaf;
		unsigned prot;

		if (s2_pgtable_lookup(r->mmu, NULL, s2_ipa(ipa), &leaf)) {
			differ(r, "lookup fails", page);
			return;
		}
		end = (ipa | (s2_level_size(r->geo, leaf.level) - 1)) + 1 - r->base;
		end >>= r->geo->page_shift;
		prot = s2_pte_prot(leaf.pte, &r->mmu->fmt);
		leaves[leaf.level] += s2_pte_valid(leaf.pte);
		for (; page < end && page < r->n_pages; page++) {
			if (!page_agrees(&r->now[page], &leaf, prot, leaf.pa.v))
				differ(r, "tables and model disagree", page);
			leaf.pa.v += s2_page_size(r->geo);
		}
	}
	for (int level = 0; level <= S2_LAST_LEVEL; level++)
		if (r->leaves[level] != leaves[level])
			differ(r, "a leaf outside of the window at level", (uint64_t)level);
}

/* Whether a TLB may not go on using @was now that it is @is. */
static bool stale(const struct rig *r, const struct page *was, const struct page *is)
{
	if (!is->valid || was->pa != is->pa || was->level != is->level)
		return true;
	if ((was->prot ^ is->prot) & ~(unsigned)PERMS)
		return true;
	return r->kind != WRPROTECT && (was->prot & ~is->prot & PERMS);
}

static void check_flushed(struct rig *r)
{
	for (uint64_t page = 0; page < r->n_pages && !r->hit_all;) {
		uint64_t n = r->before[page].valid ? level_pages(r, r->before[page].level) : 1;
		bool needed = false, flushed = false;

		for (uint64_t i = page; r->before[page].valid && i < page + n; i++) {
			needed |= stale(r, &r->before[i], &r->now[i]);
			flushed |= r->hit[i];
		}
		if (needed && !flushed)
			differ(r, "a translation that is gone was not flushed", page);
		page += n;
	}
}

/* Watched: something hears of each flush; else only counts are kept. */
static void rig_up(struct rig *r, const struct shape *shape, uint64_t place, uint64_t run_limit,
		   bool watched)
{
	struct s2_machine_config cfg = {.cpus = 1, .run_limit = run_limit};
	struct s2_mmu_config mmu = {.ipa_bits = shape->ipa_bits, .vmid = {1}};
	uint64_t span, bytes, limit;

	memset(r, 0, sizeof(*r));
	assert_i64(s2_features_parse(shape->spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->machine), 0);
	mmu.flavour = r->flavour = s2_flavour_find(shape->flavour);
	assert_i64(s2_mmu_create(r->machine, &mmu, &r->mmu), 0);
	r->cpu = s2_machine_cpu(r->machine, 0);
	r->geo = s2_mmu_geometry(r->mmu);
	if (watched)
		s2_mmu_watch_flushes(r->mmu, on_flush, r);
	r->hit_all = !watched;
	span = s2_level_size(r->geo, shape->big ? 1 : 2);
	r->n_pages = (shape->big ? 2 : 3) * span >> r->geo->page_shift;
	bytes = r->n_pages << r->geo->page_shift;
	limit = s2_ipa_limit(r->geo);
	/* Low, in the middle (where root pages meet), or at the very end. */
	if (place % 3 == 1)
		r->base = limit / 2 - span;
	else if (place % 3 == 2)
		r->base = limit - bytes;
	r->now = calloc(r->n_pages, sizeof(*r->now));
	r->before = calloc(r->n_pages, sizeof(*r->before));
	r->hit = calloc(r->n_pages, 1);
	assert_true(r->now && r->before && r->hit);
}

static void rig_down(struct rig *r)
{
	uint64_t live, held;

	s2_mmu_free(r->mmu);
	s2_machine_table_memory(r->machine, &live, &held);
	assert_u64(live, 0);
	s2_machine_destroy(r->machine);
	free(r->now);
	free(r->before);
	free(r->hit);
}

static void call_both(struct rig *r, const struct op *op)
{
	bool young = false, expected_young = op->kind == AGE && model_young(r, op);
	int expected = model_do(r, op), ret = tables_do(r, op, &young);

	if (ret != expected)
		differ(r, "another result", (uint64_t)-ret);
	if (young != expected_young)
		differ(r, "young", young);
}

static void step(struct rig *r, const struct op *op, bool watched)
{
	struct op page = *op;

	memcpy(r->before, r->now, r->n_pages * sizeof(*r->now));
	memset(r->hit, 0, r->n_pages);
	r->hit_all = !watched;
	r->kind = op->kind;
	page.n = 1;
	if (!op->each)
		call_both(r, op);
	for (; op->each && page.first < op->first + op->n; page.first++)
		call_both(r, &page);
	check_tree(r);
	check_pages(r);
	check_flushed(r);
}

/* Where mappings go: what is congruent to what, and where high address bits change. */
static uint64_t pa_place(const struct rig *r, uint64_t which)
{
	const uint64_t gib = UINT64_C(1) << 30, low = 4 * gib;
	uint64_t page = s2_page_size(r->geo), block = s2_level_size(r->geo, 2);
	uint64_t top = r->mmu->fmt.lpa2 ? UINT64_C(1) << 50 : UINT64_C(1) << 48;
	uint64_t places[N_PLACES] = {low,	  low + 8 * gib,  low + page,
				     low + block, low + 16 * gib, low + 5 * page};

	if (r->geo->pa_bits == 52) {
		places[4] = top - block;
		places[5] = top - 5 * page;
	}
	return places[which];
}

static void random_span(const struct rig *r, struct s2_test_rng *rng, struct op *op)
{
	uint64_t block = level_pages(r, 2), huge = r->n_pages / 2;

	switch (s2_test_rng_below(rng, 6)) {
	case 0:
		op->first = s2_test_rng_below(rng, r->n_pages);
		op->n = 1;
		break;
	case 1:
		op->first = s2_test_rng_below(rng, r->n_pages - 16);
		op->n = 1 + s2_test_rng_below(rng, 16);
		break;
	case 2:
		op->first = s2_test_rng_below(rng, r->n_pages / block) * block;
		op->n = block;
		break;
	case 3:
		op->first = s2_test_rng_below(rng, r->n_pages);
		op->n = 1 + s2_test_rng_below(rng, r->n_pages - op->first);
		break;
	case 4:
		op->first = 0;
		op->n = r->n_pages;
		break;
	default:
		op->first = s2_test_rng_below(rng, 2) * huge & ~(block - 1);
		op->n = huge & ~(block - 1);
	}
}

static struct op random_op(const struct rig *r, struct s2_test_rng *rng)
{
	static const unsigned prots[] = {
		S2_PROT_R, S2_PROT_R | S2_PROT_W,      S2_PROT_R | S2_PROT_X,
		PERMS,	   S2_PROT_R | S2_PROT_DEVICE, S2_PROT_R | S2_PROT_W | S2_PROT_NORMAL_NC};
	static const uint64_t caches[] = {0, 1, 2, 5, 513, 600, MC_NO_LIMIT};
	uint64_t dice = s2_test_rng_below(rng, 14);
	struct op op = {.kind = dice < 7 ? MAP : (enum op_kind)(dice - 6)};

	random_span(r, rng, &op);
	op.prot = prots[s2_test_rng_below(rng, ARRAY_SIZE(prots))];
	op.pa = pa_place(r, s2_test_rng_below(rng, N_PLACES));
	op.flags = (unsigned)s2_test_rng_below(rng, 8);
	/* Mostly blocks where they can be. */
	if (s2_test_rng_below(rng, 4))
		op.flags &= ~(unsigned)S2_MAP_FORCE_PTE;
	if (op.kind == SPLIT)
		op.mc = caches[s2_test_rng_below(rng, ARRAY_SIZE(caches))];
	if (op.kind == AGE)
		op.mc = s2_test_rng_below(rng, 2);
	if (op.n <= 512)
		op.each = s2_test_rng_below(rng, 2);
	return op;
}

static struct {
	uint64_t programs, ops;
} done;

static void check_same_counts(struct rig *r, const struct rig *other)
{
	struct s2_counts a = s2_machine_counts(r->machine), b = s2_machine_counts(other->machine);

	for (int op = 0; op < S2_OP_COUNT; op++)
		if (a.n[op] != b.n[op] && !r->why[0])
			snprintf(r->why, sizeof(r->why), "%s counted %" PRIu64 ", watched %" PRIu64,
				 s2_op_name((enum s2_op)op), b.n[op], a.n[op]);
}

/*
 * Runs a program watched and with the run limit, and beside it with neither:
 * nothing but the order of delivery may tell them apart.
 * @return false and why if a step differs; the steps before it are fine.
 */
static bool program_passes(const struct shape *shape, uint64_t place, uint64_t run_limit,
			   const struct op *ops, size_t n, char why[256])
{
	struct rig r, plain;

	rig_up(&r, shape, place, run_limit, true);
	rig_up(&plain, shape, place, 0, false);
	for (size_t i = 0; i < n && !r.why[0] && !plain.why[0]; i++) {
		step(&r, &ops[i], true);
		step(&plain, &ops[i], false);
		check_same_counts(&r, &plain);
	}
	if (!r.why[0] &&
	    (s2_pgtable_destroy(r.mmu, r.cpu) || s2_pgtable_destroy(plain.mmu, plain.cpu)))
		differ(&r, "destroy fails", 0);
	check_same_counts(&r, &plain);
	if (plain.why[0])
		snprintf(r.why, sizeof(r.why), "unwatched: %.200s", plain.why);
	memcpy(why, r.why, sizeof(r.why));
	rig_down(&r);
	rig_down(&plain);
	return !why[0];
}

/* Drops what can be dropped, prints the rest, fails. */
static void report(const struct shape *shape, uint64_t place, uint64_t run_limit, struct op *ops,
		   size_t n)
{
	char why[256], last[256] = "";

	for (size_t i = n; i-- > 0;) {
		struct op shorter[MAX_OPS];

		memcpy(shorter, ops, i * sizeof(*ops));
		memcpy(shorter + i, ops + i + 1, (n - i - 1) * sizeof(*ops));
		if (!program_passes(shape, place, run_limit, shorter, n - 1, why))
			memcpy(ops, shorter, --n * sizeof(*ops));
	}
	(void)program_passes(shape, place, run_limit, ops, n, last);
	print_error("%s %s ipa %u place %" PRIu64 " run limit %" PRIu64 ": %s\n", shape->spec,
		    shape->flavour, shape->ipa_bits, place % 3, run_limit, last);
	for (size_t i = 0; i < n; i++)
		print_error("  %s pages %" PRIu64 "+%" PRIu64 " pa 0x%" PRIx64
			    " prot %#x flags %#x mc %" PRId64 "%s\n",
			    kind_names[ops[i].kind], ops[i].first, ops[i].n, ops[i].pa, ops[i].prot,
			    ops[i].flags, (int64_t)ops[i].mc, ops[i].each ? " page by page" : "");
	fail_msg("tables and model differ");
}

static void run_program(const struct shape *shape, struct s2_test_rng *rng, size_t n)
{
	uint64_t place = s2_test_rng_below(rng, 3);
	uint64_t run_limit = s2_test_rng_below(rng, 3) * 7 % 15; /* none, 7, 14 */
	struct op ops[MAX_OPS] = {0};
	char why[256];
	struct rig r;

	rig_up(&r, shape, place, run_limit, false);
	for (size_t i = 0; i < n; i++)
		ops[i] = random_op(&r, rng);
	rig_down(&r);
	done.programs++;
	done.ops += n;
	if (!program_passes(shape, place, run_limit, ops, n, why))
		report(shape, place, run_limit, ops, n);
}

/* Every granule, start level, number of root pages, descriptor layout and flavour. */
static const struct shape shapes[] = {
	{"max", "kvm-6.12", 52, false},
	{"max", "kvm-6.12", 40, false},
	{"max", "kvm-6.12", 48, false},
	{"max,-fwb", "kvm-6.12", 44, false},
	{"max,-tlbirange,-vhe", "kvm-6.12", 43, false},
	{"max", "kvm-6.1", 40, false},
	{"max,-lpa2,pa=48", "kvm-6.12", 36, false},
	{"cortex-a55", "kvm-6.12", 32, false},
	{"cortex-a55", "kvm-7.2", 39, false},
	{"cortex-a72", "kvm-6.1", 40, false},
	{"neoverse-n2", "kvm-6.12", 40, false},
	{"max,granule=16k", "kvm-6.12", 52, false},
	{"max,granule=16k", "kvm-6.12", 51, false},
	{"max,granule=16k,-fwb", "kvm-7.2", 39, false},
	{"max,granule=16k,-fwb", "kvm-6.12", 40, false},
	{"max,-lpa2,pa=48,granule=16k", "kvm-6.1", 48, false},
	{"cortex-a55,granule=16k", "kvm-6.12", 36, false},
	{"max,granule=64k", "kvm-6.12", 52, false},
	{"max,granule=64k", "kvm-7.2", 46, false},
	{"max,granule=64k,-fwb", "kvm-6.1", 42, false},
	{"cortex-a55,granule=64k", "kvm-6.12", 40, false},
};

static const struct shape big_shapes[] = {
	{"max", "kvm-6.12", 52, true},
	{"max", "kvm-6.12", 36, true},
	{"max,-fwb,-tlbirange", "kvm-6.12", 40, true},
	{"neoverse-v1", "kvm-7.2", 40, true},
	{"cortex-a55", "kvm-6.1", 40, true},
	{"max,-lpa2,pa=48", "kvm-6.1", 48, true},
};

static unsigned long programs(unsigned long n)
{
	const char *wanted = getenv("S2_TEST_PROGRAMS");

	return wanted ? strtoul(wanted, NULL, 10) : n;
}

static void random_programs_leave_what_the_model_has(void **state)
{
	struct s2_test_rng rng = {1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (unsigned long k = programs(PROGRAMS); k > 0; k--)
			run_program(&shapes[i], &rng, MAX_OPS);
}

static void random_programs_with_1g_blocks_leave_what_the_model_has(void **state)
{
	struct s2_test_rng rng = {2};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(big_shapes); i++)
		for (unsigned long k = programs(BIG_PROGRAMS); k > 0; k--)
			run_program(&big_shapes[i], &rng, 12);
}

static int print_done(void **state)
{
	(void)state;
	print_message("%" PRIu64 " programs, %" PRIu64 " operations\n", done.programs, done.ops);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(random_programs_leave_what_the_model_has),
		s2_unit_test(random_programs_with_1g_blocks_leave_what_the_model_has),
	};

	return cmocka_run_group_tests_name("pgtable_model", tests, NULL, print_done);
}
