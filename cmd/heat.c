/* heat - two fields to a matrix of counts; see leat-heat(1) */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/num.h"
#include "flow/losses.h"
#include "form/kind.h"
#include "form/matrix.h"
#include "form/table.h"
#include "tool/tool.h"

enum { BINS = 256, LOG, X_RANGE, Y_RANGE, COMPACT, SHADES, FIELDS = 3 };

static const struct tool_option options[] = {
	{ 'x', "x", "FIELD", "the field of the horizontal axis" },
	{ 'y', "y", "FIELD", "the field of the vertical axis" },
	{ 'w', "weight", "FIELD", "add up FIELD instead of counting" },
	{ BINS, "bins", "NXxNY", "at most so many bins (default 256x256)" },
	{ LOG, "log", "AXES", "logarithmic axes: x, y or xy" },
	{ X_RANGE, "x-range", "LO,HI", "from LO to below HI (units: 10us,1.5ms 4KiB 0x1000)" },
	{ Y_RANGE, "y-range", "LO,HI", "the same of the vertical axis" },
	{ COMPACT, "compact", "[AXES]", "squeeze out gaps between addresses (default y)" },
	{ SHADES, "shades", NULL, "a picture of characters, as on a terminal" },
	{ 0 },
};
static const struct tool_spec spec = { "heat", "two fields to a matrix of counts",
	"[TRACE|TABLE...]", options, TOOL_TABLE_OUT };

static struct {
	struct slice name[FIELDS]; /* x y w */
	bool addr[FIELDS], told;   /* addr: the field has addresses */
	struct slice clock;
	struct grid grid;
	struct losses losses;
	uint64_t records, without;
	struct buf others; /* fields of records that lack ours */
} heat = { .clock = { "ns", 2 } };

/* What stays wrong is said once. */
static void
wrong(const char *where, const char *what, struct slice of)
{
	if (!heat.told)
		tool_warn("%s: %s: %.*s", where, what, SLICE_ARG(of));
	heat.told = true;
	tool_status(2);
}

static unsigned
fields(void)
{
	return heat.name[2].n ? 3 : 2;
}

/* ---- traces ---- */

static void
remember(const struct trace_shape *shape)
{
	for (unsigned f = 0; f < shape->fields && heat.others.n < 200; f++) {
		struct slice name = shape->field[f].name;
		struct buf word = BUF_INIT;

		buf_printf(&word, " %.*s ", SLICE_ARG(name));
		buf_char(&heat.others, ' ');
		if (memmem(heat.others.p, heat.others.n, word.p, word.n))
			heat.others.n--;
		else
			buf_slice(&heat.others, name);
		buf_free(&word);
	}
}

/* The columns of shape s, or false. */
static bool
columns(struct trace_block *b, unsigned s, const char *where, struct grid_column *column)
{
	const struct trace_shape *shape = b->shape[s];

	for (unsigned i = 0; i < fields(); i++) {
		int f = trace_field_index(shape, heat.name[i]);
		enum trace_kind kind = f < 0 ? TRACE_STR : shape->field[f].kind;

		if (f < 0) {
			remember(shape);
			return false;
		}
		if (kind != TRACE_INT && kind != TRACE_BIG && kind != TRACE_ADDR &&
		    kind != TRACE_NUM) {
			struct buf what = BUF_INIT;

			buf_printf(&what, "the field %.*s is no number but a %s",
			    SLICE_ARG(heat.name[i]), trace_kind_name(kind));
			wrong(where, buf_str(&what), shape->type);
			buf_free(&what);
			return false;
		}
		heat.addr[i] |= kind == TRACE_ADDR;
		column[i].kind = kind == TRACE_INT   ? AXIS_INT
				 : kind == TRACE_NUM ? AXIS_REAL
						     : AXIS_UNSIGNED;
		column[i].v = trace_column(b, s, (unsigned)f);
	}
	return true;
}

