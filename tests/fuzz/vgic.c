/* SPDX-License-Identifier: MIT */
/*
 * A vGIC's API and registers, called at random with random arguments, before and
 * after it is initialised, against what must hold after any call: -EINVAL has
 * issued and changed nothing, locks were taken in the kernel's order, an
 * interrupt is on a list of a vcpu that there is, no look-up finds another
 * vcpu than was asked for, and only making and taking back changes how many.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/insn.h>
#include <stage2sim/psci.h>
#include <stage2sim/vgic.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_CALLS 300
#define N_CPUS	  3U
#define N_VCPUS	  6U /* of the first; the second vGIC has one */
#define N_IRQS	  160U

/* The bytes of an input, zeros after its end. */
struct input {
	const uint8_t *data;
	size_t size;
};

struct world {
	struct input in;
	struct s2_machine *m, *other;
	struct s2_vgic *vgic, *second;
	struct s2_counts before;
	size_t memory;
	unsigned vcpus;
};

/* Which of them did not is in the stack's line. */
#define must(holds) ((holds) ? (void)0 : abort())

static uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	for (; bytes && in->size; bytes--, in->size--)
		value = value << 8 | *in->data++;
	return value;
}

/* A CPU: mostly of the machine. */
static struct s2_cpu *take_cpu(struct world *w)
{
	const unsigned n = (unsigned)take(&w->in, 1);

	if (n == 255)
		return NULL;
	return n >= 250 ? s2_machine_cpu(w->other, 0) : s2_machine_cpu(w->m, n % N_CPUS);
}

/* A vcpu, mostly of the vGIC; NULL while there is none. */
static struct s2_vgic_cpu *take_vcpu(struct world *w)
{
	const unsigned n = (unsigned)take(&w->in, 1);

	if (n >= 250)
		return s2_vgic_vcpu(w->second, 0);
	return s2_vgic_vcpu(w->vgic, n % N_VCPUS);
}

/* An interrupt: mostly one that there may be. */
static uint32_t take_irq(struct world *w)
{
	const unsigned n = (unsigned)take(&w->in, 1);

	return n >= 250 ? (uint32_t)take(&w->in, 4) : n % (N_IRQS + 8);
}

static uint64_t take_mpidr(struct world *w)
{
	const unsigned how = (unsigned)take(&w->in, 1);

	return how < 32
		       ? take(&w->in, 8)
		       : (how & 7) | (uint64_t)(how >> 3 & 1) << 8 | (uint64_t)(how >> 4 & 1) << 32;
}

/* ---- before it runs ---- */

static int64_t add_vcpu(struct world *w)
{
	struct s2_vgic_cpu *vcpu;
	const int ret =
		s2_vgic_add_vcpu(w->vgic, (uint32_t)(take(&w->in, 1) % (N_VCPUS + 2)), &vcpu);

	if (!ret)
		must(s2_vgic_vcpu_index(vcpu) == w->vcpus++);
	return ret;
}

static int64_t remove_vcpu(struct world *w)
{
	struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(w->vgic, (unsigned)(take(&w->in, 1) % N_VCPUS));
	const int ret = vcpu ? s2_vgic_remove_vcpu(vcpu) : 0;

	w->vcpus -= vcpu && !ret;
	return ret;
}

static int64_t set_nr_irqs(struct world *w)
{
	return s2_vgic_set_nr_irqs(w->vgic, (unsigned)take(&w->in, 1) * 8);
}

static int64_t init(struct world *w)
{
	return s2_vgic_init(w->vgic);
}

static int64_t set_dist(struct world *w)
{
	return s2_vgic_set_dist(w->vgic, s2_ipa(take(&w->in, 2) << 14));
}

static int64_t set_redist(struct world *w)
{
	return s2_vgic_set_redist(w->vgic, s2_ipa(take(&w->in, 2) << 14));
}

