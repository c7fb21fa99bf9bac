#include <ctype.h>

#include "base/buf.h"
#include "makefile/makefile.h"
#include "makefile/recipe.h"

enum { DEPTH_MAX = 100, BOTH = 12 /* of a redirection: output and messages, &> */ };

enum token {
	END,
	WORD,
	NEWLINE,
	SEMI,
	CASE_END, /* ;; ;& ;;& */
	BACKGROUND,
	AND,
	OR,
	PIPE,
	OPEN,
	CLOSE,
	INPUT,     /* < <& <<< */
	OUTPUT,    /* > >> >| &> */
	DUPLICATE, /* >& */
	HERE       /* << <<- */
};

struct parser {
	const struct recipe *r;
	const char *p, *end;
	enum token token;
	const char *at;     /* of the token */
	const char *behind; /* of the token before */
	struct buf word;    /* without its quotes */
	bool quoted, strip; /* strip: <<- */
	bool errexit, pipefail;
	bool writes;
	int fd; /* of a redirection */
	struct buf
	    here; /* delimiters of here documents that begin at the next newline, each with a flag and a NUL */
	unsigned depth;
};

/* What a part of a line does, for those who stand around it. */
struct effect {
	bool any;     /* there is one */
	bool safe;    /* its failure is no news, or does not happen */
	bool handled; /* its failure is looked at */
	bool writes;
	struct slice where;
	struct slice pipe; /* the first pipe whose failure is not seen */
};

/* ---- words ---- */

static void
skip_quoted(struct parser *s, char quote)
{
	while (s->p < s->end && *s->p != quote) {
		if (quote == '"' && *s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		buf_char(&s->word, *s->p++);
	}
	s->p += s->p < s->end;
}

/* To the parenthesis that closes, over quotes and others. */
static void
skip_nested(struct parser *s, char open, char close)
{
	unsigned deep = 1;

	while (s->p < s->end && deep > 0) {
		char c = *s->p++;

		if (c == '\\' && s->p < s->end) {
			s->p++;
		} else if (c == '\'' || (c == '"' && open == '(')) {
			const char *from = s->p;

			while (s->p < s->end && *s->p != c)
				s->p += 1 + (c == '"' && *s->p == '\\' && s->p + 1 < s->end);
			/* A quote that nothing closes is a letter. */
			s->p = s->p < s->end ? s->p + 1 : from;
		} else {
			deep += c == open;
			deep -= c == close;
		}
	}
}

static bool
ends_word(char c)
{
	return strchr(" \t\n;&|()<>", c) != NULL;
}

static void
read_word(struct parser *s)
{
	s->word.n = 0;
	s->quoted = false;
	while (s->p < s->end && !(ends_word(*s->p) && *s->p)) {
		char c = *s->p++;

		if (c == '\\') {
			if (s->p < s->end && *s->p == '\n') {
				s->p++;
				continue;
			}
			s->quoted = true;
			if (s->p < s->end)
				buf_char(&s->word, *s->p++);
		} else if (c == '\'' || c == '"') {
			s->quoted = true;
			skip_quoted(s, c);
		} else if (c == '`') {
			s->quoted = true;
			skip_quoted(s, c);
		} else if (c == '$' && s->p < s->end && (*s->p == '(' || *s->p == '{')) {
			const char *from = s->p - 1;
			char open = *s->p++;

			skip_nested(s, open, open == '(' ? ')' : '}');
			buf_put(&s->word, from, (size_t)(s->p - from));
		} else {
			buf_char(&s->word, c);
		}
	}
	s->token = WORD;
}

static bool
is(const struct parser *s, const char *word)
{
	return s->token == WORD && !s->quoted && slice_eq(buf_view(&s->word), slice_of(word));
}

/* ---- tokens ---- */

/* The lines of the here documents that the line before has begun. */
static void
skip_here(struct parser *s)
{
	const char *d = s->here.p, *end = s->here.p + s->here.n;

	while (d < end && s->p < s->end) {
		bool strip = *d++ == '-';
		struct slice word = { d, strlen(d) };

		while (s->p < s->end) {
			const char *lf = memchr(s->p, '\n', (size_t)(s->end - s->p));
			struct slice line = { s->p, (size_t)((lf ? lf : s->end) - s->p) };

			s->p = lf ? lf + 1 : s->end;
			while (strip && line.n > 0 && line.p[0] == '\t')
				line = (struct slice){ line.p + 1, line.n - 1 };
			if (slice_eq(line, word))
				break;
		}
		d += word.n + 1;
	}
	s->here.n = 0;
}

static bool
take(struct parser *s, const char *op)
{
	size_t n = strlen(op);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, op, n) != 0)
		return false;
	s->p += n;
	return true;
}

