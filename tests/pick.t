#!/bin/sh
. tests/lib.sh

cat >t <<'EOT'
#leat 1
start	tool=x	version=1	argv=x;
comm	t=1	pid=7	tid=7	name=app
sample	t=1000	cpu=0	pid=7	comm=app	event=cpu-clock	weight=100	chain=0x401136;0x401020;	stack=main;work;
event	t=1001	cpu=0	pid=7	comm=app	name=sched:sched_switch	prev_pid=7	next_pid=0
span	t=1002	dur_ns=12000	name=req	pid=8	value=0.5
lost	t=1003	n=3	why=ring-full
alloc	t=1003	pid=8	addr=0xffffffffffffff00	size=8192	old=0x0	x=-1
mmap	t=1003	pid=8	addr=0x400000	size=4096	path=/bin/app
sample	t=1004	cpu=1	pid=9	comm="a b"	event=cpu-clock	weight=1.5	stack=main;rest;f;
zebra	stripes=3	foals=1;2;
end	tool=x	made=8
EOT
leat cat -f -o t.leat t

# picked ARGUMENTS: type and first field of what comes out; start and end of the ledger, and state, apart
cat >picked <<'EOT'
leat pick "$@" | grep -v -e '^#' -e '^start' -e '^end' -e '^comm' -e '^mmap' -e '^lost' | cut -f 1,2 | tr '\t\n' ' ,'; echo
EOT

try 'what goes through, whole' 0 "leat pick 'cpu == 0' t" <<EOT
#leat 1
start	tool=x	version=1	argv=x;
start	tool=pick	version="$(leat --version | cut -d' ' -f2)"	argv=pick;cpu == 0;t;
comm	t=1	pid=7	tid=7	name=app
sample	t=1000	cpu=0	pid=7	comm=app	event=cpu-clock	weight=100	chain=0x401136;0x401020;	stack=main;work;
event	t=1001	cpu=0	pid=7	comm=app	name=sched:sched_switch	prev_pid=7	next_pid=0
lost	t=1003	n=3	why=ring-full
mmap	t=1003	pid=8	addr=0x400000	size=4096	path=/bin/app
end	tool=x	made=8
end	tool=pick	in=8	passed=4	used=0	made=0	dropped=4	lost=0
EOT
silent
try 'the same from frames' 0 "leat pick -t 'cpu == 0' t.leat | sed 's/t.leat;/t;/; s/pick;-t;/pick;/' | cksum" <<EOT
$(cksum <got)
EOT

# expect EXPRESSION WHAT: the same from lines and from frames
expect () {
	for from in t t.leat; do
		printf '%s\n' "$2" >expected
		printf 'sh picked -t %s %s' "'$(printf '%s' "$1" | sed "s/'/'\\\\''/g")'" "$from" >asked
		try "$1 ($from)" 0 "sh asked" <expected
	done
}
expect 'sched:sched_switch' 'event t=1001,'
expect 'req' 'span t=1002,'
expect 'dur_ns > 10us' 'span t=1002,'
expect 'dur_ns > 12us' ''
expect 'size >= 8KiB' 'alloc t=1003,'
expect 'stack has "main"' 'sample t=1000,sample t=1004,'
expect 'stack has "main" && cpu == 1' 'sample t=1004,'
expect 'stack =~ "^re"' 'sample t=1004,'
expect 'chain has 0x401020' 'sample t=1000,'
expect 'addr > x' 'alloc t=1003,'
expect 'addr > 0x7fffffffffffffff' 'alloc t=1003,'
expect 'x < 0' 'alloc t=1003,'
expect 'size > old' 'alloc t=1003,'
expect 'has(stripes)' 'zebra stripes=3,'
expect '!has(t)' 'zebra stripes=3,'
expect 'foals has 2' 'zebra stripes=3,'
expect "comm == 'a b'" 'sample t=1004,'
expect 'comm =~ "^a.b$"' 'sample t=1004,'
expect 'pid in [7, 9]' 'sample t=1000,event t=1001,sample t=1004,'
expect 'pid + 1 == 9' 'span t=1002,alloc t=1003,'
expect '!(pid == 7)' 'span t=1002,alloc t=1003,sample t=1004,zebra stripes=3,'
expect 'pid != 7' 'span t=1002,alloc t=1003,sample t=1004,'
expect 'type == "sample" || name == "req"' 'sample t=1000,span t=1002,sample t=1004,'
expect 'weight < 2' 'sample t=1004,'
expect 'weight * 2 == 3' 'sample t=1004,'
expect 'value == 0.5' 'span t=1002,'
expect '1 == 1' 'sample t=1000,event t=1001,span t=1002,alloc t=1003,sample t=1004,zebra stripes=3,'

