using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Live;

/// <summary>The same programs attached the older way, as on kernels before 6.6.</summary>
public sealed class ClsactTests
{
    [Theory, InlineData(false), InlineData(true)]
    public async Task Direct_translated_captured_and_refused_connections_work(bool v6)
    {
        await using LiveWorld world = new() { UseTcx = false };
        await world.InitializeAsync();
        using Socket listener = Peer.Listen(world.PodB, world.B.At(v6, WorldContent.BackendPort));
        foreach (System.Net.IPEndPoint to in (System.Net.IPEndPoint[])[world.B.At(v6, WorldContent.BackendPort), LiveWorld.Vip(v6)])
        {
            using Socket client = await Peer.Connect(world.PodA, to);
            using Socket server = await listener.AcceptAsync(Peer.Deadline());
            await Peer.ExchangeAsync(client, server, 4 << 20);
        }
        Assert.True(world.Maps.Counter(CvCounter.DirectPackets) > 10);
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(world.PodA, new(World.Vip(v6), 9)));
        world.EnrolX(v6);
        using Socket proxyListener = Peer.ListenAsProxy(world, v6);
        uint kind = (uint)CvListenerKind.Out4 + (v6 ? 1u : 0);
        world.Maps.Listeners.SetDescriptor(kind * CvAbi.MaxListeners, proxyListener.SafeHandle);
        world.Maps.Activate(LiveWorld.Generation, 1, 1);
        using Socket captured = await Peer.Connect(world.PodA, new(world.X(v6), 8080));
        using Socket proxy = await proxyListener.AcceptAsync(Peer.Deadline());
        await Peer.ExchangeAsync(captured, proxy, 100_000);
    }
}
