#!/bin/sh
# house.t - the build, the harness and the checks of lint: each can fail, and fails where it checked nothing
. tests/lib.sh

# The layers.
mkdir -p lib/low lib/high
printf 'low:\nhigh: low\ncmd: low high\n' >lib/LAYERS
printf '#include "low/b.h"\n' >lib/high/a.c
printf '#include "low/b.h"\n' >lib/low/a.c
try 'includes that go down' 0 'awk -f "$TOP/tests/layers" lib/LAYERS lib/*/*.c' </dev/null
printf '#include <stdio.h>\n\n# include "high/a.h"\n' >lib/low/a.c
try 'an include that goes up' 1 'awk -f "$TOP/tests/layers" lib/LAYERS lib/*/*.c' <<'END'
lib/low/a.c:3: low may not include high/a.h
END
printf '#include "b.h"\n' >lib/low/a.c
try 'an include without its room' 1 'awk -f "$TOP/tests/layers" lib/LAYERS lib/*/*.c' <<'END'
lib/low/a.c:1: "b.h" is not written "room/x.h"
END
mkdir lib/new
mv lib/low/a.c lib/new
try 'a room that is not in the table' 1 'awk -f "$TOP/tests/layers" lib/LAYERS lib/new/a.c | head -n 1; exit 1' <<'END'
lib/new/a.c:1: room new is not in lib/LAYERS
END
try 'no files' 1 'awk -f "$TOP/tests/layers" lib/LAYERS' <<'END'
layers: nothing was checked
END

# The runner.
mkdir run
printf '. "$TOP/tests/lib.sh"\ngood x; finish\n' >run/good.t
printf '. "$TOP/tests/lib.sh"\ngood x; bad y why; finish\n' >run/bad.t
printf '. "$TOP/tests/lib.sh"\ngood x; exit 0\n' >run/early.t
printf '. "$TOP/tests/lib.sh"\ngood x; skip "no moon" "it is day"; finish\n' >run/skip.t
printf '. "$TOP/tests/lib.sh"\nfinish\n' >run/none.t
printf '#!/bin/sh\nexit 1\n' >run/program
printf '#!/bin/sh\necho why; exit 77\n' >run/absent
chmod +x run/program run/absent
run='B=$PWD/run sh "$TOP/tests/run"'
try 'one good case' 0 "$run run/good.t | tail -n 1" <<'END'
1 passed, 0 failed, 0 skipped
END
try 'a bad case' 1 "$run run/good.t run/bad.t >out; s=\$?; tail -n 1 out; exit \$s" <<'END'
2 passed, 1 failed, 0 skipped
END
holds 'says why' 'grep -q "# why" out'
try 'a script that ends early' 1 "$run run/early.t >out; s=\$?; tail -n 1 out; exit \$s" <<'END'
1 passed, 1 failed, 0 skipped
END
try 'a script without cases' 1 "$run run/none.t >/dev/null" </dev/null
try 'no tests' 1 "$run" <<'END'
0 passed, 0 failed, 0 skipped
END
try 'a program that fails' 1 "$run run/program run/good.t | tail -n 1; exit 1" <<'END'
1 passed, 1 failed, 0 skipped
END
try 'skips are counted' 0 "STRICT= $run run/good.t run/skip.t run/absent | sed 's/, [0-9]* s)/)/'" <<'END'
ok   good.t (1 cases)
ok   skip.t (1 cases)
skip skip.t: no moon: it is day
skip absent: why
2 passed, 0 failed, 2 skipped
END
try 'STRICT: a skip that nobody expects' 1 "STRICT=1 $run run/skip.t | tail -n 1; exit 1" <<'END'
1 passed, 1 failed, 0 skipped
END
mkdir -p top/tests
printf '# one\nskip.t:_no* it is day\n' >top/tests/skips
try 'STRICT: one that is expected' 0 "STRICT=1 TOP2=\$TOP; sed \"s,\\\$TOP,\$TOP2,\" run/skip.t >run/s.t; mv run/s.t run/skip.t; STRICT=1 TOP=\$PWD/top B=\$PWD/run sh \$TOP2/tests/run run/skip.t | tail -n 1" <<'END'
1 passed, 0 failed, 1 skipped
END

