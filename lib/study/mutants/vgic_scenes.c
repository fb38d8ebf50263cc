/* SPDX-License-Identifier: MIT */
/* Scenes of a vGIC, each of which shows one thing. */
#include "study/mutants/vgic_run.h"

/* SPIs, and a PPI that a timer has. */
#define SPI	40U
#define SPI_NEXT (SPI + 32U)
#define TIMER	27U

#define ISENABLER(n) (0x100U + (n) / 32U * 4U)
#define ICENABLER(n) (0x180U + (n) / 32U * 4U)
#define ISPENDR(n)   (0x200U + (n) / 32U * 4U)
#define ISACTIVER    0x300U
#define ICFGR(n)     (0xc00U + (n) / 16U * 4U)
#define IROUTER(n)   (0x6000U + (n) * 8U)
#define IIDR	     0x8U
#define SGI_BASE     0x10000U
#define TYPER	     0x8U

static uint32_t bit(uint32_t intid)
{
	return UINT32_C(1) << intid % 32U;
}

static void some_vcpus(struct s2_irq_world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		s2_irq_add(w, i, 0);
	s2_irq_open(w);
}

/* Ids out of order, a hole, clusters, and affinities that a short mask or shift takes for others. */
static void sgis(struct s2_irq_world *w)
{
	static const uint64_t odd_mpidrs[] = {0x40, 0x800001, UINT64_C(0x100000002)};
	uint32_t id = 3;

	for (unsigned i = 0; i < 4; i++)
		s2_irq_add(w, id--, 0);
	s2_irq_add(w, 17, 0);
	s2_irq_add(w, 18, 0);
	for (unsigned i = 0; i < 3; i++)
		s2_irq_add(w, 40 + i, odd_mpidrs[i]);
	s2_irq_open(w);
	for (unsigned to = 0; to < s2_vgic_vcpus(w->vgic); to++) {
		s2_irq_send_to(w, (to + 1) % 4, to, (uint8_t)(to % 16));
		s2_irq_run_all(w);
		s2_irq_forget(w);
	}
	/* Bit 0 of the second cluster is nobody, bits 1 and 2 are. */
	s2_irq_send(w, 1, 0x10007);
	s2_irq_run_all(w);
	s2_irq_forget(w);
	/* A cluster that is not there. */
	s2_irq_send(w, 0, 0x5000f);
	s2_irq_run_all(w);
	s2_irq_forget(w);
	s2_irq_send(w, 0, S2_SGI_IRM);
	s2_irq_run_all(w);
}

static void many(struct s2_irq_world *w)
{
	some_vcpus(w, 300);
	for (unsigned to = 0; to < 300; to += 13) {
		s2_irq_send_to(w, 1, to, 2);
		s2_irq_run(w, to);
		s2_irq_forget(w);
	}
}

static void late(struct s2_irq_world *w)
{
	some_vcpus(w, 3);
	s2_irq_send_to(w, 0, 1, 3);
	s2_irq_run_all(w);
	s2_irq_say(w, "vcpu 3 is made");
	s2_irq_add(w, 3, 0);
	s2_irq_send_to(w, 0, 3, 3);
	s2_irq_run_all(w);
}

/* Six are active, four of them in list registers: five are ended, the most urgent first. */
static void overflow(struct s2_irq_world *w)
{
	some_vcpus(w, 2);
	for (uint32_t i = 0; i < 6; i++) {
		const struct s2_gic_io io = {s2_machine_cpu(w->m, 0), S2_GIC_GUEST,
					     SGI_BASE + 0x400 + i, 1};

		(void)s2_vgic_redist_write(s2_irq_vcpu(w, 1), &io, (uint64_t)i * 8);
	}
	s2_irq_redist_write(w, 1, SGI_BASE + ISACTIVER, 0x3f);
	s2_irq_load(w, 1);
	s2_irq_enter(w, 1);
	for (uint32_t i = 0; i < 5; i++) {
		s2_irq_say(w, "vcpu 1 ends %u, which is %s", (unsigned)i,
			   i < 4 ? "in a list register" : "in none: EOIcount is 1");
		s2_ich_eoi(s2_vgic_ich(s2_irq_vcpu(w, 1)), true, i);
	}
	s2_irq_exit(w, 1);
	s2_interrupt_check_register(w->check, 1, "GICR_ISACTIVER0",
				    s2_irq_redist_read(w, 1, SGI_BASE + ISACTIVER), bit(5));
}

