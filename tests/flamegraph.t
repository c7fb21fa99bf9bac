#!/bin/sh
# flamegraph.t - folded stacks to SVG; a flamegraph.pl of ours stands in for the real one where its input is looked at
. tests/lib.sh

mkdir fake
cat >fake/flamegraph.pl <<'END'
print "args: @ARGV\n", <STDIN>;
END
chmod +x fake/flamegraph.pl

try 'what it is given' 0 'printf "a;b 3\nc 4" | PATH=$PWD/fake:$PATH leat flamegraph' <<'END'
args: --hash --title=Flame Graph --countname=samples
a;b 3
c 4
END
silent
printf 'a;b 3\n' >one
printf 'c 4.5\n\n# a remark\n' >two
try 'options, several inputs, what follows --' 0 \
	'PATH=$PWD/fake:$PATH leat flamegraph --title "x y" --width 900 --inverted --countname ns one - -- --notes=n <two' <<'END'
args: --hash --width=900 --inverted --notes=n --title=x y --countname=ns
a;b 3
c 4.5

# a remark
END
try 'one input gives its name to the picture' 0 'PATH=$PWD/fake:$PATH leat flamegraph ./one' <<'END'
args: --hash --title=Flame Graph: one --countname=samples
a;b 3
END

try 'no stacks' 2 'leat flamegraph -o no.svg' </dev/null
said '^leat flamegraph: no stacks: nothing to draw$'
holds 'and no file' '[ ! -e no.svg ]'
try 'not a folded line' 2 'printf "a;b 3\nsample\tt=1\n" | PATH=$PWD/fake:$PATH leat flamegraph | head -n 1; exit 2' <<'END'
args: --hash --title=Flame Graph --countname=samples
END
said '^leat flamegraph: standard input:2: not a folded line'
try 'a line without a count' 2 'echo a b | leat flamegraph' </dev/null
said 'standard input:1: not a folded line'
printf 'exit 3;' >fake/flamegraph.pl
try 'flamegraph.pl fails' 2 'PATH=$PWD/fake:$PATH leat flamegraph -o no.svg one' </dev/null
said '^leat flamegraph: .*fake/flamegraph.pl failed$'
holds 'and leaves no file' '[ ! -e no.svg ] && [ "$(echo no*)" = "no*" ]'

if ! leat flamegraph one >/dev/null 2>err; then
	grep -q 'libdevel-nytprof-perl' err || bad 'a missing flamegraph.pl names its package' "$(cat err)"
	skip 'the real flamegraph.pl' 'libdevel-nytprof-perl is not installed'
	finish
fi
holds 'a picture' 'leat flamegraph -o one.svg one; grep -q "<svg" one.svg && grep -q "b (3 samples, 100.00%)" one.svg'
holds 'the same picture each time' 'printf "a;b 3\na;c;d 4\ne 3\n" >s; leat flamegraph s >1; leat flamegraph s >2; cmp 1 2'
finish
