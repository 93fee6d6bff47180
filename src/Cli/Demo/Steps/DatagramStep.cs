using System.Globalization;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;

namespace Culvert.Cli.Demo.Steps;

/// <summary>Datagrams: on one node through the kernel, between nodes encrypted.</summary>
internal sealed class DatagramStep(bool sameNode) : IDemoStep
{
    public string Name => sameNode ? "udp-same-node" : "udp-between-nodes";

    public string Title => sameNode ? "UDP on one node stays in the kernel" : "UDP between nodes: in the mutual TLS tunnel, no datagram on the link";

    public Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken) => sameNode ? NearAsync(world, cancellationToken) : FarAsync(world, cancellationToken);

    private static async Task<string> NearAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        await DatagramServer.EnsureAsync(world, world.Near, cancellationToken);
        var before = await ProxiedAsync(world, cancellationToken);
        await DatagramServer.RequireAnswersAsync(world.Client, world.Near, cancellationToken);
        await world.Node1.WaitForFlowAsync("the direct UDP flow", f => IsUdpTo(f, "near") && f.Path == FlowPath.Direct, cancellationToken);
        var proxied = await ProxiedAsync(world, cancellationToken) - before;
        DemoFailedException.ThrowUnless(proxied == 0, $"the proxy took {proxied} datagrams");
        return $"IPv4 and IPv6: answered, flow direct, 0 datagrams in the proxy; nginx saw {world.Client.Address4} and {world.Client.Address6}";
    }

    private static async Task<string> FarAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        await DatagramServer.EnsureAsync(world, world.Far, cancellationToken);
        var headers = await HeadersAsync(world, cancellationToken);
        var capture = await LinkCapture.StartAsync(world.Node1, cancellationToken);
        await DatagramServer.RequireAnswersAsync(world.Client, world.Far, cancellationToken);
        var link = await capture.FinishAsync(DemoWorld.Marker, DatagramServer.Port);
        DemoFailedException.ThrowUnless(!link.MarkerSeen, "the answer was readable on the link");
        DemoFailedException.ThrowUnless(link.Datagrams == 0, $"{link.Datagrams} UDP packets were on the link");
        DemoFailedException.ThrowUnless(link.ApplicationRecords > 0, $"no TLS records among {link.TunnelPackets} packets of the tunnel");
        var flow = await world.Node2.WaitForFlowAsync("the tunnelled UDP session", f => IsUdpTo(f, "far") && f.Path == FlowPath.Tunnel, cancellationToken);
        headers = await HeadersAsync(world, cancellationToken) - headers;
        DemoFailedException.ThrowUnless(headers >= 2, $"the kernel put a PROXY header before {headers} datagrams, not 2");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"IPv4 and IPv6: {headers:0} PROXY v2 headers by the kernel, {link.ApplicationRecords} TLS records on the link, 0 UDP packets; node2 authorised {flow.Source.Identity}; nginx saw {world.Client.Address4} and {world.Client.Address6}");
    }

    private static bool IsUdpTo(Flow flow, string pod) =>
        flow.Protocol == TransportProtocol.Udp && flow.Verdict == Verdict.Allow && flow.Destination.WorkloadUid.EndsWith(pod, StringComparison.Ordinal) && flow.Destination.Port == DatagramServer.Port;

    private static async Task<double> ProxiedAsync(DemoWorld world, CancellationToken cancellationToken) =>
        (await world.Node1.MetricsAsync(cancellationToken)).Sum("culvert_udp_datagrams_total");

    private static async Task<double> HeadersAsync(DemoWorld world, CancellationToken cancellationToken) =>
        (await world.Node1.MetricsAsync(cancellationToken)).Sum("culvert_datapath_datagrams_total", "delivery=\"header\"");
}
