#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tool/state.h"

static const uint64_t SECOND = 1000000000, EVERY = 250000000;

static uint64_t began,
    next; /* of the clock below; began 0: not asked yet, next UINT64_MAX: never */
static bool shown;

/* Read at each call, so that the cheapest clock is good enough: it ticks every 1 to 10 ms. */
static uint64_t
coarse_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

void
tool_progress_clear(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}

static void
print_scaled(double n, const char *what)
{
	static const char prefix[] = " kMGT";
	unsigned i = 0;

	for (; n >= 1000 && prefix[i + 1]; i++)
		n /= 1000;
	if (i == 0)
		fprintf(stderr, "%.0f %s", n, what);
	else
		fprintf(stderr, "%.1f %c%s", n, prefix[i], what);
}

void
tool_progress(int fd, uint64_t records, uint64_t bytes)
{
	uint64_t now;
	double seconds;
	struct stat st;
	off_t at;

	if (next == UINT64_MAX)
		return;
	now = coarse_now();
	if (began == 0) {
		began = now;
		next = tool_state.quiet || !isatty(STDERR_FILENO) ? UINT64_MAX : now + SECOND;
		return;
	}
	if (now < next)
		return;
	next = now + EVERY;
	seconds = (double)(now - began) / (double)SECOND;
	fprintf(stderr, "\r\033[Kleat %s: ", tool_state.spec->name);
	print_scaled((double)records, "records, ");
	print_scaled((double)records / seconds, "records/s, ");
	print_scaled((double)bytes, "B");
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (at = lseek(fd, 0, SEEK_CUR)) > 0 && at <= st.st_size) {
		uint64_t left = (uint64_t)(seconds * (double)(st.st_size - at) / (double)at);

		fprintf(stderr, ", %d %%, %" PRIu64 ":%02" PRIu64 " left",
		    (int)(100 * at / st.st_size), left / 60, left % 60);
	}
	fflush(stderr);
	shown = true;
}
