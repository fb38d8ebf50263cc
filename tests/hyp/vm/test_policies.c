/* SPDX-License-Identifier: MIT */
/*
 * Policies that no kernel has, or not by default: what toggles clean when
 * vcpus come and go, how long ranges are flushed, what a clear flushes.
 */
#include "support.h"

#include <string.h>

#include <stage2sim/gate.h>
#include <stage2sim/pgtable.h>
#include <stage2sim/vm.h>

#define KIB   UINT64_C(0x400)
#define MIB   (KIB * KIB)
#define GIB   (KIB * MIB)
#define PAGE  (4 * KIB)
#define BLOCK (2 * MIB)
#define CODE  UINT64_C(0x40000000)
#define RAM   UINT64_C(0x80000000)
#define HVA   UINT64_C(0xffff80000000)

struct rig {
	struct s2_machine *m;
	struct s2_vmids *vmids;
	struct s2_vm *vm;
	struct s2_cpu *cpu;
	struct s2_vcpu *vcpu; /* number 0, loaded on CPU 0 */
	int ram;	      /* its slot */
	struct s2_counts mark;
};

static const struct s2_flavour *newest(void)
{
	size_t n = 0;

	while (s2_flavour_at(n + 1))
		n++;
	return s2_flavour_at(n);
}

struct shape {
	const char *machine;
	uint64_t size, backing;
	bool manual;
	uint64_t run_limit;
	uint64_t at; /* where RAM begins after its usual place */
	unsigned ipa_bits;
	int vcpus;
	const struct s2_flavour *own; /* default: the newest */
};

static void rig_up(struct rig *r, const struct shape *s)
{
	struct s2_machine_config mc = {.cpus = 4, .run_limit = s->run_limit};
	struct s2_vm_config vc = {
		.flavour = s->own ? s->own : newest(),
		.ipa_bits = s->ipa_bits,
		.manual_protect = s->manual,
	};
	const struct s2_slot_config ram = {
		.ipa = {RAM + s->at},
		.size = s->size ? s->size : 32 * MIB,
		.hva = {HVA},
		.pa = {0x100000000},
		.backing = s->backing ? s->backing : PAGE,
		.populated = true,
	};

	memset(r, 0, sizeof(*r));
	assert_i64(s2_features_parse(s->machine, &mc.features, NULL), 0);
	assert_i64(s2_machine_create(&mc, &r->m), 0);
	assert_i64(s2_vmids_create(r->m, &r->vmids), 0);
	vc.vmids = r->vmids;
	assert_i64(s2_vm_create(r->m, &vc, &r->vm), 0);
	/* Not every test with another granule has RAM. */
	r->ram = s2_vm_add_slot(r->vm, &ram);
	assert_true(r->ram >= 0 || s->ipa_bits);
	for (int i = 0; i < (s->vcpus ? s->vcpus : 1); i++)
		assert_i64(s2_vm_add_vcpu(r->vm), i);
	r->cpu = s2_machine_cpu(r->m, 0);
	r->vcpu = s2_vm_vcpu(r->vm, 0);
	assert_i64(s2_vcpu_load(r->vcpu, r->cpu), 0);
	r->mark = s2_machine_counts(r->m);
}

static void rig_down(struct rig *r)
{
	s2_vm_free(r->vm);
	s2_vmids_free(r->vmids);
	s2_machine_destroy(r->m);
}

/* What was issued since the last call. */
static struct s2_counts lap(struct rig *r)
{
	const struct s2_counts now = s2_machine_counts(r->m);
	const struct s2_counts since = s2_counts_since(&r->mark, &now);

	r->mark = now;
	return since;
}

struct expected {
	uint64_t ipas2e1is, ripas2e1is, vmalle1is, vmalls12e1is, civac;
};

