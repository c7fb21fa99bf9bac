/* Plans: every block holds every cell once, orders are all equally likely, what is written is read, no two names meet. */
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "experiment/plan.h"
#include "unit.h"

/* A descriptor from which the text is read. */
static int
file_of(struct slice text)
{
	int fd = memfd_create("table", 0);

	CLAIM(
	    fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static struct plan *
make_of(
    const char *table, uint64_t seed, uint64_t repetitions, const char *sequence, struct error *e)
{
	struct plan_options options = { seed, repetitions, slice_of(sequence) };
	int fd = file_of(slice_of(table));
	struct plan *p = plan_make(fd, &options, e);

	close(fd);
	return p;
}

static struct plan *
made(const char *table, uint64_t seed, uint64_t repetitions, const char *sequence)
{
	struct error e = { "" };
	struct plan *p = make_of(table, seed, repetitions, sequence, &e);

	if (p == NULL)
		fprintf(stderr, "%s\n", e.text);
	CLAIM(p);
	return p;
}

static struct plan *
read_of(struct slice text, struct error *e)
{
	int fd = file_of(text);
	struct plan *p = plan_read(fd, e);

	close(fd);
	return p;
}

static bool
is(struct slice s, const char *text)
{
	return slice_eq(s, slice_of(text));
}

/* No table makes a plan of it, and the message is this. */
static void
refused(const char *table, const char *message)
{
	struct error e = { "" };

	CLAIM(make_of(table, 0, 0, NULL, &e) == NULL);
	if (strstr(e.text, message) != e.text)
		fprintf(stderr, "%s\n", e.text);
	CLAIM(strstr(e.text, message) == e.text);
}

#define HEAD "factor,level,command,dry,freq,timeout,THREADS,except\n"

static void
check_settings(void)
{
	struct plan *p =
	    made("# a comment\n" HEAD "program,quick,$top/sort quick\n"
		 "program,merge,$top/sort merge,,,,,data=sorted\n"
		 "# another\n"
		 "data,random,\"random, \"\"all\"\"\",,,,4\n\ndata,sorted,sorted,yes,99,2s\n"
		 "repetitions,2\nseed,7\ntimeout,1m\n",
		0, 0, NULL);
	const struct plan_run *r;

	CLAIM(p->factors == 2 && is(p->factor[0], "program") && is(p->factor[1], "data"));
	CLAIM(p->variables == 1 && is(p->variable[0], "THREADS"));
	CLAIM(p->cells == 3 && p->runs == 6 && p->seed == 7 && p->repetitions == 2);
	CLAIM(plan_find(p, SLICE("merge.sorted.1")) == NULL && plan_find(p, SLICE("")) == NULL);
	r = plan_find(p, SLICE("quick.random.2"));
	CLAIM(r && r->rep == 2 && is(r->command, "$top/sort quick random, \"all\""));
	CLAIM(!r->dry && r->freq == 0 && r->cpu_node == -1 && r->mem_node == -1);
	CLAIM(r->timeout_ns == 60000000000 && is(r->value[0], "4"));
	CLAIM(is(r->level[0], "quick") && is(r->level[1], "random"));
	CLAIM(r->name.p[r->name.n] == '\0' && r->value[0].p[1] == '\0');
	r = plan_find(p, SLICE("quick.sorted.1"));
	CLAIM(r && r->dry && r->freq == 99 && r->timeout_ns == 2000000000 && r->value[0].p == NULL);
	CLAIM(is(p->cell[r->cell].name, "quick.sorted"));
	plan_free(p);
}

static void
check_refusals(void)
{
	refused("", "no table");
	refused("factor,level\n", "no factors");
	refused("factor,levl\na,1\n", "1: unknown column levl: is level meant?");
	refused("# x\nfactor,level,comand\na,1\n", "2: unknown column comand: is command meant?");
	refused("factor,level,threads\n", "1: unknown column threads (columns are");
	refused("factor,level,\na,1\n", "1: a column has no name");
	refused("factor,level,dry,dry\n", "1: column dry stands twice");
	refused("level,command\na,1\n", "1: no column factor");
	refused("factor,command\na,1\n", "1: no column level");
	refused(HEAD "a,1\na,2\na,1\n", "4: level 1 of a stands in line 2, too");
	refused(HEAD "a,1\nb,\n", "3: factor b has no level here");
	refused(HEAD ",1\n", "2: a row without a factor");
	refused(HEAD "rep,1\n", "2: a factor cannot be called rep:");
	refused(HEAD "command,1\n", "2: a factor cannot be called command:");
	refused(HEAD "run_id,1\n", "2: a factor cannot be called run_id:");
	refused("factor,level,_A\n", "1: unknown column _A");
	refused(HEAD "Data,1\n", "2: a factor cannot be called Data:");
	refused(HEAD "a b,1\n", "2: a factor cannot be called a b:");
	refused(HEAD "a,1,,maybe\n", "2: dry: maybe is neither yes nor no");
	refused(HEAD "a,1,,,0\n", "2: freq: 0 is no number");
	refused(HEAD "a,1,,,-1\n", "2: freq: -1 is no number");
	refused(HEAD "a,1,,,,5x\n", "2: timeout: 5x is no duration");
	refused("factor,level,cpu_node\na,1,x\n", "2: cpu_node: x is no number of a node");
	refused(HEAD "a,1\nrepetitions,0\n", "3: repetitions: 0 is no number from 1 on");
	refused(HEAD "a,1\nrepetitions,2\nrepetitions,2\n", "4: repetitions is set twice");
	refused(HEAD "a,1\nseed,x\n", "3: seed: x is no number");
	refused(HEAD "a,1\nseed,1,yes\n", "3: seed is no factor");
	refused(HEAD "a,1\ntimeout,0\n", "3: timeout: 0 is no duration");
	refused(HEAD "a,1,,,,,,bb=2\nb,2\n", "2: except: unknown factor bb: is b meant?");
	refused(HEAD "a,1,,,,,,b=two\nb,twoo\n", "2: except: b has no level two: is twoo meant?");
	refused(HEAD "a,1,,,,,,a=2\na,2\n", "2: except: a cell has one level of a anyhow");
	refused(HEAD "a,1,,,,,,b\nb,2\n", "2: except: b is no list of words factor=level");
	refused(HEAD "a,1,,,,,,b=2\nb,2\n", "no cells are left");
	refused(HEAD "a,1,,,,,4\nb,x\nb,y,,,,,5\n",
	    "4: THREADS is set by a=1 (line 2) and by b=y, and they go together");
	refused(HEAD "a,1,,yes\nb,y,,no\n", "3: dry is set by a=1 (line 2) and by b=y");
	refused(HEAD "a,1,,,,,,,too many\n", "2: 9 cells, the header has 8");
	refused(HEAD "a,\"1\n", "2: a quote is not closed");
	plan_free(made(HEAD "a,1,,yes,,,,b=y\na,2\nb,y,,no\nb,z\n", 0, 0, NULL));
	plan_free(made(HEAD "a,\"x y\",,,,,,\"b=\"\"p q\"\" b=r\"\nb,p q\nb,r\nb,s\n", 0, 0, NULL));
}

/* Whichever of two levels says that they do not go together, they do not. */
static void
check_except(void)
{
	static const char *const tables[] = {
		HEAD "a,1,,,,,,b=x c=p\na,2\nb,x\nb,y\nc,p\nc,q\n",
		HEAD "a,1\na,2\nb,x,,,,,,a=1\nb,y\nc,p,,,,,,a=1\nc,q\n",
		HEAD "c,p\nc,q\nb,x\nb,y\na,1,,,,,,c=p b=x\na,2\n",
		HEAD "c,p\nc,q\na,2\na,1,,,,,,c=p\nb,x,,,,,,a=1\nb,y\n",
	};

	for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
		struct plan *p = made(tables[i], 0, 0, NULL);

		CLAIM(p->cells == 5);
		CLAIM(plan_find(p, i < 2    ? SLICE("1.y.q.1")
				   : i == 2 ? SLICE("q.y.1.1")
					    : SLICE("q.1.y.1")));
		plan_free(p);
	}
}

/* Each block holds each cell once, in positions that follow one another. */
static void
check_blocks(const struct plan *p)
{
	unsigned char *seen = calloc(p->cells * p->repetitions, 1);

	CLAIM(p->runs == p->cells * p->repetitions);
	for (size_t i = 0; i < p->runs; i++) {
		const struct plan_run *r = &p->run[i];
		unsigned char *at = &seen[(r->rep - 1) * p->cells + r->cell];

		CLAIM(r->position == i + 1 && r->cell < p->cells && r->rep >= 1 && !*at);
		CLAIM(plan_find(p, r->name) == r);
		if (p->sequence.n == 0)
			CLAIM(r->rep == i / p->cells + 1);
		*at = 1;
	}
	free(seen);
}

#define FOUR "factor\tlevel\na\t1\na\t2\nb\tx\nb\ty\n"

/* The 24 orders of 4 cells are about equally frequent in the blocks of one seed, and in the first blocks of many; and
 * those of one block and the next do not depend on each other. */
static void
check_orders(void)
{
	enum { ORDERS = 24, DRAWS = 24000 };
	double within[ORDERS] = { 0 }, across[ORDERS] = { 0 }, both[ORDERS][ORDERS] = { { 0 } };
	double chi[3] = { 0 };
	unsigned before = 0;
	struct plan *p = made(FOUR, 5, DRAWS, NULL);

	check_blocks(p);
	for (unsigned k = 0; k < DRAWS; k++) {
		struct plan *other = made(FOUR, k + 1, 1, NULL);

		for (unsigned which = 0; which < 2; which++) {
			const struct plan_run *r = which ? other->run : p->run + 4 * k;
			unsigned code = 0;

			for (unsigned i = 0; i < 4; i++) {
				unsigned smaller = 0;

				for (unsigned j = i + 1; j < 4; j++)
					smaller += r[j].cell < r[i].cell;
				code = code * (4 - i) + smaller;
			}
			CLAIM(code < ORDERS);
			if (which) {
				across[code]++;
			} else {
				within[code]++;
				if (k > 0)
					both[before][code]++;
				before = code;
			}
		}
		plan_free(other);
	}
	plan_free(p);
	for (unsigned i = 0; i < ORDERS; i++) {
		double mean = (double)DRAWS / ORDERS;

		chi[0] += (within[i] - mean) * (within[i] - mean) / mean;
		chi[1] += (across[i] - mean) * (across[i] - mean) / mean;
		for (unsigned k = 0; k < ORDERS; k++)
			chi[2] += (both[i][k] - mean / ORDERS) * (both[i][k] - mean / ORDERS) *
				  ORDERS / mean;
	}
	/* Within 5 standard deviations of what chance gives. */
	CLAIM(fabs(chi[0] - 23) < 5 * sqrt(2 * 23));
	CLAIM(fabs(chi[1] - 23) < 5 * sqrt(2 * 23));
	CLAIM(fabs(chi[2] - 575) < 5 * sqrt(2 * 575));
}

/* A plan of more repetitions begins as one of fewer; other seeds are other plans; the order of rows is of no account. */
static void
check_growth(void)
{
	struct plan *few = made(FOUR, 3, 4, NULL), *many = made(FOUR, 3, 40, NULL);
	struct plan *other = made(FOUR, 4, 40, NULL);
	struct plan *rows = made("factor\tlevel\na\t2\na\t1\nb\ty\nb\tx\n", 3, 40, NULL);
	uint64_t more[4] = { 36, 36, 36, 36 };
	struct error e;
	unsigned same = 0;

	for (size_t i = 0; i < few->runs; i++)
		CLAIM(slice_eq(few->run[i].name, many->run[i].name));
	for (size_t i = 0; i < many->runs; i++) {
		same += slice_eq(many->run[i].name, other->run[i].name);
		CLAIM(slice_eq(many->run[i].name, rows->run[i].name));
	}
	CLAIM(same > 20 && same < 70); /* 40 is expected */
	CLAIM(plan_extend(few, more, &e) == 0 && few->runs == many->runs && few->repetitions == 40);
	for (size_t i = 0; i < few->runs; i++)
		CLAIM(slice_eq(few->run[i].name, many->run[i].name) &&
		      few->run[i].position == many->run[i].position);
	plan_free(few);
	plan_free(many);
	plan_free(other);
	plan_free(rows);
	/* some cells only: their order is that of whole blocks */
	few = made(FOUR, 3, 4, NULL);
	many = made(FOUR, 3, 9, NULL);
	more[0] = 0, more[1] = 5, more[2] = 1, more[3] = 3;
	CLAIM(plan_extend(few, more, &e) == 0 && few->runs == 16 + 9);
	for (size_t i = 16, k = 16; i < few->runs; i++, k++) {
		while (many->run[k].rep - 4 > more[many->run[k].cell])
			k++;
		CLAIM(slice_eq(few->run[i].name, many->run[k].name));
		CLAIM(few->run[i].position == i + 1 &&
		      plan_find(few, few->run[i].name) == &few->run[i]);
	}
	plan_free(few);
	plan_free(many);
}

static void
check_sequence(void)
{
	const char *table = "factor\tlevel\texcept\na\t1\tb=z\na\t2\na\t3\nb\tz\nb\tx\nb\ty\n";
	struct plan *p = made(table, 3, 5, "b");
	struct buf b = BUF_INIT;
	struct plan *again;
	struct error e;

	CLAIM(is(p->sequence, "b") && p->runs == 8 * 5);
	check_blocks(p);
	for (size_t i = 0; i < p->runs; i++) {
		CLAIM(is(p->run[i].level[1], i < 10 ? "z" : i < 25 ? "x" : "y"));
		CLAIM(p->run[i].rep == (i < 10 ? i / 2 : (i - 10) % 15 / 3) + 1);
	}
	/* and when more is added to what was read */
	plan_put(&b, p);
	again = read_of(buf_view(&b), &e);
	CLAIM(again && is(again->sequence, "b"));
	CLAIM(plan_extend(again, (uint64_t[8]){ 1, 1, 1, 1, 1, 1, 1, 1 }, &e) == 0);
	for (size_t i = 40; i < 48; i++)
		CLAIM(is(again->run[i].level[1], i < 42 ? "z" : i < 45 ? "x" : "y"));
	plan_free(p);
	plan_free(again);
	CLAIM(make_of(table, 1, 1, "c", &e) == NULL);
	buf_free(&b);
}

/* Levels of any bytes: names hold harmless bytes alone and are as many as cells, and a plan that was written is read. */
static void
check_names(void)
{
	static const char letters[] = "aAzZ09_-.+/ %\"\\\xc3\xa9~*";
	struct buf table = BUF_INIT, text = BUF_INIT, twice = BUF_INIT;

	for (unsigned round = 0; round < 200; round++) {
		struct plan *p, *q;
		struct error e = { "" };
		unsigned levels[2] = { 0 };

		table.n = text.n = twice.n = 0;
		buf_printf(&table, "factor\tlevel\tcommand\tV\n");
		for (unsigned f = 0; f < 2; f++)
			for (unsigned i = 0; i < 20; i++) {
				struct slice level;
				size_t from;

				buf_printf(&table, "%c\t", 'a' + f);
				from = table.n;
				/* now and then too long for a name, and different only at the end */
				if (round % 4 == 0)
					for (unsigned k = 0; k < 130; k++)
						buf_char(&table, 'x');
				for (uint64_t n = 2 + unit_random() % 3; n > 0; n--)
					buf_char(
					    &table, letters[unit_random() % (sizeof letters - 1)]);
				buf_printf(&table, "%u", levels[f]++);
				level = (struct slice){ table.p + from, table.n - from };
				if (memchr(level.p, '\\', level.n))
					table.n = from - 2; /* (its own escape) */
				else
					buf_printf(
					    &table, "\tcommand %u\t%s\n", i, f ? "" : "\\n\\t");
			}
		p = make_of(buf_str(&table), round + 1, 2, NULL, &e);
		CLAIM(p && p->runs == p->cells * 2);
		for (size_t i = 0; i < p->runs; i++) {
			struct slice n = p->run[i].name;
			unsigned dots = 0;

			CLAIM(n.n > 0 && n.n <= 200 && n.p[0] != '-' && n.p[0] != '.');
			for (size_t k = 0; k < n.n; k++) {
				CLAIM(strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0"
					     "123456789_-+.",
				    n.p[k]));
				dots += n.p[k] == '.';
			}
			CLAIM(dots == 2 || (dots == 1 && strstr(n.p, "++")));
		}
		plan_put(&text, p);
		for (uint64_t i = 0; i < p->cells; i++)
			CLAIM(p->cell[i].settings.n == 16 && p->cell[i].settings.p[0] >= 'a' &&
			      p->cell[i].settings.p[0] <= 'f');
		q = read_of(buf_view(&text), &e);
		if (q == NULL)
			fprintf(stderr, "%s\n", e.text);
		CLAIM(q && q->cells == p->cells);
		plan_put(&twice, q);
		CLAIM(slice_eq(buf_view(&text), buf_view(&twice)));
		for (size_t i = 0; i < p->runs; i++) {
			const struct plan_run *a = &p->run[i], *b = plan_find(q, a->name);

			CLAIM(b && b->cell == a->cell && slice_eq(b->command, a->command));
			CLAIM(slice_eq(a->level[1], b->level[1]) &&
			      slice_eq(a->value[0], b->value[0]));
			CLAIM(slice_eq(a->settings, b->settings) && a->timeout_ns == b->timeout_ns);
		}
		plan_free(p);
		plan_free(q);
	}
	buf_free(&table);
	buf_free(&text);
	buf_free(&twice);
}

