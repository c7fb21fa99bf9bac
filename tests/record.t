#!/bin/sh
# record: workloads that do a known prime number of known things, and what the trace says of them
. tests/lib.sh

cat >truth.c <<'C'
/* truth WHAT N: does WHAT N times */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *
nothing(void *p)
{
	return p;
}

static volatile char *
map(uintptr_t at, size_t bytes)
{
	void *p = mmap((void *)at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED || madvise(p, bytes, MADV_NOHUGEPAGE) < 0)
		exit(9);
	return p;
}

/* n frames deep, a page fault */
__attribute__((noinline)) static int
deep(int n, volatile char *p)
{
	int r = n > 0 ? deep(n - 1, p) : (*p = 1);

	__asm__ volatile("" : "+r"(r));
	return r + 1;
}

int
main(int argc, char **argv)
{
	static const char *const clocks[] = { "realtime", "monotonic", "monotonic_raw", "boottime" };
	static const clockid_t ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME };
	int n = argc > 2 ? atoi(argv[2]) : 0;
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "sleep"))
		for (int i = 0; i < n; i++)
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	if (!strcmp(what, "fault")) {
		volatile char *p = map(0x100000000000, (size_t)n * 4096);
		for (int i = 0; i < n; i++)
			p[i * 4096 + i % 4096] = 1;
	}
	if (!strcmp(what, "write")) {
		volatile long *p = (volatile long *)map(0x200000000000, 4096);
		for (int i = 0; i < n; i++)
			*p = i;
	}
	if (!strcmp(what, "read")) {
		volatile long *p = (volatile long *)map(0x200000000000, 4096);
		for (int i = 0; i < n; i++)
			(void)*p;
	}
	if (!strcmp(what, "fork"))
		for (int i = 0; i < n; i++) {
			if (fork() == 0)
				_exit(0);
			wait(NULL);
		}
	if (!strcmp(what, "thread"))
		for (int i = 0; i < n; i++) {
			pthread_t t;
			if (pthread_create(&t, NULL, nothing, NULL) == 0)
				pthread_join(t, NULL);
		}
	if (!strcmp(what, "spin")) {
		struct timespec t;
		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
		while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < n);
	}
	if (!strcmp(what, "deep")) {
		volatile char *p = map(0x100000000000, (size_t)n * 4096);
		for (int i = 0; i < n; i++)
			deep(5000, p + i * 4096);
	}
	for (int i = 0; i < 4; i++)
		if (!strcmp(what, clocks[i])) {
			struct timespec t;
			clock_gettime(ids[i], &t);
			printf("%lld\n", (long long)t.tv_sec * 1000000000 + t.tv_nsec);
		}
	return 0;
}
C
${CC:-cc} -O1 -g -fno-omit-frame-pointer -pthread -o truth truth.c || exit 1

# count TYPE PATTERN...: records of a trace in lines with this type that match all patterns
count () {
	file=$1 type=$2
	shift 2
	awk -F '\t' -v type="$type" '
	BEGIN { for (i = 1; i < ARGC - 1; i++) { want[i] = ARGV[i]; ARGV[i] = "" } n = ARGC - 2 }
	$1 == type { for (i = 1; i <= n; i++) if (("\t" $0 "\t") !~ want[i]) next; k++ }
	END { print k + 0 }' "$@" "$file"
}

# in_order FILE: no t is smaller than one before
in_order () {
	awk -F '\t' '
	!/^#/ { for (i = 2; i <= NF; i++) if ($i ~ /^t=/) { t = substr($i, 3) + 0; if (t < last) { print "line " NR; bad = 1 } last = t; n++ } }
	END { exit bad || n == 0 }' "$1"
}

# books FILE: the end says as many lost as the lost records, and as many made as there are records
books () {
	awk -F '\t' '
	function field(name,  i) { for (i = 2; i <= NF; i++) if (index($i, name "=") == 1) return substr($i, length(name) + 2) }
	/^#/ || $1 == "start" { next }
	$1 == "lost" { lost += field("n"); next }
	$1 == "end" { print "made", field("made") - made, "lost", field("lost") - lost; next }
	{ made++ }' "$1"
}

