/* SPDX-License-Identifier: MIT */
/* The digest of what TLBs may hold: it tells apart what can go on differently, and no more. */
#include <errno.h>
#include <string.h>

#include "support.h"

#include <stage2sim/insn.h>
#include <stage2sim/pgtable.h>
#include <stage2sim/physics.h>

#include "machine/digest.h"
#include "machine/physics.h"
#include "machine/residue.h"

#define IPA  UINT64_C(0x100000)
#define PAGE UINT64_C(0x1000)

struct rig {
	struct s2_machine *m;
	struct s2_physics *p;
	struct s2_mmu *mmu;
	struct s2_flush_context cxt[2];
};

static void rig_init(struct rig *r)
{
	struct s2_machine_config cfg = {.cpus = 2, .run_limit = 1};
	const struct s2_physics_config physics = {.residue = true};
	const struct s2_mmu_config mmu = {s2_flavour_find("newest"), 40, {1}};
	uint64_t vtcr, vttbr;

	assert_i64(s2_features_parse("max,vmid=8", &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_physics_attach(r->m, &physics, &r->p), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	assert_i64(s2_pgtable_map(r->mmu, s2_machine_cpu(r->m, 0), s2_range(IPA, 2 * PAGE),
				  s2_pa(IPA), S2_PROT_R | S2_PROT_W, NULL, 0),
		   0);
	s2_mmu_registers(r->mmu, &vtcr, &vttbr);
	assert_i64(s2_physics_watch(r->p, vtcr, vttbr), 0);
	for (unsigned i = 0; i < 2; i++)
		s2_flush_enter(r->mmu, s2_machine_cpu(r->m, i), &r->cxt[i]);
}

static void rig_free(struct rig *r)
{
	assert_i64(s2_physics_error(r->p), 0);
	s2_physics_detach(r->p);
	s2_mmu_free(r->mmu);
	s2_machine_destroy(r->m);
}

static struct s2_digest digest(const struct rig *r)
{
	struct s2_digest d = {0, 0};

	s2_physics_digest(r->p, &d);
	return d;
}

static bool equal(struct s2_digest a, struct s2_digest b)
{
	return a.a == b.a && a.b == b.b;
}

/* One instruction: a letter, and the CPU's number. */
static void issue(struct rig *r, char what, unsigned index)
{
	struct s2_cpu *cpu = s2_machine_cpu(r->m, index);

	switch (what) {
	case 'p': /* write-protects the first page, with no barrier */
		assert_i64(s2_pgtable_wrprotect(r->mmu, cpu, s2_range(IPA, PAGE)), 0);
		break;
	case 'q': /* the second */
		assert_i64(s2_pgtable_wrprotect(r->mmu, cpu, s2_range(IPA + PAGE, PAGE)), 0);
		break;
	case 'd':
		assert_i64(s2_dsb(cpu, S2_DSB_ISH), 0);
		break;
	case 'n':
		assert_i64(s2_dsb(cpu, S2_DSB_NSH), 0);
		break;
	case 'i':
		s2_tlbi_ipas2e1is(cpu, s2_ipa(IPA), S2_TTL_UNKNOWN);
		break;
	case 'l':
		s2_tlbi_ipas2e1(cpu, s2_ipa(IPA), S2_TTL_UNKNOWN);
		break;
	case 'v':
		s2_tlbi_vmalle1is(cpu);
		break;
	case 'w':
		s2_tlbi_vmalle1(cpu);
		break;
	default:
		s2_isb(cpu);
		break;
	}
}

/* "p0 d0": the instructions in order. */
static struct s2_digest after(const char *program)
{
	struct s2_digest d;
	struct rig r;

	rig_init(&r);
	for (const char *c = program; *c; c += c[2] ? 3 : 2)
		issue(&r, c[0], (unsigned)(c[1] - '0'));
	d = digest(&r);
	rig_free(&r);
	return d;
}

static void test_each_step_of_an_invalidation_is_a_state_of_its_own(void **unused)
{
	static const char *const programs[] = {
		"x0",
		"p0",
		"p1",	 /* another has stored, whose DSB is waited for */
		"p0 n0", /* its own walks alone see it */
		"p0 d0",
		"p0 d0 i0",
		"p0 d0 i1",
		"p0 d0 i0 i1", /* either DSB completes it */
		"p0 d0 l0",
		"p0 d0 l1",
		"p0 d0 i1 l1",
		"p0 d0 i0 d0",
		"p0 d0 l0 d0",
		"p0 d0 i0 d0 v0",
		"p0 d0 i0 d0 v0 d0",
		"p0 d0 i0 d0 v0 d0 x0",
		"q0 d0",
		"p0 q0 d0",
		"p0 d0 l0 n0 w0 n0 x0", /* CPU 1 alone may hold it */
		"p0 d0 l1 n1 w1 n1 x1", /* CPU 0 alone */
		"p0 d0 l0 n0 w0 n0 x0 i1",
		"p0 d0 l0 n0 w0 n0 x0 l1", /* any DSB completes it, not ISH alone */
	};
	struct s2_digest seen[ARRAY_SIZE(programs)];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		seen[i] = after(programs[i]);
		for (size_t k = 0; k < i; k++)
			/* All is as before the first store once it is complete, tables apart. */
			if (equal(seen[i], seen[k]) && !(k == 0 && i == 15))
				fail_msg("\"%s\" is taken for \"%s\"", programs[i], programs[k]);
	}
	assert_true(equal(seen[15], seen[0]));
}

static void test_what_leads_to_one_state_makes_no_difference(void **unused)
{
	static const char *const pairs[][2] = {
		{"p0 d0", "p0 d0 d1"},		{"p0 d0", "p0 d0 d0 d0"}, {"p0 d0 x0", "p0 x0 d0"},
		{"p0 d0 i0 i1", "p0 d0 i1 i0"}, {"p0 q0 d0", "q0 p0 d0"},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (!equal(after(pairs[i][0]), after(pairs[i][1])))
			fail_msg("\"%s\" is not taken for \"%s\"", pairs[i][0], pairs[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_each_step_of_an_invalidation_is_a_state_of_its_own),
		s2_unit_test(test_what_leads_to_one_state_makes_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
