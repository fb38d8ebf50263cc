/* SPDX-License-Identifier: MIT */
/*
 * Faults whose counts are known (fault.c) count and leave what the long way
 * does: random programs on two machines, of which one never takes a short cut.
 */
#include "support.h"

#include <string.h>

#include <stage2sim/vm.h>

#define PAGE	 UINT64_C(4096)
#define MIB	 (UINT64_C(1) << 20)
#define GIB	 (UINT64_C(1) << 30)
#define RAM	 GIB
#define SLOT	 (32 * MIB)   /* 16 last-level tables: enough for an index */
#define SIZE	 (SLOT - MIB) /* its last pages are in no block */
#define SLOTS	 3U
#define STEPS	 300U
#define PROGRAMS 60U

struct side {
	struct s2_machine *m;
	struct s2_vmids *vmids;
	struct s2_vm *vm;
	struct s2_vcpu *vcpu[2];
	int slot[SLOTS];
	unsigned made[SLOTS]; /* how often; each time it has other memory */
};

static struct s2_slot_config slot_config(const struct side *s, unsigned i)
{
	const struct s2_slot_config cfg = {
		.ipa = {RAM + i * SLOT},
		.size = SIZE,
		.hva = {0x100000000 + i * SLOT},
		.pa = {4 * GIB + i * SLOT + s->made[i] * GIB},
		/* In the last two no fault can be known: of a block, of what is not there. */
		.backing = i == 1 ? 2 * MIB : PAGE,
		.populated = i + 1 < SLOTS,
	};

	return cfg;
}

static void add_slot(struct side *s, unsigned i)
{
	const struct s2_slot_config cfg = slot_config(s, i);

	s->made[i]++;
	s->slot[i] = s2_vm_add_slot(s->vm, &cfg);
	assert_true(s->slot[i] >= 0);
}