static void expect(struct rig *r, struct expected e)
{
	const struct s2_counts c = lap(r);

	assert_u64(c.n[S2_OP_TLBI_IPAS2E1IS], e.ipas2e1is);
	assert_u64(c.n[S2_OP_TLBI_RIPAS2E1IS], e.ripas2e1is);
	assert_u64(c.n[S2_OP_TLBI_VMALLE1IS], e.vmalle1is);
	assert_u64(c.n[S2_OP_TLBI_VMALLS12E1IS], e.vmalls12e1is);
	assert_u64(c.n[S2_OP_DC_CIVAC], e.civac);
}

static int64_t touch(struct rig *r, uint64_t pages, enum s2_access access)
{
	return s2_vcpu_access(r->vcpu, s2_ipa(RAM), pages * PAGE, access);
}

static const struct expected nothing;

static void cpu_on_turns_caches_off_and_does_not_arm_tvm(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55"});
	touch(&r, 256, S2_ACCESS_WRITE);
	assert_i64(s2_vcpu_power_on(r.vcpu), -EINVAL);
	s2_vcpu_set_caches(r.vcpu, true);
	assert_i64(s2_vcpu_power_off(r.vcpu), 0);
	assert_i64(s2_vcpu_power_off(r.vcpu), -EINVAL);
	assert_i64(s2_vcpu_power_on(r.vcpu), 0);
	assert_false(s2_vcpu_tvm(r.vcpu));
	s2_vcpu_load(r.vcpu, r.cpu);
	lap(&r);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, nothing);
	rig_down(&r);
}

/* A copy of the newest flavour that cleans as @toggle says. */
static struct s2_flavour toggling(enum s2_toggle toggle)
{
	struct s2_flavour f = *newest();

	f.toggle = toggle;
	return f;
}

static void what_powers_off_is_counted_off_where_its_return_is_seen(void **state)
{
	const struct s2_flavour tvm = toggling(S2_TOGGLE_FIRST_LAST_TVM);
	const struct s2_flavour today = toggling(S2_TOGGLE_FIRST_LAST);
	const struct s2_flavour *const flavours[] = {&tvm, &today};
	struct s2_vcpu *one;
	struct rig r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		rig_up(&r,
		       &(struct shape){.machine = "cortex-a55", .vcpus = 2, .own = flavours[i]});
		touch(&r, 16, S2_ACCESS_WRITE);
		one = s2_vm_vcpu(r.vm, 1);
		s2_vcpu_load(one, s2_machine_cpu(r.m, 1));
		s2_vcpu_set_caches(r.vcpu, true);
		s2_vcpu_set_caches(one, true);
		s2_vcpu_power_off(one);
		lap(&r);
		/* With TVM kept, the last one on turns its caches off, and on again. */
		s2_vcpu_set_caches(r.vcpu, false);
		assert_u64(lap(&r).n[S2_OP_DC_CIVAC], i ? 0 : 16 * 64);
		s2_vcpu_set_caches(r.vcpu, true);
		assert_u64(lap(&r).n[S2_OP_DC_CIVAC], i ? 0 : 16 * 64);
		rig_down(&r);
	}
}

/* What today's traps do not show must not be guessed: who came back unseen still counts as on. */
static void who_returns_unseen_still_counts_as_on(void **state)
{
	const struct s2_flavour today = toggling(S2_TOGGLE_FIRST_LAST);
	struct s2_vcpu *two;
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55", .vcpus = 2, .own = &today});
	touch(&r, 16, S2_ACCESS_WRITE);
	s2_vcpu_set_caches(r.vcpu, true);
	s2_vcpu_power_off(r.vcpu);
	s2_vcpu_power_on(r.vcpu);
	s2_vcpu_load(r.vcpu, r.cpu);
	s2_vcpu_set_caches(r.vcpu, true);
	two = s2_vm_vcpu(r.vm, 1);
	s2_vcpu_load(two, s2_machine_cpu(r.m, 1));
	lap(&r);
	s2_vcpu_set_caches(two, true);
	expect(&r, (struct expected){.civac = 0});
	rig_down(&r);
}

