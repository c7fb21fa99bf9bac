#!/bin/sh
# cluster: what pipelines/cluster.mk asks of Slurm, and what it makes of the answers; Slurm is played by scripts here
#
# tests/full/cluster.t has a cluster of its own.
. tests/lib.sh

unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES TABLE RESULTS RUN FIGURES CLAIMS MAP REDUCE PARALLEL V SIZE
for v in $(env | sed -n 's/^\(SLURM[A-Z_0-9]*\)=.*/\1/p'); do
	unset "$v"
done
# Each of them takes what it has to do from its own line of `fate`: the first is left for the next call.
mkdir bin
cat >bin/fate <<'END'
#!/bin/sh
# fate WHO: the next line for WHO, or nothing
exec 9>>"$PLAY/lock"
flock 9
n=$(($(cat "$PLAY/$1.calls" 2>/dev/null || echo 0) + 1))
echo "$n" >"$PLAY/$1.calls"
sed -n "${n}p" "$PLAY/$1.fate" 2>/dev/null || :
END
cat >bin/salloc <<'END'
#!/bin/sh
shown=
while [ "$1" != sh ]; do
	shown="$shown $1"
	shift
done
echo "salloc$shown" >>"$PLAY/log"
case $(fate salloc) in
invalid)
	echo 'salloc: error: Job submit/allocate failed: Invalid partition name specified' >&2
	exit 1
	;;
none)
	echo 'salloc: error: Job submit/allocate failed: Requested node configuration is not available' >&2
	exit 1
	;;
busy)
	echo 'salloc: error: Unable to contact slurm controller (connect failure)' >&2
	exit 1
	;;
esac
SLURM_JOB_ID=7 SLURM_JOB_NAME=some
export SLURM_JOB_ID SLURM_JOB_NAME
"$@"
END
cat >bin/srun <<'END'
#!/bin/sh
shown=
while [ "$1" != sh ]; do
	shown="$shown $1"
	shift
done
echo "srun$shown" >>"$PLAY/log"
fate=$(fate srun)
SLURMD_NODENAME=n$(cat "$PLAY/srun.calls") SLURM_STEP_ID=0
export SLURMD_NODENAME SLURM_STEP_ID
case $fate in
launch)
	echo "srun: error: Task launch for StepId=7.0 failed on node $SLURMD_NODENAME: Communication connection failure" >&2
	exit 233
	;;
died) # the node, with all on it, when the command had begun; this status is that of Slurm 22.05
	setsid "$@" &
	p=$!
	until [ -e "$PLAY/began" ]; do
		sleep 0.01
	done
	rm "$PLAY/began"
	kill -9 -"$p"
	echo "srun: error: Node failure on $SLURMD_NODENAME" >&2
	exit 0
	;;
cancelled) # TERM for all, and then they have a while
	setsid "$@" &
	p=$!
	until [ -e "$PLAY/began" ]; do
		sleep 0.01
	done
	rm "$PLAY/began"
	kill -TERM -"$p"
	wait "$p"
	exit
	;;
lost) # the connection, after the command had ended
	"$@"
	exit 1
	;;
elsewhere) # a node that does not see our files
	"$1" "$2" "$3" "$4" "$PLAY/not/here" true
	exit
	;;
hangs)
	echo $$ >"$PLAY/began"
	exec sleep 60
	;;
esac
exec "$@"
END
cat >bin/sbatch <<'END'
#!/bin/sh
shown=
while case $1 in -*) ;; *) false ;; esac; do
	shown="$shown $1"
	case $1 in --array=1-*) last=${1#*-*-*-} last=${1##*-} last=${last%%%*} ;; esac
	shift
done
echo "sbatch$shown $2" >>"$PLAY/log"
case $(fate sbatch) in
refused)
	echo 'sbatch: error: Batch job submission failed: Invalid account' >&2
	exit 1
	;;
esac
echo 12
i=0
while [ $((i += 1)) -le "$last" ]; do
	case $(fate task) in
	ended) ;;
	*) SLURM_ARRAY_TASK_ID=$i SLURMD_NODENAME=n$i sh "$1" "$2" ;;
	esac
