/* SPDX-License-Identifier: MIT */
#include "study/option/machine_help.h"

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
