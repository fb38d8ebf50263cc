/* SPDX-License-Identifier: MIT */
#include "hyp/vm/kernel.h"

#include "hyp/known.h"

static const struct s2_vm_kernel *the_kernel;

void s2_kernel_set(const struct s2_flavour *flavour, const struct s2_vm_kernel *kernel)
{
	s2_flavour_add(flavour);
	the_kernel = kernel;
}

const struct s2_vm_kernel *s2_kernel_of(const struct s2_flavour *flavour)
{
	const struct s2_flavour *added = s2_flavour_added();

	/* A copy has the same name, not a like one. */
	return added && flavour && flavour->name == added->name ? the_kernel : NULL;
}

int s2_kernel_boot(const struct s2_flavour *flavour, struct s2_machine *m)
{
	const struct s2_vm_kernel *kernel = s2_kernel_of(flavour);

	return kernel ? kernel->boot(m) : 0;
}
