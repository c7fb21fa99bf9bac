/* Self and total of random stacks, against what counting by hand gives. */
#include <string.h>

#include "stat/profile.h"
#include "unit.h"

enum { FUNCTIONS = 9, STACKS = 2000, DEPTH = 12 };

static int
by_number(const void *context, uint32_t a, uint32_t b)
{
	(void)context;
	return a < b ? -1 : a > b;
}

int
main(void)
{
	struct profile p = PROFILE_INIT;
	uint64_t self[FUNCTIONS] = { 0 }, total[FUNCTIONS] = { 0 }, sum = 0, selves = 0, seed = 5;
	uint64_t caller[FUNCTIONS][FUNCTIONS + 1] = { 0 };
	uint32_t recursion[] = { 0, 1, 0, 1, 0 };
	size_t n;

	/* f g f g f: f's total once, its caller is nobody, g's is f */
	profile_add(&p, recursion, 5, 10);
	profile_add(&p, recursion, 0, 7);
	profile_sort(&p, by_number, NULL);
	CLAIM(p.sum == 17 && p.functions == 2);
	CLAIM(p.function[0].id == 0 && p.function[0].self == 10 && p.function[0].total == 10);
	CLAIM(p.function[1].id == 1 && p.function[1].self == 0 && p.function[1].total == 10);
	CLAIM(profile_callers(&p, 0, &n)[0].caller == PROFILE_NOBODY && n == 1);
	CLAIM(profile_callers(&p, 1, &n)[0].caller == 0 && n == 1);
	profile_callers(&p, 2, &n);
	CLAIM(n == 0);
	profile_free(&p);

	for (unsigned i = 0; i < STACKS; i++) {
		uint32_t id[DEPTH];
		uint64_t weight;
		size_t depth;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		depth = (seed >> 60) % DEPTH;
		weight = seed >> 50 & 255;
		for (size_t k = 0; k < depth; k++)
			id[k] = (uint32_t)(seed >> (k * 3 + 4)) % FUNCTIONS;
		profile_add(&p, id, depth, weight);
		sum += weight;
		if (depth > 0)
			self[id[depth - 1]] += weight;
		for (uint32_t f = 0; f < FUNCTIONS; f++)
			for (size_t k = 0; k < depth; k++)
				if (id[k] == f) {
					total[f] += weight;
					caller[f][k ? id[k - 1] : FUNCTIONS] += weight;
					break;
				}
	}
	profile_sort(&p, by_number, NULL);
	CLAIM(p.sum == sum && p.functions == FUNCTIONS);
	for (size_t i = 0; i < p.functions; i++) {
		const struct profile_function *f = &p.function[i];
		const struct profile_caller *c = profile_callers(&p, f->id, &n);
		uint64_t all = 0;

		CLAIM(f->self == self[f->id] && f->total == total[f->id] && f->self <= f->total);
		CLAIM(i == 0 || p.function[i - 1].self >= f->self);
		for (size_t k = 0; k < n; k++) {
			CLAIM(
			    c[k].weight ==
			    caller[f->id][c[k].caller == PROFILE_NOBODY ? FUNCTIONS : c[k].caller]);
			CLAIM(k == 0 || c[k - 1].weight >= c[k].weight);
			all += c[k].weight;
		}
		CLAIM(all == f->total);
		selves += f->self;
	}
	CLAIM(selves <= sum);
	/* sums stop where they cannot grow */
	recursion[0] = 3;
	profile_add(&p, recursion, 1, UINT64_MAX);
	CLAIM(p.sum == UINT64_MAX);
	profile_free(&p);
	return 0;
}
