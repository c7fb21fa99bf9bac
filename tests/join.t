#!/bin/sh
# join.t - what lives where at each moment, and what else an address is
. tests/lib.sh

# What accesses get, one a line behind their t, of the trace on standard input whose fields are parted by blanks.
cat >joined <<'END'
#!/bin/sh
{ echo '#leat 1'; grep -v '^ *#' | sed 's/^ *//; s/ /\t/g'; } >in
leat join -q -t in >out || exit
sed -n 's/^access\tt=\([0-9]*\).*\t\(kind=.*\)/\1 \2/p' out | tr '\t' ' '
END
chmod +x joined

# cases_of NAME: a trace, a line --, and what its accesses get
cases_of () {
	cat >both
	sed '/^--$/,$d' both >case.in
	sed '1,/^--$/d' both >case.out
	try "$1" 0 './joined <case.in' <case.out
}

cases_of 'an object from its alloc to its free' <<'END'
access t=1 pid=7 addr=0x1000
alloc t=2 pid=7 tid=7 op=malloc addr=0x1000 size=100 stack=main;make;
access t=2 pid=7 addr=0x1000
access t=3 pid=7 addr=0xfff
access t=4 pid=7 addr=0x1063 size=1
access t=5 pid=7 addr=0x1064
access t=6 pid=8 addr=0x1000
free t=7 pid=7 tid=7 op=free addr=0x1000
access t=7 pid=7 addr=0x1000
--
1 kind=unknown
2 kind=object object=0x1000 offset=0 object_size=100 age_ns=0 serial=1 site=main;make;
3 kind=heap
4 kind=object object=0x1000 offset=99 object_size=100 age_ns=2 serial=1 site=main;make;
5 kind=heap
6 kind=unknown
7 kind=heap
END

cases_of 'the site is a stack, else a chain, else nothing' <<'END'
alloc t=1 pid=7 op=malloc addr=0x1000 size=16 chain=0x10;0x20; stack=main;a;
alloc t=1 pid=7 op=new addr=0x2000 size=16 chain=0x10;0x20;
alloc t=1 pid=7 op=calloc addr=0x3000 size=16
access t=2 pid=7 addr=0x1000
access t=3 pid=7 addr=0x2000
access t=4 pid=7 addr=0x3000
--
2 kind=object object=0x1000 offset=0 object_size=16 age_ns=1 serial=1 site=main;a;
3 kind=object object=0x2000 offset=0 object_size=16 age_ns=2 serial=2 site=0x10;0x20;
4 kind=object object=0x3000 offset=0 object_size=16 age_ns=3 serial=3
END

cases_of 'an address that is used again at the same moment' <<'END'
alloc t=1 pid=7 tid=7 op=malloc addr=0x1000 size=32 stack=a;
access t=2 pid=7 addr=0x1008
free t=3 pid=7 tid=7 op=free addr=0x1000
alloc t=3 pid=7 tid=8 op=malloc addr=0x1000 size=16 stack=b;
access t=3 pid=7 addr=0x1008
access t=4 pid=7 addr=0x1010
--
2 kind=object object=0x1000 offset=8 object_size=32 age_ns=1 serial=1 site=a;
3 kind=object object=0x1000 offset=8 object_size=16 age_ns=0 serial=2 site=b;
4 kind=heap
END

