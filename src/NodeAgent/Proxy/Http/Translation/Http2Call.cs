using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Hedging;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http.Translation;

/// <summary>
/// The requests of one connection of HTTP/1.1 that go on by HTTP/2, one after the other, each as a stream. It hears of what the server does, and has the relay do what follows of it for the client. Belongs to its loop's thread.
/// </summary>
internal sealed class Http2Call : IExchange, IHttp2Request, IHttp2ServerUser
{
    private readonly Http1Relay _relay;
    private Http2Leg _server;
    private readonly Http1ClientLeg _client;
    private readonly Http2ServersOfClient _servers;
    private readonly HeaderList _head = new();
    private readonly BodySender _body;
    private Http2Server? _destination;
    private GrpcCall _grpc;

    /// <summary>Makes what one connection's requests go by.</summary>
    /// <param name="relay">The connection.</param>
    /// <param name="client">Its client's side.</param>
    /// <param name="makeServers">Makes connections to servers, for requests of the one that is given.</param>
    /// <param name="limits">What trailers may have.</param>
    internal Http2Call(Http1Relay relay, HttpSide client, Func<IHttp2ServerUser, Http2ServersOfClient> makeServers, Http1Limits limits)
    {
        _relay = relay;
        _servers = makeServers(this);
        _server = new Http2Leg(this);
        _client = new Http1ClientLeg(relay, client, limits);
        _body = new BodySender(limits);
        WaitingEntry = new LinkedListNode<IHttp2Request>(this);
    }

    /// <inheritdoc/>
    public HeaderList? Head => IsRunning ? _head : null;

    /// <inheritdoc/>
    public bool IsHeadOnly { get; private set; }

    /// <inheritdoc/>
    public bool IsRunning { get; private set; }

    /// <inheritdoc/>
    public LinkedListNode<IHttp2Request> WaitingEntry { get; }

    /// <inheritdoc/>
    public long Due { get; set; }

    /// <inheritdoc/>
    public IRequestApproval? Approval { get; set; }

    /// <inheritdoc/>
    public IHttp2StreamUser ServerStream => _server;

    /// <inheritdoc/>
    public bool KeepsHeads => true;

    /// <summary>Hears of the request that runs, where it has a server.</summary>
    internal IRequestObserver? Requests => _destination?.Requests;

    /// <summary>Bytes of the request's body that have been passed on, and of the response's that have come.</summary>
    internal (long Request, long Response) Bodies => (_body.Passed, _server.Received);

    /// <summary>What is known of the request as a call of gRPC.</summary>
    internal ref readonly GrpcCall Grpc => ref _grpc;

    /// <summary>Why the body of the request was malformed; null otherwise.</summary>
    internal MessageRefusal? Refusal => _body.Refusal;

    /// <summary>The trailers of the request, once it is whole; null when there are none.</summary>
    internal HeaderList? Trailers => _body.Trailers;

    /// <summary>What a caller of gRPC was told, when its request has ended.</summary>
    /// <param name="status">The status that it has got; 0: no answer, or not all of it.</param>
    /// <param name="error">What kind of error the proxy has answered in the server's place, which it does by HTTP/1.1 alone; null: it has not.</param>
    internal GrpcStatus EndedWith(int status, string? error)
    {
        if (status == 0 || error is not null) _grpc.Forget();
        return _grpc.Status;
    }

    /// <summary>Another request has come, which may go elsewhere.</summary>
    internal void Forget() => (_body.Passed, _server.Received, _grpc) = (0, 0, default);

    /// <summary>Whether a request would go by a connection that there is.</summary>
    /// <param name="route">Where it goes.</param>
    internal bool IsConnectedTo(in OutboundRoute route) => _servers.IsConnectedTo(route);

