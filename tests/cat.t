#!/bin/sh
# cat.t - both encodings, ranges, the index, salvage, and the test vectors of leat-trace(5)
. tests/lib.sh

cat >odd.leat <<'END'
#leat 1
start	tool=test	argv=a b;c\;d;\x01;
sample	t=5	comm="a b"	name="123"	x=	y=\s1;2;	z=1;-2;	w=0x1;0x20;	n=0.25	m=1e+300	big=18446744073709551615
bare
new_type	t=6	Any_Name=bare	_u=nan	v=-inf	b=@AAEC	e=@	s=""	q="\"\\\t\n\x7f"	i="-inf"	at="@x"	f=5.0
lost	t=7	n=3	why=ring-full
end	tool=test	in=0	made=3
END

try 'lines pass unchanged' 0 'leat cat odd.leat' <odd.leat
try 'lines to frames to lines' 0 'leat cat -f odd.leat | leat cat -t' <odd.leat
try 'lines to packed frames to lines' 0 'leat cat -f -z 19 odd.leat | leat cat -t' <odd.leat
holds 'frames are zstd' 'leat cat -f odd.leat >odd.frames && zstd -qt odd.frames && leat cat -f -z 3 odd.leat | zstd -qt'
try 'what zstd packed again' 0 'zstd -dc <odd.frames | zstd -c | leat cat -t' <odd.leat
try 'two inputs' 0 '{ printf "#leat 1\na\tt=1\n"; } >1; { printf "#leat 1\n\n# no record\nb\tt=2\n"; } >2; leat cat 1 2' <<'END'
#leat 1
a	t=1
b	t=2
END
try 'frames put together by cat' 0 'leat cat -f 1 >1f; leat cat -f 2 >2f; cat 1f 2f | leat cat -t' <<'END'
#leat 1
a	t=1
b	t=2
END
try 'an empty input is an empty trace' 0 'leat cat </dev/null' <<'END'
#leat 1
END
try 'and in frames' 0 'leat cat -f </dev/null | leat cat -t' <<'END'
#leat 1
END
try 'forms that are not canonical' 0 "printf '#leat 1\nx\ta=007\tb=0xFF\tc=a b\td=1.50\te=\"plain\"\tf=\"\\\\r\"\n' | leat cat" <<'END'
#leat 1
x	a=7	b=0xff	c="a b"	d=1.5	e=plain	f="\x0d"
END

# The specification's own bytes.
vector () {
	awk -v want="$1" '/^\.Bd/ { n++; next } /^\.Ed/ { n0 = n; next } n > n0 && n == want' "$TOP/man/leat-trace.5"
}
printf '#leat 1\n' >none.leat
vector 1 >lines.leat
vector 2 | perl -ne 's/\s//g; print pack q(H*), $_' >spec.frames
vector 3 | perl -ne 's/\s//g; print pack q(H*), $_' >none.frames
try 'the vector of leat-trace(5), decoded' 0 'leat cat -t spec.frames' <lines.leat
holds 'and encoded' 'test -s spec.frames && leat cat -f -z 0 lines.leat | cmp - spec.frames'
try 'the empty vector, decoded' 0 'leat cat -t none.frames' <none.leat
holds 'and encoded' 'test -s none.frames && leat cat -f -z 0 none.leat | cmp - none.frames'

