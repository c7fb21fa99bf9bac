#!/bin/sh
# attach - what a pair of malloc() and free() costs a program that is attached to, beside perf record of the same three probes
#
# usage: make bench T=attach	ATTACH_RUNS=3 of which the median counts; ATTACH_PAIRS=200000	needs root
: "${B:=$PWD/build}" "${ATTACH_RUNS:=3}" "${ATTACH_PAIRS:=200000}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
[ "$(id -u)" -eq 0 ] || { echo 'uprobes need root'; exit 0; }
d=$B/bench/data/attach
mkdir -p "$d" && cd "$d" || exit 2
cat >loop.c <<'C'
/* loop N: waits for a byte, then N pairs; CPU time of one in nanoseconds */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static double
cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	double begin;
	char c;

	if (read(0, &c, 1) != 1)
		return 1;
	begin = cpu();
	for (int i = 0; i < n; i++) {
		void *p = malloc(100 + (size_t)i % 50);

		__asm__ volatile("" : "+r"(p) : : "memory");
		free(p);
	}
	printf("%.0f\n", (cpu() - begin) / n);
	return 0;
}
C
${CC:-cc} -O1 -fno-builtin -fno-omit-frame-pointer -o loop loop.c || exit 2
rm -f in && mkfifo in || exit 2

# one PAIRS [COMMAND...]: COMMAND -p PID while the loop runs
one () {
	pairs=$1
	shift
	exec 7<>in
	./loop "$pairs" <in 7<&- &
	loop=$!
	sleep 0.1
	if [ $# -gt 0 ]; then
		"$@" -p $loop >/dev/null 2>said 7<&- &
		peer=$!
		sleep 0.8
	fi
	printf 1 >&7
	wait $loop
	[ $# -gt 0 ] && wait "$peer"
	exec 7<&-
}

median () {
	for _ in $(seq "$ATTACH_RUNS"); do
		one "$@"
	done | sort -n | sed -n "$(((ATTACH_RUNS + 1) / 2))p"
}

row () {
	awk -v n="$1" -v t="$2" -v first="$3" 'BEGIN { printf "%s\t%d\t%s\n", n, t, first ? sprintf("%.2f", t / first) : "-" }'
}

printf 'what\tns_a_pair\tratio\n'
row native "$(median 20000000)" ''
ours0=$(median "$ATTACH_PAIRS" leat interpose -q -d 0 -o ours.leat)
ours16=$(median "$ATTACH_PAIRS" leat interpose -q -d 16 -o ours.leat)
row 'leat interpose -p -d 0' "$ours0" ''
row 'leat interpose -p -d 16' "$ours16" ''
libc=$(ldd ./loop | awk '$1 ~ /^libc\./ { print $3 }')
if command -v perf >/dev/null && perf probe -q -x "$libc" leat_m=malloc 2>/dev/null; then
	perf probe -q -x "$libc" leat_f=free && perf probe -q -x "$libc" 'leat_r=malloc%return'
	events=$(perf probe -l 2>/dev/null | awk '/leat_[mfr]/ { print $1 }' | paste -sd,)
	row 'perf record, ratio to -d 0' "$(median "$ATTACH_PAIRS" perf record -q -e "$events" -o perf.data)" "$ours0"
	row 'perf record -g, ratio to -d 16' "$(median "$ATTACH_PAIRS" perf record -q -g -e "$events" -o perf.data)" "$ours16"
	perf probe -q -d '*:leat_*'
else
	echo 'perf: not there'
fi
if command -v bpftrace >/dev/null; then
	printf 'uprobe:%s:malloc { @s[tid] = arg0 } uretprobe:%s:malloc { @a[retval] = ustack(16) } uprobe:%s:free { delete(@a[arg0]) }\n' \
		"$libc" "$libc" "$libc" >peer.bt
	row 'bpftrace, ratio to -d 16' "$(median "$ATTACH_PAIRS" bpftrace peer.bt)" "$ours16"
else
	echo 'bpftrace: not there'
fi
