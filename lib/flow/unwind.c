#include "flow/unwind.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"
#include "code/perfmap.h"
#include "code/unwind.h"
#include "flow/address_space.h"
#include "flow/images.h"
#include "sys/buildid.h"
#include "sys/ksyms.h"

enum {
	FRAMES_MAX = 4096,        /* of one stack */
	STACKS_BYTES = 48 << 20,  /* of chains and stacks that are remembered */
	ADDRESSES = 1 << 14,      /* slots for addresses that were named */
	JIT_CHECK_NS = 200000000, /* how often a perf map is looked at again */
};

enum why {
	CUT,
	NO_CFI,
	BAD_CFI,
	TOO_DEEP,
	NO_OBJECT,
	BUILD_ID,
	NO_SYMBOL,
	GUESSED,
	NO_STACK,
	BAD_REGS,
	WHYS
};

static const char *const why_name[WHYS] = { "stack-cut", "no-cfi", "bad-cfi", "stack-deep",
	"no-object", "build-id", "no-symbol", "frame-guessed", "no-stack", "bad-regs" };

struct jit {
	int64_t pid;
	uint64_t looked;
	struct perfmap map;
};

/* ---- what is remembered ---- */

struct frame {
	struct slice name, origin;
};

struct stack {
	uint32_t n;
	struct slice *name, *origin; /* root first */
	struct trace_memo name_memo, origin_memo;
	uint64_t hash;
};

struct chain {
	uint64_t serial, hash;
	const uint64_t *addr; /* kernel, then user */
	uint32_t n;
	bool cut, walked;
	bool kernel_unnamed, jit;
	uint64_t symbols;     /* number of sym records when it was named */
	uint64_t jit_changes; /* and of changes of perf maps, where it has names of them */
	uint32_t unnamed[3]; /* frames without an object, with another build id, without a symbol */
	struct stack *stack;
};

struct address { /* a slot */
	uint64_t addr, serial;
	uint32_t first, n; /* in ids; n 0: empty */
	uint8_t why;       /* NO_OBJECT, BUILD_ID, NO_SYMBOL, or WHYS */
	bool jit;
	uint64_t jit_changes;
};

struct plan { /* for a shape of the reader */
	enum { PLAN_UNKNOWN, PLAN_LEDGER, PLAN_STATE, PLAN_PASS, PLAN_STACK } kind;
	unsigned out; /* the writer's shape */
	unsigned fields;
	uint8_t *from;           /* the reader's field of each of the writer's; STACK, ORIGIN */
	uint8_t *kinds;          /* of each of the writer's */
	const uint64_t **column; /* of the reader's fields, in the block of this number */
	uint64_t block;
	int pid, chain, ip, regs, ustack;
};

enum { STACK = 254, ORIGIN = 255, FIELDS_MAX = 250 };

struct flow_unwind {
	struct flow_unwind_options options;
	struct address_space space;
	struct images images;
	struct sys_ksyms running; /* the symbols of this kernel, where it is the trace's */
	bool running_asked;
	struct jit *jit;
	size_t jits, jit_cap;
	struct unwind walker;
	struct space *walked; /* whose addresses the walker asks for */

	struct arena stacks_arena, names_arena;
	struct chain *chain;
	size_t chains, chain_cap;
	struct stack **stack;
	size_t stacks, stack_cap;
	struct frame *frame;
	size_t frames, frame_cap;
	struct hash_set chain_set, stack_set, frame_set;
	struct address *address; /* [ADDRESSES] */
	uint32_t *ids;
	size_t ids_n, ids_cap;

	struct plan *plan;
	size_t plans, plan_cap;
	struct seen { /* by list of the present block */
		uint64_t block, serial;
		uint32_t chain;
	} * seen;
	size_t seen_cap;
	uint64_t block;        /* number of the present block, from 1 */
	uint64_t block_number; /* the same, but not changed by forget() */
	uint64_t present;      /* serial of that block */

	bool jitted;      /* the stack being named has frames whose names come from a perf map */
	bool jit_missing; /* or should, but are not there yet */
	uint64_t jit_changes;
	uint64_t at[2 * FRAMES_MAX];
	uint32_t leaf_first[8 * FRAMES_MAX];
	union trace_value value[256];
	uint64_t lost[WHYS];
};

/* ---- what the walker asks ---- */

static struct object *
debug_file(void *names)
{
	return names_debug(names);
}

