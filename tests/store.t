#!/bin/sh
# store: runs go into a database whole, once, and come back as they were; what kills or fills does no harm
. tests/lib.sh

# run DIR NAME UUID [REP [EXTRA]]: a run's directory without traces
run () {
	mkdir -p "$1"
	{
		echo '#leat 1'
		printf 'start\tt=1000\ttool=run\tversion=1\tclock=monotonic_raw\thost=box\tpid=1\tarch=x86_64\trelease=6.1\targv=run;\n'
		printf 'clock\tt=1000\tmonotonic_raw=1000\tmonotonic=1100\trealtime=1700000000000001000\n'
		printf 'run\tt=3000\tname=%s\tid=%s\texperiment=sort\trep=%s\tposition=3\tseed=7\tsettings=abcdef0123456789\t' "$2" "$3" "${4:-1}"
		printf 'factors=program;data;\tlevels=quick;random;\tvariables=THREADS=4;MODE=a=b;\tcommand="sort quick"\tdry=0%s\n' "${5-}"
		printf 'stat\tt=4000\tname=wall_ns\tvalue=%s000\tunit=ns\tsection=run\n' "${4:-1}"
		printf 'stat\tt=4000\tname=exit_status\tvalue=0\tsection=run\n'
		printf 'stat\tt=4000\tname=ops\tvalue=1.5\tunit=M/s\tsection=values\n'
		printf 'end\ttool=run\tmade=4\tlost=0\n'
	} >"$1/run.leat"
}

# Of each table all rows.
dump () {
	for table in meta run factor variable stat info trace shape string stack chain thread life raw_access raw_alloc \
	    raw_free raw_span raw_sample raw_event raw_reading raw_other; do
		leat store sql "$1" "SELECT * FROM $table" || return 1
	done
}

# Every type that has a table, every kind, addresses with the top bit set, fields that have no column.
cat >all.leat <<'END'
#leat 1
start	t=1	tool=gen	version=1	clock=monotonic_raw	host=box	argv=gen;
comm	t=2	pid=7	tid=7	name=app
mmap	t=3	pid=7	tid=7	addr=0x400000	size=4096	offset=0	path=/bin/app	buildid=@AAEC
access	t=10	pid=7	tid=7	event=cpu/mem-loads/	op=load	addr=0xffffffff81000000	size=8	weight=3	latency=40	level=L1	tlb=hit	node=0	ip=0x401000	chain=0x401000;0xffffffff81000010;
access	t=11	pid=7	tid=8	op=store	addr=0x7fff00000000	level=RAM	node=1	hitm=1
access	t=12	cpu=3	op=9	addr=12345	level=x.5	weight=2.5
alloc	t=20	pid=7	tid=7	op=malloc	addr=0x1000	size=64	stack=main;f;
alloc	t=21	pid=7	tid=7	op=malloc	addr=0x2000	size=32	align=16	weight=4096	chain=
free	t=22	pid=7	tid=8	addr=0x1000
alloc	t=23	pid=7	tid=7	op=realloc	addr=0x3000	size=128	old=0x2000
alloc	t=24	pid=8	tid=8	op=malloc	addr=0x3000	size=1
free	t=25	pid=7	tid=7	addr=0x3000	size=128
free	t=26	pid=7	tid=7	addr=0x9999
sample	t=30	cpu=1	pid=7	tid=7	comm=app	event=cycles	weight=1000	ip=0x401000	chain=0x401000;	regs=1;2;	ustack=@AAECAw==	stack=main;work 1;	origin=u:app;u:app;
event	t=31	cpu=0	pid=7	tid=7	comm=app	name=sys:enter	args=0;-1;	id=5	note="a \"b\"\tc"	big=18446744073709551615	x=-0.0	y=nan	z=inf
span	t=15	dur_ns=20	name=req	id=1	parent=0	pid=7	tid=7	host=box	value=2.5	stack=a\;b;
span	t=16	dur_ns=20	name=req	id=2	value=text	0x=1
stat	t=40	name=load	value=0.5	unit=x	section=cpu
stat	t=41	name=path	value="/a b"	section=git
zebra	t=50	stripes=3	name="a b"	foals=1;2;	empty=
zebra	src=2	t=51	tid=7
zebra
lost	t=52	n=3	why=ring-full
end	tool=gen	made=24	lost=3
END
sed -i 's/	0x=1$/	extra=0x8000000000000000/' all.leat

