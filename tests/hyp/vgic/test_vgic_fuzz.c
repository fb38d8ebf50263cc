/* SPDX-License-Identifier: MIT */
/*
 * Register access fuzzed by offset, width, value and who: no crash, and what is
 * read back is what a naive model of the registers says.
 *
 * The naive model has one array a field, by interrupt, and knows offsets from
 * the manual only.  vcpus do not run here, so nothing but accesses changes it.
 *
 * S2_TEST_ACCESSES: how many (default 300,000).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hyp/vgic/vgic_fixture.h"

#define VCPUS 3U
#define IRQS  96U /* 64 SPIs */

/* The state of an interrupt that registers show. */
struct naive_irq {
	uint8_t group, enabled, latch, active, prio, edge;
	uint32_t route;
};

struct naive {
	struct naive_irq private[VCPUS][32];
	struct naive_irq spi[IRQS]; /* the first 32 are not used */
	uint64_t propbaser, pendbaser[VCPUS];
	uint32_t ctlr, revision;
};

/* One access. */
struct access {
	bool dist, user;
	unsigned vcpu, size;
	uint32_t offset;
	uint64_t value;
};

static void reset(struct naive *m)
{
	memset(m, 0, sizeof(*m));
	m->revision = 3;
	m->ctlr = 2;
	for (unsigned v = 0; v < VCPUS; v++) {
		m->pendbaser[v] = 0x580;
		for (unsigned i = 0; i < 32; i++) {
			m->private[v][i].group = 1;
			m->private[v][i].enabled = i < 16;
			m->private[v][i].edge = i < 16;
		}
	}
	for (unsigned i = 32; i < IRQS; i++) {
		m->spi[i].group = 1;
		m->spi[i].edge = 1;
	}
}

static struct naive_irq *irq_at(struct naive *m, const struct access *a, unsigned intid)
{
	if (!a->dist)
		return intid < 32 ? &m->private[a->vcpu][intid] : NULL;
	return intid >= 32 && intid < IRQS ? &m->spi[intid] : NULL;
}

/* Which array of the interrupts, as the manual orders them. */
enum array {
	GROUP,
	SENABLE,
	CENABLE,
	SPEND,
	CPEND,
	SACTIVE,
	CACTIVE,
	PRIO,
	CONFIG,
	NONE
};

/* Arrays of one bit stand from 0x80 to 0x3ff, 0x80 apart. */
static enum array array_at(const struct access *a, unsigned *first, unsigned *bits)
{
	const uint32_t at = a->dist ? a->offset : a->offset - 0x10000;
	const uint32_t end = a->dist ? 0x80 : 4;

	*bits = 1;
	if (!a->dist && a->offset < 0x10000)
		return NONE;
	if (at >= 0x80 && at < 0x400 && at % 0x80 < end && a->size == 4 && at % 4 == 0) {
		*first = at % 0x80 * 8;
		return (enum array)(at / 0x80 - 1);
	}
	if (at >= 0x400 && at < (a->dist ? 0x800U : 0x420U) && (a->size == 1 || a->size == 4) &&
	    at % a->size == 0) {
		*bits = 8;
		*first = at - 0x400;
		return PRIO;
	}
	if (at >= 0xc00 && at < (a->dist ? 0xd00U : 0xc08U) && a->size == 4 && at % 4 == 0) {
		*bits = 2;
		*first = (at - 0xc00) * 4;
		return CONFIG;
	}
	return NONE;
}

static uint64_t irq_read(const struct naive_irq *irq, enum array array, bool user)
{
	switch (array) {
	case GROUP:
		return irq->group;
	case SENABLE:
	case CENABLE:
		return irq->enabled;
	case SPEND:
		return irq->latch;
	case CPEND:
		return user ? 0 : irq->latch;
	case SACTIVE:
	case CACTIVE:
		return irq->active;
	case PRIO:
		return irq->prio;
	default:
		return irq->edge ? 2 : 0;
	}
}

static void irq_write(struct naive_irq *irq, enum array array, const struct access *a,
		      uint8_t value, unsigned intid)
{
	switch (array) {
	case GROUP:
		irq->group = value;
		break;
	case SENABLE:
		irq->enabled |= value;
		break;
	case CENABLE:
		irq->enabled &= !value;
		break;
	case SPEND:
		irq->latch = a->user ? value : irq->latch | value;
		break;
	case CPEND:
		irq->latch &= a->user || !value;
		break;
	case SACTIVE:
		irq->active |= value;
		break;
	case CACTIVE:
		irq->active &= !value;
		break;
	case PRIO:
		irq->prio = value & 0xf8;
		break;
	default:
		if (intid >= 32)
			irq->edge = value >> 1;
	}
}

