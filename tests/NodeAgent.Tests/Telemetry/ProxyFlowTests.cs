using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Tests.Proxy;
using Microsoft.Extensions.Logging.Abstractions;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>What flow records say of the proxy's connections: also of those that it refused, or could not make.</summary>
public sealed class ProxyFlowTests
{
    public static TheoryData<string> Failures => [.. Enum.GetNames<ProxyFailure>().Where(n => n != nameof(ProxyFailure.None))];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task AConnectionThatWasNotMadeIsNeverSaidToBeAllowed(string failure)
    {
        ProxyFailure why = Enum.Parse<ProxyFailure>(failure);
        FlowRecord record = await ObserveAsync(o => o.OnFailed(Connection(), why, null));

        Wire.Verdict expected = ProxyFailuresTests.Refusals.Contains(why) ? Wire.Verdict.Deny : Wire.Verdict.Error;
        Assert.Equal(expected, FlowMapping.ToWire(record, new NodeSnapshot()).Verdict);
        Assert.All(Enum.GetValues<Wire.Verdict>(), v => Assert.Equal(v == Wire.Verdict.Unspecified || v == expected, FlowFilterMatcher.Matches(new Wire.FlowFilter { Verdict = v }, record)));
    }

    [Theory]
    [InlineData("None", Wire.Verdict.Allow)]
    [InlineData("ApplicationReset", Wire.Verdict.Allow)]
    [InlineData("TunnelReset", Wire.Verdict.Allow)]
    [InlineData("PolicyChanged", Wire.Verdict.Deny)]
    [InlineData("Overload", Wire.Verdict.Deny)]
    public async Task AConnectionThatWasMadeIsSaidToBeAllowedUnlessTheMeshEndedIt(string failure, Wire.Verdict expected)
    {
        ProxyConnectionEnd end = new(1, 2, TimeSpan.FromSeconds(3), Enum.Parse<ProxyFailure>(failure));
        FlowRecord record = await ObserveAsync(o => o.OnClosed(Connection(), end));
        Assert.Equal(expected, FlowMapping.ToWire(record, new NodeSnapshot()).Verdict);
    }

    [Theory]
    [InlineData("spiffe://cluster.local/ns/shop/sa/web", "shop/web")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/other", null)]
    [InlineData(null, null)]
    public async Task AClientOfAnotherNodeIsNamedByAddressAndIdentityTogether(string? identity, string? expected)
    {
        WorkloadInfo web = new()
        {
            Uid = "shop/web",
            Name = new NamespacedName("shop", "web"),
            ServiceAccount = "web",
            Identity = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/web"),
            Node = "n2",
            Addresses = [IPAddress.Parse("10.0.0.1")],
        };
        NodeSnapshot snapshot = new() { Node = "n1", Workloads = ImmutableDictionary<string, WorkloadInfo>.Empty.Add(web.Uid, web) };
        ProxyConnectionInfo connection = Connection() with { Direction = ProxyDirection.Inbound, SourceIdentity = identity is null ? null : SpiffeId.Parse(identity) };
        FlowRecord record = await ObserveAsync(o => o.OnOpened(connection), snapshot);
        Assert.Equal(expected, record.SourceWorkload?.Uid);
    }

    private static async Task<FlowRecord> ObserveAsync(Action<ProxyObserver> what, NodeSnapshot? snapshot = null)
    {
        SnapshotIndex index = new(snapshot ?? new NodeSnapshot());
        FlowLog log = new();
        AgentMetrics metrics = new(new MetricRegistry());
        using ProxyObserver observer = new(new FlowSink(metrics, log, null), metrics, () => index, 1, TimeProvider.System, NullLogger.Instance);
        (_, FlowFollower follower) = log.Follow();
        using (follower)
        {
            what(observer);
            return await follower.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }
    }

    private static ProxyConnectionInfo Connection() => new()
    {
        Source = new SocketEndPoint(IPAddress.Parse("10.0.0.1"), 40_000),
        Destination = new SocketEndPoint(IPAddress.Parse("10.0.0.2"), 80),
        Target = new SocketEndPoint(IPAddress.Parse("10.0.0.2"), 80),
    };
}
