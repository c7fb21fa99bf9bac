/* The logs of Heimdallr: read the same in pieces of any size; put right whatever threads did with an address. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "form/heimdallr.h"
#include "form/heimdallr_log.h"

enum { FILES = 4, ADDRESSES = 12, STEPS = 3000, DELAY = 400 };

static unsigned
below(unsigned n)
{
	return (unsigned)unit_draw(n);
}

/* What really happened: in order, each object has one life. */
struct life {
	uint64_t addr, size, from, to; /* to 0: it lived at the end */
	unsigned owner, by;
};

struct line {
	int64_t t;
	size_t life;
	bool end;
};

static int
by_t(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->t > y->t) - (x->t < y->t);
}

static void
put_line(struct buf *b, const struct line *x, const struct life *l)
{
	buf_printf(b, "%c%lld.%09lld,%016llx,%016llx,1+%x\n", x->end ? '-' : '+',
	    (long long)(x->t / 1000000000), (long long)(x->t % 1000000000),
	    (unsigned long long)l->addr, (unsigned long long)l->size, 0x100 + l->owner);
}

static void
feed(struct heimdallr_log *log, struct slice text, bool pieces)
{
	while (text.n > 0) {
		size_t n = pieces ? 1 + below(90) : text.n;

		if (n > text.n)
			n = text.n;
		heimdallr_log_feed(log, text.p, n);
		text.p += n;
		text.n -= n;
	}
}

/* A free by another thread is logged up to DELAY ns after it happened, when somebody else may have the address. */
static void
histories(void)
{
	for (unsigned round = 0; round < 40; round++) {
		struct life *life = calloc(STEPS, sizeof *life);
		struct line *line = calloc(2 * STEPS + ADDRESSES, sizeof *line);
		size_t lives = 0, lines = 0, now[ADDRESSES], moved = 0;
		struct heimdallr_log log = { 0 };
		struct buf text[FILES] = { { 0 } };
		bool live[ADDRESSES] = { false };
		int64_t t = 5000000000;

		for (unsigned i = 0; i < STEPS; i++) {
			unsigned a = below(ADDRESSES), thread = below(FILES);

			t += 150 + below(150);
			if (!live[a]) {
				life[lives] = (struct life){ 0x7f0000000000 + a * 64, 16 + below(4),
					(uint64_t)t, 0, thread, 0 };
				line[lines++] = (struct line){ t, lives, false };
				now[a] = lives++;
			} else {
				struct life *l = &life[now[a]];
				bool mine = thread == l->owner;

				l->to = (uint64_t)t;
				l->by = thread;
				line[lines++] =
				    (struct line){ t + (mine ? 0 : below(DELAY)), now[a], true };
			}
			live[a] = !live[a];
		}
		/* Of what never ends nobody can say whose end a late one is. */
		for (unsigned a = 0; a < ADDRESSES; a++)
			if (live[a]) {
				t += 1000;
				line[lines++] = (struct line){ t, now[a], true };
				life[now[a]].to = (uint64_t)t;
			}
		qsort(line, lines, sizeof *line, by_t);
		for (size_t i = 0; i < lines; i++) {
			const struct life *l = &life[line[i].life];

			put_line(&text[l->owner], &line[i], l);
			moved += line[i].end && line[i].t > (int64_t)l->to;
		}
		for (unsigned f = 0; f < FILES; f++) {
			heimdallr_log_file(&log, SLICE("x"));
			feed(&log, buf_view(&text[f]), round % 2);
			heimdallr_log_file_end(&log);
		}
		heimdallr_log_close(&log, INT64_MAX);
		CLAIM(log.events == lines && log.bad == 0 && log.cut == 0);
		CLAIM(log.moved > 0 && log.moved <= moved);
		/* In order, and each address has one life after the other. */
		memset(live, 0, sizeof live);
		for (size_t i = 0; i < log.events; i++) {
			const struct heimdallr_event *v = &log.event[i];
			size_t a = (v->addr - 0x7f0000000000) / 64;

			CLAIM(i == 0 || log.event[i - 1].t <= v->t);
			CLAIM(live[a] == v->end);
			live[a] = !v->end;
		}
		heimdallr_log_free(&log);
		for (unsigned f = 0; f < FILES; f++)
			buf_free(&text[f]);
		free(life);
		free(line);
	}
}

static void
one(struct heimdallr_log *log, const char *text, int64_t end)
{
	*log = (struct heimdallr_log){ 0 };
	heimdallr_log_file(log, SLICE("f"));
	heimdallr_log_feed(log, text, strlen(text));
	heimdallr_log_file_end(log);
	heimdallr_log_close(log, end);
}

