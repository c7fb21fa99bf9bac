#include <elf.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "code/demangle.h"
#include "code/plt.h"

struct slot {
	uint64_t addr;
	uint32_t symbol; /* index in .dynsym */
};

struct slots {
	struct slot *slot;
	size_t n, cap;
};

static bool
is_slot_reloc(const struct object *o, uint64_t type)
{
	if (o->machine == EM_X86_64)
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
}

static void
slots_read(struct slots *s, struct object *o, struct slice relocs)
{
	for (; relocs.n >= sizeof(Elf64_Rela);
	     relocs.p += sizeof(Elf64_Rela), relocs.n -= sizeof(Elf64_Rela)) {
		Elf64_Rela r;

		memcpy(&r, relocs.p, sizeof r);
		if (!is_slot_reloc(o, ELF64_R_TYPE(r.r_info)))
			continue;
		GROW(s->slot, s->cap, s->n);
		s->slot[s->n++] = (struct slot){ r.r_offset, (uint32_t)ELF64_R_SYM(r.r_info) };
	}
}

static int
slot_order(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static const struct slot *
slot_find(const struct slots *s, uint64_t addr)
{
	struct slot key = { addr, 0 };

	return s->n > 0 ? bsearch(&key, s->slot, s->n, sizeof key, slot_order) : NULL;
}

struct names {
	struct slice symbols, strings, lazy; /* .dynsym, .dynstr, .rela.plt */
	struct slots slots;
	struct symbols *to;
	struct buf text;
	struct arena arena;
	size_t added;
};

static void
name_entry(struct names *n, uint64_t addr, uint64_t size, uint32_t symbol)
{
	struct slice name;
	Elf64_Sym sym;

	if (symbol >= n->symbols.n / sizeof sym)
		return;
	memcpy(&sym, n->symbols.p + symbol * sizeof sym, sizeof sym);
	if (sym.st_name == 0 || sym.st_name >= n->strings.n)
		return;
	name.p = n->strings.p + sym.st_name;
	name.n = strnlen(name.p, n->strings.n - sym.st_name);
	if (!n->to->mangled)
		demangle(&n->arena, name, &name);
	n->text.n = 0;
	buf_slice(&n->text, name);
	buf_slice(&n->text, SLICE("@plt"));
	symbols_add(n->to, addr, size, buf_view(&n->text), SYMBOLS_GLOBAL);
	n->added++;
}

/* The GOT slot that an entry of x86-64 jumps through: jmp *disp(%rip), after endbr64 or bnd; else the relocation that
 * it pushes. False where it has neither. */
static bool
decode_x86_64(
    const struct names *n, const unsigned char *p, size_t size, uint64_t addr, uint32_t *symbol)
{
	for (size_t i = 0; i + 6 <= size; i++) {
		if (p[i] == 0xff && p[i + 1] == 0x25) {
			uint64_t at = addr + i + 6 + (uint64_t)(int64_t)(int32_t)load32(p + i + 2);
			const struct slot *s = slot_find(&n->slots, at);

			if (s == NULL)
				return false;
			*symbol = s->symbol;
			return true;
		}
	}
	for (size_t i = 0; i <= 4 && i + 5 <= size; i += 4) {
		uint64_t at =
		    p[i] == 0x68 ? (uint64_t)load32(p + i + 1) * sizeof(Elf64_Rela) : UINT64_MAX;

		if (at < n->lazy.n && n->lazy.n - at >= sizeof(Elf64_Rela)) {
			*symbol = (uint32_t)ELF64_R_SYM(load64(n->lazy.p + at + 8));
			return true;
		}
	}
	return false;
}

static void
read_x86_64(struct names *n, const struct object_section *s, struct slice code)
{
	size_t size = s->entsize == 8 ? 8 : 16;

	for (size_t at = 0; at + size <= code.n; at += size) {
		uint32_t symbol;

		if (decode_x86_64(
			n, (const unsigned char *)code.p + at, size, s->addr + at, &symbol))
			name_entry(n, s->addr + at, size, symbol);
	}
}

enum {
	A64_BTI_C = 0xd503245f,
	A64_NOP = 0xd503201f,
	A64_BR_X17 = 0xd61f0220,
	A64_ADRP_X16 = 0x90000010,
	A64_ADRP_MASK = 0x9f00001f,
	A64_LDR_X17_X16 = 0xf9400211, /* ldr x17, [x16, #imm] */
	A64_LDR_MASK = 0xffc003ff,
};

static void
read_aarch64(struct names *n, const struct object_section *s, struct slice code)
{
	for (size_t at = 0; at + 8 <= code.n; at += 4) {
		uint32_t adrp = load32(code.p + at), ldr = load32(code.p + at + 4);
		uint64_t addr = s->addr + at, page, start = addr;
		const struct slot *slot;
		size_t end;

		if ((adrp & A64_ADRP_MASK) != A64_ADRP_X16 ||
		    (ldr & A64_LDR_MASK) != A64_LDR_X17_X16)
			continue;
		page = ((adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3)) << 12;
		page = (uint64_t)((int64_t)(page << 31) >> 31); /* 21 bits and 12 below */
		slot = slot_find(
		    &n->slots, (addr & ~0xfffull) + page + (uint64_t)(ldr >> 10 & 0xfff) * 8);
		if (at >= 4 && load32(code.p + at - 4) == A64_BTI_C)
			start -= 4;
		if (slot == NULL)
			continue;
		for (end = at + 8; end + 4 <= code.n && end < at + 24; end += 4)
			if (load32(code.p + end) == A64_BR_X17)
				break;
		end += 4;
		while (end + 4 <= code.n &&
		       load32(code.p + end) == A64_NOP) /* padding of the same entry */
			end += 4;
		name_entry(n, start, s->addr + end - start, slot->symbol);
	}
}

size_t
plt_read(struct symbols *s, struct object *o)
{
	static const char *const table[] = { ".plt", ".plt.sec", ".plt.got", ".plt.bnd" };
	struct names n = { .to = s };

	if (!o->is64 || (o->machine != EM_X86_64 && o->machine != EM_AARCH64) || o->type == ET_REL)
		return 0;
	n.symbols = object_named(o, ".dynsym", NULL);
	n.strings = object_named(o, ".dynstr", NULL);
	n.lazy = object_named(o, ".rela.plt", NULL);
	slots_read(&n.slots, o, n.lazy);
	slots_read(&n.slots, o, object_named(o, ".rela.dyn", NULL));
	if (n.slots.n > 0)
		qsort(n.slots.slot, n.slots.n, sizeof *n.slots.slot, slot_order);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct object_section *section = object_section(o, table[i]);
		struct slice code = object_contents(o, section);

		if (code.n == 0)
			continue;
		if (o->machine == EM_X86_64)
			read_x86_64(&n, section, code);
		else
			read_aarch64(&n, section, code);
	}
	free(n.slots.slot);
	buf_free(&n.text);
	arena_free(&n.arena);
	return n.added;
}
