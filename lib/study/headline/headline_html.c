/* SPDX-License-Identifier: MIT */
/* The headline as one HTML file that needs no other; see headline.h. */
#include <errno.h>
#include <string.h>

#include "study/headline/headline_markup.h"

/* Colours have a contrast of at least 4.5 on their ground; nothing is told by colour alone. */
static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1a1a1a;--soft:#595959;--line:#c8c8c8;"
	"--head:#f2f2f2;--bar:#44688f;--bad:#9c2a12}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e6e6e6;--soft:#a8a8a8;"
	"--line:#44484d;--head:#22262b;--bar:#7fa6d1;--bad:#ff9d85}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--bg);color:var(--fg);"
	"font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}\n"
	"h1{font-size:1.5rem;line-height:1.25}\n"
	"h2{font-size:1.2rem;line-height:1.3;margin:2.5rem 0 .5rem}\n"
	"a{color:inherit}\n"
	"p,nav{max-width:46rem}\n"
	".soft,figcaption{color:var(--soft);font-size:.9rem}\n"
	".wide{overflow-x:auto;border:1px solid var(--line);border-radius:4px}\n"
	".wide:focus-visible{outline:3px solid var(--bar)}\n"
	"table{border-collapse:collapse;width:100%;font-size:.875rem;"
	"font-variant-numeric:tabular-nums}\n"
	"th,td{padding:.35rem .6rem;text-align:right;vertical-align:top;"
	"border-bottom:1px solid var(--line)}\n"
	"tr:last-child>*{border-bottom:0}\n"
	"thead th{background:var(--head);vertical-align:bottom;font-weight:600;white-space:nowrap}\n"
	"th:first-child,td:last-child,thead th:last-child{text-align:left}\n"
	"tbody th{font-weight:600;min-width:9rem}\n"
	"td{white-space:nowrap}td:last-child{white-space:normal;min-width:10rem}\n"
	".bad{color:var(--bad);font-weight:600}\n"
	"figure{margin:1rem 0;max-width:46rem}\n"
	"svg{width:100%;height:auto;display:block}\n"
	"svg text{fill:var(--fg);font:13px system-ui,sans-serif}svg .num{font-size:12px}\n"
	"svg tspan.bad{fill:var(--bad)}svg .bar{fill:var(--bar)}\n"
	"svg rect.bad{stroke:var(--bad)}\n"
	"pre,code{font:.8125rem/1.45 ui-monospace,monospace}\n"
	"pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--head);padding:.75rem;"
	"border-radius:4px;margin:.5rem 0}\n"
	"details{margin:.5rem 0}summary{cursor:pointer}\n"
	"dt{font-weight:600}dd{margin:0 0 .35rem 1.25rem}\n"
	"@media(max-width:40rem){svg text{font-size:19px}svg .num{font-size:16px}}\n"
	"@media print{details{break-inside:avoid}}\n";

/** The hatching of what is broken, once for all pictures. */
static const char hatch[] =
	"<svg width=\"0\" height=\"0\" aria-hidden=\"true\" style=\"position:absolute\"><defs>"
	"<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(45)\"><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" "
	"style=\"stroke:var(--bad);stroke-width:3\"/></pattern></defs></svg>\n";

static void write_begin(const struct s2_headline *headline, FILE *out)
{
	(void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		    "<title>stage2sim: five threads</title>\n<style>\n",
		    out);
	(void)fprintf(out, "%s</style>\n</head>\n<body>\n%s<header>\n", style, hatch);
	(void)fprintf(out, "<h1>stage2sim %s</h1>\n", S2_VERSION);
	(void)fputs("<p>What was, what was proposed, what else could be: threads about what KVM "
		    "maintains, each policy counted and judged on a simulated arm64 machine.</p>\n"
		    "</header>\n<nav aria-label=\"Threads\"><p>",
		    out);
	for (size_t i = 0; i < headline->n_parts; i++)
		(void)fprintf(out, "%s<a href=\"#%s\">%s</a>", i ? " &#183; " : "",
			      headline->parts[i].thread->name, headline->parts[i].thread->name);
	if (headline->n_replays != 0)
		(void)fputs(" &#183; <a href=\"#replay\">replay</a>", out);
	(void)fputs(" &#183; <a href=\"#words\">words</a></p></nav>\n<main>\n", out);
}

