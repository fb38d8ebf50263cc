/* SPDX-License-Identifier: MIT */
/*
 * Where the distributor and the redistributors are: vgic-kvm-device.c,
 * vgic-mmio-v3.c.
 *
 * Redistributors stand in regions of a fixed number of slots, filled in the
 * order in which vcpus are made; or in the one legacy region, which has as
 * many slots as there are vcpus.
 */
#include "hyp/vgic/state/irq.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/regs/vgic_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEGACY_COUNT 0U
#define BASE_ALIGN   S2_GICR_FRAME_SIZE

static uint64_t region_size(const struct s2_vgic *vgic, const struct s2_redist_region *r)
{
	return (r->count == LEGACY_COUNT ? vgic->n_vcpus : r->count) * S2_GICR_SIZE;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

static bool overlaps_region(const struct s2_vgic *vgic, uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < vgic->n_regions; i++)
		if (overlap(base, size, vgic->regions[i].base,
			    region_size(vgic, &vgic->regions[i])))
			return true;
	return false;
}

static bool overlaps_dist(const struct s2_vgic *vgic, uint64_t base, uint64_t size)
{
	return vgic->dist_base != S2_ADDR_UNDEF &&
	       overlap(base, size, vgic->dist_base, S2_GICD_SIZE);
}

/* vgic_check_iorange() */
static int vgic_region_check_range(const struct s2_vgic *vgic, uint64_t base, uint64_t size)
{
	const uint64_t limit = UINT64_C(1) << vgic->cfg.ipa_bits;

	if (base % BASE_ALIGN)
		return -EINVAL;
	if (base + size < base)
		return -EINVAL;
	return base >= limit || base + size > limit ? -E2BIG : 0;
}

int s2_vgic_set_dist(struct s2_vgic *vgic, struct s2_ipa base)
{
	const int ret = vgic_region_check_range(vgic, base.v, S2_GICD_SIZE);

	if (ret)
		return ret;
	if (vgic->dist_base != S2_ADDR_UNDEF)
		return -EEXIST;
	vgic->dist_base = base.v;
	return 0;
}

/* vgic_v3_rdist_free_slot() */
static struct s2_redist_region *free_slot(struct s2_vgic *vgic)
{
	for (unsigned i = 0; i < vgic->n_regions; i++) {
		struct s2_redist_region *r = &vgic->regions[i];

		if (r->count == LEGACY_COUNT || r->free_index < r->count)
			return r;
	}
	return NULL;
}

/* vgic_v3_check_base() */
static bool bases_are_sound(const struct s2_vgic *vgic)
{
	for (unsigned i = 0; i < vgic->n_regions; i++) {
		const struct s2_redist_region *r = &vgic->regions[i];
		const uint64_t size = region_size(vgic, r);

		if (vgic_region_check_range(vgic, r->base, size) ||
		    overlaps_dist(vgic, r->base, size))
			return false;
	}
	return true;
}

int s2_redist_register(struct s2_vgic_cpu *vcpu)
{
	struct s2_vgic *vgic = vcpu->vgic;
	struct s2_redist_region *r = free_slot(vgic);

	/* No room is no error yet: another region may be to come. */
	if (!r || vcpu->region != S2_NO_VCPU)
		return 0;
	/* By the vcpus that there are: whether the new one fits is for the first run to say. */
	if (!bases_are_sound(vgic))
		return -EINVAL;
	vcpu->region = (uint16_t)(r - vgic->regions);
	vcpu->slot = (uint16_t)r->free_index++;
	vcpu->rd_base = r->base + vcpu->slot * S2_GICR_SIZE;
	return 0;
}

/* Slots are given out in order, so only the last can be given back. */
void s2_redist_unregister(struct s2_vgic_cpu *vcpu)
{
	struct s2_redist_region *r;

	if (vcpu->region == S2_NO_VCPU)
		return;
	r = &vcpu->vgic->regions[vcpu->region];
	if (r->free_index == vcpu->slot + 1U)
		r->free_index--;
	vcpu->region = S2_NO_VCPU;
	vcpu->rd_base = S2_ADDR_UNDEF;
}

/* vgic_register_all_redist_iodevs(); on an error those already done are undone, newest first. */
static int register_all(struct s2_vgic *vgic, uint16_t region)
{
	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		const int ret = s2_redist_register(vgic->vcpu[i]);

		if (!ret)
			continue;
		/* Not "c >= 0": the counter is unsigned. */
		for (unsigned c = i; c-- > 0;)
			if (vgic->vcpu[c]->region == region)
				s2_redist_unregister(vgic->vcpu[c]);
		return ret;
	}
	return 0;
}

