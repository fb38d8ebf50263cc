/* SPDX-License-Identifier: MIT */
/*
 * How many context events a second: SMM switches, and a mix of all, with each
 * policy.  CPU time, best and median and worst of several runs after one that
 * is not counted.  Run by `meson test --benchmark`; never a test that can fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stage2sim/x86_context.h>

#define EVENTS 4000000
#define RUNS   5

static double cpu_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static const struct s2_x86_event smm[] = {{.kind = S2_X86_SMM_ENTER}, {.kind = S2_X86_SMM_LEAVE}};

static const struct s2_x86_event mix[] = {
	{.kind = S2_X86_CR4_WRITE, .value = S2_CR4_PAE},
	{.kind = S2_X86_EFER_WRITE, .value = S2_EFER_LME | S2_EFER_NX},
	{.kind = S2_X86_CR0_WRITE, .value = S2_CR0_PG | S2_CR0_WP},
	{.kind = S2_X86_RUN},
	{.kind = S2_X86_NESTED_ENTER, .value = 1},
	{.kind = S2_X86_CR4_WRITE, .value = S2_CR4_PAE | S2_CR4_SMEP},
	{.kind = S2_X86_RUN},
	{.kind = S2_X86_NESTED_EXIT},
	{.kind = S2_X86_SMM_ENTER},
	{.kind = S2_X86_RUN},
	{.kind = S2_X86_SMM_LEAVE},
	{.kind = S2_X86_VCPU_RESET},
};

/* Events a second of one run; a refused event would be a fault of this table. */
static double one_run(struct s2_x86_vcpu *vcpu, struct s2_cpu *cpu,
		      const struct s2_x86_event *events, size_t n)
{
	const double start = cpu_seconds();
	size_t refused = 0;

	for (size_t i = 0, k = 0; i < EVENTS; i++, k = k + 1 == n ? 0 : k + 1)
		refused += s2_x86_vcpu_event(vcpu, cpu, &events[k]) != 0;
	return refused ? 0 : EVENTS / (cpu_seconds() - start);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int measure(struct s2_cpu *cpu, const struct s2_x86_policy *policy, const char *what,
		   const struct s2_x86_event *events, size_t n)
{
	const struct s2_x86_vcpu_config cfg = {.policy = policy, .paging = S2_X86_TDP5};
	struct s2_x86_vcpu *vcpu;
	double rate[RUNS];
	const int ret = s2_x86_vcpu_create(cpu, &cfg, &vcpu);

	if (ret)
		return ret;
	(void)one_run(vcpu, cpu, events, n);
	for (int i = 0; i < RUNS; i++)
		rate[i] = one_run(vcpu, cpu, events, n);
	s2_x86_vcpu_free(vcpu);
	qsort(rate, RUNS, sizeof(rate[0]), by_value);
	(void)printf("%-20s %-5s %8.1f %8.1f %8.1f\n", s2_x86_policy_name(policy), what,
		     rate[0] / 1e6, rate[RUNS / 2] / 1e6, rate[RUNS - 1] / 1e6);
	return 0;
}

int main(void)
{
	struct s2_machine_config cfg = {.cpus = 1};
	struct s2_machine *m;
	int ret = s2_features_preset("max", &cfg.features);

	if (!ret)
		ret = s2_machine_create(&cfg, &m);
	if (ret)
		return 1;
	(void)printf("million events a second: min, median, max of %d runs of %d; goal 10\n", RUNS,
		     EVENTS);
	for (size_t i = 0; !ret && s2_x86_policy_at(i); i++) {
		const struct s2_x86_policy *policy = s2_x86_policy_at(i);
		struct s2_cpu *cpu = s2_machine_cpu(m, 0);

		ret = measure(cpu, policy, "smm", smm, sizeof(smm) / sizeof(smm[0]));
		if (!ret)
			ret = measure(cpu, policy, "mix", mix, sizeof(mix) / sizeof(mix[0]));
	}
	s2_machine_destroy(m);
	return ret != 0;
}