cases_of 'realloc in place, moving, and failing' <<'END'
alloc t=1 pid=7 tid=7 op=malloc addr=0x1000 size=32 stack=a;
# between its two records the old object is there still
free t=2 pid=7 tid=7 op=realloc addr=0x1000
access t=3 pid=7 addr=0x1010
alloc t=4 pid=7 tid=7 op=realloc addr=0x1000 size=64 old=0x1000 stack=b;
access t=5 pid=7 addr=0x1030
free t=6 pid=7 tid=7 op=realloc addr=0x1000
access t=7 pid=7 addr=0x1030
alloc t=8 pid=7 tid=7 op=realloc addr=0x5000 size=128 old=0x1000 stack=c;
access t=9 pid=7 addr=0x1030
access t=10 pid=7 addr=0x5030
# one that fails: the same address and size
free t=11 pid=7 tid=7 op=realloc addr=0x5000
alloc t=12 pid=7 tid=7 op=realloc addr=0x5000 size=128 old=0x5000 stack=d;
access t=13 pid=7 addr=0x5030
--
3 kind=object object=0x1000 offset=16 object_size=32 age_ns=2 serial=1 site=a;
5 kind=object object=0x1000 offset=48 object_size=64 age_ns=1 serial=2 site=b;
7 kind=object object=0x1000 offset=48 object_size=64 age_ns=3 serial=2 site=b;
9 kind=heap
10 kind=object object=0x5000 offset=48 object_size=128 age_ns=2 serial=3 site=c;
13 kind=object object=0x5000 offset=48 object_size=128 age_ns=5 serial=3 site=c;
END

cases_of 'a realloc whose place another thread takes, and one that only frees' <<'END'
alloc t=1 pid=7 tid=7 op=malloc addr=0x1000 size=32 stack=a;
free t=2 pid=7 tid=7 op=realloc addr=0x1000
alloc t=3 pid=7 tid=8 op=malloc addr=0x1000 size=16 stack=b;
access t=4 pid=7 addr=0x1000
access t=5 pid=7 addr=0x1010
alloc t=6 pid=7 tid=7 op=realloc addr=0x2000 size=64 old=0x1000 stack=c;
access t=7 pid=7 addr=0x1000
free t=8 pid=7 tid=7 op=realloc addr=0x2000
access t=9 pid=7 addr=0x2000
free t=10 pid=7 tid=7 op=free addr=0x1000
access t=11 pid=7 addr=0x2000
--
4 kind=object object=0x1000 offset=0 object_size=16 age_ns=1 serial=2 site=b;
5 kind=heap
7 kind=object object=0x1000 offset=0 object_size=16 age_ns=4 serial=2 site=b;
9 kind=object object=0x2000 offset=0 object_size=64 age_ns=3 serial=3 site=c;
11 kind=heap
END
try 'nothing of that is a lost free' 0 'grep -c ^lost out; grep -o "name=free-unknown.*" out; true' <<'END'
0
END

cases_of 'mmap over mmap, munmap of parts' <<'END'
alloc t=1 pid=7 tid=7 op=mmap addr=0x10000 size=0x9000 stack=a;
alloc t=1 pid=7 tid=7 op=mmap addr=0x10000 size=36864 stack=a;
access t=2 pid=7 addr=0x18fff
alloc t=3 pid=7 tid=7 op=mmap addr=0x12000 size=4096 stack=b;
access t=4 pid=7 addr=0x11fff
access t=4 pid=7 addr=0x12000
access t=4 pid=7 addr=0x13000
# the middle of what is behind it, then the end of that
free t=5 pid=7 tid=7 op=munmap addr=0x15000 size=8192
access t=6 pid=7 addr=0x14fff
access t=6 pid=7 addr=0x15000
access t=6 pid=7 addr=0x17000
free t=7 pid=7 tid=7 op=munmap addr=0x18000 size=4096
access t=8 pid=7 addr=0x17000
access t=8 pid=7 addr=0x18000
# all of it, over several regions
free t=9 pid=7 tid=7 op=munmap addr=0x10000 size=36864
access t=10 pid=7 addr=0x10000
access t=10 pid=7 addr=0x17000
--
2 kind=object object=0x10000 offset=36863 object_size=36864 age_ns=1 serial=2 site=a;
4 kind=object object=0x10000 offset=8191 object_size=8192 age_ns=3 serial=2 site=a;
4 kind=object object=0x12000 offset=0 object_size=4096 age_ns=1 serial=3 site=b;
4 kind=object object=0x13000 offset=0 object_size=24576 age_ns=3 serial=2 site=a;
6 kind=object object=0x13000 offset=8191 object_size=8192 age_ns=5 serial=2 site=a;
6 kind=unknown
6 kind=object object=0x17000 offset=0 object_size=8192 age_ns=5 serial=2 site=a;
8 kind=object object=0x17000 offset=0 object_size=4096 age_ns=7 serial=2 site=a;
8 kind=unknown
10 kind=unknown
10 kind=unknown
END

