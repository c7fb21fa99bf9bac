#!/bin/sh
# verify: claims of every form against tables whose values are known
. tests/lib.sh

{
	echo '# stat runs=30'
	printf 'program\tdata\tmetric\tmedian\tmedian_lo\tmedian_hi\n'
	printf 'heap\trandom\twall_ns\t1500000\t1400000\t1600000\n'
	printf 'heap\tsorted\twall_ns\t900000\tnan\tnan\n'
	printf 'merge\trandom\twall_ns\t1000000\t990000\t1010000\n'
	printf 'quick sort\trandom\twall_ns\t500000\t-\t\n'
	printf 'heap\trandom\tfaults\t0\t0\t0\n'
	printf 'quick sort\trandom\tfaults\t7\t7\t7\n'
} >stat.tsv

# claims ROW...: the file `claims` with these rows
claims () {
	echo 'claim,where,over,column,expect,tolerance' >claims
	printf '%s\n' "$@" >>claims
}
heap='program=heap data=random metric=wall_ns'
merge='program=merge data=random metric=wall_ns'

claims "\"merge beats heap\",$heap,$merge,median,>=1.2," \
	"a number,$merge,,median,1000000," \
	"within a share,$heap,,median,1400000,10%" \
	"within so much,$heap,,median,1.4ms,100us" \
	"within\, \"as\" one word,$heap,,median,1400000+-10%," \
	"the other sign,$heap,,median,1400000±100000," \
	"from to,$heap,$merge,median,1.4..1.6," \
	"below,$heap,,median,<2ms," \
	"at most,$heap,,median,<=1.5ms," \
	"above,$heap,,median,>1ms," \
	"in signs,$heap,,median,≥1.5ms," \
	"quotes,program='quick sort' metric=wall_ns,,median,0.5ms," \
	"intervals,$heap,$merge,median_lo/median_hi,>1.3," \
	"two of one row,$heap,,median_hi/median_lo,<1.2,"
sed -i 's/^within\\, "as" one word/"within, ""as"" one word"/' claims
try 'claims that hold' 0 'leat verify claims stat.tsv' <<'EOF'
# verify claims=14 holds=14 fails=0 unknown=0
claim	expect	got	verdict
merge beats heap	>=1.2	1.5	holds
a number	1000000	1000000	holds
within a share	1400000±10%	1500000	holds
within so much	1.4ms±100us	1500000	holds
within, "as" one word	1400000+-10%	1500000	holds
the other sign	1400000±100000	1500000	holds
from to	1.4..1.6	1.5	holds
below	<2ms	1500000	holds
at most	<=1.5ms	1500000	holds
above	>1ms	1500000	holds
in signs	≥1.5ms	1500000	holds
quotes	0.5ms	500000	holds
intervals	>1.3	1.38614	holds
two of one row	<1.2	1.14286	holds
EOF
silent
holds 'from standard input the same' 'leat verify claims stat.tsv >one && [ -s one ] && leat verify claims <stat.tsv | cmp - one && leat verify - stat.tsv <claims | cmp - one'
holds 'from CSV the same' "tr '\t' , <stat.tsv | sed 's/^quick sort/\"quick sort\"/; 1d' | leat verify claims | cmp - one"
holds 'claims in TSV' "printf 'claim\twhere\tcolumn\texpect\nx\tprogram=merge\tmedian\t1ms\n' | leat verify - stat.tsv | grep -x 'x	1ms	1000000	holds'"

claims "too small,$heap,$merge,median,>=1.6," "below,$heap,,median,<1.5ms," "off,$heap,,median,1.3ms,10%" \
	"above,$heap,,median,>1500000," "from to,$heap,,median,1..1499999," "bare,$heap,,median,1500001," \
	"hidden by rounding,$heap,$merge,median,>1.50000000001,"
try 'claims that fail' 1 'leat verify claims stat.tsv' <<'EOF'
# verify claims=7 holds=0 fails=7 unknown=0
claim	expect	got	verdict
too small	>=1.6	1.5	fails
below	<1.5ms	1500000	fails
off	1.3ms±10%	1500000	fails
above	>1500000	1500000	fails
from to	1..1499999	1500000	fails
bare	1500001	1500000	fails
hidden by rounding	>1.50000000001	1.5	fails
EOF
said '^leat verify: claims:2: too small: >=1.6 was expected, and got 1.5$'
claims "rounded,x=1,x=2,v,<=1.2,"
try 'six digits do not hide why' 1 "printf 'x\tv\n1\t1.2000000001\n2\t1\n' | leat verify claims" <<'EOF'
# verify claims=1 holds=0 fails=1 unknown=0
claim	expect	got	verdict
rounded	<=1.2	1.2000000001	fails
EOF

