#!/bin/sh
. tests/lib.sh

trace () { printf '#leat 1\n'; printf 'start\ttool=x\tclock=monotonic_raw\n'; printf '%b' "$@"; printf 'end\ttool=x\n'; }

trace 'mmap\tt=1\taddr=0x1\tcpu=7\tsize=1\n' \
	'sample\tt=1000\tcpu=0\tsize=64\taddr=0x1000\n' 'sample\tt=2000\tcpu=1\tsize=128\taddr=0x1010\n' \
	'sample\tt=9000\tcpu=1\tsize=4096\taddr=0x7ff000001000\n' 'zebra\tt=1000\tname=b\n' \
	'lost\tt=5\tn=3\twhy=ring-full\n' >t

try 'two fields; state is no point; what lacks a field is counted; loss is told' 0 'leat heat -x t -y cpu t' <<'EOT'
# heat x=t y=cpu x_unit=ns y_unit="" x_scale=linear y_scale=linear x_bins=251 y_bins=2 x_min=992 x_max=9024 y_min=0 y_max=2 count=3 outside=0 without=1 not_positive=0 nan=0
# lost=3 why=ring-full
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	992	1024	0	1	1
31	1	1984	2016	1	2	1
250	1	8992	9024	1	2	1
EOT
silent
try '--compact, -w' 0 'leat heat -x t -y addr --compact --bins 16x16 -w size t' <<'EOT'
# heat x=t y=addr x_unit=ns y_unit=addr x_scale=linear y_scale=linear x_bins=9 y_bins=10 x_min=0 x_max=9216 y_min=0x1000 y_max=0x7ff000001002 count=3 outside=0 without=1 not_positive=0 nan=0 w=size sum=4288
# seam y=9 lo=0x1012 hi=0x7ff000001000
# lost=3 why=ring-full
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	0	1024	0x1000	0x1002	64
1	8	1024	2048	0x1010	0x1012	128
8	9	8192	9216	0x7ff000001000	0x7ff000001002	4096
EOT
try 'frames as well as lines, from standard input' 0 'leat cat -f t | leat heat -x t -y cpu | cksum' <<EOT
$(leat heat -x t -y cpu t | cksum)
EOT
try '-o' 0 'leat heat -x t -y cpu -o out t && tail -n 1 out' <<'EOT'
250	1	8992	9024	1	2	1
EOT
try 'several inputs add up' 0 'leat heat -x t -y cpu t - <t | tail -n 1' <<'EOT'
250	1	8992	9024	1	2	2
EOT
try 'ranges: equal bins, what is outside is counted, and does not widen the other axis' 0 \
	'leat heat -x t -y size --y-range 64,4KiB --bins 8x4 t' <<'EOT'
# heat x=t y=size x_unit=ns y_unit=bytes x_scale=linear y_scale=linear x_bins=5 y_bins=4 x_min=768 x_max=2048 y_min=64 y_max=4096 count=2 outside=1 without=1 not_positive=0 nan=0
# lost=3 why=ring-full
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	768	1024	64	1072	1
4	0	1792	2048	64	1072	1
EOT
silent
try 'units of time; the low end is inside, the high end is not' 0 \
	"leat heat -x t -y cpu --x-range 1us,2us t | sed -n '1s/.* count=/count=/p; \$p'" <<'EOT'
count=1 outside=2 without=1 not_positive=0 nan=0
0	0	1000	1004	0	1	1
EOT
try 'no more bins than ints' 0 "leat heat -x t -y cpu --y-range 0,2 --x-range 0,10us --bins 2x100 t | sed '1s/.*y_bins/y_bins/'" <<'EOT'
y_bins=2 x_min=0 x_max=10000 y_min=0 y_max=2 count=3 outside=0 without=1 not_positive=0 nan=0
# lost=3 why=ring-full
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	0	5000	0	1	1
0	1	0	5000	1	2	1
1	1	5000	10000	1	2	1
EOT
try 'logarithmic' 0 'leat heat -x cpu -y size --log y --bins 4x8 t | sed 1,2d' <<'EOT'
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	0	1	64	128	1
1	1	1	2	128	256	1
1	6	1	2	4096	8192	1
EOT
try 'logarithmic, with a range' 0 "leat heat -x cpu -y size --log y --y-range 1,10000 --bins 4x4 t | sed '1,2d'" <<'EOT'
x	y	x_lo	x_hi	y_lo	y_hi	count
0	1	0	1	10	100	1
1	2	1	2	100	1000	1
1	3	1	2	1000	10000	1
EOT
try '0 has no place on a logarithmic axis' 0 "leat heat -x t -y cpu --log y t | sed -n '1s/.* count=/count=/p'" <<'EOT'
count=2 outside=0 without=1 not_positive=1 nan=0
EOT
said '^leat heat: 1 points are 0 or less: not on a logarithmic axis$'
try '--strict: loss is an error' 2 'leat heat --strict -x t -y cpu t | tail -n 1; leat heat --strict -x t -y cpu t >/dev/null' <<'EOT'
250	1	8992	9024	1	2	1
EOT

