#!/bin/sh
# run - what a command costs more when its run is kept, beside time(1)
#
# usage: make bench T=run	RUN_TIMES=60 of each, in turns; the least and the median of them
: "${B:=$PWD/build}" "${RUN_TIMES:=60}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH RUN_TIMES
d=$B/bench/data/run
rm -rf "$d"
mkdir -p "$d" && cd "$d" || exit 2
printf 'factor,level,command\np,true,true\n' >table.csv
leat plan -o plan.tsv table.csv || exit 2

cat >turns.pl <<'END'
use Time::HiRes qw(time);
my @row = (
	['true', '/bin/true'],
	['time true', '/usr/bin/time -o time.txt /bin/true'],
	['leat --version', 'leat --version >/dev/null'],
	['leat run true', 'leat run -o x.leat -- /bin/true'],
	['leat run --dir d true', 'leat run --dir d -- /bin/true'],
	['leat run --plan p ...', 'leat run -q --plan plan.tsv --results results --cell true.1 -- /bin/true'],
);
my (@wall, @cpu, @seen);
for my $turn (1 .. $ENV{RUN_TIMES}) {
	for my $i (0 .. $#row) {
		my @c = times;
		my $t = time;
		next if system('sh', '-c', "exec $row[$i][1]") != 0;
		push @{$wall[$i]}, (time - $t) * 1e6;
		my @e = times;
		$cpu[$i] += ($e[2] + $e[3] - $c[2] - $c[3]) * 1e6;
		system('rm -rf d results');
	}
}
printf "%-24s %12s %12s %12s\n", 'microseconds', 'least wall', 'median wall', 'mean CPU';
for my $i (0 .. $#row) {
	my @w = sort { $a <=> $b } @{$wall[$i] // []} or next;
	my @b = sort { $a <=> $b } @{$wall[0]};
	printf "%-24s %12d %12d %12d", $row[$i][0], $w[0], $w[@w / 2], $cpu[$i] / @w;
	printf "   adds %6d %6d", $w[0] - $b[0], $w[@w / 2] - $b[@b / 2] if $i;
	print "\n";
}
END
perl turns.pl

# What is measured of the same command.
for how in '/usr/bin/time -f "%e %U %S %M" true' 'leat run -t true' 'leat run --dir d true; cat d/run.leat'; do
	i=0
	while [ $i -lt 20 ]; do
		sh -c "$how" 2>&1
		rm -rf d
		i=$((i + 1))
	done | awk -v how="$how" '
		/wall_ns/ { sub(/.*value=/, ""); w[n++] = $1 / 1000 }
		/maxrss/ { sub(/.*value=/, ""); rss = $1 / 1024 }
		NF == 4 && !/=/ { w[n++] = $1 * 1e6; rss = $4 }
		END { for (i = 0; i < n; i++) if (!i || w[i] < least) least = w[i]; printf "%-44s least wall %6d us, resident %d kB\n", how, least, rss }'
done
