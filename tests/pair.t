#!/bin/sh
# pair: which events become spans, what spans look like, and what is said of the others
. tests/lib.sh

# The records that pair made, without those of the ledger that tell how it was called.
cat >only.awk <<'EOF'
BEGIN { FS = OFS = "\t" }
$1 == "span" || $1 == "lost" || $1 == "event" { print }
$1 == "end" && $2 == "tool=pair" { sub(/^end\ttool=pair\t/, ""); print "# " $0 }
EOF
only () { printf 'leat pair %s | awk -f only.awk' "$1"; }
trace () {
	echo '#leat 1'
	printf '%b' "$@"
}
b='event\tname=b\tt='
e='event\tname=e\tt='

trace 'event\tt=10\tsrc=a\tcpu=0\tpid=7\tcomm=app\tname=s:in\tid=3\tflags=0x1\targs=1;2;\tnote="a b"\n' \
	'event\tt=15\tcpu=1\tpid=8\tcomm=other\tname=s:in\tid=3\tflags=0x1\targs=\tnote=@AAE=\n' \
	'event\tt=25\tsrc=b\tcpu=1\tpid=7\tcomm=app\tname=s:out\tid=3\tflags=0x2\tret=-1\tstack=main;f;\n' \
	'zebra\tt=26\tstripes=3\n' \
	'event\tt=40\tcpu=0\tpid=8\tcomm=other\tname=s:out\tid=3\tflags=0x1\tret=1.5\n' >calls
try 'the fields of both, those of the end with a prefix where the start has them' 0 \
	"$(only '-s s:in -e s:out -k pid,id calls')" <<'EOF'
span	t=10	src=a	dur_ns=15	name=s:in	id=3	pid=7	cpu=0	stack=main;f;	comm=app	flags=0x1	args=1;2;	note="a b"	ret=-1	end_src=b	end_cpu=1	end_comm=app	end_name=s:out	end_flags=0x2
span	t=15	dur_ns=25	name=s:in	id=3	pid=8	cpu=1	comm=other	flags=0x1	args=	note=@AAE=	ret=1.5	end_cpu=0	end_comm=other	end_name=s:out	end_flags=0x1
# in=5	passed=1	used=4	made=2	dropped=0	lost=0
EOF
silent
holds 'from frames the same' 'leat cat -f calls | leat pair -s s:in -e s:out -k pid,id | leat cat -t | awk -f only.awk >two
	leat pair -s s:in -e s:out -k pid,id calls | awk -f only.awk | cmp - two'
try 'each span stands where its end stood' 0 'leat pair -s s:in -e s:out -k pid calls | cut -f 1,2 | sed 1,2d' <<'EOF'
span	t=10
zebra	t=26
span	t=15
end	tool=pair
EOF
try '--keep' 0 "$(only '--keep -s s:in -e s:out -k pid calls') | cut -f 1-3" <<'EOF'
event	t=10	src=a
event	t=15	cpu=1
event	t=25	src=b
span	t=10	src=a
event	t=40	cpu=0
span	t=15	dur_ns=25
# in=5	passed=5	used=0
EOF
try '--name' 0 "$(only '--name "a call" -s s:in -e s:out -k pid calls') |
	sed -n 's/.*\(dur_ns=[0-9]*	name=[^	]*\).*\(start_name=[^	]*\).*/\1 \2/p'" <<'EOF'
dur_ns=15	name="a call" start_name=s:in
dur_ns=25	name="a call" start_name=s:in
EOF
for how in last first nest fifo; do
	holds "the books balance: $how" "leat pair --match $how -s s:in -e s:out -k pid calls | leat audit"
done

# Names that meet each other.
trace 'req\tt=1\tdur=7\tname=5\tend_x=1\tx=2\tid=9\tstart_id=4\tdepth=6\n' \
	'rep\tt=4\tx=3\tend_x=4\tid=8\tdur_ns=5\tname=n\tstart_id=1\n' >names
try 'no name stands twice' 0 "$(only "-s 'type == \"req\"' -e 'type == \"rep\"' names")" <<'EOF'
span	t=1	dur_ns=3	name=req	id=9	depth=6	dur=7	end_x=1	x=2	start_id=4	start_name=5	end_end_x=3	end_end_end_x=4	end_id=8	end_dur_ns=5	end_name=n	end_start_id=1
# in=2	passed=0	used=2	made=1	dropped=0	lost=0
EOF
try 'nest has id, parent and depth of its own' 0 "$(only "--match nest -s 'type == \"req\"' -e 'type == \"rep\"' names")" <<'EOF'
span	t=1	dur_ns=3	name=req	id=1	parent=0	depth=0	dur=7	end_x=1	x=2	start_id=4	start_name=5	start_start_id=9	start_depth=6	end_end_x=3	end_end_end_x=4	end_id=8	end_dur_ns=5	end_name=n	end_start_id=1
# in=2	passed=0	used=2	made=1	dropped=0	lost=0
EOF

