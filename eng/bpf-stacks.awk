# Tells of each chain of calls in a BPF object whose stack an older kernel refuses. Input: llvm-objdump -dr --no-show-raw-insn
# --no-print-imm-hex OBJECT.
# The verifier adds up the frames of a chain, each rounded up to 32 bytes (Linux 5.10, 6.1; to 16 by newer ones, with the JIT), and allows 512
# for all (check_max_stack_depth in kernel/bpf/verifier.c): what loads on a new kernel need not load on an old one. A frame is taken to reach as
# far down as an offset from r10 does. Exits with 1 and the chain when one is too deep.
/^Disassembly of section / { text = $4 == ".text:" }
/^[0-9a-f]+ <[A-Za-z_]+[A-Za-z0-9_]*>:$/ {
	name = $2
	gsub(/[<>:]/, "", name)
	if (name ~ /^LBB/) next
	if (text) function_at[$1] = name
	current = name
	depth[current] = 1
	next
}
/(r10 - |\+= -|call )0x/ {
	print "bpf-stacks: numbers are hexadecimal: " $0
	failed = 1
	exit
}
match($0, /r10 - [0-9]+/) { reaches(substr($0, RSTART + 6, RLENGTH - 6)) }
match($0, /r[0-9] = r10$/) { is_frame_pointer[substr($0, RSTART, 2)] = 1; next }
match($0, /r[0-9] \+= -[0-9]+$/) && is_frame_pointer[substr($0, RSTART, 2)] {
	reaches(substr($0, RSTART + 7))
	is_frame_pointer[substr($0, RSTART, 2)] = 0
}
$2 == "call" { target = $3 }
# A call of a static function has the section as its symbol, and where in it as its operand.
/R_BPF_64_32/ { calls[current] = calls[current] " " ($NF == ".text" ? "@" sprintf("%016x", (target + 1) * 8) : $NF) }
END {
	if (failed) exit 1
	if (current == "") {
		print "bpf-stacks: there is no function"
		exit 1
	}
	for (name in depth)
		if (total(name) > 512) {
			printf "bpf-stacks: %d of 512 bytes of stack (frames rounded up to 32, as Linux 6.1 does): %s\n", total(name), chain[name]
			failed = 1
		}
	exit failed
}
function reaches(bytes) { if (bytes + 0 > depth[current]) depth[current] = bytes + 0 }
function total(name,    callees, count, i, callee, deepest, below) {
	if (name in sum) return sum[name]
	count = split(calls[name], callees, " ")
	for (i = 1; i <= count; i++) {
		callee = callees[i] ~ /^@/ ? function_at[substr(callees[i], 2)] : callees[i]
		if (!(callee in depth)) {
			printf "bpf-stacks: %s calls %s, which is nowhere\n", name, callees[i]
			failed = 1
			continue
		}
		if (total(callee) > deepest) {
			deepest = total(callee)
			below = " -> " chain[callee]
		}
	}
	chain[name] = name " (" depth[name] ")" below
	return sum[name] = int((depth[name] + 31) / 32) * 32 + deepest
}
