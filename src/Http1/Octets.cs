using System.Buffers;

namespace Culvert.Http1;

/// <summary>Which bytes a part of a message may have (RFC 9110, section 5.5 and 5.6.2; RFC 3986, section 3.2.2 and 3.3).</summary>
internal static class Octets
{
    private static readonly SearchValues<byte> Token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    // All controls but the tab.
    private static readonly SearchValues<byte> Control = SearchValues.Create([.. Enumerable.Range(0, 32).Where(b => b != '\t').Append(127).Select(b => (byte)b)]);

    // Neither white space, controls nor what is beyond ASCII; and no fragment, which is never sent.
    private static readonly SearchValues<byte> Target = SearchValues.Create([.. Enumerable.Range(33, 94).Where(b => b != '#').Select(b => (byte)b)]);

    // Without the comma, which would make a list of two hosts one, and without codes, which nobody sends (RFC 9110, section 4.2.3, has them decoded): policy would see another host than a server that decodes them.
    private static readonly SearchValues<byte> HostName = SearchValues.Create("-._~!$&'()*+;=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    private static readonly SearchValues<byte> IPv6 = SearchValues.Create("0123456789abcdefABCDEF:."u8);

    public static bool IsToken(ReadOnlySpan<byte> text) => text.Length > 0 && !text.ContainsAnyExcept(Token);

    /// <summary>Whether a value, or a reason phrase, has what none may have.</summary>
    public static bool HasControls(ReadOnlySpan<byte> text) => text.ContainsAny(Control);

    public static bool IsTarget(ReadOnlySpan<byte> text) => text.Length > 0 && !text.ContainsAnyExcept(Target);

    /// <summary>Whether it is a name or an address, with a port or without.</summary>
    public static bool IsHost(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> port = default;
        if (text.StartsWith("["u8))
        {
            int end = text.IndexOf((byte)']');
            if (end < 2 || text[1..end].ContainsAnyExcept(IPv6)) return false;
            port = text[(end + 1)..];
        }
        else
        {
            int end = text.IndexOf((byte)':');
            ReadOnlySpan<byte> name = end < 0 ? text : text[..end];
            if (name.IsEmpty || name.ContainsAnyExcept(HostName)) return false;
            if (end >= 0) port = text[end..];
        }

        // A colon without a port is allowed (RFC 3986, section 3.2.3).
        return port.IsEmpty || (port[0] == ':' && port.Length <= 6 && !port[1..].ContainsAnyExceptInRange((byte)'0', (byte)'9'));
    }

    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text) => text.Trim(" \t"u8);
}
