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

    private readonly Dictionary<ServerKey, Backend> _byKey = [];
    private readonly HashSet<Http2Server> _running = [];
    private readonly LoopSignal _ended = new();
    private bool _isEnding;

    /// <summary>The one for a request; it is connected in a moment when there is none yet.</summary>
    /// <param name="route">Where the request goes.</param>
    internal Http2Server Find(in OutboundRoute route)
    {
        ServerKey key = ServerKey.Of(client, route);
        if (!_byKey.TryGetValue(key, out Backend? backend)) _byKey.Add(key, backend = new Backend());
        backend.Route = route;
        return FindRoom(backend, but: null) ?? backend.Servers.MinBy(static s => s.Waiting) ?? Add(backend);
    }

    /// <summary>Gives requests that wait for a connection that is full to others to the same backend, and makes these where there are none yet.</summary>
    internal void Spread(Http2Server full)
    {
        if (BackendOf(full) is { } backend) full.Spread(() => FindRoom(backend, full) ?? (backend.Servers.Count < MostToOne ? Add(backend) : null));
    }

    /// <summary>One has not come about. Where there are others to its backend, what waits for it waits for one of these.</summary>
    /// <returns>False when there are none: it is for the caller to say what becomes of what waits.</returns>
    internal bool TryReplace(Http2Server failed)
    {
        Backend? backend = BackendOf(failed);
        Forget(failed);
        if (backend?.Servers.Where(s => s.IsConnected && !s.IsLeaving).MinBy(s => s.Waiting) is not { } other) return false;
        failed.Spread(() => other);
        return failed.Waiting == 0;
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
        foreach (Http2Server server in _running.ToArray()) server.Close(failure);
    }

    /// <summary>Has all end when the requests that run are over.</summary>
    internal void Drain()
    {
        foreach (Http2Server server in _running.ToArray()) server.Drain();
    }

    /// <summary>Waits until all are over; no more may be made.</summary>
    internal async ValueTask EndAsync()
    {
        _isEnding = true;
        if (_running.Count > 0) await _ended.WaitAsync();
    }

    // Null when there is none that has room.
    private static Http2Server? FindRoom(Backend backend, Http2Server? but)
    {
        int limit = int.MaxValue;
        backend.Servers.RemoveAll(static s => s.IsLeaving);
        foreach (Http2Server known in backend.Servers) limit = known.StreamLimit ?? limit;
        foreach (Http2Server known in backend.Servers)
        {
            if (known != but && known.HasRoom(limit)) return known;
        }

        return null;
    }

    private Http2Server Add(Backend backend)
    {
        Http2Server server = new(user, options, time);
        backend.Servers.Add(server);
        _running.Add(server);
        _ = RunAsync(server, backend.Route);
        return server;
    }

    private Backend? BackendOf(Http2Server server) => _byKey.Values.FirstOrDefault(b => b.Servers.Contains(server));

    private async Task RunAsync(Http2Server server, OutboundRoute route)
    {
        try
        {
            // Those that make it necessary wait for it first.
            await loop.YieldAsync(new LoopSignal());
            DialledServer dialled = await dialer.ConnectAsync(client, route);
            if (dialled.Transport is null) user.OnNotConnected(server, dialled.Failure);
            else await ServeAsync(server, dialled, route.Load);
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            server.Close(ProxyFailure.ProxyFault);
            user.OnNotConnected(server, ProxyFailure.ProxyFault);
        }
        finally
        {
            _running.Remove(server);
            if (_isEnding && _running.Count == 0) _ended.Set(true);
        }
    }

    private async ValueTask ServeAsync(Http2Server server, DialledServer dialled, BackendLoad? load)
    {
        ProxiedConnection connection = dialled.Connection!;
        load?.Add();
        try
        {
            server.Connect(dialled.Transport!, connection.ServerHolder, new RequestGate(connection, observer), observer.ObserveRequests(connection.Info), options.ServerIdleTime);
            connection.Open(new Running(server));
            if (_isEnding) server.Drain(); // its client has gone meanwhile
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

        internal List<Http2Server> Servers { get; } = [];
    }
}
