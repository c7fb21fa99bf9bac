#!/bin/sh
# interpose: the hard places of an allocator's life, and numbers that others count, too
. tests/lib.sh
src=$TOP/tests/interpose

build () {
	# shellcheck disable=SC2068
	$@ 2>err || skip_all "$1: $(head -n 1 err)"
}
build "${CC:-cc}" -O1 -g -D_GNU_SOURCE -o hard "$src/hard.c" -pthread
build "${CC:-cc}" -O1 -g -D_GNU_SOURCE -shared -fPIC -o count.so "$src/count.c" -ldl
build "${CC:-cc}" -O1 -g -D_GNU_SOURCE -o loop "$src/loop.c"
build "${CC:-cc}" -O1 -g -shared -fPIC -DNAME=plugin_one -o one.so "$src/plugin.c"
build "${CC:-cc}" -O1 -g -shared -fPIC -DNAME=plugin_two -o two.so "$src/plugin.c"

# Records of a trace, as "alloc op size times": those whose size says that they are ours.
cat >counts <<'SH'
#!/bin/sh
leat cat -t "$1" | awk -F'\t' -v ops="${2:-.}" '
	/^(alloc|free)\t/ {
		op = size = ""
		for (i = 2; i <= NF; i++) {
			if ($i ~ /^op=/) op = substr($i, 4)
			if ($i ~ /^size=/) size = substr($i, 6)
		}
		if (size ~ /^(10[0-9][0-9][0-9]|11[0-9][0-9][0-9]|8191|20603|21208|22006|33024|106112|1061000)$/ && op ~ ops)
			n[$1 " " op " " size]++
	}
	END { for (k in n) print k, n[k] }' | sort
SH
# The number of records of a kind
cat >number <<'END'
#!/bin/sh
leat cat -t "$1" | grep -c "^$2"
END
# loss, but for what the machine may do at any time
cat >losses <<'END'
#!/bin/sh
leat cat -t "$1" | grep '^lost' || echo none
END
chmod +x counts number losses

# in WHAT...: the program under leat interpose; the trace is x
in="leat interpose -q -d 8 -o x -- ./hard"

# ---- places ----