run one quick.random.1 11111111-aaaa
cp all.leat one/trace.leat
leat cat -f -o one/frames.leat all.leat
printf '#leat 1\ninfo\tt=1\tsection=cpu\tname=governor\tvalue=performance\n' >one/before.leat
printf '#leat 1\ninfo\tt=1\tsection=cpu\tname=load\tvalue=0.25\tunit=x\n' >one/after.leat

# ---- what goes in comes back ----
try 'a run is added' 0 'leat store add db one'
silent
try 'lines come back as they were' 0 'leat store get --trace trace db quick.random.1' <all.leat
silent
try 'frames, too' 0 'leat store get --trace frames.leat db sort/quick.random.1 | leat cat -t' <all.leat
holds 'and are frames' 'leat store get --trace frames.leat db 11111111-aaaa | zstd -q -t && leat store get -t --trace frames db 1 | cmp - all.leat'
try 'of two traces one must be named' 2 'leat store get db quick.random.1' </dev/null
said '^leat store: db: the run has several traces (--trace NAME chooses one): frames.leat trace.leat$'
try 'or be there' 2 'leat store get --trace x db quick.random.1' </dev/null
said '^leat store: db: the run has no trace x; there are: frames.leat trace.leat$'
try 'a run that is not there' 2 'leat store get db slow.random.1' </dev/null
said '^leat store: db: no run slow.random.1 '
try '-o' 0 'leat store get -f --trace trace -o out.leat db quick.random.1 && leat cat -t out.leat' <all.leat

# ---- tables and views ----
try 'the run' 0 "leat store sql db 'SELECT experiment, name, attempt, rep, position, seed, settings, command, dry, failed, uuid,
	host, arch, release, started_ns, dir, traced, records, lost FROM run' | tail -n +2" <<'END'
experiment	name	attempt	rep	position	seed	settings	command	dry	failed	uuid	host	arch	release	started_ns	dir	traced	records	lost
sort	quick.random.1	0	1	3	7	abcdef0123456789	sort quick	0	0	11111111-aaaa	box	x86_64	6.1	1700000000000003000	one	1	48	6
END
try 'factors, variables, statistics, facts, traces' 0 "for t in factor variable stat info trace; do
	leat store sql db \"SELECT * FROM \$t\" | tail -n +3; done" <<'END'
1	0	program	quick
1	1	data	random
1	0	THREADS	4
1	1	MODE	a=b
1	0	run	wall_ns	1000	ns
1	1	run	exit_status	0	
1	2	values	ops	1.5	M/s
1	after	4	cpu	load	0.25	x
1	before	3	cpu	governor	performance	
1	0	frames.leat	frames	0	24	3	
1	1	trace.leat	lines	24	24	3	
END
try 'accesses, with names; addresses have 64 bits' 0 "leat store sql db 'SELECT run, n, t, pid, tid, event, op, is_write, addr, addr_hex, weight, latency, level,
	tlb, node, ip_hex, chain, more FROM access WHERE n >= 24' | tail -n +3" <<'END'
