#!/bin/sh
# Compiles every bpf/**/*.bpf.c to artifacts/bpf/<name>.bpf.o with BTF and without DWARF. Builds only what changed. What needs more stack than
# older kernels allow is refused (eng/bpf-stacks.awk).
# Usage: eng/build-bpf.sh [--force]      Environment: CLANG, LLVM_STRIP, LLVM_OBJDUMP, BPF_OUT
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
out=${BPF_OUT:-"$root/artifacts/bpf"}
clang=${CLANG:-clang}
strip=${LLVM_STRIP:-llvm-strip}
objdump=${LLVM_OBJDUMP:-llvm-objdump}
force=${1:-}

for tool in "$clang" "$strip" "$objdump"; do
	command -v "$tool" >/dev/null 2>&1 || {
		echo "build-bpf: $tool was not found (Debian: clang llvm libbpf-dev; Fedora: clang llvm libbpf-devel)" >&2
		exit 1
	}
done

flags="-O2 -g -target bpf -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-parameter -Wno-address-of-packed-member -mcpu=v3"
flags="$flags -ffile-prefix-map=$root=. -I$root/bpf -I$root/bpf/include"
# <asm/types.h> is in the folder of the host's architecture on Debian and its derivatives; other distributions need no extra folder.
multiarch=/usr/include/$(uname -m)-linux-gnu
[ -d "$multiarch" ] && flags="$flags -idirafter $multiarch"

mkdir -p "$out"
# The compiler, the flags and this script are inputs too.
stamp=$({ "$clang" --version; echo "$flags"; cat "$0" "$root/eng/bpf-stacks.awk"; } | sha256sum | cut -d' ' -f1)
[ -f "$out/.stamp" ] && [ "$(cat "$out/.stamp")" = "$stamp" ] || force=--force

up_to_date() { # object: newer than each of its sources, as the compiler listed them
	[ "$force" != --force ] && [ -f "$1" ] && [ -f "$1.d" ] || return 1
	for input in $(sed -e 's/^[^:]*://' -e 's/\\$//' "$1.d"); do
		[ -f "$input" ] && [ ! "$input" -nt "$1" ] || return 1
	done
}

built=0 kept=0
for source in $(find "$root/bpf" -name '*.bpf.c' | sort); do
	object="$out/$(basename "$source" .c).o"
	if up_to_date "$object"; then
		kept=$((kept + 1))
		continue
	fi
	echo "bpf: ${source#"$root/"} -> ${object#"$root/"}"
	# Moved into place when whole, so that a failed or interrupted run leaves no half object behind.
	# shellcheck disable=SC2086
	"$clang" $flags -MD -MF "$object.d.new" -MT "$object" -c "$source" -o "$object.new"
	"$objdump" -dr --no-show-raw-insn --no-print-imm-hex "$object.new" >"$object.asm"
	verdict=0
	awk -f "$root/eng/bpf-stacks.awk" "$object.asm" || verdict=$?
	rm "$object.asm"
	[ "$verdict" = 0 ]
	"$strip" -g "$object.new"
	mv "$object.d.new" "$object.d"
	mv "$object.new" "$object"
	built=$((built + 1))
done
echo "$stamp" >"$out/.stamp"
echo "bpf: $built built, $kept up to date"
