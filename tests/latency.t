#!/bin/sh
# latency: from the wake-ups of this machine to a picture, by pipelines/latency.mk
. tests/lib.sh

cp "$TOP/pipelines/latency.mk" .
unset MAKEFLAGS MAKELEVEL MFLAGS OUT SECONDS COMMAND LEAT GNUPLOT BY PICTURE RECORD_FLAGS
# shellcheck disable=SC2016
run='make -s -f latency.mk OUT=out COMMAND="./naps 23"'

holds 'help' 'make -s -f latency.mk help'
try 'help says what there is' 0 'make -s -f latency.mk help | grep -c "^  \(events.leat\|spans.leat\|latency.tsv\|percentiles.tsv\|cdf.svg\) "' <<'EOF'
5
EOF
printf 'own:\n\t@echo own\n' >after
# shellcheck disable=SC2016
printf 'include latency.mk\nown:\n\t@echo own $(words $(LATENCY_FILES))\n' >before
try 'who includes it keeps his own goal' 0 'make -s -f before' <<'EOF'
own 5
EOF
printf 'first:\n\t@echo first\ninclude latency.mk\n' >behind
try 'wherever it stands' 0 'make -s -f behind' <<'EOF'
first
EOF

# A program that sleeps N times on a CPU that somebody else keeps busy, and leaves at once.
cat >naps.c <<'C'
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
static long
sleeps(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_nvcsw;
}
int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	cpu_set_t one;
	pid_t child;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof one, &one);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_NAME, "busy");
		sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 });
		for (;;)
			;
	}
	/* Where it may, it comes before whoever else is busy. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 });
	/* Where the timer was faster than the switch, there was no sleep. */
	for (int i = 0; i < n;) {
		long before = sleeps();

		nanosleep(&(struct timespec){ 0, 3000000 }, 0);
		i += sleeps() > before;
	}
	kill(child, SIGKILL);
	return 0;
}
C
${CC:-cc} -O1 -o naps naps.c || exit 1

leat record -q -a -e sched:sched_waking -o probe -- true 2>err || skip_all "$(tail -n 1 err)"
holds 'a recording and its spans' "$run out/spans.leat"
holds 'the books balance' 'leat audit out/spans.leat'
# Each sleep ends with a waking, and each waking with a switch. Reading the program's file may have been a sleep, too.
waits="leat cat -t out/spans.leat | grep '^span.*	name=sched:sched_waking	.*	arg_comm=naps	.*	next_comm=naps	'"
holds 'a wait for each sleep' "$waits | wc -l | awk '{ print; exit !(\$1 >= 23 && \$1 <= 26) }'"
try 'no wait of what was not woken' 0 "leat cat -t out/spans.leat | grep -c '^span.*name=sched:sched_switch	'; [ \$? -eq 1 ]" <<'EOF'
0
EOF
holds 'as long as switches take, and not as sleeps do' "$waits | sed 's/.*	dur_ns=//' | sort -n |
	sed -n 12p | awk '{ print; n += \$1 < 1000000 } END { exit !n }'"
holds 'what is made is not made again' "$run -q out/spans.leat"
holds 'unless it was asked for otherwise' "! make -s -f latency.mk OUT=out COMMAND='./naps 5' -q out/spans.leat"
try 'a command that fails' 2 'make -s -f latency.mk OUT=bad COMMAND="sh -c \"exit 7\"" bad/events.leat' </dev/null
try 'leaves no recording' 1 'ls bad | grep leat' </dev/null
try 'a quote is no danger' 0 "make -s -f latency.mk OUT=quote COMMAND=\"sh -c 'echo \\\"a b\\\"'\" quote/spans.leat" <<'EOF'
a b
EOF

if [ -x "$B/libexec/leat/hist" ]; then
	holds 'histogram and percentiles' "$run out/latency.tsv out/percentiles.tsv"
	spans=$(leat cat -t out/spans.leat | grep -c '^span')
	try 'of all spans' 0 "awk -F '\t' '/^#/ { next } !n++ { for (i = 1; i <= NF; i++) if (\$i == \"count\") c = i; next } { s += \$c } END { print s }' out/latency.tsv" <<EOF
$spans
EOF
	holds 'by who waited' "$run BY=next_comm out/latency.tsv && grep -q '^naps	' out/latency.tsv"
	if [ -x "$B/libexec/leat/plotgen" ] && command -v gnuplot >/dev/null; then
		holds 'the picture' "$run && grep -q '<svg' out/cdf.svg"
		holds 'and all of it again is nothing' "$run -q out/cdf.svg out/latency.tsv out/percentiles.tsv"
	else
		skip 'the picture' 'plotgen or gnuplot is not here'
	fi
else
	skip 'histogram and picture' 'hist is not built'
fi
holds 'clean' "make -s -f latency.mk OUT=out clean && [ ! -e out ]"
finish
