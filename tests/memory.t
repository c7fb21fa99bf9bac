#!/bin/sh
# memory: workloads x modes x repetitions by pipelines/memory.mk; and every command of leat-memory(7), as it stands there
. tests/lib.sh
unset MAKEFLAGS MAKELEVEL MFLAGS HEIMDALLR_READEVENT HEIMDALLR_WRITEEVENT HEIMDALLR_PMEMDIR HEIMDALLR_PMEMSIZE

objects=$B/examples/objects
for tool in interpose join hot heat store plan; do
	[ -x "$B/libexec/leat/$tool" ] || skip_all "leat $tool is not built"
done
leat record -q --mem both -o probe.leat -- true 2>err || skip_all "no accesses can be recorded here: $(tail -n 1 err)"
leat interpose -q -o probe.leat -- true 2>err || skip_all "nothing can be interposed here: $(tail -n 1 err)"

# The truth about examples/objects: each allocation and each free, by site.
leat interpose -q -o objects.leat -- "$objects" --rounds 3
try 'objects makes what it says' 0 "leat unwind -q objects.leat | leat cat -t | grep ^alloc | grep -o '[a-z_]*;	origin' | sort | uniq -c | sed 's/^ *//; s/;.*//'" <<'END'
480 make_buffer
4 make_cold
8 make_leak
4 make_log
512 make_node
1 make_table
1 map_file
1 map_scratch
END
try 'and says it' 0 "$objects --shape --rounds 3 | awk -F '\t' 'NR > 2 && \$1 !~ /^map_/ && \$2 == \"object\" { n += \$3 } NR > 2 { a += \$5 + \$6 } END { print n, a }'" <<END
1009 $((3 * 128000 + 512 + 512 + 2048 + 8))
END
try 'wrong arguments' 2 "$objects --rounds 0" </dev/null

cp "$TOP"/pipelines/*.mk .
run="make -s -f memory.mk RESULTS=res"
holds 'help' 'make -s -f memory.mk help | grep -q WORKLOADS_FILE='
try 'no workload' 2 'make -s -f memory.mk' </dev/null
said 'no workload: WORKLOADS="PROGRAM..." names programs'

# Modes: what each records is what it says, and nothing else.
cat >modes.csv <<'END'
# the name is ours
mode,hms,mem,cpu,dry,freq,backing
dry,0,,,1,0
accesses,0,-,-,1,999
allocations,0,,,0,0
both,0,,,0,999
hms,1,,,0,0
rules,0,,,0,0,rules=r.txt
END
echo 'make_table path=/dev/shm,size=64MiB' >r.txt
[ -w /dev/shm ] || sed -i '/^hms\|^rules/d' modes.csv
mkdir bin
cp "$objects" bin/objects
export HEIMDALLR_PMEMDIR=/dev/shm HEIMDALLR_PMEMSIZE=134217728
holds 'all of it' "$run REPS=2 MODES=modes.csv WORKLOADS='bin/*'"
try 'a run for each workload, mode and repetition' 0 "ls res/runs | wc -l; grep -c ^workload res/memory.csv" <<END
$((2 * ($(wc -l <modes.csv) - 2)))
1
END
traces () {
	for file in access alloc; do
		[ ! -e "res/runs/objects.$1.1/$file.leat" ] || printf '%s.leat ' $file
	done
}
try 'dry is dry' 0 'grep -c "	dry=1" res/runs/objects.dry.1/run.leat; ls res/runs/objects.dry.1/*.leat' <<'END'
1
res/runs/objects.dry.1/after.leat
res/runs/objects.dry.1/before.leat
res/runs/objects.dry.1/run.leat
END
for mode in 'accesses access.leat ' 'allocations alloc.leat ' 'both access.leat alloc.leat '; do
	if [ "$(traces "${mode%% *}")" = "${mode#* }" ]; then
		good "what mode ${mode%% *} records"
	else
		bad "what mode ${mode%% *} records" "$(traces "${mode%% *}")"
	fi
done
if [ -d res/runs/objects.hms.1 ]; then
	placed="leat cat -t res/runs/objects.MODE.1/alloc.leat | sed -n 's/^stat.*name=placed	value=\([0-9]*\)	.*/\1/p' | sort -n | tail -n 1"
	try 'hms places what the C library would have' 0 "$(printf %s "$placed" | sed s/MODE/hms/)" <<'END'
