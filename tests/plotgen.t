#!/bin/sh
. tests/lib.sh
command -v gnuplot >/dev/null || skip_all 'no gnuplot'

# ---- data whose figures are known ----
printf '# hist key=dur_ns unit=ns scale=linear\n# lost=3 why=ring-full\n# lost=1 why=late\nlo\thi\tcount\n1000\t2000\t4\n2000\t3000\t1\n4000\t5000\t2\n' >hist.tsv
printf '# hist key=size unit=bytes scale=log2\ncomm\tlo\thi\tcount\na\t16\t32\t6\na\t32\t64\t2\nb\t1024\t2048\t8\n' >log.tsv
printf '1\n2\n3\n4\n5\n6\n7\n8\n100\n' >numbers
printf 'name,A,B,lo,hi\none,1,2,0.5,1.5\ntwo,3,4,2.5,3.5\n' >bars.csv
printf 'threads\tours\tpeer\n1\t1000000\t500000\n2\t2000000\t700000\n4\t4000000\t900000\n8\t8000000\t950000\n' >lines.tsv
printf '# heat x=t y=addr x_unit=ns y_unit=addr x_scale=linear y_scale=linear outside=2\n# seam y=1 lo=0x2000 hi=0x7f0000000000\n# lost=3 why=late\nx\ty\tx_lo\tx_hi\ty_lo\ty_hi\tcount\n0\t0\t5000\t6000\t0x1000\t0x2000\t1\n1\t1\t6000\t7000\t0x7f0000000000\t0x7f0000001000\t1000\n' >heat.tsv
printf '# heat x=t y=addr x_unit=ns y_unit=addr x_scale=linear y_scale=linear x_bins=2 y_bins=3 x_min=5000 x_max=7000 y_min=0x1000 y_max=0x7f0000001000 count=4\n# seam y=1 lo=0x2000 hi=0x7f0000000000\n# memory start=4000 end=6900 accesses=5 weight=8 unjoined=1 processes=2 busiest=12\n# site n=1 accesses=3 weight=6 reads=6 writes=0 objects=1 name=main;run;node\n# site n=2 accesses=1 weight=2 reads=0 writes=2 objects=1 name=main;table\n# life site=1 x_lo=5000 x_hi=6000 y_lo=0x1000 y_hi=0x1800 objects=1\n# life site=2 x_lo=4500 x_hi=6900 y_lo=0x1800 y_hi=0x7f0000000800 objects=1\n# life site=2 x_lo=4500 x_hi=6900 y_lo=0x5000 y_hi=0x6000 objects=1\nx\ty\tx_lo\tx_hi\ty_lo\ty_hi\tcount\treads\twrites\n0\t0\t5000\t6000\t0x1000\t0x2000\t1\t1\t0\n1\t1\t6000\t7000\t0x7f0000000000\t0x7f0000001000\t100\t25\t75\n0\t1\t5000\t6000\t0x7f0000000000\t0x7f0000001000\t10\t0\t0\n' >memory.tsv
{
	echo '#leat 1'
	printf 'start\ttool=test\n'
	printf 'span\tt=1000\tdur_ns=500\tname=irq\tcpu=0\nspan\tt=1700\tdur_ns=200\tname=lock\tcpu=1\n'
	printf 'span\tt=1500\tdur_ns=1000\tname=app\tcpu=1\nlost\tt=3000\tn=7\twhy=ring-full\n'
	printf 'access\tt=9223372036854775807\taddr=0xffffffff81000000\taddr2=5\n'
	printf 'end\ttool=test\n'
} >spans
{
	echo '#leat 1'
	for i in 0 1 2 3; do printf 'access\tt=170000000000000000%d\taddr=0xffffffff8100000%d\tcomm=c%d\tsize=%d\n' $i $i $((i % 2)) $((i * 8)); done
} >trace

