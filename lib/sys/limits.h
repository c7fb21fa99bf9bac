/* limits.h - what the kernel allows to measure, and how fast
 *
 * The kernel lowers the largest rate by itself when sampling takes more of the CPU's time than it may.
 *
 * Units:     Hz, percent, frames.
 * Ownership: none.
 * Errors:    -1 stands for what is not known.
 * Source:    Documentation/admin-guide/sysctl/kernel.rst of Linux 6.1.
 */
#ifndef SYS_LIMITS_H
#define SYS_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct sys_limits {
	int64_t max_rate;    /* kernel.perf_event_max_sample_rate */
	int64_t cpu_percent; /* kernel.perf_cpu_time_max_percent; 0 is no limit */
	int64_t max_stack;   /* kernel.perf_event_max_stack */
	int64_t paranoid;    /* kernel.perf_event_paranoid; may be below 0: see has_paranoid */
	bool has_paranoid;
};

void sys_limits_read(struct sys_limits *limits);

/* Whether this process may measure what runs in the kernel. */
bool sys_may_see_kernel(void);

#endif
