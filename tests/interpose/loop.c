/* loop.c - N [close|user]: N times malloc and free, then status 7; without its descriptors, or as another user after exec */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 0;

	if (argc > 2 && strcmp(argv[2], "close") == 0)
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
	if (argc > 2 && strcmp(argv[2], "user") == 0) {
		char *const again[] = { argv[0], argv[1], NULL };

		if (setgid(65534) < 0 || setuid(65534) < 0)
			return 3;
		execv(argv[0], again);
	}
	for (long i = 0; i < n; i++) {
		void *p = malloc(10003);

		__asm__ volatile("" : "+r"(p) : : "memory");
		free(p);
	}
	fputs("done\n", stderr);
	return 7;
}
