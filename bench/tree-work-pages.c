/* SPDX-License-Identifier: MIT */
/* Workloads of requests: what mmu.c asks of page tables and flushes, and relies on. */
#include <errno.h>

#include "tree-work.h"

#define VM 1
#define RW (S2_PROT_R | S2_PROT_W)
#define RX (S2_PROT_R | S2_PROT_X)

/* ---- requests, and what their callers in mmu.c rely on ---- */

static int request(struct work *w, const struct s2_tree_request *req)
{
	const int ret = w->error ? w->error : s2_tree_request(w->pages, w->cpu, req);

	w->calls++;
	w->refused += ret == -EAGAIN;
	if (ret < 0 && ret != -EAGAIN && !w->error)
		w->error = ret;
	return ret;
}

static int ask(struct work *w, enum s2_tree_op op, uint64_t ipa, uint64_t size)
{
	const struct s2_tree_request req = {.op = op, .range = s2_range(ipa, size)};

	return request(w, &req);
}

static void rely(struct work *w, enum s2_reliance_kind kind, uint64_t ipa, uint64_t size,
		 enum s2_access access, const char *function)
{
	const struct s2_reliance what = {
		.kind = kind,
		.vtcr = w->vtcr,
		.vttbr = w->vttbr,
		.ipa = {ipa},
		.size = size,
		.access = access,
		.function = function,
	};

	if (s2_rely(w->cpu, &what))
		w->error = -EINVAL;
}

static void returns(struct work *w, uint64_t ipa, uint64_t size, const char *function)
{
	rely(w, S2_RELY_RETURN, ipa, size, S2_ACCESS_READ, function);
}

static enum s2_access strongest(unsigned prot)
{
	return prot & S2_PROT_W	  ? S2_ACCESS_WRITE
	       : prot & S2_PROT_X ? S2_ACCESS_FETCH
				  : S2_ACCESS_READ;
}

static void fault_to(struct work *w, uint64_t ipa, uint64_t size, uint64_t pa, unsigned prot)
{
	const struct s2_tree_request req = {S2_TREE_MAP, s2_range(ipa, size), s2_pa(pa), prot,
					    true};

	if (!request(w, &req))
		rely(w, S2_RELY_FAULT_RESOLVED, ipa, size, strongest(prot), "user_mem_abort");
}

static uint64_t pa_of(uint64_t ipa)
{
	return PA + (ipa - IPA);
}

static void fault_in(struct work *w, uint64_t ipa, uint64_t size, uint64_t each, unsigned prot)
{
	for (uint64_t at = ipa; at < ipa + size; at += each)
		fault_to(w, at, each, pa_of(at), prot);
}

static void relax(struct work *w, uint64_t ipa, unsigned prot)
{
	const struct s2_tree_request req = {
		.op = S2_TREE_RELAX_PERMS, .range = s2_range(ipa, PAGE), .prot = prot};

	if (!request(w, &req))
		rely(w, S2_RELY_FAULT_RESOLVED, ipa, PAGE, strongest(prot), "user_mem_abort");
}

static void unmap(struct work *w, uint64_t ipa, uint64_t size)
{
	if (!ask(w, S2_TREE_UNMAP, ipa, size))
		returns(w, ipa, size, "kvm_unmap_gfn_range");
}

/* ---- what the guest and the host do with the memory ---- */

static void tell(struct work *w, struct s2_act act, uint64_t ipa, uint64_t size)
{
	act.vm = VM;
	act.vtcr = w->vtcr;
	act.vttbr = w->vttbr;
	act.ipa = s2_ipa(ipa);
	act.pa = s2_pa(pa_of(ipa));
	act.size = size;
	if (s2_tell(w->m, &act))
		w->error = -EINVAL;
}

static void give(struct work *w, uint64_t ipa, uint64_t size)
{
	const struct s2_act act = {.kind = S2_ACT_GIVE, .site = "host:give"};

	tell(w, act, ipa, size);
}

static void take(struct work *w, uint64_t ipa, uint64_t size)
{
	const struct s2_act act = {
		.kind = S2_ACT_TAKE, .agent = S2_AGENT_WRITE_BACK, .site = "host:take"};

	tell(w, act, ipa, size);
}

/* A guest whose caches are off, as at boot. */
static void guest(struct work *w, uint64_t ipa, uint64_t size, enum s2_access access)
{
	const struct s2_act act = {.kind = S2_ACT_ACCESS, .access = access, .site = "guest:access"};

	tell(w, act, ipa, size);
}

/* ---- workloads ---- */

static void nothing(struct work *w)
{
	(void)w;
}

static void give_memory(struct work *w)
{
	give(w, IPA, 64 * MIB);
}

static void pages(struct work *w)
{
	give_memory(w);
	fault_in(w, IPA, 4 * MIB, PAGE, RW);
}

static void blocks(struct work *w)
{
	give_memory(w);
	fault_in(w, IPA, 64 * MIB, BLOCK, RW);
}

static void protected_pages(struct work *w)
{
	pages(w);
	ask(w, S2_TREE_WRPROTECT, IPA, 4 * MIB);
	ask(w, S2_TREE_FLUSH_RANGE, IPA, 4 * MIB);
}

static void map_pages(struct work *w)
{
	fault_in(w, IPA, 4 * MIB, PAGE, RW);
	guest(w, IPA, 4 * MIB, S2_ACCESS_READ);
	guest(w, IPA, 4 * MIB, S2_ACCESS_WRITE);
}

static void map_blocks(struct work *w)
{
	fault_in(w, IPA, 64 * MIB, BLOCK, RW);
	guest(w, IPA, 64 * MIB, S2_ACCESS_READ);
}

