#!/bin/sh
# manual.t - every line of EXAMPLES in every manual does what it says: it ends with status 0, and says no error
. tests/lib.sh

leat record -q -F 99 -o probe.leat -- true 2>err || skip_all "perf events cannot be opened here: $(tail -n 1 err)"
leat record -q -F 997 -g -o run.leat -- sh -c 'seq 200000 | sort -R | tail -n 1' >/dev/null
# A pager may be missing, and perf.data needs perf.
mkdir bin
printf '#!/bin/sh\nexec cat\n' >bin/less
chmod +x bin/less
PATH=$PWD/bin:$PATH
if perf --version >/dev/null 2>&1; then
	perf record -q -F 997 -g -o perf.data -- sh -c 'seq 200000 | sort -R | tail -n 1' >/dev/null 2>&1
fi

examples () {
	awk '/^\.Sh/ { on = /EXAMPLES/ } on && sub(/^\.Dl /, "") { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\\(aq/, "\047"); gsub(/\\\(dq/, "\""); print }' "$1"
}

lines=0
for page in "$TOP"/man/*.[157]; do
	examples "$page" >lines
	while IFS= read -r line; do
		lines=$((lines + 1))
		case $line in
		*perf*script* | *perf.data*)
			if [ ! -s perf.data ]; then
				skip "${page##*/}: $line" 'perf is not installed'
				continue
			fi
			;;
		esac
		case $line in
		*'record '*' -a '*)
			if ! leat record -q -a -o probe.leat -- true 2>err; then
				skip "${page##*/}: $line" "$(tail -n 1 err)"
				continue
			fi
			;;
		esac
		printf 'set -e\n%s\n' "$line" >line.sh
		holds "${page##*/}: $(printf '%s' "$line" | tr -d '\134')" 'sh line.sh'
		cp got shown
		case $line in
		*'leat cat -t run.leat'*) holds '  with records' 'grep -q ^sample shown' ;;
		*grep*) holds '  with a count' 'grep -qE "^[1-9][0-9]*$" shown' ;;
		*'>true.svg' | *'-o small.svg'*) holds '  with a picture' 'grep -q "<svg" "$(ls -t ./*.svg | head -n 1)"' ;;
		*--top*) holds '  with a table' 'grep -q FUNCTION shown' ;;
		esac
	done <lines
done
holds 'there are examples' "[ $lines -ge 12 ]"

finish
