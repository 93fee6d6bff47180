using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>
/// The field of a CONNECT request that tells which Service address the client asked for, for an application that wants it in
/// its PROXY header. Thread-safe.
/// </summary>
internal static class OriginalDestinationHeader
{
    private static ReadOnlySpan<byte> Name => "culvert-original-destination"u8;

    /// <summary>Adds the field, where the application asked for a header and a Service was addressed.</summary>
    internal static void Write(HeaderList headers, in ProxyConnectionInfo info)
    {
        if (info.Service is null || !ApplicationHeader.IsWanted(info)) return;
        Span<byte> text = stackalloc byte[SocketEndPoint.MaxTextLength];
        if (info.Destination.TryFormat(text, out int length, default, null)) headers.Add(Name, text[..length]);
    }

    /// <summary>The connection with the Service the peer's proxy names, if that Service does lead to the target; else unchanged.</summary>
    internal static ProxyConnectionInfo Apply(in ProxyConnectionInfo info, HeaderList headers, IProxyDirectory directory)
    {
        if (!ApplicationHeader.IsWanted(info) || !headers.TryGet(Name, out ReadOnlySpan<byte> value)) return info;
        if (!SocketEndPoint.TryParse(value, out SocketEndPoint address)) return info;
        ServiceInfo? service = directory.FindService(address, info.Target, info.Protocol);
        return service is null ? info : info with { Destination = address, Service = service };
    }
}
