#!/bin/sh
# experiment-faults.t - whatever is killed, and whenever: the same make again ends with the same results
. tests/lib.sh
unset MAKEFLAGS MAKELEVEL MFLAGS

# Runs of 12 cells, which give the same each time, and a trace that takes the database some time.
mkdir e
cat >e/work <<'END'
#!/bin/sh
awk -v n="${#program}$rep" 'BEGIN {
	print "#leat 1"
	print "start\tt=1\ttool=test\tclock=monotonic_raw\thost=h\tpid=1"
	for (i = 2; i < 3000; i++)
		printf "access\tt=%d\tpid=1\ttid=1\taddr=0x%x\top=r\tweight=1\n", i, n * 100000 + i
	print "end\ttool=test\tmade=2998\tlost=0" }' >trace.leat
echo "work $((${#program} * 100 + ${#data} * 10 + rep))" >values
echo "$run"
sleep 0.03
END
chmod +x e/work
cat >e/experiment.csv <<'END'
factor,level,command
program,a,$top/work
program,bb,$top/work
program,ccc,$top/work
data,x,
data,yy,
repetitions,2
END
cat >e/claims.csv <<'END'
claim,where,over,column,expect
twice,program=bb data=x metric=work,,max,212
END
cat >e/Makefile <<'END'
FIGURES = $(RESULTS)/rows.txt
MAP     = leat pick -q 'type == "access" && t % 100 == 0' $(<D)/trace.leat | leat cat -t | sed -n 's/.*addr=/main;/p' | sed 's/ .*//; s/$$/ 1/; s/	[^ ]*//g' >$@
include $(shell leat --share-path)/pipelines/experiment.mk
$(RESULTS)/rows.txt: $(RESULTS)/stat.tsv ; grep -c '	work	' $< | cat >$@
END
cat >fixed <<'END'
BEGIN { FS = "\t" }
/^#/ { next }
!head { for (i = 1; i <= NF; i++) at[$i] = i; head = 1; next }
$at["failed"] == 0 { print $at["name"], $at["program"], $at["data"], $at["rep"], $at["position"], $at["work"] }
END
cat >cells <<'END'
BEGIN { FS = "\t" }
/^#/ { next }
!head { for (i = 1; i <= NF; i++) at[$i] = i; head = 1; next }
$at["metric"] == "work" { print $at["program"], $at["data"], $at["runs"], $at["min"], $at["median"], $at["max"] }
END
# All that does not depend on time: tables, what is made of the traces, the database.
dump () {
	awk -f fixed "$1/results.tsv"
	awk -f cells "$1/stat.tsv"
	cat "$1/rows.txt" "$1"/reduced/*
	leat store sql "$1/store.db" 'SELECT run.name, count(*), sum(addr), sum(t) FROM access JOIN run ON run.id = access.run WHERE failed = 0 GROUP BY run.name'
	for d in "$1"/runs/*; do
		echo "${d##*/}"
		cat "$d/stdout" "$d/values" "$d/trace.leat"
		grep -c '^info' "$d/before.leat" "$d/after.leat" | sed 's/.*leat:[0-9]*/some/'
	done
	find "$1/part" -mindepth 1 ! -name '*lock' ! -name '.*'
}
holds 'without a fault' 'make -s -C e'
dump e/results >want.dump
holds 'that is 12 runs of 2998 records' "grep -c '^access' want.dump | grep -x $((12 * 2998))"
: "${ROUNDS:=12}"

# between SEED LO HI: a random number of seconds.
between () {
	awk -v seed="$1" -v lo="$2" -v hi="$3" 'BEGIN { srand(seed); printf "%.3f", lo + rand() * (hi - lo) }'
}

# spoil WHOM SEED: a make of which a part is killed, some time after it was first seen.
spoil () {
	setsid make -k -s -C e >>make.out 2>&1 &
	make=$!
	sleep "$(between "$2" 0 1)"
	case $1 in
	make | all) set -- "$1" "$2" : ;;
	workload) set -- "$1" "$2" -f "^/bin/sh $PWD/e/work" ;;
	*) set -- "$1" "$2" -s $make -x "$1" ;;
	esac
	whom=$1 seed=$2
	shift 2
	for _ in 0 1 2 3 4 5 6 7 8 9; do
		for _ in 0 1 2 3 4 5 6 7 8 9; do
			if [ "$1" = : ] || pgrep "$@" >/dev/null; then
				break
			fi
			sleep 0.05
		done
		sleep "$(between "$seed" 0 0.06)"
		case $whom in
		make) kill -9 $make ;;
		all) pkill -9 -s $make ;;
		*) pkill -9 "$@" ;;
		esac && hits=$((hits + 1)) && break
		kill -0 $make || break
	done
	wait $make
} 2>/dev/null

