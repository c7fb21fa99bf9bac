#!/bin/sh
# unwind - stack dumps and chains to named stacks: ours beside perf script, on recordings of real programs made here
#
# usage: make bench T=unwind	UNWIND_S=8 seconds of stack dumps, UNWIND_RUNS=3 runs of which the shortest counts
#
# Times are of whole processes, so that opening objects and reading symbols counts on both sides. "ours/this" is how many
# times as many samples a second we do. "agree" is tests/agree: the same stacks, function by function, as those of perf
# and of libdw (bench/unwind.c). One recording is of programs that run already when it begins, one of programs that are
# executed again and again, of which perf loses the call frame information (leat-unwind(1), LIMITS).
# Recordings are kept below build/bench/data and used again.
: "${B:=$PWD/build}" "${TOP:=$PWD}" "${UNWIND_S:=8}" "${UNWIND_RUNS:=3}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/unwind
mkdir -p "$d" || exit 2

sql='create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 250000)
	insert into t select x, x * 7 % 1001 from c; create index i on t(b);
	select count(*) from t t1 join t t2 on t1.b = t2.b where t1.a <'

# programs SECONDS: starts some, whose ids go to $pids.
# shellcheck disable=SC2016
programs () {
	pids=
	timeout "$1" perl -e 'while (1) { $h{"k" . ($_ % 5003)} .= "x$_" for 1 .. 30000;
		for (sort keys %h) { $n += () = $h{$_} =~ /x1/g } %h = () }' & pids=$pids,$!
	timeout "$1" /usr/bin/env python3 -c 'import json, re
while True:
    json.loads(json.dumps({str(k): [k] * 9 for k in range(3000)})); re.findall("(a+)+b|[0-9]+", "aaaac 123 " * 200)' & pids=$pids,$!
	if command -v sqlite3 >/dev/null; then
		timeout "$1" sqlite3 :memory: "$sql 100000000" >/dev/null & pids=$pids,$!
	fi
	timeout "$1" xz -9 -T 2 -c /dev/urandom >/dev/null 2>&1 & pids=$pids,$!
	sleep 1
	for p in $(echo "$pids" | tr , ' '); do # timeout runs them as its children
		child=
		read -r child <"/proc/$p/task/$p/children" || : # there is no newline
		pids=$pids${child:+,$child}
	done
	pids=${pids#,}
}

# What is executed again and again.
work () {
	end=$(($(date +%s) + UNWIND_S))
	while [ "$(date +%s)" -lt "$end" ]; do
		perl -e 'for (1 .. 300000) { $h{"k" . ($_ % 5003)} .= "x$_" } for (sort keys %h) { $n += () = $h{$_} =~ /x1/g }'
		python3 -c 'import json, re
for i in range(60): json.loads(json.dumps({str(k): [k] * 9 for k in range(3000)})); re.findall("(a+)+b|[0-9]+", "aaaac 123 " * 200)'
		! command -v sqlite3 >/dev/null || sqlite3 :memory: "$sql 500" >/dev/null
	done
}
if [ "${1-}" = work ]; then
	work
	exit
fi

# record NAME SECONDS OPTION...: those programs, while they run, or with -a everything.
record () {
	[ -s "$d/$1.data" ] && return
	name=$1 s=$2
	shift 2
	programs $((s + 3))
	case " $* " in
	*' -a '*) ;;
	*) set -- "$@" -p "$pids" ;;
	esac
	perf record -q -o "$d/part" "$@" -- sleep "$s" >/dev/null 2>&1 && mv "$d/part" "$d/$name.data"
	status=$?
	wait
	return $status
}
record running $((UNWIND_S / 2)) -F 3999 --call-graph dwarf || { echo 'skip: perf cannot record here'; exit 0; }
record fp 22 -F 24999 -a -g
[ -s "$d/dwarf.data" ] || perf record -q -F 3999 --call-graph dwarf -o "$d/dwarf.data" -- \
	sh "$TOP/bench/unwind.sh" work >/dev/null 2>&1

