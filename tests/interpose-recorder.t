#!/bin/sh
# interpose: its recorder: what it refuses, what it leaves alone, when records come, and on which clock
. tests/lib.sh

cat >clocked.c <<'C'
/* clocked N: N allocations, and the time before and after each */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	static long at[100000][4];

	for (int i = 0; i < n; i++) {
		at[i][0] = now();
		void *p = malloc(7000 + i);
		at[i][1] = now();
		__asm__ volatile("" : "+r"(p));
		at[i][2] = now();
		free(p);
		at[i][3] = now();
		if (i % 100 == 0)
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	for (int i = 0; i < n; i++)
		printf("%d\t%ld\t%ld\t%ld\t%ld\n", 7000 + i, at[i][0], at[i][1], at[i][2], at[i][3]);
	return 0;
}
C
cat >steps.c <<'C'
/* steps MS N: every MS milliseconds an allocation, N of them */
#include <stdlib.h>
#include <time.h>

int
main(int argc, char **argv)
{
	long ms = argc > 2 ? atol(argv[1]) : 0, n = argc > 2 ? atol(argv[2]) : 0;

	for (long i = 0; i < n; i++) {
		void *p = malloc(9000);

		__asm__ volatile("" : "+r"(p));
		nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
	}
	return 0;
}
C
cat >many.c <<'C'
/* many N THREADS: N allocations and frees in each */
#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>

static long n;

static void *
work(void *p)
{
	for (long i = 0; i < n; i++) {
		p = malloc(64 + i % 8 * 100);
		__asm__ volatile("" : "+r"(p));
		free(p);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[2]) : 1;
	pthread_t thread[64];

	n = argc > 1 ? atol(argv[1]) : 0;
	for (int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, work, NULL);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	puts("done");
	return 0;
}
C
for p in clocked steps many; do
	"${CC:-cc}" -O1 -g -D_GNU_SOURCE -o $p $p.c -pthread 2>err || skip_all "no compiler: $(head -n 1 err)"
done

# ---- what cannot be recorded is said before it runs ----

touched='! test -e ran'
printf '#include <fcntl.h>\nint main(void) { creat("ran", 0666); return 0; }\n' >run.c
"${CC:-cc}" -o dynamic run.c
if "${CC:-cc}" -static -o static run.c 2>/dev/null; then
	try 'a static program' 125 'leat interpose -o x -- ./static' </dev/null
	said '^leat interpose: ./static: is linked statically: .*-p'
	try 'a script whose interpreter is static' 125 'printf "#!$PWD/static\n" >script; chmod +x script; leat interpose -o x -- ./script' </dev/null
	said "^leat interpose: $PWD/static: is linked statically"
	"${CC:-cc}" -static-pie -o static-pie run.c 2>/dev/null && {
		try 'a static program at any address' 125 'leat interpose -o x -- ./static-pie' </dev/null
		said '^leat interpose: ./static-pie: is linked statically'
	}
	holds 'none of them ran' "$touched"
else
	skip 'static programs' 'the C library is not there for static programs'
fi
# the machine of the file says what it is for: byte 18 of an ELF file
cp dynamic other && printf '\267' | dd of=other bs=1 seek=18 conv=notrunc 2>/dev/null
[ "$(uname -m)" = x86_64 ] || printf '\076' | dd of=other bs=1 seek=18 conv=notrunc 2>/dev/null
try 'a program of another machine' 125 'leat interpose -o x -- ./other' </dev/null
said '^leat interpose: ./other: is a program for \(aarch64\|x86-64\), and this is '
cp dynamic narrow && printf '\001' | dd of=narrow bs=1 seek=4 conv=notrunc 2>/dev/null
try 'a 32-bit program' 125 'leat interpose -o x -- ./narrow' </dev/null
said '^leat interpose: ./narrow: is a'
sed 's,/lib64/ld-linux-x86-64.so.2,/lib/ld-musl-x86_64.so.1\x00,; s,/lib/ld-linux-aarch64.so.1,/lib/ld-musl-aarch64.so.1\x00,' dynamic >musl
chmod +x musl
if grep -q ld-musl musl; then
	try 'a program of another C library' 125 'leat interpose -o x -- ./musl' </dev/null
	said '^leat interpose: ./musl: is linked with musl'
