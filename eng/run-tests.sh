#!/usr/bin/env bash
# Builds everything once, runs every test project, prints a line for each and, last, "N passed, N failed[, N skipped]".
# Usage: eng/run-tests.sh [PROJECT]...      PROJECT: a folder of tests/, for example GrpcHosting.Tests
# Environment: CONFIGURATION (Release), TEST_TIMEOUT (seconds per project, 2700), CI=true (skipped kernel and cluster tests are failures),
# CULVERT_FUZZ_SECONDS (how long random packets go through the datapath; 60 with CI=true, otherwise 10),
# TEST_FILTER (options that choose tests, for example "--filter-class *Fuzz*"; projects without such tests are passed over)
# Exit code 1 when a test fails, is cut off by the time limit, or a project crashes or runs no test.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
configuration=${CONFIGURATION:-Release}
limit=${TEST_TIMEOUT:-2700}
results=$root/artifacts/test-results

# These must see the kernel: under CI nothing excuses a skip.
kernel_projects=' Datapath.Tests Interop.Tests System.Tests '
# These must see an API server, and kubelets.
cluster_projects=' Kubernetes.Tests Cluster.Tests '

if [ "${CI:-}" = true ]; then export CULVERT_FUZZ_SECONDS=${CULVERT_FUZZ_SECONDS:-60}; fi

# Nothing stays behind to speed up a next build.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

give_up() { # reason
	echo "$1"
	echo "0 passed, 1 failed"
	exit 1
}

projects=("$@")
if [ ${#projects[@]} -eq 0 ]; then
	for folder in tests/*.Tests; do projects+=("$(basename "$folder")"); done
fi
for project in "${projects[@]}"; do
	[ -d "tests/$project" ] || give_up "There is no tests/$project."
done

rm -rf "$results"
mkdir -p "$results"
echo "Building ($configuration)"
eng/build-bpf.sh || give_up "The BPF programs do not build."
dotnet build Culvert.slnx -c "$configuration" -v q -nologo -nodeReuse:false -p:UseSharedCompilation=false >"$results/build.log" 2>&1 || {
	grep -E 'error|Error' "$results/build.log" | sort -u | head -40
	give_up "The solution does not build; see ${results#"$root"/}/build.log."
}

case " ${projects[*]} " in
# Without it the tests take what the build has made, which takes longer to start.
*' System.Tests '*) eng/build-plugin.sh >"$results/plugin.log" 2>&1 || tail -5 "$results/plugin.log" ;;
esac

case "${TEST_FILTER:-}: ${projects[*]} " in
# What they install. Without it they say that they are skipped, and why.
:*' Cluster.Tests '*) eng/setup.sh --optional images >"$results/images.log" 2>&1 && eng/build-images.sh >>"$results/images.log" 2>&1 || tail -5 "$results/images.log" ;;
esac

for project in "${projects[@]}"; do
	case "$cluster_projects" in
	# Without it those tests say that they are skipped, and why. Not for a choice of tests out of all projects, which has none of them.
	*" $project "*) [ $# -eq 0 ] && [ -n "${TEST_FILTER:-}" ] || eng/kubernetes.sh >"$results/kubernetes.log" 2>&1 || tail -5 "$results/kubernetes.log" ;;
	esac
done

value() { # name, log: a number of the run's summary, empty when there is none
	sed -n "s/^  $1: \([0-9][0-9]*\)$/\1/p" "$2" | tail -1
}

summarise() { # project, log: the tests that failed, each with what it says and where
	awk -v project="$1" '
		/^failed / { sub(/^failed /, "failed: " project " "); print; left = 6; next }
		/^ *at (Xunit|System)\./ { next }
		/^ *$/ { left = 0 }
		left-- > 0 { print substr($0, 1, 400) }' "$2"
}

run() { # project: runs its tests; leaves its log, and, when it is over, exit code and seconds beside it
	local project=$1 program options environment=() filter started=$SECONDS
	program=$(echo "tests/$project"/bin/"$configuration"/*/Culvert."$project".dll)
	options=(--results-directory "$results" --report-xunit-trx --report-xunit-trx-filename "$project.trx" --no-progress --no-ansi)
	case "${CI:-}:$kernel_projects$cluster_projects" in
	true:*" $project "*) options+=(--fail-skips on) ;;
	esac
	read -ra filter <<<"${TEST_FILTER:-}"
	options+=("${filter[@]}")
	# An agent compiles fully what it calls first, which pays when it runs for hours. These tests start hundreds, for seconds each: compiled in tiers, and without
	# counting for the second, they take a third less of the processors' time.
	[ "$project" != System.Tests ] || environment=(DOTNET_TieredCompilation=1 DOTNET_TieredPGO=0)
	env "${environment[@]}" timeout --kill-after=30 "$limit" dotnet "$program" "${options[@]}" >"$results/$project.log" 2>&1 </dev/null
	echo "$? $((SECONDS - started))" >"$results/$project.end"
}

