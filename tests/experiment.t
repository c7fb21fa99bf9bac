#!/bin/sh
# experiment.t - pipelines/experiment.mk: stages, what is made again and what is not, and faults
. tests/lib.sh
unset MAKEFLAGS MAKELEVEL MFLAGS

# A workload whose results depend on its run alone, and which writes down that it ran. What it does besides is in the
# file `do` of the experiment.
cat >work <<'END'
#!/bin/sh
echo "$run" >>"$top/log"
echo "work $((${#program} * 100 + ${#data} * 10 + rep))" >values
echo "size_seen ${#SIZE}" >>values
echo "out $*"
[ ! -e "$top/do" ] || . "$top/do"
END
chmod +x work
# new DIR: an experiment of 2 x 2 cells, 2 repetitions.
new () {
	rm -rf "$1"
	mkdir "$1"
	cp work "$1"
	cat >"$1/experiment.csv" <<-'END'
	factor,level,command
	program,a,$top/work a
	program,bb,$top/work bb
	data,x,x
	data,yyy,yyy
	repetitions,2
	END
	cat >"$1/claims.csv" <<-'END'
	claim,where,over,column,expect
	twice,program=bb data=x metric=work,,max,212
	END
	cat >"$1/Makefile" <<-'END'
	FIGURES = $(RESULTS)/fig/rows.txt
	include $(shell leat --share-path)/pipelines/experiment.mk
	$(RESULTS)/fig/rows.txt: $(RESULTS)/stat.tsv ; grep -c '	work	' $< | cat >$@
	END
}
# What does not depend on time, of a table that has a row for each run.
cat >fixed <<'END'
BEGIN { FS = "\t" }
/^#/ { next }
!head { for (i = 1; i <= NF; i++) at[$i] = i; head = 1; print "name program data rep position failed work"; next }
{ if (!all && $at["failed"] != 0) next; print $at["name"], $at["program"], $at["data"], $at["rep"], $at["position"], $at["failed"], $at["work"] }
END
# And of one with a row for each cell and metric.
cat >cells <<'END'
BEGIN { FS = "\t" }
/^#/ { next }
!head { for (i = 1; i <= NF; i++) at[$i] = i; head = 1; next }
$at["metric"] == "work" { print $at["program"], $at["data"], $at["runs"], $at["min"], $at["median"], $at["max"] }
END

new e
for goal in help plan lint; do
	holds "$goal" "make -s -C e $goal"
done
holds 'what would be made is not' 'make -C e -n -j8 && [ ! -e e/log ] && [ ! -e e/results/runs ]'
holds 'everything' 'make -s -C e'
cp got made
holds 'the claim is shown' 'grep -q "^twice	212	212	holds$" made'
try 'a row for each cell' 0 'awk -f cells e/results/stat.tsv' <<'END'
a x 2 111 111.5 112
a yyy 2 131 131.5 132
bb x 2 211 211.5 212
bb yyy 2 231 231.5 232
END
try 'and one for each run' 0 'awk -f fixed e/results/results.tsv | cut -d" " -f1,7 | sort' <<'END'
a.x.1 111
a.x.2 112
a.yyy.1 131
a.yyy.2 132
bb.x.1 211
bb.x.2 212
bb.yyy.1 231
bb.yyy.2 232
name work
END
try 'the figure' 0 'cat e/results/fig/rows.txt' <<'END'
4
END
awk -f fixed e/results/results.tsv >whole
awk -f cells e/results/stat.tsv >whole.cells
same='awk -f fixed e/results/results.tsv | cmp - whole && awk -f cells e/results/stat.tsv | cmp - whole.cells'
grep -v '^#' e/results/plan.tsv | sed 1d | cut -f1 >order
holds 'in the order of the plan' 'cmp order e/log'
holds 'a run has all of it' 'cd e/results/runs/a.yyy.2 && ls && [ "$(cat stdout)" = "out a yyy" ] && [ ! -s stderr ] &&
	leat cat -t before.leat | grep -q "^info" && leat cat -t after.leat | grep -q "^info" && grep -q "^run	" run.leat'