# Ranges and the index: three frames, the second without state.
{
	printf '#leat 1\ncomm\tt=10\tpid=1\tname=a\nx\tt=20\n' | leat cat -f -z 0
	printf '#leat 1\nx\tt=30\nx\tt=40\n' | leat cat -f -z 0
	printf '#leat 1\nx\tt=50\ny\nx\tt=60\n' | leat cat -f -z 0
} >three
try 'a range in lines' 0 'leat cat -t three | leat cat --since 30 --until 50' <<'END'
#leat 1
comm	t=10	pid=1	name=a
x	t=30
x	t=40
x	t=50
y
END
try 'the same range in frames' 0 'leat cat -t --since 30 --until 50 three' <<'END'
#leat 1
comm	t=10	pid=1	name=a
x	t=30
x	t=40
x	t=50
y
END
try 'frames outside are hopped over, state is kept' 0 'leat cat -t --since 50 <three' <<'END'
#leat 1
comm	t=10	pid=1	name=a
x	t=50
y
x	t=60
END
try 'through a pipe, where there is no seeking' 0 'cat three | leat cat -t --until 5ns' <<'END'
#leat 1
comm	t=10	pid=1	name=a
END
try 'both ends of a range belong to it' 0 'leat cat -t --since 40 --until 40 three; leat cat -t --since 30 --until 30 three | tail -n 1' <<'END'
#leat 1
comm	t=10	pid=1	name=a
x	t=40
x	t=30
END
try 'a range that ends before it begins' 2 'leat cat --since 2 --until 1 three' </dev/null
said 'later than --until'
printf '#leat 1\nx\tt=15\nspan\tt=10\tdur_ns=20\nspan\tt=35\tdur_ns=1\n' >spans
leat cat -f -o spans.frames spans
try 'a span is inside where it overlaps the range' 0 'leat cat --since 20 --until 34 spans; leat cat -t --since 30 --until 35 spans.frames; leat cat -t --since 37 spans.frames' <<'END'
#leat 1
span	t=10	dur_ns=20
#leat 1
span	t=10	dur_ns=20
span	t=35	dur_ns=1
#leat 1
END
try 'the index has its end' 0 'leat cat --index spans.frames | cut -f 5,6' <<'END'
t_min	t_max
10	36
END
holds 'the index' 'leat cat --index three >index && cut -f 4- index >columns && cut -f 1 index >offsets'
try 'its records and times' 0 'cat columns' <<'END'
records	t_min	t_max	flags
2	10	20	state
2	30	40	-
3	50	60	-
END
holds 'its offsets are those of the magic' 'sed 1d offsets | while read -r o; do tail -c +$((o + 1)) three | head -c 4 | od -An -tx1 | grep -q "50 2a 4d 18" || exit; done'
try 'lines have no index' 2 'leat cat --index odd.leat' <<'END'
offset	stored	raw	records	t_min	t_max	flags
END
said 'lines have no frames'

# Damage.
o=$(sed -n 3p offsets)
export o
{ head -c $((o + 100)) three; printf '\377\377'; tail -c +$((o + 103)) three; } >changed
try 'a changed byte costs its frame' 2 'leat cat -t changed' <<END
#leat 1
comm	t=10	pid=1	name=a
x	t=20
lost	t=20	n=2	why=damaged	from=$o	to=$(sed -n 4p offsets)
x	t=50
y
x	t=60
END
said "changed@$o: .* (1 damaged place, $(($(sed -n 4p offsets) - o)) bytes lost)"
try 'a file that is cut inside an index' 2 'head -c $((o + 30)) three | leat cat -t' <<END
#leat 1
comm	t=10	pid=1	name=a
x	t=20
lost	t=20	n=1	why=truncated	from=$o	to=$((o + 30))
END
try 'a cut file is read up to the cut' 2 'head -c $((o + 100)) three | leat cat -t' <<END
#leat 1
comm	t=10	pid=1	name=a
x	t=20
lost	t=20	n=2	why=truncated	from=$o	to=$((o + 100))
END
said 'cut off'
printf '#leat 1\na\tt=1\nnonsense here\nb\tx\nc\tt=1\tt=2\n9\nd\tx="a\ne\tx=\\q;\na\tt=2\na\tt=3' >bad.leat
try 'lines that do not parse' 2 'leat cat bad.leat' <<'END'
#leat 1
a	t=1
lost	t=1	n=6	why=damaged	from=14	to=59
a	t=2
lost	t=2	n=1	why=truncated	from=65	to=70
END
said '^leat cat: bad.leat:3: column 1: '
try 'a source without an end was cut off' 2 'printf "#leat 1\nstart\ttool=x\nx\tt=9\n" | leat cat' <<'END'
#leat 1
start	tool=x
x	t=9
lost	t=9	n=1	why=truncated
END
said 'cut off'
cp got once
try 'which is told once, however often it is copied' 0 'leat cat once' <once
try 'something else' 2 'leat cat /bin/sh' </dev/null
said 'not a trace'
try 'a later version' 2 'printf "#leat 2\n" | leat cat' </dev/null
said 'another version'
printf '#leat 1\nx\tt=1\n' >one.leat
try 'a good input after a bad one' 2 'leat cat nosuch one.leat' <one.leat
said 'nosuch: No such file'

holds 'a live pipe is not held up' '{ printf "#leat 1\nx\tt=1\n"; sleep 3; } | leat cat -f | leat cat -t | { read -r _; read -r a; printf "%s\n" "$a" >seen; date +%s >when; cat >rest; date +%s >>when; } && grep -q "^x	t=1$" seen && test $(($(tail -n 1 when) - $(head -n 1 when))) -ge 2'

finish