# statuses and usage need no rights
try 'nothing to record' 125 'leat record' </dev/null
said '^leat record: nothing to record: '
try 'an unknown event' 125 'leat record -e cylces -- true' </dev/null
said '^leat record: cylces: no such event; did you mean cycles'
try 'two ways to sample' 125 'leat record -F 99 -c 7 -- true' </dev/null
said 'exclude each other'
try 'two kinds of targets' 125 'leat record -a -p 1 -- true' </dev/null
said 'exclude each other'
try 'a call graph of no kind' 125 'leat record --call-graph magic -- true' </dev/null
said 'none of fp, dwarf'
try 'a clock of no kind' 125 'leat record -k wall -- true' </dev/null
said 'none of monotonic_raw'
try 'no list of CPUs' 125 'leat record -C 0- -- true' </dev/null
said 'no list of CPUs'
try 'a ring that is no power of two' 125 'leat record -m 3 -- true' </dev/null
said 'no power of two'
try 'control through what is no FIFO' 125 'leat record --control truth.c -- true' </dev/null
said 'not a FIFO'

leat record -q -o probe -- true 2>err || skip_all "$(cat err)"

try 'the status of the command' 3 'leat record -q -o x -- sh -c "exit 3"' </dev/null
silent
try 'a command that a signal ended' 143 'leat record -q -o x -- sh -c "kill -TERM \$\$"' </dev/null
try 'a command that is not there' 127 'leat record -q -o x -- ./nothing' </dev/null
said '^leat record: ./nothing: No such file or directory$'
try 'a command that is none' 126 'leat record -q -o x -- /tmp' </dev/null
try 'a signal is passed on to the command' 143 \
    'leat record -q -o x -- sh -c "kill -TERM \$PPID; sleep 10" & wait $!' </dev/null
try 'a process that is not there' 125 'leat record -q -o x -p 4194304' </dev/null
said 'no such process'

try 'with -o, standard output is the command'"'"'s' 0 'leat record -q -o x -- echo hello' <<'E'
hello
E
try 'without, it goes to standard error' 0 'leat record -q -t -- echo hello | grep -c "^start.*argv=.*echo;hello;"' <<'E'
1
E
status=$(grep -c '^hello$' err)
try 'and only there' 0 "echo $status" <<'E'
1
E

# Faults: the address is exact, and with a period of 7 every seventh is taken.
holds 'page faults' 'leat record -q -t -c 1 -e page-faults:u -o faults -- ./truth fault 1009'
try '1009 of them' 0 "echo $(count faults sample 'addr=0x1000[0-9a-f]+	' 'weight=1	' 'comm=truth	')" <<'E'
1009
E
try 'page by page' 0 "grep -c 'addr=0x100000001001\$' faults; grep -c 'addr=0x1000000d00d0\$' faults" <<'E'
1
1
E
if in_order faults; then good 'in order of time'; else bad 'in order of time' "$(in_order faults)"; fi
try 'the books balance' 0 "echo $(books faults)" <<'E'
made 0 lost 0
E
holds 'a period of 7' 'leat record -q -t -c 7 -e page-faults:u -o faults7 -- ./truth fault 1009'
n=$(count faults7 sample 'addr=0x1000[0-9a-f]+	' 'weight=7	')
holds "every seventh: $n of 1009" "[ $n -ge 144 ] && [ $n -le 145 ]"

# Breakpoints: as many hits as accesses.
if leat record -q -e mem:0x200000000000/8:w -o x -- true 2>err; then
	holds 'writes to a breakpoint' 'leat record -q -t -e mem:0x200000000000/8:w:u -o writes -- ./truth write 103'
	try '103 of them' 0 "echo $(count writes access 'event=mem:0x200000000000/8:w:u	op=w	addr=0x200000000000	size=8	weight=1	')" <<'E'
103
E
	holds 'writes do not hit' 'leat record -q -t -e mem:0x200000000000/8:w:u -o reads -- ./truth read 37'
	try 'reads' 0 "echo $(count reads access)" <<'E'
