#!/usr/bin/env bash
# Makes sure that what building, testing and measuring need is installed. Does nothing, fast, when it is.
# Usage: eng/setup.sh [--optional GROUP]...      GROUP: kernels (make test-kernels), kubernetes (eng/kubernetes.sh), images (make images),
#        images-amd64, images-arm64 (make images for these on a machine of another architecture)
# Debian and Ubuntu, as root: installs what is missing. Elsewhere, or not as root: says what is missing and how to get it; exit code 1.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
exec 3>&2

# One line per need: what proves that it is there | Debian | Ubuntu | Fedora, RHEL | Arch
# A proof with a slash is a file (patterns allowed), any other a command; - means that nothing proves it.
needs='clang|clang|clang|clang|clang
llvm-strip|llvm|llvm|llvm|llvm
clang-format|clang-format|clang-format|clang-tools-extra|clang
/usr/include/bpf/libbpf.h|libbpf-dev|libbpf-dev|libbpf-devel|libbpf
bpftool|bpftool|linux-tools-generic|bpftool|bpf
/usr/include/libelf.h|libelf-dev|libelf-dev|elfutils-libelf-devel|libelf
/usr/include/openssl/ssl.h|libssl-dev|libssl-dev|openssl-devel|openssl
openssl|openssl|openssl|openssl|openssl
gcc|gcc|gcc|gcc|gcc
/usr/include/stdio.h|libc6-dev|libc6-dev|glibc-devel|glibc
make|make|make|make|make
nft|nftables|nftables|nftables|nftables
/usr/include/nftables/libnftables.h|libnftables-dev|libnftables-dev|nftables-devel|nftables
iptables-nft|iptables|iptables|iptables-nft|iptables
iptables-legacy|iptables|iptables|iptables-legacy|iptables
ip|iproute2|iproute2|iproute iproute-tc|iproute2
ping|iputils-ping|iputils-ping|iputils|iputils
ethtool|ethtool|ethtool|ethtool|ethtool
tcpdump|tcpdump|tcpdump|tcpdump|tcpdump
iperf3|iperf3|iperf3|iperf3|iperf3
wrk|wrk|wrk|wrk|wrk
nghttp|nghttp2-client|nghttp2-client|nghttp2|nghttp2
nginx|nginx|nginx|nginx|nginx
/usr/*/nginx/modules/ngx_stream_module.so|libnginx-mod-stream|libnginx-mod-stream|nginx-mod-stream|nginx-mod-stream
haproxy|haproxy|haproxy|haproxy|haproxy
unbound|unbound|unbound|unbound|unbound
dnsdist|dnsdist|dnsdist|dnsdist|dnsdist
dig|bind9-dnsutils|bind9-dnsutils|bind-utils|bind
socat|socat|socat|socat|socat
dnsmasq|dnsmasq-base|dnsmasq-base|dnsmasq|dnsmasq
curl|curl|curl|curl|curl'
kernels='qemu-system-x86_64|qemu-system-x86|qemu-system-x86|qemu-system-x86|qemu-system-x86
busybox|busybox-static|busybox-static|busybox|busybox
mke2fs|e2fsprogs|e2fsprogs|e2fsprogs|e2fsprogs
cpio|cpio|cpio|cpio|cpio
depmod|kmod|kmod|kmod|kmod
xz|xz-utils|xz-utils|xz|xz'
# Elsewhere than on Debian and Ubuntu nothing is built: eng/kubernetes.sh says what to do.
kubernetes='gcc|gcc|gcc|gcc|gcc
make|make|make|make|make
rsync|rsync|rsync|rsync|rsync
dpkg-source|dpkg-dev|dpkg-dev|dpkg-dev|dpkg
xz|xz-utils|xz-utils|xz|xz'

images='buildah|buildah|buildah|buildah|buildah
mmdebstrap|mmdebstrap|mmdebstrap|mmdebstrap|mmdebstrap'
# gcc is what clang links with there. arch-test: mmdebstrap asks it.
images_arm64='qemu-aarch64-static|qemu-user-static|qemu-user-static|qemu-user-static-aarch64|qemu-user-static
arch-test|arch-test|arch-test|arch-test|arch-test
aarch64-linux-gnu-gcc|gcc-aarch64-linux-gnu|gcc-aarch64-linux-gnu|gcc-aarch64-linux-gnu|aarch64-linux-gnu-gcc
/usr/aarch64-*/include/stdio.h|libc6-dev-arm64-cross|libc6-dev-arm64-cross|sysroot-aarch64-fc42-glibc|aarch64-linux-gnu-glibc'
images_amd64='qemu-x86_64-static|qemu-user-static|qemu-user-static|qemu-user-static-x86|qemu-user-static
arch-test|arch-test|arch-test|arch-test|arch-test
x86_64-linux-gnu-gcc|gcc-x86-64-linux-gnu|gcc-x86-64-linux-gnu|gcc-x86_64-linux-gnu|x86_64-linux-gnu-gcc
/usr/x86_64-*/include/stdio.h|libc6-dev-amd64-cross|libc6-dev-amd64-cross|sysroot-x86_64-fc42-glibc|x86_64-linux-gnu-glibc'

