/* Expressions: what is known of some, laws that hold of all, and that records and columns agree. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "expr/expr.h"
#include "trace/reader.h"
#include "trace/writer.h"
#include "unit.h"

static struct expr *
compile(const char *text)
{
	struct error e;
	struct expr *x = expr_new(slice_of(text), &e);

	if (x == NULL)
		fprintf(stderr, "%s\n", e.text);
	CLAIM(x != NULL);
	return x;
}

static int
file_of(struct slice bytes)
{
	int fd = memfd_create("trace", 0);

	CLAIM(write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* The one record of a line, by all three ways. */
static bool
holds(const char *text, const char *line)
{
	struct buf b = BUF_INIT;
	struct expr *x = compile(text);
	struct trace_reader *r;
	struct trace_record record;
	struct trace_block *block;
	unsigned char rows[1];
	bool yes;
	int fd;

	buf_printf(&b, "#leat 1\n%s\n", line);
	fd = file_of(buf_view(&b));
	r = trace_reader_new(fd);
	CLAIM(trace_next(r, &record) == 1);
	yes = expr_record(x, &record);
	trace_reader_free(r);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	r = trace_reader_new(fd);
	CLAIM(trace_read(r, &block) == 1 && block->records == 1);
	expr_rows(x, block, 0, rows);
	if (rows[0] != yes || expr_row(x, block, 0, 0) != yes)
		fprintf(stderr, "%s: %s: %d by record, %d by rows\n", text, line, yes, rows[0]);
	CLAIM(rows[0] == yes && expr_row(x, block, 0, 0) == yes);
	trace_reader_free(r);
	close(fd);
	expr_free(x);
	buf_free(&b);
	return yes;
}

/* ---- known ---- */

static const char sample[] =
    "sample\tt=1000\tpid=7\tcomm=app\tempty=\"\"\tquoted=\"a "
    "\\\"b\\\"\\t\\\\\"\taddr=0xffffffffffffffff\t"
    "big=18446744073709551615\tminus=-1\thalf=0.5\tnan=nan\tinf=inf\tstack=main;work(int);\t"
    "chain=0x10;0x20;\tints=1;-2;\tnone=\tbytes=@AAEC\ttype=odd\tin=3\thas=4\tsize=4096\tdur_ns="
    "1500000\tmax=9223372036854775807\tmin=-9223372036854775808\tlow=-inf";

