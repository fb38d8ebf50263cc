/* SPDX-License-Identifier: MIT */
/* A log of instructions being written, and checked. */
#ifndef STAGE2SIM_TESTS_LOG_RIG_H
#define STAGE2SIM_TESTS_LOG_RIG_H

#include "support.h"
#include "temp.h"

#include <stdio.h>
#include <string.h>

#include <stage2sim/log.h>
#include <stage2sim/pgtable.h>

#include "study/check/check_line.h"
#include "study/check/check_log.h"

#define ROOT  UINT64_C(0x40000000)
#define LEVEL2 UINT64_C(0x40010000)
#define LEVEL3 UINT64_C(0x40011000)

/* A log being written. */
struct log {
	char path[S2_TEST_PATH];
	FILE *file;
	unsigned id;
};

static inline void log_begin(struct log *l)
{
	s2_test_temp_file(l->path, "", 0);
	l->file = fopen(l->path, "w");
	l->id = 0;
	assert_non_null(l->file);
}

static inline void log_end(struct log *l)
{
	remove(l->path);
}

/* VTCR_EL2 of 40 bits, 4 KiB: the root is two level-1 pages. */
static inline uint64_t vtcr_40(void)
{
	struct s2_machine_config cfg = {.cpus = 1};
	const struct s2_mmu_config mc = {s2_flavour_find("newest"), 40, {1}};
	uint64_t vtcr, vttbr;
	struct s2_machine *m;
	struct s2_mmu *mmu;

	assert_i64(s2_features_parse("max,-vhe,-lpa2", &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &m), 0);
	assert_i64(s2_mmu_create(m, &mc, &mmu), 0);
	s2_mmu_registers(mmu, &vtcr, &vttbr);
	s2_mmu_free(mmu);
	s2_machine_destroy(m);
	return vtcr;
}

static inline void line(struct log *l, const char *head, const char *rest)
{
	fprintf(l->file, "(%s (id %u) (tid 0) %s (src \"t.c:%u\"))\n", head, l->id, rest, l->id);
	l->id++;
}

static inline void store(struct log *l, uint64_t at, uint64_t value)
{
	char text[128];

	snprintf(text, sizeof(text), "(mem-order release) (address 0x%" PRIx64 ") (value 0x%" PRIx64 ")",
		 at, value);
	line(l, "mem-write", text);
}

static inline void sysreg(struct log *l, const char *name, uint64_t value)
{
	char text[96];

	snprintf(text, sizeof(text), "(sysreg %s) (value %" PRIx64 ")", name, value);
	line(l, "sysreg-write", text);
}

/* A page at IPA 0, by two tables, under VMID 1; flags of its leaf are the caller's. */
static inline void tables(struct log *l, uint64_t leaf)
{
	line(l, "mem-init", "(address 0x40000000) (size 0x2000)");
	line(l, "mem-init", "(address 0x40010000) (size 0x2000)");
	store(l, LEVEL3, leaf);
	store(l, LEVEL2, LEVEL3 | 3);
	store(l, ROOT, LEVEL2 | 3);
	line(l, "barrier", "dsb (kind ish)");
	sysreg(l, "hcr_el2", 1);
	sysreg(l, "vtcr_el2", vtcr_40());
	sysreg(l, "vttbr_el2", ROOT | UINT64_C(1) << 48);
	line(l, "barrier", "isb");
}

#define AF	 UINT64_C(0x400)
#define LEAF_RW	 (UINT64_C(0x80000000) | AF | 0xff)
#define LEAF_RO	 (UINT64_C(0x80000000) | AF | 0x7f)
#define LEAF_OTHER (UINT64_C(0x80001000) | AF | 0xff)

static inline void tlbi_page(struct log *l)
{
	line(l, "tlbi", "ipas2e1is (value 0x0)");
	line(l, "barrier", "dsb (kind ish)");
	line(l, "tlbi", "vmalle1is");
	line(l, "barrier", "dsb (kind ish)");
	line(l, "barrier", "isb");
}

static inline struct s2_check_outcome check_as(struct log *l, struct s2_check_job job, int expected_ret,
					char *text, size_t size)
{
	struct s2_check_outcome outcome;
	struct s2_error err = {0};
	FILE *out = tmpfile();
	size_t n;

	fclose(l->file);
	assert_non_null(out);
	job.path = l->path;
	job.cpus = 4;
	assert_i64(s2_features_parse("max,-vhe,-lpa2", &job.features, NULL), 0);
	assert_i64(s2_check_log(&job, out, &outcome, &err) ? -1 : 0, expected_ret);
	rewind(out);
	n = fread(text, 1, size - 1, out);
	text[n] = '\0';
	if (expected_ret)
		snprintf(text, size, "%s", err.text);
	fclose(out);
	return outcome;
}

static inline struct s2_check_outcome check(struct log *l, int expected_ret, char *text, size_t size)
{
	const struct s2_check_job job = {.keep = 4, .at_end = true};

	return check_as(l, job, expected_ret, text, size);
}

#endif
