#!/bin/sh
# interpose - what recording every allocation costs the command, beside heaptrack
#
# usage: make bench T=interpose	INTERPOSE_RUNS=5 of which the median counts; ROWS='sqlite cc1' for these alone
: "${B:=$PWD/build}" "${INTERPOSE_RUNS:=5}" "${ROWS:=sqlite cc1 python loop loop4 deep}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/interpose
mkdir -p "$d" || exit 2
export TMPDIR="$d"

# A C file of some size, of functions that call each other, with structures, loops and switches.
if [ ! -s "$d/big.c" ]; then
	awk 'BEGIN {
		print "typedef unsigned long word; struct node { struct node *next; word key, value[4]; };"
		for (i = 0; i < 120; i++) {
			printf "static word f%d(struct node *n, word a, word b)\n{\n\tword s = a * %d + b, i;\n", i, i + 3
			printf "\tfor (i = 0; i < (a & %d); i++) {\n\t\ts ^= n->value[i & 3] << (i %% %d);\n", i % 61 + 7, i % 13 + 1
			printf "\t\tif (n->next && n->key > s) n = n->next; else n->value[(i + %d) & 3] += s;\n\t}\n", i % 4
			printf "\tswitch (s %% %d) {\n", i % 7 + 5
			for (k = 0; k < i % 7 + 3; k++)
				printf "\tcase %d: s += n->value[%d] * %d; break;\n", k, k % 4, k * 17 + i
			printf "\t}\n"
			if (i > 4)
				printf "\tif (s & %d) s += f%d(n, s, b) - f%d(n->next ? n->next : n, b, s);\n", i % 31 + 1, i - 1 - i % 3, i - 4
			print "\treturn s;\n}"
		}
		print "word all(struct node *n, word a)\n{\n\tword s = 0;"
		for (i = 0; i < 120; i += 3)
			printf "\ts += f%d(n, a, s);\n", i
		print "\treturn s;\n}"
	}' >"$d/big.c" || exit 2
fi
cat >"$d/rows.sql" <<'END'
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, v REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
	INSERT INTO t SELECT i, 'name' || (i * 7919 % 100003), i * 0.5 FROM n;
CREATE INDEX by_name ON t(name);
SELECT count(DISTINCT name), sum(v) FROM t;
END
cat >"$d/dicts.py" <<'END'
d = {}
for i in range(120000):
    d['key%d' % (i * 7919 % 100003)] = {'a': [i, str(i)], 'b': (i, float(i))}
print(len(d), sum(len(v['a'][1]) for v in d.values()))
END

python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null)
cc1=$(gcc -print-prog-name=cc1 2>/dev/null)
printf 'workload\ttool\tnative_s\tcpu\trecorder\twall\trecords\tbytes\n'
for row in $ROWS; do
	case $row in
	sqlite) set -- 16 sqlite3 :memory: ".read $d/rows.sql" ;;
	cc1) set -- 16 "$cc1" -quiet -O2 "$d/big.c" -o /dev/null ;;
	python) # not by env: heaptrack follows no exec
		export PYTHONMALLOC=malloc
		set -- 16 "$python" "$d/dicts.py"
		;;
	loop) set -- 0,8,16 "$B/bench/allocations" 1 2000000 ;;
	loop4) set -- 0,8,16 "$B/bench/allocations" 4 500000 ;;
	deep) set -- 8,16 "$B/bench/allocations" 1 2000000 20 ;;
	esac
	command -v "$2" >/dev/null || { echo "$row: there is no $2"; continue; }
	"$B/bench/interpose" "$row" "$INTERPOSE_RUNS" "$@" || exit 1
done
