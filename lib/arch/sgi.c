/* SPDX-License-Identifier: MIT */
#include <stage2sim/sgi.h>

#include <errno.h>

#define FOUR_BITS 15U

/* op2 5, 6, 7 of S3_0_C12_C11. */
#define FIRST_OP2 5U

const char *s2_sgi_reg_name(enum s2_sgi_reg reg)
{
	static const char *const names[S2_SGI_REGS] = {
		[S2_ICC_SGI1R] = "icc_sgi1r_el1",
		[S2_ICC_ASGI1R] = "icc_asgi1r_el1",
		[S2_ICC_SGI0R] = "icc_sgi0r_el1",
	};

	return (unsigned)reg < S2_SGI_REGS ? names[reg] : NULL;
}

int s2_sgi_reg_from_op2(unsigned op2)
{
	if (op2 < FIRST_OP2 || op2 >= FIRST_OP2 + S2_SGI_REGS)
		return -EINVAL;
	return (int)(op2 - FIRST_OP2);
}

int s2_sgi_encode(const struct s2_sgi *sgi, uint64_t *value)
{
	if (sgi->intid > FOUR_BITS || sgi->rs > FOUR_BITS)
		return -ERANGE;
	*value = s2_field_put(sgi->targets, S2_SGI_TARGETS) | s2_field_put(sgi->aff1, S2_SGI_AFF1) |
		 s2_field_put(sgi->aff2, S2_SGI_AFF2) | s2_field_put(sgi->aff3, S2_SGI_AFF3) |
		 s2_field_put(sgi->rs, S2_SGI_RS) | s2_field_put(sgi->intid, S2_SGI_INTID) |
		 s2_field_put(sgi->all_but_self, S2_SGI_IRM);
	return 0;
}

int s2_sgi_to(struct s2_mpidr target, uint8_t intid, bool rss, uint64_t *value)
{
	const uint8_t aff0 = s2_mpidr_aff(target, 0);
	const struct s2_sgi sgi = {
		.targets = (uint16_t)(1U << (aff0 % S2_SGI_LIST_BITS)),
		.aff1 = s2_mpidr_aff(target, 1),
		.aff2 = s2_mpidr_aff(target, 2),
		.aff3 = s2_mpidr_aff(target, 3),
		.rs = (uint8_t)(aff0 / S2_SGI_LIST_BITS),
		.intid = intid,
	};

	if (sgi.rs && !rss)
		return -ERANGE;
	return s2_sgi_encode(&sgi, value);
}
