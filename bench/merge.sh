#!/bin/sh
# merge - four sorted traces to one, beside sort -m on the same records, and cat
#
# usage: make bench T=merge	MERGE_RECORDS=2000000 in each of four files, MERGE_RUNS=5 runs of which the best counts
#
# CPU time (user and system), so that other work on the machine counts less. Output goes to a pipe: bytes that are copied from file
# to /dev/null are not even read.
: "${B:=$PWD/build}" "${MERGE_RECORDS:=2000000}" "${MERGE_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/merge
mkdir -p "$d" || exit 2
if [ "$(cat "$d/records" 2>/dev/null)" != "$MERGE_RECORDS" ]; then
	for k in 0 1 2 3; do
		"$B/bench/merge" lines $k "$MERGE_RECORDS" >"$d/lines.$k"
		"$B/bench/merge" plain $k "$MERGE_RECORDS" >"$d/plain.$k"
		leat cat -f -z 0 -o "$d/frames.$k" "$d/lines.$k"
		"$B/bench/merge" lines $k "$MERGE_RECORDS" apart >"$d/apart"
		leat cat -f -z 0 -o "$d/apart.$k" "$d/apart"
		rm "$d/apart"
	done
	echo "$MERGE_RECORDS" >"$d/records"
fi
total=$((4 * MERGE_RECORDS))
bad=0

# best COMMAND...: the least CPU time of some runs, in seconds
best () {
	least=
	runs=$MERGE_RUNS
	while [ "$runs" -gt 0 ]; do
		took=$({ /usr/bin/time -f '%U %S' "$@" | cat >/dev/null; } 2>&1 | awk 'NF == 2 { print $1 + $2 }')
		[ -n "$took" ] || return
		least=$(printf '%s\n%s\n' "$took" "$least" | grep . | sort -n | head -n 1)
		runs=$((runs - 1))
	done
	echo "$least"
}

# row NAME SECONDS [SECONDS-OF-OURS]
row () {
	awk -v name="$1" -v s="$2" -v n="$total" -v ours="${3-}" 'BEGIN {
		if (s == "") { print name ": failed"; exit }
		if (s + 0 == 0) s = 0.005
		printf "%-46s %7.3f s CPU %8.1f M records/s", name, s, n / s / 1e6
		if (ours != "") printf "   peer/ours %.2f", s / (ours + 0 == 0 ? 0.005 : ours)
		printf "\n" }'
	[ -n "$2" ] || bad=1
}

[ -x /usr/bin/time ] || { echo 'skip: no /usr/bin/time'; exit 0; }
echo "four files of $MERGE_RECORDS records, $(($(stat -c %s "$d/lines.0") / MERGE_RECORDS)) bytes a line"
cd "$d" || exit 2
ours=$(best leat merge lines.0 lines.1 lines.2 lines.3)
row 'leat merge, lines to lines' "$ours"
row 'sort -m -s -k1,1n, time first' "$(best sort -m -s -k1,1n plain.0 plain.1 plain.2 plain.3)" "$ours"
row 'leat merge, raw frames to frames' "$(best leat merge frames.0 frames.1 frames.2 frames.3)"
ours=$(best leat merge apart.3 apart.1 apart.2 apart.0)
row 'leat merge, raw frames without overlap' "$ours"
row 'leat cat of these' "$(best leat cat apart.0 apart.1 apart.2 apart.3)" "$ours"
row 'cat of these' "$(best cat apart.0 apart.1 apart.2 apart.3)" "$ours"
# What sort says is what we say.
leat merge lines.0 lines.1 lines.2 lines.3 | grep '^sample' | cut -f2 | cut -c3- | cksum >ours.sum
sort -m -s -k1,1n plain.0 plain.1 plain.2 plain.3 | cut -f1 | cksum | cmp -s - ours.sum || { echo 'output differs'; bad=1; }
[ "$bad" -eq 0 ]
