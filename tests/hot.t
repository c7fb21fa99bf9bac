#!/bin/sh
. tests/lib.sh

# Tabs for blanks, so that records can be read here.
lines () { printf '#leat 1\n'; tr ' ' '\t'; }

lines >t <<'EOT'
start t=1 tool=interpose clock=monotonic_raw host=h
alloc t=1000 pid=7 tid=7 op=malloc addr=0x1000 size=1048576 stack=main;table;
alloc t=2000 pid=7 tid=7 op=malloc addr=0x200000 size=100 stack=main;node(int);
free t=2500 pid=7 tid=7 op=free addr=0x200000
alloc t=3000 pid=7 tid=7 op=malloc addr=0x200000 size=300 stack=main;node(int);
alloc t=3100 pid=7 tid=7 op=mmap addr=0x900000 size=8192 stack=main;map;
free t=3200 pid=7 tid=7 op=munmap addr=0x900000 size=4096
access t=4000 pid=7 tid=7 op=r addr=0x1010 weight=3 latency=30 kind=object object=0x1000 offset=16 object_size=1048576 age_ns=3000 serial=1 site=main;table;
access t=4000 pid=7 tid=7 op=w addr=0x200010 weight=5 latency=7 kind=object object=0x200000 offset=16 object_size=300 age_ns=1000 serial=3 site=main;node(int);
access t=4100 pid=7 tid=7 op=rw addr=0x7ff010 weight=2 latency=1 kind=stack name=[stack]
access t=4150 pid=7 tid=7 op=r addr=0x7ff110 weight=1 latency=1 kind=stack name=[stack]
access t=4200 pid=7 tid=7 op=r addr=0x601000 weight=1 latency=1 kind=global object=0x601000 offset=0 object_size=64 name=the_global
access t=4200 pid=7 tid=7 op=r addr=0x701000 weight=1 latency=1 kind=unknown
free t=5000 pid=7 tid=7 op=free addr=0x1000
free t=5000 pid=7 tid=7 op=free addr=0x5
lost t=5500 n=2 why=ring-full
end tool=interpose
EOT

