namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Methods of requests.</summary>
internal static class RequestMethod
{
    /// <summary>Whether a request means the same when it comes twice (RFC 9110, section 9.2.2).</summary>
    internal static bool IsIdempotent(ReadOnlySpan<byte> method) =>
        IsSafe(method) || method.SequenceEqual("PUT"u8) || method.SequenceEqual("DELETE"u8) || method.SequenceEqual("TRACE"u8);

    /// <summary>Whether a request only asks (RFC 9110, section 9.2.1), so that several servers may have it at once. Of TRACE, which does too, each answers something else.</summary>
    internal static bool IsSafe(ReadOnlySpan<byte> method) => method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8) || method.SequenceEqual("OPTIONS"u8);
}
