#!/bin/sh
# hist - text to percentiles, and a field of frames: ours beside datamash, awk and the floor (bench/hist.c)
#
# usage: make bench T=hist	HIST_N=10000000 numbers, HIST_RUNS=5 runs of which the median counts
# Times are of the processor, user and system together.
: "${B:=$PWD/build}" "${HIST_N:=10000000}" "${HIST_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data
mkdir -p "$d" || exit 2
[ -s "$d/ints.$HIST_N" ] || "$B/bench/hist" numbers "$HIST_N" >"$d/ints.$HIST_N" || exit 2
[ -s "$d/spans.$HIST_N" ] || "$B/bench/hist" trace "$HIST_N" >"$d/spans.$HIST_N" || exit 2
[ -s "$d/reals.$HIST_N" ] || awk '{ print $1 / 100 }' "$d/ints.$HIST_N" | head -n $((HIST_N / 10)) >"$d/reals.$HIST_N"

# cpu RUNS INPUT COMMAND...: the median of the processor's nanoseconds
cpu () {
	runs=$1 input=$2
	shift 2
	i=0
	while [ $i -lt "$runs" ]; do
		i=$((i + 1))
		"$B/bench/hist" cpu "$input" "$@" || return 1
	done | sort -n | sed -n "$(((runs + 1) / 2))p"
}

# row NAME N NANOSECONDS [NANOSECONDS-OF-OURS-FOR-AS-MANY]
row () {
	awk -v name="$1" -v n="$2" -v ns="$3" -v ours="${4-}" 'BEGIN {
		printf "%-44s %8.2f M/s", name, n / ns * 1000
		if (ours != "")
			printf "   ours is %.2f times as fast", ns / ours
		print ""
	}'
}

ours=$(cpu "$HIST_RUNS" "$d/ints.$HIST_N" leat hist --summary)
echo "ints, text: $HIST_N"
row 'leat hist' "$HIST_N" "$ours"
row 'the floor (no checks, no sums)' "$HIST_N" "$(cpu "$HIST_RUNS" "$d/ints.$HIST_N" "$B/bench/hist" floor)" "$ours"
if command -v mawk >/dev/null; then
	row 'mawk, log2 bins' "$HIST_N" "$(cpu 1 "$d/ints.$HIST_N" mawk '{ c[int(log($1 + 1) / log(2))]++ }')" "$ours"
fi
if command -v datamash >/dev/null; then
	row 'datamash count mean min max' "$HIST_N" "$(cpu 1 "$d/ints.$HIST_N" datamash count 1 mean 1 min 1 max 1)" "$ours"
	tenth=$((HIST_N / 10))
	head -n $tenth "$d/ints.$HIST_N" >"$d/ints.tenth"
	row 'datamash median perc (a tenth of them)' $tenth "$(cpu 1 "$d/ints.tenth" datamash median 1 perc:90 1 perc:99 1 perc:99.9 1)" \
		"$((ours / 10))"
else
	echo 'skip: no datamash'
fi
echo "decimals with a fraction, text: $((HIST_N / 10))"
ours=$(cpu "$HIST_RUNS" "$d/reals.$HIST_N" leat hist --summary)
row 'leat hist' $((HIST_N / 10)) "$ours"
if command -v datamash >/dev/null; then
	row 'datamash count mean min max' $((HIST_N / 10)) "$(cpu 1 "$d/reals.$HIST_N" datamash count 1 mean 1 min 1 max 1)" "$ours"
fi
echo "a field of frames: $HIST_N spans of four fields"
ours=$(cpu "$HIST_RUNS" "$d/spans.$HIST_N" leat hist --summary)
row 'leat hist' "$HIST_N" "$ours"
row 'leat hist -b cpu,comm' "$HIST_N" "$(cpu "$HIST_RUNS" "$d/spans.$HIST_N" leat hist --summary -b cpu,comm)"
row 'leat hist -w cpu' "$HIST_N" "$(cpu "$HIST_RUNS" "$d/spans.$HIST_N" leat hist --summary -w cpu)"
