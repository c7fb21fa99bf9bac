#!/bin/sh
# run.t - what a run leaves behind, whatever becomes of the command, of leat run, of the disk and of the machine
. tests/lib.sh

leat=$B/bin/leat
tab=$(printf '\t')

# stat NAME FILE: the value of a stat record
stat () {
	sed -n "s/^stat.*${tab}name=$1${tab}value=\\([^$tab]*\\).*/\\1/p" "$2"
}

# await COMMAND...: until it succeeds, ten seconds at most
cat >await <<'END'
#!/bin/sh
i=0
until "$@" >/dev/null 2>&1; do
	i=$((i + 1))
	[ $i -lt 1000 ] || exit 1
	sleep 0.01
done
END
chmod +x await

# A plan of the runs in standard input: NAME COMMAND [DRY FREQ CPU_NODE MEM_NODE TIMEOUT_NS THREADS SETTINGS], with | between.
plan () {
	printf '# plan seed=7 repetitions=1 factors=program,data\n'
	printf 'name\trep\tposition\tprogram\tdata\tcommand\tdry\tfreq\tcpu_node\tmem_node\ttimeout_ns\tTHREADS\tsettings\n'
	awk -F'|' -v OFS='\t' '{ print $1 ".x.1", 1, NR, $1, "x", $2, $3 + 0, $4, $5, $6, $7, $8, $9 == "" ? "s" NR : $9 }'
}
# ---- as time(1) ----

holds 'a trace of what it took' 'leat run -t -o t.leat -- sh -c "sleep 0.2; exit 3"; [ $? -eq 3 ] && leat audit t.leat'
silent
holds '  wall time is the time slept' "[ $(stat wall_ns t.leat) -ge 200000000 ] && [ $(stat wall_ns t.leat) -lt 3000000000 ]"
try '  and how it ended' 0 "grep -c 'name=exit_status.value=3' t.leat; grep -c 'name=signal.value=0' t.leat" <<END
1
1
END
try '  and what it was' 0 "sed -n 's/.*\\(name=sh\\)$tab.*\\(experiment=[^$tab]*\\)$tab\\(command=[^$tab]*\\)$tab\\(.*\\)/\\1 \\2 \\3 \\4/p' t.leat" <<END
name=sh experiment=$(basename "$dir") command="sh -c sleep 0.2; exit 3" dry=0
END
try 'a signal' 143 'leat run -t -o t.leat -- sh -c "kill -TERM \$\$"; s=$?; grep -c "name=signal.value=15" t.leat; exit $s' <<END
1
END
try 'standard input is the command'\''s' 0 'echo hello | leat run -o t.leat -- cat' <<END
hello
END
try 'a timeout' 124 'leat run -o t.leat --timeout 0.2s -- sleep 60' </dev/null
said '^leat run: timeout after 0\.'
try 'signals are passed on' 9 'leat run -o t.leat -- sh -c "trap \"exit 9\" TERM; echo >trapped; while :; do sleep 0.05; done" & ./await test -s trapped; kill -TERM $!; wait $!' </dev/null
try 'its own children are not waited for' 0 'leat run -o t.leat -- sh -c "sleep 3 >/dev/null 2>&1 & exit 0"; ps -eo args | grep -q "^[s]leep 3$"' </dev/null
try 'no command' 125 'leat run' </dev/null
said 'a COMMAND is missing'
for wrong in '--plan p --dir d' '--plan p' '--plan p --cell c' '--cell c -- true' '--share -- true' '--dir d -o x -- true' '--dir d -t -- true' \
	'--timeout soon -- true' '--plan nosuch --cell c --results r'; do
	try "wrong: $wrong" 125 "leat run $wrong" </dev/null
done

# A known burn of the CPU: what the kernel told bash of it, and us, is the same within a tenth and two ticks.
if command -v bash >/dev/null; then
	cat >burn.sh <<'END'
