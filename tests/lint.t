#!/bin/sh
# lint: makefiles with one fault each, and the same without it; nothing of them is run
# shellcheck disable=SC1003
. tests/lib.sh

case $(make --version 2>/dev/null | head -n 1) in
'GNU Make 4.'[3-9]* | 'GNU Make 4.'[1-9][0-9]* | 'GNU Make '[5-9]*) ;;
*) skip_all 'GNU make 4.3 or newer is not installed' ;;
esac

# mk LINE...: the file Makefile; a line that begins with > is a recipe's
mk () {
	printf '%s\n' "$@" | sed 's/^> /	/' >Makefile
}
# finds NAME WHAT...: exactly these findings, as LINE: TEXT up to the colon before what to do
finds () {
	name=$1
	shift
	if [ $# -gt 0 ]; then
		printf '%s\n' "$@" >wanted
	else
		: >wanted
	fi
	try "$name" $(($# > 0)) 'leat lint Makefile >out; s=$?; sed "s/^Makefile://" out; exit $s' <wanted
	silent
}
delete='1: no .DELETE_ON_ERROR: what a recipe that failed has left of its target, the next make takes for whole: add a line .DELETE_ON_ERROR:'
bash='SHELL := bash and .SHELLFLAGS := -o pipefail -e -c'

holds 'latency.mk as it is' "leat lint '$TOP/pipelines/latency.mk' >out && ! [ -s out ]"
silent
holds 'our own Makefile' "leat lint '$TOP/Makefile' >out && ! [ -s out ]"

mk 'a: b' '> cp b a'
finds 'no .DELETE_ON_ERROR' "$delete"
mk 'a: b' '> cp b a' '.DELETE_ON_ERROR:'
finds 'with it'
mk '.PHONY: a' 'a: b' '> ls'
finds 'where no recipe makes a file, it is not needed'
mk 'include d.mk' 'a: b' '> cp b a'
echo '.DELETE_ON_ERROR:' >d.mk
finds 'an included file has it'
mk '# %.o: %.c' 'X = 1'
finds 'the recipes that make has built in are not asked'
rm d.mk

mk '.DELETE_ON_ERROR:' 'a: b' '> sort b | uniq >$@'
finds 'a pipe' "3: a: of the pipe 'sort b | uniq >\$@' only the last command is seen to fail: $bash"
for flags in '-o pipefail -e -c' '-eo pipefail -c' '-euo pipefail -c'; do
	mk 'SHELL := bash' ".SHELLFLAGS := $flags" '.DELETE_ON_ERROR:' 'a: b' '> sort b | uniq >$@'
	finds "with $flags"
done
mk 'SHELL := bash' '.SHELLFLAGS := -e -c' '.DELETE_ON_ERROR:' 'a: b' '> sort b | uniq >$@'
finds 'bash without pipefail' "5: a: of the pipe 'sort b | uniq >\$@' only the last command is seen to fail: .SHELLFLAGS := -o pipefail -e -c"
mk '.DELETE_ON_ERROR:' 'F := a' '$(F): SHELL = /usr/bin/env $(S)' 'S = bash' '$(F): .SHELLFLAGS = $(O) -c' 'O = -o pipefail' 'a: b' \
	'> sort b | uniq >$@' 'c: b' '> sort b | uniq >$@'
finds 'for one target' "10: c: of the pipe 'sort b | uniq >\$@' only the last command is seen to fail: $bash"
mk '.DELETE_ON_ERROR:' '%.a: SHELL := bash' '%.a: .SHELLFLAGS := -o pipefail -c' '%.a: %.b' '> sort $< | uniq >$@' 'x.a: x.c' \
	'> sort $< | uniq -c >$@' 'x.c: x.d' '> sort $< | uniq -d >$@'
finds 'for a pattern' "9: x.c: of the pipe 'sort \$(...) | uniq -d >\$@' only the last command is seen to fail: $bash"
mk '.DELETE_ON_ERROR:' 'a: b' '> set -o pipefail; sort b | uniq >$@' '> set -euo pipefail; sort b | uniq >$@' \
	"> echo 'a | b' \"c | d\" e\\|f # g | h" '> echo one | sort' '> ls || sort' '> if ls | grep -q x; then echo yes; fi' '> ! ls | grep x' \
	'> case $$x in a|b) echo c;; (d | e) ;; esac' '> x=$$(ls | wc -l); echo "$$x" `ls | cat`' '> diff <(ls | sort) b' \
	'> [[ a || b ]] && echo $$((1 | 2)) $${x:-|}' '> printf "%s\n" x | sort'
finds 'what is no pipe whose failure is hidden'
mk '.DELETE_ON_ERROR:' 'a: b' '> (ls | sort)' '> if true; then ls | sort; fi' '> case x in x) ls | sort;; esac' '> { ls |& sort; }' \
	'> for i in 1 2; do ls | sort || exit; done' '> x=1 ls \' '>   -l | \' '>   sort' '> ls | sort || exit 1' '> @-ls | sort'
sed -i 's/^>   /	  /' Makefile
finds 'pipes within' "3: a: of the pipe 'ls | sort' only the last command is seen to fail: $bash" \
	"4: a: of the pipe 'ls | sort' only the last command is seen to fail: $bash" \
	"5: a: of the pipe 'ls | sort' only the last command is seen to fail: $bash" \
	"6: a: of the pipe 'ls |& sort' only the last command is seen to fail: $bash" \
	"7: a: of the pipe 'ls | sort' only the last command is seen to fail: $bash" \
	"8: a: of the pipe 'x=1 ls -l | sort' only the last command is seen to fail: $bash" \
	"11: a: of the pipe 'ls | sort' only the last command is seen to fail: $bash"

# Where things stand: conditionals, comments and variables of several lines between rule and recipe.
mk '.DELETE_ON_ERROR:' 'RUN = $(call sorted,$(1),-u)' 'define sorted' 'sort $(2) $(1) | uniq >$@' 'endef' 'a: b' 'ifdef NOTHING' '> ls | cat' 'else' \
	'# a comment' '> true' 'endif' '> @$(call RUN,b)' 'c: ; ls | cat' 'd e: ; ls | sort' 'f:: ; ls | wc' 'f:: ; wc | ls'
finds 'the line of a recipe' "13: a: of the pipe 'sort -u b | uniq >\$@' only the last command is seen to fail: $bash" \
	"14: c: of the pipe 'ls | cat' only the last command is seen to fail: $bash" \
	"15: d: of the pipe 'ls | sort' only the last command is seen to fail: $bash" \
	"16: f: of the pipe 'ls | wc' only the last command is seen to fail: $bash" \
	"17: f: of the pipe 'wc | ls' only the last command is seen to fail: $bash"
mk '.DELETE_ON_ERROR:' '.RECIPEPREFIX = !' 'a: b' '! ls | \' 'sort' '! ls; \' 'sort'
finds '.RECIPEPREFIX' "4: a: of the pipe 'ls | sort' only the last command is seen to fail: $bash" \
	"6: a: 'ls' may fail, and what follows runs all the same: && behind it, or set -e before it"
mk '.DELETE_ON_ERROR:' 'a: b' '> $(if $(X),@ls | sort,\' '>   @ls \' '>   | wc)' '> $(strip ls | tail)'
sed -i 's/^>   /	  /' Makefile
finds '$(if)' "3: a: of the pipe 'ls | wc' only the last command is seen to fail: $bash" \
	"6: a: of the pipe 'ls | tail' only the last command is seen to fail: $bash"
try 'a variable of the command line' 1 'leat lint X=1 Makefile >out; s=$?; cut -d: -f 4 out; exit $s' <<'EOF'
 of the pipe 'ls | sort' only the last command is seen to fail
 of the pipe 'ls | tail' only the last command is seen to fail
EOF

keep="leaves a part of the file when it fails, which the next make takes for whole: .DELETE_ON_ERROR:, or > \$@.tmp && mv \$@.tmp \$@"
mk 'a: b' '> sort b >$@' '> sort b >>$(@)' '> sort b > a' '> sort b | tee $@ >/dev/null' '> { ls; sort b; } >$@' '> sort b >$@.tmp && mv $@.tmp $@' '> sort b >$@c' \
	'> sort b 2>&1' '> echo x >$@' '> : >"$@"' '> sort b >"$@"'
sed -i 's/sort b | tee/echo b | tee/; s/{ ls; /{ echo; /' Makefile
finds '> $@' "$delete" "2: a: 'sort b >\$@' $keep" "3: a: 'sort b >>\$@' $keep" "4: a: 'sort b > a' $keep" "5: a: 'tee \$@ >/dev/null' $keep" \
	"6: a: '{ echo; sort b; } >\$@' $keep" "12: a: 'sort b >\"\$@\"' $keep"
mk '.DELETE_ON_ERROR:' '.PRECIOUS: %.a' 'x.a: b' '> sort b >$@' 'x.b: b' '> sort b >$@' '.PHONY: p' 'p:' '> sort b >$@'
finds 'of what make keeps' "4: x.a: 'sort b >\$@' leaves a part of the file when it fails, which .PRECIOUS keeps: > \$@.tmp && mv \$@.tmp \$@"

mk '.DELETE_ON_ERROR:' 'a: b' '> -sort b -o $@' '> -rm -f $@' '> -mkdir -p $(@D)' '> -ls b' '.PHONY: c' 'c:' '> -sort b -o $@'
finds 'a - before what makes a file' "3: a: 'sort b -o \$@' makes a file, and - lets its failure pass: let it fail, or say which status is none, as in || [ \$\$? -eq 1 ]"
swallowed='makes a file, and its failure is swallowed: let it fail, or say which status is none, as in || [ $$? -eq 1 ]'
mk '.DELETE_ON_ERROR:' 'a: b' '> grep x b >$@ || true' '> grep x b >$@ || :' '> sort -o $@ b || echo failed' '> grep x b >$@ || [ $$? -eq 1 ]' '> rm $@ || true' \
	'> rm x || true; sort -o $@ b' '> sort -o $@ b || { echo failed; exit 1; }' '> cmp -s x $@ || echo y >$@' '> sort -o $@ b || exit 0'
finds 'a || true behind it' "3: a: 'grep x b >\$@ || true' $swallowed" "4: a: 'grep x b >\$@ || :' $swallowed" \
	"5: a: 'sort -o \$@ b || echo failed' $swallowed" "11: a: 'sort -o \$@ b || exit 0' $swallowed"

unseen='may fail, and what follows runs all the same: && behind it, or set -e before it'
mk '.DELETE_ON_ERROR:' 'a: b' '> cd x; ls' '> cd x && ls' '> set -e; cd x; ls' '> cd x || exit; ls' '> echo x; [ -e x ]; rm -f x; ls' '> mv a b 2>/dev/null; ls' '> mv a b >/dev/null 2>&1; ls' \
	'> if mv a b; then mv b c; ls; fi' '> (mv a b; ls); ls' '> mv a b & ls' '> x=1; ls' '> [ -e x ] && ls; ls' '> trap "rm x; ls" EXIT; ls' '> set -e; set +e; ls; ls' \
	'> f () { mv a b; }; f' '> (set -e; ls; mv a b); ls'
finds 'what follows runs all the same' "3: a: 'cd x' $unseen" "10: a: 'mv b c' $unseen" "11: a: '(mv a b; ls)' $unseen" "11: a: 'mv a b' $unseen" "16: a: 'ls' $unseen" \
	"18: a: '(set -e; ls; mv a b)' $unseen"
loop='may fail in any round of the loop but the last, unseen: || exit 1 behind it, or set -e before the loop'
mk '.DELETE_ON_ERROR:' 'a: b' '> for i in 1 2; do ls $$i; done' '> for i in 1 2; do ls $$i || exit 1; done' '> set -e; for i in 1 2; do ls $$i; done' '> while read x; do ls $$x; done <b' '> for i in 1; do echo $$i; done' \
	'> for i in 1; do if ls; then mv a b; fi; done'
finds 'loops' "3: a: 'ls \$i' $loop" "6: a: 'ls \$x' $loop" "8: a: 'if ls; then mv a b; fi' $loop"

oneshell='.ONESHELL without -e: only the last line of a recipe is seen to fail'
mk '.DELETE_ON_ERROR:' '.ONESHELL:' 'a: b' '> @ls' '> cat <<E' '> ls | sort' '> E' '> mv a b' '> mv c $@'
finds '.ONESHELL' "2: $oneshell (Makefile:4: a): .SHELLFLAGS := -e -c"
mk '.DELETE_ON_ERROR:' '.ONESHELL:' '.SHELLFLAGS := -ec' 'a: b' '> ls' '> mv a b'
finds '.ONESHELL with -e'
mk '.DELETE_ON_ERROR:' '.ONESHELL:' 'SHELL = bash' 'a: b' '> set -e -o pipefail' '> ls | sort' '> mv a b' 'c: b' '> sort b | uniq'
finds '.ONESHELL with set' "9: c: of the pipe 'sort b | uniq' only the last command is seen to fail: .SHELLFLAGS := -o pipefail -e -c"
mk '.DELETE_ON_ERROR:' '.ONESHELL:' 'SHELL = python3' 'a: b' '> import os' '> x = 1 | 2; y = 3'
finds 'another language is not read'
mk '.DELETE_ON_ERROR:' '.IGNORE:' 'a: b' '> ls'
finds '.IGNORE' '2: .IGNORE: no failure of any recipe is seen: without it'
mk '.DELETE_ON_ERROR:' 'MAKEFLAGS += -i' 'a: b' '> ls'
finds '-i' '2: MAKEFLAGS has -i: no failure of any recipe is seen: without it'
mk '.DELETE_ON_ERROR:' 'a: b' '> ls | sort  # leat-lint: ok, ls cannot fail' '> ls | wc'
finds 'what is excused' "4: a: of the pipe 'ls | wc' only the last command is seen to fail: $bash"

# Nothing is run: not the recipes, not those with +, not those of included makefiles.
mk 'all:' '> touch ran' '> +touch ran' '> $(MAKE) --version >ran' 'made.mk: none' '> touch ran made.mk' '-include made.mk' 'none:' '.DELETE_ON_ERROR:'
finds 'a makefile that would run something'
holds 'nothing has run' '! [ -e ran ] && ! [ -e made.mk ]'
mk 'all:' '> ls | sort' '$(info some text)' '$(warning more text)' '.DELETE_ON_ERROR:'
finds 'what a makefile prints is not listened to' "2: all: of the pipe 'ls | sort' only the last command is seen to fail: $bash"

mkdir -p sub/deep
mk 'include deep/rules.mk' '.DELETE_ON_ERROR:'
mv Makefile sub
printf 'a:\n\tls | sort\n' >sub/deep/rules.mk
try 'in the directory of the makefile' 1 'leat lint sub/Makefile' <<EOF
sub/deep/rules.mk:2: a: of the pipe 'ls | sort' only the last command is seen to fail: $bash
EOF
try 'in another' 2 'leat lint --directory . sub/Makefile' </dev/null
said '^leat lint: sub/Makefile:1: deep/rules.mk is not there: its recipes have not been looked at'
printf -- '-include none.mk\nifdef Y\ninclude none2.mk\nendif\na: b\n.DELETE_ON_ERROR:\n' >Makefile
finds 'files that need not be there'
mk 'include made.mk' '%.mk:' '> ./make $@' '.DELETE_ON_ERROR:'
try 'a file that a rule makes' 0 'leat lint Makefile' </dev/null
said '^leat lint: Makefile:1: made.mk is not there yet: its recipes have not been looked at'
holds 'all together, from standard input too' 'cd sub; leat lint <Makefile >one; leat lint - <Makefile | cmp - one; leat lint Makefile | cmp - one; [ -s one ]
	[ $(leat lint Makefile Makefile | wc -l) -eq 2 ]'
try 'inside of make' 0 'printf "all:\n\t+@leat lint good\n" >outer; printf "a:\n\tls\n.DELETE_ON_ERROR:\n" >good; make -s -f outer X=1' </dev/null
mk 'a: b' 'ls'
try 'what make cannot read' 2 'leat lint Makefile' </dev/null
said '^leat lint: Makefile:2: missing separator'
try 'an error of its own' 2 "printf '\$(error set X)\n' | leat lint" </dev/null
said '^leat lint: standard input:1: set X\.$'
try 'the others are read all the same' 2 'printf "a:\n\tls\n" >other; leat lint Makefile nosuch other >out; s=$?; wc -l <out; exit $s' <<'EOF'
1
EOF
said '^leat lint: nosuch: No such file'
mkdir none
try 'no make' 2 "PATH=$B/bin:\$PWD/none leat lint other" </dev/null
said '^leat lint: other: make: No such file or directory: is GNU make installed'

finish
