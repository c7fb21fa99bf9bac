#include "flow/interposed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "trace/writer.h"

/* What a record has, of what may be missing: the number of its shape. */

_Static_assert(sizeof(struct trace_memo) <= WIRE_CHAIN_NOTE, "the chain holds the memo");

void
interposed_open(struct interposed *s, struct trace_writer *w, const struct wire_header *h,
    const struct record_listener *listener)
{
	*s = (struct interposed){ .own = { .w = w }, .header = h, .listener = listener };
	s->process = xcalloc(WIRE_PROCESSES, sizeof *s->process);
}

void
interposed_free(struct interposed *s)
{
	free(s->process);
	free(s->file);
	hash_free(&s->by_hash);
	buf_free(&s->text);
	*s = (struct interposed){ 0 };
}

static int
put(struct interposed *s, struct slice type, const struct trace_field *field, unsigned fields,
    const union trace_value *value)
{
	s->own.made++;
	return trace_put(s->own.w, trace_writer_shape(s->own.w, type, field, fields), value);
}

/* ---- allocations ---- */

/* Sizes of 2^63 and more come from programs that ask for them, and get none: not here. */
static int64_t
positive(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static struct slice
op_name(unsigned op)
{
	static struct slice name[WIRE_OPS];

	if (name[op].n == 0)
		name[op] = slice_of(wire_op_name(op));
	return name[op];
}

static int
put_memory(struct interposed *s, const struct wire_event *e)
{
	bool is_free = wire_is_free(e->op);
	unsigned has = is_free ? CALL_FREE : CALL_SIZE, n = 5, i = 2;
	union trace_value v[10]; /* not cleared: that took a tenth of the time */
	uint64_t old = 0, align = 0, weight = 0;

	if (e->words < 2u + !!(e->flags & WIRE_HAS_OLD) + !!(e->flags & WIRE_HAS_ALIGN) +
			   !!(e->flags & WIRE_HAS_WEIGHT)) {
		s->sums.damaged++;
		return 0;
	}
	v[0].i = e->t;
	v[1].i = e->pid;
	v[2].i = e->tid;
	v[3].s = op_name(e->op);
	v[4].u = e->word[0];
	if (!is_free || e->word[1] > 0) {
		has |= CALL_SIZE;
		v[n++].i = positive(e->word[1]);
	}
	if (e->flags & WIRE_HAS_OLD) {
		has |= CALL_OLD;
		old = e->word[i++];
	}
	if (e->flags & WIRE_HAS_ALIGN) {
		has |= CALL_ALIGN;
		align = e->word[i++];
	}
	if (e->flags & WIRE_HAS_WEIGHT) {
		has |= CALL_WEIGHT;
		weight = e->word[i++];
	}
	if (has & CALL_ALIGN)
		v[n++].i = positive(align);
	if (has & CALL_OLD)
		v[n++].u = old;
	if (has & CALL_WEIGHT)
		v[n++].i = positive(weight);
	if (e->chain) {
		has |= CALL_CHAIN;
		v[n].list.u = e->chain->frame;
		v[n].list.n = e->chain->n;
		v[n].list.memo = (struct trace_memo *)(void *)e->chain->note;
	}
	if (is_free) {
		s->sums.frees++;
		s->process[e->process].frees++;
	} else {
		s->sums.allocations++;
		s->process[e->process].allocations++;
	}
	s->own.made++;
	if (s->shape[has] == 0)
		s->shape[has] = 1 + call_shape(s->own.w, has);
	return trace_put(s->own.w, s->shape[has] - 1, v);
}

/* ---- mappings ---- */

static uint64_t
rehash(const void *context, uint32_t item)
{
	return ((const struct interposed *)context)->file[item].hash;
}

/* The build id of a file that a process has mapped, known by its device and inode. */
static struct slice
buildid(struct interposed *s, int32_t pid, struct slice file, struct slice path)
{
	uint64_t hash = hash_bytes(file.p, file.n);
	struct buf name = BUF_INIT;
	struct interposed_file *f;

	for (struct hash_probe at = hash_first(&s->by_hash, hash); hash_found(&s->by_hash, &at);
	     hash_next(&s->by_hash, &at))
		if (s->file[at.item].hash == hash)
			return (struct slice){ (const char *)s->file[at.item].id.byte,
				s->file[at.item].id.size };
	GROW(s->file, s->file_cap, s->files);
	f = &s->file[s->files];
	*f = (struct interposed_file){ .hash = hash };
	hash_add(&s->by_hash, hash, (uint32_t)s->files++, rehash, s);
	buf_printf(&name, "/proc/%d/root%.*s", (int)pid, SLICE_ARG(path));
	if (sys_buildid_of_file(buf_str(&name), &f->id) < 0) {
		name.n = 0;
		buf_slice(&name, path);
		if (sys_buildid_of_file(buf_str(&name), &f->id) < 0)
			f->id.size = 0;
	}
	buf_free(&name);
	return (struct slice){ (const char *)f->id.byte, f->id.size };
}

/* addr-addr perms offset dev inode      path */
static int
put_mapping(struct interposed *s, const struct wire_event *e, struct slice line)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("pid"), TRACE_INT }, { SLICE("tid"), TRACE_INT },
		{ SLICE("addr"), TRACE_ADDR }, { SLICE("size"), TRACE_INT },
		{ SLICE("offset"), TRACE_INT }, { SLICE("path"), TRACE_STR },
		{ SLICE("buildid"), TRACE_BYTES } };
	struct slice range = slice_cut(&line, ' '), low = slice_cut(&range, '-'), file, inode;
	struct slice id = { 0 };
	uint64_t from, to, offset, number;

	slice_cut(&line, ' ');
	if (num_hex(low, &from) < 0 || num_hex(range, &to) < 0 || to < from ||
	    num_hex(slice_cut(&line, ' '), &offset) < 0)
		return 0;
	file = line;
	slice_cut(&line, ' ');
	inode = slice_cut(&line, ' ');
	file.n = (size_t)(inode.p + inode.n - file.p);
	line = slice_trim(line);
	if (line.n > 0 && line.p[0] == '/' && num_u64(inode, &number) == 0 && number > 0)
		id = buildid(s, e->pid, file, line);
	return put(s, SLICE("mmap"), field, id.n > 0 ? 8 : 7,
	    (union trace_value[]){ { .i = e->t }, { .i = e->pid }, { .i = e->pid }, { .u = from },
		{ .i = positive(to - from) }, { .i = positive(offset) },
		{ .s = line.n > 0 ? line : SLICE("//anon") }, { .s = id } });
}

