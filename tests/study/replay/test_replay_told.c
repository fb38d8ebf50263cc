/* SPDX-License-Identifier: MIT */
/* What a log tells of its host, and whether it is sure. */
#include "study/replay/replay_fixture.h"
#include "study/replay/replay_told.h"

static struct s2_trace_event event(enum s2_trace_kind kind)
{
	struct s2_trace_event ev;

	memset(&ev, 0, sizeof(ev));
	ev.kind = kind;
	return ev;
}

/* A letter an event. */
static struct s2_trace_event event_of(char letter)
{
	struct s2_trace_event ev = event(S2_TRACE_SYS_IOCTL);

	ev.pid = 1;
	switch (letter) {
	case 'x': /* 0xae80 */
	case 'o': /* ae80 */
	case '?': /* another tool's words for it */
		ev.u.ioctl.cmd = 0xae80;
		ev.u.ioctl.prefix = letter == 'x'   ? S2_TRACE_PREFIX_0X
				    : letter == 'o' ? S2_TRACE_PREFIX_NONE
						    : S2_TRACE_PREFIX_UNKNOWN;
		break;
	case '0': /* no number that any kernel gives a prefix */
		ev.u.ioctl.prefix = S2_TRACE_PREFIX_NONE;
		break;
	case 'c':
		ev.kind = S2_TRACE_KVM_SET_SPTE;
		break;
	case 'r':
		ev.kind = S2_TRACE_TLB_RANGE;
		break;
	case 'n':
		ev.kind = S2_TRACE_TLB_IPA_NSH;
		break;
	case 's':
		ev.kind = S2_TRACE_S2_SPLIT;
		break;
	case 'p':
		ev.kind = S2_TRACE_S2_RELAX_PERMS;
		break;
	case 'b':
	case 'B': /* of another task */
		ev.kind = S2_TRACE_TLB_IPA;
		ev.u.tlb_ipa.level = 3;
		ev.pid = letter == 'b' ? 1 : 2;
		break;
	case 't':
		ev.kind = S2_TRACE_TLB_IPA; /* level 0 */
		break;
	default:
		ev.kind = S2_TRACE_S2_MAP;
		break;
	}
	return ev;
}

static const struct s2_flavour *nearest(const char *release)
{
	return release ? s2_flavour_for(release) : NULL;
}

static void events_tell_a_kernel_for_sure_or_as_the_likeliest(void **state)
{
	static const struct {
		const char *events;
		const char *sure, *at_end; /* a release; NULL: nothing is told */
	} rows[] = {
		{"x", "7.2.13", "7.2.13"},
		{"cox", "7.2.13", "7.2.13"},
		{"rx", "7.2.13", "7.2.13"}, /* a recording that began between */
		{"o", NULL, "6.12.107"},
		{"or", "6.12.107", "6.12.107"},
		{"on", "6.12.107", "6.12.107"},
		{"os", "6.12.107", "6.12.107"},
		{"?r", NULL, "6.12.107"},
		{"opb", "6.1.192", "6.1.192"},
		{"pmb", NULL, NULL},
		{"pB", NULL, NULL},
		{"oc", NULL, "6.1.192"},
		{"ot", NULL, "6.1.192"},
		/* v6.6 to v6.9 have both. */
		{"ocr", "6.12.107", "6.12.107"},
		{"otn", "6.12.107", "6.12.107"},
		{"c", NULL, "6.1.192"},
		{"m", NULL, NULL},
		{"0", NULL, NULL},
		{"", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct s2_told told = S2_TOLD_NOTHING;

		s2_test_row("%s", rows[i].events);
		for (const char *at = rows[i].events; *at; at++) {
			const struct s2_trace_event ev = event_of(*at);

			s2_told_event(&told, &ev);
		}
		assert_ptr_equal(told.flavour, nearest(rows[i].sure));
		s2_told_end(&told);
		assert_ptr_equal(told.flavour, nearest(rows[i].at_end));
		assert_int_equal(told.flavour_from[0] != '\0', told.flavour != NULL);
		assert_false(told.said);
	}
}

static void a_recorder_tells_release_and_machine(void **state)
{
	static const char text[] = "release=6.1.192-2-arm64 machine=cortex-a55,+repeat_tlbi";
	struct s2_trace_event ev = event(S2_TRACE_MARK_HOST), newer = event_of('x');
	struct s2_told told = S2_TOLD_NOTHING;

	(void)state;
	ev.u.mark.name.text = text;
	ev.u.mark.name.len = sizeof(text) - 1;
	/* Words are believed before events. */
	s2_told_event(&told, &newer);
	s2_told_event(&told, &ev);
	s2_told_event(&told, &newer);
	s2_told_end(&told);
	assert_true(told.said);
	assert_ptr_equal(told.flavour, s2_flavour_for("6.1"));
	assert_string_equal(told.machine, "cortex-a55,+repeat_tlbi");
	assert_string_equal(told.flavour_from, "from the log's release, 6.1.192-2-arm64");
}

/* The report of @lines, replayed with no flavour given, nor a machine if @auto_machine. */
static void report_of(const char *lines, bool auto_machine, char *report, size_t size)
{
	char path[S2_TEST_PATH];
	struct s2_replay_job job = {.path = path, .auto_machine = auto_machine};
	struct s2_replay_outcome outcome = {0};
	struct s2_error err = {0};
	FILE *out = tmpfile();
	size_t n;

	assert_non_null(out);
	assert_i64(s2_features_parse("max", &job.features, NULL), 0);
	job.cpus = 4;
	write_log(lines, path);
	assert_i64(s2_replay_log(&job, out, &outcome, &err), 0);
	remove(path);
	rewind(out);
	n = fread(report, 1, size - 1, out);
	report[n] = '\0';
	assert_i64(fclose(out), 0);
}

static void a_mark_after_the_first_ioctls_is_believed(void **state)
{
	static const char log[] =
		"sh-1 0 sys_ioctl(fd: 0x3, cmd: 0xae80, arg: 0)\n"
		"sh-1 0 tracing_mark_write: HOST release=6.1.192 machine=cortex-a55\n"
		"vm-2 0 sys_ioctl(fd: 3, cmd: 0xae01, arg: 0)\n";
	char report[4096];

	(void)state;
	report_of(log, true, report, sizeof(report));
	assert_non_null(strstr(report, "on cortex-a55 as kvm-6.1,"));
	assert_non_null(strstr(report, "from the log's release, 6.1.192"));
	report_of(log, false, report, sizeof(report));
	assert_non_null(strstr(report, "on max as kvm-6.1,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		s2_unit_test(events_tell_a_kernel_for_sure_or_as_the_likeliest),
		s2_unit_test(a_recorder_tells_release_and_machine),
		s2_unit_test(a_mark_after_the_first_ioctls_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
