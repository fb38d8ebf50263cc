/* SPDX-License-Identifier: MIT */
/*
 * The fields of each kind of context: which never change, which follow the
 * role, and what each is computed from.  A list is in the order in which the
 * kernel's function of the same name assigns.
 */
#include "hyp/context/x86_context.h"

#include <string.h>

#include <stage2sim/field.h>

/* Which function a pointer field points to; 0 is a field that nobody ever wrote. */
enum handler {
	H_NULL = 1,
	H_TDP_PAGE_FAULT,
	H_EPT_PAGE_FAULT,
	H_NONPAGING_SYNC_PAGE,
	H_EPT_SYNC_PAGE,
	H_EPT_INVLPG,
	H_EPT_GVA_TO_GPA,
	H_GET_CR3,
	H_EPT_GET_EPTP,
	H_SVM_GET_TDP_CR3,
	H_PDPTR_READ,
	H_SVM_GET_TDP_PDPTR,
	H_INJECT_PAGE_FAULT,
	H_EPT_INJECT_PAGE_FAULT,
	H_SVM_INJECT_NPF_EXIT,
	H_VMX_INJECT_NESTED,
	H_SVM_INJECT_NESTED,
	/* One for each mode of paging: none, 32-bit, 64-bit. */
	H_PAGE_FAULT_BY_MODE = 0x20,
	H_SYNC_PAGE_BY_MODE = 0x24,
	H_INVLPG_BY_MODE = 0x28,
	H_GVA_TO_GPA_BY_MODE = 0x2c,
};

/* A mask is known by what it is computed from. */
#define MASK_LEVEL	UINT32_C(0x0000000f)
#define MASK_EFER_NX	UINT32_C(0x00000010)
#define MASK_PSE	UINT32_C(0x00000020)
#define MASK_GBPAGES	UINT32_C(0x00000040)
#define MASK_EXECONLY	UINT32_C(0x00000080)
#define MASK_MAXPHYADDR UINT32_C(0x0000ff00)
#define MASK_C_BIT	UINT32_C(0x00ff0000)
#define MASK_EPT	UINT32_C(0x40000000)
#define MASK_WRITTEN	UINT32_C(0x80000000)

static uint32_t put(uint32_t value, uint32_t mask)
{
	return (uint32_t)s2_field_put(value, mask);
}

static uint32_t get(uint32_t word, uint32_t mask)
{
	return (uint32_t)s2_field_get(word, mask);
}

static uint32_t constant(const struct s2_x86_inputs *in, uint32_t arg)
{
	(void)in;
	return arg;
}

static uint32_t by_mode(const struct s2_x86_inputs *in, uint32_t arg)
{
	if (!get(in->role.cpu_base, ROLE_LEVEL))
		return arg;
	return arg + (in->role.cpu_base & ROLE_4_BYTE_GPTE ? 1 : 2);
}

/* Without TDP nested VMX and SVM put their own here while L2 runs (the thread, 2022-03-08). */
static uint32_t inject_by_guest_mode(const struct s2_x86_inputs *in, uint32_t arg)
{
	if (!(in->role.cpu_base & ROLE_GUEST_MODE))
		return arg;
	return in->vendor == S2_X86_VMX ? H_VMX_INJECT_NESTED : H_SVM_INJECT_NESTED;
}

static uint32_t root_level(const struct s2_x86_inputs *in, uint32_t arg)
{
	return arg | get(in->role.cpu_base, ROLE_LEVEL);
}

static uint32_t shadow_root_level(const struct s2_x86_inputs *in, uint32_t arg)
{
	return arg | get(in->role.root_base, ROLE_LEVEL);
}

static uint32_t cpuid_masks(const struct s2_x86_inputs *in)
{
	return put(in->cpuid.gbpages, MASK_GBPAGES) | put(in->cpuid.maxphyaddr, MASK_MAXPHYADDR) |
	       put(in->cpuid.c_bit, MASK_C_BIT);
}

static uint32_t guest_rsvd(const struct s2_x86_inputs *in, uint32_t arg)
{
	const uint32_t base = in->role.cpu_base;

	return arg | cpuid_masks(in) | put(get(base, ROLE_LEVEL), MASK_LEVEL) |
	       put(get(base, ROLE_EFER_NX), MASK_EFER_NX) |
	       put(get(in->role.cpu_ext, ROLE_EXT_CR4_PSE), MASK_PSE) |
	       put(get(in->role.cpu_ext, ROLE_EXT_EXECONLY), MASK_EXECONLY);
}

