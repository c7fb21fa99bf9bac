/* heat - two fields to a matrix of counts; see leat-heat(1) */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/num.h"
#include "flow/heat.h"
#include "flow/picture.h"
#include "form/kind.h"
#include "form/matrix.h"
#include "form/table.h"
#include "tool/tool.h"

enum {
	BINS = 256,
	LOG,
	X_RANGE,
	Y_RANGE,
	COMPACT,
	SHADES,
	MEMORY,
	WHOLE,
	BINS_DEFAULT = 256,
	MEMORY_X = 128, /* bins that can be told apart in a column of a paper */
	MEMORY_Y = 128,
	LIVES = 4000,
	FINER = 8
};

static const struct tool_option options[] = {
	{ 'x', "x", "FIELD", "the field of the horizontal axis" },
	{ 'y', "y", "FIELD", "the field of the vertical axis" },
	{ 'w', "weight", "FIELD", "add up FIELD instead of counting" },
	{ BINS, "bins", "NXxNY", "at most so many bins (default 256x256)" },
	{ LOG, "log", "AXES", "logarithmic axes: x, y or xy" },
	{ X_RANGE, "x-range", "LO,HI", "from LO to below HI (units: 10us,1.5ms 4KiB 0x1000)" },
	{ Y_RANGE, "y-range", "LO,HI", "the same of the vertical axis" },
	{ COMPACT, "compact", "[AXES]", "squeeze out gaps between addresses (default y)" },
	{ MEMORY, "memory", NULL, "accesses by time and address, with the lives of objects" },
	{ 'd', "depth", "N", "memory: the innermost N functions are a site" },
	{ WHOLE, "whole", NULL, "memory: objects that were not accessed, too" },
	{ SHADES, "shades", NULL, "a picture of characters, as on a terminal" },
	{ 0 },
};
static const struct tool_spec spec = { "heat", "two fields to a matrix of counts",
	"[TRACE|TABLE...]", options, TOOL_TABLE_OUT };

static struct grid grid;
static struct heat heat;
static struct picture *picture; /* --memory */
static uint64_t wrongs;

/* What is wrong in many places is told of the first; the rest are counted. */
static void
wrong(const struct error *e)
{
	if (wrongs++ == 0)
		tool_warn("%s", e->text);
	tool_status(2);
}

static void
one_block(struct trace_reader *reader, const char *path, struct trace_block *b)
{
	struct error e, told;

	if (picture && picture_block(picture, b, &e) < 0)
		tool_die("%s: %s", tool_where(path, reader), e.text);
	if (!picture && heat_block(&heat, b, &e) < 0) {
		error_set(&told, "%s: %s", tool_where(path, reader), e.text);
		wrong(&told);
	}
}

static void
read_table(int fd, const char *path, const struct kind_input *in)
{
	struct table *t = table_new(fd, in->first, in->n);
	struct error e, told;
	int got = table_header(t);

	if (got > 0 && heat_header(&heat, t, &e) < 0)
		tool_die("%s: %s", path, e.text);
	for (; got != 0 && (got = got < 0 ? got : table_next(t)) != 0; got = !table_failed(t)) {
		if (got < 0) {
			error_set(&told, "%s:%s", path, t->error.text);
			wrong(&told);
			heat.records += !table_failed(t);
			heat.without += !table_failed(t);
		} else if (heat_row(&heat, t, &e) < 0) {
			error_set(&told, "%s:%" PRIu64 ": %s", path, t->line, e.text);
			wrong(&told);
		}
		tool_progress(fd, heat.records, table_offset(t));
	}
	if (heat.rows)
		heat_table_end(&heat, t);
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
		tool_blocks(fd, path, in.first, in.n, one_block);
	} else if (picture && kind != KIND_EMPTY) {
		tool_die("%s: %s: --memory is of traces", path, kind_name(kind));
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

static bool
speaks_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *locale = NULL;

	for (unsigned i = 0; i < 3 && (locale == NULL || *locale == '\0'); i++)
		locale = getenv(names[i]);
	return locale && (strcasestr(locale, "UTF-8") || strcasestr(locale, "UTF8"));
}

static void
put_matrix(const struct grid *g, const struct matrix_names *names, struct slice lines, bool shades,
    struct winsize w)
{
	struct matrix *m = matrix_new(g, names);
	struct buf out = BUF_INIT;

