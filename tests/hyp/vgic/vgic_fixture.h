/* SPDX-License-Identifier: MIT */
/*
 * A VM with a vgic, for the tests of it: made by one call, with a counter that
 * is read by difference.
 */
#ifndef STAGE2SIM_TESTS_VGIC_FIXTURE_H
#define STAGE2SIM_TESTS_VGIC_FIXTURE_H

#include <stage2sim/insn.h>
#include <stage2sim/vgic.h>

#include "hyp/vgic/state/vgic.h"
#include "support.h"

struct vm {
	struct s2_machine *m;
	struct s2_vgic *vgic;
	struct s2_counts before;
};

static inline struct s2_cpu *vm_cpu(struct vm *vm, unsigned i)
{
	return s2_machine_cpu(vm->m, i);
}

static inline struct s2_vgic_cpu *vm_vcpu(struct vm *vm, unsigned i)
{
	return s2_vgic_vcpu(vm->vgic, i);
}

static inline void vm_machine(struct vm *vm, unsigned cpus)
{
	struct s2_machine_config cfg = {.cpus = cpus};

	assert_i64(s2_features_preset("neoverse-n1", &cfg.features), 0);
	assert_i64(s2_machine_create(&cfg, &vm->m), 0);
}

/* A guest's access of 32 bits (8 for an offset in a 64-bit register: see vm_io). */
static inline struct s2_gic_io vm_io(struct vm *vm, uint32_t offset, unsigned size)
{
	const struct s2_gic_io io = {vm->m ? vm_cpu(vm, 0) : NULL, S2_GIC_GUEST, offset, size};

	return io;
}

static inline uint64_t vm_rd(struct vm *vm, unsigned vcpu, uint32_t offset)
{
	const struct s2_gic_io io = vm_io(vm, offset, 4);
	uint64_t value;

	assert_i64(s2_vgic_redist_read(vm_vcpu(vm, vcpu), &io, &value), 0);
	return value;
}

static inline void vm_wr(struct vm *vm, unsigned vcpu, uint32_t offset, uint64_t value)
{
	const struct s2_gic_io io = vm_io(vm, offset, 4);

	assert_i64(s2_vgic_redist_write(vm_vcpu(vm, vcpu), &io, value), 0);
}

static inline uint64_t vm_dist_rd(struct vm *vm, uint32_t offset)
{
	const struct s2_gic_io io = vm_io(vm, offset, 4);
	uint64_t value;

	assert_i64(s2_vgic_dist_read(vm->vgic, &io, &value), 0);
	return value;
}

static inline void vm_dist_wr(struct vm *vm, uint32_t offset, uint64_t value)
{
	const struct s2_gic_io io = vm_io(vm, offset, 4);

	assert_i64(s2_vgic_dist_write(vm->vgic, &io, value), 0);
}

/* A vgic of @cfg with vcpus of ids 0 to @vcpus - 1; not initialised. */
static inline void vm_raw(struct vm *vm, const struct s2_vgic_config *cfg, unsigned vcpus)
{
	assert_i64(s2_vgic_create(vm->m, cfg, &vm->vgic), 0);
	for (unsigned i = 0; i < vcpus; i++)
		assert_i64(s2_vgic_add_vcpu(vm->vgic, i, NULL), 0);
}

static inline void vm_start(struct vm *vm, const struct s2_vgic_config *cfg, unsigned vcpus)
{
	vm_raw(vm, cfg, vcpus);
	assert_i64(s2_vgic_init(vm->vgic), 0);
	vm_dist_wr(vm, 0, S2_GICD_CTLR_ENABLE_G1);
}

/* What a guest sets up before it takes interrupts. */
static inline void vm_open(struct vm *vm, unsigned vcpu)
{
	s2_vgic_ich(vm_vcpu(vm, vcpu))->vmcr =
		S2_VMCR_ENG0 | S2_VMCR_ENG1 | s2_field_put(0xf0, S2_VMCR_PMR);
}

