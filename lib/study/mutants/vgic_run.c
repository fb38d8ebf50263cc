/* SPDX-License-Identifier: MIT */
#include "study/mutants/vgic_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "study/mutants/named_story.h"
#include "study/option/machine.h"

#define VCPUS_MAX 320U
#define OPEN_MASK 0xf0U

void s2_irq_say(struct s2_irq_world *w, const char *format, ...)
{
	char *at = w->found->story + w->told;
	const size_t room = sizeof(w->found->story) - w->told;
	va_list args;
	int n;

	/* What comes after the first violation is no part of how it came to it. */
	if (s2_interrupt_check_count(w->check) || room < 120)
		return;
	n = snprintf(at, room, "\n  %2u. ", ++w->lines);
	va_start(args, format);
	n += vsnprintf(at + n, room - (size_t)n, format, args);
	va_end(args);
	w->told += (size_t)n < room ? (size_t)n : room - 1;
}

void s2_irq_forget(struct s2_irq_world *w)
{
	if (s2_interrupt_check_count(w->check))
		return;
	w->told = 0;
	w->found->story[0] = '\0';
}

static void note(struct s2_irq_world *w, int ret)
{
	if (ret < 0 && !w->error)
		w->error = ret;
}

struct s2_vgic_cpu *s2_irq_vcpu(const struct s2_irq_world *w, unsigned index)
{
	return s2_vgic_vcpu(w->vgic, index);
}

static struct s2_cpu *cpu_of(const struct s2_irq_world *w, unsigned vcpu)
{
	return s2_machine_cpu(w->m, vcpu % (s2_machine_cpus(w->m) - 1) + 1);
}

void s2_irq_add(struct s2_irq_world *w, uint32_t id, uint64_t mpidr)
{
	struct s2_vgic_cpu *vcpu;
	const int ret = s2_vgic_add_vcpu(w->vgic, id, &vcpu);

	note(w, ret);
	if (ret)
		return;
	if (mpidr)
		s2_vgic_set_mpidr(vcpu, s2_mpidr(mpidr));
	s2_vgic_ich(vcpu)->vmcr = S2_VMCR_ENG1 | s2_field_put(OPEN_MASK, S2_VMCR_PMR);
	s2_interrupt_check_mpidr(w->check, s2_vgic_vcpu_index(vcpu), s2_vgic_mpidr(vcpu));
}

void s2_irq_dist_write(struct s2_irq_world *w, enum s2_gic_access who, uint32_t offset,
		       uint64_t value)
{
	const struct s2_gic_io io = {s2_machine_cpu(w->m, 0), who, offset, 4};

	s2_irq_say(w, "%s writes 0x%" PRIx64 " to the distributor at 0x%" PRIx32,
		   who == S2_GIC_USER ? "userspace" : "the guest", value, offset);
	/* A write that is refused shows in what is read. */
	(void)s2_vgic_dist_write(w->vgic, &io, value);
}

uint64_t s2_irq_dist_read(struct s2_irq_world *w, enum s2_gic_access who, uint32_t offset)
{
	const struct s2_gic_io io = {s2_machine_cpu(w->m, 0), who, offset, 4};
	uint64_t value = 0;

	note(w, s2_vgic_dist_read(w->vgic, &io, &value));
	return value;
}

void s2_irq_redist_write(struct s2_irq_world *w, unsigned vcpu, uint32_t offset, uint64_t value)
{
	const struct s2_gic_io io = {s2_machine_cpu(w->m, 0), S2_GIC_GUEST, offset, 4};

	s2_irq_say(w, "the guest writes 0x%" PRIx64 " to the redistributor of vcpu %u at 0x%" PRIx32,
		   value, vcpu, offset);
	note(w, s2_vgic_redist_write(s2_irq_vcpu(w, vcpu), &io, value));
}

uint64_t s2_irq_redist_read(struct s2_irq_world *w, unsigned vcpu, uint32_t offset)
{
	const struct s2_gic_io io = {s2_machine_cpu(w->m, 0), S2_GIC_GUEST, offset, 4};
	uint64_t value = 0;

	note(w, s2_vgic_redist_read(s2_irq_vcpu(w, vcpu), &io, &value));
	return value;
}

void s2_irq_open(struct s2_irq_world *w)
{
	const struct s2_gic_io io = {s2_machine_cpu(w->m, 0), S2_GIC_GUEST, 0, 4};

	note(w, s2_vgic_init(w->vgic));
	note(w, s2_vgic_dist_write(w->vgic, &io, S2_GICD_CTLR_ENABLE_G1));
	/* Every vcpu has run once: there are tables. */
	for (unsigned i = 0; i < s2_vgic_vcpus(w->vgic); i++) {
		note(w, s2_vgic_load(s2_irq_vcpu(w, i), cpu_of(w, i)));
		note(w, s2_vgic_put(s2_irq_vcpu(w, i)));
	}
}

void s2_irq_send(struct s2_irq_world *w, unsigned sender, uint64_t value)
{
	const struct s2_sgi sgi = s2_sgi_decode(value);

	if (sgi.all_but_self)
		s2_irq_say(w, "vcpu %u writes ICC_SGI1R 0x%" PRIx64 ": SGI %u to all others", sender,
			   value, sgi.intid);
	else
		s2_irq_say(w, "vcpu %u writes ICC_SGI1R 0x%" PRIx64
			   ": SGI %u to Aff3.2.1 %u.%u.%u, Aff0 list 0x%x",
			   sender, value, sgi.intid, sgi.aff3, sgi.aff2, sgi.aff1,
			   (unsigned)sgi.targets);
	(void)s2_interrupt_check_sgi(w->check, sender, value);
	note(w, s2_vgic_send_sgi(s2_irq_vcpu(w, sender), s2_machine_cpu(w->m, 0), S2_ICC_SGI1R,
				 value));
}

