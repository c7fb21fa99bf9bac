// forms.cc - all forms of new and delete, each with its own size, and exceptions that pass the hooks
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

struct alignas(128) wide {
	char bytes[11008];
};

struct narrow {
	char bytes[11003];
};

struct throws {
	char bytes[11005];
	__attribute__((noinline)) throws() { if (bytes[0] != 5 || bytes[1] != 7) throw 5; }
};

static void *volatile keep;

template <class T> static T *
seen(T *p)
{
	keep = (void *)p;
	return p;
}

static int
all_forms(void)
{
	operator delete(seen(operator new(11001)));
	operator delete[](seen(operator new[](11002)));
	delete seen(new narrow);
	delete[] seen(new narrow[2]);
	operator delete(seen(operator new(11004, std::nothrow)), std::nothrow);
	operator delete[](seen(operator new[](11006, std::nothrow)), std::nothrow);
	try {
		seen(new throws);
	} catch (int) {
	}
	operator delete(seen(operator new(11007, std::align_val_t(64))), std::align_val_t(64));
	delete seen(new wide);
	delete[] seen(new wide[3]);
	operator delete[](seen(operator new[](11009, std::align_val_t(64))), std::align_val_t(64));
	operator delete(seen(operator new(11010, std::align_val_t(64), std::nothrow)),
	    std::align_val_t(64), std::nothrow);
	operator delete[](seen(operator new[](11011, std::align_val_t(64), std::nothrow)),
	    std::align_val_t(64), std::nothrow);
	operator delete(seen(operator new(11012)), 11012);
	operator delete[](seen(operator new[](11013)), 11013);
	operator delete(seen(operator new(11014, std::align_val_t(64))), 11014, std::align_val_t(64));
	operator delete[](seen(operator new[](11015, std::align_val_t(64))), 11015, std::align_val_t(64));
	return 0;
}

static volatile size_t huge = (size_t)1 << 62;

__attribute__((noinline)) static int
refused(int n)
{
	int caught = 0;

	for (int i = 0; i < n; i++) {
		try {
			keep = i % 2 ? operator new(huge) : operator new[](huge);
		} catch (const std::bad_alloc &) {
			caught++;
			// after each: the C library's own calls are seen as before
			free(keep = strdup(std::string(11100, 'x').c_str()));
		}
		if (operator new(huge, std::nothrow) == nullptr)
			caught++;
	}
	return caught;
}

static int handlers;

static void
handler(void)
{
	free(keep = malloc(11200));
	if (++handlers == 3)
		std::set_new_handler(nullptr);
}

int
main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "refused")) {
		printf("%d\n", refused(atoi(argv[2])));
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "handler")) {
		std::set_new_handler(handler);
		try {
			keep = operator new(huge);
		} catch (const std::bad_alloc &e) {
			printf("%d %s\n", handlers, e.what());
		}
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "vector")) {
		std::vector<std::string> all;

		for (int i = 0; i < 10007; i++)
			all.push_back(std::string(40, (char)('a' + i % 26)));
		printf("%zu\n", all.size());
		return 0;
	}
	return all_forms();
}
