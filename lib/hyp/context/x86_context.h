/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside a vcpu's MMU contexts: the seams where policies and faults go in.
 *
 *     event --> flow.on[kind]     who calls a reset, and in which order
 *                 `-> init_mmu    which context, which role
 *                       `-> policy.update   what of it is written
 *
 * A policy is a row of mmu_policy.c; a flow is the kernel's callers.  Tests
 * swap one function of either to bring a published fault back.
 */
#ifndef S2_HYP_MMU_CONTEXT_H
#define S2_HYP_MMU_CONTEXT_H

#include <stage2sim/x86_context.h>

#include "machine/machine.h"

/* The role words; positions as in struct kvm_mmu_page_role of about v6.1, from memory. */
#define ROLE_LEVEL	    UINT32_C(0x0000000f)
#define ROLE_4_BYTE_GPTE    UINT32_C(0x00000010)
#define ROLE_DIRECT	    UINT32_C(0x00000080)
#define ROLE_ACCESS	    UINT32_C(0x00000700)
#define ROLE_INVALID	    UINT32_C(0x00000800)
#define ROLE_EFER_NX	    UINT32_C(0x00001000)
#define ROLE_CR0_WP	    UINT32_C(0x00002000)
#define ROLE_SMEP_ANDNOT_WP UINT32_C(0x00004000)
#define ROLE_SMAP_ANDNOT_WP UINT32_C(0x00008000)
#define ROLE_AD_DISABLED    UINT32_C(0x00010000)
#define ROLE_GUEST_MODE	    UINT32_C(0x00020000)
#define ROLE_PASSTHROUGH    UINT32_C(0x00040000)
#define ROLE_SMM	    UINT32_C(0xff000000)

#define ROLE_EXT_VALID	  UINT32_C(0x01)
#define ROLE_EXT_EXECONLY UINT32_C(0x02)
#define ROLE_EXT_CR4_PSE  UINT32_C(0x04)
#define ROLE_EXT_CR4_PKE  UINT32_C(0x08)
#define ROLE_EXT_CR4_SMAP UINT32_C(0x10)
#define ROLE_EXT_CR4_SMEP UINT32_C(0x20)
#define ROLE_EXT_CR4_LA57 UINT32_C(0x40)
#define ROLE_EXT_EFER_LMA UINT32_C(0x80)
#define ROLE_EXT_KNOWN	  UINT32_C(0xff)

struct s2_x86_regs {
	uint32_t cr0, cr4, efer;
};

/** What a field's value is computed from. */
struct s2_x86_inputs {
	struct s2_x86_roles role;
	struct s2_x86_cpuid cpuid;
	enum s2_x86_vendor vendor;
	const struct s2_x86_context *ctx; /**< fields written before this one */
};

/** A field, and how its value is got. */
struct s2_x86_rule {
	uint8_t slot;
	bool init_only; /**< skipped by the 2022 patch unless "init" */
	uint32_t arg;
	uint32_t (*value)(const struct s2_x86_inputs *in, uint32_t arg);
};

/** The fields of a kind of context, in the order in which they are written. */
struct s2_x86_layout {
	const struct s2_x86_rule *constants;
	const struct s2_x86_rule *role_fields;
	unsigned n_constants;
	unsigned n_role_fields;
};

struct s2_x86_flow;

/** Bytes up to @c policy are the state that an exploration tells apart; no padding in them. */
struct s2_x86_vcpu {
	struct s2_x86_regs regs;
	struct s2_x86_regs smm_saved; /**< state-save area: what RSM restores */
	struct s2_x86_regs l1;	      /**< what a nested exit restores */
	struct s2_x86_cpuid cpuid;
	uint8_t smm;
	uint8_t guest_mode;
	uint8_t nested_tdp;   /**< L1 uses EPT or NPT for the L2 that runs */
	uint8_t smm_in_guest; /**< the SMI came while L2 ran: RSM goes back there */
	uint8_t ran;
	uint8_t mmu;	  /**< enum s2_x86_id */
	uint8_t walk_mmu; /**< enum s2_x86_id */
	uint8_t slot[S2_X86_CONTEXTS];
	uint8_t unused[3];
	struct s2_x86_context ctx[S2_X86_CONTEXTS][2]; /**< slot[] says which; only "cached" uses both */

