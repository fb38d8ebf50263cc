/* SPDX-License-Identifier: MIT */
/**
 * @file
 * From a write of an SGI register to its targets: the ways there are.
 *
 * A dispatch goes from a list to vcpus, a broadcast to all but the sender; each
 * queues by sgi_queue.h.  The send functions are the two behind one entry.
 */
#ifndef S2_HYP_VGIC_SGI_DISPATCH_H
#define S2_HYP_VGIC_SGI_DISPATCH_H

#include "hyp/vgic/state/vgic.h"

/* s2_vgic_send_sgi() by dispatch and broadcast, whatever the write is. */
int s2_sgi_send(struct s2_vgic_cpu *sender, struct s2_cpu *cpu, enum s2_sgi_reg reg,
		uint64_t value);
/* The same, or a form that has a short way for writes that merge. */
s2_sgi_send_fn s2_sgi_send_for(const struct s2_vgic_config *cfg);

void s2_sgi_walk(struct s2_sgi_write *w);
void s2_sgi_bits(struct s2_sgi_write *w);
void s2_sgi_bits_walk(struct s2_sgi_write *w);
void s2_sgi_rows(struct s2_sgi_write *w);
void s2_broadcast_by_index(struct s2_sgi_write *w);
void s2_broadcast_plain(struct s2_sgi_write *w);
void s2_broadcast_matrix(struct s2_sgi_write *w);

/** The dispatch that @p bug has, or NULL. */
s2_sgi_dispatch_fn s2_sgi_bug_dispatch(enum s2_bug bug);

#endif
