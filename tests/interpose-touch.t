#!/bin/sh
# interpose --touch: a program writes known pages in rounds, each of which a look has to tell, these and no others
. tests/lib.sh
# shellcheck disable=SC2154

cat >pages.c <<'C'
/* pages WHAT: page i of the area at AT is written in round r where i + r is a prime number */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT ((char *)0x300000000000)
enum { PAGE = 4096, PAGES = 500, ROUNDS = 4 };

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, any, returned;
};

static int
is_prime(int n)
{
	for (int d = 2; d * d <= n; d++)
		if (n % d == 0)
			return 0;
	return n >= 2;
}

/* Until somebody has looked, which protects all pages anew. */
static void
wait_for_look(char *at)
{
	uint64_t region[3];
	struct scan s = { sizeof s, 0, (uintptr_t)at, (uintptr_t)at + PAGES * PAGE, 0, (uintptr_t)region, 1, 0, 0, 2, 8, 2 };
	int fd = open("/proc/self/pagemap", O_RDONLY), n;

	while ((n = ioctl(fd, _IOWR('f', 16, struct scan), &s)) == 1)
		usleep(1000);
	if (n < 0)
		exit(9);
	close(fd);
}

static void
one_round(char *at, int r)
{
	for (int i = 0; i < PAGES; i++)
		if (is_prime(i + r))
			at[i * PAGE + i] = 1;
}

static void *
all_rounds(void *p)
{
	char *at = p;

	for (int r = 0; r < ROUNDS; r++) {
		one_round(at, r);
		wait_for_look(at);
	}
	return NULL;
}

static char *
map(char *at)
{
	char *p = mmap(at, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED || madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE) < 0)
		exit(9);
	return p;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char *at = map(AT);

	if (!strcmp(what, "can")) {
		struct uffdio_api api = { .api = UFFD_API, .features = 1 << 15 };
		int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);

		return fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0;
	}
	if (!strcmp(what, "rounds"))
		all_rounds(at);
	if (!strcmp(what, "thread")) {
		pthread_t t;

		pthread_create(&t, NULL, all_rounds, at);
		pthread_join(t, NULL);
	}
	if (!strcmp(what, "child")) {
		all_rounds(at);
		if (fork() == 0) {
			one_round(at, 7);
			wait_for_look(at);
			exit(0);
		}
		wait(NULL);
		one_round(at, 9);
	}
	if (!strcmp(what, "again")) /* other memory at the same place */
		for (int i = 0; i < 3; i++)
			all_rounds(map(at));
	if (!strcmp(what, "exit"))
		one_round(at, 0);
	if (!strcmp(what, "kill")) {
		one_round(at, 0);
		wait_for_look(at);
		kill(getpid(), SIGKILL);
	}
	if (!strcmp(what, "heap")) { /* grows by brk(2), a look at each step */
		for (int i = 0; i < 3; i++) {
			char *p = malloc(100000);

			memset(p, 1, 100000);
			wait_for_look(p - (uintptr_t)p % PAGE);
		}
	}
	if (!strcmp(what, "object")) {
		char *p = malloc(PAGES * PAGE);

		all_rounds(p + PAGE - (uintptr_t)p % PAGE);
		free(p);
	}
	if (!strcmp(what, "files")) { /* descriptors are what they were without us */
		int fd = open("/dev/null", O_RDONLY);

		printf("%d\n", fd);
	}
	return 0;
}
C
${CC:-cc} -O1 -pthread -D_GNU_SOURCE -o pages pages.c || exit 1
./pages can || skip_all 'this kernel does not let a process see what it writes (Linux 6.7, userfaultfd)'