static void
known(void)
{
	static const char *const yes[] = { "pid == 7", "7 == pid", "pid != 8", "pid<8", "pid <= 7",
		"pid > 6", "pid >= 7", "8 > pid", "6 < pid", "7 <= pid", "7 >= pid",
		"comm == \"app\"", "comm == 'app'", "\"app\" == comm", "comm != 'ap'", "comm < 'b'",
		"comm > 'a'", "comm <= 'app'", "comm >= 'app'", "comm =~ '^a'", "comm =~ \"p{2}$\"",
		"comm =~ '^(x|a).p$'", "comm =~ '^[^]x]+[]+{9999}p]+p+(p|p+)*(p|p+)*p*p*p*p*$'",
		"comm =~ 'a+p+$|x+y+z+a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+'", "empty == ''",
		"empty =~ '^$'", "quoted == \"a \\\"b\\\"\\t\\\\\"",
		"quoted == 'a \"b\"\\x09\\x5c'", "quoted =~ '\\\\'", "quoted =~ 'b\"\\t'",
		"comm =~ '\\x61pp'", "stack =~ 'work\\(int\\)$'", "type == 'sample'",
		"type =~ 'amp'", "type != 'event'", "type in ['event', 'sample']", ".type == 'odd'",
		".in == 3", ".has == 4", ".pid == 7",
		/* numbers and units */
		"dur_ns == 1.5ms", "dur_ns == 1500us", "dur_ns == 1500000ns", "dur_ns == 0.0015s",
		"dur_ns == 0.000025m", "dur_ns == 1.5e6", "dur_ns == 1.5e3us", "size == 4KiB",
		"size == 4Ki", "size == 4.096kB", "size == 4.096k", "size == 0x1000",
		"size == 4096B", "1GiB == 1024MiB", "1T == 1000GB", "1h == 60m", "0.5 == half",
		".5 == half", "5e-1 == half", "half == 0.5ns", "1.0 == 1", "0X1f == 31",
		"9007199254740993 > 9007199254740992.0",
		/* exact */
		"addr == 0xffffffffffffffff", "addr == big", "addr > minus", "minus < addr",
		"big > minus", "minus == -1", "addr != minus", "big == 18446744073709551615",
		"big < 18446744073709551616.0", "addr + 1 == 18446744073709551616.0",
		"addr - big == 0", "minus - addr < 0", "addr * addr > addr",
		"addr * size / size == addr", "big * big * big > 1e57", "big * big * big < 1e58",
		"-big == -18446744073709551615",
		/* what 64 bits do not hold */
		"max + 1 == 9223372036854775808", "max + max == 18446744073709551614",
		"min - 1 < min", "-min == 9223372036854775808", "max * 2 > max",
		"max - min == 18446744073709551615", "min - max < min", "max + 0 == max",
		"min / -1 == 9223372036854775808", "min % -1 == 0",
		"min / minus == 9223372036854775808", "max * max > max", "min * minus > max",
		"(half + half) + pid == 8", "(half * 2) * pid == 7", "pid * (half * pid) == 24.5",
		"(pid + 1) * (size - 1) + (pid - 1) * (size + 1) == 57342",
		"pid - (pid - (pid - 1)) == 6",
		/* nan and inf */
		"low == -1e999", "low <= -1e999", "!(low < -1e999)", "!(inf > 1e999)",
		"inf >= 1e999", "half > -1e999", "pid < 1e999", "!(max > 1e999)", "min > -1e999",
		"low != inf", "nan != 1", "nan != nan", "inf > big", "-inf < minus", "!(nan < 1)",
		"!(nan >= 1)",
		/* arithmetic */
		"pid + 1 == 8", "pid - 10 == -3", "pid * 2 == 14", "pid / 2 == 3", "pid % 4 == 3",
		"-pid / 2 == -3", "-pid % 4 == -3", "pid / 2.0 == 3.5", "half * 4 == 2",
		"pid % 2.5 == 2", "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "10 - 3 - 2 == 5",
		"100 / 10 / 2 == 5", "- -pid == 7", "2 - -pid == 9", "size & 0x1000 != 0",
		"size & 0xfff == 0", "pid & 3 == 3", "minus & 0xff == 255", "60 * 1s == 1m",
		"size % 4KiB == 0", "pid / -1 == -7", "pid % -1 == 0",
		/* lists */
		"stack has 'main'", "stack has \"work(int)\"", "chain has 0x20", "chain has 32",
		"ints has -2", "ints has pid - 6", "stack =~ '^wor'", "!(stack has 'mai')",
		"!(none has 1)", "!(none =~ '.')", "stack != chain", "ints == ints", "none == none",
		"ints != none", "!(chain =~ '1')", "stack != 'main'",
		/* in */
		"pid in [7]", "pid in [1, 7, 9]", "pid in [1,2,3,4,5,6,7,8,9,10,11]",
		"comm in ['x', 'app']", "comm in [1, 'app']", "half in [1, 0.5]", "7 in [pid, 3]",
		"pid in [size, 14 / 2]", "pid in [nosuch, 7]", "!(pid in ['7', 'app'])",
		"addr in [-1, 0xffffffffffffffff]",
		/* kinds that do not go together */
		"comm != 7", "pid != 'app'", "!(comm == 7)", "!(comm < 7)", "!(comm > 7)",
		"!(pid =~ '7')", "!(pid has 7)", "bytes == \"\\x00\\x01\\x02\"",
		"bytes =~ '\\x02$'", "!(comm + 1 == 8)", "!(comm + 1 != 8)",
		/* missing */
		"!(nosuch == 1)", "!(nosuch != 1)", "!(nosuch < 1)", "!(nosuch == nosuch)",
		"!(nosuch + 1 > 0)", "!(1 / (pid - 7) == 0)", "!(1 % (pid - 7) != 0)",
		"!(half / 0.0 > 0)", "!(nosuch =~ '')", "!(nosuch has 1)", "!(nosuch in [1])",
		"!has(nosuch)", "has(pid)", "has( pid )", "has(.type)", "has(type)",
		"!(half & 1 == 0)", "!(half & 1 != 0)",
		/* precedence */
		"pid == 7 || pid == 8 && pid == 9", "!(pid == 8) && pid == 7", "! pid == 8",
		"!!(pid == 7)", "(pid == 7 || pid == 8) && pid < 8", "((pid)) == (7)",
		"((pid == 7))", "1 == 1", " pid==7 ", "pid\n==\t7", "pid == 7||nosuch == 1",
		"comm == 'app'&&pid == 7" };

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		struct buf no = BUF_INIT;

		if (!holds(yes[i], sample))
			fprintf(stderr, "%s\n", yes[i]);
		CLAIM(holds(yes[i], sample));
		buf_printf(&no, "!(%s)", yes[i]);
		CLAIM(!holds(buf_str(&no), sample));
		buf_free(&no);
	}
	/* a word that is the whole expression */
	CLAIM(holds("sched:sched_switch", "event\tname=sched:sched_switch"));
	CLAIM(!holds("sched:sched_switch", "event\tname=sched:sched_waking"));
	CLAIM(holds(" cpu-clock ", "x\tname=cpu-clock"));
	CLAIM(holds("a.b", "x\tname=a.b"));
	CLAIM(holds("9p:9p_client_req", "event\tname=9p:9p_client_req"));
	CLAIM(holds("ns::f", "span\tname=ns::f"));
	CLAIM(holds("type", "span\tname=type"));
	CLAIM(!holds("app", "sample\tcomm=app"));
	/* and where it has a colon, a part of one */
	CLAIM(holds("sched:sched_switch && cpu == 1", "event\tcpu=1\tname=sched:sched_switch"));
	CLAIM(holds("!(irq:x || sched:y)", "event\tname=sched:sched_switch"));
}