static bool
walker_find(void *context, uint64_t addr, struct unwind_place *place)
{
	struct flow_unwind *u = context;
	const struct space_map *map = u->walked ? space_find(u->walked, addr) : NULL;
	struct image *i;
	uint64_t vaddr;

	if (map == NULL)
		return false;
	i = images_of(&u->images, &u->space, map);
	if (image_vaddr(i, map, addr, &vaddr) < 0)
		return true;
	if (i->rules == NULL) {
		i->rules = unwind_rules_new(i->object, u->walker.arch);
		unwind_rules_debug(i->rules, debug_file, i->names);
	}
	place->rules = i->rules;
	place->bias = addr - vaddr;
	return true;
}

static bool
walker_read(void *context, uint64_t addr, void *to, size_t n)
{
	struct flow_unwind *u = context;
	const struct space_map *map = u->walked ? space_find(u->walked, addr) : NULL;
	struct slice bytes;
	uint64_t vaddr;

	if (map == NULL ||
	    image_vaddr(images_of(&u->images, &u->space, map), map, addr, &vaddr) < 0)
		return false;
	bytes = object_bytes(images_of(&u->images, &u->space, map)->object, vaddr);
	if (bytes.n < n)
		return false;
	memcpy(to, bytes.p, n);
	return true;
}

/* ---- names of addresses ---- */

static uint64_t
frame_hash(struct slice name, struct slice origin)
{
	return hash_mix(hash_bytes(name.p, name.n), (uint64_t)(uintptr_t)origin.p);
}

static uint64_t
frame_rehash(const void *context, uint32_t item)
{
	const struct flow_unwind *u = context;

	return frame_hash(u->frame[item].name, u->frame[item].origin);
}

/* The number of a frame; origin is one of a few strings that stay, and is told apart by its place. */
static uint32_t
frame_number(struct flow_unwind *u, struct slice name, struct slice origin)
{
	uint64_t hash = frame_hash(name, origin);

	for (struct hash_probe at = hash_first(&u->frame_set, hash); hash_found(&u->frame_set, &at);
	     hash_next(&u->frame_set, &at))
		if (u->frame[at.item].origin.p == origin.p &&
		    slice_eq(u->frame[at.item].name, name))
			return at.item;
	GROW(u->frame, u->frame_cap, u->frames);
	u->frame[u->frames] = (struct frame){ arena_copy(&u->names_arena, name), origin };
	hash_add(&u->frame_set, hash, (uint32_t)u->frames, frame_rehash, u);
	return (uint32_t)u->frames++;
}

static void
add_id(struct flow_unwind *u, uint32_t id)
{
	GROW(u->ids, u->ids_cap, u->ids_n);
	u->ids[u->ids_n++] = id;
}

/* A symbol of code made at run time, or NULL. */
static const struct symbol *
jit_symbol(struct flow_unwind *u, int64_t pid, uint64_t addr, bool *map_there)
{
	const struct symbol *found;
	struct jit *j = NULL;
	char path[256];
	uint64_t now;
	int status;

	for (size_t i = 0; i < u->jits; i++)
		if (u->jit[i].pid == pid)
			j = &u->jit[i];
	if (j == NULL) {
		GROW(u->jit, u->jit_cap, u->jits);
		j = &u->jit[u->jits++];
		*j = (struct jit){ .pid = pid, .map = PERFMAP_INIT };
	}
	found = symbols_find(&j->map.symbols, addr);
	now = io_now_ns();
	if (found == NULL && (j->looked == 0 || now - j->looked > JIT_CHECK_NS)) {
		j->looked = now;
		if (u->images.symfs)
			snprintf(path, sizeof path, "%s/tmp/perf-%lld.map", u->images.symfs,
			    (long long)pid);
		else
			snprintf(path, sizeof path, "/proc/%lld/root/tmp/perf-%lld.map",
			    (long long)pid, (long long)pid);
		status = perfmap_update(&j->map, path);
		if (status < 0 && u->images.symfs == NULL) {
			snprintf(path, sizeof path, "/tmp/perf-%lld.map", (long long)pid);
			status = perfmap_update(&j->map, path);
		}
		u->jit_changes += status > 0;
		found = symbols_find(&j->map.symbols, addr);
	}
	*map_there = j->map.read > 0;
	return found;
}