static void since_flush_cleans_a_large_block_once(void **state)
{
	const struct s2_flavour since = toggling(S2_TOGGLE_SINCE_FLUSH);
	struct rig r;

	(void)state;
	for (uint64_t backing = BLOCK; backing <= GIB; backing *= GIB / BLOCK) {
		rig_up(&r, &(struct shape){.machine = "cortex-a55",
					   .own = &since,
					   .size = 2 * GIB,
					   .backing = backing});
		for (uint64_t at = 0; at < 2 * GIB; at += backing)
			s2_vcpu_access(r.vcpu, s2_ipa(RAM + at), PAGE, S2_ACCESS_WRITE);
		lap(&r);
		s2_vcpu_set_caches(r.vcpu, true);
		expect(&r, (struct expected){.civac = 2 * GIB / 64});
		rig_down(&r);
	}
}

/* Another vcpu, which is asked for a page whenever mmu_lock is first offered. */
struct intruder {
	struct s2_vcpu *vcpu;
	uint64_t ipa;
	bool came;
};

static void intrude(void *arg, unsigned cpu, const struct s2_lock *lock)
{
	struct intruder *i = arg;

	(void)cpu;
	(void)lock;
	if (i->came)
		return;
	i->came = true;
	assert_i64(s2_vcpu_access(i->vcpu, s2_ipa(i->ipa), PAGE, S2_ACCESS_WRITE), 1);
}

static void any_op(void *arg, unsigned cpu, enum s2_op op, uint64_t addr)
{
	(void)arg, (void)cpu, (void)op, (void)addr;
}

static void any_lock(void *arg, unsigned cpu, const struct s2_lock *lock, enum s2_lock_mode mode)
{
	(void)arg, (void)cpu, (void)lock, (void)mode;
}

static void any_wait(void *arg, unsigned cpu)
{
	(void)arg, (void)cpu;
}

/* Set/way has cleaned the first GiB, where a page comes to be mapped while it goes on. */
static void since_flush_keeps_what_set_way_lets_others_map(void **state)
{
	const struct s2_flavour since = toggling(S2_TOGGLE_SINCE_FLUSH);
	struct intruder intruder;
	const struct s2_gate gate = {any_op, any_lock, intrude, any_wait, NULL, NULL, &intruder};
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){
			   .machine = "cortex-a55", .own = &since, .size = 2 * GIB, .vcpus = 2});
	touch(&r, 4, S2_ACCESS_WRITE);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	touch(&r, 8, S2_ACCESS_WRITE);
	assert_i64(s2_vcpu_load(s2_vm_vcpu(r.vm, 1), s2_machine_cpu(r.m, 1)), 0);
	intruder = (struct intruder){s2_vm_vcpu(r.vm, 1), RAM + 16 * PAGE, false};
	assert_i64(s2_machine_set_gate(r.m, &gate), 0);
	assert_i64(s2_vcpu_set_way(r.vcpu, 1), 0);
	assert_i64(s2_machine_set_gate(r.m, NULL), 0);
	assert_true(intruder.came);
	lap(&r);
	/* Of what set/way has cleaned itself nothing is left to be cleaned. */
	assert_i64(s2_vcpu_set_caches(s2_vm_vcpu(r.vm, 1), true), 0);
	expect(&r, (struct expected){.civac = PAGE / 64});
	rig_down(&r);
}

static uint64_t all_operations(const struct s2_counts *c)
{
	uint64_t sum = 0;

	for (int op = 0; op < S2_OP_COUNT; op++)
		if (op != S2_OP_DVM_BROADCAST)
			sum += c->n[op];
	return sum;
}

