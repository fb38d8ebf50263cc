/* SPDX-License-Identifier: MIT */
/*
 * What a caller hands over by value and cannot be is refused, and nothing has
 * changed: counts, interrupts, run states, memory and results.
 */
#include <string.h>

#include <stage2sim/psci.h>

#include "hyp/vgic/vgic_fixture.h"

#define UNTOUCHED UINT64_C(0x5a5a5a5a5a5a5a5a)
#define N_VCPUS	  2U
#define N_IRQS	  64U

struct image {
	struct s2_counts counts;
	struct s2_irq_state irq[N_VCPUS][N_IRQS];
	struct s2_vgic_run_state run[N_VCPUS];
	size_t memory;
};

/* Two machines; on the first two vgics, of which ours has a vcpu in its guest. */
struct scene {
	struct vm vm;
	struct s2_machine *far;
	struct s2_vgic *other;
	struct s2_cpu *cpu, *far_cpu;
	struct s2_vgic_cpu *vcpu, *stranger;
	struct image before;
};

static void take_image(struct scene *s, struct image *image)
{
	memset(image, 0, sizeof(*image));
	image->counts = s2_machine_counts(s->vm.m);
	image->memory = s2_vgic_memory(s->vm.vgic);
	for (unsigned v = 0; v < N_VCPUS; v++) {
		image->run[v] = s2_vgic_run_state(vm_vcpu(&s->vm, v));
		for (uint32_t i = 0; i < N_IRQS; i++)
			image->irq[v][i] = vm_irq(&s->vm, v, i);
	}
}

static bool same_irq(const struct s2_irq_state *a, const struct s2_irq_state *b)
{
	return a->pending == b->pending && a->active == b->active && a->enabled == b->enabled &&
	       a->group1 == b->group1 && a->level_config == b->level_config &&
	       a->line_level == b->line_level && a->latch == b->latch && a->hw == b->hw &&
	       a->priority == b->priority && a->queued_on == b->queued_on && a->target == b->target;
}

static bool same_run(const struct s2_vgic_run_state *a, const struct s2_vgic_run_state *b)
{
	return a->loaded == b->loaded && a->in_guest == b->in_guest && a->exiting == b->exiting &&
	       a->blocked == b->blocked && a->irq_requested == b->irq_requested && a->cpu == b->cpu;
}

static void assert_unchanged(struct scene *s)
{
	struct image now;

	take_image(s, &now);
	assert_memory_equal(now.counts.n, s->before.counts.n, sizeof(now.counts.n));
	assert_u64(now.memory, s->before.memory);
	for (unsigned v = 0; v < N_VCPUS; v++) {
		assert_true(same_run(&now.run[v], &s->before.run[v]));
		for (uint32_t i = 0; i < N_IRQS; i++)
			assert_true(same_irq(&now.irq[v][i], &s->before.irq[v][i]));
	}
}

static void open_scene(struct scene *s)
{
	struct s2_machine_config cfg = {.cpus = 2};

	memset(s, 0, sizeof(*s));
	vm_boot(&s->vm, &vm_plain, N_VCPUS);
	assert_i64(s2_features_preset("neoverse-n1", &cfg.features), 0);
	assert_i64(s2_machine_create(&cfg, &s->far), 0);
	assert_i64(s2_vgic_create(s->vm.m, &vm_plain, &s->other), 0);
	assert_i64(s2_vgic_add_vcpu(s->other, 0, &s->stranger), 0);
	assert_i64(s2_vgic_init(s->other), 0);
	s->cpu = vm_cpu(&s->vm, 0);
	s->far_cpu = s2_machine_cpu(s->far, 0);
	s->vcpu = vm_vcpu(&s->vm, 0);
	vm_dist_wr(&s->vm, 0x104, UINT32_MAX);
	vm_run(&s->vm, 1);
	take_image(s, &s->before);
}

static void close_scene(struct scene *s)
{
	s2_vgic_destroy(s->other);
	vm_stop(&s->vm);
	s2_machine_destroy(s->far);
}

static void refuse_access(struct scene *s, struct s2_gic_io io)
{
	for (uint32_t offset = 0; offset < 0x10800; offset += 4) {
		uint64_t value = UNTOUCHED;

		io.offset = offset;
		assert_i64(s2_vgic_redist_read(s->vcpu, &io, &value), -EINVAL);
		assert_i64(s2_vgic_dist_read(s->vm.vgic, &io, &value), -EINVAL);
		assert_u64(value, UNTOUCHED);
		assert_i64(s2_vgic_redist_write(s->vcpu, &io, UINT64_MAX), -EINVAL);
		assert_i64(s2_vgic_dist_write(s->vm.vgic, &io, UINT64_MAX), -EINVAL);
	}
}

