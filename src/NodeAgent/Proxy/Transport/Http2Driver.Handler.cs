using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <content>What HTTP/2 reports, passed on to whatever carries the stream.</content>
internal partial class Http2Driver : IHttp2Handler
{
    void IHttp2Handler.OnHeaders(Http2Stream stream, HeaderList headers, Http2HeadersKind kind, bool endStream)
    {
        // Only a server gets requests.
        if (kind == Http2HeadersKind.Request) _requests!.OnRequest(this, stream, headers, endStream);
        else (stream.State as IHttp2StreamUser)?.OnHeaders(headers, kind, endStream);
    }

    void IHttp2Handler.OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
        if (stream.State is IHttp2StreamUser user) user.OnData(data, endStream);
        else Http2.Consumed(stream, data.Length);
    }

    void IHttp2Handler.OnReset(Http2Stream stream, Http2ErrorCode code) =>
        (stream.State as IHttp2StreamUser)?.OnReset(code, connectionBroken: IsClosed || Http2.IsClosed);

    void IHttp2Handler.OnStreamClosed(Http2Stream stream) => (stream.State as IHttp2StreamUser)?.OnStreamClosed();

    void IHttp2Handler.OnWindowAvailable(Http2Stream stream) => (stream.State as IHttp2StreamUser)?.OnWindowAvailable();

    void IHttp2Handler.OnGoAway(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugData) => OnGoAway();

    void IHttp2Handler.OnPingAck(ulong opaque)
    {
    }

    bool IHttp2Handler.MayWiden(int bytes) => Account.TryPromise(bytes);

    void IHttp2Handler.OnNarrowed(int bytes) => Account.TakeBack(bytes);

    void IHttp2Handler.OnSettings() => OnSettings();
}
