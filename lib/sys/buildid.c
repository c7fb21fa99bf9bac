#include "sys/buildid.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/io.h"

enum { HEADERS_MAX = 512, NOTES_MAX = 1 << 16 };

int
sys_buildid_find(const void *notes, size_t n, size_t align, struct sys_buildid *id)
{
	const unsigned char *p = notes;

	id->size = 0;
	while (n >= 12) {
		size_t name = load32(p), desc = load32(p + 4), type = load32(p + 8);
		size_t desc_at, end;

		if (name > n || desc > n)
			return -1;
		desc_at = (12 + name + align - 1) & ~(align - 1);
		end = (desc_at + desc + align - 1) & ~(align - 1);
		if (desc_at + desc > n)
			return -1;
		if (type == NT_GNU_BUILD_ID && name == 4 && memcmp(p + 12, "GNU", 4) == 0 &&
		    desc > 0 && desc <= SYS_BUILDID_MAX) {
			memcpy(id->byte, p + desc_at, desc);
			id->size = (unsigned)desc;
			return 0;
		}
		if (end > n)
			return -1;
		p += end;
		n -= end;
	}
	return -1;
}

static int
read_at(int fd, void *p, size_t n, uint64_t at)
{
	return pread(fd, p, n, (off_t)at) == (ssize_t)n ? 0 : -1;
}

static int
of_segment(int fd, uint64_t at, uint64_t size, uint64_t align, struct sys_buildid *id)
{
	char *notes;
	int r;

	if (size < 12 || size > NOTES_MAX)
		return -1;
	notes = xmalloc(size);
	r = read_at(fd, notes, size, at);
	if (r == 0)
		r = sys_buildid_find(notes, size, align == 8 ? 8 : 4, id);
	free(notes);
	return r;
}

/* Where the program headers of an object stand; the two classes differ in widths alone. */
struct headers {
	bool wide;
	uint64_t at;
	unsigned n, size;
};

static int
read_headers(int fd, struct headers *h)
{
	unsigned char ident[EI_NIDENT];
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;

	if (read_at(fd, ident, sizeof ident, 0) < 0 || memcmp(ident, ELFMAG, SELFMAG) != 0 ||
	    ident[EI_DATA] != ELFDATA2LSB)
		return -1;
	h->wide = ident[EI_CLASS] == ELFCLASS64;
	if (h->wide && read_at(fd, &e64, sizeof e64, 0) == 0) {
		*h = (struct headers){ true, e64.e_phoff, e64.e_phnum, e64.e_phentsize };
		return h->size == sizeof(Elf64_Phdr) ? 0 : -1;
	}
	if (ident[EI_CLASS] == ELFCLASS32 && read_at(fd, &e32, sizeof e32, 0) == 0) {
		*h = (struct headers){ false, e32.e_phoff, e32.e_phnum, e32.e_phentsize };
		return h->size == sizeof(Elf32_Phdr) ? 0 : -1;
	}
	return -1;
}

static int
read_segment(int fd, const struct headers *h, unsigned i, Elf64_Phdr *p)
{
	uint64_t at = h->at + (uint64_t)i * h->size;
	Elf32_Phdr p32;

	if (h->wide)
		return read_at(fd, p, sizeof *p, at);
	if (read_at(fd, &p32, sizeof p32, at) < 0)
		return -1;
	p->p_type = p32.p_type;
	p->p_offset = p32.p_offset;
	p->p_filesz = p32.p_filesz;
	p->p_align = p32.p_align;
	return 0;
}

int
sys_buildid_of_fd(int fd, struct sys_buildid *id)
{
	struct headers h;

	id->size = 0;
	if (read_headers(fd, &h) < 0)
		return -1;
	for (unsigned i = 0; i < h.n && i < HEADERS_MAX; i++) {
		Elf64_Phdr p;

		if (read_segment(fd, &h, i, &p) < 0)
			return -1;
		if (p.p_type == PT_NOTE &&
		    of_segment(fd, p.p_offset, p.p_filesz, p.p_align, id) == 0)
			return 0;
	}
	return -1;
}

int
sys_buildid_of_file(const char *path, struct sys_buildid *id)
{
	/* O_NONBLOCK: the path comes from a mapping, and may since be a fifo */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;

	id->size = 0;
	if (fd < 0)
		return -1;
	r = sys_buildid_of_fd(fd, id);
	close(fd);
	return r;
}

int
sys_buildid_of_notes(const char *path, struct sys_buildid *id)
{
	char *p;
	size_t n;
	int r;

	id->size = 0;
	if (io_slurp(path, &p, &n) < 0)
		return -1;
	r = sys_buildid_find(p, n, 4, id);
	free(p);
	return r;
}