i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done
END
	for i in 1 2 3; do
		bash -c 'TIMEFORMAT="%U %S"; time leat run -t -o t.leat -- sh burn.sh' 2>times.txt
		read -r user system <times.txt
		awk -v u="$user" -v s="$system" -v ou="$(stat user_ns t.leat)" -v os="$(stat sys_ns t.leat)" 'BEGIN {
			want = u + s; got = (ou + os) / 1e9
			exit !(want > 0.05 && got <= want + 0.001 && got >= want * 0.9 - 0.02)
		}' && break
	done
	holds "CPU time is what time says ($user + $system s)" "[ $? -eq 0 ]"
else
	skip 'CPU time is what time says' 'no bash'
fi
try 'memory: 64 MB' 0 'leat run -t -o t.leat -- perl -e "\$x = q(x) x (64 << 20)"; exit 0' </dev/null
holds '  are seen' "[ $(stat maxrss_bytes t.leat) -gt 64000000 ] && [ $(stat maxrss_bytes t.leat) -lt 160000000 ]"

# ---- in a directory ----

try 'a directory' 0 'leat run --dir d -- sh -c "echo out; echo err >&2; basename \"\$PWD\"; cat; echo \$run \$experiment >file"; ls -d d; cat d/stdout d/stderr d/file' <<END
d
out
d.part
err
d $(basename "$dir")
END
holds '  its books balance' 'leat audit d/run.leat'
try '  is not written over' 125 'leat run --dir d -- true' </dev/null
said '^leat run: d: is there already'
try '  unless it is empty' 0 'mkdir empty; leat run --dir empty/ -- true; ls empty' <<END
run.leat
stderr
stdout
END
try 'its bytes are counted' 0 'leat run --dir c -- sh -c "printf 12345; printf 123 >&2"; sed -n "s/.*name=\(std[a-z_]*\).value=\([0-9]*\).*/\1 \2/p" c/run.leat' <<END
stdout_bytes 5
stderr_bytes 3
END
try 'a failed run' 3 'leat run --dir f -- sh -c "echo first >&2; echo \"the $(printf "\\033")[1mreason\" >&2; exit 3"; s=$?; ls -d f*; exit $s' <<END
f.failed.1
END
said '^leat run: f failed: exit status 3 after 0\.[0-9]* s; last line of stderr: the  \[1mreason; kept in f.failed.1$'
try '  and again' 3 'leat run --dir f -- sh -c "exit 3"; s=$?; ls -d f*; exit $s' <<END
f.failed.1
f.failed.2
END
holds '  says why' 'grep "^info.*name=failure" f.failed.2/run.leat | grep "exit status 3" && leat audit f.failed.2/run.leat'
try 'not there' 127 'leat run --dir n -- nosuch' </dev/null
said 'n failed: nosuch: No such file or directory; kept in n.failed.1$'
printf '#!/bin/sh\necho here\n' >prog
chmod +x prog
try 'a path that would be right elsewhere' 127 'leat run --dir n -- ./prog' </dev/null
said "is $dir/prog meant?"
try 'top says where that is' 0 'leat run --dir p -- sh -c "\$top/prog"; cat p/stdout' <<END
here
END
try 'names may hold anything' 0 'leat run --dir "$(printf "a b\\t\"\\nc\\\\=;")" -- true; leat run --dir -x -- true 2>&1; leat cat -t a*/run.leat | grep -c "name=\"a b.*=;"; ls -d a\ * | wc -l' <<END
1
2
END
try 'where nobody may write' 125 'leat run --dir /proc/x -- true' </dev/null
said '^leat run: /proc/x.part: '
try 'beneath a file' 125 'leat run --dir prog/x -- true' </dev/null
said '^leat run: prog/x'
if [ "$(id -u)" -ne 0 ]; then
	try 'in a directory that is not ours' 125 'mkdir closed; chmod 555 closed; leat run --dir closed/x -- true' </dev/null
	said '^leat run: .*closed/x.part: Permission denied'
