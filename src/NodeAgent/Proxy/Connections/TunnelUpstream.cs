using System.Runtime.CompilerServices;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>The path to a workload of another node: a stream of a tunnel between the two identities. Belongs to its loop's thread.</summary>
/// <param name="pool">The loop's tunnels.</param>
/// <param name="tunnel">The tunnel's address.</param>
/// <param name="source">From which addresses tunnels are opened.</param>
internal sealed class TunnelUpstream(TunnelPool pool, SocketEndPoint tunnel, ITunnelSource source) : IUpstream
{
    private static readonly Action<HeaderList, ProxyConnectionInfo> WriteConnect = WriteConnectHeaders;

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<UpstreamResult> ConnectAsync(ProxiedConnection connection)
    {
        TunnelKey key = TunnelKey.Of(connection.Info, tunnel, source);
        (StreamTransport? stream, ProxyFailure failure, string? detail, string? group) = await pool.OpenStreamAsync(key, WriteConnect, connection.Info);
        return new UpstreamResult(stream, failure, detail, group);
    }

    private static void WriteConnectHeaders(HeaderList headers, ProxyConnectionInfo info)
    {
        Span<byte> text = stackalloc byte[SocketEndPoint.MaxTextLength];
        info.Target.TryFormat(text, out int length, default, null);
        headers.Add(":method"u8, "CONNECT"u8).Add(":authority"u8, text[..length]);
        ForwardedHeader.Write(headers, info.Source);
        OriginalDestinationHeader.Write(headers, info);
    }
}
