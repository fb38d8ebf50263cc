/* SPDX-License-Identifier: MIT */
#include "study/work/sgi_world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "study/base/random.h"
#include "study/work/sgi_layout.h"

/* The priority mask that a guest opens. */
#define OPEN_MASK 0xf0U

unsigned s2_sgi_world_random(struct s2_sgi_world *w, unsigned below)
{
	return (unsigned)(s2_random_next(&w->random) % below);
}

static struct s2_vgic_cpu *vcpu_at(const struct s2_sgi_world *w, unsigned index)
{
	return s2_vgic_vcpu(w->vgic, index);
}

/* Each vcpu has a CPU of its own. */
static struct s2_cpu *cpu_of(const struct s2_sgi_world *w, unsigned index)
{
	return s2_machine_cpu(w->machine, index);
}

static void open_mask(struct s2_vgic_cpu *vcpu)
{
	s2_vgic_ich(vcpu)->vmcr = S2_VMCR_ENG1 | s2_field_put(OPEN_MASK, S2_VMCR_PMR);
}

int s2_sgi_world_add_vcpu(struct s2_sgi_world *w, struct s2_error *err)
{
	struct s2_vgic_cpu *vcpu;
	uint32_t id = 0;
	int ret;

	while (s2_vgic_vcpu_by_id(w->vgic, id))
		id++;
	ret = s2_vgic_add_vcpu(w->vgic, id, &vcpu);
	if (ret) {
		s2_error_set(err, 1, "vcpu %" PRIu32 ": cannot be made, expected at most %u", id,
			     S2_VGIC_MAX_CPUS);
		return ret;
	}
	open_mask(vcpu);
	if (w->mpidrs)
		s2_vgic_set_mpidr(vcpu, w->mpidrs[w->n]);
	w->out->unreachable += s2_sgi_unreachable(s2_vgic_mpidr(vcpu));
	s2_interrupt_check_mpidr(w->check, w->n++, s2_vgic_mpidr(vcpu));
	return 0;
}

/* Fisher-Yates over the ids that MPIDRs are made of. */
static void shuffle_mpidrs(struct s2_sgi_world *w)
{
	for (unsigned i = w->n; i-- > 1;) {
		const unsigned j = s2_sgi_world_random(w, i + 1U);
		const struct s2_mpidr a = s2_vgic_mpidr(vcpu_at(w, i));

		s2_vgic_set_mpidr(vcpu_at(w, i), s2_vgic_mpidr(vcpu_at(w, j)));
		s2_vgic_set_mpidr(vcpu_at(w, j), a);
	}
}

/* The last cluster far from the others: at least 16 bits more that differ. */
static void spread_mpidrs(struct s2_sgi_world *w)
{
	for (unsigned i = (w->n - 1U) & ~15U; i < w->n; i++) {
		const struct s2_mpidr m = s2_mpidr_from_id(i);

		s2_vgic_set_mpidr(vcpu_at(w, i), s2_mpidr(m.v | S2_MPIDR_AFF2 | S2_MPIDR_AFF3));
	}
	/* With one cluster that is no difference yet. */
	if (w->n <= S2_SGI_LIST_BITS)
		s2_vgic_set_mpidr(vcpu_at(w, 0), s2_mpidr_from_id(0));
}

static void place(struct s2_sgi_world *w, enum s2_sgi_workload workload)
{
	if (workload == S2_SGI_SHUFFLED)
		shuffle_mpidrs(w);
	if (workload == S2_SGI_NO_TABLE)
		spread_mpidrs(w);
}

static void set_state(struct s2_sgi_world *w, unsigned index, enum s2_sgi_target_state state)
{
	struct s2_vgic_cpu *vcpu = vcpu_at(w, index);

	s2_vgic_put(vcpu);
	if (state == S2_SGI_IDLE)
		return;
	s2_vgic_load(vcpu, cpu_of(w, index));
	if (state == S2_SGI_WFI)
		s2_vgic_wfi(vcpu);
	else
		s2_vgic_enter(vcpu);
}

void s2_sgi_world_set_states(struct s2_sgi_world *w, int state)
{
	for (unsigned i = 0; i < w->n; i++)
		set_state(w, i,
			  state < 0 ? (enum s2_sgi_target_state)s2_sgi_world_random(w, 3)
				    : (enum s2_sgi_target_state)state);
}

static int sgi_world_make_vm(struct s2_sgi_world *w, const struct s2_sgi_load *load,
			     struct s2_error *err)
{
	const struct s2_vgic_config cfg = {
		.routing = load->routing,
		.page_shift = load->page_shift,
		.overflow = S2_OVERFLOW_NPIE,
		.late_vcpus = true,
	};
	int ret = s2_vgic_create(w->machine, &cfg, &w->vgic);

	if (!ret)
		ret = s2_interrupt_check_create(S2_VGIC_MAX_CPUS, false, &w->check);
	for (unsigned i = 0; !ret && i < load->vcpus; i++)
		ret = s2_sgi_world_add_vcpu(w, err);
	if (!ret)
		ret = s2_vgic_init(w->vgic);
	if (ret && err && !err->code)
		s2_error_set(err, 1, "cannot make a VM of %u vcpus: %s", load->vcpus,
			     strerror(-ret));
	return ret;
}

