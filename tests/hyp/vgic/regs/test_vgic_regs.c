/* SPDX-License-Identifier: MIT */
/* Registers of redistributor and distributor: reset, read, write, who, how wide. */
#include <string.h>

#include "hyp/vgic/vgic_fixture.h"

static const struct s2_vgic_config plain = {.routing.lookup = S2_LOOKUP_TABLE};

static void start(struct vm *vm, unsigned n)
{
	vm_machine(vm, 2);
	vm_start(vm, &plain, n);
}

static uint64_t access_rd(struct vm *vm, enum s2_gic_access who, uint32_t offset, unsigned size)
{
	const struct s2_gic_io io = {vm_cpu(vm, 0), who, offset, size};
	uint64_t value;

	assert_i64(s2_vgic_redist_read(vm_vcpu(vm, 0), &io, &value), 0);
	return value;
}

static void access_wr(struct vm *vm, enum s2_gic_access who, uint32_t offset, unsigned size,
		      uint64_t value)
{
	const struct s2_gic_io io = {vm_cpu(vm, 0), who, offset, size};

	assert_i64(s2_vgic_redist_write(vm_vcpu(vm, 0), &io, value), 0);
}

/* value: what a write of all ones leaves to be read; reset: before it. */
static void redistributor_registers_reset_and_read_back_as_specified(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned size;
		uint64_t reset;
		uint64_t after_ones;
	} rows[] = {
		{0x0000, 4, 0x6, 0x6},
		{0x0004, 4, 0x4b00043b, 0x4b00043b},
		{0x0008, 8, 0, 0},
		{0x0010, 4, 0, 0},
		{0x0014, 4, 0, 0},
		{0x0070, 8, 0, UINT64_C(0x000fffffffffff9f)},
		{0x0078, 8, 0x580, UINT64_C(0x000fffffffff0f80)},
		{0x00a0, 8, 0, 0},
		{0x00b0, 8, 0, 0},
		{0x00c0, 4, 0, 0},
		{0xffd0, 4, 0, 0},
		{0xffe8, 4, 0x3b, 0x3b},
		{0xfffc, 4, 0, 0},
		{0x10080, 4, 0xffffffff, 0xffffffff},
		{0x10100, 4, 0x0000ffff, 0xffffffff},
		{0x10200, 4, 0, 0xffffffff},
		{0x10300, 4, 0, 0xffffffff},
		{0x10400, 4, 0, 0xf8f8f8f8},
		{0x1041c, 4, 0, 0xf8f8f8f8},
		{0x1041f, 1, 0, 0xf8},
		{0x10c00, 4, 0xaaaaaaaa, 0xaaaaaaaa},
		{0x10c04, 4, 0, 0},
		{0x10d00, 4, 0, 0},
		{0x10e00, 4, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm vm = {0};

		start(&vm, 1);
		s2_test_row("offset 0x%" PRIx32, rows[i].offset);
		assert_u64(access_rd(&vm, S2_GIC_GUEST, rows[i].offset, rows[i].size),
			   rows[i].reset);
		access_wr(&vm, S2_GIC_GUEST, rows[i].offset, rows[i].size, UINT64_MAX);
		assert_u64(access_rd(&vm, S2_GIC_GUEST, rows[i].offset, rows[i].size),
			   rows[i].after_ones);
		vm_stop(&vm);
	}
}

static void set_and_clear_registers_read_the_same_bits(void **state)
{
	static const uint32_t pairs[] = {0x10100, 0x10200, 0x10300};
	struct vm vm = {0};

	(void)state;
	start(&vm, 1);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const uint32_t clear = pairs[i] + 0x80;

		s2_test_row("offset 0x%" PRIx32, pairs[i]);
		vm_wr(&vm, 0, clear, UINT32_MAX);
		assert_u64(vm_rd(&vm, 0, pairs[i]), 0);
		vm_wr(&vm, 0, pairs[i], 0x00120034);
		vm_wr(&vm, 0, pairs[i], 0);
		assert_u64(vm_rd(&vm, 0, pairs[i]), 0x00120034);
		assert_u64(vm_rd(&vm, 0, clear), 0x00120034);
		vm_wr(&vm, 0, clear, 0x00100004);
		assert_u64(vm_rd(&vm, 0, pairs[i]), 0x00020030);
		vm_wr(&vm, 0, clear, UINT32_MAX);
	}
	vm_stop(&vm);
}