static bool device_line(void *arg)
{
	const struct s2_irq_world *w = arg;

	return w->line;
}

/* The timer is dealt with while its interrupt is active: nobody tells of the fall. */
static void mapped(struct s2_irq_world *w)
{
	const struct s2_phys_irq phys = {TIMER, device_line, w};
	struct s2_vgic_cpu *vcpu;

	some_vcpus(w, 2);
	vcpu = s2_irq_vcpu(w, 1);
	s2_irq_redist_write(w, 1, SGI_BASE + ISENABLER(0), bit(TIMER));
	if (s2_vgic_map_phys(vcpu, TIMER, &phys))
		return;
	w->line = true;
	s2_irq_line(w, vcpu, TIMER, true);
	s2_interrupt_check_raise(w->check, 1, TIMER);
	s2_irq_load(w, 1);
	s2_irq_enter(w, 1);
	s2_irq_ack(w, 1);
	s2_irq_say(w, "the guest deals with the timer: its line falls");
	w->line = false;
	s2_ich_eoi(s2_vgic_ich(vcpu), true, TIMER);
	s2_irq_exit(w, 1);
	s2_irq_run(w, 1);
}

/* A level that rose before the guest enabled it. */
static void enable(struct s2_irq_world *w)
{
	some_vcpus(w, 2);
	s2_irq_dist_write(w, S2_GIC_GUEST, ICFGR(SPI), 0);
	s2_irq_line(w, NULL, SPI, true);
	s2_irq_run_all(w);
	s2_irq_dist_write(w, S2_GIC_GUEST, ISENABLER(SPI), bit(SPI));
	s2_interrupt_check_raise(w->check, 0, SPI);
	s2_irq_load(w, 0);
	s2_irq_enter(w, 0);
	s2_irq_ack(w, 0);
	s2_irq_exit(w, 0);
	s2_irq_line(w, NULL, SPI, false);
	s2_interrupt_check_quiet(w->check, 0);
}

/* The same of an edge, which must be kept until then. */
static void disabled_edge(struct s2_irq_world *w)
{
	some_vcpus(w, 2);
	s2_irq_dist_write(w, S2_GIC_GUEST, ICFGR(SPI), UINT32_C(2) << SPI % 16U * 2U);
	s2_irq_line(w, NULL, SPI, true);
	s2_irq_run_all(w);
	s2_irq_dist_write(w, S2_GIC_GUEST, ISENABLER(SPI), bit(SPI));
	s2_interrupt_check_raise(w->check, 0, SPI);
	s2_irq_run_all(w);
}

/* The guest opens its mask, and waits. */
static void wfi(struct s2_irq_world *w)
{
	struct s2_ich *ich;

	some_vcpus(w, 2);
	s2_vgic_ich(s2_irq_vcpu(w, 1))->vmcr &= ~S2_VMCR_PMR;
	s2_irq_load(w, 1);
	ich = s2_vgic_ich(s2_irq_vcpu(w, 1));
	s2_irq_enter(w, 1);
	s2_irq_say(w, "vcpu 1 opens its priority mask");
	ich->vmcr |= s2_field_put(0xf0, S2_VMCR_PMR);
	s2_irq_exit(w, 1);
	s2_irq_send_to(w, 0, 1, 4);
	s2_irq_say(w, "vcpu 1 waits (WFI)");
	/* Who blocks with something pending is not woken: nobody will kick it again. */
	if (s2_vgic_wfi(s2_irq_vcpu(w, 1)) == 1)
		s2_interrupt_check_quiet(w->check, 1);
	s2_irq_run(w, 1);
}

static void banks(struct s2_irq_world *w)
{
	some_vcpus(w, 2);
	for (unsigned i = 0; i < 2; i++) {
		const uint32_t intid = i ? SPI_NEXT : SPI;

		s2_irq_dist_write(w, S2_GIC_GUEST, ICFGR(intid), UINT32_C(2) << intid % 16U * 2U);
		s2_irq_dist_write(w, S2_GIC_GUEST, ISENABLER(intid), bit(intid));
	}
	s2_irq_dist_write(w, S2_GIC_GUEST, ICENABLER(SPI), bit(SPI));
	s2_irq_line(w, NULL, SPI_NEXT, true);
	s2_interrupt_check_raise(w->check, 0, SPI_NEXT);
	s2_irq_run_all(w);
}

