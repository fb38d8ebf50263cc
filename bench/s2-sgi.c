/* SPDX-License-Identifier: MIT */
/* s2-sgi: what a guest's write of ICC_SGI1R costs its hypervisor, by routing policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "study/work/sgi_layout.h"
#include "study/work/sgi_log.h"
#include "study/work/sgi_published.h"

#include "programs.h"

struct settings {
	uint64_t vcpus, target, writes, list_registers, host_page;
	int state;
	const char *mpidr;
};

/* The workload that runs published measurements instead of one load. */
#define PUBLISHED (S2_SGI_REPLAY + 1)

/* --target at its default. */
#define LAST UINT64_C(512)

static const char *const states[] = {"idle", "running", "wfi", NULL};

#define OPTION(kind, field, ...) S2_ROW(kind, S2_FIELD(struct settings, field), __VA_ARGS__)

static const struct s2_option options[] = {
	OPTION(U64, vcpus, "vcpus", "N", "64", "virtual CPUs", .min = 1, .max = S2_VGIC_MAX_CPUS,
	       .group = "The guest"),
	OPTION(U64, target, "target", "INDEX", "512",
	       "workload one: index of the target; 512 is the last vcpu", .max = LAST),
	OPTION(STRING, mpidr, "mpidr", "LAYOUT", "kvm",
	       "which MPIDR each vcpu has: kvm, flat, cluster:N, or a file with one a line"),
	OPTION(CHOICE, state, "state", NULL, "idle", "what targets are doing", .choices = states),
	OPTION(U64, writes, "writes", "N", "10000", "workload storm: how many writes", .min = 1,
	       .max = 10000000),
	OPTION(U64, list_registers, "list-registers", "N", "4", "of each CPU", .min = 1,
	       .max = S2_MAX_LRS, .group = "The host"),
	OPTION(SIZE, host_page, "host-page", "SIZE", "4K",
	       "4K, 16K or 64K: bounds the kernel's look-up table", .min = 4096, .max = 65536),
};

static const struct s2_policy policies[] = {
	{"walk", "walk all vcpus until the list is used up (up to v6.6)", 0, NULL},
	{"bits-final", "look each list bit up in a table, a miss is final (v6.7 to v6.9)", 0, NULL},
	{"bits", "the same, a miss scans all vcpus (v6.10 and later)", 0, NULL},
	{"bits-walk", "the same, one walk for all that the table missed", 0, NULL},
	{"hash", "look each list bit up in a hash filled in index order", 0, NULL},
	{"rows", "find the cluster's row of 16 vcpus, once a write", 0, NULL},
	{"rows-matrix", "rows, and broadcast through a bit matrix", 0, NULL},
};

static const struct s2_workload workloads[] = {
	{"last", "one write to the last vcpu, as the 2023 series measured", NULL, S2_SGI_ONE, NULL},
	{"one", "one write to --target", NULL, S2_SGI_ONE, NULL},
	{"each", "every vcpu, one write each", NULL, S2_SGI_EACH, NULL},
	{"clusters", "one write a cluster, all 16 list bits set", NULL, S2_SGI_CLUSTERS, NULL},
	{"broadcast", "one write to all but the sender", NULL, S2_SGI_BROADCAST, NULL},
	{"absent", "one write, 16 targets that are not there", NULL, S2_SGI_ABSENT, NULL},
	{"no-table", "MPIDRs differ in over 14 bits; one write to the last cluster", NULL,
	 S2_SGI_NO_TABLE, NULL},
	{"shuffled", "MPIDRs in random order; every vcpu, one write each", NULL, S2_SGI_SHUFFLED,
	 NULL},
	{"late", "a vcpu made after the first run; one write to it", "vcpus=63", S2_SGI_LATE, NULL},
	{"storm", "random writes: 70 % one target, 20 % a list, broadcasts, nobody", NULL,
	 S2_SGI_STORM, NULL},
	{"replay", "the writes of a rich log, given as operand", "vcpus=4", S2_SGI_REPLAY, NULL},
	{"published", "predict published measurements; --vcpus plays no part", NULL, PUBLISHED,
	 NULL},
};

