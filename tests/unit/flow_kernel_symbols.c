/* Kernel symbols are read when they are needed, in pieces, and told once, before their first use. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/kernel_symbols.h"
#include "unit.h"

enum { FUNCTIONS = 9001, STEP = 0x100 };

static const uint64_t text = 0xffffffff81000000;

/* function_0, function_1 ...: more than one piece. */
static void
make_table(char *path)
{
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	CLAIM(f != NULL);
	for (unsigned i = 0; i < FUNCTIONS; i++)
		fprintf(f, "%016llx t function_%u\n", (unsigned long long)(text + i * STEP), i);
	CLAIM(fclose(f) == 0);
}

int
main(void)
{
	static const char want[] = "#leat 1\n"
				   "sym\tt=5\taddr=0xffffffff81000700\tsize=256\tname=function_"
				   "7\tobject=[kernel.kallsyms]\n"
				   "sym\tt=5\taddr=0xffffffff81000300\tsize=256\tname=function_"
				   "3\tobject=[kernel.kallsyms]\n"
				   "sym\tt=6\taddr=0xffffffff81000100\tsize=256\tname=function_"
				   "1\tobject=[kernel.kallsyms]\n";
	const uint64_t kernel[] = { PERF_CONTEXT_KERNEL, text + 7 * STEP, text + 3 * STEP + 5,
		text + 7 * STEP + 9, PERF_CONTEXT_USER, 0x401000 };
	const uint64_t user[] = { PERF_CONTEXT_USER, 0x401000, 0x402000 };
	struct perf_sample in_kernel = { .time = 5, .chain = kernel, .chain_n = 6 },
			   in_user = { .time = 4, .chain = user, .chain_n = 3, .ip = 0x401000 },
			   by_ip = { .time = 6, .ip = text + STEP + 1 };
	struct kernel_symbols k = KERNEL_SYMBOLS_INIT;
	char path[] = "/tmp/leat-symbols.XXXXXX", got[4096];
	struct record_own own = { 0 };
	int fd = memfd_create("trace", 0), pieces = 0, more;
	struct error e;
	ssize_t n;

	make_table(path);
	own.w = trace_writer_new(fd, TRACE_LINES, 0);

	/* not wanted: nothing is missing, nothing told */
	CLAIM(kernel_symbols_over(&k) && !kernel_symbols_missing(&k, &in_kernel));
	CLAIM(kernel_symbols_put(&k, &own, &in_kernel) == 0 && own.made == 0);

	k.path = path;
	CLAIM(!kernel_symbols_missing(&k, &in_user));
	CLAIM(kernel_symbols_missing(&k, &in_kernel) && kernel_symbols_missing(&k, &by_ip));
	while ((more = kernel_symbols_read(&k, &e)) > 0) {
		CLAIM(kernel_symbols_missing(&k, &in_kernel));
		pieces++;
	}
	CLAIM(more == 0 && pieces > 1 && kernel_symbols_over(&k));
	CLAIM(kernel_symbols_read(&k, &e) == 0);
	CLAIM(!kernel_symbols_missing(&k, &in_kernel));
	CLAIM(kernel_symbols_put(&k, &own, &in_user) == 0 && own.made == 0);
	CLAIM(kernel_symbols_put(&k, &own, &in_kernel) == 0 && own.made == 2);
	CLAIM(kernel_symbols_put(&k, &own, &in_kernel) == 0 && own.made == 2);
	CLAIM(kernel_symbols_put(&k, &own, &by_ip) == 0 && own.made == 3);
	kernel_symbols_free(&k);

	/* hidden, or not there: told once, and nothing waits for it */
	CLAIM(truncate(path, 0) == 0);
	k.path = path;
	CLAIM(kernel_symbols_missing(&k, &in_kernel));
	CLAIM(kernel_symbols_read(&k, &e) == -1 && strstr(e.text, "kptr_restrict"));
	CLAIM(!kernel_symbols_missing(&k, &in_kernel) && kernel_symbols_read(&k, &e) == 0);
	CLAIM(kernel_symbols_put(&k, &own, &in_kernel) == 0 && own.made == 3);
	kernel_symbols_free(&k);
	CLAIM(unlink(path) == 0);
	k.path = path;
	CLAIM(kernel_symbols_read(&k, &e) == -1 && strstr(e.text, "No such file"));
	CLAIM(!kernel_symbols_missing(&k, &in_kernel));
	kernel_symbols_free(&k);

	CLAIM(trace_writer_close(own.w, &e) == 0);
	n = pread(fd, got, sizeof got - 1, 0);
	CLAIM(n > 0);
	got[n] = '\0';
	CLAIM(strcmp(got, want) == 0);
	return 0;
}
