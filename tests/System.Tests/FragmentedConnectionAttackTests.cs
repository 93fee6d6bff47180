using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Somebody on the link sends a connection's first packet in pieces, so that it would pass by the proxy that puts a PROXY header in front.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class FragmentedConnectionAttackTests(LinkAttackFixture mesh)
{
    private static readonly byte[] Signature = "\r\n\r\n\0\r\nQUIT\n"u8.ToArray();
    private static uint _nextId = (uint)Random.Shared.Next(1 << 16);

    [Theory]
    [InlineData(TestFamily.IPv4, 32, false, "proxy-required")]
    [InlineData(TestFamily.IPv4, 32, true, "proxy-required")]
    [InlineData(TestFamily.IPv4, 16, false, "malformed")]
    [InlineData(TestFamily.IPv6, 32, false, "proxy-required")]
    [InlineData(TestFamily.IPv6, 32, true, "proxy-required")]
    [InlineData(TestFamily.IPv6, 16, false, "malformed")]
    public async Task Attack_a_SYN_in_two_fragments_does_not_reach_the_application_behind_the_proxy(TestFamily family, int firstBytes, bool lastFirst, string reason)
    {
        await using var application = PeerServer.Start(mesh.Behind, MeshFixture.AddressOf(mesh.Behind, family), AnswerAsync, LinkAttackFixture.Asking);
        await using var requests = Requests.Start(mesh.External, application.EndPoint);
        await using var heard = RawPackets.Listen(mesh.Behind, application.EndPoint.AddressFamily, Packet.Tcp);
        await requests.MoreAsync(5);
        var from = new IPEndPoint(MeshFixture.AddressOf(mesh.External, family), Random.Shared.Next(1024, 9999)); // not among those that its kernel gives out

        var before = await LinkAttackFixture.DropsAsync(mesh.Node1, reason);

        var fragments = Cut(Packet.OfTcp(from, application.EndPoint, TcpFlags.Syn, 40), firstBytes);
        await RawPackets.SendAsync(mesh.External, lastFirst ? [fragments[1], fragments[0]] : fragments);

        await LinkAttackFixture.WaitForDropsAsync(mesh.Node1, reason, before + 1);
        using var honest = await PeerServer.ConnectAsync(mesh.External, application.EndPoint);
        await PeerServer.SendAllAsync(honest, new byte[1]);
        Assert.True(await honest.ReceiveAsync(new byte[64]) > 0);
        var port = ((IPEndPoint)honest.LocalEndPoint!).Port;
        await LabWait.UntilAsync("the proxy's connection is heard", () => heard.HasHeard(port), TimeSpan.FromSeconds(10));
        Assert.False(heard.HasHeard(from.Port), "the fragments came through");
        await requests.MoreAsync(5);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);
        Assert.Empty(application.Failures);
    }

    private static Packet[] Cut(Packet whole, int firstBytes)
    {
        var id = Interlocked.Increment(ref _nextId);
        var bytes = whole.BuildIp()[(whole.IsV6 ? 40 : 20)..];
        var raw = whole with { FragmentId = id };
        return
        [
            raw with { MoreFragments = true, Piece = bytes[..firstBytes] },
            raw with { FragmentOffset = firstBytes, Piece = bytes[firstBytes..] },
        ];
    }

    private static async Task AnswerAsync(Socket socket)
    {
        var buffer = new byte[1024];
        var length = await socket.ReceiveAsync(buffer);
        Assert.True(buffer.AsSpan(0, length).StartsWith(Signature), "it came past the proxy");
        await PeerServer.SendAllAsync(socket, new byte[1]);
    }
}
