/* SPDX-License-Identifier: MIT */
/*
 * A VM's life, in which each allocation fails once.
 *
 *     step -- -ENOMEM --> the same step again --> the state it has without a failure
 *
 * What a call did before it ran out of memory stays, so that the call can be
 * made again.  Leaks are the sanitizers' to find.
 */
#include "alloc_fail.h"
#include "vm_fixture.h"

#define MIB	UINT64_C(0x100000)
#define N_SLOTS 12

struct life {
	const char *machine;
	enum s2_allocator allocator;
	struct vm_fixture f;
	struct s2_cpu *cpu;
	struct s2_vcpu *vcpu;
	int slots, vcpus;
	bool log_was_on; /* a start that failed left it on */
};

/* What a step leaves, as far as a user can see it. */
struct seen {
	struct s2_pgtable_state tables;
	int64_t dirty;
	bool caches_on, tvm;
};

static struct s2_slot_config slot_at(int n)
{
	const uint64_t start = 64 * MIB + (uint64_t)n * 16 * MIB;
	const struct s2_slot_config slot = {.ipa = {start},
					    .size = 8 * MIB,
					    .hva = {start},
					    .pa = {start},
					    .backing = n == 1 ? 2 * MIB : 4096,
					    .populated = n != 1,
					    .life = n == 2 ? S2_BACKING_SHARED : S2_BACKING_DIES};

	return slot;
}

static int make_machine(struct life *l)
{
	struct s2_machine_config mc = {.cpus = 2, .allocator = l->allocator};
	int ret = s2_features_parse(l->machine, &mc.features, NULL);

	return ret ? ret : s2_machine_create(&mc, &l->f.m);
}

static int attach_physics(struct life *l)
{
	const struct s2_tlb_config tlb = s2_tlb_config_default();
	const struct s2_physics_config cfg = {
		.tlb = &tlb, .residue = true, .memory = true, .detail = S2_MEMORY_VERSIONS};

	return s2_physics_attach(l->f.m, &cfg, &l->f.p);
}

static int make_vmids(struct life *l)
{
	return s2_vmids_create(l->f.m, &l->f.vmids);
}

static int make_vm(struct life *l)
{
	l->f.config.flavour = &l->f.flavour;
	l->f.config.vmids = l->f.vmids;
	l->f.config.manual_protect = true;
	l->f.config.split_chunk = l->f.flavour.split ? 2 * MIB : 0;
	l->cpu = s2_machine_cpu(l->f.m, 0);
	return s2_vm_create(l->f.m, &l->f.config, &l->f.vm);
}

static int add_slots(struct life *l)
{
	while (l->slots < N_SLOTS) {
		const struct s2_slot_config slot = slot_at(l->slots);
		const int ret = s2_vm_add_slot(l->f.vm, &slot);

		if (ret < 0)
			return ret;
		assert_i64(ret, l->slots++);
	}
	return 0;
}

static int add_vcpus(struct life *l)
{
	while (l->vcpus < 2) {
		const int ret = s2_vm_add_vcpu(l->f.vm);

		if (ret < 0)
			return ret;
		assert_i64(ret, l->vcpus++);
	}
	l->vcpu = s2_vm_vcpu(l->f.vm, 0);
	return s2_vcpu_load(l->vcpu, l->cpu);
}

static int access_slot(struct life *l, int slot, uint64_t size, enum s2_access access)
{
	const int64_t ret = s2_vcpu_access(l->vcpu, slot_at(slot).ipa, size, access);

	return ret < 0 ? (int)ret : 0;
}

static int write_slots(struct life *l)
{
	int ret = access_slot(l, 0, 4 * MIB, S2_ACCESS_WRITE);

	return ret ? ret : access_slot(l, 2, MIB, S2_ACCESS_WRITE);
}

static int read_then_write_the_unpopulated(struct life *l)
{
	int ret = access_slot(l, 1, 64 * 4096, S2_ACCESS_READ);

	if (!ret)
		ret = access_slot(l, 1, 32 * 4096, S2_ACCESS_WRITE);
	return ret ? ret : access_slot(l, 1, 8 * MIB, S2_ACCESS_WRITE);
}

