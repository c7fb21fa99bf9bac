#include "code/cfi.h"

#include <string.h>

#include "base/bytes.h"

/* ---- bytes with an end: a read past it sets bad, and gives zero ---- */

struct cursor {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t
take(struct cursor *c, size_t n)
{
	uint64_t v = 0;

	if ((size_t)(c->end - c->p) < n) {
		c->bad = true;
		c->p = c->end;
		return 0;
	}
	memcpy(&v, c->p, n);
	c->p += n;
	return v;
}

static int64_t
take_signed(struct cursor *c, unsigned n)
{
	uint64_t v = take(c, n);
	unsigned shift = 64 - 8 * n;

	return (int64_t)(v << shift) >> shift;
}

static uint64_t
uleb(struct cursor *c)
{
	const unsigned char *p;
	uint64_t v = 0;

	if (c->p < c->end && *c->p < 0x80)
		return *c->p++;
	p = leb128_get(c->p, c->end, &v);
	if (p == NULL) {
		c->bad = true;
		c->p = c->end;
		return 0;
	}
	c->p = p;
	return v;
}

static int64_t
sleb(struct cursor *c)
{
	const unsigned char *p;
	int64_t v = 0;

	p = sleb128_get(c->p, c->end, &v);
	if (p == NULL) {
		c->bad = true;
		c->p = c->end;
		return 0;
	}
	c->p = p;
	return v;
}

static void
skip(struct cursor *c, uint64_t n)
{
	if ((uint64_t)(c->end - c->p) < n) {
		c->bad = true;
		c->p = c->end;
	} else {
		c->p += n;
	}
}

/* ---- pointers, CIE, FDE ---- */

enum { PE_OMIT = 0xff, PE_INDIRECT = 0x80 };

static uint64_t
pointer(struct cursor *c, const struct cfi_section *s, uint8_t encoding, uint64_t function)
{
	uint64_t here, v;

	if (encoding == PE_OMIT)
		return 0;
	if ((encoding & 0x70) == 0x50) { /* aligned */
		size_t at = (size_t)(c->p - s->p) + (size_t)(s->addr & 7);

		skip(c, (8 - at % 8) % 8);
	}
	here = s->addr + (uint64_t)(c->p - s->p);
	switch (encoding & 0x0f) {
	case 0x00:
	case 0x04:
	case 0x0c:
		v = take(c, 8);
		break;
	case 0x01:
		v = uleb(c);
		break;
	case 0x02:
		v = take(c, 2);
		break;
	case 0x03:
		v = take(c, 4);
		break;
	case 0x09:
		v = (uint64_t)sleb(c);
		break;
	case 0x0a:
		v = (uint64_t)take_signed(c, 2);
		break;
	case 0x0b:
		v = (uint64_t)take_signed(c, 4);
		break;
	default:
		c->bad = true;
		return 0;
	}
	switch (encoding & 0x70) {
	case 0x10:
		return v + here;
	case 0x20:
		return v + s->text;
	case 0x30:
		return v + s->data;
	case 0x40:
		return v + function;
	default:
		return v;
	}
}

/* The header of an entry: where its id is, and where it ends. 0 at the end of the section. */
static int
entry(const struct cfi_section *s, size_t offset, struct cursor *c, bool *is64)
{
	uint64_t length;

	if (offset >= s->n)
		return 0;
	*c = (struct cursor){ s->p + offset, s->p + s->n, false };
	length = take(c, 4);
	*is64 = length == 0xffffffff;
	if (*is64)
		length = take(c, 8);
	if (c->bad || length > (uint64_t)(c->end - c->p))
		return -1;
	c->end = c->p + length;
	if (length == 0)
		return s->eh ? 0 : 2; /* .eh_frame ends with a zero; elsewhere it is padding */
	return 1;
}

struct cie {
	uint8_t pointers; /* encoding of addresses in its FDEs */
	bool sized;       /* its FDEs have augmentation data */
};

static int
cie_parse(const struct cfi_section *s, size_t offset, struct cfi_fde *fde, struct cie *cie)
{
	struct cursor c;
	const unsigned char *augmentation;
	const unsigned char *data_end = NULL;
	bool is64;
	uint64_t id, version, ra;

	if (entry(s, offset, &c, &is64) != 1)
		return -1;
	id = take(&c, is64 ? 8 : 4);
	if (id != (s->eh ? 0 : is64 ? ~(uint64_t)0 : 0xffffffff))
		return -1;
	version = take(&c, 1);
	if (version != 1 && version != 3 && version != 4)
		return -1;
	augmentation = c.p;
	while (c.p < c.end && *c.p)
		c.p++;
	skip(&c, 1);
	if (c.bad)
		return -1;
	if (augmentation[0] == 'e' && augmentation[1] == 'h' && augmentation[2] == 0)
		skip(&c, 8); /* GCC 2: a pointer to its own tables */
	if (version >= 4) {
		uint64_t address = take(&c, 1), segment = take(&c, 1);

		if (address != 8 || segment != 0)
			return -1;
	}
	fde->code_align = uleb(&c);
	fde->data_align = sleb(&c);
	ra = version == 1 ? take(&c, 1) : uleb(&c);
	if (c.bad || ra >= ARCH_REGS)
		return -1;
	fde->ra = (uint8_t)ra;
	fde->signal = false;
	*cie = (struct cie){ 0, false };
	if (augmentation[0] == 'z') {
		uint64_t n = uleb(&c);

		if (c.bad || n > (uint64_t)(c.end - c.p))
			return -1;
		data_end = c.p + n;
		cie->sized = true;
		for (const unsigned char *a = augmentation + 1; *a && !c.bad; a++)
			if (*a == 'R')
				cie->pointers = (uint8_t)take(&c, 1);
			else if (*a == 'L')
				take(&c, 1);
			else if (*a == 'P')
				pointer(&c, s, (uint8_t)take(&c, 1) & 0x7f, 0);
			else if (*a == 'S')
				fde->signal = true;
			else if (*a != 'B' && *a != 'G')
				break; /* unknown, but its size is known */
		if (c.bad)
			return -1;
		c.p = data_end;
	} else if (augmentation[0] != 0 && augmentation[0] != 'e') {
		return -1;
	}
	fde->initial = (uint32_t)(c.p - s->p);
	fde->initial_end = (uint32_t)(c.end - s->p);
	return 0;
}

/* 1 an FDE, 2 another entry, 0 the end, -1. */
static int
fde_parse(const struct cfi_section *s, size_t offset, struct cfi_fde *fde, size_t *next)
{
	struct cursor c;
	struct cie cie;
	const unsigned char *id_at;
	bool is64;
	uint64_t id;
	int got = entry(s, offset, &c, &is64);

	if (got < 1)
		return got;
	*next = (size_t)(c.end - s->p);
	if (got == 2)
		return 2;
	id_at = c.p;
	id = take(&c, is64 ? 8 : 4);
	if (c.bad)
		return -1;
	if (s->eh) {
		if (id == 0)
			return 2;
		if (id > (uint64_t)(id_at - s->p))
			return -1;
		id = (uint64_t)(id_at - s->p) - id;
	} else if (id == (is64 ? ~(uint64_t)0 : 0xffffffff)) {
		return 2;
	}
	if (id >= s->n || cie_parse(s, (size_t)id, fde, &cie) < 0)
		return -1;
	fde->pc = pointer(&c, s, cie.pointers & 0x7f, 0);
	fde->end = fde->pc + pointer(&c, s, cie.pointers & 0x0f, 0);
	if (cie.sized)
		skip(&c, uleb(&c));
	if (c.bad || fde->end < fde->pc)
		return -1;
	fde->start = (uint32_t)(c.p - s->p);
	fde->stop = (uint32_t)(c.end - s->p);
	return 1;
}

int
cfi_fde(const struct cfi_section *s, size_t offset, struct cfi_fde *fde)
{
	size_t next;

	if (s->n >= INT32_MAX)
		return -1;
	return fde_parse(s, offset, fde, &next) == 1 ? 0 : -1;
}

int
cfi_next(const struct cfi_section *s, size_t *next, size_t *at, struct cfi_fde *fde)
{
	int got;

	*at = *next;
	if (s->n >= INT32_MAX)
		return 0;
	got = fde_parse(s, *at, fde, next);
	if (got < 0)
		return *next > *at ? 2 : 0; /* its length was good: what follows may be too */
	return got;
}

int
cfi_table(const struct cfi_section *hdr, struct cfi_table *table, uint64_t *eh_frame)
{
	struct cfi_section s = *hdr;
	struct cursor c = { hdr->p, hdr->p + hdr->n, false };
	uint8_t version, pointer_encoding, count_encoding, table_encoding;
	uint64_t at, count;

	s.data = hdr->addr;
	version = (uint8_t)take(&c, 1);
	pointer_encoding = (uint8_t)take(&c, 1);
	count_encoding = (uint8_t)take(&c, 1);
	table_encoding = (uint8_t)take(&c, 1);
	at = pointer(&c, &s, pointer_encoding, 0);
	if (c.bad || version != 1)
		return -1;
	if (eh_frame)
		*eh_frame = at;
	count = pointer(&c, &s, count_encoding, 0);
	if (c.bad || count_encoding == PE_OMIT || table_encoding != 0x3b) /* datarel, int32 */
		return -1;
	if (count == 0 || count > (uint64_t)(c.end - c.p) / 8)
		return -1;
	*table = (struct cfi_table){ c.p, (size_t)count, hdr->addr };
	return 0;
}

int
cfi_table_find(const struct cfi_table *table, uint64_t pc, uint64_t *fde_addr)
{
	size_t low = 0, high = table->entries;
	int64_t want = (int64_t)(pc - table->base);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if ((int32_t)load32(table->p + 8 * mid) <= want)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return -1;
	*fde_addr = table->base + (uint64_t)(int64_t)(int32_t)load32(table->p + 8 * (low - 1) + 4);
	return 0;
}

/* ---- the byte code ---- */

enum { REMEMBER_DEPTH = 16, REMEMBER_USUAL = 2 };

struct state {
	bool cfa_expr;
	uint8_t cfa_reg;
	int64_t cfa;
	uint64_t set; /* registers that have a rule */
	struct {
		uint8_t how;
		int32_t value;
	} rule[ARCH_REGS];
};

struct machine {
	const struct cfi_section *s;
	const struct cfi_fde *fde;
	const struct arch *arch;
	struct state now, initial, *kept;
	unsigned depth, depth_max;
	uint64_t pc, row_pc;
	uint64_t only; /* the one row that is wanted holds for this offset; UINT64_MAX: all are */
	size_t first_row;
	struct cfi_rows *to;
};

enum { FOUND = 2 }; /* the row that was wanted is written */

static void
set_rule(struct machine *m, uint64_t reg, enum cfi_how how, int64_t value, struct cursor *c)
{
	if (value != (int32_t)value) {
		c->bad = true;
		return;
	}
	if (reg >= m->arch->regs) /* vector registers and such: nobody asks for them */
		return;
	m->now.set |= (uint64_t)1 << reg;
	m->now.rule[reg].how = (uint8_t)how;
	m->now.rule[reg].value = (int32_t)value;
}

static bool
same_row(const struct cfi_row *a, const struct cfi_row *b, const struct cfi_rule *rule)
{
	if (a->cfa != b->cfa || a->cfa_reg != b->cfa_reg || a->rules != b->rules ||
	    a->flags != b->flags)
		return false;
	for (unsigned i = 0; i < a->rules; i++) {
		const struct cfi_rule *x = &rule[a->rule + i], *y = &rule[b->rule + i];

		if (x->reg != y->reg || x->how != y->how || x->value != y->value)
			return false;
	}
	return true;
}

/* Writes the row that began at row_pc. 1 where a table is full. */
static int
emit(struct machine *m)
{
	struct cfi_rows *to = m->to;
	struct cfi_row row = { .pc = (uint32_t)m->row_pc, .cfa = (int32_t)m->now.cfa };
	size_t before = to->rules;

	if (m->now.cfa != (int32_t)m->now.cfa || m->row_pc > UINT32_MAX)
		return -1;
	row.cfa_reg = m->now.cfa_reg;
	row.ra = m->fde->ra;
	row.rule = (uint32_t)to->rules;
	row.flags =
	    (uint8_t)((m->now.cfa_expr ? CFI_CFA_EXPR : 0) | (m->fde->signal ? CFI_SIGNAL : 0));
	for (uint64_t left = m->now.set; left; left &= left - 1) {
		unsigned reg = (unsigned)__builtin_ctzll(left);
		uint8_t how = m->now.rule[reg].how;

		if (how == CFI_UNDEFINED) {
			if (reg == row.ra)
				row.flags |= CFI_ROOT;
			continue;
		}
		if (how == CFI_SAME)
			continue;
		if (how == CFI_REG || how == CFI_AT_EXPR || how == CFI_IS_EXPR)
			row.flags |= CFI_COPY;
		if (to->rules == to->rule_cap)
			return 1;
		to->rule[to->rules++] =
		    (struct cfi_rule){ (uint8_t)reg, how, m->now.rule[reg].value };
		row.rules++;
	}
	if (to->rows > m->first_row) {
		struct cfi_row *last = &to->row[to->rows - 1];

		if (last->pc == row.pc) /* nothing lay between: the later one counts */
			to->rows--;
		else if (same_row(last, &row, to->rule)) {
			to->rules = before;
			return 0;
		}
	}
	if (to->rows == to->row_cap)
		return 1;
	to->row[to->rows++] = row;
	return 0;
}

static int
advance(struct machine *m, uint64_t to)
{
	int status;

	if (to == m->pc)
		return 0;
	if (to < m->pc)
		return -1;
	if (m->only == UINT64_MAX)
		status = emit(m);
	else if (m->only < to)
		status = emit(m) == 0 ? FOUND : -1;
	else
		status = 0;
	m->pc = m->row_pc = to;
	return status;
}

static int
run(struct machine *m, size_t start, size_t stop, bool initial)
{
	struct cursor cursor = { m->s->p + start, m->s->p + stop, false }, *c = &cursor;
	struct state *now = &m->now;
	int64_t align = m->fde->data_align;
	int status = 0;

	while (c->p < c->end && !c->bad && status == 0) {
		uint8_t op = *c->p++;
		uint64_t reg, v;

		switch (op >> 6) {
		case 1: /* advance_loc */
			if (initial)
				return -1;
			status = advance(m, m->pc + (op & 0x3f) * m->fde->code_align);
			continue;
		case 2: /* offset */
			v = uleb(c);
			set_rule(m, op & 0x3f, CFI_AT, (int64_t)v * align, c);
			continue;
		case 3: /* restore */
			reg = op & 0x3f;
			goto restore;
		}
		switch (op) {
		case 0x00: /* nop */
			break;
		case 0x01: /* set_loc: of the encoding of the FDE's addresses, which is pcrel or absolute, 4 or 8 bytes */
			return -1;
		case 0x02:
		case 0x03:
		case 0x04: /* advance_loc1, 2, 4 */
			v = take(c, (size_t)1 << (op - 2));
			if (initial)
				return -1;
			if (!c->bad)
				status = advance(m, m->pc + v * m->fde->code_align);
			break;
		case 0x05: /* offset_extended */
			reg = uleb(c);
			v = uleb(c);
			set_rule(m, reg, CFI_AT, (int64_t)v * align, c);
			break;
		case 0x06: /* restore_extended */
			reg = uleb(c);
		restore:
			if (initial)
				return -1;
			if (reg >= m->arch->regs)
				break;
			now->rule[reg] = m->initial.rule[reg];
			now->set &= ~((uint64_t)1 << reg);
			now->set |= m->initial.set & (uint64_t)1 << reg;
			break;
		case 0x07: /* undefined */
			set_rule(m, uleb(c), CFI_UNDEFINED, 0, c);
			break;
		case 0x08: /* same_value */
			set_rule(m, uleb(c), CFI_SAME, 0, c);
			break;
		case 0x09: /* register */
			reg = uleb(c);
			v = uleb(c);
			if (v >= m->arch->regs)
				set_rule(m, reg, CFI_UNDEFINED, 0, c);
			else
				set_rule(m, reg, CFI_REG, (int64_t)v, c);
			break;
		case 0x0a: /* remember_state */
			if (m->depth == m->depth_max)
				return -1;
			m->kept[m->depth++] = *now;
			break;
		case 0x0b: /* restore_state */
			if (m->depth == 0)
				return -1;
			*now = m->kept[--m->depth];
			break;
		case 0x0c: /* def_cfa */
		case 0x12: /* def_cfa_sf */
			reg = uleb(c);
			now->cfa = op == 0x0c ? (int64_t)uleb(c) : sleb(c) * align;
			now->cfa_expr = false;
			if (reg >= m->arch->regs)
				return -1;
			now->cfa_reg = (uint8_t)reg;
			break;
		case 0x0d: /* def_cfa_register */
			reg = uleb(c);
			if (reg >= m->arch->regs || now->cfa_expr)
				return -1;
			now->cfa_reg = (uint8_t)reg;
			break;
		case 0x0e: /* def_cfa_offset */
		case 0x13: /* def_cfa_offset_sf */
			now->cfa = op == 0x0e ? (int64_t)uleb(c) : sleb(c) * align;
			if (now->cfa_expr)
				return -1;
			break;
		case 0x0f: /* def_cfa_expression */
			now->cfa_expr = true;
			now->cfa = c->p - m->s->p;
			skip(c, uleb(c));
			break;
		case 0x10: /* expression */
		case 0x16: /* val_expression */
			reg = uleb(c);
			set_rule(m, reg, op == 0x10 ? CFI_AT_EXPR : CFI_IS_EXPR, c->p - m->s->p, c);
			skip(c, uleb(c));
			break;
		case 0x11: /* offset_extended_sf */
			reg = uleb(c);
			set_rule(m, reg, CFI_AT, sleb(c) * align, c);
			break;
		case 0x14: /* val_offset */
			reg = uleb(c);
			v = uleb(c);
			set_rule(m, reg, CFI_IS, (int64_t)v * align, c);
			break;
		case 0x15: /* val_offset_sf */
			reg = uleb(c);
			set_rule(m, reg, CFI_IS, sleb(c) * align, c);
			break;
		case 0x2d: /* aarch64: the return address is (or is no more) signed; code_mask takes care of it */
			if (m->arch->ra_state == ARCH_NONE)
				return -1;
			break;
		case 0x2e: /* GNU_args_size: matters to exceptions alone */
			uleb(c);
			break;
		case 0x2f: /* GNU_negative_offset_extended */
			reg = uleb(c);
			v = uleb(c);
			set_rule(m, reg, CFI_AT, -(int64_t)v * align, c);
			break;
		default:
			return -1;
		}
	}
	return c->bad ? -1 : status;
}

/* Both programs, and what follows the last advance. */
static int
run_fde(struct machine *m)
{
	int status;

	m->depth = 0;
	m->pc = m->row_pc = 0;
	m->first_row = m->to->rows;
	memset(&m->now, 0, sizeof m->now);
	m->now.cfa_reg = m->arch->sp;
	status = run(m, m->fde->initial, m->fde->initial_end, true);
	m->initial = m->now;
	if (status == 0)
		status = run(m, m->fde->start, m->fde->stop, false);
	if (status == 0)
		status = emit(m);
	return status;
}

int
cfi_compile(const struct cfi_section *s, const struct cfi_fde *fde, const struct arch *arch,
    struct cfi_rows *to)
{
	struct state kept[REMEMBER_DEPTH];
	struct machine m = { .s = s, .fde = fde, .arch = arch, .only = UINT64_MAX, .to = to };
	size_t rows = to->rows, rules = to->rules;
	int status;

