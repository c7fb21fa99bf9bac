/* tool.h - what every main() does alike: options, messages, inputs, output, exit
 *
 * Only cmd/ includes this: these functions may print on standard error and end the process.
 *
 *	static const struct tool_option options[] = {
 *		{ 'e', "event", "EVENT", "take samples of EVENT only" },
 *		{ 256, "annotate", NULL, "mark kernel, inlined and JIT frames" },	// 256 and up: no letter
 *		{ 0 }
 *	};
 *	static const struct tool_spec spec = { "fold", "stacks to folded lines", "[TRACE...]", options, TOOL_TABLE_OUT };
 *
 *	tool_begin(&spec, argc, argv);
 *	while ((c = tool_option_next(&arg)))
 *		switch (c) { ... }
 *	char **operands = tool_operands();	// NULL-ended
 *	...
 *	return tool_end();
 *
 * -h --help, --version, -q --quiet and --strict belong to every tool; -o --output to those with an output; -t --text,
 * -f --frames and -z --level to those that write a trace. They are handled here, and are not in the tool's table.
 *
 * Units:     exit status: 0 done, 1 a valid negative answer, 2 usage, bad input, I/O (125 for wrappers).
 * Ownership: operands and option arguments live as long as the process.
 * Errors:    printed as "leat TOOL: WHERE: WHAT", and the end of the process where said so.
 * Source:    own; option syntax of POSIX.1-2017 XBD 12.2 and getopt_long(3).
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdio.h>

#include "base/slice.h"
#include "tool/version.h"
#include "trace/reader.h"
#include "trace/writer.h"

struct tool_option {
	int id;           /* the letter, or 256 and up where there is none; 0 ends the table */
	const char *name; /* the long name */
	const char *arg;  /* what the help calls the argument; NULL for none, "[N]" if optional */
	const char *help; /* one line */
};

enum tool_kind {
	TOOL_TRACE_OUT = 1, /* writes a trace: -o -t -f -z */
	TOOL_TABLE_OUT = 2, /* writes something else: -o */
	TOOL_WRAPPER = 4    /* runs a command: options end at the first operand, failures are 125 */
};

struct tool_spec {
	const char *name;
	const char *summary;  /* a line without a full stop */
	const char *operands; /* for the synopsis: "[TRACE...]" */
	const struct tool_option *option;
	unsigned kind; /* of enum tool_kind, or 0 */
};

/* Sets up messages, signals (SIGPIPE as it was by default), and the options. */
void tool_begin(const struct tool_spec *spec, int argc, char **argv);

/* The next option's id with *arg its argument (or NULL); 0 at the end. A wrong one ends the process with status 2 and
 * two lines that say what was wrong and where help is. */
int tool_option_next(const char **arg);

/* NULL-ended. Options that were not asked for with tool_option_next() are an error of ours. */
char **tool_operands(void);

/* Takes the first operand away from tool_operands(), for tools whose first operand is no input; ends the process with a
 * usage error that says `what` is missing where there is none. */
const char *tool_operand(const char *what);

/* Option arguments as numbers, or the end of the process with a message that names the option. */
uint64_t tool_number(const char *option, const char *arg, uint64_t min, uint64_t max);
uint64_t tool_duration(const char *option, const char *arg);
uint64_t tool_size(const char *option, const char *arg);

/* 95 and 95% are 0.95. */
double tool_percent(const char *option, const char *arg);

bool tool_is_quiet(void);
bool tool_is_strict(void);

/* "leat TOOL: ..." on standard error; tool_die() ends with status 2 (125 in a wrapper), and removes the half-made -o
 * file; tool_usage_error() adds the line that says where help is. */
_Noreturn void tool_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void tool_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tool_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What the process will return from tool_end(): the largest that was asked for. */
void tool_status(int status);

/* The file of -o; NULL where that is standard output. */
const char *tool_output(void);

/* Whether the output, by -o or not, is a regular file: nobody waits for it. */
bool tool_output_is_file(void);

/* Standard output, or the file of -o under a temporary name, for tables. Checked and renamed by tool_end(). */
FILE *tool_out(void);

/* The writer of the output trace: encoding by -t, -f, or `like` (the encoding of the first input; sources give -1:
 * frames, or lines on a terminal); level by -z, else 3 for files and raw for pipes. Closed by tool_end(). live: an -o
 * file appears at once and grows (recorders); otherwise it is renamed when whole. */
