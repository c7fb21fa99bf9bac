/* fold - what the benchmark of folding needs: a longer input, and a floor to compare with
 *
 *	fold grow FILE BYTES	the perf script text FILE again and again, later each time, until there are BYTES
 *	fold floor FILE		FILE as folded lines, by the shortest way that is known to be right on this input only:
 *				the file mapped, lines and stacks known by their hashes alone, one fixed layout, no
 *				check of anything, not sorted
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"

enum { LINES = 1 << 20, STACKS = 1 << 20, DEPTH = 1024 };

struct name {
	uint64_t hash;
	const char *p;
	uint32_t n;
};

struct stack {
	uint64_t hash, weight;
	uint32_t at, n;
};

static const char *text, *end;

static void
map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		goto bad;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		goto bad;
	text = p;
	end = text + st.st_size;
	return;
bad:
	perror(path);
	exit(2);
}

static const char *
line_end(const char *p)
{
	const char *q = memchr(p, '\n', (size_t)(end - p));

	return q ? q : end;
}

/* The name in a frame line: between the address and +0x or the object. */
static struct name
name_of(const char *p, const char *q, uint64_t hash)
{
	const char *object, *name, *stop;

	while (p < q && (*p == ' ' || *p == '\t'))
		p++;
	name = memchr(p, ' ', (size_t)(q - p));
	object = memrchr(p, '(', (size_t)(q - p));
	if (name == NULL || object == NULL || object <= name + 1)
		return (struct name){ hash, "?", 1 };
	name++;
	stop = object - 1;
	if (stop - name == 9 && memcmp(name, "[unknown]", 9) == 0) {
		const char *slash = memrchr(object, '/', (size_t)(q - object));
		char *made;

		object = slash ? slash : object;
		if (object[1] == '[')
			return (struct name){ hash, object + 1, (uint32_t)(q - object - 2) };
		made = xmalloc((size_t)(q - object) + 2);
		made[0] = '[';
		memcpy(made + 1, object + 1, (size_t)(q - object - 2));
		made[q - object - 1] = ']';
		return (struct name){ hash, made, (uint32_t)(q - object) };
	}
	for (const char *plus = stop - 1; plus > name + 1; plus--)
		if (*plus == '+' && plus[1] == '0' && plus[2] == 'x') {
			stop = plus;
			break;
		}
	return (struct name){ hash, name, (uint32_t)(stop - name) };
}

static void
run_floor(void)
{
	struct name *name = xcalloc(LINES, sizeof *name);
	struct stack *stack = xcalloc(STACKS, sizeof *stack);
	uint32_t frame[DEPTH], *pool = NULL, n = 0;
	size_t pool_n = 0, pool_cap = 0;
	uint64_t weight = 0, hash = 0;
	bool open = false;

	for (const char *p = text, *q; p < end; p = q + 1) {
		uint64_t h;
		size_t i;

		q = line_end(p);
		if (q > p && *p != '\t' && *p != ' ') {
			const char *comm = memchr(p, ' ', (size_t)(q - p)), *colon;

			comm = comm ? comm : q;
			h = hash_bytes(p, (size_t)(comm - p)) | 1;
			for (i = h % LINES; name[i].hash && name[i].hash != h; i = (i + 1) % LINES)
				;
			name[i] = (struct name){ h, p, (uint32_t)(comm - p) };
			frame[0] = (uint32_t)i;
			hash = h;
			n = 1;
			colon = memchr(comm, ':', (size_t)(q - comm));
			weight = colon ? strtoull(colon + 1, NULL, 10) : 1;
			open = true;
		} else if (q > p) {
			h = hash_bytes(p, (size_t)(q - p)) | 1;
			for (i = h % LINES; name[i].hash != h; i = (i + 1) % LINES)
				if (name[i].hash == 0) {
					name[i] = name_of(p, q, h);
					break;
				}
			if (n < DEPTH)
				frame[n++] = (uint32_t)i;
			hash = hash_mix(hash, h);
		} else if (open) {
			h = hash | 1;
			for (i = h % STACKS; stack[i].hash != h; i = (i + 1) % STACKS)
				if (stack[i].hash == 0) {
					GROW(pool, pool_cap, pool_n + n);
					stack[i] = (struct stack){ h, 0, (uint32_t)pool_n, n };
					memcpy(pool + pool_n, frame, n * sizeof *frame);
					pool_n += n;
					break;
				}
			stack[i].weight += weight;
			open = false;
		}
	}
	/* Other addresses of the same names are other stacks here: sort and add to compare. */
	for (size_t i = 0; i < STACKS; i++) {
		const uint32_t *f = pool + stack[i].at;

		if (stack[i].hash == 0)
			continue;
		printf("%.*s", (int)name[f[0]].n, name[f[0]].p);
		for (uint32_t k = stack[i].n; k-- > 1;)
			printf(";%.*s", (int)name[f[k]].n, name[f[k]].p);
		printf(" %" PRIu64 "\n", stack[i].weight);
	}
}

/* Times are SECONDS.FRACTION: behind the first words of a header. */
static void
put_later(const char *p, const char *q, uint64_t seconds)
{
	const char *colon = memchr(p, ':', (size_t)(q - p)), *from, *dot;

	while (colon && (colon < p + 7 || colon[-7] != '.'))
		colon = memchr(colon + 1, ':', (size_t)(q - colon - 1));
	if (colon == NULL) {
		fwrite(p, 1, (size_t)(q - p), stdout);
		return;
	}
	dot = colon - 7;
	for (from = dot; from > p && from[-1] >= '0' && from[-1] <= '9'; from--)
		;
	fwrite(p, 1, (size_t)(from - p), stdout);
	printf("%" PRIu64, (uint64_t)strtoull(from, NULL, 10) + seconds);
	fwrite(dot, 1, (size_t)(q - dot), stdout);
}

static void
run_grow(uint64_t bytes)
{
	for (uint64_t round = 0, done = 0; done < bytes; round++, done += (uint64_t)(end - text))
		for (const char *p = text, *q; p < end; p = q + 1) {
			q = line_end(p);
			if (q > p && *p != '\t' && *p != ' ' && *p != '#')
				put_later(p, q, round * 1000);
			else
				fwrite(p, 1, (size_t)(q - p), stdout);
			putchar('\n');
		}
}

int
main(int argc, char **argv)
{
	bool grow = argc == 4 && strcmp(argv[1], "grow") == 0;

	if (!grow && (argc != 3 || strcmp(argv[1], "floor") != 0)) {
		fprintf(stderr, "usage: fold grow FILE BYTES | fold floor FILE\n");
		return 2;
	}
	map(argv[2]);
	if (grow)
		run_grow(strtoull(argv[3], NULL, 10));
	else
		run_floor();
	return fflush(stdout) == 0 ? 0 : 2;
}