static void
skip_blanks(struct parser *s)
{
	for (;;) {
		if (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r'))
			s->p++;
		else if (s->end - s->p >= 2 && s->p[0] == '\\' && s->p[1] == '\n')
			s->p += 2;
		else
			break;
	}
	if (s->p < s->end && *s->p == '#')
		while (s->p < s->end && *s->p != '\n')
			s->p++;
}

static void
next(struct parser *s)
{
	static const struct {
		const char *op;
		enum token token;
	} ops[] = { { ";;&", CASE_END }, { ";;", CASE_END }, { ";&", CASE_END }, { ";", SEMI },
		{ "&&", AND }, { "&>>", OUTPUT }, { "&>", OUTPUT }, { "&", BACKGROUND },
		{ "||", OR }, { "|&", PIPE }, { "|", PIPE }, { "(", OPEN }, { ")", CLOSE },
		{ "<<<", INPUT }, { "<<-", HERE }, { "<<", HERE }, { "<&", INPUT }, { "<>", INPUT },
		{ "<", INPUT }, { ">>", OUTPUT }, { ">|", OUTPUT }, { ">&", DUPLICATE },
		{ ">", OUTPUT } };
	const char *digits;

	s->behind = s->p;
	skip_blanks(s);
	s->at = s->p;
	s->fd = -1;
	if (s->p == s->end) {
		s->token = END;
		return;
	}
	if (*s->p == '\n') {
		s->p++;
		s->token = NEWLINE;
		if (s->here.n > 0)
			skip_here(s);
		return;
	}
	/* <(...) and >(...) are words. */
	if (s->end - s->p >= 2 && (*s->p == '<' || *s->p == '>') && s->p[1] == '(') {
		s->p += 2;
		skip_nested(s, '(', ')');
		s->word.n = 0;
		buf_char(&s->word, MAKEFILE_UNKNOWN);
		s->quoted = true;
		s->token = WORD;
		return;
	}
	for (digits = s->p; digits < s->end && isdigit((unsigned char)*digits);)
		digits++;
	if (digits > s->p && digits < s->end && (*digits == '<' || *digits == '>')) {
		s->fd = *s->p - '0';
		s->p = digits;
	}
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (take(s, ops[i].op)) {
			s->token = ops[i].token;
			s->strip = s->token == HERE && ops[i].op[2] == '-';
			if (s->token == OUTPUT && ops[i].op[0] == '&')
				s->fd = BOTH;
			return;
		}
	read_word(s);
}

static void
skip_newlines(struct parser *s)
{
	while (s->token == NEWLINE)
		next(s);
}

/* The text of what began at `from`, up to the token before the present one. */
static struct slice
since(const struct parser *s, const char *from)
{
	struct slice text = { from, s->behind > from ? (size_t)(s->behind - from) : 0 };

	return slice_trim(text);
}

static void
report(struct parser *s, enum recipe_flaw flaw, struct slice where)
{
	s->r->found(s->r->context, flaw, where);
}

/* ---- commands ---- */

static struct effect list(struct parser *s, bool condition);
static struct effect command(struct parser *s);

static bool
is_one_of(struct slice word, const char *const *names)
{
	for (; *names; names++)
		if (slice_eq(word, slice_of(*names)))
			return true;
	return false;
}

static bool
names_target(const struct parser *s, struct slice word)
{
	return s->r->target.n > 0 &&
	       (memchr(word.p, MAKEFILE_TARGET, word.n) != NULL || slice_eq(word, s->r->target));
}

static bool
is_target(const struct parser *s, struct slice word)
{
	return s->r->target.n > 0 &&
	       ((word.n == 1 && word.p[0] == MAKEFILE_TARGET) || slice_eq(word, s->r->target));
}

struct redirections {
	bool file;    /* something is written to a file */
	bool target;  /* which is the target itself */
	bool no_news; /* messages are thrown away: that it may fail is known */
	bool out_to_null;
};

static void
redirection(struct parser *s, struct redirections *r)
{
	enum token op = s->token;
	int fd = s->fd;
	bool strip = s->strip;
	struct slice word;

	next(s);
	if (s->token != WORD)
		return;
	word = buf_view(&s->word);
	if (op == HERE) {
		buf_char(&s->here, strip ? '-' : ' ');
		buf_slice(&s->here, word);
		buf_char(&s->here, '\0');
	} else if (op == DUPLICATE && word.n > 0 &&
		   (word.p[0] == '-' || isdigit((unsigned char)word.p[0]))) {
		r->no_news |= r->out_to_null && fd == 2 && word.p[0] == '1';
	} else if (op == OUTPUT || op == DUPLICATE) {
		bool null = slice_eq(word, SLICE("/dev/null"));

		r->out_to_null |= null && fd != 2;
		r->no_news |= null && (fd == 2 || fd == BOTH || op == DUPLICATE);
		r->file |= !slice_starts(word, SLICE("/dev/"));
		r->target |= is_target(s, word);
	}
	next(s);
}

static bool
is_redirection(const struct parser *s)
{
	return s->token == INPUT || s->token == OUTPUT || s->token == DUPLICATE || s->token == HERE;
}

static bool
is_assignment(struct slice word)
{
	size_t i = 0;

	while (i < word.n && (isalnum((unsigned char)word.p[i]) || word.p[i] == '_'))
		i++;
	return i > 0 && i < word.n && !isdigit((unsigned char)word.p[0]) &&
	       (word.p[i] == '=' || (word.p[i] == '+' && i + 1 < word.n && word.p[i + 1] == '='));
}

/* `set -e`, `set -euo pipefail`, `set +e` ... */
static void
set_option(struct parser *s, struct slice word, struct slice before)
{
	bool on = word.n > 0 && word.p[0] == '-';

	if (word.n > 0 && (on || word.p[0] == '+') && memchr(word.p, 'e', word.n))
		s->errexit = on;
	if (before.n > 0 && memchr(before.p, 'o', before.n) &&
	    (before.p[0] == '-' || before.p[0] == '+')) {
		if (slice_eq(word, SLICE("errexit")))
			s->errexit = before.p[0] == '-';
		if (slice_eq(word, SLICE("pipefail")))
			s->pipefail = before.p[0] == '-';
	}
}

static struct effect
simple(struct parser *s)
{
	static const char *const safe[] = { "echo", "printf", ":", "true", "test", "[", "[[", "set",
		"export", "unset", "trap", "umask", "read", "shift", "exit", "return", "break",
		"continue", "sleep", "kill", "wait", "local", "readonly", "declare", "typeset",
		"let", "shopt", "mkdir", "yes", "return", "false", "tput", "clear", NULL };
	/* A status of 1 of these is an answer. */
	static const char *const ask[] = { "test", "[", "[[", "grep", "egrep", "fgrep", "type",
		"which", "hash", "command", "diff", "cmp", "pgrep", "expr", NULL };
	/* These do not make what they name. */
	static const char *const no_maker[] = { "rm", "rmdir", "mkdir", "chmod", "touch", "echo",
		"printf", "ls", "cat", "strip", "kill", NULL };
	struct effect e = { .any = true };
	struct redirections to = { 0 };
	struct buf name = BUF_INIT, before = BUF_INIT;
	const char *from = s->at;
	bool makes = false, forced = false, tee = false, set = false;
	size_t words = 0;

	while (s->token == WORD || is_redirection(s)) {
		struct slice word = buf_view(&s->word);

		if (is_redirection(s)) {
			redirection(s, &to);
			continue;
		}
		if (words == 0 && is_assignment(word)) {
			next(s);
			continue;
		}
		if (words++ == 0) {
			buf_slice(&name, slice_basename(word));
			tee = slice_eq(buf_view(&name), SLICE("tee"));
			set = slice_eq(buf_view(&name), SLICE("set"));
		} else {
			makes |= names_target(s, word);
			to.target |= tee && is_target(s, word);
			to.file |= tee && word.n > 0 && word.p[0] != '-';
			forced |= word.n > 1 && word.p[0] == '-' && memchr(word.p, 'f', word.n);
			if (set)
				set_option(s, word, buf_view(&before));
			before.n = 0;
			buf_slice(&before, word);
		}
		next(s);
		/* A function's definition: its body is a command of its own, which is not run here. */
		if (words == 1 && s->token == OPEN) {
			next(s);
			if (s->token == CLOSE)
				next(s);
			skip_newlines(s);
			if (s->depth < DEPTH_MAX) {
				s->depth++;
				command(s);
				s->depth--;
			}
			words = 0;
			break;
		}
	}
	e.safe = words == 0 || is_one_of(buf_view(&name), safe) ||
		 (forced && slice_eq(buf_view(&name), SLICE("rm")));
	e.handled = to.no_news || is_one_of(buf_view(&name), ask);
	e.writes =
	    (to.file && !(words == 0 || slice_eq(buf_view(&name), SLICE(":")))) ||
	    (makes && !is_one_of(buf_view(&name), no_maker) && !is_one_of(buf_view(&name), ask));
	s->writes |= e.writes;
	e.where = since(s, from);
	if (to.target && !e.safe)
		report(s, RECIPE_WRITES, e.where);
	buf_free(&name);
	buf_free(&before);
	return e;
}

static void
skip_to_word(struct parser *s, const char *word)
{
	while (s->token != END && !is(s, word))
		next(s);
	next(s);
}

static void
expect(struct parser *s, const char *word)
{
	if (is(s, word))
		next(s);
}

static struct effect
loop_body(struct parser *s)
{
	struct effect e;

	while (s->token == NEWLINE || s->token == SEMI)
		next(s);
	expect(s, "do");
	e = list(s, false);
	expect(s, "done");
	if (e.any && !e.safe && !e.handled && !s->errexit)
		report(s, RECIPE_LOOP, e.where);
	/* (what is wrong with it has been said) */
	e.safe = e.any = true;
	return e;
}

static void
either(struct effect *e, struct effect branch)
{
	e->safe &= branch.safe || branch.handled;
	e->writes |= branch.writes;
}

static struct effect
case_of(struct parser *s)
{
	struct effect e = { .any = true, .safe = true };

	while (s->token != END && !is(s, "in"))
		next(s);
	next(s);
	for (;;) {
		skip_newlines(s);
		if (s->token == END || is(s, "esac"))
			break;
		if (s->token == OPEN)
			next(s);
		while (s->token == WORD || s->token == PIPE)
			next(s);
		if (s->token != CLOSE)
			break;
		next(s);
		either(&e, list(s, false));
		if (s->token == CASE_END)
			next(s);
	}
	expect(s, "esac");
	return e;
}

static struct effect
if_of(struct parser *s)
{
	struct effect e = { .any = true, .safe = true };

	do {
		next(s);
		list(s, true);
		expect(s, "then");
		either(&e, list(s, false));
	} while (is(s, "elif"));
	if (is(s, "else")) {
		next(s);
		either(&e, list(s, false));
	}
	expect(s, "fi");
	return e;
}

/* A compound command, or a simple one. */
static struct effect
command(struct parser *s)
{
	struct effect e;
	struct redirections to = { 0 };
	const char *from = s->at;

	if (s->token == OPEN) {
		bool errexit = s->errexit, pipefail = s->pipefail;

		if (s->p < s->end && *s->p == '(') {
			skip_nested(s, '(', ')');
			next(s);
			return (
			    struct effect){ .any = true, .safe = true, .where = since(s, from) };
		}
		next(s);
		e = list(s, false);
		if (s->token == CLOSE)
			next(s);
		s->errexit = errexit;
		s->pipefail = pipefail;
	} else if (is(s, "{")) {
		next(s);
		e = list(s, false);
		expect(s, "}");
	} else if (is(s, "if")) {
		e = if_of(s);
	} else if (is(s, "while") || is(s, "until")) {
		next(s);
		list(s, true);
		e = loop_body(s);
	} else if (is(s, "for") || is(s, "select")) {
		while (s->token != END && s->token != SEMI && s->token != NEWLINE && !is(s, "do"))
			next(s);
		e = loop_body(s);
	} else if (is(s, "case")) {
		next(s);
		e = case_of(s);
	} else if (is(s, "[[")) {
		skip_to_word(s, "]]");
		e = (struct effect){ .safe = true, .handled = true };
	} else {
		return simple(s);
	}
	e.any = true;
	while (is_redirection(s))
		redirection(s, &to);
	e.where = since(s, from);
	e.handled |= to.no_news;
	e.writes |= to.file;
	s->writes |= to.file;
	if (to.target && !e.safe)
		report(s, RECIPE_WRITES, e.where);
	return e;
}

static struct effect
pipeline(struct parser *s, bool condition)
{
	const char *from = s->at;
	struct effect e;
	bool not = false, safe = true, pipe = false, writes = false;

	while (is(s, "!")) {
		not = true;
		next(s);
	}
	for (;;) {
		e = command(s);
		writes |= e.writes;
		if (s->token != PIPE)
			break;
		pipe = true;
		safe &= e.safe;
		next(s);
		skip_newlines(s);
	}
	e.where = since(s, from);
	e.writes = writes;
	e.handled |= not ;
	e.pipe = (struct slice){ NULL, 0 };
	if (pipe && !safe && !s->pipefail && !condition && !not )
		e.pipe = e.where;
	return e;
}

/* After ||: a command that always ends well. */
static bool
is_noop(const struct effect *e)
{
	static const char *const noop[] = { "true", ":", "/bin/true", "echo", "printf", NULL };
	struct slice rest = e->where, word = slice_cut(&rest, ' ');

	/* (what writes a file instead is no way out, but another way) */
	return !e->writes && (is_one_of(word, noop) || slice_eq(e->where, SLICE("exit 0")));
}

static struct effect
and_or(struct parser *s, bool condition)
{
	const char *from = s->at;
	struct effect e = pipeline(s, condition);

	while (s->token == AND || s->token == OR) {
		bool or = s->token == OR;
		struct effect more;

		next(s);
		skip_newlines(s);
		more = pipeline(s, condition);
		if (or &&is_noop(&more)) {
			if (e.writes && !condition)
				report(s, RECIPE_SWALLOWED, since(s, from));
			e.pipe.n = 0;
		}
		e.handled |= or ;
		e.safe = e.safe && more.safe;
		e.writes |= more.writes;
		if (e.pipe.n == 0)
			e.pipe = more.pipe;
	}
	e.where = since(s, from);
	if (e.pipe.n > 0)
		report(s, RECIPE_PIPE, e.pipe);
	return e;
}

/* Up to what ends the list: a word that closes, a parenthesis, ;; or the end. The effect is that of the last. */
static struct effect
list(struct parser *s, bool condition)
{
	static const char *const closing[] = { "then", "else", "elif", "fi", "do", "done", "esac",
		"}", NULL };
	struct effect last = { .safe = true };
	enum token sep = SEMI;

	if (s->depth++ >= DEPTH_MAX)
		s->p = s->end, s->token = END;
	for (;;) {
		bool newline = sep == NEWLINE;

		while (s->token == NEWLINE || s->token == SEMI) {
			newline |= s->token == NEWLINE;
			next(s);
		}
		if (s->token == END || s->token == CLOSE || s->token == CASE_END ||
		    (s->token == WORD && !s->quoted && is_one_of(buf_view(&s->word), closing)))
			break;
		if (last.any && !last.safe && !last.handled && !condition && !s->errexit &&
		    sep != BACKGROUND)
			report(s, newline ? RECIPE_LINES : RECIPE_UNSEEN, last.where);
		if (s->token != WORD && s->token != OPEN && !is_redirection(s)) {
			next(s); /* no language of a shell */
			continue;
		}
		last = and_or(s, condition);
		sep = s->token;
		if (sep == SEMI || sep == NEWLINE || sep == BACKGROUND)
			next(s);
	}
	s->depth--;
	return last;
}

bool
recipe_read(const struct recipe *r)
{
	struct parser s = { .r = r,
		.p = r->text.p,
		.end = r->text.p + r->text.n,
		.errexit = r->errexit,
		.pipefail = r->pipefail };

	next(&s);
	while (s.token != END) {
		list(&s, false);
		/* A word that closes what is not open. */
		if (s.token != END)
			next(&s);
	}
	buf_free(&s.word);
	buf_free(&s.here);
	return s.writes;
}
