// SPDX-License-Identifier: MIT
/*
 * The VMM: opens /dev/kvm of the tree's kvm_main.c and asks it by ioctls; its mm calls
 * the notifier; its vcpus leave the guest with a fault, or a trapped register.
 *
 * Of the tree run: kvm_main.c, arm.c, mmu.c, vmid.c, reset.c.  Stood for, here and in
 * host*.c and nothing.c: what they call besides.
 */
#include <linux/kvm_host.h>
#include <linux/mmu_notifier.h>
#include <asm/kvm_emulate.h>
#include <asm/kvm_mmu.h>

#include "host.h"
#include "tree_probe.h"
#include "vm_requests.h"

struct tree_vcpu {
	struct tree_vcpu *next;
	struct file *file;
	struct kvm_vcpu *kvm_vcpu;
};

struct tree_kvm {
	struct tree_mm mm;
	struct file *file;
	struct kvm *kvm;
	struct tree_vcpu *vcpus;
};

void tree_cpus_up(unsigned int cpus);

static struct tree_mm *current_mm;

struct tree_mm *tree_current_mm(void)
{
	return current_mm;
}

/* The VMM whose thread runs from here on. */
static void switch_to(struct tree_mm *mm)
{
	current_mm = mm;
	s2k_current = &mm->task;
}

static long ask(struct file *file, unsigned int cmd, unsigned long arg)
{
	return file->f_op->unlocked_ioctl(file, cmd, arg);
}

int tree_has_vm(void)
{
	return 1;
}

/* ---- boot ---- */

/* Those of arm.c's kvm_arm_init() (kvm_arch_init() once) that stage 2 depends on. */
int tree_kvm_boot(unsigned int cpus)
{
	static struct tree_mm init;
	int ret;

	switch_to(&init);
	tree_cpus_up(cpus);
	ret = tree_percpu_up(cpus);
	if (!ret)
		ret = kvm_set_ipa_limit();
	if (!ret)
		ret = kvm_arm_vmid_alloc_init();
	if (ret)
		return ret;
#ifdef TREE_KVM_INIT_OPAQUE
	return kvm_init(NULL, sizeof(struct kvm_vcpu), 0, NULL);
#else
	return kvm_init(sizeof(struct kvm_vcpu), 0, NULL);
#endif
}

/* ---- notifiers: of the mm that is current ---- */

int mmu_notifier_register(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	container_of(mm, struct tree_mm, mm)->notifier = notifier;
	return 0;
}

static void release(struct tree_mm *mm)
{
	struct mmu_notifier *notifier = mm->notifier;

	mm->notifier = NULL;
	if (notifier)
		notifier->ops->release(notifier, &mm->mm);
}

void mmu_notifier_unregister(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	release(container_of(mm, struct tree_mm, mm));
}

static int invalidate(struct tree_mm *mm, unsigned long hva, unsigned long size,
		      enum mmu_notifier_event event, bool copies)
{
	struct mmu_notifier *notifier = mm->notifier;
	struct mmu_notifier_range range = {
		.mm = &mm->mm,
		.start = hva,
		.end = hva + size,
		.flags = MMU_NOTIFIER_RANGE_BLOCKABLE,
		.event = event,
	};
	int ret;

	if (!notifier)
		return 0;
	ret = notifier->ops->invalidate_range_start(notifier, &range);
	if (copies) {
		s2k_host_copied(hva);
#ifdef TREE_CHANGE_PTE
		struct tree_host_page page;

		if (notifier->ops->change_pte && !s2k_host_page(hva, TREE_LOOK, &page))
			notifier->ops->change_pte(notifier, &mm->mm, hva,
						  __pte(__phys_to_pte_val(page.pa)));
#endif
	}
	notifier->ops->invalidate_range_end(notifier, &range);
	return ret;
}

/* wp_page_copy() */
void tree_copy_on_write(unsigned long hva)
{
	invalidate(current_mm, hva & PAGE_MASK, PAGE_SIZE, MMU_NOTIFY_CLEAR, true);
}

int tree_kvm_notify(struct tree_kvm *vm, unsigned long hva, unsigned long size, int event)
{
	switch_to(&vm->mm);
	return invalidate(&vm->mm, hva, size,
			  event == TREE_NOTIFY_UNMAP ? MMU_NOTIFY_UNMAP : MMU_NOTIFY_CLEAR, false);
}

int tree_kvm_age(struct tree_kvm *vm, unsigned long hva, unsigned long size)
{
	struct mmu_notifier *notifier = vm->mm.notifier;

	switch_to(&vm->mm);
	return notifier ? notifier->ops->clear_flush_young(notifier, &vm->mm.mm, hva, hva + size)
			: 0;
}

int tree_kvm_test_age(struct tree_kvm *vm, unsigned long hva)
{
	struct mmu_notifier *notifier = vm->mm.notifier;

	switch_to(&vm->mm);
	return notifier ? notifier->ops->test_young(notifier, &vm->mm.mm, hva) : 0;
}

