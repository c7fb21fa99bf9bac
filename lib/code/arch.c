#include "code/arch.h"

static const struct arch *const known[] = { &arch_x86_64, &arch_aarch64 };

enum { KNOWN = sizeof known / sizeof *known };

const struct arch *
arch_by_name(struct slice name)
{
	for (int i = 0; i < KNOWN; i++)
		if (slice_eq(name, slice_of(known[i]->name)))
			return known[i];
	return NULL;
}

const struct arch *
arch_by_machine(uint16_t machine)
{
	for (int i = 0; i < KNOWN; i++)
		if (known[i]->machine == machine)
			return known[i];
	return NULL;
}

const char *
arch_names(void)
{
	return "x86_64, aarch64";
}
