#!/bin/sh
# unwind.t - named stacks from chains, from registers and dumps, on both architectures
. tests/lib.sh

# The event of each sample of unwind_dump is the chain wanted; * stands for what the C library has there, ** for that and
# the trampoline. What lies before main is the C library's business too.
compare () {
	leat unwind -t dump.trace >named 2>err2 || return 1
	sed -n 's/^sample.*event="\([^"]*\)".*stack=\(.*\)	origin=\(.*\)$/\1|\2|\3/p' named >pairs
	awk -F'|' '
	function same(want, have, n, m, i, j, w, h) {
		n = split(want, w, " "); m = split(have, h, ";") - 1
		i = n; j = m
		while (i > 0 && w[i] !~ /^\*/) { if (j < 1 || h[j] != w[i]) return 0; i--; j-- }
		if (i == 0) return j < 5 || w[1] != "main"
		if (w[i] == "**" && i == 1) return j >= 1	# a thread: something begins it
		# "* interrupted ** handler": the function between must be there, and what lies between is short
		for (; j > 0; j--) if (h[j] == w[i - 1]) break
		return j > 1 && h[j - 1] == "main"
	}
	{ n++; if (!same($1, $2)) { bad++; print "want " $1; print "have " $2 } }
	END { print n - bad " of " n " chains"; exit bad > 0 || n != 8 }' pairs
}

cc_dump="-O2 -g -fno-partial-inlining -D_GNU_SOURCE $TOP/tests/unwind_dump.c -o dump -pthread"

if [ "$(uname -m)" = x86_64 ] || [ "$(uname -m)" = aarch64 ]; then
	for flags in -fomit-frame-pointer -fno-omit-frame-pointer '-fcf-protection -fstack-clash-protection' \
		'-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-omit-frame-pointer' '-Wl,-z,now -static' \
		'-fno-asynchronous-unwind-tables -fno-unwind-tables -fomit-frame-pointer'; do
		rm -f dump
		# shellcheck disable=SC2086
		${CC:-cc} $flags $cc_dump 2>err || { skip "cc $flags" "$(cat err)"; continue; }
		case $flags in
		'-fno-async'*-fomit*) # only .debug_frame is left to go by
			flags="$flags (.debug_frame)" ;;
		esac
		if ./dump >dump.trace && compare >out; then
			good "own dump, $flags"
		else
			bad "own dump, $flags" "$(cat out err2)"
		fi
	done
	try 'inlined functions are told apart' 0 'grep -c "main;inliner;inlined;here;.*u:dump;u:dump;i:dump;u:dump;$" named' <<'END'
1
END
	leat unwind --no-inline -t dump.trace >flat
	try '--no-inline leaves them out' 0 'grep -c "main;inliner;here;" flat' <<'END'
1
END
	# .debug_frame of a separate debug file
	if [ -x dump ]; then
		objcopy --only-keep-debug dump dump.debug && strip dump && objcopy --add-gnu-debuglink=dump.debug dump
		if ./dump >dump.trace && compare >out; then
			good 'own dump, stripped, .debug_frame in its debug file'
		else
			bad 'own dump, stripped' "$(cat out err2)"
		fi
	fi
fi

if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
	for flags in -fomit-frame-pointer -fno-omit-frame-pointer -mbranch-protection=standard \
		'-fno-asynchronous-unwind-tables -fno-unwind-tables -fomit-frame-pointer'; do
		# shellcheck disable=SC2086
		if aarch64-linux-gnu-gcc -static $flags $cc_dump 2>err && timeout 60 qemu-aarch64 ./dump >dump.trace &&
			compare >out; then
			good "aarch64 dump, $flags"
		else
			bad "aarch64 dump, $flags" "$(cat out err err2)"
		fi
	done
else
	skip 'aarch64' 'no aarch64-linux-gnu-gcc or no qemu-aarch64'
fi