static void map_code(struct work *w)
{
	fault_in(w, IPA, 2 * MIB, PAGE, RX);
	fault_in(w, IPA + BLOCK, 8 * MIB, BLOCK, RX);
}

static void map_again(struct work *w)
{
	fault_in(w, IPA, 4 * MIB, PAGE, RW);
}

static void remap(struct work *w)
{
	for (uint64_t at = 0; at < 2 * MIB; at += PAGE)
		fault_to(w, IPA + at, PAGE, PA + GIB + at, RW);
	fault_to(w, IPA + 2 * MIB, PAGE, PA + GIB, S2_PROT_R);
}

static void collapse(struct work *w)
{
	fault_in(w, IPA, 4 * MIB, BLOCK, RW);
}

static void split(struct work *w)
{
	ask(w, S2_TREE_SPLIT, IPA, 16 * MIB);
	returns(w, IPA, 16 * MIB, "kvm_mmu_split_huge_pages");
}

static void wrprotect(struct work *w)
{
	ask(w, S2_TREE_WRPROTECT, IPA, 64 * MIB);
	ask(w, S2_TREE_FLUSH_RANGE, IPA, 64 * MIB);
	returns(w, IPA, 64 * MIB, "kvm_mmu_wp_memory_region");
	rely(w, S2_RELY_DIRTY_HARVESTED, IPA, 64 * MIB, S2_ACCESS_READ,
	     "kvm_get_dirty_log_protect");
}

static void relax_pages(struct work *w)
{
	for (uint64_t at = 0; at < 4 * MIB; at += PAGE)
		relax(w, IPA + at, RW);
}

static void age(struct work *w)
{
	for (uint64_t at = 0; at < 4 * MIB; at += PAGE)
		ask(w, S2_TREE_AGE, IPA + at, PAGE);
	for (uint64_t at = 0; at < 4 * MIB; at += PAGE)
		ask(w, S2_TREE_MKYOUNG, IPA + at, PAGE);
}

static void clean(struct work *w)
{
	ask(w, S2_TREE_FLUSH, IPA, 64 * MIB);
}

static void unmap_range(struct work *w)
{
	guest(w, IPA, 4 * MIB, S2_ACCESS_WRITE);
	unmap(w, IPA, 4 * MIB);
	take(w, IPA, 4 * MIB);
}

static void unmap_pages(struct work *w)
{
	for (uint64_t at = 0; at < 4 * MIB; at += PAGE)
		unmap(w, IPA + at, PAGE);
}

static void unmap_blocks(struct work *w)
{
	guest(w, IPA, 64 * MIB, S2_ACCESS_WRITE);
	unmap(w, IPA, 64 * MIB);
	take(w, IPA, 64 * MIB);
}

static void unmap_part(struct work *w)
{
	unmap(w, IPA + 14 * MIB + 5 * PAGE, PAGE);
	returns(w, IPA + 14 * MIB, BLOCK, "kvm_unmap_gfn_range");
}

/* A last page past what range operations cover at once, and its neighbour that stays. */
static void flush_long(struct work *w)
{
	const uint64_t size = 16 * GIB + 3 * PAGE;

	fault_in(w, IPA + size - PAGE, PAGE, PAGE, RW);
	ask(w, S2_TREE_WRPROTECT, IPA, size);
	ask(w, S2_TREE_FLUSH_RANGE, IPA, size);
	returns(w, IPA, size, "kvm_flush_remote_tlbs_range");
}

/* All vcpus were put; what TLBs keep of the VMID is nobody's before a rollover. */
static void leave(struct work *w)
{
	const struct s2_reliance what = {.kind = S2_RELY_CPU_LEFT,
					 .vtcr = w->vtcr,
					 .vttbr = w->vttbr,
					 .function = "vcpu_put"};

	for (unsigned i = 0; i < s2_machine_cpus(w->m); i++)
		if (s2_rely(s2_machine_cpu(w->m, i), &what))
			w->error = -EINVAL;
}

static void teardown(struct work *w)
{
	leave(w);
	ask(w, S2_TREE_DESTROY, 0, 0);
}

static void teardown_of_pages(struct work *w)
{
	pages(w);
	fault_in(w, IPA + 8 * MIB, 8 * MIB, BLOCK, RW);
}

const struct workload page_workloads[] = {
	{"map-pages", "1024 faults on pages", give_memory, map_pages, 0},
	{"map-blocks", "32 faults on blocks", give_memory, map_blocks, 0},
	{"map-code", "512 pages and 4 blocks that are executed", give_memory, map_code, 0},
	{"map-again", "the same faults once more", pages, map_again, 0},
	{"remap", "512 pages to other frames", pages, remap, 0},
	{"collapse", "2 blocks over 1024 pages", pages, collapse, 0},
	{"split", "8 blocks split to pages", blocks, split, NEEDS_SPLIT},
	{"wrprotect", "64 MiB write-protected, flushed", pages, wrprotect, 0},
	{"wrprotect-blocks", "the same of blocks", blocks, wrprotect, 0},
	{"relax", "1024 pages made writable again", protected_pages, relax_pages, 0},
	{"age", "1024 pages aged, and young again", pages, age, 0},
	{"clean", "64 MiB cleaned to the PoC", pages, clean, 0},
	{"unmap-range", "1024 pages in one call", pages, unmap_range, 0},
	{"unmap-pages", "1024 pages, a call each", pages, unmap_pages, 0},
	{"unmap-blocks", "32 blocks in one call", blocks, unmap_blocks, 0},
	{"unmap-part", "a page of a block", blocks, unmap_part, 0},
	{"flush-long", "16 GiB and 3 pages flushed", nothing, flush_long, 0},
	{"teardown", "1024 pages and 4 blocks destroyed", teardown_of_pages, teardown, 0},
	{.name = NULL},
};
