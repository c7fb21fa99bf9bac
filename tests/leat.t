#!/bin/sh
# leat.t - the dispatcher
. tests/lib.sh

try 'the version' 0 'leat --version | grep -cE "^leat [0-9.]+$"' <<'END'
1
END
holds 'alone it lists the tools' "leat | grep -E '^  flamegraph +folded stacks to'"
silent
holds '--help is the same' 'leat >one; leat --help | diff one - && leat -h | diff one -'
holds 'every tool is listed with a summary' 'for t in $(ls "$(leat --exec-path)"); do leat | grep -E "^  $t +[^ ]" || exit; done'
try '--share-path is where the pipelines are' 0 'ls "$(leat --share-path)/pipelines" | grep -x latency.mk' <<'END'
latency.mk
END
try 'a program that was moved away has none' 2 'mkdir -p lone/bin; cp "$B/bin/leat" lone/bin; lone/bin/leat --share-path' </dev/null
said 'share/leat: no pipelines are installed there'
holds '--exec-path is where the tools are' '[ -x "$(leat --exec-path)/flamegraph" ]'
try 'a tool and its status' 2 'leat flamegraph nosuch' </dev/null
said '^leat flamegraph: nosuch: No such file'

try 'an unknown tool' 2 'leat flamegarph' </dev/null
said "^leat: there is no tool 'flamegarph'; did you mean 'flamegraph'?\$"
try 'the beginning of a tool' 2 'leat flame' </dev/null
said "did you mean 'flamegraph'?\$"
try 'far from any tool' 2 'leat xyzzyxyzzy' </dev/null
said "^leat: there is no tool 'xyzzyxyzzy'\$"
try 'no tool is outside its directory' 2 'leat ../../bin/leat' </dev/null
try 'no name' 2 'leat ""' </dev/null
try 'an unknown option' 2 'leat --nosuch' </dev/null
said '^usage: leat TOOL'
try 'a full disk' 2 'leat --version >/dev/full' </dev/null
said '^leat: standard output: No space left'

mkdir path tools
printf '#!/bin/sh\necho "mine: $*"\n' >path/leat-mine
printf '#!/bin/sh\necho "usage: leat odd [OPTION...]"; echo "an odd tool"\n' >tools/odd
chmod +x path/leat-mine tools/odd
try 'leat-TOOL on PATH' 0 'PATH=$PWD/path:$PATH leat mine a "b c"' <<'END'
mine: a b c
END
try 'LEAT_EXEC_PATH' 0 'LEAT_EXEC_PATH=$PWD/tools leat | grep odd' <<'END'
  odd          an odd tool
END
try 'LEAT_EXEC_PATH that is not there' 2 'LEAT_EXEC_PATH=$PWD/nosuch leat' </dev/null
said 'nosuch: No such file'

holds 'help of a tool is its page' 'MANPAGER=cat PAGER=cat leat help flamegraph | grep -q "LEAT-FLAMEGRAPH(1)"'
holds 'help alone is the tour' 'MANPAGER=cat PAGER=cat leat help | grep -q "LEAT(7)"'
holds 'help of a page in section 5' '[ ! -f "$TOP/man/leat-trace.5" ] || PAGER=cat MANPAGER=cat leat help trace | grep -q "LEAT-TRACE(5)"'
mkdir bare
ln -s "$B/bin/leat" bare/leat
holds 'help without man is the page as it was written' 'PATH=$PWD/bare leat help flamegraph | /usr/bin/env grep -q "^.Sh SYNOPSIS"'
try 'help of nothing' 2 'leat help flamegarph' </dev/null
said "did you mean 'flamegraph'"

# Installed, it works from wherever it is, and goes without a trace.
holds 'make install' 'make -C "$TOP" -s B="$B" DESTDIR="$PWD/root" PREFIX=/opt/leat install'
try 'installed, it finds its tools' 0 'mv root moved; moved/opt/leat/bin/leat --exec-path' <<END
$PWD/moved/opt/leat/libexec/leat
END
try 'and the pipelines' 0 'cd "$(moved/opt/leat/bin/leat --share-path)" && pwd && ls pipelines/latency.mk' <<END
$PWD/moved/opt/leat/share/leat
pipelines/latency.mk
END
holds 'installed, it runs them' 'moved/opt/leat/bin/leat flamegraph --version'
holds 'installed, it finds its pages' 'MANPAGER=cat PAGER=cat moved/opt/leat/bin/leat help | grep -q "LEAT(7)"'
holds 'make uninstall' 'make -C "$TOP" -s B="$B" DESTDIR="$PWD/moved" PREFIX=/opt/leat uninstall; [ -z "$(find moved -type f)" ]'

finish