/* t may count something else than time: a start says so. */
static void
look_at_start(struct trace_block *b, unsigned s)
{
	static const char *const clocks[] = { "monotonic_raw", "monotonic", "realtime", "boottime",
		"tsc", NULL };
	int f = trace_field_of(b->shape[s], SLICE("clock"), TRACE_STR);
	struct slice clock;

	if (f < 0 || b->rows[s] == 0)
		return;
	clock = trace_block_value(b, s, (unsigned)f, 0).s;
	for (unsigned i = 0; clocks[i]; i++)
		if (slice_eq(clock, slice_of(clocks[i])))
			return;
	heat.clock = slice_of(xstrndup(clock.p, clock.n));
}

static void
read_trace(int fd, const char *path, const struct kind_input *in)
{
	struct trace_reader *reader = trace_reader_new(fd);
	struct trace_block *b;
	int got;

	trace_reader_unread(reader, in->first, in->n);
	while ((got = trace_read(reader, &b)) > 0) {
		for (unsigned s = 0; s < b->shapes; s++) {
			struct grid_column c[FIELDS] = { 0 };

			if (slice_eq(b->shape[s]->type, SLICE("start")))
				look_at_start(b, s);
			if (trace_is_state(b->shape[s]) || trace_is_ledger(b->shape[s]))
				continue;
			heat.records += b->rows[s];
			if (columns(b, s, tool_where(path, reader), c))
				grid_add(&heat.grid, c[0], c[1], c[2], b->rows[s]);
			else
				heat.without += b->rows[s];
		}
		losses_block(&heat.losses, b);
		tool_progress(fd, heat.records, trace_reader_offset(reader));
	}
	tool_reader_done(path, reader, got);
}

/* ---- tables ---- */

static struct {
	size_t n;
	enum axis_kind kind[FIELDS];
	uint64_t v[FIELDS][AXIS_CHUNK];
} rows;

static void
add_rows(void)
{
	grid_add(&heat.grid, (struct grid_column){ rows.kind[0], rows.v[0] },
	    (struct grid_column){ rows.kind[1], rows.v[1] },
	    (struct grid_column){ rows.kind[2], rows.v[2] }, rows.n);
	rows.n = 0;
}

static int
number(struct slice s, enum axis_kind *kind, uint64_t *v)
{
	int64_t i;
	double d;

	*kind = AXIS_INT;
	if (num_i64(s, &i) == 0) {
		*v = (uint64_t)i;
		return 0;
	}
	*kind = AXIS_UNSIGNED;
	if (num_any(s, v) == 0)
		return 0;
	*kind = AXIS_REAL;
	if (num_f64(s, &d) < 0)
		return -1;
	memcpy(v, &d, sizeof d);
	return 0;
}

static bool
add_row(const struct table *t, const int *column, const char *path)
{
	enum axis_kind kind[FIELDS];
	uint64_t v[FIELDS];
	bool same = true;

	for (unsigned i = 0; i < fields(); i++) {
		struct slice cell = slice_trim(t->cell[column[i]]);
		struct buf where = BUF_INIT;

		if (number(cell, &kind[i], &v[i]) < 0) {
			if (cell.n > 0) {
				buf_printf(&where, "%s:%" PRIu64, path, t->line);
				wrong(buf_str(&where), "no number", cell);
				buf_free(&where);
			}
			return false;
		}
		heat.addr[i] |= cell.n > 1 && cell.p[1] == 'x';
		same &= kind[i] == rows.kind[i];
	}
	if (!same || rows.n == AXIS_CHUNK)
		add_rows();
	for (unsigned i = 0; i < fields(); i++) {
		rows.kind[i] = kind[i];
		rows.v[i][rows.n] = v[i];
	}
	rows.n++;
	return true;
}

