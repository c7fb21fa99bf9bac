#!/bin/sh
# touch - what it costs to know which pages were written since the last look: per page for the program, per GiB for the recorder
#
# usage: make bench T=touch	TOUCH_RUNS=3 of which the median counts; TOUCH_MIB=256
# The peer is what a program can do by itself: mprotect(2) and a handler of SIGSEGV.
: "${B:=$PWD/build}" "${TOUCH_RUNS:=3}" "${TOUCH_MIB:=256}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/touch
mkdir -p "$d" && cd "$d" || exit 2
cat >pages.c <<'C'
/* pages MIB ROUNDS MS [guard]: writes each page once a round, and sleeps between them; CPU time of a write in nanoseconds */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static char *at;
static size_t n;

static double
cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)4095), 4096, PROT_READ | PROT_WRITE);
}

int
main(int argc, char **argv)
{
	int rounds = atoi(argv[2]);
	double spent = 0;

	n = (size_t)atoi(argv[1]) << 20;
	at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(at, n, MADV_NOHUGEPAGE);
	memset(at, 1, n);
	if (argc > 4)
		sigaction(SIGSEGV, &(struct sigaction){ .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, NULL);
	usleep((useconds_t)atoi(argv[3]) * 1000);
	for (int r = 0; r < rounds; r++) {
		double begin;

		if (argc > 4)
			mprotect(at, n, PROT_READ);
		begin = cpu();
		for (size_t i = 0; i < n; i += 4096)
			at[i]++;
		spent += cpu() - begin;
		usleep((useconds_t)atoi(argv[3]) * 1000);
	}
	fprintf(stderr, "%.0f\n", spent / rounds / (double)(n / 4096));
	return 0;
}
C
${CC:-cc} -O1 -o pages pages.c || exit 2

median () {
	for _ in $(seq "$TOUCH_RUNS"); do
		"$@" 2>&1 >/dev/null | tail -n 1
	done | sort -n | sed -n "$(((TOUCH_RUNS + 1) / 2))p"
}

printf 'what\tns_a_page\n'
printf 'native\t%s\n' "$(median ./pages "$TOUCH_MIB" 5 150)"
ours=$(median leat interpose -q --touch 100 -o ours.leat -- ./pages "$TOUCH_MIB" 5 150)
printf 'leat interpose --touch 100\t%s\n' "$ours"
small=$((TOUCH_MIB / 8))
guard=$(median ./pages "$small" 5 1 guard)
awk -v o="$ours" -v p="$guard" 'BEGIN { printf "mprotect and SIGSEGV\t%s\t%.2f of ours\n", p, p / o }'
leat cat -t ours.leat | awk -F '\t' -v mib="$TOUCH_MIB" '
	$1 == "stat" { split($3, name, "="); split($4, value, "="); v[name[2]] = value[2] }
	END { printf "recorder: %d looks, %d pages, %.1f ms CPU a look and GiB\n", v["touch_looks"], v["touch_pages"],
		v["touch_cpu_ns"] / 1e6 / v["touch_looks"] / (mib / 1024) }'
leat interpose -q --touch 100 -o idle.leat -- ./pages "$TOUCH_MIB" 0 2000 2>/dev/null
leat cat -t idle.leat | awk -F '\t' -v mib="$TOUCH_MIB" '
	$1 == "stat" { split($3, name, "="); split($4, value, "="); v[name[2]] = value[2] }
	END { printf "recorder, nothing written: %d looks, %.1f ms CPU a look and GiB\n", v["touch_looks"],
		v["touch_cpu_ns"] / 1e6 / v["touch_looks"] / (mib / 1024) }'