static void halves_of_64_bit_registers_are_read_and_written_apart(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, 2);
	vm_wr(&vm, 0, 0x74, 0x1);
	vm_wr(&vm, 0, 0x70, 0x12345000);
	assert_u64(access_rd(&vm, S2_GIC_GUEST, 0x70, 8), UINT64_C(0x0000000112345000) | 3U << 7);
	/* PROPBASER is one per VM, PENDBASER one per vcpu. */
	assert_u64(vm_rd(&vm, 1, 0x74), 1);
	vm_wr(&vm, 0, 0x7c, UINT32_C(1) << 30 | 5);
	assert_u64(vm_rd(&vm, 0, 0x7c), 5);
	assert_u64(vm_rd(&vm, 1, 0x7c), 0);
	vm_stop(&vm);
}

static void typer_shows_id_and_packed_affinity_but_no_aff3(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &plain, 0);
	assert_i64(s2_vgic_add_vcpu(vm.vgic, 17, NULL), 0);
	assert_u64(access_rd(&vm, S2_GIC_GUEST, 0x8, 8), UINT64_C(0x0000010100001100));
	assert_u64(vm_rd(&vm, 0, 0x8), 0x1100);
	assert_u64(vm_rd(&vm, 0, 0xc), 0x101);
	/* Computed on every read, of the present MPIDR. */
	s2_vgic_set_mpidr(vm_vcpu(&vm, 0), s2_mpidr_of(4, 3, 2, 1));
	assert_u64(vm_rd(&vm, 0, 0xc), 0x00030201);
	vm_stop(&vm);
}

static void wrong_accesses_read_zero_and_succeed(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned size;
	} rows[] = {{0x0, 8}, {0x0, 1},	    {0x1, 4},	  {0x10100, 1}, {0x10100, 2}, {0x10100, 8},
		    {0x2, 2}, {0x10102, 4}, {0x10400, 8}, {0x20, 4},	{0x18000, 4}, {0x4, 3}};
	struct vm vm = {0};

	(void)state;
	start(&vm, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("offset 0x%" PRIx32 " size %u", rows[i].offset, rows[i].size);
		access_wr(&vm, S2_GIC_GUEST, rows[i].offset, rows[i].size, 0);
		assert_u64(access_rd(&vm, S2_GIC_GUEST, rows[i].offset, rows[i].size), 0);
	}
	assert_u64(vm_rd(&vm, 0, 0x10100), 0xffff);
	vm_stop(&vm);
}

static void userspace_is_told_where_no_register_is(void **state)
{
	struct vm vm = {0};
	struct s2_gic_io io = vm_io(&vm, 0x20, 4);
	uint64_t value;

	(void)state;
	start(&vm, 1);
	io.cpu = vm_cpu(&vm, 0);
	io.who = S2_GIC_USER;
	assert_i64(s2_vgic_redist_read(vm_vcpu(&vm, 0), &io, &value), -ENXIO);
	assert_i64(s2_vgic_redist_write(vm_vcpu(&vm, 0), &io, 1), -ENXIO);
	assert_i64(s2_vgic_dist_read(vm.vgic, &io, &value), -ENXIO);
	assert_i64(s2_vgic_dist_write(vm.vgic, &io, 1), -ENXIO);
	vm_stop(&vm);
}

