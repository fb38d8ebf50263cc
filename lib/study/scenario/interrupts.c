/* SPDX-License-Identifier: MIT */
/* Interrupts on their way while vcpus are made, named, entered, put to sleep and moved. */
#include "study/scenario/scenarios.h"

#include <errno.h>
#include <stdlib.h>

#include "hyp/vgic/delivery/vgic_lr.h"
#include "hyp/vgic/lookup/vcpu_lookup.h"
#include "hyp/vgic/regs/irq_state.h"
#include "hyp/vgic/state/gated.h"
#include "hyp/vgic/state/kick.h"
#include "hyp/vgic/state/locks.h"
#include "hyp/vgic/state/vcpu_set.h"
#include "hyp/vgic/state/vgic.h"
#include "hyp/vgic/state/vgic_irq.h"

/* --- before the threads ---------------------------------------------------- */

static int vcpu0_runs(void *state)
{
	struct s2_gic_world *w = state;

	s2_gic_world_load(w, 0);
	return w->error;
}

static int both_loaded(void *state)
{
	struct s2_gic_world *w = state;

	s2_gic_world_load(w, 0);
	s2_gic_world_load(w, 1);
	return w->error;
}

/* Vcpu 1's guest has acknowledged the SGI, and is about to end it. */
static int vcpu1_serves(void *state)
{
	struct s2_gic_world *w = state;
	struct s2_cpu *cpu = s2_gic_world_cpu(w, 1);

	if (both_loaded(w))
		return w->error;
	s2_gic_world_send(w, 0, 1);
	s2_gic_world_expect(w, s2_vgic_enter(s2_vgic_vcpu(w->vgic, 1)));
	return s2_ich_ack(s2_cpu_ich(cpu), true) == S2_GIC_WORLD_SGI ? w->error : -EINVAL;
}

static struct s2_irq *spi_of(struct s2_gic_world *w, unsigned n)
{
	return s2_vgic_irq(w->vgic, NULL, S2_GIC_WORLD_SPI + n);
}

static void raise_spi(struct s2_gic_world *w, unsigned n, unsigned cpu)
{
	s2_gic_world_expect(w, s2_vgic_inject(w->vgic, s2_gic_world_cpu(w, cpu), NULL,
					      S2_GIC_WORLD_SPI + n, true));
}

/* An SPI for vcpu @v. */
static void route_spi(struct s2_gic_world *w, unsigned n, unsigned v, unsigned cpu)
{
	const struct s2_gic_io io = {
		.cpu = s2_gic_world_cpu(w, cpu),
		.who = S2_GIC_GUEST,
		.offset = s2_gic_reg_info(S2_GICD_IROUTER)->offset + 8U * (S2_GIC_WORLD_SPI + n),
		.size = 8};

	s2_gic_world_expect(w, s2_vgic_dist_write(w->vgic, &io, s2_mpidr_from_id(v).v));
}

/* Vcpu 0's guest serves an SPI. */
static int vcpu0_serves_spi(void *state)
{
	struct s2_gic_world *w = state;

	if (both_loaded(w))
		return w->error;
	s2_irq_set_enabled(w->vgic, spi_of(w, 0), true);
	route_spi(w, 0, 0, 0);
	raise_spi(w, 0, S2_GIC_WORLD_HOST);
	s2_gic_world_expect(w, s2_vgic_enter(s2_vgic_vcpu(w->vgic, 0)));
	return s2_ich_ack(s2_cpu_ich(s2_gic_world_cpu(w, 0)), true) == S2_GIC_WORLD_SPI ? w->error
											: -EINVAL;
}

/* Each of two vcpus has an SPI that is the other's by now. */
static int spis_to_swap(void *state)
{
	struct s2_gic_world *w = state;

	if (both_loaded(w))
		return w->error;
	for (unsigned n = 0; n < 2; n++) {
		s2_irq_set_enabled(w->vgic, spi_of(w, n), true);
		route_spi(w, n, n, S2_GIC_WORLD_HOST);
		raise_spi(w, n, S2_GIC_WORLD_HOST);
		s2_gic_world_expect(w, s2_vgic_enter(s2_vgic_vcpu(w->vgic, n)));
		route_spi(w, n, !n, S2_GIC_WORLD_HOST);
	}
	return w->error;
}