try 'before main, in main, and after it' 0 "$in before && ./counts x && ./losses x" <<'END'
alloc malloc 10103 3
alloc malloc 10105 5
alloc malloc 10107 7
none
END
try 'each function of the family is named, with its size' 0 "$in family && ./counts x && ./losses x" <<'END'
alloc aligned_alloc 10624 1
alloc brk 106112 1
alloc calloc 10602 1
alloc malloc 10601 1
alloc malloc 10603 1
alloc memalign 10607 1
alloc mmap 10610 1
alloc mremap 1061000 1
alloc posix_memalign 10605 1
alloc pvalloc 10609 1
alloc realloc 20603 1
alloc reallocarray 21208 1
alloc shmat 10613 1
alloc valloc 10608 1
free brk 106112 1
free mremap 10610 1
free munmap 1061000 1
none
END
try 'and each that lives ends: as many ends as beginnings' 0 './number x alloc; ./number x free' <<'END'
14
14
END
try 'realloc says what it was, and ends that before' 0 'leat cat -t x | awk -F"\t" "
	/^free.*op=realloc/ { sub(/.*addr=/, \"\"); ended = \$1 }
	/^alloc.*op=realloc/ { for (i in a) delete a[i]
		for (i = 1; i <= NF; i++) if (\$i ~ /^old=/) old = substr(\$i, 5)
		print old == ended }"' <<'END'
1
1
END
try 'signal handlers: none of their records is lost, none of what they interrupt' 0 \
	"$in signals 499 >n && ./losses x && ./counts x 'm.*map' | sed \"s/ \$(cat n)\$/ all/\"" <<'END'
none
alloc mmap 8191 all
free munmap 8191 all
END
try 'nor where the handler has a stack of its own, near by' 0 \
	"$in altstack 499 >n && ./losses x && ./counts x 'm.*map' | sed \"s/ \$(cat n)\$/ all/\"" <<'END'
none
alloc mmap 8191 all
free munmap 8191 all
END
# each round makes 1,000 of them
try 'nor does a handler hide one of the loop' 0 "leat cat -t x | awk -F'\t' '
	/^alloc.*op=malloc.*size=10111\t/ { n++ } /^free.*op=free/ { f++ } END { print n % 1000, (n > 0), (f - n <= 4) }'" <<'END'
0 1 1
END
try 'handlers that leave by longjmp' 0 "$in jumps 100 && ./counts x malloc" <<'END'
alloc malloc 10113 1009
END
try 'and the number of damaged records is none' 0 "leat cat -t x | grep -c 'why=\(damaged\|ring-full\)'; true" <<'END'
0
END

# ---- processes ----

cat >by_pid <<'SH'
#!/bin/sh
# counts by process, these in the order of their first record
leat cat -t "$1" | awk -F'\t' '
	{
		pid = op = size = ""
		for (i = 2; i <= NF; i++) {
			if ($i ~ /^pid=/) pid = substr($i, 5)
			if ($i ~ /^op=/) op = substr($i, 4)
			if ($i ~ /^size=/) size = substr($i, 6)
			if ($i ~ /^ppid=/) ppid = substr($i, 6)
		}
	}
	/^comm\t/ && /exec=1/ && !(pid in number) { number[pid] = ++n }
	/^fork\t/ && !(pid in number) { number[pid] = ++n; print "process " n " of " number[ppid] }
	/^alloc\t/ && size ~ /^10[0-9][0-9][0-9]$/ { count["process " number[pid] " alloc " size]++ }
	/^free\t/ && op == "free" { count["process " number[pid] " free"]++ }
	END { for (k in count) print k, count[k] }' | sort
SH
chmod +x by_pid
try 'fork: parent, child, and its child' 0 "$in fork && ./by_pid x && ./losses x" <<'END'
process 1 alloc 10211 101
process 1 alloc 10217 59
process 1 free 160
process 2 alloc 10213 53
process 2 free 154
process 2 of 1
process 3 alloc 10215 11
process 3 free 11
process 3 of 2
none
END
try 'exec: the same process, another program' 0 "$in exec && ./by_pid x && leat cat -t x | grep -c '^comm.*exec=1'" <<'END'
process 1 alloc 10001 17
process 1 alloc 10221 13
process 1 free 30
2
END
try 'posix_spawn and vfork' 0 "$in spawn && ./by_pid x && ./losses x" <<'END'
process 1 alloc 10223 7
process 1 alloc 10225 7
process 1 free 14
process 2 alloc 10001 19
process 2 free 19
process 3 alloc 10001 19
process 3 free 19
none
END
try 'a kill in the middle: what was written is there' 137 "$in kill 1009; s=\$?; ./counts x malloc; exit \$s" <<'END'
alloc malloc 10701 1009
END
try 'the whole of its ends, too' 0 'leat cat -t x | grep -c "^free"' <<'END'
1009
END

# ---- threads ----

try 'a thread that only frees' 0 "$in frees && ./counts x malloc && leat cat -t x | awk -F'\t' '
	/^free/ { n[\$4]++ } /^comm/ { first = \$4 } END { for (t in n) print t == first, n[t] }'" <<'END'
alloc malloc 10311 997
0 997
END
leat interpose -q -d 8 -o x -- ./hard threads 10000 >got 2>err
case $? in
0)
	try '10,000 threads at once' 0 './counts x malloc; ./losses x' <<'END'
alloc malloc 10313 10000
none
END
	try 'each with its stack' 0 'leat cat -t x | grep -c "path=\[stack:"' <<'END'
10000
END
	;;
77) skip '10,000 threads at once' "$(cat got)" ;;
*) bad '10,000 threads at once' "$(cat got err)" ;;
esac
try '20,000 threads, one after another' 0 "$in churn 20000 && ./counts x malloc && ./losses x" <<'END'
alloc malloc 10313 20000
none
END

