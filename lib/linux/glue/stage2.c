// SPDX-License-Identifier: MIT
/*
 * The tree's side: what mmu.c sets up for a VM's stage 2, and asks of pgtable.c.
 *
 * Compiled with the tree's own headers.  What trees differ in is TREE_..., found
 * by looking at their headers (gen/probe.py), never by a version.
 */
#include <linux/kvm_host.h>
#include <asm/kvm_hyp.h>
#include <asm/kvm_mmu.h>
#include <asm/kvm_pgtable.h>

#include "requests.h"
#include "tree_probe.h"

_Static_assert(sizeof(phys_addr_t) == 8, "physical addresses have 64 bits");
_Static_assert(sizeof(kvm_pte_t) == 8 && sizeof(unsigned long) == 8, "a descriptor is a long");
_Static_assert(PAGE_SHIFT == 12, "pages of 4 KiB");
_Static_assert(TREE_R == KVM_PGTABLE_PROT_R && TREE_W == KVM_PGTABLE_PROT_W &&
		       TREE_X == KVM_PGTABLE_PROT_X && TREE_DEVICE == KVM_PGTABLE_PROT_DEVICE,
	       "permissions have the tree's bits");

struct tree_vm {
	struct kvm kvm;
	struct kvm_pgtable pgt;
};

/* The caches that mmu.c tops up before it calls: never short here. */
static struct kvm_mmu_memory_cache cache;

/* ---- mm_ops, as mmu.c has them ---- */

static void *zalloc_page(void *mc)
{
	struct kvm_mmu_memory_cache *from = mc;

	if (from)
		from->nobjs--;
	return s2k_page_alloc(1);
}

static void *zalloc_root(size_t size)
{
	return s2k_page_alloc(size >> PAGE_SHIFT);
}

static void free_root(void *va, size_t size)
{
	s2k_page_free(va, size >> PAGE_SHIFT);
}

static void *phys_to_virt_(phys_addr_t pa)
{
	return __va(pa);
}

static phys_addr_t virt_to_phys_(void *va)
{
	return __pa(va);
}

static void clean_dcache(void *va, size_t size)
{
	__clean_dcache_guest_page(va, size);
}

static void invalidate_icache(void *va, size_t size)
{
	__invalidate_icache_guest_page(va, size);
}

/* mm/cache.S has these two in assembly. */
void dcache_clean_inval_poc(unsigned long start, unsigned long end)
{
	s2k_dc_civac(start, end);
	dsb(sy);
}

void icache_inval_pou(unsigned long start, unsigned long end)
{
	if (!s2k_cap[ARM64_HAS_CACHE_DIC]) {
		s2k_ic_ivau(start, end);
		dsb(ish);
	}
	isb();
}

#ifdef TREE_FREES_UNLINKED
static struct kvm_pgtable_mm_ops mm_ops;

struct unlinked {
	struct rcu_head rcu;
	void *table;
	s8 level;
};

static void free_unlinked(struct rcu_head *head)
{
	struct unlinked *u = container_of(head, struct unlinked, rcu);

	kvm_pgtable_stage2_free_unlinked(&mm_ops, u->table, u->level);
	s2k_free(u);
}

static void free_unlinked_table(void *table, s8 level)
{
	struct unlinked *u = s2k_zalloc(sizeof(*u));

	if (!u)
		s2k_stop("out of memory", __func__, 0);
	u->table = table;
	u->level = level;
	call_rcu(&u->rcu, free_unlinked);
}
#endif

static struct kvm_pgtable_mm_ops mm_ops = {
	.zalloc_page = zalloc_page,
	.zalloc_pages_exact = zalloc_root,
	.free_pages_exact = free_root,
#ifdef TREE_FREES_UNLINKED
	.free_unlinked_table = free_unlinked_table,
#endif
	.get_page = s2k_page_get,
	.put_page = s2k_page_put,
	.page_count = s2k_page_count,
	.phys_to_virt = phys_to_virt_,
	.virt_to_phys = virt_to_phys_,
	.dcache_clean_inval_poc = clean_dcache,
	.icache_inval_pou = invalidate_icache,
};

/* ---- what boot finds ---- */

#if TREE_STAGE < 2
unsigned int kvm_arm_vmid_bits;
#endif
unsigned int __kvm_nvhe_kvm_arm_vmid_bits;
unsigned long __icache_flags;
#if TREE_STAGE < 2
DEFINE_STATIC_KEY_FALSE(kvm_protected_mode_initialized);
#endif
DEFINE_STATIC_KEY_FALSE(__kvm_nvhe_kvm_protected_mode_initialized);
#ifdef TREE_CPU_HWCAPS
DECLARE_BITMAP(cpu_hwcaps, ARM64_NCAPS);
#define boot_caps cpu_hwcaps
#else
DECLARE_BITMAP(system_cpucaps, ARM64_NCAPS);
#define boot_caps system_cpucaps
#endif
_Static_assert(ARM64_NCAPS <= sizeof(s2k_cap), "capabilities fit");