# --match
trace "${b}1\tx=a\n" "${b}3\tx=b\n" "${e}6\n" "${b}10\tx=c\n" "${e}15\n" "${e}21\n" >again
try '--match last is the default' 0 "$(only '-s b -e e again')" <<'EOF'
span	t=3	dur_ns=3	name=b	x=b	end_name=e
span	t=10	dur_ns=5	name=b	x=c	end_name=e
lost	t=21	n=1	why=restarted
lost	t=21	n=1	why=unmatched-end
# in=6	passed=0	used=4	made=2	dropped=0	lost=2
EOF
holds 'and may be said' "$(only '-s b -e e again') >one; $(only '--match last -s b -e e again') | cmp - one"
try '--match first' 0 "$(only '--match first -s b -e e again')" <<'EOF'
span	t=1	dur_ns=5	name=b	x=a	end_name=e
span	t=10	dur_ns=5	name=b	x=c	end_name=e
lost	t=21	n=1	why=restarted
lost	t=21	n=1	why=unmatched-end
# in=6	passed=0	used=4	made=2	dropped=0	lost=2
EOF
try '--match nest' 0 "$(only '--match nest -s b -e e again')" <<'EOF'
span	t=3	dur_ns=3	name=b	id=2	parent=1	depth=1	x=b	end_name=e
span	t=10	dur_ns=5	name=b	id=3	parent=1	depth=1	x=c	end_name=e
span	t=1	dur_ns=20	name=b	id=1	parent=0	depth=0	x=a	end_name=e
# in=6	passed=0	used=6	made=3	dropped=0	lost=0
EOF
try '--match fifo' 0 "$(only '--match fifo -s b -e e again')" <<'EOF'
span	t=1	dur_ns=5	name=b	depth=0	x=a	end_name=e
span	t=3	dur_ns=12	name=b	depth=1	x=b	end_name=e
span	t=10	dur_ns=11	name=b	depth=1	x=c	end_name=e
# in=6	passed=0	used=6	made=3	dropped=0	lost=0
EOF
try '--keep tells what was not matched, and passes it on' 0 "$(only '--keep -s b -e e again') | grep -c ^event; cat got; $(only '--keep -s b -e e again') | tail -n 3" <<'EOF'
6
lost	t=21	n=1	why=restarted
lost	t=21	n=1	why=unmatched-end
# in=6	passed=6	used=0	made=2	dropped=0	lost=0
EOF

# What ends one interval may begin the next.
trace 'event\tt=1\tname=tick\tcpu=0\n' 'event\tt=4\tname=tick\tcpu=0\n' 'event\tt=5\tname=tick\tcpu=1\n' \
	'event\tt=9\tname=tick\tcpu=0\n' >ticks
try 'time between successive events' 0 "$(only '-s tick -e tick -k cpu ticks')" <<'EOF'
span	t=1	dur_ns=3	name=tick	cpu=0	end_name=tick
span	t=4	dur_ns=5	name=tick	cpu=0	end_name=tick
lost	t=9	n=1	why=unmatched-start
# in=4	passed=0	used=3	made=2	dropped=0	lost=1
EOF
trace 'event\tt=1\tname=switch\tprev=7\tnext=8\n' 'event\tt=4\tname=switch\tprev=8\tnext=7\n' \
	'event\tt=9\tname=switch\tprev=7\tnext=0\n' >switches
try 'fields of other names: how long each was away' 0 "$(only '-s switch -e switch -k prev=next switches')" <<'EOF'
span	t=1	dur_ns=3	name=switch	prev=7	next=8	end_name=switch	end_prev=8
lost	t=9	n=1	why=unmatched-start
# in=3	passed=0	used=2	made=1	dropped=0	lost=1
EOF
try 'and how long it was there' 0 "$(only '-s switch -e switch -k next=prev switches')" <<'EOF'
span	t=1	dur_ns=3	name=switch	prev=7	next=8	end_name=switch	end_next=7
span	t=4	dur_ns=5	name=switch	prev=8	next=7	end_name=switch	end_next=0
# in=3	passed=0	used=3	made=2	dropped=0	lost=0
EOF

