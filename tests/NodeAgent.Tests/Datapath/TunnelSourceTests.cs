using System.Net;
using Culvert.Core;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>From whose addresses settings and the node's routing rules have tunnels opened.</summary>
public sealed class TunnelSourceTests
{
    private const int Uplink = 3, Other = 4;
    private static readonly HashSet<IPAddress> Workloads = [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("fd00::1")];

    [Theory]
    [InlineData(TunnelSource.Auto, "10.0.0.1", new[] { Uplink }, true, "rule 7 leads what comes from 10.0.0.1 to table 2")]
    [InlineData(TunnelSource.Auto, "fd00::1", new[] { Uplink }, true, "rule 7 leads what comes from fd00::1 to table 2")]
    [InlineData(TunnelSource.Auto, "10.0.0.2", new[] { Uplink }, false, null)]
    [InlineData(TunnelSource.Auto, "10.0.0.1", new[] { Uplink, Other }, false, "rule 7 leads what comes from 10.0.0.1 to table 2, which leads out by what is no uplink: it does not count")]
    [InlineData(TunnelSource.Auto, "10.0.0.1", new int[] { }, false, "rule 7 leads what comes from 10.0.0.1 to table 2, which has no route")]
    [InlineData(TunnelSource.Node, "10.0.0.1", new[] { Uplink }, false, "rule 7 leads what comes from 10.0.0.1 to table 2")]
    [InlineData(TunnelSource.Pod, "10.0.0.2", new[] { Uplink }, true, null)]
    public void By_default_rules_about_workloads_say_so(TunnelSource configured, string source, int[] outputs, bool isPod, string? reason)
    {
        TunnelSourceInForce inForce = TunnelSourceInForce.Of(configured, [new(RuleAbout(IPAddress.Parse(source)), outputs.ToEquatableArray())], Workloads, new HashSet<int> { Uplink });
        Assert.Equal(isPod, inForce.IsPod);
        Assert.Equal(reason is null ? [] : [reason], inForce.Reasons);
    }

    private static IpRule RuleAbout(IPAddress source) => new() { Family = source.AddressFamily, Priority = 7, Source = new IPNetwork(source, source.GetAddressBytes().Length * 8), Table = 2 };
}
