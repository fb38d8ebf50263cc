/* SPDX-License-Identifier: MIT */
#include "study/check/check_tell.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/foreign.h>

/* Bytes of table pages that one event may name: each becomes a page of the host's. */
#define PAGES_MOST (UINT64_C(1) << 32)

/* A stage 2 that was loaded: relied on at the end. */
struct root {
	uint64_t vtcr, vttbr;
	uint64_t limit; /* of its IPA */
};

struct s2_retold {
	struct s2_machine *m;
	struct s2_oracle *o;
	struct s2_foreign *tables;
	uint64_t page_size;
	struct s2_retold_counts counts;
	struct root *roots;
	size_t n_roots, cap_roots;
	bool has_guests; /* the log says when they run */
	char site[S2_CHECK_SITE];
	struct s2_error *err;
};

int s2_retold_create(const struct s2_features *features, unsigned cpus, struct s2_retold **out)
{
	/* Pages are few and far between: the plain allocator does. */
	const struct s2_machine_config cfg = {
		.features = *features, .cpus = cpus, .allocator = S2_ALLOCATOR_LIBC};
	struct s2_retold *t = calloc(1, sizeof(*t));
	int ret = t ? s2_machine_create(&cfg, &t->m) : -ENOMEM;

	if (!ret)
		ret = s2_foreign_create(t->m, &t->tables);
	if (ret) {
		s2_retold_free(t);
		return ret;
	}
	t->page_size = UINT64_C(1) << features->granule;
	*out = t;
	return 0;
}

void s2_retold_free(struct s2_retold *t)
{
	if (!t)
		return;
	s2_foreign_destroy(t->tables);
	s2_machine_destroy(t->m);
	free(t->roots);
	free(t);
}

struct s2_machine *s2_retold_machine(struct s2_retold *t)
{
	return t->m;
}

void s2_retold_watched(struct s2_retold *t, struct s2_oracle *oracle)
{
	t->o = oracle;
}

struct s2_retold_counts s2_retold_counts(const struct s2_retold *t)
{
	return t->counts;
}

static int cannot(const struct s2_retold *t, const char *what)
{
	s2_error_set(t->err, EINVAL, "%s", what);
	return -EINVAL;
}

/* @expected: what words there are */
static int no_such(const struct s2_retold *t, const char *what, struct s2_span word,
		   const char *expected)
{
	s2_error_set(t->err, EINVAL, "\"%.*s\" is no %s of this log; expected %s",
		     (int)(word.len < 32 ? word.len : 32), word.text, what, expected);
	return -EINVAL;
}

/* What a call on the table memory came to, in words. */
static int of_memory(const struct s2_retold *t, int ret)
{
	switch (ret) {
	case 0:
		return 0;
	case -ERANGE:
		s2_error_set(t->err, ERANGE, "a table page in another region of 2^%d bytes than the first", S2_FOREIGN_PA_BITS);
		return ret;
	case -ENOMEM:
		s2_error_set(t->err, ENOMEM, "no memory for a table page");
		return ret;
	default:
		return cannot(t, "an address that is no multiple of 8, or past the machine's PA size");
	}
}

static int tell_write(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	if (s2_span_is(line->kind, "release"))
		return of_memory(t, s2_foreign_write(t->tables, cpu, s2_pa(line->address),
						     line->value, S2_MEM_RELEASE));
	if (s2_span_is(line->kind, "plain"))
		return of_memory(t, s2_foreign_write(t->tables, cpu, s2_pa(line->address),
						     line->value, S2_MEM_PLAIN));
	return no_such(t, "memory order", line->kind,
		       "plain or release");
}

static int tell_read(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	const struct s2_pa pa = {line->address};
	s2_pte value;
	int ret = 0;

	/* A log may begin in the middle: what it reads and never wrote was there before. */
	if (!s2_foreign_freed(t->tables, pa) && !(pa.v % sizeof(s2_pte)) &&
	    !s2_foreign_lives(t->tables, pa)) {
		ret = s2_foreign_write(t->tables, cpu, pa, line->value, S2_MEM_RELEASE);
		if (ret)
			return of_memory(t, ret);
	}
	ret = s2_foreign_read(t->tables, cpu, pa, &value);
	t->counts.changed += !ret && value != line->value;
	return ret == -ENOENT ? 0 : of_memory(t, ret);
}

static int check_pages(const struct s2_retold *t, const struct s2_check_line *line)
{
	if (!line->size || (line->address | line->size) & (t->page_size - 1))
		return cannot(t, "an address and a size that are not whole pages");
	if (line->address + line->size < line->address)
		return cannot(t, "a range that wraps around");
	if (line->size > PAGES_MOST)
		return cannot(t, "more than 4 GiB of table pages at once");
	return 0;
}

