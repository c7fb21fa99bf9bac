#!/bin/sh
# import-heimdallr: old result directories of Heimdallr, right where its own reader was wrong
. tests/lib.sh

# A results directory as runs.sh leaves it, with everything that can be wrong in the logs of one of its runs.
mkdir -p old/bt.A.1loc_50.1 old/bt.A.1loc_50.2 old/bt.A.1loc_DR.1 old/bt.A.1loc_DR.2 old/x.y
printf '1loc_DR 0    1    1    1        0\n1loc_50 0    1    1    0     5000\n' >old/modes.lst
printf '1 /home/u/npb/bt.A\n2 /home/u/npb/bt.A\n' >old/runs.lst
run=old/bt.A.1loc_50.1
echo 'numactl --membind=1 --cpunodebind=1 time -o out/time.log perf record -o out/access.dat --all-user -F 5000 -d -e "r4003E:ppp" -e "r20016:ppp" env LD_PRELOAD=libtracealloc.so TRAC_LOGPATH=out TRAC_THRESHOLD=0x1000 /home/u/npb/bt.A -n 3' >$run/cmd.log
took () {
	printf '%suser %ssystem %selapsed 101%%CPU (0avgtext+0avgdata 20480maxresident)k\n8inputs+16outputs (3major+456minor)pagefaults 0swaps\n' "$@"
}
took 12.34 0.56 12:34.10 >$run/time.log
printf 'TRAC_BEG:100.000000000:0.001\nhello\nTRAC_END:103.500000000:3.4\n' >$run/console.log
printf 'warned\n' >$run/error.log
printf '1: \n2: /lib/libc.so.6\n' >$run/maps.log
# Thread 77 gets the address that thread 78 has freed, and logs that before 78 logs its free.
cat >$run/alloc_0_77.log <<'END'
+100.100000000,00007f0000001000,0000000000002000,1+1234,2+5678
+100.200000001,00007f0000010000,0000000000004000,1+1300
+100.200000001,00007f0000010000,0000000000004000,1+1300
-101.000000000,00007f0000001000,0000000000002000,1+1400
+102.000000000,00007f0000001000,0000000000003000,1+1234
+102.500000000,00007f0000080000,0000000000001000,1+1234
-103.500100000,00007f0000001000,0000000000003000
-103.500200000,00007f0000010000,0000000000004000
END
cat >$run/alloc_1_78.log <<'END'
+102.100000000,00007f0000080000,0000000000005000,1+1234
-102.500000010,00007f0000080000,0000000000005000,1+1500
END
cat >$run/access.txt <<'END'
 100.001000000:   r4003E:ppp:     7f0000001010 
 100.100000000:   "r4003E:ppp":     7f0000001010 
 103.499999999:   "r20016:ppp":     ffffffffff600008 
END
took 12.34 0.56 1:02:03 >old/bt.A.1loc_50.2/time.log
cp $run/alloc_1_78.log old/bt.A.1loc_50.2
took 12.00 0.50 0:12.50 >old/bt.A.1loc_DR.1/time.log
{ echo 'Command exited with non-zero status 3'; took 0.00 0.00 0:00.01; } >old/bt.A.1loc_DR.2/time.log

