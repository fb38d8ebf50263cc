/* SPDX-License-Identifier: MIT */
/*
 * All short cuts at once (calls and faults tallied, tables found by IPA and
 * answered for as a whole, runs) against the algorithms alone: two machines
 * run the same random programs, one of them plain.
 *
 *     bare MMU: every call of pgtable.h    VM: faults, unmaps, the log, toggles
 *            \                              /
 *             two CPUs; sinks, oracles and watchers come and go
 *
 * After each step results, counts, registers, lock holds and, while a sink is
 * there, the events one by one are the same, and what an oracle has counted and
 * found, and may be held by TLBs and lines; at the end so are the tables.
 */
#include "hyp/stage2/shortcuts_rig.h"

/* Which short cuts have been taken at all. */
static struct {
	bool map, unmap, fault, index, unseen;
} taken;

enum op {
	MAP,
	MAP_SOME,
	MAP_RANGE,
	UNMAP,
	UNMAP_SOME,
	UNMAP_RANGE,
	WRPROTECT,
	RELAX,
	YOUNG,
	OLD,
	FLUSH,
	SPLIT,
	LOOKUP,
	TOUCH,
	TOUCH_SOME,
	TOUCH_MANY,
	VM_UNMAP,
	VM_OLD,
	LOG_START,
	LOG_STOP,
	LOG_GET,
	CACHES,
	REMAKE,
	SWAP,
	LOAD,
	REGISTERS,
	SINK,
	ORACLE,
	WATCHERS,
	OPS
};

static const char *const op_names[OPS] = {
	"map",	      "map some",   "map range", "unmap",  "unmap some", "unmap range", "wrprotect",
	"relax",      "young",	    "old",	 "flush",  "split",	 "look up",	"touch",
	"touch some", "touch many", "vm unmap",	 "vm old", "log start",	 "log stop",	"log get",
	"caches",     "remake",	    "swap",	 "load",   "registers",	 "sink",
	"oracle",     "watchers"};

static const unsigned prots[] = {
	S2_PROT_R | S2_PROT_W,
	S2_PROT_R | S2_PROT_W,
	S2_PROT_R | S2_PROT_W,
	S2_PROT_R,
	S2_PROT_R | S2_PROT_X,
	S2_PROT_R | S2_PROT_DEVICE,
	S2_PROT_R | S2_PROT_W | S2_PROT_NORMAL_NC,
};

/* A page of a span: near the ends of its tables, or anywhere. */
static uint64_t page_of(const struct side *s, uint64_t a)
{
	const uint64_t per_table = s->span / TABLES / s->page;

	if (a % 4)
		return (a / 4 % TABLES * per_table + a / 16 % 12) % (TABLES * per_table);
	return a / 4 * 7919 % (TABLES * per_table);
}

/* Pages from there: some, or up to the end of a table, or of the span. */
static uint64_t pages_from(const struct side *s, uint64_t page, uint64_t b)
{
	const uint64_t per_table = s->span / TABLES / s->page, left = TABLES * per_table - page;
	const uint64_t some = 1 + b / 4 % 40;

	switch (b % 4) {
	case 0:
		return left;
	case 1:
		return per_table - page % per_table;
	case 2:
		return 1;
	default:
		return some < left ? some : left;
	}
}

/* One, then its likes: here, in another table, and here again. */
static uint64_t some_page(const struct side *s, uint64_t first, unsigned i)
{
	const uint64_t per_table = s->span / TABLES / s->page;

	return (first + i / 2 + i % 2 * per_table) % (TABLES * per_table);
}

static struct s2_range bare_page(const struct side *s, uint64_t page)
{
	return s2_range(BASE + page * s->page, s->page);
}

static int bare_map(struct side *s, struct s2_cpu *cpu, struct s2_range range, unsigned prot,
		    unsigned flags)
{
	return s2_pgtable_map(s->bare, cpu, range, s2_pa(range.ipa.v + 8 * GIB), prot, NULL, flags);
}

static int bare_some(struct side *s, struct s2_cpu *cpu, const struct s2_step *step, unsigned prot)
{
	int ret = 0;

	for (unsigned i = 0; i < 5; i++) {
		const struct s2_range page = bare_page(s, some_page(s, page_of(s, step->a), i));

		ret += step->op == MAP_SOME ? bare_map(s, cpu, page, prot, S2_MAP_FAULT)
					    : s2_pgtable_unmap(s->bare, cpu, page);
	}
	return ret;
}