seed=$$
echo "# seed $seed"
for whom in make all run workload store bash xargs; do
	rm -rf e/results
	n=0 hits=0
	while [ $n -lt "$ROUNDS" ]; do
		n=$((n + 1))
		seed=$((seed + 1))
		# Some begin from nothing, while what a killed one left is still running, and some go on.
		case $((n % 4)) in
		0) rm -rf e/results ;;
		1 | 2) rm -rf e/results/runs/ccc.* e/results/store.db e/results/made ;;
		esac 2>/dev/null
		spoil "$whom" "$seed"
	done
	holds "kill -9 of $whom, in $hits of $ROUNDS makes: make again" 'make -s -C e'
	holds 'some were hit' "[ $hits -ge 1 ]"
	dump e/results >got.dump
	holds 'and the outcome is that without a fault' 'cmp got.dump want.dump'
done

# store add alone, when all runs are there.
n=0 hits=0
while [ $n -lt "$ROUNDS" ]; do
	n=$((n + 1))
	seed=$((seed + 1))
	rm -rf e/results/store.db* e/results/made
	setsid make -s -C e results >>make.out 2>&1 &
	make=$!
	sleep "$(between $seed 0.05 0.35)"
	pkill -9 -s $make -x store && hits=$((hits + 1))
	wait $make
done 2>/dev/null
holds "kill -9 of store add, $hits times: make again" "[ $hits -ge 1 ] && make -s -C e"
dump e/results >got.dump
holds 'and the database is whole' 'cmp got.dump want.dump'

# A disk that fills: the workload, the run, the database.
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	mkdir disk
	cat >full.sh <<-'END'
	mount -t tmpfs -o size=1200k none disk || exit 9
	cp e/work e/experiment.csv e/claims.csv e/Makefile disk
	make -k -s -C disk >full.out 2>&1 && exit 8
	ls disk/results/runs | wc -l
	ls disk/results/runs/*/run.leat | wc -l
	[ ! -e disk/results/results.tsv ] && [ ! -e disk/results/stat.tsv ] || exit 7
	rm -rf disk/results/failed
	mount -o remount,size=100m disk || exit 6
	make -s -C disk runs >again.out 2>&1 || exit 5
	dd if=/dev/zero of=disk/filler bs=1M 2>/dev/null
	make -s -C disk >store.out 2>&1 && exit 4
	[ ! -e disk/results/results.tsv ] && [ ! -e disk/results/stat.tsv ] || exit 3
	rm disk/filler
	make -s -C disk >again.out 2>&1 || exit 2
	cp -r disk/results after
	END
	holds 'a disk that is full, and then is not' 'unshare -m sh full.sh'
	holds 'had some whole runs, and not all' 'awk "NR == 1 { n = \$1 } NR == 2 { exit !(n == \$1 && n > 0 && n < 12) }" got'
	holds 'it was said' 'grep -i "no space" full.out && grep -i -e "no space" -e "disk.*full" store.out'
	dump after >got.dump
	holds 'and the outcome is that without a fault' 'cmp got.dump want.dump'
else
	skip 'a disk that is full' 'not root'
fi

# Several makes, some of which are killed.
rm -rf e/results
for i in 1 2 3 4; do
	make -s -C e >"out.$i" 2>&1 &
	eval "m$i=\$!"
done
sleep 0.7
# shellcheck disable=SC2154
kill -9 "$m1" "$m3"
# shellcheck disable=SC2154
try 'two makes of four are killed' 0 "tail --pid=$m2 -f /dev/null; tail --pid=$m4 -f /dev/null" </dev/null
if wait "$m2" && wait "$m4"; then
	good 'the others end well'
else
	bad 'the others end well' "$(cat out.2 out.4)"
fi
dump e/results >got.dump
holds 'with all results' 'cmp got.dump want.dump'

# The example, from what is installed.
holds 'install' 'make -s -C "$TOP" B="$B" DESTDIR="$PWD/root" PREFIX=/opt install >install.out 2>&1'
cp -r root/opt/share/leat/examples/sorting mine
holds 'the example, from what is installed' 'PATH=$PWD/root/opt/bin:$PATH make -s -C mine PICTURE=svg'
holds 'has its figures' '[ "$(grep -l "<svg" mine/results/figures/*.svg | wc -l)" -eq 2 ]'
holds 'and its claims' 'make -s -C mine verify | grep -c "holds$" | grep -x 3'
holds 'and is small, too' 'make -s -C mine kick-tires'
holds 'what was made is removed' 'make -s -C mine clean && [ ! -e mine/quick ] && [ -e mine/results/runs/quick.sorted.1/run.leat ]'

finish
