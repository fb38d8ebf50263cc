/* SPDX-License-Identifier: MIT */
/* Table pages that are somebody else's: in the library's memory, or in a window of theirs. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <stage2sim/foreign.h>
#include <stage2sim/physics.h>

#define SLAB   (UINT64_C(2) << 20)
#define WINDOW (2 * SLAB)
#define AT     (UINT64_C(1) << 34)
#define PAGE   UINT64_C(4096)

/* What a sink saw of the last store. */
struct seen {
	const uint64_t *entry; /* in memory */
	uint64_t before;       /* what was there when the event came */
	uint64_t value, addr;
	unsigned stores;
};

struct rig {
	struct s2_machine *m;
	struct s2_cpu *cpu;
	struct s2_foreign *f;
	unsigned char *memory;
	struct seen seen;
};

static void see(void *arg, const struct s2_event *event)
{
	struct seen *seen = arg;

	if (event->insns[0].op != S2_OP_PTE_WRITE)
		return;
	seen->stores++;
	seen->addr = event->insns[0].addr;
	seen->value = event->insns[0].value;
	if (seen->entry)
		seen->before = *seen->entry;
}

static void machine_up(struct rig *rig)
{
	struct s2_machine_config cfg = {.cpus = 1};
	const struct s2_sink sink = {.event = see, .arg = &rig->seen};

	memset(rig, 0, sizeof(*rig));
	assert_i64(s2_features_parse("max", &cfg.features, NULL), 0);
	assert_i64(s2_machine_create(&cfg, &rig->m), 0);
	assert_i64(s2_machine_add_sink(rig->m, &sink), 0);
	rig->cpu = s2_machine_cpu(rig->m, 0);
	rig->memory = aligned_alloc(PAGE, WINDOW);
	assert_non_null(rig->memory);
	memset(rig->memory, 0x5a, WINDOW);
}

static void up(struct rig *rig)
{
	machine_up(rig);
	assert_i64(s2_foreign_create_in(rig->m, s2_pa(AT), rig->memory, WINDOW, &rig->f), 0);
}

static void down(struct rig *rig)
{
	s2_foreign_destroy(rig->f);
	s2_machine_destroy(rig->m);
	free(rig->memory);
}

static void a_page_lies_in_the_window_at_its_offset_zeroed_and_no_other_is_touched(void **state)
{
	struct rig rig;

	(void)state;
	up(&rig);
	assert_i64(s2_foreign_page(rig.f, rig.cpu, s2_pa(AT + SLAB + PAGE)), 0);
	assert_true(s2_foreign_lives(rig.f, s2_pa(AT + SLAB + PAGE)));
	for (uint64_t i = 0; i < WINDOW; i++)
		if (rig.memory[i] != (i >= SLAB + PAGE && i < SLAB + 2 * PAGE ? 0 : 0x5a))
			fail_msg("byte %llu of the window", (unsigned long long)i);
	down(&rig);
}

static void the_event_of_a_store_comes_before_the_store(void **state)
{
	struct rig rig;
	uint64_t *entry, read;

	(void)state;
	up(&rig);
	entry = (uint64_t *)(void *)(rig.memory + 2 * PAGE + 24);
	assert_i64(s2_foreign_write(rig.f, rig.cpu, s2_pa(AT + 2 * PAGE + 24), 7, S2_MEM_PLAIN), 0);
	assert_u64(*entry, 7);
	rig.seen.entry = entry;
	assert_i64(s2_foreign_write(rig.f, rig.cpu, s2_pa(AT + 2 * PAGE + 24), 9, S2_MEM_RELEASE),
		   0);
	assert_u64(rig.seen.before, 7);
	assert_u64(rig.seen.value, 9);
	assert_u64(rig.seen.addr, AT + 2 * PAGE + 24);
	assert_u64(*entry, 9);
	assert_i64(s2_foreign_read(rig.f, rig.cpu, s2_pa(AT + 2 * PAGE + 24), &read), 0);
	assert_u64(read, 9);
	down(&rig);
}