static int bare_look_up(struct side *s, struct s2_cpu *cpu, struct s2_ipa ipa)
{
	struct s2_leaf leaf = {0};
	int ret = s2_pgtable_lookup(s->bare, cpu, ipa, &leaf);

	mix(&s->calls, leaf.pte);
	mix(&s->calls, leaf.pa.v + (uint64_t)leaf.level);
	return ret;
}

static int bare_step(struct side *s, const struct s2_step *step)
{
	struct s2_cpu *cpu = s->cpu[step->c % 8 == 0];
	const uint64_t page = page_of(s, step->a);
	const struct s2_range one = bare_page(s, page);
	const struct s2_range many = s2_range(one.ipa.v, pages_from(s, page, step->b) * s->page);
	/* Mostly plain memory, so that tables stay uniform for a while. */
	const unsigned prot = prots[step->b / 4 % 4 ? 0 : step->c / 8 % ARRAY_SIZE(prots)];
	const unsigned flags =
		(step->c & 64 ? S2_MAP_FAULT : 0U) | (step->b & 64 ? S2_MAP_FORCE_PTE : 0U);
	struct s2_memcache mc = {step->c % 5};
	bool young = false;
	int ret;

	switch (step->op) {
	case MAP:
		return bare_map(s, cpu, one, prot, S2_MAP_FAULT);
	case MAP_SOME:
	case UNMAP_SOME:
		return bare_some(s, cpu, step, prot);
	case MAP_RANGE:
		return bare_map(s, cpu, many, prot, flags);
	case UNMAP:
		return s2_pgtable_unmap(s->bare, cpu, one);
	case UNMAP_RANGE:
		return s2_pgtable_unmap(s->bare, cpu, many);
	case WRPROTECT:
		return s2_pgtable_wrprotect(s->bare, cpu, many);
	case RELAX:
		return s2_pgtable_relax_perms(s->bare, cpu, one.ipa, prots[0]);
	case YOUNG:
		return s2_pgtable_mkyoung(s->bare, cpu, one.ipa);
	case OLD:
		ret = s2_pgtable_test_clear_young(s->bare, cpu, many, step->c & 1, &young);
		return ret ? ret : young;
	case FLUSH:
		return s2_pgtable_flush(s->bare, cpu, many);
	case SPLIT:
		return s2_pgtable_split(s->bare, cpu, many, step->b & 64 ? &mc : NULL);
	default:
		return bare_look_up(s, step->b & 1 ? cpu : NULL, one.ipa);
	}
}

/* A vcpu changes places with the other: each goes to the other's CPU. */
static int swap(struct side *s)
{
	struct s2_vcpu *first = s->vcpu[0];
	int ret = 0;

	for (unsigned i = 0; !ret && i < 2; i++)
		ret = s2_vcpu_put(s->vcpu[i]);
	s->vcpu[0] = s->vcpu[1];
	s->vcpu[1] = first;
	/* One of the bare MMU's may be loaded there instead. */
	for (unsigned i = 0; !ret && i < 2; i++) {
		s2_cpu_unload_stage2(s->cpu[i]);
		ret = s2_vcpu_load(s->vcpu[i], s->cpu[i]);
	}
	return ret;
}

static int remake(struct side *s, unsigned slot)
{
	int ret = s2_vm_delete_slot(s->vm, s->cpu[0], s->slot[slot]);

	add_slot(s, slot);
	return ret;
}

static int64_t touch(struct side *s, const struct s2_step *step, const struct s2_slot_config *slot)
{
	const enum s2_access access =
		step->c / 8 % 4 ? S2_ACCESS_WRITE : (enum s2_access)(step->c / 32 % 3);
	const uint64_t offset = step->c % 7 * 100;
	int64_t ret = 0;

	for (unsigned i = 0; i < (step->op == TOUCH ? 1U : 5U); i++) {
		const uint64_t page = some_page(s, page_of(s, step->a), i) % (slot->size / s->page);

		ret += s2_vcpu_access(s->vcpu[step->c % 8 == 0],
				      s2_ipa(slot->ipa.v + page * s->page + offset),
				      s->page - offset, access);
	}
	return ret;
}

