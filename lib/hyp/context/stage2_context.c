/* SPDX-License-Identifier: MIT */
/*
 * kvm_arch_vcpu_load() and what it calls, as far as it reloads stage 2; then
 * the policies, one function and one row of the table each.
 */
#include "hyp/context/stage2_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/field.h>
#include <stage2sim/insn.h>

#include "machine/machine.h"

#define VTTBR_VMID  S2_BITS(63, 48)
#define VTTBR_BADDR S2_BITS(47, 12)
#define VTTBR_CNP   S2_BIT(0)
#define VTCR_T0SZ   S2_BITS(5, 0)
#define VTCR_RES1   S2_BIT(31)

enum {
	MMU_A,
	MMU_A_NESTED,
	MMU_B
};

static struct s2_cpu *cpu_of(const struct s2_stage2_world *w, unsigned c)
{
	return &w->machine->cpus[c];
}

uint64_t s2_stage2_vtcr(unsigned mmu)
{
	const unsigned ipa_bits = mmu == MMU_B ? 48 : 40;

	return VTCR_RES1 | s2_field_put(64 - ipa_bits, VTCR_T0SZ);
}

uint64_t s2_stage2_vttbr(const struct s2_stage2_world *w, unsigned mmu)
{
	return s2_field_put(w->vmid[mmu].number, VTTBR_VMID) |
	       s2_field_put(0x1000 + mmu, VTTBR_BADDR) | VTTBR_CNP;
}

uint32_t s2_stage2_loaded_mmus(const struct s2_stage2_world *w)
{
	uint32_t loaded = 0;

	for (unsigned c = 0; c < S2_STAGE2_CPUS; c++)
		if (w->cpu[c].vcpu)
			loaded |= UINT32_C(1) << w->vcpu[w->cpu[c].vcpu - 1].mmu;
	return loaded;
}

static uint32_t numbers_in_use(const struct s2_stage2_world *w)
{
	uint32_t used = w->taken | 1; /* 0 is the host's */

	for (unsigned i = 0; i < STAGE2_MMUS; i++)
		if (w->vmid[i].current || w->vmid[i].reserved)
			used |= UINT32_C(1) << w->vmid[i].number;
	return used;
}

void s2_stage2_vmid_update(struct s2_stage2_world *w, unsigned mmu)
{
	struct s2_stage2_vmid *vmid = &w->vmid[mmu];
	const uint32_t used = numbers_in_use(w);

	if (vmid->current)
		return;
	vmid->current = 1;
	if (vmid->reserved) {
		vmid->reserved = 0;
		return;
	}
	/* The old number if it is still free, else the next that is. */
	if (used >> vmid->number & 1)
		for (vmid->number = 1; used >> vmid->number & 1; vmid->number++)
			;
}

void s2_stage2_new_generation(struct s2_stage2_world *w, unsigned c, uint32_t reserved)
{
	struct s2_cpu *cpu = cpu_of(w, c);

	w->taken = 0;
	for (unsigned i = 0; i < STAGE2_MMUS; i++) {
		w->vmid[i].current = 0;
		w->vmid[i].reserved = reserved >> i & 1;
		if (!w->vmid[i].reserved && w->vmid[i].number)
			w->taken |= UINT32_C(1) << w->vmid[i].number;
	}
	s2_dsb(cpu, S2_DSB_ISHST);
	s2_tlbi_alle1is(cpu);
	s2_dsb(cpu, S2_DSB_ISH);
	s2_isb(cpu);
}

/* What is loaded somewhere keeps its number across the rollover. */
static void rollover(struct s2_stage2_world *w, unsigned c)
{
	s2_stage2_new_generation(w, c, s2_stage2_loaded_mmus(w));
}

/* last_vcpu_ran, and __kvm_flush_cpu_context() without its VMID switch. */
void s2_stage2_check_last_ran(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	uint8_t *last = &w->cpu[c].last_ran[w->vcpu[vcpu].mmu];
	struct s2_cpu *cpu = cpu_of(w, c);

	if (*last && *last != vcpu + 1) {
		s2_tlbi_vmalle1(cpu);
		s2_ic_iallu(cpu);
		s2_dsb(cpu, S2_DSB_NSH);
		s2_isb(cpu);
	}
	*last = (uint8_t)(vcpu + 1);
}

void s2_stage2_load_registers(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	w->policy->load(w, vcpu, c);
}

/* The VMID first: what VTTBR_EL2 is made of must exist (fa808ed4e199). */
static void vcpu_load(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	s2_stage2_vmid_update(w, w->vcpu[vcpu].mmu);
	s2_stage2_load_registers(w, vcpu, c);
	s2_stage2_check_last_ran(w, vcpu, c);
}

const struct s2_stage2_flow s2_stage2_kvm_flow = {
	.vcpu_load = vcpu_load,
	.rollover = rollover,
};