static void
read_table(int fd, const char *path, const struct kind_input *in)
{
	struct table *t = table_new(fd, in->first, in->n);
	int column[FIELDS], got = table_header(t);

	for (unsigned i = 0; got > 0 && i < fields(); i++) {
		column[i] = table_column(t, heat.name[i]);
		if (column[i] < 0) {
			struct buf names = BUF_INIT;

			for (unsigned c = 0; c < t->columns; c++)
				buf_printf(&names, " %.*s", SLICE_ARG(t->name[c]));
			tool_die("%s: no column %.*s; there are:%s", path, SLICE_ARG(heat.name[i]),
			    buf_str(&names));
		}
	}
	while (got != 0 && (got = table_next(t)) != 0) {
		heat.records += got > 0 || !table_failed(t);
		if (got < 0)
			wrong(path, "line", slice_of(t->error.text));
		if (got < 0 ? !table_failed(t) : !add_row(t, column, path))
			heat.without++;
		tool_progress(fd, heat.records, table_offset(t));
	}
	add_rows();
	for (size_t i = 0; i < t->words; i++) {
		uint64_t n;

		if (slice_eq(t->word[i].key, SLICE("lost")) && num_u64(t->word[i].value, &n) == 0)
			losses_add(&heat.losses,
			    i + 1 < t->words && slice_eq(t->word[i + 1].key, SLICE("why"))
				? t->word[i + 1].value
				: SLICE("unknown"),
			    n);
	}
	table_free(t);
}

static void
read_input(int fd, const char *path, void *context)
{
	struct kind_input in;
	enum kind kind;

	(void)context;
	if (kind_of(&in, fd, &kind) < 0) {
		tool_warn("%s: %s", path, strerror(errno));
		tool_status(2);
	} else if (kind == KIND_TRACE) {
		read_trace(fd, path, &in);
	} else if (kind == KIND_TABLE || kind == KIND_HISTOGRAM) {
		read_table(fd, path, &in);
	} else if (kind != KIND_EMPTY || in.n > 0) {
		tool_die("%s: %s: heat reads traces, and tables with a header", path,
		    kind_name(kind == KIND_EMPTY ? KIND_UNKNOWN : kind));
	}
}

/* ---- options ---- */

static struct axis_number
range_end(const char *option, const char *arg, struct slice s)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	struct slice rest = minus ? (struct slice){ s.p + 1, s.n - 1 } : s;
	struct axis_number n = { 0 };
	uint64_t v;

	if (num_any(rest, &v) == 0) {
		n.i = minus ? -(__int128)v : (__int128)v;
		return n;
	}
	n.real = true;
	if (num_f64(s, &n.d) == 0)
		return n;
	n.real = false;
	if (num_duration(rest, &v) < 0 && num_size(rest, &v) < 0)
		tool_usage_error("%s %s: not two numbers LO,HI", option, arg);
	n.i = minus ? -(__int128)v : (__int128)v;
	return n;
}

static void
parse_range(const char *option, const char *arg, struct axis_scheme *s)
{
	struct slice rest = slice_of(arg), lo = slice_cut(&rest, ',');

	s->ranged = true;
	s->lo = range_end(option, arg, lo);
	s->hi = range_end(option, arg, rest);
}

static void
parse_bins(const char *arg, struct axis_scheme *x, struct axis_scheme *y)
{
	struct slice rest = slice_of(arg), nx = slice_cut(&rest, 'x');
	uint64_t a, b;

	if (num_u64(nx, &a) < 0 || num_u64(rest, &b) < 0 || a < 1 || b < 1 || a > AXIS_BINS_MAX ||
	    b > AXIS_BINS_MAX)
		tool_usage_error("--bins %s: not NXxNY of 1 to %d", arg, AXIS_BINS_MAX);
	x->bins = (uint32_t)a;
	y->bins = (uint32_t)b;
}

static void
parse_axes(const char *option, const char *arg, bool *x, bool *y)
{
	for (const char *p = arg; *p; p++)
		if (*p == 'x')
			*x = true;
		else if (*p == 'y')
			*y = true;
		else
			tool_usage_error("%s %s: not x, y or xy", option, arg);
}

/* ---- output ---- */

