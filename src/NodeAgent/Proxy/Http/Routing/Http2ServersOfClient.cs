using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>
/// The connections to servers of HTTP/2 that requests of one client's connection go by: one to each backend, and another where a backend takes no more streams by one. Belongs to its loop's thread.
/// </summary>
/// <param name="user">Whose requests go by them.</param>
/// <param name="client">The client's connection.</param>
/// <param name="dialer">Makes them.</param>
/// <param name="observer">Hears of them, and of requests that go by them.</param>
/// <param name="loop">The loop.</param>
/// <param name="options">Limits.</param>
/// <param name="time">The clock.</param>
internal sealed class Http2ServersOfClient(IHttp2ServerUser user, ProxyConnectionInfo client, RequestDialer dialer, IProxyObserver observer, EventLoop loop, HttpOptions options, TimeProvider time)
{
    // Servers that take least, 100 streams, have as many in all as a client's connection may have; beyond that requests wait.
    private const int MostToOne = 16;

    // After a further connection that has not come about: the backend, or this node, may have no room for it.
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(1);

    private readonly Dictionary<ServerKey, Backend> _byKey = [];
    private readonly HashSet<Http2Server> _running = [];
    private readonly Dictionary<Http2Server, ConnectionWait> _waits = [];
    private readonly LoopSignal _ended = new();
    private bool _isEnding;

    /// <summary>Whether there is no connection that takes requests, nor one being made.</summary>
    internal bool IsEmpty => _byKey.Count == 0;

    /// <summary>Whether a request would go by one that is connected.</summary>
    /// <param name="route">Where the request goes.</param>
    internal bool IsConnectedTo(in OutboundRoute route) => _byKey.TryGetValue(ServerKey.Of(client, route), out Backend? backend) && Best(backend.Servers) is { IsConnected: true };

    /// <summary>The one for a request; it is connected in a moment when there is none yet.</summary>
    /// <param name="route">Where the request goes.</param>
    internal Http2Server Find(in OutboundRoute route)
    {
        ServerKey key = ServerKey.Of(client, route);
        if (!_byKey.TryGetValue(key, out Backend? backend)) _byKey.Add(key, backend = new Backend());
        backend.Route = route;
        return Best(backend.Servers) ?? Add(backend);
    }

    /// <summary>The same for a request that must not wait for others: for a stream, or for a place among connections.</summary>
    /// <param name="route">Where the request goes.</param>
    /// <returns>Null when it would have to.</returns>
    internal Http2Server? FindFree(in OutboundRoute route)
    {
        if (!_byKey.TryGetValue(ServerKey.Of(client, route), out Backend? backend) || Best(backend.Servers) is not { } best)
            return route.Requests?.Port.ConnectionLimit.HasRoom == false ? null : Find(route); // should others take the place meanwhile it waits, for no longer than until another try is answered
        bool isFree = best.IsConnected ? best.HasRoom || best.StreamLimit is null : !(_waits.TryGetValue(best, out ConnectionWait? wait) && wait.IsWaiting);
        return isFree ? best : null;
    }

    /// <summary>A connection is full: another to its backend is made, unless one is being made already, or has room. It takes of what waits when it can.</summary>
    internal void Widen(Http2Server full)
    {
        if (BackendOf(full) is not { } backend) return;
        if (backend.Servers.Find(static s => s.HasRoom) is { } other) other.ServeWaiting();
        else if (backend.Servers.Count < MostToOne && backend.Servers.TrueForAll(static s => s.StreamLimit > 0) && !IsPaused(backend)) Add(backend);
    }

    /// <summary>One takes no more requests: the next is made a connection for.</summary>
    internal void Forget(Http2Server server)
    {
        foreach ((ServerKey key, Backend backend) in _byKey)
        {
            if (!backend.Servers.Remove(server)) continue;
            if (backend.Servers.Count == 0) _byKey.Remove(key);
            return;
        }
    }

    /// <summary>Ends all at once.</summary>
    internal void Abort(ProxyFailure failure)
    {
        CancelWaits();
        foreach (Http2Server server in _running.ToArray()) server.Close(failure);
    }

    /// <summary>Has all end when the requests that run are over; no more may be made.</summary>
    internal void Drain()
    {
        _isEnding = true;
        CancelWaits();
        foreach (Http2Server server in _running.ToArray()) server.Drain();
    }

    /// <summary>Waits until all are over; no more may be made.</summary>
    internal async ValueTask EndAsync()
    {
        _isEnding = true;
        CancelWaits();
        if (_running.Count > 0) await _ended.WaitAsync();
    }

