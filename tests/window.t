#!/bin/sh
. tests/lib.sh

trace () { printf '#leat 1\n'; printf 'start\ttool=x\n'; printf '%b' "$@"; printf 'end\ttool=x\tmade=%s\tlost=0\n' $#; }

trace 'mark\tt=1\ttid=1\tname=warm\n' 'sample\tt=2\ttid=1\tx=1\n' 'sample\tt=4\ttid=2\tx=2\n' \
	'mark\tt=5\ttid=1\tcode=7\tname=go\n' 'sample\tt=6\ttid=1\tx=3\n' 'sample\tt=7\ttid=2\tx=4\n' \
	'mark\tt=8\ttid=1\tcode=8\tname=done\n' 'sample\tt=9\ttid=1\tx=5\n' 'mmap\tt=10\ttid=2\taddr=0x1000\tsize=1\n' \
	'sample\tt=12\ttid=2\tx=6\n' 'mark\tt=15\ttid=2\tcode=7\tname=go\n' 'sample\tt=16\ttid=1\tx=7\n' \
	'mark\tt=17\ttid=2\tcode=8\tname=done\n' 'sample\tt=18\ttid=2\tx=8\n' >t

# The records of standard input by their t (or x), with --slice w as t:i, in one line.
cat >ts <<'EOT'
#!/bin/sh
leat cat -t | grep -v -e '^#' -e '^start' -e '^end' | tr '\t' '\n' | awk -F= -v key="${1-t}" '
	$1 == key { printf "%s%s", n++ ? " " : "", $2 }
	$1 == "w" { printf ":%s", $2 }
	END { print "" }'
EOT
chmod +x ts
PATH=$PWD:$PATH

# kept NAME TIMES OPTIONS: exactly these records, nothing said, and books that balance
kept () {
	try "$1" 0 "leat window $3 t >out && ts <out" <<-END
	$2
	END
	silent
	holds "$1: the books" "[ \$(leat audit out | grep -c 'balanced$') -eq 2 ]"
}

kept 'from mark to mark, anew; state records pass' '5 6 7 8 10 15 16 17' '-s mark=go -e mark=done'
kept 'frames as well' '5 6 7 8 10 15 16 17' '-f -s mark=go -e mark=done'
kept 'a code' '5 6 7 8 10 15 16 17' '-s mark=7 -e mark=0x8'
kept 'a bare word is a name' '5 6 7 8 10 15 16 17' '-s go -e done'
kept 'an expression' '6 7 10' "-s 'x == 3' -e 'x == 4'"
kept 'without the start' '6 7 8 10 16 17' '-s go -e done --no-start'
kept 'without the end' '5 6 7 10 15 16' '-s go -e done --no-end'
kept 'without both' '6 7 10 16' '-s go -e done --no-end --no-start'
kept 'one window' '5 6 7 8 10' '-s go -e done -n 1'
kept 'one window, and what is around' '2 4 5 6 7 8 9 10' '-s go -e done -n 1 -B 3 -A 1'
kept 'the second window' '10 15 16 17' '-s go -e done --skip 1'
kept 'everything' '1 2 4 5 6 7 8 9 10 12 15 16 17 18' '-s none -e none'
kept 'from the beginning' '1 2 4 5 10' '-e go'
kept 'to the end' '8 9 10 12 15 16 17 18' '-s done'
kept 'what is before' '2 4 5 6 7 8 10 12 15 16 17' '-s go -e done -B 3'
kept 'what is after' '5 6 7 8 9 10 15 16 17 18' '-s go -e done -A 1'
kept 'windows that overlap repeat nothing' '1 2 4 5 6 7 8 9 10 12 15 16 17 18' '-s go -e done -A 5 -B 5'
kept 'around each' '4 5 6 10 15 16' '-s go -A 1 -B 1'
kept 'around each, of one thread' '2 5 6 8 10 12 15 17 18' '-s go -A 3 -B 3 --per tid'
kept 'times' '5 6 7 8 10' '-s t=5 -e t=8'
kept 'times with units' '5 6 7 8 10' '-s t=0.005us -e t=8ns'
kept 'times that count from the first' '4 5 6 7 10' '-s t=+3 -e t=+6'
kept 'a time has no record to leave out' '5 6 7 8 10' '-s t=5 -e t=8 --no-start --no-end'
kept 'a time fires once' '5 6 7 8 10' '-s t=5 -e done'
kept 'nothing is opened after the time of the end' '5 6 7 8 10' '-s go -e t=8'
kept 'each thread by itself' '5 6 8 10 15 17' '-s go -e done --per tid'
unfinished () {
	try "$1" 0 "leat window $3 t >out && ts <out" <<-END
	$2
	END
	said "^leat window: the end of $4 never came: kept to the end of the trace\$"
}
unfinished 'each name by itself' '5 10 15' '-s go -e done --per name -n 1' '1 window'
kept 'slices' '1 2 4 5:1 6:1 7:1 8:1 9 10 12 15:2 16:2 17:2 18' '-s go -e done --slice w'
kept 'slices: what waited, too' '1 2:1 4:1 5:1 6:1 7:1 8:1 9 10 12:2 15:2 16:2 17:2 18' '-s go -e done --slice w -B 3'
kept 'slices: a number is that of the stream' '1 2 4 5 6 7 8 9 10 12 15:2 16:2 17:2 18' '-s go -e done --slice w --skip 1'
unfinished 'slices: what ends one and begins the next' '1:1 2:1 4:1 5:2 6:2 7:2 8:3 9:3 10:3 12:3 15:4 16:4 17:5 18:5' \
	"-s 'type == \"mark\"' -e 'type == \"mark\"' --slice w" '1 window'
kept 'aligned' '0 1 2 3 10 0 1 2' '-s go -e done --align'
kept 'aligned, with what was before' '-3 -1 0 1 2 3 10 -3 0 1 2' '-s go -e done --align -B 3'
kept 'aligned to a time' '0 1 2 3 4 10' '-s t=4 -e t=8 --align'
try 'the record is as it was' 0 'leat window -t -s go -e done -n 1 --slice run --align t | grep "x=3$\|run="' <<'EOT'
mark	t=0	tid=1	code=7	name=go	run=1
sample	t=1	tid=1	x=3	run=1
sample	t=2	tid=2	x=4	run=1
mark	t=3	tid=1	code=8	name=done	run=1
EOT

# A span stands at its end.
trace 'sample\tt=1\tx=1\n' 'span\tt=2\tdur_ns=3\tname=short\n' 'sample\tt=6\tx=2\n' 'span\tt=1\tdur_ns=9\tname=long\n' \
	'sample\tt=12\tx=3\n' >t
kept 'before the slow one' '6 1' "-s 'dur_ns > 5' -B 4"
kept 'the end of a span is its time' '2 6' '-s t=5 -e t=9'
kept 'a span moves with its window' '-4 -9' "-s 'dur_ns > 5' -B 4 --align"

# Addresses, symbols, instructions.
trace 'insn\tt=1\tpc=0x1000\tip=0x2000\tinsn=0x13\n' 'insn\tt=2\tip=0x1000\tinsn=0x8013\n' \
	'sample\tt=3\tchain=0x1000;0x9;\n' 'sym\tt=3\taddr=0x1000\tsize=9\tname=work\n' 'sample\tt=4\tchain=0x9;0x1000;\n' \
	'sample\tt=5\tpc=4096\n' 'sample\tt=6\tstack=main;work;\n' 'sample\tt=7\tstack=work;main;\n' \
	'insn\tt=8\tpc=0x1001\tinsn=0xf8013\n' 'sym\tt=8\taddr=0x1001\tname=work\n' 'insn\tt=9\tpc=0x1001\n' >t
kept 'pc: else ip, else the first of the chain' '1 2 3 3 5 8' "-s pc=0x1000 -A 0"
kept 'pc of a symbol: from its record on; the leaf of a stack' '3 5 6 8 9' "-s pc=work -A 0"
kept 'insn' '2 3 8' "-s insn=0x8013 -A 0"
kept 'insn with a mask' '2 3 8 8' "-s insn=0xff8013/0xffff -A 0"

# TracerV: the beat that starts is not there, that which ends is.
beats () {
	echo '#leat 1'
	awk 'BEGIN { for (t = 1; t <= 12; t++) for (l = 0; l < 2; l++) printf "insn\tt=%d\tlane=%d\tpc=0x%x\tx=%d%c\n", t, l, t * 16 + l, t, 97 + l }'
}
beats >t
traced () {
	try "$1" 0 "leat window $3 t | ts x" <<-END
	$2
	END
	silent
}
traced 'TracerV: none' '1a 1b 2a 2b 3a 3b 4a 4b 5a 5b 6a 6b 7a 7b 8a 8b 9a 9b 10a 10b 11a 11b 12a 12b' '--tracerv 0,0,-1'
traced 'TracerV: cycles, both included, decimal' '10a 10b 11a 11b' '--tracerv 1,10,11'
traced 'TracerV: cycles without an end' '11a 11b 12a 12b' '--tracerv 1,11,-1'
traced 'TracerV: from pc to pc, hex' '4a 4b 5a 5b' '--tracerv 2,30,50'
traced 'TracerV: an end in another lane stops nothing' \
	'4a 4b 5a 5b 6a 6b 7a 7b 8a 8b 9a 9b 10a 10b 11a 11b 12a 12b' '--tracerv 2,0x30,0x51'
traced 'TracerV: without an end' '12a 12b' '--tracerv 2,b1,-1'
sed 's/pc=/insn=/' t >u && mv u t
traced 'TracerV: mask and value' '4a 4b 5a 5b' '--tracerv 3,ffffffff00000030,ffffffff00000050'
traced 'TracerV: a mask that lets several lanes start' '4a 4b 5a 5b 6a 6b 7a 7b 8a 8b 9a 9b 10a 10b 11a 11b 12a 12b' \
	'--tracerv 3,fffffff000000030,ffffffff00000050'
traced 'TracerV: a window has a number' '1a 1b 2a 2b 3a 3b 4a:1 4b:1 5a:1 5b:1 6a 6b 7a 7b 8a 8b 9a 9b 10a 10b 11a 11b 12a 12b' \
	'--tracerv 3,ffffffff00000030,ffffffff00000050 --slice w'

# What is said, and statuses.
trace 'sample\tt=1\tcomm=a\tx=1\n' 'mmap\tt=2\taddr=0x1\n' 'sample\tt=3\tcomm=b\tx=2\n' 'sample\tt=9\tx=1\n' >t
try 'no window: 1' 1 'leat window -o out -s "x == 7" -B 1 t' </dev/null
said '^leat window: no window: the start never came$'
try 'no window: what passes always has passed' 0 'ts <out' <<'EOT'
2
EOT
try 'no window, for want of quotes' 1 'leat window -o out -s "comm == app" t' </dev/null
said '^leat window: no record has a field app, which -s compares (a string needs quotes: "app")$'
try 'no window, for want of a symbol' 1 'leat window -o out -s pc=main t' </dev/null
said '^leat window: no sym record is called main, and no stack ends in it (leat unwind makes stacks of addresses)$'
try 'all skipped' 1 'leat window -o out -s "x == 1" -A 0 --skip 2 t' </dev/null
said '^leat window: all 2 windows were skipped$'
try 'an empty trace has no window' 1 ': | leat window -s go >out' </dev/null
try 'no end' 0 'leat window -s "x == 2" -e "x == 3" t | ts' <<'EOT'
2 3 9
EOT
said '^leat window: the end of 1 window never came: kept to the end of the trace$'
usage () {
	try "$1" 2 "leat window $2 t" </dev/null
	said "$3"
}
usage 'no trigger at all' '' '^leat window: what opens and closes a window is missing: -s TRIGGER -e TRIGGER$'
usage 'tracerv and a trigger' '-s go --tracerv 0,0,0' '^leat window: --tracerv and -s or -e do not go together$'
usage 'no time' '-s t=soon' '^leat window: -s: t=soon: not a time or a cycle (12, 1.5s, +10ms)$'
usage 'no address' '-e pc=80000000' '^leat window: -e: pc=80000000: neither an address (0x1f4) nor a symbol (main)$'
usage 'no instruction' '-s insn=addi' '^leat window: -s: insn=addi: not VALUE or VALUE/MASK (0x8013/0xffffffff)$'
usage 'no mark' '-s mark=' '^leat window: -s: mark=: a code or a name is missing$'
usage 'forms do not mix' "-s 'pc=0x10 && cpu == 1'" \
	'^leat window: -s: pc=0x10 && cpu == 1: pc=X stands alone; in an expression, it is written with ==$'
usage 'no expression' "-s 'x =='" '^leat window: -s: '
usage 'no selector' '--tracerv 4,0,0' 'not SELECTOR,START,END with the selector 0 (all), 1 (cycles), 2 (pc) or 3 (instruction)$'
usage 'cycles are decimal' '--tracerv 1,0x10,20' 'START and END of selector 1 are decimal cycles$'
usage 'addresses are hex' '--tracerv 2,main,20' 'START and END of selector 2 are hex numbers$'
usage 'no name of a field' '-s go --slice 1st' '^leat window: --slice 1st: not a name of a field'
usage 'little room' '-s go --room 4k' '^leat window: --room 4k: less than 1MiB$'
usage 'a field that is there already' '-s none --slice x' \
	'^leat window: t:[0-9]*: a sample has a field x already: --slice needs another name$'
sed 's/x=1/x=1;2;/' t >lists
try 'a list has no state' 2 'leat window -t -s none --per x lists >out' </dev/null
said '^leat window: lists:[0-9]*: the field x of a sample is a list of int: there is no state for each$'
trace 'sample\tt=5\tx=0\n' 'sample\tt=4\tx=1\n' 'sample\tt=9\tx=1\n' >back
try 't goes back' 0 'leat window -s "x == 1" -B 2 back | ts' <<'EOT'
4 9
EOT
said '^leat window: t goes back at 1 places: -B and -A count from the latest t$'

trace 'sample\tt=5\tx=0\n' 'sample\tt=7\tx=0\n' 'sample\tt=6\tx=1\n' >back
try 'what came earlier, and is later, is not before' 0 'leat window -s "x == 1" -B 3 back 2>/dev/null | ts' <<'EOT'
5 6
EOT

# Room: what is given up is told where it would have been kept. A record here is large, its place is not.
{
	printf '#leat 1\nstart\ttool=x\n'
	awk 'BEGIN { s = "x"; while (length(s) < 500) s = s s
		for (i = 0; i < 30000; i++) printf "sample\tt=%d\tx=%d\tcomm=%s%d\n", i, i == 20000, s, i }'
	printf 'end\ttool=x\tmade=30000\tlost=0\n'
} | leat cat -f >many
try 'little room: what is given up, and would have been kept, is counted' 0 'leat window -s "x == 1" -B 9000 -A 0 --room 1MiB many >out
	leat cat -t out | awk -F"[\t=]" "
		/^sample/ { kept++; last = \$3 } /^lost/ { lost += \$5; why = \$7; at = \$3 }
		/^end.*window/ { books = \$7 == kept && \$15 == lost && \$5 == \$7 + \$13 + \$15 }
		END { print kept + lost, (kept > 500), (lost > 500), why, at, last, books }"' <<'EOT'