cases_of 'mremap in place, moving, of a part; brk' <<'END'
alloc t=1 pid=7 tid=7 op=mmap addr=0x10000 size=8192 stack=a;
free t=2 pid=7 tid=7 op=mremap addr=0x10000 size=8192
alloc t=3 pid=7 tid=7 op=mremap addr=0x10000 size=16384 old=0x10000 stack=b;
access t=4 pid=7 addr=0x13fff
free t=5 pid=7 tid=7 op=mremap addr=0x10000 size=16384
access t=5 pid=7 addr=0x13fff
alloc t=6 pid=7 tid=7 op=mremap addr=0x40000 size=16384 old=0x10000 stack=c;
access t=7 pid=7 addr=0x13fff
access t=7 pid=7 addr=0x43fff
free t=8 pid=7 tid=7 op=mremap addr=0x42000 size=8192
alloc t=9 pid=7 tid=7 op=mremap addr=0x50000 size=8192 old=0x42000 stack=d;
access t=10 pid=7 addr=0x41fff
access t=10 pid=7 addr=0x42000
access t=10 pid=7 addr=0x50000
alloc t=11 pid=7 tid=7 op=brk addr=0x900000 size=8192 stack=e;
alloc t=12 pid=7 tid=7 op=brk addr=0x902000 size=8192 stack=f;
access t=13 pid=7 addr=0x901fff
access t=13 pid=7 addr=0x902000
free t=14 pid=7 tid=7 op=brk addr=0x901000 size=12288
access t=15 pid=7 addr=0x900fff
access t=15 pid=7 addr=0x901000
access t=15 pid=7 addr=0x902000
--
4 kind=object object=0x10000 offset=16383 object_size=16384 age_ns=1 serial=2 site=b;
5 kind=object object=0x10000 offset=16383 object_size=16384 age_ns=2 serial=2 site=b;
7 kind=unknown
7 kind=object object=0x40000 offset=16383 object_size=16384 age_ns=1 serial=3 site=c;
10 kind=object object=0x40000 offset=8191 object_size=8192 age_ns=4 serial=3 site=c;
10 kind=unknown
10 kind=object object=0x50000 offset=0 object_size=8192 age_ns=1 serial=4 site=d;
13 kind=object object=0x900000 offset=8191 object_size=8192 age_ns=2 serial=5 site=e;
13 kind=object object=0x902000 offset=0 object_size=8192 age_ns=1 serial=6 site=f;
15 kind=object object=0x900000 offset=4095 object_size=4096 age_ns=4 serial=5 site=e;
15 kind=unknown
15 kind=unknown
END