# ---- a whole script ----
try 'the script of a histogram' 0 'leat plotgen hist -T dumb hist.tsv' <<'EOT'
# A script for gnuplot 5.4, data included: gnuplot draws it from standard input.
set terminal dumb noenhanced size 79,24
set border 3 lw 0.7 lc rgb '#404040'
set tics nomirror out scale 0.6,0.35
set grid xtics ytics lw 0.5 lt 1 lc rgb '#d8d8d8'
set key noautotitle
set style fill solid 1 noborder
set pointintervalbox 0
set label 1001 'lost: 4 (ring-full 3, late 1)' at screen 0.5, graph 1 center offset character 0,1.1 font ',8' textcolor rgb '#a02000'
set tmargin 2.1
unset key
set xlabel 'duration (µs)'
set xrange [1:5]
set format x '%.6g'
set ylabel 'count per 1 µs'
set yrange [0:4.16]
set format y '%.6g'
set grid noxtics
$d0 << EOD
1.5 4 1 2 0 4
2.5 1 2 3 0 1
4.5 2 4 5 0 2
EOD
if (GPVAL_TERM eq 'dumb') unset grid
plot $d0 using 1:2:3:4:5:6 with boxxyerror fillstyle solid 0.75 border lc rgb '#0072B2' lw 0.5 fillcolor rgb '#0072B2' title ''
unset output
EOT
silent
try 'drawn as text' 0 "leat plotgen hist -T dumb --size 41x16 hist.tsv | gnuplot | tr -d '\f' | sed 's/ *\$//' | grep ." <<'EOT'
      lost: 4 (ring-full 3, late 1)
      4 ++*******
         |      *
    3.5 +|      *
      3 +|      *
    2.5 +|      *
      2 +|      *             ********
    1.5 +|      *             *      *
         |      *             *      *
      1 +|      ********      *      *
    0.5 +|      *      *      *      *
      0 ++---------------------------+
         1  1.5 2  2.5 3  3.5 4  4.5 5
                duration (µs)
EOT

# ---- every kind, every terminal ----
drawn () {
	for term in png svg pdf dumb canvas; do
		holds "$term: $*" "leat plotgen $* -T $term >script && gnuplot script >picture && [ -s picture ]"
		silent
		case $term in
		png) holds '  is PNG' "head -c 4 picture | grep -a PNG" ;;
		svg) holds '  is SVG' "grep '</svg>' picture" ;;
		pdf) holds '  is PDF, whole' "head -c 5 picture | grep -a %PDF- && tail -c 6 picture | grep -a %%EOF" ;;
		canvas) holds '  is a page that needs no other file' "grep '</html>' picture && ! grep -E 'src=|href=|url\\(' picture" ;;
		esac
		gnuplot script >again 2>/dev/null
		holds '  the same bytes again' 'cmp picture again'
	done
}
drawn hist hist.tsv
drawn hist log.tsv --title "'Two sizes'"
drawn hist numbers
drawn cdf log.tsv
drawn cdf --ccdf numbers
drawn percentiles log.tsv numbers
drawn box numbers log.tsv
drawn violin numbers
drawn bars -x name -y A --interval lo,hi bars.csv
drawn lines lines.tsv
drawn scatter -x t -y addr -b comm trace
drawn heat heat.tsv
drawn memory memory.tsv
drawn memory --sites 1 memory.tsv
drawn timeline spans
drawn stacked -y A,B bars.csv
drawn stacked lines.tsv

