/* SPDX-License-Identifier: MIT */
/* Making a vgic and its vcpus. */
#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/sgi/sgi_dispatch.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vcpu_tables.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"
#include "hyp/vgic/regs/vgic_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* KVM_VGIC_DEFAULT: 256 interrupts, of which 32 are private. */
#define DEFAULT_SPIS	 224U
#define MIN_IRQS	 64U
#define MAX_IRQS	 1024U
#define IRQ_STEP	 32U
/* Inner cacheable RaWb, inner shareable. */
#define PENDBASER_RESET \
	(s2_field_put(3, S2_GICR_BASER_INNER_CACHE) | s2_field_put(1, S2_GICR_BASER_SHARE))

static const struct s2_lookup_ops *const lookups[S2_LOOKUPS] = {
	[S2_LOOKUP_SCAN] = &s2_lookup_scan_ops,
	[S2_LOOKUP_TABLE_FINAL] = &s2_lookup_table_final_ops,
	[S2_LOOKUP_TABLE] = &s2_lookup_table_ops,
	[S2_LOOKUP_HASH] = &s2_lookup_hash_ops,
};

static const s2_sgi_dispatch_fn dispatches[S2_SGI_DISPATCHES] = {
	[S2_SGI_WALK] = s2_sgi_walk,
	[S2_SGI_BITS] = s2_sgi_bits,
	[S2_SGI_BITS_WALK] = s2_sgi_bits_walk,
	[S2_SGI_ROWS] = s2_sgi_rows,
};

static const s2_sgi_dispatch_fn broadcasts[S2_SGI_BROADCASTS] = {
	[S2_BROADCAST_BY_INDEX] = s2_broadcast_by_index,
	[S2_BROADCAST_PLAIN] = s2_broadcast_plain,
	[S2_BROADCAST_MATRIX] = s2_broadcast_matrix,
};

static void fill_defaults(struct s2_vgic_config *cfg, const struct s2_machine *m)
{
	if (!cfg->max_vcpus)
		cfg->max_vcpus = S2_VGIC_MAX_CPUS;
	if (!cfg->page_shift)
		cfg->page_shift = (unsigned)m->features.granule;
	if (!cfg->ipa_bits)
		cfg->ipa_bits = S2_DEFAULT_IPA_BITS;
	if (!cfg->revision)
		cfg->revision = S2_REVISION_IR;
}

static int vgic_check_config(const struct s2_vgic_config *cfg)
{
	if (cfg->gicv2 || cfg->its || cfg->nested)
		return -EOPNOTSUPP;
	if (cfg->max_vcpus > S2_VGIC_MAX_CPUS || cfg->page_shift < 12U || cfg->page_shift > 16U)
		return -EINVAL;
	if (cfg->ipa_bits < 32U || cfg->ipa_bits > 52U)
		return -EINVAL;
	if (cfg->revision != 2U && cfg->revision != 3U)
		return -EINVAL;
	if (cfg->bug && (cfg->bug <= S2_BUG_STAGE2_LAST || cfg->bug > S2_BUG_VGIC_LAST))
		return -EINVAL;
	if ((unsigned)cfg->routing.lookup >= S2_LOOKUPS ||
	    (unsigned)cfg->routing.dispatch >= S2_SGI_DISPATCHES ||
	    (unsigned)cfg->routing.broadcast >= S2_SGI_BROADCASTS)
		return -EINVAL;
	if (cfg->group_rule != S2_SGI_GROUP_KVM && cfg->group_rule != S2_SGI_GROUP_EQUAL)
		return -EINVAL;
	return cfg->overflow == S2_OVERFLOW_UIE || cfg->overflow == S2_OVERFLOW_NPIE ? 0 : -EINVAL;
}

/* Bugs of routing take the place of what was chosen, and no short way round them. */
static void put_in_bug(struct s2_vgic *vgic, enum s2_bug bug)
{
	const s2_sgi_dispatch_fn dispatch = s2_sgi_bug_dispatch(bug);
	const struct s2_lookup_ops *lookup = s2_lookup_bug_ops(bug);

	if (dispatch)
		vgic->dispatch = dispatch;
	if (lookup)
		vgic->lookup = lookup;
	if (dispatch || lookup)
		vgic->send = s2_sgi_send;
}

static void init_vgic(struct s2_vgic *vgic, struct s2_machine *m, const struct s2_vgic_config *cfg)
{
	vgic->machine = m;
	vgic->cfg = *cfg;
	vgic->lookup = lookups[cfg->routing.lookup];
	vgic->send = s2_sgi_send_for(cfg);
	vgic->dispatch = dispatches[cfg->routing.dispatch];
	vgic->broadcast = broadcasts[cfg->routing.broadcast];
	put_in_bug(vgic, cfg->bug);
	vgic->revision = cfg->revision;
	vgic->nassgicap = cfg->gicv4_1;
	vgic->dist_base = S2_ADDR_UNDEF;
	memset(vgic->by_id, 0xff, sizeof(vgic->by_id));
	memset(vgic->cpu_of, 0xff, sizeof(vgic->cpu_of));
}

