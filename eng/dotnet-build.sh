#!/usr/bin/env bash
# Runs `dotnet build` with one compiler for all projects, which loads the analyzers once instead of once per project, and ends with the build: nothing stays behind.
# Usage: eng/dotnet-build.sh [ARGUMENT]...      arguments of `dotnet build`
set -uo pipefail
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
server=culvert-$$
stop() {
	local folder
	folder=$(dotnet --info | sed -n 's/^ *Base Path: *//p')
	dotnet "$folder/Roslyn/bincore/VBCSCompiler.dll" "-pipename:$server" -shutdown >/dev/null 2>&1
}
trap stop EXIT
dotnet build -v q -nologo -nodeReuse:false -p:UseSharedCompilation=true -p:SharedCompilationId="$server" "$@"