holds 'nothing is made again' 'make -C e -q tables figures && make -s -C e && [ "$(wc -l <e/log)" -eq 8 ]'
try 'no run for a claim that is touched' 0 'touch e/claims.csv && make -C e -n | grep -c -e "leat run" -e "store add"; wc -l <e/log' <<'END'
0
8
END
holds 'no run and no table for a table that is touched' 'touch e/experiment.csv && make -C e -q tables figures'
holds 'clean keeps runs' 'make -s -C e clean && [ ! -e e/results/stat.tsv ] && [ ! -e e/results/fig/rows.txt ] && make -s -C e && [ "$(wc -l <e/log)" -eq 8 ]'
holds 'and the results are the same' "$same"
rm e/log
sed -i 's/^data,x,x/data,x,z/' e/experiment.csv
holds 'a row that changes' 'make -s -C e'
try 'makes its runs again' 0 'sort e/log' <<'END'
a.x.1
a.x.2
bb.x.1
bb.x.2
END
holds 'anew' "[ \"\$(cat e/results/runs/a.x.1/stdout)\" = 'out a z' ] && $same"
rm e/log
echo 'program,ccc,$top/work c' >>e/experiment.csv
holds 'a row that is new' 'make -s -C e'
try 'makes its own' 0 'sort e/log' <<'END'
ccc.x.1
ccc.x.2
ccc.yyy.1
ccc.yyy.2
END
rm e/log
sed -i '$d' e/experiment.csv
holds 'a row that goes' 'make -s -C e && [ ! -e e/log ]'
holds 'takes them out of the tables' "$same"
holds 'and its runs are kept' '[ -e e/results/runs/ccc.x.1/run.leat ]'

# One run.
rm -rf e/results e/log
holds 'one run by its name' 'make -s -C e results/runs/bb.x.2/run.leat && [ "$(cat e/log)" = bb.x.2 ]'
holds 'partial tables' 'make -s -C e partial'
try 'say how many are missing' 0 'sed -n "2,3p" e/results/results.tsv; awk -f fixed e/results/results.tsv | wc -l' <<'END'
# missing=7
# lost=7 why=missing
2
END
rm e/log
holds 'in order under -j8, the rest' 'make -s -j8 -C e && grep -v bb.x.2 order | cmp - e/log'
holds 'and nothing is missing' "! grep missing e/results/results.tsv && $same"

# RUN.
sed -i '1i RUN = echo "it'"'"'s $$run, $$dry" >said; sh -c "$$command"' e/Makefile
try 'RUN is another' 2 'make -s -C e' </dev/null
said 'make redo.*make keep'
holds 'keep' 'make -s -C e keep && make -s -C e && [ "$(wc -l <e/log)" -eq 7 ]'
rm e/log
holds 'redo' 'make -s -C e redo && make -s -C e && [ "$(wc -l <e/log)" -eq 8 ] && [ -e e/results/runs.1/a.x.1/run.leat ]'
try 'by RUN' 0 'cat e/results/runs/a.x.1/said' <<'END'
it's a.x.1, 0
END
holds 'the results are the same' "$same"

# An environment that is the same under any make, and nothing of it in the experiment.
new e
echo 'env | grep -e ^MAKE -e ^MFLAGS -e ^EXPERIMENT >seen; :' >e/do
holds 'variables of the environment do not count' 'RUN=false TABLE=none MAP=false CLAIMS=none SIZE=small make -s -j3 -C e && [ -e e/results/runs/a.x.1 ]'
try 'a run does not see make' 0 'cat e/results/runs/a.x.1/seen' </dev/null

# Faults.
new e
sed -i 's/command/comand/' e/experiment.csv
holds 'an unknown column' '! make -s -C e'
said 'experiment.csv:1: .*comand'
holds 'before anything is run' '[ ! -e e/log ]'
new e
echo '[ $run != a.yyy.1 ] || { echo broken >&2; exit 3; }' >e/do
try 'a workload that fails' 2 'make -s -C e' </dev/null
said 'a.yyy.1 failed.*status 3.*broken.*failed/a.yyy.1.1'
try 'on with -k' 2 'make -k -s -C e; s=$?; ls e/results/runs | wc -l; exit $s' <<'END'
7
END
said 'a.yyy.1 failed.*failed/a.yyy.1.2'
holds 'no table of a part' '[ ! -e e/results/results.tsv ]'
holds 'status' 'make -s -C e status >status && grep "7 of 8.*a.yyy.1" status'
rm e/do
holds 'and again' "make -s -C e && $same"
try 'attempts that failed are told' 0 'awk -v all=1 -f fixed e/results/results.tsv | awk "\$6 == 1" | wc -l' <<'END'
2
END
new e
echo 'case $run in a.x.1) sleep 1000 ;; bb.x.1) kill -9 $$ ;; bb.yyy.1) trap "" TERM; (trap "" TERM; sleep 1000) & wait ;; esac' >e/do
holds 'workloads that hang and are killed' '! make -k -s -C e TIMEOUT=1s && [ "$(ls e/results/runs | wc -l)" -eq 5 ]'
said 'a.x.1 failed.*time'
said 'bb.x.1 failed.*137.*Killed'
said 'bb.yyy.1 failed.*time'
rm e/do
holds 'and again' "make -s -C e && $same"

# A claim.
sed -i 's/212/213/' e/claims.csv
try 'a claim that does not hold' 2 'make -s -C e verify 2>/dev/null; make -s -C e verify >/dev/null 2>&1' <<'END'
# verify claims=1 holds=0 fails=1 unknown=0
claim	expect	got	verdict
twice	213	212	fails
END