cases_of 'objects inside regions, and inside objects' <<'END'
alloc t=1 pid=7 tid=7 op=mmap addr=0x10000 size=65536 stack=arena;
alloc t=2 pid=7 tid=7 op=malloc addr=0x10000 size=64 stack=a;
alloc t=2 pid=7 tid=7 op=malloc addr=0x10040 size=64 stack=b;
access t=3 pid=7 addr=0x10000
access t=3 pid=7 addr=0x10040
access t=3 pid=7 addr=0x10080
# malloc gives one of them again without a free: that was lost
alloc t=4 pid=7 tid=7 op=malloc addr=0x10030 size=32 stack=c;
access t=5 pid=7 addr=0x10000
access t=5 pid=7 addr=0x10038
access t=5 pid=7 addr=0x10050
# an unknown allocator lives in an object of malloc, which takes all with it
alloc t=6 pid=7 tid=7 op=pool_get addr=0x10038 size=8 stack=p;
access t=7 pid=7 addr=0x10037
access t=7 pid=7 addr=0x10038
free t=8 pid=7 tid=7 op=pool_put addr=0x10038
access t=9 pid=7 addr=0x10038
alloc t=10 pid=7 tid=7 op=pool_get addr=0x10038 size=8 stack=p;
free t=11 pid=7 tid=7 op=free addr=0x10030
access t=12 pid=7 addr=0x10038
alloc t=13 pid=7 tid=7 op=malloc addr=0x10030 size=32 stack=d;
free t=14 pid=7 tid=7 op=munmap addr=0x10000 size=65536
access t=15 pid=7 addr=0x10038
--
3 kind=object object=0x10000 offset=0 object_size=64 age_ns=1 serial=2 site=a;
3 kind=object object=0x10040 offset=0 object_size=64 age_ns=1 serial=3 site=b;
3 kind=object object=0x10000 offset=128 object_size=65536 age_ns=2 serial=1 site=arena;
5 kind=object object=0x10000 offset=0 object_size=65536 age_ns=4 serial=1 site=arena;
5 kind=object object=0x10030 offset=8 object_size=32 age_ns=1 serial=4 site=c;
5 kind=object object=0x10000 offset=80 object_size=65536 age_ns=4 serial=1 site=arena;
7 kind=object object=0x10030 offset=7 object_size=32 age_ns=3 serial=4 site=c;
7 kind=object object=0x10038 offset=0 object_size=8 age_ns=1 serial=5 site=p;
9 kind=object object=0x10030 offset=8 object_size=32 age_ns=5 serial=4 site=c;
12 kind=object object=0x10000 offset=56 object_size=65536 age_ns=11 serial=1 site=arena;
15 kind=heap
END
try 'what was lost is told, and where it is known to be so' 0 'grep ^lost out' <<'END'
lost	t=15	n=2	why=free-missing
END

cases_of 'objects of no size, larger than all, at the end of memory' <<'END'
alloc t=1 pid=7 tid=7 op=malloc addr=0x1000 size=0 stack=none;
alloc t=1 pid=7 tid=7 op=malloc addr=0x1010 size=16 stack=a;
access t=2 pid=7 addr=0x1000
access t=2 pid=7 addr=0x1001
free t=3 pid=7 tid=7 op=free addr=0x1000
access t=4 pid=7 addr=0x1000
alloc t=5 pid=7 tid=7 op=mmap addr=0x10000000000 size=8796093022208 stack=huge;
access t=6 pid=7 addr=0x8ffffffffff
access t=6 pid=7 addr=0x90000000000
alloc t=7 pid=7 tid=7 op=mmap addr=0x7ffffffffffff000 size=9223372036854775807 stack=end;
access t=8 pid=7 addr=0x7fffffffffffffff
free t=9 pid=7 tid=7 op=free addr=0x0
--
2 kind=object object=0x1000 offset=0 object_size=0 age_ns=1 serial=1 site=none;
2 kind=heap
4 kind=heap
6 kind=object object=0x10000000000 offset=8796093022207 object_size=8796093022208 age_ns=1 serial=3 site=huge;
6 kind=unknown
8 kind=object object=0x7ffffffffffff000 offset=4095 object_size=9223372036854775807 age_ns=1 serial=4 site=end;
END

cases_of 'an access of several bytes is the object'"'"'s of its first' <<'END'
alloc t=1 pid=7 tid=7 op=malloc addr=0x1000 size=20 stack=a;
alloc t=1 pid=7 tid=7 op=malloc addr=0x1014 size=20 stack=b;
access t=2 pid=7 addr=0x1010 size=4
access t=3 pid=7 addr=0x1010 size=8
--
2 kind=object object=0x1000 offset=16 object_size=20 age_ns=1 serial=1 site=a;
3 kind=object object=0x1000 offset=16 object_size=20 age_ns=2 serial=1 site=a;
END
try 'one that reaches further is counted' 0 'grep name=straddling out' <<'END'
stat	t=3	name=straddling	value=1	unit=accesses	section=join
END

