using System.Text.Unicode;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>The path that names the target of CONNECT-UDP (RFC 9298, section 2): /.well-known/masque/udp/{host}/{port}/.</summary>
internal static class MasquePath
{
    /// <summary>The longest path in bytes: every colon of an IPv6 address takes three.</summary>
    internal const int MaxLength = 120;

    private static ReadOnlySpan<byte> Prefix => "/.well-known/masque/udp/"u8;

    /// <summary>Writes the path of a target; returns its length.</summary>
    /// <param name="target">An address and a port.</param>
    /// <param name="path">At least <see cref="MaxLength"/> bytes.</param>
    internal static int Write(in SocketEndPoint target, Span<byte> path)
    {
        Span<byte> text = stackalloc byte[SocketEndPoint.MaxTextLength];
        target.TryFormat(text, out int length, default, null);
        int colon = text[..length].LastIndexOf((byte)':');
        Prefix.CopyTo(path);
        int at = Prefix.Length;
        foreach (byte c in text[..colon].Trim("[]"u8))
        {
            if (c == ':')
            {
                "%3A"u8.CopyTo(path[at..]);
                at += 3;
            }
            else
            {
                path[at++] = c;
            }
        }

        Utf8.TryWrite(path[at..], $"/{target.Port}/", out int tail);
        return at + tail;
    }

    /// <summary>Reads a path. Names are refused: in a mesh a target is a workload's address.</summary>
    /// <param name="path">The path.</param>
    /// <param name="target">The target, when true is returned.</param>
    internal static bool TryParse(ReadOnlySpan<byte> path, out SocketEndPoint target)
    {
        target = default;
        if (path.Length > MaxLength || !path.StartsWith(Prefix)) return false;
        path = path[Prefix.Length..];
        int slash = path.IndexOf((byte)'/');
        if (slash <= 0 || path[^1] != '/' || !TryParsePort(path[(slash + 1)..], out ushort port)) return false;
        Span<byte> host = stackalloc byte[MaxLength];
        int length = 0;
        for (int i = 0; i < slash; i++)
        {
            byte c = path[i];
            if (c == '%')
            {
                // The colon is the only character of an address that has to be escaped.
                if (i + 2 >= slash || path[i + 1] != '3' || (path[i + 2] | 0x20) != 'a') return false;
                c = (byte)':';
                i += 2;
            }

            host[length++] = c;
        }

        return SocketEndPoint.TryParseAddress(host[..length], port, out target);
    }

    private static bool TryParsePort(ReadOnlySpan<byte> text, out ushort port)
    {
        port = 0;
        if (text.Length is < 2 or > 6 || text[0] == '0') return false;
        int value = 0;
        foreach (byte c in text[..^1])
        {
            if (c is < (byte)'0' or > (byte)'9') return false;
            value = (value * 10) + (c - '0');
        }

        port = (ushort)Math.Min(value, ushort.MaxValue);
        return value <= ushort.MaxValue;
    }
}
