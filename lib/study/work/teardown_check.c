/* SPDX-License-Identifier: MIT */
/* Which dying VMs there can be; see teardown.h. */
#include "study/work/teardown.h"

#include <errno.h>
#include <inttypes.h>

#include "study/work/vm_check.h"

static int teardown_check_refuse(struct s2_error *err, const char *option, uint64_t got,
				 const char *expected)
{
	s2_error_set(err, 1, "--%s: got %" PRIu64 ", expected %s", option, got, expected);
	return -EINVAL;
}

static int check_sizes(const struct s2_dying *d, const struct s2_features *f, struct s2_error *err)
{
	uint64_t page = UINT64_C(1) << f->granule;

	if (s2_check_backing(d->backing, f, err))
		return -EINVAL;
	if (!d->memory || d->memory % d->backing)
		return teardown_check_refuse(err, "memory", d->memory, "a multiple of --backing");
	if (d->every % d->backing || d->every > d->memory)
		return teardown_check_refuse(err, "every", d->every,
					     "a multiple of --backing, at most --memory; or 0");
	if (d->swapped > d->memory || d->swapped % page)
		return teardown_check_refuse(err, "swapped", d->swapped,
					     "whole pages, at most --memory");
	if (d->remade > d->memory || d->remade % d->backing)
		return teardown_check_refuse(err, "remade", d->remade,
					     "a multiple of --backing, at most --memory");
	if (d->remade && (d->backing == page || d->every > d->backing))
		return teardown_check_refuse(
			err, "remade", d->remade,
			"0 unless --backing is a block and all memory is mapped");
	return 0;
}

static int check_space(const struct s2_dying *d, const struct s2_features *f,
		       const struct s2_flavour *flavour, struct s2_error *err)
{
	unsigned pa_bits = f->pa_bits < 48 ? f->pa_bits : 48;
	const unsigned bits = s2_check_ipa_bits_for(d->ipa_bits, S2_DYING_BASE, d->memory);
	const unsigned most = s2_check_ipa_limit(f, flavour);
	uint64_t ipa_limit = UINT64_C(1) << (bits < most ? bits : most);
	/* Table pages have the upper half of the PA space; memory begins at 4 GiB. */
	uint64_t pa_room = (UINT64_C(1) << (pa_bits - 1)) - 4 * S2_DYING_BASE;

	if (s2_check_ipa_bits(d->ipa_bits, f, flavour, err))
		return -EINVAL;
	if (d->memory > ipa_limit - S2_DYING_BASE)
		return teardown_check_refuse(err, "memory", d->memory,
					     "less, from 1 GiB on, than --ipa-bits, the machine and the flavour have room for");
	if (d->memory > pa_room)
		return teardown_check_refuse(err, "memory", d->memory,
					     "less than half the machine's PA space");
	return 0;
}

static int check_cpus(const struct s2_dying *d, const struct s2_features *f, struct s2_error *err)
{
	/* KVM needs more VMIDs than CPUs, and number 0 is reserved. */
	uint64_t most = (UINT64_C(1) << f->vmid_bits) - 2;

	if (most > S2_MAX_CPUS)
		most = S2_MAX_CPUS;
	if (d->vcpus + d->beside <= most)
		return 0;
	if (d->vcpus <= most)
		return teardown_check_refuse(
			err, "beside", d->beside,
			"fewer: each vcpu has a CPU, and the machine too few VMIDs");
	return teardown_check_refuse(err, "vcpus", d->vcpus,
				     "fewer: a CPU each, and the machine has too few VMIDs");
}

int s2_death_check(const struct s2_dying *dying, const struct s2_features *features,
		   const struct s2_flavour *flavour, struct s2_error *err)
{
	int ret = check_sizes(dying, features, err);

	if (!ret)
		ret = check_space(dying, features, flavour, err);
	return ret ? ret : check_cpus(dying, features, err);
}
