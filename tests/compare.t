#!/bin/sh
. tests/lib.sh

# sh through FILTER ARG...: leat compare ARG... with its own status, and its output through the filter.
cat >through <<'EOT'
filter=$1
shift
leat compare "$@" >through.out
status=$?
sh -c "$filter" <through.out
exit $status
EOT

seq 101 111 >a
seq 106 116 >b
try 'two lists of numbers' 1 'leat compare a -- b' <<'EOT'
# compare kind=numbers a=1 b=1 run=value decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	11	11	106	111	1.04717	1.00905	1.08665	0.0098	0.0098	+4.72%
mean	11	11	106	111	1.04717	1.01837	1.07574	0.004	0.004	+4.72%
EOT
silent
try 'equal sets' 0 'leat compare a -- a' <<'EOT'
# compare kind=numbers a=1 b=1 run=value decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	11	11	106	106	1	0.962874	1.03864	1	1	~
mean	11	11	106	106	1	0.971686	1.02782	1	1	~
EOT
silent

# Where -- may stand.
leat compare a -- b >first
holds 'options end first' 'leat compare -- a -- b >two; [ $? -eq 1 ] && cmp first two'
holds 'options between files' 'leat compare a --seed 1 -- b >two; [ $? -eq 1 ] && cmp first two'
holds 'B from standard input' 'leat compare a -- <b >two; [ $? -eq 1 ] && cmp first two'
holds 'B from standard input, by name' 'leat compare a -- - <b >two; [ $? -eq 1 ] && cmp first two'
holds 'A from standard input' 'leat compare -- b <a >two; [ $? -eq 1 ] && cmp first two'
holds 'A from standard input, by name' 'leat compare - -- b <a >two; [ $? -eq 1 ] && cmp first two'
cp b ./--seed
holds 'a file that looks like an option' 'leat compare a -- --seed >two; [ $? -eq 1 ] && cmp first two'
for wrong in '' 'a' 'a b' 'a -- b -- a' '-- a -- b -- a' 'a -- -- b'; do
	try "usage: $wrong" 2 "leat compare $wrong" </dev/null
	said '^leat compare: .*-- '
done
try 'no files' 2 'leat compare --' </dev/null
said '^leat compare: there are no files'

# Several files: each is a run.
for i in 1 2 3 4 5; do
	seq $((100 + i)) $((110 + i)) >"a$i"
	seq $((120 + i)) $((130 + i)) >"b$i"
done
try 'several files: each is a run' 1 'leat compare a1 a2 a3 a4 a5 -- b1 b2 b3 b4 b5' <<'EOT'
# compare kind=numbers a=5 b=5 run=file decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	5	5	108	128	1.18519	1.1597	1.2115	0.007937	0.007937	+18.5%
mean	5	5	108	128	1.18519	1.16092	1.20979	0.007937	0.007937	+18.5%
EOT
try '--pool: each value is one' 1 'sh through "cut -f 1-5" --pool a1 a2 a3 a4 a5 -- b1 b2 b3 b4 b5' <<'EOT'
# compare kind=numbers a=5 b=5 run=value decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B
median	55	55	108	128
mean	55	55	108	128
EOT
holds 'the order of files does not matter' 'leat compare a1 a2 a3 a4 a5 -- b1 b2 b3 b4 b5 >one
	leat compare a4 a2 a5 a1 a3 -- b5 b4 b3 b2 b1 | cmp one -'
