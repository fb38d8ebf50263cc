/* SPDX-License-Identifier: MIT */
#include <stage2sim/features.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* As a v6.12 host sees each CPU; docs/model.md has the source of every cell. */
static const struct s2_features presets[] = {
	{
		.name = "cortex-a72",
		.granule = S2_GRANULE_4K,
		.pa_bits = 44,
		.vmid_bits = 8,
		.dline_shift = 6,
		.iline_shift = 6,
	},
	{
		.name = "cortex-a55",
		.granule = S2_GRANULE_4K,
		.pa_bits = 40,
		.vmid_bits = 16,
		.dline_shift = 6,
		.iline_shift = 6,
		.vhe = true,
		.idc = true,
		.haf = true,
		.vipt = true,
		.speculative_at = true,
	},
	{
		.name = "neoverse-n1",
		.granule = S2_GRANULE_4K,
		.pa_bits = 48,
		.vmid_bits = 16,
		.dline_shift = 6,
		.iline_shift = 6,
		.vhe = true,
		.idc = true,
		.haf = true,
		.repeat_tlbi = true,
	},
	{
		.name = "neoverse-v1",
		.granule = S2_GRANULE_4K,
		.pa_bits = 48,
		.vmid_bits = 16,
		.dline_shift = 6,
		.iline_shift = 6,
		.vhe = true,
		.fwb = true,
		.ttl = true,
		.xnx = true,
		.dic = true,
		.idc = true,
		.haf = true,
		.repeat_tlbi = true,
	},
	{
		.name = "neoverse-n2",
		.granule = S2_GRANULE_4K,
		.pa_bits = 48,
		.vmid_bits = 16,
		.dline_shift = 6,
		.iline_shift = 6,
		.vhe = true,
		.fwb = true,
		.tlbirange = true,
		.ttl = true,
		.xnx = true,
		.dic = true,
		.idc = true,
		.haf = true,
		.repeat_tlbi = true,
	},
	{
		.name = "max",
		.granule = S2_GRANULE_4K,
		.pa_bits = 52,
		.vmid_bits = 16,
		.bbm_level = 2,
		.dline_shift = 6,
		.iline_shift = 6,
		.vhe = true,
		.fwb = true,
		.tlbirange = true,
		.ttl = true,
		.lpa2 = true,
		.xnx = true,
		.dic = true,
		.idc = true,
		.haf = true,
	},
	{
		.name = "generic",
		.granule = S2_GRANULE_4K,
		.pa_bits = 48,
		.vmid_bits = 16,
		.dline_shift = 6,
		.iline_shift = 6,
		.vhe = true,
	},
};

/* In the order of presets. */
static const char *const sources[] = {
	"hosts with Linux 6.1, 6.12 and 7.2",
	"hosts with Linux 6.1, 6.12 and 7.2; erratum 1530923",
	"hosts with Linux 6.1 and 6.12; TTL, XNX, BBM by Armv8.2",
	"hosts with Linux 6.1 and 6.12; TTL, XNX, BBM by Armv8.4",
	"a host with Linux 6.12; TTL, XNX, BBM by Armv9.0",
	"QEMU's CPU of that name, Linux 6.1 to 7.2; BBM 2 by choice",
	"no CPU: the least that runs with VHE; nothing optional",
};

#define N_PRESETS (sizeof(presets) / sizeof(presets[0]))

static const struct {
	const char *name;
	size_t offset;
} switches[] = {
	{"vhe", offsetof(struct s2_features, vhe)},
	{"fwb", offsetof(struct s2_features, fwb)},
	{"tlbirange", offsetof(struct s2_features, tlbirange)},
	{"ttl", offsetof(struct s2_features, ttl)},
	{"lpa2", offsetof(struct s2_features, lpa2)},
	{"xnx", offsetof(struct s2_features, xnx)},
	{"dic", offsetof(struct s2_features, dic)},
	{"idc", offsetof(struct s2_features, idc)},
	{"haf", offsetof(struct s2_features, haf)},
	{"vipt", offsetof(struct s2_features, vipt)},
	{"repeat_tlbi", offsetof(struct s2_features, repeat_tlbi)},
	{"speculative_at", offsetof(struct s2_features, speculative_at)},
};