/* ---- errors ---- */

static void
wrong(void)
{
	static const struct {
		const char *text;
		unsigned column;
		const char *says;
	} bad[] = {
		{ "", 1, "an expression is missing" },
		{ " \n", 1, "an expression is missing" },
		{ "pid ==", 7, "it ends where something must follow" },
		{ "pid == ", 7, "it ends where something must follow" },
		{ "a == 1 &&", 10, "it ends where" },
		{ "pid = 7", 5, "= compares nothing: == does" },
		{ "a == 1 | b == 2", 8, "| is no operator: || is" },
		{ "comm ~ 'x'", 6, "~ is no operator: =~ is" },
		{ "a == 1 & b == 2", 14 - 2, "comparisons do not chain" },
		{ "a < b < c", 7, "comparisons do not chain: join them by &&" },
		{ "a in [1] == 2", 10, "comparisons do not chain" },
		{ "a b", 3, "an operator is missing before this" },
		{ "a == 1 and b == 2", 8, "and is written &&" },
		{ "a == 1 or b == 2", 8, "or is written ||" },
		{ "comm !~ 'x'", 6, "(a does not match: !(a =~ \"...\"))" },
		{ "(a == 1", 8, "a ) is missing" },
		{ "a == 1)", 7, "a ) without its (" },
		{ "a == 1]", 7, "a ] without its [" },
		{ "a == 1, b", 7, "a , stands only between [ and ]" },
		{ "5", 1, "a number alone is no condition" },
		{ "'x'", 1, "a string alone is no condition: name == \"...\" is" },
		{ "pid && a == 1", 1,
		    "a field alone is no condition: compare it, or ask has(FIELD)" },
		{ "a == 1 && pid", 11, "a field alone is no condition" },
		{ "!pid", 2, "a field alone is no condition" },
		{ "a + 1", 1, "this is a value, and no condition: compare it" },
		{ "(a == 1) + 2 == 3", 2, "a condition is neither a number nor a string" },
		{ "a == (b == 1)", 7, "a condition is neither" },
		{ "name == sched:x", 9, "as a string it needs quotes" },
		{ "a == 'x", 6, "a string without its closing quote" },
		{ "a == \"x\\\"", 6, "a string without its closing quote" },
		{ "a == 'x\\q'", 8, "an unknown escape" },
		{ "a == 10xs", 8, "an unknown unit" },
		{ "a == 1KX", 7, "an unknown unit" },
		{ "a == 1nsB", 7, "an unknown unit" },
		{ "a == 0x", 6, "not a hex number" },
		{ "a == 0x12345678901234567", 6, "not a hex number of up to 16 digits" },
		{ "a == 18446744073709551616", 6, "more than 64 bits hold" },
		{ "a =~ 'x('", 6, "the regular expression: Unmatched (" },
		{ "a =~ b", 6, "=~ needs a regular expression in quotes" },
		{ "a =~ 7", 6, "=~ needs a regular expression in quotes" },
		{ "7 =~ 'x'", 1, "=~ is for text" },
		{ "a =~ '(x)\\1'", 6, "no back-references" },
		{ "a =~ '((x{99}){99}){99}'", 6, "repeats too much" },
		{ "a =~ '((((((((((((x+)+)+)+)+)+)+)+)+)+)+)+'", 6, "repeats too much" },
		{ "a =~ 'x++++++++++++'", 6, "repeats too much" },
		{ "a =~ '[[:alpha:]](]{3000}'", 6, "repeats too much" },
		{ "pid in 7", 8, "in needs a list: in [1, 2, 3]" },
		{ "pid in []", 9, "is missing before this" },
		{ "pid in [1, 2", 13, "a , or a ] is missing" },
		{ "pid in [1 2]", 11, "a , or a ] is missing" },
		{ "in == 1", 1, "a field of that name is .in" },
		{ "has == 1", 1, "a field of that name is .has" },
		{ "has('x')", 5, "has(FIELD) takes a name without quotes" },
		{ "has(1)", 5, "has(FIELD) takes the name of a field" },
		{ "has(a, b)", 6, "has(FIELD) takes one name: a ) is missing" },
		{ "'x' has 1", 1, "has looks into a list" },
		{ "1 / 0 == 1", 3, "a division by zero" },
		{ "a / (1 - 1) == 1 && 1 % 0 == 1", 23, "a division by zero" },
		{ "1.5 & 1 == 0", 5, "& is for whole numbers" },
		{ "a + 'x' == 1", 5, "arithmetic needs numbers" },
		{ "type + 1 == 1", 1, "arithmetic needs numbers" },
		{ "-'x' == 1", 2, "a string has no minus" },
		{ "a == ==", 6, "a field, a number or a string is missing before this" },
		{ "&& a", 1, "is missing before this" },
		{ "$x == 1", 1, "this begins no number, string, name or operator" },
		{ "\xc3\xa4 == '\xc3\xa4' $", 1, "this begins no" },
		{ "a == '\xc3\xa4' $", 10, "this begins no" },
		{ ".a:b == 1", 1, "the name of a field has no colon" },
		{ "a.b == 1", 2, "an operator is missing before this" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct error e = { "" };
		struct buf column = BUF_INIT;
		const char *line, *caret;

		if (expr_new(slice_of(bad[i].text), &e) != NULL)
			fprintf(stderr, "compiles: %s\n", bad[i].text);
		buf_printf(&column, "column %u: ", bad[i].column);
		if (strncmp(e.text, buf_str(&column), column.n) != 0 ||
		    strstr(e.text, bad[i].says) == NULL)
			fprintf(
			    stderr, "want column %u, %s\n%s\n", bad[i].column, bad[i].says, e.text);
		CLAIM(strncmp(e.text, buf_str(&column), column.n) == 0);
		CLAIM(strstr(e.text, bad[i].says) != NULL);
		line = strchr(e.text, '\n') + 1;
		caret = strchr(line, '\n') + 1;
		CLAIM(strspn(caret, " ") == bad[i].column + 1);
		CLAIM(strcmp(caret + bad[i].column + 1, "^") == 0);
		buf_free(&column);
	}
	/* of a long one, what is around the place */
	for (size_t n = 0; n < 400; n += 7) {
		struct buf text = BUF_INIT;
		struct error e;
		const char *line, *caret;

		for (size_t i = 0; i < n; i++)
			buf_slice(&text, SLICE("\xc3\xa4"));
		buf_char(&text, '$');
		for (size_t i = 0; i < 500 - n; i++)
			buf_char(&text, 'b');
		text.p[0] = n ? '\'' : '$';
		if (n > 0) {
			text.p[1] = 'x';
			text.p[2 * n - 1] = '\'';
			text.p[2 * n - 2] = 'x';
		}
		CLAIM(expr_new(buf_view(&text), &e) == NULL);
		line = strchr(e.text, '\n') + 1;
		caret = strchr(line, '\n') + 1;
		CLAIM(strlen(e.text) < sizeof e.text - 1 && strspn(caret, " ") < 80);
		for (size_t k = strspn(caret, " "); k > 0; line++) /* walk characters */
			k -= ((unsigned char)line[1] & 0xc0) != 0x80;
		CLAIM(*line == '$' && strcmp(caret + strspn(caret, " "), "^") == 0);
		buf_free(&text);
	}
}

/* Depth is bounded, length is not. */
static void
large(void)
{
	struct buf b = BUF_INIT;
	struct error e;
	struct expr *x;

	for (int kind = 0; kind < 4; kind++) {
		b.n = 0;
		for (int i = 0; i < 100000; i++)
			buf_char(&b, "(!-1"[kind]);
		CLAIM(expr_new(buf_view(&b), &e) == NULL);
	}
	b.n = 0;
	buf_slice(&b, SLICE("x == 1"));
	for (int i = 0; i < 100000; i++)
		buf_slice(&b, SLICE(" + y"));
	CLAIM(expr_new(buf_view(&b), &e) == NULL && strstr(e.text, "too long or too deep"));
	b.n = 0;
	buf_slice(&b, SLICE("pid == 1"));
	for (int i = 0; i < 20000; i++)
		buf_printf(&b, " || pid == %d", i + 7);
	x = expr_new(buf_view(&b), &e);
	CLAIM(x != NULL);
	CLAIM(slice_eq(expr_text(x), buf_view(&b)));
	expr_free(x);
	CLAIM(holds(buf_str(&b), "x\tpid=20006"));
	CLAIM(!holds(buf_str(&b), "x\tpid=20007"));
	buf_free(&b);
}

/* ---- laws ---- */

static uint64_t seed = 11;

static unsigned
dice(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((seed >> 33) % n);
}

static const char *const fields[] = { "a", "b", "c", "d", "s", "z", "l", "m", "k", "nosuch" };
static const char *const numbers[] = { "0", "1", "-1", "2", "3", "0.5", "-0.5", "1.5",
	"9223372036854775807", "-9223372036854775808", "9223372036854775808",
	"18446744073709551615", "9007199254740992", "9007199254740993", "9007199254740992.0",
	"9223372036854775808.0", "18446744073709551616.0", "1e300", "0x10",
	"-9223372036854775808.0", "4611686018427387905" };
static const char *const texts[] = { "", "a", "ab", "b", "1", "main", "a b" };

/* A value as it stands in a line, and in an expression. */
static bool ordinary;

static const char *
number(void)
{
	static const char *const small[] = { "0", "1", "-1", "2", "3", "0.5", "1.5", "4.0", "500" };

	if (ordinary)
		return small[dice(9)];
	return numbers[dice(sizeof numbers / sizeof *numbers)];
}

/* Of fields and constants: errors are only those of constants. */
static void
put_arithmetic(struct buf *b, unsigned depth)
{
	if (depth == 0 || dice(3) == 0) {
		if (dice(3))
			buf_printf(b, "%s", fields[dice(ordinary ? 4 : 10)]);
		else
			buf_printf(b, "%s", number());
		return;
	}
	buf_printf(b, dice(8) ? "(" : "-(");
	put_arithmetic(b, depth - 1);
	buf_printf(b, " %c ", "+-*/%&"[dice(6)]);
	put_arithmetic(b, depth - 1);
	buf_char(b, ')');
}

static void
put_value(struct buf *b, unsigned depth)
{
	unsigned kind = dice(depth ? 10 : 6);

	if (kind < 3)
		buf_printf(b, "%s", fields[dice(10)]);
	else if (kind < 5)
		buf_printf(b, "%s", number());
	else if (kind == 5)
		buf_printf(b, "'%s'", texts[dice(7)]);
	else if (kind == 6)
		buf_printf(b, "type");
	else
		put_arithmetic(b, depth);
}

static void
put_condition(struct buf *b, unsigned depth)
{
	static const char *const op[] = { "==", "!=", "<", "<=", ">", ">=" };
	static const char *const regex[] = { "^a", "b$", "^$", "m.*n", "[0-9]" };
	unsigned kind = dice(depth ? 12 : 8);

	switch (kind) {
	case 8:
	case 9:
	case 10:
		buf_char(b, '(');
		put_condition(b, depth - 1);
		for (unsigned i = dice(3) + 1; i > 0; i--) {
			buf_printf(b, kind == 8 ? " || " : " && ");
			put_condition(b, depth - 1);
		}
		buf_char(b, ')');
		break;
	case 11:
		buf_printf(b, "!");
		put_condition(b, depth - 1);
		break;
	case 0:
		buf_printf(b, "has(%s)", fields[dice(10)]);
		break;
	case 1:
		buf_printf(b, "%s =~ '%s'", fields[dice(10)], regex[dice(5)]);
		break;
	case 2:
		buf_printf(b, "%s has ", fields[dice(10)]);
		put_value(b, 0);
		break;
	case 3:
		put_value(b, depth);
		buf_printf(b, " in [");
		for (unsigned i = dice(12); i > 0; i--)
			buf_printf(b, "%s, ", number());
		put_value(b, 0);
		buf_char(b, ']');
		break;
	case 4:
	case 5: /* what loops over columns */
		buf_printf(b, "%s %s %s", fields[dice(4)], op[dice(6)], number());
		break;
	default:
		put_value(b, depth);
		buf_printf(b, " %s ", op[dice(6)]);
		put_value(b, depth);
	}
}

/* Of one shape, and of ordinary numbers. */
static void
put_regular_line(struct buf *b)
{
	buf_printf(b, "x\tt=1\ta=%d\tb=%d\tc=%d.%d\td=0x%x\ts=%s\tl=%s\n", (int)dice(9) - 4,
	    dice(1000), dice(3), dice(4), dice(5), texts[1 + dice(4)], dice(2) ? "a;b;" : "main;");
}

static void
put_line(struct buf *b)
{
	static const char *const types[] = { "x", "y", "span" };
	static const char *const lists[] = { "a;ab;", "main;", "1;2;", "-1;", "0x10;", "", "\\s1;",
		"a b;main;" };

	buf_printf(b, "%s\tt=1", types[dice(3)]);
	for (unsigned i = 0; i < 4; i++)
		if (dice(5))
			buf_printf(b, dice(4) ? "\t%s=%s" : "\t%s=0x%s", fields[i],
			    dice(4) ? number() : "1");
	for (unsigned i = 4; i < 6; i++)
		if (dice(4))
			buf_printf(b, "\t%s=\"%s\"", fields[i], texts[dice(7)]);
	for (unsigned i = 6; i < 9; i++)
		if (dice(3))
			buf_printf(b, "\t%s=%s", fields[i], lists[dice(8)]);
	buf_char(b, '\n');
}

enum { RECORDS = 600 };

/* Lines: as lines, and as frames of about a hundred records, so that there are many blocks. */
static int
frames_of(int lines)
{
	struct trace_reader *r = trace_reader_new(lines);
	int fd = memfd_create("frames", 0);
	struct trace_writer *w = trace_writer_new(fd, TRACE_FRAMES, TRACE_RAW);
	struct trace_record record;
	struct error e;

	for (unsigned n = 1; trace_next(r, &record) == 1; n++) {
		CLAIM(trace_put_record(w, &record) == 0);
		if (n % 97 == 0)
			CLAIM(trace_flush(w) == 0);
	}
	CLAIM(trace_writer_close(w, &e) == 0);
	trace_reader_free(r);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0 && lseek(lines, 0, SEEK_SET) == 0);
	return fd;
}

