#include "interpose/select.h"

#include <stdatomic.h>

#include "interpose/hook.h"
#include "interpose/process.h"
#include "interpose/touch.h"

/* ---- sampling ---- */

/* ln(x) of 0 < x <= 1: by the exponent, and the series of the area tangent, good to 1e-12. */
static double
natural_log(double x)
{
	union {
		double d;
		uint64_t u;
	} v = { .d = x };
	int power = (int)(v.u >> 52) - 1023;
	double m, y, square, sum = 0;

	v.u = (v.u & 0xfffffffffffffu) | 0x3ff0000000000000u;
	m = v.d;
	if (m > 1.41421356237309515) {
		m /= 2;
		power++;
	}
	y = (m - 1) / (m + 1);
	square = y * y;
	for (int k = 19; k > 0; k -= 2)
		sum = sum * square + 1.0 / k;
	return 2 * y * sum + power * 0.69314718055994531;
}

/* 1 - exp(-x), x >= 0. */
static double
chance(double x)
{
	double sum = 0, result;
	int halves = 0;

	if (x > 40)
		return 1;
	while (x > 0.25) {
		x /= 2;
		halves++;
	}
	/* x - x^2/2 + x^3/6 ... */
	for (int k = 12; k > 0; k--)
		sum = x / k * (1 - sum);
	result = sum;
	while (halves-- > 0)
		result = result * (2 - result);
	return result;
}

static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static double
distance(struct thread *t)
{
	double u = (double)((random_next(&t->random) >> 11) + 1) * 0x1p-53;

	return -natural_log(u) * (double)process.sample;
}

bool
select_size(struct thread *t, uint64_t size, uint64_t *weight)
{
	*weight = 0;
	if (size < process.min)
		return false;
	if (process.sample == 0)
		return true;
	if (t->random == 0) {
		t->random = ((uint64_t)(uint32_t)t->slot->tid << 32 ^ record_ticks(t, false)) | 1;
		t->until = distance(t);
	}
	/* an allocation of no bytes is one of one */
	t->until -= (double)(size ? size : 1);
	if (t->until > 0)
		return false;
	t->until = distance(t);
	*weight =
	    (uint64_t)((double)size / chance((double)(size ? size : 1) / (double)process.sample) +
		       0.5);
	return true;
}

/* ---- what was recorded ---- */

enum { LINE = 8, LEVELS = 12, FIRST_LINES_LOG = 10, STEP_LOG = 3 };

static _Atomic(_Atomic(uint64_t) *) level[LEVELS];

static _Atomic(uint64_t) *
line_of(unsigned k, _Atomic(uint64_t) *table, uintptr_t address)
{
	unsigned bits = FIRST_LINES_LOG + STEP_LOG * k;

	return table + ((uint64_t)address * 0x9e3779b97f4a7c15u >> (64 - bits)) * LINE;
}

static _Atomic(uint64_t) *
level_made(unsigned k)
{
	size_t bytes = (sizeof(uint64_t) * LINE) << (FIRST_LINES_LOG + STEP_LOG * k);
	_Atomic(uint64_t) *table = atomic_load(&level[k]), *none = NULL;

	if (table)
		return table;
	table = hook_mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table == MAP_FAILED)
		return NULL;
	if (!atomic_compare_exchange_strong(&level[k], &none, table)) {
		hook_munmap(table, bytes);
		return none;
	}
	touch_hide(table, bytes);
	return table;
}

bool
select_keep(uintptr_t address)
{
	for (unsigned k = 0; k < LEVELS; k++) {
		_Atomic(uint64_t) *table = level_made(k), *line;

		if (table == NULL)
			return false;
		line = line_of(k, table, address);
		for (unsigned i = 0; i < LINE; i++) {
			uint64_t none = 0;

			if (atomic_load_explicit(&line[i], memory_order_relaxed) == 0 &&
			    atomic_compare_exchange_strong(&line[i], &none, address))
				return true;
		}
	}
	return false;
}

bool
select_drop(uintptr_t address)
{
	for (unsigned k = 0; k < LEVELS; k++) {
		_Atomic(uint64_t) *table = atomic_load(&level[k]), *line;

		if (table == NULL)
			return false;
		line = line_of(k, table, address);
		for (unsigned i = 0; i < LINE; i++)
			if (atomic_load_explicit(&line[i], memory_order_relaxed) == address) {
				atomic_store(&line[i], 0);
				return true;
			}
	}
	return false;
}