trace 'sample\tt=1152921504606846977\tip=0xffffffff81000001\tv=0.5\tw=0.25\n' \
	'sample\tt=1152921504606846979\tip=0xffffffff81000003\tv=nan\tw=0.5\n' \
	'sample\tt=1152921504606846980\tip=0xffffffff81000002\tv=-inf\tw=nan\n' >big
try 'ints and addresses beyond 2^53 are exact' 0 'leat heat -x t -y ip big | sed 1d' <<'EOT'
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	1152921504606846977	1152921504606846978	0xffffffff81000001	0xffffffff81000002	1
3	1	1152921504606846980	1152921504606846981	0xffffffff81000002	0xffffffff81000003	1
2	2	1152921504606846979	1152921504606846980	0xffffffff81000003	0xffffffff81000004	1
EOT
try 'nan is counted apart, infinity is outside' 0 "leat heat -x t -y v big | sed -n '1s/.* count=/count=/p'" <<'EOT'
count=1 outside=1 without=0 not_positive=0 nan=1
EOT
try 'weights with fractions' 0 "leat heat -x t -y ip -w w big | sed '1s/.* count=/count=/'" <<'EOT'
count=2 outside=0 without=0 not_positive=0 nan=1 w=w sum=0.75
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	1152921504606846977	1152921504606846978	0xffffffff81000001	0xffffffff81000002	0.25
2	2	1152921504606846979	1152921504606846980	0xffffffff81000003	0xffffffff81000004	0.5
EOT
{
	printf '#leat 1\nstart\ttool=fire\tclock=cycles\n'
	printf 'insn\tt=5\tpc=0x10\n'
} >cycles
try 't of a trace that counts cycles' 2 "leat heat -x t -y pc cycles | sed -n '1s/ x_scale.*//p'; leat heat -x t -y pc cycles >/dev/null" <<'EOT'
# heat x=t y=pc x_unit=cycles y_unit=addr
EOT
said 'leat heat: cycles: .*' # (it has no end)

trace 'event\tt=1\taddress=4096\n' >event
try 'addresses as ints, as tracepoints have them' 0 'leat heat -x t -y address event | sed 1,2d' <<'EOT'
0	0	1	2	0x1000	0x1001	1
EOT
printf '# runs host="a b"\n# lost=2 why=late\nt,"addr, of it",n\r\n1,0x10,1\n2,,1\n3,0x12,0.5\n' >csv
try 'a CSV table, a cell that is empty, its losses' 0 'leat heat -x t -y "addr, of it" csv' <<'EOT'
# heat x=t y="addr, of it" x_unit=ns y_unit=addr x_scale=linear y_scale=linear x_bins=3 y_bins=3 x_min=1 x_max=4 y_min=0x10 y_max=0x13 count=2 outside=0 without=1 not_positive=0 nan=0
# lost=2 why=late
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	1	2	0x10	0x11	1
2	2	3	4	0x12	0x13	1
EOT
silent
try 'a seam above the first bin; loss without a reason' 0 \
	"printf '# lost=4\n# why=no\na\tb\n1\t0x10\n1\t0x10000000\n' | leat heat -x a -y b --compact | sed 1d" <<'EOT'
# seam y=1 lo=0x11 hi=0x10000000
# lost=4 why=unknown
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	1	2	0x10	0x11	1
0	1	1	2	0x10000000	0x10000001	1
EOT
try 'columns by number, with a weight' 0 'leat heat -x 1 -y 2 -w 3 csv | tail -n 2' <<'EOT'
0	0	1	2	0x10	0x11	1
2	2	3	4	0x12	0x13	0.5
EOT
try 'no such column' 2 'leat heat -x t -y addr csv' </dev/null
said '^leat heat: csv: no column addr; there are: t addr, of it n$'
printf 'a\tb\n1\t2\n1\tx\n1\n2\t2\n' >tsv
try 'a cell that is no number, and a row that is too short' 2 'leat heat -x a -y b tsv | sed "1s/.* count=/count=/"; leat heat -x a -y b tsv >/dev/null' <<'EOT'
count=2 outside=0 without=2 not_positive=0 nan=0
x	y	x_lo	x_hi	y_lo	y_hi	count
0	0	1	2	2	3	1
1	0	2	3	2	3	1
EOT
said '^leat heat: tsv:3: the column b holds no number: x$'
said '^leat heat: and in 1 more places$'
try 'what heat writes, it can read' 0 "leat heat -x t -y size t | leat heat -x x_lo -y y_lo -w count | sed -n '1s/.* count=/count=/p; 2p'" <<'EOT'
count=3 outside=0 without=0 not_positive=0 nan=0 w=count sum=3
# lost=3 why=ring-full
EOT
try 'folded stacks' 2 "printf 'a;b 1\n' | leat heat -x t -y size" </dev/null
said '^leat heat: standard input: folded stacks: heat reads traces, and tables with a header$'

