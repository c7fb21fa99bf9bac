/* facts_virtual.c - part of facts.h: which machine, a virtual one? in a container? */
#include <stdio.h>
#include <string.h>

#include "sys/facts_parts.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* By what hypervisors sign with, and by what their firmware says. */
static const struct {
	const char *sign, *name;
} known[] = { { "KVMKVMKVM", "kvm" }, { "Linux KVM Hv", "kvm" }, { "VMwareVMware", "vmware" },
	{ "Microsoft Hv", "hyperv" }, { "XenVMMXenVMM", "xen" }, { "TCGTCGTCGTCG", "qemu" },
	{ "bhyve bhyve ", "bhyve" }, { "VBoxVBoxVBox", "virtualbox" },
	{ " lrpepyh  vr", "parallels" }, { "prl hyperv  ", "parallels" },
	{ "ACRNACRNACRN", "acrn" },
	/* DMI */
	{ "QEMU", "qemu" }, { "VMware, Inc.", "vmware" }, { "innotek GmbH", "virtualbox" },
	{ "Xen", "xen" }, { "Google Compute Engine", "google" }, { "KVM", "kvm" },
	{ "Amazon EC2", "amazon" }, { "BHYVE", "bhyve" },
	{ "Parallels Software International Inc.", "parallels" },
	{ "Apple Virtualization Generic Platform", "apple" }, { "Virtual Machine", "hyperv" },
	{ "OpenStack Nova", "openstack" } };

static const char *
known_name(struct slice s)
{
	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
		if (slice_eq(s, slice_of(known[i].sign)))
			return known[i].name;
	return NULL;
}

static const char *
by_cpuid(void)
{
#if defined(__x86_64__)
	unsigned a, b, c, d;
	char sign[13];

	if (!__get_cpuid(1, &a, &b, &c, &d))
		return NULL;
	if (!(c >> 31))
		return "none";
	__cpuid(0x40000000, a, b, c, d);
	memcpy(sign, &b, 4);
	memcpy(sign + 4, &c, 4);
	memcpy(sign + 8, &d, 4);
	sign[12] = '\0';
	return known_name(slice_of(sign));
#else
	return NULL;
#endif
}

static const char *
by_firmware(struct facts_reader *r)
{
	static const char *const file[] = { "sys/class/dmi/id/sys_vendor",
		"sys/class/dmi/id/product_name", "sys/class/dmi/id/board_vendor",
		"sys/class/dmi/id/bios_vendor", "sys/hypervisor/type" };
	const char *name = NULL;
	struct slice s;

	/* A bare machine of Amazon's says Amazon EC2, too, but its product is called so. */
	if (facts_text(r, &s, "sys/class/dmi/id/product_name") && slice_ends(s, SLICE(".metal")))
		return "none";
	for (unsigned i = 0; i < sizeof file / sizeof file[0] && name == NULL; i++)
		if (facts_text(r, &s, "%s", file[i]))
			name = slice_eq(s, SLICE("xen")) ? "xen" : known_name(s);
	if (name == NULL && facts_text(r, &s, "proc/device-tree/hypervisor/compatible"))
		name = slice_starts(s, SLICE("linux,kvm")) ? "kvm"
		       : slice_starts(s, SLICE("xen"))     ? "xen"
							   : "other";
	return name;
}

/* The kernel shows the bit that a hypervisor sets; of other architectures only that they are not x86 is known. */
static const char *
by_flags(struct facts_reader *r)
{
	struct slice s, flags;

	if (!facts_text(r, &s, "proc/cpuinfo") || !facts_line(s, "flags", &flags))
		return NULL;
	while (flags.n > 0)
		if (slice_eq(slice_cut(&flags, ' '), SLICE("hypervisor")))
			return "other";
	return "none";
}

static void
put_container(struct facts_reader *r)
{
	static const struct {
		const char *part, *name;
	} path[] = { { "kubepods", "kubernetes" }, { "docker", "docker" }, { "libpod", "podman" },
		{ "lxc", "lxc" } };
	const char *name = NULL;
	struct slice s;

	if (facts_text(r, &s, "run/systemd/container") && s.n > 0) {
		facts_put_str(r, "virtual", "container", s);
		return;
	}
	if (facts_text(r, &s, "run/.containerenv"))
		name = "podman";
	else if (facts_text(r, &s, ".dockerenv"))
		name = "docker";
	else if (r->live && facts_text(r, &s, "proc/self/cgroup")) {
		for (unsigned i = 0; i < sizeof path / sizeof path[0] && name == NULL; i++)
			if (memmem(s.p, s.n, path[i].part, strlen(path[i].part)))
				name = path[i].name;
		if (name == NULL)
			name = "none";
	}
	if (name)
		facts_put_str(r, "virtual", "container", slice_of(name));
}

void
facts_virtual(struct facts_reader *r)
{
	static const struct {
		const char *name, *path;
	} dmi[] = { { "machine_vendor", "sys_vendor" }, { "machine", "product_name" },
		{ "bios_version", "bios_version" } };
	const char *flags = by_flags(r), *name = r->live ? by_cpuid() : NULL;
	char path[64];
	struct slice s;

	if (name == NULL && (flags == NULL || strcmp(flags, "none") != 0))
		name = by_firmware(r);
	if (name == NULL)
		name = flags;
	if (name)
		facts_put_str(r, "virtual", "virtualisation", slice_of(name));
	put_container(r);
	for (unsigned i = 0; i < sizeof dmi / sizeof dmi[0]; i++) {
		snprintf(path, sizeof path, "sys/class/dmi/id/%s", dmi[i].path);
		facts_put_file(r, "virtual", dmi[i].name, path, NULL);
	}
	if (facts_text(r, &s, "proc/device-tree/model"))
		facts_put_str(r, "virtual", "machine", s);
}
