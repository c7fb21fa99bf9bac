#!/bin/sh
# audit.t - books that balance, and the first that do not
. tests/lib.sh

good='#leat 1
start	tool=record
start	tool=unwind
x	t=1
x	t=2
lost	t=2	n=7	why=ring-full
lost	t=2	n=2	why=no-symbol
end	tool=record	in=0	passed=0	used=0	made=4	dropped=0	lost=7
end	tool=unwind	in=4	passed=1	used=1	made=1	dropped=1	lost=1'
echo "$good" >good
try 'books that balance' 0 'leat audit good' <<'END'
tool	in	passed	used	made	dropped	lost	verdict
record	0	0	0	4	0	7	balanced
unwind	4	1	1	1	1	1	balanced
# records=2
# lost=7 why=ring-full
# lost=2 why=no-symbol
END
try 'a source that does not say what it read' 0 'sed "s/in=0	//" good | leat audit | sed -n 2p' <<'END'
record	-	0	0	4	0	7	balanced
END
try 'two traces behind each other' 0 'leat cat -f good good | leat audit' <<'END'
tool	in	passed	used	made	dropped	lost	verdict
record	0	0	0	4	0	7	balanced
unwind	4	1	1	1	1	1	balanced
record	0	0	0	4	0	7	balanced
unwind	4	1	1	1	1	1	balanced
# records=4
# lost=14 why=ring-full
# lost=4 why=no-symbol
END
wrong () {
	sed "$2" good >bad
	holds "$1" 'leat audit bad; test $? -eq 1'
	said "the books of $3 do not balance: $4"
}
wrong 'a record that vanished' '/^x	t=1/d' unwind '2 records were put out, and the trace holds 1'
wrong 'a filter that read too few' 's/in=4	passed=1	used=1/in=3	passed=1	used=0/' unwind 'it read 3 records of the 4'
wrong 'a filter that forgot one' 's/dropped=1/dropped=0/' unwind 'it read 4 records and says what became of 3'
wrong 'an end without a start' '/^start	tool=unwind/d' unwind 'it ended and never started'
sed '/^end	tool=unwind/d' good >cut
holds 'a trace that is cut off' 'leat audit cut; test $? -eq 2'
said 'the books of unwind do not balance: it never ended'
finish