fi
try 'a killed one is a failed one' 0 'mkdir k.part; echo old >k.part/file; leat run --dir k -- true; cat k.failed.1/file; ls k' <<END
old
run.leat
stderr
stdout
END
try 'two of them at once' 0 'leat run --dir two -- sleep 1 & ./await test -s two.part/run.leat; leat run --dir two -- true; echo $?; wait $!; echo $?' <<END
125
0
END
said 'two.part: another leat run is making it$'

# ---- what is left running ----

try 'children that stay' 0 'leat run --dir l1 -- sh -c "sleep 301.5 & setsid sleep 301.5 & (setsid sh -c \"trap : TERM; sleep 301.5 & wait\" &) & exit 0"; ps -eo args | grep "^[s]leep 301.5"; exit 0' </dev/null
said '^leat run: l1: [34] processes that the command left running were ended$'
try '  are counted' 0 'sed -n "s/.*name=left_running.value=[34].section=run/ok/p" l1/run.leat' <<END
ok
END
try 'those that end by themselves have their time' 0 'leat run --dir l2 -- sh -c "(sleep 0.03; echo late) & exit 0"; cat l2/stdout; sed -n "s/.*name=left_running.value=\([0-9]*\).*/\1/p" l2/run.leat' <<END
late
0
END
silent
try 'a timeout ends all of them' 124 'leat run --dir l3 --timeout 0.3s -- sh -c "sleep 302.5 & setsid sleep 302.5 & wait"; s=$?; ps -eo args | grep "^[s]leep 302.5"; exit $s' </dev/null
said '^leat run: l3 failed: timeout after 0\.3'
holds '  it is told' 'grep "name=timed_out.value=1" l3.failed.1/run.leat && leat audit l3.failed.1/run.leat'
try 'who ignores SIGTERM has five seconds' 124 'leat run --dir l4 --timeout 0.2s -- sh -c "trap \"\" TERM; while :; do sleep 0.1; done"; s=$?; grep -c "name=signal.value=9" l4.failed.1/run.leat; exit $s' <<END
1
END
said '^leat run: l4 failed: timeout after 5\.'
try 'who cleans up on SIGTERM can' 124 'leat run --dir l5 --timeout 0.2s -- sh -c "trap \"echo cleaned; exit 0\" TERM; while :; do sleep 0.05; done"; s=$?; cat l5.failed.1/stdout; exit $s' <<END
cleaned
END
try 'the command is killed' 137 'leat run --dir l6 -- sh -c "kill -9 \$\$"' </dev/null
said '^leat run: l6 failed: killed by signal 9 (Killed) after'
try 'a child of it is killed' 137 'leat run --dir l10 -- sh -c "sleep 60 & kill -9 \$!; wait \$!"' </dev/null
said '^leat run: l10 failed: exit status 137 after'
try 'a command that closes its output' 0 'leat run --dir l7 -- sh -c "exec >&- 2>&-; sleep 0.05"' </dev/null
try 'a command that reads its input' 0 'leat run --dir l8 -- sh -c "read x || echo none"; cat l8/stdout' <<END
none
END
try 'it has three descriptors' 0 'exec 7<burn.sh; leat run --dir l9 -- sh -c "ls /proc/self/fd | wc -l; ps -o sid= -p \$\$ | grep -c \"^ *\$\$\$\""; cat l9/stdout' <<END
4
1
END
for signal in TERM INT HUP QUIT; do
	try "SIG$signal ends it and all that it began" 0 "perl -e '\$SIG{$signal} = \"DEFAULT\"; exec @ARGV' leat run --dir s$signal -- sh -c 'sleep 303.5 & echo >up; sleep 303.5' & ./await test -s s$signal.part/up; kill -$signal \$!; wait \$! 2>/dev/null; kill -l \$?
		ps -eo args | grep '^[s]leep 303.5'; ls -d s$signal*" <<END
$signal
s$signal.failed.1
END
done
said 'sQUIT failed: killed by signal 15 (Terminated)'

# ---- values ----

