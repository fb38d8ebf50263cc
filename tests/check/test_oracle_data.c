/* SPDX-License-Identifier: MIT */
/*
 * The data rule: what each contract promises, what keeps that, and the least
 * that breaks it.
 */
#include "check/oracle_data_rig.h"

static void what_the_host_wrote_is_cleaned_before_a_guest_sees_it(void **state)
{
	static const struct {
		const char *spec;
		bool cleans;
		unsigned broken;
	} rows[] = {
		{"neoverse-n1", true, 0},
		{"neoverse-n1", false, ALL},
		/* With FWB a guest cannot read past the caches. */
		{"neoverse-v1", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct rig r;

		rig_up(&r, rows[i].spec);
		give(&r);
		if (rows[i].cleans)
			clean(&r);
		accesses(&r, 0, S2_ACCESS_READ, true);
		expect(&r, rows[i].broken);
		if (rows[i].broken)
			assert_i64(s2_oracle_violation(r.o, 0)->finding, S2_FOUND_LEAK);
		rig_down(&r);
	}
}

/* A DC that no DSB has completed may not have happened. */
static void a_clean_counts_from_its_barrier_on(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	give(&r);
	s2_dc_civac_range(r.cpu, s2_pa(PA), SIZE);
	s2_dsb(r.cpu, S2_DSB_ISHST);
	accesses(&r, 0, S2_ACCESS_READ, true);
	expect(&r, ALL);
	rig_down(&r);
}

/* The 2025 thread in five lines. */
static void who_turns_caches_on_sees_what_it_wrote_without(void **state)
{
	static const struct {
		unsigned writer, toggler;
		bool cleans, trapped;
		unsigned broken;
	} rows[] = {
		{0, 0, true, true, 0},
		{0, 0, false, true, BARE | COMPAT | ANY},
		{0, 0, false, false, BARE | ANY},
		/* Of what another wrote a vcpu is promised the bare-metal boot only. */
		{1, 0, false, true, BARE},
		{1, 0, true, true, 0},
	};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		write_nc(&r, rows[i].writer);
		if (rows[i].cleans)
			clean(&r);
		caches(&r, rows[i].toggler, true, rows[i].trapped);
		s2_test_row("row %zu", i);
		expect(&r, rows[i].broken);
		rig_down(&r);
	}
}

static void a_later_vcpu_is_promised_nothing_by_bare_metal(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	map(&r);
	caches(&r, 0, true, true);
	write_nc(&r, 1);
	caches(&r, 1, true, true);
	expect(&r, COMPAT | ANY);
	rig_down(&r);
}

static void a_guest_that_maintains_by_va_needs_no_toggle(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	map(&r);
	write_nc(&r, 0);
	/* Acts as DC CIVAC under stage 2. */
	guest_dc(&r, S2_LINE_INVALIDATE);
	caches(&r, 0, true, true);
	accesses(&r, 0, S2_ACCESS_READ, true);
	write_wb(&r, 0);
	guest_dc(&r, S2_LINE_CLEAN);
	accesses(&r, 1, S2_ACCESS_READ, false);
	expect(&r, 0);
	rig_down(&r);
}

/* What the Arm ARM leaves undefined is no violation, whatever is read. */
static void what_no_contract_promises_is_not_asked_for(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	map(&r);
	write_wb(&r, 0);
	/* Over a dirty line. */
	write_nc(&r, 1);
	accesses(&r, 0, S2_ACCESS_READ, true);
	accesses(&r, 1, S2_ACCESS_READ, false);
	caches(&r, 1, true, true);
	take(&r, S2_AGENT_WRITE_BACK, false);
	expect(&r, 0);
	rig_down(&r);
}

static void what_was_taken_and_comes_back_is_cleaned_by_its_map(void **state)
{
	(void)state;
	for (unsigned cleans = 0; cleans < 2; cleans++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		write_wb(&r, 0);
		take(&r, S2_AGENT_WRITE_BACK, false);
		if (cleans)
			clean(&r);
		accesses(&r, 0, S2_ACCESS_READ, false);
		s2_test_row("%s", cleans ? "cleans" : "does not");
		expect(&r, cleans ? 0 : ARCH | BARE | COMPAT | ANY);
		rig_down(&r);
	}
}

