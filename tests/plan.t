#!/bin/sh
# plan: what a table of levels becomes, who gets which run, and what is said of those that are done, failed or of old
. tests/lib.sh

cat >levels <<'EOF'
# two programs on two inputs
factor,level,command,dry,freq,timeout,THREADS
program,quick,$top/sort quick
program,merge,$top/sort merge
data,random,it's random,,,,4
data,a b,,yes,99,2s
repetitions,2
timeout,1m
EOF
try 'a plan' 0 'leat plan levels | cut -f 1,3-' <<'EOF'
# plan seed=1 repetitions=2 cells=4 runs=8 factors=program,data
name	position	program	data	command	dry	freq	cpu_node	mem_node	timeout_ns	THREADS	settings
quick.a+20b.1	1	quick	a b	$top/sort quick	1	99			2000000000		ea04b530f45d6d0e
quick.random.1	2	quick	random	$top/sort quick it's random	0				60000000000	4	a504d096094e4e13
merge.random.1	3	merge	random	$top/sort merge it's random	0				60000000000	4	cbcfebfe73b1fdd8
merge.a+20b.1	4	merge	a b	$top/sort merge	1	99			2000000000		dc8c6ebb566538d0
merge.random.2	5	merge	random	$top/sort merge it's random	0				60000000000	4	cbcfebfe73b1fdd8
merge.a+20b.2	6	merge	a b	$top/sort merge	1	99			2000000000		dc8c6ebb566538d0
quick.random.2	7	quick	random	$top/sort quick it's random	0				60000000000	4	a504d096094e4e13
quick.a+20b.2	8	quick	a b	$top/sort quick	1	99			2000000000		ea04b530f45d6d0e
EOF
silent
holds 'TSV is the same' "leat plan levels >one; tr ',' '\t' <levels | leat plan | cmp - one"
holds 'the rows of a factor may be in another order' "sed '3{h;d};4G' levels >turned; leat plan turned | cmp - one"
holds 'a plan that grows keeps its beginning' "sed 1d one >rows; leat plan --repetitions 9 levels | sed 1d | head -n 9 | cmp - rows"
holds 'another seed, another order' "leat plan --seed 2 levels | sed 1d >other; cut -f 1 other | sort >a; cut -f 1 rows | sort | cmp - a && ! cmp -s other rows"
try '--sequence' 0 'leat plan --sequence data levels | cut -f 3,5' <<'EOF'
# plan seed=1 repetitions=2 cells=4 runs=8 factors=program,data sequence=data
# note="the levels of data run one after another: whatever drifts with time looks like an effect of it"
position	data
1	random
2	random
3	random
4	random
5	a b
6	a b
7	a b
8	a b
EOF
said '^leat plan: the levels of data run one after another'

# What is wrong, and where.
try 'an unknown column' 2 'printf "# a\nfactor,level,comand\n" | leat plan' </dev/null
said '^leat plan: standard input:2: unknown column comand: is command meant? (columns are'
try 'a level twice' 2 'printf "factor,level\na,1\na,2\na,1\n" >bad; leat plan bad' </dev/null
said '^leat plan: bad:4: level 1 of a stands in line 2, too$'
try 'two settings of one thing' 2 'printf "factor,level,freq\na,1,9\nb,1,9\n" >bad; leat plan bad' </dev/null
said '^leat plan: bad:3: freq is set by a=1 (line 2) and by b=1, and they go together'
try 'no such factor in a sequence' 2 'leat plan --sequence date levels' </dev/null
said '^leat plan: levels: the sequence: unknown factor date: is data meant?$'
try 'except' 0 'printf "factor,level,except\nm,dram\nm,pmem,n=1\nn,1\nn,2\n" | leat plan | sed 1,2d | cut -f 1 | sort' <<'EOF'
dram.1.1
dram.2.1
pmem.2.1
EOF
try 'a table is no plan' 2 'leat plan --status levels' </dev/null
said '^leat plan: levels: no number seed= in the first line'
try 'one table at a time' 2 'leat plan levels levels' </dev/null
try 'one thing at a time' 2 'leat plan --next --status levels' </dev/null
try '--until without a number' 2 'leat plan --until CI=x levels' </dev/null
try '--format of another kind' 2 'leat plan --format json levels' </dev/null
said '^leat plan: --format json: neither'