try 'no record with the fields' 2 'leat heat -x t -y nope t | tail -n 1; leat heat -x t -y nope t >/dev/null' <<'EOT'
x	y	x_lo	x_hi	y_lo	y_hi	count
EOT
said '^leat heat: no record has the fields t, nope; there are: t cpu size addr name$'
try 'a field of text' 2 'leat heat -x t -y name t | tail -n 1; leat heat -x t -y name t >/dev/null' <<'EOT'
x	y	x_lo	x_hi	y_lo	y_hi	count
EOT
said '^leat heat: t:[0-9]*: the field name of a zebra is no number but a str$'
try 'nothing at all' 0 'leat heat -x t -y name </dev/null' <<'EOT'
# heat x=t y=name x_unit=ns y_unit="" x_scale=linear y_scale=linear x_bins=0 y_bins=0 count=0 outside=0 without=0 not_positive=0 nan=0
x	y	x_lo	x_hi	y_lo	y_hi	count
EOT
silent
for wrong in '' '-x t' '-x t -y u --bins 3' '-x t -y u --bins 0x3' '-x t -y u --bins 70000x2' '-x t -y u --bins 65536x65536' \
	'-x t -y u --x-range 3' '-x t -y u --x-range 3,2' '-x t -y u --x-range 3,3' '-x t -y u --y-range 3,x' '-x t -y u --log z' \
	'-x t -y u --log x --x-range 0,5' '-x t -y u --log y --compact' '-x t -y u --bins 1x5'; do
	try "usage: $wrong" 2 "leat heat $wrong t" </dev/null
	said '^leat heat: '
done

# A walk over a heap, and a stack: against a count by awk into the bins that the table says.
awk 'BEGIN {
	srand(5)
	print "t,place,size"
	for (i = 0; i < 5000; i++) {
		a = rand() < 0.8 ? 94000000000000 + i * 37 : 140000000000000 + int(rand() * 30000)
		printf "%.0f,%.0f,%.0f\n", 1000000 + i * 977 + int(rand() * 900), a, int(exp(rand() * 12))
	}
}' >walk.csv
# naive OPTIONS...: no output where each cell of the table is what awk counts.
naive () {
	leat heat -x t -y place "$@" walk.csv >table && awk '
	FNR == NR && /^#/ { if ($2 == "seam") seams++; next }
	FNR == NR && $1 == "x" { next }
	FNR == NR { n++; x_lo[n] = $3; x_hi[n] = $4; y_lo[n] = $5; y_hi[n] = $6; count[n] = $7; next }
	FNR == 1 { FS = ","; next }
	{
		split($0, p, ",")
		for (i = 1; i <= n; i++)
			if (x_lo[i] <= p[1] && p[1] < x_hi[i] && y_lo[i] <= p[2] && p[2] < y_hi[i]) { seen[i]++; break }
		if (i > n) missed++
	}
	END {
		for (i = 1; i <= n; i++) { if (seen[i] != count[i]) print "cell", i, seen[i], count[i]; sum += count[i] }
		print (n > 10 ? "cells" : "no cells"), sum, missed + 0, seams + 0
	}' table walk.csv
}
naive --bins 20x20 >got.naive
try 'against a count by awk' 0 'cat got.naive' <<'EOT'
cells 5000 0 0
EOT
naive --bins 20x40 --compact >got.naive
try 'the same, compact' 0 'cat got.naive' <<'EOT'
cells 5000 0 1
EOT
naive --bins 20x20 --log xy --x-range 1000000,9e6 >got.naive
try 'the same, logarithmic' 0 'cat got.naive' <<'EOT'
cells 5000 0 0
EOT
# shellcheck disable=SC2086
for options in '' --compact '--log y' '-w size'; do
	leat heat -x t -y place $options walk.csv >straight
	{ head -n 1 walk.csv; sed 1d walk.csv | sort -R; } | leat heat -x t -y place $options >mixed
	holds "the order of points does not matter $options" 'cmp straight mixed'
