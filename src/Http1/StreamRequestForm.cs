using Culvert.Http2;

namespace Culvert.Http1;

/// <summary>What a request that came by HTTP/2 must be so that whoever reads it takes it for the same: the rules of HTTP/1.1 for what both versions have, which are stricter than those of RFC 9113.</summary>
public static class StreamRequestForm
{
    /// <summary>Says why a request, which is none of CONNECT, is not taken; null when it is.</summary>
    /// <param name="head">Its head.</param>
    /// <param name="limits">Its path is no longer than a start line.</param>
    /// <param name="isHostCompared">Whether something is decided by its host, which has to be one then. Clients are known that write addresses of IPv6 without brackets.</param>
    public static MessageRefusal? RefusalOf(HeaderList head, Http1Limits limits, bool isHostCompared)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(limits);
        ReadOnlySpan<byte> path = head.Path, scheme = head.Scheme;
        if (path.Length > limits.MaxStartLine) return MessageRefusal.LongStartLine;
        if (!Octets.IsTarget(path)) return MessageRefusal.Target;
        bool isWhole = path.SequenceEqual("*"u8) && head.Method.SequenceEqual("OPTIONS"u8);
        if ((path[0] != '/' && !isWhole) || !(scheme.SequenceEqual("http"u8) || scheme.SequenceEqual("https"u8))) return MessageRefusal.TargetForm;
        return HostRefusalOf(head, isHostCompared);
    }

    /// <summary>Says why a request is not passed to a server of HTTP/1.1, beyond what <see cref="RefusalOf"/> says; null when it is. HTTP/2 lets values have control characters that HTTP/1.1 does not.</summary>
    public static MessageRefusal? ValueRefusalOf(HeaderList head)
    {
        ArgumentNullException.ThrowIfNull(head);
        for (int i = 0; i < head.Count; i++)
        {
            if (Octets.HasControls(head[i].Value)) return MessageRefusal.FieldValue;
        }

        return null;
    }

    /// <summary>The host that a request asks for: <c>:authority</c>, or <c>host</c> where it has none (RFC 9113, section 8.3.1).</summary>
    public static ReadOnlySpan<byte> HostOf(HeaderList head)
    {
        ArgumentNullException.ThrowIfNull(head);
        ReadOnlySpan<byte> authority = head.Authority;
        return authority.IsEmpty && head.TryGet("host"u8, out ReadOnlySpan<byte> host) ? host : authority;
    }

    private static MessageRefusal? HostRefusalOf(HeaderList head, bool isHostCompared)
    {
        int hosts = 0;
        for (int i = 0; i < head.Count; i++) hosts += head[i].Name.SequenceEqual("host"u8) ? 1 : 0;
        if (hosts > 1) return MessageRefusal.ManyHosts;
        if (!isHostCompared) return null;
        ReadOnlySpan<byte> host = HostOf(head);
        return host.IsEmpty ? MessageRefusal.NoHost : Octets.IsHost(host) ? null : MessageRefusal.Host;
    }
}
