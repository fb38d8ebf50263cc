// SPDX-License-Identifier: MIT
/*
 * The kernel's mm, as far as KVM asks it: pages, memory, per-CPU memory, and the VMM's
 * address space, which our side knows (vm_requests.h).
 */
#include <linux/hugetlb.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>
#include <asm/kvm_pgtable.h>

#include "host.h"
#include "tree_probe.h"
#include "vm_requests.h"

/* ---- pages ---- */

static void *counted(void *va)
{
	if (va)
		set_page_count(virt_to_page(va), 1);
	return va;
}

static void *one_page(unsigned int order)
{
	if (order)
		s2k_stop("not modelled", "pages in a row", 0);
	return counted(s2k_page_reserve());
}

/* Roots: tables from the beginning. */
static void *pages_exact(size_t size)
{
	void *va = s2k_page_alloc(size >> PAGE_SHIFT);

	for (size_t i = 0; va && i < size; i += PAGE_SIZE)
		counted(va + i);
	return va;
}

/* Names of functions that v6.10 made macros of. */
#undef alloc_pages_exact
#undef get_zeroed_page
#undef __get_free_pages
#undef __alloc_pages
void *alloc_pages_exact(size_t size, gfp_t gfp);
void *alloc_pages_exact_noprof(size_t size, gfp_t gfp);
unsigned long get_zeroed_page(gfp_t gfp);
unsigned long get_zeroed_page_noprof(gfp_t gfp);
unsigned long __get_free_pages(gfp_t gfp, unsigned int order);
unsigned long get_free_pages_noprof(gfp_t gfp, unsigned int order);
struct page *__alloc_pages(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodes);
struct page *__alloc_pages_noprof(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodes);

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	return pages_exact(size);
}

void *alloc_pages_exact_noprof(size_t size, gfp_t gfp)
{
	return pages_exact(size);
}

unsigned long get_zeroed_page(gfp_t gfp)
{
	return (unsigned long)one_page(0);
}

unsigned long get_zeroed_page_noprof(gfp_t gfp)
{
	return (unsigned long)one_page(0);
}

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	return (unsigned long)one_page(order);
}

unsigned long get_free_pages_noprof(gfp_t gfp, unsigned int order)
{
	return (unsigned long)one_page(order);
}

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodes)
{
	void *va = one_page(order);

	return va ? virt_to_page(va) : NULL;
}

struct page *__alloc_pages_noprof(gfp_t gfp, unsigned int order, int nid, nodemask_t *nodes)
{
	return __alloc_pages(gfp, order, nid, nodes);
}

void free_pages_exact(void *va, size_t size)
{
	s2k_page_free(va, size >> PAGE_SHIFT);
}

void free_pages(unsigned long va, unsigned int order)
{
	s2k_page_free((void *)va, 1UL << order);
}

void __folio_put(struct folio *folio)
{
	s2k_page_free(page_to_virt(&folio->page), 1);
}

/* mmu.c's calls of kvm_mmu_memory_cache_alloc() come here: what it gives becomes a table. */
void *kvm_mmu_memory_cache_alloc(struct kvm_mmu_memory_cache *mc);
void *tree_table_from_cache(struct kvm_mmu_memory_cache *mc);
void *tree_table_from_cache(struct kvm_mmu_memory_cache *mc)
{
	void *va = kvm_mmu_memory_cache_alloc(mc);

	if (va)
		s2k_page_taken(va);
	return va;
}

/* ---- memory ---- */

/* A cache knows the size of its objects. */
struct cache {
	size_t size;
};

static void *from_cache(struct kmem_cache *c)
{
	return s2k_zalloc(((struct cache *)c)->size);
}

static struct kmem_cache *new_cache(size_t size)
{
	struct cache *c = s2k_zalloc(sizeof(*c));

	if (c)
		c->size = size;
	return (struct kmem_cache *)c;
}

#define SAME(name, args, body)  \
	void *name args;        \
	void *name args         \
	{                       \
		return body;    \
	}
