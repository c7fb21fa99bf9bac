#include <math.h>

#include "base/num.h"
#include "plot/gnuplot.h"

enum { NOTE_WIDTH = 68 }; /* characters of a line beneath the title */

static const char *const terminal_names[] = { "png", "svg", "pdf", "dumb", "canvas", "qt" };

enum gnuplot_terminal
gnuplot_terminal(struct slice name)
{
	unsigned i = 0;

	while (i < GNUPLOT_TERMINALS && !slice_eq(name, slice_of(terminal_names[i])))
		i++;
	return (enum gnuplot_terminal)i;
}

enum gnuplot_terminal
gnuplot_terminal_of_file(struct slice path)
{
	static const struct {
		struct slice suffix;
		enum gnuplot_terminal terminal;
	} of[] = {
		{ { ".png", 4 }, GNUPLOT_PNG },
		{ { ".svg", 4 }, GNUPLOT_SVG },
		{ { ".pdf", 4 }, GNUPLOT_PDF },
		{ { ".txt", 4 }, GNUPLOT_DUMB },
		{ { ".html", 5 }, GNUPLOT_CANVAS },
		{ { ".htm", 4 }, GNUPLOT_CANVAS },
	};

	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
		if (slice_ends(path, of[i].suffix))
			return of[i].terminal;
	return GNUPLOT_TERMINALS;
}

enum gnuplot_palette
gnuplot_palette(struct slice name)
{
	static const char *const names[] = { "viridis", "cividis", "grey" };
	unsigned i = 0;

	while (i < GNUPLOT_PALETTES && !slice_eq(name, slice_of(names[i])))
		i++;
	return (enum gnuplot_palette)i;
}

/* ---- text ---- */

/* The bytes of the UTF-8 character at p, 0 where there is none: no overlong forms, surrogates, or beyond U+10FFFF. */
static size_t
utf8(const unsigned char *p, size_t n)
{
	size_t length = p[0] < 0x80   ? 1
			: p[0] < 0xc2 ? 0
			: p[0] < 0xe0 ? 2
			: p[0] < 0xf0 ? 3
			: p[0] < 0xf5 ? 4
				      : 0;

	if (length > n)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return length;
}

