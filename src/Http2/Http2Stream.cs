namespace Culvert.Http2;

/// <summary>
/// One stream of a connection. Objects are reused: after <see cref="IHttp2Handler.OnStreamClosed"/> drop every reference.
/// Belongs to its connection's thread.
/// </summary>
public sealed class Http2Stream
{
    internal long SendWindowSize;
    internal int ReceiveWindow;
    internal int PendingCredit;
    internal int Growth;
    internal int WindowDebt;
    internal int Round;
    internal long RoundBytes;
    internal bool MayWiden;
    internal long ContentLength;
    internal long BodyReceived;
    internal Http2Stream? Next;
    internal Http2Stream? Previous;
    internal Http2Stream? NextReady;
    internal Http2Stream? PreviousReady;
    internal bool IsReadyQueued;
    internal bool WantsWindow;
    internal bool LocalClosed;
    internal bool RemoteClosed;
    internal bool Active;
    internal bool Released;
    internal bool Tunnel;
    internal bool IsHead;
    internal long StalledSince;
    internal bool FinalHeadersReceived;
    internal bool FinalHeadersSent;

    internal Http2Stream()
    {
    }

    /// <summary>The stream identifier.</summary>
    public int Id { get; internal set; }

    /// <summary>Whatever the application wants to find again in its handler.</summary>
    public object? State { get; set; }

    /// <summary>True for a CONNECT stream (RFC 9113, section 8.5; RFC 8441): after the headers only raw bytes follow.</summary>
    public bool IsConnect { get; internal set; }

    /// <summary>Bytes the peer allows on this stream now; the connection's window limits too. Can be negative after a change of settings.</summary>
    public long SendWindow => SendWindowSize;

    /// <summary>Bytes received and not yet given back by <see cref="Http2Connection.Consumed"/>.</summary>
    public int Unconsumed { get; internal set; }

    /// <summary>State as of RFC 9113, section 5.1.</summary>
    public Http2StreamState StreamState =>
        Id == 0 ? Http2StreamState.Idle
        : LocalClosed && RemoteClosed ? Http2StreamState.Closed
        : LocalClosed ? Http2StreamState.HalfClosedLocal
        : RemoteClosed ? Http2StreamState.HalfClosedRemote
        : Http2StreamState.Open;

    internal void Open(int id, object? state, long sendWindow, int receiveWindow)
    {
        Id = id;
        State = state;
        SendWindowSize = sendWindow;
        ReceiveWindow = receiveWindow;
        PendingCredit = Growth = WindowDebt = Round = 0;
        RoundBytes = 0;
        MayWiden = true;
        Unconsumed = 0;
        ContentLength = -1;
        BodyReceived = 0;
        StalledSince = 0;
        Active = true;
        IsReadyQueued = WantsWindow = LocalClosed = RemoteClosed = Released = false;
        FinalHeadersReceived = FinalHeadersSent = Tunnel = IsHead = IsConnect = false;
    }
}
