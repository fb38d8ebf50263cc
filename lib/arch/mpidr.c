/* SPDX-License-Identifier: MIT */
#include <stage2sim/mpidr.h>

/* Which bits of a vcpu id make which affinity (reset_mpidr()). */
#define ID_AFF0 S2_BITS(3, 0)
#define ID_AFF1 S2_BITS(11, 4)
#define ID_AFF2 S2_BITS(19, 12)

/* The packed form has no gap. */
#define PACKED_AFF3 S2_BITS(31, 24)

static const uint64_t aff_fields[] = {S2_MPIDR_AFF0, S2_MPIDR_AFF1, S2_MPIDR_AFF2, S2_MPIDR_AFF3};

uint8_t s2_mpidr_aff(struct s2_mpidr m, unsigned level)
{
	return level < 4U ? (uint8_t)s2_field_get(m.v, aff_fields[level]) : 0U;
}

struct s2_mpidr s2_mpidr_of(uint8_t aff3, uint8_t aff2, uint8_t aff1, uint8_t aff0)
{
	return s2_mpidr(s2_field_put(aff3, S2_MPIDR_AFF3) | s2_field_put(aff2, S2_MPIDR_AFF2) |
			s2_field_put(aff1, S2_MPIDR_AFF1) | s2_field_put(aff0, S2_MPIDR_AFF0));
}

struct s2_mpidr s2_mpidr_from_id(uint32_t id)
{
	return s2_mpidr(S2_MPIDR_RES1 | s2_field_put(s2_field_get(id, ID_AFF2), S2_MPIDR_AFF2) |
			s2_field_put(s2_field_get(id, ID_AFF1), S2_MPIDR_AFF1) |
			s2_field_put(s2_field_get(id, ID_AFF0), S2_MPIDR_AFF0));
}

uint32_t s2_mpidr_pack(struct s2_mpidr m)
{
	const uint64_t low = S2_MPIDR_AFF2 | S2_MPIDR_AFF1 | S2_MPIDR_AFF0;

	return (uint32_t)(s2_field_put(s2_field_get(m.v, S2_MPIDR_AFF3), PACKED_AFF3) |
			  (m.v & low));
}

struct s2_mpidr s2_mpidr_unpack(uint32_t packed)
{
	const uint64_t low = S2_MPIDR_AFF2 | S2_MPIDR_AFF1 | S2_MPIDR_AFF0;

	return s2_mpidr(s2_field_put(s2_field_get(packed, PACKED_AFF3), S2_MPIDR_AFF3) |
			(packed & low));
}

/* The lowest run of ones in @mask: adding its lowest bit carries through the run. */
static uint64_t lowest_run(uint64_t mask)
{
	return mask & ~(mask + (mask & (~mask + 1U)));
}

static unsigned count_bits(uint64_t word)
{
	unsigned n = 0;

	for (; word; word &= word - 1U)
		n++;
	return n;
}

static uint8_t lowest_bit(uint64_t word)
{
	return (uint8_t)count_bits((word & (~word + 1U)) - 1U);
}

struct s2_mpidr_gather s2_mpidr_gather(uint64_t mask)
{
	struct s2_mpidr_gather g = {.mask = mask & S2_MPIDR_HWID};

	for (uint64_t rest = g.mask; rest; rest &= ~lowest_run(rest)) {
		const uint64_t run = lowest_run(rest);

		g.run[g.n_runs].mask = run;
		g.run[g.n_runs].shift = (uint8_t)(lowest_bit(run) - g.bits);
		g.n_runs++;
		g.bits += count_bits(run);
	}
	return g;
}
