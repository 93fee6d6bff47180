#!/usr/bin/env bash
# Publishes the command line, agent and controller, with the runtime that they need, into artifacts/cli, unless that is newer than what it is made of.
# `culvert` there runs on any machine of its architecture; `kubectl-culvert` beside it is the same as a plugin, `kubectl culvert …`, where the folder is on PATH.
# Usage: eng/build-cli.sh [amd64|arm64]      for this machine's architecture, or another one: then into artifacts/cli-arm64 or -amd64
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/artifacts/cli
case "${1:-$(uname -m)}" in
x86_64 | amd64) machine=x86_64 runtime=linux-x64 ;;
aarch64 | arm64) machine=aarch64 runtime=linux-arm64 ;;
*) echo "cli: it is not published for ${1:-$(uname -m)}" >&2; exit 1 ;;
esac
[ "$machine" = "$(uname -m)" ] || out=$out-$1
# The same for all of them, which are little-endian.
"$root/eng/build-bpf.sh"
if [ -x "$out/culvert" ] && [ -z "$(find "$root/src" "$root/bpf" "$root/deploy" "$root/global.json" "$root"/Directory.*.props "$root/eng/build-cli.sh" \( -name bin -o -name obj \) -prune -o -type f -newer "$out/culvert" -print -quit)" ]; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/begun"
# Intermediate files of its own: those of an ordinary build, for no machine in particular, stay as they are.
dotnet publish "$root/src/Cli" -c Release -r "$runtime" --self-contained -v q -nologo -nodeReuse:false -p:UseSharedCompilation=false -p:DebugType=none -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false \
	--artifacts-path "$work/build" -o "$work/out" >"$work/log" 2>&1 || {
	tail -20 "$work/log" >&2
	exit 1
}
rm -f "$work/out"/*.xml
ln -s culvert "$work/out/kubectl-culvert"
touch -r "$work/begun" "$work/out/culvert"
mkdir -p "$root/artifacts"
rm -rf "$out"
mv "$work/out" "$out"
