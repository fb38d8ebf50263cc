/* SPDX-License-Identifier: MIT */
/*
 * SPIs, edge and level, routed to and fro and ended by any vcpu, against a
 * naive model: none is taken that should not be, and none is left.
 *
 * The naive model is one row an SPI: line, latch, enabled, active, priority,
 * route.  A vcpu visits its guest, takes what there is, and leaves; between
 * visits lines and registers change.  Ends are in two steps (EOImode 1), the
 * second by any vcpu, at any later time, more than the list registers hold.
 *
 * S2_TEST_OPERATIONS: how many (default 200,000).
 */
#include <stdlib.h>

#include "hyp/vgic/vgic_fixture.h"

#define VCPUS 4U
#define SPIS  12U
#define FIRST 32U

struct spi {
	bool level, line, latch, enabled, active;
	uint8_t priority;
	unsigned route;
};

struct world {
	struct vm vm;
	struct s2_test_rng rng;
	struct spi spi[SPIS];
	uint64_t taken;
};

static unsigned any(struct world *w, unsigned below)
{
	return (unsigned)s2_test_rng_below(&w->rng, below);
}

static bool deliverable(const struct spi *s)
{
	return s->enabled && !s->active && (s->level ? s->line : s->latch);
}

static void start(struct world *w, uint64_t seed)
{
	struct s2_vgic_config cfg = vm_plain;

	w->rng.state = seed;
	cfg.overflow = S2_OVERFLOW_NPIE;
	vm_boot(&w->vm, &cfg, VCPUS);
	for (unsigned v = 0; v < VCPUS; v++)
		s2_vgic_ich(vm_vcpu(&w->vm, v))->vmcr |= S2_VMCR_EOIM;
	for (unsigned i = 0; i < SPIS; i++)
		w->spi[i].level = i % 2;
	/* Even ones edge (2), odd ones level (0). */
	vm_dist_wr(&w->vm, 0xc00 + FIRST / 4, 0x22222222);
	for (unsigned v = 0; v < VCPUS; v++)
		assert_i64(s2_vgic_load(vm_vcpu(&w->vm, v), vm_cpu(&w->vm, v + 1)), 0);
}

static void end_one(struct world *w, unsigned v, unsigned i)
{
	assert_i64(s2_vgic_dir(vm_vcpu(&w->vm, v), FIRST + i), 0);
	w->spi[i].active = false;
}

/* One acknowledge. @return whether there was something */
static bool take(struct world *w, unsigned v)
{
	struct s2_ich *ich = s2_vgic_ich(vm_vcpu(&w->vm, v));
	const uint32_t intid = s2_ich_ack(ich, true);
	struct spi *s;

	if (intid == S2_GIC_SPURIOUS)
		return false;
	s = &w->spi[intid - FIRST];
	s2_test_row("vcpu %u intid %" PRIu32, v, intid);
	assert_true(intid >= FIRST && intid < FIRST + SPIS);
	assert_true(deliverable(s));
	assert_int_equal(s->route, v);
	/* The most urgent one of this vcpu's; one that was routed here may still be on its way. */
	for (unsigned i = 0; i < SPIS; i++)
		if (deliverable(&w->spi[i]) && w->spi[i].route == v &&
		    vm_irq(&w->vm, v, FIRST + i).queued_on == (int)v)
			assert_true(w->spi[i].priority >= s->priority);
	s->latch = false;
	s->active = true;
	s2_ich_eoi(ich, true, intid);
	w->taken++;
	if (any(w, 2))
		end_one(w, v, intid - FIRST);
	return true;
}

/* In and out, up to @most taken. */
static void visit(struct world *w, unsigned v, unsigned most)
{
	struct s2_vgic_cpu *vcpu = vm_vcpu(&w->vm, v);
	bool took = true;

	while (took && most--) {
		assert_i64(s2_vgic_enter(vcpu), 0);
		took = take(w, v);
		assert_i64(s2_vgic_exit(vcpu), 0);
	}
}

