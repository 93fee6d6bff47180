using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Connections;

/// <summary>Policy is asked once, and from that moment on every change counts: there is no time at which a connection is allowed and not known.</summary>
public sealed class ConnectionGuardTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task APolicyChangeBetweenAskingAndConnectingEndsTheConnection(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.Listen();
        (FakeMesh mesh, ProxyServer proxy) = RouteTo(pair, listener, tunnel);
        mesh.Asked = () =>
        {
            mesh.Asked = null;
            mesh.Allowed = false;
            proxy.Revalidate();
        };
        SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            // It may come before the client knows that it is connected.
            using Socket client = await pair.ConnectClientAsync();
            await client.ReceiveToEndAsync();
        });
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        await SocketExtensions.EventuallyAsync(() => mesh.Closed.Count + mesh.Failed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, mesh.Closed.Select(c => c.End.Failure).Concat(mesh.Failed.Select(f => f.Failure)).Single());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AConnectionThatIsNoLongerAllowedIsResetWhileItsOtherEndIsStillBeingConnected(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.Listen(backlog: 0);
        (FakeMesh mesh, ProxyServer proxy) = RouteTo(pair, listener, tunnel);
        IPEndPoint application = (IPEndPoint)listener.LocalEndPoint!;
        using Socket filler = new(SocketType.Stream, ProtocolType.Tcp);
        await filler.ConnectAsync(application); // the application's queue is full: the proxy's SYN is dropped and sent again after a second
        using Socket client = await pair.ConnectClientAsync();
        await SocketExtensions.EventuallyAsync(() => SocketExtensions.IsBeingConnected(application));

        mesh.Allowed = false;
        proxy.Revalidate();

        // Nobody takes what is in the queue: the application's answer is not what ends it.
        await client.AssertResetAsync();
        Assert.True(SocketExtensions.IsBeingConnected(application));

        // When the application takes it after all, nothing begins that would have to be reported.
        using Socket first = await listener.AcceptAsync();
        await SocketExtensions.EventuallyAsync(() => mesh.Failed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, mesh.Failed.Single().Failure);
        Assert.Empty(mesh.Opened);
    }

    private static (FakeMesh Mesh, ProxyServer Proxy) RouteTo(ProxyPair pair, Socket listener, bool tunnel)
    {
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        if (tunnel)
        {
            pair.RouteTo(port);
            return (pair.Destination, pair.DestinationProxy);
        }

        pair.Source.Neighbour = pair.Destination.Local;
        pair.Source.Route = _ => OutboundRoute.Local(new SocketEndPoint(pair.DestinationAddress, port), pair.Destination.Local!);
        return (pair.Source, pair.SourceProxy);
    }
}
