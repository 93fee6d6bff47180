using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>The connection of HTTP/2 of one health check, which ends with it. Belongs to its loop's thread.</summary>
/// <param name="checker">Makes it.</param>
/// <param name="client">In whose name.</param>
internal sealed class HealthServers(HealthChecker checker, ProxyConnectionInfo client) : OwnHttp2Servers
{
    /// <summary>The connection for a check.</summary>
    internal Http2Server Find(HealthCall call, in OutboundRoute route)
    {
        Running.Add(call);
        return FindHttp2(route);
    }

    /// <summary>The check is over: waits until the connection is.</summary>
    internal ValueTask EndAsync(HealthCall call)
    {
        Running.Remove(call);
        return EndServersAsync();
    }

    /// <inheritdoc/>
    protected override Http2ServersOfClient MakeServers() => checker.MakeHttp2Servers(this, client);
}
