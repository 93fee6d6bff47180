#!/usr/bin/env bash
# Builds everything once, runs every test project, prints a line for each, the 30 slowest test classes, how long each step took and, last,
# "N passed, N failed[, N skipped]". Projects that mostly wait run beside the others.
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
# These must see an API server, and kubelets: likewise.
cluster_projects=' Kubernetes.Tests Cluster.Tests '
# These ask an API server for some of their tests; one test needs a newer one than is built, and is skipped.
api_projects=' Controller.Tests Cli.Tests '

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

step() { # name, command...: runs it, with its output in a log of that name, and notes its seconds
	local name=$1 started=$SECONDS status=0
	shift
	"$@" >"$results/$name.log" 2>&1 || status=$?
	echo "$name $((SECONDS - started))" >>"$results/steps"
	return "$status"
}

echo "Building ($configuration)"
step bpf eng/build-bpf.sh || {
	cat "$results/bpf.log"
	give_up "The BPF programs do not build."
}
step build eng/dotnet-build.sh Culvert.slnx -c "$configuration" || {
	grep -E 'error|Error' "$results/build.log" | sort -u | head -40
	give_up "The solution does not build; see ${results#"$root"/}/build.log."
}

# Each of these is made at most once, by the first that needs it; others wait for it. A failure is told once, and fails the run under CI.
once_per_run() { # name, command...
	(
		flock 9
		[ -e "$results/$1.done" ] || {
			step "$@" || {
				echo "$1 failed:"
				tail -5 "$results/$1.log"
				touch "$results/$1.failed"
			}
			touch "$results/$1.done"
		}
	) 9>"$results/$1.lock"
}

make_images() { eng/setup.sh images && eng/build-images.sh; }

prepare() { # project: makes what its tests need beside the build
	case "$1" in
	# Without them these tests start what the build has made, which compiles at each start.
	System.Tests)
		once_per_run programs eng/build-cli.sh
		once_per_run plugin eng/build-plugin.sh
		;;
	# Without the images and a cluster's programs, these tests say that they are skipped, and why.
	Cluster.Tests)
		once_per_run kubernetes eng/kubernetes.sh
		if [ -z "${TEST_FILTER:-}" ]; then
			once_per_run programs eng/build-cli.sh
			once_per_run plugin eng/build-plugin.sh
			once_per_run images make_images
		fi
		;;
	Controller.Tests | Cli.Tests | Kubernetes.Tests) once_per_run kubernetes eng/kubernetes.sh ;;
	esac
}

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

