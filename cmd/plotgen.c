/* plotgen - tables and traces to figures, by gnuplot; see leat-plotgen(1) */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "plot/plot.h"
#include "tool/tool.h"

enum {
	LOG = 256,
	TITLE,
	X_LABEL,
	Y_LABEL,
	X_RANGE,
	Y_RANGE,
	SIZE,
	FONT,
	NAMES,
	INTERVAL,
	LANE,
	BINS,
	SHARE,
	CCDF,
	PALETTE,
	WHERE,
	SITES
};

static const struct tool_option options[] = {
	{ 'x', "x", "COLUMN", "what is on the horizontal axis, by name or number" },
	{ 'y', "y", "COLUMNS", "what is on the vertical axis" },
	{ 'b', "by", "COLUMNS", "a curve, box or bar for each value of these" },
	{ 'T', "terminal", "NAME", "png (default) svg pdf dumb canvas qt" },
	{ 'o', "output", "PICTURE", "gnuplot writes PICTURE: .png .svg .pdf .html .txt" },
	{ TITLE, "title", "TEXT", "stands above the figure" },
	{ X_LABEL, "x-label", "TEXT", "of the horizontal axis, instead of the column's name" },
	{ Y_LABEL, "y-label", "TEXT", "of the vertical axis" },
	{ LOG, "log", "AXES", "logarithmic: x, y, xy or none (default: as the data spans)" },
	{ X_RANGE, "x-range", "LO,HI", "ends of the horizontal axis, with units: 1us,10ms" },
	{ Y_RANGE, "y-range", "LO,HI", "ends of the vertical axis" },
	{ SIZE, "size", "WxH", "pixels; inches for pdf; characters for dumb" },
	{ FONT, "font", "NAME,SIZE", "of all text" },
	{ NAMES, "names", "LIST", "names of the inputs, instead of their files'" },
	{ INTERVAL, "interval", "LO,HI", "bars, lines: columns with the ends of intervals" },
	{ LANE, "lane", "COLUMN", "timeline: what has a lane (default tid, or cpu, or pid)" },
	{ BINS, "bins", "N", "hist: about N bars" },
	{ SHARE, "share", NULL, "hist: shares of each group instead of counts" },
	{ CCDF, "ccdf", NULL, "cdf: the share of what is larger" },
	{ WHERE, "where", "COLUMN=VALUE", "only rows of tables that have it; may be given again" },
	{ SITES, "sites", "N", "memory: so many sites have a colour (default 6)" },
	{ PALETTE, "palette", "NAME", "heat: viridis (default) cividis grey" },
	{ 0 },
};

/* -o is not that of other tools: it names the picture, not what this tool writes. */
static const struct tool_spec spec = { "plotgen",
	"tables and traces to figures: writes a script for gnuplot, data included",
	"KIND [TABLE|TRACE...]", options, 0 };

static struct {
	struct plot_options o;
	struct plot *plot;
	size_t inputs;
	const char *path;
	uint64_t complaints;
	struct where where;
} plotgen;

static void
complain(void *context, const char *what)
{
	(void)context;
	/* The first of many is enough to find the rest. */
	if (plotgen.complaints++ < 10)
		tool_warn("%s:%s", plotgen.path, what);
	tool_status(2);
}

static void
read_trace(struct plot_table *t, struct kind_input *in)
{
	struct trace_reader *reader = trace_reader_new(in->fd);
	struct trace_block *b;
	int got;

	trace_reader_unread(reader, in->first, in->n);
	while ((got = trace_read(reader, &b)) > 0) {
		plot_table_block(t, b);
		tool_progress(in->fd, t->records, trace_reader_offset(reader));
	}
	tool_reader_done(plotgen.path, reader, got);
	if (t->rows == 0 && t->records > 0) {
		tool_warn("%s: no record has all of the fields that are asked for; there are: %s",
		    plotgen.path, plot_table_fields(t));
		tool_status(2);
	}
}