cases_of 'pages that were written' <<'END'
alloc t=1 pid=7 tid=7 op=malloc addr=0x100010 size=1048576 stack=large;
alloc t=1 pid=7 tid=7 op=malloc addr=0x10010 size=64 stack=a;
alloc t=1 pid=7 tid=7 op=malloc addr=0x10100 size=64 stack=b;
alloc t=1 pid=7 tid=7 op=malloc addr=0x12010 size=64 stack=alone;
alloc t=1 pid=7 tid=7 op=mmap addr=0x20000 size=8192 stack=arena;
alloc t=1 pid=7 tid=7 op=malloc addr=0x20000 size=3000 stack=c;
alloc t=1 pid=7 tid=7 op=malloc addr=0x21000 size=100 stack=d;
access t=2 pid=7 event=touch op=w addr=0x100000 size=4096
access t=2 pid=7 event=touch op=w addr=0x101000 size=4096
access t=2 pid=7 event=touch op=w addr=0x10000 size=4096
access t=2 pid=7 event=touch op=w addr=0x12000 size=4096
access t=2 pid=7 event=touch op=w addr=0x14000 size=4096
access t=2 pid=7 event=touch op=w addr=0x20000 size=4096
access t=2 pid=7 event=touch op=w addr=0x21000 size=4096
access t=2 pid=7 event=touch op=w addr=0x0 size=2097152
--
2 kind=object object=0x100010 offset=0 object_size=1048576 age_ns=1 serial=1 site=large;
2 kind=object object=0x100010 offset=4080 object_size=1048576 age_ns=1 serial=1 site=large;
2 kind=page objects=2
2 kind=object object=0x12010 offset=0 object_size=64 age_ns=1 serial=4 site=alone;
2 kind=heap
2 kind=object object=0x20000 offset=0 object_size=3000 age_ns=1 serial=6 site=c;
2 kind=object object=0x20000 offset=4096 object_size=8192 age_ns=1 serial=5 site=arena;
2 kind=page objects=7
END

cases_of 'fork, exec and exit' <<'END'
alloc t=1 pid=7 tid=7 op=malloc addr=0x1000 size=16 stack=a;
alloc t=1 pid=7 tid=7 op=malloc addr=0x2000 size=16 stack=b;
fork t=2 pid=8 tid=8 ppid=7 ptid=7
# a thread is no process
fork t=2 pid=7 tid=9 ppid=7 ptid=7
free t=3 pid=8 tid=8 op=free addr=0x1000
alloc t=4 pid=7 tid=7 op=malloc addr=0x3000 size=16 stack=c;
access t=5 pid=8 addr=0x1000
access t=5 pid=8 addr=0x2000
access t=5 pid=8 addr=0x3000
access t=6 pid=7 addr=0x1000
access t=6 pid=7 addr=0x3000
exit t=7 pid=7 tid=9 ppid=1 ptid=1
access t=8 pid=7 addr=0x3000
comm t=9 pid=8 tid=8 name=x exec=1
access t=10 pid=8 addr=0x2000
comm t=11 pid=7 tid=7 name=renamed
access t=12 pid=7 addr=0x3000
exit t=13 pid=7 tid=7 ppid=1 ptid=1
access t=14 pid=7 addr=0x3000
--
5 kind=heap
5 kind=object object=0x2000 offset=0 object_size=16 age_ns=4 serial=2 site=b;
5 kind=heap
6 kind=object object=0x1000 offset=0 object_size=16 age_ns=5 serial=1 site=a;
6 kind=object object=0x3000 offset=0 object_size=16 age_ns=2 serial=3 site=c;
8 kind=object object=0x3000 offset=0 object_size=16 age_ns=4 serial=3 site=c;
10 kind=unknown
12 kind=object object=0x3000 offset=0 object_size=16 age_ns=8 serial=3 site=c;
14 kind=unknown
END

