#!/bin/sh
# shellcheck disable=SC2016
# window - what lies between two triggers: leat window from frames to frames, beside mawk doing the same to the lines
#
# usage: make bench T=window	WINDOW_RECORDS=2000000 records, WINDOW_RUNS=5 runs of which the shortest counts
#
# CPU time, user and system, of all processes of the pipeline. mawk is given the cheapest program for the question: the
# position of each field is known to it, and it keeps whole lines. Frames are raw, as they come out of a pipe.
: "${B:=$PWD/build}" "${WINDOW_RECORDS:=2000000}" "${WINDOW_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/window
mkdir -p "$d" || exit 2
lines=$d/$WINDOW_RECORDS

[ -s "$lines.raw" ] || {
	awk -v n="$WINDOW_RECORDS" 'BEGIN {
		print "#leat 1"
		print "start\ttool=bench\tversion=1\targv=bench;"
		x = 1
		for (i = 0; i < n; i++) {
			x = (x * 69069 + 12345) % 4294967296
			t += 1000 + x % 500
			tid = 1000 + int(x / 65536) % 50
			code = int(x / 4096) % 1000
			printf "event\tt=%d\tcpu=%d\tpid=%d\ttid=%d\tcomm=app%d\tname=%s\tsize=%d\tlatency_ns=%d\tstack=main;run;f%d;\n",
				t, x % 4, tid, tid, int(x / 1024) % 20, code == 1 ? "request_begin" : code == 2 ? "request_end" : "other",
				int(x / 16) % 100000, int(x / 7) % 10000000, int(x / 512) % 300
		}
		printf "end\ttool=bench\tmade=%d\tlost=0\n", n
	}' >"$lines.txt" && leat cat -f -z 0 -o "$lines.raw" "$lines.txt"
} || exit 2

# best COMMAND: the least CPU time of some runs, in milliseconds. (bash: its time counts finer than that of sh.)
best () {
	runs=$WINDOW_RUNS least=
	while [ "$runs" -gt 0 ]; do
		runs=$((runs - 1))
		ms=$(bash -c 'TIMEFORMAT="%U %S"; time sh -c "$0" >/dev/null 2>&1' "$1" 2>&1 | awk '{ printf "%d", ($1 + $2) * 1000 + .5 }')
		[ -n "$least" ] && [ "$ms" -ge "$least" ] || least=$ms
	done
	echo "$least"
}

peer=$(command -v mawk || command -v awk)
echo "$WINDOW_RECORDS records; peer: $peer on $(($(wc -c <"$lines.txt") / 1000000)) MB of lines"
printf '%-64s %8s %8s %12s %6s\n' 'options (records kept)' 'mawk ms' 'raw ms' 'records/s' 'ratio'

# row OPTIONS AWK: AWK prints the same records, from fields separated by TABs.
row () {
	kept=$(sh -c "leat window $1 $lines.raw" 2>/dev/null | leat audit | sed -n 's/^# records=//p')
	same=$("$peer" -F'\t' "$2" "$lines.txt" | wc -l)
	[ "$kept" -eq "$same" ] || { echo "$1: $kept records, and the peer keeps $same"; exit 1; }
	a=$(best "$peer -F'\\t' '$2' $lines.txt | cat")
	r=$(best "leat window $1 $lines.raw | cat")
	awk -v e="$1" -v n="$WINDOW_RECORDS" -v k="$kept" -v a="$a" -v r="$r" 'BEGIN {
		printf "%-64s %8d %8d %12.0f %5.1fx\n", e " (" k ")", a, r, n / r * 1000, a / r }'
}

row '-s request_begin -e request_end' '!on && $7 == "name=request_begin" { on = 1; print; next }
	on && /^event/ { print } on && $7 == "name=request_end" { on = 0 }'
row '-s request_begin -e request_end --per tid' '!($5 in on) && $7 == "name=request_begin" { on[$5] = 1; print; next }
	$5 in on { print } $7 == "name=request_end" { delete on[$5] }'
row '-s t=1000000000 -e t=1100000000' 'NR > 2 { t = substr($2, 3) + 0; if (t >= 1000000000 && t <= 1100000000) print }'
# The ring: lines and their times, from the oldest that may still be wanted.
ring='/^event/ { t = substr($2, 3) + 0; while (from < to && at[from] < t - 100000) { delete at[from]; delete line[from]; from++ }'
row "-s 'latency_ns > 9999000' -B 100us" "$ring"'
	if (substr($9, 12) + 0 > 9999000) { for (; from < to; from++) { print line[from]; delete line[from]; delete at[from] } print }
	else { at[to] = t; line[to++] = $0 } }'
row "-s 'latency_ns > 9990000' -B 100us --per tid" "/^event/ { t = substr(\$2, 3) + 0 }"'
	/^event/ { k = $5; while (from[k] < to[k] && at[k, from[k]] < t - 100000) { delete at[k, from[k]]; delete line[k, from[k]]; from[k]++ }
	if (substr($9, 12) + 0 > 9990000) { for (; from[k] < to[k]; from[k]++) { print line[k, from[k]]; delete line[k, from[k]]; delete at[k, from[k]] } print }
	else { at[k, to[k] + 0] = t; line[k, to[k]++] = $0 } }'
