#!/bin/sh
# merge.t - one stream by time: order, sources, clocks, disorder, frames and lines as they are, sums of other kinds
. tests/lib.sh

# What leat-merge adds itself is left out where it does not matter.
body='sed /tool=merge/d'
export body

# trace FILE RECORD...: lines with TABs for blanks
trace () {
	f=$1
	shift
	{
		echo '#leat 1'
		printf '%s\n' "$@" | tr ' ' '\t'
	} >"$f"
}

trace a 'x t=1 n=1' 'span t=0 dur_ns=5 name=s' 'x t=7' 'note text=behind' 'x t=9'
trace b 'y t=1 q=1' 'y t=6 q=2' 'y t=9'
try 'by time: spans at their ends, without t behind the one before, equal times by input' 0 'leat merge a b' <<'END'
#leat 1
start	tool=merge	version="0.1"	argv=merge;a;b;
x	t=1	n=1
y	t=1	q=1
span	t=0	dur_ns=5	name=s
y	t=6	q=2
x	t=7
note	text=behind
x	t=9
y	t=9
end	tool=merge	in=8	passed=8	used=0	made=0	dropped=0	lost=0
END
silent
leat merge a b | grep -v tool=merge >ab
leat merge b a | grep -v tool=merge >ba
for f in a b; do leat cat -f -o $f.frames $f; done
try 'frames to frames' 0 "leat merge a.frames b.frames | leat cat -t | $body" <ab
try 'lines and frames: the output is like the first' 0 "leat merge a b.frames | $body; leat merge b.frames a | leat cat -t | $body | cmp - ba" <ab
try 'frames forced from lines, lines from frames' 0 "leat merge -f a b | leat cat -t | $body; leat merge -t a.frames b.frames | $body | cmp - ab" <ab
try 'of a pipe, of standard input' 0 "cat b | leat merge a - | $body" <ab
try 'one input passes' 0 "leat merge a | $body" <a
try 'no input is standard input' 0 "leat merge <a | $body" <a
try 'an empty one fits with anything' 0 ": >none; leat merge none a none | $body" <a
try 'what stands before the first t comes first' 0 "printf '#leat 1\nobject\tpath=p\nx\tt=5\n' >o; leat merge a o | $body | head -n 2" <<'END'
#leat 1
object	path=p
END
holds 'lines that are not canonical, escapes, odd lines' "printf '#leat 1\nx\tt=007\ts=\"a\\\\tb\"\nx\tt=8\ts=plain\nx\tt=-3e0\nx\n\n# comment\nx\tt=9\tl=a;b;\n' >odd
	leat merge odd | leat cat | $body >one; leat cat odd | cmp - one"
holds 'many inputs' "for i in \$(seq 300); do printf '#leat 1\nx\tt=%d\nx\tt=%d\n' \$i \$((1000 - i)) >many.\$i; done
	leat merge many.* | grep -c ^x | grep -x 600 && leat merge many.* | grep ^x | cut -d= -f2 | sort -nc"
holds 'more than may be open' 'sh -c "ulimit -n 40; leat merge many.*" >out 2>say; test $? -eq 2 && grep "ulimit -n" say'

# Ledger and sources.
trace s1 'start tool=rec clock=monotonic_raw host=h pid=1' 'start tool=unw' 'x t=1 pid=5' 'lost t=2 n=3 why=ring-full' 'x t=8' \
	'end tool=rec made=3 lost=3' 'end tool=unw in=3 passed=2 dropped=1'