/* Names a user address: its frames go to ids. Returns the reason why it has no name, or WHYS. */
static enum why
name_user(struct flow_unwind *u, struct space *space, uint64_t addr)
{
	const struct space_map *map = space ? space_find(space, addr) : NULL;
	const struct names_frame *frame;
	struct image *i;
	uint64_t vaddr;
	size_t n = 0;

	if (map == NULL) {
		add_id(u, frame_number(u, SLICE("[unknown]"), SLICE("u:[unknown]")));
		return NO_OBJECT;
	}
	i = images_of(&u->images, &u->space, map);
	if (i->state == IMAGE_ANONYMOUS) {
		bool there;
		const struct symbol *s = jit_symbol(u, map->pid, addr, &there);

		u->jitted = true;
		if (s) {
			add_id(u, frame_number(u, s->name, SLICE("j:[jit]")));
			return WHYS;
		}
		u->jit_missing = true;
		if (there)
			add_id(u, frame_number(u, SLICE("[jit]"), SLICE("j:[jit]")));
		else
			add_id(u, frame_number(u, i->unnamed, i->origin[IMAGE_USER]));
		return NO_SYMBOL;
	}
	if (i->state == IMAGE_OPEN && image_vaddr(i, map, addr, &vaddr) == 0)
		n = names_find(i->names, vaddr, u->options.inlines, &frame);
	for (size_t k = 0; k < n; k++)
		add_id(u, frame_number(u, frame[k].name,
			      i->origin[frame[k].inlined ? IMAGE_INLINED : IMAGE_USER]));
	if (n > 0)
		return WHYS;
	add_id(u, frame_number(u, i->unnamed, i->origin[IMAGE_USER]));
	return i->state == IMAGE_MISMATCH  ? BUILD_ID
	       : i->state == IMAGE_MISSING ? NO_OBJECT
					   : NO_SYMBOL;
}

/* "[ext4]" is ext4.ko, and the rest the kernel proper. */
static struct slice
kernel_origin(struct flow_unwind *u, struct slice object)
{
	struct slice origin;
	char name[256];

	if (object.n == 0 || slice_starts(object, SLICE("[kernel")))
		return SLICE("k:[kernel]");
	if (object.n > 2 && object.p[0] == '[' && object.p[object.n - 1] == ']')
		snprintf(name, sizeof name, "k:%.*s.ko", (int)object.n - 2, object.p + 1);
	else if (slice_ends(object, SLICE(".ko")))
		snprintf(name, sizeof name, "k:%.*s", SLICE_ARG(slice_basename(object)));
	else
		snprintf(name, sizeof name, "k:%.*s.ko", SLICE_ARG(slice_basename(object)));
	origin = slice_of(name);
	/* One place for each: look among the frames for it. */
	for (size_t i = 0; i < u->frames; i++)
		if (slice_eq(u->frame[i].origin, origin))
			return u->frame[i].origin;
	return arena_copy(&u->names_arena, origin);
}

/* Loads the symbols of the running kernel, if the trace is of it, and since the same boot (text at the same place). */
static void
ask_running_kernel(struct flow_unwind *u)
{
	const struct address_space_object *kernel = NULL;
	struct space *space = spaces_of(&u->space.spaces, -1);
	struct sys_buildid own;
	uint64_t text = 0;
	struct error e;

	u->running_asked = true;
	if (space == NULL || u->images.symfs || u->images.vmlinux.object)
		return;
	for (size_t i = 0; i < space->maps && kernel == NULL; i++)
		if (slice_starts(u->space.object[space->map[i].object].path, SLICE("[kernel"))) {
			kernel = &u->space.object[space->map[i].object];
			text = space->map[i].start;
		}
	if (kernel == NULL || kernel->buildid.n == 0 ||
	    sys_buildid_of_notes("/sys/kernel/notes", &own) < 0)
		return;
	if (!slice_eq(kernel->buildid, (struct slice){ (const char *)own.byte, own.size }))
		return;
	if (sys_ksyms_load(&u->running, "/proc/kallsyms", &e) == 0 &&
	    text != sys_ksyms_address(&u->running, SLICE("_text")) &&
	    text != sys_ksyms_address(&u->running, SLICE("_stext"))) {
		sys_ksyms_free(&u->running);
		u->running = SYS_KSYMS_INIT;
	}
}

