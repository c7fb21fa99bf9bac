/* Call frame information: hand-made entries, expressions, and every FDE of this program and of the C library. */
#include <dlfcn.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "code/cfi.h"
#include "code/object.h"
#include "unit.h"

static struct buf bytes;

static void
put32(uint32_t v)
{
	buf_put(&bytes, &v, 4);
}

static void
put64(uint64_t v)
{
	buf_put(&bytes, &v, 8);
}

/* A CIE "zR" with absolute 8-byte addresses, CFA = rsp + 8, ra at CFA - 8. Returns where it begins. */
static size_t
cie(const char *augmentation, const char *data, size_t data_n)
{
	size_t at = bytes.n;

	put32(0);
	put32(0);
	buf_char(&bytes, 1);
	buf_put(&bytes, augmentation, strlen(augmentation) + 1);
	buf_put(&bytes, "\x01\x78\x10", 3); /* code 1, data -8, ra 16 */
	if (augmentation[0] == 'z') {
		buf_char(&bytes, (char)data_n);
		buf_put(&bytes, data, data_n);
	}
	buf_put(&bytes, "\x0c\x07\x08\x90\x01", 5);
	while ((bytes.n - at) % 8 != 4)
		buf_char(&bytes, 0);
	store32(bytes.p + at, (uint32_t)(bytes.n - at - 4));
	return at;
}

static size_t
fde(size_t of, uint64_t pc, uint64_t size, bool sized, const char *code, size_t n)
{
	size_t at = bytes.n;

	put32(0);
	put32((uint32_t)(at + 4 - of));
	put64(pc);
	put64(size);
	if (sized)
		buf_char(&bytes, 0);
	buf_put(&bytes, code, n);
	while ((bytes.n - at) % 8 != 4)
		buf_char(&bytes, 0);
	store32(bytes.p + at, (uint32_t)(bytes.n - at - 4));
	return at;
}

static struct cfi_section
section(void)
{
	return (struct cfi_section){
		.p = (unsigned char *)bytes.p, .n = bytes.n, .addr = 0x1000, .eh = true
	};
}

static struct cfi_row row[64];
static struct cfi_rule rule[64];

static struct cfi_rows
rows(size_t row_cap, size_t rule_cap)
{
	return (struct cfi_rows){ row, 0, row_cap, rule, 0, rule_cap };
}

static const struct cfi_rule *
rule_of(const struct cfi_row *r, uint8_t reg)
{
	for (unsigned i = 0; i < r->rules; i++)
		if (rule[r->rule + i].reg == reg)
			return &rule[r->rule + i];
	return NULL;
}