static void a_restore_writes_the_latch_itself_and_a_guest_only_sets_it(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, 1);
	access_wr(&vm, S2_GIC_USER, 0x10200, 4, 0x30);
	access_wr(&vm, S2_GIC_USER, 0x10200, 4, 0x21);
	assert_u64(access_rd(&vm, S2_GIC_USER, 0x10200, 4), 0x21);
	assert_u64(access_rd(&vm, S2_GIC_USER, 0x10280, 4), 0);
	access_wr(&vm, S2_GIC_USER, 0x10280, 4, 0xffffffff);
	assert_u64(vm_rd(&vm, 0, 0x10200), 0x21);
	vm_stop(&vm);
}

/* 2cdea19a34c2: a saved state must not mix the line into the latch. */
static void the_line_is_pending_for_the_guest_and_not_in_a_saved_state(void **state)
{
	struct vm vm = {0};

	(void)state;
	start(&vm, 1);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), vm_vcpu(&vm, 0), 27, true), 0);
	assert_u64(vm_rd(&vm, 0, 0x10200), 1U << 27);
	assert_u64(access_rd(&vm, S2_GIC_USER, 0x10200, 4), 0);
	/* Clearing the latch leaves the line. */
	vm_wr(&vm, 0, 0x10280, 1U << 27);
	assert_u64(vm_rd(&vm, 0, 0x10200), 1U << 27);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), vm_vcpu(&vm, 0), 27, false), 0);
	assert_u64(vm_rd(&vm, 0, 0x10200), 0);
	vm_stop(&vm);
}

static void the_revision_decides_ctlr_and_is_the_value_written(void **state)
{
	struct vm vm = {0};
	struct s2_gic_io io = vm_io(&vm, 0x8, 4);

	(void)state;
	start(&vm, 1);
	io.cpu = vm_cpu(&vm, 0);
	assert_u64(vm_dist_rd(&vm, 0x8), 0x4b00343b);
	io.who = S2_GIC_USER;
	/* a0e6ae45af17: the revision was taken from the old value. */
	assert_i64(s2_vgic_dist_write(vm.vgic, &io, 0x4b00243b), 0);
	assert_u64(vm_dist_rd(&vm, 0x8), 0x4b00243b);
	assert_u64(vm_rd(&vm, 0, 0x0), 0);
	assert_u64(vm_rd(&vm, 0, 0x4), 0x4b00043b);
	assert_i64(s2_vgic_dist_write(vm.vgic, &io, 0x4b00343b), 0);
	assert_u64(vm_rd(&vm, 0, 0x0), 0x6);
	assert_i64(s2_vgic_dist_write(vm.vgic, &io, 0x4b00443b), -EINVAL);
	assert_i64(s2_vgic_dist_write(vm.vgic, &io, 0x4b00143b), -EINVAL);
	assert_i64(s2_vgic_dist_write(vm.vgic, &io, 0x4a00343b), -EINVAL);
	assert_u64(vm_dist_rd(&vm, 0x8), 0x4b00343b);
	/* The guest cannot. */
	vm_dist_wr(&vm, 0x8, 0x4b00243b);
	assert_u64(vm_dist_rd(&vm, 0x8), 0x4b00343b);
	vm_stop(&vm);
}

static void the_distributor_says_what_it_is(void **state)
{
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &plain, 1);
	assert_i64(s2_vgic_set_nr_irqs(vm.vgic, 96), 0);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_u64(vm_dist_rd(&vm, 0x0), 0x50);
	vm_dist_wr(&vm, 0x0, UINT32_MAX);
	assert_u64(vm_dist_rd(&vm, 0x0), 0x52);
	assert_u64(vm_dist_rd(&vm, 0x4), 2 | 9 << 19);
	assert_u64(vm_dist_rd(&vm, 0xc), 0);
	assert_u64(vm_dist_rd(&vm, 0x10), UINT32_MAX);
	vm_dist_wr(&vm, 0x10, 0);
	assert_u64(vm_dist_rd(&vm, 0x10), UINT32_MAX);
	assert_u64(vm_dist_rd(&vm, 0xffe8), 0x3b);
	assert_u64(vm_dist_rd(&vm, 0xffe4), 0);
	vm_stop(&vm);
}

