/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Inside the stage-2 contexts: state, policies, and the callers as a flow, in
 * which tests swap one function to bring a published fault back.
 */
#ifndef S2_HYP_STAGE2_CONTEXT_H
#define S2_HYP_STAGE2_CONTEXT_H

#include <stage2sim/stage2_context.h>

/** VM A's own, VM A's nested, VM B's own. */
#define STAGE2_MMUS 3

/** Numbers that the model hands out: 1 to this; more than MMUs twice over, so never used up. */
#define STAGE2_VMIDS 7

/** One stage-2 MMU's VMID; the generation is told by whether it is the current one. */
struct s2_stage2_vmid {
	uint8_t number;	  /**< 0: none yet */
	uint8_t current;  /**< of the current generation */
	uint8_t reserved; /**< was loaded at the last rollover: keeps its number */
	uint8_t unused;
};

/** What one CPU has loaded, and whose stage-1 entries it holds. */
struct s2_stage2_cpu {
	uint64_t vtcr, vttbr;
	uint8_t vcpu;		       /**< loaded vcpu + 1, or 0 */
	uint8_t last_ran[STAGE2_MMUS]; /**< vcpu + 1 whose entries may be cached, or 0 */
	uint8_t unused[4];
};

struct s2_stage2_vcpu {
	uint8_t mmu;	     /**< hw_mmu */
	uint8_t ever_loaded; /**< "init-flag" */
	uint8_t set_on;	     /**< "constants-per-vcpu": CPUs, one bit each */
	uint8_t unused;
	uint8_t image_vmid[2]; /**< "two-cached": of root and nested; 0: none */
	uint8_t unused2[2];
	uint64_t image[2]; /**< VTTBR_EL2 */
};

struct s2_stage2_flow;

/** Bytes up to @c policy are the state that an exploration tells apart; no padding in them. */
struct s2_stage2_world {
	struct s2_stage2_vmid vmid[STAGE2_MMUS];
	uint32_t taken; /**< numbers that other VMs hold since the last rollover, one bit each */
	struct s2_stage2_cpu cpu[S2_STAGE2_CPUS];
	struct s2_stage2_vcpu vcpu[S2_STAGE2_VCPUS];

	const struct s2_stage2_policy *policy;
	const struct s2_stage2_flow *flow;
	struct s2_machine *machine;
};

struct s2_stage2_policy {
	const char *name;
	const char *summary;
	/** Makes CPU @p c's registers those of @p vcpu's MMU, or finds that they are. */
	void (*load)(struct s2_stage2_world *w, unsigned vcpu, unsigned c);
};

struct s2_stage2_flow {
	void (*vcpu_load)(struct s2_stage2_world *w, unsigned vcpu, unsigned c);
	void (*rollover)(struct s2_stage2_world *w, unsigned c);
};

extern const struct s2_stage2_flow s2_stage2_kvm_flow;

int s2_stage2_world_init(struct s2_stage2_world *w, struct s2_machine *m,
			 const struct s2_stage2_policy *policy, const struct s2_stage2_flow *flow);

/** VTCR_EL2 of MMU @p mmu: VM B has a larger IPA space than VM A. */
uint64_t s2_stage2_vtcr(unsigned mmu);
/** VTTBR_EL2 of MMU @p mmu with the VMID that it has now. */
uint64_t s2_stage2_vttbr(const struct s2_stage2_world *w, unsigned mmu);

/* What flows are made of. */

/** kvm_arm_vmid_update() */
void s2_stage2_vmid_update(struct s2_stage2_world *w, unsigned mmu);
/** The last-ran check: a local flush if another vcpu's entries may be there. */
void s2_stage2_check_last_ran(struct s2_stage2_world *w, unsigned vcpu, unsigned c);
/** The policy's part: VTCR_EL2 and VTTBR_EL2. */
void s2_stage2_load_registers(struct s2_stage2_world *w, unsigned vcpu, unsigned c);
/** ALLE1IS by CPU @p c, and every number not @p reserved taken by other VMs. */
void s2_stage2_new_generation(struct s2_stage2_world *w, unsigned c, uint32_t reserved);
/** MMUs that some CPU has loaded, one bit each. */
uint32_t s2_stage2_loaded_mmus(const struct s2_stage2_world *w);

#endif
