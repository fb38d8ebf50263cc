/* SPDX-License-Identifier: MIT */
/*
 * A vGIC from its making to its interrupts, in which each allocation fails once.
 *
 *     step -- -ENOMEM, nothing changed --> the same step again --> the state without a failure
 *
 * The look-up tables are only faster than a scan: without memory for one nothing
 * fails, and an SGI reaches whom it reached.  Leaks are the sanitizers' to find.
 */
#include "alloc_fail.h"
#include "hyp/vgic/vgic_fixture.h"

#include <string.h>

#define N_VCPUS 5U
#define N_IRQS	96U

struct life {
	struct vm vm;
	struct s2_vgic_config cfg;
	unsigned vcpus, regions;
};

/* Where each interrupt is in the end. */
struct seen {
	bool pending[N_VCPUS][N_IRQS], enabled[N_VCPUS][N_IRQS];
	int queued_on[N_VCPUS][N_IRQS], target[N_VCPUS][N_IRQS];
};

static int create(struct life *l)
{
	return s2_vgic_create(l->vm.m, &l->cfg, &l->vm.vgic);
}

static int add_vcpus(struct life *l)
{
	int ret = 0;

	for (; !ret && l->vcpus < N_VCPUS; l->vcpus += !ret)
		ret = s2_vgic_add_vcpu(l->vm.vgic, l->vcpus, NULL);
	return ret;
}

/* Two regions of three redistributors. */
static int add_regions(struct life *l)
{
	int ret = 0;

	for (; !ret && l->regions < 2; l->regions += !ret)
		ret = s2_vgic_add_redist_region(
			l->vm.vgic,
			UINT64_C(3) << 52 | (UINT64_C(0x100000) * (l->regions + 1)) | l->regions);
	return ret;
}

static int init(struct life *l)
{
	int ret = s2_vgic_set_nr_irqs(l->vm.vgic, N_IRQS);

	/* The second time it is no longer to be set. */
	if (ret && ret != -EBUSY)
		return ret;
	return s2_vgic_init(l->vm.vgic);
}

static void ended(void *arg, struct s2_cpu *cpu, uint32_t intid)
{
	(void)arg;
	(void)cpu;
	(void)intid;
}

static int resample(struct life *l)
{
	return s2_vgic_set_resampler(l->vm.vgic, 40, ended, NULL);
}

/* A first load makes the look-up tables. */
static int load(struct life *l)
{
	return s2_vgic_load(vm_vcpu(&l->vm, 0), vm_cpu(&l->vm, 0));
}

static int send(struct life *l)
{
	struct s2_vgic_cpu *sender = vm_vcpu(&l->vm, 0);
	struct s2_cpu *cpu = vm_cpu(&l->vm, 0);
	const uint64_t list = 0x1a, one = 0x10;
	int ret = s2_vgic_send_sgi(sender, cpu, S2_ICC_SGI1R, UINT64_C(3) << 24 | list);

	if (!ret)
		ret = s2_vgic_send_sgi(sender, cpu, S2_ICC_SGI1R, UINT64_C(4) << 24 | one);
	if (!ret)
		ret = s2_vgic_send_sgi(sender, cpu, S2_ICC_SGI1R, UINT64_C(5) << 24 | S2_SGI_IRM);
	return ret;
}

/* What it had allocated before, if it ran out. */
static size_t held(const struct life *l)
{
	return l->vm.vgic ? s2_vgic_memory(l->vm.vgic) : 0;
}

static int (*const steps[])(struct life *l) = {create,	 add_vcpus, add_regions, init,
					       resample, load,	    send};

/* Every step but those that make several things changes nothing, or is done. */
static bool is_one_thing(int (*step)(struct life *l))
{
	return step != add_vcpus && step != add_regions;
}

static void look(struct life *l, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	for (unsigned v = 0; v < N_VCPUS; v++)
		for (unsigned i = 0; i < N_IRQS; i++) {
			struct s2_irq_state s;

			if (s2_vgic_irq_state(l->vm.vgic, i < 32 ? vm_vcpu(&l->vm, v) : NULL, i,
					      &s))
				continue;
			seen->pending[v][i] = s.pending;
			seen->enabled[v][i] = s.enabled;
			seen->queued_on[v][i] = s.queued_on;
			seen->target[v][i] = s.target;
		}
}

/* Allocation @n fails, once or with all after it in its step. @return whether there was one */
static bool live(const struct s2_vgic_config *cfg, uint64_t n, bool sticky, struct seen *seen)
{
	struct life l = {.cfg = *cfg};
	bool reached = false;

	vm_machine(&l.vm, 2);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const size_t before = held(&l);
		uint64_t asked;
		int ret;

		if (!reached)
			s2_alloc_fail_at(n, sticky);
		ret = steps[i](&l);
		asked = s2_alloc_fail_end();
		reached |= asked > n;
		n -= asked > n ? n : asked;
		s2_test_row("step %zu of %s%s", i, s2_vcpu_lookup_name(cfg->routing.lookup),
			    sticky ? ", all fail" : "");
		if (ret) {
			assert_i64(ret, -ENOMEM);
			assert_true(reached);
			if (is_one_thing(steps[i]))
				assert_u64(held(&l), before);
			assert_i64(steps[i](&l), 0);
		}
		if (i == 3)
			vm_dist_wr(&l.vm, 0, S2_GICD_CTLR_ENABLE_G1);
	}
	look(&l, seen);
	vm_stop(&l.vm);
	return reached;
}

static void a_vgic_that_runs_out_of_memory_can_go_on(void **state)
{
	static struct seen good, seen;
	const struct s2_routing_policy *policy;

	(void)state;
	if (!s2_alloc_fail_works())
		skip();
	for (size_t i = 0; (policy = s2_routing_at(i)) != NULL; i++) {
		const struct s2_vgic_config cfg = {.max_vcpus = 8, .routing = policy->routing};

		assert_false(live(&cfg, UINT64_MAX, false, &good));
		for (int sticky = 0; sticky < 2; sticky++)
			for (uint64_t n = 0; live(&cfg, n, sticky, &seen); n++)
				assert_memory_equal(&seen, &good, sizeof(seen));
	}
	/* Someone was reached: the list's three, the one, and all but the sender. */
	assert_true(good.pending[1][3] && good.pending[3][3] && good.pending[4][3]);
	assert_true(good.pending[4][4] && !good.pending[3][4]);
	assert_true(good.pending[2][5] && !good.pending[0][5]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_vgic_that_runs_out_of_memory_can_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