static void nr_irqs_is_64_to_1024_by_32_and_is_set_once(void **state)
{
	static const unsigned bad[] = {0, 32, 63, 65, 1056, UINT32_MAX};
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &plain, 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_i64(s2_vgic_set_nr_irqs(vm.vgic, bad[i]), -EINVAL);
	assert_i64(s2_vgic_set_nr_irqs(vm.vgic, 64), 0);
	assert_i64(s2_vgic_set_nr_irqs(vm.vgic, 96), -EBUSY);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_set_nr_irqs(vm.vgic, 64), -EBUSY);
	vm_stop(&vm);
}

/* kvm-unit-tests gic mmio: RAZ/WI past what is implemented, values kept, byte access. */
static void distributor_arrays_hold_spis_and_nothing_else(void **state)
{
	struct vm vm = {0};
	struct s2_gic_io byte = vm_io(&vm, 0, 1);
	uint64_t value;

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &plain, 1);
	assert_i64(s2_vgic_set_nr_irqs(vm.vgic, 64), 0);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	byte.cpu = vm_cpu(&vm, 0);
	/* Private interrupts are in the redistributor; beyond 63 there are none. */
	for (uint32_t offset = 0x80; offset <= 0x380; offset += 0x80) {
		vm_dist_wr(&vm, offset, UINT32_MAX);
		vm_dist_wr(&vm, offset + 8, UINT32_MAX);
		s2_test_row("offset 0x%" PRIx32, offset);
		assert_u64(vm_dist_rd(&vm, offset), 0);
		assert_u64(vm_dist_rd(&vm, offset + 8), 0);
	}
	/* SPIs reset to group 1, disabled, edge-triggered. */
	assert_u64(vm_dist_rd(&vm, 0x84), UINT32_MAX);
	assert_u64(vm_dist_rd(&vm, 0x104), 0);
	assert_u64(vm_dist_rd(&vm, 0xc08), 0xaaaaaaaa);
	vm_dist_wr(&vm, 0xc08, 0);
	assert_u64(vm_dist_rd(&vm, 0xc08), 0);
	vm_dist_wr(&vm, 0x84, UINT32_MAX);
	assert_u64(vm_dist_rd(&vm, 0x84), UINT32_MAX);
	vm_dist_wr(&vm, 0xc08, 0xaaaaaaaa);
	assert_u64(vm_dist_rd(&vm, 0xc08), 0xaaaaaaaa);
	vm_dist_wr(&vm, 0xc00, 0xaaaaaaaa);
	assert_u64(vm_dist_rd(&vm, 0xc00), 0);
	/* Byte access, and the same bits kept in each. */
	for (uint32_t i = 32; i < 64; i++) {
		byte.offset = 0x400 + i;
		assert_i64(s2_vgic_dist_write(vm.vgic, &byte, 0xff), 0);
		assert_i64(s2_vgic_dist_read(vm.vgic, &byte, &value), 0);
		assert_u64(value, 0xf8);
	}
	byte.offset = 0x400 + 64;
	assert_i64(s2_vgic_dist_write(vm.vgic, &byte, 0xff), 0);
	assert_i64(s2_vgic_dist_read(vm.vgic, &byte, &value), 0);
	assert_u64(value, 0);
	/* ITARGETSR is GICv2's. */
	vm_dist_wr(&vm, 0x820, UINT32_MAX);
	assert_u64(vm_dist_rd(&vm, 0x820), 0);
	vm_stop(&vm);
}