/* The CPU that has @p vcpu, or -EINVAL. */
static int where(const struct s2_stage2_world *w, unsigned vcpu)
{
	for (int c = 0; c < S2_STAGE2_CPUS; c++)
		if (w->cpu[c].vcpu == vcpu + 1)
			return c;
	return -EINVAL;
}

static int on_load(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	if (w->cpu[c].vcpu || where(w, vcpu) >= 0)
		return -EINVAL;
	w->cpu[c].vcpu = (uint8_t)(vcpu + 1);
	w->flow->vcpu_load(w, vcpu, c);
	return 0;
}

/* Nothing is written: the next load decides. */
static int on_put(struct s2_stage2_world *w, unsigned vcpu)
{
	const int c = where(w, vcpu);

	if (c < 0)
		return c;
	w->cpu[c].vcpu = 0;
	return 0;
}

/* The kernel puts the vcpu and loads it again, on the other MMU. */
static int on_nested(struct s2_stage2_world *w, unsigned vcpu, unsigned from, unsigned to)
{
	const int c = where(w, vcpu);

	if (c < 0 || w->vcpu[vcpu].mmu != from)
		return -EINVAL;
	w->vcpu[vcpu].mmu = (uint8_t)to;
	w->flow->vcpu_load(w, vcpu, (unsigned)c);
	return 0;
}

int s2_stage2_world_event(struct s2_stage2_world *w, const struct s2_stage2_event *event)
{
	if (event->cpu >= S2_STAGE2_CPUS || event->vcpu >= S2_STAGE2_VCPUS)
		return -EINVAL;
	switch (event->kind) {
	case S2_STAGE2_VCPU_LOAD:
		return on_load(w, event->vcpu, event->cpu);
	case S2_STAGE2_VCPU_PUT:
		return on_put(w, event->vcpu);
	case S2_STAGE2_NESTED_ENTER:
		return on_nested(w, event->vcpu, MMU_A, MMU_A_NESTED);
	case S2_STAGE2_NESTED_EXIT:
		return on_nested(w, event->vcpu, MMU_A_NESTED, MMU_A);
	case S2_STAGE2_ROLLOVER:
		w->flow->rollover(w, event->cpu);
		return 0;
	default:
		return -EINVAL;
	}
}

int s2_stage2_world_init(struct s2_stage2_world *w, struct s2_machine *m,
			 const struct s2_stage2_policy *policy, const struct s2_stage2_flow *flow)
{
	if (!policy || s2_machine_cpus(m) < S2_STAGE2_CPUS)
		return -EINVAL;
	if (!s2_machine_features(m)->vhe)
		return -EOPNOTSUPP;
	memset(w, 0, sizeof(*w));
	w->policy = policy;
	w->flow = flow;
	w->machine = m;
	w->vcpu[S2_STAGE2_VCPUS - 1].mmu = MMU_B;
	return 0;
}

int s2_stage2_world_create(struct s2_machine *m, const struct s2_stage2_policy *policy,
			   struct s2_stage2_world **out)
{
	struct s2_stage2_world *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	ret = s2_stage2_world_init(w, m, policy, &s2_stage2_kvm_flow);
	if (ret) {
		free(w);
		return ret;
	}
	m->users++;
	*out = w;
	return 0;
}

void s2_stage2_world_free(struct s2_stage2_world *w)
{
	if (!w)
		return;
	w->machine->users--;
	free(w);
}

const char *s2_stage2_event_name(enum s2_stage2_event_kind kind)
{
	static const char *const names[S2_STAGE2_EVENT_KINDS] = {
		[S2_STAGE2_VCPU_LOAD] = "vcpu-load",	   [S2_STAGE2_VCPU_PUT] = "vcpu-put",
		[S2_STAGE2_NESTED_ENTER] = "nested-enter", [S2_STAGE2_NESTED_EXIT] = "nested-exit",
		[S2_STAGE2_ROLLOVER] = "vmid-rollover",
	};

	return (unsigned)kind < S2_STAGE2_EVENT_KINDS ? names[kind] : NULL;
}

/* --- policies ------------------------------------------------------------ */

static uint64_t compute_vttbr(const struct s2_stage2_world *w, unsigned mmu, unsigned c)
{
	s2_count(cpu_of(w, c), S2_OP_MMU_ROLE_COMPUTE, 1);
	return s2_stage2_vttbr(w, mmu);
}

static void write_vtcr(struct s2_stage2_world *w, unsigned c, uint64_t vtcr)
{
	w->cpu[c].vtcr = vtcr;
	s2_write_sysreg(cpu_of(w, c), S2_SYSREG_VTCR_EL2, vtcr);
}

static void write_vttbr(struct s2_stage2_world *w, unsigned c, uint64_t vttbr)
{
	w->cpu[c].vttbr = vttbr;
	s2_write_sysreg(cpu_of(w, c), S2_SYSREG_VTTBR_EL2, vttbr);
}

