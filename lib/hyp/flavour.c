/* SPDX-License-Identifier: MIT */
#include <stage2sim/flavour.h>

#include <errno.h>
#include <string.h>

#include "hyp/known.h"

#define RELEASE(major, minor) ((major) << 8 | (minor))

/*
 * docs/model.md gives the source of every field; nothing else names a kernel.
 * Stable kernels take fixes, so a name holds for the releases that stands_for
 * lists and for what lies between: a8f78680ee6b (repeat) is in 6.1.192,
 * 6.6.143, 6.12.107 and later, and older ones of the same series want
 * "repeat=each".
 */
static const struct s2_flavour flavours[] = {
	{
		/* Before the page-table code was rewritten: docs/model.md. */
		.name = "kvm-5.4",
		.stands_for = "none measured; v5.1 to v5.9 as read",
		.since = 0,
		.repeat = S2_REPEAT_EACH,
		.break_with = S2_BREAK_CLEAR,
		.collapse = S2_COLLAPSE_UNMAP,
		.relax = S2_RELAX_FLUSH_IS,
		.range_order = S2_RANGE_ASCENDING,
		.resched = S2_RESCHED_PGD_ENTRY,
		.teardown = S2_TEARDOWN_UNMAP,
		.eagain_ends_walk = true,
		.zero_page_change_pte = true,
		.mkyoung_always_dsb = true,
		.exit_clears_vttbr = true,
	},
	{
		.name = "kvm-6.1",
		.stands_for = "6.1.192; before it with repeat=each",
		.since = RELEASE(5, 10), /* the page-table code of hyp/pgtable.c */
		.visitors_read = true,
		.age_first_entry = true,
		.break_with = S2_BREAK_CLEAR,
		.collapse = S2_COLLAPSE_FLUSH_VMID,
		.relax = S2_RELAX_FLUSH_IS,
		.destroy = S2_DESTROY_PUT_ALL,
		.range_order = S2_RANGE_ASCENDING,
		.routing = {S2_LOOKUP_SCAN, S2_SGI_WALK, S2_BROADCAST_BY_INDEX},
		.eagain_ends_walk = true,
		.zero_page_change_pte = true,
		.mkyoung_always_dsb = true,
		.exit_clears_vttbr = true,
	},
	{
		.name = "kvm-6.12",
		.stands_for = "6.12.107, 6.12.117; before 6.12.107, or 6.6.143, with repeat=each",
		.since = RELEASE(6, 6), /* range flushes */
		.break_with = S2_BREAK_LOCKED,
		.collapse = S2_COLLAPSE_FLUSH_RANGE,
		.relax = S2_RELAX_FLUSH_NSH,
		.destroy = S2_DESTROY_PUT_ALL,
		.range_order = S2_RANGE_DESCENDING,
		.routing = {S2_LOOKUP_TABLE, S2_SGI_BITS, S2_BROADCAST_PLAIN},
		.range_flush = true,
		.defer_unmap = true,
		.attr_invalid_eagain = true,
		.split = true,
		.lpa2 = true,
		.icache_limit = true,
		.nvhe_full_entry_dsb = true,
		.nvhe_exit_isb = true,
	},
	{
		.name = "kvm-7.2",
		.stands_for = "7.2.13",
		.since = RELEASE(6, 19), /* 156f70afcfec */
		.break_with = S2_BREAK_LOCKED,
		.collapse = S2_COLLAPSE_FLUSH_RANGE,
		.relax = S2_RELAX_FLUSH_NSH,
		.destroy = S2_DESTROY_PUT_EMPTY,
		.range_order = S2_RANGE_DESCENDING,
		.routing = {S2_LOOKUP_TABLE, S2_SGI_BITS, S2_BROADCAST_PLAIN},
		.range_flush = true,
		.defer_unmap = true,
		.attr_invalid_eagain = true,
		.split = true,
		.lpa2 = true,
		.xnx = true,
		.icache_limit = true,
		.nvhe_full_entry_dsb = true,
		.nvhe_exit_isb = true,
	},
};

static const struct s2_flavour *added;

#define N_FLAVOURS (sizeof(flavours) / sizeof(flavours[0]))

void s2_flavour_add(const struct s2_flavour *flavour)
{
	added = flavour;
}

const struct s2_flavour *s2_flavour_added(void)
{
	return added;
}

const struct s2_flavour *s2_flavour_at(size_t index)
{
	return index < N_FLAVOURS ? &flavours[index] : NULL;
}

static const struct s2_flavour *find(const char *name, size_t len)
{
	static const char oldest[] = "oldest", newest[] = "newest";

	if (len == sizeof(oldest) - 1 && !memcmp(name, oldest, len))
		return &flavours[0];
	if (len == sizeof(newest) - 1 && !memcmp(name, newest, len))
		return &flavours[N_FLAVOURS - 1];
	for (size_t i = 0; i < N_FLAVOURS; i++)
		if (strlen(flavours[i].name) == len && !memcmp(flavours[i].name, name, len))
			return &flavours[i];
	if (added && strlen(added->name) == len && !memcmp(added->name, name, len))
		return added;
	return NULL;
}

const struct s2_flavour *s2_flavour_find(const char *name)
{
	return name ? find(name, strlen(name)) : NULL;
}

/* One "key=value" of @len characters. */
static int choose(struct s2_flavour *f, const char *text, size_t len)
{
	static const char key[] = "repeat=";
	const size_t n = sizeof(key) - 1;

	if (len < n || memcmp(text, key, n) != 0)
		return -ENOENT;
	if (len - n != 4)
		return -EINVAL;
	if (!memcmp(text + n, "each", 4))
		f->repeat = S2_REPEAT_EACH;
	else if (!memcmp(text + n, "sync", 4))
		f->repeat = S2_REPEAT_SYNC;
	else
		return -EINVAL;
	return 0;
}

int s2_flavour_parse(const char *text, struct s2_flavour *out, size_t *bad)
{
	const struct s2_flavour *base;
	struct s2_flavour f;
	const char *at = text;
	int ret = 0;

	if (!text)
		return -EINVAL;
	base = find(text, strcspn(text, ","));
	if (bad)
		*bad = 0;
	if (!base)
		return -ENOENT;
	f = *base;
	for (at += strcspn(at, ","); !ret && *at;) {
		size_t len = strcspn(++at, ",");

		ret = choose(&f, at, len);
		if (ret && bad)
			*bad = (size_t)(at - text);
		at += len;
	}
	if (!ret)
		*out = f;
	return ret;
}

/* Digits at *@at, which moves past them. @return false if there are none, or too many. */
static bool number(const char **at, unsigned *value)
{
	const char *const start = *at;

	for (*value = 0; **at >= '0' && **at <= '9' && *at - start < 4; (*at)++)
		*value = 10 * *value + (unsigned)(**at - '0');
	return *at > start;
}

const struct s2_flavour *s2_flavour_for(const char *release)
{
	const char *at = release;
	unsigned major, minor;
	size_t i = N_FLAVOURS;

	if (!release || !number(&at, &major) || *at++ != '.' || !number(&at, &minor) ||
	    major > 255 || minor > 255)
		return NULL;
	while (i-- > 0)
		if (flavours[i].since <= RELEASE(major, minor))
			return &flavours[i];
	return NULL;
}