static void end_later(struct world *w)
{
	const unsigned v = any(w, VCPUS);
	const unsigned i = any(w, SPIS);

	assert_i64(s2_vgic_enter(vm_vcpu(&w->vm, v)), 0);
	end_one(w, v, i);
	assert_i64(s2_vgic_exit(vm_vcpu(&w->vm, v)), 0);
}

static void route(struct world *w, unsigned i)
{
	const struct s2_gic_io io = vm_io(&w->vm, 0x6000 + 8 * (FIRST + i), 8);

	w->spi[i].route = any(w, VCPUS);
	assert_i64(s2_vgic_dist_write(w->vm.vgic, &io, w->spi[i].route), 0);
}

static void configure(struct world *w, unsigned i)
{
	const struct s2_gic_io prio = vm_io(&w->vm, 0x400 + FIRST + i, 1);

	switch (any(w, 4)) {
	case 0:
		w->spi[i].enabled = false;
		vm_dist_wr(&w->vm, 0x180 + FIRST / 8, UINT32_C(1) << i);
		break;
	case 1:
		w->spi[i].priority = (uint8_t)(any(w, 20) * 8);
		assert_i64(s2_vgic_dist_write(w->vm.vgic, &prio, w->spi[i].priority), 0);
		break;
	default:
		w->spi[i].enabled = true;
		vm_dist_wr(&w->vm, 0x100 + FIRST / 8, UINT32_C(1) << i);
	}
}

static void inject(struct world *w, unsigned i)
{
	const bool up = any(w, 2);

	assert_i64(s2_vgic_inject(w->vm.vgic, vm_cpu(&w->vm, 0), NULL, FIRST + i, up), 0);
	w->spi[i].line = up;
	w->spi[i].latch |= up && !w->spi[i].level;
}

static void check_state(struct world *w)
{
	for (unsigned i = 0; i < SPIS; i++) {
		const struct s2_irq_state s = vm_irq(&w->vm, 0, FIRST + i);

		s2_test_row("SPI %u", FIRST + i);
		assert_int_equal(s.active, w->spi[i].active);
		assert_int_equal(s.pending, w->spi[i].level ? w->spi[i].line : w->spi[i].latch);
	}
}

/*
 * Twice round, as one visit may leave another vcpu something: then nothing is
 * left.  A level that is ended comes again, until it is not ended at once.
 */
static void drain(struct world *w)
{
	for (unsigned n = 0; n < 2 * VCPUS; n++)
		visit(w, n % VCPUS, 500);
	for (unsigned i = 0; i < SPIS; i++) {
		s2_test_row("SPI %u", FIRST + i);
		assert_false(deliverable(&w->spi[i]));
	}
}

static void step(struct world *w)
{
	const unsigned i = any(w, SPIS);

	switch (any(w, 8)) {
	case 0:
		route(w, i);
		break;
	case 1:
		configure(w, i);
		break;
	case 2:
	case 3:
		inject(w, i);
		break;
	case 4:
		end_later(w);
		break;
	default:
		visit(w, any(w, VCPUS), 1 + any(w, 6));
	}
	check_state(w);
	if (!any(w, 64))
		drain(w);
}

static void no_spi_is_lost_or_taken_twice_wherever_it_is_ended(void **state)
{
	const char *text = getenv("S2_TEST_OPERATIONS");
	const unsigned long n = text ? strtoul(text, NULL, 0) : 200000;

	(void)state;
	for (uint64_t life = 0; life < 4; life++) {
		struct world w = {.taken = 0};

		start(&w, 50 + life);
		for (unsigned long k = 0; k < n / 4; k++)
			step(&w);
		assert_true(w.taken > n / 100);
		for (unsigned v = 0; v < VCPUS; v++)
			assert_i64(s2_vgic_put(vm_vcpu(&w.vm, v)), 0);
		vm_stop(&w.vm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(no_spi_is_lost_or_taken_twice_wherever_it_is_ended),
	};

	return cmocka_run_group_tests_name("hyp/vgic_spi_model", tests, NULL, NULL);
}
