#!/bin/sh
# hist.t - distributions of fields, numbers and columns; what was lost; text and back
. tests/lib.sh

printf '%s\n' 1 2 2 3 300 301 -5 >seven
try 'numbers: bins, summary' 0 'leat hist seven' <<'END'
# hist key=value scale=log bits=7 error=0.4%
# group count=7 min=-5 max=301 sum=604 sum2=180644 mean=86.2857143 stddev=146.359961 p50=2 p90=301 p99=301 p99.9=301 p99.99=301 p50_low=-5 p50_high=301
lo	hi	count
-5	-4	1
1	2	1
2	3	2
3	4	1
300	302	2
END
silent
try '--summary' 0 'leat hist --summary seven' <<'END'
# hist-summary key=value scale=log bits=7 error=0.4%
count	nan	min	max	mean	stddev	p50	p90	p99	p99.9	p99.99	p50_low	p50_high
7	0	-5	301	86.2857143	146.359961	2	301	301	301	301	-5	301
END
try 'nothing' 0 'leat hist </dev/null' <<'END'
# hist key=dur_ns unit=ns scale=log bits=7 error=0.4%
# group count=0 min=nan max=nan sum=nan sum2=nan mean=nan stddev=nan p50=nan p90=nan p99=nan p99.9=nan p99.99=nan p50_low=nan p50_high=nan
lo	hi	count
END
silent
try '--log2' 0 'seq 0 9 | leat hist --log2 | grep -v ^#' <<'END'
lo	hi	count
0	1	1
1	2	1
2	4	2
4	8	4
8	16	2
END
try '--linear, below and above' 0 'seq 0 9 | leat hist --linear 1,8,2' <<'END'
# hist key=value scale=linear min=1 max=8 bins=2
# group count=10 min=0 max=9 sum=45 sum2=285 mean=4.5 stddev=3.02765035 p50=2 p90=nan p99=9 p99.9=9 p99.99=9 p50_low=1 p50_high=9
lo	hi	count
-inf	1	1
1	4.5	4
4.5	8	3
8	inf	2
END
try '--linear has units' 0 "echo 1500 | leat hist -k x_ns --linear 1us,2us,10 | grep -e ^# -e ^15 | cut -c 1-65" <<'END'
# hist key=x_ns unit=ns scale=linear min=1000 max=2000 bins=10
# group count=1 min=1500 max=1500 sum=1500 sum2=2250000 mean=1500
1500	1600	1
END
try '--bits' 0 'echo 1000 | leat hist --bits 2 | sed -n "1p;4p"' <<'END'
# hist key=value scale=log bits=2 error=12.5%
896	1024	1
END
try 'fractions, nan, infinities, hex, blanks, comments' 0 "printf '# x\n 0.5 \n\nnan\n1e3\r\n0x10\n-inf\n' | leat hist" <<'END'
# hist key=value scale=log bits=7 error=0.4%
# group values=real count=4 nan=1 min=-inf max=1000 sum=-inf sum2=inf mean=-inf stddev=nan p50=0.501953125 p90=1000 p99=1000 p99.9=1000 p99.99=1000 p50_low=nan p50_high=nan
lo	hi	count
-inf	-1.79067089605426e+308	1
0.5	0.50390625	1
16	16.125	1
1000	1004	1
END
silent

# what is no number is told, counted, and the rest is used
try 'a line that is no number' 2 "printf '1\nabc\n3\nx\n' | leat hist --summary" <<'END'
# hist-summary key=value scale=log bits=7 error=0.4%
# lost=2 why=not-a-number
count	nan	min	max	mean	stddev	p50	p90	p99	p99.9	p99.99	p50_low	p50_high
2	0	1	3	2	1.41421356	1	3	3	3	3	nan	nan
END
said '^leat hist: standard input:2: "abc" is no number (and 1 more)$'
holds 'a last line without its end counts' "[ \"\$(printf '1\n2' | leat hist --summary | tail -n 1 | cut -f 1)\" = 2 ]"