/* EL2's own data of nVHE: the host's stage 2, which pKVM alone has, and who runs. */
#ifdef TREE_HOST_MMU
char el2_host[sizeof(struct kvm) + PAGE_SIZE] asm("__kvm_nvhe_host_mmu") __aligned(64);
#else
char el2_host[sizeof(struct kvm) + PAGE_SIZE] asm("__kvm_nvhe_host_kvm") __aligned(64);
#endif
char el2_host_data[sizeof(struct kvm_host_data)] asm("__kvm_nvhe_kvm_host_data") __aligned(64);
unsigned long el2_per_cpu_offset[NR_CPUS] asm("__kvm_nvhe___per_cpu_offset");
unsigned long __per_cpu_offset[NR_CPUS];

static u64 mmfr0, mmfr1;
void tree_id_registers(u64 id_aa64mmfr0, u64 id_aa64mmfr1); /* host.c */

static void set_cap(unsigned int cap, bool on)
{
	s2k_cap[cap] = on;
	__assign_bit(cap, boot_caps, on);
}

static u64 parange(unsigned int pa_bits)
{
	static const u8 bits[] = {32, 36, 40, 42, 44, 48, 52};
	u64 i = ARRAY_SIZE(bits) - 1;

	while (i && bits[i] > pa_bits)
		i--;
	return i;
}

void tree_boot(const struct tree_cpu_features *f)
{
#ifdef ARM64_ALWAYS_BOOT
	set_cap(ARM64_ALWAYS_BOOT, true);
#endif
#ifdef ARM64_ALWAYS_SYSTEM
	set_cap(ARM64_ALWAYS_SYSTEM, true);
#endif
	set_cap(ARM64_HAS_VIRT_HOST_EXTN, f->vhe);
	set_cap(ARM64_HAS_STAGE2_FWB, f->fwb);
	set_cap(ARM64_HAS_TLB_RANGE, f->tlbirange);
	set_cap(ARM64_HAS_ARMv8_4_TTL, f->ttl);
	set_cap(ARM64_HAS_CNP, true);
	set_cap(ARM64_HAS_CACHE_DIC, f->dic);
	set_cap(ARM64_HAS_CACHE_IDC, f->idc);
	set_cap(ARM64_WORKAROUND_SPECULATIVE_AT, f->speculative_at);
	set_cap(ARM64_WORKAROUND_REPEAT_TLBI, f->repeat_tlbi);
#ifdef ARM64_HAS_LPA2
	set_cap(ARM64_HAS_LPA2, f->lpa2);
#endif
	kvm_arm_vmid_bits = __kvm_nvhe_kvm_arm_vmid_bits = f->vmid_bits;
	__icache_flags = f->vipt ? BIT(ICACHEF_ALIASING) : 0;
	s2k_ctr_el0 = (f->iline_shift - 2UL) | (f->dline_shift - 2UL) << 16;
	mmfr0 = parange(f->pa_bits);
	mmfr1 = 1 | (f->vmid_bits == 16 ? 2UL << 4 : 0); /* HAFDBS, VMIDBits */
#if TREE_STAGE >= 2
	tree_id_registers(mmfr0, mmfr1);
#endif
}

#if defined(TREE_FLUSH_ASKS_VCPU) && TREE_STAGE < 2
/* No vcpu is loaded while a request runs. */
struct kvm_vcpu *kvm_get_running_vcpu(void)
{
	return NULL;
}
#endif

/* ---- the VM ---- */

static u64 *vtcr_of(struct tree_vm *vm)
{
#ifdef TREE_VTCR_IN_MMU
	return &vm->kvm.arch.mmu.vtcr;
#else
	return &vm->kvm.arch.vtcr;
#endif
}

struct tree_vm *tree_vm_create(unsigned int ipa_bits, unsigned int vmid)
{
	struct tree_vm *vm = s2k_zalloc(sizeof(*vm));
	struct kvm_s2_mmu *mmu;

	if (!vm)
		return NULL;
	mmu = &vm->kvm.arch.mmu;
	mmu->arch = &vm->kvm.arch;
	mmu->pgt = &vm->pgt;
	*vtcr_of(vm) = kvm_get_vtcr(mmfr0, mmfr1, ipa_bits);
	atomic64_set(&mmu->vmid.id, vmid);
	if (kvm_pgtable_stage2_init(&vm->pgt, mmu, &mm_ops)) {
		s2k_free(vm);
		return NULL;
	}
	mmu->pgd_phys = __pa(vm->pgt.pgd);
	return vm;
}

void tree_vm_free(struct tree_vm *vm)
{
	s2k_free(vm);
}

