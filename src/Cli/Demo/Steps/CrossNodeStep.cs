using System.Globalization;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo.Steps;

/// <summary>A request between nodes is encrypted.</summary>
internal sealed class CrossNodeStep : IDemoStep
{
    public string Name => "between-nodes";

    public string Title => "Between nodes: mutual TLS, nothing readable on the link";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var capture = await LinkCapture.StartAsync(world.Node1, cancellationToken);
        await DemoWorld.RequireAnswersAsync(world.Client, world.Far, cancellationToken);
        var link = await capture.FinishAsync(DemoWorld.Marker, DemoWorld.Port);
        DemoFailedException.ThrowUnless(!link.MarkerSeen, "the page was readable on the link");
        DemoFailedException.ThrowUnless(link.ApplicationPackets == 0, $"{link.ApplicationPackets} packets of the application's port were on the link");
        DemoFailedException.ThrowUnless(link.ApplicationRecords > 0, $"no TLS records among {link.TunnelPackets} packets of the tunnel");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"curl over IPv4 and IPv6: {link.TunnelPackets} packets to port 15008 with {link.Handshakes} handshake and {link.ApplicationRecords} data records of TLS, 0 with plaintext; nginx saw {world.Client.Address4} and {world.Client.Address6}");
    }
}
