#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "unit.h"

static const uint64_t UNTOUCHED = 42;

/* What a reader makes of text: its number, or UNTOUCHED where it refuses. */
static uint64_t
read_with(int (*read)(struct slice, uint64_t *), const char *text)
{
	uint64_t v = UNTOUCHED;
	int r = read(slice_of(text), &v);

	CLAIM(r == 0 || r == -1);
	CLAIM(r == 0 || v == UNTOUCHED);
	return v;
}

static void
integers_read_back(void)
{
	uint64_t v = 1;

	for (int i = 0; i < 1000; i++, v = v * 6364136223846793005u + 1442695040888963407u) {
		uint64_t some = v >> (i % 64), back;
		int64_t sign = (int64_t)v >> (i % 64), back_sign;
		char text[32];
		int n = snprintf(text, sizeof text, "%" PRIu64, some);

		/* Not NUL-terminated where the slice ends. */
		text[n] = '7';
		CLAIM(num_u64((struct slice){ text, (size_t)n }, &back) == 0 && back == some);
		n = snprintf(text, sizeof text, "%" PRIi64, sign);
		CLAIM(num_i64((struct slice){ text, (size_t)n }, &back_sign) == 0 &&
		      back_sign == sign);
		n = snprintf(text, sizeof text, "0x%" PRIx64, some);
		CLAIM(num_any((struct slice){ text, (size_t)n }, &back) == 0 && back == some);
	}
}

static void
limits_hold(void)
{
	int64_t i = 42;

	CLAIM(read_with(num_u64, "18446744073709551615") == UINT64_MAX);
	CLAIM(read_with(num_u64, "18446744073709551616") == UNTOUCHED);
	CLAIM(read_with(num_u64, "99999999999999999999") == UNTOUCHED);
	CLAIM(read_with(num_hex, "ffffffffffffffff") == UINT64_MAX);
	CLAIM(read_with(num_hex, "10000000000000000") == UNTOUCHED);
	CLAIM(num_i64(SLICE("-9223372036854775808"), &i) == 0 && i == INT64_MIN);
	CLAIM(num_i64(SLICE("9223372036854775807"), &i) == 0 && i == INT64_MAX);
	i = 42;
	CLAIM(num_i64(SLICE("9223372036854775808"), &i) == -1 && i == 42);
	CLAIM(num_i64(SLICE("-9223372036854775809"), &i) == -1 && i == 42);
	CLAIM(num_i64(SLICE("--1"), &i) == -1 && num_i64(SLICE("-"), &i) == -1);
}

static void
nothing_else_is_a_number(void)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "1a", "1.0", "x", "\xb9",
		"1\n" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CLAIM(read_with(num_u64, bad[i]) == UNTOUCHED);
		CLAIM(read_with(num_any, bad[i]) == UNTOUCHED);
	}
	CLAIM(read_with(num_any, "0x") == UNTOUCHED);
	CLAIM(read_with(num_hex, "g") == UNTOUCHED && read_with(num_hex, "") == UNTOUCHED);
	CLAIM(read_with(num_hex, "aBcDeF09") == 0xabcdef09);
}

static void
units_scale(void)
{
	CLAIM(read_with(num_duration, "7") == 7);
	CLAIM(read_with(num_duration, "7ns") == 7);
	CLAIM(read_with(num_duration, "1.5us") == 1500);
	CLAIM(read_with(num_duration, "0.25ms") == 250000);
	CLAIM(read_with(num_duration, "1.000000001s") == 1000000001);
	CLAIM(read_with(num_duration, "2m") == 120000000000);
	CLAIM(read_with(num_duration, "1h") == 3600000000000);
	CLAIM(read_with(num_duration, "1d") == UNTOUCHED);
	CLAIM(read_with(num_duration, "1.s") == UNTOUCHED);
	CLAIM(read_with(num_duration, ".5s") == UNTOUCHED);
	CLAIM(read_with(num_duration, "-1s") == UNTOUCHED);
	CLAIM(read_with(num_duration, "1 s") == UNTOUCHED);
	CLAIM(read_with(num_duration, "18446744073709551615s") == UNTOUCHED);
	CLAIM(read_with(num_size, "4096") == 4096);
	CLAIM(read_with(num_size, "4k") == 4000 && read_with(num_size, "4kB") == 4000);
	CLAIM(read_with(num_size, "4Ki") == 4096 && read_with(num_size, "4KiB") == 4096);
	CLAIM(read_with(num_size, "1.5Mi") == 3 << 19);
	CLAIM(read_with(num_size, "0x10") == 16);
	CLAIM(read_with(num_size, "16777216Ti") == UNTOUCHED);
	CLAIM(read_with(num_size, "16777215Ti") == (uint64_t)16777215 << 40);
	CLAIM(read_with(num_size, "B") == UNTOUCHED && read_with(num_size, "4K") == UNTOUCHED);
}

int
main(void)
{
	integers_read_back();
	limits_hold();
	nothing_else_is_a_number();
	units_scale();
	return 0;
}