# looks FILE: the pages of the area that each look tells, a line for each; times are numbers of looks
looks () {
	leat cat -t "$1" | awk -F '\t' '
		{ delete f; for (i = 2; i <= NF; i++) { k = index($i, "="); f[substr($i, 1, k - 1)] = substr($i, k + 1) } }
		$1 == "access" && f["event"] == "touch" && f["addr"] ~ /^0x30000/ {
			if (f["t"] != t) printf "%s", n++ ? "\n" : ""
			t = f["t"]
			printf "%s%s", substr(f["addr"], 9), f["op"] == "w" && f["size"] == 4096 ? " " : "? "
		}
		END { print "" }'
}

# rounds N...: what these rounds write
rounds () {
	for r; do
		awk -v r="$r" 'BEGIN { for (i = 0; i < 500; i++) { n = i + r; p = n >= 2; for (d = 2; d * d <= n; d++) if (n % d == 0) p = 0
			if (p) printf "%x ", i * 4096 }; print "" }' | sed 's/\<\([0-9a-f]*\)000\>/\1000/g; s/\<[0-9a-f]*\>/00000&/g; s/\<0*\([0-9a-f]\{6\}\)\>/\1/g'
	done
}

# both NAME WHAT ROUNDS: looks of the run of WHAT are these rounds
both () {
	leat interpose -q --touch 10 -o "$2.leat" -- ./pages "$2" 2>err
	status=$?
	looks "$2.leat" >got
	# shellcheck disable=SC2086
	rounds $3 >want
	if [ "$status" -eq 0 ] && cmp -s got want; then
		good "$1"
	else
		bad "$1" "status $status" "$(cat err)" "$(diff want got)"
	fi
}

both 'each round' rounds '0 1 2 3'
both 'by another thread' thread '0 1 2 3'
both 'memory that takes the place of other memory' again '0 1 2 3 0 1 2 3 0 1 2 3'
both 'in the child too, and in the end' child '0 1 2 3 7 9'
both 'at exit there is a last look' exit 0
holds 'each by its process' "leat cat -t child.leat | awk -F '\t' '\$1 == \"access\" && /addr=0x30000/ { if (\$3 != p) n++; p = \$3 } END { exit n != 3 }'"
holds 'the ledger balances' 'leat audit rounds.leat | grep -q balanced'
holds 'in order of time' "leat cat -t again.leat | sed -n 's/.*	t=\([0-9]*\).*/\1/p' | sort -n -c"

try 'killed: what was told before stays' 137 'leat interpose -q --touch 10 -o kill.leat -- ./pages kill' </dev/null
looks kill.leat >got
rounds 0 >want
if cmp -s got want; then good 'and is there'; else bad 'and is there' "$(diff want got)"; fi

holds 'the heap as it grows' "leat interpose -q --touch 10 -o heap.leat -- ./pages heap
	test \$(leat cat -t heap.leat | grep -c '^access') -ge 75"
try 'descriptors of the program are its own' 0 'leat interpose -q --touch 10 -o files.leat -- ./pages files' <<'E'
3
E
holds 'what it cost, and how many looks there were' "leat cat -t rounds.leat | grep -q 'name=touch_looks.*section=touch' &&
	leat cat -t rounds.leat | grep -q 'name=touch_cpu_ns.*unit=ns.*section=touch'"
holds 'the library does not tell of itself' "leat interpose -q --touch 5 -o sleep.leat -- sleep 0.2
	test \$(leat cat -t sleep.leat | grep -c '^access') -lt 60"
try 'no time is no time' 125 'leat interpose --touch 0 -- true' </dev/null

if [ -x "$B/libexec/leat/join" ]; then
	leat interpose -q --touch 10 -o object.leat -- ./pages object
	leat join object.leat 2>err | leat cat -t | grep '^access' >joined
	n=$(grep -c 'object_size=2048000' joined)
	want=$(($(rounds 0 1 2 3 | wc -w) + 1)) # and the page of its size
	if [ "$n" -eq "$want" ]; then good 'join finds the object of each page'; else bad 'join finds the object of each page' "$n of $want" "$(cat err)" "$(head -n 3 joined)"; fi
else
	skip 'join finds the object of each page' 'no join'
fi
finish
