/* SPDX-License-Identifier: MIT */
/*
 * How fast the model itself sends SGIs among 512 vcpus, by routing policy, in
 * nanoseconds of CPU time: minimum, median and maximum of seven after one that
 * is not counted.
 *
 * Floor: a table of pending bits, a vcpu number taken from the write and one
 * compare; what any model that can be asked afterwards must do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stage2sim/vgic.h>

#define VCPUS	S2_VGIC_MAX_CPUS
#define RUNS	7
#define WRITES	400000
#define REPEATS 4000

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct world {
	struct s2_machine *machine;
	struct s2_vgic *vgic;
	uint64_t one[VCPUS]; /* writes to one target each, in an order that is not theirs */
	uint64_t hwid[VCPUS];
	uint16_t pending[VCPUS];
};

static void send_floor(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct s2_sgi sgi = s2_sgi_decode(w->one[i % VCPUS]);
		unsigned bit = 0;
		unsigned at;

		while (!(sgi.targets >> bit & 1U))
			bit++;
		at = (sgi.aff2 * 4096U + sgi.aff1 * 16U + bit) % VCPUS;
		if (w->hwid[at] == (s2_sgi_cluster(&sgi, false).v | bit))
			w->pending[at] |= (uint16_t)(1U << sgi.intid);
	}
}

static void send_one(struct world *w, unsigned n)
{
	struct s2_vgic_cpu *sender = s2_vgic_vcpu(w->vgic, 0);
	struct s2_cpu *cpu = s2_machine_cpu(w->machine, 0);

	for (unsigned i = 0; i < n; i++)
		s2_vgic_send_sgi(sender, cpu, S2_ICC_SGI1R, w->one[i % VCPUS]);
}

static void send_all(struct world *w, unsigned n)
{
	struct s2_vgic_cpu *sender = s2_vgic_vcpu(w->vgic, 0);
	struct s2_cpu *cpu = s2_machine_cpu(w->machine, 0);

	for (unsigned i = 0; i < n; i++)
		s2_vgic_send_sgi(sender, cpu, S2_ICC_SGI1R, S2_SGI_IRM);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, const char *what, struct world *w,
		    void (*send)(struct world *w, unsigned n), unsigned n)
{
	double ns[RUNS];

	send(w, n);
	for (unsigned r = 0; r < RUNS; r++) {
		const double start = cpu_ns();

		send(w, n);
		ns[r] = (cpu_ns() - start) / n;
	}
	qsort(ns, RUNS, sizeof(ns[0]), by_value);
	printf("%-12s %-8s %9.1f %9.1f %9.1f\n", name, what, ns[0], ns[RUNS / 2], ns[RUNS - 1]);
}

static int open_world(struct world *w, const struct s2_routing_policy *policy)
{
	struct s2_machine_config cfg = {.cpus = VCPUS};
	const struct s2_vgic_config vgic = {.routing = policy->routing};
	int ret = s2_features_preset("neoverse-n1", &cfg.features);

	if (!ret)
		ret = s2_machine_create(&cfg, &w->machine);
	if (!ret)
		ret = s2_vgic_create(w->machine, &vgic, &w->vgic);
	for (unsigned i = 0; !ret && i < VCPUS; i++) {
		ret = s2_vgic_add_vcpu(w->vgic, i, NULL);
		w->hwid[i] = s2_mpidr_hwid(s2_mpidr_from_id(i)).v;
		s2_sgi_to(s2_mpidr_from_id(i * 17U % VCPUS), 1, false, &w->one[i]);
	}
	return ret ? ret : s2_vgic_init(w->vgic);
}

static void run_policy(struct world *w, const char *name)
{
	struct s2_cpu *cpu = s2_machine_cpu(w->machine, 0);
	const struct s2_gic_io ctlr = {cpu, S2_GIC_GUEST, 0, 4};

	s2_vgic_dist_write(w->vgic, &ctlr, S2_GICD_CTLR_ENABLE_G1);
	for (unsigned i = 1; i < VCPUS; i++) {
		s2_vgic_load(s2_vgic_vcpu(w->vgic, i), s2_machine_cpu(w->machine, i));
		s2_vgic_enter(s2_vgic_vcpu(w->vgic, i));
	}
	measure(name, "one", w, send_one, WRITES);
	measure(name, "all", w, send_all, REPEATS);
}

int main(void)
{
	static struct world w;

	printf("%-12s %-8s %9s %9s %9s\n", "policy", "to", "min ns", "median", "max");
	for (size_t p = 0; s2_routing_at(p); p++) {
		if (open_world(&w, s2_routing_at(p))) {
			fprintf(stderr, "sgi-speed: cannot make a VM of %u vcpus\n", VCPUS);
			return 2;
		}
		if (p == 0)
			measure("floor", "one", &w, send_floor, WRITES);
		run_policy(&w, s2_routing_at(p)->name);
		printf("%-12s %-8s %9zu KiB\n", s2_routing_at(p)->name, "memory",
		       s2_vgic_memory(w.vgic) / 1024U);
		s2_vgic_destroy(w.vgic);
		s2_machine_destroy(w.machine);
	}
	return w.pending[VCPUS - 1] ? 0 : 1;
}
