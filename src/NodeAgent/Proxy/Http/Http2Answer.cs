using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Puts answers in HTTP/2 together that the proxy makes in a server's place: heads without a body, which say so, and why, in <c>proxy-status</c> (RFC 9209). Belongs to its loop's thread.</summary>
/// <param name="time">The clock.</param>
internal sealed class Http2Answer(TimeProvider time)
{
    private readonly HeaderList _fields = new();

    /// <summary>Puts one together.</summary>
    /// <param name="status">The status.</param>
    /// <param name="error">What kind of error, of <see cref="ProxyError"/>.</param>
    /// <param name="details">In words, without quotation marks, and without anything of the message that it is about.</param>
    /// <param name="isGrpc">Whether the request is one of gRPC.</param>
    /// <param name="excess">The limit that the request has met; null: none.</param>
    /// <returns>It; valid until the next.</returns>
    internal HeaderList Compose(int status, string error, string details, bool isGrpc, RateLimitExcess? excess = null)
    {
        _fields.Clear();
        if (isGrpc) GrpcAnswer.Add(_fields, status, details);
        else _fields.AddStatus(status);
        if (excess is { } limit) RateLimitFields.AddTo(_fields, limit);
        return ProxyError.AddTo(_fields, error, details, time.GetUtcNow());
    }
}
