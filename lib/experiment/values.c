#include "experiment/values.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/num.h"

static struct slice
word(struct slice *line)
{
	struct slice w;

	*line = slice_trim(*line);
	w = (struct slice){ line->p, 0 };
	while (w.n < line->n && line->p[w.n] != ' ' && line->p[w.n] != '\t')
		w.n++;
	*line = slice_trim((struct slice){ line->p + w.n, line->n - w.n });
	return w;
}

/* 1; 0 where the line says nothing. */
static int
parse(struct slice line, struct values_one *v, struct error *e)
{
	struct slice number;

	*v = (struct values_one){ 0 };
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	line = slice_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	if (memchr(line.p, '\0', line.n))
		return error_set(e, "a NUL byte");
	v->name = word(&line);
	number = word(&line);
	v->unit = word(&line);
	if (number.n == 0)
		return error_set(e, "'%.*s' has no value: NAME VALUE [UNIT]", SLICE_ARG(v->name));
	if (line.n > 0)
		return error_set(e, "'%.*s' is too much: NAME VALUE [UNIT]", SLICE_ARG(line));
	v->whole = num_i64(number, &v->i) == 0;
	if (!v->whole && (num_f64(number, &v->d) < 0 || !isfinite(v->d)))
		return error_set(e, "'%.*s' is no number: NAME VALUE [UNIT]", SLICE_ARG(number));
	return 1;
}

struct names {
	struct slice *name;
	size_t n, cap;
	struct hash_set set;
};

static uint64_t
hash_of(const void *context, uint32_t item)
{
	const struct names *names = context;

	return hash_bytes(names->name[item].p, names->name[item].n);
}

/* Whether the name is new. */
static bool
add(struct names *names, struct slice name)
{
	uint64_t h = hash_bytes(name.p, name.n);

	for (struct hash_probe at = hash_first(&names->set, h); hash_found(&names->set, &at);
	     hash_next(&names->set, &at))
		if (slice_eq(names->name[at.item], name))
			return false;
	GROW(names->name, names->cap, names->n);
	names->name[names->n] = name;
	hash_add(&names->set, h, (uint32_t)names->n++, hash_of, names);
	return true;
}

static int
check(struct slice text, struct error *e)
{
	struct names names = { 0 };
	struct error what;
	uint64_t line = 0;
	int result = 0;

	while (text.n > 0 && result >= 0) {
		struct values_one v;

		line++;
		result = parse(slice_cut(&text, '\n'), &v, &what);
		if (result > 0 && !add(&names, v.name))
			result = error_set(&what, "'%.*s' is there already", SLICE_ARG(v.name));
	}
	free(names.name);
	hash_free(&names.set);
	return result < 0 ? error_set(e, "%llu: %s", (unsigned long long)line, what.text) : 0;
}

int
values_read(struct slice text, int (*put)(const struct values_one *v, void *context), void *context,
    struct error *e)
{
	struct values_one v;

	if (check(text, e) < 0)
		return -1;
	while (text.n > 0)
		if (parse(slice_cut(&text, '\n'), &v, e) > 0 && put(&v, context) < 0)
			return -1;
	return 0;
}
