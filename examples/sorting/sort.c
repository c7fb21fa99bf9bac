/* sort.c - sorts numbers in one of three ways, and says how long that took and how many comparisons it needed
 *
 *	cc -O2 -DSORT=quick -o quick sort.c     or merge, or heap
 *	./quick random|sorted [kick]            kick: 100,000 numbers instead of 4,000,000
 *
 * What it measures goes into the file `values` of the current directory: a line for each, name, value, unit. The numbers
 * are the same ones each time. An array that is not in order in the end is a failure.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t comparisons;

static inline int
less(uint32_t a, uint32_t b)
{
	comparisons++;
	return a < b;
}

static inline void
swap(uint32_t *a, uint32_t *b)
{
	uint32_t c = *a;

	*a = *b;
	*b = c;
}

/* Hoare's partition around the middle element, the longer side last. */
static inline void
quick(uint32_t *v, size_t n)
{
	while (n > 1) {
		uint32_t pivot = v[(n - 1) / 2];
		size_t i = 0, j = n - 1;

		for (;; i++, j--) {
			while (less(v[i], pivot))
				i++;
			while (less(pivot, v[j]))
				j--;
			if (i >= j)
				break;
			swap(v + i, v + j);
		}
		j++;
		if (j < n - j) {
			quick(v, j);
			v += j;
			n -= j;
		} else {
			quick(v + j, n - j);
			n = j;
		}
	}
}

static void
merge_halves(uint32_t *v, size_t n, uint32_t *space)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	merge_halves(v, half, space);
	merge_halves(v + half, n - half, space);
	/* What is in order already is not moved. */
	if (!less(v[half], v[half - 1]))
		return;
	memcpy(space, v, half * sizeof *v);
	while (i < half && j < n)
		v[k++] = less(v[j], space[i]) ? v[j++] : space[i++];
	memcpy(v + k, space + i, (half - i) * sizeof *v);
}

static inline void
merge(uint32_t *v, size_t n)
{
	uint32_t *space = malloc((n / 2 + 1) * sizeof *space);

	if (space == NULL) {
		perror("malloc");
		exit(1);
	}
	merge_halves(v, n, space);
	free(space);
}

static void
sift(uint32_t *v, size_t top, size_t n)
{
	for (size_t child; (child = 2 * top + 1) < n; top = child) {
		if (child + 1 < n && less(v[child], v[child + 1]))
			child++;
		if (!less(v[top], v[child]))
			return;
		swap(v + top, v + child);
	}
}

static inline void
heap(uint32_t *v, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(v, i, n);
	while (n-- > 1) {
		swap(v, v + n);
		sift(v, 0, n);
	}
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int
main(int argc, char **argv)
{
	size_t n = argc > 2 && strcmp(argv[2], "kick") == 0 ? 100000 : 4000000;
	int sorted = argc > 1 && strcmp(argv[1], "sorted") == 0;
	uint32_t *v = malloc(n * sizeof *v), x = 1;
	uint64_t begin;
	FILE *values;

	if (v == NULL || (!sorted && (argc < 2 || strcmp(argv[1], "random") != 0))) {
		fprintf(stderr, "usage: %s random|sorted [kick]\n", argv[0]);
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		/* xorshift32 */
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		v[i] = sorted ? (uint32_t)i : x;
	}

	begin = now_ns();
	SORT(v, n);
	begin = now_ns() - begin;

	for (size_t i = 1; i < n; i++) {
		if (v[i] < v[i - 1]) {
			fprintf(stderr, "%s: not in order at %zu\n", argv[0], i);
			return 1;
		}
	}
	values = fopen("values", "w");
	if (values == NULL ||
	    fprintf(values, "sort_ns %llu ns\ncomparisons %llu\n", (unsigned long long)begin,
		(unsigned long long)comparisons) < 0 ||
	    fclose(values) != 0) {
		perror("values");
		return 1;
	}
	return 0;
}
