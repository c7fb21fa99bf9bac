#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "code/object.h"

enum {
	SEGMENTS_MAX = 1 << 16,
	INFLATE_MAX = 1100, /* deflate cannot expand more than 1032 times */
	PAGE = 4096,
};

/* The bytes of a range of the file; p is NULL where it does not lie in the file. */
static struct slice
range(const struct object *o, uint64_t offset, uint64_t n)
{
	if (offset > o->image.n || n > o->image.n - offset)
		return (struct slice){ 0 };
	return (struct slice){ o->image.p + offset, (size_t)n };
}

struct header { /* of either class */
	uint64_t phoff, shoff;
	size_t phentsize, phnum, shentsize, shnum, shstrndx;
};

static int
header_read(struct object *o, struct header *h, struct error *e)
{
	const char *p = o->image.p;

	if (o->image.n < sizeof(Elf32_Ehdr) || memcmp(p, ELFMAG, SELFMAG) != 0)
		return error_set(e, "%s: not an ELF file", o->path);
	if (p[EI_DATA] != ELFDATA2LSB)
		return error_set(e, "%s: not little-endian", o->path);
	if (p[EI_CLASS] == ELFCLASS64 && o->image.n >= sizeof(Elf64_Ehdr)) {
		Elf64_Ehdr eh;

		memcpy(&eh, p, sizeof eh);
		*h = (struct header){ eh.e_phoff, eh.e_shoff, eh.e_phentsize, eh.e_phnum,
			eh.e_shentsize, eh.e_shnum, eh.e_shstrndx };
		o->machine = eh.e_machine;
		o->type = eh.e_type;
		o->is64 = true;
	} else if (p[EI_CLASS] == ELFCLASS32) {
		Elf32_Ehdr eh;

		memcpy(&eh, p, sizeof eh);
		*h = (struct header){ eh.e_phoff, eh.e_shoff, eh.e_phentsize, eh.e_phnum,
			eh.e_shentsize, eh.e_shnum, eh.e_shstrndx };
		o->machine = eh.e_machine;
		o->type = eh.e_type;
	} else {
		return error_set(e, "%s: neither ELF64 nor ELF32, or cut short", o->path);
	}
	return 0;
}

static Elf64_Phdr
phdr_read(const struct object *o, const char *p)
{
	Elf64_Phdr ph = { 0 };
	Elf32_Phdr ph32;

	if (o->is64) {
		memcpy(&ph, p, sizeof ph);
		return ph;
	}
	memcpy(&ph32, p, sizeof ph32);
	ph.p_type = ph32.p_type;
	ph.p_flags = ph32.p_flags;
	ph.p_offset = ph32.p_offset;
	ph.p_vaddr = ph32.p_vaddr;
	ph.p_filesz = ph32.p_filesz;
	ph.p_memsz = ph32.p_memsz;
	ph.p_align = ph32.p_align;
	return ph;
}

static Elf64_Shdr
shdr_read(const struct object *o, const char *p)
{
	Elf64_Shdr sh;
	Elf32_Shdr sh32;

	if (o->is64) {
		memcpy(&sh, p, sizeof sh);
		return sh;
	}
	memcpy(&sh32, p, sizeof sh32);
	return (Elf64_Shdr){
		.sh_name = sh32.sh_name,
		.sh_type = sh32.sh_type,
		.sh_flags = sh32.sh_flags,
		.sh_addr = sh32.sh_addr,
		.sh_offset = sh32.sh_offset,
		.sh_size = sh32.sh_size,
		.sh_link = sh32.sh_link,
		.sh_info = sh32.sh_info,
		.sh_addralign = sh32.sh_addralign,
		.sh_entsize = sh32.sh_entsize,
	};
}

/* The build id in a run of notes. */
static struct slice
note_buildid(struct slice s)
{
	while (s.n >= 12) {
		uint64_t name = load32(s.p), desc = load32(s.p + 4);
		uint64_t at = 12 + ((name + 3) & ~3ull), end = at + desc;

		if (end > s.n)
			break;
		if (load32(s.p + 8) == NT_GNU_BUILD_ID && name == 4 &&
		    memcmp(s.p + 12, "GNU", 4) == 0 && desc > 0)
			return (struct slice){ s.p + at, (size_t)desc };
		end = (end + 3) & ~3ull;
		if (end > s.n)
			break;
		s.p += end;
		s.n -= (size_t)end;
	}
	return (struct slice){ 0 };
}