# What cannot be looked up: with its line, the others are judged.
claims "nobody,program=haep data=random metric=wall_ns,,median,1," \
	"no such data,program=merge data=sorted,,median,1," \
	"twice,program=heap metric=wall_ns,,median,1," \
	"no column,$heap,,mode,1," \
	"no such factor,size=3,,median,1," \
	"nan,program=heap data=sorted,,median_lo,1," \
	"nothing,program='quick sort' metric=wall_ns,,median_hi,1," \
	"by zero,program='quick sort' metric=faults,program=heap data=random metric=faults,median,1," \
	"no over,$heap,program=shell,median,1," \
	"good,$merge,,median,1ms," \
	"fails,$merge,,median,2ms,"
try 'what cannot be looked up' 2 'leat verify claims stat.tsv' <<'EOF'
# verify claims=11 holds=1 fails=1 unknown=9
claim	expect	got	verdict
nobody	1	-	unknown
no such data	1	-	unknown
twice	1	-	unknown
no column	1	-	unknown
no such factor	1	-	unknown
nan	1	-	unknown
nothing	1	-	unknown
by zero	1	-	unknown
no over	1	-	unknown
good	1ms	1000000	holds
fails	2ms	1000000	fails
EOF
said '^leat verify: claims:2: where: no row has program=haep; there are: heap merge quick sort$'
said '^leat verify: claims:3: where: no row has program=merge data=sorted; there are with the first: random$'
said '^leat verify: claims:4: where: 2 rows, stat.tsv:3 and stat.tsv:4: one is needed; they differ in data=random and sorted$'
said '^leat verify: claims:5: where: stat.tsv has no column mode; there are: program data metric median median_lo median_hi$'
said '^leat verify: claims:6: where: stat.tsv has no column size; '
said "^leat verify: claims:7: where: stat.tsv:4: 'nan' in column median_lo is no number$"
said "^leat verify: claims:8: where: stat.tsv:6: '' in column median_hi is no number$"
said '^leat verify: claims:9: over: median is 0, by which nothing can be divided$'
said '^leat verify: claims:10: over: no row has program=shell; there are: heap merge quick sort$'

# Claims that cannot be read.
claims "a,$merge,,median,," "b,$merge,,median,fast," "c,$merge,,median,1..," "d,$merge,,median,2..1," "e,$merge,,median,>1,10%" \
	"f,$merge,,median,1,some" "g,$merge,,median,1,-5%" "h,merge,,median,1," "i,program='x,,median,1," "j,$merge,,,1," "k,$merge" \
	"l,$merge,,median,1+-2,3" "m,$merge,,median,nan," ",$merge,,median,1ms,"
try 'claims that cannot be read' 2 'leat verify -o out claims stat.tsv; s=$?; cut -f 1,4 out | tail -n +3; exit $s' <<'EOF'
a	unknown
b	unknown
c	unknown
d	unknown
e	unknown
f	unknown
g	unknown
h	unknown
i	unknown
j	unknown
(line 12)	unknown
l	unknown
m	unknown
(line 15)	holds
EOF
said '^leat verify: claims:2: expect is empty: a number, >=N'
said "^leat verify: claims:3: expect: 'fast' is no number"
said "^leat verify: claims:4: expect: '' is no number"
said '^leat verify: claims:5: expect: 2..1: LO is above HI'
said '^leat verify: claims:6: a tolerance is for a number, and not for a bound (10%)'
said "^leat verify: claims:7: tolerance: 'some' is neither"
said "^leat verify: claims:8: tolerance: '-5%' is neither"
said "^leat verify: claims:9: where: 'merge' is no COLUMN=VALUE"
said "^leat verify: claims:10: where: ' is not closed"
said '^leat verify: claims:11: column is empty'
said '^leat verify: claims:12: 2 cells, the header has 6'
said '^leat verify: claims:13: two tolerances: 2 in expect, and 3'
said "^leat verify: claims:14: expect: 'nan' is no number"

