/* SPDX-License-Identifier: MIT */
/*
 * Workloads of stage 2 on the kernel tree that is linked in: counts and verdict of each, as
 * CSV.  Run by s2-patch and by tests; with a tree in it, under the tree's licence.
 *
 *     workload --> requests, what is relied on, what guest and host do with the memory
 *                      `--> counts of the machine, verdict of an oracle
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/oracle.h>

#include "linux/machine/tree.h"

#define PAGE  UINT64_C(4096)
#define MIB   UINT64_C(0x100000)
#define BLOCK (2 * MIB)
#define GIB   (1024 * MIB)
#define IPA   UINT64_C(0x40000000)
#define PA    UINT64_C(0x2000000000) /* of IPA, congruent modulo 1 GiB */
#define VM    1

#define RW (S2_PROT_R | S2_PROT_W)
#define RX (S2_PROT_R | S2_PROT_X)

/* A run of one workload: a machine of its own. */
struct work {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_oracle *oracle;
	struct s2_tree *tree;
	struct s2_tree_vm *vm;
	uint64_t vtcr, vttbr;
	struct s2_counts before;
	uint64_t calls, refused; /* of which with -EAGAIN */
	int error;		 /* the first that was not expected */
};

struct workload {
	const char *name;
	const char *what;
	void (*prepare)(struct work *w);
	void (*run)(struct work *w);
};

/* ---- requests, and what their callers in mmu.c rely on ---- */

