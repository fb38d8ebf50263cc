/* SPDX-License-Identifier: MIT */
/*
 * A vcpu's MMU contexts as a system to explore: a small alphabet of events for
 * the exhaustive walk, all values for the random one, and the comparison.
 */
#include "check/x86_context_check.h"

#include <errno.h>
#include <string.h>

#include <stage2sim/field.h>

#define LONG_MODE_CR4 (S2_CR4_PAE | S2_CR4_SMEP | S2_CR4_SMAP | S2_CR4_PKE)

/* One value for each mode of paging and each class of role bit. */
static const struct s2_x86_event alphabet[] = {
	{.kind = S2_X86_CPUID_SET, .cpuid = {.maxphyaddr = 40, .gbpages = 1}},
	{.kind = S2_X86_CPUID_SET, .cpuid = {.maxphyaddr = 52, .gbpages = 1}},
	{.kind = S2_X86_CPUID_SET, .cpuid = {.maxphyaddr = 52, .gbpages = 0}},
	{.kind = S2_X86_CPUID_SET, .cpuid = {.maxphyaddr = 52, .gbpages = 1, .c_bit = 51}},
	{.kind = S2_X86_VCPU_RESET},
	{.kind = S2_X86_SMM_ENTER},
	{.kind = S2_X86_SMM_LEAVE},
	{.kind = S2_X86_SMM_LEAVE_FAILS},
	{.kind = S2_X86_NESTED_ENTER, .value = 0},
	{.kind = S2_X86_NESTED_ENTER, .value = 1},
	{.kind = S2_X86_NESTED_EXIT},
	{.kind = S2_X86_CR0_WRITE, .value = 0},
	{.kind = S2_X86_CR0_WRITE, .value = S2_CR0_PG},
	{.kind = S2_X86_CR0_WRITE, .value = S2_CR0_PG | S2_CR0_WP},
	{.kind = S2_X86_CR4_WRITE, .value = S2_CR4_PSE},
	{.kind = S2_X86_CR4_WRITE, .value = S2_CR4_PAE},
	{.kind = S2_X86_CR4_WRITE, .value = LONG_MODE_CR4},
	{.kind = S2_X86_CR4_WRITE, .value = LONG_MODE_CR4 | S2_CR4_LA57},
	{.kind = S2_X86_EFER_WRITE, .value = 0},
	{.kind = S2_X86_EFER_WRITE, .value = S2_EFER_LME | S2_EFER_NX},
	{.kind = S2_X86_RUN},
};

/* Counts go to a machine of one CPU that nobody looks at. */
struct mmu_system {
	struct s2_cpu *cpu;
};

static int apply_event(void *arg, struct s2_x86_vcpu *vcpu, const struct s2_x86_event *event)
{
	const struct mmu_system *sys = arg;

	return s2_x86_vcpu_event(vcpu, sys->cpu, event);
}

static int apply(void *arg, void *state, unsigned event)
{
	return apply_event(arg, state, &alphabet[event]);
}

/* Extended bits that mean nothing may have been put there by a fault: not looked at. */
static bool context_right(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id)
{
	const struct s2_x86_context *is = s2_x86_vcpu_context(vcpu, id);
	struct s2_x86_context should;

	s2_x86_from_nothing(vcpu, id, &should);
	if (is->role.cpu_base != should.role.cpu_base ||
	    (is->role.cpu_ext & ROLE_EXT_KNOWN) != should.role.cpu_ext ||
	    is->role.root_base != should.role.root_base)
		return false;
	if (is->root && is->root != s2_x86_root_token(should.role.root_base, &vcpu->cpuid))
		return false;
	return memcmp(is->field, should.field, sizeof(is->field)) == 0;
}

static bool right(void *arg, const void *state)
{
	const struct s2_x86_vcpu *vcpu = state;

	(void)arg;
	return context_right(vcpu, s2_x86_vcpu_active(vcpu)) &&
	       (vcpu->walk_mmu == vcpu->mmu || context_right(vcpu, s2_x86_vcpu_walk(vcpu)));
}

struct bit_name {
	uint32_t mask;
	const char *name;
};

