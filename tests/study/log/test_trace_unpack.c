/* SPDX-License-Identifier: MIT */
/* Logs compressed by zstd and xz, as gzip's are tested beside trace_input. */
#include "study/log/trace_fixture.h"

#ifdef S2_HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef S2_HAVE_LZMA
#include <lzma.h>
#endif

#define EVENTS 20000U

struct packer {
	const char *name, *magic;
	size_t magic_len;
	size_t check; /* so far from the end there is something that only a check uses */
	/* Compresses into new memory; NULL in a build without. */
	unsigned char *(*pack)(const char *text, size_t len, size_t *packed);
};

#ifdef S2_HAVE_ZSTD
static unsigned char *pack_zstd(const char *text, size_t len, size_t *packed)
{
	const size_t room = ZSTD_compressBound(len);
	unsigned char *to = malloc(room);
	ZSTD_CCtx *ctx = ZSTD_createCCtx();

	assert_non_null(to);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	*packed = ZSTD_compress2(ctx, to, room, text, len);
	assert_false(ZSTD_isError(*packed));
	ZSTD_freeCCtx(ctx);
	return to;
}
#else
#define pack_zstd NULL
#endif

#ifdef S2_HAVE_LZMA
static unsigned char *pack_xz(const char *text, size_t len, size_t *packed)
{
	const size_t room = lzma_stream_buffer_bound(len);
	unsigned char *to = malloc(room);

	assert_non_null(to);
	*packed = 0;
	assert_i64(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, (const uint8_t *)text, len, to,
					   packed, room),
		   LZMA_OK);
	return to;
}
#else
#define pack_xz NULL
#endif

static const struct packer packers[] = {
	{"zstd", "\x28\xb5\x2f\xfd\x24\n\n\n\n\n", 10, 2, pack_zstd},
	{"xz", "\xfd\x37zXZ\0\n\n\n\n", 10, 16, pack_xz},
};

/* @n events, each of a line of its own number. */
static char *make_log(size_t *len)
{
	char *text = malloc(EVENTS * 80);
	size_t used = 0;

	assert_non_null(text);
	for (unsigned i = 0; i < EVENTS; i++)
		used += (size_t)snprintf(text + used, 80,
					 " vmm-1 [000] d..1. %u.%06u: tlb_vmid: (f) mmu=0x%x\n",
					 1 + i / 1000, i % 1000000, i);
	*len = used;
	return text;
}

static int read_all(struct s2_trace *t, uint64_t *n)
{
	struct s2_trace_event ev;
	int r;

	*n = 0;
	while ((r = s2_trace_next(t, &ev)) == 1)
		++*n;
	return r;
}

static void each(void (*test)(const struct packer *packer, const char *text, size_t len))
{
	size_t len;
	char *text = make_log(&len);

	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		s2_test_row("%s", packers[i].name);
		if (packers[i].pack)
			test(&packers[i], text, len);
	}
	free(text);
}

/* As the same bytes uncompressed are. */
static void read_plain(const struct packer *packer, const char *text, size_t len)
{
	size_t packed;
	unsigned char *bytes = packer->pack(text, len, &packed);
	struct s2_trace *plain = open_bytes(text, len), *t = open_bytes(bytes, packed);
	uint64_t want, have;

	assert_i64(read_all(plain, &want), 0);
	assert_i64(read_all(t, &have), 0);
	assert_true(want > 0);
	assert_u64(have, want);
	assert_u64(s2_trace_bytes_read(t), packed);
	assert_true(packed < len);
	s2_trace_close(plain);
	s2_trace_close(t);
	free(bytes);
}

static void a_compressed_log_is_read_like_plain_text(void **state)
{
	(void)state;
	each(read_plain);
}

static void read_joined(const struct packer *packer, const char *text, size_t len)
{
	size_t a_len, b_len;
	unsigned char *a = packer->pack(text, 12345, &a_len);
	unsigned char *b = packer->pack(text + 12345, len - 12345, &b_len);
	unsigned char *both = malloc(a_len + b_len);
	struct s2_trace *plain = open_bytes(text, len), *t;
	uint64_t want, have;

	assert_non_null(both);
	memcpy(both, a, a_len);
	memcpy(both + a_len, b, b_len);
	t = open_bytes(both, a_len + b_len);
	assert_i64(read_all(plain, &want), 0);
	assert_i64(read_all(t, &have), 0);
	assert_u64(have, want);
	s2_trace_close(plain);
	s2_trace_close(t);
	free(both);
	free(a);
	free(b);
}

static void joined_files_are_one(void **state)
{
	(void)state;
	each(read_joined);
}

static void expect_broken(const void *bytes, size_t len, const char *name, const char *word)
{
	struct s2_trace *t = open_bytes(bytes, len);
	uint64_t n;

	assert_i64(read_all(t, &n), -EIO);
	assert_i64(s2_trace_error(t)->code, S2_TRACE_ERR_GZIP);
	assert_non_null(strstr(s2_trace_error(t)->text, name));
	assert_non_null(strstr(s2_trace_error(t)->text, word));
	assert_i64(read_all(t, &n), -EIO);
	s2_trace_close(t);
}

static void read_truncated(const struct packer *packer, const char *text, size_t len)
{
	size_t packed;
	unsigned char *bytes = packer->pack(text, len, &packed);

	for (size_t cut = 10; cut < packed; cut += cut < 40 || cut + 12 > packed ? 1 : 4999)
		expect_broken(bytes, cut, packer->name, "truncated");
	free(bytes);
}

static void a_truncated_file_is_an_error_wherever_it_ends(void **state)
{
	(void)state;
	each(read_truncated);
}

static void read_damaged(const struct packer *packer, const char *text, size_t len)
{
	size_t packed;
	unsigned char *bytes = packer->pack(text, len, &packed);

	bytes[packed - packer->check] ^= 0x55;
	expect_broken(bytes, packed, packer->name, "damaged");
	free(bytes);
}

static void a_damaged_file_is_an_error(void **state)
{
	(void)state;
	each(read_damaged);
}

static void a_build_without_the_library_says_how_to_unpack_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		struct s2_trace *t;
		uint64_t n;

		if (packers[i].pack)
			continue;
		s2_test_row("%s", packers[i].name);
		t = open_bytes(packers[i].magic, packers[i].magic_len);
		assert_i64(read_all(t, &n), -ENOTSUP);
		assert_i64(s2_trace_error(t)->code, S2_TRACE_ERR_NO_ZLIB);
		assert_non_null(strstr(s2_trace_error(t)->text, "decompress it first"));
		assert_non_null(strstr(s2_trace_error(t)->text, packers[i].name));
		s2_trace_close(t);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		s2_unit_test(a_compressed_log_is_read_like_plain_text),
		s2_unit_test(joined_files_are_one),
		s2_unit_test(a_truncated_file_is_an_error_wherever_it_ends),
		s2_unit_test(a_damaged_file_is_an_error),
		s2_unit_test(a_build_without_the_library_says_how_to_unpack_it),
	};

	return cmocka_run_group_tests_name("study/log/trace_unpack", tests, NULL, NULL);
}
