#!/bin/sh
# fold - perf script text, and perf.data, to folded lines: ours beside the peers, on a recording of real programs
#
# usage: make bench T=fold	FOLD_MB=160 megabytes of text, FOLD_RUNS=5 runs of which the shortest counts
#
# One text is that of a recording as it is, the other a shorter one repeated with later times. The floor is
# bench/fold.c. stackcollapse-perf.pl and inferno-collapse-perf are run where they are in PATH; perl's on a tenth.
: "${B:=$PWD/build}" "${TOP:=$PWD}" "${FOLD_MB:=160}" "${FOLD_RUNS:=5}" "${FOLD_HZ:=4999}" "${FOLD_DATA_HZ:=20000}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/fold
mkdir -p "$d" || exit 2

work () {
	perl -e 'for (1 .. 900000) { $x{$_ % 1000} .= "a" if length($x{$_ % 1000} || "") < 99;
		$y = join ",", sort { $a <=> $b } map { $_ * 7 % 13 } 1 .. 9 if $_ % 9 == 0; "foo$_" =~ /o+(\d)/ }'
	python3 -c 'import json, re
for i in range(15): json.loads(json.dumps({str(k): [k] * 9 for k in range(3000)})); re.findall("a+b", "aab" * 9999)'
	sqlite3 :memory: 'create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c
		where x < 250000) insert into t select x, x * 7 % 1001 from c; create index i on t(b);
		select count(*) from t t1 join t t2 on t1.b = t2.b where t1.a < 500' >/dev/null
	head -c 20000000 /dev/urandom | gzip -1 >/dev/null
	i=0
	while [ $i -lt 40000 ]; do i=$((i + 1)); done
	find /usr -name '*.h' >/dev/null
}
if [ "${1-}" = work ]; then
	work
	exit
fi

if [ ! -s "$d/perf.data" ]; then
	perf record -q -F "$FOLD_HZ" -g -o "$d/perf.data" -- sh "$TOP/bench/fold.sh" work >/dev/null 2>&1 || {
		echo 'skip: perf cannot record here'
		exit 0
	}
	rm -f "$d/short.txt"
fi
[ -s "$d/short.txt" ] || perf script -i "$d/perf.data" >"$d/short.txt" 2>/dev/null
size=$((FOLD_MB * 1000000))
[ -s "$d/long.txt" ] && [ "$(stat -c %s "$d/long.txt")" -ge "$size" ] ||
	"$B/bench/fold" grow "$d/short.txt" "$size" >"$d/long.txt" || exit 2
# Many samples in a short time: symbols are read once, however many there are.
[ -s "$d/many.data" ] || perf record -q -F "$FOLD_DATA_HZ" -g -o "$d/many.data" -- \
	sh -c "sh '$TOP/bench/fold.sh' work & sh '$TOP/bench/fold.sh' work; wait" >/dev/null 2>&1
[ -s "$d/once.txt" ] || perf script -i "$d/many.data" >"$d/once.txt" 2>/dev/null
bad=0

# best COMMAND: the shortest of some runs, in nanoseconds.
best () {
	least=
	runs=$FOLD_RUNS
	while [ "$runs" -gt 0 ]; do
		from=$(date +%s%N)
		if ! sh -c "$1" >"$d/out" 2>"$d/err"; then
			echo "failed: $1: $(head -n 1 "$d/err")" >&2
			echo 0
			return
		fi
		took=$(($(date +%s%N) - from))
		[ -n "$least" ] && [ "$took" -ge "$least" ] || least=$took
		runs=$((runs - 1))
	done
	echo "$least"
}

