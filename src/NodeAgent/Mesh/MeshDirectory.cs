using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Mesh;

/// <summary>Answers the proxy's questions from the view in force. Lock-free: one volatile reference, replaced whole.</summary>
internal sealed class MeshDirectory(MeshView first) : IProxyDirectory, IProxyAuthorizer
{
    private volatile MeshView _view = first;

    /// <summary>The view in force.</summary>
    internal MeshView View
    {
        get => _view;
        set
        {
            _view = value;
            value.Routes.Adopt();
            RequestAuthenticator.KeepTokensOf(value.Snapshot.RequestAuthentications.Values);
        }
    }

    public WorkloadInfo? FindLocalWorkload(in SocketEndPoint address) => _view.FindLocalWorkload(address);

    public OutboundRoute Resolve(WorkloadInfo? source, in SocketEndPoint sourceAddress, in SocketEndPoint destination, TransportProtocol protocol, SocketEndPoint? drawn = null) =>
        _view.Resolve(source, sourceAddress, destination, protocol, drawn);

    public HttpRouteTable? FindRoutes(WorkloadInfo? source, in SocketEndPoint destination) => _view.FindRoutes(source, destination);

    public OutboundRoute ResolveBackend(WorkloadInfo? source, in SocketEndPoint client, NamespacedName service, ushort port, in RequestTraits traits) => _view.ResolveBackend(source, client, service, port, traits);

    public OutboundRoute ResolveCheck(WorkloadInfo source, BackendRequests asked) => _view.ResolveCheck(source, asked);

    public (WorkloadInfo? Workload, ServiceInfo? Service) WhoIs(in SocketEndPoint destination, TransportProtocol protocol)
    {
        MeshView view = _view;
        return (view.FindWorkload(destination), view.FindService(destination, protocol));
    }

    public bool IsCurrent(WorkloadInfo? source, in OutboundRoute route, in SocketEndPoint destination, TransportProtocol protocol) =>
        _view.IsCurrent(source, route, destination, protocol);

    public ServiceInfo? FindService(in SocketEndPoint address, in SocketEndPoint target, TransportProtocol protocol) => _view.FindService(address, target, protocol);

    public string? FindApplicationProtocol(in SocketEndPoint target, TransportProtocol protocol) => _view.FindApplicationProtocol(target, protocol);

    public ResponseCaching? FindResponseCaching(in SocketEndPoint target) => _view.FindResponseCaching(target);

    public bool IsElsewhere(in SocketEndPoint address, SpiffeId identity)
    {
        MeshView view = _view;
        return view.FindWorkload(address) is { } workload && workload.Identity.Equals(identity) && workload.Node != view.Snapshot.Node;
    }

    public Decision Authorize(SpiffeId? peer, in SocketEndPoint source, WorkloadInfo destination, ushort port, TransportProtocol protocol, bool isRead, out RequestRules? rules)
    {
        MeshView view = _view;
        rules = null;
        // The connection may be older than the snapshot: what counts is the workload as it is now.
        if (!view.Snapshot.Workloads.TryGetValue(destination.Uid, out WorkloadInfo? current) || !current.Enrolled || current.Node != view.Snapshot.Node)
            return new Decision(Verdict.Deny, DecisionReason.NotEnrolled);
        ConnectionRequest request = new()
        {
            SourceIdentity = peer,
            SourceAddress = source.ToIPAddress(),
            SourceWorkload = view.FindWorkload(source),
            Destination = current,
            Port = port,
            Protocol = protocol,
            Authenticated = peer is not null,
            IsRead = isRead,
        };
        Decision decision = PolicyEvaluator.Evaluate(view.Snapshot, request);
        if (isRead && decision.IsAllowed) rules = view.RequestRulesOf(request);
        return decision;
    }

    public Decision AuthorizeEgress(WorkloadInfo source, in SocketEndPoint destination, in SocketEndPoint target, TransportProtocol protocol)
    {
        MeshView view = _view;
        if (!view.Snapshot.Workloads.TryGetValue(source.Uid, out WorkloadInfo? current) || !current.Enrolled || current.Node != view.Snapshot.Node)
            return new Decision(Verdict.Deny, DecisionReason.NotEnrolled);
        return !current.NetworkPolicyNames.IsEmpty && view.Oracle.IsLeftAlone(MeshView.AddressOf(destination), destination.Port)
            ? new Decision(Verdict.Allow, DecisionReason.AllowedByDefault)
            : view.Oracle.MayLeave(current, MeshView.AddressOf(target), target.Port, protocol);
    }
}
