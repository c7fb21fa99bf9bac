#!/bin/sh
# fresh.t - each line of the README works alone, in a Debian 12 that has nothing but git, make and sudo
. tests/lib.sh

[ "$(id -u)" -eq 0 ] || skip_all 'only root can make a root directory for others'
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
if [ -d "${FRESH_ROOT:-}" ]; then # one that was made before
	cp -a "$FRESH_ROOT" first
else
	command -v debootstrap >/dev/null || skip_all 'debootstrap is missing'
	debootstrap --variant=minbase --include=git,make,ca-certificates,sudo bookworm first "$mirror" >log 2>&1 ||
		skip_all "no Debian could be made from $mirror: $(tail -n 1 log)"
fi
cp /etc/resolv.conf first/etc
chroot first useradd -m user
echo 'user ALL=(ALL) NOPASSWD: ALL' >first/etc/sudoers.d/user
GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
export GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0
git clone -q "$TOP" first/home/user/leat || bad 'a clone'
chroot first chown -R user:user /home/user/leat
cp -a first second

# as ROOT COMMAND: by the user, in the checkout; what is mounted for it is gone with it.
cat >as <<'END'
mount --bind /proc "$1/proc" && mount --bind /sys "$1/sys" && mount --rbind /dev "$1/dev" || exit 2
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb chroot "$1" su user -c "cd /home/user/leat && $2"
END
as='unshare -m sh as'

holds 'without root: which packages are missing' "$as first make 2>&1 | grep '^some packages are missing: sudo apt-get install gcc '"
holds 'sudo make demo' "$as first 'sudo make demo'"
cp got demo.log
holds 'the pictures, and where they are' 'grep -q "build/demo/shape.svg" demo.log && [ "$(find first/home/user/leat/build/demo -name "*.svg" -size +5k | wc -l)" -eq 3 ]'
holds 'two tables of ten functions' '[ "$(grep -c "^ *[0-9][0-9.]*%* .*alpha_leaf\|^ *SELF" demo.log)" -ge 2 ]'
holds 'what is built belongs to the user' '[ -z "$(find first/home/user/leat -user root)" ]'
holds 'make again, without root' "$as first make"
holds 'sudo make check' "$as second 'sudo make check' >check.log 2>&1 || { grep -A 20 ^FAIL check.log; tail -n 3 check.log; exit 1; }"
holds 'says how many' "tail -n 1 check.log | grep -E '^[0-9]+ passed, 0 failed, [0-9]+ skipped\$'"
holds 'and its files belong to the user, too' '[ -z "$(find second/home/user/leat -user root)" ]'
holds 'nothing is installed twice' "$as second 'sudo sh scripts/packages install build run test' | wc -l | grep -x 0"

finish