	if (shades)
		matrix_picture(m, lines, w.ws_col, w.ws_row, speaks_utf8(), &out);
	else
		matrix_put_head(m, lines, &out);
	for (uint32_t y = 0; y < g->y.bins && !shades; y++) {
		matrix_put_row(m, y, &out);
		if (out.n > 1 << 20 && fwrite(out.p, 1, out.n, tool_out()) == out.n)
			out.n = 0;
	}
	fwrite(out.p, 1, out.n, tool_out());
	matrix_free(m);
	buf_free(&out);
}

static void
write_out(bool shades, struct winsize w)
{
	struct matrix_names names = { { heat.name[HEAT_X], heat_unit(&heat, HEAT_X) },
		{ heat.name[HEAT_Y], heat_unit(&heat, HEAT_Y) }, heat.name[HEAT_W], heat.without,
		NULL, NULL };
	struct buf losses = BUF_INIT;

	grid_settle(
	    &grid, slice_eq(names.x.unit, SLICE("addr")), slice_eq(names.y.unit, SLICE("addr")));
	losses_put(&heat.losses, &losses);
	put_matrix(&grid, &names, buf_view(&losses), shades, w);
	buf_free(&losses);
}

/* ---- --memory ---- */

static struct picture *by_weight_of;

static int
by_weight(const void *pa, const void *pb)
{
	const uint32_t *a = pa, *b = pb;
	const struct picture_site *x = &by_weight_of->sum[*a], *y = &by_weight_of->sum[*b];

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	if (x->objects != y->objects)
		return x->objects < y->objects ? 1 : -1;
	return slice_cmp(by_weight_of->site.name[*a], by_weight_of->site.name[*b]);
}

/* The lines between the first one and the header: what was seen, sites, the hottest first, lives. */
static void
memory_lines(struct buf *to)
{
	const struct picture *p = picture;
	uint32_t *order = xcalloc(p->sums + 1, sizeof *order),
		 *number = xcalloc(p->sums + 1, sizeof *number), n = 0;

	buf_printf(to,
	    "# memory start=%" PRId64 " end=%" PRId64 " accesses=%" PRIu64 " weight=%" PRIu64
	    " unjoined=%" PRIu64 " processes=%" PRIu64 " busiest=%" PRId64 "\n",
	    p->start, p->end, p->accesses, p->weight, p->unjoined, p->processes, p->busiest);
	for (uint32_t i = 0; i < p->sums; i++)
		if (p->sum[i].objects > 0 || p->sum[i].accesses > 0)
			order[n++] = i;
	by_weight_of = picture;
	qsort(order, n, sizeof *order, by_weight);
	for (uint32_t i = 0; i < n; i++) {
		const struct picture_site *s = &p->sum[order[i]];

		number[order[i]] = i + 1;
		buf_printf(to,
		    "# site n=%" PRIu32 " accesses=%" PRIu64 " weight=%" PRIu64 " reads=%" PRIu64
		    " writes=%" PRIu64 " objects=%" PRIu64,
		    i + 1, s->accesses, s->weight, s->reads, s->writes, s->objects);
		table_put_word(to, "name", p->site.name[order[i]]);
		buf_char(to, '\n');
	}
	for (size_t i = 0; i < p->lives; i++) {
		const struct picture_life *l = &p->life[i];

		buf_printf(to,
		    "# life site=%" PRIu32 " x_lo=%" PRId64 " x_hi=%" PRId64 " y_lo=0x%" PRIx64
		    " y_hi=0x%" PRIx64 " objects=%" PRIu64 "\n",
		    number[l->site], l->from, l->to, l->lo, l->hi, l->objects);
	}
	losses_put(&p->losses, to);
	free(order);
	free(number);
}

