/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which MPIDR each vcpu has, as VMMs hand them out.
 *
 *     kvm         16 vcpus a cluster, as KVM resets them: Aff0 is the id's bits 3:0
 *     flat        Aff0 = 0 to 255, then Aff1
 *     cluster:N   Aff0 = 0 to N - 1, then Aff1
 *     FILE        a line each: a number, or Aff3.Aff2.Aff1.Aff0; # begins a comment
 *
 * A target list has 16 bits.  Without range selectors (ICC_CTLR_EL1.RSS, which KVM
 * does not offer) no write of ICC_SGI1R names a vcpu whose Aff0 is above 15.
 */
#ifndef STAGE2SIM_STUDY_SGI_LAYOUT_H
#define STAGE2SIM_STUDY_SGI_LAYOUT_H

#include <stage2sim/mpidr.h>

#include "study/base/error.h"

/**
 * The MPIDRs of @p n vcpus by @p spec, to be freed.
 * @param out set on success
 * @return 0; -EINVAL for a spec, a line, too few lines or an affinity given twice,
 *         the file's errno, -ENOMEM; with @p err set
 */
S2_API int s2_sgi_layout(const char *spec, unsigned n, struct s2_mpidr **out,
			 struct s2_error *err);

/** Whether no target list can name a vcpu of this MPIDR. */
S2_API bool s2_sgi_unreachable(struct s2_mpidr mpidr);

/** "16-63, 80" of those of @p n vcpus that no list can name; "" if there are none. Returns @p buf. */
S2_API const char *s2_sgi_unreachable_text(const struct s2_mpidr *mpidrs, unsigned n, char *buf,
					   size_t size);

#endif
