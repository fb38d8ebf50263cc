/* SPDX-License-Identifier: MIT */
/* Cost profiles; see profile.h. */
#include "study/option/profile.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "study/base/parse.h"

/** Where the shipped profiles are, unless the environment says otherwise. */
#ifndef S2_PROFILE_DIR
#define S2_PROFILE_DIR "profiles"
#endif

#define ENDING	  ".profile"
#define LINE_ROOM 1024

static const char *const seq_names[S2_SEQ_COUNT] = {
	[S2_SEQ_FLUSH_IPA] = "seq_flush_ipa",	  [S2_SEQ_FLUSH_VMID] = "seq_flush_vmid",
	[S2_SEQ_FLUSH_RANGE] = "seq_flush_range", [S2_SEQ_UNMAP_PAGE_REST] = "seq_unmap_page_rest",
	[S2_SEQ_IPI_REST] = "seq_ipi_rest",	  [S2_SEQ_MMU_INIT] = "seq_mmu_init",
};

/** A profile being read. */
struct reader {
	const char *name;
	unsigned line;
	struct s2_profile *profile;
	struct s2_error *err;
};

const char *s2_seq_name(enum s2_seq seq)
{
	return (unsigned)seq < S2_SEQ_COUNT ? seq_names[seq] : NULL;
}

static struct s2_cost_entry *find_entry(struct s2_profile *profile, const char *name)
{
	int op = s2_op_find(name);

	if (op >= 0)
		return &profile->op[op];
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
		if (!strcmp(seq_names[seq], name))
			return &profile->seq[seq];
	return NULL;
}

/** Cuts blanks off both ends of @p text, in place. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		text[--len] = '\0';
	return text;
}

static int bad_line(const struct reader *r, int code, const char *got, const char *expected)
{
	s2_error_set(r->err, code, "%s:%u: got \"%.60s\", expected %s", r->name, r->line, got,
		     expected);
	return code == S2_PROFILE_MEMORY ? -ENOMEM : -EINVAL;
}

static int parse_ns(const char *text, double *ns)
{
	char *end;

	/* strtod() would also take signs, blanks, "inf" and "nan". */
	if ((text[0] < '0' || text[0] > '9') && text[0] != '.')
		return -EINVAL;
	*ns = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*ns) ? 0 : -EINVAL;
}

/** Takes "[thread]" off the front of @p source, in place. @return the thread, or NULL */
static char *cut_thread(char **source)
{
	char *end = **source == '[' ? strchr(*source, ']') : NULL;
	char *thread = *source + 1;

	if (end == NULL || end == thread || *trim(end + 1) == '\0')
		return NULL;
	*end = '\0';
	*source = trim(end + 1);
	return thread;
}

static int set_source(struct s2_cost_entry *entry, char *source)
{
	const char *thread = cut_thread(&source);

	entry->source = strdup(source);
	if (thread != NULL)
		entry->thread = strdup(thread);
	return entry->source == NULL || (thread != NULL && entry->thread == NULL) ? -ENOMEM : 0;
}

static int add_entry(const struct reader *r, const char *name, const char *value, char *source)
{
	struct s2_cost_entry *entry = find_entry(r->profile, name);
	double ns;

	if (entry == NULL)
		return bad_line(r, S2_PROFILE_NAME, name, "an operation's name, as in JSON output");
	if (entry->known)
		return bad_line(r, S2_PROFILE_TWICE, name, "each operation once");
	if (parse_ns(value, &ns) < 0)
		return bad_line(r, S2_PROFILE_NUMBER, value, "nanoseconds such as 19.7");
	if (set_source(entry, source) < 0)
		return bad_line(r, S2_PROFILE_MEMORY, name, "enough memory");
	entry->ns = ns;
	entry->known = true;
	return 0;
}

static int read_line(const struct reader *r, char *line)
{
	static const char form[] = "`operation = nanoseconds  # source`";
	char *text = trim(line);
	char *hash = strchr(text, '#');
	char *equals = strchr(text, '=');

	if (*text == '\0' || *text == '#')
		return 0;
	if (equals == NULL || hash == NULL || hash < equals)
		return bad_line(r, S2_PROFILE_FORM, text, form);
	*hash = '\0';
	hash = trim(hash + 1);
	if (*hash == '\0')
		return bad_line(r, S2_PROFILE_FORM, trim(text), "a source behind the #");
	*equals = '\0';
	return add_entry(r, trim(text), trim(equals + 1), hash);
}

