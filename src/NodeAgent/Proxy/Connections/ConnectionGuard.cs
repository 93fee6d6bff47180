using Culvert.Core;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>
/// Who may connect on one loop, and who may go on. Policy is asked here and nowhere else in the proxy: when a connection or session begins, which registers it at the
/// same time, and again after every change, from then on and until it ends, also while its other end is still being connected. Belongs to its loop's thread, where
/// changes are made known, so that none can come between asking and registering.
/// </summary>
/// <param name="directory">Addresses.</param>
/// <param name="authorizer">Policy.</param>
/// <param name="observer">Hears of every connection.</param>
/// <param name="time">The clock.</param>
internal sealed class ConnectionGuard(IProxyDirectory directory, IProxyAuthorizer authorizer, IProxyObserver observer, TimeProvider time)
{
    private readonly ConnectionSet _connections = new();

    /// <summary>Connections and sessions that are open.</summary>
    internal int OpenCount { get; private set; }

    /// <summary>Asks policy, and registers what it allows.</summary>
    /// <param name="info">What is known; its decision is set.</param>
    /// <param name="client">What is reset when it may not go on before it is open; null for a session of datagrams.</param>
    /// <returns>Null when policy refuses; nothing has been done then.</returns>
    internal ProxiedConnection? TryAdmit(ref ProxyConnectionInfo info, ITransport? client)
    {
        info = info with { Decision = Ask(info, info.DestinationWorkload!) };
        return info.Decision.IsAllowed ? Register(info, client, isAuthorized: true) : null;
    }

    /// <summary>Registers what is authorised elsewhere, by the destination's proxy, or leaves the mesh: it goes on while its client is who it was.</summary>
    /// <param name="info">What is known.</param>
    /// <param name="client">As of <see cref="TryAdmit"/>.</param>
    internal ProxiedConnection RegisterUnchecked(in ProxyConnectionInfo info, ITransport? client) => Register(info, client, isAuthorized: false);

    /// <summary>The mesh has changed: what may not go on ends.</summary>
    internal void Revalidate()
    {
        foreach (ProxiedConnection connection in _connections.ToArray())
        {
            if (!IsStillAllowed(connection)) connection.Abort(ProxyFailure.PolicyChanged);
        }
    }

    /// <summary>Ends all.</summary>
    internal void AbortAll(ProxyFailure failure)
    {
        foreach (ProxiedConnection connection in _connections.ToArray()) connection.Abort(failure);
    }

    internal long OnOpened(ProxiedConnection connection)
    {
        OpenCount++;
        observer.OnOpened(connection.Info);
        return time.GetTimestamp();
    }

    internal void OnClosed(ProxiedConnection connection, IRunningConnection relay, long opened)
    {
        _connections.Remove(connection);
        OpenCount--;
        observer.OnClosed(connection.Info, new ProxyConnectionEnd(relay.BytesSent, relay.BytesReceived, time.GetElapsedTime(opened), relay.Failure));
    }

    internal void OnFailed(ProxiedConnection connection, ProxyFailure failure, string? detail)
    {
        _connections.Remove(connection);
        observer.OnFailed(connection.Info, failure, detail);
    }

    internal void OnWithdrawn(ProxiedConnection connection) => _connections.Remove(connection);

    private ProxiedConnection Register(in ProxyConnectionInfo info, ITransport? client, bool isAuthorized)
    {
        ProxiedConnection connection = new(this, info, client, isAuthorized);
        _connections.Add(connection);
        return connection;
    }

    // On behalf of the workloads that have the addresses now: a connection in the name of one that an address no longer belongs to ends, and of a load balancer that is
    // no longer trusted.
    internal bool IsStillAllowed(ProxiedConnection connection)
    {
        ProxyConnectionInfo info = connection.Info;
        if (info.SourceWorkload is { } source
            && (directory.FindLocalWorkload(info.LoadBalancer ?? info.Source) is not { } now || now.Uid != source.Uid || now.Identity != source.Identity))
        {
            return false;
        }

        return !connection.IsAuthorized
            || (directory.FindLocalWorkload(info.Target) is { } destination
                && destination.Identity == info.DestinationIdentity
                && (info.LoadBalancer is null || LoadBalancerHeader.IsTrusted(info, destination))
                && Ask(info, destination).IsAllowed);
    }

    private Decision Ask(in ProxyConnectionInfo info, WorkloadInfo destination) =>
        authorizer.Authorize(info.SourceIdentity, info.Source, destination, info.Target.Port, info.Protocol);
}