static void
by_hand(void)
{
	size_t c = cie("zR", "\x00", 1), plain, state, signal, bad, at, next = 0;
	struct cfi_section s;
	struct cfi_rows to;
	struct cfi_fde f;

	/* push rbp; mov rsp,rbp; pop rbp (remembered and restored); far code after a 4-byte advance */
	plain = fde(c, 0x4000, 0x100000, true,
	    "\x41\x0e\x10\x86\x02\x43\x0d\x06\x0a\x50\xc6\x0c\x07\x08\x41\x0b\x04\x00\x00\x01\x00"
	    "\x07\x10",
	    23);
	/* GNU_args_size, a value by expression, an offset in the long form */
	state = fde(c, 0x200000, 0x10, true, "\x2e\x08\x16\x06\x02\x77\x08\x05\x03\x02", 10);
	at = cie("zRS", "\x00", 1);
	signal = fde(at, 0x300000, 0x10, true, "", 0);
	bad = fde(c, 0x400000, 0x10, true, "\x41\x3f", 2);
	put32(0);
	s = section();

	CLAIM(cfi_fde(&s, plain, &f) == 0 && f.pc == 0x4000 && f.end == 0x104000 && f.ra == 16 &&
	      !f.signal);
	to = rows(64, 64);
	CLAIM(cfi_compile(&s, &f, &arch_x86_64, &to) == 0);
	CLAIM(to.rows == 6);
	CLAIM(row[0].pc == 0 && row[0].cfa_reg == 7 && row[0].cfa == 8 && row[0].rules == 1);
	CLAIM(rule_of(&row[0], 16)->value == -8 && rule_of(&row[0], 16)->how == CFI_AT);
	CLAIM(row[1].pc == 1 && row[1].cfa == 16 && rule_of(&row[1], 6)->value == -16);
	CLAIM(row[2].pc == 4 && row[2].cfa_reg == 6 && row[2].cfa == 16);
	CLAIM(row[3].pc == 20 && row[3].cfa_reg == 7 && row[3].cfa == 8 &&
	      rule_of(&row[3], 6) == NULL);
	CLAIM(row[4].pc == 21 && row[4].cfa_reg == 6 && rule_of(&row[4], 6)->value == -16);
	CLAIM(row[5].pc == 0x10015 && (row[5].flags & CFI_ROOT));
	CLAIM(cfi_row_at(row, to.rows, 0) == &row[0] && cfi_row_at(row, to.rows, 3) == &row[1]);
	CLAIM(
	    cfi_row_at(row, to.rows, 4) == &row[2] && cfi_row_at(row, to.rows, 0xfffff) == &row[5]);

	/* Every table that is too small is left as it was. */
	for (size_t r = 0; r < 6; r++) {
		to = rows(r, 64);
		CLAIM(cfi_compile(&s, &f, &arch_x86_64, &to) == 1 && to.rows == 0 && to.rules == 0);
	}
	for (size_t r = 0; r < 9; r++) {
		to = rows(64, r);
		CLAIM(cfi_compile(&s, &f, &arch_x86_64, &to) == 1 && to.rows == 0 && to.rules == 0);
	}

	CLAIM(cfi_fde(&s, state, &f) == 0);
	to = rows(64, 64);
	CLAIM(cfi_compile(&s, &f, &arch_x86_64, &to) == 0 && to.rows == 1);
	CLAIM(rule_of(&row[0], 6)->how == CFI_IS_EXPR && (row[0].flags & CFI_COPY));
	CLAIM(rule_of(&row[0], 3)->how == CFI_AT && rule_of(&row[0], 3)->value == -16);

	CLAIM(cfi_fde(&s, signal, &f) == 0 && f.signal);
	to = rows(64, 64);
	CLAIM(cfi_compile(&s, &f, &arch_x86_64, &to) == 0 && (row[0].flags & CFI_SIGNAL));

	CLAIM(cfi_fde(&s, bad, &f) == 0);
	to = rows(64, 64);
	CLAIM(cfi_compile(&s, &f, &arch_x86_64, &to) == -1 && to.rows == 0);

	CLAIM(cfi_fde(&s, 0, &f) == -1);           /* a CIE */
	CLAIM(cfi_fde(&s, bytes.n - 1, &f) == -1); /* not even a length */
	for (int want = 0; want < 6; want++) {
		static const int kind[] = { 2, 1, 1, 2, 1, 1 };

		CLAIM(cfi_next(&s, &next, &at, &f) == kind[want]);
	}
	CLAIM(cfi_next(&s, &next, &at, &f) == 0);

	/* Any cut is an error or the end, and is read without going beyond (the sanitizer looks). */
	for (size_t n = 0; n < bytes.n; n++) {
		struct cfi_section cut = s;
		unsigned char *copy = xmalloc(n + 1);

		memcpy(copy, bytes.p, n);
		cut.p = copy;
		cut.n = n;
		next = 0;
		while (cfi_next(&cut, &next, &at, &f) > 0)
			;
		if (cfi_fde(&cut, plain, &f) == 0) {
			to = rows(64, 64);
			cfi_compile(&cut, &f, &arch_x86_64, &to);
		}
		free(copy);
	}
}