/* "runs/a.tsv" is "a". */
static struct slice
name_of(const char *path)
{
	struct slice s = slice_basename(slice_of(path));
	const char *dot = s.n ? memrchr(s.p, '.', s.n) : NULL;

	if (plotgen.inputs < plotgen.o.names.n)
		return plotgen.o.names.name[plotgen.inputs];
	if (dot && dot > s.p)
		s.n = (size_t)(dot - s.p);
	return s;
}

static void
read_input(int fd, const char *path, void *context)
{
	struct plot_table *t;
	struct kind_input in;
	enum kind kind;
	struct error e;

	(void)context;
	plotgen.path = path;
	plotgen.complaints = 0;
	if (kind_of(&in, fd, &kind) < 0) {
		tool_warn("%s: %s", path, strerror(errno));
		tool_status(2);
		return;
	}
	if (kind == KIND_HISTOGRAM && in.n > 0 && in.first[0] == '{')
		tool_die("%s: a histogram in JSON: leat hist makes a table of it", path);
	if (kind == KIND_FOLDED)
		tool_die("%s: folded stacks: leat flamegraph draws them", path);
	if (kind == KIND_UNKNOWN)
		tool_die("%s: neither a table nor a trace", path);
	if (plotgen.where.n > 0 && (kind == KIND_TRACE || kind == KIND_NUMBERS))
		tool_die("%s: --where is for tables, and this is %s%s", path, kind_name(kind),
		    kind == KIND_TRACE ? ": leat pick chooses records" : "");
	t = plot_table_for(plotgen.plot, kind);
	if ((kind != KIND_TRACE && plot_table_open(t, &in, &e) < 0) ||
	    plot_choose(plotgen.plot, t, &e) < 0)
		tool_die("%s: %s", path, e.text);
	if (kind == KIND_TRACE)
		read_trace(t, &in);
	else
		plot_table_rows(t, complain, NULL);
	if (plotgen.complaints > 10)
		tool_warn("%s: %llu more lines like these", path,
		    (unsigned long long)plotgen.complaints - 10);
	if (tool_is_strict() && t->lost.reasons > 0)
		tool_status(2);
	plot_take(plotgen.plot, t, name_of(path));
	plotgen.inputs++;
}

static void
parse_log(const char *arg)
{
	struct plot_options *o = &plotgen.o;

	if (strcmp(arg, "x") != 0 && strcmp(arg, "y") != 0 && strcmp(arg, "xy") != 0 &&
	    strcmp(arg, "none") != 0)
		tool_usage_error("--log %s: not x, y, xy or none", arg);
	o->log_x = strchr(arg, 'x') ? PLOT_LOG_YES : PLOT_LOG_NO;
	o->log_y = strchr(arg, 'y') ? PLOT_LOG_YES : PLOT_LOG_NO;
}

static void
parse_range(const char *option, const char *arg, struct plot_range *r)
{
	struct slice rest = slice_of(arg);

	if (strchr(arg, ',') == NULL)
		tool_usage_error("%s %s: not LO,HI, of which one may be missing", option, arg);
	r->min = slice_cut(&rest, ',');
	r->max = rest;
}

static void
parse_size(const char *arg)
{
	struct slice rest = slice_of(arg), w = slice_cut(&rest, 'x');
	struct gnuplot_page *page = &plotgen.o.page;

	if (num_f64(w, &page->width) != 0 || num_f64(rest, &page->height) != 0 ||
	    !(page->width > 0 && page->height > 0 && page->width <= 20000 && page->height <= 20000))
		tool_usage_error("--size %s: not a width and a height, such as 800x500", arg);
}

/* The terminal that was named, else what the picture's name ends in, else PNG, or text where gnuplot's standard output
 * is a terminal. */
static void
settle_terminal(const char *terminal)
{
	struct gnuplot_page *page = &plotgen.o.page;

	for (size_t i = 0; i < page->output.n; i++)
		if ((unsigned char)page->output.p[i] < ' ')
			tool_usage_error("-o: a control byte in the name of a picture");
	if (terminal) {
		page->terminal = gnuplot_terminal(slice_of(terminal));
		if (page->terminal == GNUPLOT_TERMINALS)
			tool_usage_error("-T %s: not png, svg, pdf, dumb, canvas or qt", terminal);
	} else if (page->output.n > 0) {
		page->terminal = gnuplot_terminal_of_file(page->output);
		if (page->terminal == GNUPLOT_TERMINALS)
			tool_usage_error("-o %.*s: its name does not end in .png, .svg, .pdf, "
					 ".html or .txt: -T says what it is",
			    SLICE_ARG(page->output));
	} else {
		page->terminal = GNUPLOT_PNG;
		page->guess = true;
	}
}

