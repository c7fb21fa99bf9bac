#!/bin/sh
# Memory samples of machines that are not here: perf.data put together byte by byte, beside perf script and perf mem report
. tests/lib.sh

# gen FILE WEIGHT: what `perf mem record` of an Alder Lake writes (with the attrs that its header shows), and samples
# whose data_src real machines gave. WEIGHT: weight or struct.
cat >gen.pl <<'P'
use strict;
my ($file, $how) = @ARGV;
my ($IP, $TID, $TIME, $ADDR, $PERIOD, $IDENTIFIER) = (1, 2, 4, 8, 0x100, 0x10000);
my ($WEIGHT, $DATA_SRC, $STRUCT) = (0x4000, 0x8000, 0x1000000);
my $type = $IP | $TID | $TIME | $ADDR | $PERIOD | $IDENTIFIER | $DATA_SRC | ($how eq "weight" ? $WEIGHT : $STRUCT);
my $flags = 1 | 1 << 1 | 1 << 10 | 1 << 12 | 3 << 15 | 1 << 18;
sub attr {
	my ($pmu, $config, $config1, $flags) = @_;
	return pack("L2 Q5 L2 Q2 Q2 L l Q L S2 L2 Q", $pmu, 128, $config, 4000, $type, 0, $flags, 0, 0, $config1, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0);
}
my @event = (
	["cpu_core/mem-loads,ldlat=30/P", attr(4, 0x1cd, 0x1f, $flags), 500],
	["cpu_core/mem-stores/P", attr(4, 0x2cd, 0, $flags), 501],
	["cpu_core/cycles/P", attr(0, 0x400000000, 0, $flags), 502]);
my ($data, $time) = ("", 1000000000);
sub record {
	my ($kind, $misc, $body) = @_;
	$data .= pack("L S S", $kind, $misc, 8 + length $body) . $body;
}
sub trailer { return pack("L2 Q2", 41, 41, $time, 500) }
record(3, 0x2000, pack("L2 a16", 41, 41, "app") . trailer());
record(1, 2, pack("L2 Q3 a16", 41, 41, 0x400000, 0x10000, 0, "/bin/app") . trailer());
while (<STDIN>) {
	next if /^#/;
	my ($event, $ip, $addr, $period, $latency, $ins_lat, $src) = split;
	$time += 1009;
	my $w = $how eq "weight" ? $latency : $latency | $ins_lat << 32;
	record(9, 2, pack("Q2 L2 Q5", 500 + $event, hex $ip, 41, 42, $time, hex $addr, $period, $w, hex $src));
}
record(4, 0, pack("L4 Q", 41, 0, 41, 0, $time) . trailer());
# header, attrs, ids, data, and one feature: the names of the events
my ($head, $ids, $attrs, $desc) = (104, "", "", "");
my $ids_at = $head + @event * 144;
for (@event) {
	$attrs .= $_->[1] . pack("Q2", $ids_at + length $ids, 8);
	$ids .= pack("Q", $_->[2]);
}
my $data_at = $ids_at + length $ids;
$desc = pack("L2", scalar @event, 128);
for (@event) {
	my $n = (length($_->[0]) + 64) & ~63;
	$desc .= $_->[1] . pack("L L a$n Q", 1, $n, $_->[0], $_->[2]);
}
my $feature_at = $data_at + length $data;
open my $f, ">", $file or die;
print $f "PERFILE2", pack("Q2 Q2 Q2 Q2 Q4", $head, 144, $head, length $attrs, $data_at, length $data, 0, 0, 1 << 12, 0, 0, 0),
    $attrs, $ids, $data, pack("Q2", $feature_at + 16, length $desc), $desc;