# Names that differ in punctuation only, and names that are too long to be a file's.
{
	printf 'factor,level\n'
	printf 'x,%s\n' a/b a.b 'a b' a_b a-b ab a+b +2f 'a%b' -a ../a '"a,b"'
	printf 'x,%0300d%s\n' 0 a 0 b 0 a/
} >odd
try 'a directory for each' 0 'leat plan -o odd.tsv odd && sed 1,2d odd.tsv | cut -f 1 | while read -r n; do
	mkdir "d.$n" || echo no; done; ls -d d.* | wc -l | tr -d " "' <<'EOF'
15
EOF
holds 'no name begins like an option or leads elsewhere' "! sed 1,2d odd.tsv | cut -f 1 | grep -e '^[-.]' -e /"

# Giving runs.
leat plan -o plan.tsv levels
try 'the first run, and it is held' 0 'leat plan --next plan.tsv; leat plan --next --results results plan.tsv; ls results/part' <<'EOF'
quick.a+20b.1
quick.random.1
quick.a+20b.1
quick.a+20b.1.claim
quick.random.1
quick.random.1.claim
EOF
try 'held by this shell, which is gone' 0 'leat plan --status plan.tsv | head -n 4' <<'EOF'
# status runs=8 todo=6 running=0 done=0 stale=0 failed=0 killed=2
name	rep	position	state	attempts	note
quick.a+20b.1	1	1	killed	0	
quick.random.1	1	2	killed	0	
EOF
cat >loop.sh <<'EOF'
while assignments=$(leat plan --next --format shell --results "$1" "$2"); do
	eval "$assignments"
	echo "$name" >>"$1.log"
	echo "$command, dry $dry, $THREADS" >"$dir/stdout"
	leat plan --done "$name" --results "$1" "$2" || exit 3
done
EOF
try 'a shell makes all of them' 0 'sh loop.sh results plan.tsv; wc -l <results.log; cat results/runs/*.1/stdout; ls results/part' <<'EOF'
8
$top/sort merge, dry 1, 
$top/sort merge it's random, dry 0, 4
$top/sort quick, dry 1, 
$top/sort quick it's random, dry 0, 4
EOF
said '^leat plan: all 8 runs are done$'
try 'what a killed shell left is kept' 0 'ls results/failed; leat plan --count plan.tsv' <<'EOF'
quick.a+20b.1.1
quick.random.1.1
8 of 8 done
EOF
try 'none is left' 1 'leat plan --next plan.tsv' </dev/null
try '--done of a run that is done' 0 'leat plan --done merge.random.2 plan.tsv' </dev/null
try '--done of a run that nobody has' 2 'rm -r results/runs/merge.random.2; leat plan --done merge.random.2 plan.tsv' </dev/null
said '^leat plan: merge.random.2: nobody makes this run'
try '--done of no run' 2 'leat plan --done merge plan.tsv' </dev/null
said '^leat plan: merge: the plan has no such run$'
try '--done of a run that another has' 2 'sleep 5 & leat plan --next --owner $! plan.tsv; leat plan --done merge.random.2 plan.tsv; s=$?; kill $!; exit $s' <<'EOF'
merge.random.2
EOF
said 'process [0-9]* on .* has taken the run over'

# What a shell leaves says which run it was, and what it measured.
try 'a record, and the values' 0 'n=$(leat plan --next --results noted plan.tsv); echo "speed 3.5 m/s" >"noted/part/$n/values"; leat plan --done "$n" --results noted plan.tsv
	leat audit noted/runs/$n/run.leat | grep -c balanced; sed -n "/^run/p; /^stat/p" noted/runs/$n/run.leat | sed "s/	t=[0-9]*//; s/	id=[0-9a-f-]*//; s/	experiment=[^	]*//"' <<'EOF'
