/* SPDX-License-Identifier: MIT */
/* A trace.dat replayed: what comes of it is what comes of its text. */
#include "study/log/dat_maker.h"
#include "study/replay/replay_fixture.h"

/* The report of a log, less its first line, which names the file. */
static char *report_of(const char *path, const char *machine, const char *flavour)
{
	struct s2_replay_job job = {
		.path = path,
		.flavour = flavour ? s2_flavour_find(flavour) : NULL,
		.compare = true,
	};
	struct s2_replay_outcome outcome;
	struct s2_error err = {0};
	char *text = NULL, *rest;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_i64(s2_features_parse(machine, &job.features, NULL), 0);
	if (s2_replay_log(&job, out, &outcome, &err) != 0)
		fail_msg("%s", err.text);
	assert_u64(outcome.differences, 0);
	fclose(out);
	rest = strdup(strchr(text, '\n') + 1);
	free(text);
	assert_non_null(rest);
	return rest;
}

struct row {
	const char *log, *machine, *flavour, *uname;
};

static const struct row rows[] = {
	{"linux6.1-a55-dirty", "cortex-a55,+repeat_tlbi", "kvm-6.1", "Linux h 6.1.192 aarch64"},
	{"linux6.1-a55-map", "cortex-a55,+repeat_tlbi", "kvm-6.1", "Linux h 6.1.192 aarch64"},
	{"linux6.12-a55-multi", "cortex-a55", "kvm-6.12", "Linux h 6.12.107 aarch64"},
	{"linux6.12-max-linuxguest", "max", "kvm-6.12", "Linux h 6.12.107 aarch64"},
	{"linux7.2-max-cache", "max", "newest", "Linux h 7.2.13 aarch64"},
	{"linux7.2-max-unmap", "max", "newest", "Linux h 7.2.13 aarch64"},
};

static void make_dat(const struct row *row, int version, const char *text, char path[S2_TEST_PATH])
{
	const struct dat_maker_form form = {.version = version, .uname = row->uname};
	struct dat_maker *m = dat_maker_new(&form);
	const unsigned char *bytes;
	size_t len;

	dat_maker_log(m, 0, text);
	bytes = dat_maker_bytes(m, &len);
	s2_test_temp_file(path, bytes, len);
	dat_maker_free(m);
}

static void a_trace_dat_replays_as_its_text_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int version = 6 + (int)(i & 1);
		char path[S2_TEST_PATH], text[512], *of_text, *of_dat;

		s2_test_row("%s, version %d", rows[i].log, version);
		snprintf(text, sizeof(text), "%s/traces/%s.rich.txt.gz", getenv("S2_TEST_DATA"),
			 rows[i].log);
		make_dat(&rows[i], version, text, path);
		of_text = report_of(text, rows[i].machine, rows[i].flavour);
		of_dat = report_of(path, rows[i].machine, rows[i].flavour);
		assert_string_equal(of_dat, of_text);
		free(of_text);
		free(of_dat);
		remove(path);
	}
}

static void a_trace_dat_tells_its_flavour(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[S2_TEST_PATH], text[512], *report;

		s2_test_row("%s", rows[i].log);
		snprintf(text, sizeof(text), "%s/traces/%s.rich.txt.gz", getenv("S2_TEST_DATA"),
			 rows[i].log);
		make_dat(&rows[i], 7, text, path);
		report = report_of(path, rows[i].machine, NULL);
		assert_non_null(strstr(report, "from the log's release, "));
		free(report);
		remove(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(a_trace_dat_replays_as_its_text_does),
		s2_unit_test(a_trace_dat_tells_its_flavour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
