namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Methods of requests.</summary>
internal static class RequestMethod
{
    /// <summary>Whether a request means the same when it comes twice (RFC 9110, section 9.2.2).</summary>
    internal static bool IsIdempotent(ReadOnlySpan<byte> method) =>
        method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8) || method.SequenceEqual("OPTIONS"u8) || method.SequenceEqual("PUT"u8) || method.SequenceEqual("DELETE"u8) || method.SequenceEqual("TRACE"u8);
}