try 'too few' 0 'leat compare a1 a2 a3 a4 -- b1 b2 b3 b4 b5' <<'EOT'
# compare kind=numbers a=4 b=5 run=file decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	4	5	107.5	128	1.1907	-	-	-	-	too few
mean	4	5	107.5	128	1.1907	-	-	-	-	too few
EOT
said '^leat compare: 1 of 1: fewer than 5 runs on a side, so no interval and no verdict$'
try 'a file that is missing does not make runs of values' 2 'leat compare a1 nosuch -- b1' <<'EOT'
# compare kind=numbers a=1 b=1 run=file decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	1	1	106	126	1.18868	-	-	-	-	too few
mean	1	1	106	126	1.18868	-	-	-	-	too few
EOT
said '^leat compare: nosuch: No such file'
try 'percentiles' 1 'seq 1 1000 >c; seq 2 2 2000 >d; leat compare --percentiles 90,99.5 c -- d' <<'EOT'
# compare kind=numbers a=1 b=1 run=value decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	1000	1000	500.5	1001	2	1.83626	2.18183	0.0001	0.0001	+100%
mean	1000	1000	500.5	1001	2	1.9009	2.10429	0.0001	0.0001	+100%
p90	1000	1000	900	1800	2	1.9433	2.06063	0.0001	0.0001	+100%
p99.5	1000	1000	995	1990	2	1.98639	2.01422	0.0001	0.0001	+100%
EOT
printf '%s\n' 5 5 5 5 5 >five
printf '%s\n' 6 6 6 6 6 >six
try 'values without spread' 1 'sh through "tail -n 2 | cut -f 4-" five -- six' <<'EOT'
5	6	1.2	1.2	1.2	0.007937	0.007937	+20%
5	6	1.2	1.2	1.2	0.007937	0.007937	+20%
EOT

# No ratio.
printf '%s\n' -1 0 1 0 2 0 >zero
try 'a median of 0: differences' 1 'leat compare zero -- five' <<'EOT'
# compare kind=numbers a=1 b=1 run=value decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	difference	lo	hi	p	q	verdict
median	6	5	0	5	5	3.69505	5.41696	0.002165	0.002165	+5
mean	6	5	0.3333333333	5	4.66667	3.4	5.8	0.002165	0.002165	+4.67
EOT
said '^leat compare: some values are below 0, or a median or mean is 0: differences, not ratios$'
try '--difference' 1 'sh through "tail -n 2 | cut -f 4-" --difference five -- six' <<'EOT'
5	6	1	1	1	0.007937	0.007937	+1
5	6	1	1	1	0.007937	0.007937	+1
EOT
silent

# Tables.
{
	printf '# made by=hand\n# lost=3 why=ring-full\nbench\tn\ttime_ns\n'
	for i in 1 2 3 4 5 6; do
		printf 'copy\t1\t%s\nsort all\t2\t%s\n' $((1000 + i)) $((5000 + i * 7))
	done
} >old.tsv
{
	printf 'bench,n,time_ns\n'
	for i in 1 2 3 4 5 6; do
		printf 'copy,1,%s\n"sort all",2,%s\n' $((1200 + i)) $((5001 + i * 7))
	done
	echo 'new,3,5'
} >new.csv
try 'groups of a column' 1 'leat compare -c time_ns -b bench old.tsv -- new.csv' <<'EOT'
# compare kind=table a=1 b=1 run=value column=time_ns unit=ns decides=median seed=1 resamples=9999 confidence=95% fdr=5%
# lost=3 why=ring-full
# geomean=1.09524 lo=1.09286 hi=1.09761 of=2 what=median
# geomean=1.09524 lo=1.09332 hi=1.09718 of=2 what=mean
bench	what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
copy	median	6	6	1003.5	1203.5	1.1993	1.19644	1.20215	0.002165	0.002165	+19.9%
copy	mean	6	6	1003.5	1203.5	1.1993	1.19657	1.20207	0.002165	0.002165	+19.9%
new	median	0	1	-	5	-	-	-	-	-	only B
new	mean	0	1	-	5	-	-	-	-	-	only B
sort all	median	6	6	5024.5	5025.5	1.0002	0.996568	1.00385	0.8874	0.7273	~
sort all	mean	6	6	5024.5	5025.5	1.0002	0.996858	1.00355	0.8723	0.7197	~
EOT
said '^leat compare: 1 of 3: on one side only$'
# One table with all runs, of which each side takes its rows.
{
	printf '# results\n# lost=2 why=late\nprogram\tdata\tms\n'
	for i in 1 2 3 4 5 6; do
		printf 'heap\trandom\t3%s\nmerge\trandom\t2%s\nheap\tsorted\t1%s\nmerge\tsorted\t1%s\n' $i $i $i $i
	done
	echo short
} >results.tsv
try 'one table, two sides' 2 'leat compare -c ms -b data --where-a program=heap --where-b program=merge results.tsv >one; s=$?; grep -v mean one | cut -f 1-7,12; exit $s' <<'EOT'
# compare kind=table a=1 b=1 run=value column=ms where_a=program=heap where_b=program=merge decides=median seed=1 resamples=9999 confidence=95% fdr=5%
# lost=1 why=bad-line
# lost=2 why=late
data	what	runs_A	runs_B	A	B	ratio	verdict
random	median	6	6	33.5	23.5	0.701493	-29.9%
sorted	median	6	6	13.5	13.5	1	~
EOT
said '^leat compare: results.tsv:28: 1 cells, the header has 3 (1 such line left out)$'
sed -i '/short/d; /lost/d' results.tsv
holds 'the same by hand' 'leat compare -c ms -b data --where-a program=heap --where-b program=merge results.tsv | grep -v ^# >one
	for p in heap merge; do grep -v "^#" results.tsv | grep -e ms -e $p >only.$p; done; leat compare -c ms -b data only.heap -- only.merge | grep -v ^# | cmp - one && [ -s one ]'