int s2_vgic_create(struct s2_machine *m, const struct s2_vgic_config *cfg, struct s2_vgic **out)
{
	struct s2_vgic_config full = *cfg;
	struct s2_vgic *vgic;
	int ret;

	fill_defaults(&full, m);
	ret = vgic_check_config(&full);
	if (ret)
		return ret;
	vgic = calloc(1, sizeof(*vgic));
	if (!vgic)
		return -ENOMEM;
	init_vgic(vgic, m, &full);
	vgic->sgi = calloc((size_t)S2_N_SGIS * full.max_vcpus, sizeof(*vgic->sgi));
	if (!vgic->sgi) {
		free(vgic);
		return -ENOMEM;
	}
	*out = vgic;
	return 0;
}

void s2_vgic_destroy(struct s2_vgic *vgic)
{
	if (!vgic)
		return;
	s2_mpidr_table_drop(vgic);
	s2_vcpu_hash_drop(vgic);
	s2_rows_drop(vgic);
	free(vgic->aside);
	/* A thread that an explorer leaves may have one made that is not online yet. */
	for (unsigned i = 0; i < S2_VGIC_MAX_CPUS && vgic->vcpu[i]; i++) {
		if (vgic->vcpu[i]->cpu)
			vgic->vcpu[i]->cpu->ich_of = NULL;
		free(vgic->vcpu[i]);
	}
	free(vgic->regions);
	free(vgic->resamplers);
	free(vgic->spi);
	free(vgic->sgi);
	free(vgic);
}

size_t s2_vgic_memory(const struct s2_vgic *vgic)
{
	size_t bytes = sizeof(*vgic) + vgic->n_vcpus * sizeof(struct s2_vgic_cpu);

	bytes += sizeof(struct s2_irq) * ((size_t)S2_N_SGIS * vgic->cfg.max_vcpus);
	bytes += vgic->spi ? sizeof(struct s2_irq) * vgic->n_spis : 0;
	bytes += vgic->resamplers ? sizeof(*vgic->resamplers) * vgic->n_spis : 0;
	bytes += vgic->n_regions * sizeof(*vgic->regions);
	if (vgic->table.entry)
		bytes += sizeof(uint16_t) << vgic->table.gather.bits;
	if (vgic->hash.slot)
		bytes += sizeof(uint16_t) << vgic->hash.shift;
	if (vgic->rows.row)
		bytes += sizeof(struct s2_cluster_row) << vgic->rows.shift;
	return bytes;
}

unsigned s2_vgic_lock_faults(const struct s2_vgic *vgic)
{
	return vgic->locks.faults;
}

static void vcpus_changed(struct s2_vgic *vgic)
{
	s2_vgic_config_lock(vgic);
	if (vgic->lookup->vcpus_changed)
		vgic->lookup->vcpus_changed(vgic);
	if (vgic->rows.row)
		s2_rows_build(vgic);
	s2_vgic_config_unlock(vgic);
}

static void reset_vcpu(struct s2_vgic_cpu *vcpu, struct s2_vgic *vgic, uint32_t id)
{
	vcpu->vgic = vgic;
	vcpu->id = id;
	vcpu->index = (uint16_t)vgic->n_vcpus;
	vcpu->mpidr = s2_mpidr_from_id(id);
	vcpu->region = S2_NO_VCPU;
	vcpu->rd_base = S2_ADDR_UNDEF;
	vcpu->pendbaser = PENDBASER_RESET;
	(void)s2_ich_reset(&vcpu->ich, s2_ich_lrs(&vgic->machine->cpus[0].ich));
}

int s2_vgic_add_vcpu(struct s2_vgic *vgic, uint32_t id, struct s2_vgic_cpu **out)
{
	struct s2_vgic_cpu *vcpu;
	int ret;

	if (id >= vgic->cfg.max_vcpus)
		return -EINVAL;
	if (vgic->by_id[id] != S2_NO_VCPU)
		return -EEXIST;
	if (vgic->initialised && !vgic->cfg.late_vcpus)
		return -EBUSY;
	vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return -ENOMEM;
	reset_vcpu(vcpu, vgic, id);
	ret = s2_redist_register(vcpu);
	if (ret) {
		free(vcpu);
		return ret;
	}
	vgic->vcpu[vcpu->index] = vcpu;
	vgic->hwid[vcpu->index] = s2_mpidr_hwid(vcpu->mpidr).v;
	vgic->by_id[id] = vcpu->index;
	s2_irq_reset_private(vgic, vcpu->index);
	/* smp_wmb() in kvm_vm_ioctl_create_vcpu(): who finds it finds it whole. */
	s2_vgic_touch(vgic, "online_vcpus", true);
	vgic->n_vcpus++;
	vcpus_changed(vgic);
	if (out)
		*out = vcpu;
	return 0;
}

