#!/usr/bin/env bash
# Compiles command line, controller and agent to native programs in artifacts/cli, unless they are there for the same sources (artifacts/cli.key).
# `kubectl-culvert` is a symbolic link: `kubectl culvert …` works where the folder is on PATH. Debug symbols go to artifacts/symbols.
# Compiling takes some 13 CPU minutes. The last two results for each architecture are kept in $XDG_CACHE_HOME/culvert/native (~/.cache/…), by the hash of their inputs.
# The compiler (ILCompiler, from NuGet) is fetched the first time; it links with clang.
# Usage: eng/build-cli.sh [amd64|arm64]      for this machine's architecture, or another one: then artifacts/cli-arm64 or -amd64, linked with the help of gcc for that
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
suffix=
case "${1:-$(uname -m)}" in
x86_64 | amd64) name=amd64 machine=x86_64 runtime=linux-x64 ;;
aarch64 | arm64) name=arm64 machine=aarch64 runtime=linux-arm64 ;;
*)
	echo "cli: there is no native program for ${1:-$(uname -m)}" >&2
	exit 1
	;;
esac
if [ "$machine" != "$(uname -m)" ]; then
	suffix=-$name
	command -v "$machine-linux-gnu-gcc" >/dev/null || {
		echo "cli: $machine-linux-gnu-gcc was not found, which linking for $name needs (eng/setup.sh native-$name)" >&2
		exit 1
	}
fi
out=$root/artifacts/cli$suffix
symbols=$root/artifacts/symbols$suffix
# The same for all architectures, which are little-endian.
"$root/eng/build-bpf.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/culvert/native
inputs() { # the names and contents of all sources
	cd "$root" && find src bpf deploy LICENSE eng/{bpf.targets,native.targets,build-cli.sh,third-party-notices.sh,licenses,KubernetesClient.Substitutions.xml} global.json Directory.*.props artifacts/bpf/*.bpf.o \( -name bin -o -name obj \) -prune -o -type f -print0 \
		| LC_ALL=C sort -z | xargs -0 sha256sum
}
key=$runtime-$({ inputs && dotnet --version; } | sha256sum | cut -c1-40)
if [ -x "$out/culvert" ] && [ "$(cat "$out.key" 2>/dev/null)" = "$key" ]; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work" "$cache/.new.$$"' EXIT

# Intermediate files are apart from those of an ordinary build, which stay as they are; all programs share them.
compile() { # the program, its project
	dotnet publish "$root/src/$2" -c Release -r "$runtime" -v q -nologo -nodeReuse:false -p:UseSharedCompilation=false "-p:CulvertNative=$1" \
		-p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false -p:GenerateDocumentationFile=false \
		--artifacts-path "$work/build" -o "$work/$1/out" >"$work/$1.log" 2>&1 || {
		tail -20 "$work/$1.log" >&2
		return 1
	}
	mv "$work/$1/out/$1" "$work/programs"
	mv "$work/$1/out/$1.dbg" "$work/symbols"
}

if [ ! -d "$cache/$key" ]; then
	mkdir "$work/programs" "$work/symbols"
	compile culvert Cli
	compile culvert-controller Controller
	compile culvert-agent NodeAgent
	mkdir -p "$cache/.new.$$"
	mv "$work/culvert-agent/out/bpf" "$work/programs"
	cp "$root/bpf/LICENSE.md" "$work/programs/bpf"
	cp "$root/LICENSE" "$work/programs"
	"$root/eng/third-party-notices.sh" "$work"/build/obj/*/*/native/*.ilc.rsp >"$work/programs/THIRD-PARTY-NOTICES.txt"
	mv "$work/programs" "$cache/.new.$$/cli"
	mv "$work/symbols" "$cache/.new.$$/symbols"
	# Whole or not at all. Another run may have been first.
	mv -T "$cache/.new.$$" "$cache/$key" 2>/dev/null || [ -d "$cache/$key" ]
	find "$cache" -mindepth 1 -maxdepth 1 -name "$runtime-*" -printf '%T@ %p\n' | sort -rn | tail -n +3 | cut -d' ' -f2- | xargs -r rm -rf
fi
touch "$cache/$key"
cp -a "$cache/$key/cli" "$work/cli.new"
cp -a "$cache/$key/symbols" "$work/symbols.new"
ln -s culvert "$work/cli.new/kubectl-culvert"
# Newer than all sources, for those that go by the time.
touch "$work/cli.new"/culvert*
rm -rf "$out" "$symbols" "$out.key"
mkdir -p "$root/artifacts"
mv "$work/cli.new" "$out"
mv "$work/symbols.new" "$symbols"
echo "$key" >"$out.key"