# large ints, exactly
try 'sums beyond 64 bits' 0 'yes 18446744073709551615 | head -n 3 | leat hist | sed -n 2p | cut -d" " -f 3-7' <<'END'
count=3 min=18446744073709551615 max=18446744073709551615 sum=55340232221128654845 sum2=1020847100762815390279443357853047324675
END
want=$(echo '3 * (2^64 - 1)^2' | BC_LINE_LENGTH=0 bc 2>/dev/null)
if [ -n "$want" ]; then
	holds '  as bc has them' "yes 18446744073709551615 | head -n 3 | leat hist | grep -q ' sum2=$want '"
else
	skip '  as bc has them' 'no bc'
fi
try 'limits of 64 bits' 0 'printf "%s\n" -9223372036854775808 18446744073709551615 | leat hist | sed 1,2d' <<'END'
lo	hi	count
-9223372036854775808	-9187343239835811840	1
18374686479671623680	18446744073709551616	1
END

# tables
printf 'name,ms,n\na,1.5,2\n"b, c",20,1\na,,7\na,NA,7\na,3,1\n' >table.csv
try 'a column of CSV by another' 0 'leat hist -c ms -b name --summary table.csv' <<'END'
# hist-summary key=ms scale=log bits=7 error=0.4%
# missing=2
name	count	nan	min	max	mean	stddev	p50	p90	p99	p99.9	p99.99	p50_low	p50_high
a	2	0	1.5	3	2.25	1.06066017	1.5	3	3	3	3	nan	nan
b, c	1	0	20	20	20	nan	20	20	20	20	20	nan	nan
END
silent
holds 'a column by its number' 'leat hist -c 2 -b name table.csv >one; leat hist -c ms -b name table.csv | cmp one -'
try 'weights' 0 'leat hist -c ms -w n table.csv --summary | tail -n 1 | cut -f 1,3,4' <<'END'
4	1.5	20
END
printf 'name,unit,v\na,ns,1\nb,ns,2\na,s,3\na,ns,4\nc,ns,5\n' >rows.csv
holds 'of some rows' 'leat hist -c v --where unit=ns --where name=a --where name=c rows.csv >one; printf "%s\n" v 1 4 5 >two; leat hist -c v two | cmp one -'
try 'of no row' 2 'leat hist -c v --where unit=ms rows.csv >out' </dev/null
said '^leat hist: rows.csv: no row has unit=ms; there are: ns s$'
try 'of rows of no table' 2 'seq 5 | leat hist --where a=b' </dev/null
said '^leat hist: standard input: --where is for tables, and this is numbers'
try 'no such column' 2 'leat hist -c us table.csv' </dev/null
said '^leat hist: table.csv: no column us; there are: name ms n$'
try 'no column was named' 2 'leat hist table.csv' </dev/null
said '^leat hist: table.csv: no column dur_ns (-c selects one); there are: name ms n$'
try 'a row that is too short' 2 "printf 'a,b\n1,2\n3\n5,6\n' | leat hist -c 1 >got.1; s=\$?; sed -n '2,\$p' got.1 | cut -d' ' -f 1-3; exit \$s" <<'END'
# group count=2
# lost=1 why=bad-row
lo	hi	count
1	2	1
5	6	1
END
said '^leat hist: standard input:3: 1 cells, the header has 2'
try 'a cell that is no number' 2 "printf 'a\tb\n1\t2\n3\tx\n' | leat hist -c b >got.1; s=\$?; grep -c 'lost=1 why=not-a-number' got.1; exit \$s" <<'END'
1
END
said '^leat hist: standard input:3: "x" is no number'
try 'what a table lost is lost here' 0 "printf '# pairs a=1\n# lost=7 why=ring-full\nx\n5\n' | leat hist -c x | grep lost" <<'END'
# lost=7 why=ring-full
END
try '--strict' 2 "printf '# pairs a=1\n# lost=7 why=ring-full\nx\n5\n' | leat hist --strict -c x >/dev/null" </dev/null
said '^leat hist: standard input: 7 lost, and --strict was given$'
try '--strict, a trace' 2 "printf '#leat 1\nlost\tt=1\tn=3\twhy=ring-full\n' | leat hist --strict >/dev/null" </dev/null
said '^leat hist: standard input: 3 lost, and --strict was given$'
# a summary is a table
holds 'percentiles of percentiles' 'leat hist --summary seven | leat hist -c p50 | grep -q "^2	3	1$"'