static const struct {
	const char *name;
	const char *value;
	size_t offset;
	uint8_t number;
} settings[] = {
	{"vmid", "8", offsetof(struct s2_features, vmid_bits), 8},
	{"vmid", "16", offsetof(struct s2_features, vmid_bits), 16},
	{"bbm", "0", offsetof(struct s2_features, bbm_level), 0},
	{"bbm", "1", offsetof(struct s2_features, bbm_level), 1},
	{"bbm", "2", offsetof(struct s2_features, bbm_level), 2},
	{"pa", "32", offsetof(struct s2_features, pa_bits), 32},
	{"pa", "36", offsetof(struct s2_features, pa_bits), 36},
	{"pa", "40", offsetof(struct s2_features, pa_bits), 40},
	{"pa", "42", offsetof(struct s2_features, pa_bits), 42},
	{"pa", "44", offsetof(struct s2_features, pa_bits), 44},
	{"pa", "48", offsetof(struct s2_features, pa_bits), 48},
	{"pa", "52", offsetof(struct s2_features, pa_bits), 52},
	{"dline", "16", offsetof(struct s2_features, dline_shift), 4},
	{"dline", "32", offsetof(struct s2_features, dline_shift), 5},
	{"dline", "64", offsetof(struct s2_features, dline_shift), 6},
	{"dline", "128", offsetof(struct s2_features, dline_shift), 7},
	{"dline", "256", offsetof(struct s2_features, dline_shift), 8},
	{"iline", "16", offsetof(struct s2_features, iline_shift), 4},
	{"iline", "32", offsetof(struct s2_features, iline_shift), 5},
	{"iline", "64", offsetof(struct s2_features, iline_shift), 6},
	{"iline", "128", offsetof(struct s2_features, iline_shift), 7},
	{"iline", "256", offsetof(struct s2_features, iline_shift), 8},
};

const char *s2_features_preset_name(size_t index)
{
	return index < N_PRESETS ? presets[index].name : NULL;
}

const char *s2_features_preset_source(size_t index)
{
	return index < N_PRESETS ? sources[index] : NULL;
}

_Static_assert(sizeof(sources) / sizeof(sources[0]) == N_PRESETS, "each preset has its source");

static bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(word, name, len);
}

static int find_preset(const char *word, size_t len, struct s2_features *f)
{
	for (size_t i = 0; i < N_PRESETS; i++) {
		if (word_is(word, len, presets[i].name)) {
			*f = presets[i];
			return 0;
		}
	}
	return -ENOENT;
}

int s2_features_preset(const char *name, struct s2_features *f)
{
	return name ? find_preset(name, strlen(name), f) : -ENOENT;
}

/* Without LPA2 the smaller granules reach 48 bits. */
static void drop_lpa2(struct s2_features *f)
{
	if (f->pa_bits > 48 && f->granule != S2_GRANULE_64K)
		f->pa_bits = 48;
}

static int apply_switch(const char *word, size_t len, struct s2_features *f)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (word_is(word + 1, len - 1, switches[i].name)) {
			*(bool *)((char *)f + switches[i].offset) = word[0] == '+';
			if (switches[i].offset == offsetof(struct s2_features, lpa2) && !f->lpa2)
				drop_lpa2(f);
			return 0;
		}
	}
	return -ENOENT;
}

static int apply_granule(const char *value, size_t len, struct s2_features *f)
{
	if (word_is(value, len, "4k"))
		f->granule = S2_GRANULE_4K;
	else if (word_is(value, len, "16k"))
		f->granule = S2_GRANULE_16K;
	else if (word_is(value, len, "64k"))
		f->granule = S2_GRANULE_64K;
	else
		return -EINVAL;
	/* LPA2 is of the smaller granules; a 64 KiB one has 52 bits without it. */
	f->lpa2 &= f->granule != S2_GRANULE_64K;
	return 0;
}

