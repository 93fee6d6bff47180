using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>A connection to a server of HTTP/1.1 for requests that are routed: one client's after the other's. While nobody has it, it waits for the next and hears of the server's end. Belongs to its loop's thread.</summary>
internal sealed class RoutedServer : IRunningConnection, IHttp1ServerUser
{
    private readonly Http1Servers _servers;
    private readonly ProxiedConnection _connection;
    private readonly BudgetLease _lease;
    private readonly BackendLoad? _load;
    private readonly LoopTimer _idle;
    private readonly PortConnections? _port;
    private readonly Action _onUnneeded;
    private readonly LinkedListNode<Action>? _made; // as its port knows it
    private LinkedListNode<Action>? _idlePlace; // as its port knows it
    private IHttp1ServerUser? _user;
    private long _received;
    private long _receivedAtTake;
    private bool _isOver;

    /// <summary>Takes a connection over.</summary>
    /// <param name="servers">Where it waits.</param>
    /// <param name="key">What its requests have in common.</param>
    /// <param name="dialled">The connection.</param>
    /// <param name="route">Where it leads to.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of requests.</param>
    internal RoutedServer(Http1Servers servers, in ServerKey key, in DialledServer dialled, in OutboundRoute route, HttpOptions options, IProxyObserver observer)
    {
        (_servers, Key, _connection, _lease, _load) = (servers, key, dialled.Connection!, dialled.Lease!, route.Load);
        _port = route.Requests?.Port.ConnectionLimit;
        IdleEntry = new LinkedListNode<RoutedServer>(this);
        Server = new Http1Server(
            dialled.Transport!, _connection.ServerHolder, new RequestGate(_connection, observer), observer.ObserveRequests(_connection.Info), options.Limits, this);
        _idle = new LoopTimer(static state => ((RoutedServer)state!).End(ProxyFailure.None), this);
        EventLoop loop = dialled.Transport!.Loop;
        _onUnneeded = () => loop.Post(CloseIfIdle);
        _made = _port?.OnMade(() => loop.Post(OnLimited));
    }

    /// <summary>What its requests have in common.</summary>
    internal ServerKey Key { get; }

    /// <summary>Its place among those that nobody has.</summary>
    internal LinkedListNode<RoutedServer> IdleEntry { get; }

    /// <summary>The connection.</summary>
    internal Http1Server Server { get; }

    /// <inheritdoc/>
    public long BytesSent => Server.Side.Output.Written;

    /// <inheritdoc/>
    public long BytesReceived => _received + (_user is null ? 0 : _user.BytesReceived - _receivedAtTake);

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Reports it as opened; it may be over when this returns, if policy has changed meanwhile.</summary>
    /// <returns>Why it is over, or None.</returns>
    internal ProxyFailure Open()
    {
        Server.Begin();
        _connection.Open(this);
        if (!_isOver && Server.Side.Transport.IsClosed) End(Server.Side.Transport.Failure);
        return !_isOver ? ProxyFailure.None : Failure != ProxyFailure.None ? Failure : ProxyFailure.ConnectFailed;
    }

    /// <summary>A client has a request for it.</summary>
    internal void Take(IHttp1ServerUser user)
    {
        (_user, Server.User, _receivedAtTake) = (user, user, user.BytesReceived);
        Server.Side.Transport.Loop.Timers.Cancel(_idle);
        MarkUsed();
        _load?.Add();
    }

    /// <summary>Whether it has a place of these: one that was made before they were counted has none.</summary>
    internal bool CountsFor(PortConnections port) => _port == port;

    /// <summary>Another has the request of the client who has it from now on.</summary>
    internal void HandTo(IHttp1ServerUser user)
    {
        Leave();
        Take(user);
    }

    /// <summary>The request is over.</summary>
    /// <param name="isReusable">Whether others may follow.</param>
    internal void Return(bool isReusable)
    {
        Leave();
        if (_isOver) return;
        if (!isReusable || !_servers.KeepsAny || !TryMarkIdle())
        {
            End(ProxyFailure.None);
            return;
        }

        _servers.Keep(this);
        Server.Side.Transport.Loop.Schedule(_idle, _servers.IdleTime);
        Advance();
    }

    /// <summary>Ends it.</summary>
    /// <param name="failure">Why its server sees a reset; None: it sees an end in good order.</param>
    internal void End(ProxyFailure failure)
    {
        Leave();
        if (_isOver) return;
        MarkUsed();
        (_isOver, Failure) = (true, failure);
        if (_made is not null) _port!.OnGone(_made);
        _servers.Remove(this);
        Server.Side.Transport.Loop.Timers.Cancel(_idle);
        Server.Side.Clear();
        if (failure == ProxyFailure.None) Server.Side.Transport.Close();
        else Server.Side.Transport.Reset(failure);
        Server.Side.Release();
        _connection.Close();
        _lease.Dispose();
    }

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure)
    {
        IHttp1ServerUser? user = _user;
        End(failure); // with this reason, before its user gives one of its own
        user?.Abort(failure);
    }

    /// <inheritdoc/>
    public void GiveUp() => End(ProxyFailure.Overload);

    /// <inheritdoc/>
    public void OnServerBroken() => End(ProxyFailure.None);

    /// <inheritdoc/>
    public void Advance()
    {
        // What nobody has asked for must not be taken for an answer to the next request.
        if (!_isOver && (!Server.Side.Input.Bytes.IsEmpty || Server.Responses.ReceiveMore() != HeadRead.Nothing)) End(ProxyFailure.None);
    }

    // Where there may be only so many, and somebody waits, it is for them. They make one of their own, as it may lead elsewhere.
    private bool TryMarkIdle()
    {
        if (_port is not { IsLimited: true } port) return true;
        MarkUsed();
        _idlePlace = port.OnIdle(_onUnneeded);
        return _idlePlace is not null;
    }

    private void MarkUsed()
    {
        if (_idlePlace is { } place) _port!.OnUsed(place);
        _idlePlace = null;
    }

    // It may have been used by nobody before that had to be told.
    private void OnLimited()
    {
        if (!_isOver && _user is null && _idlePlace is null && !TryMarkIdle()) End(ProxyFailure.None);
    }

    private void CloseIfIdle()
    {
        if (_idlePlace is not null && _user is null) End(ProxyFailure.None);
    }

    private void Leave()
    {
        if (_user is not { } user) return;
        _received += user.BytesReceived - _receivedAtTake;
        (_user, Server.User) = (null, this);
        Server.Gate.OnChanged(null);
        _load?.Release();
    }
}