void tree_kvm_release(struct tree_kvm *vm)
{
	switch_to(&vm->mm);
	release(&vm->mm);
}

/* ---- the VM ---- */

struct tree_kvm *tree_kvm_create(unsigned int ipa_bits, int *error)
{
	struct tree_kvm *vm = s2k_zalloc(sizeof(*vm));
	struct file dev = {.f_op = tree_dev_kvm()};
	long fd;

	*error = -ENOMEM;
	if (!vm)
		return NULL;
	vm->mm.mm.pgd = tree_host_root();
	vm->mm.mm.task_size = TASK_SIZE_64;
	atomic_set(&vm->mm.mm.mm_count, 1);
	vm->mm.task.mm = &vm->mm.mm;
	switch_to(&vm->mm);
	fd = ask(&dev, KVM_CREATE_VM, KVM_VM_TYPE_ARM_IPA_SIZE(ipa_bits));
	if (fd < 0) {
		*error = fd;
		s2k_free(vm);
		return NULL;
	}
	vm->file = tree_last_file();
	vm->kvm = vm->file->private_data;
	return vm;
}

void tree_kvm_close(struct tree_kvm *vm)
{
	struct tree_vcpu *next;

	switch_to(&vm->mm);
	for (struct tree_vcpu *vcpu = vm->vcpus; vcpu; vcpu = next) {
		next = vcpu->next;
		vcpu->file->f_op->release(NULL, vcpu->file);
		s2k_free(vcpu->file);
		s2k_free(vcpu);
	}
	vm->file->f_op->release(NULL, vm->file);
	s2k_free(vm->file);
	s2k_free(vm);
}

void tree_kvm_registers(const struct tree_kvm *vm, unsigned long *vtcr, unsigned long *vttbr)
{
	struct kvm *kvm = vm->kvm;

#ifdef TREE_VTCR_IN_MMU
	*vtcr = kvm->arch.mmu.vtcr;
#else
	*vtcr = kvm->arch.vtcr;
#endif
	*vttbr = kvm->arch.mmu.pgt ? kvm_get_vttbr(&kvm->arch.mmu) : 0;
}

static int enable_cap(struct tree_kvm *vm, unsigned int cap, unsigned long value)
{
	struct kvm_enable_cap args = {.cap = cap, .args = {value}};

	switch_to(&vm->mm);
	return ask(vm->file, KVM_ENABLE_CAP, (unsigned long)&args);
}

int tree_kvm_manual_protect(struct tree_kvm *vm, int initially_set)
{
	return enable_cap(vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
			  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
				  (initially_set ? KVM_DIRTY_LOG_INITIALLY_SET : 0));
}

int tree_kvm_split_chunk(struct tree_kvm *vm, unsigned long bytes)
{
#ifdef KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE
	return enable_cap(vm, KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE, bytes);
#else
	return -EOPNOTSUPP;
#endif
}

int tree_kvm_slot(struct tree_kvm *vm, unsigned int slot, unsigned long ipa, unsigned long size,
		  unsigned long hva, int log)
{
	struct kvm_userspace_memory_region mem = {
		.slot = slot,
		.flags = log ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = ipa,
		.memory_size = size,
		.userspace_addr = hva,
	};

	switch_to(&vm->mm);
	return ask(vm->file, KVM_SET_USER_MEMORY_REGION, (unsigned long)&mem);
}

int tree_kvm_log_get(struct tree_kvm *vm, unsigned int slot, void *bitmap)
{
	struct kvm_dirty_log log = {.slot = slot, .dirty_bitmap = bitmap};

	switch_to(&vm->mm);
	return ask(vm->file, KVM_GET_DIRTY_LOG, (unsigned long)&log);
}

int tree_kvm_log_clear(struct tree_kvm *vm, unsigned int slot, unsigned long first,
		       unsigned long pages, void *bitmap)
{
	struct kvm_clear_dirty_log log = {
		.slot = slot,
		.first_page = first,
		.num_pages = pages,
		.dirty_bitmap = bitmap,
	};

	switch_to(&vm->mm);
	return ask(vm->file, KVM_CLEAR_DIRTY_LOG, (unsigned long)&log);
}

const unsigned long *tree_kvm_log_peek(struct tree_kvm *vm, unsigned int slot)
{
	struct kvm_memory_slot *memslot =
		id_to_memslot(rcu_dereference_check(vm->kvm->memslots[0], 1), slot);

	return memslot ? memslot->dirty_bitmap : NULL;
}

/* ---- vcpus ---- */

struct tree_vcpu *tree_vcpu_create(struct tree_kvm *vm, unsigned int id, int *error)
{
	struct tree_vcpu *vcpu = s2k_zalloc(sizeof(*vcpu));

	*error = -ENOMEM;
	if (!vcpu)
		return NULL;
	switch_to(&vm->mm);
	*error = ask(vm->file, KVM_CREATE_VCPU, id);
	if (*error < 0) {
		s2k_free(vcpu);
		return NULL;
	}
	vcpu->file = tree_last_file();
	vcpu->kvm_vcpu = vcpu->file->private_data;
	vcpu->next = vm->vcpus;
	vm->vcpus = vcpu;
	*error = tree_vcpu_init(vcpu);
	return *error ? NULL : vcpu;
}

