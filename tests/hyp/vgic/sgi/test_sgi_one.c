/* SPDX-License-Identifier: MIT */
/*
 * The short ways of a send, taken where nobody watches, against the long ones:
 * two VMs live through the same random operations, one of them watched.  After
 * each the counts are equal, and so is every interrupt and every vcpu.
 */
#include "hyp/vgic/vgic_fixture.h"
#include "hyp/vgic/delivery/vgic_run.h"

#define SENDS 3000U

struct pair {
	struct vm vm[2]; /* the second one is watched */
	unsigned n;	 /* vcpus */
	struct s2_test_rng rng;
	uint64_t events;
};

static unsigned any(struct pair *p, unsigned below)
{
	return (unsigned)s2_test_rng_below(&p->rng, below);
}

static void count_event(void *arg, const struct s2_event *event)
{
	struct pair *p = arg;

	(void)event;
	p->events++;
}

static void start(struct pair *p, const struct s2_vgic_config *cfg)
{
	const struct s2_sink sink = {.event = count_event, .arg = p};

	for (int k = 0; k < 2; k++) {
		vm_machine(&p->vm[k], 8);
		vm_start(&p->vm[k], cfg, p->n);
		for (unsigned i = 0; i < p->n; i++)
			vm_open(&p->vm[k], i);
		s2_vgic_build_index(p->vm[k].vgic);
	}
	assert_i64(s2_machine_add_sink(p->vm[1].m, &sink), 0);
}

static void stop(struct pair *p)
{
	assert_true(p->events > SENDS);
	vm_stop(&p->vm[0]);
	vm_stop(&p->vm[1]);
}

static uint64_t random_write(struct pair *p)
{
	const struct s2_mpidr near = s2_vgic_mpidr(vm_vcpu(&p->vm[0], any(p, p->n)));
	const struct s2_sgi sgi = {
		.targets = (uint16_t)(any(p, 4) ? 1U << (near.v & 15) : s2_test_rng_next(&p->rng)),
		.aff1 = s2_mpidr_aff(near, 1),
		.aff2 = any(p, 50) ? s2_mpidr_aff(near, 2) : 9,
		.aff3 = any(p, 50) ? s2_mpidr_aff(near, 3) : 1,
		.rs = (uint8_t)(any(p, 50) ? 0 : 1),
		.intid = (uint8_t)any(p, 3),
		.all_but_self = !any(p, 20),
	};
	uint64_t value;

	assert_i64(s2_sgi_encode(&sgi, &value), 0);
	return value;
}

static void send(struct pair *p)
{
	const enum s2_sgi_reg reg = any(p, 10) ? S2_ICC_SGI1R : S2_ICC_SGI0R;
	const uint64_t value = random_write(p);
	const unsigned sender = any(p, p->n);
	const unsigned cpu = any(p, 8);

	for (int k = 0; k < 2; k++)
		assert_i64(s2_vgic_send_sgi(vm_vcpu(&p->vm[k], sender), vm_cpu(&p->vm[k], cpu), reg,
					    value),
			   0);
}

static void move(struct vm *vm, unsigned i, unsigned cpu, unsigned what)
{
	struct s2_vgic_cpu *v = vm_vcpu(vm, i);
	uint32_t intid;

	switch (what) {
	case 0:
		s2_vgic_load(v, vm_cpu(vm, cpu));
		break;
	case 1:
		s2_vgic_enter(v);
		break;
	case 2:
		intid = s2_ich_ack(s2_vgic_ich(v), true);
		s2_ich_eoi(s2_vgic_ich(v), true, intid);
		break;
	case 3:
		s2_vgic_exit(v);
		break;
	case 4:
		s2_vgic_wfi(v);
		break;
	default:
		s2_vgic_put(v);
	}
}

static bool cpu_is_free(struct vm *vm, unsigned cpu)
{
	for (unsigned i = 0; i < s2_vgic_vcpus(vm->vgic); i++)
		if (s2_vgic_run_state(vm_vcpu(vm, i)).cpu == (int)cpu)
			return false;
	return true;
}

static void reconfigure(struct vm *vm, unsigned i, unsigned what, uint64_t bits)
{
	static const uint32_t regs[] = {0x10080, 0x10100, 0x10180, 0x10300, 0x10380, 0x10280};

	if (what < ARRAY_SIZE(regs))
		vm_wr(vm, i, regs[what], (what == 0 ? bits | 3 : bits & 7) & UINT32_MAX);
	else if (what == ARRAY_SIZE(regs))
		vm_dist_wr(vm, 0, bits & 1 ? S2_GICD_CTLR_ENABLE_G1 | (bits & 0x100) : 0);
	else
		s2_vgic_set_mpidr(vm_vcpu(vm, i), s2_mpidr_from_id((uint32_t)bits % 80));
}

/* What is to be compared, one bit or byte each (structs have padding). */
static uint64_t packed_run(struct vm *vm, unsigned i)
{
	const struct s2_vgic_run_state s = s2_vgic_run_state(vm_vcpu(vm, i));

	return (uint64_t)s.in_guest | (uint64_t)s.exiting << 1 | (uint64_t)s.blocked << 2 |
	       (uint64_t)s.irq_requested << 3 | (uint64_t)(s.cpu + 1) << 8;
}

static uint64_t packed_irq(struct vm *vm, unsigned i, unsigned intid)
{
	struct s2_irq_state s;

	assert_i64(s2_vgic_irq_state(vm->vgic, vm_vcpu(vm, i), intid, &s), 0);
	return (uint64_t)s.pending | (uint64_t)s.active << 1 | (uint64_t)s.enabled << 2 |
	       (uint64_t)s.group1 << 3 | (uint64_t)s.latch << 4 | (uint64_t)s.hw << 5 |
	       (uint64_t)(s.queued_on + 1) << 8;
}