# traces
{
	echo '#leat 1'
	printf 'start\ttool=test\tversion=1\tclock=monotonic_raw\targv=test;\n'
	printf 'comm\tt=0\tpid=1\ttid=1\tname=app\n'
	awk 'BEGIN { for (i = 0; i < 40; i++) printf "span\tt=%d\tname=a\tcpu=%d\tcomm=%s\tdur_ns=%d\tn=%d\n", i * 10, i % 2, i % 4 ? "app" : "\"db x\"", 1000 + i, i % 3 }'
	printf 'sample\tt=500\tcpu=0\tweight=5\n'
	printf 'lost\tt=501\tn=3\twhy=ring-full\n'
	printf 'end\ttool=test\tmade=41\tlost=3\n'
} >spans
try 'a trace: loss, and what has no such field' 0 'leat hist spans --summary' <<'END'
# hist-summary key=dur_ns unit=ns scale=log bits=7 error=0.4%
# lost=3 why=ring-full
# without=1
count	nan	min	max	mean	stddev	p50	p90	p99	p99.9	p99.99	p50_low	p50_high
40	0	1000	1039	1019.5	11.6904519	1017	1035	1039	1039	1039	1012	1031
END
silent
try 'groups of strings and ints' 0 'leat hist -b cpu,comm spans --summary | cut -f 1-6 | tail -n +4' <<'END'
cpu	comm	count	nan	min	max
0	app	10	0	1002	1038
0	db x	10	0	1000	1036
1	app	20	0	1001	1039
END
try 'a field that some lack' 0 'leat hist -k cpu -b comm spans --summary | cut -f 1-2 | tail -n +3' <<'END'
comm	count
-	1
app	30
db x	10
END
try 'weights of records' 0 'leat hist -w n spans --summary | cut -f 1-4 | tail -n 1' <<'END'
39	0	1001	1038
END
try 'a weight that is none' 2 'leat hist -w comm spans >got.1; s=$?; grep -c "lost=40 why=not-a-weight" got.1; exit $s' <<'END'
1
END
said 'spans: a record of span has no whole number as weight in comm (and 39 more)'
try 'a field that is no number' 2 'leat hist -k comm spans >got.1; s=$?; grep -c "lost=40 why=not-a-number" got.1; exit $s' <<'END'
1
END
said '^leat hist: spans: the field comm of span is a str, no number'
try 'a field that nobody has' 2 'leat hist -k nosuch spans >/dev/null' </dev/null
said '^leat hist: no record has the field nosuch (-k FIELD selects one); there are: t cpu dur_ns n weight$'
try 'addresses are hex' 0 "printf '#leat 1\nx\taddr=0xffffffff81000000\n' | leat hist -k addr | tail -n 1; printf '#leat 1\nx\taddr=0xffffffff81000000\n' | leat hist -k addr | grep -o 'unit=addr\|min=0x[0-9a-f]*'" <<'END'
0xff00000000000000	18446744073709551616	1
unit=addr
min=0xffffffff81000000
END
try 'sizes are bytes' 0 "printf '#leat 1\nx\tsize=0\n' | leat hist -k size | grep -o unit=bytes" <<'END'
unit=bytes
END
holds 'nums, big ints' "printf '#leat 1\nx\tv=0.5\nx\tv=18446744073709551615\nx\tv=-3\n' | leat hist -k v --summary | tail -n 1 | grep -q '^3	0	-3	18446744073709551616	'"