static enum why
name_kernel(struct flow_unwind *u, uint64_t addr)
{
	const struct space_symbol *s = space_symbols_find(&u->space.symbols, addr);
	const struct names_frame *frame;
	const struct space_map *map;
	struct space *space;
	struct sys_ksym own;
	struct slice path;
	size_t n;

	if (s && s->name.n > 0) {
		add_id(u, frame_number(u, s->name, kernel_origin(u, s->object)));
		return WHYS;
	}
	if (!u->running_asked)
		ask_running_kernel(u);
	if (u->running.entries > 0 && sys_ksyms_find(&u->running, addr, &own) >= 0) {
		add_id(u, frame_number(u, own.name, kernel_origin(u, own.module)));
		return WHYS;
	}
	space = spaces_of(&u->space.spaces, -1);
	map = space ? space_find(space, addr) : NULL;
	path = map ? u->space.object[map->object].path : SLICE("");
	if (u->images.vmlinux.object && (map == NULL || slice_starts(path, SLICE("[kernel")))) {
		/* The kernel may have been moved as it booted: its text begins where it is mapped. */
		uint64_t moved = map ? map->start - u->images.vmlinux.object->text : 0;

		n = names_find(u->images.vmlinux.names, addr - moved, u->options.inlines, &frame);
		for (size_t k = 0; k < n; k++)
			add_id(u, frame_number(u, frame[k].name, SLICE("k:[kernel]")));
		if (n > 0)
			return WHYS;
	}
	if (map && path.n > 0 && path.p[0] == '/') {
		struct slice base = slice_basename(path);
		struct buf name = BUF_INIT;

		buf_printf(&name, "[%.*s]", SLICE_ARG(base));
		add_id(u, frame_number(u, buf_view(&name), kernel_origin(u, base)));
		buf_free(&name);
	} else {
		add_id(u, frame_number(u, SLICE("[kernel]"), SLICE("k:[kernel]")));
	}
	return NO_SYMBOL;
}

static const struct address *
name_address(struct flow_unwind *u, struct space *space, uint64_t addr)
{
	bool kernel = arch_is_kernel(addr), was = u->jitted, missing = u->jit_missing;
	uint64_t serial = kernel ? UINT64_MAX : space ? space->serial : 0;
	struct address *a = &u->address[(addr ^ addr >> 14 ^ serial << 6) & (ADDRESSES - 1)];

	if (a->n > 0 && a->addr == addr && a->serial == serial &&
	    (!a->jit || a->jit_changes == u->jit_changes)) {
		u->jitted |= a->jit;
		return a;
	}
	*a = (struct address){ .addr = addr, .serial = serial, .first = (uint32_t)u->ids_n };
	u->jitted = u->jit_missing = false;
	a->why = (uint8_t)(kernel ? name_kernel(u, addr) : name_user(u, space, addr));
	a->n = (uint32_t)(u->ids_n - a->first);
	a->jit = u->jitted;
	a->jit_changes = u->jit_changes;
	if (u->jit_missing || (kernel && a->why != WHYS))
		a->serial = UINT64_MAX - 1; /* its name may come later: ask again */
	u->jitted |= was;
	u->jit_missing |= missing;
	return a;
}

/* ---- stacks ---- */

static void
forget(struct flow_unwind *u)
{
	u->chains = u->stacks = 0;
	hash_clear(&u->chain_set);
	hash_clear(&u->stack_set);
	arena_reset(&u->stacks_arena);
	memset(u->address, 0, ADDRESSES * sizeof *u->address);
	u->ids_n = 0;
	u->block++; /* what this block has seen is gone too */
}

static uint64_t
stack_rehash(const void *context, uint32_t item)
{
	const struct flow_unwind *u = context;

	return u->stack[item]->hash;
}

static uint64_t
chain_rehash(const void *context, uint32_t item)
{
	const struct flow_unwind *u = context;

	return u->chain[item].hash;
}

/* The stack of these frames, leaf first. */
static struct stack *
stack_of(struct flow_unwind *u, const uint32_t *id, uint32_t n)
{
	uint64_t hash = hash_bytes(id, n * sizeof *id);
	struct stack *s;

	for (struct hash_probe at = hash_first(&u->stack_set, hash); hash_found(&u->stack_set, &at);
	     hash_next(&u->stack_set, &at)) {
		uint32_t i = 0;

		s = u->stack[at.item];
		if (s->n != n)
			continue;
		while (i < n && s->name[n - 1 - i].p == u->frame[id[i]].name.p &&
		       s->origin[n - 1 - i].p == u->frame[id[i]].origin.p)
			i++;
		if (i == n)
			return s;
	}
	s = arena_alloc(&u->stacks_arena, sizeof *s);
	*s = (struct stack){ .n = n, .hash = hash };
	s->name = arena_alloc(&u->stacks_arena, n * sizeof *s->name);
	s->origin = arena_alloc(&u->stacks_arena, n * sizeof *s->origin);
	for (uint32_t i = 0; i < n; i++) {
		s->name[n - 1 - i] = u->frame[id[i]].name;
		s->origin[n - 1 - i] = u->frame[id[i]].origin;
	}
	GROW(u->stack, u->stack_cap, u->stacks);
	u->stack[u->stacks] = s;
	hash_add(&u->stack_set, hash, (uint32_t)u->stacks, stack_rehash, u);
	u->stacks++;
	return s;
}

