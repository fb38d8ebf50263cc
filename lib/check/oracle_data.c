/* SPDX-License-Identifier: MIT */
/*
 * Data: what guests and the host read, against what their contract lets them
 * count on.  Each act moves the ledger; where it promises that lines are
 * coherent from here on, memory must hold that under every choice of hardware's.
 */
#include "check/oracle_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/walker.h"

#define WB (1U << S2_AGENT_WRITE_BACK)
#define NC (1U << S2_AGENT_NON_CACHEABLE)

#define ALL_CONTRACTS ((1U << S2_GUEST_CONTRACTS) - 1)

/* Vcpus as a set. */
struct vcpu_set {
	unsigned n;
	uint64_t bits[S2_ACT_VCPUS / 64];
};

/* A VM, as far as its contracts ask. */
struct s2_data_vm {
	uint32_t number;
	uint64_t vtcr, vttbr; /* of its stage 2, or 0 */
	struct vcpu_set on;
	struct vcpu_set swept; /* have cleaned by set and way, and not written write-back since */
	/*
	 * Whose caches may hold something: on, or on since their reset and not swept
	 * before they went off.  With none it is bare metal's time: alone, in the ledger.
	 */
	struct vcpu_set used;
};

/* An act under way. */
struct deed {
	struct s2_oracle *o;
	struct s2_data *d;
	const struct s2_act *act;
	struct s2_data_vm *vm;
};

static bool has(const struct vcpu_set *set, unsigned vcpu)
{
	return set->bits[vcpu / 64] >> vcpu % 64 & 1;
}

static void set_to(struct vcpu_set *set, unsigned vcpu, bool value)
{
	if (has(set, vcpu) == value)
		return;
	set->bits[vcpu / 64] ^= UINT64_C(1) << vcpu % 64;
	set->n += value ? 1 : ~0U;
}

static struct s2_data_vm *find_vm(struct s2_data *d, uint32_t number)
{
	struct s2_data_vm *vms;

	for (size_t i = 0; i < d->n_vms; i++)
		if (d->vms[i].number == number)
			return &d->vms[i];
	vms = realloc(d->vms, (d->n_vms + 1) * sizeof(*vms));
	if (!vms)
		return NULL;
	d->vms = vms;
	memset(&vms[d->n_vms], 0, sizeof(*vms));
	vms[d->n_vms].number = number;
	return &vms[d->n_vms++];
}

/* ---- what memory may hold, against what was promised ---- */

static void found(const struct deed *deed, enum s2_contract contract, enum s2_finding finding,
		  const struct s2_ledger_run *run, struct s2_pa pa)
{
	const unsigned shift = deed->d->line_shift;
	struct s2_violation v = {
		.finding = finding,
		.contract = contract,
		.vcpu = deed->act ? deed->act->vcpu : run->writer,
		.level = -1,
		.pa = pa,
		.last = finding == S2_FOUND_LEAK ? run->given : run->last,
		.size = (run->end << shift) - pa.v,
	};

	s2_oracle_report(deed->o, &v);
}

/* What reads by @agents may give, and what it is if they give another version. */
struct expected {
	unsigned agents;
	uint32_t oldest;
	enum s2_finding otherwise;
};

/* The first line of a run from @pa on of which a read may give something else. */
static bool find_other(const struct deed *deed, const struct expected *e,
		       const struct s2_ledger_run *run, struct s2_pa *pa)
{
	const struct s2_line_want want = {
		.agents = e->agents, .oldest = e->oldest, .newest = run->last};
	const uint64_t end = run->end << deed->d->line_shift;

	return pa->v < end &&
	       s2_memory_find(deed->d->memory, &want, *pa, end - pa->v, pa) == 1;
}

static struct s2_pa start_of(const struct deed *deed, const struct s2_ledger_run *run)
{
	return s2_pa(run->first << deed->d->line_shift);
}

/* Whether every read of the run gives what is expected. */
static bool reads(const struct deed *deed, enum s2_contract contract, const struct expected *e,
		  const struct s2_ledger_run *run)
{
	struct s2_pa pa = start_of(deed, run);

	if (!find_other(deed, e, run, &pa))
		return true;
	found(deed, contract, e->otherwise, run, pa);
	return false;
}

