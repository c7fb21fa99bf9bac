/* tasks.h - the tasks and mappings that existed before anybody listened
 *
 * What /proc says of running processes and of the kernel, in the form in which the kernel tells of new ones. Only
 * executable mappings are told. Build ids are read from the files themselves, through /proc/PID/map_files (which also
 * reaches deleted files and those of containers) or /proc/PID/root, once for each file.
 *
 * Units:     bytes, addresses.
 * Ownership: what a function of the sink is given is good until it returns; sys_tasks_free() releases the memory of
 *            files seen.
 * Errors:    -1 and the text where a task does not exist. What ends meanwhile, or may not be read, is left out, and
 *            counted in `hidden` where rights were missing.
 * Source:    proc(5); /sys/kernel/notes, /sys/module/NAME/notes; modules.dep(5).
 */
#ifndef SYS_TASKS_H
#define SYS_TASKS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "perf/record.h"
#include "sys/buildid.h"
#include "sys/ksyms.h"

struct sys_tasks_sink {
	void (*comm)(const struct perf_comm *comm, void *context);
	void (*mmap)(const struct perf_mmap *mmap, void *context);
	void *context;
};

struct sys_tasks {
	uint64_t hidden;             /* processes whose mappings may not be read */
	struct sys_tasks_file *file; /* private */
	size_t files, cap;
	struct hash_set set;
	struct buf modules; /* private: modules.dep */
};

#define SYS_TASKS_INIT ((struct sys_tasks){ 0 })

/* The tasks of a process, sorted: *tid is the caller's. */
int sys_tasks_of(pid_t pid, pid_t **tid, size_t *tids, struct error *e);

/* The process of a task; -1 where there is no such task. */
pid_t sys_tasks_process(pid_t tid);

/* Tells the names of all tasks of a process (of `only` alone where it is not 0), and its mappings. */
int sys_tasks_tell(
    struct sys_tasks *t, pid_t pid, pid_t only, const struct sys_tasks_sink *sink, struct error *e);

/* The same for all processes. */
int sys_tasks_tell_all(struct sys_tasks *t, const struct sys_tasks_sink *sink, struct error *e);

/* Tells the kernel's text ([kernel.kallsyms]) and its modules, as mappings of pid -1. */
void sys_tasks_tell_kernel(
    struct sys_tasks *t, const struct sys_ksyms *k, const struct sys_tasks_sink *sink);

/* The build id of a file that process pid has mapped under this path, the first time that it is asked for: 1 found,
 * 0 known already or there is none. */
int sys_tasks_buildid(struct sys_tasks *t, pid_t pid, struct slice path, struct sys_buildid *id);

void sys_tasks_free(struct sys_tasks *t);

#endif