static const struct s2_example examples[] = {
	{"--vcpus 64 --profile altra", "the case of the 2023 series"},
	{"--vcpus 512 --workload absent,no-table", "where the series loses"},
	{"--workload clusters --sweep vcpus=1..512 --plot sgi.svg", "cost against N"},
	{"--mpidr flat --vcpus 112 --workload each", "a VMM that numbers Aff0 = 0 to 111"},
	{"--workload published",
	 "what the model predicts of measurements that it was not fitted to"},
	{"--workload replay guest.rich.txt.gz", "the SGIs of a real guest"},
};

/* The host's page is 4K, 16K or 64K. */
static unsigned page_shift(uint64_t size)
{
	unsigned shift = 12;

	while (shift < 16 && UINT64_C(1) << shift < size)
		shift += 2;
	return UINT64_C(1) << shift == size ? shift : 0;
}

/* Workloads that read no log may stand beside one that does. */
static bool any_replays(const struct s2_run *run)
{
	for (size_t i = 0; i < run->workloads->n; i++)
		if (run->program->workloads[run->workloads->at[i]].id == S2_SGI_REPLAY)
			return true;
	return false;
}

static int check_log(const struct s2_run *run, struct s2_error *err)
{
	if (any_replays(run) && run->n_operands != 1) {
		s2_error_set(err, 1, "--workload replay: got %zu operands, expected one LOG",
			     run->n_operands);
		return -EINVAL;
	}
	if (!any_replays(run) && run->n_operands) {
		s2_error_set(err, 1, "got \"%.80s\": only --workload replay reads a LOG",
			     run->operands[0]);
		return -EINVAL;
	}
	return 0;
}

static int check_replay(const struct s2_run *run, struct s2_error *err)
{
	const struct settings *set = run->settings;
	const int needed = s2_sgi_log_vcpus(run->operands[0], err);

	if (needed < 0)
		return needed;
	if ((uint64_t)needed > set->vcpus) {
		s2_error_set(err, 1, "--vcpus: got %llu, expected at least %d, as in %s",
			     (unsigned long long)set->vcpus, needed, run->operands[0]);
		return -EINVAL;
	}
	return 0;
}

static bool is_kvm(const struct settings *set)
{
	return !strcmp(set->mpidr, "kvm");
}

/* One vcpu more may come late. */
static int read_layout(const struct s2_run *run, struct s2_mpidr **mpidrs, struct s2_error *err)
{
	const struct settings *set = run->settings;

	return s2_sgi_layout(set->mpidr, (unsigned)set->vcpus + (run->workload->id == S2_SGI_LATE),
			     mpidrs, err);
}

static int check_layout(const struct s2_run *run, struct s2_error *err)
{
	const struct settings *set = run->settings;
	const int id = run->workload->id;
	struct s2_mpidr *mpidrs;
	int ret;

	if (is_kvm(set))
		return 0;
	if (id == S2_SGI_NO_TABLE || id == S2_SGI_REPLAY || id == PUBLISHED) {
		s2_error_set(err, 1, "--mpidr: got \"%.80s\", expected kvm: workload %s has its own",
			     set->mpidr, run->workload->name);
		return -EINVAL;
	}
	ret = read_layout(run, &mpidrs, err);
	if (!ret)
		free(mpidrs);
	return ret;
}

static int check(const struct s2_run *run, struct s2_error *err)
{
	const struct settings *set = run->settings;
	int ret;

	if (!page_shift(set->host_page)) {
		s2_error_set(err, 1, "--host-page: got %llu, expected 4K, 16K or 64K",
			     (unsigned long long)set->host_page);
		return -EINVAL;
	}
	if (set->target != LAST && set->target >= set->vcpus) {
		s2_error_set(err, 1, "--target: got %llu, expected less than --vcpus, %llu",
			     (unsigned long long)set->target, (unsigned long long)set->vcpus);
		return -EINVAL;
	}
	if (run->workload->id == S2_SGI_LATE && set->vcpus == S2_VGIC_MAX_CPUS) {
		s2_error_set(err, 1, "--vcpus: got 512, expected at most 511: one is made late");
		return -EINVAL;
	}
	ret = check_layout(run, err);
	if (!ret)
		ret = check_log(run, err);
	if (ret)
		return ret;
	return run->workload->id == S2_SGI_REPLAY ? check_replay(run, err) : 0;
}