/* Leaves the guest again, or what the host does next would have it exit. */
static int access_by_hardware(struct life *l)
{
	const struct s2_ipa ipa = s2_ipa(slot_at(3).ipa.v);
	const struct s2_guest_access access = {
		.kind = S2_ACCESS_WRITE, .va = {ipa.v}, .ipa = ipa, .cacheable = true};
	struct s2_guest_result result;
	const int ret = s2_vcpu_guest_access(l->vcpu, l->f.p, &access, &result);

	s2_vcpu_exit(l->vcpu);
	return ret < 0 ? ret : 0;
}

static int start_log(struct life *l)
{
	const int ret = s2_vm_log_start(l->f.vm, l->cpu, 0);

	/* "-ENOMEM: off, or on and unsplit" */
	if (ret == -EEXIST && l->log_was_on)
		return 0;
	l->log_was_on = ret == -ENOMEM && s2_vm_log_get(l->f.vm, l->cpu, 0) >= 0;
	return ret;
}

static int dirty_again(struct life *l)
{
	return access_slot(l, 0, 3 * MIB, S2_ACCESS_WRITE);
}

static int clear_log(struct life *l)
{
	const int64_t ret = s2_vm_log_clear(l->f.vm, l->cpu, 0, 0, 512);

	return ret < 0 ? (int)ret : 0;
}

static int age(struct life *l)
{
	const int ret = s2_vm_age_hva(l->f.vm, l->cpu, slot_at(1).hva, 8 * MIB);

	return ret < 0 ? ret : 0;
}

static int unmap_a_part(struct life *l)
{
	return s2_vm_unmap_hva(l->f.vm, l->cpu, s2_va(slot_at(1).hva.v + MIB), 2 * MIB,
			       S2_UNMAP_EVENT);
}

/* A call again must be a change again. */
static int toggle_caches(struct life *l)
{
	int ret = s2_vcpu_set_caches(l->vcpu, true);

	if (ret)
		s2_vcpu_set_state(l->vcpu, false, true);
	return ret;
}

static int clean_by_set_way(struct life *l)
{
	return s2_vcpu_set_way(l->vcpu, 4);
}

static int stop_log(struct life *l)
{
	return s2_vm_log_stop(l->f.vm, l->cpu, 0);
}

static int put_and_reset(struct life *l)
{
	const int ret = s2_vcpu_put(l->vcpu);

	/* Put already, if the reset failed. */
	if (ret && ret != -EINVAL)
		return ret;
	return s2_vcpu_reset(l->vcpu, l->cpu);
}

static int map_again(struct life *l)
{
	const int ret = s2_vcpu_load(l->vcpu, l->cpu);

	if (ret && ret != -EBUSY)
		return ret;
	return access_slot(l, 4, MIB, S2_ACCESS_FETCH);
}

static int delete_slot(struct life *l)
{
	return s2_vm_delete_slot(l->f.vm, l->cpu, 4);
}

static int tear_down(struct life *l)
{
	const int ret = s2_vcpu_put(l->vcpu);

	if (ret && ret != -EINVAL)
		return ret;
	return s2_vm_teardown(l->f.vm, l->cpu);
}

typedef int (*step_fn)(struct life *l);

static const step_fn steps[] = {
	make_machine, attach_physics,  make_vmids,    make_vm,
	add_slots,    add_vcpus,       write_slots,   read_then_write_the_unpopulated,
	access_by_hardware, start_log, dirty_again,   clear_log,
	age,	      unmap_a_part,    toggle_caches, clean_by_set_way,
	stop_log,     put_and_reset,   map_again,     delete_slot,
	tear_down,
};

#define N_STEPS ARRAY_SIZE(steps)

static struct seen look(struct life *l)
{
	struct seen seen;

	memset(&seen, 0, sizeof(seen));
	if (!l->f.vm || !l->vcpu)
		return seen;
	s2_pgtable_state(s2_vm_mmu(l->f.vm), &seen.tables);
	seen.dirty = s2_vm_log_get(l->f.vm, l->cpu, 0);
	seen.caches_on = s2_vcpu_caches_on(l->vcpu);
	seen.tvm = s2_vcpu_tvm(l->vcpu);
	return seen;
}