9001 1 1 window-full 20000 20000 1
EOT
said '^leat window: [0-9]* records that waited for a start were given up for want of memory (--room SIZE, or a shorter -B)$'
try 'little room: --strict' 2 'leat window --strict -s "x == 1" -B 9000 -A 0 --room 1MiB many >strict' </dev/null
holds 'little room: the books' '[ "$(leat audit out | grep -c "balanced$")" -eq 2 ]'
holds 'enough room' '[ "$(leat window -s "x == 1" -B 9000 -A 0 many | leat cat -t | grep -c ^sample)" -eq 9001 ]'
try 'little room: with slices, all goes out, and what lacks its number is counted' 0 'leat window -s "x == 1" -B 9000 -A 0 --slice w --room 1MiB many |
	leat cat -t | awk -F"[\t=]" "
		/^sample/ { all++ } /\tw=1\$/ { marked++ } /^lost/ { lost += \$5 }
		/^end.*window/ { books = \$7 == all && \$13 + \$15 == 0 }
		END { print all, marked + lost, (lost > 500), books }"' <<'EOT'
30000 9001 1 1
EOT

# Live: what is in a window does not wait for its end; what is outside waits only as long as it may be needed.
try 'live' 0 '{ printf "#leat 1\nsample\tt=1\tx=0\nsample\tt=2\tx=1\nsample\tt=3\tx=2\n"; sleep 1; } | leat window -s "x == 1" -e "x == 9" -B 5 2>/dev/null >live &
	sleep 0.5; grep -v "^start" live | cut -f 2; wait' <<'EOT'
#leat 1
t=1
t=2
t=3
EOT
# The rest of a long input is not unpacked, but counted.
try 'one window, and no more' 0 'leat window -n 1 -s "x == 1" -e t=20001 many >out; leat audit out | sed -n 2,3p' <<'EOT'
x	-	0	0	30000	0	0	balanced
window	30000	2	0	0	29998	0	balanced
EOT
trace 'sample\tt=5\tx=0\n' 'sample\tt=4\tx=1\n' 'sample\tt=9\tx=1\n' >back
try 'inputs are streams of their own' 0 'leat window -t -s t=+1 -e "x == 7" --slice w back t 2>/dev/null | ts' <<'EOT'
5 4 9:1 1 2:2 3:2 9:2
EOT

finish