holds 'two tables' 'leat compare -c ms -b data --where-a program=heap --where-b program=merge results.tsv -- results.tsv | grep -v ^# | cmp - one'
holds 'of both sides' 'leat compare -c ms --where data=random --where-a program=heap --where-b program=merge results.tsv >some; grep ^random one | cut -f 2-8 >two; grep -e ^median -e ^mean some | cut -f 1-7 >three
	cut -f 1-6 two >four; cut -f 1-6 three | cmp - four && grep -q "where_a=\"data=random program=heap\"" some'
try 'no such row' 2 'leat compare -c ms --where-a program=hea --where-b program=merge results.tsv' </dev/null
said '^leat compare: results.tsv: no row has program=hea; there are: heap merge$'
try 'standard input cannot be both' 2 'leat compare -c ms --where-a program=heap - <results.tsv' </dev/null
said '^leat compare: standard input is read once, and cannot be both sides$'
try 'rows of no table' 2 'seq 9 >nine; leat compare --where a=b nine -- nine' </dev/null
said '^leat compare: nine: numbers: -c, -b and --where are for tables$'
try 'a column by number, two groups' 1 'sh through "grep -v ^# | grep mean | cut -f 1-6" -c 3 -b bench,n old.tsv -- new.csv' <<'EOT'
copy	1	mean	6	6	1003.5
new	3	mean	0	1	-
sort all	2	mean	6	6	5024.5
EOT
holds 'a group says the same whatever the others are' 'leat compare -c 3 -b bench old.tsv -- new.csv | grep ^copy | cut -f 1-10 >one
	for f in old.tsv new.csv; do grep -v sort $f >x.$f; done; leat compare -c 3 -b bench x.old.tsv -- x.new.csv | grep ^copy | cut -f 1-10 | cmp one -'
try 'no column' 2 'leat compare -c speed old.tsv -- new.csv' </dev/null
said '^leat compare: old.tsv: no column speed; there are: bench, n, time_ns$'
try 'no -c' 2 'leat compare old.tsv -- new.csv' </dev/null
said '^leat compare: old.tsv: a table: -c says which column; there are: bench, n, time_ns$'
try 'no column for -b' 2 'leat compare -c n -b x old.tsv -- new.csv' </dev/null
said 'no column x; there are'
try '-c of numbers' 2 'leat compare -c 1 a -- b' </dev/null
said '^leat compare: a: numbers: -c, -b and --where are for tables$'
try 'a cell that is no number, a row that is short' 2 "printf 'x\ty\n1\t2\nfoo\t2\n3\n4\t1\n5\t1\n6\t1\n7\t1\n' >bad; leat compare -c x bad -- bad" <<'EOT'
# compare kind=table a=1 b=1 run=value column=x decides=median seed=1 resamples=9999 confidence=95% fdr=5%
# lost=4 why=bad-line
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	5	5	5	5	1	0.347384	2.88168	1	1	~
mean	5	5	4.6	4.6	1	0.389045	2.71336	1	1	~
EOT
said "^leat compare: bad:3: column x holds no number: 'foo' (2 such lines left out)\$"

