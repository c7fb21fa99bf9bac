#include "flow/kernel_symbols.h"

enum { PIECE = 1 << 16 };

/* The upper half; the markers of a chain are the last 4095 numbers. */
static bool
is_kernel(uint64_t addr)
{
	return addr >> 63 && addr < (uint64_t)PERF_CONTEXT_MAX;
}

bool
kernel_symbols_missing(const struct kernel_symbols *k, const struct perf_sample *s)
{
	if (kernel_symbols_over(k))
		return false;
	if (is_kernel(s->ip))
		return true;
	for (uint64_t i = 0; i < s->chain_n; i++)
		if (is_kernel(s->chain[i]))
			return true;
	return false;
}

int
kernel_symbols_read(struct kernel_symbols *k, struct error *e)
{
	int more = 0;

	if (k->state == KERNEL_SYMBOLS_UNREAD && k->path) {
		k->state = KERNEL_SYMBOLS_READING;
		more = sys_ksyms_open(&k->table, k->path, e);
	}
	if (k->state == KERNEL_SYMBOLS_READING && more == 0)
		more = sys_ksyms_read(&k->table, PIECE, e);
	if (more <= 0)
		k->state = KERNEL_SYMBOLS_OVER;
	return more;
}

static int
put_one(struct kernel_symbols *k, struct record_own *own, uint64_t t, uint64_t addr)
{
	struct sys_ksym sym;

	if (!is_kernel(addr) || !sys_ksyms_first(&k->table, addr, &sym))
		return 0;
	return record_own_sym(own, (int64_t)t, &sym);
}

int
kernel_symbols_put(struct kernel_symbols *k, struct record_own *own, const struct perf_sample *s)
{
	if (put_one(k, own, s->time, s->ip) < 0)
		return -1;
	for (uint64_t i = 0; i < s->chain_n; i++)
		if (put_one(k, own, s->time, s->chain[i]) < 0)
			return -1;
	return 0;
}

void
kernel_symbols_free(struct kernel_symbols *k)
{
	sys_ksyms_free(&k->table);
	*k = KERNEL_SYMBOLS_INIT;
}
