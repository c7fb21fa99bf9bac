/* container.h - the cgroup of a container by its name
 *
 * A container is known by its id, or the beginning of it (6 digits or more), where its cgroup has that in its name: Docker,
 * Podman, containerd, CRI-O, Kubernetes; or by its name, where the cgroup has that (LXC, systemd-nspawn), or where the
 * engine's own files say which id belongs to it, if they may be read: Docker's and containerd's by root, Podman's also by
 * the user whose container it is, those of Kubernetes (pod or container) by all.
 *
 * Cost: a walk over all cgroups.
 *
 * Units:     none.
 * Ownership: the path is the caller's, for free(3).
 * Errors:    NULL with the text where there is none, or more than one; it says what to do.
 * Source:    docker-run(1), podman-run(1), the layout of /var/log/containers of kubelet, systemd-escape(1); own.
 */
#ifndef SYS_CONTAINER_H
#define SYS_CONTAINER_H

#include "base/error.h"

/* The path below where cgroups are mounted. root: NULL or "/" for this machine. */
char *sys_container_find(const char *root, const char *name, struct error *e);

#endif
