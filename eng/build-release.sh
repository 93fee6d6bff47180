#!/usr/bin/env bash
# Packs the native programs into release archives: artifacts/release/culvert-VERSION-linux-ARCHITECTURE.tar.gz, with the BPF programs, the CNI plugin, custom
# resources and licences; and their debug symbols into culvert-VERSION-linux-ARCHITECTURE-symbols.tar.gz. SHA256SUMS has a line for each.
# The same sources give the same file names, owners and times in an archive.
# Usage: eng/build-release.sh      Environment: ARCHITECTURES (this machine's; "amd64 arm64")
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/artifacts/release
version=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$root/Directory.Build.props")
case "$(uname -m)" in
x86_64) own=amd64 ;;
aarch64) own=arm64 ;;
*)
	echo "release: there are no native programs for $(uname -m)" >&2
	exit 1
	;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

pack() { # archive, folder below $work
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$work" -czf "$out/$1.new" "$2"
	mv "$out/$1.new" "$out/$1"
}

for architecture in ${ARCHITECTURES:-$own}; do
	"$root/eng/build-cli.sh" "$architecture"
	"$root/eng/build-plugin.sh" "$architecture"
	suffix=
	[ "$architecture" = "$own" ] || suffix=-$architecture
	name=culvert-$version-linux-$architecture
	mkdir -p "$work/$name" "$work/$name-symbols"
	cp -a "$root/artifacts/cli$suffix/." "$work/$name"
	cp -a "$root/artifacts/cni$suffix/culvert-cni" "$root/deploy/crds" "$work/$name"
	cp -a "$root/artifacts/symbols$suffix/." "$work/$name-symbols"
	pack "$name.tar.gz" "$name"
	pack "$name-symbols.tar.gz" "$name-symbols"
	echo "release: ${out#"$root"/}/$name.tar.gz ($(du -m "$out/$name.tar.gz" | cut -f1) MB)"
done
(cd "$out" && sha256sum -- *.tar.gz >SHA256SUMS)
