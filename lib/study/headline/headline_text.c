/* SPDX-License-Identifier: MIT */
/*
 * The headline as text; see headline.h.
 *
 * A screen has the verdict as its last column; a mail, which is narrower, has
 * three digits for a count, and who breaks what below each table.
 */
#include <errno.h>
#include <string.h>

#include "study/headline/headline_table.h"
#include "study/option/options.h"

#define SCREEN_WIDTH 120
#define MAIL_WIDTH   72

/** Blanks between columns. */
#define GAP 2

/** Policies take at least so much, and on a screen leave no less to the verdict if they need more. */
#define NAMES_LEAST   11
#define VERDICT_LEAST 26

/** A profile with a longer name has a line of its heading for itself. */
#define SHORT_NAME 16

/** Room for a paragraph. */
#define TEXT_ROOM 2048

/** How wide what is. */
struct layout {
	struct s2_headline_table *table;
	size_t width; /**< of all */
	bool mail;
	char host[128];	       /**< machine and flavour; "" where there is no room for them */
	size_t names, verdict; /**< verdict 0: it has no column */
	size_t column[S2_HEADLINE_COLUMNS];
	size_t head_lines;
};

/** The next line of @p *text of at most @p width, cut at a blank if it can be; moves on. */
static size_t next_line(const char **text, size_t width, const char **line)
{
	size_t len = strlen(*text), cut;

	*line = *text;
	if (len > width) {
		for (cut = width; cut > 0 && (*text)[cut] != ' '; cut--)
			;
		len = cut > 0 ? cut : width;
	}
	*text += len;
	*text += strspn(*text, " ");
	return len;
}

/** Line @p n of a heading of several; "" past its end. Sets @p len. */
static const char *head_line(const char *head, size_t n, size_t *len)
{
	for (; n > 0 && *head != '\0'; n--) {
		head += strcspn(head, "\n");
		head += *head == '\n';
	}
	*len = strcspn(head, "\n");
	return head;
}

static size_t head_height(const char *head)
{
	size_t n = 1;

	for (; *head != '\0'; head++)
		n += *head == '\n';
	return n;
}

static size_t column_width(const struct layout *l, size_t c)
{
	const char *head = l->table->column[c].head;
	size_t width = 0, len;
	char text[S2_TEXT_ROOM];

	for (size_t n = 0; n < head_height(head); n++) {
		(void)head_line(head, n, &len);
		width = len > width ? len : width;
	}
	for (size_t r = 0; r < l->table->n_rows; r++) {
		len = strlen(s2_headline_cell(l->table, r, c, l->mail, text));
		width = len > width ? len : width;
	}
	return width;
}

static size_t most(size_t a, size_t b)
{
	return a > b ? a : b;
}

/** Where there is room, "time on" and a short name are one line. */
static void join_heads(struct s2_headline_table *table)
{
	for (size_t c = 0; c < table->n_columns; c++) {
		char *end = strchr(table->column[c].head, '\n');

		if (table->column[c].kind == S2_HEADLINE_TIME &&
		    strcspn(end + 1, "\n") <= SHORT_NAME)
			*end = ' ';
	}
}

static void lay_out(struct layout *l)
{
	size_t used = 0, longest = NAMES_LEAST, verdict = 0;

	if (!l->mail)
		join_heads(l->table);
	for (size_t c = 0; c < l->table->n_columns; c++) {
		const size_t height = head_height(l->table->column[c].head);

		l->column[c] = column_width(l, c);
		used += GAP + l->column[c];
		l->head_lines = height > l->head_lines ? height : l->head_lines;
	}
	for (size_t r = 0; r < l->table->n_rows; r++) {
		longest = most(longest, strlen(l->table->rows[r].names));
		verdict = most(verdict, strlen(l->table->rows[r].verdict));
	}
	if (!l->mail)
		used += GAP + (verdict < VERDICT_LEAST ? verdict : VERDICT_LEAST);
	l->names = l->width > used + NAMES_LEAST ? l->width - used : NAMES_LEAST;
	if (l->names > longest)
		l->names = longest;
	if (!l->mail)
		l->verdict = (verdict < VERDICT_LEAST ? verdict : VERDICT_LEAST) +
			     (l->width > used + l->names ? l->width - used - l->names : 0);
}

static void write_blanks(FILE *out, size_t n)
{
	(void)fprintf(out, "%*s", (int)n, "");
}