# A task waits from when it is woken, or made to wait, to when it runs.
trace 'event\tt=1\tname=wake\targ_pid=7\n' 'event\tt=4\tname=switch\tprev_pid=7\tprev_state=0\tnext_pid=8\n' \
	'event\tt=9\tname=switch\tprev_pid=8\tprev_state=1\tnext_pid=7\n' 'event\tt=11\tname=wake\targ_pid=8\n' \
	'event\tt=12\tname=switch\tprev_pid=7\tprev_state=1\tnext_pid=8\n' >waits
try 'a field by several names' 0 "$(only "-s 'name == \"wake\" || prev_state == 0' -e switch -k 'arg_pid|prev_pid=next_pid' waits")" <<'EOF'
span	t=4	dur_ns=5	name=switch	prev_pid=7	prev_state=0	next_pid=8	end_name=switch	end_prev_pid=8	end_prev_state=1
span	t=11	dur_ns=1	name=wake	arg_pid=8	prev_pid=7	prev_state=1	end_name=switch
lost	t=12	n=1	why=restarted
# in=5	passed=0	used=4	made=2	dropped=0	lost=1
EOF

# Keys
trace "${b}1\tk=16\n" "${b}1\tk=x\n" "${b}1\tk=-1\n" "${b}1\tk=1.5\n" "${b}1\tk=1;2;\n" "${b}1\tk=18446744073709551615\n" \
	"${b}1\tk=a;b;\n" "${b}1\tk=0xffffffffffffffff;\n" "${e}2\tn=1\tk=0x10\n" "${e}3\tn=2\tk=-1.0\n" "${e}4\tn=3\tk=1.5\n" \
	"${e}5\tn=4\tk=\"x\"\n" "${e}6\tn=5\tk=1;2;\n" "${e}7\tn=6\tk=0xffffffffffffffff\n" "${e}8\tn=7\tk=ab;\n" \
	"${e}8\tn=8\tk=-1;\n" "${e}9\tn=9\tk=a;b;\n" >kinds
try 'keys are equal when their numbers or bytes are' 0 "leat pair -s b -e e -k k kinds | grep ^span |
	sed 's/.*\(dur[^	]*\)	name=b	\(k=[^	]*\)	\(n=[0-9]\).*/\1 \3 \2/'" <<'EOF'
dur_ns=1 n=1 k=16
dur_ns=2 n=2 k=-1
dur_ns=3 n=3 k=1.5
dur_ns=4 n=4 k=x
dur_ns=5 n=5 k=1;2;
dur_ns=6 n=6 k=18446744073709551615
dur_ns=8 n=9 k=a;b;
EOF
trace "${b}1\ta=1\n" "${b}2\ta=1\tb=2\n" "${e}3\tb=2\n" "${e}4\ta=1\tb=2\n" 'event\tname=b\ta=1\tb=2\n' \
	'event\tname=e\tt=x\ta=1\tb=2\n' >keys
try 'records without the key, or without time' 0 "$(only '-s b -e e -k a,b keys')" <<'EOF'
span	t=2	dur_ns=2	name=b	a=1	b=2	end_name=e
lost	t=4	n=2	why=no-key
lost	t=4	n=2	why=no-time
# in=6	passed=0	used=2	made=1	dropped=0	lost=4
EOF
said '^leat pair: 2 starts and ends lack a field of -k'
try 'a stream without time' 0 "sed 's/	t=/	u=/' ticks | leat pair -s tick -e tick | grep ^lost" <<'EOF'
lost	n=4	why=no-time
EOF

# --timeout
trace "${b}0\tk=1\n" "${b}50\tk=2\n" "${e}100\tk=1\n" "${e}150\tk=2\n" "${b}200\tk=3\n" "${b}201\tk=4\n" "${e}300\tk=4\n" \
	"${e}301\tk=3\n" 'zebra\tt=900\n' >late