/* Names a chain. Its addresses are u->at-like: lookup addresses if walked, else as the kernel gave them. */
static void
name_chain(struct flow_unwind *u, struct space *space, struct chain *c, uint32_t kernels)
{
	uint32_t n = 0, max = 8 * FRAMES_MAX - 1;

	c->kernel_unnamed = false;
	c->symbols = u->space.symbols.order;
	c->jit_changes = u->jit_changes;
	memset(c->unnamed, 0, sizeof c->unnamed);
	u->jitted = u->jit_missing = false;
	for (uint32_t i = 0; i < c->n; i++) {
		/* The leaf, and where the kernel was entered, are exact; the rest are return addresses. */
		bool exact = i == 0 || i == kernels || (c->walked && i > kernels);
		uint64_t addr = c->addr[i] - !exact;
		const struct address *a = name_address(u, space, addr);

		if (a->why != WHYS) {
			c->unnamed[a->why - NO_OBJECT]++;
			c->kernel_unnamed |= i < kernels;
		}
		for (uint32_t k = 0; k < a->n && n < max; k++)
			u->leaf_first[n++] = u->ids[a->first + k];
	}
	if (n == 0 && !c->cut) {
		u->leaf_first[n++] = frame_number(u, SLICE("[unknown]"), SLICE("u:[unknown]"));
		c->unnamed[NO_SYMBOL - NO_OBJECT]++;
	}
	if (c->cut)
		u->leaf_first[n++] = frame_number(u, SLICE("[cut]"), SLICE("u:[cut]"));
	c->stack = stack_of(u, u->leaf_first, n);
	c->jit = u->jitted;
	if (u->jit_missing) {
		c->symbols = UINT64_MAX; /* never the same again */
		c->kernel_unnamed = true;
	}
}

/* Whether names that were not there yet, or that change, are as they were. */
static bool
is_current(const struct flow_unwind *u, const struct chain *c)
{
	return (!c->kernel_unnamed || c->symbols == u->space.symbols.order) &&
	       (!c->jit || c->jit_changes == u->jit_changes);
}

/* The number of the chain addr[0..n), of which `kernels` are the kernel's. */
static uint32_t
chain_of(struct flow_unwind *u, struct space *space, const uint64_t *addr, uint32_t n,
    uint32_t kernels, bool walked, bool cut)
{
	uint64_t serial = space && n > kernels ? space->serial : 0;
	uint64_t hash =
	    hash_mix(hash_bytes(addr, n * sizeof *addr), serial << 2 | walked << 1 | cut);
	struct chain *c = NULL;
	uint64_t *copy;

	for (struct hash_probe at = hash_first(&u->chain_set, hash); hash_found(&u->chain_set, &at);
	     hash_next(&u->chain_set, &at)) {
		c = &u->chain[at.item];
		if (c->hash == hash && c->serial == serial && c->n == n && c->cut == cut &&
		    c->walked == walked && memcmp(c->addr, addr, n * sizeof *addr) == 0) {
			if (!is_current(u, c))
				name_chain(u, space, c, kernels);
			return at.item;
		}
	}
	if (u->stacks_arena.total + u->chains * sizeof *c + u->ids_n * sizeof *u->ids >
	    STACKS_BYTES)
		forget(u);
	GROW(u->chain, u->chain_cap, u->chains);
	c = &u->chain[u->chains];
	copy = arena_alloc(&u->stacks_arena, n * sizeof *copy);
	if (n > 0)
		memcpy(copy, addr, n * sizeof *copy);
	*c = (struct chain){
		.serial = serial, .hash = hash, .addr = copy, .n = n, .cut = cut, .walked = walked
	};
	name_chain(u, space, c, kernels);
	hash_add(&u->chain_set, hash, (uint32_t)u->chains, chain_rehash, u);
	return (uint32_t)u->chains++;
}

static uint32_t
kernel_part(const uint64_t *addr, uint32_t n)
{
	uint32_t k = 0;

	while (k < n && arch_is_kernel(addr[k]))
		k++;
	return k;
}

/* ---- records ---- */

