using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Reasons;
using Grpc.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>
/// Says which path a connection would take and which rule would decide, from the snapshot in force. Pure: asks the same oracle that kernel
/// and proxy are compiled from and tested against.
/// </summary>
internal static class Explainer
{
    private const int MostBackendsTold = 5;

    /// <summary>Explains a connection; one to a Service by its first backend, and says of which others something else holds.</summary>
    /// <param name="oracle">Knows the paths.</param>
    /// <param name="request">The connection.</param>
    /// <exception cref="RpcException">The request makes no sense, or names what is not there.</exception>
    internal static Wire.ExplainResponse Explain(PathOracle oracle, Wire.ExplainRequest request)
    {
        SnapshotIndex index = oracle.World;
        TransportProtocol protocol = ProtocolOf(request);
        ushort port = PortOf(request);
        (IPAddress sourceAddress, WorkloadInfo? source) = FindSource(index, request);
        (IPAddress? asked, ServiceInfo? named) = FindDestination(index, request.Destination, sourceAddress);
        Question question = new(sourceAddress, source, named, protocol);
        Wire.ExplainResponse answer = question.Begin();
        bool excluded = asked is not null && oracle.IsLeftAlone(IpPrefix.Host(asked), port);
        if (named is null || excluded) return ExplainTo(oracle, question, asked!, port, service: null, excluded, answer);
        if (source is { Enrolled: true } && RouteExplainer.TryExplain(oracle, source, named, port, protocol, answer))
        {
            question.SetEnds(answer, asked ?? sourceAddress, port, destination: null);
            return answer;
        }

        (ServicePort? addressed, ServiceBackend[] backends, string? refusal) = Choose(named, asked, port, protocol, answer);
        if (refusal is not null)
        {
            question.SetEnds(answer, asked!, port, destination: null);
            return Refuse(answer, source, refusal);
        }

        ToBackend(backends[0], answer);
        AddOthers(answer, [.. backends.Skip(1).Select(b => ToBackend(b, question.Begin()))]);
        return answer;

        Wire.ExplainResponse ToBackend(ServiceBackend backend, Wire.ExplainResponse to) =>
            ExplainTo(oracle, question, backend.Address, backend.Port, addressed, asked is null && oracle.IsLeftAlone(IpPrefix.Host(backend.Address), backend.Port), to);
    }

    /// <summary>The port that is asked for.</summary>
    /// <exception cref="RpcException">It is none.</exception>
    internal static ushort PortOf(Wire.ExplainRequest request) =>
        request.Port is 0 or > 65535 ? throw new RpcException(new Status(StatusCode.InvalidArgument, $"port {request.Port} is not between 1 and 65535")) : (ushort)request.Port;

    /// <summary>The protocol that is asked for.</summary>
    internal static TransportProtocol ProtocolOf(Wire.ExplainRequest request) => request.Protocol == Wire.TransportProtocol.Udp ? TransportProtocol.Udp : TransportProtocol.Tcp;

    /// <summary>Says of which other backends of a Service something else holds.</summary>
    /// <param name="answer">What holds for the first.</param>
    /// <param name="backends">What holds for each of the others.</param>
    internal static void AddOthers(Wire.ExplainResponse answer, IReadOnlyCollection<Wire.ExplainResponse> backends)
    {
        Wire.ExplainResponse[] others = [.. backends.Where(o => (o.Verdict, o.Reason, o.Path) != (answer.Verdict, answer.Reason, answer.Path))];
        foreach (Wire.ExplainResponse other in others.Take(MostBackendsTold))
        {
            string why = other.Verdict == Wire.Verdict.Unspecified ? $"decided by node {other.DecidedByNode}" : $"{(other.Verdict == Wire.Verdict.Allow ? "allowed" : "denied")}, {other.Reason}";
            IPEndPoint at = new(new IPAddress(other.Destination.Address.Span), (int)other.Destination.Port);
            answer.Steps.Add($"not so for its backend {at}: {why}, path {other.Path.ToString().ToLowerInvariant()}");
        }

        if (others.Length > MostBackendsTold) answer.Steps.Add($"nor for {others.Length - MostBackendsTold} more of its {backends.Count + 1} backends");
    }

