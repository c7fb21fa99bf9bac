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
	CLAIM(named(&k, 0xffffffff81000000, "__first", 0xffffffff81000000, 0x40, ""));
	CLAIM(named(&k, 0xffffffff8100003f, "__first", 0xffffffff81000000, 0x40, ""));
	CLAIM(named(&k, 0xffffffff81000040, "strong", 0xffffffff81000040, 0x40, ""));
	CLAIM(named(&k, 0xffffffff810000ff, "last", 0xffffffff81000080, 0x80, ""));
	CLAIM(named(&k, 0xffffffffc0000123, "mod_a", 0xffffffffc0000000, 0x1000, "ext4"));
	CLAIM(named(&k, 0xffffffffc0001fff, "mod_b", 0xffffffffc0001000, 4096, "ext4"));
	CLAIM(sys_ksyms_find(&k, 0xffffffff80ffffff, &s) == -1);
	CLAIM(sys_ksyms_find(&k, 0xffffffff81000100, &s) == -1); /* data */
	CLAIM(sys_ksyms_find(&k, 0xffffffffc0002000, &s) == -1);
	CLAIM(sys_ksyms_address(&k, SLICE("_text")) == 0xffffffff81000000);
	CLAIM(sys_ksyms_address(&k, SLICE("_etext")) == 0xffffffff81000200);
	CLAIM(sys_ksyms_address(&k, SLICE("nothing")) == 0);

	/* each function once, however many of its addresses come */
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000041, &s) == 1);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000041, &s) == 0);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000042, &s) == 0);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000000, &s) == 1);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000100, &s) == 0);
	sys_ksyms_free(&k);

	CLAIM(ftruncate(fd, 0) == 0);
	CLAIM(sys_ksyms_load(&k, path, &e) == -1 && strstr(e.text, "kptr_restrict"));
	unlink(path);
	CLAIM(sys_ksyms_load(&k, path, &e) == -1);
	CLAIM(sys_ksyms_first(&k, 0xffffffff81000041, &s) == 0);
	return 0;
}
