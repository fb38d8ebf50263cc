/* SPDX-License-Identifier: MIT */
/* What a boot touches, and whether it can be; see boot.h. */
#include "study/work/boot.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "study/base/parse.h"
#include "study/work/vm_check.h"

/* The guest's page, whatever the host's. */
#define GUEST_PAGE UINT64_C(4096)

static int refuse(struct s2_error *err, const char *text)
{
	s2_error_set(err, 1, "%s", text);
	return -EINVAL;
}

static uint64_t round_up(uint64_t n)
{
	return (n + GUEST_PAGE - 1) & ~(GUEST_PAGE - 1);
}

static int touched_linux(const struct s2_boot *boot, struct s2_boot_touch *t, struct s2_error *err)
{
	t->linux_guest = true;
	t->kernel = round_up(boot->kernel);
	t->initramfs = round_up(boot->initramfs);
	t->struct_pages = round_up(s2_boot_struct_pages(boot->memory));
	t->per_vcpu = round_up(boot->per_vcpu);
	t->total = t->kernel + t->initramfs + t->struct_pages + (boot->vcpus - 1) * t->per_vcpu;
	if (t->kernel <= boot->memory && t->initramfs <= boot->memory &&
	    t->per_vcpu <= boot->memory && t->total <= boot->memory)
		return 0;
	return refuse(err, "--memory: less than its guest touches (--kernel, --initramfs, struct "
			   "pages, --per-vcpu), expected room for them");
}

/* Bytes that @boot's size reaches over, pages of it being apart. */
static uint64_t extent(const struct s2_boot *boot, uint64_t size)
{
	uint64_t pages = size / GUEST_PAGE;

	if (!boot->stride)
		return size;
	return pages > boot->memory / boot->stride ? UINT64_MAX : pages * boot->stride;
}

static int touched_size(const struct s2_boot *boot, struct s2_boot_touch *t, struct s2_error *err)
{
	if (s2_parse_size(boot->touched, &t->total) || !t->total || t->total % GUEST_PAGE) {
		s2_error_set(err, 1,
			     "--touched: got \"%.60s\", expected linux, all or a size of whole 4K "
			     "pages",
			     boot->touched);
		return -EINVAL;
	}
	if (boot->stride % GUEST_PAGE)
		return refuse(err, "--stride: expected a multiple of 4K");
	if (extent(boot, t->total) <= boot->memory)
		return 0;
	return refuse(err, "--touched: more than --memory has (with --stride), expected less");
}

int s2_boot_touched(const struct s2_boot *boot, struct s2_boot_touch *touch, struct s2_error *err)
{
	memset(touch, 0, sizeof(*touch));
	if (!strcmp(boot->touched, "linux"))
		return touched_linux(boot, touch, err);
	touch->total = boot->memory;
	return strcmp(boot->touched, "all") ? touched_size(boot, touch, err) : 0;
}

static int check_memory(const struct s2_boot *boot, const struct s2_features *f,
			const struct s2_flavour *flavour, struct s2_error *err)
{
	const unsigned bits = s2_check_ipa_bits_for(boot->ipa_bits, S2_BOOT_BASE, boot->memory);
	const unsigned most = s2_check_ipa_limit(f, flavour);
	const uint64_t limit = (UINT64_C(1) << (bits < most ? bits : most)) - S2_BOOT_BASE;

	if (s2_check_backing(boot->backing, f, err))
		return -EINVAL;
	if (boot->memory % boot->backing) {
		s2_error_set(err, 1,
			     "--memory: got %" PRIu64 " bytes, expected a multiple of --backing "
			     "(%" PRIu64 ")",
			     boot->memory, boot->backing);
		return -EINVAL;
	}
	if (s2_check_ipa_bits(boot->ipa_bits, f, flavour, err))
		return -EINVAL;
	if (boot->memory <= limit)
		return 0;
	s2_error_set(err, 1,
		     "--memory: %" PRIu64 " bytes from 1 GiB on pass the IPA limit of 2^%u%s, "
		     "expected at most %" PRIu64,
		     boot->memory, bits < most ? bits : most,
		     bits > most ? " of machine and flavour" : "", limit);
	return -EINVAL;
}

static int check_vcpus(const struct s2_boot *boot, const struct s2_features *f,
		       struct s2_error *err)
{
	if (s2_check_vcpus(boot->vcpus, 0, f, err))
		return -EINVAL;
	if (boot->first >= boot->vcpus)
		return refuse(err, "--first: expected a vcpu, 0 to --vcpus less 1");
	if (boot->then != S2_BOOT_THEN_NOTHING && boot->then_vcpu >= boot->vcpus)
		return refuse(err, "--then-vcpu: expected a vcpu, 0 to --vcpus less 1");
	return 0;
}

int s2_boot_check(const struct s2_boot *boot, const struct s2_features *features,
		  const struct s2_flavour *flavour, struct s2_error *err)
{
	struct s2_boot_touch touch;
	int ret = check_vcpus(boot, features, err);

	if (!ret)
		ret = check_memory(boot, features, flavour, err);
	return ret ? ret : s2_boot_touched(boot, &touch, err);
}