    /// <summary>Explains a connection to an address that is no Service's, or to a backend of the Service port that was addressed.</summary>
    private static Wire.ExplainResponse ExplainTo(PathOracle oracle, Question question, IPAddress address, ushort targetPort, ServicePort? service, bool excluded, Wire.ExplainResponse answer)
    {
        (IPAddress sourceAddress, WorkloadInfo? source, _, TransportProtocol protocol) = question;
        NodeSnapshot snapshot = oracle.World.Snapshot;
        WorkloadInfo? destination = oracle.World.FindWorkload(address);
        question.SetEnds(answer, address, targetPort, destination);
        if (excluded) return PassExcluded(answer, address, targetPort);
        ConnectionPath path = oracle.To(new PathRequest(source, IpPrefix.Host(address), targetPort, protocol) { Service = service });
        if (path.Reason == PathReason.Excluded) return PassExcluded(answer, address, targetPort);
        if (path.Kind != PathKind.Drop && source is { Enrolled: true } && !MayLeave(oracle, source, address, targetPort, protocol, answer)) return answer;
        switch (path)
        {
            case { Destination: not { Enrolled: true } }:
                return Pass(answer, "not-enrolled", $"{address} is not in the mesh: forwarded as it is");
            case { Kind: PathKind.Pass, Reason: PathReason.OpenPort }:
                return Pass(answer, "excluded", $"an annotation of {path.Destination!.Uid} leaves port {targetPort} alone: not captured, no policy of its own");
            case { Kind: PathKind.Pass, Reason: PathReason.Itself }:
                return Pass(answer, "itself", $"{address} is the source's own: not captured, no policy");
            case { Kind: PathKind.Drop }:
                answer.Steps.Add($"port {targetPort} of a workload is for tunnels between proxies");
                return Refuse(answer, source, ReasonText.Of(path.Reason));
        }
        destination = path.Destination!;
        bool authenticated = source is { Enrolled: true };
        answer.Path = !authenticated ? Wire.FlowPath.Passthrough : path.Kind switch
        {
            PathKind.Tunnel => Wire.FlowPath.Tunnel,
            PathKind.Proxy => Wire.FlowPath.Proxy,
            _ => Wire.FlowPath.Direct,
        };
        answer.Steps.Add(PathStep(source, destination, answer.Path, protocol) + (path.Reason == PathReason.Requests ? ", which reads its requests: policy asks about them" : ""));
        ProxyProtocolExplainer.AddSteps(answer, destination, targetPort, protocol);
        if (destination.Node != snapshot.Node) return LeaveTo(destination, answer);
        if (path.Kind == PathKind.Proxy && source is { Enrolled: false } && source.Node == snapshot.Node)
        {
            answer.Steps.Add($"the port is behind the proxy, which takes what comes from outside the node, and from workloads of the mesh: {source.Uid} is neither");
            return Refuse(answer, source, "proxy-required");
        }
        if (source is null && oracle.IsNodeAddress(sourceAddress))
            return Pass(answer, "node", $"{sourceAddress} is the node's own: its own processes reach its workloads (probes), no policy");
        if (ProxyProtocolExplainer.Refuses(answer, sourceAddress, destination, targetPort, protocol)) return answer;
        Decide(snapshot, new ConnectionRequest
        {
            SourceIdentity = source?.Identity,
            SourceAddress = sourceAddress,
            SourceWorkload = source,
            Destination = destination,
            Port = targetPort,
            Protocol = protocol,
            Authenticated = authenticated,
            IsRead = destination.HttpAt(targetPort, protocol) != HttpKind.None,
        }, answer);
        if (!authenticated) TunnelExplainer.AddHint(answer, snapshot, destination, targetPort, protocol);
        return answer;
    }

    /// <summary>Leaves the decision to the node that a workload runs on.</summary>
    internal static Wire.ExplainResponse LeaveTo(WorkloadInfo destination, Wire.ExplainResponse answer)
    {
        answer.DecidedByNode = destination.Node;
        answer.Verdict = Wire.Verdict.Unspecified;
        answer.Steps.Add($"policy is decided where {destination.Uid} runs: ask the agent of node {destination.Node}");
        return answer;
    }

