/* SPDX-License-Identifier: MIT */
/* What a physics keeps of TLBs, as one digest: for who asks whether two states are one. */
#include "machine/residue.h"

/* Fields apart from words: those are of one length. */
static void fold_head(struct s2_digest *d, const struct s2_group *g)
{
	s2_digest_fold(d, (uint64_t)g->vm->vmid.v << 32 | (uint64_t)(uint8_t)g->level << 16 |
				  (uint64_t)g->stage << 8 | g->step_log2);
	s2_digest_fold(d, g->ipa);
	s2_digest_fold(d, g->base);
	s2_digest_fold(d, (uint64_t)g->n << 32 | (uint64_t)g->store_cpu << 8 |
				  (uint64_t)(g->all && g->local_all) << 5 | (uint64_t)g->all << 4 |
				  (uint64_t)g->table << 3 | (uint64_t)g->below << 2 |
				  (uint64_t)g->conflict << 1 | g->local);
}

/*
 * Of the storer's epochs only whether a DSB has come since makes a difference: it never
 * goes away again.
 */
static void fold_progress(struct s2_digest *d, const struct s2_residues *res, struct s2_group *g)
{
	if (g->stage == S2_RESIDUE_STORED) {
		s2_digest_fold(d, s2_group_visible(res, g, false, 0));
		s2_digest_fold(d, s2_group_visible(res, g, true, g->store_cpu));
		return;
	}
	for (unsigned i = 0; i < res->cpu_words; i++) {
		s2_digest_fold(d, s2_group_pending(res, g)[i]);
		s2_digest_fold(d, g->all ? s2_group_all(res, g)[i] : 0);
	}
}

static struct s2_digest digest_group(const struct s2_residues *res, struct s2_group *g)
{
	struct s2_digest d = {1, 2};

	fold_head(&d, g);
	for (unsigned i = 0; i < res->page_words + res->cpu_words; i++)
		s2_digest_fold(&d, g->words[i]);
	fold_progress(&d, res, g);
	return d;
}

static void add_list(const struct s2_residues *res, const struct s2_link *list, struct s2_digest *d)
{
	for (struct s2_link *link = list->next; link != list; link = link->next)
		s2_digest_add(d, digest_group(res, (struct s2_group *)(void *)link));
}

/* Of a page that is not linked: which subtree it is part of, if that is still what it was. */
static struct s2_digest digest_page(const struct s2_residues *res, const struct s2_table_meta *meta,
				    uint64_t pa)
{
	struct s2_digest d = {3, 4};

	s2_digest_fold(&d, pa);
	s2_digest_fold(&d, (uint64_t)meta->linked << 8 | (uint8_t)meta->level);
	if (meta->linked) {
		s2_digest_fold(&d, meta->page);
		s2_digest_fold(&d, meta->vm->vmid.v);
	} else if (meta->unlinked->serial == meta->page) {
		s2_digest_add(&d, digest_group(res, meta->unlinked));
	}
	return d;
}

static void add_pages(const struct s2_residues *res, struct s2_digest *d)
{
	const uint64_t per_slab = UINT64_C(1) << (S2_SLAB_SHIFT - res->page_shift);

	for (size_t i = 0; i < res->n_meta; i++)
		for (uint64_t k = 0; res->meta[i] && k < per_slab; k++) {
			const struct s2_table_meta *meta = &res->meta[i][k];

			if (meta->linked || meta->unlinked)
				s2_digest_add(d, digest_page(res, meta,
							     (uint64_t)i << S2_SLAB_SHIFT |
								     k << res->page_shift));
		}
}

void s2_residues_digest(const struct s2_residues *res, struct s2_digest *d)
{
	for (const struct s2_res_vm *vm = res->vms; vm; vm = vm->next) {
		struct s2_digest known = {5, 6};

		s2_digest_fold(&known, (uint64_t)vm->vmid.v << 32 | vm->linked);
		s2_digest_add(d, known);
		add_list(res, &vm->idle, d);
		add_list(res, &vm->active, d);
	}
	add_list(res, &res->pending, d);
	add_pages(res, d);
}

void s2_physics_digest(const struct s2_physics *p, struct s2_digest *d)
{
	for (unsigned i = 0; i < p->n_cpus; i++) {
		const struct s2_phys_cpu *cpu = &p->cpus[i];

		s2_digest_fold(d, cpu->issued.vtcr);
		s2_digest_fold(d, cpu->issued.vttbr);
		s2_digest_fold(d, cpu->issued.hcr);
		s2_digest_fold(d, cpu->effective.vtcr);
		s2_digest_fold(d, cpu->effective.vttbr);
		s2_digest_fold(d, cpu->effective.hcr);
		s2_digest_fold(d, (uint64_t)cpu->in_guest << 1 | cpu->draining);
	}
	s2_residues_digest(p->residues, d);
}
