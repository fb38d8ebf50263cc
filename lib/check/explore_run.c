/* SPDX-License-Identifier: MIT */
/* One run of a scenario: its threads stop, and one of them goes on. */
#include "check/explore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STACK_BYTES (256U << 10)

static void find(struct s2_xrun *run, enum s2_explore_kind kind, const char *text)
{
	if (run->kind != S2_EXPLORE_NOTHING)
		return;
	run->kind = kind;
	snprintf(run->text, sizeof(run->text), "%s", text);
}

static void on_violation(void *arg, const struct s2_violation *v)
{
	struct s2_xrun *run = arg;
	const unsigned contracts = run->scenario->contracts;

	if (run->kind != S2_EXPLORE_NOTHING)
		return;
	if (v->rule == S2_RULE_DATA && contracts && !(contracts >> v->contract & 1))
		return;
	run->kind = S2_EXPLORE_VIOLATION;
	run->violation = *v;
	s2_violation_text(v, run->text, sizeof(run->text));
}

/* Which threads could make the step that they stand before. */

static bool lock_is_free(const struct s2_xthread *t)
{
	const struct s2_xlock *lock = t->lock;

	return lock->writer < 0 && (!t->write || !lock->readers);
}

static unsigned enabled_threads(const struct s2_xrun *run, unsigned *alive)
{
	unsigned enabled = 0, waiting = 0;

	*alive = 0;
	for (unsigned i = 0; i < run->scenario->n_threads; i++) {
		const struct s2_xthread *t = &run->threads[i];

		if (t->done)
			continue;
		*alive |= 1U << i;
		if (t->stop == S2_STOP_LOCK && !lock_is_free(t))
			continue;
		if (t->waiting)
			waiting |= 1U << i;
		else
			enabled |= 1U << i;
	}
	/* If all that could go on wait for one another, they spin. */
	return enabled ? enabled : waiting;
}

static void deadlock(struct s2_xrun *run, unsigned alive)
{
	char text[sizeof(run->text)];
	int n = snprintf(text, sizeof(text), "deadlock:");

	for (unsigned i = 0; i < run->scenario->n_threads && n < (int)sizeof(text) - 80; i++)
		if (alive >> i & 1)
			n += snprintf(text + n, sizeof(text) - (size_t)n, " %.24s waits for %.24s;",
				      run->scenario->threads[i].name,
				      run->threads[i].lock->lock.name);
	find(run, S2_EXPLORE_DEADLOCK, text);
}

/* @return the thread that goes on, or -1: the run is over */
static int choose(struct s2_xrun *run)
{
	unsigned alive, enabled;

	if (run->kind != S2_EXPLORE_NOTHING || run->error)
		return -1;
	enabled = enabled_threads(run, &alive);
	if (!alive)
		return -1;
	if (!enabled) {
		deadlock(run, alive);
		return -1;
	}
	if (run->steps >= run->max_steps) {
		run->cut = true;
		return -1;
	}
	return run->pick(run->pick_arg, run, enabled);
}

/* The step that @t makes becomes part of the past; a lock that it takes is held already. */
static void add_step(struct s2_xrun *run, struct s2_xthread *t)
{
	struct s2_xuse uses[S2_XUSES_MAX];
	const unsigned n = s2_xuses(t, uses);

	s2_digest_fold(&t->past, t->addr);
	s2_xpast_add(&run->past, &t->past,
		     (uint64_t)(t - run->threads) << 32 | (uint64_t)t->stop << 16 |
			     (t->stop == S2_STOP_INSN ? (uint64_t)t->op : t->write),
		     uses, n);
	s2_xnote_cleans(run, t);
}

/* What the thread that runs does on the way to its next stop and not under its locks alone. */
static void add_aside(struct s2_xrun *run, uint64_t key)
{
	const struct s2_xuse use = {key, true};

	if (run->current >= 0 && !run->killed)
		s2_xpast_add(&run->past, &run->threads[run->current].past, UINT64_C(1) << 48 | key,
			     &use, 1);
}

static void tell(struct s2_xrun *run, const char *what, const struct s2_insn *insn)
{
	const struct s2_explore_step step = {
		.index = run->steps ? run->steps - 1 : 0,
		.thread = (unsigned)run->current,
		.what = what,
		.insn = insn,
	};

	if (run->tell && run->current >= 0 && !run->killed)
		run->tell(run->tell_arg, &step);
}