static const struct arch *
arch_of(struct flow_unwind *u, uint32_t regs)
{
	if (u->space.arch)
		return u->space.arch->regs == regs ? u->space.arch : NULL;
	if (regs == arch_x86_64.regs)
		return &arch_x86_64;
	return regs == arch_aarch64.regs ? &arch_aarch64 : NULL;
}

/* In the middle of an execve, a task has no user part: its registers are 0, or those of the program that is gone, and the
 * new program's stack is not where they say. */
static bool
is_bare(struct flow_unwind *u, struct space *space, const uint64_t *regs, struct slice dump)
{
	uint64_t pc = regs[u->walker.arch->pc];

	return pc == 0 || (dump.n == 0 && (space == NULL || space_find(space, pc) == NULL));
}

static uint32_t
walk(struct flow_unwind *u, struct space *space, struct trace_list kernel, struct trace_list regs,
    struct slice dump)
{
	uint32_t k = kernel_part(kernel.u, kernel.n < FRAMES_MAX ? kernel.n : FRAMES_MAX);
	size_t n;

	if (k > 0)
		memcpy(u->at, kernel.u, k * sizeof *u->at);
	if (k > 0 && is_bare(u, space, regs.u, dump))
		return chain_of(u, space, u->at, k, k, true, false);
	u->walked = space;
	n = unwind_walk(
	    &u->walker, space ? space->serial : 0, regs.u, dump.p, dump.n, u->at + k, FRAMES_MAX);
	u->lost[GUESSED] += u->walker.guesses;
	switch (u->walker.end) {
	case UNWIND_CUT:
		u->lost[CUT]++;
		break;
	case UNWIND_NO_CFI:
		u->lost[NO_CFI]++;
		break;
	case UNWIND_DAMAGED:
		u->lost[BAD_CFI]++;
		break;
	case UNWIND_FULL:
		u->lost[TOO_DEEP]++;
		break;
	case UNWIND_NO_OBJECT: /* counted as a frame without an object */
	case UNWIND_ROOT:
	case UNWIND_ENDS:
		break;
	}
	return chain_of(u, space, u->at, k + (uint32_t)n, k, true, u->walker.end != UNWIND_ROOT);
}

static int
index_of(const struct trace_shape *shape, struct slice name, enum trace_kind kind)
{
	return trace_field_of(shape, name, kind);
}

static void
make_plan(
    struct flow_unwind *u, struct plan *p, const struct trace_shape *shape, struct trace_writer *w)
{
	static const char *const types[] = { "sample", "event", "access", "alloc", "free", NULL };
	struct trace_field field[256];
	bool ours = false;
	unsigned n = 0;
	int last = -1;

	for (const char *const *type = types; *type; type++)
		ours |= slice_eq(shape->type, slice_of(*type));
	*p = (struct plan){ .kind = PLAN_PASS };
	p->pid = index_of(shape, SLICE("pid"), TRACE_INT);
	p->chain = index_of(shape, SLICE("chain"), TRACE_ADDRS);
	p->ip = index_of(shape, SLICE("ip"), TRACE_ADDR);
	p->regs = index_of(shape, SLICE("regs"), TRACE_ADDRS);
	p->ustack = index_of(shape, SLICE("ustack"), TRACE_BYTES);
	if (trace_is_ledger(shape))
		p->kind = PLAN_LEDGER;
	if (address_space_wants(shape->type))
		p->kind = trace_is_ledger(shape) ? PLAN_LEDGER : PLAN_STATE;
	else if (ours && (p->chain >= 0 || p->ip >= 0 || p->regs >= 0) &&
		 trace_field_index(shape, SLICE("stack")) < 0 && shape->fields < FIELDS_MAX)
		p->kind = PLAN_STACK;
	if (p->kind != PLAN_STACK) {
		p->out = trace_writer_shape(w, shape->type, shape->field, shape->fields);
		return;
	}
	/* stack and origin stand where the addresses stood, or behind the fields that come before them. */
	for (int f = 0; f < (int)shape->fields; f++)
		if (f == p->chain || f == p->regs || f == p->ustack || f == p->ip ||
		    (slice_eq(shape->type, SLICE("sample")) &&
			slice_eq(shape->field[f].name, SLICE("addr"))))
			last = f;
	p->from = arena_alloc(&u->names_arena, shape->fields + 2);
	for (int f = 0; f < (int)shape->fields; f++) {
		if (u->options.keep || (f != p->chain && f != p->regs && f != p->ustack)) {
			field[n] = shape->field[f];
			p->from[n++] = (uint8_t)f;
		}
		if (f == last) {
			field[n] = (struct trace_field){ SLICE("stack"), TRACE_STRS };
			p->from[n++] = STACK;
			field[n] = (struct trace_field){ SLICE("origin"), TRACE_STRS };
			p->from[n++] = ORIGIN;
		}
	}
	p->kinds = arena_alloc(&u->names_arena, n);
	for (unsigned i = 0; i < n; i++)
		p->kinds[i] = (uint8_t)field[i].kind;
	p->column = arena_alloc(&u->names_arena, shape->fields * sizeof *p->column);
	p->fields = n;
	p->out = trace_writer_shape(w, shape->type, field, n);
}

