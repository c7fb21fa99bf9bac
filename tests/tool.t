#!/bin/sh
# tool.t - what lib/tool does for every tool, tried on `leat cat`: options, outputs, progress
. tests/lib.sh

printf '#leat 1\nzebra\tt=5\tstripes=3\n' >one
printf '#leat 1\nzebra\tt=6\tstripes=4\n' >-dash

# Options.
try 'letters can be joined, and options follow operands' 0 'leat cat one -qt' <<'END'
#leat 1
zebra	t=5	stripes=3
END
try 'an argument joined to its letter, and to its name' 0 'leat cat -ox one && leat cat --output=y one && cmp x y && leat cat --out z one && cmp x z' </dev/null
try 'what follows -- is a file' 0 'leat cat -t -- -dash' <<'END'
#leat 1
zebra	t=6	stripes=4
END
try 'an argument that is missing' 2 'leat cat -o' </dev/null
said '^leat cat: -o: needs an argument$'
said '^leat cat: `leat cat --help` lists the options$'
try 'one that is missing, written long' 2 'leat cat --level' </dev/null
said '^leat cat: --level: needs an argument$'
try 'one too many' 2 'leat cat --text=yes one' </dev/null
said '^leat cat: --text=yes: takes no argument$'
try 'the beginning of several' 2 'leat cat --s one' </dev/null
said '^leat cat: --s: no such option, or the beginning of several$'
try 'a level that is none' 2 'leat cat -z x one' </dev/null
said "^leat cat: -z: 'x' is not a number$"
try 'a level too high' 2 'leat cat -z 23 one' </dev/null
said '^leat cat: -z: 23 is not in 0..22$'

# Output files.
try 'a new file has the rights of any new file' 0 'umask 027; leat cat -o new one; stat -c %a new' <<'END'
640
END
try 'an old one keeps its own' 0 'touch old; chmod 604 old; leat cat -o old one; stat -c %a old; grep -c zebra old' <<'END'
604
1
END
try 'a link stays a link' 0 'echo x >to; ln -s to link; leat cat -o link one; [ -L link ] && grep -c zebra to' <<'END'
1
END
try 'a pipe with a name' 0 'mkfifo fifo; { cat fifo >said; } & leat cat -o fifo one; wait; cmp said one' </dev/null
try 'the input may be the output' 0 'cp one same; leat cat -f -o same same && leat cat -t same | cmp - one' </dev/null
try 'wrong options leave the old file' 2 'echo kept >keep; leat cat -o keep -z x one; s=$?; cat keep; exit $s' <<'END'
kept
END
try 'a directory' 2 'mkdir d; leat cat -o d one' </dev/null
said '^leat cat: d: '
try 'no file where no input could be opened' 2 'leat cat -o none nosuch; s=$?; ls none* 2>/dev/null; exit $s' </dev/null
try 'what could be opened is used' 2 'leat cat -t nosuch one' <one
said '^leat cat: nosuch: No such file or directory$'
try 'a directory is no trace' 2 'leat cat -t d >/dev/null' </dev/null
said '^leat cat: d: Is a directory$'
try 'closed standard files are not taken for others' 2 'leat cat one >&- 2>err2; s=$?; cat one; exit $s' <one

# Progress: on a terminal, after a second, and not with -q.
if script -qec true /dev/null >/dev/null 2>&1; then
	slow='{ printf "#leat 1\n"; for i in 1 2 3 4 5 6 7 8; do printf "zebra\tt=%d\n" $i; sleep 0.2; done; }'
	holds 'progress on a terminal' "script -qec '$slow | leat cat -o x' /dev/null | tr '\r' '\n' | grep -E '^.?\[?K?leat cat: [0-9]+ records, '"
	holds '-q says nothing' "script -qec '$slow | leat cat -q -o x' /dev/null >out; ! grep -q records out"
else
	skip 'progress' 'script(1) cannot make a terminal'
fi
holds 'no progress on what is no terminal' "$slow | leat cat -o x"
silent

finish