1009
END
	try 'a rule places its site' 0 "$(printf %s "$placed" | sed s/MODE/rules/)" <<'END'
1
END
fi
try 'list' 0 "$run list | cut -f 2-5 | grep both" <<'END'
objects.both.1	objects	both	1
objects.both.2	objects	both	2
END
try 'stat: an overhead of all but the dry mode' 0 "$run stat | awk -F '\t' '/^#/ { next } !n++ { for (i = 1; i <= NF; i++) at[\$i] = i; next } \$at[\"metric\"] == \"wall_ns\" && \$at[\"workload\"] == \"objects\" && \$at[\"mode\"] ~ /both|dry|acc|allo/ { print \$at[\"mode\"], \$at[\"base\"], \$at[\"overhead\"] != \"\" }'" <<'END'
accesses mode=dry 1
allocations mode=dry 1
both mode=dry 1
dry  0
END
try 'traces of the first repetition only' 0 "leat store sql res/store.db 'SELECT name, count(*) > 1010 AS some FROM alloc JOIN run ON run.id = alloc.run WHERE name LIKE \"objects.both%\" GROUP BY name' | grep -v '^#'" <<'END'
name	some
objects.both.1	1
END

# The recorder of the allocations is no part of the workload.
pid=$(leat pick -q -t -n 1 'type == "clock"' res/runs/objects.both.1/alloc.leat | sed -n 's/^start.*	tool=interpose	.*	pid=\([0-9]*\)	.*/\1/p')
holds 'the recorder was sampled, too' "leat cat -t res/runs/objects.both.1/access.leat | grep -q '^access.*	pid=$pid	'"
try 'and is left out' 0 "leat cat -t res/joined/objects.both.1.leat | grep -c '^access.*	pid=$pid	'; true" <<'END'
0
END
if leat record --mem both -o /dev/null -- true 2>&1 | grep -q 'page faults'; then
	# First touches of whole pages: known.
	try 'page faults of each site' 0 "awk -F '\t' '/^#/ { next } !n++ { for (i = 1; i <= NF; i++) at[\$i] = i; next } { s = \$at[\"site\"]; sub(/.*;/, \"\", s) } s ~ /^(make_cold|map_scratch)\$/ { print s, \$at[\"writes\"], \$at[\"allocs\"] }' res/hot/objects.both.1.tsv | sort" <<'END'
make_cold 2048 4
map_scratch 256 1
END
fi
holds 'hot' "$run hot RUN=objects.both | grep -q make_table"
try 'a run that is not there' 2 "$run hot RUN=nothing" </dev/null
said '^nothing is no run that is there: '
if command -v gnuplot >/dev/null; then
	try 'a picture' 0 "$run picture RUN=objects.both; grep -c '<svg' res/pictures/objects.both.1.svg" <<'END'
res/pictures/objects.both.1.svg
1
END
	holds 'another range is another picture' "cp res/pictures/objects.both.1.svg x.svg; $run picture RUN=objects.both TIME=0,1ms; ! cmp -s x.svg res/pictures/objects.both.1.svg"
	holds 'of allocations alone' "$run picture RUN=objects.allocations.1"
	holds 'a curve' "$run curve RUN=objects.both"
else
	skip 'a picture' 'gnuplot is not here'
fi
holds 'what is done is not done again, without and with workloads' "make -s -f memory.mk RESULTS=res -q all && make -s -f memory.mk RESULTS=res -q REPS=2 MODES=modes.csv WORKLOADS='bin/*' all"
rm -r res/runs/objects.both.2
holds 'what is missing is made as it was' "$run && [ -s res/runs/objects.both.2/alloc.leat ]"
holds 'clean leaves the runs' "$run clean >/dev/null && [ ! -e res/hot ] && [ -e res/runs/objects.both.2 ]"

# Command lines.
# shellcheck disable=SC2016
printf '# comment\nnamed.x: true\n\n  sh -c '"'"'cat; echo "a  b" "$top"'"'"'\nbin/objects --rounds 1 \n./bin/objects --rounds 1\n' >lines
printf 'd 0 - - 1 0\n' >dry.txt
holds 'command lines from a file' "make -s -f memory.mk RESULTS=res2 REPS=1 WORKLOADS_FILE=lines MODES=dry.txt"
try 'their names' 0 'ls res2/runs' <<'END'
named+2ex.d.1
objectsrounds1.d.1
shccatechoabtop.d.1
END
try 'their words' 0 'cat res2/runs/shc*/stdout' <<END
a  b $PWD
END
holds 'command lines from lines' "make -s -f memory.mk RESULTS=res3 REPS=1 MODES=dry.txt WORKLOADS='true 1 2
true 3' && ls res3/runs | grep -c . | grep -qx 2"