void tree_vm_registers(struct tree_vm *vm, unsigned long *vtcr, unsigned long *vttbr)
{
	*vtcr = *vtcr_of(vm);
	*vttbr = kvm_get_vttbr(&vm->kvm.arch.mmu);
}

/* ---- requests ---- */

#ifdef TREE_WALK_FLAGS
#define FAULT_FLAGS (KVM_PGTABLE_WALK_HANDLE_FAULT | KVM_PGTABLE_WALK_SHARED)
#endif

static struct kvm_mmu_memory_cache *full_cache(void)
{
	cache.nobjs = INT_MAX;
	return &cache;
}

int tree_map(struct tree_vm *vm, unsigned long ipa, unsigned long size, unsigned long pa,
	     unsigned int prot, int fault)
{
#ifdef TREE_MAP_FLAGS
	return kvm_pgtable_stage2_map(&vm->pgt, ipa, size, pa, prot, full_cache(),
				      fault ? FAULT_FLAGS : 0);
#else
	return kvm_pgtable_stage2_map(&vm->pgt, ipa, size, pa, prot, full_cache());
#endif
}

int tree_unmap(struct tree_vm *vm, unsigned long ipa, unsigned long size)
{
	return kvm_pgtable_stage2_unmap(&vm->pgt, ipa, size);
}

int tree_wrprotect(struct tree_vm *vm, unsigned long ipa, unsigned long size)
{
	return kvm_pgtable_stage2_wrprotect(&vm->pgt, ipa, size);
}

int tree_relax_perms(struct tree_vm *vm, unsigned long ipa, unsigned int prot)
{
#ifdef TREE_RELAX_FLAGS
	return kvm_pgtable_stage2_relax_perms(&vm->pgt, ipa, prot, FAULT_FLAGS);
#else
	return kvm_pgtable_stage2_relax_perms(&vm->pgt, ipa, prot);
#endif
}

int tree_mkyoung(struct tree_vm *vm, unsigned long ipa)
{
#ifdef TREE_MKYOUNG_FLAGS
	kvm_pgtable_stage2_mkyoung(&vm->pgt, ipa, FAULT_FLAGS);
#else
	kvm_pgtable_stage2_mkyoung(&vm->pgt, ipa);
#endif
	return 0;
}

int tree_age(struct tree_vm *vm, unsigned long ipa, unsigned long size)
{
#ifdef TREE_TEST_CLEAR_YOUNG
	return kvm_pgtable_stage2_test_clear_young(&vm->pgt, ipa, size, true);
#else
	return pte_young(__pte(kvm_pgtable_stage2_mkold(&vm->pgt, ipa)));
#endif
}

int tree_flush(struct tree_vm *vm, unsigned long ipa, unsigned long size)
{
	return kvm_pgtable_stage2_flush(&vm->pgt, ipa, size);
}

int tree_split(struct tree_vm *vm, unsigned long ipa, unsigned long size)
{
#ifdef TREE_SPLIT
	struct kvm_mmu_memory_cache *own = &vm->kvm.arch.mmu.split_page_cache;

	own->nobjs = INT_MAX; /* the walker finds the VM by where its cache lies */
	return kvm_pgtable_stage2_split(&vm->pgt, ipa, size, own);
#else
	return -EOPNOTSUPP;
#endif
}

int tree_flush_vmid(struct tree_vm *vm)
{
	kvm_call_hyp(__kvm_tlb_flush_vmid, &vm->kvm.arch.mmu);
	return 0;
}

int tree_flush_range(struct tree_vm *vm, unsigned long ipa, unsigned long size)
{
#ifdef TREE_FLUSH_RANGE
	kvm_tlb_flush_vmid_range(&vm->kvm.arch.mmu, ipa, size);
	return 0;
#else
	return tree_flush_vmid(vm);
#endif
}

int tree_destroy(struct tree_vm *vm)
{
#ifdef TREE_DESTROY_IN_RANGES
	const u64 end = BIT(vm->pgt.ia_bits), step = BIT(30);

	for (u64 ipa = 0; ipa < end; ipa += step)
		kvm_pgtable_stage2_destroy_range(&vm->pgt, ipa, step);
	kvm_pgtable_stage2_destroy_pgd(&vm->pgt);
#else
	kvm_pgtable_stage2_destroy(&vm->pgt);
#endif
	return 0;
}

/* ---- what this tree has ---- */

int tree_has_split(void)
{
	return IS_ENABLED(TREE_SPLIT);
}

int tree_has_flush_range(void)
{
	return IS_ENABLED(TREE_FLUSH_RANGE);
}

int tree_ages_ranges(void)
{
	return IS_ENABLED(TREE_TEST_CLEAR_YOUNG);
}

int tree_reads_once(void)
{
	return IS_ENABLED(TREE_READS_ONCE);
}

int tree_destroys_in_ranges(void)
{
	return IS_ENABLED(TREE_DESTROY_IN_RANGES);
}
