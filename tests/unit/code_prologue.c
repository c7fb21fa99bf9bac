/* First instructions of real functions, and where a probe in them belongs; and what no code may do to us. */
#include "code/prologue.h"

#include <string.h>

#include "unit.h"

static const struct {
	const char *name, *code;
	unsigned n, arguments, place;
} function[] = {
#define CODE(bytes) bytes, sizeof(bytes) - 1
	{ "push r12", CODE("\x41\x54\x55\x53\x48\x89\xfb\x48\x83\xec\x10"), 1, 0 },
	{ "test rdi, rdi; je", CODE("\x48\x85\xff\x0f\x84\xbf\x00\x00\x00\x55"), 1, 3 },
	{ "endbr64; jmp", CODE("\xf3\x0f\x1e\xfa\xe9\x87\x2f\xff\xff"), 1, 4 },
	{ "endbr64; test; mov eax; push",
	    CODE("\xf3\x0f\x1e\xfa\x48\x85\xff\xb8\x01\x00\x00\x00\x53\x48\x0f\x45\xc7"), 1, 12 },
	{ "cmpb mem; push", CODE("\x80\x3d\x01\x02\x14\x00\x00\x41\x54\x49\x89\xd4\x55"), 3, 7 },
	{ "cmpb mem; je", CODE("\x80\x3d\x71\x0e\x14\x00\x00\x74\x07\xe9\x32\xf6\xff\xff"), 2, 7 },
	{ "cmp imm; ja", CODE("\x48\x81\xff\x00\x10\x00\x00\x0f\x87\x93\x00\x00\x00"), 1, 7 },
	{ "mov mem; test; jne", CODE("\x48\x8b\x05\xd9\xb1\x00\x00\x48\x85\xc0\x75\x75"), 1, 10 },
	{ "mov r10d; test r9d; jne", CODE("\x41\x89\xca\x41\xf7\xc1\xff\x0f\x00\x00\x75\x14"), 3,
	    10 },
	{ "mov rax; mov rdx, mem: three are kept",
	    CODE("\x48\x89\xf8\x48\x8b\x15\x0e\x53\x0a\x00\x55"), 3, 0 },
	{ "and one", CODE("\x48\x89\xf8\x48\x8b\x15\x0e\x53\x0a\x00\x55"), 1, 10 },
	{ "mul writes rdx", CODE("\x48\x89\xf0\x48\xf7\xe2\x70\x05"), 3, 0 },
	{ "but who reads it?", CODE("\x48\x89\xf0\x48\xf7\xe2\x70\x05"), 2, 6 },
	{ "sub rsp", CODE("\x48\x83\xec\x58\x55"), 1, 0 },
	{ "mov to the stack; push", CODE("\x48\x89\x74\x24\x08\x55"), 2, 5 },
	{ "mov rdi, rsi", CODE("\x48\x89\xf7\x55"), 1, 0 },
	{ "xor edi, edi", CODE("\x31\xff\x55"), 1, 0 },
	{ "mov r15, rdi; push", CODE("\x49\x89\xff\x55"), 1, 3 },
	{ "mov r15d, imm; push", CODE("\x41\xbf\x01\x00\x00\x00\x55"), 1, 6 },
	{ "mov edi, imm", CODE("\xbf\x01\x00\x00\x00\x55"), 1, 0 },
	{ "cmp dil, imm8", CODE("\x40\x80\xff\x01\x74\x00"), 1, 4 },
	{ "nop of 7 bytes; push", CODE("\x0f\x1f\x80\x00\x00\x00\x00\x55"), 1, 7 },
	{ "a push that the kernel does not know", CODE("\x48\x55"), 1, 0 },
	{ "syscall", CODE("\xb8\x0b\x00\x00\x00\x0f\x05\x55"), 1, 0 },
	{ "fs:", CODE("\x64\x48\x8b\x04\x25\x28\x00\x00\x00\x55"), 1, 0 },
	{ "ends too early", CODE("\x48\x85"), 1, 0 },
	{ "in an operand", CODE("\x48\x8b\x05\xd9"), 1, 0 },
	{ "nothing", "", 0, 1, 0 },
};

int
main(void)
{
	char code[80];

	for (size_t i = 0; i < sizeof function / sizeof function[0]; i++) {
		unsigned place = prologue_place(
		    (struct slice){ function[i].code, function[i].n }, function[i].arguments);

		if (place != function[i].place)
			fprintf(stderr, "%s: %u\n", function[i].name, place);
		CLAIM(place == function[i].place);
	}
	for (int i = 0; i < 100000; i++) { /* any bytes */
		size_t n = unit_draw(sizeof code);

		for (size_t k = 0; k < n; k++)
			code[k] = (char)unit_draw(256);
		CLAIM(prologue_place((struct slice){ code, n }, 3) <= n);
	}
	return 0;
}
