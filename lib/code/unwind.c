#include "code/unwind.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"

/* ---- the rules of one object ---- */

struct function { /* a compiled FDE */
	uint64_t pc, end;
	const struct cfi_row *row; /* NULL: its code could not be understood */
	const struct cfi_rule *rule;
	const struct cfi_section *section;
	uint32_t rows;
};

struct fde_at {
	uint64_t pc;
	uint32_t offset;
};

struct unwind_rules {
	struct object *object;
	const struct arch *arch;
	uint64_t entry; /* where the program or its loader begins; 0 nowhere */
	struct cfi_section eh, debug;
	struct cfi_table table; /* of .eh_frame_hdr; entries 0 where there is none */
	struct index {
		struct fde_at *fde; /* sorted by pc */
		size_t fdes;
		bool built;
	} eh_index, debug_index;
	struct function *function;
	size_t functions, cap;
	struct hash_set by_fde; /* section and offset -> function */
	struct arena rows;
	struct object *(*ask)(void *context); /* for the debug file; NULL once asked */
	void *ask_context;
	struct cfi_rows work;
	uint64_t damaged;
};

static void
section(struct unwind_rules *u, struct cfi_section *s, const char *name)
{
	uint64_t addr = 0;
	struct slice bytes = object_named(u->object, name, &addr);

	*s =
	    (struct cfi_section){ .p = (const unsigned char *)bytes.p, .n = bytes.n, .addr = addr };
	if (bytes.n >= INT32_MAX)
		s->n = 0;
}

/* An object without section headers still has its program headers: .eh_frame_hdr is PT_GNU_EH_FRAME, and points at
 * .eh_frame, whose end is that of its segment (a zero ends it before). */
static void
from_segments(struct unwind_rules *u, struct cfi_section *hdr)
{
	struct slice image = u->object->image;
	uint64_t phoff, vaddr;
	unsigned entry, n;

	if (!u->object->is64 || image.n < 64)
		return;
	phoff = load64(image.p + 32);
	entry = load16(image.p + 54);
	n = load16(image.p + 56);
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = phoff + (uint64_t)i * entry;
		struct slice bytes;

		if (entry < 56 || at > image.n || image.n - at < 56)
			return;
		if (load32(image.p + at) != 0x6474e550)
			continue;
		vaddr = load64(image.p + at + 16);
		bytes = object_bytes(u->object, vaddr);
		*hdr = (struct cfi_section){
			.p = (const unsigned char *)bytes.p, .n = bytes.n, .addr = vaddr
		};
	}
}

struct unwind_rules *
unwind_rules_new(struct object *o, const struct arch *arch)
{
	struct unwind_rules *u = xcalloc(1, sizeof *u);
	struct cfi_section hdr;
	uint64_t eh_frame = 0, got = 0;

	u->object = o;
	u->arch = arch;
	if (o->is64 && o->image.n >= 64)
		u->entry = load64(o->image.p + 24);
	section(u, &u->eh, ".eh_frame");
	section(u, &u->debug, ".debug_frame");
	section(u, &hdr, ".eh_frame_hdr");
	if (hdr.n == 0)
		from_segments(u, &hdr);
	if (hdr.n > 0 && cfi_table(&hdr, &u->table, &eh_frame) < 0)
		u->table.entries = 0;
	if (u->eh.n == 0 && eh_frame != 0) {
		struct slice bytes = object_bytes(o, eh_frame);

		if (bytes.n < INT32_MAX) {
			u->eh.p = (const unsigned char *)bytes.p;
			u->eh.n = bytes.n;
			u->eh.addr = eh_frame;
		}
	}
	if (u->eh.addr != eh_frame)
		u->table.entries =
		    0; /* of another section: a debug file keeps headers of what it does not have */
	u->eh.eh = true;
	u->eh.text = o->text;
	object_named(o, ".got", &got);
	u->eh.data = got;
	return u;
}

void
unwind_rules_debug(struct unwind_rules *u, struct object *(*debug)(void *context), void *context)
{
	u->ask = debug;
	u->ask_context = context;
}

/* The debug file's .debug_frame, when the first address was not found. */
static void
ask_debug(struct unwind_rules *u)
{
	struct object *own = u->object, *debug = u->ask(u->ask_context);

	u->ask = NULL;
	if (u->debug.n > 0 || debug == NULL || debug == own)
		return;
	u->object = debug;
	section(u, &u->debug, ".debug_frame");
	u->object = own;
}

void
unwind_rules_free(struct unwind_rules *u)
{
	if (u == NULL)
		return;
	free(u->eh_index.fde);
	free(u->debug_index.fde);
	free(u->function);
	hash_free(&u->by_fde);
	arena_free(&u->rows);
	free(u->work.row);
	free(u->work.rule);
	free(u);
}

