/* SPDX-License-Identifier: MIT */
#include "machine/machine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/tablemem.h"

/* What most CPUs have; ICH_VTR_EL2.ListRegs + 1. */
#define DEFAULT_LRS 4U

/* Until an algorithm names itself. */
#define NO_SITE "none:0"

static void init_cpu(struct s2_machine *m, unsigned index)
{
	struct s2_cpu *cpu = &m->cpus[index];

	cpu->count = m->counts.n;
	cpu->repeat = 1;
	cpu->broadcast_to = m->n_cpus - 1;
	cpu->index = index;
	cpu->machine = m;
	cpu->site = NO_SITE;
	s2_ich_reset(&cpu->ich, DEFAULT_LRS);
	if (m->features.vhe)
		cpu->sysreg[S2_SYSREG_HCR_EL2] = S2_HCR_E2H | S2_HCR_TGE;
}

int s2_machine_create(const struct s2_machine_config *cfg, struct s2_machine **out)
{
	struct s2_machine *m;
	int ret = s2_features_check(&cfg->features);

	if (ret)
		return ret;
	if (!cfg->cpus || cfg->cpus > S2_MAX_CPUS ||
	    (unsigned)cfg->allocator > S2_ALLOCATOR_JEMALLOC)
		return -EINVAL;
	m = calloc(1, sizeof(*m) + cfg->cpus * sizeof(m->cpus[0]));
	if (!m)
		return -ENOMEM;
	m->features = cfg->features;
	/* Better no name than that of another machine. */
	if (!s2_features_is_named(&m->features))
		m->features.name[0] = '\0';
	m->run_limit = cfg->run_limit ? cfg->run_limit : UINT64_MAX;
	m->n_cpus = cfg->cpus;
	ret = s2_tablemem_create(&cfg->features, cfg->allocator, &m->tables);
	if (ret) {
		free(m);
		return ret;
	}
	for (unsigned i = 0; i < cfg->cpus; i++)
		init_cpu(m, i);
	*out = m;
	return 0;
}

void s2_machine_destroy(struct s2_machine *m)
{
	if (!m)
		return;
	assert(!m->users);
	if (m->before_gone)
		m->before_gone(m->before_gone_arg);
	s2_tablemem_destroy(m->tables);
	free(m);
}

const struct s2_features *s2_machine_features(const struct s2_machine *m)
{
	return &m->features;
}

unsigned s2_machine_cpus(const struct s2_machine *m)
{
	return m->n_cpus;
}

struct s2_cpu *s2_machine_cpu(struct s2_machine *m, unsigned index)
{
	return index < m->n_cpus ? &m->cpus[index] : NULL;
}

void s2_machine_fold(struct s2_machine *m)
{
	for (struct s2_tally *t = m->tallies; t; t = t->next) {
		if (!t->n)
			continue;
		for (int op = 0; op < S2_OP_COUNT; op++)
			m->counts.n[op] += t->n * t->each.n[op];
		t->n = 0;
	}
}

struct s2_counts s2_machine_counts(const struct s2_machine *m)
{
	struct s2_counts counts = m->counts;

	for (const struct s2_tally *t = m->tallies; t; t = t->next)
		for (int op = 0; op < S2_OP_COUNT; op++)
			counts.n[op] += t->n * t->each.n[op];
	return counts;
}

void s2_machine_set_observed(struct s2_machine *m)
{
	m->may_rest = !m->gate.before;
	for (size_t i = 0; i < m->n_sinks; i++)
		m->may_rest = m->may_rest && m->rest[i];
	m->told++;
	for (unsigned i = 0; i < m->n_cpus; i++) {
		m->cpus[i].observed = m->n_sinks > 0 || m->gate.before;
		m->cpus[i].settings++;
	}
}

int s2_machine_add_sink(struct s2_machine *m, const struct s2_sink *sink)
{
	if (!sink->event)
		return -EINVAL;
	if (m->n_sinks == S2_MAX_SINKS)
		return -ENOSPC;
	m->rest[m->n_sinks] = NULL;
	m->sinks[m->n_sinks++] = *sink;
	s2_machine_set_observed(m);
	return 0;
}

int s2_machine_remove_sink(struct s2_machine *m, const void *arg)
{
	for (size_t i = 0; i < m->n_sinks; i++) {
		if (m->sinks[i].arg != arg)
			continue;
		m->n_sinks--;
		memmove(&m->sinks[i], &m->sinks[i + 1], (m->n_sinks - i) * sizeof(m->sinks[0]));
		memmove(&m->rest[i], &m->rest[i + 1], (m->n_sinks - i) * sizeof(m->rest[0]));
		s2_machine_set_observed(m);
		return 0;
	}
	return -ENOENT;
}

void s2_machine_table_memory(const struct s2_machine *m, uint64_t *live, uint64_t *held)
{
	s2_tablemem_usage(m->tables, live, held);
}

struct s2_machine *s2_cpu_machine(const struct s2_cpu *cpu)
{
	return cpu->machine;
}

unsigned s2_cpu_index(const struct s2_cpu *cpu)
{
	return cpu->index;
}

void s2_cpu_set_site(struct s2_cpu *cpu, const char *site)
{
	cpu->site = site ? site : NO_SITE;
}

static void deliver(struct s2_cpu *cpu, uint64_t repeat, const struct s2_insn *insns, size_t n)
{
	const struct s2_event event = {
		.cpu = cpu->index,
		.repeat = repeat,
		.n_insns = n,
		.insns = insns,
	};
	struct s2_machine *m = cpu->machine;

	m->told += repeat * n;
	for (size_t i = 0; i < m->n_sinks; i++)
		m->sinks[i].event(m->sinks[i].arg, &event);
}

void s2_observe(struct s2_cpu *cpu, struct s2_insn *insn)
{
	insn->site = cpu->site;
	if (cpu->machine->gate.before && insn->op != S2_OP_PTE_READ && insn->op != S2_OP_PTE_WRITE)
		s2_gate_before(cpu, insn->op, 0);
	if (!cpu->in_run) {
		deliver(cpu, 1, insn, 1);
		return;
	}
	/* Walkers bound their sequences; a longer one is a bug that the tests of runs see. */
	if (cpu->run_len < S2_SEQUENCE_MAX)
		cpu->run[cpu->run_len++] = *insn;
}

void s2_run_deliver(struct s2_cpu *cpu)
{
	if (cpu->run_len)
		deliver(cpu, cpu->repeat, cpu->run, cpu->run_len);
}
