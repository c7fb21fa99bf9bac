/* policy_check.c - part of policy.h: whether rules hold, and what is said where they do not */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "experiment/policy_parts.h"

static bool
as_bytes(struct slice s, double *v)
{
	uint64_t bytes;

	if (num_size(s, &bytes) < 0)
		return false;
	*v = (double)bytes;
	return true;
}

/* 3.2GHz, 2400 MHz; a number alone is Hz. */
static bool
as_hertz(struct slice s, double *v)
{
	double scale = 1;

	if (slice_ends(s, SLICE("Hz")) || slice_ends(s, SLICE("hz")))
		s.n -= 2;
	s = slice_trim(s);
	if (s.n > 0)
		switch (s.p[s.n - 1]) {
		case 'G':
			scale = 1e9;
			break;
		case 'M':
			scale = 1e6;
			break;
		case 'k':
		case 'K':
			scale = 1e3;
			break;
		}
	if (scale > 1)
		s.n--;
	if (num_f64(slice_trim(s), v) < 0)
		return false;
	*v *= scale;
	return true;
}

bool
policy_number(struct slice s, struct slice unit, double *v)
{
	uint64_t n;

	if (slice_eq(s, SLICE("unlimited")) || slice_eq(s, SLICE("max"))) {
		*v = INFINITY;
		return true;
	}
	if (num_f64(s, v) == 0)
		return !isnan(*v);
	if (slice_eq(unit, SLICE("hz")))
		return as_hertz(s, v);
	if (slice_eq(unit, SLICE("ns"))) {
		if (num_duration(s, &n) < 0)
			return false;
		*v = (double)n;
		return true;
	}
	if (slice_eq(unit, SLICE("percent")) && s.n > 1 && s.p[s.n - 1] == '%')
		return s.n--, num_f64(slice_trim(s), v) == 0;
	if (slice_eq(unit, SLICE("celsius")) && s.n > 1 && s.p[s.n - 1] == 'C')
		return s.n--, num_f64(slice_trim(s), v) == 0;
	if (slice_starts(s, SLICE("0x")) && num_any(s, &n) == 0) {
		*v = (double)n;
		return true;
	}
	return as_bytes(s, v);
}

/* 1 on, 0 off, -1 neither. */
static int
switched(struct slice s)
{
	static const char *const word[2][6] = { { "off", "no", "false", "disabled", "0", "N" },
		{ "on", "yes", "true", "enabled", "1", "Y" } };

	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 6; i++)
			if (slice_eq(s, slice_of(word[k][i])))
				return k;
	return -1;
}

/* The first word that begins with a digit, and stands in no parentheses; empty where there is none. */
static struct slice
version(struct slice s)
{
	int deep = 0;

	while (s.n > 0) {
		struct slice word = slice_cut(&s, ' ');

		if (deep == 0 && word.n > 0 && isdigit((unsigned char)word.p[0]))
			return word;
		for (size_t i = 0; i < word.n; i++)
			deep += (word.p[i] == '(') - (word.p[i] == ')');
	}
	return s;
}

/* Numbers with dots between; what follows does not count. */
static int
compare_versions(struct slice a, struct slice b)
{
	while (a.n > 0 || b.n > 0) {
		uint64_t x = 0, y = 0;

		for (; a.n > 0 && isdigit((unsigned char)a.p[0]); a.p++, a.n--)
			x = x * 10 + (uint64_t)(a.p[0] - '0');
		for (; b.n > 0 && isdigit((unsigned char)b.p[0]); b.p++, b.n--)
			y = y * 10 + (uint64_t)(b.p[0] - '0');
		if (x != y)
			return x < y ? -1 : 1;
		if (a.n > 0 && a.p[0] == '.')
			a.p++, a.n--;
		else
			a.n = 0;
		if (b.n > 0 && b.p[0] == '.')
			b.p++, b.n--;
		else
			b.n = 0;
	}
	return 0;
}

static bool
equal(struct slice value, struct slice wanted, struct slice unit)
{
	double a, b;
	int on = switched(value);

	if (slice_eq(value, wanted))
		return true;
	if (on >= 0 && on == switched(wanted))
		return true;
	return policy_number(value, unit, &a) && policy_number(wanted, unit, &b) && a == b;
}

enum verdict { HOLDS, FAILS, NO_ORDER };

