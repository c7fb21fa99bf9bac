#!/bin/sh
# sysinfo: what it says of machines that differ in known ways, of their use, of policies and of differences
. tests/lib.sh

# put TREE PATH TEXT: a file of a copied tree
put () {
	case $2 in
	*/*) mkdir -p "$1/${2%/*}" ;;
	esac
	printf '%b' "$3" >"$1/$2"
}
# per TREE CPUS FILE TEXT: the same file of several CPUs
per () {
	for c in $2; do put "$1" "sys/devices/system/cpu/cpu$c/$3" "$4"; done
}
# facts TREE NAME...: these facts as NAME=VALUE
facts () {
	tree=$1
	shift
	leat sysinfo -t --root "$tree" | awk -F'\t' -v names="$*" '
	BEGIN { n = split(names, want, " ") }
	$1 == "info" { sub(/^name=/, "", $4); sub(/^value=/, "", $5); have[$4] = $5 (NF > 5 ? " " substr($6, 6) : "") }
	END { for (i = 1; i <= n; i++) print want[i] "=" (want[i] in have ? have[want[i]] : "-") }'
}

### This machine

holds 'facts of this machine, each name once' 'leat sysinfo -t >this; grep -c ^info this | awk "{ exit \$1 < 40 }"
	! sed -n "s/^info.*\tname=\([^\t]*\).*/\1/p" this | sort | uniq -d | grep .'
silent
holds 'they are what the system says' '
	grep -x "info	t=[0-9]*	section=kernel	name=kernel	value=$(uname -r)" this &&
	grep -x "info	t=[0-9]*	section=cpu	name=cpus	value=$(getconf _NPROCESSORS_ONLN)" this &&
	grep -x "info	t=[0-9]*	section=process	name=page	value=$(getconf PAGESIZE)	unit=bytes" this &&
	grep -x "info	t=[0-9]*	section=process	name=uid	value=$(id -u)" this &&
	grep "name=memory	value=$(awk "/^MemTotal/ { printf \"%.0f\", \$2 * 1024 }" /proc/meminfo)	unit=bytes" this'
holds 'what a program gets that is started here' 'umask 027; ulimit -c 0; nice -n 3 env -i A=1 BB=22 "PATH=$PATH" leat sysinfo -t >this
	grep "name=umask	value=\"0027\"" this && grep "name=nice	value=$(nice -n 3 nice)$" this && grep "name=limit_core	value=0	" this &&
	grep "name=environment	value=3$" this && grep "name=environment_size	value=$((${#PATH} + 16))	" this'
holds 'the order of the environment does not change its hash, its content does' '
	hash () { leat sysinfo -t | sed -n "s/.*name=environment_hash.value=//p"; }
	a=$(env -i A=1 B=2 "PATH=$PATH" leat sysinfo -t | grep environment_hash | cut -f 4,5)
	b=$(env -i B=2 "PATH=$PATH" A=1 leat sysinfo -t | grep environment_hash | cut -f 4,5)
	c=$(env -i B=3 "PATH=$PATH" A=1 leat sysinfo -t | grep environment_hash | cut -f 4,5)
	[ "$a" = "$b" ] && [ "$a" != "$c" ]'
if setarch -R true 2>/dev/null; then
	holds 'ASLR as this process has it' 'setarch -R leat sysinfo -t | grep "name=aslr_process	value=off$" && leat sysinfo -t | grep "name=aslr_process	value=on$"'
else
	skip 'ASLR as this process has it' 'setarch -R is not allowed here'
fi
mkdir bin
printf '#!/bin/sh\necho "mytool (of mine) 3.10.2"; echo more\n' >bin/mytool
printf '#!/bin/sh\nexit 1\n' >bin/bad
chmod +x bin/*
holds 'versions of tools; one that is not there, or fails, is absent' 'PATH=$PWD/bin:$PATH leat sysinfo -t --tool mytool --tool bad --tool nosuch | grep "section=tools" | cut -f 4,5 >tools
	grep -x "name=tool_mytool	value=\"mytool (of mine) 3.10.2\"" tools && ! grep -e bad -e nosuch -e tool_cc tools'

mkdir repository && cd repository || exit 1
git init -q . && git config user.email a@b && git config user.name a && echo 1 >f && git add f && git commit -q -m 1
holds 'a clean commit' 'leat sysinfo -t --tool none | grep section=git | cut -f 4,5 >git; grep -x "name=git_commit	value=$(git rev-parse HEAD)" git && grep -x "name=git_dirty	value=no" git && ! grep diff git'
cp git ../clean
echo 2 >f
holds 'a dirty one, by the hash of the change' 'leat sysinfo -t --tool none | grep section=git | cut -f 4,5 >../dirty; grep -x "name=git_dirty	value=yes" ../dirty && grep "name=git_diff	value=[\"0-9a-f]*" ../dirty'
echo 3 >f
holds 'another change, another hash' 'leat sysinfo -t --tool none | grep name=git_diff | cut -f 4,5 >new; ! grep -xf new ../dirty'
holds 'the index is left as it is' 'touch -d 2001-01-01 .git/index; leat sysinfo >/dev/null; [ -z "$(find .git/index -newermt 2002-01-01)" ]'
cd .. || exit 1
holds 'a repository of somebody else: git does not look, and that is told' '
	cd repository; GIT_TEST_ASSUME_DIFFERENT_OWNER=1; export GIT_TEST_ASSUME_DIFFERENT_OWNER
	leat sysinfo -t --tool none >out
	grep "^lost	t=[0-9]*	n=1	why=unreadable	files=git$" out && ! grep section=git out && leat audit out && leat sysinfo --strict >/dev/null; [ $? -eq 2 ]'
holds 'without git' 'mkdir empty; cd /; PATH=$dir/empty; '"$B"'/libexec/leat/sysinfo -t >"$dir/got"; ! grep -e section=git -e tool_cc "$dir/got"'

### Trees of other machines

# Intel, two sockets of two cores with two threads each, one of them with another governor.
t=intel
i=0
for c in 0 1 2 3 4 5 6 7; do
	put $t sys/devices/system/cpu/cpu$c/topology/physical_package_id "$((i / 4))\n"
	put $t sys/devices/system/cpu/cpu$c/topology/core_id "$((i / 2 % 2))\n"
	printf 'processor\t: %d\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 106\nmodel name\t: Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz\nstepping\t: 6\nmicrocode\t: 0xd0003b9\ncpu MHz\t\t: 2000.000\nflags\t\t: fpu vme de\n\n' $c >>cpuinfo
	i=$((i + 1))
done
mkdir -p $t/proc && mv cpuinfo $t/proc
put $t sys/devices/system/cpu/online '0-7\n'
put $t sys/devices/system/cpu/present '0-7\n'
put $t sys/devices/system/cpu/isolated '4-7\n'
put $t sys/devices/system/cpu/nohz_full '(null)\n'
put $t sys/devices/system/cpu/smt/active '1\n'
put $t sys/devices/system/cpu/smt/control 'on\n'
all='0 1 2 3 4 5 6 7'
per $t "$all" cpufreq/scaling_driver 'intel_pstate\n'
per $t '0 1 2 4' cpufreq/scaling_governor 'performance\n'
per $t '3 5 6 7' cpufreq/scaling_governor 'powersave\n'
per $t "$all" cpufreq/scaling_min_freq '800000\n'
per $t "$all" cpufreq/scaling_max_freq '3100000\n'
per $t "$all" cpufreq/energy_performance_preference 'balance_performance\n'
per $t '0 1 2 3' cpufreq/scaling_cur_freq '2000123\n'
per $t '4 5 6 7' cpufreq/scaling_cur_freq '3000000\n'
put $t sys/devices/system/cpu/intel_pstate/no_turbo '0\n'
put $t sys/devices/system/cpu/intel_pstate/status 'active\n'
per $t "$all" thermal_throttle/core_throttle_count '2\n'
per $t "$all" thermal_throttle/package_throttle_count '5\n'
per $t "$all" cpuidle/state0/name 'POLL\n'
per $t "$all" cpuidle/state0/disable '0\n'
per $t "$all" cpuidle/state1/name 'C6\n'
per $t '0 1' cpuidle/state1/disable '1\n'
per $t '2 3 4 5 6 7' cpuidle/state1/disable '0\n'
per $t 0 cache/index0/level '1\n'
per $t 0 cache/index0/type 'Data\n'
per $t 0 cache/index0/size '48K\n'
per $t 0 cache/index3/level '3\n'
per $t 0 cache/index3/type 'Unified\n'
per $t 0 cache/index3/size '43008K\n'
put $t proc/meminfo 'MemTotal:       131072 kB\nMemFree: 1 kB\nMemAvailable:  65536 kB\nSwapTotal:  1024 kB\nSwapFree: 512 kB\nHugePages_Free:        3\nHugepagesize:       2048 kB\n'
for n in 0 1; do
	put $t sys/devices/system/node/node$n/meminfo "Node $n MemTotal:       65536 kB\nNode $n MemFree: 1 kB\n"
	put $t sys/devices/system/node/node$n/cpulist "$((4 * n))-$((4 * n + 3))\n"
done
put $t sys/devices/system/node/node0/distance '10 21\n'
put $t sys/devices/system/node/node1/distance '21 10\n'
put $t sys/kernel/mm/transparent_hugepage/enabled 'always [madvise] never\n'
put $t sys/kernel/mm/transparent_hugepage/defrag 'always defer defer+madvise [madvise] never\n'
put $t sys/kernel/mm/ksm/run '1\n'
put $t sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages '512\n'
put $t sys/kernel/mm/numa/demotion_enabled 'true\n'
put $t proc/sys/kernel/numa_balancing '1\n'
put $t proc/sys/kernel/randomize_va_space '2\n'
put $t proc/sys/kernel/perf_event_paranoid '-1\n'
put $t proc/sys/kernel/perf_event_max_sample_rate '63000\n'
put $t proc/sys/kernel/osrelease '5.10.0-28-amd64\n'
put $t proc/sys/kernel/hostname 'node17\n'
put $t boot/config-5.10.0-28-amd64 'CONFIG_X=y\n'
put $t proc/cmdline 'root=/dev/sda1 isolcpus=4-7\n'
put $t proc/loadavg '0.50 0.25 0.10 2/345 678\n'
put $t proc/uptime '12345.67 1.0\n'
put $t etc/os-release 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n'
put $t sys/devices/system/clocksource/clocksource0/current_clocksource 'tsc\n'
put $t sys/devices/system/cpu/vulnerabilities/meltdown 'Not affected\n'
put $t sys/devices/system/cpu/vulnerabilities/spectre_v2 'Mitigation: Enhanced IBRS\n'
put $t sys/class/dmi/id/sys_vendor 'Dell Inc.\n'
put $t sys/class/dmi/id/product_name 'PowerEdge R650\n'
put $t sys/class/hwmon/hwmon0/name 'nvme\n'
put $t sys/class/hwmon/hwmon0/temp1_input '91000\n'
put $t sys/class/hwmon/hwmon3/name 'coretemp\n'
put $t sys/class/hwmon/hwmon3/temp1_input '41000\n'
put $t sys/class/hwmon/hwmon3/temp2_input '43500\n'
put $t proc/pressure/cpu 'some avg10=1.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n'

say () { facts "$@" >said.facts; }

say intel cpu_vendor cpu_family cpu_model cpu_model_number cpu_stepping microcode cpus cpus_online cpus_isolated cpus_nohz_full \
	sockets cores smt smt_control cache_l1d cache_l3 virtualisation container machine
try 'Intel: processors' 0 'cat said.facts' <<'END'
cpu_vendor=GenuineIntel
cpu_family=6
cpu_model="Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz"
cpu_model_number=106
cpu_stepping=6
microcode="0xd0003b9"
cpus=8
cpus_online=0-7
cpus_isolated=4-7
cpus_nohz_full=none
sockets=2
cores=4
smt=on
smt_control=on
cache_l1d=49152 bytes
cache_l3=44040192 bytes
virtualisation=none
container=-
machine="PowerEdge R650"
END
say intel cpufreq_driver governor freq_min freq_max freq epp turbo intel_pstate amd_pstate cstates cstates_disabled \
	throttled_core throttled_package temperature
try 'Intel: frequencies, idle states, heat' 0 'cat said.facts' <<'END'
cpufreq_driver=intel_pstate
governor="performance@0-2,4 powersave@3,5-7"
freq_min=800000000 hz
freq_max=3100000000 hz
freq="2000000000@0-3 3000000000@4-7" hz
epp=balance_performance
turbo=on
intel_pstate=active
amd_pstate=-
cstates=POLL,C6
cstates_disabled="C6@0-1 none@2-7"
throttled_core=16
throttled_package=5
temperature=43.5 celsius
END
say intel memory memory_available swap swap_free hugepage hugepages_2048kB hugepages_free thp thp_defrag ksm numa_balancing \
	numa_demotion nodes node0_memory node1_memory node1_cpus node_distances
try 'Intel: memory and nodes' 0 'cat said.facts' <<'END'
memory=134217728 bytes
memory_available=67108864 bytes
swap=1048576 bytes
swap_free=524288 bytes
hugepage=2097152 bytes
hugepages_2048kB=512
hugepages_free=3
thp=madvise
thp_defrag=madvise
ksm=on
numa_balancing=1
numa_demotion=on
nodes=2
node0_memory=67108864 bytes
node1_memory=67108864 bytes
node1_cpus=4-7
node_distances="10 21,21 10"
END
say intel kernel host os cmdline aslr perf_paranoid perf_max_sample_rate clocksource load load5 load15 running tasks uptime \
	pressure_cpu vulnerability_meltdown vulnerability_spectre_v2 uid git_commit tool_cc
try 'Intel: the kernel and its load; of this machine nothing' 0 'cat said.facts' <<'END'
kernel=5.10.0-28-amd64
host=node17
os="Debian GNU/Linux 11 (bullseye)"
cmdline="root=/dev/sda1 isolcpus=4-7"
aslr=full
perf_paranoid=-1
perf_max_sample_rate=63000
clocksource=tsc
load=0.5
load5=0.25
load15=0.1
running=2
tasks=345
uptime=12345670000000 ns
pressure_cpu=1.5 percent
vulnerability_meltdown="Not affected"
vulnerability_spectre_v2="Mitigation: Enhanced IBRS"
uid=-
git_commit=-
tool_cc=-
END

# AMD with acpi-cpufreq and boost, two threads of a core of which one is off, as a guest of VMware.
t=amd
for c in 0 2; do
	printf 'processor\t: %d\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7543\nstepping\t: 1\nmicrocode\t: 0xa0011d1\ncpu MHz\t\t: %d.404\nflags\t\t: fpu hypervisor\n\n' $c 2794 >>cpuinfo
	put $t sys/devices/system/cpu/cpu$c/topology/physical_package_id '0\n'
	put $t sys/devices/system/cpu/cpu$c/topology/core_id "$c\n"
done
mkdir -p $t/proc && mv cpuinfo $t/proc
put $t sys/devices/system/cpu/online '0,2\n'
put $t sys/devices/system/cpu/smt/active '0\n'
put $t sys/devices/system/cpu/smt/control 'off\n'
put $t sys/devices/system/cpu/cpufreq/boost '0\n'
per $t '0 2' cpufreq/scaling_driver 'acpi-cpufreq\n'
per $t '0 2' cpufreq/scaling_governor 'ondemand\n'
per $t '0' cpufreq/scaling_max_freq '2800000\n'
put $t sys/class/dmi/id/sys_vendor 'VMware, Inc.\n'
put $t .dockerenv ''
say amd cpu_model cpus sockets cores smt smt_control turbo cpufreq_driver governor freq_max freq virtualisation container
try 'AMD: boost, threads off, a guest' 0 'cat said.facts' <<'END'
cpu_model="AMD EPYC 7543"
cpus=2
sockets=1
cores=2
smt=off
smt_control=off
turbo=off
cpufreq_driver=acpi-cpufreq
governor=ondemand
freq_max=2800000000@0 hz
freq=2794000000 hz
virtualisation=vmware
container=docker
END

# amd-pstate says boost for each CPU; a hypervisor that nobody knows.
t=pstate
put $t proc/cpuinfo 'processor\t: 0\nmodel name\t: Core A@1\nflags\t\t: fpu hypervisor\n\nprocessor\t: 1\nmodel name\t: Core B@2\nflags\t\t: fpu sse\n'
put $t sys/devices/system/cpu/online '0-1\n'
per $t 0 cpufreq/boost '1\n'
per $t 1 cpufreq/boost '0\n'
put $t sys/devices/system/cpu/amd_pstate/status 'active\n'
put $t sys/devices/system/node/node10/distance '20 10\n'
put $t sys/devices/system/node/node2/distance '10 20\n'
say pstate turbo amd_pstate virtualisation smt cpu_model nodes node_distances
try 'amd-pstate' 0 'cat said.facts' <<'END'
turbo="on@0 off@1"
amd_pstate=active
virtualisation=other
smt=-
cpu_model="Core_A_1@0 Core_B_2@1"
nodes=2
node_distances="10 20,20 10"
END
holds 'flags that differ between CPUs are seen' "leat sysinfo -t --root pstate | grep 'name=cpu_flags	value=\"[0-9a-f]*@0 [0-9a-f]*@1\"'"

# ARM, of which cpuinfo says other things; big and little cores; without a list of those online.
t=arm
for c in 0 1 2 3; do
	printf 'processor\t: %d\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x%d\nCPU part\t: 0x%s\nCPU revision\t: 3\n\n' $c 0 "$([ $c -lt 2 ] && echo d03 || echo d09)" >>cpuinfo
	mkdir -p $t/sys/devices/system/cpu/cpu$c
done
mkdir -p $t/proc && mv cpuinfo $t/proc
put $t proc/device-tree/model 'Raspberry Pi 4 Model B Rev 1.4\0'
put $t sys/class/thermal/thermal_zone0/type 'cpu-thermal\n'
put $t sys/class/thermal/thermal_zone0/temp '52089\n'
say arm cpu_implementer cpu_part cpu_architecture cpu_revision cpus smt virtualisation machine temperature cpu_model governor turbo
try 'ARM' 0 'cat said.facts' <<'END'
cpu_implementer="0x41"
cpu_part="0xd03@0-1 0xd09@2-3"
cpu_architecture=8
cpu_revision=3
cpus=4
smt=-
virtualisation=-
machine="Raspberry Pi 4 Model B Rev 1.4"
temperature=52.089 celsius
cpu_model=-
governor=-
turbo=-
END
try 'an empty tree says nothing, and that is all' 0 'mkdir none; leat sysinfo -t --root none | cut -f 1 | uniq' <<'END'
#leat 1
start
clock
end
END
silent
try 'a tree that is not there' 2 'leat sysinfo --root nosuch' </dev/null
said '^leat sysinfo: --root: nosuch: No such file'
holds 'a FIFO in a tree does not stop it' 'mkdir -p fifo/proc; mkfifo fifo/proc/cpuinfo; timeout 5 leat sysinfo --root fifo >/dev/null'
# Root may read all, unless it gave that up.
plain=
[ "$(id -u)" -ne 0 ] || plain='setpriv --bounding-set=-all --inh-caps=-all'
if $plain true 2>/dev/null; then
	holds 'what may not be read is counted' "cp -r amd closed; chmod 0 closed/sys/devices/system/cpu/cpufreq/boost closed/proc/cpuinfo
		$plain leat sysinfo -t --root closed >out; grep '^lost	t=[0-9]*	n=[1-9][0-9]*	why=unreadable	files=.*closed/sys/devices/system/cpu/cpufreq/boost' out && leat audit out && ! grep name=turbo out"
else
	skip 'what may not be read is counted' 'setpriv is not allowed here'
fi

### --diff

for m in intel amd; do leat sysinfo --root $m -o $m.leat; done
cp -r intel other
for c in 3 5 6 7; do put other sys/devices/system/cpu/cpu$c/cpufreq/scaling_governor 'performance\n'; done
put other sys/devices/system/cpu/intel_pstate/no_turbo '1\n'
put other proc/loadavg '3.50 0.25 0.10 2/345 678\n'
put other proc/sys/kernel/perf_event_max_sample_rate '25000\n'
put other proc/sys/kernel/watchdog '1\n'
rm other/boot/config-5.10.0-28-amd64
leat sysinfo --root other -o other.leat
try '--diff: what differs' 1 'leat sysinfo --diff intel.leat other.leat' <<END
# sysinfo-diff a=intel.leat b=other.leat different=5
section	name	a	b
kernel	kernel_config	$(facts intel kernel_config | cut -d= -f2 | tr -d '"')	
perf	perf_max_sample_rate	63000	25000
frequency	governor	performance@0-2,4 powersave@3,5-7	performance
frequency	turbo	on	off
kernel	watchdog		1
END
silent
try '--diff --all: loads, too' 0 'leat sysinfo --diff intel.leat other.leat --all | tail -n 2' <<'END'
load	load	0.5	3.5
kernel	watchdog		1
END
try 'what is told several times: the last counts, and once' 1 'leat cat -t other.leat intel.leat >both; leat sysinfo --diff both amd.leat | grep governor; leat sysinfo --diff both other.leat >got2' <<'END'
frequency	governor	performance@0-2,4 powersave@3,5-7	ondemand
END
try 'nothing differs' 0 'leat sysinfo --diff intel.leat intel.leat' <<'END'
# sysinfo-diff a=intel.leat b=intel.leat different=0
section	name	a	b
END
try '--diff needs two' 2 'leat sysinfo --diff intel.leat' </dev/null
said 'B, is missing'
try '--diff of what is no such trace' 2 'printf "#leat 1\n" | leat sysinfo --diff - intel.leat' </dev/null
said '^leat sysinfo: -: no info records'
try '--diff of a file that is not there' 2 'leat sysinfo --diff nosuch intel.leat' </dev/null
said '^leat sysinfo: nosuch: No such file'

### --check

cat >policy <<'END'
# what a run needs
governor = performance      # on all
turbo=off

smt = on
load<0.5
kernel ~ ^6\.
kernel >= 5.4
memory >= 64MiB
memory > 1GiB
freq_max <= 3.1GHz
uptime > 1h
thp in [never, always]
aslr != full
perf_paranoid <= 0
numa_balancing = off
cpu_model ~ "Xeon.*6330"
temperature < 40
mains = on
END
try '--check: a line for each rule that does not hold' 1 'leat sysinfo --root intel --check policy' <<'END'
governor is powersave on 4 of 8 CPUs, not performance: cpupower frequency-set -g performance
turbo is on, not off: echo 1 >/sys/devices/system/cpu/intel_pstate/no_turbo
load is 0.5, not below 0.5: wait until the machine is idle; see top
kernel is 5.10.0-28-amd64, which does not match ^6\.
memory is 128 MiB, not above 1GiB
thp is madvise, none of never, always: echo never >/sys/kernel/mm/transparent_hugepage/enabled
aslr is full, and must not be full
numa_balancing is 1, not off: sysctl kernel.numa_balancing=0
temperature is 43.5 celsius, not below 40: let the machine cool down
mains: this machine does not say
END
silent
try '--check --from a trace: the same' 0 'leat sysinfo --from intel.leat --check policy | tail -n 2' <<'END'
temperature is 43.5 celsius, not below 40: let the machine cool down
mains: this trace does not say
END
try 'names that are nearly right' 1 'for n in govenor turbos cpu_modle clocksorce loadx nosuch; do leat sysinfo --root intel --require "$n=1"; s=$?; done; exit $s' <<'END'
govenor: this machine does not say (is it governor that is meant?)
turbos: this machine does not say (is it turbo that is meant?)
cpu_modle: this machine does not say (is it cpu_model that is meant?)
clocksorce: this machine does not say (is it clocksource that is meant?)
loadx: this machine does not say (is it load that is meant?)
nosuch: this machine does not say
END
try 'boost is switched elsewhere' 1 'leat sysinfo --root amd --require turbo=on' <<'END'
turbo is off, not on: echo 1 >/sys/devices/system/cpu/cpufreq/boost
END
try 'values of CPUs, each' 1 'leat sysinfo --root intel --require "freq < 2.5 GHz" --require "freq > 1GHz"' <<'END'
freq is 3 GHz on 4 of 8 CPUs, not below 2.5 GHz: cpupower frequency-set -d FREQ -u FREQ holds it there
END
try 'several values' 1 'leat sysinfo --root intel --require governor=schedutil' <<'END'
governor is performance on 4, powersave on 4 of 8 CPUs, not schedutil: cpupower frequency-set -g schedutil
END
try 'all holds' 0 'leat sysinfo --root intel --require "kernel<5.11" --require "kernel > 5.9" --require microcode=0xD0003B9 \
	--require "swap<=1MiB" --require ksm=yes --require "cpus in [4, 8]" --require "host!~node18" --require "cpu_vendor==GenuineIntel"' </dev/null
silent
try 'a number is no other in another writing' 1 'leat sysinfo --root intel --require cpus=08.0 --require cpus=9' <<'END'
cpus is 8, not 9
END
try 'what cannot be compared' 1 'leat sysinfo --root intel --require "governor<5" --require "host > 1"' <<'END'
governor is performance on 4, powersave on 4 of 8 CPUs, which cannot be compared with 5
host is node17, which cannot be compared with 1
END
try 'before and after: each time' 1 'leat cat -t intel.leat other.leat | leat sysinfo --from - --require "load<1" --require kernel~5' <<'END'
load is 3.5, not below 1: wait until the machine is idle; see top
END
try 'a policy of comments alone' 0 'printf "# nothing\n\n" >comments; leat sysinfo --check comments' </dev/null
n=0
for bad in 'governor' '= 5' 'governor =' 'a <> 5' 'load < much' 'kernel ~ (' 'thp in never' 'thp in []' 'thp in [a,,b]' 'a b = 5' 'a ~ ((((x{9}){9}){9}){9}){9}'; do
	n=$((n + 1))
	printf '\n%s\n' "$bad" >bad
	try "a syntax error: $bad" 2 'leat sysinfo --root none --check bad' </dev/null
	said '^leat sysinfo: bad:2: '
done
try 'a policy that is not there' 2 'leat sysinfo --check nosuch' </dev/null
said '^leat sysinfo: nosuch: No such file'
try 'a policy from standard input' 1 'echo smt=off | leat sysinfo --root intel --check -' <<'END'
smt is on, not off: echo off >/sys/devices/system/cpu/smt/control
END
try 'bytes are no policy' 2 'head -c 100 /dev/zero >zero; leat sysinfo --check zero' </dev/null
said '^leat sysinfo: zero:1: this is no text'
try '--check -o' 1 'leat sysinfo --root intel --require turbo=off -o reasons; s=$?; cat reasons; exit $s' <<'END'
turbo is on, not off: echo 1 >/sys/devices/system/cpu/intel_pstate/no_turbo
END

### -i

holds 'readings: their number, at their times, and the stream has its end' 'leat sysinfo -t -i 50ms -n 4 >use
	[ "$(grep -c "name=busy	.*section=cpu" use)" -eq 4 ] && tail -n 1 use | grep "^end	tool=sysinfo" && leat audit use
	awk -F"[\t=]" "/name=run_queue/ { if (t && (\$3 - t < 20e6 || \$3 - t > 3e9)) exit 1; t = \$3; n++ } END { exit n != 4 }" use'
holds 'shares add up to 1' "awk -F'\t' '/section=cpu/ && /unit=share/ && /name=(user|system|idle|iowait|irq|steal)\t/ { sub(/value=/, \"\", \$4); s[\$2] += \$4 }
	END { for (t in s) if (s[t] < 0.999 || s[t] > 1.001) exit 1 }' use"
holds 'a signal ends it, and it ends its trace' 'for s in INT TERM HUP; do
	perl -e "\$SIG{\$ARGV[0]} = \"DEFAULT\"; shift; exec @ARGV or die" $s leat sysinfo -t -i 10s >ended & sleep 0.3
	kill -$s $! && wait $! || exit 1
	[ "$(tail -n 1 ended | cut -f 1,2)" = "end	tool=sysinfo" ] || exit 1; done'
holds 'a reading is there at once' 'mkfifo pipe; leat sysinfo -f -i 200ms >pipe & leat cat -t <pipe >live & sleep 1; grep -q ^stat live; s=$?; kill $!; kill %1 2>/dev/null; wait; exit $s'
mkdir -p box/proc
printf 'cpu  0 0 0 0 0 0 0 0 0 0\nctxt 1000\n' >box/proc/stat
holds 'late readings: rates are by the time that passed' '
	{ sleep 0.3; printf "cpu  10 0 0 30 0 0 0 0 0 0\nctxt 2000\n" >new; mv new box/proc/stat; } & leat sysinfo -t --root box -i 0.6 -n 1 >one; wait
	awk -F"\t" "/name=context_switches\t/ { sub(/value=/, \"\", \$4); n = \$4 } /name=context_switches_rate/ { sub(/value=/, \"\", \$4); r = \$4 }
		/name=user\t/ { sub(/value=/, \"\", \$4); u = \$4 } END { exit n + 0 != 1000 || r + 0 > 1700 || r + 0 < 200 || u + 0 != 0.25 }" one'
holds 'what goes is counted as lost' 'printf "cpu  1 1 1 1 1 1 1 1\nctxt 5\nprocesses 5\n" >box/proc/stat
	{ sleep 0.15; echo "ctxt 4" >new; mv new box/proc/stat; } & leat sysinfo -t --root box -i 300ms -n 1 >one; wait
	grep "^lost	t=[0-9]*	n=9	why=gone$" one && grep "^lost	t=[0-9]*	n=1	why=counter-fell$" one && grep "^end	tool=sysinfo	made=[0-9]*	lost=10$" one && leat audit one'
try '--strict' 2 '{ sleep 0.15; echo "ctxt 1" >new; mv new box/proc/stat; } & leat sysinfo --strict -t --root box -i 300ms -n 1 >/dev/null' </dev/null

### cgroups and containers

id=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
pod=aaaa456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
t=host
for g in system.slice/docker-$id.scope kubepods.slice/kubepods-pod7.slice/cri-containerd-$pod.scope machine.slice/machine-my\\x2dvm.scope \
	machine.slice/libpod-conmon-$id.scope lxc/web2 user.slice; do
	mkdir -p "$t/sys/fs/cgroup/$g"
	: >"$t/sys/fs/cgroup/$g/cgroup.procs"
	echo 77 >"$t/sys/fs/cgroup/$g/pids.current"
done
mkdir -p $t/sys/fs/cgroup/system.slice/docker-$id.scope/$id
: >$t/sys/fs/cgroup/cgroup.procs
mkdir -p "$t/var/lib/docker/containers/$id" "$t/var/log/containers" "$t/var/lib/containers/storage/overlay-containers"
printf '{"StreamConfig":{},"Name":"/web","RestartPolicy":{"Name":"no"}}' >"$t/var/lib/docker/containers/$id/config.v2.json"
: >"$t/var/log/containers/front-7d4b9_prod_nginx-$pod.log"
printf '[{"id":"%s","names":["gone"],"x":1}]' feed456789abcdef >"$t/var/lib/containers/storage/overlay-containers/containers.json"
of () { printf 'leat sysinfo -t --root host -i 20ms -n 1 %s | sed -n "s/^stat.*name=pids\t.*\tcgroup=/cgroup=/p"' "$1"; }
for c in web "$id" 0123456789ab nginx front-7d4b9 front-7d4b9_prod_nginx my-vm web2; do
	try "--container $c" 0 "$(of "--container $c")" <<-END
	cgroup=$c
	END
done
try '--cgroup by path' 0 "$(of '--cgroup user.slice --cgroup /lxc/web2 --cgroup host/sys/fs/cgroup/lxc/web2')" <<'END'
cgroup=user.slice
cgroup=lxc/web2
cgroup=lxc/web2
END
try 'a container that is not there' 2 'leat sysinfo --root host -i 1 --container nosuch' </dev/null
said '^leat sysinfo: --container: nosuch: no container has that name or id'
try 'one that does not run' 2 'leat sysinfo --root host -i 1 --container gone' </dev/null
said 'gone: this container does not run (its id is feed456789ab)'
mkdir -p host/sys/fs/cgroup/b/web2
try 'two of one name' 2 'leat sysinfo --root host -i 1 --container web2' </dev/null
said 'web2: several containers are called so: give one with --cgroup: .*b/web2'
try 'a cgroup that is not there' 2 'leat sysinfo --root host -i 1 --cgroup nosuch' </dev/null
said '^leat sysinfo: --cgroup: nosuch: no such cgroup'
mkdir -p old/sys/fs/cgroup/memory/docker/$id old/sys/fs/cgroup/cpuacct/docker/$id
for f in memory cpuacct memory/docker/$id cpuacct/docker/$id; do : >"old/sys/fs/cgroup/$f/cgroup.procs"; done
echo 4096 >old/sys/fs/cgroup/memory/docker/$id/memory.usage_in_bytes
try 'version 1' 0 'leat sysinfo -t --root old -i 20ms -n 1 --container 0123456 | grep memory_bytes | cut -f 3-' <<'END'
name=memory_bytes	value=4096	unit=bytes	section=cgroup	cgroup="0123456"
END

### Usage

try 'an operand' 2 'leat sysinfo x' </dev/null
said '^leat sysinfo: an operand: x'
for bad in '-i 0' '-i x' '-n 3' '-n 0 -i 1' '--cgroup /' '--from intel.leat' '--all' '-i 1 --check policy' '--check policy --diff a b'; do
	try "usage: $bad" 2 "leat sysinfo $bad" </dev/null
done

finish
