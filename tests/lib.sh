# lib.sh - what test scripts share; ". tests/lib.sh" is their first line
#
#	try NAME STATUS COMMAND <<'EOF' ... EOF		exactly this status, exactly this standard output
#	said PATTERN					a line of the last command's standard error matches
#	silent						the last command said nothing on standard error
#	holds NAME COMMAND				COMMAND ends with status 0
#	skip NAME REASON				a case that this machine cannot run
#	skip_all REASON					all (further) cases
#	finish						the last line
#
# Commands run with sh in an empty directory, with leat in PATH, LC_ALL=C. $TOP is the root of the source, $B of the
# build. Of the last command, standard output is left in the file got, standard error in err. Output is TAP.
# shellcheck shell=sh
set -u
: "${B:=$PWD/build}" "${TOP:=$PWD}"
case $B in
/*) ;;
*) B=$PWD/$B ;;
esac
PATH=$B/bin:$PATH:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL B TOP
# A workload that somebody else's environment changes is not the same workload.
unset LEAT_EXEC_PATH
dir=$(mktemp -d "$B/test.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir" || exit 1
cases=0 failed=0

good () {
	cases=$((cases + 1))
	echo "ok $cases - $1"
}

bad () {
	cases=$((cases + 1)) failed=$((failed + 1))
	echo "not ok $cases - $1"
	shift
	printf '%s\n' "$@" | head -n 60 | sed 's/^/# /'
}

try () {
	cat >want
	sh -c "$3" >got 2>err </dev/null
	status=$?
	if [ "$status" -ne "$2" ]; then
		bad "$1" "$3" "status $status, not $2" "$(cat err)"
	elif ! diff -u want got >difference; then
		bad "$1" "$3" 'other output' "$(cat difference)" "$(cat err)"
	else
		good "$1"
	fi
}

said () {
	if grep -q -e "$1" err; then
		good "said $1"
	else
		bad "said $1" 'standard error was:' "$(cat err)"
	fi
}

silent () {
	if [ -s err ]; then
		bad 'silent' "$(cat err)"
	else
		good 'silent'
	fi
}

holds () {
	sh -c "$2" >got 2>err </dev/null
	status=$?
	if [ "$status" -ne 0 ]; then
		bad "$1" "$2" "status $status" "$(cat got)" "$(cat err)"
	else
		good "$1"
	fi
}

skip () {
	cases=$((cases + 1))
	echo "ok $cases - $1 # SKIP $2"
}

skip_all () {
	skip 'the rest' "$1"
	finish
}

finish () {
	echo "1..$cases"
	[ "$cases" -gt 0 ] && [ "$failed" -eq 0 ]
	exit
}
