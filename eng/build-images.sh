#!/usr/bin/env bash
# Builds the images of agent and controller as OCI archives: artifacts/images/culvert-{agent,controller}.tar, to be loaded by
# `ctr -n k8s.io images import`, `kind load image-archive`, `podman load` and their like. No registry is asked: their base is made of Debian's packages.
# Debug symbols of their programs are in artifacts/symbols.
# An archive of several architectures has an index of them; a node loads its own. eng/emulate.sh runs commands of another architecture than this machine's.
# Usage: eng/build-images.sh
# Environment: ARCHITECTURES (this machine's; "amd64 arm64"), IMAGE_PREFIX (localhost), IMAGE_TAG (the version), BASE (an image that buildah can get, in place of one made here)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/artifacts/images
context=$out/context
prefix=${IMAGE_PREFIX:-localhost}
tag=${IMAGE_TAG:-$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$root/Directory.Build.props")}
# Where a container can't be made inside another one, as in CI, its files are copied and its commands are run by chroot.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot

refuse() {
	echo "images: $*" >&2
	exit 1
}

run() { # what it is, command...
	local what=$1
	shift
	"$@" >>"$out/log" 2>&1 || {
		tail -30 "$out/log" >&2
		refuse "$what failed; see ${out#"$root"/}/log"
	}
}

case "$(uname -m)" in
x86_64) own=amd64 ;;
aarch64) own=arm64 ;;
*) refuse "there is no image for $(uname -m)" ;;
esac
read -ra architectures <<<"${ARCHITECTURES:-$own}"
for architecture in "${architectures[@]}"; do
	case "$architecture" in
	amd64 | arm64) ;;
	*) refuse "there is no image for $architecture" ;;
	esac
done

mkdir -p "$out"
rm -f "$out/log"
for architecture in "${architectures[@]}"; do
	run "trying to run programs of $architecture" "$root/eng/emulate.sh" "$architecture" true
	run "publishing for $architecture" "$root/eng/build-cli.sh" "$architecture"
	run "compiling the CNI plugin for $architecture" "$root/eng/build-plugin.sh" "$architecture"
done
folder() { # cli or cni, architecture: where its programs are
	echo "$root/artifacts/$1$([ "$2" = "$own" ] || echo "-$2")"
}

# Everything that the images are made of: with the same, they are up to date.
inputs() {
	echo "${architectures[*]} $prefix $tag ${BASE:-}"
	for architecture in "${architectures[@]}"; do
		cat "$(folder cli "$architecture").key"
		sha256sum <"$(folder cni "$architecture")/culvert-cni"
	done
	cat "$root/deploy/images/Containerfile" "$root/eng/build-images.sh" "$root/eng/emulate.sh"
}
key=$(inputs | sha256sum | cut -c1-40)
if [ -e "$out/culvert-agent.tar" ] && [ -e "$out/culvert-controller.tar" ] && [ "$(cat "$out/key" 2>/dev/null)" = "$key" ]; then
	echo "images: up to date"
	exit 0
fi
[ -n "$tag" ] || refuse "Directory.Build.props has no Version: give IMAGE_TAG"

rm -rf "$context" "$out/key"
store=$(mktemp -d "$out/.store.XXXXXX")
trap 'rm -rf "$store"' EXIT
images() { buildah --root "$store/root" --runroot "$store/run" "$@"; }
images_for() { # architecture, what buildah is to do: where its programs run
	"$root/eng/emulate.sh" "$1" buildah --root "$store/root" --runroot "$store/run" "${@:2}"
}

mkdir -p "$context"
for architecture in "${architectures[@]}"; do
	mkdir -p "$context/$architecture"
	for image in agent controller; do cp -a "$(folder cli "$architecture")" "$context/$architecture/$image"; done
	install -m 755 "$(folder cni "$architecture")/culvert-cni" "$context/$architecture/agent/culvert-cni"
	rm -r "$context/$architecture/controller"/{culvert,kubectl-culvert,culvert-agent,bpf}
	rm "$context/$architecture/agent/culvert-controller"
done

# What an image needs of Debian. The Containerfile installs it where BASE lacks it.
# iptables: iptables-legacy reads its own rules. iproute2: `culvert check` and `culvert detach`.
packages_of() { # image
	case "$1" in
	agent) echo ca-certificates,libssl3t64,iproute2,iptables,libbpf1,libnftables1,nftables ;;
	controller) echo ca-certificates,libssl3t64 ;;
	esac
}

# Left out: documentation, translations, character sets other than UTF-8, vectors of floating-point functions, and what only installing packages needs
# (perl, ldconfig, localedef, dialogues, symbol versions). That is a third of the size.
make_base() { # image, architecture, file
	"$root/eng/emulate.sh" "$2" mmdebstrap --mode=root --variant=essential --architectures="$2" --include="$(packages_of "$1")" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		--customize-hook='rm -rf "$1"/usr/lib/*/gconv "$1"/usr/lib/*/perl-base "$1"/usr/bin/perl* "$1"/usr/share/perl5' \
		--customize-hook='rm -rf "$1"/usr/sbin/ldconfig "$1"/usr/bin/localedef "$1"/usr/lib/*/libmvec.so.1' \
		--customize-hook='rm -rf "$1"/var/cache/debconf/* "$1"/var/lib/dpkg/info/*.symbols "$1"/var/lib/dpkg/info/*.templates' \
		trixie "$3"
}

for architecture in "${architectures[@]}"; do
	for image in agent controller; do
		base=${BASE:-}
		if [ -z "$base" ]; then
			base=localhost/culvert-base-$image-$architecture
			run "making the base of the $image for $architecture of Debian's packages" make_base "$image" "$architecture" "$store/base.tar"
			container=$(images from --arch "$architecture" scratch)
			run "making the base for $architecture" images add "$container" "$store/base.tar" /
			run "making the base for $architecture" images config --arch "$architecture" "$container"
			run "making the base for $architecture" images commit --rm "$container" "$base"
			rm "$store/base.tar"
		fi
		run "building the image of the $image for $architecture" images_for "$architecture" build --platform "linux/$architecture" --build-arg "BASE=$base" --build-arg "TARGETARCH=$architecture" \
			--build-arg "PACKAGES=$(packages_of "$image" | tr , ' ')" \
			--target "$image" --tag "$prefix/culvert-$image-$architecture:$tag" --file "$root/deploy/images/Containerfile" "$context"
	done
done

for image in agent controller; do
	name=$prefix/culvert-$image:$tag
	rm -f "$out/culvert-$image.tar"
	if [ ${#architectures[@]} = 1 ]; then
		run "writing the image of the $image" images push --compression-format gzip --compression-level 9 \
			"$prefix/culvert-$image-${architectures[0]}:$tag" "oci-archive:$out/culvert-$image.tar:$name"
	else
		run "naming the images of the $image" images manifest create "$name"
		for architecture in "${architectures[@]}"; do
			run "naming the image of the $image for $architecture" images manifest add "$name" "$prefix/culvert-$image-$architecture:$tag"
		done
		run "writing the images of the $image" images manifest push --all "$name" "oci-archive:$out/culvert-$image.tar:$name"
	fi
	echo "images: $name for ${architectures[*]} in ${out#"$root"/}/culvert-$image.tar ($(du -m "$out/culvert-$image.tar" | cut -f1) MB)"
done
echo "$key" >"$out/key"
rm -rf "$context"
