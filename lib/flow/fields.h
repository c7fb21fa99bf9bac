/* fields.h - records with fewer fields
 *
 * What is kept of a shape is looked up once: the fields of a list, or all; without those of another list. The fields that
 * tell where a record stands in time (t, of a span dur_ns) are kept unless they are left out by name. The order stays.
 *
 * Units:     none.
 * Ownership: fields_new() to fields_free(); the lists are copied.
 * Errors:    fields_new() returns NULL with the text where a list is none of names.
 * Source:    own.
 */
#ifndef FLOW_FIELDS_H
#define FLOW_FIELDS_H

#include "base/error.h"
#include "trace/writer.h"

struct fields;

/* Lists of names as "a,b,c"; an empty `only` keeps all. */
struct fields *fields_new(struct slice only, struct slice without, struct error *e);

/* The source for trace_put_picked() of rows of shape s with the fields that are kept. */
unsigned fields_source(struct fields *f, struct trace_writer *w, struct trace_block *b, unsigned s);

/* Whether a name of the lists was in none of the shapes that were asked for, though there were some: *name is then the
 * first one. */
bool fields_unmet(const struct fields *f, struct slice *name);

void fields_free(struct fields *f);

#endif
