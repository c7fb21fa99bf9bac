#!/bin/sh
# store-stat.t - list, stat and sql of runs with known numbers, against awk and sort
. tests/lib.sh

# run DIR NAME FACTORS LEVELS REP POSITION DRY VALUES: a run's directory, whose command began at second POSITION; each of VALUES
# is section:name:value[:unit].
run () {
	mkdir -p "$1"
	n=$((n + 1))
	{
		printf '#leat 1\nstart\tt=0\ttool="run"\thost="here"\n'
		printf 'clock\tt=0\tmonotonic_raw=0\tmonotonic=0\trealtime=1000000000000000000\n'
		printf 'run\tt=%d\tname="%s"\tid="00000000-0000-4000-8000-%012d"\texperiment="%s"' \
			"$6"000000000 "$2" "$n" "${experiment:-sorting}"
		[ -z "$3" ] || printf '\tfactors=%s;\tlevels=%s;' "$3" "$4"
		printf '\trep=%d\tposition=%d\tsettings="%s"\tdry=%d\n' "$5" "$6" "${settings:-$4}" "$7"
		for v in $8; do
			section=${v%%:*} v=${v#*:}
			name=${v%%:*} v=${v#*:}
			unit=
			case $v in *:*) unit=${v#*:} v=${v%%:*} ;; esac
			printf 'stat\tt=0\tname="%s"\tvalue=%s%s\tsection="%s"\n' "$name" "$v" "${unit:+	unit=\"$unit\"}" "$section"
		done
		printf 'end\ttool="run"\tmade=1\tlost=0\n'
	} >"$1/run.leat"
}
n=0

# Two programs, dry and with a sampler, seven repetitions; each number is known.
awk 'BEGIN {
	for (rep = 1; rep <= 7; rep++)
		for (p = 0; p < 2; p++)
			for (c = 0; c < 2; c++) {
				x = (x * 69069 + 12345) % 4294967296
				wall = (p + 1) * 1000000 * (c ? 1.25 : 1) + int(x / 65536) % 50000
				print p ? "merge" : "heap", c ? "sample" : "dry", rep, ++position, !c, wall, int(wall / 3), rep * 4096, wall / 8
			}
}' >known
while read -r program config rep position dry wall user rss rate; do
	run "runs/$program.$config.$rep" "$program.$config.$rep" 'program;config' "$program;$config" "$rep" "$position" "$dry" \
		"run:wall_ns:$wall:ns run:user_ns:$user:ns run:sys_ns:0:ns run:maxrss_bytes:$rss:bytes run:exit_status:0 values:rate:$rate:op/s"
done <known
holds 'the runs are added' 'leat store add -q e.db runs/*'

# ---- list ----

{
	printf '# store table=list runs=28\n# unit_rate=op/s\n'
	printf 'experiment\tname\tprogram\tconfig\trep\tposition\tdry\tfailed\tattempt\thost\tstarted_ns\tlost\twall_ns\tuser_ns\tsys_ns\tmaxrss_bytes\texit_status\trate\n'
	awk -v OFS='\t' '{ print "sorting", $1 "." $2 "." $3, $1, $2, $3, $4, $5, 0, 0, "here", "1" sprintf("%018.0f", $4 * 1e9), 0, $6, $7, 0, $8, 0, $9 }' known
} >list.want
try 'a row for each run, in the order of the plan' 0 'leat store list e.db' <list.want
silent
holds 'the same bytes, whatever the order of adding' 'ls -d runs/* | sort -R --random-source=known | xargs leat store add -q shuffled.db &&
	leat store list shuffled.db | cmp - list.want && leat store stat shuffled.db >shuffled && leat store stat e.db | cmp - shuffled'
holds 'from standard input' 'leat store list <e.db | cmp - list.want'
holds 'to a file' 'leat store list -o list.tsv e.db && cmp list.tsv list.want'

# ---- stat ----

# The numbers of each cell by sort and awk: of 7 values the median is the fourth, and its interval the first and the last.
awk '{ print $1, $2, "wall_ns", "ns", $6; print $1, $2, "user_ns", "ns", $7; print $1, $2, "sys_ns", "ns", 0
	print $1, $2, "maxrss_bytes", "bytes", $8; print $1, $2, "rate", "op/s", $9 }' known | sort -k1,4 -k5,5n |
	awk -v OFS='\t' '{
		v[++n] = $5; sum += $5
		if (n < 7) next
		mean = sum / 7
		for (i = 1; i <= 7; i++) squares += (v[i] - mean) ^ 2
		print $1, $2, $3, $4, 7, 0, v[1], v[4], v[1], v[7], sprintf("%.10g", mean), sprintf("%.10g", sqrt(squares / 6)), v[7]
		n = sum = squares = 0
	}' | sort >stat.want
