# SPDX-License-Identifier: MIT
# A program's CSV as one small table: a policy a row, the columns named in
# `columns`; or, with `pivot`, a workload a row and a policy a column.

function show(value) { return value == "" ? "." : value ~ /\./ ? sprintf("%.1f", value) : value }

# Of "isolation=sound arch=unsound ...": which are broken.
function broken(verdicts,    part, n, i, text) {
	n = split(verdicts, part, " ")
	for (i = 1; i <= n; i++)
		if (part[i] ~ /=unsound$/)
			text = text " " substr(part[i], 1, index(part[i], "=") - 1)
	if (text != "")
		return substr(text, 2)
	return verdicts ~ /=sound/ ? "none" : "unchecked"
}

NR == 1 {
	for (i = 1; i <= NF; i++)
		at[$i] = i
	n = split(columns, column, " ")
	next
}

pivot {
	if (!($at["workload"] in seen_row))
		rows[++n_rows] = $at["workload"]
	if (!($at["policy"] in seen_col))
		cols[++n_cols] = $at["policy"]
	seen_row[$at["workload"]] = seen_col[$at["policy"]] = 1
	cell[$at["workload"], $at["policy"]] = $at[pivot]
	next
}

NR == 2 {
	printf "%-20s", "policy"
	for (i = 1; i <= n; i++)
		printf column[i] == "broken" ? "  %s" : " %16s", column[i]
	printf "\n"
}

{
	printf "%-20s", $at["policy"]
	for (i = 1; i <= n; i++)
		if (column[i] == "broken")
			printf "  %s", broken($at["verdicts"])
		else
			printf " %16s", column[i] in at ? show($at[column[i]]) : "."
	printf "\n"
}

END {
	if (!pivot)
		exit
	printf "%-12s", pivot
	for (c = 1; c <= n_cols; c++)
		printf " %13s", cols[c]
	printf "\n"
	for (r = 1; r <= n_rows; r++) {
		printf "%-12s", rows[r]
		for (c = 1; c <= n_cols; c++)
			printf " %13s", show(cell[rows[r], cols[c]])
		printf "\n"
	}
}
