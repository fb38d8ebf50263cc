/* SPDX-License-Identifier: MIT */
/* Running gnuplot; see plot.h. */
#include "study/report/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define PLOT_SIZE "1000,640"

/* POSIX has the program declare it. */
extern char **environ;

static bool ends_in(const char *path, const char *ending)
{
	const size_t len = strlen(path), n = strlen(ending);

	return len > n && !strcmp(path + len - n, ending);
}

/** Runs gnuplot on @p script (or for its version), silently. @return its status or -errno */
static int run_gnuplot(FILE *script)
{
	char name[] = "gnuplot", version[] = "--version";
	char *argv[] = {name, script != NULL ? NULL : version, NULL};
	posix_spawn_file_actions_t actions;
	pid_t child;
	int r, status = 0;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	if (script != NULL)
		r = posix_spawn_file_actions_adddup2(&actions, fileno(script), 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawnp(&child, name, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return -r;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int s2_plot_check(const char *path, struct s2_error *err)
{
	if (!ends_in(path, ".svg") && !ends_in(path, ".png")) {
		s2_error_set(err, S2_PLOT_ENDING,
			     "--plot: got \"%.80s\", expected a file that ends in .svg or .png",
			     path);
		return -EINVAL;
	}
	return 0;
}

int s2_plot_find(const char *path, struct s2_error *err)
{
	/* Some C libraries say that a program is missing only by status 127. */
	if (run_gnuplot(NULL) != 0) {
		s2_error_set(err, S2_PLOT_NONE,
			     "--plot: there is no gnuplot here that runs, expected one to draw "
			     "\"%.80s\"",
			     path);
		return -ENOENT;
	}
	return 0;
}

static void write_terminal(const char *path, const char *part, FILE *out)
{
	if (ends_in(path, ".svg"))
		(void)fputs("set terminal svg noenhanced size " PLOT_SIZE
			    " font 'sans-serif,14' background '#ffffff'\n",
			    out);
	else
		(void)fputs("if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) {\n"
			    "set terminal pngcairo noenhanced size " PLOT_SIZE " font 'sans,12'\n"
			    "} else {\n"
			    "set terminal png noenhanced size " PLOT_SIZE "\n"
			    "}\n",
			    out);
	(void)fputs("set output ", out);
	s2_plot_quote(out, part);
	(void)fputc('\n', out);
}

/** Draws what @p script, which is at its end, says into @p part; moves it to @p path. */
static int draw(FILE *script, const char *path, const char *part, struct s2_error *err)
{
	int r;

	if (fflush(script) != 0 || fseek(script, 0, SEEK_SET) != 0) {
		s2_error_set(err, S2_PLOT_FILE, "--plot: %s", strerror(errno));
		return -EIO;
	}
	r = run_gnuplot(script);
	if (r != 0) {
		(void)remove(part);
		s2_error_set(err, S2_PLOT_GNUPLOT,
			     "--plot: gnuplot could not draw \"%.80s\" (status %d), expected a "
			     "picture",
			     path, r);
		return -EIO;
	}
	if (rename(part, path) != 0) {
		r = -errno;
		(void)remove(part);
		s2_error_set(err, S2_PLOT_FILE, "--plot: %.80s: %s, expected to write it", path,
			     strerror(-r));
		return r;
	}
	return 0;
}

/** Either plot: one of the two is NULL. */
static int plot(const char *path, const struct s2_plot_lines *lines, const struct s2_plot_map *map,
		struct s2_error *err)
{
	const size_t room = strlen(path) + sizeof(".part");
	char *part = malloc(room);
	FILE *script = tmpfile();
	int r = -ENOMEM;

	if (part == NULL || script == NULL) {
		s2_error_set(err, S2_PLOT_MEMORY, "--plot: no room for a temporary file");
	} else {
		(void)snprintf(part, room, "%s.part", path);
		write_terminal(path, part, script);
		if (lines != NULL)
			s2_plot_lines_script(lines, script);
		else
			s2_plot_map_script(map, script);
		r = draw(script, path, part, err);
	}
	if (script != NULL)
		(void)fclose(script);
	free(part);
	return r;
}

int s2_plot_lines(const char *path, const struct s2_plot_lines *lines, struct s2_error *err)
{
	return plot(path, lines, NULL, err);
}

int s2_plot_map(const char *path, const struct s2_plot_map *map, struct s2_error *err)
{
	return plot(path, NULL, map, err);
}
