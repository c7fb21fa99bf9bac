#!/bin/sh
# trace - frames written and read, with the chains of a real recording; see bench/trace.c
set -e
leat=$B/bin/leat
dir=$B/bench/data
mkdir -p "$dir"
if [ ! -s "$dir/chains.leat" ]; then
	# A user program and the kernel's paths under tar, stat and find: about nine addresses each.
	"$leat" record -q -F 4999 -g -o "$dir/chains.leat" -- sh -c '
		"$B/examples/shape.fp" --seconds 4
		for i in 1 2 3 4 5 6 7 8; do
			find /usr/lib /usr/share /proc/self -type f 2>/dev/null | head -n 20000 | xargs stat >/dev/null 2>&1
			find /usr/bin /usr/lib -type f -size -200k 2>/dev/null | head -n 3000 | tar -cf - -T - 2>/dev/null | cat >/dev/null
		done' 2>/dev/null
fi
exec "$B/bench/trace" "$dir/chains.leat" "${RECORDS:-20000000}"
