/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The SGI writes of a rich log, sent again: the vcpu is the task's name
 * ("kvm-vcpu-2", as kvmtool has it), the value is the probe's reg=.
 */
#ifndef STAGE2SIM_STUDY_SGI_LOG_H
#define STAGE2SIM_STUDY_SGI_LOG_H

#include "study/work/sgi_world.h"

/**
 * Sends what the log at @p path shows; targets take theirs every 16 writes.
 * @return 0; negative with @p err naming file and line: a log that cannot be
 *         read, a task that is no vcpu, a vcpu that the VM does not have
 */
int s2_sgi_log_replay(struct s2_sgi_world *w, const char *path, struct s2_error *err);

/** How many vcpus the senders and targets of a log need. @return that, or negative */
int s2_sgi_log_vcpus(const char *path, struct s2_error *err);

#endif
