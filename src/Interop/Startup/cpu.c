// Ends a native program on an x86-64 CPU that lacks instructions of its code, before any of that code runs.
// Without this check SIGILL would end it, without a message. The instructions are those of x86-64-v2.
// eng/native.targets names them to the compiler and links this file.
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

// "It could not start", as the agent and the controller have it.
#define FAILED 1

static const struct {
	unsigned int bit; // of ECX of CPUID leaf 1
	const char *name;
} needed[] = {
	{ bit_SSE3, "SSE3" },     { bit_SSSE3, "SSSE3" },   { bit_CMPXCHG16B, "CMPXCHG16B" },
	{ bit_SSE4_1, "SSE4.1" }, { bit_SSE4_2, "SSE4.2" }, { bit_POPCNT, "POPCNT" },
};

__attribute__((constructor)) static void check_cpu(void)
{
	unsigned int eax, ebx, ecx = 0, edx;
	unsigned int i;

	__get_cpuid(1, &eax, &ebx, &ecx, &edx);
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ecx & needed[i].bit)
			continue;
		dprintf(STDERR_FILENO,
		        "%s: this CPU has no %s; an x86-64 CPU with SSE4.2 and POPCNT (x86-64-v2) is needed. "
		        "In a virtual machine, choose another CPU model, such as the host's.\n",
		        program_invocation_short_name, needed[i].name);
		_exit(FAILED);
	}
}