    /// <summary>Sends a request on its way: it may wait for its server, and may be answered before this returns.</summary>
    /// <param name="route">Where it goes.</param>
    /// <param name="fields">Its head's fields, as a server of HTTP/1.1 would get them.</param>
    /// <param name="request">What else its head says.</param>
    /// <param name="copy">Takes its body; null: nobody does.</param>
    internal void Begin(in OutboundRoute route, HeaderList fields, Http1Head request, IBodyCopy? copy)
    {
        IsRunning = true;
        IsHeadOnly = request.HasNoBody;
        HeadTranslation.ToStream(fields, request.ExpectsContinue && !IsHeadOnly, _head);
        _grpc.Begin(_head);
        _body.Copy = copy;
        _body.Begin(request.Body, request.Length);
        Http2Server server = _servers.Find(route);
        if (server.IsConnected && server.Ask(this, _head) is { } denial)
        {
            _destination = server;
            Answer(denial);
        }
        else if (!server.TryTake(this, _head))
        {
            Abort(Http2ErrorCode.EnhanceYourCalm);
        }
    }

    /// <summary>Takes a request over that was sent to its server as a hedge; nothing else runs.</summary>
    /// <param name="hedge">The hedge.</param>
    internal void Adopt(HedgeTry hedge)
    {
        (IsRunning, IsHeadOnly, _destination, _server) = (true, true, hedge.Destination, hedge.Stream!);
        _server.HandTo(this);
        HeadTranslation.ToStream(hedge.ForServer(hedge.Kept), expectsContinue: false, _head);
        _grpc.Begin(_head);
    }

    /// <summary>The connections to servers.</summary>
    internal Http2ServersOfClient Servers => _servers;

    /// <summary>Passes what there is of the request's body on.</summary>
    /// <param name="from">The client's side.</param>
    internal BodyProgress PassBody(HttpSide from)
    {
        if (!_server.IsOpen) return BodyProgress.NotTaken;
        BodyProgress progress = _body.Pass(from, _server);
        if (progress == BodyProgress.Whole) _server.End(_body.Trailers);
        return progress;
    }

    /// <summary>The client takes more of the response.</summary>
    internal void PassResponse() => _server.PassOn();

    /// <summary>The response's body is about to come.</summary>
    /// <param name="inChunks">Whether it goes on in chunks.</param>
    /// <param name="isBare">Whether there is none.</param>
    /// <param name="copy">Takes a copy of it; null: nobody does.</param>
    internal void BeginResponseBody(bool inChunks, bool isBare, IBodyCopy? copy)
    {
        if (isBare) copy?.End(trailers: null);
        else _server.Copy = copy;
        _client.Begin(inChunks);
    }

    /// <summary>Nothing more is wanted of the response; who hears of the request is as before.</summary>
    internal void DropResponse() => _server.Abandon();

    /// <inheritdoc/>
    public bool TryAnswerKept(ResponseCache cache, bool isAuthorized, ref HeaderList forServer)
    {
        if (!_relay.TryAnswerKept(cache, isAuthorized, ref forServer)) return false;
        _relay.AdvanceSoon();
        return true;
    }

    /// <summary>Ends the request that runs: nothing more of it is wanted.</summary>
    internal void Abandon()
    {
        if (!IsRunning) return;
        IsRunning = false;
        Http2Server? server = _destination;
        _destination = null;
        server?.Leave(this);
        _server.Abandon();
        server?.ServeWaiting();
    }

    /// <summary>No more requests: connections to servers end.</summary>
    internal ValueTask EndAsync()
    {
        Abandon();
        _servers.Drain();
        return _servers.EndAsync();
    }

    /// <inheritdoc/>
    public HeaderList ForServer(HeaderList head) => head;

    /// <inheritdoc/>
    public HeaderList Traced(HeaderList head) => _relay.Traced(head);

    /// <inheritdoc/>
    public void GoTo(Http2Server server) => _destination = server;

    /// <inheritdoc/>
    public void OnConnected() => _relay.OnServerConnected();