1	27	10	7	7	cpu/mem-loads/	load	0	-2130706432	0xffffffff81000000	3	40	L1	hit	0	0x401000	0x401000;0xffffffff81000010;	
1	28	11	7	8		store	1	140733193388032	0x7fff00000000			RAM		1			{"hitm":1}
1	29	12				9		12345	0x3039	2.5		x.5					{"op":9}
END
try 'allocations, from and to' 0 "leat store sql db 'SELECT from_ns, to_ns, printf(\"0x%x\", base) AS base, size, weight, pid, op, stack FROM alloc WHERE n >= 24' | tail -n +3" <<'END'
20	22	0x1000	64		7	malloc	main;f;
21	23	0x2000	32	4096	7	malloc	
23	25	0x3000	128		7	realloc	
24		0x3000	1		8	malloc	
END
# Which allocation an access goes to, as leat-store(5) has it.
run heap heap.1 heap
printf '#leat 1\nalloc\tt=1\tpid=1\taddr=0xffff800000001000\tsize=64\tstack=main;f;\naccess\tt=2\tpid=1\top=store\taddr=0xffff800000001010\n' >heap/t.leat
printf 'access\tt=2\tpid=1\top=load\taddr=0xffff800000001010\nfree\tt=3\tpid=1\taddr=0xffff800000001000\n' >>heap/t.leat
printf 'access\tt=4\tpid=1\top=store\taddr=0xffff800000001010\naccess\tt=2\tpid=1\top=store\taddr=0xffff800000001040\n' >>heap/t.leat
awk '/^SELECT alloc.stack/ { on = 1 } on && /^\./ { exit } on' "$TOP/man/leat-store.5" >query
try 'accesses to allocations' 0 'leat store add heap.db heap && leat store sql heap.db "$(cat query)" | tail -n +2' <<'END'
stack	writes
main;f;	1
END
for i in 1 2 3; do
	run "three$i" "three.$i" "three$i" $i
	head -n $((10 + i)) heap/t.leat | awk -v i=$i '{ print } /^access/ { for (k = 1; k < i; k++) print }' >"three$i/t.leat"
done
try 'views are of one run' 0 "leat store add three.db three1 three2 three3 && for i in 1 2 3; do
	leat store sql three.db \"SELECT count(*), max(n) FROM access WHERE run = \$i\" | tail -n 1; done" <<'END'
4	5
8	9
12	13
END
try 'samples, spans, events, readings' 0 "leat store sql db 'SELECT comm, event, weight, ip_hex, stack, origin, hex(ustack) AS u, more FROM sample WHERE n >= 24' | tail -n 1
	leat store sql db 'SELECT t, dur_ns, name, span_id, value, stack, more FROM span WHERE n >= 24' | tail -n +3
	leat store sql db \"SELECT name, json_extract(more, '\$.note') AS note, json_extract(more, '\$.args') AS args FROM event WHERE n >= 24\" | tail -n 1
	leat store sql db 'SELECT name, value, unit, section FROM reading WHERE n >= 24' | tail -n +3" <<'END'
app	cycles	1000	0x401000	main;work 1;	u:app;u:app;	00010203	{"regs":"1;2;"}
15	20	req	1	2.5	a\\;b;	
16	20	req	2	text		{"extra":"0x8000000000000000"}
sys:enter	a "b"\tc	0;-1;
load	0.5	x	cpu
path	/a b		git
END
try 'threads have the last name they got' 0 "leat store sql db 'SELECT DISTINCT pid, tid, comm FROM thread WHERE pid = 7' | tail -n +3" <<'END'
7	7	app
7	8	
END
try 'other records, by type' 0 "leat store sql db 'SELECT type, count(*) AS n FROM other GROUP BY type' | tail -n +3" <<'END'
comm	2
end	2
lost	2
mmap	2
start	2
zebra	6
END

# ---- again ----
dump db >before
try 'again: nothing changes' 0 'leat store add db one one/'
silent
dump db >two
holds 'nothing at all' 'cmp two before'
run one quick.random.1 22222222-bbbb
try 'another run of this name takes its place' 0 'leat store add db one'
said '^leat store: one: takes the place of an older run of this name$'
try 'and is the only one' 0 "leat store sql db 'SELECT id, uuid, records FROM run' | tail -n +3" <<'END'
1	22222222-bbbb	48
END
try 'without rows of the older one' 0 "leat store sql db 'SELECT (SELECT count(*) FROM raw_access) + (SELECT count(*) FROM raw_other) AS n, (SELECT count(*) FROM string) AS s,
	(SELECT count(*) FROM stat) AS t, (SELECT count(*) FROM factor) AS f, (SELECT count(*) FROM trace) AS k, (SELECT count(*) FROM life) AS l' | tail -n 1" <<END