while [ $# -gt 0 ]; do
	case "$1:${2:-}" in
	--optional:kernels) needs="$needs
$kernels" ;;
	--optional:kubernetes) needs="$needs
$kubernetes" ;;
	--optional:images) needs="$needs
$images" ;;
	--optional:images-amd64) [ "$(uname -m)" = x86_64 ] || needs="$needs
$images_amd64" ;;
	--optional:images-arm64) [ "$(uname -m)" = aarch64 ] || needs="$needs
$images_arm64" ;;
	--optional:*)
		echo "setup: unknown group '${2:-}'; there is: kernels, kubernetes, images, images-amd64, images-arm64" >&3
		exit 2
		;;
	*)
		sed -n '2,5s/^# //p' "$0" >&3
		exit 2
		;;
	esac
	shift 2
done

# Tools of the system lie in sbin, which the PATH of an ordinary user leaves out.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

distribution=other
if [ -r /etc/os-release ]; then
	case "$(. /etc/os-release && echo " ${ID:-} ${ID_LIKE:-} ")" in
	*' ubuntu '*) distribution=ubuntu ;;
	*' debian '*) distribution=debian ;;
	*' fedora '* | *' rhel '* | *' centos '*) distribution=fedora ;;
	*' arch '*) distribution=arch ;;
	esac
fi

is_there() {
	case "$1" in
	*/*) compgen -G "$1" >/dev/null ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

names() { # number: the packages of all missing needs, on one line
	echo "$missing" | cut -d'|' -f"$1" | tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//'
}

missing=
while IFS= read -r need; do
	is_there "${need%%|*}" || missing="$missing${missing:+
}$need"
done <<<"$needs"

install_debian() { # packages
	local policy=/usr/sbin/policy-rc.d saved=
	echo "setup: installing: $*" >&3
	# No package starts a service: 101 means "not allowed" to Debian's maintainer scripts.
	[ -e "$policy" ] && saved=$(mktemp) && cp -p "$policy" "$saved"
	restore() {
		if [ -n "$saved" ]; then mv -f "$saved" "$policy"; else rm -f "$policy"; fi
	}
	trap restore EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -q -o DPkg::Lock::Timeout=300 update
	apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold --no-install-recommends install "$@"
	restore
	trap - EXIT
	# Nor at the next start of the machine: these serve here as applications inside test networks only.
	local service
	for service in nginx haproxy unbound dnsdist; do
		case " $* " in
		*" $service "*)
			if command -v systemctl >/dev/null 2>&1; then systemctl --quiet disable "$service.service" || true; fi
			;;
		esac
	done
}

status=0
if [ -n "$missing" ]; then
	case $distribution in
	debian) packages=$(names 2) ;;
	ubuntu) packages=$(names 3) ;;
	*) packages= ;;
	esac
	if [ -n "$packages" ] && [ "$(id -u)" = 0 ]; then
		# shellcheck disable=SC2086
		install_debian $packages
		while IFS= read -r need; do
			is_there "${need%%|*}" || {
				echo "setup: ${need%%|*} is still not there after installing $(echo "$need" | cut -d'|' -f2)" >&3
				status=1
			}
		done <<<"$missing"
	else
		status=1
		{
			echo "setup: not found: $(names 1)"
			if [ -n "$packages" ]; then
				echo "setup: run as root: apt-get install $packages"
			else
				echo "setup: install these packages by hand; their names are"
				echo "  Debian:        $(names 2)"
				echo "  Ubuntu:        $(names 3)"
				echo "  Fedora, RHEL:  $(names 4)"
				echo "  Arch:          $(names 5)"
			fi
		} >&3
	fi
fi

wanted=$(sed -n 's/.*"sdk".*"version": *"\([^"]*\)".*/\1/p' "$root/global.json")
if ! command -v dotnet >/dev/null 2>&1; then
	status=1
	found="no dotnet command was found"
elif ! (cd "$root" && dotnet --version) >/dev/null 2>&1; then
	status=1
	found="there is only: $( (cd / && dotnet --list-sdks 2>/dev/null || true) | cut -d' ' -f1 | tr '\n' ' ')"
else
	found=
fi
if [ -n "$found" ]; then
	{
		echo "setup: the .NET SDK $wanted or a later patch of it is needed; $found"
		echo "setup: Debian: add Microsoft's package feed as their page \"Install .NET on Linux\" says, then apt-get install dotnet-sdk-10.0"
		echo "setup: Ubuntu, Fedora, RHEL: the package dotnet-sdk-10.0 of the distribution; Arch: dotnet-sdk"
	} >&3
fi
exit $status