#undef __kmalloc
#undef __kmalloc_node
#undef kmalloc_trace
#undef kvmalloc_node
#undef __vcalloc
#undef __vmalloc
#undef vzalloc
#undef kmem_cache_alloc
#undef kmem_cache_alloc_lru
SAME(__kmalloc, (size_t n, gfp_t gfp), s2k_zalloc(n))
SAME(__kmalloc_noprof, (size_t n, gfp_t gfp), s2k_zalloc(n))
SAME(__kmalloc_cache_noprof, (struct kmem_cache *c, gfp_t gfp, size_t n), s2k_zalloc(n))
SAME(kmalloc_trace, (struct kmem_cache *c, gfp_t gfp, size_t n), s2k_zalloc(n))
SAME(kvmalloc_node, (size_t n, gfp_t gfp, int node), s2k_zalloc(n))
SAME(__kvmalloc_node_noprof, (size_t n, gfp_t gfp, int node), s2k_zalloc(n))
SAME(__vcalloc, (size_t n, size_t size, gfp_t gfp), s2k_zalloc(n * size))
SAME(__vcalloc_noprof, (size_t n, size_t size, gfp_t gfp), s2k_zalloc(n * size))
SAME(__vmalloc, (unsigned long n, gfp_t gfp), s2k_zalloc(n))
SAME(__vmalloc_noprof, (unsigned long n, gfp_t gfp), s2k_zalloc(n))
SAME(kmem_cache_alloc, (struct kmem_cache *c, gfp_t gfp), from_cache(c))
SAME(kmem_cache_alloc_noprof, (struct kmem_cache *c, gfp_t gfp), from_cache(c))

/* Nodes of xarrays alone come from here. */
struct kmem_cache *radix_tree_node_cachep;

static struct xa_node *node(void)
{
	struct xa_node *n = s2k_zalloc(sizeof(*n));

	if (n)
		INIT_LIST_HEAD(&n->private_list);
	return n;
}

SAME(kmem_cache_alloc_lru, (struct kmem_cache *c, struct list_lru *lru, gfp_t gfp), node())
SAME(kmem_cache_alloc_lru_noprof, (struct kmem_cache *c, struct list_lru *lru, gfp_t gfp), node())

void radix_tree_node_rcu_free(struct rcu_head *head)
{
	s2k_free(container_of(head, struct xa_node, rcu_head));
}

#ifdef TREE_CACHE_ARGS
struct kmem_cache *__kmem_cache_create_args(const char *name, unsigned int size,
					    struct kmem_cache_args *args, slab_flags_t flags)
#else
struct kmem_cache *kmem_cache_create_usercopy(const char *name, unsigned int size,
					      unsigned int align, slab_flags_t flags,
					      unsigned int offset, unsigned int usersize,
					      void (*ctor)(void *))
#endif
{
	return new_cache(size);
}

void kmem_cache_free(struct kmem_cache *c, void *p)
{
	s2k_free(p);
}

void kfree(const void *p)
{
	s2k_free((void *)p);
}

void vfree(const void *p)
{
	s2k_free((void *)p);
}

void kvfree(const void *p)
{
	s2k_free((void *)p);
}

/* ---- per-CPU memory: a unit for each CPU, static variables first ---- */

#define DYNAMIC_SLOTS 2048
#define SLOT_BYTES    64

extern char __start_s2k_percpu[], __stop_s2k_percpu[];
DEFINE_PER_CPU(int, cpu_number);
static bool slot_used[DYNAMIC_SLOTS];
static unsigned int first_slot;

int tree_percpu_up(unsigned int cpus)
{
	const size_t fixed = ALIGN(__stop_s2k_percpu - __start_s2k_percpu, SLOT_BYTES);
	const size_t unit = fixed + (size_t)DYNAMIC_SLOTS * SLOT_BYTES;
	char *units = s2k_zalloc(cpus * unit + SLOT_BYTES);

	if (!units)
		return -ENOMEM;
	units = PTR_ALIGN(units, SLOT_BYTES);
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		memcpy(units + cpu * unit, __start_s2k_percpu,
		       __stop_s2k_percpu - __start_s2k_percpu);
		__per_cpu_offset[cpu] =
			(unsigned long)(units + cpu * unit) - (unsigned long)__start_s2k_percpu;
		per_cpu(cpu_number, cpu) = cpu;
	}
	return 0;
}

/* An address that only offsets make one. */
static char *slot_address(unsigned int slot)
{
	const size_t fixed = ALIGN(__stop_s2k_percpu - __start_s2k_percpu, SLOT_BYTES);

	return __start_s2k_percpu + fixed + slot * SLOT_BYTES;
}

