using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A connection to a server of HTTP/2 that a client's requests go by, with those that wait for a stream of it. Belongs to its loop's thread.</summary>
/// <param name="user">Whose requests go by it.</param>
/// <param name="options">Limits.</param>
/// <param name="time">The clock.</param>
/// <param name="siblings">All connections to the same server, this one included; null: there are no others.</param>
internal sealed partial class Http2Server(IHttp2ServerUser user, HttpOptions options, TimeProvider time, List<Http2Server>? siblings = null) : IHttp2LinkUser
{
    private readonly LinkedList<IHttp2Request> _waiting = new();
    private RequestGate? _gate;
    private Http2Link? _link;
    private ITransport? _transport;
    private PortConnections? _port;
    private bool _isServing;
    private bool _isShort; // some that wait could go on, were there a stream for them

    /// <summary>Hears of requests that go by it; null before it is connected.</summary>
    internal IRequestObserver? Requests { get; private set; }

    /// <summary>The connection; not to be asked for before there is one.</summary>
    internal Http2Link Link => _link ?? throw new InvalidOperationException("the server is not connected yet");

    /// <summary>Whether there is a connection, or was.</summary>
    internal bool IsConnected => _link is not null;

    /// <summary>Whether it is over.</summary>
    internal bool IsClosed => _link is { IsClosed: true };

    /// <summary>Whether it takes no more requests.</summary>
    internal bool IsLeaving => _link is { } link && (link.IsClosed || link.Http2.IsDraining || link.Http2.IsClosed);

    /// <summary>Whether it has ended, or failed, without a word of HTTP/2.</summary>
    internal bool IsOfAnotherProtocol => _link is { HasSpoken: false } link && (link.IsClosed || link.Http2.IsClosed);

    /// <summary>Whether policy depends on requests that go by it.</summary>
    internal bool AsksPolicy => _gate?.AsksPolicy == true;

    /// <summary>Asks policy about requests; null: it is not connected yet.</summary>
    internal RequestGate? Gate => _gate;

    /// <summary>How many requests wait for it.</summary>
    internal int Waiting => _waiting.Count;

    /// <summary>Whether it has as many streams as it takes, and requests wait for another.</summary>
    internal bool IsFull => _isShort && !IsLeaving && Spoken is { CanOpenStream: false };

    /// <summary>How many streams it takes at once; null before it has said so.</summary>
    internal int? StreamLimit => Spoken?.PeerMaxConcurrentStreams;

    /// <summary>Whether it would open a stream at once.</summary>
    internal bool HasRoom => !_isShort && Spoken is { CanOpenStream: true };

    /// <summary>Bytes that were sent to it.</summary>
    internal long BytesSent => _link?.Http2.BytesSent ?? 0;

    /// <summary>Bytes that it has sent.</summary>
    internal long BytesReceived => _link?.Http2.BytesReceived ?? 0;

    /// <summary>Why its transport broke.</summary>
    internal ProxyFailure TransportFailure => _transport?.Failure ?? ProxyFailure.None;

    /// <summary>It is connected. What has waited is asked about, and goes on when <see cref="RunAsync"/> has begun.</summary>
    /// <param name="transport">The server; owned from here on.</param>
    /// <param name="owner">Whose account bytes are on that come from it.</param>
    /// <param name="gate">Asks policy about requests.</param>
    /// <param name="requests">Hears of them.</param>
    /// <param name="idleTime">After how long without a request it is closed; null: it is not.</param>
    /// <param name="port">The connections of which it is one: where somebody waits for one it is closed within a second without a request. Null: nobody does.</param>
    internal void Connect(ITransport transport, in BudgetHolder owner, RequestGate gate, IRequestObserver requests, TimeSpan? idleTime, PortConnections? port = null)
    {
        (_transport, _gate, Requests, _port) = (transport, gate, requests, port);
        gate.OnChanged(AskAnew);
        _link = new Http2Link(transport, requests: null, options.Http2, owner, this, time, idleTime);
        foreach (IHttp2Request request in _waiting.ToArray())
        {
            if (request.WaitingEntry.List != _waiting) continue; // it has ended with one before it
            request.OnConnected();
            if (Ask(request, request.ForServer(request.Head!)) is { } refusal) request.Answer(refusal);
        }
    }