static void tell_bits(struct s2_text *text, uint32_t value, const struct bit_name *bits, size_t n)
{
	const char *sep = " ";

	if (!value)
		s2_text_add(text, " 0");
	for (size_t i = 0; i < n; i++) {
		if (!(value & bits[i].mask))
			continue;
		s2_text_add(text, "%s%s", sep, bits[i].name);
		sep = "|";
	}
}

static void tell_register(struct s2_text *text, const struct s2_x86_event *event)
{
	static const struct bit_name cr0[] = {{S2_CR0_PG, "PG"}, {S2_CR0_WP, "WP"}};
	static const struct bit_name cr4[] = {{S2_CR4_PSE, "PSE"},   {S2_CR4_PAE, "PAE"},
					      {S2_CR4_LA57, "LA57"}, {S2_CR4_SMEP, "SMEP"},
					      {S2_CR4_SMAP, "SMAP"}, {S2_CR4_PKE, "PKE"}};
	static const struct bit_name efer[] = {{S2_EFER_LME, "LME"}, {S2_EFER_NX, "NX"}};

	if (event->kind == S2_X86_CR0_WRITE)
		tell_bits(text, event->value, cr0, sizeof(cr0) / sizeof(cr0[0]));
	else if (event->kind == S2_X86_CR4_WRITE)
		tell_bits(text, event->value, cr4, sizeof(cr4) / sizeof(cr4[0]));
	else
		tell_bits(text, event->value, efer, sizeof(efer) / sizeof(efer[0]));
}

static void tell(struct s2_text *text, const struct s2_x86_event *event)
{
	const char *name = s2_x86_event_name(event->kind);

	s2_text_add(text, "%s", name ? name : "?");
	switch (event->kind) {
	case S2_X86_CPUID_SET:
		s2_text_add(text, " MAXPHYADDR=%u, 1 GiB pages %s, C-bit %u",
			    event->cpuid.maxphyaddr, event->cpuid.gbpages ? "yes" : "no",
			    event->cpuid.c_bit);
		break;
	case S2_X86_NESTED_ENTER:
		s2_text_add(text, event->value ? " (L1 uses EPT/NPT)" : " (L1 shadows)");
		break;
	case S2_X86_CR0_WRITE:
	case S2_X86_CR4_WRITE:
	case S2_X86_EFER_WRITE:
		tell_register(text, event);
		break;
	default:
		break;
	}
}

static void tell_event(void *arg, unsigned event, struct s2_text *text)
{
	(void)arg;
	tell(text, &alphabet[event]);
}

static void tell_role(struct s2_text *text, const char *ctx, const char *word, uint32_t is,
		      uint32_t should, bool extended)
{
	for (size_t i = 0; s2_x86_role_bit_at(i); i++) {
		const struct s2_x86_role_bit *bit = s2_x86_role_bit_at(i);

		if (bit->extended == extended && (is & bit->mask) != (should & bit->mask))
			s2_text_add(text, "     %s: %s.%s is %u, computed from nothing %u\n", ctx,
				    word, bit->name, (unsigned)s2_field_get(is, bit->mask),
				    (unsigned)s2_field_get(should, bit->mask));
	}
}

/* Levels are shown as numbers, all else as the symbol that stands for it. */
static void tell_field(struct s2_text *text, const char *ctx, unsigned slot, uint32_t is,
		       uint32_t should)
{
	const char *name = s2_x86_field_name((enum s2_x86_field)slot);
	const bool level = slot == S2_X86_ROOT_LEVEL || slot == S2_X86_SHADOW_ROOT_LEVEL;

	if (level && is)
		s2_text_add(text, "     %s: %s is %u, computed from nothing %u\n", ctx, name,
			    is & 0xf, should & 0xf);
	else if (name)
		s2_text_add(text, "     %s: %s is %s\n", ctx, name, is ? "stale" : "unset");
	else
		s2_text_add(text, "     %s: field %u is %s\n", ctx, slot, is ? "stale" : "unset");
}