static int read_lines(struct reader *r, FILE *in)
{
	char line[LINE_ROOM];

	while (fgets(line, sizeof(line), in) != NULL) {
		int ret;

		r->line++;
		if (strchr(line, '\n') == NULL && strlen(line) == sizeof(line) - 1)
			return bad_line(r, S2_PROFILE_FORM, line, "a line of under 1,000 bytes");
		ret = read_line(r, line);
		if (ret < 0)
			return ret;
	}
	if (!ferror(in))
		return 0;
	s2_error_set(r->err, S2_PROFILE_OPEN, "%s: %s, expected a cost profile", r->name,
		     strerror(errno));
	return -EIO;
}

/** "altra" of "profiles/altra.profile". */
static char *profile_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	size_t len = strlen(base);
	const size_t ending = strlen(ENDING);

	if (len > ending && !strcmp(base + len - ending, ENDING))
		len -= ending;
	return strndup(base, len);
}

int s2_profile_read(FILE *in, const char *name, struct s2_profile *profile, struct s2_error *err)
{
	struct reader r = {name, 0, profile, err};
	int ret;

	*profile = (struct s2_profile){.name = profile_name(name)};
	if (profile->name == NULL)
		return bad_line(&r, S2_PROFILE_MEMORY, name, "enough memory");
	ret = read_lines(&r, in);
	if (ret < 0)
		s2_profile_free(profile);
	return ret;
}

/* Beside the program: in its build folder, or where a copy was installed to. */
static const char *const beside[] = {"/../profiles", "/../share/stage2sim/profiles"};

/** "@p dir@p more/@p name.profile", to be freed. */
static char *join(const char *dir, const char *more, const char *name)
{
	const size_t size = strlen(dir) + strlen(more) + strlen(name) + sizeof("/" ENDING);
	char *path = malloc(size);

	if (path != NULL)
		(void)snprintf(path, size, "%s%s/%s" ENDING, dir, more, name);
	return path;
}

