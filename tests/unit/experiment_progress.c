/* How far runs are: each state of the directories, run by run, beside what is said of all; retiring; rounds of failures. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiment/progress.h"
#include "experiment/run_values.h"
#include "unit.h"

static char top[] = "/tmp/leat-progress.XXXXXX";

static const char table[] = "factor,level\na,1\na,2\na,3\na,4\nb,x\nb,y\nrepetitions,3\n";

static struct plan *
plan_of_table(void)
{
	struct plan_options options = { 0 };
	struct error e;
	struct plan *p;
	int fd[2];

	CLAIM(pipe(fd) == 0 && write(fd[1], table, sizeof table - 1) == (ssize_t)sizeof table - 1);
	close(fd[1]);
	p = plan_make(fd[0], &options, &e);
	close(fd[0]);
	CLAIM(p && p->runs == 24);
	return p;
}

static void
make_directory(const char *directory, struct slice name, const char *end)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", top, directory);
	CLAIM(mkdir(path, 0777) == 0 || errno == EEXIST);
	snprintf(path, sizeof path, "%s/%s/%.*s%s", top, directory, SLICE_ARG(name), end);
	CLAIM(mkdir(path, 0777) == 0 || errno == EEXIST);
}

static void
write_run(const char *directory, struct slice name, const char *end, const char *settings,
    const char *more)
{
	char path[512];
	FILE *f;

	make_directory(directory, name, end);
	snprintf(path, sizeof path, "%s/%s/%.*s%s/run.leat", top, directory, SLICE_ARG(name), end);
	CLAIM((f = fopen(path, "w")) != NULL);
	/* The record may stand far behind: an environment can be long. */
	fprintf(f, "#leat 1\nstart\tt=1\ttool=run\tclock=monotonic_raw\targv=");
	for (uint64_t i = unit_draw(3) * 2000; i > 0; i--)
		fprintf(f, "run\\tsettings=no;");
	fprintf(f, "\nrun\tt=2\tname=%.*s\tsettings=%s\trep=1\n%send\tt=3\ttool=run\tlost=0\n",
	    SLICE_ARG(name), settings, more);
	CLAIM(fclose(f) == 0);
}

static void
clear(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s/*", top);
	CLAIM(system(command) == 0);
}

static struct progress *
look(const struct plan *p, bool stale)
{
	struct error e = { "" };
	struct progress *progress = progress_look(top, p, stale, &e);

	if (progress == NULL)
		fprintf(stderr, "%s\n", e.text);
	CLAIM(progress);
	return progress;
}

/* A process that has ended, and one that has not. */
static pid_t
child(bool lives)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (lives)
			pause();
		_exit(0);
	}
	CLAIM(pid > 0);
	return pid;
}

static void
check_states(const struct plan *p)
{
	pid_t alive = child(true), dead = child(true);
	enum progress_state want[24];
	unsigned attempts[24];

	for (unsigned round = 0; round < 20; round++) {
		size_t count[PROGRESS_STATES] = { 0 };
		struct progress *progress;
		struct error e = { "" };

		clear();
		for (unsigned i = 0; i < 24; i++) {
			struct slice name = p->run[i].name;
			char end[16];

			attempts[i] = (unsigned)unit_draw(3);
			for (unsigned n = 1; n <= attempts[i]; n++) {
				snprintf(end, sizeof end, ".%u", n);
				make_directory("failed", name, end);
			}
			want[i] = unit_draw(PROGRESS_STATES);
			if (want[i] == PROGRESS_TODO && attempts[i] > 0)
				want[i] = PROGRESS_FAILED;
			if (want[i] == PROGRESS_FAILED && attempts[i] == 0)
				want[i] = PROGRESS_TODO;
			switch (want[i]) {
			case PROGRESS_RUNNING:
				CLAIM(claim_take(top, name, alive, 1000, &e) == 1);
				if (unit_draw(2))
					make_directory("part", name, "");
				break;
			case PROGRESS_KILLED:
				if (unit_draw(2))
					make_directory("part", name, "");
				else
					CLAIM(claim_take(top, name, dead, 1000, &e) == 1);
				break;
			case PROGRESS_DONE:
				if (unit_draw(2))
					make_directory("runs", name, "");
				else
					write_run("runs", name, "", p->run[i].settings.p, "");
				break;
			case PROGRESS_STALE:
				write_run("runs", name, "", unit_draw(2) ? "\"0123\"" : "fedc", "");
				break;
			default:
				break;
			}
			count[want[i]]++;
		}
		make_directory("runs", SLICE("other.1"), "");
		make_directory("failed", SLICE("other"), "");
		make_directory("failed", SLICE("1.x.1.no"), "");
		kill(dead, SIGKILL);
		CLAIM(waitpid(dead, NULL, 0) == dead);
		dead = child(true);
		progress = look(p, true);
		for (unsigned i = 0; i < 24; i++) {
			CLAIM(progress->run[i].state == want[i]);
			CLAIM(progress->run[i].attempts == attempts[i] &&
			      progress->run[i].last == attempts[i]);
		}
		CLAIM(memcmp(count, progress->count, sizeof count) == 0);
		progress_free(progress);
		progress = look(p, false);
		for (unsigned i = 0; i < 24; i++)
			CLAIM(progress->run[i].state ==
			      (want[i] == PROGRESS_STALE ? PROGRESS_DONE : want[i]));
		progress_free(progress);
	}
	kill(alive, SIGKILL);
	kill(dead, SIGKILL);
	clear();
}

static bool
is_there(const char *path)
{
	char all[512];
	struct stat st;

	snprintf(all, sizeof all, "%s/%s", top, path);
	return stat(all, &st) == 0;
}