static void
write_memory(bool shades, struct winsize w)
{
	struct matrix_names names = { { SLICE("t"), SLICE("ns") }, { SLICE("addr"), SLICE("addr") },
		picture->o.weight, picture->without, NULL, NULL };
	struct buf lines = BUF_INIT;
	struct error e;

	if (picture_end(picture, LIVES, &e) < 0)
		tool_usage_error("%s", e.text);
	names.reads = &picture->reads;
	names.writes = &picture->writes;
	if (picture->records > 0 && picture->accesses == 0 && !picture->o.whole) {
		tool_warn("no access among %" PRIu64
			  " records: leat record --mem and leat interpose --touch make them; "
			  "--whole shows what was allocated",
		    picture->records);
		tool_status(2);
	} else if (picture->unjoined > 0) {
		tool_warn("%" PRIu64 " of %" PRIu64
			  " accesses have no kind: leat join says which objects they fall into",
		    picture->unjoined, picture->accesses);
	}
	if (shades)
		losses_put(&picture->losses, &lines);
	else
		memory_lines(&lines);
	put_matrix(&picture->all, &names, buf_view(&lines), shades, w);
	buf_free(&lines);
}

static void
report(void)
{
	if (grid.points == 0 && heat.records > 0 && wrongs == 0) {
		tool_warn("no record has the fields %.*s, %.*s%s%.*s; there are:%s",
		    SLICE_ARG(heat.name[HEAT_X]), SLICE_ARG(heat.name[HEAT_Y]),
		    grid.weighted ? ", " : "", SLICE_ARG(heat.name[HEAT_W]),
		    heat.others.n ? buf_str(&heat.others) : " no others");
		tool_status(2);
	}
	if (wrongs > 1)
		tool_warn("and in %" PRIu64 " more places", wrongs - 1);
	if (grid.refused[AXIS_NOT_POSITIVE] > 0)
		tool_warn("%" PRIu64 " points are 0 or less: not on a logarithmic axis",
		    grid.refused[AXIS_NOT_POSITIVE]);
}

int
main(int argc, char **argv)
{
	struct axis_scheme x = { 0 }, y = { 0 };
	struct slice name[HEAT_FIELDS] = { 0 };
	struct winsize w = { 0 };
	bool shades = false, memory = false, whole = false;
	unsigned depth = 0;
	const char *arg;
	struct error e;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 'x':
			name[HEAT_X] = slice_of(arg);
			break;
		case 'y':
			name[HEAT_Y] = slice_of(arg);
			break;
		case 'w':
			name[HEAT_W] = slice_of(arg);
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
			shades = true;
			break;
		case MEMORY:
			memory = true;
			break;
		case 'd':
			depth = (unsigned)tool_number("-d", arg, 1, 1000000);
			break;
		case WHOLE:
			whole = true;
			break;
		}
	if (memory && (name[HEAT_X].n > 0 || name[HEAT_Y].n > 0))
		tool_usage_error("--memory: its axes are time and address");
	if ((whole || depth) && !memory)
		tool_usage_error("%s is for --memory", whole ? "--whole" : "-d");
	y.compact |= memory;
	if (!memory && (name[HEAT_X].n == 0 || name[HEAT_Y].n == 0))
		tool_usage_error("-x FIELD and -y FIELD say what the axes are");
	shades |= tool_output() == NULL && isatty(STDOUT_FILENO);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0 || w.ws_row == 0)
		w = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	if (x.bins == 0 && shades) {
		/* Bins that share a character let the picture fill its room. */
		matrix_room(w.ws_col, w.ws_row, &x.bins, &y.bins);
		x.bins *= x.compact ? 1 : FINER;
		y.bins *= y.compact ? 1 : FINER;
	} else if (x.bins == 0) {
		x.bins = memory ? MEMORY_X : BINS_DEFAULT;
		y.bins = memory ? MEMORY_Y : BINS_DEFAULT;
	}
	if (memory) {
		struct picture_options o = { x, y,
			name[HEAT_W].n > 0 ? name[HEAT_W] : SLICE("weight"), depth, whole };

		picture = picture_new(&o);
		tool_inputs(read_input, NULL);
		write_memory(shades, w);
		picture_free(picture);
		return tool_end();
	}
	if (grid_init(&grid, &x, &y, name[HEAT_W].n > 0, &e) < 0)
		tool_usage_error("%s", e.text);
	heat_init(&heat, &grid, name[HEAT_X], name[HEAT_Y], name[HEAT_W]);
	tool_inputs(read_input, NULL);
	report();
	write_out(shades, w);
	heat_free(&heat);
	grid_free(&grid);
	return tool_end();
}
