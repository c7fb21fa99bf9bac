#include "sys/container.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/slice.h"

enum { DEEP = 24, PATHS_MAX = 8, ID = 64, ID_LEAST = 6 };

struct search {
	const char *root;
	struct slice name;
	char **id; /* that the engines' files give for the name */
	size_t ids, id_cap;
	char *path[PATHS_MAX]; /* different ones that were found */
	size_t paths;
	struct buf refused; /* what could not be read */
};

static bool
is_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdef", s.p[i]))
			return false;
	return s.n > 0;
}

static void
add_id(struct search *s, struct slice id)
{
	GROW(s->id, s->id_cap, s->ids);
	s->id[s->ids++] = xstrndup(id.p, id.n);
}

/* The directory below the root, or NULL; that it may not be read is kept for the message. */
static DIR *
open_dir(struct search *s, const char *path)
{
	struct buf whole = BUF_INIT;
	DIR *dir;

	buf_printf(&whole, "%s%s", s->root, path);
	dir = opendir(buf_str(&whole));
	if (dir == NULL && errno == EACCES)
		buf_printf(&s->refused, "%s%s", s->refused.n ? ", " : "", whole.p);
	buf_free(&whole);
	return dir;
}

static bool
slurp(struct search *s, struct buf *path, char **text, size_t *n)
{
	if (io_slurp(buf_str(path), text, n) == 0)
		return true;
	if (errno == EACCES)
		buf_printf(&s->refused, "%s%s", s->refused.n ? ", " : "", path->p);
	return false;
}

/* A directory for each container, its name the id, with a file that holds one of the texts. */
static void
search_files(struct search *s, const char *dir, const char *file, const char *const *key)
{
	DIR *d = open_dir(s, dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		struct buf path = BUF_INIT, text = BUF_INIT;
		char *content;
		size_t n;

		if (entry->d_name[0] == '.')
			continue;
		buf_printf(&path, "%s%s/%s/%s", s->root, dir, entry->d_name, file);
		if (slurp(s, &path, &content, &n)) {
			for (const char *const *k = key; *k; k++) {
				text.n = 0;
				buf_printf(&text, "%s%.*s\"", *k, SLICE_ARG(s->name));
				if (memmem(content, n, text.p, text.n)) {
					add_id(s, slice_of(entry->d_name));
					break;
				}
			}
			free(content);
		}
		buf_free(&path);
		buf_free(&text);
	}
	if (d)
		closedir(d);
}

/* [{"id":"...","names":["web"], ...}, ...] */
static void
search_podman(struct search *s, const char *home)
{
	struct buf path = BUF_INIT, wanted = BUF_INIT;
	char *text, *at;
	size_t n;

	buf_printf(&path, "%s%s/storage/overlay-containers/containers.json", s->root, home);
	buf_printf(&wanted, "\"%.*s\"", SLICE_ARG(s->name));
	if (slurp(s, &path, &text, &n)) {
		for (at = text; (at = strstr(at, "\"id\":\"")) != NULL;) {
			char *id = at + 6, *end = strchr(id, '"'), *next, *names, *close;

			at = id;
			if (end == NULL)
				break;
			next = strstr(end, "\"id\":\"");
			names = strstr(end, "\"names\":[");
			if (names == NULL || (next && names > next))
				continue;
			close = strchr(names, ']');
			if (close && memmem(names, (size_t)(close - names), wanted.p, wanted.n))
				add_id(s, (struct slice){ id, (size_t)(end - id) });
		}
		free(text);
	}
	buf_free(&path);
	buf_free(&wanted);
}

/* Files POD_NAMESPACE_CONTAINER-ID.log. */
static void
search_logs(struct search *s)
{
	DIR *d = open_dir(s, "/var/log/containers");
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		struct slice rest = slice_of(entry->d_name), pod, id, whole = rest;

		if (rest.n < ID + 6 || !slice_ends(rest, SLICE(".log")))
			continue;
		id = (struct slice){ rest.p + rest.n - 4 - ID, ID };
		rest.n -= 4 + ID + 1;
		whole.n = rest.n;
		pod = slice_cut(&rest, '_');
		slice_cut(&rest, '_');
		if (is_hex(id) &&
		    (slice_eq(pod, s->name) || slice_eq(rest, s->name) || slice_eq(whole, s->name)))
			add_id(s, id);
	}
	if (d)
		closedir(d);
}

static void
search_engines(struct search *s)
{
	static const char *const docker[] = { "\"Name\":\"/", NULL };
	static const char *const containerd[] = { "\"io.kubernetes.cri.container-name\":\"",
		"\"nerdctl/name\":\"", NULL };
	static const char tasks[] = "/run/containerd/io.containerd.runtime.v2.task";
	const char *home = getenv("HOME");
	struct dirent *entry;
	struct buf path = BUF_INIT;
	DIR *d;

	search_files(s, "/var/lib/docker/containers", "config.v2.json", docker);
	search_podman(s, "/var/lib/containers");
	if (home && home[0] == '/') {
		buf_printf(&path, "%s/.local/share/containers", home);
		search_podman(s, buf_str(&path));
	}
	d = open_dir(s, tasks);
	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		path.n = 0;
		buf_printf(&path, "%s/%s", tasks, entry->d_name);
		search_files(s, buf_str(&path), "config.json", containerd);
	}
	if (d)
		closedir(d);
	search_logs(s);
	buf_free(&path);
}