static struct matrix_axis
axis_of(unsigned i)
{
	struct slice name = heat.name[i];
	const struct axis *a = i == 0 ? &heat.grid.x : &heat.grid.y;
	struct matrix_axis m = { name, SLICE("") };

	if (heat.addr[i] && !a->reals)
		m.unit = SLICE("addr");
	else if (slice_eq(name, SLICE("t")))
		m.unit = heat.clock;
	else if (slice_ends(name, SLICE("_ns")))
		m.unit = SLICE("ns");
	else if (slice_eq(name, SLICE("size")) || slice_ends(name, SLICE("_size")) ||
		 slice_ends(name, SLICE("_bytes")))
		m.unit = SLICE("bytes");
	return m;
}

static void
write_out(bool picture, const struct winsize *w, bool utf8)
{
	struct matrix_names names = { axis_of(0), axis_of(1), heat.name[2], heat.without };
	struct buf losses = BUF_INIT, out = BUF_INIT;
	struct matrix *m;

	grid_settle(&heat.grid, heat.addr[0], heat.addr[1]);
	m = matrix_new(&heat.grid, &names);
	losses_put(&heat.losses, &losses);
	if (picture)
		matrix_picture(m, buf_view(&losses), w->ws_col, w->ws_row, utf8, &out);
	else
		matrix_put_head(m, buf_view(&losses), &out);
	for (uint32_t y = 0; y < heat.grid.y.bins && !picture; y++) {
		matrix_put_row(m, y, &out);
		if (out.n > 1 << 20 && fwrite(out.p, 1, out.n, tool_out()) == out.n)
			out.n = 0;
	}
	fwrite(out.p, 1, out.n, tool_out());
	matrix_free(m);
	buf_free(&out);
	buf_free(&losses);
}

static void
report(void)
{
	if (heat.grid.points == 0 && heat.records > 0) {
		tool_warn("no record has the fields %.*s, %.*s%s%.*s; there are:%s",
		    SLICE_ARG(heat.name[0]), SLICE_ARG(heat.name[1]), heat.name[2].n ? ", " : "",
		    SLICE_ARG(heat.name[2]), buf_str(&heat.others));
		tool_status(2);
	} else if (heat.grid.refused[AXIS_NOT_POSITIVE] > 0) {
		tool_warn("%" PRIu64 " points are 0 or less: not on a logarithmic axis",
		    heat.grid.refused[AXIS_NOT_POSITIVE]);
	}
}

int
main(int argc, char **argv)
{
	struct axis_scheme x = { 0 }, y = { 0 };
	struct winsize w = { 0 };
	const char *arg, *lang = "";
	bool picture = false, utf8;
	struct error e;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 'x':
			heat.name[0] = slice_of(arg);
			break;
		case 'y':
			heat.name[1] = slice_of(arg);
			break;
		case 'w':
			heat.name[2] = slice_of(arg);
			break;
		case BINS:
			parse_bins(arg, &x, &y);
			break;
		case LOG:
			parse_axes("--log", arg, &x.log, &y.log);
			break;
		case X_RANGE:
			parse_range("--x-range", arg, &x);
			break;
		case Y_RANGE:
			parse_range("--y-range", arg, &y);
			break;
		case COMPACT:
			parse_axes("--compact", arg ? arg : "y", &x.compact, &y.compact);
			break;
		case SHADES:
			picture = true;
			break;
		}
	if (heat.name[0].n == 0 || heat.name[1].n == 0)
		tool_usage_error("-x FIELD and -y FIELD say what the axes are");
	for (unsigned i = 0; i < 3 && !*lang; i++) {
		static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

		lang = getenv(names[i]) ? getenv(names[i]) : "";
	}
	utf8 = strcasestr(lang, "UTF-8") || strcasestr(lang, "UTF8");
	picture |= tool_output() == NULL && isatty(STDOUT_FILENO);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0 || w.ws_row == 0)
		w = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	if (x.bins == 0 && picture)
		matrix_room(w.ws_col, w.ws_row, &x.bins, &y.bins);
	else if (x.bins == 0)
		x.bins = y.bins = 256;
	if (grid_init(&heat.grid, &x, &y, heat.name[2].n > 0, &e) < 0)
		tool_usage_error("%s", e.text);
	tool_inputs(read_input, NULL);
	report();
	write_out(picture, &w, utf8);
	return tool_end();
}
