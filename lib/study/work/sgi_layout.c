/* SPDX-License-Identifier: MIT */
#include "study/work/sgi_layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stage2sim/sgi.h>

/* A line of a file is no longer. */
#define LINE_ROOM 256

bool s2_sgi_unreachable(struct s2_mpidr mpidr)
{
	return s2_mpidr_aff(mpidr, 0) >= S2_SGI_LIST_BITS;
}

/* Aff0 counts to @per_cluster, then Aff1, then Aff2. */
static struct s2_mpidr by_cluster(unsigned index, unsigned per_cluster)
{
	const unsigned cluster = index / per_cluster;

	return s2_mpidr_of(0, (uint8_t)(cluster >> 8), (uint8_t)cluster,
			   (uint8_t)(index % per_cluster));
}

/* "a.b.c.d", each 0 to 255. */
static bool read_affinities(const char *text, struct s2_mpidr *out)
{
	uint8_t aff[4];
	char *end;

	for (unsigned i = 0; i < 4; i++) {
		const unsigned long value = strtoul(text, &end, 10);

		if (end == text || value > UINT8_MAX || *end != (i < 3 ? '.' : '\0'))
			return false;
		aff[i] = (uint8_t)value;
		text = end + 1;
	}
	*out = s2_mpidr_of(aff[0], aff[1], aff[2], aff[3]);
	return true;
}

static bool read_mpidr(const char *text, struct s2_mpidr *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	if (strchr(text, '.'))
		return read_affinities(text, out);
	errno = 0;
	*out = s2_mpidr(strtoull(text, &end, 0));
	return *end == '\0' && errno == 0;
}

/* Cuts comment and blanks; @return whether anything is left. */
static bool strip(char *line)
{
	size_t len;

	line[strcspn(line, "#\r\n")] = '\0';
	len = strlen(line);
	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		line[--len] = '\0';
	return len > 0;
}

static int add_line(const char *path, unsigned line, const char *text, struct s2_mpidr *mpidrs,
		    unsigned n, struct s2_error *err)
{
	if (!read_mpidr(text + strspn(text, " \t"), &mpidrs[n])) {
		s2_error_set(err, 1,
			     "--mpidr %.80s: line %u: got \"%.40s\", expected a number or "
			     "Aff3.Aff2.Aff1.Aff0",
			     path, line, text);
		return -EINVAL;
	}
	for (unsigned i = 0; i < n; i++) {
		if (s2_mpidr_hwid(mpidrs[i]).v != s2_mpidr_hwid(mpidrs[n]).v)
			continue;
		s2_error_set(err, 1, "--mpidr %.80s: line %u: vcpu %u has this affinity already",
			     path, line, i);
		return -EINVAL;
	}
	return 0;
}

static int read_lines(FILE *in, const char *path, struct s2_mpidr *mpidrs, unsigned n,
		      struct s2_error *err)
{
	char text[LINE_ROOM];
	unsigned have = 0;
	int ret = 0;

	for (unsigned line = 1; !ret && have < n && fgets(text, sizeof(text), in); line++) {
		if (!strip(text))
			continue;
		ret = add_line(path, line, text, mpidrs, have, err);
		have += !ret;
	}
	if (ret || have == n)
		return ret;
	s2_error_set(err, 1, "--mpidr %.80s: got %u MPIDRs, expected %u, one a vcpu", path, have, n);
	return -EINVAL;
}

static int read_file(const char *path, struct s2_mpidr *mpidrs, unsigned n, struct s2_error *err)
{
	FILE *in = fopen(path, "r");
	int ret;

	if (!in) {
		ret = -errno;
		s2_error_set(err, 1,
			     "--mpidr: got \"%.80s\" (%s), expected kvm, flat, cluster:N or a file",
			     path, strerror(-ret));
		return ret;
	}
	ret = read_lines(in, path, mpidrs, n, err);
	(void)fclose(in);
	return ret;
}

/* @return N of "cluster:N", 256 of "flat", 16 of "kvm", 0 for a file, or -1 for an N that cannot be */
static int cluster_size(const char *spec)
{
	unsigned long size;
	char *end;

	if (!strcmp(spec, "kvm"))
		return S2_SGI_LIST_BITS;
	if (!strcmp(spec, "flat"))
		return 256;
	if (strncmp(spec, "cluster:", 8) != 0)
		return 0;
	size = strtoul(spec + 8, &end, 10);
	return spec[8] >= '1' && spec[8] <= '9' && !*end && size <= 256 ? (int)size : -1;
}

static int fill(const char *spec, struct s2_mpidr *mpidrs, unsigned n, struct s2_error *err)
{
	const int size = cluster_size(spec);

	if (size < 0) {
		s2_error_set(err, 1, "--mpidr: got \"%.80s\", expected cluster:1 to cluster:256",
			     spec);
		return -EINVAL;
	}
	if (!size)
		return read_file(spec, mpidrs, n, err);
	for (unsigned i = 0; i < n; i++)
		mpidrs[i] = by_cluster(i, (unsigned)size);
	return 0;
}

int s2_sgi_layout(const char *spec, unsigned n, struct s2_mpidr **out, struct s2_error *err)
{
	struct s2_mpidr *mpidrs = calloc(n + 1, sizeof(*mpidrs));
	int ret;

	if (!mpidrs) {
		s2_error_set(err, 1, "out of memory");
		return -ENOMEM;
	}
	ret = fill(spec, mpidrs, n, err);
	if (ret) {
		free(mpidrs);
		return ret;
	}
	*out = mpidrs;
	return 0;
}

const char *s2_sgi_unreachable_text(const struct s2_mpidr *mpidrs, unsigned n, char *buf,
				    size_t size)
{
	size_t used = 0;

	if (size)
		buf[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		const unsigned first = i;

		if (!s2_sgi_unreachable(mpidrs[i]))
			continue;
		while (i + 1 < n && s2_sgi_unreachable(mpidrs[i + 1]))
			i++;
		if (used >= size)
			break;
		used += (size_t)snprintf(buf + used, size - used, i > first ? "%s%u-%u" : "%s%u",
					 used ? ", " : "", first, i);
	}
	return buf;
}