size_t
gnuplot_length(struct slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static void
cleaned(struct buf *b, struct slice text)
{
	const unsigned char *p = (const unsigned char *)text.p;

	for (size_t i = 0; i < text.n;) {
		size_t length = utf8(p + i, text.n - i);

		if (length == 0) {
			buf_slice(b, SLICE("\xef\xbf\xbd"));
			length = 1;
		} else if (p[i] == '\n' || p[i] == '\t') {
			buf_slice(b, p[i] == '\n' ? SLICE("\\n") : SLICE("\\t"));
		} else if (p[i] < ' ' || p[i] == 0x7f) {
			buf_printf(b, "\\x%02x", p[i]);
		} else if (length == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0) {
			buf_printf(b, "\\u%04x", p[i + 1]); /* C1 controls */
		} else if (length == 3 && p[i] == 0xef && p[i + 1] == 0xbf && p[i + 2] >= 0xbe) {
			buf_slice(b, SLICE("\xef\xbf\xbd")); /* U+FFFE, U+FFFF are not XML */
		} else {
			buf_put(b, p + i, length);
		}
		i += length;
	}
}

/* The byte at which character number c begins. */
static size_t
place(struct slice s, size_t c)
{
	size_t i = 0;

	for (; i < s.n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80 && c-- == 0)
			break;
	return i;
}

void
gnuplot_clean(struct buf *b, struct slice text, size_t max)
{
	size_t start = b->n, length;
	struct slice all;

	cleaned(b, text);
	all = (struct slice){ b->p + start, b->n - start };
	length = gnuplot_length(all);
	if (max > 0 && length > max) {
		size_t head = place(all, (max - 1) / 2), tail = place(all, length - max / 2);
		struct buf end = BUF_INIT;

		buf_put(&end, all.p + tail, all.n - tail);
		b->n = start + head;
		buf_slice(b, SLICE("\xe2\x80\xa6"));
		buf_slice(b, buf_view(&end));
		buf_free(&end);
	}
}

static void
quote(struct buf *b, struct slice text, size_t max, char doubled)
{
	struct buf clean = BUF_INIT;

	gnuplot_clean(&clean, text, max);
	buf_char(b, '\'');
	for (size_t i = 0; i < clean.n; i++) {
		/* Doubling a quote is not enough: gnuplot 5.4 reads two at the beginning as a string of its own. */
		if (clean.p[i] == '\'') {
			buf_slice(b, SLICE("\xe2\x80\x99"));
			continue;
		}
		if (clean.p[i] == doubled)
			buf_char(b, clean.p[i]);
		buf_char(b, clean.p[i]);
	}
	buf_char(b, '\'');
	buf_free(&clean);
}

void
gnuplot_quote(struct buf *b, struct slice text, size_t max)
{
	quote(b, text, max, '\0');
}

void
gnuplot_quote_tick(struct buf *b, struct slice text, size_t max)
{
	quote(b, text, max, '%');
}

void
gnuplot_number(struct buf *b, double v)
{
	if (isfinite(v))
		buf_printf(b, "%.12g", v == 0 ? 0 : v);
	else
		buf_slice(b, SLICE("NaN"));
}

/* ---- colours ---- */

const char *
gnuplot_colour(size_t i)
{
	static const char *const colour[GNUPLOT_COLOURS] = { "#0072B2", "#E69F00", "#009E73",
		"#D55E00", "#56B4E9", "#CC79A7", "#000000" };

	return colour[i % GNUPLOT_COLOURS];
}

unsigned
gnuplot_dash(size_t i)
{
	return (unsigned)((i + i / GNUPLOT_COLOURS) % 5) + 1;
}

unsigned
gnuplot_mark(size_t i)
{
	static const unsigned mark[] = { 7, 5, 9, 11, 13, 6, 4, 8, 10, 12 };

	return mark[(i + i / GNUPLOT_COLOURS) % 10];
}

void
gnuplot_put_palette(struct buf *b, enum gnuplot_palette palette)
{
	static const char *const colours[][10] = {
		{ "#440154", "#482878", "#3E4A89", "#31688E", "#26828E", "#1F9E89", "#35B779",
		    "#6DCD59", "#B4DE2C", "#FDE725" },
		{ "#00204D", "#00336F", "#39486B", "#575C6D", "#707173", "#8A8779", "#A69D75",
		    "#C4B56C", "#E4CF5B", "#FFEA46" },
		{ "#DDDDDD", "#C8C8C8", "#B0B0B0", "#989898", "#808080", "#686868", "#505050",
		    "#383838", "#202020", "#000000" },
	};

	buf_slice(b, SLICE("set palette maxcolors 256 defined ("));
	for (unsigned i = 0; i < 10; i++)
		buf_printf(b, "%s%u '%s'", i ? ", " : "", i, colours[palette][i]);
	buf_slice(b, SLICE(")\n"));
}

/* ---- the page ---- */

/* The page of the canvas terminal takes its scripts, style and icons from files: they become part of it, so that it can be
 * sent and kept. Its buttons name functions without calling them. And text cannot end the script that holds it: "</" in a
 * string of JavaScript is the same as "<\/". No single quotes: this is a word of sh. */
static const char canvas_filter[] =
    "awk '/excanvas.js/ || /popup_help/ || /help_URL/ { next } "
    "match($0, /(src|href)=\"[^\"]*\\.(js|css)\"/) { "
    "file = substr($0, RSTART, RLENGTH); css = file ~ /^href/; "
    "sub(/^[a-z]*=\"/, \"\", file); sub(/\"$/, \"\", file); "
    "print css ? \"<style>\" : \"<script>\"; "
    "while ((getline line < file) > 0) print line; close(file); "
    "print css ? \"</style>\" : \"</script>\"; next } "
    "/<td class=\"icon\" onclick=gnuplot/ { "
    "title = \"\"; if (match($0, /title=\"[^\"]*\"/)) title = substr($0, RSTART, RLENGTH); "
    "sub(/<td class=\"icon\"/, \"<td class=\\\"icon\\\" \" title); "
    "sub(/<img [^>]*grid.png[^>]*>/, \"#\"); sub(/<img [^>]*previouszoom.png[^>]*>/, \"-\"); "
    "sub(/<img [^>]*nextzoom.png[^>]*>/, \"+\"); sub(/<img [^>]*textzoom.png[^>]*>/, \"A\"); "
    "if ($0 !~ /onclick=[^>]*\\(/) sub(/onclick=[a-z_.]*/, \"&()\") } "
    "/^T[A-Z]*\\(/ { gsub(/<[\\/]/, \"<\\\\/\"); gsub(/<!/, \"<\\\\!\") } { print }'";

/* cairo writes the date of its making into a PDF; as many bytes of another keep every offset in the file. It cannot write
 * to a pipe that gnuplot opened, and so the picture is made in a file. */
static const char pdf_filter[] =
    "LC_ALL=C sed 's/\\/CreationDate (D:[0-9]\\{14\\}/\\/CreationDate (D:20000101000000/' ";

/* A word of sh: 'it'\''s'. */
static void
shell_word(struct buf *b, struct slice s)
{
	buf_char(b, '\'');
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\'')
			buf_slice(b, SLICE("'\\''"));
		else
			buf_char(b, s.p[i]);
	buf_char(b, '\'');
}