/* How many bytes from @pa on the guest cannot reach without a fault, which maps them; 0: none. */
static uint64_t unmapped(const struct deed *deed, const struct s2_ledger_run *run, struct s2_pa pa)
{
	const struct s2_machine *m = deed->o->machine;
	const struct s2_ipa ipa = {pa.v + run->to_ipa};
	struct s2_fault fault = {0};
	struct s2_regime regime;
	struct s2_hw_walk walk;
	uint64_t size;

	if (!deed->vm->vttbr ||
	    s2_regime_init(&regime, &m->features, deed->vm->vtcr, deed->vm->vttbr))
		return 0;
	walk = s2_hw_walk_begin(&regime, ipa);
	while (s2_hw_walk_step(m->tables, &regime, ipa, &walk, &fault))
		continue;
	if (!fault.raised && s2_pte_is_leaf(walk.pte, walk.level))
		return 0;
	size = s2_level_size(&regime.geo, walk.level);
	return size - (ipa.v & (size - 1));
}

/*
 * The same of all that the guest can reach as it is.  @owed: there is more of it
 * for which it must fault first.
 */
static bool reads_mapped(const struct deed *deed, enum s2_contract contract,
			 const struct expected *e, const struct s2_ledger_run *run, bool *owed)
{
	struct s2_pa pa = start_of(deed, run);

	while (find_other(deed, e, run, &pa)) {
		const uint64_t skip = unmapped(deed, run, pa);

		if (!skip) {
			found(deed, contract, e->otherwise, run, pa);
			return false;
		}
		*owed = true;
		pa.v += skip;
	}
	return true;
}

/* Whether a run is coherent, as far as the guest can reach it. */
static bool coherent(const struct deed *deed, enum s2_contract contract,
		     const struct s2_ledger_run *run, bool *owed)
{
	const struct expected given = {deed->d->agents, run->given, S2_FOUND_LEAK};
	const struct expected cached = {WB, run->last, S2_FOUND_STALE_CACHED};
	const struct expected past = {NC, run->last, S2_FOUND_STALE_POC};

	if (contract == S2_CONTRACT_ISOLATION)
		return reads_mapped(deed, contract, &given, run, owed);
	if (!reads_mapped(deed, contract, &cached, run, owed))
		return false;
	/* With FWB every access of a guest is write-back. */
	return !(deed->d->agents & NC) || reads_mapped(deed, contract, &past, run, owed);
}

/* From here on the run is promised to be coherent. */
static void promise(const struct deed *deed, enum s2_contract contract, struct s2_ledger_run *run)
{
	bool owed = false;

	/* What is broken is told once, and promised no more. */
	if (!coherent(deed, contract, run, &owed))
		run->state[contract] = S2_DATA_UNDEFINED;
	else if (!owed)
		run->state[contract] = S2_DATA_COHERENT;
	else
		run->owed |= (uint8_t)(1U << contract);
}

/* Whether a read by one agent gives the last write. */
static bool reads_last(const struct deed *deed, enum s2_contract contract, enum s2_agent agent,
		       const struct s2_ledger_run *run)
{
	const struct expected last = {1U << agent, run->last,
				      agent == S2_AGENT_NON_CACHEABLE ? S2_FOUND_STALE_POC
								      : S2_FOUND_STALE_CACHED};

	return reads(deed, contract, &last, run);
}

/* ---- acts on lines ---- */

typedef void run_fn(const struct deed *deed, struct s2_ledger_run *run);

/* What a ledger hands on. */
struct each {
	const struct deed *deed;
	run_fn *fn;
	bool of_vm; /* those of the act's VM alone */
};

static void do_run(void *arg, struct s2_ledger_run *run)
{
	const struct each *each = arg;

	if (!each->of_vm || run->vm == each->deed->act->vm)
		each->fn(each->deed, run);
}

static int each_run(const struct deed *deed, run_fn *fn)
{
	const unsigned shift = deed->d->line_shift;
	const struct s2_act *act = deed->act;
	struct each each = {deed, fn, false};

	return s2_ledger_change(&deed->d->ledger, act->pa.v >> shift,
				((act->pa.v + act->size - 1) >> shift) + 1, act->vm, do_run, &each);
}

static void give_run(const struct deed *deed, struct s2_ledger_run *run)
{
	run->vm = deed->act->vm;
	run->given = run->last = deed->d->version;
	run->writer = 0;
	run->alone = false;
	run->owed = 0;
	run->to_ipa = deed->act->ipa.v - deed->act->pa.v;
	memset(run->state, S2_DATA_GIVEN, sizeof(run->state));
}

