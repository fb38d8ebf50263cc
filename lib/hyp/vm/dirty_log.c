/* SPDX-License-Identifier: MIT */
/* Dirty logging.  Reads beside kvm_vm_ioctl_clear_dirty_log() and kvm/mmu.c. */
#include <errno.h>

#include "hyp/vm/fault_memo.h"
#include "hyp/vm/kernel.h"
#include "hyp/vm/memslot.h"
#include "hyp/vm/mmu_lock.h"
#include "hyp/vm/vcpu.h"
#include "hyp/vm/vm.h"

static struct s2_range slot_range(const struct vm_slot *s)
{
	const struct s2_range range = {s->cfg.ipa, s->cfg.size};

	return range;
}

/* kvm_mmu_split_nr_page_tables() */
static uint64_t split_tables(const struct s2_geometry *geo, uint64_t size)
{
	uint64_t n = 0;

	for (int level = s2_min_block_level(geo); level < S2_LAST_LEVEL; level++)
		n += (size + s2_level_size(geo, level) - 1) >> s2_level_shift(geo, level);
	return n;
}

/* kvm_mmu_split_huge_pages(), under mmu_lock */
static int split_huge_pages(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range range)
{
	uint64_t chunk = vm->cfg.split_chunk;
	uint64_t addr = range.ipa.v, end = range.ipa.v + range.size;
	int ret = 0;

	while (!ret && addr < end) {
		/* Topped up whenever it holds less than a chunk needs. */
		struct s2_memcache mc = {split_tables(&vm->mmu->geo, chunk)};
		uint64_t next = (addr & ~(chunk - 1)) + chunk;

		if (next > end)
			next = end;
		ret = s2_pgtable_split(vm->mmu, cpu, s2_range(addr, next - addr), &mc);
		if (ret || next == end)
			s2_vm_stretch_ends(vm);
		else
			s2_vm_cond_resched(vm, cpu);
		addr = next;
	}
	return ret;
}

static uint64_t next_dirty(const struct s2_vm *vm, const struct vm_slot *s, uint64_t first,
			   uint64_t end)
{
	if (!vm->kernel)
		first = s2_bits_next(&s->dirty, first);
	while (vm->kernel && first < end && !vm->kernel->log_is_dirty(vm, s, first))
		first++;
	return first < end ? first : end;
}

/*
 * What user space may count on: of pages [first, end) those whose bit is clear
 * are written by nobody without its being set again.
 */
static void harvested(const struct s2_vm *vm, struct s2_cpu *cpu, const struct vm_slot *s,
		      uint64_t first, uint64_t end, const char *function)
{
	const unsigned shift = vm->mmu->geo.page_shift;

	while (cpu->observed && first < end) {
		const uint64_t next = next_dirty(vm, s, first, end);

		if (next > first)
			s2_mmu_relies(vm->mmu, cpu, S2_RELY_DIRTY_HARVESTED,
				      s2_ipa(s->cfg.ipa.v + (first << shift)),
				      (next - first) << shift, function);
		first = next + 1;
	}
}

static int start_by_kernel(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s)
{
	int ret = vm->kernel->log_switch(vm, cpu, s);

	if (ret) {
		s->logging = false;
		s2_bits_free(&s->dirty);
	} else if (!vm->cfg.initially_set) {
		harvested(vm, cpu, s, 0, s->dirty.n, "kvm_mmu_wp_memory_region");
	}
	return ret;
}

int s2_vm_log_start(struct s2_vm *vm, struct s2_cpu *cpu, int slot)
{
	struct vm_slot *s = s2_vm_slot(vm, slot);
	uint64_t pages;
	int ret;

	if (!s || !s2_vm_callable(vm, cpu))
		return -EINVAL;
	if (s->logging)
		return -EEXIST;
	pages = s->cfg.size >> vm->mmu->geo.page_shift;
	ret = s2_bits_init(&s->dirty, pages, vm->cfg.initially_set);
	if (ret)
		return ret;
	s2_vm_forget_faults(vm);
	s->logging = true;
	s2_cpu_enter_host(cpu);
	if (vm->kernel)
		return start_by_kernel(vm, cpu, s);
	/* Every page counts as dirty: it is protected, and split, when first cleared. */
	if (vm->cfg.initially_set)
		return 0;
	ret = s2_vm_apply_range(vm, cpu, slot_range(s), s2_pgtable_wrprotect);
	if (!ret)
		ret = s2_flush_vmid_range(vm->mmu, cpu, s2_range(s->cfg.ipa.v, s->cfg.size));
	if (!ret)
		harvested(vm, cpu, s, 0, pages, "kvm_mmu_wp_memory_region");
	if (ret || !vm->cfg.split_chunk)
		return ret;
	s2_vm_lock(vm, cpu);
	ret = split_huge_pages(vm, cpu, slot_range(s));
	s2_vm_unlock(vm, cpu);
	return ret;
}