/** The folder of the program that runs, or "" where the system does not tell. */
static void program_dir(char *dir, size_t size)
{
	const ssize_t len = readlink("/proc/self/exe", dir, size - 1);
	char *slash;

	dir[len > 0 ? len : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
}

/**
 * Where a profile of that name is, or NULL without memory; to be freed.  What is beside the program
 * goes first: elsewhere may be those of another version.
 */
static char *find_profile(const char *name)
{
	char dir[4096];

	program_dir(dir, sizeof(dir));
	for (size_t i = 0; dir[0] != '\0' && i < 2; i++) {
		char *path = join(dir, beside[i], name);

		if (path == NULL || access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return join(S2_PROFILE_DIR, "", name);
}

static int is_profile(const struct dirent *entry)
{
	const size_t len = strlen(entry->d_name);
	const size_t ending = strlen(ENDING);

	return len > ending && !strcmp(entry->d_name + len - ending, ENDING);
}

/** Writes the names in @p dir as "altra, d05". @return whether there are any */
static bool list_dir(const char *dir, char *buf, size_t size)
{
	struct dirent **entries;
	const int n = scandir(dir, &entries, is_profile, alphasort);
	size_t at = 0;

	if (n < 0)
		return false;
	for (int i = 0; i < n; i++) {
		const size_t len = strlen(entries[i]->d_name) - strlen(ENDING);

		if (at + len + 3 < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%.*s", i ? ", " : "",
					       (int)len, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return n > 0;
}

/** The profiles that have names, from where find_profile() looks. @return whether there are any */
static bool list_profiles(char *buf, size_t size)
{
	const char *from = getenv("S2_PROFILE_DIR");
	char dir[4096 + 64];
	size_t len;

	if (from != NULL)
		return list_dir(from, buf, size);
	program_dir(dir, 4096);
	len = strlen(dir);
	for (size_t i = 0; len > 0 && i < 2; i++) {
		(void)snprintf(dir + len, sizeof(dir) - len, "%s", beside[i]);
		if (list_dir(dir, buf, size))
			return true;
	}
	return list_dir(S2_PROFILE_DIR, buf, size);
}

/** Of a name, says which there are; of a path, what is wrong with it. */
static void refuse_to_open(const char *spec, const char *path, int error, struct s2_error *err)
{
	char names[160];

	if (!strcmp(path, spec))
		s2_error_set(err, S2_PROFILE_OPEN, "%s: %s, expected a cost profile", path,
			     strerror(error));
	else if (list_profiles(names, sizeof(names)))
		s2_error_set(err, S2_PROFILE_OPEN,
			     "no profile is called \"%.40s\", expected one of %s, or a path", spec,
			     names);
	else
		s2_error_set(err, S2_PROFILE_OPEN,
			     "%s: %s, expected a cost profile; $S2_PROFILE_DIR says where names "
			     "are, or give its path",
			     path, strerror(error));
}

/** Where the profile @p spec is; to be freed. */
static char *profile_path(const char *spec)
{
	const char *dir = getenv("S2_PROFILE_DIR");
	const size_t len = strlen(spec);
	const size_t ending = strlen(ENDING);

	if (strchr(spec, '/') != NULL || (len > ending && !strcmp(spec + len - ending, ENDING)))
		return strdup(spec);
	return dir != NULL ? join(dir, "", spec) : find_profile(spec);
}

int s2_profile_load(const char *spec, struct s2_profile *profile, struct s2_error *err)
{
	char *path = profile_path(spec);
	FILE *in;
	int r;

	*profile = (struct s2_profile){0};
	if (path == NULL) {
		s2_error_set(err, S2_PROFILE_MEMORY, "out of memory");
		return -ENOMEM;
	}
	in = fopen(path, "r");
	if (in == NULL) {
		r = -errno;
		refuse_to_open(spec, path, -r, err);
	} else {
		r = s2_profile_read(in, path, profile, err);
		(void)fclose(in);
	}
	free(path);
	return r;
}

static void free_entry(struct s2_cost_entry *entry)
{
	free(entry->source);
	free(entry->thread);
}

void s2_profile_free(struct s2_profile *profile)
{
	for (int op = 0; op < S2_OP_COUNT; op++)
		free_entry(&profile->op[op]);
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
		free_entry(&profile->seq[seq]);
	free(profile->name);
	*profile = (struct s2_profile){0};
}

/** Adds @p n times a cost, or says that there is none. */
static void charge(struct s2_cost *cost, const struct s2_cost_entry *entry, double n,
		   const char *thread, bool *missing)
{
	if (n == 0)
		return;
	if (entry == NULL || !entry->known) {
		*missing = true;
		cost->known = false;
		return;
	}
	cost->ns += n * entry->ns;
	if (thread != NULL && entry->thread != NULL && !strcmp(thread, entry->thread))
		cost->fitted = true;
}

struct s2_cost s2_profile_price(const struct s2_profile *profile, const struct s2_bill *bill,
				const char *thread)
{
	struct s2_cost cost = {.known = true};

	for (int op = 0; op < S2_OP_COUNT; op++)
		charge(&cost, profile != NULL ? &profile->op[op] : NULL, (double)bill->ops.n[op],
		       thread, &cost.missing[op]);
	for (int seq = 0; seq < S2_SEQ_COUNT; seq++)
		charge(&cost, profile != NULL ? &profile->seq[seq] : NULL, bill->seq[seq], thread,
		       &cost.missing_seq[seq]);
	return cost;
}

struct s2_cost s2_profile_estimate(const struct s2_profile *profile, const struct s2_counts *counts)
{
	const struct s2_bill bill = {.ops = *counts};

	return s2_profile_price(profile, &bill, NULL);
}

const char *s2_cost_basis(const struct s2_cost *cost)
{
	return cost->fitted ? "fitted" : "predicted";
}

double s2_profile_seq(const struct s2_profile *profile, enum s2_seq seq)
{
	if (profile == NULL || (unsigned)seq >= S2_SEQ_COUNT || !profile->seq[seq].known)
		return -1;
	return profile->seq[seq].ns;
}