    private static Wire.ExplainResponse PassExcluded(Wire.ExplainResponse answer, IPAddress address, ushort port) =>
        Pass(answer, "excluded", $"{address}:{port} is excluded by MeshConfig: not captured, no policy");

    private static Wire.ExplainResponse Pass(Wire.ExplainResponse answer, string reason, string step)
    {
        answer.Steps.Add(step);
        answer.Reason = reason;
        return answer;
    }

    private static Wire.ExplainResponse Refuse(Wire.ExplainResponse answer, WorkloadInfo? source, string reason)
    {
        (answer.Verdict, answer.Reason, answer.Path) = (Wire.Verdict.Deny, reason, source is { Enrolled: true } ? Wire.FlowPath.Direct : Wire.FlowPath.Passthrough);
        return answer;
    }

    private static string PathStep(WorkloadInfo? source, WorkloadInfo destination, Wire.FlowPath path, TransportProtocol protocol) => path switch
    {
        Wire.FlowPath.Passthrough => $"the source is not enrolled: plaintext to {destination.Uid}, whose mTLS mode is {destination.MtlsMode.ToString().ToLowerInvariant()}",
        Wire.FlowPath.Proxy => $"both ends are on node {destination.Node}: by that node's proxy",
        Wire.FlowPath.Direct => $"both ends are on node {destination.Node}: in the kernel, straight to the pod or, where `culvert status` says so, by the node's own forwarding",
        _ => $"{(source!.Node == destination.Node ? $"both ends are on node {source.Node}, one is captured inside its network namespace" : $"from node {source.Node} to node {destination.Node}")}"
            + $": mutual TLS tunnel{(protocol == TransportProtocol.Udp ? ", a datagram a capsule" : "")}, {source.Identity} to {destination.Identity}",
    };

    /// <summary>Whether NetworkPolicies let a connection out of a workload of this node; of those of others nothing is known here.</summary>
    private static bool MayLeave(PathOracle oracle, WorkloadInfo source, IPAddress address, ushort port, TransportProtocol protocol, Wire.ExplainResponse answer)
    {
        NodeSnapshot snapshot = oracle.World.Snapshot;
        if (source.Node != snapshot.Node)
        {
            answer.Steps.Add($"whether NetworkPolicies let it out is decided where {source.Uid} runs: ask the agent of node {source.Node}");
            return true;
        }
        Decision decision = oracle.MayLeave(source, IpPrefix.Host(address), port, protocol);
        AddAudits(answer, decision, snapshot, $"isolates what leaves {source.Uid}");
        if (decision.Policy is not { } policy) return true;
        Wire.RuleReference rule = FlowMapping.Rule(policy, decision.RuleIndex, snapshot);
        answer.Steps.Add(decision.IsAllowed
            ? $"let out by {policy} egress rule {decision.RuleIndex} ({rule.SourceReference})"
            : $"denied: {policy} ({rule.SourceReference}) isolates what leaves {source.Uid}, and no NetworkPolicy allows this");
        if (decision.IsAllowed) return true;
        (answer.Verdict, answer.Reason, answer.Rule, answer.Path) = (Wire.Verdict.Deny, ReasonText.Of(decision.Reason), rule, Wire.FlowPath.Direct);
        return false;
    }

