/* Build ids: of notes of every padding, of a file, and of nothing else. */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "sys/buildid.h"
#include "unit.h"

static size_t
note(unsigned char *to, const char *name, uint32_t type, const void *desc, uint32_t n, size_t align)
{
	size_t at = 12, name_n = strlen(name) + 1;

	memset(to, 0, 128);
	store32(to, (uint32_t)name_n);
	store32(to + 4, n);
	store32(to + 8, type);
	memcpy(to + at, name, name_n);
	at = (at + name_n + align - 1) & ~(align - 1);
	memcpy(to + at, desc, n);
	return (at + n + align - 1) & ~(align - 1);
}

/* A file that is all headers: one segment that is no note, and one that is. */
static void
objects(const unsigned char *want)
{
	char path[] = "/tmp/leat-buildid.XXXXXX";
	unsigned char notes[512];
	size_t n = note(notes, "GNU", NT_GNU_BUILD_ID, want, 20, 4);
	Elf64_Ehdr h64 = { .e_phoff = sizeof h64, .e_phnum = 2, .e_phentsize = sizeof(Elf64_Phdr) };
	Elf32_Ehdr h32 = { .e_phoff = sizeof h32, .e_phnum = 2, .e_phentsize = sizeof(Elf32_Phdr) };
	Elf64_Phdr p64[2] = { { .p_type = PT_LOAD },
		{ .p_type = PT_NOTE, .p_offset = 4096, .p_filesz = n, .p_align = 4 } };
	Elf32_Phdr p32[2] = { { .p_type = PT_LOAD },
		{ .p_type = PT_NOTE, .p_offset = 4096, .p_filesz = (uint32_t)n, .p_align = 4 } };
	struct sys_buildid id;
	int fd = mkstemp(path);

	CLAIM(fd >= 0 && unlink(path) == 0);
	CLAIM(pwrite(fd, notes, n, 4096) == (ssize_t)n);
	for (unsigned char class = ELFCLASS32; class <= ELFCLASS64; class ++) {
		unsigned char ident[EI_NIDENT] = { 0x7f, 'E', 'L', 'F', class, ELFDATA2LSB, 1 };

		memcpy(h32.e_ident, ident, sizeof ident);
		memcpy(h64.e_ident, ident, sizeof ident);
		if (class == ELFCLASS32) {
			CLAIM(pwrite(fd, &h32, sizeof h32, 0) == sizeof h32);
			CLAIM(pwrite(fd, p32, sizeof p32, sizeof h32) == sizeof p32);
		} else {
			CLAIM(pwrite(fd, &h64, sizeof h64, 0) == sizeof h64);
			CLAIM(pwrite(fd, p64, sizeof p64, sizeof h64) == sizeof p64);
		}
		CLAIM(sys_buildid_of_fd(fd, &id) == 0);
		CLAIM(id.size == 20 && memcmp(id.byte, want, 20) == 0);
	}
	h64.e_phentsize--;
	CLAIM(pwrite(fd, &h64, sizeof h64, 0) == sizeof h64);
	CLAIM(sys_buildid_of_fd(fd, &id) == -1 && id.size == 0);
	close(fd);
}

int
main(void)
{
	static const unsigned char want[20] = "0123456789abcdefghi";
	unsigned char bytes[512];
	struct sys_buildid id;

	for (size_t align = 4; align <= 8; align += 4) {
		size_t n = note(bytes, "Linux", 1, "x", 1, align);

		n += note(bytes + n, "GNU", 1, want, 16, align); /* an ABI note: another type */
		n += note(bytes + n, "GNU", 3, want, 20, align);
		CLAIM(sys_buildid_find(bytes, n, align, &id) == 0);
		CLAIM(id.size == 20 && memcmp(id.byte, want, 20) == 0);
		/* cut anywhere: nothing is found, nothing beyond is read */
		for (size_t cut = 0; cut < n - 4; cut++)
			if (sys_buildid_find(bytes, cut, align, &id) == 0)
				CLAIM(id.size == 20 && cut + align > n);
		/* every length that cannot be: no crash */
		for (size_t at = 0; at < n; at++) {
			unsigned char was = bytes[at];

			bytes[at] = 0xff;
			sys_buildid_find(bytes, n, align, &id);
			CLAIM(id.size <= SYS_BUILDID_MAX);
			bytes[at] = was;
		}
	}
	objects(want);
	CLAIM(sys_buildid_find("", 0, 4, &id) == -1 && id.size == 0);
	CLAIM(sys_buildid_of_file("/dev/null", &id) == -1);
	CLAIM(sys_buildid_of_file("/no/such/file", &id) == -1);
	CLAIM(sys_buildid_of_file("/proc/self/maps", &id) == -1);
	return 0;
}
