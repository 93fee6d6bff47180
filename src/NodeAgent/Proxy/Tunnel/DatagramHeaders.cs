using Culvert.Http2;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>The header fields of CONNECT-UDP (RFC 9298, RFC 8441) and of what this mesh adds to it.</summary>
internal static class DatagramHeaders
{
    /// <summary>Writes all of a request but what names the client.</summary>
    /// <param name="headers">An empty list.</param>
    /// <param name="tunnel">The tunnel's address.</param>
    /// <param name="target">The destination.</param>
    internal static void WriteRequest(HeaderList headers, in SocketEndPoint tunnel, in SocketEndPoint target)
    {
        Span<byte> authority = stackalloc byte[SocketEndPoint.MaxTextLength];
        tunnel.TryFormat(authority, out int length, default, null);
        Span<byte> path = stackalloc byte[MasquePath.MaxLength];
        int pathLength = MasquePath.Write(target, path);
        headers.Add(":method"u8, "CONNECT"u8).Add(":protocol"u8, Protocol).Add(":scheme"u8, "https"u8)
            .Add(":authority"u8, authority[..length]).Add(":path"u8, path[..pathLength]);
        headers.Add("capsule-protocol"u8, "?1"u8);
        AddSourcePort(headers);
    }

    /// <summary>The value of <c>:protocol</c>.</summary>
    internal static ReadOnlySpan<byte> Protocol => "connect-udp"u8;

    /// <summary>Says that answers from another port of the destination are taken (in a request) or will be sent (in an answer), with that port in front.</summary>
    internal static void AddSourcePort(HeaderList headers) => headers.Add("culvert-udp"u8, "source-port"u8);

    /// <summary>Whether the other side said so.</summary>
    internal static bool HasSourcePort(HeaderList headers) =>
        headers.TryGet("culvert-udp"u8, out ReadOnlySpan<byte> value) && value.SequenceEqual("source-port"u8);
}