    /// <summary>Runs until the connection is over.</summary>
    internal ValueTask RunAsync() => Link.RunAsync();

    /// <summary>Why its requests have no connection any more: what this side has ended it for, or else that there was none.</summary>
    internal ProxyFailure LostFor { get; private set; } = ProxyFailure.ConnectFailed;

    /// <summary>The same for those that have waited for it: one that has spoken, and only takes no more requests, has not failed (None).</summary>
    internal ProxyFailure LostForWaiting => _link is { HasSpoken: true } ? ProxyFailure.None : LostFor;

    /// <summary>Ends it at once.</summary>
    internal void Close(ProxyFailure failure)
    {
        if (failure != ProxyFailure.None) LostFor = failure;
        _link?.Close("the connection was aborted", failure);
    }

    /// <summary>Takes no more requests, lets those that run end, then closes.</summary>
    internal void Drain() => _link?.Drain();

    /// <summary>Takes a request, which goes on or waits.</summary>
    /// <param name="request">The request.</param>
    /// <param name="headers">Its head as it came.</param>
    /// <returns>False when too much is kept already.</returns>
    internal bool TryTake(IHttp2Request request, HeaderList headers)
    {
        request.GoTo(this);
        if (_link is null) return TryWait(request, headers);
        if (AsksPolicy && !request.TryKeepHead(headers)) return false;
        return (!_isShort && TryOpen(request, headers)) || TryWait(request, headers);
    }

    /// <summary>Takes a request, or ends it: with policy's answer where it may not pass, or as refused where too much is kept already.</summary>
    /// <param name="request">The request.</param>
    /// <param name="headers">Its head as it came.</param>
    internal void Offer(IHttp2Request request, HeaderList headers)
    {
        if (IsConnected && Ask(request, request.ForServer(headers)) is { } refusal)
        {
            request.GoTo(this);
            request.Answer(refusal);
        }
        else if (!TryTake(request, headers))
        {
            request.Abort(Http2ErrorCode.RefusedStream);
        }
    }

    /// <summary>What a request is answered with that may not pass; null: it may.</summary>
    /// <param name="request">The request.</param>
    /// <param name="headers">Its head, as the server would get it.</param>
    internal RequestRefusal? Ask(IHttp2Request request, HeaderList headers)
    {
        request.Due = 0;
        if (_gate is not { AsksPolicy: true } gate) return null;
        if (StreamRequestForm.RefusalOf(headers, options.Limits, isHostCompared: true) is { } malformed) return RequestRefusal.Of(malformed);
        RequestRefusal? refusal = gate.Ask(headers);
        request.Due = gate.Due;
        return refusal;
    }

    /// <summary>A request does not wait any more.</summary>
    internal void Leave(IHttp2Request request)
    {
        bool hasWaited = request.WaitingEntry.List == _waiting;
        if (hasWaited) _waiting.Remove(request.WaitingEntry);
        request.Approval?.GiveUp();
        request.Approval = null;
        if (hasWaited && _waiting.Count == 0 && _link is null) Unwanted?.Invoke(this);
    }

    /// <summary>Has those that wait go on, as far as it takes streams.</summary>
    internal void ServeWaiting()
    {
        if (_isServing || _link is null) return;
        _isServing = true;
        _isShort = false;
        try
        {
            for (LinkedListNode<IHttp2Request>? node = _waiting.First, next; node is not null && node.List == _waiting && !_isShort; node = next)
            {
                next = node.Next;
                if (TryOpen(node.Value, node.Value.Head!)) RemoveOpened(node);
                else _isShort = !IsHeld(node.Value);
            }
        }
        finally
        {
            _isServing = false;
        }

        FindRoom();
    }