done
END
cat >bin/scancel <<'END'
#!/bin/sh
echo "scancel $*" >>"$PLAY/log"
read -r p 2>/dev/null <"$PLAY/began" && kill "$p"
END
printf '#!/bin/sh\necho "MaxArraySize            = ${SIZE_OF_ARRAYS:-1001}"\n' >bin/scontrol
chmod +x bin/*
PATH=$PWD/bin:$PATH PLAY=$PWD
export PLAY PATH

# One command by the script that the recipes call.
on="sh $TOP/pipelines/cluster.sh"
# act SRUN-FATES [SALLOC-FATES]: words, of the next calls
act () {
	rm -f "$PLAY"/*.calls "$PLAY"/*.fate "$PLAY/began"
	: >"$PLAY/log"
	printf '%s\n' "$1" | tr ' ' '\n' >"$PLAY/srun.fate"
	printf '%s\n' "${2:-}" | tr ' ' '\n' >"$PLAY/salloc.fate"
}

act ''
try 'a command goes to a node, and its output comes back' 0 "$on run words 3 -- echo 'a  b' '\$c'; cat log; ls words" <<'END'
a  b $c
salloc --quiet --nodes=1 --ntasks=1
srun --quiet --nodes=1 --ntasks=1 --input=none --cpu-bind=none
END
silent
act ''
try 'options are for salloc' 0 "$on run words 3 --exclusive --time=3 -- true; grep salloc log" <<'END'
salloc --quiet --nodes=1 --ntasks=1 --exclusive --time=3
END
act ''
try 'in a job it is a step of it' 0 "SLURM_JOB_ID=3 $on run words 3 --mem=0 -- true; cat log" <<'END'
srun --quiet --nodes=1 --ntasks=1 --input=none --cpu-bind=none --mem=0
END
act ''
try 'its status is ours, and it is not tried again' 7 "$on run words 3 -- sh -c 'exit 7'" </dev/null
silent
try 'one srun' 0 'grep -c ^srun log' <<'END'
1
END
act ''
try 'the size of its environment has nothing of the job' 0 "$on run words 3 -- env | grep ^SLURM" <<'END'
SLURMD_NODENAME=n1
END

act 'died died'
try 'a node that dies: elsewhere again, though srun says 0' 0 "$on run words 3 -- sh -c 'echo \$SLURMD_NODENAME; touch began; [ \$SLURMD_NODENAME = n3 ] || sleep 60'" <<'END'
n1
n2
n3
END
said '^leat cluster: n1 failed, or the job was ended; try 2 of 4, not on n1$'
said '^leat cluster: n2 failed, or the job was ended; try 3 of 4, not on n1,n2$'
try 'not on those' 0 'grep salloc log; ls words' <<'END'
salloc --quiet --nodes=1 --ntasks=1
salloc --quiet --nodes=1 --ntasks=1 --exclude=n1
salloc --quiet --nodes=1 --ntasks=1 --exclude=n1,n2
END
act 'launch'
try 'nor on those that the user does not want' 0 "$on run words 3 -x a,b --exclude=c --exclude d -xe -- echo done; grep -o 'exclude=[a-z0-9,]*\$' log" <<'END'
done
exclude=a,b,c,d,e,n1
END
said '^leat cluster: n1 could not be reached; try 2 of 4, not on n1$'
act 'died died died died died died'
try 'so often and no more' 125 "$on run words 2 -- sh -c 'touch began; sleep 60'" </dev/null
said '^leat cluster: n3 failed, or the job was ended; that was try 3 of 3$'
try 'three' 0 'grep -c ^srun log' <<'END'
3
END
act 'cancelled'
try 'a job that is ended is none that failed' 0 "$on run words 3 -- sh -c 'trap \"echo cleared; exit 5\" TERM; touch began; [ \$SLURMD_NODENAME = n2 ] || while :; do sleep 0.01; done'" <<'END'
cleared
END
said '^leat cluster: n1 failed, or the job was ended; try 2 of 4, not on n1$'
act 'lost'
try 'a connection that is lost when all was done' 0 "$on run words 3 -- echo once" <<'END'
once
END
act '' 'invalid'
try 'what Slurm never grants is asked for once' 125 "$on run words 3 -- true" </dev/null
said '^salloc: error: .*Invalid partition'
try 'once' 0 'grep -c ^salloc log' <<'END'
1
END
act '' 'none'
try 'nor nodes that are not' 125 "$on run words 3 -- true" </dev/null
act 'died ok' 'ok none ok'
try 'the one that failed is better than none' 0 "$on run words 3 -- sh -c 'touch began; [ \$SLURMD_NODENAME = n2 ] || sleep 60'; grep salloc log" <<'END'
salloc --quiet --nodes=1 --ntasks=1
salloc --quiet --nodes=1 --ntasks=1 --exclude=n1
salloc --quiet --nodes=1 --ntasks=1
END
act '' 'busy'
try 'a controller that is not there is asked again' 0 "$on run words 1 -- echo here" <<'END'
here
END
act 'elsewhere'
try 'a node without our files' 125 "$on run words 3 -- true" </dev/null
said 'results must be on a file system that all nodes share'
try 'is not tried again' 0 'grep -c ^srun log; ls words' <<'END'
1
END
for s in INT TERM HUP; do
	act 'hangs'
	# What runs in the background ignores INT, unless it is told not to.
	try "$s ends the job" 0 "env --default-signal=INT $on run words 3 -- true & p=\$!; until [ -s began ]; do sleep 0.01; done
		kill -$s \$p; wait \$p; [ \$? -gt 128 ] && grep scancel log; ls words" <<'END'
scancel 7
END
done

# Arrays of at most MaxArraySize - 1 tasks.
act ''
seq 5 >names
try 'runs as tasks of arrays' 0 "SIZE_OF_ARRAYS=3 $on array words 0 --mem=0 -- 'echo run \$name' <names 2>&1; cat log; ls words words/array/out" <<'END'
leat cluster: 2 runs are in the queue
leat cluster: 2 runs are in the queue
leat cluster: 1 runs are in the queue
run 1
run 2
run 3
run 4
run 5
sbatch --wait --parsable --nodes=1 --ntasks=1 --requeue --output=/dev/null --array=1-2 --mem=0 0
sbatch --wait --parsable --nodes=1 --ntasks=1 --requeue --output=/dev/null --array=1-2 --mem=0 2
sbatch --wait --parsable --nodes=1 --ntasks=1 --requeue --output=/dev/null --array=1-1 --mem=0 4
words:
array

words/array/out:
END
act ''
try 'so many at a time' 0 "seq 4 | $on array words 3 -- true; grep -o 'array=.*' log" <<'END'
array=1-4%3 0
END
act ''
printf 'ended\n' >task.fate
try 'what fails stays told, what was ended is not' 0 "$on array words 0 -- 'echo run \$name; [ \$name != 4 ] || exit 9' <names; cd words/array; head 4 out/4" <<'END'
==> 4 <==
node n4
status 9

==> out/4 <==
run 4
END
try 'and fails where it is made' 9 "$on run -a words/array/4 words 3 -- echo never" </dev/null
said '^run 4$'
said '^leat cluster: it failed on n4, as a task of the array$'
try 'once' 0 "$on run -a words/array/4 words 3 -- echo again && ls words/array" <<'END'
again
out
END
printf 'refused\n' >sbatch.fate
rm -f sbatch.calls
try 'a job that Slurm does not take' 125 "$on array words 0 -- true <names" </dev/null
said '^sbatch: error: '
try 'nothing to do is no job' 0 "rm -f log; $on array words 0 -- true; ls words/array; [ ! -e log ]" <<'END'
out
END

# An experiment.
mkdir trial
cd trial || exit 1
cat >experiment.csv <<'END'
factor,level,command
program,good,"touch $PLAY/began; echo work $rep >values"
program,odd,"echo work $((rep * 10)) >values; echo $SLURMD_NODENAME"
repetitions,2
END
echo 'include $(shell leat --share-path)/pipelines/experiment.mk' >Makefile
# table: what does not depend on time and place
cat >../table <<'END'
awk -F '\t' '/^#/ { next } !head++ { for (i = 1; i <= NF; i++) at[$i] = i }
	$at["failed"] == 0 || head == 1 { print $at["name"], $at["program"], $at["rep"], $at["position"], $at["exit_status"], $at["work"]; head = 2 }' \
	"$1" | sort
END
sed 's/ *$//' ../table >../t && mv ../t ../table
holds 'without Slurm' 'make results && sh ../table results/results.tsv >../alone && [ $(wc -l <../alone) -eq 5 ]'
cp -r results ../done
act ''
rm -r results
holds 'with it: the same table' 'make SLURM=1 results && sh ../table results/results.tsv | diff ../alone -'
try 'a node for each run, whole' 0 'grep -c "^salloc --quiet --nodes=1 --ntasks=1 --job-name=trial:[a-z]*\.[12] --exclusive --mem=0$" ../log; grep -c ^srun ../log' <<'END'
4
4
END
act ''
holds 'a -j of yours counts' 'rm -r results && make -j2 SLURM=1 results 2>&1 | tee ../err && ! grep forced ../err'
act ''
holds 'nothing is left to do' 'make SLURM=1 results && [ ! -s ../log ]'
rm -r results
act ''
try 'make -n shows what it would, and asks nobody' 0 "make -n SLURM=1 SLURM_FLAGS=--partition=big SLURM_RETRIES=7 runs | sed -n 's/.*cluster 7 --job/--job/; s/ -- .*//; s/^--job/&/p' | sort | head -n 2; cat ../log" <<'END'
--job-name='trial:good.1' --exclusive --mem=0 --partition=big
--job-name='trial:good.2' --exclusive --mem=0 --partition=big
END
act ''
echo 'kernel=none' >policy
try 'the policy is asked of a node' 2 'make -s SLURM=1 POLICY=policy STRICT_POLICY=1 runs >/dev/null; s=$?; cat ../log; exit $s' <<'END'
salloc --quiet --nodes=1 --ntasks=1 --job-name=trial:runs
srun --quiet --nodes=1 --ntasks=1 --input=none --cpu-bind=none
END
act ''
holds 'shared nodes' 'make SLURM=1 SLURM_SHARE=1 SLURM_FLAGS=--cpus-per-task=2 results && sh ../table results/results.tsv | diff ../alone -'
try 'are not asked for whole' 0 'grep -c -- "--cpus-per-task=2$" ../log; grep -c exclusive ../log || :' <<'END'
4
0
END
rm -r results
act ''
holds 'in a job: steps of it' 'SLURM_JOB_ID=5 make SLURM=1 results && sh ../table results/results.tsv | diff ../alone - && ! grep -q salloc ../log && grep -q "^srun.*--mem=0$" ../log'
rm -r results
act 'ok launch ok launch'
holds 'nodes that are not there' 'make SLURM=1 -j1 results && sh ../table results/results.tsv | diff ../alone -'
said '^leat cluster: n2 could not be reached; try 2 of 4, not on n2$'
rm -r results

