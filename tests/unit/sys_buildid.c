/* Build ids: of notes of every padding, of a file, and of nothing else. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "sys/buildid.h"
#include "unit.h"

static size_t
note(unsigned char *to, const char *name, uint32_t type, const void *desc, uint32_t n, size_t align)
{
	size_t at = 12, name_n = strlen(name) + 1;

	memset(to, 0, 128);
	store32(to, (uint32_t)name_n);
	store32(to + 4, n);
	store32(to + 8, type);
	memcpy(to + at, name, name_n);
	at = (at + name_n + align - 1) & ~(align - 1);
	memcpy(to + at, desc, n);
	return (at + n + align - 1) & ~(align - 1);
}

int
main(void)
{
	static const unsigned char want[20] = "0123456789abcdefghi";
	unsigned char bytes[512];
	struct sys_buildid id;

	for (size_t align = 4; align <= 8; align += 4) {
		size_t n = note(bytes, "Linux", 1, "x", 1, align);

		n += note(bytes + n, "GNU", 1, want, 16, align); /* an ABI note: another type */
		n += note(bytes + n, "GNU", 3, want, 20, align);
		CLAIM(sys_buildid_find(bytes, n, align, &id) == 0);
		CLAIM(id.size == 20 && memcmp(id.byte, want, 20) == 0);
		/* cut anywhere: nothing is found, nothing beyond is read */
		for (size_t cut = 0; cut < n - 4; cut++)
			if (sys_buildid_find(bytes, cut, align, &id) == 0)
				CLAIM(id.size == 20 && cut + align > n);
		/* every length that cannot be: no crash */
		for (size_t at = 0; at < n; at++) {
			unsigned char was = bytes[at];

			bytes[at] = 0xff;
			sys_buildid_find(bytes, n, align, &id);
			CLAIM(id.size <= SYS_BUILDID_MAX);
			bytes[at] = was;
		}
	}
	CLAIM(sys_buildid_find("", 0, 4, &id) == -1 && id.size == 0);
	CLAIM(sys_buildid_of_file("/dev/null", &id) == -1);
	CLAIM(sys_buildid_of_file("/no/such/file", &id) == -1);
	CLAIM(sys_buildid_of_file("/proc/self/maps", &id) == -1);
	return 0;
}