static int tell_init(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	int ret = check_pages(t, line);

	for (uint64_t at = 0; !ret && at < line->size; at += t->page_size)
		ret = of_memory(t, s2_foreign_page(t->tables, cpu, s2_pa(line->address + at)));
	return ret;
}

static int tell_free(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	int ret = check_pages(t, line);

	for (uint64_t at = 0; !ret && at < line->size; at += t->page_size)
		ret = of_memory(t, s2_foreign_free(t->tables, cpu, s2_pa(line->address + at)));
	return ret;
}

static int tell_set(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	int ret = check_pages(t, line);

	for (uint64_t at = 0; !ret && at < line->size; at += sizeof(s2_pte))
		ret = of_memory(t, s2_foreign_write(t->tables, cpu, s2_pa(line->address + at),
						    line->value, S2_MEM_PLAIN));
	return ret;
}

static int remember_root(struct s2_retold *t, const struct root *root)
{
	for (size_t i = t->n_roots; i-- > 0;)
		if (t->roots[i].vttbr == root->vttbr && t->roots[i].vtcr == root->vtcr)
			return 0;
	if (t->n_roots == t->cap_roots) {
		const size_t cap = t->cap_roots ? 2 * t->cap_roots : 16;
		struct root *roots = realloc(t->roots, cap * sizeof(*roots));

		if (!roots)
			return -ENOMEM;
		t->roots = roots;
		t->cap_roots = cap;
	}
	t->roots[t->n_roots++] = *root;
	return 0;
}

/* The tables of a VTTBR_EL2 may be walked from here on. */
static int watch(struct s2_retold *t, struct s2_cpu *cpu)
{
	struct root root = {.vtcr = s2_read_sysreg(cpu, S2_SYSREG_VTCR_EL2),
			    .vttbr = s2_read_sysreg(cpu, S2_SYSREG_VTTBR_EL2)};
	int ret;

	/* Which is written first does not matter: the later one completes the shape. */
	if (!root.vtcr || !root.vttbr)
		return 0;
	ret = s2_foreign_root(t->tables, cpu, root.vtcr, root.vttbr, &root.limit);
	if (ret == -EINVAL || ret == -EOPNOTSUPP)
		return cannot(t, "a VTCR_EL2 of a shape that is not modelled: another granule "
				 "than --machine has, or a start level that KVM does not choose");
	if (!ret)
		ret = s2_oracle_watch(t->o, root.vtcr, root.vttbr);
	if (!ret)
		ret = remember_root(t, &root);
	return of_memory(t, ret);
}

static int tell_sysreg(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	static const struct {
		const char *name;
		enum s2_sysreg reg;
	} known[] = {
		{"vttbr_el2", S2_SYSREG_VTTBR_EL2}, {"vtcr_el2", S2_SYSREG_VTCR_EL2},
		{"hcr_el2", S2_SYSREG_HCR_EL2},	    {"tcr_el1", S2_SYSREG_TCR_EL1},
		{"sctlr_el1", S2_SYSREG_SCTLR_EL1},
	};
	static const char *const of_el2[] = {"ttbr0_el2", "tcr_el2", "sctlr_el2", "mair_el2"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!s2_span_is(line->kind, known[i].name))
			continue;
		s2_write_sysreg(cpu, known[i].reg, line->value);
		if (known[i].reg != S2_SYSREG_VTTBR_EL2 && known[i].reg != S2_SYSREG_VTCR_EL2)
			return 0;
		return watch(t, cpu);
	}
	for (size_t i = 0; i < sizeof(of_el2) / sizeof(of_el2[0]); i++) {
		if (!s2_span_is(line->kind, of_el2[i]))
			continue;
		t->counts.ignored++;
		return 0;
	}
	return no_such(t, "system register", line->kind,
		       "vttbr_el2, vtcr_el2, hcr_el2, tcr_el1, sctlr_el1, or EL2's ttbr0, tcr, sctlr, mair");
}

static int tell_dmb(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	if (s2_span_is(line->kind, "ish"))
		return s2_dmb(cpu, S2_DMB_ISH);
	if (s2_span_is(line->kind, "ishst"))
		return s2_dmb(cpu, S2_DMB_ISHST);
	return no_such(t, "kind of DMB", line->kind,
		       "ish or ishst");
}