static uint32_t permissions(const struct s2_x86_inputs *in, uint32_t arg)
{
	return arg | (in->role.cpu_base & (ROLE_CR0_WP | ROLE_EFER_NX)) |
	       (in->role.cpu_ext & (ROLE_EXT_CR4_SMEP | ROLE_EXT_CR4_SMAP));
}

static uint32_t pkru_mask(const struct s2_x86_inputs *in, uint32_t arg)
{
	if (!(in->role.cpu_ext & ROLE_EXT_CR4_PKE))
		return arg;
	return arg | ROLE_EXT_CR4_PKE | (in->role.cpu_base & ROLE_CR0_WP);
}

/* Of the context's own level, as the kernel has it: a stale level makes stale masks. */
static uint32_t tdp_shadow_zero(const struct s2_x86_inputs *in, uint32_t arg)
{
	return arg | put(get(in->ctx->field[S2_X86_SHADOW_ROOT_LEVEL], MASK_LEVEL), MASK_LEVEL);
}

static uint32_t shadow_zero(const struct s2_x86_inputs *in, uint32_t arg)
{
	return tdp_shadow_zero(in, arg) | put(in->cpuid.gbpages, MASK_GBPAGES) |
	       put(get(in->role.root_base, ROLE_EFER_NX), MASK_EFER_NX) |
	       put(get(in->role.cpu_ext, ROLE_EXT_CR4_PSE), MASK_PSE);
}

/* In the 2022 patch's "if (init)" block; the list is by hand from the patch. */
#define INIT_ONLY true
#define ALWAYS	  false

static const struct s2_x86_rule tdp_constants[] = {
	{S2_X86_PAGE_FAULT, INIT_ONLY, H_TDP_PAGE_FAULT, constant},
	{S2_X86_SYNC_PAGE, INIT_ONLY, H_NONPAGING_SYNC_PAGE, constant},
	{S2_X86_INVLPG, INIT_ONLY, H_NULL, constant},
	{S2_X86_GET_GUEST_PGD, INIT_ONLY, H_GET_CR3, constant},
	{S2_X86_GET_PDPTR, INIT_ONLY, H_PDPTR_READ, constant},
	{S2_X86_INJECT_PAGE_FAULT, INIT_ONLY, H_INJECT_PAGE_FAULT, constant},
};

static const struct s2_x86_rule tdp_role_fields[] = {
	{S2_X86_SHADOW_ROOT_LEVEL, INIT_ONLY, MASK_WRITTEN, shadow_root_level},
	{S2_X86_ROOT_LEVEL, ALWAYS, MASK_WRITTEN, root_level},
	{S2_X86_GVA_TO_GPA, ALWAYS, H_GVA_TO_GPA_BY_MODE, by_mode},
	{S2_X86_GUEST_RSVD, ALWAYS, MASK_WRITTEN, guest_rsvd},
	{S2_X86_PERMISSIONS, ALWAYS, MASK_WRITTEN, permissions},
	{S2_X86_PKRU_MASK, ALWAYS, MASK_WRITTEN, pkru_mask},
	{S2_X86_SHADOW_ZERO, ALWAYS, MASK_WRITTEN, tdp_shadow_zero},
};

static const struct s2_x86_rule shadow_constants[] = {
	{S2_X86_GET_GUEST_PGD, INIT_ONLY, H_GET_CR3, constant},
	{S2_X86_GET_PDPTR, INIT_ONLY, H_PDPTR_READ, constant},
};

static const struct s2_x86_rule shadow_role_fields[] = {
	{S2_X86_PAGE_FAULT, ALWAYS, H_PAGE_FAULT_BY_MODE, by_mode},
	{S2_X86_GVA_TO_GPA, ALWAYS, H_GVA_TO_GPA_BY_MODE, by_mode},
	{S2_X86_SYNC_PAGE, ALWAYS, H_SYNC_PAGE_BY_MODE, by_mode},
	{S2_X86_INVLPG, ALWAYS, H_INVLPG_BY_MODE, by_mode},
	{S2_X86_ROOT_LEVEL, ALWAYS, MASK_WRITTEN, root_level},
	{S2_X86_GUEST_RSVD, ALWAYS, MASK_WRITTEN, guest_rsvd},
	{S2_X86_PERMISSIONS, ALWAYS, MASK_WRITTEN, permissions},
	{S2_X86_PKRU_MASK, ALWAYS, MASK_WRITTEN, pkru_mask},
	{S2_X86_SHADOW_ROOT_LEVEL, ALWAYS, MASK_WRITTEN, shadow_root_level},
	{S2_X86_SHADOW_ZERO, ALWAYS, MASK_WRITTEN, shadow_zero},
	{S2_X86_INJECT_PAGE_FAULT, INIT_ONLY, H_INJECT_PAGE_FAULT, inject_by_guest_mode},
};

