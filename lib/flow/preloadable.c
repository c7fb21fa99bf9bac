#include "flow/preloadable.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

enum { SCRIPTS = 5, HEAD = 256, PHDRS = 64 };

#if defined __x86_64__
#define MACHINE EM_X86_64
#elif defined __aarch64__
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

/* The file that execvp(3) runs; false where there is none. */
static bool
find_command(const char *command, struct buf *path)
{
	const char *dirs = getenv("PATH");
	struct slice rest = slice_of(dirs ? dirs : "/bin:/usr/bin");

	if (strchr(command, '/')) {
		buf_printf(path, "%s", command);
		return true;
	}
	for (bool more = true; more;) {
		struct stat st;
		struct slice dir;

		more = memchr(rest.p ? rest.p : "", ':', rest.n) != NULL;
		dir = slice_cut(&rest, ':');
		path->n = 0;
		if (dir.n > 0)
			buf_printf(path, "%.*s/", SLICE_ARG(dir));
		buf_printf(path, "%s", command);
		if (access(buf_str(path), X_OK) == 0 && stat(buf_str(path), &st) == 0 &&
		    S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

static const char *
machine_name(unsigned machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_AARCH64:
		return "aarch64";
	case EM_386:
		return "32-bit x86";
	case EM_ARM:
		return "32-bit ARM";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "POWER";
	case EM_S390:
		return "s390";
	default:
		return "another machine";
	}
}

/* Where its rights change, the linker preloads nothing from directories of users. */
static int
check_rights(int fd, const char *path, struct error *e)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID)))
		return 0;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return error_set(e,
		    "%s: is setuid: nothing can be preloaded into it; run it as its owner, or a "
		    "copy "
		    "without that bit",
		    path);
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
		return error_set(e,
		    "%s: is setgid: nothing can be preloaded into it; run a copy without that bit",
		    path);
	if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return error_set(e,
		    "%s: has capabilities of its own: nothing can be preloaded into it; run it as "
		    "root, "
		    "or a copy",
		    path);
	return 0;
}

static int
check_interpreter(int fd, const char *path, const Elf64_Phdr *p, struct error *e)
{
	char name[256];
	ssize_t n = pread(fd, name, sizeof name - 1, (off_t)p->p_offset);

	if (n <= 0)
		return 0;
	name[(size_t)n < p->p_filesz ? (size_t)n : p->p_filesz < 255 ? p->p_filesz : 255] = '\0';
	if (strstr(name, "ld-musl"))
		return error_set(e,
		    "%s: is linked with musl (%s), and the library with glibc; use -p to attach to "
		    "it",
		    path, name);
	return 0;
}

static int
check_elf(int fd, const char *path, const unsigned char *head, struct error *e)
{
	Elf64_Ehdr h;
	Elf64_Phdr p[PHDRS];
	unsigned n;
	bool dynamic = false;

	memcpy(&h, head, sizeof h);
	if (h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (h.e_ident[EI_CLASS] != ELFCLASS64 && h.e_machine != EM_386 && h.e_machine != EM_ARM) ||
	    h.e_machine != MACHINE)
		return error_set(e, "%s: is a program for %s, and this is %s", path,
		    machine_name(h.e_machine), machine_name(MACHINE));
	if (h.e_ident[EI_CLASS] != ELFCLASS64)
		return error_set(
		    e, "%s: is a 32-bit program; only 64-bit programs can be recorded", path);
	n = h.e_phnum < PHDRS ? h.e_phnum : PHDRS;
	if (h.e_phentsize != sizeof *p ||
	    pread(fd, p, n * sizeof *p, (off_t)h.e_phoff) != (ssize_t)(n * sizeof *p))
		return 0; /* exec will say what it thinks of it */
	for (unsigned i = 0; i < n; i++)
		if (p[i].p_type == PT_INTERP) {
			dynamic = true;
			if (check_interpreter(fd, path, &p[i], e) < 0)
				return -1;
		}
	if (!dynamic)
		return error_set(e,
		    "%s: is linked statically: nothing can be preloaded into it; use -p to attach "
		    "to it "
		    "while it runs",
		    path);
	return check_rights(fd, path, e);
}

/* "#!/usr/bin/env python3": the interpreter, and what that runs where it is env. */
static bool
next_of_script(char *line, struct buf *path)
{
	char *end = strchr(line, '\n'), *word, *rest;

	if (end)
		*end = '\0';
	word = strtok_r(line + 2, " \t", &rest);
	if (word == NULL)
		return false;
	if (slice_eq(slice_basename(slice_of(word)), SLICE("env"))) {
		char *program = strtok_r(NULL, " \t", &rest);

		while (program && (program[0] == '-' || strchr(program, '=')))
			program = strtok_r(NULL, " \t", &rest);
		path->n = 0;
		return program && find_command(program, path);
	}
	path->n = 0;
	buf_printf(path, "%s", word);
	return true;
}

int
preloadable(const char *command, struct error *e)
{
	struct buf path = BUF_INIT;
	int result = 0;

	if (MACHINE == EM_NONE) {
		return error_set(
		    e, "this machine's architecture is not supported, only x86-64 and aarch64");
	}
	if (!find_command(command, &path))
		goto done;
	for (int i = 0; i < SCRIPTS; i++) {
		unsigned char head[HEAD + 1] = { 0 };
		int fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
		ssize_t n;

		if (fd < 0)
			break;
		n = pread(fd, head, HEAD, 0);
		if (n >= (ssize_t)sizeof(Elf64_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0) {
			result = check_elf(fd, buf_str(&path), head, e);
			close(fd);
			break;
		}
		close(fd);
		if (n < 3 || head[0] != '#' || head[1] != '!' ||
		    !next_of_script((char *)head, &path))
			break;
	}
done:
	buf_free(&path);
	return result;
}