static void write_heading(const struct layout *l, FILE *out)
{
	for (size_t line = 0; line < l->head_lines; line++) {
		const bool last = line + 1 == l->head_lines;
		const char *left = last ? "policy" : line == 0 ? l->host : "";
		size_t pending = l->names - strlen(left);

		(void)fputs(left, out);
		for (size_t c = 0; c < l->table->n_columns; c++) {
			const char *head = l->table->column[c].head;
			const size_t above = l->head_lines - head_height(head);
			const char *text = "";
			size_t len = 0;

			if (line >= above)
				text = head_line(head, line - above, &len);
			pending += GAP + l->column[c] - len;
			if (len == 0)
				continue;
			write_blanks(out, pending);
			(void)fprintf(out, "%.*s", (int)len, text);
			pending = 0;
		}
		(void)fprintf(out, "%s\n", last && l->verdict != 0 ? "  verdict" : "");
	}
}

static void write_row(const struct layout *l, size_t r, FILE *out)
{
	const char *names = l->table->rows[r].names;
	const char *verdict = l->verdict != 0 ? l->table->rows[r].verdict : "";
	char text[S2_TEXT_ROOM];

	for (bool first = true; first || *names != '\0' || *verdict != '\0'; first = false) {
		const char *line;
		size_t len = next_line(&names, l->names, &line), pending;

		(void)fprintf(out, "%.*s", (int)len, line);
		pending = l->names - len;
		for (size_t c = 0; c < l->table->n_columns; c++) {
			if (first)
				s2_headline_cell(l->table, r, c, l->mail, text);
			pending += GAP + l->column[c] - (first ? strlen(text) : 0);
			if (!first)
				continue;
			write_blanks(out, pending);
			(void)fputs(text, out);
			pending = 0;
		}
		len = next_line(&verdict, l->verdict, &line);
		if (len != 0) {
			write_blanks(out, pending + GAP);
			(void)fprintf(out, "%.*s", (int)len, line);
		}
		(void)fputc('\n', out);
	}
}

/** Who breaks what, a line each; or that nobody does. */
static void write_broken(const struct layout *l, FILE *out)
{
	bool any = false, unchecked = false;
	char text[2 * S2_HEADLINE_TEXT + 16];

	for (size_t r = 0; r < l->table->n_rows; r++) {
		const struct s2_headline_row *row = &l->table->rows[r];

		unchecked |= !strcmp(row->verdict, "unchecked");
		any |= row->broken;
		if (!row->broken)
			continue;
		(void)snprintf(text, sizeof(text), "! %s: %s", row->names, row->verdict);
		s2_write_wrapped(out, text, 2, (int)l->width);
	}
	if (!any)
		(void)fputs(unchecked ? "verdict: not all were checked, none was seen broken\n"
				      : "verdict: every policy holds\n",
			    out);
}

static void write_notes(const struct s2_headline_table *table, size_t width, FILE *out)
{
	char text[TEXT_ROOM];
	size_t at = 0;

	for (size_t i = 0; i < S2_HEADLINE_FIGURES && at + 2 < sizeof(text); i++) {
		if (i > 0 && table->part->thread->figure[i].profile != NULL && at > 0)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "; ");
		if (s2_headline_figure(table->part, i, text + at, sizeof(text) - at))
			at += strlen(text + at);
	}
	if (at > 0)
		s2_write_wrapped(out, text, 2, (int)width);
	if (s2_headline_missing(table, text, sizeof(text)))
		s2_write_wrapped(out, text, 2, (int)width);
}

static int write_thread(const struct s2_headline_part *part, size_t width, bool mail, FILE *out)
{
	struct s2_headline_table table;
	struct layout l = {.table = &table, .width = width, .mail = mail};
	char host[128], text[TEXT_ROOM];
	const int r = s2_headline_table(part, &table);
	bool fits;

	if (r < 0)
		return r;
	lay_out(&l);
	fits = strlen(s2_headline_host(part, host, sizeof(host))) < l.names;
	(void)snprintf(l.host, sizeof(l.host), "%s", fits ? host : "");
	(void)snprintf(text, sizeof(text), "%s [%s %s%s%s]", part->thread->title,
		       part->thread->program->name, part->thread->words, fits ? "" : "; ",
		       fits ? "" : host);
	(void)fputc('\n', out);
	s2_write_wrapped(out, text, 2, (int)width);
	s2_write_wrapped(out, part->thread->why, 0, (int)width);
	write_heading(&l, out);
	for (size_t i = 0; i < table.n_rows; i++)
		write_row(&l, i, out);
	if (mail)
		write_broken(&l, out);
	write_notes(&table, width, out);
	s2_headline_table_free(&table);
	return 0;
}

/** The file's name: its folder differs from host to host. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/** What is shown of a replay. */
static const enum s2_op shown[] = {
	S2_OP_TLBI_VMALLS12E1IS, S2_OP_TLBI_IPAS2E1IS, S2_OP_TLBI_RIPAS2E1IS,
	S2_OP_DC_CIVAC,		 S2_OP_IC_IALLU,       S2_OP_DSB_ISH,
};

#define N_SHOWN (sizeof(shown) / sizeof(shown[0]))