# Small.
rm e/log
holds 'kick-tires' 'make -s -C e kick-tires >kick; grep "fails" kick'
try 'is apart' 0 'wc -l <e/log; cat e/results/fig/rows.txt; head -n 1 e/kick-tires/fig/rows.txt; sed -n 2p e/kick-tires/runs/a.x.1/values' <<'END'
4
4
4
size_seen 4
END

# Names.
new e
cat >e/experiment.csv <<'END'
factor,level,command
program,a-b,$top/work
program,a_b,$top/work
program,a b,$top/work
program,a/b,$top/work
program,a.b,$top/work
data,x,x
END
sed -i '/^twice/d' e/claims.csv
try 'levels that differ in punctuation' 0 'make -s -C e results && ls e/results/runs | wc -l; awk -f cells e/results/stat.tsv | wc -l' <<'END'
5
5
END

# Where things are.
new e
holds 'results elsewhere' 'make -s -C e RESULTS="$PWD/far" && [ -e far/stat.tsv ] && [ ! -e e/results ]'
mkdir 'a b'
cp e/* 'a b'
try 'blanks in a path' 2 'make -s -C "a b"' </dev/null
said 'has blanks'
try 'blanks in a variable' 2 'make -s -C e RESULTS="a b"' </dev/null
said 'without blanks'
holds 'no leat' '! make -s -C e LEAT=/none/leat; grep -q "/none/leat is not in PATH" err'

# What the machine shall be like.
new e
echo 'kernel=none' >e/policy
holds 'a machine that is otherwise: a warning' 'make -s -C e POLICY=policy results'
said '^warning: .*policy'
rm -rf e/results
holds 'an error if it must be so' '! make -s -C e POLICY=policy STRICT_POLICY=1 results && [ ! -e e/results/runs ]'
holds 'asked for' '! make -s -C e POLICY=policy check-machine'

# Map and reduce.
new e
cat >>e/Makefile <<'END'
MAP = grep -q a $(<D)/stdout; printf 'main;%s %d\n' `cat $(<D)/stdout | tr ' ' _` 1 | cat >$@
END
sed -i '1i include map.mk' e/Makefile
grep '^MAP' e/Makefile >e/map.mk
sed -i '/^MAP/d' e/Makefile
echo 'program,dry,$top/work,' >>e/experiment.csv
sed -i '1s/$/,dry/; s/^program,dry.*/&yes/' e/experiment.csv
holds 'a map of each run' '! make -k -s -C e results; ls e/results/map'
try 'that fails where a stage of it fails' 0 'ls e/results/map e/results/reduced | grep bb | wc -l' <<'END'
0
END
sed -i 's/grep -q a/grep -q ./' e/map.mk
try 'and its sum' 0 'make -s -C e results && ls e/results/reduced && cat e/results/reduced/bb.x.folded' <<'END'
a.x.folded
a.yyy.folded
bb.x.folded
bb.yyy.folded
main;out_bb_x 2
END
touch e/results/runs/a.x.2/run.leat
holds 'of what changed' 'make -C e results >out && [ "$(grep -c "map/" out)" -le 3 ] && ! grep -q bb out'

# More until it is exact enough.
new e
echo 'echo "noisy_ns $((1000 + rep % 3))" >>values' >e/do
holds 'repetitions until it is narrow' 'make -s -C e UNTIL="CI=1% --metric noisy_ns" results'
n=$(find e/results/runs -name run.leat | wc -l)
holds 'more than were asked for' "echo $n; [ $n -gt 8 ] && [ \"\$(awk -f fixed e/results/results.tsv | wc -l)\" -eq $((n + 1)) ]"
holds 'and then no more' "make -s -C e UNTIL='CI=1% --metric noisy_ns' results && [ \"\$(ls e/results/runs | wc -l)\" -eq $n ]"

holds 'a metric that no run has ends it, too' 'make -s -C e UNTIL="CI=1% --metric none_ns" results'
said 'no none_ns yet'

# Two at once.
new e
echo 'sleep 0.05' >e/do
try 'two makes at once' 0 'make -s -C e >one 2>&1 & make -s -C e >two 2>&1; s=$?; wait $! && exit $s' </dev/null
holds 'make each run once' "sort e/log | uniq -d | wc -l | grep -qx 0 && $same"

# Many at a time, where that is asked for.
new e
echo 'sleep 0.3' >e/do
holds 'runs at the same time' "make -s -j4 -C e PARALLEL=1 && $same"
holds 'each once' 'sort order >sorted && sort e/log | cmp - sorted'

# make -9.
new e
echo 'sleep 0.1' >e/do
make -s -C e >out 2>&1 &
sleep 0.5
kill -9 $!
holds 'make was killed' "make -s -C e && $same"

finish
