/* SPDX-License-Identifier: MIT */
/* Whether a migration can be, and its arithmetic; see migrate.h. */
#include "study/work/migrate.h"

#include <errno.h>
#include <inttypes.h>

#include "study/work/vm_check.h"

/* KVM_CLEAR_DIRTY_LOG takes whole words of its bitmap. */
#define WORD_PAGES 64

/* Costs are compared as integers: millionths. */
#define COST_UNIT 1e6

static int migrate_check_refuse(struct s2_error *err, const char *text)
{
	s2_error_set(err, 1, "%s", text);
	return -EINVAL;
}

unsigned s2_migrate_ipa_bits(uint64_t slot)
{
	return s2_check_ipa_bits_for(0, S2_MIGRATE_BASE, slot);
}

uint64_t s2_migrate_held(const struct s2_migrate *mig, const struct s2_features *features)
{
	/* Translations are pages once blocks are split. */
	uint64_t size = mig->split ? UINT64_C(1) << features->granule : mig->backing;
	uint64_t used = (mig->working_set + size - 1) / size;

	return used < mig->tlb ? used : mig->tlb;
}

struct s2_flush_costs s2_migrate_costs(const struct s2_migrate *mig,
				       const struct s2_features *features, bool span)
{
	const double held = (double)s2_migrate_held(mig, features);
	const double share = span ? (double)mig->chunk / (double)mig->slot : 1;
	const struct s2_flush_costs costs = {
		.range_op = (uint64_t)(mig->range_op * COST_UNIT + 0.5),
		.refill = (uint64_t)(mig->ratio * COST_UNIT + 0.5),
		.lost_entries =
			(uint64_t)((held - held * (1 - mig->outside) * share) * (double)mig->vcpus +
				   0.5),
	};

	return costs;
}

static int migrate_check_check_slot(const struct s2_migrate *mig, const struct s2_features *f,
				    const struct s2_flavour *flavour, struct s2_error *err)
{
	const uint64_t bits = mig->ipa_bits ? mig->ipa_bits : s2_migrate_ipa_bits(mig->slot);
	const unsigned most = s2_check_ipa_limit(f, flavour);

	if (s2_check_backing(mig->backing, f, err) ||
	    s2_check_ipa_bits(mig->ipa_bits, f, flavour, err))
		return -EINVAL;
	if (!mig->slot || mig->slot % mig->backing) {
		s2_error_set(err, 1,
			     "--slot: got %" PRIu64 " bytes, expected a multiple of --backing "
			     "(%" PRIu64 ")",
			     mig->slot, mig->backing);
		return -EINVAL;
	}
	if (bits > most || mig->slot > (UINT64_C(1) << bits) - S2_MIGRATE_BASE) {
		s2_error_set(err, 1,
			     "--slot: %" PRIu64 " bytes from 1 GiB on pass the IPA limit, expected "
			     "less: --ipa-bits %" PRIu64 ", machine and flavour %u bits",
			     mig->slot, bits, most);
		return -EINVAL;
	}
	return 0;
}

static int check_dirty(const struct s2_migrate *mig, const struct s2_features *f,
		       struct s2_error *err)
{
	const uint64_t pages = mig->slot >> f->granule;

	if (!mig->dirty || mig->dirty > pages) {
		s2_error_set(err, 1,
			     "--dirty: got %" PRIu64 " pages, expected 1 to the slot's %" PRIu64,
			     mig->dirty, pages);
		return -EINVAL;
	}
	if (!mig->run || mig->run > mig->dirty)
		return migrate_check_refuse(err, "--run: expected 1 to --dirty pages");
	if (mig->reads > pages)
		return migrate_check_refuse(err, "--reads: expected at most the slot's pages");
	if (mig->chunk % ((uint64_t)WORD_PAGES << f->granule) || !mig->chunk)
		return migrate_check_refuse(
			err, "--chunk: expected a multiple of 64 pages (64p), as the ioctl "
			     "takes");
	if (mig->chunk > mig->slot)
		return migrate_check_refuse(err, "--chunk: expected at most --slot");
	return 0;
}

static int check_log(const struct s2_migrate *mig, const struct s2_features *f,
		     const struct s2_flavour *flavour, struct s2_error *err)
{
	if (mig->initially_set && !mig->manual)
		return migrate_check_refuse(err, "--initially-set: expected only with --manual");
	if (mig->split && !flavour->split)
		return migrate_check_refuse(
			err, "--split: this flavour has no eager splitting, expected 0");
	if (mig->split && !s2_check_is_leaf_size(f, mig->split))
		return migrate_check_refuse(
			err, "--split: expected 0, a page of the machine or a block that "
			     "KVM maps");
	/* One CPU more for the VMM. */
	if (s2_check_vcpus(mig->vcpus, 1, f, err))
		return -EINVAL;
	return mig->outside > 1 ? migrate_check_refuse(err, "--outside: expected a share, 0 to 1")
				: 0;
}

int s2_migrate_check(const struct s2_migrate *mig, const struct s2_features *features,
		     const struct s2_flavour *flavour, struct s2_error *err)
{
	int ret = migrate_check_check_slot(mig, features, flavour, err);

	if (!ret)
		ret = check_dirty(mig, features, err);
	if (!ret)
		ret = check_log(mig, features, flavour, err);
	if (!ret && (mig->ratio > 1000 || mig->range_op > 1000))
		ret = migrate_check_refuse(
			err, "--ratio, --range-op: expected at most 1000 flush sequences");
	return ret;
}