passed=0 failed=0 skipped=0 names=
report() { # project: counts and prints what a run that is over has found
	local project=$1 log=$results/$1.log code seconds p f s note=
	read -r code seconds <"$results/$project.end"
	# 8: no test ran (Microsoft.Testing.Platform)
	[ "$code" -ne 8 ] || [ -z "${TEST_FILTER:-}" ] || return 0
	p=$(value succeeded "$log") f=$(value failed "$log") s=$(value skipped "$log")
	# Benchmarks that run only when asked for by name are no tests that could not run.
	[ -z "$s" ] || s=$((s - $(grep -c 'Not run (due to explicit test filtering)' "$log")))
	if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
		note="cut off after $limit s"
	elif [ -z "$p" ] || [ -z "$f" ] || [ -z "$s" ]; then
		note="crashed with exit code $code"
	elif [ "$((p + f + s))" -eq 0 ]; then
		note="ran no test"
	elif [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then
		note="exit code $code"
	fi
	p=${p:-0} f=${f:-0} s=${s:-0}
	[ -z "$note" ] || f=$((f + 1))
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-18s %5d passed, %d failed%s (%d s)%s\n' "$project" "$p" "$f" "$([ "$s" -eq 0 ] || echo ", $s skipped")" "$seconds" "${note:+: $note}"
	# What was driven to its end, how far, and what others saw of it.
	[ -z "${TEST_FILTER:-}" ] || sed -n 's/^.*\(exhausted .* failed\).*$/  \1/p' "$results/$project.trx" 2>/dev/null | sort -u
	if [ "$f" -gt 0 ]; then
		echo "--- the end of ${log#"$root"/}"
		grep -v '^ *at Xunit\.\|^ *at System\.' "$log" | tail -80
		echo "---"
		names+=$(summarise "$project" "$log")$'\n'
	fi
}

# These wait for an API server of their own, which beside the cluster's is slow: they come before it.
first=' Controller.Tests Kubernetes.Tests '
for project in "${projects[@]}"; do
	[[ $first != *" $project "* ]] || { run "$project" && report "$project"; }
done

# A cluster waits most of its time, for kubelets and for pods that start and end: the others run beside it.
cluster=
case " ${projects[*]} " in
*' Cluster.Tests '*)
	run Cluster.Tests &
	cluster=$!
	# What runs in the background does not hear of Ctrl+C.
	trap 'pkill -TERM -P "$cluster"; exit 130' INT TERM
	;;
esac
for project in "${projects[@]}"; do
	[[ "$first Cluster.Tests " == *" $project "* ]] || { run "$project" && report "$project"; }
done
if [ -n "$cluster" ]; then
	wait "$cluster"
	report Cluster.Tests
fi

if [ -n "${TEST_FILTER:-}" ] && [ $((passed + failed + skipped)) -eq 0 ]; then give_up "No test is chosen by $TEST_FILTER."; fi
# Once more at the end, where a log that is cut short still has them.
[ -z "$names" ] || printf '%s' "$names"
echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