# row NAME NANOSECONDS BYTES-OR-SAMPLES UNIT NANOSECONDS-OF-OURS-PER-THOUSAND-OF-THEM
row () {
	[ "$2" -gt 0 ] || { printf '%-44s failed\n' "$1"; bad=1; return; }
	awk -v name="$1" -v ns="$2" -v n="$3" -v unit="$4" -v ours="${5-}" 'BEGIN {
		rate = n / (ns / 1e9)
		printf "%-44s %8.3f s %12.0f %s", name, ns / 1e9, unit == "MB/s" ? rate / 1e6 : rate, unit
		if (ours > 0) printf "   ours/this %.2f", (ns / n * 1000) / ours
		printf "\n" }'
}

# sum: equal lines of folded text added up, sorted.
sum () {
	awk '{ n = $NF; sub(/ [0-9]+$/, ""); s[$0] += n } END { for (k in s) printf "%s %.0f\n", k, s[k] }' | sort
}

# text FILE WHAT: ours and the peers on a text of perf script.
text () {
	size=$(stat -c %s "$1")
	echo "perf script text, $2: $((size / 1000000)) MB, $(grep -c '^[^[:space:]#]' "$1") samples"
	ours=$(best "leat import perf-script '$1' | leat fold")
	per=$(awk -v ns="$ours" -v n="$size" 'BEGIN { print ns / n * 1000 }')
	sort "$d/out" >"$d/ours.folded"
	row 'leat import perf-script | leat fold' "$ours" "$size" MB/s
	row 'floor: bench/fold.c (mmap, hashes only)' "$(best "'$B/bench/fold' floor '$1'")" "$size" MB/s "$per"
	sum <"$d/out" >"$d/floor.folded"
	cmp -s "$d/ours.folded" "$d/floor.folded" && echo 'same output' ||
		echo "output differs in $(diff "$d/ours.folded" "$d/floor.folded" | grep -c '^[<>]') lines (comms with blanks, names with parentheses)"
	row 'cat' "$(best "cat '$1' | cat")" "$size" MB/s "$per"
	if command -v inferno-collapse-perf >/dev/null; then
		row 'inferno-collapse-perf -n 1' "$(best "inferno-collapse-perf -n 1 '$1'")" "$size" MB/s "$per"
	else
		echo 'skip: no inferno-collapse-perf in PATH'
	fi
}

text "$d/once.txt" 'as recorded'
# What was met before is known as a whole.
text "$d/long.txt" 'one recording repeated'
if command -v stackcollapse-perf.pl >/dev/null; then
	FOLD_RUNS=1
	tenth=$(stat -c %s "$d/short.txt")
	row 'stackcollapse-perf.pl' "$(best "stackcollapse-perf.pl '$d/short.txt'")" "$tenth" MB/s "$per"
else
	echo 'skip: no stackcollapse-perf.pl in PATH'
fi

samples=$(perf script -i "$d/many.data" -F event 2>/dev/null | grep -c .)
echo "perf.data: $(($(stat -c %s "$d/many.data") / 1000)) kB, $samples samples"
FOLD_RUNS=3
if [ -x "$B/libexec/leat/unwind" ]; then
	ours=$(best "leat import '$d/many.data' | leat unwind | leat fold")
	per=$(awk -v ns="$ours" -v n="$samples" 'BEGIN { print ns / n * 1000 }')
	row 'leat import perf.data | leat unwind | leat fold' "$ours" "$samples" samples/s
	FOLD_RUNS=1
	row 'perf script >/dev/null' "$(best "perf script -i '$d/many.data' >/dev/null")" "$samples" samples/s "$per"
	if command -v stackcollapse-perf.pl >/dev/null; then
		row 'perf script | stackcollapse-perf.pl' \
			"$(best "perf script -i '$d/many.data' | stackcollapse-perf.pl")" "$samples" samples/s "$per"
	fi
else
	echo 'skip: no leat unwind'
fi
FOLD_RUNS=3
leat import perf-script "$d/long.txt" 2>/dev/null >"$d/long.trace"
row 'leat fold alone, from level 3 frames' "$(best "leat fold '$d/long.trace'")" \
	"$(grep -c '^[^[:space:]#]' "$d/long.txt")" samples/s
[ "$bad" -eq 0 ]
