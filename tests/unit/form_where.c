/* Rows are chosen as a loop over all conditions would; what is missing is said where there is none. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "form/where.h"
#include "unit.h"

static struct table *
table_of(const struct buf *b, int *fd)
{
	*fd = memfd_create("table", MFD_CLOEXEC);
	CLAIM(*fd >= 0 && write(*fd, b->p, b->n) == (ssize_t)b->n && lseek(*fd, 0, SEEK_SET) == 0);
	return table_new(*fd, NULL, 0);
}

int
main(void)
{
	for (unsigned round = 0; round < 2000; round++) {
		struct where w = WHERE_INIT;
		struct buf b = BUF_INIT;
		struct error e = { .text = "" };
		char text[8][8];
		unsigned n = (unsigned)unit_draw(5), rows = (unsigned)unit_draw(30),
			 wanted[3] = { 0 };
		unsigned kept = 0;
		struct table *t;
		int fd;

		for (unsigned i = 0; i < n; i++) {
			unsigned c = (unsigned)unit_draw(3), v = (unsigned)unit_draw(4);

			snprintf(text[i], sizeof text[i], "%c=%u", 'a' + (int)c, v);
			wanted[c] |= 1u << v;
			CLAIM(where_add(&w, text[i], &e) == 0);
		}
		buf_printf(&b, "a\tb\tc\n");
		for (unsigned i = 0; i < rows; i++)
			buf_printf(&b, "%u\t%u\t%u\n", (unsigned)unit_draw(4),
			    (unsigned)unit_draw(4), (unsigned)unit_draw(4));
		/* Twice: a table begins anew. */
		for (unsigned again = 0; again < 2; again++) {
			t = table_of(&b, &fd);
			/* (numbers alone would be rows, and not names) */
			CLAIM(table_header(t) == 1 && where_table(&w, t, &e) == 0);
			kept = 0;
			while (table_next(t) > 0) {
				bool mine = true;

				for (unsigned c = 0; c < 3; c++)
					mine &= wanted[c] == 0 ||
						(wanted[c] >> (t->cell[c].p[0] - '0') & 1);
				CLAIM(where_row(&w, t) == mine);
				kept += mine;
			}
			CLAIM(w.kept == kept && w.rows == rows);
			e.text[0] = '\0';
			CLAIM(where_end(&w, &e) == (kept == 0 && rows > 0 ? -1 : 0));
			CLAIM((e.text[0] != '\0') == (kept == 0 && rows > 0));
			table_free(t);
			close(fd);
		}
		CLAIM(where_add(&w, "d=1", &e) == 0);
		t = table_of(&b, &fd);
		CLAIM(table_header(t) == 1 && where_table(&w, t, &e) < 0);
		table_free(t);
		close(fd);
		CLAIM(where_add(&w, "a", &e) < 0 && where_add(&w, "=1", &e) < 0);
		where_free(&w);
		buf_free(&b);
	}
	return 0;
}
