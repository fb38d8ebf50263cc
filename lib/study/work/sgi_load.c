/* SPDX-License-Identifier: MIT */
#include "study/work/sgi_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "study/work/sgi_layout.h"
#include "study/work/sgi_log.h"
#include "study/work/sgi_world.h"

#define LIST_ALL UINT16_MAX
/* No vcpu of ours has this Aff2. */
#define NOWHERE_AFF2 0x7fU

static uint64_t write_of(const struct s2_sgi *sgi)
{
	uint64_t value = 0;

	/* intid and rs fit: the workloads make them below 16. */
	(void)s2_sgi_encode(sgi, &value);
	return value;
}

static uint64_t list_write(struct s2_mpidr cluster, uint16_t targets, unsigned intid)
{
	const struct s2_sgi sgi = {
		.targets = targets,
		.aff1 = s2_mpidr_aff(cluster, 1),
		.aff2 = s2_mpidr_aff(cluster, 2),
		.aff3 = s2_mpidr_aff(cluster, 3),
		.intid = (uint8_t)intid,
	};

	return write_of(&sgi);
}

static struct s2_mpidr mpidr_of(struct s2_sgi_world *w, unsigned index)
{
	return s2_vgic_mpidr(s2_vgic_vcpu(w->vgic, index));
}

/* To a vcpu that no list can name a guest writes nothing (gic_compute_target_list()). */
static void send_to(struct s2_sgi_world *w, unsigned sender, unsigned index, unsigned intid)
{
	const struct s2_mpidr m = mpidr_of(w, index);

	if (!s2_sgi_unreachable(m))
		s2_sgi_world_send(w, sender,
				  list_write(m, (uint16_t)(1U << s2_mpidr_aff(m, 0)), intid));
}

static void send_each(struct s2_sgi_world *w)
{
	for (unsigned i = 0; i < w->n; i++)
		send_to(w, 0, i, 1);
}

static bool same_cluster(struct s2_mpidr a, struct s2_mpidr b)
{
	return ((a.v ^ b.v) & S2_MPIDR_CLUSTER) == 0;
}

static bool is_first_of_cluster(struct s2_sgi_world *w, unsigned index)
{
	unsigned i = 0;

	while (!same_cluster(mpidr_of(w, i), mpidr_of(w, index)))
		i++;
	return i == index;
}

static void send_clusters(struct s2_sgi_world *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!s2_sgi_unreachable(mpidr_of(w, i)) && is_first_of_cluster(w, i))
			s2_sgi_world_send(w, 0, list_write(mpidr_of(w, i), LIST_ALL, 1));
}

static void send_absent(struct s2_sgi_world *w)
{
	s2_sgi_world_send(w, 0, list_write(s2_mpidr_of(0, NOWHERE_AFF2, 0, 0), LIST_ALL, 1));
}

/* The targets that are there in the last vcpu's cluster. */
static void send_last_cluster(struct s2_sgi_world *w)
{
	const struct s2_mpidr last = mpidr_of(w, w->n - 1U);
	uint16_t targets = 0;

	for (unsigned i = 0; i < w->n; i++) {
		const struct s2_mpidr m = mpidr_of(w, i);

		if (same_cluster(m, last))
			targets |= (uint16_t)(1U << s2_mpidr_aff(m, 0));
	}
	s2_sgi_world_send(w, 0, list_write(last, targets, 1));
}

static int send_late(struct s2_sgi_world *w, struct s2_error *err)
{
	const int ret = s2_sgi_world_add_vcpu(w, err);

	if (!ret)
		send_to(w, 0, w->n - 1U, 1);
	return ret;
}

/* Of 20 writes 14 have one target, 4 a list, 1 is a broadcast, 1 names nobody. */
static void send_any(struct s2_sgi_world *w, unsigned sender)
{
	const unsigned kind = s2_sgi_world_random(w, 20);
	const unsigned intid = s2_sgi_world_random(w, S2_N_SGIS);
	const unsigned index = s2_sgi_world_random(w, w->n);
	const struct s2_sgi all = {.intid = (uint8_t)intid, .all_but_self = true};

	if (kind < 14)
		send_to(w, sender, index, intid);
	else if (kind < 18)
		s2_sgi_world_send(w, sender,
				  list_write(mpidr_of(w, index),
					     (uint16_t)s2_sgi_world_random(w, LIST_ALL + 1U), intid));
	else if (kind < 19)
		s2_sgi_world_send(w, sender, write_of(&all));
	else
		s2_sgi_world_send(w, sender,
				  list_write(s2_mpidr_of(0, NOWHERE_AFF2, 0, 0),
					     (uint16_t)s2_sgi_world_random(w, LIST_ALL + 1U), intid));
}

#define SETTLE_EVERY 64U

static void send_storm(struct s2_sgi_world *w, unsigned writes)
{
	for (unsigned i = 0; i < writes; i++) {
		if (i % SETTLE_EVERY == 0) {
			s2_sgi_world_settle(w);
			s2_sgi_world_set_states(w, -1);
		}
		send_any(w, s2_sgi_world_random(w, w->n));
	}
}

static int send_all(struct s2_sgi_world *w, const struct s2_sgi_load *load, struct s2_error *err)
{
	switch (load->workload) {
	case S2_SGI_ONE:
		send_to(w, 0, load->target, 1);
		return 0;
	case S2_SGI_EACH:
	case S2_SGI_SHUFFLED:
		send_each(w);
		return 0;
	case S2_SGI_CLUSTERS:
		send_clusters(w);
		return 0;
	case S2_SGI_BROADCAST:
		s2_sgi_world_send(w, 0, S2_SGI_IRM);
		return 0;
	case S2_SGI_ABSENT:
		send_absent(w);
		return 0;
	case S2_SGI_NO_TABLE:
		send_last_cluster(w);
		return 0;
	case S2_SGI_LATE:
		return send_late(w, err);
	case S2_SGI_STORM:
		send_storm(w, load->writes);
		return 0;
	case S2_SGI_REPLAY:
		return s2_sgi_log_replay(w, load->log, err);
	}
	return -EINVAL;
}

int s2_sgi_load_run(const struct s2_sgi_load *load, struct s2_sgi_outcome *out,
		    struct s2_error *err)
{
	struct s2_sgi_world w;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = s2_sgi_world_open(&w, load, out, err);
	if (ret)
		return ret;
	ret = send_all(&w, load, err);
	if (!ret)
		s2_sgi_world_settle(&w);
	s2_sgi_world_close(&w);
	return ret;
}
