using System.Net.Sockets;
using System.Text;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public class CloseTests(MeshFixture mesh)
{
    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task The_server_may_answer_after_the_client_ended_its_side(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        await using var server = PeerServer.Start(pod, address, async socket =>
        {
            var request = await PeerServer.ReceiveAllAsync(socket); // returns only when FIN arrives
            await PeerServer.SendAllAsync(socket, Encoding.ASCII.GetBytes($"got {request.Length}"));
        });

        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await PeerServer.SendAllAsync(client, new byte[100_000]);
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal("got 100000", Encoding.ASCII.GetString(await PeerServer.ReceiveAllAsync(client)));
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task The_client_may_go_on_after_the_server_ended_its_side(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        var received = new TaskCompletionSource<int>();
        await using var server = PeerServer.Start(pod, address, async socket =>
        {
            socket.Shutdown(SocketShutdown.Send);
            received.SetResult((await PeerServer.ReceiveAllAsync(socket)).Length);
        });

        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        Assert.Empty(await PeerServer.ReceiveAllAsync(client));
        await PeerServer.SendAllAsync(client, new byte[100_000]);
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal(100_000, await received.Task.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_reset_by_the_server_reaches_the_client_as_a_reset(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        await using var server = PeerServer.Start(pod, address, async socket =>
        {
            await socket.ReceiveAsync(new byte[1]);
            socket.Close(0); // RST
        });

        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await PeerServer.SendAllAsync(client, new byte[1]);

        var e = await Assert.ThrowsAsync<SocketException>(() => client.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_reset_by_the_client_reaches_the_server_as_a_reset(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        var end = new TaskCompletionSource<SocketError>();
        await using var server = PeerServer.Start(pod, address, async socket =>
        {
            await PeerServer.SendAllAsync(socket, new byte[1]);
            try
            {
                await socket.ReceiveAsync(new byte[1]);
                end.SetResult(SocketError.Success);
            }
            catch (SocketException e)
            {
                end.SetResult(e.SocketErrorCode);
            }
        });

        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await client.ReceiveAsync(new byte[1]);
        client.Close(0);

        Assert.Equal(SocketError.ConnectionReset, await end.Task.WaitAsync(TimeSpan.FromSeconds(10)));
    }
}