# Histograms.
leat hist a >a.hist
leat hist b >b.hist
try 'a histogram each: their values are runs' 1 'leat compare a.hist -- b.hist' <<'EOT'
# compare kind=histograms a=1 b=1 run=value decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	11	11	106	111	1.04717	1.00708	1.08875	0.0204	0.0204	+4.72%
mean	11	11	106	111	1.04717	1.02047	1.07447	0.0014	0.0014	+4.72%
EOT
for i in 1 2 3 4 5; do
	leat hist "a$i" >"a$i.hist"
	leat hist --json "b$i" >"b$i.json"
done
try 'several histograms: each is a run' 1 'leat compare a?.hist -- b?.json' <<'EOT'
# compare kind=histograms a=5 b=5 run=file decides=median seed=1 resamples=9999 confidence=95% fdr=5%
what	runs_A	runs_B	A	B	ratio	lo	hi	p	q	verdict
median	5	5	108	128	1.18519	1.1597	1.2115	0.007937	0.007937	+18.5%
mean	5	5	108	128	1.18519	1.16092	1.20979	0.007937	0.007937	+18.5%
EOT
try 'histograms of groups' 1 'leat hist -c time_ns -b bench old.tsv >old.hist; leat hist -c time_ns -b bench new.csv >new.hist
	sh through "cut -f 1-7,12" old.hist -- new.hist' <<'EOT'
# compare kind=histograms a=1 b=1 run=value unit=ns decides=median seed=1 resamples=9999 confidence=95% fdr=5%
# lost=3 why=ring-full
# geomean=1.09513 lo=1.09284 hi=1.09753 of=2 what=median
# geomean=1.09524 lo=1.09373 hi=1.09698 of=2 what=mean
bench	what	runs_A	runs_B	A	B	ratio	verdict
copy	median	6	6	1003.5	1203.5	1.1993	+19.9%
copy	mean	6	6	1003.5	1203.5	1.1993	+19.9%
new	median	0	1	-	5	-	only B
new	mean	0	1	-	5	-	only B
sort all	median	6	6	5023.5	5023.5	1	~
sort all	mean	6	6	5024.5	5025.5	1.0002	~
EOT

# Folded stacks.
for i in 1 2 3 4 5; do
	printf 'main;f;g %s\nmain;f %s\nmain;h;f %s\nmain;i %s\n' $((100 + i)) $((300 - i)) $((50 + i % 3)) $((550 - i)) >"x$i"
	printf 'main;f;g %s\nmain;f %s\nmain;h;f %s\nmain;i %s\n' $((400 + 4 * i)) $((600 - i)) $((104 + i % 3)) $((900 - i)) >"y$i"