static int64_t add_region(struct world *w)
{
	const uint64_t count = take(&w->in, 1), base = take(&w->in, 2), flags = take(&w->in, 1);

	return s2_vgic_add_redist_region(w->vgic,
					 count << 52 | base << 16 | (flags & 7) << 12 | flags >> 4);
}

static int64_t map_resources(struct world *w)
{
	return s2_vgic_map_resources(w->vgic);
}

static int64_t set_mpidr(struct world *w)
{
	struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(w->vgic, (unsigned)(take(&w->in, 1) % N_VCPUS));

	if (vcpu)
		s2_vgic_set_mpidr(vcpu, (struct s2_mpidr){take_mpidr(w)});
	return 0;
}

/* ---- registers ---- */

static struct s2_gic_io take_io(struct world *w)
{
	static const unsigned sizes[] = {4, 4, 4, 1, 2, 8, 3, 0};
	struct s2_gic_io io = {.cpu = take_cpu(w)};
	const unsigned how = (unsigned)take(&w->in, 1);

	io.who = how == 255 ? (enum s2_gic_access)7 : (how & 1) ? S2_GIC_USER : S2_GIC_GUEST;
	io.size = sizes[how >> 1 & 7];
	io.offset = (uint32_t)take(&w->in, 2) | (uint32_t)(how & 16) << 12;
	if (how & 32)
		io.offset &= ~3U;
	return io;
}

static int64_t redist(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);
	const struct s2_gic_io io = take_io(w);
	uint64_t value = take(&w->in, 4);

	if (!vcpu)
		return 0;
	if (value & 1)
		return s2_vgic_redist_write(vcpu, &io, value >> 1);
	return s2_vgic_redist_read(vcpu, &io, &value);
}

static int64_t dist(struct world *w)
{
	const struct s2_gic_io io = take_io(w);
	uint64_t value = take(&w->in, 4);

	if (value & 1)
		return s2_vgic_dist_write(w->vgic, &io, value >> 1);
	return s2_vgic_dist_read(w->vgic, &io, &value);
}

/* Looking for the vcpu that an affinity names is counted, also where there is none. */
static int64_t after_lookup(int ret)
{
	return ret == -EINVAL ? 0 : ret;
}

static int64_t user_redist(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);
	const uint32_t affinity = (uint32_t)take(&w->in, 1), offset = (uint32_t)take(&w->in, 3);
	uint32_t value = (uint32_t)take(&w->in, 4);

	return after_lookup(s2_vgic_user_redist(w->vgic, cpu, affinity, offset, value & 1, &value));
}

static int64_t level_info(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);
	const uint32_t affinity = (uint32_t)take(&w->in, 1), first = (uint32_t)take(&w->in, 1);
	uint32_t levels = (uint32_t)take(&w->in, 4);

	return after_lookup(s2_vgic_level_info(
		w->vgic, cpu, affinity, first & 3 ? first << 3 : first, levels & 1, &levels));
}

static int64_t resolve(struct world *w)
{
	struct s2_vgic_frame frame;

	return s2_vgic_resolve(w->vgic, s2_ipa(take(&w->in, 4)), &frame);
}

/* ---- interrupts ---- */

static int64_t send_sgi(struct world *w)
{
	struct s2_vgic_cpu *sender = take_vcpu(w);
	struct s2_cpu *cpu = take_cpu(w);
	const unsigned how = (unsigned)take(&w->in, 1);
	uint64_t value = how & 1 ? take(&w->in, 8) : take(&w->in, 2) | (take(&w->in, 1) & 15) << 24;

	value |= (uint64_t)(how >> 1 & 1) << 40;
	return sender ? s2_vgic_send_sgi(sender, cpu, (enum s2_sgi_reg)(how >> 2 & 3), value) : 0;
}

static int64_t inject(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);
	const uint32_t irq = take_irq(w);
	const unsigned how = (unsigned)take(&w->in, 1);

	return s2_vgic_inject(w->vgic, cpu, how & 2 ? take_vcpu(w) : NULL, irq, how & 1);
}

static int64_t irqfd(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);

	return s2_vgic_irqfd(w->vgic, cpu, take_irq(w));
}

