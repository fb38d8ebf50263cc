/* SPDX-License-Identifier: MIT */
/*
 * What is skipped when a context is set up again.  A policy is one function
 * and one row of the table at the end.
 */
#include <string.h>

#include "hyp/context/x86_context.h"

static bool roles_equal(const struct s2_x86_roles *a, const struct s2_x86_roles *b)
{
	return a->cpu_base == b->cpu_base && a->cpu_ext == b->cpu_ext &&
	       a->root_base == b->root_base;
}

bool s2_x86_same_role(const struct s2_x86_update *u, const struct s2_x86_context *ctx)
{
	s2_x86_count(u->cpu, S2_OP_MMU_ROLE_COMPARE, 1);
	return roles_equal(&ctx->role, &u->role);
}

static void count_writes(const struct s2_x86_update *u, unsigned constant, unsigned role)
{
	u->vcpu->writes.constant += constant;
	u->vcpu->writes.role += role;
	s2_x86_count(u->cpu, S2_OP_MMU_FIELD_WRITE, constant + role);
}

void s2_x86_write_constants(const struct s2_x86_update *u)
{
	const struct s2_x86_layout *layout = &u->vcpu->layout[u->id];
	struct s2_x86_context *ctx = s2_x86_ctx(u->vcpu, u->id);

	count_writes(u, s2_x86_put(ctx, u->vcpu, layout->constants, layout->n_constants, false), 0);
	ctx->constants_set = 1;
}

void s2_x86_write_role_fields(const struct s2_x86_update *u)
{
	const struct s2_x86_layout *layout = &u->vcpu->layout[u->id];
	struct s2_x86_context *ctx = s2_x86_ctx(u->vcpu, u->id);

	ctx->role = u->role;
	count_writes(u, 0,
		     s2_x86_put(ctx, u->vcpu, layout->role_fields, layout->n_role_fields, false));
}

void s2_x86_rewrite(const struct s2_x86_update *u)
{
	s2_x86_write_constants(u);
	s2_x86_write_role_fields(u);
}

/* A1: what the kernel does, about v5.0 to v6.3. */
static void compare_then_rewrite(const struct s2_x86_update *u)
{
	if (s2_x86_same_role(u, s2_x86_ctx(u->vcpu, u->id)))
		return;
	s2_x86_rewrite(u);
}

/* A3: the patch of 2022-03-01, on top of the kernel's compare. */
static void init_flag(const struct s2_x86_update *u)
{
	const struct s2_x86_layout *layout = &u->vcpu->layout[u->id];
	struct s2_x86_context *ctx = s2_x86_ctx(u->vcpu, u->id);
	unsigned constant, role;

	if (s2_x86_same_role(u, ctx))
		return;
	ctx->role = u->role;
	constant = s2_x86_put(ctx, u->vcpu, layout->constants, layout->n_constants, !u->init);
	role = s2_x86_put(ctx, u->vcpu, layout->role_fields, layout->n_role_fields, !u->init);
	count_writes(u, constant, role);
}

/* A2: the constants when the context is first used. */
static void constants_once(const struct s2_x86_update *u)
{
	const struct s2_x86_context *ctx = s2_x86_ctx(u->vcpu, u->id);

	if (!ctx->constants_set)
		s2_x86_write_constants(u);
	if (s2_x86_same_role(u, ctx))
		return;
	s2_x86_write_role_fields(u);
}

/* The maintainer's advice of 2022-03-03: every context's constants, at vcpu creation. */
static void set_all_constants(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu)
{
	for (int id = 0; id < S2_X86_CONTEXTS; id++) {
		const struct s2_x86_update u = {.vcpu = vcpu, .cpu = cpu, .id = (enum s2_x86_id)id};

		s2_x86_write_constants(&u);
	}
}

static void constants_per_vcpu(const struct s2_x86_update *u)
{
	if (s2_x86_same_role(u, s2_x86_ctx(u->vcpu, u->id)))
		return;
	s2_x86_write_role_fields(u);
}

/* A4: two of each context; the one not in use is kept, root and all, for its role. */
static void two_cached(const struct s2_x86_update *u)
{
	uint8_t *slot = &u->vcpu->slot[u->id];

	if (s2_x86_same_role(u, &u->vcpu->ctx[u->id][*slot]))
		return;
	*slot ^= 1;
	constants_once(u);
}

static const struct s2_x86_policy policies[] = {
	{"rewrite-all", "A0: every field, each time", s2_x86_rewrite, NULL, false},
	{"init-flag", "A3: the 2022 patch: a flag at creation and nested switches, else skipped",
	 init_flag, NULL, false},
	{"compare-role", "A1: nothing if the role is the same, else every field",
	 compare_then_rewrite, NULL, false},
	{"constants-once", "A2: constants on a context's first use, then compare, then the rest",
	 constants_once, NULL, false},
	{"constants-per-vcpu", "the maintainer's advice: all constants at vcpu creation",
	 constants_per_vcpu, set_all_constants, false},
	{"two-cached", "A4: two of each context, kept by role with their roots", two_cached, NULL,
	 true},
};

#define N_POLICIES (sizeof(policies) / sizeof(policies[0]))

const struct s2_x86_policy *s2_x86_policy_at(size_t index)
{
	return index < N_POLICIES ? &policies[index] : NULL;
}

const struct s2_x86_policy *s2_x86_policy_find(const char *name)
{
	for (size_t i = 0; name && i < N_POLICIES; i++)
		if (!strcmp(policies[i].name, name))
			return &policies[i];
	return NULL;
}

const char *s2_x86_policy_name(const struct s2_x86_policy *policy)
{
	return policy->name;
}

const char *s2_x86_policy_summary(const struct s2_x86_policy *policy)
{
	return policy->summary;
}