printf 'claim,where,column,expect,tolerence\nx,a=1,b,1,2\n' >typo
try 'a column that is not known' 2 'leat verify typo stat.tsv' </dev/null
said "^leat verify: typo:1: no column of claims is called 'tolerence'; they are:"
printf 'claim,where,column\n' >short
try 'a column that is not there' 2 'leat verify short stat.tsv' </dev/null
said '^leat verify: short:1: no column expect'
printf 'claim,where,column,expect\n# nothing yet\n' >none
try 'no claims are no verdict' 2 'leat verify none stat.tsv' </dev/null
said '^leat verify: none:1: no claims: there is nothing but a header'
try 'an empty file of claims' 2 'leat verify /dev/null stat.tsv' </dev/null
said '^leat verify: /dev/null:1: no claims: '
try 'no claims at all' 2 'leat verify' </dev/null
said '^leat verify: CLAIMS, a table of claims, is missing'
try 'claims and table cannot both be standard input' 2 'leat verify -' </dev/null
said '^leat verify: the claims are standard input: name the TABLE'
printf 'claim,where,column,expect,note\n# of section 5\nx,program=merge,median,1ms,see figure 3\n"open,program\n' >open
try 'comments, notes, and a quote that is not closed' 2 'leat verify -o out open stat.tsv; s=$?; tail -n +3 out; exit $s' <<'EOF'
x	1ms	1000000	holds
(line 4)	-	-	unknown
EOF
said '^leat verify: open:4: a quote is not closed'

# Two tables, of which each claim finds its own; losses and bad rows are told.
printf '# hist key=x\n# lost=3 why="ring full"\nkey\tp99\nx\t12\ny\n' >other.tsv
claims "one,$merge,,median,1ms," 'two,key=x,,p99,<20,'
try 'two tables' 2 'leat verify claims stat.tsv other.tsv' <<'EOF'
# verify claims=2 holds=2 fails=0 unknown=0
# lost=1 why=bad-row
# lost=3 why="ring full" table=other.tsv
claim	expect	got	verdict
one	1ms	1000000	holds
two	<20	12	holds
EOF
said '^leat verify: other.tsv:5: 1 cells, the header has 2'
sed -i '$d' other.tsv
holds 'loss alone is no error' 'leat verify claims stat.tsv other.tsv'
try '--strict makes it one' 2 'leat verify --strict claims stat.tsv other.tsv >/dev/null' </dev/null
said '^leat verify: other.tsv: 3 lost, and --strict was given'
claims 'one,,,1,42,'
try 'one number' 0 'echo 42 | leat verify claims | tail -n 1' <<'EOF'
one	42	42	holds
EOF
try 'an empty table' 2 'leat verify claims /dev/null >/dev/null' </dev/null
said '^leat verify: claims:2: where: the table is empty'
try 'a trace is no table' 2 "printf '#leat 1\nlost\tt=1\tn=3\twhy=x\n' | leat verify claims" </dev/null
said '^leat verify: standard input: not a table, but a trace'

claims "merge | heap,$heap,$merge,median,>=1.2," "off_by,$heap,,median,2ms," "not there,program=x,,median,1,"
try '--markdown' 2 'leat verify --markdown claims stat.tsv' <<'EOF'
| claim | expected | got | verdict |
|---|---|---:|---|
| merge \| heap | \>=1.2 | 1.5 | holds |
| off\_by | 2ms | 1500000 | **fails** |
| not there | 1 | - | **unknown** |

1 of 3 claims holds, 1 unknown
EOF
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	sed -i 's/off_by/größer/' claims
	try 'on a terminal: columns' 0 "script -qec 'leat verify claims stat.tsv 2>/dev/null' /dev/null | tr -d '\r'" <<'EOF'
claim         expect      got  verdict
merge | heap  >=1.2       1.5  holds
größer        2ms     1500000  fails
not there     1             -  unknown
1 of 3 claims holds, 1 unknown
EOF
	try '--tsv on a terminal' 0 "script -qec 'leat verify --tsv claims stat.tsv 2>/dev/null' /dev/null | tr -d '\r' | head -n 1" <<'EOF'
# verify claims=3 holds=1 fails=1 unknown=1
EOF
else
	skip 'on a terminal' 'script(1) cannot open one here'
fi

finish
