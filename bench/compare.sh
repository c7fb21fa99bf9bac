#!/bin/sh
# compare - intervals and tests: ours beside the same resamples in perl; beside sort and awk, which only read
#
# usage: make bench T=compare	COMPARE_RUNS=3 runs of which the one with the least CPU time counts
: "${B:=$PWD/build}" "${COMPARE_RUNS:=3}"
LC_ALL=C PATH=$B/bin:$PATH
export LC_ALL PATH
d=$B/bench/data/compare
mkdir -p "$d" && cd "$d" || exit 2

cat >bootstrap.pl <<'END'
# Percentile bootstrap of the ratio of medians and of means, and permutation tests of both: 9999 each.
use List::Util qw(sum shuffle);
my ($fa, $fb) = @ARGV;
sub get { open my $f, "<", shift; my @v = <$f>; [map { $_ + 0 } @v] }
my ($a, $b) = (get($fa), get($fb));
sub median { my @s = sort { $a <=> $b } @_; @s % 2 ? $s[@s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2 }
sub mean { sum(@_) / @_ }
for my $of (\&median, \&mean) {
	my @ratio = sort { $a <=> $b } map { $of->(map { $b->[rand @$b] } @$b) / $of->(map { $a->[rand @$a] } @$a) } 1 .. 9999;
	my $there = abs(log($of->(@$b) / $of->(@$a)));
	my $more = 1;
	for (1 .. 9999) {
		my @all = shuffle(@$a, @$b);
		$more++ if abs(log($of->(@all[0 .. $#$a]) / $of->(@all[@$a .. $#all]))) >= $there;
	}
	printf "%g %g %g\n", $ratio[249], $ratio[9749], $more / 10000;
}
END
cat >make.pl <<'END'
srand 1;
sub normal { sqrt(-2 * log(1 - rand)) * cos(6.283185307179586 * rand) }
for my $n (30, 300, 1000000) {
	for my $side ("a", "b") {
		open my $f, ">", "$side$n";
		printf $f "%.3f\n", 1000 + 20 * normal() for 1 .. $n;
	}
}
my @stack = map { join ";", "main", map { "f" . int rand 800 } 0 .. 4 + rand 20 } 1 .. 5000;
my @weight = map { exp(2 * normal()) * 20 } @stack;
for my $side ("a", "b") {
	for my $k (0 .. 9) {
		open my $f, ">", "$side.$k.folded";
		for (0 .. $#stack) {
			my $n = int($weight[$_] * exp(.1 * normal()) + sqrt($weight[$_]) * normal());
			print $f "$stack[$_] $n\n" if $n > 0;
		}
	}
}
END
[ -s b.9.folded ] || perl make.pl || exit 2

# cpu COMMAND: the least CPU time of some runs, in seconds; its status may be 0 or 1.
cpu () {
	perl -e 'my ($runs, $command) = @ARGV;
		for (1 .. $runs) {
			my @from = times;
			system("sh", "-c", "{ $command; } >out") >> 8 < 2 or die "$command failed\n";
			my @to = times;
			my $took = $to[2] + $to[3] - $from[2] - $from[3];
			$least = $took if !defined $least || $took < $least;
		}
		print $least' "$COMPARE_RUNS" "$1"
}

# row NAME OURS PEER COMMAND
row () {
	ours=$(cpu "$2") && peer=$(cpu "$4") || exit 1
	printf '%-34s ours %7.3f s   %-22s %7.3f s   peer/ours %.1f\n' "$1" "$ours" "$3" "$peer" \
		"$(echo "$ours $peer" | awk '{ print $2 / ($1 > 0 ? $1 : 0.001) }')"
}

row '30 and 30 numbers' 'leat compare a30 -- b30' 'perl, same resamples' 'perl bootstrap.pl a30 b30'
row '300 and 300 numbers' 'leat compare a300 -- b300' 'perl, same resamples' 'perl bootstrap.pl a300 b300'
row '1e6 and 1e6 numbers' 'leat compare a1000000 -- b1000000' 'sort -g of both' 'sort -g a1000000; sort -g b1000000'
row '10 and 10 profiles of 5000 stacks' 'leat compare a.*.folded -- b.*.folded' 'awk adds them up' \
	"awk '{ n = \$NF; sub(/ [0-9]+\$/, \"\"); s[FILENAME < \"b\", \$0] += n } END { for (k in s) print k, s[k] }' a.*.folded b.*.folded"
