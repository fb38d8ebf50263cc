/* SPDX-License-Identifier: MIT */
/* s2-replay: a real KVM host's log, done again and compared. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/option/machine.h"
#include "study/option/options.h"
#include "study/replay/replay_log.h"
#include "study/run/tool.h"

struct settings {
	const char *machine, *flavour, *memslots, *phase, *output;
	uint64_t ipa_bits, cpus, backing;
	int toggle, kind, format, progress;
	bool keep_going, compare, help, version;
};

static struct settings settings;

/* Those that need no toggle but what today's traps show, which is what a log has. */
static const char *const toggles[] = {"flavour",    "every",	   "never", "vcpu0",
				      "first-last", "since-flush", NULL};
static const enum s2_toggle toggle_policies[] = {
	S2_TOGGLE_EVERY, S2_TOGGLE_EVERY,      S2_TOGGLE_NEVER,
	S2_TOGGLE_VCPU0, S2_TOGGLE_FIRST_LAST, S2_TOGGLE_SINCE_FLUSH,
};
static const char *const kinds[] = {"auto", "rich", "plain", NULL};
static const char *const formats[] = {"table", "json", "csv", NULL};
static const char *const progress_modes[] = {"auto", "always", "never", NULL};

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(STRING, machine, "machine", "SPEC", "max",
	       "a preset and overrides, such as max,-tlbirange,+repeat_tlbi, or auto, as the log tells; help lists them",
	       .group = "The machine that replays"),
	OPTION(STRING, flavour, "flavour", "NAME", "auto",
	       "whose algorithms: a kernel's, oldest, newest, or auto, as the log tells; repeat=each|sync may follow"),
	OPTION(U64, ipa_bits, "ipa-bits", "N", NULL,
	       "IPA size of every VM; default: what KVM_CREATE_VM in the log asks, else 40",
	       .min = 32, .max = 52),
	OPTION(U64, cpus, "cpus", "N", NULL,
	       "CPUs of the host; default: what the log's header says", .min = 1,
	       .max = S2_MAX_CPUS),
	OPTION(CHOICE, kind, "kind", NULL, "auto",
	       "rich (with the kprobes of docs/recording.md) or plain (events/kvm alone)",
	       .choices = kinds, .group = "The log"),
	OPTION(STRING, memslots, "memslots", "FILE", NULL,
	       "the VM's slots, a line each: IPA SIZE HVA"),
	OPTION(SIZE, backing, "backing", "SIZE", NULL,
	       "plain logs: what a fault maps (4K, 2M, 1G); default: a page"),
	OPTION(CHOICE, toggle, "toggle", NULL, "flavour",
	       "plain logs: what a vcpu that turns its caches on or off makes KVM clean, as s2-boot's policies; vcpus are numbered as they first appear",
	       .choices = toggles),
	OPTION(FLAG, keep_going, "keep-going", NULL, NULL, "report bad lines and skip them"),
	OPTION(FLAG, compare, "compare", NULL, "on",
	       "compare predicted flush calls with those in a rich log; --no-compare for another machine or flavour than the log's",
	       .group = "The report"),
	OPTION(STRING, phase, "phase", "NAME", NULL,
	       "report this phase only (BEGIN NAME ... END in trace_marker)"),
	OPTION(CHOICE, format, "format", NULL, "table", "how to write it", .choices = formats),
	OPTION(STRING, output, "output", "FILE", NULL, "where to; default: standard output",
	       .letter = 'o'),
	OPTION(CHOICE, progress, "progress", NULL, "auto", "a bar on standard error",
	       .choices = progress_modes),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h', .group = "Other"),
	OPTION(FLAG, version, "version", NULL, NULL, "the version", .letter = 'V'),
};

static const char about[] =
	"usage: s2-replay [option]... LOG\n"
	"\n"
	"Replays the ftrace log of a KVM/arm64 host (text of tracefs, trace-cmd or perf, plain or by\n"
	"gzip, zstd, xz; or a trace.dat; - for standard input) on a simulated machine, and counts\n"
	"what that machine issues: TLBIs, cache maintenance, barriers.  Of a rich log, every flush\n"
	"call that the model predicts is compared with the call that the host made, in order and\n"
	"with its arguments.\n"
	"\n";

static const char examples[] =
	"\nExamples:\n"
	"  s2-replay --machine max boot.txt.gz\n"
	"        what a host with FWB and range TLBI did, predicted and compared\n"
	"  s2-replay --machine max,-fwb,-tlbirange --no-compare boot.txt.gz\n"
	"        the same requests on a machine without either\n"
	"  s2-replay --toggle vcpu0 --backing 2M events-kvm.txt\n"
	"        a recorded boot, had only vcpu 0's toggles cleaned\n"
	"  s2-replay --format json --phase 'dontneed dense pages=512' log.txt | jq .total.ops\n"
	"\nExit status: 0 no differences; 1 predicted calls differ from the log's; 2 bad input or\n"
	"usage, with one line on standard error.\n";

