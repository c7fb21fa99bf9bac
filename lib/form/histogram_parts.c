#include <math.h>
#include <string.h>

#include "base/num.h"
#include "form/histogram_parts.h"

const double histogram_quantile[HISTOGRAM_QUANTILES] = { 0.5, 0.9, 0.99, 0.999, 0.9999 };
const char *const histogram_quantile_name[HISTOGRAM_QUANTILES] = { "p50", "p90", "p99", "p99.9",
	"p99.99" };

enum { LIMBS = 3 };

static const uint64_t TEN_19 = 10000000000000000000u;

/* ---- writing ---- */

/* A number of three 64-bit limbs, the lowest first. */
static void
put_big(struct buf *b, const uint64_t limb[LIMBS])
{
	uint64_t rest[LIMBS], part[LIMBS + 1];
	unsigned parts = 0;

	memcpy(rest, limb, sizeof rest);
	do {
		unsigned __int128 carry = 0;

		for (unsigned i = LIMBS; i-- > 0;) {
			carry = carry << 64 | rest[i];
			rest[i] = (uint64_t)(carry / TEN_19);
			carry %= TEN_19;
		}
		part[parts++] = (uint64_t)carry;
	} while (rest[0] | rest[1] | rest[2]);
	buf_u64(b, part[--parts]);
	while (parts > 0)
		buf_printf(b, "%019llu", (unsigned long long)part[--parts]);
}

static void
put_signed(struct buf *b, __int128 v, bool hex)
{
	unsigned __int128 u = (unsigned __int128)(v < 0 ? -v : v);
	uint64_t limb[LIMBS] = { (uint64_t)u, (uint64_t)(u >> 64), 0 };

	if (hex && v >= 0 && limb[1] == 0) {
		buf_hex(b, limb[0]);
		return;
	}
	if (v < 0)
		buf_char(b, '-');
	put_big(b, limb);
}

static void
put_square(struct buf *b, const struct hist_square *s)
{
	uint64_t limb[LIMBS] = { (uint64_t)s->low, (uint64_t)(s->low >> 64), s->high };

	put_big(b, limb);
}

void
histogram_put_name(struct buf *b, struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		buf_char(b, (unsigned char)c <= ' ' || strchr("=\"\\", c) || c == 127 ? '_' : c);
	}
	if (name.n == 0)
		buf_char(b, '_');
}

void
histogram_put_number(struct buf *b, double v, bool hex)
{
	if (v == floor(v) && fabs(v) <= 0x1p64)
		put_signed(b, (__int128)v, hex);
	else
		buf_f64(b, v);
}

void
histogram_put_short(struct buf *b, double v)
{
	if (!isfinite(v))
		buf_f64(b, v);
	else if (fabs(v) >= 1e9 && fabs(v) < 1e21)
		buf_printf(b, "%.0f", v);
	else
		buf_printf(b, "%.9g", v);
}

void
histogram_put_error(struct buf *b, const struct hist_scheme *s)
{
	double percent = 100 * hist_error(s), unit;

	if (percent < 1 && percent > 0) {
		unit = pow(10, floor(log10(percent)));
		percent = ceil(percent / unit) * unit;
	}
	buf_printf(b, "%.6g%%", percent);
}

void
histogram_put_scheme(struct buf *b, const struct hist_scheme *s)
{
	if (s->scale == HIST_LINEAR) {
		buf_printf(b, " scale=linear min=");
		histogram_put_number(b, s->min, false);
		buf_printf(b, " max=");
		histogram_put_number(b, s->max, false);
		buf_printf(b, " bins=%u", s->bins);
		return;
	}
	if (s->scale == HIST_LOG)
		buf_printf(b, " scale=log bits=%u error=", s->bits);
	else
		buf_printf(b, " scale=log2 error=");
	histogram_put_error(b, s);
}

void
histogram_put_limit(struct buf *b, const struct hist *h, bool max, bool hex)
{
	if (h->count == 0)
		buf_f64(b, NAN);
	else if (h->real)
		histogram_put_number(b, max ? h->moments.real_max : h->moments.real_min, hex);
	else
		put_signed(b, max ? h->moments.max : h->moments.min, hex);
}