static size_t
by_records(struct expr *x, int fd, unsigned char *to)
{
	struct trace_reader *r = trace_reader_new(fd);
	struct trace_record record;
	size_t n = 0;

	while (trace_next(r, &record) == 1)
		to[n++] = expr_record(x, &record);
	trace_reader_free(r);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	return n;
}

static size_t
by_rows(struct expr *x, int fd, bool at_once, unsigned char *to)
{
	struct trace_reader *r = trace_reader_new(fd);
	static unsigned char rows[RECORDS];
	struct trace_block *b;
	size_t n = 0;

	while (trace_read(r, &b) == 1) {
		const uint16_t *sequence = trace_sequence(b);
		uint32_t *row = calloc(b->shapes, sizeof *row);

		for (unsigned s = 0; at_once && s < b->shapes; s++) {
			size_t k = n;
			uint32_t at = 0;

			memset(rows, 99, sizeof rows);
			expr_rows(x, b, s, rows);
			for (uint32_t i = 0; i < b->records; i++, k++)
				if ((sequence ? sequence[i] : 0) == s)
					to[k] = rows[at++];
			CLAIM(rows[at] == 99);
		}
		for (uint32_t i = 0; !at_once && i < b->records; i++) {
			unsigned s = sequence ? sequence[i] : 0;

			to[n + i] = expr_row(x, b, s, row[s]++);
		}
		n += b->records;
		free(row);
	}
	trace_reader_free(r);
	CLAIM(lseek(fd, 0, SEEK_SET) == 0);
	return n;
}

