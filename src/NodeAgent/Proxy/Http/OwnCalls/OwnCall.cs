using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http.OwnCalls;

/// <summary>A request that the proxy sends of itself, whole from the beginning, by whatever version of HTTP. Belongs to its loop's thread.</summary>
internal abstract class OwnCall : IHttp1Exchange, IHttp2Request
{
    private readonly EventLoop _loop;
    private readonly HttpOptions _options;
    private readonly Http1Servers _servers;
    private readonly LoopTimer _deadline;
    private IExchangeLeg? _server;
    private Http2Leg? _stream;

    /// <summary>Makes one; its time begins.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="options">Limits.</param>
    /// <param name="servers">Connections to servers of HTTP/1.1.</param>
    /// <param name="timeout">How long it may take.</param>
    protected OwnCall(EventLoop loop, HttpOptions options, Http1Servers servers, TimeSpan timeout)
    {
        (_loop, _options, _servers) = (loop, options, servers);
        WaitingEntry = new LinkedListNode<IHttp2Request>(this);
        _deadline = new LoopTimer(static state => ((OwnCall)state!).Finish(CallFailure.TooSlow), this);
        loop.Schedule(_deadline, timeout);
    }

    /// <summary>Where it goes by HTTP/2; null before that is known, and when it is over.</summary>
    internal Http2Server? Destination { get; private set; }

    /// <inheritdoc/>
    public HeaderList? Head => IsRunning ? Request : null;

    /// <inheritdoc/>
    public HeaderList? HeadForServer => Head;

    /// <inheritdoc/>
    public abstract bool IsHeadOnly { get; }

    /// <inheritdoc/>
    public bool IsRunning { get; private set; } = true;

    /// <inheritdoc/>
    public LinkedListNode<IHttp2Request> WaitingEntry { get; }

    /// <inheritdoc/>
    public IHttp2StreamUser ServerStream => _stream ??= new Http2Leg(this);

    /// <inheritdoc/>
    public long Due { get; set; }

    /// <inheritdoc/>
    public IRequestApproval? Approval { get; set; }

    /// <summary>Its head, as a server of HTTP/2 gets it.</summary>
    protected abstract HeaderList Request { get; }

    /// <summary>Its body, and who takes the response's.</summary>
    protected abstract OwnSource Source { get; }

    /// <summary>Whether its server has something of it.</summary>
    protected bool IsSent { get; private set; }

    /// <summary>Whether the answer is whole.</summary>
    protected bool IsAnswered { get; private set; }

    /// <summary>Sends it; by the time this returns it may be on its way only.</summary>
    internal async Task RunAsync()
    {
        try
        {
            // What goes wrong from here on is no matter of whoever has made it, just now.
            await _loop.YieldAsync(new LoopSignal());
            if (!IsRunning) return;
            RequestDirection direction = Find();
            if (direction.Refusal is not null)
            {
                Finish(CallFailure.Unreachable);
                return;
            }

            ProxyConnectionInfo client = ClientFor(direction.Route);
            if (direction.Version == HttpKind.Http2) Begin(FindHttp2(direction.Route));
            else if (_servers.TryTake(ServerKey.Of(client, direction.Route), direction.Route) is { } idle) Begin(idle);
            else await ConnectAsync(client, direction.Route);
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            Finish(CallFailure.Broken);
        }
    }

    /// <summary>No server was reached.</summary>
    internal virtual void OnNotConnected(ProxyFailure failure) => Finish(failure switch
    {
        ProxyFailure.PolicyDenied or ProxyFailure.PolicyChanged => CallFailure.Refused,
        ProxyFailure.Overload or ProxyFailure.OverShare => CallFailure.NoRoom,
        _ => CallFailure.Unreachable,
    });

    /// <inheritdoc/>
    public IExchangeLeg Other(IExchangeLeg leg) => ReferenceEquals(leg, Source) ? _server! : Source;

    /// <inheritdoc/>
    public HeaderList ForServer(HeaderList head) => head;

    /// <inheritdoc cref="IHttp2Request.Traced"/>
    /// <remarks>It is no step of the request that it is for: it says what it says.</remarks>
    public HeaderList Traced(HeaderList head) => head;

    /// <inheritdoc/>
    public void GoTo(Http2Server server) => Destination = server;

    /// <inheritdoc/>
    public void OnConnected()
    {
        // It is no request of a client's, of which only so many may wait for a connection.
    }

    /// <inheritdoc/>
    /// <remarks>It is kept anyway.</remarks>
    public bool TryKeepHead(HeaderList head) => true;

