using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// Carries HTTP/2 between a client and a server: each request by a stream of either connection, which are two connections of HTTP/2 with settings, windows and compression of their own. Belongs to its loop's thread.
/// </summary>
internal sealed partial class Http2Relay : IHttpRelay, IHttp2Requests<Http2Driver>, IHttp2LinkUser, IHttp2ServerUser
{
    // Streams that a client may have at once before its server has said what it takes: as many as a client assumes that has heard of no limit, and no server should take fewer (RFC 9113, section 6.5.2).
    private const int FirstStreams = 100;

    // What one connection keeps for its next requests.
    private const int MostIdle = 32;

    private readonly Http2Link _client;
    private readonly Http2Server? _only; // without routes
    private readonly ITransport _clientTransport;
    private readonly IRequestObserver _observer;
    private readonly TimeProvider _time;
    private readonly Stack<Http2Exchange> _idle = new();
    private readonly LinkedList<Http2Exchange> _requests = new();
    private readonly HttpOptions _options;
    private readonly LoopTimer _requestDeadline;
    private bool _hasAnswered;

    private Http2Relay(ITransport client, in BudgetHolder clientOwner, HttpOptions options, IRequestObserver observer, TimeProvider time)
    {
        (_clientTransport, _options, _observer, _time) = (client, options, observer, time);
        Answers = new Http2Answer(time);
        _client = new Http2Link(client, this, options.Http2, clientOwner, this, time);
        Room = new HeadRoom(_client.Account, options.MaxWaitingHeads);
        _requestDeadline = new LoopTimer(static state => ((Http2Link)state!).Close("there was no request in time", ProxyFailure.ProtocolError), _client);
    }

    /// <summary>Makes a relay to one server; it owns both transports.</summary>
    /// <param name="client">The side that opened the connection.</param>
    /// <param name="server">The side it was opened to.</param>
    /// <param name="clientOwner">Whose account bytes are on that come from the client.</param>
    /// <param name="serverOwner">The same for the server.</param>
    /// <param name="gate">Asks policy about requests.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of requests.</param>
    /// <param name="time">The clock.</param>
    internal Http2Relay(
        ITransport client, ITransport server, in BudgetHolder clientOwner, in BudgetHolder serverOwner, RequestGate gate, HttpOptions options, IRequestObserver observer, TimeProvider time)
        : this(client, clientOwner, options, observer, time)
    {
        _only = new Http2Server(this, options, time);
        _client.Http2.AnnounceStreamLimit(Math.Min(FirstStreams, options.Http2.MaxConcurrentStreams));
        _only.Connect(server, serverOwner, gate, observer, idleTime: null);
    }

    /// <summary>Makes a relay whose requests go where routes say; it owns the client's transport.</summary>
    /// <param name="client">The side that opened the connection.</param>
    /// <param name="clientOwner">Whose account bytes are on that come from the client.</param>
    /// <param name="routing">Where requests go.</param>
    /// <param name="mirrors">Sends copies of requests.</param>
    /// <param name="dialer">Makes connections to servers.</param>
    /// <param name="connections">Hears of these, and of requests that go by them.</param>
    /// <param name="servers">Connections to servers of HTTP/1.1.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of requests that no server gets.</param>
    /// <param name="time">The clock.</param>
    internal Http2Relay(
        ITransport client, in BudgetHolder clientOwner, RequestRouting routing, MirrorsOfClient mirrors, RequestDialer dialer, IProxyObserver connections, Http1Servers servers, HttpOptions options, IRequestObserver observer, TimeProvider time)
        : this(client, clientOwner, options, observer, time)
    {
        (_routing, _mirrors, _http1Servers) = (routing, mirrors, servers);
        _servers = new Http2ServersOfClient(this, routing.Client, dialer, connections, client.Loop, options, time);
    }

    /// <inheritdoc/>
    public long BytesSent => _only?.BytesSent ?? 0; // with routes each connection to a server is told of by itself

    /// <inheritdoc/>
    public long BytesReceived => _client.Http2.BytesSent;

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Takes what somebody else has received of the client; to be called before <see cref="RunAsync"/>.</summary>
    internal void TakeOver(ReadOnlyMemory<byte> received) => _client.TakeOver(received);