/* SPIs of a vcpu that goes away have no target, as if IROUTER named nobody. */
static void forget_spis(struct s2_vgic *vgic, uint16_t index)
{
	/* Before s2_vgic_init() they are only a number. */
	for (unsigned i = 0; vgic->spi && i < vgic->n_spis; i++) {
		struct s2_irq *irq = &vgic->spi[i];

		if (irq->vcpu == index) {
			s2_ap_list_remove(&vgic->vcpu[index]->ap_list, irq);
			vgic->spis_listed--;
		}
		if (irq->target == index)
			irq->target = S2_NO_VCPU;
	}
}

static void forget_bits(struct s2_vgic *vgic, uint16_t index)
{
	s2_vcpu_set_to(&vgic->blocked, index, false);
	s2_vcpu_set_to(&vgic->requested, index, false);
	s2_vcpu_set_to(&vgic->has_mail, index, false);
	for (unsigned i = 0; i < S2_N_SGIS; i++)
		s2_vcpu_set_to(&vgic->mail[i], index, false);
}

int s2_vgic_remove_vcpu(struct s2_vgic_cpu *vcpu)
{
	struct s2_vgic *vgic = vcpu->vgic;

	if (vcpu->cpu || vcpu->index + 1U != vgic->n_vcpus)
		return -EBUSY;
	forget_spis(vgic, vcpu->index);
	forget_bits(vgic, vcpu->index);
	s2_redist_unregister(vcpu);
	vgic->by_id[vcpu->id] = S2_NO_VCPU;
	vgic->vcpu[vcpu->index] = NULL;
	vgic->n_vcpus--;
	free(vcpu);
	vcpus_changed(vgic);
	return 0;
}

unsigned s2_vgic_vcpus(const struct s2_vgic *vgic)
{
	return vgic->n_vcpus;
}

struct s2_vgic_cpu *s2_vgic_vcpu(struct s2_vgic *vgic, unsigned index)
{
	return index < vgic->n_vcpus ? vgic->vcpu[index] : NULL;
}

struct s2_vgic_cpu *s2_vgic_vcpu_by_id(struct s2_vgic *vgic, uint32_t id)
{
	if (id >= vgic->cfg.max_vcpus || vgic->by_id[id] == S2_NO_VCPU)
		return NULL;
	return vgic->vcpu[vgic->by_id[id]];
}

unsigned s2_vgic_vcpu_index(const struct s2_vgic_cpu *vcpu)
{
	return vcpu->index;
}

uint32_t s2_vgic_vcpu_id(const struct s2_vgic_cpu *vcpu)
{
	return vcpu->id;
}

void s2_vgic_set_mpidr(struct s2_vgic_cpu *vcpu, struct s2_mpidr mpidr)
{
	struct s2_vgic *vgic = vcpu->vgic;

	s2_vgic_config_lock(vgic);
	s2_vgic_touch(vgic, "a vcpu's MPIDR", true);
	vcpu->mpidr = mpidr;
	vgic->hwid[vcpu->index] = s2_mpidr_hwid(mpidr).v;
	if (vgic->lookup->mpidr_changed)
		vgic->lookup->mpidr_changed(vgic);
	if (vgic->rows.row)
		s2_rows_build(vgic);
	s2_vgic_config_unlock(vgic);
}

struct s2_mpidr s2_vgic_mpidr(const struct s2_vgic_cpu *vcpu)
{
	return vcpu->mpidr;
}

struct s2_vgic_cpu *s2_vgic_lookup(struct s2_vgic *vgic, struct s2_cpu *cpu, struct s2_mpidr mpidr)
{
	uint16_t index;

	if (!s2_vgic_has_cpu(vgic, cpu))
		return NULL;
	index = s2_mpidr_to_vcpu(vgic, cpu, mpidr);
	return index == S2_NO_VCPU ? NULL : vgic->vcpu[index];
}

bool s2_vgic_has_index(const struct s2_vgic *vgic)
{
	return vgic->lookup->has_index && vgic->lookup->has_index(vgic);
}

int s2_vgic_set_nr_irqs(struct s2_vgic *vgic, unsigned n)
{
	if (n < MIN_IRQS || n > MAX_IRQS || n % IRQ_STEP)
		return -EINVAL;
	if (vgic->initialised || vgic->n_spis)
		return -EBUSY;
	vgic->n_spis = n - S2_GIC_PRIVATE_IRQS;
	return 0;
}

int s2_vgic_init(struct s2_vgic *vgic)
{
	const unsigned n = vgic->n_spis ? vgic->n_spis : DEFAULT_SPIS;

	if (vgic->initialised)
		return 0;
	vgic->spi = calloc(n, sizeof(*vgic->spi));
	if (!vgic->spi)
		return -ENOMEM;
	vgic->n_spis = n;
	for (unsigned i = 0; i < n; i++)
		s2_irq_reset_spi(vgic, i);
	vgic->initialised = true;
	return 0;
}
