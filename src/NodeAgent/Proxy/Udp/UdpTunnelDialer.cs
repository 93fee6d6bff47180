using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Opens sessions' paths to workloads of other nodes: a stream for datagrams of a tunnel between the two identities. Belongs to its loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="pool">The loop's tunnels.</param>
/// <param name="source">From which addresses tunnels are opened.</param>
/// <param name="observer">Hears of dropped datagrams.</param>
internal sealed class UdpTunnelDialer(EventLoop loop, TunnelPool pool, ITunnelSource source, IProxyObserver observer)
{
    private static readonly Action<HeaderList, (ProxyConnectionInfo Info, SocketEndPoint Tunnel)> WriteConnect = WriteConnectHeaders;

    /// <summary>Opens the path; an exception is reported, and is a failure like others.</summary>
    /// <param name="info">The session.</param>
    /// <param name="tunnel">The tunnel's address.</param>
    /// <param name="sink">Hears what comes back.</param>
    internal async ValueTask<OpenedStream<TunnelDatagramStream>> OpenAsync(ProxyConnectionInfo info, SocketEndPoint tunnel, IDatagramSink sink)
    {
        try
        {
            TunnelKey key = TunnelKey.Of(info, tunnel, source);
            return await pool.OpenDatagramStreamAsync(key, WriteConnect, (info, tunnel), sink, observer);
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            return new OpenedStream<TunnelDatagramStream>(null, ProxyFailure.ProxyFault, exception.Message);
        }
    }

    private static void WriteConnectHeaders(HeaderList headers, (ProxyConnectionInfo Info, SocketEndPoint Tunnel) request)
    {
        DatagramHeaders.WriteRequest(headers, request.Tunnel, request.Info.Target);
        ForwardedHeader.Write(headers, request.Info.Source);
        OriginalDestinationHeader.Write(headers, request.Info);
    }
}
