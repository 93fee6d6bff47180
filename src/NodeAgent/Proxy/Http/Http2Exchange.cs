using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Caching;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A request of HTTP/2 and its response: the client's stream, and the server's or a connection of HTTP/1.1 to it. Used for one request after the other. Belongs to its loop's thread.</summary>
internal sealed partial class Http2Exchange : IHttp1Exchange, IHttp2Request
{
    private readonly Http2Relay _relay;
    private Http2Leg _serverStream;
    private Http1Leg? _serverConnection;
    private bool _isOver;
    private int _interimCount;
    private GrpcCall _grpc;
    private bool _isHead;
    private int _status;
    private BackendTry _try;
    private RequestFaults _faults;

    internal Http2Exchange(Http2Relay relay, Http2Link client)
    {
        _relay = relay;
        Client = new Http2Leg(this) { Link = client };
        Server = _serverStream = new Http2Leg(this);
        WaitingEntry = new LinkedListNode<IHttp2Request>(this);
        Entry = new LinkedListNode<Http2Exchange>(this);
    }

    /// <summary>The client's stream.</summary>
    internal Http2Leg Client { get; }

    /// <summary>The server's side: a stream, unless it is one by HTTP/1.1.</summary>
    internal IExchangeLeg Server { get; private set; }

    /// <summary>The attempt to connect to a server of HTTP/1.1 that it waits for; 0: for none.</summary>
    internal long Connecting { get; set; }

    /// <summary>Waits for that attempt, or an earlier one; null: there was none.</summary>
    internal ConnectionWait? Wait { get; set; }

    /// <summary>Whether it waits for its next try.</summary>
    internal bool IsPaused { get; set; }

    /// <summary>Hears of what becomes of it, where it has a server.</summary>
    internal IRequestObserver? Requests => Destination?.Requests ?? (Server as Http1Leg)?.Requests ?? (Server as KeptLeg)?.Requests;

    /// <inheritdoc/>
    public LinkedListNode<IHttp2Request> WaitingEntry { get; }

    /// <inheritdoc/>
    public long Due { get; set; }

    /// <inheritdoc/>
    public IRequestApproval? Approval { get; set; }

    /// <summary>Its place among all that are not over.</summary>
    internal LinkedListNode<Http2Exchange> Entry { get; }

    /// <inheritdoc/>
    /// <remarks>It is kept while it waits, if it may have to be sent again until it is answered, and, if policy has been asked about it, while it runs.</remarks>
    public HeaderList? Head => _head;

    /// <summary>Where it goes; null before that is known.</summary>
    internal Http2Server? Destination { get; private set; }

    /// <summary>What its route says; of one that is routed.</summary>
    internal RequestDirection Direction { get; set; }

    /// <summary>The try that runs, as its backend's port counts it; of one that is routed.</summary>
    internal ref BackendTry Try => ref _try;

    /// <summary>What it is made to suffer; of one that is routed.</summary>
    internal ref RequestFaults Faults => ref _faults;

    /// <summary>How often it has been sent somewhere, or tried to; of one that is routed.</summary>
    internal int Tries { get; set; }

    /// <summary>Its time limit, or its wait before the next try; of one that is routed.</summary>
    internal LoopTimer? Timer { get; set; }

    /// <summary>What is noted of it; null: nothing, or it is over.</summary>
    internal IRequestRecord? Record { get; set; }

    /// <summary>Whether nothing of a response has been passed on, and all of the request is its head, so that it can be sent again.</summary>
    internal bool IsRepeatable => IsHeadOnly && _status == 0 && _interimCount == 0 && !_isOver && Head is not null;

    /// <summary>Whether all of it has come, and its server can have it.</summary>
    internal bool IsRequestWhole => Client.HasEnded && Server is { IsOpen: true } and not Http1Leg { IsAsking: true };

    /// <summary>Whether it is over, but for streams that are still to be closed.</summary>
    internal bool IsOver => _isOver;

    /// <summary>Whether the head of its response has been passed on.</summary>
    internal bool IsAnswered => _status != 0;

    /// <inheritdoc/>
    public bool IsHeadOnly { get; private set; }

    /// <summary>When it began; a timestamp of the connection's clock.</summary>
    internal long Began { get; private set; }

    /// <inheritdoc/>
    public IExchangeLeg Other(IExchangeLeg leg) => ReferenceEquals(leg, Client) ? Server : Client;