# Traces by hand: names by sym records, objects that are not there, the ledger, the place of the new fields.
tab='	'
cat >chain.trace <<'END'
#leat 1
start	tool=record	clock=monotonic_raw	arch=x86_64
mmap	t=1	pid=-1	tid=0	addr=0xffffffff81000000	size=1000000	offset=0	path="[kernel.kallsyms]"
mmap	t=1	pid=7	tid=7	addr=0x400000	size=4096	offset=0	path=/nowhere/app
sym	t=1	addr=0xffffffff81000100	size=256	name=do_syscall_64	object="[kernel.kallsyms]"
sym	t=1	addr=0xffffffffc0001000	size=256	name=ext4_sync	object="[ext4]"
sample	t=2	cpu=0	pid=7	tid=7	comm=app	event=cycles	weight=5	chain=0xffffffffc0001010;0xffffffff81000180;0x400010;0x500000;
sample	t=3	cpu=0	pid=7	tid=7	comm=app	event=cycles	weight=5	chain=0xffffffff81001000;
event	t=4	cpu=0	pid=7	tid=7	comm=app	name=x:y	chain=0x400010;	own=3
event	t=5	cpu=0	pid=7	tid=7	comm=app	name=x:z	own=4
sample	t=6	pid=7	weight=1	ip=0xffffffff810001ff	addr=0x10
lost	t=6	n=3	why=ring-full
other	t=7	chain=0x1;
end	tool=record	made=12	lost=3
END
try 'fields, names, the ledger' 0 'leat unwind chain.trace | grep -v ^start' <<'END'
#leat 1
mmap	t=1	pid=-1	tid=0	addr=0xffffffff81000000	size=1000000	offset=0	path=[kernel.kallsyms]
mmap	t=1	pid=7	tid=7	addr=0x400000	size=4096	offset=0	path=/nowhere/app
sym	t=1	addr=0xffffffff81000100	size=256	name=do_syscall_64	object=[kernel.kallsyms]
sym	t=1	addr=0xffffffffc0001000	size=256	name=ext4_sync	object=[ext4]
sample	t=2	cpu=0	pid=7	tid=7	comm=app	event=cycles	weight=5	stack=[unknown];[app];do_syscall_64;ext4_sync;	origin=u:[unknown];u:app;k:[kernel];k:ext4.ko;
sample	t=3	cpu=0	pid=7	tid=7	comm=app	event=cycles	weight=5	stack=[kernel];	origin=k:[kernel];
event	t=4	cpu=0	pid=7	tid=7	comm=app	name=x:y	stack=[app];	origin=u:app;	own=3
event	t=5	cpu=0	pid=7	tid=7	comm=app	name=x:z	own=4
sample	t=6	pid=7	weight=1	ip=0xffffffff810001ff	addr=0x10	stack=do_syscall_64;	origin=k:[kernel];
lost	t=6	n=3	why=ring-full
other	t=7	chain=0x1;
end	tool=record	made=12	lost=3
lost	n=3	why=no-object
lost	n=1	why=no-symbol
end	tool=unwind	in=10	passed=6	used=4	made=4	dropped=0	lost=0
END
try 'its books balance' 0 'leat unwind chain.trace | leat audit | tail -n 1' <<'END'
# lost=1 why=no-symbol
END
try '--keep keeps the chain' 0 "leat unwind --keep chain.trace | grep t=4" <<'END'
event	t=4	cpu=0	pid=7	tid=7	comm=app	name=x:y	chain=0x400010;	stack=[app];	origin=u:app;	own=3
END
try 'frames give the same' 0 'leat cat -f chain.trace | leat unwind -t | sed 1,3d >a; leat unwind chain.trace | sed 1,3d | cmp - a' </dev/null
try 'another architecture is an error' 2 'printf "#leat 1\nstart\ttool=x\tarch=riscv64\nend\ttool=x\n" | leat unwind' </dev/null
said 'arch=riscv64 is not supported, only x86_64, aarch64'
try 'a missing --object' 2 'leat unwind --object /nowhere/x chain.trace' </dev/null
said '/nowhere/x'