printf 'latency 1.5 us\n\n# a comment\nrequests\t1000\n  big 9223372036854775807  \nsmall -3\nrate 1e9 1/s\n' >some
try 'values' 0 'leat run --dir v -- cp '"$dir"'/some values; sed -n "s/^stat.*name=\(.*\).section=values/\1/p" v/run.leat | tr "\t" " "' <<END
latency value=1.5 unit=us
requests value=1000
big value=9223372036854775807
small value=-3
rate value=1e+09 unit=1/s
END
bad_values () {
	printf '%b' "$1" >bad
	try "values that are none, line $2" 125 "leat run --dir w -- cp $dir/bad values; ls w; exit 125" </dev/null
	said "^leat run: w failed: values:$2; kept in w.failed"
}
bad_values 'a 1\nb\n' "2: 'b' has no value: NAME VALUE \[UNIT\]"
bad_values 'a 1\n\nb one' "3: 'one' is no number: NAME VALUE \[UNIT\]"
bad_values 'a 1 s s\n' "1: 's' is too much: NAME VALUE \[UNIT\]"
bad_values 'a 1\nb 1\na 2\n' "3: 'a' is there already"
bad_values 'a nan\n' "1: 'nan' is no number: NAME VALUE \[UNIT\]"
bad_values 'a 1\0000\n' '1: a NUL byte'
try 'values that are no file' 0 'leat run --dir vf -- mkfifo values' </dev/null

# ---- before and after ----

try 'before and after' 0 'leat run --dir h --before "echo before >order" --before "basename \$PWD >>order" --after "echo after >>order; cat stdout" -- sh -c "echo command >>order; echo out"; cat h/order' <<END
before
h.part
command
after
END
said '^out$'
try 'after a command that fails' 4 'leat run --dir h2 --after "echo after >file" -- sh -c "exit 4"; s=$?; cat h2.failed.1/file; exit $s' <<END
after
END
try 'before fails' 125 'leat run --dir h3 --before "exit 6" --before "echo no >file" -- sh -c "echo no >file"; ls h3.failed.1; exit 125' <<END
run.leat
stderr
stdout
END
said '^leat run: h3 failed: --before exit 6: exit status 6 after'
try 'after fails' 125 'leat run --dir h4 --after "exit 6" -- true; s=$?; ls -d h4*; exit $s' <<END
h4.failed.1
END
said '^leat run: h4 failed: --after exit 6: exit status 6 after'
try 'they are not measured' 0 'leat run --dir h5 --before "sleep 0.7" --after "sleep 0.7" -- true; n=$(sed -n "s/.*name=wall_ns.value=\([0-9]*\).*/\1/p" h5/run.leat); [ $n -lt 700000000 ]' </dev/null
try 'what they began runs with the command, and no longer' 0 'leat run --dir h6 --before "setsid sleep 304.5 &" --after "ps -eo args | grep -c \"^[s]leep 304.5\" >file" -- sleep 0.1; cat h6/file; sed -n "s/.*name=left_running.value=\([0-9]*\).*/\1/p" h6/run.leat; ps -eo args | grep "^[s]leep 304.5"; exit 0' <<END
1
0
END
silent
try 'a timeout is theirs, too' 125 'leat run --dir h7 --timeout 0.2s --before "sleep 60" -- true' </dev/null
said 'h7 failed: --before sleep 60: timeout after 0.2'

# ---- of a plan ----

plan >plan.tsv <<'END'
a|echo "$program $data $rep $dry $THREADS ${freq-none} ${cpu_node-none} $run $command"; echo "n 3" >values||||||4
b|echo oops >&2; exit 3
c|sleep 60||||||200000000
dry|echo alone|1|99
node|echo on|||0|0
s|echo "$program$data" >file; sleep 0.5
t|sleep 0.5
u|sleep 0.5
END
sed -i "s/^c.x.1\\(.*\\)\t\t200000000/c.x.1\\1\t200000000\t/" plan.tsv
try 'a run of a plan' 0 'SLURMD_NODENAME=host MAKEFLAGS=x freq=7 cpu_node=9 leat run --plan plan.tsv --results results --cell a.x.1 --experiment e --verbose; cat results/runs/a.x.1/stdout; ls -A results results/part results/failed' <<'END'
a x 1 0 4 none none a.x.1 echo "$program $data $rep $dry $THREADS ${freq-none} ${cpu_node-none} $run $command"; echo "n 3" >values
results:
failed
part
runs

