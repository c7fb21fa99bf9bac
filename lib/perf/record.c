#include "perf/record.h"

#include <sys/mman.h>

#include "base/bytes.h"

#define BRANCH_COUNTERS (1ull << 19)
#define USER_DEFERRED   ((uint64_t)-640) /* PERF_CONTEXT_USER_DEFERRED */

/* What is left of a record. Every part of one is a multiple of 8 bytes from its start. */
struct rest {
	const char *p, *end;
};

static size_t
left(const struct rest *r)
{
	return (size_t)(r->end - r->p);
}

/* The body of a record up to its trailer; -1 where not even `need` bytes are there. */
static int
body(const struct perf_layout *l, const struct perf_event_header *h, size_t need, struct rest *r)
{
	size_t trailer = h->type == PERF_RECORD_SAMPLE ? 0 : l->trailer;

	if (h->size < sizeof *h + trailer + need)
		return -1;
	r->p = (const char *)(h + 1);
	r->end = (const char *)h + h->size - trailer;
	return 0;
}

/* n items of size bytes; NULL where they are not there. */
static const void *
take(struct rest *r, uint64_t n, size_t size)
{
	const char *p = r->p;

	if (n > left(r) / size)
		return NULL;
	r->p += n * size;
	return p;
}

static int
word(struct rest *r, uint64_t *v)
{
	if (left(r) < 8)
		return -1;
	*v = load64(r->p);
	r->p += 8;
	return 0;
}

/* What stands before the first NUL, or all where there is none. */
static struct slice
string(const struct rest *r)
{
	return (struct slice){ r->p, strnlen(r->p, left(r)) };
}

static int
read_values(const struct perf_layout *l, struct rest *r, struct slice *values)
{
	const char *start = r->p;
	uint64_t format = l->read_format, n = 1;
	unsigned each = 1 + !!(format & PERF_FORMAT_ID) + !!(format & PERF_FORMAT_LOST);
	unsigned once = !!(format & PERF_FORMAT_TOTAL_TIME_ENABLED) +
			!!(format & PERF_FORMAT_TOTAL_TIME_RUNNING);

	if (format & PERF_FORMAT_GROUP && word(r, &n) < 0)
		return -1;
	if (!take(r, once, 8) || !take(r, n, 8 * each))
		return -1;
	*values = (struct slice){ start, (size_t)(r->p - start) };
	return 0;
}

static int
read_raw(struct rest *r, struct slice *raw)
{
	const char *size = take(r, 1, 4);

	if (!size)
		return -1;
	raw->n = load32(size);
	raw->p = take(r, raw->n, 1);
	return raw->p ? 0 : -1;
}

static int
read_branches(const struct perf_layout *l, struct rest *r, struct perf_sample *s)
{
	if (word(r, &s->branch_n) < 0)
		return -1;
	s->branch_hw_idx = ~0ull;
	if (l->branch_type & PERF_SAMPLE_BRANCH_HW_INDEX && word(r, &s->branch_hw_idx) < 0)
		return -1;
	s->branch = take(r, s->branch_n, sizeof *s->branch);
	if (!s->branch)
		return -1;
	return l->branch_type & BRANCH_COUNTERS && !take(r, s->branch_n, 8) ? -1 : 0;
}

static int
read_regs(struct rest *r, unsigned n, uint64_t *abi, const uint64_t **regs)
{
	if (word(r, abi) < 0)
		return -1;
	if (*abi == PERF_SAMPLE_REGS_ABI_NONE)
		return 0;
	*regs = take(r, n, 8);
	return *regs ? 0 : -1;
}

static int
read_stack(struct rest *r, struct perf_sample *s)
{
	uint64_t dynamic;

	if (word(r, &s->stack_asked) < 0)
		return -1;
	if (s->stack_asked == 0)
		return 0;
	s->stack.p = take(r, s->stack_asked, 1);
	if (!s->stack.p || word(r, &dynamic) < 0 || dynamic > s->stack_asked)
		return -1;
	s->stack.n = dynamic;
	return 0;
}

static int
read_aux(struct rest *r, struct slice *aux)
{
	uint64_t n;

	if (word(r, &n) < 0)
		return -1;
	aux->p = take(r, n, 1);
	aux->n = n;
	return aux->p ? 0 : -1;
}