# ---- numbers ----
try 'cdf: shares up to each end of a bin' 0 'leat plotgen cdf hist.tsv >s; sed -n "/EOD/,/^EOD/p" s' <<'EOT'
$d0 << EOD
1 0
2 57.1428571429
3 71.4285714286
4 71.4285714286
5 100
EOD
EOT
try 'cdf --ccdf' 0 'leat plotgen cdf --ccdf --log none numbers >s; sed -n "/EOD/,/^EOD/p" s | tail -n 3' <<'EOT'
100 11.1111111111
100 0
EOD
EOT
try 'percentiles: the largest of n at 1 - 1/n' 0 'leat plotgen percentiles --log none numbers >s; sed -n "/EOD/,/^EOD/p" s | tail -n 3' <<'EOT'
0.954242509439 100
0.954242509439 100
EOD
EOT
try "box: Tukey's" 0 'leat plotgen box --log none numbers >s; sed -n "/EOD/,/^EOD/p" s' <<'EOT'
$box << EOD
0 3 1 8 7 5
EOD
$out << EOD
0 100
EOD
EOT
try 'box: from bins, what whiskers are is said' 0 "leat plotgen box log.tsv | grep -o '1 % and 99 %'" <<'EOT'
1 % and 99 %
EOT
try 'bars: side by side, with intervals' 0 'leat plotgen bars -x name -y A --interval lo,hi bars.csv >s; sed -n "/EOD/,/^EOD/p" s' <<'EOT'
$d0 << EOD
0 1 -0.336 0.336 0 1 0.5 1.5
1 3 0.664 1.336 0 3 2.5 3.5
EOD
EOT
try 'stacked: each on those below' 0 'leat plotgen stacked -y A,B bars.csv >s; sed -n "/^.d1/,/^EOD/p" s' <<'EOT'
$d1 << EOD
0 3 -0.35 0.35 1 3
1 7 0.65 1.35 3 7
EOD
EOT
try 'stacked over numbers: areas' 0 'leat plotgen stacked lines.tsv >s; sed -n "/^.d1/,/^EOD/p" s; grep -c filledcurves s' <<'EOT'
$d1 << EOD
1 1 1.5
2 2 2.7
4 4 4.9
8 8 8.95
EOD
2
EOT
try 'lines: millions, powers of two' 0 "leat plotgen lines lines.tsv >s; sed -n '/^.d0/,/^EOD/p' s; grep -E 'label|xtics \\(' s" <<'EOT'
$d0 << EOD
1 1
2 2
4 4
8 8
EOD
set xlabel 'threads'
set xtics ('1' 1, '2' 2, '4' 4, '8' 8)
set ylabel '×10⁶'
EOT
try 'timeline: lanes from above, what is nested is lower' 0 'leat plotgen timeline spans >s; sed -n "/EOD/,/^EOD/p" s; grep -E "set (ytics|xlabel|label 1001)" s' <<'EOT'
$d0_0 << EOD
0.5 1.5 -0.4 0.4
EOD
$d0_1 << EOD
0 0.5 0.6 1.4
EOD
$d1_2 << EOD
0.7 0.9 -0.288 0.288
EOD
set label 1001 'lost: 7 (ring-full)' at screen 0.5, graph 1 center offset character 0,2.275 font ',19.2' textcolor rgb '#a02000'
set xlabel 'time since start (µs)'
set ytics scale 0 ('0' 1, '1' 0)
EOT
try 'memory: lives and accesses by their places; what lies in a seam alone is not drawn; black where nothing is known' 0 "leat plotgen memory -T png memory.tsv >s; sed -n '/EOD/,/^EOD/p' s; grep -E 'title|label 100' s | cut -d ' ' -f 1-3 | head -n 2; grep -oE \"title '.*'\" s" <<'EOT'
$life << EOD
1 6144 1 2.9 6144 10240 16639370
1 4096 1 2 4096 6144 11722634
EOD
$d0 << EOD
1.175 1.825 8908.8 11571.2 0
EOD
$d1 << EOD
1.35 1.65 5529.6 6758.4 1
2 2.9 8192 12288 0.25
EOD
set key noautotitle
set label 1001
title '1 75% node'
title '2 25% table'
title '1 to 100 a box'
EOT
try 'heat: what a seam leaves out has no room' 0 "leat plotgen heat -T png heat.tsv >s; sed -n '/EOD/,/^EOD/p' s; grep -E 'set (ytics|arrow)' s | tail -n 3; grep 100[12] s" <<'EOT'
$d << EOD
0 1.00285714286 4096 8203.70285714 1
1 2 8192 12288 1000
EOD
set ytics ('0x1000' 4096, '0x1800' 6144, '0x2000' 8192, '0x7f0000000800' 10240, '0x7f0000001000' 12288)
set arrow from graph 0, first 8192 to graph 1, first 8192 nohead front lw 2 lc rgb '#ffffff'
set arrow from graph 0, first 8192 to graph 1, first 8192 nohead front lw 0.6 lc rgb '#505050' dt 2
set label 1001 'lost: 3 (late)' at screen 0.5, graph 1 center offset character 0,1.875 font ',19.2' textcolor rgb '#a02000'
set label 1002 '2 points outside the axes' at screen 0.5, graph 1 center offset character 0,1.025 font ',19.2' textcolor rgb '#a02000'
EOT
try 'scatter: addresses and times keep all their digits' 0 "leat plotgen scatter -x t -y addr -b comm trace >s; sed -n '/EOD/,/^EOD/p' s; grep -E 'set ytics' s" <<'EOT'
$d0 << EOD
0 0
2 2
EOD
$d1 << EOD
1 1
3 3
EOD
set ytics ('0xffffffff81000000' 0, '0xffffffff81000001' 1, '0xffffffff81000002' 2, '0xffffffff81000003' 3)
EOT

try 't counts from the first' 0 "printf 't,y\n5000,1\n7000,2\n' | leat plotgen lines | sed -n '/EOD/,/^EOD/p'" <<'EOT'
$d0 << EOD
0 1
2 2
EOD
EOT