/* What the hypervisor owes at a map, and so before the first access after it. */
static void settle(const struct deed *deed, struct s2_ledger_run *run)
{
	const unsigned owed = run->owed;

	run->owed = 0;
	run->to_ipa = deed->act->ipa.v - deed->act->pa.v;
	for (unsigned c = 0; c < S2_GUEST_CONTRACTS; c++) {
		const bool written =
			run->state[c] == S2_DATA_DIRTY || run->state[c] == S2_DATA_UNCACHED;

		if (run->state[c] == S2_DATA_GIVEN || (owed >> c & 1 && written))
			promise(deed, (enum s2_contract)c, run);
	}
}

static bool is_cacheable(const struct deed *deed)
{
	return deed->act->cacheable || !(deed->d->agents & NC);
}

/* Whether a read by such an agent is promised the last write. */
static bool is_promised(enum s2_data_state state, bool cacheable)
{
	return state == S2_DATA_COHERENT ||
	       state == (cacheable ? S2_DATA_DIRTY : S2_DATA_UNCACHED);
}

static void read_run(const struct deed *deed, struct s2_ledger_run *run)
{
	const bool cacheable = is_cacheable(deed);

	settle(deed, run);
	for (unsigned c = S2_CONTRACT_ISOLATION + 1; c < S2_GUEST_CONTRACTS; c++)
		if (is_promised((enum s2_data_state)run->state[c], cacheable) &&
		    !reads_last(deed, (enum s2_contract)c,
				cacheable ? S2_AGENT_WRITE_BACK : S2_AGENT_NON_CACHEABLE, run))
			run->state[c] = S2_DATA_UNDEFINED;
}

/* After a write past the caches; of the last write-back one, not cleaned, any part may come over it. */
static enum s2_data_state after_uncached(enum s2_data_state state)
{
	switch (state) {
	case S2_DATA_COHERENT:
	case S2_DATA_UNCACHED:
		return S2_DATA_UNCACHED;
	default:
		return S2_DATA_UNDEFINED;
	}
}

/* Memory has the write, and d->version is it; what was owed was due before. */
static void write_run(const struct deed *deed, struct s2_ledger_run *run)
{
	const bool cacheable = is_cacheable(deed);

	for (unsigned c = S2_CONTRACT_ISOLATION + 1; c < S2_GUEST_CONTRACTS; c++)
		run->state[c] = (uint8_t)(cacheable ? S2_DATA_DIRTY
						    : after_uncached((enum s2_data_state)
									     run->state[c]));
	run->last = deed->d->version;
	run->writer = (uint16_t)deed->act->vcpu;
	run->alone = !cacheable && !deed->vm->used.n;
}

static void maintain_run(const struct deed *deed, struct s2_ledger_run *run)
{
	const bool invalidates = deed->act->op != S2_LINE_CLEAN;

	for (unsigned c = S2_CONTRACT_ISOLATION + 1; c < S2_GUEST_CONTRACTS; c++)
		if (run->state[c] == S2_DATA_DIRTY ||
		    (invalidates && run->state[c] == S2_DATA_UNCACHED))
			promise(deed, (enum s2_contract)c, run);
}

/* What was given, to whoever is promised it: the guest's writes come on top. */
static void take_given(const struct deed *deed, const struct s2_ledger_run *run, bool promised)
{
	const struct expected given = {1U << deed->act->agent, run->given, S2_FOUND_LEAK};

	(void)reads(deed, promised ? S2_CONTRACT_ISOLATION : S2_CONTRACT_RAW_DMA, &given, run);
}

/* The host reads what the guest has written, whichever way it did. */
static void take_run(const struct deed *deed, struct s2_ledger_run *run)
{
	const enum s2_agent agent = deed->act->agent;
	/* Whether it sees what is in caches, or somebody cleans for it. */
	const bool sees = agent != S2_AGENT_NON_CACHEABLE || deed->act->cleaned;
	const bool all_cached = !(deed->d->agents & NC);
	const enum s2_data_state arch = (enum s2_data_state)run->state[S2_CONTRACT_ARCH];

	if (sees || arch == S2_DATA_GIVEN)
		take_given(deed, run, sees);
	else if (arch == S2_DATA_DIRTY || (all_cached && arch != S2_DATA_UNDEFINED))
		(void)reads_last(deed, S2_CONTRACT_RAW_DMA, agent, run);
	for (unsigned c = S2_CONTRACT_ISOLATION + 1; c < S2_GUEST_CONTRACTS; c++) {
		const enum s2_data_state state = (enum s2_data_state)run->state[c];

		if (state == S2_DATA_GIVEN || state == S2_DATA_UNDEFINED)
			continue;
		if (!sees && (state == S2_DATA_DIRTY || all_cached))
			continue;
		if (!reads_last(deed, (enum s2_contract)c, agent, run))
			run->state[c] = S2_DATA_UNDEFINED;
	}
	/* If they come back it is by a fault, which cleans what it maps. */
	run->owed = ALL_CONTRACTS;
}

