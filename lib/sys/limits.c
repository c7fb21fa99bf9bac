#include "sys/limits.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"

static bool
read_number(const char *path, int64_t *v)
{
	char *text;
	size_t n;
	int r;

	if (io_slurp(path, &text, &n) < 0)
		return false;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	r = num_i64((struct slice){ text, n }, v);
	free(text);
	return r == 0;
}

void
sys_limits_read(struct sys_limits *l)
{
	*l = (struct sys_limits){ -1, -1, -1, -1, false };
	read_number("/proc/sys/kernel/perf_event_max_sample_rate", &l->max_rate);
	read_number("/proc/sys/kernel/perf_cpu_time_max_percent", &l->cpu_percent);
	read_number("/proc/sys/kernel/perf_event_max_stack", &l->max_stack);
	l->has_paranoid = read_number("/proc/sys/kernel/perf_event_paranoid", &l->paranoid);
}

bool
sys_may_see_kernel(void)
{
	struct perf_event_attr dummy = {
		.size = sizeof dummy,
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &dummy, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || (errno != EACCES && errno != EPERM);
}