try 'sites: accesses, exact bytes, lives; what is no object has rows of its own; loss is told' 0 'leat hot t' <<'EOT'
# hot by=site w=weight accesses=6 weight=13 reads=8 writes=7 unjoined=0 peak_bytes=1057068 peak_t=3100 live_bytes=4396 allocs=4 frees=4 unknown_frees=1 inherited_frees=0 replaced=0
# lost=2 why=ring-full
accesses	weight	share	reads	writes	peak_bytes	density	allocs	alloc_bytes	temporary	live	live_bytes	at_peak_bytes	mean_life_ns	kind	site
1	5	0.384615	0	5	300	17476.3	2	400	1	1	300	300	500	object	main;node
1	3	0.230769	3	0	1048576	3	1	1048576	0	0	0	1048576	4000	object	main;table
2	3	0.230769	3	2	4096	768	0	0	0	0	0	0	0	stack	[stack]
1	1	0.0769231	1	0	4096	256	0	0	0	0	0	0	0	unknown	[unknown]
1	1	0.0769231	1	0	64	16384	0	0	0	0	0	0	0	global	[global] the_global
0	0	0	0	0	8192	0	1	8192	0	1	4096	8192	0	object	main;map
EOT
silent
try '-w count and -w latency' 0 'leat hot -w count -n 1 t | tail -n 1 | cut -f 1-5; leat hot -w latency -n 1 t | tail -n 1 | cut -f 1-5' <<'EOT'
2	2	0.333333	2	1
1	30	0.731707	30	0
EOT
try '-b function; -d' 0 'leat hot -b function t | cut -f 16 | sed 1,2d; leat hot -d 1 -n 1 t | cut -f 16 | tail -n 1' <<'EOT'
function
node
table
[stack]
[unknown]
[global] the_global
map
node
EOT
try '-b object' 0 'leat hot -b object t' <<'EOT'
# hot by=object w=weight accesses=6 weight=13 reads=8 writes=7 unjoined=0
# lost=2 why=ring-full
accesses	weight	share	reads	writes	size	density	pid	addr	kind	site
1	5	0.384615	0	5	300	17476.3	7	0x200000	object	main;node
1	3	0.230769	3	0	1048576	3	7	0x1000	object	main;table
2	3	0.230769	3	2	4096	768			stack	[stack]
1	1	0.0769231	1	0	4096	256			unknown	[unknown]
1	1	0.0769231	1	0	64	16384			global	[global] the_global
EOT
try '-b page needs no join' 0 "leat pick --drop kind,site 't > 0' t | leat hot -b page | sed 1,2d" <<'EOT'
accesses	weight	share	reads	writes	size	density	pid	addr	kind
1	5	0.384615	0	5	4096	1280	7	0x200000	
1	3	0.230769	3	0	4096	768	7	0x1000	
2	3	0.230769	3	2	4096	768	7	0x7ff000	
1	1	0.0769231	1	0	4096	256	7	0x601000	
1	1	0.0769231	1	0	4096	256	7	0x701000	
EOT
try '-b kind' 0 'leat hot -b kind t | sed 1,3d | cut -f 1-6,8,12,15' <<'EOT'
2	8	0.615385	3	5	1057068	4	4396	object
2	3	0.230769	3	2	4096	0	0	stack
1	1	0.0769231	1	0	4096	0	0	global
1	1	0.0769231	1	0	4096	0	0	unknown
EOT
try '--sort' 0 'for s in weight density peak at_peak live allocs alloc_bytes temporary; do leat hot --sort $s t | sed -n 4p | cut -f 16; done' <<'EOT'
main;node
main;node
main;table
main;table
main;map
main;node
main;table
main;node
EOT
try '--leaks: what is live at the end' 0 'leat hot --leaks t | sed 1,3d | cut -f 11,12,16' <<'EOT'
1	4096	main;map
1	300	main;node
EOT
try '--curve: the densest first; what has no size is not on it' 0 'leat hot --curve t | sed 1,2d' <<'EOT'
fast_bytes	share
0	0
300	0.384615
364	0.461538
4460	0.692308
8556	0.769231
1057132	1
EOT
try '--timeline: at the end of each part of the time' 0 "leat hot --timeline -n 1 t | sed 1,3d | sed -n '1p; \$p'; leat hot --timeline -n 1 t | awk -F '\t' '\$1 == 1985'" <<'EOT'
1	0	main;table
4993	4396	others
1985	1048576	main;table
1985	100	others
EOT
try '--brief' 0 'leat hot --brief t' <<'EOT'
  SHARE    WEIGHT  READS        PEAK        LEFT   ALLOCS  ALLOCATED BY
  38.5%         5     0%       300 B       300 B        2  node < main
  23.1%         3   100%     1.0 MiB         0 B        1  table < main
  23.1%         3    60%     4.0 KiB           -        -  [stack]
   7.7%         1   100%     4.0 KiB           -        -  [unknown]
   7.7%         1   100%        64 B           -        -  [global] the_global
   0.0%         0      -     8.0 KiB     4.0 KiB        1  map < main
peak 1.0 MiB, at the end 4.3 KiB of 4 allocations
# lost=2 why=ring-full
EOT
try '--brief -n: how many more there are' 0 'leat hot --brief -n 2 -b object t | tail -n 3' <<'EOT'
  23.1%         3   100%     1.0 MiB  0x0000000000001000  table < main
(3 more)
# lost=2 why=ring-full
EOT
try 'without accesses: by peak' 0 'grep -v ^access t | leat hot | sed -n 4p | cut -f 6,16' <<'EOT'
1048576	main;table
EOT
try 'addresses for names: sites that were not unwound' 0 "leat pick --drop site,stack 't > 0' t | leat hot | cut -f 16 | sed -n 4p; printf 'alloc\tt=1\taddr=0x10\tsize=8\tchain=0x401136;0x401020;\n' | sed '1i #leat 1' | leat hot | tail -n 1 | cut -f 16" <<'EOT'
[no stack]
0x401020;0x401136
EOT
try 'frames as lines' 0 'leat cat -f t | leat hot | cksum' <<EOT
$(leat hot t | cksum)
EOT
try '-o' 0 'leat hot -o out t && cmp out - <<X
$(leat hot t)
X' </dev/null