# Errors before anything runs.
wrong () {
	printf '%s\n' "$1" >wrong
	try "wrong: $1" 2 'HEIMDALLR_PMEMDIR= make -s -f memory.mk RESULTS=res4 MODES=wrong WORKLOADS=true' </dev/null
	said "$2"
}
wrong 'a 0 999 0 0 100' 'modes:1: mode a: this machine has no node 999 for its memory$'
wrong 'a 0 0 0' 'modes:1: not a mode: name hms mem cpu dry freq'
wrong 'a 0 x 0 0 100' 'modes:1: its memory x is no number$'
wrong 'h 1 - - 0 0' 'modes:1: mode h has hms=1: HEIMDALLR_PMEMDIR and HEIMDALLR_PMEMSIZE say where$'
holds 'nothing ran' '[ ! -e res4/runs ]'

# The page, line by line, in one directory. 8 repetitions become 1: what they show is the same.
mkdir page page/npb_bin
for name in bt.A cg.A; do
	cp "$objects" page/npb_bin/$name
done
mkdir -p page/old/bt.A.1loc_50.1
printf '+1.000000000,00007f0000001000,0000000000002000,1+1234\n+1.200000000,00007f0000100000,0000000000100000,1+1234\n-1.500000000,00007f0000001000,0000000000002000,1+1300\n' >page/old/bt.A.1loc_50.1/alloc_0_7.log
printf '1.00user 0.10system 0:01.20elapsed 91%%CPU (0avgtext+0avgdata 2000maxresident)k\n0inputs+0outputs (0major+1minor)pagefaults 0swaps\n' >page/old/bt.A.1loc_50.1/time.log
awk 'BEGIN { for (i = 0; i < 200; i++) printf " 1.%09d:   %s:ppp:     7f0000%03x010 \n", 200000000 + i * 1000000, i % 2 ? "r4003E" : "r20016", 256 + i }' >page/old/bt.A.1loc_50.1/access.txt
printf 'TRAC_BEG:1.000000000:0\nTRAC_END:1.600000000:0\n' >page/old/bt.A.1loc_50.1/console.log
awk 'sub(/^\.Dl /, "") { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\\(aq/, "\047"); gsub(/\\\(dq/, "\""); print }' \
	"$TOP/man/leat-memory.7" >page.lines
lines=0
while IFS= read -r line; do
	lines=$((lines + 1))
	case $line in
	*/dev/shm*)
		if [ ! -w /dev/shm ]; then
			skip "$line" '/dev/shm cannot be written'
			continue
		fi
		;;
	*gnuplot* | *'picture '* | *' curve')
		if ! command -v gnuplot >/dev/null; then
			skip "$line" 'gnuplot is not here'
			continue
		fi
		;;
	esac
	# shellcheck disable=SC2016
	printf 'set -e\nunset HEIMDALLR_PMEMDIR HEIMDALLR_PMEMSIZE\nHOME=$PWD\n%s\n' "$line" | sed 's/ REPS=8 / REPS=1 /' >line.sh
	holds "leat-memory(7): $(printf '%s' "$line" | tr -d '\134')" 'cd page && sh ../line.sh'
	cp got shown
	case $line in
	*--leaks*) holds '  with the leak' 'grep -q make_leak shown' ;;
	*' hot '*joined.leat | *'make '*' hot '*) holds '  with the site' 'grep -q make_table shown' ;;
	*' list') holds '  with runs' 'grep -q "bt+2eA.1loc_50.1	bt.A	1loc_50" shown' ;;
	*' stat') holds '  with an overhead' 'grep -q "mode=1loc_DR" shown' ;;
	esac
done <page.lines
holds 'the page has commands' "[ $lines -ge 20 ]"
for picture in sites when live curve old; do
	command -v gnuplot >/dev/null || break
	holds "the page's picture $picture" "grep -q '<svg' page/$picture.svg"
done
finish
