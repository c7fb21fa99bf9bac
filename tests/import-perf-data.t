# Imports of perf.data beside perf script on the same file: each sample, in order, with all that both know.
. tests/lib.sh

command -v perf >/dev/null || skip_all 'no perf'
cat >work.sh <<'EOF'
perl -e '$0 = "a b"; $i = 0; $i++ while $i < 2e6; system "true"' &
for i in 1 2 3 4 5; do
	perl -e '$i = 0; $i++ while $i < 4e5'
done
wait
EOF

# record NAME OPTION...: what perf has to say is in NAME.log; on a busy machine it does not always get what it asks for
record () {
	name=$1
	shift
	for _ in 1 2 3; do
		perf record -q -o "$name" "$@" -- sh work.sh >"$name.log" 2>&1 && return 0
		echo "status $?" >>"$name.log"
	done
	sed 's/^/# perf: /' "$name.log"
	return 1
}

record fp.data -e cpu-clock -F 1997 -g --sample-cpu ||
	skip_all "perf cannot record here: $(head -n 1 fp.data.log)"
case $(uname -m) in
x86_64 | aarch64) regs=yes ;;
*) regs= ;;
esac

# COMM PID TID CPU TIME PERIOD EVENT IP... of samples, from a trace.
cat >ours.awk <<'EOF'
BEGIN { FS = "\t" }
$1 == "sample" || $1 == "event" {
	split("", v)
	for (i = 2; i <= NF; i++)
		v[substr($i, 1, index($i, "=") - 1)] = substr($i, index($i, "=") + 1)
	comm = "comm" in v ? v["comm"] : ":" v["tid"]
	gsub(/"/, "", comm)
	event = $1 == "event" ? v["name"] : v["event"]
	period = $1 == "event" ? 1 : v["weight"]
	chain = "ip" in v ? v["ip"] ";" : v["chain"]
	gsub(/0x/, "", chain)
	gsub(/;/, " ", chain)
	print comm "|" v["pid"] "|" v["tid"] "|" v["cpu"] "|" v["t"] "|" period "|" event "|" (nochain ? "" : chain)
}
EOF
# The same of perf script, which prints COMM PID/TID [CPU] SECONDS.NS: PERIOD EVENT: ...
cat >theirs.awk <<'EOF'
match($0, /-?[0-9]+\/-?[0-9]+ +\[[0-9]+\] +[0-9]+\.[0-9]+: /) {
	comm = substr($0, 1, RSTART - 1)
	sub(/^ +/, "", comm)
	sub(/ +$/, "", comm)
	$0 = substr($0, RSTART)
	split($1, id, "/")
	t = $3
	gsub(/[.:]/, "", t)
	sub(/^0+/, "", t)
	event = $5
	sub(/:$/, "", event)
	print comm "|" id[1] "|" id[2] "|" substr($2, 2) + 0 "|" t "|" $4 "|" event "|"
}
EOF
# Its chains are of offsets in the objects; those of the file are in what -D prints, with the markers of contexts, and
# values in their range that a stack without frame pointers gave.
cat >chains.awk <<'EOF'
function out () {
	if (inside)
		print chain
	inside = 0
	chain = ""
}
/ PERF_RECORD_/ {
	out()
	inside = / PERF_RECORD_SAMPLE\(/
	if (inside && match($0, /: 0x[0-9a-f]+ period/))
		chain = substr($0, RSTART + 4, RLENGTH - 11) " "
}
inside && /chain: nr:/ { chain = "" }
inside && /^\.\.\.\.\. +[0-9]+: / && $3 !~ /^fffffffffffff/ {
	sub(/^0+/, "", $3)
	chain = chain ($3 == "" ? "0" : $3) " "
}
END { out() }
EOF

# agree NAME FILE [nochain]: every sample of FILE is the same, and there are some
agree () {
	perf script --ns -F comm,pid,tid,cpu,time,period,event -i "$2" 2>theirs.err | awk -f theirs.awk >theirs
	if [ -z "${3:-}" ]; then
		perf script -D -F time -i "$2" 2>/dev/null | awk -f chains.awk >chains
		paste -d '\0' theirs chains >both
		mv both theirs
	fi
	leat import -t perf.data "$2" >trace 2>err
	status=$?
	awk -v nochain="${3:-}" -f ours.awk trace >ours
	if [ "$status" -ne 0 ] || ! [ -s ours ] || ! [ -s theirs ]; then
		bad "$1" "status $status" "$(wc -l ours theirs)" "$(cat err theirs.err)"
	elif ! diff ours theirs >difference; then
		bad "$1" "$(head -n 20 difference)"
	else
		good "$1 ($(wc -l <ours) samples)"
	fi
}

agree 'frame pointers' fp.data
holds 'names with blanks are there' 'grep -q "comm=\"a b\"" trace'
# A busy machine loses some; and what perl keeps in the frame pointer, which is none, may lead around in a circle.
if perf script -D -i fp.data 2>/dev/null | grep -q 'PERF_RECORD_\(LOST\|LOST_SAMPLES\|THROTTLE\)'; then
	holds 'what perf lost is told' 'tail -n 1 trace | grep -q "^end.*lost=[1-9][0-9]*$"'
else
	cut=$(awk 'NF >= 127 { n++ } END { print n + 0 }' chains)
	export cut
	holds "nothing is lost but $cut deep stacks" 'tail -n 1 trace | grep -q "^end.*lost=$cut$" &&
		[ "$(sed -n "s/^lost.*	n=\([0-9]*\)	why=stack-cut$/\1/p" trace | awk "{ n += \$1 } END { print n + 0 }")" -eq "$cut" ] || { cut -c 1-300 trace | grep "^lost"; exit 1; }'
fi
holds 'executions are marked' 'grep "^comm" trace | grep -q "name=perl.*exec=1"'
holds 'mappings are there' 'grep -q "^mmap.*libc" trace'
# perf writes where the kernel is only for those who may see it.
if perf script --show-mmap-events -i fp.data 2>/dev/null | grep -q 'kernel.kallsyms'; then
	holds 'that of the kernel, too' 'grep -q "^mmap	pid=-1.*path=.kernel.kallsyms.$" trace'
else
	skip 'that of the kernel, too' 'it is hidden from this user'
fi
try 'the host is named' 0 'grep -c "^start	tool=perf	version=[0-9.]*.*	clock=perf	host=$(uname -n)	arch=$(uname -m)	release=$(uname -r)	argv=.*;record;-q;" trace' <<'END'
1
END
perf buildid-list -i fp.data | grep -v kernel | sort >theirs
holds 'build ids' 'leat import -t perf.data fp.data | sed -n "s/^object	path=\(.*\)	buildid=@\(.*\)/\1 \2/p" |
	grep -v kernel | while read -r path id; do echo "$(echo "$id" | base64 -d | od -An -v -tx1 | tr -d " \n") $path"; done | sort | diff - theirs'

record z.data -z -e cpu-clock -F 1997 -g --sample-cpu
agree 'compressed' z.data

perf record -q -o - -e cpu-clock -F 1997 -g --sample-cpu -- sh work.sh 2>pipe.log >pipe.data
agree 'pipe form' pipe.data
leat import -t perf.data <fp.data >text
holds 'file form through a pipe' 'cat fp.data | leat import -t perf.data | diff - text'
leat import -t perf.data <pipe.data >text
holds 'pipe form through a pipe' 'cat pipe.data | leat import -t perf.data | diff - text'
holds 'the pipe form knows the host' 'grep -q "^start	tool=perf	version=.*	host=$(uname -n)	" text'

if record all.data -a -k monotonic_raw -e cpu-clock -F 997 -g; then
	agree 'all CPUs' all.data
	holds 'the clock is told' 'grep -q "^clock	t=\([0-9]*\)	monotonic_raw=\1	realtime=[0-9]*$" trace &&
		grep -q "^start.*	clock=monotonic_raw	" trace'
	holds 'in order of time' 'sed -n "s/^[a-z]*	t=\([0-9]*\)	.*/\1/p" trace | sort -c -n'
	record two.data -a -e cpu-clock -e task-clock:u -c 1000000 && agree 'two events' two.data
else
	skip 'all CPUs' 'not allowed'
fi

if record tp.data -a -e sched:sched_switch -e sched:sched_process_fork -e cpu-clock; then
	agree 'tracepoints' tp.data nochain
	perf script --ns -F time,event,trace -i tp.data 2>/dev/null |
		sed -n 's/^ *\([0-9]*\)\.\([0-9]*\): *sched:sched_switch: prev_comm=\(.*\) prev_pid=\([0-9]*\) prev_prio=\([0-9]*\) prev_state=[^ ]* ==> next_comm=\(.*\) next_pid=\([0-9]*\) next_prio=\([0-9]*\)$/\1\2 \3 \4 \5 \6 \7 \8/p' |
		sed 's/^0*//' >theirs
	grep 'name=sched:sched_switch' trace | tr -d '"' |
		sed 's/^event	t=\([0-9]*\).*	prev_comm=\(.*\)	prev_pid=\(.*\)	prev_prio=\(.*\)	prev_state=.*	next_comm=\(.*\)	next_pid=\(.*\)	next_prio=\(.*\)/\1 \2 \3 \4 \5 \6 \7/' >ours
	holds 'fields of tracepoints' '[ -s ours ] && diff ours theirs'
else
	skip 'tracepoints' 'no tracefs'
fi

# A group that reads its counters: one sample for each that moved.
if record group.data -a -e '{cpu-clock,page-faults,context-switches}:S' -c 500000; then
	agree 'a group' group.data nochain
	holds 'its members' 'grep -q "event=page-faults	weight=[0-9]" trace'
else
	skip 'a group' 'not allowed'
fi

# Registers and stacks: perf script -D prints what is in the file.
if [ -n "$regs" ] && record dwarf.data -e cpu-clock -F 499 --sample-cpu --call-graph dwarf,512; then
	agree 'stack dumps' dwarf.data nochain
	perf script -D -i dwarf.data 2>/dev/null | awk -v arch="$(uname -m)" '
		BEGIN {
			order = arch == "x86_64" ? "AX DX CX BX SI DI BP SP R8 R9 R10 R11 R12 R13 R14 R15 IP" : ""
			if (order == "") {
				for (i = 0; i < 30; i++)
					order = order "x" i " "
				order = order "lr sp pc"
			}
			n = split(order, name, " ")
		}
		function out () {
			if (inside && size > 0) {
				line = ""
				for (i = 1; i <= n; i++)
					line = line v[name[i]] ";"
				print line, size
			}
			inside = size = 0
			split("", v)
		}
		/PERF_RECORD_/ { out(); inside = /PERF_RECORD_SAMPLE/ }
		inside && /^\.\.\.\. [A-Za-z0-9]+ +0x/ { x = $3; sub(/^0x0*/, "0x", x); v[$2] = x == "0x" ? "0x0" : x }
		inside && /^\.\.\. ustack: size/ { size = $4 + 0 }
		END { out() }' >theirs
	sed -n 's/^sample.*	regs=\([^	]*\)	ustack=@\(.*\)$/\1 \2/p' trace | awk '{
		size = length($2) / 4 * 3 - gsub(/=/, "", $2)
		print $1, size }' >ours
	# perf counts what it asked for, we what was copied: it is never more.
	holds 'registers' '[ -s ours ] && cut -d" " -f1 ours | diff - "$(cut -d" " -f1 theirs >t; echo t)"'
	holds 'stacks' 'paste -d" " ours theirs | awk "\$2 > \$4 { bad = 1 } END { exit bad }"'
else
	skip 'stack dumps' 'an architecture whose registers are not mapped, or not allowed'
fi

# Damage.
size=$(wc -c <fp.data)
head -c $((size / 2)) fp.data >half.data
holds 'a file cut off is used' 'leat import -t perf.data half.data >cut; [ $? -eq 2 ] && [ $(grep -c ^sample cut) -gt 10 ] &&
	grep -q "^lost.*why=truncated" cut'
leat import -t perf.data fp.data | grep ^sample >whole
# A name may be told by another CPU's part, which is cut off.
holds 'what is there is the same' 'sed "s/	comm=[^	]*//" whole | sort >all
	grep ^sample cut | sed "s/	comm=[^	]*//" | sort | comm -23 - all >extra; ! [ -s extra ]'
printf '2ELIFREP' >swapped.data
tail -c +9 fp.data >>swapped.data
try 'the other byte order' 2 'leat import -t perf.data swapped.data' <<'END'
#leat 1
END
said 'swapped.data: @0: from a machine of the other byte order'
printf 'PERFILE2' >short.data
try 'a header cut off' 2 'leat import -t perf.data short.data' <<'END'
#leat 1
END
said 'short.data: @8: the header is cut off'
try 'no perf.data at all' 2 'leat import -t perf.data work.sh' <<'END'
#leat 1
END
said 'work.sh: @0: no perf.data'
finish
