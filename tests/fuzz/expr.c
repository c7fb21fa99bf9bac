/* Any text is an expression or an error that points into it; records, rows and columns agree on what holds. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "expr/expr.h"
#include "trace/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 8 };

static const char lines[] =
    "#leat 1\n"
    "x\ta=1\tb=-1\tc=0.5\td=0x10\ts=abc\tl=a;b;\tn=1;2;\tname=s:t\n"
    "x\ta=9223372036854775807\tb=0\tc=nan\td=0xffffffffffffffff\ts=\"\"\tl=\tn=-3;\tname=q\n"
    "x\ta=-9223372036854775808\tb=7\tc=-inf\td=0x0\ts=\"1\"\tl=main;\tn=1;\tname=main\n"
    "x\ta=4096\tb=3\tc=1e300\td=0x1000\ts=ab\tl=main;f;\tn=5;\tname=f\n"
    "y\ta=18446744073709551615\tb=x\tl=0x1;\n"
    "y\ta=18446744073709551615\tb=y\tl=0x2;0x3;\n"
    "y\ta=9223372036854775808\tb=\"\"\tl=0x2;\n"
    "z\ts=@AAEC\n";

static struct trace_reader *
reader(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("lines", 0);
		if (fd < 0 || write(fd, lines, sizeof lines - 1) != sizeof lines - 1)
			abort();
	}
	if (lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return trace_reader_new(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trace_block *b;
	struct trace_reader *by_record;
	unsigned char record[RECORDS], row[RECORDS];
	struct trace_record r;
	struct error e = { "" };
	struct expr *x = expr_new((struct slice){ (const char *)data, size }, &e);

	if (x == NULL) {
		if (strncmp(e.text, "column ", 7) != 0 || strchr(e.text, '^') == NULL)
			abort();
		return 0;
	}
	if (b == NULL && trace_read(reader(), &b) != 1)
		abort();
	by_record = reader();
	for (unsigned i = 0; trace_next(by_record, &r) == 1; i++)
		record[i] = expr_record(x, &r);
	trace_reader_free(by_record);
	for (unsigned s = 0, i = 0; s < b->shapes; i += b->rows[s++])
		expr_rows(x, b, s, row + i);
	if (memcmp(record, row, RECORDS) != 0) /* the shapes stand one behind the other */
		abort();
	expr_free(x);
	return 0;
}
