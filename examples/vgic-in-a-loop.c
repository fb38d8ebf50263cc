/* SPDX-License-Identifier: MIT */
/*
 * A vGIC under another emulator: its loop runs the vcpus' code, and asks the vGIC
 * where a trapped write goes and what interrupt a vcpu sees.  The emulator here is
 * a table of what two vcpus do.
 */
#include <stage2sim/flavour.h>
#include <stage2sim/vgic.h>
#include <stdio.h>

#define VCPUS UINT64_C(2)
#define GICD  UINT64_C(0x08000000) /* the distributor */
#define GICR  UINT64_C(0x080a0000) /* the redistributors, one after another */

#define GICD_CTLR	   (GICD + 0x0000)
#define SGI_BASE(vcpu)	   (GICR + (vcpu)*S2_GICR_SIZE + S2_GICR_SGI_BASE)
#define GICR_IGROUPR0(v)   (SGI_BASE(v) + 0x0080)
#define GICR_ISENABLER0(v) (SGI_BASE(v) + 0x0100)

/* What a trap tells an emulator. */
enum trap {
	STORE,
	MSR_SGI1R,
	WFI,
	IAR_EOIR
};

static const struct step {
	unsigned vcpu;
	enum trap trap;
	uint64_t addr, value;
} program[] = {
	{0, STORE, GICD_CTLR, 2}, /* EnableGrp1 */
	{1, STORE, GICR_IGROUPR0(1), 0xffffffff},
	{1, STORE, GICR_ISENABLER0(1), 0xffff},
	{1, WFI, 0, 0},				       /* nothing yet: blocks */
	{0, MSR_SGI1R, 0, UINT64_C(5) << 24 | 1 << 1}, /* SGI 5 to Aff0 1 */
	{1, IAR_EOIR, 0, 0},
	{1, WFI, 0, 0},
};

static struct s2_machine *machine;
static struct s2_vgic *vgic;

/* A store to guest memory that is no RAM: is it one of the vGIC's frames? */
static int store(struct s2_cpu *cpu, uint64_t ipa, uint32_t value)
{
	struct s2_gic_io io = {.cpu = cpu, .who = S2_GIC_GUEST, .size = 4};
	struct s2_vgic_frame frame;
	int ret = s2_vgic_resolve(vgic, s2_ipa(ipa), &frame);

	if (ret)
		return ret; /* some other device's */
	io.offset = frame.offset;
	return frame.vcpu ? s2_vgic_redist_write(frame.vcpu, &io, value)
			  : s2_vgic_dist_write(vgic, &io, value);
}

/* The guest's handler: acknowledge, end.  These need no trap: they are the hardware's. */
static int handle_irq(struct s2_vgic_cpu *vcpu, unsigned index)
{
	struct s2_ich *ich = s2_vgic_ich(vcpu);
	const uint32_t intid = s2_ich_ack(ich, true);

	printf("vcpu %u: interrupt %u\n", index, intid);
	s2_ich_eoi(ich, true, intid);
	return intid == 5 ? 0 : -1;
}

/* One turn of the loop: enter the guest, run to the next trap, exit, handle it. */
static int turn(const struct step *s)
{
	struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(vgic, s->vcpu);
	struct s2_cpu *cpu = s2_machine_cpu(machine, s->vcpu);
	int ret = s2_vgic_enter(vcpu); /* interrupts that wait go into list registers */

	if (!ret && s->trap == IAR_EOIR)
		ret = handle_irq(vcpu, s->vcpu);
	if (!ret)
		ret = s2_vgic_exit(vcpu);
	if (ret)
		return ret;
	switch (s->trap) {
	case STORE:
		return store(cpu, s->addr, (uint32_t)s->value);
	case MSR_SGI1R:
		return s2_vgic_send_sgi(vcpu, cpu, S2_ICC_SGI1R, s->value);
	case WFI:
		ret = s2_vgic_wfi(vcpu);
		printf("vcpu %u: WFI %s\n", s->vcpu, ret == 1 ? "blocks" : "returns");
		return ret < 0 ? ret : 0;
	default:
		return 0;
	}
}

static int set_up(void)
{
	const struct s2_vgic_config cfg = {.routing = s2_flavour_find("newest")->routing};
	int ret = s2_vgic_create(machine, &cfg, &vgic);

	for (unsigned i = 0; i < VCPUS && !ret; i++)
		ret = s2_vgic_add_vcpu(vgic, i, NULL);
	if (!ret)
		ret = s2_vgic_set_dist(vgic, s2_ipa(GICD));
	if (!ret)
		ret = s2_vgic_set_redist(vgic, s2_ipa(GICR));
	if (!ret)
		ret = s2_vgic_init(vgic);
	for (unsigned i = 0; i < VCPUS && !ret; i++) {
		ret = s2_vgic_load(s2_vgic_vcpu(vgic, i), s2_machine_cpu(machine, i));
		/* As a guest does at boot: group 1 on, no priority masked. */
		if (!ret)
			s2_vgic_ich(s2_vgic_vcpu(vgic, i))->vmcr = S2_VMCR_ENG1 | S2_VMCR_PMR;
	}
	return ret;
}

int main(void)
{
	struct s2_machine_config host = {.cpus = VCPUS};
	int ret;

	if (s2_features_preset("neoverse-n1", &host.features) || s2_machine_create(&host, &machine))
		return 1;
	ret = set_up();
	for (size_t i = 0; i < sizeof(program) / sizeof(program[0]) && !ret; i++)
		ret = turn(&program[i]);
	printf("woken from WFI: %llu\n",
	       (unsigned long long)s2_machine_counts(machine).n[S2_OP_VCPU_WAKE]);
	s2_vgic_destroy(vgic);
	s2_machine_destroy(machine);
	return ret ? 1 : 0;
}