/* --- threads --------------------------------------------------------------- */

static void vcpu0_sends(void *state)
{
	s2_gic_world_send(state, 0, 1);
}

static void vcpu0_broadcasts(void *state)
{
	struct s2_gic_world *w = state;

	w->wanted[1] |= UINT64_C(1) << S2_GIC_WORLD_SGI;
	s2_gic_world_expect(w, s2_vgic_send_sgi(s2_vgic_vcpu(w->vgic, 0), s2_gic_world_cpu(w, 0),
						S2_ICC_SGI1R,
						S2_SGI_IRM | s2_field_put(S2_GIC_WORLD_SGI,
									  S2_SGI_INTID)));
}

static void vcpu1_first_runs(void *state)
{
	s2_gic_world_load(state, 1);
	s2_gic_world_run(state, 1);
}

static void vcpu1_runs(void *state)
{
	s2_gic_world_run(state, 1);
}

static void vcpu1_sleeps(void *state)
{
	struct s2_gic_world *w = state;
	const int ret = s2_vgic_wfi(s2_vgic_vcpu(w->vgic, 1));

	s2_gic_world_expect(w, ret);
}

/* The guest ends what it serves, and leaves. */
static void ends(struct s2_gic_world *w, unsigned v, uint32_t intid)
{
	s2_ich_eoi(s2_cpu_ich(s2_gic_world_cpu(w, v)), true, intid);
	s2_gic_world_expect(w, s2_vgic_exit(s2_vgic_vcpu(w->vgic, v)));
}

static void vcpu1_ends(void *state)
{
	ends(state, 1, S2_GIC_WORLD_SGI);
}

static void vcpu0_ends_spi(void *state)
{
	ends(state, 0, S2_GIC_WORLD_SPI);
}

static void guest_reroutes_and_device_raises(void *state)
{
	route_spi(state, 0, 1, S2_GIC_WORLD_HOST);
	raise_spi(state, 0, S2_GIC_WORLD_HOST);
}

static void device_raises(void *state)
{
	raise_spi(state, 0, S2_GIC_WORLD_HOST);
}

static void guest_reroutes(void *state)
{
	route_spi(state, 0, 1, 1);
}

static void vcpu0_leaves(void *state)
{
	struct s2_gic_world *w = state;

	s2_gic_world_expect(w, s2_vgic_exit(s2_vgic_vcpu(w->vgic, 0)));
}

static void vcpu1_leaves(void *state)
{
	struct s2_gic_world *w = state;

	s2_gic_world_expect(w, s2_vgic_exit(s2_vgic_vcpu(w->vgic, 1)));
}

static void vcpu2_is_made(void *state)
{
	struct s2_gic_world *w = state;

	s2_gic_world_expect(w, s2_vgic_add_vcpu(w->vgic, 2, NULL));
	s2_explore_touch(s2_gic_world_cpu(w, S2_GIC_WORLD_HOST), 0, true);
	w->shared = 1;
}

/* To the new one, if it is there by now, else to the one that always was. */
static void vcpu0_sends_to_newest(void *state)
{
	struct s2_gic_world *w = state;

	s2_explore_touch(s2_gic_world_cpu(w, 0), 0, false);
	s2_gic_world_send(w, 0, w->shared ? 2 : 1);
}

static void vcpu2_is_renamed(void *state)
{
	struct s2_gic_world *w = state;

	s2_vgic_set_mpidr(s2_vgic_vcpu(w->vgic, 2), s2_mpidr_from_id(6));
}

/* --- broken forms ---------------------------------------------------------- */

/* The pointer is there before what it points to. */
static void build_in_public(struct s2_vgic *vgic)
{
	struct s2_mpidr_table *table = &vgic->table;

	if (table->entry)
		return;
	table->gather = s2_mpidr_gather(3);
	s2_vgic_touch(vgic, "mpidr_data", true);
	table->entry = calloc(UINT64_C(1) << table->gather.bits, sizeof(*table->entry));
	for (unsigned i = 0; table->entry && i < vgic->n_vcpus; i++) {
		s2_vgic_touch(vgic, "a vcpu's MPIDR", false);
		table->entry[s2_mpidr_index(&table->gather, s2_mpidr(vgic->hwid[i]))] = (uint16_t)i;
	}
}

