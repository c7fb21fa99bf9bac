#!/bin/sh
# symbols - 20,000 addresses of a program and of the C library are named, by us, by addr2line(1) and llvm-symbolizer(1)
#
# usage: B=build sh bench/symbols.sh [FILE...]
# CPU seconds, user and system, of whole processes; the ratio is the peer's time by ours.
: "${B:=$PWD/build}"
LC_ALL=C
export LC_ALL
tmp=$(mktemp -d "${TMPDIR:-/tmp}/leat-bench.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

if [ $# -eq 0 ]; then
	libc=$(ldd "$B/bench/symbols" | awk '$1 == "libc.so.6" { print $3 }')
	set -- "$B/bench/symbols" "$libc"
fi
for f in "$@"; do
	echo "$f"
	"$B/bench/symbols" "$f" | sed 's/^/	/' || exit 1
	"$B/bench/symbols" "$f" - >"$tmp/addresses" || exit 1
	ours=$("$B/bench/symbols" "$f" | awk '$1 == "inlines_first" { print $2 }')
	for peer in "addr2line -f -i -e" "llvm-symbolizer --inlining --obj"; do
		command -v "${peer%% *}" >/dev/null || continue
		took=$(
			# shellcheck disable=SC2086
			case $peer in
			llvm*) sh -c "$peer=\"\$0\"" "$f" ;;
			*) $peer "$f" ;;
			esac <"$tmp/addresses" >/dev/null 2>&1
			times >"$tmp/times"
			awk 'END { split($1, u, /[ms]/); split($2, s, /[ms]/)
				print u[1] * 60 + u[2] + s[1] * 60 + s[2] }' "$tmp/times"
		)
		awk -v peer="${peer%% *}" -v took="$took" -v ours="$ours" \
		    'BEGIN { printf "\t%s\t%g\ts\t%.1f times ours\n", peer, took, took / ours }'
	done
done