done

awk 'BEGIN { print "t_ns,size"; for (i = 0; i < 1000; i++) print i * 1000000 "," (i < 500 ? 4096 : 8192 * (1 + i % 50)) }' >steps.csv
try 'a picture' 0 'leat heat -x t_ns -y size --shades steps.csv' <<'EOT'
size over t_ns, 1000 points  . 1  : 2  + 3  * 4  % 6  # 8  @ 12..17
       404 KiB|                                :  :  :  :  :  :  :  :  :  :|
              |                                +  +  +  +  +  +  +  +  +  +|
              |                                +  +  +  +  +  +  +  +  +  +|
              |                                +  +  +  +  +  +  + .: .: .:|
       292 KiB|                               .: :. :. :. +  +  +  +  +  + |
              |                               +  +  +  +  +  +  +  +  +  + |
              |                               +  +  +  +  +  +  +  +  +  + |
              |                               +  +  +  +  +  +  +  +  +  + |
       196 KiB|                               +  +  +  +  +  +  +  +  +  + |
              |                               +  +  + .: .: .: :. :. :. +  |
              |                              +  +  +  +  +  +  +  +  +  +  |
              |                              +  +  +  +  +  +  +  +  +  +  |
       100 KiB|                              +  +  +  +  +  +  +  +  +  +  |
              |                              +  +  +  +  +  +  +  +  +  +  |
              |                              +  +  +  +  +  +  +  +  + .:  |
              |                             .: .: .: :. :. :. +  +  +  +   |
         4 KiB|@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@  +  +  +  +  +  +  +  +  +   |
              +------------------------------------------------------------+
               0.00 s                     0.50 s                     1.00 s
EOT
holds 'shaded blocks where the terminal shows them' 'LC_ALL=C.UTF-8 leat heat -x t_ns -y size --shades steps.csv | grep -q █'
holds 'seams are marked' 'leat heat -x t -y place --shades --compact walk.csv | grep -q "14[0-9]*="'

# ---- the picture of memory ----
{ printf '#leat 1\n'; tr ' ' '\t' <<'EOT'; } >memory
start t=1000 tool=interpose clock=monotonic_raw host=h
alloc t=2000 pid=7 tid=7 op=malloc addr=0x10000 size=8192 stack=main;table;
alloc t=2500 pid=7 tid=7 op=malloc addr=0x20000 size=4096 stack=main;never;
alloc t=3000 pid=7 tid=7 op=malloc addr=0x7f0000 size=4096 stack=main;node(int);
access t=4000 pid=7 op=r addr=0x10008 weight=3 kind=object object=0x10000 offset=8 object_size=8192 serial=1 site=main;table;
access t=4000 pid=7 op=w addr=0x10010 weight=1 kind=object object=0x10000 offset=16 object_size=8192 serial=1 site=main;table;
access t=5000 pid=7 op=rw addr=0x7f0000 weight=5 kind=object object=0x7f0000 offset=0 object_size=4096 serial=2 site=main;node(int);
access t=5500 pid=7 op=r addr=0x900000 kind=stack
free t=6000 pid=7 tid=7 op=free addr=0x10000
access t=6500 pid=8 op=x addr=0x900004 kind=unknown
lost t=6600 n=2 why=late
end tool=interpose
EOT
try '--memory: cells with reads and writes, sites by weight, lives of what was accessed' 0 'leat heat --memory --bins 8x64 memory' <<'EOT'
# heat x=t y=addr x_unit=ns y_unit=addr x_scale=linear y_scale=linear x_bins=7 y_bins=15 x_min=0 x_max=7168 y_min=0x10008 y_max=0x900005 count=5 outside=0 without=0 not_positive=0 nan=0 w=weight sum=11
# seam y=9 lo=0x10011 hi=0x7f0000
# seam y=10 lo=0x7f0001 hi=0x900000
# memory start=1000 end=6600 accesses=5 weight=11 unjoined=0 processes=2 busiest=7
# site n=1 accesses=1 weight=5 reads=5 writes=5 objects=1 name=main;node
# site n=2 accesses=2 weight=4 reads=3 writes=1 objects=1 name=main;table
# life site=2 x_lo=2000 x_hi=6000 y_lo=0x10000 y_hi=0x12000 objects=1
# life site=1 x_lo=3000 x_hi=6600 y_lo=0x7f0000 y_hi=0x7f1000 objects=1
# lost=2 why=late
x	y	x_lo	x_hi	y_lo	y_hi	count	reads	writes
3	0	3072	4096	0x10008	0x10009	3	3	0
3	8	3072	4096	0x10010	0x10011	1	0	1
4	9	4096	5120	0x7f0000	0x7f0001	5	5	5
5	10	5120	6144	0x900000	0x900001	1	1	0
6	14	6144	7168	0x900004	0x900005	1	0	0
EOT
silent
leat heat --memory memory >first
try 'sums over the cells' 0 "awk -F '\t' '/^[0-9]/ { c += \$7; r += \$8; w += \$9 } END { print c, r, w }' first" <<'EOT'
11 9 6
EOT
try '-w count' 0 "leat heat --memory -w count memory | awk -F '\t' '/^[0-9]/ { c += \$7 } END { print c }'" <<'EOT'
5
EOT
try '-d: the innermost functions' 0 "leat heat --memory -d 1 memory | grep -o '^# site n=1 .*' | grep -o 'name=.*'" <<'EOT'
name=node
EOT
try '--x-range counts from the first record; lives that are outside are not there' 0 \
	"leat heat --memory --x-range 5100ns,10us memory | grep -E '^# (life|site)|^[0-9]' | cut -f 5-9" <<'EOT'