done
try 'folded stacks' 1 'leat compare x? -- y?' <<'EOT'
# compare kind=folded a=5 b=5 run=file unit=% seed=1 confidence=95% fdr=5% least_share=0.5%
# rows=12 small=0 different=7
what	name	A	B	difference	lo	hi	p	q	verdict
self	i	54.7986	44.6004	-10.1981	-10.3899	-10.0064	0.003968	0.007937	-10.2pp
total	f	45.2014	55.3996	10.1981	10.0064	10.3899	0.00463	0.007937	+10.2pp
total	i	54.7986	44.6004	-10.1981	-10.3899	-10.0064	0.003968	0.007937	-10.2pp
stack	main;i	54.7986	44.6004	-10.1981	-10.3899	-10.0064	0.003968	0.007937	-10.2pp
self	g	10.3188	20.4849	10.1661	9.81365	10.5186	0.001984	0.007937	+10.2pp
total	g	10.3188	20.4849	10.1661	9.81365	10.5186	0.001984	0.007937	+10.2pp
stack	main;f;g	10.3188	20.4849	10.1661	9.81365	10.5186	0.001984	0.007937	+10.2pp
total	h	5.12921	5.2307	0.101489	0.0015767	0.201401	0.5899	0.7866	~
stack	main;h;f	5.12921	5.2307	0.101489	0.0015767	0.201401	0.5899	0.7866	~
stack	main;f	29.7534	29.6839	-0.069497	-0.24972	0.110726	0.75	0.9	~
self	f	34.8826	34.9146	0.0319918	-0.143849	0.207833	0.8347	0.9105	~
total	main	100	100	0	0	0	1	1	~
EOT
silent
try 'what is small is not tested' 0 'leat compare --least-share 6 x? -- y? | grep -e rows -e main\;h' <<'EOT'
# rows=12 small=2 different=7
stack	main;h;f	5.12921	5.2307	0.101489	0.0015767	0.201401	-	-	small
EOT
try 'two columns' 1 'leat compare --folded x? -- y?' <<'EOT'
main;f 2992 2985
main;f;g 1038 2060
main;h;f 516 526
main;i 5511 4485
EOT
try 'two columns, and only what is significant' 1 'leat compare --folded --significant x? -- y?' <<'EOT'
main;f 2985 2985
main;f;g 1038 2060
main;h;f 526 526
main;i 5511 4485
EOT
try 'equal profiles' 0 'sh through "cut -f 1,10 | sort | uniq -c | sed \"s/^ *//\"" x? -- x?' <<'EOT'
1 # compare kind=folded a=5 b=5 run=file unit=% seed=1 confidence=95% fdr=5% least_share=0.5%
1 # rows=12 small=0 different=0
3 self	~
4 stack	~
5 total	~
1 what	verdict
EOT
try 'a run each: no verdict' 0 'leat compare -n 3 x1 -- y1' <<'EOT'
# compare kind=folded a=1 b=1 run=file unit=% seed=1 confidence=95% fdr=5% least_share=0.5%
# rows=12 small=0 different=0
what	name	A	B	difference	lo	hi	p	q	verdict
self	i	54.9	44.7932	-10.1068	-	-	-	-	too few
total	i	54.9	44.7932	-10.1068	-	-	-	-	too few
stack	main;i	54.9	44.7932	-10.1068	-	-	-	-	too few
EOT
said '^leat compare: 1 and 1 runs: fewer than 5 on a side, so no verdict$'
try 'recursion counts once' 0 "echo 'a;b;a;b 5' >r; sh through 'grep total' r -- r" <<'EOT'
total	a	100	100	0	-	-	-	-	too few
total	b	100	100	0	-	-	-	-	too few
EOT
flamegraph=$(command -v flamegraph.pl || ls /usr/share/perl5/Devel/NYTProf/flamegraph.pl 2>/dev/null)
if [ -n "$flamegraph" ]; then
	holds 'flamegraph.pl draws the two columns' "leat compare --folded x? -- y? | perl $flamegraph >x.svg; grep -q 'f;\\|f (' x.svg"
	silent
else
	skip 'flamegraph.pl draws the two columns' 'no flamegraph.pl'
fi
try 'a damaged line of folded stacks' 2 "echo 'main;f' >>x1; sh through 'grep -e lost -e ^total.f' x? -- y?" <<'EOT'
# lost=1 why=bad-line
total	f	45.2014	55.3996	10.1981	10.0064	10.3899	0.00463	0.007937	+10.2pp
EOT
said '^leat compare: x1:5: no weight behind a blank (1 such line left out)$'