P
cat >samples <<'E'
#event ip addr period latency ins_lat data_src
0 401000 7ffdf1391b0c 10007 5 7 10268100142
0 401004 7ffdf1391b10 10009 6 8 40268100142
0 401008 ffffb33a850078a0 10037 16 18 10450100442
0 40100c 7f0000001000 10039 47 50 10668100842
0 401010 7f0000001008 10061 57 59 11868100242
0 401014 7f0000001010 10067 180 183 1a49081042
0 401018 7f0000001018 10069 71 0 629800842
0 40101c 7f0000001020 10079 300 0 8688000842
0 401020 7f0000001028 10091 12 0 51088842
0 401024 7f0000001030 10093 9 0 68100842
0 401028 7f0000001038 10099 400 0 6a101042
1 40102c 7f0000001040 20011 0 0 229080144
1 401030 7f0000001048 20021 0 0 1e29080024
1 401034 7f0000001050 20023 1000 0 288100144
0 401038 0 20029 3 0 68100142
0 40103c 7f0000002000 20047 0 0 5080021
2 401040 0 100003 0 0 1e05080021
E
perl gen.pl struct.data struct <samples || exit 1
perl gen.pl weight.data weight <samples || exit 1


# What is an access says so itself; where there is no address, none is told; what is none stays a sample.
try 'accesses of a file' 0 'leat import -t struct.data | sed -n "/^access\|^sample/s/	t=[0-9]*	pid=41	tid=42//p"' <<'E'
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7ffdf1391b0c	weight=10007	latency=5	level="L1 hit"	tlb="L1 or L2 hit"	snoop=none	ip=0x401000
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7ffdf1391b10	weight=10009	latency=6	level="L1 hit"	tlb="L1 or L2 hit"	snoop=none	ip=0x401004
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0xffffb33a850078a0	weight=10037	latency=16	level="L2 hit"	tlb="L2 miss"	snoop=none	ip=0x401008
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7f0000001000	weight=10039	latency=47	level="L3 hit"	tlb="L1 or L2 hit"	snoop=none	ip=0x40100c
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7f0000001008	weight=10061	latency=57	level="LFB hit"	tlb="L1 or L2 hit"	snoop=none	ip=0x401010
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7f0000001010	weight=10067	latency=180	level="RAM hit"	tlb="L2 hit"	ip=0x401014
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7f0000001018	weight=10069	latency=71	level="L3 hit"	tlb="L1 hit"	snoop=hitm	ip=0x401018
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7f0000001020	weight=10079	latency=300	level="L3 hit"	tlb="Walker hit"	snoop=peer	ip=0x40101c
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7f0000001028	weight=10091	latency=12	level="L3 or remote cache hit"	tlb="L2 miss"	ip=0x401020
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7f0000001030	weight=10093	latency=9	level="L3 hit"	tlb="L1 or L2 hit"	snoop=none	ip=0x401024
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	addr=0x7f0000001038	weight=10099	latency=400	level="RAM hit"	tlb="L1 or L2 hit"	snoop=none	locked=1	ip=0x401028
access	event=cpu_core/mem-stores/P	op=w	addr=0x7f0000001040	weight=20011	level="L1 hit"	tlb="L1 hit"	ip=0x40102c
access	event=cpu_core/mem-stores/P	op=w	addr=0x7f0000001048	weight=20021	tlb="L1 hit"	ip=0x401030
access	event=cpu_core/mem-stores/P	op=w	addr=0x7f0000001050	weight=20023	latency=1000	level="L1 hit"	tlb="Walker hit"	snoop=none	ip=0x401034
access	event="cpu_core/mem-loads,ldlat=30/P"	op=r	weight=20029	latency=3	level="L1 hit"	tlb="L1 or L2 hit"	snoop=none	ip=0x401038
sample	event="cpu_core/mem-loads,ldlat=30/P"	weight=20047	ip=0x40103c	addr=0x7f0000002000
sample	event=cpu_core/cycles/P	weight=100003	ip=0x401040	addr=0x0
E
silent
holds 'whole words of weight are the same' 'leat import -t weight.data >w && leat import -t struct.data | diff - w'
holds 'through frames, too' 'leat import -f struct.data | leat cat -t | diff - w'
try 'the books balance' 0 'leat import struct.data | leat audit | sed -n "s/^perf	.*	//p"' <<'E'
balanced
E