static int tell_barrier(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	static const struct {
		const char *name;
		enum s2_dsb_kind kind;
	} kinds[] = {{"ish", S2_DSB_ISH},     {"ishst", S2_DSB_ISHST}, {"nsh", S2_DSB_NSH},
		     {"nshst", S2_DSB_NSHST}, {"sy", S2_DSB_SY}};

	if (s2_span_is(line->word, "isb")) {
		s2_isb(cpu);
		return 0;
	}
	if (s2_span_is(line->word, "dmb"))
		return tell_dmb(t, cpu, line);
	if (!s2_span_is(line->word, "dsb"))
		return no_such(t, "barrier", line->word,
		       "isb, dsb or dmb");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!s2_span_is(line->kind, kinds[i].name))
			continue;
		s2_dsb(cpu, kinds[i].kind);
		return 0;
	}
	return no_such(t, "kind of DSB", line->kind,
		       "ish, ishst, nsh, nshst or sy");
}

static int tell_tlbi(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	static const struct {
		const char *name;
		enum s2_op op;
		bool operand;
	} known[] = {
		{"vmalls12e1is", S2_OP_TLBI_VMALLS12E1IS, false},
		{"vmalls12e1", S2_OP_TLBI_VMALLS12E1, false},
		{"vmalle1is", S2_OP_TLBI_VMALLE1IS, false},
		{"vmalle1", S2_OP_TLBI_VMALLE1, false},
		{"alle1is", S2_OP_TLBI_ALLE1IS, false},
		{"ipas2e1is", S2_OP_TLBI_IPAS2E1IS, true},
		{"ipas2e1", S2_OP_TLBI_IPAS2E1, true},
		{"ripas2e1is", S2_OP_TLBI_RIPAS2E1IS, true},
		{"ripas2e1", S2_OP_TLBI_RIPAS2E1, true},
		{"vale2is", S2_OP_TLBI_VALE2IS, true},
	};
	/* Of EL2's own translation; alle1 reaches one CPU, for which nothing here waits. */
	static const char *const others[] = {"alle1", "alle2", "alle2is", "vae2is", "vae2"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!s2_span_is(line->word, known[i].name))
			continue;
		if (known[i].operand != line->has_value)
			return cannot(t, known[i].operand ? "a TLBI by address that has no value"
							  : "a value for a TLBI that takes none");
		return s2_tlbi(cpu, known[i].op, line->value);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!s2_span_is(line->word, others[i]))
			continue;
		t->counts.ignored++;
		return 0;
	}
	return no_such(t, "TLBI", line->word,
		       "vmalls12e1, vmalle1, alle1, alle2, ipas2e1, ripas2e1, vae2 (each also with is) or vale2is");
}

static int tell_cache(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	const struct s2_pa pa = {line->address};

	if (s2_span_is(line->word, "civac"))
		s2_dc_civac_range(cpu, pa, line->size);
	else if (s2_span_is(line->word, "cvac"))
		s2_dc_cvac_range(cpu, pa, line->size);
	else if (s2_span_is(line->word, "ivac"))
		s2_dc_ivac_range(cpu, pa, line->size);
	else if (s2_span_is(line->word, "ivau"))
		s2_ic_ivau_range(cpu, pa, line->size);
	else if (s2_span_is(line->word, "ialluis"))
		s2_ic_ialluis(cpu);
	else if (s2_span_is(line->word, "iallu"))
		s2_ic_iallu(cpu);
	else if (s2_span_is(line->word, "setway"))
		s2_count(cpu, S2_OP_DC_SETWAY, line->count);
	else
		return no_such(t, "cache operation", line->word,
		       "civac, cvac, ivac, setway, ivau, iallu or ialluis");
	return 0;
}

static int tell_guest(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	t->has_guests = true;
	if (s2_span_is(line->word, "entry"))
		s2_count(cpu, S2_OP_GUEST_ENTRY, line->count);
	else if (s2_span_is(line->word, "exit"))
		s2_count(cpu, S2_OP_GUEST_EXIT, line->count);
	else
		t->counts.ignored++;
	return 0;
}

static int tell_rely(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	static const char *const accesses[] = {"read", "write", "fetch"};
	struct s2_reliance what = {.vtcr = line->vtcr,
				   .vttbr = line->vttbr,
				   .ipa = {line->address},
				   .size = line->size,
				   .function = t->site};
	unsigned access = 0, kind = 0;

	while (access < 3 && !s2_span_is(line->kind, accesses[access]))
		access++;
	while (kind < S2_RELIANCE_KINDS &&
	       !s2_span_is(line->word, s2_reliance_name((enum s2_reliance_kind)kind)))
		kind++;
	if (access == 3)
		return no_such(t, "access", line->kind,
		       "read, write or fetch");
	if (kind == S2_RELIANCE_KINDS)
		return no_such(t, "reliance", line->word, "one that our own logs write");
	what.access = (enum s2_access)access;
	what.kind = (enum s2_reliance_kind)kind;
	t->counts.reliances++;
	return s2_rely(cpu, &what) ? cannot(t, "a reliance on an empty range") : 0;
}