static void *percpu_alloc(size_t size)
{
	if (size > SLOT_BYTES)
		s2k_stop("not modelled", "per-CPU memory of that size", 0);
	for (unsigned int i = 0; i < DYNAMIC_SLOTS; i++) {
		const unsigned int slot = (first_slot + i) % DYNAMIC_SLOTS;

		if (slot_used[slot])
			continue;
		slot_used[slot] = true;
		first_slot = slot + 1;
		for_each_possible_cpu(i)
			memset(slot_address(slot) + __per_cpu_offset[i], 0, SLOT_BYTES);
		return slot_address(slot);
	}
	return NULL;
}

#undef __alloc_percpu
SAME(__alloc_percpu, (size_t size, size_t align), percpu_alloc(size))
SAME(pcpu_alloc_noprof, (size_t size, size_t align, bool reserved, gfp_t gfp), percpu_alloc(size))

void free_percpu(void __percpu *p)
{
	const char *address = (const char __force *)p;

	if (address)
		slot_used[(address - slot_address(0)) / SLOT_BYTES] = false;
}

/* ---- the VMM's address space ---- */

static struct hstate gigantic = {.order = PUD_SHIFT - PAGE_SHIFT};
static struct hugetlbfs_sb_info gigantic_info = {.hstate = &gigantic};
static struct super_block gigantic_sb = {.s_fs_info = &gigantic_info};
static struct inode gigantic_inode = {.i_sb = &gigantic_sb};
static struct file gigantic_file = {.f_inode = &gigantic_inode};
static struct vm_area_struct area;

/* Pages of 2 MiB are transparent ones, of 1 GiB hugetlbfs's. */
static struct vm_area_struct *area_of(struct mm_struct *mm, unsigned long start,
				      unsigned long end)
{
	struct tree_host_map map;

	if (s2k_host_map(start, end, &map))
		return NULL;
	area.vm_start = map.start;
	area.vm_end = map.end;
	area.vm_mm = mm;
	*(unsigned long *)&area.vm_flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE |
					   (map.page == PUD_SIZE ? VM_HUGETLB : 0);
	area.vm_file = map.page == PUD_SIZE ? &gigantic_file : NULL;
	return &area;
}

struct vm_area_struct *find_vma_intersection(struct mm_struct *mm, unsigned long start,
					     unsigned long end)
{
	return area_of(mm, start, end);
}

void *mtree_load(struct maple_tree *mt, unsigned long address)
{
	return area_of(container_of(mt, struct mm_struct, mm_mt), address, address + 1);
}

/*
 * The VMM's own tables, as far as get_user_mapping_size() walks them: the path to the
 * page that was asked for last, past the window of stage 2's, so that its loads are no events.
 */
static u64 *host_table(unsigned int level)
{
	return (u64 *)(s2k_tables + s2k_tables_size + level * PAGE_SIZE);
}

void *tree_host_root(void)
{
	return host_table(0);
}

static void show_page(unsigned long hva, const struct tree_host_page *page)
{
	const unsigned int last = page->size == PUD_SIZE ? 1 : page->size == PMD_SIZE ? 2 : 3;

	for (unsigned int level = 0; level <= last; level++) {
		u64 *table = host_table(level);
		const unsigned int shift = PAGE_SHIFT + 9 * (3 - level);

		memset(table, 0, PAGE_SIZE);
		table[hva >> shift & 511] =
			level < last ? __pa(host_table(level + 1)) | 3
				     : (page->pa & ~(page->size - 1)) | (level == 3 ? 3 : 1);
	}
}

/* @return 1: *@found is the page; 0: it cannot be had like that */
static int get_page_of(unsigned long hva, bool write, bool slowly, struct page **found)
{
	struct tree_host_page page;

	if (s2k_host_page(hva, !slowly ? TREE_LOOK : write ? TREE_WRITE : TREE_READ, &page))
		return 0;
	if (write && page.zero) {
		if (!slowly)
			return 0;
		tree_copy_on_write(hva);
		if (s2k_host_page(hva, TREE_LOOK, &page))
			return 0;
	}
	if (write && !page.writable)
		return 0;
	show_page(hva, &page);
	*found = pfn_to_page(page.pa >> PAGE_SHIFT);
	return 1;
}

int get_user_pages_fast_only(unsigned long start, int n, unsigned int flags, struct page **pages)
{
	return get_page_of(start, flags & FOLL_WRITE, false, pages);
}

long get_user_pages_unlocked(unsigned long start, unsigned long n, struct page **pages,
			     unsigned int flags)
{
	return get_page_of(start, flags & FOLL_WRITE, true, pages) ? 1 : -EFAULT;
}

int pfn_is_map_memory(unsigned long pfn)
{
	return 1;
}