lines >fork <<'EOT'
start t=1 tool=interpose clock=monotonic_raw host=h
alloc t=10 pid=7 tid=7 op=malloc addr=0x1000 size=10 stack=main;a;
fork t=20 pid=8 tid=8 ppid=7 ptid=7
free t=30 pid=8 tid=8 op=free addr=0x1000
alloc t=31 pid=8 tid=8 op=malloc addr=0x1000 size=20 stack=main;b;
free t=32 pid=8 tid=8 op=free addr=0x1000
alloc t=33 pid=8 tid=8 op=malloc addr=0x2000 size=40 stack=main;c;
comm t=34 pid=8 tid=8 name=other exec=1
free t=35 pid=8 tid=8 op=free addr=0x2000
free t=36 pid=7 tid=9 op=free addr=0x1000
alloc t=37 pid=7 tid=7 op=malloc addr=0x1000 size=10 stack=main;a;
alloc t=38 pid=7 tid=7 op=malloc addr=0x1000 size=10 stack=main;a;
exit t=40 pid=7 tid=7 ppid=1 ptid=1
end tool=interpose
EOT
try 'processes: a child frees what its parent has; exec begins anew; an object over another ends it' 0 \
	"leat hot fork | sed '/lost/d' | sed -n '1s/.*live_bytes/live_bytes/p'; leat hot --leaks fork | sed 1,2d | cut -f 8,10-12,16" <<'EOT'
live_bytes=60 allocs=5 frees=4 unknown_frees=1 inherited_frees=1 replaced=1
1	0	1	40	main;c
3	0	2	20	main;a
EOT

lines >two <<'EOT'
start t=1 src=0 tool=interpose clock=monotonic_raw host=h
start t=1 src=1 tool=record clock=monotonic_raw host=h
start t=1 src=2 tool=record clock=monotonic_raw host=other
alloc t=2 src=0 pid=7 tid=7 op=malloc addr=0x1000 size=10 stack=main;a;
access t=3 src=1 pid=7 op=r addr=0x1000 kind=object object=0x1000 serial=1 object_size=10 site=main;a;
access t=4 src=0 pid=7 op=r addr=0x1000 kind=object object=0x1000 serial=1 object_size=10 site=main;a;
access t=4 src=2 pid=7 op=r addr=0x1000 kind=object object=0x1000 serial=1 object_size=10 site=main;a;
EOT
try 'sources of one host are one; pids of another host are others' 0 'leat hot -b object two 2>/dev/null | sed 1,3d | cut -f 1,8,9' <<'EOT'
2	7	0x1000
1	7	0x1000
EOT

# What goes wrong
try 'accesses that were not joined are an error that says so' 2 "leat pick --drop kind 't > 0' t >u; leat hot u >v; s=\$?; sed -n '1s/.*unjoined/unjoined/p' v | cut -d ' ' -f 1; exit \$s" <<'EOT'
unjoined=6
EOT
said '^leat hot: 6 of 6 accesses have no kind: leat join says what they fall into$'
try 'neither accesses nor allocations: told' 0 "printf '#leat 1\nsample\tt=1\n' | leat hot >/dev/null" </dev/null

said '^leat hot: no access and no alloc among 1 records: leat interpose and leat record make them$'
try 'a weight that is none' 2 'leat hot -w op t' </dev/null
said '^leat hot: t:.*: the field op of an access is no number but a str$'
try 'negative weights are left out, and told' 0 "printf '#leat 1\naccess\tt=1\taddr=0x1\tkind=heap\tweight=-4\naccess\tt=1\taddr=0x1\tkind=heap\tweight=4\n' | leat hot | tail -n 1 | cut -f 1,2" <<'EOT'
1	4
EOT
said '^leat hot: 1 accesses have a negative weight: left out$'
try 'usage' 2 'leat hot -b size t' </dev/null
said "^leat hot: -b size: not site, function, object, page or kind$"
try 'usage' 2 'leat hot --leaks --curve t' </dev/null
said '^leat hot: --leaks, --curve, --timeline: one of them$'
try 'usage' 2 'leat hot --timeline -b page t' </dev/null
try 'a damaged line: the rest counts' 2 "sed '13s/.*/bro=ken/' t | leat hot >u; s=\$?; tail -n 1 u | cut -f 1,16; exit \$s" <<'EOT'
0	main;map
EOT

