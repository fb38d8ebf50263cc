/* SPDX-License-Identifier: MIT */
#include "hyp/vm/kernel.h"

#include <string.h>

#include "hyp/known.h"

static const struct s2_vm_kernel *the_kernel;

void s2_kernel_set(const struct s2_flavour *flavour, const struct s2_vm_kernel *kernel)
{
	s2_flavour_add(flavour);
	the_kernel = kernel;
}

/* Costs are chosen by none but S2_RANGE_BY_COST. */
static bool same_choices(const struct s2_flavour *flavour, const struct s2_flavour *added)
{
	struct s2_flavour copy;

	memcpy(&copy, flavour, sizeof(copy));
	if (copy.range_calls != S2_RANGE_BY_COST)
		copy.costs = added->costs;
	return !memcmp(&copy, added, sizeof(copy));
}

const struct s2_vm_kernel *s2_kernel_of(const struct s2_flavour *flavour)
{
	const struct s2_flavour *added = s2_flavour_added();

	/* A copy of it has the same name, not a like one. */
	if (!added || !flavour || flavour->name != added->name)
		return NULL;
	return same_choices(flavour, added) ? the_kernel : NULL;
}

int s2_vm_prepare(struct s2_machine *m, const struct s2_flavour *flavour)
{
	const struct s2_vm_kernel *kernel = s2_kernel_of(flavour);

	return kernel ? kernel->boot(m) : 0;
}