static void route(struct s2_irq_world *w)
{
	some_vcpus(w, 3);
	s2_irq_dist_write(w, S2_GIC_GUEST, ICFGR(SPI), UINT32_C(2) << SPI % 16U * 2U);
	s2_irq_dist_write(w, S2_GIC_GUEST, ISENABLER(SPI), bit(SPI));
	s2_irq_dist_write(w, S2_GIC_GUEST, IROUTER(SPI), 2);
	s2_irq_dist_write(w, S2_GIC_GUEST, IROUTER(SPI) + 4, 0);
	s2_irq_line(w, NULL, SPI, true);
	s2_interrupt_check_raise(w->check, 2, SPI);
	s2_irq_run_all(w);
}

/* It is pending for one vcpu, and routed to another before it is taken. */
static void move(struct s2_irq_world *w)
{
	some_vcpus(w, 3);
	s2_irq_dist_write(w, S2_GIC_GUEST, ICFGR(SPI), UINT32_C(2) << SPI % 16U * 2U);
	s2_irq_dist_write(w, S2_GIC_GUEST, ISENABLER(SPI), bit(SPI));
	s2_irq_line(w, NULL, SPI, true);
	s2_irq_dist_write(w, S2_GIC_GUEST, IROUTER(SPI), 2);
	s2_interrupt_check_raise(w->check, 2, SPI);
	s2_irq_run_all(w);
}

static void redistributors(struct s2_irq_world *w)
{
	some_vcpus(w, 3);
	s2_irq_redist_write(w, 1, SGI_BASE + ICENABLER(0), bit(5));
	s2_interrupt_check_register(w->check, 1, "GICR_ISENABLER0",
				    s2_irq_redist_read(w, 1, SGI_BASE + ISENABLER(0)),
				    0xffffU & ~bit(5));
}

/* Userspace restores by affinity what it saved; affinities are not ids here. */
static void restore(struct s2_irq_world *w)
{
	uint32_t value = bit(TIMER);

	s2_irq_add(w, 0, 0x80000001);
	s2_irq_add(w, 1, 0x80000000);
	s2_irq_open(w);
	s2_irq_say(w, "userspace restores ISENABLER0 of the vcpu with affinity 1");
	(void)s2_vgic_user_redist(w->vgic, s2_machine_cpu(w->m, 0), 1, SGI_BASE + ISENABLER(0), true,
				  &value);
	s2_interrupt_check_register(w->check, 0, "GICR_ISENABLER0",
				    s2_irq_redist_read(w, 0, SGI_BASE + ISENABLER(0)),
				    0xffffU | bit(TIMER));
}

static void save_pending(struct s2_irq_world *w)
{
	some_vcpus(w, 1);
	s2_irq_dist_write(w, S2_GIC_GUEST, ICFGR(SPI), 0);
	s2_irq_line(w, NULL, SPI, true);
	s2_irq_say(w, "userspace reads GICD_ISPENDR, of which it saves the latch");
	s2_interrupt_check_register(w->check, 0, "GICD_ISPENDR",
				    s2_irq_dist_read(w, S2_GIC_USER, ISPENDR(SPI)), 0);
}

static void revision(struct s2_irq_world *w)
{
	uint64_t iidr;

	some_vcpus(w, 1);
	iidr = s2_irq_dist_read(w, S2_GIC_USER, IIDR);
	iidr = (iidr & ~S2_GIC_IIDR_REV) | s2_field_put(2, S2_GIC_IIDR_REV);
	s2_irq_dist_write(w, S2_GIC_USER, IIDR, iidr);
	s2_interrupt_check_register(w->check, 0, "GICD_IIDR", s2_irq_dist_read(w, S2_GIC_USER, IIDR),
				    iidr);
}