static void compare_vcpu(struct pair *p, unsigned i)
{
	s2_test_row("vcpu %u", i);
	assert_u64(packed_run(&p->vm[0], i), packed_run(&p->vm[1], i));
	for (unsigned n = 0; n < 3; n++)
		assert_u64(packed_irq(&p->vm[0], i, n), packed_irq(&p->vm[1], i, n));
}

static void compare_counts(struct pair *p)
{
	const struct s2_counts a = s2_machine_counts(p->vm[0].m);
	const struct s2_counts b = s2_machine_counts(p->vm[1].m);

	for (int op = 0; op < S2_OP_COUNT; op++) {
		s2_test_row("%s", s2_op_name(op));
		assert_u64(a.n[op], b.n[op]);
	}
}

static void step(struct pair *p)
{
	const unsigned i = any(p, p->n);
	const unsigned cpu = any(p, 8);
	const unsigned kind = any(p, 20);
	const unsigned what = kind ? any(p, 6) : any(p, 4) ? 1U + any(p, 2) : any(p, 8);
	const uint64_t bits = s2_test_rng_next(&p->rng);

	for (int k = 0; k < 2; k++) {
		if (!kind)
			reconfigure(&p->vm[k], i, what, bits);
		else if (kind < 10 && (what || cpu_is_free(&p->vm[k], cpu)))
			move(&p->vm[k], i, cpu, what);
	}
	if (kind >= 10)
		send(p);
}

static void live(const struct s2_vgic_config *cfg, unsigned n_vcpus, uint64_t seed)
{
	struct pair p = {.n = n_vcpus, .rng = {seed}};

	start(&p, cfg);
	for (unsigned n = 0; n < SENDS; n++) {
		step(&p);
		if (n % 8)
			continue;
		compare_counts(&p);
		compare_vcpu(&p, any(&p, p.n));
	}
	for (unsigned i = 0; i < p.n; i++)
		compare_vcpu(&p, i);
	stop(&p);
}

static void live_with(struct s2_routing routing)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		const struct s2_vgic_config cfg = {
			.routing = routing,
			.group_rule = kind == 1 ? S2_SGI_GROUP_EQUAL : S2_SGI_GROUP_KVM,
			.range_selector = kind == 2,
			.gicv4_1 = kind == 3,
		};

		/* Few, that much may happen to one; and more than a word of the sets. */
		live(&cfg, 4, 100 + kind);
		live(&cfg, 70, 200 + kind);
	}
}

static void watched_or_not_the_same_is_done_and_counted(void **state)
{
	(void)state;
	for (int lookup = 0; lookup < S2_LOOKUPS; lookup++)
		for (int dispatch = 0; dispatch < S2_SGI_DISPATCHES; dispatch++)
			for (int broadcast = 0; broadcast < S2_SGI_BROADCASTS; broadcast++)
				live_with((struct s2_routing){lookup, dispatch, broadcast});
}

/* What a watcher is told of one write, in order. */
struct steps {
	enum s2_op op[16];
	unsigned n;
};

static void note_step(void *arg, const struct s2_event *event)
{
	struct steps *s = arg;

	for (size_t i = 0; i < event->n_insns && s->n < ARRAY_SIZE(s->op); i++)
		s->op[s->n++] = event->insns[i].op;
}

static void a_watcher_is_told_each_step_in_the_order_of_the_kernel(void **state)
{
	static const enum s2_op expected[] = {
		S2_OP_MPIDR_GATHER, S2_OP_VCPU_PROBE, S2_OP_IRQ_LOCK,  S2_OP_IRQ_LOCK,
		S2_OP_IRQ_LOCK,	    S2_OP_KICK_IPI,   S2_OP_SGI_QUEUE,
	};
	static const enum s2_op again[] = {
		S2_OP_MPIDR_GATHER,
		S2_OP_VCPU_PROBE,
		S2_OP_IRQ_LOCK,
		S2_OP_SGI_QUEUE,
	};
	const struct s2_vgic_config cfg = {
		.routing = {S2_LOOKUP_TABLE, S2_SGI_BITS, S2_BROADCAST_PLAIN}};
	struct steps steps = {.n = 0};
	const struct s2_sink sink = {.event = note_step, .arg = &steps};
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 2);
	vm_start(&vm, &cfg, 4);
	assert_i64(s2_vgic_load(vm_vcpu(&vm, 2), vm_cpu(&vm, 1)), 0);
	assert_i64(s2_vgic_enter(vm_vcpu(&vm, 2)), 0);
	assert_i64(s2_machine_add_sink(vm.m, &sink), 0);
	vm_sgi(&vm, 0, sgi_to(s2_mpidr_from_id(2), 1));
	assert_int_equal(steps.n, ARRAY_SIZE(expected));
	assert_memory_equal(steps.op, expected, sizeof(expected));
	steps.n = 0;
	vm_sgi(&vm, 0, sgi_to(s2_mpidr_from_id(2), 1));
	assert_int_equal(steps.n, ARRAY_SIZE(again));
	assert_memory_equal(steps.op, again, sizeof(again));
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(watched_or_not_the_same_is_done_and_counted),
		s2_unit_test(a_watcher_is_told_each_step_in_the_order_of_the_kernel),
	};

	return cmocka_run_group_tests_name("hyp/sgi_one", tests, NULL, NULL);
}
