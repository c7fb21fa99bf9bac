#include "flow/backing_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/num.h"

struct policy {
	struct buf pool; /* the lines, as in the text */
	unsigned pools, rules;
	struct slice known
	    [BACKING_POLICY_POOLS]; /* as the user wrote them: one pool for all rules that say the same */
	struct buf rule;
};

static int
node_bytes(uint64_t node, uint64_t *bytes, struct error *e)
{
	char path[96], *text, *at;
	size_t n;

	snprintf(path, sizeof path, "/sys/devices/system/node/node%llu/meminfo",
	    (unsigned long long)node);
	if (io_slurp(path, &text, &n) < 0)
		return error_set(
		    e, "node=%llu: this machine has no such NUMA node", (unsigned long long)node);
	at = strstr(text, "MemTotal:");
	*bytes = at ? strtoull(at + 9, NULL, 10) << 10 : 0;
	free(text);
	if (*bytes == 0)
		return error_set(e, "node=%llu: this node has no memory", (unsigned long long)node);
	return 0;
}

static int
directory_bytes(const char *dir, uint64_t *bytes, struct error *e)
{
	struct statvfs fs;
	int fd;

	if (strchr(dir, '\n') || strstr(dir, " size="))
		return error_set(e, "path=%s: a path without line feeds and \" size=\"", dir);
	if (dir[0] != '/')
		return error_set(
		    e, "path=%s: an absolute path: the command may change its directory", dir);
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(e, "path=%s: no file can be made there: %s", dir,
		    errno == EISDIR || errno == EOPNOTSUPP ? "the file system has no O_TMPFILE"
							   : strerror(errno));
	*bytes = fstatvfs(fd, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
	close(fd);
	if (*bytes == 0)
		return error_set(e, "path=%s: no room is free there", dir);
	return 0;
}

/* The number of the pool for `node=N` or `path=DIR`, with or without a size. */
static int
add_pool(struct policy *p, struct slice words, unsigned *number, struct error *e)
{
	struct slice rest = words, what = slice_cut(&rest, ','), value = what;
	struct slice name = slice_cut(&value, '=');
	uint64_t bytes = 0, given = 0, node;
	char *dir;
	int result;

	for (*number = 0; *number < p->pools; ++*number)
		if (slice_eq(p->known[*number], words))
			return 0;
	if (p->pools == BACKING_POLICY_POOLS)
		return error_set(e, "more than %d pools", BACKING_POLICY_POOLS);
	while (rest.n > 0) {
		struct slice more = slice_cut(&rest, ','), size = more;

		if (!slice_eq(slice_cut(&size, '='), SLICE("size")) || num_size(size, &given) < 0 ||
		    given < 4096)
			return error_set(
			    e, "\"%.*s\" is not size=BYTES, 4096 or more", SLICE_ARG(more));
	}
	if (slice_eq(name, SLICE("node"))) {
		if (num_u64(value, &node) < 0)
			return error_set(e, "\"%.*s\" is no number of a node", SLICE_ARG(value));
		if (node_bytes(node, &bytes, e) < 0)
			return -1;
		buf_printf(&p->pool, "pool %u node=%llu", p->pools, (unsigned long long)node);
	} else if (slice_eq(name, SLICE("path")) && value.n > 0) {
		dir = xstrndup(value.p, value.n);
		result = directory_bytes(dir, &bytes, e);
		if (result == 0)
			buf_printf(&p->pool, "pool %u path=%s", p->pools, dir);
		free(dir);
		if (result < 0)
			return -1;
	} else {
		return error_set(
		    e, "\"%.*s\" is none of node=N, path=DIR[,size=BYTES]", SLICE_ARG(words));
	}
	buf_printf(&p->pool, " size=%llu\n", (unsigned long long)(given ? given : bytes));
	p->known[p->pools++] = words;
	return 0;
}

static int
add_rule(struct policy *p, struct slice pattern, struct slice words, struct error *e)
{
	unsigned number;

	if (p->rules == BACKING_POLICY_RULES)
		return error_set(e, "more than %d rules", BACKING_POLICY_RULES);
	if (add_pool(p, words, &number, e) < 0)
		return -1;
	buf_printf(&p->rule, "rule %u %.*s\n", number, SLICE_ARG(pattern));
	p->rules++;
	return 0;
}

/* The policy is the last word of a line: names of C++ functions have blanks. */
static int
add_line(struct policy *p, struct slice line, struct error *e)
{
	size_t cut;

	line = slice_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	for (cut = line.n; cut > 0 && line.p[cut - 1] != ' ' && line.p[cut - 1] != '\t'; cut--)
		;
	if (cut == 0)
		return error_set(e, "a rule is SITE-PATTERN POLICY");
	return add_rule(p, slice_trim((struct slice){ line.p, cut }),
	    (struct slice){ line.p + cut, line.n - cut }, e);
}

static int
add_file(struct policy *p, const char *path, char **text, struct error *e)
{
	struct error why;
	unsigned line = 0;
	size_t n;

	if (io_slurp(path, text, &n) < 0)
		return error_set(e, "%s: %s", path, strerror(errno));
	for (struct slice rest = { *text, n }; rest.n > 0;) {
		line++;
		if (add_line(p, slice_cut(&rest, '\n'), &why) < 0)
			return error_set(e, "%s:%u: %s", path, line, why.text);
	}
	if (p->rules == 0)
		return error_set(e, "%s: holds no rule", path);
	return 0;
}

int
backing_policy(const char *policy, uint64_t min, struct buf *text, struct error *e)
{
	struct policy p = { 0 };
	struct slice file = slice_of(policy);
	char *held = NULL;
	int result;

	if (slice_eq(slice_cut(&file, '='), SLICE("rules")))
		result = add_file(&p, policy + 6, &held, e);
	else
		result = add_rule(&p, SLICE("*"), slice_of(policy), e);
	if (result == 0) {
		buf_slice(text, buf_view(&p.pool));
		if (min > 0)
			buf_printf(text, "min %llu\n", (unsigned long long)min);
		buf_slice(text, buf_view(&p.rule));
	}
	buf_free(&p.pool);
	buf_free(&p.rule);
	free(held);
	return result;
}
