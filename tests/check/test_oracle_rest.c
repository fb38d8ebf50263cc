/* SPDX-License-Identifier: MIT */
/*
 * Calls that an oracle is not told, as they would leave it as it was (machine/rest.h):
 * against a machine whose MMU takes no short cut, on random programs of everything that
 * could make the next call tell it something after all.
 *
 *     map, unmap, some pages in a row -- of both machines, of which one is plain
 *     old entries left, registers, guests in and out, stores to pages not linked,
 *     flushes under way, lines written, cleaned and fetched, VMIDs, other oracles
 *
 * After each step what the oracle has counted and found is the same, and what may be held
 * by TLBs and lines.
 */
#include "check/oracle_rig.h"
#include "property.h"

#include <stage2sim/act.h>
#include <stage2sim/reliance.h>

#include "check/oracle.h"
#include "hyp/stage2/walk.h"
#include "machine/digest.h"

#define PAGES  48U
#define TABLES 12U /* of one page more, so that there is an index */
#define ROW    4U

enum op {
	MAP_ROW,
	UNMAP_ROW,
	MAP_ONE,
	UNMAP_ONE,
	UNMAP_LAZILY, /* no flush: old entries stay */
	MAP_READ_ONLY,
	WRPROTECT,
	OLD,
	FLUSH_ALL,
	TLBI,
	BARRIER,
	REGISTER,
	GUEST,
	STORE_BESIDE,
	WRITE_LINES,
	DC,
	FETCH,
	RELY,
	VMID,
	WATCH,
	OPS,
	MANY = 2 * OPS, /* the other half are rows */
};

static const char *const names[OPS] = {
	"map row",   "unmap row", "map one", "unmap one", "unmap lazily", "map read-only",
	"wrprotect", "old",	  "flush",   "tlbi",	  "barrier",	  "register",
	"guest",     "store",	  "write",   "dc",	  "fetch",	  "rely",
	"vmid",	     "watch"};

struct side {
	struct s2_machine *m;
	struct s2_mmu *mmu;
	struct s2_cpu *cpu[2];
	struct s2_oracle *o;
	struct s2_table *beside; /* a page of the root's that is never linked */
};

/* What was left out in all, so that this is no comparison of one thing with itself. */
static uint64_t unseen;

static struct s2_range page_at(uint64_t i)
{
	return s2_range(IPA + i % PAGES * PAGE, PAGE);
}

static struct s2_pa pa_of(uint64_t i)
{
	/* Some far from others, so that they lie in another node of memory. */
	return s2_pa(PA + i % PAGES * PAGE + (i % PAGES / 16) * (UINT64_C(1) << 30));
}

static void watch(struct side *s)
{
	uint64_t vtcr, vttbr;

	s2_mmu_registers(s->mmu, &vtcr, &vttbr);
	assert_i64(s2_oracle_watch(s->o, vtcr, vttbr), 0);
}

static void up(struct side *s, const char *spec, bool plain)
{
	struct s2_machine_config cfg = {.cpus = 2};
	const struct s2_mmu_config mmu = {s2_flavour_find("newest"), 40, {7}};

	memset(s, 0, sizeof(*s));
	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &s->m), 0);
	assert_i64(s2_mmu_create(s->m, &mmu, &s->mmu), 0);
	for (unsigned i = 0; i < 2; i++)
		s->cpu[i] = s2_machine_cpu(s->m, i);
	for (unsigned i = 0; i < TABLES; i++)
		assert_i64(s2_pgtable_map(s->mmu, s->cpu[0],
					  s2_range(IPA + PAGES * PAGE + i * BLOCK, PAGE), s2_pa(PA),
					  RW, NULL, S2_MAP_FAULT),
			   0);
	s->beside = s2_table_alloc(s->mmu->pool);
	assert_non_null(s->beside);
	if (plain)
		s2_mmu_go_plain(s->mmu);
	assert_i64(s2_oracle_attach(s->m, NULL, &s->o), 0);
}

static void down(struct side *s)
{
	s2_table_free(s->mmu->pool, s->beside);
	s2_oracle_detach(s->o);
	s2_mmu_free(s->mmu);
	s2_machine_destroy(s->m);
}

static int map_page(struct side *s, struct s2_cpu *cpu, uint64_t i, unsigned prot)
{
	return s2_pgtable_map(s->mmu, cpu, page_at(i), pa_of(i), prot, NULL, S2_MAP_FAULT);
}

static int row(struct side *s, struct s2_cpu *cpu, const struct s2_step *step)
{
	int ret = 0;

	for (unsigned i = 0; i < ROW; i++)
		ret += step->op == MAP_ROW ? map_page(s, cpu, step->a + i, RW)
					   : s2_pgtable_unmap(s->mmu, cpu, page_at(step->a + i));
	return ret;
}