# A symbol that comes later names what comes later; an exec forgets mappings; a fork keeps them.
cat >time.trace <<'END'
#leat 1
start	tool=record	arch=x86_64
mmap	t=1	pid=7	tid=7	addr=0x400000	size=4096	offset=0	path=/nowhere/app
sample	t=2	pid=7	weight=1	chain=0xffffffff81000180;0x400010;
sym	t=3	addr=0xffffffff81000100	size=256	name=late	object="[kernel.kallsyms]"
sample	t=4	pid=7	weight=1	chain=0xffffffff81000180;0x400010;
fork	t=5	pid=8	tid=8	ppid=7	ptid=7
sample	t=6	pid=8	weight=1	chain=0x400010;
mmap	t=7	pid=8	tid=8	addr=0x400000	size=4096	offset=0	path=/nowhere/other
sample	t=8	pid=8	weight=1	chain=0x400010;
sample	t=9	pid=7	weight=1	chain=0x400010;
comm	t=10	pid=8	tid=8	name=new	exec=1
sample	t=11	pid=8	weight=1	chain=0x400010;
exit	t=12	pid=7	tid=7	ppid=1	ptid=1
sample	t=13	pid=7	weight=1	chain=0x400010;
end	tool=record	made=13	lost=0
END
try 'address spaces over time' 0 "leat unwind time.trace | sed -n 's/^sample.t=\([0-9]*\).*stack=\(.*\)${tab}origin.*/\1 \2/p'" <<'END'
2 [app];[kernel];
4 [app];late;
6 [app];
8 [other];
9 [app];
11 [unknown];
13 [app];
END

# Another source is another machine.
sed 's/name=do_syscall_64/name=other/' chain.trace >other.trace
try 'another source has other symbols' 0 "leat cat chain.trace other.trace | leat unwind | sed -n 's/^sample.*stack=\([^\t]*\);${tab}origin.*/\1/p'" <<'END'
[unknown];[app];do_syscall_64;ext4_sync
[kernel]
do_syscall_64
[unknown];[app];other;ext4_sync
[kernel]
other
END

# Code made at run time.
mkdir -p root/tmp
echo '7f0000001000 100 jit one' >root/tmp/perf-7.map
cat >jit.trace <<'END'
#leat 1
start	tool=record	arch=x86_64
mmap	t=1	pid=7	tid=7	addr=0x7f0000001000	size=4096	offset=0	path=//anon
sample	t=2	pid=7	weight=1	chain=0x7f0000001010;0x7f0000001800;
end	tool=record	made=2	lost=0
END
try 'perf maps, below --symfs' 0 'leat unwind --symfs root jit.trace | grep -e ^sample -e ^lost' <<'END'
sample	t=2	pid=7	weight=1	stack=[jit];jit one;	origin=j:[jit];j:[jit];
lost	n=1	why=no-symbol
END

# Build ids: --symfs, --object, a file that is another one.
if [ "$(uname -m)" = x86_64 ]; then
	cat >f.c <<'END'
int hot(int n) { return n * 3; }
int main(void) { return hot(1); }
END
	${CC:-cc} -O0 -no-pie -Wl,--build-id=0x0102030405060708 f.c -o app
	mkdir -p root/nowhere
	cp app root/nowhere/app
	set -- "$(nm app | sed -n 's/ T hot$//p')"
	page=$(printf '%x' $((0x$1 & ~0xfff)))
	built () {
		printf '#leat 1\nstart\ttool=record\tarch=x86_64\n'
		printf 'mmap\tt=1\tpid=7\ttid=7\taddr=0x%s\tsize=4096\toffset=4096\tpath=/nowhere/app\tbuildid=@%s\n' "$page" "$2"
		printf 'sample\tt=2\tpid=7\tweight=1\tchain=0x%s;\nend\ttool=record\tmade=2\tlost=0\n' "$1"
	}
	built "$1" AQIDBAUGBwg= >right.trace
	built "$1" AAAAAAAAAAA= >wrong.trace
	for how in '--symfs root' '--object app'; do
		try "$how" 0 "leat unwind $how right.trace | grep -e ^sample -e ^lost" <<'END'
