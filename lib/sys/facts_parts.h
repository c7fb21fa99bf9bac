/* facts_parts.h - what the parts of facts.h share: reading small files below a root, and putting facts
 *
 * Units:     as in facts.h.
 * Ownership: the reader's `text` is good until the next read; what is put is copied.
 * Errors:    false where there is nothing to read; permission denied is counted by the reader.
 * Source:    own.
 */
#ifndef SYS_FACTS_PARTS_H
#define SYS_FACTS_PARTS_H

#include "base/buf.h"
#include "sys/facts.h"

struct facts_reader {
	struct facts *facts;
	const struct facts_config *config;
	bool live; /* the root is this machine's */
	bool root; /* this process is root's */
	struct buf path, text, denied;
	int *cpu; /* those that are online */
	unsigned cpus;
};

/* The whole of a file, without blanks and line ends around it. */
bool facts_text(struct facts_reader *r, struct slice *text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool facts_number(struct facts_reader *r, int64_t *v, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The names in a directory, sorted (numbers by value), as NUL-ended strings in *names, of the arena. */
size_t facts_list(struct facts_reader *r, const char *path, const char *const **names);

/* Something may not be read. */
void facts_denied(struct facts_reader *r, const char *what);

void facts_put_str(
    struct facts_reader *r, const char *section, const char *name, struct slice value);
void facts_put_int(
    struct facts_reader *r, const char *section, const char *name, int64_t value, const char *unit);
void facts_put_num(
    struct facts_reader *r, const char *section, const char *name, double value, const char *unit);
void facts_put_hash(
    struct facts_reader *r, const char *section, const char *name, const void *p, size_t n);

/* A file as a fact: an int where it reads as one, else a str; an empty one is "none". */
void facts_put_file(struct facts_reader *r, const char *section, const char *name, const char *path,
    const char *unit);

/* The file times `scale`, where it is a number. */
void facts_put_scaled(struct facts_reader *r, const char *section, const char *name,
    const char *path, int64_t scale, const char *unit);

/* The word in brackets of "always [madvise] never". */
void facts_put_chosen(
    struct facts_reader *r, const char *section, const char *name, const char *path);

/* A file of each CPU that is online, below its directory. */
void facts_put_cpus(struct facts_reader *r, const char *section, const char *name, const char *file,
    int64_t scale, const char *unit);

/* Values of CPUs, to be put as one fact. */
struct facts_each {
	struct slice *value; /* of the arena */
	int *cpu;
	size_t n, cap, cpu_cap;
};

void facts_each_add(struct facts_reader *r, struct facts_each *e, int cpu, struct slice value);
void facts_each_put(struct facts_reader *r, struct facts_each *e, const char *section,
    const char *name, const char *unit);

/* What a line "key : value" or "key value" says; false where none begins with key. */
bool facts_line(struct slice text, const char *key, struct slice *value);

/* Runs argv and gives what it wrote, at most `most` bytes: its exit status, -1 where it could not be run, took longer than
 * ten seconds or wrote more. err may be NULL. */
int facts_run(char *const *argv, size_t most, struct buf *out, struct buf *err);

/* The parts: each puts its sections. */
void facts_kernel(struct facts_reader *r);
void facts_cpu(struct facts_reader *r);
void facts_frequency(struct facts_reader *r);
void facts_memory(struct facts_reader *r);
void facts_virtual(struct facts_reader *r);
void facts_process(struct facts_reader *r);
void facts_cgroup(struct facts_reader *r);
void facts_tools(struct facts_reader *r);
void facts_git(struct facts_reader *r);
void facts_load(struct facts_reader *r);

#endif