    /// <inheritdoc/>
    public async ValueTask RunAsync()
    {
        if (_client.IsClosed) return; // aborted
        Task server = _only?.RunAsync().AsTask() ?? Task.CompletedTask;
        await _client.RunAsync();
        await server;
        _mirrors?.End();
        if (_servers is not null) await _servers.EndAsync();
        _client.Loop.Timers.Cancel(_requestDeadline);
        Room.End();
    }

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure)
    {
        if (Failure == ProxyFailure.None && !(_client.IsClosed && _only is null or { IsClosed: true })) Failure = failure;
        _client.Close("the connection was aborted", failure);
        _only?.Close(failure);
        _servers?.Abort(failure);
    }

    /// <inheritdoc/>
    void IHttp2Requests<Http2Driver>.OnRequest(Http2Driver connection, Http2Stream stream, HeaderList headers, bool endStream)
    {
        Http2Exchange exchange = _idle.TryPop(out Http2Exchange? idle) ? idle : new Http2Exchange(this, _client);
        exchange.Begin(stream, headers, endStream, _time.GetTimestamp());
        exchange.Record = _observer.Begin(headers, HttpProtocol.Http2, _client.Loop.Index);
        _requests.AddLast(exchange.Entry);
        if (!exchange.TryEnter()) exchange.Abort(Http2ErrorCode.RefusedStream); // its client has too many
        else if (stream.IsConnect) exchange.Answer(RequestRefusal.Connect);
        else if (StreamRequestForm.RefusalOf(headers, _options.Limits, isHostCompared: false) is { } refusal) exchange.Answer(RequestRefusal.Of(refusal));
        else if (_only is null) Route(exchange, headers);
        else Forward(_only, exchange, headers);
    }

    private void Forward(Http2Server server, Http2Exchange exchange, HeaderList headers)
    {
        if (server.Ask(exchange, headers) is { } refusal)
        {
            exchange.Answer(refusal);
        }
        else if (server.IsOfAnotherProtocol)
        {
            exchange.Answer(RequestRefusal.NotHttp2);
            _client.Drain();
        }
        else if (server.IsLeaving || !server.TryTake(exchange, headers))
        {
            exchange.Abort(Http2ErrorCode.RefusedStream); // by another connection it may be served: the client has been told to make one; or too much is kept already
        }
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnSettings(Http2Link link)
    {
        // What a client says of streams is about ones that a server opens.
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnMayOpen(Http2Link link) => _only?.ServeWaiting();

    /// <inheritdoc/>
    void IHttp2LinkUser.OnLeaving(Http2Link link)
    {
        // What a client says of streams that a server opens, which there are none of, ends with its own.
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnClosed(Http2Link link)
    {
        // Streams that ran are reset on the other side; that goes out before it ends.
        if (Failure == ProxyFailure.None) Failure = FailureOf(link);
        _only?.GiveUpWaiting(Refuse);
        _only?.Drain();
        _servers?.Drain();
    }

    /// <inheritdoc/>
    /// <remarks>Where there is one server for the client's connection, the client learns what it takes, so as to make another connection for more as it would without a proxy.</remarks>
    public void OnServerLimit(Http2Server server)
    {
        if (_only is null || _client.IsClosed) return;
        _client.Http2.AnnounceStreamLimit(Math.Min(server.StreamLimit ?? int.MaxValue, _options.Http2.MaxConcurrentStreams));
        _client.ScheduleFlush();
    }

    /// <inheritdoc/>
    public void OnServerFull(Http2Server server) => _servers?.Widen(server);

    /// <inheritdoc/>
    public void OnServerLeaving(Http2Server server)
    {
        if (_only is null)
        {
            _servers?.Forget(server);
            RouteWaiting(server);
            return;
        }

        GiveUpWaiting(server);
        if (!server.IsOfAnotherProtocol) _client.Drain();
    }

    /// <inheritdoc/>
    public void OnServerClosed(Http2Server server)
    {
        if (_only is null)
        {
            _servers?.Forget(server);
            RouteWaiting(server);
            return;
        }

        if (server.Link.CloseReason is not null && Failure == ProxyFailure.None) Failure = server.TransportFailure;
        GiveUpWaiting(server);

        // What is answered goes out before it ends. A client that has not been answered is to hear why from its next request: by another connection it would fare no better.
        if (!server.IsOfAnotherProtocol || _hasAnswered) _client.Drain();
        else if (!_client.IsClosed) _client.Loop.Schedule(_requestDeadline, _options.HeadTimeout);
    }

    /// <inheritdoc/>
    public IEnumerable<IHttp2Request> RequestsOf(Http2Server server)
    {
        List<IHttp2Request> found = [];
        foreach (Http2Exchange request in _requests)
        {
            if (request.Destination == server) found.Add(request);
            request.AddHedgesOn(server, found);
        }

        return found;
    }

    private static void Refuse(IHttp2Request request) => request.Abort(Http2ErrorCode.RefusedStream);

    private ProxyFailure FailureOf(Http2Link client)
    {
        if (client.Http2.Result.Reason == Http2CloseReason.BadPreface) return ProxyFailure.ProtocolError;
        return client.CloseReason is null ? ProxyFailure.None : _clientTransport.Failure;
    }

    private static void GiveUpWaiting(Http2Server server) => server.GiveUpWaiting(server.IsOfAnotherProtocol ? static request => request.Answer(RequestRefusal.NotHttp2) : Refuse);

    /// <summary>Puts answers together that are made in the server's place.</summary>
    internal Http2Answer Answers { get; }

    /// <summary>Most interim responses to one request.</summary>
    internal int MaxInterim => _options.MaxInterim;

    /// <summary>What its requests keep of memory.</summary>
    internal HeadRoom Room { get; }

    /// <summary>A request has been answered, or never will be.</summary>
    internal void OnAnswered(Http2Exchange exchange, int status, string? error)
    {
        _hasAnswered |= status != 0;
        if (exchange.Timer is { } timer) _client.Loop.Timers.Cancel(timer);
        (exchange.Requests ?? _observer).OnRequestEnded(new RequestEnd(status, _time.GetElapsedTime(exchange.Began), error, exchange.Grpc) { Hit = exchange.Direction.Hit, Backend = exchange.Direction.Service, Cache = exchange.Cache }, exchange.TakeRecord());
    }

    /// <summary>Both streams of a request are gone.</summary>
    internal void OnOver(Http2Exchange exchange)
    {
        Http2Server? server = exchange.Destination;
        server?.Leave(exchange);
        _requests.Remove(exchange.Entry);
        if (_idle.Count < MostIdle) _idle.Push(exchange);
        server?.ServeWaiting();
    }
}
