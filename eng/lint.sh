#!/usr/bin/env bash
# Checks formatting, analyzers and generated code without changing anything. Exit code 1 when something is to be mended; says what and how.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
status=0

check() { # what, how to mend it, command...
	local what=$1 remedy=$2
	shift 2
	echo "lint: $what"
	"$@" || {
		echo "lint: $what: FAILED. To mend: $remedy"
		status=1
	}
}

shell_syntax() {
	local file good=0
	while IFS= read -r file; do
		bash -n "$file" || good=1
	done < <(git ls-files '*.sh' .ci/run)
	return $good
}

c_format() {
	local file good=0
	while IFS= read -r file; do
		clang-format "$file" | diff -q "$file" - >/dev/null || {
			echo "$file is not formatted as .clang-format says"
			good=1
		}
	done < <(git ls-files '*.c' '*.h' ':!bpf/include/vmlinux.h')
	return $good
}

# clang-format leaves comments as they are (ReflowComments would take lists apart).
c_width() {
	local file line good=0
	while IFS= read -r file; do
		while IFS=: read -r line _; do
			echo "$file:$line is wider than 120 columns"
			good=1
		done < <(expand -t 8 "$file" | LC_ALL=C.UTF-8 grep -nE '.{121}')
	done < <(git ls-files '*.c' '*.h' ':!bpf/include/vmlinux.h')
	return $good
}

check "shell syntax" "see the line named" shell_syntax
check "format of C" "clang-format -i the files named" c_format
check "width of C" "wrap the comments named" c_width
check "analyzers (build)" "see the messages" dotnet build Culvert.slnx -c Release -v q -nologo
check "whitespace" "dotnet format whitespace Culvert.slnx" dotnet format whitespace Culvert.slnx --no-restore --verify-no-changes
check "style" "dotnet format style Culvert.slnx" dotnet format style Culvert.slnx --no-restore --verify-no-changes
check "generated bindings" "dotnet run --project eng/BindingGenerator -- libbpf abi" \
	dotnet run --project eng/BindingGenerator -c Release --no-build -- libbpf abi --check
check "generated definitions and reference" "dotnet run --project eng/SchemaGenerator" dotnet run --project eng/SchemaGenerator -c Release --no-build -- --check
[ $status -eq 0 ] && echo "lint: nothing to mend"
exit $status