/* A string in which gnuplot expands nothing, of bytes as they are: 'it'."'".'s'. */
static void
raw_string(struct buf *b, struct slice s)
{
	buf_char(b, '\'');
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\'')
			buf_slice(b, SLICE("'.\"'\".'"));
		else
			buf_char(b, s.p[i]);
	buf_char(b, '\'');
}

static void
put_output(struct buf *b, const struct gnuplot_page *page)
{
	struct buf text = BUF_INIT;

	/* A name that begins with | would be a command to gnuplot. */
	if (page->output.n > 0 && page->output.p[0] == '|')
		buf_slice(&text, SLICE("./"));
	buf_slice(&text, page->output);
	if (page->terminal == GNUPLOT_PDF) {
		buf_slice(b, SLICE("leat_file = system('mktemp')\nset output leat_file\n"));
	} else if (page->terminal == GNUPLOT_CANVAS) {
		struct buf command = BUF_INIT;

		buf_printf(&command, "| %s", canvas_filter);
		if (page->output.n > 0) {
			buf_slice(&command, SLICE(" >"));
			shell_word(&command, page->output);
		}
		buf_slice(b, SLICE("set output "));
		raw_string(b, buf_view(&command));
		buf_char(b, '\n');
		buf_free(&command);
	} else if (page->output.n > 0) {
		buf_slice(b, SLICE("set output "));
		raw_string(b, buf_view(&text));
		buf_char(b, '\n');
	}
	buf_free(&text);
}

void
gnuplot_end(struct buf *b, const struct gnuplot_page *page)
{
	struct buf command = BUF_INIT;

	buf_slice(b, SLICE("unset output\n"));
	if (page->terminal != GNUPLOT_PDF)
		return;
	buf_slice(&command, slice_of(pdf_filter));
	buf_slice(b, SLICE("system "));
	raw_string(b, buf_view(&command));
	buf_slice(b, SLICE(".leat_file."));
	command.n = 0;
	if (page->output.n > 0) {
		buf_slice(&command, SLICE(" >"));
		shell_word(&command, page->output);
	}
	raw_string(b, buf_view(&command));
	buf_slice(b, SLICE("\nsystem 'rm -f '.leat_file\n"));
	buf_free(&command);
}

/* Heights that are usual: pixels; inches for PDF, characters for dumb. */
static const double usual_height[] = { 720, 400, 2.4, 24, 600, 600 };

static double
page_height(const struct gnuplot_page *page)
{
	/* 16 lines fit beside a graph of the usual height. */
	double more = page->side_rows > 16 ? (page->side_rows + 4) / 20.0 : 1;

	/* gnuplot's terminals have limits; nobody reads a figure that is taller. */
	return page->height > 0 ? page->height
				: round(usual_height[page->terminal] * fmin(more, 8) * 100) / 100;
}

static double
font_size(enum gnuplot_terminal terminal)
{
	static const double size[] = { 24, 13, 8, 10, 12, 11 };

	return size[terminal];
}

static void
put_font(struct buf *b, const struct gnuplot_page *page, const char *family)
{
	const char *comma = page->font.n ? memrchr(page->font.p, ',', page->font.n) : NULL;
	struct buf font = BUF_INIT;

	if (page->font.n > 0)
		buf_slice(&font, page->font);
	else
		buf_slice(&font, slice_of(family));
	if (comma == NULL)
		buf_printf(&font, ",%g", font_size(page->terminal));
	buf_slice(b, SLICE(" font "));
	gnuplot_quote(b, buf_view(&font), 0);
	buf_free(&font);
}

static double or (double given, double otherwise)
{
	return given > 0 ? given : otherwise;
}

