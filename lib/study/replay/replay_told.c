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

/* An event, or a form of one, that kernels have from a release on, or up to one. */
static const char *release_of(const struct s2_told *told, const struct s2_trace_event *ev,
			      const char **what)
{
	switch (ev->kind) {
	case S2_TRACE_SYS_IOCTL:
		*what = "syscall arguments with 0x";
		return ev->u.ioctl.prefix == S2_TRACE_PREFIX_0X ? "7.0" : NULL;
	case S2_TRACE_KVM_SET_SPTE:
		*what = "kvm_set_spte_hva, gone in v6.10";
		return "6.1";
	case S2_TRACE_TLB_RANGE:
	case S2_TRACE_TLB_IPA_NSH:
	case S2_TRACE_S2_SPLIT:
		*what = "flush calls that v6.6 brought";
		return "6.6";
	case S2_TRACE_TLB_IPA:
		*what = ev->u.tlb_ipa.level ? "a permission relaxed by a broadcast, as up to v6.4"
					    : "tables flushed with level 0, as up to v6.8";
		return !ev->u.tlb_ipa.level || told->relaxing == ev->pid ? "6.1" : NULL;
	default:
		return NULL;
	}
}

void s2_told_end(struct s2_told *told)
{
	if (told->flavour || !told->older)
		return;
	/* Nothing else that is in the log tells the kernels before apart. */
	told->flavour = s2_flavour_for("6.12");
	snprintf(told->flavour_from, sizeof(told->flavour_from),
		 "from its events: syscall arguments without 0x, and no other sign");
}

void s2_told_event(struct s2_told *told, const struct s2_trace_event *ev)
{
	const char *what, *release;

	if (ev->kind == S2_TRACE_MARK_HOST) {
		told_by_host(told, ev->u.mark.name);
		return;
	}
	told->older |= ev->kind == S2_TRACE_SYS_IOCTL &&
		       ev->u.ioctl.prefix == S2_TRACE_PREFIX_NONE && ev->u.ioctl.cmd;
	/* The first sign stands: a newer kernel shows itself by its first ioctl. */
	release = told->flavour ? NULL : release_of(told, ev, &what);
	if (ev->kind == S2_TRACE_S2_RELAX_PERMS)
		told->relaxing = ev->pid;
	else if (ev->pid == told->relaxing)
		told->relaxing = -1;
	if (!release)
		return;
	told->flavour = s2_flavour_for(release);
	snprintf(told->flavour_from, sizeof(told->flavour_from), "from its events: %s", what);
}
