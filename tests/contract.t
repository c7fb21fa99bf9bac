#!/bin/sh
# contract.t - what holds of every tool; what kind of tool it is, its help says
. tests/lib.sh

# A source that says when it began and how it ended, two samples, and a record that nobody knows.
{
	echo '#leat 1'
	printf 'start\ttool=test\tversion=1\tclock=monotonic_raw\targv=test;\n'
	printf 'comm\tt=1\tpid=7\ttid=7\tname=app\n'
	printf 'sample\tt=%s\tcpu=0\tpid=7\ttid=7\tcomm=app\tevent=cpu-clock\tweight=1000\tstack=main;work;\torigin=u:app;u:app;\n' 2 3
	printf 'zebra\tt=5\tstripes=3\tname="a b"\tfoals=1;2;\n'
	printf 'end\ttool=test\tmade=4\tlost=0\n'
} >trace
printf 'main;work 7\nmain;rest 3\n' >folded
printf '%s\n' 12 7 13 9 8 11 10 >numbers
printf 'a: b\n\tsort b | uniq >$@\n' >makefile
printf 'factor,level\na,1\na,2\n' >levels
printf 'claim,where,column,expect\nfirst,1=12,1,>10\n' >claims
mkdir arun
printf '#leat 1\nrun\tt=2\tname=a\tid=a\texperiment=e\trep=1\tdry=0\n' >arun/run.leat
leat store add runs.db arun
cat >script <<'END'
app     7 [000]     1.000001:       1000 cpu-clock:
	            4005d0 work+0x10 (/tmp/app)
	            4005f0 main+0x20 (/tmp/app)

END
# A real recording's worth of frames, so that half of it is some frames and a part of one.
{
	echo '#leat 1'
	printf 'start\ttool=test\tversion=1\tclock=monotonic_raw\targv=test;\n'
	awk 'BEGIN {
		for (i = 0; i < 30000; i++) {
			x = (x * 69069 + 1) % 4294967296
			printf "sample\tt=%d\tcpu=0\tpid=7\ttid=7\tcomm=app\tevent=e\tweight=%d\tstack=main;f%d;\n", i, x, x % 977
		}
	}'
	printf 'end\ttool=test\tmade=30000\tlost=0\n'
} >many
: >nothing

# is TOOL KIND: reads (traces), folded, other (reads something else), writes (a trace), output (-o), wrapper, source (reads
# nothing)
is () {
	case $2 in
	source) [ "$(sed -n '1s/.*\[OPTION\.\.\.\] *//p' "help.$1")" = '' ] ;;
	reads) head -n 1 "help.$1" | grep -q 'TRACE' ;;
	folded) head -n 1 "help.$1" | grep -q 'FOLDED' ;;
	wrapper) head -n 1 "help.$1" | grep -q 'COMMAND' ;;
	writes) grep -q '^  -f, --frames' "help.$1" ;;
	output) grep -q '^  -o, --output=FILE' "help.$1" ;;
	filter) is "$1" reads && is "$1" writes ;;
	esac
}

# An input that this tool reads.
input () {
	if is "$1" reads; then
		echo trace
	elif is "$1" folded; then
		echo folded
	elif [ "$1" = compare ] || [ "$1" = verify ]; then
		echo numbers
	elif [ "$1" = lint ]; then
		echo makefile
	elif [ "$1" = plan ]; then
		echo levels
	elif [ "$1" = store ]; then
		echo runs.db
	else
		echo script
	fi
}

# What a tool must be given before its inputs: options and operands that take any trace (and behind its own options, as
# what stands behind -- is no option).
args () {
	case $1 in
	compare) echo "$dir/numbers --" ;;
	heat) echo '-x t -y cpu' ;;
	hist) echo '-k weight' ;;
	pair) echo "-s 'name == a' -e 'name == b' -k pid" ;;
	pick) echo "'t >= 0 || !has(t)'" ;;
	plotgen) echo 'lines -x t -y cpu' ;;
	store) echo list ;;
	verify) echo "$dir/claims" ;;
	window) echo '-s none -e none' ;;
	esac
}

# Runs COMMAND... so that Ctrl-C means something to it even in the background; its pid is in $!.
interruptible='$SIG{INT} = "DEFAULT"; exec @ARGV or die'

