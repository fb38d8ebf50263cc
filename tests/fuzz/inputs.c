/* SPDX-License-Identifier: MIT */
/*
 * What gives a fuzz target its input where no fuzzer does: the files that are named, to see
 * again what one of them found; or made-up bytes, so that a target that no longer compiles,
 * or that fails at once, is known before somebody needs it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "study/base/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUTS 300
#define ROOM   (1 << 20)

static uint8_t bytes[ROOM];

static int run_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	size_t size;

	if (in == NULL) {
		perror(path);
		return 2;
	}
	size = fread(bytes, 1, sizeof(bytes), in);
	(void)fclose(in);
	(void)LLVMFuzzerTestOneInput(bytes, size);
	return 0;
}

/* Any bytes, and every other time those that text is made of. */
static void run_made_up(uint64_t *random)
{
	const bool text = s2_random_next(random) & 1;
	const size_t size = (size_t)(s2_random_next(random) % 400);

	for (size_t i = 0; i < size; i++) {
		const uint8_t byte = (uint8_t)s2_random_next(random);

		bytes[i] = !text ? byte : byte % 8 == 0 ? '\n' : (uint8_t)(' ' + byte % 95);
	}
	(void)LLVMFuzzerTestOneInput(bytes, size);
}

int main(int argc, char **argv)
{
	uint64_t random = 1;

	for (int i = 1; i < argc; i++)
		if (run_file(argv[i]) != 0)
			return 2;
	for (int i = 0; argc == 1 && i < INPUTS; i++)
		run_made_up(&random);
	return 0;
}
