/* SPDX-License-Identifier: MIT */
/*
 * Each instruction of each sequence left out in turn: the oracle sees it, or
 * there is a reason, by instruction, why nothing is lost.
 */
#include "check/oracle_rig.h"

struct sequence {
	const char *name;
	void (*op)(struct oracle_rig *r);
};

static void unmap_page(struct oracle_rig *r)
{
	assert_i64(s2_pgtable_unmap(r->mmu, r->cpu, s2_range(IPA + BLOCK, PAGE)), 0);
	returns(r, IPA + BLOCK, PAGE);
}

static void unmap_block(struct oracle_rig *r)
{
	assert_i64(s2_pgtable_unmap(r->mmu, r->cpu, s2_range(IPA, BLOCK)), 0);
	returns(r, IPA, BLOCK);
}

static void map_other(struct oracle_rig *r)
{
	map(r, IPA + BLOCK, PAGE, PA + BLOCK, RW);
	returns(r, IPA + BLOCK, PAGE);
}

static void break_block(struct oracle_rig *r)
{
	map(r, IPA, PAGE, PA + BLOCK, RW);
	returns(r, IPA, BLOCK);
}

static void collapse(struct oracle_rig *r)
{
	map(r, IPA + BLOCK, BLOCK, PA + BLOCK, RW);
	returns(r, IPA + BLOCK, BLOCK);
}

static void clear_log(struct oracle_rig *r)
{
	assert_i64(s2_pgtable_wrprotect(r->mmu, r->cpu, s2_range(IPA, 2 * BLOCK)), 0);
	assert_i64(s2_flush_vmid_range(r->mmu, r->cpu, s2_range(IPA, 2 * BLOCK)), 0);
	rely(r, S2_RELY_DIRTY_HARVESTED, IPA, 2 * BLOCK, S2_ACCESS_READ);
	returns(r, IPA, 2 * BLOCK);
}

static void flush_all(struct oracle_rig *r)
{
	assert_i64(s2_pgtable_wrprotect(r->mmu, r->cpu, s2_range(IPA, 2 * BLOCK)), 0);
	s2_flush_vmid(r->mmu, r->cpu);
	returns(r, IPA, 2 * BLOCK);
}

static void relax(struct oracle_rig *r)
{
	assert_i64(s2_pgtable_relax_perms(r->mmu, r->cpu, s2_ipa(IPA + 2 * BLOCK), RW), 0);
	rely(r, S2_RELY_FAULT_RESOLVED, IPA + 2 * BLOCK, PAGE, S2_ACCESS_WRITE);
}

static const struct sequence sequences[] = {
	{"unmap a page", unmap_page},	{"unmap a block", unmap_block},
	{"map another page", map_other}, {"map a page in a block", break_block},
	{"map a block over a table", collapse}, {"clear the dirty log", clear_log},
	{"flush the VMID", flush_all},	{"relax a permission", relax},
};

static void set_up(struct oracle_rig *r, const char *spec, const char *flavour)
{
	oracle_rig_up(r, spec, flavour);
	map(r, IPA, BLOCK, PA, RW);
	map(r, IPA + BLOCK, PAGE, PA, RW);
	map(r, IPA + 2 * BLOCK, PAGE, PA, S2_PROT_R);
	s2_dsb(r->cpu, S2_DSB_ISH);
	s2_isb(r->cpu);
	r->seen = 0;
}

/*
 * One letter an instruction, in order: '!' the oracle sees that it is missing;
 * '.' nothing is lost, and why:
 *  - VMID_SWITCH counts, and does nothing; VTCR_EL2 and, here, HCR_EL2 and the
 *    SPECULATIVE_AT registers are written with what decides nothing;
 *  - an ISB after the TLBIs: a guest is entered by an ERET, which synchronises,
 *    and the host does not translate by stage 2; with VHE the ISB of a DSB that
 *    a later DSB SY or a whole later flush makes up for, likewise that DSB;
 *  - all of a leaf's flush, where the flush of its table by the same IPA and
 *    without a hint comes after it;
 *  - DC and IC and their DSB: contents, of which these rules do not speak;
 *  - the DSB at the end of a map that only adds: at worst one fault more.
 */
static const char *left_out_seen(const struct sequence *seq, const char *spec, char *line,
				 size_t size)
{
	struct oracle_rig r;
	size_t n, k;

	set_up(&r, spec, "kvm-6.12");
	seq->op(&r);
	expect_sound(&r);
	n = r.seen;
	oracle_rig_down(&r);
	assert_true(n < size);
	for (k = 0; k < n; k++) {
		set_up(&r, spec, "kvm-6.12");
		r.left_out = k;
		seq->op(&r);
		line[k] = s2_oracle_count(r.o, S2_RULES) ? '!' : '.';
		oracle_rig_down(&r);
	}
	line[k] = '\0';
	return line;
}

static void each_instruction_is_needed_or_there_is_a_reason(void **state)
{
	static const char *const specs[] = {"max", "cortex-a55", "cortex-a72"};
	static const char *const expected[ARRAY_SIZE(sequences)][3] = {
		{"............................",
		 ".....................!........!.........",
		 "................!..!!!......",},
		{"!.!!!!!!!!....",
		 "!....!.!!!!!.........",
		 ".!..!!!!!......",},
		{"!..!!!!!!!.....",
		 "!....!.!!!!!..........",
		 ".!..!!!!!.......",},
		{"!..!!!!!!!.....",
		 "!....!.!!!!!!.........",
		 ".!..!!!!!!......",},
		{"!.!!!!!!!!.....",
		 "!....!...!..........",
		 ".!..!!!.......",},
		{"!.!!!!!!!!....",
		 "!....!...!!......",
		 ".!..!!!!...",},
		{"!..!.!!!....",
		 "!....!...!!......",
		 ".!..!!!!...",},
		{"!..!!!!!!!....",
		 "!....!.!!!!!!......",
		 ".!..!!!!!!...",},
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
		for (size_t s = 0; s < 3; s++) {
			s2_test_row("%s on %s", sequences[i].name, specs[s]);
			left_out_seen(&sequences[i], specs[s], line, sizeof(line));
			assert_string_equal(line, expected[i][s]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_instruction_is_needed_or_there_is_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