    /// <summary>Says what policy decides about a connection that comes in at a workload of this node.</summary>
    /// <returns>The decision.</returns>
    internal static Decision Decide(NodeSnapshot snapshot, in ConnectionRequest request, Wire.ExplainResponse answer)
    {
        WorkloadInfo destination = request.Destination;
        if (PolicyEvaluator.FindNetworkPolicy(snapshot, request) is var (letIn, index))
            answer.Steps.Add($"let in by {letIn} ingress rule {index} ({FlowMapping.Rule(letIn, index, snapshot).SourceReference})");
        Decision decision = PolicyEvaluator.Evaluate(snapshot, request);
        answer.Verdict = decision.IsAllowed ? Wire.Verdict.Allow : Wire.Verdict.Deny;
        answer.Reason = ReasonText.Of(decision.Reason);
        if (decision.Policy is { } policy)
        {
            answer.Rule = FlowMapping.Rule(policy, decision.RuleIndex, snapshot);
            answer.Steps.Add(policy.Kind == PolicyKind.NetworkPolicy
                ? $"denied: {policy} ({answer.Rule.SourceReference}) isolates what comes in to {destination.Uid}, and no NetworkPolicy allows this"
                : $"{(decision.IsAllowed ? "allowed" : "denied")} by policy {policy}{(decision.RuleIndex >= 0 ? $" rule {decision.RuleIndex}" : "")} ({answer.Rule.SourceReference})");
        }
        else
        {
            string policies = destination.PolicyNames.Count == 0 ? "no policy selects the destination" : $"policies that select it: {string.Join(", ", destination.PolicyNames)}";
            answer.Steps.Add($"{(decision.IsAllowed ? "allowed" : "denied")}: {answer.Reason}; {policies}");
        }
        AddAudits(answer, decision, snapshot, $"isolates what comes in to {destination.Uid}");
        RequestExplainer.AddSteps(answer, snapshot, request, decision);
        return decision;
    }

    private static void AddAudits(Wire.ExplainResponse answer, Decision decision, NodeSnapshot snapshot, string isolates)
    {
        foreach (PolicyReference policy in decision.AuditPolicies)
        {
            answer.AuditPolicies.Add(policy.ToString());
            if (policy.Kind == PolicyKind.NetworkPolicy) answer.Steps.Add($"denied were NetworkPolicies enforced: {policy} ({FlowMapping.Rule(policy, -1, snapshot).SourceReference}) {isolates}, and no NetworkPolicy allows this");
        }
    }