/* Two regions that do not adjoin: each has a last redistributor. */
static void last(struct s2_irq_world *w)
{
	if (s2_vgic_add_redist_region(w->vgic, s2_field_put(2, S2_REDIST_REGION_COUNT) | 0x8000000) ||
	    s2_vgic_add_redist_region(w->vgic,
				      s2_field_put(2, S2_REDIST_REGION_COUNT) | 0x9000000 | 1))
		w->error = -1;
	some_vcpus(w, 3);
	s2_irq_say(w, "vcpus 0 and 1 have the first region, vcpu 2 another; each reads its GICR_TYPER");
	for (unsigned i = 0; i < 3; i++)
		s2_interrupt_check_register(w->check, i, "GICR_TYPER.Last",
					    s2_irq_redist_read(w, i, TYPER) & S2_GICR_TYPER_LAST,
					    i ? S2_GICR_TYPER_LAST : 0);
}

/* Sixteen vcpus to a cluster, or all in one: then one write in sixteen has no name for them. */
static void flat(struct s2_irq_world *w)
{
	uint64_t value;

	for (unsigned i = 0; i < 20; i++)
		s2_irq_add(w, i, w->odd ? UINT64_C(0x80000000) + i : 0);
	s2_irq_open(w);
	for (unsigned to = 0; to < 20; to++) {
		if (s2_sgi_to(s2_vgic_mpidr(s2_irq_vcpu(w, to)), 1, true, &value))
			continue;
		s2_irq_send(w, 3, value);
		s2_irq_run_all(w);
		s2_irq_forget(w);
	}
}

/* A device names its vcpu by a number. */
static void by_number(struct s2_irq_world *w)
{
	struct s2_vgic_cpu *named;

	s2_irq_add(w, 1, 0);
	s2_irq_add(w, 0, 0);
	s2_irq_open(w);
	for (unsigned i = 0; i < 2; i++)
		s2_irq_redist_write(w, i, SGI_BASE + ISENABLER(0), bit(TIMER));
	named = w->odd ? s2_vgic_vcpu_by_id(w->vgic, 1) : s2_irq_vcpu(w, 1);
	s2_irq_line(w, named, TIMER, true);
	s2_interrupt_check_raise(w->check, 1, TIMER);
	for (unsigned i = 0; i < 2; i++) {
		s2_irq_load(w, i);
		s2_irq_enter(w, i);
		s2_irq_ack(w, i);
		s2_irq_exit(w, i);
		s2_interrupt_check_quiet(w->check, i);
	}
}

static const struct {
	void (*play)(struct s2_irq_world *w);
	const char *about;
} scenes[S2_IRQ_SCENES] = {
	[S2_IRQ_SGIS] = {sgis, "SGIs to each of nine vcpus, lists with holes, a broadcast"},
	[S2_IRQ_MANY] = {many, "SGIs among 300 vcpus"},
	[S2_IRQ_LATE] = {late, "an SGI to a vcpu that is made after the first run"},
	[S2_IRQ_OVERFLOW] = {overflow, "more interrupts than list registers"},
	[S2_IRQ_MAPPED] = {mapped, "a timer whose line falls while its interrupt is active"},
	[S2_IRQ_ENABLE] = {enable, "a level that rises before it is enabled"},
	[S2_IRQ_EDGE] = {disabled_edge, "an edge that comes before it is enabled"},
	[S2_IRQ_WFI] = {wfi, "a vcpu that opens its mask, and waits"},
	[S2_IRQ_BANKS] = {banks, "one of two SPIs, 32 apart, is disabled"},
	[S2_IRQ_ROUTE] = {route, "GICD_IROUTER is written in two halves"},
	[S2_IRQ_MOVE] = {move, "an SPI is routed away before it is taken"},
	[S2_IRQ_REDIST] = {redistributors, "a write to one of three redistributors"},
	[S2_IRQ_RESTORE] = {restore, "a restore, where affinities are not ids"},
	[S2_IRQ_SAVE] = {save_pending, "a save while a line is up"},
	[S2_IRQ_REVISION] = {revision, "a restore of another revision"},
	[S2_IRQ_LAST] = {last, "two regions of redistributors"},
	[S2_IRQ_FLAT] = {flat, "20 vcpus, each sent an SGI"},
	[S2_IRQ_NUMBER] = {by_number, "two vcpus whose ids are not their indices"},
};

void s2_irq_play(struct s2_irq_world *w, unsigned scene)
{
	scenes[scene].play(w);
}

const char *s2_irq_scene_about(unsigned scene)
{
	return scenes[scene].about;
}
