#!/bin/sh
# cluster: an experiment on the nodes of a Slurm cluster, which die, gives what it gives without them
. tests/lib.sh

[ "$(id -u)" -eq 0 ] || skip_all 'only root can start a Slurm cluster'
for p in slurmctld slurmd salloc srun sbatch munged; do
	command -v "$p" >/dev/null || skip_all "$p is missing"
done
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES TABLE RESULTS RUN FIGURES CLAIMS MAP REDUCE PARALLEL V SIZE
for v in $(env | sed -n 's/^\(SLURM[A-Z_0-9]*\)=.*/\1/p'); do
	unset "$v"
done
cluster="sh $TOP/tests/full/slurm-cluster"
# Its sockets have short names.
slurm=$(mktemp -d) || exit 1
SLURM_CONF=$slurm/slurm.conf
export SLURM_CONF cluster
trap '$cluster down "$slurm"; rm -rf "$dir" "$slurm"' EXIT
cpus=$(nproc)
holds 'a cluster of four nodes' "$cluster up $slurm 4 $cpus"
[ "$failed" -eq 0 ] || skip_all "there is no cluster: $(cat err)"

# Two programs, two kinds of data, three repetitions; each run gives values and a trace that follow from what it is.
mkdir trial
cd trial || exit 1
for d in a b; do
	{
		printf '#leat 1\nstart\ttool=x\n'
		for i in 1 2 3; do
			printf 'sample\tt=%s\tcomm=app\tevent=cycles\tweight=%s\tstack=main;%s%s;\torigin=u:app;u:app;\n' $i $i $d $((i % 2))
		done
		printf 'end\ttool=x\n'
	} >$d.leat
done
cat >workload <<'END'
# workload SECONDS
sleep "$1"
{ echo "work $((rep * 7))$data"; } | tr ab 12 >values
echo "cpus $(nproc)" >>values
cp "$top/$data.leat" trace.leat
END
cat >experiment.csv <<'END'
factor,level,command
program,quick,sh $top/workload 0.1
program,long,sh $top/workload $LONG
data,a,
data,b,
repetitions,3
END
cat >Makefile <<'END'
MAP = $(LEAT) fold -q -o $@ $(<D)/trace.leat
include $(shell leat --share-path)/pipelines/experiment.mk
END
LONG=0.1
export LONG
# What does not depend on time and place.
cat >../table <<'END'
awk -F '\t' '/^#/ { next } !head++ { for (i = 1; i <= NF; i++) at[$i] = i }
	head == 1 || $at["failed"] == 0 { print $at["name"], $at["program"], $at["data"], $at["rep"], $at["position"], $at["exit_status"], $at["work"], $at["cpus"]; head = 2 }' \
	"$1" | sort
END
# same: the results are those without Slurm, and all that is left
same='[ $(sh ../table results/results.tsv | tee ../here | wc -l) -eq 13 ] && diff ../alone ../here && diff -r ../done/map results/map && diff -r ../done/reduced results/reduced && ! ls results/cluster/word.* 2>/dev/null && [ -z "$(ls -A results/part | grep -v "^\.\|lock$")" ]'
hosts='awk -F "\t" "/^#/ { next } !head++ { for (i = 1; i <= NF; i++) at[\$i] = i; next } { print \$at[\"host\"] }" results/results.tsv | sort -u'
holds 'without Slurm' 'make results && mv results ../done && sh ../table ../done/results.tsv >../alone && [ $(wc -l <../alone) -eq 13 ] && [ $(ls ../done/map | wc -l) -eq 12 ] && grep -q "main;a1 " ../done/reduced/*'