# Every bit that perf has a word for, one after the other and with what else an access says, beside what perf says of it.
perl -e '
	my $n = 0;
	for my $op (2, 4) { for my $level (3 .. 13) { for my $outcome (1, 2) { for my $tlb (0, 3 .. 6) {
		my $src = $op | (1 << $level | 1 << $outcome) << 5 | ($n % 5 ? 1 << $n % 5 : 1) << 19 | 1 << 24 + $n % 2 |
		    ($tlb ? 1 << $tlb | 1 << 1 + $n % 2 : 1) << 26;
		printf "%d %x %x %d %d 0 %x\n", $op == 4, 0x401000 + 4 * $n, 0x7f0000000000 + 8 * $n, 1009 + $n, $n % 7 * 50, $src;
		$n++;
	} } } }' >many
perl gen.pl many.data weight <many || exit 1
cat >theirs.pl <<'P'
while (<STDIN>) {
	my ($period, $event, $addr, $src, $op, $level, $snoop, $tlb, $lock, $weight, $ip) =
	    m!^\s*(\d+)\s+(\S+):\s+(\w+)\s+(\w+) \|OP (\w+)\|LVL ([^|]*)\|SNP ([^|]*)\|TLB ([^|]*)\|LCK ([^|]*)\|BLK\s+\S+\s+(\d+)\s+(\w+)!
	    or die "perf: $_";
	$op = $op eq "LOAD" ? "r" : "w";
	for ($level) { s/LFB\/MAB/LFB/; s/Local RAM/RAM/; s/Remote (RAM|Cache) \(1 hop\)/"remote $1"/e; s/Remote (RAM|Cache) \(2 hops\)/"2-hop $1"/e;
		s/Cache/cache/; s/Uncached/uncached/; s/^N\/A.*// }
	$tlb = "" if $tlb =~ /N\/A/;
	$snoop = $snoop =~ /N\/A/ ? "" : lc $snoop;
	print "$event|$op|$addr|$period|$weight|$level|$tlb|$snoop|", $lock =~ /Yes/ ? 1 : "", "|$ip\n";
}
P
cat >ours.pl <<'P'
while (<STDIN>) {
	next unless /^access/;
	chomp;
	my %f = map { /^(\w+)=(.*)/ ? ($1, $2) : () } split /\t/;
	s/^"(.*)"$/$1/, s/^0x// for values %f;
	$f{event} =~ s/\\=/=/;
	print join("|", map { $_ // "" } @f{qw(event op addr weight)}, $f{latency} // 0, @f{qw(level tlb snoop locked ip)}), "\n";
}
P
perf script -F event,addr,data_src,weight,period,ip -i many.data >perf.txt 2>err
if [ -s perf.txt ]; then
	holds 'in our words' 'perl theirs.pl <perf.txt >theirs && leat import -t many.data | perl ours.pl >ours && [ $(wc -l <ours) -eq 220 ]'
	holds 'what perf script says' 'diff theirs ours'
	perf mem -i many.data report --stdio 2>/dev/null | sed -n 's/^# Total weight : //p' >weights
	try 'and all of the weight of perf mem report' 0 "leat import -t many.data | perl ours.pl |
		awk -F '|' '{ w[\$1] += \$5 > 0 ? \$5 : 1 } END { for (e in w) print w[e] }' | sort" <<E
$(sort weights)
E
else
	skip 'what perf script says' "no perf that reads it: $(head -n 1 err)"
fi

# Any byte changed is no crash, and a file that is cut off is told as such.
holds 'damage' "$(cat <<'S'
perl -e '
	open my $f, "<", "struct.data"; local $/; my $all = <$f>; my $seed = 1;
	for (1 .. 150) {
		my $b = $all;
		$seed = ($seed * 69069 + 1) % 4294967296;
		substr($b, 584 + $seed % (length($b) - 584), 1) = chr(($seed >> 16) & 255);
		open my $o, ">", "bad.data"; print $o $b; close $o;
		my $r = system("leat import -t bad.data >out 2>err2");
		exit 1 if $r & 127 || ($r >> 8) > 2;
	}'
S
)"
finish
