# SPDX-License-Identifier: MIT
# Sums each column of operations in s2-replay's CSV files and prints one file a
# column, one operation a row; operations that nobody issued are left out.

FNR == 1 {
	file++
	for (i = 1; i <= NF; i++) {
		name[i] = $i
		if ($i == "tlbi_vmalls12e1is")
			first = i
	}
	columns = NF
	next
}

{
	# Phase names are quoted and may hold commas; operations are counted from the end.
	for (i = first; i <= columns; i++)
		sum[file, i] += $(NF - columns + i)
}

END {
	n = split(headings, heading, "|") - 1
	printf "%-20s", "operation"
	for (f = 1; f <= n; f++)
		printf " %18s", heading[f]
	printf "\n"
	for (i = first; i <= columns; i++) {
		any = 0
		for (f = 1; f <= n; f++)
			any += sum[f, i]
		if (!any)
			continue
		printf "%-20s", name[i]
		for (f = 1; f <= n; f++)
			printf " %18d", sum[f, i]
		printf "\n"
	}
}
