/* SPDX-License-Identifier: MIT */
/*
 * Each instruction of each flush sequence, deleted: what may then survive.
 *
 * A filter stands between the machine and its physics and withholds the k-th
 * instruction (reads and stores of descriptors apart).  With nothing withheld nothing survives.  The strings below
 * have one letter an instruction, in order; docs/model.md has the
 * story of each.
 *
 *   .  nothing survives: not needed here
 *   v  an entry of stage 2 and all made of it   c  a combined entry
 *   p  a TLBI that is not known to be complete  y  the issuer's own
 *   s  walkers that still read the old descriptor
 */
#include "support.h"

#include <string.h>

#include <stage2sim/pgtable.h>
#include <stage2sim/residue.h>

#include "hyp/stage2/mmu.h"
#include "machine/physics.h"

#define PAGE UINT64_C(0x1000)
#define MIB  UINT64_C(0x100000)
#define RW   (S2_PROT_R | S2_PROT_W)
#define IPA  (4 * MIB)
#define PA   UINT64_C(0x40000000)

struct rig {
	struct s2_machine *m;
	struct s2_mmu *mmu;
	struct s2_physics *p;
	struct s2_cpu *cpu;
	size_t seen, withheld;
	const struct sequence *seq;
	char at_clean; /* what had survived when the first DC was issued */
};

struct sequence {
	const char *name;
	const char *spec;
	uint64_t size; /* mapped at IPA before */
	void (*op)(struct rig *r);
	bool local; /* what other CPUs keep is legal; asked of this CPU only */
	const char *letters;
};

/* The worst of what survives. */
static void worst(void *arg, const struct s2_residue *residue)
{
	static const char letters[] = {
		[S2_RESIDUE_STORED] = 's',    [S2_RESIDUE_VISIBLE] = 'v',
		[S2_RESIDUE_S2_ISSUED] = 'p', [S2_RESIDUE_S2_DONE] = 'c',
		[S2_RESIDUE_VA_ISSUED] = 'p', [S2_RESIDUE_ALL_ISSUED] = 'p',
		[S2_RESIDUE_SYNC] = 'y',
	};
	static const char order[] = ".ypcvs";
	char *letter = arg;
	char new = letters[residue->stage];

	if (strchr(order, new) > strchr(order, *letter))
		*letter = new;
}

static char survivors(const struct rig *r, const struct sequence *seq)
{
	char letter = '.';

	if (seq->local)
		s2_residue_at(r->p, s2_vmid(7), s2_ipa(IPA), 0, worst, &letter);
	else
		s2_residue_each(r->p, s2_vmid(7), worst, &letter);
	return letter;
}

static void filter(void *arg, const struct s2_event *event)
{
	struct rig *r = arg;

	assert_u64(event->n_insns, 1);
	if (event->insns[0].op == S2_OP_DC_CIVAC && !r->at_clean)
		r->at_clean = survivors(r, r->seq);
	if (event->insns[0].op == S2_OP_PTE_READ || event->insns[0].op == S2_OP_PTE_WRITE ||
	    r->seen++ != r->withheld)
		s2_physics_event(r->p, event);
}

static void rig_init(struct rig *r, const struct sequence *seq, size_t withheld)
{
	struct s2_machine_config cfg = {.cpus = 2, .run_limit = 1};
	const struct s2_physics_config physics = {.residue = true};
	const struct s2_mmu_config mmu = {s2_flavour_find("kvm-6.12"), 40, {7}};
	const struct s2_sink sink = {.event = filter, .arg = r};

	memset(r, 0, sizeof(*r));
	r->withheld = withheld;
	r->seq = seq;
	assert_i64(s2_features_parse(seq->spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &r->m), 0);
	assert_i64(s2_mmu_create(r->m, &mmu, &r->mmu), 0);
	r->cpu = s2_machine_cpu(r->m, 0);
	assert_i64(s2_pgtable_map(r->mmu, r->cpu, s2_range(IPA, seq->size), s2_pa(PA), RW, NULL, 0),
		   0);
	assert_i64(s2_physics_attach(r->m, &physics, &r->p), 0);
	assert_i64(s2_physics_watch(r->p, r->mmu->vtcr, r->mmu->vttbr), 0);
	assert_i64(s2_machine_remove_sink(r->m, r->p), 0);
	assert_i64(s2_machine_add_sink(r->m, &sink), 0);
}