# ---- units and axes ----
label () { # KEY VALUES... : the label and the first numbers of a histogram of them
	key=$1
	shift
	printf '# hist key=%s\nlo\thi\tcount\n' "$key" >unit.tsv
	printf '%s\t%s\t1\n' "$@" >>unit.tsv
	leat plotgen hist --log none unit.tsv | sed -n 's/^set xlabel //p; s/^set xrange //p' | tr '\n' ' '
	echo
}
{
	label a_ns 0 500
	label a_ns 0 5000
	label a_ns 0 5000000
	label a_ns 0 90000000000
	label heap_bytes 0 8192
	label size 0 8388608
	label words 0 15000
	label words 0 3000000
} >labels
try 'units by the name, scaled by the extent' 0 'cat labels' <<'EOT'
'a (ns)' [0:500] 
'a (µs)' [0:5] 
'a (ms)' [0:5] 
'a (s)' [0:90] 
'heap (KiB)' [0:8] 
'size (MiB)' [0:8] 
'words' [0:15000] 
'words (×10⁶)' [0:3] 
EOT
printf '# hist key=a_ns scale=log\nlo\thi\tcount\n0\t1\t5\n1000\t1010\t1\n2000000\t2000100\t1\n' >wide.tsv
try 'a logarithmic axis where values span it; what it cannot show is told' 0 "leat plotgen hist wide.tsv | grep -E 'logscale|xtics \(|not on|xlabel'" <<'EOT'
set label 1001 '5 values of 0 or less are not on the logarithmic axis' at screen 0.5, graph 1 center offset character 0,1.025 font ',19.2' textcolor rgb '#a02000'
set xlabel 'a'
set logscale x
set xtics ('1 µs' 1000, '' 2000 1, '' 3000 1, '' 4000 1, '' 5000 1, '' 6000 1, '' 7000 1, '' 8000 1, '' 9000 1, '10 µs' 10000, '' 20000 1, '' 30000 1, '' 40000 1, '' 50000 1, '' 60000 1, '' 70000 1, '' 80000 1, '' 90000 1, '100 µs' 100000, '' 200000 1, '' 300000 1, '' 400000 1, '' 500000 1, '' 600000 1, '' 700000 1, '' 800000 1, '' 900000 1, '1 ms' 1000000, '' 2000000 1)
EOT
try 'bins: no value is lost on the way' 0 "leat plotgen hist --log x wide.tsv --bins 40 | sed -n '/EOD/,/^EOD/p' | awk 'NF == 6 { n += \$2 } END { print n }'" <<'EOT'
2
EOT
try 'ranges with units' 0 "leat plotgen cdf --x-range 1us,3us --y-range ,0.5 hist.tsv | grep -E 'range'" <<'EOT'
set xrange [1:3]
set yrange [0:50]
EOT
try 'labels and titles of your own' 0 "leat plotgen hist --title 'T' --x-label '' --y-label 'N' hist.tsv | grep -E 'label'" <<'EOT'
set label 1001 'lost: 4 (ring-full 3, late 1)' at screen 0.5, graph 1 center offset character 0,1.025 font ',19.2' textcolor rgb '#a02000'
set label 1000 'T' at screen 0.5, graph 1 center offset character 0,2.25
set xlabel 'µs'
set ylabel 'N'
EOT
try 'several inputs: a curve each, by the names of their files, or yours' 0 "leat plotgen cdf numbers log.tsv --size 800x500 | grep -o \"title '.*'\"; leat plotgen cdf numbers hist.tsv --names x,y | grep -o \"title '.*'\"" <<'EOT'
title 'numbers'
title 'log, a'
title 'log, b'
title 'x'
title 'y'
EOT
try 'groups of numbers are named' 0 "printf 'cpu,v\n0,1\n1,2\n' | leat plotgen cdf -x v -b cpu | grep -o \"title '.*'\"" <<'EOT'
title 'cpu 0'
title 'cpu 1'
EOT
try 'columns by number' 0 "printf 'cpu,v\n0,1\n1,2\n' | leat plotgen lines -x 1 -y 2 | sed -n '/EOD/,/^EOD/p'" <<'EOT'
$d0 << EOD
0 1
1 2
EOD
EOT
try 'many points: those at one place once, and that is told' 0 "seq 0 99999 | awk 'BEGIN { print \"x,y\" } { print \$1 % 100 \",\" int(\$1 / 1000) }' | leat plotgen scatter >s
	sed -n '/EOD/,/^EOD/p' s | wc -l; grep -o \"'.*points;.*'\" s | cut -d\\' -f2" <<'EOT'
