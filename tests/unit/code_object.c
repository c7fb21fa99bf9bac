/* This very program as an object: what it says of itself, and that no damage to it does harm. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "code/object.h"
#include "code/plt.h"
#include "code/symbols.h"
#include "unit.h"

static const struct slice any;

/* Asks everything, and sums what it got, so that each byte is read. */
static uint64_t
ask(struct object *o)
{
	static const char *const name[] = { ".symtab", ".dynsym", ".debug_info", ".eh_frame",
		".gnu_debugdata" };
	struct symbols s = SYMBOLS_INIT;
	uint64_t sum = 0, v;

	for (size_t i = 0; i < o->sections; i++) {
		struct slice bytes = object_contents(o, &o->section[i]);

		sum += o->section[i].name.n;
		for (size_t k = 0; k < bytes.n; k += 64)
			sum += (unsigned char)bytes.p[k];
		if (bytes.n > 0)
			sum += (unsigned char)bytes.p[bytes.n - 1];
	}
	for (size_t i = 0; i < o->segments; i++) {
		struct slice bytes = object_bytes(o, o->segment[i].vaddr);

		if (bytes.n > 0)
			sum += (unsigned char)bytes.p[bytes.n - 1];
		sum += object_vaddr(o, o->segment[i].offset, &v) == 0;
		sum += object_offset(o, o->segment[i].vaddr, &v) == 0;
	}
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		sum += object_named(o, name[i], NULL).n + symbols_read(&s, o, name[i]);
	sum += plt_read(&s, o);
	for (uint64_t at = o->text; at < o->text_end && at < o->text + 4096; at += 16)
		sum += symbols_find(&s, at) != NULL;
	symbols_free(&s);
	return sum;
}

static void
self(struct object *o)
{
	uint64_t offset, vaddr, addr = 0;
	FILE *p = popen("readelf -n /proc/$PPID/exe 2>/dev/null | sed -n 's/.*Build ID: //p'", "r");
	char want[128] = "", have[128] = "";
	struct error e;
	struct object *again;
	struct slice text;
	const char *const fallback[] = { NULL, "/nonexistent", "/etc/passwd", "/proc/self/exe" };
	char wrong[] = "wrong";

	CLAIM(o->is64 && o->segments > 0 && o->sections > 10 && o->damage == NULL &&
	      o->text < o->text_end);
	CLAIM(p != NULL);
	if (fgets(want, sizeof want, p) != NULL) {
		want[strcspn(want, "\n")] = '\0';
		for (size_t i = 0; i < o->buildid.n; i++)
			sprintf(have + 2 * i, "%02x", (unsigned char)o->buildid.p[i]);
		CLAIM(strcmp(have, want) == 0);
	}
	pclose(p);

	for (size_t i = 0; i < o->segments; i++)
		for (uint64_t k = 0; k < o->segment[i].filesz; k += 97) {
			const struct object_segment *s = &o->segment[i];

			CLAIM(object_offset(o, s->vaddr + k, &offset) == 0 &&
			      offset == s->offset + k);
			CLAIM(object_vaddr(o, offset, &vaddr) == 0);
			CLAIM(!s->exec || vaddr == s->vaddr + k);
			CLAIM(object_bytes(o, s->vaddr + k).n == s->filesz - k);
		}
	CLAIM(object_vaddr(o, 1ull << 60, &vaddr) < 0 && object_offset(o, 1ull << 60, &offset) < 0);
	CLAIM(object_bytes(o, 1ull << 60).n == 0);

	text = object_named(o, ".text", &addr);
	CLAIM(text.n > 1000 && addr >= o->text && addr + text.n <= o->text_end);
	CLAIM(memcmp(text.p, object_bytes(o, addr).p, text.n) == 0);
	CLAIM(object_section(o, ".no_such") == NULL && object_named(o, ".no_such", NULL).n == 0);
	CLAIM(object_contents(o, object_section(o, ".bss")).n == 0);

	/* Fallbacks, and build ids that differ. */
	CLAIM(object_open("/nonexistent", NULL, 0, any, &e) == NULL);
	CLAIM(strcmp(e.text, "/nonexistent: No such file or directory") == 0);
	CLAIM(object_open("/etc/passwd", NULL, 0, any, &e) == NULL &&
	      strcmp(e.text, "/etc/passwd: not an ELF file") == 0);
	CLAIM(object_open("/dev/null", NULL, 0, any, &e) == NULL &&
	      object_open("/", NULL, 0, any, &e) == NULL);
	again = object_open("/nonexistent", fallback, 4, o->buildid, &e);
	CLAIM(again != NULL && strcmp(again->path, "/proc/self/exe") == 0 &&
	      again->image.n == o->image.n);
	object_close(again);
	CLAIM(object_open("/proc/self/exe", NULL, 0, (struct slice){ wrong, 5 }, &e) == NULL);
	CLAIM(strstr(e.text, "not 77726f6e67") != NULL);
	object_close(NULL);
}

static void
vdso(void)
{
	struct symbols s = SYMBOLS_INIT;
	struct error e;
	struct object *o = object_vdso(any, &e);
	char wrong[20] = "another one";

	if (o == NULL)
		return; /* some sandboxes have none */
	CLAIM(o->text < o->text_end && o->buildid.n > 0);
	CLAIM(symbols_read(&s, o, ".dynsym") > 3);
	CLAIM(object_vdso((struct slice){ wrong, sizeof wrong }, &e) == NULL);
	symbols_free(&s);
	object_close(o);
}

static void
damage(struct slice whole)
{
	char *copy = xmalloc(whole.n);
	struct object *o;
	uint64_t opened = 0, sum = 0;

	/* Cut at any byte of the headers, and anywhere later. */
	for (size_t n = 0; n < whole.n; n += n < 4096 ? 13 : whole.n / 97 + 1) {
		o = object_memory("cut", whole.p, n, NULL);
		if (o != NULL) {
			opened++;
			CLAIM(o->damage != NULL || n == whole.n);
			sum += ask(o);
		}
		object_close(o);
	}
	/* Changed bytes in the headers. */
	srand(11);
	for (int round = 0; round < 600; round++) {
		uint64_t shoff;

		memcpy(copy, whole.p, whole.n);
		memcpy(&shoff, copy + offsetof(Elf64_Ehdr, e_shoff), 8);
		for (int k = 0; k < 1 + round % 4; k++) {
			size_t at = (size_t)rand() % 1024;

			if (round % 2)
				at = (size_t)shoff + (size_t)rand() % (whole.n - (size_t)shoff);
			copy[at] = (char)(rand() % 3 ? rand() : 0xff);
		}
		o = object_memory("changed", copy, whole.n, NULL);
		if (o != NULL) {
			opened++;
			sum += ask(o);
		}
		object_close(o);
	}
	CLAIM(opened > 100 && sum > 0);
	free(copy);
}

int
main(void)
{
	struct error e;
	struct object *o = object_open("/proc/self/exe", NULL, 0, any, &e);
	struct object *small;

	CLAIM(o != NULL);
	self(o);
	vdso();
	small = object_open("/usr/bin/true", NULL, 0, any, &e);
	damage(small != NULL ? small->image : o->image);
	object_close(small);
	object_close(o);
	return 0;
}
