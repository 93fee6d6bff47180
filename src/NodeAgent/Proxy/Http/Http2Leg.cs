using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// One of the two streams of a request, with what has come by it and the other does not take yet: that keeps the window of its sender small. Used for one request after the other. Belongs to its loop's thread.
/// </summary>
/// <param name="exchange">The request.</param>
internal sealed class Http2Leg(IExchange exchange) : IExchangeLeg, IHttp2StreamUser, IBufferHolder
{
    private readonly HeaderList _trailers = new();
    private IExchange _exchange = exchange;
    private HeldBytes? _held;
    private bool _hasEnded;
    private bool _hasTrailers;
    private Http2Link? _link;

    /// <summary>The stream; null before it was opened and after it was closed.</summary>
    internal Http2Stream? Stream { get; private set; }

    /// <summary>Whether all has come by it; some may still have to be passed on.</summary>
    internal bool HasEnded => _hasEnded;

    /// <summary>Whether all that comes by it has been passed on, its end included.</summary>
    internal bool IsPassedOn { get; private set; }

    /// <summary>Bytes of the body that have come by it.</summary>
    internal long Received { get; set; }

    /// <summary>Takes what comes by the stream beside the other one; null: nobody does.</summary>
    internal IBodyCopy? Copy { get; set; }

    /// <summary>The stream's connection; to be set before there is a stream.</summary>
    internal Http2Link Link
    {
        get => _link ?? throw new InvalidOperationException("there is no stream yet");
        set
        {
            // What it holds, nothing just now, is on its connection's account.
            if (_link != value) _held = null;
            _link = value;
        }
    }

    /// <summary>What the trailers pass that are sent by it; null: they are of a response.</summary>
    internal RequestGate? Gate { get; set; }

    /// <inheritdoc/>
    public bool IsOpen => Stream is not null;

    private IExchangeLeg Other => _exchange.Other(this);

    /// <summary>It is another request's from now on, or another of its objects'.</summary>
    internal void HandTo(IExchange exchange) => _exchange = exchange;

    /// <summary>Takes a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="hasEnded">Whether its sender has ended it with the headers.</param>
    internal void Begin(Http2Stream stream, bool hasEnded)
    {
        Stream = stream;
        stream.State = this;
        _hasEnded = hasEnded;
        Received = 0;
    }

    /// <summary>The other stream was opened with the headers of this one, and with its end if there was one.</summary>
    /// <param name="withEnd">Whether there was.</param>
    internal void HeadersPassed(bool withEnd)
    {
        IsPassedOn = withEnd;
        if (!withEnd) PassOn();
    }

    /// <summary>Whether a body can go out at once, as a whole.</summary>
    internal bool HasRoomFor(int bytes) => Stream is { } stream && !Link.IsOverfull && Math.Min(stream.SendWindow, Link.Http2.SendWindow) >= bytes;

    /// <summary>Sends headers by this stream.</summary>
    /// <param name="headers">The headers.</param>
    /// <param name="endStream">Whether nothing follows.</param>
    internal void SendHeaders(HeaderList headers, bool endStream)
    {
        if (Stream is not null && !Link.HasRoomForHead(isFirst: false)) _exchange.OnNotReceived();
        if (Stream is null) return;
        Link.Http2.SendHeaders(Stream, headers, endStream);
        Link.ScheduleFlush();
    }

    /// <inheritdoc/>
    public void Reset(Http2ErrorCode code)
    {
        _held?.Clear();
        if (Stream is null) return;
        Link.Http2.Reset(Stream, code);
        Link.ScheduleFlush();
    }

    /// <inheritdoc/>
    public void Abandon()
    {
        Http2Stream? stream = Stream;
        Clear();
        if (stream is null) return;
        stream.State = null;
        Link.Http2.Reset(stream, Http2ErrorCode.Cancel);
        Link.ScheduleFlush();
    }

    /// <inheritdoc/>
    public void Clear()
    {
        _held?.Clear();
        _trailers.Trim();
        Stream = null;
        _hasEnded = _hasTrailers = IsPassedOn = false;
        Copy?.Close();
        Copy = null;
    }

    /// <inheritdoc/>
    public void GiveUp() => _exchange.Abort(Http2ErrorCode.EnhanceYourCalm);