static void the_host_reads_what_a_guest_wrote_past_the_caches(void **state)
{
	static const struct {
		enum s2_agent agent;
		bool nc, cleans, dma;
		unsigned broken;
	} rows[] = {
		{S2_AGENT_WRITE_BACK, true, true, false, 0},
		{S2_AGENT_WRITE_BACK, true, false, false, ARCH | BARE | COMPAT | ANY},
		{S2_AGENT_COHERENT_DEVICE, true, false, false, ARCH | BARE | COMPAT | ANY},
		{S2_AGENT_NON_CACHEABLE, true, false, false, 0},
		{S2_AGENT_WRITE_BACK, false, false, false, 0},
		/* A device that snoops nothing: whoever hands it the page cleans, or no guest is to blame. */
		{S2_AGENT_NON_CACHEABLE, false, false, true, 0},
		{S2_AGENT_NON_CACHEABLE, false, false, false, RAW},
		{S2_AGENT_NON_CACHEABLE, false, true, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		accesses(&r, 0, S2_ACCESS_WRITE, !rows[i].nc);
		if (rows[i].cleans)
			clean(&r);
		take(&r, rows[i].agent, rows[i].dma);
		s2_test_row("row %zu", i);
		expect(&r, rows[i].broken);
		rig_down(&r);
	}
}

static void fill(struct rig *r, enum s2_agent agent, bool dma)
{
	tell(r, (struct s2_act){.kind = S2_ACT_GIVE,
				.vm = S2_ACT_NO_VM,
				.pa = {PA},
				.size = SIZE,
				.agent = agent,
				.cleaned = dma});
}

/*
 * A guest has written through its caches, KVM has cleaned or not, and the page is
 * filled in anew.  A CPU and a device that snoops write where caches see it.  One that
 * does not writes under them: what is dirty goes over it unless somebody cleaned, what
 * is clean is read in its place unless somebody invalidates after it: the DMA API does
 * both, a map of KVM's the second, a read by the host neither.
 */
static void what_a_device_fills_in_is_seen_if_caches_are_maintained_for_it(void **state)
{
	static const enum s2_agent agents[] = {S2_AGENT_WRITE_BACK, S2_AGENT_COHERENT_DEVICE,
					       S2_AGENT_NON_CACHEABLE};

	(void)state;
	for (unsigned i = 0; i < 3 * 2 * 2 * 2; i++) {
		const enum s2_agent agent = agents[i % 3];
		const bool dma = i / 3 & 1, cleans = i / 6 & 1, maps = i / 12 & 1;
		const bool seen = agent != S2_AGENT_NON_CACHEABLE || dma;
		struct rig r;

		rig_up(&r, "neoverse-n1");
		map(&r);
		write_wb(&r, 0);
		if (cleans)
			clean(&r);
		fill(&r, agent, dma);
		if (maps)
			clean(&r);
		take(&r, S2_AGENT_WRITE_BACK, false);
		s2_test_row("agent %u%s, %s, %s", agent, dma ? " by the DMA API" : "",
			    cleans ? "cleaned" : "not cleaned", maps ? "mapped" : "read at once");
		expect(&r, seen || (cleans && maps) ? 0 : ISOLATION);
		rig_down(&r);
	}
}

/* Given by the linear map, it is in caches only until somebody cleans. */
static void a_page_that_was_only_given_is_not_at_the_poc_for_a_device(void **state)
{
	static const struct {
		enum s2_agent agent;
		bool dma;
		unsigned broken;
	} rows[] = {
		{S2_AGENT_WRITE_BACK, false, 0},
		{S2_AGENT_COHERENT_DEVICE, false, 0},
		{S2_AGENT_NON_CACHEABLE, true, 0},
		{S2_AGENT_NON_CACHEABLE, false, RAW},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;

		rig_up(&r, "neoverse-n1");
		give(&r);
		take(&r, rows[i].agent, rows[i].dma);
		s2_test_row("row %zu", i);
		expect(&r, rows[i].broken);
		rig_down(&r);
	}
}

static void a_hypervisor_that_invalidates_loses_what_is_dirty(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	map(&r);
	write_wb(&r, 0);
	s2_dc_ivac_range(r.cpu, s2_pa(PA + SIZE / 2), LINE);
	s2_dsb(r.cpu, S2_DSB_SY);
	accesses(&r, 0, S2_ACCESS_READ, true);
	expect(&r, ARCH | BARE | COMPAT | ANY);
	assert_u64(s2_oracle_violation(r.o, 0)->pa.v, PA + SIZE / 2);
	rig_down(&r);
}

/* VMs are told apart: one's toggle says nothing of what another wrote. */
static void a_toggle_is_about_its_own_vm(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	map(&r);
	write_nc(&r, 0);
	tell(&r, (struct s2_act){.kind = S2_ACT_CACHES, .vm = 1, .on = true, .trapped = true});
	expect(&r, 0);
	caches(&r, 0, true, true);
	expect(&r, BARE | COMPAT | ANY);
	rig_down(&r);
}

static void a_violation_says_where_who_and_what(void **state)
{
	const struct s2_violation *v;
	char text[512];
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	map(&r);
	write_nc(&r, 0);
	caches(&r, 0, true, true);
	v = s2_oracle_violation(r.o, 0);
	assert_non_null(v);
	assert_i64(s2_violation_text(v, text, sizeof(text)) < 512, 1);
	assert_non_null(strstr(text, "data, bare-metal: a cacheable read may not return"));
	assert_non_null(strstr(text, "PA 0x100000000 of 0x1000 bytes (caches of vcpu 0"));
	rig_down(&r);
}

static void what_cannot_be_told_is_refused(void **state)
{
	static const struct s2_act bad[] = {
		{.kind = S2_ACT_KINDS},
		{.kind = S2_ACT_GIVE, .pa = {PA}},
		{.kind = S2_ACT_ACCESS, .pa = {PA}, .size = 1, .access = (enum s2_access)3},
		{.kind = S2_ACT_MAINTAIN, .pa = {PA}, .size = 1, .op = S2_LINE_EVICT},
		{.kind = S2_ACT_TAKE, .pa = {PA}, .size = 1, .agent = (enum s2_agent)3},
		{.kind = S2_ACT_GIVE, .pa = {PA}, .size = 1, .agent = (enum s2_agent)3},
		{.kind = S2_ACT_CACHES, .vcpu = S2_ACT_VCPUS},
	};
	const struct s2_act beyond = {.kind = S2_ACT_GIVE, .pa = {UINT64_MAX}, .size = 1};
	struct rig r;

	(void)state;
	rig_up(&r, "neoverse-n1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s2_test_row("row %zu", i);
		assert_i64(s2_tell(r.m, &bad[i]), -EINVAL);
	}
	assert_i64(s2_tell(r.m, &beyond), -ERANGE);
	assert_u64(s2_oracle_decided(r.o), 0);
	assert_null(s2_act_name(S2_ACT_KINDS));
	assert_null(s2_contract_name(S2_CONTRACTS));
	assert_null(s2_contract_text(S2_CONTRACTS));
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(what_the_host_wrote_is_cleaned_before_a_guest_sees_it),
		s2_unit_test(a_clean_counts_from_its_barrier_on),
		s2_unit_test(who_turns_caches_on_sees_what_it_wrote_without),
		s2_unit_test(a_later_vcpu_is_promised_nothing_by_bare_metal),
		s2_unit_test(a_guest_that_maintains_by_va_needs_no_toggle),
		s2_unit_test(what_no_contract_promises_is_not_asked_for),
		s2_unit_test(what_was_taken_and_comes_back_is_cleaned_by_its_map),
		s2_unit_test(the_host_reads_what_a_guest_wrote_past_the_caches),
		s2_unit_test(what_a_device_fills_in_is_seen_if_caches_are_maintained_for_it),
		s2_unit_test(a_page_that_was_only_given_is_not_at_the_poc_for_a_device),
		s2_unit_test(a_hypervisor_that_invalidates_loses_what_is_dirty),
		s2_unit_test(a_toggle_is_about_its_own_vm),
		s2_unit_test(a_violation_says_where_who_and_what),
		s2_unit_test(what_cannot_be_told_is_refused),
	};

	return cmocka_run_group_tests_name("oracle_data", tests, NULL, NULL);
}
