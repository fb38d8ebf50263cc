/* SPDX-License-Identifier: MIT */
/* Presets are the CPUs that were measured; overrides change one thing and report what is wrong. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include <stage2sim/features.h>
#include <stage2sim/machine.h>

/* The measured hosts: columns VHE, S2FWB, TLBIRANGE, DIC, TLBI-repeat and LPA2 of v6.12. */
static const struct {
	const char *name;
	bool vhe, fwb, tlbirange, dic, repeat_tlbi, lpa2;
	bool speculative_at, vipt;
	unsigned pa_bits, vmid_bits;
} measured[] = {
	{"cortex-a72", false, false, false, false, false, false, false, false, 44, 8},
	{"cortex-a55", true, false, false, false, false, false, true, true, 40, 16},
	{"neoverse-n1", true, false, false, false, true, false, false, false, 48, 16},
	{"neoverse-v1", true, true, false, true, true, false, false, false, 48, 16},
	{"neoverse-n2", true, true, true, true, true, false, false, false, 48, 16},
	{"max", true, true, true, true, false, true, false, false, 52, 16},
	/* Of no CPU: whoever asks nothing in particular of one. */
	{"generic", true, false, false, false, false, false, false, false, 48, 16},
};

static void presets_are_the_measured_cpus_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(measured); i++) {
		struct s2_features f;

		s2_test_row("%s", measured[i].name);
		assert_string_equal(s2_features_preset_name(i), measured[i].name);
		assert_i64(s2_features_preset(measured[i].name, &f), 0);
		assert_string_equal(f.name, measured[i].name);
		assert_u64(f.vhe, measured[i].vhe);
		assert_u64(f.fwb, measured[i].fwb);
		assert_u64(f.tlbirange, measured[i].tlbirange);
		assert_u64(f.dic, measured[i].dic);
		assert_u64(f.repeat_tlbi, measured[i].repeat_tlbi);
		assert_u64(f.lpa2, measured[i].lpa2);
		assert_u64(f.speculative_at, measured[i].speculative_at);
		assert_u64(f.vipt, measured[i].vipt);
		assert_u64(f.pa_bits, measured[i].pa_bits);
		assert_u64(f.vmid_bits, measured[i].vmid_bits);
		/* Of all of them. */
		assert_u64(f.granule, S2_GRANULE_4K);
		assert_u64(f.dline_shift, 6);
		assert_u64(f.iline_shift, 6);
		assert_i64(s2_features_check(&f), 0);
	}
	assert_null(s2_features_preset_name(ARRAY_SIZE(measured)));
	assert_null(s2_features_preset_name(SIZE_MAX));
}

static void a_preset_says_what_it_has_and_whose_word_that_is(void **state)
{
	struct s2_features f;
	char text[256], few[8];

	(void)state;
	assert_i64(s2_features_preset("generic", &f), 0);
	s2_features_text(&f, text, sizeof(text));
	assert_i64(s2_features_text(&f, text, sizeof(text)), (int)strlen(text));
	assert_string_equal(text, "granule=4k pa=48 vmid=16 bbm=0 vhe");
	assert_i64(s2_features_text(&f, few, sizeof(few)), (int)strlen(text));
	assert_string_equal(few, "granule");
	assert_i64(s2_features_text(&f, NULL, 0), (int)strlen(text));
	assert_i64(s2_features_parse("max,granule=16k,dline=128,-fwb", &f, NULL), 0);
	s2_features_text(&f, text, sizeof(text));
	assert_string_equal(text, "granule=16k pa=52 vmid=16 bbm=2 vhe tlbirange ttl lpa2 xnx dic idc haf "
				  "dline=128 iline=64");
	for (size_t i = 0; s2_features_preset_name(i); i++)
		assert_true(strlen(s2_features_preset_source(i)) > 10);
	assert_null(s2_features_preset_source(SIZE_MAX));
}

