/* hooks_new.c - operator new and delete of C++, all forms, so that their caller is the site
 *
 * The functions behind are those of libstdc++ (or of an allocator that brings its own): they throw. Nothing is caught here;
 * a personality routine (which the frame tables name) tells that an exception passes.
 */
#include <stdlib.h>
#include <unwind.h>

#include "interpose/hook.h"
#include "interpose/place.h"

typedef void *_Atomic function;

/* The exception leaves our frame: nothing of ours runs any more. */
_Unwind_Reason_Code hooks_new_personality(int version, _Unwind_Action actions,
    _Unwind_Exception_Class class, struct _Unwind_Exception *exception,
    struct _Unwind_Context *context);

__attribute__((used)) _Unwind_Reason_Code
hooks_new_personality(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
    struct _Unwind_Exception *exception, struct _Unwind_Context *context)
{
	struct thread *t = thread_self;

	(void)version, (void)class, (void)exception, (void)context;
	if ((actions & _UA_CLEANUP_PHASE) && t && t->where == THREAD_INSIDE) {
		t->where = THREAD_OUTSIDE;
		process_count(WIRE_FAILED, 1);
	}
	return _URC_CONTINUE_UNWIND;
}

/* 0x1b: relative to the place, four bytes. */
#define PASSES_EXCEPTIONS() __asm__ volatile(".cfi_personality 0x1b, hooks_new_personality")

static void *
find(function *at, const char *name, struct thread *t)
{
	void *p = atomic_load_explicit(at, memory_order_relaxed);
	struct thread_outer was;

	if (__builtin_expect(p != NULL, 1))
		return p;
	if (t == NULL)
		return next_operator(at, name);
	/* looking for it may allocate */
	was = thread_inside(t, THREAD_OWN, (uintptr_t)__builtin_dwarf_cfa());
	p = next_operator(at, name);
	thread_outside(t, was);
	return p;
}

/* A program that has no C++ library, and calls operator new: nobody could throw. */
static void *
without_library(size_t size, size_t align, bool throws)
{
	void *p = align ? next.aligned_alloc(align, (size + align - 1) & ~(align - 1))
			: next.malloc(size ? size : 1);

	if (p == NULL && throws)
		abort();
	return p;
}

