#!/bin/sh
# shape.t - the workload of known shape, recorded in every way, gives its own call tree and its shares of time
. tests/lib.sh

shape=$B/examples/shape
seconds=5
"$shape" --shape >want.shape

# Folded lines with marks against want.shape. Frames of the C library before
# main or thread_main, and kernel frames that interrupt, are no part of the tree; reading the clock and starting up are
# overhead. A stack may end in a frame between. Wants every path, shares within `tolerance` points of 100, and at
# most `most` points in paths that are not in the tree.
cat >compare.awk <<'END'
NR == FNR { want[$1] = $2; whole += $2; n = split($1, f, ";"); p = f[1]; for (i = 2; i <= n; i++) { p = p ";" f[i]; node[p] }; next }
{
	weight = $NF
	sub(/ [0-9]+$/, "")
	gsub(/_\[i\]/, "")
	n = split($0, f, ";")
	path = f[1]
	on = 0
	for (i = 2; i <= n; i++) {
		if (f[i] ~ /_\[k\]$/)
			break
		if (f[i] == "main" || f[i] == "thread_main")
			on = 1
		if (on)
			path = path ";" f[i]
	}
	if (!on || path ~ /;rounds;(cpu_time|clock_gettime)/ || path ~ /;(main|child)$/ || path ~ /;(thread_)?main;(child;)?[^rc]/)
		overhead += weight
	else if (path in want)
		got[path] += weight
	else if (!(path in node)) {
		stray += weight
		print "stray: " path " " weight
	}
	total += weight
}
END {
	if (total == 0)
		exit 1
	for (p in want) {
		share = 100 * got[p] / total
		expect = 100 * want[p] / whole
		if (!(p in got)) { print "missing: " p; bad = 1 }
		if (share - expect > tolerance || expect - share > tolerance) { print "off: " p " " share " " expect; bad = 1 }
		paths++
	}
	printf "%d paths, overhead %.2f, stray %.2f points\n", paths, 100 * overhead / total, 100 * stray / total
	if (100 * stray / total > most || 100 * overhead / total > 5 || paths != all) bad = 1
	exit bad
}
END
export shape seconds
compare='awk -f compare.awk want.shape tolerance=2 all=40'

leat record -q -F 997 -o probe.leat -- true 2>err || skip_all "perf events cannot be opened here: $(tail -n 1 err)"

holds 'stack dumps: recorded' "leat record -q -F 997 --call-graph dwarf -o dwarf.leat -- $shape --seconds $seconds"
holds 'stack dumps: unwound' 'leat unwind dwarf.leat | leat fold --annotate >dwarf.folded'
holds 'stack dumps: tree exact, shares within 2 points' "$compare most=0 dwarf.folded"
holds 'frame pointers: recorded' "leat record -q -F 997 -g -o fp.leat -- $shape.fp --seconds $seconds"
holds 'frame pointers: unwound' 'leat unwind fp.leat | leat fold --annotate | sed "s/^shape.fp/shape/" >fp.folded'
# A sample in the first two instructions of a function has no frame of it yet, and misses its caller.
holds 'frame pointers: tree exact, shares within 2 points' "$compare most=0.2 fp.folded"
holds 'a live pipe keeps nothing' "leat record -q -F 997 --call-graph dwarf -- $shape --seconds $seconds | leat unwind | leat fold --annotate >live.folded"
holds 'live: tree exact, shares within 2 points' "$compare most=0 live.folded"

if perf --version >/dev/null 2>&1; then
	holds "perf's stack dumps: recorded" "perf record -q -F 997 --call-graph dwarf -o dwarf.data -- $shape --seconds $seconds"
	holds "perf's stack dumps: unwound" 'leat import perf.data dwarf.data | leat unwind | leat fold --annotate >perf-dwarf.folded'
	holds "perf's stack dumps: tree exact, shares within 2 points" "$compare most=0 perf-dwarf.folded"
	holds "perf's frame pointers: recorded" "perf record -q -F 997 -g -o fp.data -- $shape.fp --seconds $seconds"
	holds "perf's frame pointers: unwound" 'leat import perf.data fp.data | leat unwind | leat fold --annotate | sed "s/^shape.fp/shape/" >perf-fp.folded'
	holds "perf's frame pointers: tree exact, shares within 2 points" "$compare most=0.2 perf-fp.folded"
	# perf script (6.1) unwinds what a forked child executes with the address space of its parent.
	grep -v '^shape-exec;' want.shape >want.unexecuted
	holds "perf's own text" "perf script -i dwarf.data 2>script.err | leat import perf-script | leat fold --annotate | grep -v '^shape-exec;' >script.folded"
	holds "perf's own text: tree exact, shares within 2 points" "awk -f compare.awk want.unexecuted tolerance=2 all=32 most=0 script.folded"
else
	skip "perf's recordings" 'perf is not installed'
fi
holds 'the books balance' 'leat unwind dwarf.leat | leat audit'

finish
