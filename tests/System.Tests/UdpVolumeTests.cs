using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Many datagrams, none lost, none twice, none changed.</summary>
[Collection(MeshCollection.Name)]
public sealed class UdpVolumeTests(MeshFixture mesh)
{
    // Bytes that a tunnel holds although the other end does not get to run; the rest would be dropped, and counted.
    private const int RoomInTunnel = 200_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task A_million_datagrams_in_batches_arrive_on_the_same_node()
    {
        const int Count = 1_000_000;
        using var flood = UdpFlood.Create(mesh.Client, mesh.Near, TestFamily.IPv6, 100);
        Assert.Equal(Count, await flood.RunAsync(Count, rate: 250_000, onTheWay: 8_000, trains: false, Patience));
        Assert.Equal(0, flood.Wrong);
    }

    [Theory]
    [InlineData(TestFamily.IPv4, false, 100)]
    [InlineData(TestFamily.IPv4, true, 1200)]
    [InlineData(TestFamily.IPv6, false, 1200)]
    [InlineData(TestFamily.IPv6, true, 100)]
    public async Task Fifty_thousand_datagrams_a_case_arrive_on_another_node(TestFamily family, bool trains, int size)
    {
        const int Count = 50_000;
        var before = await DroppedAsync();
        using var flood = UdpFlood.Create(mesh.Client, mesh.Far, family, size);
        var arrived = await flood.RunAsync(Count, rate: 40_000, onTheWay: Math.Min(500, RoomInTunnel / size), trains, Patience);
        Assert.Equal((Count, 0, before), (arrived, flood.Wrong, await DroppedAsync()));
    }

    private async Task<double> DroppedAsync() =>
        (await mesh.Node1.MetricsAsync()).Sum("culvert_udp_dropped_total") + (await mesh.Node2.MetricsAsync()).Sum("culvert_udp_dropped_total");
}
