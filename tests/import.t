#!/bin/sh
. tests/lib.sh

printf 'perl 7/8 [001] 1.000000: 250 cycles:u: \n\t    7f01 f(int)+0x1 (/bin/x)\n\t    7f00 main+0x1 (/bin/x)\n\n' >one
printf 'perl 7/8 [001] 2.000000: 250 cycles:u: \n\t    7f00 main+0x2 (/bin/x)\n\n' >two

try '--list names the formats' 0 'leat import --list' <<'EOT'
perf.data    what perf record writes: file or pipe form, compressed or not
perf-script  what perf script prints, with any -F, and its like
heimdallr    a run of Heimdallr, a directory; with --results, all of them
EOT
try 'perf script text' 0 'leat import -t perf-script one' <<'EOT'
#leat 1
start	tool=perf-script
sample	t=1000000000	cpu=1	pid=7	tid=8	comm=perl	event=cycles:u	weight=250	stack=main;f(int);	origin=u:x;u:x;
end	tool=perf-script	made=1	lost=0
EOT
silent
cp got want1
try 'the format is found from the file' 0 'leat import -t one' <want1
try 'or standard input' 0 'leat import -t <one' <want1
try 'or standard input by name' 0 'leat import -t perf-script - <one' <want1
try 'a pipe that comes in small pieces' 0 '(head -c 30 one; sleep 0.1; tail -c +31 one) | leat import -t' <want1
try 'frames say the same' 0 'leat import -f one | leat cat -t' <want1
try 'several files' 0 'leat import perf-script one two | leat fold' <<'EOT'
perl;main 250
perl;main;f 250
EOT
silent
try 'what perf script --header says' 0 '{ printf "# ========\n# hostname : h1\n# os release : 6.1.0\n# arch : x86_64\n# cmdline : /usr/bin/perf record -g\n#\n"; cat one; } | leat import -t | sed -n 2p' <<'EOT'
start	tool=perf-script	host=h1	arch=x86_64	release=6.1.0	argv=/usr/bin/perf;record;-g;
EOT
try 'an empty input of a known format is an empty trace' 0 'leat import -t perf-script </dev/null' <<'EOT'
#leat 1
start	tool=perf-script
end	tool=perf-script	made=0	lost=0
EOT
try 'lines that are not understood: told, the rest is used' 2 '{ cat one; echo "what is this"; echo; cat two; } | leat import | leat fold 2>loss; cat loss; exec leat import perf-script one no-such-file >/dev/null' <<'EOT'
perl;main 250
perl;main;f 250
leat fold: lost: bad-line 1
EOT
said '^leat import: standard input: 1 lines not understood, the first at line 5: neither a sample nor a frame: what is this$'
said '^leat import: no-such-file: No such file or directory$'
try 'bad lines: status 2' 2 '{ cat one; echo "what is this"; } | leat import >/dev/null' </dev/null
try 'cut off: status 2, the sample is used' 2 'head -n 2 one | leat import -t | sed -n "3,\$p"; head -n 2 one | leat import >/dev/null' <<'EOT'
sample	t=1000000000	cpu=1	pid=7	tid=8	comm=perl	event=cycles:u	weight=250	stack=f(int);	origin=u:x;
lost	n=1	why=truncated
end	tool=perf-script	made=1	lost=1
EOT
said '^leat import: standard input: ends in the middle of a sample or record$'
try 'what perf lost itself is no error of the file' 0 'printf "a 1 1.0: PERF_RECORD_LOST lost 4\n" | cat one - | leat import -t | grep lost' <<'EOT'
lost	t=1000000000	n=4	why=ring-full
end	tool=perf-script	made=1	lost=4
EOT
silent
try 'but with --strict' 2 'printf "a 1 1.0: PERF_RECORD_LOST lost 4\n" | cat one - | leat import --strict >/dev/null' </dev/null

