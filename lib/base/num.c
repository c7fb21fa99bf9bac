#include <stdlib.h>

#include "base/num.h"

int
num_u64(struct slice s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(unsigned char)s.p[i] - '0';

		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return -1;
		v = v * 10 + d;
	}
	*out = v;
	return 0;
}

int
num_i64(struct slice s, int64_t *out)
{
	int minus = s.n > 0 && s.p[0] == '-';
	uint64_t v;

	if (minus)
		s = (struct slice){ s.p + 1, s.n - 1 };
	if (num_u64(s, &v) < 0 || v > (uint64_t)INT64_MAX + (uint64_t)minus)
		return -1;
	*out = (int64_t)(minus ? -v : v);
	return 0;
}

int
num_hex(struct slice s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i], d;

		if (c - '0' < 10)
			d = c - '0';
		else if ((c | 32) - 'a' < 6)
			d = (c | 32) - 'a' + 10;
		else
			return -1;
		if (v >> 60)
			return -1;
		v = v << 4 | d;
	}
	*out = v;
	return 0;
}

int
num_any(struct slice s, uint64_t *out)
{
	if (s.n > 2 && s.p[0] == '0' && (s.p[1] | 32) == 'x')
		return num_hex((struct slice){ s.p + 2, s.n - 2 }, out);
	return num_u64(s, out);
}

int
num_f64(struct slice s, double *out)
{
	char text[64], *end;

	if (s.n == 0 || s.n >= sizeof text)
		return -1;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("0123456789.eE+-", s.p[i]) == NULL) {
			/* strtod() takes hex, blanks and other spellings of these, too. */
			if (!slice_eq(s, SLICE("nan")) && !slice_eq(s, SLICE("inf")) &&
			    !slice_eq(s, SLICE("-inf")))
				return -1;
			break;
		}
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (memchr(text, '\0', s.n) || text[0] == '+')
		return -1;
	*out = strtod(text, &end);
	return *end ? -1 : 0;
}

struct unit {
	struct slice name;
	uint64_t factor;
};

/* A decimal number with an optional fraction, times the factor of the unit that follows. */
static int
scaled(struct slice s, const struct unit *unit, size_t units, uint64_t *out)
{
	size_t digits = 0, fraction = 0;
	uint64_t whole = 0, factor = 0, part = 0, scale = 1;
	struct slice name;

	while (digits < s.n && (unsigned)(unsigned char)s.p[digits] - '0' < 10)
		digits++;
	if (num_u64((struct slice){ s.p, digits }, &whole) < 0)
		return -1;
	name = (struct slice){ s.p + digits, s.n - digits };
	if (name.n > 0 && name.p[0] == '.') {
		name = (struct slice){ name.p + 1, name.n - 1 };
		while (fraction < name.n && (unsigned)(unsigned char)name.p[fraction] - '0' < 10) {
			if (scale < 1000000000) {
				part = part * 10 + (uint64_t)(name.p[fraction] - '0');
				scale *= 10;
			}
			fraction++;
		}
		if (fraction == 0)
			return -1;
		name = (struct slice){ name.p + fraction, name.n - fraction };
	}
	for (size_t i = 0; i < units; i++)
		if (slice_eq(unit[i].name, name))
			factor = unit[i].factor;
	if (factor == 0 || whole > UINT64_MAX / factor)
		return -1;
	*out = whole * factor + (uint64_t)((__uint128_t)part * factor / scale);
	return *out < whole * factor ? -1 : 0;
}

int
num_duration(struct slice s, uint64_t *ns)
{
	static const struct unit unit[] = {
		{ { "", 0 }, 1 },
		{ { "ns", 2 }, 1 },
		{ { "us", 2 }, 1000 },
		{ { "ms", 2 }, 1000000 },
		{ { "s", 1 }, 1000000000 },
		{ { "m", 1 }, 60000000000 },
		{ { "h", 1 }, 3600000000000 },
	};

	return scaled(s, unit, sizeof unit / sizeof *unit, ns);
}

int
num_size(struct slice s, uint64_t *bytes)
{
	static const struct unit unit[] = {
		{ { "", 0 }, 1 },
		{ { "k", 1 }, 1000 },
		{ { "M", 1 }, 1000000 },
		{ { "G", 1 }, 1000000000 },
		{ { "T", 1 }, 1000000000000 },
		{ { "Ki", 2 }, 1024 },
		{ { "Mi", 2 }, 1 << 20 },
		{ { "Gi", 2 }, 1 << 30 },
		{ { "Ti", 2 }, (uint64_t)1 << 40 },
	};

	if (s.n > 2 && s.p[0] == '0' && (s.p[1] | 32) == 'x')
		return num_any(s, bytes);
	if (s.n > 1 && s.p[s.n - 1] == 'B')
		s.n--;
	return scaled(s, unit, sizeof unit / sizeof *unit, bytes);
}
