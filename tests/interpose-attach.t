#!/bin/sh
# interpose -p: programs that wait for a line on standard input are attached to, then do what is known, and end
. tests/lib.sh
# shellcheck disable=SC2154

[ "$(id -u)" -eq 0 ] || skip_all 'attaching by uprobes needs root'

cat >known.c <<'C'
/* known WHAT N: waits for a byte, does WHAT N times, waits for another, ends */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) void *
site_one(size_t n)
{
	void *p = malloc(n);

	__asm__ volatile("" : "+r"(p));
	return p;
}

__attribute__((noinline)) void *
site_two(size_t n)
{
	void *p = site_one(n);

	__asm__ volatile("" : "+r"(p));
	return p;
}

static int times;

static void *
pairs(void *p)
{
	for (int i = 0; i < times; i++)
		free(site_one((size_t)(intptr_t)p + (size_t)i));
	return NULL;
}

static void
wait_for_byte(void)
{
	char c;

	if (read(0, &c, 1) != 1)
		_exit(3);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	void *before = malloc(77), *p = NULL;

	times = argc > 2 ? atoi(argv[2]) : 1;
	wait_for_byte();
	if (!strcmp(what, "each")) {
		free(site_two(11));
		p = calloc(3, 7);
		p = realloc(p, 3000);
		p = reallocarray(p, 9, 1000);
		free(p);
		if (posix_memalign(&p, 64, 640))
			return 4;
		free(p);
		free(aligned_alloc(256, 512));
		p = malloc(50);
		if (realloc(p, PTRDIFF_MAX) || errno != ENOMEM)
			return 5;
		free(p);
		free(malloc(3 << 20)); /* maps, and unmaps */
		p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		p = mremap(p, 8192, 16384, MREMAP_MAYMOVE);
		munmap(p, 16384);
		free(before);
	}
	if (!strcmp(what, "pairs"))
		pairs((void *)1);
	if (!strcmp(what, "threads")) {
		pthread_t t[4];

		for (intptr_t i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, pairs, (void *)(i * 100000));
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
	}
	if (!strcmp(what, "fork")) {
		p = site_one(123);
		if (fork() == 0) {
			free(p);
			pairs((void *)5000);
			_exit(0);
		}
		wait(NULL);
		free(p);
	}
	if (!strcmp(what, "exec"))
		execlp("true", "true", NULL);
	if (!strcmp(what, "kill"))
		for (;;)
			pairs((void *)1);
	wait_for_byte();
	return 0;
}
C
cc_known="${CC:-cc} -O1 -g -fno-omit-frame-pointer -fno-builtin -pthread -D_GNU_SOURCE -o known known.c"
$cc_known || exit 1
mkfifo in
image=/known

# attached NAME 'OPTIONS' PROGRAM...: the trace of what it does between the two bytes, as lines, in NAME.txt; $status is
# the recorder's, $own the program's. Its own output goes to own.txt.
attached () {
	name=$1 options=$2
	shift 2
	exec 7<>in
	"$@" <in >own.txt 2>own.err 7<&- &
	program=$!
	i=0
	until grep -q S "/proc/$program/stat" 2>/dev/null && grep -q "$image" "/proc/$program/maps" || [ $i -gt 200 ]; do
		sleep 0.01
		i=$((i + 1))
	done
	sleep 0.1
	# shellcheck disable=SC2086
	leat interpose $options -t -o "$name.txt" -p $program 7<&- 2>err &
	recorder=$!
	i=0
	until grep -q '^comm' "$name.txt" 2>/dev/null || ! kill -0 $recorder 2>/dev/null || [ $i -gt 500 ]; do
		sleep 0.01
		i=$((i + 1))
	done
	sleep 0.1
	printf '12' >&7
	wait $program
	own=$?
	wait $recorder
	status=$?
	exec 7<&-
}

# calls FILE: what happened, in order, without times and addresses
calls () {
	awk -F '\t' '$1 == "alloc" || $1 == "free" {
		s = $1
		for (i = 2; i <= NF; i++) if ($i ~ /^(op|size|align)=/) s = s " " $i; else if ($i ~ /^old=/) s = s " old"
		print s }' "$1"
}

count () {
	grep -c "^$2" "$1"
}

# Probes of recorders that are no more.
left () {
	sed -n 's,^[pr]:leat_\([0-9]*\)/.*,\1,p' /sys/kernel/tracing/uprobe_events | sort -u | while read -r p; do
		[ -d "/proc/$p" ] || echo "leat_$p/"
	done
}

equal () {
	if [ "$2" = "$3" ]; then good "$1"; else bad "$1" "$2, not $3" "$(cat err)"; fi
}

leat interpose -q -p $$ -o can.leat -- true 2>err || skip_all "$(cat err)"