static void irouter_keeps_24_bits_and_finds_its_target_by_the_lookup(void **state)
{
	struct vm vm = {0};
	struct s2_gic_io io = vm_io(&vm, 0x6000 + 8 * 40, 8);
	struct s2_irq_state irq;
	uint64_t value;

	(void)state;
	start(&vm, 20);
	io.cpu = vm_cpu(&vm, 0);
	assert_i64(s2_vgic_irq_state(vm.vgic, NULL, 40, &irq), 0);
	assert_int_equal(irq.target, 0);
	/* 1-of-N and Aff3 are dropped. */
	assert_i64(s2_vgic_dist_write(vm.vgic, &io, UINT64_C(0xff80000103)), 0);
	assert_i64(s2_vgic_dist_read(vm.vgic, &io, &value), 0);
	assert_u64(value, 0x103);
	assert_i64(s2_vgic_irq_state(vm.vgic, NULL, 40, &irq), 0);
	assert_int_equal(irq.target, 19);
	assert_i64(s2_vgic_dist_write(vm.vgic, &io, 0x777), 0);
	assert_i64(s2_vgic_irq_state(vm.vgic, NULL, 40, &irq), 0);
	assert_int_equal(irq.target, -1);
	/* The high word takes nothing; an SPI that is not there, or is no SPI, neither. */
	vm_dist_wr(&vm, 0x6000 + 8 * 40 + 4, 0xff);
	assert_u64(vm_dist_rd(&vm, 0x6000 + 8 * 40), 0x777);
	assert_u64(vm_dist_rd(&vm, 0x6000 + 8 * 40 + 4), 0);
	vm_dist_wr(&vm, 0x6000 + 8 * 31, 1);
	assert_u64(vm_dist_rd(&vm, 0x6000 + 8 * 31), 0);
	vm_dist_wr(&vm, 0x6000 + 8 * 256, 1);
	assert_u64(vm_dist_rd(&vm, 0x6000 + 8 * 256), 0);
	vm_stop(&vm);
}

static void bad_interrupt_numbers_are_refused(void **state)
{
	static const uint32_t bad[] = {0, 15, 64, 1020, 1023, 1024, 1120, 5120, UINT32_MAX};
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &plain, 1);
	assert_i64(s2_vgic_set_nr_irqs(vm.vgic, 64), 0);
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), vm_vcpu(&vm, 0), 20, true), -EBUSY);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("intid %" PRIu32, bad[i]);
		assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), vm_vcpu(&vm, 0), bad[i], true),
			   -EINVAL);
		assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), NULL, bad[i], true), -EINVAL);
	}
	assert_i64(s2_vgic_inject(vm.vgic, vm_cpu(&vm, 0), NULL, 63, true), 0);
	vm_stop(&vm);
}

static void userspace_finds_a_redistributor_by_packed_affinity(void **state)
{
	struct vm vm = {0};
	uint32_t value = 0;

	(void)state;
	vm_machine(&vm, 1);
	vm_raw(&vm, &plain, 0);
	/* 6ddb4f372fc6: an absent vcpu is an error, not a crash. */
	assert_i64(s2_vgic_user_redist(vm.vgic, vm_cpu(&vm, 0), 0, 0x8, false, &value), -EINVAL);
	for (unsigned i = 0; i < 18; i++)
		assert_i64(s2_vgic_add_vcpu(vm.vgic, i, NULL), 0);
	assert_i64(s2_vgic_user_redist(vm.vgic, vm_cpu(&vm, 0), 0, 0x8, false, &value), -EBUSY);
	assert_i64(s2_vgic_init(vm.vgic), 0);
	assert_i64(s2_vgic_user_redist(vm.vgic, vm_cpu(&vm, 0), 0x101, 0x8, false, &value), 0);
	assert_u64(value, 0x1100);
	assert_i64(s2_vgic_user_redist(vm.vgic, vm_cpu(&vm, 0), 0x10f, 0x8, false, &value),
		   -EINVAL);
	value = 5;
	assert_i64(s2_vgic_user_redist(vm.vgic, vm_cpu(&vm, 0), 0x101, 0x10200, true, &value), 0);
	assert_u64(vm_rd(&vm, 17, 0x10200), 5);
	assert_i64(s2_vgic_user_redist(vm.vgic, vm_cpu(&vm, 0), 0, 0x24, false, &value), -ENXIO);
	vm_stop(&vm);
}

