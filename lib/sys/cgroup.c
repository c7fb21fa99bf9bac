#include "sys/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

int
sys_cgroup_open(const char *name, struct error *e)
{
	static const char *const below[] = { "", "/sys/fs/cgroup/", "/sys/fs/cgroup/perf_event/",
		"/sys/fs/cgroup/unified/" };
	size_t places = name[0] == '/' ? 1 : sizeof below / sizeof below[0];
	struct buf path = BUF_INIT;
	int reason = ENOENT, fd = -1;

	for (size_t i = 0; i < places && fd < 0; i++) {
		path.n = 0;
		buf_printf(&path, "%s%s", below[i], name);
		fd = open(buf_str(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			reason = errno;
	}
	buf_free(&path);
	return fd < 0 ? error_set(e, "%s: %s", name, strerror(reason)) : fd;
}