attached each '' ./known each
equal 'it ends with the process' "$status $own" '0 0'
calls each.txt >got
cat >want <<'E'
alloc op=malloc size=11
free op=free
alloc op=calloc size=21
free op=realloc
alloc op=realloc size=3000 old
free op=realloc
alloc op=reallocarray size=9000 old
free op=free
alloc op=posix_memalign size=640 align=64
free op=free
alloc op=aligned_alloc size=512 align=256
free op=free
alloc op=malloc size=50
free op=realloc
alloc op=realloc size=50 old
free op=free
alloc op=malloc size=3145728
free op=free
alloc op=mmap size=8192
free op=mremap size=8192
alloc op=mremap size=16384 old
free op=munmap size=16384
E
if cmp -s want got; then good 'each function, the outermost alone'; else bad 'each function, the outermost alone' "$(diff want got)"; fi
said '11 allocations, 11 frees, 1 of what is older, 0 lost'
holds 'the ledger balances' 'leat audit each.txt | grep -q balanced'
holds 'in order of time' "sed -n 's/.*	t=\([0-9]*\).*/\1/p' each.txt | sort -n -c"
holds 'what is older is counted' "grep -q 'name=frees_unknown	value=1	' each.txt"
holds 'a free names what was given' "awk -F '\t' '\$1 == \"alloc\" { a[\$6] = 1 } \$1 == \"free\" { n += a[\$6]; delete a[\$6] } END { exit n != 11 }' each.txt"
holds 'the site is the caller of malloc' "leat unwind each.txt | leat cat -t |
	awk -F '\t' '/size=11\t/ { for (i = 1; i <= NF; i++) if (\$i ~ /^stack=/) s = \$i } END { exit s !~ /main;site_two;site_one;?\$/ }'"
holds 'data is told, too: heap, stack' "grep -q '^mmap.*path=.heap' each.txt && grep -q '^mmap.*path=.stack' each.txt"

attached pairs '-d 0' ./known pairs 5003
equal 'every one of them' "$(count pairs.txt alloc) $(count pairs.txt free)" '5003 5003'
holds 'no depth, no chain' "! grep -q 'chain=' pairs.txt"
equal 'the sizes are known' "$(awk -F '\t' '$1 == "alloc" { for (i = 2; i <= NF; i++) if ($i ~ /^size=/) s += substr($i, 6) } END { printf "%d", s }' pairs.txt)" \
	"$((5003 * 5004 / 2))"
attached depth '-d 1 --free-stacks --min 100' ./known pairs 200
equal 'small ones are left out, with their ends' "$(count depth.txt alloc) $(count depth.txt free)" '101 101'
holds 'chains of one address, of frees too' "test \$(grep -c 'chain=0x[0-9a-f]*;\$' depth.txt) -eq 202"
holds 'whoever frees is named' "leat unwind depth.txt | leat cat -t | awk -F '\t' '\$1 == \"free\" { n += /stack=pairs;?(\t|\$)/ } END { exit n != 101 }'"

# code without frame pointers: registers and a piece of the stack
$cc_known -fomit-frame-pointer -O2
attached dump '--call-graph dwarf --free-stacks' ./known each
leat unwind dump.txt 2>err | leat cat -t >unwound
equal 'by a dump of the stack' "$(count dump.txt alloc) $(count dump.txt free)" '11 11'
holds 'the whole stack' "awk -F '\t' '/size=11\t/ { for (i = 1; i <= NF; i++) if (\$i ~ /^stack=/) s = \$i } END { exit s !~ /_start;.*main;site_two;site_one;?\$/ }' unwound"
holds 'of posix_memalign and frees, too' "test \$(grep -c 'op=\(free\|posix_memalign\).*stack=_start;.*;main;\(\$\|	\)' unwound) -eq 7"
$cc_known
try 'a dump of what' 125 'leat interpose -p 1 --call-graph lbr' </dev/null
try 'it is for -p' 125 'leat interpose --call-graph dwarf -- true' </dev/null

attached threads '-d 2' ./known threads 997
equal 'threads that come later' "$(grep -c '^alloc.*op=malloc' threads.txt)" 3988
equal 'each its own' "$(awk -F '\t' '$1 == "alloc" && /op=malloc/ { n[$4]++ } END { for (t in n) print n[t] }' threads.txt | sort -u | tr '\n' ' ')" '997 '
attached fork '' ./known fork 331
equal 'a child' "$(grep -c '^alloc.*op=malloc' fork.txt) $(count fork.txt free)" '332 333'
holds 'what a child frees of its parent is known' "grep -q 'name=frees_unknown	value=0	' fork.txt"
attached exec '' ./known exec
equal 'a program that it executes is told' "$status $own $(grep -c '^comm.*name=true.*exec=1' exec.txt)" '0 0 1'

# it is killed, and the recorder ends with it
exec 7<>in
./known kill 100 <in >own.txt 2>&1 7<&- &
program=$!
sleep 0.2
timeout 20 leat interpose -q -t -o killed.txt -p $program 7<&- &
recorder=$!
sleep 0.5
printf '1' >&7
sleep 0.3
kill -9 $program
wait $program 2>/dev/null
wait $recorder
equal 'it is killed: the recorder ends' "$?" 0
exec 7<&-
holds 'and what it did is there' "test \$(grep -c ^alloc killed.txt) -gt 100; tail -n 1 killed.txt | grep -q '^end'"

