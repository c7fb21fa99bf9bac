/* The table of a grid, read back by the reader of tables, is the grid; a picture keeps within its terminal. */
#include <math.h>
#include <unistd.h>

#include "base/num.h"
#include "form/matrix.h"
#include "form/table.h"
#include "unit.h"

static double
number(struct slice s)
{
	uint64_t u;
	double d = NAN;

	if (num_any(s, &u) == 0)
		return (double)u;
	CLAIM(num_f64(s, &d) == 0);
	return d;
}

static void
fill(struct grid *g, bool weighted, unsigned variant)
{
	static const struct axis_scheme schemes[] = { { .bins = 20 }, { .bins = 30, .log = true },
		{ .bins = 25, .compact = true },
		{ .bins = 7,
		    .ranged = true,
		    .lo = { .real = true, .d = -0.5 },
		    .hi = { .i = 1000 } } };
	struct error e;

	CLAIM(grid_init(g, &schemes[variant % 4], &schemes[variant / 4 % 4], weighted, &e) == 0);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t x = unit_random() % 5000,
			 y = (unit_random() % 3 << 40) + unit_random() % 300, w = unit_random() % 9;
		double real = (double)w / 4 - 1;

		if (variant & 16)
			memcpy(&w, &real, sizeof w);
		grid_add(g, (struct grid_column){ AXIS_INT, &x },
		    (struct grid_column){ AXIS_UNSIGNED, &y },
		    (struct grid_column){ variant & 16 ? AXIS_REAL : AXIS_INT, &w }, 1);
	}
	grid_settle(g, false, true);
}

/* The words `# seam KEY=` of a table. */
static size_t
seams(const struct table *t, struct slice axis, const struct axis *a)
{
	size_t n = 0;

	for (size_t i = 0; i + 3 < t->words; i++) {
		uint64_t b;

		if (!slice_eq(t->word[i].key, SLICE("seam")) || !slice_eq(t->word[i + 1].key, axis))
			continue;
		CLAIM(num_u64(t->word[i + 1].value, &b) == 0 && b > 0 && b < a->bins);
		CLAIM(number(t->word[i + 2].value) == axis_real(a->bin[b - 1].hi));
		CLAIM(number(t->word[i + 3].value) == axis_real(a->bin[b].lo));
		n++;
	}
	return n;
}

static size_t
gaps(const struct axis *a)
{
	size_t n = 0;

	for (uint32_t b = 1; b < a->bins; b++)
		n += axis_real(a->bin[b].lo) != axis_real(a->bin[b - 1].hi);
	return n;
}

static void
round_trip(const struct grid *g, const struct matrix_names *names)
{
	struct matrix *m = matrix_new(g, names);
	struct buf text = BUF_INIT;
	struct table *t;
	int fd[2];
	uint64_t rows = 0, cells = 0, last = 0;

	matrix_put_head(m, SLICE("# lost=7 why=\"a b\"\n"), &text);
	for (uint32_t y = 0; y < g->y.bins; y++)
		matrix_put_row(m, y, &text);
	CLAIM(pipe(fd) == 0 && close(fd[1]) == 0);
	t = table_new(fd[0], text.p, text.n);
	CLAIM(table_header(t) == 1 && t->columns == 7 && slice_eq(t->kind, SLICE("heat")));
	CLAIM(slice_eq(table_word(t, SLICE("x")), names->x.name));
	CLAIM(slice_eq(table_word(t, SLICE("y_unit")), names->y.unit));
	CLAIM(number(table_word(t, SLICE("count"))) == (double)g->placed);
	CLAIM(number(table_word(t, SLICE("without"))) == 3);
	CLAIM(number(table_word(t, SLICE("x_bins"))) == g->x.bins);
	CLAIM(number(table_word(t, SLICE("x_min"))) == axis_real(g->x.bin[0].lo));
	CLAIM(number(table_word(t, SLICE("y_max"))) == axis_real(g->y.bin[g->y.bins - 1].hi));
	CLAIM(slice_eq(table_word(t, SLICE("why")), SLICE("a b")));
	CLAIM(seams(t, SLICE("x"), &g->x) == gaps(&g->x));
	CLAIM(seams(t, SLICE("y"), &g->y) == gaps(&g->y));
	while (table_next(t) > 0) {
		uint64_t x, y;

		CLAIM(num_u64(t->cell[0], &x) == 0 && num_u64(t->cell[1], &y) == 0);
		CLAIM(x < g->x.bins && y < g->y.bins);
		CLAIM(rows == 0 || y * g->x.bins + x > last);
		last = y * g->x.bins + x;
		CLAIM(number(t->cell[2]) == axis_real(g->x.bin[x].lo));
		CLAIM(number(t->cell[3]) == axis_real(g->x.bin[x].hi));
		CLAIM(number(t->cell[4]) == axis_real(g->y.bin[y].lo));
		CLAIM(number(t->cell[5]) == axis_real(g->y.bin[y].hi));
		CLAIM(number(t->cell[6]) == grid_value(g, (uint32_t)x, (uint32_t)y));
		rows++;
	}
	for (uint32_t y = 0; y < g->y.bins; y++)
		for (uint32_t x = 0; x < g->x.bins; x++)
			cells += !grid_empty(g, x, y);
	CLAIM(rows == cells && cells > 0);
	table_free(t);
	close(fd[0]);
	buf_free(&text);
	matrix_free(m);
}

/* Lines and their characters: bytes that do not continue one. */
static void
picture(const struct grid *g, const struct matrix_names *names, unsigned columns, unsigned lines)
{
	struct matrix *m = matrix_new(g, names);

	for (unsigned utf8 = 0; utf8 < 2; utf8++) {
		struct buf text = BUF_INIT;
		struct slice rest;
		unsigned n = 0;

		matrix_picture(m, SLICE(""), columns, lines, utf8, &text);
		rest = buf_view(&text);
		for (; rest.n > 0; n++) {
			struct slice line = slice_cut(&rest, '\n');
			unsigned wide = 0;

			for (size_t i = 0; i < line.n; i++) {
				CLAIM(utf8 || (unsigned char)line.p[i] < 0x80);
				wide += (line.p[i] & 0xc0) != 0x80;
			}
			/* (the first line and the last are as long as they must be) */
			CLAIM(n == 0 || wide <= columns || line.p[0] == '#');
		}
		CLAIM(n <= lines && n > 4);
		CLAIM(memmem(text.p, text.n, utf8 ? "█" : "@", utf8 ? 3 : 1));
		buf_free(&text);
	}
	matrix_free(m);
}

int
main(void)
{
	for (unsigned v = 0; v < 32; v++) {
		struct matrix_names names = { { SLICE("t"), SLICE("ns") },
			{ SLICE("addr"), v & 1 ? SLICE("addr") : SLICE("bytes") }, SLICE("w"), 3,
			NULL, NULL };
		struct grid g;

		fill(&g, v >= 16, v);
		round_trip(&g, &names);
		picture(&g, &names, 80, 24);
		picture(&g, &names, 200, 60);
		picture(&g, &names, 40, 12);
		grid_free(&g);
	}
	return 0;
}