    /// <inheritdoc/>
    void IHttp2StreamUser.OnHeaders(HeaderList headers, Http2HeadersKind kind, bool endStream)
    {
        if (kind == Http2HeadersKind.Trailers)
        {
            _hasEnded = true;
            TakeCopy()?.End(headers); // before the server's policy takes some of them out
            TakeTrailers(headers);
            return;
        }

        _hasEnded = IsPassedOn = endStream;
        Gate?.CleanResponse(headers);
        _exchange.OnResponse(headers, kind == Http2HeadersKind.Response, endStream);
    }

    /// <inheritdoc/>
    void IHttp2StreamUser.OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        _hasEnded |= endStream;
        Received += data.Length;
        Copy?.Append(data);
        IBodyCopy? whole = endStream ? TakeCopy() : null;
        int sent = _held is null or { IsEmpty: true } ? Other.Send(data) : 0;
        Consumed(sent);
        if (sent < data.Length && !Hold(data[sent..])) _exchange.Abort(Http2ErrorCode.EnhanceYourCalm);
        else PassOn();
        whole?.End(trailers: null);
    }

    /// <inheritdoc/>
    void IHttp2StreamUser.OnReset(Http2ErrorCode code, bool connectionBroken)
    {
        if (!(_hasEnded && code == Http2ErrorCode.NoError)) _held?.Clear(); // a whole answer stays one (RFC 9113, section 8.1)
        _exchange.OnReset(this, code, connectionBroken);
    }

    /// <inheritdoc/>
    void IHttp2StreamUser.OnStreamClosed()
    {
        Stream = null;
        _exchange.OnLegClosed();
    }

    /// <inheritdoc/>
    void IHttp2StreamUser.OnWindowAvailable() => Other.PassOn();

    /// <inheritdoc/>
    public int Send(ReadOnlySpan<byte> data)
    {
        if (Stream is null || data.IsEmpty) return 0;
        Link.Http2.SendData(Stream, data, endStream: false, out int sent);
        Link.ScheduleFlush();
        return sent;
    }

    /// <inheritdoc/>
    public void PassOn()
    {
        while (_held is { IsEmpty: false })
        {
            Http2Stream? stream = Stream;
            int sent = Other.Send(_held.Peek());
            if (sent == 0 || Stream != stream || _held.IsEmpty) return; // sending may have ended the request
            _held.Advance(sent);
            Consumed(sent);
        }

        if (!_hasEnded || IsPassedOn || Other is not { IsOpen: true } other) return;
        IsPassedOn = true;
        _exchange.OnPassedOn(this, _hasTrailers ? _trailers : null); // while it is this request: its legs may be closed with its end
        other.End(_hasTrailers ? _trailers : null);
    }

    /// <inheritdoc/>
    public void End(HeaderList? trailers)
    {
        if (Stream is not { } stream) return;
        if (trailers is not null) Gate?.Clean(trailers);
        if (trailers is { Count: > 0 } && !Link.HasRoomForHead(isFirst: false))
        {
            if (Gate is null) _exchange.OnNotReceived();
            else _exchange.Abort(Http2ErrorCode.EnhanceYourCalm);
            return;
        }

        if (trailers is null or { Count: 0 }) Link.Http2.CommitData(stream, 0, endStream: true);
        else Link.Http2.SendHeaders(stream, trailers, endStream: true);
        Link.ScheduleFlush();
    }

    // Of a request that is whole, which the stream may be closed with.
    private IBodyCopy? TakeCopy()
    {
        IBodyCopy? copy = Copy;
        Copy = null;
        return copy;
    }

    private void TakeTrailers(HeaderList trailers)
    {
        if (_held is null or { IsEmpty: true } && Other is { IsOpen: true } other)
        {
            IsPassedOn = true;
            _exchange.OnPassedOn(this, trailers);
            other.End(trailers);
            return;
        }

        _hasTrailers = _exchange.TryHoldTrailers(trailers);
        if (_hasTrailers) _trailers.AddRange(trailers);
        else _exchange.Abort(Http2ErrorCode.EnhanceYourCalm);
    }

    // Taking a buffer may cost this very request its streams, as the one of its account that has waited longest: nothing of it may be left for the next then.
    private bool Hold(ReadOnlySpan<byte> data)
    {
        bool isHeld = (_held ??= new HeldBytes(Link.Account, this)).Append(data);
        if (Stream is null) _held.Clear();
        return isHeld;
    }

    private void Consumed(int count)
    {
        if (Stream is null || count == 0) return;
        Link.Http2.Consumed(Stream, count);
        if (Link.Http2.PendingOutput > 0) Link.ScheduleFlush();
    }
}