holds 'on nodes: the same' "make SLURM=1 -j4 results && $same"
holds 'on more than one of them' "[ \$($hosts | grep -c '^n[1-4]\$') -gt 1 ]"
holds 'none is left to do' 'make -n SLURM=1 -j4 results >out && ! grep cluster.sh out'
rm -rf results
LONG=0.5
holds 'four runs at a time' "s=\$(date +%s%N); make SLURM=1 -j8 runs && e=\$(date +%s%N); squeue -h; ls results/runs | wc -l | grep -x 12"
holds 'one on a node' 'cat results/runs/*/run.leat | awk -F "\t" "/^start/ { h = \$0; sub(/.*host=/, \"\", h); sub(/\t.*/, \"\", h) }
	/^clock/ { r = \$0; sub(/.*realtime=/, \"\", r); m = \$0; sub(/.*monotonic_raw=/, \"\", m); d = r - m }
	/^run/ { t = \$2; sub(/t=/, \"\", t) } /name=wall_ns/ { w = \$0; sub(/.*value=/, \"\", w); printf \"%s %.6f %.6f\n\", h, (t + d) / 1e9, (t + d + w) / 1e9 }" |
	sort | tee ../spans | awk "\$1 == h && \$2 < e { print h, \$2, e; bad = 1 } { h = \$1; e = \$3 } END { exit bad || NR != 12 }"'
rm -rf results
LONG=0.1
holds 'arrays: the same' "make SLURM=array results && $same"
said '^leat cluster: 12 runs are in the queue$'
holds 'on more than one node' "[ \$($hosts | grep -c '^n[1-4]\$') -gt 1 ]"
rm -rf results
holds 'shared nodes: the same' "make SLURM=1 SLURM_SHARE=1 -j8 results && sh ../table results/results.tsv | cut -d ' ' -f 1-7 >../here && cut -d ' ' -f 1-7 ../alone | diff - ../here"
rm -rf results
holds 'steps of a job: the same' "salloc --quiet --nodes=3 --exclusive make SLURM=1 -j4 results </dev/null && $same"
rm -rf results

# A node dies with all on it; the slurmd of another dies, and what it has begun goes on. Slurm takes both for dead.
cat >../kill <<'END'
# kill VERB NODE: as soon as it runs something of which there is a claim
i=0
until grep -lw "$2" results/part/long.*.claim >/dev/null 2>&1 && [ -n "$(squeue -h -t R -w "$2")" ]; do
	[ $((i += 1)) -lt 300 ] || exit 1
	sleep 0.1
done
$cluster "$1" "${SLURM_CONF%/*}" "$2"
END
LONG=25
holds 'two nodes die' "{ sh ../kill kill-node n2 && sh ../kill kill-slurmd n3; } & make SLURM=1 -j4 results; s=\$?; cp results/results.tsv ../died.tsv; wait \$! && [ \$s -eq 0 ] && $same"
said '^leat cluster: n2 failed, or the job was ended; try 2 of 4, not on n2$'
said '^leat cluster: n3 failed, or the job was ended; try 2 of 4, not on n3$'
try 'one run was begun twice' 0 'ls results/failed | wc -l' <<'END'
1
END
for n in n2 n3; do
	$cluster kill-node "$slurm" $n
	$cluster start-node "$slurm" $n
done
holds 'the nodes come back' 'i=0; until [ "$(sinfo -h -t idle -o %D)" = 4 ]; do [ $((i += 1)) -lt 300 ] || exit 1; sleep 0.1; done'
rm -rf results
LONG=5
holds 'a node dies under an array' "sh ../kill kill-node n2 & make SLURM=array results; s=\$?; wait \$! && [ \$s -eq 0 ] && $same"
$cluster start-node "$slurm" n2
rm -rf results

# Jobs that are ended: by somebody, and because their time is over.
cat >workload.first <<'END'
[ -e "$top/was.$run" ] || { : >"$top/was.$run"; sleep 300; }
END
cp experiment.csv kept.csv
sed 's/sh .top.workload .LONG/[ "$run" != long.a.2 -a "$run" != long.b.1 ] || . $top\/workload.first; &/' kept.csv |
	sed 's/^\(program,[a-z]*,\)\(.*\)/\1"\2"/; s/"\$run"/""$run""/g' >experiment.csv
LONG=0.1
holds 'jobs are ended' "{ until [ -e was.long.b.1 ]; do sleep 0.1; done; sleep 0.3; scancel --name=trial:long.b.1; } & make SLURM=1 -j4 SLURM_FLAGS=--time=1 results && $same"
try 'two were, and are kept' 0 'ls results/failed; rm was.*' <<'END'
long.a.2.1
long.b.1.1
END
rm -rf results
# A workload that fails is tried once.
sed 's/sh .top.workload .LONG/[ $run != long.a.2 ] || exit 3; &/' kept.csv >experiment.csv
try 'a workload fails' 2 'make -s -k SLURM=1 -j4 results >../out; s=$?; ls results/failed; ls results/runs | wc -l; exit $s' <<'END'
long.a.2.1
11
END
said 'long.a.2 failed: exit status 3'
cp kept.csv experiment.csv
holds 'and is made when its table is right' "make SLURM=1 -j4 results && $same"
rm -rf results

# make is killed; what it has begun goes on, and who comes next waits for it.
LONG=3
holds 'make is killed' "setsid make SLURM=1 -j4 results & p=\$!; i=0; until [ \"\$(ls results/part/long*.claim 2>/dev/null | wc -l)\" -ge 2 ] || [ \$((i += 1)) -gt 200 ]; do sleep 0.1; done
	pkill -9 -x make -s \$p; [ \$(ls results/runs | wc -l) -lt 12 ] && make SLURM=1 -j4 results && $same"
try 'nothing was made twice' 0 'ls results/failed' </dev/null
cd ..

# The clocks of nodes began at different times. A trace of each, made one after the other, on one axis.
node () { srun --quiet --nodes=1 --ntasks=1 --nodelist="$1" leat run -q -t -o "$dir/$2.leat" -- sleep 0.05; }
node n1 1 && node n2 2 && node n4 3 && node n1 4
holds 'clocks of hosts: one after the other' 'leat merge -q -t 3.leat 1.leat 4.leat 2.leat | grep "^run" | sed "s/.*src=\([0-9]*\).*/\1/" | tr -d "\n" | grep -x 1302'
# Here all hosts are one: what merge makes of their clocks can be held against that of the machine, whose monotonic_raw
# was moved by 100,000 s on n1, 200,000 s on n2 and 400,000 s on n4.
grep -h '^run' 1.leat 2.leat 3.leat 4.leat | cut -f 2 | cut -d = -f 2 >raw
leat merge -q -t 1.leat 2.leat 3.leat 4.leat | grep '^run' | cut -f 2 | cut -d = -f 2 >merged
holds 'and to within 1 ms' 'paste raw merged | awk "BEGIN { split(\"100000 200000 400000 100000\", up) }
	{ t = substr(\$1, length(\$1) - 14) - up[NR] * 1e9; m = substr(\$2, length(\$2) - 14)
	if (NR > 1) { d = (m - m0) - (t - t0); if (d < 0) d = -d; if (d > worst) worst = d } else { m0 = m; t0 = t } }
	END { print worst, \"ns\"; exit worst > 1e6 || NR != 4 }"'
finish