/* What may follow a call chain. */
#define LATER                                                                                      \
	(PERF_SAMPLE_RAW | PERF_SAMPLE_BRANCH_STACK | PERF_SAMPLE_REGS_USER |                      \
	    PERF_SAMPLE_STACK_USER | PERF_SAMPLE_WEIGHT_TYPE | PERF_SAMPLE_DATA_SRC |              \
	    PERF_SAMPLE_TRANSACTION | PERF_SAMPLE_REGS_INTR | PERF_SAMPLE_PHYS_ADDR |              \
	    PERF_SAMPLE_CGROUP | PERF_SAMPLE_DATA_PAGE_SIZE | PERF_SAMPLE_CODE_PAGE_SIZE |         \
	    PERF_SAMPLE_AUX)

/* Words that stand one after the other. */
#define WORD_IF(bit, to)                                                                           \
	if (type & (bit)) {                                                                        \
		(to) = load64(r.p);                                                                \
		r.p += 8;                                                                          \
	}
#define WORD_OR_FAIL(bit, to)                                                                      \
	if (type & (bit) && word(&r, &(to)) < 0)                                                   \
		return -1;

static int
read_tail(const struct perf_layout *l, struct rest r, struct perf_sample *s)
{
	uint64_t type = l->sample_type;

	WORD_OR_FAIL(PERF_SAMPLE_WEIGHT_TYPE, s->weight)
	WORD_OR_FAIL(PERF_SAMPLE_DATA_SRC, s->data_src)
	WORD_OR_FAIL(PERF_SAMPLE_TRANSACTION, s->transaction)
	if (type & PERF_SAMPLE_REGS_INTR && read_regs(&r, l->intr_n, &s->intr_abi, &s->intr) < 0)
		return -1;
	WORD_OR_FAIL(PERF_SAMPLE_PHYS_ADDR, s->phys_addr)
	WORD_OR_FAIL(PERF_SAMPLE_CGROUP, s->cgroup)
	WORD_OR_FAIL(PERF_SAMPLE_DATA_PAGE_SIZE, s->data_page_size)
	WORD_OR_FAIL(PERF_SAMPLE_CODE_PAGE_SIZE, s->code_page_size)
	if (type & PERF_SAMPLE_AUX && read_aux(&r, &s->aux) < 0)
		return -1;
	return 0;
}

int
perf_sample_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_sample *s)
{
	uint64_t type = l->sample_type;
	struct rest r;

	memset(s, 0, sizeof *s);
	s->period = l->period;
	if (body(l, h, l->fixed, &r) < 0)
		return -1;
	WORD_IF(PERF_SAMPLE_IDENTIFIER, s->id)
	WORD_IF(PERF_SAMPLE_IP, s->ip)
	if (type & PERF_SAMPLE_TID) {
		s->pid = load32(r.p);
		s->tid = load32(r.p + 4);
		r.p += 8;
	}
	WORD_IF(PERF_SAMPLE_TIME, s->time)
	WORD_IF(PERF_SAMPLE_ADDR, s->addr)
	WORD_IF(PERF_SAMPLE_ID, s->id)
	WORD_IF(PERF_SAMPLE_STREAM_ID, s->stream_id)
	if (type & PERF_SAMPLE_CPU) {
		s->cpu = load32(r.p);
		r.p += 8;
	}
	WORD_IF(PERF_SAMPLE_PERIOD, s->period)
	if (type & PERF_SAMPLE_READ && read_values(l, &r, &s->read) < 0)
		return -1;
	if (type & PERF_SAMPLE_CALLCHAIN) {
		if (word(&r, &s->chain_n) < 0)
			return -1;
		s->chain = take(&r, s->chain_n, 8);
		if (!s->chain)
			return -1;
	}
	if (!(type & LATER))
		return 0;
	if (type & PERF_SAMPLE_RAW && read_raw(&r, &s->raw) < 0)
		return -1;
	if (type & PERF_SAMPLE_BRANCH_STACK && read_branches(l, &r, s) < 0)
		return -1;
	if (type & PERF_SAMPLE_REGS_USER && read_regs(&r, l->user_n, &s->user_abi, &s->user) < 0)
		return -1;
	if (type & PERF_SAMPLE_STACK_USER && read_stack(&r, s) < 0)
		return -1;
	return read_tail(l, r, s);
}