try '--timeout: what is as old is not older' 0 "$(only '--timeout 100ns -s b -e e -k k late')" <<'EOF'
span	t=0	dur_ns=100	name=b	k=1	end_name=e
span	t=50	dur_ns=100	name=b	k=2	end_name=e
span	t=201	dur_ns=99	name=b	k=4	end_name=e
lost	t=900	n=1	why=timeout
lost	t=900	n=1	why=unmatched-end
# in=9	passed=1	used=6	made=3	dropped=0	lost=2
EOF
try '--timeout in a nest' 0 "$(only '--timeout 60 --match nest -s b -e e late')" <<'EOF'
span	t=50	dur_ns=50	name=b	id=2	parent=1	depth=1	k=2	end_name=e	end_k=1
lost	t=900	n=3	why=timeout
lost	t=900	n=3	why=unmatched-end
# in=9	passed=1	used=2	made=1	dropped=0	lost=6
EOF
trace "${b}0\n" 'zebra\tt=5000\n' "${b}5000\n" "${b}5500\n" "${e}6001\n" "${e}6002\n" >other
try 'time passes with other records, too' 0 "$(only '--timeout 1us --match fifo -s b -e e other')" <<'EOF'
span	t=5500	dur_ns=501	name=b	depth=1	end_name=e
lost	t=6002	n=2	why=timeout
lost	t=6002	n=1	why=unmatched-end
# in=6	passed=1	used=2	made=1	dropped=0	lost=3
EOF

# Order
trace "${b}10\n" "${e}5\n" "${b}20\n" "${e}20\n" >unsorted
try 'an end before its start' 0 "$(only '-s b -e e unsorted')" <<'EOF'
span	t=20	dur_ns=0	name=b	end_name=e
lost	t=20	n=2	why=out-of-order
# in=4	passed=0	used=2	made=1	dropped=0	lost=2
EOF
said '^leat pair: 2 starts and ends are not in order of time'
trace "${b}9223372036854775807\n" "${e}-9223372036854775808\n" >far
try 'as far as it goes' 0 "$(only '-s b -e e far')" <<'EOF'
lost	t=9223372036854775807	n=2	why=out-of-order
# in=2	passed=0	used=0	made=0	dropped=0	lost=2
EOF
trace "${b}-9223372036854775808\n" "${e}-1\n" "${b}-9223372036854775808\n" "${e}0\n" >far
try 'longer than a number can be' 0 "$(only '-s b -e e far')" <<'EOF'
span	t=-9223372036854775808	dur_ns=9223372036854775807	name=b	end_name=e
lost	t=0	n=2	why=too-long
# in=4	passed=0	used=2	made=1	dropped=0	lost=2
EOF
trace 'span\tt=10\tdur_ns=5\tname=read\n' 'span\tt=17\tdur_ns=8\tname=write\n' >spans
try 'a span of spans covers both' 0 "$(only '-s read -e write spans') | sed 1q" <<'EOF'
span	t=10	dur_ns=15	name=read	start_dur_ns=5	end_dur_ns=8	end_name=write
EOF

# Records that others need, and those of the ledger
trace 'fork\tt=1\tpid=7\ttid=7\n' 'lost\tt=2\tn=3\twhy=ring-full\n' 'exit\tt=5\tpid=7\ttid=7\n' 'exit\tt=6\tpid=8\ttid=8\n' >tasks
lives="-s 'type == \"fork\"' -e 'type == \"exit\"' -k tid"
try 'state records are passed on, too' 0 "leat pair $lives tasks | grep -v ^start" <<'EOF'
#leat 1
fork	t=1	pid=7	tid=7
lost	t=2	n=3	why=ring-full
exit	t=5	pid=7	tid=7
span	t=1	dur_ns=4	name=fork	pid=7	tid=7	end_pid=7
exit	t=6	pid=8	tid=8
lost	t=6	n=1	why=unmatched-end
end	tool=pair	in=3	passed=3	used=0	made=1	dropped=0	lost=0
EOF
holds 'and the books balance' "leat pair $lives tasks | leat audit"
try 'the ledger is no event' 0 "leat pair $lives tasks | leat pair -s 'has(tool)' -e 'has(tool)' | grep -c ^span" <<'EOF'
1
EOF
said 'no record is one of -s has(tool)$'

# Many losses are few records, near where they were.
{
	echo '#leat 1'
	awk 'BEGIN { for (i = 0; i < 10000; i++) printf "event\tt=%d\tname=e\n", i }'
} >flood
try 'many losses are few records' 0 "$(only '-s b -e e flood') | cut -f 1-4" <<'EOF'
lost	t=4095	n=4096	why=unmatched-end
lost	t=8191	n=4096	why=unmatched-end
lost	t=9999	n=1808	why=unmatched-end
# in=10000	passed=0	used=0	made=0
EOF
said '^leat pair: no record is one of -s b$'
holds 'they do not wait while there is no input' "mkfifo live
	{ cat again; sleep 2; } >live & leat pair -s b -e e <live >out & sleep 1; grep -q why=restarted out; s=\$?; wait; exit \$s"

