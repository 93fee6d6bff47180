using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>A backend of an authorizer that speaks HTTP/2, as one workload asks it: by one connection for all of that workload's requests on a loop. Belongs to its loop's thread.</summary>
/// <param name="owner">Where it is kept.</param>
/// <param name="key">By what.</param>
/// <param name="client">In whose name it is asked.</param>
internal sealed class AuthorizerPeer(RequestAuthorizers owner, ServerKey key, ProxyConnectionInfo client) : OwnHttp2Servers
{
    /// <summary>By what it is kept.</summary>
    internal ServerKey Key => key;

    /// <summary>The connection for a question; it is made when there is none.</summary>
    internal Http2Server Find(AskingCall call, in OutboundRoute route)
    {
        Running.Add(call);
        return FindHttp2(route);
    }

    /// <summary>A question is over.</summary>
    internal void OnOver(AskingCall call)
    {
        Running.Remove(call);
        if (Running.Count == 0 && HasNoServers) owner.Forget(this);
    }

    /// <inheritdoc/>
    protected override Http2ServersOfClient MakeServers() => owner.MakeHttp2Servers(this, client);

    /// <inheritdoc/>
    /// <remarks>Where it was the only one, the next question makes another.</remarks>
    protected override void Forget(Http2Server server)
    {
        base.Forget(server);
        if (HasNoServers) owner.Forget(this);
    }
}