/* A struct that was changed after it was parsed is another machine than its name says. */
static void a_name_is_believed_if_it_says_what_is_there(void **state)
{
	struct s2_machine_config cfg = {.cpus = 1};
	struct s2_machine *m;

	(void)state;
	assert_i64(s2_features_parse("neoverse-n1,bbm=1", &cfg.features, NULL), 0);
	assert_true(s2_features_is_named(&cfg.features));
	assert_i64(s2_machine_create(&cfg, &m), 0);
	assert_string_equal(s2_machine_features(m)->name, "neoverse-n1,bbm=1");
	s2_machine_destroy(m);
	cfg.features.fwb = true;
	assert_false(s2_features_is_named(&cfg.features));
	assert_i64(s2_machine_create(&cfg, &m), 0);
	assert_string_equal(s2_machine_features(m)->name, "");
	assert_true(s2_machine_features(m)->fwb);
	s2_machine_destroy(m);
	cfg.features.fwb = false;
	cfg.features.dline_shift = 7;
	assert_false(s2_features_is_named(&cfg.features));
	snprintf(cfg.features.name, sizeof(cfg.features.name), "none");
	assert_false(s2_features_is_named(&cfg.features));
}

static void fwb_brings_idc_and_range_brings_ttl(void **state)
{
	struct s2_features f;

	(void)state;
	for (size_t i = 0; s2_features_preset_name(i); i++) {
		s2_test_row("%s", s2_features_preset_name(i));
		assert_i64(s2_features_preset(s2_features_preset_name(i), &f), 0);
		assert_true(!f.fwb || f.idc);
		assert_true(!f.tlbirange || f.ttl);
		assert_true(!f.dic || f.idc);
	}
}

static void an_unknown_preset_leaves_the_features(void **state)
{
	struct s2_features f, before;

	(void)state;
	memset(&f, 0x5a, sizeof(f));
	before = f;
	assert_i64(s2_features_preset("cortex-a7", &f), -ENOENT);
	assert_i64(s2_features_preset("", &f), -ENOENT);
	assert_i64(s2_features_preset("Max", &f), -ENOENT);
	assert_memory_equal(&f, &before, sizeof(f));
}

#define SWITCH(field)                                       \
	{                                                   \
#field, offsetof(struct s2_features, field) \
	}

static const struct {
	const char *name;
	size_t offset;
} switches[] = {
	SWITCH(vhe),
	SWITCH(fwb),
	SWITCH(tlbirange),
	SWITCH(ttl),
	SWITCH(xnx),
	SWITCH(dic),
	SWITCH(idc),
	SWITCH(haf),
	SWITCH(vipt),
	SWITCH(lpa2),
	SWITCH(repeat_tlbi),
	SWITCH(speculative_at),
};

/* neoverse-n2 with 48 bits of PA may have or lack every one of them. */
static void each_switch_turns_its_feature_on_and_off_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(switches); i++) {
		const size_t offset = switches[i / 2].offset;
		struct s2_features f, base;
		char spec[64];

		snprintf(spec, sizeof(spec), "neoverse-n2,%c%s", i % 2 ? '+' : '-',
			 switches[i / 2].name);
		s2_test_row("%s", spec);
		assert_i64(s2_features_parse(spec, &f, NULL), 0);
		assert_u64(*(bool *)((char *)&f + offset), i % 2);
		assert_string_equal(f.name, spec);
		assert_i64(s2_features_preset("neoverse-n2", &base), 0);
		memcpy(base.name, f.name, sizeof(base.name));
		*(bool *)((char *)&base + offset) = i % 2;
		assert_memory_equal(&f, &base, sizeof(f));
	}
}

