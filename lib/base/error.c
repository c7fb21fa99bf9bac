#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

int
error_set(struct error *e, const char *format, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, format);
		vsnprintf(e->text, sizeof e->text, format, ap);
		va_end(ap);
	}
	return -1;
}