static void
put_terminal(struct buf *b, const struct gnuplot_page *page)
{
	double w = page->width, h = page_height(page);

	switch (page->terminal) {
	case GNUPLOT_SVG:
		buf_printf(b,
		    "set terminal svg noenhanced size %g,%g dynamic background '#ffffff' linewidth "
		    "1.2",
		    or (w, 600), h);
		put_font(b, page, "Helvetica,Arial,sans-serif");
		break;
	case GNUPLOT_PDF:
		buf_printf(b,
		    "set terminal pdfcairo noenhanced color size %gin,%gin linewidth 1.2 "
		    "pointscale 0.5",
		    or (w, 3.5), h);
		put_font(b, page, "");
		break;
	case GNUPLOT_DUMB:
		buf_printf(b, "set terminal dumb noenhanced size %g,%g", or (w, 79), h);
		break;
	case GNUPLOT_CANVAS:
		buf_printf(b,
		    "set terminal canvas standalone mousing noenhanced size %g,%g linewidth 1.5",
		    or (w, 900), h);
		put_font(b, page, "");
		break;
	case GNUPLOT_QT:
		buf_printf(b, "set terminal qt persist noenhanced size %g,%g linewidth 1.5",
		    or (w, 900), h);
		put_font(b, page, "");
		break;
	default:
		buf_printf(b,
		    "set terminal pngcairo noenhanced size %g,%g linewidth 2.4 pointscale 1.5 "
		    "dashlength 0.45",
		    or (w, 1050), h);
		put_font(b, page, "");
	}
	buf_char(b, '\n');
	if (page->guess && page->terminal == GNUPLOT_PNG) {
		/* The status of test(1) says where the picture would go. */
		buf_slice(b, SLICE("system 'test -t 1'\nif (GPVAL_SYSTEM_ERRNO == 0) set terminal "
				   "dumb noenhanced size 79,24\n"));
	}
	put_output(b, page);
}

/* Lines of at most NOTE_WIDTH characters, broken at blanks. */
static size_t
wrap(struct buf *to, const char *notes)
{
	struct slice rest = slice_of(notes);
	size_t lines = 0;

	while (rest.n > 0) {
		struct slice line = slice_cut(&rest, '\n');

		while (line.n > 0) {
			size_t end = line.n;

			if (gnuplot_length(line) > NOTE_WIDTH) {
				size_t limit = place(line, NOTE_WIDTH);
				const char *blank = memrchr(line.p, ' ', limit);

				end = blank && blank > line.p ? (size_t)(blank - line.p) : limit;
			}
			buf_put(to, line.p, end);
			buf_char(to, '\n');
			lines++;
			line = slice_trim((struct slice){ line.p + end, line.n - end });
		}
	}
	return lines;
}

/* Above the graph, from below: legend, notes, title. The margin has room for all of them. */
static void
put_top(struct buf *b, const struct gnuplot_page *page)
{
	double small = page->terminal == GNUPLOT_DUMB ? 1 : 0.85;
	double at = page->key_rows > 0 ? 1.15 * page->key_rows + 0.7 : 0.6;
	struct buf notes = BUF_INIT;
	size_t lines = wrap(&notes, page->notes ? page->notes : "");
	struct slice rest = buf_view(&notes);

	for (size_t i = 0; i < lines; i++) {
		buf_printf(b, "set label %zu ", 1001 + i);
		gnuplot_quote(b, slice_cut(&rest, '\n'), 0);
		buf_printf(b,
		    " at screen 0.5, graph 1 center offset character 0,%.4g font ',%g' textcolor "
		    "rgb '#a02000'\n",
		    at + small * ((double)(lines - i) - 0.5), gnuplot_small(page));
	}
	at += small * (double)lines + (lines > 0 ? 0.2 : 0);
	if (page->title.n > 0) {
		buf_slice(b, SLICE("set label 1000 "));
		gnuplot_quote(b, page->title, 0);
		buf_printf(b, " at screen 0.5, graph 1 center offset character 0,%.4g\n", at + 0.6);
		at += 1.3;
	}
	buf_printf(b, "set tmargin %.4g\n", at + 0.3);
	/* The legend keeps its distance from the graph, however tall that is. */
	if (page->key_rows > 0)
		buf_printf(b,
		    "set key at screen 0.5, graph %.5g center bottom horizontal Left reverse "
		    "samplen 2 spacing 1.1 maxcols %u\n",
		    1 + 0.02 * usual_height[page->terminal] / page_height(page), page->key_columns);
	buf_free(&notes);
}

double
gnuplot_small(const struct gnuplot_page *page)
{
	const char *comma = page->font.n ? memrchr(page->font.p, ',', page->font.n) : NULL;
	double size = 0;

	if (comma)
		num_f64(
		    (struct slice){ comma + 1, page->font.n - (size_t)(comma + 1 - page->font.p) },
		    &size);
	if (size <= 0)
		size = font_size(page->terminal);
	return round(size * 0.8 * 10) / 10;
}

void
gnuplot_begin(struct buf *b, const struct gnuplot_page *page)
{
	buf_slice(b, SLICE("# A script for gnuplot 5.4, data included: gnuplot draws it from "
			   "standard input.\n"));
	put_terminal(b, page);
	buf_slice(b, SLICE("set border 3 lw 0.7 lc rgb '#404040'\n"
			   "set tics nomirror out scale 0.6,0.35\n"
			   "set grid xtics ytics lw 0.5 lt 1 lc rgb '#d8d8d8'\n"
			   "set key noautotitle\n"
			   "set style fill solid 1 noborder\n"
			   "set pointintervalbox 0\n"));
	put_top(b, page);
}
