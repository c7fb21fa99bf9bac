/* policy.h - what a machine must be like for a measurement to count
 *
 * A rule is a line NAME OP VALUE about a fact (sys/facts.h):
 *
 *	governor = performance		# comments
 *	turbo=off
 *	load < 0.5
 *	memory >= 16GiB
 *	kernel ~ ^6\.			a regular expression (POSIX, extended), somewhere in the value; !~ for not
 *	clocksource in [tsc, arch_sys_counter]
 *
 * = and != compare as text, as numbers (with k M G, KiB, MiB, ms, s, GHz, % where the fact has that unit), and on = yes = true =
 * enabled = 1. < <= > >= compare numbers, else versions: the first word of both that begins with a digit. A fact that CPUs tell one by one
 * must hold for each. A fact that is told several times must hold each time.
 *
 * Units:     as in sys/facts.h.
 * Ownership: policy_new() to policy_free(); texts are copied.
 * Errors:    policy_add() and policy_read() return -1 with the text, which begins with the place.
 * Source:    own; hints: cpupower(1), sysctl(8), Documentation/admin-guide of Linux 6.1.
 */
#ifndef EXPERIMENT_POLICY_H
#define EXPERIMENT_POLICY_H

#include "base/error.h"
#include "experiment/infos.h"

struct policy;

struct policy *policy_new(void);

/* One rule; nothing where the line is empty or a comment. where: what messages call it. */
int policy_add(struct policy *p, struct slice line, const char *where, struct error *e);

/* All lines of a file's text. */
int policy_read(struct policy *p, struct slice text, const char *path, struct error *e);

/* Appends a line for each rule that does not hold, with what to do where that is known, and returns how many. who: what does
 * not say a fact that is not there ("this machine"). */
size_t policy_check(
    const struct policy *p, const struct infos *infos, const char *who, struct buf *to);

size_t policy_rules(const struct policy *p);

void policy_free(struct policy *p);

/* Part of policy.c in policy_hints.c: appends ": what to do" where it is known how this fact becomes as it should; wanted may
 * be empty where no single value is; way: "<" where the value must be less, ">" more, else "". driver: of cpufreq, or empty. */
void policy_hint(
    struct buf *to, struct slice name, struct slice wanted, const char *way, struct slice driver);

#endif