    /// <summary>Of a workload with addresses of both families, the one that speaks to the destination.</summary>
    private static (IPAddress Address, WorkloadInfo? Workload) FindSource(SnapshotIndex index, Wire.ExplainRequest request)
    {
        (IPAddress address, WorkloadInfo? workload) = FindEnd(index, request.Source, "source");
        if (!IpPrefix.TryParseAddress(request.Destination, out IPAddress? destination) || destination.AddressFamily == address.AddressFamily) return (address, workload);
        if (IpPrefix.TryParseAddress(request.Source, out _))
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"source {address} and destination {destination} are not of one family"));
        return (workload!.Addresses.FirstOrDefault(a => a.AddressFamily == destination.AddressFamily) ?? address, workload);
    }

    /// <summary>The address, or that of the workload, that a text names.</summary>
    /// <exception cref="RpcException">There is none.</exception>
    internal static (IPAddress Address, WorkloadInfo? Workload) FindEnd(SnapshotIndex index, string text, string what)
    {
        if (IpPrefix.TryParseAddress(text, out IPAddress? address)) return (address, index.FindWorkload(address));
        WorkloadInfo? workload = FindWorkload(index.Snapshot, text);
        if (workload is null) throw new RpcException(new Status(StatusCode.NotFound, $"{what} '{text}' is no address and no workload (uid or namespace/name), nor {(what == "destination" ? "a Service" : "a SPIFFE ID")}"));
        if (workload.Addresses.IsEmpty) throw new RpcException(new Status(StatusCode.FailedPrecondition, $"workload {workload.Uid} has no address"));
        return (workload.Addresses[0], workload);
    }

    private static WorkloadInfo? FindWorkload(NodeSnapshot snapshot, string text) =>
        snapshot.Workloads.TryGetValue(text, out WorkloadInfo? byUid) ? byUid
        : NamespacedName.TryParse(text, out NamespacedName name) ? snapshot.Workloads.Values.FirstOrDefault(w => w.Name == name) : null;

    /// <summary>The address that is asked for, and the Service it belongs to. A headless Service has no address: its clients ask for those of its workloads.</summary>
    private static (IPAddress? Address, ServiceInfo? Service) FindDestination(SnapshotIndex index, string text, IPAddress source)
    {
        if (NamespacedName.TryParse(text, out NamespacedName name) && index.Snapshot.Services.TryGetValue(name, out ServiceInfo? service))
            return (service.Vips.FirstOrDefault(v => v.AddressFamily == source.AddressFamily) ?? (service.Vips.IsEmpty ? null : service.Vips[0]), service);
        return IpPrefix.TryParseAddress(text, out IPAddress? vip) && index.FindService(vip) is { } owner ? (vip, owner) : (FindEnd(index, text, "destination").Address, null);
    }

    /// <summary>Where a Service leads, or the reason for which the kernel refuses its address <paramref name="vip"/>.</summary>
    /// <exception cref="RpcException">It leads nowhere, and is asked for without an address.</exception>
    internal static (ServicePort? Addressed, ServiceBackend[] Backends, string? Refusal) Choose(ServiceInfo service, IPAddress? vip, ushort port, TransportProtocol protocol, Wire.ExplainResponse answer)
    {
        ServicePort? servicePort = service.Ports.FirstOrDefault(p => p.Port == port && p.Protocol == protocol);
        ServiceBackend[] live = servicePort is null ? [] : [.. servicePort.Backends.Where(b => b.Weight > 0 && (vip is null || b.Address.AddressFamily == vip.AddressFamily))];
        Addressee addressed = new(servicePort is null ? AddresseeKind.UnknownServicePort : AddresseeKind.ServicePort, service, servicePort);
        if (PathOracle.Refusal(addressed, hasBackend: live.Length > 0) is { } refusal) return Refuse(refusal.Reason);
        answer.Steps.Add($"service {service.Name} port {port} leads to {string.Join(", ", live.Select(b => $"{b.Address}:{b.Port} (weight {b.Weight})"))}{ChosenBy(servicePort!.LoadBalancing)}; the first is shown");

        // Clients of a headless Service ask for its workloads' addresses themselves.
        return (vip is null ? null : servicePort, live, null);

        (ServicePort?, ServiceBackend[], string?) Refuse(PathReason reason)
        {
            string ports = service.Ports.IsEmpty ? "none" : string.Join(", ", service.Ports.Select(p => $"{p.Port}/{Name(p.Protocol)}"));
            (StatusCode headless, string words) = reason == PathReason.NoServicePort
                ? (StatusCode.NotFound, $"service {service.Name} has no {Name(protocol)} port {port}; it has {ports}")
                : (StatusCode.FailedPrecondition, $"service {service.Name} port {port} has no backend{(vip is null ? "" : $" for {vip}")}{(service.IsNodeLocal ? " on this node, and its internalTrafficPolicy is Local" : "")}");
            if (vip is null) throw new RpcException(new Status(headless, words));
            answer.Steps.Add(words);
            return (null, [], ReasonText.Of(reason));
        }
    }

    private static string Name(TransportProtocol protocol) => protocol.ToString().ToLowerInvariant();

    private static string ChosenBy(LoadBalancing mode) => mode switch
    {
        LoadBalancing.RoundRobin => ", they take turns",
        LoadBalancing.LeastConnections => ", the one with the fewest connections is taken",
        LoadBalancing.SourceHash => ", each client always goes to the same one",
        LoadBalancing.Random => "",
        _ => throw new InvalidOperationException($"there are no words for {mode}"),
    };

    /// <summary>What is asked for, but for the address that it goes to.</summary>
    private readonly record struct Question(IPAddress SourceAddress, WorkloadInfo? Source, ServiceInfo? Named, TransportProtocol Protocol)
    {
        public Wire.ExplainResponse Begin()
        {
            Wire.ExplainResponse answer = new() { Verdict = Wire.Verdict.Allow, Path = Wire.FlowPath.Passthrough };
            answer.Steps.Add(Source is null ? $"{SourceAddress} is no workload of the mesh: it has no identity" : $"{Source.Uid} on node {Source.Node} is {Source.Identity}");
            return answer;
        }

        public void SetEnds(Wire.ExplainResponse answer, IPAddress address, ushort port, WorkloadInfo? destination)
        {
            answer.Source = FlowMapping.Endpoint(new IPEndPoint(SourceAddress, 0), Source, Source?.Identity.ToString(), null);
            answer.Destination = FlowMapping.Endpoint(new IPEndPoint(address, port), destination, destination?.Identity.ToString(), Named?.Name);
        }
    }
}