static int request(struct work *w, const struct s2_tree_request *req)
{
	const int ret = w->error ? w->error : s2_tree_request(w->vm, w->cpu, req);

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
	rely(w, S2_RELY_DIRTY_HARVESTED, IPA, 64 * MIB, S2_ACCESS_READ, "kvm_get_dirty_log_protect");
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

static const struct workload workloads[] = {
	{"map-pages", "1024 faults on pages", give_memory, map_pages},
	{"map-blocks", "32 faults on blocks", give_memory, map_blocks},
	{"map-code", "512 pages and 4 blocks that are executed", give_memory, map_code},
	{"map-again", "the same faults once more", pages, map_again},
	{"remap", "512 pages to other frames", pages, remap},
	{"collapse", "2 blocks over 1024 pages", pages, collapse},
	{"split", "8 blocks split to pages", blocks, split},
	{"wrprotect", "64 MiB write-protected, flushed", pages, wrprotect},
	{"wrprotect-blocks", "the same of blocks", blocks, wrprotect},
	{"relax", "1024 pages made writable again", protected_pages, relax_pages},
	{"age", "1024 pages aged, and young again", pages, age},
	{"clean", "64 MiB cleaned to the PoC", pages, clean},
	{"unmap-range", "1024 pages in one call", pages, unmap_range},
	{"unmap-pages", "1024 pages, a call each", pages, unmap_pages},
	{"unmap-blocks", "32 blocks in one call", blocks, unmap_blocks},
	{"unmap-part", "a page of a block", blocks, unmap_part},
	{"flush-long", "16 GiB and 3 pages flushed", nothing, flush_long},
	{"teardown", "1024 pages and 4 blocks destroyed", teardown_of_pages, teardown},
};

#define N_WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

/* ---- a run ---- */

static int up(struct work *w, const struct s2_features *features)
{
	const struct s2_machine_config cfg = {.features = *features, .cpus = 2};
	int ret = s2_machine_create(&cfg, &w->m);

	if (ret)
		return ret;
	w->cpu = s2_machine_cpu(w->m, 0);
	ret = s2_tree_create(w->m, &w->tree);
	if (!ret)
		ret = s2_tree_watch_plain_stores(w->tree);
	if (!ret)
		ret = s2_oracle_attach(w->m, NULL, &w->oracle);
	if (!ret)
		ret = s2_tree_vm_create(w->tree, 40, s2_vmid(VM), &w->vm);
	if (ret)
		return ret;
	s2_tree_vm_registers(w->vm, &w->vtcr, &w->vttbr);
	return s2_oracle_watch(w->oracle, w->vtcr, w->vttbr);
}

static void down(struct work *w)
{
	s2_oracle_detach(w->oracle);
	s2_tree_vm_free(w->vm);
	s2_tree_free(w->tree);
	if (w->m)
		s2_machine_destroy(w->m);
}

static void row(const char *workload, const char *key, uint64_t value)
{
	printf("%s,%s,%" PRIu64 "\n", workload, key, value);
}

/* Text of anyone's: its commas would be columns. */
static void text_row(const char *workload, const char *key, const char *text)
{
	printf("%s,%s,", workload, key);
	for (; *text; text++)
		putchar(*text == ',' || *text == '\n' ? ';' : *text);
	putchar('\n');
}

static void print_counts(const struct work *w, const char *name)
{
	const struct s2_counts after = s2_machine_counts(w->m);
	const struct s2_counts n = s2_counts_since(&w->before, &after);

	row(name, "calls", w->calls);
	row(name, "eagain", w->refused);
	for (int op = 0; op < S2_OP_COUNT; op++)
		if (n.n[op])
			row(name, s2_op_name((enum s2_op)op), n.n[op]);
}

static void print_rules(const struct work *w, const char *name)
{
	const struct s2_violation *v = s2_oracle_violation(w->oracle, 0);
	char text[512];

	for (int rule = 0; rule < S2_RULES; rule++)
		if (s2_oracle_count(w->oracle, (enum s2_rule)rule))
			text_row(name, "broken", s2_rule_name((enum s2_rule)rule));
	if (v && s2_violation_text(v, text, sizeof(text)) > 0)
		text_row(name, "first", text);
}

static void print_verdict(const struct work *w, const char *name)
{
	const char *where;
	struct s2_pa pa;

	print_rules(w, name);
	if (s2_tree_warnings(w->tree, &where)) {
		text_row(name, "broken", "warning");
		text_row(name, "warning", where);
	}
	if (s2_tree_plain_stores(w->tree, &pa))
		text_row(name, "broken", "plain-store");
	if (s2_tree_trouble(w->tree)) {
		text_row(name, "broken", "stopped");
		text_row(name, "stopped", s2_tree_trouble(w->tree));
	} else if (w->error) {
		text_row(name, "broken", "error");
		text_row(name, "error", strerror(-w->error));
	}
}

static int run(const struct workload *load, const struct s2_features *features)
{
	struct work w;
	int ret;

	memset(&w, 0, sizeof(w));
	ret = up(&w, features);
	if (!ret) {
		load->prepare(&w);
		w.before = s2_machine_counts(w.m);
		w.calls = w.refused = 0;
		load->run(&w);
		print_counts(&w, load->name);
		print_verdict(&w, load->name);
		ret = s2_oracle_error(w.oracle);
	}
	down(&w);
	if (ret)
		fprintf(stderr, "tree-work: %s: %s\n", load->name, strerror(-ret));
	return ret;
}

static bool can_run(const struct workload *load)
{
	return load->run != split || s2_tree_has().split;
}

static void print_list(void)
{
	for (size_t i = 0; i < N_WORKLOADS; i++)
		printf("%s,%s\n", workloads[i].name, workloads[i].what);
}

int main(int argc, char **argv)
{
	struct s2_features features;
	int bad = 0;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		print_list();
		return 0;
	}
	if (argc < 2 || s2_features_parse(argv[1], &features, NULL)) {
		fprintf(stderr, "usage: tree-work MACHINE [WORKLOAD...] | tree-work --list\n");
		return 2;
	}
	for (size_t i = 0; i < N_WORKLOADS; i++) {
		bool asked = argc == 2;

		for (int k = 2; k < argc; k++)
			asked = asked || !strcmp(argv[k], workloads[i].name);
		if (asked && can_run(&workloads[i]))
			bad += run(&workloads[i], &features) != 0;
	}
	return bad ? 1 : 0;
}
