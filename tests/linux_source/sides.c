/* SPDX-License-Identifier: MIT */
#include "linux_source/sides.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PA_MASK	   UINT64_C(0x0000fffffffff000)
#define HCR_TGE	   (UINT64_C(1) << 27)
#define HCR_E2H	   (UINT64_C(1) << 34)
#define SLAB_BYTES (UINT64_C(2) << 20)

/* ---- digests ---- */

static uint32_t *name_of(struct side *s, uint64_t pa)
{
	const uint64_t page = (pa - s->lowest) >> 12;

	return s->named && pa >= s->lowest && page < SIDE_PAGES ? &s->names[page] : NULL;
}

static void name_page(struct side *s, uint64_t pa)
{
	if (!s->named)
		s->lowest = pa & ~(SLAB_BYTES - 1);
	s->named++;
	assert_non_null(name_of(s, pa));
	*name_of(s, pa) = s->named;
}

/* @value, a table page's PA in it replaced by its name. */
static uint64_t canonical(struct side *s, uint64_t value)
{
	const uint32_t *name = name_of(s, value & PA_MASK);

	return name && *name ? (value & ~PA_MASK) | (uint64_t)*name << 12 : value;
}

static bool is_left_out(const struct side *s, enum s2_op op)
{
	return op == S2_OP_VMID_SWITCH || (op == S2_OP_PTE_READ && !s->loads);
}

static void digest(struct side *s, const struct s2_insn *insn, uint64_t i)
{
	const bool reg = insn->op == S2_OP_SYSREG_WRITE;
	uint64_t addr = insn->addr + (reg ? 0 : i * insn->addr_step);
	uint64_t value = insn->value + i * insn->value_step;
	uint64_t words[5];

	if (insn->op == S2_OP_TABLE_ALLOC)
		name_page(s, addr);
	if (is_left_out(s, insn->op))
		return;
	if (reg && addr == S2_SYSREG_HCR_EL2)
		value &= HCR_TGE | HCR_E2H;
	else if (insn->op == S2_OP_PTE_WRITE || insn->op == S2_OP_PTE_READ ||
		 (reg && addr == S2_SYSREG_VTTBR_EL2))
		value = canonical(s, value);
	words[0] = (uint64_t)insn->op;
	words[1] = insn->order;
	words[2] = reg ? addr : canonical(s, addr);
	words[3] = value;
	words[4] = insn->count;
	for (size_t k = 0; k < ARRAY_SIZE(words); k++)
		s->digest = (s->digest ^ words[k]) * UINT64_C(0x100000001b3);
	s->seen++;
}

static void see(void *arg, const struct s2_event *event)
{
	for (uint64_t i = 0; i < event->repeat; i++)
		for (size_t k = 0; k < event->n_insns; k++)
			digest(arg, &event->insns[k], i);
}

/* ---- sides ---- */

static void tables_up(struct side *s, bool tree)
{
	const struct s2_mmu_config cfg = {.flavour = s2_tree_stands_for(), .ipa_bits = 40, .vmid = {1}};

	if (!tree) {
		assert_i64(s2_mmu_create(s->m, &cfg, &s->mmu), 0);
		return;
	}
	assert_i64(s2_tree_create(s->m, &s->tree), 0);
	s2_tree_free_at_once(s->tree); /* the order of instructions is compared */
	assert_i64(s2_tree_vm_create(s->tree, cfg.ipa_bits, cfg.vmid, &s->vm), 0);
}

void side_up(struct side *s, bool tree, const char *spec)
{
	struct s2_machine_config cfg = {.cpus = 2};
	const struct s2_sink sink = {.event = see, .arg = s};

	memset(s, 0, sizeof(*s));
	s->loads = s2_tree_has().reads_once;
	s->names = calloc(SIDE_PAGES, sizeof(*s->names));
	assert_non_null(s->names);
	assert_i64(s2_features_parse(spec, &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &s->m), 0);
	assert_i64(s2_machine_add_sink(s->m, &sink), 0);
	s->cpu = s2_machine_cpu(s->m, 0);
	tables_up(s, tree);
}

void side_down(struct side *s)
{
	s2_tree_vm_free(s->vm);
	s2_tree_free(s->tree);
	s2_mmu_free(s->mmu);
	s2_machine_destroy(s->m);
	free(s->names);
}

static int library_request(struct side *s, const struct s2_tree_request *q)
{
	bool young;
	int ret;

	switch (q->op) {
	case S2_TREE_MAP:
		return s2_pgtable_map(s->mmu, s->cpu, q->range, q->pa, q->prot, NULL,
				      q->fault ? S2_MAP_FAULT : 0);
	case S2_TREE_UNMAP:
		return s2_pgtable_unmap(s->mmu, s->cpu, q->range);
	case S2_TREE_WRPROTECT:
		return s2_pgtable_wrprotect(s->mmu, s->cpu, q->range);
	case S2_TREE_RELAX_PERMS:
		return s2_pgtable_relax_perms(s->mmu, s->cpu, q->range.ipa, q->prot);
	case S2_TREE_MKYOUNG:
		/* The kernel's returns the descriptor, or nothing. */
		(void)s2_pgtable_mkyoung(s->mmu, s->cpu, q->range.ipa);
		return 0;
	case S2_TREE_AGE:
		ret = s2_pgtable_test_clear_young(s->mmu, s->cpu, q->range, true, &young);
		return ret ? ret : young;
	case S2_TREE_FLUSH:
		return s2_pgtable_flush(s->mmu, s->cpu, q->range);
	case S2_TREE_SPLIT:
		return s2_pgtable_split(s->mmu, s->cpu, q->range, NULL);
	case S2_TREE_FLUSH_RANGE:
		return s2_flush_vmid_range(s->mmu, s->cpu, q->range);
	case S2_TREE_FLUSH_VMID:
		return s2_flush_vmid(s->mmu, s->cpu);
	case S2_TREE_DESTROY:
		return s2_pgtable_destroy(s->mmu, s->cpu);
	default:
		return -EINVAL;
	}
}

int side_request(struct side *s, const struct s2_tree_request *req)
{
	s->digest = s->seen = 0;
	return s->vm ? s2_tree_request(s->vm, s->cpu, req) : library_request(s, req);
}

void side_state(struct side *s, struct s2_pgtable_state *state)
{
	if (s->vm)
		s2_tree_state(s->vm, state);
	else
		s2_pgtable_state(s->mmu, state);
}

const char *side_text(const struct s2_tree_request *q)
{
	static char text[160];

	snprintf(text, sizeof(text),
		 "%s ipa %#" PRIx64 " size %#" PRIx64 " pa %#" PRIx64 " prot %u%s",
		 s2_tree_op_name(q->op), q->range.ipa.v, q->range.size, q->pa.v, q->prot,
		 q->fault ? " fault" : "");
	return text;
}
