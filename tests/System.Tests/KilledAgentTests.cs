using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What enrolled pods send while no agent runs: the programs stay, and what is for the proxy is nobody's.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class KilledAgentTests(MeshFixture mesh)
{
    private const int Port = 5399, SolSocket = 1, SoReuseAddress = 2;

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Fragments_for_the_proxy_do_not_reach_the_nodes_own_sockets(TestFamily family)
    {
        await using var far = UdpPeer.StartEcho(mesh.Far, family, Port);
        using var client = UdpPeer.Connect(mesh.Client, far.EndPoint);
        using var own = WildcardOfNode(family);
        await UdpPeer.ExchangeAsync(client, new byte[4000]);
        await mesh.Node1.KillAgentAsync();
        try
        {
            var pins = Path.Combine(mesh.Node1.Place.BpfFolder, $"v{CvAbi.AbiVersion}");
            using var drops = BpfMap.OpenPinned<uint, ulong>(Path.Combine(pins, "maps", "cv_drops"));
            var before = Dropped(drops);
            await client.SendAsync(new byte[4000]);
            await LabWait.UntilAsync("the datagram is dropped", () => Task.FromResult(Dropped(drops) > before), TimeSpan.FromSeconds(10));
            Assert.Equal(0, own.Available);

            // Nor what the programs left to the socket lookup the moment before.
            using var lookup = BpfLink.OpenPinned(Path.Combine(pins, "links", "sk_lookup"));
            using var place = NetworkNamespace.OpenPath(mesh.Node1.Place.NamespacePath);
            Assert.Equal(place.Inode, lookup.Info.NetworkNamespaceInode);
        }
        finally
        {
            await mesh.Node1.StartAgentAsync();
        }

        await UdpPeer.ExchangeAsync(client, new byte[4000], tries: 20, secondsPerTry: 0.5);
        Assert.Equal(0, own.Available);
    }

    private Socket WildcardOfNode(TestFamily family)
    {
        var any = family == TestFamily.IPv4 ? IPAddress.Any : IPAddress.IPv6Any;
        using var place = NetworkNamespace.OpenPath(mesh.Node1.Place.NamespacePath);
        var socket = place.Run(() => new Socket(any.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        socket.SetRawSocketOption(SolSocket, SoReuseAddress, BitConverter.GetBytes(1)); // or the proxy could not speak from this port
        socket.Bind(new IPEndPoint(any, Port));
        return socket;
    }

    private static ulong Dropped(BpfMap<uint, ulong> drops)
    {
        var values = new ulong[PossibleCpus.Count];
        Assert.True(drops.TryGetPerCpu((uint)CvReason.ProxyDown, values));
        return values.Aggregate((a, b) => a + b);
    }
}
