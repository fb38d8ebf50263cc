/* SPDX-License-Identifier: MIT */
/*
 * s2-context: what a vcpu's context costs on mode switches, and what may be
 * skipped.  Workloads of the 2022 kvm_init_mmu thread, and arm64's own.
 */
#include <errno.h>
#include <string.h>

#include <stage2sim/context_check.h>

#include "programs.h"

#define N_POLICIES  6
#define N_WORKLOADS 8

struct settings {
	uint64_t switches;
	uint64_t depth, random;
	int paging, vendor;
};

/* One run under way: the vcpu (x86) or the world (arm64), and who counts. */
struct stage {
	struct s2_machine *m;
	struct s2_x86_vcpu *vcpu;
	struct s2_stage2_world *world;
	uint64_t seed;
};

/* A workload is events drawn one by one; whatever cannot happen is left out. */
struct workload {
	bool arm64;
	void (*step)(struct stage *s, uint64_t i);
};

/* A verdict does not depend on the workload: it is found once for each policy. */
struct found {
	bool known;
	struct s2_context_result result;
	struct settings by;
};

struct state {
	struct found found[N_POLICIES][2];
};

static void x86(struct stage *s, enum s2_x86_event_kind kind, uint32_t value)
{
	const struct s2_x86_event event = {.kind = kind, .value = value};

	(void)s2_x86_vcpu_event(s->vcpu, s2_machine_cpu(s->m, 0), &event);
}

static void set_cpuid(struct stage *s, uint8_t maxphyaddr)
{
	const struct s2_x86_event event = {.kind = S2_X86_CPUID_SET,
					   .cpuid = {.maxphyaddr = maxphyaddr, .gbpages = 1}};

	(void)s2_x86_vcpu_event(s->vcpu, s2_machine_cpu(s->m, 0), &event);
}

static void arm64(struct stage *s, enum s2_stage2_event_kind kind, unsigned vcpu, unsigned cpu)
{
	const struct s2_stage2_event event = {kind, vcpu, cpu};

	(void)s2_stage2_world_event(s->world, &event);
}

/* The thread's: firmware calls into SMM and back; the guest runs in between. */
static void smm(struct stage *s, uint64_t i)
{
	x86(s, i % 2 ? S2_X86_SMM_LEAVE : S2_X86_SMM_ENTER, 0);
	x86(s, S2_X86_RUN, 0);
}

/* What QEMU and libvirt do before the first run, MAXPHYADDR back and forth. */
static void cpuid(struct stage *s, uint64_t i)
{
	static const uint8_t maxphyaddr[] = {52, 46};

	set_cpuid(s, maxphyaddr[i % 2]);
}

static void enter_long_mode(struct stage *s)
{
	x86(s, S2_X86_CR4_WRITE, S2_CR4_PAE | S2_CR4_SMEP);
	x86(s, S2_X86_EFER_WRITE, S2_EFER_LME | S2_EFER_NX);
	x86(s, S2_X86_CR0_WRITE, S2_CR0_PG | S2_CR0_WP);
}

static void nested(struct stage *s, uint64_t i)
{
	if (!i)
		enter_long_mode(s);
	x86(s, i % 2 ? S2_X86_NESTED_EXIT : S2_X86_NESTED_ENTER, 1);
	x86(s, i % 2 ? S2_X86_NESTED_EXIT : S2_X86_NESTED_ENTER, 0);
	x86(s, S2_X86_RUN, 0);
}

static void resets(struct stage *s, uint64_t i)
{
	if (i % 8 == 0)
		enter_long_mode(s);
	x86(s, S2_X86_RUN, 0);
	x86(s, S2_X86_VCPU_RESET, 0);
}

static uint64_t draw(struct stage *s)
{
	/* xorshift64 (Marsaglia): any will do that is the same everywhere. */
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return s->seed;
}

static void mix(struct stage *s, uint64_t i)
{
	const uint64_t r = draw(s);

	if (!i) {
		set_cpuid(s, 46);
		enter_long_mode(s);
	}
	switch (r % 8) {
	case 0:
	case 1:
	case 2:
		smm(s, 0);
		smm(s, 1);
		break;
	case 3:
	case 4:
		nested(s, 2);
		nested(s, 3);
		break;
	case 5:
		x86(s, S2_X86_CR4_WRITE, S2_CR4_PAE | (r & 256 ? S2_CR4_SMAP : S2_CR4_SMEP));
		break;
	case 6:
		x86(s, S2_X86_CR0_WRITE, S2_CR0_PG | (r & 256 ? S2_CR0_WP : 0));
		break;
	default:
		x86(s, S2_X86_RUN, 0);
		break;
	}
}

/* A vEL2 hypervisor and its L2, on a CPU of their own. */
static void arm_nested(struct stage *s, uint64_t i)
{
	if (!i)
		arm64(s, S2_STAGE2_VCPU_LOAD, 0, 0);
	arm64(s, i % 2 ? S2_STAGE2_NESTED_EXIT : S2_STAGE2_NESTED_ENTER, 0, 0);
}

