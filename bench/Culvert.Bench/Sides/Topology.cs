using Culvert.Bench.Datagrams;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>
/// Two nodes on one link; on the first a client pod and a server pod, on the second a server pod. A third node with a server pod is far away. Built twice by
/// the same code, once for each side of the comparison, so that both sides run over the same kind of veths, routes and settings.
/// </summary>
internal sealed record Topology(
    Lab Lab, LabNode NodeA, LabNode NodeB, LabNode NodeFar, LabPod Client, LabPod ServerSame, LabPod ServerCross, LabPod ServerFar)
{
    public static async Task<Topology> CreateAsync(Lab lab, LabWireOptions farWire, CancellationToken cancellationToken)
    {
        LabNode a = await lab.AddNodeAsync("node-a", cancellationToken);
        LabNode b = await lab.AddNodeAsync("node-b", cancellationToken);
        LabNode far = await lab.AddNodeAsync("node-far", farWire, cancellationToken);
        return new Topology(
            lab, a, b, far,
            await lab.AddPodAsync(a, "client", cancellationToken),
            await lab.AddPodAsync(a, "server-same", cancellationToken),
            await lab.AddPodAsync(b, "server-cross", cancellationToken),
            await lab.AddPodAsync(far, "server-far", cancellationToken));
    }

    /// <summary>The client calling a server by its own address, with nothing of the peer's in between.</summary>
    public Target Direct(LabPod server) => DatagramApplication.At(Client, server, server.Address4.ToString());
}