nameless="sed 's/	id=[0-9a-f\"]*	/	id=ID	/; s/	settings=[0-9a-f\"]*	/	settings=SETTINGS	/'"
try 'a run' 0 "leat import -t heimdallr $run | $nameless" <<'END'
#leat 1
start	tool=heimdallr	version="0.1"	clock=monotonic_raw
run	t=100000000000	name=bt.A.1loc_50.1	id=ID	experiment=old	rep=1	settings=SETTINGS	factors=workload;mode;	levels=bt.A;1loc_50;	variables=hms=0;	command="/home/u/npb/bt.A -n 3"	dry=0	freq=5000	cpu_node=1	mem_node=1
access	t=100001000000	pid=77	event=r4003E:ppp	op=r	addr=0x7f0000001010
comm	t=100100000000	pid=77	tid=77	name=bt.A	exec=1
mmap	t=100100000000	pid=77	tid=77	addr=0x100000100000000	size=8192	offset=0	path=/home/u/npb/bt.A
mmap	t=100100000000	pid=77	tid=77	addr=0x100000200000000	size=24576	offset=0	path=/lib/libc.so.6
alloc	t=100100000000	pid=77	tid=77	op=alloc	addr=0x7f0000001000	size=8192	chain=0x100000100001233;0x100000200005678;
access	t=100100000000	pid=77	event=r4003E:ppp	op=r	addr=0x7f0000001010
alloc	t=100200000001	pid=77	tid=77	op=alloc	addr=0x7f0000010000	size=16384	chain=0x1000001000012ff;
free	t=101000000000	pid=77	tid=77	op=free	addr=0x7f0000001000	size=8192	chain=0x1000001000013ff;
alloc	t=102000000000	pid=77	tid=77	op=alloc	addr=0x7f0000001000	size=12288	chain=0x100000100001233;
alloc	t=102100000000	pid=77	tid=78	op=alloc	addr=0x7f0000080000	size=20480	chain=0x100000100001233;
free	t=102500000000	pid=77	tid=78	op=free	addr=0x7f0000080000	size=20480	chain=0x1000001000014ff;
alloc	t=102500000000	pid=77	tid=77	op=alloc	addr=0x7f0000080000	size=4096	chain=0x100000100001233;
access	t=103499999999	pid=77	event=r20016:ppp	op=w	addr=0xffffffffff600008
stat	t=103499999999	name=wall_ns	value=754100000000	unit=ns	section=run
stat	t=103499999999	name=user_ns	value=12340000000	unit=ns	section=run
stat	t=103499999999	name=sys_ns	value=560000000	unit=ns	section=run
stat	t=103499999999	name=maxrss_bytes	value=20971520	unit=bytes	section=run
stat	t=103499999999	name=minor_faults	value=456	unit=""	section=run
stat	t=103499999999	name=major_faults	value=3	unit=""	section=run
stat	t=103499999999	name=in_blocks	value=8	unit=""	section=run
stat	t=103499999999	name=out_blocks	value=16	unit=""	section=run
stat	t=103499999999	name=exit_status	value=0	unit=""	section=run
stat	t=103499999999	name=signal	value=0	unit=""	section=run
stat	t=103499999999	name=clock_offset_ns	value=0	unit=ns	section=heimdallr
stat	t=103499999999	name=clock_error_ns	value=500001	unit=ns	section=heimdallr
stat	t=103499999999	name=duplicates	value=1	unit=""	section=heimdallr
stat	t=103499999999	name=frees_at_exit	value=2	unit=""	section=heimdallr
stat	t=103499999999	name=frees_moved	value=1	unit=""	section=heimdallr
end	tool=heimdallr	made=29	lost=0
END
silent
cp got want1
try 'a directory is one, without a word' 0 "leat import -t $run | $nameless" <want1
try 'the books balance' 0 "leat import $run | leat audit | cut -f 1,8" <<'END'
tool	verdict
heimdallr	balanced
# records=29
END
try 'what is known of the clocks is taken' 0 "leat import -t --offset -250ms $run | grep '^access' | head -n 1" <<'END'
access	t=100251000000	pid=77	event=r4003E:ppp	op=r	addr=0x7f0000001010
END
try 'events by their names' 0 "leat import -t --mem-read r20016,x --mem-write R4003e:PPP $run | grep '^access' | cut -f 4,5" <<'END'
event=r4003E:ppp	op=w
event=r4003E:ppp	op=w
event=r20016:ppp	op=r
END
sed 's/r20016:ppp/branches/' $run/access.txt >a && mkdir -p other/p.m.1 && cp $run/alloc_0_77.log $run/maps.log other/p.m.1 && cp a other/p.m.1/access.txt
try 'an event that nobody knows has no direction' 0 "leat import -t other/p.m.1 | grep '^access' | cut -f 4- | tail -n 1" <<'END'
event=branches	addr=0xffffffffff600008
END
said '^leat import: other/p.m.1: branches: loads or stores? Its accesses have no op (--mem-read or --mem-write says)$'
said '^leat import: other/p.m.1: time.log is not there: what the run took is not known$'

