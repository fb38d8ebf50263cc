/* SPDX-License-Identifier: MIT */
#include <stage2sim/routing.h>

#include <string.h>

static const struct s2_routing_policy routing_policies[] = {
	{"walk", "Linux up to v6.6", {S2_LOOKUP_SCAN, S2_SGI_WALK, S2_BROADCAST_BY_INDEX}},
	{"bits-final",
	 "Linux v6.7 to v6.9",
	 {S2_LOOKUP_TABLE_FINAL, S2_SGI_BITS, S2_BROADCAST_PLAIN}},
	{"bits", "Linux v6.10 and later", {S2_LOOKUP_TABLE, S2_SGI_BITS, S2_BROADCAST_PLAIN}},
	{"bits-walk", "ours", {S2_LOOKUP_TABLE, S2_SGI_BITS_WALK, S2_BROADCAST_PLAIN}},
	{"hash", "ours", {S2_LOOKUP_HASH, S2_SGI_BITS, S2_BROADCAST_PLAIN}},
	{"rows", "ours", {S2_LOOKUP_HASH, S2_SGI_ROWS, S2_BROADCAST_PLAIN}},
	{"rows-matrix", "ours", {S2_LOOKUP_HASH, S2_SGI_ROWS, S2_BROADCAST_MATRIX}},
};

#define ROUTING_N_POLICIES (sizeof(routing_policies) / sizeof(routing_policies[0]))

const struct s2_routing_policy *s2_routing_at(size_t index)
{
	return index < ROUTING_N_POLICIES ? &routing_policies[index] : NULL;
}

const struct s2_routing_policy *s2_routing_find(const char *name)
{
	if (!name)
		return NULL;
	for (size_t i = 0; i < ROUTING_N_POLICIES; i++)
		if (!strcmp(routing_policies[i].name, name))
			return &routing_policies[i];
	return NULL;
}

const char *s2_vcpu_lookup_name(enum s2_vcpu_lookup lookup)
{
	static const char *const names[S2_LOOKUPS] = {
		[S2_LOOKUP_SCAN] = "scan",
		[S2_LOOKUP_TABLE_FINAL] = "table-final",
		[S2_LOOKUP_TABLE] = "table",
		[S2_LOOKUP_HASH] = "hash",
	};

	return (unsigned)lookup < S2_LOOKUPS ? names[lookup] : NULL;
}

const char *s2_sgi_dispatch_name(enum s2_sgi_dispatch dispatch)
{
	static const char *const names[S2_SGI_DISPATCHES] = {
		[S2_SGI_WALK] = "walk",
		[S2_SGI_BITS] = "bits",
		[S2_SGI_BITS_WALK] = "bits-walk",
		[S2_SGI_ROWS] = "rows",
	};

	return (unsigned)dispatch < S2_SGI_DISPATCHES ? names[dispatch] : NULL;
}

const char *s2_sgi_broadcast_name(enum s2_sgi_broadcast broadcast)
{
	static const char *const names[S2_SGI_BROADCASTS] = {
		[S2_BROADCAST_BY_INDEX] = "by-index",
		[S2_BROADCAST_PLAIN] = "plain",
		[S2_BROADCAST_MATRIX] = "matrix",
	};

	return (unsigned)broadcast < S2_SGI_BROADCASTS ? names[broadcast] : NULL;
}
