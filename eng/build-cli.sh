#!/usr/bin/env bash
# Compiles the command line, agent and controller to one native program in artifacts/cli, unless that is newer than its sources.
# `culvert-agent` and `culvert-controller` there are hard links to `culvert`: the name decides what it does (src/Cli/Program.cs).
# `kubectl-culvert` is a symbolic link: `kubectl culvert …` works where the folder is on PATH. Debug symbols go to artifacts/symbols.
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
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/begun"
# Intermediate files of its own: those of an ordinary build stay as they are.
dotnet publish "$root/src/Cli" -c Release -r "$runtime" -v q -nologo -nodeReuse:false -p:UseSharedCompilation=false -p:CulvertNative=true \
	-p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false -p:GenerateDocumentationFile=false \
	--artifacts-path "$work/build" -o "$work/out" >"$work/log" 2>&1 || {
	tail -20 "$work/log" >&2
	exit 1
}
mkdir -p "$work/cli" "$work/symbols"
mv "$work/out/culvert" "$work/out/bpf" "$work/cli"
mv "$work/out/culvert.dbg" "$work/symbols"
ln "$work/cli/culvert" "$work/cli/culvert-agent"
ln "$work/cli/culvert" "$work/cli/culvert-controller"
ln -s culvert "$work/cli/kubectl-culvert"
touch -r "$work/begun" "$work/cli/culvert"
rm -rf "$out" "$symbols"
mv "$work/cli" "$out"
mv "$work/symbols" "$symbols"
