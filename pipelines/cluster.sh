#!/bin/sh
# cluster.sh - a command on a node of a Slurm cluster, and elsewhere again if the node or the job fails
#
# usage: sh cluster.sh run [-a TOLD] DIR RETRIES [OPTION...] -- COMMAND [ARG...]
#        sh cluster.sh array DIR MOST [SBATCH-OPTION...] -- SCRIPT <NAMES
#
# It is for cluster.mk. Slurm decides where and when; here is only what Slurm does not tell: whether the command itself
# failed, or what it ran on. The command leaves a word in DIR, which all nodes share: where it began, and its status when it
# ended. That status is ours, and the command is not tried again. Where no such word came, the node died, the connection was
# lost, or the job was cancelled or ran out of time, whatever srun says (after a node failure that of Slurm 22.05 says 0):
# it is tried again, RETRIES times, on other nodes than those that failed. 125 says that all tries failed.
#
# array: SCRIPT is run by bash for each name of standard input, as $name, by tasks of job arrays of at most MOST (0: any
# number of) tasks at a time. What failures said stays in DIR/array; `run -a DIR/array/NAME` takes one that stands there for its
# own, repeats what it said, and removes it.
set -u
word='' errors='' job='' srun=''

say () {
	printf 'leat cluster: %s\n' "$*" >&2
}

die () {
	say "$@"
	exit 125
}

tidy () {
	[ -z "$word" ] || rm -f "$word"
	[ -z "$errors" ] || rm -rf "$errors"
}

# Whoever ends us ends the job; what it was at is not done, and its maker gone. Slurm is told by the number of the job: a signal
# may leave salloc waiting for ever.
stop () {
	trap '' INT TERM HUP
	[ ! -s "$job" ] || scancel "$(sed 's/;.*//' "$job")"
	if [ -n "$srun" ]; then
		[ -s "$job" ] || kill -TERM "$srun"
		wait "$srun"
	fi 2>/dev/null
	tidy
	exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 129' HUP

# What the node does, of which srun and sbatch get the text. A word is written where it can be, and the file is there
# already, so that a client of NFS looks what is in it. Whoever ends the job says TERM to all of it: then the status is not
# that of the command. What Slurm puts into the environment has the number and the name of the job in it: the size of the
# environment, on which measurements may depend, would be another in each run. SLURMD_NODENAME stays.
# shellcheck disable=SC2016
at_node='word=$1
shift
cut=
trap "cut=1" TERM
[ -e "$word" ] && printf "node %s\n" "${SLURMD_NODENAME:-$(uname -n)}" >"$word" || {
	echo "leat cluster: $word is not on $(uname -n): results must be on a file system that all nodes share" >&2
	exit 98
}
unset $(env | sed -n "s/^\(SLURM_[A-Za-z0-9_]*\|SRUN_[A-Za-z0-9_]*\|SBATCH_[A-Za-z0-9_]*\)=.*/\1/p")
"$@"
status=$?
# Who waited for it may have given it up.
[ -n "$cut" ] || [ ! -e "$word" ] || printf "status %s\n" "$status" >>"$word"
exit "$status"'

# excluded OPTION...: the nodes that the user does not want, joined by commas
excluded () {
	next='' list=''
	for o in "$@"; do
		if [ -n "$next" ]; then
			list=$list,$o next=''
			continue
		fi
		case $o in
		-x | --exclude) next=1 ;;
		--exclude=*) list=$list,${o#*=} ;;
		-x*) list=$list,${o#-x} ;;
		esac
	done
	printf '%s\n' "${list#,}"
}

# The nodes that srun blames.
blamed () {
	sed -n 's/^s[a-z]*: error: Node failure on \([^ ]*\).*/\1/p
		s/^s[a-z]*: error: Task launch .* failed on node \([^ :]*\):.*/\1/p' "$errors/all" | sort -u | head -n 1
}