	const struct s2_x86_policy *policy;
	const struct s2_x86_flow *flow;
	enum s2_x86_paging paging;
	enum s2_x86_vendor vendor;
	struct s2_x86_layout layout[S2_X86_CONTEXTS];
	struct s2_x86_writes writes;
};

/** One context to be brought up to date. */
struct s2_x86_update {
	struct s2_x86_vcpu *vcpu;
	struct s2_cpu *cpu;
	enum s2_x86_id id;
	struct s2_x86_roles role; /**< what it should be */
	bool init;		  /**< the flag that the 2022 patch hands down */
};

struct s2_x86_policy {
	const char *name;
	const char *summary;
	/** Brings u->id up to date, or finds that it is. */
	void (*update)(const struct s2_x86_update *u);
	/** At vcpu creation, before the first update; may be NULL. */
	void (*create)(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu);
	bool keeps_roots; /**< a context set aside keeps its root */
};

/** The callers: who resets what on which event. */
struct s2_x86_flow {
	int (*on[S2_X86_EVENT_KINDS])(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
				      const struct s2_x86_event *event);
	struct s2_x86_roles (*cpu_role)(const struct s2_x86_vcpu *vcpu,
					const struct s2_x86_regs *regs);
};

extern const struct s2_x86_flow s2_x86_kvm_flow;

static inline struct s2_x86_context *s2_x86_ctx(struct s2_x86_vcpu *vcpu, enum s2_x86_id id)
{
	return &vcpu->ctx[id][vcpu->slot[id]];
}

/* mmu_role.c */

/** kvm_calc_cpu_role(): @p regs need not be the vcpu's (NPT uses L1's). */
struct s2_x86_roles s2_x86_calc_cpu_role(const struct s2_x86_vcpu *vcpu,
					 const struct s2_x86_regs *regs);
/** The role words that context @p id ought to have now, by @p flow's cpu_role. */
struct s2_x86_roles s2_x86_calc_role(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id,
				     const struct s2_x86_flow *flow);
/** What a root of this role and CPUID is known by; never 0. */
uint32_t s2_x86_root_token(uint32_t root_base, const struct s2_x86_cpuid *cpuid);

/* mmu_fields.c */

void s2_x86_set_layouts(struct s2_x86_vcpu *vcpu, const struct s2_x86_shape *shape);
/** Context @p id computed from nothing, its root aside. */
void s2_x86_from_nothing(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id,
			 struct s2_x86_context *out);
/** The values of @p n rules put into @p ctx; those that are init_only left out at will. */
unsigned s2_x86_put(struct s2_x86_context *ctx, const struct s2_x86_vcpu *vcpu,
		    const struct s2_x86_rule *rules, unsigned n, bool skip_init_only);

/* mmu_policy.c: what policies are made of */

bool s2_x86_same_role(const struct s2_x86_update *u, const struct s2_x86_context *ctx);
void s2_x86_write_constants(const struct s2_x86_update *u);
void s2_x86_write_role_fields(const struct s2_x86_update *u);
void s2_x86_rewrite(const struct s2_x86_update *u);

/* mmu_context.c: what flows are made of */

/** Sets up @p vcpu in place: zeroed memory or one that was used before. */
int s2_x86_vcpu_init(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		     const struct s2_x86_vcpu_config *cfg, const struct s2_x86_flow *flow);
void s2_x86_init(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, bool init);
void s2_x86_unload(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu);
void s2_x86_reset_context(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu);
/** The roles of every context made unlike any other: no early return can occur. */
void s2_x86_forget_roles(struct s2_x86_vcpu *vcpu);
void s2_x86_leave_guest_mode(struct s2_x86_vcpu *vcpu);
void s2_x86_enter_guest_mode(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, bool nested_tdp);
void s2_x86_load_cr3(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu);

static inline void s2_x86_count(struct s2_cpu *cpu, enum s2_op op, uint64_t n)
{
	struct s2_insn insn = {.op = op, .count = n};

	s2_issue(cpu, &insn);
}

#endif