fi
if [ "$(id -u)" -eq 0 ] && cp dynamic setuid && chown 65534 setuid && chmod 4755 setuid; then
	try 'a setuid program' 125 'leat interpose -o x -- ./setuid' </dev/null
	said '^leat interpose: ./setuid: is setuid: '
else
	skip 'a setuid program' 'needs root'
fi
holds 'none of these ran either' "$touched"
holds 'an ordinary one does' 'leat interpose -q -o x -- ./dynamic && test -e ran'
mkdir -p 'a dir:of/libexec/leat' 'a dir:of/lib/leat'
cp "$B/libexec/leat/interpose" 'a dir:of/libexec/leat' && cp "$B/lib/leat/interpose.so" 'a dir:of/lib/leat'
mkdir tmp
try 'installed where LD_PRELOAD cannot name it' 0 'TMPDIR=$PWD/tmp "a dir:of/libexec/leat/interpose" -q -o x -- ./many 10 1 && leat cat -t x | grep -c "^alloc.*size=64"' <<'END'
done
2
END
holds 'which leaves nothing behind' '[ -z "$(ls tmp)" ]'
try 'without its library' 125 'mkdir -p alone/libexec/leat; cp "$B/libexec/leat/interpose" alone/libexec/leat; alone/libexec/leat/interpose -o x -- ./many 1 1' </dev/null
said 'alone/lib/leat/interpose.so: No such file'
try 'a command that never loads it' 0 'leat interpose -o x -- env -i ./many 1 1' <<'END'
done
END
try 'a command that clears its environment is known by its first program' 0 'leat cat -t x | sed -n "s/^comm.*name=\([a-z]*\).*/\1/p"' <<'END'
env
END

# ---- what is left alone ----

try 'the environment has two variables more, the others are the same' 0 'env >before; leat interpose -q -o x -- env >after
	diff before after | sed -n "s/^[<>] \([A-Z_]*\)=.*/\1/p" | sort' <<'END'
LD_PRELOAD
LEAT_INTERPOSE
END
try 'what was preloaded stays behind it' 0 'cp "$B/lib/leat/interpose.so" mine.so; LD_PRELOAD=$PWD/mine.so leat interpose -q -o x -- env | sed -n "s,^LD_PRELOAD=.*/lib/leat/interpose.so:.*/,,p"' <<'END'
mine.so
END
# A recorder that is killed keeps nobody waiting, also in the middle of a full ring.
holds 'a recorder that is killed: the command goes on' "leat interpose -q -o x -- ./many 3000000 2 >out & sleep 0.3
	kill -KILL \$!; wait \$!; for i in 1 2 3 4 5 6 7 8 9 10; do grep -q done out && exit 0; sleep 1; done; exit 1"
holds 'and what was written is there' "leat cat -t x | grep -q '^alloc'"
try 'Ctrl-C is passed on, and what was recorded is there' 143 "leat interpose -q -o x -- ./steps 10 500 & sleep 0.5; kill -TERM \$!; wait \$!" </dev/null
holds 'with its end' "leat audit x && leat cat -t x | tail -n 1 | grep '^end	tool=interpose'"
try 'who runs on when the command has ended is counted' 0 "leat interpose -q -o x -- sh -c './steps 100 12 >/dev/null 2>&1 & sleep 0.2'" </dev/null
said '^leat interpose: 1 process still ran when the command had ended'

# ---- order, time, loss ----

cat >order <<'END'
#!/bin/sh
leat cat -t "$1" | awk -F'\t' '
	{
		t = ""
		for (i = 2; i <= NF; i++) {
			if ($i ~ /^t=/ && t == "") t = substr($i, 3)
			if ($i ~ /^addr=/) addr = substr($i, 6)
		}
		if (t != "" && (length(t) < length(last) || (length(t) == length(last) && t < last))) back++
		if (t != "") last = t
	}
	$1 == "alloc" { n++; if (live[addr]) twice++; live[addr] = 1 }
	$1 == "free" { if (!live[addr]) missing++; live[addr] = 0 }
	END { printf "%d back, %d live twice, %d free missing\n", back, twice, missing }'