22	$(leat store sql db 'SELECT count(DISTINCT text) FROM string' | tail -n 1)	3	2	2	6
END
mkdir failed
run failed/quick.random.1.2 quick.random.1 33333333-cccc
try 'a failed attempt has a place of its own' 0 "leat store add db failed/quick.random.1.2 &&
	leat store sql db 'SELECT name, attempt, failed FROM run' | tail -n +3" <<'END'
quick.random.1	0	0
quick.random.1	2	1
END
try 'also seen from there' 0 "cd failed && leat store add ../db quick.random.1.2 && leat store add ../db2 quick.random.1.2 &&
	leat store sql ../db2 'SELECT attempt FROM run' | tail -n 1; rm ../db2" <<'END'
2
END
try 'and has no trace to get' 2 'leat store get db quick.random.1.2' </dev/null
said '^leat store: db: run 2 was added without traces$'

# ---- first repetitions ----
for rep in 1 2 3; do
	run "rep$rep" "quick.random.$rep" "$rep$rep$rep" $rep
	cp all.leat "rep$rep/trace.leat"
done
try '--first-only: traces of the first repetition, statistics of all' 0 "leat store add --first-only some rep1 rep2 rep3 &&
	leat store sql some 'SELECT rep, traced, records, (SELECT value FROM stat WHERE run = id AND name = \"wall_ns\") AS wall FROM run' | tail -n +3" <<'END'
1	1	24	1000
2	0	0	2000
3	0	0	3000
END
try 'again changes nothing' 0 'leat store add --first-only some rep1 rep2 rep3'
silent
try 'the others can be added later' 0 "leat store add some rep2 && leat store sql some 'SELECT id, rep, traced, records FROM run' | tail -n +3" <<'END'
1	1	1	24
2	2	1	24
3	3	0	0
END
said '^leat store: rep2: its traces are added$'

# ---- what is damaged, or no run ----
run bad quick.random.4 444 4
leat cat -f all.leat | head -c 300 >bad/trace.leat
try 'a trace that was cut off is added as far as it reads' 2 'leat store add db2 bad'
said '^leat store: bad/trace.leat:'
holds 'as readers see it' 'leat store get -t db2 quick.random.4 | cmp - cut || { leat cat -t bad/trace.leat >cut; leat store get -t db2 quick.random.4 | cmp - cut; }'
try 'with what was lost' 0 "leat store sql db2 'SELECT lost > 0 AS l, traced FROM run' | tail -n 1; leat store sql db2 'SELECT damage NOT NULL AS d FROM trace' | tail -n 1" <<'END'
1	1
1
END
try 'which is told again' 2 'leat store add db2 bad'
said '^leat store: bad/trace.leat:.*(when it was added)$'
run bad5 quick.random.5 555 5
sed 's/addr=0x1000/addr=;;=/' all.leat >bad5/trace.leat
try 'a line that does not read' 2 'leat store add db2 bad5'
said '^leat store: bad5/trace.leat:8: '
try 'get --strict says that something was lost' 2 'leat store get --strict db2 quick.random.5 >/dev/null' </dev/null
said '^leat store: something was lost'
try 'and so does add' 2 'leat store add --strict db one' </dev/null
try 'which it does not without' 0 'leat store add db one' </dev/null
run bad8 quick.random.8 888 8
cp all.leat bad8/a.leat
ln -s nowhere bad8/b.leat
mkdir bad8/c.leat
head -c 60 one/before.leat >bad8/before.leat
for again in first again; do
	try "what cannot be read at all, $again" 2 'leat store add db8 bad8 && exit 9; leat store get --trace a db8 quick.random.8; exit 2' <all.leat
done
try 'nor is got' 0 'leat store get --trace b db8 quick.random.8' <<'END'
#leat 1
END
try 'is told' 2 'leat store add db8 bad8' </dev/null
said '^leat store: bad8/before.leat:2: '
said '^leat store: bad8/b.leat: No such file or directory (when it was added)$'
said '^leat store: bad8/c.leat: Is a directory (when it was added)$'
mkdir none
run broken quick.random.6 666 6
sed -i '$d' broken/run.leat
run odd quick.random.7 777 7
sed -i 's/levels=quick;random;/levels=quick;/' odd/run.leat
try 'what is no run is told, the others are added' 2 "leat store add db3 none nosuch broken odd rep1; s=\$?
	leat store sql db3 'SELECT name FROM run' | tail -n +3; exit \$s" <<'END'