/* Exits to userspace: the vcpu comes back to a CPU that nobody else used; now and then B did. */
static void arm_userspace(struct stage *s, uint64_t i)
{
	if (i % 16 == 15) {
		arm64(s, S2_STAGE2_VCPU_LOAD, 2, 0);
		arm64(s, S2_STAGE2_VCPU_PUT, 2, 0);
	}
	arm64(s, S2_STAGE2_VCPU_LOAD, 0, 0);
	arm64(s, S2_STAGE2_VCPU_PUT, 0, 0);
}

static void arm_rollover(struct stage *s, uint64_t i)
{
	arm64(s, S2_STAGE2_VCPU_LOAD, (unsigned)(i % 3), 0);
	if (i % 8 == 7)
		arm64(s, S2_STAGE2_ROLLOVER, 0, 1);
	arm64(s, S2_STAGE2_VCPU_PUT, (unsigned)(i % 3), 0);
}

static const struct workload steps[N_WORKLOADS] = {
	{false, smm}, {false, cpuid},	  {false, nested},	 {false, resets},
	{false, mix}, {true, arm_nested}, {true, arm_userspace}, {true, arm_rollover},
};

static const struct s2_workload workloads[N_WORKLOADS] = {
	{"smm", "vcpu 0 in and out of SMM at start-up, the 2022 thread's", NULL, 0, &steps[0]},
	{"cpuid", "CPUID set before the first run, MAXPHYADDR 52 and 46", NULL, 0, &steps[1]},
	{"nested", "ping-pong between L1 and L2", NULL, 0, &steps[2]},
	{"resets", "a storm of vcpu resets", NULL, 0, &steps[3]},
	{"mix", "SMM, nested switches, register writes and runs at random", NULL, 0, &steps[4]},
	{"arm64-nested", "ping-pong between vEL2 and L2", NULL, 0, &steps[5]},
	{"arm64-userspace", "a vcpu put and loaded, each 16th time after another VM's", NULL, 0,
	 &steps[6]},
	{"arm64-rollover", "three vcpus of two VMs in turn, a VMID rollover each 8th", NULL, 0,
	 &steps[7]},
};

static const char *const pagings[] = {"shadow", "tdp4", "tdp5", NULL};
static const char *const vendors[] = {"vmx", "svm", NULL};

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(U64, switches, "switches", "N", "600",
	       "steps of the workload: switches, changes, resets", .min = 1,
	       .max = UINT64_C(1000000000)),
	OPTION(CHOICE, paging, "paging", "HOW", "tdp5", "x86: how the host translates for guests",
	       .choices = pagings),
	OPTION(CHOICE, vendor, "vendor", "WHOSE", "vmx", "x86: whose nested virtualisation",
	       .choices = vendors),
	OPTION(U64, depth, "depth", "N", "6",
	       "check every sequence of events up to this length; 0 checks nothing", .max = 20,
	       .apart = true),
	OPTION(U64, random, "random", "N", "100000", "then check this many random events",
	       .apart = true),
};

/* The policies of both kinds have the same names in the same order. */
static const struct s2_policy policies[N_POLICIES] = {
	{"rewrite-all", "A0: every field, each time", 0, NULL},
	{"init-flag", "A3: the 2022 patch", 1, NULL},
	{"compare-role", "A1: nothing if the role is the same", 2, NULL},
	{"constants-once", "A2: constants once for each context", 3, NULL},
	{"constants-per-vcpu", "the maintainer's advice: constants at vcpu creation", 4, NULL},
	{"two-cached", "A4: two of each context, kept by role", 5, NULL},
};

static bool is_arm64(const struct s2_run *run)
{
	return ((const struct workload *)run->workload->data)->arm64;
}

static struct s2_x86_vcpu_config vcpu_config(const struct s2_run *run)
{
	const struct settings *set = run->settings;
	const struct s2_x86_vcpu_config cfg = {
		.policy = s2_x86_policy_at((size_t)run->policy->id),
		.paging = (enum s2_x86_paging)set->paging,
		.vendor = (enum s2_x86_vendor)set->vendor,
	};

	return cfg;
}

static const struct s2_stage2_policy *stage2_policy(const struct s2_run *run)
{
	return s2_stage2_policy_at((size_t)run->policy->id);
}

static int open_stage(const struct s2_run *run, struct stage *s)
{
	const struct s2_machine_config cfg = {.features = *run->features, .cpus = S2_STAGE2_CPUS};
	const struct s2_x86_vcpu_config vcpu = vcpu_config(run);
	int ret = s2_machine_create(&cfg, &s->m);

	if (ret)
		return ret;
	s->seed = run->seed * 2 + 1;
	if (is_arm64(run))
		ret = s2_stage2_world_create(s->m, stage2_policy(run), &s->world);
	else
		ret = s2_x86_vcpu_create(s2_machine_cpu(s->m, 0), &vcpu, &s->vcpu);
	if (ret)
		s2_machine_destroy(s->m);
	return ret;
}