# merging and converting
split -n r/3 seven part.
holds 'the histogram of all is that of the parts' 'leat hist seven >all
	for p in part.*; do leat hist $p >$p.hist; done; leat hist part.*.hist | cmp all - && leat hist part.?? | cmp all -
	leat hist part.aa.hist part.ab part.ac.hist | cmp all -'
awk 'BEGIN { srand(3); for (i = 0; i < 5000; i++) print (rand() < .5 ? -1 : 1) * exp(20 * rand()) / 100 }' >reals
holds 'TSV of TSV is the same' 'leat hist reals >one && leat hist one | cmp one - && leat hist all | cmp all -'
for o in '' --log2 '--linear -1000,1000,77' '--bits 14'; do
	holds "JSON and back $o" "leat hist $o reals >one && leat hist $o --json reals >json && leat hist json | cmp one - && leat hist --json json | cmp json -"
done
holds 'JSON and back: groups and loss' 'leat hist -b comm,cpu spans >one && leat hist -b comm,cpu --json spans | leat hist | cmp one -'
printf 'x\ty\na"\\\\\303\251\377\001\t1\n\t2\n' >odd
holds 'JSON and back: odd names' 'leat hist -c y -b x odd >one && leat hist -c y -b x --json odd >json && leat hist json | cmp one -'
if command -v python3 >/dev/null; then
	holds 'JSON is JSON' 'python3 -c "