sample	t=2	pid=7	weight=1	stack=hot;	origin=u:app;
END
	done
	echo 'int hot(int n) __asm__("_ZN2ns3hotEi"); int hot(int n) { return n * 3; } int main(void) { return hot(1); }' >f.c
	${CC:-cc} -O0 -g0 -no-pie -Wl,--build-id=0x0102030405060708 f.c -o mangled
	built "$(nm mangled | sed -n 's/ T _ZN2ns3hotEi$//p')" AQIDBAUGBwg= >mangled.trace
	for how in '' --no-demangle; do
		leat unwind $how --object mangled mangled.trace | sed -n 's/^sample.*stack=\(.*\);\torigin=.*/\1/p'
	done >out
	try 'mangled names' 0 'cat out' <<'END'
ns::hot
_ZN2ns3hotEi
END
	try 'another build id is told' 0 'leat unwind --symfs root wrong.trace | grep -e ^sample -e ^lost' <<'END'
sample	t=2	pid=7	weight=1	stack=[app];	origin=u:app;
lost	n=1	why=build-id
END
	try '--strict makes it an error' 2 'leat unwind --strict --symfs root wrong.trace >out' </dev/null
	said '1 lost (build-id), and --strict was given'
	try '--strict without loss' 0 'leat unwind --strict --symfs root right.trace >out' </dev/null
fi

try 'registers of something else' 0 "printf '#leat 1\\nstart\\ttool=x\\tarch=x86_64\\nsample\\tpid=1\\tregs=0x1;0x2;\\nend\\ttool=x\\n' |
	leat unwind | grep -e ^sample -e ^lost" <<'END'
sample	pid=1	stack=[unknown];	origin=u:[unknown];
lost	n=1	why=no-symbol
lost	n=1	why=bad-regs
END

# In the middle of an execve there is no user part; where the kernel begins a program, nobody called it.
if [ "$(uname -m)" = x86_64 ]; then
	echo '__attribute__((noinline)) int leaf(int n) { return n * 3; } void _start(void) { leaf(1); for (;;); }' >s.c
	${CC:-cc} -O1 -ffreestanding -nostdlib -static -no-pie -fno-asynchronous-unwind-tables -fomit-frame-pointer -g0 s.c -o start
	set -- "$(nm start | sed -n 's/ T _start$//p')"
	# dump PC RBP DUMP [CHAIN]
	dump () {
		printf 'sample\tt=2\tpid=7\t%sregs=0x0;0x0;0x0;0x0;0x0;0x0;0x%s;0x7000;0x0;0x0;0x0;0x0;0x0;0x0;0x0;0x0;0x%s;%s\n' \
			"${4+chain=$4$tab}" "$2" "$1" "${3:+${tab}ustack=$3}"
	}
	{
		printf '#leat 1\nstart\ttool=x\tarch=x86_64\nmmap\tpid=7\taddr=0x%x\tsize=4096\toffset=4096\tpath=%s\n' \
			$((0x$1 & ~0xfff)) "$PWD/start"
		dump "$1" 0 ''
		dump "$1" 5 @AAAAAAAAAAA= '0xffffffff81000180;'
		dump 0 0 '' '0xffffffff81000180;'
		dump 123456 0 '' '0xffffffff81000180;'
		dump 123456 0 @AAAAAAAAAAA= '0xffffffff81000180;'
		printf 'end\ttool=x\n'
	} >exec.trace
	try 'entry points, and registers of no code' 0 "leat unwind -t exec.trace | grep -v -e ^# -e ^start -e ^mmap -e ^end" <<'END'
sample	t=2	pid=7	stack=_start;	origin=u:start;
sample	t=2	pid=7	stack=_start;[kernel];	origin=u:start;k:[kernel];
sample	t=2	pid=7	stack=[kernel];	origin=k:[kernel];
sample	t=2	pid=7	stack=[kernel];	origin=k:[kernel];
sample	t=2	pid=7	stack=[cut];[unknown];[kernel];	origin=u:[cut];u:[unknown];k:[kernel];
lost	n=1	why=no-object
lost	n=4	why=no-symbol
END
fi