static const struct {
	const char *spec;
	size_t offset; /* of a byte of struct s2_features; SIZE_MAX: the granule */
	unsigned value;
} settings[] = {
	{"cortex-a72,granule=4k", SIZE_MAX, 12},
	{"cortex-a72,granule=16k", SIZE_MAX, 14},
	{"cortex-a72,granule=64k", SIZE_MAX, 16},
	{"cortex-a72,pa=32", offsetof(struct s2_features, pa_bits), 32},
	{"cortex-a72,pa=36", offsetof(struct s2_features, pa_bits), 36},
	{"cortex-a72,pa=40", offsetof(struct s2_features, pa_bits), 40},
	{"cortex-a72,pa=42", offsetof(struct s2_features, pa_bits), 42},
	{"max,pa=44", offsetof(struct s2_features, pa_bits), 44},
	{"max,pa=48", offsetof(struct s2_features, pa_bits), 48},
	{"neoverse-n1,+lpa2,pa=52", offsetof(struct s2_features, pa_bits), 52},
	{"neoverse-n1,granule=64k,pa=52", offsetof(struct s2_features, pa_bits), 52},
	{"max,vmid=8", offsetof(struct s2_features, vmid_bits), 8},
	{"cortex-a72,vmid=16", offsetof(struct s2_features, vmid_bits), 16},
	{"max,bbm=0", offsetof(struct s2_features, bbm_level), 0},
	{"max,bbm=1", offsetof(struct s2_features, bbm_level), 1},
	{"cortex-a72,bbm=2", offsetof(struct s2_features, bbm_level), 2},
	{"max,dline=16", offsetof(struct s2_features, dline_shift), 4},
	{"max,dline=32", offsetof(struct s2_features, dline_shift), 5},
	{"max,dline=64", offsetof(struct s2_features, dline_shift), 6},
	{"max,dline=128", offsetof(struct s2_features, dline_shift), 7},
	{"max,dline=256", offsetof(struct s2_features, dline_shift), 8},
	{"max,iline=16", offsetof(struct s2_features, iline_shift), 4},
	{"max,iline=256", offsetof(struct s2_features, iline_shift), 8},
	/* LPA2 is of the smaller granules, and what brings them 52 bits. */
	{"max,granule=64k", offsetof(struct s2_features, lpa2), false},
	{"max,granule=64k", offsetof(struct s2_features, pa_bits), 52},
	{"max,-lpa2", offsetof(struct s2_features, pa_bits), 48},
	{"max,granule=64k,-lpa2", offsetof(struct s2_features, pa_bits), 52},
	{"cortex-a72,pa=52,+fwb,+lpa2", offsetof(struct s2_features, pa_bits), 52},
	{"cortex-a72,-lpa2", offsetof(struct s2_features, pa_bits), 44},
	/* The last one wins. */
	{"max,dline=16,dline=128", offsetof(struct s2_features, dline_shift), 7},
};

static void each_setting_sets_its_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		struct s2_features f;

		s2_test_row("%s", settings[i].spec);
		assert_i64(s2_features_parse(settings[i].spec, &f, NULL), 0);
		if (settings[i].offset == SIZE_MAX)
			assert_u64(f.granule, settings[i].value);
		else
			assert_u64(*((uint8_t *)&f + settings[i].offset), settings[i].value);
	}
}

static const struct {
	const char *spec;
	int error;
	size_t bad;
} errors[] = {
	{"", -ENOENT, 0},
	{",max", -ENOENT, 0},
	{"+vhe", -ENOENT, 0},
	{"maximum", -ENOENT, 0},
	{"ma", -ENOENT, 0},
	{"max,", -ENOENT, 4},
	{"max,,+vhe", -ENOENT, 4},
	{"max,+", -ENOENT, 4},
	{"max,-", -ENOENT, 4},
	{"max,vhe", -ENOENT, 4},
	{"max,+VHE", -ENOENT, 4},
	{"max,+vhe,-fw", -ENOENT, 9},
	{"max,-fwbb", -ENOENT, 4},
	{"max,+granule", -ENOENT, 4},
	{"max,granule", -ENOENT, 4},
	{"max,colour=3", -ENOENT, 4},
	{"max,=3", -ENOENT, 4},
	{"max,cortex-a72", -ENOENT, 4},
	{"max, -fwb", -ENOENT, 4},
	{"max,granule=", -EINVAL, 4},
	{"max,granule=4K", -EINVAL, 4},
	{"max,granule=8k", -EINVAL, 4},
	{"max,-fwb,pa=51", -EINVAL, 9},
	{"max,pa=048", -EINVAL, 4},
	{"max,pa=-48", -EINVAL, 4},
	{"max,vmid=12", -EINVAL, 4},
	{"max,vmid=8=8", -EINVAL, 4},
	{"max,bbm=3", -EINVAL, 4},
	{"max,dline=48", -EINVAL, 4},
	{"max,iline=8", -EINVAL, 4},
	/* Combinations: the whole is at fault. */
	{"max,granule=64k,+lpa2", -EINVAL, 0},
	{"max,granule=64k,granule=4k", -EINVAL, 0},
	{"cortex-a72,pa=52", -EINVAL, 0},
	{"cortex-a72,pa=52,+fwb", -EINVAL, 0},
	{"cortex-a72,granule=16k,pa=52", -EINVAL, 0},
	{"neoverse-n1,granule=64k,+lpa2", -EINVAL, 0},
};

