using System.Globalization;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo.Steps;

/// <summary>A request on one node stays in the kernel.</summary>
internal sealed class SameNodeStep : IDemoStep
{
    private static readonly string[] Reporters = ["source", "destination"];

    public string Name => "same-node";

    public string Title => "Same node: requests stay in the kernel, the proxy sees no byte";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var before = await world.Node1.MetricsAsync(cancellationToken);
        await DemoWorld.RequireAnswersAsync(world.Client, world.Near, cancellationToken);
        await world.Node1.WaitForFlowAsync(
            "the closed kernel flow",
            f => f.Path == Protocol.V1.FlowPath.Direct && f.Event == Protocol.V1.FlowEvent.Closed && f.Destination.WorkloadUid.EndsWith("near", StringComparison.Ordinal),
            cancellationToken);
        var after = await world.Node1.MetricsAsync(cancellationToken);
        var proxied = ProxyBytes(after) - ProxyBytes(before);
        var direct = Direct(after) - Direct(before);
        DemoFailedException.ThrowUnless(proxied == 0, $"the proxy carried {proxied} bytes");
        DemoFailedException.ThrowUnless(direct >= 2, $"the kernel counted {direct} direct connections, not 2");
        return string.Create(CultureInfo.InvariantCulture, $"curl over IPv4 and IPv6: {direct:0} connections by kernel programs, proxy bytes 0; nginx saw {world.Client.Address4} and {world.Client.Address6}");
    }

    private static double Direct(MetricSamples metrics) => metrics.Sum("culvert_tcp_connections_opened_total", "reporter=\"kernel\"", "path=\"direct\"");

    private static double ProxyBytes(MetricSamples metrics) => Reporters.Sum(reporter =>
        metrics.Sum("culvert_tcp_sent_bytes_total", $"reporter=\"{reporter}\"") + metrics.Sum("culvert_tcp_received_bytes_total", $"reporter=\"{reporter}\""));
}
