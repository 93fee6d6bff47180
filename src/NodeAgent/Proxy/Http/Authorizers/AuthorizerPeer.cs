using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>A backend of an authorizer that speaks HTTP/2, as one workload asks it: by one connection for all of that workload's requests on a loop. Belongs to its loop's thread.</summary>
internal sealed class AuthorizerPeer : IHttp2ServerUser
{
    private readonly RequestAuthorizers _owner;
    private readonly HashSet<AuthorizerCall> _running = [];
    private readonly Http2ServersOfClient _servers;

    /// <summary>Makes one.</summary>
    /// <param name="owner">Where it is kept.</param>
    /// <param name="key">By what.</param>
    /// <param name="client">In whose name it is asked.</param>
    internal AuthorizerPeer(RequestAuthorizers owner, in ServerKey key, in ProxyConnectionInfo client)
    {
        (_owner, Key) = (owner, key);
        _servers = owner.MakeHttp2Servers(this, client);
    }

    /// <summary>By what it is kept.</summary>
    internal ServerKey Key { get; }

    /// <inheritdoc/>
    public bool KeepsHeads => true;

    /// <summary>The connection for a question; it is made when there is none.</summary>
    internal Http2Server Find(AuthorizerCall call, in OutboundRoute route)
    {
        _running.Add(call);
        return _servers.Find(route);
    }

    /// <summary>A question is over.</summary>
    internal void OnOver(AuthorizerCall call) => _running.Remove(call);

    /// <inheritdoc/>
    public IEnumerable<IHttp2Request> RequestsOf(Http2Server server) => _running.Where(c => c.Destination == server).ToArray();

    /// <inheritdoc/>
    public void OnNotConnected(Http2Server server, ProxyFailure failure)
    {
        Forget(server);
        server.GiveUpWaiting(call => ((AuthorizerCall)call).OnNotConnected(failure));
    }

    /// <inheritdoc/>
    public void OnServerLeaving(Http2Server server) => OnServerClosed(server);

    /// <inheritdoc/>
    public void OnServerClosed(Http2Server server)
    {
        Forget(server);
        server.GiveUpWaiting(static call => call.Abort(Http2ErrorCode.RefusedStream));
    }

    // The next question makes another.
    private void Forget(Http2Server server)
    {
        _servers.Forget(server);
        _owner.Forget(this);
    }
}
