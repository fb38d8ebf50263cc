/* SPDX-License-Identifier: MIT */
#include "study/scenario/world.h"

#include <errno.h>
#include <stdlib.h>

#include <stage2sim/physics.h>

#include "study/scenario/choices.h"

#define CPUS 3

static int add_vm(struct s2_world *w, const struct s2_world_config *cfg, unsigned i)
{
	const struct s2_vm_config vm = {
		.flavour = &w->flavour, .vmids = w->vmids, .split_chunk = cfg->split_chunk};
	const struct s2_slot_config slot = {
		.ipa = {S2_WORLD_IPA},
		.size = (cfg->pages ? cfg->pages : S2_WORLD_PAGES) * S2_WORLD_PAGE,
		.hva = {S2_WORLD_HVA},
		.pa = {S2_WORLD_PA + i * S2_WORLD_PAGES * S2_WORLD_PAGE},
		.backing = cfg->backing ? cfg->backing : S2_WORLD_PAGE,
		.populated = true,
		.life = cfg->life,
	};
	int ret = s2_vm_create(w->m, &vm, &w->vm[i]);

	if (!ret)
		ret = w->slot = s2_vm_add_slot(w->vm[i], &slot);
	for (unsigned k = 0; ret >= 0 && k < cfg->vcpus; k++)
		ret = s2_vm_add_vcpu(w->vm[i]);
	return ret < 0 ? ret : 0;
}

static int make_machine(struct s2_world *w)
{
	struct s2_machine_config machine = {.cpus = CPUS};
	int ret = s2_features_parse(w->cfg->machine ? w->cfg->machine : S2_WORLD_MACHINE,
				    &machine.features, NULL);

	if (!ret)
		ret = s2_machine_create(&machine, &w->m);
	if (!ret)
		ret = s2_vmids_create(w->m, &w->vmids);
	if (!ret)
		s2_vmids_set_fault(w->vmids, w->cfg->vmid_fault);
	return ret;
}

int s2_world_prepare(void *state)
{
	struct s2_world *w = state;
	int ret = 0;

	for (unsigned i = 0; !ret && i < w->cfg->vms; i++)
		ret = add_vm(w, w->cfg, i);
	return ret || !w->cfg->prepare ? ret : w->cfg->prepare(w);
}

int s2_world_create(void *arg, void **state, struct s2_machine **m)
{
	struct s2_world *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	w->slots_lock = (struct s2_lock){"slots_lock", 1, NULL};
	w->mmu_lock = (struct s2_lock){"mmu_lock", 2, NULL};
	w->cfg = arg;
	w->flavour = *s2_flavour_find("newest");
	if (w->cfg->choose)
		w->cfg->choose(&w->flavour);
	ret = w->cfg->choice ? s2_choice_make(w->cfg->choice, &w->flavour) : 0;
	if (!ret)
		ret = make_machine(w);
	if (ret) {
		s2_world_destroy(w);
		return ret;
	}
	*state = w;
	*m = w->m;
	return 0;
}

void s2_world_destroy(void *state)
{
	struct s2_world *w = state;

	for (unsigned i = 0; i < S2_WORLD_VMS; i++)
		s2_vm_free(w->vm[i]);
	s2_vm_free(w->burner);
	s2_vmids_free(w->vmids);
	s2_machine_destroy(w->m);
	free(w);
}

void s2_world_expect(struct s2_world *w, int64_t ret)
{
	if (ret < 0 && !w->error)
		w->error = (int)ret;
}

void s2_world_access(struct s2_world *w, unsigned vm, int vcpu, unsigned page, enum s2_access how)
{
	s2_world_expect(w, s2_vcpu_access(s2_vm_vcpu(w->vm[vm], vcpu), s2_world_ipa(page),
					  S2_WORLD_PAGE, how));
}

void s2_world_caches(struct s2_world *w, int vcpu, bool on)
{
	s2_world_expect(w, s2_vcpu_set_caches(s2_vm_vcpu(w->vm[0], vcpu), on));
}

int s2_world_load(struct s2_world *w, unsigned vm, int vcpu, unsigned cpu)
{
	const int ret = s2_vcpu_load(s2_vm_vcpu(w->vm[vm], vcpu), s2_world_cpu(w, cpu));

	s2_world_expect(w, ret);
	return ret;
}

void s2_world_put(struct s2_world *w, unsigned vm, int vcpu)
{
	s2_world_expect(w, s2_vcpu_put(s2_vm_vcpu(w->vm[vm], vcpu)));
}

void s2_world_fault(struct s2_world *w, int vcpu, unsigned page, uint64_t size)
{
	const struct s2_fault fault = {.raised = true,
				       .code = S2_FAULT_TRANSLATION,
				       .level = 2,
				       .write = true,
				       .ipa = s2_world_ipa(page)};
	const struct s2_host_page host = {
		.pa = {(S2_WORLD_PA + page * S2_WORLD_PAGE) & ~(size - 1)},
		.size = size,
		.prot = S2_PROT_W,
	};

	s2_world_expect(w, s2_vcpu_abort(s2_vm_vcpu(w->vm[0], vcpu), &fault, &host));
}

