using Culvert.Cli.Labs;
using Culvert.Cli.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Datagrams over a link that loses one packet in twenty in each direction, 10 ms there and back.</summary>
public sealed class LossyLinkTests
{
    private const double Loss = 0.05;

    // Of a link that loses 5 % itself. Nodes whose tunnels took loss for congestion lost 76 % of these (one port) and 51 % (32 ports), and got 97 % and more later than that.
    private const double MostLostOrLate = 0.15;
    private const double LateMilliseconds = 200;

    [Theory]
    [InlineData(TestFamily.IPv4, 1)]
    [InlineData(TestFamily.IPv6, 32)]
    public async Task Datagrams_between_nodes_get_through_a_link_that_loses_packets(TestFamily family, int ports)
    {
        await using var mesh = await MeshLab.CreateAsync(new MeshLabOptions());
        var near = await mesh.AddNodeAsync("near");
        var far = await mesh.AddNodeAsync("far", new LabWireOptions { Delay = TimeSpan.FromMilliseconds(5) });
        foreach (var node in mesh.Nodes)
        {
            // Every kernel has it and lets a namespace choose it. It slows down at each loss, as cubic does, the default of most nodes.
            await node.Place.ScriptAsync("sysctl -q -w net.ipv4.tcp_congestion_control=reno");
        }

        mesh.Objects.Write("mesh", MeshObjects.Mesh());
        MeshFixture.AllowClient(mesh);
        var client = await mesh.AddPodAsync(near, "client", "client");
        var server = await mesh.AddPodAsync(far, "server", "web");
        await MeshFixture.StartAsync(mesh);
        far.Place.Wire!.Loss = Loss;

        var ages = await DatagramAges.MeasureAsync(client, server, family, ports, rate: 10_000, TimeSpan.FromSeconds(5));

        TestContext.Current.TestOutputHelper!.WriteLine(ages.ToString());
        Assert.True(ages.LostOrLater(LateMilliseconds * LabWait.Patience) <= MostLostOrLate, ages.ToString());
    }
}
