using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Puts answers in HTTP/2 together that the proxy makes in a server's place: heads, which say so, and why, in <c>proxy-status</c> (RFC 9209). Belongs to its loop's thread.</summary>
/// <param name="time">The clock.</param>
internal sealed class Http2Answer(TimeProvider time)
{
    private readonly HeaderList _fields = new();

    /// <summary>Puts one together.</summary>
    /// <param name="refusal">What it says.</param>
    /// <param name="isGrpc">Whether the request is one of gRPC.</param>
    /// <returns>It; valid until the next.</returns>
    internal HeaderList Compose(RequestRefusal refusal, bool isGrpc)
    {
        _fields.Clear();
        if (isGrpc) GrpcAnswer.Add(_fields, refusal);
        else _fields.AddStatus(refusal.Status);
        if (refusal.Excess is { } limit) RateLimitFields.AddTo(_fields, limit);
        return ProxyError.AddTo(_fields, isGrpc ? refusal with { Denied = null } : refusal, time.GetUtcNow());
    }
}
