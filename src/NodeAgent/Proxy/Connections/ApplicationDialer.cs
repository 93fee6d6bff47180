using System.Runtime.CompilerServices;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>
/// Connects to applications, in the client's name where that is possible, and tells them of the client where they have asked for it (PROXY protocol). Belongs to its
/// loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="options">How to connect, whoever the client is.</param>
/// <param name="observer">Hears when a client's port could not be used.</param>
internal sealed class ApplicationDialer(EventLoop loop, DialOptions options, IProxyObserver observer)
{
    /// <summary>Connects.</summary>
    /// <param name="info">The connection.</param>
    /// <param name="remote">The application.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<UpstreamResult> ConnectAsync(ProxyConnectionInfo info, SocketEndPoint remote)
    {
        // The application sees the client's own address; the port differs while the client's is in use on this very machine.
        // A pod that reaches itself by a Service gets the node's: a kernel refuses packets from outside with its own address. Inside its namespace they are not from outside.
        bool possible = info.Source.IsIPv4 == remote.IsIPv4 && info.Source.WithPort(0) != remote.WithPort(0);
        SocketEndPoint source = info.Direction == ProxyDirection.Inbound && !info.IsClientsPortTaken ? info.Source : info.Source.WithPort(0);
        SocketEndPoint? from = options.Transparent && possible ? source : null;
        // Beyond the mesh a pod's namespace speaks with the pod's own address, which nobody else's answers have to be led to.
        bool isOwnAddress = info.ApplicationSpace is not null && !info.IsDestinationHere;
        DialResult dial = await Dialer.ConnectAsync(
            loop, remote, options with { Source = from, OnNode = info.IsDestinationHere, Space = info.ApplicationSpace, Transparent = options.Transparent && !isOwnAddress });
        if (dial.PortChanged) observer.OnSourcePortChanged();
        if (dial.Socket is null) return new UpstreamResult(null, ProxyFailures.FromConnect(dial.Error), $"connect to {remote}: {dial.Error}");
        if (ProxyHeaderSender.TrySend(dial.Socket, info)) return new UpstreamResult(dial.Socket);
        dial.Socket.Reset();
        return new UpstreamResult(null, ProxyFailure.ConnectFailed, "the application's connection takes no header");
    }
}