# Another clock.
sed 's/^ 10\(.\)/ 35\1/' $run/access.txt >other/p.m.1/access.txt
cp $run/console.log other/p.m.1
try 'perf had another clock' 0 "leat import -t other/p.m.1 | grep -E '^access|clock'" <<'END'
start	tool=heimdallr	version="0.1"	clock=monotonic_raw
access	t=100000500001	pid=77	event=r4003E:ppp	op=r	addr=0x7f0000001010
access	t=100099500001	pid=77	event=r4003E:ppp	op=r	addr=0x7f0000001010
access	t=103499500000	pid=77	event=r20016:ppp	op=w	addr=0xffffffffff600008
stat	t=103499500000	name=clock_offset_ns	value=250000499999	unit=ns	section=heimdallr
stat	t=103499500000	name=clock_error_ns	value=500001	unit=ns	section=heimdallr
END
said "^leat import: other/p.m.1: perf's clock is 250000.500 ms ahead of that of the allocations, known to 0.500 ms from the first and the last sample: its times are moved by that (--offset says otherwise)"

# Damage: told with its place, counted, and the rest is used.
mkdir -p bad/p.m.1
{
	head -n 2 $run/alloc_0_77.log
	printf 'garbage\n+1.5,00,00\n+100.300000000,00007f0000020000,zz\n+100.300000000,00007f0000020000,10,1+12,3\n'
	printf -- '-100.400000000,00007f0000010000,0000000000004000,1+1300\n-100.5'
} >bad/p.m.1/alloc_0_5.log
printf '1: /bin/true\nwhat\n2: ' >bad/p.m.1/maps.log
head -c 100 $run/access.txt >bad/p.m.1/access.txt
printf '1.00user 1.0x' >bad/p.m.1/time.log
try 'damaged logs' 0 'leat import -t bad/p.m.1 | grep -E "^(alloc|free|lost|end|mmap)"' <<'END'
mmap	t=100100000000	pid=5	tid=5	addr=0x100000100000000	size=8192	offset=0	path=/bin/true
mmap	t=100100000000	pid=5	tid=5	addr=0x100000200000000	size=24576	offset=0	path="[library 2 of maps.log]"
alloc	t=100100000000	pid=5	tid=5	op=alloc	addr=0x7f0000001000	size=8192	chain=0x100000100001233;0x100000200005678;
alloc	t=100200000001	pid=5	tid=5	op=alloc	addr=0x7f0000010000	size=16384	chain=0x1000001000012ff;
lost	n=1	why=bad-line
lost	n=1	why=truncated
free	t=100400000000	pid=5	tid=5	op=free	addr=0x7f0000010000	size=16384	chain=0x1000001000012ff;
lost	n=5	why=bad-line
lost	n=2	why=truncated
end	tool=heimdallr	made=14	lost=9
END
said '^leat import: bad/p.m.1: 6 lines or places not understood, the first at alloc_0_5.log:3: it begins with neither + nor -$'
said '^leat import: bad/p.m.1: something ends too early$'
said '^leat import: bad/p.m.1: time.log does not say user, system and elapsed time$'
said '^leat import: bad/p.m.1: maps.log does not have library 2: its frames have no names$'
try 'and status 2' 2 'leat import -o bad.leat bad/p.m.1' </dev/null
holds 'the books of what is damaged' 'leat audit bad.leat'
try 'no such run' 2 'leat import heimdallr nothing.m.1' </dev/null
said '^leat import: nothing.m.1: No such file or directory$'
try 'a directory of another kind' 2 'leat import old/x.y >x' </dev/null
said '^leat import: old/x.y: no run of Heimdallr: those are directories PROGRAM.MODE.REPETITION$'
try 'all of them at once' 2 'leat import heimdallr old >x' </dev/null
said '(it holds such runs: --results NEW makes directories for leat store of all)$'

