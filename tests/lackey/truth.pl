#!/usr/bin/perl
# truth.pl LOG TRACE WANT <LACKEY: puts the interposer's log and lackey's accesses into one trace, and writes for each access the number
# of the allocation that it falls into (0: none), found by a table of 16-byte pieces
use strict;
use warnings;

my ($log, $trace, $want) = @ARGV;
my (@event, %piece, %size, %serial, $moving);
my ($t, $serial, $n, $accesses) = (0, 0, 0, 0);
my %op = (m => 'malloc', c => 'calloc', r => 'realloc', R => 'realloc', f => 'free');

open my $in, '<', $log or die "$log: $!";
while (<$in>) {
	chomp;
	push @event, $_;
}
close $in;
open my $out, '>', $trace or die "$trace: $!";
open my $expect, '>', $want or die "$want: $!";
print $out "#leat 1\nstart\ttool=lackey\thost=h\tpid=7\tarch=x86_64\n";

sub come {
	my ($addr, $size) = @_;
	$serial{$addr} = ++$serial;
	$size{$addr} = $size;
	$piece{$_} = $addr for $addr >> 4 .. ($addr + ($size || 1) - 1) >> 4;
}

sub go {
	my ($addr) = @_;
	my $size = delete $size{$addr};
	return unless defined $size;
	delete $serial{$addr};
	delete $piece{$_} for $addr >> 4 .. ($addr + ($size || 1) - 1) >> 4;
}

sub event {
	my ($op, @v) = split / /, $event[$n++];
	my ($addr, $size, $old, $site) = map { hex } @v;
	if ($op eq 'f' || $op eq 'R') {
		printf $out "free\tt=%d\tpid=7\ttid=7\top=%s\taddr=0x%x\n", $t, $op{$op}, $addr;
		go($addr) if $op eq 'f';
		return;
	}
	printf $out "alloc\tt=%d\tpid=7\ttid=7\top=%s\taddr=0x%x\tsize=%d%s\tchain=0x%x;\n", $t, $op{$op}, $addr, $size,
	    $old ? sprintf("\told=0x%x", $old) : '', $site;
	return if $old && $old == $addr && defined $size{$addr} && $size{$addr} == $size;
	go($old) if $old;
	come($addr, $size);
}

while (<STDIN>) {
	next unless /^ ([LSM]) ([0-9a-f]+),(\d+)/;
	my ($how, $addr, $bytes) = ($1, hex $2, $3);
	$t++;
	if ($addr == 0x5a5a00000000) {
		event() if $n < @event;
		next;
	}
	printf $out "access\tt=%d\tpid=7\ttid=7\tevent=lackey\top=%s\taddr=0x%x\tsize=%d\n", $t,
	    $how eq 'L' ? 'r' : $how eq 'S' ? 'w' : 'rw', $addr, $bytes;
	my $base = $piece{$addr >> 4};
	# An object of no size has one byte, as that is where an access to it would be.
	print $expect defined $base && $addr >= $base && $addr < $base + ($size{$base} || 1) ? $serial{$base} : 0, "\n";
	$accesses++;
}
print $out "end\ttool=lackey\tlost=0\n";
die "the log has $n of ", scalar @event, " events in the trace\n" if $n < @event;
print "$accesses accesses, $serial allocations\n";
