using Culvert.NodeAgent.Hosting;

namespace Culvert.NodeAgent.Tests.Hosting;

public sealed class CapabilitiesTests
{
    [Theory]
    [InlineData("000001ffffffffff", "")]
    [InlineData("0000000000201000", "")] // NET_ADMIN and SYS_ADMIN, as before Linux 5.8
    [InlineData("000000c000201000", "")] // NET_ADMIN, SYS_ADMIN, PERFMON, BPF
    [InlineData("000000c000001000", "CAP_SYS_ADMIN")]
    [InlineData("000001ffffffefff", "CAP_NET_ADMIN")]
    [InlineData("0000004000001000", "CAP_BPF CAP_SYS_ADMIN")]
    [InlineData("0000000000000000", "CAP_NET_ADMIN CAP_BPF CAP_PERFMON CAP_SYS_ADMIN")]
    public void What_is_missing_is_named(string effective, string missing) =>
        Assert.Equal(missing, string.Join(' ', Capabilities.Missing(["Name:\tx", $"CapEff:\t{effective}", "CapBnd:\t0"]).Select(m => m.Split(' ')[0])));
}