static const struct s2_x86_rule ept_constants[] = {
	{S2_X86_PAGE_FAULT, ALWAYS, H_EPT_PAGE_FAULT, constant},
	{S2_X86_GVA_TO_GPA, ALWAYS, H_EPT_GVA_TO_GPA, constant},
	{S2_X86_SYNC_PAGE, ALWAYS, H_EPT_SYNC_PAGE, constant},
	{S2_X86_INVLPG, ALWAYS, H_EPT_INVLPG, constant},
	{S2_X86_PKRU_MASK, ALWAYS, MASK_WRITTEN, constant},
	{S2_X86_GET_GUEST_PGD, ALWAYS, H_EPT_GET_EPTP, constant},
	{S2_X86_GET_PDPTR, ALWAYS, H_PDPTR_READ, constant},
	{S2_X86_INJECT_PAGE_FAULT, ALWAYS, H_EPT_INJECT_PAGE_FAULT, constant},
};

static const struct s2_x86_rule ept_role_fields[] = {
	{S2_X86_ROOT_LEVEL, ALWAYS, MASK_WRITTEN, root_level},
	{S2_X86_SHADOW_ROOT_LEVEL, ALWAYS, MASK_WRITTEN, shadow_root_level},
	{S2_X86_PERMISSIONS, ALWAYS, MASK_WRITTEN, permissions},
	{S2_X86_GUEST_RSVD, ALWAYS, MASK_WRITTEN | MASK_EPT, guest_rsvd},
	{S2_X86_SHADOW_ZERO, ALWAYS, MASK_WRITTEN | MASK_EPT, tdp_shadow_zero},
};

static const struct s2_x86_rule npt_constants[] = {
	{S2_X86_GET_GUEST_PGD, ALWAYS, H_SVM_GET_TDP_CR3, constant},
	{S2_X86_GET_PDPTR, ALWAYS, H_SVM_GET_TDP_PDPTR, constant},
	{S2_X86_INJECT_PAGE_FAULT, ALWAYS, H_SVM_INJECT_NPF_EXIT, constant},
};

/* shadow_mmu_init_context(): as for shadow paging, all but the last field. */
#define N_SHADOW_INIT (sizeof(shadow_role_fields) / sizeof(shadow_role_fields[0]) - 1)

static const struct s2_x86_rule nested_constants[] = {
	{S2_X86_GET_GUEST_PGD, ALWAYS, H_GET_CR3, constant},
	{S2_X86_GET_PDPTR, ALWAYS, H_PDPTR_READ, constant},
	{S2_X86_INJECT_PAGE_FAULT, ALWAYS, H_INJECT_PAGE_FAULT, constant},
	{S2_X86_INVLPG, ALWAYS, H_NULL, constant},
};

static const struct s2_x86_rule nested_role_fields[] = {
	{S2_X86_ROOT_LEVEL, ALWAYS, MASK_WRITTEN, root_level},
	{S2_X86_GVA_TO_GPA, ALWAYS, H_GVA_TO_GPA_BY_MODE, by_mode},
	{S2_X86_GUEST_RSVD, ALWAYS, MASK_WRITTEN, guest_rsvd},
	{S2_X86_PERMISSIONS, ALWAYS, MASK_WRITTEN, permissions},
	{S2_X86_PKRU_MASK, ALWAYS, MASK_WRITTEN, pkru_mask},
};

/* Some function of everything that a role-dependent field may depend on. */
static uint32_t neutral(const struct s2_x86_inputs *in, uint32_t arg)
{
	const uint32_t prime = UINT32_C(2654435761);
	uint32_t v = (in->role.cpu_base ^ arg) * prime;

	v = (v ^ in->role.cpu_ext) * prime;
	v = (v ^ in->role.root_base) * prime;
	return (v ^ cpuid_masks(in)) | 1;
}

#define NEUTRAL_CONSTANT(i)                         \
	{                                           \
		i, INIT_ONLY, 0x100 + (i), constant \
	}
#define NEUTRAL_ROLE(i)                                              \
	{                                                            \
		S2_X86_SHAPE_MAX + (i), ALWAYS, 0x200 + (i), neutral \
	}

static const struct s2_x86_rule neutral_constants[S2_X86_SHAPE_MAX] = {
	NEUTRAL_CONSTANT(0), NEUTRAL_CONSTANT(1), NEUTRAL_CONSTANT(2),	NEUTRAL_CONSTANT(3),
	NEUTRAL_CONSTANT(4), NEUTRAL_CONSTANT(5), NEUTRAL_CONSTANT(6),	NEUTRAL_CONSTANT(7),
	NEUTRAL_CONSTANT(8), NEUTRAL_CONSTANT(9), NEUTRAL_CONSTANT(10), NEUTRAL_CONSTANT(11),
};