static int64_t vm_unmap(struct side *s, const struct s2_step *step,
			const struct s2_slot_config *slot, struct s2_range range)
{
	const enum s2_unmap_reason reason = (enum s2_unmap_reason)(step->c % 3);
	const uint64_t pages = slot->size / s->page;
	int64_t ret = 0;

	if (step->c & 8)
		return s2_vm_unmap_hva(s->vm, s->cpu[0], s2_va(slot->hva.v + range.ipa.v),
				       range.size, reason);
	for (unsigned i = 0; i < 5; i++)
		ret += s2_vm_unmap_hva(
			s->vm, s->cpu[0],
			s2_va(slot->hva.v + some_page(s, page_of(s, step->a), i) % pages * s->page),
			s->page, reason);
	return ret;
}

static int64_t vm_step(struct side *s, const struct s2_step *step)
{
	static const uint8_t slots[] = {0, 0, 0, 0, 1, 1, 1, 2};
	const unsigned i = slots[step->b % ARRAY_SIZE(slots)];
	const struct s2_slot_config cfg = slot_config(s, i);
	const uint64_t page = page_of(s, step->a) % (cfg.size / s->page);
	const uint64_t at = page * s->page, left = cfg.size - at;
	const uint64_t many = pages_from(s, page, step->b / 8) * s->page;
	const uint64_t size = many < left ? many : left;
	struct s2_vcpu *vcpu = s->vcpu[step->c % 8 == 0];

	switch (step->op) {
	case TOUCH:
	case TOUCH_SOME:
		return touch(s, step, &cfg);
	case TOUCH_MANY:
		return s2_vcpu_access(vcpu, s2_ipa(cfg.ipa.v + at), size,
				      (enum s2_access)(step->c / 32 % 3));
	case VM_UNMAP:
		return vm_unmap(s, step, &cfg, s2_range(at, size));
	case VM_OLD:
		return s2_vm_age_hva(s->vm, s->cpu[0], s2_va(cfg.hva.v + at), size);
	case LOG_START:
		return s2_vm_log_start(s->vm, s->cpu[0], s->slot[i]);
	case LOG_STOP:
		return s2_vm_log_stop(s->vm, s->cpu[0], s->slot[i]);
	case LOG_GET:
		return s2_vm_log_get(s->vm, s->cpu[0], s->slot[i]);
	case CACHES:
		return step->c & 1 ? s2_vcpu_set_caches(vcpu, step->c & 2)
				   : s2_vcpu_set_way(vcpu, 1);
	case REMAKE:
		return remake(s, i);
	default:
		return swap(s);
	}
}

static void watch_flushes(struct side *s, bool on)
{
	s2_mmu_watch_flushes(s->bare, on ? hear_flush : NULL, s);
	s2_mmu_watch_flushes(s2_vm_mmu(s->vm), on ? hear_flush : NULL, s);
	s->watchers = on;
}

/* Who watches, and what CPUs have loaded: what short cuts must notice. */
static int other_step(struct side *s, const struct s2_step *step)
{
	const struct s2_sink sink = {.event = hear, .arg = s};
	struct s2_cpu *cpu = s->cpu[step->c & 1];

	switch (step->op) {
	case LOAD:
		if (step->a % 3 == 0)
			s2_cpu_unload_stage2(cpu);
		else
			s2_mmu_load(step->a % 3 == 1 ? s->bare : s2_vm_mmu(s->vm), cpu);
		return 0;
	case REGISTERS:
		if (step->a % 3 == 0)
			s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, step->b << 12);
		else if (step->a % 3 == 1)
			s2_mmu_set_vmid(s->bare, s2_vmid(254 + step->b % 2));
		else
			s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2,
					step->b & 1 ? S2_HCR_E2H | S2_HCR_TGE : S2_HCR_E2H);
		return 0;
	case WATCHERS:
		/* Shorter spells with than without. */
		watch_flushes(s, !s->watchers && step->a % 2);
		return 0;
	case ORACLE:
		/* Longer spells with than without: in most of these some call is at rest. */
		return judge(s, step->a % 4);
	default:
		if (s->sink)
			s->sink = false;
		else
			s->sink = step->a % 2;
		return s->sink ? s2_machine_add_sink(s->m, &sink) : s2_machine_remove_sink(s->m, s);
	}
}

