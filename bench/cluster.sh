#!/bin/sh
# cluster - what a node of Slurm costs a run: the same experiment without it, by srun, and as an array
#
# usage: make bench T=cluster	RUNS=40 of `true`; seconds of the clock, so other load on this machine counts
# A cluster of one node of this machine is started for it; without Slurm, or root, nothing is measured.
: "${B:=$PWD/build}" "${TOP:=$PWD}" "${RUNS:=40}"
case $B in
/*) ;;
*) B=$PWD/$B ;;
esac
LC_ALL=C PATH=$B/bin:$PATH:/usr/sbin
export LC_ALL PATH
for p in slurmctld slurmd munged salloc sbatch; do
	command -v $p >/dev/null || {
		echo "$p is missing: nothing is measured"
		exit 0
	}
done
[ "$(id -u)" -eq 0 ] || {
	echo 'only root can start a cluster: nothing is measured'
	exit 0
}
d=$(mktemp -d) || exit 2
trap 'sh "$TOP/tests/full/slurm-cluster" down "$d/slurm"; rm -rf "$d"' EXIT
trap 'exit 1' HUP INT TERM
sh "$TOP/tests/full/slurm-cluster" up "$d/slurm" 1 "$(nproc)" || exit 2
SLURM_CONF=$d/slurm/slurm.conf
export SLURM_CONF
cd "$d" || exit 2
printf 'factor,level,command\nprogram,true,true\nrepetitions,%d\n' "$RUNS" >experiment.csv
echo 'include $(shell leat --share-path)/pipelines/experiment.mk' >Makefile
unset MAKEFLAGS MAKELEVEL MFLAGS

# row NAME MAKE-ARGUMENT...: the milliseconds of a run
row () {
	name=$1
	shift
	rm -rf results
	make -s plan >/dev/null || exit 1
	begin=$(date +%s%N)
	# shellcheck disable=SC2086
	$in make -s "$@" runs >/dev/null 2>&1 </dev/null || exit 1
	end=$(date +%s%N)
	awk -v name="$name" -v ns="$((end - begin))" -v n="$RUNS" -v base="${base:-0}" 'BEGIN {
		printf "%-44s %8.1f ms a run", name, ns / n / 1e6
		if (base) printf "   %.1f times make alone", ns / base
		printf "\n" }'
	: "${base:=$((end - begin))}" # of the first
}
in='' base=''
row 'make runs'
row 'make SLURM=1 -j1 runs' SLURM=1 -j1
row 'make SLURM=1 runs' SLURM=1
row 'make SLURM=array runs' SLURM=array
in='salloc --quiet --nodes=1 --exclusive'
row 'make SLURM=1 runs, in a job' SLURM=1
row 'make SLURM=1 -j4 runs, in a job' SLURM=1 -j4
