/* SPDX-License-Identifier: MIT */
/*
 * How fast the model itself sends SGIs among 512 vcpus that are in their
 * guests, by routing policy, in nanoseconds of CPU time: minimum, median and
 * maximum of seven after one that is not counted.
 *
 *   first   the target has not got the SGI: it is queued, and kicked
 *   again   the target has not taken the last one: it merges
 *
 * Floor: 16 pending bits a vcpu, whose number is taken from the write, and a
 * count of sends; what any model that can be asked afterwards must do.  The
 * compare of its MPIDR is in it, a table to find it is not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stage2sim/vgic.h>

#define VCPUS	    S2_VGIC_MAX_CPUS
#define RUNS	    7
#define WRITES	    (800 * VCPUS)
#define BROADCASTS  4000
#define FIRST_TIMES 40

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
	uint64_t sent;
};

/* Sends @n writes. */
typedef void (*send_fn)(struct world *w, unsigned n);

static unsigned lowest_bit(unsigned word)
{
#if defined(__GNUC__)
	return (unsigned)__builtin_ctz(word);
#else
	unsigned n = 0;

	while (!(word >> n & 1U))
		n++;
	return n;
#endif
}

/* Aff2.Aff1.Aff0 of a write for one target, as the vcpu's number. */
static unsigned number_of(uint64_t value)
{
	const struct s2_sgi sgi = s2_sgi_decode(value);
	const unsigned bit = lowest_bit(sgi.targets);

	return (sgi.aff2 * 4096U + sgi.aff1 * 16U + bit) % VCPUS;
}

static void floor_one(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const uint64_t value = w->one[i % VCPUS];
		const struct s2_sgi sgi = s2_sgi_decode(value);
		const unsigned at = number_of(value);

		if ((w->hwid[at] & ~UINT64_C(15)) != s2_sgi_cluster(&sgi, false).v)
			continue;
		w->pending[at] |= (uint16_t)(1U << sgi.intid);
		w->sent++;
	}
}

static void floor_all(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const uint16_t sender = w->pending[i % VCPUS];

		for (unsigned v = 0; v < VCPUS; v++)
			w->pending[v] |= 1U;
		w->pending[i % VCPUS] = sender;
		w->sent += VCPUS - 1U;
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

/* Each vcpu takes what it has, and is in its guest again. */
static void take_all(struct world *w)
{
	for (unsigned i = 0; i < VCPUS; i++) {
		struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(w->vgic, i);
		uint32_t intid;

		s2_vgic_exit(vcpu);
		do {
			s2_vgic_enter(vcpu);
			intid = s2_ich_ack(s2_vgic_ich(vcpu), true);
			s2_ich_eoi(s2_vgic_ich(vcpu), true, intid);
			s2_vgic_exit(vcpu);
		} while (intid != S2_GIC_SPURIOUS);
		s2_vgic_enter(vcpu);
	}
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_row(const char *name, const char *what, double *ns)
{
	qsort(ns, RUNS, sizeof(ns[0]), by_value);
	printf("%-12s %-10s %9.1f %9.1f %9.1f\n", name, what, ns[0], ns[RUNS / 2], ns[RUNS - 1]);
}

static void measure(const char *name, const char *what, struct world *w, send_fn send, unsigned n)
{
	double ns[RUNS];

	send(w, n);
	for (unsigned r = 0; r < RUNS; r++) {
		const double start = cpu_ns();

		send(w, n);
		ns[r] = (cpu_ns() - start) / n;
	}
	print_row(name, what, ns);
}

/* @n writes at a time, to vcpus that have just taken all; that is not timed. */
static void measure_first(const char *name, const char *what, struct world *w, send_fn send,
			  unsigned n)
{
	double ns[RUNS];

	for (unsigned r = 0; r <= RUNS; r++) {
		double spent = 0;

		for (unsigned i = 0; i < FIRST_TIMES; i++) {
			double start;

			take_all(w);
			start = cpu_ns();
			send(w, n);
			spent += cpu_ns() - start;
		}
		ns[r ? r - 1 : 0] = spent / FIRST_TIMES / n;
	}
	print_row(name, what, ns);
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
	const struct s2_gic_io ctlr = {s2_machine_cpu(w->machine, 0), S2_GIC_GUEST, 0, 4};

	s2_vgic_dist_write(w->vgic, &ctlr, S2_GICD_CTLR_ENABLE_G1);
	for (unsigned i = 0; i < VCPUS; i++) {
		struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(w->vgic, i);

		s2_vgic_ich(vcpu)->vmcr = S2_VMCR_ENG1 | s2_field_put(0xf0, S2_VMCR_PMR);
		s2_vgic_load(vcpu, s2_machine_cpu(w->machine, i));
		s2_vgic_enter(vcpu);
	}
	measure_first(name, "one first", w, send_one, VCPUS);
	measure(name, "one again", w, send_one, WRITES);
	measure_first(name, "all first", w, send_all, 1);
	measure(name, "all again", w, send_all, BROADCASTS);
}

int main(void)
{
	static struct world w;

	printf("%-12s %-10s %9s %9s %9s\n", "policy", "to", "min ns", "median", "max");
	for (size_t p = 0; s2_routing_at(p); p++) {
		if (open_world(&w, s2_routing_at(p))) {
			fprintf(stderr, "sgi-speed: cannot make a VM of %u vcpus\n", VCPUS);
			return 2;
		}
		if (p == 0) {
			measure("floor", "one", &w, floor_one, WRITES);
			measure("floor", "all", &w, floor_all, BROADCASTS);
		}
		run_policy(&w, s2_routing_at(p)->name);
		printf("%-12s %-10s %9zu KiB\n", s2_routing_at(p)->name, "memory",
		       s2_vgic_memory(w.vgic) / 1024U);
		s2_vgic_destroy(w.vgic);
		s2_machine_destroy(w.machine);
	}
	return w.pending[VCPUS - 1] && w.sent ? 0 : 1;
}
