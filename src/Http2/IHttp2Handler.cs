namespace Culvert.Http2;

/// <summary>
/// Receives what happens on one connection. Called on the thread that drives the connection, from within <see cref="Http2Connection.Receive"/>,
/// <see cref="Http2Connection.AdvanceOutput"/>, <see cref="Http2Connection.CheckTimeouts"/> and, for the end of a stream, the sending methods.
/// Every method of the connection except <see cref="Http2Connection.Receive"/> may be called from here. Spans and header lists are valid only during the call.
/// Implementations must not throw.
/// </summary>
public interface IHttp2Handler
{
    /// <summary>A header section arrived and is well formed (RFC 9113, section 8).</summary>
    void OnHeaders(Http2Stream stream, HeaderList headers, Http2HeadersKind kind, bool endStream);

    /// <summary>
    /// Body bytes arrived, as they come, without waiting for whole frames. Each byte takes receive window until it is given back by
    /// <see cref="Http2Connection.Consumed"/>. <paramref name="data"/> may be empty when <paramref name="endStream"/> is true.
    /// </summary>
    void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream);

    /// <summary>
    /// The stream was aborted: by the peer (RST_STREAM, GOAWAY with a lower identifier gives <see cref="Http2ErrorCode.RefusedStream"/>), by a
    /// violation on it, or with its connection. Its window is given back by the connection. <see cref="OnStreamClosed"/> follows at once.
    /// </summary>
    void OnReset(Http2Stream stream, Http2ErrorCode code);

    /// <summary>
    /// The last call for a stream: ended in both directions and all its bytes consumed, or reset by either side. The object is reused afterwards;
    /// drop every reference to it.
    /// </summary>
    void OnStreamClosed(Http2Stream stream);

    /// <summary>
    /// A stream that was refused space by <see cref="Http2Connection.ReserveData"/> may try again: a window opened or the output drained.
    /// Waiting streams are served in turn.
    /// </summary>
    void OnWindowAvailable(Http2Stream stream);

    /// <summary>The peer stops accepting streams; streams above <paramref name="lastStreamId"/> were reset already. Running streams go on.</summary>
    void OnGoAway(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugData);

    /// <summary>The peer answered a <see cref="Http2Connection.Ping"/>.</summary>
    void OnPingAck(ulong opaque);

    /// <summary>
    /// A stream could be faster if the peer might have <paramref name="bytes"/> more under way; see <see cref="Http2Options.MaxStreamWindow"/>. When they are granted,
    /// <see cref="OnNarrowed"/> gives them back.
    /// </summary>
    bool MayWiden(int bytes) => true;

    /// <summary>Of what was granted by <see cref="MayWiden"/>, <paramref name="bytes"/> are out of use: a stream has closed, or windows were narrowed and the peer has used up what it had.</summary>
    void OnNarrowed(int bytes)
    {
    }

    /// <summary>The peer's SETTINGS were applied and acknowledged; see <see cref="Http2Connection.PeerMaxConcurrentStreams"/> and its neighbours.</summary>
    void OnSettings();
}