10002
100,000 points; marks may stand for several
EOT
try 'a long line keeps its extremes' 0 "seq 0 99999 | awk 'BEGIN { print \"x,y\" } { print \$1 \",\" (\$1 == 54321 ? 1000 : 0) }' | leat plotgen lines >s
	[ \$(wc -l <s) -lt 10000 ] && grep -x '54.321 1000' s" <<'EOT'
54.321 1000
EOT

printf '# compare kind=table a=7 b=7 unit=ns\nbench\twhat\truns_A\truns_B\tA\tB\tratio\tlo\thi\tp\tq\tverdict\none\tmedian\t7\t7\t10\t20\t2\t1.5\t2.5\t0.01\t0.01\t+100%%\none\tmean\t7\t7\t10\t10\t1\t0.5\t1.5\t1\t1\t~\n' >compare.tsv
try 'bars of a comparison: ratios with their intervals, and a line at 1' 0 "leat plotgen bars compare.tsv | grep -E '^[01-9.-]+ |first 1 |label'" <<'EOT'
set arrow from graph 0, first 1 to graph 1, first 1 nohead front lw 0.8 dt 2 lc rgb '#404040'
set ylabel 'ratio B / A'
set xlabel 'bench'
-0.2 2 -0.384 -0.016 0 2 1.5 2.5
0.2 1 0.016 0.384 0 1 0.5 1.5
EOT
printf '# hist-summary key=dur_ns unit=ns\ncpu\tcount\tp50\tp99\tp99.9\n0\t9\t1000\t2000\t3000\n' >summary.tsv
try 'bars of a summary: percentiles in the unit of what was measured' 0 "leat plotgen bars summary.tsv | grep -E '^[01-9.-]+ |ylabel|^plot|title .p'" <<'EOT'
set ylabel 'duration (µs)'
-0.266666666667 1 -0.389333333333 -0.144 0 1
0 2 -0.122666666667 0.122666666667 0 2
0.266666666667 3 0.144 0.389333333333 0 3
plot $d0 using 1:2:3:4:5:6 with boxxyerror fillstyle solid 0.85 border lc rgb '#303030' lw 0.6 fillcolor rgb '#0072B2' title 'p50', \
	$d1 using 1:2:3:4:5:6 with boxxyerror fillstyle solid 0.85 border lc rgb '#303030' lw 0.6 fillcolor rgb '#E69F00' title 'p99', \
	$d2 using 1:2:3:4:5:6 with boxxyerror fillstyle solid 0.85 border lc rgb '#303030' lw 0.6 fillcolor rgb '#009E73' title 'p99.9'
EOT

# ---- terminals and pictures ----
try 'the terminal by the name of the picture' 0 "for f in a.png a.svg a.pdf a.txt a.html; do leat plotgen hist -o \$f hist.tsv | sed -n 's/^set terminal \([a-z]*\).*/\1/p'; done" <<'EOT'
pngcairo
svg
pdfcairo
dumb
canvas
EOT
for f in a.png a.svg a.pdf a.txt a.html "it's \$(touch PWNED) \`touch PWNED\`.pdf" "it's.html" "'.svg" '|touch PWNED;.png'; do
	printf '%s' "$f" >name
	# shellcheck disable=SC2016
	holds "-o $f" 'f=$(cat name); leat plotgen hist -o "$f" hist.tsv | gnuplot >out && [ ! -s out ] && [ -s "$f" ] && [ ! -e PWNED ]'
	silent
done
try '-o without a suffix that is known' 2 'leat plotgen hist -o a.jpeg hist.tsv' </dev/null
said '^leat plotgen: -o a.jpeg: its name does not end in .png, .svg, .pdf, .html or .txt: -T says what it is$'
try '-T and -o' 0 "leat plotgen hist -T svg -o picture hist.tsv | gnuplot; head -n 1 picture" <<'EOT'
<?xml version="1.0" encoding="utf-8"  standalone="no"?>
EOT
try 'a size' 0 "leat plotgen hist -T pdf --size 7x3 --font Times,9 hist.tsv | grep 'set terminal'" <<'EOT'
set terminal pdfcairo noenhanced color size 7in,3in linewidth 1.2 pointscale 0.5 font 'Times,9'
EOT
if command -v node >/dev/null; then
	leat plotgen heat -T canvas heat.tsv | gnuplot >page.html
	holds 'the scripts of a page are scripts' "node -e 'const s = require(\"fs\").readFileSync(\"page.html\", \"utf8\"), m = [...s.matchAll(/<script[^>]*>([\\s\\S]*?)<\\/script>/g)]; for (const x of m) new Function(x[1]); process.exit(m.length === 5 ? 0 : 1)'"