static void rig_free(struct rig *r)
{
	assert_i64(s2_physics_error(r->p), 0);
	assert_i64(s2_machine_remove_sink(r->m, r), 0);
	s2_physics_detach(r->p);
	s2_mmu_free(r->mmu);
	s2_machine_destroy(r->m);
}

static void check(const struct sequence *seq)
{
	char found[128] = "";
	struct rig r;
	size_t n;

	s2_test_row("%s, nothing deleted", seq->name);
	rig_init(&r, seq, SIZE_MAX);
	seq->op(&r);
	assert_i64(survivors(&r, seq), '.');
	assert_u64(s2_residue_count(r.p, s2_vmid(7)), seq->local);
	n = r.seen;
	rig_free(&r);
	assert_true(n < sizeof(found));
	for (size_t k = 0; k < n; k++) {
		rig_init(&r, seq, k);
		seq->op(&r);
		found[k] = survivors(&r, seq);
		rig_free(&r);
	}
	if (strcmp(found, seq->letters) != 0) {
		print_error("%s:\n  is       %s\n  expected %s\n", seq->name, found, seq->letters);
		fail();
	}
}

static void op_unmap(struct rig *r)
{
	assert_i64(s2_pgtable_unmap(r->mmu, r->cpu, s2_range(IPA, PAGE)), 0);
}

static void op_wrprotect_flush_vmid(struct rig *r)
{
	assert_i64(s2_pgtable_wrprotect(r->mmu, r->cpu, s2_range(IPA, PAGE)), 0);
	s2_flush_vmid(r->mmu, r->cpu);
}

static void op_wrprotect_flush_range(struct rig *r)
{
	assert_i64(s2_pgtable_wrprotect(r->mmu, r->cpu, s2_range(IPA, PAGE)), 0);
	assert_i64(s2_flush_vmid_range(r->mmu, r->cpu, s2_range(IPA, 2 * PAGE)), 0);
}

static void op_wrprotect_flush_vm_context(struct rig *r)
{
	assert_i64(s2_pgtable_wrprotect(r->mmu, r->cpu, s2_range(IPA, PAGE)), 0);
	s2_flush_vm_context(r->mmu, r->cpu);
}

static void op_bbm(struct rig *r)
{
	assert_i64(s2_pgtable_map(r->mmu, r->cpu, s2_range(IPA, PAGE), s2_pa(2 * PA), RW, NULL, 0),
		   0);
}

static void op_unmap_two(struct rig *r)
{
	assert_i64(s2_pgtable_unmap(r->mmu, r->cpu, s2_range(IPA, 2 * PAGE)), 0);
}

static void op_split(struct rig *r)
{
	assert_i64(s2_pgtable_split(r->mmu, r->cpu, s2_range(IPA, 2 * MIB), NULL), 0);
}

static void op_collapse(struct rig *r)
{
	assert_i64(
		s2_pgtable_map(r->mmu, r->cpu, s2_range(IPA, 2 * MIB), s2_pa(2 * PA), RW, NULL, 0),
		0);
}

/* The table goes with its last page. */
static void op_unmap_last(struct rig *r)
{
	assert_i64(s2_pgtable_unmap(r->mmu, r->cpu, s2_range(IPA, 2 * MIB)), 0);
}

static void op_relax(struct rig *r)
{
	assert_i64(s2_pgtable_relax_perms(r->mmu, r->cpu, s2_ipa(IPA), S2_PROT_X), 0);
}

#define VHE   "neoverse-n1,-repeat_tlbi"
#define NVHE  "cortex-a72"
#define RANGE "max,-lpa2,pa=48"