import json
h = json.load(open(\"json\"))
assert h[\"groups\"][1][\"label\"] == [chr(97) + chr(34) + chr(92) + chr(233) + chr(0xdcff) + chr(1)], h
g = json.loads(open(\"one.json\").read())
" 2>err || { leat hist --json spans >one.json; python3 -c "
import json
g = json.load(open(\"one.json\"))
assert g[\"groups\"][0][\"count\"] == 40 and sum(b[2] for b in g[\"groups\"][0][\"bins\"]) == 40
h = json.load(open(\"json\"))
assert [chr(97) + chr(34) + chr(92) + chr(233) + chr(0xdcff) + chr(1)] in [x[\"label\"] for x in h[\"groups\"]], h
"; }'
	holds 'sorted by somebody else' 'python3 -c "import json; print(json.dumps(json.load(open(\"one.json\")), sort_keys=True, indent=1))" | leat hist >one && leat hist spans | cmp one -'
else
	skip 'JSON is JSON' 'no python3'
fi
try 'other bins do not add up' 2 'leat hist --log2 seven >two; leat hist all two' </dev/null
said '^leat hist: two: other bins cannot be added up: scale=log2 error=50% and scale=log bits=7 error=0.4%$'
try 'other units do not add up' 2 'leat hist spans >one; leat hist one all' </dev/null
said '^leat hist: all: a histogram of value cannot be added to one of dur_ns in ns$'
try 'other groups do not add up' 2 'leat hist -b comm spans >two; leat hist one two' </dev/null
said 'two: a histogram with 1 group columns cannot be added to one with 0$'
try 'plain numbers in nanoseconds' 0 'leat hist -k dur_ns seven one --summary | tail -n 1 | cut -f 1' <<'END'
47
END
try 'a histogram that is cut off' 2 'head -n 5 all | leat hist --summary >got.1; s=$?; tail -n 1 got.1 | cut -f 1; exit $s' <<'END'
0
END
said '^leat hist: standard input:2: count=7, but the bins hold 2: a part is missing$'
try 'a bin that is none' 2 "sed 's/^300	302/300	303/' all | leat hist >/dev/null" </dev/null
said '^leat hist: standard input:8: 300..303 is no bin of this histogram$'
try 'JSON of somebody else' 2 "echo '{\"a\": [1, {}, null]}' | leat hist >/dev/null" </dev/null
said '^leat hist: standard input:1: no histogram: "kind" is not "hist"$'
try 'JSON that is cut off' 2 "head -n 3 one.json | leat hist >/dev/null" </dev/null
said '^leat hist: standard input:[34]: '

# HdrHistogram's text
try '--percentiles' 0 'seq 1 4 | leat hist --percentiles' <<'END'
       Value     Percentile TotalCount 1/(1-Percentile)

       1.000 0.000000000000          1           1.00
       1.000 0.100000000000          1           1.11
       1.000 0.200000000000          1           1.25
       2.000 0.300000000000          2           1.43
       2.000 0.400000000000          2           1.67
       2.000 0.500000000000          2           2.00
       3.000 0.550000000000          3           2.22
       3.000 0.600000000000          3           2.50
       3.000 0.650000000000          3           2.86
       3.000 0.700000000000          3           3.33
       3.000 0.750000000000          3           4.00
       4.000 1.000000000000          4
#[Mean    =        2.500, StdDeviation   =        1.291]
#[Max     =        4.000, Total count    =            4]
#[Buckets =           57, SubBuckets     =          256]
END

# pictures
try '--bars' 0 'leat hist --log2 -k dur_ns --bars seven | LC_ALL=C cat' <<'END'
        lo          hi       count   share     sum
      -8ns        -4ns           1  14.29%  14.29% #########.
       ...
       1ns         2ns           1  14.29%  28.57% #########.
       2ns         4ns           3  42.86%  71.43% ############################
       ...
     256ns       512ns           2  28.57% 100.00% ###################
count 7  min -5ns  mean 86.29ns  stddev 146.4ns  max 301ns
p50 2ns (95% -5ns..301ns)  p90 301ns  p99 301ns  p99.9 301ns  p99.99 301ns
END
holds 'bars fit the width' "leat hist --bars reals >got; ! grep -v 'count\|p50' got | grep -q '.\{80\}' && COLUMNS=120 leat hist --bars reals | grep -q '#\{60\}'"
holds 'bars of millions of bins' "seq 1 200000 | leat hist --linear 0,200000,16000000 --bars | wc -l | awk '{ exit \$1 > 43 || \$1 < 20 }'"
holds 'bars: 40 rows' "seq 1 777 100000 | leat hist --bars | wc -l | awk '{ exit \$1 > 43 }'"
if script -qec true /dev/null >/dev/null 2>&1; then
	holds 'a terminal gets bars' "script -qec 'seq 1 9 | leat hist' /dev/null </dev/null | grep -q '#######'"
	holds '--no-bars' "script -qec 'seq 1 9 | leat hist --no-bars' /dev/null </dev/null | grep -q '^lo	hi	count'"
else
	skip 'a terminal gets bars' 'no script'
fi

# options
try 'a scale that is none' 2 'leat hist --linear 5,5,1 seven' </dev/null
said '^leat hist: --linear 5,5,1: MIN must be below MAX$'
try 'bits' 2 'leat hist --bits 15 seven' </dev/null
try 'two forms' 2 'leat hist --json --summary seven' </dev/null
try 'what hist does not read' 2 "echo 'main;f 12' | leat hist >got.1; s=\$?; head -n 1 got.1; exit \$s" <<'END'
# hist key=dur_ns unit=ns scale=log bits=7 error=0.4%
END
said '^leat hist: standard input: neither .* but folded stacks$'

# Ctrl-C: what was read is printed
holds 'the first Ctrl-C ends the source, not hist' "{ cat spans; sleep 1; } | perl -e '\$SIG{INT} = \"DEFAULT\"; exec @ARGV or die' leat hist --summary >got & sleep 0.5; kill -INT \$!; wait \$!; tail -n 1 got | grep -q ^40"

try '-b a stack: its functions; addresses leaf first' 0 "printf '#leat 1\nspan\tt=1\tdur_ns=5\tstack=main;f(int);\nspan\tt=1\tdur_ns=7\tstack=main;f(int);\nspan\tt=1\tdur_ns=9\tstack=0x20;0x10;\nspan\tt=1\tdur_ns=11\n' | leat hist -b stack --summary | sed '/^#/d' | cut -f 1,2,4,5" <<'EOT'
stack	count	min	max
-	1	11	11
0x10;0x20	1	9	9
main;f	2	5	7
EOT

finish