1
run	name=quick.a+20b.1	rep=1	position=1	seed=1	settings=ea04b530f45d6d0e	factors=program;data;	levels=quick;a b;	variables=	command="$top/sort quick"	dry=1	freq=99
stat	name=speed	value=3.5	unit=m/s	section=values
EOF
try 'values that are none' 2 'n=$(leat plan --next --results noted plan.tsv); echo speed >"noted/part/$n/values"; leat plan --done "$n" --results noted plan.tsv; s=$?
	ls noted/part/$n; rm noted/part/$n/values; leat plan --done "$n" --results noted plan.tsv; ls noted/runs; exit $s' <<'EOF'
values
quick.a+20b.1
quick.random.1
EOF
said '^leat plan: noted/part/quick.random.1/values:1: '
try 'such a run can be stale, too' 0 'sed "s/sort quick/sort -q/" levels | leat plan >changed.tsv; leat plan --count --results noted changed.tsv' <<'EOF'
0 of 8 done, 2 stale: quick.a+20b.1, quick.random.1; 8 to do
EOF

# Runs that fail.
rm -rf results
cat >fails.sh <<'EOF'
while name=$(leat plan --next $1 plan.tsv 2>last); do
	echo "$name"
	case $name in
	quick*) leat plan --failed "$name" plan.tsv ;;
	*) leat plan --done "$name" plan.tsv ;;
	esac || exit 3
done
cat last
EOF
try 'what failed is not given again' 0 'sh fails.sh' <<'EOF'
quick.a+20b.1
quick.random.1
merge.random.1
merge.a+20b.1
merge.random.2
merge.a+20b.2
quick.random.2
quick.a+20b.2
leat plan: nothing to do: 4 of 8 runs are done, 0 are being made, 4 failed (--retry gives them again)
EOF
try '--retry: until they failed so often, in rounds' 0 'sh fails.sh --retry=3; ls results/failed | sed "s/.*\.//" | sort | uniq -c | sed "s/^ *//"' <<'EOF'
quick.a+20b.1
quick.random.1
quick.random.2
quick.a+20b.2
quick.a+20b.1
quick.random.1
quick.random.2
quick.a+20b.2
leat plan: nothing to do: 4 of 8 runs are done, 0 are being made, 4 failed
4 1
4 2
4 3
EOF
try '--retry has no end of its own' 0 'leat plan --next --retry plan.tsv' <<'EOF'
quick.a+20b.1
EOF
# says DIRECTORY SETTINGS [NAME VALUE]...: what leat run leaves there
says () {
	at=$1
	settings=$2
	shift 2
	mkdir -p "$at"
	{
		printf '#leat 1\nstart\tt=1\ttool=run\tversion=1\tclock=monotonic_raw\targv=run;\n'
		printf 'run\tt=2\tname=x\tsettings="%s"\trep=1\n' "$settings"
		while [ $# -gt 0 ]; do
			printf 'stat\tt=3\tname=%s\tvalue=%s\tsection=run\n' "$1" "$2"
			shift 2
		done
		printf 'end\tt=4\ttool=run\tmade=3\tlost=0\n'
	} >"$at/run.leat"
}
settings () {
	grep "^$1	" plan.tsv | sed 's/.*	//'
}
rm -rf results/failed/*.[23] results/part/*
says results/failed/quick.a+20b.1.1 "$(settings quick.a+20b.1)" exit_status 3 signal 0
says results/failed/quick.a+20b.2.1 "$(settings quick.a+20b.2)" exit_status 0 signal 9
says results/failed/quick.random.1.1 "$(settings quick.random.1)" exit_status 0 signal 9 timed_out 1
try '--count says why' 0 'leat plan --count plan.tsv' <<'EOF'
4 of 8 done, 4 failed: quick.a+20b.1 (exit 3), quick.random.1 (timeout), quick.random.2, quick.a+20b.2 (signal 9)
EOF
try '--status, too' 0 'leat plan --status plan.tsv | grep failed' <<'EOF'
# status runs=8 todo=0 running=0 done=4 stale=0 failed=4 killed=0
quick.a+20b.1	1	1	failed	1	exit 3
quick.random.1	1	2	failed	1	timeout
quick.random.2	2	7	failed	1	
quick.a+20b.2	2	8	failed	1	signal 9
EOF

# Two shells share a plan, and one of them is killed in between.
{
	printf 'factor\tlevel\tcommand\n'
	seq 40 | sed 's/.*/n\t&\ttrue/'
	printf 'repetitions\t5\n'
} >many
leat plan -o many.tsv many
cat >true.sh <<'EOF'
while name=$(leat plan --next --results "$1" many.tsv); do
	true && echo "$name" >>"$1.log" && leat plan --done "$name" --results "$1" many.tsv || exit 3