run () {
	told=''
	if [ "$1" = -a ]; then
		told=$2
		shift 2
	fi
	dir=$1 retries=$2
	shift 2
	flags=$#
	for o in "$@"; do
		[ "$o" != -- ] || break
		flags=$((flags - 1))
	done
	# Options stand before --, which is the word at $#-flags+1.
	[ "$flags" -gt 1 ] || die 'usage: cluster.sh run [-a TOLD] DIR RETRIES [OPTION...] -- COMMAND'
	if [ -n "$told" ] && [ -s "$told" ]; then
		status=$(sed -n 's/^status //p' "$told")
		node=$(sed -n 's/^node //p' "$told")
		cat "${told%/*}/out/${told##*/}" >&2
		rm -f "$told" "${told%/*}/out/${told##*/}"
		if [ "${status:-0}" -ne 0 ]; then
			say "it failed on $node, as a task of the array"
			exit "$status"
		fi
	fi
	mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || exit 125
	user=$(n=$(($# - flags)) && i=0 && for o in "$@"; do
		i=$((i + 1))
		[ "$i" -gt "$n" ] || printf '%s\n' "$o"
	done)
	# shellcheck disable=SC2086
	user=$(IFS='
' && set -f && excluded $user)
	errors=$(mktemp -d) && mkfifo "$errors/pipe" || exit 125
	job=$errors/job
	bad='' try=0
	while :; do
		try=$((try + 1))
		word=$(mktemp "$dir/word.XXXXXX") || exit 125
		attempt "$@" &
		srun=$!
		tee "$errors/all" <"$errors/pipe" >&2 &
		tee=$!
		wait "$srun"
		said=$?
		srun=''
		wait "$tee"
		status=$(sed -n 's/^status //p' "$word")
		node=$(sed -n 's/^node //p' "$word")
		rm -f "$word"
		word=''
		if [ -n "$status" ]; then
			tidy
			exit "$status"
		fi
		[ ! -s "$job" ] || scancel "$(cat "$job")" 2>/dev/null
		rm -f "$job"
		[ "$said" -ne 98 ] || [ -n "$node" ] || stop 125
		began=$node
		node=${node:-$(blamed)}
		if [ -n "$began" ]; then
			why="$node failed, or the job was ended"
		elif [ -n "$node" ]; then
			why="$node could not be reached"
		else
			why="Slurm gave no node (status $said)"
			case $(cat "$errors/all") in
			*'failed: Invalid '* | *'resources: Invalid '* | *'Invalid '*' specification'* | *'unrecognized option'* | \
				*'invalid option'* | *' denied'* | *'ot permitted'* | *'mutually exclusive'*)
				say "$why"
				stop 125
				;;
			*'onfiguration is not available'*)
				# Without those that failed there may be none left.
				[ -n "$bad" ] || {
					say "$why"
					stop 125
				}
				bad=''
				;;
			esac
		fi
		if [ "$try" -gt "$retries" ]; then
			say "$why; that was try $try of $try"
			stop 125
		fi
		[ -z "$node" ] || bad=$bad${bad:+,}$node
		# A controller that is started anew takes a moment.
		[ -n "$node" ] || sleep "$try"
		say "$why; try $((try + 1)) of $((retries + 1))${bad:+, not on $bad}"
	done
}

# attempt [OPTION...] -- COMMAND...: srun in the place of this shell. It is given a job by salloc, because the step of an
# `srun --exclusive` has the node for itself, but one CPU of it. In a job it is a step of that.
attempt () {
	n=$(($# - flags)) i=0
	step='srun --quiet --nodes=1 --ntasks=1 --input=none --cpu-bind=none'
	[ -n "${SLURM_JOB_ID:-}" ] && ask=$step || ask='salloc --quiet --nodes=1 --ntasks=1'
	for o in "$@"; do
		i=$((i + 1))
		[ "$i" -ne 1 ] || set --
		if [ "$i" -eq $((n + 1)) ]; then
			[ -z "$bad" ] || set -- "$@" "--exclude=$user${user:+,}$bad"
			# shellcheck disable=SC2086,SC2016
			[ "$ask" = "$step" ] || set -- "$@" sh -c 'echo "$SLURM_JOB_ID" >"$0" && exec "$@"' "$job" $step
			set -- "$@" sh -c "$at_node" cluster "$word"
		else
			set -- "$@" "$o"
		fi
	done
	trap - INT TERM HUP
	# shellcheck disable=SC2086
	exec $ask "$@" </dev/null 2>"$errors/pipe"
}

array () {
	dir=$1 most=$2
	shift 2
	mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || exit 125
	# The nodes get all by name.
	rm -rf "$dir/array"
	mkdir "$dir/array" "$dir/array/out" || exit 125
	cat >"$dir/array.names"
	size=$(scontrol show config | sed -n 's/^MaxArraySize *= *//p')
	[ "${size:-0}" -gt 1 ] || die 'this cluster knows no job arrays (MaxArraySize): SLURM=1 does without'
	runs=$(($(wc -l <"$dir/array.names"))) from=0
	for script; do :; done # the last word
	printf '%s\n' "$script" >"$dir/array.script"
	cat >"$dir/array.job" <<-END
		#!/bin/sh
		name=\$(sed -n "\$((\$1 + SLURM_ARRAY_TASK_ID))p" '$dir/array.names')
		export name
		# One that Slurm begins again tells of its last try.
		: >'$dir/array/'"\$name"
		exec sh -c '$at_node' cluster '$dir/array/'"\$name" bash '$dir/array.script' </dev/null >'$dir/array/out/'"\$name" 2>&1
	END
	n=$(($# - 2)) i=0
	for o in "$@"; do
		i=$((i + 1))
		[ "$i" -ne 1 ] || set --
		[ "$i" -gt "$n" ] || set -- "$@" "$o"
	done
	while [ "$from" -lt "$runs" ]; do
		tasks=$((runs - from))
		[ "$tasks" -lt "$size" ] || tasks=$((size - 1))
		limit=''
		[ "$most" -eq 0 ] || limit=%$most
		# The number comes first, and is what to cancel by.
		sbatch --wait --parsable --nodes=1 --ntasks=1 --requeue --output=/dev/null --array="1-$tasks$limit" "$@" \
			"$dir/array.job" "$from" >"$dir/array.id" &
		srun=$!
		job=$dir/array.id
		say "$tasks runs are in the queue"
		wait "$srun"
		srun='' job=''
		[ -s "$dir/array.id" ] || die 'sbatch took no job'
		from=$((from + tasks))
	done
	# What went well needs no word any more.
	(
		cd "$dir/array" || exit
		find . -maxdepth 1 -type f -exec grep -lx 'status 0' {} + | sed 's,^\./,,' |
			awk 'NR == FNR { done[$0]; next } $0 in done' - "$dir/array.names" >"$dir/array.done"
		sed 's,^,out/,' "$dir/array.done" | xargs -r cat >&2
		sed 'p; s,^,out/,' "$dir/array.done" | xargs -r rm -f
	)
	rm -f "$dir/array.done" "$dir/array.names" "$dir/array.script" "$dir/array.job" "$dir/array.id"
}

case ${1:-} in
run | array) "$@" ;;
*) die 'usage: cluster.sh run | array ...: it is for cluster.mk, see leat-cluster(7)' ;;
esac
