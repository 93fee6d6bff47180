using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;
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

    /// <summary>The clock.</summary>
    internal TimeProvider Time => time;

    /// <summary>Asks external authorizers about requests; set once, before there are any. They are asked by connections that this guard admits, too.</summary>
    internal IRequestAuthorizers? Authorizers { get; set; }

    /// <summary>Where responses are kept; set once, before there are any. Null: nowhere.</summary>
    internal ResponseStore? Responses { get; set; }

    /// <summary>Connections and sessions that are open.</summary>
    internal int OpenCount { get; private set; }

    /// <summary>Asks policy, and whether the load balancer is still trusted whose header names the client; registers what is allowed.</summary>
    /// <param name="info">What is known; its decision is set, and the error of a header that is not believed any more.</param>
    /// <param name="client">What is reset when it may not go on before it is open; null for a session of datagrams.</param>
    /// <param name="isDestinationHere">
    /// Whether it is decided here whether it may come in at its destination. What the destination's proxy decides, or what leaves the mesh, must only be allowed out of its source.
    /// </param>
    /// <param name="refusal">Why null is returned.</param>
    /// <returns>Null when it is refused; nothing has been done then.</returns>
    internal ProxiedConnection? TryAdmit(ref ProxyConnectionInfo info, ITransport? client, bool isDestinationHere, out ProxyFailure refusal)
    {
        if (isDestinationHere && info.LoadBalancer is not null && !LoadBalancerHeader.IsTrusted(info, directory.FindLocalWorkload(info.Target)))
        {
            info = info with { HeaderError = ProxyProtocolError.Untrusted };
            refusal = ProxyFailure.ProxyProtocol;
            return null;
        }

        info = info with { Decision = Ask(info, info.SourceWorkload, isDestinationHere ? info.DestinationWorkload : null, out RequestRules? rules) };
        refusal = info.Decision.IsAllowed ? ProxyFailure.None : ProxyFailure.PolicyDenied;
        if (!info.Decision.IsAllowed) return null;
        ProxiedConnection connection = new(this, info, client, isDestinationHere) { RequestRules = rules, Responses = isDestinationHere ? CacheOf(info, info.DestinationWorkload) : null };
        _connections.Add(connection);
        return connection;
    }

    /// <summary>The mesh has changed: what may not go on ends.</summary>
    internal void Revalidate()
    {
        foreach (ProxiedConnection connection in _connections.ToArray())
        {
            if (!IsStillAllowed(connection)) connection.Abort(ProxyFailure.PolicyChanged);
        }
    }

    /// <summary>Ends what some workloads of this node have opened.</summary>
    /// <param name="uids">Which.</param>
    internal void AbortOf(IReadOnlySet<string> uids)
    {
        foreach (ProxiedConnection connection in _connections.ToArray())
        {
            if (connection.Info.SourceWorkload is { } source && uids.Contains(source.Uid) && connection.Info.Direction == ProxyDirection.Outbound) connection.Abort(ProxyFailure.PolicyChanged);
        }
    }

    /// <summary>Ends those that have a socket in a space, which has been given up.</summary>
    internal void AbortOf(PodSpace space)
    {
        foreach (ProxiedConnection connection in _connections.ToArray())
        {
            if (connection.Info.SourceSpace == space || connection.Info.DestinationSpace == space) connection.Abort(ProxyFailure.RouteChanged);
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
        if (IsReported(connection)) observer.OnOpened(connection.Info);
        return time.GetTimestamp();
    }

    internal void OnClosed(ProxiedConnection connection, IRunningConnection relay, long opened)
    {
        _connections.Remove(connection);
        OpenCount--;
        if (IsReported(connection)) observer.OnClosed(connection.Info, new ProxyConnectionEnd(relay.BytesSent, relay.BytesReceived, time.GetElapsedTime(opened), relay.Failure));
    }

    // Of one whose requests are routed those are told of that they go by: bytes would count twice.
    private static bool IsReported(ProxiedConnection connection) => connection.Info.Route != OutboundRouteKind.Routed;

    internal void OnFailed(ProxiedConnection connection, ProxyFailure failure, string? detail)
    {
        _connections.Remove(connection);
        observer.OnFailed(connection.Info, failure, detail);
    }

    internal void OnWithdrawn(ProxiedConnection connection) => _connections.Remove(connection);

    // On behalf of the workloads that have the addresses now: a connection in the name of one that an address no longer belongs to ends, and of a load balancer that is
    // no longer trusted.
    internal bool IsStillAllowed(ProxiedConnection connection)
    {
        ProxyConnectionInfo info = connection.Info;
        WorkloadInfo? source = info.SourceWorkload is null ? null : directory.FindLocalWorkload(info.LoadBalancer ?? info.Source);
        if (info.SourceWorkload is { } before && (source is null || source.Uid != before.Uid || source.Identity != before.Identity)) return false;
        if (info.IsClientNamedByPeer && !IsStillNamed(info)) return false;
        if (!connection.IsDestinationHere) return Allows(connection, Ask(info, source, destination: null, out _));
        if (directory.FindLocalWorkload(info.Target) is not { } destination || destination.Identity != info.DestinationIdentity) return false;
        if (info.LoadBalancer is not null && !LoadBalancerHeader.IsTrusted(info, destination)) return false;
        if (!Allows(connection, Ask(info, source, destination, out RequestRules? rules))) return false;
        Apply(connection, rules);
        connection.Responses = CacheOf(info, destination);
        return true;
    }

    // They are kept where it is decided who may have them.
    private ResponseCache? CacheOf(in ProxyConnectionInfo info, WorkloadInfo? destination) =>
        Responses is { } store && destination is not null && info.Http != HttpKind.None && directory.FindResponseCaching(info.Target) is { } settings ? new ResponseCache(store, store.OwnerOf(destination.Uid, info.Target), settings) : null;

    // This proxy speaks for this node's addresses, others for those of other nodes.
    private bool IsStillNamed(in ProxyConnectionInfo info)
    {
        SocketEndPoint client = info.LoadBalancer ?? info.Source;
        return info.IsPeerThisProxy ? directory.FindLocalWorkload(client)?.Identity == info.SourceIdentity : directory.IsElsewhere(client, info.SourceIdentity!);
    }

    // What ends a connection is what is told of it, not what has once allowed it.
    private static bool Allows(ProxiedConnection connection, in Decision decision)
    {
        if (!decision.IsAllowed) connection.Decide(decision);
        return decision.IsAllowed;
    }

    // Requests that run may not be allowed any more, though their connection is. Most changes are about something else.
    private static void Apply(ProxiedConnection connection, RequestRules? rules)
    {
        bool areSame = Equals(connection.RequestRules, rules);
        connection.RequestRules = rules; // they may say the same by other keys
        if (!areSame) connection.RulesChanged?.Invoke();
    }

    // Out of a source here, and in at a destination here.
    private Decision Ask(in ProxyConnectionInfo info, WorkloadInfo? source, WorkloadInfo? destination, out RequestRules? rules)
    {
        rules = null;
        if (info.Route == OutboundRouteKind.Routed) return new Decision(Verdict.Allow, DecisionReason.None); // each connection that its requests go by is asked about
        Decision leaves = source is null ? new Decision(Verdict.Allow, DecisionReason.None) : authorizer.AuthorizeEgress(source, info.Destination, info.Target, info.Protocol);
        if (destination is null || !leaves.IsAllowed) return leaves;
        Decision comesIn = authorizer.Authorize(info.SourceIdentity, info.Source, destination, info.Target.Port, info.Protocol, isRead: info.Http != HttpKind.None, out rules);
        return leaves.AuditPolicies.IsEmpty ? comesIn : comesIn with { AuditPolicies = [.. leaves.AuditPolicies, .. comesIn.AuditPolicies] };
    }
}