END
chmod +x order
try 'four threads: in order of time, no address twice' 0 'leat interpose -q -d 0 -o x -- ./many 20000 4 && leat cat -t x | grep -c "^alloc.*size=[1-7]*64$" && ./order x' <<'END'
done
80000
0 back, 0 live twice, 0 free missing
END
holds 'the books balance' 'leat audit x && ! leat cat -t x | grep ^lost'
for clock in counter raw; do
	try "--clock $clock: each time lies between those that the program took" 0 "leat interpose -q -d 0 --clock $clock -o x -- ./clocked 3001 >times && leat cat -t x | awk -F'\t' '
		FILENAME == \"times\" { low[\$1] = \$2; high[\$1] = \$3; size = \$1; next }
		/^alloc/ {
			for (i = 2; i <= NF; i++) {
				if (\$i ~ /^t=/) t = substr(\$i, 3) + 0
				if (\$i ~ /^size=/) size = substr(\$i, 6)
			}
			if (size in low && !(size in done)) {
				done[size] = 1
				n++
				# numbers of 15 digits: exact
				if (t + 100 < low[size] || t > high[size] + 100) wrong++
			}
		}
		END { print n + 0, wrong + 0 }' times -" <<'END'
3001 0
END
done
try 'a record is there within 100 ms' 0 "leat interpose -q -t -- ./steps 100 20 2>/dev/null | perl -MTime::HiRes=clock_gettime -ne '
	BEGIN { \$raw = 4 } # CLOCK_MONOTONIC_RAW
	next unless /^alloc\tt=(\d+).*size=9000/;
	\$n++; \$age = clock_gettime(\$raw) * 1e9 - \$1; \$late++ if \$age > 150e6;
	END { printf \"%d %s\n\", \$n, \$late > 10 ? \"late: \$late\" : \"in time\" }'" <<'END'
20 in time
END
try 'the last line says it' 0 'leat interpose -o x -- ./many 1000 1' <<'END'
done
END
said '^leat interpose: 1,0[0-9][0-9] allocations, 1,0[0-9][0-9] frees, 1 process, 0 lost; [0-9.]* kB in x$'
try 'children are counted, and end' 0 "leat interpose -q -o x -- sh -c './many 10 1; ./many 10 1' && leat cat -t x | sed -n 's/^exit.*/exit/p; s/^comm.*name=\([a-z]*\).*exec=1/\1/p' | sed 's/^dash$\|^bash$/sh/' | sort" <<'END'
done
done
exit
exit
exit
many
many
sh
END
holds '--lossy loses, and says how much' "leat interpose -d 0 --lossy -o x -- ./many 3000000 2 2>said >/dev/null; n=\$(sed -n 's/.* \([0-9]*\) lost.*/\1/p' said)
	have=\$(leat cat -t x | grep -c '^alloc\|^free'); m=\$(leat cat -t x | sed -n 's/^lost.*n=\([0-9]*\).*why=ring-full.*/\1/p' | awk '{ s += \$1 } END { print s + 0 }')
	[ \"\$n\" = \"\$m\" ] && [ \$((have + n)) -ge 12000000 ] && [ \$((have + n)) -lt 12001000 ]"

# ---- policies ----

for wrong in 'node=9999:no such NUMA node' 'node=x:no number of a node' 'path=/nosuch:No such file' 'path=rel:an absolute path' 'what:none of node=N' 'rules=nosuch:No such file' \
	'path=/dev/shm,size=1:4096 or more' 'path=/dev/shm,color=1:is not size=BYTES'; do
	try "--backing ${wrong%%:*}" 125 "leat interpose --backing '${wrong%%:*}' -o x -- ./dynamic" </dev/null
	said "^leat interpose: --backing: .*${wrong#*:}"
done
printf '# sites\n\n* path=/dev/shm,size=1Mi\nfoo node\n' >rules
try 'a rule that is none has its line' 125 'leat interpose --backing rules=rules -o x -- ./dynamic' </dev/null
said '^leat interpose: --backing: rules:4: "" is no number of a node'
try '--backing places, and says how much' 0 'leat interpose --backing path=/dev/shm,size=64Mi --min 500 -o x -- ./many 1000 1' <<'END'
done
END
said '^leat interpose: .* lost, .*37[5-9] placed ('
try 'a pool that is full falls back, which is said' 0 'leat interpose --backing path=/dev/shm,size=2Mi -o x -- ./steps 0 1000' </dev/null
said 'pool full: [0-9]* of [0-9]* allocations ([0-9]* KiB) fell back'

finish