static uint64_t
eval(const char *code, size_t n, int want)
{
	unsigned char b[128];
	struct cfi_section s = { .p = b, .n = n + 1 };
	uint64_t r[ARCH_REGS] = { 0 }, v = 0, stack[4] = { 11, 22, 33, 0x8877665544332211 };
	struct cfi_memory m = { .stack = (unsigned char *)stack, .sp = 0x7000, .n = sizeof stack };
	int got;

	b[0] = (unsigned char)n;
	memcpy(b + 1, code, n);
	r[7] = 0x7000;
	r[16] = 0x401236;
	got = cfi_expression(&s, 0, &arch_x86_64, 0x100, r, NULL, &m, &v);
	CLAIM(got == want);
	return v;
}

#define EVAL(code)          eval(code, sizeof(code) - 1, 0)
#define FAILS(code, status) eval(code, sizeof(code) - 1, status)

static void
expressions(void)
{
	/* That of a PLT: rsp + 8 + ((rip & 15) >= 11) * 8 */
	CLAIM(EVAL("\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22") == 0x7008);
	CLAIM(EVAL("\x77\x08\x80\x06\x3f\x1a\x3b\x2a\x33\x24\x22") == 0x7010);
	CLAIM(EVAL("\x77\x08\x06") == 22);
	CLAIM(EVAL("\x77\x18\x94\x02") == 0x2211);
	CLAIM(EVAL("\x03\x10\x00\x00\x00\x00\x00\x00\x00") == 0x110);
	CLAIM(EVAL("\x09\xff\x08\xff\x22") == 254);
	CLAIM(EVAL("\x10\x80\x01\x11\x7f\x1e") == (uint64_t)-128);
	CLAIM(EVAL("\x37\x32\x1d") == 1 && EVAL("\x37\x32\x1b") == 3 &&
	      EVAL("\x11\x79\x32\x1b") == (uint64_t)-3);
	CLAIM(EVAL("\x31\x32\x33\x17\x1c") == (uint64_t)-1); /* 1 2 3 rot: 3 1 2; 1 - 2 */
	CLAIM(EVAL("\x31\x32\x15\x01\x12\x14\x13\x16\x13") == 1);
	CLAIM(EVAL("\x11\x7f\x19") == 1 && EVAL("\x31\x1f") == (uint64_t)-1 &&
	      EVAL("\x30\x20") == ~(uint64_t)0);
	CLAIM(EVAL("\x11\x78\x31\x26") == (uint64_t)-4 && EVAL("\x11\x78\x08\x3d\x25") == 7);
	CLAIM(EVAL("\x31\x28\x01\x00\x96\x35") == 5); /* bra over a nop */
	CLAIM(EVAL("\x31\x2f\x01\x00\xff\x35") == 5); /* skip what is no operation */
	CLAIM(EVAL("\x92\x07\x7f") == 0x6fff && EVAL("\x31\x23\x10") == 17);
	FAILS("", -1);
	FAILS("\x22", -1);
	FAILS("\x30\x30\x1b", -1);
	FAILS("\xff", -1);
	FAILS("\x2f\xfd\xff", -1); /* for ever */
	FAILS("\x31\x2f\xfb\xff", -1);
	FAILS("\x0e\x00", -1);
	FAILS("\x30\x06", 1);  /* address 0 cannot be read */
	FAILS("\x8f\x00", -1); /* no such register */
}

static void
steps(void)
{
	uint64_t stack[8] = { 1, 2, 3, 4, 5, 0x1234, 7, 8 }, r[ARCH_REGS] = { 0 };
	struct cfi_memory m = { .stack = (unsigned char *)stack, .sp = 0x7000, .n = sizeof stack };
	const struct cfi_rule rules[] = { { 16, CFI_AT, -8 }, { 6, CFI_AT, -16 },
		{ 3, CFI_AT, -56 }, { 12, CFI_REG, 13 }, { 13, CFI_IS, 4 } };
	struct cfi_row one = { .cfa_reg = 7, .cfa = 48, .rules = 5, .ra = 16, .flags = CFI_COPY };

	r[7] = 0x7000;
	r[3] = 99;
	r[13] = 13;
	CLAIM(cfi_step(&one, rules, NULL, 0, &arch_x86_64, r, &m) == 0);
	CLAIM(r[16] == 0x1234 && r[6] == 5 && r[7] == 0x7030);
	CLAIM(r[3] == 99); /* below the stack pointer: popped already */
	CLAIM(r[12] == 13 && r[13] == 0x7034);
	CLAIM(cfi_step(&one, rules, NULL, 0, &arch_x86_64, r, &m) == 1);
	CLAIM(m.fault == 0x7058);
}