static void side_up(struct side *s, const char *machine, const char *flavour, uint64_t run_limit)
{
	struct s2_machine_config mc = {.cpus = 2, .run_limit = run_limit};
	struct s2_vm_config cfg = {.flavour = s2_flavour_find(flavour)};

	memset(s, 0, sizeof(*s));
	assert_i64(s2_features_parse(machine, &mc.features, NULL), 0);
	assert_i64(s2_machine_create(&mc, &s->m), 0);
	assert_i64(s2_vmids_create(s->m, &s->vmids), 0);
	cfg.vmids = s->vmids;
	assert_i64(s2_vm_create(s->m, &cfg, &s->vm), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		add_slot(s, i);
	for (unsigned i = 0; i < 2; i++) {
		s->vcpu[i] = s2_vm_vcpu(s->vm, s2_vm_add_vcpu(s->vm));
		assert_i64(s2_vcpu_load(s->vcpu[i], s2_machine_cpu(s->m, i)), 0);
	}
}

static void side_down(struct side *s)
{
	s2_vm_free(s->vm);
	s2_vmids_free(s->vmids);
	s2_machine_destroy(s->m);
}

enum op {
	TOUCH,
	TOUCH_AGAIN,
	TOUCH_MANY,
	UNMAP,
	AGE,
	LOG_START,
	LOG_STOP,
	LOG_GET,
	REMAKE,
	SWAP,
	OPS
};

struct step {
	enum op op;
	unsigned vcpu, slot;
	enum s2_access access;
	uint64_t page, pages, offset;
};

static struct step random_step(struct s2_test_rng *rng)
{
	/* At the start, among blocks, and over the end. */
	static const uint64_t pages_at[] = {0, 4096, SIZE / PAGE - 60};
	struct step s = {
		/* Mostly accesses, or nothing is ever known for long. */
		.op = s2_test_rng_below(rng, 4) ? (enum op)s2_test_rng_below(rng, 3)
						: (enum op)s2_test_rng_below(rng, OPS),
		.vcpu = s2_test_rng_below(rng, 4) == 0,
		.slot = (unsigned)s2_test_rng_below(rng, SLOTS),
		.access = s2_test_rng_below(rng, 4) ? S2_ACCESS_WRITE
						    : (enum s2_access)s2_test_rng_below(rng, 3),
		.page = pages_at[s2_test_rng_below(rng, 3)] + s2_test_rng_below(rng, 64),
		.pages = 1 + s2_test_rng_below(rng, 40),
		.offset = s2_test_rng_below(rng, PAGE),
	};

	return s;
}

/* A vcpu changes places with the other: each goes to the other's CPU. */
static int swap(struct side *s)
{
	struct s2_vcpu *first = s->vcpu[0];
	int ret = s2_vcpu_put(s->vcpu[0]);

	if (!ret)
		ret = s2_vcpu_put(s->vcpu[1]);
	s->vcpu[0] = s->vcpu[1];
	s->vcpu[1] = first;
	for (unsigned i = 0; !ret && i < 2; i++)
		ret = s2_vcpu_load(s->vcpu[i], s2_machine_cpu(s->m, i));
	return ret;
}

static int remake(struct side *s, unsigned slot)
{
	int ret = s2_vm_delete_slot(s->vm, s2_machine_cpu(s->m, 0), s->slot[slot]);

	add_slot(s, slot);
	return ret;
}

static int64_t do_step(struct side *s, const struct step *step)
{
	const struct s2_slot_config cfg = slot_config(s, step->slot);
	const uint64_t at = step->page * PAGE;
	struct s2_cpu *cpu = s2_machine_cpu(s->m, 0);

	switch (step->op) {
	case TOUCH:
	case TOUCH_AGAIN:
		/* Up to a page, from anywhere in one: one page or two, or none (-EINVAL). */
		return s2_vcpu_access(s->vcpu[step->vcpu], s2_ipa(cfg.ipa.v + at + step->offset),
				      step->op == TOUCH ? PAGE - step->offset
							: step->pages * 100 - 100,
				      step->access);
	case TOUCH_MANY:
		return s2_vcpu_access(s->vcpu[step->vcpu], s2_ipa(cfg.ipa.v + at),
				      step->pages * PAGE, step->access);
	case UNMAP:
		return s2_vm_unmap_hva(s->vm, cpu, s2_va(cfg.hva.v + at), step->pages * PAGE,
				       S2_UNMAP_CLEAR);
	case AGE:
		return s2_vm_age_hva(s->vm, cpu, s2_va(cfg.hva.v + at), step->pages * PAGE);
	case LOG_START:
		return s2_vm_log_start(s->vm, cpu, s->slot[step->slot]);
	case LOG_STOP:
		return s2_vm_log_stop(s->vm, cpu, s->slot[step->slot]);
	case LOG_GET:
		return s2_vm_log_get(s->vm, cpu, s->slot[step->slot]);
	case REMAKE:
		return remake(s, step->slot);
	default:
		return swap(s);
	}
}

static void expect_same(struct side *a, struct side *b)
{
	const struct s2_counts x = s2_machine_counts(a->m), y = s2_machine_counts(b->m);

	for (int op = 0; op < S2_OP_COUNT; op++)
		if (x.n[op] != y.n[op])
			fail_msg("%s: %llu with short cuts, %llu without",
				 s2_op_name((enum s2_op)op), (unsigned long long)x.n[op],
				 (unsigned long long)y.n[op]);
	assert_u64(s2_vm_longest_lock(a->vm), s2_vm_longest_lock(b->vm));
	assert_u64(s2_vm_longest_stretch(a->vm), s2_vm_longest_stretch(b->vm));
}

static void expect_same_tables(struct side *a, struct side *b)
{
	for (uint64_t i = 0; i < SLOTS * SLOT / PAGE; i++) {
		struct s2_leaf p, q;

		s2_pgtable_lookup(s2_vm_mmu(a->vm), NULL, s2_ipa(RAM + i * PAGE), &p);
		s2_pgtable_lookup(s2_vm_mmu(b->vm), NULL, s2_ipa(RAM + i * PAGE), &q);
		assert_u64(p.pte, q.pte);
		assert_i64(p.level, q.level);
	}
}

static const struct {
	const char *machine, *flavour;
} shapes[] = {
	{"neoverse-n1", "kvm-6.12"}, {"cortex-a72", "kvm-6.1"},	 {"neoverse-n2", "kvm-7.2"},
	{"max", "kvm-6.12"},	     {"neoverse-n1", "kvm-5.4"},
};

static void run_program(uint64_t seed)
{
	const size_t shape = (size_t)(seed % ARRAY_SIZE(shapes));
	struct s2_test_rng rng = {seed};
	struct side fast, slow;

	side_up(&fast, shapes[shape].machine, shapes[shape].flavour, 0);
	side_up(&slow, shapes[shape].machine, shapes[shape].flavour, 1);
	for (unsigned i = 0; i < STEPS; i++) {
		const struct step s = random_step(&rng);

		s2_test_row("program %llu step %u (%d) on %s", (unsigned long long)seed, i, s.op,
			    shapes[shape].machine);
		assert_i64(do_step(&fast, &s), do_step(&slow, &s));
		expect_same(&fast, &slow);
	}
	expect_same_tables(&fast, &slow);
	side_down(&fast);
	side_down(&slow);
}

static void known_faults_count_and_leave_what_others_do(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
		run_program(seed);
	print_message("%u programs of %u steps\n", PROGRAMS, STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(known_faults_count_and_leave_what_others_do),
	};

	return cmocka_run_group_tests_name("fault_memo", tests, NULL, NULL);
}