static int
segment_order(const void *a, const void *b)
{
	const struct object_segment *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

static int
segments_read(struct object *o, const struct header *h, struct error *e)
{
	size_t size = o->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	struct slice table;

	if (h->phnum == 0)
		return 0;
	table = range(o, h->phoff, (uint64_t)h->phnum * size);
	if (table.p == NULL || h->phentsize != size || h->phnum > SEGMENTS_MAX)
		return error_set(e, "%s: program headers lie outside the file", o->path);
	o->segment = xcalloc(h->phnum, sizeof *o->segment);
	for (size_t i = 0; i < h->phnum; i++) {
		Elf64_Phdr ph = phdr_read(o, table.p + i * size);

		if (ph.p_type == PT_LOAD && ph.p_vaddr + ph.p_memsz >= ph.p_vaddr &&
		    ph.p_offset + ph.p_filesz >= ph.p_offset && ph.p_filesz <= ph.p_memsz)
			o->segment[o->segments++] = (struct object_segment){ ph.p_offset,
				ph.p_vaddr, ph.p_filesz, ph.p_memsz, (ph.p_flags & PF_X) != 0 };
		else if (ph.p_type == PT_LOAD)
			o->damage = "a segment with impossible sizes";
		else if (ph.p_type == PT_NOTE && o->buildid.n == 0)
			o->buildid = note_buildid(range(o, ph.p_offset, ph.p_filesz));
		else if (ph.p_type == PT_GNU_EH_FRAME) {
			o->eh_frame_hdr = ph.p_vaddr;
			o->eh_frame_hdr_size = ph.p_memsz;
		} else if (ph.p_type == PT_DYNAMIC) {
			o->dynamic = ph.p_vaddr;
			o->dynamic_size = ph.p_filesz;
		}
	}
	qsort(o->segment, o->segments, sizeof *o->segment, segment_order);
	if (o->segments > 0)
		o->base = o->segment[0].vaddr;
	for (size_t i = 0; i < o->segments; i++) {
		const struct object_segment *s = &o->segment[i];

		if (!s->exec)
			continue;
		if (o->text_end == 0)
			o->text = s->vaddr;
		if (s->vaddr + s->memsz > o->text_end)
			o->text_end = s->vaddr + s->memsz;
	}
	return 0;
}

static struct slice
string_at(struct slice strings, uint64_t at)
{
	if (at >= strings.n)
		return (struct slice){ "", 0 };
	return (struct slice){ strings.p + at, strnlen(strings.p + at, strings.n - (size_t)at) };
}

static void
sections_read(struct object *o, struct header *h)
{
	size_t size = o->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	struct slice table, names = { 0 };

	if (h->shoff == 0)
		return;
	table = range(o, h->shoff, size);
	if (table.p != NULL && h->shentsize == size) {
		Elf64_Shdr first = shdr_read(o, table.p);

		if (h->shnum == 0) /* too many for the header */
			h->shnum = first.sh_size <= UINT32_MAX ? (size_t)first.sh_size : 0;
		if (h->shstrndx == SHN_XINDEX)
			h->shstrndx = first.sh_link;
		table = range(o, h->shoff, (uint64_t)h->shnum * size);
	}
	if (table.p == NULL || h->shentsize != size) {
		o->damage = "section headers outside the file";
		return;
	}
	o->section = xcalloc(h->shnum, sizeof *o->section);
	o->sections = h->shnum;
	if (h->shstrndx < h->shnum) {
		Elf64_Shdr sh = shdr_read(o, table.p + h->shstrndx * size);

		names = range(o, sh.sh_offset, sh.sh_size);
	}
	for (size_t i = 0; i < h->shnum; i++) {
		Elf64_Shdr sh = shdr_read(o, table.p + i * size);
		struct object_section *s = &o->section[i];

		s->name = string_at(names, sh.sh_name);
		s->addr = sh.sh_addr;
		s->offset = sh.sh_offset;
		s->size = sh.sh_size;
		s->flags = sh.sh_flags;
		s->entsize = sh.sh_entsize;
		s->type = sh.sh_type;
		s->link = sh.sh_link;
		s->info = sh.sh_info;
		if (s->type == SHT_NOTE && o->buildid.n == 0)
			o->buildid = note_buildid(range(o, s->offset, s->size));
		if (s->type != SHT_NOBITS && s->type != SHT_NULL &&
		    range(o, s->offset, s->size).p == NULL)
			o->damage = "a section outside the file";
	}
}

static int
parse(struct object *o, struct error *e)
{
	struct header h = { 0 };

	if (header_read(o, &h, e) < 0)
		return -1;
	if (h.phnum == PN_XNUM) {
		struct slice first =
		    range(o, h.shoff, o->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));

		if (first.p == NULL)
			return error_set(e, "%s: program headers lie outside the file", o->path);
		h.phnum = shdr_read(o, first.p).sh_info;
	}
	if (segments_read(o, &h, e) < 0)
		return -1;
	sections_read(o, &h);
	return 0;
}

