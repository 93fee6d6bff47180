using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <content>What the stream's connection reports.</content>
internal sealed partial class StreamTransport
{
    /// <inheritdoc/>
    void IHttp2StreamUser.OnHeaders(HeaderList headers, Http2HeadersKind kind, bool endStream)
    {
        // A tunnel has no trailers (RFC 9113, section 8.5), and what is informational says nothing of bytes.
        if (kind != Http2HeadersKind.Response) return;
        ResponseStatus = headers.Status;
        _remoteEnded |= endStream;
        Response.Set(true);
    }

    /// <inheritdoc/>
    public void OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        _remoteEnded |= endStream;
        if (IsClosed)
        {
            if (!data.IsEmpty) Refuse();
            return;
        }

        if (User is { } user && !data.IsEmpty && Held.IsEmpty)
        {
            int taken = user.OnReceived(this, data);
            if (IsClosed) return;
            Consumed(taken);
            data = data[taken..];
        }

        if (!data.IsEmpty && !Hold(data))
        {
            Abort(ProxyFailure.Overload, Http2ErrorCode.EnhanceYourCalm);
            return;
        }

        if (data.IsEmpty && !endStream) return;
        _awaitsMore = false;
        _readable.Set(true);
        if (!IsClosed) User?.OnReceivable(this);
    }

    /// <inheritdoc/>
    void IHttp2StreamUser.OnReset(Http2ErrorCode code, bool connectionBroken)
    {
        if (IsClosed) return;
        IsRetryable = code == Http2ErrorCode.RefusedStream;
        Failure = connectionBroken ? ProxyFailure.TunnelReset : ProxyFailure.StreamReset;
        End();
        User?.OnBroken(this);
    }

    /// <inheritdoc/>
    void IHttp2StreamUser.OnStreamClosed() => _stream = null;

    /// <inheritdoc/>
    void IHttp2StreamUser.OnWindowAvailable()
    {
        _blocked = false;
        _writable.Set(true);
    }

    /// <inheritdoc/>
    void IBufferHolder.GiveUp() => Abort(ProxyFailure.Overload, Http2ErrorCode.EnhanceYourCalm);

    private bool Hold(ReadOnlySpan<byte> data) => (_held ??= new HeldBytes(_driver.Account, this)).Append(data);
}