# A workload that fails is the matter of nobody but itself.
cp experiment.csv kept.csv
sed 's/^program,odd,"/&[ $rep != 2 ] || exit 3; /' kept.csv >experiment.csv
act ''
try 'a workload that fails' 2 'make -s -k SLURM=1 results; s=$?; ls results/failed; grep -c "^srun" ../log; exit $s' <<'END'
odd.2.1
4
END
said 'odd.2 failed: exit status 3'
cp kept.csv experiment.csv
holds 'its table corrected' 'make SLURM=1 results && sh ../table results/results.tsv | diff ../alone -'
rm -r results

act ''
holds 'arrays' 'make SLURM=array results && sh ../table results/results.tsv | diff ../alone -'
try 'are one job' 0 'grep -c ^sbatch ../log; grep -c ^srun ../log || :' <<'END'
1
0
END
act ''
holds 'and none when all is done' 'make SLURM=array results && [ ! -s ../log ]'
rm -r results
act ''
printf 'ended\nok\nended\n' >../task.fate
holds 'tasks that were ended are made up for' 'make SLURM=array results && sh ../table results/results.tsv | diff ../alone -'
try 'by srun' 0 'grep -c ^sbatch ../log; grep -c ^srun ../log || :' <<'END'
1
2
END
rm -r results
sed 's/^program,odd,"/&[ $rep != 2 ] || exit 3; /' kept.csv >experiment.csv
act ''
try 'tasks that fail are not' 2 'make -s -k SLURM=array results; s=$?; ls results/failed; grep -c ^srun ../log; exit $s' <<'END'
odd.2.1
0
END
said 'odd.2 failed: exit status 3'
said '^leat cluster: it failed on n[0-9]*, as a task of the array$'
cd ..

# Another makefile.
cat >own.mk <<'END'
SLURM = 1
include $(shell leat --share-path)/pipelines/cluster.mk
all: a.out b.out
%.out:
	$(ON_NODE) sh -c 'echo $* >$@'
END
try 'a makefile of yours' 0 'make -s -f own.mk && cat a.out b.out' <<'END'
a
b
END
rm bin/salloc
mkdir none
for p in make sh bash leat dirname env; do
	ln -s "$(command -v $p)" none/
done
try 'no Slurm here' 2 'PATH=$PWD/none make -s -f own.mk' </dev/null
said 'SLURM=1 needs salloc srun, which is not in PATH (Debian: slurm-client)'

finish