void
histogram_moments(const struct hist *h, bool hex,
    void (*word)(void *context, const char *name, struct slice text), void *context)
{
	const struct hist_moments *m = &h->moments;
	struct hist_double real[2];
	struct buf b = BUF_INIT;

	hist_sums(h, &real[0], &real[1]);
	for (int max = 0; max < 2; max++) {
		b.n = 0;
		if (h->count > 0)
			histogram_put_limit(&b, h, max, hex);
		word(context, max ? "max" : "min", buf_view(&b));
	}
	for (int squares = 0; squares < 2; squares++) {
		struct hist_double d = real[squares];

		b.n = 0;
		if (h->count == 0)
			;
		else if (h->real)
			buf_f64(&b, d.high);
		else if (squares)
			put_square(&b, &m->sum2);
		else
			put_signed(&b, m->sum, false);
		word(context, squares ? "sum2" : "sum", buf_view(&b));
		if (h->count > 0 && h->real && d.low != 0) {
			b.n = 0;
			buf_f64(&b, d.low);
			word(context, squares ? "sum2_rest" : "sum_rest", buf_view(&b));
		}
	}
	buf_free(&b);
}

/* ---- reading ---- */

static int
parse_big(struct slice s, uint64_t limb[LIMBS])
{
	memset(limb, 0, LIMBS * sizeof *limb);
	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned __int128 carry = (unsigned)(unsigned char)s.p[i] - '0';

		if (carry > 9)
			return -1;
		for (unsigned k = 0; k < LIMBS; k++) {
			carry += (unsigned __int128)limb[k] * 10;
			limb[k] = (uint64_t)carry;
			carry >>= 64;
		}
		if (carry)
			return -1;
	}
	return 0;
}

/* |v| < 2^127 */
static int
parse_signed(struct slice s, __int128 *v)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t limb[LIMBS];

	if (s.n > 2 && s.p[0] == '0' && s.p[1] == 'x') {
		uint64_t u;

		if (num_any(s, &u) < 0)
			return -1;
		*v = u;
		return 0;
	}
	if (parse_big((struct slice){ s.p + minus, s.n - minus }, limb) < 0 || limb[2] ||
	    limb[1] >> 63)
		return -1;
	*v = (__int128)((unsigned __int128)limb[1] << 64 | limb[0]);
	if (minus)
		*v = -*v;
	return 0;
}

static int
parse_double(struct slice high, struct slice low, struct hist_double *d)
{
	d->low = 0;
	if (num_f64(high, &d->high) < 0)
		return -1;
	return low.n ? num_f64(low, &d->low) : 0;
}

int
histogram_parse_bound(struct slice s, double *v)
{
	uint64_t u;

	if (s.n > 2 && s.p[0] == '0' && s.p[1] == 'x') {
		if (num_any(s, &u) < 0)
			return -1;
		*v = (double)u;
		return 0;
	}
	return num_f64(s, v) < 0 || isnan(*v) ? -1 : 0;
}

int
histogram_parse_moments(struct hist *h, const struct histogram_moments_text *t, struct error *e)
{
	struct hist_moments m = { 0 };
	uint64_t square[LIMBS];

	if (h->count == 0)
		return 0;
	if (h->real) {
		if (histogram_parse_bound(t->min, &m.real_min) < 0 ||
		    histogram_parse_bound(t->max, &m.real_max) < 0)
			return error_set(e, "min and max are no numbers");
		if (parse_double(t->sum, t->sum_rest, &m.real_sum) < 0 ||
		    parse_double(t->sum2, t->sum2_rest, &m.real_sum2) < 0)
			return error_set(e, "sum and sum2 are no numbers");
	} else {
		if (parse_signed(t->min, &m.min) < 0 || parse_signed(t->max, &m.max) < 0)
			return error_set(e, "min and max are no whole numbers");
		if (parse_signed(t->sum, &m.sum) < 0 || parse_big(t->sum2, square) < 0)
			return error_set(e, "sum and sum2 are no whole numbers");
		m.sum2.low = (unsigned __int128)square[1] << 64 | square[0];
		m.sum2.high = square[2];
	}
	return hist_set_moments(h, &m, e);
}