results/failed:

results/part:
.lock
host.lock
END
said '^\[1/8\] a.x.1 0\.[0-9]* s$'
try '  says which it is' 0 "sed -n 's/^run.*id=[^$tab]*.//p' results/runs/a.x.1/run.leat | tr '\\t' ' ' | sed 's/ command=.* dry/ dry/'" <<END
experiment=e rep=1 position=1 seed=7 settings=s1 factors=program;data; levels=a;x; variables=THREADS=4; dry=0
END
holds '  its books balance' 'leat audit results/runs/a.x.1/run.leat'
try '  is made once' 0 'run () { leat run --plan plan.tsv --results results --cell "$@"; }; run a.x.1; run a.x.1 -q; ls results/failed' </dev/null
said '^leat run: a.x.1 is done already$'
try '  -q says nothing' 0 'leat run -q --plan plan.tsv --results results --cell a.x.1' </dev/null
silent
try 'one that fails' 3 'leat run --plan plan.tsv --results results --cell b.x.1; s=$?; ls results/failed results/runs; exit $s' <<END
results/failed:
b.x.1.1

results/runs:
a.x.1
END
said '^leat run: b.x.1 failed: exit status 3 after 0\.[0-9]* s; last line of stderr: oops; kept in results/failed/b.x.1.1$'
try 'the timeout of the plan' 124 'leat run --plan plan.tsv --results results --cell c.x.1' </dev/null
said '^leat run: c.x.1 failed: timeout after 0\.2'
try 'ours is stronger' 124 'leat run --plan plan.tsv --results results --cell c.x.1 --timeout 0.6s' </dev/null
said '^leat run: c.x.1 failed: timeout after 0\.6.*kept in results/failed/c.x.1.2'
try 'a command behind --' 0 'leat run --plan plan.tsv --results results --cell u.x.1 -- sh -c "echo mine: \$command"; cat results/runs/u.x.1/stdout' <<END
mine: sleep 0.5
END
try 'a dry run is the command of the table alone' 0 'leat run --plan plan.tsv --results results --cell dry.x.1 -- echo mine; cat results/runs/dry.x.1/stdout; grep -c "dry=1.freq=99" results/runs/dry.x.1/run.leat' <<END
alone
1
END
try 'no such run' 125 'leat run --plan plan.tsv --results results --cell nosuch' </dev/null
said '^leat run: plan.tsv: there is no run nosuch in it'
try 'results where nobody may write' 125 'leat run --plan plan.tsv --results /proc/x --cell a.x.1' </dev/null
said '^leat run: /proc/x: '
mkdir fake
printf '#!/bin/sh\necho "numactl $*"\n' >fake/numactl
chmod +x fake/numactl
try 'on its nodes' 0 'PATH=$PWD/fake:$PATH leat run --plan plan.tsv --results r.fake --cell node.x.1; cat r.fake/runs/node.x.1/stdout' <<END
numactl --cpunodebind=0 --membind=0 -- sh -c echo on
END
mkdir less
for tool in sh env; do ln -s "$(command -v $tool)" less; done
try 'numactl is missing' 125 "PATH=\$PWD/less $leat run --plan plan.tsv --results r.less --cell node.x.1" </dev/null
said 'numactl is missing: install the package numactl$'
if numactl --cpunodebind=0 --membind=0 true 2>/dev/null; then
	try 'numactl is there' 0 'leat run --plan plan.tsv --results results --cell node.x.1; cat results/runs/node.x.1/stdout' <<END
on
END
else
	skip 'numactl is there' 'numactl is not installed, or may not bind here'
fi