/* However much was mapped since, mmu_lock is offered up after each largest block. */
static void since_flush_cleans_one_largest_block_between_reschedule_points(void **state)
{
	const struct s2_flavour since = toggling(S2_TOGGLE_SINCE_FLUSH);
	/* Starts in the middle of a GiB: half of one, two whole, half of one. */
	const uint64_t at = GIB / 2, size = 3 * GIB;
	struct s2_counts gib;
	struct rig r;

	(void)state;
	rig_up(&r, &(struct shape){.machine = "cortex-a55",
				   .own = &since,
				   .at = at,
				   .size = size,
				   .backing = BLOCK});
	assert_i64(s2_vcpu_access(r.vcpu, s2_ipa(RAM + at), size, S2_ACCESS_WRITE),
		   (int64_t)(size / BLOCK));
	s2_vm_forget_longest(r.vm);
	lap(&r);
	assert_i64(s2_vcpu_set_caches(r.vcpu, true), 0);
	expect(&r, (struct expected){.civac = size / 64});
	assert_i64(s2_pgtable_flush(s2_vm_mmu(r.vm), r.cpu, s2_range(RAM + GIB, GIB)), 0);
	gib = lap(&r);
	assert_u64(s2_vm_longest_lock(r.vm), all_operations(&gib));
	rig_down(&r);
}

/* A digest of every TLBI with its operand, runs expanded, in order. */
static void digest_tlbis(void *arg, const struct s2_event *event)
{
	uint64_t *digest = arg;

	for (uint64_t i = 0; i < event->repeat; i++)
		for (size_t k = 0; k < event->n_insns; k++) {
			const struct s2_insn *insn = &event->insns[k];

			*digest = (*digest ^ insn->op) * 0x100000001b3;
			if (insn->op == S2_OP_TLBI_RIPAS2E1IS || insn->op == S2_OP_TLBI_IPAS2E1IS)
				*digest = (*digest ^ (insn->value + i * insn->value_step)) *
					  0x100000001b3;
		}
}

static void chunks_of_a_range_flush_are_the_same_as_a_run(void **state)
{
	static const char *const machines[] = {"max", "max,-lpa2", "max,granule=16k",
					       "max,granule=64k", "max,-vhe"};
	static const enum s2_range_calls calls[] = {S2_RANGE_PER_CHUNK, S2_RANGE_ONE_CALL};
	/* Start and size in pages: whole chunks, a rest, a start that LPA2 cannot name. */
	static const uint64_t ranges[][2] = {
		{0, 5 << 21}, {0, (3 << 21) + 77}, {3, 4 << 21}, {16, 1 << 21}};

	(void)state;
	for (size_t m = 0; m < 2 * ARRAY_SIZE(machines) * ARRAY_SIZE(ranges); m++) {
		const uint64_t *range = ranges[m / 2 % ARRAY_SIZE(ranges)];
		const char *machine = machines[m / 2 / ARRAY_SIZE(ranges)];
		struct s2_flavour f = *newest();
		uint64_t digest[2] = {0, 0};
		struct s2_counts counts[2];

		f.range_calls = calls[m % 2];
		s2_test_row("%s, case %zu", machine, m);
		for (uint64_t limit = 0; limit < 2; limit++) {
			const struct s2_sink sink = {.event = digest_tlbis, .arg = &digest[limit]};
			struct rig r;
			unsigned shift;

			rig_up(&r, &(struct shape){.machine = machine,
						   .own = &f,
						   .run_limit = limit,
						   .ipa_bits = 44});
			shift = s2_mmu_geometry(s2_vm_mmu(r.vm))->page_shift;
			s2_machine_add_sink(r.m, &sink);
			assert_i64(
				s2_flush_vmid_range(s2_vm_mmu(r.vm), r.cpu,
						    s2_range(range[0] << shift, range[1] << shift)),
				0);
			counts[limit] = lap(&r);
			rig_down(&r);
		}
		assert_u64(digest[0], digest[1]);
		assert_memory_equal(&counts[0], &counts[1], sizeof(counts[0]));
	}
}

