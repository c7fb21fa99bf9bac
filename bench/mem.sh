#!/bin/sh
# mem - page faults as accesses to memory: what each costs the program and the recorder, beside perf record
#
# usage: make bench T=mem	FAULTS=200000, MEM_RUNS=5 of which the median counts
# The program touches FAULTS pages, and says what user and system time it took for one. The recorder's CPU is that of all
# but the program.
: "${B:=$PWD/build}" "${FAULTS:=200000}" "${MEM_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/mem
mkdir -p "$d" && cd "$d" || exit 2
cat >fault.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int
main(int argc, char **argv)
{
	size_t n = argc > 1 ? (size_t)atol(argv[1]) : 1000;
	volatile char *p = mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double from, all;

	madvise((void *)p, n * 4096, MADV_NOHUGEPAGE);
	/* pages that the machine had to find are not part of it */
	for (int round = 0; round < 2; round++) {
		from = cpu_ns();
		for (size_t i = 0; i < n; i++)
			p[i * 4096 + i % 4096] = 1;
		all = cpu_ns() - from;
		madvise((void *)p, n * 4096, MADV_DONTNEED);
	}
	fprintf(stderr, "%.0f %.0f\n", all / (double)n, cpu_ns());
	return 0;
}
C
${CC:-cc} -O2 -o fault fault.c || exit 2

# run NAME COMMAND...: ns of the program for a fault, ns of the recorder for a fault, bytes for a sample
run () {
	name=$1
	shift
	runs=$MEM_RUNS
	: >times.txt
	while [ "$runs" -gt 0 ]; do
		: >out
		perl -e 'system(@ARGV) == 0 or exit 1; my @t = times; printf "%d\n", ($t[2] + $t[3]) * 1e9' "$@" ./fault "$FAULTS" >all 2>said ||
			{ printf '%-40s cannot run here: %s\n' "$name" "$(head -n 1 said)"; return; }
		echo "$(grep -m 1 '^[0-9]* [0-9]*$' said) $(cat all) $(wc -c <out)" >>times.txt
		runs=$((runs - 1))
	done
	sort -n times.txt | awk -v name="$name" -v n="$FAULTS" -v base="${native:-0}" '
		{ per[NR] = $1; rest[NR] = $3 - $2; bytes = $4 }
		END {
			m = int((NR + 1) / 2)
			least = rest[1]
			for (i = 2; i <= NR; i++) if (rest[i] < least) least = rest[i]
			printf "%-40s %6d ns/fault", name, per[m]
			if (base) printf "  (+%d)  recorder %5d ns  %6.2f bytes", per[m] - base, least / (2 * n), bytes / (2 * n)
			printf "\n"
		}'
	[ "$name" != native ] || native=$(sort -n times.txt | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
}

native=
run native env
run 'leat record --mem both' leat record -q --mem both -o out --
run 'perf record -e exceptions:page_fault_user' perf record -q -c 1 -e exceptions:page_fault_user -o out --
run 'leat record --mem-read page-faults:u' leat record -q -c 1 --mem-read page-faults:u -o out --
run 'perf record -d -e page-faults:u' perf record -q -c 1 -d -e page-faults:u -o out --
run 'leat record --mem both -g' leat record -q -g --mem both -o out --
run 'perf record -g -e exceptions:page_fault_user' perf record -q -g -c 1 -e exceptions:page_fault_user -o out --
