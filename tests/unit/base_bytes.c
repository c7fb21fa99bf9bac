#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "unit.h"

static uint64_t state = 1;

static uint64_t
random_bits(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return state ^ state >> 32;
}

static void
leb128_reads_back(void)
{
	for (int i = 0; i < 4000; i++) {
		uint64_t v = random_bits() >> (i % 65 == 64 ? 0 : i % 65), back;
		unsigned char bytes[LEB128_MAX];
		unsigned char *end = leb128_put(bytes, i == 0 ? UINT64_MAX : v);

		CLAIM(end > bytes && end <= bytes + LEB128_MAX);
		CLAIM(leb128_get(bytes, bytes + sizeof bytes, &back) == end);
		CLAIM(back == (i == 0 ? UINT64_MAX : v));
		/* Cut anywhere, it is refused. */
		for (unsigned char *cut = bytes; cut < end; cut++)
			CLAIM(leb128_get(bytes, cut, &back) == NULL);
	}
}

static void
leb128_refuses_what_does_not_fit(void)
{
	unsigned char bytes[12];
	uint64_t v;

	memset(bytes, 0xff, sizeof bytes);
	CLAIM(leb128_get(bytes, bytes + sizeof bytes, &v) == NULL);
	bytes[9] = 1;
	CLAIM(leb128_get(bytes, bytes + sizeof bytes, &v) == bytes + 10 && v == UINT64_MAX);
	bytes[9] = 2;
	CLAIM(leb128_get(bytes, bytes + sizeof bytes, &v) == NULL);
}

static void
signed_leb128(void)
{
	/* DWARF 5, 7.6, table of examples: 2, -2, 127, -127, 128, -128, 129, -129. */
	static const struct {
		unsigned char bytes[2];
		size_t n;
		int64_t v;
	} known[] = { { { 2 }, 1, 2 }, { { 0x7e }, 1, -2 }, { { 127 + 0x80, 0 }, 2, 127 },
		{ { 1 + 0x80, 0x7f }, 2, -127 }, { { 0x80, 1 }, 2, 128 },
		{ { 0x80, 0x7f }, 2, -128 }, { { 1 + 0x80, 1 }, 2, 129 },
		{ { 0x7f + 0x80, 0x7e }, 2, -129 } };
	int64_t v;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const unsigned char *end = known[i].bytes + known[i].n;

		CLAIM(sleb128_get(known[i].bytes, end, &v) == end && v == known[i].v);
		CLAIM(sleb128_get(known[i].bytes, end - 1, &v) == NULL);
	}
}

static void
zigzag_is_small_and_reads_back(void)
{
	CLAIM(
	    zigzag(0) == 0 && zigzag(-1) == 1 && zigzag(1) == 2 && zigzag(INT64_MIN) == UINT64_MAX);
	for (int i = 0; i < 1000; i++) {
		int64_t v = (int64_t)random_bits() >> (i % 64);

		CLAIM(unzigzag(zigzag(v)) == v);
	}
}

static void
base64_is_that_of_the_rfc(void)
{
	static const char *const known[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" } };
	static const char *const bad[] = { "Z", "Zg",
		"Zg=", "Zg==Zg==", "Zh==", "Zm9=", "Zm9v=", "====", "A===", "Zm 9", "Zm9\n", "Zm-_",
		"Z=g=" };
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		b.n = 0;
		base64_encode(&b, known[i][0], strlen(known[i][0]));
		CLAIM(slice_eq(buf_view(&b), slice_of(known[i][1])));
		b.n = 0;
		CLAIM(base64_decode(&b, slice_of(known[i][1])) == 0);
		CLAIM(slice_eq(buf_view(&b), slice_of(known[i][0])));
	}
	b.n = 0;
	buf_put(&b, "kept", 4);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CLAIM(base64_decode(&b, slice_of(bad[i])) == -1);
		CLAIM(slice_eq(buf_view(&b), SLICE("kept")));
	}
	/* Only the 64 letters are letters. */
	for (int c = 0; c < 256; c++) {
		char four[4] = { 'Z', (char)c, '9', 'v' };
		bool letter =
		    c &&
		    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c);

		b.n = 4;
		CLAIM(base64_decode(&b, (struct slice){ four, 4 }) == (letter ? 0 : -1));
	}
	buf_free(&b);
}

static void
base64_reads_back_any_bytes(void)
{
	struct buf text = BUF_INIT, back = BUF_INIT;
	unsigned char bytes[300];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)random_bits();
	for (size_t n = 0; n <= sizeof bytes; n++) {
		text.n = back.n = 0;
		base64_encode(&text, bytes, n);
		CLAIM(text.n == (n + 2) / 3 * 4);
		CLAIM(base64_decode(&back, buf_view(&text)) == 0);
		CLAIM(back.n == n && (n == 0 || memcmp(back.p, bytes, n) == 0));
	}
	buf_free(&text);
	buf_free(&back);
}

int
main(void)
{
	leb128_reads_back();
	leb128_refuses_what_does_not_fit();
	signed_leb128();
	zigzag_is_small_and_reads_back();
	base64_is_that_of_the_rfc();
	base64_reads_back_any_bytes();
	return 0;
}