static void
buildid_text(struct slice id, char *text, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < id.n && n + 3 <= room; i++, n += 2)
		snprintf(text + n, room - n, "%02x", (unsigned char)id.p[i]);
	if (n == 0)
		snprintf(text, room, "none");
}

static struct object *
open_one(const char *path, struct slice buildid, struct error *e)
{
	struct object *o;
	struct stat st;
	void *p;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		error_set(e, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf32_Ehdr)) {
		error_set(e, "%s: not an ELF file", path);
		close(fd);
		return NULL;
	}
	/* Private and writable: libelf changes section headers in place when it decompresses. */
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED) {
		error_set(e, "%s: %s", path, strerror(errno));
		return NULL;
	}
	o = xcalloc(1, sizeof *o);
	o->path = xstrndup(path, strlen(path));
	o->image = (struct slice){ p, (size_t)st.st_size };
	o->mapped = true;
	if (parse(o, e) < 0) {
		object_close(o);
		return NULL;
	}
	if (buildid.n > 0 && !slice_eq(buildid, o->buildid)) {
		char have[64], want[64];

		buildid_text(o->buildid, have, sizeof have);
		buildid_text(buildid, want, sizeof want);
		error_set(e, "%s: build id is %s, not %s", path, have, want);
		object_close(o);
		return NULL;
	}
	return o;
}

struct object *
object_open(const char *path, const char *const *fallback, size_t fallbacks, struct slice buildid,
    struct error *e)
{
	struct object *o = open_one(path, buildid, e); /* the first error is the one to tell */

	for (size_t i = 0; o == NULL && i < fallbacks; i++)
		if (fallback[i] != NULL)
			o = open_one(fallback[i], buildid, NULL);
	return o;
}

struct object *
object_memory(const char *name, const void *bytes, size_t n, struct error *e)
{
	struct object *o = xcalloc(1, sizeof *o);
	char *copy = xmalloc(n);

	if (n > 0)
		memcpy(copy, bytes, n);
	o->path = xstrndup(name, strlen(name));
	o->image = (struct slice){ copy, n };
	if (parse(o, e) < 0) {
		object_close(o);
		return NULL;
	}
	return o;
}

struct object *
object_vdso(struct slice buildid, struct error *e)
{
	const char *at =
	    (const char *)getauxval(AT_SYSINFO_EHDR); /* NOLINT: an address by design */
	size_t n = 0;
	FILE *maps;
	char line[512];
	struct object *o;

	maps = at != NULL ? fopen("/proc/self/maps", "re") : NULL;
	while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
		unsigned long long from, to;

		if (sscanf(line, "%llx-%llx", &from, &to) == 2 && from == (uintptr_t)at)
			n = (size_t)(to - from);
	}
	if (maps != NULL)
		fclose(maps);
	if (n == 0) {
		error_set(e, "[vdso]: this process has none");
		return NULL;
	}
	o = object_memory("[vdso]", at, n, e);
	if (o != NULL && buildid.n > 0 && !slice_eq(buildid, o->buildid)) {
		error_set(e, "[vdso]: that of another kernel");
		object_close(o);
		return NULL;
	}
	return o;
}

void
object_close(struct object *o)
{
	if (o == NULL)
		return;
	if (o->elf != NULL)
		elf_end(o->elf);
	if (o->mapped)
		munmap((void *)o->image.p, o->image.n);
	else
		free((void *)o->image.p);
	free(o->segment);
	free(o->section);
	free(o->path);
	free(o);
}

int
object_vaddr(const struct object *o, uint64_t offset, uint64_t *vaddr)
{
	/* Executable segments first: RELRO and text may share a page of the file. The last round is for offsets in
	 * the page that a segment starts in, which mmap(2) has to map as a whole. */
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < o->segments; i++) {
			const struct object_segment *s = &o->segment[i];
			uint64_t pad = round == 2 ? s->offset % PAGE : 0;

			if ((round != 0 || s->exec) && s->filesz > 0 &&
			    offset - (s->offset - pad) < s->filesz + pad &&
			    offset >= s->offset - pad) {
				*vaddr = offset - s->offset + s->vaddr;
				return 0;
			}
		}
	return -1;
}