static int public_table(void *state)
{
	static struct s2_lookup_ops ops;
	struct s2_gic_world *w = state;

	ops = s2_lookup_table_final_ops;
	ops.build = build_in_public;
	w->vgic->lookup = &ops;
	return 0;
}

/* The old index goes before the new one is there, and a miss in it is final. */
static void rebuild_in_public(struct s2_vgic *vgic)
{
	s2_mpidr_table_drop(vgic);
	build_in_public(vgic);
}

static int public_rebuild(void *state)
{
	static struct s2_lookup_ops ops;
	struct s2_gic_world *w = state;

	ops = s2_lookup_table_final_ops;
	ops.mpidr_changed = rebuild_in_public;
	w->vgic->lookup = &ops;
	return vcpu0_runs(w);
}

/* A vcpu can be found before it is whole: its number is in the array, its SGIs are not. */
static void vcpu2_is_found_early(void *state)
{
	struct s2_gic_world *w = state;
	struct s2_vgic *vgic = w->vgic;

	s2_gic_world_expect(w, s2_vgic_add_vcpu(vgic, 2, NULL));
	s2_explore_touch(s2_gic_world_cpu(w, S2_GIC_WORLD_HOST), 0, true);
	w->shared = 1;
	s2_vgic_touch(vgic, "the vcpu's private interrupts", true);
	s2_irq_reset_private(vgic, 2);
}

/* Nobody looks at requests once more: what came after the flush waits for the next exit. */
static void vcpu1_enters_unchecked(void *state)
{
	struct s2_gic_world *w = state;
	struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(w->vgic, 1);

	s2_vgic_touch(w->vgic, "vcpu->requests", true);
	s2_vcpu_set_to(&w->vgic->requested, 1, false);
	s2_vgic_touch(w->vgic, "the vcpu's list", false);
	s2_lr_flush(vcpu);
	s2_vgic_touch(w->vgic, "vcpu->mode", true);
	vcpu->entered = true;
	s2_vcpu_set_to(&w->vgic->in_guest, 1, true);
	s2_gic_world_take(w, 1);
}

/* Looks, and then sleeps. */
static void vcpu1_sleeps_late(void *state)
{
	struct s2_gic_world *w = state;

	s2_vgic_touch(w->vgic, "what is pending", false);
	if (s2_vgic_pending(s2_vgic_vcpu(w->vgic, 1)))
		return;
	s2_vgic_touch(w->vgic, "whether the vcpu sleeps", true);
	s2_vcpu_set_to(&w->vgic->blocked, 1, true);
}

/* The exit makes of the interrupt what the list register says, and no more. */
static void vcpu1_ends_and_overwrites(void *state)
{
	struct s2_gic_world *w = state;
	struct s2_vgic_cpu *vcpu = s2_vgic_vcpu(w->vgic, 1);
	struct s2_irq *irq = s2_vgic_irq(w->vgic, vcpu, S2_GIC_WORLD_SGI);
	struct s2_cpu *cpu = s2_gic_world_cpu(w, 1);

	s2_ich_eoi(s2_cpu_ich(cpu), true, S2_GIC_WORLD_SGI);
	s2_lock_irq(w->vgic, cpu, irq);
	irq->latch = (cpu->ich.lr[0] & S2_LR_PENDING) != 0;
	s2_unlock_irq(w->vgic, cpu, irq);
	s2_gic_world_expect(w, s2_vgic_exit(vcpu));
}

/* Queues without the second look, once both locks are held. */
static void queue_unseen(struct s2_gic_world *w, unsigned c)
{
	struct s2_cpu *cpu = s2_gic_world_cpu(w, c);
	struct s2_irq *irq = spi_of(w, 0);
	struct s2_vgic_cpu *vcpu;
	uint16_t target;

	s2_lock_irq(w->vgic, cpu, irq);
	irq->latch = true;
	target = irq->vcpu == S2_NO_VCPU ? s2_irq_target_oracle(w->vgic, irq) : S2_NO_VCPU;
	s2_unlock_irq(w->vgic, cpu, irq);
	if (target == S2_NO_VCPU)
		return;
	vcpu = s2_vgic_vcpu(w->vgic, target);
	s2_lock_ap(w->vgic, cpu, vcpu);
	s2_lock_irq(w->vgic, cpu, irq);
	s2_ap_list_append(&vcpu->ap_list, irq, target);
	s2_unlock_irq(w->vgic, cpu, irq);
	s2_unlock_ap(w->vgic, cpu, vcpu);
}

