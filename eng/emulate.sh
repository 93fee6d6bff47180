#!/usr/bin/env bash
# Runs a command where programs of an architecture run too, by qemu where that is not this machine's. For images of other architectures, whose packages have scripts.
# The kernel is told of qemu in a user namespace of the command's own (Linux 6.7): the machine's other programs see nothing of it, and nothing is left to be undone.
# Older kernels know it for the whole machine only, which is left to whom the machine belongs: where qemu is registered there, that is used.
# Usage, as root: eng/emulate.sh amd64|arm64 COMMAND...
set -euo pipefail

refuse() {
	echo "emulate: $*" >&2
	exit 1
}

[ $# -ge 2 ] || {
	sed -n '5s/^# //p' "$0" >&2
	exit 2
}
# What an ELF file of 64 bits has as its machine, little-endian.
case "$1" in
amd64) machine=x86_64 number='\x3e\x00' ;;
arm64) machine=aarch64 number='\xb7\x00' ;;
*) refuse "$1 is not known; there is: amd64, arm64" ;;
esac
shift
[ "$machine" != "$(uname -m)" ] || exec "$@"
# F: qemu was opened when it was registered, so that it is found in other root file systems too.
! grep -qs '^flags:.*F' "/proc/sys/fs/binfmt_misc/qemu-$machine" || exec "$@"

qemu=$(command -v "qemu-$machine-static") || refuse "qemu-$machine-static was not found (Debian: qemu-user-static)"
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00'$number
# Any OS ABI; programs (2) and position independent ones (3).
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

# Who gives the namespace its users has to stand outside of it. All that packages and images use, each as itself; not all there are, by which tools would take it for the machine's own.
coproc users {
	read -r _
	echo "0 0 65536" >"/proc/$$/uid_map"
	echo "0 0 65536" >"/proc/$$/gid_map"
	echo given
}
# Opened anew: those of bash itself end where another program begins.
exec 3<"/proc/self/fd/${users[0]}" 4>"/proc/self/fd/${users[1]}"
# shellcheck disable=SC2016
exec unshare --user --mount --propagation private bash -c '
	echo >&4
	read -r _ <&3 || { echo "emulate: a user namespace for it can not be had" >&2; exit 1; }
	exec 3<&- 4>&-
	# As its root only from here on.
	exec bash -c "$@"
' emulate '
	mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null && printf %s "$1" >/proc/sys/fs/binfmt_misc/register || {
		echo "emulate: this kernel can not be told of $0 for a single command (Linux 6.7 can): register it for the machine (Debian: apt-get install qemu-user-static binfmt-support)" >&2
		exit 1
	}
	shift
	exec "$@"
' "qemu-$machine" ":qemu-$machine:M::$magic:$mask:$qemu:F" "$@"