    // Nobody is left whose requests would go by them.
    private void CancelWaits()
    {
        foreach (ConnectionWait wait in _waits.Values) wait.Cancel();
    }

    // Its place in the queue is for others: those who come later wait from then on.
    private void GiveUp(Http2Server unwanted)
    {
        if (!_waits.TryGetValue(unwanted, out ConnectionWait? wait) || !wait.IsWaiting) return;
        Forget(unwanted);
        wait.Cancel();
    }

    private bool IsPaused(Backend backend) => backend.FailedAt is { } at && time.GetElapsedTime(at) < PauseAfterFailure;

    // One that has room, or else for which fewest wait; one that is still being made only where there is no other, since it may have to wait for its place for long.
    private static Http2Server? Best(List<Http2Server> servers)
    {
        Http2Server? best = null;
        foreach (Http2Server server in servers)
        {
            if (server.IsLeaving) continue;
            if (server.HasRoom) return server;
            if (best is null || (server.StreamLimit is not null && (best.StreamLimit is null || server.Waiting < best.Waiting))) best = server;
        }

        return best;
    }

    private Http2Server Add(Backend backend)
    {
        Http2Server server = new(user, options, time, backend.Servers) { Unwanted = GiveUp };
        backend.Servers.Add(server);
        _running.Add(server);
        _ = RunAsync(server, backend, backend.Route);
        return server;
    }

    private Backend? BackendOf(Http2Server server) => _byKey.Values.FirstOrDefault(b => b.Servers.Contains(server));

    private async Task RunAsync(Http2Server server, Backend backend, OutboundRoute route)
    {
        ConnectionWait wait = new(loop);
        _waits.Add(server, wait);
        try
        {
            // Those that make it necessary wait for it first.
            await loop.YieldAsync(new LoopSignal());
            if (server.Waiting == 0 && !backend.Servers.Exists(static s => s.IsFull))
            {
                Forget(server); // they have gone already
                return;
            }

            DialledServer dialled = await dialer.ConnectAsync(client, route, wait);
            _waits.Remove(server);
            backend.FailedAt = dialled.Transport is null ? time.GetTimestamp() : null;
            if (dialled.Transport is null && server.Waiting == 0) route.Requests?.Report(BackendTry.OutcomeOf(dialled.Failure)); // else those that wait do
            if (dialled.Transport is null) user.OnNotConnected(server, dialled.Failure);
            else await ServeAsync(server, dialled, route);
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            server.Close(ProxyFailure.ProxyFault);
            user.OnNotConnected(server, ProxyFailure.ProxyFault);
        }
        finally
        {
            _waits.Remove(server);
            _running.Remove(server);
            if (_isEnding && _running.Count == 0) _ended.Set(true);
        }
    }

    private async ValueTask ServeAsync(Http2Server server, DialledServer dialled, OutboundRoute route)
    {
        ProxiedConnection connection = dialled.Connection!;
        BackendLoad? load = route.Load;
        load?.Add();
        try
        {
            server.Connect(dialled.Transport!, connection.ServerHolder, new RequestGate(connection, observer), observer.ObserveRequests(connection.Info), options.ServerIdleTime, route.Requests?.Port.ConnectionLimit);
            connection.Open(new Running(server));
            if (_isEnding) server.Drain(); // nobody is left who would use it
            await server.RunAsync();
            connection.Close();
        }
        catch (Exception exception)
        {
            dialled.Transport!.Reset(ProxyFailure.ProxyFault);
            connection.Fail(ProxyFailure.ProxyFault, exception.Message);
            throw;
        }
        finally
        {
            load?.Release();
            dialled.Lease!.Dispose();
        }
    }

    // As whoever counts and re-authorises connections sees one.
    private sealed class Running(Http2Server server) : IRunningConnection
    {
        public long BytesSent => server.BytesSent;

        public long BytesReceived => server.BytesReceived;

        public ProxyFailure Failure { get; private set; }

        public void Abort(ProxyFailure failure)
        {
            Failure = failure;
            server.Close(failure);
        }
    }

    // Where connections lead, as the last request had it, and those that take requests.
    private sealed class Backend
    {
        internal OutboundRoute Route { get; set; }

        /// <summary>When the last that was to be made did not come about; null: it did.</summary>
        internal long? FailedAt { get; set; }

        internal List<Http2Server> Servers { get; } = [];
    }
}