void s2_irq_send_to(struct s2_irq_world *w, unsigned sender, unsigned to, uint8_t intid)
{
	const struct s2_mpidr target = s2_vgic_mpidr(s2_irq_vcpu(w, to));
	uint64_t value;

	if (!s2_sgi_to(target, intid, false, &value))
		s2_irq_send(w, sender, value);
}

void s2_irq_line(struct s2_irq_world *w, struct s2_vgic_cpu *vcpu, uint32_t intid, bool up)
{
	s2_irq_say(w, "the line of interrupt %" PRIu32 " %s", intid, up ? "rises" : "falls");
	note(w, s2_vgic_inject(w->vgic, s2_machine_cpu(w->m, 0), vcpu, intid, up));
}

void s2_irq_load(struct s2_irq_world *w, unsigned vcpu)
{
	note(w, s2_vgic_load(s2_irq_vcpu(w, vcpu), cpu_of(w, vcpu)));
}

void s2_irq_enter(struct s2_irq_world *w, unsigned vcpu)
{
	s2_irq_say(w, "vcpu %u enters its guest", vcpu);
	note(w, s2_vgic_enter(s2_irq_vcpu(w, vcpu)));
}

void s2_irq_exit(struct s2_irq_world *w, unsigned vcpu)
{
	s2_irq_say(w, "vcpu %u leaves its guest", vcpu);
	note(w, s2_vgic_exit(s2_irq_vcpu(w, vcpu)));
}

uint32_t s2_irq_ack(struct s2_irq_world *w, unsigned vcpu)
{
	const uint32_t intid = s2_ich_ack(s2_vgic_ich(s2_irq_vcpu(w, vcpu)), true);

	if (intid == S2_GIC_SPURIOUS)
		return intid;
	s2_irq_say(w, "vcpu %u acknowledges %" PRIu32, vcpu, intid);
	s2_interrupt_check_taken(w->check, vcpu, intid);
	return intid;
}

static bool take_some(struct s2_irq_world *w, unsigned vcpu)
{
	uint32_t intid;
	bool any = false;

	note(w, s2_vgic_enter(s2_irq_vcpu(w, vcpu)));
	while ((intid = s2_irq_ack(w, vcpu)) != S2_GIC_SPURIOUS) {
		s2_ich_eoi(s2_vgic_ich(s2_irq_vcpu(w, vcpu)), true, intid);
		any = true;
	}
	note(w, s2_vgic_exit(s2_irq_vcpu(w, vcpu)));
	return any;
}

void s2_irq_run(struct s2_irq_world *w, unsigned vcpu)
{
	const bool loaded = s2_vgic_run_state(s2_irq_vcpu(w, vcpu)).loaded;
	unsigned rounds = 0;

	if (!loaded)
		s2_irq_load(w, vcpu);
	while (!w->error && take_some(w, vcpu) && ++rounds < 64)
		;
	if (!loaded)
		note(w, s2_vgic_put(s2_irq_vcpu(w, vcpu)));
	s2_interrupt_check_quiet(w->check, vcpu);
}

void s2_irq_run_all(struct s2_irq_world *w)
{
	for (unsigned i = 0; i < s2_vgic_vcpus(w->vgic); i++)
		s2_irq_run(w, i);
}

static int make(struct s2_irq_world *w, const struct s2_mutant *mutant, bool mended)
{
	const struct s2_vgic_mutant *v = &mutant->vgic;
	const char *routing = mended && v->mended_routing ? v->mended_routing : v->routing;
	const struct s2_vgic_config cfg = {
		.routing = s2_routing_find(routing)->routing,
		.overflow = S2_OVERFLOW_NPIE,
		.late_vcpus = true,
		.bug = mended ? S2_BUG_NONE : v->bug,
	};
	struct s2_machine_config machine = {.cpus = 9};
	int ret = s2_features_preset("neoverse-n1", &machine.features);

	if (!ret)
		ret = s2_machine_create(&machine, &w->m);
	if (!ret)
		ret = s2_vgic_create(w->m, &cfg, &w->vgic);
	w->odd = v->odd && !mended;
	return ret ? ret : s2_interrupt_check_create(VCPUS_MAX, v->odd, &w->check);
}

static void vgic_run_take_down(const struct s2_irq_world *w, struct s2_mutant_found *found)
{
	const struct s2_violation *first = s2_interrupt_check_first(w->check);
	struct s2_violation v;

	found->broken[S2_RULE_INTERRUPTS] = s2_interrupt_check_count(w->check);
	found->found = first != NULL;
	if (!first)
		return;
	v = *first;
	v.step = w->lines;
	found->step = v.step;
	(void)s2_violation_text(&v, found->text, sizeof(found->text));
	s2_mutant_tell(found, &v);
}

int s2_vgic_mutant_run(const struct s2_mutant *mutant, bool mended, struct s2_mutant_found *found,
		       struct s2_error *err)
{
	struct s2_irq_world w = {.found = found};
	int ret = make(&w, mutant, mended);

	if (!ret) {
		s2_irq_play(&w, mutant->vgic.scene);
		vgic_run_take_down(&w, found);
		ret = w.error;
	}
	s2_interrupt_check_free(w.check);
	s2_vgic_destroy(w.vgic);
	s2_machine_destroy(w.m);
	if (ret)
		s2_error_set(err, 1, "%s: %s", mutant->name, strerror(-ret));
	return ret;
}
