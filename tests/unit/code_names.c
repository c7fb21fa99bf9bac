/* Programs of known shape, built here in many forms, are named at known addresses; and a program in C is named at every
 * address as addr2line(1) names it. Tools that are not there leave their form out. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "code/names.h"
#include "unit.h"

static char dir[] = "/tmp/leat-names.XXXXXX";
static unsigned forms;

/* The mark_ labels are where each inner() and outer() are; getenv is called through the linkage table. */
static const char shape_cc[] =
    "#include <cstdlib>\n"
    "namespace ns {\n"
    "template <typename T> struct box {\n"
    "	T v;\n"
    "	__attribute__((always_inline)) T inner(T x) { asm volatile(\"mark_inner: nop\"); return v "
    "* x; }\n"
    "	__attribute__((always_inline)) T middle(T x) { return inner(x + 1) + 3; }\n"
    "};\n"
    "__attribute__((noinline)) long outer(long x) {\n"
    "	box<long> b = { x };\n"
    "	asm volatile(\"mark_outer: nop\");\n"
    "	return b.middle(x) + 1;\n"
    "}\n"
    "}\n"
    "extern \"C\" __attribute__((noinline)) int plain(int x) {\n"
    "	asm volatile(\"mark_plain: nop\"); return x ^ 5;\n"
    "}\n"
    "int main(int argc, char **) { return int(ns::outer(argc)) + plain(argc) + (getenv(\"LEAT\") "
    "!= 0); "
    "}\n";

static bool
shell(const char *format, ...)
{
	struct buf command = BUF_INIT;
	char text[4096];
	va_list ap;
	int r;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	buf_printf(&command, "cd %s && { %s; } >log 2>&1", dir, text);
	r = system(buf_str(&command));
	buf_free(&command);
	return r == 0;
}