static enum verdict
ordered(const struct policy_rule *r, struct slice value, struct slice unit)
{
	struct slice x, y;
	double a, b;
	int order;
	bool yes;

	if (policy_number(value, unit, &a) && policy_number(r->value, unit, &b)) {
		order = (a > b) - (a < b);
	} else {
		x = version(value);
		y = version(r->value);
		if (x.n == 0 || y.n == 0)
			return NO_ORDER;
		order = compare_versions(x, y);
	}
	yes = r->op == POLICY_LT   ? order < 0
	      : r->op == POLICY_LE ? order <= 0
	      : r->op == POLICY_GT ? order > 0
				   : order >= 0;
	return yes ? HOLDS : FAILS;
}

static enum verdict
judge(const struct policy_rule *r, struct slice value, struct slice unit)
{
	char *text;
	bool yes = false;

	switch (r->op) {
	case POLICY_EQ:
	case POLICY_NE:
		yes = equal(value, r->value, unit) == (r->op == POLICY_EQ);
		break;
	case POLICY_IN:
		for (size_t i = 0; i < r->items && !yes; i++)
			yes = equal(value, r->item[i], unit);
		break;
	case POLICY_MATCH:
	case POLICY_NO_MATCH:
		text = xstrndup(value.p, value.n);
		yes = (regexec(&r->pattern, text, 0, NULL, 0) == 0) == (r->op == POLICY_MATCH);
		free(text);
		break;
	default:
		return ordered(r, value, unit);
	}
	return yes ? HOLDS : FAILS;
}

/* How many CPUs a list such as 0-3,7 names; 0 where it is none. */
static uint64_t
count_cpus(struct slice list)
{
	uint64_t n = 0;

	while (list.n > 0) {
		struct slice item = slice_cut(&list, ','), low = slice_cut(&item, '-');
		uint64_t from, to;

		if (num_u64(low, &from) < 0)
			return 0;
		to = from;
		if (item.n > 0 && num_u64(item, &to) < 0)
			return 0;
		if (to < from || to > 1 << 20)
			return 0;
		n += to - from + 1;
	}
	return n;
}

/* The next VALUE@CPUS of a summary: false where it is none. */
static bool
take_part(struct slice *rest, struct slice *value, uint64_t *cpus)
{
	struct slice word = slice_cut(rest, ' ');
	const char *at = word.n > 0 ? memrchr(word.p, '@', word.n) : NULL;

	if (at == NULL || at == word.p)
		return false;
	*value = (struct slice){ word.p, (size_t)(at - word.p) };
	*cpus = count_cpus((struct slice){ at + 1, (size_t)(word.p + word.n - at - 1) });
	return *cpus > 0;
}

static bool
is_summary(struct slice s, uint64_t *cpus)
{
	struct slice value;
	uint64_t n;

	*cpus = 0;
	if (s.n == 0)
		return false;
	while (s.n > 0) {
		if (!take_part(&s, &value, &n))
			return false;
		*cpus += n;
	}
	return true;
}

/* A value as people read it. */
static void
put_value(struct buf *to, struct slice value, struct slice unit)
{
	static const struct {
		const char *unit;
		double scale;
		const char *name;
	} human[] = { { "bytes", 1 << 30, "GiB" }, { "bytes", 1 << 20, "MiB" },
		{ "bytes", 1 << 10, "KiB" }, { "hz", 1e9, "GHz" }, { "hz", 1e6, "MHz" },
		{ "ns", 3600e9, "h" }, { "ns", 60e9, "min" }, { "ns", 1e9, "s" },
		{ "ns", 1e6, "ms" }, { "ns", 1e3, "us" } };
	double v;

	if (num_f64(value, &v) == 0)
		for (unsigned i = 0; i < sizeof human / sizeof human[0]; i++)
			if (slice_eq(unit, slice_of(human[i].unit)) && fabs(v) >= human[i].scale) {
				buf_printf(to, "%.4g %s", v / human[i].scale, human[i].name);
				return;
			}
	buf_slice(to, value);
	if (unit.n > 0)
		buf_printf(to, " %.*s", SLICE_ARG(unit));
}

static void
put_wanted(struct buf *to, const struct policy_rule *r)
{
	static const char *const word[] = { ", not ", ", and must not be ", ", not below ",
		", not at most ", ", not above ", ", not at least ", ", which does not match ",
		", which matches ", ", none of " };

	buf_printf(to, "%s", word[r->op]);
	for (size_t i = 0; i < r->items; i++)
		buf_printf(to, "%s%.*s", i ? ", " : "", SLICE_ARG(r->item[i]));
	if (r->items == 0)
		buf_slice(to, r->value);
}

