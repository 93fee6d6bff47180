using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// Carries HTTP/2 between a client and a server: each request by a stream of either connection, which are two connections of HTTP/2 with settings, windows and compression of their own. Belongs to its loop's thread.
/// </summary>
internal sealed class Http2Relay : IHttpRelay, IHttp2Requests<Http2Driver>, IHttp2LinkUser
{
    // What one connection keeps for its next requests.
    private const int MostIdle = 32;

    private readonly Http2Link _client;
    private readonly Http2Link _server;
    private readonly ITransport _clientTransport;
    private readonly ITransport _serverTransport;
    private readonly IRequestObserver _observer;
    private readonly TimeProvider _time;
    private readonly RequestGate _gate;
    private readonly Stack<Http2Exchange> _idle = new();
    private readonly LinkedList<Http2Exchange> _requests = new();
    private readonly LinkedList<Http2Exchange> _waiting = new();
    private readonly HttpOptions _options;
    private readonly LoopTimer _requestDeadline;
    private int _held;
    private bool _isServing;
    private bool _hasAnswered;

    /// <summary>Makes a relay; it owns both transports.</summary>
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
    {
        _gate = gate;
        gate.OnChanged(AskAnew);
        (_clientTransport, _serverTransport, _options, _observer, _time) = (client, server, options, observer, time);
        Answers = new Http2Answer(time);
        _client = new Http2Link(client, this, options.Http2, clientOwner, this, time);
        _server = new Http2Link(server, requests: null, options.Http2, serverOwner, this, time);
        _requestDeadline = new LoopTimer(static state => ((Http2Link)state!).Close("there was no request in time", ProxyFailure.ProtocolError), _client);
    }

    /// <inheritdoc/>
    public long BytesSent => _server.Http2.BytesSent;

