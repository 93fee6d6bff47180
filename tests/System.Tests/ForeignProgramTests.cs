using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Filters of others at a pod's interface, a CNI's or a policy engine's, see what passes and what is captured: it must not get past them by being enrolled.</summary>
[Collection(MeshCollection.Name)]
public sealed class ForeignProgramTests(MeshFixture mesh) : IAsyncLifetime
{
    // Where nobody listens.
    private const string Sink = "cvsink";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private string Interface => mesh.Client.HostInterface;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await mesh.Node1.Place.RunAsync("tc", ["qdisc", "del", "dev", Interface, "clsact"]);
        await mesh.Node1.Place.RunAsync("ip", ["link", "del", Sink]);
    }

    [Theory]
    [InlineData(false, TestFamily.IPv4)]
    [InlineData(false, TestFamily.IPv6)]
    [InlineData(true, TestFamily.IPv4)]
    [InlineData(true, TestFamily.IPv6)]
    public async Task A_foreign_filter_takes_what_leaves_a_pod(bool leavesMesh, TestFamily family)
    {
        LabNamespace place = leavesMesh ? mesh.Node2.Place : mesh.Far;
        await using var server = PeerServer.Start(place, MeshFixture.AddressOf(place, family), PeerServer.EchoAsync);
        await mesh.Node1.Place.ScriptAsync($"""
            ip link add {Sink} type veth peer name {Sink}p
            ip link set {Sink} up
            tc qdisc add dev {Interface} clsact
            tc filter add dev {Interface} ingress protocol {(family == TestFamily.IPv4 ? "ip u32 match ip" : "ipv6 u32 match ip6")} protocol 6 0xff action mirred egress redirect dev {Sink}
            """);

        Task<Socket> connecting = PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await LabWait.UntilAsync("the filter has taken a packet", async () => await TakenAsync() > 0, Deadline);
        Assert.False(connecting.IsCompleted);

        // The SYN comes again.
        await mesh.Node1.Place.ScriptAsync($"tc qdisc del dev {Interface} clsact");
        using Socket client = await connecting;
        await PeerServer.SendAllAsync(client, new byte[1]);
        Assert.Equal(1, await client.ReceiveAsync(new byte[1]).WaitAsync(Deadline));
    }

    private async Task<long> TakenAsync()
    {
        using var filters = JsonDocument.Parse(await mesh.Node1.Place.ScriptAsync($"tc -s -j filter show dev {Interface} ingress"));
        return filters.RootElement.EnumerateArray().Where(f => f.TryGetProperty("options", out var options) && options.TryGetProperty("actions", out _))
            .SelectMany(f => f.GetProperty("options").GetProperty("actions").EnumerateArray())
            .Sum(a => a.GetProperty("stats").GetProperty("packets").GetInt64());
    }
}