/* Whether the value must become less or more, as far as the rule says it. */
static const char *
way(const struct policy_rule *r, const struct info *i)
{
	double wanted;

	if (r->op == POLICY_LT || r->op == POLICY_LE)
		return "<";
	if (r->op == POLICY_GT || r->op == POLICY_GE)
		return ">";
	if (r->op != POLICY_EQ || !i->is_number || !policy_number(r->value, i->unit, &wanted))
		return "";
	return i->number > wanted ? "<" : ">";
}

/* Appends what is wrong with one fact: 1, or 0 where it holds. */
static bool
check_one(
    const struct policy_rule *r, const struct info *i, const struct infos *infos, struct buf *to)
{
	const struct info *driver = infos_find(infos, SLICE("cpufreq_driver"));
	struct slice rest = i->text, value;
	uint64_t cpus, all;
	enum verdict verdict = HOLDS;
	struct buf parts = BUF_INIT;

	if (is_summary(i->text, &all)) {
		while (rest.n > 0 && take_part(&rest, &value, &cpus)) {
			enum verdict one = judge(r, value, i->unit);

			if (one == HOLDS)
				continue;
			if (verdict != NO_ORDER)
				verdict = one;
			buf_printf(&parts, "%s", parts.n > 0 ? ", " : "");
			put_value(&parts, value, i->unit);
			buf_printf(&parts, " on %llu", (unsigned long long)cpus);
		}
		buf_printf(&parts, " of %llu CPUs", (unsigned long long)all);
	} else {
		verdict = judge(r, i->text, i->unit);
		put_value(&parts, i->text, i->unit);
	}
	if (verdict != HOLDS) {
		buf_printf(to, "%.*s is %.*s", SLICE_ARG(r->name), SLICE_ARG(buf_view(&parts)));
		if (verdict == NO_ORDER) {
			buf_printf(to, ", which cannot be compared with %.*s", SLICE_ARG(r->value));
		} else {
			put_wanted(to, r);
			policy_hint(to, r->name,
			    r->op == POLICY_EQ || r->op == POLICY_GE || r->op == POLICY_LE
				? r->value
			    : r->op == POLICY_IN ? r->item[0]
						 : (struct slice){ "", 0 },
			    way(r, i), driver ? driver->text : (struct slice){ "", 0 });
		}
		buf_char(to, '\n');
	}
	buf_free(&parts);
	return verdict != HOLDS;
}

/* How many letters must be changed, put in or left out, at most 3. */
static unsigned
distance(struct slice a, struct slice b, unsigned most)
{
	unsigned best, other;

	while (a.n > 0 && b.n > 0 && a.p[0] == b.p[0])
		a.p++, a.n--, b.p++, b.n--;
	if (a.n == 0 || b.n == 0)
		return (unsigned)(a.n + b.n < 3 ? a.n + b.n : 3);
	if (most == 0)
		return 3;
	best = distance(
	    (struct slice){ a.p + 1, a.n - 1 }, (struct slice){ b.p + 1, b.n - 1 }, most - 1);
	other = distance((struct slice){ a.p + 1, a.n - 1 }, b, most - 1);
	best = other < best ? other : best;
	other = distance(a, (struct slice){ b.p + 1, b.n - 1 }, most - 1);
	best = other < best ? other : best;
	return best < 3 ? best + 1 : 3;
}

static void
put_unknown(const struct infos *infos, struct slice name, const char *who, struct buf *to)
{
	struct slice near = { 0 };
	unsigned least = 3;

	for (size_t i = 0; i < infos->n && name.n > 3; i++) {
		unsigned d = distance(name, infos->info[i].name, 2);

		if (d < least) {
			least = d;
			near = infos->info[i].name;
		}
	}
	buf_printf(to, "%.*s: %s does not say", SLICE_ARG(name), who);
	if (near.n > 0)
		buf_printf(to, " (is it %.*s that is meant?)", SLICE_ARG(near));
	buf_char(to, '\n');
}

size_t
policy_check(const struct policy *p, const struct infos *infos, const char *who, struct buf *to)
{
	size_t failed = 0;

	for (size_t k = 0; k < p->rules; k++) {
		const struct policy_rule *r = &p->rule[k];
		size_t at = to->n, n = 0, wrong = 0;

		for (size_t i = 0; i < infos->n; i++) {
			size_t before = to->n;

			if (!slice_eq(infos->info[i].name, r->name))
				continue;
			n++;
			if (!check_one(r, &infos->info[i], infos, to))
				continue;
			wrong++;
			/* told once, however often it was so */
			if (before > at && before - at == to->n - before &&
			    memcmp(to->p + at, to->p + before, to->n - before) == 0)
				to->n = before;
		}
		if (n == 0)
			put_unknown(infos, r->name, who, to);
		failed += n == 0 || wrong > 0;
	}
	return failed;
}
