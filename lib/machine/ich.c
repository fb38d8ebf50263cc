/* SPDX-License-Identifier: MIT */
#include <stage2sim/ich.h>

#include <errno.h>
#include <string.h>

#include "machine/machine.h"

#define IDLE_PRIORITY UINT8_C(0xff)
/* Five bits of priority: one bit of APR for each, and binary points below 3 mean 3. */
#define PRIORITY_SHIFT 3U
#define NO_SLOT	       (-1)
/* vSGIs come after the list registers in the numbering of candidates. */
#define FIRST_VSGI ((int)S2_MAX_LRS)

int s2_ich_reset(struct s2_ich *ich, unsigned n_lrs)
{
	if (n_lrs > S2_MAX_LRS)
		return -EINVAL;
	memset(ich, 0, sizeof(*ich));
	ich->n_lrs = (uint8_t)n_lrs;
	return 0;
}

struct s2_ich *s2_cpu_ich(struct s2_cpu *cpu)
{
	return &cpu->ich;
}

int s2_machine_set_list_registers(struct s2_machine *m, unsigned n_lrs)
{
	if (!n_lrs || n_lrs > S2_MAX_LRS)
		return -EINVAL;
	for (unsigned i = 0; i < m->n_cpus; i++)
		if (m->cpus[i].ich_of)
			return -EBUSY;
	for (unsigned i = 0; i < m->n_cpus; i++)
		(void)s2_ich_reset(&m->cpus[i].ich, n_lrs);
	return 0;
}

static bool wants_eoi_maintenance(uint64_t lr)
{
	return !(lr & (S2_LR_STATE | S2_LR_HW)) && (lr & S2_LR_EOI);
}

uint64_t s2_ich_misr(const struct s2_ich *ich)
{
	unsigned valid = 0;
	unsigned pending = 0;
	uint64_t misr = 0;

	if (!(ich->hcr & S2_ICH_HCR_EN))
		return 0;
	for (unsigned i = 0; i < s2_ich_lrs(ich); i++) {
		valid += (ich->lr[i] & S2_LR_STATE) != 0;
		pending += (ich->lr[i] & S2_LR_STATE) == S2_LR_PENDING;
		if (wants_eoi_maintenance(ich->lr[i]))
			misr |= S2_ICH_MISR_EOI;
	}
	if ((ich->hcr & S2_ICH_HCR_UIE) && valid <= 1)
		misr |= S2_ICH_MISR_U;
	if ((ich->hcr & S2_ICH_HCR_LRENPIE) && (ich->hcr & S2_ICH_HCR_EOICOUNT))
		misr |= S2_ICH_MISR_LRENP;
	if ((ich->hcr & S2_ICH_HCR_NPIE) && !pending)
		misr |= S2_ICH_MISR_NP;
	return misr;
}

/* The bits of a priority that decide preemption (ICC_BPR0/1, ICC_CTLR.CBPR). */
static uint8_t group_priority(const struct s2_ich *ich, uint8_t priority, bool group1)
{
	unsigned sub = (unsigned)s2_field_get(ich->vmcr, S2_VMCR_BPR0) + 1U;

	if (group1 && !(ich->vmcr & S2_VMCR_CBPR))
		sub = (unsigned)s2_field_get(ich->vmcr, S2_VMCR_BPR1);
	if (sub < PRIORITY_SHIFT)
		sub = PRIORITY_SHIFT;
	return (uint8_t)(sub >= 8U ? 0U : priority & (UINT8_MAX << sub));
}

static unsigned lowest_set(uint32_t word)
{
	unsigned n = 0;

	while (!(word & (UINT32_C(1) << n)))
		n++;
	return n;
}

uint8_t s2_ich_running(const struct s2_ich *ich)
{
	const uint32_t active = ich->apr[0] | ich->apr[1];

	return active ? (uint8_t)(lowest_set(active) << PRIORITY_SHIFT) : IDLE_PRIORITY;
}

static bool group_enabled(const struct s2_ich *ich, bool group1)
{
	return ich->vmcr & (group1 ? S2_VMCR_ENG1 : S2_VMCR_ENG0);
}

