/* Who makes a run: one of many, whoever is killed when. */
#include "experiment/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

static const uint64_t LEASE = 60000000000;
static char results[] = "/tmp/leat-claim.XXXXXX";
static struct error e;

static struct slice
name(const char *s)
{
	return slice_of(s);
}

static const char *
path(const char *rest)
{
	static char p[4][512];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(p[i], sizeof p[i], "%s/%s", results, rest);
	return p[i];
}

static bool
there(const char *rest)
{
	return access(path(rest), F_OK) == 0;
}

static void
put(const char *rest, const char *text)
{
	int fd = open(path(rest), O_WRONLY | O_CREAT | O_TRUNC, 0666);

	CLAIM(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static enum claim_state
state(const char *run)
{
	enum claim_state s;

	CLAIM(claim_look(results, name(run), &s, NULL, &e) == 0);
	return s;
}

static int
take(const char *run)
{
	int taken = claim_take(results, name(run), getpid(), LEASE, &e);

	if (taken < 0)
		fprintf(stderr, "%s\n", e.text);
	return taken;
}

static void
nap(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* A process that takes the run, begins it, and waits to be killed. */
static pid_t
maker(const char *run, pid_t *session)
{
	int ready[2], told[2];
	pid_t pid;

	CLAIM(pipe(ready) == 0 && pipe(told) == 0);
	if ((pid = fork()) == 0) {
		char part[64];
		pid_t child;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		CLAIM(take(run) == 1);
		snprintf(part, sizeof part, "part/%s", run);
		CLAIM(mkdir(path(part), 0777) == 0);
		if ((child = fork()) == 0) {
			/* nobody waits for ever for what a test that fails leaves behind */
			alarm(60);
			setsid();
			if (fork() == 0)
				alarm(60);
			else
				CLAIM(write(ready[1], "x", 1) == 1);
			for (;;)
				pause();
		}
		CLAIM(read(ready[0], part, 1) == 1);
		CLAIM(claim_renew(results, name(run), child, LEASE, &e) == 0);
		CLAIM(write(told[1], &child, sizeof child) == sizeof child);
		for (;;)
			pause();
	}
	CLAIM(read(told[0], session, sizeof *session) == sizeof *session);
	for (unsigned i = 0; i < 2; i++) {
		close(ready[i]);
		close(told[i]);
	}
	return pid;
}

static void
one_after_the_other(void)
{
	unsigned attempt;

	CLAIM(state("a.1") == CLAIM_FREE);
	CLAIM(take("a.1") == 1);
	CLAIM(state("a.1") == CLAIM_HELD);
	CLAIM(take("a.1") == 0);
	CLAIM(take("a.2") == 1);
	CLAIM(claim_fail(results, name("a.2"), &attempt, &e) == 0 && attempt == 0);
	CLAIM(state("a.2") == CLAIM_FREE);
	CLAIM(mkdir(path("part/a.1"), 0777) == 0);
	put("part/a.1/of", "first");
	CLAIM(claim_succeed(results, name("a.1"), &e) == 0);
	CLAIM(state("a.1") == CLAIM_DONE);
	CLAIM(there("runs/a.1/of") && !there("part/a.1") && !there("part/a.1.claim"));
	CLAIM(take("a.1") == 0);
	CLAIM(claim_failures(results, name("a.1")) == 0);
}

static void
failures_are_numbered(void)
{
	for (unsigned i = 1; i <= 12; i++) {
		unsigned attempt;

		CLAIM(take("f.1") == 1 && mkdir(path("part/f.1"), 0777) == 0);
		CLAIM(claim_fail(results, name("f.1"), &attempt, &e) == 0);
		CLAIM(attempt == i && claim_failures(results, name("f.1")) == i);
		CLAIM(state("f.1") == CLAIM_FREE);
	}
	CLAIM(there("failed/f.1.12"));
}

static void
again(void)
{
	struct claim_owner owner;
	enum claim_state s;

	CLAIM(claim_look(results, name("a.1"), &s, &owner, &e) == 0 && owner.pid == 0);
	CLAIM(claim_take_as(results, name("a.1"), getpid(), LEASE, CLAIM_AGAIN, &e) == 1);
	/* until the new one takes its place, and is seen to be made */
	CLAIM(claim_look(results, name("a.1"), &s, &owner, &e) == 0);
	CLAIM(s == CLAIM_DONE && owner.pid == getpid());
	CLAIM(claim_take_as(results, name("a.1"), getpid(), LEASE, CLAIM_AGAIN, &e) == 0);
	CLAIM(mkdir(path("part/a.1"), 0777) == 0);
	put("part/a.1/of", "second");
	CLAIM(claim_succeed(results, name("a.1"), &e) == 0);
	CLAIM(there("failed/a.1.1/of") && there("runs/a.1/of") && !there("part/a.1"));
	CLAIM(claim_take_as(results, name("a.1"), getpid(), LEASE, CLAIM_AGAIN, &e) == 1);
	CLAIM(mkdir(path("part/a.1"), 0777) == 0);
	CLAIM(claim_fail(results, name("a.1"), NULL, &e) == 0);
	CLAIM(there("runs/a.1/of") && there("failed/a.1.2") && state("a.1") == CLAIM_DONE);
}

static void
a_killed_maker(void)
{
	struct claim_owner owner;
	enum claim_state s;
	pid_t session, pid = maker("k.1", &session);

	CLAIM(claim_look(results, name("k.1"), &s, &owner, &e) == 0);
	CLAIM(s == CLAIM_HELD && owner.pid == pid && owner.session == session);
	CLAIM(take("k.1") == 0);
	CLAIM(claim_renew(results, name("k.1"), 0, LEASE, &e) < 0);
	CLAIM(strstr(e.text, "has taken the run over"));
	CLAIM(claim_succeed(results, name("k.1"), &e) < 0 && there("part/k.1"));
	kill(pid, SIGKILL);
	/* not waited for yet: it is a zombie, and no maker */
	nap(20);
	CLAIM(state("k.1") == CLAIM_LEFT);
	CLAIM(kill(-session, 0) == 0);
	CLAIM(take("k.1") == 1);
	CLAIM(there("failed/k.1.1") && !there("part/k.1"));
	/* the maker, the command and its child: all were killed, and came to us */
	for (unsigned i = 0; i < 3; i++) {
		int status;

		CLAIM(waitpid(-1, &status, 0) > 0 && WIFSIGNALED(status));
	}
	CLAIM(kill(-session, 0) < 0 && errno == ESRCH);
	CLAIM(claim_fail(results, name("k.1"), NULL, &e) == 0);
}

/* The numbers of a dead maker and its session belong to somebody else by now. */
static void
the_innocent(void)
{
	char text[1024], boot[64] = "";
	struct claim_owner owner;
	enum claim_state s;
	pid_t bystander = fork();
	int status;

	if (bystander == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		for (;;)
			pause();
	}
	nap(20);
	CLAIM(take("i.1") == 1);
	CLAIM(claim_renew(results, name("i.1"), bystander, LEASE, &e) == 0);
	CLAIM(claim_look(results, name("i.1"), &s, &owner, &e) == 0 && s == CLAIM_HELD);
	snprintf(boot, sizeof boot, "%s", owner.boot);
	snprintf(text, sizeof text,
	    "host %s\nboot %s\nspace %llu\npid %d\nstart %llu\nid %s\nsession %d\nsession_start "
	    "%llu\nuntil_ns 9000000000000000000\n",
	    owner.host, boot, (unsigned long long)owner.space, bystander,
	    (unsigned long long)owner.start + 100000, owner.id, bystander,
	    (unsigned long long)owner.session_start - 1);
	put("part/i.1.claim", text);
	CLAIM(state("i.1") == CLAIM_LEFT);
	CLAIM(take("i.1") == 1);
	nap(20);
	CLAIM(waitpid(bystander, &status, WNOHANG) == 0);
	CLAIM(claim_fail(results, name("i.1"), NULL, &e) == 0);
	kill(bystander, SIGKILL);
	waitpid(bystander, NULL, 0);
}

/* Another host's process cannot be looked at: its time decides. */
static void
another_host(void)
{
	put("part/h.1.claim", "host elsewhere\nboot 0\nspace 1\npid 1\nstart 1\nid x\nuntil_ns "
			      "9000000000000000000\n");
	CLAIM(state("h.1") == CLAIM_HELD && take("h.1") == 0);
	put("part/h.1.claim", "host elsewhere\nboot 0\nspace 1\npid 1\nstart 1\nid x\nuntil_ns "
			      "1000000000000000000\n");
	CLAIM(state("h.1") == CLAIM_LEFT && take("h.1") == 1);
	CLAIM(claim_fail(results, name("h.1"), NULL, &e) == 0);
	/* cut off, or written over */
	put("part/h.1.claim", "");
	CLAIM(state("h.1") == CLAIM_LEFT && take("h.1") == 1);
	CLAIM(claim_fail(results, name("h.1"), NULL, &e) == 0);
	CLAIM(mkdir(path("part/h.1"), 0777) == 0);
	CLAIM(state("h.1") == CLAIM_LEFT && take("h.1") == 1 && there("failed/h.1.1"));
	CLAIM(claim_fail(results, name("h.1"), NULL, &e) == 0);
}

/* Whatever stands in a claim, it is one of somebody or of nobody. */
static void
any_bytes(void)
{
	for (unsigned round = 0; round < 2000; round++) {
		static const char *const word[] = { "host ", "boot ", "pid ", "start ", "until_ns ",
			"session ", "\n", "-1", "99999999999999999999", "7", " ", "x", "id " };
		char text[512] = "";
		enum claim_state s;

		for (uint64_t n = unit_draw(20); n > 0; n--)
			strcat(text, word[unit_draw(sizeof word / sizeof *word)]);
		put("part/y.1.claim", text);
		CLAIM(claim_look(results, name("y.1"), &s, NULL, &e) == 0);
		CLAIM(s == CLAIM_LEFT || s == CLAIM_HELD);
	}
}

static void
of_an_ancestor(void)
{
	int status;
	pid_t pid;

	CLAIM(take("p.1") == 1);
	if ((pid = fork()) == 0) {
		CLAIM(take("p.1") == 0);
		CLAIM(claim_take_as(results, name("p.1"), getpid(), LEASE, CLAIM_INHERIT, &e) == 1);
		CLAIM(claim_take_as(results, name("p.1"), getpid(), LEASE, CLAIM_INHERIT, &e) == 0);
		CLAIM(mkdir(path("part/p.1"), 0777) == 0);
		CLAIM(claim_succeed(results, name("p.1"), &e) == 0);
		_exit(0);
	}
	CLAIM(waitpid(pid, &status, 0) == pid && status == 0);
	CLAIM(state("p.1") == CLAIM_DONE);
}

/* Many want the same runs, and some are killed at any moment: each run is made by one at a time, and ends once. */
static void
crowd(void)
{
	enum { MAKERS = 8, RUNS = 6, ROUNDS = 60 };
	pid_t pid[MAKERS] = { 0 };
	unsigned kills = 0, done = 0;
	time_t until = time(NULL) + 60;

	while (done < RUNS && time(NULL) < until) {
		for (unsigned i = 0; i < MAKERS; i++)
			if (pid[i] == 0 && (pid[i] = fork()) == 0) {
				unit_seed += (uint64_t)getpid() * 7919;
				for (unsigned n = 0; n < RUNS; n++) {
					char run[16], part[32], lock[48];
					int taken;

					snprintf(run, sizeof run, "c%u.1",
					    (unsigned)((n + unit_draw(RUNS)) % RUNS));
					taken = take(run);
					CLAIM(taken >= 0);
					if (taken == 0)
						continue;
					snprintf(part, sizeof part, "part/%s", run);
					snprintf(lock, sizeof lock, "part/%s/alone", run);
					CLAIM(mkdir(path(part), 0777) == 0);
					CLAIM(mkdir(path(lock), 0777) == 0);
					nap((long)unit_draw(4));
					CLAIM(rmdir(path(lock)) == 0);
					if (unit_draw(3) == 0)
						CLAIM(claim_succeed(results, name(run), &e) == 0);
					else
						CLAIM(
						    claim_fail(results, name(run), NULL, &e) == 0);
				}
				_exit(0);
			}
		nap((long)unit_draw(6));
		if (kills < ROUNDS) {
			kill(pid[unit_draw(MAKERS)], SIGKILL);
			kills++;
		}
		for (unsigned i = 0; i < MAKERS; i++) {
			int status;

			if (waitpid(pid[i], &status, WNOHANG) == pid[i]) {
				CLAIM(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
							  : status == 0);
				pid[i] = 0;
			}
		}
		done = 0;
		for (unsigned n = 0; n < RUNS && kills >= ROUNDS; n++) {
			char run[16];

			snprintf(run, sizeof run, "c%u.1", n);
			done += state(run) == CLAIM_DONE;
		}
	}
	for (unsigned i = 0; i < MAKERS; i++)
		if (pid[i] > 0)
			CLAIM(waitpid(pid[i], NULL, 0) == pid[i]);
	CLAIM(done == RUNS);
	for (unsigned n = 0; n < RUNS; n++) {
		char part[32];

		snprintf(part, sizeof part, "runs/c%u.1", n);
		CLAIM(there(part));
		snprintf(part, sizeof part, "part/c%u.1", n);
		CLAIM(!there(part));
	}
}

static void
names(void)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "../x" };
	enum claim_state s;

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		CLAIM(claim_look(results, name(bad[i]), &s, NULL, &e) < 0);
		CLAIM(claim_take(results, name(bad[i]), getpid(), LEASE, &e) < 0);
	}
	CLAIM(claim_take("/dev/null/x", name("a.1"), getpid(), LEASE, &e) < 0);
	CLAIM(strstr(e.text, "/dev/null/x: Not a directory"));
}

