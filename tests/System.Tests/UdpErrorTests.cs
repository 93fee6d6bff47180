using System.Net;
using System.Net.Sockets;
using Culvert.Cli.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What the network says about datagrams (ICMP) reaches whoever sent them.</summary>
[Collection(MeshCollection.Name)]
public sealed class UdpErrorTests(MeshFixture mesh)
{
    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_closed_port_is_reported_to_the_client(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        int port;
        using (var gone = UdpPeer.Bind(pod, family))
        {
            port = ((IPEndPoint)gone.LocalEndPoint!).Port;
        }

        using var client = UdpPeer.Connect(mesh.Client, new IPEndPoint(address, port));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5) * LabWait.Patience);
        await client.SendAsync(new byte[] { 1 }, deadline.Token);
        var e = await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[1], deadline.Token));
        Assert.Equal(SocketError.ConnectionRefused, e.SocketErrorCode);
    }
}