trace s2 'start tool=rec clock=monotonic_raw host=h pid=2' 'x t=2' 'note' 'end tool=rec made=2'
try 'several sources: starts first, src behind t' 0 'leat merge s1 s2' <<'END'
#leat 1
start	src=0	tool=rec	clock=monotonic_raw	host=h	pid=1
start	src=0	tool=unw
start	src=1	tool=rec	clock=monotonic_raw	host=h	pid=2
start	tool=merge	version="0.1"	argv=merge;s1;s2;
x	t=1	src=0	pid=5
lost	t=2	src=0	n=3	why=ring-full
x	t=2	src=1
note	src=1
end	src=1	tool=rec	made=2
x	t=8	src=0
end	src=0	tool=rec	made=3	lost=3
end	src=0	tool=unw	in=3	passed=2	dropped=1
end	tool=merge	in=4	passed=4	used=0	made=0	dropped=0	lost=0
END
silent
holds 'books of merged pipelines balance' 'leat merge s1 s2 | leat audit && leat merge -f s2 s1 | leat audit && leat merge s1 s1 | leat audit'
holds 'and of merged merges, under a filter' 'leat merge s1 s2 >m; leat merge m s1 s2 s1 | leat pick "t > 0" | leat audit'
try 'sources are numbered anew' 0 "sed 's/pid=2/pid=3/' s2 >s3; leat merge s2 s3 >m23; leat merge s1 m23 | grep '^[xsn]'; leat merge m23 s2 | grep '^start.*merge'" <<'END'
start	src=0	tool=rec	clock=monotonic_raw	host=h	pid=1
start	src=0	tool=unw
start	src=1	tool=rec	clock=monotonic_raw	host=h	pid=2
start	src=2	tool=rec	clock=monotonic_raw	host=h	pid=3
start	src=1;2;	tool=merge	version="0.1"	argv=merge;s2;s3;
start	tool=merge	version="0.1"	argv=merge;s1;m23;
x	t=1	src=0	pid=5
x	t=2	src=1
note	src=1
x	t=2	src=2
note	src=2
x	t=8	src=0
start	src=0;1;	tool=merge	version="0.1"	argv=merge;s2;s3;
start	tool=merge	version="0.1"	argv=merge;m23;s2;
END
holds 'pieces of one source need no src' "leat pick 't < 2' s1 >p1; leat pick 't >= 2' s1 >p2; leat merge p1 p2 >p; ! grep src= p"
sed 1d s3 | sed 's/t=2/t=9/' | cat s2 - >s23
trace marks 'mark t=1 name=a' 'mark t=9 name=b'
try 'a source that begins in the middle; a trace without start is one, too' 0 "leat merge s23 marks | $body" <<'END'
#leat 1
start	src=0	tool=rec	clock=monotonic_raw	host=h	pid=2
mark	t=1	src=1	name=a
x	t=2	src=0
note	src=0
end	src=0	tool=rec	made=2
start	src=2	tool=rec	clock=monotonic_raw	host=h	pid=3
x	t=9	src=2
note	src=2
end	src=2	tool=rec	made=2
mark	t=9	src=1	name=b
END
leat merge s23 marks | grep -v tool=merge >want.23
leat cat -f -o s23.frames s23
try 'the same in frames, and held back' 0 "leat merge -t s23.frames marks | $body; leat merge -t --reorder 1 s23.frames marks | $body | cmp - want.23" <want.23
trace one 'start tool=rec clock=monotonic_raw host=h pid=2' 'x t=1'  'end tool=rec made=1'
trace two 'x t=1' 'start tool=other clock=monotonic_raw host=h' 'x t=2' 'end tool=other made=1'
try 'lines become blocks when a second source appears' 0 "sed /^end/d one >o; sed 's/^x.t=1/& a=1/' two | tr ' ' '\t' >t; leat merge two two | grep -c src=; leat merge o two 2>&1 | grep '^x'" <<'END'
7
x	t=1	src=0
x	t=1	src=1
x	t=2	src=2
END