static bool
alone(const struct cfi_section *s, const struct cfi_fde *f, const struct arch *arch,
    const struct cfi_rows *all, uint64_t offset)
{
	const struct cfi_row *want = cfi_row_at(all->row, all->rows, offset);
	struct cfi_rule its_rule[ARCH_REGS];
	struct cfi_row its;

	if (cfi_row_of(s, f, arch, offset, &its, its_rule) < 0 || its.cfa != want->cfa ||
	    its.cfa_reg != want->cfa_reg || its.rules != want->rules || its.ra != want->ra ||
	    its.flags != want->flags)
		return false;
	for (unsigned i = 0; i < its.rules; i++) {
		const struct cfi_rule *a = &its_rule[its.rule + i], *b = &all->rule[want->rule + i];

		if (a->reg != b->reg || a->how != b->how || a->value != b->value)
			return false;
	}
	return true;
}

/* Every FDE is found by its table, and can be compiled. */
static void
whole(const char *path)
{
	struct error e;
	struct object *o = object_open(path, NULL, 0, (struct slice){ 0 }, &e);
	const struct arch *arch;
	struct cfi_section s = { .eh = true }, hdr = { 0 };
	struct cfi_table table;
	struct slice b;
	size_t next = 0, at, n = 0;
	struct cfi_fde f;
	uint64_t where, eh;
	int got;

	CLAIM(o != NULL);
	arch = arch_by_machine(o->machine);
	if (arch == NULL) {
		object_close(o);
		return;
	}
	b = object_named(o, ".eh_frame", &s.addr);
	s.p = (const unsigned char *)b.p;
	s.n = b.n;
	b = object_named(o, ".eh_frame_hdr", &hdr.addr);
	hdr.p = (const unsigned char *)b.p;
	hdr.n = b.n;
	CLAIM(cfi_table(&hdr, &table, &eh) == 0 && eh == s.addr);
	while ((got = cfi_next(&s, &next, &at, &f)) > 0) {
		struct cfi_rows to = { xcalloc(4096, sizeof *row), 0, 4096,
			xcalloc(65536, sizeof *rule), 0, 65536 };

		if (got == 1) {
			n++;
			CLAIM(f.pc < f.end);
			CLAIM(cfi_table_find(&table, f.pc, &where) == 0 && where == s.addr + at);
			CLAIM(
			    cfi_table_find(&table, f.end - 1, &where) == 0 && where == s.addr + at);
			CLAIM(cfi_compile(&s, &f, arch, &to) == 0 && to.rows > 0 &&
			      to.row[0].pc == 0);
			for (size_t i = 1; i < to.rows; i++)
				CLAIM(to.row[i - 1].pc < to.row[i].pc &&
				      to.row[i].pc <= f.end - f.pc);
			/* One row alone is the one that the tables give: at its first byte, and before the next. */
			for (size_t i = 0; i < to.rows; i++) {
				CLAIM(alone(&s, &f, arch, &to, to.row[i].pc));
				CLAIM(i == 0 || alone(&s, &f, arch, &to, to.row[i].pc - 1));
			}
		}
		free(to.row);
		free(to.rule);
	}
	CLAIM(n == table.entries);
	CLAIM(cfi_table_find(&table, o->base, &where) == -1);
	object_close(o);
}

int
main(void)
{
	Dl_info info;

	by_hand();
	expressions();
	steps();
	whole("/proc/self/exe");
	CLAIM(dladdr((void *)(uintptr_t)&strtol, &info) != 0);
	whole(info.dli_fname);
	buf_free(&bytes);
	return 0;
}