cases_of 'sources of one host share processes, those of two do not; a fork is told twice' <<'END'
start tool=interpose src=1 host=one pid=1 arch=x86_64
start tool=record src=2 host=one pid=2 arch=x86_64
start tool=record src=3 host=two pid=2 arch=x86_64
alloc t=1 src=1 pid=7 tid=7 op=malloc addr=0x1000 size=16 stack=a;
access t=2 src=2 pid=7 addr=0x1000
access t=2 src=3 pid=7 addr=0x1000
alloc t=3 src=3 pid=7 tid=7 op=malloc addr=0x1000 size=32 stack=b;
access t=4 src=2 pid=7 addr=0x1000
access t=4 src=3 pid=7 addr=0x1000
fork t=5 src=2 pid=8 tid=8 ppid=7 ptid=7
free t=6 src=1 pid=8 tid=8 op=free addr=0x1000
fork t=7 src=1 pid=8 tid=8 ppid=7 ptid=7
access t=8 src=2 pid=8 addr=0x1000
access t=8 src=2 pid=7 addr=0x1000
end tool=interpose src=1 lost=0
end tool=record src=2 lost=0
end tool=record src=3 lost=0
--
2 kind=object object=0x1000 offset=0 object_size=16 age_ns=1 serial=1 site=a;
2 kind=unknown
4 kind=object object=0x1000 offset=0 object_size=16 age_ns=3 serial=1 site=a;
4 kind=object object=0x1000 offset=0 object_size=32 age_ns=1 serial=2 site=b;
8 kind=heap
8 kind=object object=0x1000 offset=0 object_size=16 age_ns=7 serial=1 site=a;
END

cases_of 'mappings: stack and what is below it, heap, files, anonymous, the kernel' <<'END'
start tool=record clock=monotonic_raw host=h pid=7 arch=x86_64 release=6.1
mmap t=1 pid=7 tid=7 addr=0x555500000000 size=4096 offset=8192 path=/no/such/file
mmap t=1 pid=7 tid=7 addr=0x555600000000 size=8192 offset=0 path="[heap]"
mmap t=1 pid=7 tid=7 addr=0x7f0000000000 size=8192 offset=0 path=//anon
mmap t=1 pid=7 tid=7 addr=0x7f0000010000 size=8192 offset=0 path="[stack:9]"
mmap t=1 pid=7 tid=7 addr=0x7ffff0000000 size=8192 offset=0 path="[stack]"
mmap t=1 pid=7 tid=7 addr=0x7ffff8000000 size=8192 offset=0 path="[vdso]"
access t=2 pid=7 addr=0x555500000010
access t=2 pid=7 addr=0x555600001fff
access t=2 pid=7 addr=0x7f0000000010
access t=2 pid=7 addr=0x7f0000010010
access t=2 pid=7 addr=0x7ffff0000010
access t=2 pid=7 addr=0x7fffefffff00
access t=2 pid=7 addr=0x7ffff8000020
access t=2 pid=7 addr=0x7f0000008000
access t=2 pid=7 addr=0xffff888000000000
access t=2 pid=8 addr=0x7f0000000010
access t=2 pid=7 ip=0x1
end tool=record lost=0
--
2 kind=file offset=8208 name=/no/such/file
2 kind=heap
2 kind=heap
2 kind=stack name=[stack:9]
2 kind=stack name=[stack]
2 kind=stack name=[stack]
2 kind=file offset=32 name=[vdso]
2 kind=stack name=[stack:9]
2 kind=kernel
2 kind=unknown
2 kind=unknown
END

# ---- variables ----