static void an_error_names_its_word_and_leaves_the_features(void **state)
{
	struct s2_features f, before;

	(void)state;
	memset(&f, 0x5a, sizeof(f));
	before = f;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		size_t bad = 999;

		s2_test_row("\"%s\"", errors[i].spec);
		assert_i64(s2_features_parse(errors[i].spec, &f, &bad), errors[i].error);
		assert_u64(bad, errors[i].bad);
		assert_i64(s2_features_parse(errors[i].spec, &f, NULL), errors[i].error);
		assert_memory_equal(&f, &before, sizeof(f));
	}
}

/* "max" and words of five and six characters. */
static void long_spec(char *spec, size_t size, int fives, int sixes)
{
	size_t len = (size_t)snprintf(spec, size, "max");

	while (fives-- > 0)
		len += (size_t)snprintf(spec + len, size - len, ",+fwb");
	while (sixes-- > 0)
		len += (size_t)snprintf(spec + len, size - len, ",bbm=1");
}

/* S2_MACHINE_NAME_MAX counts the terminator. */
static void a_spec_may_be_as_long_as_a_name_and_no_longer(void **state)
{
	char spec[S2_MACHINE_NAME_MAX + 1];
	struct s2_features f, before;
	size_t bad = 999;

	(void)state;
	long_spec(spec, sizeof(spec), 16, 2);
	assert_u64(strlen(spec), S2_MACHINE_NAME_MAX - 1);
	assert_i64(s2_features_parse(spec, &f, NULL), 0);
	assert_string_equal(f.name, spec);
	assert_u64(f.bbm_level, 1);
	before = f;
	long_spec(spec, sizeof(spec), 15, 3);
	assert_u64(strlen(spec), S2_MACHINE_NAME_MAX);
	assert_i64(s2_features_parse(spec, &f, &bad), -ENAMETOOLONG);
	assert_u64(bad, 0);
	assert_memory_equal(&f, &before, sizeof(f));
}

static void check_refuses_what_no_cpu_has(void **state)
{
	struct s2_features good, f;

	(void)state;
	assert_i64(s2_features_preset("cortex-a55", &good), 0);
#define REFUSED(field, v)                                   \
	do {                                                \
		s2_test_row("%s = %s", #field, #v);         \
		f = good;                                   \
		f.field = (v);                              \
		assert_i64(s2_features_check(&f), -EINVAL); \
	} while (0)
	REFUSED(granule, (enum s2_granule)13);
	REFUSED(granule, (enum s2_granule)0);
	REFUSED(pa_bits, 31);
	REFUSED(pa_bits, 53);
	REFUSED(pa_bits, 49);
	REFUSED(vmid_bits, 0);
	REFUSED(vmid_bits, 15);
	REFUSED(bbm_level, 3);
	REFUSED(dline_shift, 3);
	REFUSED(dline_shift, 12);
	REFUSED(iline_shift, 3);
	REFUSED(iline_shift, 12);
#undef REFUSED
	assert_i64(s2_features_check(&good), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(presets_are_the_measured_cpus_in_order),
		s2_unit_test(a_preset_says_what_it_has_and_whose_word_that_is),
		s2_unit_test(a_name_is_believed_if_it_says_what_is_there),
		s2_unit_test(fwb_brings_idc_and_range_brings_ttl),
		s2_unit_test(an_unknown_preset_leaves_the_features),
		s2_unit_test(each_switch_turns_its_feature_on_and_off_and_nothing_else),
		s2_unit_test(each_setting_sets_its_value),
		s2_unit_test(an_error_names_its_word_and_leaves_the_features),
		s2_unit_test(a_spec_may_be_as_long_as_a_name_and_no_longer),
		s2_unit_test(check_refuses_what_no_cpu_has),
	};

	return cmocka_run_group_tests_name("features", tests, NULL, NULL);
}
