/* SPDX-License-Identifier: MIT */
/*
 * The callers: which event sets up which context, and when.  Names are the
 * kernel's without kvm_, so that the two can be read side by side.
 */
#include "hyp/context/x86_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAXPHYADDR 36
#define CR4_ROLE_BITS \
	(S2_CR4_PSE | S2_CR4_PAE | S2_CR4_LA57 | S2_CR4_SMEP | S2_CR4_SMAP | S2_CR4_PKE)

/* From where an SMI was taken: vcpu->smm_in_guest. */
enum {
	SMI_IN_L1,
	SMI_IN_L2,
	SMI_IN_L2_NESTED_TDP
};

static void drop_root(struct s2_x86_context *ctx, struct s2_cpu *cpu)
{
	if (!ctx->root)
		return;
	ctx->root = 0;
	s2_x86_count(cpu, S2_OP_ROOT_UNLOAD, 1);
}

/* The role words, the policy's part, and kvm_mmu_new_pgd(): a root of another role must go. */
static void set_up(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, enum s2_x86_id id, bool init)
{
	const struct s2_x86_update u = {
		.vcpu = vcpu,
		.cpu = cpu,
		.id = id,
		.role = s2_x86_calc_role(vcpu, id, vcpu->flow),
		.init = init,
	};
	struct s2_x86_context *ctx;

	s2_x86_count(cpu, S2_OP_MMU_ROLE_COMPUTE, 1);
	vcpu->policy->update(&u);
	ctx = s2_x86_ctx(vcpu, id);
	if (ctx->root != s2_x86_root_token(ctx->role.root_base, &vcpu->cpuid))
		drop_root(ctx, cpu);
}

/* kvm_init_mmu(): with L2's own tables in use, only they are looked at. */
void s2_x86_init(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, bool init)
{
	set_up(vcpu, cpu, vcpu->walk_mmu == S2_X86_NESTED ? S2_X86_NESTED : S2_X86_ROOT, init);
}

/* kvm_mmu_unload(): the nested context never has a root. */
void s2_x86_unload(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu)
{
	if (vcpu->policy->keeps_roots)
		return;
	drop_root(s2_x86_ctx(vcpu, S2_X86_ROOT), cpu);
	drop_root(s2_x86_ctx(vcpu, S2_X86_GUEST), cpu);
}

/* The 2022 patch hands "init" down as false from here: its fault. */
void s2_x86_reset_context(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu)
{
	s2_x86_unload(vcpu, cpu);
	s2_x86_init(vcpu, cpu, false);
}

/* nested_vmx_load_cr3(), nested_svm_load_cr3(). */
void s2_x86_load_cr3(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu)
{
	s2_x86_init(vcpu, cpu, true);
}

void s2_x86_forget_roles(struct s2_x86_vcpu *vcpu)
{
	for (int id = 0; id < S2_X86_CONTEXTS; id++) {
		for (int slot = 0; slot < 2; slot++) {
			vcpu->ctx[id][slot].role.root_base = 0;
			vcpu->ctx[id][slot].role.cpu_ext &= ~ROLE_EXT_VALID;
		}
	}
}

/* L2 starts with L1's registers; what L1 puts there instead comes as register writes. */
void s2_x86_enter_guest_mode(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, bool nested_tdp)
{
	vcpu->l1 = vcpu->regs;
	vcpu->guest_mode = 1;
	vcpu->nested_tdp = nested_tdp;
	if (nested_tdp) {
		/* nested_ept_init_mmu_context(), nested_svm_init_mmu_context() */
		vcpu->mmu = S2_X86_GUEST;
		vcpu->walk_mmu = S2_X86_NESTED;
		set_up(vcpu, cpu, S2_X86_GUEST, true);
	}
}

/* Back to L1's registers and context, which is not yet set up again. */
void s2_x86_leave_guest_mode(struct s2_x86_vcpu *vcpu)
{
	vcpu->regs = vcpu->l1;
	memset(&vcpu->l1, 0, sizeof(vcpu->l1));
	vcpu->guest_mode = 0;
	vcpu->nested_tdp = 0;
	vcpu->mmu = S2_X86_ROOT;
	vcpu->walk_mmu = S2_X86_ROOT;
}

