# words.pl - a real program for the demo where there is no python3: makes text, counts its words, sorts them
use strict;
use warnings;

my $seconds = shift // 4;
my ($seed, $pages, %total) = (1, 0);

sub text {
	return join ' ', map { $seed = ($seed * 1103515245 + 12345) % 2147483648; 'w' . int($seed / 65536) % 5000 } 1 .. $_[0];
}

sub count {
	my %n;
	$n{$_}++ for $_[0] =~ /[a-z]\d+/g;
	return \%n;
}

while ((times)[0] < $seconds) {
	my $n = count(text(20000));
	$total{$_} += $n->{$_} for sort keys %$n;
	$pages++;
}
my ($most) = sort { $total{$b} <=> $total{$a} || $a cmp $b } keys %total;
print "$pages pages, ", scalar keys %total, " words, the commonest $most\n";
