/* SPDX-License-Identifier: MIT */
#include "study/replay/replay_told.h"

#include <stdio.h>
#include <string.h>

/* The value of @key in "key=value key=value", cut to @size; empty if it is not there. */
static void value_of(struct s2_span text, const char *key, char *value, size_t size)
{
	const size_t n = strlen(key);
	size_t at = 0;

	value[0] = '\0';
	while (at < text.len) {
		size_t end = at;

		while (end < text.len && text.text[end] != ' ')
			end++;
		if (end - at > n && !memcmp(text.text + at, key, n)) {
			snprintf(value, size, "%.*s", (int)(end - at - n), text.text + at + n);
			return;
		}
		at = end + 1;
	}
}

void s2_told_release(struct s2_told *told, const char *release)
{
	const struct s2_flavour *flavour = s2_flavour_for(release);

	if (!flavour)
		return;
	told->flavour = flavour;
	told->said = true;
	snprintf(told->flavour_from, sizeof(told->flavour_from), "from the log's release, %.64s",
		 release);
}

static void told_by_host(struct s2_told *told, struct s2_span text)
{
	char release[64];

	value_of(text, "release=", release, sizeof(release));
	s2_told_release(told, release);
	value_of(text, "machine=", told->machine, sizeof(told->machine));
}

/* What an event, or its form, says of the kernel; 0: nothing. */
static unsigned sign_of(const struct s2_told *told, const struct s2_trace_event *ev)
{
	switch (ev->kind) {
	case S2_TRACE_SYS_IOCTL:
		if (ev->u.ioctl.prefix == S2_TRACE_PREFIX_0X)
			return S2_SIGN_0X;
		/* 0 has no prefix in any kernel. */
		if (ev->u.ioctl.prefix == S2_TRACE_PREFIX_NONE && ev->u.ioctl.cmd)
			return S2_SIGN_NO_0X;
		return 0;
	case S2_TRACE_KVM_SET_SPTE:
		return S2_SIGN_CHANGE_PTE;
	case S2_TRACE_TLB_RANGE:
	case S2_TRACE_TLB_IPA_NSH:
	case S2_TRACE_S2_SPLIT:
		return S2_SIGN_NEW_CALLS;
	case S2_TRACE_TLB_IPA:
		if (!ev->u.tlb_ipa.level)
			return S2_SIGN_LEVEL_0;
		return told->relaxing == ev->pid ? S2_SIGN_RELAX_IS : 0;
	default:
		return 0;
	}
}

struct reading {
	unsigned all, none; /* signs that there are, and that there are not */
	const char *release, *what;
};

/* Sure whatever follows. */
static const struct reading sure[] = {
	{S2_SIGN_0X, 0, "7.0", "syscall arguments with 0x"},
	{S2_SIGN_RELAX_IS, 0, "6.1", "a permission relaxed by a broadcast, as up to v6.4"},
	{S2_SIGN_NEW_CALLS | S2_SIGN_NO_0X, 0, "6.6", "flush calls that v6.6 brought"},
};

/* The likeliest at the end: change_pte and level 0 outlived v6.6. */
static const struct reading likely[] = {
	{S2_SIGN_NEW_CALLS, 0, "6.6", "flush calls that v6.6 brought"},
	{S2_SIGN_CHANGE_PTE, S2_SIGN_NEW_CALLS, "6.1",
	 "kvm_set_spte_hva, gone in v6.10, and no flush call that v6.6 brought"},
	{S2_SIGN_LEVEL_0, S2_SIGN_NEW_CALLS, "6.1",
	 "level 0 for tables, as up to v6.8, and no flush call that v6.6 brought"},
	{S2_SIGN_NO_0X, 0, "6.12", "syscall arguments without 0x, and no other sign"},
};

static void choose(struct s2_told *told, const struct reading *readings, size_t n)
{
	for (size_t i = 0; i < n && !told->flavour; i++) {
		const struct reading *r = &readings[i];

		if ((told->signs & r->all) != r->all || told->signs & r->none)
			continue;
		told->flavour = s2_flavour_for(r->release);
		snprintf(told->flavour_from, sizeof(told->flavour_from), "from its events: %s",
			 r->what);
	}
}

void s2_told_end(struct s2_told *told)
{
	choose(told, likely, sizeof(likely) / sizeof(likely[0]));
}

void s2_told_event(struct s2_told *told, const struct s2_trace_event *ev)
{
	if (ev->kind == S2_TRACE_MARK_HOST) {
		told_by_host(told, ev->u.mark.name);
		return;
	}
	told->signs |= sign_of(told, ev);
	if (ev->kind == S2_TRACE_S2_RELAX_PERMS)
		told->relaxing = ev->pid;
	else if (ev->pid == told->relaxing)
		told->relaxing = -1;
	choose(told, sure, sizeof(sure) / sizeof(sure[0]));
}
