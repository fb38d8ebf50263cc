/* SPDX-License-Identifier: MIT */
#include "study/scenario/choices.h"

#include <errno.h>
#include <string.h>

enum subject {
	OF_TOGGLE,
	OF_UNMAP_TLBI,
	OF_UNMAP_CMO,
	OF_CLEAR_FLUSH,
	OF_COLLAPSE,
	OF_RELAX,
	OF_TEARDOWN,
	OF_ROUTING, /* of SGIs, not of a flavour; by the policy's name */
	OF_CONTEXT, /* of vcpus, the same */
};

static const struct choice {
	const char *name;
	enum subject subject;
	int value;
} choices[] = {
	{"toggle=every", OF_TOGGLE, S2_TOGGLE_EVERY},
	{"toggle=never", OF_TOGGLE, S2_TOGGLE_NEVER},
	{"toggle=vcpu0", OF_TOGGLE, S2_TOGGLE_VCPU0},
	{"toggle=first-last", OF_TOGGLE, S2_TOGGLE_FIRST_LAST},
	{"toggle=first-last-tvm", OF_TOGGLE, S2_TOGGLE_FIRST_LAST_TVM},
	{"toggle=first-last-fgt", OF_TOGGLE, S2_TOGGLE_FIRST_LAST_FGT},
	{"toggle=since-flush", OF_TOGGLE, S2_TOGGLE_SINCE_FLUSH},
	{"unmap=leaf", OF_UNMAP_TLBI, S2_UNMAP_TLBI_LEAF},
	{"unmap=range", OF_UNMAP_TLBI, S2_UNMAP_TLBI_RANGE},
	{"unmap=vmid", OF_UNMAP_TLBI, S2_UNMAP_TLBI_VMID},
	{"unmap=new-vmid", OF_UNMAP_TLBI, S2_UNMAP_NEW_VMID},
	{"cmo=always", OF_UNMAP_CMO, S2_UNMAP_CMO_ALWAYS},
	{"cmo=not-on-event", OF_UNMAP_CMO, S2_UNMAP_CMO_NOT_ON_EVENT},
	{"cmo=not-if-dying", OF_UNMAP_CMO, S2_UNMAP_CMO_NOT_IF_DYING},
	{"clear=slot", OF_CLEAR_FLUSH, S2_CLEAR_FLUSH_SLOT},
	{"clear=span", OF_CLEAR_FLUSH, S2_CLEAR_FLUSH_SPAN},
	{"clear=round", OF_CLEAR_FLUSH, S2_CLEAR_FLUSH_ROUND},
	{"collapse=range", OF_COLLAPSE, S2_COLLAPSE_FLUSH_RANGE},
	{"collapse=vmid", OF_COLLAPSE, S2_COLLAPSE_FLUSH_VMID},
	{"collapse=unmap", OF_COLLAPSE, S2_COLLAPSE_UNMAP},
	{"relax=nsh", OF_RELAX, S2_RELAX_FLUSH_NSH},
	{"relax=is", OF_RELAX, S2_RELAX_FLUSH_IS},
	{"teardown=walk", OF_TEARDOWN, S2_TEARDOWN_WALK},
	{"teardown=walk-sparse", OF_TEARDOWN, S2_TEARDOWN_WALK_SPARSE},
	{"teardown=drop", OF_TEARDOWN, S2_TEARDOWN_DROP},
	{"teardown=drop-shared", OF_TEARDOWN, S2_TEARDOWN_DROP_SHARED},
	{"teardown=unmap", OF_TEARDOWN, S2_TEARDOWN_UNMAP},
	{"teardown=unmap-no-cmo", OF_TEARDOWN, S2_TEARDOWN_UNMAP_NO_CMO},
	{"teardown=unmap-no-tlbi", OF_TEARDOWN, S2_TEARDOWN_UNMAP_NO_TLBI},
	{"teardown=unmap-neither", OF_TEARDOWN, S2_TEARDOWN_UNMAP_NEITHER},
	{"teardown=unmap-range", OF_TEARDOWN, S2_TEARDOWN_UNMAP_RANGE},
	{"routing=walk", OF_ROUTING, 0},
	{"routing=bits-final", OF_ROUTING, 0},
	{"routing=bits", OF_ROUTING, 0},
	{"routing=bits-walk", OF_ROUTING, 0},
	{"routing=hash", OF_ROUTING, 0},
	{"routing=rows", OF_ROUTING, 0},
	{"routing=rows-matrix", OF_ROUTING, 0},
	{"context=rewrite-all", OF_CONTEXT, 0},
	{"context=init-flag", OF_CONTEXT, 0},
	{"context=compare-role", OF_CONTEXT, 0},
	{"context=constants-once", OF_CONTEXT, 0},
	{"context=constants-per-vcpu", OF_CONTEXT, 0},
	{"context=two-cached", OF_CONTEXT, 0},
};

static void make(const struct choice *choice, struct s2_flavour *flavour)
{
	switch (choice->subject) {
	case OF_TOGGLE:
		flavour->toggle = (enum s2_toggle)choice->value;
		break;
	case OF_UNMAP_TLBI:
		flavour->unmap_tlbi = (enum s2_unmap_tlbi)choice->value;
		break;
	case OF_UNMAP_CMO:
		flavour->unmap_cmo = (enum s2_unmap_cmo)choice->value;
		break;
	case OF_CLEAR_FLUSH:
		flavour->clear_flush = (enum s2_clear_flush)choice->value;
		break;
	/* Two choices are of kernels whose faults are not handled in parallel. */
	case OF_COLLAPSE:
		flavour->collapse = (enum s2_collapse)choice->value;
		if (choice->value != S2_COLLAPSE_FLUSH_RANGE)
			flavour->break_with = S2_BREAK_CLEAR;
		break;
	case OF_RELAX:
		flavour->relax = (enum s2_relax)choice->value;
		if (choice->value == S2_RELAX_FLUSH_IS)
			flavour->break_with = S2_BREAK_CLEAR;
		break;
	case OF_TEARDOWN:
		flavour->teardown = (enum s2_teardown)choice->value;
		break;
	case OF_ROUTING:
	case OF_CONTEXT:
		break;
	}
}

static const struct choice *find(const char *text)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (!strcmp(choices[i].name, text))
			return &choices[i];
	return NULL;
}

int s2_choice_make(const char *text, struct s2_flavour *flavour)
{
	const struct choice *choice = find(text);

	if (!choice || choice->subject >= OF_ROUTING)
		return -ENOENT;
	make(choice, flavour);
	return 0;
}

bool s2_choice_is_routing(const char *text)
{
	const struct choice *choice = find(text);

	return choice && choice->subject == OF_ROUTING;
}

bool s2_choice_is_context(const char *text)
{
	const struct choice *choice = find(text);

	return choice && choice->subject == OF_CONTEXT;
}

const char *s2_choice_at(size_t index)
{
	return index < sizeof(choices) / sizeof(choices[0]) ? choices[index].name : NULL;
}
