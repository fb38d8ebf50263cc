/* SPDX-License-Identifier: MIT */
/* Slots by number and by address, against a naive list of them. */
#include "property.h"

#include <stdio.h>

#include "hyp/vm/vm_fixture.h"

#define PAGE	 UINT64_C(0x1000)
#define N_PAGES	 64U
#define HVA	 UINT64_C(0x7f0000000000)
#define PA	 UINT64_C(0x100000000)
#define MAX_SLOT 128

static void rig_up(struct vm_fixture *r)
{
	vm_fixture_machine(r, "cortex-a55", 1, "kvm-6.12", NULL);
	vm_fixture_vm(r, NULL);
	vm_fixture_vcpu(r, 0);
}

static int add(struct vm_fixture *r, uint64_t page, uint64_t n)
{
	const struct s2_slot_config cfg = {
		.ipa = {page * PAGE},
		.size = n * PAGE,
		.hva = {HVA + page * PAGE},
		.pa = {PA + page * PAGE},
		.backing = PAGE,
		.populated = true,
	};

	return s2_vm_add_slot(r->vm, &cfg);
}

/* Which slot each page is in, -1 for none. */
struct naive {
	int slot[N_PAGES];
	bool used[MAX_SLOT];
};

static int naive_add(struct naive *naive, uint64_t page, uint64_t n)
{
	int number = 0;

	for (uint64_t i = page; i < page + n; i++)
		if (naive->slot[i] >= 0)
			return -EEXIST;
	while (naive->used[number])
		number++;
	for (uint64_t i = page; i < page + n; i++)
		naive->slot[i] = number;
	naive->used[number] = true;
	return number;
}

static int naive_delete(struct naive *naive, int number)
{
	if (!naive->used[number])
		return -EINVAL;
	for (unsigned i = 0; i < N_PAGES; i++)
		if (naive->slot[i] == number)
			naive->slot[i] = -1;
	naive->used[number] = false;
	return 0;
}

/* A page is in a slot if the guest can touch it; of which, its PA does not tell: logging does. */
static bool pages_agree(struct vm_fixture *r, const struct naive *naive)
{
	for (unsigned i = 0; i < N_PAGES; i++) {
		const int64_t ret =
			s2_vcpu_access(s2_vm_vcpu(r->vm, 0), s2_ipa(i * PAGE), 1, S2_ACCESS_WRITE);

		if ((ret == -EFAULT) != (naive->slot[i] < 0))
			return false;
	}
	return true;
}

static bool agree(void *arg, const struct s2_step *steps, size_t n)
{
	struct naive naive = {.used = {false}};
	struct vm_fixture r;
	bool same = true;

	(void)arg;
	for (unsigned i = 0; i < N_PAGES; i++)
		naive.slot[i] = -1;
	rig_up(&r);
	for (size_t i = 0; same && i < n; i++) {
		const uint64_t size = 1 + steps[i].b % (N_PAGES - steps[i].a);

		if (steps[i].op < 2)
			same = add(&r, steps[i].a, size) == naive_add(&naive, steps[i].a, size);
		else
			same = s2_vm_delete_slot(r.vm, s2_machine_cpu(r.m, 0), (int)steps[i].c) ==
			       naive_delete(&naive, (int)steps[i].c);
		same = same && pages_agree(&r, &naive);
	}
	vm_fixture_down(&r);
	return same;
}

static void print_step(void *arg, const struct s2_step *step)
{
	(void)arg;
	if (step->op < 2)
		printf("add at page %" PRIu64 ", %" PRIu64 " pages\n", step->a,
		       1 + step->b % (N_PAGES - step->a));
	else
		printf("delete %" PRIu64 "\n", step->c);
}

static void slots_are_found_by_number_and_by_address(void **state)
{
	const struct s2_property property = {
		.name = "slots",
		.n_ops = 3,
		.max_a = N_PAGES,
		.max_b = 6,
		.max_c = 24,
		.steps = 60,
		.programs = 100,
		.run = agree,
		.print = print_step,
	};

	(void)state;
	s2_property_check(&property, 0x9e3779b9);
}

static void there_are_as_many_as_kvm_has_and_no_more(void **state)
{
	struct vm_fixture r;

	(void)state;
	rig_up(&r);
	/* Every other page, from above: each goes before all that are there. */
	for (int i = 0; i < S2_MAX_SLOTS; i++)
		assert_i64(add(&r, 2 * (uint64_t)(S2_MAX_SLOTS - i), 1), i);
	assert_i64(add(&r, 1, 1), -ENOSPC);
	assert_i64(s2_vm_delete_slot(r.vm, s2_machine_cpu(r.m, 0), 77), 0);
	assert_i64(add(&r, 1, 1), 77);
	assert_i64(s2_vcpu_access(s2_vm_vcpu(r.vm, 0), s2_ipa(PAGE), 1, S2_ACCESS_WRITE), 1);
	vm_fixture_down(&r);
}

static void an_hva_that_wraps_is_refused(void **state)
{
	const struct s2_slot_config cfg = {.ipa = {0},
					   .size = 2 * PAGE,
					   .hva = {UINT64_MAX - PAGE + 1},
					   .pa = {PA},
					   .backing = PAGE,
					   .populated = true};
	struct vm_fixture r;

	(void)state;
	rig_up(&r);
	assert_i64(s2_vm_add_slot(r.vm, &cfg), -EINVAL);
	vm_fixture_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(slots_are_found_by_number_and_by_address),
		s2_unit_test(there_are_as_many_as_kvm_has_and_no_more),
		s2_unit_test(an_hva_that_wraps_is_refused),
	};

	return cmocka_run_group_tests_name("memslot", tests, NULL, NULL);
}
