#!/bin/sh
# lackey.t - every access of a program, as valgrind sees it, against the object that join gives it
. tests/lib.sh

command -v valgrind >/dev/null || skip_all 'valgrind is not installed'
[ "$(uname -m)" = x86_64 ] || skip_all 'the marker page is of x86-64'
cc_so="${CC:-cc} -O1 -shared -fPIC -fno-builtin -o interposer.so $TOP/tests/lackey/interposer.c"
holds 'the interposer' "$cc_so"
holds 'the program' "${CC:-cc} -O1 -fno-builtin -o objects $TOP/tests/lackey/objects.c"

# under NAME COMMAND...: runs it under lackey; NAME.leat is the trace, NAME.want the number of the allocation of each access
under () {
	name=$1
	shift
	rm -f fifo log
	mkfifo fifo
	# The last process of those that load the library writes the log: the program.
	LD_PRELOAD=$PWD/interposer.so LACKEY_LOG=$PWD/log valgrind -q --tool=lackey --trace-mem=yes --log-file=fifo "$@" >out 2>err &
	grep '^ [LSM]' <fifo >accesses
	wait $! || return 1
	perl "$TOP/tests/lackey/truth.pl" log "$name.leat" "$name.want" <accesses
}

# right NAME: all accesses have the object that they should have
right () {
	leat join -q -t "$1.leat" | awk -F '\t' '$1 == "access" {
		serial = 0
		for (i = NF; i > 0 && $i !~ /^kind=/; i--) {
			if ($i ~ /^serial=/) serial = substr($i, 8)
			if ($i ~ /^age_ns=-/) print "before its allocation: " $0 | "cat >&2"
		}
		print serial
	}' >"$1.got"
	paste "$1.want" "$1.got" | awk '{ n++; objects += $1 > 0; wrong += $1 != $2 }
		END { printf "%d accesses, %d to objects, %d wrong\n", n, objects, wrong; exit !(n > 1000 && objects > 1000 && wrong <= n / 1000) }'
}

if under probe ./objects >made 2>err; then
	good '1,009 allocations'
	if right probe >got 2>err; then
		good "  $(cat got)"
	else
		bad '  each access has its object' "$(cat got err)"
	fi
	leat join -q -t probe.leat >joined
	awk -F '\t' '$1 == "access" { for (i = 1; i <= NF; i++) { split($i, v, "="); f[v[1]] = v[2] } if (f["kind"] == "object" && f["object_size"] >= 3000) n[f["object_size"]]++; delete f }
		END { for (size in n) print size, n[size] }' joined | sort -n >counted
	awk 'BEGIN { for (i = 0; i < 1009; i++) print 3000 + 8 * i, 1 + 7 * i % 13 }' >known
	awk 'NR == FNR { known[$1] = $2; next } $1 in known && known[$1] == $2 { ok++; next } $1 in known { print } END { print ok, "of 1009" }' known counted >got
	if [ "$(tail -n 1 got)" = '1009 of 1009' ]; then
		good '  the number of accesses to each is known'
	else
		bad '  the number of accesses to each is known' "$(head got)" "$(tail -n 1 got)"
	fi
	grep '^access.*object_size=\(3[0-9]\|[4-9][0-9]\|1[01][0-9]\)[0-9][0-9]	.*site=' joined | grep -o 'site=.*' | sort | uniq -c | awk '{ print $1 }' | sort -n >got
	awk 'BEGIN { for (i = 0; i < 1009; i++) n[i % 7] += 1 + 7 * i % 13; for (k in n) print n[k] }' | sort -n >want
	if cmp -s got want; then
		good '  and so it is for the seven places'
	else
		bad '  and so it is for the seven places' "$(diff want got)"
	fi
else
	skip '1,009 allocations' "valgrind: $(tail -n 1 err)"
fi

# A program that nobody here wrote.
if ! command -v sqlite3 >/dev/null; then
	skip 'sqlite3' 'it is not installed'
elif under sqlite sqlite3 :memory: 'create table a (b, c); insert into a values (1, 2), (3, 4), (5, 6); select b, sum(c) from a group by b;' >made 2>err; then
	if right sqlite >got 2>err; then
		good "sqlite3: $(cat got)"
	else
		bad 'sqlite3' "$(cat got err)"
	fi
else
	skip 'sqlite3' "valgrind: $(tail -n 1 err)"
fi

finish