static int
put_mappings(struct interposed *s, const struct wire_event *e)
{
	struct slice rest = { 0 };

	if (e->words >= 1 && e->word[0] <= (uint64_t)(e->words - 1) * 8)
		rest = (struct slice){ (const char *)(e->word + 1), e->word[0] };
	else
		s->sums.damaged++;
	while (rest.n > 0)
		if (put_mapping(s, e, slice_cut(&rest, '\n')) < 0)
			return -1;
	return 0;
}

/* ---- processes ---- */

static struct slice
exe_of(const struct wire_process *p)
{
	return (struct slice){ p->exe, strnlen(p->exe, sizeof p->exe) };
}

static int
put_exec(struct interposed *s, const struct wire_event *e)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("pid"), TRACE_INT }, { SLICE("tid"), TRACE_INT },
		{ SLICE("name"), TRACE_STR }, { SLICE("exec"), TRACE_INT } };
	struct slice name = slice_basename(exe_of(wire_process(s->header, e->process)));

	/* as the kernel cuts it */
	if (name.n > 15)
		name.n = 15;
	return put(s, SLICE("comm"), field, 5,
	    (union trace_value[]){
		{ .i = e->t }, { .i = e->pid }, { .i = e->pid }, { .s = name }, { .i = 1 } });
}

static int
put_fork(struct interposed *s, const struct wire_event *e)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("pid"), TRACE_INT }, { SLICE("tid"), TRACE_INT },
		{ SLICE("ppid"), TRACE_INT }, { SLICE("ptid"), TRACE_INT } };
	int32_t ppid = wire_process(s->header, e->process)->ppid;

	return put(s, SLICE("fork"), field, 5,
	    (union trace_value[]){
		{ .i = e->t }, { .i = e->pid }, { .i = e->pid }, { .i = ppid }, { .i = ppid } });
}

static int
put_exit(struct interposed *s, int64_t t, int32_t pid)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("pid"), TRACE_INT }, { SLICE("tid"), TRACE_INT } };

	return put(s, SLICE("exit"), field, 3,
	    (union trace_value[]){ { .i = t }, { .i = pid }, { .i = pid } });
}

int
interposed_put(struct interposed *s, const struct wire_event *e)
{
	if (wire_is_alloc(e->op) || wire_is_free(e->op))
		return put_memory(s, e);
	switch (e->op) {
	case WIRE_MAPS:
		return put_mappings(s, e);
	case WIRE_EXEC:
		return put_exec(s, e);
	case WIRE_FORK:
		return put_fork(s, e);
	default:
		/* WIRE_EXIT: what a process does behind it counts, its slot says when it is gone */
		return 0;
	}
}

/* ---- counters ---- */

static int
put_stat(struct interposed *s, int64_t t, const char *name, uint64_t value, const char *unit,
    const int32_t *pid)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("name"), TRACE_STR }, { SLICE("value"), TRACE_INT },
		{ SLICE("unit"), TRACE_STR }, { SLICE("section"), TRACE_STR },
		{ SLICE("pid"), TRACE_INT } };

	return put(s, SLICE("stat"), field, pid ? 6 : 5,
	    (union trace_value[]){ { .i = t }, { .s = slice_of(name) }, { .i = positive(value) },
		{ .s = slice_of(unit) }, { .s = SLICE("interpose") }, { .i = pid ? *pid : 0 } });
}

