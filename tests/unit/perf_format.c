/* Formats of tracepoints as several kernels write them, and the fields of raw records. */
#include "unit.h"

#include <string.h>

#include "perf/format.h"

static const char text[] =
    "name: sched_switch\n"
    "ID: 314\n"
    "format:\n"
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
    "\n"
    "\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
    "\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n"
    "\tfield:u8 flag;\toffset:28;\tsize:1;\tsigned:0;\n"
    "\tfield:short s;\toffset:30;\tsize:2;\tsigned:1;\n"
    "\tfield:const void * call_site;\toffset:32;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned long args[3];\toffset:40;\tsize:24;\tsigned:0;\n"
    "\tfield:u8 mac[6];\toffset:64;\tsize:6;\tsigned:0;\n"
    "\tfield:__data_loc char[] name;\toffset:72;\tsize:4;\tsigned:0;\n"
    "\tfield:__rel_loc char[] rel;\toffset:76;\tsize:4;\tsigned:0;\n"
    "\tfield:__data_loc int[] list;\toffset:80;\tsize:4;\tsigned:1;\n"
    "\tfield:char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:1;\n"
    "\tfield:struct foo foo;\toffset:8;\tsize:24;\tsigned:0;\n"
    "\tfield:__data_loc unsigned char[] buf;\toffset:72;\tsize:4;\tsigned:0;\n"
    "\n"
    "print fmt: \"field:%s\", REC->name\n";

static const struct perf_field *
field(const struct perf_format *f, const char *name)
{
	for (unsigned i = 0; i < f->fields; i++)
		if (slice_eq(f->field[i].name, slice_of(name)))
			return &f->field[i];
	CLAIM(!"a field of this name");
	return NULL;
}

static void
good(void)
{
	struct perf_format f;
	struct error e;
	char raw[128] = { 0 };
	struct slice r = { raw, sizeof raw };
	union perf_value v;
	uint32_t loc;

	CLAIM(perf_format_parse(&f, SLICE("sched"), slice_of(text), &e) == 0);
	CLAIM(slice_eq(f.system, SLICE("sched")) && slice_eq(f.name, SLICE("sched_switch")));
	CLAIM(f.id == 314 && f.fields == 13);
	CLAIM(field(&f, "prev_comm")->kind == PERF_FIELD_STR);
	CLAIM(field(&f, "comm")->kind == PERF_FIELD_STR);
	CLAIM(field(&f, "prev_pid")->kind == PERF_FIELD_INT && field(&f, "prev_pid")->is_signed);
	CLAIM(field(&f, "call_site")->kind == PERF_FIELD_ADDR);
	CLAIM(slice_eq(field(&f, "call_site")->type, SLICE("const void *")));
	CLAIM(field(&f, "args")->kind == PERF_FIELD_INTS && field(&f, "args")->item == 8);
	CLAIM(field(&f, "mac")->kind == PERF_FIELD_BYTES);
	CLAIM(field(&f, "name")->kind == PERF_FIELD_STR);
	CLAIM(field(&f, "name")->place == PERF_FIELD_DATA_LOC);
	CLAIM(field(&f, "rel")->place == PERF_FIELD_REL_LOC);
	CLAIM(field(&f, "list")->kind == PERF_FIELD_INTS && field(&f, "list")->item == 4);
	CLAIM(field(&f, "foo")->kind == PERF_FIELD_BYTES);
	CLAIM(field(&f, "buf")->kind == PERF_FIELD_BYTES);

	memcpy(raw + 8, "sixteen letters!", 16);
	memset(raw + 24, 0xff, 4);
	raw[28] = (char)200;
	memset(raw + 30, 0xfe, 2);
	for (int i = 0; i < 3; i++)
		raw[40 + 8 * i] = (char)(i + 1);
	loc = 100 | 6 << 16;
	memcpy(raw + 72, &loc, 4);
	loc = (110 - 80) | 3 << 16;
	memcpy(raw + 76, &loc, 4);
	loc = 116 | 8 << 16;
	memcpy(raw + 80, &loc, 4);
	memcpy(raw + 100, "hello", 6);
	memcpy(raw + 110, "abc", 3);
	memset(raw + 120, 0xff, 4);
	CLAIM(perf_field_read(field(&f, "prev_comm"), r, &v) == 0);
	CLAIM(slice_eq(v.s, SLICE("sixteen letters!")));
	CLAIM(perf_field_read(field(&f, "prev_pid"), r, &v) == 0 && (int64_t)v.u == -1);
	CLAIM(perf_field_read(field(&f, "flag"), r, &v) == 0 && v.u == 200);
	CLAIM(perf_field_read(field(&f, "s"), r, &v) == 0 && (int64_t)v.u == -258);
	CLAIM(perf_field_read(field(&f, "args"), r, &v) == 0 && v.s.n == 24);
	for (uint32_t i = 0; i < 3; i++)
		CLAIM(perf_field_item(field(&f, "args"), v.s, i) == i + 1);
	CLAIM(perf_field_read(field(&f, "name"), r, &v) == 0 && slice_eq(v.s, SLICE("hello")));
	CLAIM(perf_field_read(field(&f, "rel"), r, &v) == 0 && slice_eq(v.s, SLICE("abc")));
	CLAIM(perf_field_read(field(&f, "list"), r, &v) == 0 && v.s.n == 8);
	CLAIM(perf_field_item(field(&f, "list"), v.s, 0) == 0);
	CLAIM((int64_t)perf_field_item(field(&f, "list"), v.s, 1) == -1);
	/* Everything is -1 where the record is too short for it. */
	for (unsigned i = 0; i < f.fields; i++)
		for (size_t n = 0; n < sizeof raw; n++) {
			const struct perf_field *x = &f.field[i];
			int result = perf_field_read(x, (struct slice){ raw, n }, &v);

			CLAIM(result < 0 || n >= x->offset + x->size);
			if (x->kind != PERF_FIELD_INT && x->kind != PERF_FIELD_ADDR && result == 0)
				CLAIM(v.s.p >= raw && v.s.p + v.s.n <= raw + n);
		}
	perf_format_free(&f);
}

static void
bad(const char *what)
{
	struct perf_format f;
	struct error e = { "" };

	CLAIM(perf_format_parse(&f, SLICE(""), slice_of(what), &e) < 0);
	CLAIM(e.text[0] != 0);
}

int
main(void)
{
	good();
	bad("");
	bad("name: x\n");
	bad("ID: 5\n");
	bad("name: x\nID: y\n");
	bad("name: x\nID: 5\n\tfield:int a;\toffset:0;\n");
	bad("name: x\nID: 5\n\tfield:int ;\toffset:0;\tsize:4;\tsigned:0;\n");
	/* Cut anywhere, it is an error or a format. */
	for (size_t n = 0; n < sizeof text; n++) {
		struct perf_format f;

		if (perf_format_parse(&f, SLICE("s"), (struct slice){ text, n }, NULL) == 0)
			perf_format_free(&f);
	}
	return 0;
}