/* A 64-bit register at @base: which bits the access covers, and how far up they are. */
static bool covers(const struct access *a, uint32_t base, uint64_t *mask, unsigned *shift)
{
	if (a->offset == base && a->size == 8) {
		*mask = UINT64_MAX;
		*shift = 0;
		return true;
	}
	*shift = (a->offset - base) * 8;
	*mask = UINT64_C(0xffffffff) << (*shift % 64);
	return a->size == 4 && (a->offset == base || a->offset == base + 4);
}

/* Outer shareable is inner; device and non-cacheable are RaWb; outer is as inner or none. */
static uint64_t attributes(uint64_t value)
{
	const unsigned share = value >> 10 & 3, inner = value >> 7 & 7, outer = value >> 56 & 7;

	value &= ~(UINT64_C(3) << 10 | UINT64_C(7) << 7 | UINT64_C(7) << 56);
	return value | (uint64_t)(share == 2 ? 1 : share) << 10 |
	       (uint64_t)(inner < 2 ? 3 : inner) << 7 | (uint64_t)(outer == 1) << 56;
}

static void base_write(uint64_t *reg, uint64_t value, uint64_t mask, unsigned shift, uint64_t res0)
{
	*reg = attributes((*reg & ~mask) | (value << shift & mask)) & ~res0;
}

#define PROP_RES0 UINT64_C(0xf8f0000000000060)
#define PEND_RES0 UINT64_C(0xb8f000000000f07f)
#define PEND_PTZ  (UINT64_C(1) << 62)

static void redist_write(struct naive *m, const struct access *a)
{
	unsigned shift;
	uint64_t mask;

	if (covers(a, 0x70, &mask, &shift))
		base_write(&m->propbaser, a->value, mask, shift, PROP_RES0);
	else if (covers(a, 0x78, &mask, &shift))
		base_write(&m->pendbaser[a->vcpu], a->value, mask, shift, PEND_RES0);
}

static uint64_t redist_read(const struct naive *m, const struct access *a)
{
	const uint64_t typer =
		s2_mpidr_from_id(a->vcpu).v << 32 | (uint64_t)a->vcpu << 8 /* no region: no Last */;
	unsigned shift;
	uint64_t mask;

	if (covers(a, 0x70, &mask, &shift))
		return (m->propbaser & mask) >> shift;
	if (covers(a, 0x78, &mask, &shift))
		return (m->pendbaser[a->vcpu] & ~PEND_PTZ & mask) >> shift;
	if (covers(a, 0x8, &mask, &shift))
		return (typer & ~(UINT64_C(1) << 63) & mask) >> shift;
	if (a->size != 4)
		return 0;
	return a->offset == 0	     ? (m->revision == 3 ? 6 : 0)
	       : a->offset == 4	     ? 0x4b00043b
	       : a->offset == 0xffe8 ? 0x3b
				     : 0;
}

static bool is_wide(const struct access *a)
{
	return a->size == 4 || a->size == 8;
}

static void dist_write(struct naive *m, const struct access *a)
{
	const unsigned intid = (a->offset - 0x6000) / 8;
	const uint32_t iidr = (uint32_t)a->value & ~UINT32_C(0xf000);

	if (a->offset == 0 && a->size == 4)
		m->ctlr = (uint32_t)a->value & 2;
	else if (a->offset == 8 && a->size == 4 && a->user && iidr == 0x4b00043b)
		m->revision = a->value >> 12 & 15;
	else if (a->offset >= 0x6100 && intid < IRQS && a->offset % 8 == 0 && is_wide(a))
		m->spi[intid].route = a->value & 0xffffff;
}

static uint64_t dist_read(const struct naive *m, const struct access *a)
{
	const unsigned intid = (a->offset - 0x6000) / 8;

	if (a->offset >= 0x6100 && intid < IRQS && a->offset % 8 == 0 && is_wide(a))
		return m->spi[intid].route;
	if (a->size != 4)
		return 0;
	switch (a->offset) {
	case 0:
		return 0x50 | m->ctlr;
	case 4:
		return (IRQS / 32 - 1) | 9 << 19;
	case 8:
		return 0x4b00043b | m->revision << 12;
	case 0x10:
		return UINT32_MAX;
	case 0xffe8:
		return 0x3b;
	default:
		return 0;
	}
}

static void naive_write(struct naive *m, const struct access *a)
{
	unsigned first = 0, bits;
	const enum array array = array_at(a, &first, &bits);

	for (unsigned i = 0; array != NONE && i < a->size * 8 / bits; i++) {
		struct naive_irq *irq = irq_at(m, a, first + i);
		const uint8_t value = (uint8_t)(a->value >> (i * bits) & ((1U << bits) - 1U));

		if (irq)
			irq_write(irq, array, a, value, first + i);
	}
	if (array == NONE && a->dist)
		dist_write(m, a);
	else if (array == NONE)
		redist_write(m, a);
}