static int
put_lost(struct interposed *s, int64_t t, uint64_t n, const char *why, const int32_t *pid)
{
	static const struct trace_field field[] = { { SLICE("t"), TRACE_INT },
		{ SLICE("n"), TRACE_INT }, { SLICE("why"), TRACE_STR },
		{ SLICE("pid"), TRACE_INT } };

	if (n == 0)
		return 0;
	return trace_put(s->own.w, trace_writer_shape(s->own.w, SLICE("lost"), field, pid ? 4 : 3),
	    (union trace_value[]){ { .i = t }, { .i = positive(n) }, { .s = slice_of(why) },
		{ .i = pid ? *pid : 0 } });
}

static const struct {
	const char *name, *unit;
} counter[WIRE_COUNTS] = {
	[WIRE_CUT] = { "stacks_cut", "stacks" },
	[WIRE_WAITS] = { "waits", "waits" },
	[WIRE_WAITED_NS] = { "waited", "ns" },
	[WIRE_FAILED] = { "failed", "allocations" },
	[WIRE_UNSAMPLED] = { "left_out", "allocations" },
	[WIRE_BACKED] = { "placed", "allocations" },
	[WIRE_BACKED_BYTES] = { "placed_size", "bytes" },
	[WIRE_FULL] = { "pool_full", "allocations" },
	[WIRE_FULL_BYTES] = { "pool_full_size", "bytes" },
	[WIRE_STACKS] = { "stacks", "stacks" },
	[WIRE_STACKS_KNOWN] = { "stacks_known", "stacks" },
};

static void
tell_notes(struct interposed *s, const struct wire_process *p)
{
	struct slice exe = exe_of(p);

	if ((p->notes & WIRE_OWN_MALLOC) && !(s->notes & WIRE_OWN_MALLOC))
		record_warn(s->listener,
		    "%.*s has an allocator of its own in the program, which is not seen from "
		    "outside: "
		    "attach to it with -p",
		    SLICE_ARG(exe));
	s->notes |= p->notes;
}

int
interposed_process(
    struct interposed *s, const struct wire_reader *r, unsigned process, int64_t t, bool ended)
{
	const struct wire_process *p = wire_process(s->header, process);
	struct interposed_process *mine = &s->process[process];
	uint64_t count[WIRE_COUNTS];
	int32_t pid = p->pid;

	wire_reader_count(r, process, count);
	for (unsigned i = 0; i < WIRE_COUNTS; i++)
		s->sums.counts[i] += count[i];
	s->sums.processes++;
	s->sums.lost_full += count[WIRE_LOST_FULL];
	s->sums.lost_signal += count[WIRE_LOST_SIGNAL];
	tell_notes(s, p);
	if (put_stat(s, t, "allocations", mine->allocations, "records", &pid) < 0 ||
	    put_stat(s, t, "frees", mine->frees, "records", &pid) < 0)
		return -1;
	for (unsigned i = 0; i < WIRE_COUNTS; i++)
		if (counter[i].name && count[i] > 0 &&
		    put_stat(s, t, counter[i].name, count[i], counter[i].unit, &pid) < 0)
			return -1;
	*mine = (struct interposed_process){ 0 };
	if (put_lost(s, t, count[WIRE_LOST_FULL], "ring-full", &pid) < 0 ||
	    put_lost(s, t, count[WIRE_LOST_SIGNAL], "signal", &pid) < 0)
		return -1;
	return ended ? put_exit(s, t, pid) : 0;
}

int
interposed_finish(struct interposed *s, const struct wire_reader *r, int64_t t)
{
	s->sums.lost_threads = atomic_load(&s->header->lost_threads);
	s->sums.lost_processes = atomic_load(&s->header->lost_processes);
	s->sums.damaged += r->unreadable / 32 + (r->unreadable % 32 > 0) + r->unknown;
	if (put_lost(s, t, s->sums.lost_threads, "no-slot", NULL) < 0 ||
	    put_lost(s, t, s->sums.lost_processes, "no-process-slot", NULL) < 0 ||
	    put_lost(s, t, s->sums.damaged, "damaged", NULL) < 0)
		return -1;
	return put_stat(s, t, "late", r->late, "records", NULL) < 0 ||
		       put_stat(s, t, "clock_error", r->error_ns, "ns", NULL) < 0
		   ? -1
		   : 0;
}

uint64_t
interposed_lost(const struct interposed *s)
{
	const struct interposed_sums *n = &s->sums;

	return n->lost_full + n->lost_signal + n->lost_threads + n->lost_processes + n->damaged;
}

/* 1,234,567 */
static void
say_number(struct buf *to, uint64_t n)
{
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			buf_char(to, ',');
		buf_char(to, digits[i]);
	}
}

static void
say_count(struct buf *to, uint64_t n, const char *one, const char *many)
{
	say_number(to, n);
	buf_printf(to, " %s", n == 1 ? one : many);
}

void
interposed_say(const struct interposed *s, struct buf *to)
{
	say_count(to, s->sums.allocations, "allocation, ", "allocations, ");
	say_count(to, s->sums.frees, "free, ", "frees, ");
	say_count(to, s->sums.processes, "process", "processes");
}
