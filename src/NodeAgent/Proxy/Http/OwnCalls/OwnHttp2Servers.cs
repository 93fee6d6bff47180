using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.OwnCalls;

/// <summary>Requests of the proxy's own that run, and the connections of HTTP/2 that they go by. Belongs to its loop's thread.</summary>
internal abstract class OwnHttp2Servers : IHttp2ServerUser
{
    private HashSet<OwnCall>? _running;
    private Http2ServersOfClient? _servers;

    /// <inheritdoc/>
    public bool KeepsHeads => true;

    /// <summary>The requests that run.</summary>
    protected HashSet<OwnCall> Running => _running ??= [];

    /// <summary>Whether there is no connection that takes requests, nor one being made.</summary>
    protected bool HasNoServers => _servers is not { IsEmpty: false };

    /// <summary>The connection to a server; it is made when there is none yet.</summary>
    /// <param name="route">Where to.</param>
    internal Http2Server FindHttp2(in OutboundRoute route) => (_servers ??= MakeServers()).Find(route);

    /// <inheritdoc/>
    public IEnumerable<IHttp2Request> RequestsOf(Http2Server server) => Running.Where(c => c.Destination == server).ToArray();

    /// <inheritdoc/>
    public void OnServerLimit(Http2Server server)
    {
        // Nobody but the proxy asks by it.
    }

    /// <inheritdoc/>
    public void OnServerFull(Http2Server server) => _servers!.Widen(server);

    /// <inheritdoc/>
    public void OnNotConnected(Http2Server server, ProxyFailure failure)
    {
        Forget(server);
        if (server.TryReplace()) return;
        server.GiveUpWaiting(call => ((OwnCall)call).OnNotConnected(failure));
    }

    /// <inheritdoc/>
    public void OnServerLeaving(Http2Server server) => OnServerClosed(server);

    /// <inheritdoc/>
    public void OnServerClosed(Http2Server server)
    {
        Forget(server);
        server.GiveUpWaiting(static call => call.Abort(Http2ErrorCode.RefusedStream));
    }

    /// <summary>Makes what connections are made by.</summary>
    protected abstract Http2ServersOfClient MakeServers();

    /// <summary>A connection takes no more requests.</summary>
    protected virtual void Forget(Http2Server server) => _servers!.Forget(server);

    /// <summary>Has connections end, and waits until they have; those that are being made, too.</summary>
    protected async ValueTask EndServersAsync()
    {
        if (_servers is not { } servers) return;
        servers.Drain();
        await servers.EndAsync();
    }

    /// <summary>Has connections end, where no request runs.</summary>
    protected void EndServers()
    {
        if (Running.Count == 0) _servers?.Drain();
    }
}
