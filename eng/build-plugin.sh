#!/usr/bin/env bash
# Compiles the CNI plugin to one native program, artifacts/cni/culvert-cni, unless it is newer than what it is made of.
# The compiler for that (ILCompiler, of NuGet) is fetched the first time; it links with clang.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=$root/artifacts/cni/culvert-cni
if [ -x "$program" ] && [ -z "$(find "$root/src/Cni" "$root/src/CniPlugin" "$root/Directory.Build.props" \( -name bin -o -name obj \) -prune -o -type f -newer "$program" -print -quit)" ]; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Intermediate files of its own: those of an ordinary build, for no machine in particular, stay as they are.
dotnet publish "$root/src/CniPlugin" -c Release -v q -nologo -nodeReuse:false -p:UseSharedCompilation=false -p:CulvertNativePlugin=true --artifacts-path "$work/build" -o "$work/out" >"$work/log" 2>&1 || {
	tail -20 "$work/log" >&2
	exit 1
}
mkdir -p "$(dirname "$program")"
cp "$work/out/culvert-cni" "$program.new"
mv "$program.new" "$program"
