using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Many datagrams, none lost, none twice, none changed, none before one that was sent earlier.</summary>
[Collection(MeshCollection.Name)]
public sealed class UdpVolumeTests(MeshFixture mesh)
{
    // Bytes that a tunnel holds although the other end does not get to run; the rest would be dropped, and counted.
    private const int RoomInTunnel = 200_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData(TestFamily.IPv4, 200)]
    [InlineData(TestFamily.IPv6, 100)]
    public async Task A_million_datagrams_arrive_on_the_same_node(TestFamily family, int size)
    {
        const int Count = 1_000_000;
        using var flood = UdpFlood.Create(mesh.Client, mesh.Near, family, size);
        var arrived = await flood.RunAsync(Count, rate: 250_000, inFlight: 8_000, batches: false, Patience);
        Assert.Equal((Count, 0, 0), (arrived, flood.Wrong, flood.OutOfOrder));
    }

    [Theory]
    [InlineData(TestFamily.IPv4, false, 200, 200_000)]
    [InlineData(TestFamily.IPv4, true, 1200, 50_000)]
    [InlineData(TestFamily.IPv6, false, 1200, 50_000)]
    [InlineData(TestFamily.IPv6, true, 100, 50_000)]
    public async Task Datagrams_at_a_bounded_rate_arrive_on_another_node(TestFamily family, bool batches, int size, int count)
    {
        var before = await DroppedAsync();
        using var flood = UdpFlood.Create(mesh.Client, mesh.Far, family, size);
        var arrived = await flood.RunAsync(count, rate: 40_000, inFlight: Math.Min(500, RoomInTunnel / size), batches, Patience);
        Assert.Equal((count, 0, 0, before), (arrived, flood.Wrong, flood.OutOfOrder, await DroppedAsync()));
    }

    private async Task<double> DroppedAsync() =>
        (await mesh.Node1.MetricsAsync()).Sum("culvert_udp_dropped_total") + (await mesh.Node2.MetricsAsync()).Sum("culvert_udp_dropped_total");
}