cat >vars.c <<'END'
#include <stdio.h>
int numbers[100] = { 1 };
char zeros[5000];
static long hidden = 7;
const char words[] = "read only";
int main(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c;
	fprintf(stderr, "%p %p %p %p %p\n", (void *)&numbers[2], (void *)&zeros[4999], (void *)&hidden, (void *)&words[1], (void *)main);
	while ((c = getc(f)) != EOF)
		putchar(c);
	return zeros[0] + (int)hidden - 7;
}
END
for how in '-no-pie' '-pie -fPIC' '-pie -fPIC -s'; do
	# shellcheck disable=SC2086
	if ! ${CC:-cc} -O1 $how -o vars vars.c 2>err; then
		bad "vars.c $how" "$(cat err)"
		continue
	fi
	./vars >maps 2>addresses
	{
		printf '#leat 1\nstart\ttool=record\tclock=monotonic_raw\thost=h\tpid=7\tarch=%s\n' "$(uname -m)"
		perl -ne 'my ($from, $to, $at, $path) = /^(\w+)-(\w+) \S+ (\w+) \S+ \S+ *(\S*)/;
			$path = $path eq "" ? "//anon" : $path =~ /^\[/ ? "\"$path\"" : $path;
			printf "mmap\tt=1\tpid=7\ttid=7\taddr=0x%x\tsize=%d\toffset=%d\tpath=%s\n", hex($from), hex($to) - hex($from), hex($at), $path' maps
		tr ' ' '\n' <addresses | sed 's/^/access\tt=2\tpid=7\taddr=/'
		printf 'end\ttool=record\tlost=0\n'
	} >in
	: >want
	case $how in
	*-s*) printf '%s\n' 'kind=global name=vars:.data' 'kind=global name=vars:.bss' 'kind=global name=vars:.data' >want ;;
	*) printf '%s\n' 'kind=global offset=8 object_size=400 name=numbers' 'kind=global offset=4999 object_size=5000 name=zeros' \
		'kind=global offset=0 object_size=8 name=hidden' 'kind=global offset=1 object_size=10 name=words' >want ;;
	esac
	cp want want.vars
	case $how in
	*-s*) filter='s/ offset=[^ ]* object_size=[^ ]*//' ;;
	*) filter= ;;
	esac
	try "variables ($how)" 0 "leat join -q -t in | sed -n 's/^access.*\t\(kind=global.*\)/\1/p' | tr '\t' ' ' | sed 's/ object=[^ ]*//; $filter'" <want.vars
	holds "  and code is a file" "leat join -q -t in | grep '^access.*	kind=file	offset=[0-9]*	name=.*/vars$'"
done

# ---- the stream ----

{
	echo '#leat 1'
	printf 'zebra\tt=1\tstripes=2\n'
	printf 'alloc\tt=1\tpid=7\ttid=7\top=malloc\taddr=0x1000\tsize=16\tstack=a;\n'
	printf 'access\tt=2\tpid=7\taddr=0x1000\tnote="kept"\tkind=old\tobject=7\n'
	printf 'access\tt=3\tpid=7\taddr=4096\n'
	printf 'free\tt=4\tpid=7\ttid=7\top=free\taddr=0x9000\n'
} >mixed
try 'all of it' 0 'leat join -t mixed | grep -v ^start' <<'END'
#leat 1
zebra	t=1	stripes=2
alloc	t=1	pid=7	tid=7	op=malloc	addr=0x1000	size=16	stack=a;
access	t=2	pid=7	addr=0x1000	note=kept	kind=object	object=0x1000	offset=0	object_size=16	age_ns=1	serial=1	site=a;
access	t=3	pid=7	addr=4096	kind=object	object=0x1000	offset=0	object_size=16	age_ns=2	serial=1	site=a;
free	t=4	pid=7	tid=7	op=free	addr=0x9000
stat	t=4	name=object	value=2	unit=accesses	section=join
stat	t=4	name=free-unknown	value=1	unit=frees	section=join
stat	t=4	name=live	value=1	unit=objects	section=join
stat	t=4	name=live-most	value=1	unit=objects	section=join
stat	t=4	name=sites	value=1	unit=sites	section=join
end	tool=join	in=5	passed=3	used=2	made=7	dropped=0	lost=0
END
said '^leat join: 2 accesses: 100.0 % object$'
try 'quiet' 0 'leat join -q mixed >/dev/null' </dev/null
silent
holds 'the books balance' 'leat join -q mixed | leat audit'
holds 'joined again it is the same' 'leat join -q -t mixed | grep -v -e ^stat -e ^start -e ^end >a; leat join -q -t mixed | grep -v ^stat | leat join -q -t | grep -v -e ^stat -e ^start -e ^end >b; cmp a b'
holds 'frames and lines alike' 'leat join -q -t mixed | tail -n +3 >a; leat cat -f mixed | leat join -q | leat cat -t | tail -n +3 >b; cmp a b'
# A record with bytes takes another way through the writer.
holds 'beside records with bytes, too' '
	{ cat mixed; printf "raw\tt=5\tblob=@AAEC\n"; cat mixed | tail -n +2 | sed "s/t=[0-9]*/t=6/"; } >bytes
	leat join -q -t bytes | tail -n +3 >a; leat cat -f bytes | leat join -q -f | leat cat -t | tail -n +3 >b; cmp a b && grep "^raw	t=5	blob=@AAEC$" b'
