# Reads the report of one test project (TRX) and prints how long its tests took:
# "class SECONDS TESTS NAME" for each class, and "idle SECONDS PROJECT", the time in which none of its tests ran.
# A class that xunit runs beside others can take longer than the project. A report is one line, so records end with an element.

BEGIN { RS = ">" }

function attribute(name,    start) {
	start = index($0, " " name "=\"")
	if (!start) return ""
	start += length(name) + 3
	return substr($0, start, index(substr($0, start), "\"") - 1)
}

# Of "00:01:02.5" or "2026-01-31T00:01:02.5+00:00"; a report that spans midnight has a negative idle time.
function seconds(text,    parts) {
	sub(/^.*T/, "", text)
	sub(/[+Z-].*$/, "", text)
	split(text, parts, ":")
	return parts[1] * 3600 + parts[2] * 60 + parts[3]
}

/<Times / { began = seconds(attribute("start")); ended = seconds(attribute("finish")) }
/<UnitTestResult / {
	name = attribute("testName")
	sub(/\(.*$/, "", name)
	sub(/\.[^.]*$/, "", name)
	sub(/^.*\./, "", name)
	taken[name] += seconds(attribute("duration"))
	count[name]++
	starts[++results] = seconds(attribute("startTime"))
	ends[results] = seconds(attribute("endTime"))
}

END {
	for (name in taken) printf "class %8.1f %5d  %s\n", taken[name], count[name], name

	# The union of the tests' intervals, in order of their starts.
	for (i = 2; i <= results; i++) {
		for (j = i; j > 1 && starts[j - 1] > starts[j]; j--) {
			t = starts[j]; starts[j] = starts[j - 1]; starts[j - 1] = t
			t = ends[j]; ends[j] = ends[j - 1]; ends[j - 1] = t
		}
	}
	until = began
	for (i = 1; i <= results; i++) {
		if (starts[i] > until) idle += starts[i] - until
		if (ends[i] > until) until = ends[i]
	}
	if (ended > until) idle += ended - until
	project = FILENAME
	sub(/^.*\//, "", project)
	sub(/\.trx$/, "", project)
	printf "idle %7.0f  %s\n", idle, project
}