int s2_vm_log_stop(struct s2_vm *vm, struct s2_cpu *cpu, int slot)
{
	struct vm_slot *s = s2_vm_slot(vm, slot);

	if (!s || !s->logging || cpu->machine != vm->machine)
		return -EINVAL;
	s2_vm_forget_faults(vm);
	s2_cpu_enter_host(cpu);
	s->logging = false;
	s2_bits_free(&s->dirty);
	return vm->kernel ? vm->kernel->log_switch(vm, cpu, s) : 0;
}

static unsigned low_bit(uint64_t word)
{
	unsigned bit = 0;

	while (!(word >> bit & 1))
		bit++;
	return bit;
}

static unsigned high_bit(uint64_t word)
{
	unsigned bit = 63;

	while (!(word >> bit & 1))
		bit--;
	return bit;
}

static unsigned dirty_log_ones(uint64_t word)
{
	unsigned n = 0;

	for (; word; word &= word - 1)
		n++;
	return n;
}

/* kvm_arch_mmu_enable_log_dirty_pt_masked(): from the lowest to the highest bit of a word. */
static int protect_word(struct s2_vm *vm, struct s2_cpu *cpu, const struct vm_slot *s,
			uint64_t word, uint64_t mask)
{
	unsigned shift = vm->mmu->geo.page_shift;
	uint64_t start = s->cfg.ipa.v + ((word * 64 + low_bit(mask)) << shift);
	uint64_t end = s->cfg.ipa.v + ((word * 64 + high_bit(mask) + 1) << shift);
	int ret;

	if (vm->cfg.flavour->bug == S2_BUG_LOG_PARTLY && end - start > s2_page_size(&vm->mmu->geo))
		end -= s2_page_size(&vm->mmu->geo);
	ret = s2_pgtable_wrprotect(vm->mmu, cpu, s2_range(start, end - start));
	if (ret || !vm->cfg.initially_set || !vm->cfg.split_chunk)
		return ret;
	return split_huge_pages(vm, cpu, s2_range(start, end - start));
}

static uint64_t word_mask(uint64_t word, uint64_t first, uint64_t end)
{
	uint64_t mask = UINT64_MAX;

	if (word * 64 < first)
		mask &= UINT64_MAX << (first - word * 64);
	if (end - word * 64 < 64)
		mask &= (UINT64_C(1) << (end - word * 64)) - 1;
	return mask;
}

/* What a clear has done so far: pages, and the span they lie in. */
struct cleared {
	uint64_t pages;
	uint64_t first, end; /* of the slot */
};

static void note_cleared(struct cleared *c, uint64_t word, uint64_t mask)
{
	if (!c->pages)
		c->first = word * 64 + low_bit(mask);
	c->end = word * 64 + high_bit(mask) + 1;
	c->pages += dirty_log_ones(mask);
}

static int clear_words(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s, uint64_t first,
		       uint64_t end, struct cleared *c)
{
	uint64_t word = s2_bits_next_word(&s->dirty, first / 64);

	while (word * 64 < end) {
		uint64_t was;
		int ret = s2_bits_take(&s->dirty, word, word_mask(word, first, end), &was);

		if (!ret && was) {
			note_cleared(c, word, was);
			ret = protect_word(vm, cpu, s, word, was);
		}
		if (ret)
			return ret;
		word = s2_bits_next_word(&s->dirty, word + 1);
	}
	return 0;
}

/*
 * Pages of the smallest range operation that covers @pages, two or more: NUM counts units
 * of 2, 64, 2048 or 65536 pages, up to 32 of them.
 */
static uint64_t one_operation(uint64_t pages)
{
	uint64_t unit = 2;

	if (pages > S2_TLBI_RANGE_MAX_PAGES)
		return pages;
	while (pages > 32 * unit)
		unit <<= 5;
	return (pages + unit - 1) & ~(unit - 1);
}

/*
 * ROUND: the span, grown within the slot until one operation names it.  With
 * LPA2 operands name 64 KiB, and a slot may begin and end between: then the
 * span stays as it is.
 */
static struct s2_range rounded_span(const struct s2_vm *vm, struct s2_range slot,
				    struct s2_range span)
{
	unsigned shift = vm->mmu->geo.page_shift;
	uint64_t unit = UINT64_C(1) << (vm->mmu->tlbi.lpa2 ? S2_GRANULE_64K : shift);
	uint64_t slot_end = slot.ipa.v + slot.size, span_end = span.ipa.v + span.size;
	uint64_t start = span.ipa.v & ~(unit - 1), size;

	if (span.size >> shift == 1)
		return span;
	size = one_operation((span_end - start) >> shift) << shift;
	if (size > slot.size)
		return slot;
	if (start + size > slot_end)
		start = (slot_end - size) & ~(unit - 1);
	if (start < slot.ipa.v || start + size < span_end || start + size > slot_end)
		return span;
	return s2_range(start, size);
}

static bool lies_in(struct s2_range part, struct s2_range whole)
{
	return part.size && part.size <= whole.size && part.ipa.v >= whole.ipa.v &&
	       part.ipa.v - whole.ipa.v <= whole.size - part.size;
}