/* One at a time; and of the killed holder of a turn nothing goes on. */
static void
turns(void)
{
	pid_t holder = fork(), worker;
	int pipefd[2], turn, status;

	if (holder == 0) {
		turn = claim_turn(results, &e);
		CLAIM(turn >= 0);
		nap(150);
		put("held", "");
		claim_turn_end(turn);
		_exit(0);
	}
	nap(50);
	turn = claim_turn(results, &e);
	CLAIM(turn >= 0 && there("held"));
	CLAIM(waitpid(holder, &status, 0) == holder && status == 0);
	claim_turn_end(turn);

	CLAIM(pipe(pipefd) == 0);
	if ((holder = fork()) == 0) {
		struct claim_owner owner;
		char entry[64], *environment[] = { entry, NULL };
		enum claim_state s;

		turn = claim_turn(results, &e);
		CLAIM(turn >= 0 && take("t.1") == 1);
		CLAIM(claim_look(results, name("t.1"), &s, &owner, &e) == 0);
		CLAIM(claim_turn_note(turn, results, name("t.1"), &e) == 0);
		snprintf(entry, sizeof entry, "run_id=%s", owner.id);
		if ((worker = fork()) == 0) {
			setsid(); /* in no session that anybody knows */
			execle("/bin/sleep", "sleep", "100", NULL, environment);
			_exit(1);
		}
		CLAIM(write(pipefd[1], &worker, sizeof worker) == sizeof worker);
		nap(100);
		kill(getpid(), SIGKILL);
	}
	CLAIM(read(pipefd[0], &worker, sizeof worker) == sizeof worker);
	CLAIM(waitpid(holder, &status, 0) == holder);
	CLAIM(kill(worker, 0) == 0);
	turn = claim_turn(results, &e);
	CLAIM(turn >= 0);
	CLAIM(waitpid(worker, &status, 0) == worker && WTERMSIG(status) == SIGKILL);
	claim_turn_end(turn);
	CLAIM(state("t.1") == CLAIM_LEFT);
}

int
main(void)
{
	char command[64];

	/* orphans come to us, so that we see their end */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	CLAIM(mkdtemp(results));
	one_after_the_other();
	failures_are_numbered();
	again();
	a_killed_maker();
	the_innocent();
	another_host();
	any_bytes();
	of_an_ancestor();
	turns();
	crowd();
	names();
	snprintf(command, sizeof command, "rm -rf %s", results);
	return system(command) != 0;
}
