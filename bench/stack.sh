#!/bin/sh
# stack - the chain of a caller: ours beside libunwind's and glibc's, in one process
#
# usage: make bench T=stack	STACK_RUNS=9 rounds of which the shortest counts
#
# CPU time of a chain, with the calls around it taken off (tests/stack_time.c): `again` from the same place, `tree` at random
# through a tree of calls whose frames all have one size, which is the worst for ours: where a walk begins tells nothing.
# Then real programs (tests/stack_preload.c): how many of their chains were known, and what they cost, beside hooks that
# take none.
: "${B:=$PWD/build}" "${TOP:=$PWD}" "${STACK_RUNS:=9}"
d=$B/bench/data/stack
mkdir -p "$d" || exit 2
parts="$(ls "$TOP"/interpose/stack_*.c) $TOP/lib/code/cfi.c $TOP/lib/code/arch.c $TOP/lib/code/arch_x86_64.c
	$TOP/lib/code/arch_aarch64.c $TOP/lib/base/slice.c $TOP/lib/base/bytes.c"
flags="-O2 -g -std=gnu11 -D_GNU_SOURCE -I$TOP/lib -I$TOP"

# shellcheck disable=SC2086
if ${CC:-cc} $flags -o "$d/time" "$TOP/tests/stack_time.c" "$TOP/interpose/stack.c" $parts -lunwind -ldl 2>"$d/err"; then
	"$d/time" "$STACK_RUNS" | awk -F '\t' '
		$3 == "known" { printf "%-10s depth %2d: %5.1f ns a chain, unw_backtrace %5.1f, backtrace %5.1f, ratio %.2f, %2d%% known\n",
			$1, $2, ns["ours"], ns["unw_backtrace"], ns["backtrace"], ns["ours"] / ns["unw_backtrace"], 100 * $4; next }
		{ ns[$3] = $4 }'
else
	echo "# the peers are missing (libunwind-dev): $(head -n 1 "$d/err")"
fi

preload () { # preload FLAGS...
	# shellcheck disable=SC2086
	${CC:-cc} $flags -shared -fPIC -fvisibility=hidden -fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-builtin-malloc \
		-fexceptions -ftls-model=initial-exec -DSTACK_COUNTS -o "$d/preload.so" "$TOP/tests/stack_preload.c" $parts "$@" 2>"$d/err"
}
preload -DWITH_LIBUNWIND -lunwind -ldl || preload -ldl || exit 2
cc1=$(${CC:-cc} -print-prog-name=cc1)
${CC:-cc} -E -std=gnu11 -I"$TOP/lib" -D_GNU_SOURCE "$TOP/lib/code/cfi.c" >"$d/cfi.i"
printf '%s\n' 'create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 100000)
	insert into t select x, x * 7 % 1001 from c; create index i on t(b);
	select count(*) from t t1 join t t2 on t1.b = t2.b where t1.a < 1000;' >"$d/sql"
cat >"$d/j.py" <<'EOF'
import json
for i in range(4): json.loads(json.dumps({str(k): [k] * 9 for k in range(3000)}))
d = {}
for i in range(100000): d.setdefault(i % 1000, []).append(str(i) * 40)
EOF

# cost COMMAND...: CPU seconds of one run
cost () {
	STACK_CHECK=0 LD_PRELOAD=$d/preload.so bash -c 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1 <'"$in" - "$@" 2>&1 |
		awk '/^[0-9.]+ [0-9.]+$/ { print $1 + $2 }'
}
real () { # real NAME COMMAND...
	name=$1 i=0
	shift
	: >"$d/costs"
	while [ $i -lt "$STACK_RUNS" ]; do
		echo "$(STACK_DEPTH=0 cost "$@") $(STACK_DEPTH=16 cost "$@") $(STACK_DEPTH=16 STACK_PEER=1 cost "$@")" >>"$d/costs"
		i=$((i + 1))
	done
	STACK_CHECK=0 LD_PRELOAD=$d/preload.so "$@" 2>&1 >/dev/null <"$in" |
		sed -n 's/.*takes=\([0-9]*\) known=\([0-9]*\) remembered=\([0-9]*\).*/takes \1 \2 \3/p' >"$d/takes"
	awk -v name="$name" '
		$1 == "takes" { takes = $2; known = $3; remembered = $4; next }
		{ for (i = 1; i <= 3; i++) if (!(i in least) || $i < least[i]) least[i] = $i }
		END { printf "%-10s %7d chains: %2d%% known, %2d%% without a walk; ours %.0f ns each, unw_backtrace %.0f ns; CPU %.2f and %.2f times\n",
			name, takes, 100 * known / takes, 100 * remembered / takes, (least[2] - least[1]) / takes * 1e9,
			(least[3] - least[1]) / takes * 1e9, least[2] / least[1], least[3] / least[1] }' "$d/takes" "$d/costs"
}
in=$d/sql
command -v sqlite3 >/dev/null && real sqlite3 sqlite3 :memory:
in=/dev/null
real cc1 "$cc1" -quiet -O2 "$d/cfi.i" -o /dev/null
[ -x /usr/bin/python3 ] && PYTHONMALLOC=malloc real python3 /usr/bin/python3 "$d/j.py"
exit 0