static int64_t do_step(struct side *s, const struct s2_step *step)
{
	if (step->op <= LOOKUP)
		return bare_step(s, step);
	return step->op <= SWAP ? vm_step(s, step) : other_step(s, step);
}

static void note_taken(const struct side *s)
{
	taken.map |= s->bare->map_memo.known;
	taken.unmap |= s->bare->unmap_memo.known;
	taken.fault |= s->vm->faults[S2_ACCESS_WRITE].memo.known;
	taken.unseen |= s->m->unseen > 0;
	taken.index |= s->bare->index_len > 0;
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	struct side fast, plain;
	bool ok = true;

	(void)arg;
	side_up(&fast, false);
	side_up(&plain, true);
	for (size_t i = 0; ok && i < n; i++) {
		const int64_t got = do_step(&fast, &steps[i]);

		ok = got == do_step(&plain, &steps[i]) &&
		     same(&fast, &plain, i % 5 == 4 || i + 1 == n);
		note_taken(&fast);
	}
	ok = ok && same_tables(&fast, &plain) && end_all(&fast) && end_all(&plain) &&
	     same(&fast, &plain, true);
	side_down(&fast);
	side_down(&plain);
	return ok;
}

static void print(void *arg, const struct s2_step *s)
{
	(void)arg;
	print_message("  %s %llu %llu %llu\n", op_names[s->op], (unsigned long long)s->a,
		      (unsigned long long)s->b, (unsigned long long)s->c);
}

static void short_cuts_count_and_leave_and_issue_what_the_algorithms_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes) * ARRAY_SIZE(variants); i++) {
		const struct s2_property property = {
			.name = shapes[i % ARRAY_SIZE(shapes)].machine,
			.n_ops = OPS,
			.max_a = 4096,
			.max_b = 4096,
			.max_c = 4096,
			.steps = shapes[i % ARRAY_SIZE(shapes)].programs > 1 ? 150 : 80,
			.programs = shapes[i % ARRAY_SIZE(shapes)].programs,
			.run = run,
			.print = print,
		};

		now.shape = &shapes[i % ARRAY_SIZE(shapes)];
		now.variant = i / ARRAY_SIZE(shapes);
		s2_test_row("%s, %u bits, %s, variant %zu", now.shape->machine, now.shape->ipa_bits,
			    now.shape->flavour, now.variant);
		s2_property_check(&property, i + 1);
	}
	/* Or all this has compared the algorithms with themselves. */
	assert_true(taken.map && taken.unmap && taken.fault && taken.index &&
		    taken.unseen);
}

/* The last pages of a slot lie in no block; what lies within is not mapped as they are. */
static void faults_at_the_edge_of_a_slot_of_blocks_tell_nothing_of_those_within(void **state)
{
	struct side sides[2];

	(void)state;
	now.shape = &shapes[3];
	now.variant = 0;
	for (unsigned k = 0; k < 2; k++) {
		struct side *s = &sides[k];
		struct s2_slot_config slot;
		uint64_t edge;

		side_up(s, k);
		slot = slot_config(s, 1);
		edge = slot.ipa.v + slot.size - 16 * s->page;
		/* Pages in the first block, while it is logged: it has a table then. */
		assert_i64(s2_vm_log_start(s->vm, s->cpu[0], s->slot[1]), 0);
		assert_i64(s2_vcpu_access(s->vcpu[0], slot.ipa, s->page, S2_ACCESS_WRITE), 1);
		assert_i64(s2_vm_log_stop(s->vm, s->cpu[0], s->slot[1]), 0);
		for (unsigned i = 0; i < 8; i++)
			assert_i64(s2_vcpu_access(s->vcpu[0], s2_ipa(edge + i * s->page), s->page,
						  S2_ACCESS_WRITE),
				   1);
		assert_i64(s2_vcpu_access(s->vcpu[0], s2_ipa(slot.ipa.v + s->page), s->page,
					  S2_ACCESS_WRITE),
			   1);
	}
	assert_true(same(&sides[0], &sides[1], true));
	assert_true(same_tables(&sides[0], &sides[1]));
	side_down(&sides[0]);
	side_down(&sides[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(short_cuts_count_and_leave_and_issue_what_the_algorithms_do),
		s2_unit_test(faults_at_the_edge_of_a_slot_of_blocks_tell_nothing_of_those_within),
	};

	return cmocka_run_group_tests_name("shortcuts", tests, NULL, NULL);
}