try 'not in order' 0 'sed "s/t=4/t=1/" mixed | leat join -q | grep -o "name=out-of-order.*"' <<'END'
name=out-of-order	value=1	unit=records	section=join
END
said '1 records are not in order of time'
# Within a bound, merge puts it right: here the alloc comes after its accesses.
try 'out of order within a bound' 0 '
	printf "#leat 1\naccess\tt=15\tpid=7\taddr=0x1008\nalloc\tt=10\tpid=7\top=malloc\taddr=0x1000\tsize=16\nfree\tt=30\tpid=7\top=free\taddr=0x1000\naccess\tt=20\tpid=7\taddr=0x1008\naccess\tt=40\tpid=7\taddr=0x1008\n" |
	leat merge --reorder 20ns - | leat join -q -t | grep -o "kind=.*age_ns=[0-9]*\|kind=heap"' <<'END'
kind=object	object=0x1000	offset=8	object_size=16	age_ns=5
kind=object	object=0x1000	offset=8	object_size=16	age_ns=10
kind=heap
END
try 'allocations and accesses from two files' 0 '
	printf "#leat 1\nstart\ttool=interpose\tclock=monotonic_raw\thost=h\tpid=1\tarch=x86_64\nalloc\tt=10\tpid=7\top=malloc\taddr=0x1000\tsize=16\nfree\tt=30\tpid=7\top=free\taddr=0x1000\nend\ttool=interpose\tlost=0\n" >alloc.leat
	printf "#leat 1\nstart\ttool=record\tclock=monotonic_raw\thost=h\tpid=2\tarch=x86_64\naccess\tt=20\tpid=7\taddr=0x1008\naccess\tt=40\tpid=7\taddr=0x1008\nend\ttool=record\tlost=0\n" >access.leat
	leat merge alloc.leat access.leat | leat join -q -t | grep -o "kind=.*"' <<'END'
kind=object	object=0x1000	offset=8	object_size=16	age_ns=10	serial=1
kind=heap
END
try 'a lost free under --strict' 2 'printf "#leat 1\nalloc\tt=1\tpid=7\taddr=0x1000\tsize=9\nalloc\tt=2\tpid=7\taddr=0x1000\tsize=9\n" | leat join -t --strict | grep ^lost; exit "${PIPESTATUS:-2}"' <<'END'
lost	t=2	n=1	why=free-missing
END
try 'no accesses' 0 'grep -v ^access mixed | leat join >/dev/null' </dev/null
said 'there is no access record'
try 'no allocations' 0 'grep -v ^alloc mixed | leat join >/dev/null' </dev/null
said 'there is no alloc record'
try 'a file that is none' 2 'leat join --object mixed mixed' </dev/null
said '^leat join: mixed'

finish
