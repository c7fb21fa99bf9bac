#include "form/perf_access.h"

#include <linux/hw_breakpoint.h>

/* Of a page fault on x86. */
enum { FAULT_WRITE = 0x2, FAULT_FETCH = 0x10 };

static const struct perf_field *
field_named(const struct perf_format *f, struct slice name, enum perf_field_kind kind)
{
	for (unsigned i = 0; i < f->fields; i++)
		if (slice_eq(f->field[i].name, name) &&
		    (f->field[i].kind == kind || f->field[i].kind == PERF_FIELD_INT))
			return &f->field[i];
	return NULL;
}

static struct slice
op_of_wanted(unsigned wanted)
{
	switch (wanted & PERF_ACCESS_ALL) {
	case PERF_ACCESS_READS:
		return SLICE("r");
	case PERF_ACCESS_WRITES:
		return SLICE("w");
	case PERF_ACCESS_CODE:
		return SLICE("x");
	default:
		return SLICE("rw");
	}
}

static unsigned
bits_of_op(struct slice op)
{
	unsigned bits = 0;

	for (size_t i = 0; i < op.n; i++)
		bits |= op.p[i] == 'r'   ? PERF_ACCESS_READS
			: op.p[i] == 'w' ? PERF_ACCESS_WRITES
					 : PERF_ACCESS_CODE;
	return bits;
}

void
perf_access_kind_init(struct perf_access_kind *k, const struct perf_event_attr *attr,
    const struct perf_format *format, enum perf_machine machine, unsigned wanted)
{
	*k = (struct perf_access_kind){ .wanted = wanted };
	if (attr->type == PERF_TYPE_TRACEPOINT) {
		if (wanted == 0 || format == NULL)
			return;
		k->address = field_named(format, SLICE("address"), PERF_FIELD_ADDR);
		if (k->address == NULL)
			return;
		k->source = PERF_ACCESS_FAULT;
		k->ip = field_named(format, SLICE("ip"), PERF_FIELD_ADDR);
		if (machine == PERF_MACHINE_X86_64)
			k->error_code = field_named(format, SLICE("error_code"), PERF_FIELD_INT);
	} else if (attr->type == PERF_TYPE_BREAKPOINT) {
		/* one on code is a probe: its samples are of what ran */
		if (!(attr->bp_type & HW_BREAKPOINT_RW) || attr->bp_type & HW_BREAKPOINT_X)
			return;
		k->source = PERF_ACCESS_BREAKPOINT;
		k->size = attr->bp_len;
		wanted = (attr->bp_type & HW_BREAKPOINT_R ? PERF_ACCESS_READS : 0) |
			 (attr->bp_type & HW_BREAKPOINT_W ? PERF_ACCESS_WRITES : 0);
		k->wanted = 0;
	} else if (attr->sample_type & PERF_SAMPLE_DATA_SRC && attr->type != PERF_TYPE_SOFTWARE) {
		k->source = PERF_ACCESS_DATA_SRC;
	} else if (wanted != 0) {
		k->source = PERF_ACCESS_ADDRESS;
	}
	k->op = op_of_wanted(wanted);
}

/* Another data_src takes the place of one kept. */
static const struct perf_data_src *
decode(struct perf_access_decoder *d, uint64_t bits)
{
	size_t at = (size_t)(bits * 0x9e3779b97f4a7c15ull >> 56);

	if (!d->kept[at].used || d->kept[at].bits != bits) {
		d->kept[at].used = true;
		d->kept[at].bits = bits;
		perf_data_src_read(&d->kept[at].words, bits);
	}
	return &d->kept[at].words;
}

static int
read_fault(const struct perf_access_kind *k, const struct perf_sample *x, struct perf_access *a)
{
	union perf_value v;

	if (perf_field_read(k->address, x->raw, &v) < 0)
		return 0;
	a->addr = v.u;
	a->has_addr = true;
	a->has_ip = k->ip && perf_field_read(k->ip, x->raw, &v) == 0;
	if (a->has_ip)
		a->ip = v.u;
	if (k->error_code && perf_field_read(k->error_code, x->raw, &v) == 0)
		a->op = v.u & FAULT_FETCH   ? SLICE("x")
			: v.u & FAULT_WRITE ? SLICE("w")
					    : SLICE("r");
	return 1;
}

int
perf_access_read(struct perf_access_decoder *d, const struct perf_access_kind *k,
    const struct perf_layout *layout, const struct perf_sample *x, struct perf_access *a)
{
	const struct perf_data_src *words;

	if (k->source == PERF_ACCESS_NONE)
		return 0;
	*a = (struct perf_access){ .op = k->op, .size = k->size };
	if (k->source == PERF_ACCESS_FAULT)
		return read_fault(k, x, a) == 0                        ? 0
		       : k->wanted && !(bits_of_op(a->op) & k->wanted) ? -1
								       : 1;
	/* hardware gives no address as 0; a page fault and a breakpoint may well be there */
	a->has_addr = layout->sample_type & PERF_SAMPLE_ADDR &&
		      (x->addr != 0 || k->source != PERF_ACCESS_DATA_SRC);
	a->addr = x->addr;
	a->has_ip = layout->sample_type & PERF_SAMPLE_IP;
	a->ip = x->ip;
	if (layout->sample_type & PERF_SAMPLE_WEIGHT)
		a->latency = x->weight;
	else if (layout->sample_type & PERF_SAMPLE_WEIGHT_STRUCT)
		a->latency = (uint32_t)x->weight;
	if (k->source != PERF_ACCESS_DATA_SRC)
		return 1;
	words = decode(d, x->data_src);
	if (words->op[0])
		a->op = slice_of(words->op);
	else if (!a->has_addr ||
		 (k->wanted != PERF_ACCESS_READS && k->wanted != PERF_ACCESS_WRITES))
		return 0;
	a->level = slice_of(words->level);
	a->tlb = slice_of(words->tlb);
	a->snoop = slice_of(words->snoop);
	a->locked = words->locked;
	return k->wanted && !(bits_of_op(a->op) & k->wanted) ? -1 : 1;
}