int
perf_trailer_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_trailer *t)
{
	uint64_t type = l->sample_type;
	struct rest r;

	*t = (struct perf_trailer){ 0 };
	if (l->trailer == 0)
		return 0;
	if (h->size < sizeof *h + l->trailer)
		return -1;
	r.p = (const char *)h + h->size - l->trailer;
	if (type & PERF_SAMPLE_TID) {
		t->pid = load32(r.p);
		t->tid = load32(r.p + 4);
		r.p += 8;
	}
	WORD_IF(PERF_SAMPLE_TIME, t->time)
	WORD_IF(PERF_SAMPLE_ID, t->id)
	WORD_IF(PERF_SAMPLE_STREAM_ID, t->stream_id)
	if (type & PERF_SAMPLE_CPU) {
		t->cpu = load32(r.p);
		t->has_cpu = true;
		r.p += 8;
	}
	WORD_IF(PERF_SAMPLE_IDENTIFIER, t->id)
	return 0;
}

int
perf_mmap_read(const struct perf_layout *l, const struct perf_event_header *h, struct perf_mmap *m)
{
	bool two = h->type == PERF_RECORD_MMAP2;
	struct rest r;

	*m = (struct perf_mmap){ 0 };
	if (body(l, h, two ? 64 : 32, &r) < 0)
		return -1;
	m->pid = load32(r.p);
	m->tid = load32(r.p + 4);
	m->addr = load64(r.p + 8);
	m->size = load64(r.p + 16);
	m->offset = load64(r.p + 24);
	if (two) {
		uint8_t n = (uint8_t)r.p[32];

		if (h->misc & PERF_RECORD_MISC_MMAP_BUILD_ID && n <= 20)
			m->buildid = (struct slice){ r.p + 36, n };
		m->prot = load32(r.p + 56);
		m->flags = load32(r.p + 60);
	} else {
		m->prot = h->misc & PERF_RECORD_MISC_MMAP_DATA ? 0 : PROT_EXEC;
	}
	r.p += two ? 64 : 32;
	m->path = string(&r);
	return 0;
}

int
perf_comm_read(const struct perf_layout *l, const struct perf_event_header *h, struct perf_comm *c)
{
	struct rest r;

	*c = (struct perf_comm){ 0 };
	if (body(l, h, 8, &r) < 0)
		return -1;
	c->pid = load32(r.p);
	c->tid = load32(r.p + 4);
	c->exec = h->misc & PERF_RECORD_MISC_COMM_EXEC;
	r.p += 8;
	c->name = string(&r);
	return 0;
}

int
perf_task_read(const struct perf_layout *l, const struct perf_event_header *h, struct perf_task *t)
{
	struct rest r;

	*t = (struct perf_task){ 0 };
	if (body(l, h, 24, &r) < 0)
		return -1;
	t->pid = load32(r.p);
	t->ppid = load32(r.p + 4);
	t->tid = load32(r.p + 8);
	t->ptid = load32(r.p + 12);
	t->time = load64(r.p + 16);
	return 0;
}

int
perf_loss_read(const struct perf_layout *l, const struct perf_event_header *h, struct perf_loss *x)
{
	bool throttle = h->type == PERF_RECORD_THROTTLE || h->type == PERF_RECORD_UNTHROTTLE;
	struct rest r;

	*x = (struct perf_loss){ 0 };
	if (body(l, h, throttle ? 24 : h->type == PERF_RECORD_LOST ? 16 : 8, &r) < 0)
		return -1;
	if (throttle) {
		x->time = load64(r.p);
		x->id = load64(r.p + 8);
	} else if (h->type == PERF_RECORD_LOST) {
		x->id = load64(r.p);
		x->n = load64(r.p + 8);
	} else {
		x->n = load64(r.p);
	}
	return 0;
}

int
perf_ksymbol_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_ksymbol *k)
{
	struct rest r;

	*k = (struct perf_ksymbol){ 0 };
	if (body(l, h, 16, &r) < 0)
		return -1;
	k->addr = load64(r.p);
	k->size = load32(r.p + 8);
	k->type = load16(r.p + 12);
	k->flags = load16(r.p + 14);
	r.p += 16;
	k->name = string(&r);
	return 0;
}