static void begin(struct life *l, const char *machine, enum s2_allocator allocator,
		  const struct s2_flavour *flavour)
{
	memset(l, 0, sizeof(*l));
	l->machine = machine;
	l->allocator = allocator;
	l->f.flavour = *flavour;
}

static void same(const struct seen *now, const struct seen *expected)
{
	for (int level = 0; level <= S2_LAST_LEVEL; level++)
		assert_u64(now->tables.leaves[level], expected->tables.leaves[level]);
	assert_u64(now->tables.table_entries, expected->tables.table_entries);
	assert_u64(now->tables.invalid_counted, expected->tables.invalid_counted);
	assert_u64(now->tables.table_pages, expected->tables.table_pages);
	assert_i64(now->dirty, expected->dirty);
	assert_i64(now->caches_on, expected->caches_on);
	assert_i64(now->tvm, expected->tvm);
}

/*
 * Lives with allocation @n of step @at failing.  @return whether that step came
 * to so many.
 */
static bool live(struct life *l, size_t at, uint64_t n, bool sticky, const struct seen *expected)
{
	bool reached = false;

	for (size_t i = 0; i < N_STEPS; i++) {
		struct seen now;
		int ret;

		s2_test_row("%s: step %zu, allocation %" PRIu64 " of step %zu", l->machine, i, n,
			    at);
		if (i == at) {
			s2_alloc_fail_at(n, sticky);
			ret = steps[i](l);
			reached = s2_alloc_fail_end() > n;
			assert_true(!ret || (reached && ret == -ENOMEM));
			if (ret)
				ret = steps[i](l);
		} else {
			ret = steps[i](l);
		}
		assert_i64(ret, 0);
		now = look(l);
		same(&now, &expected[i]);
		/* The rest is as without a failure. */
		if (i == at && !reached)
			break;
	}
	vm_fixture_down(&l->f);
	return reached;
}

/* Steps of many allocations get some of them: the first, and then ever fewer. */
static uint64_t next_site(uint64_t n)
{
	return n + 1 + n / 8;
}

static void each_allocation_fails(const char *machine, enum s2_allocator allocator,
				  const struct s2_flavour *flavour)
{
	struct seen expected[N_STEPS];
	struct life l;
	uint64_t sites = 0;

	begin(&l, machine, allocator, flavour);
	for (size_t i = 0; i < N_STEPS; i++) {
		s2_test_row("%s: step %zu", machine, i);
		assert_i64(steps[i](&l), 0);
		expected[i] = look(&l);
	}
	vm_fixture_down(&l.f);
	for (size_t at = 0; at < N_STEPS; at++) {
		for (unsigned sticky = 0; sticky < 2; sticky++) {
			uint64_t n = 0;

			for (;; n = next_site(n)) {
				begin(&l, machine, allocator, flavour);
				if (!live(&l, at, n, sticky, expected))
					break;
				sites++;
			}
		}
	}
	assert_true(sites > 50);
}

static void a_vm_of_the_newest_flavour_can_go_on(void **state)
{
	struct s2_flavour f = *s2_flavour_find("newest");

	(void)state;
	if (!s2_alloc_fail_works())
		skip();
	each_allocation_fails("neoverse-n1", S2_ALLOCATOR_LIBC, &f);
}

/* Cleaning waits for a flush and is noted; mappings are accounted for. */
static void a_vm_that_keeps_accounts_can_go_on(void **state)
{
	struct s2_flavour f = *s2_flavour_find("newest");

	(void)state;
	if (!s2_alloc_fail_works())
		skip();
	f.toggle = S2_TOGGLE_SINCE_FLUSH;
	f.unmap_tlbi = S2_UNMAP_TLBI_RANGE;
	f.teardown = S2_TEARDOWN_UNMAP_RANGE;
	each_allocation_fails("max,-fwb,-dic", S2_ALLOCATOR_LIBC, &f);
}

static void a_vm_of_the_oldest_flavour_can_go_on(void **state)
{
	(void)state;
	if (!s2_alloc_fail_works())
		skip();
	each_allocation_fails("cortex-a72", S2_ALLOCATOR_DEFAULT, s2_flavour_find("oldest"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_vm_of_the_newest_flavour_can_go_on),
		s2_unit_test(a_vm_that_keeps_accounts_can_go_on),
		s2_unit_test(a_vm_of_the_oldest_flavour_can_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