/** Less what all TLBIs have in their names, which a column has no room for. */
static const char *short_name(enum s2_op op)
{
	const char *name = s2_op_name(op);

	return strncmp(name, "tlbi_", 5) ? name : name + 5;
}

static int write_replay_table(const struct s2_headline *headline, size_t width, bool mail,
			      FILE *out)
{
	/* What a mail has no room for is in the other forms. */
	const size_t n = mail ? N_SHOWN - 3 : N_SHOWN, from = mail ? 1 : 0;
	char text[S2_TEXT_ROOM];
	struct s2_grid grid;

	if (s2_grid_create(&grid, headline->n_replays + 1, n + 1) < 0)
		return -ENOMEM;
	s2_grid_set(&grid, 0, 0, "machine, flavour");
	for (size_t i = 0; i < n; i++)
		s2_grid_set(&grid, 0, i + 1, "%s", short_name(shown[from + i]));
	for (size_t r = 0; r < headline->n_replays; r++) {
		const struct s2_headline_replay *replay = &headline->replay[r];

		s2_grid_set(&grid, r + 1, 0, "%s, %s", replay->machine, replay->outcome.flavour);
		for (size_t i = 0; i < n; i++)
			s2_grid_set(&grid, r + 1, i + 1, "%s",
				    s2_text_count(replay->outcome.ops.n[shown[from + i]], text));
	}
	s2_grid_print(&grid, width, out);
	s2_grid_free(&grid);
	return 0;
}

static int write_replay(const struct s2_headline *headline, size_t width, bool mail, FILE *out)
{
	const struct s2_replay_outcome *o = &headline->replay[0].outcome;
	char text[TEXT_ROOM];

	if (headline->n_replays == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "REPLAY a real host's log [s2-replay %s]",
		       base_name(headline->log));
	(void)fputc('\n', out);
	s2_write_wrapped(out, text, 2, (int)width);
	(void)snprintf(
		text, sizeof(text),
		"The host made %llu TLB flush calls, the model predicts %llu; %llu differ in "
		"number, order or arguments. The same requests on:",
		(unsigned long long)o->calls.observed, (unsigned long long)o->calls.predicted,
		(unsigned long long)o->differences);
	s2_write_wrapped(out, text, 0, (int)width);
	return write_replay_table(headline, width, mail, out);
}

/** What those contracts mean that some policy breaks. */
static int write_contracts(const struct s2_headline *headline, char *buf, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; s2_headline_contracts[i][0] != NULL && at < size; i++) {
		const int r = s2_headline_breaks(headline, s2_headline_contracts[i][0]);

		if (r < 0)
			return r;
		if (r > 0)
			at += (size_t)snprintf(buf + at, size - at, " %s: %s.",
					       s2_headline_contracts[i][0],
					       s2_headline_contracts[i][1]);
	}
	return 0;
}

static int write_end(const struct s2_headline *headline, size_t width, FILE *out)
{
	struct s2_headline_tally tally;
	char text[TEXT_ROOM];
	size_t at;
	int r = s2_headline_count_all(headline, &tally);

	if (r < 0)
		return r;
	(void)snprintf(
		text, sizeof(text),
		"times: %zu fitted (made of the figures that they answer for), %zu predicted "
		"(of none of them); ?: a cost has no source. hold: operations under "
		"mmu_lock.%s",
		tally.fitted, tally.predicted,
		headline->n_parts > 0 && headline->parts[0].brief
			? " +N: and N policies that come out alike; --all has every one."
			: "");
	(void)fputc('\n', out);
	s2_write_wrapped(out, text, 2, (int)width);
	at = (size_t)snprintf(text, sizeof(text),
			      "verdicts: of these runs, for all that TLBs and caches may do; "
			      "[command] tells how one broke, s2-explore of other orders of "
			      "threads.");
	r = write_contracts(headline, text + at, sizeof(text) - at);
	if (r < 0)
		return r;
	s2_write_wrapped(out, text, 2, (int)width);
	return 0;
}

static int write_text(const struct s2_headline *headline, size_t width, bool mail, FILE *out)
{
	int r = 0;

	s2_write_wrapped(
		out,
		"stage2sim " S2_VERSION
		": what was, what was proposed, what else could be, on a simulated arm64 machine",
		2, (int)width);
	for (size_t i = 0; i < headline->n_parts && r == 0; i++)
		r = write_thread(&headline->parts[i], width, mail, out);
	if (r == 0)
		r = write_replay(headline, width, mail, out);
	return r == 0 ? write_end(headline, width, out) : r;
}

int s2_headline_screen(const struct s2_headline *headline, FILE *out)
{
	return write_text(headline, SCREEN_WIDTH, false, out);
}

int s2_headline_mail(const struct s2_headline *headline, FILE *out)
{
	return write_text(headline, MAIL_WIDTH, true, out);
}
