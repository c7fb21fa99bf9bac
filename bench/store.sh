#!/bin/sh
# store - accesses into a database, beside sqlite3's .import of the same rows; and back
#
# usage: make bench T=store	RECORDS=2000000, STORE_RUNS=3 of which the fastest counts; user and system time of one CPU
: "${B:=$PWD/build}" "${RECORDS:=2000000}" "${STORE_RUNS:=3}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/store
mkdir -p "$d/run" || exit 2
awk=$(command -v mawk || command -v awk)

# Eight threads, a heap of 1 GiB, 2,000 chains of 12 addresses.
accesses='BEGIN {
	print "#leat 1"
	for (k = 0; k < 2000; k++)
		for (d = 0; d < 12; d++) {
			x = (x * 69069 + 1) % 4294967296
			chain[k] = chain[k] sprintf("0x55%010x;", d < 6 ? x : d * 4096 + k % (13 - d))
		}
	split("L1 L2 L3 RAM remote", level, " ")
	for (i = 0; i < n; i++) {
		x = (x * 69069 + 1) % 4294967296
		y = int(x / 65536)
		t += 100 + y % 1000
		printf "access\tt=%.0f\tpid=4242\ttid=%d\top=%s\taddr=0x7f%010x\tweight=%d\tlevel=%s\tchain=%s\n", 1700000000000 + t,
		    4242 + y % 8, y % 3 ? "load" : "store", x / 4, 1 + y % 500, level[1 + y % 5], chain[y % 2000]
	}
}'
in=$d/$RECORDS
if [ ! -s "$in.leat" ]; then
	$awk -v n="$RECORDS" "$accesses" | leat cat -f -z 3 -o "$in.leat" || exit 2
fi
rm -f "$d"/run/*.leat
ln "$in.leat" "$d/run/trace.leat" || exit 2
printf '#leat 1\nstart\tt=1\ttool=run\tclock=monotonic_raw\nrun\tt=2\tname=bench\tid=bench\texperiment=bench\trep=1\tdry=0\nend\ttool=run\tmade=1\tlost=0\n' >"$d/run/run.leat"

# best COMMAND: the least CPU time of some runs, and the wall time of that run, in milliseconds
best () {
	least=
	runs=$STORE_RUNS
	while [ "$runs" -gt 0 ]; do
		rm -f "$d"/*.db
		ms=$(perl -MTime::HiRes=time -e 'my $from = time; system(@ARGV) == 0 or exit 1; my @t = times; printf "%d %d", ($t[2] + $t[3]) * 1000, (time - $from) * 1000' sh -c "$1") || return 1
		[ -n "$least" ] && [ "${ms% *}" -ge "${least% *}" ] || least=$ms
		runs=$((runs - 1))
	done
	echo "$least"
}

row () {
	# shellcheck disable=SC2086
	set -- "$1" $2 "${3-}"
	awk -v name="$1" -v cpu="$2" -v wall="$3" -v n="$RECORDS" -v peer="$4" 'BEGIN {
		printf "%-44s %7d ms (wall %7d) %6.2f M records/s", name, cpu, wall, n / cpu / 1000
		if (peer) printf "   %.1f times sqlite3", peer / cpu
		printf "\n" }'
}

ours=$(best "leat store add -q '$d/ours.db' '$d/run'") || exit 1
size=$(stat -c %s "$d/ours.db")
cp "$d/ours.db" "$d/kept"
peer=
if command -v sqlite3 >/dev/null; then
	if [ ! -s "$in.csv" ]; then
		sqlite3 -csv "$d/kept" 'SELECT t, op, addr, weight, level, pid, tid, chain FROM access' >"$in.csv" || exit 2
	fi
	peer=$(best "sqlite3 '$d/peer.db' 'CREATE TABLE access(t INTEGER, op TEXT, addr INTEGER, weight INTEGER, level TEXT, pid INTEGER,
		tid INTEGER, chain TEXT)' '.import --csv $in.csv access'") || exit 1
	theirs=$(stat -c %s "$d/peer.db")
	row 'sqlite3 .import' "$peer"
fi
row 'leat store add' "$ours" "${peer% *}"
awk -v n="$RECORDS" -v ours="$size" -v theirs="${theirs-0}" 'BEGIN {
	printf "%-44s %7.1f bytes a record", "the database", ours / n
	if (theirs) printf "   (sqlite3 %.1f, %.1f times)", theirs / n, theirs / ours
	printf "\n" }'
row 'leat store get' "$(best "leat store get -q -z 0 '$d/kept' bench >/dev/null")" ''
leat store get -t "$d/kept" bench >"$d/back"
leat cat -t "$in.leat" | cmp - "$d/back" && echo 'the same records come back'
rm -f "$d/kept" "$d/back" "$d"/*.db
