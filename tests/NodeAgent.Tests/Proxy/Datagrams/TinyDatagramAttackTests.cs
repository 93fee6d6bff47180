using System.Net.Sockets;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>A peer whose bytes are much work.</summary>
[Trait("Category", "Attack")]
public sealed class TinyDatagramAttackTests
{
    // An empty datagram in three bytes (type, length, context); in all some hundred milliseconds of work.
    private const int Frames = 64;
    private const int InFrame = 5_000;

    [Fact]
    public async Task OthersGetTheirTurnWhileAPeerSendsEmptyDatagrams()
    {
        await using ProxyPair pair = new();
        using Socket pod = InboundDatagramTests.BindPod(pair);
        await using RawTunnelPeer peer = await RawTunnelPeer.ConnectAsync(pair);
        await peer.OpenAsync(1, pod);
        byte[] capsules = new byte[3 * InFrame];
        for (int i = 1; i < capsules.Length; i += 3) capsules[i] = 1;
        byte[] records = await peer.EncryptAsync([.. Enumerable.Repeat(RawDatagrams.Data(1, capsules), Frames).SelectMany(f => f)]);
        int before = pair.Destination.BusyTurns;

        await peer.Socket.SendAllAsync(records);
        await peer.SendAsync([0, 0, 8, 6, 0, 0, 0, 0, 0, .. new byte[8]]);
        while (await peer.ReceiveFrameAsync(TimeSpan.FromSeconds(60)) is not (6, 1, _))
        {
        }

        // By bytes alone there would be one or two; there are some 400.
        Assert.InRange(pair.Destination.BusyTurns - before, 20, int.MaxValue);
    }
}