    /// <summary>None of those that wait is served any more.</summary>
    /// <param name="each">What becomes of each.</param>
    internal void GiveUpWaiting(Action<IHttp2Request> each)
    {
        _isServing = true;
        _isShort = false;
        while (_waiting.First is { } first)
        {
            _waiting.Remove(first);
            each(first.Value);
        }
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnSettings(Http2Link link) => user.OnServerLimit(this);

    /// <inheritdoc/>
    void IHttp2LinkUser.OnMayOpen(Http2Link link)
    {
        ServeWaiting();
        if (_waiting.Count > 0) link.Use(); // some may be held for longer than a connection is kept that nobody uses
        if (_port is { IsWanted: true } && link.HasSpoken && _waiting.Count == 0 && link.Http2.OpenStreams == 0) link.Drain();
    }

    /// <inheritdoc/>
    void IHttp2LinkUser.OnLeaving(Http2Link link) => user.OnServerLeaving(this);

    /// <inheritdoc/>
    void IHttp2LinkUser.OnClosed(Http2Link link) => user.OnServerClosed(this);

    private Http2Connection? Spoken => _link is { HasSpoken: true } link ? link.Http2 : null;

    // Whether it is delayed still, or authorizers are asked about it: those that are do not stop others.
    private static bool IsHeld(IHttp2Request request) => request.Approval is { IsDone: false };

    private bool TryOpen(IHttp2Request request, HeaderList headers)
    {
        Http2Link link = Link;
        if (!link.HasRoomForHead(isFirst: true)) return false;
        HeaderList? forServer = HeadFor(request, headers, out RequestRefusal? refusal);
        if (refusal is not null)
        {
            request.Answer(refusal);
            return true;
        }

        if (forServer is null) return false;
        if (_gate!.Responses is { } cache && request.TryAnswerKept(cache, _gate.IsAuthorized(headers), ref forServer)) return true;
        if (link.Http2.OpenStream(request.Traced(forServer), request.IsHeadOnly, request.ServerStream) is not { } stream) return false;
        request.Approval = null;
        request.Open(stream, headers, keepsHead: AsksPolicy || (user.KeepsHeads && request.IsHeadOnly));
        link.ScheduleFlush();
        return true;
    }

    // Null while external authorizers are asked, and where the request may not pass.
    private HeaderList? HeadFor(IHttp2Request request, HeaderList headers, out RequestRefusal? refusal)
    {
        if (!_gate!.IsFor(request.Approval))
        {
            HeaderList forServer = _gate.ForServer(request.ForServer(headers), out refusal);
            if (refusal is not null) return null;
            request.Approval = _gate.BeginApproval(forServer, request.Due, approval => OnApproved(request, approval));
            if (request.Approval is null) return forServer;
        }

        IRequestApproval asked = request.Approval!;
        refusal = asked.IsDone ? _gate.TakeRefusal(asked) : null;
        return asked.IsDone && refusal is null ? asked.Head : null;
    }

    private void OnApproved(IHttp2Request request, IRequestApproval approval)
    {
        try
        {
            LinkedListNode<IHttp2Request> node = request.WaitingEntry;
            if (request.Approval != approval || node.List != _waiting) return;
            if (TryOpen(request, request.Head!))
            {
                RemoveOpened(node);
            }
            else
            {
                _isShort = true;
                FindRoom();
            }
        }
        catch (Exception exception)
        {
            // It is called by what the authorizer's connection, or its time, has brought.
            _transport!.Loop.ReportFault(exception);
            request.Abort(Http2ErrorCode.InternalError);
        }
    }

    private void RemoveOpened(LinkedListNode<IHttp2Request> node)
    {
        if (node.List == _waiting) _waiting.Remove(node);
    }

    private bool TryWait(IHttp2Request request, HeaderList headers)
    {
        if (!request.TryKeepHead(headers)) return false;
        _waiting.AddLast(request.WaitingEntry);
        _isShort |= !IsHeld(request); // until it is served: nobody goes before it
        ServeWaiting();
        return true;
    }

    // Of one that nobody was asked about yet the host was not looked at.
    private bool MayGoOn(IHttp2Request request)
    {
        HeaderList? head = request.Head is { } kept ? request.ForServer(kept) : null;
        return (head is null || !AsksPolicy || StreamRequestForm.RefusalOf(head, options.Limits, isHostCompared: true) is null) && _gate!.MayGoOn(head);
    }

    // Policy has changed. Those that wait are not served meanwhile: each is asked about first.
    private void AskAnew()
    {
        bool wasServing = _isServing;
        _isServing = true;
        try
        {
            foreach (IHttp2Request request in user.RequestsOf(this))
            {
                if (request.IsRunning && !MayGoOn(request)) request.Abort(Http2ErrorCode.Cancel);
            }
        }
        finally
        {
            _isServing = wasServing;
        }

        ServeWaiting();
    }
}