run() { # project: prepares and runs its tests; leaves its log, and, when it is over, exit code and seconds beside it
	local project=$1 program options environment=() filter started
	# A choice of tests out of all projects has none of a cluster.
	[ "$chosen" = false ] && [ -n "${TEST_FILTER:-}" ] && [[ $cluster_projects$api_projects == *" $project "* ]] || prepare "$project"
	started=$SECONDS
	program=$(echo "tests/$project"/bin/"$configuration"/*/Culvert."$project".dll)
	options=(--results-directory "$results" --report-xunit-trx --report-xunit-trx-filename "$project.trx" --no-progress --no-ansi)
	case "${CI:-}:$kernel_projects$cluster_projects" in
	true:*" $project "*) options+=(--fail-skips on) ;;
	esac
	read -ra filter <<<"${TEST_FILTER:-}"
	options+=("${filter[@]}")
	# The native programs are ready in a fifth of the CPU time; these tests start hundreds.
	[ "$project" != System.Tests ] || [ -e "$results/programs.failed" ] || environment=(CULVERT_PROGRAMS="$root/artifacts/cli")
	env "${environment[@]}" timeout --kill-after=30 "$limit" dotnet "$program" "${options[@]}" >"$results/$project.log" 2>&1 </dev/null
	echo "$? $((SECONDS - started))" >"$results/$project.end"
}

code=0 seconds=0 p=0 f=0 s=0 note=
outcome() { # project: sets code, seconds, p, f, s and note to what its run has found; false when it ran no test and need not have
	local project=$1 log=$results/$1.log
	note=
	read -r code seconds <"$results/$project.end"
	# 8: no test ran (Microsoft.Testing.Platform)
	[ "$code" -ne 8 ] || [ -z "${TEST_FILTER:-}" ] || return 1
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
}

report() { # project: prints what its run has found
	local project=$1 log=$results/$1.log
	outcome "$project" || return 0
	printf '%-18s %5d passed, %d failed%s (%d s)%s\n' "$project" "$p" "$f" "$([ "$s" -eq 0 ] || echo ", $s skipped")" "$seconds" "${note:+: $note}"
	# What was driven to its end, how far, and what others saw of it.
	[ -z "${TEST_FILTER:-}" ] || sed -n 's/^.*\(exhausted .* failed\).*$/  \1/p' "$results/$project.trx" 2>/dev/null | sort -u
	if [ "$f" -gt 0 ]; then
		echo "--- the end of ${log#"$root"/}"
		grep -v '^ *at Xunit\.\|^ *at System\.' "$log" | tail -80
		echo "---"
	fi
}

# Two lanes run beside each other; the projects of one lane, one after the other. A cluster waits most of its time for kubelets and pods, and the programs and images
# that it needs are compiled meanwhile. More lanes would be faster, but some tests have budgets of milliseconds. Controller.Tests, Kubernetes.Tests and Cli.Tests need an
# API server, which is built first and is slow beside the cluster's: they come early. System.Tests come last, when the programs that they start are there.
lane() { # project...: runs those that were asked for
	local project
	for project; do
		case " ${projects[*]} " in
		*" $project "*)
			run "$project"
			report "$project" >"$results/$project.report"
			(flock 9 && cat "$results/$project.report") 9>"$results/report.lock"
			;;
		esac
	done
}
others=()
for project in "${projects[@]}"; do
	case "$project" in
	Controller.Tests | Kubernetes.Tests | Cli.Tests | NodeAgent.Tests | System.Tests | Cluster.Tests) ;;
	*) others+=("$project") ;;
	esac
done
[ $# -gt 0 ] && chosen=true || chosen=false
# What runs in the background does not hear of Ctrl+C. The lanes first, so that none starts another project.
stop_lanes() {
	local all next
	next=$(jobs -p | paste -sd' ')
	all=$next
	while next=$(for process in $next; do pgrep -P "$process"; done | paste -sd' ') && [ -n "$next" ]; do all="$all $next"; done
	# shellcheck disable=SC2086
	kill $all 2>/dev/null
}
trap 'stop_lanes; exit 130' INT TERM
lane Cluster.Tests &
lane "${others[@]}" Controller.Tests Kubernetes.Tests Cli.Tests NodeAgent.Tests System.Tests &
wait

passed=0 failed=0 skipped=0 names=
for project in "${projects[@]}"; do
	[ -e "$results/$project.end" ] || echo "1 0" >"$results/$project.end"
	outcome "$project" || continue
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	[ "$f" -eq 0 ] || names+=$(summarise "$project" "$results/$project.log")$'\n'
done

if [ "${CI:-}" = true ]; then
	for step in "$results"/*.failed; do
		[ -e "$step" ] || continue
		failed=$((failed + 1))
		names+="failed: $(basename "$step" .failed) (see its log in artifacts/test-results)"$'\n'
	done
fi

echo "The slowest test classes (seconds, tests, class):"
slowest=30
for project in "${projects[@]}"; do
	[ ! -e "$results/$project.trx" ] || awk -f eng/test-times.awk "$results/$project.trx"
done >"$results/times"
sed -n 's/^class //p' "$results/times" | sort -rn | head -"$slowest"
echo "Seconds of each project in which no test ran (start, fixtures, clean-up), and of each step before them:"
sed -n 's/^idle //p' "$results/times"
[ ! -e "$results/steps" ] || awk '{ printf "%7d  %s\n", $2, $1 }' "$results/steps"

if [ -n "${TEST_FILTER:-}" ] && [ $((passed + failed + skipped)) -eq 0 ]; then give_up "No test is chosen by $TEST_FILTER."; fi
# Once more at the end, where a log that is cut short still has them.
[ -z "$names" ] || printf '%s' "$names"
echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