static void
laws(bool regular)
{
	static unsigned char a[RECORDS], b[RECORDS], c[RECORDS];
	struct buf lines = BUF_INIT, text = BUF_INIT, opposite = BUF_INIT;
	unsigned some = 0, many = 0;
	int fd, frames;

	ordinary = regular;
	buf_printf(&lines, "#leat 1\n");
	for (unsigned i = 0; i < RECORDS; i++)
		(regular ? put_regular_line : put_line)(&lines);
	fd = file_of(buf_view(&lines));
	frames = frames_of(fd);
	for (unsigned i = 0; i < 400; i++) {
		struct expr *x, *not ;
		struct error e;
		size_t yes = 0;

		text.n = 0;
		put_condition(&text, 3);
		x = expr_new(buf_view(&text), &e);
		if (x == NULL) {
			/* what is generated is wrong only in this way */
			CLAIM(strstr(e.text, "no condition") ||
			      strstr(e.text, "arithmetic needs") || strstr(e.text, "& is for") ||
			      strstr(e.text, "a division by zero") ||
			      strstr(e.text, "number alone"));
			continue;
		}
		CLAIM(by_records(x, fd, a) == RECORDS);
		CLAIM(by_rows(x, fd, true, b) == RECORDS);
		if (memcmp(a, b, RECORDS) != 0)
			fprintf(stderr, "%s\n", buf_str(&text));
		CLAIM(memcmp(a, b, RECORDS) == 0);
		CLAIM(by_rows(x, frames, true, b) == RECORDS && memcmp(a, b, RECORDS) == 0);
		CLAIM(by_rows(x, frames, false, b) == RECORDS && memcmp(a, b, RECORDS) == 0);
		CLAIM(by_records(x, frames, b) == RECORDS && memcmp(a, b, RECORDS) == 0);
		opposite.n = 0;
		buf_printf(&opposite, "!(%s)", buf_str(&text));
		not = compile(buf_str(&opposite));
		CLAIM(by_rows(not, frames, true, c) == RECORDS);
		for (size_t k = 0; k < RECORDS; k++) {
			CLAIM(c[k] == !a[k]);
			yes += a[k];
		}
		some += yes > 0 && yes < RECORDS;
		many++;
		expr_free(not );
		expr_free(x);
	}
	CLAIM(many > 300 && some > many / (regular ? 8 : 4)); /* it is no test of nothing */
	close(fd);
	close(frames);
	buf_free(&lines);
	buf_free(&text);
	buf_free(&opposite);
}

