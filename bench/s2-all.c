/* SPDX-License-Identifier: MIT */
/* s2-all: five threads on one screen, and a real host's log. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "study/headline/headline.h"
#include "study/run/output.h"
#include "study/run/tool.h"

#include "programs.h"

/* From the folder of a program in build/bench. */
#define BUNDLED_LOG "/../../tests/data/traces/linux6.12-max-linuxguest.rich.txt.gz"

static const struct s2_headline_thread threads[] = {
	{
		.name = "boot",
		.title = "BOOT 2025, \"Optimize cache flush by only flushing on vcpu0\"",
		.why = "Each time a vcpu turns its caches on, the host cleans all that is mapped. May a guest still read what it wrote?",
		.program = &s2_boot_program,
		.words = "--workload boot",
		.also = "--workload late-vcpu0",
		.answers = "every,vcpu0,first-last,since-flush,fwb,tree",
		.metric = {{"lines\ncleaned", "toggle_lines", NULL, "toggle_time"},
			   {"the same,\nvcpu 0 last", "toggle_lines", "late-vcpu0", NULL}},
		.lock = "lock_hold_max",
		.figure = {{"d05", "toggle_time", "every", "vcpu0", 28e9,
			    "28 s saved by vcpu0 (33 s -> 5 s)"}},
	},
	{
		.name = "migrate",
		.title = "MIGRATE 2026, \"call kvm_call_hyp once during kvm_tlb_flush_vmid_range\"",
		.why = "Each clear of 1 GiB of the dirty log flushes the slot's 64 GiB, a call for each 8; what is lost is walked for again.",
		.program = &s2_migrate_program,
		.words = "--workload clear",
		.answers = "upstream,one-call,vmid,span,tree",
		.metric = {{"flush\ncalls", "flush_calls", NULL, "flush_time"},
			   {"translations\nlost", "refills", NULL, NULL}},
		.lock = "lock_hold_max",
	},
	{
		.name = "teardown",
		.title = "TEARDOWN 2019, \"Help VMs dying quicker\"",
		.why = "A VM of 64 GiB in 4 KiB pages dies; does memory that it shared keep what it wrote? Longest lock hold: others wait.",
		.program = &s2_teardown_program,
		.words = "--check always",
		.also = "--workload shared --memory 1G --check always",
		.answers = "2019,series,deferred,walk-once,tree",
		.metric = {{"lines\ncleaned", "dc_civac", NULL, "clean_time"},
			   {"TLB\nflushes", "flush_calls", NULL, "flush_time"}},
		.lock = "lock_hold_max",
		.figure = {{"d05", "clean_time", "2019", NULL, 12e9 * 0.99,
			    "up to 12 s for 64 GB, 99 % of it cleaning"}},
	},
	{
		.name = "sgi",
		.title = "SGI 2023, \"Accelerate lookup of vcpus by MPIDR values\"",
		.why = "An IPI to the last of 64 vcpus: the host compares MPIDRs to find it; worst where a list names 16 that are not there.",
		.program = &s2_sgi_program,
		.words = "--workload last",
		.also = "--workload absent,late",
		.answers = "walk,bits-final,hash,rows",
		.metric = {{"MPIDRs\ncompared", "vcpu_probe", NULL, "probe_time"},
			   {"the same,\nnone there", "vcpu_probe", "absent", NULL}},
		.figure = {{"altra", "ipi_time", "walk", NULL, 3832, "3832 ns before"},
			   {"altra", "ipi_time", "bits-final", NULL, 2593, "2593 ns after"}},
	},
	{
		.name = "context",
		.title = "CONTEXT 2022, a flag to skip what kvm_init_mmu() writes again",
		.why = "An x86 vcpu goes 600 times in or out of SMM: what is written again, and is a field that changed left stale?",
		.program = &s2_context_program,
		.words = "--workload smm",
		.also = "--workload nested --depth 0",
		.answers = "rewrite-all,init-flag,constants-once,two-cached",
		.metric = {{"fields\nwritten", "mmu_field_write", NULL, "constant_time"},
			   {"the same,\nL1 and L2", "mmu_field_write", "nested", NULL}},
		.figure = {{"x86-2022", "constant_time", "rewrite-all", NULL, 36e3,
			    "36 us for over 600 calls"}},
	},
};

#define N_THREADS (sizeof(threads) / sizeof(threads[0]))

enum format {
	TABLE,
	JSON,
	CSV,
	MARKDOWN,
	HTML
};

struct settings {
	struct s2_option_list threads;
	const char *profile, *log, *output;
	uint64_t seed;
	int format, progress;
	bool all, mail, help, version;
};

static struct settings settings;

static const char *const names[] = {"boot", "migrate", "teardown", "sgi", "context", NULL};
static const char *const formats[] = {"table", "json", "csv", "markdown", "html", NULL};
static const char *const progresses[] = {"auto", "always", "never", NULL};

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(LIST, threads, "thread", "A,B,...", NULL, "which threads (default: all)",
	       .choices = names, .group = "What to run"),
	OPTION(STRING, profile, "profile", "NAME|FILE,...",
	       "altra,d05,d06,kunpeng920,range-tlbi-2023,x86-2022",
	       "what operations cost; or none"),
	OPTION(STRING, log, "log", "FILE", "bundled",
	       "a rich log to replay; bundled: that of the source tree, if it is found; or none"),
	OPTION(U64, seed, "seed", "N", "1", "of whatever is random", .max = INT64_MAX),
	OPTION(CHOICE, format, "format", "FORMAT", "table", "how to print", .choices = formats,
	       .group = "Output"),
	OPTION(FLAG, all, "all", NULL, NULL,
	       "every policy, with its name; else a table has those that answer the thread"),
	OPTION(FLAG, mail, "mail", NULL, NULL, "the table in 72 columns, to be pasted into a mail"),
	OPTION(STRING, output, "output", "FILE", NULL, "where to print, instead of standard output",
	       .letter = 'o'),
	OPTION(CHOICE, progress, "progress", "WHEN", "auto", "a bar on standard error",
	       .choices = progresses),
	OPTION(FLAG, help, "help", NULL, NULL, "this text", .letter = 'h'),
	OPTION(FLAG, version, "version", NULL, NULL, "name and version", .letter = 'V'),
};

