using System.Globalization;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo.Steps;

/// <summary>Everything above is in the metrics.</summary>
internal sealed class MetricsStep : IDemoStep
{
    public string Name => "metrics";

    public string Title => "Metrics of both nodes tell the same story";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var node1 = await world.Node1.MetricsAsync(cancellationToken);
        var node2 = await world.Node2.MetricsAsync(cancellationToken);
        var tunnelled = node2.Sum("culvert_tcp_connections_opened_total", "path=\"tunnel\"", "reporter=\"destination\"", $"source_principal=\"{MeshObjects.Identity("client")}\"");
        var refused = node2.Sum("culvert_tcp_connections_failed_total", $"source_principal=\"{MeshObjects.Identity("guest")}\"");
        var handshakes = node2.Sum("culvert_tls_handshakes_total", "result=\"ok\"");
        DemoFailedException.ThrowUnless(tunnelled > 0, "node2 counted no tunnelled connection from the client");
        DemoFailedException.ThrowUnless(refused > 0, "node2 counted no refused connection of the guest");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{node1.Count} and {node2.Count} samples; node2: {tunnelled:0} connections by tunnel from the client, {refused:0} of the guest refused, {handshakes:0} handshakes");
    }
}