    /// <inheritdoc/>
    /// <remarks>It is kept anyway.</remarks>
    public bool TryKeepHead(HeaderList head) => true;

    /// <inheritdoc/>
    public void Open(Http2Stream stream, HeaderList head, bool keepsHead)
    {
        (_server.Link, _server.Gate) = (_destination!.Link, _destination.Gate);
        _server.Begin(stream, hasEnded: false);
        _relay.OnOpened(IsHeadOnly);
    }

    /// <inheritdoc/>
    public void Answer(RequestRefusal refusal) => _relay.OnRefused(refusal);

    /// <inheritdoc/>
    public void Abort(Http2ErrorCode code) => _relay.Abort(code == Http2ErrorCode.Cancel ? ProxyFailure.PolicyChanged : ProxyFailure.Overload);

    /// <inheritdoc/>
    public IExchangeLeg Other(IExchangeLeg leg) => ReferenceEquals(leg, _server) ? _client : _server;

    /// <inheritdoc/>
    public void OnResponse(HeaderList headers, bool isFinal, bool endStream)
    {
        if (!isFinal)
        {
            _relay.OnInterim(headers);
            return;
        }

        _grpc.Take(headers);
        _relay.OnResponse(headers, endStream);
    }

    /// <inheritdoc/>
    /// <remarks>That it is over the client's leg says, when it has all.</remarks>
    public void OnPassedOn(IExchangeLeg from, HeaderList? trailers)
    {
        _grpc.Take(trailers);
        _relay.OnResponseCame(_grpc);
    }

    /// <inheritdoc/>
    /// <remarks>They are of one request, and no longer than a head.</remarks>
    public bool TryHoldTrailers(HeaderList trailers) => true;

    /// <inheritdoc/>
    public void OnNotReceived() => _relay.Abort(ProxyFailure.Overload);

    /// <inheritdoc/>
    public void OnReset(IExchangeLeg leg, Http2ErrorCode code, bool isConnectionBroken)
    {
        if (!IsRunning) return;
        if (code == Http2ErrorCode.NoError && _server.HasEnded) _relay.OnUnwanted();
        else _relay.OnServerReset(isRefused: code == Http2ErrorCode.RefusedStream, isConnectionBroken);
    }

    /// <inheritdoc/>
    public void OnLegClosed()
    {
        // What has come by the stream may still wait for the client; it is forgotten with the request.
    }

    /// <inheritdoc/>
    public IEnumerable<IHttp2Request> RequestsOf(Http2Server server)
    {
        List<IHttp2Request> found = [];
        if (IsRunning && _destination == server) found.Add(this);
        _relay.AddHedgesOn(server, found);
        return found;
    }

    /// <inheritdoc/>
    public void OnServerLimit(Http2Server server)
    {
        // There is one request at a time.
    }

    /// <inheritdoc/>
    public void OnServerFull(Http2Server server)
    {
        // The one request waits until the server, which has another's or takes none just now, takes it or its time is over.
    }

    /// <inheritdoc/>
    public void OnNotConnected(Http2Server server, ProxyFailure failure)
    {
        _servers.Forget(server);
        server.GiveUpWaiting(request =>
        {
            if (request is HedgeTry hedge) hedge.OnNotConnected(failure, failure);
            else _relay.OnNotConnected(failure);
        });
    }

    /// <inheritdoc/>
    public void OnServerLeaving(Http2Server server) => OnServerClosed(server);

    /// <inheritdoc/>
    public void OnServerClosed(Http2Server server)
    {
        _servers.Forget(server);
        server.GiveUpWaiting(request =>
        {
            if (request is HedgeTry hedge) hedge.OnNotConnected(server.LostForWaiting, ProxyFailure.ConnectFailed);
            else if (server.IsOfAnotherProtocol) _relay.OnRefused(RequestRefusal.NotHttp2);
            else _relay.OnServerLost(server.LostForWaiting);
        });
    }
}