# All that holds of the tool $1, in a directory of its own.
obeys () {
	t=$1
	cases=0
	mkdir "of.$t" && ln folded levels makefile many nothing numbers runs.db script trace "of.$t" && cd "of.$t" || exit
	leat "$t" --help >"help.$t" 2>/dev/null
	in=$(input "$t")
	a=$(args "$t")
	text=
	! is "$t" writes || text=-t
	wrong=2
	! is "$t" wrapper || wrong=125

	holds "$t: --help says its usage" "leat $t --help | head -n 1 | grep '^usage: leat $t '"
	silent
	holds "$t: --help has a summary without a full stop" "leat $t --help | sed -n 2p | grep '^[^ ].*[^.]\$'"
	holds "$t: -h is --help" "leat $t -h | diff - help.$t"
	try "$t: --version" 0 "leat $t --version" <<-END
	leat $t $(leat --version | cut -d' ' -f2)
	END
	silent
	try "$t: an unknown option" $wrong "leat $t --no-such-option" </dev/null
	said "^leat $t: --no-such-option: "
	try "$t: an unknown letter" $wrong "leat $t -@" </dev/null
	said "^leat $t: -@: "
	try "$t: --help on a full disk" $wrong "leat $t --help >/dev/full" </dev/null
	said "^leat $t: standard output: No space left"
	holds "$t: no line of the help is wider than 100" "! grep -n '.\{101\}' help.$t"

	if is "$t" wrapper; then
		if leat "$t" -o probe -- true >/dev/null 2>err; then
			try "$t: the command's status" 7 "leat $t -o x -- sh -c 'exit 7'" </dev/null
			try "$t: the command is killed" 137 "leat $t -o x -- sh -c 'kill -9 \$\$'" </dev/null
			try "$t: no such command" 127 "leat $t -o x -- ./nosuch" </dev/null
			try "$t: not a program" 126 "leat $t -o x -- ./trace" </dev/null
			try "$t: with -o the command has standard output" 0 "leat $t -o x -- echo hello" <<-END
			hello
			END
			try "$t: without it, standard output is the trace" 0 "leat $t -t -- echo hello | head -n 1" <<-END
			#leat 1
			END
			said '^hello$'
			try "$t: a full disk" 125 "leat $t -- true >/dev/full" </dev/null
			said "^leat $t: .*No space left"
		else
			skip "$t: of a command" "$(tail -n 1 err)"
		fi
		return
	fi

	if is "$t" source; then
		holds "$t: it ends, and says nothing" "leat $t $a >/dev/null"
		silent
		holds "$t: -t writes lines, -f frames" "leat $t $a -t | head -n 1 | grep -x '#leat 1' && leat $t $a -f | zstd -q -t"
		holds "$t: its books balance" "leat $t $a | leat audit"
		holds "$t: what it opens it closes" "leat $t $a -t >one; sed -n 2p one | grep '^start	.*tool=$t	' && tail -n 1 one | grep '^end	.*tool=$t	'"
		try "$t: an operand" 2 "leat $t $a operand" </dev/null
		try "$t: a full disk" 2 "leat $t $a >/dev/full" </dev/null
		said "^leat $t: standard output: "
		holds "$t: no standard output" "leat $t $a >&-; [ \$? -eq 2 ]"
		try "$t: -o on a full disk" 2 "leat $t -o /dev/full $a" </dev/null
		said "^leat $t: /dev/full: "
		try "$t: -o where nobody may write" 2 "leat $t -o nosuch/out $a" </dev/null
		said "^leat $t: nosuch/out: "
		return
	fi

	try "$t: a file that is not there" 2 "leat $t $a nosuch >/dev/null" </dev/null
	said "^leat $t: nosuch: No such file"
	holds "$t: the same input gives the same bytes" "leat $t $a $in >one; s=\$?; leat $t $a $in >two; cmp one two && [ \$s -lt 2 ]"
	# (its own start tells how it was called)
	holds "$t: - is standard input" "leat $t $a $text - <$in | grep -v '^start	tool=$t' >two; leat $t $a $text <$in | grep -v '^start	tool=$t' | cmp two - && [ -s two ]"
	holds "$t: something is written" "leat $t $a $in | grep -q ."
	try "$t: a full disk" 2 "leat $t $a $in >/dev/full" </dev/null
	said "^leat $t: standard output: "
	holds "$t: nobody reads" "{ sleep 0.1; leat $t $a $in; echo \$? >status; } | :; grep -E '^(2|141)\$' status"
	holds "$t: no standard output" "leat $t $a $in >&-; [ \$? -eq 2 ]"

	if is "$t" output; then
		holds "$t: -o writes what standard output has" "mkdir out.$t; cp $in out.$t/in; cd out.$t
			leat $t $a in >want; leat $t -o got $a in; [ -s got ] && [ \"\$(echo *)\" = 'got in want' ] && leat $t -o got $a in
			if grep -q '^start' want; then grep -v '^start' want >w; grep -v '^start' got | cmp - w; else cmp got want; fi"
		try "$t: -o on a full disk" 2 "leat $t -o /dev/full $a $in" </dev/null
		said "^leat $t: /dev/full: "
		try "$t: -o where nobody may write" 2 "leat $t -o nosuch/out $a $in" </dev/null
		said "^leat $t: nosuch/out: "
		holds "$t: killed, it leaves no file" "mkdir kill.$t; cp $in kill.$t/in; cd kill.$t
			{ cat in; sleep 2; } | leat $t -o out $a & sleep 0.4; kill -TERM \$!; wait \$!; [ \"\$(echo *)\" = in ]"
	fi

	if is "$t" reads; then
		holds "$t: an empty trace" "leat $t $a nothing"
		silent
		holds "$t: an empty trace from a pipe" ": | leat $t $a"
		leat cat -f -o whole.leat many
		size=$(wc -c <whole.leat)
		head -c $((size / 2)) whole.leat >half.leat
		holds "$t: a file cut in half" "leat $t $a half.leat >got.half; [ \$? -eq 2 ]"
		said "^leat $t: half.leat"
		holds "$t: a damaged line" "sed 's/weight=1000/weight=;;=/' trace >bad; leat $t $a bad; [ \$? -eq 2 ]"
		said "^leat $t: bad:4: "
		holds "$t: frames are lines to it" "leat cat -f -o frames trace; leat $t $a trace >one; leat $t $a frames | if
			head -c 4 one | grep -q '#lea'; then leat cat -t | sed 's/;frames;/;trace;/'; else cat; fi | diff one -"
		holds "$t: two inputs" "leat $t $a trace trace"
		try "$t: the first Ctrl-C is not for it" 0 "{ cat trace; sleep 1; } | perl -e '$interruptible' leat $t $a >/dev/null &
			sleep 0.4; kill -INT \$!; wait \$!" </dev/null
		try "$t: the second is" 130 "{ cat trace; sleep 2; } | perl -e '$interruptible' leat $t $a >/dev/null &
			sleep 0.4; kill -INT \$!; sleep 0.1; kill -INT \$!; wait \$!" </dev/null
	fi

	if is "$t" filter; then
		holds "$t: unknown records pass unchanged" "grep ^zebra trace >one; leat $t $a -t trace | grep ^zebra | cmp - one"
		holds "$t: -t writes lines" "leat $t $a -t trace | head -n 1 | grep -x '#leat 1'"
		holds "$t: -f writes frames" "leat $t $a -f trace | zstd -q -t"
		holds "$t: --level" "leat $t $a -f -z 0 many >raw; leat $t $a -f -z 9 many >small; [ \$(wc -c <small) -lt \$(wc -c <raw) ]"
		holds "$t: the encoding is that of the input" "leat $t $a frames | zstd -q -t && leat $t $a trace | head -c 5 | grep -x '#leat'"
		holds "$t: lost records pass" "printf '#leat 1\nlost\tt=1\tn=3\twhy=ring-full\n' | leat $t $a | grep -c '^lost.*n=3.*why=ring-full'"
		try "$t: --strict makes loss an error" 2 "printf '#leat 1\nlost\tt=1\tn=3\twhy=ring-full\n' | leat $t $a --strict >/dev/null" </dev/null
		holds "$t: nothing waits longer than it must" "mkfifo pipe.$t; { cat trace; sleep 2; } >pipe.$t & leat $t $a <pipe.$t >live &
			sleep 1; grep -q ^zebra live; s=\$?; wait; exit \$s"
		holds "$t: what it opens it closes" "leat $t $a -t trace >one; ! grep -q '^start	tool=$t	' one || tail -n 1 one | grep '^end	tool=$t	in='"
	fi
}

# Most of the time is spent waiting: four at once. The cases are counted again, and what a tool did not end is a failure.
n=0
for t in $TOOLS; do
	n=$((n + 1))
	{
		obeys "$t"
		echo "done $t"
	} >"cases.$t" 2>&1 &
	[ $((n % 4)) -ne 0 ] || wait
done
wait
for t in $TOOLS; do
	while IFS= read -r line; do
		case $line in
		'ok '* | 'not ok '*)
			cases=$((cases + 1))
			case $line in
			not*) failed=$((failed + 1)) ;;
			esac
			printf '%s %d - %s\n' "${line%% [0-9]*}" "$cases" "${line#* - }"
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"cases.$t"
	[ "$(tail -n 1 "cases.$t")" = "done $t" ] || bad "$t: all was looked at"
done
if [ "$n" -eq 0 ]; then
	bad 'there are tools'
fi

finish