void s2_world_rely(struct s2_world *w, unsigned cpu, enum s2_reliance_kind kind, unsigned page,
		   const char *function)
{
	struct s2_reliance what = {.kind = kind,
				   .ipa = s2_world_ipa(page),
				   .size = S2_WORLD_PAGE,
				   .function = function};

	s2_mmu_registers(s2_vm_mmu(w->vm[0]), &what.vtcr, &what.vttbr);
	s2_world_expect(w, s2_rely(s2_world_cpu(w, cpu), &what));
}

void s2_world_await(struct s2_world *w, unsigned cpu)
{
	s2_explore_touch(s2_world_cpu(w, cpu), 0, false);
	while (!w->shared) {
		s2_cpu_relax(s2_world_cpu(w, cpu));
		s2_explore_touch(s2_world_cpu(w, cpu), 0, false);
	}
}

/* A VM that leaves its number with each unmap takes one after another. */
int s2_world_burn(struct s2_world *w)
{
	struct s2_vm_config cfg = {.vmids = w->vmids};
	struct s2_cpu *cpu = s2_world_cpu(w, CPUS - 1);
	const struct s2_range page = {s2_world_ipa(0), S2_WORLD_PAGE};
	struct s2_mmu *mmu;
	int ret;

	w->renewing = *s2_flavour_find("newest");
	w->renewing.unmap_tlbi = S2_UNMAP_NEW_VMID;
	cfg.flavour = &w->renewing;
	ret = s2_vm_create(w->m, &cfg, &w->burner);
	if (!ret)
		ret = s2_vm_add_vcpu(w->burner);
	if (ret < 0)
		return ret;
	ret = s2_vcpu_load(s2_vm_vcpu(w->burner, 0), cpu);
	mmu = s2_vm_mmu(w->burner);
	while (!ret && s2_vmids_taken(w->vmids) < 255) {
		ret = s2_pgtable_map(mmu, cpu, page, s2_pa(S2_WORLD_PA), S2_PROT_R, NULL, 0);
		if (!ret)
			ret = s2_pgtable_unmap(mmu, cpu, page);
	}
	if (!ret)
		ret = s2_vcpu_put(s2_vm_vcpu(w->burner, 0));
	return ret;
}

/* Pages that live, and are in no tables. */
static bool lost_pages(const struct s2_world *w)
{
	uint64_t live, held, pages = 0;

	s2_machine_table_memory(w->m, &live, &held);
	for (unsigned i = 0; i <= S2_WORLD_VMS; i++) {
		struct s2_vm *vm = i < S2_WORLD_VMS ? w->vm[i] : w->burner;
		struct s2_pgtable_state tables;

		if (!vm)
			continue;
		s2_pgtable_state(s2_vm_mmu(vm), &tables);
		pages += tables.table_pages;
	}
	return live != pages * S2_WORLD_PAGE;
}

const char *s2_world_check_tables(void *state)
{
	return lost_pages(state) ? "a table page lives that no table leads to" : NULL;
}

const char *s2_world_check(void *state)
{
	const struct s2_world *w = state;

	if (w->error == -ELOOP)
		return "a guest's access faults again and again";
	return w->error ? "a call returned an error" : s2_world_check_tables(state);
}

int s2_world_load_two(void *state)
{
	int ret = s2_world_load(state, 0, 0, 0);

	return ret ? ret : s2_world_load(state, 0, 1, 1);
}

int s2_world_two_run(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load_two(state);

	for (int vcpu = 0; !ret && vcpu < 2; vcpu++)
		s2_world_access(w, 0, vcpu, 600, S2_ACCESS_READ);
	return ret ? ret : w->error;
}

int s2_world_vcpu1_runs(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load(w, 0, 1, 1);

	if (!ret)
		s2_world_access(w, 0, 1, 0, S2_ACCESS_READ);
	return ret ? ret : w->error;
}

int s2_world_writer_runs(void *state)
{
	struct s2_world *w = state;
	int ret = s2_world_load(w, 0, 0, 2);

	if (!ret)
		s2_world_access(w, 0, 0, 0, S2_ACCESS_WRITE);
	return ret ? ret : w->error;
}

void s2_world_unmap_page(void *state)
{
	struct s2_world *w = state;

	s2_world_expect(w, s2_vm_unmap_hva(w->vm[0], s2_world_cpu(w, 0), s2_va(S2_WORLD_HVA),
					   S2_WORLD_PAGE, S2_UNMAP_SWAP));
}

void s2_world_vcpu0_writes(void *state)
{
	s2_world_access(state, 0, 0, 0, S2_ACCESS_WRITE);
}

void s2_world_vcpu1_writes(void *state)
{
	s2_world_access(state, 0, 1, 0, S2_ACCESS_WRITE);
}