# A kernel that was moved as it booted, and its file.
echo 'int slow_path(int n) { return n * 3; } void _start(void) { slow_path(1); }' >k.c
if [ "$(uname -m)" = x86_64 ] && ${CC:-cc} -O0 -g0 -ffreestanding -nostdlib -static -no-pie -fno-pie -mcmodel=kernel -fno-stack-protector \
	-Wl,--build-id=none -Wl,-Ttext=0xffffffff81000000 k.c -o vmlinux-1.2 2>err; then
	printf '#leat 1\nstart\ttool=x\tarch=x86_64\n%s\n%s\nend\ttool=x\n' \
		"mmap${tab}pid=-1${tab}addr=0xffffffff9f000000${tab}size=65536${tab}offset=0${tab}path=[kernel.kallsyms]" \
		"sample${tab}pid=1${tab}chain=0xffffffff9f000004;" >moved.trace
	try 'a vmlinux' 0 'leat unwind --object vmlinux-1.2 moved.trace | grep -e ^sample -e ^lost' <<'END'
sample	pid=1	stack=slow_path;	origin=k:[kernel];
END
	try 'another kernel is not ours' 0 'leat unwind moved.trace | grep -e ^sample -e ^lost' <<'END'
sample	pid=1	stack=[kernel];	origin=k:[kernel];
lost	n=1	why=no-symbol
END
fi

# A dump that was cut, and dumps that are nonsense.
sed 's/\(ustack=@.\{400\}\).*/\1/' dump.trace >cut.trace
try 'a cut stack says so' 0 'leat unwind -t cut.trace | grep -c "stack=\[cut\];.*origin=u:\[cut\];"' <<'END'
8
END
try 'and is counted' 0 'leat unwind -t cut.trace | grep "^lost.*stack-cut"' <<'END'
lost	n=8	why=stack-cut
END
# Two machines may have the same pids: what is merged is unwound as each by itself.
if leat record -q -F 997 -g -o 1.leat -- "$B/examples/shape.fp" --seconds 1 2>err &&
	leat record -q -F 997 -g -o 2.leat -- sort -R "$TOP/README.md" "$TOP/lib/flow/fold.c" >/dev/null 2>err; then
	for i in 1 2; do
		leat cat -t $i.leat | sed -E "s/	(pid|tid)=[1-9][0-9]*/	\\1=7/g; s/	host=[^	]*/	host=h$i/" >$i.trace
		leat unwind -q $i.trace | leat fold >$i.folded 2>/dev/null
	done
	leat merge 1.folded 2.folded >want
	holds 'two machines with the same pids' 'leat merge 1.trace 2.trace | leat unwind | leat fold >both; cmp want both && [ -s both ]'
	holds '  and the books balance' 'leat merge 1.trace 2.trace | leat unwind | leat audit'
else
	skip 'two machines with the same pids' "$(tail -n 1 err)"
fi
try 'a source with an impossible number' 2 "printf '#leat 1\\nmmap\\tt=1\\tsrc=-1\\tpid=7\\n' | leat unwind >/dev/null" </dev/null
said '^leat unwind: standard input:2: src=-1 is no number of a source'
sed 's/0x[0-9a-f]*;	ustack/0x1234;	ustack/' dump.trace >wild.trace
holds 'registers that lead nowhere' 'leat unwind -t wild.trace'

# The peer: a real program, function by function.
# shellcheck disable=SC2016
if perf record -q -F 997 --call-graph dwarf -o p.data -- perl -e '$e = time + 3;
	while (time < $e) { $h{$_ % 503} .= "x$_" for 1 .. 9999; for (sort keys %h) { $n += () = $h{$_} =~ /x1/g } %h = () }' \
	>/dev/null 2>err && perf script --ns -F comm,pid,tid,time,ip,sym,dso -i p.data >theirs 2>/dev/null; then
	leat import p.data | leat unwind -t >ours
	if perl "$TOP/tests/agree" theirs ours >out; then
		good "perf script: $(head -n 1 out)"
	else
		bad 'perf script has other stacks' "$(cat out)"
	fi
else
	skip 'stacks beside those of perf script' "$(head -n 1 err)"
fi
finish