/* Inches for a picture of pixels, or the other way round: gnuplot would draw nothing that can be seen. */
static void
check_size(void)
{
	const struct gnuplot_page *page = &plotgen.o.page;
	bool inches = page->terminal == GNUPLOT_PDF, text = page->terminal == GNUPLOT_DUMB;
	double least = page->width < page->height ? page->width : page->height;
	double most = page->width < page->height ? page->height : page->width;

	if (most == 0 || text)
		return;
	if (!inches && least < 50)
		tool_usage_error("--size %gx%g: of this picture it is in pixels, such as 800x500",
		    page->width, page->height);
	if (inches && most > 200)
		tool_usage_error(
		    "--size %gx%g: of pdf it is in inches, such as 5x3", page->width, page->height);
}

int
main(int argc, char **argv)
{
	struct plot_options *o = &plotgen.o;
	struct buf script = BUF_INIT;
	const char *arg, *terminal = NULL, *kind;
	struct error e;
	int c;

	tool_begin(&spec, argc, argv);
	while ((c = tool_option_next(&arg)))
		switch (c) {
		case 'x':
			o->x = slice_of(arg);
			break;
		case 'y':
			plot_list_parse(&o->y, slice_of(arg));
			break;
		case 'b':
			plot_list_parse(&o->by, slice_of(arg));
			break;
		case 'T':
			terminal = arg;
			break;
		case 'o':
			o->page.output = slice_of(arg);
			break;
		case TITLE:
			o->page.title = slice_of(arg);
			break;
		case X_LABEL:
			o->x_label = slice_of(arg);
			break;
		case Y_LABEL:
			o->y_label = slice_of(arg);
			break;
		case LOG:
			parse_log(arg);
			break;
		case X_RANGE:
			parse_range("--x-range", arg, &o->x_range);
			break;
		case Y_RANGE:
			parse_range("--y-range", arg, &o->y_range);
			break;
		case SIZE:
			parse_size(arg);
			break;
		case FONT:
			o->page.font = slice_of(arg);
			break;
		case NAMES:
			plot_list_parse(&o->names, slice_of(arg));
			break;
		case INTERVAL:
			plot_list_parse(&o->interval, slice_of(arg));
			if (o->interval.n != 2)
				tool_usage_error("--interval %s: not two columns LO,HI", arg);
			break;
		case LANE:
			o->lane = slice_of(arg);
			break;
		case BINS:
			o->bins = (unsigned)tool_number("--bins", arg, 1, 10000);
			break;
		case SHARE:
			o->share = true;
			break;
		case CCDF:
			o->above = true;
			break;
		case SITES:
			o->sites = (unsigned)tool_number("--sites", arg, 1, 12);
			break;
		case WHERE:
			if (where_add(&plotgen.where, arg, &e) < 0)
				tool_usage_error("--where %s: %s", arg, e.text);
			o->where = &plotgen.where;
			break;
		case PALETTE:
			o->palette = gnuplot_palette(slice_of(arg));
			if (o->palette == GNUPLOT_PALETTES)
				tool_usage_error("--palette %s: not viridis, cividis or grey", arg);
			break;
		}
	kind = tool_operand("KIND");
	o->kind = plot_kind(slice_of(kind));
	if (o->kind == PLOT_KINDS)
		tool_usage_error("%s: no kind of figure; there are: %s", kind, plot_kind_names());
	settle_terminal(terminal);
	check_size();
	plotgen.plot = plot_new(o);
	tool_inputs(read_input, NULL);
	if (plot_write(plotgen.plot, &script, &e) < 0)
		tool_die("%s", e.text);
	fwrite(script.p, 1, script.n, tool_out());
	buf_free(&script);
	plot_free(plotgen.plot);
	where_free(&plotgen.where);
	return tool_end();
}
