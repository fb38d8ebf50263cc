/* SPDX-License-Identifier: MIT */
/* Loops over arrays of accesses; see native.h. */
#include "native.h"

static enum s2_access kind_at(const struct s2_many *many, size_t i)
{
	return (enum s2_access)(many->kinds != NULL ? many->kinds[i] : many->kind);
}

int s2_many_access(struct s2_vcpu *vcpu, const struct s2_many *many, struct s2_many_done *done)
{
	*done = (struct s2_many_done){0};
	for (; done->done < many->n; done->done++) {
		const size_t i = done->done;
		const int64_t r =
			s2_vcpu_access(vcpu, s2_ipa(many->ipas[i]), many->size, kind_at(many, i));

		if (r < 0)
			return (int)r;
		done->faults += (uint64_t)r;
	}
	return 0;
}

int s2_many_guest_access(struct s2_vcpu *vcpu, struct s2_physics *p, const struct s2_many *many,
			 uint64_t *pas, struct s2_many_done *done)
{
	*done = (struct s2_many_done){0};
	for (; done->done < many->n; done->done++) {
		const size_t i = done->done;
		const struct s2_guest_access access = {
			.kind = kind_at(many, i),
			.va = s2_va(many->ipas[i]),
			.ipa = s2_ipa(many->ipas[i]),
			.cacheable = true,
		};
		struct s2_guest_result result;
		const int r = s2_vcpu_guest_access(vcpu, p, &access, &result);

		if (r < 0)
			return r;
		done->faults += (uint64_t)r;
		done->hits += result.hit;
		if (pas != NULL)
			pas[i] = result.pa.v;
	}
	return 0;
}
