#!/bin/sh
# store-stat - numbers of 1,000 runs: 100 programs, dry and not, five repetitions, beside python3's sqlite3 and statistics
#
# usage: make bench T=store-stat	STAT_RUNS=5 of which the fastest counts; user and system time of one CPU
: "${B:=$PWD/build}" "${STAT_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/store-stat
mkdir -p "$d" || exit 2
cd "$d" || exit 2
if [ ! -s runs.db ]; then
	rm -rf runs
	awk 'BEGIN { for (p = 0; p < 100; p++) for (c = 0; c < 2; c++) for (r = 1; r <= 5; r++) print "runs/p" p "." (c ? "on" : "dry") "." r }' |
		xargs mkdir -p || exit 2
	awk 'BEGIN {
		split("wall_ns:ns user_ns:ns sys_ns:ns maxrss_bytes:bytes minor_faults: major_faults: voluntary_switches: involuntary_switches: in_blocks: out_blocks: exit_status: signal: timed_out: stdout_bytes:bytes stderr_bytes:bytes environment_bytes:bytes", stat, " ")
		for (r = 1; r <= 5; r++) for (p = 0; p < 100; p++) for (c = 0; c < 2; c++) {
			level = c ? "on" : "dry"
			name = "p" p "." level "." r
			f = "runs/" name "/run.leat"
			printf "#leat 1\nrun\tt=%d\tname=\"%s\"\tid=\"%s\"\texperiment=\"bench\"\trep=%d\tposition=%d\tsettings=\"%s\"\tfactors=program;config;\tlevels=p%d;%s;\tdry=%d\n",
				++n, name, name, r, n, p level, p, level, !c >f
			for (i = 1; i <= 16; i++) {
				x = (x * 69069 + 12345) % 4294967296
				split(stat[i], s, ":")
				printf "stat\tt=0\tname=\"%s\"\tvalue=%d%s\tsection=\"run\"\n", s[1], (i > 10 && i < 14 ? 0 : (1000000 + 1000 * p) * (1 + c / 10) + int(x / 65536)), (s[2] ? "\tunit=\"" s[2] "\"" : "") >f
			}
			printf "stat\tt=0\tname=\"rate\"\tvalue=%.3f\tunit=\"op/s\"\tsection=\"values\"\n", (1 + c / 10) * 1000 + x / 1e8 >f
			close(f)
		}
	}' || exit 2
	leat store add -q runs.new runs/* && mv runs.new runs.db || exit 2
fi

cat >peer.py <<'END'
import random, sqlite3, statistics, sys
db = sqlite3.connect("runs.db")
metrics = ("wall_ns", "user_ns", "sys_ns", "maxrss_bytes", "rate")
cells = {}
for program, config, name, value in db.execute(
        "SELECT p.level, c.level, s.name, s.value FROM run r JOIN factor p ON p.run = r.id AND p.name = 'program'"
        " JOIN factor c ON c.run = r.id AND c.name = 'config' JOIN stat s ON s.run = r.id WHERE NOT r.failed"):
    if name in metrics:
        cells.setdefault((program, config, name), []).append(value)
boot = len(sys.argv) > 1
random.seed(1)
for (program, config, name), v in sorted(cells.items()):
    m = statistics.median(v)
    row = [program, config, name, len(v), min(v), m, statistics.mean(v), statistics.stdev(v), max(v)]
    if config != "dry":
        dry = cells[program, "dry", name]
        row.append(m / statistics.median(dry) - 1)
        if boot:
            r = sorted(statistics.median(random.choices(v, k=len(v))) / statistics.median(random.choices(dry, k=len(dry)))
                       for _ in range(1999))
            row += [r[49] - 1, r[1949] - 1]
    print(*row, sep="\t")
END

# best RUNS COMMAND: the least CPU time, in milliseconds
best () {
	least=
	runs=$1
	while [ "$runs" -gt 0 ]; do
		ms=$(perl -e 'system(@ARGV) == 0 or exit 1; my @t = times; printf "%d", ($t[2] + $t[3]) * 1000' sh -c "$2") || return 1
		[ -n "$least" ] && [ "$ms" -ge "$least" ] || least=$ms
		runs=$((runs - 1))
	done
	echo "$least"
}

row () {
	awk -v name="$1" -v ms="$2" -v peer="${3-}" 'BEGIN {
		printf "%-60s %8d ms", name, ms
		if (peer) printf "   %.1f times python3", peer / ms
		printf "\n" }'
}

numbers=$(best "$STAT_RUNS" 'python3 peer.py >/dev/null') || exit 1
intervals=$(best 1 'python3 peer.py boot >/dev/null') || exit 1
row 'python3: min, median, mean, deviation, max, overhead' "$numbers"
row 'python3: and intervals of the overhead, 1,999 resamples' "$intervals"
row 'leat store stat: that, and intervals of the median' "$(best "$STAT_RUNS" 'leat store stat runs.db >stat.tsv')" "$intervals"
row 'leat store list' "$(best "$STAT_RUNS" 'leat store list runs.db >list.tsv')"
row 'leat store sql: medians by cell of the table results' \
	"$(best "$STAT_RUNS" 'leat store sql runs.db "SELECT program, config, median(wall_ns), median(rate) FROM results GROUP BY 1, 2" >/dev/null')"
[ "$(grep -c '^bench' list.tsv)" -eq 1000 ] && [ "$(grep -c '^bench' stat.tsv)" -eq 1000 ] || exit 1
# The same overheads.
python3 peer.py | awk -F '\t' '$2 != "dry" { print $1, $3, sprintf("%.4f", $10) }' | sort >theirs
awk -F '\t' '$3 == "on" { print $2, $4, sprintf("%.4f", $16) }' stat.tsv | sort >ours
awk 'NR == FNR { a[$1 $2] = $3; next } { d = a[$1 $2] - $3; if (d > 0.00011 || d < -0.00011) exit 1; n++ } END { exit n != 500 }' theirs ours &&
	echo 'the same 500 overheads'