quick.random.1
END
said '^leat store: none/run.leat: No such file or directory: no run is there$'
said '^leat store: nosuch/run.leat: No such file or directory: no run is there$'
said '^leat store: broken/run.leat: it was cut off$'
said '^leat store: odd/run.leat:4: factors and levels are not two lists of one length$'

# ---- what is no database of ours ----
try 'no database' 2 'leat store list nosuch' </dev/null
said '^leat store: nosuch: No such file'
yes 'this is no database at all' | head -n 100 >text
try 'a file that is none' 2 'leat store add text rep1' </dev/null
said '^leat store: text: file is not a database$'
holds 'which stays' 'yes "this is no database at all" | head -n 100 | cmp - text'
cp some other
# (bytes 60 to 63 of the file are the version, 68 to 71 whose it is)
printf '\0\0\0\11' | dd of=other bs=1 seek=60 conv=notrunc 2>/dev/null
try 'another version of the schema' 2 'leat store add other rep3' </dev/null
said '^leat store: other: its schema is version 9, and this leat store knows version 1: use the leat that made it'
printf '\0\0\0\0' | dd of=other bs=1 seek=68 conv=notrunc 2>/dev/null
try "somebody else's database" 2 'leat store list other' </dev/null
said '^leat store: other: a database, but none that leat store made$'
: >empty
try 'an empty one to read' 2 'leat store list empty' </dev/null
said '^leat store: empty: an empty database: nothing was added yet$'
try 'is as good as none to write' 0 'leat store add empty rep1'
try 'reading needs no right to write' 0 'chmod a-w empty; leat store get empty quick.random.1' <all.leat
try 'what to do must be said' 2 'leat store' </dev/null
try 'and be known' 2 'leat store drop db' </dev/null
said '^leat store: drop: none of add, list, stat, get, sql$'
try 'add needs a run' 2 'leat store add new; s=$?; [ -e new ] && exit 9; exit $s' </dev/null
said '^leat store: add: DIR'
try 'get takes one' 2 'leat store get db a b' </dev/null

# ---- faults ----
# Runs whose adding takes a while.
for i in 1 2 3 4; do
	run "big$i" "big.random.$i" "big$i" $i
	awk -v seed=$i 'BEGIN {
		print "#leat 1"
		x = seed
		for (i = 0; i < 15000; i++) {
			x = (x * 69069 + 1) % 4294967296
			printf "access\tt=%d\tpid=7\ttid=%d\top=load\taddr=0x7f%08x\tweight=%d\tchain=0x%x;0x%x;\n", i, x % 5, x, x % 99, x % 977, x % 53
			if (i % 7 == 0) printf "alloc\tt=%d\tpid=7\taddr=0x%x\tsize=%d\tstack=main;f%d;\n", i, x % 1000, i, x % 211
			if (i % 11 == 0) printf "free\tt=%d\tpid=7\taddr=0x%x\n", i, x % 1000
		}
	}' | leat cat -f -o "big$i/trace.leat"
done
bigs='big1 big2 big3 big4'
start=$(date +%s%N)
# shellcheck disable=SC2086
leat store add clean $bigs 2>err
took=$((($(date +%s%N) - start) / 1000))
dump clean >reference
holds 'there is something to lose' '[ "$(leat store sql clean "SELECT count(*) FROM raw_access" | tail -n 1)" -eq 60000 ]'
holds 'big traces come back' 'leat cat -t big3/trace.leat >one.txt; leat store get -t clean big.random.3 | cmp - one.txt'

