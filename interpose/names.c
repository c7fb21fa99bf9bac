#include "interpose/names.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OBJECTS = 256 };

struct object {
	uintptr_t start, end, bias; /* start..end: the segment that was asked for */
	char name[64];
	const unsigned char *file;
	size_t bytes;
	const ElfW(Sym) * symbol;
	size_t symbols;
	const char *string;
	size_t strings;
};

static struct object known[OBJECTS];
static unsigned objects;

/* ---- the symbol table of a mapped file ---- */

static bool
lies_in(const struct object *o, uint64_t at, uint64_t n)
{
	return at <= o->bytes && n <= o->bytes - at;
}

static void
find_table(struct object *o, const ElfW(Ehdr) * h, uint32_t type)
{
	const ElfW(Shdr) *section = (const void *)(o->file + h->e_shoff);

	for (unsigned i = 0; i < h->e_shnum; i++) {
		const ElfW(Shdr) *s = &section[i], *text;

		if (s->sh_type != type || s->sh_link >= h->e_shnum || s->sh_offset % 8 ||
		    s->sh_entsize != sizeof *o->symbol)
			continue;
		text = &section[s->sh_link];
		if (!lies_in(o, s->sh_offset, s->sh_size) ||
		    !lies_in(o, text->sh_offset, text->sh_size) || text->sh_size == 0 ||
		    o->file[text->sh_offset + text->sh_size - 1] != 0)
			continue;
		o->symbol = (const void *)(o->file + s->sh_offset);
		o->symbols = s->sh_size / sizeof *o->symbol;
		o->string = (const char *)(o->file + text->sh_offset);
		o->strings = text->sh_size;
		return;
	}
}

static void
read_symbols(struct object *o, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ElfW(Ehdr) * h;
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof *h) {
		o->bytes = (size_t)st.st_size;
		o->file = mmap(NULL, o->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		if (o->file == MAP_FAILED)
			o->file = NULL;
	}
	close(fd);
	if (o->file == NULL)
		return;
	h = (const void *)o->file;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
	    h->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    h->e_shentsize != sizeof(ElfW(Shdr)) || h->e_shoff % 8 ||
	    !lies_in(o, h->e_shoff, (uint64_t)h->e_shnum * sizeof(ElfW(Shdr))))
		return;
	find_table(o, h, SHT_SYMTAB);
	if (o->symbol == NULL)
		find_table(o, h, SHT_DYNSYM);
}

/* ---- objects ---- */

struct search {
	uintptr_t address;
	struct object *o;
	bool found;
};

static int
look_at(struct dl_phdr_info *info, size_t size, void *context)
{
	struct search *s = context;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;
		const char *path = info->dlpi_name, *last;

		if (p->p_type != PT_LOAD || s->address - start >= p->p_memsz)
			continue;
		s->found = true;
		*s->o = (struct object){
			.start = start, .end = start + p->p_memsz, .bias = info->dlpi_addr
		};
		if (path && *path) {
			last = strrchr(path, '/');
			last = last ? last + 1 : path;
			read_symbols(s->o, path);
		} else {
			/* the program: its name is not among them */
			static char self[4096];
			ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

			self[n > 0 ? n : 0] = '\0';
			last = strrchr(self, '/');
			last = last ? last + 1 : self;
			read_symbols(s->o, "/proc/self/exe");
		}
		memcpy(s->o->name, last, strnlen(last, sizeof s->o->name - 1));
		return 1;
	}
	return 0;
}

static struct object *
object_of(uintptr_t address)
{
	struct search s = { .address = address };

	for (unsigned i = 0; i < objects; i++)
		if (address >= known[i].start && address < known[i].end)
			return &known[i];
	if (objects == OBJECTS)
		names_forget();
	s.o = &known[objects];
	dl_iterate_phdr(look_at, &s);
	if (!s.found)
		return NULL;
	objects++;
	return s.o;
}

void
names_find(uintptr_t address, struct names_place *place)
{
	const struct object *o = object_of(address);
	const ElfW(Sym) *best = NULL;

	*place = (struct names_place){ "", "" };
	if (o == NULL)
		return;
	place->object = o->name;
	for (size_t i = 0; i < o->symbols; i++) {
		const ElfW(Sym) *s = &o->symbol[i];

		if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || s->st_shndx == SHN_UNDEF ||
		    address - o->bias - s->st_value >= s->st_size || s->st_name >= o->strings)
			continue;
		/* the same code by several names: a global one is what people write */
		if (best == NULL || (ELF64_ST_BIND(best->st_info) != STB_GLOBAL &&
					ELF64_ST_BIND(s->st_info) == STB_GLOBAL))
			best = s;
	}
	if (best)
		place->function = o->string + best->st_name;
}

void
names_forget(void)
{
	for (unsigned i = 0; i < objects; i++)
		if (known[i].file)
			munmap((void *)(uintptr_t)known[i].file, known[i].bytes);
	objects = 0;
}