static void
write_file(const char *name, const void *p, size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	CLAIM(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

static struct object *
open_file(const char *name)
{
	char path[256];
	struct object *o;
	struct error e;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	o = object_open(path, NULL, 0, (struct slice){ 0 }, &e);
	if (o == NULL)
		fprintf(stderr, "%s\n", e.text);
	CLAIM(o != NULL);
	return o;
}

/* The address of a label in the file that was not stripped. */
static uint64_t
mark(const char *file, const char *label)
{
	struct object *o = open_file(file);
	struct slice table = object_named(o, ".symtab", NULL),
		     strings = object_named(o, ".strtab", NULL);
	uint64_t addr = 0;

	for (size_t at = 0; at + 24 <= table.n; at += 24)
		if (strcmp(strings.p + load32(table.p + at), label) == 0)
			addr = load64(table.p + at + 8);
	CLAIM(addr != 0);
	object_close(o);
	return addr;
}

/* "inner<middle<outer" or, without names, "" */
static char *
frames(struct names *n, uint64_t addr, bool inlines)
{
	static struct buf text;
	const struct names_frame *f;
	size_t found = names_find(n, addr, inlines, &f);

	text.n = 0;
	for (size_t i = 0; i < found; i++) {
		CLAIM(f[i].inlined == (i + 1 < found));
		buf_printf(&text, "%s%.*s", i > 0 ? "<" : "", SLICE_ARG(f[i].name));
	}
	return buf_str(&text);
}

static void
expect(struct names *n, const char *form, uint64_t addr, bool inlines, const char *wanted)
{
	for (int again = 0; again < 2; again++) {
		const char *have = frames(n, addr, inlines);

		if (strcmp(have, wanted) != 0) {
			fprintf(stderr, "%s at 0x%lx: %s, not %s\n", form, (unsigned long)addr,
			    have, wanted);
			exit(1);
		}
	}
}

static const struct debugfile_paths *paths;

/* How much a form knows. */
enum { NOTHING, SYMBOLS, INLINES };

static void
form(const char *file, const char *whole, int knows)
{
	uint64_t inner = mark(whole, "mark_inner"), outer = mark(whole, "mark_outer"),
		 plain = mark(whole, "mark_plain");
	struct object *o = open_file(file);
	struct names *n = names_open(o, paths);
	const char *fn = knows >= SYMBOLS ? "ns::outer" : "";

	expect(n, file, inner, false, fn);
	expect(n, file, inner, true,
	    knows == INLINES ? "ns::box<long>::inner<ns::box<long>::middle<ns::outer" : fn);
	expect(n, file, outer, true, fn);
	expect(n, file, plain, true, knows >= SYMBOLS ? "plain" : "");
	expect(n, file, plain, false, knows >= SYMBOLS ? "plain" : "");
	expect(n, file, 0, true, "");
	expect(n, file, UINT64_MAX, true, "");
	CLAIM(names_damaged(n) == 0);
	names_close(n);
	object_close(o);
	forms++;
}

/* The linkage tables: each entry that is called has its name. */
static void
linkage(const char *file)
{
	static const char *const table[] = { ".plt", ".plt.sec", ".plt.got" };
	struct object *o = open_file(file);
	struct names *n = names_open(o, NULL);
	bool found = false;

	for (size_t i = 0; i < 3; i++) {
		uint64_t addr = 0;
		struct slice code = object_named(o, table[i], &addr);

		for (size_t at = 0; at < code.n; at += 4)
			if (strcmp(frames(n, addr + at, true), "getenv@plt") == 0)
				found = true;
	}
	if (!found)
		fprintf(stderr, "%s: no getenv@plt\n", file);
	CLAIM(found);
	names_close(n);
	object_close(o);
	forms++;
}

static void
compilers(void)
{
	static const struct {
		const char *file, *command;
	} way[] = {
		{ "gcc", "g++ -O2 -g -o gcc shape.cc" },
		{ "gcc-dwarf4",
		    "g++ -O2 -g -gdwarf-4 -fdebug-types-section -o gcc-dwarf4 shape.cc" },
		{ "gcc-z", "g++ -O2 -g -gz -o gcc-z shape.cc" },
		{ "gcc-zgnu", "objcopy --compress-debug-sections=zlib-gnu gcc gcc-zgnu" },
		{ "gcc-lto", "g++ -O2 -g -flto -o gcc-lto shape.cc" },
		{ "gcc-sections", "g++ -O2 -g -ffunction-sections -Wl,--gc-sections -no-pie -o "
				  "gcc-sections shape.cc" },
		{ "gcc-ibt", "g++ -O2 -g -fcf-protection=full -Wl,-z,ibtplt -o gcc-ibt shape.cc" },
		{ "gcc-now", "g++ -O2 -g -fno-plt -Wl,-z,now -o gcc-now shape.cc" },
		{ "gcc-split", "g++ -O2 -g -gsplit-dwarf -o gcc-split shape.cc" },
		{ "clang", "clang++ -O2 -g -o clang shape.cc" },
		{ "clang-lld", "clang++ -O2 -g -fuse-ld=lld -o clang-lld shape.cc" },
		{ "dwz", "cp gcc dwz && dwz dwz" },
	};

	for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
		if (!shell("%s", way[i].command)) {
			CLAIM(i != 0); /* without g++ nothing is tested */
			fprintf(stderr, "without %s\n", way[i].file);
			continue;
		}
		form(way[i].file, way[i].file, INLINES);
		if (strcmp(way[i].file, "gcc") == 0 || strstr(way[i].file, "ibt") ||
		    strstr(way[i].file, "lld"))
			linkage(way[i].file);
	}
}

static void
stripped(void)
{
	struct object *o;
	char symfs[256], own[256];
	const char *debug_dir[] = { own };
	struct debugfile_paths with = { 0 };
	struct buf hex = BUF_INIT;

	CLAIM(shell("cp gcc bare && strip bare"));
	form("bare", "gcc", NOTHING);

	/* Beside it, in .debug; with a wrong checksum and no build id; without one and the right checksum. */
	CLAIM(shell("objcopy --only-keep-debug gcc linked.debug && cp bare linked && "
		    "objcopy --add-gnu-debuglink=linked.debug linked"));
	form("linked", "gcc", INLINES);
	CLAIM(shell("mkdir -p .debug && mv linked.debug .debug"));
	form("linked", "gcc", INLINES);
	CLAIM(shell("rm -r .debug"));
	form("linked", "gcc", NOTHING);
	CLAIM(shell("g++ -O2 -g -Wl,--build-id=none -o noid shape.cc && objcopy --only-keep-debug "
		    "noid noid.debug && "
		    "cp noid noid-bare && strip noid-bare && objcopy "
		    "--add-gnu-debuglink=noid.debug noid-bare"));
	form("noid-bare", "noid", INLINES);
	CLAIM(shell("printf x >>noid.debug"));
	form("noid-bare", "noid", NOTHING);

	/* By build id: a directory of ours, a symfs. */
	o = open_file("gcc");
	CLAIM(o->buildid.n > 2);
	for (size_t i = 0; i < o->buildid.n; i++)
		buf_printf(&hex, "%02x", (unsigned char)o->buildid.p[i]);
	buf_str(&hex);
	object_close(o);
	CLAIM(shell("mkdir -p own/.build-id/%.2s && objcopy --only-keep-debug gcc "
		    "own/.build-id/%.2s/%s.debug",
	    hex.p, hex.p, hex.p + 2));
	snprintf(own, sizeof own, "%s/own", dir);
	with.dir = debug_dir;
	with.dirs = 1;
	form("bare", "gcc", NOTHING);
	paths = &with;
	form("bare", "gcc", INLINES);
	with.dirs = 0;
	CLAIM(shell("mkdir -p fs/usr/lib/debug && mv own/.build-id fs/usr/lib/debug"));
	form("bare", "gcc", NOTHING);
	snprintf(symfs, sizeof symfs, "%s/fs", dir);
	with.symfs = symfs;
	form("bare", "gcc", INLINES);
	paths = NULL;

	/* A file of that name with another build id is no debug file of it. */
	CLAIM(shell("mkdir -p own/.build-id/%.2s && cp gcc-z own/.build-id/%.2s/%s.debug", hex.p,
	    hex.p, hex.p + 2));
	with = (struct debugfile_paths){ .dir = debug_dir, .dirs = 1 };
	paths = &with;
	form("bare", "gcc", NOTHING);
	paths = NULL;

	/* Only .dynsym; .gnu_debugdata, alone and beside it. */
	CLAIM(shell("g++ -O2 -g -rdynamic -o dynamic shape.cc && cp dynamic dynamic-bare && strip "
		    "dynamic-bare"));
	form("dynamic-bare", "dynamic", SYMBOLS);
	if (shell("objcopy --only-keep-debug gcc mini && objcopy -S --remove-section .comment "
		  "--keep-symbol _ZN2ns5outerEl --keep-symbol plain mini && xz -k mini && cp bare "
		  "mini-bare && "
		  "objcopy --add-section .gnu_debugdata=mini.xz mini-bare"))
		form("mini-bare", "gcc", SYMBOLS);
	CLAIM(shell("printf 'not xz at all' >bad.xz && cp bare bad-mini && objcopy --add-section "
		    ".gnu_debugdata=bad.xz "
		    "bad-mini"));
	form("bad-mini", "gcc", NOTHING);

	/* Two files that share a third one. */
	if (shell("cp gcc alt-a && cp gcc-lto alt-b && dwz -m common.dwz alt-a alt-b && test -s "
		  "common.dwz")) {
		form("alt-a", "gcc", INLINES);
		form("alt-b", "gcc-lto", INLINES);
		CLAIM(shell("mv common.dwz elsewhere.dwz"));
	}
	buf_free(&hex);
}

/* Another architecture: names, mapping symbols, its linkage table. */
static void
aarch64(void)
{
	static const char shape[] =
	    "#include <stdlib.h>\n"
	    "static __attribute__((always_inline)) inline int inner(int x) {\n"
	    "	asm volatile(\"mark_inner: nop\"); return x * 3; }\n"
	    "__attribute__((noinline)) int outer(int x) { return inner(x) + 1; }\n"
	    "int main(int argc, char **argv) { return outer(argc) + (getenv(argv[0]) != 0); }\n";
	struct object *o;
	struct names *n;

	write_file("shape.c", shape, strlen(shape));
	if (!shell("aarch64-linux-gnu-gcc -O2 -g -o arm shape.c")) {
		fprintf(stderr, "without aarch64-linux-gnu-gcc\n");
		return;
	}
	o = open_file("arm");
	n = names_open(o, NULL);
	expect(n, "arm", mark("arm", "mark_inner"), true, "inner<outer");
	expect(n, "arm", mark("arm", "mark_inner"), false, "outer");
	for (uint64_t at = o->text; at < o->text_end; at += 4) {
		const struct symbol *s = names_symbol(n, at);

		CLAIM(s == NULL || s->name.p[0] != '$');
	}
	names_close(n);
	object_close(o);
	linkage("arm");
	/* Landing pads and padding belong to the entries. */
	for (int i = 0; i < 2; i++) {
		const char *file = i == 0 ? "arm-bti" : "arm-pac";
		const struct symbol *s = NULL;
		struct slice plt;
		uint64_t addr = 0;

		if (!shell("aarch64-linux-gnu-gcc -O2 -g -mbranch-protection=standard %s -o %s "
			   "shape.c",
			i == 0 ? "-no-pie -Wl,-z,force-bti" : "-Wl,-z,pac-plt", file)) {
			fprintf(stderr, "without %s\n", file);
			continue;
		}
		linkage(file);
		o = open_file(file);
		n = names_open(o, NULL);
		plt = object_named(o, ".plt", &addr);
		for (size_t at = 0; at + 4 <= plt.n && s == NULL; at += 4)
			s = names_symbol(n, addr + at);
		CLAIM(s != NULL && s->size == 24);
		CLAIM((load32(object_bytes(o, s->addr).p) == 0xd503245f) == (i == 0));
		names_close(n);
		object_close(o);
	}
}

/* Two ways of Rust to mangle. */
static void
rust(void)
{
	static const char shape[] =
	    "#![allow(named_asm_labels)]\n"
	    "use std::arch::asm;\n"
	    "pub mod deep { pub struct Thing<T>(pub T);\n"
	    "impl Thing<u64> {\n"
	    "#[inline(always)] pub fn inner(&self) -> u64 { unsafe { std::arch::asm!(\"mark_inner: "
	    "nop\") }; self.0 * 7 }\n"
	    "#[inline(never)] pub fn outer(&self) -> u64 { self.inner() + 1 } } }\n"
	    "fn main() { unsafe { asm!(\"nop\") }; println!(\"{}\", "
	    "deep::Thing(std::env::args().count() as u64).outer()); }\n";
	static const char *const form_name[] = { "legacy", "v0" };

	write_file("shape.rs", shape, strlen(shape));
	for (int i = 0; i < 2; i++) {
		struct object *o;
		struct names *n;
		uint64_t at;

		if (!shell("PATH=\"$PATH:$HOME/.cargo/bin\" RUSTC_BOOTSTRAP=1 rustc -O -g -Z "
			   "unstable-options "
			   "-C symbol-mangling-version=%s -o rust-%s shape.rs",
			form_name[i], form_name[i])) {
			fprintf(stderr, "without rustc, %s\n", form_name[i]);
			continue;
		}
		o = open_file(i == 0 ? "rust-legacy" : "rust-v0");
		n = names_open(o, NULL);
		at = mark(i == 0 ? "rust-legacy" : "rust-v0", "mark_inner");
		expect(n, form_name[i], at, true,
		    i == 0 ? "shape::deep::Thing<u64>::inner<shape::deep::Thing<u64>::outer"
			   : "<shape::deep::Thing<u64>>::inner<<shape::deep::Thing<u64>>::outer");
		names_close(n);
		object_close(o);
		forms++;
	}
}

/* Our names at every second byte of a program in C, and those of addr2line -f -i. */
static void
peer(void)
{
	static const char shape[] =
	    "#include <stdio.h>\n#include <stdlib.h>\n"
	    "static inline int a(int x) { int s = 0; for (int i = 0; i < x; i++) s += rand() % (i "
	    "+ 1); return s; }\n"
	    "static inline int b(int x) { if (x > 3) return a(x) + a(x + 1); for (int i = 0; i < "
	    "x; i++) puts(\"b\"); return 3; }\n"
	    "static int c(int x) { { int y = b(x); if (y & 1) { return b(y) + a(y); } } return b(x "
	    "* 2); }\n"
	    "__attribute__((noinline)) static int d(int x) { if (__builtin_expect(x == 12345, 0)) "
	    "{ puts(\"cold\"); abort(); } return c(x) + c(x + 7); }\n"
	    "int e(int n, char **v) { int s = 0; for (int i = 0; i < n; i++) s += b(v[i][0]) ^ "
	    "d(i); return s; }\n"
	    "int main(int n, char **v) { printf(\"%d\\n\", e(n, v) + a(n)); return 0; }\n";
	struct object *o;
	struct names *n;
	struct buf command = BUF_INIT, wanted = BUF_INIT;
	uint64_t addr = 0, equal = 0, unnamed = 0;
	struct slice text;
	char path[256], line[4096];
	FILE *f, *list;

	write_file("peer.c", shape, strlen(shape));
	CLAIM(shell("gcc -O2 -g -o peer peer.c"));
	o = open_file("peer");
	n = names_open(o, NULL);
	text = object_named(o, ".text", &addr);
	CLAIM(text.n > 100);
	snprintf(path, sizeof path, "%s/addresses", dir);
	list = fopen(path, "w");
	CLAIM(list != NULL);
	for (size_t i = 0; i < text.n; i += 2)
		fprintf(list, "0x%lx\n", (unsigned long)(addr + i));
	CLAIM(fclose(list) == 0);
	buf_printf(&command, "cd %s && addr2line -a -f -i -e peer <addresses", dir);
	f = popen(buf_str(&command), "r");
	CLAIM(f != NULL);
	for (bool more = fgets(line, sizeof line, f) != NULL; more;) {
		uint64_t at = strtoull(line, NULL, 16);
		const char *have;

		wanted.n = 0;
		while (
		    (more = fgets(line, sizeof line, f) != NULL) && strncmp(line, "0x", 2) != 0) {
			line[strcspn(line, "\n")] = '\0';
			buf_printf(&wanted, "%s%s", wanted.n > 0 ? "<" : "", line);
			CLAIM(fgets(line, sizeof line, f) != NULL); /* file:line */
		}
		have = frames(n, at, true);
		if (*have == '\0') {
			unnamed++; /* padding, which addr2line gives to what stands before it */
		} else if (strcmp(have, buf_str(&wanted)) == 0) {
			equal++;
		} else {
			fprintf(stderr, "0x%lx: %s, not %s\n", (unsigned long)at, have,
			    buf_str(&wanted));
			exit(1);
		}
	}
	pclose(f);
	fprintf(stderr, "addr2line: %lu equal, %lu in no function\n", (unsigned long)equal,
	    (unsigned long)unnamed);
	CLAIM(equal > 100 && unnamed * 10 < equal);
	names_close(n);
	object_close(o);
	buf_free(&command);
	buf_free(&wanted);
}

int
main(void)
{
	CLAIM(mkdtemp(dir) != NULL);
	write_file("shape.cc", shape_cc, strlen(shape_cc));
	if (!shell("g++ --version && addr2line --version && objcopy --version"))
		unit_skip("g++ and binutils are needed");
	compilers();
	stripped();
	aarch64();
	rust();
	peer();
	fprintf(stderr, "%u forms\n", forms);
	CLAIM(shell("cd / && rm -r %s", dir));
	return 0;
}