static const struct sequence sequences[] = {
	{"unmap by IPA, VHE", VHE, 2 * PAGE, op_unmap, false, "v..vcvvccy......"},
	{"unmap by IPA, nVHE", NVHE, 2 * PAGE, op_unmap, false, ".v..vvvcc......"},
	{"unmap of the last page", VHE, PAGE, op_unmap_last, false,
	 "...............................v.....v........"},
	{"unmap, deferred", RANGE, 3 * PAGE, op_unmap_two, false, "v..vcvvccp...."},
	{"write-protect, flush_vmid, VHE", VHE, 2 * PAGE, op_wrprotect_flush_vmid, false,
	 "v..v.vvp...."},
	{"write-protect, flush_vmid, nVHE", NVHE, 2 * PAGE, op_wrprotect_flush_vmid, false,
	 ".v..vvvp..."},
	{"write-protect, flush_vmid_range", RANGE, 2 * PAGE, op_wrprotect_flush_range, false,
	 "v..vcvvccp...."},
	{"write-protect, flush_vm_context, VHE", VHE, 2 * PAGE, op_wrprotect_flush_vm_context,
	 false, "vvpy"},
	{"write-protect, flush_vm_context, nVHE", NVHE, 2 * PAGE, op_wrprotect_flush_vm_context,
	 false, ".vvp"},
	{"map over another page", VHE, 2 * PAGE, op_bbm, false, "v..vcvvccy......."},
	{"relax_perms, VHE", VHE, 2 * PAGE, op_relax, true, "...s..scssccp...."},
	{"relax_perms, nVHE", NVHE, 2 * PAGE, op_relax, true, "....s..sssccp..."},
	{"split", RANGE, 2 * MIB, op_split, false, ".v..vcvvccp....."},
	{"collapse", RANGE, PAGE, op_collapse, false, "v..vcvvccp......"},
};

/* All instructions of one kind withheld. */
static void drop_op(void *arg, const struct s2_event *event)
{
	struct rig *r = arg;
	struct s2_insn insns[64];
	struct s2_event kept = *event;

	kept.insns = insns;
	kept.n_insns = 0;
	for (size_t i = 0; i < event->n_insns; i++)
		if (event->insns[i].op != r->withheld)
			insns[kept.n_insns++] = event->insns[i];
	s2_physics_event(r->p, &kept);
}

static void test_each_instruction_is_needed_or_known_not_to_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++)
		check(&sequences[i]);
}

/*
 * The leaf's flush, which the table's makes good for in the end: while its DC
 * is issued a guest could still fetch or write the lines through the old entry.
 */
static void test_an_unmapped_page_is_cleaned_when_no_guest_can_reach_it(void **state)
{
	static const struct sequence seq = {
		"unmap of the last page", VHE, PAGE, op_unmap_last, false, "v..vcvvccp"};
	const size_t n = strlen(seq.letters);

	(void)state;
	for (size_t k = 0; k <= n; k++) {
		struct rig r;

		s2_test_row("instruction %zu deleted", k);
		rig_init(&r, &seq, k);
		seq.op(&r);
		assert_i64(r.at_clean, k < n ? seq.letters[k] : '.');
		assert_i64(survivors(&r, &seq), '.');
		rig_free(&r);
	}
}

/* __kvm_flush_cpu_context: what another vcpu of the VM left under the same VMID and ASID. */
static void test_last_ran_needs_its_vmalle1_and_ic(void **state)
{
	static const enum s2_op deleted[] = {S2_OP_COUNT, S2_OP_TLBI_VMALLE1, S2_OP_IC_IALLU};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(deleted); i++) {
		const struct s2_tlb_config tlb = s2_tlb_config_default();
		const struct s2_tlb_tag tag = {S2_TLB_COMBINED, {7}, 1};
		struct s2_machine_config cfg = {.cpus = 1};
		const struct s2_physics_config physics = {
			.tlb = &tlb, .memory = true, .detail = S2_MEMORY_VERSIONS};
		const struct s2_mmu_config mmu = {s2_flavour_find("kvm-6.12"), 40, {7}};
		struct rig r = {.withheld = SIZE_MAX};
		const struct s2_sink sink = {.event = drop_op, .arg = &r};
		uint32_t version;
		uint64_t data;

		assert_i64(s2_features_parse(VHE, &cfg.features, NULL), 0);
		assert_i64(s2_machine_create(&cfg, &r.m), 0);
		assert_i64(s2_mmu_create(r.m, &mmu, &r.mmu), 0);
		assert_i64(s2_physics_attach(r.m, &physics, &r.p), 0);
		assert_i64(s2_machine_remove_sink(r.m, r.p), 0);
		assert_i64(s2_machine_add_sink(r.m, &sink), 0);
		r.cpu = s2_machine_cpu(r.m, 0);
		r.withheld = deleted[i];
		s2_tlb_fill(s2_physics_tlbs(r.p), 0, &tag, IPA, 12, PA);
		assert_i64(s2_memory_fetch(s2_physics_memory(r.p), 0, s2_pa(PA), &version), 0);
		assert_i64(s2_memory_write(s2_physics_memory(r.p), S2_AGENT_WRITE_BACK, s2_pa(PA),
					   64, NULL),
			   0);
		s2_flush_cpu_context(r.mmu, r.cpu);
		assert_i64(s2_tlb_lookup(s2_physics_tlbs(r.p), 0, &tag, IPA, &data, NULL),
			   deleted[i] == S2_OP_TLBI_VMALLE1);
		assert_i64(s2_memory_fetch(s2_physics_memory(r.p), 0, s2_pa(PA), &version), 0);
		assert_u64(version, deleted[i] != S2_OP_IC_IALLU);
		rig_free(&r);
	}
}

