using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>UDP that goes through the proxy, between nodes and by Services.</summary>
[Collection(MeshCollection.Name)]
public class UdpTests(MeshFixture mesh) : IAsyncLifetime
{
    private const string Vip4 = "10.97.0.53";
    private const string Vip6 = "fd97::53";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (File.Exists(mesh.Mesh.Objects.FileOf("udp-service")))
        {
            mesh.Mesh.Objects.Remove("udp-service");
            await mesh.Node1.WaitForServiceAsync("names", present: false);
        }
    }

    public static TheoryData<TestFamily, int> Sizes()
    {
        TheoryData<TestFamily, int> data = [];
        foreach (var family in Enum.GetValues<TestFamily>())
        {
            foreach (var size in new[] { 0, 1, 512, 1400, 1424, 1425, 1452, 1472, 1473, 4000, 20_000, 65_507 })
            {
                data.Add(family, size);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Datagrams_of_any_size_pass_between_nodes_and_back(TestFamily family, int size)
    {
        using var server = Bind(mesh.Far, family);
        using var client = Bind(mesh.Client, family);
        await ExchangeAsync(client, server, (IPEndPoint)server.LocalEndPoint!, size, expectClient: true);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_Service_answers_from_its_own_address(TestFamily family)
    {
        using var server = Bind(mesh.Far, family, 5353);
        using var client = Bind(mesh.Client, family);
        mesh.Mesh.Objects.Write("udp-service", MeshObjects.Service("names", "web", 53, 5353, Vip4, Vip6).Replace("protocol: TCP", "protocol: UDP", StringComparison.Ordinal));
        using var near = Bind(mesh.Near, family, 5353);
        await mesh.Node1.WaitForServiceAsync("names");
        var vip = new IPEndPoint(IPAddress.Parse(family == TestFamily.IPv4 ? Vip4 : Vip6), 53);
        var farAnswers = 0;
        for (var i = 0; i < 40; i++)
        {
            // Another client socket is another session, of which the kernel gives some to the near pod and the proxy some to the far one.
            using var other = Bind(mesh.Client, family);
            await other.SendToAsync(new byte[] { 1, (byte)i }, vip);
            var buffer = new byte[100];
            using var deadline = new CancellationTokenSource(Deadline);
            Task<SocketReceiveFromResult> atFar = server.ReceiveFromAsync(buffer, server.LocalEndPoint!, deadline.Token).AsTask(), atNear = near.ReceiveFromAsync(buffer, near.LocalEndPoint!, deadline.Token).AsTask();
            var first = await Task.WhenAny(atFar, atNear);
            var request = await first;
            farAnswers += first == atFar ? 1 : 0;
            Assert.Equal(other.LocalEndPoint, request.RemoteEndPoint);
            await (first == atFar ? server : near).SendToAsync(buffer.AsMemory(0, request.ReceivedBytes), request.RemoteEndPoint, deadline.Token);
            var answer = await other.ReceiveFromAsync(buffer, vip, deadline.Token);
            Assert.Equal(vip, answer.RemoteEndPoint);
            await deadline.CancelAsync();
            await Task.WhenAll(Swallow(atFar), Swallow(atNear));
        }

        Assert.InRange(farAnswers, 1, 39);
    }

    [Fact]
    public async Task Answers_from_another_port_come_from_that_port()
    {
        using var server = Bind(mesh.Far, TestFamily.IPv4);
        using var other = Bind(mesh.Far, TestFamily.IPv4);
        using var client = Bind(mesh.Client, TestFamily.IPv4);
        var buffer = new byte[100];
        using var deadline = new CancellationTokenSource(Deadline);
        await client.SendToAsync(new byte[] { 1 }, server.LocalEndPoint!, deadline.Token);
        var request = await server.ReceiveFromAsync(buffer, client.LocalEndPoint!, deadline.Token);
        await other.SendToAsync(new byte[] { 2 }, request.RemoteEndPoint, deadline.Token);
        var answer = await client.ReceiveFromAsync(buffer, client.LocalEndPoint!, deadline.Token);
        Assert.Equal(other.LocalEndPoint, answer.RemoteEndPoint);
    }

    [Fact]
    public async Task What_policy_forbids_does_not_arrive()
    {
        using var server = Bind(mesh.Far, TestFamily.IPv4);
        using var guest = Bind(mesh.Guest, TestFamily.IPv4);
        using var client = Bind(mesh.Client, TestFamily.IPv4);
        for (var i = 0; i < 5; i++)
        {
            await guest.SendToAsync(new byte[] { 9 }, server.LocalEndPoint!);
        }

        await mesh.Node2.WaitForFlowAsync("the refusal", f => f.Destination.Port == ((IPEndPoint)server.LocalEndPoint!).Port && f.Verdict == Verdict.Deny);
        await ExchangeAsync(client, server, (IPEndPoint)server.LocalEndPoint!, 10, expectClient: true);
        Assert.Equal(0, server.Available);
    }

    private static async Task Swallow(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
            // The other server had the datagram.
        }
    }

    private static async Task ExchangeAsync(Socket client, Socket server, IPEndPoint destination, int size, bool expectClient)
    {
        var message = new byte[size];
        new Random(size).NextBytes(message);
        var buffer = new byte[65_536];
        using var deadline = new CancellationTokenSource(Deadline);
        await client.SendToAsync(message, destination, deadline.Token);
        var request = await server.ReceiveFromAsync(buffer, client.LocalEndPoint!, deadline.Token);
        Assert.Equal(message, buffer[..request.ReceivedBytes]);
        if (expectClient)
        {
            Assert.Equal(client.LocalEndPoint, request.RemoteEndPoint);
        }

        await server.SendToAsync(message, request.RemoteEndPoint, deadline.Token);
        var answer = await client.ReceiveFromAsync(buffer, destination, deadline.Token);
        Assert.Equal(message, buffer[..answer.ReceivedBytes]);
        Assert.Equal(destination, answer.RemoteEndPoint);
    }

    private static Socket Bind(LabPod pod, TestFamily family, int port = 0) => UdpPeer.Bind(pod, family, port);
}