static const struct s2_x86_rule neutral_role_fields[S2_X86_SHAPE_MAX] = {
	NEUTRAL_ROLE(0), NEUTRAL_ROLE(1), NEUTRAL_ROLE(2),  NEUTRAL_ROLE(3),
	NEUTRAL_ROLE(4), NEUTRAL_ROLE(5), NEUTRAL_ROLE(6),  NEUTRAL_ROLE(7),
	NEUTRAL_ROLE(8), NEUTRAL_ROLE(9), NEUTRAL_ROLE(10), NEUTRAL_ROLE(11),
};

#define LAYOUT(c, r)                                                         \
	{                                                                    \
		c, r, sizeof(c) / sizeof((c)[0]), sizeof(r) / sizeof((r)[0]) \
	}

static const struct s2_x86_layout tdp_layout = LAYOUT(tdp_constants, tdp_role_fields);
static const struct s2_x86_layout shadow_layout = LAYOUT(shadow_constants, shadow_role_fields);
static const struct s2_x86_layout ept_layout = LAYOUT(ept_constants, ept_role_fields);
static const struct s2_x86_layout npt_layout = {npt_constants, shadow_role_fields,
						sizeof(npt_constants) / sizeof(npt_constants[0]),
						N_SHADOW_INIT};
static const struct s2_x86_layout nested_layout = LAYOUT(nested_constants, nested_role_fields);

void s2_x86_set_layouts(struct s2_x86_vcpu *vcpu, const struct s2_x86_shape *shape)
{
	if (shape) {
		const struct s2_x86_layout layout = {neutral_constants, neutral_role_fields,
						     shape->constants, shape->role_fields};

		for (int id = 0; id < S2_X86_CONTEXTS; id++)
			vcpu->layout[id] = layout;
		return;
	}
	vcpu->layout[S2_X86_ROOT] = vcpu->paging == S2_X86_SHADOW ? shadow_layout : tdp_layout;
	vcpu->layout[S2_X86_GUEST] = vcpu->vendor == S2_X86_VMX ? ept_layout : npt_layout;
	vcpu->layout[S2_X86_NESTED] = nested_layout;
}

unsigned s2_x86_put(struct s2_x86_context *ctx, const struct s2_x86_vcpu *vcpu,
		    const struct s2_x86_rule *rules, unsigned n, bool skip_init_only)
{
	const struct s2_x86_inputs in = {ctx->role, vcpu->cpuid, vcpu->vendor, ctx};
	unsigned written = 0;

	for (unsigned i = 0; i < n; i++) {
		if (skip_init_only && rules[i].init_only)
			continue;
		ctx->field[rules[i].slot] = rules[i].value(&in, rules[i].arg);
		written++;
	}
	return written;
}

void s2_x86_from_nothing(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id,
			 struct s2_x86_context *out)
{
	const struct s2_x86_layout *layout = &vcpu->layout[id];

	memset(out, 0, sizeof(*out));
	out->role = s2_x86_calc_role(vcpu, id, &s2_x86_kvm_flow);
	s2_x86_put(out, vcpu, layout->constants, layout->n_constants, false);
	s2_x86_put(out, vcpu, layout->role_fields, layout->n_role_fields, false);
}

const char *s2_x86_field_name(enum s2_x86_field field)
{
	static const char *const names[S2_X86_FIELDS] = {
		[S2_X86_PAGE_FAULT] = "page_fault",
		[S2_X86_SYNC_PAGE] = "sync_page",
		[S2_X86_INVLPG] = "invlpg",
		[S2_X86_GET_GUEST_PGD] = "get_guest_pgd",
		[S2_X86_GET_PDPTR] = "get_pdptr",
		[S2_X86_INJECT_PAGE_FAULT] = "inject_page_fault",
		[S2_X86_GVA_TO_GPA] = "gva_to_gpa",
		[S2_X86_ROOT_LEVEL] = "root_level",
		[S2_X86_SHADOW_ROOT_LEVEL] = "shadow_root_level",
		[S2_X86_GUEST_RSVD] = "guest_rsvd",
		[S2_X86_PERMISSIONS] = "permissions",
		[S2_X86_PKRU_MASK] = "pkru_mask",
		[S2_X86_SHADOW_ZERO] = "shadow_zero",
	};

	return (unsigned)field < S2_X86_FIELDS ? names[field] : NULL;
}