static void what_is_out_of_scope_is_refused(void **state)
{
	const struct s2_vgic_config gicv2 = {.gicv2 = true};
	const struct s2_vgic_config its = {.its = true};
	const struct s2_vgic_config nested = {.nested = true};
	const struct s2_vgic_config bad[] = {
		{.max_vcpus = 513},	{.page_shift = 11},	{.page_shift = 17},
		{.ipa_bits = 31},	{.ipa_bits = 53},	{.revision = 1},
		{.revision = 4},	{.overflow = 2},	{.group_rule = 2},
		{.routing = {4, 0, 0}}, {.routing = {0, 4, 0}}, {.routing = {0, 0, 3}},
	};
	struct vm vm = {0};

	(void)state;
	vm_machine(&vm, 1);
	assert_i64(s2_vgic_create(vm.m, &gicv2, &vm.vgic), -EOPNOTSUPP);
	assert_i64(s2_vgic_create(vm.m, &its, &vm.vgic), -EOPNOTSUPP);
	assert_i64(s2_vgic_create(vm.m, &nested, &vm.vgic), -EOPNOTSUPP);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s2_test_row("row %zu", i);
		assert_i64(s2_vgic_create(vm.m, &bad[i], &vm.vgic), -EINVAL);
	}
	assert_null(vm.vgic);
	vm_stop(&vm);
}

/* --- fuzz -------------------------------------------------------------------- */

struct saved {
	uint64_t rd[32], sgi[32];
};

/* All of a redistributor that may be saved. */
static void save(struct vm *vm, unsigned vcpu, struct saved *s)
{
	static const uint32_t offsets[] = {0x0,	    0x4,     0x14,    0x70,    0x74,
					   0x78,    0x7c,    0x10080, 0x10100, 0x10200,
					   0x10300, 0x10c00, 0x10c04, 0x10d00, 0x10e00};

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		s->rd[i] = vm_rd(vm, vcpu, offsets[i]);
	for (unsigned i = 0; i < 8; i++)
		s->sgi[i] = vm_rd(vm, vcpu, 0x10400 + 4 * i);
}

/* The bits that a register may ever show. */
static void check_saved(const struct saved *s, unsigned revision)
{
	assert_u64(s->rd[0], revision == 3 ? 6 : 0);
	assert_u64(s->rd[1], 0x4b00043b);
	assert_u64(s->rd[2], 0);
	assert_u64(s->rd[3] & 0x60, 0);
	assert_u64(s->rd[4] & 0xf8f00000, 0);
	assert_u64(s->rd[5] & 0xf07f, 0);
	assert_u64(s->rd[6] & 0xf8f00000, 0);
	assert_u64(s->rd[11], 0xaaaaaaaa);
	assert_u64(s->rd[12] | s->rd[13] | s->rd[14], 0);
	for (unsigned i = 0; i < 8; i++)
		assert_u64(s->sgi[i] & ~UINT64_C(0xf8f8f8f8), 0);
}

static void fuzz_one(struct vm *vm, struct s2_test_rng *rng)
{
	static const unsigned sizes[] = {1, 2, 4, 8, 3, 0, 16, 4};
	const bool dist = s2_test_rng_below(rng, 2);
	struct s2_gic_io io = {vm_cpu(vm, 0), S2_GIC_GUEST, 0, 0};
	struct s2_vgic_cpu *v = vm_vcpu(vm, (unsigned)s2_test_rng_below(rng, 3));
	const uint64_t value = s2_test_rng_next(rng) & s2_test_rng_next(rng);
	uint64_t read = 0;
	int ret;

	io.size = sizes[s2_test_rng_below(rng, ARRAY_SIZE(sizes))];
	io.offset = (uint32_t)s2_test_rng_below(rng, dist ? 0x10010 : 0x20010);
	if (s2_test_rng_below(rng, 2))
		io.offset = io.offset % 0xd10 + (dist ? 0 : S2_GICR_SGI_BASE);
	io.who = s2_test_rng_below(rng, 4) ? S2_GIC_GUEST : S2_GIC_USER;
	s2_test_row("%s 0x%" PRIx32 " size %u value 0x%" PRIx64, dist ? "dist" : "redist",
		    io.offset, io.size, value);
	ret = dist ? s2_vgic_dist_write(vm->vgic, &io, value) : s2_vgic_redist_write(v, &io, value);
	assert_true(ret == 0 || (io.who == S2_GIC_USER && (ret == -ENXIO || ret == -EINVAL)));
	ret = dist ? s2_vgic_dist_read(vm->vgic, &io, &read) : s2_vgic_redist_read(v, &io, &read);
	assert_true(ret == 0 || (io.who == S2_GIC_USER && ret == -ENXIO));
	if (io.size < 8)
		assert_u64(read >> (8 * io.size), 0);
}