/* guest.c: whatever VMM asks for is there. */
u32 kvm_target_cpu(void)
{
	return KVM_ARM_TARGET_GENERIC_V8;
}

static void switch_to_vcpus(struct tree_vcpu *vcpu)
{
	switch_to(container_of(vcpu->kvm_vcpu->kvm->mm, struct tree_mm, mm));
}

int tree_vcpu_init(struct tree_vcpu *vcpu)
{
	struct kvm_vcpu_init init = {.target = KVM_ARM_TARGET_GENERIC_V8};

	switch_to_vcpus(vcpu);
	return ask(vcpu->file, KVM_ARM_VCPU_INIT, (unsigned long)&init);
}

/* hyp/vhe/switch.c, as far as stage 2 is concerned. */
void kvm_vcpu_load_vhe(struct kvm_vcpu *vcpu)
{
#ifdef TREE_LOADS_STAGE2
	__load_stage2(vcpu->arch.hw_mmu, vcpu->arch.hw_mmu->arch);
#endif
}

void kvm_vcpu_put_vhe(struct kvm_vcpu *vcpu)
{
}

int tree_loads_stage2(void)
{
	return IS_ENABLED(TREE_LOADS_STAGE2);
}

void tree_vcpu_load(struct tree_vcpu *vcpu)
{
	static char thread; /* a struct pid, which is never looked at */

	switch_to_vcpus(vcpu);
	rcu_assign_pointer(vcpu->kvm_vcpu->pid, (struct pid *)&thread); /* it has run */
	vcpu_load(vcpu->kvm_vcpu);
	/* kvm_arch_vcpu_ioctl_run() asks before each entry. */
	kvm_arm_vmid_update(&vcpu->kvm_vcpu->arch.hw_mmu->vmid);
}

void tree_vcpu_put(struct tree_vcpu *vcpu)
{
	switch_to_vcpus(vcpu);
	vcpu_put(vcpu->kvm_vcpu);
}

int tree_vcpu_abort(struct tree_vcpu *vcpu, unsigned long ipa, int write, int exec,
		    unsigned int fsc)
{
	struct kvm_vcpu_fault_info *fault = &vcpu->kvm_vcpu->arch.fault;
	const u64 class = exec ? ESR_ELx_EC_IABT_LOW : ESR_ELx_EC_DABT_LOW;

	switch_to_vcpus(vcpu);
	fault->esr_el2 = class << ESR_ELx_EC_SHIFT | fsc | (write ? ESR_ELx_WNR : 0) | ESR_ELx_IL;
	fault->far_el2 = ipa & ~PAGE_MASK;
	fault->hpfar_el2 = (ipa >> 12) << 4;
#ifdef HPFAR_EL2_NS
	fault->hpfar_el2 |= HPFAR_EL2_NS; /* valid */
#endif
	return kvm_handle_guest_abort(vcpu->kvm_vcpu);
}

/* No memory is there, and nobody emulates a device. */
int io_mem_abort(struct kvm_vcpu *vcpu, phys_addr_t ipa)
{
	return -EFAULT;
}

/* sys_regs.c: registers of a vcpu that is not in the guest. */
u64 vcpu_read_sys_reg(const struct kvm_vcpu *vcpu, int reg)
{
	return *__ctxt_sys_reg(&vcpu->arch.ctxt, reg);
}

void tree_vcpu_caches(struct tree_vcpu *vcpu, int on, int traps)
{
	struct kvm_vcpu *v = vcpu->kvm_vcpu;
	const bool was_enabled = vcpu_has_cache_enabled(v);

	switch_to_vcpus(vcpu);
	*__ctxt_sys_reg(&v->arch.ctxt, SCTLR_EL1) = on ? SCTLR_ELx_M | SCTLR_ELx_C : 0;
	if (traps)
		kvm_toggle_cache(v, was_enabled);
}

/* access_dcsw() */
void tree_vcpu_set_way(struct tree_vcpu *vcpu)
{
	switch_to_vcpus(vcpu);
	if (!s2k_cap[ARM64_HAS_STAGE2_FWB])
		kvm_set_way_flush(vcpu->kvm_vcpu);
}

int tree_vcpu_tvm(struct tree_vcpu *vcpu)
{
	return !!(*vcpu_hcr(vcpu->kvm_vcpu) & HCR_TVM);
}

void tree_vcpu_set_tvm(struct tree_vcpu *vcpu, int on)
{
	if (on)
		*vcpu_hcr(vcpu->kvm_vcpu) |= HCR_TVM;
	else
		*vcpu_hcr(vcpu->kvm_vcpu) &= ~HCR_TVM;
}

int tree_vcpu_caches_on(struct tree_vcpu *vcpu)
{
	return vcpu_has_cache_enabled(vcpu->kvm_vcpu);
}