/* settings are those of the cell: they differ where anything of it does, and nowhere else. */
static void
check_hash(void)
{
	static const char *const tables[] = {
		"factor\tlevel\tcommand\tX\na\t1\tc\t2\n", /* the first is what others differ from */
		"factor\tlevel\tcommand\tX\na\t1\td\t2\n",
		"factor\tlevel\tcommand\tX\na\t1\tc\t3\n",
		"factor\tlevel\tcommand\tX\na\t1\tc\t\n",
		"factor\tlevel\tcommand\tY\na\t1\tc\t2\n",
		"factor\tlevel\tcommand\tX\tdry\na\t1\tc\t2\tyes\n",
		"factor\tlevel\tcommand\tX\tfreq\na\t1\tc\t2\t9\n",
		"factor\tlevel\tcommand\tX\tcpu_node\na\t1\tc\t2\t0\n",
		"factor\tlevel\tcommand\tX\tmem_node\na\t1\tc\t2\t0\n",
		"factor\tlevel\tcommand\tX\nb\t1\tc\t2\n",
		"factor\tlevel\tcommand\tX\na\t2\tc\t2\n",
	};
	static const char *const equal[] = {
		"factor\tlevel\tcommand\tX\tY\na\t1\tc\t2\nrepetitions\t4\nseed\t9\n",
		"factor\tlevel\tX\tcommand\tdry\ttimeout\na\t1\t2\tc\tno\t5s\na\t3\n",
	};
	struct plan *first = made(tables[0], 0, 0, NULL);
	struct slice settings = first->run[0].settings;

	for (unsigned i = 1; i < sizeof tables / sizeof *tables; i++) {
		struct plan *p = made(tables[i], 0, 0, NULL);

		CLAIM(!slice_eq(p->run[0].settings, settings));
		plan_free(p);
	}
	for (unsigned i = 0; i < sizeof equal / sizeof *equal; i++) {
		struct plan *p = made(equal[i], 0, 0, NULL);

		CLAIM(slice_eq(plan_find(p, SLICE("1.1"))->settings, settings));
		plan_free(p);
	}
	plan_free(first);
}

