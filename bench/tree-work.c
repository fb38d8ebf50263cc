/* SPDX-License-Identifier: MIT */
/*
 * Workloads of stage 2 on the kernel tree that is linked in: counts and verdict of each, as
 * CSV.  Run by s2-patch and by tests; with a tree in it, under the tree's licence.
 *
 *     workload --> requests, or a VM; what is relied on, what guest and host do with the memory
 *                      `--> counts of the machine, verdict of an oracle, and its story
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/story.h>

#include "linux/machine/vm.h"
#include "tree-work.h"

/* ---- a run ---- */

static int pages_up(struct work *w)
{
	int ret = s2_tree_create(w->m, &w->tree);

	if (!ret)
		ret = s2_tree_watch_plain_stores(w->tree);
	return ret;
}

static int vm_up(struct work *w)
{
	int ret = s2_vm_prepare(w->m, w->flavour);

	w->tree = s2_tree_of(w->m);
	if (!ret)
		ret = s2_tree_watch_plain_stores(w->tree);
	return ret;
}

static int up(struct work *w, const struct s2_features *features, const struct s2_violation *tell)
{
	const struct s2_machine_config cfg = {.features = *features,
					      .cpus = w->flavour ? VM_CPUS : 2};
	const struct s2_oracle_config oracle = {.story = tell};
	int ret = s2_machine_create(&cfg, &w->m);

	if (ret)
		return ret;
	w->cpu = s2_machine_cpu(w->m, cfg.cpus - 1);
	ret = w->flavour ? vm_up(w) : pages_up(w);
	if (!ret)
		ret = s2_oracle_attach(w->m, &oracle, &w->oracle);
	if (ret)
		return ret;
	if (w->flavour)
		return s2_vmids_create(w->m, &w->vmids);
	ret = s2_tree_vm_create(w->tree, 40, s2_vmid(1), &w->pages);
	if (ret)
		return ret;
	s2_tree_vm_registers(w->pages, &w->vtcr, &w->vttbr);
	return s2_oracle_watch(w->oracle, w->vtcr, w->vttbr);
}

static void down(struct work *w)
{
	s2_oracle_detach(w->oracle);
	s2_vm_free(w->vm);
	s2_vmids_free(w->vmids);
	s2_tree_vm_free(w->pages);
	if (!w->flavour)
		s2_tree_free(w->tree);
	if (w->m)
		s2_machine_destroy(w->m);
}

static void row(const char *workload, const char *key, uint64_t value)
{
	printf("%s,%s,%" PRIu64 "\n", workload, key, value);
}

/* Text of anyone's: its commas would be columns. */
static void text_row(const char *workload, const char *key, const char *text)
{
	printf("%s,%s,", workload, key);
	for (; *text; text++)
		putchar(*text == ',' || *text == '\n' ? ';' : *text);
	putchar('\n');
}

static void print_counts(const struct work *w, const char *name)
{
	const struct s2_counts after = s2_machine_counts(w->m);
	const struct s2_counts n = s2_counts_since(&w->before, &after);

	row(name, "calls", w->calls);
	row(name, "eagain", w->refused);
	for (int op = 0; op < S2_OP_COUNT; op++)
		if (n.n[op])
			row(name, s2_op_name((enum s2_op)op), n.n[op]);
}

/* That every toggle is seen KVM has never promised: it traps none after the first. */
static bool is_promised(const struct s2_violation *v)
{
	return v->rule != S2_RULE_DATA || v->contract != S2_CONTRACT_KVM_COMPAT_ANY;
}

/* The first violation of what is promised, or NULL. */
static const struct s2_violation *first_broken(const struct s2_oracle *o)
{
	const struct s2_violation *v = NULL;
	size_t i = 0;

	do
		v = s2_oracle_violation(o, i++);
	while (v && !is_promised(v));
	return v;
}

static uint64_t broken_contracts(const struct work *w, const char *name)
{
	uint64_t n = 0;

	for (int i = 0; i < S2_CONTRACT_KVM_COMPAT_ANY; i++) {
		if (!s2_oracle_contract_count(w->oracle, (enum s2_contract)i))
			continue;
		text_row(name, "contract", s2_contract_name((enum s2_contract)i));
		n++;
	}
	return n;
}

static void print_rules(const struct work *w, const char *name)
{
	const struct s2_violation *v = first_broken(w->oracle);
	char text[512];

	for (int rule = 0; rule < S2_RULES; rule++)
		if (rule != S2_RULE_DATA && s2_oracle_count(w->oracle, (enum s2_rule)rule))
			text_row(name, "broken", s2_rule_name((enum s2_rule)rule));
	if (broken_contracts(w, name))
		text_row(name, "broken", s2_rule_name(S2_RULE_DATA));
	if (v && s2_violation_text(v, text, sizeof(text)) > 0)
		text_row(name, "first", text);
}