    /// <summary>A request has come.</summary>
    /// <param name="stream">Its stream.</param>
    /// <param name="headers">Its head.</param>
    /// <param name="isHeadOnly">Whether that is all.</param>
    /// <param name="now">When.</param>
    internal void Begin(Http2Stream stream, HeaderList headers, bool isHeadOnly, long now)
    {
        (Began, IsHeadOnly, _isOver, _status, _interimCount) = (now, isHeadOnly, false, 0, 0);
        (Destination, Direction, Tries, Connecting, IsPaused) = (null, default, 0, 0, false);
        _faults = default;
        Server = _serverStream;
        _grpc.Begin(headers);
        _cached?.Forget();
        _isHead = headers.Method.SequenceEqual("HEAD"u8);
        Approval = null;
        Client.Clear();
        Client.Begin(stream, isHeadOnly);
        _serverStream.Received = 0;
        _serverConnection?.Passed = 0;
    }

    /// <summary>What responses that are kept had to do with it.</summary>
    internal CacheResult Cache => _cached?.Result ?? CacheResult.None;

    /// <summary>What a caller of gRPC was told.</summary>
    internal GrpcStatus Grpc => _grpc.Status;

    /// <summary>Gives back what was noted of it.</summary>
    internal IRequestRecord? TakeRecord()
    {
        IRequestRecord? record = Record;
        Record = null;
        record?.OnBodies(Client.Received, Server switch { Http1Leg leg => leg.Passed, KeptLeg kept => kept.Passed, _ => _serverStream.Received });
        return record;
    }

    /// <inheritdoc/>
    public bool IsRunning => Entry.List is not null;

    /// <inheritdoc/>
    public HeaderList ForServer(HeaderList head) => _relay.ForServer(this, head);

    /// <inheritdoc cref="IHttp2Request.Traced"/>
    public HeaderList Traced(HeaderList head) => Record?.ForServer(head) ?? head;

    /// <inheritdoc/>
    public void GoTo(Http2Server server) => Destination = server;

    /// <inheritdoc/>
    public void OnConnected() => _try.EndPend();

    /// <inheritdoc/>
    public IHttp2StreamUser ServerStream => _serverStream;

    /// <inheritdoc/>
    public void Open(Http2Stream stream, HeaderList head, bool keepsHead)
    {
        _try.EndPend();
        if (!keepsHead) KeepIfSpare(head);
        _cached?.OnSent();
        (_serverStream.Link, _serverStream.Gate) = (Destination!.Link, Destination.Gate);
        _serverStream.Begin(stream, hasEnded: false);
        Client.HeadersPassed(withEnd: IsHeadOnly);
    }

    /// <summary>The request's head has been sent by a connection of HTTP/1.1: what has waited goes on by it.</summary>
    /// <param name="keepsHead">Whether policy may have to be asked about the request again, or it may have to be sent again.</param>
    internal void Open(bool keepsHead)
    {
        if (!keepsHead) KeepIfSpare(_head);
        _cached?.OnSent();
        if (IsHeadOnly) Server.End(null);
        Client.HeadersPassed(withEnd: IsHeadOnly);
    }

    /// <inheritdoc/>
    public HeaderList? HeadForServer => Head is { } head ? ForServer(head) : null;

    /// <inheritdoc/>
    public bool TryResendAfterEnd(bool isUnsent) => _relay.TryResendAfterEnd(this, isRefused: isUnsent);

    /// <summary>Its side of the server becomes a connection of HTTP/1.1.</summary>
    /// <param name="options">Limits.</param>
    internal Http1Leg ByHttp1(HttpOptions options)
    {
        Server = _serverConnection ??= new Http1Leg(this, options, Client.Link.Loop);
        return _serverConnection;
    }

    /// <inheritdoc/>
    public void Answer(RequestRefusal refusal)
    {
        if (_isOver || (refusal is { Status: 502, Error: not ProxyError.Denied } && TryFail(TryOutcome.Bad))) return;
        Record?.Details = refusal.Details;
        _grpc.Answer(refusal);
        End(refusal.Status, refusal.Error);
        ReadOnlySpan<byte> body = _grpc.IsCall || _isHead || refusal.Denied is not { } denied || refusal.Status is 204 or 304 || !Client.HasRoomFor(denied.Body.Length) ? default : denied.Body.Span; // a client that takes no more just now has the head
        Client.SendHeaders(_relay.Answers.Compose(refusal, _grpc.IsCall), endStream: body.IsEmpty);
        bool isWhole = body.IsEmpty || Client.Send(body) == body.Length;
        if (isWhole && !body.IsEmpty) Client.End(null);
        Client.Reset(isWhole ? Http2ErrorCode.NoError : Http2ErrorCode.InternalError); // of a request that still comes (RFC 9113, section 8.1); without effect otherwise
        Server.Reset(Http2ErrorCode.Cancel);
    }