leat store stat e.db >stat.tsv 2>err
holds 'runs, min, median and its interval, mean, deviation, max' 'grep "^sorting" stat.tsv | cut -f2-14 | sort | diff stat.want -'
silent
try 'the head' 0 'head -n 2 stat.tsv' <<'END'
# store table=stat runs=28 cells=4 confidence=95% seed=1 resamples=1999
experiment	program	config	metric	unit	runs	failed	min	median	median_lo	median_hi	mean	stddev	max	base	overhead	overhead_lo	overhead_hi
END
try 'cells in order, metrics in order' 0 'cut -f2-4 stat.tsv | sed 1,2d | head -n 6' <<'END'
heap	dry	wall_ns
heap	dry	user_ns
heap	dry	sys_ns
heap	dry	maxrss_bytes
heap	dry	rate
heap	sample	wall_ns
END
# The overhead is that of the medians; its interval holds it, and 25 %, and is within the ratios of the extremes.
holds 'overhead against the dry cell' 'awk -F "\t" "
	/^sorting/ && \$3 == \"dry\" { median[\$2 \$4] = \$9; min[\$2 \$4] = \$8; max[\$2 \$4] = \$14; if (\$15 \$16 \$17 \$18 != \"\") exit 1 }
	/^sorting/ && \$3 == \"sample\" && \$4 != \"sys_ns\" {
		n++
		d = \$16 - (\$9 / median[\$2 \$4] - 1)
		if (d > 1e-5 || d < -1e-5 || \$15 != \"config=dry\") { print; exit 1 }
		if (\$17 > \$16 || \$18 < \$16 || \$17 < \$8 / max[\$2 \$4] - 1 - 1e-5 || \$18 > \$14 / min[\$2 \$4] - 1 + 1e-5) { print; exit 1 }
		if (\$4 == \"maxrss_bytes\" && (\$16 != 0 || \$17 >= 0 || \$18 <= 0)) { print; exit 1 }
		if (\$4 == \"wall_ns\" && (\$17 < 0.2 || \$17 > 0.25 || \$18 < 0.25 || \$18 > 0.3)) { print; exit 1 }
	}
	END { exit n != 8 }" stat.tsv'
try 'of a time of 0 there is none' 0 'grep "sample	sys_ns" stat.tsv' <<'END'
sorting	heap	sample	sys_ns	ns	7	0	0	0	0	0	0	0	0	config=dry			
sorting	merge	sample	sys_ns	ns	7	0	0	0	0	0	0	0	0	config=dry			
END
holds 'the same seed, the same bytes' 'leat store stat --seed 1 --confidence 95% e.db | cmp - stat.tsv'
holds 'another seed, nearly the same interval' 'leat store stat --seed 2 e.db >other && ! cmp -s stat.tsv other && paste stat.tsv other | awk -F "\t" "
	/^sorting/ && \$17 != \"\" && \$4 != \"maxrss_bytes\" { d = \$17 - \$35; if (d > 0.01 || d < -0.01) exit 1; n++ } END { exit n != 6 }"'
holds 'more confidence, wider' 'leat store stat --confidence 99 e.db | paste stat.tsv - | awk -F "\t" "
	/^sorting/ && \$16 != \"\" && \$4 != \"maxrss_bytes\" { if (!(\$35 < \$17 && \$36 > \$18)) exit 1; n++ } END { exit n != 6 }"'

try 'metrics that are asked for' 0 'leat store stat --metric rate,exit_status e.db | cut -f2-7 | sed 1,2d' <<'END'
heap	dry	exit_status		7	0
heap	dry	rate	op/s	7	0
heap	sample	exit_status		7	0
heap	sample	rate	op/s	7	0
merge	dry	exit_status		7	0
merge	dry	rate	op/s	7	0
merge	sample	exit_status		7	0
merge	sample	rate	op/s	7	0
END
try 'one that is not there' 2 'leat store stat --metric speed e.db' </dev/null
said 'e.db: no metric speed; there are: wall_ns, user_ns, sys_ns, maxrss_bytes, exit_status, rate'
try 'another base' 0 'leat store stat --base program=heap --metric wall_ns e.db | cut -f2,3,15,16 | sed 1,2d | sed "s/\(0\.9\|1\.0\)[0-9]*$/1/"' <<'END'
heap	dry		
heap	sample		
merge	dry	program=heap	1
merge	sample	program=heap	1
END
silent
try 'no such level' 2 'leat store stat --base config=wet e.db' </dev/null
said 'e.db: no level of config: wet; there are: dry, sample'
try 'no such factor' 2 'leat store stat --base size=1 e.db' </dev/null
said 'e.db: no factor size; there are: program, config'
try 'no FACTOR=LEVEL' 2 'leat store stat --base dry e.db' </dev/null
said 'not FACTOR=LEVEL'

# One repetition, and then failures: counted, and nothing else.
mkdir one
run one/quick.dry.1 quick.dry.1 'program;config' 'quick;dry' 1 1 1 'run:wall_ns:1000:ns'
run one/quick.on.1 quick.on.1 'program;config' 'quick;on' 1 2 0 'run:wall_ns:1500:ns'
try 'one repetition' 0 'leat store add -q one.db one/*; leat store stat one.db' <<'END'
# store table=stat runs=2 cells=2 confidence=95% seed=1 resamples=1999
experiment	program	config	metric	unit	runs	failed	min	median	median_lo	median_hi	mean	stddev	max	base	overhead	overhead_lo	overhead_hi
sorting	quick	dry	wall_ns	ns	1	0	1000	1000			1000		1000				
sorting	quick	on	wall_ns	ns	1	0	1500	1500			1500		1500	config=dry	0.5		
END
silent
run failed/quick.on.1.1 quick.on.1 'program;config' 'quick;on' 1 2 0 'run:wall_ns:7:ns run:exit_status:1'
run failed/quick.on.1.2 quick.on.1 'program;config' 'quick;on' 1 2 0 'run:wall_ns:8:ns run:signal:9'
run failed/slow.on.1.1 slow.on.1 'program;config' 'slow;on' 1 3 0 'run:wall_ns:9:ns run:timed_out:1'
try 'failed attempts are in the list' 0 'leat store add -q one.db failed/*; leat store list one.db | cut -f2-9,13-16' <<'END'
# store table=list runs=5
# failed=3
name	program	config	rep	position	dry	failed	attempt	wall_ns	exit_status	signal	timed_out
quick.dry.1	quick	dry	1	1	1	0	0	1000			
quick.on.1	quick	on	1	2	0	1	1	7	1		
quick.on.1	quick	on	1	2	0	1	2	8		9	
quick.on.1	quick	on	1	2	0	0	0	1500			
slow.on.1	slow	on	1	3	0	1	1	9			1
END
try 'and are counted by stat' 0 'leat store stat one.db | cut -f2-9,14-' <<'END'
# store table=stat runs=2 cells=3 confidence=95% seed=1 resamples=1999
# failed=3
program	config	metric	unit	runs	failed	min	median	max	base	overhead	overhead_lo	overhead_hi
quick	dry	wall_ns	ns	1	0	1000	1000	1000				
quick	on	wall_ns	ns	1	2	1500	1500	1500	config=dry	0.5		
slow	on	wall_ns	ns	0	1							
END
said '1 of 3 cells have no base, so no overhead (--base FACTOR=LEVEL names one): program=slow config=on: no dry cell has the same other levels'

# What the workload measured: text, twice, missing, in other units, under names that are taken.
run odd/a.1 a.1 p a 1 1 0 'run:wall_ns:10:ns values:ops:5:op/s values:sum:"abc" values:wall_ns:3:ns values:rep:4'
run odd/a.2 a.2 p a 2 2 0 'run:wall_ns:20:ns values:ops:7:op/s values:ops:9:op/s'
run odd/a.3 a.3 p a 3 3 0 'run:wall_ns:30:ns values:ops:0.5:kop/s'
try 'values of many kinds' 0 'leat store add -q odd.db odd/*; leat store list odd.db | cut -f2-4,11-' <<'END'
# store table=list runs=3
# unit_ops=op/s
# unit_ops.kop/s=kop/s
name	p	rep	lost	wall_ns	ops	sum	values.wall_ns	values.rep	ops.kop/s
a.1	a	1	0	10	5	abc	3	4	
a.2	a	2	0	20	7				
a.3	a	3	0	30					0.5
END
try 'what is no number, missing, or there twice is told' 0 'leat store stat odd.db | cut -f2-9' <<'END'
# store table=stat runs=3 cells=1 confidence=95% seed=1 resamples=1999
# lost=1 why=missing metric=ops
# lost=1 why=twice-in-a-run metric=ops
# lost=2 why=missing metric=values.wall_ns
# lost=2 why=missing metric=values.rep
# lost=2 why=missing metric=ops.kop/s
p	metric	unit	runs	failed	min	median	median_lo
a	wall_ns	ns	3	0	10	20	
a	ops	op/s	2	0	5	6	
a	values.wall_ns	ns	1	0	3	3	
a	values.rep		1	0	4	4	
a	ops.kop/s	kop/s	1	0	0.5	0.5	
END
said 'no cell of its experiment is dry'
holds 'but not with -q' 'leat store stat -q odd.db' && silent
try 'a text is a metric where it is asked for' 0 'leat store stat -q --metric sum odd.db' <<'END'
# store table=stat runs=3 cells=1 confidence=95% seed=1 resamples=1999
# lost=2 why=missing metric=sum
# lost=1 why=not-a-number metric=sum
experiment	p	metric	unit	runs	failed	min	median	median_lo	median_hi	mean	stddev	max	base	overhead	overhead_lo	overhead_hi
END
try 'a name is all that are called so' 0 'leat store stat -q --metric ops odd.db | cut -f3,4 | sed 1,5d' <<'END'
ops	op/s
ops.kop/s	kop/s
END
holds 'an error with --strict' 'leat store stat --strict odd.db >/dev/null; [ $? -eq 2 ] && leat store stat --strict --metric wall_ns odd.db'

# A cell that was changed: what the latest settings gave. Factors named as columns, and levels with blanks, = and commas.
settings=old
run changed/1 x.1 'base;runs' 'a=1,b;7 up' 1 1 0 'run:wall_ns:1:ns'
settings=new
run changed/2 x.2 'base;runs' 'a=1,b;7 up' 2 9 0 'run:wall_ns:2:ns'
run changed/3 y.1 'base;runs' 'c;7 up' 1 9 0 'run:wall_ns:3:ns'
settings=
try 'other settings are lost; names that are taken' 0 'leat store add -q changed.db changed/*; leat store stat --base base=a=1,b changed.db | cut -f2-9,15,16' <<'END'
# store table=stat runs=3 cells=2 confidence=95% seed=1 resamples=1999
# lost=1 why=other-settings
factor.base	factor.runs	metric	unit	runs	failed	min	median	base	overhead
a=1,b	7 up	wall_ns	ns	1	0	2	2		
c	7 up	wall_ns	ns	1	0	3	3	base=a=1,b	0.5
END
silent

# Runs without a plan, and several experiments with other factors; levels in the order of their numbers and sizes.
run many/w1 sort '' '' 1 0 0 'run:wall_ns:1:ns'
experiment=memory
for size in 1M 4k 128k 30 100; do
	run "many/$size" "$size.1" size "$size" 1 1 0 'run:wall_ns:1:ns'
done
experiment=
try 'several experiments' 0 'leat store add -q many.db many/*; leat store stat many.db | cut -f1-6' <<'END'
# store table=stat runs=6 cells=6 confidence=95% seed=1 resamples=1999
experiment	name	size	metric	unit	runs
memory		30	wall_ns	ns	1
memory		100	wall_ns	ns	1
memory		4k	wall_ns	ns	1
memory		128k	wall_ns	ns	1
memory		1M	wall_ns	ns	1
sorting	sort		wall_ns	ns	1
END
run ambiguous/1 x 'config' none 1 1 1 'run:wall_ns:1:ns'
run ambiguous/2 y 'config' empty 1 2 1 'run:wall_ns:1:ns'
run ambiguous/3 z 'config' full 1 3 0 'run:wall_ns:4:ns'
try 'two dry cells' 0 'leat store add -q ambiguous.db ambiguous/*; leat store stat ambiguous.db | cut -f2,8,14,15 | sed 1,2d' <<'END'
empty	1		
full	4		
none	1		
END
said 'config=full: several dry cells could be its base'
try 'one of them by name' 0 'leat store stat --base config=none ambiguous.db | cut -f2,8,14-15 | sed 1,2d' <<'END'
empty	1	config=none	0
full	4	config=none	3
none	1		
END
silent

# ---- sql ----

sql () {
	try "$1" "$2" "leat store sql e.db \"$3\" | sed 1d"
}
try 'a question' 0 'leat store sql e.db "SELECT name, rep FROM run WHERE rep < 2 ORDER BY name LIMIT 2"' <<'END'
# store table=sql query="SELECT name, rep FROM run WHERE rep < 2 ORDER BY name LIMIT 2"
name	rep
heap.dry.1	1
heap.sample.1	1
END
sql 'all kinds of values' 0 "SELECT NULL AS n, x'00ff' AS b, 1.5 AS r, 3.0 AS w, 0.1 AS t, -7 AS i, 'a' || char(9, 92, 10) AS s, 1e300 AS big" <<'END'
n	b	r	w	t	i	s	big
	00ff	1.5	3	0.1	-7	a\t\\\n	1e+300
END
holds 'the list as a table' 'leat store sql e.db "SELECT * FROM results ORDER BY position" | sed 1d | cut -f1-18 >got.results && sed 1,2d list.want | diff - got.results'
sql 'medians by cell' 0 'SELECT program, config, median(wall_ns) = (SELECT wall_ns FROM results s WHERE s.program = r.program AND s.config = r.config ORDER BY wall_ns LIMIT 1 OFFSET 3) AS same FROM results r GROUP BY 1, 2' <<'END'
program	config	same
heap	dry	1
heap	sample	1
merge	dry	1
merge	sample	1
END
sql 'quantile, stddev, addr' 0 "SELECT quantile(x, 0.9) AS q, quantile(x, 0) AS lo, median(x) AS m, round(stddev(x), 6) AS s, addr(-1) AS a, (SELECT stddev(1)) AS none FROM (SELECT 2 AS x UNION SELECT 4 UNION SELECT 9 UNION SELECT NULL)" <<'END'
q	lo	m	s	a	none
9	2	4	3.605551	0xffffffffffffffff	
END
try 'levels that are numbers compare as numbers' 0 'leat store sql many.db "SELECT size FROM results WHERE size BETWEEN 30 AND 100 ORDER BY size" | sed 1d' <<'END'
size
30
100
END
cp e.db before.db
for q in 'DELETE FROM run' 'INSERT INTO meta VALUES(1, 2)' 'CREATE TABLE x(y)' 'DROP TABLE run' 'VACUUM' "VACUUM INTO 'x.db'" 'CREATE TEMP TABLE x(y)'; do
	try "$q" 2 "leat store sql e.db \"$q\"" </dev/null
	said 'would change the database, and sql only reads'
done
holds 'and nothing was' 'cmp e.db before.db && [ ! -e x.db ]'
try 'no question' 2 "leat store sql e.db \"ATTACH 'x.db' AS x\"" </dev/null
said 'gives no columns'
try 'nothing' 2 'leat store sql e.db " -- nothing"' </dev/null
said 'the query is empty'
try 'two statements' 2 'leat store sql e.db "SELECT 1; SELECT 2"' </dev/null
said 'several statements'
try 'two, and the second is wrong' 2 'leat store sql e.db "SELECT 1; nonsense"' </dev/null
said 'several statements'
sql 'one, and a comment' 0 'SELECT 1 AS x; -- 2
' <<'END'
x
1
END
try 'an error shows its place' 2 'leat store sql e.db "SELECT name,
  speed FROM run"' </dev/null
said 'e.db: no such column: speed'
said '^    speed FROM run$'
said '^    ^$'
try 'Ctrl-C ends a query' 124 "timeout -k 5 -s INT 0.3 leat store sql -o x.tsv e.db 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT sum(x) FROM c'" </dev/null
said 'e.db: interrupted'
holds 'and leaves nothing' '[ -z "$(ls x.tsv* 2>/dev/null)" ]'

# ---- faults ----

for what in list stat 'sql:SELECT 1'; do
	query=${what#*:} what=${what%%:*}
	[ "$what" = sql ] && query="'$query'" || query=
	try "$what without a database" 2 "leat store $what" </dev/null
	try "$what of none" 2 "leat store $what none.db $query" </dev/null
	said 'none.db: No such file'
	holds 'and makes none' '[ ! -e none.db ]'
	try "$what of a table" 2 "leat store $what list.tsv $query" </dev/null
	said 'list.tsv: .*not a database'
	try "$what with more operands" 2 "leat store $what e.db $query more" </dev/null
	said 'more: one operand too many'
	try "$what to a full disk" 2 "leat store $what e.db $query >/dev/full" </dev/null
done
finish
