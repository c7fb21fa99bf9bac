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
finish