static int nested_enter(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
			const struct s2_x86_event *event)
{
	const bool nested_tdp = event->value;

	if (event->value > 1 || vcpu->guest_mode || vcpu->smm ||
	    (nested_tdp && vcpu->paging == S2_X86_SHADOW))
		return -EINVAL;
	s2_x86_enter_guest_mode(vcpu, cpu, nested_tdp);
	s2_x86_load_cr3(vcpu, cpu);
	return 0;
}

static int nested_exit(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		       const struct s2_x86_event *event)
{
	(void)event;
	if (!vcpu->guest_mode)
		return -EINVAL;
	s2_x86_leave_guest_mode(vcpu);
	s2_x86_load_cr3(vcpu, cpu);
	return 0;
}

/* enter_smm(): L2 is left first; then the flag, the registers, and one reset. */
static int smm_enter(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, const struct s2_x86_event *event)
{
	const struct s2_x86_regs interrupted = vcpu->regs;

	(void)event;
	if (vcpu->smm)
		return -EINVAL;
	if (vcpu->guest_mode) {
		const struct s2_x86_regs l1 = vcpu->l1;

		vcpu->smm_in_guest = vcpu->nested_tdp ? SMI_IN_L2_NESTED_TDP : SMI_IN_L2;
		s2_x86_leave_guest_mode(vcpu);
		s2_x86_load_cr3(vcpu, cpu);
		vcpu->l1 = l1;
	}
	vcpu->smm_saved = interrupted;
	vcpu->smm = 1;
	vcpu->regs.cr0 &= ~S2_CR0_PG;
	vcpu->regs.cr4 = 0;
	vcpu->regs.efer = 0;
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

static void forget_smi(struct s2_x86_vcpu *vcpu)
{
	memset(&vcpu->smm_saved, 0, sizeof(vcpu->smm_saved));
	memset(&vcpu->l1, 0, sizeof(vcpu->l1));
	vcpu->smm_in_guest = SMI_IN_L1;
}

/* RSM: the flag and the role never differ (78fcb2c91adf); L2 goes on if it was interrupted. */
static int smm_leave(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, const struct s2_x86_event *event)
{
	const struct s2_x86_regs interrupted = vcpu->smm_saved;
	const struct s2_x86_regs l1 = vcpu->l1;
	const uint8_t from = vcpu->smm_in_guest;

	(void)event;
	if (!vcpu->smm)
		return -EINVAL;
	vcpu->smm = 0;
	forget_smi(vcpu);
	vcpu->regs = from == SMI_IN_L1 ? interrupted : l1;
	s2_x86_reset_context(vcpu, cpu);
	if (from == SMI_IN_L1)
		return 0;
	s2_x86_enter_guest_mode(vcpu, cpu, from == SMI_IN_L2_NESTED_TDP);
	vcpu->regs = interrupted;
	s2_x86_load_cr3(vcpu, cpu);
	return 0;
}

/* RSM with a state-save area that cannot be loaded: out of SMM all the same. */
static int smm_leave_fails(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
			   const struct s2_x86_event *event)
{
	(void)event;
	if (!vcpu->smm)
		return -EINVAL;
	vcpu->smm = 0;
	forget_smi(vcpu);
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

/* kvm_set_cr0(), and the LMA bit that the processor derives. */
static int cr0_write(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, const struct s2_x86_event *event)
{
	const uint32_t cr0 = event->value & (S2_CR0_PG | S2_CR0_WP);
	const bool lma = (cr0 & S2_CR0_PG) && (vcpu->regs.efer & S2_EFER_LME);

	if (lma && !(vcpu->regs.cr4 & S2_CR4_PAE))
		return -EINVAL;
	if (cr0 == vcpu->regs.cr0)
		return 0;
	vcpu->regs.cr0 = cr0;
	vcpu->regs.efer &= ~S2_EFER_LMA;
	if (lma)
		vcpu->regs.efer |= S2_EFER_LMA;
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

static int cr4_write(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, const struct s2_x86_event *event)
{
	const uint32_t cr4 = event->value & CR4_ROLE_BITS;
	const uint32_t changed = cr4 ^ vcpu->regs.cr4;

	if ((vcpu->regs.efer & S2_EFER_LMA) && (changed & (S2_CR4_PAE | S2_CR4_LA57)))
		return -EINVAL;
	if (!changed)
		return 0;
	vcpu->regs.cr4 = cr4;
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

static int efer_write(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		      const struct s2_x86_event *event)
{
	const uint32_t lma = vcpu->regs.efer & S2_EFER_LMA;
	const uint32_t efer = (event->value & (S2_EFER_LME | S2_EFER_NX)) | lma;
	const uint32_t changed = efer ^ vcpu->regs.efer;

	if ((vcpu->regs.cr0 & S2_CR0_PG) && (changed & S2_EFER_LME))
		return -EINVAL;
	if (!changed)
		return 0;
	vcpu->regs.efer = efer;
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

static bool cpuid_valid(const struct s2_x86_cpuid *cpuid)
{
	return cpuid->maxphyaddr >= 32 && cpuid->maxphyaddr <= 52 && cpuid->c_bit < 64 &&
	       cpuid->gbpages <= 1;
}

/*
 * kvm_mmu_after_set_cpuid().  While L2 runs it would reach the nested context
 * only and leave the guest context as it was; refused here, see docs/model.md.
 */
static int cpuid_set(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, const struct s2_x86_event *event)
{
	if (vcpu->ran || vcpu->guest_mode || !cpuid_valid(&event->cpuid))
		return -EINVAL;
	vcpu->cpuid = event->cpuid;
	s2_x86_forget_roles(vcpu);
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

/*
 * kvm_vcpu_reset(), RESET or INIT: L2 is left as by an exit, then the big
 * hammer.  The kernel spares it if CR0.PG was clear (0aa1837533e5).
 */
static int vcpu_reset(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		      const struct s2_x86_event *event)
{
	(void)event;
	if (vcpu->guest_mode) {
		s2_x86_leave_guest_mode(vcpu);
		s2_x86_load_cr3(vcpu, cpu);
	}
	vcpu->smm = 0;
	forget_smi(vcpu);
	memset(&vcpu->regs, 0, sizeof(vcpu->regs));
	s2_x86_reset_context(vcpu, cpu);
	return 0;
}

/* kvm_mmu_reload(). */
static int run(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu, const struct s2_x86_event *event)
{
	struct s2_x86_context *ctx = s2_x86_ctx(vcpu, (enum s2_x86_id)vcpu->mmu);

	(void)cpu;
	(void)event;
	vcpu->ran = 1;
	if (!ctx->root)
		ctx->root = s2_x86_root_token(ctx->role.root_base, &vcpu->cpuid);
	return 0;
}

const struct s2_x86_flow s2_x86_kvm_flow = {
	.on =
		{
			[S2_X86_SMM_ENTER] = smm_enter,
			[S2_X86_SMM_LEAVE] = smm_leave,
			[S2_X86_SMM_LEAVE_FAILS] = smm_leave_fails,
			[S2_X86_CR0_WRITE] = cr0_write,
			[S2_X86_CR4_WRITE] = cr4_write,
			[S2_X86_EFER_WRITE] = efer_write,
			[S2_X86_NESTED_ENTER] = nested_enter,
			[S2_X86_NESTED_EXIT] = nested_exit,
			[S2_X86_CPUID_SET] = cpuid_set,
			[S2_X86_VCPU_RESET] = vcpu_reset,
			[S2_X86_RUN] = run,
		},
	.cpu_role = s2_x86_calc_cpu_role,
};

static int x86_context_check_config(const struct s2_x86_vcpu_config *cfg)
{
	static const struct s2_x86_cpuid none;

	if (!cfg->policy || (unsigned)cfg->paging >= S2_X86_PAGINGS ||
	    (unsigned)cfg->vendor >= S2_X86_VENDORS)
		return -EINVAL;
	if (memcmp(&cfg->cpuid, &none, sizeof(none)) != 0 && !cpuid_valid(&cfg->cpuid))
		return -EINVAL;
	if (cfg->shape && (cfg->shape->constants > S2_X86_SHAPE_MAX ||
			   cfg->shape->role_fields > S2_X86_SHAPE_MAX))
		return -EINVAL;
	return 0;
}

int s2_x86_vcpu_init(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		     const struct s2_x86_vcpu_config *cfg, const struct s2_x86_flow *flow)
{
	const int ret = x86_context_check_config(cfg);

	if (ret)
		return ret;
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->policy = cfg->policy;
	vcpu->flow = flow;
	vcpu->paging = cfg->paging;
	vcpu->vendor = cfg->vendor;
	vcpu->cpuid = cfg->cpuid;
	if (!vcpu->cpuid.maxphyaddr)
		vcpu->cpuid.maxphyaddr = DEFAULT_MAXPHYADDR;
	s2_x86_set_layouts(vcpu, cfg->shape);
	if (vcpu->policy->create)
		vcpu->policy->create(vcpu, cpu);
	s2_x86_init(vcpu, cpu, true);
	return 0;
}

int s2_x86_vcpu_create(struct s2_cpu *cpu, const struct s2_x86_vcpu_config *cfg,
		       struct s2_x86_vcpu **out)
{
	struct s2_x86_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int ret;

	if (!vcpu)
		return -ENOMEM;
	ret = s2_x86_vcpu_init(vcpu, cpu, cfg, &s2_x86_kvm_flow);
	if (ret) {
		free(vcpu);
		return ret;
	}
	*out = vcpu;
	return 0;
}

void s2_x86_vcpu_free(struct s2_x86_vcpu *vcpu)
{
	free(vcpu);
}

int s2_x86_vcpu_event(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		      const struct s2_x86_event *event)
{
	if ((unsigned)event->kind >= S2_X86_EVENT_KINDS)
		return -EINVAL;
	return vcpu->flow->on[event->kind](vcpu, cpu, event);
}

const struct s2_x86_context *s2_x86_vcpu_context(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id)
{
	return (unsigned)id < S2_X86_CONTEXTS ? &vcpu->ctx[id][vcpu->slot[id]] : NULL;
}

enum s2_x86_id s2_x86_vcpu_active(const struct s2_x86_vcpu *vcpu)
{
	return (enum s2_x86_id)vcpu->mmu;
}

enum s2_x86_id s2_x86_vcpu_walk(const struct s2_x86_vcpu *vcpu)
{
	return (enum s2_x86_id)vcpu->walk_mmu;
}

struct s2_x86_writes s2_x86_vcpu_writes(const struct s2_x86_vcpu *vcpu)
{
	return vcpu->writes;
}

struct s2_x86_shape s2_x86_vcpu_shape(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id)
{
	struct s2_x86_shape shape = {0, 0};

	if ((unsigned)id >= S2_X86_CONTEXTS)
		return shape;
	shape.constants = vcpu->layout[id].n_constants;
	shape.role_fields = vcpu->layout[id].n_role_fields;
	return shape;
}

const char *s2_x86_event_name(enum s2_x86_event_kind kind)
{
	static const char *const names[S2_X86_EVENT_KINDS] = {
		[S2_X86_SMM_ENTER] = "smm-enter",
		[S2_X86_SMM_LEAVE] = "smm-leave",
		[S2_X86_SMM_LEAVE_FAILS] = "smm-leave-fails",
		[S2_X86_CR0_WRITE] = "cr0-write",
		[S2_X86_CR4_WRITE] = "cr4-write",
		[S2_X86_EFER_WRITE] = "efer-write",
		[S2_X86_NESTED_ENTER] = "nested-enter",
		[S2_X86_NESTED_EXIT] = "nested-exit",
		[S2_X86_CPUID_SET] = "cpuid-set",
		[S2_X86_VCPU_RESET] = "vcpu-reset",
		[S2_X86_RUN] = "run",
	};

	return (unsigned)kind < S2_X86_EVENT_KINDS ? names[kind] : NULL;
}

const char *s2_x86_paging_name(enum s2_x86_paging paging)
{
	static const char *const names[S2_X86_PAGINGS] = {"shadow", "tdp4", "tdp5"};

	return (unsigned)paging < S2_X86_PAGINGS ? names[paging] : NULL;
}