# Kills COMMAND after USEC microseconds.
cat >killed.pl <<'END'
use Time::HiRes qw(usleep);
my ($usec, @command) = @ARGV;
my $pid = fork // die;
if ($pid == 0) { exec @command; die }
usleep($usec);
kill 9, $pid;
waitpid $pid, 0;
exit($? == 0 ? 3 : 0);
END
kills=0 same=0 whole=0 journals=0 rounds=30
: >strange
[ "${TEST_S:-0}" -lt 3600 ] || rounds=200
i=0
x=12345
while [ $i -lt $rounds ]; do
	i=$((i + 1))
	x=$(((x * 1103515245 + 12345) % 2147483648))
	rm -f faulty faulty-journal
	[ $((i % 3)) -ne 0 ] || leat store add faulty big1
	# shellcheck disable=SC2086
	perl killed.pl $((x / 7 % took)) leat store add -q faulty $bigs 2>>err && kills=$((kills + 1))
	# What a reader finds is whole, journal or not.
	if [ -s faulty ]; then
		[ ! -s faulty-journal ] || journals=$((journals + 1))
		if leat store sql faulty 'SELECT coalesce(sum(records), 0) - (SELECT count(*) FROM raw_access) - (SELECT count(*) FROM raw_alloc)
			- (SELECT count(*) FROM raw_free) - (SELECT count(*) FROM raw_other) AS n FROM run' >got 2>err; then
			[ "$(tail -n 1 got)" != 0 ] || whole=$((whole + 1))
		elif grep -q 'nothing was added yet' err; then
			whole=$((whole + 1))
		else
			cat got err >>strange
		fi
	else
		whole=$((whole + 1))
	fi
	# shellcheck disable=SC2086
	leat store add -q faulty $bigs 2>>err
	dump faulty | cmp -s - reference && same=$((same + 1))
done
holds "kill -9 in the middle ($kills of $rounds)" "[ $kills -ge $((rounds / 3)) ]"
holds "what is there then is whole runs ($journals journals)" "cat strange; [ $whole -eq $rounds ]"
holds 'and added again, it is as without' "[ $same -eq $rounds ]"
holds 'and nothing is left beside' "[ ! -e faulty-journal ]"

for n in 100 1500; do
	rm -f full full-journal
	try "no room after $n blocks" 2 "trap '' XFSZ; ulimit -f $n; leat store add full $bigs" </dev/null
	said '^leat store: full: '
	holds 'and then with room' "leat store add full $bigs"
	dump full >two
	holds 'it is as without' 'cmp two reference'
done

rm -f both
try 'two at once wait for each other' 0 "leat store add both big1 big2 big3 2>err1 & leat store add both big4 big3 big2 2>err2; a=\$?; wait \$! && [ \$a -eq 0 ]; s=\$?
	cat err1 err2; exit \$s"
for i in 1 2 3 4; do
	leat store get both big.random.$i | leat cat -t >one.txt
	leat cat -t big$i/trace.leat | cmp - one.txt || bad "run $i of two adders"
done
# The trace is a FIFO, so that its adder holds the database until we say so.
run slow slow.random.1 slow
mkfifo slow/trace.leat
holds 'who waits says so, and goes on' "rm -f held; leat store add held big1; leat store add held slow & sleep 0.3
	leat store add held big2 2>err2 & sleep 2.6; ! leat store sql held 'SELECT 1' | grep -q 2 || exit 9; cat all.leat >slow/trace.leat; wait; cat err2 >&2
	[ \"\$(leat store sql held 'SELECT count(*) FROM run' | tail -n 1)\" -eq 3 ]"
said '^leat store: held: somebody else has it: waiting$'
holds 'each run is there once' '[ "$(leat store sql both "SELECT count(*), count(DISTINCT name), sum(records) FROM run" | tail -n 1)" = "$(leat store sql clean "SELECT count(*), count(DISTINCT name), sum(records) FROM run" | tail -n 1)" ]'
try 'a reader meanwhile sees whole runs' 0 "rm -f now; leat store add now big1; leat store add now $bigs & 
	for i in 1 2 3 4 5 6; do leat store sql now 'SELECT sum(records) - (SELECT count(*) FROM raw_access) - (SELECT count(*) FROM raw_alloc)
		- (SELECT count(*) FROM raw_free) - (SELECT count(*) FROM raw_other) AS n FROM run' | tail -n 1; done | sort -u; wait" <<'END'
0
END

finish
