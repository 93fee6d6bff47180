using Culvert.NodeAgent.Proxy.ProxyProtocol;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <summary>One connection from opened to closed: counts, reports, and can be authorised again. Belongs to its loop's thread.</summary>
internal sealed class ProxiedConnection
{
    private readonly ProxyContext _context;
    private readonly IConnectionRelay _relay;
    private readonly ProxyConnectionInfo _info;
    private readonly bool _authorized;
    private readonly long _opened;

    private ProxiedConnection(ProxyContext context, IConnectionRelay relay, in ProxyConnectionInfo info, bool authorized)
    {
        _context = context;
        _relay = relay;
        _info = info;
        _authorized = authorized;
        _opened = context.Time.GetTimestamp();
    }

    internal ProxiedConnection? Next { get; set; }

    internal ProxiedConnection? Previous { get; set; }

    /// <summary>
    /// Reports a connection as opened and keeps it until <see cref="Close"/>. What it was authorised by may have changed while it was being made, so
    /// it is revalidated: the relay may have been aborted when this returns.
    /// </summary>
    /// <param name="context">The loop's context.</param>
    /// <param name="relay">What carries its bytes.</param>
    /// <param name="info">What is known of it.</param>
    /// <param name="authorized">Whether policy was asked here, so that it has to be asked again when it changes.</param>
    internal static ProxiedConnection Open(ProxyContext context, IConnectionRelay relay, in ProxyConnectionInfo info, bool authorized)
    {
        ProxiedConnection connection = new(context, relay, info, authorized);
        context.Connections.Add(connection);
        context.Seams.Observer.OnOpened(info);
        connection.Reauthorize();
        return connection;
    }

    /// <summary>Reports it as closed.</summary>
    internal void Close()
    {
        _context.Connections.Remove(this);
        ProxyConnectionEnd end = new(_relay.BytesSent, _relay.BytesReceived, _context.Time.GetElapsedTime(_opened), _relay.Failure);
        _context.Seams.Observer.OnClosed(_info, end);
    }

    /// <summary>
    /// Asks policy again, on behalf of the workload that has the address now, and resets what is no longer allowed. So it does with a connection
    /// in the name of a workload that the address no longer belongs to, and of a load balancer that is no longer trusted.
    /// </summary>
    internal void Reauthorize()
    {
        if (!IsSourceUnchanged() || (_authorized && !IsAllowed())) _relay.Abort(ProxyFailure.PolicyChanged);
    }

    private bool IsSourceUnchanged() =>
        _info.SourceWorkload is not { } source
        || (_context.Seams.Directory.FindLocalWorkload(_info.LoadBalancer ?? _info.Source) is { } now && now.Uid == source.Uid && now.Identity == source.Identity);

    private bool IsAllowed() =>
        _context.Seams.Directory.FindLocalWorkload(_info.Target) is { } destination
        && destination.Identity == _info.DestinationIdentity
        && (_info.LoadBalancer is null || LoadBalancerHeader.IsTrusted(_info, destination))
        && _context.Seams.Authorizer.Authorize(_info.SourceIdentity, _info.Source, destination, _info.Target.Port, _info.Protocol).IsAllowed;

    /// <summary>Resets it.</summary>
    internal void Abort(ProxyFailure failure) => _relay.Abort(failure);
}
