#!/usr/bin/env bash
# Compiles command line, controller and agent to native programs in artifacts/cli, unless they are newer than their sources.
# `culvert-controller` there is a hard link to `culvert`: the name decides what it does (src/Cli/Program.cs).
# `kubectl-culvert` is a symbolic link: `kubectl culvert …` works where the folder is on PATH. Debug symbols go to artifacts/symbols.
# Compiling takes 15 CPU minutes, so the results for the last sources are kept in $XDG_CACHE_HOME/culvert/native (~/.cache/…), by the hash of all that they are made of.
# The compiler (ILCompiler, from NuGet) is fetched the first time; it links with clang.
# Usage: eng/build-cli.sh [amd64|arm64]      for this machine's architecture, or another one: then artifacts/cli-arm64 or -amd64, linked with the help of gcc for that
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
suffix=
case "${1:-$(uname -m)}" in
x86_64 | amd64) machine=x86_64 runtime=linux-x64 ;;
aarch64 | arm64) machine=aarch64 runtime=linux-arm64 ;;
*)
	echo "cli: there is no native program for ${1:-$(uname -m)}" >&2
	exit 1
	;;
esac
if [ "$machine" != "$(uname -m)" ]; then
	suffix=-$1
	command -v "$machine-linux-gnu-gcc" >/dev/null || {
		echo "cli: $machine-linux-gnu-gcc was not found, which linking for $1 needs (eng/setup.sh native-$1)" >&2
		exit 1
	}
fi
out=$root/artifacts/cli$suffix
symbols=$root/artifacts/symbols$suffix
# The same for all architectures, which are little-endian.
"$root/eng/build-bpf.sh"
if [ -x "$out/culvert" ] && [ -z "$(find "$root/src" "$root/bpf" "$root/deploy" "$root/global.json" "$root"/Directory.*.props "$root/eng/build-cli.sh" \( -name bin -o -name obj \) -prune -o -type f -newer "$out/culvert" -print -quit)" ]; then exit 0; fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/culvert/native
inputs() { # the names and contents of all sources
	cd "$root" && find src bpf deploy eng/bpf.targets eng/build-cli.sh global.json Directory.*.props artifacts/bpf/*.bpf.o \( -name bin -o -name obj \) -prune -o -type f -print0 \
		| LC_ALL=C sort -z | xargs -0 sha256sum
}
key=$({ inputs && dotnet --version && echo "$runtime"; } | sha256sum | cut -c1-40)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # program, project: with intermediate files of its own, so that those of an ordinary build stay as they are
	dotnet publish "$root/src/$2" -c Release -r "$runtime" -v q -nologo -nodeReuse:false -p:UseSharedCompilation=false "-p:CulvertNative=$1" \
		-p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false -p:GenerateDocumentationFile=false \
		--artifacts-path "$work/$1" -o "$work/$1/out" >"$work/$1.log" 2>&1 || {
		tail -20 "$work/$1.log" >&2
		return 1
	}
}

touch "$work/begun"
if [ ! -d "$cache/$key" ]; then
	compile cli Cli
	compile agent NodeAgent
	mkdir -p "$work/result/cli" "$work/result/symbols"
	mv "$work/cli/out/culvert" "$work/agent/out/culvert-agent" "$work/agent/out/bpf" "$work/result/cli"
	mv "$work/cli/out/culvert.dbg" "$work/agent/out/culvert-agent.dbg" "$work/result/symbols"
	mkdir -p "$cache"
	mv -T "$work/result" "$cache/$key" 2>/dev/null || [ -d "$cache/$key" ]
	# The two last results for each architecture are enough for one machine.
	find "$cache" -mindepth 1 -maxdepth 1 -printf '%T@ %p\n' | sort -rn | tail -n +5 | cut -d' ' -f2- | xargs -r rm -rf
fi
touch "$cache/$key"
cp -a "$cache/$key/cli" "$work/cli.new"
cp -a "$cache/$key/symbols" "$work/symbols.new"
ln "$work/cli.new/culvert" "$work/cli.new/culvert-controller"
ln -s culvert "$work/cli.new/kubectl-culvert"
touch -r "$work/begun" "$work/cli.new"/culvert*
rm -rf "$out" "$symbols"
mkdir -p "$root/artifacts"
mv "$work/cli.new" "$out"
mv "$work/symbols.new" "$symbols"