static void ended(void *arg, struct s2_cpu *cpu, uint32_t irq)
{
	struct world *w = arg;

	if (irq & 1)
		(void)s2_vgic_irqfd(w->vgic, cpu, irq);
}

static int64_t set_resampler(struct world *w)
{
	const uint32_t irq = take_irq(w);

	return s2_vgic_set_resampler(w->vgic, irq, take(&w->in, 1) & 1 ? ended : NULL, w);
}

static int64_t map_phys(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);
	const uint32_t irq = take_irq(w);
	const struct s2_phys_irq phys = {.pintid = take_irq(w)};

	return vcpu ? s2_vgic_map_phys(vcpu, irq, &phys) : 0;
}

static int64_t unmap_phys(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);
	const uint32_t irq = take_irq(w);

	if (!vcpu)
		return 0;
	(void)s2_vgic_phys_active(vcpu, irq);
	return s2_vgic_unmap_phys(vcpu, irq);
}

/* ---- running ---- */

static int64_t load(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);
	struct s2_cpu *cpu = take_cpu(w);

	return vcpu ? s2_vgic_load(vcpu, cpu) : 0;
}

static int64_t put(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);

	return vcpu ? s2_vgic_put(vcpu) : 0;
}

static int64_t enter(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);

	return vcpu ? s2_vgic_enter(vcpu) : 0;
}

static int64_t leave(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);

	return vcpu ? s2_vgic_exit(vcpu) : 0;
}

static int64_t wfi(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);

	return vcpu ? s2_vgic_wfi(vcpu) : 0;
}

static int64_t dir(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);
	const uint32_t irq = take_irq(w);

	return vcpu ? s2_vgic_dir(vcpu, irq) : 0;
}

/* What the guest does with its CPU interface, in a guest or not. */
static int64_t guest(struct world *w)
{
	struct s2_vgic_cpu *vcpu = take_vcpu(w);
	const unsigned how = (unsigned)take(&w->in, 1);
	struct s2_ich *ich;

	if (!vcpu)
		return 0;
	ich = s2_vgic_ich(vcpu);
	switch (how & 3) {
	case 0:
		ich->vmcr = take(&w->in, 4);
		break;
	case 1:
		(void)s2_ich_ack(ich, how & 4);
		break;
	case 2:
		s2_ich_eoi(ich, how & 4, take_irq(w));
		break;
	default:
		s2_ich_dir(ich, take_irq(w));
		break;
	}
	return 0;
}

static int64_t psci(struct world *w)
{
	struct s2_cpu *cpu = take_cpu(w);
	const unsigned how = (unsigned)take(&w->in, 1);
	struct s2_vgic_cpu *vcpu = take_vcpu(w);

	if (how & 1)
		(void)s2_psci_cpu_on(w->vgic, cpu, take_mpidr(w));
	else if (how & 2)
		(void)s2_psci_affinity_info(w->vgic, cpu, take_mpidr(w), how >> 2);
	else if (vcpu)
		s2_psci_cpu_off(vcpu);
	return 0;
}

