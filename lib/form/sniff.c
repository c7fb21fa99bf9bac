#include "form/sniff.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

static bool
is_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\n' && c != '\t' && c != '\r' && c != '\f' && c != 0x1b) ||
		    c == 0x7f)
			return false;
	}
	return true;
}

/* Lines `FRAME;FRAME COUNT` all through, one of them with a `;`. */
static bool
is_folded(struct slice s)
{
	bool semicolon = false;
	unsigned lines = 0;

	while (s.n > 0 && memchr(s.p, '\n', s.n) != NULL) {
		struct slice line = slice_cut(&s, '\n');
		size_t i = line.n;

		while (i > 0 && line.p[i - 1] >= '0' && line.p[i - 1] <= '9')
			i--;
		if (i == line.n || i < 2 || line.p[i - 1] != ' ')
			return false;
		semicolon |= memchr(line.p, ';', i) != NULL;
		lines++;
	}
	return lines > 0 && semicolon;
}

const char *
sniff(struct slice s)
{
	static const struct {
		struct slice magic;
		const char *what;
	} known[] = {
		{ SLICE("\x7f"
			"ELF"),
		    "an ELF object" },
		{ SLICE("\x1f\x8b"), "gzip data (unpack it first: zcat FILE | ...)" },
		{ SLICE("\x28\xb5\x2f\xfd"), "zstd data (unpack it first: zstdcat FILE | ...)" },
		{ SLICE("BZh"), "bzip2 data (unpack it first: bzcat FILE | ...)" },
		{ SLICE("\xfd"
			"7zXZ"),
		    "xz data (unpack it first: xzcat FILE | ...)" },
		{ SLICE("PK\x03\x04"), "a zip archive" },
		{ SLICE("SQLite format 3"), "an SQLite database" },
		{ SLICE("#leat "), "a trace of leat: no need to import it" },
		{ SLICE("PERFFILE"), "a perf.data of before 2013 (version 1)" },
		{ SLICE("\x17\x08\x44tracing"), "a trace.dat of trace-cmd" },
		{ SLICE("\xc1\x1f\xfc\xc1"), "a stream of the Common Trace Format" },
		{ SLICE("DTiJ"), "a jitdump" },
		{ SLICE("JiTD"), "a jitdump of the other byte order" },
		{ SLICE("\x89PNG"), "a PNG image" },
		{ SLICE("%PDF"), "a PDF document" },
		{ SLICE("# callgrind format"), "a callgrind profile" },
		{ SLICE("#!"), "a script" },
	};
	struct slice text = slice_trim(s);

	if (s.n == 0)
		return "an empty file";
	if (s.n >= 12 && (load32(s.p) & 0xfffffff0) == 0x184d2a50)
		return memcmp(s.p + 8, "leat", 4) == 0 ? "a trace of leat: no need to import it"
						       : "zstd data with skippable frames";
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (slice_starts(s, known[i].magic))
			return known[i].what;
	if (!is_text(s))
		return "binary data";
	while (text.n > 0 &&
	       (*text.p == '\n' || *text.p == '\r' || *text.p == ' ' || *text.p == '\t')) {
		text.p++;
		text.n--;
	}
	if (slice_starts(text, SLICE("<svg")) ||
	    (slice_starts(text, SLICE("<")) && memmem(text.p, text.n, "<svg", 4) != NULL))
		return "an SVG image";
	if (slice_starts(text, SLICE("<")))
		return "XML or HTML";
	if (slice_starts(text, SLICE("{")) || slice_starts(text, SLICE("[")))
		return "JSON";
	if (is_folded(s))
		return "folded lines: flamegraph.pl reads them as they are";
	return "text";
}
