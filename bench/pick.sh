#!/bin/sh
# shellcheck disable=SC2016
# pick - records by a comparison: leat pick from frames to frames, beside mawk doing the same to the lines
#
# usage: make bench T=pick	PICK_RECORDS=2000000 records, PICK_RUNS=5 runs of which the shortest counts
#
# CPU time, user and system, of all processes of the pipeline. mawk is given the cheapest program for the question: the
# position of the field is known to it, and nothing is taken apart but what is asked for. Frames are read from a file as
# the writer left them: raw (what comes out of a pipe), and packed by zstd -3 (what stands in files).
: "${B:=$PWD/build}" "${PICK_RECORDS:=2000000}" "${PICK_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/pick
mkdir -p "$d" || exit 2
lines=$d/$PICK_RECORDS

[ -s "$lines.raw" ] || {
	awk -v n="$PICK_RECORDS" 'BEGIN {
		print "#leat 1"
		print "start\ttool=bench\tversion=1\targv=bench;"
		x = 1
		for (i = 0; i < n; i++) {
			x = (x * 69069 + 12345) % 4294967296
			t += 1000 + x % 500
			pid = 1000 + int(x / 65536) % 50
			printf "event\tt=%d\tcpu=%d\tpid=%d\ttid=%d\tcomm=app%d\tname=%s\tsize=%d\tlatency_ns=%d\tstack=main;run;f%d;\n",
				t, x % 4, pid, pid, int(x / 1024) % 20, int(x / 4096) % 3 ? "sched:sched_switch" : "syscalls:sys_enter_read",
				int(x / 16) % 100000, int(x / 7) % 10000000, int(x / 512) % 300
		}
		printf "end\ttool=bench\tmade=%d\tlost=0\n", n
	}' >"$lines.txt" && leat cat -f -o "$lines.leat" "$lines.txt" && leat cat -f -z 0 -o "$lines.raw" "$lines.txt"
} || exit 2

# best COMMAND: the least CPU time of some runs, in milliseconds. (bash: its time counts finer than that of sh.)
best () {
	runs=$PICK_RUNS least=
	while [ "$runs" -gt 0 ]; do
		runs=$((runs - 1))
		ms=$(bash -c 'TIMEFORMAT="%U %S"; time sh -c "$0" >/dev/null 2>&1' "$1" 2>&1 | awk '{ printf "%d", ($1 + $2) * 1000 + .5 }')
		[ -n "$least" ] && [ "$ms" -ge "$least" ] || least=$ms
	done
	echo "$least"
}

peer=$(command -v mawk || command -v awk)
echo "$PICK_RECORDS records; peer: $peer on $(($(wc -c <"$lines.txt") / 1000000)) MB of lines"
printf '%-52s %9s %9s %9s %14s %6s\n' 'EXPR (records kept)' 'mawk ms' 'raw ms' 'zstd ms' 'raw records/s' 'ratio'

# row EXPR AWK: AWK is a condition over fields separated by TABs.
row () {
	kept=$(leat pick "$1" "$lines.raw" | leat audit | sed -n 's/^# records=//p')
	same=$("$peer" -F'\t' "$2" "$lines.txt" | wc -l)
	[ "$kept" -eq "$same" ] || { echo "$1: $kept records, and the peer keeps $same"; exit 1; }
	a=$(best "$peer -F'\\t' '$2' $lines.txt | cat")
	r=$(best "leat pick '$1' $lines.raw | cat")
	z=$(best "leat pick '$1' $lines.leat | cat")
	awk -v e="$1" -v n="$PICK_RECORDS" -v k="$kept" -v a="$a" -v r="$r" -v z="$z" 'BEGIN {
		printf "%-52s %9d %9d %9d %14.0f %5.1fx (zstd %.1fx)\n", e " (" k ")", a, r, z, n / r * 1000, a / r, a / z }'
}

row 'latency_ns > 9.9ms' 'substr($9, 12) + 0 > 9900000'
row 'latency_ns > 5ms' 'substr($9, 12) + 0 > 5000000'
row 'comm == "app3"' '$6 == "comm=app3"'
row 'name =~ "sys_enter" && cpu == 2' '$7 ~ /sys_enter/ && $3 == "cpu=2"'
row 'stack has "f7"' '$10 ~ /[=;]f7;/'
row 'size + latency_ns < 100us' '/^event/ && substr($8, 6) + substr($9, 12) < 100000'
row 'cpu in [1, 2, 3] && pid % 2 == 0 && latency_ns < 1ms' '/^event/ && substr($3, 5) + 0 >= 1 && substr($4, 5) % 2 == 0 && substr($9, 12) + 0 < 1000000'
