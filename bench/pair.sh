#!/bin/sh
# pair - starts and ends to spans, beside an awk script that does the same
#
# usage: make bench T=pair	EVENTS=2000000, PAIR_RUNS=5 of which the fastest counts; user and system time of one CPU
: "${B:=$PWD/build}" "${EVENTS:=2000000}" "${PAIR_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/pair
mkdir -p "$d" || exit 2
awk=$(command -v mawk || command -v awk)

# Calls of 64 threads, the fields of raw_syscalls; and the same with nothing but what is needed.
calls='BEGIN {
	print "#leat 1"
	for (i = 0; i < n; i++) {
		x = (x * 69069 + 1) % 4294967296
		k = int(x / 65536) % 64
		t += 100 + k
		out = (open[k] = !open[k]) ? "enter" : "exit"
		printf "event\tt=%d", t
		if (rich)
			printf "\tcpu=%d\tpid=%d\ttid=%d\tcomm=app%d\tname=sys:%s\tid=%d\t%s\n", k % 2, k, k, k, out, k,
			    out == "enter" ? "args=0;1;2;" i % 100 ";" : "ret=0"
		else
			printf "\ttid=%d\tname=sys:%s\n", k, out
	}
}'
for kind in lean rich; do
	if [ ! -s "$d/$kind.$EVENTS.leat" ]; then
		rich=0
		[ $kind = lean ] || rich=1
		$awk -v n="$EVENTS" -v rich=$rich "$calls" >"$d/$kind.$EVENTS.txt"
		leat cat -f -z 0 -o "$d/$kind.$EVENTS.leat" "$d/$kind.$EVENTS.txt" || exit 2
	fi
done

# best COMMAND: the least CPU time of some runs, in milliseconds
best () {
	least=
	runs=$PAIR_RUNS
	while [ "$runs" -gt 0 ]; do
		ms=$(perl -e 'system(@ARGV) == 0 or exit 1; my @t = times; printf "%d", ($t[2] + $t[3]) * 1000' sh -c "$1") || return 1
		[ -n "$least" ] && [ "$ms" -ge "$least" ] || least=$ms
		runs=$((runs - 1))
	done
	echo "$least"
}

row () {
	awk -v name="$1" -v ms="$2" -v n="$EVENTS" -v peer="${3-}" 'BEGIN {
		printf "%-44s %8d ms %8.2f M events/s", name, ms, n / ms / 1000
		if (peer) printf "   %.1f times awk", peer / ms
		printf "\n" }'
}

# Start and end by name, key tid; the span with the fields of its start, and the time.
cat >"$d/pair.awk" <<'AEOF'
BEGIN { FS = OFS = "\t" }
{
	t = name = tid = ""
	for (i = 2; i <= NF; i++) {
		if ($i ~ /^t=/) t = substr($i, 3)
		else if ($i ~ /^name=/) name = substr($i, 6)
		else if ($i ~ /^tid=/) tid = substr($i, 5)
	}
}
name == "sys:enter" { start[tid] = t; all[tid] = $0; next }
name == "sys:exit" && tid in start { print "span", t - start[tid], all[tid], $0; delete start[tid] }
AEOF

leat="leat pair -s sys:enter -e sys:exit -k tid"
for kind in lean rich; do
	in=$d/$kind.$EVENTS
	echo "$kind events: $(sed -n 2p "$in.txt" | tr '\t' ' ')"
	peer=$(best "$awk -f '$d/pair.awk' '$in.txt' >/dev/null") || exit 1
	row "${awk##*/}, lines" "$peer"
	row 'leat pair, lines' "$(best "$leat '$in.txt' >/dev/null")" "$peer"
	row 'leat pair, frames' "$(best "$leat '$in.leat' >/dev/null")" "$peer"
done
spans=$(leat pair -s sys:enter -e sys:exit -k tid "$d/lean.$EVENTS.txt" | grep -c '^span')
[ "$spans" -eq "$($awk -f "$d/pair.awk" "$d/lean.$EVENTS.txt" | wc -l)" ] && echo "the same number of spans: $spans"