static int spi_is_idle(void *state)
{
	struct s2_gic_world *w = state;

	if (both_loaded(w))
		return w->error;
	s2_irq_set_enabled(w->vgic, spi_of(w, 0), true);
	route_spi(w, 0, 0, S2_GIC_WORLD_HOST);
	return w->error;
}

static void queue_unseen_host(void *state)
{
	queue_unseen(state, S2_GIC_WORLD_HOST);
}

static void queue_unseen_and_reroute(void *state)
{
	guest_reroutes(state);
	queue_unseen(state, 1);
}

static void reroute_and_raise(void *state)
{
	guest_reroutes(state);
	raise_spi(state, 0, 1);
}

/* Moves its SPI with the other's list locked second, whoever that is. */
static void move_own_first(struct s2_gic_world *w, unsigned from)
{
	struct s2_cpu *cpu = s2_gic_world_cpu(w, from);
	struct s2_vgic_cpu *mine = s2_vgic_vcpu(w->vgic, from), *other = s2_vgic_vcpu(w->vgic, !from);
	struct s2_irq *irq = spi_of(w, from);

	s2_lock_ap(w->vgic, cpu, mine);
	s2_lock_ap(w->vgic, cpu, other);
	s2_lock_irq(w->vgic, cpu, irq);
	s2_ap_list_remove(&mine->ap_list, irq);
	s2_ap_list_append(&other->ap_list, irq, (uint16_t)!from);
	s2_unlock_irq(w->vgic, cpu, irq);
	s2_unlock_ap(w->vgic, cpu, other);
	s2_unlock_ap(w->vgic, cpu, mine);
}

static void vcpu0_moves(void *state)
{
	move_own_first(state, 0);
}

static void vcpu1_moves(void *state)
{
	move_own_first(state, 1);
}

/* --- the table ------------------------------------------------------------- */

#define GIC(...)                                                                             \
	.create = s2_gic_world_create, .prepare = s2_gic_world_prepare,                      \
	.destroy = s2_gic_world_destroy, .check = s2_gic_world_check,                        \
	.arg = (void *)(uintptr_t) & (const struct s2_gic_world_config)                      \
	{                                                                                    \
		__VA_ARGS__                                                                  \
	}
#define SOUND(n)      .preemptions = (n)
#define BROKEN(n, of) .broken = true, .preemptions = (n), .origin = (of)