/* The last range flush that a VM made. */
static void keep_range(void *arg, const struct s2_flush_call *call)
{
	struct s2_flush_call *kept = arg;

	if (call->kind == S2_FLUSH_VMID_RANGE)
		*kept = *call;
}

static void a_rounded_span_holds_what_was_cleared_and_is_one_operation(void **state)
{
	static const char *const machines[] = {"max,-lpa2", "max"};
	struct s2_flavour f = *newest();
	struct s2_test_rng rng = {7};

	(void)state;
	f.clear_flush = S2_CLEAR_FLUSH_ROUND;
	f.range_calls = S2_RANGE_ONE_CALL;
	for (int i = 0; i < 2000; i++) {
		/* Slots of whole words; the first ones small, so that spans meet their end. */
		const uint64_t pages = 64 * (1 + s2_test_rng_below(&rng, i < 1000 ? 40 : 32767));
		const uint64_t first = s2_test_rng_below(&rng, pages);
		const uint64_t last = first + s2_test_rng_below(&rng, pages - first);
		const uint64_t ram = RAM + i % 3 * PAGE; /* LPA2 names 64 KiB */
		struct s2_flush_call call = {.pages = 0};
		struct s2_counts c;
		struct rig r;

		s2_test_row("%s, slot %" PRIu64 ", %" PRIu64 " to %" PRIu64, machines[i % 2], pages,
			    first, last);
		rig_up(&r, &(struct shape){.machine = machines[i % 2],
					   .own = &f,
					   .at = ram - RAM,
					   .size = pages * PAGE,
					   .manual = true});
		s2_vm_log_start(r.vm, r.cpu, r.ram);
		s2_vcpu_access(r.vcpu, s2_ipa(ram + first * PAGE), PAGE, S2_ACCESS_WRITE);
		s2_vcpu_access(r.vcpu, s2_ipa(ram + last * PAGE), PAGE, S2_ACCESS_WRITE);
		lap(&r);
		s2_mmu_watch_flushes(s2_vm_mmu(r.vm), keep_range, &call);
		assert_true(s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, pages) > 0);
		c = lap(&r);
		assert_true(call.ipa.v >= ram && call.ipa.v <= ram + first * PAGE);
		assert_true(call.ipa.v + call.pages * PAGE > ram + last * PAGE);
		assert_true(call.pages <= pages);
		/* One operation, where the slot has room for it. */
		if (call.pages != last - first + 1 && call.pages != pages)
			assert_u64(c.n[S2_OP_TLBI_RIPAS2E1IS] + c.n[S2_OP_TLBI_IPAS2E1IS], 1);
		/* At most doubled, and what alignment asks for. */
		if (call.pages != last - first + 1 && call.pages != pages)
			assert_true(call.pages <= 2 * (last - first + 1 + 15));
		rig_down(&r);
	}
}

static void a_rounded_span_is_no_larger_than_it_must_be(void **state)
{
	/* Pages cleared, pages flushed: up to 32 units of 2, 64, 2048 pages. */
	static const uint64_t rows[][2] = {{1, 1},	 {2, 2},	 {3, 4},
					   {33, 34},	 {63, 64},	 {64, 64},
					   {65, 128},	 {2047, 2048},	 {2048, 2048},
					   {2049, 4096}, {65536, 65536}, {65537, 131072}};
	struct s2_flavour f = *newest();

	(void)state;
	f.clear_flush = S2_CLEAR_FLUSH_ROUND;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_flush_call call = {.pages = 0};
		struct rig r;

		s2_test_row("%" PRIu64 " pages", rows[i][0]);
		rig_up(&r,
		       &(struct shape){.machine = "max", .own = &f, .size = GIB, .manual = true});
		s2_vm_log_start(r.vm, r.cpu, r.ram);
		touch(&r, 1, S2_ACCESS_WRITE);
		s2_vcpu_access(r.vcpu, s2_ipa(RAM + (rows[i][0] - 1) * PAGE), PAGE,
			       S2_ACCESS_WRITE);
		s2_mmu_watch_flushes(s2_vm_mmu(r.vm), keep_range, &call);
		s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, GIB / PAGE);
		assert_u64(call.ipa.v, RAM);
		assert_u64(call.pages, rows[i][1]);
		rig_down(&r);
	}
}

