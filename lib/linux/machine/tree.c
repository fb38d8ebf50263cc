/* SPDX-License-Identifier: MIT */
#include "linux/machine/tree.h"

#include <errno.h>
#include <stdlib.h>

#include "linux/glue/requests.h"
#include "linux/glue/vm_requests.h"
#include "linux/machine/running.h"
#include "machine/regime.h"

#define PAGE_BYTES UINT64_C(4096)

struct s2_tree_vm {
	struct s2_tree *tree;
	struct tree_vm *kernels;
	struct s2_regime regime;
	bool destroyed;
};

struct s2_tree_has s2_tree_has(void)
{
	const struct s2_tree_has has = {
		.split = tree_has_split(),
		.flush_range = tree_has_flush_range(),
		.ages_ranges = tree_ages_ranges(),
		.reads_once = tree_reads_once(),
		.destroys_in_ranges = tree_destroys_in_ranges(),
	};

	return has;
}

const char *s2_tree_op_name(enum s2_tree_op op)
{
	static const char *const names[S2_TREE_OPS] = {
		"map",	 "unmap", "wrprotect",	 "relax_perms", "mkyoung", "age",
		"flush", "split", "flush_range", "flush_vmid",	"destroy",
	};

	return (unsigned)op < S2_TREE_OPS ? names[op] : NULL;
}

int s2_tree_create(struct s2_machine *m, struct s2_tree **out)
{
	struct s2_tree *tree;
	int ret;

	if (s2_machine_features(m)->granule != S2_GRANULE_4K)
		return -EOPNOTSUPP;
	if (s2_machine_cpus(m) > S2_TREE_CPUS)
		return -EINVAL;
	tree = calloc(1, sizeof(*tree));
	if (!tree)
		return -ENOMEM;
	tree->machine = m;
	ret = s2_tree_image_up(tree);
	if (!ret)
		ret = s2_tree_pages_up(tree);
	if (ret) {
		s2_tree_image_down(tree);
		free(tree);
		return ret;
	}
	*out = tree;
	return 0;
}

void s2_tree_free(struct s2_tree *tree)
{
	if (!tree)
		return;
	if (s2_tree_running == tree)
		s2_tree_running = NULL;
	s2_tree_pages_down(tree);
	s2_tree_image_down(tree);
	free(tree);
}

const char *s2_tree_trouble(const struct s2_tree *tree)
{
	return tree->stopped ? tree->trouble : NULL;
}

uint64_t s2_tree_warnings(const struct s2_tree *tree, const char **first)
{
	if (first)
		*first = tree->warnings ? tree->first_warning : NULL;
	return tree->warnings;
}

/* What boot would find on this machine. */
static void boot(const struct s2_features *f)
{
	const struct tree_cpu_features has = {
		.vhe = f->vhe,
		.fwb = f->fwb,
		.tlbirange = f->tlbirange,
		.ttl = f->ttl,
		.lpa2 = f->lpa2,
		.dic = f->dic,
		.idc = f->idc,
		.vipt = f->vipt,
		.speculative_at = f->speculative_at,
		.repeat_tlbi = f->repeat_tlbi,
		.vmid_bits = f->vmid_bits,
		.pa_bits = f->pa_bits,
		.iline_shift = f->iline_shift,
		.dline_shift = f->dline_shift,
	};

	tree_boot(&has);
}

int s2_tree_enter(struct s2_tree *tree, struct s2_cpu *cpu)
{
	if (s2_cpu_machine(cpu) != tree->machine)
		return -EINVAL;
	if (tree->stopped)
		return -EIO;
	if (s2_tree_running != tree) {
		s2_tree_image_swap(s2_tree_running, tree);
		s2_tree_pages_use(tree);
		s2_tree_running = tree;
		boot(s2_machine_features(tree->machine));
	}
	tree_set_grace(!tree->frees_at_once);
	s2_tree_cpu = cpu;
	s2k_cpu = s2_cpu_index(cpu);
	return 0;
}

void s2_tree_free_at_once(struct s2_tree *tree)
{
	tree->frees_at_once = true;
}

int s2_tree_stopped(struct s2_tree *tree)
{
	tree_abandon();
	tree_host_abandon();
	s2_cpu_set_site(s2_tree_cpu, NULL);
	tree->stopped = true;
	return -EIO;
}

/* ---- VMs ---- */

static int create_kernels(struct s2_tree_vm *vm, unsigned ipa_bits, struct s2_vmid vmid)
{
	int ret = s2_tree_enter(vm->tree, s2_machine_cpu(vm->tree->machine, 0));

	if (ret)
		return ret;
	if (setjmp(s2_tree_stop))
		return s2_tree_stopped(vm->tree);
	vm->kernels = tree_vm_create(ipa_bits, vmid.v);
	return vm->kernels ? 0 : -ENOMEM;
}

static int check_vm(const struct s2_features *f, unsigned ipa_bits, struct s2_vmid vmid)
{
	const unsigned most = f->pa_bits < 48 ? f->pa_bits : 48;

	if (!vmid.v || (f->vmid_bits == 8 && vmid.v > 255))
		return -EINVAL;
	return ipa_bits < 32 || ipa_bits > most ? -EINVAL : 0;
}

int s2_tree_vm_create(struct s2_tree *tree, unsigned ipa_bits, struct s2_vmid vmid,
		      struct s2_tree_vm **out)
{
	const struct s2_features *f = s2_machine_features(tree->machine);
	struct s2_tree_vm *vm;
	uint64_t vtcr, vttbr;
	int ret;

