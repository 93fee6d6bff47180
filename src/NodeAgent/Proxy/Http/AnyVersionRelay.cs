using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Carries what a client says at a port of HTTP/1.1: that, or HTTP/2 where the client begins with its preface (prior knowledge; RFC 9113, section 3.3). Belongs to its loop's thread.</summary>
/// <param name="http1">Carries HTTP/1.1, and sees how the client begins.</param>
/// <param name="http2">Makes what carries HTTP/2 by the same transports.</param>
/// <param name="loop">The loop.</param>
internal sealed class AnyVersionRelay(Http1Relay http1, Func<Http2Relay> http2, EventLoop loop) : IHttpRelay
{
    private Http2Relay? _http2;

    /// <inheritdoc/>
    public long BytesSent => Relay.BytesSent;

    /// <inheritdoc/>
    public long BytesReceived => Relay.BytesReceived;

    /// <inheritdoc/>
    public ProxyFailure Failure => Relay.Failure;

    private IHttpRelay Relay => _http2 is null ? http1 : _http2;

    /// <inheritdoc/>
    public async ValueTask RunAsync()
    {
        await http1.RunAsync();
        if (http1.ReceivedPreface is not { } received) return;
        _http2 = http2();
        _http2.TakeOver(received);

        // What has told of the client's bytes may be in the middle of them.
        await loop.YieldAsync(new LoopSignal());
        await _http2.RunAsync();
    }

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure) => Relay.Abort(failure);
}
