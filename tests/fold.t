#!/bin/sh
. tests/lib.sh

trace () { printf '#leat 1\n'; printf 'start\ttool=x\n'; printf '%b' "$@"; printf 'end\ttool=x\n'; }
s='sample\tt=1\ttid=7\tcomm=app\tevent=cycles\tweight='

trace "${s}5\tstack=main;f;\torigin=u:app;k:[kernel];\n" "${s}6\tstack=main;g;\torigin=u:app;i:app;\n" \
	"${s}7\tstack=main;f;\torigin=u:app;k:[kernel];\n" "${s}1\tstack=main;\torigin=u:app;\n" >t

try 'equal stacks add up, sorted bytewise' 0 'leat fold t' <<'EOT'
app;main 1
app;main;f 12
app;main;g 6
EOT
silent
try 'frames as well as lines, from standard input' 0 'leat cat -f t | leat fold' <<'EOT'
app;main 1
app;main;f 12
app;main;g 6
EOT
try 'several inputs add up' 0 'leat fold t - <t' <<'EOT'
app;main 2
app;main;f 24
app;main;g 12
EOT
try '-o' 0 'leat fold -o out t && tail -n 1 out' <<'EOT'
app;main;g 6
EOT
try '-w count' 0 'leat fold -w count t' <<'EOT'
app;main 1
app;main;f 2
app;main;g 1
EOT
silent
try '-w tid' 0 'leat fold -w tid t' <<'EOT'
app;main 7
app;main;f 14
app;main;g 7
EOT
try '-w of a field that is no number' 2 'leat fold -w comm t' </dev/null
said '^leat fold: t:[0-9]*: the field comm of a sample is no number but a str$'
try '-w of a field that nobody has: 1 each, and told' 0 'leat fold -w size t' <<'EOT'
app;main 1
app;main;f 2
app;main;g 1
EOT
said '^leat fold: 4 records have no weight: counted as 1$'
try '-b of nothing' 0 "leat fold -b '' t" <<'EOT'
main 1
main;f 12
main;g 6
EOT
try '-b of several' 0 'leat fold -b event,tid,comm t' <<'EOT'
cycles;7;app;main 1
cycles;7;app;main;f 12
cycles;7;app;main;g 6
EOT
try '-b of a list' 2 'leat fold -b stack t' </dev/null
said 'the field stack of a sample is a list of str: not for -b$'
try '-b with an empty field' 2 'leat fold -b comm,, t' </dev/null
said '^leat fold: -b comm,,: not a list'
try '--annotate' 0 'leat fold --annotate t' <<'EOT'
app;main 1
app;main;f_[k] 12
app;main;g_[i] 6
EOT

# What would be read as something else: each of ecosystem's traps.
trace "${s}1\tstack=a\\\\;b;foo 42;\n" "${s}1\tstack=foo 4.5;\n" "${s}1\tstack=x\\\\x01y\\\\tz\\\\nq;\n" \
	"${s}1\tstack= a ;;b;\n" "${s}1\tstack=f(int, char);(anonymous namespace)::g(int);A\"B';\n" \
	"${s}1\tstack=# run 42;\n" "${s}0\tstack=zero;\n" "${s}-5\tstack=minus;\n" \
	"sample\tcomm=\"a b; 7\"\tweight=2\tstack=m;\n" "sample\tcomm=\"9\"\tweight=2\tstack=\n" \
	"sample\tcomm=c\tweight=0.4\tstack=r;\n" "sample\tcomm=c\tweight=1.2\tstack=r;\n" \
	"sample\tcomm=c\tweight=1.2\tstack=n;\n" "sample\tcomm=c\tweight=1\tstack=\\\\s1;2;\n" \
	"sample\tcomm=c\tweight=18446744073709551615\tstack=big;\n" >traps
try 'nothing that readers take for a count, a frame or a comment' 0 'leat fold -e all traps' <<'EOT'
9 2
a_b:_7;m 2
app;# run_42 1
app;a:b;foo_42 1
app;a;[unknown];b 1
app;f;(anonymous namespace)::g;AB 1
app;foo_4.5 1
app;x y z q 1
c;1;2 1
c;big 18446744073709551615
c;n 1
c;r 1
EOT
said '^leat fold: 1 records have a negative weight: left out$'
cp got traps.folded
flamegraph=$(command -v flamegraph.pl || ls /usr/share/perl5/Devel/NYTProf/flamegraph.pl 2>/dev/null)
if [ -n "$flamegraph" ]; then
	holds 'flamegraph.pl draws all of it' "grep -v big traps.folded | perl $flamegraph >x.svg"
	silent
	try 'and nothing else: the sum is that of the lines' 0 \
		"grep -o '<title>all ([0-9,]* samples' x.svg" <<'EOT'