/* One page is one TLBI IPAS2E1IS already: nothing to round, wherever the page lies. */
static void a_rounded_span_of_one_page_is_that_page(void **state)
{
	static const char *const machines[] = {"max", "max,-lpa2", "max,-lpa2,pa=48,-ttl"};
	static const uint64_t pages[] = {0, 1, 15, 16, 17, 4095};
	struct s2_flavour f = *newest();

	(void)state;
	f.clear_flush = S2_CLEAR_FLUSH_ROUND;
	for (size_t i = 0; i < ARRAY_SIZE(machines) * ARRAY_SIZE(pages); i++) {
		const uint64_t page = pages[i / ARRAY_SIZE(machines)];
		struct s2_flush_call call = {.pages = 0};
		struct rig r;

		s2_test_row("%s, page %" PRIu64, machines[i % ARRAY_SIZE(machines)], page);
		rig_up(&r, &(struct shape){.machine = machines[i % ARRAY_SIZE(machines)],
					   .own = &f,
					   .manual = true});
		s2_vm_log_start(r.vm, r.cpu, r.ram);
		s2_vcpu_access(r.vcpu, s2_ipa(RAM + page * PAGE), PAGE, S2_ACCESS_WRITE);
		lap(&r);
		s2_mmu_watch_flushes(s2_vm_mmu(r.vm), keep_range, &call);
		assert_i64(s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, 32 * MIB / PAGE), 1);
		assert_u64(call.ipa.v, RAM + page * PAGE);
		assert_u64(call.pages, 1);
		expect(&r, (struct expected){.ipas2e1is = 1, .vmalle1is = 1});
		rig_down(&r);
	}
}

static void a_rounded_span_at_the_slots_end_grows_downwards(void **state)
{
	struct s2_flavour f = *newest();
	struct s2_flush_call call = {.pages = 0};
	struct rig r;

	(void)state;
	f.clear_flush = S2_CLEAR_FLUSH_ROUND;
	rig_up(&r, &(struct shape){.machine = "max", .own = &f, .size = GIB, .manual = true});
	s2_vm_log_start(r.vm, r.cpu, r.ram);
	s2_vcpu_access(r.vcpu, s2_ipa(RAM + GIB - 65 * PAGE), 65 * PAGE, S2_ACCESS_WRITE);
	s2_mmu_watch_flushes(s2_vm_mmu(r.vm), keep_range, &call);
	s2_vm_log_clear(r.vm, r.cpu, r.ram, 0, GIB / PAGE);
	assert_u64(call.ipa.v, RAM + GIB - 128 * PAGE);
	assert_u64(call.pages, 128);
	rig_down(&r);
}