static void tell_step(struct s2_xrun *run, const struct s2_xthread *t)
{
	char text[96];

	if (!run->tell || (t->stop == S2_STOP_INSN && t->op != S2_OP_WALK_READ))
		return;
	if (t->stop == S2_STOP_INSN)
		snprintf(text, sizeof(text), "the guest's own instruction");
	else if (t->stop == S2_STOP_LOCK)
		snprintf(text, sizeof(text), "take %.40s for %s", t->lock->lock.name,
			 t->write ? "writing" : "reading");
	else if (t->stop == S2_STOP_SHARED)
		snprintf(text, sizeof(text), "%s %.60s", t->write ? "write" : "read", t->what);
	else if (t->stop == S2_STOP_TOUCH)
		snprintf(text, sizeof(text), "%s object %u", t->write ? "write" : "read",
			 (unsigned)t->addr);
	else
		snprintf(text, sizeof(text), "wait for another");
	tell(run, text, NULL);
}

static void take_lock(struct s2_xrun *run, struct s2_xthread *t)
{
	if (t->write)
		t->lock->writer = (int)(t - run->threads);
	else
		t->lock->readers |= 1U << (t - run->threads);
	t->held[t->n_held++] = t->lock;
}

/* The step that the thread stood before is made. */
static void commit(struct s2_xrun *run, struct s2_xthread *t)
{
	run->steps++;
	if (t->stop == S2_STOP_LOCK)
		take_lock(run, t);
	add_step(run, t);
	t->waiting = false;
	for (unsigned i = 0; i < run->scenario->n_threads; i++)
		if (&run->threads[i] != t)
			run->threads[i].waiting = false;
	tell_step(run, t);
}

static struct s2_co *co_of(const struct s2_xrun *run, int thread)
{
	return thread < 0 ? run->main : run->threads[thread].co;
}

/* The thread that runs stands before a step; returns when it is to make it. */
static void stop(struct s2_xrun *run)
{
	struct s2_xthread *t = &run->threads[run->current];
	int next = run->starting ? -1 : choose(run);

	if (next < 0 || &run->threads[next] != t) {
		run->current = next;
		s2_co_switch(t->co, co_of(run, next));
	}
	if (run->killed)
		s2_co_leave(t->co, run->main);
	commit(run, t);
}

static void gate_before(void *arg, unsigned cpu, enum s2_op op, uint64_t addr)
{
	struct s2_xrun *run = arg;
	struct s2_xthread *t = &run->threads[run->current];

	t->stop = S2_STOP_INSN;
	t->cpu = cpu;
	t->op = op;
	t->addr = addr;
	t->write = false;
	stop(run);
}

static struct s2_xlock *known_lock(struct s2_xrun *run, const struct s2_lock *lock)
{
	const void *id = lock->of ? lock->of : lock;

	for (unsigned i = 0; i < run->n_locks; i++)
		if (run->locks[i].id == id)
			return &run->locks[i];
	if (run->n_locks == S2_LOCKS_MAX) {
		run->error = -ENOSPC;
		return &run->locks[0];
	}
	run->locks[run->n_locks].lock = *lock;
	run->locks[run->n_locks].id = id;
	run->locks[run->n_locks].readers = 0;
	run->locks[run->n_locks].writer = -1;
	return &run->locks[run->n_locks++];
}

static void check_order(struct s2_xrun *run, const struct s2_xthread *t, const struct s2_xlock *x)
{
	const struct s2_lock *lock = &x->lock;
	char text[160];

	if (t->n_held == S2_HELD_MAX)
		run->error = -ENOSPC;
	for (unsigned i = 0; i < t->n_held; i++) {
		const unsigned rank = t->held[i]->lock.rank;

		if (t->held[i] != x && (!lock->rank || !rank || rank < lock->rank))
			continue;
		snprintf(text, sizeof(text), "order of locks: %.40s takes %.40s and holds %.40s",
			 run->scenario->threads[t - run->threads].name, lock->name,
			 t->held[i]->lock.name);
		find(run, S2_EXPLORE_LOCK_ORDER, text);
	}
}

static void gate_take(void *arg, unsigned cpu, const struct s2_lock *lock, enum s2_lock_mode mode)
{
	struct s2_xrun *run = arg;
	struct s2_xthread *t = &run->threads[run->current];

	(void)cpu;
	t->lock = known_lock(run, lock);
	check_order(run, t, t->lock);
	t->stop = S2_STOP_LOCK;
	t->lock_index = (unsigned)(t->lock - run->locks);
	t->write = mode == S2_LOCK_WRITE;
	t->addr = lock->rank;
	stop(run);
}