# ---- objects ----

try 'callers that come by dlopen and go by dlclose, at the same addresses' 0 "$in plugins ./one.so ./two.so && ./losses x &&
	leat unwind -t x | awk -F'\t' '/^alloc.*size=10411\t/ {
		sub(/.*stack=/, \"\"); sub(/\t.*/, \"\"); n = split(\$0, f, \";\"); print f[n - 1] }' | uniq -c | sed 's/^ *//'" <<'END'
none
23 plugin_one
23 plugin_two
23 plugin_one
23 plugin_two
23 plugin_one
23 plugin_two
END

# ---- what fails, and what the program sees ----

./hard failing >plain
try 'failures are the same, and so is errno' 0 "$in failing | cmp - plain && ./losses x" <<'END'
none
END
try 'what was not enlarged lives on' 0 'leat cat -t x | awk -F"\t" "
	/^alloc.*size=10511/ { for (i in k) delete k[i]; for (i = 1; i <= NF; i++) if (\$i ~ /^addr=/) it = \$i }
	/op=realloc/ && index(\$0, it) { sub(/t=[0-9]*/, \"t\"); print \$1, \$5, \$8 == \"old=\" substr(it, 6) }"' <<'END'
free op=realloc 0
alloc op=realloc 1
free op=realloc 0
alloc op=reallocarray 1
END
try 'failures are counted' 0 "leat cat -t x | sed -n 's/^stat.*name=failed.*\(value=[0-9]*\).*/\1/p'" <<'END'
value=6
END
env - PATH="$PATH" A=b ./hard status >plain 2>/dev/null
# (a sanitizer of the tool's looks for leaks, unless the environment tells it not to)
try 'status, output and environment are its own' 23 \
	'env - PATH="$PATH" A=b ASAN_OPTIONS=detect_leaks=0 leat interpose -q -o x -- env -u ASAN_OPTIONS ./hard status >seen; s=$?
	grep -v -e ^LD_PRELOAD= -e ^LEAT_INTERPOSE= seen | cmp - plain; exit $s' </dev/null
said '^to standard error$'
try 'to which two variables come' 0 'cut -d= -f1 seen | sort' <<'END'
A
LD_PRELOAD
LEAT_INTERPOSE
PATH
END
try 'no other names than those of the allocator are put before the program' 0 \
	"nm -D --defined-only $B/lib/leat/interpose.so | cut -d' ' -f3 | grep -v -e ^_Zn[wa] -e ^_Zd[la] | xargs" <<'END'
aligned_alloc brk calloc cfree dlclose free free_aligned_sized free_sized malloc malloc_usable_size memalign mmap mmap64 mremap munmap posix_memalign pvalloc realloc reallocarray sbrk shmat shmdt valloc
END

# ---- the recorder ----

try 'a program that closes all descriptors' 7 \
	'leat interpose -q -d 0 -o x -- ./loop 101 close; s=$?; ./counts x; exit $s' <<'END'
alloc malloc 10003 101
END
if [ "$(id -u)" = 0 ]; then
	chmod 711 . && chmod 755 loop
	try 'another user, another program' 7 'leat interpose -q -d 0 -o x -- ./loop 101 user; s=$?; ./counts x; exit $s' <<'END'
alloc malloc 10003 101
END
else
	skip 'another user, another program' 'not root'
fi
try 'no room to map: said, and the program runs' 7 \
	'leat interpose -q -d 0 -o x -- sh -c "ulimit -v 200000; exec ./loop 101"; s=$?; leat cat -t x | grep ^lost | cut -f3-; exit $s' <<'END'
n=1	why=no-process-slot
END
# the program goes on without it, in much less time than it would wait
cat >killed <<'END'
leat interpose -q -o x -- ./loop 5000000 2>said &
sleep 0.3
kill -KILL $!
wait $! 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	grep -q done said && exit 0
	sleep 1
done
exit 1
END
holds 'a recorder that is killed is not waited for' 'sh killed'
try 'and what it wrote is there' 0 "leat cat -t x 2>/dev/null | awk -F'\t' '/^alloc/ { n++ } END { print (n > 10000) }'" <<'END'
1
END
# (the end of the program, too, may find no room)
try '--lossy counts' 7 'leat interpose -q -d 0 --lossy -o x -- ./loop 1000003; s=$?
	leat cat -t x | awk -F"\t" "/^(alloc|free)\t/ { n++ }
		/^lost/ && /why=ring-full/ && !/pid=/ { all = substr(\$3, 3) } /^lost/ && /pid=/ { l += substr(\$3, 3) }
		END { print (n + l >= 2000006 && n + l < 2000009) }"; exit $s' <<'END'
1
END
try 'and otherwise nothing is lost' 7 'leat interpose -q -d 0 -o x -- ./loop 300007; s=$?; ./counts x; ./losses x; exit $s' <<'END'
alloc malloc 10003 300007
none
END

# ---- memory from elsewhere ----

if [ -w /dev/shm ]; then
	back='leat interpose -q -d 8 -o x --backing path=/dev/shm,size=64M -- ./hard'
	try 'a policy: each function of the family' 0 "$back family && ./counts x '^(malloc|calloc|realloc.*|.*mem.*align|.*alloc)\$' | wc -l" <<'END'
10
END
	try 'a policy: fork, in both' 0 "$back fork && ./by_pid x" <<'END'
process 1 alloc 10211 101
process 1 alloc 10217 59
process 1 free 160
process 2 alloc 10213 53
process 2 free 154
process 2 of 1
process 3 alloc 10215 11
process 3 free 11
process 3 of 2
END
	./hard failing >plain
	try 'a policy: failures, and errno' 0 "$back failing | cmp - plain" </dev/null
	echo 'many path=/dev/shm,size=64M' >rules
	try 'a policy by site' 0 "leat interpose -q -d 0 -o x --backing rules=rules -- ./hard some 101 && leat cat -t x |
		sed -n 's/^stat.*name=placed	\(value=[0-9]*\).*/\1/p'" <<'END'
value=101
END
fi

# ---- C++ ----

if ${CXX:-g++} -O1 -g -std=c++17 -o forms "$src/forms.cc" 2>err; then
	try 'all forms of new and delete' 0 "leat interpose -q -d 8 -o x -- ./forms && ./counts x 'new|delete' && ./losses x" <<'END'
alloc new 11001 1
alloc new 11003 1
alloc new 11004 1
alloc new 11005 1
alloc new 11007 1
alloc new 11008 1
alloc new 11010 1
alloc new 11012 1
alloc new 11014 1
alloc new[] 11002 1
alloc new[] 11006 1
alloc new[] 11009 1
alloc new[] 11011 1
alloc new[] 11013 1
alloc new[] 11015 1
alloc new[] 22006 1
alloc new[] 33024 1
free delete 11003 1
free delete 11005 1
free delete 11008 1
free delete 11012 1
free delete 11014 1
free delete[] 11013 1
free delete[] 11015 1
none
END
	try 'the caller of new is the site, not the library of C++' 0 "leat unwind -t x | awk -F'\t' '/^alloc.*op=new/ {
		sub(/.*stack=/, \"\"); sub(/\t.*/, \"\"); n = split(\$0, f, \";\"); print f[n - 1] }' | sort | uniq -c | sed 's/^ *//'" <<'END'
17 all_forms
END
	try 'bad_alloc passes, and what follows is seen' 0 "leat interpose -q -d 8 -o x -- ./forms refused 101 &&
		./counts x 'new|malloc'" <<'END'
202
alloc malloc 11101 101
alloc new 11101 101
END
	try 'a handler of new allocates' 0 "leat interpose -q -d 8 -o x -- ./forms handler && ./counts x" <<'END'
3 std::bad_alloc
alloc malloc 11200 3
END
else
	skip 'C++' "$(head -n 1 err)"
fi

# ---- other allocators ----

sanitized=false
if ldd "$B/libexec/leat/interpose" | grep -q libasan; then sanitized=true; fi

for name in libjemalloc.so.2 libtcmalloc_minimal.so.4; do
	lib=
	for f in /usr/lib/*/"$name" /usr/lib/"$name"; do [ ! -e "$f" ] || lib=$f; done
	if [ -z "$lib" ]; then
		skip "$name" 'not installed'
		continue
	fi
	if $sanitized; then
		skip "$name" "the tool itself has a sanitizer's allocator"
		continue
	fi
	try "behind us: $name" 0 "LD_PRELOAD=$lib leat interpose -q -o x -- ./hard threads 101 && ./counts x && ./losses x &&
		leat cat -t x | grep '^mmap.*path=[^ ]*$name' >/dev/null; echo \$?" <<'END'
alloc malloc 10313 101
none
0
END
done

# ---- numbers ----

# all that any process of it calls, as a library behind us counts them
same_count () {
	name=$1
	shift
	command -v "$1" >/dev/null || { skip "as many as counted: $name" "no $1"; return; }
	if $sanitized; then
		skip "as many as counted: $name" "the tool itself has a sanitizer's allocator"
		return
	fi
	rm -f counted
	COUNT_TO=$PWD/counted LD_PRELOAD=$PWD/count.so leat interpose -q -d 16 -o x -- "$@" >out 2>err
	od -An -tu8 -N16 counted | awk '{ print $1, $2 }' >want
	leat cat -t x | awk -F'\t' '
		/^(alloc|free)\t/ && !/\top=(mmap|munmap|mremap|brk|shmat|shmdt)\t/ { n[$1]++ }
		END { print n["alloc"] + 0, n["free"] + 0 }' >got
	if cmp -s want got && [ "$(cut -d' ' -f1 got)" -gt 50 ] && [ "$(./losses x)" = none ]; then
		good "as many as counted: $name ($(cat got))"
	else
		bad "as many as counted: $name" "want $(cat want)" "have $(cat got)" "$(./losses x)" "$(cat err)"
	fi
}
same_count 'a shell' sh -c 'for i in 1 2 3; do (echo $i | cat); done'
same_count sqlite3 sqlite3 :memory: 'create table t(a, b);
	with recursive n(i) as (select 1 union all select i + 1 from n limit 5000) insert into t select i, hex(randomblob(20)) from n;
	create index i on t(b); select count(*) from t'
cat >big.c <<'END'
#include <stdio.h>
int main(int argc, char **argv) { for (int i = 0; i < argc; i++) printf("%s\n", argv[i]); return argc; }
END
same_count gcc gcc -O2 -c -o big.o big.c
PYTHONMALLOC=malloc
export PYTHONMALLOC
same_count python3 python3 -c 'd = {i: str(i) for i in range(10000)}; print(len(d))'
unset PYTHONMALLOC
[ -x forms ] && same_count 'vector of strings' ./forms vector

try '1,009 allocations of known sizes and sites' 0 "leat interpose -q -o x -- $B/examples/objects --rounds 1 >/dev/null; leat unwind -t x | awk -F'\t' '
	/^alloc/ { for (i = 1; i <= NF; i++) { if (\$i ~ /^size=/) size = substr(\$i, 6); if (\$i ~ /^stack=/) stack = substr(\$i, 7) }
		k = split(stack, f, \";\"); if (f[k - 1] ~ /^make_/ ) { n[f[k - 1] \" \" size]++; all++ } }
	END { for (s in n) print s, n[s]; print all }' | sort" <<'END'
1009
make_buffer 16384 480
make_cold 2097152 4
make_leak 4000 8
make_log 1048576 1
make_log 2097152 1
make_log 4194304 1
make_log 8388608 1
make_node 64 512
make_table 8388608 1
END

# ---- choice ----

try '--min: what is smaller is left out, and its end with it' 0 "leat interpose -q -o x --min 10311 -- ./hard family &&
	./counts x '^(malloc|free|calloc|memalign)\$' && leat cat -t x | grep -c '^free.*op=free'" <<'END'
alloc calloc 10602 1
alloc malloc 10601 1
alloc malloc 10603 1
alloc memalign 10607 1
8
END
# 20,000 of 10,001 bytes, one in 100,000 bytes: some 2,000 are taken, which stand for 200 MB
try '--sample: an unbiased estimate of the bytes' 0 "leat interpose -q -d 0 -o x --sample 100000 -- ./hard some 20000 && leat cat -t x | awk -F'\t' '
	/^alloc.*size=10001\t/ { n++; for (i = 1; i <= NF; i++) if (\$i ~ /^weight=/) w += substr(\$i, 8) }
	/^free/ { f++ }
	END { print (n > 1700 && n < 2120), (w > 180e6 && w < 220e6), (f == n || f == n + 1) }'" <<'END'
1 1 1
END
try 'and what was left out is counted' 0 "leat cat -t x | awk -F'\t' '
	/^alloc/ { n++ } /^stat.*name=left_out/ { for (i = 1; i <= NF; i++) if (\$i ~ /^value=/) u = substr(\$i, 7) }
	END { print (n + u - 20000 >= 0 && n + u - 20000 < 10) }'" <<'END'
1
END

# ---- the other architecture ----

if [ "$(uname -m)" = x86_64 ]; then
	lib=$B/lib/leat/aarch64/interpose.so
	root=/usr/aarch64-linux-gnu
	if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
		skip 'aarch64' 'no qemu-aarch64, or no compiler for it'
	elif [ ! -e "$lib" ]; then
		bad 'aarch64: the library is built' 'make aarch64 makes it'
	else
		aarch64-linux-gnu-gcc -O1 -g -D_GNU_SOURCE -o hard64 "$src/hard.c" -pthread
		cat >there <<END
#!/bin/sh
v=\$LEAT_INTERPOSE
unset LEAT_INTERPOSE LD_PRELOAD
exec qemu-aarch64 -L $root -E LD_PRELOAD=$lib -E LEAT_INTERPOSE="\$v" ./hard64 "\$@"
END
		chmod +x there
		try 'aarch64: before main' 0 'leat interpose -q --clock raw -d 8 -o x -- ./there before && ./counts x' <<'END'
alloc malloc 10103 3
alloc malloc 10105 5
alloc malloc 10107 7
END
		base=$(leat cat -t x | sed -n 's/^mmap.*addr=\(0x[0-9a-f]*\).*offset=0.*path=[^	]*hard64.*/\1/p' | head -n 1)
		leat cat -t x | sed -n 's/^alloc.*size=10103.*chain=//p' | head -n 1 | tr ';' '\n' >chain
		# from take() through the first function of all to the dynamic linker
		try 'aarch64: chains' 0 'head -n 3 chain | while read -r a; do
			aarch64-linux-gnu-addr2line -f -e hard64 $(printf "%x" $((a - '"$base"'))); done | grep -v :; grep -c 0x chain' <<'END'
take
many
first
5
END
		try 'aarch64: fork' 0 'leat interpose -q --clock raw -d 8 -o x -- ./there fork && ./counts x malloc' <<'END'
alloc malloc 10211 101
alloc malloc 10213 53
alloc malloc 10215 11
alloc malloc 10217 59
END
		try 'aarch64: threads' 0 'leat interpose -q --clock raw -d 8 -o x -- ./there threads 101 && ./counts x malloc' <<'END'
alloc malloc 10313 101
END
	fi
fi
finish