    /// <summary>Answers with what its route says, in the server's place.</summary>
    /// <param name="fields">The head; there is no body.</param>
    internal void AnswerAsRouted(HeaderList fields)
    {
        End(fields.Status, null);
        Client.SendHeaders(fields, endStream: true);
        Client.Reset(Http2ErrorCode.NoError);
    }

    /// <inheritdoc/>
    public void OnBrokenOff() => _try.End(TryOutcome.Bad);

    /// <summary>Takes it back from its server, so that it can be sent again.</summary>
    internal void TakeBack()
    {
        Http2Server? before = Destination;
        before?.Leave(this);
        Server.Abandon();
        _cached?.Forget(); // what another server says is none of this one's
        Server = _serverStream;
        (Destination, Connecting) = (null, 0);
        Wait?.Cancel();
        before?.ServeWaiting(); // by its stream another may go
    }

    /// <inheritdoc/>
    public void Abort(Http2ErrorCode code)
    {
        // Its response may be whole, and reported, while its request still comes.
        if (!_isOver) End(0, null);
        Client.Reset(code);
        Server.Reset(code);
    }

    /// <inheritdoc/>
    public void OnResponse(HeaderList headers, bool isFinal, bool endStream)
    {
        if (isFinal && _relay.TryAgainFor(this, headers.Status)) return;
        if (isFinal)
        {
            _hedges?.End();
            _status = headers.Status;
            _grpc.Take(headers);
            if (_grpc.IsDecidedAtEnd(_status)) _try.Begun();
            else _try.Answered(_status);
            if (_cached is { } cached && !TryPassOn(cached, ref headers, endStream)) return;
            if (Destination is not { AsksPolicy: true } && Server is not Http1Leg { AsksPolicy: true }) KeepIfSpare(_head);
        }
        else if (++_interimCount > _relay.MaxInterim)
        {
            Answer(RequestRefusal.ManyInterims);
            return;
        }

        if (endStream) OnPassedOn(Server, trailers: null);
        Client.SendHeaders(isFinal ? _relay.ForClient(this, headers) : headers, endStream);
        _cached?.OnSent();
    }

    /// <inheritdoc/>
    /// <remarks>It is the client: its connection ends.</remarks>
    public void OnNotReceived() => _relay.Abort(ProxyFailure.Overload);

    /// <inheritdoc/>
    public void OnPassedOn(IExchangeLeg from, HeaderList? trailers)
    {
        if (ReferenceEquals(from, Client)) _try.RequestCame();
        if (!ReferenceEquals(from, Server) || _isOver) return;
        _grpc.Take(trailers);
        if (_grpc.IsDecidedAtEnd(_status)) _try.Answered(_grpc.Outcome);
        End(_status, null);
    }

    /// <inheritdoc/>
    public void OnReset(IExchangeLeg leg, Http2ErrorCode code, bool isConnectionBroken)
    {
        if (ReferenceEquals(leg, Server) && AreHedgesRunning)
        {
            EndTry(code, isConnectionBroken);
            TryFail(TryOutcome.Unknown);
            return;
        }

        if (ReferenceEquals(leg, Server) && (isConnectionBroken || code == Http2ErrorCode.RefusedStream) && _relay.TryResendAfterEnd(this, isRefused: code == Http2ErrorCode.RefusedStream)) return;
        if (ReferenceEquals(leg, Server) && isConnectionBroken && _status == 0 && !_isOver)
        {
            EndTry(code, isConnectionBroken);
            Answer(RequestRefusal.BrokenConnection);
            return;
        }

        if (ReferenceEquals(leg, Server)) EndTry(code, isConnectionBroken);
        if (!_isOver) End(0, null);
        Other(leg).Reset(isConnectionBroken ? Http2ErrorCode.Cancel : code);
    }

    /// <inheritdoc/>
    public void OnLegClosed()
    {
        if (Client.IsOpen || Server.IsOpen || !IsRunning) return;
        if (!_isOver) End(0, null);
        Client.Clear();
        Server.Clear();
        Connecting = 0;
        _cached?.Release();
        Leave();
        _relay.OnOver(this);
    }

    // By its server. After a whole answer it may want no more of the request (RFC 9113, section 8.1).
    private void EndTry(Http2ErrorCode code, bool isConnectionBroken)
    {
        if (isConnectionBroken) _try.End(Destination?.LostFor ?? ProxyFailure.ConnectFailed);
        else _try.End(code == Http2ErrorCode.RefusedStream || _serverStream.HasEnded ? TryOutcome.Unknown : TryOutcome.Bad);
    }

    private void End(int status, string? error)
    {
        _isOver = true;
        _hedges?.End();
        if (status == 0) _grpc.Forget();
        _try.End(status, error);
        Wait?.Cancel();
        Destination?.Leave(this);
        _relay.OnAnswered(this, status, error);
    }
}