/* map: the host's zeroes must be at the PoC before a guest without caches looks. */
static void test_map_and_unmap_need_their_dc(void **state)
{
	(void)state;
	for (int deleted = 0; deleted < 2; deleted++) {
		struct s2_machine_config cfg = {.cpus = 1};
		const struct s2_physics_config physics = {.memory = true,
							  .detail = S2_MEMORY_VERSIONS};
		const struct s2_mmu_config mmu = {s2_flavour_find("kvm-6.12"), 40, {7}};
		struct rig r = {.withheld = deleted ? S2_OP_DC_CIVAC : S2_OP_COUNT};
		const struct s2_sink sink = {.event = drop_op, .arg = &r};
		const struct s2_pa pa = {PA};
		struct s2_memory *mem;
		uint32_t version;

		assert_i64(s2_features_parse(VHE, &cfg.features, NULL), 0);
		assert_i64(s2_machine_create(&cfg, &r.m), 0);
		assert_i64(s2_mmu_create(r.m, &mmu, &r.mmu), 0);
		assert_i64(s2_physics_attach(r.m, &physics, &r.p), 0);
		assert_i64(s2_machine_remove_sink(r.m, r.p), 0);
		assert_i64(s2_machine_add_sink(r.m, &sink), 0);
		r.cpu = s2_machine_cpu(r.m, 0);
		mem = s2_physics_memory(r.p);
		assert_i64(s2_memory_write(mem, S2_AGENT_WRITE_BACK, pa, PAGE, NULL), 0);
		assert_i64(s2_pgtable_map(r.mmu, r.cpu, s2_range(IPA, PAGE), pa, RW, NULL, 0), 0);
		assert_i64(s2_memory_read(mem, S2_AGENT_NON_CACHEABLE, pa, &version), 0);
		assert_u64(version, deleted ? 0 : 1);
		/* unmap: a clean line fetched through the host's map hides what the guest wrote. */
		assert_i64(s2_memory_apply(mem, S2_LINE_EVICT, pa, PAGE, NULL), 0);
		assert_i64(s2_memory_apply(mem, S2_LINE_FILL, pa, PAGE, NULL), 0);
		assert_i64(s2_memory_write(mem, S2_AGENT_NON_CACHEABLE, pa, PAGE, NULL), 0);
		assert_i64(s2_pgtable_unmap(r.mmu, r.cpu, s2_range(IPA, PAGE)), 0);
		assert_i64(s2_memory_read(mem, S2_AGENT_WRITE_BACK, pa, &version), 0);
		assert_u64(version, deleted ? 1 : 2);
		rig_free(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(test_each_instruction_is_needed_or_known_not_to_be),
		s2_unit_test(test_an_unmapped_page_is_cleaned_when_no_guest_can_reach_it),
		s2_unit_test(test_last_ran_needs_its_vmalle1_and_ic),
		s2_unit_test(test_map_and_unmap_need_their_dc),
	};

	return cmocka_run_group_tests_name("machine/deletions", tests, NULL, NULL);
}
