/* SPDX-License-Identifier: MIT */
#include "study/run/jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED 127

/* A piece under way. */
struct job {
	pid_t pid;
	FILE *printed;
};

static int jobs_failed(struct s2_error *err, const char *what, int error)
{
	s2_error_set(err, error, "--jobs: %s: %s", what, strerror(error));
	return -error;
}

/* In the new process, which never returns. */
static void do_it(const struct s2_jobs *jobs, size_t i, const struct job *job)
{
	int status = KILLED;

	if (dup2(fileno(job->printed), STDOUT_FILENO) >= 0)
		status = jobs->work(jobs->arg, i);
	_exit(fflush(NULL) ? KILLED : status);
}

static int start(const struct s2_jobs *jobs, size_t i, struct job *job, struct s2_error *err)
{
	job->printed = tmpfile();
	if (!job->printed)
		return jobs_failed(err, "a file for what is printed", errno);
	(void)fflush(NULL);
	job->pid = fork();
	if (job->pid < 0) {
		const int error = errno;

		(void)fclose(job->printed);
		return jobs_failed(err, "a process", error);
	}
	if (job->pid)
		return 0;
	do_it(jobs, i, job);
	return 0;
}

/* Waits for it, and prints what it did. @return its exit status */
static int finish(struct job *job)
{
	char bytes[4096];
	size_t n;
	int status;

	while (waitpid(job->pid, &status, 0) < 0)
		if (errno != EINTR)
			status = KILLED << 8;
	rewind(job->printed);
	while ((n = fread(bytes, 1, sizeof(bytes), job->printed)) != 0)
		(void)fwrite(bytes, 1, n, stdout);
	(void)fclose(job->printed);
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static int run_here(const struct s2_jobs *jobs, int *worst)
{
	for (size_t i = 0; i < jobs->n; i++) {
		const int status = jobs->work(jobs->arg, i);

		*worst = status > *worst ? status : *worst;
	}
	return 0;
}

int s2_jobs_run(const struct s2_jobs *jobs, int *worst, struct s2_error *err)
{
	struct job running[S2_JOBS_MAX];
	size_t started = 0, done = 0;
	int ret = 0;

	*worst = 0;
	if (!jobs->at_once || jobs->at_once > S2_JOBS_MAX)
		return -EINVAL;
	if (jobs->at_once == 1)
		return run_here(jobs, worst);
	while (done < started || (!ret && started < jobs->n)) {
		int status;

		if (!ret && started < jobs->n && started - done < jobs->at_once) {
			ret = start(jobs, started, &running[started % jobs->at_once], err);
			started += !ret;
			continue;
		}
		status = finish(&running[done % jobs->at_once]);
		*worst = status > *worst ? status : *worst;
		done++;
	}
	return ret;
}
