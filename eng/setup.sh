#!/usr/bin/env bash
# Installs what building, the demo, the tests and the benchmarks need. Does nothing, fast, when all of it is there.
# Usage: eng/setup.sh [GROUP]...      GROUP: build, demo, bench, test (build, demo and bench as well; without a group, this one),
#        kernels (make test-kernels), kubernetes (eng/kubernetes.sh), images (make images),
#        images-amd64, images-arm64 (make images for these on a machine of another architecture), native-amd64, native-arm64 (make cli, likewise)
# Debian and Ubuntu, as root: installs what is missing. Elsewhere, or not as root: says what is missing and how to get it; exit code 1.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
exec 3>&2

# One line per need: what proves that it is there | Debian | Ubuntu | Fedora, RHEL | Arch
# A proof with a slash is a file (patterns allowed, several separated by commas), any other a command.
build='clang|clang|clang|clang|clang
llvm-strip|llvm|llvm|llvm|llvm
/usr/include/bpf/libbpf.h|libbpf-dev|libbpf-dev|libbpf-devel|libbpf
/usr/include/stdio.h|libc6-dev|libc6-dev|glibc-devel|glibc
make|make|make|make|make'
demo='/usr/lib/*/libnftables.so.1,/usr/lib64/libnftables.so.1,/usr/lib/libnftables.so.1|libnftables1|libnftables1|nftables|nftables
/usr/lib/*/libssl.so.3,/usr/lib64/libssl.so.3,/usr/lib/libssl.so.3|libssl3|libssl3|openssl-libs|openssl
nft|nftables|nftables|nftables|nftables
ip|iproute2|iproute2|iproute iproute-tc|iproute2
nginx|nginx|nginx|nginx|nginx
curl|curl|curl|curl|curl
tcpdump|tcpdump|tcpdump|tcpdump|tcpdump
/usr/*/nginx/modules/ngx_stream_module.so|libnginx-mod-stream|libnginx-mod-stream|nginx-mod-stream|nginx-mod-stream'
bench='openssl|openssl|openssl|openssl|openssl
wrk|wrk|wrk|wrk|wrk
iperf3|iperf3|iperf3|iperf3|iperf3
nghttp|nghttp2-client|nghttp2-client|nghttp2|nghttp2
ethtool|ethtool|ethtool|ethtool|ethtool'
test='clang-format|clang-format|clang-format|clang-tools-extra|clang
bpftool|bpftool|linux-tools-generic|bpftool|bpf
/usr/include/libelf.h|libelf-dev|libelf-dev|elfutils-libelf-devel|libelf
/usr/include/openssl/ssl.h|libssl-dev|libssl-dev|openssl-devel|openssl
/usr/include/nftables/libnftables.h|libnftables-dev|libnftables-dev|nftables-devel|nftables
gcc|gcc|gcc|gcc|gcc
iptables-nft|iptables|iptables|iptables-nft|iptables
iptables-legacy|iptables|iptables|iptables-legacy|iptables
ping|iputils-ping|iputils-ping|iputils|iputils
haproxy|haproxy|haproxy|haproxy|haproxy
unbound|unbound|unbound|unbound|unbound
dnsdist|dnsdist|dnsdist|dnsdist|dnsdist
dig|bind9-dnsutils|bind9-dnsutils|bind-utils|bind
socat|socat|socat|socat|socat
dnsmasq|dnsmasq-base|dnsmasq-base|dnsmasq|dnsmasq'
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
# clang links with what gcc brings for the other architecture.
native_arm64='aarch64-linux-gnu-gcc|gcc-aarch64-linux-gnu|gcc-aarch64-linux-gnu|gcc-aarch64-linux-gnu|aarch64-linux-gnu-gcc
/usr/aarch64-*/include/stdio.h|libc6-dev-arm64-cross|libc6-dev-arm64-cross|sysroot-aarch64-fc42-glibc|aarch64-linux-gnu-glibc'
native_amd64='x86_64-linux-gnu-gcc|gcc-x86-64-linux-gnu|gcc-x86-64-linux-gnu|gcc-x86_64-linux-gnu|x86_64-linux-gnu-gcc
/usr/x86_64-*/include/stdio.h|libc6-dev-amd64-cross|libc6-dev-amd64-cross|sysroot-x86_64-fc42-glibc|x86_64-linux-gnu-glibc'
# mmdebstrap asks arch-test.
images_arm64="$native_arm64
qemu-aarch64-static|qemu-user-static|qemu-user-static|qemu-user-static-aarch64|qemu-user-static
arch-test|arch-test|arch-test|arch-test|arch-test"
images_amd64="$native_amd64
qemu-x86_64-static|qemu-user-static|qemu-user-static|qemu-user-static-x86|qemu-user-static
arch-test|arch-test|arch-test|arch-test|arch-test"

needs=
need() { # list
	needs="$needs${needs:+
}$1"
}

case "$(uname -m)" in
x86_64) own=amd64 ;;
aarch64) own=arm64 ;;
*) own= ;;
esac
[ $# -gt 0 ] || set -- test
for group; do
	case "$group" in
	build) need "$build" ;;
	demo) need "$build" && need "$demo" ;;
	bench) need "$build" && need "$demo" && need "$bench" ;;
	test) need "$build" && need "$demo" && need "$bench" && need "$test" ;;
	kernels) need "$build" && need "$kernels" ;;
	kubernetes) need "$kubernetes" ;;
	images) need "$build" && need "$images" ;;
	"images-$own" | "native-$own") ;;
	images-amd64) need "$images_amd64" ;;
	images-arm64) need "$images_arm64" ;;
	native-amd64) need "$native_amd64" ;;
	native-arm64) need "$native_arm64" ;;
	*)
		echo "setup: unknown group '$group'" >&3
		sed -n '2,6s/^# //p' "$0" >&3
		exit 2
		;;
	esac
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
	*/*)
		local pattern
		for pattern in ${1//,/ }; do
			[ ! -e "$pattern" ] || return 0
		done
		return 1
		;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

names() { # number: the packages of all missing needs, on one line
	echo "$missing" | cut -d'|' -f"$1" | tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//'
}

missing=
while IFS= read -r line; do
	is_there "${line%%|*}" || missing="$missing${missing:+
}$line"
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
		while IFS= read -r line; do
			is_there "${line%%|*}" || {
				echo "setup: ${line%%|*} is still not there after installing $(echo "$line" | cut -d'|' -f2)" >&3
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