static void a_page_outside_of_the_window_is_refused(void **state)
{
	static const uint64_t outside[] = {AT - PAGE, AT + WINDOW, 0, UINT64_C(1) << 43};
	struct rig rig;

	(void)state;
	up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		s2_test_row("page at %#" PRIx64, outside[i]);
		assert_i64(s2_foreign_page(rig.f, rig.cpu, s2_pa(outside[i])), -ERANGE);
		assert_i64(s2_foreign_write(rig.f, rig.cpu, s2_pa(outside[i]), 1, S2_MEM_PLAIN),
			   -ERANGE);
		assert_false(s2_foreign_lives(rig.f, s2_pa(outside[i])));
	}
	assert_u64(rig.seen.stores, 0);
	down(&rig);
}

static void a_page_that_lives_again_is_zeroed_again(void **state)
{
	struct rig rig;

	(void)state;
	up(&rig);
	assert_i64(s2_foreign_write(rig.f, rig.cpu, s2_pa(AT + 8), 7, S2_MEM_PLAIN), 0);
	assert_i64(s2_foreign_free(rig.f, rig.cpu, s2_pa(AT)), 0);
	assert_true(s2_foreign_freed(rig.f, s2_pa(AT)));
	assert_i64(s2_foreign_page(rig.f, rig.cpu, s2_pa(AT)), 0);
	assert_u64(((uint64_t *)(void *)rig.memory)[1], 0);
	down(&rig);
}

static void the_window_is_not_held_by_the_library(void **state)
{
	uint64_t live, held;
	struct rig rig;

	(void)state;
	up(&rig);
	assert_i64(s2_foreign_page(rig.f, rig.cpu, s2_pa(AT)), 0);
	s2_machine_table_memory(rig.m, &live, &held);
	assert_u64(live, PAGE);
	assert_u64(held, 0);
	s2_foreign_destroy(rig.f);
	rig.f = NULL;
	rig.memory[0] = 1; /* still the caller's */
	s2_machine_table_memory(rig.m, &live, &held);
	assert_u64(live, 0);
	assert_u64(held, 0);
	down(&rig);
}

static void a_window_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct rig rig;

	(void)state;
	machine_up(&rig);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa(AT), rig.memory, 0, &rig.f), -EINVAL);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa(AT), rig.memory, PAGE, &rig.f), -EINVAL);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa(AT + PAGE), rig.memory, SLAB, &rig.f),
		   -EINVAL);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa(AT), rig.memory + 8, SLAB, &rig.f), -EINVAL);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa((UINT64_C(1) << 44) - SLAB), rig.memory,
					WINDOW, &rig.f),
		   -ERANGE);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa(UINT64_C(1) << 44), rig.memory, SLAB, &rig.f),
		   -ERANGE);
	assert_null(rig.f);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa(AT), rig.memory, WINDOW, &rig.f), 0);
	down(&rig);
}

static void what_watches_comes_after_the_tables(void **state)
{
	const struct s2_physics_config physics = {.residue = true};
	struct s2_physics *p;
	struct rig rig;

	(void)state;
	machine_up(&rig);
	assert_i64(s2_physics_attach(rig.m, &physics, &p), 0);
	assert_i64(s2_foreign_create(rig.m, &rig.f), -EBUSY);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa(AT), rig.memory, WINDOW, &rig.f), -EBUSY);
	s2_physics_detach(p);
	assert_i64(s2_foreign_create_in(rig.m, s2_pa(AT), rig.memory, WINDOW, &rig.f), 0);
	down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(
			a_page_lies_in_the_window_at_its_offset_zeroed_and_no_other_is_touched),
		s2_unit_test(the_event_of_a_store_comes_before_the_store),
		s2_unit_test(a_page_outside_of_the_window_is_refused),
		s2_unit_test(a_page_that_lives_again_is_zeroed_again),
		s2_unit_test(the_window_is_not_held_by_the_library),
		s2_unit_test(a_window_that_cannot_be_is_refused_and_changes_nothing),
		s2_unit_test(what_watches_comes_after_the_tables),
	};

	return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