# Clocks.
trace c1 'start tool=rec clock=monotonic_raw host=h' 'clock t=1000 monotonic_raw=1000 monotonic=5000 realtime=900000' 'x t=1500' 'x t=3000'
trace c2 'start tool=rec clock=monotonic host=h pid=2' 'clock t=5200 monotonic_raw=1200 monotonic=5200 realtime=900200' 'span t=5500 dur_ns=600 end_ns=6100' 'x t=6600'
for f in c1 c2; do echo 'end	tool=rec	made=3' >>$f; done
try 'two clocks of a host: the axis is the first, lengths stay' 0 "leat merge c1 c2 | $body" <<'END'
#leat 1
start	src=0	tool=rec	clock=monotonic_raw	host=h
start	src=1	tool=rec	clock=monotonic_raw	host=h	pid=2
clock	t=1000	src=0	monotonic_raw=1000	monotonic=5000	realtime=900000
clock	t=1200	src=1	monotonic_raw=1200	monotonic=5200	realtime=900200
x	t=1500	src=0
span	t=1500	src=1	dur_ns=600	end_ns=6100
x	t=2600	src=1
end	src=1	tool=rec	made=3
x	t=3000	src=0
end	src=0	tool=rec	made=3
END
silent
try 'through a pipe, too' 0 "cat c2 | leat merge c1 - | $body | grep -c 't=1500.*src=1.*dur_ns=600'" <<'END'
1
END
try 'a clock that is asked for' 0 "leat merge --clock realtime c2 c1 | grep -v tool= | cut -f1-3" <<'END'
#leat 1
clock	t=900000	src=1
clock	t=900200	src=0
x	t=900500	src=1
span	t=900500	src=0
x	t=901600	src=0
x	t=902000	src=1
END
sed 's/host=h/host=far/; s/realtime=900200/realtime=900700/' c2 >c3
try 'two hosts: by realtime' 0 "leat merge c1 c3 | grep -v tool=merge | cut -f1-5" <<'END'
#leat 1
start	src=0	tool=rec	clock=realtime	host=h
start	src=1	tool=rec	clock=realtime	host=far
clock	t=900000	src=0	monotonic_raw=1000	monotonic=5000
x	t=900500	src=0
clock	t=900700	src=1	monotonic_raw=1200	monotonic=5200
span	t=901000	src=1	dur_ns=600	end_ns=6100
x	t=902000	src=0
end	src=0	tool=rec	made=3
x	t=902100	src=1
end	src=1	tool=rec	made=3
END
said 'hosts h and far share realtime only'
try 'on the clock of one of them, which the start says' 0 "leat merge --clock first c1 c3 | grep 'src=1' | cut -f1-5" <<'END'
start	src=1	tool=rec	clock=monotonic_raw	clock_host=h
clock	t=1700	src=1	monotonic_raw=1200	monotonic=5200
span	t=2000	src=1	dur_ns=600	end_ns=6100
x	t=3100	src=1
end	src=1	tool=rec	made=3
END
holds 'what was placed reads as that: merging merges changes nothing' "leat merge c1 c2 c3 2>/dev/null | grep -v tool=merge >all
	leat merge c1 c2 >m12; leat merge m12 c3 2>/dev/null | grep -v tool=merge | cmp - all
	leat merge c2 c3 >m23 2>/dev/null; leat merge c1 m23 2>/dev/null | grep -v tool=merge | cmp - all
	leat merge --clock first c1 c3 >far 2>/dev/null; leat merge far c2 | grep '^x' | grep -v src=2 >one; grep '^x' far | cmp - one"
grep -v ^clock c2 >c4
try 'readings of another trace of the host will do' 0 "leat merge c1 c4 | grep 'src=1' | grep -o 't=1500.*dur'" <<'END'
t=1500	src=1	dur
END
sed /^clock/d c1 >c5
try 'no reading leads there' 2 'leat merge c4 c5' </dev/null
said '^leat merge: c5: no `clock` record of it reads monotonic (its own clock is monotonic_raw)'
trace sim 'start tool=sim clock=cycles host=sim' 'x t=5' 'end tool=sim made=1'
try 'cycles are no time' 2 'leat merge c1 sim' </dev/null
said '^leat merge: sim: no `clock` record'
try 'a clock without a name is taken as it is' 0 "sed 's/clock=monotonic //; s/	clock=monotonic	/	/' c4 >c6; leat merge c1 c6 | grep -c ^x" <<'END'
3
END
try 'an unknown clock' 2 'leat merge --clock lamport c1' </dev/null
said 'lamport'

# Disorder.
trace u 'x t=5' 'x t=3' 'y' 'x t=20' 'x t=1' 'x t=21'
try 'an error with its place; the rest is sorted' 2 'leat merge u' <<'END'
#leat 1
start	tool=merge	version="0.1"	argv=merge;u;
x	t=5
y
x	t=20
x	t=21
lost	t=21	n=2	why=late
end	tool=merge	in=6	passed=4	used=0	made=0	dropped=0	lost=2
END
said '^leat merge: u:3: t goes back from 5 to 3: .*--reorder'
leat cat -f -o u.frames u
holds 'in frames, too' 'leat merge u.frames >out; test $? -eq 2 && leat cat -t out | grep -c "^x" | grep -x 3; leat audit out'
said '^leat merge: u.frames@0: t goes back from 5 to 3'
try 'mended' 0 'leat merge --reorder 19ns u | grep "^[xy]"' <<'END'
x	t=1
x	t=3
y
x	t=5
x	t=20
x	t=21
END
silent
try 'what comes later still is lost' 2 'leat merge --reorder 2 u >out; s=$?; grep "^[xyl]" out; exit $s' <<'END'
x	t=3
y
x	t=5
lost	t=5	n=1	why=late
x	t=20
x	t=21
END
said '^leat merge: u:6: t goes back from 20 to 1, further than'
holds 'and counted' 'leat audit out'

# Damage: the place is said whatever way lines go.
printf 'x\tt=22\nx\tt="\nx\tt=23' >>u
try 'damaged lines, and a last one that is cut off' 2 'sed 3,4d u | sed 4d >d; leat merge d >out; s=$?; grep -v tool= out; exit $s' <<'END'
#leat 1
x	t=5
x	t=20
x	t=21
x	t=22
lost	t=22	n=1	why=damaged	from=35	to=41
lost	t=22	n=1	why=truncated	from=41	to=47
END
said '^leat merge: d:6: column '