<title>all (13 samples
EOT
else
	skip 'flamegraph.pl draws all of it' 'no flamegraph.pl'
fi
trace "${s}1\tstack=f(int);A\"B';Lorg/foo/Bar\\\\;.call;\n" >names
try '--whole-names' 0 'leat fold --whole-names names' <<'EOT'
app;f(int);A"B';Lorg/foo/Bar:.call 1
EOT
try 'tidy names' 0 'leat fold names' <<'EOT'
app;f;AB;org/foo/Bar:.call 1
EOT

trace "${s}1\tstack=a;\n" 'event\tcomm=app\tname=sched:switch\tx=1\tstack=b;\n' \
	'event\tcomm=app\tname=sched:switch\tx=2\tstack=b;\n' 'alloc\tcomm=app\tsize=9\tstack=c;\n' >events
try 'the first event, others told' 0 'leat fold events' <<'EOT'
app;a 1
EOT
said '^leat fold: 3 events: folded cycles, skipped sched:switch 2, alloc 1 (-e EVENT selects, -e all adds up)$'
try '-e of a tracepoint' 0 'leat fold -e sched:switch -w count events' <<'EOT'
app;b 2
EOT
silent
try '-e of another type of record' 0 'leat fold -e alloc -w size events' <<'EOT'
app;c 9
EOT
try '-e all' 0 'leat fold -e all -w count events' <<'EOT'
app;a 1
app;b 2
app;c 1
EOT
silent
try '-e of an event that is not there' 2 'leat fold -e cycle events' </dev/null
said '^leat fold: no records of the event cycle; there are: sched:switch 2, alloc 1, cycles 1$'
trace 'event\tcomm=app\tname=s:x\tstack=b;\n' "${s}1\tstack=a;\n" >reverse
try 'the first event is the first in the stream, not of the block' 0 'leat fold -w count reverse' <<'EOT'
app;b 1
EOT

trace "${s}1\tchain=0x1;0x2;\n" "${s}1\tchain=0x1;\n" >chains
try 'addresses without names' 2 'leat fold chains' </dev/null
said '^leat fold: 2 of 2 records have addresses, but no stack of names: leat unwind names them$'
trace "${s}1\tchain=0x1;0x2;\n" "${s}3\tstack=a;\n" >some
try 'some addresses without names' 2 'leat fold some' <<'EOT'
app;a 3
EOT
said '^leat fold: 1 of 2 records have addresses'
trace "${s}1\n" "${s}3\tstack=a;\n" >without
try 'records without stack are told' 0 'leat fold without' <<'EOT'
app;a 3
EOT
said '^leat fold: 1 of 2 records have no stack$'
trace "${s}1\n" >without
try 'nothing but records without stack' 2 'leat fold without' </dev/null
trace >empty
try 'an empty trace is no error' 0 'leat fold empty </dev/null' </dev/null
silent
try 'nor is an empty input' 0 'leat fold </dev/null' </dev/null

trace 'sample\ttid=0\tweight=1\tstack=idle;\n' 'sample\ttid=5\tweight=1\tstack=early;\n' \
	'comm\tpid=5\ttid=5\tname=sh\n' 'sample\ttid=5\tweight=1\tstack=x;\n' \
	'fork\tpid=6\ttid=6\tppid=5\tptid=5\n' 'sample\ttid=6\tweight=1\tstack=y;\n' \
	'comm\tpid=6\ttid=6\tname="my app"\texec=1\n' 'sample\ttid=6\tweight=1\tstack=y;\n' \
	'exit\tpid=6\ttid=6\n' 'sample\ttid=6\tweight=1\tstack=late;\n' >tasks
try 'names of tasks over time' 0 'leat fold tasks' <<'EOT'
[unknown];early 1
my_app;late 1
my_app;y 1
sh;x 1
sh;y 1
swapper;idle 1
EOT
said '^leat fold: 1 records lack a field of -b: \[unknown\]$'
try 'the same in frames' 0 'leat cat -f tasks | leat fold | cksum' <<EOT
$(cksum <got)
EOT

trace "${s}5\tstack=main;f;\n" "${s}15\tstack=main;g;\n" 'lost\tt=3\tn=3\twhy=ring-full\n' \
	'lost\tn=2\twhy=no-symbol\n' 'lost\tn=1\twhy=ring-full\n' >lost
try 'loss is told' 0 'leat fold lost' <<'EOT'
app;main;f 5
app;main;g 15
EOT
said '^leat fold: lost: ring-full 4, no-symbol 2$'
try '--lost: lost samples as a frame, of mean weight' 0 'leat fold --lost lost' <<'EOT'
[lost] 40
app;main;f 5
app;main;g 15
EOT
try '--lost -w count' 0 'leat fold --lost -w count lost' <<'EOT'
[lost] 4
app;main;f 1
app;main;g 1
EOT
try '--strict: loss is an error' 2 'leat fold --strict lost' <<'EOT'
app;main;f 5
app;main;g 15
EOT

trace "${s}10\tstack=main;f;g;f;\torigin=u:app;u:app;u:lib.so;u:app;\n" \
	"${s}20\tstack=main;g;\torigin=u:app;u:lib.so;\n" "${s}70\tstack=main;f;\torigin=u:app;u:app;\n" \
	"${s}0\tstack=never;\torigin=u:app;\n" "${s}100\tstack=main;g;\torigin=u:app;u:other.so;\n" \
	'lost\tn=2\twhy=late\n' >top
try '--top: self, total once in recursion, by function and object' 0 'leat fold --top 3 top' <<'EOT'
# event=cycles records=5 weight=200
# lost=2 why=late
  SELF%               SELF   TOTAL%              TOTAL  OBJECT    FUNCTION
  50.0%                100    50.0%                100  other.so  g
  40.0%                 80    40.0%                 80  app       f
  10.0%                 20    15.0%                 30  lib.so    g
EOT
silent
try '--top --callers' 0 'leat fold --top 9 --callers top | sed -n "4,\$p"' <<'EOT'
  50.0%                100    50.0%                100  other.so  g
                             100.0%                100  app         < main
  40.0%                 80    40.0%                 80  app       f
                             100.0%                 80  app         < main
  10.0%                 20    15.0%                 30  lib.so    g
                              66.7%                 20  app         < main
                              33.3%                 10  app         < f
   0.0%                  0   100.0%                200  app       main
                             100.0%                200  -           < (root)
EOT
try '--callers without --top' 2 'leat fold --callers top' </dev/null
said 'leat fold: --callers is for --top N'
try '--top of nothing' 2 'leat fold --top 0 top' </dev/null
try '--top of no samples' 0 'leat fold --top 3 empty' <<'EOT'
# event=all records=0 weight=0
  SELF%               SELF   TOTAL%              TOTAL  OBJECT  FUNCTION
EOT

try 'a file that is not there; the others are used' 2 'leat fold no-such-file t' <<'EOT'
app;main 1
app;main;f 12
app;main;g 6
EOT
said '^leat fold: no-such-file: No such file or directory$'
{ cat t; echo 'sample	='; } >damaged
try 'damage is told, what can be read is used' 2 'leat fold damaged' <<'EOT'
app;main 1
app;main;f 12
app;main;g 6
EOT
said '^leat fold: damaged:'
if [ -w /dev/full ]; then
	try 'a full disk is noticed' 2 'leat fold t >/dev/full' </dev/null
fi

{ printf '#leat 1\n'; tr ' ' '\t' <<'EOT'; } >access
access t=1 pid=7 op=r addr=0x10 weight=3 latency=9 kind=object site=main;table; stack=main;walk;
access t=2 pid=7 op=r addr=0x10 weight=2 latency=1 kind=object site=0x20;0x10; stack=main;walk;
access t=3 pid=7 op=r addr=0x10 weight=4 latency=1 kind=stack stack=main;walk;
access t=3 pid=7 op=r addr=0x10 weight=1 latency=1 kind=global name=g stack=main;other;
access t=4 pid=7 op=r addr=0x10 weight=5 latency=1 kind=object site=main;table; stack=main;walk;
EOT
try '--stack: by the site of what was accessed, what is no object by its kind' 0 "leat fold -b '' --stack site access" <<'EOT'
0x10;0x20 2
[global] 1
[stack] 4
main;table 8
EOT
silent
try '--stack site -w latency -b pid' 0 "leat fold -b pid --stack site -w latency access" <<'EOT'
7;0x10;0x20 1
7;[global] 1
7;[stack] 1
7;main;table 10
EOT
try 'by the code that accesses, as always' 0 "leat fold -b '' access; leat fold -b '' --stack stack access | cksum" <<EOT
main;other 1
main;walk 14
$(printf 'main;other 1\nmain;walk 14\n' | cksum)
EOT
try '--stack --top' 0 "leat fold --stack site --top 1 access | tail -n 1" <<'EOT'
  53.3%                  8    53.3%                  8  -       table
EOT

finish