static void print_verdict(const struct work *w, const char *name)
{
	const char *where;
	struct s2_pa pa;

	print_rules(w, name);
	if (s2_tree_warnings(w->tree, &where)) {
		text_row(name, "broken", "warning");
		text_row(name, "warning", where);
	}
	if (s2_tree_plain_stores(w->tree, &pa))
		text_row(name, "broken", "plain-store");
	if (s2_tree_freed_writes(w->tree, &pa))
		text_row(name, "broken", "freed-store");
	if (s2_tree_trouble(w->tree)) {
		text_row(name, "broken", "stopped");
		text_row(name, "stopped", s2_tree_trouble(w->tree));
	} else if (w->error) {
		text_row(name, "broken", "error");
		text_row(name, "error", strerror(-w->error));
	}
}

/* The steps of the last run's story, one a row. */
static void print_story(const struct work *w, const char *name)
{
	const struct s2_story_step *step;
	char who[32], text[2 * S2_STORY_TEXT + 64];

	for (size_t i = 0; (step = s2_oracle_story_step(w->oracle, i)) != NULL; i++) {
		(void)s2_story_who_text(step, who, sizeof(who));
		(void)snprintf(text, sizeof(text), "%s: %s; %s", who, step->did, step->then);
		text_row(name, "story", text);
	}
	if (s2_oracle_story_end(w->oracle))
		text_row(name, "story", s2_oracle_story_end(w->oracle));
}

/* The same once more, to be told how it came to @violation. */
static void tell(const struct workload *load, const struct s2_features *features,
		 const struct s2_flavour *flavour, const struct s2_violation *violation)
{
	struct work w = {.flavour = flavour};

	if (!up(&w, features, violation)) {
		load->prepare(&w);
		load->run(&w);
		print_story(&w, load->name);
	}
	down(&w);
}

/* Whether a violation was found is what @first is. */
static int run_once(const struct workload *load, const struct s2_features *features,
		    const struct s2_flavour *flavour, struct s2_violation *first, bool *found)
{
	struct work w = {.flavour = flavour};
	int ret = up(&w, features, NULL);

	*found = false;
	if (!ret) {
		load->prepare(&w);
		w.before = s2_machine_counts(w.m);
		w.calls = w.refused = 0;
		load->run(&w);
		print_counts(&w, load->name);
		print_verdict(&w, load->name);
		ret = s2_oracle_error(w.oracle);
		*found = first_broken(w.oracle) != NULL;
		if (*found)
			*first = *first_broken(w.oracle);
	}
	down(&w);
	return ret;
}

static int run(const struct workload *load, const struct s2_features *features,
	       const struct s2_flavour *flavour)
{
	struct s2_features f = *features;
	struct s2_violation first;
	bool found;
	int ret;

	if (load->how & ON_VMID8)
		f.vmid_bits = 8;
	ret = run_once(load, &f, flavour, &first, &found);
	if (ret)
		fprintf(stderr, "tree-work: %s: %s\n", load->name, strerror(-ret));
	else if (found)
		tell(load, &f, flavour, &first);
	return ret;
}

static bool is_asked(const struct workload *load, int argc, char **argv)
{
	bool asked = argc == 2;

	for (int k = 2; k < argc; k++)
		asked = asked || !strcmp(argv[k], load->name);
	return asked && (!(load->how & NEEDS_SPLIT) || s2_tree_has().split);
}

static int run_all(const struct workload *loads, const struct s2_features *features,
		   const struct s2_flavour *flavour, int argc, char **argv)
{
	int bad = 0;

	for (; loads->name; loads++)
		if (is_asked(loads, argc, argv))
			bad += run(loads, features, flavour) != 0;
	return bad;
}

static void print_list(const struct workload *loads)
{
	for (; loads->name; loads++)
		printf("%s,%s\n", loads->name, loads->what);
}

int main(int argc, char **argv)
{
	const struct s2_flavour *flavour = s2_tree_flavour_add(); /* NULL: stage 1 alone */
	struct s2_features features;
	int bad;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		print_list(page_workloads);
		if (flavour)
			print_list(vm_workloads);
		return 0;
	}
	if (argc < 2 || s2_features_parse(argv[1], &features, NULL)) {
		fprintf(stderr, "usage: tree-work MACHINE [WORKLOAD...] | tree-work --list\n");
		return 2;
	}
	bad = run_all(page_workloads, &features, NULL, argc, argv);
	if (flavour)
		bad += run_all(vm_workloads, &features, flavour, argc, argv);
	return bad ? 1 : 0;
}
