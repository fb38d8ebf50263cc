/* SPDX-License-Identifier: MIT */
#include <stage2sim/interrupt_check.h>

#include <errno.h>
#include <stdlib.h>

#define WORDS (S2_INTERRUPT_CHECK_IRQS / 64)

struct account {
	bool known; /* it has an affinity */
	struct s2_mpidr mpidr;
	uint64_t pending[WORDS];
};

struct s2_interrupt_check {
	bool rss;
	uint64_t steps, n_violations;
	struct s2_violation first;
	unsigned n;
	struct account vcpu[];
};

int s2_interrupt_check_create(unsigned vcpus, bool rss, struct s2_interrupt_check **out)
{
	struct s2_interrupt_check *check;

	if (!vcpus || vcpus > UINT16_MAX)
		return -EINVAL;
	check = calloc(1, sizeof(*check) + vcpus * sizeof(check->vcpu[0]));
	if (!check)
		return -ENOMEM;
	check->rss = rss;
	check->n = vcpus;
	*out = check;
	return 0;
}

void s2_interrupt_check_free(struct s2_interrupt_check *check)
{
	free(check);
}

void s2_interrupt_check_mpidr(struct s2_interrupt_check *check, unsigned vcpu,
			      struct s2_mpidr mpidr)
{
	check->vcpu[vcpu].mpidr = mpidr;
	check->vcpu[vcpu].known = true;
}

/* By the architecture: IHI 0069, ICC_SGI1R_EL1. */
static bool is_target(const struct s2_interrupt_check *check, unsigned sender, unsigned vcpu,
		      const struct s2_sgi *sgi)
{
	const struct s2_mpidr m = check->vcpu[vcpu].mpidr;
	const unsigned aff0 = s2_mpidr_aff(m, 0), first = check->rss ? sgi->rs * S2_SGI_LIST_BITS : 0;

	if (!check->vcpu[vcpu].known)
		return false;
	if (sgi->all_but_self)
		return vcpu != sender;
	return s2_mpidr_aff(m, 3) == sgi->aff3 && s2_mpidr_aff(m, 2) == sgi->aff2 &&
	       s2_mpidr_aff(m, 1) == sgi->aff1 && aff0 >= first && aff0 - first < S2_SGI_LIST_BITS &&
	       (sgi->targets >> (aff0 - first) & 1);
}

static uint64_t bit_of(uint32_t intid)
{
	return UINT64_C(1) << intid % 64;
}

static void set_pending(struct s2_interrupt_check *check, unsigned vcpu, uint32_t intid)
{
	check->vcpu[vcpu].pending[intid / 64 % WORDS] |= bit_of(intid);
}

unsigned s2_interrupt_check_sgi(struct s2_interrupt_check *check, unsigned sender, uint64_t value)
{
	const struct s2_sgi sgi = s2_sgi_decode(value);
	unsigned n = 0;

	check->steps++;
	for (unsigned i = 0; i < check->n; i++) {
		if (!is_target(check, sender, i, &sgi))
			continue;
		set_pending(check, i, sgi.intid);
		n++;
	}
	return n;
}

void s2_interrupt_check_raise(struct s2_interrupt_check *check, unsigned vcpu, uint32_t intid)
{
	check->steps++;
	set_pending(check, vcpu, intid);
}

void s2_interrupt_check_lower(struct s2_interrupt_check *check, unsigned vcpu, uint32_t intid)
{
	check->steps++;
	check->vcpu[vcpu].pending[intid / 64 % WORDS] &= ~bit_of(intid);
}

bool s2_interrupt_check_expects(const struct s2_interrupt_check *check, unsigned vcpu,
				uint32_t intid)
{
	return check->vcpu[vcpu].pending[intid / 64 % WORDS] & bit_of(intid);
}

static void report(struct s2_interrupt_check *check, const struct s2_violation *v)
{
	if (check->n_violations++)
		return;
	check->first = *v;
	check->first.rule = S2_RULE_INTERRUPTS;
	check->first.step = check->steps;
}

void s2_interrupt_check_taken(struct s2_interrupt_check *check, unsigned vcpu, uint32_t intid)
{
	const struct s2_violation astray = {
		.finding = S2_FOUND_IRQ_ASTRAY, .vcpu = vcpu, .intid = intid};

	check->steps++;
	if (!s2_interrupt_check_expects(check, vcpu, intid))
		report(check, &astray);
	check->vcpu[vcpu].pending[intid / 64 % WORDS] &= ~bit_of(intid);
}

void s2_interrupt_check_quiet(struct s2_interrupt_check *check, unsigned vcpu)
{
	struct s2_violation lost = {.finding = S2_FOUND_IRQ_LOST, .vcpu = vcpu};

	check->steps++;
	for (uint32_t intid = 0; intid < S2_INTERRUPT_CHECK_IRQS; intid++) {
		if (!s2_interrupt_check_expects(check, vcpu, intid))
			continue;
		lost.intid = intid;
		report(check, &lost);
	}
	for (unsigned w = 0; w < WORDS; w++)
		check->vcpu[vcpu].pending[w] = 0;
}

void s2_interrupt_check_register(struct s2_interrupt_check *check, unsigned vcpu, const char *name,
				 uint64_t is, uint64_t should)
{
	const struct s2_violation v = {
		.finding = S2_FOUND_REGISTER, .vcpu = vcpu, .site = name, .held = is, .now = should};

	check->steps++;
	if (is != should)
		report(check, &v);
}

uint64_t s2_interrupt_check_count(const struct s2_interrupt_check *check)
{
	return check->n_violations;
}

uint64_t s2_interrupt_check_steps(const struct s2_interrupt_check *check)
{
	return check->steps;
}

const struct s2_violation *s2_interrupt_check_first(const struct s2_interrupt_check *check)
{
	return check->n_violations ? &check->first : NULL;
}