static int tell(struct s2_retold *t, struct s2_cpu *cpu, const struct s2_check_line *line)
{
	switch (line->head) {
	case S2_CHECK_MEM_WRITE:
		return tell_write(t, cpu, line);
	case S2_CHECK_MEM_READ:
		return tell_read(t, cpu, line);
	case S2_CHECK_MEM_INIT:
		return tell_init(t, cpu, line);
	case S2_CHECK_MEM_FREE:
		return tell_free(t, cpu, line);
	case S2_CHECK_MEM_SET:
		return tell_set(t, cpu, line);
	case S2_CHECK_SYSREG_WRITE:
		return tell_sysreg(t, cpu, line);
	case S2_CHECK_BARRIER:
		return tell_barrier(t, cpu, line);
	case S2_CHECK_TLBI:
		return tell_tlbi(t, cpu, line);
	case S2_CHECK_DC:
	case S2_CHECK_IC:
		return tell_cache(t, cpu, line);
	case S2_CHECK_HVC:
		s2_hypercall(cpu);
		return 0;
	case S2_CHECK_GUEST:
		return tell_guest(t, cpu, line);
	case S2_CHECK_RELY:
		return tell_rely(t, cpu, line);
	default:
		t->counts.ignored++;
		return 0;
	}
}

int s2_retold_line(struct s2_retold *t, const struct s2_check_line *line, struct s2_error *err)
{
	const size_t len = line->site.len < S2_CHECK_SITE ? line->site.len : S2_CHECK_SITE - 1;
	struct s2_cpu *cpu;
	int ret;

	t->err = err;
	if (line->tid >= s2_machine_cpus(t->m)) {
		s2_error_set(err, EINVAL, "tid %" PRIu64 ": expected one below %u; see --cpus",
			     line->tid, s2_machine_cpus(t->m));
		return -EINVAL;
	}
	cpu = s2_machine_cpu(t->m, (unsigned)line->tid);
	if (len)
		memcpy(t->site, line->site.text, len);
	t->site[len] = '\0';
	s2_cpu_set_site(cpu, t->site);
	ret = tell(t, cpu, line);
	t->counts.events++;
	if (!ret && s2_oracle_error(t->o)) {
		s2_error_set(err, ENOMEM, "no memory for what TLBs may hold");
		ret = s2_oracle_error(t->o);
	}
	return ret;
}

/* Whether there is no such stage 2, or no more: its root is freed, as when a VM is torn down. */
static bool is_dead(const struct s2_retold *t, uint64_t vttbr)
{
	const struct s2_pa root = {vttbr & ((UINT64_C(1) << 48) - 1) & ~(t->page_size - 1)};

	return !vttbr || s2_foreign_freed(t->tables, root);
}

/*
 * A log that does not say when guests run leaves it to the worst: whoever has a VTTBR_EL2
 * loaded at the end goes on in that guest, and walks where its tables lead.
 */
static void enter_guests(struct s2_retold *t)
{
	for (unsigned i = 0; i < s2_machine_cpus(t->m); i++) {
		struct s2_cpu *cpu = s2_machine_cpu(t->m, i);

		if (!s2_read_sysreg(cpu, S2_SYSREG_VTCR_EL2) ||
		    is_dead(t, s2_read_sysreg(cpu, S2_SYSREG_VTTBR_EL2)))
			continue;
		s2_cpu_set_site(cpu, "end of the log");
		s2_count(cpu, S2_OP_GUEST_ENTRY, 1);
	}
}

void s2_retold_end(struct s2_retold *t)
{
	for (size_t i = 0; i < t->n_roots; i++) {
		const struct s2_reliance what = {.kind = S2_RELY_RETURN,
						 .vtcr = t->roots[i].vtcr,
						 .vttbr = t->roots[i].vttbr,
						 .size = t->roots[i].limit,
						 .function = "end of the log"};

		if (!is_dead(t, what.vttbr))
			s2_rely(s2_machine_cpu(t->m, 0), &what);
	}
	if (!t->has_guests)
		enter_guests(t);
}
