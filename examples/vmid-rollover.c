/* SPDX-License-Identifier: MIT */
/*
 * Two VMs, and VMIDs that run out: what may TLBs still hold of a VM whose pages were
 * taken away without a TLBI, before and after the rollover that flushes every CPU?
 */
#include <stage2sim/residue.h>
#include <stage2sim/vm.h>
#include <stdio.h>

#define MIB UINT64_C(0x100000)
#define RAM UINT64_C(0x40000000)

static struct s2_machine *machine;
static struct s2_vmids *vmids;
static struct s2_physics *physics;

/* A VM with one vcpu and 2 MiB of memory in 4 KiB pages; NULL if anything fails. */
static struct s2_vm *make_vm(uint64_t pa)
{
	const struct s2_vm_config cfg = {.flavour = s2_flavour_find("newest"), .vmids = vmids};
	const struct s2_slot_config slot = {
		.ipa = {RAM},
		.size = 2 * MIB,
		.hva = {pa},
		.pa = {pa},
		.backing = 4096,
		.populated = true,
	};
	struct s2_vm *vm;

	if (s2_vm_create(machine, &cfg, &vm))
		return NULL;
	if (s2_vm_add_slot(vm, &slot) < 0 || s2_vm_add_vcpu(vm) < 0) {
		s2_vm_free(vm);
		return NULL;
	}
	return vm;
}

/* The guest reads @pages pages through the simulated hardware; what it misses, KVM maps. */
static int run(struct s2_vm *vm, unsigned cpu, unsigned pages)
{
	struct s2_vcpu *vcpu = s2_vm_vcpu(vm, 0);
	int64_t ret = s2_vcpu_load(vcpu, s2_machine_cpu(machine, cpu));

	for (unsigned i = 0; i < pages && ret >= 0; i++) {
		const uint64_t at = RAM + i * UINT64_C(4096);
		const struct s2_guest_access read = {
			.kind = S2_ACCESS_READ, .va = {at}, .ipa = {at}, .cacheable = true};
		struct s2_guest_result result;

		ret = s2_vcpu_guest_access(vcpu, physics, &read, &result);
	}
	return ret < 0 ? -1 : s2_vcpu_put(vcpu);
}

static uint64_t left_of(struct s2_vmid vmid)
{
	return s2_residue_count(physics, vmid);
}

/* Short-lived VMs, until the numbers have run out once. */
static int use_up_vmids(unsigned *n)
{
	for (*n = 0; !s2_vmids_rollovers(vmids); ++*n) {
		struct s2_vm *vm = make_vm(1024 * MIB);
		int ret = vm ? run(vm, 1, 0) : -1;

		s2_vm_free(vm);
		if (ret)
			return ret;
	}
	return 0;
}

/* Pages are taken from @a by stores alone; a flush of @b's does not concern them. */
static int story(struct s2_vm *a, struct s2_vm *b)
{
	struct s2_cpu *cpu = s2_machine_cpu(machine, 0);
	struct s2_vmid vmid;
	unsigned n;

	if (run(a, 0, 8) || run(b, 1, 8))
		return -1;
	vmid = s2_mmu_vmid(s2_vm_mmu(a));
	printf("VM A has VMID %u; 8 pages mapped, %llu old descriptors may survive\n", vmid.v,
	       (unsigned long long)left_of(vmid));
	/* KVM's teardown frees the tables and issues no TLBI: the number is not used again. */
	if (s2_vm_teardown(a, cpu))
		return -1;
	printf("A torn down: %llu may survive\n", (unsigned long long)left_of(vmid));
	if (!left_of(vmid))
		return -1;
	s2_flush_vmid(s2_vm_mmu(b), cpu);
	printf("B's VMID flushed: %llu of A\n", (unsigned long long)left_of(vmid));
	if (use_up_vmids(&n))
		return -1;
	printf("%u VMs later, after a rollover: %llu of A\n", n, (unsigned long long)left_of(vmid));
	return left_of(vmid) ? -1 : 0;
}

int main(void)
{
	const struct s2_physics_config possible = {.residue = true}; /* the possible TLB alone */
	struct s2_machine_config host = {.cpus = 2};
	struct s2_vm *a, *b;
	int ret;

	if (s2_features_preset("cortex-a72", &host.features) || s2_machine_create(&host, &machine))
		return 1;
	ret = s2_vmids_create(machine, &vmids);
	if (!ret)
		ret = s2_physics_attach(machine, &possible, &physics);
	a = ret ? NULL : make_vm(256 * MIB);
	b = ret ? NULL : make_vm(512 * MIB);
	ret = a && b ? story(a, b) : -1;
	/* What is built on something goes before it. */
	s2_vm_free(a);
	s2_vm_free(b);
	s2_physics_detach(physics);
	s2_vmids_free(vmids);
	s2_machine_destroy(machine);
	return ret ? 1 : 0;
}