static int write_memory(const struct deed *deed, enum s2_agent agent)
{
	return s2_memory_write(deed->d->memory, agent, deed->act->pa, deed->act->size,
			       &deed->d->version);
}

static int maintain_memory(const struct deed *deed, enum s2_line_op op)
{
	return s2_memory_apply(deed->d->memory, op, deed->act->pa, deed->act->size, NULL);
}

static void settle_run(const struct deed *deed, struct s2_ledger_run *run)
{
	settle(deed, run);
}

static int on_access(const struct deed *deed)
{
	int ret;

	if (deed->act->access != S2_ACCESS_WRITE)
		return each_run(deed, read_run);
	ret = each_run(deed, settle_run);
	if (!ret)
		ret = write_memory(deed, is_cacheable(deed) ? S2_AGENT_WRITE_BACK
							: S2_AGENT_NON_CACHEABLE);
	if (!ret)
		ret = each_run(deed, write_run);
	if (is_cacheable(deed))
		set_to(&deed->vm->swept, deed->act->vcpu, false);
	return ret;
}

/* Whether dma_map_page() and its kin have caches to maintain. */
static bool needs_dma_api(const struct deed *deed)
{
	return deed->act->cleaned && deed->act->agent == S2_AGENT_NON_CACHEABLE;
}

/* DC CVAC before a device writes: nothing dirty goes over it; DC IVAC after it has. */
static int on_give(const struct deed *deed)
{
	const bool dma = needs_dma_api(deed);
	int ret = dma ? maintain_memory(deed, S2_LINE_CLEAN) : 0;

	if (!ret)
		ret = write_memory(deed, deed->act->agent);
	if (!ret && dma)
		ret = maintain_memory(deed, S2_LINE_INVALIDATE);
	return ret ? ret : each_run(deed, give_run);
}

/* DC CVAC before a device reads. */
static int on_take(const struct deed *deed)
{
	const int ret = needs_dma_api(deed) ? maintain_memory(deed, S2_LINE_CLEAN) : 0;

	return ret ? ret : each_run(deed, take_run);
}

static int on_maintain(const struct deed *deed)
{
	/* DC IVAC acts as DC CIVAC while stage 2 is on (Arm ARM, DC IVAC). */
	const enum s2_line_op op = deed->act->op == S2_LINE_CLEAN ? S2_LINE_CLEAN
								  : S2_LINE_CLEAN_INVALIDATE;
	const int ret = maintain_memory(deed, op);

	return ret ? ret : each_run(deed, maintain_run);
}

/* ---- acts on all that a VM has ---- */

static void each_run_of_vm(const struct deed *deed, run_fn *fn)
{
	struct each each = {deed, fn, true};

	s2_ledger_change_runs(&deed->d->ledger, 0, UINT64_MAX, do_run, &each);
}

static bool by_this_vcpu(const struct deed *deed, const struct s2_ledger_run *run,
			 enum s2_contract contract, enum s2_data_state state)
{
	return run->state[contract] == state && run->writer == deed->act->vcpu;
}

static void compat(const struct deed *deed, struct s2_ledger_run *run, enum s2_data_state state,
		   bool trapped)
{
	if (trapped && by_this_vcpu(deed, run, S2_CONTRACT_KVM_COMPAT, state))
		promise(deed, S2_CONTRACT_KVM_COMPAT, run);
	if (by_this_vcpu(deed, run, S2_CONTRACT_KVM_COMPAT_ANY, state))
		promise(deed, S2_CONTRACT_KVM_COMPAT_ANY, run);
}

/* What was written alone was before any vcpu's caches were on: this is the first. */
static void caches_on_run(const struct deed *deed, struct s2_ledger_run *run)
{
	if (run->alone && run->state[S2_CONTRACT_BARE_METAL] == S2_DATA_UNCACHED)
		promise(deed, S2_CONTRACT_BARE_METAL, run);
	compat(deed, run, S2_DATA_UNCACHED, deed->act->trapped);
}

