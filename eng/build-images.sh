#!/usr/bin/env bash
# Builds the images of agent and controller for this machine's architecture, as OCI archives: artifacts/images/culvert-{agent,controller}.tar, to be loaded by
# `ctr -n k8s.io images import`, `kind load image-archive`, `podman load` and their like. No registry is asked: their base is made of Debian's packages.
# Usage: eng/build-images.sh
# Environment: IMAGE_PREFIX (localhost), IMAGE_TAG (the version), BASE (an image that buildah can get, in place of one made here)
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
x86_64) architecture=amd64 ;;
aarch64) architecture=arm64 ;;
*) refuse "there is no image for $(uname -m)" ;;
esac
sources=()

# With a name or a base of one's own it is built anew.
if [ -z "${IMAGE_PREFIX:-}${IMAGE_TAG:-}${BASE:-}" ] && [ -e "$out/culvert-agent.tar" ] && [ -e "$out/culvert-controller.tar" ] \
	&& [ -z "$(find "$root/src" "$root/bpf" "$root/deploy" "$root"/Directory.*.props "$root"/eng/build-{cli,images,plugin}.sh \( -name bin -o -name obj \) -prune -o -type f -newer "$out/culvert-agent.tar" -print -quit)" ]; then
	echo "images: up to date"
	exit 0
fi
[ -n "$tag" ] || refuse "Directory.Build.props has no Version: give IMAGE_TAG"

mkdir -p "$out"
rm -rf "$context" "$out/log"
store=$(mktemp -d "$out/.store.XXXXXX")
trap 'rm -rf "$store"' EXIT
images() { buildah --root "$store/root" --runroot "$store/run" "$@"; }

run "publishing" "$root/eng/build-cli.sh"
run "compiling the CNI plugin" "$root/eng/build-plugin.sh"
mkdir -p "$context"
cp -a "$root/artifacts/cli" "$context/$architecture"
install -m 755 "$root/artifacts/cni/culvert-cni" "$context/$architecture/culvert-cni"

if [ -z "${BASE:-}" ]; then
	BASE=localhost/culvert-base
	run "making the base of Debian's packages" mmdebstrap --mode=root --variant=apt --include=ca-certificates bookworm "$store/base.tar"
	container=$(images from scratch)
	run "making the base" images add "$container" "$store/base.tar" /
	run "making the base" images commit --rm "$container" "$BASE"
	# With the machine's own package sources and how they are reached.
	sources=(--volume /etc/apt:/etc/apt:ro)
fi
for image in agent controller; do
	run "building the image of the $image" images build --build-arg "BASE=$BASE" --build-arg "TARGETARCH=$architecture" "${sources[@]}" --target "$image" --tag "$prefix/culvert-$image:$tag" --file "$root/deploy/images/Containerfile" "$context"
	rm -f "$out/culvert-$image.tar"
	run "writing the image of the $image" images push "$prefix/culvert-$image:$tag" "oci-archive:$out/culvert-$image.tar:$prefix/culvert-$image:$tag"
	echo "images: $prefix/culvert-$image:$tag in ${out#"$root"/}/culvert-$image.tar ($(du -m "$out/culvert-$image.tar" | cut -f1) MB)"
done
rm -rf "$context"
