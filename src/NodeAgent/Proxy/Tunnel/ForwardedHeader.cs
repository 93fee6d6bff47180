using System.Text.Unicode;
using Culvert.Http2;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>The part of the forwarded header (RFC 7239) that tunnels use: for="address:port" of the first element.</summary>
internal static class ForwardedHeader
{
    private static ReadOnlySpan<byte> Name => "forwarded"u8;

    /// <summary>Adds the header to a request.</summary>
    /// <param name="headers">The request's.</param>
    /// <param name="client">The client's address and port.</param>
    internal static void Write(HeaderList headers, in SocketEndPoint client)
    {
        Span<byte> text = stackalloc byte[SocketEndPoint.MaxTextLength + 8];
        Utf8.TryWrite(text, $"for=\"{client}\"", out int length);

        // Another port every time: in the compression table it would only push out what repeats.
        headers.Add(Name, text[..length], neverIndexed: true);
    }

    /// <summary>Finds the client's address and port in a request; false when it names none.</summary>
    /// <param name="headers">The request's.</param>
    /// <param name="client">The client, when true is returned.</param>
    internal static bool TryRead(HeaderList headers, out SocketEndPoint client)
    {
        client = default;
        return headers.TryGet(Name, out ReadOnlySpan<byte> value) && TryParse(value, out client);
    }

    /// <summary>Finds the client's address and port.</summary>
    /// <param name="value">The header's value.</param>
    /// <param name="client">The client, when true is returned.</param>
    internal static bool TryParse(ReadOnlySpan<byte> value, out SocketEndPoint client)
    {
        client = default;
        int comma = value.IndexOf((byte)',');
        if (comma >= 0) value = value[..comma];
        while (!value.IsEmpty)
        {
            int end = value.IndexOf((byte)';');
            ReadOnlySpan<byte> pair = Trim(end < 0 ? value : value[..end]);
            value = end < 0 ? default : value[(end + 1)..];
            if (pair.Length < 4 || (pair[0] | 0x20) != 'f' || (pair[1] | 0x20) != 'o' || (pair[2] | 0x20) != 'r' || pair[3] != '=') continue;
            ReadOnlySpan<byte> node = pair[4..];
            if (node.Length >= 2 && node[0] == '"' && node[^1] == '"') node = node[1..^1];
            return SocketEndPoint.TryParse(node, out client);
        }

        return false;
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text) => text.Trim((byte)' ');
}
