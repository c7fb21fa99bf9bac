/* Lines put together of parts whose flaws are known have these flaws, wherever the parts stand; any bytes end. */
#include "base/buf.h"
#include "makefile/makefile.h"
#include "makefile/recipe.h"
#include "unit.h"

static unsigned count[RECIPE_FLAWS];
static const char *text_begin, *text_end;

static void
found(void *context, enum recipe_flaw flaw, struct slice where)
{
	(void)context;
	CLAIM(flaw < RECIPE_FLAWS);
	CLAIM(where.p >= text_begin && where.p + where.n <= text_end);
	count[flaw]++;
}

static bool
read_recipe(struct slice text, bool errexit, bool pipefail)
{
	struct recipe r = { .text = text,
		.target = SLICE("out"),
		.errexit = errexit,
		.pipefail = pipefail,
		.found = found };

	memset(count, 0, sizeof count);
	text_begin = text.p;
	text_end = text.p + text.n;
	return recipe_read(&r);
}

struct part {
	const char *text;
	unsigned pipes;
	bool safe; /* its failure is no news where something follows */
};

static const struct part parts[] = {
	{ "ls", 0, false },
	{ "echo a", 0, true },
	{ "'a | b' \"c ; d | e\"", 0, false },
	{ "ls | sort", 1, false },
	{ "ls | sort | uniq -c", 1, false },
	{ "echo x | sort", 0, false },
	{ "ls $(a | b) `c | d` ${e:-|}", 0, false },
	{ "ls || sort", 0, true },
	{ "ls | sort || exit 1", 1, true },
	{ "ls >x 2>/dev/null", 0, true },
	{ "mv a b && mv c d", 0, false },
	{ "[ -e x ] && mv x y", 0, true },
	{ "case $x in a|b) ls;; (c) mv a b;; esac", 0, false },
	{ "if ls | grep -q x; then echo y; fi", 0, true },
	{ "if ls; then mv a b | sort; else echo; fi", 1, false },
	{ "x=1 y=$((1|2))", 0, true },
	{ "! ls | grep x", 0, true },
};
enum { PARTS = sizeof parts / sizeof *parts };

/* Around a part, which stands alone there, or in a subshell. */
static const struct {
	const char *before, *behind;
	bool loop;
} around[] = {
	{ "", "", false },
	{ "( ", " )", false },
	{ "{ ", "; }", false },
	{ "set -f; ", "", false },
	{ "for i in a b; do ", "; done", true },
	{ "while read x; do ", "\ndone", true },
	{ "if true; then ", "; fi", false },
	{ "if false; then :; else ", "; fi", false },
	{ "case x in (y) ", " ;; esac", false },
	{ "f () { ", "; }", false },
};
enum { AROUND = sizeof around / sizeof *around };

static void
known(void)
{
	for (unsigned i = 0; i < 20000; i++) {
		const struct part *a = &parts[unit_draw(PARTS)], *b = &parts[unit_draw(PARTS)];
		unsigned k = (unsigned)unit_draw(AROUND);
		bool newline = unit_draw(2), errexit = unit_draw(2), pipefail = unit_draw(2);
		struct buf t = BUF_INIT;

		buf_printf(&t, "%s%s%s%s%s", around[k].before, a->text, newline ? "\n" : " ; ",
		    b->text, around[k].behind);
		read_recipe(buf_view(&t), errexit, pipefail);
		CLAIM(count[RECIPE_PIPE] == (pipefail ? 0 : a->pipes + b->pipes));
		CLAIM(count[RECIPE_UNSEEN] == (!errexit && !newline && !a->safe));
		CLAIM(count[RECIPE_LINES] == (!errexit && newline && !a->safe));
		CLAIM(count[RECIPE_LOOP] == (!errexit && around[k].loop && !b->safe));
		CLAIM(count[RECIPE_WRITES] == 0 && count[RECIPE_SWALLOWED] == 0);
		buf_free(&t);
	}
}

static void
writes(void)
{
	static const struct {
		const char *text;
		bool makes, writes, swallowed;
	} some[] = {
		{ "sort x >out", true, true, false },
		{ "sort x >\001", true, true, false },
		{ "sort x >\"\001\"", true, true, false },
		{ "sort x >\001.tmp", true, false, false },
		{ "sort x 2>log", true, false, false },
		{ "sort x >&2", false, false, false },
		{ "sort x >/dev/null", false, false, false },
		{ "sort -o \001 x", true, false, false },
		{ "sort -o\001 x || true", true, false, true },
		{ "sort -o\001 x || [ $? -eq 1 ]", true, false, false },
		{ "rm -f \001 || true", false, false, false },
		{ "sort x | tee \001", true, true, false },
		{ "echo x >\001", true, false, false },
		{ ": >\001", false, false, false },
		{ "{ echo; sort x; } >\001", true, true, false },
		{ "for i in x; do sort $i; done >\001 || :", true, false, true },
	};

	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		CLAIM(read_recipe(slice_of(some[i].text), false, true) == some[i].makes);
		CLAIM(count[RECIPE_WRITES] == some[i].writes);
		CLAIM(count[RECIPE_SWALLOWED] == some[i].swallowed);
	}
}

static void
junk(void)
{
	static const char *const words[] = { "if", "then", "fi", "do", "done", "case", "in", "esac",
		"{", "}", "(", ")", "((", "))", ";", ";;", "\n", "|", "||", "&", "&&", "<<E", "E",
		">", "\"", "'", "`", "$(", "${", "\\", "#", "x", "for", "while", "!", "[[", "]]",
		"else", "elif", "<(", "\001", "out", "f()", "2>", "&>" };

	for (unsigned i = 0; i < 100000; i++) {
		struct buf t = BUF_INIT;

		for (unsigned k = (unsigned)unit_draw(25); k > 0; k--)
			buf_printf(&t, "%s%s", words[unit_draw(sizeof words / sizeof *words)],
			    unit_draw(3) ? " " : "");
		read_recipe(buf_view(&t), false, false);
		buf_free(&t);
	}
	for (unsigned i = 0; i < 20000; i++) {
		struct buf t = BUF_INIT;

		for (unsigned k = (unsigned)unit_draw(40); k > 0; k--)
			buf_char(&t, (char)unit_draw(256));
		read_recipe(buf_view(&t), false, false);
		buf_free(&t);
	}
	/* Deep, and no deeper than a stack is. */
	for (unsigned k = 0; k < 3; k++) {
		static const char *const open[] = { "(", "if ", "f () { " };
		struct buf t = BUF_INIT;

		for (unsigned i = 0; i < 100000; i++)
			buf_printf(&t, "%s", open[k]);
		read_recipe(buf_view(&t), false, false);
		buf_free(&t);
	}
}

int
main(void)
{
	known();
	writes();
	junk();
	return 0;
}