try '-v: the others' 0 "sh picked -v 'pid == 7' t" <<EOT
span t=1002,alloc t=1003,sample t=1004,zebra stripes=3,
EOT
try 'state records are not asked' 0 "leat pick 'pid == 9' t | cut -f 1 | grep -e comm -e mmap" <<'EOT'
comm
mmap
EOT
try '--filter-state: they are' 0 "leat pick --filter-state 'type == \"comm\" || cpu == 1' t | cut -f 1,2 | grep -v -e start -e '#'" <<'EOT'
comm	t=1
lost	t=1003
sample	t=1004
end	tool=x
end	tool=pick
EOT

# fields
only () { grep -v -e '^#' -e '^start' -e '^end' -e '^lost' -e '^comm' -e '^mmap'; }
leat pick --fields weight,stack,pid 'type == "sample"' t | only >fields
try '--fields: t stays, the order is that of the record' 0 'cat fields' <<'EOT'
sample	t=1000	pid=7	weight=100	stack=main;work;
sample	t=1004	pid=9	weight=1.5	stack=main;rest;f;
EOT
leat pick --fields name req t | only >fields
try '--fields: of a span its duration stays, too: it stands at its end' 0 'cat fields' <<'EOT'
span	t=1002	dur_ns=12000	name=req
EOT
leat pick --drop chain,stack,t,event 'type == "sample"' t.leat | leat cat -t | only >fields
try '--drop' 0 'cat fields' <<'EOT'
sample	cpu=0	pid=7	comm=app	weight=100
sample	cpu=1	pid=9	comm="a b"	weight=1.5
EOT
leat pick --fields pid,comm --drop t,pid 'type == "sample"' t | only >fields
try '--fields and --drop' 0 'cat fields' <<'EOT'
sample	comm=app
sample	comm="a b"
EOT
leat pick --fields pid --drop t '!has(pid)' t 2>/dev/null | only >fields
try 'nothing may be left of a record but its type' 0 'cat fields' <<'EOT'
zebra
EOT
try '--fields: state records stay whole' 0 "leat pick --fields pid 'cpu == 0' t | grep mmap" <<'EOT'
mmap	t=1003	pid=8	addr=0x400000	size=4096	path=/bin/app
EOT
holds '--fields: the books balance' "leat pick --fields pid 'cpu == 0' t | leat audit"
for list in ',' 'a,' 'a,,b' 'a b' '1' 'a;b'; do
	try "--fields '$list'" 2 "leat pick --fields '$list' x t" </dev/null
	said ": not a list of fields (a,b,c)\$"
done
holds 'a field that nobody has is told' "leat pick --fields pid,zip 'cpu == 0' t"
said '^leat pick: no record that was picked has a field zip$'
holds 'a comparison with a field that nobody has is told' "leat pick 'comm == app' t"
said '^leat pick: no record has a field app, which the expression compares (a string needs quotes: "app")$'
holds 'has() may ask for what nobody has' "leat pick 'has(nosuch) || cpu == 0' t"
silent

