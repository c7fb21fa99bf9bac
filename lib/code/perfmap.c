#include <stdlib.h>

#include "base/io.h"
#include "base/num.h"
#include "code/perfmap.h"

enum { START = 64 };

static bool
hex(struct slice s, uint64_t *out)
{
	if (slice_starts(s, SLICE("0x")) || slice_starts(s, SLICE("0X"))) {
		s.p += 2;
		s.n -= 2;
	}
	return num_hex(s, out) == 0;
}

/* Cuts the first word off, and the blanks behind it. */
static struct slice
word(struct slice *s)
{
	struct slice w = { s->p, 0 };

	while (w.n < s->n && s->p[w.n] != ' ' && s->p[w.n] != '\t')
		w.n++;
	*s = slice_trim((struct slice){ s->p + w.n, s->n - w.n });
	return w;
}

size_t
perfmap_parse(struct perfmap *m, struct slice text)
{
	const char *begin = text.p, *end;

	while (text.n > 0 && (end = memchr(text.p, '\n', text.n)) != NULL) {
		struct slice line = { text.p, (size_t)(end - text.p) }, start, size;
		uint64_t addr, n;

		text.n -= line.n + 1;
		text.p = end + 1;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		line = slice_trim(line);
		if (line.n == 0)
			continue;
		start = word(&line);
		size = word(&line);
		if (!hex(start, &addr) || !hex(size, &n) || n > UINT64_MAX - addr || line.n == 0)
			m->bad++;
		else
			symbols_add(&m->symbols, addr, n, line, SYMBOLS_GLOBAL);
	}
	return (size_t)(text.p - begin);
}

static void
forget(struct perfmap *m)
{
	symbols_free(&m->symbols);
	buf_free(&m->start);
	*m = (struct perfmap){ .symbols = SYMBOLS_LATEST, .bad = m->bad };
}

int
perfmap_update(struct perfmap *m, const char *path)
{
	char *text;
	size_t n, used;

	if (io_slurp(path, &text, &n) < 0)
		return -1;
	if (n < m->read || n < m->start.n || memcmp(text, buf_str(&m->start), m->start.n) != 0)
		forget(m);
	used = perfmap_parse(m, (struct slice){ text + m->read, n - m->read });
	m->read += used;
	if (m->start.n == 0 && m->read >= START)
		buf_put(&m->start, text, START);
	free(text);
	return used > 0;
}

void
perfmap_free(struct perfmap *m)
{
	symbols_free(&m->symbols);
	buf_free(&m->start);
}