static void an_access_by_nobody_known_or_of_another_machine_is_refused(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	refuse_access(&s, (struct s2_gic_io){s.far_cpu, S2_GIC_GUEST, 0, 4});
	refuse_access(&s, (struct s2_gic_io){s.far_cpu, S2_GIC_USER, 0, 4});
	refuse_access(&s, (struct s2_gic_io){NULL, S2_GIC_GUEST, 0, 4});
	refuse_access(&s, (struct s2_gic_io){s.cpu, (enum s2_gic_access)2, 0, 4});
	assert_unchanged(&s);
	close_scene(&s);
}

/* A guest may do anything; userspace is told. */
static void a_width_or_offset_that_is_none_reads_nothing(void **state)
{
	static const unsigned sizes[] = {0, 2, 3, 5, 16, 255, UINT32_MAX};
	struct scene s;

	(void)state;
	open_scene(&s);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct s2_gic_io io = {s.cpu, S2_GIC_USER, 0x100, sizes[i]};
		uint64_t value = UNTOUCHED;

		assert_i64(s2_vgic_redist_read(s.vcpu, &io, &value), -ENXIO);
		assert_i64(s2_vgic_dist_read(s.vm.vgic, &io, &value), -ENXIO);
		assert_u64(value, UNTOUCHED);
		io.who = S2_GIC_GUEST;
		assert_i64(s2_vgic_dist_write(s.vm.vgic, &io, UINT64_MAX), 0);
		assert_i64(s2_vgic_redist_write(s.vcpu, &io, UINT64_MAX), 0);
		io.offset = UINT32_MAX - 3;
		assert_i64(s2_vgic_dist_read(s.vm.vgic, &io, &value), 0);
		assert_u64(value, 0);
	}
	assert_unchanged(&s);
	close_scene(&s);
}

static void cpus_of_another_machine_are_refused(void **state)
{
	struct s2_cpu *cpus[2];
	struct scene s;

	(void)state;
	open_scene(&s);
	cpus[0] = s.far_cpu;
	cpus[1] = NULL;
	for (size_t i = 0; i < 2; i++) {
		struct s2_vgic *vgic = s.vm.vgic;
		uint32_t word = (uint32_t)UNTOUCHED;

		assert_i64(s2_vgic_send_sgi(s.vcpu, cpus[i], S2_ICC_SGI1R, vm_to(1, 1)), -EINVAL);
		assert_i64(s2_vgic_send_sgi(s.vcpu, cpus[i], S2_ICC_SGI1R, S2_SGI_IRM), -EINVAL);
		assert_i64(s2_vgic_inject(vgic, cpus[i], NULL, 32, true), -EINVAL);
		assert_i64(s2_vgic_inject(vgic, cpus[i], s.vcpu, 27, true), -EINVAL);
		assert_i64(s2_vgic_irqfd(vgic, cpus[i], 32), -EINVAL);
		assert_i64(s2_vgic_level_info(vgic, cpus[i], 0, 0, false, &word), -EINVAL);
		assert_i64(s2_vgic_user_redist(vgic, cpus[i], 0, 0, false, &word), -EINVAL);
		assert_u64(word, (uint32_t)UNTOUCHED);
		assert_i64(s2_vgic_load(s.vcpu, cpus[i]), -EINVAL);
		assert_null(s2_vgic_lookup(vgic, cpus[i], s2_mpidr_from_id(1)));
		assert_i64(s2_psci_cpu_on(vgic, cpus[i], 1), S2_PSCI_INVALID_PARAMS);
		assert_i64(s2_psci_affinity_info(vgic, cpus[i], 1, 0), S2_PSCI_INVALID_PARAMS);
	}
	assert_unchanged(&s);
	close_scene(&s);
}

