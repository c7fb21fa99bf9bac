. tests/lib.sh
# Chains that interpose/stack.h takes, against witnesses: random call chains against libunwind and a slow walk of all registers
# (tests/stack_chains.c), those of real programs against the slow walk (tests/stack_preload.c), objects that come and go.

warn='-Wall -Wextra -Werror'
common="-g -std=gnu11 -D_GNU_SOURCE -I$TOP/lib -I$TOP $warn"
rest="$TOP/lib/code/cfi.c $TOP/lib/code/arch.c $TOP/lib/code/arch_x86_64.c $TOP/lib/code/arch_aarch64.c $TOP/lib/base/slice.c
	$TOP/lib/base/bytes.c"
parts=$(ls "$TOP"/interpose/stack_*.c)
last=
# shellcheck disable=SC2086
build () { # build OUTPUT SOURCE FLAGS...
	out=$1 source=$2
	shift 2
	${CC:-cc} $common "$@" -o "$out" "$TOP/tests/$source" $parts $rest -ldl $last
}

unwind=
if printf '#define UNW_LOCAL_ONLY\n#include <libunwind.h>\nint main(void) { unw_context_t c; return unw_getcontext(&c); }\n' >u.c &&
	${CC:-cc} -o u u.c -lunwind 2>err; then
	unwind=-DWITH_LIBUNWIND last=-lunwind
else
	skip 'libunwind as a witness' 'libunwind-dev is not here: the slow walk is the only one'
fi

# One program for all shapes: what differs is what the compiler makes of them.
for flags in -O0 -O1 -O2 -O3 -Os '-O2 -fno-omit-frame-pointer' '-O2 -fno-plt -fcf-protection=none'; do
	# shellcheck disable=SC2086
	build chains stack_chains.c $flags $unwind "$TOP/interpose/stack.c" -rdynamic -pthread 2>err || {
		bad "builds with $flags" "$(cat err)"
		continue
	}
	timeout 100 ./chains 15000 7 >got 2>err
	if sed 's/chains=15[0-9]* compared=15[0-9]* known=[1-9][0-9]* cut=0 differences=0/good/' got | grep -qx good; then
		good "random chains, $flags"
	else
		bad "random chains, $flags" "$(cat got err)"
	fi
done

last=
if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
	for flags in -O0 -O2 '-O2 -fomit-frame-pointer' '-O2 -mbranch-protection=standard'; do
		# shellcheck disable=SC2086
		if CC=aarch64-linux-gnu-gcc build chains64 stack_chains.c $flags "$TOP/interpose/stack.c" -rdynamic -pthread 2>err &&
			timeout 100 qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu ./chains64 3000 7 >got 2>err &&
			sed 's/chains=30[0-9]* compared=30[0-9]* known=[1-9][0-9]* cut=0 differences=0/good/' got | grep -qx good; then
			good "aarch64, random chains, $flags"
		else
			bad "aarch64, random chains, $flags" "$(cat got err)"
		fi
	done
else
	skip 'aarch64' 'no aarch64-linux-gnu-gcc or no qemu-aarch64'
fi

# Objects that take each other's place, with _dl_find_object() and with a list of our own; code of no object.
echo 'void enter(void (*call)(void)) { volatile char room[ROOM]; room[0] = 1; call(); room[1] = room[0]; }' >object.c
# Of the same instructions but for the size of the frame: addresses of the one are addresses of the other.
for room in 400 800; do
	${CC:-cc} -O2 -fPIC -shared -DROOM=$room -o room$room.so object.c
done
for way in -DSTACK_NO_LIST -DSTACK_OWN_LIST; do
	build reload stack_reload.c -O2 $way "$TOP/interpose/stack.c" 2>err || bad "builds with $way" "$(cat err)"
	try "objects come and go, $way" 0 './reload ./room400.so ./room800.so' <<-'EOF'
	same, same place, new, told 1
	same, same place, known, told 1
	same, same place, new, told 2
	same, same place, known, told 2
	same, same place, new, told 3
	same, same place, known, told 3
	same, same place, new, told 4
	same, same place, known, told 4
	same, same place, new, told 5
	same, same place, known, told 5
	same, same place, new, told 6
	same, same place, known, told 6
	EOF
done
build chains stack_chains.c -O2 -DSTACK_OWN_LIST "$TOP/interpose/stack.c" -rdynamic -pthread 2>err &&
	timeout 100 ./chains 15000 7 >got 2>>err
if sed 's/chains=15[0-9]* compared=15[0-9]* known=[1-9][0-9]* cut=0 differences=0/good/' got | grep -qx good; then
	good 'random chains, a list of our own'
else
	bad 'random chains, a list of our own' "$(cat got err)"
fi

if [ "$(uname -m)" = x86_64 ]; then
	build made stack_made.c -O2 "$TOP/interpose/stack.c" 2>err || bad 'builds stack_made' "$(cat err)"
	try 'code that was made at run time' 0 ./made <<-'EOF'
	frame pointers: 2 made frames, to the root, agrees
	fp is a number: 1 made frames, cut, agrees
	fp is nowhere: 1 made frames, cut, agrees
	fp was unmapped: 1 made frames, cut, agrees
	fp is no address: 1 made frames, cut, agrees
	fp is code: 1 made frames, cut, agrees
	EOF
else
	skip 'code that was made at run time' 'its instructions are those of x86-64'
fi

# Real programs, of which hardly one has frame pointers: every 5th chain is walked twice.
if ! build preload.so stack_preload.c -O2 -shared -fPIC -fvisibility=hidden -fno-omit-frame-pointer -fno-optimize-sibling-calls \
	-fno-builtin-malloc -fexceptions -ftls-model=initial-exec -DSTACK_COUNTS 2>err; then
	bad 'builds the library' "$(cat err)"
fi
real () { # real NAME COMMAND...
	what=$1
	shift
	command -v "$1" >/dev/null || {
		skip "real: $what" "no $1"
		return
	}
	STACK_CHECK=5 LD_PRELOAD=$dir/preload.so timeout 100 "$@" >out 2>err </dev/null
	if grep -qE 'takes=[1-9][0-9]{3,} known=[1-9][0-9]+ .* checked=[1-9][0-9]+ differences=0 cut=0$' err; then
		good "real: $what"
	else
		bad "real: $what" "$(cat err)"
	fi
}
real sqlite3 sqlite3 :memory: 'create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 3000)
	insert into t select x, x * 7 % 101 from c; create index i on t(b); select count(*) from t a join t b on a.b = b.b'
cc1=$(${CC:-cc} -print-prog-name=cc1)
${CC:-cc} -E -std=gnu11 -I"$TOP/lib" -D_GNU_SOURCE "$TOP/lib/code/cfi.c" >cfi.i
real cc1 "$cc1" -quiet -O2 cfi.i -o /dev/null
python=/usr/bin/python3
PYTHONMALLOC=malloc real python3 $python -c 'import json
for i in range(5): json.loads(json.dumps({str(k): [k] * 9 for k in range(300)}))'
real perl perl -e 'for (1 .. 3000) { $h{"k$_"} .= "x$_" } print scalar %h'

finish