# the recorder goes, the program stays
exec 7<>in
./known pairs 10 <in >own.txt 2>&1 7<&- &
program=$!
sleep 0.2
try 'until a command ends' 0 "leat interpose -q -t -o while.txt -p $program -- true" </dev/null
try 'the status of the command' 7 "leat interpose -q -t -o while.txt -p $program -- sh -c 'exit 7'" </dev/null
timeout 20 leat interpose -q -t -o int.txt -p $program 7<&- &
recorder=$!
sleep 0.6
kill -INT $(pgrep -P $recorder)
wait $recorder
equal 'or is interrupted' "$?" 0
# it is killed: what it leaves costs nothing, and the next one removes it
leat interpose -q -t -o gone.txt -p $program 7<&- &
recorder=$!
sleep 0.6
kill -9 $recorder
wait $recorder 2>/dev/null
left >got
equal 'killed, it leaves its probes' "$(grep -c "leat_$recorder/" got)" 1
leat interpose -q -t -o next.txt -p $program 7<&- -- true
left >got
equal 'which the next one removes' "$(grep -c "leat_$recorder/" got)" 0
printf '12' >&7
wait $program
equal 'and the program goes on' "$?" 0
exec 7<&-

# static, stripped
if $cc_known -static 2>/dev/null; then
	attached static '' ./known pairs 211
	equal 'a static program' "$(count static.txt alloc) $(count static.txt free)" '211 211'
	strip -o bare known
	mv bare known
	exec 7<>in
	./known pairs 1 <in >own.txt 7<&- &
	program=$!
	sleep 0.2
	try 'without symbols: that is said' 125 "leat interpose -p $program" </dev/null
	said "process $program: no malloc() in the symbols"
	printf '12' >&7
	wait $program
	exec 7<&-
else
	skip 'a static program' 'no static C library'
fi
$cc_known

for lib in jemalloc.so.2 tcmalloc_minimal.so.4; do
	if LD_PRELOAD=lib$lib ./known 2>err </dev/null; [ -s err ]; then
		skip "lib$lib" 'not installed'
		continue
	fi
	attached other '' env LD_PRELOAD=lib$lib ./known threads 499
	equal "lib$lib" "$(grep -c '^alloc.*op=malloc' other.txt) $(grep -c '^free.*op=free' other.txt)" '1996 1996'
done

cat >new.cc <<'C'
#include <cstdio>
#include <cstdlib>
#include <new>
#include <unistd.h>

struct alignas(64) wide {
	char c[128];
};

struct counted {
	~counted() { c = 0; }
	char c;
};

__attribute__((noinline)) static int
throws(size_t n)
{
	try {
		char *p = new char[n];

		p[0] = 1;
		delete[] p;
	} catch (const std::bad_alloc &) {
		return 1;
	}
	return 0;
}

int
main(int argc, char **)
{
	char c;
	int thrown;

	if (read(0, &c, 1) != 1)
		return 3;
	delete new int(argc);
	delete[] new char[100];
	delete new wide;
	delete[] new counted[10];
	delete new (std::nothrow) long;
	thrown = throws((size_t)1 << 62);
	if (read(0, &c, 1) != 1)
		return 3;
	return thrown == 1 ? 0 : 4;
}
C
if ${CXX:-c++} -O0 -g -fno-omit-frame-pointer -o known new.cc 2>err; then
	attached new '' ./known
	equal 'an exception of new finds its way' "$own" 0
	calls new.txt | grep -v 'op=\(malloc\|free\)' >got
	cat >want <<'E'
alloc op=new size=4
free op=delete size=4
alloc op=new[] size=100
free op=delete[]
alloc op=new size=128 align=64
free op=delete size=128
alloc op=new[] size=18
free op=delete[] size=18
alloc op=new size=8
free op=delete size=8
E
	if cmp -s want got; then good 'new and delete'; else bad 'new and delete' "$(diff want got)"; fi
	attached newdump '--call-graph dwarf,4096' ./known
	holds 'their whole stacks' "leat unwind newdump.txt | leat cat -t | awk -F '\t' '/op=new/ { n += /stack=_start;[^\t]*;main;?(\t|\$)/ } END { exit n != 5 }'"
	holds 'their callers' "leat unwind new.txt | leat cat -t | awk -F '\t' '/op=new/ { n += /stack=[^\t]*main;?(\t|\$)/ } END { exit n != 5 }'"
else
	skip 'new and delete' 'no C++ compiler'
fi

if command -v python3 >/dev/null; then
	image=/python
	attached python '' env PYTHONMALLOC=malloc python3 -c 'import os
os.read(0, 1)
for i in range(1009): bytearray(100003 + i)
os.read(0, 1)'
	equal 'python' "$(grep -c '^alloc.*size=10[01][0-9][0-9][0-9]	' python.txt)" 1009
else
	skip 'python' 'no python3'
fi

try 'no such process' 125 'leat interpose -p 999999999' </dev/null
said 'no process 999999999'
try 'no process at all' 125 'leat interpose -p ""' </dev/null
if command -v setpriv >/dev/null; then
	chmod 755 "$dir"
	try 'not root' 125 "setpriv --reuid 65534 --clear-groups $B/libexec/leat/interpose -p \$\$" </dev/null
	said 'root'
fi
finish