0
E
	holds 'with a period of 10' 'leat record -q -t -c 10 -e mem:0x200000000000/8:rw:u -o tens -- ./truth read 103'
	try 'ten of them' 0 "echo $(count tens access 'op=rw	' 'weight=10	')" <<'E'
10
E
else
	skip 'breakpoints' "$(cat err)"
fi

# Tracepoints: each sleep is a switch in state 1, with the fields of the format.
if leat record -q -e sched:sched_switch -o x -- true 2>err; then
	holds 'sleeps' 'leat record -q -t -e sched:sched_switch,sched:sched_process_fork -o sleeps -- ./truth sleep 23'
	try '23 of them' 0 "echo $(count sleeps event 'name=sched:sched_switch	' 'prev_comm=truth	' 'prev_state=1	')" <<'E'
23
E
	holds 'two events at once' 'leat record -q -t -e sched:sched_switch -e sched:sched_process_fork -o forks -- ./truth fork 7'
	try '7 forks' 0 "echo $(count forks event 'name=sched:sched_process_fork	' 'parent_comm=truth	' 'child_pid=')" <<'E'
7
E
	try 'a tracepoint that is not there' 125 'leat record -e sched:sched_swich -- true' </dev/null
	said 'did you mean sched:sched_switch'
else
	skip 'tracepoints' "$(cat err)"
fi

# Tasks.
holds 'children' 'leat record -q -t -c 1 -e page-faults -o fork -- ./truth fork 7'
try 'are born and die' 0 "echo $(count fork fork) $(count fork exit) $(count fork comm 'exec=1	' 'name=truth	')" <<'E'
7 8 1
E
holds 'threads' 'leat record -q -t -c 1 -e page-faults -o thread -- ./truth thread 5'
try 'too, with one address space' 0 \
    "echo $(count thread fork) $(count thread exit) $(awk -F '\t' '$1 == "fork" { sub(/pid=/, "", $3); sub(/ppid=/, "", $5); print ($3 == $5) }' thread | sort | uniq -c)" <<'E'
5 6 5 1
E
holds 'build ids travel with mappings' "grep '^mmap' thread | grep 'path=$PWD/truth' | grep -q 'buildid=@'"

# Without rights, only what the command does itself in user code is recorded.
if leat record -q -a -o everything -- true 2>err; then all=yes; else all=; fi

# Time: the samples of a clock weigh as much as the command ran.
holds 'a clock' 'leat record -t -F 997 -g -e cpu-clock -o clock -- ./truth spin 700'
said '^leat record: [0-9]* samples, [0-9.]* [kM]B in clock, 0 lost$'
sum=$(awk -F '\t' '$1 == "sample" { for (i = 2; i <= NF; i++) if ($i ~ /^weight=/) s += substr($i, 8) } END { printf "%d", s / 1e6 }' clock)
if [ "$all" ]; then
	holds "700 ms of it: $sum" "[ $sum -ge 680 ] && [ $sum -le 760 ]"
else
	skip '700 ms of it' 'time in the kernel is not told'
fi
cat >symbols.pl <<'P'
no warnings "portable";
while (<>) {
	if (/^sym\t.*\taddr=0x(\w+)\tsize=(\d+)/) { push @sym, [hex $1, $2] }
	elsif (/\tchain=([0-9a-fx;]*)/) {
		for (grep /^0xffff/, split /;/, $1) {
			my $a = hex; $n++;
			die "no symbol for $_ in line $.\n" unless grep { $a >= $_->[0] && $a - $_->[0] < $_->[1] } @sym;
		}
	}
}
die "no kernel addresses\n" unless $n;
P
holds 'chains into the kernel' 'leat record -q -t -g -c 1 -e page-faults -o kernel -- ./truth fault 101'
if head -n 1 /proc/kallsyms | grep -q '^00*00 '; then
	skip 'kernel symbols' 'kptr_restrict hides them'