static void tell_context(const struct s2_x86_vcpu *vcpu, enum s2_x86_id id, struct s2_text *text)
{
	static const char *const names[S2_X86_CONTEXTS] = {"root", "guest", "nested"};
	const struct s2_x86_context *is = s2_x86_vcpu_context(vcpu, id);
	struct s2_x86_context should;

	s2_x86_from_nothing(vcpu, id, &should);
	tell_role(text, names[id], "cpu_role", is->role.cpu_base, should.role.cpu_base, false);
	tell_role(text, names[id], "cpu_role", is->role.cpu_ext, should.role.cpu_ext, true);
	tell_role(text, names[id], "root_role", is->role.root_base, should.role.root_base, false);
	for (unsigned slot = 0; slot < S2_X86_SLOTS; slot++)
		if (is->field[slot] != should.field[slot])
			tell_field(text, names[id], slot, is->field[slot], should.field[slot]);
	if (is->root && is->root != s2_x86_root_token(should.role.root_base, &vcpu->cpuid))
		s2_text_add(text, "     %s: its root was built for another role or CPUID\n",
			    names[id]);
}

static void tell_wrong(void *arg, const void *state, struct s2_text *text)
{
	const struct s2_x86_vcpu *vcpu = state;

	(void)arg;
	tell_context(vcpu, s2_x86_vcpu_active(vcpu), text);
	if (vcpu->walk_mmu != vcpu->mmu)
		tell_context(vcpu, s2_x86_vcpu_walk(vcpu), text);
}

/* The first run ends CPUID changes, so it comes seldom. */
static struct s2_x86_event random_event(uint64_t random)
{
	struct s2_x86_event event = {.kind = (enum s2_x86_event_kind)(random % S2_X86_RUN)};

	random /= S2_X86_RUN;
	if (random % 32 == 0)
		event.kind = S2_X86_RUN;
	random /= 32;
	event.value = event.kind == S2_X86_NESTED_ENTER ? random % 2 : (uint32_t)random;
	event.cpuid.maxphyaddr = (uint8_t)(32 + random % 21);
	event.cpuid.gbpages = random >> 8 & 1;
	event.cpuid.c_bit = random >> 9 & 63;
	return event;
}

static int apply_random(void *arg, void *state, uint64_t random, struct s2_text *told)
{
	const struct s2_x86_event event = random_event(random);
	const int ret = apply_event(arg, state, &event);

	if (!ret && told) {
		s2_text_add(told, "   - ");
		tell(told, &event);
		s2_text_add(told, "\n");
	}
	return ret;
}

static int bare_machine(struct s2_machine **out)
{
	struct s2_machine_config cfg = {.cpus = 1, .allocator = S2_ALLOCATOR_LIBC};
	const int ret = s2_features_preset("max", &cfg.features);

	return ret ? ret : s2_machine_create(&cfg, out);
}

int s2_x86_flow_check(const struct s2_x86_vcpu_config *cfg, const struct s2_x86_flow *flow,
		      const struct s2_context_bounds *bounds, struct s2_context_result *out)
{
	struct s2_machine *m;
	struct mmu_system arg;
	const struct s2_context_system sys = {
		.size = sizeof(struct s2_x86_vcpu),
		.hashed = offsetof(struct s2_x86_vcpu, policy) / 4 * 4,
		.n_events = sizeof(alphabet) / sizeof(alphabet[0]),
		.apply = apply,
		.right = right,
		.tell_event = tell_event,
		.tell_wrong = tell_wrong,
		.apply_random = apply_random,
		.arg = &arg,
	};
	struct s2_x86_vcpu start;
	int ret = bare_machine(&m);

	if (ret)
		return ret;
	arg.cpu = s2_machine_cpu(m, 0);
	ret = s2_x86_vcpu_init(&start, arg.cpu, cfg, flow);
	if (!ret)
		ret = s2_context_explore(&sys, &start, bounds, out);
	s2_machine_destroy(m);
	return ret;
}

int s2_x86_context_check(const struct s2_x86_vcpu_config *cfg,
			 const struct s2_context_bounds *bounds, struct s2_context_result *out)
{
	return s2_x86_flow_check(cfg, &s2_x86_kvm_flow, bounds, out);
}