	if (!ipa_bits)
		ipa_bits = S2_DEFAULT_IPA_BITS;
	ret = check_vm(f, ipa_bits, vmid);
	if (ret)
		return ret;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	vm->tree = tree;
	ret = create_kernels(vm, ipa_bits, vmid);
	if (!ret) {
		s2_tree_vm_registers(vm, &vtcr, &vttbr);
		ret = s2_regime_init(&vm->regime, f, vtcr, vttbr);
	}
	if (ret) {
		s2_tree_vm_free(vm);
		return ret;
	}
	*out = vm;
	return 0;
}

void s2_tree_vm_free(struct s2_tree_vm *vm)
{
	if (vm && vm->kernels)
		tree_vm_free(vm->kernels);
	free(vm);
}

void s2_tree_vm_registers(struct s2_tree_vm *vm, uint64_t *vtcr, uint64_t *vttbr)
{
	unsigned long vtcr_el2, vttbr_el2;

	/* Which bits there are depends on the CPUs (CnP, the VMID's width). */
	(void)s2_tree_enter(vm->tree, s2_machine_cpu(vm->tree->machine, 0));
	tree_vm_registers(vm->kernels, &vtcr_el2, &vttbr_el2);
	*vtcr = vtcr_el2;
	*vttbr = vttbr_el2;
}

/* ---- requests ---- */

static bool has_range(enum s2_tree_op op)
{
	return op != S2_TREE_FLUSH_VMID && op != S2_TREE_DESTROY;
}

static int check_request(const struct s2_tree_vm *vm, const struct s2_tree_request *req)
{
	const uint64_t limit = s2_ipa_limit(&vm->regime.geo);
	const uint64_t ipa = req->range.ipa.v, size = req->range.size;

	if (vm->destroyed || (unsigned)req->op >= S2_TREE_OPS)
		return -EINVAL;
	if (!has_range(req->op))
		return 0;
	if (!size || (ipa | size | req->pa.v) & (PAGE_BYTES - 1))
		return -EINVAL;
	return ipa >= limit || size > limit - ipa ? -ERANGE : 0;
}

static int call(struct s2_tree_vm *vm, const struct s2_tree_request *req)
{
	struct tree_vm *k = vm->kernels;
	const unsigned long ipa = req->range.ipa.v, size = req->range.size;

	switch (req->op) {
	case S2_TREE_MAP:
		return tree_map(k, ipa, size, req->pa.v, req->prot, req->fault);
	case S2_TREE_UNMAP:
		return tree_unmap(k, ipa, size);
	case S2_TREE_WRPROTECT:
		return tree_wrprotect(k, ipa, size);
	case S2_TREE_RELAX_PERMS:
		return tree_relax_perms(k, ipa, req->prot);
	case S2_TREE_MKYOUNG:
		return tree_mkyoung(k, ipa);
	case S2_TREE_AGE:
		return tree_age(k, ipa, size);
	case S2_TREE_FLUSH:
		return tree_flush(k, ipa, size);
	case S2_TREE_SPLIT:
		return tree_split(k, ipa, size);
	case S2_TREE_FLUSH_RANGE:
		return tree_flush_range(k, ipa, size);
	case S2_TREE_FLUSH_VMID:
		return tree_flush_vmid(k);
	case S2_TREE_DESTROY:
		vm->destroyed = true;
		return tree_destroy(k);
	default:
		return -EINVAL;
	}
}

int s2_tree_request(struct s2_tree_vm *vm, struct s2_cpu *cpu, const struct s2_tree_request *req)
{
	int ret = check_request(vm, req);

	if (!ret)
		ret = s2_tree_enter(vm->tree, cpu);
	if (ret)
		return ret;
	if (setjmp(s2_tree_stop))
		return s2_tree_stopped(vm->tree);
	s2_cpu_set_site(cpu, s2_tree_op_name(req->op));
	ret = call(vm, req);
	tree_quiescent();
	s2_cpu_set_site(cpu, NULL);
	s2_tree_shadow_compare(vm->tree);
	return ret;
}

/* ---- what the tables hold ---- */

static const s2_pte *entries_at(const struct s2_tree *tree, uint64_t pa)
{
	return (const s2_pte *)(const void *)(tree->window + (pa - tree->tables));
}

static void count_table(const struct s2_tree_vm *vm, uint64_t pa, int level,
			struct s2_pgtable_state *state)
{
	const s2_pte *entries = entries_at(vm->tree, pa);

	state->table_pages++;
	for (size_t i = 0; i < PAGE_BYTES / sizeof(s2_pte); i++) {
		if (s2_pte_is_table(entries[i], level)) {
			state->table_entries++;
			count_table(vm, s2_pte_pa(entries[i], &vm->regime.fmt).v, level + 1, state);
		} else if (s2_pte_valid(entries[i])) {
			state->leaves[level]++;
		} else if (entries[i]) {
			state->invalid_counted++;
		}
	}
}

void s2_tree_state(struct s2_tree_vm *vm, struct s2_pgtable_state *state)
{
	const struct s2_geometry *geo = &vm->regime.geo;
	const struct s2_pgtable_state none = {.table_pages = 0};

	*state = none;
	for (unsigned i = 0; !vm->destroyed && i < geo->root_pages; i++)
		count_table(vm, vm->regime.root.v + i * PAGE_BYTES, geo->start_level, state);
}
