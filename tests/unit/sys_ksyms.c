/* Kernel symbols: a table with aliases, data, modules and disorder answers like a search by eye. */
#include <string.h>
#include <unistd.h>

#include "sys/ksyms.h"
#include "unit.h"

static const char text[] = "0000000000000000 A irq_stack\n"
			   "ffffffff81000000 T _stext\n"
			   "ffffffff81000000 T _text\n"
			   "ffffffff81000000 t __first\n"
			   "ffffffff81000040 W weak\n"
			   "ffffffff81000040 T strong\n"
			   "ffffffff81000080 T last\n"
			   "ffffffff81000100 D data\n"
			   "ffffffff81000200 T _etext\n"
			   "ffffffffc0001000 t mod_b\t[ext4]\n"
			   "ffffffffc0000000 t mod_a\t[ext4]\n"
			   "not a line\n";

static bool
named(const struct sys_ksyms *k, uint64_t addr, const char *name, uint64_t start, uint64_t size,
    const char *module)
{
	struct sys_ksym s;

	return sys_ksyms_find(k, addr, &s) >= 0 && slice_eq(s.name, slice_of(name)) &&
	       s.addr == start && s.size == size && slice_eq(s.module, slice_of(module));
}

static bool
answers(const struct sys_ksyms *k)
{
	struct sys_ksym s;

	return named(k, 0xffffffff81000000, "__first", 0xffffffff81000000, 0x40, "") &&
	       named(k, 0xffffffff8100003f, "__first", 0xffffffff81000000, 0x40, "") &&
	       named(k, 0xffffffff81000040, "strong", 0xffffffff81000040, 0x40, "") &&
	       named(k, 0xffffffff810000ff, "last", 0xffffffff81000080, 0x80, "") &&
	       named(k, 0xffffffffc0000123, "mod_a", 0xffffffffc0000000, 0x1000, "ext4") &&
	       named(k, 0xffffffffc0001fff, "mod_b", 0xffffffffc0001000, 4096, "ext4") &&
	       sys_ksyms_find(k, 0xffffffff80ffffff, &s) == -1 &&
	       sys_ksyms_find(k, 0xffffffff81000100, &s) == -1 &&
	       sys_ksyms_find(k, 0xffffffffc0002000, &s) == -1 &&
	       sys_ksyms_address(k, SLICE("_text")) == 0xffffffff81000000 &&
	       sys_ksyms_address(k, SLICE("_etext")) == 0xffffffff81000200 &&
	       sys_ksyms_address(k, SLICE("nothing")) == 0;
}

/* A table of many pieces, whose lines do not end where the pieces do. */
static void
large(int fd, const char *path)
{
	enum { FUNCTIONS = 10007, STEP = 16 };
	struct sys_ksyms k;
	struct error e;
	FILE *f = fdopen(dup(fd), "w");
	int pieces = 0, more;

	CLAIM(f != NULL && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	for (uint64_t i = 0; i < FUNCTIONS; i++)
		fprintf(f, "%016llx t function_%llu%s", 0xffffffff81000000ull + i * STEP,
		    (unsigned long long)i, i + 1 < FUNCTIONS ? "\n" : "");
	CLAIM(fclose(f) == 0);
	CLAIM(sys_ksyms_open(&k, path, &e) == 0);
	while ((more = sys_ksyms_read(&k, 1, &e)) > 0)
		pieces++;
	CLAIM(more == 0 && pieces > 2 && k.entries == FUNCTIONS);
	for (uint64_t i = 0; i < FUNCTIONS; i++) {
		char name[32];

		snprintf(name, sizeof name, "function_%llu", (unsigned long long)i);
		CLAIM(named(&k, 0xffffffff81000000 + i * STEP + 5, name,
		    0xffffffff81000000 + i * STEP, i + 1 < FUNCTIONS ? STEP : 4096, ""));
	}
	sys_ksyms_free(&k);
}

int
main(void)
{
	char path[] = "/tmp/leat-ksyms.XXXXXX";
	int fd = mkstemp(path);
	struct sys_ksyms k;
	struct sys_ksym s;
	struct error e;

	CLAIM(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
	CLAIM(sys_ksyms_load(&k, path, &e) == 0);
	CLAIM(answers(&k));
	sys_ksyms_free(&k);

	/* in pieces: the same, but not before the last */
	CLAIM(sys_ksyms_open(&k, path, &e) == 0);
	CLAIM(sys_ksyms_read(&k, 1, &e) == 1 && k.entries > 0);
	CLAIM(sys_ksyms_find(&k, 0xffffffff81000000, &s) == -1);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000000, &s) == 0);
	CLAIM(sys_ksyms_read(&k, 1, &e) == 0);
	CLAIM(sys_ksyms_read(&k, 1, &e) == 0);
	CLAIM(answers(&k));

	/* each function once, however many of its addresses come */
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000041, &s) == 1);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000041, &s) == 0);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000042, &s) == 0);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000000, &s) == 1);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000100, &s) == 0);
	sys_ksyms_free(&k);

	large(fd, path);
	CLAIM(ftruncate(fd, 0) == 0);
	CLAIM(sys_ksyms_load(&k, path, &e) == -1 && strstr(e.text, "kptr_restrict"));
	unlink(path);
	CLAIM(sys_ksyms_load(&k, path, &e) == -1);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000041, &s) == 0);
	return 0;
}