static struct plan *
plan_of(struct flow_unwind *u, const struct trace_shape *shape, struct trace_writer *w)
{
	struct plan *p;

	if (shape->id >= u->plans) {
		GROW(u->plan, u->plan_cap, shape->id);
		memset(u->plan + u->plans, 0, (shape->id + 1 - u->plans) * sizeof *u->plan);
		u->plans = shape->id + 1;
	}
	p = &u->plan[shape->id];
	if (p->kind == PLAN_UNKNOWN)
		make_plan(u, p, shape, w);
	return p;
}

static uint32_t
find_chain(
    struct flow_unwind *u, struct trace_block *b, unsigned s, uint32_t row, const struct plan *p)
{
	struct trace_list chain = { .n = 0 }, regs;
	struct space *space = NULL;
	struct seen *seen = NULL;
	uint64_t ip, serial;
	uint32_t number;

	if (p->pid >= 0)
		space = spaces_of(&u->space.spaces, (int64_t)p->column[p->pid][row]);
	if (p->regs >= 0) {
		regs = trace_block_value(b, s, (unsigned)p->regs, row).list;
		u->walker.arch = regs.n > 0 ? arch_of(u, regs.n) : NULL;
		u->lost[BAD_REGS] += regs.n > 0 && u->walker.arch == NULL;
		if (u->walker.arch) {
			struct slice dump = SLICE("");

			if (p->chain >= 0)
				chain = trace_block_value(b, s, (unsigned)p->chain, row).list;
			if (p->ustack >= 0)
				dump = trace_block_value(b, s, (unsigned)p->ustack, row).s;
			return walk(u, space, chain, regs, dump);
		}
	}
	if (p->chain >= 0) {
		uint64_t id = p->column[p->chain][row];

		serial = space ? space->serial : 0;
		if (id >= u->seen_cap) {
			size_t had = u->seen_cap;

			GROW(u->seen, u->seen_cap, id);
			memset(u->seen + had, 0, (u->seen_cap - had) * sizeof *u->seen);
		}
		seen = &u->seen[id];
		if (seen->block == u->block && seen->serial == serial) {
			struct chain *c = &u->chain[seen->chain];

			if (is_current(u, c))
				return seen->chain;
		}
		chain = trace_block_list(b, TRACE_ADDRS, (uint32_t)id);
		if (chain.n == 0)
			u->lost[NO_STACK]++;
		number = chain_of(
		    u, space, chain.u, chain.n, kernel_part(chain.u, chain.n), false, false);
		*seen = (struct seen){ u->block, serial, number };
		return number;
	}
	if (p->ip < 0)
		return chain_of(u, space, NULL, 0, 0, false, false);
	ip = trace_column(b, s, (unsigned)p->ip)[row];
	return chain_of(u, space, &ip, 1, kernel_part(&ip, 1), false, false);
}

static int
put_stack(struct flow_unwind *u, struct trace_block *b, unsigned s, uint32_t row, struct plan *p,
    struct trace_writer *w)
{
	struct stack *stack;
	struct chain *c;
	uint32_t number;

	if (p->block != u->block_number) {
		for (unsigned f = 0; f < b->shape[s]->fields; f++)
			p->column[f] = NULL;
		for (unsigned i = 0; i < p->fields; i++)
			if (p->from[i] < FIELDS_MAX && p->kinds[i] <= TRACE_STR)
				p->column[p->from[i]] = trace_column(b, s, p->from[i]);
		if (p->chain >= 0)
			p->column[p->chain] = trace_column(b, s, (unsigned)p->chain);
		if (p->pid >= 0)
			p->column[p->pid] = trace_column(b, s, (unsigned)p->pid);
		p->block = u->block_number;
	}
	number = find_chain(u, b, s, row, p);
	c = &u->chain[number];
	stack = c->stack;