static int64_t (*const calls[])(struct world *w) = {
	add_vcpu,      remove_vcpu, set_nr_irqs, init,		set_dist, set_redist, add_region,
	map_resources, set_mpidr,   redist,	 redist,	redist,	  dist,	      dist,
	dist,	       user_redist, level_info,	 resolve,	send_sgi, send_sgi,   send_sgi,
	inject,	       inject,	    irqfd,	 set_resampler, map_phys, unmap_phys, load,
	load,	       put,	    enter,	 enter,		leave,	  wfi,	      dir,
	guest,	       guest,	    psci,
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

/* ---- what must hold ---- */

static void look_at_irqs(struct world *w)
{
	struct s2_irq_state s;

	for (uint32_t irq = 0; irq < N_IRQS; irq++)
		for (unsigned v = 0; v < (irq < 32 ? w->vcpus : 1); v++) {
			struct s2_vgic_cpu *vcpu = irq < 32 ? s2_vgic_vcpu(w->vgic, v) : NULL;

			if (s2_vgic_irq_state(w->vgic, vcpu, irq, &s))
				continue;
			must(s.queued_on >= -1 && s.queued_on < (int)w->vcpus);
			must(s.target >= -1 && s.target < (int)w->vcpus);
			/* A private interrupt is its vcpu's. */
			must(irq >= 32 || s.queued_on == -1 || s.queued_on == (int)v);
		}
}

static void look_at_vcpus(struct world *w)
{
	const uint64_t affinity = S2_MPIDR_AFF3 | S2_MPIDR_AFF2 | S2_MPIDR_AFF1 | S2_MPIDR_AFF0;

	must(s2_vgic_vcpus(w->vgic) == w->vcpus);
	for (unsigned v = 0; v < w->vcpus; v++) {
		const struct s2_mpidr m = s2_vgic_mpidr(s2_vgic_vcpu(w->vgic, v));
		struct s2_vgic_cpu *found = s2_vgic_lookup(w->vgic, s2_machine_cpu(w->m, 0), m);

		must(!found || !((s2_vgic_mpidr(found).v ^ m.v) & affinity));
	}
}

static void look(struct world *w, int64_t ret)
{
	struct s2_counts now = s2_machine_counts(w->m);

	if (ret == -EINVAL) {
		must(!memcmp(&now, &w->before, sizeof(now)));
		must(s2_vgic_memory(w->vgic) == w->memory);
	}
	must(s2_vgic_lock_faults(w->vgic) == 0);
	look_at_irqs(w);
	look_at_vcpus(w);
	w->before = s2_machine_counts(w->m);
	w->memory = s2_vgic_memory(w->vgic);
}

static bool up(struct world *w)
{
	struct s2_machine_config mc = {.cpus = N_CPUS};
	struct s2_vgic_config cfg = {.max_vcpus = N_VCPUS};
	const unsigned how = (unsigned)take(&w->in, 1), more = (unsigned)take(&w->in, 1);
	const struct s2_routing_policy *policy = s2_routing_at(take(&w->in, 1) % 16);

	must(!s2_features_preset("neoverse-n1", &mc.features));
	must(!s2_machine_create(&mc, &w->m) && !s2_machine_create(&mc, &w->other));
	/* 0 and 17 are none. */
	(void)s2_machine_set_list_registers(w->m, more % 18);
	if (policy)
		cfg.routing = policy->routing;
	cfg.overflow = (enum s2_lr_overflow)(how & 1);
	cfg.range_selector = how & 2;
	cfg.late_vcpus = how & 4;
	cfg.gicv4_1 = how & 8;
	cfg.group_rule = (enum s2_sgi_group_rule)(how >> 4 & 1);
	cfg.revision = how & 32 ? 2 : 3;
	if (s2_vgic_create(w->m, &cfg, &w->vgic))
		return false;
	must(!s2_vgic_create(w->m, &cfg, &w->second) && !s2_vgic_add_vcpu(w->second, 0, NULL));
	/* Most inputs would never come to a vGIC that runs. */
	if (how & 64)
		return true;
	for (w->vcpus = 0; w->vcpus < N_VCPUS / 2 + (more >> 5) % 4; w->vcpus++)
		must(!s2_vgic_add_vcpu(w->vgic, w->vcpus, NULL));
	must(!s2_vgic_init(w->vgic) && !s2_vgic_init(w->second));
	return true;
}

static void down(struct world *w)
{
	s2_vgic_destroy(w->vgic);
	s2_vgic_destroy(w->second);
	s2_machine_destroy(w->m);
	s2_machine_destroy(w->other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;

	memset(&w, 0, sizeof(w));
	w.in = (struct input){data, size};
	if (up(&w)) {
		look(&w, 0);
		for (int i = 0; i < MAX_CALLS && w.in.size; i++)
			look(&w, calls[take(&w.in, 1) % N_CALLS](&w));
	}
	down(&w);
	return 0;
}