int s2_vm_flush_cleared(struct s2_vm *vm, struct s2_cpu *cpu, struct s2_range slot,
			struct s2_range cleared)
{
	const uint64_t offset = s2_page_size(&vm->mmu->geo) - 1;
	const uint64_t limit = s2_ipa_limit(&vm->mmu->geo);
	struct s2_range range = slot;

	if (!s2_vm_callable(vm, cpu) || !lies_in(cleared, slot))
		return -EINVAL;
	if ((slot.ipa.v | slot.size | cleared.ipa.v | cleared.size) & offset)
		return -EINVAL;
	if (slot.ipa.v >= limit || slot.size > limit - slot.ipa.v)
		return -ERANGE;
	s2_cpu_enter_host(cpu);
	if (vm->cfg.flavour->clear_flush == S2_CLEAR_FLUSH_SPAN)
		range = cleared;
	if (vm->cfg.flavour->clear_flush == S2_CLEAR_FLUSH_ROUND)
		range = rounded_span(vm, slot, cleared);
	return s2_flush_vmid_range(vm->mmu, cpu, range);
}

/* The flush comes once, after mmu_lock is dropped: of the slot, however little was cleared. */
static int flush_cleared(struct s2_vm *vm, struct s2_cpu *cpu, const struct vm_slot *s,
			 const struct cleared *c)
{
	unsigned shift = vm->mmu->geo.page_shift;

	if (!c->pages)
		return 0;
	return s2_vm_flush_cleared(
		vm, cpu, slot_range(s),
		s2_range(s->cfg.ipa.v + (c->first << shift), (c->end - c->first) << shift));
}

static int64_t clear_by_kernel(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s,
			       uint64_t first, uint64_t end)
{
	const int64_t ret = vm->cfg.manual_protect
				    ? vm->kernel->log_clear(vm, cpu, s, first, end - first)
				    : vm->kernel->log_get(vm, cpu, s);

	if (ret >= 0)
		harvested(vm, cpu, s, first, end, "kvm_vm_ioctl_clear_dirty_log");
	return ret;
}

static int64_t clear_log(struct s2_vm *vm, struct s2_cpu *cpu, struct vm_slot *s, uint64_t first,
			 uint64_t end)
{
	struct cleared c = {0, 0, 0};
	int ret, flushed;

	if (vm->kernel)
		return clear_by_kernel(vm, cpu, s, first, end);

	s2_vm_lock(vm, cpu);
	ret = clear_words(vm, cpu, s, first, end, &c);
	s2_vm_unlock(vm, cpu);
	/* Also after an error: the bits before it are gone, and writes must fault again. */
	flushed = flush_cleared(vm, cpu, s, &c);
	if (!ret)
		ret = flushed;
	if (!ret)
		harvested(vm, cpu, s, first, end, "kvm_vm_ioctl_clear_dirty_log");
	return ret ? ret : (int64_t)c.pages;
}

int64_t s2_vm_log_get(struct s2_vm *vm, struct s2_cpu *cpu, int slot)
{
	struct vm_slot *s = s2_vm_slot(vm, slot);
	int64_t ret;

	if (!s || !s->logging || !s2_vm_callable(vm, cpu))
		return -EINVAL;
	s2_cpu_enter_host(cpu);
	s2_lock_take(cpu, &vm->slots_lock, S2_LOCK_WRITE);
	if (!vm->cfg.manual_protect)
		ret = clear_log(vm, cpu, s, 0, s->dirty.n);
	else
		ret = vm->kernel ? vm->kernel->log_get(vm, cpu, s) : (int64_t)s->dirty.set;
	s2_lock_drop(cpu, &vm->slots_lock);
	return ret;
}

int64_t s2_vm_log_clear(struct s2_vm *vm, struct s2_cpu *cpu, int slot, uint64_t first, uint64_t n)
{
	struct vm_slot *s = s2_vm_slot(vm, slot);
	int64_t ret;

	if (!s || !s->logging || !vm->cfg.manual_protect || !s2_vm_callable(vm, cpu))
		return -EINVAL;
	/* As the ioctl: whole words, but for the slot's end. */
	if (!n || first % 64 || first >= s->dirty.n || n > s->dirty.n - first ||
	    (n % 64 && first + n != s->dirty.n))
		return -EINVAL;
	s2_cpu_enter_host(cpu);
	s2_lock_take(cpu, &vm->slots_lock, S2_LOCK_WRITE);
	ret = clear_log(vm, cpu, s, first, first + n);
	s2_lock_drop(cpu, &vm->slots_lock);
	return ret;
}

bool s2_vm_log_is_dirty(const struct s2_vm *vm, int slot, uint64_t page)
{
	const struct vm_slot *s = s2_vm_slot(vm, slot);

	if (!s || !s->logging || page >= s->dirty.n)
		return false;
	return vm->kernel ? vm->kernel->log_is_dirty(vm, s, page) : s2_bits_test(&s->dirty, page);
}