static void
lines(void)
{
	static const char *const bad[] = { "x1.000000000,1,1", "+1,1,1", "+1.00000000,1,1",
		"+1.0000000000,1,1", "+1.000000000", "+1.000000000,", "+1.000000000,1",
		"+1.000000000,1,", "+1.000000000,1,1,", "+1.000000000,1,1,1", "+1.000000000,1,1,1+",
		"+1.000000000,1,1,a+1", "+1.000000000,1,1,1+100000000", "+1.000000000,1,1 ",
		"+1.000000000,1,1,65536+1", "+1.000000000,11111111111111111,1",
		"+1.000000000,1,8000000000000000", "+99999999999.000000000,1,1",
		"+1.000000000,1,1\r" };
	struct heimdallr_log log;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		b.n = 0;
		buf_printf(&b, "+1.000000000,10,1\n%s\n-1.000000001,10,1\n", bad[i]);
		one(&log, buf_str(&b), INT64_MAX);
		CLAIM(log.events == 2 && log.bad == 1);
		CLAIM(memcmp(log.first.text, "f:2: ", 5) == 0);
		heimdallr_log_free(&log);
	}
	b.n = 0;
	buf_printf(&b, "+1.000000000,10,1");
	for (unsigned i = 0; i < 1025; i++)
		buf_printf(&b, ",1+%x", i);
	buf_char(&b, '\n');
	one(&log, buf_str(&b), INT64_MAX);
	CLAIM(log.bad == 1 && log.events == 0);
	heimdallr_log_free(&log);
	buf_free(&b);

	/* The first address is inside of the call, the others are where it returns to. */
	one(&log, "+1.000000000,10,1,2+20,3+0,2+ffffffff\n", INT64_MAX);
	CLAIM(log.events == 1 && log.chain[log.event[0].chain].n == 3);
	CLAIM(log.item[0] == HEIMDALLR_LIB + (UINT64_C(2) << 32) + 0x1f);
	CLAIM(log.item[1] == HEIMDALLR_LIB + (UINT64_C(3) << 32));
	CLAIM(log.item[2] == HEIMDALLR_LIB + (UINT64_C(2) << 32) + 0xffffffff);
	CLAIM(log.tops > 3 && log.top[1] == 0 && log.top[2] == 0x100000000 && log.top[3] == 1);
	heimdallr_log_free(&log);

	/* What was made up at exit: behind the end, or without a stack where all have one. */
	one(&log, "+1.000000000,10,1\n-2.000000000,10,1\n", 2000000000);
	CLAIM(log.events == 1 && log.made_up == 1);
	heimdallr_log_free(&log);
	one(&log, "+1.000000000,10,1\n-2.000000000,10,1\n", 2000000001);
	CLAIM(log.events == 2 && log.made_up == 0);
	heimdallr_log_free(&log);
	one(&log, "+1.000000000,10,1,1+1\n-2.000000000,10,1\n", INT64_MAX);
	CLAIM(log.events == 1 && log.made_up == 1);
	heimdallr_log_free(&log);

	/* A child wrote the buffer again. */
	one(&log,
	    "+1.000000000,10,1\n-2.000000000,10,1\n+3.000000000,10,1\n"
	    "+1.000000000,10,1\n-2.000000000,10,1\n",
	    INT64_MAX);
	CLAIM(log.events == 3 && log.duplicates == 2);
	heimdallr_log_free(&log);

	/* Where a free is lost, those behind it stay where they belong. */
	one(&log,
	    "+1.000000000,10,1\n+3.000000000,10,1\n-4.000000000,10,1\n+5.000000000,10,1\n"
	    "-6.000000000,10,1\n",
	    INT64_MAX);
	CLAIM(log.events == 5 && log.moved == 0);
	CLAIM(log.event[2].t == 4000000000 && log.event[4].t == 6000000000);
	heimdallr_log_free(&log);
}

static bool
took(const char *text, struct heimdallr_usage *u)
{
	return heimdallr_run_usage(slice_of(text), u);
}

