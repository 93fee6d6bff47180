#!/usr/bin/env bash
# Gets what tests run Kubernetes 1.20 of: its own programs, etcd, containerd, runc and CNI plugins, of Debian's packages. Kubernetes is built from its source package
# (some minutes, once), all else is unpacked and not installed. An apt source list and state of this run's own are used, so that the machine's stay as they are.
# Usage: eng/kubernetes.sh      makes $XDG_CACHE_HOME/culvert/kubernetes/1.20 (~/.cache/…) and prints its path; at once when it is there
# Environment: KUBERNETES (a folder that has all of that, in place of this one), KUBERNETES_MIRROR (address of a Debian archive; that of the machine's own sources), KUBERNETES_SUITE (bookworm)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
version=1.20
programs='kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl'
packages='etcd-server containerd runc containernetworking-plugins conntrack busybox-static'
others='usr/bin/etcd usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/sbin/runc usr/sbin/conntrack bin/busybox'
plugins='bridge host-local loopback portmap ptp'
parent=${XDG_CACHE_HOME:-$HOME/.cache}/culvert/kubernetes
folder=$parent/$version
suite=${KUBERNETES_SUITE:-bookworm}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

refuse() {
	echo "kubernetes: $*" >&2
	exit 1
}

is_there() {
	local program
	for program in $programs $others $plugins; do [ -x "$folder/${program##*/}" ] || return 1; done
}

found() {
	echo "$folder"
	exit 0
}

if [ -n "${KUBERNETES:-}" ]; then
	folder=$KUBERNETES
	is_there || refuse "$KUBERNETES lacks some of what $0 lists as programs, others and plugins"
	found
fi
! is_there || found
command -v apt-get >/dev/null 2>&1 || refuse "there is no apt-get here: put what is listed here as programs, others and plugins into $folder"
mkdir -p "$parent"
# Whoever else is at it builds the same; then it is there.
exec 9>"$parent/.lock"
flock 9
! is_there || found
"$root/eng/setup.sh" kubernetes >&2 || refuse "what building Kubernetes needs is not installed"

work=$(mktemp -d "$parent/.build.XXXXXX")
# Go writes its module files without write permission.
cleanup() { chmod -R u+w "$work" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
log=$work/log

run() { # what it is, command...
	local what=$1
	shift
	"$@" >>"$log" 2>&1 9>&- || {
		tail -40 "$log" >&2
		refuse "$what failed"
	}
}

mirror() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|Debian|//p' | head -1
}

own_apt() { # argument...
	apt-get -q -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/apt/lists" \
		-o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any "$@"
}

download() {
	local address=${KUBERNETES_MIRROR:-$(mirror)}
	[ -n "$address" ] || address=http://deb.debian.org/debian
	local from
	from="$([ ! -e "$keyring" ] || echo "[signed-by=$keyring]") $address $suite main"
	mkdir -p "$work"/apt/lists/partial "$work"/apt/cache/archives/partial "$work"/packages
	printf 'deb %s\ndeb-src %s\n' "$from" "$from" >"$work/apt/sources.list"
	run "reading the package lists of Debian's $suite" own_apt update
	cd "$work/packages"
	run "downloading Debian's packages" own_apt download golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev $packages
	run "downloading the source of Kubernetes" own_apt source --download-only kubernetes
	local deb
	for deb in *.deb; do run "unpacking $deb" dpkg-deb -x "$deb" "$work/system"; done
	run "unpacking the source of Kubernetes" dpkg-source --no-check -x kubernetes_"$version".*.dsc "$work/source"
	cd "$work"
	rm -rf packages apt
}

build() {
	# The copy in the source crashes when a Go newer than 1.17 compiled it.
	rm -rf source/vendor/github.com/modern-go/reflect2
	cp -a system/usr/share/gocode/src/github.com/modern-go/reflect2 source/vendor/github.com/modern-go/reflect2
	mkdir -p go/src/k8s.io
	ln -s "$work/source" go/src/k8s.io/kubernetes
	# Debian's GOROOT is a folder of links to two other folders.
	local goroot=$work/system/usr/lib/go-1.19 link
	for link in "$goroot"/*; do
		[ ! -L "$link" ] || ln -sfn "$work/system/usr/share/go-1.19/$(basename "$link")" "$link"
	done
	cd go/src/k8s.io/kubernetes
	run "building Kubernetes" env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL GOROOT="$goroot" GOPATH="$work/go" GOCACHE="$work/cache" GOTOOLCHAIN=local GOPROXY=off GOFLAGS= \
		HOME="$work" PATH="$goroot/bin:$PATH" CGO_ENABLED=0 GOLDFLAGS='-s -w' make WHAT="$(printf 'cmd/%s ' $programs)"
	cd "$work"
}

echo "kubernetes: building Kubernetes $version for tests into $folder: some minutes, once" >&2
download
build
mkdir "$work/done"
for program in $programs; do install -m 755 "$(find "$work/source/_output/local/bin" -name "$program" -type f | head -1)" "$work/done/$program"; done
for program in $others; do install -m 755 "$work/system/$program" "$work/done/${program##*/}"; done
for program in $plugins; do install -m 755 "$work/system/usr/lib/cni/$program" "$work/done/$program"; done
for program in $programs etcd containerd runc; do run "starting $program" "$work/done/$program" "$([ "$program" = kubectl ] && echo options || echo --version)"; done
# One after the other: tests of another run may be using those that are there.
mkdir -p "$folder"
for program in "$work"/done/*; do mv -f "$program" "$folder/"; done
found