static void boot(struct s2_sgi_world *w, const struct s2_sgi_load *load)
{
	const struct s2_gic_io ctlr = {cpu_of(w, 0), S2_GIC_GUEST, 0, 4};

	place(w, load->workload);
	for (unsigned i = 0; i < w->n; i++)
		s2_interrupt_check_mpidr(w->check, i, s2_vgic_mpidr(vcpu_at(w, i)));
	s2_vgic_dist_write(w->vgic, &ctlr, S2_GICD_CTLR_ENABLE_G1);
	/* Every vcpu has run once: tables are there. */
	s2_sgi_world_set_states(w, S2_SGI_RUNNING);
	s2_sgi_world_set_states(w, (int)w->state);
}

int s2_sgi_world_open(struct s2_sgi_world *w, const struct s2_sgi_load *load,
		      struct s2_sgi_outcome *out, struct s2_error *err)
{
	struct s2_machine_config cfg = {.features = *load->features, .cpus = load->vcpus + 1U};
	int ret;

	memset(w, 0, sizeof(*w));
	w->out = out;
	w->random = load->seed;
	w->state = load->state;
	w->mpidrs = load->mpidrs;
	ret = s2_machine_create(&cfg, &w->machine);
	if (ret) {
		s2_error_set(err, 1, "cannot make a machine of %u CPUs: %s", cfg.cpus,
			     strerror(-ret));
		return ret;
	}
	ret = load->list_registers ? s2_machine_set_list_registers(w->machine, load->list_registers)
				   : 0;
	if (ret)
		s2_error_set(err, 1, "%u list registers, expected 1 to 16", load->list_registers);
	else
		ret = sgi_world_make_vm(w, load, err);
	if (ret) {
		s2_sgi_world_close(w);
		return ret;
	}
	boot(w, load);
	return 0;
}

void s2_sgi_world_close(struct s2_sgi_world *w)
{
	s2_interrupt_check_free(w->check);
	s2_vgic_destroy(w->vgic);
	s2_machine_destroy(w->machine);
}

void s2_sgi_world_send(struct s2_sgi_world *w, unsigned sender, uint64_t value)
{
	struct s2_vgic_cpu *vcpu = vcpu_at(w, sender);
	const bool traps = s2_vgic_run_state(vcpu).in_guest || s2_vgic_run_state(vcpu).exiting;
	struct s2_counts before, after, spent;

	w->out->wanted += s2_interrupt_check_sgi(w->check, sender, value);
	if (traps)
		s2_vgic_exit(vcpu);
	before = s2_machine_counts(w->machine);
	s2_vgic_send_sgi(vcpu, cpu_of(w, sender), S2_ICC_SGI1R, value);
	after = s2_machine_counts(w->machine);
	spent = s2_counts_since(&before, &after);
	s2_counts_add(&w->out->sends, &spent);
	w->out->writes++;
	if (traps)
		s2_vgic_enter(vcpu);
}

static void tell(struct s2_sgi_outcome *out, const char *what, unsigned vcpu, unsigned intid)
{
	if (out->first[0])
		return;
	snprintf(out->first, sizeof(out->first), "at write %" PRIu64 ": SGI %u of vcpu %u %s",
		 out->writes, intid, vcpu, what);
}

static void compare(struct s2_sgi_world *w, unsigned index)
{
	struct s2_irq_state irq;

	for (unsigned n = 0; n < S2_N_SGIS; n++) {
		const bool wanted = s2_interrupt_check_expects(w->check, index, n);

		s2_vgic_irq_state(w->vgic, vcpu_at(w, index), n, &irq);
		if (wanted && !irq.pending) {
			w->out->lost++;
			tell(w->out, "was lost", index, n);
		}
		if (!wanted && irq.pending) {
			w->out->astray++;
			tell(w->out, "went astray", index, n);
		}
		s2_interrupt_check_lower(w->check, index, n);
	}
}

/* Runs a vcpu until it has taken all that it has. */
static void take_all(struct s2_sgi_world *w, unsigned index)
{
	struct s2_vgic_cpu *vcpu = vcpu_at(w, index);
	uint32_t intid;

	s2_vgic_load(vcpu, cpu_of(w, index));
	do {
		s2_vgic_enter(vcpu);
		intid = s2_ich_ack(s2_vgic_ich(vcpu), true);
		s2_ich_eoi(s2_vgic_ich(vcpu), true, intid);
		s2_vgic_exit(vcpu);
	} while (intid != S2_GIC_SPURIOUS);
	s2_vgic_put(vcpu);
}

void s2_sgi_world_settle(struct s2_sgi_world *w)
{
	const struct s2_counts before = s2_machine_counts(w->machine);
	struct s2_counts after, spent;

	for (unsigned i = 0; i < w->n; i++) {
		s2_vgic_put(vcpu_at(w, i));
		compare(w, i);
		take_all(w, i);
	}
	after = s2_machine_counts(w->machine);
	spent = s2_counts_since(&before, &after);
	s2_counts_add(&w->out->targets, &spent);
	s2_sgi_world_set_states(w, (int)w->state);
}