# Several inputs are one stream; their shapes differ.
trace "${b}1\tx=1\tk=7\n" >one
trace 'event\tk=7\tt=3\tname=e\n' >two
try 'a span from one input to the next' 0 "$(only '-s b -e e -k k one two')" <<'EOF'
span	t=1	dur_ns=2	name=b	x=1	k=7	end_name=e
# in=2	passed=0	used=2	made=1	dropped=0	lost=0
EOF

# What is wrong
try 'nothing to begin with' 2 'leat pair -e x again' </dev/null
said '^leat pair: -s EXPR and -e EXPR say what begins and what ends a span$'
try 'a wrong expression' 2 "leat pair -s 'name ==' -e e again" </dev/null
said '^leat pair: -s: column 8: '
for k in "''" 'a,' a= =a a=b=c 'a,,b' "'a|'" "'a=|b'"; do
	try "no list of keys: $k" 2 "leat pair -s b -e e -k $k again" </dev/null
	said ': not a list of FIELD or START=END$'
done
try 'no way to match' 2 'leat pair -s b -e e --match lifo again' </dev/null
said '^leat pair: --match lifo: none of first, last, nest, fifo$'
try 'no time at all' 2 'leat pair -s b -e e --timeout 0 again' </dev/null
said '^leat pair: --timeout 0: nothing would be paired$'
try 'a field that nobody has' 0 "leat pair -s 'name == b' -e e again >/dev/null" </dev/null
said 'no record has a field b, which -s compares (a string needs quotes: "b")$'
try '--strict: what is lost is an error' 2 'leat pair --strict -s b -e e again >/dev/null' </dev/null
said '^leat pair: 2 starts and ends lost, and --strict was given$'
try '--strict: nothing is' 0 'leat pair --strict -s s:in -e s:out -k pid calls >/dev/null' </dev/null

# The truth: 23 sleeps of 7 ms are 23 spans of 7 ms and what the kernel adds. The CPU is kept busy by somebody who leaves
# it at once: kernels of some virtual machines trace nothing in the idle task.
cat >naps.c <<'C'
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
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
main(void)
{
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
	for (int i = 0; i < 23;) {
		long before = sleeps();

		nanosleep(&(struct timespec){ 0, 7000000 }, 0);
		i += sleeps() > before;
	}
	kill(child, SIGKILL);
	return 0;
}
C
if leat record -q -a -e sched:sched_switch -o probe -- true 2>err; then
	${CC:-cc} -O1 -o naps naps.c || exit 1
	holds 'a recording of sleeps' 'leat record -q -a -e sched:sched_switch -o sleeps.leat -- ./naps'
	# Reading the program's file may put it to sleep, too, and for less than that. The clock of a sleep runs before the
	# switch, so that a span may be some microseconds shorter than the sleep.
	holds 'its spans' "leat pair -s 'prev_comm == \"naps\" && prev_state == 1' -e 'next_comm == \"naps\"' \
		-k prev_pid=next_pid sleeps.leat >sleeps && leat audit sleeps"
	long="leat cat -t sleeps | awk -F '\t' '\$1 == \"span\" { d = substr(\$3, 8) + 0; if (d >= 5000000) print d }'"
	try '23 of them' 0 "$long | wc -l | tr -d ' '" <<'EOF'
23
EOF
	try 'none shorter than what was asked for' 0 "$long | awk '\$1 < 6900000'" </dev/null
	holds 'half of them take 7 ms and at most one more' \
		"$long | sort -n | sed -n 12p | awk '{ print; n += \$1 >= 6990000 && \$1 < 8000000 } END { exit !n }'"
	if [ -x "$B/libexec/leat/hist" ]; then
		holds 'hist of them' "leat pick 'type == \"span\" && dur_ns >= 5ms' sleeps | leat hist -k dur_ns --summary >summary"
		cat >summary.awk <<'E'
BEGIN { FS = "\t" }
/^#/ { next }
!n++ { for (i = 1; i <= NF; i++) at[$i] = i; next }
{
	print "count", $at["count"]
	print "min", ($at["min"] >= 6.9e6 ? "7 ms" : $at["min"])
	p = $at["p50"]
	print "p50", (p >= 6.99e6 * 0.996 && p <= 8e6 * 1.004 ? "7 ms" : p)
}
E
		try 'says 23, and 7 ms' 0 'awk -f summary.awk summary' <<'EOF'
count 23
min 7 ms
p50 7 ms
EOF
	else
		skip 'hist of them' 'hist is not built'
	fi
else
	skip 'the truth of a recording' "$(tail -n 1 err)"
fi
finish
