#!/usr/bin/env bash
# Gets Debian's newest kernel of a series (flavour "cloud", for virtual machines) and unpacks it, without installing anything: its release of Debian
# is read by an apt source list and state of this run's own, so that the machine's stay as they are. The mirror is that of the machine's own sources.
# Usage: eng/kernel-packages.sh SERIES FOLDER      makes FOLDER/vmlinuz, FOLDER/release (as uname -r says) and FOLDER/lib/modules; kept for the next run
# Environment: KERNEL_DEBS (folder with the packages, instead of a mirror), KERNEL_MIRROR (address of a Debian archive), KERNEL_SUITE (e.g. experimental)
set -euo pipefail
series=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
flavour=cloud-amd64

refuse() {
	echo "kernel-packages: $*" >&2
	exit 1
}

# The release of Debian that has a series; newer ones than those named are in sid.
suite_of() {
	case $1 in
	5.10) echo bullseye ;;
	6.1) echo bookworm ;;
	6.12) echo bookworm-backports ;;
	*) echo sid ;;
	esac
}

# Where this machine gets Debian's packages from.
mirror() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|Debian|//p' | head -1
}

own_apt() { # command, argument...: apt with nothing but this run's source list
	local command=$1
	shift
	"$command" -q -o "Dir::Etc::sourcelist=$folder/apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$folder/apt/lists" \
		-o "Dir::Cache=$folder/apt/cache" -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any "$@"
}

# Of names of packages, one per line: the newest kernel's release, e.g. 6.1.0-50-cloud-amd64.
newest_release() {
	sed -n "s/^linux-\(image\|binary\)-\(${series//./\\.}\.[0-9].*-$flavour\)$/\2/p" | sort -V | tail -1
}

# Up to 6.12 all of a kernel is in the image package; from 7.x that is empty, and others have it.
download() {
	local suite=${KERNEL_SUITE:-$(suite_of "$series")} address=${KERNEL_MIRROR:-$(mirror)} names
	[ -n "$address" ] || refuse "no source of Debian's packages on this machine; run apt-get update, or set KERNEL_MIRROR or KERNEL_DEBS"
	mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
	echo "deb $([ ! -e "$keyring" ] || echo "[signed-by=$keyring]") $address $suite main" >"$folder/apt/sources.list"
	own_apt apt-get update >"$folder/apt/log" 2>&1 || { cat "$folder/apt/log" >&2 && refuse "the package list of Debian's $suite can't be read"; }
	names=$(own_apt apt-cache pkgnames linux-)
	release=$(newest_release <<<"$names")
	[ -n "$release" ] || refuse "no package linux-image-$series.*-$flavour in Debian's $suite; KERNEL_SUITE names another release"
	# shellcheck disable=SC2046
	(cd "$folder/apt" && own_apt apt-get download $(printf "linux-%s-$release\n" image base binary modules | grep -Fx "$names") >"$folder/apt/log" 2>&1) || {
		cat "$folder/apt/log" >&2
		refuse "packages of Linux $release can't be had"
	}
	debs=$folder/apt
}

[ ! -e "$folder/release" ] || exit 0
rm -rf "$folder"/{apt,packages,lib,vmlinuz}
if [ -n "${KERNEL_DEBS:-}" ]; then
	debs=$KERNEL_DEBS
	release=$(find "$debs" -maxdepth 1 -name '*.deb' -printf '%f\n' | sed 's/_.*//' | newest_release)
	[ -n "$release" ] || refuse "no package linux-image-$series.*-$flavour in $debs"
else
	download
fi
for deb in "$debs"/linux-{image,base,binary,modules}-"$release"_*.deb; do
	[ ! -e "$deb" ] || dpkg-deb -x "$deb" "$folder/packages"
done
# Modules are in lib or in usr/lib, the kernel is in boot or beside its modules.
modules=$(find "$folder/packages" -type d -path "*lib/modules/$release" -print -quit)
kernel=$(find "$folder/packages" -type f -path '*/vmlinuz*' -print -quit)
[ -n "$modules" ] && [ -n "$kernel" ] || refuse "the packages of Linux $release have no kernel or no modules"
mkdir -p "$folder/lib/modules"
mv "$kernel" "$folder/vmlinuz"
mv "$modules" "$folder/lib/modules/"
depmod -b "$folder" "$release"
rm -rf "$folder/packages" "$folder/apt"
echo "$release" >"$folder/release"
