using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class CaptureTests(MeshFixture mesh)
{
    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Both_ends_see_each_others_own_addresses_and_the_agent_the_right_path(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        var seen = new TaskCompletionSource<EndPoint>();
        await using var server = PeerServer.Start(pod, address, async socket =>
        {
            seen.SetResult(socket.RemoteEndPoint!);
            await PeerServer.EchoAsync(socket);
        });

        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        var (local, remote) = (client.LocalEndPoint, client.RemoteEndPoint);
        await PeerServer.SendAllAsync(client, "hello"u8.ToArray());
        client.Shutdown(SocketShutdown.Send);
        var answer = await PeerServer.ReceiveAllAsync(client);

        Assert.Equal("hello", Encoding.ASCII.GetString(answer));
        Assert.Equal(server.EndPoint, remote);
        Assert.Equal(local, await seen.Task);
        await mesh.Node1.WaitForFlowAsync("the flow", f =>
            f.Destination.Port == server.EndPoint.Port
            && f.Path == (path == TestPath.Direct ? FlowPath.Direct : FlowPath.Tunnel)
            && f.Source.Identity == MeshObjects.Identity("client")
            && f.Destination.Identity == MeshObjects.Identity("web"));
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_client_that_policy_does_not_name_is_refused_before_the_server_sees_it(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        var connections = 0;
        await using var server = PeerServer.Start(pod, address, socket =>
        {
            Interlocked.Increment(ref connections);
            return PeerServer.EchoAsync(socket);
        });

        var refused = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var guest = await PeerServer.ConnectAsync(mesh.Guest, server.EndPoint);
            await PeerServer.SendAllAsync(guest, "hello"u8.ToArray());
            Assert.Empty(await PeerServer.ReceiveAllAsync(guest));
            throw new SocketException((int)SocketError.ConnectionReset); // closed without a byte is a refusal as well
        });

        Assert.True(refused.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset, refused.SocketErrorCode.ToString());
        Assert.Equal(0, connections);
        var evaluator = path == TestPath.Direct ? mesh.Node1 : mesh.Node2;
        var flow = await evaluator.WaitForFlowAsync("the refusal", f => f.Destination.Port == server.EndPoint.Port && f.Verdict == Verdict.Deny);
        Assert.Equal(MeshObjects.Identity("guest"), flow.Source.Identity);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_closed_port_is_refused_not_left_hanging(TestPath path, TestFamily family)
    {
        var (_, address) = mesh.Server(path, family);

        var e = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var client = await PeerServer.ConnectAsync(mesh.Client, new IPEndPoint(address, 9));
            await client.ReceiveAsync(new byte[1]);
            throw new SocketException((int)SocketError.ConnectionReset); // an orderly end is all that a proxy can do for a closed port
        });

        Assert.True(e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset, e.SocketErrorCode.ToString());
    }
}