static int apply_setting(const char *word, size_t len, struct s2_features *f)
{
	const char *eq = memchr(word, '=', len);
	size_t name_len, value_len;
	int ret = -ENOENT;

	if (!eq)
		return -ENOENT;
	name_len = (size_t)(eq - word);
	value_len = len - name_len - 1;
	if (word_is(word, name_len, "granule"))
		return apply_granule(eq + 1, value_len, f);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (!word_is(word, name_len, settings[i].name))
			continue;
		ret = -EINVAL;
		if (word_is(eq + 1, value_len, settings[i].value)) {
			*((uint8_t *)f + settings[i].offset) = settings[i].number;
			return 0;
		}
	}
	return ret;
}

static int apply_word(const char *word, size_t len, struct s2_features *f)
{
	if (len && (word[0] == '+' || word[0] == '-'))
		return apply_switch(word, len, f);
	return apply_setting(word, len, f);
}

int s2_features_parse(const char *spec, struct s2_features *f, size_t *bad)
{
	struct s2_features parsed;
	const char *word = spec;
	int ret = strlen(spec) < sizeof(parsed.name) ? 0 : -ENAMETOOLONG;

	while (!ret) {
		size_t len = strcspn(word, ",");

		ret = word == spec ? find_preset(word, len, &parsed)
				   : apply_word(word, len, &parsed);
		if (ret || !word[len])
			break;
		word += len + 1;
	}
	if (!ret) {
		word = spec;
		ret = s2_features_check(&parsed);
	}
	if (ret) {
		if (bad)
			*bad = (size_t)(word - spec);
		return ret;
	}
	snprintf(parsed.name, sizeof(parsed.name), "%s", spec);
	*f = parsed;
	return 0;
}

bool s2_features_is_named(const struct s2_features *f)
{
	struct s2_features said;

	if (!memchr(f->name, '\0', sizeof(f->name)) || s2_features_parse(f->name, &said, NULL))
		return false;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (*(const bool *)((const char *)f + switches[i].offset) !=
		    *(const bool *)((const char *)&said + switches[i].offset))
			return false;
	return f->granule == said.granule && f->pa_bits == said.pa_bits &&
	       f->vmid_bits == said.vmid_bits && f->bbm_level == said.bbm_level &&
	       f->dline_shift == said.dline_shift && f->iline_shift == said.iline_shift;
}

/* Adds a word to a list. */
static int add_word(char *buf, size_t size, int len, const char *word)
{
	const size_t used = (size_t)len < size ? (size_t)len : size;
	char none[1];

	return len + snprintf(buf ? buf + used : none, buf ? size - used : 0, "%s%s",
			      len ? " " : "", word);
}

int s2_features_text(const struct s2_features *f, char *buf, size_t size)
{
	char number[64];
	int len = 0;

	(void)snprintf(number, sizeof(number), "granule=%uk pa=%u vmid=%u bbm=%u",
		       (1U << f->granule) / 1024, f->pa_bits, f->vmid_bits, f->bbm_level);
	len = add_word(buf, size, len, number);
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (*(const bool *)((const char *)f + switches[i].offset))
			len = add_word(buf, size, len, switches[i].name);
	if (f->dline_shift == 6 && f->iline_shift == 6)
		return len;
	(void)snprintf(number, sizeof(number), "dline=%u iline=%u", 1U << f->dline_shift,
		       1U << f->iline_shift);
	return add_word(buf, size, len, number);
}

int s2_features_check(const struct s2_features *f)
{
	if (!memchr(f->name, '\0', sizeof(f->name)))
		return -EINVAL;
	if (f->granule != S2_GRANULE_4K && f->granule != S2_GRANULE_16K &&
	    f->granule != S2_GRANULE_64K)
		return -EINVAL;
	if (f->lpa2 && f->granule == S2_GRANULE_64K)
		return -EINVAL;
	if (f->pa_bits < 32 || f->pa_bits > 52)
		return -EINVAL;
	if (f->pa_bits > 48 && !f->lpa2 && f->granule != S2_GRANULE_64K)
		return -EINVAL;
	if (f->vmid_bits != 8 && f->vmid_bits != 16)
		return -EINVAL;
	if (f->bbm_level > 2)
		return -EINVAL;
	if (f->dline_shift < 4 || f->dline_shift > 11 || f->iline_shift < 4 || f->iline_shift > 11)
		return -EINVAL;
	return 0;
}