# Made again when its settings are others; what was there stays.
sed 's/s6$/new/; s/file; sleep/other; sleep/' plan.tsv >changed.tsv
try 'settings that changed' 0 'leat run --plan plan.tsv --results results --cell s.x.1; leat run --plan changed.tsv --results results --cell s.x.1; ls results/runs/s.x.1 results/failed/s.x.1.1; leat run --plan changed.tsv --results results --cell s.x.1' <<END
results/failed/s.x.1.1:
file
run.leat
stderr
stdout

results/runs/s.x.1:
other
run.leat
stderr
stdout
END
said '^leat run: s.x.1 is done already$'
sed 's/\(echo "$program$data"\)/exit 5; \1/; s/s6$/worse/' plan.tsv >changed.tsv
try '  and a new one that fails does not take its place' 5 'leat run --plan changed.tsv --results results --cell s.x.1; s=$?; ls results/runs/s.x.1; ls -d results/failed/s.*; exit $s' <<END
other
run.leat
stderr
stdout
results/failed/s.x.1.1
results/failed/s.x.1.2
END

sed 's/s6$/third/' plan.tsv >changed.tsv
try '  and two that make it again are one' 0 'leat run -q --share --plan changed.tsv --results results --cell s.x.1 & ./await test -e results/part/s.x.1/run.leat; leat run --share --plan changed.tsv --results results --cell s.x.1; wait $!; echo $?; ls -d results/failed/s.*' <<END
0
results/failed/s.x.1.1
results/failed/s.x.1.2
results/failed/s.x.1.3
END
said '^leat run: s.x.1: waiting for process'

# when: begin and end of a run, on one line
when () {
	awk -F'\t' '$1 == "run" { split($2, t, "=") } $3 == "name=wall_ns" { split($4, w, "=") } END { printf "%.0f %.0f\n", t[2], t[2] + w[2] }' "$1"
}
apart () {
	for i in s t u; do when "$1/runs/$i.x.1/run.leat"; done | sort -n | awk '$1 < end { bad = 1 } { end = $2 } END { exit bad }'
}
holds 'one at a time' 'for i in s t u; do leat run --plan plan.tsv --results r.turns --cell $i.x.1 & done; wait'
apart r.turns
holds '  they do not overlap' "[ $? -eq 0 ]"
holds 'unless they may share' 'for i in s t u; do leat run --share --plan plan.tsv --results r.share --cell $i.x.1 & done; wait; ls r.share/runs/u.x.1'
apart r.share
holds '  they do overlap' "[ $? -ne 0 ]"
try 'two for one run' 0 'leat run --plan plan.tsv --results r.two --cell s.x.1 2>/dev/null & ./await test -e r.two/part/s.x.1/run.leat; leat run --plan plan.tsv --results r.two --cell s.x.1; echo $?; wait $!; echo $?; ls r.two/runs r.two/failed' <<END
0
0
r.two/failed:

r.two/runs:
s.x.1
END
said '^leat run: s.x.1: waiting for process [0-9]* on .*, which makes it$'
try 'eight for one run' 0 'for i in 1 2 3 4 5 6 7 8; do leat run -q --plan plan.tsv --results r.eight --cell t.x.1 || echo failed & done; wait; ls r.eight/runs r.eight/failed' <<END
r.eight/failed:

r.eight/runs:
t.x.1
END

try 'a run inside a run of the same results' 125 'leat run --plan plan.tsv --results r.in --cell s.x.1 -- leat run --plan ../../../plan.tsv --results ../../../r.in --cell t.x.1' </dev/null
said 'last line of stderr: leat run: .*this is part of process [0-9]*, which makes a run of them'
holds '  but it may share' 'leat run --plan plan.tsv --results r.in --cell s.x.1 -- leat run --share --plan ../../../plan.tsv --results ../../../r.in --cell t.x.1'