static bool is_published(const char *policy)
{
	for (size_t i = 0; s2_sgi_series_at(i); i++)
		if (!strcmp(s2_sgi_series_at(i)->policy, policy))
			return true;
	return false;
}

static int applies(const struct s2_run *run, struct s2_error *err)
{
	if (run->workload->id != PUBLISHED || is_published(run->policy->name))
		return 0;
	s2_error_set(err, 1, "nobody has measured it");
	return -EOPNOTSUPP;
}

static int run_published(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	double worst = 0;
	double rows = 0;

	for (size_t i = 0; s2_sgi_series_at(i); i++) {
		const struct s2_sgi_series *series = s2_sgi_series_at(i);
		double predicted[S2_SGI_ROWS_MAX];
		struct s2_sgi_fit fit;
		int ret;

		if (strcmp(series->policy, run->policy->name) != 0)
			continue;
		ret = s2_sgi_predict(series, run->features, &fit, predicted, err);
		if (ret)
			return ret;
		rows += (double)series->n_rows - 2;
		if (fit.worst_error * fit.worst_error > worst * worst)
			worst = fit.worst_error;
	}
	s2_result_measure(result, "predicted", NULL, rows);
	return s2_result_measure(result, "worst_error", "%", 100 * worst);
}

/* What probes take; and a whole IPI, whose other parts were measured with one probe in them. */
static int estimate(const struct s2_run *run, struct s2_result *result)
{
	const uint64_t probes = result->ops.n[S2_OP_VCPU_PROBE];
	struct s2_bill bill = {.ops.n[S2_OP_VCPU_PROBE] = probes};
	int ret = s2_result_part(result, "probe_time", "comparing", &bill);

	if (ret || run->workload->id != S2_SGI_ONE)
		return ret;
	bill.ops.n[S2_OP_VCPU_PROBE] = probes ? probes - 1 : 0;
	bill.seq[S2_SEQ_IPI_REST] = 1;
	return s2_result_part(result, "ipi_time", "an IPI, there and back", &bill);
}

static int report(const struct s2_run *run, const struct s2_sgi_outcome *out,
		  struct s2_result *result)
{
	int ret;

	result->ops = out->sends;
	ret = estimate(run, result);
	if (ret)
		return ret;
	s2_result_measure(result, "writes", NULL, (double)out->writes);
	s2_result_measure(result, "targets", NULL, (double)out->wanted);
	if (!is_kvm(run->settings))
		s2_result_measure(result, "unreachable", "vcpus", out->unreachable);
	s2_result_measure(result, "target_locks", NULL, (double)out->targets.n[S2_OP_IRQ_LOCK]);
	s2_result_measure(result, "lost", NULL, (double)out->lost);
	s2_result_measure(result, "astray", NULL, (double)out->astray);
	/* Of this run: each write reached whom the architecture says, and nobody else. */
	return s2_result_verdict(result, "interrupts", out->first[0] ? S2_UNSOUND : S2_SOUND,
				 out->writes, out->first[0] ? out->first : NULL);
}

static int run(const struct s2_run *run, struct s2_result *result, struct s2_error *err)
{
	const struct settings *set = run->settings;
	const bool to_target = !strcmp(run->workload->name, "one") && set->target != LAST;
	struct s2_sgi_load load = {
		.workload = (enum s2_sgi_workload)run->workload->id,
		.vcpus = (unsigned)set->vcpus,
		.target = (unsigned)(to_target ? set->target : set->vcpus - 1),
		.state = (enum s2_sgi_target_state)set->state,
		.writes = (unsigned)set->writes,
		.page_shift = page_shift(set->host_page),
		.list_registers = (unsigned)set->list_registers,
		.seed = run->seed,
		.log = run->n_operands ? run->operands[0] : NULL,
		.routing = s2_routing_find(run->policy->name)->routing,
		.features = run->features,
	};
	struct s2_mpidr *mpidrs = NULL;
	struct s2_sgi_outcome out;
	int ret = 0;

	if (run->workload->id == PUBLISHED)
		return run_published(run, result, err);
	if (!is_kvm(set))
		ret = read_layout(run, &mpidrs, err);
	load.mpidrs = mpidrs;
	if (!ret)
		ret = s2_sgi_load_run(&load, &out, err);
	free(mpidrs);
	return ret ? ret : report(run, &out, result);
}