static void gate_drop(void *arg, unsigned cpu, const struct s2_lock *lock)
{
	struct s2_xrun *run = arg;
	struct s2_xthread *t = &run->threads[run->current];
	struct s2_xlock *x = known_lock(run, lock);
	unsigned i = t->n_held;
	char text[120];

	(void)cpu;
	while (i && t->held[i - 1] != x)
		i--;
	if (!i) {
		snprintf(text, sizeof(text), "locks: %.40s drops %.40s and does not hold it",
			 run->scenario->threads[run->current].name, lock->name);
		find(run, S2_EXPLORE_LOCK_HELD, text);
		return;
	}
	/* From here on the thread may use what its locks do not cover. */
	add_aside(run, s2_xkey(S2_X_ALL, 0));
	memmove(&t->held[i - 1], &t->held[i], (t->n_held - i) * sizeof(t->held[0]));
	t->n_held--;
	if (x->writer == run->current)
		x->writer = -1;
	x->readers &= ~(1U << run->current);
}

static void gate_touch(void *arg, unsigned cpu, const char *what, bool write)
{
	struct s2_xrun *run = arg;
	struct s2_xthread *t = &run->threads[run->current];

	(void)cpu;
	t->stop = S2_STOP_SHARED;
	t->what = what;
	t->addr = 0;
	t->write = write;
	stop(run);
}

static void gate_wait(void *arg, unsigned cpu)
{
	struct s2_xrun *run = arg;
	struct s2_xthread *t = &run->threads[run->current];

	(void)cpu;
	t->stop = S2_STOP_WAIT;
	t->addr = 0;
	t->write = false;
	t->waiting = true;
	stop(run);
}

void s2_explore_touch(struct s2_cpu *cpu, unsigned object, bool write)
{
	const struct s2_gate *gate = &cpu->machine->gate;
	struct s2_xrun *run = gate->arg;
	struct s2_xthread *t;

	if (gate->before != gate_before)
		return;
	t = &run->threads[run->current];
	if (object >= S2_EXPLORE_OBJECTS) {
		run->error = -EINVAL;
		object = 0;
	}
	t->stop = S2_STOP_TOUCH;
	t->addr = object;
	t->write = write;
	stop(run);
}

static void gate_shares(void *arg, unsigned cpu, enum s2_shared what)
{
	(void)cpu;
	add_aside(arg, s2_xkey(S2_X_SHARED, what));
}

static void sink_event(void *arg, const struct s2_event *event)
{
	for (size_t i = 0; i < event->n_insns; i++)
		tell(arg, s2_op_name(event->insns[i].op), &event->insns[i]);
}

static void sink_rely(void *arg, unsigned cpu, const struct s2_reliance *what)
{
	(void)cpu;
	(void)what;
	add_aside(arg, s2_xkey(S2_X_ALL, 0));
}

static void tell_act(struct s2_xrun *run, const struct s2_act *act)
{
	static const char *const accesses[] = {"reads", "writes", "fetches"};
	char text[120];

	if (act->kind == S2_ACT_ACCESS)
		snprintf(text, sizeof(text), "vcpu %u %s 0x%" PRIx64 ", %s", act->vcpu,
			 accesses[act->access], act->ipa.v,
			 act->cacheable ? "write-back" : "past the caches");
	else if (act->kind == S2_ACT_GIVE || act->kind == S2_ACT_TAKE)
		snprintf(text, sizeof(text), "the host %ss 0x%" PRIx64, s2_act_name(act->kind),
			 act->ipa.v);
	else
		snprintf(text, sizeof(text), "vcpu %u: %s%s", act->vcpu, s2_act_name(act->kind),
			 act->kind != S2_ACT_CACHES ? "" : act->on ? " on" : " off");
	tell(run, text, NULL);
}

static void sink_act(void *arg, const struct s2_act *act)
{
	struct s2_xrun *run = arg;

	if (run->tell)
		tell_act(run, act);
	if (run->scenario->rules && !(run->scenario->rules >> S2_RULE_DATA & 1))
		return;
	/* Whether a line is mapped is asked of the tables. */
	add_aside(run, s2_xkey(S2_X_ALL, 0));
	add_aside(run, s2_xkey(S2_X_DATA, 0));
}

static void thread_main(void *arg)
{
	struct s2_xthread *t = arg;
	struct s2_xrun *run = t->run;
	const unsigned index = (unsigned)(t - run->threads);
	char text[120];
	int next = -1;

	run->scenario->threads[index].run(run->state);
	t->done = true;
	if (t->n_held) {
		snprintf(text, sizeof(text), "locks: %.40s ends and holds %.40s",
			 run->scenario->threads[index].name, t->held[0]->lock.name);
		find(run, S2_EXPLORE_LOCK_HELD, text);
	}
	if (!run->starting)
		next = choose(run);
	run->current = next;
	s2_co_leave(t->co, co_of(run, next));
}