# the first N
try '-n' 0 "sh picked -n 2 'pid != 0' t" <<'EOT'
sample t=1000,event t=1001,
EOT
try '-n: of those that match; state is not counted' 0 "leat pick -n 1 'pid == 8' t | cut -f 1,2 | grep -v -e '#' -e start" <<'EOT'
comm	t=1
span	t=1002
lost	t=1003
mmap	t=1003
end	tool=x
end	tool=pick
EOT
try '-n 0' 2 "leat pick -n 0 'pid == 8' t" </dev/null
# Frames behind the first are not unpacked: even where they are damaged inside, and the books are right.
{
	echo '#leat 1'
	printf 'start\ttool=x\tversion=1\targv=x;\n'
	awk 'BEGIN { for (i = 0; i < 200000; i++) printf "mark\tt=%d\tcode=%d\n", i, i % 10; print "comm\tt=200000\tpid=1\ttid=1\tname=z"
		for (i = 200001; i < 300000; i++) printf "mark\tt=%d\tcode=%d\n", i, i % 10 }'
	printf 'end\ttool=x\tmade=300000\n'
} >many
leat cat -f -o many.leat many
try '-n: what follows is dropped unread, and counted' 0 "leat pick -t -n 3 'code == 7' many.leat | grep -v start" <<'EOT'
#leat 1
mark	t=7	code=7
mark	t=17	code=7
mark	t=27	code=7
comm	t=200000	pid=1	tid=1	name=z
end	tool=x	made=300000
end	tool=pick	in=300000	passed=4	used=0	made=0	dropped=299996	lost=0
EOT
holds '-n: the books balance' 'leat pick -n 3 "code == 7" many.leat | leat audit'
holds '-n: from a pipe' 'cat many.leat | leat pick -n 3 "code == 7" | leat audit'
holds '-n: of lines' 'leat pick -n 3 "code == 7" many | leat audit'
size=$(wc -c <many.leat)
head -c $((size / 2)) many.leat >half.leat
try '-n: a cut file is told' 2 'leat pick -n 3 "code == 7" half.leat >out' </dev/null
said '^leat pick: half.leat'
holds '-n: and passed on as a loss' 'leat cat -t out | grep -q "^lost.*why=truncated"'
try '-n over several inputs' 0 "sh picked -n 5 'pid == 9 || type == \"zebra\"' t t t" <<'EOT'
sample t=1004,zebra stripes=3,sample t=1004,zebra stripes=3,sample t=1004,
EOT

# many blocks, rows of several shapes, kept in runs of all lengths: against awk
awk 'BEGIN { print "#leat 1"; x = 1
	for (i = 0; i < 100000; i++) {
		x = (x * 69069 + 12345) % 4294967296
		if (int(x / 4096) % 3)
			printf "a\tt=%d\tv=%d\tcomm=c%d\n", i, int(x / 65536) % 1000, int(x / 1024) % 7
		else
			printf "b\tt=%d\tcpu=%d\tv=%d\n", i, i % 4, int(x / 65536) % 1000
	} }' >rows
leat cat -f -o rows.leat rows
for most in 0 3 50 500 900 990 998 999; do
	awk -F'[\t=]' -v most=$most '/^a/ { if ($5 <= most) print } /^b/ { if ($7 <= most) print }' rows >want.rows
	holds "v <= $most: $(wc -l <want.rows) of 100000, as awk says" "for f in rows rows.leat; do
		leat pick -t 'v <= $most' \$f | grep -v -e '^#' -e '^start' -e '^end' | cmp - want.rows || exit 1; done"
	holds '  with --fields' "leat pick -t --fields v 'v <= $most' rows.leat | grep -v -e '^#' -e '^start' -e '^end' >got.v
		sed 's/cpu=.	//; s/	comm.*//' want.rows | cmp - got.v"
done
awk -F'[\t=]' '/^a/ && $7 == "c3" && $5 % 2 == 1' rows >want.rows
holds 'strings and arithmetic, as awk says' "leat pick -t 'comm == \"c3\" && v % 2 == 1' rows.leat | grep -v -e '^#' -e '^start' -e '^end' | cmp - want.rows"
holds 'picked twice is picked by both' "leat pick 'v < 500' rows.leat | leat pick 'cpu == 2' | leat cat -t | grep -c '^b' >one
	leat pick -t 'v < 500 && cpu == 2' rows.leat | grep -c '^b' >two; cmp one two && [ \$(cat one) -gt 1000 ]"
holds 'and leaves books that balance' "leat pick 'v < 500' rows.leat | leat pick 'cpu == 2' | leat audit"

# errors
try 'an expression is missing' 2 'leat pick' </dev/null
said '^leat pick: .*EXPR'
try 'an error points at its column' 2 "leat pick 'pid == 7 && cpu = 3' t" </dev/null
cp err said
try '  with the expression, and a caret below' 0 'cat said' <<'EOT'
leat pick: column 17: = compares nothing: == does
  pid == 7 && cpu = 3
                  ^
leat-expr(7) tells what expressions there are
EOT
try 'nothing is written then' 2 "leat pick -o out2 'pid =' t" </dev/null
holds 'no file is left' '[ ! -e out2 ]'

# damage
sed 's/weight=100/weight=;;=/' t >bad
try 'a damaged line is told, the rest is used' 2 "leat pick 'pid == 7' bad | cut -f 1,2 | grep -v -e '#' -e start; leat pick 'pid == 7' bad >/dev/null" <<'EOT'
comm	t=1
lost	t=1
event	t=1001
lost	t=1003
mmap	t=1003
end	tool=x
end	tool=pick
EOT
said '^leat pick: bad:4: '
finish
