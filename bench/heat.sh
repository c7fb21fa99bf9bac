#!/bin/sh
# heat - points to a matrix: from frames, from a pipe of 100 million, from lines and CSV beside awk
#
# usage: make bench T=heat	HEAT_N=20000000 points in frames, HEAT_PIPE_N=100000000 through a pipe, HEAT_LINES=2000000
#
# CPU time, the shortest of three runs. The floor reads the columns and counts their upper bits in a fixed array.
# shellcheck disable=SC2016
: "${B:=$PWD/build}" "${HEAT_N:=20000000}" "${HEAT_PIPE_N:=100000000}" "${HEAT_LINES:=2000000}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/heat
heat=$B/bench/heat
mkdir -p "$d" || exit 2
bad=0

# best FILE COMMAND...: the CPU seconds and megabytes of the run with the fewest seconds, FILE as standard input.
best () {
	in=$1
	shift
	for _ in 1 2 3; do
		"$heat" run "$@" <"$in" 2>&1 >"$d/out" | tail -n 1
	done | sort -n | head -n 1
}

# row NAME POINTS "SECONDS MB" "SECONDS MB of what it is compared with"
row () {
	awk -v name="$1" -v n="$2" -v it="$3" -v other="${4-}" 'BEGIN {
		split(it, a, " "); split(other, b, " ")
		if (a[1] <= 0) { print name, "failed"; exit 1 }
		printf "%-40s %8.3f s %7.1f M points/s %7.1f MB", name, a[1], n / a[1] / 1e6, a[2]
		if (b[1] > 0) printf "   times as fast %.2f", b[1] / a[1]
		printf "\n" }' || bad=1
}

"$heat" make "$HEAT_N" >"$d/raw.leat" && "$heat" make "$HEAT_N" 3 >"$d/level3.leat" || exit 2
for f in raw level3; do
	echo "frames, $f: $HEAT_N points"
	floor=$(best "$d/$f.leat" "$heat" count)
	row 'floor: bench/heat.c count' "$HEAT_N" "$floor"
	row 'leat heat -x t -y addr' "$HEAT_N" "$(best "$d/$f.leat" leat heat -x t -y addr)" "$floor"
	row 'leat heat --compact' "$HEAT_N" "$(best "$d/$f.leat" leat heat -x t -y addr --compact)" "$floor"
	row 'leat heat --y-range' "$HEAT_N" \
		"$(best "$d/$f.leat" leat heat -x t -y addr --y-range 0x555555559000,0x55555a000000)" "$floor"
	row 'leat heat --log y -w size' "$HEAT_N" \
		"$(best "$d/$f.leat" leat heat -x t -y size --log y -w size)" "$floor"
done
rm -f "$d/raw.leat" "$d/level3.leat"

echo "through a pipe: $HEAT_PIPE_N points"
"$heat" make "$HEAT_PIPE_N" | "$heat" run leat heat -x t -y addr --compact 2>"$d/err" >"$d/out"
row 'leat heat --compact' "$HEAT_PIPE_N" "$(tail -n 1 "$d/err")"

echo "text: $HEAT_LINES points"
"$heat" make "$HEAT_LINES" | leat cat -t >"$d/lines"
awk -F '[\t=]' 'BEGIN { print "t,size" } /^sample/ { print $3 "," $9 }' "$d/lines" >"$d/csv"
# (it is told the bins)
awk=$(command -v mawk || command -v awk)
peer=$(best "$d/lines" "$awk" -F '[\t=]' '/^sample/ { n[int($3 / 1048576) "," int($9 / 8)]++ } END { for (k in n) print k, n[k] }')
row "$(basename "$awk"), lines" "$HEAT_LINES" "$peer"
row 'leat heat -x t -y size, lines' "$HEAT_LINES" "$(best "$d/lines" leat heat -x t -y size)" "$peer"
peer=$(best "$d/csv" "$awk" -F , 'NR > 1 { n[int($1 / 1048576) "," int($2 / 8)]++ } END { for (k in n) print k, n[k] }')
row "$(basename "$awk"), CSV" "$HEAT_LINES" "$peer"
row 'leat heat -x t -y size, CSV' "$HEAT_LINES" "$(best "$d/csv" leat heat -x t -y size)" "$peer"
[ "$bad" -eq 0 ]
