#!/usr/bin/env bash
# Compiles the CNI plugin to one native program, artifacts/cni/culvert-cni, unless it is newer than what it is made of.
# The compiler for that (ILCompiler, of NuGet) is fetched the first time; it links with clang.
# Usage: eng/build-plugin.sh [amd64|arm64]      for this machine's architecture, or another one: then artifacts/cni-arm64/culvert-cni or -amd64, linked with the help of gcc for that
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=$root/artifacts/cni/culvert-cni
runtime=()
case "${1:-$(uname -m)}" in
x86_64 | amd64) machine=x86_64 identifier=linux-x64 ;;
aarch64 | arm64) machine=aarch64 identifier=linux-arm64 ;;
*) echo "plugin: it is not compiled for ${1:-$(uname -m)}" >&2; exit 1 ;;
esac
if [ "$machine" != "$(uname -m)" ]; then
	program=$root/artifacts/cni-$1/culvert-cni
	runtime=(-r "$identifier")
	command -v "$machine-linux-gnu-gcc" >/dev/null || { echo "plugin: $machine-linux-gnu-gcc was not found, which it is linked with for $1 (eng/setup.sh native-$1)" >&2; exit 1; }
fi
if [ -x "$program" ] && [ -z "$(find "$root/src/Cni" "$root/src/CniPlugin" "$root/src/Interop/Startup" "$root/eng/native.targets" "$root/Directory.Build.props" \( -name bin -o -name obj \) -prune -o -type f -newer "$program" -print -quit)" ]; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Intermediate files of its own: those of an ordinary build, for no machine in particular, stay as they are.
dotnet publish "$root/src/CniPlugin" -c Release "${runtime[@]}" -v q -nologo -nodeReuse:false -p:UseSharedCompilation=false -p:CulvertNative=culvert-cni \
	-p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false -p:GenerateDocumentationFile=false --artifacts-path "$work/build" -o "$work/out" >"$work/log" 2>&1 || {
	tail -20 "$work/log" >&2
	exit 1
}
mkdir -p "$(dirname "$program")"
cp "$work/out/culvert-cni" "$program.new"
mv "$program.new" "$program"