static inline void vm_stop(struct vm *vm)
{
	if (vm->vgic)
		assert_int_equal(s2_vgic_lock_faults(vm->vgic), 0);
	s2_vgic_destroy(vm->vgic);
	s2_machine_destroy(vm->m);
	vm->vgic = NULL;
	vm->m = NULL;
}

static inline void vm_mark(struct vm *vm)
{
	vm->before = s2_machine_counts(vm->m);
}

static inline uint64_t vm_counted(struct vm *vm, enum s2_op op)
{
	return s2_machine_counts(vm->m).n[op] - vm->before.n[op];
}

static inline void vm_sgi(struct vm *vm, unsigned sender, uint64_t value)
{
	assert_i64(s2_vgic_send_sgi(vm_vcpu(vm, sender), vm_cpu(vm, 0), S2_ICC_SGI1R, value), 0);
}

static inline uint64_t sgi_to(struct s2_mpidr m, uint8_t intid)
{
	uint64_t value;

	assert_i64(s2_sgi_to(m, intid, false, &value), 0);
	return value;
}

static inline bool vm_pending(struct vm *vm, unsigned vcpu, unsigned intid)
{
	return vm_rd(vm, vcpu, 0x10200) >> intid & 1;
}

/* Runs a vcpu on CPU @cpu until it has no more to take. @return the INTIDs taken, a bit each */
static inline uint32_t vm_drain(struct vm *vm, unsigned vcpu, unsigned cpu)
{
	struct s2_vgic_cpu *v = vm_vcpu(vm, vcpu);
	uint32_t taken = 0;
	uint32_t intid;

	assert_i64(s2_vgic_load(v, vm_cpu(vm, cpu)), 0);
	do {
		assert_i64(s2_vgic_enter(v), 0);
		intid = s2_ich_ack(s2_vgic_ich(v), true);
		if (intid < 32) {
			assert_false(taken >> intid & 1);
			taken |= UINT32_C(1) << intid;
			s2_ich_eoi(s2_vgic_ich(v), true, intid);
		}
		assert_i64(s2_vgic_exit(v), 0);
	} while (intid != S2_GIC_SPURIOUS);
	assert_i64(s2_vgic_put(v), 0);
	return taken;
}

/* The two broadcast forms, each with dispatch that goes with it. */
static const struct s2_vgic_config vm_plain = {
	.routing = {S2_LOOKUP_TABLE, S2_SGI_BITS, S2_BROADCAST_PLAIN}};
static const struct s2_vgic_config vm_matrix = {
	.routing = {S2_LOOKUP_HASH, S2_SGI_ROWS, S2_BROADCAST_MATRIX}};

/* A VM of n vcpus whose guests take interrupts, on n + 1 CPUs: CPU 0 is where others send from. */
static inline void vm_boot(struct vm *vm, const struct s2_vgic_config *cfg, unsigned n)
{
	vm_machine(vm, n + 1);
	vm_start(vm, cfg, n);
	for (unsigned i = 0; i < n; i++)
		vm_open(vm, i);
}

/* Loads vcpu i on CPU i + 1 and enters. */
static inline void vm_run(struct vm *vm, unsigned i)
{
	assert_i64(s2_vgic_load(vm_vcpu(vm, i), vm_cpu(vm, i + 1)), 0);
	assert_i64(s2_vgic_enter(vm_vcpu(vm, i)), 0);
}

/* The write that names the vcpu of id @i. */
static inline uint64_t vm_to(unsigned i, unsigned intid)
{
	return sgi_to(s2_mpidr_from_id(i), (uint8_t)intid);
}

static inline struct s2_irq_state vm_irq(struct vm *vm, unsigned vcpu, uint32_t intid)
{
	struct s2_irq_state irq;

	assert_i64(s2_vgic_irq_state(vm->vgic, vm_vcpu(vm, vcpu), intid, &irq), 0);
	return irq;
}

#endif
