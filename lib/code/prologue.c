#include "code/prologue.h"

#include <stdbool.h>
#include <stdint.h>

enum { LONGEST = 64 };

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

struct instruction {
	unsigned length; /* 0: not known here */
	bool quick;      /* the kernel does it itself */
	uint32_t writes; /* a bit for each register */
};

/* ModRM, what follows it, and the immediate: returns its length, 0 where the code ends before. */
struct operands {
	unsigned length, mod, reg, rm;
};

static struct operands
operands(const uint8_t *p, const uint8_t *end, uint8_t rex)
{
	struct operands o = { 1, 0, 0, 0 };

	if (p >= end)
		return (struct operands){ 0 };
	o.mod = p[0] >> 6;
	o.reg = (p[0] >> 3 & 7) | (rex & 4) << 1;
	o.rm = p[0] & 7;
	if (o.mod != 3 && o.rm == 4) {
		if (end - p < 2)
			return (struct operands){ 0 };
		o.length += 1 + (o.mod == 0 && (p[1] & 7) == 5 ? 4 : 0);
	} else if (o.mod == 0 && o.rm == 5) {
		o.length += 4;
	}
	o.length += o.mod == 1 ? 1 : o.mod == 2 ? 4 : 0;
	o.rm |= (rex & 1u) << 3;
	return o;
}

static uint32_t
bit(unsigned reg)
{
	return 1u << (reg & 15);
}

/* What it writes where its destination is the register or memory operand. */
static uint32_t
to_rm(const struct operands *o)
{
	return o->mod == 3 ? bit(o->rm) : 0;
}

static struct instruction
two_bytes(const uint8_t *p, const uint8_t *end, uint8_t rex, unsigned before)
{
	struct operands o;

	if (p >= end)
		return (struct instruction){ 0 };
	if (p[0] >= 0x80 && p[0] <= 0x8f)
		return (struct instruction){ before + 5, rex == 0, 0 };
	o = operands(p + 1, end, rex);
	if (o.length == 0)
		return (struct instruction){ 0 };
	if (p[0] == 0x1f) /* nop */
		return (struct instruction){ before + 1 + o.length, false, 0 };
	if ((p[0] & 0xf0) == 0x40 || p[0] == 0xb6 || p[0] == 0xb7 || p[0] == 0xbe || p[0] == 0xbf)
		return (struct instruction){ before + 1 + o.length, false, bit(o.reg) };
	return (struct instruction){ 0 };
}

static struct instruction
with_operands(uint8_t opcode, const struct operands *o, unsigned before)
{
	struct instruction i = { before + o->length, false, 0 };

	if (o->length == 0)
		return (struct instruction){ 0 };
	switch (opcode) {
	case 0x38:
	case 0x39:
	case 0x3a:
	case 0x3b:
	case 0x84:
	case 0x85: /* cmp, test */
		break;
	case 0x03:
	case 0x0b:
	case 0x23:
	case 0x2b:
	case 0x33:
	case 0x63:
	case 0x8b:
	case 0x8d: /* to the register */
		i.writes = bit(o->reg);
		break;
	case 0x01:
	case 0x09:
	case 0x21:
	case 0x29:
	case 0x31:
	case 0x89:
	case 0xd1: /* to the other operand */
		i.writes = to_rm(o);
		break;
	case 0x80:
	case 0x83:
	case 0xc1:
		i.length += 1;
		i.writes = opcode != 0xc1 && (o->reg & 7) == 7 ? 0 : to_rm(o);
		break;
	case 0x81:
	case 0xc7:
		i.length += 4;
		i.writes = opcode == 0x81 && (o->reg & 7) == 7 ? 0 : to_rm(o);
		break;
	case 0xf7:
		if ((o->reg & 7) < 2)
			i.length += 4; /* test */
		else if ((o->reg & 7) < 4)
			i.writes = to_rm(o);
		else
			i.writes = bit(RAX) | bit(RDX);
		break;
	default:
		return (struct instruction){ 0 };
	}
	return i;
}

static struct instruction
decode(const uint8_t *p, const uint8_t *end)
{
	uint8_t rex = 0, opcode;
	unsigned before = 1;
	struct operands o;

	if (end - p >= 4 && p[0] == 0xf3 && p[1] == 0x0f && p[2] == 0x1e && p[3] == 0xfa)
		return (struct instruction){ 4, false, 0 }; /* endbr64 */
	if (p < end && (p[0] & 0xf0) == 0x40) {
		rex = *p++;
		before++;
	}
	if (p >= end)
		return (struct instruction){ 0 };
	opcode = *p++;
	if (opcode >= 0x50 && opcode <= 0x57)
		return (struct instruction){ before, rex == 0 || rex == 0x41, bit(RSP) };
	if (opcode >= 0x70 && opcode <= 0x7f)
		return (struct instruction){ before + 1, rex == 0, 0 };
	if (opcode == 0xe8 || opcode == 0xe9 || opcode == 0xeb || opcode == 0x90)
		return (struct instruction){ before, rex == 0, bit(RSP) };
	if (opcode >= 0xb8 && opcode <= 0xbf)
		return (struct instruction){ before + (rex & 8 ? 8 : 4), false,
			bit((opcode & 7) | (rex & 1u) << 3) };
	if (opcode == 0x3d || opcode == 0xa9)
		return (struct instruction){ before + 4, false, 0 };
	if (opcode == 0x05 || opcode == 0x0d || opcode == 0x25 || opcode == 0x2d || opcode == 0x35)
		return (struct instruction){ before + 4, false, bit(RAX) };
	if (opcode == 0x0f)
		return two_bytes(p, end, rex, before);
	o = operands(p, end, rex);
	return with_operands(opcode, &o, before);
}

unsigned
prologue_place(struct slice code, unsigned arguments)
{
	static const uint8_t argument[] = { RDI, RSI, RDX };
	const uint8_t *begin = (const uint8_t *)code.p,
		      *end = begin + (code.n < LONGEST ? code.n : LONGEST);
	uint32_t kept = bit(RSP) | bit(RBP);

	for (unsigned i = 0; i < arguments && i < sizeof argument; i++)
		kept |= bit(argument[i]);
	for (const uint8_t *p = begin; p < end;) {
		struct instruction i = decode(p, end);

		if (i.length == 0 || i.length > (size_t)(end - p))
			return 0;
		if (i.quick)
			return (unsigned)(p - begin);
		if (i.writes & kept)
			return 0;
		p += i.length;
	}
	return 0;
}