    /// <inheritdoc/>
    public long BytesReceived => _client.Http2.BytesSent;

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <inheritdoc/>
    public async ValueTask RunAsync()
    {
        if (_client.IsClosed) return; // aborted
        Task server = _server.RunAsync().AsTask();
        await _client.RunAsync();
        await server;
        _client.Loop.Timers.Cancel(_requestDeadline);
    }

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure)
    {
        if (Failure == ProxyFailure.None && !(_client.IsClosed && _server.IsClosed)) Failure = failure;
        _client.Close("the connection was aborted", failure);
        _server.Close("the connection was aborted", failure);
    }

    /// <inheritdoc/>
    void IHttp2Requests<Http2Driver>.OnRequest(Http2Driver connection, Http2Stream stream, HeaderList headers, bool endStream)
    {
        Http2Exchange exchange = _idle.TryPop(out Http2Exchange? idle) ? idle : new Http2Exchange(this, _client, _server);
        exchange.Begin(stream, headers, endStream, _time.GetTimestamp());
        _requests.AddLast(exchange.Entry);
        if (stream.IsConnect)
        {
            exchange.Answer(501, ProxyError.Request, "CONNECT is not served");
        }
        else if (RefusalOf(headers) is { } refusal)
        {
            exchange.Answer(refusal.Status, refusal.Error, refusal.Details);
        }
        else if (IsServerOfAnotherProtocol)
        {
            AnswerForOtherProtocol(exchange);
            _client.Drain();
        }
        else if (_server.IsClosed || _server.Http2.IsDraining)
        {
            exchange.Abort(Http2ErrorCode.RefusedStream); // by another connection it may be served: the client has been told to make one
        }
        else if (!TryTake(exchange, headers))
        {
            exchange.Abort(Http2ErrorCode.RefusedStream); // too much is kept already
        }
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnMayOpen(Http2Link link) => ServeWaiting();

    /// <inheritdoc/>
    void IHttp2LinkUser.OnLeaving(Http2Link link)
    {
        // What a client says of streams that a server opens, which there are none of, ends with its own.
        if (!ReferenceEquals(link, _server)) return;
        RefuseWaiting();
        if (!IsServerOfAnotherProtocol) _client.Drain();
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnClosed(Http2Link link)
    {
        bool isClient = ReferenceEquals(link, _client);
        if (link.CloseReason is not null && Failure == ProxyFailure.None) Failure = (isClient ? _clientTransport : _serverTransport).Failure;
        RefuseWaiting();

        // Streams that ran are reset on the other side, or answered; that goes out before it ends. A client that has not been answered is to hear why from its next request: by another connection it would fare no better.
        if (isClient || !IsServerOfAnotherProtocol || _hasAnswered) (isClient ? _server : _client).Drain();
        else if (!_client.IsClosed) _client.Loop.Schedule(_requestDeadline, _options.HeadTimeout);
    }

    // It has ended, or failed, without a word of HTTP/2.
    private bool IsServerOfAnotherProtocol => !_server.HasSpoken && (_server.IsClosed || _server.Http2.IsClosed);

    private static void AnswerForOtherProtocol(Http2Exchange exchange) => exchange.Answer(502, ProxyError.Protocol, "the server does not speak HTTP/2");

    /// <summary>Puts answers together that are made in the server's place.</summary>
    internal Http2Answer Answers { get; }

    /// <summary>Most interim responses to one request.</summary>
    internal int MaxInterim => _options.MaxInterim;

    /// <summary>Counts bytes of heads that are kept for later.</summary>
    /// <returns>False when there are too many already.</returns>
    internal bool TryHold(int bytes)
    {
        if (_held + bytes > _options.MaxWaitingHeads) return false;
        _held += bytes;
        return true;
    }

    /// <summary>They are not kept any more.</summary>
    internal void Drop(int bytes) => _held -= bytes;

    /// <summary>A request has been answered, or never will be.</summary>
    internal void OnAnswered(Http2Exchange exchange, int status, string? error)
    {
        _hasAnswered |= status != 0;
        _observer.OnRequestEnded(status, _time.GetElapsedTime(exchange.Began), error);
    }

    /// <summary>Both streams of a request are gone.</summary>
    internal void OnOver(Http2Exchange exchange)
    {
        if (exchange.WaitingEntry.List is not null) _waiting.Remove(exchange.WaitingEntry);
        _requests.Remove(exchange.Entry);
        if (_idle.Count < MostIdle) _idle.Push(exchange);
        ServeWaiting();
    }

    private bool TryOpen(Http2Exchange exchange, HeaderList headers)
    {
        if (_server.IsOverfull || _server.Http2.OpenStream(headers, exchange.IsHeadOnly, exchange.Server) is not { } stream) return false;
        exchange.Open(stream, keepsHead: _gate.AsksPolicy);
        _server.ScheduleFlush();
        return true;
    }

    private RequestRefusal? RefusalOf(HeaderList headers) => StreamRequestForm.RefusalOf(headers, _options.Limits, isHostCompared: _gate.AsksPolicy) is { } refusal ? RequestRefusal.Of(refusal) : _gate.Ask(headers);

    private bool TryTake(Http2Exchange exchange, HeaderList headers)
    {
        if (_gate.AsksPolicy && !exchange.TryKeepHead(headers)) return false;
        return (_waiting.Count == 0 && TryOpen(exchange, headers)) || TryWait(exchange, headers);
    }

    private bool TryWait(Http2Exchange exchange, HeaderList headers)
    {
        if (!exchange.TryKeepHead(headers)) return false;
        _waiting.AddLast(exchange.WaitingEntry);
        ServeWaiting();
        return true;
    }

    // Those that wait are not served meanwhile: each is asked about first.
    private void AskAnew()
    {
        bool wasServing = _isServing;
        _isServing = true;
        foreach (Http2Exchange exchange in _requests.ToArray())
        {
            if (exchange.Entry.List is not null && !_gate.MayGoOn(exchange.Head)) exchange.Abort(Http2ErrorCode.Cancel);
        }

        _isServing = wasServing;
        ServeWaiting();
    }

    private void ServeWaiting()
    {
        if (_isServing) return;
        _isServing = true;
        while (_waiting.First is { } first && TryOpen(first.Value, first.Value.Head!))
        {
            if (first.List is not null) _waiting.Remove(first);
        }

        _isServing = false;
    }

    private void RefuseWaiting()
    {
        _isServing = true; // none is served any more
        while (_waiting.First is { } first)
        {
            _waiting.Remove(first);
            if (IsServerOfAnotherProtocol) AnswerForOtherProtocol(first.Value);
            else first.Value.Abort(Http2ErrorCode.RefusedStream);
        }
    }
}
