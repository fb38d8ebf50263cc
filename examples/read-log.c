/* SPDX-License-Identifier: MIT */
/* read-log FILE: how often each kind of event is in a log of a KVM/arm64 host. */
#include <study/log/trace.h>

int main(int argc, char **argv)
{
	uint64_t seen[S2_TRACE_KINDS] = {0};
	struct s2_trace_event event;
	struct s2_error error;
	struct s2_trace *log = argc == 2 ? s2_trace_open(argv[1], &error) : NULL;
	int ret = log ? 1 : -1;

	while (ret > 0 && (ret = s2_trace_next(log, &event)) > 0)
		seen[event.kind]++;
	if (log && ret < 0)
		error = *s2_trace_error(log);
	for (int kind = 0; kind < S2_TRACE_KINDS && !ret; kind++)
		if (seen[kind])
			printf("%-24s %8llu\n", s2_trace_kind_name((enum s2_trace_kind)kind),
			       (unsigned long long)seen[kind]);
	if (ret < 0) /* the library prints nothing: it says what is wrong, with file and line */
		fprintf(stderr, "%s\n", argc == 2 ? error.text : "usage: read-log FILE");
	s2_trace_close(log);
	return ret ? 1 : 0;
}