static void
usage(void)
{
	struct heimdallr_usage u;

	CLAIM(took("0.10user 0.02system 12:34.10elapsed", &u) && u.wall_ns == 754100000000 &&
	      u.user_ns == 100000000 && u.sys_ns == 20000000 && u.maxrss_bytes == -1 &&
	      u.minor_faults == -1);
	CLAIM(took("0.10user 0.02system 1:02:03elapsed", &u) && u.wall_ns == 3723000000000);
	CLAIM(took("0.10user 0.02system 0:00.00elapsed", &u) && u.wall_ns == 0);
	CLAIM(took("0.10user 0.02system 123:59:59elapsed", &u) && u.wall_ns == 446399000000000);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned h = below(30), m = below(60), s = below(60), c = below(100);
		struct buf b = BUF_INIT;

		if (h)
			buf_printf(&b, "1.00user 2.50system %u:%02u:%02uelapsed", h, m, s);
		else
			buf_printf(&b, "1.00user 2.50system %u:%02u.%02uelapsed", m, s, c);
		CLAIM(took(buf_str(&b), &u));
		CLAIM(
		    u.wall_ns == ((int64_t)(h * 3600 + m * 60 + s) * 100 + (h ? 0 : c)) * 10000000);
		buf_free(&b);
	}
	CLAIM(took("Command terminated by signal 11\n1.00user 0.00system 0:01.00elapsed 99%CPU "
		   "(0avgtext+0avgdata 1234maxresident)k\n7inputs+8outputs "
		   "(5major+6minor)pagefaults 0swaps\n",
	    &u));
	CLAIM(u.signal == 11 && u.exit_status == 139 && u.maxrss_bytes == 1234 * 1024 &&
	      u.in_blocks == 7 && u.out_blocks == 8 && u.major_faults == 5 && u.minor_faults == 6);
	CLAIM(!took("", &u) && !took("1.00user 0.00system", &u));
	CLAIM(!took("1.00user 0.00system 1:2:3:4elapsed", &u));
	CLAIM(!took("1.00user 0.00system x:01elapsed", &u));
}

static void
commands(void)
{
	static const char *const pair[][2] = {
		{ "/bin/a b", "/bin/a b" },
		{ "numactl --membind=1 --cpunodebind=0 time -o out/time.log perf record -o "
		  "out/access.dat --all-user -F 200 -d -e \"r4003E:ppp\" -e \"r20016:ppp\" env "
		  "LD_PRELOAD=x.so TRAC_LOGPATH=/t /bin/a -n 3",
		    "/bin/a -n 3" },
		{ "numactl --membind=1 /usr/bin/time -o t a", "a" },
		{ "env A=b C=d ./x -o y", "./x -o y" },
		{ "perf record -g -- a -b", "a -b" },
		{ "  a  ", "a" },
		{ "", "" },
	};
	struct slice program, mode;
	int64_t rep;

	for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
		CLAIM(slice_eq(heimdallr_run_workload(slice_of(pair[i][0])), slice_of(pair[i][1])));
	CLAIM(heimdallr_run_name(SLICE("bt.A.x.1loc_50.12"), &program, &mode, &rep) && rep == 12 &&
	      slice_eq(program, SLICE("bt.A.x")) && slice_eq(mode, SLICE("1loc_50")));
	CLAIM(!heimdallr_run_name(SLICE("a.1"), NULL, NULL, &rep));
	CLAIM(!heimdallr_run_name(SLICE(".m.1"), NULL, NULL, &rep));
	CLAIM(!heimdallr_run_name(SLICE("a..1"), NULL, NULL, &rep));
	CLAIM(!heimdallr_run_name(SLICE("a.m.-1"), NULL, NULL, &rep));
	CLAIM(!heimdallr_run_name(SLICE("a.m-n.1"), NULL, NULL, &rep));
}

static void
events(void)
{
	static const struct {
		const char *event;
		enum heimdallr_op op;
	} known[] = {
		{ "r4003E:ppp", HEIMDALLR_READ },
		{ "\"r20016:ppp\"", HEIMDALLR_WRITE },
		{ "r81d0", HEIMDALLR_READ },
		{ "cpu/mem-loads,ldlat=30/P", HEIMDALLR_READ },
		{ "MEM_INST_RETIRED.ALL_STORES:u", HEIMDALLR_WRITE },
		{ "page-faults", HEIMDALLR_UNKNOWN },
		{ "load-or-store", HEIMDALLR_UNKNOWN },
	};
	struct heimdallr_options none = { 0 }, said = { .reads = SLICE("a,page-faults"),
		.writes = SLICE("r4003E") };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		CLAIM(heimdallr_event_op(slice_of(known[i].event), &none) == known[i].op);
	CLAIM(heimdallr_event_op(SLICE("page-faults:u"), &said) == HEIMDALLR_READ);
	CLAIM(heimdallr_event_op(SLICE("r4003e:ppp"), &said) == HEIMDALLR_WRITE);
}

int
main(void)
{
	lines();
	histories();
	usage();
	commands();
	events();
	return 0;
}