/* What a log says was cleared is checked as a whole, whatever the policy looks at. */
static void what_was_cleared_is_pages_of_the_slot_or_nothing_is_flushed(void **state)
{
	static const enum s2_clear_flush policies[] = {S2_CLEAR_FLUSH_SLOT, S2_CLEAR_FLUSH_SPAN,
						       S2_CLEAR_FLUSH_ROUND};
	const struct s2_range slot = s2_range(RAM, GIB), past = s2_range(UINT64_C(1) << 48, GIB);
	const struct s2_range bad[] = {
		s2_range(RAM, 0),	   s2_range(RAM - PAGE, PAGE),
		s2_range(RAM + GIB, PAGE), s2_range(RAM + GIB - PAGE, 2 * PAGE),
		s2_range(RAM + 1, PAGE),   s2_range(RAM, PAGE / 2),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		struct s2_flavour f = *newest();
		struct rig r;

		f.clear_flush = policies[i];
		rig_up(&r, &(struct shape){.machine = "max", .own = &f, .size = GIB});
		lap(&r);
		for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
			s2_test_row("policy %zu, range %zu", i, k);
			assert_i64(s2_vm_flush_cleared(r.vm, r.cpu, slot, bad[k]), -EINVAL);
		}
		s2_test_row("policy %zu, good or past the IPA size", i);
		assert_i64(s2_vm_flush_cleared(r.vm, r.cpu, past, past), -ERANGE);
		assert_u64(lap(&r).n[S2_OP_TLBI_VMALLE1IS], 0);
		assert_i64(s2_vm_flush_cleared(r.vm, r.cpu, slot, slot), 0);
		assert_u64(lap(&r).n[S2_OP_TLBI_VMALLE1IS], 1);
		rig_down(&r);
	}
}

/* By cost: one call while its TLBIs cost no more than the refills of the whole VMID. */
static void by_cost_takes_the_cheaper_of_range_and_vmid(void **state)
{
	struct s2_flavour f = *newest();
	struct rig r;

	(void)state;
	f.range_calls = S2_RANGE_BY_COST;
	f.costs = (struct s2_flush_costs){.range_op = 100, .refill = 10};
	/* 20 GiB: three chunks, one operation each; 300 against 10 a lost entry. */
	for (uint64_t lost = 29; lost <= 30; lost++) {
		f.costs.lost_entries = lost;
		rig_up(&r, &(struct shape){.machine = "max,-lpa2", .own = &f});
		assert_i64(s2_flush_vmid_range(s2_vm_mmu(r.vm), r.cpu, s2_range(0, 20 * GIB)), 0);
		if (lost < 30)
			expect(&r, (struct expected){.vmalls12e1is = 1});
		else
			expect(&r, (struct expected){.ripas2e1is = 3, .vmalle1is = 1});
		rig_down(&r);
	}
	/* Seven pages: two operations. */
	f.costs.lost_entries = 19;
	rig_up(&r, &(struct shape){.machine = "max,-lpa2", .own = &f});
	assert_i64(s2_flush_vmid_range(s2_vm_mmu(r.vm), r.cpu, s2_range(0, 7 * PAGE)), 0);
	expect(&r, (struct expected){.vmalls12e1is = 1});
	rig_down(&r);
	f.costs.lost_entries = 20;
	rig_up(&r, &(struct shape){.machine = "max,-lpa2", .own = &f});
	assert_i64(s2_flush_vmid_range(s2_vm_mmu(r.vm), r.cpu, s2_range(0, 7 * PAGE)), 0);
	expect(&r, (struct expected){.ripas2e1is = 1, .ipas2e1is = 1, .vmalle1is = 1});
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(cpu_on_turns_caches_off_and_does_not_arm_tvm),
		s2_unit_test(what_powers_off_is_counted_off_where_its_return_is_seen),
		s2_unit_test(who_returns_unseen_still_counts_as_on),
		s2_unit_test(since_flush_keeps_what_set_way_lets_others_map),
		s2_unit_test(since_flush_cleans_a_large_block_once),
		s2_unit_test(since_flush_cleans_one_largest_block_between_reschedule_points),
		s2_unit_test(chunks_of_a_range_flush_are_the_same_as_a_run),
		s2_unit_test(a_rounded_span_holds_what_was_cleared_and_is_one_operation),
		s2_unit_test(a_rounded_span_is_no_larger_than_it_must_be),
		s2_unit_test(a_rounded_span_of_one_page_is_that_page),
		s2_unit_test(a_rounded_span_at_the_slots_end_grows_downwards),
		s2_unit_test(what_was_cleared_is_pages_of_the_slot_or_nothing_is_flushed),
		s2_unit_test(by_cost_takes_the_cheaper_of_range_and_vmid),
	};

	return cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