    /// <inheritdoc/>
    public void Open(Http2Stream stream, HeaderList head, bool keepsHead)
    {
        _server = _stream;
        IsSent = true;
        (_stream!.Link, _stream.Gate) = (Destination!.Link, Destination.Gate);
        _stream.Begin(stream, hasEnded: false);
        if (!IsHeadOnly) Source.PassOn();
    }

    /// <inheritdoc/>
    /// <remarks>What the proxy asks for itself is about one request, and its answer nobody else's.</remarks>
    public bool TryAnswerKept(ResponseCache cache, bool isAuthorized, ref HeaderList forServer) => false;

    /// <inheritdoc/>
    public void Answer(RequestRefusal refusal) => Finish(refusal.Status switch
    {
        502 when refusal.Error == ProxyError.Protocol => CallFailure.BadAnswer,
        502 => CallFailure.Broken, // that is for what its server does
        400 or 414 or 431 => CallFailure.Malformed,
        _ => CallFailure.Refused,
    });

    /// <inheritdoc/>
    public bool TryResendAfterEnd(bool isUnsent) => false;

    /// <inheritdoc/>
    public void OnBrokenOff()
    {
        // That it is aborted is all that is asked of it.
    }

    /// <inheritdoc/>
    public void OnResponse(HeaderList headers, bool isFinal, bool endStream)
    {
        if (!isFinal) return;
        OnResponse(headers);
        if (endStream) OnPassedOn(_server!, trailers: null);
    }

    /// <inheritdoc/>
    public void OnPassedOn(IExchangeLeg from, HeaderList? trailers)
    {
        IsAnswered = true;

        // Whoever has answered may take the rest of the body or leave it, for as long as it likes.
        if (ReferenceEquals(from, _stream) && !IsHeadOnly && !Source.HasEnded) Finish(CallFailure.Broken);
    }

    /// <inheritdoc/>
    public virtual bool TryHoldTrailers(HeaderList trailers) => true;

    /// <inheritdoc/>
    public void OnNotReceived() => Finish(CallFailure.Broken);

    /// <inheritdoc/>
    /// <remarks>Policy that has changed has it cancelled.</remarks>
    public void Abort(Http2ErrorCode code) => Finish(code == Http2ErrorCode.Cancel ? CallFailure.Refused : CallFailure.Broken);

    /// <inheritdoc/>
    public void OnReset(IExchangeLeg leg, Http2ErrorCode code, bool isConnectionBroken) => Finish(CallFailure.Broken);

    /// <inheritdoc/>
    public void OnLegClosed() => Finish(CallFailure.Broken);

    /// <summary>Finds where it goes.</summary>
    protected abstract RequestDirection Find();

    /// <summary>In whose name it goes there.</summary>
    protected abstract ProxyConnectionInfo ClientFor(in OutboundRoute route);

    /// <summary>The connection of HTTP/2 to a server.</summary>
    protected abstract Http2Server FindHttp2(in OutboundRoute route);

    /// <summary>The head of the response has come, no interim one.</summary>
    protected abstract void OnResponse(HeaderList headers);

    /// <summary>It is over.</summary>
    /// <param name="failure">What has ended it; without a meaning where it is answered.</param>
    protected abstract void OnOver(CallFailure failure);

    /// <summary>Ends it; without effect on one that is over.</summary>
    protected void Finish(CallFailure failure)
    {
        if (!IsRunning) return;
        IsRunning = false;
        _loop.Timers.Cancel(_deadline);
        Source.Clear();
        Http2Server? destination = Destination;
        Destination = null;
        destination?.Leave(this);
        _server?.Abandon();
        destination?.ServeWaiting(); // by its stream another may go
        OnOver(failure);
    }

    private async ValueTask ConnectAsync(ProxyConnectionInfo client, OutboundRoute route)
    {
        ConnectOutcome made = await _servers.ConnectAsync(client, route, wait: null, mayEndIdle: false);
        if (!IsRunning) made.Server?.Return(isReusable: true); // it has taken too long
        else if (made.Server is { } server) Begin(server);
        else OnNotConnected(made.Failure);
    }

    private void Begin(Http2Server server)
    {
        if (server.IsConnected && server.Ask(this, Request) is { } refusal) Answer(refusal);
        else if (!server.TryTake(this, Request)) Finish(CallFailure.NoRoom);
    }

    private void Begin(RoutedServer server)
    {
        Http1Leg leg = new(this, _options, _loop);
        _server = leg;
        if (leg.Begin(server, Request, IsHeadOnly) is { } refusal)
        {
            Answer(refusal);
            return;
        }

        IsSent = true;
        Source.PassOn();
    }
}