static const char about[] =
	"Usage: s2-all [OPTION]...\n"
	"\n"
	"Five threads about what KVM maintains, each with its policies: what matters there, its\n"
	"ratio to what was, times by each cost profile that can tell, the longest lock hold, and\n"
	"what was found broken; then a real host's log, predicted call by call.  A table has\n"
	"the policies that answer the thread; --all has every one.\n";

static void about_end(FILE *out)
{
	(void)fputs("\nExamples:\n"
		    "  s2-all\n"
		    "      one screen, 120 columns wide\n"
		    "  s2-all --all\n"
		    "      the same with every policy\n"
		    "  s2-all --mail --thread boot\n"
		    "      one thread, for a reply to it\n"
		    "  s2-all --format html -o all.html\n"
		    "      one file with pictures, and the story of whatever broke\n"
		    "\nExit status: 0 done; 2 wrong usage, bad input or no memory.\n",
		    out);
}

/* The log beside this program, or NULL where there is none or no zlib to read it. */
static const char *bundled_log(void)
{
#ifdef S2_HAVE_ZLIB
	static char path[4096 + sizeof(BUNDLED_LOG)];
	const ssize_t len = readlink("/proc/self/exe", path, 4096);
	char *slash;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	memcpy(slash, BUNDLED_LOG, sizeof(BUNDLED_LOG));
	return access(path, R_OK) ? NULL : path;
#else
	return NULL;
#endif
}

static const char *log_path(void)
{
	if (!strcmp(settings.log, "none"))
		return NULL;
	return strcmp(settings.log, "bundled") ? settings.log : bundled_log();
}

static int render(const struct s2_headline *headline, FILE *out)
{
	switch (settings.format) {
	case JSON:
		return s2_headline_json(headline, out);
	case CSV:
		return s2_headline_csv(headline, out);
	case MARKDOWN:
		return s2_headline_markdown(headline, out);
	case HTML:
		return s2_headline_html(headline, out);
	default:
		return settings.mail ? s2_headline_mail(headline, out)
				     : s2_headline_screen(headline, out);
	}
}

static int refuse_json(struct s2_error *err)
{
	s2_error_set(err, 1, "--format: got \"json\", expected table, csv, markdown or html: JSON was "
			     "left out of this build (no jansson)");
	return S2_EXIT_USAGE;
}

/* All of it in memory first: nothing is written of what is not whole. */
static int write_headline(const struct s2_headline *headline, struct s2_error *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int ret = out ? render(headline, out) : -ENOMEM;

	if (out && fclose(out) && !ret)
		ret = -ENOMEM;
	if (!ret)
		ret = s2_output_write(settings.output, stdout, text, size);
	free(text);
	if (ret == -ENOTSUP)
		(void)refuse_json(err);
	else if (ret)
		s2_error_set(err, 1, "%.80s: %s, expected a place to write it to",
			     settings.output ? settings.output : "standard output", strerror(-ret));
	return ret;
}

/* Policies of all runs, and the log's: a guess that may be high, since some do not apply. */
static uint64_t count_jobs(void)
{
	const struct s2_option_list *list = &settings.threads;
	uint64_t jobs = 0;

	for (size_t i = 0; i < (list->n ? list->n : N_THREADS); i++)
		jobs += 2 * threads[list->n ? list->at[i] : i].program->n_policies;
	return jobs;
}

static int run(const struct s2_command_line *line, struct s2_error *err)
{
	struct s2_progress progress;
	const struct s2_headline_job job = {
		.threads = threads,
		.which = &settings.threads,
		.n_threads = N_THREADS,
		.profiles = strcmp(settings.profile, "none") ? settings.profile : "",
		.log = log_path(),
		.seed = settings.seed,
		.brief = settings.format == TABLE && !settings.all,
		.progress = &progress,
		.errs = stderr,
	};
	struct s2_headline headline;
	int ret;

	(void)line;
#ifndef S2_HAVE_JANSSON
	if (settings.format == JSON)
		return refuse_json(err);
#endif
	if (settings.mail && settings.format != TABLE) {
		s2_error_set(err, 1, "--mail: got --format %s, expected a table",
			     formats[settings.format]);
		return S2_EXIT_USAGE;
	}
	s2_progress_init(&progress, stderr, (enum s2_progress_mode)settings.progress, "s2-all",
			 count_jobs());
	ret = s2_headline_run(&job, &headline, err);
	s2_progress_end(&progress);
	if (ret)
		return S2_EXIT_USAGE;
	ret = write_headline(&headline, err);
	s2_headline_free(&headline);
	return ret ? S2_EXIT_USAGE : S2_EXIT_DONE;
}

int main(int argc, char **argv)
{
	static const struct s2_tool tool = {
		.name = "s2-all",
		.about = about,
		.about_end = about_end,
		.options = options,
		.n_options = sizeof(options) / sizeof(options[0]),
		.settings = &settings,
		.help = &settings.help,
		.version = &settings.version,
		.operands = "only options",
		.run = run,
	};

	return s2_tool_main(&tool, argc, argv);
}