/* name: mangled; call: what the function found is called with, as f. */
#define NEW(name, what, parameters, bytes, alignment, throws, type, call)                          \
	HOOK void *name parameters;                                                                \
	HOOK void *name parameters                                                                 \
	{                                                                                          \
		static function next_one;                                                          \
		struct thread *t = HOOK_ENTER();                                                   \
		void *(*f)type = (void *(*)type)find(&next_one, #name, t);                         \
		void *p;                                                                           \
                                                                                                   \
		PASSES_EXCEPTIONS();                                                               \
		if (hook_unlikely(t == NULL))                                                      \
			return f ? f call : without_library(bytes, alignment, throws);             \
		HOOK_INSIDE(t);                                                                    \
		p = PLACE_TAKE(t, bytes, alignment, false);                                        \
		if (p == NULL)                                                                     \
			p = f ? f call : without_library(bytes, alignment, throws);                \
		HOOK_OUTSIDE(t);                                                                   \
		if (hook_unlikely(p == NULL)) {                                                    \
			process_count(WIRE_FAILED, 1);                                             \
		} else if (alignment) {                                                            \
			struct stack_start caller = STACK_START();                                 \
			record_alloc_long(t, &caller,                                              \
			    &(struct record_event){ .op = (what),                                  \
				.addr = (uintptr_t)p,                                              \
				.size = (bytes),                                                   \
				.align = (alignment) });                                           \
		} else {                                                                           \
			RECORD_ALLOC(t, what, p, bytes);                                           \
		}                                                                                  \
		return p;                                                                          \
	}

#define DELETE(name, what, parameters, size, type, call)                                           \
	HOOK void name parameters;                                                                 \
	HOOK void name parameters                                                                  \
	{                                                                                          \
		static function next_one;                                                          \
		struct thread *t;                                                                  \
		void(*f) type;                                                                     \
                                                                                                   \
		if (p == NULL)                                                                     \
			return;                                                                    \
		t = HOOK_ENTER();                                                                  \
		if (t)                                                                             \
			RECORD_FREE(t, what, p, size);                                             \
		if (hook_unlikely(place_owns(p))) {                                                \
			backing_give(p);                                                           \
			return;                                                                    \
		}                                                                                  \
		f = (void(*) type)find(&next_one, #name, t);                                       \
		if (hook_unlikely(f == NULL)) {                                                    \
			next.free(p);                                                              \
		} else if (t) {                                                                    \
			HOOK_INSIDE(t);                                                            \
			f call;                                                                    \
			HOOK_OUTSIDE(t);                                                           \
		} else {                                                                           \
			f call;                                                                    \
		}                                                                                  \
	}

NEW(_Znwm, WIRE_NEW, (size_t n), n, 0, true, (size_t), (n))
NEW(_Znam, WIRE_NEW_ARRAY, (size_t n), n, 0, true, (size_t), (n))
NEW(_ZnwmRKSt9nothrow_t, WIRE_NEW, (size_t n, const void *tag), n, 0, false, (size_t, const void *),
    (n, tag))
NEW(_ZnamRKSt9nothrow_t, WIRE_NEW_ARRAY, (size_t n, const void *tag), n, 0, false,
    (size_t, const void *), (n, tag))
NEW(_ZnwmSt11align_val_t, WIRE_NEW, (size_t n, size_t align), n, align, true, (size_t, size_t),
    (n, align))
NEW(_ZnamSt11align_val_t, WIRE_NEW_ARRAY, (size_t n, size_t align), n, align, true,
    (size_t, size_t), (n, align))
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, WIRE_NEW, (size_t n, size_t align, const void *tag), n,
    align, false, (size_t, size_t, const void *), (n, align, tag))
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, WIRE_NEW_ARRAY, (size_t n, size_t align, const void *tag),
    n, align, false, (size_t, size_t, const void *), (n, align, tag))

DELETE(_ZdlPv, WIRE_DELETE, (void *p), 0, (void *), (p))
DELETE(_ZdaPv, WIRE_DELETE_ARRAY, (void *p), 0, (void *), (p))
DELETE(_ZdlPvm, WIRE_DELETE, (void *p, size_t n), n, (void *, size_t), (p, n))
DELETE(_ZdaPvm, WIRE_DELETE_ARRAY, (void *p, size_t n), n, (void *, size_t), (p, n))
DELETE(_ZdlPvRKSt9nothrow_t, WIRE_DELETE, (void *p, const void *tag), 0, (void *, const void *),
    (p, tag))
DELETE(_ZdaPvRKSt9nothrow_t, WIRE_DELETE_ARRAY, (void *p, const void *tag), 0,
    (void *, const void *), (p, tag))
DELETE(_ZdlPvSt11align_val_t, WIRE_DELETE, (void *p, size_t align), 0, (void *, size_t), (p, align))
DELETE(_ZdaPvSt11align_val_t, WIRE_DELETE_ARRAY, (void *p, size_t align), 0, (void *, size_t),
    (p, align))
DELETE(_ZdlPvmSt11align_val_t, WIRE_DELETE, (void *p, size_t n, size_t align), n,
    (void *, size_t, size_t), (p, n, align))
DELETE(_ZdaPvmSt11align_val_t, WIRE_DELETE_ARRAY, (void *p, size_t n, size_t align), n,
    (void *, size_t, size_t), (p, n, align))
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, WIRE_DELETE, (void *p, size_t align, const void *tag),
    0, (void *, size_t, const void *), (p, align, tag))
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, WIRE_DELETE_ARRAY,
    (void *p, size_t align, const void *tag), 0, (void *, size_t, const void *), (p, align, tag))