static int append_region(struct s2_vgic *vgic, uint64_t base, uint32_t count)
{
	struct s2_redist_region *grown;
	int ret;

	if (vgic->n_regions == S2_MAX_REGIONS)
		return -ENOSPC;
	grown = realloc(vgic->regions, (vgic->n_regions + 1U) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	vgic->regions = grown;
	grown[vgic->n_regions].base = base;
	grown[vgic->n_regions].count = count;
	grown[vgic->n_regions].free_index = 0;
	vgic->n_regions++;
	ret = register_all(vgic, (uint16_t)(vgic->n_regions - 1U));
	if (ret)
		vgic->n_regions--;
	return ret;
}

int s2_vgic_set_redist(struct s2_vgic *vgic, struct s2_ipa base)
{
	const uint64_t size = vgic->n_vcpus * S2_GICR_SIZE;
	int ret = vgic_region_check_range(vgic, base.v, S2_GICR_SIZE);

	if (ret)
		return ret;
	if (vgic->n_regions)
		return vgic->regions[0].count == LEGACY_COUNT ? -EEXIST : -EINVAL;
	ret = vgic_region_check_range(vgic, base.v, size);
	if (ret)
		return ret;
	if (overlaps_dist(vgic, base.v, size))
		return -EINVAL;
	return append_region(vgic, base.v, LEGACY_COUNT);
}

/* What vgic_v3_alloc_redist_region() refuses before it looks at the place. */
static int check_region_attr(const struct s2_vgic *vgic, uint64_t attr)
{
	if (attr & S2_REDIST_REGION_FLAGS)
		return -EINVAL;
	if (!(attr & S2_REDIST_REGION_COUNT))
		return -EINVAL;
	if (vgic->n_regions && vgic->regions[0].count == LEGACY_COUNT)
		return -EINVAL;
	return s2_field_get(attr, S2_REDIST_REGION_INDEX) == vgic->n_regions ? 0 : -EINVAL;
}

int s2_vgic_add_redist_region(struct s2_vgic *vgic, uint64_t attr)
{
	const uint64_t base = attr & S2_REDIST_REGION_BASE;
	const uint32_t count = (uint32_t)s2_field_get(attr, S2_REDIST_REGION_COUNT);
	const uint64_t size = count * S2_GICR_SIZE;
	int ret = check_region_attr(vgic, attr);

	if (ret)
		return ret;
	if (overlaps_dist(vgic, base, size) || overlaps_region(vgic, base, size))
		return -EINVAL;
	ret = vgic_region_check_range(vgic, base, size);
	if (ret)
		return ret;
	return append_region(vgic, base, count);
}

int s2_vgic_get_redist_region(const struct s2_vgic *vgic, uint64_t *attr)
{
	const uint64_t index = s2_field_get(*attr, S2_REDIST_REGION_INDEX);

	if (index >= vgic->n_regions || vgic->regions[index].count == LEGACY_COUNT)
		return -ENOENT;
	*attr = index | vgic->regions[index].base |
		s2_field_put(vgic->regions[index].count, S2_REDIST_REGION_COUNT);
	return 0;
}

int s2_vgic_map_resources(struct s2_vgic *vgic)
{
	for (unsigned i = 0; i < vgic->n_vcpus; i++)
		if (vgic->vcpu[i]->rd_base == S2_ADDR_UNDEF)
			return -ENXIO;
	if (vgic->dist_base == S2_ADDR_UNDEF)
		return -ENXIO;
	if (!bases_are_sound(vgic))
		return -EINVAL;
	return vgic->initialised ? 0 : -EBUSY;
}

/* vgic_mmio_vcpu_rdist_is_last() */
bool s2_redist_is_last(const struct s2_vgic_cpu *vcpu)
{
	const struct s2_vgic *vgic = vcpu->vgic;
	const struct s2_redist_region *r;
	uint64_t end;

	if (vcpu->region == S2_NO_VCPU)
		return false;
	if (vgic->cfg.bug == S2_BUG_LAST_BY_INDEX)
		return vcpu->index + 1U == vgic->n_vcpus;
	r = &vgic->regions[vcpu->region];
	if (vcpu->slot + 1U < r->free_index)
		return false;
	if (r->count == LEGACY_COUNT || vcpu->slot + 1U != r->count)
		return true;
	/* A full region goes on in one that starts where it ends. */
	end = r->base + r->count * S2_GICR_SIZE;
	for (unsigned i = 0; i < vgic->n_regions; i++)
		if (vgic->regions[i].base == end && vgic->regions[i].free_index)
			return false;
	return true;
}

static bool inside(uint64_t addr, uint64_t base, uint64_t size)
{
	return base != S2_ADDR_UNDEF && addr >= base && addr - base < size;
}

int s2_vgic_resolve(struct s2_vgic *vgic, struct s2_ipa ipa, struct s2_vgic_frame *frame)
{
	if (inside(ipa.v, vgic->dist_base, S2_GICD_SIZE)) {
		frame->vcpu = NULL;
		frame->offset = (uint32_t)(ipa.v - vgic->dist_base);
		return 0;
	}
	for (unsigned i = 0; i < vgic->n_vcpus; i++) {
		if (!inside(ipa.v, vgic->vcpu[i]->rd_base, S2_GICR_SIZE))
			continue;
		frame->vcpu = vgic->vcpu[i];
		frame->offset = (uint32_t)(ipa.v - vgic->vcpu[i]->rd_base);
		return 0;
	}
	return -ENXIO;
}