# A whole directory, for a store.
try 'all runs of a directory' 0 'leat import --results new old && ls -d new/* new/runs/*/*' <<'END'
new/runs
new/runs/bt.A.1loc_50.1/run.leat
new/runs/bt.A.1loc_50.1/stderr
new/runs/bt.A.1loc_50.1/stdout
new/runs/bt.A.1loc_50.1/trace.leat
new/runs/bt.A.1loc_50.2/run.leat
new/runs/bt.A.1loc_50.2/stderr
new/runs/bt.A.1loc_50.2/stdout
new/runs/bt.A.1loc_50.2/trace.leat
new/runs/bt.A.1loc_DR.1/run.leat
new/runs/bt.A.1loc_DR.1/stderr
new/runs/bt.A.1loc_DR.1/stdout
new/runs/bt.A.1loc_DR.2/run.leat
new/runs/bt.A.1loc_DR.2/stderr
new/runs/bt.A.1loc_DR.2/stdout
END
said '^leat import: 4 runs in new/runs, 4 of them made now$'
try 'what it said' 0 'cat new/runs/bt.A.1loc_50.1/stderr' <<'END'
warned
END
try 'again is nothing' 0 'leat import --results new heimdallr old' </dev/null
said '^leat import: 4 runs in new/runs, 0 of them made now$'
# shellcheck disable=SC2016
try 'a damaged one is made of what there is' 2 'leat import -q --results new bad; s=$?; ls new/runs/p.m.1; exit $s' <<'END'
run.leat
stderr
stdout
trace.leat
END
try 'in a directory without runs' 2 'leat import --results new2 new' </dev/null
said '^leat import: new: no run of Heimdallr is in it'
try '--results wants a directory' 2 'leat import --results new' </dev/null
if [ -x "$B/libexec/leat/store" ]; then
	try 'a store takes them' 0 'leat store add -q --first-only db new/runs/bt.* && leat store list db | cut -f 2-5,7-8,12-13' <<'END'
# store table=list runs=4
# failed=1
name	workload	mode	rep	dry	failed	lost	wall_ns
bt.A.1loc_50.1	bt.A	1loc_50	1	0	0	0	754100000000
bt.A.1loc_50.2	bt.A	1loc_50	2	0	0	0	3723000000000
bt.A.1loc_DR.1	bt.A	1loc_DR	1	1	0	0	12500000000
bt.A.1loc_DR.2	bt.A	1loc_DR	2	1	1	0	10000000
END
	# shellcheck disable=SC2016
	try 'and says the overhead' 0 'leat store stat db 2>err2 | awk -F "\t" "/^#/ { next } !n++ { for (i = 1; i <= NF; i++) at[\$i] = i; next } \$at[\"metric\"] == \"user_ns\" { print \$at[\"mode\"], \$at[\"runs\"], \$at[\"failed\"], \$at[\"base\"], \$at[\"overhead\"] }"' <<'END'
1loc_50 2 0 mode=1loc_DR 0.0283333
1loc_DR 1 1  
END
	try 'with allocations of the first alone' 0 "leat store sql db 'SELECT name, (SELECT count(*) FROM alloc WHERE alloc.run = run.id) AS allocs, (SELECT count(*) FROM access WHERE access.run = run.id AND is_write) AS writes FROM run' | grep -v '^#'" <<'END'
name	allocs	writes
bt.A.1loc_50.1	5	1
bt.A.1loc_50.2	0	0
bt.A.1loc_DR.1	0	0
bt.A.1loc_DR.2	0	0
END
else
	skip 'a store takes them' 'store is not built'
fi

# The real thing: a library that logs as Heimdallr's did, page faults that perf records on its own clock.
if ! perf record -q -e page-faults:u -c 1 -o probe.data -- true >/dev/null 2>&1; then
	skip_all 'perf cannot record here'