else
	holds 'each symbol comes before what uses it' 'perl symbols.pl kernel'
	try 'and once' 0 "grep '^sym' kernel | cut -f 3 | sort | uniq -d" </dev/null
	try 'behind where the kernel is' 0 "grep -m1 '^mmap.*pid=-1\|^sym' kernel | cut -f 1,3" <<'E'
mmap	pid=-1
E
fi
holds 'dumps of the stack' 'leat record -q -t -F 997 --call-graph dwarf,1024 -e cpu-clock:u -o dumps -- ./truth spin 100'
holds 'with registers' "grep -q '^sample.*	regs=\(0x[0-9a-f]*;\)*	ustack=@[A-Za-z0-9+/=]*\$' dumps"
if [ "$all" ]; then
	holds 'in order with all CPUs' "leat record -q -t -a -F 997 -e cpu-clock,context-switches -o all -- sleep 0.3"
	if in_order all; then good 'in order of time'; else bad 'in order of time' "$(in_order all)"; fi
	try 'whose books balance' 0 "echo $(books all)" <<'E'
made 0 lost 0
E
else
	skip 'all CPUs' "$(tail -n 1 err)"
fi
holds 'clocks at both ends' "[ $(grep -c '^clock' clock) -ge 2 ]"
try 'the largest rates, at both ends' 0 "grep -c 'name=perf_event_max_sample_rate.*section=\(start\|end\)' clock" <<'E'
2
E

# Clocks: every t lies between what the same clock said before and after.
cat >between.pl <<'P'
my ($name, $from, $to, $n) = @ARGV[0 .. 2];
open my $f, "<", $ARGV[3] or die;
while (<$f>) {
	die "another clock: $_" if /^start\t/ && !/\tclock=$name\t/;
	die "not its own clock: $_" if /^clock\tt=(\d+)\t/ && !/\t$name=$1\t/;
	next unless /\tt=(\d+)/;
	die "$1 is not in $from..$to: $_" if $1 < $from || $1 > $to;
	$n++ if /^sample/;
}
die "no samples\n" unless $n;
P
for clock in realtime monotonic boottime monotonic_raw; do
	from=$(./truth $clock)
	holds "-k $clock" "leat record -q -t -k $clock -c 1 -e page-faults:u -o clocks -- ./truth fault 11"
	to=$(./truth $clock)
	holds 'is the clock of all times' "perl between.pl $clock $from $to clocks"
done
from=$(date +%s%N)
holds '-k realtime' 'leat record -q -t -k realtime -c 1 -e page-faults:u -o clocks -- ./truth fault 11'
holds 'is the time of day' "perl between.pl realtime $from $(date +%s%N) clocks"
up () { sed 's/\.\(..\) .*/\1/' /proc/uptime; }
from=$(up)
holds '-k boottime' 'leat record -q -t -k boottime -c 1 -e page-faults:u -o clocks -- ./truth fault 11'
holds 'is the time since the start' "perl between.pl boottime ${from}0000000 $(($(up) + 1))0000000 clocks"

# The kernel's symbols are read when they are needed.
holds 'no address of the kernel' 'leat record -q -t -c 1000000 -e page-faults -o none -- ./truth fault 11'
try 'no table of its symbols' 1 "grep -c 'pid=-1\|^sym' none" <<'E'
0
E