# What is wrong.
try 'mixed kinds' 2 'leat compare a -- x2' </dev/null
said '^leat compare: x2: folded stacks, while a is numbers: all must be of one kind$'
: >empty
try 'an empty file' 2 'sh through "grep lost" a empty -- b' <<'EOT'
# lost=1 why=empty-file
EOT
said '^leat compare: empty: empty: not a run$'
printf '#leat 1\n' >trace
try 'a trace' 2 'leat compare trace -- trace' </dev/null
said 'leat hist and leat fold make'
try 'no number' 2 "printf '1\n2\n3x\n4\n5\nnan\n6\n# 7\n\n' >bad; sh through 'cut -f 1-4' bad -- bad" <<'EOT'
# compare kind=numbers a=1 b=1 run=value decides=median seed=1 resamples=9999 confidence=95% fdr=5%
# lost=4 why=bad-line
what	runs_A	runs_B	A
median	5	5	4
mean	5	5	3.6
EOT
said '^leat compare: bad:3: no number (2 such lines left out)$'
try '--strict' 2 'sh through "grep lost" --strict -c 3 old.tsv -- old.tsv' <<'EOT'
# lost=6 why=ring-full
EOT
said '^leat compare: something was lost, and --strict was given$'
for wrong in '--confidence 100' '--fdr 0' '--fdr x' '--percentiles 50,,' '--resamples 5' '--seed x' '--significant'; do
	try "a wrong option: $wrong" 2 "leat compare $wrong a -- b" </dev/null
	said "^leat compare: ${wrong%% *}"
done
try 'of folded stacks only' 2 'leat compare --folded a -- b' </dev/null
said '^leat compare: --folded is for folded stacks, not for numbers$'
try 'of numbers only' 2 'leat compare --mean x2 -- y2' </dev/null
said '^leat compare: --mean, --percentiles and --pool are not for folded stacks$'

# Seeds and options.
holds 'another seed, other ends' 'leat compare --seed 2 a -- b >two; ! cmp -s first two'
holds 'less confidence, a narrower interval' 'leat compare --confidence 80 a -- b >two
	paste first two | awk -F "\t" "/^median/ { ok = \$18 > \$7 && \$19 < \$8 } END { exit !ok }"'
seq 10 20 >m
printf '%s\n' 10 11 12 13 14 15 46 47 48 49 50 >n
holds 'the median decides, or the mean' 'leat compare m -- n >two && ! leat compare --mean m -- n >three && ! cmp -s two three &&
	tail -n 2 two >four && tail -n 2 three | cmp - four'

# Truth: 2,000 experiments are 2,000 groups of a table. How many intervals hold the true ratio, and how many equal sets are
# called different, as each would be by itself (and none, or one, where they are tested together).
cat >experiments <<'EOT'
my ($shape, $n, $ratio) = @ARGV;
srand 7;
sub normal { sqrt(-2 * log(1 - rand)) * cos(6.283185307179586 * rand) }
my %draw = (normal => sub { 10 + normal }, lognormal => sub { exp(0.5 * normal) }, exponential => sub { -log(1 - rand) });
for my $side ("a", "b") {
	open my $f, ">", "$side.csv";
	print $f "i,x\n";
	for my $i (1 .. 2000) {
		printf $f "%d,%.9g\n", $i, $draw{$shape}->() * ($side eq "b" ? $ratio : 1) for 1 .. $n;
	}
}
EOT
cat >held <<'EOT'
NF == 12 && $2 != "what" {
	n[$2]++
	held[$2] += $8 <= ratio && ratio <= $9
	different[$2] += ($8 > 1 || $9 < 1) && $10 <= 0.05
	together[$2] += $12 != "~"
}
END {
	for (s in n) {
		printf "%s: %d experiments, %.2f %% held, %.2f %% called different\n", s, n[s], 100 * held[s] / n[s], 100 * different[s] / n[s]
		bad += n[s] != 2000 || held[s] < 0.93 * n[s] || held[s] > 0.97 * n[s]
		bad += ratio == 1 && (different[s] > 0.05 * n[s] || together[s] > 1)
	}
	exit bad || !n["median"] || !n["mean"]
}
EOT
for x in 'normal 10 1' 'lognormal 20 1' 'exponential 10 1.5'; do
	holds "2,000 experiments: $x: intervals hold the truth, equal sets are called equal" "
		perl experiments $x && { leat compare --resamples 499 -c x -b i a.csv -- b.csv; [ \$? -lt 2 ]; } >simulated &&
		awk -F '\t' -v ratio=${x##* } -f held simulated"
	sed 's/^/# /' got
done

finish