fi
cat >tracealloc.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
static FILE *out;
static struct timespec
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t;
}
__attribute__((constructor)) static void
begin(void)
{
	char name[256];
	struct timespec t = now();

	printf("TRAC_BEG:%ld.%09ld:0\n", (long)t.tv_sec, t.tv_nsec);
	snprintf(name, sizeof name, "%s/alloc_0_%d.log", getenv("TRAC_LOGPATH"), (int)getpid());
	out = fopen(name, "w");
	snprintf(name, sizeof name, "%s/maps.log", getenv("TRAC_LOGPATH"));
	FILE *maps = fopen(name, "w");
	fputs("1: \n", maps);
	fclose(maps);
}
__attribute__((destructor)) static void
end(void)
{
	struct timespec t = now();

	printf("TRAC_END:%ld.%09ld:0\n", (long)t.tv_sec, t.tv_nsec);
	fclose(out);
}
void
trace(char sign, void *p, size_t n)
{
	struct timespec t = now();
	Dl_info info;

	dladdr(__builtin_return_address(0), &info);
	fprintf(out, "%c%ld.%09ld,%016lx,%016lx,1+%lx\n", sign, (long)t.tv_sec, t.tv_nsec, (unsigned long)p, (unsigned long)n,
	    (unsigned long)((char *)__builtin_return_address(0) - (char *)info.dli_fbase));
}
C
cat >work.c <<'C'
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>
enum { SIZE = 1 << 20, PAGES = 7, OBJECTS = 5 };
void trace(char sign, void *p, size_t n);
__attribute__((noinline)) char *
make(void)
{
	char *p = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(p, SIZE, MADV_NOHUGEPAGE);
	trace('+', p, SIZE);
	return p;
}
int
main(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		volatile char *p = make();

		usleep(20000);
		for (int k = 0; k < PAGES; k++)
			p[k * 4096 + 8 * k] = 1;
		usleep(20000);
		trace('-', (char *)p, SIZE);
		munmap((void *)p, SIZE);
		usleep(1000);
	}
	return 0;
}
C
mkdir -p real/work.pf.1
${CC:-cc} -O1 -shared -fPIC -o libtracealloc.so tracealloc.c -ldl || exit 1
${CC:-cc} -O1 -o work work.c -L. -ltracealloc -Wl,-rpath,"$PWD" || exit 1
perf record -q -d -c 1 -e page-faults:u -o real/work.pf.1/access.dat -- env TRAC_LOGPATH=real/work.pf.1 ./work >real/work.pf.1/console.log 2>perf.err
echo "$PWD/work" >real/work.pf.1/cmd.log
# Accesses in the range of an object that lives, and in the range of one that does not.
cat >lives.awk <<'AWK'
function hex(s,   i, v) { for (i = 3; i <= length(s); i++) v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1; return v }
function addr(   a) { a = $0; sub(/.*	addr=/, "", a); sub(/	.*/, "", a); return hex(a) }
/^alloc/ { live = addr(); was[n++] = live }
/^free/ { live = 0 }
/^access/ { a = addr(); for (i = n - 1; i >= 0; i--) if (a >= was[i] && a < was[i] + 1048576) { if (was[i] == live) good++; else bad++; break } }
END { print good + 0, bad + 0 }
AWK
try 'every first touch falls into the life of its object' 0 'leat import -t real/work.pf.1 | awk -f lives.awk' <<'END'
35 0
END
said "perf's clock is .* ms ahead of that of the allocations, known to [0-9.]* ms from the begin and the end of the process"
# shellcheck disable=SC2016
holds 'to few milliseconds' 'leat import -t real/work.pf.1 2>/dev/null | awk -F "[=	]" "/clock_error_ns/ { print; n = \$7 } END { exit !(n > 0 && n < 10000000) }"'
try 'as it stands, perf has another clock' 0 'leat import -t --offset 0 real/work.pf.1 | awk -f lives.awk | grep -c "^35 0$"; true' <<'END'
0
END
perf record -q -k CLOCK_MONOTONIC_RAW -d -c 1 -e page-faults:u -o real/work.pf.1/access.dat -- env TRAC_LOGPATH=real/work.pf.1 ./work >real/work.pf.1/console.log 2>perf.err
rm -f real/work.pf.1/alloc_0_*
perf record -q -k CLOCK_MONOTONIC_RAW -d -c 1 -e page-faults:u -o real/work.pf.1/access.dat -- env TRAC_LOGPATH=real/work.pf.1 ./work >real/work.pf.1/console.log 2>perf.err
try 'who told perf the clock is believed' 0 'leat import -t real/work.pf.1 2>err2 | awk -f lives.awk; grep -c clock err2; true' <<'END'
35 0
0
END
try 'stacks have names' 0 'leat import real/work.pf.1 2>/dev/null | leat unwind -q | leat cat -t | grep "^alloc" | sed "s/.*	stack=//; s/	.*//" | sort | uniq -c | sed "s/^ *//"' <<'END'
5 make;
END
perf script -i real/work.pf.1/access.dat --ns -F time,event,addr >real/work.pf.1/access.txt 2>/dev/null
rm real/work.pf.1/access.dat
try 'what perf script prints of it' 0 'leat import -t real/work.pf.1 2>err2 | awk -f lives.awk' <<'END'
35 0
END
finish