# The last line: what is lost, and what is there with less than its stack.
cat >cut.pl <<'P'
open my $f, "<", $ARGV[0] or die;
while (<$f>) {
	$long++ if /^sample.*\tchain=([^\t]*)/ && ($1 =~ tr/;//) >= 100;
	$cut += $1 if /^lost.*\tn=(\d+)\twhy=stack-cut/;
}
open my $e, "<", $ARGV[1] or die;
my ($lost, $said) = <$e> =~ /, (\d+) lost, (\d+) stacks cut$/;
die "$long long, $cut cut, $said said, $lost lost\n" unless $long >= 13 && $long == $cut && $cut == $said && $lost == 0;
P
holds 'stacks deeper than the kernel goes' 'leat record -t -g -c 1 -e page-faults:u -o deep -- ./truth deep 13'
cp err line
holds 'are there, and told as cut' 'perl cut.pl deep line'
try 'whose books balance' 0 "echo $(count deep sample 'addr=0x100000') $(books deep)" <<'E'
13 made 0 lost 0
E

# Losses are counted: the recorder is stopped while more happens than its ring holds. What happens is the same each time.
all () {
	awk -F '\t' '
	($1 ~ /^(sample|access|comm|fork|exit|mmap)$/ && $0 !~ /\tpid=-1\t/) { n++ }
	$1 == "lost" { for (i = 2; i <= NF; i++) if ($i ~ /^n=/) { n += substr($i, 3); lost += substr($i, 3) } }
	END { print n, (lost > 0 ? "some" : "none") }' "$1"
}
cat >stopped <<'S'
kill -STOP $PPID
./truth write 1009
kill -CONT $PPID
S
if leat record -q -e mem:0x200000000000/8:w -o x -- true 2>err; then
	holds 'a ring that is large enough' 'leat record -q -t -m 512 -e mem:0x200000000000/8:w:u -o whole -- sh stopped'
	holds 'one that is not' 'leat record -t -m 1 -e mem:0x200000000000/8:w:u -o cut -- sh stopped'
	cp err line
	holds 'and says so' 'grep -q " in cut, \([1-9][0-9]*\) lost (ring-full \1)\$" line'
	try 'all is there or told as lost' 0 "echo $(all cut)" <<E
$(all whole | sed 's/none/some/')
E
	try 'whose books balance, too' 0 "echo $(books cut)" <<'E'
made 0 lost 0
E
fi

# Attaching, signals, control.
holds 'attach to a process until it ends' "$(cat <<'S'
sleep 60 & pid=$!
leat record -q -t -e cpu-clock -p $pid -o attached & record=$!
until grep -q "^comm" attached; do sleep 0.1; done 2>/dev/null
kill $pid
wait $record && grep -q "^comm.*tid=$pid.*name=sleep" attached && grep -q "^mmap.*pid=$pid.*libc" attached
S
)"
if [ "$all" ]; then
	try 'Ctrl-C ends a recording of all' 0 'leat record -q -t -a -o ctrlc & until [ -s ctrlc ]; do sleep 0.1; done; kill -INT $!; wait $!; grep -c "^end" ctrlc' <<'E'
1
E
else
	skip 'Ctrl-C ends a recording of all' 'all CPUs are not allowed'
fi
mkfifo control ack alive
try 'control' 0 "$(cat <<'S'
leat record -q -t -D -1 --control control,ack -c 1 -e page-faults:u -o controlled -- sh -c '
	./truth fault 101
	echo enable >control; read a <ack; echo $a
	./truth fault 103
	echo disable >control; read a <ack; echo $a
	./truth fault 107
	echo nonsense >control; read a <ack; echo $a
	echo stop >control; read a <ack; echo $a'
S
)" <<'E'
ack
ack
nak
ack
E
try 'only what ran meanwhile' 0 "echo $(count controlled sample 'addr=0x1000[0-9a-f]+	')" <<'E'
103
E
holds 'a delay' 'leat record -q -t -D 300 -e cpu-clock -o delay -- ./truth spin 500'
holds 'which is kept' "$(cat <<'S'
awk -F '\t' '
{ t = substr($2, 3) + 0 }
$1 == "comm" && !from { from = t }
$1 == "sample" { n++; if (t - from < 295e6) exit 1 }
END { exit n == 0 }' delay
S
)"
try 'a sample is passed on while the command still runs' 0 "$(cat <<'S'
timeout 10 leat record -q -t -e page-faults:u -c 1 -- sh -c './truth fault 7; read x <alive' |
    { grep -m1 '^sample.*comm=truth.*addr=0x1000' >/dev/null && echo go >alive && echo live; cat >/dev/null; }
S
)" <<'E'
live
E
holds 'a full disk is noticed' '! leat record -q -o /dev/full -- true 2>full && grep -q "No space left" full'
finish