done
EOF
try 'two shells: each run once' 0 'sh true.sh shared & sh true.sh shared; wait
	wc -l <shared.log; sort shared.log | uniq -d | wc -l; ls shared/runs | wc -l; ls shared/part shared/failed' <<'EOF'
200
0
200
shared/failed:

shared/part:
EOF
cat >dies.sh <<'EOF'
name=$(leat plan --next --results shared2 many.tsv)
echo "$name" >dying
echo half >"shared2/part/$name/half"
kill -9 $$
EOF
try 'the owner is killed: the run is given again' 0 'sh dies.sh 2>/dev/null; leat plan --results shared2 --status many.tsv | grep -c "	killed	"
	sh true.sh shared2; wc -l <shared2.log; ls shared2/failed | sed "s/\.1$//" | cmp - dying && cat shared2/failed/*/half; ls shared2/runs | wc -l' <<'EOF'
1
200
half
200
EOF
# A subshell is not the shell: what it takes is still held when it is gone.
try 'taken in a subshell, held by the shell' 0 'x=$( (leat plan --next --results sub many.tsv; :); :); leat plan --results sub --count many.tsv | cut -d " " -f 1-6' <<'EOF'
0 of 200 done, 1 running:
EOF

# Runs of an older table.
rm -rf results results.log
s=$(settings merge.random.1)
says results/runs/merge.random.1 "$s" wall_ns 2000000000
says results/runs/merge.random.2 0123456789012345 wall_ns 60
says results/runs/quick.random.1 ffff wall_ns 60
mkdir -p results/runs/quick.random.2
try 'those are stale' 0 'leat plan --status plan.tsv | cut -f 1,4 | sed 1,2d | grep -v todo' <<'EOF'
quick.random.1	stale
merge.random.1	done
merge.random.2	stale
quick.random.2	done
EOF
try 'and how long the others took tells how long is left' 0 'leat plan --count plan.tsv; leat plan --status plan.tsv | head -n 1' <<'EOF'
2 of 8 done, 2 stale: quick.random.1, merge.random.2; 6 to do; about 12 s left
# status runs=8 todo=4 running=0 done=2 stale=2 failed=0 killed=0 eta_ns=12000000000
EOF
try '--make' 0 'leat plan --make plan.tsv' <<'EOF'
# made by leat plan --make
RUNS := quick.a+20b.1 quick.random.1 merge.random.1 merge.a+20b.1 merge.random.2 merge.a+20b.2 quick.random.2 quick.a+20b.2
REDO := quick.random.1 merge.random.2
DRY := quick.a+20b.1 merge.a+20b.1 merge.a+20b.2 quick.a+20b.2
CELLS := merge.random quick.random
RUNS_merge.a+20b := merge.a+20b.1 merge.a+20b.2
RUNS_merge.random := merge.random.1 merge.random.2
RUNS_quick.a+20b := quick.a+20b.1 quick.a+20b.2
RUNS_quick.random := quick.random.1 quick.random.2
EOF
try 'one of them is made again, and is still there until then' 0 'sh -c "leat plan --next plan.tsv; leat plan --next plan.tsv; :"
	leat plan --status plan.tsv | sed -n "1p;4p"; ls results/runs/quick.random.1' <<'EOF'
quick.a+20b.1
quick.random.1
# status runs=8 todo=3 running=0 done=2 stale=2 failed=0 killed=1 eta_ns=12000000000
quick.random.1	1	2	stale	0	
run.leat
EOF
try 'and is running' 0 'sleep 9 & leat plan --next --owner $! plan.tsv >next; leat plan --next --owner $! plan.tsv; leat plan --status plan.tsv | sed -n "4p" | cut -f 4; kill $!' <<'EOF'
quick.random.1
running
EOF
try 'they are made again, and kept' 0 'sh loop.sh results plan.tsv; cat results.log; ls results/failed; cat results/failed/*/run.leat | grep -c "value=60"; cat results/runs/quick.random.1/stdout; leat plan --count plan.tsv' <<'EOF'
quick.a+20b.1
quick.random.1
merge.a+20b.1
merge.random.2
merge.a+20b.2
quick.a+20b.2
merge.random.2.1
quick.a+20b.1.1
quick.a+20b.1.2
quick.random.1.1
quick.random.1.2
quick.random.1.3
2
$top/sort quick it's random, dry 0, 4
8 of 8 done
EOF
says results/failed/merge.random.1.1 ffff
rm -r results/runs/merge.random.1
try 'what failed with other settings has not been tried' 0 'leat plan --count plan.tsv; leat plan --next plan.tsv' <<'EOF'
7 of 8 done; 1 to do
merge.random.1
EOF
says results/failed/merge.random.1.2 "$s"
rm -r results/part/*
try 'with these it has' 1 'leat plan --count plan.tsv; leat plan --next plan.tsv' <<'EOF'
7 of 8 done, 1 failed: merge.random.1
EOF

# Repetitions until medians are known.
printf 'factor,level\nx,calm\nx,wild\nx,none\nrepetitions,7\n' >three
leat plan -o until.tsv three
sed 1,2d until.tsv | while IFS='	' read -r name rep rest; do
	case $name in
	calm*) says "until/runs/$name" "${rest##*	}" wall_ns $((1000 + rep)) size 5 ;;
	wild*) says "until/runs/$name" "${rest##*	}" wall_ns $((1000 * rep)) size 6 ;;
	none*) mkdir -p "until/failed/$name.1" ;;
	esac
done
try '--until' 1 'leat plan --until CI=2% --results until -o until.tsv until.tsv; s=$?; head -n 1 until.tsv; sed 1,23d until.tsv | cut -f 1-4; exit $s' <<'EOF'
# plan seed=1 repetitions=14 cells=3 runs=28 factors=x
wild.8	8	22	wild
wild.9	9	23	wild
wild.10	10	24	wild
wild.11	11	25	wild
wild.12	12	26	wild
wild.13	13	27	wild
wild.14	14	28	wild
EOF
said '^leat plan: calm: median 1.004 us, half of its interval 0.3 %, 7 runs: enough$'
said '^leat plan: none: no wall_ns yet, 0 runs: more would not help (7 failed)$'
said '^leat plan: wild: median 4 us, half of its interval 75 %, 7 runs: 7 more$'
try '--until before those are made adds none' 1 'leat plan --until CI=2% --results until -o again.tsv until.tsv; s=$?; cmp until.tsv again.tsv; exit $s' </dev/null
said '^leat plan: wild: median 4 us.*: 7 of the plan are to be made first$'
leat plan -o three.tsv three
try '--until of another metric' 0 'leat plan -q --until 0.02 --metric size --results until three.tsv | head -n 1' <<'EOF'
# plan seed=1 repetitions=7 cells=3 runs=21 factors=x
EOF
try '--most' 0 'leat plan -q --until 2% --most 7 --results until three.tsv | cmp - three.tsv' </dev/null
said '^leat plan: wild: median 4 us.*: not enough, but --most is 7$'
try '--most, and a status that says all is done that can be' 0 'leat plan -q --until 2% --most 7 --results until three.tsv >/dev/null' </dev/null
try '--until of results that are not there' 1 'leat plan --until 2% --results nowhere three.tsv | cmp - three.tsv; leat plan --until 2% --results nowhere three.tsv >/dev/null' </dev/null
said '^leat plan: calm: no wall_ns yet, 0 runs: 7 of the plan are to be made first$'

finish