static bool compare(const struct s2_stage2_world *w, unsigned c, uint64_t a, uint64_t b)
{
	s2_count(cpu_of(w, c), S2_OP_MMU_ROLE_COMPARE, 1);
	return a == b;
}

/* __load_stage2(), what kvm_arch_vcpu_load() does with VHE. */
static void rewrite_all(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	const unsigned mmu = w->vcpu[vcpu].mmu;

	write_vtcr(w, c, s2_stage2_vtcr(mmu));
	write_vttbr(w, c, compute_vttbr(w, mmu, c));
}

static void stage2_context_init_flag(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	const unsigned mmu = w->vcpu[vcpu].mmu;

	if (!w->vcpu[vcpu].ever_loaded)
		write_vtcr(w, c, s2_stage2_vtcr(mmu));
	w->vcpu[vcpu].ever_loaded = 1;
	write_vttbr(w, c, compute_vttbr(w, mmu, c));
}

/* An MMU's base and VMID in VTTBR_EL2 tell it apart from any other. */
static void compare_role(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	const unsigned mmu = w->vcpu[vcpu].mmu;
	const uint64_t vttbr = compute_vttbr(w, mmu, c);

	if (compare(w, c, w->cpu[c].vttbr, vttbr))
		return;
	write_vtcr(w, c, s2_stage2_vtcr(mmu));
	write_vttbr(w, c, vttbr);
}

/* "Once" can only mean: as long as this CPU still has them. */
static void stage2_context_constants_once(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	const unsigned mmu = w->vcpu[vcpu].mmu;
	const uint64_t vttbr = compute_vttbr(w, mmu, c);

	if (compare(w, c, w->cpu[c].vttbr, vttbr))
		return;
	if (!compare(w, c, w->cpu[c].vtcr, s2_stage2_vtcr(mmu)))
		write_vtcr(w, c, s2_stage2_vtcr(mmu));
	write_vttbr(w, c, vttbr);
}

/* The x86 maintainer's advice taken literally, for each CPU. */
static void stage2_context_constants_per_vcpu(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	const unsigned mmu = w->vcpu[vcpu].mmu;
	const uint64_t vttbr = compute_vttbr(w, mmu, c);

	if (compare(w, c, w->cpu[c].vttbr, vttbr))
		return;
	if (!(w->vcpu[vcpu].set_on >> c & 1))
		write_vtcr(w, c, s2_stage2_vtcr(mmu));
	w->vcpu[vcpu].set_on |= (uint8_t)(1U << c);
	write_vttbr(w, c, vttbr);
}

/* Images of VTTBR_EL2 by MMU and VMID: they save the making, never the write. */
static void stage2_context_two_cached(struct s2_stage2_world *w, unsigned vcpu, unsigned c)
{
	struct s2_stage2_vcpu *v = &w->vcpu[vcpu];
	const unsigned i = v->mmu == MMU_A_NESTED;

	if (!compare(w, c, v->image_vmid[i], w->vmid[v->mmu].number)) {
		v->image[i] = compute_vttbr(w, v->mmu, c);
		v->image_vmid[i] = w->vmid[v->mmu].number;
	}
	if (compare(w, c, w->cpu[c].vttbr, v->image[i]))
		return;
	write_vtcr(w, c, s2_stage2_vtcr(v->mmu));
	write_vttbr(w, c, v->image[i]);
}

static const struct s2_stage2_policy stage2_context_policies[] = {
	{"rewrite-all", "A0: VTCR_EL2 and VTTBR_EL2 on each load, as upstream", rewrite_all},
	{"init-flag", "A3: VTCR_EL2 on a vcpu's first load only", stage2_context_init_flag},
	{"compare-role", "A1: nothing if this CPU's VTTBR_EL2 is the one wanted", compare_role},
	{"constants-once", "A2: compare, and VTCR_EL2 only if this CPU has another",
	 stage2_context_constants_once},
	{"constants-per-vcpu", "VTCR_EL2 on a vcpu's first load on each CPU",
	 stage2_context_constants_per_vcpu},
	{"two-cached", "A4: images of root and nested VTTBR_EL2, then compare",
	 stage2_context_two_cached},
};

#define STAGE2_CONTEXT_N_POLICIES \
	(sizeof(stage2_context_policies) / sizeof(stage2_context_policies[0]))

const struct s2_stage2_policy *s2_stage2_policy_at(size_t index)
{
	return index < STAGE2_CONTEXT_N_POLICIES ? &stage2_context_policies[index] : NULL;
}

const struct s2_stage2_policy *s2_stage2_policy_find(const char *name)
{
	for (size_t i = 0; name && i < STAGE2_CONTEXT_N_POLICIES; i++)
		if (!strcmp(stage2_context_policies[i].name, name))
			return &stage2_context_policies[i];
	return NULL;
}

const char *s2_stage2_policy_name(const struct s2_stage2_policy *policy)
{
	return policy->name;
}

const char *s2_stage2_policy_summary(const struct s2_stage2_policy *policy)
{
	return policy->summary;
}
