using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;
using Culvert.Tests.Shared;

namespace Culvert.SystemTests.Coexist;

/// <summary>What the CNI's bandwidth plugin allows a pod, in each direction, is all that it gets, whichever way its packets take in the mesh.</summary>
[Collection(AloneCollection.Name)]
public sealed class BandwidthTests
{
    private const double BitsPerSecond = 16e6;
    private const int BurstBytes = 32 * 1024, TransferBytes = 512 * 1024, Datagrams = 400, DatagramBytes = 1200;

    // No shaper lets more through than its rate and its burst; a tenth less is for headers that are not counted alike.
    private static readonly TimeSpan Least = TimeSpan.FromSeconds((TransferBytes - BurstBytes) * 8 / BitsPerSecond * 0.9);

    // As the plugin has it: what goes into the pod is shaped where it leaves the host's end, what comes out of it by way of an ifb device.
    private static readonly string Shaping = $"""
        [ $1 = 1 ] || exit 0
        ip link add bwp0 mtu 1500 type ifb
        ip link set bwp0 up
        tc qdisc add dev bwp0 root tbf rate {BitsPerSecond:0}bit burst {BurstBytes} latency 25ms
        tc qdisc add dev cvclient root tbf rate {BitsPerSecond:0}bit burst {BurstBytes} latency 25ms
        tc qdisc add dev cvclient handle ffff: ingress
        tc filter add dev cvclient parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev bwp0
        """;

    [Fact]
    public async Task A_pod_gets_no_more_than_its_share_of_the_network()
    {
        await using var lab = await CoexistLab.CreateAsync();
        LabPod[] others = [lab.Near, lab.Far, lab.Plain, lab.Outer];
        foreach (var other in others)
        {
            var free = await FloodAsync(lab.Client, other, TestFamily.IPv4);
            Assert.True(free.Bytes > Most(free.Within), $"nothing shapes yet, but of {Datagrams} datagrams from client to {other} only {free.Bytes} bytes came in {free.Within.TotalSeconds:0.00} s");
        }

        await lab.ApplyAsync(Shaping);
        await using var sinks = Sinks.Start([lab.Client, .. others]);

        await AssertLimitedAsync("before pods are enrolled");
        await lab.EnrolAsync();
        await AssertLimitedAsync("with pods enrolled");
        await lab.RestartAsync();
        await AssertLimitedAsync("after a restart of the agents");
        await lab.RemoveAsync();
        await AssertLimitedAsync("after the mesh was removed");

        async Task AssertLimitedAsync(string when)
        {
            foreach (var family in Enum.GetValues<TestFamily>())
            {
                foreach (var other in others)
                {
                    await AssertTakesAsync($"{when}, {family}, client to {other}", lab.Client, sinks.At(other, family));
                    await AssertTakesAsync($"{when}, {family}, {other} to client", other, sinks.At(lab.Client, family));
                    await AssertPassesAsync($"{when}, {family}, client to {other}", lab.Client, other, family);
                    await AssertPassesAsync($"{when}, {family}, {other} to client", other, lab.Client, family);
                }
            }
        }
    }

    private static async Task AssertTakesAsync(string what, LabPod from, IPEndPoint to)
    {
        using Socket socket = await PeerServer.ConnectAsync(from, to);
        var clock = Stopwatch.StartNew();
        await PeerServer.SendAllAsync(socket, new byte[TransferBytes]);
        socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(20) * LabWait.Patience));
        Assert.True(clock.Elapsed >= Least, $"{what}: {TransferBytes} bytes took {clock.Elapsed.TotalSeconds:0.00} s, which is less than {Least.TotalSeconds:0.00}");
    }

    private static double Most(TimeSpan within) => (BurstBytes + (within.TotalSeconds * BitsPerSecond / 8)) * 1.1;

    private static async Task AssertPassesAsync(string what, LabPod from, LabPod to, TestFamily family)
    {
        var (bytes, within) = await FloodAsync(from, to, family);
        Assert.True(bytes > 0, $"{what}: none of {Datagrams} datagrams came");
        Assert.True(bytes <= Most(within), $"{what}: {bytes} bytes in datagrams came in {within.TotalSeconds:0.000} s, which is more than {Most(within):0}");
    }

    /// <summary>Sends datagrams as fast as the sender's kernel takes them.</summary>
    /// <returns>How many bytes of them came, and the time from the first that was sent to the last that came.</returns>
    private static async Task<(int Bytes, TimeSpan Within)> FloodAsync(LabPod from, LabPod to, TestFamily family)
    {
        using var server = UdpPeer.Bind(to, family);
        using var client = UdpPeer.Connect(from, (IPEndPoint)server.LocalEndPoint!);
        var payload = new byte[DatagramBytes];
        await OpenAsync(client, server);
        var clock = Stopwatch.StartNew();
        var receiving = ReceiveAsync();
        await Task.Run(() =>
        {
            for (var i = 0; i < Datagrams; i++) client.Send(payload);
        });
        return await receiving;

        async Task<(int Bytes, TimeSpan Within)> ReceiveAsync()
        {
            var buffer = new byte[DatagramBytes];
            var (bytes, last) = (0, TimeSpan.Zero);
            while (true)
            {
                // That no more comes is not told by anything but the time.
                using var idle = new CancellationTokenSource(TimeSpan.FromMilliseconds(150) * LabWait.Patience);
                try
                {
                    bytes += await server.ReceiveAsync(buffer, idle.Token);
                    last = clock.Elapsed;
                }
                catch (OperationCanceledException)
                {
                    return (bytes, last);
                }
            }
        }
    }

    /// <summary>A path is made at the first datagram: the others are not to wait for it. What is lost is sent again.</summary>
    private static async Task OpenAsync(Socket client, Socket server)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20) * LabWait.Patience);
        var arriving = server.ReceiveAsync(new byte[1], deadline.Token).AsTask();
        using var again = new PeriodicTimer(TimeSpan.FromSeconds(1));
        do await client.SendAsync(new byte[1], deadline.Token);
        while (await Task.WhenAny(arriving, again.WaitForNextTickAsync(deadline.Token).AsTask()) != arriving);
        await arriving;
    }

    /// <summary>Servers that take all that comes, and close when that is all.</summary>
    private sealed class Sinks : IAsyncDisposable
    {
        private readonly Dictionary<(LabPod, TestFamily), PeerServer> _servers = [];

        public static Sinks Start(IEnumerable<LabPod> pods)
        {
            Sinks sinks = new();
            foreach (var pod in pods)
            {
                foreach (var family in Enum.GetValues<TestFamily>()) sinks._servers[(pod, family)] = PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), PeerServer.ReceiveAllAsync);
            }
            return sinks;
        }

        public IPEndPoint At(LabPod pod, TestFamily family) => _servers[(pod, family)].EndPoint;

        public async ValueTask DisposeAsync()
        {
            foreach (var server in _servers.Values) await server.DisposeAsync();
        }
    }
}