static void run_threads(struct s2_xrun *run)
{
	const unsigned n = run->scenario->n_threads;

	/* Up to its first stop a thread shares nothing. */
	run->starting = true;
	for (unsigned i = 0; i < n && !run->error; i++) {
		run->error = s2_co_start(run->threads[i].co, thread_main, &run->threads[i]);
		run->current = (int)i;
		if (!run->error)
			s2_co_switch(run->main, run->threads[i].co);
	}
	run->starting = false;
	run->current = -1;
	run->current = choose(run);
	if (run->current >= 0)
		s2_co_switch(run->main, run->threads[run->current].co);
	/* Whoever was left in the middle is told to leave, for sanitizers' stacks. */
	run->killed = true;
	for (unsigned i = 0; i < n; i++) {
		if (run->threads[i].done || !s2_co_must_leave())
			continue;
		run->current = (int)i;
		s2_co_switch(run->main, run->threads[i].co);
	}
	run->current = -1;
}

static void reset(struct s2_xrun *run)
{
	for (unsigned i = 0; i < run->scenario->n_threads; i++) {
		struct s2_xthread *t = &run->threads[i];
		struct s2_co *co = t->co;

		memset(t, 0, sizeof(*t));
		t->co = co;
		t->run = run;
	}
	s2_xpast_begin(&run->past);
	run->cleans = 0;
	run->n_locks = 0;
	run->steps = 0;
	run->current = -1;
	run->killed = run->cut = false;
	run->error = 0;
	run->kind = S2_EXPLORE_NOTHING;
	run->text[0] = '\0';
	run->state = NULL;
	run->machine = NULL;
	run->oracle = NULL;
}

static bool left_out(void *arg, unsigned cpu, const struct s2_insn *insn)
{
	struct s2_xrun *run = arg;

	return run->scenario->left_out(run->state, cpu, insn);
}

static int watch(struct s2_xrun *run)
{
	const struct s2_oracle_config cfg = {
		.rules = run->scenario->rules,
		.keep = 1,
		.found = on_violation,
		.left_out = run->scenario->left_out ? left_out : NULL,
		.arg = run,
	};

	/* One event, one instruction: a thread may be stopped between any two. */
	run->machine->run_limit = 1;
	return run->no_oracle ? 0 : s2_oracle_attach(run->machine, &cfg, &run->oracle);
}

/* The threads, with the gate shut before them. */
static int run_gated(struct s2_xrun *run)
{
	const struct s2_gate gate = {.before = gate_before,
				     .take = gate_take,
				     .drop = gate_drop,
				     .wait = gate_wait,
				     .shares = gate_shares,
				     .touch = gate_touch,
				     .arg = run};
	const struct s2_sink sink = {
		.event = sink_event, .rely = sink_rely, .act = sink_act, .arg = run};
	int ret = s2_machine_add_sink(run->machine, &sink);

	if (ret)
		return ret;
	ret = s2_machine_set_gate(run->machine, &gate);
	if (ret)
		return ret;
	run_threads(run);
	s2_machine_set_gate(run->machine, NULL);
	s2_machine_remove_sink(run->machine, run);
	return run->error;
}

static bool all_done(const struct s2_xrun *run)
{
	for (unsigned i = 0; i < run->scenario->n_threads; i++)
		if (!run->threads[i].done)
			return false;
	return true;
}

static int judge_end(struct s2_xrun *run)
{
	const char *wrong = NULL;

	if (run->kind == S2_EXPLORE_NOTHING && all_done(run) && run->scenario->check)
		wrong = run->scenario->check(run->state);
	if (wrong)
		find(run, S2_EXPLORE_CHECK, wrong);
	return run->oracle ? s2_oracle_error(run->oracle) : 0;
}

int s2_xrun_once(struct s2_xrun *run)
{
	int ret;

	reset(run);
	ret = run->scenario->create(run->scenario->arg, &run->state, &run->machine);
	if (ret)
		return ret;
	ret = watch(run);
	if (!ret && run->scenario->prepare)
		ret = run->scenario->prepare(run->state);
	if (!ret && run->kind == S2_EXPLORE_NOTHING)
		ret = run_gated(run);
	if (!ret)
		ret = judge_end(run);
	s2_oracle_detach(run->oracle);
	run->scenario->destroy(run->state);
	return ret;
}

int s2_xrun_create(struct s2_xrun *run, const struct s2_scenario *scenario)
{
	int ret = s2_co_create(0, &run->main);

	run->scenario = scenario;
	for (unsigned i = 0; !ret && i < scenario->n_threads; i++)
		ret = s2_co_create(STACK_BYTES, &run->threads[i].co);
	return ret;
}

void s2_xrun_free(struct s2_xrun *run)
{
	s2_co_free(run->main);
	for (unsigned i = 0; i < S2_EXPLORE_THREADS; i++)
		s2_co_free(run->threads[i].co);
}
