#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/io.h"
#include "unit.h"

static void
arrays_grow(void)
{
	unsigned *a = NULL;
	size_t cap = 0, grown = 0, old = 0;

	for (unsigned i = 0; i < 100000; i++) {
		GROW(a, cap, i);
		CLAIM(cap > i);
		grown += cap != old;
		old = cap;
		a[i] = i;
	}
	for (unsigned i = 0; i < 100000; i++)
		CLAIM(a[i] == i);
	/* By half or more each time. */
	CLAIM(grown < 40);
	free(a);
}

static void
arenas_keep_what_they_hand_out(void)
{
	struct arena a = ARENA_INIT;
	static unsigned char *at[3000];
	static size_t size[3000];

	for (int round = 0; round < 3; round++) {
		size_t total = 0;

		for (unsigned i = 0; i < 3000; i++) {
			size[i] = i % 100 == 99 ? 100000 + i : i % 37;
			at[i] = arena_alloc(&a, size[i]);
			CLAIM((uintptr_t)at[i] % 8 == 0);
			memset(at[i], (int)(i % 251), size[i]);
			total += size[i];
		}
		CLAIM(a.total >= total);
		for (unsigned i = 0; i < 3000; i++)
			for (size_t k = 0; k < size[i]; k++)
				CLAIM(at[i][k] == i % 251);
		arena_reset(&a);
		CLAIM(a.total == 0);
	}
	for (unsigned n = 0; n < 100; n++) {
		struct slice s = arena_copy(&a, (struct slice){ "abcdefghij", n % 11 });

		CLAIM(s.n == n % 11 && memcmp(s.p, "abcdefghij", s.n) == 0 && s.p[s.n] == '\0');
	}
	arena_free(&a);
	CLAIM(a.first == NULL);
}

static void
bufs_print(void)
{
	struct buf b = BUF_INIT;

	buf_u64(&b, UINT64_MAX);
	buf_char(&b, ' ');
	buf_i64(&b, INT64_MIN);
	buf_char(&b, ' ');
	buf_hex(&b, 0);
	buf_hex(&b, UINT64_MAX);
	buf_char(&b, ' ');
	buf_u64(&b, 0);
	buf_printf(&b, " %s %d", "x", -3);
	CLAIM(strcmp(buf_str(&b),
		  "18446744073709551615 -9223372036854775808 0x00xffffffffffffffff 0 x -3") == 0);
	CLAIM(b.n == strlen(b.p));
	b.n = 0;
	buf_printf(&b, "%0*d", 100000, 7);
	CLAIM(b.n == 100000 && b.p[0] == '0' && b.p[99999] == '7');
	buf_free(&b);
	CLAIM(strcmp(buf_str(&b), "") == 0);
	buf_free(&b);
}

static void
slices_cut(void)
{
	struct slice s = SLICE("/a//b"), none = slice_of(NULL);

	CLAIM(slice_cut(&s, '/').n == 0 && slice_eq(slice_cut(&s, '/'), SLICE("a")));
	CLAIM(slice_cut(&s, '/').n == 0 && slice_eq(slice_cut(&s, '/'), SLICE("b")));
	CLAIM(s.n == 0 && slice_cut(&s, '/').n == 0);
	CLAIM(none.n == 0 && slice_eq(none, SLICE("")) && slice_cut(&none, 'x').n == 0);
	CLAIM(slice_eq(slice_basename(SLICE("/usr/bin/x")), SLICE("x")));
	CLAIM(
	    slice_eq(slice_basename(SLICE("x")), SLICE("x")) && slice_basename(SLICE("x/")).n == 0);
	CLAIM(slice_eq(slice_trim(SLICE(" \t a b\t")), SLICE("a b")) &&
	      slice_trim(SLICE(" \t ")).n == 0);
	CLAIM(slice_starts(SLICE("abc"), SLICE("ab")) && !slice_starts(SLICE("a"), SLICE("ab")));
	CLAIM(slice_ends(SLICE("abc"), SLICE("bc")) && !slice_ends(SLICE("c"), SLICE("bc")));
	CLAIM(slice_starts(SLICE("a"), SLICE("")) && slice_ends(SLICE("a"), SLICE("")));
	CLAIM(slice_cmp(SLICE("a"), SLICE("ab")) < 0 && slice_cmp(SLICE("b"), SLICE("ab")) > 0);
	CLAIM(slice_cmp(SLICE("\xff"), SLICE("a")) > 0 && slice_cmp(SLICE("a"), SLICE("a")) == 0);
}

static void
errors_are_cut(void)
{
	struct error e;

	CLAIM(error_set(&e, "%s: %d", "x", 3) == -1 && strcmp(e.text, "x: 3") == 0);
	CLAIM(error_set(&e, "%0*d", 2000, 7) == -1 && strlen(e.text) == sizeof e.text - 1);
	CLAIM(error_set(NULL, "x") == -1);
}

static void
io_is_whole(void)
{
	enum { N = 300000 };
	char *out = xmalloc(N), *in = xmalloc(N), *slurped, path[] = "/tmp/leat-unit.XXXXXX";
	int fd = mkstemp(path), pipes[2];
	size_t n;

	CLAIM(fd >= 0);
	for (int i = 0; i < N; i++)
		out[i] = (char)(i * 7 >> 3);
	CLAIM(io_write(fd, out, N) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CLAIM(io_read_full(fd, in, N) == N && memcmp(in, out, N) == 0);
	CLAIM(io_read_full(fd, in, N) == 0);
	CLAIM(io_slurp(path, &slurped, &n) == 0 && n == N && memcmp(slurped, out, N) == 0 &&
	      slurped[N] == 0);
	free(slurped);
	CLAIM(
	    ftruncate(fd, 0) == 0 && io_slurp(path, &slurped, &n) == 0 && n == 0 && *slurped == 0);
	free(slurped);
	close(fd);
	unlink(path);
	CLAIM(io_slurp(path, &slurped, &n) == -1);
	CLAIM(pipe(pipes) == 0 && io_wait(pipes[0], 0) == 0);
	io_enlarge_pipe(pipes[1]);
	CLAIM(io_write(pipes[1], "x", 1) == 0 && io_wait(pipes[0], -1) == 1 &&
	      io_read(pipes[0], in, N) == 1);
	close(pipes[1]);
	CLAIM(io_wait(pipes[0], -1) == 1 && io_read(pipes[0], in, N) == 0);
	close(pipes[0]);
	CLAIM(io_read(pipes[0], in, N) == -1 && io_write(pipes[1], "x", 1) == -1);
	free(out);
	free(in);
}

int
main(void)
{
	arrays_grow();
	arenas_keep_what_they_hand_out();
	bufs_print();
	slices_cut();
	errors_are_cut();
	io_is_whole();
	return 0;
}