static const struct object_segment *
segment_at(const struct object *o, uint64_t vaddr)
{
	for (size_t i = 0; i < o->segments; i++)
		if (vaddr - o->segment[i].vaddr < o->segment[i].filesz)
			return &o->segment[i];
	return NULL;
}

int
object_offset(const struct object *o, uint64_t vaddr, uint64_t *offset)
{
	const struct object_segment *s = segment_at(o, vaddr);

	if (s == NULL)
		return -1;
	*offset = vaddr - s->vaddr + s->offset;
	return 0;
}

struct slice
object_bytes(const struct object *o, uint64_t vaddr)
{
	const struct object_segment *s = segment_at(o, vaddr);
	uint64_t at, n;

	if (s == NULL)
		return (struct slice){ 0 };
	at = vaddr - s->vaddr + s->offset;
	n = s->filesz - (vaddr - s->vaddr);
	if (at >= o->image.n)
		return (struct slice){ 0 };
	if (n > o->image.n - at)
		n = o->image.n - at;
	return (struct slice){ o->image.p + at, (size_t)n };
}

struct object_section *
object_section(struct object *o, const char *name)
{
	struct slice wanted = slice_of(name), rest = { 0 };
	struct object_section *old = NULL;

	if (slice_starts(wanted, SLICE(".debug_")))
		rest = (struct slice){ wanted.p + 1, wanted.n - 1 };
	for (size_t i = 1; i < o->sections; i++) {
		struct slice have = o->section[i].name;

		if (slice_eq(have, wanted))
			return &o->section[i];
		if (old == NULL && rest.n > 0 && slice_starts(have, SLICE(".z")) &&
		    slice_eq((struct slice){ have.p + 2, have.n - 2 }, rest))
			old = &o->section[i];
	}
	return old;
}

static struct slice
inflate(struct object *o, struct object_section *s, struct slice packed)
{
	bool gnu = (s->flags & SHF_COMPRESSED) == 0;
	size_t header = gnu ? 12 : o->is64 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	uint64_t size;
	Elf_Scn *scn;
	Elf_Data *data;

	if (packed.n < header)
		return (struct slice){ 0 };
	if (gnu)
		size = __builtin_bswap64(load64(packed.p + 4));
	else
		size = o->is64 ? load64(packed.p + 8) : load32(packed.p + 4);
	if (size > (uint64_t)packed.n * INFLATE_MAX || object_elf(o) == NULL)
		return (struct slice){ 0 };
	scn = elf_getscn(o->elf, (size_t)(s - o->section));
	if (scn == NULL || (gnu ? elf_compress_gnu(scn, 0, 0) : elf_compress(scn, 0, 0)) < 0)
		return (struct slice){ 0 };
	data = elf_rawdata(scn, NULL);
	if (data == NULL || data->d_buf == NULL)
		return (struct slice){ 0 };
	return (struct slice){ data->d_buf, data->d_size };
}

struct slice
object_contents(struct object *o, struct object_section *s)
{
	if (s == NULL || s->type == SHT_NOBITS || s->type == SHT_NULL)
		return (struct slice){ 0 };
	if (!s->loaded) {
		struct slice raw = range(o, s->offset, s->size);

		s->loaded = true;
		if (raw.p == NULL)
			raw = (struct slice){ 0 };
		else if ((s->flags & SHF_COMPRESSED) ||
			 (slice_starts(s->name, SLICE(".zdebug")) && raw.n >= 12 &&
			     memcmp(raw.p, "ZLIB", 4) == 0))
			raw = inflate(o, s, raw);
		s->bytes = raw;
	}
	return s->bytes;
}

struct slice
object_named(struct object *o, const char *name, uint64_t *addr)
{
	struct object_section *s = object_section(o, name);

	if (s == NULL)
		return (struct slice){ 0 };
	if (addr != NULL)
		*addr = s->addr;
	return object_contents(o, s);
}

struct Elf *
object_elf(struct object *o)
{
	if (o->elf == NULL) {
		elf_version(EV_CURRENT);
		o->elf = elf_memory((char *)o->image.p, o->image.n);
	}
	return o->elf;
}

bool
object_is_code(const struct object *o, size_t section)
{
	return section < o->sections && (o->section[section].flags & SHF_EXECINSTR) != 0;
}