#define PLAN "# plan seed=1 repetitions=1 cells=1 runs=1 factors=a\n"
#define COLUMNS                                                                                    \
	"name\trep\tposition\ta\tcommand\tdry\tfreq\tcpu_node\tmem_node\ttimeout_ns\tsettings\n"

static void
check_plans(void)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "the plan is empty" },
		{ COLUMNS, "no number seed=" },
		{ "# plan seed=1 repetitions=1\n" COLUMNS, "no factors=" },
		{ PLAN "name\trep\n", "2: no column position" },
		{ PLAN COLUMNS, "the plan has no runs" },
		{ PLAN COLUMNS "1.1\t1\n", "3: 2 cells" },
		{ PLAN COLUMNS "../x.1\t1\t1\t1\t\t0\t\t\t\t\tab\n", "3: ../x.1 can be no name" },
		{ PLAN COLUMNS "1.1\t2\t1\t1\t\t0\t\t\t\t\tab\n",
		    "3: the name 1.1 does not end with .2" },
		{ PLAN COLUMNS "1.1\t0\t1\t1\t\t0\t\t\t\t\tab\n", "3: rep: 0 is no number" },
		{ PLAN COLUMNS "1.1\t1\t1\t1\t\t0\tx\t\t\t\tab\n", "3: freq: x is no number" },
		{ PLAN COLUMNS "1.1\t1\t1\t1\t\t0\t\t\t\t\tab\n1.2\t2\t2\t1\t\t0\t\t\t\t\tcd\n",
		    "4: the settings are not those of line 3" },
		{ PLAN COLUMNS "1.1\t1\t1\t1\t\t0\t\t\t\t\tab\n1.1\t1\t2\t1\t\t0\t\t\t\t\tab\n",
		    "two runs are called 1.1" },
		{ PLAN COLUMNS "1.1\t1\t1\t1\t\t0\t\t\t\t\t\n", "3: no settings" },
	};

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct error e = { "" };

		CLAIM(read_of(slice_of(bad[i].text), &e) == NULL);
		if (strstr(e.text, bad[i].message) != e.text)
			fprintf(stderr, "%s\n", e.text);
		CLAIM(strstr(e.text, bad[i].message) == e.text);
	}
}

int
main(void)
{
	check_settings();
	check_refusals();
	check_except();
	check_orders();
	check_growth();
	check_sequence();
	check_names();
	check_hash();
	check_plans();
	return 0;
}
