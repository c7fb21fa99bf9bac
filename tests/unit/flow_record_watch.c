/* What ends a recording: signals, the command, the processes, a word through a FIFO. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow/record_watch.h"
#include "unit.h"

static sigset_t signals, before;

/* The next word, within five seconds. */
static enum record_watch_word
next(struct record_watch *w)
{
	for (int i = 0; i < 5; i++) {
		enum record_watch_word word;

		poll(w->poll, w->n, 1000);
		word = record_watch_next(w);
		if (word != RECORD_WATCH_NONE)
			return word;
	}
	return RECORD_WATCH_NONE;
}

/* Nothing has come. */
static bool
quiet(struct record_watch *w)
{
	poll(w->poll, w->n, 20);
	return record_watch_next(w) == RECORD_WATCH_NONE;
}

static void
start(struct sys_command *c, const char *script)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };
	struct error e;

	CLAIM(sys_command_prepare(c, argv, &before, false, &e) == 0);
	CLAIM(sys_command_go(c) == 0);
}

static void
of_signals(void)
{
	struct sys_command command;
	struct record_watch w;
	struct error e;

	CLAIM(record_watch_open(&w, &signals, NULL, NULL, NULL, 0, &e) == 0);
	CLAIM(quiet(&w));
	kill(getpid(), SIGTERM);
	CLAIM(next(&w) == RECORD_WATCH_END);
	record_watch_close(&w);

	/* passed on, and the command's end is the end */
	start(&command, "trap 'exit 7' TERM; kill -USR1 $PPID; while :; do sleep 0.01; done");
	CLAIM(record_watch_open(&w, &signals, &command, NULL, NULL, 0, &e) == 0);
	CLAIM(sigtimedwait(&(sigset_t){ { 1ul << (SIGUSR1 - 1) } }, NULL,
		  &(struct timespec){ 5, 0 }) == SIGUSR1);
	kill(getpid(), SIGTERM);
	CLAIM(next(&w) == RECORD_WATCH_END);
	CLAIM(command.ended && sys_command_exit(&command) == 7 && w.interrupts == 1);
	record_watch_close(&w);
	sys_command_free(&command);

	/* the second one does not wait */
	start(&command, "trap '' TERM; kill -USR1 $PPID; exec sleep 60");
	CLAIM(record_watch_open(&w, &signals, &command, NULL, NULL, 0, &e) == 0);
	CLAIM(sigtimedwait(&(sigset_t){ { 1ul << (SIGUSR1 - 1) } }, NULL,
		  &(struct timespec){ 5, 0 }) == SIGUSR1);
	kill(getpid(), SIGTERM);
	CLAIM(quiet(&w));
	kill(getpid(), SIGTERM);
	CLAIM(next(&w) == RECORD_WATCH_END && !command.ended && w.interrupts == 2);
	record_watch_command(&w);
	CLAIM(!command.ended);
	kill(command.pid, SIGKILL);
	CLAIM(next(&w) == RECORD_WATCH_END && command.ended);
	record_watch_close(&w);
	sys_command_free(&command);
}

static void
of_processes(void)
{
	pid_t pid[3] = { fork(), 0, 4194304 };
	struct record_watch w;
	struct error e;

	if (pid[0] == 0)
		pause();
	pid[1] = fork();
	if (pid[1] == 0)
		pause();
	CLAIM(record_watch_open(&w, &signals, NULL, NULL, pid, 3, &e) == 0);
	CLAIM(quiet(&w));
	kill(pid[0], SIGKILL);
	CLAIM(waitpid(pid[0], NULL, 0) == pid[0]);
	CLAIM(quiet(&w));
	kill(pid[1], SIGKILL);
	CLAIM(next(&w) == RECORD_WATCH_END);
	CLAIM(waitpid(pid[1], NULL, 0) == pid[1]);
	record_watch_close(&w);
}

static void
of_words(void)
{
	char dir[] = "/tmp/leat-watch.XXXXXX", fifo[64], ack[64], both[160], answer[32];
	struct sys_control control;
	struct record_watch w;
	struct error e;

	CLAIM(mkdtemp(dir) != NULL);
	snprintf(fifo, sizeof fifo, "%s/control", dir);
	snprintf(ack, sizeof ack, "%s/ack", dir);
	snprintf(both, sizeof both, "%s,%s", fifo, ack);
	CLAIM(mkfifo(fifo, 0600) == 0 && mkfifo(ack, 0600) == 0);
	CLAIM(sys_control_open(&control, both, &e) == 0);
	CLAIM(record_watch_open(&w, &signals, NULL, &control, NULL, 0, &e) == 0);
	CLAIM(quiet(&w));
	CLAIM(write(control.fd, "enable\ndisable\nnonsense\nst", 26) == 26);
	CLAIM(next(&w) == RECORD_WATCH_ENABLE);
	CLAIM(read(control.ack, answer, sizeof answer) == -1 && errno == EAGAIN);
	record_watch_ack(&w);
	CLAIM(record_watch_next(&w) == RECORD_WATCH_DISABLE);
	record_watch_ack(&w);
	CLAIM(record_watch_next(&w) == RECORD_WATCH_NONE);
	CLAIM(write(control.fd, "op\n", 3) == 3);
	CLAIM(next(&w) == RECORD_WATCH_END);
	CLAIM(read(control.ack, answer, sizeof answer) == 16 &&
	      memcmp(answer, "ack\nack\nnak\nack\n", 16) == 0);
	record_watch_close(&w);
	sys_control_close(&control);
	unlink(fifo);
	unlink(ack);
	rmdir(dir);
}

int
main(void)
{
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &before);
	sigprocmask(SIG_BLOCK, &(sigset_t){ { 1ul << (SIGUSR1 - 1) } }, NULL);
	of_signals();
	of_processes();
	of_words();
	return 0;
}
