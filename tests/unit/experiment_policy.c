/* Operators against what they mean: on numbers in units, on versions, on what CPUs tell one by one. */
#include <string.h>

#include "experiment/policy.h"
#include "unit.h"

/* Whether one rule holds of one fact. */
static bool
holds(const char *rule, struct fact fact)
{
	struct policy *p = policy_new();
	struct infos infos = INFOS_INIT;
	struct buf out = BUF_INIT;
	struct error e;
	size_t failed;

	fact.section = "s";
	fact.name = SLICE("a");
	infos_add(&infos, &fact);
	CLAIM(policy_add(p, slice_of(rule), "here", &e) == 0);
	failed = policy_check(p, &infos, "nobody", &out);
	CLAIM(failed <= 1 && (failed > 0) == (out.n > 0));
	CLAIM(out.n == 0 || out.p[out.n - 1] == '\n');
	policy_free(p);
	infos_free(&infos);
	buf_free(&out);
	return failed == 0;
}

static bool
text(const char *rule, const char *value)
{
	return holds(rule, (struct fact){ .kind = FACT_STR, .s = slice_of(value) });
}

static bool
number(const char *rule, int64_t value, const char *unit)
{
	return holds(rule, (struct fact){ .kind = FACT_INT, .i = value, .unit = unit });
}

/* Each operator says what that of C says, and each pair of opposites disagrees. */
static void
of_numbers(void)
{
	for (int round = 0; round < 2000; round++) {
		int64_t x = (int64_t)unit_draw(40) - 20, y = (int64_t)unit_draw(40) - 20;
		char rule[64];

#define ASK(op, yes)                                                                               \
	(snprintf(rule, sizeof rule, "a %s %lld", op, (long long)y),                               \
	    CLAIM(number(rule, x, NULL) == (yes)))
		ASK("<", x < y);
		ASK("<=", x <= y);
		ASK(">", x > y);
		ASK(">=", x >= y);
		ASK("=", x == y);
		ASK("==", x == y);
		ASK("!=", x != y);
#undef ASK
	}
}

static void
of_units(void)
{
	CLAIM(number("a = 16GiB", 17179869184, "bytes") &&
	      !number("a > 16GiB", 17179869184, "bytes"));
	CLAIM(number("a=16G", 16000000000, "bytes") && number("a<=3.2 GHz", 3200000000, "hz"));
	CLAIM(!number("a<=3.2GHz", 3200000001, "hz") && number("a=800MHz", 800000000, "hz"));
	CLAIM(number("a >= 1h", 3600000000000, "ns") && !number("a > 60m", 3600000000000, "ns"));
	CLAIM(number("a = 25%", 25, "percent") && number("a < 80 C", 79, "celsius"));
	CLAIM(number("a=0x10", 16, NULL) && text("a = 0x0A", "0xa") && text("a < 0x10", "0xa"));
	CLAIM(number("a < unlimited", 5, "bytes") && text("a > 8MiB", "unlimited"));
	CLAIM(text("a >= 5", "max") && !text("a < 5", "max"));
}

static void
of_switches(void)
{
	static const char *const word[2][6] = { { "off", "no", "false", "disabled", "0", "N" },
		{ "on", "yes", "true", "enabled", "1", "Y" } };

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2; k++)
			for (int m = 0; m < 6; m++)
				for (int n = 0; n < 6; n++) {
					char rule[32];

					snprintf(rule, sizeof rule, "a=%s", word[i][m]);
					CLAIM(text(rule, word[k][n]) == (i == k));
				}
	CLAIM(!text("a=on", "performance") && !text("a=performance", "on"));
}