int
perf_aux_read(const struct perf_layout *l, const struct perf_event_header *h, struct perf_aux *a)
{
	struct rest r;

	*a = (struct perf_aux){ 0 };
	if (body(l, h, 24, &r) < 0)
		return -1;
	a->offset = load64(r.p);
	a->size = load64(r.p + 8);
	a->flags = load64(r.p + 16);
	return 0;
}

int
perf_switch_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_switch *s)
{
	bool wide = h->type == PERF_RECORD_SWITCH_CPU_WIDE;
	struct rest r;

	*s = (struct perf_switch){ 0 };
	if (body(l, h, wide ? 8 : 0, &r) < 0)
		return -1;
	s->out = h->misc & PERF_RECORD_MISC_SWITCH_OUT;
	s->preempt = h->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT;
	if (wide) {
		s->next_prev_pid = load32(r.p);
		s->next_prev_tid = load32(r.p + 4);
	}
	return 0;
}

int
perf_cgroup_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_cgroup *c)
{
	struct rest r;

	*c = (struct perf_cgroup){ 0 };
	if (body(l, h, 8, &r) < 0)
		return -1;
	c->id = load64(r.p);
	r.p += 8;
	c->path = string(&r);
	return 0;
}

int
perf_text_poke_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_text_poke *p)
{
	struct rest r;

	*p = (struct perf_text_poke){ 0 };
	if (body(l, h, 12, &r) < 0)
		return -1;
	p->addr = load64(r.p);
	p->old.n = load16(r.p + 8);
	p->new.n = load16(r.p + 10);
	r.p += 12;
	if (left(&r) < p->old.n + p->new.n)
		return -1;
	p->old.p = r.p;
	p->new.p = r.p + p->old.n;
	return 0;
}

int
perf_bpf_read(const struct perf_layout *l, const struct perf_event_header *h, struct perf_bpf *b)
{
	struct rest r;

	*b = (struct perf_bpf){ 0 };
	if (body(l, h, 16, &r) < 0)
		return -1;
	b->type = load16(r.p);
	b->flags = load16(r.p + 2);
	b->id = load32(r.p + 4);
	b->tag = (struct slice){ r.p + 8, 8 };
	return 0;
}

int
perf_namespaces_read(
    const struct perf_layout *l, const struct perf_event_header *h, struct perf_namespaces *n)
{
	struct rest r;

	*n = (struct perf_namespaces){ 0 };
	if (body(l, h, 16, &r) < 0)
		return -1;
	n->pid = load32(r.p);
	n->tid = load32(r.p + 4);
	n->n = load64(r.p + 8);
	r.p += 16;
	n->link = take(&r, n->n, 16);
	return n->link ? 0 : -1;
}

uint32_t
perf_chain_plain(const struct perf_sample *s, uint64_t *to, uint32_t *guest)
{
	uint64_t *start = to;
	bool keep = true;

	*guest = 0;
	for (uint64_t i = 0; i < s->chain_n; i++) {
		uint64_t ip = s->chain[i];

		if (__builtin_expect(ip < PERF_CONTEXT_MAX, 1)) {
			if (__builtin_expect(keep, 1))
				*to++ = ip;
			else
				++*guest;
			continue;
		}
		if (ip == USER_DEFERRED)
			i++; /* a cookie follows */
		keep = ip > PERF_CONTEXT_GUEST;
	}
	return (uint32_t)(to - start);
}

static const char *const names[] = { NULL, "MMAP", "LOST", "COMM", "EXIT", "THROTTLE", "UNTHROTTLE",
	"FORK", "READ", "SAMPLE", "MMAP2", "AUX", "ITRACE_START", "LOST_SAMPLES", "SWITCH",
	"SWITCH_CPU_WIDE", "NAMESPACES", "KSYMBOL", "BPF_EVENT", "CGROUP", "TEXT_POKE",
	"AUX_OUTPUT_HW_ID" };

const char *
perf_record_name(uint32_t type)
{
	return type < sizeof names / sizeof *names ? names[type] : NULL;
}