	for (int i = 0; i < 3; i++)
		u->lost[NO_OBJECT + i] += c->unnamed[i];
	for (unsigned i = 0; i < p->fields; i++)
		if (p->kinds[i] <= TRACE_NUM)
			u->value[i].u = p->column[p->from[i]][row];
		else if (p->kinds[i] == TRACE_STR)
			u->value[i].s = trace_string(b, (uint32_t)p->column[p->from[i]][row]);
		else if (p->from[i] == STACK)
			u->value[i].list = (struct trace_list){
				.s = stack->name, .n = stack->n, .memo = &stack->name_memo
			};
		else if (p->from[i] == ORIGIN)
			u->value[i].list = (struct trace_list){
				.s = stack->origin, .n = stack->n, .memo = &stack->origin_memo
			};
		else
			u->value[i] = trace_block_value(b, s, p->from[i], row);
	return trace_put(w, p->out, u->value);
}

int
flow_unwind_row(struct flow_unwind *u, struct trace_block *b, unsigned s, uint32_t row,
    struct trace_writer *w, struct error *e)
{
	const struct trace_shape *shape = b->shape[s];
	struct plan *p = plan_of(u, shape, w);
	struct trace_record record = { shape, u->value };
	union trace_value *value = u->value;
	int status;

	if (trace_block_serial(b) != u->present) {
		u->present = trace_block_serial(b);
		u->block++;
		u->block_number++;
	}
	if (p->kind == PLAN_STACK) {
		if (put_stack(u, b, s, row, p, w) < 0)
			return error_set(e, "%s", trace_writer_error(w));
		return FLOW_UNWIND_MADE;
	}
	if (shape->fields > 256)
		record.value = value = xcalloc(shape->fields, sizeof *value);
	for (unsigned f = 0; f < shape->fields; f++)
		value[f] = trace_block_value(b, s, f, row);
	status = address_space_record(&u->space, &record, e);
	/* Another kernel may have other code at the same addresses. */
	if (slice_eq(shape->type, SLICE("start")) && trace_field_index(shape, SLICE("arch")) >= 0) {
		forget(u);
		sys_ksyms_free(&u->running);
		u->running = SYS_KSYMS_INIT;
		u->running_asked = false;
	}
	if (status == 0 && trace_put(w, p->out, value) < 0)
		status = error_set(e, "%s", trace_writer_error(w));
	if (value != u->value)
		free(value);
	if (status < 0)
		return -1;
	return p->kind == PLAN_LEDGER ? FLOW_UNWIND_LEDGER : FLOW_UNWIND_PASSED;
}

struct flow_unwind *
flow_unwind_new(const struct flow_unwind_options *o, struct error *e)
{
	struct flow_unwind *u = xcalloc(1, sizeof *u);

	u->options = *o;
	u->images = IMAGES_INIT;
	u->images.symfs = o->symfs;
	u->images.mangled = o->mangled;
	u->space = ADDRESS_SPACE_INIT;
	u->running = SYS_KSYMS_INIT;
	u->walker = (struct unwind){ .find = walker_find, .read = walker_read, .context = u };
	u->address = xcalloc(ADDRESSES, sizeof *u->address);
	for (size_t i = 0; i < o->files; i++)
		if (images_give(&u->images, o->file[i], e) < 0) {
			flow_unwind_free(u);
			return NULL;
		}
	return u;
}

void
flow_unwind_input(struct flow_unwind *u)
{
	u->plans = 0;
	u->present = 0;
}

void
flow_unwind_lost(
    struct flow_unwind *u, void (*fn)(void *context, uint64_t n, const char *why), void *context)
{
	for (int i = 0; i < WHYS; i++) {
		if (u->lost[i] > 0)
			fn(context, u->lost[i], why_name[i]);
		u->lost[i] = 0;
	}
}

void
flow_unwind_free(struct flow_unwind *u)
{
	images_free(&u->images);
	for (size_t i = 0; i < u->jits; i++)
		perfmap_free(&u->jit[i].map);
	sys_ksyms_free(&u->running);
	address_space_free(&u->space);
	unwind_free(&u->walker);
	arena_free(&u->stacks_arena);
	arena_free(&u->names_arena);
	hash_free(&u->chain_set);
	hash_free(&u->stack_set);
	hash_free(&u->frame_set);
	free(u->jit);
	free(u->chain);
	free(u->stack);
	free(u->frame);
	free(u->address);
	free(u->ids);
	free(u->plan);
	free(u->seen);
	free(u);
}