/* The most urgent pending interrupt of both groups; the first one of equals. */
static int best_slot(const struct s2_ich *ich, uint8_t *priority, bool *group1)
{
	unsigned best = IDLE_PRIORITY + 1U;
	int slot = NO_SLOT;

	for (unsigned i = 0; i < s2_ich_lrs(ich); i++) {
		const uint8_t prio = (uint8_t)s2_field_get(ich->lr[i], S2_LR_PRIORITY);
		const bool g1 = ich->lr[i] & S2_LR_GROUP1;

		if ((ich->lr[i] & S2_LR_STATE) != S2_LR_PENDING || prio >= best ||
		    !group_enabled(ich, g1))
			continue;
		best = prio;
		slot = (int)i;
		*group1 = g1;
	}
	for (unsigned i = 0; ich->vsgi && i < S2_N_SGIS; i++) {
		const bool g1 = ich->vsgi_group1 >> i & 1U;

		if (!(ich->vsgi_pending & ich->vsgi_enabled & 1U << i) ||
		    ich->vsgi_priority[i] >= best || !group_enabled(ich, g1))
			continue;
		best = ich->vsgi_priority[i];
		slot = FIRST_VSGI + (int)i;
		*group1 = g1;
	}
	*priority = (uint8_t)best;
	return slot;
}

/* The slot that would be taken now, past mask and preemption, or NO_SLOT. */
static int presented_slot(const struct s2_ich *ich, bool group1, uint8_t *priority)
{
	bool slot_group1 = false;
	const int slot = best_slot(ich, priority, &slot_group1);

	if (slot == NO_SLOT || slot_group1 != group1 || !(ich->hcr & S2_ICH_HCR_EN))
		return NO_SLOT;
	if (*priority >= s2_field_get(ich->vmcr, S2_VMCR_PMR))
		return NO_SLOT;
	if (group_priority(ich, *priority, group1) >= s2_ich_running(ich))
		return NO_SLOT;
	return slot;
}

static uint32_t slot_intid(const struct s2_ich *ich, int slot)
{
	if (slot >= FIRST_VSGI)
		return (uint32_t)(slot - FIRST_VSGI);
	return (uint32_t)s2_field_get(ich->lr[slot], S2_LR_VINTID);
}

uint32_t s2_ich_highest(const struct s2_ich *ich, bool group1)
{
	uint8_t priority;
	const int slot = presented_slot(ich, group1, &priority);

	return slot == NO_SLOT ? S2_GIC_SPURIOUS : slot_intid(ich, slot);
}

uint32_t s2_ich_ack(struct s2_ich *ich, bool group1)
{
	uint8_t priority;
	const int slot = presented_slot(ich, group1, &priority);
	uint32_t intid;

	if (slot == NO_SLOT)
		return S2_GIC_SPURIOUS;
	intid = slot_intid(ich, slot);
	if (slot >= FIRST_VSGI)
		ich->vsgi_pending &= (uint16_t) ~(1U << intid);
	else
		ich->lr[slot] = (ich->lr[slot] & ~S2_LR_PENDING) | S2_LR_ACTIVE;
	ich->apr[group1] |= UINT32_C(1)
			    << (group_priority(ich, priority, group1) >> PRIORITY_SHIFT);
	return intid;
}

static void count_eoi(struct s2_ich *ich)
{
	const uint64_t n = s2_field_get(ich->hcr, S2_ICH_HCR_EOICOUNT);

	ich->hcr &= ~S2_ICH_HCR_EOICOUNT;
	ich->hcr |= s2_field_put(n + 1U, S2_ICH_HCR_EOICOUNT);
}

/* The pINTID of a private interrupt; an SPI's state is not kept here. */
static void deactivate_phys(struct s2_ich *ich, uint64_t lr)
{
	const uint64_t pintid = s2_field_get(lr, S2_LR_PINTID);

	if (pintid < S2_GIC_PRIVATE_IRQS)
		ich->phys_active &= ~(UINT32_C(1) << pintid);
}

void s2_ich_dir(struct s2_ich *ich, uint32_t intid)
{
	for (unsigned i = 0; i < s2_ich_lrs(ich); i++) {
		if ((ich->lr[i] & S2_LR_ACTIVE) &&
		    s2_field_get(ich->lr[i], S2_LR_VINTID) == intid) {
			ich->lr[i] &= ~S2_LR_ACTIVE;
			if (ich->lr[i] & S2_LR_HW)
				deactivate_phys(ich, ich->lr[i]);
			return;
		}
	}
	/* A vSGI has no active state that could be missing. */
	if (!(ich->vsgi && intid < S2_N_SGIS))
		count_eoi(ich);
}

void s2_ich_eoi(struct s2_ich *ich, bool group1, uint32_t intid)
{
	uint32_t *apr = &ich->apr[group1];

	if (intid >= S2_GIC_FIRST_SPECIAL)
		return;
	*apr &= *apr - 1U;
	if (!(ich->vmcr & S2_VMCR_EOIM))
		s2_ich_dir(ich, intid);
}