/* No vcpu's caches hold anything any more. */
static void emptied_run(const struct deed *deed, struct s2_ledger_run *run)
{
	if (run->state[S2_CONTRACT_BARE_METAL] == S2_DATA_DIRTY)
		promise(deed, S2_CONTRACT_BARE_METAL, run);
}

/* Caches off, or set/way: what this vcpu wrote is in memory. */
static void cleaned_run(const struct deed *deed, struct s2_ledger_run *run)
{
	compat(deed, run, S2_DATA_DIRTY, deed->act->trapped);
}

static void reset_run(const struct deed *deed, struct s2_ledger_run *run)
{
	(void)deed;
	run->owed = ALL_CONTRACTS;
}

/* A vcpu's caches are empty: if they are the last, all that was written is in memory. */
static void emptied(const struct deed *deed)
{
	struct s2_data_vm *vm = deed->vm;

	if (!has(&vm->used, deed->act->vcpu))
		return;
	set_to(&vm->used, deed->act->vcpu, false);
	if (!vm->used.n)
		each_run_of_vm(deed, emptied_run);
}

static void on_caches(const struct deed *deed)
{
	const unsigned vcpu = deed->act->vcpu;
	struct s2_data_vm *vm = deed->vm;

	if (deed->act->on == has(&vm->on, vcpu))
		return;
	each_run_of_vm(deed, deed->act->on ? caches_on_run : cleaned_run);
	set_to(&vm->on, vcpu, deed->act->on);
	if (deed->act->on) {
		/* From here on they may hold copies of anything. */
		set_to(&vm->used, vcpu, true);
		set_to(&vm->swept, vcpu, false);
	} else if (has(&vm->swept, vcpu)) {
		emptied(deed);
	}
}

static void on_set_way(const struct deed *deed)
{
	each_run_of_vm(deed, cleaned_run);
	set_to(&deed->vm->swept, deed->act->vcpu, true);
	if (!has(&deed->vm->on, deed->act->vcpu))
		emptied(deed);
}

static void on_reset(const struct deed *deed)
{
	each_run_of_vm(deed, reset_run);
	set_to(&deed->vm->on, deed->act->vcpu, false);
	set_to(&deed->vm->used, deed->act->vcpu, false);
}

static int follow_act(const struct deed *deed)
{
	switch (deed->act->kind) {
	case S2_ACT_GIVE:
		return on_give(deed);
	case S2_ACT_TAKE:
		return on_take(deed);
	case S2_ACT_ACCESS:
		return on_access(deed);
	case S2_ACT_MAINTAIN:
		return on_maintain(deed);
	case S2_ACT_CACHES:
		on_caches(deed);
		return 0;
	case S2_ACT_SET_WAY:
		on_set_way(deed);
		return 0;
	default:
		on_reset(deed);
		return 0;
	}
}

int s2_data_act(struct s2_oracle *o, const struct s2_act *act)
{
	struct s2_data *d = &o->data;
	const struct deed deed = {o, d, act, find_vm(d, act->vm)};

	if (!deed.vm)
		return -ENOMEM;
	deed.vm->vtcr = act->vtcr;
	deed.vm->vttbr = act->vttbr;
	return follow_act(&deed);
}

static void lose_run(const struct deed *deed, struct s2_ledger_run *run)
{
	for (unsigned c = S2_CONTRACT_ISOLATION + 1; c < S2_GUEST_CONTRACTS; c++)
		if (is_promised((enum s2_data_state)run->state[c], true) &&
		    !reads_last(deed, (enum s2_contract)c, S2_AGENT_WRITE_BACK, run))
			run->state[c] = S2_DATA_UNDEFINED;
}

/* The hypervisor invalidates without cleaning: what was only in caches may be gone. */
void s2_data_invalidated(struct s2_oracle *o, uint64_t pa, uint64_t size)
{
	const struct deed deed = {o, &o->data, NULL, NULL};
	const unsigned shift = o->data.line_shift;
	struct each each = {&deed, lose_run, false};

	if (size)
		s2_ledger_change_runs(&o->data.ledger, pa >> shift,
				      ((pa + size - 1) >> shift) + 1, do_run, &each);
}

void s2_data_init(struct s2_data *d, const struct s2_features *f, struct s2_memory *memory)
{
	d->memory = memory;
	d->line_shift = f->dline_shift;
	d->agents = f->fwb ? WB : WB | NC;
}

void s2_data_free(struct s2_data *d)
{
	s2_ledger_free(&d->ledger);
	free(d->vms);
}
