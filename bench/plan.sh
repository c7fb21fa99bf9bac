#!/bin/sh
# plan - a plan of many cells, beside a Python script that makes the same of the same table; the state of as many runs; and
# what stopping when the interval is narrow does to the interval
#
# usage: make bench T=plan	CELLS=100000, PLAN_RUNS=5 of which the fastest counts; user and system time of one CPU
: "${B:=$PWD/build}" "${CELLS:=100000}" "${PLAN_RUNS:=5}" "${EXPERIMENTS:=2000}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/plan
mkdir -p "$d" || exit 2

{
	echo 'factor,level,command,THREADS'
	seq $((CELLS / 1000)) | sed 's|.*|program,prog&,$top/bin/prog&|'
	seq 50 | sed 's|.*|data,set&,--input=/data/set&.bin|'
	seq 20 | sed 's|.*|threads,&,,&|'
} >"$d/levels.csv"
cat >"$d/plan.py" <<'PEOF'
import csv, hashlib, itertools, random, sys
factors = {}
for row in csv.DictReader(open(sys.argv[1])):
    factors.setdefault(row["factor"], []).append(row)
random.seed(1)
out = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
out.writerow(["name", "rep", "position", *factors, "command", "THREADS", "settings"])
position = 0
for rep in range(1, int(sys.argv[2]) + 1):
    cells = list(itertools.product(*factors.values()))
    random.shuffle(cells)
    for cell in cells:
        position += 1
        levels = [l["level"] for l in cell]
        command = " ".join(l["command"] for l in cell if l["command"])
        threads = next((l["THREADS"] for l in cell if l["THREADS"]), "")
        settings = hashlib.blake2b("\n".join([*levels, command, threads]).encode(), digest_size=8).hexdigest()
        out.writerow([".".join(levels) + "." + str(rep), rep, position, *levels, command, threads, settings])
PEOF

# best COMMAND: the least CPU time of some runs, in milliseconds
best () {
	least=
	runs=$PLAN_RUNS
	while [ "$runs" -gt 0 ]; do
		ms=$(perl -e 'system(@ARGV) == 0 or exit 1; my @t = times; printf "%d", ($t[2] + $t[3]) * 1000' sh -c "$1") || return 1
		[ -n "$least" ] && [ "$ms" -ge "$least" ] || least=$ms
		runs=$((runs - 1))
	done
	echo "$least"
}

row () {
	awk -v name="$1" -v ms="$2" -v n="$3" -v peer="${4-}" 'BEGIN {
		printf "%-44s %8d ms %8.2f M runs/s", name, ms, n / ms / 1000
		if (peer) printf "   %.1f times python3", peer / ms
		printf "\n" }'
}

for reps in 1 10; do
	n=$((CELLS * reps))
	peer=$(best "python3 '$d/plan.py' '$d/levels.csv' $reps >/dev/null") || exit 1
	row "python3, $CELLS cells, $reps blocks" "$peer" $n
	row "leat plan, the same" "$(best "leat plan --repetitions $reps '$d/levels.csv' >/dev/null")" $n "$peer"
done

leat plan -o "$d/plan.tsv" "$d/levels.csv" || exit 1
if ! cmp -s "$d/plan.tsv" "$d/made"; then
	rm -rf "$d/results"
	mkdir -p "$d/results/runs"
	sed 1,2d "$d/plan.tsv" | head -n $((CELLS - 1)) | perl -F'\t' -lane 'mkdir "$ARGV0/$F[0]"; BEGIN { $ARGV0 = shift }
		open(my $f, ">", "$ARGV0/$F[0]/run.leat") or die;
		print $f "#leat 1\nstart\tt=1\ttool=run\tversion=1\tclock=monotonic_raw\targv=run;\nrun\tt=2\tname=$F[0]\tsettings=\"$F[-1]\"";
		print $f "stat\tt=3\tname=$_\tvalue=1000\tsection=run" for qw(user_ns sys_ns wall_ns maxrss_bytes exit_status signal);
		print $f "end\tt=4\ttool=run\tmade=7\tlost=0"' "$d/results/runs" || exit 1
	cp "$d/plan.tsv" "$d/made"
fi
for what in --status --count --make '--next --owner 1'; do
	row "leat plan $what" "$(best "leat plan $what --results '$d/results' '$d/plan.tsv' >/dev/null
		rm -rf '$d/results/part'")" "$CELLS"
done

echo "How often an interval of 95 % holds the true median, when runs were added until it was narrow ($EXPERIMENTS times each):"
"$B/bench/plan" "$EXPERIMENTS"
