/* Names are demangled as perf(1) prints them, and nothing that looks mangled hurts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code/demangle.h"
#include "unit.h"

static struct arena arena;

static bool
is(const char *mangled, const char *wanted)
{
	struct slice out = SLICE("untouched");
	bool ok = demangle(&arena, slice_of(mangled), &out);

	if (wanted == NULL)
		return !ok && slice_eq(out, SLICE("untouched"));
	return ok && slice_eq(out, slice_of(wanted));
}

int
main(void)
{
	char bomb[4096];
	size_t n = 0;
	struct slice out;

	CLAIM(is("_Z3fooi", "foo"));
	CLAIM(is("_ZN2ns3BoxIiE5twistEi", "ns::Box<int>::twist"));
	CLAIM(is("_ZNK2ns3BoxImE5twistEm.isra.0", "ns::Box<unsigned long>::twist"));
	CLAIM(is("_ZN12_GLOBAL__N_16hiddenEi", "(anonymous namespace)::hidden"));
	CLAIM(is("_ZZ4mainENKUllE_clEl", "main::{lambda(long)#1}::operator()"));
	CLAIM(is("_Znwm", "operator new"));
	CLAIM(is("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"));
	CLAIM(is("_ZN63_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..clone..Clone$GT$"
		 "5clone17h0123456789abcdefE",
	    "<alloc::vec::Vec<T> as core::clone::Clone>::clone"));
	CLAIM(is("_RNvCskwGfYPst2Cb_3foo16example_function", "foo::example_function"));
	CLAIM(is("main", NULL));
	CLAIM(is("", NULL));
	CLAIM(is("_Z", NULL));
	CLAIM(is("_ZN", NULL));
	CLAIM(is("_R", NULL));
	CLAIM(is("_start", NULL));
	CLAIM(is("_GLOBAL__sub_I_main", NULL));

	/* The slice ends the name, whatever stands behind it. */
	CLAIM(demangle(&arena, (struct slice){ "_Z3fooiGARBAGE", 7 }, &out) &&
	      slice_eq(out, SLICE("foo")));

	/* Each template argument doubles the one before it: 2^33 times `int`. */
	n = (size_t)sprintf(bomb, "_Z1fI1AIiiE");
	for (int i = 1; i < 34; i++) {
		char last = (char)(i < 10 ? '0' + i : 'A' + i - 10);

		n += (size_t)sprintf(bomb + n, "S0_IS%c_S%c_E", last, last);
		if (i == 2) {
			sprintf(bomb + n, "Evv");
			CLAIM(is(bomb, "f<A<int, int>, A<A<int, int>, A<int, int> >, A<A<A<int, "
				       "int>, A<int, int> >, "
				       "A<A<int, int>, A<int, int> > > >"));
		}
	}
	sprintf(bomb + n, "Evv");
	CLAIM(is(bomb, NULL));

	/* Damaged names: all prefixes, and changed bytes. */
	for (int round = 0; round < 20000; round++) {
		static const char *const good[] = {
			"_ZNSt8_Rb_treeINSt7__cxx1112basic_stringIcSt11char_"
			"traitsIcESaIcEEESt4pairIKS5_lEE8_M_eraseEv",
			"_RINvNtC3std3mem8align_ofjdE", "_RNvNtNtCs1234_7mycrate3foo3barNtB2_3Baz"
		};
		struct slice name;

		strcpy(bomb, good[round % 3]);
		name = slice_of(bomb);
		if (round < 300)
			name.n = (size_t)round % name.n;
		else
			for (int k = 0; k < 3; k++)
				bomb[3 + (size_t)rand() % (name.n - 3)] = (char)(33 + rand() % 94);
		demangle(&arena, name, &out);
	}
	CLAIM(is("_Z3fooi", "foo"));
	arena_free(&arena);
	return 0;
}
