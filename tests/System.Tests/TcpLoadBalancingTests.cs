using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>A Service port whose backends, one on the client's node and one elsewhere, are chosen by the proxy.</summary>
[Collection(MeshCollection.Name)]
public sealed class TcpLoadBalancingTests(MeshFixture mesh)
{
    private const string Vip4 = "10.96.7.1", Vip6 = "fd96::7:1";
    private const int Port = 8085;

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public Task Round_robin_takes_turns(TestFamily family) => WithServiceAsync("RoundRobin", family, async connect =>
    {
        var answers = await AnswersAsync(connect, 20);
        Assert.All(Enumerable.Range(2, 18), i => Assert.Equal(answers[i - 2], answers[i]));
        Assert.NotEqual(answers[0], answers[1]);
    });

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public Task Least_connections_fills_up_where_connections_have_ended(TestFamily family) => WithServiceAsync("LeastConnections", family, async connect =>
    {
        List<(Socket Socket, byte Answer)> open = [];
        async Task OpenAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var socket = await connect();
                open.Add((socket, await AnswerAsync(socket)));
            }
        }

        try
        {
            await OpenAsync(8);
            Assert.Equal(4, open.Count(o => o.Answer == 0));
            var closed = await ClosedAsync();
            foreach (var (socket, _) in open.Where(o => o.Answer == 0))
            {
                socket.Shutdown(SocketShutdown.Send);
                Assert.Empty(await PeerServer.ReceiveAllAsync(socket));
            }

            open.RemoveAll(o => o.Answer == 0);
            await LabWait.UntilAsync("four connections less", async () => await ClosedAsync() >= closed + 4, TimeSpan.FromSeconds(10));
            await OpenAsync(4);
            Assert.Equal([0, 0, 0, 0], open.TakeLast(4).Select(o => o.Answer));
        }
        finally
        {
            open.ForEach(o => o.Socket.Dispose());
        }
    });

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public Task A_client_keeps_its_backend_where_the_service_says_so(TestFamily family) => WithServiceAsync(text => text.Replace("spec:", "spec:\n  sessionAffinity: ClientIP", StringComparison.Ordinal), family, async connect =>
    {
        var answers = await AnswersAsync(connect, 20);
        Assert.All(answers, a => Assert.Equal(answers[0], a));
    });

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public Task A_service_that_is_local_to_nodes_leads_to_the_clients_node_only(TestFamily family) => WithServiceAsync(Local, family, async connect =>
        Assert.Equal(new byte[20], await AnswersAsync(connect, 20)));

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_service_that_is_local_to_nodes_leads_nowhere_from_a_node_without_a_backend(TestFamily family)
    {
        await WithServiceAsync(FarOnly, family, async connect => Assert.Equal([1], await AnswersAsync(connect, 1)));
        await WithServiceAsync(text => Local(FarOnly(text)), family, async connect =>
            Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(connect)).SocketErrorCode));
    }

    // Its backend is what its slices say, and not a selector.
    private string FarOnly(string service) => MeshObjects.LeadingTo(service, "turns", "web", mesh.Far, Port);

    private static string Local(string service) => service.Replace("spec:", "spec:\n  internalTrafficPolicy: Local", StringComparison.Ordinal);

    private static async Task<byte[]> AnswersAsync(Func<Task<Socket>> connect, int count)
    {
        List<byte> answers = [];
        for (var i = 0; i < count; i++)
        {
            using var socket = await connect();
            answers.Add(await AnswerAsync(socket));
        }

        return [.. answers];
    }

    private async Task<double> ClosedAsync() => (await mesh.Node1.MetricsAsync()).Sum("culvert_tcp_connections_closed_total", "path=\"proxy\"");

    private static async Task<byte> AnswerAsync(Socket socket)
    {
        var answer = new byte[1];
        Assert.Equal(1, await socket.ReceiveAsync(answer).WaitAsync(TimeSpan.FromSeconds(10)));
        return answer[0];
    }

    private Task WithServiceAsync(string mode, TestFamily family, Func<Func<Task<Socket>>, Task> use) =>
        WithServiceAsync(text => text.Replace("spec:", $"  annotations:\n    culvert.dev/tcp-load-balancing: {mode}\nspec:", StringComparison.Ordinal), family, use);

    private async Task WithServiceAsync(Func<string, string> edit, TestFamily family, Func<Func<Task<Socket>>, Task> use)
    {
        await using var near = Serve(mesh.Near, 0);
        await using var far = Serve(mesh.Far, 1);
        mesh.Mesh.Objects.Write("turns", edit(MeshObjects.Service("turns", "web", 80, Port, Vip4, Vip6)));
        try
        {
            await mesh.Node1.WaitForServiceAsync("turns");
            await use(() => PeerServer.ConnectAsync(mesh.Client, new IPEndPoint(IPAddress.Parse(family == TestFamily.IPv4 ? Vip4 : Vip6), 80)));
        }
        finally
        {
            mesh.Mesh.Objects.Remove("turns");
            await mesh.Node1.WaitForServiceAsync("turns", present: false);
        }

        PeerServer Serve(LabPod pod, byte name) => PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), async socket =>
        {
            await PeerServer.SendAllAsync(socket, new[] { name });
            await PeerServer.EchoAsync(socket);
        }, Port);
    }
}