# The harness itself.
printf '. "$TOP/tests/lib.sh"\ntry a 0 "echo x" </dev/null\ntry b 1 true </dev/null\nholds c false\ntry d 0 "echo e >&2" </dev/null; said "^x"; silent; finish\n' >run/harness.t
try 'each way to fail' 1 'sh run/harness.t >out; s=$?; grep -v "^#" out; exit $s' <<'END'
not ok 1 - a
not ok 2 - b
not ok 3 - c
ok 4 - d
not ok 5 - said ^x
not ok 6 - silent
1..6
END

# The packages: a machine that has zstd only, and an apt-get that writes down what it is asked.
mkdir apt
cat >apt/dpkg-query <<'END'
#!/bin/sh
for last; do :; done
[ "$last" = zstd ] && echo 'installed ' && exit
[ "$last" = perl ] && echo 'not-installed ' && exit
[ "$last" = gcc ] && echo 'config-files ' && exit
exit 1
END
cat >apt/apt-get <<'END'
#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >>apt.log
END
cat >apt/apt-cache <<'END'
#!/bin/sh
echo '  Candidate: 1.0'
END
chmod +x apt/*
apt='PATH=$PWD/apt:$PATH'
holds 'what is missing, by name' "$apt sh \"\$TOP/scripts/packages\" missing build run test >list; grep -q 'gcc .*libdw-dev .*perl ' list; ! grep -q ' zstd ' list"
try 'without a compiler: one line to paste' 2 "$apt CC=false sh \"\$TOP/scripts/packages\" probe" </dev/null
said '^some packages are missing: sudo apt-get install gcc libc6-dev libdw-dev .*libsqlite3-dev$'
holds 'and no other' "$apt CC=false sh \"\$TOP/scripts/packages\" probe 2>&1 | wc -l | grep -x 1"
# `packages` is read from the tree; the log is written where apt-get was called.
holds 'what is missing is installed at once, and nothing asked' "cp -r \"\$TOP/scripts\" \"\$TOP/packages\" . && $apt sh scripts/packages install test &&
	[ \"\$(wc -l <apt.log)\" -eq 1 ] && grep -q '^noninteractive .*-y .*install --no-install-recommends .*linux-perf' apt.log && ! grep -q ' zstd ' apt.log"
printf '#!/bin/sh\necho "installed "\n' >apt/dpkg-query
holds 'and nothing where nothing is missing' "rm apt.log; $apt sh scripts/packages install build run test full && [ ! -e apt.log ]"
printf '#!/bin/sh\nexit 1\n' >apt/dpkg-query
printf '#!/bin/sh\nexit 0\n' >apt/apt-cache
holds 'lists are fetched where a package is in none' "$apt sh scripts/packages install test; head -n 1 apt.log | grep ' update\$'"
holds 'each group is known' 'sed -n "s/^\([a-z]*\)[[:blank:]].*/\1/p" "$TOP/packages" | sort -u | tr "\n" " " | grep -x "build full run test "'

# The build: nothing twice, and everything that must be.
mk="make -s -C \"\$TOP\" B=\"\$PWD/b\" ROOMS=base"
holds 'a room is built' "$mk V= \"\$PWD/b/lib/base.a\" >one; grep -q 'lib/base/num.c' one"
holds 'and not again' "$mk \"\$PWD/b/lib/base.a\" >two; [ ! -s two ]"
holds 'other flags build it again' "$mk CPPFLAGS=-DX \"\$PWD/b/lib/base.a\" | grep -q lib/base/num.c"
holds 'a header builds what includes it' "$mk CPPFLAGS=-DX -W lib/base/num.h \"\$PWD/b/lib/base.a\" >three; grep -q lib/base/num.c three; ! grep lib/base/hash.c three"

# The letters.
mkdir -p tools/libexec/leat
printf '#!/bin/sh\necho "  -o, --output=FILE  x"; echo "  -q, --question  y"; echo "  -J  z"\n' >tools/libexec/leat/odd
chmod +x tools/libexec/leat/odd
try 'a letter with another meaning' 0 '(cd "$TOP" && B=$OLDPWD/tools TOOLS=odd sh scripts/letters check)' <<'END'
leat odd: -q question is not in lib/tool/LETTERS
leat odd: -J - is not in lib/tool/LETTERS
END

finish