else
	skip 'the scripts of a page are scripts' 'no node'
fi

# ---- what stands in a table or a trace stays text ----
cat >evil.pl <<'EOT'
my @n = ("'; system('touch PWNED1'); '", "''; system 'touch PWNED1'; ''", "`touch PWNED2`", '@x $y %s %n %d %%', "\\n\";system(\"touch PWNED3\");\"",
	"</script><script>alert(1)</script><!--", 'a_b^{c}&{d}~{e}', "x\nset output 'PWNED4'\n", "\xff\xfe bad \xc3",
	"EOD\nsystem 'touch PWNED5'", "tab\there", "", "a" x 300, 'q"uote', 'back\\slash\\', "plot '<touch PWNED6'", "'", "''", "\x01\x1b[31m\x7f", '#', ' ');
open my $bars, '>', 'bars.tsv'; open my $hist, '>', 'hist.tsv'; open my $trace, '>', 'spans';
print $bars "na'me`touch PWNED8`\tva'; system 'touch PWNED9' #_ns\n";
print $hist "# hist key=\"'; system 'touch PWNEDa' ; '\" unit=ns\n# lost=3 why=\"`touch PWNEDb`'\"\ncomm\tlo\thi\tcount\n";
print $trace "#leat 1\n";
for (@n) {
	my $i++; my $c = $_;
	$n++;
	$c =~ s/\\/\\\\/g; $c =~ s/\t/\\t/g; $c =~ s/\n/\\n/g;
	print $bars "$c\t$n\n"; print $hist "$c\t1\t2\t$n\n";
	$c =~ s/"/\\"/g; $c =~ s/([\x00-\x1f\x7f])/sprintf '\\x%02x', ord $1/ge;
	printf $trace "span\tt=%d\tdur_ns=50\tname=\"%s\"\tcpu=\"%s\"\n", $n * 100, $c, $c;
}
EOT
mkdir evil
( cd evil && perl ../evil.pl )
for term in png svg pdf dumb canvas; do
	for args in 'bars bars.tsv' 'hist hist.tsv' 'cdf hist.tsv' 'box hist.tsv' 'violin hist.tsv' 'percentiles hist.tsv' 'timeline spans' \
		'lines -x t -y dur_ns -b name spans' 'scatter -x t -y dur_ns -b name spans' 'stacked bars.tsv'; do
		case $term:$args in # the others share their words with these
		canvas:* | svg:* | *:bars* | *:timeline*) ;;
		*) continue ;;
		esac
		holds "evil names: $term: $args" "cd evil; leat plotgen -T $term $args --title \"'; system('touch PWNEDc')\" >../script && gnuplot ../script >../picture && ! ls PWN* 2>/dev/null"
		case $term in
		canvas) holds '  no script of theirs' '! grep -F "<script>alert" picture' ;;
		svg) holds '  XML' "perl -0777 -ne 's/<!\[CDATA\[.*?\]\]>//gs; s/<[^<>]*>//g; exit 1 if /</ || /&(?!amp;|lt;|gt;|quot;|#)/' picture" ;;
		esac
	done
done

holds 'nor in text that is turned' "leat plotgen hist -T canvas --y-label '</script><script>alert(1)</script>' evil/hist.tsv | gnuplot >picture && grep -F 'script>alert' picture && ! grep -F '</script><script>alert' picture"

