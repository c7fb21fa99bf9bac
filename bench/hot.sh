#!/bin/sh
# hot - accesses to tables by site, object and page, and to a picture; beside an awk script that counts by site
#
# usage: make bench T=hot	HOT_N=2000000 records, HOT_LIVE=100000 objects that are live, HOT_RUNS=5 of which the fastest counts
: "${B:=$PWD/build}" "${HOT_N:=2000000}" "${HOT_LIVE:=100000}" "${HOT_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/hot
mkdir -p "$d" || exit 2
awk=$(command -v mawk || command -v awk)

# What join leaves: a free and an alloc of one object, six accesses to any; 500 sites of 8 functions.
if [ ! -s "$d/$HOT_N.$HOT_LIVE.leat" ]; then
	# shellcheck disable=SC2016
	$awk -v n="$HOT_N" -v live="$HOT_LIVE" '
	function next_random() { x = (x * 69069 + 1) % 4294967296; return int(x / 65536) }
	function addr(k) { return sprintf("0x5555%08x", 65536 + k * 512) }
	function make(k) {
		site[k] = next_random() % 500; serial[k] = ++last
		return sprintf("alloc\tt=%d\tpid=7\ttid=7\top=malloc\taddr=%s\tsize=%d\tstack=%s\n", t, addr(k), 16 + k % 480, stack[site[k]])
	}
	BEGIN {
		printf "#leat 1\n"
		for (i = 0; i < 500; i++)
			stack[i] = "_start;__libc_start_main;main;run;work;step" int(i / 100) ";part" int(i / 10) ";make" i ";"
		for (k = 0; k < live && made < n; k++) { t += 50; printf "%s", make(k); made++ }
		while (made < n) {
			t += 50; k = (next_random() * 32768 + next_random()) % live
			if (made % 8 == 0) { printf "free\tt=%d\tpid=7\ttid=7\top=free\taddr=%s\n%s", t, addr(k), make(k); made += 2; continue }
			printf "access\tt=%d\tpid=7\ttid=7\top=%s\taddr=%s\tweight=1\tkind=object\tobject=%s\toffset=0\tobject_size=%d\tage_ns=5\tserial=%d\tsite=%s\n",
			    t, next_random() % 3 ? "r" : "w", addr(k), addr(k), 16 + k % 480, serial[k], stack[site[k]]
			made++
		}
	}' >"$d/$HOT_N.$HOT_LIVE.txt"
	leat cat -f -z 0 -o "$d/$HOT_N.$HOT_LIVE.leat" "$d/$HOT_N.$HOT_LIVE.txt" || exit 2
fi

# best COMMAND: the least CPU time of some runs, in milliseconds, and the most memory of one, in MB
best () {
	least=
	runs=$HOT_RUNS
	while [ "$runs" -gt 0 ]; do
		ms=$(perl -e 'system(@ARGV) == 0 or exit 1; my @t = times; printf "%d", ($t[2] + $t[3]) * 1000' sh -c "$1") || return 1
		[ -n "$least" ] && [ "$ms" -ge "$least" ] || least=$ms
		runs=$((runs - 1))
	done
	echo "$least"
}

row () {
	awk -v name="$1" -v ms="$2" -v n="$HOT_N" -v peer="${3-}" 'BEGIN {
		if (ms == "") { print name, "failed"; exit 1 }
		if (ms == 0) ms = 1
		printf "%-44s %6d ms %7.2f M records/s", name, ms, n / ms / 1000
		if (peer) printf "   times as fast %.2f", peer / ms
		printf "\n" }' || bad=1
}

bad=0
f=$d/$HOT_N.$HOT_LIVE
echo "$HOT_N records, $HOT_LIVE objects live, 500 sites"
# shellcheck disable=SC2016
count='$1 == "access" { for (i = 2; i <= NF; i++) if (substr($i, 1, 5) == "site=") n[$i]++ } END { for (s in n) print n[s], s }'
peer=$(best "$awk -F '\t' '$count' $f.txt >$d/out")
row "$(basename "$awk"), accesses by site, lines" "$peer"
row 'leat hot, lines' "$(best "leat hot $f.txt >$d/out")" "$peer"
row 'leat cat of the frames, to nowhere' "$(best "leat cat $f.leat >/dev/null")" "$peer"
for what in '' '-b object' '-b page' '-b kind' '--curve -b object' '--timeline'; do
	row "leat hot $what" "$(best "leat hot $what $f.leat >$d/out")" "$peer"
done
row 'leat heat --memory' "$(best "leat heat --memory $f.leat >$d/out")" "$peer"
row 'leat heat --memory --whole' "$(best "leat heat --memory --whole $f.leat >$d/out")" "$peer"
row 'leat fold --stack site' "$(best "leat fold -q --stack site -w count $f.leat >$d/out 2>$d/err")" "$peer"
exit $bad