/* "docker-ID.scope" and the like, without what stands around it; \x2d as systemd writes a dash. */
static struct slice
core(char *name)
{
	static const char *const before[] = { "docker-", "libpod-", "cri-containerd-", "crio-",
		"nerdctl-", "lxc.payload.", "machine-", "systemd-nspawn@", "buildkit-" };
	struct slice s;
	char *to = name;

	for (char *from = name; *from; to++) {
		if (strncmp(from, "\\x2d", 4) == 0) {
			*to = '-';
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	s = slice_of(name);
	if (slice_ends(s, SLICE(".scope")))
		s.n -= 6;
	else if (slice_ends(s, SLICE(".service")))
		s.n -= 8;
	for (unsigned i = 0; i < sizeof before / sizeof before[0]; i++)
		if (slice_starts(s, slice_of(before[i]))) {
			s.p += strlen(before[i]);
			s.n -= strlen(before[i]);
			break;
		}
	return s;
}

static bool
matches(const struct search *s, const char *entry)
{
	char *copy = xstrndup(entry, strlen(entry));
	struct slice c = core(copy);
	bool yes = slice_eq(c, s->name) || slice_eq(slice_of(entry), s->name);

	if (c.n == ID && s->name.n >= ID_LEAST && is_hex(s->name) && is_hex(c))
		yes |= slice_starts(c, s->name);
	for (size_t i = 0; i < s->ids && !yes; i++)
		yes = slice_eq(c, slice_of(s->id[i]));
	free(copy);
	return yes;
}

static void
found(struct search *s, const char *path)
{
	for (size_t i = 0; i < s->paths; i++)
		if (strcmp(s->path[i], path) == 0)
			return;
	if (s->paths < PATHS_MAX)
		s->path[s->paths++] = xstrndup(path, strlen(path));
}

/* All below one mount point; what is inside of a container is not looked at. */
static void
walk(struct search *s, const char *mount, struct buf *below, int depth)
{
	struct buf path = BUF_INIT;
	struct dirent *entry;
	size_t n = below->n;
	DIR *d;

	buf_printf(&path, "/sys/fs/cgroup%s%s", mount, buf_str(below));
	d = open_dir(s, buf_str(&path));
	buf_free(&path);
	while (d && depth < DEEP && (entry = readdir(d))) {
		if (entry->d_name[0] == '.' ||
		    (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		buf_printf(below, "/%s", entry->d_name);
		if (matches(s, entry->d_name))
			found(s, buf_str(below) + 1);
		else
			walk(s, mount, below, depth + 1);
		below->n = n;
	}
	if (d)
		closedir(d);
}

/* Version 2 is mounted at the top, or version 1 in a directory for each controller. */
static void
walk_all(struct search *s)
{
	static const char *const one[] = { "/unified", "/memory", "/cpuacct", "/cpu,cpuacct",
		"/pids", "/systemd" };
	struct buf below = BUF_INIT, path = BUF_INIT;
	struct stat st;
	bool any = false;

	for (unsigned i = 0; i < sizeof one / sizeof one[0]; i++) {
		path.n = 0;
		buf_printf(&path, "%s/sys/fs/cgroup%s/cgroup.procs", s->root, one[i]);
		if (stat(buf_str(&path), &st) < 0)
			continue;
		any = true;
		walk(s, one[i], &below, 0);
	}
	if (!any)
		walk(s, "", &below, 0);
	buf_free(&below);
	buf_free(&path);
}

static void
say_many(const struct search *s, struct error *e)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < s->paths; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", s->path[i]);
	error_set(e, "%.*s: %s containers are called so: give one with --cgroup: %s",
	    SLICE_ARG(s->name), s->paths < PATHS_MAX ? "several" : "many", buf_str(&list));
	buf_free(&list);
}

char *
sys_container_find(const char *root, const char *name, struct error *e)
{
	struct search s = { .root = root && strcmp(root, "/") != 0 ? root : "",
		.name = slice_of(name) };
	char *path = NULL;

	if (name[0] == '\0') {
		error_set(e, "an empty name");
		return NULL;
	}
	search_engines(&s);
	walk_all(&s);
	if (s.paths == 1) {
		path = s.path[0];
		s.paths = 0;
	} else if (s.paths > 1) {
		say_many(&s, e);
	} else if (s.ids > 0) {
		error_set(e, "%s: this container does not run (its id is %.12s)", name, s.id[0]);
	} else if (s.refused.n > 0) {
		error_set(e,
		    "%s: no cgroup has that name or id, and who has it stands where only root may "
		    "read (%s): be root, or give the id",
		    name, buf_str(&s.refused));
	} else {
		error_set(e, "%s: no container has that name or id", name);
	}
	for (size_t i = 0; i < s.paths; i++)
		free(s.path[i]);
	for (size_t i = 0; i < s.ids; i++)
		free(s.id[i]);
	free(s.id);
	buf_free(&s.refused);
	return path;
}