static void no_access_of_any_offset_width_and_value_does_harm(void **state)
{
	struct s2_test_rng rng = {6};
	struct vm vm = {0};
	struct saved s;

	(void)state;
	start(&vm, 3);
	for (unsigned i = 0; i < 300000; i++) {
		fuzz_one(&vm, &rng);
		if (i % 64)
			continue;
		save(&vm, i / 64 % 3, &s);
		check_saved(&s, vm.vgic->revision);
	}
	vm_stop(&vm);
}

/* Each interrupt's bits are its own: a write through one register changes no other. */
static void a_write_changes_only_the_interrupts_it_names(void **state)
{
	struct s2_test_rng rng = {7};
	struct vm vm = {0};

	(void)state;
	start(&vm, 3);
	for (unsigned i = 0; i < 20000; i++) {
		static const uint32_t regs[] = {0x10080, 0x10100, 0x10200, 0x10400};
		const size_t r = s2_test_rng_below(&rng, ARRAY_SIZE(regs));
		const uint32_t offset = regs[r] + (r == 3 ? 4 * ((uint32_t)i % 8) : 0);
		struct saved before[3], after[3];

		for (unsigned v = 0; v < 3; v++)
			save(&vm, v, &before[v]);
		vm_wr(&vm, i % 3, offset, s2_test_rng_next(&rng) & UINT32_MAX);
		for (unsigned v = 0; v < 3; v++)
			save(&vm, v, &after[v]);
		for (unsigned v = 0; v < 3; v++)
			for (unsigned k = 0; k < 32; k++) {
				const bool named = v == i % 3 && r < 3 && k == 7 + r;
				const bool prio = v == i % 3 && r == 3 && k == i % 8;

				assert_true(named || before[v].rd[k] == after[v].rd[k]);
				assert_true(prio || before[v].sgi[k] == after[v].sgi[k]);
			}
	}
	vm_stop(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(redistributor_registers_reset_and_read_back_as_specified),
		s2_unit_test(set_and_clear_registers_read_the_same_bits),
		s2_unit_test(halves_of_64_bit_registers_are_read_and_written_apart),
		s2_unit_test(typer_shows_id_and_packed_affinity_but_no_aff3),
		s2_unit_test(wrong_accesses_read_zero_and_succeed),
		s2_unit_test(userspace_is_told_where_no_register_is),
		s2_unit_test(a_restore_writes_the_latch_itself_and_a_guest_only_sets_it),
		s2_unit_test(the_line_is_pending_for_the_guest_and_not_in_a_saved_state),
		s2_unit_test(the_revision_decides_ctlr_and_is_the_value_written),
		s2_unit_test(the_distributor_says_what_it_is),
		s2_unit_test(nr_irqs_is_64_to_1024_by_32_and_is_set_once),
		s2_unit_test(distributor_arrays_hold_spis_and_nothing_else),
		s2_unit_test(irouter_keeps_24_bits_and_finds_its_target_by_the_lookup),
		s2_unit_test(bad_interrupt_numbers_are_refused),
		s2_unit_test(userspace_finds_a_redistributor_by_packed_affinity),
		s2_unit_test(what_is_out_of_scope_is_refused),
		s2_unit_test(no_access_of_any_offset_width_and_value_does_harm),
		s2_unit_test(a_write_changes_only_the_interrupts_it_names),
	};

	return cmocka_run_group_tests_name("hyp/vgic_regs", tests, NULL, NULL);
}
