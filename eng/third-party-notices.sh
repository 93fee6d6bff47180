#!/usr/bin/env bash
# Prints the notices of all packages that native programs contain: name, version, licence and copyright of each, its own licence file and notices,
# and the text of each licence once. Apache-2.0 is the project's own licence: its text is in LICENSE.
# Usage: eng/third-party-notices.sh RSP...      RSP: the files with the compiler's options (*.ilc.rsp), which name the assemblies
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || {
	sed -n '4s/^# //p' "$0" >&2
	exit 2
}

refuse() {
	echo "notices: $*" >&2
	exit 1
}

field() { # name, file: the content of an element
	sed -n "s|.*<$1[^>]*>\([^<]*\)</$1>.*|\1|p" "$2" | head -1
}

# Assemblies are in PACKAGE/VERSION/lib or runtimes.
packages=$(sed -nE 's,^-r:(.*/[0-9]+\.[0-9]+[^/]*)/(lib|runtimes)/.*,\1,p' "$@" | sort -u)
[ -n "$packages" ] || refuse "no package is named in $*"
echo "Culvert's programs contain the following packages."
licences=
for package in $packages; do
	spec=$(find "$package" -maxdepth 1 -name '*.nuspec' | head -1)
	licence=$([ -z "$spec" ] || field license "$spec")
	[ -n "$licence" ] || refuse "$package names no licence"
	[ "$licence" = Apache-2.0 ] || [ -r "$root/eng/licenses/$licence.txt" ] || refuse "the text of $licence is missing: add eng/licenses/$licence.txt"
	licences="$licences $licence"
	printf '\n%s %s\nLicence: %s\n%s\n' "$(field id "$spec")" "$(field version "$spec")" "$licence" "$(field copyright "$spec")"
done
for licence in $(printf '%s\n' $licences | sort -u); do
	[ "$licence" != Apache-2.0 ] || continue
	printf '\n======== %s\n\n' "$licence"
	cat "$root/eng/licenses/$licence.txt"
done
for package in $packages; do
	find "$package" -maxdepth 1 \( -iname 'license*' -o -iname 'third-party-notices*' \) | sort | while IFS= read -r file; do
		printf '\n======== %s of %s\n\n' "$(basename "$file")" "$(basename "$(dirname "$package")")"
		sed 's/\r$//' "$file"
	done
done