/* The flavour that the user names, kept in @own; none for auto. */
static int set_flavour(struct s2_replay_job *job, struct s2_flavour *own, struct s2_error *err)
{
	const bool named = strcmp(settings.flavour, "auto") != 0;
	int ret = 0;

	if (named)
		ret = s2_machine_flavour(settings.flavour, own, err);
	else if (job->own_toggle)
		/* Toggles are the same in all kernels so far. */
		*own = *s2_flavour_find("newest");
	if (job->own_toggle)
		own->toggle = toggle_policies[settings.toggle];
	job->flavour = named || job->own_toggle ? own : NULL;
	return ret;
}

static int set_machine(struct s2_replay_job *job, struct s2_error *err)
{
	job->auto_machine = !strcmp(settings.machine, "auto");
	return s2_machine_parse(job->auto_machine ? "max" : settings.machine, &job->features, err);
}

static int check_backing(const struct s2_replay_job *job, struct s2_error *err)
{
	const struct s2_geometry geo = {.page_shift = (uint8_t)job->features.granule};

	if (!settings.backing || s2_is_leaf_size(&geo, settings.backing))
		return 0;
	s2_error_set(err, 1, "--backing: expected a page or a block of the machine's granule");
	return -EINVAL;
}

static void tell_skipped(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "s2-replay: skipped: %s\n", text);
}

static int copy_to(FILE *from, const char *path, struct s2_error *err)
{
	FILE *to = fopen(path, "w");
	char buf[65536];
	size_t n;
	int ret = to ? 0 : -errno;

	rewind(from);
	while (!ret && (n = fread(buf, 1, sizeof(buf), from)) > 0)
		if (fwrite(buf, 1, n, to) != n)
			ret = -EIO;
	if (to && fclose(to) && !ret)
		ret = -errno;
	if (ret)
		s2_error_set(err, 1, "--output %s: %s", path, strerror(-ret));
	return ret;
}

/* The report goes to a file only when there is one to write. */
static int replay_to(const struct s2_replay_job *job, struct s2_replay_outcome *outcome,
		     struct s2_error *err)
{
	FILE *out;
	int ret;

	if (!settings.output)
		return s2_replay_log(job, stdout, outcome, err);
	out = tmpfile();
	if (!out) {
		s2_error_set(err, 1, "cannot make a temporary file: %s", strerror(errno));
		return -EIO;
	}
	ret = s2_replay_log(job, out, outcome, err);
	if (!ret)
		ret = copy_to(out, settings.output, err);
	fclose(out);
	return ret;
}

static int run(const struct s2_command_line *line, struct s2_error *err)
{
	struct s2_replay_job job = {
		.path = line->operands[0],
		.cpus = (unsigned)settings.cpus,
		.ipa_bits = (unsigned)settings.ipa_bits,
		.memslots = settings.memslots,
		.backing = settings.backing,
		.kind = (enum s2_replay_kind)settings.kind,
		.format = (enum s2_report_format)settings.format,
		.phase = settings.phase,
		.own_toggle = settings.toggle != 0,
		.compare = settings.compare,
		.keep_going = settings.keep_going,
		.skipped = tell_skipped,
	};
	struct s2_replay_outcome outcome = {0};
	struct s2_flavour flavour;
	struct s2_progress progress;
	int ret;

	if (set_machine(&job, err) || set_flavour(&job, &flavour, err) || check_backing(&job, err))
		return S2_EXIT_USAGE;
	s2_progress_init(&progress, stderr, (enum s2_progress_mode)settings.progress, "s2-replay",
			 1);
	job.progress = &progress;
	ret = replay_to(&job, &outcome, err);
	s2_progress_end(&progress);
	if (ret)
		return S2_EXIT_USAGE;
	return outcome.differences ? S2_EXIT_VIOLATION : S2_EXIT_DONE;
}

static void about_end(FILE *out)
{
	fputs(examples, out);
}

static const struct s2_tool tool = {
	.name = "s2-replay",
	.about = about,
	.about_end = about_end,
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.settings = &settings,
	.help = &settings.help,
	.version = &settings.version,
	.machine = &settings.machine,
	.operands = "one LOG, a file or - for standard input",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

int main(int argc, char **argv)
{
	return s2_tool_main(&tool, argc, argv);
}