static uint64_t naive_read(struct naive *m, const struct access *a)
{
	unsigned first = 0, bits;
	const enum array array = array_at(a, &first, &bits);
	uint64_t value = 0;

	if (array == NONE)
		return a->dist ? dist_read(m, a) : redist_read(m, a);
	for (unsigned i = 0; i < a->size * 8 / bits; i++) {
		const struct naive_irq *irq = irq_at(m, a, first + i);

		if (irq)
			value |= irq_read(irq, array, a->user) << (i * bits);
	}
	return value;
}

static struct access random_access(struct s2_test_rng *rng)
{
	static const unsigned sizes[] = {4, 4, 4, 4, 8, 8, 1, 1, 2, 3, 0, 16};
	static const uint32_t pages[] = {0, 0, 0x10000, 0x10000, 0x10000, 0x6000, 0xf000};
	struct access a = {
		.dist = s2_test_rng_below(rng, 2),
		.user = !s2_test_rng_below(rng, 4),
		.vcpu = (unsigned)s2_test_rng_below(rng, VCPUS),
		.size = sizes[s2_test_rng_below(rng, ARRAY_SIZE(sizes))],
		.offset = (uint32_t)s2_test_rng_below(rng, 0x20010),
		.value = s2_test_rng_next(rng),
	};

	/* Mostly where registers are, and aligned. */
	if (s2_test_rng_below(rng, 8))
		a.offset = a.offset % 0x1000 + pages[s2_test_rng_below(rng, ARRAY_SIZE(pages))];
	if (a.dist)
		a.offset %= 0x10010;
	if (s2_test_rng_below(rng, 8))
		a.offset &= ~UINT32_C(3);
	if (s2_test_rng_below(rng, 3))
		a.value &= s2_test_rng_next(rng);
	/* The right one, of any revision. */
	if (a.dist && a.offset == 8 && s2_test_rng_below(rng, 2))
		a.value = 0x4b00043b | (2 + s2_test_rng_below(rng, 2)) << 12;
	return a;
}

static int do_write(struct vm *vm, const struct access *a)
{
	const struct s2_gic_io io = {vm_cpu(vm, 0), a->user ? S2_GIC_USER : S2_GIC_GUEST, a->offset,
				     a->size};

	return a->dist ? s2_vgic_dist_write(vm->vgic, &io, a->value)
		       : s2_vgic_redist_write(vm_vcpu(vm, a->vcpu), &io, a->value);
}

static int do_read(struct vm *vm, const struct access *a, uint64_t *value)
{
	const struct s2_gic_io io = {vm_cpu(vm, 0), a->user ? S2_GIC_USER : S2_GIC_GUEST, a->offset,
				     a->size};

	return a->dist ? s2_vgic_dist_read(vm->vgic, &io, value)
		       : s2_vgic_redist_read(vm_vcpu(vm, a->vcpu), &io, value);
}

static void check_read(struct vm *vm, struct naive *m, const struct access *a)
{
	uint64_t value = 0; /* untouched where userspace is refused */
	const int ret = do_read(vm, a, &value);

	assert_true(ret == 0 || (a->user && ret == -ENXIO));
	assert_u64(value, naive_read(m, a));
}

static void what_is_read_back_is_what_a_naive_model_says(void **state)
{
	const char *text = getenv("S2_TEST_ACCESSES");
	const unsigned long n = text ? strtoul(text, NULL, 0) : 300000;
	const struct s2_vgic_config cfg = {.routing.lookup = S2_LOOKUP_TABLE};
	struct s2_test_rng rng = {8};
	struct vm vm = {0};
	struct naive m;

	(void)state;
	vm_machine(&vm, 2);
	vm_raw(&vm, &cfg, VCPUS);
	assert_i64(s2_vgic_set_nr_irqs(vm.vgic, IRQS), 0);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	vm_dist_wr(&vm, 0, S2_GICD_CTLR_ENABLE_G1);
	reset(&m);
	for (unsigned long i = 0; i < n; i++) {
		const struct access write = random_access(&rng);
		const struct access other = random_access(&rng);
		const int ret = do_write(&vm, &write);

		s2_test_row("%s vcpu %u %s 0x%" PRIx32 " size %u value 0x%" PRIx64,
			    write.dist ? "dist" : "redist", write.vcpu,
			    write.user ? "user" : "guest", write.offset, write.size, write.value);
		assert_true(ret == 0 || write.user);
		if (!ret)
			naive_write(&m, &write);
		check_read(&vm, &m, &write);
		check_read(&vm, &m, &other);
	}
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(what_is_read_back_is_what_a_naive_model_says),
	};

	return cmocka_run_group_tests_name("hyp/vgic_fuzz", tests, NULL, NULL);
}
