#!/bin/sh
# record --mem: a program that touches prime numbers of pages and variables in known ways, and what the trace says of it
. tests/lib.sh

cat >touch.c <<'C'
/* touch READ WRITTEN BOTH HITS: reads so many pages, writes so many, reads and then writes so many; then writes HITS times to a
 * word, and reads another HITS times. Pages are at known addresses, each touched at another byte. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static volatile char *
map(uintptr_t at, int pages)
{
	size_t bytes = (size_t)(pages + 1) * 4096;
	void *p = mmap((void *)at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED || madvise(p, bytes, MADV_NOHUGEPAGE) < 0)
		exit(9);
	return p;
}

__attribute__((noinline)) void
touch_read(volatile char *p, int n)
{
	for (int i = 0; i < n; i++)
		(void)p[i * 4096 + i % 4096];
}

__attribute__((noinline)) void
touch_write(volatile char *p, int n)
{
	for (int i = 0; i < n; i++)
		p[i * 4096 + i * 3 % 4096] = 1;
}

int
main(int argc, char **argv)
{
	int n[4] = { 0 };
	volatile long *word;

	for (int i = 0; i < 4 && i < argc - 1; i++)
		n[i] = atoi(argv[i + 1]);
	touch_read(map(0x100000000000, n[0]), n[0]);
	touch_write(map(0x200000000000, n[1]), n[1]);
	touch_read(map(0x300000000000, n[2]), n[2]);
	touch_write((volatile char *)0x300000000000, n[2]);
	word = (volatile long *)map(0x400000000000, 1);
	for (int i = 0; i < n[3]; i++)
		word[0] = i;
	for (int i = 0; i < n[3]; i++)
		(void)word[2];
	return 0;
}
C
${CC:-cc} -O1 -g -fno-omit-frame-pointer -o touch touch.c || exit 1

# ours FILE: op, addr, weight of accesses within what the program maps
ours () {
	awk -F '\t' '$1 == "access" {
		split("", v)
		for (i = 2; i <= NF; i++)
			v[substr($i, 1, index($i, "=") - 1)] = substr($i, index($i, "=") + 1)
		if (v["addr"] ~ /^0x[1234]0000.......$/)
			print v["op"], v["addr"], v["weight"]
	}' "$1"
}

try 'no such kind of access' 125 'leat record --mem all -- true' </dev/null
said '^leat record: --mem: "all" is none of loads, stores, both'
try 'no latency' 125 'leat record --mem loads,ldlat=0 -- true' </dev/null
said 'a latency is 1 to 65535 cycles'
try 'no such option of it' 125 'leat record --mem loads,lat=7 -- true' </dev/null
said 'like loads,ldlat=30'
try 'no such event to read by' 125 'leat record --mem-read cpu/men-loads/ -- true' </dev/null
said '^leat record: cpu/men-loads/: '


# want PAGES BASE STEP OP: what touching so many pages gives
want () {
	awk -v n="$1" -v base="$2" -v step="$3" -v op="$4" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "%s 0x%s%011x 1\n", op, base, i * 4096 + i * step % 4096
	}'
}

leat record -q -o probe -e page-faults:u -- true 2>err || skip_all "$(tail -n 1 err)"
leat record -t --mem both -o x -- ./touch 1 1 1 2>how || skip_all "$(tail -n 1 how)"
if grep -q 'no PMU' how && ! grep -q 'do not say' how; then
	cp how err
	said '^leat record: no PMU samples accesses here: page faults (first touches of pages) only$'
	holds 'first touches' 'leat record -q -t --mem both -o both -- ./touch 1009 503 101'
	{ want 1009 1 1 r; want 503 2 3 w; want 101 3 1 r; want 101 3 3 w; } >all
	ours both >mine
	holds 'each once, or where it was read first, twice: every address' 'diff all mine'
	holds 'loads' 'leat record -q -t --mem loads -o loads -- ./touch 1009 503 101'
	ours loads >mine
	holds 'are those of them that read' 'grep "^r" all | diff - mine'
	holds 'stores' 'leat record -q -t --mem stores -o stores -- ./touch 1009 503 101'
	ours stores >mine
	holds 'are those that wrote' 'grep "^w" all | diff - mine'
	try 'what was left out is counted' 0 'sed -n "s/.*name=other_samples	value=\([0-9]*\)	.*/\1/p" stores | awk "{ print (\$1 >= 1110 && \$1 < 2110) }"' <<'E'
1
E
	try 'the books balance' 0 'leat audit both | sed -n "s/^record	.*	//p"' <<'E'
balanced
E
	try 'nothing is an access that is none, and no sample' 0 'grep -c "^sample\|^event" both; grep "^access" both | grep -vc "	event=page-fault	op=[rwx]	addr=0x[0-9a-f]*	weight=1	ip=0x[0-9a-f]*$"; true' <<'E'
0
0
E
	holds 'one of ten' 'leat record -q -t --mem stores -c 10 -o tens -- ./touch 0 1009'
	n=$(ours tens | grep -c '^w .* 10$')
	holds "a tenth: $n" "[ $n -ge 95 ] && [ $n -le 102 ]"
	# the kernel cannot say in time what a sample of a burst stands for: so each stands for itself
	try 'no rate' 0 'leat record -t --mem stores -F 500 -o rate -- ./touch 0 1009' </dev/null
	said '^leat record: page-fault: -F is for events of a PMU: each of these is taken$'
	try 'all of them' 0 'grep -c "op=w	addr=0x20000.*	weight=1	" rate' <<'E'