static int
by_pc(const void *a, const void *b)
{
	const struct fde_at *x = a, *y = b;

	return x->pc < y->pc ? -1 : x->pc > y->pc;
}

static void
build(struct index *index, const struct cfi_section *s)
{
	size_t cap = 0, next = 0, at;
	struct cfi_fde fde;
	int got;

	index->built = true;
	while ((got = cfi_next(s, &next, &at, &fde)) > 0) {
		if (got != 1 || fde.end == fde.pc)
			continue;
		if (fde.pc == 0)
			continue; /* of a function that the linker left out */
		GROW(index->fde, cap, index->fdes);
		index->fde[index->fdes++] = (struct fde_at){ fde.pc, (uint32_t)at };
	}
	if (index->fdes > 1)
		qsort(index->fde, index->fdes, sizeof *index->fde, by_pc);
}

static int
search(struct index *index, const struct cfi_section *s, uint64_t pc, size_t *offset)
{
	size_t low = 0, high;

	if (!index->built)
		build(index, s);
	high = index->fdes;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (index->fde[mid].pc <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return -1;
	*offset = index->fde[low - 1].offset;
	return 0;
}

static uint64_t
rehash(const void *context, uint32_t item)
{
	const struct unwind_rules *u = context;

	return hash_mix(u->function[item].section == &u->eh, u->function[item].pc);
}

static void
compile(struct unwind_rules *u, const struct cfi_section *s, const struct cfi_fde *fde,
    struct function *f)
{
	struct cfi_row *row;
	struct cfi_rule *rule;
	int status;

	*f = (struct function){ .pc = fde->pc, .end = fde->end, .section = s };
	do {
		u->work.rows = u->work.rules = 0;
		status = cfi_compile(s, fde, u->arch, &u->work);
		if (status == 1) {
			u->work.row =
			    xgrow(u->work.row, &u->work.row_cap, u->work.row_cap + 64, sizeof *row);
			u->work.rule = xgrow(
			    u->work.rule, &u->work.rule_cap, u->work.rule_cap + 256, sizeof *rule);
		}
	} while (status == 1);
	if (status < 0) {
		u->damaged++;
		return;
	}
	row = arena_alloc(&u->rows, u->work.rows * sizeof *row);
	rule = arena_alloc(&u->rows, (u->work.rules + 1) * sizeof *rule);
	memcpy(row, u->work.row, u->work.rows * sizeof *row);
	memcpy(rule, u->work.rule, u->work.rules * sizeof *rule);
	f->row = row;
	f->rule = rule;
	f->rows = (uint32_t)u->work.rows;
}

static const struct function *
function_of(struct unwind_rules *u, const struct cfi_section *s, size_t offset, uint64_t pc)
{
	struct cfi_fde fde;
	uint64_t hash;

	if (cfi_fde(s, offset, &fde) < 0 || pc < fde.pc || pc >= fde.end)
		return NULL;
	hash = hash_mix(s == &u->eh, fde.pc);
	for (struct hash_probe at = hash_first(&u->by_fde, hash); hash_found(&u->by_fde, &at);
	     hash_next(&u->by_fde, &at)) {
		const struct function *f = &u->function[at.item];

		if (f->section == s && f->pc == fde.pc && f->end == fde.end)
			return f;
	}
	GROW(u->function, u->cap, u->functions);
	compile(u, s, &fde, &u->function[u->functions]);
	hash_add(&u->by_fde, hash, (uint32_t)u->functions, rehash, u);
	return &u->function[u->functions++];
}

const struct cfi_row *
unwind_rules_row(struct unwind_rules *u, uint64_t vaddr, const struct cfi_rule **rule,
    const struct cfi_section **sect)
{
	const struct function *f = NULL;
	size_t offset = 0;
	uint64_t addr;

	if (u->table.entries > 0) {
		if (cfi_table_find(&u->table, vaddr, &addr) == 0 && addr - u->eh.addr < u->eh.n)
			f = function_of(u, &u->eh, (size_t)(addr - u->eh.addr), vaddr);
	} else if (u->eh.n > 0 && search(&u->eh_index, &u->eh, vaddr, &offset) == 0) {
		f = function_of(u, &u->eh, offset, vaddr);
	}
	if ((f == NULL || f->row == NULL) && u->ask)
		ask_debug(u);
	if ((f == NULL || f->row == NULL) && u->debug.n > 0 &&
	    search(&u->debug_index, &u->debug, vaddr, &offset) == 0)
		f = function_of(u, &u->debug, offset, vaddr);
	if (f == NULL || f->row == NULL)
		return NULL;
	*rule = f->rule;
	*sect = f->section;
	return cfi_row_at(f->row, f->rows, vaddr - f->pc);
}

void
unwind_rules_counts(const struct unwind_rules *u, uint64_t *compiled, uint64_t *damaged)
{
	*compiled = u->functions;
	*damaged = u->damaged;
}

/* ---- rows that no CFI tells of, and the table of recent addresses ---- */

enum { SLOTS = 1 << 14, ENTRY_BYTES = 64 };

struct slot {
	uint64_t addr, serial;
	const struct cfi_row *row;
	const struct cfi_rule *rule;
	const struct cfi_section *section;
	uint64_t bias;
	bool mapped, opaque; /* opaque: its code cannot be looked at */
};

struct unwind_memo {
	struct cfi_row pointer, signal, entry, root;
	struct cfi_rule pointer_rule[2], signal_rule[ARCH_REGS], entry_rule[1];
	struct slot slot[SLOTS];
};

static struct unwind_memo *
memo_new(const struct arch *arch)
{
	struct unwind_memo *m = xcalloc(1, sizeof *m);
	uint8_t link = arch->link == ARCH_NONE ? arch->pc : arch->link;

	/* Frame records are alike: [fp] the caller's fp, [fp + 8] the return address. */
	m->pointer = (struct cfi_row){
		.cfa_reg = arch->fp, .cfa = 16, .rules = 2, .ra = link, .flags = CFI_GUESS
	};
	m->pointer_rule[0] = (struct cfi_rule){ arch->fp, CFI_AT, -16 };
	m->pointer_rule[1] = (struct cfi_rule){ link, CFI_AT, -8 };

	m->signal = (struct cfi_row){ .cfa_reg = arch->sp, .ra = arch->pc, .flags = CFI_SIGNAL };
	for (uint8_t i = 0; i < arch->regs; i++)
		if (arch->sigcontext[i] >= 0)
			m->signal_rule[m->signal.rules++] =
			    (struct cfi_rule){ i, CFI_AT, arch->sigcontext[i] };

	m->root = (struct cfi_row){ .cfa_reg = arch->sp, .ra = arch->pc, .flags = CFI_ROOT };

	m->entry = (struct cfi_row){ .cfa_reg = arch->sp, .cfa = arch->entry_cfa, .ra = link };
	if (arch->link == ARCH_NONE) {
		m->entry.rules = 1;
		m->entry_rule[0] = (struct cfi_rule){ arch->pc, CFI_AT, -8 };
	}
	return m;
}

/* Whether the trampoline's code is at vaddr, or began a little before (the interrupted handler returns to its first
 * instruction, whose lookup address is one less; a sample may stand on the system call itself). */
static bool
is_sigreturn(const struct unwind_rules *u, uint64_t vaddr)
{
	struct slice want = u->arch->sigreturn, got;
	uint64_t back = want.n - 1;

	got = object_bytes(u->object, vaddr - back);
	if (got.n == 0) { /* at the very beginning of a segment */
		back = 0;
		got = object_bytes(u->object, vaddr);
	}
	if (got.n > back + 1 + want.n)
		got.n = back + 1 + want.n;
	return got.n >= want.n && memmem(got.p, got.n, want.p, want.n) != NULL;
}

/* Nobody calls what the kernel starts: it is a few instructions of assembler, often without CFI (ld.so's). */
static bool
is_entry(const struct unwind_rules *u, uint64_t vaddr)
{
	return u->entry != 0 && vaddr - u->entry < ENTRY_BYTES;
}

static bool
is_plt(struct unwind_rules *u, uint64_t vaddr)
{
	for (size_t i = 1; i < u->object->sections; i++) {
		const struct object_section *s = &u->object->section[i];

		if (vaddr - s->addr < s->size && slice_starts(s->name, SLICE(".plt")))
			return true;
	}
	return false;
}

static void
fill(struct unwind *u, struct slot *s, uint64_t serial, uint64_t addr)
{
	struct unwind_place place = { 0 };
	uint64_t vaddr;

	*s = (struct slot){ .addr = addr, .serial = serial, .opaque = true };
	s->row = &u->memo->pointer;
	s->rule = u->memo->pointer_rule;
	s->mapped = u->find(u->context, addr, &place);
	if (!s->mapped)
		return;
	s->bias = place.bias;
	if (place.rules == NULL)
		return;
	s->opaque = false;
	vaddr = addr - place.bias;
	/* The signal frame before CFI: that of aarch64's vdso leads past the interrupted function. */
	if (is_sigreturn(place.rules, vaddr)) {
		s->row = &u->memo->signal;
		s->rule = u->memo->signal_rule;
	} else if ((s->row = unwind_rules_row(place.rules, vaddr, &s->rule, &s->section)) == NULL) {
		bool plt = is_plt(place.rules, vaddr);

		s->row = plt                            ? &u->memo->entry
			 : is_entry(place.rules, vaddr) ? &u->memo->root
							: &u->memo->pointer;
		s->rule = plt ? u->memo->entry_rule : u->memo->pointer_rule;
	}
}

/* Code that cannot be looked at (a vdso that is not here, a page of an emulator) may be the signal trampoline: then the
 * stack holds the registers of code that is mapped, and of a stack that goes on above. On x86-64 every frame record looks
 * so, where code that was made at run time keeps one; so the frame must have its mark, too. */
static bool
may_be_signal(struct unwind *u, const uint64_t *r, struct cfi_memory *m)
{
	const int16_t *saved = u->arch->sigcontext;
	uint64_t sp = r[u->arch->sp], pc, up, mark;
	struct unwind_place place;

	if (!cfi_read(m, sp + u->arch->mark, &mark) ||
	    (mark & u->arch->mark_mask) != u->arch->mark_value)
		return false;
	if (!cfi_read(m, sp + (uint64_t)saved[u->arch->pc], &pc) ||
	    !cfi_read(m, sp + (uint64_t)saved[u->arch->sp], &up))
		return false;
	return up > sp && up - m->sp < m->n && up % 8 == 0 && u->find(u->context, pc, &place);
}

size_t
unwind_walk(struct unwind *u, uint64_t serial, const uint64_t *regs, const void *stack,
    size_t stack_bytes, uint64_t *at, size_t max)
{
	const struct arch *arch = u->arch;
	struct cfi_memory memory = { .stack = stack,
		.sp = regs[arch->sp],
		.n = stack_bytes,
		.read = u->read,
		.context = u->context };
	uint64_t r[ARCH_REGS], addr;
	struct slot once, signal, *s;
	bool guessed = false;
	size_t n = 0;

	if (u->memo == NULL)
		u->memo = memo_new(arch);
	memcpy(r, regs, arch->regs * sizeof *r);
	u->guesses = 0;
	u->end = UNWIND_FULL;
	addr = r[arch->pc];
	while (n < max) {
		uint64_t pc = r[arch->pc], sp = r[arch->sp];
		int status;

		if (serial) {
			s = &u->memo->slot[(addr ^ addr >> 14 ^ serial << 5) & (SLOTS - 1)];
			if (s->addr != addr || s->serial != serial)
				fill(u, s, serial, addr);
		} else {
			s = &once;
			fill(u, s, serial, addr);
		}
		if (!s->mapped && guessed &&
		    !may_be_signal(u, r, &memory)) { /* what the frame pointer led to is no code */
			u->end = UNWIND_NO_CFI;
			return n;
		}
		if (s->opaque && n > 0 && may_be_signal(u, r, &memory)) {
			signal = *s;
			signal.mapped = true;
			signal.row = &u->memo->signal;
			signal.rule = u->memo->signal_rule;
			s = &signal;
		}
		/* A handler returns to the trampoline's first instruction: no call is before it. */
		at[n++] = s->row->flags & CFI_SIGNAL ? pc : addr;
		if (!s->mapped) {
			u->end = UNWIND_NO_OBJECT;
			return n;
		}
		if (s->row->flags & CFI_ROOT) {
			u->end = UNWIND_ROOT;
			return n;
		}
		guessed = s->row->flags & CFI_GUESS;
		if (guessed) {
			uint64_t fp = r[arch->fp];

			if (fp == 0) { /* start-up code clears it */
				u->end = n > 1 ? UNWIND_ROOT : UNWIND_NO_CFI;
				return n;
			}
			if (fp < sp || fp % 8 != 0) {
				u->end = UNWIND_NO_CFI;
				return n;
			}
			u->guesses++;
		}
		status = cfi_step(s->row, s->rule, s->section, s->bias, arch, r, &memory);
		if (status) {
			u->end = status > 0 ? UNWIND_CUT : UNWIND_DAMAGED;
			return n;
		}
		if (r[arch->pc] == 0) {
			u->end = UNWIND_ROOT;
			return n;
		}
		/* The stack shrinks towards the root, but for leaves that have no frame, and signals on a
		 * stack of their own. What leads nowhere would lead there for ever. */
		if (!(s->row->flags & CFI_SIGNAL) &&
		    (r[arch->sp] < sp || (r[arch->sp] == sp && r[arch->pc] == pc))) {
			u->end = UNWIND_DAMAGED;
			return n;
		}
		addr = r[arch->pc] - !(s->row->flags & CFI_SIGNAL);
	}
	return n;
}

void
unwind_forget(struct unwind *u)
{
	if (u->memo)
		memset(u->memo->slot, 0, sizeof u->memo->slot);
}

void
unwind_free(struct unwind *u)
{
	free(u->memo);
	u->memo = NULL;
}
