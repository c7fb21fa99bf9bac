#!/bin/sh
# trace - frames written and read, with the chains of a real recording; see bench/trace.c
set -e
leat=$B/bin/leat
dir=$B/bench/data
mkdir -p "$dir"
# Two processes that talk over the loopback device: deep paths of the kernel.
talk='use Socket; socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(0, INADDR_LOOPBACK)); listen(S, 1);
	my $to = getsockname(S); my $x = "x" x 100;
	if (fork) { accept(C, S); while (sysread(C, $x, 100)) { syswrite(C, $x) } wait; exit }
	socket(D, PF_INET, SOCK_STREAM, 0); connect(D, $to); for (1 .. 100000) { syswrite(D, $x); sysread(D, $x, 100) }'
if [ ! -s "$dir/chains.leat" ]; then
	# A user program, a service, and the kernel's paths under tar, stat and find: about nine addresses each.
	talk=$talk "$leat" record -q -F 4999 -g -o "$dir/chains.leat" -- sh -c '
		"$B/examples/shape.fp" --seconds 2
		perl -e "$talk"
		find /usr/lib /usr/share /proc/self -type f 2>/dev/null | head -n 20000 | xargs stat >/dev/null 2>&1
		find /usr/bin /usr/lib -type f -size -200k 2>/dev/null | head -n 3000 | tar -cf - -T - 2>/dev/null | cat >/dev/null' 2>/dev/null
fi
exec "$B/bench/trace" "$dir/chains.leat" "${RECORDS:-20000000}"