/* A stale run is there until the new one is; an attempt with other settings is none. */
static void
check_stale(const struct plan *p)
{
	const struct plan_run *run = &p->run[0], *got;
	struct progress *progress;
	struct error e;
	char path[256];

	snprintf(path, sizeof path, "runs/%.*s/run.leat", SLICE_ARG(run->name));
	for (int i = 0; i < 2; i++) {
		if (i == 1)
			write_run("failed", run->name, ".1", "beef", "");
		write_run("runs", run->name, "", "beef", "");
		progress = look(p, true);
		CLAIM(progress->run[0].state == PROGRESS_STALE && progress->run[0].attempts == 0);
		progress_free(progress);
		progress = look(p, i);
		CLAIM(progress_next(progress, getpid(), 1000, 1, &got, &e) == 1 && got == run);
		progress_free(progress);
		CLAIM(is_there(path));
		progress = look(p, true);
		CLAIM(progress->run[0].state == PROGRESS_RUNNING && progress->run[0].again);
		/* it is not given twice */
		CLAIM(progress_next(progress, getpid(), 1000, 1, &got, &e) == 1 && got == run + 1);
		CLAIM(claim_fail(top, got->name, NULL, &e) == 0);
		progress_free(progress);
		write_run("part", run->name, "", run->settings.p, "");
		CLAIM(claim_succeed(top, run->name, &e) == 0);
		progress = look(p, true);
		CLAIM(progress->run[0].state == PROGRESS_DONE && progress->run[0].attempts == 0);
		CLAIM(progress->run[0].kept == 1 + (unsigned)i);
		progress_free(progress);
		clear();
	}
}

/* Without failures each run once, in order; then those that failed, least often first. */
static void
check_next(const struct plan *p)
{
	const struct plan_run *run;
	struct progress *progress;
	struct error e;
	unsigned times[24] = { 0 }, least = 0;

	for (unsigned i = 0; i < 24; i++) {
		progress = look(p, false);
		CLAIM(progress_next(progress, getpid(), 1000, 1, &run, &e) == 1);
		CLAIM(run == &p->run[i] && is_there("part"));
		CLAIM((i % 3 ? claim_succeed(top, run->name, &e)
			     : claim_fail(top, run->name, NULL, &e)) == 0);
		progress_free(progress);
	}
	progress = look(p, false);
	CLAIM(progress_next(progress, getpid(), 1000, 1, &run, &e) == 0);
	CLAIM(progress->count[PROGRESS_FAILED] == 8 && progress->count[PROGRESS_DONE] == 16);
	progress_free(progress);
	for (unsigned i = 0;; i++) {
		int got;

		progress = look(p, false);
		got = progress_next(progress, getpid(), 1000, 3, &run, &e);
		progress_free(progress);
		CLAIM(got >= 0);
		if (got == 0) {
			CLAIM(i == 16);
			break;
		}
		CLAIM((run - p->run) % 3 == 0 && times[run - p->run] >= least);
		least = times[run - p->run]++;
		CLAIM(claim_fail(top, run->name, NULL, &e) == 0);
	}
	clear();
}

static void
check_values(const struct plan *p)
{
	static const struct slice names[] = { SLICE("wall_ns"), SLICE("nothing"), SLICE("ratio") };
	struct slice name = p->run[0].name;
	struct buf reason = BUF_INIT;
	struct progress *progress;
	struct error e;
	double v[3];
	char path[512];

	snprintf(path, sizeof path, "%s/runs/%.*s/run.leat", top, SLICE_ARG(name));
	CLAIM(run_numbers(path, names, 3, v, &e) == 0 && run_settings(path, &reason, &e) == 0);
	write_run("runs", name, "", p->run[0].settings.p,
	    "stat\tt=3\tname=ratio\tvalue=0.25\tsection=values\n"
	    "stat\tt=3\tname=text\tvalue=\"1\"\n"
	    "stat\tt=3\tname=wall_ns\tvalue=18446744073709551615\tunit=ns\n"
	    "stat\tt=3\tname=wall_ns\tvalue=1\tunit=ns\n");
	CLAIM(run_numbers(path, names, 3, v, &e) == 2);
	CLAIM(v[0] == 18446744073709551615.0 && isnan(v[1]) && v[2] == 0.25);
	write_run("failed", name, ".2", "x", "stat\tt=3\tname=exit_status\tvalue=7\n");
	progress_reason(top, name, 1, &reason);
	CLAIM(reason.n == 0);
	progress_reason(top, name, 2, &reason);
	CLAIM(slice_eq(buf_view(&reason), SLICE("exit 7")));
	buf_free(&reason);
	clear();

	progress = look(p, true);
	CLAIM(isnan(progress_eta_ns(progress, &e)));
	progress_free(progress);
	/* 10 of one run, 30 of another: 20 for cells of which nothing is known */
	write_run("runs", SLICE("1.x.1"), "", plan_find(p, SLICE("1.x.1"))->settings.p,
	    "stat\tt=3\tname=wall_ns\tvalue=10\n");
	write_run("runs", SLICE("2.y.3"), "", plan_find(p, SLICE("2.y.3"))->settings.p,
	    "stat\tt=3\tname=wall_ns\tvalue=30\n");
	progress = look(p, true);
	CLAIM(progress_eta_ns(progress, &e) == 2 * 10 + 2 * 30 + 18 * 20);
	progress_free(progress);
	clear();
}

int
main(void)
{
	struct plan *p = plan_of_table();

	CLAIM(mkdtemp(top));
	check_states(p);
	check_stale(p);
	check_next(p);
	check_values(p);
	plan_free(p);
	CLAIM(rmdir(top) == 0);
	return 0;
}
