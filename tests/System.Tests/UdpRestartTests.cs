using System.Diagnostics;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Datagrams while an agent stops, dies and comes back. Nobody opens a new socket.</summary>
[Collection(MeshCollection.Name)]
public sealed class UdpRestartTests(MeshFixture mesh)
{
    [Theory]
    [InlineData(false, TestFamily.IPv4)]
    [InlineData(false, TestFamily.IPv6)]
    [InlineData(true, TestFamily.IPv4)]
    [InlineData(true, TestFamily.IPv6)]
    public async Task On_a_node_no_datagram_is_lost_while_its_agent_restarts_and_between_nodes_they_go_on_after_it(bool kill, TestFamily family)
    {
        await using var near = UdpPeer.StartEcho(mesh.Near, family);
        await using var far = UdpPeer.StartEcho(mesh.Far, family);
        using var direct = UdpPeer.Connect(mesh.Client, near.EndPoint);
        using var known = UdpPeer.Connect(mesh.Client, near.EndPoint); // two exchanges on one socket would take each other's answers
        using var tunnelled = UdpPeer.Connect(mesh.Client, far.EndPoint);
        await UdpPeer.ExchangeAsync(direct, [1]);
        await UdpPeer.ExchangeAsync(known, [1]);
        await UdpPeer.ExchangeAsync(tunnelled, [1]);
        using var stop = new CancellationTokenSource();
        var going = Task.Run(() => ExchangeUntilAsync(direct, stop.Token));

        await (kill ? mesh.Node1.KillAgentAsync() : mesh.Node1.StopAgentAsync());
        await UdpPeer.ExchangeAsync(known, [2]);
        using (var fresh = UdpPeer.Connect(mesh.Client, near.EndPoint))
        {
            await UdpPeer.ExchangeAsync(fresh, [3]);
        }

        await NothingPassesAsync(tunnelled);
        await mesh.Node1.StartAgentAsync();
        await UdpPeer.ExchangeAsync(tunnelled, [4], tries: 20, secondsPerTry: 0.5);
        await stop.CancelAsync();
        Assert.InRange(await going, 10, int.MaxValue);
    }

    [Theory]
    [InlineData(false, TestFamily.IPv4)]
    [InlineData(false, TestFamily.IPv6)]
    [InlineData(true, TestFamily.IPv4)]
    [InlineData(true, TestFamily.IPv6)]
    public async Task Between_nodes_datagrams_go_on_after_a_restart_of_the_other_node_s_agent(bool kill, TestFamily family)
    {
        await using var far = UdpPeer.StartEcho(mesh.Far, family);
        using var client = UdpPeer.Connect(mesh.Client, far.EndPoint);
        await UdpPeer.ExchangeAsync(client, [1]);

        var started = Stopwatch.GetTimestamp();
        await (kill ? mesh.Node2.KillAgentAsync() : mesh.Node2.StopAgentAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(4) * LabWait.Patience); // it does not wait for sessions
        await NothingPassesAsync(client);
        await mesh.Node2.StartAgentAsync();

        await UdpPeer.ExchangeAsync(client, [3], tries: 40, secondsPerTry: 0.5);
    }

    // Neither past the proxy nor in plaintext; only time can show that nothing comes.
    private static Task NothingPassesAsync(Socket tunnelled) =>
        Assert.ThrowsAsync<TimeoutException>(() => UdpPeer.ExchangeAsync(tunnelled, "into the gap"u8.ToArray(), secondsPerTry: 1));

    // One at a time; each has to come back.
    private static async Task<int> ExchangeUntilAsync(Socket socket, CancellationToken stop)
    {
        var count = 0;
        using var clock = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        for (; !stop.IsCancellationRequested; count++)
        {
            await UdpPeer.ExchangeAsync(socket, BitConverter.GetBytes(count));
            await clock.WaitForNextTickAsync(CancellationToken.None);
        }

        return count;
    }
}
