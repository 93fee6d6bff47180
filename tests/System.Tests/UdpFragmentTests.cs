using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Datagrams in fragments: whole ones arrive once and unchanged, whatever the network did to their parts.</summary>
[Collection(MeshCollection.Name)]
public class UdpFragmentTests(MeshFixture mesh)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static int _nextId = Random.Shared.Next(1 << 24);

    public enum Order
    {
        Reversed,
        FirstLast,
        Shuffled,
        EachTwice,
    }

    public static TheoryData<TestPath, TestFamily, Order> Orders()
    {
        TheoryData<TestPath, TestFamily, Order> data = [];
        foreach (var path in Enum.GetValues<TestPath>())
        {
            foreach (var family in Enum.GetValues<TestFamily>())
            {
                foreach (var order in Enum.GetValues<Order>())
                {
                    data.Add(path, family, order);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public async Task Fragments_in_any_order_and_twice_arrive_as_one_datagram(TestPath path, TestFamily family, Order order)
    {
        var (pod, _) = mesh.Server(path, family);
        using var server = UdpPeer.Bind(pod, family);
        using var client = UdpPeer.Connect(mesh.Client, (IPEndPoint)server.LocalEndPoint!);
        using var fragments = Sender(client, 32);
        var random = new Random((int)order);
        var sent = new List<byte[]>();
        foreach (var size in new[] { 100, 2000, 5000, 20_000, 65_507 })
        {
            var message = Message(random, size);
            sent.Add(message);
            var packets = fragments.Cut(message, size < 1000 ? 32 : 1400);
            await fragments.SendAsync(Arrange(packets, order, random));
            Assert.Equal(message, await ReceiveAsync(server, client)); // each by itself, so that its flow begins with every size in turn
        }

        await NothingElseAsync(client, server);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Datagrams_that_miss_a_fragment_do_not_arrive_and_do_not_disturb_others(TestPath path, TestFamily family)
    {
        var (pod, _) = mesh.Server(path, family);
        using var server = UdpPeer.Bind(pod, family);
        using var client = UdpPeer.Connect(mesh.Client, (IPEndPoint)server.LocalEndPoint!);
        using var fragments = Sender(client, 64);
        var random = new Random(7);
        List<byte[]> whole = [], packets = [];
        for (var i = 0; i < 30; i++)
        {
            var message = Message(random, 1500 + random.Next(6000));
            var cut = fragments.Cut(message, 1400);
            if (i % 3 == 0)
            {
                cut.RemoveAt(i % cut.Count); // the first, one within, the last
            }
            else
            {
                whole.Add(message);
            }

            packets.AddRange(cut);
        }

        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(packets)); // all of them through each other
        await fragments.SendAsync(packets);
        for (var left = whole.ToList(); left.Count > 0;)
        {
            var got = await ReceiveAsync(server, client);
            Assert.Equal(1, left.RemoveAll(m => m.AsSpan().SequenceEqual(got)));
        }

        await NothingElseAsync(client, server);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_flow_may_mix_fragmented_and_whole_datagrams(TestPath path, TestFamily family)
    {
        var (pod, _) = mesh.Server(path, family);
        await using var echo = UdpPeer.StartEcho(pod, family);
        using var client = UdpPeer.Connect(mesh.Client, echo.EndPoint);
        var random = new Random(8);
        for (var i = 0; i < 100; i++)
        {
            await UdpPeer.ExchangeAsync(client, Message(random, i % 2 == 0 ? random.Next(4, 1400) : random.Next(1500, 65_507)));
        }

        Assert.Equal(100, echo.Received);
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(1500)]
    [InlineData(9000)]
    public async Task Datagrams_of_every_size_arrive_whole_at_any_packet_size(int mtu)
    {
        await using var lab = await MeshFixture.CreateAsync(new MeshLabOptions { Lab = new LabOptions { Mtu = mtu } });
        var client = await lab.AddPodAsync(lab.Nodes[0], "client", "client");
        var near = await lab.AddPodAsync(lab.Nodes[0], "near", "web");
        var far = await lab.AddPodAsync(lab.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(lab);
        var random = new Random(mtu);
        foreach (var pod in new[] { near, far })
        {
            foreach (var family in Enum.GetValues<TestFamily>())
            {
                await using var echo = UdpPeer.StartEcho(pod, family);
                using var one = UdpPeer.Connect(client, echo.EndPoint);
                var most = family == TestFamily.IPv4 ? 65_507 : 65_527;
                int[] sizes = [0, 1, 1000, .. Enumerable.Range(mtu - 130, 140), (2 * mtu) - 60, 20_000, 40_000, most - 60, most - 20, most - 1, most];
                foreach (var size in sizes)
                {
                    await UdpPeer.ExchangeAsync(one, Message(random, size));
                }

                // And each as the first of its flow.
                foreach (var size in new[] { 0, mtu - 28, mtu - 80, mtu + 100, most })
                {
                    using var other = UdpPeer.Connect(client, echo.EndPoint);
                    await UdpPeer.ExchangeAsync(other, Message(random, size));
                }

                Assert.Equal(sizes.Length + 5, echo.Received);
            }
        }
    }

    private FragmentSender Sender(Socket client, int ids) =>
        new(mesh.Client, (IPEndPoint)client.LocalEndPoint!, (IPEndPoint)client.RemoteEndPoint!, (uint)Interlocked.Add(ref _nextId, ids));

    private static byte[] Message(Random random, int size)
    {
        var message = new byte[size];
        random.NextBytes(message);
        return message;
    }

    private static IEnumerable<byte[]> Arrange(List<byte[]> packets, Order order, Random random)
    {
        switch (order)
        {
            case Order.Reversed:
                return packets.AsEnumerable().Reverse();
            case Order.FirstLast:
                return packets.Skip(1).Append(packets[0]);
            case Order.Shuffled:
                var mixed = packets.ToArray();
                random.Shuffle(mixed);
                return mixed;
            default:
                // All but the last: what comes after the datagram is whole would be the beginning of another one.
                return packets.SkipLast(1).SelectMany(p => new[] { p, p }).Append(packets[^1]);
        }
    }

    private static async Task<byte[]> ReceiveAsync(Socket server, Socket client)
    {
        var buffer = new byte[65_536];
        using var deadline = new CancellationTokenSource(Deadline * LabWait.Patience);
        var got = await server.ReceiveFromAsync(buffer, client.LocalEndPoint!, deadline.Token);
        Assert.Equal(client.LocalEndPoint, got.RemoteEndPoint);
        return buffer[..got.ReceivedBytes];
    }

    // A datagram that was sent after all others is the next one to arrive.
    private static async Task NothingElseAsync(Socket client, Socket server)
    {
        foreach (var size in new[] { 33, 3333 })
        {
            var marker = Message(new Random(size), size);
            await client.SendAsync(marker);
            Assert.Equal(marker, await ReceiveAsync(server, client));
        }

        Assert.Equal(0, server.Available);
    }
}