# ---- input that is not as it should be ----
try 'no kind' 2 'leat plotgen' </dev/null
said '^leat plotgen: '
try 'a kind that is none' 2 'leat plotgen pie hist.tsv' </dev/null
said '^leat plotgen: pie: no kind of figure; there are: hist cdf percentiles box violin bars lines scatter heat memory timeline stacked$'
try 'a column that is not there' 2 'leat plotgen lines -x threads -y our lines.tsv' </dev/null
said '^leat plotgen: lines.tsv: no column our; there are: threads ours peer$'
try 'which column?' 2 'leat plotgen hist lines.tsv' </dev/null
said '^leat plotgen: lines.tsv: which column? -x COLUMN; there are: threads ours peer$'
try 'which field?' 2 'leat plotgen lines -x t trace' </dev/null
said '^leat plotgen: trace: which field of the trace? -y FIELD$'
try 'a field that no record has' 2 'leat plotgen lines -x t -y adr trace >/dev/null' </dev/null
said '^leat plotgen: trace: no record has all of the fields that are asked for; there are: t addr comm size$'
try 'memory of a matrix that is none' 2 'leat plotgen memory heat.tsv' </dev/null
said '^leat plotgen: heat.tsv: no picture of memory: leat heat --memory makes one of a trace$'
leat plotgen memory -T png memory.tsv >script
holds 'memory: several processes are told' "grep -q \"^set label 1001 '2 processes on one axis: leat pick ’pid == 12’ chooses the busiest'\" script"
holds 'and accesses that were not joined' "grep -q \"^set label 1002 '1 accesses were not joined'\" script"
try 'heat of a trace' 2 'leat plotgen heat trace' </dev/null
said '^leat plotgen: trace: no matrix .*: leat heat -x X -y Y makes one of a trace$'
try 'x and y of plain numbers' 2 'leat plotgen lines numbers' </dev/null
said 'plain numbers have no x and y'
try 'folded stacks' 2 "echo 'a;b 3' | leat plotgen hist" </dev/null
said '^leat plotgen: standard input: folded stacks: leat flamegraph draws them$'
printf 'x,y\n1,2\n2,oops\n3,4\n5\n' >cells.csv
# shellcheck disable=SC2016
try 'a cell that is no number, a row that is short: told, the rest is drawn' 2 'leat plotgen lines cells.csv >s; x=$?; sed -n "/EOD/,/^EOD/p" s; exit $x' <<'EOT'
$d0 << EOD
1 2
3 4
EOD
EOT
said '^leat plotgen: cells.csv:3: the column y is no number: oops$'
said '^leat plotgen: cells.csv:5: 1 cells, the header has 2$'
try 'two values in one place' 2 "printf 'x,y\na,2\na,3\n' | leat plotgen bars" </dev/null
said 'values have the same place as another one: -b COLUMN tells them apart, --where COLUMN=VALUE chooses$'
try 'what cannot be stacked' 2 "printf 'x,y\na,-2\n' | leat plotgen stacked" </dev/null
said 'it is below 0$'
try 'a range on a logarithmic axis' 2 'leat plotgen hist --log x --x-range 0,5 log.tsv' </dev/null
said '^leat plotgen: --x-range: a logarithmic axis has no numbers below or at 0$'
for wrong in '--log z' '--x-range 5' '--size 5' '--size 0x0' '--size 5x3' '-T pdf --size 800x500' '--palette jet' '--interval a' '-T gif' '--bins 0'; do
	try "$wrong" 2 "leat plotgen hist $wrong hist.tsv" </dev/null
	said '^leat plotgen: '
done
for kind in hist cdf percentiles box violin bars lines scatter heat memory timeline stacked; do
	holds "$kind of nothing: a picture that says so" "leat plotgen -T dumb $kind </dev/null >s && gnuplot s | grep 'no data'"
	silent
done
try 'a histogram of nothing' 0 "printf '# hist key=a\n# lost=5 why=x\nlo\thi\tcount\n' | leat plotgen hist -T dumb | gnuplot | grep -oE 'no data|lost: 5'" <<'EOT'
lost: 5
no data
EOT
try '--strict: loss is an error' 2 'leat plotgen hist --strict hist.tsv >/dev/null' </dev/null

# ---- any numbers: a picture or an error, and nothing that gnuplot complains of ----
cat >extreme.pl <<'EOT'
srand($ARGV[0]);
my @v = qw(0 1 -1 1e308 -1e308 1e-300 nan inf -inf 9223372036854775807 -9223372036854775808 18446744073709551615
	0xffffffffffffffff 0x0 3.5 7 - -100 1000000 x);