printf 'factor,level,command\np,a,sleep 0.1\np,b,echo b\np,c,exit 3\n' >table.csv
leat plan -o next.tsv table.csv
try 'it takes over what plan --next took for its caller' 0 'while name=$(leat plan --next -q --results r.next next.tsv); do leat run -q --plan next.tsv --results r.next --cell $name; done; ls r.next/runs r.next/failed' <<END
r.next/failed:
c.1.1

r.next/runs:
a.1
b.1
END

# ---- killed at any moment ----

plan >kill.tsv <<'END'
k|sleep 305.5 & setsid sleep 305.5 & sleep 0.15; kill $!; echo done
l|sleep 0.05
END
n=0
while [ $n -lt 50 ]; do
	n=$((n + 1))
	leat run -q --plan kill.tsv --results r.kill --cell k.x.1 --before 'echo >b' 2>/dev/null &
	sleep "0.$(awk -v n=$n 'BEGIN { srand(n); printf "%03d", rand() * 220 }')"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	[ ! -d r.kill/runs/k.x.1 ] || mv r.kill/runs/k.x.1 r.kill/failed/whole.$n
done
try 'leat run is killed fifty times; then it is made' 0 'leat run -q --plan kill.tsv --results r.kill --cell k.x.1; cat r.kill/runs/k.x.1/stdout; ls r.kill/part; ps -eo args | grep "^[s]leep 305.5"; exit 0' <<END
done
$(uname -n).lock
END
holds '  what was done was whole, and what was not is kept' 'set -e; ls r.kill/failed | grep -q ^k; for d in r.kill/runs/k.x.1 r.kill/failed/whole.*; do [ ! -d $d ] || { leat audit $d/run.leat; grep -qx done $d/stdout; }; done
	for d in r.kill/failed/k.*; do ! grep -q "name=exit_status.value=0" $d/run.leat || ! leat audit $d/run.leat || exit 1; done'
# What a killed maker left running is ended before another run begins.
leat run -q --plan kill.tsv --results r.kill2 --cell k.x.1 --before 'setsid sleep 306.5 & echo >up' -- sleep 305.5 2>/dev/null &
./await test -s r.kill2/part/k.x.1/up
./await sh -c 'ps -eo args | grep "^[s]leep 306.5"'
kill -9 $!
wait $! 2>/dev/null
try 'another run does not begin beside what a killed one left' 0 'ps -eo args | grep -c "^[s]leep 306.5"; leat run -q --plan kill.tsv --results r.kill2 --cell l.x.1; ps -eo args | grep "^[s]leep 30[56].5"; ls r.kill2/runs' <<END
1
l.x.1
END

# ---- a full disk ----

mkdir disk
if [ "$(id -u)" -eq 0 ] && unshare -m mount -t tmpfs -o size=1m none disk 2>/dev/null; then
	cat >full.sh <<'END'
mount -t tmpfs -o size=1m none disk
leat run --dir disk/a -- sh -c 'head -c 3000000 /dev/zero; exit 0' && echo succeeded
echo $?
ls disk
rm -rf disk/*
leat run --dir disk/b -- sh -c 'head -c 3000000 /dev/zero >big 2>/dev/null; exit 0' && echo succeeded
echo $?
ls disk
rm -rf disk/*
head -c 3000000 /dev/zero >disk/big 2>/dev/null
leat run --dir disk/c -- true && echo succeeded
echo $?
ls disk
rm -rf disk/*
leat run --plan plan.tsv --results disk/r --cell a.x.1 -- sh -c 'head -c 3000000 /dev/zero; rm -f values; exit 0' && echo succeeded
echo $?
rm -rf disk/r/failed/*/stdout
leat run --plan plan.tsv --results disk/r --cell a.x.1
echo $?
ls disk/r/failed disk/r/runs
END
	try 'a full disk' 0 'unshare -m sh full.sh' <<END
125
a.failed.1
125
b.failed.1
125
big
c.failed.1
125
0
disk/r/failed:
a.x.1.1

disk/r/runs:
a.x.1
END
	said 'No space left on device\|the disk is full'
else
	skip 'a full disk' 'needs the right to mount'
fi

finish