static void close_stage(struct stage *s)
{
	s2_x86_vcpu_free(s->vcpu);
	s2_stage2_world_free(s->world);
	s2_machine_destroy(s->m);
}

/* The thread measured the constant part of a call as a whole: 6 fields, 60 ns at most. */
static int measure(const struct stage *s, struct s2_result *result)
{
	const struct s2_x86_writes writes = s2_x86_vcpu_writes(s->vcpu);
	const struct s2_x86_shape shape = s2_x86_vcpu_shape(s->vcpu, S2_X86_ROOT);
	const struct s2_bill constant = {
		.seq[S2_SEQ_MMU_INIT] = (double)writes.constant / shape.constants,
	};
	int ret = s2_result_measure(result, "constant_writes", NULL, (double)writes.constant);

	if (!ret)
		ret = s2_result_measure(result, "role_writes", NULL, (double)writes.role);
	if (!ret)
		ret = s2_result_part(result, "constant_time", "constants", &constant);
	return ret;
}

static int find_verdict(const struct s2_run *run, struct s2_context_result *out)
{
	const struct settings *set = run->settings;
	const struct s2_context_bounds bounds = {
		.depth = (unsigned)set->depth,
		.random_events = set->random,
		.seed = run->seed,
	};
	const struct s2_x86_vcpu_config cfg = vcpu_config(run);

	if (is_arm64(run))
		return s2_stage2_context_check(stage2_policy(run), &bounds, out);
	return s2_x86_context_check(&cfg, &bounds, out);
}

static int verdict(const struct s2_run *run, struct s2_result *result)
{
	const struct settings *set = run->settings;
	struct found *found = &((struct state *)run->state)->found[run->policy->id][is_arm64(run)];
	const bool same = found->known && found->by.depth == set->depth &&
			  found->by.random == set->random && found->by.paging == set->paging &&
			  found->by.vendor == set->vendor;
	int ret = 0;

	if (!set->depth)
		return s2_result_verdict(result, "context", S2_UNCHECKED, 0, NULL);
	if (!same) {
		s2_context_result_clear(&found->result);
		ret = find_verdict(run, &found->result);
		found->known = !ret;
		found->by = *set;
	}
	if (ret)
		return ret;
	return s2_result_verdict(
		result, "context",
		found->result.verdict == S2_CONTEXT_UNSOUND ? S2_UNSOUND : S2_SOUND,
		found->result.states + found->result.random_events, found->result.story);
}

static int run_policy(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	const struct settings *set = run->settings;
	const struct workload *workload = run->workload->data;
	struct stage s = {0};
	int ret = open_stage(run, &s);

	if (ret) {
		s2_error_set(err, S2_OPTIONS_VALUE, "--machine: %s, expected one with VHE",
			     strerror(-ret));
		return ret;
	}
	for (uint64_t i = 0; i < set->switches; i++)
		workload->step(&s, i);
	result->ops = s2_machine_counts(s.m);
	if (s.vcpu)
		ret = measure(&s, result);
	close_stage(&s);
	if (!ret)
		ret = verdict(run, result);
	if (ret)
		s2_error_set(err, S2_OPTIONS_MEMORY, "checking %s: %s", run->policy->name,
			     strerror(-ret));
	return ret;
}

static void forget(void *state)
{
	struct state *st = state;

	for (size_t i = 0; i < N_POLICIES; i++)
		for (size_t k = 0; k < 2; k++)
			s2_context_result_clear(&st->found[i][k].result);
}

static const struct s2_example examples[] = {
	{"", "600 SMM switches, every policy with its verdict"},
	{"--profile x86-2022", "the same, with the 60 ns of the thread"},
	{"--workload nested --paging tdp4", "L1 and L2 on a host without 5-level paging"},
	{"--workload arm64-userspace", "what arm64 may keep across vcpu_put and vcpu_load"},
	{"--policy compare-role,constants-once --expect sound", "fails if one of them is unsound"},
};

const struct s2_program s2_context_program = {
	.name = "s2-context",
	.summary = "what a vcpu's MMU context costs on a mode switch, and what may be skipped",
	.about = "\"Sound\" means that the active context was equal to one computed from nothing "
		 "after every event of every sequence up to --depth events, of an alphabet with "
		 "one value for each mode of paging, and of --random events with any value. "
		 "Switches of an arm64 workload are loads of a vcpu on a CPU with VHE.",
	S2_PROGRAM_TABLES(struct settings),
	.state_size = sizeof(struct state),
	.machine = "neoverse-n1",
	.metric = "mmu_field_write",
	.thread = "context-2022",
	.run = run_policy,
	.close = forget,
};
