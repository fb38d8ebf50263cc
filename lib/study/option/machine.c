/* SPDX-License-Identifier: MIT */
#include "study/option/machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "study/option/options.h"

int s2_machine_parse(const char *spec, struct s2_features *features, struct s2_error *err)
{
	size_t bad = 0;
	const int ret = s2_features_parse(spec, features, &bad);

	if (!ret)
		return 0;
	s2_error_set(err, S2_OPTIONS_VALUE, "--machine: got \"%.80s\", expected %s", spec + bad,
		     bad		? "a change that a CPU can have, such as -tlbirange or granule=16k"
		     : ret == -ENOENT ? "a machine that --machine help lists"
				      : "features that a CPU can have together");
	return ret;
}

int s2_machine_flavour(const char *spec, struct s2_flavour *flavour, struct s2_error *err)
{
	const int ret = s2_flavour_parse(spec, flavour, NULL);
	char names[160] = "oldest, newest";
	size_t at = strlen(names);

	if (!ret)
		return 0;
	for (size_t i = 0; s2_flavour_at(i) && at < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, ", %s",
				       s2_flavour_at(i)->name);
	s2_error_set(err, S2_OPTIONS_VALUE,
		     "--flavour: got \"%.60s\", expected one of %s, and changes of it", spec, names);
	return ret;
}

void s2_machine_help(FILE *out)
{
	const char *name;

	(void)fputs("Machines, with what each has, and on whose word:\n", out);
	for (size_t i = 0; (name = s2_features_preset_name(i)) != NULL; i++) {
		struct s2_features f;
		char text[256];

		if (s2_features_preset(name, &f))
			continue;
		(void)s2_features_text(&f, text, sizeof(text));
		(void)fprintf(out, "  %-13s %s\n  %-13s (%s)\n", name, text, "",
			      s2_features_preset_source(i));
	}
	(void)fputs("Changes follow a name, each after a comma: +NAME or -NAME of vhe fwb tlbirange ttl\n"
		    "lpa2 xnx dic idc haf vipt repeat_tlbi speculative_at; granule=4k|16k|64k, pa=BITS,\n"
		    "vmid=8|16, bbm=0|1|2, dline=BYTES, iline=BYTES.  neoverse-n1,-vhe,granule=16k\n",
		    out);
}
