/* verdict.h - published values, held against tables of results
 *
 * A table of claims (CSV or TSV) has a row for each claim:
 *
 *	claim,where,over,column,expect,tolerance
 *	merge beats heap,program=heap metric=wall_ns,program=merge metric=wall_ns,median,>=1.2,
 *
 * where and over are words COLUMN=VALUE (a value with blanks in quotes, of either kind) that hold of exactly one row of all
 * tables that have these columns. The value is the cell in column of where's row, divided by that of over's where there is
 * an over. column may be A/B: A of where's row over B of over's, or of the same row without an over. expect is a number,
 * exactly or within the tolerance (absolute, or in % of it; NUMBER+-TOLERANCE and NUMBER±TOLERANCE as one word, too),
 * >N >=N <N <=N, or LO..HI; numbers may have a unit (10ms, 4KiB). A column `note` is for people.
 *
 * Tables are read once, a row at a time: the cost is rows times claims, the memory is that of the claims.
 *
 * Units:     those of the tables; durations are nanoseconds, sizes bytes.
 * Ownership: verdict_read() to verdict_free(); texts live as long.
 * Errors:    verdict_read() gives NULL and the text, which begins with the line; claims that cannot be looked up say why.
 * Source:    own.
 */
#ifndef EXPERIMENT_VERDICT_H
#define EXPERIMENT_VERDICT_H

#include "base/buf.h"
#include "base/error.h"
#include "form/table.h"

enum verdict_kind {
	VERDICT_HOLDS,
	VERDICT_FAILS,
	VERDICT_UNKNOWN /* the value is not there, or twice, or no number; the claim cannot be read */
};

struct verdict_claim {
	uint64_t line;
	struct slice claim;
	struct slice expect; /* as written, with its tolerance */
	struct slice got;    /* a number; "-" where unknown */
	enum verdict_kind verdict;
	struct error error; /* why unknown */
	struct verdict_parts *parts;
};

struct verdicts {
	struct verdict_claim *one;
	size_t n;
	size_t count[VERDICT_UNKNOWN + 1]; /* of each verdict, once judged */
	struct verdict_memory *memory;
};

/* A claim that cannot be read is unknown; only a table that is none gives NULL. */
struct verdicts *verdict_read(int fd, struct error *e);

/* A table begins; a row of it. path is what messages call it. */
void verdict_table(struct verdicts *c, const struct table *t, const char *path);
void verdict_row(struct verdicts *c, const struct table *t);

/* After the last row: all verdicts. */
void verdict_judge(struct verdicts *c);

const char *verdict_word(enum verdict_kind v);

/* The verdicts: a table of kind `verify`; columns for people; the same in Markdown. The first has no end of its own: rows
 * follow whatever `#` lines the caller put before. */
void verdict_put_tsv(const struct verdicts *c, struct buf *to);
void verdict_put_text(const struct verdicts *c, struct buf *to);
void verdict_put_markdown(const struct verdicts *c, struct buf *to);

void verdict_free(struct verdicts *c);

#endif