# best COMMAND: the shortest of some runs, in nanoseconds.
best () {
	least=
	runs=$UNWIND_RUNS
	while [ "$runs" -gt 0 ]; do
		from=$(date +%s%N)
		sh -c "$1" >/dev/null 2>"$d/err" || echo "failed: $1: $(head -n 1 "$d/err")" >&2
		took=$(($(date +%s%N) - from))
		[ -n "$least" ] && [ "$took" -ge "$least" ] || least=$took
		runs=$((runs - 1))
	done
	echo "$least"
}

# row NAME NANOSECONDS SAMPLES [NANOSECONDS-OF-OURS]
row () {
	awk -v name="$1" -v ns="$2" -v n="$3" -v ours="${4-}" 'BEGIN {
		printf "%-52s %8.3f s %10.0f samples/s", name, ns / 1e9, n / (ns / 1e9)
		if (ours != "") printf "   ours/this %.1f", ns / ours
		printf "\n" }'
}

samples () {
	leat cat -t "$1" | grep -c '^sample'
}

# agree NAME [--no-inline]: beside perf, and without inlined functions (of which libdw does not tell) beside libdw.
agree () {
	perf script ${2+"$2"} --ns -F comm,pid,tid,time,ip,sym,dso -i "$1.data" >"$d/theirs" 2>/dev/null
	leat unwind ${2+"$2"} -t "$1.trace" >"$d/ours"
	perl "$TOP/tests/agree" "$d/theirs" "$d/ours" | head -n 2 | sed 's/^/	perf: /'
	if [ -n "${2-}" ]; then
		leat unwind "$2" --keep "$1.trace" | "$B/bench/unwind" >"$d/theirs"
		perl "$TOP/tests/agree" "$d/theirs" "$d/ours" | head -n 1 | sed 's/^/	libdw: /'
	fi
}

# dumps NAME WHAT
dumps () {
	leat import -f -z 0 -o "$d/$1.trace" "$d/$1.data"
	n=$(samples "$d/$1.trace")
	echo "stack dumps of $2: $(($(stat -c %s "$d/$1.trace") / 1000000)) MB, $n samples"
	row 'cat of the same bytes through a pipe' "$(best "cat '$d/$1.trace' | cat")" "$n"
	for inline in --no-inline ''; do
		UNWIND_RUNS=$runs_wanted
		alone=$(best "leat unwind $inline '$d/$1.trace'")
		whole=$(best "leat import '$d/$1.data' | leat unwind $inline | leat fold")
		row "leat unwind $inline" "$alone" "$n"
		row "leat import | leat unwind $inline | leat fold" "$whole" "$n"
		[ -n "$inline" ] || UNWIND_RUNS=1
		theirs=$(best "perf script $inline -i '$d/$1.data'")
		row "perf script $inline (alone)" "$theirs" "$n" "$alone"
		row "perf script $inline (whole)" "$theirs" "$n" "$whole"
		agree "$d/$1" ${inline:+"$inline"}
	done
}
runs_wanted=$UNWIND_RUNS
dumps running 'programs that run'
dumps dwarf 'programs that are executed'
memory=$(/usr/bin/env python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000)' leat unwind "$d/dwarf.trace")
echo "leat unwind: at most $memory MB of memory"

UNWIND_RUNS=$runs_wanted
leat import -f -z 0 -o "$d/fp.trace" "$d/fp.data"
n=$(samples "$d/fp.trace")
echo "chains: $(($(stat -c %s "$d/fp.trace") / 1000000)) MB, $n samples"
row 'leat unwind' "$(best "leat unwind '$d/fp.trace'")" "$n"
ours=$(best "leat import '$d/fp.data' | leat unwind | leat fold")
row 'leat import | leat unwind | leat fold' "$ours" "$n"
UNWIND_RUNS=1
row 'perf script' "$(best "perf script -i '$d/fp.data'")" "$n" "$ours"
rm -f "$d/theirs" "$d/ours"