/* Random versions in their order, which is that of their parts, one by one. */
static void
of_versions(void)
{
	for (int round = 0; round < 5000; round++) {
		unsigned x[3], y[3];
		char rule[64], value[64];
		int order = 0;

		for (int i = 0; i < 3; i++) {
			x[i] = (unsigned)unit_draw(round % 2 ? 3 : 30);
			y[i] = (unsigned)unit_draw(round % 2 ? 3 : 30);
			if (order == 0)
				order = (x[i] > y[i]) - (x[i] < y[i]);
		}
		snprintf(value, sizeof value, "tool (of 9.9 mine) v %u.%u.%u-rc", x[0], x[1], x[2]);
		snprintf(rule, sizeof rule, "a < %u.%u.%u", y[0], y[1], y[2]);
		CLAIM(text(rule, value) == (order < 0));
		snprintf(rule, sizeof rule, "a >= %u.%u.%u", y[0], y[1], y[2]);
		CLAIM(text(rule, value) == (order >= 0));
	}
	CLAIM(text("a >= 6.2", "6.18.44-fc") && text("a < 6.2.1", "6.2-1") &&
	      text("a <= 6.2.0", "6.2"));
}

static void
of_patterns_and_lists(void)
{
	CLAIM(text("a ~ ^6\\.", "6.18") && !text("a ~ ^6\\.", "5.6.1") && text("a !~ x", "y"));
	CLAIM(text("a ~ \"a # b\"", "a # b") && text("a =~ (x|y)z", "yz"));
	CLAIM(text("a in [x, y]", "y") && !text("a in [x, y]", "z") && text("a in[x]", "x"));
	CLAIM(text("a in [\"x y\", z]", "x y") && number("a in [1, 2KiB]", 2048, "bytes"));
	CLAIM(text("a=x#y", "x#y") && text("a=x #y", "x") && text("a = x y", "x y"));
}

/* A value of each CPU must hold, and it is told of how many it does not. */
static void
of_cpus(void)
{
	struct policy *p = policy_new();
	struct infos infos = INFOS_INIT;
	struct buf out = BUF_INIT;

	CLAIM(text("a = x", "x@0-3 x@5") && !text("a = x", "x@0-3 y@4") && !text("a = x", "y@4"));
	CLAIM(!text("a=x", "x@") && text("a=x@", "x@") && text("a ~ @", "x@y"));
	CLAIM(holds("a<3GHz",
	    (struct fact){
		.kind = FACT_STR, .s = SLICE("1000000000@0 2000000000@1"), .unit = "hz" }));
	infos_add(&infos, &(struct fact){ .section = "s",
			      .name = SLICE("a"),
			      .kind = FACT_STR,
			      .s = SLICE("x@0-99,200 y@100-101,300,302 z@400") });
	CLAIM(policy_add(p, SLICE("a in [x]"), "here", NULL) == 0);
	CLAIM(policy_check(p, &infos, "nobody", &out) == 1);
	CLAIM(strcmp(buf_str(&out), "a is y on 4, z on 1 of 106 CPUs, none of x\n") == 0);
	policy_free(p);
	infos_free(&infos);
	buf_free(&out);
}

/* Those of b that a does not have, and the other way round, whatever the two are. */
static void
of_differences(void)
{
	for (int round = 0; round < 200; round++) {
		struct infos a = INFOS_INIT, b = INFOS_INIT;
		struct buf out = BUF_INIT, back = BUF_INIT;
		int64_t value[2][26];
		size_t different = 0;

		for (int k = 0; k < 26; k++) {
			char name[2] = { (char)('a' + k), 0 };

			for (int s = 0; s < 2; s++) {
				value[s][k] = (int64_t)unit_draw(3); /* 0: not there */
				if (value[s][k])
					infos_add(s ? &b : &a,
					    &(struct fact){ .section = k < 5 ? "load" : "x",
						.name = slice_of(name),
						.kind = FACT_INT,
						.i = value[s][k] });
			}
			different += k >= 5 && value[0][k] != value[1][k];
		}
		CLAIM(infos_diff(&a, &b, "A", "B", false, &out) == different);
		CLAIM(infos_diff(&b, &a, "B", "A", false, &back) == different);
		CLAIM(out.n == back.n);
		infos_free(&a);
		infos_free(&b);
		buf_free(&out);
		buf_free(&back);
	}
}

int
main(void)
{
	of_numbers();
	of_units();
	of_switches();
	of_versions();
	of_patterns_and_lists();
	of_cpus();
	of_differences();
	return 0;
}