1009
E
	# the chain is the user's part, and begins with the instruction that accessed
	holds 'chains' 'leat record -q -t -g --mem stores -o chains -- ./touch 7 11'
	holds 'begin where it happened, and hold nothing of the kernel' \
	    "grep -q 'addr=0x20000.*	ip=\(0x[0-9a-f]*\)	chain=\1;' chains && ! grep -q '^access.*chain=.*0xffff' chains && ! grep -q '^sym' chains"
	holds 'names of functions' 'leat unwind chains >named'
	if grep -q '^access.*	stack=' named; then
		try 'of the function that touched' 0 "grep 'addr=0x20000' named | grep -c 'stack=.*;touch_write;'" <<'E'
11
E
	else
		skip 'of the function that touched' 'unwind passes accesses'
	fi
	holds 'dumps of the stack' 'leat record -q -t --call-graph dwarf,1024 --mem stores -o dumps -- ./touch 7 11'
	holds 'with registers' "grep -q '^access.*addr=0x20000.*	regs=\(0x[0-9a-f]*;\)*	ustack=@' dumps"
	try 'with what was asked for beside' 0 "leat record -q -t --mem both -e page-faults:u -c 1 -o beside -- ./touch 7 11; grep -c '^access.*addr=0x[12]0000' beside; grep -c '^sample.*event=page-faults:u.*addr=0x[12]0000' beside" <<'E'
18
18
E
	try 'through frames' 0 'leat record -q --mem both -o f.leat -- ./touch 7 11; leat cat -t f.leat >f; grep -c "^access.*op=w	addr=0x20000" f' <<'E'
11
E
else
	skip 'first touches' "$(head -n 1 how)"
fi

# Without what tells reads from writes, it is said, and not guessed.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ]; then
	chmod 755 . && mkdir -m 777 theirs
	setpriv --reuid 65534 --regid 65534 --clear-groups leat record -t --mem both -o theirs/x -- ./touch 7 11 2>err
	if grep -q 'do not say whether they read or wrote' err; then
		try 'without rights: addresses' 0 "grep -c 'op=rw	addr=0x[12]0000' theirs/x" <<'E'
18
E
	else
		skip 'without rights' "$(head -n 1 err)"
	fi
else
	skip 'without rights' 'who is not root has none'
fi

# Events named by direction; the user's word is taken where the machine says nothing.
holds 'an event that reads' 'leat record -q -t -c 1 --mem-read page-faults:u -o reads -- ./touch 7 11'
ours reads >mine
try 'is taken at its word' 0 "cat mine | cut -c 1-2 | sort | uniq -c | sed 's/^ *//'" <<'E'
18 r 
E
holds 'one that reads, one that writes' \
    'leat record -q -t -c 1 --mem-read minor-faults:u --mem-write page-faults:u -o two -- ./touch 7 11'
try 'each by its name' 0 "grep '^access.*addr=0x[12]0000' two | cut -f 6,7 | sort | uniq -c | sed 's/^ *//'" <<'E'
18 event=minor-faults:u	op=r
18 event=page-faults:u	op=w
E
if leat record -q -e exceptions:page_fault_user -o x -- true 2>err; then
	holds 'a tracepoint that tells' 'leat record -q -t --mem-write exceptions:page_fault_user -o told -- ./touch 7 11 3'
	ours told >mine
	try 'only what it tells to have written' 0 "cat mine | cut -c 1-2 | sort | uniq -c | sed 's/^ *//'" <<'E'
14 w 
E
else
	skip 'a tracepoint that tells' "$(cat err)"
fi
try 'what no machine has' 125 'leat record --mem-read cpu/men-loads/,page-faults -- true' </dev/null

# Breakpoints: up to four words, each access counted, by kind.
if leat record -q -e mem:0x400000000000/8:w -o x -- true 2>err; then
	holds 'four words' "leat record -q -t -e mem:0x400000000000/8:w:u,mem:0x400000000008/4:rw:u,mem:0x400000000010/8:rw:u,mem:0x400000000018/1:w:u -o words -- ./touch 1 1 1 103"
	try 'each access, where and how' 0 "grep ^access words | cut -f 6-10 | sort | uniq -c | sed 's/^ *//'" <<'E'
103 event=mem:0x400000000000/8:w:u	op=w	addr=0x400000000000	size=8	weight=1
103 event=mem:0x400000000010/8:rw:u	op=rw	addr=0x400000000010	size=8	weight=1
E
	try 'a fifth' 125 'leat record -e mem:0x1000,mem:0x2000,mem:0x3000,mem:0x4000,mem:0x5000 -- true' </dev/null
	said '^leat record: mem:0x5000: no breakpoint register is left'
	holds 'code is no memory' 'leat record -q -t -e mem:0x401000:x -o code -- true && ! grep -q ^access code'
else
	skip 'breakpoints' "$(cat err)"
fi
finish