# site n=1 accesses=1 weight=5 reads=5 writes=5 objects=1 name=main;node
# site n=2 accesses=2 weight=4 reads=3 writes=1 objects=1 name=main;table
# life site=1 x_lo=3000 x_hi=6600 y_lo=0x7f0000 y_hi=0x7f1000 objects=1
0x900004	0x900005	1	0	0
EOT
try '--y-range' 0 "leat heat --memory --y-range 0x10000,0x20000 memory | grep -E '^# life|^[0-9]' | cut -f 7-9" <<'EOT'
# life site=2 x_lo=2000 x_hi=6000 y_lo=0x10000 y_hi=0x12000 objects=1
3	3	0
1	0	1
EOT
try '--whole: what was never accessed, too, and without accesses' 0 \
	"leat heat --memory --whole memory | grep '^# life'; grep -v ^access memory | leat heat --memory --whole | grep -c '^# life'" <<'EOT'
# life site=2 x_lo=2000 x_hi=6000 y_lo=0x10000 y_hi=0x12000 objects=1
# life site=3 x_lo=2500 x_hi=6600 y_lo=0x20000 y_hi=0x21000 objects=1
# life site=1 x_lo=3000 x_hi=6600 y_lo=0x7f0000 y_hi=0x7f1000 objects=1
3
EOT
try 'no access at all' 2 "grep -v ^access memory >alone; leat heat --memory alone >/dev/null" </dev/null
said '^leat heat: no access among 4 records: leat record --mem and leat interpose --touch make them; --whole shows what was allocated$'
try 'accesses that were not joined are there, and told' 0 "leat pick --drop kind 't > 0' memory >u; leat heat --memory u | awk -F '\t' '/^[0-9]/ { c += \$7 } END { print c }'" <<'EOT'
11
EOT
said '^leat heat: 5 of 5 accesses have no kind: leat join says which objects they fall into$'
try 'usage' 2 'leat heat --memory -x t memory' </dev/null
said '^leat heat: --memory: its axes are time and address$'
try 'usage' 2 'leat heat --whole -x t -y addr memory' </dev/null
said '^leat heat: --whole is for --memory$'
# Many lives: no more lines than can be drawn, and none is lost from the count.
awk 'BEGIN {
	OFS = "\t"; print "#leat 1"; print "start", "t=0", "tool=x", "host=h"
	for (i = 0; i < 200000; i++) {
		t = i * 100; k = i % 1000; a = sprintf("0x%x", 65536 + k * 64 * (1 + k % 7)); s = "site=main;f" k % 3 ";"
		if (i >= 1000) print "free", "t=" t, "pid=1", "tid=1", "op=free", "addr=" a
		print "alloc", "t=" t, "pid=1", "tid=1", "op=malloc", "addr=" a, "size=64", "stack=main;f" k % 3 ";"
		print "access", "t=" t + 50, "pid=1", "op=w", "addr=" a, "kind=object", "object=" a, "object_size=64", "serial=" i + 1, s
	}
	print "end", "tool=x"
}' >lives
leat heat --memory lives >drawn
try 'lives that cannot be told apart are one; none is lost' 0 "awk '/^# life/ { n++; sub(/.*objects=/, \"\"); sum += \$0 } END { print (n <= 4000), sum }' drawn" <<'EOT'
1 200000
EOT

finish