	m.kept = kept;
	m.depth_max = REMEMBER_DEPTH;
	status = run_fde(&m);
	if (status) {
		to->rows = rows;
		to->rules = rules;
	}
	return status;
}

static int
row_of(struct machine *m, struct state *kept, unsigned depth)
{
	m->kept = kept;
	m->depth_max = depth;
	m->to->rows = m->to->rules = 0;
	return run_fde(m);
}

/* Functions of their own, so that the large one's stack is used where it is needed alone. */
static __attribute__((noinline)) int
row_of_usual(struct machine *m)
{
	struct state kept[REMEMBER_USUAL];

	return row_of(m, kept, REMEMBER_USUAL);
}

static __attribute__((noinline)) int
row_of_deep(struct machine *m)
{
	struct state kept[REMEMBER_DEPTH];

	return row_of(m, kept, REMEMBER_DEPTH);
}

int
cfi_row_of(const struct cfi_section *s, const struct cfi_fde *fde, const struct arch *arch,
    uint64_t offset, struct cfi_row *row, struct cfi_rule *rule)
{
	struct cfi_rows to = { .row = row, .row_cap = 1, .rule = rule, .rule_cap = arch->regs };
	struct machine m = { .s = s, .fde = fde, .arch = arch, .only = offset, .to = &to };
	int status = row_of_usual(&m);

	if (status < 0)
		status = row_of_deep(&m);
	return status < 0 || status == 1 ? -1 : 0;
}

const struct cfi_row *
cfi_row_at(const struct cfi_row *row, size_t n, uint64_t offset)
{
	size_t low = 1, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (row[mid].pc <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return &row[low - 1];
}

/* ---- memory, expressions, steps ---- */

bool
cfi_read_slow(struct cfi_memory *m, uint64_t addr, void *to, size_t n)
{
	uint64_t at = addr - m->sp;

	if (m->n >= n && at <= m->n - n) {
		memcpy(to, m->stack + at, n);
		return true;
	}
	if (m->read && m->read(m->context, addr, to, n))
		return true;
	m->fault = addr;
	return false;
}

enum { EXPR_STACK = 64, EXPR_STEPS = 1000 };

int
cfi_expression(const struct cfi_section *s, size_t offset, const struct arch *arch, uint64_t bias,
    const uint64_t *r, const uint64_t *initial, struct cfi_memory *m, uint64_t *value)
{
	struct cursor cursor = { s->p + offset, s->p + s->n, false }, *c = &cursor;
	uint64_t stack[EXPR_STACK], a, b;
	const unsigned char *begin;
	unsigned n = 0;

	if (offset > s->n)
		return -1;
	a = uleb(c);
	if (c->bad || a > (uint64_t)(c->end - c->p))
		return -1;
	begin = c->p;
	c->end = c->p + a;
	if (initial)
		stack[n++] = *initial;
#define NEED(k)                                                                                    \
	do {                                                                                       \
		if (n < (k))                                                                       \
			return -1;                                                                 \
	} while (0)
	for (unsigned steps = 0; c->p < c->end; steps++) {
		uint8_t op = *c->p++;
		int64_t d;
		uint8_t small[8];

		if (steps == EXPR_STEPS || n >= EXPR_STACK - 1)
			return -1;
		switch (op) {
		case 0x03: /* addr */
			stack[n++] = take(c, 8) + bias;
			break;
		case 0x06: /* deref */
			NEED(1);
			if (!cfi_read(m, stack[n - 1], &stack[n - 1]))
				return 1;
			break;
		case 0x94: /* deref_size */
			NEED(1);
			a = take(c, 1);
			if (a == 0 || a > 8)
				return -1;
			memset(small, 0, sizeof small);
			if (!cfi_read_slow(m, stack[n - 1], small, (size_t)a))
				return 1;
			memcpy(&stack[n - 1], small, 8);
			break;
		case 0x08: /* const1u and so on */
			stack[n++] = take(c, 1);
			break;
		case 0x09:
			stack[n++] = (uint64_t)take_signed(c, 1);
			break;
		case 0x0a:
			stack[n++] = take(c, 2);
			break;
		case 0x0b:
			stack[n++] = (uint64_t)take_signed(c, 2);
			break;
		case 0x0c:
			stack[n++] = take(c, 4);
			break;
		case 0x0d:
			stack[n++] = (uint64_t)take_signed(c, 4);
			break;
		case 0x0e:
		case 0x0f:
			stack[n++] = take(c, 8);
			break;
		case 0x10:
			stack[n++] = uleb(c);
			break;
		case 0x11:
			stack[n++] = (uint64_t)sleb(c);
			break;
		case 0x12: /* dup */
			NEED(1);
			stack[n] = stack[n - 1];
			n++;
			break;
		case 0x13: /* drop */
			NEED(1);
			n--;
			break;
		case 0x14: /* over */
			NEED(2);
			stack[n] = stack[n - 2];
			n++;
			break;
		case 0x15: /* pick */
			a = take(c, 1);
			if (a >= n)
				return -1;
			stack[n] = stack[n - 1 - a];
			n++;
			break;
		case 0x16: /* swap */
			NEED(2);
			a = stack[n - 1];
			stack[n - 1] = stack[n - 2];
			stack[n - 2] = a;
			break;
		case 0x17: /* rot */
			NEED(3);
			a = stack[n - 1];
			stack[n - 1] = stack[n - 2];
			stack[n - 2] = stack[n - 3];
			stack[n - 3] = a;
			break;
		case 0x19: /* abs */
			NEED(1);
			if ((int64_t)stack[n - 1] < 0)
				stack[n - 1] = 0 - stack[n - 1];
			break;
		case 0x1f: /* neg */
			NEED(1);
			stack[n - 1] = 0 - stack[n - 1];
			break;
		case 0x20: /* not */
			NEED(1);
			stack[n - 1] = ~stack[n - 1];
			break;
		case 0x23: /* plus_uconst */
			NEED(1);
			stack[n - 1] += uleb(c);
			break;
		case 0x1a: /* and */
		case 0x1b: /* div */
		case 0x1c: /* minus */
		case 0x1d: /* mod */
		case 0x1e: /* mul */
		case 0x21: /* or */
		case 0x22: /* plus */
		case 0x24: /* shl */
		case 0x25: /* shr */
		case 0x26: /* shra */
		case 0x27: /* xor */
		case 0x29: /* eq */
		case 0x2a: /* ge */
		case 0x2b: /* gt */
		case 0x2c: /* le */
		case 0x2d: /* lt */
		case 0x2e: /* ne */
			NEED(2);
			b = stack[--n];
			a = stack[n - 1];
			if ((op == 0x1b || op == 0x1d) && b == 0)
				return -1;
			switch (op) {
			case 0x1a:
				a &= b;
				break;
			case 0x1b:
				a = b == ~(uint64_t)0 ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
				break;
			case 0x1c:
				a -= b;
				break;
			case 0x1d:
				a %= b;
				break;
			case 0x1e:
				a *= b;
				break;
			case 0x21:
				a |= b;
				break;
			case 0x22:
				a += b;
				break;
			case 0x24:
				a = b < 64 ? a << b : 0;
				break;
			case 0x25:
				a = b < 64 ? a >> b : 0;
				break;
			case 0x26:
				a = (uint64_t)((int64_t)a >> (b < 64 ? b : 63));
				break;
			case 0x27:
				a ^= b;
				break;
			case 0x29:
				a = a == b;
				break;
			case 0x2a:
				a = (int64_t)a >= (int64_t)b;
				break;
			case 0x2b:
				a = (int64_t)a > (int64_t)b;
				break;
			case 0x2c:
				a = (int64_t)a <= (int64_t)b;
				break;
			case 0x2d:
				a = (int64_t)a < (int64_t)b;
				break;
			case 0x2e:
				a = a != b;
				break;
			}
			stack[n - 1] = a;
			break;
		case 0x28: /* bra */
			NEED(1);
			d = take_signed(c, 2);
			if (stack[--n] == 0)
				break;
			goto jump;
		case 0x2f: /* skip */
			d = take_signed(c, 2);
		jump:
			if (c->bad || d < begin - c->p || d > c->end - c->p)
				return -1;
			c->p += d;
			break;
		case 0x92: /* bregx */
			a = uleb(c);
			d = sleb(c);
			goto breg;
		case 0x96: /* nop */
			break;
		default:
			if (op >= 0x30 && op <= 0x4f) { /* lit */
				stack[n++] = op - 0x30U;
				break;
			}
			if (op < 0x70 || op > 0x8f)
				return -1;
			a = op - 0x70U;
			d = sleb(c);
		breg:
			if (a >= arch->regs)
				return -1;
			stack[n++] = r[a] + (uint64_t)d;
			break;
		}
		if (c->bad)
			return -1;
	}
#undef NEED
	if (n == 0)
		return -1;
	*value = stack[n - 1];
	return 0;
}

int
cfi_step(const struct cfi_row *row, const struct cfi_rule *rule, const struct cfi_section *s,
    uint64_t bias, const struct arch *arch, uint64_t *r, struct cfi_memory *m)
{
	uint64_t cfa, sp = r[arch->sp], was[ARCH_REGS];
	const uint64_t *from = r;
	bool own_sp = false;
	int status;

	if (row->flags & CFI_CFA_EXPR) {
		if (s == NULL)
			return -1;
		status = cfi_expression(s, (size_t)row->cfa, arch, bias, r, NULL, m, &cfa);
		if (status)
			return status;
	} else {
		cfa = r[row->cfa_reg] + (uint64_t)(int64_t)row->cfa;
	}
	if (row->flags & CFI_COPY) {
		memcpy(was, r, arch->regs * sizeof *r);
		from = was;
	}
	rule += row->rule;
	for (unsigned i = 0; i < row->rules; i++, rule++) {
		uint64_t *to = &r[rule->reg], at = cfa + (uint64_t)(int64_t)rule->value;

		own_sp |= rule->reg == arch->sp;
		switch (rule->how) {
		case CFI_AT:
			if (cfi_read(m, at, to))
				break;
			/* Below the stack pointer: an epilogue has popped it, so the register has it back. */
			if (at >= sp || rule->reg == row->ra)
				return 1;
			break;
		case CFI_IS:
			*to = at;
			break;
		case CFI_REG:
			*to = from[rule->value];
			break;
		case CFI_AT_EXPR:
		case CFI_IS_EXPR:
			if (s == NULL)
				return -1;
			status =
			    cfi_expression(s, (size_t)rule->value, arch, bias, from, &cfa, m, &at);
			if (status)
				return status;
			if (rule->how == CFI_IS_EXPR)
				*to = at;
			else if (!cfi_read(m, at, to))
				return 1;
			break;
		}
	}
	if (!own_sp)
		r[arch->sp] = cfa;
	r[arch->pc] = r[row->ra] & arch->code_mask;
	return 0;
}
