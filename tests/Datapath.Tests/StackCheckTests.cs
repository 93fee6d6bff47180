using System.Diagnostics;
using Culvert.Tests.Shared;

namespace Culvert.Datapath.Tests;

/// <summary>What the build finds too deep for the verifiers of older kernels (<c>eng/bpf-stacks.awk</c>).</summary>
public sealed class StackCheckTests
{
    [Theory]
    [InlineData(256, 256, "")]
    [InlineData(256, 257, "bpf-stacks: 544 of 512 bytes of stack (frames rounded up to 32, as Linux 6.1 does): entry (256) -> callee (257)\n")]
    public async Task A_chain_is_as_deep_as_its_frames_rounded_up(int caller, int callee, string said) => Assert.Equal((said.Length > 0 ? 1 : 0, said), await CheckAsync($"""

        Disassembly of section .text:

        0000000000000000 <callee>:
               0:	r3 = r10
               1:	r2 = r10
               2:	r3 += -8
               3:	r2 += -{callee}
               4:	exit

        Disassembly of section tc:

        0000000000000000 <entry>:
               0:	*(u32 *)(r10 - {caller}) = r1
               1:	call -1
        		0000000000000008:  R_BPF_64_32	.text
               2:	exit

        """));

    [Theory]
    [InlineData("", "bpf-stacks: there is no function\n")]
    [InlineData("0000000000000000 <entry>:\n       0:\t*(u32 *)(r10 - 0x28) = r1\n", "bpf-stacks: numbers are hexadecimal:        0:\t*(u32 *)(r10 - 0x28) = r1\n")]
    [InlineData("0000000000000000 <entry>:\n       0:\tcall -1\n\t\t0000000000000000:  R_BPF_64_32\tnobody\n", "bpf-stacks: entry calls nobody, which is nowhere\n")]
    public async Task What_it_can_not_read_is_no_proof(string listing, string said) => Assert.Equal((1, said), await CheckAsync(listing));

    private static async Task<(int Code, string Said)> CheckAsync(string listing)
    {
        using var awk = Process.Start(new ProcessStartInfo("awk", ["-f", Repository.PathOf("eng/bpf-stacks.awk")]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await awk.StandardInput.WriteAsync(listing);
        awk.StandardInput.Close();
        var said = await awk.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await awk.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (awk.ExitCode, said);
    }
}