static void vcpus_of_another_vgic_and_numbers_that_are_none_are_refused(void **state)
{
	static const uint32_t none[] = {256, 1019, 1020, 1023, 1024, 8192, UINT32_MAX};
	struct s2_irq_state irq = {.priority = 0x5a};
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_i64(s2_vgic_inject(s.vm.vgic, s.cpu, s.stranger, 27, true), -EINVAL);
	assert_i64(s2_vgic_irq_state(s.vm.vgic, s.stranger, 1, &irq), -EINVAL);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_i64(s2_vgic_inject(s.vm.vgic, s.cpu, NULL, none[i], true), -EINVAL);
		assert_i64(s2_vgic_irqfd(s.vm.vgic, s.cpu, none[i]), -EINVAL);
		assert_i64(s2_vgic_set_resampler(s.vm.vgic, none[i], NULL, NULL), -EINVAL);
		assert_i64(s2_vgic_irq_state(s.vm.vgic, NULL, none[i], &irq), -EINVAL);
		assert_i64(s2_vgic_unmap_phys(s.vcpu, none[i]), -EINVAL);
		assert_false(s2_vgic_phys_active(s.vcpu, none[i]));
		assert_null(s2_vgic_vcpu(s.vm.vgic, none[i]));
		assert_null(s2_vgic_vcpu_by_id(s.vm.vgic, none[i]));
	}
	assert_int_equal(irq.priority, 0x5a);
	for (int reg = S2_SGI_REGS; reg < S2_SGI_REGS + 3; reg++)
		assert_i64(s2_vgic_send_sgi(s.vcpu, s.cpu, (enum s2_sgi_reg)reg, S2_SGI_IRM),
			   -EINVAL);
	assert_unchanged(&s);
	close_scene(&s);
}

/* Fields of an interface are free to change: the guest's mess is the guest's. */
static void list_registers_that_are_not_there_are_not_touched(void **state)
{
	struct s2_ich *ich;
	struct scene s;

	(void)state;
	open_scene(&s);
	assert_i64(s2_machine_set_list_registers(s.vm.m, 2), -EBUSY);
	assert_i64(s2_machine_set_list_registers(s.far, 200), -EINVAL);
	assert_i64(s2_machine_set_list_registers(s.far, 0), -EINVAL);
	assert_unchanged(&s);
	ich = s2_vgic_ich(vm_vcpu(&s.vm, 1));
	assert_i64(s2_ich_reset(ich, 200), -EINVAL);
	ich->n_lrs = 200;
	for (unsigned i = 0; i < 16; i++)
		vm_sgi(&s.vm, 0, vm_to(1, i));
	assert_i64(s2_vgic_exit(vm_vcpu(&s.vm, 1)), 0);
	assert_i64(s2_vgic_inject(s.vm.vgic, s.cpu, vm_vcpu(&s.vm, 1), 27, true), 0);
	vm_wr(&s.vm, 1, 0x10100, UINT32_C(1) << 27);
	assert_i64(s2_vgic_enter(vm_vcpu(&s.vm, 1)), 0);
	assert_int_equal(s2_ich_lrs(ich), S2_MAX_LRS);
	for (unsigned i = 0; i < S2_MAX_LRS; i++)
		ich->lr[i] = UINT64_MAX;
	ich->apr[0] = ich->apr[1] = UINT32_MAX;
	ich->vmcr = UINT64_MAX;
	(void)s2_ich_ack(ich, true);
	(void)s2_ich_misr(ich);
	s2_ich_eoi(ich, true, UINT32_MAX);
	s2_ich_dir(ich, UINT32_MAX);
	assert_i64(s2_vgic_exit(vm_vcpu(&s.vm, 1)), 0);
	close_scene(&s);
}

static void small_calls_refuse_what_is_none(void **state)
{
	(void)state;
	assert_null(s2_routing_find(NULL));
	assert_null(s2_vcpu_lookup_name(S2_LOOKUPS));
	assert_null(s2_sgi_dispatch_name((enum s2_sgi_dispatch)200));
	assert_null(s2_sgi_broadcast_name(S2_SGI_BROADCASTS));
	assert_null(s2_gic_reg_info(S2_GIC_REGS));
	assert_null(s2_sgi_reg_name(S2_SGI_REGS));
	assert_int_equal(s2_mpidr_aff(s2_mpidr(UINT64_MAX), 4), 0);
	assert_u64(s2_mpidr_table_bytes(64), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(an_access_by_nobody_known_or_of_another_machine_is_refused),
		s2_unit_test(a_width_or_offset_that_is_none_reads_nothing),
		s2_unit_test(cpus_of_another_machine_are_refused),
		s2_unit_test(vcpus_of_another_vgic_and_numbers_that_are_none_are_refused),
		s2_unit_test(list_registers_that_are_not_there_are_not_touched),
		s2_unit_test(small_calls_refuse_what_is_none),
	};

	return cmocka_run_group_tests_name("hyp/vgic_misuse", tests, NULL, NULL);
}
