using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <content>What HTTP/2 reports, passed on to whatever carries the stream.</content>
internal sealed partial class TunnelConnection : IHttp2Handler
{
    void IHttp2Handler.OnHeaders(Http2Stream stream, HeaderList headers, Http2HeadersKind kind, bool endStream)
    {
        switch (kind)
        {
            case Http2HeadersKind.Request:
                _streams!.OnRequest(this, stream, headers, endStream);
                break;
            case Http2HeadersKind.Response:
                (stream.State as ITunnelStream)?.OnResponse(headers, endStream);
                break;
        }
    }

    void IHttp2Handler.OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
        if (stream.State is ITunnelStream taker) taker.OnData(data, endStream);
        else Http2.Consumed(stream, data.Length);
    }

    void IHttp2Handler.OnReset(Http2Stream stream, Http2ErrorCode code) =>
        (stream.State as ITunnelStream)?.OnReset(code, tunnelBroken: IsClosed || Http2.IsClosed);

    void IHttp2Handler.OnStreamClosed(Http2Stream stream) => (stream.State as ITunnelStream)?.OnStreamClosed();

    void IHttp2Handler.OnWindowAvailable(Http2Stream stream) => (stream.State as ITunnelStream)?.OnWindowAvailable();

    void IHttp2Handler.OnGoAway(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugData)
    {
        // The pool looks at Http2.CanOpenStream before every stream; running streams go on.
    }

    void IHttp2Handler.OnPingAck(ulong opaque)
    {
    }

    bool IHttp2Handler.MayWiden(int bytes) => Account.TryPromise(bytes);

    void IHttp2Handler.OnNarrowed(int bytes) => Account.TakeBack(bytes);

    void IHttp2Handler.OnSettings() => WakeSettingsWaiters();
}