sub v { $v[rand @v] }
my $n = 1 + int rand 9;
open my $f, '>', 'x.tsv';
print $f '# hist key=', (qw(a dur_ns size addr))[rand 4], " scale=log\nlo\thi\tcount\n";
print $f join("\t", map { v } 1 .. 3), "\n" for 1 .. $n;
open $f, '>', 'y.tsv';
print $f "x\t", (qw(y t dur_ns addr))[rand 4], "\n";
print $f join("\t", map { v } 1 .. 2), "\n" for 1 .. $n;
open $f, '>', 'z.tsv';
print $f '# heat x=t y=addr x_scale=', (qw(log linear))[rand 2], "\n# seam y=1 lo=", v, ' hi=', v, "\nx\ty\tx_lo\tx_hi\ty_lo\ty_hi\tcount\n";
print $f join("\t", map { v } 1 .. 7), "\n" for 1 .. $n;
EOT
for seed in 1 2 3 4; do
	perl extreme.pl $seed
	for args in 'hist x.tsv' 'cdf x.tsv' 'percentiles x.tsv' 'box x.tsv' 'violin x.tsv' 'hist -x 2 y.tsv' 'cdf --ccdf -x 2 y.tsv' 'box -x 2 y.tsv' \
		'violin -x 2 y.tsv' 'bars y.tsv' 'lines y.tsv' 'scatter --log xy y.tsv' 'stacked y.tsv' 'heat z.tsv'; do
		holds "extreme numbers $seed: $args" "timeout 60 leat plotgen -T dumb $args >s 2>why; x=\$?
			[ \$x -le 2 ] && ! grep Sanitizer why && { [ ! -s s ] || gnuplot s >/dev/null; }"
		silent
	done
done

# ---- rows of a table ----
{
	printf '# stat runs=12\nexperiment\tprogram\tdata\tmetric\tunit\tmedian\tmedian_lo\tmedian_hi\toverhead\n'
	for p in heap merge; do
		for d in random 'all alike'; do
			printf 'x\t%s\t%s\twall_ns\tns\t2000000\t1800000\t2100000\t0.5\n' "$p" "$d"
			printf 'x\t%s\t%s\tfaults\t\t3\t1\t4\tnan\n' "$p" "$d"
		done
	done
} >stat.tsv
grep -v faults stat.tsv >chosen.tsv
try 'bars of one metric' 0 'leat plotgen bars --where metric=wall_ns -x data -y median -b program --interval median_lo,median_hi stat.tsv >s; grep -E "label|^set x?tics|EOD|^[01-9.-]+ " s' <<'EOT'
set tics nomirror out scale 0.6,0.35
set ylabel 'median (ms)'
set xlabel 'data'
set xtics scale 0 ('random' 0, 'all alike' 1)
$d0 << EOD
-0.2 2 -0.384 -0.016 0 2 1.8 2.1
0.8 2 0.616 0.984 0 2 1.8 2.1
EOD
$d1 << EOD
0.2 2 0.016 0.384 0 2 1.8 2.1
1.2 2 1.016 1.384 0 2 1.8 2.1
EOD
EOT
silent
holds 'the same as of a table that has no others' 'leat plotgen bars -x data -y median -b program --interval median_lo,median_hi chosen.tsv | cmp - s'
try 'all columns, and one of several values' 0 "leat plotgen bars --where metric=wall_ns --where program=heap --where 'data=all alike' --where program=merge -x program -y median stat.tsv | grep -E '^[01-9.-]+ |^set xtics'" <<'EOT'
set xtics scale 0 ('heap' 0, 'merge' 1)
0 2 -0.336 0.336 0 2
1 2 0.664 1.336 0 2
EOT
try 'the unit is that of the rows' 0 'leat plotgen bars --where metric=faults -x data -y median -b program stat.tsv | grep ylabel; leat plotgen bars --where metric=wall_ns -x data -y overhead -b program stat.tsv | grep ylabel
	leat plotgen scatter -x median_lo -y median stat.tsv | grep ylabel' <<'EOT'
set ylabel 'median'
set ylabel 'overhead'
set ylabel 'median (×10⁶)'
EOT
try 'no such row' 2 'leat plotgen bars --where program=heap --where metric=wall -x data -y median stat.tsv >s' </dev/null
said '^leat plotgen: stat.tsv: no row has program=heap metric=wall; there are with the first: wall_ns faults$'
try 'no such column of rows' 2 'leat plotgen bars --where program=heap --where size=1 -x data -y median stat.tsv' </dev/null
said '^leat plotgen: stat.tsv: no column size; there are: experiment program data'
try 'no condition' 2 'leat plotgen bars --where heap stat.tsv' </dev/null
said '^leat plotgen: --where heap: not COLUMN=VALUE'
try 'of a trace' 2 'leat plotgen scatter --where cpu=1 -x t -y addr trace' </dev/null
said '^leat plotgen: trace: --where is for tables, and this is a trace: leat pick chooses records'

# ---- from end to end ----
holds 'a trace through hist and heat' "leat heat -x t -y addr trace | leat plotgen heat | gnuplot | head -c 4 | grep -a PNG"
silent
finish