static const struct s2_named_scenario rows[] = {
	{.scenario = {"sgi-first-run", "an SGI is sent while its target's first run builds the index",
		      GIC(.vcpus = 3), S2_TWO("vcpu 0", vcpu0_sends, "vcpu 1", vcpu1_first_runs)},
	 SOUND(3)},
	{.scenario = {"sgi-table-public", "the table is published before it is filled",
		      GIC(.vcpus = 3, .prepare = public_table),
		      S2_TWO("vcpu 0", vcpu0_sends, "vcpu 1", vcpu1_first_runs)},
	 BROKEN(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"sgi-late-vcpu", "an SGI is sent while a vcpu is made, and to that one",
		      GIC(.vcpus = 2, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_sends_to_newest, "VMM", vcpu2_is_made)},
	 SOUND(S2_EXPLORE_ANY)},
	{.scenario = {"sgi-late-final", "ce5d2448eb8f: a vcpu that is made late is not in the table",
		      GIC(.routing = "bits-final", .vcpus = 2, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_sends_to_newest, "VMM", vcpu2_is_made)},
	 BROKEN(2, S2_ORIGIN_PUBLISHED)},
	{.scenario = {"sgi-found-early", "a vcpu can be found before its interrupts are set up",
		      GIC(.vcpus = 2, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_sends_to_newest, "VMM", vcpu2_is_found_early)},
	 BROKEN(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"sgi-mpidr", "an SGI is sent while another vcpu's MPIDR is written",
		      GIC(.vcpus = 3, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_sends, "VMM", vcpu2_is_renamed)},
	 SOUND(S2_EXPLORE_ANY)},
	{.scenario = {"sgi-refill-public", "the index is filled again in place when an MPIDR is written",
		      GIC(.vcpus = 3, .prepare = public_rebuild),
		      S2_TWO("vcpu 0", vcpu0_sends, "VMM", vcpu2_is_renamed)},
	 BROKEN(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"sgi-entry", "an SGI is sent while its target enters the guest",
		      GIC(.vcpus = 2, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_sends, "vcpu 1", vcpu1_runs)},
	 SOUND(3)},
	{.scenario = {"sgi-broadcast-entry", "the same of an SGI to all",
		      GIC(.vcpus = 2, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_broadcasts, "vcpu 1", vcpu1_runs)},
	 SOUND(3)},
	{.scenario = {"sgi-entry-unchecked", "requests are not looked at again once the guest counts as in",
		      GIC(.vcpus = 2, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_sends, "vcpu 1", vcpu1_enters_unchecked)},
	 BROKEN(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"sgi-sleep", "an SGI is sent while its target goes to sleep",
		      GIC(.vcpus = 2, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_sends, "vcpu 1", vcpu1_sleeps)},
	 SOUND(3)},
	{.scenario = {"sgi-sleep-late", "a vcpu counts as asleep after it has looked what is pending",
		      GIC(.vcpus = 2, .prepare = both_loaded),
		      S2_TWO("vcpu 0", vcpu0_sends, "vcpu 1", vcpu1_sleeps_late)},
	 BROKEN(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"sgi-again", "an SGI comes again while its target ends the one before",
		      GIC(.vcpus = 2, .prepare = vcpu1_serves),
		      S2_TWO("vcpu 0", vcpu0_sends, "vcpu 1", vcpu1_ends)},
	 SOUND(3)},
	{.scenario = {"sgi-again-lost", "the exit overwrites what has become pending meanwhile",
		      GIC(.vcpus = 2, .prepare = vcpu1_serves),
		      S2_TWO("vcpu 0", vcpu0_sends, "vcpu 1", vcpu1_ends_and_overwrites)},
	 BROKEN(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"spi-moves", "an SPI is routed elsewhere and raised again while it is ended",
		      GIC(.vcpus = 2, .prepare = vcpu0_serves_spi),
		      S2_TWO("vcpu 0", vcpu0_ends_spi, "device", guest_reroutes_and_device_raises)},
	 SOUND(3)},
	{.scenario = {"spi-forgotten", "an SPI that moves leaves one list and is put on none",
		      GIC(.vcpus = 2, .prepare = vcpu0_serves_spi, .bug = S2_BUG_MIGRATE_FORGETS),
		      S2_TWO("vcpu 0", vcpu0_ends_spi, "device", guest_reroutes_and_device_raises)},
	 BROKEN(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"spi-raised-twice", "two devices raise an SPI that is routed elsewhere",
		      GIC(.vcpus = 2, .prepare = spi_is_idle),
		      S2_TWO("device", device_raises, "vcpu 1", reroute_and_raise)},
	 SOUND(3)},
	{.scenario = {"spi-two-lists", "the same without a second look under both locks",
		      GIC(.vcpus = 2, .prepare = spi_is_idle),
		      S2_TWO("device", queue_unseen_host, "vcpu 1", queue_unseen_and_reroute)},
	 BROKEN(2, S2_ORIGIN_MADE_UP)},
	{.scenario = {"spis-swap", "two vcpus leave, each with an SPI that is the other's by now",
		      GIC(.vcpus = 2, .prepare = spis_to_swap),
		      S2_TWO("vcpu 0", vcpu0_leaves, "vcpu 1", vcpu1_leaves)},
	 SOUND(2)},
	{.scenario = {"spis-swap-order", "the same with each vcpu's own list locked first",
		      GIC(.vcpus = 2, .prepare = spis_to_swap),
		      S2_TWO("vcpu 0", vcpu0_moves, "vcpu 1", vcpu1_moves)},
	 BROKEN(1, S2_ORIGIN_MADE_UP)},
};

S2_SCENARIO_TABLE(s2_interrupt_scenarios, rows);