# Other formats: an error that says what it looks like.
looks () {
	try "no format: $1" 2 'leat import x' </dev/null
	said "^leat import: x: no format that can be imported (leat import --list); it looks like $1"
}
cp "$B/bin/leat" x
looks 'an ELF object$'
echo hello | gzip >x
looks 'gzip data (unpack it first'
printf '\050\265\057\375abcd' >x
looks 'zstd data (unpack it first'
leat cat -f </dev/null >x
printf '#leat 1\nstart\ttool=x\nend\ttool=x\n' >x.txt
leat cat -f x.txt >x
looks 'a trace of leat: no need to import it$'
cp x.txt x
looks 'a trace of leat: no need to import it$'
printf '<?xml version="1.0"?>\n<svg width="1">\n' >x
looks 'an SVG image$'
printf '<?xml version="1.0"?>\n<a>\n' >x
looks 'XML or HTML$'
printf '{"traceEvents": []}\n' >x
looks 'JSON$'
printf 'SQLite format 3\0....' >x
looks 'an SQLite database$'
printf 'a;b;c 12\na;b 3\n' >x
looks 'folded lines: flamegraph.pl reads them as they are$'
printf 'the quick brown fox\n' >x
looks 'text$'
printf '\001\002\003\000' >x
looks 'binary data$'
: >x
looks 'an empty file$'
try 'neither a format nor a file' 2 'leat import pprof one' </dev/null
said '^leat import: pprof: neither a format (leat import --list) nor a file$'
try 'a file that is not there' 2 'leat import nothing' </dev/null
said '^leat import: nothing: No such file or directory$'

printf 'a 1 2.000000: cpu-clock: \n\t 12 f (/bin/a)\n  a.c:7\n\t 13 g (/bin/a)\n  :0\n\t 14 h (/bin/a)\n  ??:?\n\t 15 i (/bin/a)\n  :?\n\n' >source.txt
try 'lines of source, named or not' 0 'leat import perf-script source.txt | leat fold -w count' <<'END'
a;i;h;g;f 1
END

# perf itself: what it prints of a program is folded as the programs of FlameGraph fold it.
if ! perf record -q -F 999 -g -e cpu-clock -o p.data -- perl -e '$x .= $_ for 1..2000000' >/dev/null 2>&1; then
	skip_all 'perf cannot record here'
fi
perf script -i p.data >p.txt 2>/dev/null
holds 'perf script text is read' 'leat import perf-script p.txt | leat fold >p.folded'
silent
try 'as many samples as perf says' 0 'leat import perf-script p.txt | leat cat -t | grep -c "^sample"' <<EOT
$(perf script -i p.data -F event 2>/dev/null | grep -c cpu-clock)
EOT
for layout in comm,tid,time,event,ip,sym comm,pid,tid,time,period,event,ip,sym,symoff,dso tid,time,event,ip,sym,dso \
    comm,time,event,ip,sym,dso comm,tid,event,ip,sym,dso comm,tid,time,ip,sym,dso comm,tid,time,event,sym,dso \
    comm,tid,time,event,ip,sym,dso,srcline; do
	perf script --ns -i p.data -F $layout >l.txt 2>/dev/null
	holds "-F $layout" "leat import perf-script l.txt >l.trace"
	silent
	try 'every sample' 0 'leat cat -t l.trace | grep -c "^sample"' <<EOT
$(perf script -i p.data -F event 2>/dev/null | grep -c cpu-clock)
EOT
done
# The same by another way: awk, for the names that this program has.
awk '
/^$/ { if (stack != "") sum[stack] += period; stack = ""; next }
/^[^ \t]/ { comm = $1; for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+\.[0-9]+:$/) period = $(i + 1); stack = ";"; rest = ""; next }
{
	name = $0; sub(/^[ \t]*[0-9a-f]+ /, "", name)
	object = name; sub(/^.* \(/, "", object); sub(/\)$/, "", object); sub(/ \([^(]*\)$/, "", name)
	sub(/\+0x[0-9a-f]+$/, "", name)
	if (name == "[unknown]" && object != "[unknown]") { sub(/.*\//, "", object); name = "[" object "]" }
	if (name == "[[kernel.kallsyms]]") name = "[kernel]"
	rest = ";" name rest; stack = comm rest
}
END { for (k in sum) printf "%s %.0f\n", k, sum[k] }' p.txt | LC_ALL=C sort >theirs
try 'folded as awk folds it' 0 'LC_ALL=C sort p.folded' <theirs
collapse=$(command -v stackcollapse-perf.pl)
if [ -n "$collapse" ]; then
	"$collapse" p.txt 2>/dev/null | sed 's/\[\[kernel.kallsyms]]/[kernel]/g' | LC_ALL=C sort >theirs
	try 'folded as stackcollapse-perf.pl folds it' 0 'LC_ALL=C sort p.folded' <theirs
else
	echo '# no stackcollapse-perf.pl in PATH to compare with, only awk'
fi
finish