# Frames that nothing falls into are copied as they are.
seq 30000 | awk 'BEGIN { print "#leat 1" } { printf "x\tt=%d\tname=f%d\n", $1, $1 * 7919 % 16411 }' >low
seq 30000 | awk 'BEGIN { print "#leat 1" } { printf "x\tt=%d\tname=f%d\n", 40000 + $1, $1 * 31 % 16411 }' >high
leat cat -f -o low.leat low
leat cat -f -o high.leat high
frame () {
	tail -c +$(($(leat cat --index "$1" | awk -v n="$2" 'NR == n + 1 { print $1 }') + 1)) "$1" | head -c "$(leat cat --index "$1" | awk -v n="$2" 'NR == n + 1 { print $2 }')"
}
leat merge -o both.leat high.leat low.leat
frame low.leat 1 >f.low
frame both.leat 2 >f.both
holds 'as they are' 'cmp f.low f.both'
leat cat -t low.leat high.leat >want.both
holds 'and counted' "leat audit both.leat && leat cat -t both.leat | $body | cmp - want.both"
holds 'not where others fall into them' "printf '#leat 1\nx\tt=15000\n' | leat merge -f low.leat - high.leat | leat cat -t | grep -n '^x	t=15000' | cut -d: -f1 | tr '\n' ' ' | grep '15002 15003'"
holds 'nor with --level' 'leat merge -z 19 -o z19 high.leat low.leat; leat merge -z 1 -o z1 high.leat low.leat; [ "$(wc -c <z19)" -lt "$(wc -c <z1)" ]'
holds 'a file is packed where its input is not' 'leat cat -z 0 -o raw low.leat; leat merge -o packed raw; [ "$(wc -c <packed)" -lt "$(($(wc -c <raw) / 2))" ]'
holds 'cat copies them, too' 'leat cat -o copy low.leat high.leat && cat low.leat high.leat | cmp - copy'
head -c $(($(wc -c <low.leat) - 20)) low.leat >cut.leat
holds 'a frame that is cut off is lost, and told' 'leat merge -t cut.leat high.leat >out; test $? -eq 2 && grep -q "^lost.*n=30000.*why=truncated" out && leat audit out'

# A pipe that has nothing yet holds up what comes after it, and nothing else.
mkfifo pipe
holds 'live: what can be decided goes out' '{ printf "#leat 1\nx\tt=5\n"; sleep 2; printf "x\tt=9\n"; } >pipe & leat merge pipe b >live & sleep 1; grep -c "^[xy]" live | grep -x 2; s=$?; wait; [ $s -eq 0 ] && grep -c "^[xy]" live | grep -x 5'
holds 'in frames, too' '{ printf "#leat 1\nx\tt=5\n" | leat cat -f; sleep 2; } >pipe & leat merge pipe b.frames >live & sleep 1; leat cat -t live 2>/dev/null | grep -c "^[xy]" | grep -x 2; s=$?; wait; exit $s'

# Other kinds.
printf 'main;b 3\nmain 1\n' >f1
printf 'main;b 4\nz 2\n' >f2
try 'folded stacks add up' 0 'leat merge f1 f2' <<'END'
main 1
main;b 7
z 2
END
echo nonsense >>f2
try 'a line that is none' 2 'leat merge f2' <<'END'
main;b 4
z 2
END
said '^leat merge: f2:3'
try 'kinds do not mix' 2 'leat merge f1 a' </dev/null
said 'f1 is folded stacks, and a is a trace'
try 'options of traces do not fit' 2 'leat merge -t f1' </dev/null
said 'are for traces'
if [ -x "$B/libexec/leat/hist" ]; then
	seq 1 1000 >n1
	seq 500 3000 >n2
	cat n1 n2 | leat hist >h12
	leat hist n1 >h1
	leat hist n2 >h2
	holds 'histograms add up to that of all' 'leat merge h1 h2 | cmp - h12'
	try 'of different bins they do not' 2 'leat hist --log2 n2 >l2; leat merge h1 l2' </dev/null
	said '^leat merge: l2: '
fi
try 'a table is not summed' 2 'printf "a,b\n1,2\n" >t; leat merge t' </dev/null
said 't: a table'
holds 'a file that is missing' "leat merge nosuch b >out; test \$? -eq 2 && $body out | cmp - b"
said 'nosuch: No such file'

finish