# An independent count, of a random stream
awk 'BEGIN {
	srand(7); OFS = "\t"; print "#leat 1"
	for (i = 0; i < 20000; i++) {
		t = i * 10; a = int(rand() * 200); p = 1 + int(rand() * 2); k = p " " a
		if (rand() < 0.3) {
			if (k in live) { print "free", "t=" t, "pid=" p, "tid=" p, "op=free", "addr=" sprintf("0x%x", 4096 + a * 256); delete live[k] }
			else {
				size = 1 + int(rand() * 256); s = int(rand() * 5)
				live[k] = size; site[k] = s; serial[k] = ++n
				print "alloc", "t=" t, "pid=" p, "tid=" p, "op=malloc", "addr=" sprintf("0x%x", 4096 + a * 256), "size=" size, "stack=main;f" s ";"
			}
		} else if (k in live) {
			o = sprintf("0x%x", 4096 + a * 256)
			print "access", "t=" t, "pid=" p, "op=" (rand() < 0.5 ? "r" : "w"), "addr=" o, "weight=" 1 + int(rand() * 9), "kind=object", "object=" o, "object_size=" live[k], "serial=" serial[k], "site=main;f" site[k] ";"
		}
	}
}' >random
awk -F '\t' '
{ split("", v); for (i = 2; i <= NF; i++) { e = index($i, "="); v[substr($i, 1, e - 1)] = substr($i, e + 1) } k = v["pid"] " " v["addr"] }
$1 == "alloc" { s = v["stack"]; sub(/;$/, "", s); at[k] = s; size[k] = v["size"]; born[k] = v["t"]; allocs[s]++; sum[s] += v["size"]; now[s] += v["size"]; if (now[s] > peak[s]) peak[s] = now[s]
	all += v["size"]; if (all > most) { most = all; for (x in now) then[x] = now[x] } last[v["pid"]] = k }
$1 == "free" { s = at[k]; now[s] -= size[k]; all -= size[k]; freed[s]++; life[s] += v["t"] - born[k]; if (last[v["pid"]] == k) temp[s]++; last[v["pid"]] = ""; delete at[k] }
$1 == "access" { s = v["site"]; sub(/;$/, "", s); n[s]++; w[s] += v["weight"]; if (v["op"] == "r") r[s] += v["weight"] }
END { for (k in at) left[at[k]]++; for (s in allocs) printf "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", n[s], w[s], r[s], peak[s], allocs[s], sum[s], temp[s], left[s], now[s], then[s], life[s] / freed[s], s }' random | sort -k 2nr >model
try 'equal to what awk counts' 0 'leat hot random | sed 1,2d | cut -f 1,2,4,6,8-14,16' <model
leat hot --curve random >curve
# shellcheck disable=SC2016
holds 'the curve rises to 1' 'awk -F "\t" "NR > 2 && (\$2 < last || \$1 < bytes) { bad = 1 } NR > 2 { last = \$2; bytes = \$1 } END { exit bad || last != 1 }" curve'
try 'the timeline ends with what is live' 0 "leat hot --timeline -n 3 random | awk -F '\t' 'NR > 2 { if (\$1 != t) { t = \$1; s = 0 } s += \$2 } END { print s }'" <<EOT
$(leat hot random | sed -n '1s/.* live_bytes=\([0-9]*\).*/\1/p')
EOT
holds 'figures' 'leat hot --timeline -d 1 random | leat plotgen stacked -x t -y live_bytes -b site -T dumb >a && leat hot --curve random | leat plotgen lines -T dumb >b && grep -q "^plot" a && grep -q "^plot" b'

finish