/* Numbers compare as exactly as a long double can tell: 64 bits of mantissa hold all of ours. */
static void
exact(void)
{
	static const char *const op[] = { "==", "!=", "<", "<=", ">", ">=" };
	size_t n = sizeof numbers / sizeof *numbers;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			for (unsigned o = 0; o < 6; o++) {
				long double a = strtold(numbers[i], NULL),
					    b = strtold(numbers[k], NULL);
				bool want[] = { a == b, a != b, a<b, a <= b, a> b, a >= b };
				struct buf line = BUF_INIT, text = BUF_INIT, both = BUF_INIT;

				buf_printf(&line, "x\tp=%s\tq=%s", numbers[i], numbers[k]);
				buf_printf(&text, "p %s %s", op[o], numbers[k]);
				buf_printf(&both, "p %s q", op[o]);
				if (holds(buf_str(&text), buf_str(&line)) != want[o])
					fprintf(stderr, "%s %s\n", buf_str(&line), buf_str(&text));
				CLAIM(holds(buf_str(&text), buf_str(&line)) == want[o]);
				CLAIM(holds(buf_str(&both), buf_str(&line)) == want[o]);
				buf_free(&line);
				buf_free(&text);
				buf_free(&both);
			}
}

/* A field that nobody has is told, those that has() asks for are not. */
static void
unmet(void)
{
	struct expr *x = compile("comm == app || has(zebra) || pid == 3");
	struct trace_field field[] = { { SLICE("comm"), TRACE_STR }, { SLICE("pid"), TRACE_INT } };
	struct trace_shape shape = { SLICE("x"), 0, 1, 1, field };
	union trace_value v[] = { { .s = SLICE("app") }, { .i = 3 } };
	struct slice name;

	CLAIM(!expr_unmet(x, &name));
	expr_record(x, &(struct trace_record){ &shape, v });
	CLAIM(expr_unmet(x, &name) && slice_eq(name, SLICE("app")));
	expr_free(x);
	x = compile("has(zebra) || comm == 'app'");
	expr_record(x, &(struct trace_record){ &shape, v });
	CLAIM(!expr_unmet(x, &name));
	expr_free(x);
	x = compile("zebra == 1 || has(zebra)");
	expr_record(x, &(struct trace_record){ &shape, v });
	CLAIM(expr_unmet(x, &name) && slice_eq(name, SLICE("zebra")));
	/* shapes that come later, and of another reader with the same number */
	field[0].name = SLICE("zebra");
	shape.serial = 2;
	expr_record(x, &(struct trace_record){ &shape, v });
	CLAIM(!expr_unmet(x, &name));
	expr_free(x);
}

int
main(void)
{
	known();
	wrong();
	large();
	exact();
	laws(false);
	laws(true);
	unmet();
	return 0;
}