static void write_heading(const struct s2_headline_table *table, FILE *out)
{
	(void)fputs("<thead><tr><th scope=\"col\">policy</th>", out);
	for (size_t c = 0; c < table->n_columns; c++) {
		(void)fputs("<th scope=\"col\">", out);
		for (const char *p = table->column[c].head; *p != '\0'; p++)
			if (*p == '\n')
				(void)fputs("<br>", out);
			else
				(void)fputc(*p, out);
		(void)fputs("</th>", out);
	}
	(void)fputs("<th scope=\"col\">verdict</th></tr></thead>\n", out);
}

static void write_row(const struct s2_headline_table *table, size_t r, FILE *out)
{
	const struct s2_headline_row *row = &table->rows[r];
	char text[S2_TEXT_ROOM];

	(void)fputs("<tr><th scope=\"row\">", out);
	s2_text_markup(out, row->names);
	(void)fputs("</th>", out);
	for (size_t c = 0; c < table->n_columns; c++) {
		(void)fputs("<td>", out);
		s2_text_markup(out, s2_headline_cell(table, r, c, false, text));
		(void)fputs("</td>", out);
	}
	(void)fputs(row->broken ? "<td class=\"bad\">" : "<td>", out);
	s2_text_markup(out, row->verdict);
	(void)fputs("</td></tr>\n", out);
}

static void write_table(const struct s2_headline_table *table, FILE *out)
{
	(void)fprintf(out,
		      "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"%s: "
		      "policies\"><table>\n",
		      table->part->thread->name);
	write_heading(table, out);
	(void)fputs("<tbody>\n", out);
	for (size_t r = 0; r < table->n_rows; r++)
		write_row(table, r, out);
	(void)fputs("</tbody></table></div>\n", out);
}

static void write_stories(const struct s2_headline_table *table, FILE *out)
{
	for (size_t r = 0; r < table->n_rows; r++) {
		const struct s2_headline_row *row = &table->rows[r];

		if (row->story == NULL)
			continue;
		(void)fputs("<details><summary>How ", out);
		s2_text_markup(out, row->names);
		(void)fprintf(out, " %s</summary>\n<pre>",
			      row->policies.n > 1 ? "break it" : "breaks it");
		s2_text_markup(out, row->story);
		(void)fputs("</pre></details>\n", out);
	}
}

static void write_notes(const struct s2_headline_table *table, FILE *out)
{
	char text[1024];

	for (size_t i = 0; i < S2_HEADLINE_FIGURES; i++) {
		if (!s2_headline_figure(table->part, i, text, sizeof(text)))
			continue;
		(void)fputs("<p class=\"soft\">", out);
		s2_text_markup(out, text);
		(void)fputs("</p>\n", out);
	}
	if (!s2_headline_missing(table, text, sizeof(text)))
		return;
	(void)fputs("<p class=\"soft\">", out);
	s2_text_markup(out, text);
	(void)fputs("</p>\n", out);
}

static int write_thread(const struct s2_headline_part *part, FILE *out)
{
	const struct s2_headline_thread *thread = part->thread;
	struct s2_headline_table table;
	char host[128];
	const int r = s2_headline_table(part, &table);

	if (r < 0)
		return r;
	(void)fprintf(out, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">", thread->name,
		      thread->name);
	s2_text_markup(out, thread->title);
	(void)fputs("</h2>\n<p>", out);
	s2_text_markup(out, thread->why);
	(void)fprintf(out, "</p>\n<p class=\"soft\"><code>%s %s</code> on %s</p>\n",
		      thread->program->name, thread->words,
		      s2_headline_host(part, host, sizeof(host)));
	write_table(&table, out);
	(void)fputs("<figure>\n", out);
	s2_markup_bars(&table, out);
	(void)fputs("<figcaption>The first number of the table, on a logarithmic scale; hatched: "
		    "broken.</figcaption></figure>\n",
		    out);
	write_notes(&table, out);
	write_stories(&table, out);
	(void)fputs("</section>\n", out);
	s2_headline_table_free(&table);
	return 0;
}

