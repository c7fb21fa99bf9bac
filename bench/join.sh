#!/bin/sh
# join - accesses to their objects, beside a perl script that keeps the live objects by their 16-byte pieces
#
# usage: make bench T=join	RECORDS=4000000, PEER_RECORDS=400000, JOIN_RUNS=5 of which the fastest counts, ours and the peer in turn;
#				user and system time of one CPU. Of ten records two are allocations, two frees, six accesses, all over
#				the live objects, which is the worst order for caches.
: "${B:=$PWD/build}" "${RECORDS:=4000000}" "${PEER_RECORDS:=400000}" "${JOIN_RUNS:=5}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/join
mkdir -p "$d" || exit 2

cat >"$d/peer.pl" <<'PEOF'
while (<STDIN>) {
	my ($type, %f) = map { split /=/, $_, 2 } split /\t/, $_;
	if ($type eq 'alloc') {
		my ($a, $s) = (hex $f{addr}, $f{size});
		my $o = [$a, $s, $f{t}, $f{stack}];
		$at{$_} = $o for $a >> 4 .. ($a + $s - 1) >> 4;
		$size{$a} = $s;
	} elsif ($type eq 'free') {
		my $a = hex $f{addr};
		delete $at{$_} for $a >> 4 .. ($a + delete($size{$a}) - 1) >> 4;
	} elsif ($type eq 'access') {
		my $a = hex $f{addr};
		my $o = $at{$a >> 4};
		chomp;
		print $o && $a - $o->[0] < $o->[1] ? "$_\tkind=object\tobject=$o->[0]\toffset=" . ($a - $o->[0]) . "\tage_ns=" . ($f{t} - $o->[2]) . "\tsite=$o->[3]\n" : "$_\tkind=unknown\n";
	}
}
PEOF

# The milliseconds of CPU of a command.
cost () {
	perl -e 'my $pid = fork; unless ($pid) { open STDOUT, ">", "/dev/null"; exec @ARGV } waitpid $pid, 0; exit 1 if $?; my @t = times; printf "%d\n", ($t[2] + $t[3]) * 1000' "$@"
}

for kind in lean rich; do
	for live in 10000 100000 1000000; do
		in=$d/$kind.$live.$RECORDS.leat
		[ -s "$in" ] || "$B/bench/join" "$RECORDS" "$live" "$kind" frames >"$in" || exit 2
		few=$d/$kind.$live.$PEER_RECORDS.txt
		if [ "$live" -lt "$PEER_RECORDS" ] && [ ! -s "$few" ]; then
			"$B/bench/join" "$PEER_RECORDS" "$live" "$kind" lines >"$few" || exit 2
		fi
		ours='' peer='' copy=''
		runs=$JOIN_RUNS
		while [ "$runs" -gt 0 ]; do
			ms=$(cost leat join -q -f -o "$d/out" "$in") || exit 1
			[ -n "$ours" ] && [ "$ms" -ge "$ours" ] || ours=$ms
			ms=$(cost leat pick -f -o "$d/out" 't >= 0' "$in") || exit 1
			[ -n "$copy" ] && [ "$ms" -ge "$copy" ] || copy=$ms
			if [ "$runs" -le 2 ] && [ -s "$few" ]; then # it is slow
				ms=$(cost perl "$d/peer.pl" <"$few") || exit 1
				[ -n "$peer" ] && [ "$ms" -ge "$peer" ] || peer=$ms
			fi
			runs=$((runs - 1))
		done
		rss=$(perl -e 'my $pid = fork; exec @ARGV unless $pid; my $most = 0; while (waitpid($pid, 1) == 0) { open(my $f, "<", "/proc/$pid/status"); while (<$f>) { $most = $1 if /^VmHWM:\s+(\d+)/ } select undef, undef, undef, 0.01 } print $most' leat join -q -f -o "$d/out" "$in")
		awk -v kind="$kind" -v live="$live" -v ours="$ours" -v copy="$copy" -v records="$RECORDS" -v peer="$peer" -v few="$PEER_RECORDS" -v rss="$rss" 'BEGIN {
			printf "%s records, %7d live objects: %6.2f M records/s, %5.0f MiB (copying alone %6.2f)", kind, live, records / ours / 1000, rss / 1024, records / copy / 1000
			if (peer) printf "   %.1f times perl", (peer / few) / (ours / records)
			printf "\n" }'
	done
done
rm -f "$d/out"