struct trace_writer *tool_trace_out(int like, bool live);

/* Whether one of -t, -f and -z was given; the level of -z, -1 where it was not. */
bool tool_trace_asked(void);
int tool_level(void);

/* Called once for each operand, or for standard input where there are none ("-" is standard input too); path is what
 * messages call it. A file that cannot be opened: message, status 2, and the next is tried. */
void tool_inputs(void (*fn)(int fd, const char *path, void *context), void *context);

/* The end of an input: says the error where the last call to the reader gave got < 0, says once what was damaged (status
 * 2 for both; with --strict any `lost` record of the input is an error, too), and frees the reader. */
void tool_reader_done(const char *path, struct trace_reader *r, int got);

/* Reads an input to its end for a tool that summarises traces: block() gets each block, the reader for messages with a
 * place. first: n bytes of the input that were read already. Progress and damage are told here. */
void tool_blocks(int fd, const char *path, const void *first, size_t n,
    void (*block)(struct trace_reader *r, const char *path, struct trace_block *b));

/* Progress on standard error after a second where it is a terminal: call as often as you like with totals. fd is the
 * input whose position over its size gives the ETA; -1 for none. */
void tool_progress(int fd, uint64_t records, uint64_t bytes);

/* Ctrl-C: a filter ignores the first SIGINT and reads on to the end of its input; the second ends it. tool_begin() sets
 * that up, except for a wrapper, which handles signals itself. */

/* The driver of a filter from trace to trace. It opens the inputs in turn, makes the writer, passes on the `start`
 * records that lead the stream and adds the tool's own (tool version argv), calls record() for each record that is not
 * start, end or lost (those pass on by themselves, and lost ones are summed), flushes before it would wait, reports
 * damage, and at the end calls finish() and writes `end` with the counts. */
struct tool_books {
	uint64_t in, passed, used, made, dropped, lost;
};

struct tool_filter {
	struct trace_writer *out;
	struct tool_books books; /* the driver counts in, tool_pass() passed, the tool the rest */
	const char *path;        /* of the present input */
	struct trace_reader *reader;
	void *context;
	void (*record)(struct tool_filter *f, const struct trace_record *r);
	/* Where this is set, it is called instead for every row of every block, start, end and lost among them, which it
	 * must put out itself. */
	void (*row)(struct tool_filter *f, struct trace_block *b, unsigned s, uint32_t row);
	/* Where this is set, it is called first, for every block: it sets keep[s][row] to 1 or 0 for all rows of all shapes but
	 * those of start, end and lost, which pass. The driver puts out what is kept, or has row() do
	 * it where that is set, counts it passed, and the rest dropped. */
	void (*rows)(struct tool_filter *f, struct trace_block *b, unsigned char *const *keep);
	/* May be NULL: gives the writer's source of rows of shape s (trace_pick_source_as()), where they are not to be put out as
	 * they are. Asked for shapes of which rows are kept. */
	unsigned (*source)(struct tool_filter *f, struct trace_block *b, unsigned s);
	/* The tool sets this when it wants no more: of what follows, rows() or row() sees only the blocks that hold state
	 * records; the others are passed over without being unpacked, and dropped. */
	bool enough;
	void (*input)(struct tool_filter *f); /* may be NULL: an input begins, its shapes are new */
	void (*finish)(struct tool_filter *f); /* may be NULL */
	void (*waiting)(
	    struct tool_filter *f); /* may be NULL: before the flush, no input is ready */
};

int tool_filter_run(struct tool_filter *f);

/* Passes the record on as it is, counted. */
void tool_pass(struct tool_filter *f, const struct trace_record *r);

/* The records with which a tool opens and closes its part of the ledger, for those that are no filters of this driver:
 * `start tool version argv`, `end tool in passed used made dropped lost`. */
void tool_start(struct trace_writer *w);
void tool_finish(struct trace_writer *w, const struct tool_books *b);

/* Adds `lost t n why` to the output; t < 0 for none. books.lost is for records of the input that the tool could not use,
 * and stays the caller's. */
void tool_lost(struct trace_writer *w, int64_t t, uint64_t n, const char *why);

/* WHERE for a message about the record last read: "path:12" or "path@4096". */
const char *tool_where(const char *path, const struct trace_reader *r);

/* Closes the output (a full disk ends the process), renames the -o file, and returns the status for main(). */
int tool_end(void);

#endif
