/* SPDX-License-Identifier: MIT */
/* Any bytes as a shard: refused with a text, or results that are written and read again alike. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "study/run/shard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which of them did not is in the stack's line. */
#define must(holds) ((holds) ? (void)0 : abort())

static void forget(struct s2_result *result)
{
	s2_result_free(result);
	*result = (struct s2_result){0};
}

static char *written(uint64_t run, const struct s2_result *result)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	must(out != NULL);
	s2_shard_write_result(out, run, result);
	must(fclose(out) == 0);
	return text;
}

static void write_and_read(uint64_t run, const struct s2_result *result,
			   struct s2_shard_names *names)
{
	char *text = written(run, result), *again;
	struct s2_error err = {0, ""};
	struct s2_shard_text shard = {.in = fmemopen(text, strlen(text), "r"),
			       .name = "again",
			       .names = names,
			       .err = &err};
	struct s2_result read = {0};
	uint64_t run_read;

	must(shard.in != NULL);
	must(s2_shard_read_result(&shard, &run_read, &read) == 1 && run_read == run);
	again = written(run, &read);
	must(!strcmp(text, again));
	free(again);
	free(text);
	forget(&read);
	s2_shard_end(&shard);
	fclose(shard.in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct s2_shard_names names = {0};
	struct s2_error err = {0, ""};
	struct s2_shard_text shard = {.in = in, .name = "fuzz", .names = &names, .err = &err};
	struct s2_result result = {0};
	struct s2_shard_head head;
	uint64_t run;
	int r = 1;

	if (in == NULL)
		return 0;
	if (s2_shard_read_head(&shard, "s2-fuzz", &head) < 0)
		rewind(in);
	while (r == 1) {
		err = (struct s2_error){0, ""};
		r = s2_shard_read_result(&shard, &run, &result);
		if (r == 1)
			write_and_read(run, &result, &names);
		must(r >= 0 || err.code != 0);
		forget(&result);
	}
	s2_shard_end(&shard);
	s2_shard_names_free(&names);
	fclose(in);
	return 0;
}