static int unmap_lazily(struct side *s, struct s2_cpu *cpu, uint64_t i)
{
	struct s2_unmap_how how = s2_mmu_unmap_how(s->mmu);
	int ret;

	how.skip_tlbi = true;
	s2_mmu_set_unmap_how(s->mmu, how);
	ret = s2_pgtable_unmap(s->mmu, cpu, page_at(i)) +
	      s2_pgtable_unmap(s->mmu, cpu, page_at(i + 1)) +
	      s2_pgtable_unmap(s->mmu, cpu, page_at(i + 2));
	s2_mmu_set_unmap_how(s->mmu, s2_mmu_unmap_how(s->mmu));
	return ret;
}

static void tlbi(struct s2_cpu *cpu, uint64_t which)
{
	if (which % 3 == 0)
		s2_tlbi_alle1is(cpu);
	else if (which % 3 == 1)
		s2_tlbi_vmalls12e1is(cpu);
	else
		s2_tlbi_vmalle1(cpu);
}

static void flush_all(struct s2_cpu *cpu)
{
	s2_tlbi_alle1is(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
	s2_isb(cpu);
}

static void set_register(struct side *s, struct s2_cpu *cpu, const struct s2_step *step)
{
	uint64_t vtcr, vttbr;

	s2_mmu_registers(s->mmu, &vtcr, &vttbr);
	switch (step->a % 3) {
	case 0:
		s2_write_sysreg(cpu, S2_SYSREG_VTTBR_EL2, step->b % 2 ? vttbr : 0);
		break;
	case 1:
		s2_write_sysreg(cpu, S2_SYSREG_VTCR_EL2, step->b % 2 ? vtcr : 0);
		break;
	default:
		s2_write_sysreg(cpu, S2_SYSREG_HCR_EL2,
				step->b % 2 ? S2_HCR_E2H | S2_HCR_TGE : S2_HCR_E2H);
		break;
	}
}

static void relied(struct side *s, struct s2_cpu *cpu, const struct s2_step *step)
{
	static const enum s2_reliance_kind kinds[] = {
		S2_RELY_RETURN, S2_RELY_FAULT_RESOLVED, S2_RELY_CPU_LEFT, S2_RELY_DIRTY_HARVESTED};
	struct s2_reliance what = {.kind = kinds[step->b % 4],
				   .ipa = page_at(step->a).ipa,
				   .size = PAGE};

	s2_mmu_registers(s->mmu, &what.vtcr, &what.vttbr);
	assert_i64(s2_rely(cpu, &what), 0);
}

static int act(struct side *s, const struct s2_step *step)
{
	static const enum s2_act_kind kinds[] = {S2_ACT_ACCESS, S2_ACT_ACCESS, S2_ACT_GIVE,
						 S2_ACT_MAINTAIN};
	const struct s2_act act = {.kind = kinds[step->b % 4],
				   .vm = 1,
				   .pa = pa_of(step->a),
				   .size = step->b / 4 % 2 ? PAGE : 64,
				   .access = S2_ACCESS_WRITE,
				   .cacheable = step->b / 8 % 2,
				   .op = S2_LINE_CLEAN};

	return s2_tell(s->m, &act);
}

static int fetch(struct side *s, const struct s2_step *step)
{
	uint32_t version;

	s->m->told++; /* what nobody but this test does behind the machine's back */
	return s2_memory_fetch(s->o->data.memory, 0, pa_of(step->a), &version);
}

/* What is under way when the next call comes. */
static int other(struct side *s, struct s2_cpu *cpu, const struct s2_step *step)
{
	static const enum s2_dsb_kind domains[] = {S2_DSB_ISH, S2_DSB_ISHST, S2_DSB_NSH, S2_DSB_SY};

	switch (step->op) {
	case TLBI:
		tlbi(cpu, step->a);
		return 0;
	case BARRIER:
		s2_dsb(cpu, domains[step->a % 4]);
		if (step->b % 2)
			s2_isb(cpu);
		return 0;
	case REGISTER:
		set_register(s, cpu, step);
		if (step->b / 2 % 4)
			s2_isb(cpu);
		return 0;
	case GUEST:
		s2_count(cpu, step->a % 3 ? S2_OP_GUEST_EXIT : S2_OP_GUEST_ENTRY, 1);
		return 0;
	case STORE_BESIDE:
		s2_pte_write(cpu, s->beside->pa + step->a % 512 * 8, 0, 0, S2_MEM_PLAIN);
		return 0;
	case WRITE_LINES:
		return act(s, step);
	case DC:
		if (step->b % 2)
			return s2_dc_civac_range(cpu, pa_of(step->a), PAGE);
		return s2_dc_ivac_range(cpu, pa_of(step->a), PAGE);
	case FETCH:
		return fetch(s, step);
	case RELY:
		relied(s, cpu, step);
		return 0;
	default:
		s2_mmu_set_vmid(s->mmu, s2_vmid(7 + step->a % 2));
		return 0;
	}
}

static struct s2_step plainly(const struct s2_step *step)
{
	struct s2_step same = *step;

	if (same.op >= OPS)
		same.op = same.op % 2 ? MAP_ROW : UNMAP_ROW;
	return same;
}

static int do_step(struct side *s, const struct s2_step *step)
{
	struct s2_cpu *cpu = s->cpu[step->c % 8 == 0];
	bool young;

	switch (step->op) {
	case MAP_ROW:
	case UNMAP_ROW:
		return row(s, cpu, step);
	case MAP_ONE:
		return map_page(s, cpu, step->a, RW);
	case MAP_READ_ONLY:
		return map_page(s, cpu, step->a, S2_PROT_R);
	case UNMAP_ONE:
		return s2_pgtable_unmap(s->mmu, cpu, page_at(step->a));
	case UNMAP_LAZILY:
		return unmap_lazily(s, cpu, step->a);
	case WRPROTECT:
		return s2_pgtable_wrprotect(s->mmu, cpu, page_at(step->a));
	case OLD:
		return s2_pgtable_test_clear_young(s->mmu, cpu, s2_range(IPA, PAGES / 2 * PAGE), true,
						   &young);
	case FLUSH_ALL:
		flush_all(cpu);
		return 0;
	case WATCH:
		watch(s);
		s->m->told += step->a % 2;
		return 0;
	default:
		return other(s, cpu, step);
	}
}

static void mix(uint64_t *d, uint64_t word)
{
	*d = (*d ^ word) * UINT64_C(0x100000001b3);
}

static uint64_t lines(const struct side *s)
{
	uint64_t d = 0;

	for (unsigned i = 0; i < PAGES; i++)
		for (unsigned agent = 0; agent <= S2_AGENT_COHERENT_DEVICE; agent++) {
			struct s2_version_set set = {0};

			assert_i64(s2_memory_possible(s->o->data.memory, (enum s2_agent)agent,
						      pa_of(i), &set),
				   0);
			mix(&d, (uint64_t)set.oldest << 32 | set.newest);
			assert_i64(s2_memory_possible_fetch(s->o->data.memory, 0, pa_of(i), &set),
				   0);
			mix(&d, (uint64_t)set.oldest << 32 | set.newest);
		}
	return d;
}

static bool same(const struct side *a, const struct side *b)
{
	struct s2_digest x = {0}, y = {0};

	s2_oracle_digest(a->o, &x);
	s2_oracle_digest(b->o, &y);
	for (unsigned rule = 0; rule < S2_RULES; rule++)
		if (a->o->found[rule] != b->o->found[rule])
			return false;
	return x.a == y.a && x.b == y.b && s2_oracle_steps(a->o) == s2_oracle_steps(b->o) &&
	       a->o->steps + (a->m->unseen - a->o->unseen) == b->o->steps &&
	       s2_oracle_decided(a->o) == s2_oracle_decided(b->o) &&
	       s2_oracle_error(a->o) == s2_oracle_error(b->o) && lines(a) == lines(b);
}

static bool run(void *arg, const struct s2_step *steps, size_t n)
{
	struct side fast, plain;
	bool ok = true;

	up(&fast, arg, false);
	up(&plain, arg, true);
	for (size_t i = 0; ok && i < n; i++) {
		const struct s2_step step = plainly(&steps[i]);
		const int ret = do_step(&fast, &step);

		ok = ret == do_step(&plain, &step) && same(&fast, &plain);
	}
	unseen += fast.m->unseen;
	ok = ok && !plain.m->unseen;
	down(&fast);
	down(&plain);
	return ok;
}

static void print(void *arg, const struct s2_step *s)
{
	const struct s2_step step = plainly(s);

	(void)arg;
	print_message("  %s %llu %llu %llu\n", names[step.op], (unsigned long long)s->a,
		      (unsigned long long)s->b, (unsigned long long)s->c);
}

static void an_oracle_that_is_not_told_keeps_and_counts_what_one_that_is_does(void **state)
{
	static const char *const machines[] = {"neoverse-n1,vmid=8,-repeat_tlbi", "neoverse-n1,vmid=8",
					 "max,-lpa2,vmid=8", "cortex-a55,vmid=8",
					 "neoverse-n1,vmid=8,-vhe"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		const struct s2_property property = {
			.name = machines[i],
			.n_ops = MANY,
			.max_a = 4096,
			.max_b = 4096,
			.max_c = 4096,
			.steps = 60,
			.programs = 400,
			.run = run,
			.print = print,
			.arg = (void *)(uintptr_t)machines[i],
		};

		s2_property_check(&property, i + 1);
	}
	assert_true(unseen > 0);
	print_message("%llu instructions were not told\n", (unsigned long long)unseen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(an_oracle_that_is_not_told_keeps_and_counts_what_one_that_is_does),
	};

	return cmocka_run_group_tests_name("check/oracle_rest", tests, NULL, NULL);
}