static void write_series(const struct s2_sgi_series *series, const struct s2_features *features,
			 FILE *out)
{
	double predicted[S2_SGI_ROWS_MAX];
	struct s2_sgi_fit fit;

	if (s2_sgi_predict(series, features, &fit, predicted, NULL))
		return;
	(void)fprintf(out, "\n%s (%s)\n%.4g %s and %.4g for each %s\n", series->name,
		      series->source, fit.fixed, series->unit, fit.per_step,
		      s2_op_name(series->step));
	(void)fprintf(out, "%7s %8s %10s %10s %8s\n", "vcpus", "target", "measured", "model",
		      "error");
	for (size_t i = 0; i < series->n_rows; i++) {
		const struct s2_sgi_measurement *row = &series->rows[i];
		char target[16] = "nobody";

		if (row->target != S2_SGI_NOBODY)
			(void)snprintf(target, sizeof(target), "%u", row->target);
		(void)fprintf(out, "%7u %8s %10.0f %10.0f ", row->vcpus, target, row->value,
			      predicted[i]);
		if (row->fitted)
			(void)fprintf(out, "%8s\n", "fitted");
		else
			(void)fprintf(out, "%+7.1f%%\n",
				      100 * (predicted[i] - row->value) / row->value);
	}
}

/* Whom no write of ICC_SGI1R can name, however a hypervisor routes. */
static void write_unreachable(const struct s2_point *point, FILE *out)
{
	const struct s2_pair *layout = s2_point_find(point, "mpidr");
	const struct s2_pair *vcpus = s2_point_find(point, "vcpus");
	struct s2_mpidr *mpidrs;
	char text[1024];

	if (!layout || !vcpus || !strcmp(layout->value.text, "kvm") ||
	    s2_sgi_layout(layout->value.text, (unsigned)vcpus->value.number, &mpidrs, NULL))
		return;
	s2_sgi_unreachable_text(mpidrs, (unsigned)vcpus->value.number, text, sizeof(text));
	free(mpidrs);
	if (text[0])
		(void)fprintf(out,
			      "--mpidr %s: no target list names vcpus %s: their Aff0 is above 15, and KVM\n"
			      "offers no range selector (ICC_CTLR_EL1.RSS).  A guest cannot bring them up.\n",
			      layout->value.text, text);
}

static void notes(const struct s2_report *report, FILE *out)
{
	struct s2_features features;

	for (size_t p = 0; p < report->n_points && report->n_axes == 0; p++)
		write_unreachable(&report->points[p], out);
	if (!report->n_points || !report->points[0].workload ||
	    strcmp(report->points[0].workload, "published") != 0)
		return;
	if (s2_features_preset("neoverse-n1", &features))
		return;
	for (size_t i = 0; s2_sgi_series_at(i); i++)
		write_series(s2_sgi_series_at(i), &features, out);
}

const struct s2_program s2_sgi_program = {
	.name = "s2-sgi",
	.summary = "how a hypervisor finds the targets of a guest's SGI, and what that takes",
	.about = "Counts what the sending CPU does in the trap of each write of ICC_SGI1R_EL1: "
		 "MPIDRs compared (vcpu_probe), steps of a table's index (mpidr_gather), vcpus "
		 "stepped over in a broadcast (vcpu_visit), locks, SGIs queued, kicks. Every write "
		 "is also routed by comparing all MPIDRs; what differs is lost or astray.",
	S2_PROGRAM_TABLES(struct settings),
	.operands = "[LOG]",
	.machine = "neoverse-n1",
	.metric = "vcpu_probe",
	.thread = "sgi-2023",
	.sweep = "vcpus=1..512",
	.check = check,
	.applies = applies,
	.run = run,
	.notes = notes,
};