static void write_replay_row(const struct s2_headline *headline, int op, FILE *out)
{
	char text[S2_TEXT_ROOM];
	bool any = false;

	for (size_t i = 0; i < headline->n_replays; i++)
		any |= headline->replay[i].outcome.ops.n[op] != 0;
	if (!any)
		return;
	(void)fprintf(out, "<tr><th scope=\"row\">%s</th>", s2_op_name((enum s2_op)op));
	for (size_t i = 0; i < headline->n_replays; i++)
		(void)fprintf(out, "<td>%s</td>",
			      s2_text_count(headline->replay[i].outcome.ops.n[op], text));
	(void)fputs("</tr>\n", out);
}

static void write_replay(const struct s2_headline *headline, FILE *out)
{
	const struct s2_replay_outcome *o = &headline->replay[0].outcome;

	if (headline->n_replays == 0)
		return;
	(void)fprintf(
		out,
		"<section aria-labelledby=\"replay\">\n<h2 id=\"replay\">A real host's log, "
		"replayed</h2>\n<p>The host made %llu TLB flush calls, the model predicts %llu: "
		"%llu differ in number, order or arguments. The first column is that host's "
		"machine; the others are what the same requests would issue elsewhere.</p>\n",
		(unsigned long long)o->calls.observed, (unsigned long long)o->calls.predicted,
		(unsigned long long)o->differences);
	(void)fputs("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"replay: "
		    "operations\"><table>\n<thead><tr><th scope=\"col\">operation</th>",
		    out);
	for (size_t i = 0; i < headline->n_replays; i++)
		(void)fprintf(out, "<th scope=\"col\">%s<br>%s</th>", headline->replay[i].machine,
			      headline->replay[i].outcome.flavour);
	(void)fputs("</tr></thead>\n<tbody>\n", out);
	for (int op = 0; op < S2_OP_COUNT; op++)
		write_replay_row(headline, op, out);
	(void)fputs("</tbody></table></div>\n</section>\n", out);
}

static void write_words(const struct s2_headline_tally *tally, FILE *out)
{
	(void)fprintf(
		out,
		"<section aria-labelledby=\"words\">\n<h2 id=\"words\">Words</h2>\n"
		"<p>%zu times are <b>fitted</b>: made of the figures that they answer for. %zu "
		"are <b>predicted</b>: of none of them. A cost that no source gives makes a time "
		"unknown (?). Lock hold: most counted operations under mmu_lock.</p>\n"
		"<p>A verdict is of these runs, for all that TLBs and caches may do; not of every "
		"order of threads, which is <code>s2-explore</code>'s. What a guest or its host "
		"may count on:</p>\n<dl>\n",
		tally->fitted, tally->predicted);
	for (size_t i = 0; s2_headline_contracts[i][0] != NULL; i++) {
		(void)fprintf(out, "<dt>%s</dt><dd>", s2_headline_contracts[i][0]);
		s2_text_markup(out, s2_headline_contracts[i][1]);
		(void)fputs("</dd>\n", out);
	}
	(void)fputs("</dl>\n</section>\n", out);
}

int s2_headline_html(const struct s2_headline *headline, FILE *out)
{
	struct s2_headline_tally tally;
	int r = s2_headline_count_all(headline, &tally);

	write_begin(headline, out);
	for (size_t i = 0; i < headline->n_parts && r == 0; i++)
		r = write_thread(&headline->parts[i], out);
	if (r < 0)
		return r;
	write_replay(headline, out);
	write_words(&tally, out);
	(void)fputs("</main>\n</body>\n</html>\n", out);
	return 0;
}
