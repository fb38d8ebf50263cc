/* SPDX-License-Identifier: MIT */
/* Register maps: what is where, and which accesses it takes. */
#include <stage2sim/gic.h>

#include "support.h"

static void registers_are_found_at_their_offsets(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned size;
		int reg;
	} rows[] = {
		{0x0, 4, S2_GICR_CTLR},
		{0x8, 8, S2_GICR_TYPER},
		{0x8, 4, S2_GICR_TYPER},
		{0xc, 4, S2_GICR_TYPER},
		{0x70, 8, S2_GICR_PROPBASER},
		{0x7c, 4, S2_GICR_PENDBASER},
		{0xc0, 4, S2_GICR_SYNCR},
		{0xffe8, 4, S2_GICR_ID},
		{0x10080, 4, S2_GICR_IGROUPR0},
		{0x10400, 1, S2_GICR_IPRIORITYR},
		{0x1041f, 1, S2_GICR_IPRIORITYR},
		{0x10c04, 4, S2_GICR_ICFGR},
		{0x10e00, 4, S2_GICR_NSACR},
		/* width */
		{0x0, 8, -ENOENT},
		{0x0, 1, -ENOENT},
		{0x0, 2, -ENOENT},
		{0x10400, 8, -ENOENT},
		{0x10080, 1, -ENOENT},
		/* alignment */
		{0x2, 4, -ENOENT},
		{0xc, 8, -ENOENT},
		{0x10402, 4, -ENOENT},
		/* nothing there */
		{0x20, 4, -ENOENT},
		{0x10420, 1, -ENOENT},
		{0x1ffe8, 4, -ENOENT},
		{0x20000, 4, -ENOENT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s2_test_row("offset 0x%" PRIx32 " size %u", rows[i].offset, rows[i].size);
		assert_i64(s2_gicr_decode(rows[i].offset, rows[i].size), rows[i].reg);
	}
}

static void the_distributor_routes_each_spi_by_eight_bytes(void **state)
{
	(void)state;
	assert_i64(s2_gicd_decode(0x6000 + 8 * 32, 8), S2_GICD_IROUTER);
	assert_i64(s2_gicd_decode(0x6000 + 8 * 32 + 4, 4), S2_GICD_IROUTER);
	assert_i64(s2_gicd_decode(0x8000, 8), -ENOENT);
	assert_i64(s2_gicd_decode(0x0, 4), S2_GICD_CTLR);
	assert_i64(s2_gicd_decode(0x104, 4), S2_GICD_ISENABLER);
	assert_i64(s2_gicd_decode(0x800, 1), S2_GICD_ITARGETSR);
}

static void no_two_registers_of_a_frame_overlap(void **state)
{
	(void)state;
	for (int a = 0; a < S2_GIC_REGS; a++) {
		for (int b = a + 1; b < S2_GIC_REGS; b++) {
			const struct s2_gic_reg_info *x = s2_gic_reg_info(a);
			const struct s2_gic_reg_info *y = s2_gic_reg_info(b);

			if ((a < S2_GICD_CTLR) != (b < S2_GICD_CTLR))
				continue;
			s2_test_row("%s %s", x->name, y->name);
			assert_true(x->offset + x->size <= y->offset ||
				    y->offset + y->size <= x->offset);
		}
	}
	assert_null(s2_gic_reg_info(S2_GIC_REGS));
}

static void arrays_hold_1_2_8_or_64_bits_for_each_interrupt(void **state)
{
	(void)state;
	for (int i = 0; i < S2_GIC_REGS; i++) {
		const struct s2_gic_reg_info *r = s2_gic_reg_info(i);

		if (!r->bits_per_irq)
			continue;
		s2_test_row("%s", r->name);
		assert_u64(r->size * 8U / r->bits_per_irq, i < S2_GICD_CTLR ? 32 : 1024);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(registers_are_found_at_their_offsets),
		s2_unit_test(the_distributor_routes_each_spi_by_eight_bytes),
		s2_unit_test(no_two_registers_of_a_frame_overlap),
		s2_unit_test(arrays_hold_1_2_8_or_64_bits_for_each_interrupt),
	};

	return cmocka_run_group_tests_name("arch/gic", tests, NULL, NULL);
}
